/*
 * reach.c
 *	  Names with an alias in the arguments of steps: name.column of a query that
 *	  was joined.
 *
 * In a level that join_with has made, the joined queries are relations of FROM.
 * Once the level is a subquery, the server would not find them any more.  Then
 * the level gives the column under a name that nobody else has, "pg_more column
 * 1", as does each level between, and the step reads that.  The lists of the
 * levels around it name their columns then, so that none of them gives it to the
 * user.
 *
 * That changes no rows where a level gives a row for each one that it reads, or
 * leaves some of them out.  Where it groups them, makes them different ones, or
 * combines them with others, a column of a row that was joined is out of reach,
 * which is an error of the step.  So is an alias that steps give by themselves:
 * whether it is there depends on what was wrapped.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "query/refine.h"

/* ------------------------------------------------------------------------ */
/* Names in an expression													*/
/* ------------------------------------------------------------------------ */

/* Walk state of find_references. */
typedef struct ReferencesContext
{
	List	   *scopes;			/* of the subqueries around: each a list of names, char * */
	List	   *found;			/* ColumnRef * */
} ReferencesContext;

/* Is the name one of a relation of a subquery around? */
static bool
is_in_scope(const ReferencesContext *ctx, const char *name)
{
	ListCell   *lc;

	foreach(lc, ctx->scopes)
		if (list_has_name(lfirst(lc), name))
			return true;
	return false;
}

/* Walker: collect alias.column where the alias is of no relation of the expression's own subqueries. */
static bool
find_references(Node *node, void *arg)
{
	ReferencesContext *ctx = arg;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		List	   *fields = ((ColumnRef *) node)->fields;

		/* schema.table.column is none of an alias */
		if (list_length(fields) == 2 && !is_in_scope(ctx, strVal(linitial(fields))))
			ctx->found = lappend(ctx->found, node);
		return false;
	}
	if (IsA(node, SelectStmt))
	{
		ctx->scopes = lcons(relation_names(((SelectStmt *) node)->fromClause), ctx->scopes);
		(void) raw_expression_tree_walker(node, find_references, ctx);
		ctx->scopes = list_delete_first(ctx->scopes);
		return false;
	}
	return raw_expression_tree_walker(node, find_references, arg);
}

/* The names with an alias that the expression leaves to its surroundings. */
static List *
references_of(Node *tree)
{
	ReferencesContext ctx = {NIL, NIL};

	(void) find_references(tree, &ctx);
	return ctx.found;
}

/* ------------------------------------------------------------------------ */
/* Levels																	*/
/* ------------------------------------------------------------------------ */

/* What the steps have made the first relation of a level. */
typedef struct FirstRelation
{
	const char *alias;			/* WRAP_ALIAS or JOIN_BASE; NULL: it is the user's own */
	MoreQuery  *query;			/* NULL: it is a CTE */
	const char *rest;			/* of FROM, from the bracket behind the query on */
	QueryTokens *tokens;		/* of FROM, where there is an alias */
} FirstRelation;

/* The leftmost item of FROM; a join with an alias is one. */
static Node *
leftmost(Node *item)
{
	while (item && IsA(item, JoinExpr) && ((JoinExpr *) item)->alias == NULL)
		item = ((JoinExpr *) item)->larg;
	return item;
}

/* Look at the first relation; its query is only read if that is asked for. */
static FirstRelation
first_relation(const MoreQuery *query, bool read)
{
	FirstRelation result = {NULL, NULL, NULL, NULL};
	const char *from = query->kind == QUERY_SELECT ? query->parts[PART_FROM] : NULL;
	const char *alias;
	QueryTokens *tokens;
	SelectStmt *tree;
	int			end = 0;

	if (from == NULL || (*from != '(' && strncmp(from, "\"pg_more ", strlen("\"pg_more ")) != 0))
		return result;
	tokens = query_lex(from, true);
	for (end++; end < tokens->count && *from == '(' && tokens->tokens[end].depth > 0;)
		end++;
	if (*from != '(')
		end--;
	if (end + 2 >= tokens->count || tokens->tokens[end + 1].word != WORD_AS)
		return result;
	alias = query_slice(tokens, end + 2, end + 3);
	if (strcmp(alias, WRAP_ALIAS) != 0 && strcmp(alias, JOIN_BASE) != 0)
		return result;
	result.alias = alias;
	result.tokens = tokens;
	if (!read || *from != '(')
		return result;
	/* brackets may be those of a join */
	tree = castNode(SelectStmt, query_raw_parse(psprintf("SELECT FROM %s", from)));
	if (!IsA(leftmost(linitial(tree->fromClause)), RangeSubselect))
		return result;
	result.query = query_parse_stored(query_slice(tokens, 1, end));
	result.query->bindings = query->bindings;
	result.rest = from + tokens->tokens[end].start;
	return result;
}

