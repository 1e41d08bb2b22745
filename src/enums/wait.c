/*
 * wait.c
 *	  Waiting until nobody can write a retired value any more, or see one; and
 *	  until nobody sees rows that hold a value that is about to be retired.
 *
 * A value that is retired can no longer be typed in, and plans that contain it
 * are planned anew.  Its OID may yet be on its way in what was begun before:
 *
 * - A transaction: a parameter that is bound, a portal, a statement that waits
 *   for a lock, rows that are written and not committed.  All virtual
 *   transactions of the database are waited for, prepared ones included; only
 *   lazy VACUUM, which writes no values, is not.  An ANALYZE may store the
 *   value in pg_statistic, so it is.
 * - A statement that commits itself: variables of a procedure outlive its
 *   transactions.  Sessions whose statement began before are waited for until
 *   they are idle or at another one.
 * - An old snapshot: it sees rows as they were, and index entries that lead to
 *   them stay.  So the database's horizon is waited for, before which no
 *   snapshot, standby's feedback or replication slot looks.
 *
 * What this cannot know of is a value that a session keeps between statements
 * and transactions in memory of its own: a cursor WITH HOLD that server-side
 * code reads into a variable.  more.enum_check finds what that may write.
 *
 * Before that, when the rows have been migrated and the value is still called
 * what it was, only snapshots are waited for: those that see rows as they were
 * before.  Their transaction sees the type's old labels in the catalog, while
 * labels of rows are looked up as they are now: a dump that goes on reading
 * after the value has got its reserved label could not be restored.  Who has no
 * snapshot, idle in a READ COMMITTED transaction or blocked between statements,
 * reads rows with a new one and is not waited for.  Snapshots on standbys are
 * known by their feedback.  As in CREATE INDEX CONCURRENTLY, whose snapshot is
 * old is told by its xmin, which may be held back by a transaction that writes:
 * too many are waited for then, but none that has not been there from the start.
 *
 * A standby without feedback is not waited for, but told, by the record with
 * which an index tells it before a page is used again: a query there that could
 * see a row that was dead before is cancelled by the standby itself, as VACUUM
 * would have it, and never comes upon a value that is no more.
 *
 * While it waits, the session holds no lock, no snapshot and no transaction ID,
 * and its virtual transaction is a new one after each look: two of these waits
 * pass each other, and CREATE INDEX CONCURRENTLY passes both.  Sessions that
 * are changing an enum themselves are not waited for as statements, since they
 * keep no values in variables.  A session's transaction that waits for our own
 * client cannot be told from a slow one; notices say whom we wait for, and
 * statement_timeout or a cancellation ends the wait.
 */
#include "postgres.h"

#include "access/gist_private.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "enums/enums.h"

#define SHORTEST_PAUSE	1		/* ms between two looks, doubled up to */
#define LONGEST_PAUSE	100
#define FIRST_REPORT	2000	/* ms until it is said for whom we wait, doubled up to */
#define LONGEST_REPORT	60000
#define MOST_NAMED		10		/* how many of those */
#define SHORT_WAIT		1000	/* ms that are no more than a moment */

/* What was there when the wait began. */
typedef struct Before
{
	bool		snapshots;		/* only what sees rows as they were is waited for */
	TimestampTz time;
	TransactionId xid;			/* the first that was not yet given out */
	VirtualTransactionId *transactions;
	int			ntransactions;
	int		   *statements;		/* process IDs */
	int			nstatements;
} Before;

/* Whom we wait for, in words. */
typedef struct Awaited
{
	StringInfoData names;
	int			count;
} Awaited;

/* --- other sessions ---------------------------------------------------------- */

/* The status of a process that is there; NULL otherwise. */
static LocalPgBackendStatus *
status_of(int pid)
{
	int			n = pgstat_fetch_stat_numbackends();

	for (int i = 1; i <= n; i++)
	{
		LocalPgBackendStatus *entry = compat_backend_status(i);

		if (entry && entry->backendStatus.st_procpid == pid)
			return entry;
	}
	return NULL;
}

