/*
 * union_pushdown.c
 *	  Conditions on UNION, INTERSECT and EXCEPT reach their arms.
 *
 * The server moves a condition on a subquery that is a set operation into the
 * arms, but not where a column's type is another one in some arm, nor if there
 * is an EXCEPT, nor if any arm has a LIMIT, window functions, grouping sets or
 * arms of its own; and never one with a subquery.  Then the arms are read from
 * end to end.
 *
 * Shapes.  A condition of WHERE or of a join, of any query level, on the columns of
 * one subquery that is a set operation, or that holds one beneath plain
 * subqueries: comparisons with constants, parameters and columns of outer queries,
 * AND, OR, NOT, IN lists; or [NOT] EXISTS (...) and IN (SELECT ...).  Or a comparison
 * that joins a set operation with other relations, if each arm has an index for it.
 *
 * Form.  The condition moves into the WHERE of each arm:
 *		(SELECT int4_column AS x FROM a UNION SELECT int8_column FROM b) WHERE x = 5
 * becomes
 *		SELECT int4_column FROM a WHERE int4_column = 5
 *		UNION SELECT int8_column FROM b WHERE int8_column = 5
 * where each arm compares its own type, by the operator of the same operator
 * family for it, so that an index of the arm serves; if there is none, its cast to the
 * type of the set operation.  An arm that is more than SELECT ... FROM ... WHERE
 * becomes a subquery with the condition above it: what of it may go further down the
 * server knows.
 *		A condition that joins makes the set operation LATERAL: it is read for each row
 * of the others.  It goes to the end of FROM where it stands before them.  Form 1 of
 * the statement has no such joins, if there is anything else to move.  A condition that
 * makes a column equal to something stays where there are other relations, too: the
 * server derives from it what those equal, and such a column is joined as before.
 *
 * Why the result is the same.  A set operation sorts its arms' rows into classes
 * of equal rows, and counts the rows that a class has in either arm: UNION
 * gives one row if there is any, INTERSECT as many as the smaller count says,
 * EXCEPT as many as the difference says, each with ALL or at most one.  A condition
 * that is true for all rows of a class or for none of them leaves the counts of
 * the former as they are and makes those of the latter zero, in both arms, so the
 * result has exactly the rows for which the condition is true.  It is so if
 * the equality by which a column is grouped is that of the same bytes, of which
 * any function gives the same; or else if the column is only compared, by operators of
 * the equality's family under its collation, or tested for NULL, also by
 * GROUP BY, DISTINCT and PARTITION BY on the way to the arm's tables, into which
 * the server may move the condition further.  UNION ALL has no classes.  Which of several equal
 * rows stands for its class SQL leaves open.
 *		NULLs are equal to each other in set operations, and of one type.
 *		Types: x::type2 op y, with the cast that the set operation applies, is
 * x op' y for the operator op' of the same btree family, since the server demands of a
 * family that casts between its types keep the order.  Only immutable operators of
 * the server's own are taken: a timestamp becomes a timestamptz by the
 * session's time zone, in which times may be skipped.
 *		Outer joins: a condition of WHERE, or of a join, on what an outer join
 * below it makes NULL, goes into the arms if it is not true of NULLs, and stays as
 * well: what the set operation loses by it would be discarded.
 *		Joins: an inner join is its conditions over all pairs of rows, so a condition
 * may be asked when the one side is read for a row of the other as well as afterwards; so may
 * that of a LEFT JOIN of its nullable side.  The others may not be LATERAL themselves, lest
 * they refer to the set operation, and not what an outer join makes NULL.
 *		Errors: an arm computes the condition for rows that its own WHERE, or the
 * other arm, had kept away, so neither the condition nor the columns that it mentions
 * may fail (may_fail.c).  Nothing that is volatile, anywhere in the set
 * operation or the condition, is moved or computed less often.
 *		Rights: conditions stay above those of row security, in every arm, by the
 * server's own rules; into a view that is a security barrier only leakproof
 * ones go.  Locking: a set operation cannot be locked, and is read in the statement's snapshot;
 * what it is joined with may be, and is then checked again, so joins are left alone there
 * and in what changes rows.
 *		Subqueries: EXISTS and IN (SELECT ...) that are conditions by themselves are
 * joins to the server wherever they stand.  They are run in each arm, so they must
 * give the same rows each time.  Others would be run, or hashed, once for each arm.  An
 * EXISTS or IN whose own condition is on a set operation is left alone, too, if that
 * mentions the outer query: it would be a join no more.
 *
 * Left alone besides: recursive queries, set operations with LIMIT, conditions on
 * WITH queries, on whole rows, and what the server moves itself; MERGE.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "planner/join_tree.h"
#include "planner/lookup.h"

/* The name of an arm that has become a subquery. */
#define ARM_NAME "arm"

/* A condition on its way into a set operation. */
typedef struct Push
{
	Level	   *level;			/* of the query that the condition is in */
	int			relation;		/* the set operation in that query's range table */
	Level		inside;			/* of the set operation itself */
	bool		join;			/* the condition mentions other relations, too */
	bool		move;			/* false: only look for a problem */
	const char *problem;
} Push;

/* The columns of an arm, or of a part of a set operation. */
typedef struct Columns
{
	List	   *types;
	List	   *typmods;
	List	   *collations;
} Columns;

/* The relations of a part of the join tree. */
typedef struct Side
{
	Bitmapset  *plain;
	Bitmapset  *nulled;			/* those that an outer join in it may make NULL */
} Side;

/* The state of the walk through the query levels. */
typedef struct Walk
{
	Level	   *level;
	bool		joined;			/* in an EXISTS or IN, which may become a join */
	bool		joins;			/* the conditions that join are looked at, after all others */
	List	   *fixed;			/* columns of this level that equal known values, see column_number() */
	struct Totals *totals;
} Walk;

/* What was moved in all of the statement. */
typedef struct Totals
{
	int			filters;
	int			joins;
} Totals;

/* ----------
 * What the server does by itself
 * ----------
 */

/* Is a query no more than SELECT ... FROM ... WHERE, to which a condition may be added? */
static bool
is_plain_select(Query *query)
{
	return query->commandType == CMD_SELECT && query->setOperations == NULL && !query->hasAggs &&
		!query->hasWindowFuncs && !query->hasTargetSRFs && query->groupClause == NIL && query->groupingSets == NIL &&
		query->havingQual == NULL && query->distinctClause == NIL && query->limitOffset == NULL &&
		query->limitCount == NULL && query->rowMarks == NIL;
}