/* The names of the level's relations. */
static List *
names_of_level(const MoreQuery *query)
{
	SelectStmt *tree = castNode(SelectStmt, query_raw_parse(psprintf("SELECT FROM %s", query->parts[PART_FROM])));

	return relation_names(tree->fromClause);
}

/* Is it the alias, which is in quotes? */
static bool
is_alias(const char *name, const char *alias)
{
	return strcmp(psprintf("\"%s\"", name), alias) == 0;
}

/* Is a query joined in this level under that name? */
static bool
joins_as(const MoreQuery *query, const char *name)
{
	return is_join_level(query) && !is_alias(name, JOIN_BASE) && list_has_name(names_of_level(query), name);
}

/* May the level give one more column, and its rows are the same? */
static bool
may_give_more(const MoreQuery *query)
{
	return query->kind == QUERY_SELECT && query->parts[PART_FROM] && query->parts[PART_GROUP_BY] == NULL &&
		query->parts[PART_HAVING] == NULL && (query->parts[PART_DISTINCT] == NULL || *query->parts[PART_DISTINCT] != '\0');
}

/* SELECT of that list from the level's FROM, with the WITH of the level around it, which may be NULL, and its own. */
static MoreQuery *
select_from(const MoreQuery *query, const char *list, const MoreQuery *around)
{
	MoreQuery  *result = query_new(QUERY_SELECT);
	const char *outer = around ? around->parts[PART_WITH] : NULL;
	const char *own = query->parts[PART_WITH];

	result->recursive = query->recursive || (around && around->recursive);
	result->bindings = query->bindings;
	result->parts[PART_WITH] = outer && own ? psprintf("%s, %s", outer, own) : outer ? outer : own;
	result->parts[PART_FROM] = query->parts[PART_FROM];
	result->parts[PART_SELECT] = list;
	return result;
}

/*
 * name_in_reach
 *		Is the name one of a query that was joined, whose columns any step can name?
 */
bool
name_in_reach(const MoreQuery *query, const char *name)
{
	FirstRelation first;

	if (!may_give_more(query) || !stored_mentions(query->parts[PART_FROM], name))
		return false;
	if (joins_as(query, name))
		return true;
	first = first_relation(query, true);
	return first.query && name_in_reach(first.query, name);
}

/* ------------------------------------------------------------------------ */
/* What conditions in JSON can name											*/
/* ------------------------------------------------------------------------ */

static List *
add_side(List *sides, const char *alias, Relation rel)
{
	ConditionSide *side = palloc(sizeof(ConditionSide));

	side->alias = alias;
	side->rel = rel;
	return lappend(sides, side);
}

/* The queries that were joined, in the level and further inside. */
static List *
add_joined(List *sides, const MoreQuery *query, const MoreQuery *around)
{
	FirstRelation first = first_relation(query, true);
	ListCell   *lc;

	foreach(lc, is_join_level(query) ? names_of_level(query) : NIL)
		if (!is_alias(lfirst(lc), JOIN_BASE))
			sides = add_side(sides, lfirst(lc),
							 query_relation(select_from(query, psprintf("%s.*", stored_name(lfirst(lc))), around)));
	if (first.query && may_give_more(first.query))
		sides = add_joined(sides, first.query, select_from(query, "", around));
	return sides;
}

/*
 * query_sides
 *		What a condition in JSON on the query is about: its columns, those of queries that it was joined with, and
 *		another query under a name, which may be NULL.
 */
ConditionSide *
query_sides(const MoreQuery *query, const char *name, const MoreQuery *other, int *nsides)
{
	List	   *sides = add_side(NIL, NULL, query_relation(query));
	ConditionSide *result;
	ListCell   *lc;

	sides = add_joined(sides, query, NULL);
	if (name)
		sides = add_side(sides, name, query_relation(other));
	*nsides = list_length(sides);
	result = palloc_array(ConditionSide, *nsides);
	foreach(lc, sides)
		result[foreach_current_index(lc)] = *(ConditionSide *) lfirst(lc);
	return result;
}

/* ------------------------------------------------------------------------ */
/* Columns of queries that were joined further inside						*/
/* ------------------------------------------------------------------------ */

