/*
 * multi_insert.c
 *	  An INSERT's rows, written to the table many at a time.
 *
 * The executor writes the rows of an INSERT one by one: each takes the page's
 * lock and a WAL record of its own.  COPY collects rows and writes a page of them
 * at once (table_multi_insert).  Here the INSERT of a verb does, where it is sure
 * to come to the same.
 *
 * The statement is the server's own: parsed, planned, started and ended by it.
 * Privileges are checked, relations, triggers and transition tables prepared
 * before we look at it.  When it has been started and may_batch() finds nothing
 * against it, the one function by which its top node, a ModifyTable, hands out
 * rows is replaced by insert_in_batches().  That asks table_may_batch(), and
 * goes back to the server's function if the table is not such.  Else it does for
 * each row what the server's does, in the same order and by the same functions
 * of the executor: generated columns, constraints, the partition's constraint,
 * the table, the indexes, the queue of AFTER triggers.  But it fills up to
 * MAX_ROWS rows before it writes them to the table, and only then to the
 * indexes, row by row.
 *
 * So between a row and the next of its batch nothing may look at the table, for
 * it would not find the former there.  What runs between them is the scan of the
 * data, defaults, generated columns and CHECK constraints; all these must run
 * the server's code alone, such as does not look at tables (server_code.c).
 * (COPY is content with less: it lets CHECK constraints do anything.)
 * BEFORE triggers, WITH CHECK options, RETURNING and ON CONFLICT come between
 * rows by what they are, so there are none.  AFTER triggers, with them foreign
 * keys and deferred constraints, run at the statement's end.  When index entries are
 * made, later rows are in the table; so indexes are of the server's own kinds,
 * too, and no expression of theirs could tell; nor could a trigger's condition.
 *
 * What can be seen is this.  Of two errors in two rows, the one that is found when
 * a row is made (a value, NOT NULL, CHECK) may be told before the one that an index
 * finds in an earlier row of the batch.  Either way nothing is inserted.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/rel.h"

#include "compat.h"
#include "server_code.h"
#include "rows/multi_insert.h"
#include "rows/order.h"
#include "rows/stream.h"

/* As many rows, or as many bytes of them, are written at once; COPY's figures. */
#define MAX_ROWS 1000
#define MAX_BYTES 65535

/* Fewer rows than these are not worth the look at the table. */
#define MIN_ROWS 20

/* The rows that are not written yet. */
typedef struct Batch
{
	TupleDesc	desc;
	TupleTableSlot *slots[MAX_ROWS];	/* made when they are needed */
	int			nslots;
	int			nrows;
	Size		bytes;
} Batch;

bool		batch_inserts = true;

static ExecutorStart_hook_type previous_start = NULL;

/* ExecProcNodeMtd of a ModifyTable, the server's. */
static ExecProcNodeMtd server_method = NULL;

/* ------------------------------------------------------------------------ */
/* Whether it comes to the same												*/
/* ------------------------------------------------------------------------ */

/*
 * Do the conditions of triggers, which are computed when the row's entries have
 * been made, run the server's code alone?  A sequence's next number would be
 * another there: rows of the batch have taken theirs.
 */
static bool
conditions_are_plain(TriggerDesc *triggers)
{
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];
		Node	   *condition;

		if (trigger->tgqual == NULL || !TRIGGER_FOR_INSERT(trigger->tgtype) ||
			!TRIGGER_FOR_ROW(trigger->tgtype))
			continue;
		condition = stringToNode(trigger->tgqual);
		if (contain_volatile_functions(condition) || runs_users_code(condition))
			return false;
	}
	return true;
}

/* The same for its indexes; this opens them, as the first row would. */
static bool
indexes_are_plain(ResultRelInfo *target)
{
	if (target->ri_RelationDesc->rd_rel->relhasindex && target->ri_IndexRelationDescs == NULL)
		ExecOpenIndices(target, false);
	for (int i = 0; i < target->ri_NumIndices; i++)
		if (index_runs_users_code(target->ri_IndexRelationDescs[i]))
			return false;
	return true;
}