/*
 * Is the process still at a statement that began before?
 *
 * It may be seen between two transactions of the statement, so it does not
 * matter whether it is in one, except where nothing tells what it does.
 */
static bool
statement_runs(LocalPgBackendStatus *entry, TimestampTz before)
{
	PgBackendStatus *status = &entry->backendStatus;
	PGPROC	   *proc = BackendPidGetProc(status->st_procpid);

	if (proc == NULL || status->st_databaseid != MyDatabaseId ||
		(status->st_backendType != B_BACKEND && status->st_backendType != B_BG_WORKER) ||
		(proc->statusFlags & PROC_IN_VACUUM))
		return false;
	if (status->st_state == STATE_DISABLED ||	/* track_activities is off */
		(status->st_backendType == B_BG_WORKER && status->st_state == STATE_RUNNING))
		return compat_proc_lxid(proc) != InvalidLocalTransactionId &&
			(status->st_state == STATE_DISABLED || status->st_activity_start_timestamp <= before);
	return (status->st_state == STATE_RUNNING || status->st_state == STATE_FASTPATH) &&
		status->st_activity_start_timestamp <= before;
}

/* Process IDs of the sessions that are changing an enum of this database. */
static List *
changing_sessions(void)
{
	LockData   *data = GetLockStatusData();
	List	   *result = NIL;

	for (int i = 0; i < data->nelements; i++)
	{
		LockInstanceData *lock = &data->locks[i];

		if (lock->locktag.locktag_type == LOCKTAG_ADVISORY && lock->holdMask != 0 &&
			lock->locktag.locktag_field1 == MyDatabaseId &&
			lock->locktag.locktag_field4 == CHANGE_LOCK_CLASS)
			result = lappend_int(result, lock->pid);
	}
	return result;
}

/* --- what was there before ------------------------------------------------------ */

static void
note_statements(Before *before)
{
	int			n;

	pgstat_clear_backend_activity_snapshot();
	n = pgstat_fetch_stat_numbackends();
	before->statements = palloc(sizeof(int) * Max(n, 1));
	for (int i = 1; i <= n; i++)
	{
		LocalPgBackendStatus *entry = compat_backend_status(i);

		if (entry && entry->backendStatus.st_procpid != MyProcPid && statement_runs(entry, before->time))
			before->statements[before->nstatements++] = entry->backendStatus.st_procpid;
	}
}

/* The transactions of the database that have a snapshot from before the transaction ID. */
static VirtualTransactionId *
with_snapshots(TransactionId xid, int *count)
{
	TransactionIdRetreat(xid);
	return GetCurrentVirtualXIDs(xid, true, false, PROC_IN_VACUUM | PROC_IN_SAFE_IC, count);
}

static Before *
note_before(bool snapshots)
{
	Before	   *before = palloc0(sizeof(Before));

	before->snapshots = snapshots;
	before->time = GetCurrentTimestamp();
	before->xid = ReadNextTransactionId();
	if (snapshots)
		before->transactions = with_snapshots(before->xid, &before->ntransactions);
	else
	{
		before->transactions = GetCurrentVirtualXIDs(InvalidTransactionId, false, false, PROC_IN_VACUUM,
													 &before->ntransactions);
		note_statements(before);
	}
	return before;
}

/* Drops from the list the transactions that have a newer snapshot, or none. */
static void
forget_snapshots(Before *before)
{
	int			count;
	VirtualTransactionId *present = with_snapshots(before->xid, &count);
	int			left = 0;

	for (int i = 0; i < before->ntransactions; i++)
	{
		bool		found = false;

		for (int j = 0; j < count && !found; j++)
			found = VirtualTransactionIdEquals(present[j], before->transactions[i]);
		if (found)
			before->transactions[left++] = before->transactions[i];
	}
	before->ntransactions = left;
	pfree(present);
}

