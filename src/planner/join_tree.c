/*
 * join_tree.c
 *	  Parts of a query's join tree that hold all that the whole can give.
 *
 * Let a row of a join be looked at only as far as some of its relations go.
 * The join of just these relations holds what is seen, if
 *	- an inner join's side that has none of them is left out, with the conditions
 *	  that mention it: fewer conditions leave more rows;
 *	- an outer join's nullable side that has none of them is left out: that never
 *	  removes a row of the other side;
 *	- of an outer join whose nullable side has one of them, the whole of that
 *	  side stays, and all that the join's condition mentions: whether a row is
 *	  matched or gets NULLs is then decided by the same rows as in the whole.
 *	  Within such a side no condition is left out.  What is joined to it by outer
 *	  joins of its own may go, unless a condition mentions it.
 * FULL JOINs are not taken apart.
 *
 * The relations that become NULL together are a zone.  Those that no outer join
 * makes NULL are the first zone; the conditions of its inner joins and of WHERE
 * are all one.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "planner/join_tree.h"
#include "planner/lookup.h"

/*
 * relations_in
 *		The relations of the tree that an expression mentions, also in its
 *		subqueries.
 */
Bitmapset *
relations_in(JoinTree *tree, Node *expression)
{
	/* from 16 on, the outer joins that may make a column NULL are told as well */
	return bms_int_members(pull_varnos(NULL, expression), tree->relations);
}

/* What a join's column, or a whole row of it, stands for. */
static void
note_joined(Var *var, RangeTblEntry *join, ColumnUse *use)
{
	int			depth = use->depth;

	use->depth = 0;
	if (var->varattno > 0)
		(void) note_columns(list_nth(join->joinaliasvars, var->varattno - 1), use);
	else
		(void) note_columns((Node *) join->joinaliasvars, use);
	use->depth = depth;
}

/*
 * note_columns
 *		A walker over parts of a query: add the relation's columns that they
 *		mention, also in their subqueries and by a join's name, to use->used, in
 *		the current memory context.
 */
bool
note_columns(Node *node, ColumnUse *use)
{
	Var		   *var = (Var *) node;
	bool		result;

	if (node == NULL)
		return false;
	if (IsA(node, Var) && var->varlevelsup == use->depth)
	{
		RangeTblEntry *rte = rt_fetch(var->varno, use->query->rtable);

		check_stack_depth();
		if (var->varno == use->relation)
			use->used = bms_add_member(use->used, var->varattno - FirstLowInvalidHeapAttributeNumber);
		else if (rte->rtekind == RTE_JOIN)
			note_joined(var, rte, use);
	}
	if (!IsA(node, Query))
		return expression_tree_walker(node, note_columns, use);
	use->depth++;
	result = query_tree_walker((Query *) node, note_columns, use, 0);
	use->depth--;
	return result;
}

/* Note the relations and conditions below a node of the tree, which is in this zone. */
static void
scan_tree(JoinTree *tree, Node *node, JoinZone *zone)
{
	JoinExpr   *join = (JoinExpr *) node;
	JoinZone   *nullable;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
	{
		int			index = ((RangeTblRef *) node)->rtindex;

		tree->relations = bms_add_member(tree->relations, index);
		zone->relations = bms_add_member(zone->relations, index);
		return;
	}
	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;
		ListCell   *lc;

		if (from != tree->from)
			tree->problem = "its FROM is not as the parser makes it";
		foreach(lc, from->fromlist)
			scan_tree(tree, lfirst(lc), zone);
		zone->conditions = list_concat(zone->conditions, make_ands_implicit((Expr *) from->quals));
		return;
	}
	if (join->jointype == JOIN_INNER)
	{
		scan_tree(tree, join->larg, zone);
		scan_tree(tree, join->rarg, zone);
		zone->conditions = list_concat(zone->conditions, make_ands_implicit((Expr *) join->quals));
		return;
	}
	if (join->jointype != JOIN_LEFT && join->jointype != JOIN_RIGHT)
	{
		tree->problem = "there is a FULL JOIN";
		return;
	}
	nullable = palloc0(sizeof(JoinZone));
	nullable->conditions = list_copy(make_ands_implicit((Expr *) join->quals));
	nullable->parent = zone;
	tree->zones = lappend(tree->zones, nullable);
	scan_tree(tree, join->larg, join->jointype == JOIN_LEFT ? zone : nullable);
	scan_tree(tree, join->rarg, join->jointype == JOIN_LEFT ? nullable : zone);
}