/* Does the plan give just the table's columns, made of the data's and of harmless expressions? */
static bool
gives_columns(Plan *plan, TupleDesc desc)
{
	ListCell   *lc;

	if (plan->qual != NIL || list_length(plan->targetlist) != desc->natts)
		return false;
	foreach(lc, plan->targetlist)
	{
		TargetEntry *entry = lfirst(lc);
		Form_pg_attribute att = TupleDescAttr(desc, foreach_current_index(lc));

		if (entry->resjunk || (!att->attisdropped && exprType((Node *) entry->expr) != att->atttypid))
			return false;
		/* a value that is passed on runs nothing */
		if (!IsA(entry->expr, Var) && !IsA(entry->expr, Const) && runs_users_code((Node *) entry->expr))
			return false;
	}
	return true;
}

/*
 * Is the table such that its rows may be written together?  This is asked when
 * the server would look at the first row: a trigger that was before the statement
 * may have dropped an index, which it could not while that is open.
 */
static bool
table_may_batch(ResultRelInfo *target)
{
	Relation	rel = target->ri_RelationDesc;
	TriggerDesc *triggers = target->ri_TrigDesc;

	return rel->rd_rel->relkind == RELKIND_RELATION && RelationGetRelid(rel) >= FirstNormalObjectId &&
		rel->rd_tableam == GetHeapamTableAmRoutine() && target->ri_FdwRoutine == NULL &&
		target->ri_RootResultRelInfo == NULL && target->ri_WithCheckOptions == NIL &&
		(triggers == NULL || !(triggers->trig_insert_before_row || triggers->trig_insert_instead_row)) &&
		!table_runs_users_code(rel) && conditions_are_plain(triggers) && indexes_are_plain(target);
}

/*
 * Is a statement that was started the INSERT of a verb whose rows may be written
 * together, if the table allows it?
 */
static bool
may_batch(QueryDesc *desc)
{
	ModifyTableState *state = (ModifyTableState *) desc->planstate;
	PlannedStmt *statement = desc->plannedstmt;
	ModifyTable *plan;

	if (desc->operation != CMD_INSERT || state == NULL || !IsA(state, ModifyTableState) ||
		!stream_is_scan(outerPlanState(state), planned_source))
		return false;
	plan = (ModifyTable *) state->ps.plan;
	return plan->operation == CMD_INSERT && plan->canSetTag && !statement->hasModifyingCTE &&
		statement->subplans == NIL && plan->onConflictAction == ONCONFLICT_NONE &&
		plan->returningLists == NIL && plan->withCheckOptionLists == NIL && list_length(plan->resultRelations) == 1 &&
		state->mt_partition_tuple_routing == NULL &&
		gives_columns(outerPlan(plan), RelationGetDescr(state->resultRelInfo->ri_RelationDesc));
}

/* ------------------------------------------------------------------------ */
/* Writing																	*/
/* ------------------------------------------------------------------------ */

/* A slot for the batch's next row. */
static TupleTableSlot *
next_slot(Batch *batch, Relation rel)
{
	if (batch->desc == NULL)
		batch->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	if (batch->nrows == batch->nslots)
		batch->slots[batch->nslots++] = MakeSingleTupleTableSlot(batch->desc, table_slot_callbacks(rel));
	return batch->slots[batch->nrows];
}

