/*
 * verify.c
 *	  pg_more.rewrites = verify: both forms of a SELECT run, and are compared.
 *
 * For tests.  When a SELECT is planned in another form, the plan of the
 * statement as it was is kept beside it.  When the statement is started, both
 * plans run to their end, under its snapshot and with its parameters, and it
 * is an error if they do not give the same rows the same number of times.
 * Then the statement runs as usual.
 *
 * Rows are compared by what is stored (as the operator *= does), not by
 * equality, so that 1.0 is not 1.00.  So only statements are compared whose
 * rows do not depend on the order in which a plan happens to read:
 *	- no volatile functions, no TABLESAMPLE: two runs may differ;
 *	- no LIMIT, OFFSET, DISTINCT ON, window functions, ARRAY(SELECT ...): they
 *	  may take any order of what they read;
 *	- of the aggregates only those that do not depend on the order: count, min
 *	  and max, sums and averages of integers and numerics (not of floats), the
 *	  logical and the bitwise ones;
 *	- DISTINCT, GROUP BY, UNION, INTERSECT, EXCEPT, min and max only for types of
 *	  which equal values are the same bytes (not numeric, float, char(n), a
 *	  nondeterministic collation): of several equal values any may be returned;
 *	- no row locks and no statement that writes: the first run would change what
 *	  the second one sees.
 * What is not compared is said at the message level DEBUG1, as is how many
 * rows were.
 *
 * The kept plan.  A plan has a note with its number, which survives the plan
 * cache's copying.  The rewritten plan gets the original's dependencies, so
 * that the plan cache drops it, and makes a new pair, when either is outdated.
 * Before it runs, the original's relations are locked as the plan cache does,
 * and it is not used if an invalidation has come for anything that it depends
 * on.  The kept plans are bounded in number and size; the oldest go first.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "executor/execdesc.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "storage/lmgr.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplesort.h"

#include "planner/planner.h"

/* Bounds of what is kept. */
#define KEPT_PLANS 256
#define KEPT_BYTES (64 * 1024 * 1024)

/* Of an example row so much is shown. */
#define EXAMPLE_BYTES 500

/* A plan that is kept. */
typedef struct KeptPlan
{
	uint64		number;
	MemoryContext context;		/* in which this lies */
	PlannedStmt *plan;
	bool		stale;			/* something that it depends on has changed */
	bool		running;
} KeptPlan;

static List *kept_plans = NIL;	/* of KeptPlan, the oldest first */
static uint64 last_number = 0;

/* The two runs themselves are not verified, nor what they run. */
static bool verifying = false;

static ExecutorStart_hook_type previous_start = NULL;

/* ----------
 * What can be compared
 * ----------
 */

/*
 * is_equal_image
 *		Are values that this ordering has as equal the same bytes?  What the
 *		server says of char(n) holds only for values of the same length.
 */
bool
is_equal_image(Oid ordering, Oid collation)
{
	Oid			family;
	Oid			type;
	Oid			function;
	compat_ordering which;

	if (!OidIsValid(ordering) || !get_ordering_op_properties(ordering, &family, &type, &which) ||
		type == BPCHAROID)
		return false;
	function = get_opfamily_proc(family, type, type, BTEQUALIMAGE_PROC);
	return OidIsValid(function) &&
		DatumGetBool(OidFunctionCall1Coll(function, collation, ObjectIdGetDatum(type)));
}

/* Are all columns by which rows are grouped of such types? */
static bool
are_equal_images(List *clauses, List *targets)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);

		if (!is_equal_image(clause->sortop, exprCollation(get_sortgroupclause_expr(clause, targets))))
			return false;
	}
	return true;
}

/* Does the aggregate's result not depend on the order of its input? */
static bool
is_orderless(Aggref *aggref)
{
	HeapTuple	tuple;
	Oid			ordering;

	if (!are_equal_images(aggref->aggdistinct, aggref->args))
		return false;
	switch (aggref->aggfnoid)
	{
		case F_COUNT_:
		case F_COUNT_ANY:
		case F_SUM_INT2:
		case F_SUM_INT4:
		case F_SUM_INT8:
		case F_SUM_NUMERIC:
		case F_AVG_INT2:
		case F_AVG_INT4:
		case F_AVG_INT8:
		case F_AVG_NUMERIC:
		case F_BIT_AND_INT2:
		case F_BIT_AND_INT4:
		case F_BIT_AND_INT8:
		case F_BIT_OR_INT2:
		case F_BIT_OR_INT4:
		case F_BIT_OR_INT8:
			return true;
	}
	/* min, max, every and their like, which take one of the values */
	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		return false;
	ordering = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggsortop;
	ReleaseSysCache(tuple);
	return is_equal_image(ordering, aggref->inputcollid);
}

