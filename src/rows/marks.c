/*
 * marks.c
 *	  Functions that the verbs' statements call, to tell the verb about rows.
 *
 * They find the verb whose statement is running.  Anybody else may call them
 * too, a trigger for example: they must do no harm then.
 */
#include "postgres.h"

#include "storage/itemptr.h"
#include "utils/datum.h"
#include "utils/typcache.h"

#include "compat.h"
#include "rows/verb.h"

PG_FUNCTION_INFO_V1(note_row);
PG_FUNCTION_INFO_V1(noted_row);
PG_FUNCTION_INFO_V1(seen_row);
PG_FUNCTION_INFO_V1(open_row);
PG_FUNCTION_INFO_V1(conflict);
PG_FUNCTION_INFO_V1(unchanged_row);
PG_FUNCTION_INFO_V1(differs);
PG_FUNCTION_INFO_V1(claim_row);

/* The status of an input row of the running verb. */
static uint8 *
running_status(int64 ordinal)
{
	if (verb_running == NULL || verb_running->status == NULL ||
		ordinal < 1 || ordinal > verb_running->data->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this function can only be called by a statement of pg_more")));
	return &verb_running->status[ordinal - 1];
}

/* more._note_row(bigint): remember which input row is being inserted. */
Datum
note_row(PG_FUNCTION_ARGS)
{
	*running_status(PG_GETARG_INT64(0)) = STATUS_TRIED;
	verb_running->noted = PG_GETARG_INT64(0);
	PG_RETURN_BOOL(true);
}

/* more._noted_row(): the input row that is being inserted. */
Datum
noted_row(PG_FUNCTION_ARGS)
{
	(void) running_status(verb_running ? verb_running->noted : 0);
	PG_RETURN_INT64(verb_running->noted);
}

/* more._seen_row(bigint): mark an input row as dealt with, and return it. */
Datum
seen_row(PG_FUNCTION_ARGS)
{
	*running_status(PG_GETARG_INT64(0)) = STATUS_SEEN;
	PG_RETURN_INT64(PG_GETARG_INT64(0));
}

/* more._open_row(bigint): whether an input row has not been dealt with. */
Datum
open_row(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(*running_status(PG_GETARG_INT64(0)) == STATUS_NONE);
}

/* more._unchanged_row(bigint): an input row would change nothing; never true. */
Datum
unchanged_row(PG_FUNCTION_ARGS)
{
	*running_status(PG_GETARG_INT64(0)) = STATUS_UNCHANGED;
	PG_RETURN_BOOL(false);
}

/* more._conflict(): the input row that is being inserted exists by now. */
Datum
conflict(PG_FUNCTION_ARGS)
{
	*running_status(verb_running ? verb_running->noted : 0) = STATUS_CONFLICT;
	PG_RETURN_BOOL(false);
}

/*
 * more._differs("any", "any"): whether two values of one type, or nulls, are
 * stored differently.
 */
Datum
differs(PG_FUNCTION_ARGS)
{
	TypeCacheEntry *type = fcinfo->flinfo->fn_extra;

	if (type == NULL)
	{
		type = lookup_type_cache(get_fn_expr_argtype(fcinfo->flinfo, 0), 0);
		if (get_fn_expr_argtype(fcinfo->flinfo, 1) != type->type_id)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("values to compare must have the same type")));
		fcinfo->flinfo->fn_extra = type;
	}
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_BOOL(PG_ARGISNULL(0) != PG_ARGISNULL(1));
	PG_RETURN_BOOL(!datum_image_eq(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1),
								   type->typbyval, type->typlen));
}

/* A target row that was matched, and by which input row. */
typedef struct Claim
{
	struct
	{
		Oid			tableoid;
		ItemPointerData ctid;
	}			row;
	int64		ordinal;
} Claim;

/*
 * more._claim_row(bigint, oid, tid): see that no two input rows update the
 * same target row.
 */
Datum
claim_row(PG_FUNCTION_ARGS)
{
	Claim		key;
	Claim	   *claim;
	bool		found;

	(void) running_status(PG_GETARG_INT64(0));
	if (verb_running->claims == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(key.row);
		ctl.entrysize = sizeof(Claim);
		ctl.hcxt = verb_running->context;
		verb_running->claims = hash_create("claimed rows", 1024, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	memset(&key, 0, sizeof(key));
	key.row.tableoid = PG_GETARG_OID(1);
	ItemPointerCopy((ItemPointer) PG_GETARG_POINTER(2), &key.row.ctid);
	claim = hash_search(verb_running->claims, &key.row, HASH_ENTER, &found);
	if (!found)
		claim->ordinal = PG_GETARG_INT64(0);
	else if (claim->ordinal != PG_GETARG_INT64(0))
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("rows " INT64_FORMAT " and " INT64_FORMAT " match the same row of \"%s\"",
						Min(claim->ordinal, PG_GETARG_INT64(0)), Max(claim->ordinal, PG_GETARG_INT64(0)),
						RelationGetRelationName(verb_running->rel)),
				 errhint("Make the condition in \"match\" pick at most one row of the data for each row of the target.")));
	PG_RETURN_BOOL(true);
}
