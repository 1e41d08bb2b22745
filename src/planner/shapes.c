/*
 * shapes.c
 *	  The cheap test: does a statement hold anything that a rewrite is for?
 *
 * It runs for every statement that is planned, so it allocates nothing, looks
 * nothing up in the catalogs before a shape is at hand, and does not descend
 * into what cannot hold one.
 *
 * On its way it flattens nested ORs and ANDs.  The parser makes
 * (a, b) IN (t1, ..., tn) a tower of n ORs with two arguments each; copying it
 * or walking it by recursion needs stack in proportion to n.  The planner
 * flattens them too, when it simplifies expressions, so doing it here changes
 * no plan.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "planner/planner.h"
#include "planner/shared.h"

/* More scalar subqueries than this are taken to have equal ones among them. */
#define MANY_SCALARS 16

typedef struct ShapeContext
{
	int			shapes;
	int			tuples;			/* the most that one list may have */
	int			least_tuples;	/* in a list of tuples */
	int			least_arms;		/* in a CASE */
	bool		all;			/* also shapes that are left alone in any case */
	ParamListInfo params;
	Query	   *query;			/* that is walked */
	int			nscalars;
	Query	   *scalars[MANY_SCALARS];	/* scalar subqueries */
	uint32		hashes[MANY_SCALARS];
} ShapeContext;

static bool shapes_walker(Node *node, ShapeContext *context);

/* Does any argument of this AND or OR have the same operator? */
static bool
is_nested(BoolExpr *expr)
{
	ListCell   *lc;

	if (expr->boolop == NOT_EXPR)
		return false;
	foreach(lc, expr->args)
	{
		Node	   *arg = lfirst(lc);

		if (IsA(arg, BoolExpr) && ((BoolExpr *) arg)->boolop == expr->boolop)
			return true;
	}
	return false;
}

/* Make a tower of ANDs or ORs one node, without recursion. */
static void
flatten(BoolExpr *expr)
{
	List	   *pending = list_make1(expr);
	List	   *args = NIL;

	/* the last on the list comes next: push arguments from right to left */
	while (pending != NIL)
	{
		Node	   *node = llast(pending);

		pending = list_delete_last(pending);
		if (IsA(node, BoolExpr) && ((BoolExpr *) node)->boolop == expr->boolop)
		{
			List	   *inner = ((BoolExpr *) node)->args;

			for (int i = list_length(inner) - 1; i >= 0; i--)
				pending = lappend(pending, list_nth(inner, i));
		}
		else
			args = lappend(args, node);
	}
	expr->args = args;
}

/* May this AND or OR hold a list of tuples? */
static bool
has_tuples(BoolExpr *expr, int least)
{
	BoolExprType inner = expr->boolop == OR_EXPR ? AND_EXPR : OR_EXPR;
	int			found = 0;
	ListCell   *lc;

	if (expr->boolop == NOT_EXPR || list_length(expr->args) < least)
		return false;
	foreach(lc, expr->args)
	{
		Node	   *arg = lfirst(lc);

		if (IsA(arg, BoolExpr) && ((BoolExpr *) arg)->boolop == inner && ++found >= least)
			return true;
	}
	return false;
}

/*
 * May this be an array look-up that the executor does not hash?  It hashes
 * arrays that are constant when the plan is made, of the left side's type.
 */
static bool
is_unhashed_array(ScalarArrayOpExpr *expr, ParamListInfo params)
{
	Node	   *left = linitial(expr->args);
	Node	   *array = lsecond(expr->args);

	while (IsA(array, RelabelType) || IsA(array, ArrayCoerceExpr))
		array = (Node *) (IsA(array, RelabelType) ? ((RelabelType *) array)->arg : ((ArrayCoerceExpr *) array)->arg);
	if (params == NULL)
	{
		ListCell   *lc;

		if (IsA(array, Param))
			return true;
		if (IsA(array, ArrayExpr))
			foreach(lc, ((ArrayExpr *) array)->elements)
			{
				Node	   *element = lfirst(lc);

				while (IsA(element, RelabelType))
					element = (Node *) ((RelabelType *) element)->arg;
				if (IsA(element, Param))
					return true;
			}
	}
	if (IsA(array, ArrayExpr))
		return exprType(left) != ((ArrayExpr *) array)->element_typeid && !IsA(left, RelabelType);
	if (IsA(array, Const) || IsA(array, Param))
		return !IsA(left, RelabelType) && get_element_type(exprType(array)) != exprType(left);
	return false;
}

