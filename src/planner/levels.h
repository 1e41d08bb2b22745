/*
 * levels.h
 *	  Walking all query levels of a statement; see levels.c.
 */
#ifndef PG_MORE_LEVELS_H
#define PG_MORE_LEVELS_H

#include "planner/planner.h"

typedef struct Level Level;

/*
 * What a rewrite does at an expression: what takes its place, or NULL to go on
 * below it.  With filter it is a condition of WHERE or of an inner join, of
 * which only the truth matters.
 */
typedef Node *(*LevelFunction) (Level *level, Node *node, bool filter);

struct Level
{
	Query	   *query;			/* the query that the expression is in */
	Level	   *outer;			/* the query around it, or NULL */
	Attempt    *attempt;
	LevelFunction replace;
	bool		grouped;		/* also where expressions must stay equal to grouped ones */
	bool		output;			/* in what the statement returns or stores, and not sorted by */
	bool		sublinks;		/* set by replace: it has added a SubLink */
};

extern Query *rewrite_levels(Query *query, Attempt *attempt, LevelFunction replace);
extern Query *rewrite_grouped_levels(Query *query, Attempt *attempt, LevelFunction replace);
extern Node *rewrite_below(Level *level, Node *node, bool filter);

/* may_fail.c */
extern bool is_inlined(Oid function);
extern bool node_may_fail(Node *node);
extern bool may_fail(Node *node, Level *level);

/* or_reduction.c */
extern bool condition_may_fail(Level *level, Node *node);

#endif							/* PG_MORE_LEVELS_H */