/* Drops from the lists what has ended. */
static void
forget_ended(Before *before)
{
	int			left = 0;

	if (before->snapshots)
	{
		forget_snapshots(before);
		return;
	}
	for (int i = 0; i < before->ntransactions; i++)
	{
		if (!VirtualXactLock(before->transactions[i], false))
			before->transactions[left++] = before->transactions[i];
	}
	before->ntransactions = left;
	left = 0;
	pgstat_clear_backend_activity_snapshot();
	for (int i = 0; i < before->nstatements; i++)
	{
		LocalPgBackendStatus *entry = status_of(before->statements[i]);

		if (entry && statement_runs(entry, before->time))
			before->statements[left++] = before->statements[i];
	}
	before->nstatements = left;
}

/* Is a statement among those left that is not a change of an enum? */
static bool
statements_left(Before *before)
{
	List	   *changing;

	if (before->nstatements == 0)
		return false;
	changing = changing_sessions();
	for (int i = 0; i < before->nstatements; i++)
	{
		if (!list_member_int(changing, before->statements[i]))
			return true;
	}
	return false;
}

/*
 * The oldest transaction that is not over for all snapshots, feedback and slots.
 *
 * The horizon of user tables is asked for, by one of our own; that of shared
 * catalogs, which is older or the same, if rel is NULL.
 */
static TransactionId
oldest_seen(Relation rel)
{
	TransactionId horizon;

	InvalidateCatalogSnapshot();	/* it would hold the horizon itself */
	horizon = GetOldestNonRemovableTransactionId(rel);
#if PG_VERSION_NUM < 160000
	/* it is held back by that many */
	for (int i = 0; i < vacuum_defer_cleanup_age; i++)
		TransactionIdAdvance(horizon);
#endif
	return horizon;
}

/* May anybody still see rows that were dead when the wait began? */
static bool
old_rows_visible(Before *before)
{
	Oid			relid = get_relname_relid("enum_changes", get_namespace_oid("more", true));
	Relation	rel = NULL;
	TransactionId horizon;

	if (OidIsValid(relid) && ConditionalLockRelationOid(relid, AccessShareLock))
	{
		rel = try_table_open(relid, NoLock);
		if (rel == NULL)
			UnlockRelationOid(relid, AccessShareLock);
	}
	horizon = oldest_seen(rel);
	if (rel)
		table_close(rel, AccessShareLock);
	return TransactionIdPrecedes(horizon, before->xid);
}

/* Does a standby that tells of its snapshots have one that sees rows as they were? */
static bool
standby_sees_old_rows(Before *before)
{
	TransactionId xmin;
	TransactionId catalog_xmin;
	int			n;

	ProcArrayGetReplicationSlotXmin(&xmin, &catalog_xmin);
	if (TransactionIdIsValid(xmin) && TransactionIdPrecedes(xmin, before->xid))
		return true;
	pgstat_clear_backend_activity_snapshot();
	n = pgstat_fetch_stat_numbackends();
	for (int i = 1; i <= n; i++)
	{
		LocalPgBackendStatus *entry = compat_backend_status(i);

		if (entry && entry->backendStatus.st_backendType == B_WAL_SENDER &&
			TransactionIdIsValid(entry->backend_xmin) && TransactionIdPrecedes(entry->backend_xmin, before->xid))
			return true;
	}
	return false;
}

/* Is there anything left to wait for? */
static bool
anything_left(Before *before)
{
	forget_ended(before);
	if (before->ntransactions > 0)
		return true;
	if (before->snapshots)
		return standby_sees_old_rows(before);
	return statements_left(before) || old_rows_visible(before);
}

/* --- telling ---------------------------------------------------------------------- */

static void
add_awaited(Awaited *awaited, const char *name, TimestampTz since)
{
	if (awaited->count++ >= MOST_NAMED)
		return;
	if (awaited->names.len > 0)
		appendStringInfoString(&awaited->names, ", ");
	appendStringInfoString(&awaited->names, name);
	if (since != 0)
		appendStringInfo(&awaited->names, " since %s", timestamptz_to_str(since));
}

/* May the caller know what another role's session does?  As pg_stat_activity has it. */
static bool
may_see(Oid role)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) || has_privs_of_role(GetUserId(), role);
}

