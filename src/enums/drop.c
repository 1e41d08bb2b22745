/*
 * drop.c
 *	  Taking a value away: more.enum_drop, enum_retire and enum_purge.
 *
 * The order, and why nothing is lost in it:
 *
 * 1. Look.  Whatever can be refused is refused here: rows to be protected,
 *    expressions that cannot do without the value, columns that a policy cannot
 *    serve, other sessions' temporary tables, prepared transactions.
 * 2. Migrate the rows, in batches, each in a transaction of its own.  This only
 *    saves time later; it ends after two passes, even if others write on.
 *    Then wait for the snapshots that see the rows as they were: a dump prints
 *    the label that the value has when its row is read, and restores only with
 *    the one that the type had when it began.
 * 3. Retire: in one short transaction, stored expressions are remapped, the
 *    value is renamed to a reserved label, and all plans and caches that know
 *    it are invalidated.  No new statement can name the value now.
 * 4. Wait for every transaction that began before.  They may have the value in a
 *    parameter, a variable, a plan or a snapshot.
 * 5. Look at the rows again, and migrate those that came meanwhile; back to 4
 *    until a look finds none.  Where the value or the database was in use, that
 *    is not the first look: a transaction that began during 4 may have copied a
 *    row that its origin has lost since then, and is waited for before the next.
 *    Where rows are seen, the value gets another reserved label, since others
 *    may have read the present one there, and would write it back.
 * 6. Take the value's OID out of the indexes that hold it still, in place
 *    (index_clean.c) or by building them anew (rebuild.c), and clear the statistics
 *    and missing values that do.
 *    Since PostgreSQL 18 a scan that skips over values goes on from the one that it
 *    has met last, which it compares with others: an error, where OIDs are odd, if
 *    the value is gone by then.  It may have met the value before we, or a VACUUM,
 *    took it away.  So once a look finds no index that holds it, transactions are
 *    waited for once more.
 * 7. Look once more for what is cheap to look for, and delete the catalog row.
 *
 * Each step finds out from the catalogs what is left to do, so that a drop that
 * was interrupted anywhere goes on when it is called again.  Between 3 and 7
 * the type works: a row that holds the value shows its reserved label.
 *
 * A commit waits for the disk where the change is recorded, where the label
 * changes, and at the end; which waits for all that was committed before.  What
 * comes between is done again if a crash undoes it.
 *
 * enum_retire is 1 to 3 in the transaction of its caller, rows and all, and
 * enum_purge is 4 to 7 for all retired values.
 *
 * Locks: those of the statements that change rows (rows_change.c), of REINDEX
 * CONCURRENTLY, and in 3 those of the remapping (trees.c), and those of REFRESH.
 * Whatever would make readers or writers queue behind us gives up after 30 ms of
 * waiting for a lock, and is tried again; in the caller's transaction as well,
 * where what it holds already stays locked meanwhile.  A session-level lock of our own keeps other changes of
 * the same type away (record.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "compat.h"
#include "enums/drop_parts.h"
#include "enums/transaction.h"

PG_FUNCTION_INFO_V1(enum_drop);
PG_FUNCTION_INFO_V1(enum_retire);
PG_FUNCTION_INFO_V1(enum_purge);

/* How often, at most, snapshots are waited for before the label is retired. */
#define SNAPSHOT_ROUNDS	3

/* ------------------------------------------------------------------------ */
/* Steps and locks														 */
/* ------------------------------------------------------------------------ */

/* Step 4: false if there was nobody to wait for. */
bool
drop_wait_for_others(Drop *drop)
{
	bool		waited;

	change_step(drop->change, "wait", NULL);
	next_step();
	without_snapshot();
	waited = wait_out_transactions(drop->change, drop->type);
	XactIsoLevel = XACT_READ_COMMITTED;
	with_snapshot();
	return waited;
}

