/*
 * shared_scan.c
 *	  The plan node on top of scalar subqueries that share their results.
 *
 * A marked subquery (shared_subqueries.c) gets a node of our own over its plan.
 * Asked for the subquery's row, the node looks whether the row is known for the
 * values that the parameters have which the planner made of outer columns.  If
 * so it gives that, otherwise it runs the plan and keeps what it gives.  The
 * nodes of one mark whose parameters stand for the same columns keep their
 * results together, in the memory of the execution.
 *
 * What a plan depends on the server tells by its extParam, from which it knows
 * when to run it anew.  A node whose plan depends on more than those parameters
 * and the WITH queries of the statement keeps nothing: the planner may have put
 * columns from further out in the place of one of the outer query.
 *
 * Equal subqueries of one plan node, say its filter and its target list, are
 * asked one after the other for one row, and then the last result is all that
 * is kept, which takes next to no time; and not even that while one of them
 * alone is asked again and again.  Where they are in several nodes, there
 * may be a hash join or a sort between them; then results are kept in a hash
 * table, as far as work_mem goes.  It is given up where it does not help: if
 * every node was asked, and the last result did each time; or if it is full and
 * hardly anything was found in it.
 *
 * Each process of a parallel query has an execution, and results, of its own.
 */
#include "postgres.h"

#include "commands/explain.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/planner.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#endif

#include "compat.h"
#include "planner/shared.h"

/* What a mark's name begins with; no statement can choose the name of an entry without alias. */
#define MARK "pg_more shared: "

/* How large a table is at first. */
#define FIRST_SIZE 256

/* So often a node alone may be asked before its results are no longer kept. */
#define LONELY 64

/* If the last result did so often, it always does. */
#define MANY_REPEATS 64

/* A table that is full must have been good for one in so many of its results. */
#define FULL_SHARE 8

/* What a subquery gave for some values. */
typedef struct Outcome
{
	struct Outcome *next;		/* in the table */
	uint32		hash;			/* of the values */
	bool		empty;			/* it had no row */
	bool		isnull;
	Datum		value;
	Datum	   *keys;			/* the values, as many as the group has */
	bool	   *nulls;
} Outcome;

typedef struct SharedScan SharedScan;

/* What the nodes of one mark share in an execution. */
typedef struct Sharing
{
	const char *name;			/* tells which subquery it is, and what its values stand for */
	int			nkeys;
	int		   *params;			/* where the first node reads the values */
	int16	   *lengths;
	bool	   *by_value;
	bool		value_by_value;
	int16		value_length;

	MemoryContext results;
	Outcome   **table;			/* lists of results; NULL: only the last result is kept */
	uint32		size;			/* of the table, a power of two */
	Outcome	   *last;
	Outcome	   *only;			/* where the last one is, if all values are passed as such and there is no table */

	SharedScan *asking;			/* the node that was asked last, */
	uint64		alone;			/* and how often since another one was */
	PlanState  *parent;			/* the plan node that asks, */
	bool		scattered;		/* or are there several? */
	int			unasked;		/* nodes that have not been asked yet */
	uint64		repeats;		/* what the last result was good for */
	uint64		finds;			/* ... and the table beyond it, since it was made */
	uint64		kept;			/* results kept since then */
} Sharing;

/* The state of a node. */
struct SharedScan
{
	CustomScanState css;		/* must be first */
	PlanState  *child;
	Sharing	   *group;			/* NULL: the child's rows are passed on */
	int		   *params;			/* where this node reads the values */
	uint32		hash;			/* of the values at hand, if there is a table */
	bool		asked;			/* ever */
	bool		fresh;			/* has the child not been run since it was told to start anew? */
	bool		given;			/* the first row, or that there is none */
	bool		finished;		/* there is no other */
	Outcome	   *running;		/* what the child has given, until it is known to be all */
	uint64		computed;
	uint64		reused;
};

static create_upper_paths_hook_type previous_upper_paths = NULL;
static ExecutorStart_hook_type previous_start = NULL;

static Plan *plan_shared(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses,
						 List *plans);