static void
add_process(Awaited *awaited, LocalPgBackendStatus *entry, bool statement)
{
	PgBackendStatus *status = &entry->backendStatus;
	StringInfoData name;
	TimestampTz since = 0;

	initStringInfo(&name);
	appendStringInfo(&name, "process %d", status->st_procpid);
	if (status->st_backendType != B_BACKEND)
		appendStringInfo(&name, " (%s)", GetBackendTypeDesc(status->st_backendType));
	if (may_see(status->st_userid))
	{
		if (status->st_appname[0] != '\0')
			appendStringInfo(&name, " (\"%s\")", status->st_appname);
		since = statement ? status->st_activity_start_timestamp : status->st_xact_start_timestamp;
	}
	add_awaited(awaited, name.data, since);
}

/* Is one of the transactions left the process's own? */
static bool
in_old_transaction(Before *before, int pid)
{
	PGPROC	   *proc = BackendPidGetProc(pid);

	for (int i = 0; proc && i < before->ntransactions; i++)
	{
		if (compat_is_running(proc, before->transactions[i]))
			return true;
	}
	return false;
}

/* Does the process hold the horizon back? */
static bool
holds_horizon(Before *before, LocalPgBackendStatus *entry)
{
	if (entry->backendStatus.st_databaseid != MyDatabaseId &&
		entry->backendStatus.st_backendType != B_WAL_SENDER)
		return false;
	if (before->snapshots && entry->backendStatus.st_backendType != B_WAL_SENDER)
		return false;			/* those are listed */
	return (TransactionIdIsValid(entry->backend_xid) &&
			TransactionIdPrecedes(entry->backend_xid, before->xid)) ||
		(TransactionIdIsValid(entry->backend_xmin) &&
		 TransactionIdPrecedes(entry->backend_xmin, before->xid));
}

static void
add_processes(Awaited *awaited, Before *before)
{
	int			n;

	pgstat_clear_backend_activity_snapshot();
	n = pgstat_fetch_stat_numbackends();
	for (int i = 1; i <= n; i++)
	{
		LocalPgBackendStatus *entry = compat_backend_status(i);
		bool		statement = false;

		if (entry == NULL || entry->backendStatus.st_procpid == MyProcPid)
			continue;
		for (int j = 0; j < before->nstatements && !statement; j++)
			statement = before->statements[j] == entry->backendStatus.st_procpid;
		if (statement || in_old_transaction(before, entry->backendStatus.st_procpid) ||
			holds_horizon(before, entry))
			add_process(awaited, entry, statement);
	}
}