/*
 * forget_joins
 *		A walker: name the columns of a query level by the relations that they
 *		are of, not by the joins they were read from.  *depth is 0.
 */
bool
forget_joins(Node *node, int *depth)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varlevelsup == *depth)
		{
			var->varnosyn = var->varno;
			var->varattnosyn = var->varattno;
		}
		return false;
	}
	if (IsA(node, Query))
	{
		(*depth)++;
		query_tree_walker((Query *) node, forget_joins, depth, 0);
		(*depth)--;
		return false;
	}
	return expression_tree_walker(node, forget_joins, depth);
}

/* A walker's state */
typedef struct WholeRows
{
	Query	   *query;
	int			depth;			/* levels below the query */
} WholeRows;

/* A walker: is there the whole row of a join that an outer join may make NULL? */
static bool
has_nulled_row(Node *node, WholeRows *rows)
{
	Var		   *var = (Var *) node;
	bool		result;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return var->varlevelsup == rows->depth && var->varattno == 0 && compat_may_be_nulled(var) &&
			rt_fetch(var->varno, rows->query->rtable)->rtekind == RTE_JOIN;
	if (!IsA(node, Query))
		return expression_tree_walker(node, has_nulled_row, rows);
	rows->depth++;
	result = query_tree_walker((Query *) node, has_nulled_row, rows, QTW_IGNORE_JOINALIASES);
	rows->depth--;
	return result;
}

/*
 * without_join_aliases
 *		A copy of an expression of the query, its columns named by the relations
 *		that they are of.  NULL if it has the whole row of a join that an outer
 *		join may make NULL: from 16 on only the planner can say what that is.
 */
Node *
without_join_aliases(Query *query, Node *node)
{
	WholeRows	rows = {.query = query};

	return has_nulled_row(node, &rows) ? NULL : compat_flatten_join_aliases(query, copyObject(node));
}

/*
 * take_apart
 *		Take the join tree of a query apart.  The query is not changed.  Look at
 *		problem before anything else.  Memory: the current context.
 */
JoinTree *
take_apart(Query *query)
{
	JoinTree   *tree = palloc0(sizeof(JoinTree));
	JoinZone   *zone = palloc0(sizeof(JoinZone));
	int			depth = 0;
	ListCell   *lc;

	tree->query = query;
	tree->from = (FromExpr *) without_join_aliases(query, (Node *) query->jointree);
	if (tree->from == NULL)
	{
		tree->from = copyObject(query->jointree);
		tree->problem = "a condition uses the whole row of an outer join's side that is a join";
	}
	(void) forget_joins((Node *) tree->from, &depth);
	tree->zones = list_make1(zone);
	scan_tree(tree, (Node *) tree->from, zone);
	foreach(lc, tree->zones)
	{
		zone = lfirst(lc);
		zone->needs = relations_in(tree, (Node *) zone->conditions);
	}
	return tree;
}

/*
 * needed_relations
 *		The relations that must stay for those wanted to be seen as in the whole.
 */
Bitmapset *
needed_relations(JoinTree *tree, Bitmapset *wanted)
{
	Bitmapset  *result = bms_copy(wanted);
	bool		grown;

	do
	{
		grown = false;
		for (int i = 1; i < list_length(tree->zones); i++)
		{
			JoinZone   *zone = list_nth(tree->zones, i);

			if (!bms_overlap(zone->relations, result) ||
				(bms_is_subset(zone->relations, result) && bms_is_subset(zone->needs, result)))
				continue;
			result = bms_add_members(result, zone->relations);
			result = bms_add_members(result, zone->needs);
			grown = true;
		}
	} while (grown);
	return result;
}

/* The columns of a relation or join, dropped ones with an empty name and NULL. */
static void
all_columns(Query *query, int index, List **names, List **columns, List **numbers)
{
	int			number = 0;
	ListCell   *lc;

	compat_expand_rte(rt_fetch(index, query->rtable), index, names, columns);
	foreach(lc, *columns)
	{
		*numbers = lappend_int(*numbers, ++number);
		if (!IsA(lfirst(lc), Var))
			lfirst(lc) = NULL;
	}
}