/* Record the step, for all to see, and tell the user where it takes long. */
void
drop_begin_step(Drop *drop, const char *step, const char *object)
{
	if (!drop->atomic && TimestampDifferenceExceeds(drop->said, GetCurrentTimestamp(), 5000))
	{
		ereport(NOTICE,
				(errmsg("change " INT64_FORMAT ": %s%s%s", drop->change->id, step, object ? " " : "", object ? object : "")));
		drop->said = GetCurrentTimestamp();
	}
	change_step(drop->change, step, object);
	if (!drop->atomic)
		next_step();
}

/* One attempt, in a subtransaction, at what locks tables; false if a lock could not be had. */
static bool
try_locked(Drop *drop, void (*action) (Drop *), int wait)
{
	ErrorData  *error = in_subtransaction((void (*) (void *)) action, drop, wait, true);

	if (error == NULL)
		return true;
	if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE &&
		(drop->atomic || error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED))
		ReThrowError(error);
	FreeErrorData(error);
	return false;
}

/* Does somebody wait for a lock that we hold? */
static bool
is_waited_for(void)
{
	bool		result;

	SPI_connect();
	SPI_execute("SELECT FROM pg_catalog.pg_locks AS l WHERE NOT l.granted AND pg_catalog.pg_backend_pid() "
				"OPERATOR(pg_catalog.=) ANY (pg_catalog.pg_blocking_pids(l.pid)) LIMIT 1", true, 1);
	result = SPI_processed > 0;
	SPI_finish();
	return result;
}

/* In the caller's transaction the locks that it has stay, and its own lock_timeout is kept. */
static void
locked_in_transaction(Drop *drop, void (*action) (Drop *))
{
	TimestampTz start = GetCurrentTimestamp();
	int			wait = LOCK_WAIT;

	while (!try_locked(drop, action, wait))
	{
		if (LockTimeout > 0 && TimestampDifferenceExceeds(start, GetCurrentTimestamp(), LockTimeout))
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("canceling statement due to lock timeout")));
		pg_usleep(LOCK_PAUSE * 1000L);
		CHECK_FOR_INTERRUPTS();
		/* they may wait for us, and we for them: then long enough for the server to find out */
		wait = is_waited_for() ? DeadlockTimeout + LOCK_WAIT : LOCK_WAIT;
	}
}

/* Do what locks tables as soon as they can be locked; commits between attempts where it can. */
void
drop_locked(Drop *drop, void (*action) (Drop *))
{
	if (drop->atomic)
	{
		locked_in_transaction(drop, action);
		return;
	}
	while (!try_locked(drop, action, LOCK_WAIT))
	{
		next_transaction();
		if (TimestampDifferenceExceeds(drop->said, GetCurrentTimestamp(), 5000))
		{
			ereport(NOTICE,
					(errmsg("change " INT64_FORMAT ": waiting for a moment in which the tables that have to do with the value can be locked",
							drop->change->id)));
			drop->said = GetCurrentTimestamp();
		}
		pause_without_snapshot();
	}
}

/* ------------------------------------------------------------------------ */
/* Step 3: retiring														 */
/* ------------------------------------------------------------------------ */

/* Expressions, label and plans, in the current transaction. */
static void
remap_expressions(Drop *drop)
{
	ListCell   *cell;

	if (drop->policy == POLICY_KEEP)
		return;
	foreach(cell, drop_naming_expressions(drop))
		remap_expression(lfirst(cell), drop->type, drop->value, drop_expression_replacement(drop, lfirst(cell)), false);
}

static void
retire_label(Drop *drop)
{
	if (!drop->is_retired)
		rename_enum_value(drop->type, drop->label, drop->retired);
	invalidate_users(drop->type);
}

/* What is done in one transaction. */
static void
retire_value(Drop *drop)
{
	drop_require_no_obstacle(drop);
	remap_expressions(drop);
	retire_label(drop);
}

