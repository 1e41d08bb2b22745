/*
 * list_stats.c
 *	  What the planner is told of lists that columns are looked up in.
 *
 * The planner knows nothing of a function's rows, and of a condition that is a
 * subquery even less: it takes half of all rows to be in a list, whatever its
 * length.  Two things tell it better.
 *
 * A list that stays a filter is the argument of more.listed(), which gives what
 * it is given, and whose support function estimates: of a table's nd different
 * keys, n are in a list of n.  Where a condition on one of the columns stands
 * beside it that follows of the list, what that leaves out is not counted twice;
 * nor is what the look-up costs, where such a condition stands before it.
 *
 * A list that is joined is a relation "list" of unnest calls over arrays.  The
 * selectivity of a semi-join is estimated column by column, as the number of
 * different values in the list by that in the table.  So its columns together
 * are said to have as many different values as the list has tuples: that which
 * has most as many as it has, each other as many as there are for one value of
 * those before it.  Parameters of a generic plan are taken to be different.  All
 * this is a matter of costs alone, never of results.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"

#include "planner/lookup.h"

PG_FUNCTION_INFO_V1(listed);
PG_FUNCTION_INFO_V1(listed_support);

static get_relation_stats_hook_type previous_stats_hook = NULL;

/*
 * more.listed(boolean): its argument, a look-up in a list.
 */
Datum
listed(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* ------------------------------------------------------------------------ */
/* A list as a filter														*/
/* ------------------------------------------------------------------------ */

/* What a look-up compares with the list's columns. */
static List *
looked_up(SubPlan *subplan)
{
	List	   *lefts = NIL;
	ListCell   *lc;

	foreach(lc, make_ands_implicit((Expr *) subplan->testexpr))
	{
		OpExpr	   *test = lfirst(lc);

		if (!IsA(test, OpExpr) || list_length(test->args) != 2)
			return NIL;
		lefts = lappend(lefts, linitial(test->args));
	}
	return lefts;
}

/* A relation by its number; NULL if that is an outer join's, which columns name, too, since 16. */
static RelOptInfo *
base_relation(PlannerInfo *root, int relid)
{
	return relid < root->simple_rel_array_size ? root->simple_rel_array[relid] : NULL;
}

/*
 * How many different keys there may be: of the columns' numbers of different
 * values the product, but no more than there are rows.
 */
static double
count_keys(PlannerInfo *root, List *lefts, Bitmapset *relids)
{
	double		keys = 1;
	double		rows = 1;
	int			relid = -1;
	ListCell   *lc;

	foreach(lc, lefts)
	{
		VariableStatData variable;
		bool		is_default;

		examine_variable(root, lfirst(lc), 0, &variable);
		/* what comes from outside has one value at a time */
		if (variable.rel)
			keys *= get_variable_numdistinct(&variable, &is_default);
		ReleaseVariableStats(variable);
	}
	while ((relid = bms_next_member(relids, relid)) >= 0)
		if (base_relation(root, relid))
			rows *= Max(base_relation(root, relid)->tuples, 1);
	return Min(keys, rows);
}

/* The share of a relation's rows that conditions beside a look-up leave: those with "= ANY" on its columns. */
static Selectivity
left_beside(PlannerInfo *root, RelOptInfo *rel, List *lefts)
{
	Selectivity result = 1.0;
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		RestrictInfo *condition = lfirst(lc);
		ScalarArrayOpExpr *any = (ScalarArrayOpExpr *) condition->clause;

		if (IsA(any, ScalarArrayOpExpr) && any->useOr && list_member(lefts, linitial(any->args)))
			result *= clause_selectivity(root, (Node *) condition, 0, JOIN_INNER, NULL);
	}
	return result;
}

/* The look-up that more.listed() is called with, and what stands before it; NULL if it is none. */
static SubPlan *
lookup_in_call(List *args, ScalarArrayOpExpr **prefilter)
{
	List	   *conditions = list_length(args) == 1 ? make_ands_implicit(linitial(args)) : NIL;
	SubPlan    *subplan = conditions == NIL ? NULL : llast(conditions);

	*prefilter = NULL;
	if (subplan == NULL || !IsA(subplan, SubPlan) || subplan->subLinkType != ANY_SUBLINK)
		return NULL;
	if (list_length(conditions) == 2 && IsA(linitial(conditions), ScalarArrayOpExpr))
		*prefilter = linitial(conditions);
	return subplan;
}