static Node *create_shared(CustomScan *plan);
static void begin_shared(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *execute_shared(CustomScanState *node);
static void end_shared(CustomScanState *node);
static void rescan_shared(CustomScanState *node);
static void explain_shared(CustomScanState *node, List *ancestors, ExplainState *es);

static const CustomPathMethods path_methods = {
	.CustomName = "shared subquery",
	.PlanCustomPath = plan_shared
};

static const CustomScanMethods scan_methods = {
	.CustomName = "shared subquery",
	.CreateCustomScanState = create_shared
};

static const CustomExecMethods exec_methods = {
	.CustomName = "shared subquery",
	.BeginCustomScan = begin_shared,
	.ExecCustomScan = execute_shared,
	.EndCustomScan = end_shared,
	.ReScanCustomScan = rescan_shared,
	.ExplainCustomScan = explain_shared
};

/* ----------
 * Marks
 * ----------
 */

/* Is an entry a mark?  Returns what it says, or NULL. */
static const char *
read_mark(RangeTblEntry *rte)
{
	if (rte->rtekind == RTE_RESULT && rte->alias == NULL && rte->eref &&
		strncmp(rte->eref->aliasname, MARK, strlen(MARK)) == 0)
		return rte->eref->aliasname + strlen(MARK);
	return NULL;
}

/*
 * mark_shared
 *		Mark a subquery as one that shares its results with those that have the
 *		same number.
 */
void
mark_shared(Query *query, int number, bool correlated)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_RESULT;
	rte->eref = makeAlias(psprintf(MARK "%c%d", correlated ? 'c' : 'u', number), NIL);
	query->rtable = lappend(query->rtable, rte);
}

/* A walker */
static bool
unmark_walker(Node *node, void *context)
{
	Query	   *query = (Query *) node;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, unmark_walker, context);
	if (query->rtable && read_mark(llast(query->rtable)))
		query->rtable = list_delete_last(query->rtable);
	return query_tree_walker(query, unmark_walker, context, 0);
}

/*
 * unmark_shared
 *		Take all marks off a statement that was not planned, so that it can be
 *		shown.
 */
void
unmark_shared(Node *node)
{
	(void) unmark_walker(node, NULL);
}

/* ----------
 * Planning
 * ----------
 */

/* The mark of the query that is being planned, or NULL. */
static const char *
find_mark(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		const char *mark = read_mark(lfirst_node(RangeTblEntry, lc));

		if (mark)
			return mark;
	}
	return NULL;
}

/* Which column of the outer query a parameter stands for, as text; NULL if it is none. */
static char *
column_name(Node *item)
{
	Var		   *var = (Var *) item;

	if (IsA(item, PlaceHolderVar))
		return psprintf("p%u", ((PlaceHolderVar *) item)->phid);
	if (!IsA(item, Var))
		return NULL;
#if PG_VERSION_NUM >= 180000
	if (var->varreturningtype != VAR_RETURNING_DEFAULT)
		return NULL;
#endif
#if PG_VERSION_NUM >= 160000
	return psprintf("%d.%d%s", var->varno, var->varattno, bmsToString(var->varnullingrels));
#else
	return psprintf("%d.%d", var->varno, var->varattno);
#endif
}

/* The parameters by which plans wait for the statement's own WITH queries. */
static List *
cte_params(PlannerInfo *root)
{
	List	   *result = NIL;
	ListCell   *lc;

	while (root->parent_root)
		root = root->parent_root;
	foreach(lc, root->init_plans)
	{
		SubPlan    *plan = lfirst_node(SubPlan, lc);

		if (plan->subLinkType == CTE_SUBLINK)
			result = list_concat(result, plan->setParam);
	}
	return result;
}

/*
 * What a node needs to know, as its plan's custom_private: the group's name,
 * the parameters with their types, and what else it may depend on.  While the subquery is being planned, the
 * parameters that it takes from the query around it are all that this has got.
 * NIL if it cannot be shared.
 */
static List *
describe(PlannerInfo *root, const char *mark)
{
	StringInfoData name;
	List	   *params = NIL;
	List	   *types = NIL;
	ListCell   *lc;

	initStringInfo(&name);
	appendStringInfoString(&name, mark);
	if (*mark == 'c')
	{
		/* columns are the same ones only in the same query */
		appendStringInfo(&name, " %p", root->parent_root);
		foreach(lc, root->parent_root->plan_params)
		{
			PlannerParamItem *item = lfirst(lc);
			char	   *column = column_name(item->item);

			if (column == NULL)
				return NIL;
			appendStringInfo(&name, " %s", column);
			params = lappend_int(params, item->paramId);
			types = lappend_oid(types, exprType(item->item));
		}
	}
	return list_make4(makeString(name.data), params, types, cte_params(root));
}

