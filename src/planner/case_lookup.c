/*
 * case_lookup.c
 *	  more.case_lookup and more.case_position: a CASE over many constants as one
 *	  hashed look-up, of a value or of a tuple.
 *
 * The table is kept with the call's FmgrInfo, so it lives as long as the
 * expression's state.  When may it be used again?  If both arrays are constants
 * of the expression, always.  An external parameter does not count as one:
 * PL/pgSQL evaluates one expression state with other parameters each time.  If
 * the caller says so (fixed), always, too.  Else only if both arrays have the
 * bytes that the table was made of; their addresses say nothing, as the memory
 * of one row is used again for the next.
 *
 * Hash and equality come from the type's default hash operator class, with the
 * call's collation, so what is equal under a nondeterministic collation is
 * found.  Keys that are NULL are not in the table; of equal keys, the first is.
 * Of tuples each column has a collation of its own, that of the expression that
 * is looked up.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "compat.h"

PG_FUNCTION_INFO_V1(case_lookup);
PG_FUNCTION_INFO_V1(case_position);

typedef struct Arm
{
	Datum		key;
	int			position;		/* among the results */
	uint32		hash;
	char		status;			/* simplehash's */
} Arm;

typedef struct Lookup
{
	MemoryContext context;		/* holds all of this */
	bool		fixed;			/* the arrays are never looked at again */
	ArrayType  *keys;			/* copies of the arguments, or NULL */
	ArrayType  *results;
	FmgrInfo	hash;
	FmgrInfo	equal;
	Oid			collation;
	struct arms_hash *arms;		/* NULL: no arms, as an array is NULL */
	Datum	   *values;
	bool	   *nulls;
	int16		length;			/* of a value */
	bool		by_value;
} Lookup;

static inline uint32
hash_of(Lookup *lookup, Datum key)
{
	return murmurhash32(DatumGetUInt32(FunctionCall1Coll(&lookup->hash, lookup->collation, key)));
}

static inline bool
are_equal(Lookup *lookup, Datum a, Datum b)
{
	return DatumGetBool(FunctionCall2Coll(&lookup->equal, lookup->collation, a, b));
}

#define SH_PREFIX arms
#define SH_ELEMENT_TYPE Arm
#define SH_KEY_TYPE Datum
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_of((Lookup *) (table)->private_data, key)
#define SH_EQUAL(table, a, b) are_equal((Lookup *) (table)->private_data, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, arm) (arm)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Is an argument of this call a constant of the expression? */
static bool
is_constant(FmgrInfo *flinfo, int argument)
{
	FuncExpr   *call = (FuncExpr *) flinfo->fn_expr;

	return call && IsA(call, FuncExpr) && IsA(list_nth(call->args, argument), Const);
}

/*
 * An array argument as a list of values.  What SQL's type rules say of it is
 * checked again, because a wrong answer would let values be read as what they
 * are not.
 */
static int
read_array(ArrayType *array, Oid expected, Datum **values, bool **nulls)
{
	Oid			type = ARR_ELEMTYPE(array);
	int16		length;
	bool		by_value;
	char		align;
	int			n;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("keys and results must be one-dimensional arrays")));
	if (!OidIsValid(expected) || (type != expected && !IsBinaryCoercible(type, expected)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("elements of type %s cannot be used as %s", format_type_be(type),
						OidIsValid(expected) ? format_type_be(expected) : "an unknown type")));
	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, values, nulls, &n);
	return n;
}

/* Take the values out of rows of one column each, which must be of the type that is wanted. */
static void
unwrap_rows(Datum *values, bool *nulls, int n, Oid wanted)
{
	for (int i = 0; i < n; i++)
	{
		HeapTupleHeader row;
		HeapTupleData tuple;
		TupleDesc	tupdesc;
		Datum		value;
		bool		null;

		if (nulls[i])
			continue;
		row = DatumGetHeapTupleHeader(values[i]);
		tupdesc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
		if (tupdesc->natts != 1 || TupleDescAttr(tupdesc, 0)->atttypid != wanted)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("results must be rows of one column of type %s", format_type_be(wanted))));
		tuple.t_len = HeapTupleHeaderGetDatumLength(row);
		ItemPointerSetInvalid(&tuple.t_self);
		tuple.t_tableOid = InvalidOid;
		tuple.t_data = row;
		value = heap_getattr(&tuple, 1, tupdesc, &null);
		values[i] = value;
		nulls[i] = null;
		ReleaseTupleDesc(tupdesc);
	}
}

