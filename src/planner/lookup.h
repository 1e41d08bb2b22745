/*
 * lookup.h
 *	  Looking columns up in lists of values; see lookup.c.
 */
#ifndef PG_MORE_LOOKUP_H
#define PG_MORE_LOOKUP_H

#include "planner/levels.h"

/* The name of the relation that a list is. */
#define LIST_NAME "list"

/* A column of a look-up. */
typedef struct LookupColumn
{
	Node	   *left;			/* what is looked up */
	Oid			operator;		/* its equality with a value */
	Oid			collation;
	Oid			type;			/* of the values */
	Node	   *array;			/* the values */
} LookupColumn;

extern int	column_relation(Query *query, Node *left, AttrNumber *attnum);
extern bool is_stored_column(Query *query, Node *left);
extern bool is_indexed(Query *query, Node *left);
extern bool is_foreign(Oid relid);
extern bool has_full_join(Query *query);
extern bool has_exclusions(Query *query, Node *lefts);
extern bool has_outer_columns(Node *node, void *context);
extern const char *lookup_problem(Level *level, Node *left, Oid operator, Oid collation, Oid type);
extern bool may_join(Query *query, Attempt *attempt, Node *lefts, bool parameters);
extern Node *make_lookup(Query *query, LookupColumn *columns, int ncolumns);

/* narrowing.c */
extern const char *narrowing_problem(Level *level, Node *left);

/* prefilter.c */
extern Node *make_prefilter(Query *query, LookupColumn *columns, int ncolumns, ParamListInfo params);

/* list_stats.c */
extern Node *make_listed(Attempt *attempt, Node *lookup, Node *prefilter);
extern void list_stats_init(void);

#endif							/* PG_MORE_LOOKUP_H */