/* The rewrites for calls in FROM: may this be a call of rows_in, rows_not_in or rows_missing, or of rows, run or fetch? */
static int
call_shapes(Node *call)
{
	HeapTuple	tuple;
	const char *name;
	int			result = 0;

	if (!IsA(call, FuncExpr) || ((FuncExpr *) call)->funcid < FirstNormalObjectId)
		return 0;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(((FuncExpr *) call)->funcid));
	if (!HeapTupleIsValid(tuple))
		return 0;
	name = NameStr(((Form_pg_proc) GETSTRUCT(tuple))->proname);
	if (strncmp(name, "rows_", 5) == 0)
		result = REWRITE_BIT(REWRITE_ROWS_IN);
	else if (strcmp(name, "rows") == 0 || strcmp(name, "run") == 0 || strcmp(name, "fetch") == 0)
		result = REWRITE_BIT(REWRITE_QUERY_IN_FROM);
	ReleaseSysCache(tuple);
	return result;
}

/* Is there such a call in FROM?  With all, also where it is left alone in any case. */
static int
calls_in_from(RangeTblEntry *rte, bool all)
{
	int			result = 0;
	ListCell   *lc;

	if (rte->rtekind != RTE_FUNCTION || (!all && (list_length(rte->functions) != 1 || rte->funcordinality)))
		return 0;
	foreach(lc, rte->functions)
		result |= call_shapes(((RangeTblFunction *) lfirst(lc))->funcexpr);
	return result;
}

/* Can nothing be below this node? */
static inline bool
is_leaf(Node *node)
{
	return node == NULL || IsA(node, Var) || IsA(node, Const) || IsA(node, Param) || IsA(node, RangeTblRef);
}

/* Walk the nodes of a list. */
static void
walk_list(List *list, ShapeContext *context)
{
	ListCell   *lc;

	foreach(lc, list)
		if (!is_leaf(lfirst(lc)))
			(void) shapes_walker(lfirst(lc), context);
}

/* Has this query expressions only in its target list, WHERE and joins, over tables alone? */
static bool
is_plain(Query *query)
{
	ListCell   *lc;

	if (query->commandType != CMD_SELECT || query->cteList || query->setOperations || query->havingQual ||
		query->windowClause || query->limitOffset || query->limitCount)
		return false;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind != RTE_JOIN &&
			(rte->rtekind != RTE_RELATION || rte->tablesample || rte->securityQuals))
			return false;
	}
	return true;
}

static bool
query_shapes(Query *query, ShapeContext *context)
{
	Query	   *outer = context->query;
	ListCell   *lc;

	context->query = query;
	if (is_plain(query))
	{
		walk_list(query->targetList, context);
		(void) shapes_walker((Node *) query->jointree, context);
		context->query = outer;
		return false;
	}
	foreach(lc, query->rtable)
		context->shapes |= calls_in_from(lfirst(lc), context->all);
	if (filters_union(query))
		context->shapes |= REWRITE_BIT(REWRITE_UNION_PUSHDOWN);
	(void) query_tree_walker(query, shapes_walker, context, QTW_IGNORE_JOINALIASES);
	context->query = outer;
	return false;
}

/* Is a condition of WHERE an OR over several relations? */
static bool
has_spanning_or(Query *query, Node *quals)
{
	ListCell   *lc;

	if (quals == NULL || !IsA(quals, BoolExpr))
		return false;
	if (((BoolExpr *) quals)->boolop == AND_EXPR)
		foreach(lc, ((BoolExpr *) quals)->args)
			if (spans_relations(query, lfirst(lc)))
				return true;
	return spans_relations(query, quals);
}

