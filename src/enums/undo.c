/*
 * undo.c
 *	  Taking a recorded change back: more.enum_undo.
 *
 * What is done is the opposite, by the same means, and recorded as such: an
 * added value is dropped, under the policy protect; a renamed one is renamed
 * back; values that were reordered are reordered as they were, and those that
 * have come since stay behind their neighbours.  A value that was retired gets
 * its label back, one that was dropped is added again at its old neighbour,
 * and the rows that the history kept get it back where they still hold what
 * the change gave them (restore.c).  The changes that a more.enum_apply
 * consists of are taken back in reverse order.
 *
 * What cannot be brought back is counted, and told in a notice.  Stored
 * expressions that were given a replacement keep it.
 *
 * A more.enum_apply is looked at first: if one of its parts cannot be taken back
 * (its label has gone, or is another value's by now; rows or objects use what it
 * added), none is.  Each part looks at what is there, so that an undo that was interrupted goes
 * on when it is called again.  Locks are those of the changes that it makes.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "enums/drop.h"
#include "enums/enums.h"

PG_FUNCTION_INFO_V1(enum_undo);

/* What came of it. */
typedef struct Undone
{
	int64		rows;			/* brought back */
	int64		lost;
} Undone;

/* Commit, and go on in a new transaction; not connected to SPI. */
static void
commit_part(void)
{
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	SPI_commit();
	SPI_finish();
	XactIsoLevel = XACT_READ_COMMITTED;
	EnsurePortalSnapshotExists();
}

/* A list among the change's arguments, as C strings. */
static List *
argument_list(EnumChange *change, const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[] = {CStringGetTextDatum(change->arguments), CStringGetTextDatum(name)};
	List	   *result = NIL;

	SPI_connect();
	record_execute("SELECT label FROM pg_catalog.jsonb_array_elements_text($1::pg_catalog.jsonb OPERATOR(pg_catalog.->) $2) "
				   "WITH ORDINALITY AS l (label, n) ORDER BY n", 2, types, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *label = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend(result, pstrdup(label));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return result;
}

/* One of the change's arguments; the record has it, or is not ours. */
static char *
required_argument(EnumChange *change, const char *name)
{
	char	   *result = change_argument(change, name);

	if (result == NULL)
		elog(ERROR, "the record of change " INT64_FORMAT " has no \"%s\"", change->id, name);
	return result;
}

/* --- procedures of this extension ---------------------------------------------- */

/* Calls one as CALL would: it commits, and ends in a new transaction. */
static void
call_procedure(FunctionCallInfo undo, const char *name, Oid *types, NullableDatum *args, int nargs)
{
	Oid			oid = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
									  PointerGetDatum(buildoidvector(types, nargs)),
									  ObjectIdGetDatum(get_namespace_oid("more", false)));
	FmgrInfo	procedure;
	LOCAL_FCINFO(fcinfo, 4);

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("procedure more.%s does not exist", name)));
	EnsurePortalSnapshotExists();
	fmgr_info(oid, &procedure);
	InitFunctionCallInfoData(*fcinfo, &procedure, nargs, InvalidOid, undo->context, NULL);
	memcpy(fcinfo->args, args, sizeof(NullableDatum) * nargs);
	(void) FunctionCallInvoke(fcinfo);
	EnsurePortalSnapshotExists();
}

static void
call_drop(FunctionCallInfo undo, Oid type, const char *label)
{
	Oid			types[] = {REGTYPEOID, TEXTOID, TEXTOID, TEXTOID};
	NullableDatum args[4] = {{0}};

	args[0].value = ObjectIdGetDatum(type);
	args[1].value = CStringGetTextDatum(label);
	args[2].value = CStringGetTextDatum("protect");
	args[3].isnull = true;
	call_procedure(undo, "enum_drop", types, args, 4);
}

static void
call_reorder(FunctionCallInfo undo, Oid type, List *labels)
{
	Oid			types[] = {REGTYPEOID, TEXTARRAYOID};
	NullableDatum args[2] = {{0}};
	Datum	   *values = palloc(sizeof(Datum) * Max(list_length(labels), 1));
	ListCell   *cell;

	foreach(cell, labels)
		values[foreach_current_index(cell)] = CStringGetTextDatum(lfirst(cell));
	args[0].value = ObjectIdGetDatum(type);
	args[1].value = PointerGetDatum(construct_array(values, list_length(labels), TEXTOID, -1, false, TYPALIGN_INT));
	call_procedure(undo, "enum_reorder", types, args, 2);
}