/* create_upper_paths_hook: at the top of a marked subquery, put a node of ours over each way to compute it. */
static void
share_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input, RelOptInfo *output, void *extra)
{
	const char *mark;
	List	   *description;
	ListCell   *lc;

	if (previous_upper_paths)
		previous_upper_paths(root, stage, input, output, extra);
	if (stage != UPPERREL_FINAL || root->parent_root == NULL || (mark = find_mark(root->parse)) == NULL)
		return;
	description = describe(root, mark);
	if (description == NIL)
		return;
	foreach(lc, output->pathlist)
	{
		Path	   *path = lfirst(lc);
		CustomPath *shared = makeNode(CustomPath);

		shared->path = *path;
		shared->path.type = T_CustomPath;
		shared->path.pathtype = T_CustomScan;
		shared->path.parallel_aware = false;
		shared->custom_paths = list_make1(path);
		shared->custom_private = description;
		shared->methods = &path_methods;
		lfirst(lc) = shared;
	}
}

/* PlanCustomPath */
static Plan *
plan_shared(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses, List *plans)
{
	CustomScan *scan = makeNode(CustomScan);
	List	   *params = lsecond(path->custom_private);
	List	   *types = lthird(path->custom_private);
	ListCell   *param;
	ListCell   *type;

	scan->scan.plan.targetlist = tlist;
	scan->custom_plans = plans;
	scan->custom_scan_tlist = copyObject(((Plan *) linitial(plans))->targetlist);
	scan->custom_private = path->custom_private;
	scan->methods = &scan_methods;
	/* so that the server knows what it depends on */
	forboth(param, params, type, types)
	{
		Param	   *expr = makeNode(Param);

		expr->paramkind = PARAM_EXEC;
		expr->paramid = lfirst_int(param);
		expr->paramtype = lfirst_oid(type);
		expr->paramtypmod = -1;
		expr->paramcollid = get_typcollation(expr->paramtype);
		expr->location = -1;
		scan->custom_exprs = lappend(scan->custom_exprs, expr);
	}
	return &scan->scan.plan;
}

/* ----------
 * Results
 * ----------
 */

/* The parameter that a value is read from. */
static inline ParamExecData *
get_param(SharedScan *scan, int key)
{
	return &scan->css.ss.ps.state->es_param_exec_vals[scan->params[key]];
}

/* Are the values at hand those of a result? */
static bool
has_keys(SharedScan *scan, Outcome *result)
{
	Sharing	   *group = scan->group;

	for (int i = 0; i < group->nkeys; i++)
	{
		ParamExecData *param = get_param(scan, i);

		if (param->isnull != result->nulls[i])
			return false;
		if (!param->isnull && !datumIsEqual(param->value, result->keys[i], group->by_value[i], group->lengths[i]))
			return false;
	}
	return true;
}

/* A hash of the bytes of the values at hand. */
static uint32
hash_keys(SharedScan *scan)
{
	Sharing	   *group = scan->group;
	uint32		hash = 0;

	for (int i = 0; i < group->nkeys; i++)
	{
		ParamExecData *param = get_param(scan, i);
		uint32		value = 0;

		if (!param->isnull && group->by_value[i])
			value = murmurhash32((uint32) param->value ^ (uint32) ((uint64) param->value >> 32));
		else if (!param->isnull)
			value = hash_bytes((unsigned char *) DatumGetPointer(param->value),
							   datumGetSize(param->value, false, group->lengths[i]));
		hash = hash_combine(hash, value);
	}
	return hash;
}

/* Find the result for the values at hand. */
static Outcome *
find_result(SharedScan *scan)
{
	Sharing	   *group = scan->group;
	Outcome	   *result;

	if (group->last && has_keys(scan, group->last))
	{
		group->repeats++;
		return group->last;
	}
	if (group->table == NULL)
		return NULL;
	scan->hash = hash_keys(scan);
	for (result = group->table[scan->hash & (group->size - 1)]; result; result = result->next)
		if (result->hash == scan->hash && has_keys(scan, result))
		{
			group->finds++;
			return group->last = result;
		}
	return NULL;
}

