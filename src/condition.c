/*
 * condition.c
 *	  Conditions over one table that a user gives as JSON or as SQL text.
 *
 * JSON is built into an expression tree by condition_json.c; SQL text is read
 * by the server's parser.  Both are then checked alike, and come out as a tree
 * that stands for one truth value of each row of the table.  Text is made of
 * the tree only: by the server's own deparser, so that it reads as it was
 * understood, with all names qualified but those of pg_catalog.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/catalog.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_clause.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "catalog.h"
#include "condition.h"
#include "expression.h"

/*
 * condition_table
 *		Open a table or view that the caller may read some column of.
 */
Relation
condition_table(Oid relid, LOCKMODE lockmode)
{
	char	   *name = get_rel_name(relid);
	char		relkind = get_rel_relkind(relid);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE && relkind != RELKIND_VIEW &&
		relkind != RELKIND_MATVIEW && relkind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or view", name)));
	if (IsCatalogRelationOid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied: \"%s\" is a system catalog", name)));
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(relkind), name);
	return relation_open(relid, lockmode);
}

/*
 * condition_is_json
 *		Whether the text is meant as JSON: no SQL expression begins with a brace.
 */
bool
condition_is_json(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '{';
}

/* Walker: complain about a subquery. */
static bool
refuse_subqueries(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a condition cannot contain a subquery"),
				 errcontext("argument \"%s\"", (const char *) arg)));
	return raw_expression_tree_walker(node, refuse_subqueries, arg);
}

/* Read SQL text as a boolean expression over the relation. */
static Node *
sql_condition(Relation rel, const char *argument, const char *text)
{
	ArgumentText source = {argument, text};
	ErrorContextCallback callback;
	Node	   *raw = parse_expression(argument, text);
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *nsitem;
	Node	   *result;

	(void) refuse_subqueries(raw, (void *) argument);
	callback.callback = argument_error_callback;
	callback.arg = &source;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	pstate->p_sourcetext = text;
	/* as in the verbs, the table may be called target */
	nsitem = addRangeTableEntryForRelation(pstate, rel, AccessShareLock,
										   columns_of_alias(raw, "target", NIL) ? makeAlias("target", NIL) : NULL,
										   false, true);
	addNSItemToQuery(pstate, nsitem, false, true, true);
	result = transformExpr(pstate, raw, EXPR_KIND_WHERE);
	result = coerce_to_boolean(pstate, result, "the condition");
	assign_expr_collations(pstate, result);
	error_context_stack = callback.previous;
	free_parsestate(pstate);
	return result;
}

/* What holds for every condition, whatever it was given as. */
static Node *
check_condition(Relation rel, const char *argument, Node *condition)
{
	/* arguments that are defaults come in with planning */
	if (contain_volatile_functions((Node *) expression_planner((Expr *) copyObject(condition))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("a condition cannot call volatile functions"),
				 errcontext("argument \"%s\"", argument)));
	require_select(rel, condition);
	return condition;
}

/*
 * parse_json_condition
 *		A JSON object as a checked condition over the relation.
 */
Node *
parse_json_condition(Relation rel, const char *argument, Jsonb *condition)
{
	Node	   *result = json_condition(rel, condition);

	assign_expr_collations(NULL, result);
	return check_condition(rel, argument, result);
}

/*
 * parse_condition
 *		Text as a checked condition over the relation: JSON when it begins with a
 *		brace, else SQL.
 */
Node *
parse_condition(Relation rel, const char *argument, const char *text)
{
	if (condition_is_json(text))
	{
		refuse_repeated_keys(text);
		return parse_json_condition(rel, argument,
									DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text))));
	}
	return check_condition(rel, argument, sql_condition(rel, argument, text));
}

/*
 * stable_text_begin
 *		From here on, text that the server makes says the same under all settings,
 *		and is the same under all: what is not of the server itself has its schema.
 *		To be ended by stable_text_end.
 */
int
stable_text_begin(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"datestyle", "ISO"},
		{"intervalstyle", "postgres"},
		{"timezone", "UTC"},
		{"extra_float_digits", "3"},
		{"bytea_output", "hex"},
	};
	int			nest = NewGUCNestLevel();

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

void
stable_text_end(int nest)
{
	AtEOXact_GUC(true, nest);
}

/*
 * condition_sql
 *		The condition, or another expression over the table, as SQL text, palloc'd.
 *		With an alias, every column is qualified by it.
 */
char *
condition_sql(Relation rel, Node *condition, const char *alias)
{
	int			nest = stable_text_begin();
	char	   *result = deparse_expression(condition,
											deparse_context_for(alias ? alias : RelationGetRelationName(rel),
																RelationGetRelid(rel)),
											alias != NULL, false);

	stable_text_end(nest);
	return result;
}

/*
 * caller_condition_sql
 *		condition_sql for a statement that pg_more runs under the caller's
 *		search_path: an error if that would read it as something else.
 */
char *
caller_condition_sql(Relation rel, const char *argument, Node *condition, const char *alias)
{
	char	   *text = condition_sql(rel, condition, alias);
	char	   *read = condition_sql(rel, sql_condition(rel, argument, text), alias);

	if (strcmp(text, read) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_SCHEMA_NAME),
				 errmsg("search_path hides what the condition means"),
				 errdetail("It is %s, which would be read as %s.", text, read),
				 errhint("Do not put other schemas before pg_catalog in search_path.")));
	return text;
}

/*
 * condition_columns
 *		The attribute numbers of the columns that a condition mentions, system
 *		columns among them, ascending; for a whole row, all of them.
 */
List *
condition_columns(Relation rel, Node *condition)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Bitmapset  *attnums = NULL;
	List	   *result = NIL;
	bool		all;

	pull_varattnos(condition, 1, &attnums);
	all = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, attnums);
	for (int attnum = FirstLowInvalidHeapAttributeNumber + 1; attnum <= desc->natts; attnum++)
		if (attnum != 0 &&
			(bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, attnums) ||
			 (all && attnum > 0 && !TupleDescAttr(desc, attnum - 1)->attisdropped)))
			result = lappend_int(result, attnum);
	return result;
}

/*
 * require_select
 *		The caller may read each column that the condition mentions.
 */
void
require_select(Relation rel, Node *condition)
{
	Oid			relid = RelationGetRelid(rel);
	List	   *columns;
	ListCell   *lc;

	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return;
	columns = condition_columns(rel, condition);
	foreach(lc, columns)
		if (pg_attribute_aclcheck(relid, lfirst_int(lc), GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			aclcheck_error_col(ACLCHECK_NO_PRIV, OBJECT_COLUMN, RelationGetRelationName(rel),
							   get_attname(relid, lfirst_int(lc), false));
}

/*
 * condition_clauses
 *		The condition as the planner would have it in an index: a list of
 *		simplified clauses, to be compared by predicate_implied_by.
 */
List *
condition_clauses(Node *condition)
{
	Node	   *result = eval_const_expressions(NULL, copyObject(condition));

	return make_ands_implicit(canonicalize_qual((Expr *) result, false));
}
