/*
 * explain_rewrites.c
 *	  more.explain_rewrites(): what the rewrites do with a statement, and why.
 *
 * The statement is parsed, analysed and planned, and not run.  As with EXPLAIN
 * the caller needs the privileges that running it takes, which are checked on
 * the plan: costs tell of a table's contents.
 *
 * The rewritten statement is shown as SQL that a user can run.  The rewriter's
 * output would not do: views are expanded there, whose tables the user may not
 * read, and policies of row security are in it, which SQL does not show.  So
 * the rewrites are repeated on the statement as it was analysed, and the result
 * is printed if as many places were changed there.  A shape that only the
 * rewriter brought in, with a view, is printed in its expanded form, unless
 * that has conditions that SQL cannot show: then there is no SQL.  Nor is there
 * where rows are found for a table inside a join with a name of its own, nor
 * for subqueries that share results, which are written as before.
 */
#include "postgres.h"

#include <math.h>

#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/rls.h"
#include "utils/ruleutils.h"
#include "utils/tuplestore.h"

#include "planner/planner.h"
#include "planner/shared.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(explain_rewrites);

/*
 * Is there a condition that SQL does not show, or one that it would add: a
 * policy of the view's owner, a policy of the caller?
 */
static bool
has_hidden_conditions(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		return rte->securityQuals != NIL ||
			(rte->rtekind == RTE_RELATION && check_enable_rls(rte->relid, InvalidOid, true) == RLS_ENABLED);
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_hidden_conditions, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, has_hidden_conditions, context);
}

/*
 * Say of parameters which type they have: what they stand beside after a
 * rewrite may not tell.
 */
static Node *
cast_parameters(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
	{
		Param	   *param = (Param *) node;

		return (Node *) makeRelabelType((Expr *) copyObject(param), param->paramtype, -1,
										param->paramcollid, COERCE_EXPLICIT_CAST);
	}
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node, cast_parameters, context, 0);
	return expression_tree_mutator(node, cast_parameters, context);
}

/* A statement as SQL that can be run, or NULL if SQL cannot say it. */
static char *
statement_sql(Query *query)
{
	bool		failed = false;
	char	   *sql;

	/* a mutator shares with the original what show_found() changes in place, and other rewrites may follow this one */
	query = (Query *) cast_parameters(copyObject((Node *) query), NULL);
	(void) show_found((Node *) query, &failed);
	unmark_shared((Node *) query);
	if (failed)
		return NULL;
	sql = pg_get_querydef(query, true);
	return sql + strspn(sql, " \n");
}

/* A cost as EXPLAIN shows it. */
static Datum
cost_datum(Cost cost)
{
	return Float8GetDatum(rint(cost * 100) / 100);
}

/* Why a report is as it is. */
static char *
why(RewriteReport *report)
{
	const char *reason = report->reason;

	if (reason == NULL)
	{
		if (rewrites_mode >= REWRITE_FORCE || rewrite_modes[report->id] == REWRITE_FORCE)
			reason = "the settings force it";
		else if (report->id == REWRITE_QUERY_IN_FROM)
			reason = "it is what the call would run";
		else
			reason = report->after < report->before ? "it costs less" : "it costs no more";
	}
	return psprintf("%s: %s", report->where, reason);
}

/*
 * Add a row for each report on one of the statements that the rewriter made.
 * original is the statement before it, or NULL.
 */
static void
put_reports(ReturnSetInfo *rsinfo, List *reports, Query *original, bool expandable)
{
	ListCell   *lc;

	foreach(lc, reports)
	{
		RewriteReport *report = lfirst(lc);
		Query	   *shown = NULL;
		char	   *sql = NULL;
		Datum		values[6] = {0};
		bool		nulls[6] = {false};

		if (report->applied)
		{
			/* rewrites that follow one that only the view's inside had are shown there, too */
			if (original)
				original = repeat_rewrite(original, report);
			if (original)
				shown = original;
			else if (expandable && !has_hidden_conditions((Node *) report->query, NULL))
				shown = report->query;
		}
		values[0] = CStringGetTextDatum(rewrite_name(report->id));
		values[1] = BoolGetDatum(report->applied);
		values[2] = CStringGetTextDatum(why(report));
		nulls[3] = report->before < 0;
		values[3] = cost_datum(report->before);
		nulls[4] = report->after < 0;
		values[4] = cost_datum(report->after);
		if (shown && report->id != REWRITE_SHARED_SUBQUERIES)
			sql = statement_sql(shown);
		nulls[5] = sql == NULL;
		if (sql)
			values[5] = CStringGetTextDatum(sql);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/*
 * explain_rewrites
 *		What the rewrites do with a statement, under the caller's settings.
 */
Datum
explain_rewrites(PG_FUNCTION_ARGS)
{
	char	   *statement = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ErrorContextCallback callback = {error_context_stack, statement_error_callback, statement};
	Oid		   *types;
	int			ntypes;
	Query	   *original;
	List	   *rewritten;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	error_context_stack = &callback;
	original = analyse_statement(statement, "only statements that are planned can be rewritten", &types, &ntypes);
	rewritten = pg_rewrite_query(copyObject(original));
	if (rewrites_mode == REWRITE_OFF)
		ereport(NOTICE, (errmsg("rewrites are switched off"),
						 errhint("The setting is pg_more.rewrites.")));
	foreach(lc, rewritten)
	{
		Query	   *query = lfirst_node(Query, lc);
		bool		is_select = query->commandType == CMD_SELECT;
		PlannedStmt *plan;
		List	   *reports = NIL;

		if (query->commandType == CMD_UTILITY || rewrites_mode == REWRITE_OFF)
			continue;
		plan = plan_with_rewrites(query, statement, CURSOR_OPT_PARALLEL_OK, NULL, NULL, true, &reports);
		compat_check_permissions(plan);
		put_reports((ReturnSetInfo *) fcinfo->resultinfo, reports,
					list_length(rewritten) == 1 ? original : NULL,
					list_length(rewritten) == 1 && is_select);
	}
	error_context_stack = callback.previous;
	return (Datum) 0;
}
