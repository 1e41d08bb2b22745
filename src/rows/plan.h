/*
 * plan.h
 *	  Generated statements: prepared, kept, and run.
 */
#ifndef PG_MORE_PLAN_H
#define PG_MORE_PLAN_H

#include "postgres.h"

#include "tcop/dest.h"

#include "rows/source.h"

/*
 * Column references of these forms in a generated statement stand for
 * expressions that the server has stored, so that they need not become text:
 * a column's default, and the predicate of a partial index (by OID) over the
 * relation with the alias target, or over the target of INSERT; and the condition
 * that a row of target has the key of a unique index that is in columns of data
 * (unique_key.h has the names).  The last one stands for the claim of the row of the statement's target by a row of the
 * data, whose number is the column: a call of more._claim_row.
 */
#define DEFAULT_QUALIFIER	"pg_more default"
#define PREDICATE_QUALIFIER	"pg_more predicate"
#define ARBITER_QUALIFIER	"pg_more arbiter"
#define SAME_KEY_QUALIFIER	"pg_more same key"
#define CLAIM_QUALIFIER		"pg_more claim"

/*
 * Where the plan of a statement was found, for one who runs the same statement
 * over the same columns again; zeros as long as it was not run.
 */
typedef struct PlanRef
{
	uint64		hash;
	uint64		serial;
	Oid			user;
	double		size;
	AttrNumber	distinct;
	char		stream;
} PlanRef;

extern uint64 run_statement(const char *sql, Oid relid, Source *source,
							bool read_only, DestReceiver *dest, PlanRef *ref);

#endif							/* PG_MORE_PLAN_H */
