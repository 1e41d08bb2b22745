/*
 * plan_with.h
 *	  Planning a statement as if its tables had other indexes.
 */
#ifndef PG_MORE_PLAN_WITH_H
#define PG_MORE_PLAN_WITH_H

#include "postgres.h"

#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

/* How a statement is planned; zeroed: as always. */
typedef struct PlanWith
{
	List	   *hidden;			/* OIDs of indexes that the planner does not get to see */

	/*
	 * Called for each relation of the statement, and for each partition and
	 * child that the planner looks at: when it has read the catalogs and
	 * before it looks at conditions, so that rel->indexlist can be changed; and
	 * when it has collected the ways to scan the relation.  Either may be NULL.
	 */
	void		(*see_relation) (PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte, void *arg);
	void		(*see_paths) (PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte, void *arg);
	void	   *arg;
} PlanWith;

extern void plan_with_init(void);
extern PlannedStmt *plan_with(PlanWith *with, Query *query, const char *query_string, ParamListInfo params);
extern void mark_relations(Query *query);
extern int	relation_mark(RangeTblEntry *rte);

#endif							/* PG_MORE_PLAN_WITH_H */