/* The index into the range table of what is at a node of the tree. */
static int
index_of(Node *node)
{
	return IsA(node, RangeTblRef) ? ((RangeTblRef *) node)->rtindex : castNode(JoinExpr, node)->rtindex;
}

/* An entry of the range table for the join of two nodes of the join tree, with all columns of both. */
static RangeTblEntry *
join_entry(Query *query, Node *left, Node *right, JoinType type)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	List	   *left_names = NIL;
	List	   *right_names = NIL;
	List	   *left_columns = NIL;
	List	   *right_columns = NIL;

	all_columns(query, index_of(left), &left_names, &left_columns, &rte->joinleftcols);
	all_columns(query, index_of(right), &right_names, &right_columns, &rte->joinrightcols);
	rte->rtekind = RTE_JOIN;
	rte->jointype = type;
	rte->joinaliasvars = list_concat(left_columns, right_columns);
	rte->eref = makeAlias("unnamed_join", list_concat(left_names, right_names));
	rte->inFromCl = true;
	return rte;
}

/*
 * The part of a node that has relations to be kept, or NULL; joins enter the
 * range table of result.  Fails if an outer join would lose just the side that
 * it keeps: what it makes NULL is seen so only beside that side.
 */
static Node *
reduce(Node *node, Bitmapset *keep, bool nullable, Query *result, bool *failed)
{
	JoinExpr   *join = (JoinExpr *) node;
	JoinExpr   *reduced;
	Node	   *left;
	Node	   *right;

	if (IsA(node, RangeTblRef))
		return bms_is_member(((RangeTblRef *) node)->rtindex, keep) ? copyObject(node) : NULL;
	left = reduce(join->larg, keep, nullable || join->jointype == JOIN_RIGHT, result, failed);
	right = reduce(join->rarg, keep, nullable || join->jointype == JOIN_LEFT, result, failed);
	*failed |= (join->jointype == JOIN_LEFT && left == NULL && right != NULL) ||
		(join->jointype == JOIN_RIGHT && right == NULL && left != NULL);
	if (left == NULL || right == NULL)
		return left ? left : right;
	reduced = makeNode(JoinExpr);
	reduced->jointype = join->jointype;
	reduced->larg = left;
	reduced->rarg = right;
	/* the conditions of the first zone are all put into WHERE */
	if (nullable || join->jointype != JOIN_INNER)
		reduced->quals = copyObject(join->quals);
	reduced->rtindex = join->rtindex;
	lfirst(list_nth_cell(result->rtable, join->rtindex - 1)) = join_entry(result, left, right, join->jointype);
	return (Node *) reduced;
}

/*
 * empty_entry
 *		An entry of the range table that holds an index and is nothing else.
 */
RangeTblEntry *
empty_entry(void)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_RESULT;
	rte->eref = makeAlias("unused", NIL);
	return rte;
}

/*
 * reduced_query
 *		A SELECT, without a target list, over relations that needed_relations()
 *		gave, under these conditions.  Relations have the indexes that they have
 *		in the query.  NULL if an outer join would lose the side that it keeps.
 */
Query *
reduced_query(JoinTree *tree, Bitmapset *keep, List *conditions)
{
	Query	   *result = makeNode(Query);
	List	   *fromlist = NIL;
	int			index = 0;
	bool		failed = false;
	ListCell   *lc;

	result->commandType = CMD_SELECT;
	result->canSetTag = true;
	result->stmt_location = -1;
	result->hasRowSecurity = tree->query->hasRowSecurity;
	result->hasSubLinks = tree->query->hasSubLinks;
	foreach(lc, tree->query->rtable)
		result->rtable = lappend(result->rtable,
								 bms_is_member(++index, keep) ? copyObject(lfirst(lc)) : empty_entry());
#if PG_VERSION_NUM >= 160000
	result->rteperminfos = copyObject(tree->query->rteperminfos);
#endif
	foreach(lc, tree->from->fromlist)
	{
		Node	   *node = reduce(lfirst(lc), keep, false, result, &failed);

		if (node)
			fromlist = lappend(fromlist, node);
	}
	result->jointree = makeFromExpr(fromlist, (Node *) make_ands_explicit(copyObject(conditions)));
	return failed ? NULL : result;
}