/* Has an arm the types of the set operation, in these columns or, with NULL, in all? */
static bool
has_types(Query *arm, List *types, Bitmapset *columns)
{
	ListCell   *lc;
	ListCell   *type = list_head(types);

	foreach(lc, arm->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);

		if (target->resjunk)
			continue;
		if (type == NULL || ((columns == NULL || bms_is_member(0, columns) || bms_is_member(target->resno, columns)) &&
							 exprType((Node *) target->expr) != lfirst_oid(type)))
			return false;
		type = lnext(types, type);
	}
	return true;
}

/* Does the server move conditions on these columns into all arms below a node? */
static bool
is_served(Query *query, Node *node, List *types, Bitmapset *columns)
{
	SetOperationStmt *op = (SetOperationStmt *) node;
	Query	   *arm;

	if (IsA(node, SetOperationStmt))
		return op->op != SETOP_EXCEPT && is_served(query, op->larg, types, columns) &&
			is_served(query, op->rarg, types, columns);
	arm = rt_fetch(((RangeTblRef *) node)->rtindex, query->rtable)->subquery;
	return arm->setOperations == NULL && arm->limitOffset == NULL && arm->limitCount == NULL &&
		arm->groupingSets == NIL && !arm->hasWindowFuncs && !arm->hasTargetSRFs && !arm->hasDistinctOn &&
		has_types(arm, types, columns);
}

/* Does the server itself join each arm of this set operation, as it does with the partitions of a table? */
static bool
is_union_all(Query *query, Node *node)
{
	SetOperationStmt *op = (SetOperationStmt *) node;

	if (IsA(node, RangeTblRef))
		return true;
	return op->op == SETOP_UNION && op->all && is_union_all(query, op->larg) && is_union_all(query, op->rarg);
}

/*
 * Does the server do all that can be done for a condition on these columns of a
 * set operation; or, with NULL, for any, also those with subqueries and joins?
 */
static bool
is_left_to_server(Query *query, Bitmapset *columns)
{
	SetOperationStmt *top = (SetOperationStmt *) query->setOperations;

	if (!is_served(query, (Node *) top, top->colTypes, columns))
		return false;
	return columns || (is_union_all(query, (Node *) top) && query->sortClause == NIL && query->cteList == NIL);
}

/* Has a relation of a query's FROM a set operation in it? */
static bool
holds_union(RangeTblEntry *rte)
{
	ListCell   *lc;

	if (rte->rtekind != RTE_SUBQUERY)
		return false;
	if (rte->subquery->setOperations)
		return !is_left_to_server(rte->subquery, NULL);
	if (is_plain_select(rte->subquery))
		foreach(lc, rte->subquery->rtable)
			if (holds_union(lfirst(lc)))
				return true;
	return false;
}

/*
 * filters_union
 *		May a query have a condition on a set operation?  Allocates nothing.
 */
bool
filters_union(Query *query)
{
	bool		conditions = query->jointree && query->jointree->quals;
	ListCell   *lc;

	if (query->jointree == NULL)
		return false;
	foreach(lc, query->jointree->fromlist)
		conditions |= IsA(lfirst(lc), JoinExpr);
	if (conditions)
		foreach(lc, query->rtable)
			if (holds_union(lfirst(lc)))
				return true;
	return false;
}

/* ----------
 * A condition in other columns
 * ----------
 */

/* A condition's columns of one relation, given new types or replaced. */
typedef struct Replacement
{
	int			relation;
	int			depth;			/* in subqueries of the condition */
	int			shift;			/* how much deeper than the relation's query the condition already is */
	Columns    *columns;		/* the new types, or */
	List	   *targets;		/* what takes their place */
} Replacement;

/* Is a node a column of the relation? */
static bool
is_column(Node *node, int relation, int levels)
{
	Var		   *var = (Var *) node;

	return IsA(node, Var) && var->varno == relation && var->varlevelsup == levels;
}

/* A column in its new type, cast as the set operation does. */
static Node *
cast_column(Var *var, Columns *columns)
{
	int			index = var->varattno - 1;
	Oid			type = list_nth_oid(columns->types, index);
	Var		   *column = makeVar(var->varno, var->varattno, type, list_nth_int(columns->typmods, index),
								 list_nth_oid(columns->collations, index), var->varlevelsup);
	Node	   *result;

	if (type == var->vartype)
		return (Node *) column;
	result = coerce_to_common_type(NULL, (Node *) column, var->vartype, "UNION");
	if (OidIsValid(var->varcollid))
		exprSetCollation(result, var->varcollid);
	return result;
}

/* The operator for another type on one side, of the same family, which an index of that type can serve. */
static Oid
family_operator(Oid operator, int side, Oid type)
{
	ListCell   *lc;

	type = getBaseType(type);
	foreach(lc, compat_comparisons(operator))
	{
		compat_comparison *comparison = lfirst(lc);
		Oid			result = compat_family_member(comparison, side == 0 ? type : comparison->oplefttype,
												  side == 1 ? type : comparison->oprighttype);

		if (OidIsValid(result) && compat_is_inequality(comparison))
			result = get_negator(result);
		if (OidIsValid(result) && result < FirstNormalObjectId && op_strict(result) &&
			op_volatile(result) == PROVOLATILE_IMMUTABLE)
			return result;
	}
	return InvalidOid;
}

/* What is cast, and by functions alone. */
static Node *
before_casts(Node *node)
{
	while (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST &&
		   ((FuncExpr *) node)->args != NIL)
		node = linitial(((FuncExpr *) node)->args);
	return node;
}

/* Compare a column that had to be cast by the operator for its own type, where there is one. */
static void
compare_uncast(OpExpr *op, OpExpr *before, Replacement *replacement)
{
	for (int side = 0; side < 2 && list_length(op->args) == 2; side++)
	{
		Node	   *arg = list_nth(op->args, side);
		Oid			operator;

		if (!IsA(arg, FuncExpr) || !is_column(list_nth(before->args, side), replacement->relation, replacement->depth))
			continue;
		arg = linitial(((FuncExpr *) arg)->args);
		operator = family_operator(op->opno, side, exprType(arg));
		if (!OidIsValid(operator))
			continue;
		op->opno = operator;
		op->opfuncid = get_opcode(operator);
		lfirst(list_nth_cell(op->args, side)) = arg;
	}
}

