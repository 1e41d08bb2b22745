/*
 * transaction.c
 *	  Transactions of changes that commit as they go, and what is tried in them.
 *
 * A change that a CALL makes runs in transactions of its own, one after the
 * other, each with a snapshot.  What locks a table is tried in a subtransaction
 * under a short lock_timeout, so that nobody queues behind us for long.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "enums/transaction.h"

/* Have we pushed a snapshot?  Those of the portal around us are not ours to pop. */
static bool pushed_snapshot;

/*
 * with_snapshot
 *		Push a snapshot of now, unless without_snapshot() takes it away again.
 */
void
with_snapshot(void)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	pushed_snapshot = true;
}

/*
 * without_snapshot
 *		Take away the snapshot that with_snapshot() has pushed, if it is there.
 */
void
without_snapshot(void)
{
	if (pushed_snapshot)
		PopActiveSnapshot();
	pushed_snapshot = false;
}

/*
 * next_transaction
 *		Commit, and go on in a new transaction.  It is always READ COMMITTED: rows
 *		are looked for again and again, under new snapshots.
 */
void
next_transaction(void)
{
	without_snapshot();
	SPI_commit();
	XactIsoLevel = XACT_READ_COMMITTED;
	with_snapshot();
}

/*
 * next_step
 *		As next_transaction(), without waiting for the disk: for steps that a crash
 *		may undo, since they are done again, or go on from the one before.
 *
 * WAL is written in order.  So a crash leaves what a kill a moment earlier would
 * have left, and a later commit that waits, waits for all before it.
 */
void
next_step(void)
{
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	next_transaction();
}

/*
 * forget_snapshot
 *		To be called when a CALL begins: an earlier one may have ended with an
 *		error, which took its snapshot away.
 */
void
forget_snapshot(void)
{
	pushed_snapshot = false;
}

/*
 * pause_without_snapshot
 *		Wait for LOCK_PAUSE, in which no snapshot of ours holds VACUUM back.
 */
void
pause_without_snapshot(void)
{
	without_snapshot();
	pg_usleep(LOCK_PAUSE * 1000L);
	CHECK_FOR_INTERRUPTS();
	with_snapshot();
}

/*
 * in_subtransaction
 *		Do something in a subtransaction with a snapshot of its own, which is
 *		kept or else rolled back.  lock_timeout is in milliseconds; 0 leaves it
 *		as it is.  An error rolls it back, and is returned, in the current context,
 *		or NULL.
 */
ErrorData *
in_subtransaction(void (*action) (void *), void *arg, int lock_timeout, bool keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		int			nest = NewGUCNestLevel();

		if (lock_timeout > 0)
			(void) set_config_option("lock_timeout", psprintf("%d", lock_timeout), PGC_USERSET, PGC_S_SESSION,
									 GUC_ACTION_SAVE, true, 0, false);
		PushActiveSnapshot(GetTransactionSnapshot());
		action(arg);
		PopActiveSnapshot();
		AtEOXact_GUC(true, nest);
		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}
