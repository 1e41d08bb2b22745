/*
 * hypothetical.h
 *	  Indexes that are not there: what they would be, and how large.
 */
#ifndef PG_MORE_HYPOTHETICAL_H
#define PG_MORE_HYPOTHETICAL_H

#include "postgres.h"

#include "access/htup.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"

#include "indexes/indexes.h"

/* An index that is not there, of one table or partition. */
typedef struct Hypothetical
{
	Oid			oid;			/* of no relation */
	char	   *name;
	int			element;		/* which text it comes from */
	Oid			relid;			/* its table */
	IndexShape	shape;
	Oid			sampled;		/* the table whose rows tell the size: the partitioned one, which the caller may read, */
	IndexShape *sampled_shape;	/* and the index over that one's columns */
	bool		parent;			/* of a partitioned table: it holds no rows itself */
	Oid			tablespace;
	List	   *options;		/* of DefElem: WITH (...) */

	/* filled in by measure_indexes() */
	double		tuples;
	double		share;			/* of the table's rows, 0 to 1 */
	double		pages;
	int			height;			/* of a btree; else -1 */
	double		entry_pages;	/* of the tree of keys in a GIN index */
	HeapTuple  *statistics;		/* of each key column, as of pg_statistic, or NULL */
} Hypothetical;

/* --- hypothetical.c: reading them, and telling the planner of them ---------- */

/* A set of indexes that are not there, and of such that shall not be. */
typedef struct HypotheticalSet
{
	List	   *indexes;		/* of Hypothetical */
	List	   *hidden;			/* OIDs of indexes; */
	List	   *names;			/* what each element is called, of char * */
	List	   *used;			/* OIDs, by the plan of the last plan_hypothetical() */
} HypotheticalSet;

/* What planning a statement came to. */
typedef struct HypotheticalPlan
{
	double		cost;
	char	   *text;			/* as EXPLAIN (COSTS OFF) has it; NULL unless asked for */
} HypotheticalPlan;

extern void hypothetical_init(void);
extern void read_hypothetical(HypotheticalSet *set, const char *text);
extern bool uses_element(HypotheticalSet *set, int element);
extern void plan_hypothetical(HypotheticalSet *set, List *queries, const char *text, HypotheticalPlan *plan);
extern List *analyze_statement(const char *text);

/* --- index_size.c ------------------------------------------------------------- */

extern void measure_indexes(List *indexes);

/* --- index_stats.c: statistics of expressions --------------------------------- */

extern HeapTuple expression_statistics(Node *expr, Oid collation, Datum *values, bool *nulls, int n, double total,
									   MemoryContext result_context);

#endif							/* PG_MORE_HYPOTHETICAL_H */