/* A mutator: the condition over columns of other types. */
static Node *
retype_mutator(Node *node, Replacement *replacement)
{
	Node	   *result;

	if (node == NULL)
		return NULL;
	if (is_column(node, replacement->relation, replacement->depth))
		return cast_column((Var *) node, replacement->columns);
	if (IsA(node, Query))
	{
		replacement->depth++;
		result = (Node *) query_tree_mutator((Query *) node, retype_mutator, replacement, 0);
		replacement->depth--;
		return result;
	}
	result = expression_tree_mutator(node, retype_mutator, replacement);
	if (IsA(node, OpExpr) || IsA(node, DistinctExpr))
		compare_uncast((OpExpr *) result, (OpExpr *) node, replacement);
	return result;
}

/* A mutator: what an arm's columns stand for in the place of them. */
static Node *
substitute_mutator(Node *node, Replacement *replacement)
{
	Node	   *result;

	if (node == NULL)
		return NULL;
	if (is_column(node, replacement->relation, replacement->shift + replacement->depth))
	{
		result = copyObject((Node *) get_tle_by_resno(replacement->targets, ((Var *) node)->varattno)->expr);
		IncrementVarSublevelsUp(result, replacement->depth, 0);
		return result;
	}
	if (IsA(node, Query))
	{
		replacement->depth++;
		result = (Node *) query_tree_mutator((Query *) node, substitute_mutator, replacement, 0);
		replacement->depth--;
		return result;
	}
	return expression_tree_mutator(node, substitute_mutator, replacement);
}

/* A condition as one over a query that is so many levels below the relation's. */
static Node *
condition_inside(Node *condition, int relation, int levels, Query *query)
{
	Replacement replacement = {.relation = relation, .shift = levels, .targets = query->targetList};
	Node	   *result = copyObject(condition);

	IncrementVarSublevelsUp(result, levels, 0);
	return substitute_mutator(result, &replacement);
}

/* A walker's state: the columns of one relation that a condition mentions */
typedef struct Mentioned
{
	int			relation;
	int			depth;
	Bitmapset  *columns;		/* their numbers; 0 is the whole row */
} Mentioned;

static bool
mentioned_walker(Node *node, Mentioned *mentioned)
{
	bool		result;

	if (node == NULL)
		return false;
	if (is_column(node, mentioned->relation, mentioned->depth))
		mentioned->columns = bms_add_member(mentioned->columns, Max(((Var *) node)->varattno, 0));
	if (!IsA(node, Query))
		return expression_tree_walker(node, mentioned_walker, mentioned);
	mentioned->depth++;
	result = query_tree_walker((Query *) node, mentioned_walker, mentioned, 0);
	mentioned->depth--;
	return result;
}

/* The numbers of the relation's columns that a condition mentions. */
static Bitmapset *
mentioned_columns(Node *condition, int relation)
{
	Mentioned	mentioned = {.relation = relation};

	(void) mentioned_walker(condition, &mentioned);
	return mentioned.columns;
}

/* ----------
 * Does a condition agree with what rows are grouped by?
 * ----------
 */

/* Are equal values of a type the same bytes? */
static bool
is_exact(Oid type, Oid collation)
{
	Oid			ordering;

	if (type_is_collatable(type) && !OidIsValid(collation))
		return false;
	get_sort_group_operators(type, false, false, false, &ordering, NULL, NULL, NULL);
	return is_equal_image(ordering, collation);
}

/* A walker's state: how a condition uses one column */
typedef struct Use
{
	int			relation;
	int			depth;
	AttrNumber	column;
	Oid			equality;		/* of the grouping */
	Oid			collation;
} Use;

static Node *
before_relabels(Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

static bool
is_used_column(Node *node, Use *use)
{
	return is_column(node, use->relation, use->depth) && ((Var *) node)->varattno == use->column;
}

/* Does an operator belong to a family of the grouping's equality, and compares in the same collation? */
static bool
is_akin(Oid operator, Oid collation, Use *use)
{
	ListCell   *lc;
	ListCell   *other;

	if (collation != use->collation)
		return false;
	foreach(lc, compat_comparisons(operator))
		foreach(other, compat_comparisons(use->equality))
			if (((compat_comparison *) lfirst(lc))->opfamily_id == ((compat_comparison *) lfirst(other))->opfamily_id)
				return true;
	return false;
}

/* A walker: is the column used in any way that might tell equal values apart? */
static bool
other_use_walker(Node *node, Use *use)
{
	List	   *args = NIL;
	bool		akin = false;
	bool		result;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (is_used_column(node, use))
		return true;
	if (IsA(node, Query))
	{
		use->depth++;
		result = query_tree_walker((Query *) node, other_use_walker, use, 0);
		use->depth--;
		return result;
	}
	if (IsA(node, NullTest))
	{
		args = list_make1(((NullTest *) node)->arg);
		akin = !((NullTest *) node)->argisrow;
	}
	else if (IsA(node, OpExpr) || IsA(node, DistinctExpr))
	{
		args = ((OpExpr *) node)->args;
		akin = is_akin(((OpExpr *) node)->opno, ((OpExpr *) node)->inputcollid, use);
	}
	else if (IsA(node, ScalarArrayOpExpr))
	{
		args = ((ScalarArrayOpExpr *) node)->args;
		akin = is_akin(((ScalarArrayOpExpr *) node)->opno, ((ScalarArrayOpExpr *) node)->inputcollid, use);
	}
	else
		return expression_tree_walker(node, other_use_walker, use);
	foreach(lc, args)
		if (!(akin && is_used_column(before_relabels(lfirst(lc)), use)) && other_use_walker(lfirst(lc), use))
			return true;
	return false;
}

/* Does a condition give the same for all values of a column that are equal as this type and collation? */
static bool
agrees(Node *condition, Use *use, Oid type, Oid collation)
{
	if (is_exact(type, collation))
		return true;
	use->collation = collation;
	get_sort_group_operators(type, false, false, false, NULL, &use->equality, NULL, NULL);
	return use->relation > 0 && OidIsValid(use->equality) && !other_use_walker(condition, use);
}

/* Does it agree with what a set operation groups by? */
static bool
agrees_with_operation(Node *condition, int relation, SetOperationStmt *op)
{
	Bitmapset  *columns = mentioned_columns(condition, relation);
	int			column = -1;

	while ((column = bms_next_member(columns, column)) >= 0)
	{
		Use			use = {.relation = relation, .column = column};

		if (!agrees(condition, &use, list_nth_oid(op->colTypes, column - 1), list_nth_oid(op->colCollations, column - 1)))
			return false;
	}
	return true;
}

/* The same for all parts of a set operation that is further down, for one column. */
static bool
agrees_with_parts(Node *condition, Use *use, Node *node, AttrNumber column)
{
	SetOperationStmt *op = (SetOperationStmt *) node;

	return IsA(node, RangeTblRef) ||
		(agrees(condition, use, list_nth_oid(op->colTypes, column - 1), list_nth_oid(op->colCollations, column - 1)) &&
		 agrees_with_parts(condition, use, op->larg, column) && agrees_with_parts(condition, use, op->rarg, column));
}

static bool agrees_below(Node *condition, Use *use, Query *query, Node *expression);

/* Does a condition on a subquery's column agree with what the subquery groups by, down to its tables? */
static bool
agrees_inside(Node *condition, Use *use, Query *query, AttrNumber column)
{
	TargetEntry *target = get_tle_by_resno(query->targetList, column);
	ListCell   *lc;

	check_stack_depth();
	if (target == NULL)
		return false;
	if ((query->distinctClause || query->groupClause || query->windowClause) &&
		!agrees(condition, use, exprType((Node *) target->expr), exprCollation((Node *) target->expr)))
		return false;
	if (query->setOperations == NULL)
		return agrees_below(condition, use, query, (Node *) target->expr);
	if (!agrees_with_parts(condition, use, query->setOperations, column))
		return false;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY && !agrees_inside(condition, use, rte->subquery, column))
			return false;
	}
	return true;
}