static bool
are_setop_images(SetOperationStmt *op)
{
	ListCell   *clause;
	ListCell   *collation;

	if (op->groupClauses == NIL)
		return true;
	forboth(clause, op->groupClauses, collation, op->colCollations)
		if (!is_equal_image(lfirst_node(SortGroupClause, clause)->sortop, lfirst_oid(collation)))
			return false;
	return true;
}

/* Why a level of a statement cannot be compared, or NULL. */
static const char *
level_problem(Query *query)
{
	if (query->commandType != CMD_SELECT)
		return "it writes";
	if (query->rowMarks != NIL)
		return "it locks rows";
	if (query->limitCount || query->limitOffset)
		return "it has a LIMIT or OFFSET";
	if (query->hasDistinctOn)
		return "it has a DISTINCT ON";
	if (query->hasWindowFuncs)
		return "it has window functions";
	if (!are_equal_images(query->groupClause, query->targetList) ||
		!are_equal_images(query->distinctClause, query->targetList))
		return "it groups by values that may be equal and yet different";
	return NULL;
}

/* Finds the first reason why a statement cannot be compared. */
static bool
problem_walker(Node *node, const char **problem)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Query:
			*problem = level_problem((Query *) node);
			return *problem ||
				query_tree_walker((Query *) node, problem_walker, problem, QTW_EXAMINE_RTES_BEFORE);
		case T_RangeTblEntry:
			if (((RangeTblEntry *) node)->tablesample)
				*problem = "it has a TABLESAMPLE";
			return *problem != NULL;
		case T_SetOperationStmt:
			if (!are_setop_images((SetOperationStmt *) node))
				*problem = "it groups by values that may be equal and yet different";
			break;
		case T_SubLink:
			if (((SubLink *) node)->subLinkType == ARRAY_SUBLINK)
				*problem = "it makes an array of rows in any order";
			break;
		case T_Aggref:
			if (!is_orderless((Aggref *) node))
				*problem = "it has an aggregate that depends on the order of rows";
			break;
		default:
			break;
	}
	return *problem || expression_tree_walker(node, problem_walker, problem);
}

/* ----------
 * What is kept
 * ----------
 */

static void
drop_kept(KeptPlan *kept)
{
	kept_plans = list_delete_ptr(kept_plans, kept);
	MemoryContextDelete(kept->context);
}

/* Drop the oldest until there is room for another one of this size. */
static void
make_room(Size size)
{
	int			i = 0;
	ListCell   *lc;

	foreach(lc, kept_plans)
		size += MemoryContextMemAllocated(((KeptPlan *) lfirst(lc))->context, true);
	while (i < list_length(kept_plans) && (list_length(kept_plans) >= KEPT_PLANS || size > KEPT_BYTES))
	{
		KeptPlan   *kept = list_nth(kept_plans, i);

		if (kept->running)
		{
			i++;
			continue;
		}
		size -= MemoryContextMemAllocated(kept->context, true);
		drop_kept(kept);
	}
}

static KeptPlan *
find_kept(uint64 number)
{
	/* most often the last one */
	for (int i = list_length(kept_plans) - 1; i >= 0; i--)
	{
		KeptPlan   *kept = list_nth(kept_plans, i);

		if (kept->number == number)
			return kept;
	}
	return NULL;
}

/* A relation has changed, or any (InvalidOid). */
static void
relation_changed(Datum arg, Oid relid)
{
	ListCell   *lc;

	foreach(lc, kept_plans)
	{
		KeptPlan   *kept = lfirst(lc);

		if (!OidIsValid(relid) || list_member_oid(kept->plan->relationOids, relid))
			kept->stale = true;
	}
}

/* A function or a type has changed, or any (0). */
static void
object_changed(Datum arg, compat_syscache_id cache, uint32 hash)
{
	ListCell   *lc;
	ListCell   *item;

	foreach(lc, kept_plans)
	{
		KeptPlan   *kept = lfirst(lc);

		foreach(item, kept->plan->invalItems)
		{
			PlanInvalItem *inval = lfirst_node(PlanInvalItem, item);

			if (inval->cacheId == cache && (hash == 0 || inval->hashValue == hash))
				kept->stale = true;
		}
	}
}

/* Something has changed of which plans do not tell whether they depend on it. */
static void
anything_changed(Datum arg, compat_syscache_id cache, uint32 hash)
{
	relation_changed(arg, InvalidOid);
}