/* Does any row hold the value?  Notes the columns where some do that did not. */
static bool
any_row_holds(Drop *drop)
{
	bool		result = false;
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (!holds_any(task->column, drop->type, drop->value))
			continue;
		task->rows = Max(task->rows, 1);
		result = true;
	}
	return result;
}

/*
 * Wait for the snapshots that see rows that held the value, which is to have
 * another label.  Where that takes long, others may have written such rows and
 * taken snapshots meanwhile, so it is done again, a few times; likewise for rows
 * that cannot change before the label does.
 */
static void
wait_for_snapshots(Drop *drop)
{
	drop_begin_step(drop, "retire", drop->label);
	for (int round = 0; round < SNAPSHOT_ROUNDS; round++)
	{
		bool		again;

		without_snapshot();
		again = wait_out_snapshots(drop->change, drop->type);
		XactIsoLevel = XACT_READ_COMMITTED;
		with_snapshot();
		if (!again || !any_row_holds(drop))
			break;
		if (drop->policy != POLICY_KEEP)
			drop_migrate_early(drop);
	}
	/* rows are kept only where the value stays: no reason to cancel anything */
	if (drop->policy != POLICY_KEEP)
		cancel_on_standbys();
	next_transaction();
}

/* Step 3. */
static void
retire(Drop *drop)
{
	drop_begin_step(drop, "retire", drop->label);
	drop_locked(drop, retire_value);
	drop->is_retired = true;
	change_step(drop->change, "retired", NULL);
	next_transaction();
}

/* ------------------------------------------------------------------------ */
/* Steps 6 and 7														 */
/* ------------------------------------------------------------------------ */

/* Step 6. */
static void
clear_holders(Drop *drop)
{
	for (int round = 0;; round++)
	{
		MemoryContext old = MemoryContextSwitchTo(drop->context);
		List	   *indexes;
		ListCell   *cell;
		bool		cleaned;

		drop_begin_step(drop, "indexes", NULL);
		indexes = indexes_holding(drop->type, drop->value, round > 0);
		MemoryContextSwitchTo(old);
		if (indexes == NIL)
			break;
		/* what was rebuilt under a snapshot that saw the rows has them still, and rows may not have been dead to all */
		if (round > 0)
			(void) drop_wait_for_others(drop);
		if (round == 10)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("index %s holds value \"%s\" after it was rebuilt", qualified_name(linitial_oid(indexes)), drop->label)));
		foreach(cell, indexes)
		{
			if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(lfirst_oid(cell))))
				continue;
			if (round == 0)
			{
				drop_begin_step(drop, "clean index", qualified_name(lfirst_oid(cell)));
				cleaned = clean_index(lfirst_oid(cell), drop->type, drop->value);
				next_step();
				if (cleaned)
					continue;
			}
			drop_begin_step(drop, "rebuild index", qualified_name(lfirst_oid(cell)));
			without_snapshot();
			rebuild_index(lfirst_oid(cell));
			next_transaction();
		}
	}
	if (COMPAT_SCANS_KEEP_VALUES && enum_indexes(drop->type) != NIL)
		(void) drop_wait_for_others(drop);
	drop_begin_step(drop, "statistics", NULL);
	clear_statistics(drop->type, drop->value, drop->new_oid);
	next_step();
	clear_missing(drop->type, drop->value);
	next_step();
}

/* Is each of the columns among those whose rows were looked at? */
static bool
all_looked_at(Drop *drop, List *tasks)
{
	ListCell   *cell;

	foreach(cell, tasks)
	{
		EnumColumn *column = ((Task *) lfirst(cell))->column;
		ListCell   *inner;
		bool		found = false;

		foreach(inner, drop->tasks)
		{
			EnumColumn *known = ((Task *) lfirst(inner))->column;

			found |= known->relid == column->relid && known->attnum == column->attnum && known->type == column->type;
		}
		if (!found)
			return false;
	}
	return true;
}