/* A walker's state: the columns of a query in an expression */
typedef struct Below
{
	Node	   *condition;
	Use		   *use;
	Query	   *query;
} Below;

/* A walker: is there a column with which the condition might not agree? */
static bool
below_walker(Node *node, Below *below)
{
	Var		   *var = (Var *) node;
	RangeTblEntry *rte;

	if (node == NULL)
		return false;
	if (!IsA(node, Var))
		return expression_tree_walker(node, below_walker, below);
	if (var->varlevelsup > 0)
		return false;
	rte = rt_fetch(var->varno, below->query->rtable);
	if (rte->rtekind == RTE_JOIN)
		return below_walker(list_nth(rte->joinaliasvars, var->varattno - 1), below);
#if PG_VERSION_NUM >= 180000
	if (rte->rtekind == RTE_GROUP)
		return below_walker(list_nth(rte->groupexprs, var->varattno - 1), below);
#endif
	if (rte->rtekind == RTE_SUBQUERY)
		return var->varattno <= 0 || !agrees_inside(below->condition, below->use, rte->subquery, var->varattno);
	return rte->rtekind == RTE_CTE;
}

/* The same for an expression that stands for the condition's column. */
static bool
agrees_below(Node *condition, Use *use, Query *query, Node *expression)
{
	Below		below = {.condition = condition, .use = use, .query = query};
	Use			none = {0};

	/* of what is computed from the columns, they must be exact */
	if (!IsA(before_relabels(expression), Var))
		below.use = &none;
	return !below_walker(expression, &below);
}

/* ----------
 * What keeps a condition out of a set operation
 * ----------
 */

/* Is this a cast of the server's that cannot fail, though it is not called leakproof? */
static bool
is_safe_cast(Node *node)
{
	if (!IsA(node, FuncExpr))
		return false;
	return ((FuncExpr *) node)->funcid == F_TEXT_BPCHAR || ((FuncExpr *) node)->funcid == F_TEXT_CHAR;
}

/* Is this column IN (SELECT ... FROM unnest(...)) of known lists, as composite_in and array_join make it? */
static bool
is_list_lookup(SubLink *link)
{
	Query	   *query = castNode(Query, link->subselect);
	RangeTblEntry *rte = list_length(query->rtable) == 1 ? linitial(query->rtable) : NULL;
	ListCell   *lc;

	if (rte == NULL || rte->rtekind != RTE_FUNCTION || !is_plain_select(query) || query->jointree->quals)
		return false;
	foreach(lc, rte->functions)
	{
		FuncExpr   *call = (FuncExpr *) ((RangeTblFunction *) lfirst(lc))->funcexpr;

		if (!IsA(call, FuncExpr) || call->funcid != F_UNNEST_ANYARRAY ||
			!(IsA(linitial(call->args), Const) || IsA(linitial(call->args), Param)))
			return false;
	}
	return true;
}

/* Is this what an aggregate or window function gives?  It is computed in any case, before any condition on it. */
static bool
is_computed_before(Node *node, Query *query)
{
	Var		   *var = (Var *) node;
	RangeTblEntry *rte;

	if (!IsA(node, Var) || var->varlevelsup > 0 || var->varattno <= 0)
		return IsA(node, Aggref) || IsA(node, WindowFunc);
	rte = rt_fetch(var->varno, query->rtable);
	return rte->rtekind == RTE_SUBQUERY && rte->subquery->setOperations == NULL &&
		(rte->subquery->hasAggs || rte->subquery->hasWindowFuncs) &&
		is_computed_before((Node *) get_tle_by_resno(rte->subquery->targetList, var->varattno)->expr, rte->subquery);
}

/* A walker: may a condition fail, as it is computed in an arm? */
static bool
fails_in_arm(Node *node, Level *arm)
{
	if (node == NULL)
		return false;
	if (is_computed_before(node, arm->query))
		return false;
	if (IsA(node, Var))
		return may_fail(node, arm);
	if (IsA(node, SubLink))
		return is_list_lookup((SubLink *) node) ? fails_in_arm(((SubLink *) node)->testexpr, arm) :
			condition_may_fail(arm, node);
	/* the planner computes it in any case */
	if (is_known(node) && !has_params(node, NULL))
		return false;
	if (!is_safe_cast(node) && !IsA(node, ArrayExpr) && node_may_fail(node))
		return true;
	return expression_tree_walker(node, fails_in_arm, arm);
}

/* A walker: does a query read the result of a recursive one that it is part of? */
static bool
is_recursive(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_CTE && ((RangeTblEntry *) node)->self_reference;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, is_recursive, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, is_recursive, context);
}

