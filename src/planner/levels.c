/*
 * levels.c
 *	  Walking all query levels of a statement.
 *
 * Offers every expression of a statement to a rewrite, and tells it where only
 * the truth of a condition matters.  It leaves out
 *	- MERGE, which checks its conditions again in ways of its own;
 *	- the target list and HAVING of a query with GROUP BY, whose expressions
 *	  must stay equal to the grouped ones, unless the rewrite makes equal
 *	  expressions of equal ones;
 *	- conditions that must stay equal to something stored, as ON CONFLICT's
 *	  arbiter, and those of row security, whose place is the rewriter's;
 *	- aliases of joins, which only repeat other expressions.
 * Of the first two it tells what would have been rewritten, if that is asked
 * for: the rewrite is given a copy, which is thrown away.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

#include "planner/levels.h"

static void rewrite_query(Level *outer, Query *query, bool output);
static void rewrite_parts(Level *level, bool output);

#define LEFT_MERGE "MERGE is left as it is"
#define LEFT_GROUPED "the query has GROUP BY, and this is not in its WHERE"

/* expression_tree_mutator's callback */
static Node *
below_mutator(Node *node, Level *level)
{
	return rewrite_below(level, node, false);
}

/* Is this a list of constants and parameters, in which there is nothing to rewrite? */
static bool
is_plain_list(Node *node)
{
	ListCell   *lc;

	if (!IsA(node, ArrayExpr))
		return false;
	foreach(lc, ((ArrayExpr *) node)->elements)
		if (!IsA(lfirst(lc), Const) && !IsA(lfirst(lc), Param))
			return false;
	return true;
}

/*
 * rewrite_below
 *		Let the rewrite have an expression, or else what is in it.
 */
Node *
rewrite_below(Level *level, Node *node, bool filter)
{
	BoolExpr   *expr = (BoolExpr *) node;
	Node	   *result;
	List	   *args = NIL;
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
	{
		rewrite_query(level, (Query *) node, false);
		return node;
	}
	result = level->replace(level, node, filter);
	if (result)
		return result;
	if (is_plain_list(node))
		return node;
	if (!filter || !IsA(node, BoolExpr) || expr->boolop != AND_EXPR)
		return expression_tree_mutator(node, below_mutator, level);
	foreach(lc, expr->args)
		args = lappend(args, rewrite_below(level, lfirst(lc), true));
	return (Node *) makeBoolExpr(AND_EXPR, args, expr->location);
}

/* The conditions of the joins and of WHERE. */
static void
rewrite_jointree(Level *level, Node *node)
{
	if (node == NULL || IsA(node, RangeTblRef))
		return;
	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;
		ListCell   *lc;

		foreach(lc, from->fromlist)
			rewrite_jointree(level, lfirst(lc));
		from->quals = rewrite_below(level, from->quals, true);
	}
	else
	{
		JoinExpr   *join = castNode(JoinExpr, node);

		rewrite_jointree(level, join->larg);
		rewrite_jointree(level, join->rarg);
		join->quals = rewrite_below(level, join->quals, join->jointype == JOIN_INNER);
	}
}

/* What the range table holds; output: its subqueries and VALUES are what is stored. */
static void
rewrite_rtable(Level *level, bool output)
{
	ListCell   *lc;

	foreach(lc, level->query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY)
			rewrite_query(level, rte->subquery, output);
		else if (rte->rtekind == RTE_FUNCTION)
			rte->functions = (List *) rewrite_below(level, (Node *) rte->functions, false);
		else if (rte->rtekind == RTE_VALUES)
		{
			level->output = output;
			rte->values_lists = (List *) rewrite_below(level, (Node *) rte->values_lists, false);
			level->output = false;
		}
#if PG_VERSION_NUM >= 180000
		else if (rte->rtekind == RTE_GROUP && level->grouped)
			rte->groupexprs = (List *) rewrite_below(level, (Node *) rte->groupexprs, false);
#endif
	}
}