/* Step 7: false if there is something to do before. */
static bool
delete_value(Drop *drop)
{
	drop_begin_step(drop, "delete", NULL);
	LockDatabaseObject(TypeRelationId, drop->type, 0, ExclusiveLock);
	if (!all_looked_at(drop, drop_list_tasks(drop)) || statistics_holding(drop->type, drop->value) != NIL ||
		missing_holds(drop->type, drop->value) || drop_naming_expressions(drop) != NIL)
		return false;
	delete_enum_value(drop->type, drop->value);
	change_end(drop->change, "done");
	next_transaction();
	return true;
}

/* Steps 4 to 7.  The value stays where rows are to keep it. */
static void
finish(Drop *drop)
{
	for (;;)
	{
		/* where rows were to keep the value, expressions kept it, too; and objects may have come with it */
		if (drop_naming_expressions(drop) != NIL)
			retire(drop);
		drop_wait_and_look(drop);
		without_snapshot();
		settle_expressions(drop->type, false);
		next_transaction();
		if (drop->stays)
		{
			change_end(drop->change, "retired");
			next_transaction();
			return;
		}
		clear_holders(drop);
		if (delete_value(drop))
			break;
		next_transaction();
	}
	without_snapshot();
	settle_expressions(drop->type, false);
	next_transaction();
}

/* ------------------------------------------------------------------------ */
/* The functions														 */
/* ------------------------------------------------------------------------ */

/* A text argument; NULL where it is null. */
static char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* An error for arguments that must not be null. */
static void
require_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/*
 * require_no_block
 *		An error if a procedure has been called where it cannot commit.
 */
void
require_no_block(FunctionCallInfo fcinfo, const char *procedure, const char *hint)
{
	CallContext *context = fcinfo->context && IsA(fcinfo->context, CallContext) ? (CallContext *) fcinfo->context : NULL;

	if (context == NULL || context->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("%s cannot run inside a transaction block", procedure),
				 errdetail("It commits after each of its steps."),
				 hint ? errhint("%s", hint) : 0));
}

/* A drop of the value that the arguments name: all that can be known before the type is locked. */
static Drop *
drop_of_arguments(FunctionCallInfo fcinfo, bool atomic)
{
	Drop	   *drop = palloc0(sizeof(Drop));

	require_argument(fcinfo, 0, "type");
	require_argument(fcinfo, 1, "label");
	drop->context = CurrentMemoryContext;
	drop->type = PG_GETARG_OID(0);
	drop->label = text_argument(fcinfo, 1);
	drop->on_delete = text_argument(fcinfo, 2);
	drop->policy = policy_from_text(drop->on_delete);
	drop->replacement = text_argument(fcinfo, 3);
	drop->atomic = atomic;
	drop->said = GetCurrentTimestamp();
	require_enum_owner(drop->type);
	return drop;
}

/*
 * Find value, record and policy.  A drop that was interrupted goes on under the
 * policy that it began with, unless the call says otherwise.
 */
static void
prepare(Drop *drop)
{
	char	   *policy;

	drop_find_value(drop);
	drop->change = change_of_value(drop->type, drop->retired, drop->is_retired ? "{running,failed,retired}" : "{running,failed}");
	if (drop->change && drop->policy == POLICY_PROTECT && drop->replacement == NULL &&
		strcmp(drop->change->state, "running") == 0 &&
		(policy = change_argument(drop->change, "on_delete")) != NULL)
	{
		drop->on_delete = policy;
		drop->policy = policy_from_text(policy);
		drop->replacement = change_argument(drop->change, "replacement");
	}
	if (drop->change)
		drop->label = change_argument(drop->change, "label");
	drop->new_oid = drop_find_replacement(drop, drop->policy, drop->replacement);
}

/* All steps, in transactions of their own. */
static void
drop_online(Drop *drop)
{
	forget_snapshot();
	next_transaction();
	prepare(drop);
	drop_look(drop);
	drop_begin_record(drop, "drop");
	next_transaction();
	if (drop->policy != POLICY_KEEP)
		drop_migrate_early(drop);
	if (!drop->is_retired)
	{
		wait_for_snapshots(drop);
		retire(drop);
	}
	if (drop->policy == POLICY_KEEP)
	{
		change_end(drop->change, "retired");
		next_transaction();
	}
	else
		finish(drop);
	without_snapshot();
}