/* Make the table twice as large. */
static void
grow_table(Sharing *group)
{
	uint32		size = group->size * 2;
	Outcome   **table = MemoryContextAllocZero(group->results, size * sizeof(Outcome *));

	for (uint32 i = 0; i < group->size; i++)
	{
		Outcome    *next;

		for (Outcome *result = group->table[i]; result; result = next)
		{
			next = result->next;
			result->next = table[result->hash & (size - 1)];
			table[result->hash & (size - 1)] = result;
		}
	}
	pfree(group->table);
	group->table = table;
	group->size = size;
}

/* Forget all results. */
static void
forget_results(Sharing *group, bool with_table)
{
	group->last = NULL;
	group->kept = group->finds = group->repeats = 0;
	MemoryContextReset(group->results);
	group->table = NULL;
	group->size = FIRST_SIZE;
	if (with_table)
		group->table = MemoryContextAllocZero(group->results, group->size * sizeof(Outcome *));
}

/* An empty result, with room for the values. */
static Outcome *
alloc_result(int nkeys)
{
	Outcome	   *result = palloc0(sizeof(Outcome) + nkeys * (sizeof(Datum) + sizeof(bool)));

	result->keys = (Datum *) (result + 1);
	result->nulls = (bool *) (result->keys + nkeys);
	return result;
}

/* Before a result is made: make room, and see whether the table is any good. */
static void
make_room(Sharing *group)
{
	if (group->table == NULL && group->only)
		group->last = NULL;
	else if (group->table == NULL)
		forget_results(group, false);
	else if (group->unasked == 0 && group->repeats >= MANY_REPEATS && group->finds == 0)
		forget_results(group, false);
	else if (MemoryContextMemAllocated(group->results, false) > (Size) work_mem * 1024)
		forget_results(group, group->finds >= group->kept / FULL_SHARE);
}

/* Is a value one that a copy of is too much? */
static bool
is_too_large(Datum value, bool isnull, bool by_value, int16 length)
{
	return !isnull && !by_value && datumGetSize(value, false, length) > (Size) work_mem * 1024;
}

/* Can the row that the child gives, and the values at hand, be kept? */
static bool
can_keep(SharedScan *scan, TupleTableSlot *slot)
{
	Sharing	   *group = scan->group;
	bool		isnull = true;
	Datum		value = slot ? slot_getattr(slot, 1, &isnull) : 0;

	if (is_too_large(value, isnull, group->value_by_value, group->value_length))
		return false;
	for (int i = 0; i < group->nkeys; i++)
	{
		ParamExecData *param = get_param(scan, i);

		if (is_too_large(param->value, param->isnull, group->by_value[i], group->lengths[i]))
			return false;
	}
	return true;
}

/*
 * A result for the values at hand, from the row that the child gives, or none.
 * NULL if it is not to be kept.
 */
static Outcome *
make_result(SharedScan *scan, TupleTableSlot *slot)
{
	Sharing	   *group = scan->group;
	MemoryContext old;
	Outcome	   *result;

	if ((group->table == NULL && group->alone > LONELY) || !can_keep(scan, slot))
		return NULL;
	make_room(group);
	old = MemoryContextSwitchTo(group->results);
	result = group->only && group->table == NULL ? group->only : alloc_result(group->nkeys);
	for (int i = 0; i < group->nkeys; i++)
	{
		ParamExecData *param = get_param(scan, i);

		result->nulls[i] = param->isnull;
		if (!param->isnull)
			result->keys[i] = datumCopy(param->value, group->by_value[i], group->lengths[i]);
	}
	result->hash = scan->hash;
	result->empty = slot == NULL;
	result->isnull = true;
	if (slot)
	{
		Datum		value = slot_getattr(slot, 1, &result->isnull);

		if (!result->isnull)
			result->value = datumCopy(value, group->value_by_value, group->value_length);
	}
	MemoryContextSwitchTo(old);
	return result;
}

/* From now on it is known. */
static void
keep_result(Sharing *group, Outcome *result)
{
	uint32		place;

	group->last = result;
	group->kept++;
	if (group->table == NULL)
		return;
	if (group->kept > group->size)
		grow_table(group);
	place = result->hash & (group->size - 1);
	result->next = group->table[place];
	group->table[place] = result;
}