/* How many of the rows are in the list; < 0 if that is not known. */
static Selectivity
listed_selectivity(PlannerInfo *root, List *args)
{
	ScalarArrayOpExpr *prefilter;
	SubPlan    *subplan = lookup_in_call(args, &prefilter);
	List	   *lefts = subplan ? looked_up(subplan) : NIL;
	Bitmapset  *relids = pull_varnos(root, (Node *) lefts);
	int			relid = -1;
	Selectivity result;

	if (bms_is_empty(relids))
		return -1;
	result = planner_subplan_get_plan(root, subplan)->plan_rows / count_keys(root, lefts, relids);
	while ((relid = bms_next_member(relids, relid)) >= 0)
		if (base_relation(root, relid))
			result /= Max(left_beside(root, base_relation(root, relid), lefts), 1.0e-10);
	CLAMP_PROBABILITY(result);
	return result;
}

/*
 * What more.listed() adds to the cost of its argument, for each row: nothing,
 * or less, because the planner takes every row to be looked up even where the
 * condition before the look-up leaves few.
 */
static Cost
listed_cost(PlannerInfo *root, FuncExpr *call)
{
	ScalarArrayOpExpr *prefilter;
	SubPlan    *subplan = lookup_in_call(call->args, &prefilter);
	VariableStatData variable;
	bool		is_default;
	double		share;
	Cost		result;

	if (root == NULL || subplan == NULL || prefilter == NULL)
		return 0;
	examine_variable(root, linitial(prefilter->args), 0, &variable);
	share = compat_array_length(root, lsecond(prefilter->args)) / get_variable_numdistinct(&variable, &is_default);
	ReleaseVariableStats(variable);
	result = -subplan->per_call_cost * (1 - Min(share, 1));
	/* of a hashed array it counts the hash of the value, of a look-up none */
	if (OidIsValid(prefilter->hashfuncid))
		result -= cpu_operator_cost;
	return result;
}

/*
 * listed_support
 *		Planner support: how many rows it leaves, and what it costs.
 */
Datum
listed_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSelectivity))
	{
		SupportRequestSelectivity *wanted = (SupportRequestSelectivity *) request;
		Selectivity result = listed_selectivity(wanted->root, wanted->args);

		if (result < 0)
			PG_RETURN_POINTER(NULL);
		wanted->selectivity = result;
		PG_RETURN_POINTER(request);
	}
	if (IsA(request, SupportRequestCost))
	{
		SupportRequestCost *cost = (SupportRequestCost *) request;

		if (cost->node == NULL || !IsA(cost->node, FuncExpr))
			PG_RETURN_POINTER(NULL);
		cost->startup = 0;
		cost->per_tuple = listed_cost(cost->root, (FuncExpr *) cost->node);
		PG_RETURN_POINTER(request);
	}
	PG_RETURN_POINTER(NULL);
}

/*
 * make_listed
 *		A look-up as a condition that the planner leaves a filter, behind a
 *		condition that follows of it, or NULL.  Where there is no more.listed(),
 *		or the user may not call it, the estimate goes without.
 */
Node *
make_listed(Attempt *attempt, Node *lookup, Node *prefilter)
{
	Oid			function = extension_function("listed", 1);
	BooleanTest *test;

	if (prefilter)
		lookup = (Node *) makeBoolExpr(AND_EXPR, list_make2(prefilter, lookup), -1);
	if (OidIsValid(function) && may_call(attempt, function))
		return (Node *) makeFuncExpr(function, BOOLOID, list_make1(lookup), InvalidOid, InvalidOid,
									 COERCE_EXPLICIT_CALL);
	test = makeNode(BooleanTest);
	test->arg = (Expr *) lookup;
	test->booltesttype = IS_TRUE;
	test->location = -1;
	return (Node *) test;
}

/* ------------------------------------------------------------------------ */
/* A list as a relation														*/
/* ------------------------------------------------------------------------ */

/* How many values are looked at to tell how many are different. */
#define SAMPLE_VALUES 1024

/* The array of a column of the list; NULL if it is none that unnest takes. */
static Node *
column_array(RangeTblEntry *rte, int column)
{
	RangeTblFunction *function = list_nth(rte->functions, column);
	FuncExpr   *unnest = (FuncExpr *) function->funcexpr;

	if (!IsA(unnest, FuncExpr) || unnest->funcid != F_UNNEST_ANYARRAY)
		return NULL;
	return linitial(unnest->args);
}

/* The same where it is a constant; else NULL. */
static ArrayType *
known_array(RangeTblEntry *rte, int column)
{
	Const	   *array = (Const *) column_array(rte, column);

	if (array == NULL || !IsA(array, Const) || array->constisnull)
		return NULL;
	return DatumGetArrayTypeP(array->constvalue);
}

/*
 * Is this a list?  How many tuples it has goes to *tuples, and whether all the
 * values are known to *known.  It goes by the form: of a relation that
 * somebody else gave this name and form, the same is true.
 */