/*
 * Raise the error at hand again.  Where it came in the middle of what is done in
 * several transactions, it says what there is to do.
 */
static void
rethrow(Drop *drop)
{
	ErrorData  *error;

	MemoryContextSwitchTo(drop->context);
	error = CopyErrorData();
	FlushErrorState();
	if (error->hint == NULL && drop->change && (drop->change->rows_done > 0 || drop->is_retired))
		error->hint = psprintf("The change has begun. Call the same again to go on, or take it back with more.enum_restore(%s, %s).",
							   quote_literal_cstr(enum_type_sql(drop->type)), quote_literal_cstr(drop->label));
	ReThrowError(error);
}

/*
 * drop_retired
 *		Remove a value that was retired under the label, rows and all.
 *
 * For procedures, in a call that is not atomic and holds the change's lock,
 * connected to SPI once, without a snapshot; commits.  context outlives that.
 */
void
drop_retired(Oid type, const char *label, const char *on_delete, const char *replacement, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Drop	   *drop = palloc0(sizeof(Drop));

	drop->context = context;
	drop->type = type;
	drop->label = pstrdup(label);
	drop->on_delete = pstrdup(on_delete);
	drop->policy = policy_from_text(on_delete);
	drop->replacement = replacement ? pstrdup(replacement) : NULL;
	drop->said = GetCurrentTimestamp();
	drop_online(drop);
	MemoryContextSwitchTo(old);
}

/*
 * CALL more.enum_drop(type regtype, label text, on_delete text DEFAULT 'protect',
 *					   replacement text DEFAULT NULL)
 *
 * Only where it can commit: 2D000 otherwise.
 */
Datum
enum_drop(PG_FUNCTION_ARGS)
{
	Drop	   *drop;

	require_no_block(fcinfo, "more.enum_drop",
					 "more.enum_retire does as much of it as one transaction can; more.enum_purge does the rest later.");
	require_direct_call("more.enum_drop");
	drop = drop_of_arguments(fcinfo, false);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(drop->context);
	require_change_lock(drop->type, true);
	PG_TRY();
	{
		drop_online(drop);
	}
	PG_CATCH();
	{
		unlock_changes(drop->type);
		rethrow(drop);
	}
	PG_END_TRY();
	unlock_changes(drop->type);
	SPI_finish();
	PG_RETURN_VOID();
}

/* What remapped expressions left undone, in the caller's transaction. */
static void
settle(Drop *drop)
{
	settle_expressions(drop->type, true);
}

/*
 * more.enum_retire(type regtype, label text, on_delete text DEFAULT 'protect',
 *					replacement text DEFAULT NULL) RETURNS bigint
 *
 * Steps 1 to 3 in the caller's transaction; returns the change's number.
 */
Datum
enum_retire(PG_FUNCTION_ARGS)
{
	Drop	   *drop = drop_of_arguments(fcinfo, true);
	ListCell   *cell;

	require_change_lock(drop->type, false);
	prepare(drop);
	if (drop->is_retired)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("value \"%s\" of enum %s is retired already", drop->label, format_type_be(drop->type)),
				 errhint("more.enum_purge removes it, more.enum_restore brings it back.")));
	drop_look(drop);
	drop_begin_record(drop, "retire");
	drop_locked(drop, remap_expressions);
	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		/* the first of a group has changed the others, too */
		if (task_changes_rows(task) && task->rows > 0 && (task->group == 0 || holds_any(task->column, drop->type, drop->value)))
			drop_migrate_rest(drop, task);
	}
	if (drop->policy != POLICY_KEEP)
		drop_locked(drop, settle);
	retire_label(drop);
	change_step(drop->change, "retired", NULL);
	change_end(drop->change, "retired");
	PG_RETURN_INT64(drop->change->id);
}