/* The columns that a star of the level stands for, as a list. */
static char *
star_columns(const MoreQuery *query, const char *star, const MoreQuery *around)
{
	List	   *output = query_output(select_from(query, star, around));
	StringInfoData list;
	ListCell   *lc;

	initStringInfo(&list);
	foreach(lc, output)
	{
		const char *name = ((TargetEntry *) lfirst(lc))->resname;

		for (int i = 0; i < foreach_current_index(lc); i++)
			if (strcmp(((TargetEntry *) list_nth(output, i))->resname, name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("columns %d and %d of the query are both named \"%s\"", i + 1,
								foreach_current_index(lc) + 1, name),
						 errhint("Give them names of their own with more.pick and more.annotate.")));
		appendStringInfo(&list, "%s%.*s%s", list.len > 0 ? ", " : "", (int) strlen(star) - 1, star, stored_name(name));
	}
	return list.data;
}

/* The level's list without the star that would give all of the first relation. */
static void
name_columns(MoreQuery *query, const char *alias, const MoreQuery *around)
{
	StringInfoData list;
	ListCell   *lc;

	if (strchr(query->parts[PART_SELECT], '*') == NULL)
		return;
	initStringInfo(&list);
	foreach(lc, query_columns(query))
	{
		const char *text = ((QueryColumn *) lfirst(lc))->text;

		if (strcmp(text, "*") == 0 || strcmp(text, psprintf("%s.*", alias)) == 0)
			text = star_columns(query, text, around);
		if (*text)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", text);
	}
	query->parts[PART_SELECT] = list.data;
}

/* The name under which the level gives the expression, from now on. */
static char *
give_column(MoreQuery *query, const char *text)
{
	const char *list = query->parts[PART_SELECT];
	int			number = 1;
	ListCell   *lc;

	foreach(lc, *list ? query_columns(query) : NIL)
	{
		QueryColumn *column = lfirst(lc);
		char	   *name = psprintf("\"pg_more column %d\"", number);

		if (column->name == NULL || strcmp(quote_identifier(column->name), name) != 0)
			continue;
		if (strcmp(column->text, psprintf("%s AS %s", text, name)) == 0)
			return name;
		number++;
	}
	query->parts[PART_SELECT] = psprintf("%s%s%s AS \"pg_more column %d\"", list, *list ? ", " : "", text, number);
	return psprintf("\"pg_more column %d\"", number);
}

/*
 * is_reached_column
 *		Is the column of the list, whatever it is called there, just one that give_column has given further inside?
 */
bool
is_reached_column(const QueryColumn *column)
{
	static const char *const given[] = {WRAP_ALIAS ".\"pg_more column ", JOIN_BASE ".\"pg_more column "};

	for (int i = 0; i < lengthof(given); i++)
		if (strncmp(column->text, given[i], strlen(given[i])) == 0)
		{
			const char *rest = column->text + strlen(given[i]);

			rest += strspn(rest, "0123456789");
			return strncmp(rest, "\" AS ", strlen("\" AS ")) == 0;
		}
	return false;
}

/*
 * How name.column of a query that was joined reads in the level; NULL when it is out of reach: then closed tells
 * whether it was there.  keep: the level keeps its list.
 */
static char *
reach_column(MoreQuery *query, const char *name, const char *column, bool keep, const MoreQuery *around, bool *closed)
{
	FirstRelation first;
	char	   *text;
	char	   *given;

	if (query->kind != QUERY_SELECT || query->parts[PART_FROM] == NULL)
		return NULL;
	if (joins_as(query, name))
		return psprintf("%s.%s", stored_name(name), stored_name(column));
	if (!stored_mentions(query->parts[PART_FROM], name))
		return NULL;
	first = first_relation(query, true);
	text = first.query ? reach_column(first.query, name, column, true, select_from(query, "", around), closed) : NULL;
	if (text == NULL)
		return NULL;
	*closed = !may_give_more(first.query);
	if (*closed)
		return NULL;
	if (keep)
		name_columns(query, first.alias, around);
	given = give_column(first.query, text);
	query->parts[PART_FROM] = psprintf("(%s%s", query_text(first.query, PRINT_STORED), first.rest);
	return psprintf("%s.%s", first.alias, given);
}

/* ------------------------------------------------------------------------ */
/* Expressions in a level													*/
/* ------------------------------------------------------------------------ */

/* The reference as the user wrote it. */
static char *
reference_text(const ColumnRef *reference)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	foreach(lc, reference->fields)
		appendStringInfo(&out, "%s%s", out.len > 0 ? "." : "",
						 IsA(lfirst(lc), String) ? quote_identifier(strVal(lfirst(lc))) : "*");
	return out.data;
}

/* The step cannot name the column. */
static void
refuse_reference(const ColumnRef *reference, const char *alias, bool closed)
{
	const char *name = strVal(linitial(reference->fields));
	bool		own = is_alias(name, alias);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s is not in reach of this step", reference_text(reference)),
			 own ? 0 :
			 closed ? errdetail("The rows that were joined as %s have been grouped, made different ones or combined since.",
								quote_identifier(name)) :
			 errdetail("The query is a subquery here, of which only its columns are seen, and name.column of queries that it was joined with."),
			 own ? errhint("Name columns of the query without an alias.") :
			 errhint("Give what is wanted later as a column before, with more.annotate.")));
}