/* Is a condition, as a whole, an EXISTS or IN that the server makes a join, or no subquery in it? */
static bool
has_only_joins(Node *condition)
{
	if (is_notclause(condition))
	{
		condition = (Node *) get_notclausearg(condition);
		if (IsA(condition, SubLink))
			return ((SubLink *) condition)->subLinkType == EXISTS_SUBLINK;
	}
	if (IsA(condition, SubLink))
		return (((SubLink *) condition)->subLinkType == EXISTS_SUBLINK ||
				((SubLink *) condition)->subLinkType == ANY_SUBLINK) &&
			!checkExprHasSubLink(((SubLink *) condition)->testexpr);
	return !checkExprHasSubLink(condition);
}

/* Does a condition use columns of queries around its own? */
static bool
uses_outer_query(Level *level, Node *condition)
{
	int			up = 1;

	for (Level *outer = level->outer; outer; outer = outer->outer)
		if (contain_vars_of_level(condition, up++))
			return true;
	return false;
}

/* Why a condition on a set operation stays above it, whatever the arms are, or NULL. */
static const char *
push_problem(Push *push, Node *condition, bool joined)
{
	RangeTblEntry *rte = rt_fetch(push->relation, push->level->query->rtable);
	Query	   *query = rte->subquery;

	if (query->limitOffset || query->limitCount)
		return "it has a LIMIT";
	if (query->rowMarks)
		return "its rows are locked";
	if (bms_is_member(0, mentioned_columns(condition, push->relation)))
		return "the condition mentions whole rows";
	if (contain_volatile_functions(condition))
		return "the condition calls volatile functions";
	if (contain_volatile_functions((Node *) query))
		return "an arm of it calls volatile functions";
	if (!has_only_joins(condition))
		return "the condition holds a subquery that would be run for each arm";
	if (joined && uses_outer_query(push->level, condition))
		return "it is in an EXISTS or IN that the server may plan as a join";
	if (rte->security_barrier && (checkExprHasSubLink(condition) || contain_leaked_vars(condition)))
		return "it is a view with security_barrier, and the condition is not leakproof";
	if (is_recursive((Node *) query, NULL))
		return "it is part of a recursive query";
	return NULL;
}

/* The columns of an arm. */
static Columns
arm_columns(Query *arm)
{
	Columns		columns = {0};
	ListCell   *lc;

	foreach(lc, arm->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);

		if (target->resjunk)
			continue;
		columns.types = lappend_oid(columns.types, exprType((Node *) target->expr));
		columns.typmods = lappend_int(columns.typmods, exprTypmod((Node *) target->expr));
		columns.collations = lappend_oid(columns.collations, exprCollation((Node *) target->expr));
	}
	return columns;
}

/* May an index of a table serve a comparison of this expression? */
static bool
has_index(Query *query, Node *expression)
{
	Var		   *var = (Var *) before_relabels(expression);
	RangeTblEntry *rte;

	if (!IsA(var, Var) || var->varlevelsup > 0 || var->varattno <= 0)
		return false;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind == RTE_SUBQUERY && is_plain_select(rte->subquery))
		return has_index(rte->subquery, (Node *) get_tle_by_resno(rte->subquery->targetList, var->varattno)->expr);
	return is_indexed(query, (Node *) var);
}

/* Does an index of the arm serve a condition that is a comparison with other relations? */
static bool
is_served_by_index(Query *arm, Node *condition, int relation)
{
	OpExpr	   *op = (OpExpr *) condition;

	if (!IsA(op, OpExpr) || list_length(op->args) != 2 || arm->limitCount || arm->limitOffset)
		return false;
	for (int side = 0; side < 2; side++)
	{
		Var		   *column = (Var *) before_relabels(list_nth(op->args, side));

		if (is_column((Node *) column, relation, 0) &&
			mentioned_columns(list_nth(op->args, 1 - side), relation) == NULL)
			return has_index(arm, (Node *) get_tle_by_resno(arm->targetList, column->varattno)->expr);
	}
	return false;
}

/* Why an arm cannot have the condition, or NULL. */
static const char *
arm_problem(Push *push, Query *arm, Node *condition)
{
	Level		level = {.query = arm, .outer = &push->inside, .attempt = push->level->attempt};
	Bitmapset  *columns = mentioned_columns(condition, push->relation);
	int			column = -1;

	if (push->join && !is_served_by_index(arm, condition, push->relation))
		return "an arm has no index for what it is joined by";
	if (fails_in_arm(condition_inside(condition, push->relation, 2, arm), &level))
		return "the condition, or a column of an arm, may fail";
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		Use			use = {.relation = push->relation, .column = column};

		if (checkExprHasSubLink((Node *) get_tle_by_resno(arm->targetList, column)->expr))
			return "a column of an arm is a subquery";
		if (!agrees_inside(condition, &use, arm, column))
			return "the condition may tell apart what an arm groups as equal, or the arm reads a WITH query";
	}
	return NULL;
}

/* ----------
 * The way into the arms
 * ----------
 */

/* A mutator's state: an arm into which a condition goes */
typedef struct Arm
{
	Query	   *query;
	int			relation;
} Arm;

/*
 * A mutator: compare columns with lists uncast, too, where an index serves.  It
 * is not done where none does, as the executor hashes lists of the compared type alone.
 */
static Node *
uncast_lists(Node *node, Arm *arm)
{
	ScalarArrayOpExpr *any = (ScalarArrayOpExpr *) node;
	Node	   *column;
	Oid			operator;

	if (node == NULL || IsA(node, SubLink))
		return node;
	if (!IsA(node, ScalarArrayOpExpr) || !IsA(linitial(any->args), FuncExpr))
		return expression_tree_mutator(node, uncast_lists, arm);
	column = before_casts(linitial(any->args));
	if (!is_column(column, arm->relation, 0) ||
		!has_index(arm->query, (Node *) get_tle_by_resno(arm->query->targetList, ((Var *) column)->varattno)->expr))
		return node;
	operator = family_operator(any->opno, 0, exprType(column));
	if (!OidIsValid(operator))
		return node;
	any = copyObject(any);
	any->opno = operator;
	any->opfuncid = get_opcode(operator);
	/* the executor chooses how to look up by these */
	any->hashfuncid = InvalidOid;
	any->negfuncid = InvalidOid;
	linitial(any->args) = column;
	return (Node *) any;
}

