/*
 * result.h
 *	  What comes back from the statements that the verbs run.
 */
#ifndef PG_MORE_RESULT_H
#define PG_MORE_RESULT_H

#include "postgres.h"

#include "funcapi.h"
#include "tcop/dest.h"
#include "utils/tuplesort.h"

#include "rows/verb.h"

/* Takes in reports on input rows: number, status and, maybe, the target row. */
typedef struct Report
{
	DestReceiver pub;			/* must be first */
	Verb	   *verb;
	int64		counts[STATUS_COUNT];
	Tuplesortstate *lines;		/* when rows are returned */
	TupleDesc	linedesc;
	TupleTableSlot *line;
	TupleDesc	rowdesc;
	Datum	   *values;
	bool	   *nulls;
	MemoryContext context;
} Report;

extern Report *report_create(Verb *verb);
extern void report_emit(Report *report, FunctionCallInfo fcinfo, bool existing);
extern DestReceiver *rows_receiver(FunctionCallInfo fcinfo, List *attnums);

#endif							/* PG_MORE_RESULT_H */
