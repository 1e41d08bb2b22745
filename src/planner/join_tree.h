/*
 * join_tree.h
 *	  Parts of a query's join tree that hold all that the whole can give; see
 *	  join_tree.c.
 */
#ifndef PG_MORE_JOIN_TREE_H
#define PG_MORE_JOIN_TREE_H

#include "planner/levels.h"

/* Relations that a row of the join has together, or that are all NULL in it. */
typedef struct JoinZone
{
	Bitmapset  *relations;
	List	   *conditions;		/* what holds where they are not NULL, a list of conjuncts */
	Bitmapset  *needs;			/* the relations that the conditions mention */
	struct JoinZone *parent;	/* the zone that it is joined to, NULL for the first */
} JoinZone;

/* The join tree of a query, taken apart. */
typedef struct JoinTree
{
	Query	   *query;
	FromExpr   *from;			/* the tree, with join aliases replaced by what they stand for */
	Bitmapset  *relations;		/* all that are in it */
	List	   *zones;			/* of JoinZone; the first is of those that no outer join makes NULL */
	const char *problem;		/* why it cannot be reduced, or NULL */
} JoinTree;

/* The columns that a query uses of a relation. */
typedef struct ColumnUse
{
	Query	   *query;
	int			relation;
	Bitmapset  *used;			/* less FirstLowInvalidHeapAttributeNumber */
	int			depth;			/* of the walker */
} ColumnUse;

extern JoinTree *take_apart(Query *query);
extern Node *without_join_aliases(Query *query, Node *node);
extern Bitmapset *relations_in(JoinTree *tree, Node *expression);
extern bool note_columns(Node *node, ColumnUse *use);
extern Bitmapset *needed_relations(JoinTree *tree, Bitmapset *wanted);
extern Query *reduced_query(JoinTree *tree, Bitmapset *keep, List *conditions);
extern bool is_determined(JoinTree *tree, int anchor, Bitmapset *keep, List *conditions);
extern RangeTblEntry *empty_entry(void);
extern bool forget_joins(Node *node, int *depth);

/* least_cost.c */
extern Cost least_cost(Level *level, JoinTree *tree);

#endif							/* PG_MORE_JOIN_TREE_H */
