/*
 * order.h
 *	  What the planner is told about a verb's data: its order, and its keys.
 */
#ifndef PG_MORE_ORDER_H
#define PG_MORE_ORDER_H

#include "nodes/pathnodes.h"

#include "nodes/parsenodes.h"

#include "rows/source.h"

extern Source *planned_source;

extern void order_init(void);

/* rows_of.c */
extern bool rows_of_distinct(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum);

#endif							/* PG_MORE_ORDER_H */
