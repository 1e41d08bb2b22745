/*
 * array_join.c
 *	  Look-ups in an array that the executor does not hash: x = ANY ($1).
 *
 * The executor hashes an array of nine or more elements if it is a constant
 * when the plan is made and has the type of the left side.  It compares x with
 * the elements one by one where the array is a parameter of a generic plan, a
 * list in which parameters are, or an array of another type than x.
 *
 * Shapes.  As a condition of WHERE or of an inner join: x = ANY (array) and
 * x IN (list), x <> ALL (array) and x NOT IN (list), also under one NOT, over a
 * parameter, a list with parameters, or a constant of another type, of which
 * only the truth matters.
 *
 * Forms.  x IN (SELECT unnest(array)), which the planner makes a semi-join
 * (form 0); or, where no index is there to be used, the same as a filter that
 * looks x up in a hash table (form 1).  For <> ALL
 *		array IS NOT NULL AND NOT (x IN (SELECT unnest(array))).
 *
 * Why the result is the same.  unnest gives the elements of an array of any
 * dimensions, as ANY and ALL go through them.  IN answers as = ANY does, with
 * NULLs on either side, but for the array NULL, for which ANY and ALL are NULL
 * and the subquery has no rows: for = ANY neither false nor NULL is true, for
 * <> ALL the array is tested.  Operator, collation and volatility: as in
 * composite_in.c, and so is the locking.
 *
 * Left alone: arrays that are hashed, columns of foreign tables, arrays that
 * are computed, and everything that composite_in.c leaves alone.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "planner/levels.h"
#include "planner/lookup.h"

/* How many elements the planner takes an array to have that it does not know. */
#define UNKNOWN_LENGTH 10

/* Arrays that are known to have fewer elements than this are left alone: to look one value up takes as long as to compare it with a dozen. */
#define LEAST_LENGTH 16

/* An array without casts of its elements that cannot fail. */
static Node *
strip_array(Node *array)
{
	for (;;)
	{
		ArrayCoerceExpr *cast = (ArrayCoerceExpr *) array;

		if (IsA(array, RelabelType))
			array = (Node *) ((RelabelType *) array)->arg;
		else if (IsA(array, ArrayCoerceExpr) &&
				 (IsA(cast->elemexpr, RelabelType) ||
				  (IsA(cast->elemexpr, FuncExpr) && is_harmless(((FuncExpr *) cast->elemexpr)->funcid))))
			array = (Node *) cast->arg;
		else
			return array;
	}
}

/* The number of elements of an array; -1 if that is not known. */
static int
known_length(Node *array)
{
	array = strip_array(array);
	if (IsA(array, ArrayExpr) && !((ArrayExpr *) array)->multidims)
		return list_length(((ArrayExpr *) array)->elements);
	if (IsA(array, Const) && !((Const *) array)->constisnull)
	{
		ArrayType  *value = DatumGetArrayTypeP(((Const *) array)->constvalue);

		return ArrayGetNItems(ARR_NDIM(value), ARR_DIMS(value));
	}
	return -1;
}

/* Is this array a value that can be computed once, at any place? */
static bool
is_known_array(Node *array)
{
	ListCell   *lc;

	array = strip_array(array);
	if (!IsA(array, ArrayExpr))
		return is_known(array) && is_infallible(array);
	foreach(lc, ((ArrayExpr *) array)->elements)
		if (!is_known(lfirst(lc)) || !is_infallible(lfirst(lc)))
			return false;
	return !((ArrayExpr *) array)->multidims;
}

/* Will the array be a constant that the executor hashes? */
static bool
is_hashed(ScalarArrayOpExpr *expr, Attempt *attempt)
{
	Node	   *array = lsecond(expr->args);
	Oid			left;
	Oid			right;
	List	   *values;
	ListCell   *lc;

	op_input_types(expr->opno, &left, &right);
	if (left != right)
		return false;
	array = strip_array(array);
	values = list_make1(array);
	if (IsA(array, ArrayExpr))
		values = ((ArrayExpr *) array)->elements;
	if (attempt->params == NULL)
		foreach(lc, values)
			if (!IsA(strip_implicit_coercions(lfirst(lc)), Const))
				return false;
	return true;
}