/* Make a row of the table of what the plan gives, and check it. */
static void
make_row(EState *estate, ResultRelInfo *target, TupleTableSlot *given, TupleTableSlot *slot)
{
	Relation	rel = target->ri_RelationDesc;
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	int			natts = RelationGetDescr(rel)->natts;

	slot_getallattrs(given);
	ExecClearTuple(slot);
	memcpy(slot->tts_values, given->tts_values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, given->tts_isnull, natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(rel);
	if (constr && constr->has_generated_stored)
		ExecComputeStoredGenerated(target, estate, slot, CMD_INSERT);
	if (constr)
		ExecConstraints(target, slot, estate);
	if (rel->rd_rel->relispartition)
		ExecPartitionCheck(target, slot, estate, true);
	ExecMaterializeSlot(slot);
}

/* How large a row is that was made. */
static Size
row_size(TupleTableSlot *slot)
{
	bool		should_free;

	return ExecFetchSlotHeapTuple(slot, false, &should_free)->t_len;
}

/* Write the batch to the table, then row by row to the indexes and the queue of triggers. */
static void
write_batch(ModifyTableState *state, Batch *batch)
{
	EState	   *estate = state->ps.state;
	ResultRelInfo *target = state->resultRelInfo;
	MemoryContext old;

	/* it leaves values that it has compressed or moved out of line behind */
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
	table_multi_insert(target->ri_RelationDesc, batch->slots, batch->nrows, estate->es_output_cid, 0, NULL);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < batch->nrows; i++)
	{
		List	   *recheck = NIL;

		ResetPerTupleExprContext(estate);
		if (target->ri_NumIndices > 0)
			recheck = compat_insert_index_tuples(target, batch->slots[i], estate);
		ExecARInsertTriggers(estate, target, batch->slots[i], recheck, state->mt_transition_capture);
		list_free(recheck);
		ExecClearTuple(batch->slots[i]);
		estate->es_processed++;
	}
	batch->nrows = 0;
	batch->bytes = 0;
}

/*
 * ExecProcNodeMtd, of a ModifyTable: the whole INSERT.  Of the batch, all that
 * outlives a row is in the statement's memory.
 */
static TupleTableSlot *
insert_in_batches(PlanState *node)
{
	ModifyTableState *state = castNode(ModifyTableState, node);
	EState	   *estate = node->state;
	ResultRelInfo *target = state->resultRelInfo;
	Batch	   *batch;

	if (state->mt_done)
		return NULL;
	if (state->fireBSTriggers)
		ExecBSInsertTriggers(estate, state->rootResultRelInfo);
	state->fireBSTriggers = false;
	if (!table_may_batch(target))
		return server_method(node);
	elog(DEBUG1, "rows of \"%s\" are inserted in batches", RelationGetRelationName(target->ri_RelationDesc));

	batch = MemoryContextAllocZero(estate->es_query_cxt, sizeof(Batch));
	for (;;)
	{
		TupleTableSlot *given;
		TupleTableSlot *slot;

		CHECK_FOR_INTERRUPTS();
		ResetPerTupleExprContext(estate);
		given = ExecProcNode(outerPlanState(node));
		if (TupIsNull(given))
			break;
		slot = next_slot(batch, target->ri_RelationDesc);
		make_row(estate, target, given, slot);
		batch->bytes += row_size(slot);
		if (++batch->nrows >= MAX_ROWS || batch->bytes >= MAX_BYTES)
			write_batch(state, batch);
	}
	if (batch->nrows > 0)
		write_batch(state, batch);
	ExecASInsertTriggers(estate, state->rootResultRelInfo, state->mt_transition_capture);
	state->mt_done = true;
	return NULL;
}

/* ExecutorStart_hook */
static void
batch_if_same(QueryDesc *desc, int eflags)
{
	if (previous_start)
		previous_start(desc, eflags);
	else
		standard_ExecutorStart(desc, eflags);
	if (planned_source == NULL || !batch_inserts || planned_source->nrows < MIN_ROWS ||
		(eflags & EXEC_FLAG_EXPLAIN_ONLY) || !may_batch(desc))
		return;
	if (server_method == NULL)
		server_method = desc->planstate->ExecProcNodeReal;
	/* another module's hook may have been here, too */
	if (desc->planstate->ExecProcNodeReal == server_method)
		ExecSetExecProcNode(desc->planstate, insert_in_batches);
}

/*
 * multi_insert_init
 *		Install the hook; called once, when the module is loaded.
 */
void
multi_insert_init(void)
{
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = batch_if_same;
}