/* The functions of a key type; they live in the given context. */
static void
find_functions(Oid type, FmgrInfo *hash, FmgrInfo *equal, MemoryContext context)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_PROC_FINFO);

	if (!OidIsValid(entry->hash_proc_finfo.fn_oid) || !OidIsValid(entry->eq_opr_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify a hash function for type %s", format_type_be(type))));
	fmgr_info_copy(hash, &entry->hash_proc_finfo, context);
	fmgr_info_copy(equal, &entry->eq_opr_finfo, context);
}

/* Put the arms into the hash table. */
static void
fill_table(Lookup *lookup, FmgrInfo *flinfo)
{
	Oid			type = get_fn_expr_rettype(flinfo);
	bool		rows = ARR_ELEMTYPE(lookup->results) == RECORDOID && type != RECORDOID;
	Datum	   *keys;
	bool	   *key_nulls;
	int			n = read_array(lookup->keys, get_fn_expr_argtype(flinfo, 0), &keys, &key_nulls);
	int			results = read_array(lookup->results, rows ? RECORDOID : type, &lookup->values, &lookup->nulls);

	if (n != results)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("there are %d keys and %d results", n, results)));
	if (rows)
		unwrap_rows(lookup->values, lookup->nulls, n, type);
	get_typlenbyval(type, &lookup->length, &lookup->by_value);
	find_functions(ARR_ELEMTYPE(lookup->keys), &lookup->hash, &lookup->equal, lookup->context);
	lookup->arms = arms_create(lookup->context, n, lookup);
	for (int i = 0; i < n; i++)
	{
		Arm		   *arm;
		bool		found;

		if ((i & 0xFFFF) == 0xFFFF)
			CHECK_FOR_INTERRUPTS();
		if (key_nulls[i])
			continue;
		arm = arms_insert(lookup->arms, keys[i], &found);
		if (!found)
			arm->position = i;
	}
	pfree(keys);
	pfree(key_nulls);
}

/* An array argument, NULL for NULL. */
static ArrayType *
array_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : PG_GETARG_ARRAYTYPE_P(argument);
}

/* Make the table for this call's arrays. */
static Lookup *
make_lookup(FunctionCallInfo fcinfo, ArrayType *keys, ArrayType *results, bool fixed)
{
	MemoryContext context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "case_lookup", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Lookup	   *lookup = palloc0(sizeof(Lookup));

	lookup->context = context;
	lookup->fixed = fixed;
	lookup->collation = PG_GET_COLLATION();
	if (keys)
		lookup->keys = DatumGetArrayTypePCopy(PointerGetDatum(keys));
	if (results)
		lookup->results = DatumGetArrayTypePCopy(PointerGetDatum(results));
	if (keys && results)
		fill_table(lookup, fcinfo->flinfo);
	MemoryContextSwitchTo(old);
	return lookup;
}

/* Do two arrays, or NULLs, have the same bytes? */
static bool
same_array(ArrayType *a, ArrayType *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* May the arrays of this call not change from one call to the next? */
static bool
is_fixed(FunctionCallInfo fcinfo)
{
	if (PG_NARGS() > 4 && !PG_ARGISNULL(4) && PG_GETARG_BOOL(4))
		return true;
	return is_constant(fcinfo->flinfo, 1) && is_constant(fcinfo->flinfo, 2);
}

/* The table for this call, the one of the last call if it serves. */
static Lookup *
get_lookup(FunctionCallInfo fcinfo)
{
	Lookup	   *lookup = fcinfo->flinfo->fn_extra;
	ArrayType  *keys;
	ArrayType  *results;

	if (lookup && lookup->fixed)
		return lookup;
	keys = array_argument(fcinfo, 1);
	results = array_argument(fcinfo, 2);
	if (lookup && same_array(lookup->keys, keys) && same_array(lookup->results, results))
		return lookup;
	fcinfo->flinfo->fn_extra = NULL;
	if (lookup)
		MemoryContextDelete(lookup->context);
	lookup = make_lookup(fcinfo, keys, results, is_fixed(fcinfo));
	fcinfo->flinfo->fn_extra = lookup;
	return lookup;
}

/*
 * case_lookup
 *		CASE key WHEN keys[1] THEN results[1] ... ELSE otherwise END.
 *
 * The results may also be rows of one column each, for types that cannot be
 * elements of an array.  A fifth argument promises that the arrays are the
 * same in all calls.  Raises an error if the arrays differ in length or have
 * more dimensions than one, and if the type of the keys has no hash function.
 */
Datum
case_lookup(PG_FUNCTION_ARGS)
{
	Lookup	   *lookup = get_lookup(fcinfo);
	Arm		   *arm = NULL;

	if (lookup->arms && !PG_ARGISNULL(0))
		arm = arms_lookup(lookup->arms, PG_GETARG_DATUM(0));
	if (arm == NULL)
	{
		if (PG_ARGISNULL(3))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(3));
	}
	if (lookup->nulls[arm->position])
		PG_RETURN_NULL();
	/* the table of arrays that may change may be gone before the value is used */
	if (!lookup->fixed)
		PG_RETURN_DATUM(datumCopy(lookup->values[arm->position], lookup->by_value, lookup->length));
	PG_RETURN_DATUM(lookup->values[arm->position]);
}