/* Hear of changes, the same ones as the plan cache does. */
static void
watch_changes(void)
{
	static bool watching = false;

	if (watching)
		return;
	watching = true;
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, object_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, anything_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(OPEROID, anything_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AMOPOPID, anything_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, anything_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, anything_changed, (Datum) 0);
}

/*
 * verify_keep
 *		Keep the plan of a statement as it was, for when its rewritten form runs.
 *
 * query is the rewritten form.  Neither plan needs to outlive the call.
 */
void
verify_keep(PlannedStmt *rewritten, PlannedStmt *original, Query *query)
{
	const char *problem = NULL;
	MemoryContext context;
	MemoryContext old;
	KeptPlan   *kept;

	if (!problem_walker((Node *) query, &problem) && contain_volatile_functions((Node *) query))
		problem = "it has volatile functions";
	if (problem)
	{
		ereport(DEBUG1, (errmsg_internal("pg_more: the forms of this statement are not compared: %s", problem)));
		return;
	}
	watch_changes();

	context = AllocSetContextCreate(TopMemoryContext, "pg_more original plan", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	kept = palloc0(sizeof(KeptPlan));
	kept->context = context;
	kept->plan = copyObject(original);
	kept->number = ++last_number;
	make_room(MemoryContextMemAllocated(context, true));
	MemoryContextSwitchTo(TopMemoryContext);
	kept_plans = lappend(kept_plans, kept);
	MemoryContextSwitchTo(old);

	rewritten->relationOids = list_concat_unique_oid(rewritten->relationOids, original->relationOids);
	rewritten->invalItems = list_concat(rewritten->invalItems, copyObject(original->invalItems));
	rewritten->transientPlan |= original->transientPlan;
	rewritten->dependsOnRole |= original->dependsOnRole;
	note_original(rewritten, kept->number);
}

/* ----------
 * Running and comparing
 * ----------
 */

/* Takes the rows of a run and sorts them. */
typedef struct RowsReceiver
{
	DestReceiver pub;
	TupleDesc	desc;
	Tuplesortstate *rows;
	int64		count;
	MemoryContext work;			/* for the row at hand */
} RowsReceiver;

static void
rows_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	((RowsReceiver *) self)->desc = BlessTupleDesc(CreateTupleDescCopy(desc));
}

static bool
rows_receive(TupleTableSlot *slot, DestReceiver *self)
{
	RowsReceiver *receiver = (RowsReceiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->work);
	HeapTuple	tuple;

	slot_getallattrs(slot);
	tuple = heap_form_tuple(receiver->desc, slot->tts_values, slot->tts_isnull);
	tuplesort_putdatum(receiver->rows, heap_copy_tuple_as_datum(tuple, receiver->desc), false);
	receiver->count++;
	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->work);
	return true;
}

static void
rows_end(DestReceiver *self)
{
}

/* Run a plan as the statement at hand runs, and return its rows sorted. */
static Tuplesortstate *
sorted_rows(QueryDesc *statement, PlannedStmt *plan, int64 *count)
{
	/* whoever counts statements by their queryId shall not count this one */
	PlannedStmt uncounted = *plan;
	RowsReceiver receiver = {
		.pub = {
			rows_receive, rows_startup, rows_end, rows_end, DestTuplestore
		},
		.work = AllocSetContextCreate(CurrentMemoryContext, "pg_more row", ALLOCSET_DEFAULT_SIZES),
	};
	Oid			ordering = OpernameGetOprid(list_make2(makeString("pg_catalog"), makeString("*<")),
											RECORDOID, RECORDOID);
	QueryDesc  *desc;

	uncounted.queryId = 0;
	receiver.rows = tuplesort_begin_datum(RECORDOID, ordering, InvalidOid, false, work_mem, NULL,
										  TUPLESORT_NONE);
	/* a copy of the text: by its address others (explain.c) know the statement itself */
	desc = CreateQueryDesc(&uncounted, pstrdup(statement->sourceText), statement->snapshot, InvalidSnapshot,
						   &receiver.pub, statement->params, statement->queryEnv, 0);
	ExecutorStart(desc, 0);
	compat_executor_run_all(desc);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
	tuplesort_performsort(receiver.rows);
	*count = receiver.count;
	return receiver.rows;
}

/* The differences between two sets of rows. */
typedef struct Differences
{
	int64		only[2];		/* rows that are only in the one or the other */
	Datum		example;
	int			example_of;
} Differences;

static void
count_difference(Differences *differences, int which, Datum row)
{
	if (differences->only[0] + differences->only[1] == 0)
	{
		differences->example = row;
		differences->example_of = which;
	}
	differences->only[which]++;
}

