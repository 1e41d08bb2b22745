/*
 * plan_with.c
 *	  Planning a statement as if its tables had other indexes.
 *
 * Nothing is written: the server's hooks change what the planner is told, in
 * its own memory, while one statement is planned.  Planning may run functions,
 * whose statements are planned then, too, and such plans may be kept by the
 * session: they must not be made for indexes that are not there.  So the
 * relations of the statement itself are marked, and the hooks do nothing for
 * any other one.  The mark is in two fields of the range table entry that only
 * ephemeral named relations use.  It is copied wherever the entry is, into the
 * entries of partitions, into the forms that rewrites make, into the finished
 * plan; tables inside SQL functions that the planner dissolves have none.
 *
 * Outside of plan_with the hooks compare one pointer with NULL.  They call the
 * hooks that were there before, first.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "parser/parsetree.h"
#include "tcop/tcopprot.h"

#include "compat.h"
#include "indexes/plan_with.h"

#define MARK "pg_more relation"

static compat_relation_hook_type previous_relation_hook = NULL;
static set_rel_pathlist_hook_type previous_pathlist_hook = NULL;

/* What the statement at hand is planned with, or NULL. */
static PlanWith *current = NULL;

/*
 * relation_mark
 *		The number of a relation of the statement, of its partitions likewise; 0: it
 *		is not marked.
 */
int
relation_mark(RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION && rte->enrname && strcmp(rte->enrname, MARK) == 0 ?
		(int) rte->enrtuples : 0;
}

/* Number the relations in the order in which they are met. */
static bool
mark_walker(Node *node, int *last)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_RELATION)
		{
			rte->enrname = pstrdup(MARK);
			rte->enrtuples = ++*last;
		}
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, mark_walker, last, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, mark_walker, last);
}

/*
 * mark_relations
 *		Mark the relations of a statement, on all its levels, with numbers from 1.
 */
void
mark_relations(Query *query)
{
	int			last = 0;

	(void) mark_walker((Node *) query, &last);
}

/* Take indexes away from those that the planner knows of. */
static void
hide_indexes(RelOptInfo *rel, List *hidden)
{
	ListCell   *lc;

	foreach(lc, rel->indexlist)
		if (list_member_oid(hidden, lfirst_node(IndexOptInfo, lc)->indexoid))
			rel->indexlist = foreach_delete_current(rel->indexlist, lc);
}

/* The catalogs have been read for a relation. */
static void
see_relation(PlannerInfo *root, RelOptInfo *rel)
{
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);

	if (relation_mark(rte) == 0)
		return;
	hide_indexes(rel, current->hidden);
	if (current->see_relation)
		current->see_relation(root, rel, rte, current->arg);
}

#if PG_VERSION_NUM >= 190000
/* build_simple_rel_hook */
static void
relation_hook(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte)
{
	if (previous_relation_hook)
		previous_relation_hook(root, rel, rte);
	if (current && rte->rtekind == RTE_RELATION)
		see_relation(root, rel);
}
#else
/* get_relation_info_hook */
static void
relation_hook(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel)
{
	if (previous_relation_hook)
		previous_relation_hook(root, relid, inhparent, rel);
	if (current)
		see_relation(root, rel);
}
#endif

/* set_rel_pathlist_hook */
static void
pathlist_hook(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	if (previous_pathlist_hook)
		previous_pathlist_hook(root, rel, rti, rte);
	if (current && current->see_paths && relation_mark(rte) > 0)
		current->see_paths(root, rel, rte, current->arg);
}

/*
 * plan_with
 *		The plan of a copy of a rewritten statement, with changed indexes.
 *
 * The relations get the numbers that mark_relations() gives them.  params as for
 * the planner: NULL gives a generic plan.
 */
PlannedStmt *
plan_with(PlanWith *with, Query *query, const char *query_string, ParamListInfo params)
{
	PlanWith   *previous = current;
	PlannedStmt *result;

	query = copyObject(query);
	/* whoever counts plans by the queryId shall not count this one */
	query->queryId = 0;
	mark_relations(query);
	current = with;
	PG_TRY();
	{
		result = compat_plan_query(query, query_string, CURSOR_OPT_PARALLEL_OK, params);
	}
	PG_FINALLY();
	{
		current = previous;
	}
	PG_END_TRY();
	return result;
}

/*
 * plan_with_init
 *		Install the hooks; called once, when the module is loaded.
 */
void
plan_with_init(void)
{
	previous_relation_hook = compat_relation_hook;
	compat_relation_hook = relation_hook;
	previous_pathlist_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = pathlist_hook;
}
