/*
 * stream.c
 *	  A verb's rows, decoded as its statement reads them.
 *
 * Where a statement reads the data once, to write each decoded row to a
 * tuplestore, and maybe to disk, only to read it back would be dear for
 * nothing.  So the scan of the data's relation is replaced, when the statement
 * is planned, by a scan of our own that decodes one row after the other.  What
 * the planner is told is the same: the relation, its columns and their number.
 * The keys are converted, put in order and compared before (decode.c).
 *
 * Values are then converted while the statement runs, so this is done only where
 * converting them is the server's own doing (source.c).
 *
 * An UPDATE or DELETE that meets a row which another session has changed looks
 * again whether that row still matches the row of the data (EvalPlanQual).  To
 * that end the server carries each row of the data along as a whole-row value.
 * Nobody else looks into that value: here it is only the place of the row, which
 * is decoded again when it is needed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/explain.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/queryenvironment.h"

#include "compat.h"
#include "rows/order.h"
#include "rows/stream.h"

/* The value that says which row it was: a composite of two bigints. */
typedef struct RowPlace
{
	int64		row;			/* counted from 0 */
	int64		start;			/* offset of its cells, in the JSON form */
} RowPlace;

/* The state of a scan of the data. */
typedef struct DataScan
{
	CustomScanState css;		/* must be first */
	Source	   *source;
	DecodeCursor cursor;
	Index		rti;			/* the data in the range table */
	HeapTupleHeader place;		/* the whole-row value, or NULL if nobody asks */
} DataScan;

static set_rel_pathlist_hook_type previous_hook = NULL;

static Plan *plan_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist,
					   List *clauses, List *plans);
static Node *create_scan(CustomScan *plan);
static void begin_scan(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *execute_scan(CustomScanState *node);
static void end_scan(CustomScanState *node);
static void rewind_scan(CustomScanState *node);

static const CustomPathMethods path_methods = {
	.CustomName = "pg_more data",
	.PlanCustomPath = plan_scan
};

static const CustomScanMethods scan_methods = {
	.CustomName = "pg_more data",
	.CreateCustomScanState = create_scan
};

static const CustomExecMethods exec_methods = {
	.CustomName = "pg_more data",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = execute_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rewind_scan
};

/* ------------------------------------------------------------------------ */
/* Planning																	*/
/* ------------------------------------------------------------------------ */

/* The order of the rows, as far as somebody could want it: that of their numbers. */
static List *
input_order(PlannerInfo *root, RelOptInfo *rel, Source *source)
{
	Var		   *number;

	if (!source->numbered || decode_is_ordered(source->decoder))
		return NIL;
	number = makeVar(rel->relid, 1, INT8OID, -1, InvalidOid, 0);
	return compat_expression_pathkey(root, (Expr *) number, Int8LessOperator, rel->relids);
}

/* set_rel_pathlist_hook: a scan of the data that decodes it, in the place of the server's. */
static void
decode_in_scan(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	CustomPath *path;
	Path	   *replaced;

	if (previous_hook)
		previous_hook(root, rel, rti, rte);
	if (rte->rtekind != RTE_NAMEDTUPLESTORE || planned_source == NULL || planned_source->decoder == NULL ||
		rte->enrname == NULL || strcmp(rte->enrname, SOURCE_RELATION) != 0)
		return;
	replaced = linitial(rel->pathlist);
	path = makeNode(CustomPath);
	path->path = *replaced;
	path->path.type = T_CustomPath;
	path->path.pathtype = T_CustomScan;
	path->path.pathkeys = input_order(root, rel, planned_source);
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->methods = &path_methods;
	rel->pathlist = list_make1(path);
}

/* PlanCustomPath: the scan gives all columns, and a whole-row value where it is asked for. */
static Plan *
plan_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses, List *plans)
{
	CustomScan *scan = makeNode(CustomScan);
	TupleDesc	desc = planned_source->desc;
	List	   *columns = NIL;
	ListCell   *lc;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Var		   *var = makeVar(rel->relid, i + 1, att->atttypid, att->atttypmod, att->attcollation, 0);

		columns = lappend(columns, makeTargetEntry((Expr *) var, i + 1, NULL, false));
	}
	foreach(lc, rel->reltarget->exprs)
	{
		Var		   *var = lfirst(lc);

		if (IsA(var, Var) && var->varattno == InvalidAttrNumber)
		{
			columns = lappend(columns, makeTargetEntry(copyObject((Expr *) var), desc->natts + 1, NULL, false));
			break;
		}
	}
	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = extract_actual_clauses(clauses, false);
	scan->flags = path->flags;
	scan->custom_scan_tlist = columns;
	scan->methods = &scan_methods;
	return &scan->scan.plan;
}