/* ------------------------------------------------------------------------ */
/* Tuples																	*/
/* ------------------------------------------------------------------------ */

/* A column of the tuples that are looked up. */
typedef struct TupleColumn
{
	ArrayType  *array;			/* copy of the argument, or NULL */
	Datum	   *values;
	bool	   *nulls;
	Datum		wanted;			/* what is looked up */
	FmgrInfo	hash;
	FmgrInfo	equal;
	Oid			collation;
} TupleColumn;

/* In the table, a tuple is its position; this one is what is looked up. */
#define WANTED (-1)

typedef struct Tuple
{
	int			position;
	uint32		hash;
	char		status;			/* simplehash's */
} Tuple;

typedef struct TupleLookup
{
	MemoryContext context;		/* holds all of this */
	bool		fixed;			/* the arrays are never looked at again */
	struct tuples_hash *tuples; /* NULL: there are none, as an array is NULL */
	int			ncolumns;
	TupleColumn columns[FLEXIBLE_ARRAY_MEMBER];
} TupleLookup;

static inline Datum
tuple_value(TupleColumn *column, int position)
{
	return position == WANTED ? column->wanted : column->values[position];
}

static inline uint32
hash_of_tuple(TupleLookup *lookup, int position)
{
	uint32		hash = 0;

	for (int c = 0; c < lookup->ncolumns; c++)
	{
		TupleColumn *column = &lookup->columns[c];

		hash = hash_combine(hash, DatumGetUInt32(FunctionCall1Coll(&column->hash, column->collation,
																   tuple_value(column, position))));
	}
	return murmurhash32(hash);
}

static inline bool
are_equal_tuples(TupleLookup *lookup, int a, int b)
{
	for (int c = 0; c < lookup->ncolumns; c++)
	{
		TupleColumn *column = &lookup->columns[c];

		if (!DatumGetBool(FunctionCall2Coll(&column->equal, column->collation, tuple_value(column, a),
											tuple_value(column, b))))
			return false;
	}
	return true;
}

#define SH_PREFIX tuples
#define SH_ELEMENT_TYPE Tuple
#define SH_KEY_TYPE int
#define SH_KEY position
#define SH_HASH_KEY(table, position) hash_of_tuple((TupleLookup *) (table)->private_data, position)
#define SH_EQUAL(table, a, b) are_equal_tuples((TupleLookup *) (table)->private_data, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, tuple) (tuple)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Where the arguments of a column are: what is looked up, and after it the array. */
#define WANTED_ARGUMENT(column) (1 + 2 * (column))
#define ARRAY_ARGUMENT(column) (2 + 2 * (column))

/* Read the columns of a call; returns how many tuples there are. */
static int
read_columns(TupleLookup *lookup, FmgrInfo *flinfo)
{
	int			ntuples = 0;

	for (int c = 0; c < lookup->ncolumns; c++)
	{
		TupleColumn *column = &lookup->columns[c];
		FuncExpr   *call = castNode(FuncExpr, flinfo->fn_expr);
		int			n = read_array(column->array, get_fn_expr_argtype(flinfo, WANTED_ARGUMENT(c)),
								   &column->values, &column->nulls);

		if (c > 0 && n != ntuples)
			ereport(ERROR,
					(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
					 errmsg("the columns have %d and %d values", ntuples, n)));
		ntuples = n;
		column->collation = exprCollation(list_nth(call->args, WANTED_ARGUMENT(c)));
		find_functions(ARR_ELEMTYPE(column->array), &column->hash, &column->equal, lookup->context);
	}
	return ntuples;
}

/* Put the tuples without a NULL into the hash table, the first of equal ones. */
static void
fill_tuples(TupleLookup *lookup, FmgrInfo *flinfo)
{
	int			ntuples = read_columns(lookup, flinfo);

	lookup->tuples = tuples_create(lookup->context, ntuples, lookup);
	for (int i = 0; i < ntuples; i++)
	{
		bool		null = false;
		bool		found;

		if ((i & 0xFFFF) == 0xFFFF)
			CHECK_FOR_INTERRUPTS();
		for (int c = 0; c < lookup->ncolumns; c++)
			null |= lookup->columns[c].nulls[i];
		if (!null)
			(void) tuples_insert(lookup->tuples, i, &found);
	}
}