/* What holds the horizon back and is no process, each with a name and a time or NULL. */
static void
add_others(Awaited *awaited, Before *before)
{
	Oid			types[] = {XIDOID, BOOLOID};
	Datum		values[] = {TransactionIdGetDatum(before->xid), BoolGetDatum(before->snapshots)};
	bool		isnull;

	SPI_execute_with_args("SELECT pg_catalog.format('prepared transaction \"%s\"', gid), prepared "
						  "FROM pg_catalog.pg_prepared_xacts "
						  "WHERE database OPERATOR(pg_catalog.=) pg_catalog.current_database() "
						  "AND pg_catalog.age(transaction) OPERATOR(pg_catalog.>) pg_catalog.age($1) AND NOT $2 "
						  "UNION ALL "
						  "SELECT pg_catalog.format('replication slot \"%s\"', slot_name), NULL "
						  "FROM pg_catalog.pg_replication_slots "
						  "WHERE pg_catalog.age(xmin) OPERATOR(pg_catalog.>) pg_catalog.age($1)",
						  2, types, values, NULL, false, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TimestampTz since = DatumGetTimestampTz(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));

		add_awaited(awaited, SPI_getvalue(row, SPI_tuptable->tupdesc, 1), isnull ? 0 : since);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Says for whom we wait, to the client and in the change's record. */
static void
report(EnumChange *change, Oid type, Before *before)
{
	Awaited		awaited = {{0}};

	initStringInfo(&awaited.names);
	add_processes(&awaited, before);
	add_others(&awaited, before);
	if (awaited.count > MOST_NAMED)
		appendStringInfo(&awaited.names, " and %d more", awaited.count - MOST_NAMED);
	if (awaited.count == 0)		/* it has just ended */
		return;
	ereport(NOTICE,
			(before->snapshots ?
			 errmsg("waiting for what sees rows of type %s as they were", format_type_be(type)) :
			 errmsg("waiting for what began before type %s was changed", format_type_be(type)),
			 errdetail("Waiting for %s.", awaited.names.data)));
	if (change)
		change_step(change, before->snapshots ? "wait for snapshots" : "wait", awaited.names.data);
}

/* --- waiting ------------------------------------------------------------------------ */

/* Sleeps; the transaction is new, so nothing is held. */
static void
nap(long milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Commits, notes what is there, and waits until it is not; false if it was not to be waited for. */
static bool
wait_out(EnumChange *change, Oid type, bool snapshots)
{
	MemoryContext context = AllocSetContextCreate(PortalContext, "pg_more wait", ALLOCSET_DEFAULT_SIZES);
	MemoryContext scratch = AllocSetContextCreate(context, "pg_more wait look", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Before	   *before;
	long		sleep = SHORTEST_PAUSE;
	long		interval = FIRST_REPORT;
	TimestampTz told;
	bool		waited = false;

	SPI_commit();
	before = note_before(snapshots);
	told = before->time;
	MemoryContextSwitchTo(scratch);
	while (anything_left(before))
	{
		waited = true;
		if (TimestampDifferenceExceeds(told, GetCurrentTimestamp(), interval))
		{
			report(change, type, before);
			told = GetCurrentTimestamp();
			interval = Min(interval * 2, LONGEST_REPORT);
		}
		SPI_commit();
		MemoryContextReset(scratch);
		nap(sleep);
		sleep = Min(sleep * 2, LONGEST_PAUSE);
	}
	SPI_commit();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return waited;
}

/*
 * wait_out_transactions
 *		Wait until nothing that began before can use a value any more.
 *
 * For procedures, in a call that is not atomic, connected to SPI, with no
 * active snapshot of their own.  Commits what was done before, and often
 * afterwards; a transaction without snapshot is open at the end.  change may
 * be NULL; otherwise its step becomes "wait", with whom we wait for.  True if
 * anything ran that began before; false where nothing did, nor had written what
 * it had not committed.
 *
 * Errors: cancellation, timeouts of the session.
 */
bool
wait_out_transactions(EnumChange *change, Oid type)
{
	return wait_out(change, type, false);
}

/*
 * wait_out_snapshots
 *		Wait until no snapshot sees rows as they were before.
 *
 * As wait_out_transactions(), but for what it waits for, and the step, which is
 * "wait for snapshots" as soon as that is told.  True if it took longer than a
 * moment, in which others may have written rows and taken snapshots that see
 * them.
 */
bool
wait_out_snapshots(EnumChange *change, Oid type)
{
	TimestampTz began = GetCurrentTimestamp();

	return wait_out(change, type, true) &&
		TimestampDifferenceExceeds(began, GetCurrentTimestamp(), SHORT_WAIT);
}

/*
 * cancel_on_standbys
 *		Have standbys cancel the queries that see rows of this database that were
 *		dead before the oldest snapshot here, or end them after
 *		max_standby_streaming_delay: before anything that only their values need
 *		is taken away.
 *
 * Later queries there see no such rows, nor is any cancelled that VACUUM could
 * not have cancelled.
 */
void
cancel_on_standbys(void)
{
	Relation	rel;
	TransactionId xid;
	FullTransactionId next;
	uint32		epoch;

	if (!XLogStandbyInfoActive())
		return;
	rel = table_open(get_relname_relid("enum_changes", get_namespace_oid("more", false)), AccessShareLock);
	xid = oldest_seen(rel);
	TransactionIdRetreat(xid);
	next = ReadNextFullTransactionId();
	epoch = EpochFromFullTransactionId(next);
	if (xid > XidFromFullTransactionId(next))
		epoch--;
	/* of a page that was freed by that transaction; there is none */
	compat_gist_log_reuse(rel, FullTransactionIdFromEpochAndXid(epoch, xid));
	table_close(rel, AccessShareLock);
}
