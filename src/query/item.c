/*
 * item.c
 *	  The arguments that steps have in common: names, columns, items of a list.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "query/refine.h"

/*
 * text_array_arg
 *		The elements of an array of texts, char *; an error for a null one.
 */
List *
text_array_arg(const char *argument, ArrayType *array)
{
	List	   *result = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not contain nulls", argument)));
		result = lappend(result, TextDatumGetCString(elements[i]));
	}
	return result;
}

/*
 * required_text_arg
 *		A text argument; an error when it is null.
 */
char *
required_text_arg(FunctionCallInfo fcinfo, int number, const char *argument)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", argument)));
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/*
 * required_array_arg
 *		An array argument; an error when it is null, as VARIADIC NULL makes it.
 */
ArrayType *
required_array_arg(FunctionCallInfo fcinfo, int number, const char *argument)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", argument)));
	return PG_GETARG_ARRAYTYPE_P(number);
}

/*
 * new_name_arg
 *		A name that the user gives to something, as it is.
 */
char *
new_name_arg(FunctionCallInfo fcinfo, int number, const char *argument)
{
	char	   *name = required_text_arg(fcinfo, number, argument);

	if (*name == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("argument \"%s\" must not be empty", argument)));
	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("argument \"%s\" is too long for a name: \"%s\"", argument, name),
				 errdetail("Names have at most %d bytes.", NAMEDATALEN - 1)));
	return name;
}

/*
 * stored_name
 *		A name, quoted where it must be, as stored text.
 */
const char *
stored_name(const char *name)
{
	return query_name(quote_identifier(name));
}

/*
 * bare_name
 *		The name, if the expression is just a name; else NULL.
 */
const char *
bare_name(Node *tree)
{
	if (!IsA(tree, ColumnRef) || list_length(((ColumnRef *) tree)->fields) != 1 ||
		!IsA(linitial(((ColumnRef *) tree)->fields), String))
		return NULL;
	return strVal(linitial(((ColumnRef *) tree)->fields));
}

/*
 * refuse_star
 *		An expression that gives one column has no star at its end: alias.* and (value).* are several.
 */
void
refuse_star(Node *tree, const char *argument, const char *text)
{
	if ((IsA(tree, ColumnRef) && IsA(llast(((ColumnRef *) tree)->fields), A_Star)) ||
		(IsA(tree, A_Indirection) && IsA(llast(((A_Indirection *) tree)->indirection), A_Star)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must give one column, not those of \"%s\"", argument, text)));
}

/* Is it column, or alias.column? */
static bool
is_column(Node *tree)
{
	return IsA(tree, ColumnRef) && list_length(((ColumnRef *) tree)->fields) <= 2 &&
		!IsA(llast(((ColumnRef *) tree)->fields), A_Star);
}

/*
 * column_item
 *		Read a column's name, or alias.column, as in SQL.
 */
QueryExpression
column_item(MoreQuery *query, const char *argument, const char *text)
{
	QueryExpression result;
	const char *alias;

	(void) strip_alias(text, &alias);
	if (alias)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" takes columns as they are, not \"%s\"", argument, text),
				 errhint("Give it the name with more.annotate before.")));
	result = query_plain_expression(query, argument, text);
	if (!is_column(result.tree))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" takes columns, not the expression \"%s\"", argument, text),
				 errhint("Give the expression a name with more.annotate; quote a name as in SQL.")));
	return result;
}

/*
 * token_is
 *		Is the token this word, not in quotes nor in brackets, nor a column after a dot?
 */
bool
token_is(const QueryTokens *tokens, int i, const char *word)
{
	int			len = tokens->tokens[i].end - tokens->tokens[i].start;

	return i >= 0 && tokens->tokens[i].depth == 0 && len == strlen(word) &&
		(i == 0 || tokens->tokens[i - 1].word != '.') &&
		pg_strncasecmp(tokens->text + tokens->tokens[i].start, word, len) == 0;
}

/*
 * strip_direction
 *		Take ASC or DESC, NULLS FIRST or LAST from the end of an item of ORDER BY: what is before, and
 *		these words, "" when there are none.
 */
char *
strip_direction(const char *text, const char **direction)
{
	QueryTokens *tokens = query_lex(text, false);
	int			end = tokens->count;
	const char *nulls = "";
	const char *way = "";

	if (end > 2 && token_is(tokens, end - 2, "nulls") && token_is(tokens, end - 1, "first"))
		nulls = " NULLS FIRST";
	else if (end > 2 && token_is(tokens, end - 2, "nulls") && token_is(tokens, end - 1, "last"))
		nulls = " NULLS LAST";
	if (*nulls)
		end -= 2;
	if (end > 1 && token_is(tokens, end - 1, "desc"))
		way = " DESC";
	else if (end > 1 && token_is(tokens, end - 1, "asc"))
		way = " ASC";
	if (*way)
		end--;
	*direction = psprintf("%s%s", way, nulls);
	if (end == tokens->count)
		return pstrdup(text);
	return pnstrdup(text, tokens->tokens[end - 1].end);
}