/* ----------
 * Running
 * ----------
 */

/* CreateCustomScanState */
static Node *
create_shared(CustomScan *plan)
{
	SharedScan *scan = palloc0(sizeof(SharedScan));

	NodeSetTag(scan, T_CustomScanState);
	scan->css.methods = &exec_methods;
	return (Node *) scan;
}

/* The group of a name, if a node of it was begun in this execution. */
static Sharing *
find_group(EState *estate, const char *name)
{
	ListCell   *lc;

	/* a subquery's plan has the node at its top */
	foreach(lc, estate->es_subplanstates)
	{
		SharedScan *other = lfirst(lc);

		if (other && IsA(other, CustomScanState) && other->css.methods == &exec_methods &&
			other->group && strcmp(other->group->name, name) == 0)
			return other->group;
	}
	return NULL;
}

static Sharing *
make_group(const char *name, List *types, Oid type)
{
	Sharing	   *group = palloc0(sizeof(Sharing));
	int			i = 0;
	ListCell   *lc;

	group->name = name;
	group->nkeys = list_length(types);
	group->lengths = palloc(sizeof(int16) * (group->nkeys + 1));
	group->by_value = palloc(sizeof(bool) * (group->nkeys + 1));
	foreach(lc, types)
	{
		get_typlenbyval(lfirst_oid(lc), &group->lengths[i], &group->by_value[i]);
		i++;
	}
	get_typlenbyval(type, &group->value_length, &group->value_by_value);
	group->only = group->value_by_value ? alloc_result(group->nkeys) : NULL;
	for (i = 0; i < group->nkeys; i++)
		if (!group->by_value[i])
			group->only = NULL;
	group->results = AllocSetContextCreate(CurrentMemoryContext, "pg_more shared subquery", ALLOCSET_DEFAULT_SIZES);
	forget_results(group, false);
	return group;
}

/* Does a plan depend on nothing but the values that it is shared by, and WITH queries? */
static bool
is_determined(CustomScan *plan)
{
	Bitmapset  *known = NULL;
	bool		result;
	ListCell   *lc;

	foreach(lc, lsecond(plan->custom_private))
		known = bms_add_member(known, lfirst_int(lc));
	foreach(lc, lfourth(plan->custom_private))
		known = bms_add_member(known, lfirst_int(lc));
	result = bms_is_subset(plan->scan.plan.extParam, known);
	bms_free(known);
	return result;
}

