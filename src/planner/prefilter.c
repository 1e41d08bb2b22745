/*
 * prefilter.c
 *	  A cheap condition in front of a look-up in a hash table.
 *
 * Where every row of a table is looked up in a list of tuples,
 *		(shop, sku) IN (SELECT * FROM unnest(array, array))
 * most of the time goes into hashing all the columns.  What follows of it for
 * one column, shop = ANY (array), takes a part of that if the column's values
 * are passed by value, and if it leaves few rows the look-up is for those alone.
 *
 * Why the result is the same.  Where the look-up is true, each of its
 * comparisons is true for one tuple, and so is = ANY, with the same operator
 * and collation, over all values of that column.  Where = ANY is false or NULL
 * the look-up is thus not true, and the conjunction of the two is true exactly
 * where the look-up is; its place must be one where only that matters.
 * Leaving out NULLs of the array changes false for NULL, and leaving out
 * a value whose bytes are there already changes nothing.  The column is a stored
 * one, and the comparison one that the look-up makes itself.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "planner/lookup.h"

/* The condition must leave less than this share of the rows. */
#define WORTH_IT 0.5

/* How many rows a table has by its statistics. */
static double
table_rows(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		result = 0;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return result;
}

/* How many different values a column has by its statistics; 0 if there are none. */
static double
distinct_values(Oid relid, AttrNumber attnum)
{
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(attnum),
										BoolGetDatum(false));
	double		result;

	if (!HeapTupleIsValid(tuple))
		return 0;
	result = ((Form_pg_statistic) GETSTRUCT(tuple))->stadistinct;
	ReleaseSysCache(tuple);
	return result < 0 ? -result * table_rows(relid) : result;
}

static int
compare_datums(const void *a, const void *b)
{
	Datum		left = *(const Datum *) a;
	Datum		right = *(const Datum *) b;

	return left < right ? -1 : left > right;
}

/* The different values, which are passed by value, of an array without its NULLs. */
static Const *
different_values(Const *array)
{
	ArrayType  *values = DatumGetArrayTypeP(array->constvalue);
	Oid			type = ARR_ELEMTYPE(values);
	Datum	   *datums;
	bool	   *nulls;
	int			count;
	int			n = 0;
	int			different = 0;
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(values, type, length, by_value, align, &datums, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			datums[n++] = datums[i];
	qsort(datums, n, sizeof(Datum), compare_datums);
	for (int i = 0; i < n; i++)
		if (i == 0 || datums[i] != datums[i - 1])
			datums[different++] = datums[i];
	values = construct_array(datums, different, type, length, by_value, align);
	return makeConst(array->consttype, -1, array->constcollid, -1, PointerGetDatum(values), false, false);
}

/* Is this a column of a table whose values are passed by value and hashed in one way, on both sides? */
static bool
is_cheap(LookupColumn *column)
{
	RegProcedure left_hash;
	RegProcedure right_hash;

	return get_typbyval(column->type) && get_typbyval(exprType(column->left)) &&
		get_op_hash_functions(column->operator, &left_hash, &right_hash) && left_hash == right_hash;
}

/*
 * The condition for a column, or NULL if it is not cheap or leaves *share of
 * the rows or more; if not, *share becomes what it leaves.
 */
static Node *
column_prefilter(Query *query, LookupColumn *column, ParamListInfo params, double *share)
{
	AttrNumber	attnum;
	int			relation = column_relation(query, column->left, &attnum);
	ScalarArrayOpExpr *any;
	Const	   *array;
	double		distinct;
	double		left;

	if (relation == 0 || !is_stored_column(query, column->left) || !is_cheap(column))
		return NULL;
	distinct = distinct_values(rt_fetch(relation, query->rtable)->relid, attnum);
	/* what is still not a constant is not hashed */
	array = (Const *) simplify_known(column->array, params);
	if (distinct <= 0 || !IsA(array, Const) || array->constisnull)
		return NULL;
	array = different_values(array);
	left = ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(array->constvalue)),
						  ARR_DIMS(DatumGetArrayTypeP(array->constvalue))) / distinct;
	if (left >= *share)
		return NULL;
	*share = left;
	any = makeNode(ScalarArrayOpExpr);
	any->opno = column->operator;
	any->opfuncid = get_opcode(column->operator);
	any->useOr = true;
	any->inputcollid = column->collation;
	any->args = list_make2(copyObject(column->left), array);
	any->location = -1;
	return (Node *) any;
}

/*
 * make_prefilter
 *		The condition in front of a look-up of these columns, or NULL where none
 *		is worth it.  params are the statement's parameters as far as known: the
 *		condition is for their values, as a plan is that is made for them.
 */
Node *
make_prefilter(Query *query, LookupColumn *columns, int ncolumns, ParamListInfo params)
{
	double		share = WORTH_IT;
	Node	   *result = NULL;

	for (int c = 0; c < ncolumns; c++)
	{
		Node	   *condition = column_prefilter(query, &columns[c], params, &share);

		if (condition)
			result = condition;
	}
	return result;
}