/* Is there a value of that label that can be used? */
static bool
is_live(Oid type, const char *label)
{
	EnumValue  *value = enum_value(type, label, true);

	return value && !value->retired && !value->moving;
}

/* What is known of a value that was retired. */
static Drop *
drop_of_retired(Oid type, EnumValue *value, MemoryContext context)
{
	Drop	   *drop = palloc0(sizeof(Drop));

	drop->context = context;
	drop->type = type;
	drop->value = value->oid;
	drop->label = drop->retired = value->label;
	drop->is_retired = true;
	drop->on_delete = "protect";
	drop->said = GetCurrentTimestamp();
	drop->change = change_of_value(type, value->label, "{running,failed,retired}");
	if (drop->change)
	{
		drop->label = change_argument(drop->change, "label");
		drop->on_delete = change_argument(drop->change, "on_delete");
		drop->replacement = change_argument(drop->change, "replacement");
	}
	/* the replacement has gone since, or has been renamed past us: only rows that are written by now have it */
	if (drop->replacement && !is_live(type, drop->replacement))
	{
		drop->on_delete = "protect";
		drop->replacement = NULL;
	}
	drop->policy = policy_from_text(drop->on_delete);
	drop->new_oid = drop_find_replacement(drop, drop->policy, drop->replacement);
	return drop;
}

/* Do rows hold the value that are to keep it?  Says so. */
static bool
rows_keep(Drop *drop)
{
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if ((task->policy == POLICY_KEEP || task->policy == POLICY_PROTECT) &&
			holds_any(task->column, drop->type, drop->value))
		{
			ereport(NOTICE,
					(errmsg("value \"%s\" stays retired: rows of column %s hold it", drop->label, task_column_text(task->column)),
					 errhint("CALL more.enum_drop with another on_delete to remove it.")));
			return true;
		}
	}
	return false;
}

/*
 * purge_retired
 *		Steps 4 to 7 for the retired values of the type, or those that
 *		more.enum_reorder retired.
 *
 * For procedures, in a call that is not atomic and holds the change's lock,
 * connected to SPI once, without a snapshot but the portal's; commits, and
 * leaves a transaction without snapshot.  context outlives that.
 */
void
purge_retired(Oid type, bool moved, MemoryContext context)
{
	List	   *values;
	ListCell   *cell;

	forget_snapshot();
	next_transaction();
	MemoryContextSwitchTo(context);
	values = enum_values(type);
	foreach(cell, values)
	{
		EnumValue  *value = lfirst(cell);
		Drop	   *drop;

		if (!value->retired)
			continue;
		/* not the SPI connection's, which a rebuilt index has changed */
		MemoryContextSwitchTo(context);
		drop = drop_of_retired(type, value, context);
		if (moved && (drop->change == NULL || strcmp(drop->change->action, "move") != 0))
			continue;
		drop->tasks = drop_list_tasks(drop);
		if (rows_keep(drop))
			continue;
		/* nothing holds it that is to keep it */
		if (drop->policy == POLICY_KEEP)
			drop->policy = POLICY_PROTECT;
		drop_look(drop);
		drop_begin_record(drop, "drop");
		next_transaction();
		finish(drop);
	}
	without_snapshot();
}

/*
 * CALL more.enum_purge(type regtype)
 *
 * Steps 4 to 7 for the retired values.  Only where it can commit: 2D000 otherwise.
 */
Datum
enum_purge(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			type;

	require_no_block(fcinfo, "more.enum_purge", NULL);
	require_direct_call("more.enum_purge");
	require_argument(fcinfo, 0, "type");
	type = PG_GETARG_OID(0);
	require_enum_owner(type);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(context);
	require_change_lock(type, true);
	PG_TRY();
	{
		purge_retired(type, false, context);
	}
	PG_FINALLY();
	{
		unlock_changes(type);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}
