/*
 * why_not_look.c
 *	  A plan that takes an index, if there is any.
 *
 * The planner plans the statement, with one change: when it has collected the
 * ways to scan the table in question, those that do not use the index are
 * taken away.  All that decides whether the index can be used is the planner's
 * own: it has simplified the conditions, moved them to the table or kept them
 * above an outer join, and derived others from equalities; its prover has
 * compared the predicate with them.  Which conjuncts of the predicate fail is
 * asked of the planner, too: check_index_predicates() is called for indexes
 * that are copies of this one with a single conjunct each.
 *
 * The ways to use the index are made anew (create_index_paths), since the
 * planner has thrown away those that looked dearer than others; first with
 * this index alone, then beside the table's others, with which it may share an
 * OR.  A way that needs values of other tables does not suffice to plan every
 * join, so without any other the scans that were there stay, at a prohibitive
 * cost.
 */
#include "postgres.h"

#include "catalog/index.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/appendinfo.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/memutils.h"

#include "compat.h"
#include "indexes/plan_with.h"
#include "indexes/why_not.h"

/* What a scan costs that must not be taken; more than any table, less than infinite. */
#define PROHIBITIVE 1.0e12

/* What the hooks look for, and what they find. */
typedef struct Search
{
	int			mark;
	Oid			index;
	Oid			table;			/* of the index */
	MemoryContext context;		/* of what is found */
	Look	   *look;
} Search;

/* ----------
 * Finished plans
 * ----------
 */

typedef struct PlanSearch
{
	List	   *rtable;
	int			mark;
	Oid			index;
} PlanSearch;

/* Does a node scan the index for the relation? */
static bool
scans_index(Plan *plan, PlanSearch *search)
{
	Oid			index;

	switch (nodeTag(plan))
	{
		case T_IndexScan:
			index = ((IndexScan *) plan)->indexid;
			break;
		case T_IndexOnlyScan:
			index = ((IndexOnlyScan *) plan)->indexid;
			break;
		case T_BitmapIndexScan:
			index = ((BitmapIndexScan *) plan)->indexid;
			break;
		default:
			return false;
	}
	return index == search->index &&
		relation_mark(rt_fetch(((Scan *) plan)->scanrelid, search->rtable)) == search->mark;
}

static bool plan_scans(Plan *plan, PlanSearch *search);

static bool
any_scans(List *plans, PlanSearch *search)
{
	ListCell   *lc;

	foreach(lc, plans)
		if (plan_scans(lfirst(lc), search))
			return true;
	return false;
}

/* Does a plan scan the index for the relation somewhere? */
static bool
plan_scans(Plan *plan, PlanSearch *search)
{
	if (plan == NULL)
		return false;
	check_stack_depth();
	if (scans_index(plan, search) || plan_scans(outerPlan(plan), search) || plan_scans(innerPlan(plan), search))
		return true;
	switch (nodeTag(plan))
	{
		case T_Append:
			return any_scans(((Append *) plan)->appendplans, search);
		case T_MergeAppend:
			return any_scans(((MergeAppend *) plan)->mergeplans, search);
		case T_BitmapAnd:
			return any_scans(((BitmapAnd *) plan)->bitmapplans, search);
		case T_BitmapOr:
			return any_scans(((BitmapOr *) plan)->bitmapplans, search);
		case T_SubqueryScan:
			return plan_scans(((SubqueryScan *) plan)->subplan, search);
		case T_CustomScan:
			return any_scans(((CustomScan *) plan)->custom_plans, search);
		default:
			return false;
	}
}

/*
 * takes_index
 *		Does a plan made by plan_with() use the index where the statement reads
 *		the relation with this mark?
 */
bool
takes_index(PlannedStmt *plan, int mark, Oid index)
{
	PlanSearch	search = {plan->rtable, mark, index};

	return plan_scans(plan->planTree, &search) || any_scans(plan->subplans, &search);
}

/*
 * disabled_nodes_of
 *		How many nodes of a plan are disabled by settings.
 */
int
disabled_nodes_of(PlannedStmt *plan)
{
#if PG_VERSION_NUM >= 180000
	return plan->planTree->disabled_nodes;
#else
	/* what costs.c adds for each */
	return (int) (plan->planTree->total_cost / 1.0e10);
#endif
}

/* ----------
 * While it is planned
 * ----------
 */

/* Does a way to find rows use the index? */
static bool
path_takes(Path *path, Oid index)
{
	List	   *inputs = NIL;
	ListCell   *lc;

	switch (nodeTag(path))
	{
		case T_IndexPath:
			return ((IndexPath *) path)->indexinfo->indexoid == index;
		case T_BitmapHeapPath:
			return path_takes(((BitmapHeapPath *) path)->bitmapqual, index);
		case T_BitmapAndPath:
			inputs = ((BitmapAndPath *) path)->bitmapquals;
			break;
		case T_BitmapOrPath:
			inputs = ((BitmapOrPath *) path)->bitmapquals;
			break;
		default:
			break;
	}
	foreach(lc, inputs)
		if (path_takes(lfirst(lc), index))
			return true;
	return false;
}

/* Do conditions or an order fit the index's columns, or does it use the predicate alone? */
static bool
path_matches(Path *path)
{
	if (IsA(path, BitmapHeapPath))
		path = ((BitmapHeapPath *) path)->bitmapqual;
	return !IsA(path, IndexPath) || ((IndexPath *) path)->indexclauses != NIL || path->pathkeys != NIL;
}

static List *
paths_that_take(List *paths, Oid index)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, paths)
		if (path_takes(lfirst(lc), index))
			result = lappend(result, lfirst(lc));
	return result;
}