/* Is this call one that the parser has checked, but for the types? */
static void
check_tuple_call(FunctionCallInfo fcinfo)
{
	FuncExpr   *call = (FuncExpr *) fcinfo->flinfo->fn_expr;

	if (call == NULL || !IsA(call, FuncExpr) || list_length(call->args) != PG_NARGS())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("more.case_position must be called in an expression")));
	if (PG_NARGS() < 3 || PG_NARGS() % 2 == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an array must follow each value")));
	for (int a = 2; a < PG_NARGS(); a += 2)
		if (!OidIsValid(get_base_element_type(get_fn_expr_argtype(fcinfo->flinfo, a))))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("an array must follow each value"),
					 errdetail("Argument %d is of type %s.", a + 1,
							   format_type_be(get_fn_expr_argtype(fcinfo->flinfo, a)))));
}

/* May the arrays of this call not change from one call to the next? */
static bool
are_fixed(FunctionCallInfo fcinfo)
{
	bool		constant = true;

	if (!PG_ARGISNULL(0) && PG_GETARG_BOOL(0))
		return true;
	for (int a = 2; a < PG_NARGS(); a += 2)
		constant &= is_constant(fcinfo->flinfo, a);
	return constant;
}

/* Make the table for this call's arrays. */
static TupleLookup *
make_tuple_lookup(FunctionCallInfo fcinfo)
{
	int			ncolumns = PG_NARGS() / 2;
	MemoryContext context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "case_position", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TupleLookup *lookup = palloc0(offsetof(TupleLookup, columns) + sizeof(TupleColumn) * ncolumns);
	bool		complete = true;

	lookup->context = context;
	lookup->fixed = are_fixed(fcinfo);
	lookup->ncolumns = ncolumns;
	for (int c = 0; c < ncolumns; c++)
	{
		if (PG_ARGISNULL(ARRAY_ARGUMENT(c)))
			complete = false;
		else
			lookup->columns[c].array = PG_GETARG_ARRAYTYPE_P_COPY(ARRAY_ARGUMENT(c));
	}
	if (complete)
		fill_tuples(lookup, fcinfo->flinfo);
	MemoryContextSwitchTo(old);
	return lookup;
}

/* Was a table made of this call's arrays? */
static bool
has_same_arrays(TupleLookup *lookup, FunctionCallInfo fcinfo)
{
	for (int c = 0; c < lookup->ncolumns; c++)
		if (!same_array(lookup->columns[c].array, array_argument(fcinfo, ARRAY_ARGUMENT(c))))
			return false;
	return true;
}

/* The table for this call, the one of the last call if it serves. */
static TupleLookup *
get_tuple_lookup(FunctionCallInfo fcinfo)
{
	TupleLookup *lookup = fcinfo->flinfo->fn_extra;

	if (lookup && (lookup->fixed || has_same_arrays(lookup, fcinfo)))
		return lookup;
	if (lookup == NULL)
		check_tuple_call(fcinfo);
	fcinfo->flinfo->fn_extra = NULL;
	if (lookup)
		MemoryContextDelete(lookup->context);
	lookup = make_tuple_lookup(fcinfo);
	fcinfo->flinfo->fn_extra = lookup;
	return lookup;
}

/*
 * case_position
 *		The position, from 1, of the first of the tuples (array1[i], array2[i], ...)
 *		that equals (value1, value2, ...); NULL if none does.
 *
 * A NULL equals nothing.  Raises an error if the arrays differ in length or
 * have more dimensions than one, and if a type has no hash function.
 */
Datum
case_position(PG_FUNCTION_ARGS)
{
	TupleLookup *lookup = get_tuple_lookup(fcinfo);
	Tuple	   *tuple;

	if (lookup->tuples == NULL)
		PG_RETURN_NULL();
	for (int c = 0; c < lookup->ncolumns; c++)
	{
		if (PG_ARGISNULL(WANTED_ARGUMENT(c)))
			PG_RETURN_NULL();
		lookup->columns[c].wanted = PG_GETARG_DATUM(WANTED_ARGUMENT(c));
	}
	tuple = tuples_lookup(lookup->tuples, WANTED);
	if (tuple == NULL)
		PG_RETURN_NULL();
	PG_RETURN_INT32(tuple->position + 1);
}