/* Does a condition equate a column with something that is known, as an index compares it? */
static bool
equates(JoinTree *tree, OpExpr *condition, int relation, Relation index, int column, Bitmapset *known)
{
	if (!IsA(condition, OpExpr) || list_length(condition->args) != 2 ||
		get_op_opfamily_strategy(condition->opno, index->rd_opfamily[column]) != BTEqualStrategyNumber ||
		(OidIsValid(index->rd_indcollation[column]) && condition->inputcollid != index->rd_indcollation[column]))
		return false;
	for (int side = 0; side < 2; side++)
	{
		AttrNumber	attnum;

		if (column_relation(tree->query, list_nth(condition->args, side), &attnum) == relation &&
			attnum == index->rd_index->indkey.values[column] &&
			bms_is_subset(relations_in(tree, list_nth(condition->args, 1 - side)), known))
			return true;
	}
	return false;
}

/* Is there at most one row in a unique index for what the conditions and the known relations give? */
static bool
index_determines(JoinTree *tree, int relation, Relation index, Bitmapset *known, List *conditions)
{
	Form_pg_index form = index->rd_index;

	/* the others may count anything as equal: a temporal key's periods overlap */
	if (index->rd_rel->relam != BTREE_AM_OID)
		return false;
	/* a snapshot that is older than the index may see what it never held */
	if (form->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin))
		return false;
	if (!form->indisunique || !form->indimmediate || !form->indisvalid || !form->indisready ||
		RelationGetIndexPredicate(index) != NIL || RelationGetIndexExpressions(index) != NIL)
		return false;
	for (int column = 0; column < form->indnkeyatts; column++)
	{
		bool		found = false;
		ListCell   *lc;

		foreach(lc, conditions)
			found |= equates(tree, lfirst(lc), relation, index, column, known);
		if (!found)
			return false;
	}
	return true;
}

/* Has a relation at most one row that the conditions allow beside a row of each known relation? */
static bool
relation_is_determined(JoinTree *tree, int relation, Bitmapset *known, List *conditions)
{
	RangeTblEntry *rte = rt_fetch(relation, tree->query->rtable);
	bool		result = false;
	Relation	rel;
	ListCell   *lc;

	if (rte->rtekind != RTE_RELATION || rte->tablesample)
		return false;
	rel = table_open(rte->relid, NoLock);
	/* each child has an index of its own */
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE || !rte->inh || !has_subclass(rte->relid))
		foreach(lc, RelationGetIndexList(rel))
		{
			Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

			result |= index_determines(tree, relation, index, known, conditions);
			index_close(index, NoLock);
		}
	table_close(rel, NoLock);
	return result;
}

/* Add the relations of a zone that are determined by the known ones; true if there was one. */
static bool
determine_zone(JoinTree *tree, JoinZone *zone, Bitmapset *keep, List *conditions, Bitmapset **known)
{
	bool		grown = false;
	int			relation = -1;

	while ((relation = bms_next_member(zone->relations, relation)) >= 0)
		if (bms_is_member(relation, keep) && !bms_is_member(relation, *known) &&
			relation_is_determined(tree, relation, *known, conditions))
		{
			*known = bms_add_member(*known, relation);
			grown = true;
		}
	return grown;
}

/*
 * is_determined
 *		Is there, for each row of the anchor, which is in the first zone, at
 *		most one row of the kept relations under these conditions of the first
 *		zone?
 *
 * A relation of the first zone is determined once a unique index is equated
 * with what is determined.  The same holds in a nullable zone for a row that is
 * matched; whether it is matched is determined once all is that its conditions
 * mention and that it is joined to.  Opens the tables, which the statement has locked, and
 * their indexes, which are locked as planning does.
 */
bool
is_determined(JoinTree *tree, int anchor, Bitmapset *keep, List *conditions)
{
	Bitmapset  *known = bms_make_singleton(anchor);
	bool		grown;

	do
	{
		ListCell   *lc;

		grown = false;
		foreach(lc, tree->zones)
		{
			JoinZone   *zone = lfirst(lc);

			if (zone->parent == NULL)
				grown |= determine_zone(tree, zone, keep, conditions, &known);
			else if (bms_is_subset(bms_difference(zone->needs, zone->relations), known) &&
					 bms_is_subset(bms_intersect(zone->parent->relations, keep), known))
				grown |= determine_zone(tree, zone, keep, zone->conditions, &known);
		}
	} while (grown);
	return bms_is_subset(keep, known);
}