/* Make the relation's paths anew from some of its indexes, and keep those that use the one. */
static void
make_paths(PlannerInfo *root, RelOptInfo *rel, List *indexes, Oid index)
{
	List	   *all = rel->indexlist;

	rel->pathlist = NIL;
	rel->partial_pathlist = NIL;
	rel->indexlist = indexes;
	create_index_paths(root, rel);
	rel->indexlist = all;
	rel->pathlist = paths_that_take(rel->pathlist, index);
	rel->partial_pathlist = paths_that_take(rel->partial_pathlist, index);
}

/* Is there a path that needs no values of other tables but those that it always needs? */
static bool
stands_alone(RelOptInfo *rel, Path *path)
{
	return bms_is_subset(PATH_REQ_OUTER(path), rel->lateral_relids);
}

/* Leave only what uses the index. */
static void
favour(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index, Look *look)
{
	List	   *others = rel->pathlist;
	bool		alone = false;
	ListCell   *lc;

	make_paths(root, rel, list_make1(index), index->indexoid);
	if (rel->pathlist == NIL && list_length(rel->indexlist) > 1)
		make_paths(root, rel, rel->indexlist, index->indexoid);
	foreach(lc, rel->pathlist)
	{
		look->matched |= path_matches(lfirst(lc));
		alone |= stands_alone(rel, lfirst(lc));
	}
	if (alone)
		return;
	foreach(lc, others)
	{
		Path	   *path = lfirst(lc);

		if (!stands_alone(rel, path))
			continue;
		path->startup_cost += PROHIBITIVE;
		path->total_cost += PROHIBITIVE;
		compat_disable_path(path);
		rel->pathlist = lappend(rel->pathlist, path);
	}
}

/* The conjuncts of the predicate that do not follow from what the planner knows of the relation. */
static List *
unproved_conjuncts(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index)
{
	List	   *all = rel->indexlist;
	List	   *copies = NIL;
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, index->indpred)
	{
		IndexOptInfo *copy = makeNode(IndexOptInfo);

		memcpy(copy, index, sizeof(IndexOptInfo));
		copy->indpred = list_make1(lfirst(lc));
		copy->predOK = false;
		copies = lappend(copies, copy);
	}
	rel->indexlist = copies;
	check_index_predicates(root, rel);
	rel->indexlist = all;
	foreach(lc, copies)
		if (!lfirst_node(IndexOptInfo, lc)->predOK)
			result = lappend(result, linitial(lfirst_node(IndexOptInfo, lc)->indpred));
	return result;
}

/* A condition with the relation as number 1; the planner's marks of outer joins taken off. */
static Node *
as_first(PlannerInfo *root, RelOptInfo *rel, Node *clause)
{
	clause = copyObject(clause);
#if PG_VERSION_NUM >= 160000
	clause = remove_nulling_relids(clause, root->outer_join_rels, NULL);
#endif
	if (rel->relid != 1)
		ChangeVarNodes(clause, rel->relid, 1, 0);
	return clause;
}

/* Conditions on the relation alone, of those that the planner has. */
static List *
clauses_of(PlannerInfo *root, RelOptInfo *rel, List *restrictions, bool alone)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, restrictions)
	{
		Node	   *clause = (Node *) lfirst_node(RestrictInfo, lc)->clause;
		Relids		relids = pull_varnos(root, clause);

#if PG_VERSION_NUM >= 160000
		relids = bms_difference(relids, root->outer_join_rels);
#endif
		if (!alone || bms_equal(relids, rel->relids))
			result = lappend(result, as_first(root, rel, clause));
	}
	return result;
}

/* Take notes of what the planner knows of the index. */
static void
note_index(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index, Search *search)
{
	Look	   *look = search->look;
	List	   *unproved = unproved_conjuncts(root, rel, index);
	MemoryContext old;

	/* a relation may be planned more than once, in forms of one query: the best one counts */
	if (look->known && list_length(look->unproved) <= list_length(unproved) && !index->predOK)
		return;
	look->known = true;
	look->provable |= index->predOK || index->indpred == NIL;
	old = MemoryContextSwitchTo(search->context);
	look->unproved = (List *) as_first(root, rel, (Node *) unproved);
	look->clauses = clauses_of(root, rel, rel->baserestrictinfo, false);
	look->held = clauses_of(root, rel, rel->joininfo, true);
	MemoryContextSwitchTo(old);
}

/* Called when the ways to scan a relation have been collected. */
static void
see_paths(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte, void *arg)
{
	Search	   *search = arg;
	Look	   *look = search->look;
	ListCell   *lc;

	if (relation_mark(rte) != search->mark || rte->relid != search->table || rte->inh)
		return;
	look->read = true;
	look->empty = IS_DUMMY_REL(rel);
	look->sampled = rte->tablesample != NULL;
	foreach(lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, lc);

		if (index->indexoid != search->index)
			continue;
		note_index(root, rel, index, search);
		if (!look->empty && !look->sampled)
			favour(root, rel, index, look);
		return;
	}
}

/*
 * look_at
 *		Plan a statement so that it takes the index where it reads the relation with
 *		this mark, if it can.
 */
Look *
look_at(Statement *statement, Query *query, ParamListInfo params, int mark, Oid index)
{
	Look	   *look = palloc0(sizeof(Look));
	Search		search = {mark, index, IndexGetRelation(index, false), CurrentMemoryContext, look};
	PlanWith	with = {.see_paths = see_paths, .arg = &search};
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "pg_more why_not", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	PlannedStmt *plan = plan_with(&with, query, statement->text, params);

	MemoryContextSwitchTo(old);
	look->taken = takes_index(plan, mark, index);
	look->cost = plan->planTree->total_cost;
	look->disabled = disabled_nodes_of(plan);
	MemoryContextDelete(work);
	return look;
}
