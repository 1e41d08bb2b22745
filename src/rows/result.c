/*
 * result.c
 *	  What comes back from the statements that the verbs run.
 *
 * A report gives, for each input row that was dealt with, its number, a status
 * and, where the user wants rows back, the target row.  Lines arrive in the
 * order of the plan and from several statements; they leave sorted by number,
 * with a line for each row that nothing happened to.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "rows/result.h"

static const char *const status_names[] = {
	[STATUS_INSERTED] = "inserted",
	[STATUS_UPDATED] = "updated",
	[STATUS_UNCHANGED] = "unchanged",
	[STATUS_EXISTING] = "existing",
	[STATUS_DELETED] = "deleted",
	[STATUS_MISSING] = "missing",
};

static void
ignore_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
ignore_end(DestReceiver *self)
{
}

/* ------------------------------------------------------------------------ */
/* Reports																	*/
/* ------------------------------------------------------------------------ */

/* Keep a line for the user: number, status, target row. */
static void
keep_line(Report *report, int64 ordinal, RowStatus status, TupleTableSlot *slot)
{
	TupleDesc	desc = report->rowdesc;
	TupleTableSlot *line = report->line;
	MemoryContext old;
	HeapTuple	tuple;
	int			next = 2;

	MemoryContextReset(report->context);
	old = MemoryContextSwitchTo(report->context);
	for (int i = 0; i < desc->natts; i++)
	{
		bool		dropped = TupleDescAttr(desc, i)->attisdropped;

		report->nulls[i] = dropped || slot->tts_isnull[next];
		report->values[i] = dropped ? (Datum) 0 : slot->tts_values[next];
		if (!dropped)
			next++;
	}
	tuple = heap_form_tuple(desc, report->values, report->nulls);

	ExecClearTuple(line);
	line->tts_values[0] = Int64GetDatum(ordinal);
	line->tts_values[1] = Int32GetDatum(status);
	line->tts_values[2] = heap_copy_tuple_as_datum(tuple, desc);
	memset(line->tts_isnull, 0, sizeof(bool) * 3);
	ExecStoreVirtualTuple(line);
	tuplesort_puttupleslot(report->lines, line);
	MemoryContextSwitchTo(old);
}

/* receiveSlot of a report */
static bool
report_receive(TupleTableSlot *slot, DestReceiver *self)
{
	Report	   *report = (Report *) self;
	RowStatus	status;

	slot_getallattrs(slot);
	status = DatumGetInt32(slot->tts_values[1]);
	report->counts[status]++;
	if (slot->tts_isnull[0])
		return true;			/* a deleted row that no input row names */
	if (DatumGetInt64(slot->tts_values[0]) < 1 ||
		DatumGetInt64(slot->tts_values[0]) > report->verb->data->nrows)
		elog(ERROR, "statement reports on an unknown row");
	report->verb->status[DatumGetInt64(slot->tts_values[0]) - 1] = status;
	if (report->lines)
		keep_line(report, DatumGetInt64(slot->tts_values[0]), status, slot);
	return true;
}

/*
 * report_create
 *		A receiver of reports for the verb, in the current memory context.
 */
Report *
report_create(Verb *verb)
{
	Report	   *report = palloc0(sizeof(Report));
	AttrNumber	sortcol = 1;
	Oid			sortop = Int8LessOperator;
	Oid			collation = InvalidOid;
	bool		nullsfirst = false;

	report->pub.receiveSlot = report_receive;
	report->pub.rStartup = ignore_startup;
	report->pub.rShutdown = ignore_end;
	report->pub.rDestroy = ignore_end;
	report->pub.mydest = DestNone;
	report->verb = verb;
	if (!verb->returning)
		return report;

	report->rowdesc = RelationGetDescr(verb->rel);
	report->values = palloc_array(Datum, report->rowdesc->natts + 1);
	report->nulls = palloc_array(bool, report->rowdesc->natts + 1);
	report->context = AllocSetContextCreate(CurrentMemoryContext, "report line", ALLOCSET_DEFAULT_SIZES);
	report->linedesc = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(report->linedesc, 1, "ordinal", INT8OID, -1, 0);
	TupleDescInitEntry(report->linedesc, 2, "status", INT4OID, -1, 0);
	TupleDescInitEntry(report->linedesc, 3, "result", report->rowdesc->tdtypeid, -1, 0);
	TupleDescFinalize(report->linedesc);
	report->line = MakeSingleTupleTableSlot(report->linedesc, &TTSOpsVirtual);
	report->lines = tuplesort_begin_heap(report->linedesc, 1, &sortcol, &sortop, &collation,
										 &nullsfirst, work_mem, NULL, TUPLESORT_NONE);
	return report;
}

