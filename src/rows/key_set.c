/*
 * key_set.c
 *	  The keys that the data has, as a set that a scan of the target asks.
 *
 * Where a statement looks for the target's rows whose keys are in a long list,
 * and has to go through the target anyhow, the join that says so is a hash join:
 * it decodes each row of the data into a tuple, in a hash table of some 150 bytes
 * a row, and looks every row of the target up in a bucket, that is, in memory
 * that no processor's cache holds.  Where the table is larger than work_mem, it
 * writes the target's rows to files besides.
 *
 * Here the data stays where it is.  A place of the set has a byte, which is zero
 * or some bits of the key's hash, and the number of the row (of the JSON form, the
 * offset of its cells).  The bytes are an array of their own: two or four
 * for each row, so that those of a million rows fit into a cache.  They turn
 * away nearly all keys that are not there.  Otherwise the row is decoded once more
 * and compared, so what is found is found by the type's own equality.
 *
 * Both functions that are asked, hash and equality, are those by which the
 * server would join: of the type's default operator classes, under the column's
 * collation.  A null is in no set.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "compat.h"
#include "rows/verb.h"
#include "server_code.h"

PG_FUNCTION_INFO_V1(is_listed);

/* More rows than these have no set: their places would not have 32 bits. */
#define MAX_KEY_SET_ROWS (PG_UINT32_MAX / 8)

struct KeySet
{
	uint64		number;			/* no other set of the session has it */
	DecodeRequest request;
	Decoder    *decoder;
	DecodeCursor found;			/* the row that a key is compared with */
	const char *cells;			/* of the JSON form, else NULL */
	int			nkeys;
	int		   *keys;			/* their positions in a decoded row */
	Oid		   *types;
	Oid		   *collations;
	FmgrInfo   *hash;
	FmgrInfo   *equal;
	uint8	   *tags;			/* of each place; 0: nothing there */
	uint32	   *rows;			/* of each place: the row, or where its cells begin */
	uint32		mask;			/* number of places - 1 */
};

/* The key's functions by which it is looked up; false if there is none. */
static bool
key_functions(Oid type, Oid *hash, Oid *equal)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_PROC_FINFO);

	*hash = entry->hash_proc_finfo.fn_oid;
	*equal = entry->eq_opr_finfo.fn_oid;
	return OidIsValid(*hash) && OidIsValid(*equal);
}

/* Numbers, texts, or neither: the server has immutable casts, or input and output, between any two of a kind. */
static int
kind_of_value(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
			return 1;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return 2;
		default:
			return 0;
	}
}

/* Does the type's text mean the same whatever the settings?  Labels of enums cannot change while a statement runs. */
static bool
is_read_alike(Oid type)
{
	Oid			function;
	Oid			ioparam;

	if (get_typtype(type) == TYPTYPE_ENUM)
		return true;
	getTypeInputInfo(type, &function, &ioparam);
	return func_volatile(function) == PROVOLATILE_IMMUTABLE;
}

/*
 * May values of the column be made, and compared, while a statement runs?  By code of
 * the server's only; and what is made again must be what it was, though a function that
 * the scan calls, of a policy, say, may change settings such as DateStyle meanwhile.
 */
static bool
is_harmless(Rowset *data, DataColumn *column)
{
	Oid			given = data->arrays ? data->arrays[column->source].type : InvalidOid;

	if (!is_server_type(column->type) || !is_compared_by_server(column->type))
		return false;
	if (!OidIsValid(given))
		return is_read_alike(column->type);
	return given == column->type ||
		(kind_of_value(given) != 0 && kind_of_value(given) == kind_of_value(column->type));
}

/*
 * key_set_works
 *		Can the keys of the verb's data be a set?  Not if converting a value, or
 *		comparing two, may run code that is not the server's.
 */
bool
key_set_works(Verb *verb)
{
	if (verb->match || verb->nkeys == 0 || verb->nkeys > FUNC_MAX_ARGS || verb->data->nrows == 0 || verb->data->nrows > MAX_KEY_SET_ROWS)
		return false;
	for (int k = 0; k < verb->nkeys; k++)
	{
		DataColumn *column = &verb->columns[verb->keys[k]];
		Oid			hash;
		Oid			equal;

		if (!is_harmless(verb->data, column) || !key_functions(column->type, &hash, &equal))
			return false;
	}
	return true;
}

/* Where a value's hash is added to that of the values before. */
static inline uint32
add_hash(KeySet *set, uint32 hash, int k, Datum value)
{
	return hash_combine(hash, DatumGetUInt32(FunctionCall1Coll(&set->hash[k], set->collations[k], value)));
}

static inline uint8
tag_of(uint32 hash)
{
	return Max(hash >> 24, 1);
}

/* The set is asked by whoever has no business to. */
static void
refuse_call(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("this function can only be called by a statement of pg_more")));
}

/*
 * Has a row, as a place of the set has it, this key?  There is one row at a time:
 * no code but the server's runs here, so nobody asks the set in the midst.
 */
static bool
has_key(KeySet *set, uint32 row, const Datum *values)
{
	bool		same = true;

	decode_again(set->decoder, &set->found, set->cells ? 0 : row, set->cells ? set->cells + row : NULL);
	for (int k = 0; same && k < set->nkeys; k++)
		same = DatumGetBool(FunctionCall2Coll(&set->equal[k], set->collations[k], values[k],
											  set->found.values[set->keys[k]]));
	return same;
}