/* SELECT * FROM (arm) */
static Query *
select_from(Query *arm)
{
	Query	   *query = makeNode(Query);
	RangeTblRef *ref = makeNode(RangeTblRef);
	ListCell   *lc;

	IncrementVarSublevelsUp((Node *) arm, 1, 1);
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->stmt_location = -1;
	query->hasRowSecurity = arm->hasRowSecurity;
	foreach(lc, arm->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);
		Var		   *column;

		if (target->resjunk)
			continue;
		column = makeVarFromTargetEntry(1, target);
		query->targetList = lappend(query->targetList,
									makeTargetEntry((Expr *) column, target->resno, pstrdup(target->resname), false));
	}
	query->rtable = list_make1(subquery_entry(arm, ARM_NAME));
	ref->rtindex = 1;
	query->jointree = makeFromExpr(list_make1(ref), NULL);
	return query;
}

/* Add a condition, which is so many levels above a query, to its WHERE. */
static void
add_condition(Query *query, Node *condition, int relation, int levels)
{
	condition = condition_inside(condition, relation, levels, query);
	query->hasSubLinks |= checkExprHasSubLink(condition);
	query->jointree->quals = (Node *) make_ands_explicit(
		list_concat(make_ands_implicit((Expr *) query->jointree->quals), make_ands_implicit((Expr *) condition)));
}

/* Put a condition over the columns of an arm there, or look for what prevents that. */
static void
push_into_arm(Push *push, RangeTblEntry *rte, Node *condition)
{
	Arm			arm = {.query = rte->subquery, .relation = push->relation};

	if (!push->move)
	{
		push->problem = arm_problem(push, rte->subquery, condition);
		return;
	}
	condition = uncast_lists(condition, &arm);
	if (!is_plain_select(rte->subquery))
		rte->subquery = select_from(rte->subquery);
	add_condition(rte->subquery, condition, push->relation, 2);
}

/* The same for a part of the set operation, which has these columns. */
static void
push_into_part(Push *push, Node *node, Node *condition)
{
	SetOperationStmt *op = (SetOperationStmt *) node;
	RangeTblEntry *rte = NULL;
	Columns		columns;
	Replacement replacement = {.relation = push->relation, .columns = &columns};

	check_stack_depth();
	if (push->problem)
		return;
	if (IsA(node, RangeTblRef))
	{
		rte = rt_fetch(((RangeTblRef *) node)->rtindex, push->inside.query->rtable);
		columns = arm_columns(rte->subquery);
	}
	else
		columns = (Columns) {op->colTypes, op->colTypmods, op->colCollations};
	if (list_member_oid(columns.types, UNKNOWNOID))
	{
		push->problem = "the type of a column is not known";
		return;
	}
	condition = retype_mutator(condition, &replacement);
	if (rte)
		push_into_arm(push, rte, condition);
	else if (!(op->op == SETOP_UNION && op->all) && !agrees_with_operation(condition, push->relation, op))
		push->problem = "the condition may tell apart what the set operation takes as equal";
	else
	{
		push_into_part(push, op->larg, condition);
		push_into_part(push, op->rarg, condition);
	}
}

/* A number for a column of a relation of a level. */
static int
column_number(int relation, AttrNumber column)
{
	return relation * (MaxHeapAttributeNumber + 1) + column;
}

/* The column of a relation that a condition makes equal to something else, or 0. */
static AttrNumber
equal_column(Node *condition, int relation)
{
	OpExpr	   *op = (OpExpr *) condition;

	if (!IsA(op, OpExpr) || list_length(op->args) != 2 ||
		!op_mergejoinable(op->opno, exprType(linitial(op->args))))
		return 0;
	for (int side = 0; side < 2; side++)
	{
		Node	   *column = before_relabels(list_nth(op->args, side));

		if (is_column(column, relation, 0) && mentioned_columns(list_nth(op->args, 1 - side), relation) == NULL)
			return ((Var *) column)->varattno;
	}
	return 0;
}

/* Move a condition into a set operation; false, with a site that tells why, if that is not possible. */
static bool
push_into_operation(Walk *walk, int relation, Node *condition, bool join)
{
	RangeTblEntry *rte = rt_fetch(relation, walk->level->query->rtable);
	Attempt    *attempt = walk->level->attempt;
	Push		push = {.level = walk->level, .relation = relation, .join = join};

	if (is_left_to_server(rte->subquery,
						  join || checkExprHasSubLink(condition) ? NULL : mentioned_columns(condition, relation)))
		return false;
	push.inside = (Level) {.query = rte->subquery, .outer = walk->level, .attempt = attempt};
	push.problem = push_problem(&push, condition, walk->joined);
	push_into_part(&push, rte->subquery->setOperations, condition);
	if (push.problem)
	{
		site_left(attempt, rte->eref->aliasname, "%s", push.problem);
		return false;
	}
	push.move = true;
	push_into_part(&push, rte->subquery->setOperations, condition);
	rte->lateral |= join;
	*(join ? &walk->totals->joins : &walk->totals->filters) += 1;
	site_changed(attempt, rte->eref->aliasname, 0);
	attempt->sure = false;
	attempt->quick = true;
	if (!join && equal_column(condition, relation) > 0)
		walk->fixed = lappend_int(walk->fixed, column_number(relation, equal_column(condition, relation)));
	return true;
}

/*
 * Move a condition into a plain subquery that holds set operations, as the server
 * would do by taking the subquery apart, so that it is met again there.
 */
static bool
push_into_plain(Walk *walk, int relation, Node *condition)
{
	RangeTblEntry *rte = rt_fetch(relation, walk->level->query->rtable);
	Bitmapset  *columns = mentioned_columns(condition, relation);

	if (!is_plain_select(rte->subquery) || rte->security_barrier || bms_is_member(0, columns) ||
		contain_volatile_functions(condition) || contain_volatile_functions((Node *) rte->subquery->targetList) ||
		checkExprHasSubLink((Node *) rte->subquery->targetList))
		return false;
	add_condition(rte->subquery, condition, relation, 1);
	return true;
}

/* Move a condition into the relation that it is on, if that is or holds a set operation. */
static bool
push_into_relation(Walk *walk, int relation, Node *condition)
{
	RangeTblEntry *rte = rt_fetch(relation, walk->level->query->rtable);

	if (!holds_union(rte))
		return false;
	return rte->subquery->setOperations ? push_into_operation(walk, relation, condition, false) :
		push_into_plain(walk, relation, condition);
}