/* A target list; what is sorted or grouped by an expression may use an index on it. */
static void
rewrite_targets(Level *level, List *targets, bool output)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);

		level->output = output && target->ressortgroupref == 0;
		target->expr = (Expr *) rewrite_below(level, (Node *) target->expr, false);
	}
	level->output = false;
}

/* Tell what a rewrite would do in a MERGE. */
static void
tell_of_merge(Level *outer, Query *query)
{
	Attempt		attempt = *outer->attempt;
	Level		level = *outer;
	ListCell   *lc;

	if (!attempt.telling)
		return;
	attempt.sites = NIL;
	level.query = copyObject(query);
	level.outer = outer->query ? outer : NULL;
	level.attempt = &attempt;
	rewrite_parts(&level, false);
#if PG_VERSION_NUM >= 170000
	(void) rewrite_below(&level, level.query->mergeJoinCondition, false);
#endif
	foreach(lc, level.query->mergeActionList)
	{
		MergeAction *action = lfirst_node(MergeAction, lc);

		(void) rewrite_below(&level, action->qual, false);
		rewrite_targets(&level, action->targetList, false);
	}
	sites_left(outer->attempt, &attempt, LEFT_MERGE);
}

/* Tell what a rewrite would do in expressions of a query with GROUP BY. */
static void
tell_of_grouped(Level *level, Node *expressions)
{
	Attempt		attempt = *level->attempt;
	Level		copy = *level;

	if (!attempt.telling)
		return;
	attempt.sites = NIL;
	copy.attempt = &attempt;
	(void) rewrite_below(&copy, copyObject(expressions), false);
	sites_left(level->attempt, &attempt, LEFT_GROUPED);
}

/* A query, in place; output: its target list is what the statement returns or stores. */
static void
rewrite_query(Level *outer, Query *query, bool output)
{
	Level		level = {
		.query = query,
		.outer = outer->query ? outer : NULL,
		.attempt = outer->attempt,
		.replace = outer->replace,
		.grouped = outer->grouped,
	};

	if (query->commandType == CMD_MERGE)
		tell_of_merge(outer, query);
	else if (query->commandType != CMD_UTILITY)
		rewrite_parts(&level, output);
}

/* What a query holds, in place. */
static void
rewrite_parts(Level *level, bool output)
{
	Query	   *query = level->query;
	ListCell   *lc;

	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		cte->ctequery = rewrite_below(level, cte->ctequery, false);
	}
	rewrite_rtable(level, output && query->commandType == CMD_INSERT);
	rewrite_jointree(level, (Node *) query->jointree);
	if (level->grouped || (query->groupClause == NIL && query->groupingSets == NIL))
	{
		rewrite_targets(level, query->targetList, output);
		query->havingQual = rewrite_below(level, query->havingQual, false);
	}
	else
	{
		tell_of_grouped(level, (Node *) query->targetList);
		tell_of_grouped(level, query->havingQual);
	}
	rewrite_targets(level, query->returningList, output);
	if (query->onConflict)
	{
		OnConflictExpr *conflict = query->onConflict;

		rewrite_targets(level, conflict->onConflictSet, output);
		conflict->onConflictWhere = rewrite_below(level, conflict->onConflictWhere, false);
	}
	query->hasSubLinks |= level->sublinks;
}

/*
 * rewrite_levels
 *		Let a rewrite have the expressions of a query and of all queries in it,
 *		in place.
 */
Query *
rewrite_levels(Query *query, Attempt *attempt, LevelFunction replace)
{
	Level		level = {.attempt = attempt, .replace = replace};

	rewrite_query(&level, query, true);
	return query;
}

/*
 * rewrite_grouped_levels
 *		The same for a rewrite that makes equal expressions of equal ones, at
 *		all places of a query: it is also given what GROUP BY depends on.
 */
Query *
rewrite_grouped_levels(Query *query, Attempt *attempt, LevelFunction replace)
{
	Level		level = {.attempt = attempt, .replace = replace, .grouped = true};

	rewrite_query(&level, query, true);
	return query;
}