/* --- the kinds of changes ---------------------------------------------------------- */

static void
undo_add(FunctionCallInfo undo, EnumChange *change)
{
	char	   *label = required_argument(change, "label");
	ListCell   *cell;

	if (enum_value(change->type, label, true))
	{
		call_drop(undo, change->type, label);
		return;
	}
	/* an undo that was interrupted goes on */
	foreach(cell, enum_values(change->type))
	{
		EnumValue  *value = lfirst(cell);

		if (value->retired && is_retired_label(value->label, label))
		{
			call_drop(undo, change->type, label);
			return;
		}
	}
}

static void
undo_rename(EnumChange *change)
{
	char	   *old = required_argument(change, "old");
	char	   *new = required_argument(change, "new");

	/* neither there is for the server to tell, as both are */
	if (enum_value(change->type, new, true) || enum_value(change->type, old, true) == NULL)
		recorded_rename(change->type, new, old);
}

/* The labels as they were, with those that have come since behind what they are behind now. */
static List *
former_order(EnumChange *change)
{
	List	   *before = argument_list(change, "before");
	List	   *result = NIL;
	List	   *values = enum_values(change->type);
	int			behind = 0;
	ListCell   *cell;

	foreach(cell, before)
	{
		EnumValue  *value = enum_value(change->type, lfirst(cell), true);

		if (value)
			result = lappend(result, lfirst(cell));
	}
	foreach(cell, values)
	{
		EnumValue  *value = lfirst(cell);
		ListCell   *inner;
		bool		known = false;

		if (value->retired || value->moving)
			continue;
		foreach(inner, result)
		{
			if (strcmp(lfirst(inner), value->label) == 0)
			{
				known = true;
				behind = foreach_current_index(inner) + 1;
			}
		}
		if (!known)
			result = list_insert_nth(result, behind++, value->label);
	}
	return result;
}

static void
undo_reorder(FunctionCallInfo undo, EnumChange *change)
{
	List	   *labels;

	if (strcmp(change->state, "failed") == 0)
		return;					/* the values are as they were */
	labels = former_order(change);
	if (labels)
		call_reorder(undo, change->type, labels);
}

/* The value that the change dropped, with its label again: renamed, or added and committed. */
static EnumValue *
bring_back(EnumChange *change)
{
	char	   *label = required_argument(change, "label");
	char	   *retired = change_argument(change, "retired");
	char	   *before = change_argument(change, "before");
	char	   *after = change_argument(change, "after");
	EnumValue  *live = enum_value(change->type, label, true);
	EnumValue  *old = retired ? enum_value(change->type, retired, true) : NULL;

	if (old && live)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("enum %s has another value \"%s\" by now", format_type_be(change->type), label),
				 errdetail("The value that was retired as \"%s\" cannot have this label again.", retired),
				 errhint("Rename the other value first, with more.enum_rename.")));
	if (old)
		rename_enum_value(change->type, retired, label);
	else if (live == NULL)
	{
		if (after && enum_value(change->type, after, true) == NULL)
			after = NULL;
		if (before && (after || enum_value(change->type, before, true) == NULL))
			before = NULL;
		recorded_add(change->type, label, before, after);
	}
	if (old || live == NULL)
	{
		invalidate_users(change->type);
		commit_part();
	}
	return enum_value(change->type, label, false);
}

static void
undo_drop(EnumChange *change, Undone *undone)
{
	EnumValue  *value = bring_back(change);
	int64		lost;

	undone->rows += restore_rows(change, value->oid, &lost);
	undone->lost += lost;
}

/* The type that an application created; whatever uses it keeps it. */
static void
undo_create(EnumChange *change)
{
	SPI_connect();
	SPI_execute(psprintf("DROP TYPE %s", enum_type_sql(change->type)), false, 0);
	SPI_finish();
}

