/*
 * condition_sides.c
 *	  Conditions in JSON over relations that a statement has under aliases, as SQL
 *	  text for that statement.
 *
 * Operators, functions and types have their schema in the text, so that no
 * search_path finds others.
 */
#include "postgres.h"

#include "catalog/pg_namespace.h"
#include "common/keywords.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_collate.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "compat.h"
#include "catalog.h"
#include "condition.h"
#include "query/query.h"

/* What columns without an alias are columns of, until the text is done. */
#define BARE_ALIAS	"pg_more bare"

/*
 * relation_of_columns
 *		What conditions look at of a relation, for columns that are none of a table's.
 */
Relation
relation_of_columns(const char *name, TupleDesc desc)
{
	Relation	rel = palloc0(sizeof(RelationData));

	TupleDescFinalize(desc);
	rel->rd_att = desc;
	rel->rd_rel = palloc0(sizeof(FormData_pg_class));
	namestrcpy(&rel->rd_rel->relname, name);
	return rel;
}

/* Is the token an operator?  Those that the deparser qualifies come after a dot. */
static bool
is_operator(const QueryTokens *tokens, int i)
{
	return strchr("+-*/<>=~!@#%^&|`?", tokens->text[tokens->tokens[i].start]) != NULL &&
		(i == 0 || tokens->tokens[i - 1].word != '.');
}

/* Is it the alias that nobody gave, which goes with the dot after it? */
static bool
is_bare_alias(const QueryTokens *tokens, int i)
{
	static const char alias[] = "\"" BARE_ALIAS "\"";
	const QueryToken *token = &tokens->tokens[i];

	return i + 1 < tokens->count && token[1].word == '.' && token->end - token->start == strlen(alias) &&
		strncmp(tokens->text + token->start, alias, strlen(alias)) == 0;
}

/* Is the token a function of pg_catalog?  Those of other schemas come after a dot. */
static bool
is_function(const QueryTokens *tokens, int i)
{
	return tokens->tokens[i].word == WORD_IDENT && i + 1 < tokens->count && tokens->tokens[i + 1].word == '(' &&
		(i == 0 || tokens->tokens[i - 1].word != '.');
}

/*
 * Is the token a type of pg_catalog, which is found by its name?  Words that only are types mean the server's anyway,
 * and have other names there.
 */
static bool
is_type(const QueryTokens *tokens, int i)
{
	const QueryToken *token = &tokens->tokens[i];
	const char *text = tokens->text;
	bool		quoted = text[token->start] == '"';
	char	   *name = pnstrdup(text + token->start + quoted, token->end - token->start - 2 * quoted);
	int			keyword = quoted ? -1 : ScanKeywordLookup(name, &ScanKeywords);

	if (i == 0 || strncmp(text + token[-1].start, "::", 2) != 0 ||
		(i + 1 < tokens->count && token[1].word == '.') ||
		(keyword >= 0 && ScanKeywordCategories[keyword] == COL_NAME_KEYWORD))
		return false;
	return SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(name), ObjectIdGetDatum(PG_CATALOG_NAMESPACE));
}

/*
 * The deparser's text from a token on, with the schema at each operator, function and type, pg_catalog where it wrote
 * none, and columns alone that have no alias.
 */
static char *
finish_text(const QueryTokens *tokens, int from)
{
	const char *text = tokens->text;
	StringInfoData out;
	int			done = tokens->tokens[from].start;

	initStringInfo(&out);
	for (int i = from; i < tokens->count; i++)
	{
		QueryToken *token = &tokens->tokens[i];
		bool		bare = is_bare_alias(tokens, i);
		bool		operator = !bare && is_operator(tokens, i);

		if (!bare && !operator && !is_function(tokens, i) && !is_type(tokens, i))
			continue;
		appendBinaryStringInfo(&out, text + done, token->start - done);
		done = token->start;
		if (!bare && !operator)
			appendStringInfoString(&out, "pg_catalog.");
		if (operator)
			appendStringInfo(&out, "OPERATOR(pg_catalog.%.*s)", token->end - token->start, text + token->start);
		if (bare || operator)
			done = bare ? token[1].end : token->end;
	}
	appendStringInfoString(&out, text + done);
	return out.data;
}

/*
 * The names of the relation's columns, for the deparser: one for each place.  It
 * would give others to columns of one name, which may be those of further columns.
 * As conditions are about the first of these only, the rest have none.
 */
static List *
column_names(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *names = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		char	   *name = NameStr(TupleDescAttr(desc, i)->attname);

		names = lappend(names, makeString(find_column(rel, name) == i + 1 ? pstrdup(name) : ""));
	}
	return names;
}

/*
 * A condition over columns of the sides as SQL, by the server's deparser.  It
 * leaves out parentheses between operators of arithmetic alone, which have none here.
 */
static char *
condition_text(Node *condition, const ConditionSide *sides, int nsides)
{
	Query	   *query = makeNode(Query);
	List	   *from = NIL;
	int			nest = stable_text_begin();
	QueryTokens *tokens;
	char	   *text;
	int			where = 0;

	for (int i = 0; i < nsides; i++)
	{
		RangeTblEntry *rte = makeNode(RangeTblEntry);
		RangeTblRef *ref = makeNode(RangeTblRef);

		rte->rtekind = RTE_CTE;
		rte->ctename = "query";
		rte->eref = makeAlias(sides[i].alias ? sides[i].alias : BARE_ALIAS, column_names(sides[i].rel));
		rte->inFromCl = true;
		query->rtable = lappend(query->rtable, rte);
		ref->rtindex = i + 1;
		from = lappend(from, ref);
	}
	query->commandType = CMD_SELECT;
	query->jointree = makeFromExpr(from, condition);
	text = pg_get_querydef(query, true);
	stable_text_end(nest);
	tokens = query_lex(text, false);
	while (tokens->tokens[where].word != WORD_WHERE)
		where++;
	return finish_text(tokens, where + 1);
}

/*
 * require_json
 *		An error unless the text is a JSON object without repeated keys.
 */
void
require_json(const char *text)
{
	refuse_repeated_keys(text);
	(void) DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
}

/*
 * json_condition_sql
 *		A condition in JSON over the sides as SQL text.
 */
char *
json_condition_sql(const ConditionSide *sides, int nsides, const char *text)
{
	Node	   *condition;

	require_json(text);
	condition = json_condition_over(sides, nsides, DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text))));
	assign_expr_collations(NULL, condition);
	return condition_text(condition, sides, nsides);
}
