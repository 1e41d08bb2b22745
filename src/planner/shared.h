/*
 * shared.h
 *	  Subqueries that share their results; see shared_subqueries.c and
 *	  shared_scan.c.
 */
#ifndef PG_MORE_SHARED_H
#define PG_MORE_SHARED_H

#include "nodes/parsenodes.h"

/* shared_subqueries.c */
extern uint32 subquery_hash(Query *query);

/* shared_scan.c */
extern void mark_shared(Query *query, int number, bool correlated);
extern void unmark_shared(Node *node);
extern void shared_scan_init(void);

#endif							/* PG_MORE_SHARED_H */