static void
refuse(EnumChange *change)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("change " INT64_FORMAT " (%s) cannot be undone", change->id, change->action),
			 strcmp(change->action, "adopt") == 0 ?
			 errhint("CALL more.enum_adopt with the type that the column had before.") :
			 strcmp(change->action, "move") == 0 ?
			 errhint("Undo change " INT64_FORMAT ", of which it is a part.", change->part_of) : 0));
}

/* --- looking first ------------------------------------------------------------------- */

/* The labels that users can write. */
static List *
live_labels(Oid type)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, enum_values(type))
	{
		EnumValue  *value = lfirst(cell);

		if (!value->retired && !value->moving)
			result = lappend(result, value->label);
	}
	return result;
}

static bool
has_label(List *labels, const char *label)
{
	ListCell   *cell;

	foreach(cell, labels)
	{
		if (strcmp(lfirst(cell), label) == 0)
			return true;
	}
	return false;
}

static List *
without_label(List *labels, const char *label)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, labels)
	{
		if (strcmp(lfirst(cell), label) != 0)
			result = lappend(result, lfirst(cell));
	}
	return result;
}

/* Refuse the whole, for the sake of one part. */
static void
refuse_part(EnumChange *whole, EnumChange *part, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("change " INT64_FORMAT " cannot be undone because a part of it cannot", whole->id),
			 errdetail_internal("change " INT64_FORMAT " (%s): %s", part->id, part->action, why),
			 errhint("Change that first, or undo the other parts one by one, the last one first; more.enum_history lists them.")));
}

/* The value that was added goes under the policy protect, and expressions keep what they name. */
static void
look_at_add(EnumChange *whole, EnumChange *part, bool rows_return)
{
	char	   *label = required_argument(part, "label");
	EnumValue  *value = enum_value(part->type, label, true);
	char	   *obstacles = value ? drop_obstacles(part->type, value, "protect", InvalidOid) : NULL;
	bool		rows_change = rows_return;

	if (obstacles)
		refuse_part(whole, part, psprintf("other objects name value \"%s\"\n%s", label, obstacles));
	/* rows that hold it may get back what they held */
	if (value && !rows_return)
		look_at_drop(part->type, value, "protect", InvalidOid, &rows_change);
}

/* Does the server drop the type?  Tried, and rolled back. */
static void
look_at_create(EnumChange *part)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		undo_create(part);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		ReThrowError(error);
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/* What the labels are once this part is undone; an error if it cannot be. */
static List *
look_at_part(EnumChange *whole, EnumChange *part, List *labels, bool rows_return)
{
	const char *action = part->action;

	if (strcmp(part->state, "undone") == 0)
		return labels;
	if (strcmp(action, "add") == 0)
	{
		char	   *label = required_argument(part, "label");

		/* the present value of that name is the one that was added, unless a rename is undone before */
		if (has_label(live_labels(part->type), label) && has_label(labels, label))
			look_at_add(whole, part, rows_return);
		return without_label(labels, label);
	}
	if (strcmp(action, "rename") == 0)
	{
		char	   *old = required_argument(part, "old");
		char	   *new = required_argument(part, "new");

		if (!has_label(labels, new) && has_label(labels, old))
			return labels;
		if (!has_label(labels, new))
			refuse_part(whole, part, psprintf("there is no value \"%s\" any more, to be called \"%s\"", new, old));
		if (has_label(labels, old))
			refuse_part(whole, part, psprintf("there is another value \"%s\" by now", old));
		return lappend(without_label(labels, new), old);
	}
	if (strcmp(action, "drop") == 0 || strcmp(action, "retire") == 0)
	{
		char	   *label = required_argument(part, "label");
		char	   *retired = change_argument(part, "retired");

		if (!has_label(labels, label))
			return lappend(labels, label);
		if (retired && enum_value(part->type, retired, true))
			refuse_part(whole, part, psprintf("there is another value \"%s\" by now", label));
		return labels;
	}
	if (strcmp(action, "create") == 0)
		look_at_create(part);
	else if (strcmp(action, "reorder") != 0)
		refuse(part);
	return labels;
}

