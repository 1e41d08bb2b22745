/*
 * rowset_make.c
 *	  Rowsets made of typed arrays and of composite values.
 *
 * The result points into its arguments; rowset.h says why that is safe.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "rows/rowset.h"

PG_FUNCTION_INFO_V1(rowset_from_records);
PG_FUNCTION_INFO_V1(rowset_from_arrays);

/* Refuse a column name that is there already. */
static void
check_new_name(Rowset *rowset, int upto, const char *name)
{
	for (int i = 0; i < upto; i++)
		if (strcmp(rowset->names[i], name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the rowset has column \"%s\" twice", name),
					 errhint("Give each column once.")));
}

/*
 * more.rowset(record[]): an array of composite values; the attributes' names
 * become the columns.
 */
Datum
rowset_from_records(PG_FUNCTION_ARGS)
{
	MemoryContext old = CurrentMemoryContext;
	Rowset	   *rowset;
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	TupleDesc	desc = NULL;
	Oid			type = InvalidOid;
	int32		typmod = -1;
	Datum	   *values;
	bool	   *isnull;

	rowset = rowset_new(0);
	MemoryContextSwitchTo(rowset->hdr.eoh_context);
	array = PG_GETARG_ARRAYTYPE_P(0);
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE,
					  &elements, &nulls, &count);
	rowset->nrows = count;
	for (int r = 0; r < count; r++)
	{
		HeapTupleHeader header;
		HeapTupleData tuple;

		CHECK_FOR_INTERRUPTS();
		if (nulls[r])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("row %d of the rowset is null", r + 1)));
		header = DatumGetHeapTupleHeader(elements[r]);
		if (desc == NULL)
		{
			int			n = 0;

			type = HeapTupleHeaderGetTypeId(header);
			typmod = HeapTupleHeaderGetTypMod(header);
			desc = lookup_rowtype_tupdesc_copy(type, typmod);
			rowset->names = palloc0_array(const char *, desc->natts + 1);
			rowset->partial = palloc0_array(bool, desc->natts + 1);
			rowset->arrays = palloc0_array(RowsetArray, desc->natts + 1);
			for (int i = 0; i < desc->natts; i++)
			{
				Form_pg_attribute att = TupleDescAttr(desc, i);

				if (att->attisdropped)
					continue;
				check_new_name(rowset, n, NameStr(att->attname));
				rowset->names[n] = NameStr(att->attname);
				rowset->arrays[n].type = att->atttypid;
				rowset->arrays[n].values = palloc_extended(sizeof(Datum) * count, MCXT_ALLOC_HUGE);
				rowset->arrays[n].nulls = palloc_extended(sizeof(bool) * count, MCXT_ALLOC_HUGE);
				n++;
			}
			rowset->ncols = n;
			values = palloc_array(Datum, desc->natts);
			isnull = palloc_array(bool, desc->natts);
		}
		else if (HeapTupleHeaderGetTypeId(header) != type ||
				 HeapTupleHeaderGetTypMod(header) != typmod)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("row %d of the rowset has another type than the first", r + 1),
					 errhint("Give all rows the same row type, or use JSON.")));

		tuple.t_len = HeapTupleHeaderGetDatumLength(header);
		ItemPointerSetInvalid(&tuple.t_self);
		tuple.t_tableOid = InvalidOid;
		tuple.t_data = header;
		heap_deform_tuple(&tuple, desc, values, isnull);
		for (int i = 0, n = 0; i < desc->natts; i++)
		{
			if (TupleDescAttr(desc, i)->attisdropped)
				continue;
			rowset->arrays[n].values[r] = values[i];
			rowset->arrays[n].nulls[r] = isnull[i];
			n++;
		}
	}
	if (rowset->arrays == NULL)
		rowset->arrays = palloc0_array(RowsetArray, 1);
	rowset->cells_len = VARSIZE(array);
	MemoryContextSwitchTo(old);
	PG_RETURN_TYPED_ROWSET(rowset);
}