/* What a reference becomes in the level; NULL: it stays as it is. */
static char *
resolve_reference(MoreQuery *query, const ColumnRef *reference, const char *alias, bool keep)
{
	const char *name = strVal(linitial(reference->fields));
	Node	   *column = lsecond(reference->fields);
	bool		closed = false;
	char	   *result = NULL;

	/* beside the steps' relation, a user's FROM may have others */
	if (!is_alias(name, alias) && list_has_name(names_of_level(query), name))
		return NULL;
	if (IsA(column, String) && !is_alias(name, alias))
		result = reach_column(query, name, strVal(column), keep, NULL, &closed);
	if (result == NULL)
		refuse_reference(reference, alias, closed);
	return result;
}

/* Stored text in which the references have become what they are in the level. */
static char *
resolve_references(MoreQuery *query, const char *stored, const char *alias, bool keep, const char *except)
{
	Node	   *tree = query_raw_parse(psprintf("SELECT %s", stored));
	QueryTokens *tokens = query_lex(stored, true);
	StringInfoData out;
	int			done = 0;
	List	   *references = references_of(tree);

	initStringInfo(&out);
	for (int i = 0; i < tokens->count; i++)
	{
		ListCell   *lc;

		foreach(lc, references)
		{
			ColumnRef  *reference = lfirst(lc);
			char	   *text;

			if (reference->location - (int) strlen("SELECT ") != tokens->tokens[i].start ||
				(except && strcmp(strVal(linitial(reference->fields)), except) == 0))
				continue;
			text = resolve_reference(query, reference, alias, keep);
			if (text == NULL)
				continue;
			if (i + 2 >= tokens->count || tokens->tokens[i + 1].word != '.' || tokens->tokens[i + 2].word == WORD_UIDENT)
				refuse_reference(reference, alias, false);
			appendBinaryStringInfo(&out, stored + done, tokens->tokens[i].start - done);
			appendStringInfoString(&out, text);
			done = tokens->tokens[i + 2].end;
		}
	}
	appendStringInfoString(&out, stored + done);
	return out.data;
}

/* Is each the name of a relation of the level, as the steps write it?  That is the usual case, and cheap to see. */
static bool
are_of_level(List *references, const FirstRelation *first, const char *except)
{
	const QueryTokens *from = first->tokens;
	ListCell   *lc;

	foreach(lc, references)
	{
		const char *name = strVal(linitial(((ColumnRef *) lfirst(lc))->fields));
		const char *written = stored_name(name);
		bool		found = except && strcmp(name, except) == 0;

		for (int i = 0; !found && i + 1 < from->count && !is_alias(name, first->alias); i++)
			found = from->tokens[i].word == WORD_AS && from->tokens[i].depth == 0 &&
				from->tokens[i + 1].end - from->tokens[i + 1].start == strlen(written) &&
				strncmp(from->text + from->tokens[i + 1].start, written, strlen(written)) == 0;
		if (!found)
			return false;
	}
	return true;
}

/*
 * reach_names
 *		The expression with names of queries that were joined further inside as they are in the level.  keep: the level
 *		keeps its list; except: an alias of the step's own, or NULL.
 */
QueryExpression
reach_names(MoreQuery *query, QueryExpression expression, bool keep, const char *except)
{
	List	   *references = references_of(expression.tree);
	FirstRelation first;

	if (references == NIL)
		return expression;
	first = first_relation(query, false);
	if (first.alias && !are_of_level(references, &first, except))
		expression.text = resolve_references(query, expression.text, first.alias, keep, except);
	return expression;
}

/*
 * level_expression
 *		An expression as it stands in the query's level: in a join, names without an alias are the first query's.
 */
QueryExpression
level_expression(MoreQuery *query, QueryExpression expression, bool keep)
{
	expression = reach_names(query, expression, keep, NULL);
	if (is_join_level(query))
		expression.text = qualify_names("SELECT", expression.text, JOIN_BASE, NIL);
	return expression;
}

/*
 * level_column
 *		A column as an item of the level's list, which gives it under its own name.  The list is made anew.
 */
char *
level_column(MoreQuery *query, QueryExpression column)
{
	QueryExpression found = reach_names(query, column, false, NULL);

	if (strcmp(found.text, column.text) == 0)
		return unconstify(char *, level_expression(query, column, false).text);
	return psprintf("%s AS %s", found.text, stored_name(strVal(llast(((ColumnRef *) column.tree)->fields))));
}