/* Take note of a scalar subquery, and see whether it may be equal to another. */
static void
count_scalar(Query *query, ShapeContext *context)
{
	if (context->shapes & REWRITE_BIT(REWRITE_SHARED_SUBQUERIES))
		return;
	if (context->nscalars == MANY_SCALARS)
	{
		context->shapes |= REWRITE_BIT(REWRITE_SHARED_SUBQUERIES);
		return;
	}
	if (context->nscalars == 1)
		context->hashes[0] = subquery_hash(context->scalars[0]);
	if (context->nscalars > 0)
		context->hashes[context->nscalars] = subquery_hash(query);
	for (int i = 0; i < context->nscalars; i++)
		if (context->hashes[i] == context->hashes[context->nscalars])
			context->shapes |= REWRITE_BIT(REWRITE_SHARED_SUBQUERIES);
	context->scalars[context->nscalars++] = query;
}

/*
 * The kinds of nodes that statements have most of are walked here, as that
 * takes a third of what expression_tree_walker takes.
 */
static bool
shapes_walker(Node *node, ShapeContext *context)
{
	if (is_leaf(node))
		return false;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Query:
			return query_shapes((Query *) node, context);
		case T_List:
			walk_list((List *) node, context);
			return false;
		case T_TargetEntry:
			return shapes_walker((Node *) ((TargetEntry *) node)->expr, context);
		case T_OpExpr:
			walk_list(((OpExpr *) node)->args, context);
			return false;
		case T_FuncExpr:
			walk_list(((FuncExpr *) node)->args, context);
			return false;
		case T_FromExpr:
			walk_list(((FromExpr *) node)->fromlist, context);
			(void) shapes_walker(((FromExpr *) node)->quals, context);
			if (has_spanning_or(context->query, ((FromExpr *) node)->quals))
				context->shapes |= REWRITE_BIT(REWRITE_OR_REDUCTION);
			return false;
		case T_JoinExpr:
			(void) shapes_walker(((JoinExpr *) node)->larg, context);
			(void) shapes_walker(((JoinExpr *) node)->rarg, context);
			return shapes_walker(((JoinExpr *) node)->quals, context);
		case T_BoolExpr:
			if (is_nested((BoolExpr *) node))
				flatten((BoolExpr *) node);
			if (has_tuples((BoolExpr *) node, context->least_tuples))
			{
				context->shapes |= REWRITE_BIT(REWRITE_COMPOSITE_IN);
				context->tuples = Max(context->tuples, list_length(((BoolExpr *) node)->args));
			}
			walk_list(((BoolExpr *) node)->args, context);
			return false;
		case T_CaseExpr:
			if (list_length(((CaseExpr *) node)->args) >= context->least_arms)
				context->shapes |= REWRITE_BIT(REWRITE_HASHED_CASE);
			break;
		case T_SubLink:
			if (((SubLink *) node)->subLinkType == EXPR_SUBLINK)
				count_scalar((Query *) ((SubLink *) node)->subselect, context);
			break;
		case T_ScalarArrayOpExpr:
			if (is_unhashed_array((ScalarArrayOpExpr *) node, context->params))
				context->shapes |= REWRITE_BIT(REWRITE_ARRAY_JOIN);
			break;
		default:
			break;
	}
	return expression_tree_walker(node, shapes_walker, context);
}

/*
 * find_shapes
 *		The rewrites that may have something to do in a statement, as
 *		REWRITE_BITs.  *tuples is the most that a list of tuples may have.
 *		Flattens nested ANDs and ORs of the statement in place, and allocates
 *		only for that.
 */
int
find_shapes(Query *query, ParamListInfo params, bool force, int *tuples)
{
	ShapeContext context = {
		.least_tuples = force ? 2 : COMPOSITE_IN_MIN,
		.least_arms = force ? 1 : HASHED_CASE_MIN,
		.all = force,
		.params = params,
	};

	(void) query_shapes(query, &context);
	*tuples = context.tuples;
	return context.shapes;
}
