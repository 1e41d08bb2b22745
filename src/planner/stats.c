/*
 * stats.c
 *	  How often the rewrites were taken, and what trying them costs.
 *
 * The counters are in shared memory if the server itself preloads the library
 * (shared_preload_libraries), and then say what all sessions did since the
 * server's start or the last reset; otherwise they are the session's own.
 * They are counted one by one without a lock, so what is read while others
 * count may be a moment apart.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "planner/planner.h"

typedef struct Counters
{
	pg_atomic_uint64 applied;
	pg_atomic_uint64 refused;
	pg_atomic_uint64 nanoseconds;
} Counters;

static Counters own_counters[REWRITES];
static Counters *counters = own_counters;

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

PG_FUNCTION_INFO_V1(rewrite_stats);
PG_FUNCTION_INFO_V1(rewrite_stats_reset);

static void
init_counters(Counters *all)
{
	for (int id = 0; id < REWRITES; id++)
	{
		pg_atomic_init_u64(&all[id].applied, 0);
		pg_atomic_init_u64(&all[id].refused, 0);
		pg_atomic_init_u64(&all[id].nanoseconds, 0);
	}
}

/* shmem_request_hook */
static void
request_counters(void)
{
	if (previous_request)
		previous_request();
	RequestAddinShmemSpace(sizeof(own_counters));
}

/* shmem_startup_hook */
static void
start_counters(void)
{
	bool		found;

	if (previous_startup)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	counters = ShmemInitStruct("pg_more rewrites", sizeof(own_counters), &found);
	if (!found)
		init_counters(counters);
	LWLockRelease(AddinShmemInitLock);
}

/*
 * stats_init
 *		Ask for shared memory while that is possible.
 */
void
stats_init(void)
{
	init_counters(own_counters);
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_request = shmem_request_hook;
	shmem_request_hook = request_counters;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = start_counters;
}

/*
 * stats_count
 *		Count a rewrite that was taken or refused, and the time that it took.
 */
void
stats_count(RewriteId id, bool applied, uint64 nanoseconds)
{
	pg_atomic_fetch_add_u64(applied ? &counters[id].applied : &counters[id].refused, 1);
	if (nanoseconds > 0)
		pg_atomic_fetch_add_u64(&counters[id].nanoseconds, nanoseconds);
}

/*
 * rewrite_stats
 *		The counters, a row for each rewrite.
 */
Datum
rewrite_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int id = 0; id < REWRITES; id++)
	{
		uint64		applied = pg_atomic_read_u64(&counters[id].applied);
		uint64		refused = pg_atomic_read_u64(&counters[id].refused);
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = CStringGetTextDatum(rewrite_name(id));
		values[1] = Int64GetDatum(applied + refused);
		values[2] = Int64GetDatum(applied);
		values[3] = Int64GetDatum(refused);
		values[4] = Float8GetDatum(pg_atomic_read_u64(&counters[id].nanoseconds) / 1e6);
		values[5] = BoolGetDatum(counters != own_counters);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * rewrite_stats_reset
 *		Set the counters to zero.  Who may do that is a matter of privileges.
 */
Datum
rewrite_stats_reset(PG_FUNCTION_ARGS)
{
	for (int id = 0; id < REWRITES; id++)
	{
		pg_atomic_write_u64(&counters[id].applied, 0);
		pg_atomic_write_u64(&counters[id].refused, 0);
		pg_atomic_write_u64(&counters[id].nanoseconds, 0);
	}
	PG_RETURN_VOID();
}