/* Add a line to the function's result. */
static void
put_line(ReturnSetInfo *rsinfo, int64 ordinal, RowStatus status, Datum row, bool isnull)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, isnull};

	values[0] = Int64GetDatum(ordinal);
	values[1] = CStringGetTextDatum(status_names[status]);
	values[2] = row;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	pfree(DatumGetPointer(values[1]));
}

/* Add lines for the input rows before ordinal that have none. */
static int64
put_rest(Report *report, ReturnSetInfo *rsinfo, int64 next, int64 ordinal, RowStatus rest)
{
	for (; next < ordinal; next++)
		put_line(rsinfo, next,
				 report->verb->status[next - 1] ? report->verb->status[next - 1] : rest,
				 (Datum) 0, true);
	return next;
}

/*
 * report_emit
 *		The lines as the result of a function that returns TABLE (ordinal,
 *		status, result), in input order.  Input rows without a line are existing
 *		or missing.  The result set was prepared by the caller.
 */
void
report_emit(Report *report, FunctionCallInfo fcinfo, bool existing)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(report->linedesc, &TTSOpsMinimalTuple);
	RowStatus	rest = existing ? STATUS_EXISTING : STATUS_MISSING;
	int64		next = 1;

	tuplesort_performsort(report->lines);
	while (tuplesort_gettupleslot(report->lines, true, false, slot, NULL))
	{
		int64		ordinal;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		ordinal = DatumGetInt64(slot->tts_values[0]);
		next = put_rest(report, rsinfo, next, ordinal, rest);
		put_line(rsinfo, ordinal, DatumGetInt32(slot->tts_values[1]), slot->tts_values[2], false);
		next = ordinal + 1;
	}
	(void) put_rest(report, rsinfo, next, report->verb->data->nrows + 1, rest);
	ExecDropSingleTupleTableSlot(slot);
	tuplesort_end(report->lines);
}

/* ------------------------------------------------------------------------ */
/* Rows																		*/
/* ------------------------------------------------------------------------ */

/* Gives a query's rows to a function that returns a set of a table's rows. */
typedef struct RowsReceiver
{
	DestReceiver pub;			/* must be first */
	ReturnSetInfo *rsinfo;
	int			natts;
	int		   *position;		/* of each output column in the row */
	bool		direct;			/* the output is laid out as the row is */
	Datum	   *values;
	bool	   *nulls;
} RowsReceiver;

/* receiveSlot of rows */
static bool
rows_receive(TupleTableSlot *slot, DestReceiver *self)
{
	RowsReceiver *rows = (RowsReceiver *) self;

	if (rows->direct)
	{
		tuplestore_puttupleslot(rows->rsinfo->setResult, slot);
		return true;
	}
	slot_getallattrs(slot);
	for (int i = 0; i < rows->natts; i++)
	{
		rows->values[rows->position[i]] = slot->tts_values[i];
		rows->nulls[rows->position[i]] = slot->tts_isnull[i];
	}
	tuplestore_putvalues(rows->rsinfo->setResult, rows->rsinfo->setDesc, rows->values, rows->nulls);
	return true;
}

/*
 * rows_receiver
 *		A receiver that returns rows as the function's result; attnums lists
 *		which of the row's columns the query gives, in its order.  Columns that
 *		it does not give are null.
 */
DestReceiver *
rows_receiver(FunctionCallInfo fcinfo, List *attnums)
{
	RowsReceiver *rows = palloc0(sizeof(RowsReceiver));
	TupleDesc	desc = ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc;

	rows->pub.receiveSlot = rows_receive;
	rows->pub.rStartup = ignore_startup;
	rows->pub.rShutdown = ignore_end;
	rows->pub.rDestroy = ignore_end;
	rows->pub.mydest = DestNone;
	rows->rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	rows->natts = list_length(attnums);
	rows->position = palloc_array(int, rows->natts + 1);
	rows->values = palloc0_array(Datum, desc->natts + 1);
	rows->nulls = palloc_array(bool, desc->natts + 1);
	memset(rows->nulls, true, desc->natts);
	rows->direct = rows->natts == desc->natts;
	for (int i = 0; i < rows->natts; i++)
	{
		rows->position[i] = list_nth_int(attnums, i) - 1;
		rows->direct &= rows->position[i] == i;
	}
	return &rows->pub;
}