/* The relations that a condition mentions; from 16 on, columns tell of outer joins as well. */
static Bitmapset *
relations_of_condition(Query *query, Node *condition)
{
	Bitmapset  *relations = pull_varnos(NULL, condition);
	int			relation = -1;

	while ((relation = bms_next_member(relations, relation)) >= 0)
		if (rt_fetch(relation, query->rtable)->rtekind == RTE_JOIN)
			relations = bms_del_member(relations, relation);
	return relations;
}

/* ----------
 * Joins with a set operation
 * ----------
 */

/* Is a relation joined by inner joins alone, which have no names and columns of their own? */
static bool
is_movable(Node *node, int relation)
{
	JoinExpr   *join = (JoinExpr *) node;
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == relation;
	if (IsA(node, JoinExpr))
		return join->jointype == JOIN_INNER && join->alias == NULL && join->usingClause == NIL &&
			(is_movable(join->larg, relation) || is_movable(join->rarg, relation));
	foreach(lc, ((FromExpr *) node)->fromlist)
		if (is_movable(lfirst(lc), relation))
			return true;
	return false;
}

/* What is joined with a relation, as a list of what is joined; the joins' conditions are added to those of WHERE. */
static List *
unjoin(Query *query, Node *node, int relation)
{
	JoinExpr   *join = (JoinExpr *) node;
	FromExpr   *from = query->jointree;

	if (!is_movable(node, relation))
		return list_make1(node);
	if (IsA(node, RangeTblRef))
		return NIL;
	from->quals = (Node *) make_ands_explicit(
		list_concat(make_ands_implicit((Expr *) join->quals), make_ands_implicit((Expr *) from->quals)));
	lfirst(list_nth_cell(query->rtable, join->rtindex - 1)) = empty_entry();
	return list_concat(unjoin(query, join->larg, relation), unjoin(query, join->rarg, relation));
}

/* Move a relation to the end of FROM, so that it may refer to all that is before it. */
static void
move_to_end(Query *query, int relation)
{
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *fromlist = NIL;
	int			depth = 0;
	ListCell   *lc;

	foreach(lc, query->jointree->fromlist)
		fromlist = list_concat(fromlist, unjoin(query, lfirst(lc), relation));
	ref->rtindex = relation;
	query->jointree->fromlist = lappend(fromlist, ref);
	/* the joins that are no more are not to be named */
	(void) query_tree_walker(query, forget_joins, &depth, 0);
}

/* Do these relations stand before another one in FROM?  *seen gathers those that do. */
static bool
stand_before(Node *node, int relation, Bitmapset *others, Bitmapset **seen)
{
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
	{
		int			index = ((RangeTblRef *) node)->rtindex;

		*seen = bms_add_member(*seen, index);
		return index == relation && bms_is_subset(others, *seen);
	}
	if (IsA(node, JoinExpr))
		return stand_before(((JoinExpr *) node)->larg, relation, others, seen) ||
			stand_before(((JoinExpr *) node)->rarg, relation, others, seen);
	foreach(lc, ((FromExpr *) node)->fromlist)
		if (stand_before(lfirst(lc), relation, others, seen))
			return true;
	return false;
}

/*
 * May a set operation, which is read again for each row of the others, refer to
 * them?  They must not refer to it.
 */
static bool
may_refer(Query *query, int relation, Bitmapset *others)
{
	int			other = -1;

	if (query->commandType != CMD_SELECT || query->rowMarks || has_full_join(query) ||
		rt_fetch(relation, query->rtable)->rtekind != RTE_SUBQUERY ||
		rt_fetch(relation, query->rtable)->subquery->setOperations == NULL)
		return false;
	while ((other = bms_next_member(others, other)) >= 0)
		if (rt_fetch(other, query->rtable)->lateral)
			return false;
	return true;
}

/*
 * Move a condition that joins a set operation with other relations into it.
 * *moved gathers the set operations that go to the end of FROM for that.
 */
static bool
push_join(Walk *walk, Node *condition, Bitmapset *candidates, Bitmapset *others, Bitmapset **moved)
{
	Query	   *query = walk->level->query;
	Bitmapset  *relations = relations_of_condition(query, condition);
	int			relation = -1;

	/* the other form of the statement */
	if (walk->level->attempt->form > 0 || bms_num_members(relations) < 2 || checkExprHasSubLink(condition))
		return false;
	while ((relation = bms_next_member(candidates, relation)) >= 0)
	{
		Bitmapset  *rest = bms_del_member(bms_copy(relations), relation);
		Bitmapset  *seen = NULL;
		bool		before = stand_before((Node *) query->jointree, relation, rest, &seen);

		if (bms_is_member(relation, relations) && bms_is_subset(rest, others) && may_refer(query, relation, rest) &&
			(before || is_movable((Node *) query->jointree, relation)) &&
			!list_member_int(walk->fixed, column_number(relation, equal_column(condition, relation))) &&
			push_into_operation(walk, relation, condition, true))
		{
			if (!before)
				*moved = bms_add_member(*moved, relation);
			return true;
		}
	}
	return false;
}

/* The conditions of the outer join with a set operation that stay, where some go into it. */
static Node *
push_outer_join(Walk *walk, JoinExpr *join, Side left)
{
	Bitmapset  *candidates;
	List	   *kept = NIL;
	Bitmapset  *moved = NULL;
	ListCell   *lc;

	if (!walk->joins || join->jointype != JOIN_LEFT || !IsA(join->rarg, RangeTblRef))
		return join->quals;
	candidates = bms_make_singleton(((RangeTblRef *) join->rarg)->rtindex);
	foreach(lc, make_ands_implicit((Expr *) join->quals))
	{
		Node	   *condition = without_join_aliases(walk->level->query, lfirst(lc));

		if (condition == NULL || !push_join(walk, condition, candidates, left.plain, &moved))
			kept = lappend(kept, lfirst(lc));
	}
	return (Node *) (kept ? make_ands_explicit(kept) : NULL);
}

/* The conditions of WHERE and of inner joins that stay, where some go into a set operation that they join. */
static Node *
push_inner_joins(Walk *walk, Node *conditions, Side side, Bitmapset **moved)
{
	List	   *kept = NIL;
	ListCell   *lc;

	if (!walk->joins)
		return conditions;
	foreach(lc, make_ands_implicit((Expr *) conditions))
	{
		Node	   *condition = without_join_aliases(walk->level->query, lfirst(lc));

		if (condition == NULL || !push_join(walk, condition, side.plain, side.plain, moved))
			kept = lappend(kept, lfirst(lc));
	}
	return (Node *) (kept ? make_ands_explicit(kept) : NULL);
}