/* The place that has this key, or the free one where it belongs. */
static inline uint32
find_place(KeySet *set, uint32 hash, const Datum *values)
{
	uint8		tag = tag_of(hash);
	uint32		i;

	for (i = hash & set->mask; set->tags[i] != 0; i = (i + 1) & set->mask)
		if (set->tags[i] == tag && has_key(set, set->rows[i], values))
			break;
	return i;
}

/* Add the row at hand to the set, unless there is a null in its key, or the set has the key. */
static void
add_row(KeySet *set, DecodeCursor *cursor, Datum *values)
{
	uint32		hash = 0;
	uint32		i;

	for (int k = 0; k < set->nkeys; k++)
	{
		if (cursor->nulls[set->keys[k]])
			return;
		values[k] = cursor->values[set->keys[k]];
		hash = add_hash(set, hash, k, values[k]);
	}
	hash = murmurhash32(hash);
	i = find_place(set, hash, values);
	if (set->tags[i] != 0)
		return;
	set->tags[i] = tag_of(hash);
	set->rows[i] = set->cells ? cursor->start - set->cells : cursor->row;
}

/* A cursor over the data, for so many columns. */
static void
open_cursor(KeySet *set, DecodeCursor *cursor)
{
	int			n = set->request.ncolumns;

	decode_cursor(set->decoder, cursor, palloc0_array(Datum, n), palloc0_array(bool, n));
}

/* Decode all rows and add them. */
static void
add_all_rows(KeySet *set)
{
	MemoryContext caller = CurrentMemoryContext;
	DecodeCursor cursor;
	Datum	   *values = palloc_array(Datum, set->nkeys);

	open_cursor(set, &cursor);
	MemoryContextSwitchTo(cursor.context);
	PG_TRY();
	{
		while (decode_next(set->decoder, &cursor))
		{
			CHECK_FOR_INTERRUPTS();
			add_row(set, &cursor, values);
		}
	}
	PG_CATCH();
	{
		decode_rethrow(set->decoder, caller);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(cursor.context);
}

/*
 * key_set_create
 *		The keys of the verb's data, for more._is_listed; key_set_works() has been
 *		asked.  What it has is allocated in the current memory context: five bytes
 *		for a place, two to four places for a row.  It points into the data.
 *
 * All values are converted here, so what is wrong with them is an error here.
 */
KeySet *
key_set_create(Verb *verb)
{
	static uint64 sets = 0;
	KeySet	   *set = palloc0(sizeof(KeySet));
	Size		places = 16;

	set->number = ++sets;
	set->cells = verb->data->cells;
	set->nkeys = verb->nkeys;
	set->keys = verb->keys;
	set->types = palloc_array(Oid, set->nkeys);
	set->collations = palloc_array(Oid, set->nkeys);
	set->hash = palloc0_array(FmgrInfo, set->nkeys);
	set->equal = palloc0_array(FmgrInfo, set->nkeys);
	for (int k = 0; k < set->nkeys; k++)
	{
		DataColumn *column = &verb->columns[verb->keys[k]];
		Oid			hash;
		Oid			equal;

		(void) key_functions(column->type, &hash, &equal);
		set->types[k] = column->type;
		set->collations[k] = column->collation;
		fmgr_info(hash, &set->hash[k]);
		fmgr_info(equal, &set->equal[k]);
	}
	set->request.rowset = verb->data;
	set->request.columns = verb->columns;
	set->request.ncolumns = verb->ncolumns;
	set->request.nkeys = verb->nkeys;
	set->request.keys = verb->keys;
	set->request.rule = KEY_ANY;
	set->decoder = decode_begin(&set->request);
	open_cursor(set, &set->found);

	while (places < (Size) verb->data->nrows * 2)
		places *= 2;
	set->mask = places - 1;
	set->tags = palloc_extended(places, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	set->rows = palloc_extended(places * sizeof(uint32), MCXT_ALLOC_HUGE);
	add_all_rows(set);
	return set;
}

/*
 * key_set_free
 *		Let go of what is not memory of the context that the set was made in.
 */
void
key_set_free(KeySet *set)
{
	decode_end(set->decoder);
}

/*
 * See that a call has the types of the set's keys; anybody may write one.  The
 * call remembers by the set's number that this was done.
 */
static void
check_call(FunctionCallInfo fcinfo, KeySet *set)
{
	bool		same = PG_NARGS() == set->nkeys;

	for (int k = 0; same && k < set->nkeys; k++)
		same = get_fn_expr_argtype(fcinfo->flinfo, k) == set->types[k];
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the values are not of the types of the key")));
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(uint64));
	*(uint64 *) fcinfo->flinfo->fn_extra = set->number;
}

/*
 * more._is_listed(VARIADIC "any"): whether the data of the running verb has this
 * key.  False where a part of it is null.
 */
Datum
is_listed(PG_FUNCTION_ARGS)
{
	KeySet	   *set = verb_running ? verb_running->key_set : NULL;
	uint64	   *checked = fcinfo->flinfo->fn_extra;
	Datum		values[FUNC_MAX_ARGS];
	uint32		hash = 0;

	if (set == NULL)
		refuse_call();
	if (checked == NULL || *checked != set->number)
		check_call(fcinfo, set);
	for (int k = 0; k < set->nkeys; k++)
	{
		if (PG_ARGISNULL(k))
			PG_RETURN_BOOL(false);
		values[k] = PG_GETARG_DATUM(k);
		hash = add_hash(set, hash, k, values[k]);
	}
	hash = murmurhash32(hash);
	PG_RETURN_BOOL(set->tags[find_place(set, hash, values)] != 0);
}