/* BeginCustomScan */
static void
begin_shared(CustomScanState *node, EState *estate, int eflags)
{
	SharedScan *scan = (SharedScan *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	const char *name = strVal(linitial(plan->custom_private));
	List	   *params = lsecond(plan->custom_private);
	TargetEntry *target = linitial(plan->scan.plan.targetlist);
	int			i = 0;
	ListCell   *lc;

	scan->child = ExecInitNode(linitial(plan->custom_plans), estate, eflags);
	node->custom_ps = list_make1(scan->child);
	scan->fresh = true;
	if (!is_determined(plan))
		return;
	scan->params = palloc(sizeof(int) * (list_length(params) + 1));
	foreach(lc, params)
		scan->params[i++] = lfirst_int(lc);
	scan->group = find_group(estate, name);
	if (scan->group == NULL)
		scan->group = make_group(name, lthird(plan->custom_private), exprType((Node *) target->expr));
	scan->group->unasked++;
}

/* The row of a result, in the node's slot. */
static TupleTableSlot *
give_result(SharedScan *scan, Outcome *result)
{
	TupleTableSlot *slot = ExecClearTuple(scan->css.ss.ps.ps_ResultTupleSlot);

	if (result->empty)
		return slot;
	/* columns that the subquery is sorted by are not looked at */
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	slot->tts_isnull[0] = result->isnull;
	slot->tts_values[0] = result->value;
	return ExecStoreVirtualTuple(slot);
}

/* Run the plan itself, and keep what it gives. */
static TupleTableSlot *
compute(SharedScan *scan)
{
	TupleTableSlot *slot;

	/* if parameters have changed, it starts anew by itself */
	if (!scan->fresh && scan->child->chgParam == NULL)
		ExecReScan(scan->child);
	scan->fresh = false;
	scan->computed++;
	slot = ExecProcNode(scan->child);
	if (!TupIsNull(slot))
	{
		scan->running = make_result(scan, slot);
		return scan->running ? give_result(scan, scan->running) : slot;
	}
	scan->finished = true;
	scan->running = make_result(scan, NULL);
	if (scan->running)
		keep_result(scan->group, scan->running);
	return NULL;
}

/* ExecCustomScan */
static TupleTableSlot *
execute_shared(CustomScanState *node)
{
	SharedScan *scan = (SharedScan *) node;
	Sharing	   *group = scan->group;
	Outcome	   *result;

	if (group == NULL)
	{
		scan->fresh = false;
		return ExecProcNode(scan->child);
	}
	if (scan->given)
	{
		TupleTableSlot *slot;

		if (scan->finished)
			return NULL;
		/* a second row is an error, which is not ours to raise */
		slot = ExecProcNode(scan->child);
		if (!TupIsNull(slot))
			return slot;
		if (scan->running)
			keep_result(group, scan->running);
		scan->finished = true;
		return NULL;
	}
	if (!scan->asked)
	{
		scan->asked = true;
		group->unasked--;
	}
	if (group->asking != scan)
		group->alone = 0;
	group->asking = scan;
	group->alone++;
	scan->given = true;
	result = find_result(scan);
	if (result == NULL)
		return compute(scan);
	scan->reused++;
	scan->finished = true;
	return give_result(scan, result);
}

/* EndCustomScan: results go with the memory of the execution. */
static void
end_shared(CustomScanState *node)
{
	ExecEndNode(((SharedScan *) node)->child);
}

/* ReScanCustomScan: the subquery is asked again, maybe with other values. */
static void
rescan_shared(CustomScanState *node)
{
	SharedScan *scan = (SharedScan *) node;

	if (node->ss.ps.chgParam)
		UpdateChangedParamSet(scan->child, node->ss.ps.chgParam);
	scan->given = scan->finished = false;
	scan->running = NULL;
	if (scan->group == NULL && !scan->fresh && scan->child->chgParam == NULL)
		ExecReScan(scan->child);
}

/* ExplainCustomScan */
static void
explain_shared(CustomScanState *node, List *ancestors, ExplainState *es)
{
	SharedScan *scan = (SharedScan *) node;

	if (!es->analyze || scan->group == NULL)
		return;
	ExplainPropertyUInteger("Computed", NULL, scan->computed, es);
	ExplainPropertyUInteger("Reused", NULL, scan->reused, es);
}

/* The node, if a plan is one that shares its results. */
static SharedScan *
as_shared(PlanState *plan)
{
	SharedScan *scan = (SharedScan *) plan;

	return plan && IsA(plan, CustomScanState) && scan->css.methods == &exec_methods && scan->group ? scan : NULL;
}

/* A walker: which plan nodes ask the subqueries of each group? */
static bool
find_parents(PlanState *plan, void *context)
{
	ListCell   *lc;

	foreach(lc, plan->subPlan)
	{
		SharedScan *scan = as_shared(((SubPlanState *) lfirst(lc))->planstate);

		if (scan == NULL)
			continue;
		if (scan->group->parent && scan->group->parent != plan)
			scan->group->scattered = true;
		scan->group->parent = plan;
	}
	return planstate_tree_walker(plan, find_parents, context);
}

/* ExecutorStart_hook: give tables to groups that several plan nodes ask. */
static void
start_shared(QueryDesc *desc, int eflags)
{
	bool		found = false;
	ListCell   *lc;

	if (previous_start)
		previous_start(desc, eflags);
	else
		standard_ExecutorStart(desc, eflags);
	foreach(lc, desc->estate->es_subplanstates)
		found |= as_shared(lfirst(lc)) != NULL;
	if (!found)
		return;
	(void) find_parents(desc->planstate, NULL);
	foreach(lc, desc->estate->es_subplanstates)
	{
		SharedScan *scan = as_shared(lfirst(lc));

		if (scan && scan->group->scattered && scan->group->nkeys > 0 && scan->group->table == NULL)
			forget_results(scan->group, true);
	}
}

/*
 * shared_scan_init
 *		Install the hooks, and tell the server of the node.
 */
void
shared_scan_init(void)
{
	previous_upper_paths = create_upper_paths_hook;
	create_upper_paths_hook = share_paths;
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = start_shared;
	RegisterCustomScanMethods(&scan_methods);
}