/* ------------------------------------------------------------------------ */
/* Running																	*/
/* ------------------------------------------------------------------------ */

/* CreateCustomScanState */
static Node *
create_scan(CustomScan *plan)
{
	DataScan   *scan = palloc0(sizeof(DataScan));

	NodeSetTag(scan, T_CustomScanState);
	scan->css.methods = &exec_methods;
	return (Node *) scan;
}

/* A whole-row value to be filled with the place of each row. */
static HeapTupleHeader
make_place(void)
{
	TupleDesc	desc = CreateTemplateTupleDesc(2);
	Datum		values[2] = {Int64GetDatum(0), Int64GetDatum(0)};
	bool		nulls[2] = {false, false};

	TupleDescInitEntry(desc, 1, "row", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 2, "start", INT8OID, -1, 0);
	TupleDescFinalize(desc);
	return DatumGetHeapTupleHeader(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Where the place is in a whole-row value. */
static char *
place_in(HeapTupleHeader value)
{
	return (char *) value + value->t_hoff;
}

/*
 * Leave the checks of foreign keys that are known to hold out of the INSERT that
 * reads the data.  It has a copy of the table's triggers, which goes with it.
 */
static void
leave_out_checks(EState *estate, List *constraints)
{
	ResultRelInfo *target;
	bool		others = false;

	if (constraints == NIL || list_length(estate->es_opened_result_relations) != 1)
		return;
	target = linitial(estate->es_opened_result_relations);
	if (target->ri_TrigDesc == NULL || target->ri_TrigDesc == target->ri_RelationDesc->trigdesc)
		return;
	for (int i = 0; i < target->ri_TrigDesc->numtriggers; i++)
	{
		Trigger    *trigger = &target->ri_TrigDesc->triggers[i];

		if (!TRIGGER_FOR_AFTER(trigger->tgtype) || !TRIGGER_FOR_ROW(trigger->tgtype) ||
			!TRIGGER_FOR_INSERT(trigger->tgtype))
			continue;
		if (trigger->tgisinternal && RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_FK &&
			list_member_oid(constraints, trigger->tgconstraint))
			trigger->tgenabled = TRIGGER_DISABLED;
		else
			others = true;
	}
	target->ri_TrigDesc->trig_insert_after_row &= others;
}

/* BeginCustomScan */
static void
begin_scan(CustomScanState *node, EState *estate, int eflags)
{
	DataScan   *scan = (DataScan *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	EphemeralNamedRelation data = get_ENR(estate->es_queryEnv, SOURCE_RELATION);
	int			first;

	scan->source = planned_source;
	if (scan->source == NULL || scan->source->decoder == NULL || data == NULL ||
		data->md.tupdesc != scan->source->desc)
		elog(ERROR, "there are no rows to decode");
	leave_out_checks(estate, scan->source->unchecked);
	scan->rti = bms_singleton_member(plan->custom_relids);
	first = scan->source->numbered ? 1 : 0;
	decode_cursor(scan->source->decoder, &scan->cursor, slot->tts_values + first, slot->tts_isnull + first);
	if (list_length(plan->custom_scan_tlist) > scan->source->desc->natts)
		scan->place = make_place();
}

/* Complete the row that the cursor has put into the slot. */
static void
store_row(DataScan *scan)
{
	Source	   *source = scan->source;
	TupleTableSlot *slot = scan->css.ss.ss_ScanTupleSlot;
	int			first = source->ncolumns + (source->numbered ? 1 : 0);
	int			i = first + source_put_flags(source, scan->cursor.absent, slot->tts_values + first);

	if (source->numbered)
	{
		slot->tts_values[0] = Int64GetDatum(scan->cursor.row + 1);
		slot->tts_isnull[0] = false;
	}
	memset(slot->tts_isnull + first, false, i - first);
	if (scan->place)
	{
		const char *cells = source->request.rowset->cells;
		RowPlace	place = {scan->cursor.row, cells ? scan->cursor.start - cells : 0};

		memcpy(place_in(scan->place), &place, sizeof(place));
		slot->tts_values[i] = PointerGetDatum(scan->place);
		slot->tts_isnull[i] = false;
	}
	ExecStoreVirtualTuple(slot);
}

/*
 * ExecScanAccessMtd.  What is wrong with a value is no matter of the statement
 * around, so errors do not tell of it in their context.
 */
static TupleTableSlot *
next_row(ScanState *node)
{
	DataScan   *scan = (DataScan *) node;
	ErrorContextCallback *around = error_context_stack;
	bool		found;

	ExecClearTuple(node->ss_ScanTupleSlot);
	error_context_stack = scan->source->error_context;
	found = decode_next(scan->source->decoder, &scan->cursor);
	error_context_stack = around;
	if (found)
		store_row(scan);
	return node->ss_ScanTupleSlot;
}

/*
 * ExecScanRecheckMtd: called to give the row of the data, once, that was joined
 * with the row which another session has changed.
 */
static bool
recheck_row(ScanState *node, TupleTableSlot *slot)
{
	DataScan   *scan = (DataScan *) node;
	EPQState   *epq = node->ps.state->es_epq_active;
	ExecAuxRowMark *mark = epq->relsubs_rowmark[scan->rti - 1];
	const char *cells = scan->source->request.rowset->cells;
	RowPlace	place;
	Datum		value;
	bool		isnull;

	if (epq->relsubs_done[scan->rti - 1])
		return false;
	if (mark == NULL)
		return !TupIsNull(next_row(node));
	epq->relsubs_done[scan->rti - 1] = true;
	value = ExecGetJunkAttribute(epq->origslot, mark->wholeAttNo, &isnull);
	if (isnull)
		return false;
	memcpy(&place, place_in(DatumGetHeapTupleHeader(value)), sizeof(place));
	ExecClearTuple(slot);
	decode_again(scan->source->decoder, &scan->cursor, place.row, cells ? cells + place.start : NULL);
	store_row(scan);
	return true;
}

/* ExecCustomScan */
static TupleTableSlot *
execute_scan(CustomScanState *node)
{
	return ExecScan(&node->ss, next_row, recheck_row);
}

/* EndCustomScan: what the scan has goes with the executor's memory. */
static void
end_scan(CustomScanState *node)
{
}

/* ReScanCustomScan */
static void
rewind_scan(CustomScanState *node)
{
	DataScan   *scan = (DataScan *) node;

	decode_rewind(scan->source->decoder, &scan->cursor);
	ExecScanReScan(&node->ss);
}

/*
 * stream_works
 *		Will the planner ask us for the scan?  Not if another module has put its
 *		hook over ours, which it may or may not call.
 */
bool
stream_works(void)
{
	return set_rel_pathlist_hook == decode_in_scan;
}

/*
 * stream_is_scan
 *		Is a node of a plan that was started, or NULL, the scan of this data?
 */
bool
stream_is_scan(PlanState *node, Source *source)
{
	return node && IsA(node, CustomScanState) && ((CustomScanState *) node)->methods == &exec_methods &&
		((DataScan *) node)->source == source;
}

/*
 * stream_init
 *		Install the hook; called once, when the module is loaded.
 */
void
stream_init(void)
{
	RegisterCustomScanMethods(&scan_methods);
	previous_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = decode_in_scan;
}
