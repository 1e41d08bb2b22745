/*
 * once.c
 *	  Plans that are used once.
 *
 * A plan without parameters may be kept by the server's plan cache, which makes
 * it anew when something changes that it knows the plan to depend on: a relation,
 * a function, the role, the search_path.  It does not when a setting changes by
 * which literals are read, such as TimeZone, nor when a table is created that a
 * name would now mean.  A plan that holds what was computed from such things
 * (query_in_from.c) must not be kept.
 *
 * A planner hook cannot say so: a plan is valid once it is made.  But the plan
 * cache drops plans on invalidation messages for functions that they depend on.
 * So such a plan depends on a function that does not exist, and when one is
 * started, the session tells itself that this function has changed.  The
 * plan cache then makes the plan anew when it is asked for it next; the one
 * that runs is not touched, as with any such message.  Only plans that depend
 * on that function are dropped.
 *
 * What is left: a plan that was made, not started, and kept; it is started once.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "planner/planner.h"

static ExecutorStart_hook_type previous_start = NULL;

/* Has this session made such a plan? */
static bool any_plans = false;

/* The server numbers its own functions from 3 on.  0 would not do: its hash value, 0, stands for all functions. */
#define NO_FUNCTION 1

/* What messages about that function say. */
static uint32
signal_hash(void)
{
	static uint32 hash = 0;

	if (hash == 0)
		hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(NO_FUNCTION));
	return hash;
}

/*
 * is_once_signal
 *		Is a message about functions, with this hash value, one of those sent here?
 */
bool
is_once_signal(uint32 hash)
{
	return any_plans && hash == signal_hash();
}

/*
 * use_once
 *		Let a plan be used once, should it be kept.
 */
void
use_once(PlannedStmt *plan)
{
	PlanInvalItem *item = makeNode(PlanInvalItem);

	item->cacheId = PROCOID;
	item->hashValue = signal_hash();
	plan->invalItems = lappend(plan->invalItems, item);
	any_plans = true;
}

/* Is the plan to be used once? */
static bool
is_used_once(PlannedStmt *plan)
{
	ListCell   *lc;

	foreach(lc, plan->invalItems)
	{
		PlanInvalItem *item = lfirst(lc);

		if (item->cacheId == PROCOID && item->hashValue == signal_hash())
			return true;
	}
	return false;
}

/* ExecutorStart_hook */
static void
once_executor_start(QueryDesc *desc, int eflags)
{
	if (any_plans && is_used_once(desc->plannedstmt))
		CallSyscacheCallbacks(PROCOID, signal_hash());
	if (previous_start)
		previous_start(desc, eflags);
	else
		standard_ExecutorStart(desc, eflags);
}

/*
 * once_init
 *		Install the hook.
 */
void
once_init(void)
{
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = once_executor_start;
}