/* Split a one-dimensional array into one value per row. */
static int64
elements_of_array(ArrayType *array, RowsetArray *column)
{
	int16		typlen;
	bool		typbyval;
	char		typalign;
	int			count;

	column->type = ARR_ELEMTYPE(array);
	get_typlenbyvalalign(column->type, &typlen, &typbyval, &typalign);
	if (typbyval && !ARR_HASNULL(array))
	{
		column->raw = ARR_DATA_PTR(array);
		column->typlen = typlen;
		return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	}
	deconstruct_array(array, column->type, typlen, typbyval, typalign,
					  &column->values, ARR_HASNULL(array) ? &column->nulls : NULL, &count);
	return count;
}

/* Split an array of more dimensions into one sub-array per row. */
static int64
slices_of_array(ArrayType *array, RowsetArray *column)
{
	Oid			type = ARR_ELEMTYPE(array);
	int64		nrows = ARR_DIMS(array)[0];
	Datum	   *values;
	bool	   *nulls;
	int			width;
	int			lbs[MAXDIM];
	int16		typlen;
	bool		typbyval;
	char		typalign;

	for (int i = 0; i < MAXDIM; i++)
		lbs[i] = 1;
	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	deconstruct_array(array, type, typlen, typbyval, typalign, &values, &nulls, &width);
	width /= nrows;
	column->type = get_array_type(type);
	column->values = palloc_extended(sizeof(Datum) * nrows, MCXT_ALLOC_HUGE);
	for (int64 r = 0; r < nrows; r++)
		column->values[r] = PointerGetDatum(construct_md_array(values + r * width, nulls + r * width,
															   ARR_NDIM(array) - 1,
															   ARR_DIMS(array) + 1, lbs,
															   type, typlen, typbyval, typalign));
	return nrows;
}

/*
 * more.rowset(columns text[], VARIADIC "any"): one typed array per column.  An
 * array of more than one dimension gives each row an array.
 */
Datum
rowset_from_arrays(PG_FUNCTION_ARGS)
{
	MemoryContext old = CurrentMemoryContext;
	Rowset	   *rowset;
	Datum	   *names;
	bool	   *nulls;
	int			ncols;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("more.rowset() takes its arrays one by one, without the word VARIADIC")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT,
					  &names, &nulls, &ncols);
	if (ncols != PG_NARGS() - 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("more.rowset() takes one array for each column name"),
				 errdetail("Names given: %d, arrays given: %d.", ncols, PG_NARGS() - 1)));

	rowset = rowset_new(ncols);
	MemoryContextSwitchTo(rowset->hdr.eoh_context);
	rowset->arrays = palloc0_array(RowsetArray, Max(ncols, 1));
	for (int c = 0; c < ncols; c++)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, c + 1);
		ArrayType  *array;
		int64		nrows;

		if (nulls[c])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("name of column %d of the rowset is null", c + 1)));
		rowset->names[c] = TextDatumGetCString(names[c]);
		check_new_name(rowset, c, rowset->names[c]);
		if (!OidIsValid(get_base_element_type(type)) || PG_ARGISNULL(c + 1))
			ereport(ERROR,
					(errcode(PG_ARGISNULL(c + 1) ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_DATATYPE_MISMATCH),
					 errmsg("values of column \"%s\" must be an array, not %s", rowset->names[c],
							PG_ARGISNULL(c + 1) ? "null" : format_type_be(type)),
					 errhint("Cast the argument to the array type of the column, for example $1::integer[].")));
		array = DatumGetArrayTypeP(PG_GETARG_DATUM(c + 1));
		rowset->cells_len += VARSIZE(array);
		nrows = ARR_NDIM(array) > 1 ? slices_of_array(array, &rowset->arrays[c]) :
			elements_of_array(array, &rowset->arrays[c]);
		if (c == 0)
			rowset->nrows = nrows;
		else if (nrows != rowset->nrows)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("columns of the rowset have different lengths"),
					 errdetail("Column \"%s\" has " INT64_FORMAT " values, column \"%s\" has " INT64_FORMAT ".",
							   rowset->names[0], rowset->nrows, rowset->names[c], nrows),
					 errhint("Give each column as many values as there are rows.")));
	}
	MemoryContextSwitchTo(old);
	PG_RETURN_TYPED_ROWSET(rowset);
}