/* Look whether each part of an application can be undone, before the first one is. */
static void
look_at_parts(EnumChange *whole, List *parts)
{
	List	   *labels = live_labels(whole->type);
	bool		creates = false;
	bool		rows_return = false;
	ListCell   *cell;

	foreach(cell, parts)
	{
		EnumChange *part = lfirst(cell);

		creates |= strcmp(part->action, "create") == 0;
		rows_return |= (strcmp(part->action, "drop") == 0 || strcmp(part->action, "retire") == 0) && part->rows_done > 0;
	}
	/* only the type's own end matters then */
	for (int i = list_length(parts) - 1; i >= 0; i--)
	{
		EnumChange *part = list_nth(parts, i);

		if (!creates || strcmp(part->action, "create") == 0)
			labels = look_at_part(whole, part, labels, rows_return);
	}
}

/*
 * Takes one change back, and commits.  False if the type itself is gone then.
 */
static bool
undo_change(FunctionCallInfo undo, EnumChange *change, Undone *undone)
{
	const char *action = change->action;
	MemoryContext context = CurrentMemoryContext;

	if (strcmp(change->state, "undone") == 0)
		return true;
	if (strcmp(action, "add") == 0)
		undo_add(undo, change);
	else if (strcmp(action, "rename") == 0)
		undo_rename(change);
	else if (strcmp(action, "drop") == 0 || strcmp(action, "retire") == 0)
		undo_drop(change, undone);
	else if (strcmp(action, "reorder") == 0)
		undo_reorder(undo, change);
	else if (strcmp(action, "create") == 0)
		undo_create(change);
	else if (strcmp(action, "apply") == 0)
	{
		List	   *parts = change_parts(change->id);

		look_at_parts(change, parts);
		for (int i = list_length(parts) - 1; i >= 0; i--)
		{
			if (!undo_change(undo, list_nth(parts, i), undone))
				break;
		}
	}
	else
		refuse(change);
	MemoryContextSwitchTo(context);
	/* as it is by now: a drop may have taken the record up */
	change = change_get(change->id);
	if (change)
		change_end(change, "undone");
	commit_part();
	return strcmp(action, "create") != 0;
}

/* The change of that number, of a type of the caller's. */
static EnumChange *
change_to_undo(int64 id)
{
	EnumChange *change = change_get(id);

	if (change && get_typtype(change->type) == '\0' && superuser())
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type %s, which change " INT64_FORMAT " is of, does not exist any more", change->type_name, id)));
	/* of others' types nobody learns that there are changes */
	if (change == NULL || get_typtype(change->type) == '\0' || !compat_owns_type(change->type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no change " INT64_FORMAT " of a type of yours", id),
				 errhint("The view more.enum_history shows which there are.")));
	require_enum_owner(change->type);
	return change;
}

/* Says what became of the rows. */
static void
tell(EnumChange *change, Undone *undone)
{
	if (undone->rows > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld row was brought back", "%lld rows were brought back",
							   (unsigned long) undone->rows, (long long) undone->rows)));
	if (undone->lost > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld row that the change touched was not brought back",
							   "%lld rows that the change touched were not brought back",
							   (unsigned long) undone->lost, (long long) undone->lost),
				 errdetail_plural("It is gone, was changed since then, or is not in the history.",
								  "They are gone, were changed since then, or are not in the history.",
								  (unsigned long) undone->lost)));
}

/*
 * CALL more.enum_undo(change bigint)
 *
 * Only where it can commit: 2D000 otherwise.  Errors are those of the changes
 * that it makes.
 */
Datum
enum_undo(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(PortalContext, "pg_more undo", ALLOCSET_DEFAULT_SIZES);
	Undone		undone = {0, 0};
	EnumChange *change;
	MemoryContext old;

	require_no_block(fcinfo, "more.enum_undo", NULL);
	require_direct_call("more.enum_undo");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"change\" must not be null")));
	old = MemoryContextSwitchTo(context);
	change = change_to_undo(PG_GETARG_INT64(0));
	require_change_lock(change->type, true);
	PG_TRY();
	{
		/* it may have become another while the lock was taken */
		change = change_to_undo(change->id);
		if (strcmp(change->state, "undone") == 0)
			ereport(NOTICE,
					(errmsg("change " INT64_FORMAT " is undone already", change->id)));
		else
			undo_change(fcinfo, change, &undone);
	}
	PG_FINALLY();
	{
		unlock_changes(change->type);
	}
	PG_END_TRY();
	tell(change, &undone);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}
