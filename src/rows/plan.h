/*
 * plan.h
 *	  Generated statements: prepared, kept, and run.
 */
#ifndef PG_MORE_PLAN_H
#define PG_MORE_PLAN_H

#include "postgres.h"

#include "tcop/dest.h"

#include "rows/source.h"

/* "#default"."column" in a generated statement is that column's default. */
#define DEFAULT_QUALIFIER	"#default"

extern uint64 run_statement(const char *sql, Oid relid, Source *source,
							bool read_only, DestReceiver *dest);

#endif							/* PG_MORE_PLAN_H */
