/*
 * may_fail.c
 *	  May computing an expression raise an error?
 *
 * A chain of ANDs and ORs stops as soon as its answer is known, so that
 * kind = 'n' AND v::int = 5 never casts the rows of another kind.  A rewrite
 * that computes an expression for every row must know that it cannot fail.
 * Columns of subqueries are followed to what they stand for, since the planner
 * pulls subqueries up and computes such a column where it is used.  Whatever is
 * not known to be safe may fail.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "planner/levels.h"

/* More nodes than this are not looked at for one form of a statement. */
#define MAX_EXAMINED 100000

/*
 * Can the operator not fail?  Those that the server calls leakproof, and its
 * own comparisons, but for types whose parts may turn out not to compare.
 */
static bool
is_safe_operator(Oid opno)
{
	Oid			left;
	Oid			right;

	if (get_func_leakproof(get_opcode(opno)))
		return true;
	if (opno >= FirstNormalObjectId || compat_comparisons(opno) == NIL)
		return false;
	op_input_types(opno, &left, &right);
	return !IsPolymorphicType(left) && left != RECORDOID;
}

/* Is a collation wanted, and none known? */
static bool
lacks_collation(List *args, Oid collation)
{
	ListCell   *lc;

	if (OidIsValid(collation))
		return false;
	foreach(lc, args)
		if (type_is_collatable(exprType(lfirst(lc))))
			return true;
	return false;
}

/*
 * node_may_fail
 *		May a node of an expression raise an error by itself, its arguments
 *		once computed?
 */
bool
node_may_fail(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_List:
		case T_TargetEntry:
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_RelabelType:
		case T_CollateExpr:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
			return false;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			return !is_safe_operator(((OpExpr *) node)->opno) ||
				lacks_collation(((OpExpr *) node)->args, ((OpExpr *) node)->inputcollid);
		case T_ScalarArrayOpExpr:
			return !is_safe_operator(((ScalarArrayOpExpr *) node)->opno) ||
				lacks_collation(((ScalarArrayOpExpr *) node)->args, ((ScalarArrayOpExpr *) node)->inputcollid);
		case T_FuncExpr:
			return ((FuncExpr *) node)->funcretset || !get_func_leakproof(((FuncExpr *) node)->funcid) ||
				lacks_collation(((FuncExpr *) node)->args, ((FuncExpr *) node)->inputcollid);
		default:
			return true;
	}
}

/*
 * is_inlined
 *		Is a function written in SQL, so that the planner may put its text in
 *		place of the call?
 */
bool
is_inlined(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return true;
	result = ((Form_pg_proc) GETSTRUCT(tuple))->prolang == SQLlanguageId;
	ReleaseSysCache(tuple);
	return result;
}

/* May an output column of a subquery fail? */
static bool
output_may_fail(Query *query, Level *outer, AttrNumber attnum)
{
	Level		level = {.query = query, .outer = outer, .attempt = outer->attempt};
	TargetEntry *target = get_tle_by_resno(query->targetList, attnum);

	if (target == NULL || query->commandType != CMD_SELECT || query->setOperations)
		return true;
	return may_fail((Node *) target->expr, &level);
}

/* May a column of a CTE fail? */
static bool
cte_may_fail(RangeTblEntry *rte, Level *level, AttrNumber attnum)
{
	Index		up = rte->ctelevelsup;
	ListCell   *lc;

	while (up-- > 0 && level)
		level = level->outer;
	if (level == NULL)
		return true;
	foreach(lc, level->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, rte->ctename) == 0)
			return cte->cterecursive || !IsA(cte->ctequery, Query) ||
				output_may_fail((Query *) cte->ctequery, level, attnum);
	}
	return true;
}

/* May a column of VALUES fail? */
static bool
values_may_fail(RangeTblEntry *rte, Level *level, AttrNumber attnum)
{
	ListCell   *lc;

	foreach(lc, rte->values_lists)
		if (may_fail(list_nth(lfirst(lc), attnum - 1), level))
			return true;
	return false;
}

/* May a column, or what it stands for, fail? */
static bool
column_may_fail(Var *var, Level *level)
{
	Index		up = var->varlevelsup;
	RangeTblEntry *rte;
	ListCell   *lc;

	while (up-- > 0 && level)
		level = level->outer;
	if (level == NULL || var->varno < 1 || var->varno > list_length(level->query->rtable))
		return true;
	rte = rt_fetch(var->varno, level->query->rtable);
	if (rte->rtekind == RTE_RELATION)
		return var->varattno > 0 && get_attgenerated(rte->relid, var->varattno) == COMPAT_GENERATED_VIRTUAL;
	if (var->varattno <= 0)
		return true;
	switch (rte->rtekind)
	{
		case RTE_SUBQUERY:
			return output_may_fail(rte->subquery, level, var->varattno);
		case RTE_JOIN:
			return may_fail(list_nth(rte->joinaliasvars, var->varattno - 1), level);
		case RTE_CTE:
			return rte->self_reference || cte_may_fail(rte, level, var->varattno);
		case RTE_VALUES:
			return values_may_fail(rte, level, var->varattno);
		case RTE_FUNCTION:
			foreach(lc, rte->functions)
			{
				Node	   *call = ((RangeTblFunction *) lfirst(lc))->funcexpr;

				if (!IsA(call, FuncExpr) || is_inlined(((FuncExpr *) call)->funcid))
					return true;
			}
			return false;
#if PG_VERSION_NUM >= 180000
		case RTE_GROUP:
			return may_fail(list_nth(rte->groupexprs, var->varattno - 1), level);
#endif
		case RTE_TABLEFUNC:
		case RTE_NAMEDTUPLESTORE:
			return false;
		default:
			return true;
	}
}

/*
 * may_fail
 *		A walker: may computing an expression of this query level raise an
 *		error?
 */
bool
may_fail(Node *node, Level *level)
{
	if (node == NULL)
		return false;
	/* columns that mention others several times, again and again, take long to follow */
	CHECK_FOR_INTERRUPTS();
	if (++level->attempt->examined > MAX_EXAMINED)
		return true;
	if (IsA(node, Var))
		return column_may_fail((Var *) node, level);
	return node_may_fail(node) || expression_tree_walker(node, may_fail, level);
}
