/*
 * least_cost.c
 *	  What a statement costs at least whose OR spans relations.
 *
 * Where that is known without planning the statement, and another form of it
 * costs less, the statement need not be planned as it is.
 *
 * Let the first zone of a join tree (join_tree.c) hold plain tables alone, and
 * no condition that leaves out rows of one of them before it is joined.  Then
 * one of these tables is read as a whole, whatever the plan: the one that the
 * others are joined to first.  A nested loop may read a table by an index
 * for each row of another, but that other one, or the next, is read without.
 * So the least of what reading one of them costs is less than the plan does.
 *
 * Conditions that leave out no row beforehand are comparisons of columns of two
 * tables of the zone, and ORs with no relation that all arms mention: of what
 * all mention, the planner makes a condition of its own, by which an outer join
 * may also become an inner one that begins on its other side.
 *
 * A table costs its pages and rows; or an index, if it has all columns that
 * are used and need not be looked up in the table, or if it is partial and has
 * fewer rows.  Workers may share the rows' part.  Where a LIMIT or max(id) may end the plan early, nothing
 * is known.
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/spccache.h"

#include "planner/join_tree.h"

/* A walker: the relations of this level that are mentioned outside of subqueries. */
static bool
mentioned_walker(Node *node, Bitmapset **relations)
{
	if (node == NULL || IsA(node, SubLink))
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		*relations = bms_add_member(*relations, ((Var *) node)->varno);
	return expression_tree_walker(node, mentioned_walker, relations);
}

static Bitmapset *
mentioned_in(Node *node)
{
	Bitmapset  *relations = NULL;

	(void) mentioned_walker(node, &relations);
	return relations;
}

/* Is this an OR of the query, also when it is simplified, with no relation that all arms mention? */
static bool
is_unbound_or(Query *query, Node *condition, ParamListInfo params)
{
	PlannerGlobal *glob = makeNode(PlannerGlobal);
	PlannerInfo *root = makeNode(PlannerInfo);
	BoolExpr   *expr;
	Bitmapset  *common = NULL;
	ListCell   *lc;

	glob->boundParams = params;
	root->glob = glob;
	/* simplifying looks its columns up, since 19 */
	root->parse = query;
	expr = (BoolExpr *) eval_const_expressions(root, (Node *) copyObject(condition));
	if (!IsA(expr, BoolExpr) || expr->boolop != OR_EXPR)
		return false;
	common = mentioned_in(linitial(expr->args));
	foreach(lc, expr->args)
		common = bms_int_members(common, mentioned_in(lfirst(lc)));
	return bms_is_empty(common);
}

/* Does a condition leave all rows of the zone's relations, until they are joined? */
static bool
leaves_all(Query *query, JoinZone *zone, Node *condition, ParamListInfo params)
{
	OpExpr	   *test = (OpExpr *) condition;

	if (IsA(condition, BoolExpr))
		return is_unbound_or(query, condition, params);
	if (!IsA(condition, OpExpr) || list_length(test->args) != 2)
		return false;
	for (int side = 0; side < 2; side++)
	{
		Var		   *var = list_nth(test->args, side);

		if (!IsA(var, Var) || var->varlevelsup > 0 || !bms_is_member(var->varno, zone->relations))
			return false;
	}
	return linitial_node(Var, test->args)->varno != lsecond_node(Var, test->args)->varno;
}

/* What reading pages and rows costs at least, if as many workers share the rows as may. */
static Cost
reading_cost(Relation rel, double tuples, Cost tuple_cost)
{
	double		random_cost;
	double		sequential_cost;

	get_tablespace_page_costs(rel->rd_rel->reltablespace, &random_cost, &sequential_cost);
	return RelationGetNumberOfBlocks(rel) * Min(random_cost, sequential_cost) +
		tuples * tuple_cost / (1 + max_parallel_workers_per_gather);
}

/* Does an index hold all these columns? */
static bool
covers(Relation index, Bitmapset *columns)
{
	Bitmapset  *held = NULL;

	for (int i = 0; i < index->rd_index->indnatts; i++)
		held = bms_add_member(held, index->rd_index->indkey.values[i] - FirstLowInvalidHeapAttributeNumber);
	return bms_is_subset(columns, held);
}

/* What reading all rows of a table costs at least. */
static Cost
scan_cost(Relation rel, Bitmapset *columns)
{
	double		rows = Max(rel->rd_rel->reltuples, 0);
	Cost		result = reading_cost(rel, rows, Min(cpu_tuple_cost, cpu_index_tuple_cost));
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		bool		partial = RelationGetIndexPredicate(index) != NIL;

		if (partial || (index->rd_indam->amgettuple && covers(index, columns)))
			result = Min(result, index->rd_rel->relam != BTREE_AM_OID ? 0 :
						 reading_cost(index, partial ? Max(index->rd_rel->reltuples, 0) : rows, cpu_index_tuple_cost));
		index_close(index, NoLock);
	}
	return result;
}

/* What reading all rows of a relation of the query costs at least. */
static Cost
relation_cost(JoinTree *tree, int relation)
{
	RangeTblEntry *rte = rt_fetch(relation, tree->query->rtable);
	ColumnUse	columns = {.query = tree->query, .relation = relation};
	Relation	rel;
	Cost		result;

	if (rte->rtekind != RTE_RELATION || rte->securityQuals || rte->tablesample ||
		(rte->relkind != RELKIND_RELATION && rte->relkind != RELKIND_MATVIEW) || (rte->inh && has_subclass(rte->relid)))
		return 0;
	(void) note_columns((Node *) tree->from, &columns);
	(void) note_columns((Node *) tree->query->targetList, &columns);
	rel = table_open(rte->relid, NoLock);
	result = scan_cost(rel, columns.used);
	table_close(rel, NoLock);
	return result;
}

/*
 * least_cost
 *		What the level's query costs at least, whose join tree this is; 0 if
 *		nothing is known.  Opens the tables, which the statement has locked, and
 *		their indexes, which are locked as planning does.
 */
Cost
least_cost(Level *level, JoinTree *tree)
{
	Query	   *query = level->query;
	JoinZone   *zone = linitial(tree->zones);
	Cost		result = -1;
	int			relation = -1;
	ListCell   *lc;

	/* a single table may give max(id) from an index's end */
	if (level->outer || query->commandType != CMD_SELECT || query->limitCount ||
		(query->hasAggs && bms_membership(tree->relations) != BMS_MULTIPLE))
		return 0;
	foreach(lc, zone->conditions)
		if (!leaves_all(query, zone, lfirst(lc), level->attempt->params))
			return 0;
	while ((relation = bms_next_member(zone->relations, relation)) >= 0)
	{
		Cost		cost = relation_cost(tree, relation);

		result = result < 0 ? cost : Min(result, cost);
	}
	return Max(result, 0);
}