/* Why a look-up is left alone, or NULL. */
static const char *
array_problem(Level *level, ScalarArrayOpExpr *expr, Oid equality, bool force)
{
	Node	   *array = lsecond(expr->args);
	Node	   *left = linitial(expr->args);
	int			length;

	if (!contain_var_clause(left) && !has_outer_columns(left, NULL))
		return "it compares no column";
	if (!OidIsValid(equality))
		return psprintf("operator %s has no negator", get_opname(expr->opno));
	if (!is_known_array(array))
		return "the array is computed";
	length = known_length(array);
	if (!force && length >= 0 && length < LEAST_LENGTH)
		return psprintf("it has less than %d elements", LEAST_LENGTH);
	if (!OidIsValid(get_element_type(exprType(array))))
		return "the array has no plain array type";
	return lookup_problem(level, left, equality, expr->inputcollid, get_element_type(exprType(array)));
}

/* array IS NOT NULL AND NOT lookup */
static Node *
not_in(Node *lookup, Node *array)
{
	Node	   *absent = (Node *) makeBoolExpr(NOT_EXPR, list_make1(lookup), -1);
	NullTest   *present;

	if (IsA(array, ArrayExpr))
		return absent;
	present = makeNode(NullTest);
	present->arg = (Expr *) copyObject(array);
	present->nulltesttype = IS_NOT_NULL;
	present->location = -1;
	return (Node *) makeBoolExpr(AND_EXPR, list_make2(present, absent), -1);
}

static Node *replace_array(Level *level, Node *node, bool filter);

/*
 * NOT of a look-up in a condition: NOT x = ANY (array) is x <> ALL (array), as
 * the planner has it, too.  NULL if it is left alone.
 */
static Node *
replace_negated(Level *level, Node *negation)
{
	ScalarArrayOpExpr *expr = (ScalarArrayOpExpr *) get_notclausearg(negation);
	int			told = list_length(level->attempt->sites);
	ScalarArrayOpExpr *negated;
	Node	   *result;

	if (!IsA(expr, ScalarArrayOpExpr) || !OidIsValid(get_negator(expr->opno)))
		return NULL;
	negated = copyObject(expr);
	negated->opno = get_negator(expr->opno);
	negated->opfuncid = get_opcode(negated->opno);
	negated->useOr = !expr->useOr;
	result = replace_array(level, (Node *) negated, true);
	if (result || list_length(level->attempt->sites) == told)
		return result;
	/* it was told why, once */
	expr->args = (List *) rewrite_below(level, (Node *) expr->args, false);
	return negation;
}

/* A LevelFunction */
static Node *
replace_array(Level *level, Node *node, bool filter)
{
	ScalarArrayOpExpr *expr = (ScalarArrayOpExpr *) node;
	Attempt    *attempt = level->attempt;
	LookupColumn column;
	Node	   *array;
	Node	   *lookup;
	const char *where;
	const char *problem;
	int			length;

	if (filter && is_notclause(node))
		return replace_negated(level, node);
	if (!IsA(node, ScalarArrayOpExpr) || (!filter && !attempt->telling) || is_hashed(expr, attempt))
		return NULL;
	array = lsecond(expr->args);
	column.left = linitial(expr->args);
	column.operator = expr->useOr ? expr->opno : get_negator(expr->opno);
	column.collation = expr->inputcollid;
	column.type = get_element_type(exprType(array));
	column.array = array;
	where = relations_of(level->query, column.left);
	problem = array_problem(level, expr, column.operator, attempt->force);
	if (problem == NULL && !filter)
		problem = "it is not by itself a condition of WHERE or of an inner join";
	if (problem)
	{
		site_left(attempt, where, "%s", problem);
		return NULL;
	}
	if (attempt->cut > 0)
		return NULL;

	if (expr->useOr && may_join(level->query, attempt, column.left, has_params(array, NULL)))
		attempt->forms = 2;
	else if (expr->useOr && is_indexed(level->query, column.left))
	{
		site_left(attempt, where, "an index may be used, and it cannot be a join here");
		return NULL;
	}
	length = known_length(array);
	site_changed(attempt, where, length < 0 ? UNKNOWN_LENGTH : length);
	attempt->unbound |= attempt->params == NULL && IsA(strip_array(array), Param);
	attempt->sure = false;
	level->sublinks = true;
	lookup = make_lookup(level->query, &column, 1);
	if (!expr->useOr)
		return not_in(lookup, array);
	if (attempt->form == 0 && may_join(level->query, attempt, column.left, has_params(array, NULL)))
		return lookup;
	return make_listed(attempt, lookup, NULL);
}

/*
 * try_array_join
 *		A RewriteFunction (see planner.h).  Form 0 lets the planner join where
 *		that is safe, form 1 never does.
 */
Query *
try_array_join(Query *query, Attempt *attempt)
{
	return rewrite_levels(query, attempt, replace_array);
}