static bool
is_list(RangeTblEntry *rte, double *tuples, bool *known)
{
	if (rte->rtekind != RTE_FUNCTION || rte->alias == NULL || rte->funcordinality ||
		strcmp(rte->alias->aliasname, LIST_NAME) != 0)
		return false;
	*known = true;
	*tuples = 0;
	for (int c = 0; c < list_length(rte->functions); c++)
	{
		Node	   *array = column_array(rte, c);
		ArrayType  *values = known_array(rte, c);

		*known &= values != NULL;
		if (values)
			*tuples = Max(*tuples, ArrayGetNItems(ARR_NDIM(values), ARR_DIMS(values)));
		else if (array && IsA(array, ArrayExpr))
			*tuples = Max(*tuples, list_length(((ArrayExpr *) array)->elements));
		else
			return false;
	}
	return *tuples > 0;
}

/* About how many different values there are in an array, and the share of nulls; goes by the values' bytes. */
static double
count_different(ArrayType *array, double *nulls)
{
	uint32		seen[SAMPLE_VALUES * 2] = {0};
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	int			step = n / SAMPLE_VALUES + 1;
	int			looked = 0;
	int			null = 0;
	int			different = 0;
	int16		length;
	bool		by_value;
	char		align;
	ArrayIterator iterator;
	Datum		value;
	bool		isnull;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	iterator = array_create_iterator(array, 0, NULL);
	for (int i = 0; array_iterate(iterator, &value, &isnull); i++)
	{
		uint32		hash;
		int			slot;

		if (i % step != 0)
			continue;
		looked++;
		null += isnull;
		if (isnull)
			continue;
		hash = (by_value ? hash_bytes((unsigned char *) &value, sizeof(value)) :
				hash_bytes((unsigned char *) DatumGetPointer(value),
						   att_addlength_datum(0, length, value))) | 1;
		for (slot = hash % lengthof(seen); seen[slot] != 0 && seen[slot] != hash;)
			slot = (slot + 1) % lengthof(seen);
		different += seen[slot] == 0;
		seen[slot] = hash;
	}
	array_free_iterator(iterator);
	*nulls = looked > 0 ? (double) null / looked : 0;
	/* few that come again and again are all that there are */
	return Max(different, 1) * (different > looked / 2 ? (double) n / looked : 1);
}

/* Statistics of a column that has so many values. */
static HeapTuple
make_statistics(Oid type, double different, double nulls)
{
	Relation	catalog = table_open(StatisticRelationId, AccessShareLock);
	Datum		values[Natts_pg_statistic] = {0};
	bool		isnull[Natts_pg_statistic] = {false};
	HeapTuple	result;

	for (int i = Anum_pg_statistic_stanumbers1; i <= Natts_pg_statistic; i++)
		isnull[i - 1] = true;
	values[Anum_pg_statistic_stanullfrac - 1] = Float4GetDatum(nulls);
	values[Anum_pg_statistic_stawidth - 1] = Int32GetDatum(get_typavgwidth(type, -1));
	values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum(different);
	result = heap_form_tuple(RelationGetDescr(catalog), values, isnull);
	table_close(catalog, AccessShareLock);
	return result;
}

/*
 * How many different values a column of a list is said to have, and the share of
 * nulls.  The column that has most tells first, so that the planner does not
 * take the list to have fewer tuples than that.
 */
static double
different_in_column(RangeTblEntry *rte, int column, double tuples, double *nulls)
{
	int			ncolumns = list_length(rte->functions);
	double	   *different = palloc_array(double, ncolumns);

	for (int c = 0; c < ncolumns; c++)
	{
		double		null;

		different[c] = count_different(known_array(rte, c), &null);
		if (c == column)
			*nulls = null;
	}
	for (;;)
	{
		int			most = 0;

		for (int c = 1; c < ncolumns; c++)
			if (different[c] > different[most])
				most = c;
		if (most == column || different[most] < 1)
			return Min(Max(different[column], 1), tuples);
		tuples /= Min(different[most], tuples);
		different[most] = 0;
	}
}

/* get_relation_stats_hook; it is called for every column that any statement compares, so it must be short */
static bool
know_lists(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum, VariableStatData *vardata)
{
	double		tuples;
	double		different;
	double		nulls = 0;
	bool		known;

	if (previous_stats_hook && previous_stats_hook(root, rte, attnum, vardata))
		return true;
	if (attnum < 1 || attnum > list_length(rte->functions) || !is_list(rte, &tuples, &known))
		return false;
	if (known)
		different = different_in_column(rte, attnum - 1, tuples, &nulls);
	else
		different = tuples;
	vardata->statsTuple = make_statistics(get_element_type(exprType(column_array(rte, attnum - 1))),
										  different, nulls);
	vardata->freefunc = heap_freetuple;
	vardata->acl_ok = true;
	return true;
}

/*
 * list_stats_init
 *		Install the hook; called once, when the module is loaded.
 */
void
list_stats_init(void)
{
	previous_stats_hook = get_relation_stats_hook;
	get_relation_stats_hook = know_lists;
}
