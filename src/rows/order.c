/*
 * order.c
 *	  What the planner is told about a verb's data: its order, and its keys.
 *
 * A verb's rows come sorted by key.  An UPDATE or DELETE that takes them one by
 * one and looks each up in the target's index keeps that order: rows are then
 * locked in the order of the key, the same in every session, and the index, and
 * with it a correlated heap, is walked from one end to the other.  The planner
 * knows neither; it prices each look-up as a random access and often prefers a
 * hash join, whose order is that of the heap or none.
 *
 * So where the planner has an index for the key, the nested loop with the data
 * outside replaces the other ways to join data and target, unless it looks so
 * many times dearer that the order cannot be worth it, as when the table is far
 * larger than memory and its rows lie in another order, or when the index tells
 * few rows apart.  Only the join of a verb's data with the target of its UPDATE
 * or DELETE is touched, and that of rows that are looked up in a unique index
 * (more.check_unique); the path itself is one the planner would build.
 */
#include "postgres.h"

#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "parser/parsetree.h"
#include "utils/selfuncs.h"

#include "compat.h"
#include "rows/order.h"
#include "rows/source.h"

/*
 * How many times dearer than the cheapest way the ordered one may look: for a
 * table that fits in memory, where what is overpriced are page reads that will
 * not happen, and for others.
 */
#define OVERPRICED_CACHED 64
#define OVERPRICED 8

static set_join_pathlist_hook_type previous_hook = NULL;
static get_relation_stats_hook_type previous_stats_hook = NULL;

/* The data of the statement that is being prepared, for the planner's hooks. */
Source	   *planned_source = NULL;

/* Does a range table entry hold the data of a verb, as a relation or as arrays? */
static bool
holds_data(RangeTblEntry *rte)
{
	if (rte->rtekind == RTE_NAMEDTUPLESTORE)
		return rte->enrname && strcmp(rte->enrname, SOURCE_RELATION) == 0;
	return rte->rtekind == RTE_FUNCTION && rte->alias && strcmp(rte->alias->aliasname, SOURCE_FUNCTION) == 0;
}

/* Is this the data of a verb? */
static bool
is_data(PlannerInfo *root, RelOptInfo *rel)
{
	return rel->reloptkind == RELOPT_BASEREL &&
		(rel->rtekind == RTE_NAMEDTUPLESTORE || rel->rtekind == RTE_FUNCTION) &&
		holds_data(planner_rt_fetch(rel->relid, root));
}

/* The cheapest way to look target rows up with values of the data. */
static Path *
lookup_path(RelOptInfo *data, RelOptInfo *target)
{
	Path	   *best = NULL;
	ListCell   *lc;

	foreach(lc, target->pathlist)
	{
		Path	   *path = lfirst(lc);

		if (path->param_info == NULL || !bms_equal(PATH_REQ_OUTER(path), data->relids))
			continue;
		if (best == NULL || path_disabled(path) < path_disabled(best) ||
			(path_disabled(path) == path_disabled(best) && path->total_cost < best->total_cost))
			best = path;
	}
	return best;
}

/* Put the nested loop in the place of the other ways to join a verb's data with its target; not inlined, as few statements need it. */
static pg_noinline void
order_by_key(PlannerInfo *root, RelOptInfo *joinrel, RelOptInfo *outerrel, RelOptInfo *innerrel,
			 JoinType jointype, JoinPathExtraData *extra)
{
	Path	   *outer;
	Path	   *inner;
	Path	   *cheapest = NULL;
	bool		cached = innerrel->pages > 0 && innerrel->pages <= effective_cache_size;
	NestPath   *nest;
	JoinCostWorkspace workspace;
	ListCell   *lc;

	if (!enable_nestloop || jointype != JOIN_INNER || !is_data(root, outerrel))
		return;
	if (root->parse->commandType == CMD_SELECT ? innerrel->reloptkind != RELOPT_BASEREL :
		!bms_equal(innerrel->relids, bms_make_singleton(root->parse->resultRelation)))
		return;
	inner = lookup_path(outerrel, innerrel);
	outer = outerrel->cheapest_total_path;
	if (inner == NULL || outer == NULL || outer->param_info)
		return;
	foreach(lc, joinrel->pathlist)
	{
		Path	   *path = lfirst(lc);

		if (path->param_info == NULL && (cheapest == NULL || path->total_cost < cheapest->total_cost))
			cheapest = path;
	}
	compat_initial_cost_nestloop(root, &workspace, jointype, outer, inner, extra);
	nest = create_nestloop_path(root, joinrel, jointype, &workspace, extra, outer, inner,
								extra->restrictlist, NIL, NULL);
	if (cheapest && (path_disabled(&nest->jpath.path) > path_disabled(cheapest) ||
					 nest->jpath.path.total_cost > cheapest->total_cost *
					 (cached ? OVERPRICED_CACHED : OVERPRICED)))
		return;

	/*
	 * The other order of the two relations may still be to come; see that the
	 * paths it adds do not push this one out.
	 */
	if (cheapest)
	{
		nest->jpath.path.startup_cost = Min(nest->jpath.path.startup_cost, cheapest->startup_cost / 2);
		nest->jpath.path.total_cost = Min(nest->jpath.path.total_cost, cheapest->total_cost / 2);
	}
	joinrel->pathlist = list_make1(nest);
	joinrel->partial_pathlist = NIL;
}

/* set_join_pathlist_hook; it is called for every pair of relations that any statement may join, so it must be short */
static void
keep_key_order(PlannerInfo *root, RelOptInfo *joinrel, RelOptInfo *outerrel, RelOptInfo *innerrel,
			   JoinType jointype, JoinPathExtraData *extra)
{
	CmdType		command = root->parse->commandType;
	bool		may_be_verb = command == CMD_UPDATE || command == CMD_DELETE ||
		(planned_source && planned_source->probes);

	if (!may_be_verb && previous_hook == NULL)
		return;
	if (previous_hook)
		previous_hook(root, joinrel, outerrel, innerrel, jointype, extra);
	if (may_be_verb)
		order_by_key(root, joinrel, outerrel, innerrel, jointype, extra);
}

/*
 * get_relation_stats_hook: the data has no statistics, and without any the
 * planner takes a column to have 200 values, which makes it shun a hash table
 * of the data.  The first key column is known to have (nearly) as many values
 * as there are rows.  Of the data in a plan of its own, rows_of.c knows more.
 */
static bool
know_key_is_distinct(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum,
					 VariableStatData *vardata)
{
	if (rte->rtekind == RTE_RELATION && previous_stats_hook == NULL)
		return false;
	if (previous_stats_hook && previous_stats_hook(root, rte, attnum, vardata))
		return true;
	if (rows_of_distinct(root, rte, attnum))
	{
		vardata->isunique = true;
		return true;
	}
	if (planned_source == NULL || planned_source->distinct != attnum || !holds_data(rte))
		return false;
	vardata->isunique = true;
	return true;
}

/*
 * order_init
 *		Install the hooks; called once, when the module is loaded.
 */
void
order_init(void)
{
	previous_hook = set_join_pathlist_hook;
	set_join_pathlist_hook = keep_key_order;
	previous_stats_hook = get_relation_stats_hook;
	get_relation_stats_hook = know_key_is_distinct;
}