/*
 * strip_alias
 *		Take AS name from the end of an item of a list: what is before, and the name as it is written, or NULL.
 */
char *
strip_alias(const char *text, const char **alias)
{
	QueryTokens *tokens = query_lex(text, false);
	int			end = tokens->count;

	*alias = NULL;
	if (end < 3 || tokens->tokens[end - 2].word != WORD_AS || tokens->tokens[end - 2].depth != 0 ||
		(tokens->tokens[end - 1].word != WORD_IDENT && tokens->tokens[end - 1].word < WORD_OTHER))
		return pstrdup(text);
	*alias = query_slice(tokens, end - 1, end);
	return pnstrdup(text, tokens->tokens[end - 3].end);
}

/* Is the token this name, in quotes or not?  In doubt, as where it is written with escapes or in capitals, it is. */
static bool
token_names(const QueryTokens *tokens, int i, const char *name)
{
	const char *p = tokens->text + tokens->tokens[i].start;
	const char *end = tokens->text + tokens->tokens[i].end;

	if (tokens->tokens[i].word == WORD_UIDENT)
		return true;
	if (*p != '"')
		return end - p == strlen(name) && pg_strncasecmp(p, name, end - p) == 0;
	for (p++, end--; p < end; p++, name++)
	{
		if (*p != *name)
			return false;
		if (*p == '"')
			p++;
	}
	return *name == '\0';
}

/*
 * stored_mentions
 *		May stored text have this name in it?
 */
bool
stored_mentions(const char *stored, const char *name)
{
	QueryTokens *tokens = query_lex(stored, true);

	for (int i = 0; i < tokens->count; i++)
		if (token_names(tokens, i, name))
			return true;
	return false;
}

/* Names without a qualification, outside of subqueries: ColumnRef *. */
typedef struct BareNames
{
	List	   *names;
	List	   *opened;			/* those of them of which a field is taken, as in (name).field */
} BareNames;

/* Walker: find them. */
static bool
find_bare_names(Node *node, void *arg)
{
	BareNames  *found = arg;

	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		return find_bare_names(((SubLink *) node)->testexpr, arg);
	if (IsA(node, ColumnRef))
	{
		if (bare_name(node))
			found->names = lappend(found->names, node);
		return false;
	}
	if (IsA(node, A_Indirection))
		found->opened = lappend(found->opened, ((A_Indirection *) node)->arg);
	return raw_expression_tree_walker(node, find_bare_names, arg);
}

/* The same in an expression, if a step has read the text as one. */
static bool
find_in_expression(const char *keyword, const char *stored, BareNames *found)
{
	Node	   *tree = strcmp(keyword, "SELECT") == 0 ? memo_find(MEMO_EXPRESSION, stored) : NULL;

	if (tree)
		(void) find_bare_names(tree, found);
	return tree != NULL;
}

static int
compare_places(const ListCell *a, const ListCell *b)
{
	return lfirst_node(ColumnRef, a)->location - lfirst_node(ColumnRef, b)->location;
}

/* The end of the token that begins at a place of the text. */
static int
token_end(const QueryTokens *tokens, int place)
{
	int			i = 0;

	while (i < tokens->count && tokens->tokens[i].start < place)
		i++;
	return tokens->tokens[i].end;
}

/*
 * qualify_names
 *		Stored text that follows a keyword, "SELECT" or "SELECT ORDER BY", whose bare names get the alias before them, but
 *		for those of the list rows, char *: these are rows as a whole, of relations of that name.
 *
 * A relation's name alone would be a column's, if any relation beside it has such a one; relation.* is not, but gives
 * its columns in some places, which COALESCE is none of, nor (relation.*).field.  Of a row without a declared type the
 * latter alone knows the fields.
 */
char *
qualify_names(const char *keyword, const char *stored, const char *alias, List *rows)
{
	BareNames	found = {NIL, NIL};
	StringInfoData out;
	int			from = 0;
	int			before = 0;
	ListCell   *lc;

	/* the text of an argument without params is stored as it was read, most of the time */
	if (!find_in_expression(keyword, stored, &found))
	{
		(void) raw_expression_tree_walker(query_raw_parse(psprintf("%s %s", keyword, stored)), find_bare_names, &found);
		before = strlen(keyword) + 1;
	}
	list_sort(found.names, compare_places);
	initStringInfo(&out);
	foreach(lc, found.names)
	{
		int			place = lfirst_node(ColumnRef, lc)->location - before;

		appendBinaryStringInfo(&out, stored + from, place - from);
		from = place;
		if (list_has_name(rows, bare_name(lfirst(lc))))
		{
			from = token_end(query_lex(stored, true), place);
			appendStringInfo(&out, list_member_ptr(found.opened, lfirst(lc)) ? "%s.*" : "COALESCE(%s.*)",
							 pnstrdup(stored + place, from - place));
		}
		else
			appendStringInfo(&out, "%s.", alias);
	}
	appendStringInfoString(&out, stored + from);
	return out.data;
}