/* Compare two sorted sets of rows. */
static void
compare_rows(Tuplesortstate *rows[2], Differences *differences)
{
	FmgrInfo	compare;
	Datum		row[2];
	bool		more[2];
	bool		isnull;

	fmgr_info(F_BTRECORDIMAGECMP, &compare);
	for (int i = 0; i < 2; i++)
		more[i] = compat_tuplesort_getdatum(rows[i], &row[i], &isnull);
	while (more[0] || more[1])
	{
		int32		order = !more[0] ? 1 : !more[1] ? -1 :
			DatumGetInt32(FunctionCall2(&compare, row[0], row[1]));

		CHECK_FOR_INTERRUPTS();
		if (order != 0)
			count_difference(differences, order > 0, row[order > 0]);
		for (int i = 0; i < 2; i++)
		{
			if (i == 0 ? order > 0 : order < 0)
				continue;
			if (row[i] != differences->example)
				pfree(DatumGetPointer(row[i]));
			more[i] = compat_tuplesort_getdatum(rows[i], &row[i], &isnull);
		}
	}
}

static void
report_differences(PlannedStmt *plan, Differences *differences)
{
	StringInfoData names;
	char	   *example = DatumGetCString(OidFunctionCall1(F_RECORD_OUT, differences->example));
	int			shown = pg_mbcliplen(example, strlen(example), EXAMPLE_BYTES);
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, plan_notes(plan))
		appendStringInfo(&names, "%s%s", names.len > 0 ? "; " : "", note_without_cost(lfirst(lc)));
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("the rewritten statement does not give the same rows: %s", names.data),
			 errdetail("Rows that only the statement as written gives: %lld. Rows that only the rewritten one gives: %lld. "
					   "One of the %s: %.*s%s",
					   (long long) differences->only[0], (long long) differences->only[1],
					   differences->example_of == 0 ? "former" : "latter",
					   shown, example, example[shown] ? "..." : ""),
			 errhint("This is an error of pg_more; please report it with the statement. "
					 "SET pg_more.rewrites = off avoids it.")));
}

/* Lock what the kept plan reads.  True if it is still good then. */
static bool
lock_relations(KeptPlan *kept)
{
	ListCell   *lc;

	foreach(lc, kept->plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION || (rte->rtekind == RTE_SUBQUERY && OidIsValid(rte->relid)))
			LockRelationOid(rte->relid, rte->rellockmode);
	}
	return !kept->stale;
}

/* Run both forms of a statement and compare what they give. */
static void
compare_forms(QueryDesc *statement, PlannedStmt *original)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_more verify", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Differences differences = {{0}};
	Tuplesortstate *rows[2];
	int64		count[2];

	PushActiveSnapshot(statement->snapshot);
	rows[0] = sorted_rows(statement, original, &count[0]);
	rows[1] = sorted_rows(statement, statement->plannedstmt, &count[1]);
	compare_rows(rows, &differences);
	if (differences.only[0] + differences.only[1] > 0)
		report_differences(statement->plannedstmt, &differences);
	tuplesort_end(rows[0]);
	tuplesort_end(rows[1]);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	ereport(DEBUG1, (errmsg_internal("pg_more: both forms of this statement give the same rows (%lld)",
									 (long long) count[0])));
}

/* Verify a statement that has been started. */
static void
verify(QueryDesc *statement)
{
	uint64		number = noted_original(statement->plannedstmt);
	KeptPlan   *kept = number > 0 ? find_kept(number) : NULL;

	if (number == 0)
		return;
	if (kept == NULL || kept->running || !lock_relations(kept))
	{
		ereport(DEBUG1, (errmsg_internal("pg_more: the forms of this statement are not compared: "
										 "the original plan is outdated or gone")));
		return;
	}
	verifying = kept->running = true;
	PG_TRY();
	{
		compare_forms(statement, kept->plan);
	}
	PG_FINALLY();
	{
		verifying = kept->running = false;
	}
	PG_END_TRY();
}

/* ExecutorStart_hook */
static void
verify_executor_start(QueryDesc *desc, int eflags)
{
	if (previous_start)
		previous_start(desc, eflags);
	else
		standard_ExecutorStart(desc, eflags);
	if (rewrites_mode == REWRITE_VERIFY && !verifying && desc->operation == CMD_SELECT &&
		!(eflags & (EXEC_FLAG_EXPLAIN_ONLY | EXEC_FLAG_WITH_NO_DATA)) && !IsInParallelMode())
		verify(desc);
}

/*
 * verify_init
 *		Install the hook.
 */
void
verify_init(void)
{
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = verify_executor_start;
}
