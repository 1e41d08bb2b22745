/*
 * stand_in.h
 *	  The rows found by an OR's arms in the place of a table; see stand_in.c.
 */
#ifndef PG_MORE_STAND_IN_H
#define PG_MORE_STAND_IN_H

#include "planner/join_tree.h"

/* A relation of a query that stands in for a table of it */
typedef struct StandIn
{
	Query	   *query;
	int			relation;		/* the table */
	int			found;			/* what stands in */
	List	   *key;			/* attribute numbers of the table, the columns that it has first */
	List	   *columns;		/* others, which follow */
	bool		back;			/* is the table to come back? */
	int			depth;			/* for the walker: levels below the query */
} StandIn;

extern List *stand_in_columns(JoinTree *tree, int relation, Node *without, bool *possible);
extern StandIn *stand_in_of(Query *query, int relation, int found, List *key, List *columns);
extern void stand_in(StandIn *what);
extern StandIn *next_stand_in(Query *query);
extern void stand_back(StandIn *what);

#endif							/* PG_MORE_STAND_IN_H */
