/*
 * levels.c
 *	  Walking all query levels of a statement.
 *
 * Offers every expression of a statement to a rewrite, and tells it where only
 * the truth of a condition matters.  It leaves out
 *	- MERGE, which checks its conditions again in ways of its own;
 *	- the target list and HAVING of a query with GROUP BY, whose expressions
 *	  must stay equal to the grouped ones;
 *	- conditions that must stay equal to something stored, as ON CONFLICT's
 *	  arbiter, and those of row security, whose place is the rewriter's;
 *	- aliases of joins, which only repeat other expressions.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

#include "planner/levels.h"

/* expression_tree_mutator's callback */
static Node *
below_mutator(Node *node, Level *level)
{
	return rewrite_below(level, node, false);
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
		return (Node *) rewrite_levels((Query *) node, level->attempt, level->replace);
	result = level->replace(level, node, filter);
	if (result)
		return result;
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

/* What the range table holds. */
static void
rewrite_rtable(Level *level)
{
	ListCell   *lc;

	foreach(lc, level->query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY)
			rte->subquery = (Query *) rewrite_below(level, (Node *) rte->subquery, false);
		else if (rte->rtekind == RTE_FUNCTION)
			rte->functions = (List *) rewrite_below(level, (Node *) rte->functions, false);
		else if (rte->rtekind == RTE_VALUES)
			rte->values_lists = (List *) rewrite_below(level, (Node *) rte->values_lists, false);
	}
}

/*
 * rewrite_levels
 *		Let a rewrite have the expressions of a query and of all queries in it,
 *		in place.
 */
Query *
rewrite_levels(Query *query, Attempt *attempt, LevelFunction replace)
{
	Level		level = {.query = query, .attempt = attempt, .replace = replace};
	ListCell   *lc;

	if (query->commandType == CMD_MERGE || query->commandType == CMD_UTILITY)
		return query;
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		cte->ctequery = rewrite_below(&level, cte->ctequery, false);
	}
	rewrite_rtable(&level);
	rewrite_jointree(&level, (Node *) query->jointree);
	if (query->groupClause == NIL && query->groupingSets == NIL)
	{
		query->targetList = (List *) rewrite_below(&level, (Node *) query->targetList, false);
		query->havingQual = rewrite_below(&level, query->havingQual, false);
	}
	query->returningList = (List *) rewrite_below(&level, (Node *) query->returningList, false);
	if (query->onConflict)
	{
		OnConflictExpr *conflict = query->onConflict;

		conflict->onConflictSet = (List *) rewrite_below(&level, (Node *) conflict->onConflictSet, false);
		conflict->onConflictWhere = rewrite_below(&level, conflict->onConflictWhere, false);
	}
	query->hasSubLinks |= level.sublinks;
	return query;
}
