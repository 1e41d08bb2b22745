/*
 * analyse.c
 *	  What a query means where it stands: its tree, its columns, and conditions
 *	  in JSON over these.
 *
 * Most steps work on text alone.  The few that must know columns or types ask
 * the server's parse analysis, in which each bound value is the constant that it
 * prints as.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "compat.h"
#include "condition.h"
#include "query/query.h"
#include "statement.h"

/* ------------------------------------------------------------------------ */
/* Analysis																	*/
/* ------------------------------------------------------------------------ */

/* Rows that are bound, as a constant of type more.rowset. */
static Node *
data_constant(const QueryBinding *binding)
{
	Oid			type;
	int32		typmod;

	parse_type_name("more.rowset", &type, &typmod);
	return (Node *) makeConst(type, -1, InvalidOid, -1, PointerGetDatum(PG_DETOAST_DATUM(binding->data)),
							  false, false);
}

/* A value that is bound, as the literal that it prints as. */
static Node *
value_constant(ParseState *pstate, const QueryBinding *binding)
{
	Node	   *value = binding->value ?
		(Node *) makeConst(UNKNOWNOID, -1, InvalidOid, -2, CStringGetDatum(pstrdup(binding->value)), false, false) :
		(Node *) makeConst(UNKNOWNOID, -1, InvalidOid, -2, (Datum) 0, true, false);
	Oid			type;
	int32		typmod;

	if (binding->type == NULL)
		return value;
	parse_type_name(binding->type, &type, &typmod);
	return coerce_to_target_type(pstate, value, UNKNOWNOID, type, typmod,
								 COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
}

/* ParamRefHook: what is bound. */
static Node *
binding_of(ParseState *pstate, ParamRef *pref)
{
	const MoreQuery *query = pstate->p_ref_hook_state;
	QueryBinding *binding;

	if (pref->number < 1 || pref->number > list_length(query->bindings))
		return NULL;
	binding = list_nth(query->bindings, pref->number - 1);
	return binding->data ? data_constant(binding) : value_constant(pstate, binding);
}

/*
 * query_parser_setup
 *		ParserSetupHook for the text of a query as PRINT_PARAMETERS; its argument is
 *		the MoreQuery.
 */
void
query_parser_setup(ParseState *pstate, void *query)
{
	pstate->p_paramref_hook = binding_of;
	pstate->p_ref_hook_state = query;
}

/*
 * query_analyse
 *		The query as the server understands it, before its rewriter.
 */
Query *
query_analyse(const MoreQuery *query)
{
	char	   *text = query_text(query, PRINT_PARAMETERS);
	ErrorContextCallback callback;
	List	   *parsed;
	Query	   *result;

	callback.callback = statement_error_callback;
	callback.arg = text;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	parsed = raw_parser(text, RAW_PARSE_DEFAULT);
	result = parse_analyze_withcb(linitial_node(RawStmt, parsed), text, query_parser_setup, (void *) query, NULL);
	error_context_stack = callback.previous;
	return result;
}

/*
 * query_output
 *		The columns that the query gives: TargetEntry *.
 */
List *
query_output(const MoreQuery *query)
{
	Query	   *tree = query_analyse(query);
	List	   *targets = tree->commandType == CMD_SELECT ? tree->targetList : tree->returningList;
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, targets)
		if (!((TargetEntry *) lfirst(lc))->resjunk)
			result = lappend(result, lfirst(lc));
	return result;
}

/* ------------------------------------------------------------------------ */
/* Conditions in JSON														*/
/* ------------------------------------------------------------------------ */

/*
 * query_relation
 *		The query's output as a relation, as far as conditions look at it.
 */
Relation
query_relation(const MoreQuery *query)
{
	List	   *output = query_output(query);
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(output));
	AttrNumber	attnum = 0;
	ListCell   *lc;

	foreach(lc, output)
	{
		TargetEntry *target = lfirst(lc);
		Node	   *expr = (Node *) target->expr;
		Oid			type = exprType(expr);

		attnum++;
		TupleDescInitEntry(desc, attnum, target->resname, type == UNKNOWNOID ? TEXTOID : type, exprTypmod(expr), 0);
		TupleDescInitEntryCollation(desc, attnum, exprCollation(expr));
	}
	return relation_of_columns("query", desc);
}