/* ----------
 * The conditions of a query
 * ----------
 */

/* The conditions, of those of a join or of WHERE, that stay. */
static Node *
push_conditions(Walk *walk, Node *conditions, Side side)
{
	List	   *kept = NIL;
	ListCell   *lc;

	if (walk->joins)
		return conditions;
	foreach(lc, make_ands_implicit((Expr *) conditions))
	{
		Node	   *condition = without_join_aliases(walk->level->query, lfirst(lc));
		Bitmapset  *relations = condition ? relations_of_condition(walk->level->query, condition) : NULL;
		int			relation;
		bool		moved = false;

		if (bms_get_singleton_member(relations, &relation))
		{
			/* the server derives from an equality what others equal */
			if (bms_is_member(relation, side.plain))
				moved = push_into_relation(walk, relation, condition) &&
					(list_length(walk->level->query->rtable) == 1 || equal_column(condition, relation) == 0);
			else if (bms_is_member(relation, side.nulled) &&
					 bms_is_member(relation, find_nonnullable_rels(condition)))
				(void) push_into_relation(walk, relation, condition);
		}
		if (!moved)
			kept = lappend(kept, lfirst(lc));
	}
	return kept ? (Node *) make_ands_explicit(kept) : NULL;
}

/* Move what can be moved at the conditions of a part of the join tree; *moved: set operations that go to the end of FROM. */
static Side
push_in_tree(Walk *walk, Node *node, Bitmapset **moved)
{
	JoinExpr   *join = (JoinExpr *) node;
	Side		side = {0};
	Side		left;
	Side		right;
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
	{
		side.plain = bms_make_singleton(((RangeTblRef *) node)->rtindex);
		return side;
	}
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
		{
			left = push_in_tree(walk, lfirst(lc), moved);
			side.plain = bms_add_members(side.plain, left.plain);
			side.nulled = bms_add_members(side.nulled, left.nulled);
		}
		((FromExpr *) node)->quals = push_conditions(walk, ((FromExpr *) node)->quals, side);
		((FromExpr *) node)->quals = push_inner_joins(walk, ((FromExpr *) node)->quals, side, moved);
		return side;
	}
	left = push_in_tree(walk, join->larg, moved);
	right = push_in_tree(walk, join->rarg, moved);
	side.nulled = bms_union(left.nulled, right.nulled);
	/* the condition of an outer join is one on the side that may become NULL alone */
	if (join->jointype == JOIN_LEFT || join->jointype == JOIN_RIGHT)
	{
		Side	   *nullable = join->jointype == JOIN_LEFT ? &right : &left;

		join->quals = push_conditions(walk, join->quals, *nullable);
		join->quals = push_outer_join(walk, join, left);
		side.plain = join->jointype == JOIN_LEFT ? left.plain : right.plain;
		side.nulled = bms_add_members(side.nulled, nullable->plain);
		return side;
	}
	if (join->jointype != JOIN_INNER)
	{
		side.nulled = bms_add_members(bms_add_members(side.nulled, left.plain), right.plain);
		return side;
	}
	side.plain = bms_union(left.plain, right.plain);
	join->quals = push_conditions(walk, join->quals, side);
	join->quals = push_inner_joins(walk, join->quals, side, moved);
	return side;
}

static bool push_below(Node *node, Walk *walk);

/* Tell what would be done in a MERGE, whose copy this is. */
static void
tell_of_merge(Walk *outer, Query *query)
{
	Attempt		attempt = *outer->level->attempt;
	Level		level = *outer->level;
	Walk		walk = {.level = &level, .totals = outer->totals};

	attempt.sites = NIL;
	level.attempt = &attempt;
	(void) query_tree_walker(query, push_below, &walk, QTW_IGNORE_JOINALIASES);
	sites_left(outer->level->attempt, &attempt, "MERGE is left as it is");
}

/* Move what can be moved in a query, and then in the queries in it, where it may go further. */
static void
push_in_query(Walk *outer, Query *query)
{
	Level		level = {
		.query = query,
		.outer = outer->level->query ? outer->level : NULL,
		.attempt = outer->level->attempt,
	};
	Walk		walk = {.level = &level, .joined = outer->joined, .totals = outer->totals};
	Bitmapset  *moved = NULL;
	int			relation = -1;

	check_stack_depth();
	if (query->commandType == CMD_MERGE && level.attempt->telling)
		tell_of_merge(outer, copyObject(query));
	if (query->commandType == CMD_MERGE || query->commandType == CMD_UTILITY)
		return;
	if (filters_union(query))
	{
		(void) push_in_tree(&walk, (Node *) query->jointree, &moved);
		walk.joins = true;
		(void) push_in_tree(&walk, (Node *) query->jointree, &moved);
		walk.joins = false;
	}
	while ((relation = bms_next_member(moved, relation)) >= 0)
		move_to_end(query, relation);
	(void) query_tree_walker(query, push_below, &walk, QTW_IGNORE_JOINALIASES);
}

/* A walker */
static bool
push_below(Node *node, Walk *walk)
{
	SubLink    *link = (SubLink *) node;
	Walk		inside = *walk;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		push_in_query(walk, (Query *) node);
	else if (IsA(node, SubLink))
	{
		inside.joined |= link->subLinkType == EXISTS_SUBLINK || link->subLinkType == ANY_SUBLINK;
		(void) push_below(link->testexpr, walk);
		(void) push_below(link->subselect, &inside);
	}
	else
		(void) expression_tree_walker(node, push_below, walk);
	return false;
}

/*
 * try_union_pushdown
 *		A RewriteFunction (see planner.h).  Form 1 leaves joins as they are.
 *		Opens tables of the statement, which are locked, and their indexes, which
 *		it locks as planning does.
 */
Query *
try_union_pushdown(Query *query, Attempt *attempt)
{
	Level		level = {.attempt = attempt};
	Totals		totals = {0};
	Walk		walk = {.level = &level, .totals = &totals};

	push_in_query(&walk, query);
	if (totals.joins > 0 && totals.filters > 0)
		attempt->forms = 2;
	return query;
}
