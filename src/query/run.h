/*
 * run.h
 *	  Queries that are run: what the files that run them share.
 */
#ifndef PG_MORE_QUERY_RUN_H
#define PG_MORE_QUERY_RUN_H

#include "postgres.h"

#include "executor/spi.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/plancache.h"

#include "query/query.h"

/* A query whose statement the server has analysed.  It lives as long as the SPI connection. */
typedef struct RunQuery
{
	const char *sql;
	ParamListInfo params;		/* or NULL */
	SPIPlanPtr	plan;
	TupleDesc	columns;		/* of its rows, or NULL */
	bool		writes;			/* it changes or locks rows */
} RunQuery;

/* --- prepare.c -------------------------------------------------------------- */

extern ParamListInfo query_params(const MoreQuery *query, const char *sql);
extern RunQuery *run_prepare(const MoreQuery *query, const char *prefix);
extern bool query_locks_rows(Node *node, void *arg);
extern void run_require_rows(RunQuery *run, const char *function);
extern uint64 run_execute(RunQuery *run, DestReceiver *dest);

/* --- run.c ------------------------------------------------------------------ */

extern void query_require_definition(TupleDesc given, TupleDesc wanted);
extern List *query_all_columns(int n);
extern List *query_match_columns(TupleDesc columns, Oid relid);

/* --- receive.c -------------------------------------------------------------- */

extern DestReceiver *jsonb_receiver(MemoryContext context, ReturnSetInfo *rsinfo, Datum *first);
extern void require_distinct_names(TupleDesc columns);

#endif							/* PG_MORE_QUERY_RUN_H */
