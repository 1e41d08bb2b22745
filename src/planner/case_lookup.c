/*
 * case_lookup.c
 *	  more.case_lookup: a CASE over many constants as one hashed look-up.
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
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "compat.h"

PG_FUNCTION_INFO_V1(case_lookup);

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

/* The functions of a key type. */
static void
find_functions(Lookup *lookup, Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_PROC_FINFO);

	if (!OidIsValid(entry->hash_proc_finfo.fn_oid) || !OidIsValid(entry->eq_opr_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify a hash function for type %s", format_type_be(type))));
	fmgr_info_copy(&lookup->hash, &entry->hash_proc_finfo, lookup->context);
	fmgr_info_copy(&lookup->equal, &entry->eq_opr_finfo, lookup->context);
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
	find_functions(lookup, ARR_ELEMTYPE(lookup->keys));
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
