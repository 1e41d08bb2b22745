/*
 * narrowing.c
 *	  What is computed less often because of a condition that stays as it is.
 *
 * The planner moves a condition on a subquery's columns into the subquery, so
 * that the subquery computes its other columns for fewer rows.  A condition that
 * holds a look-up stays outside: what the subquery computes would be computed for all
 * of its rows.  Where that may raise an error, or calls a function that does
 * something, as nextval() does, the difference is seen.  A subquery that
 * the planner takes apart does not matter: what it computes is then computed at the
 * end, for the rows that are left.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"

#include "planner/levels.h"
#include "planner/lookup.h"

typedef struct Narrowing
{
	Level	   *level;
	const char *problem;
} Narrowing;

static bool find_narrowing(Node *node, Narrowing *narrowing);

/* Will a subquery stay one?  True also where that depends on what is around it. */
static bool
stays_subquery(Query *query)
{
	return query->setOperations || query->hasAggs || query->hasWindowFuncs || query->hasTargetSRFs ||
		query->groupClause || query->groupingSets || query->havingQual || query->sortClause ||
		query->distinctClause || query->limitOffset || query->limitCount || query->rowMarks || query->cteList ||
		contain_volatile_functions((Node *) query->targetList);
}

/*
 * What is computed in a subquery that a condition on one of its columns would go
 * into; stays: it is known to stay one, as an arm of a UNION, which computes its
 * columns whatever is above it.
 */
static void
look_into(Query *query, AttrNumber attnum, bool stays, Narrowing *narrowing)
{
	Level		level = {.query = query, .outer = narrowing->level, .attempt = narrowing->level->attempt};
	Narrowing	inner = {.level = &level};
	TargetEntry *target = get_tle_by_resno(query->targetList, attnum);
	ListCell   *lc;

	/* into LIMIT and the rows of VALUES none goes */
	if (query->commandType != CMD_SELECT || query->limitOffset || query->limitCount || target == NULL)
		return;
	if (query->setOperations)
	{
		foreach(lc, query->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

			if (rte->rtekind == RTE_SUBQUERY)
				look_into(rte->subquery, attnum, true, narrowing);
		}
		return;
	}
	if (contain_volatile_functions((Node *) query->targetList))
		narrowing->problem = "the subquery that it narrows calls volatile functions";
	else if ((stays || stays_subquery(query)) && may_fail((Node *) query->targetList, &level))
		narrowing->problem = "the subquery that it narrows computes what may fail";
	else
	{
		find_narrowing((Node *) target->expr, &inner);
		narrowing->problem = inner.problem;
	}
}

/* The CTE of a range table entry, if it is in sight. */
static Query *
find_cte(Level *level, RangeTblEntry *rte)
{
	Index		up = rte->ctelevelsup;
	ListCell   *lc;

	while (up-- > 0 && level)
		level = level->outer;
	if (level == NULL || rte->self_reference)
		return NULL;
	foreach(lc, level->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, rte->ctename) == 0)
			return !cte->cterecursive && IsA(cte->ctequery, Query) ? (Query *) cte->ctequery : NULL;
	}
	return NULL;
}

/* A walker: the columns of subqueries in an expression, until there is a problem. */
static bool
find_narrowing(Node *node, Narrowing *narrowing)
{
	Var		   *var = (Var *) node;
	RangeTblEntry *rte;
	Query	   *cte;

	if (node == NULL)
		return false;
	if (!IsA(node, Var))
		return expression_tree_walker(node, find_narrowing, narrowing);
	if (var->varlevelsup > 0 || var->varno < 1 || var->varno > list_length(narrowing->level->query->rtable) ||
		var->varattno <= 0)
		return false;
	rte = rt_fetch(var->varno, narrowing->level->query->rtable);
	if (rte->rtekind == RTE_SUBQUERY)
		look_into(rte->subquery, var->varattno, false, narrowing);
	else if (rte->rtekind == RTE_JOIN)
		return find_narrowing(list_nth(rte->joinaliasvars, var->varattno - 1), narrowing);
	else if (rte->rtekind == RTE_CTE && (cte = find_cte(narrowing->level, rte)) != NULL)
		look_into(cte, var->varattno, false, narrowing);
#if PG_VERSION_NUM >= 180000
	else if (rte->rtekind == RTE_GROUP)
		return find_narrowing(list_nth(rte->groupexprs, var->varattno - 1), narrowing);
#endif
	return narrowing->problem != NULL;
}

/*
 * narrowing_problem
 *		Why a condition on an expression may not stay outside of the subqueries
 *		whose columns it holds, for people, or NULL.
 */
const char *
narrowing_problem(Level *level, Node *left)
{
	Narrowing	narrowing = {.level = level};

	find_narrowing(left, &narrowing);
	return narrowing.problem;
}
