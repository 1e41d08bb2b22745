/*
 * or_reduction.c
 *	  ORs that span relations: a LEFT JOIN b LEFT JOIN c WHERE b.x = 1 OR c.y = 2.
 *
 * No index helps with such a filter, as each of its arms is about another
 * relation: the whole join is made and then filtered.
 *
 * Shapes.  As a condition of WHERE: an OR whose arms mention several relations
 * of the query, or of views and subqueries in it, or hold EXISTS or IN
 * subqueries; in any query level of a SELECT, or over the sources of an UPDATE
 * or DELETE.
 *
 * Form.  One relation, the anchor, is joined at its own place with the rows of
 * it for which some arm can hold:
 *		a JOIN (SELECT a.ctid FROM a JOIN b ON ... WHERE b.x = 1 UNION
 *				SELECT a.ctid FROM a JOIN c ON ... WHERE c.y = 2) found
 *		ON a.ctid = found.ctid
 * where each arm's query has the relations alone that it needs, and the other
 * conditions of WHERE that are about these.  Arms about one relation alone
 * are one query.  The filter stays, unless it follows (below).  There is a form
 * for each of the largest relations that can be the anchor.
 *
 * Why the result is the same.  Take a row of the join that the filter passes.
 * One of its arms is true for it.  That arm's query has, as join_tree.c
 * argues, among its rows what the row has of the arm's relations, so it gives
 * the anchor's row: the join with the rows found takes away only what the
 * filter does.  It adds and repeats nothing, as UNION gives each row once.
 * NULLs: only arms that are true matter on either side.
 *		The filter follows from being found if, for one row of the anchor, the
 * arm's relations have at most one row in the arm's query, by unique indexes
 * (is_determined): then what the row of the join has of them is that very row,
 * and the arm is true for it as well.  Without the filter the planner can
 * leave out joins that served it alone.  The rows found then take the anchor's
 * place, if they can (stand_in.c).
 *		A row of the anchor is known by its ctid, which is the same for all scans
 * of a statement, as they have one snapshot; in children and partitions by tableoid
 * and ctid, or for partitioned tables by the primary key.
 *		What is computed must give the same for the same row, and must not fail: an
 * arm is computed for rows that other conditions or arms had kept away.
 * Functions that are volatile anywhere in FROM or WHERE, and arms and
 * conditions that may fail, or whose result may differ from run to run (LIMIT,
 * aggregates, samples), are left alone, as are foreign tables.
 *		An OR about one view or subquery alone is reduced in its query, with the
 * other conditions about it, each column replaced by what it stands for.  Only a
 * query that computes each of its rows from one row of its join will do: then a
 * condition on the one is a condition on the other.  And only where the view
 * has a row in every row of the outer join: of the view's rows only those can be
 * gone that WHERE keeps out in any case.  A view with security_barrier computes
 * no conditions of others.
 *		Locking: where rows are locked nothing is done, as a row that is checked
 * again after a concurrent update has another ctid.  In UPDATE and DELETE
 * neither the anchor nor an arm's relations may be the target: all others are
 * read in the statement's snapshot also when the target's row is checked again.
 * Arms that use columns of outer queries are left alone for the same reason.
 *
 * Costs.  Where the filter stays, the planner takes it to leave the same share
 * of the rows found as of all, so it counts twice what it leaves, and expects
 * fewer rows above it than there are.  What finds the rows, which is most of
 * the cost, is estimated without it.
 *
 * Left alone besides: FULL JOIN, LATERAL, arms over functions or CTEs, cursors
 * (cursors.c), ORs of more than MAX_ARMS arms.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/planmain.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "planner/join_tree.h"
#include "planner/lookup.h"
#include "planner/stand_in.h"

/* More arms than this are not worth a query each. */
#define MAX_ARMS 16

/* So many ORs of a query are reduced; one alone where the statement takes long to plan. */
#define MAX_FOUND 2

/* So many anchors are tried; one alone where the statement takes long to plan. */
#define MAX_ANCHORS 2
#define MANY_RELATIONS 6

/* So many columns of subqueries are followed to see what an OR is about. */
#define MAX_FOLLOWED 1000

/*
 * There the joins of what is reduced are tried in fewer orders: of so many
 * fewer relations at once.  Few rows are left, so the order matters little.
 */
#define FEWER_JOINED 3

/* The name of the relation that holds the rows found, and of the join with it. */
#define FOUND_NAME "found"
#define JOIN_NAME "*FOUND*"

/* An OR that is being reduced. */
typedef struct Reduction
{
	Level	   *level;
	JoinTree   *tree;
	List	   *arms;			/* conditions of the OR's arms, each to be a query of its own */
	List	   *conditions;		/* other conditions of WHERE that an arm's query may have */
	int			anchor;			/* a relation */
	List	   *key;			/* attribute numbers by which its rows are known */
	bool		implied;		/* does the filter follow from being found? */
	int			widest;			/* the most relations that an arm's query joins */
	bool		several;		/* is the OR one of several about what it is reduced in? */
	bool		stands_in;		/* do the rows found take the anchor's place? */
	List	   *columns;		/* ... with these columns of it */
} Reduction;

/* A walker: is there what only a query level of its own can tell, or a CTE? */
static bool
has_cte(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_CTE;
	if (IsA(node, Query))
		return ((Query *) node)->cteList != NIL ||
			query_tree_walker((Query *) node, has_cte, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, has_cte, context);
}

/* Does an expression use columns of queries around this level? */
static bool
uses_outer(Level *level, Node *node)
{
	int			up = 1;

	for (Level *outer = level->outer; outer; outer = outer->outer)
		if (contain_vars_of_level(node, up++))
			return true;
	return false;
}

/* Is LIMIT one that an EXISTS does not mind? */
static bool
is_plain_limit(Node *limit, bool exists)
{
	Const	   *count;

	if (limit == NULL)
		return true;
	if (!exists || !is_known(limit))
		return false;
	count = (Const *) simplify_known(limit, NULL);
	return IsA(count, Const) && !count->constisnull && DatumGetInt64(count->constvalue) > 0;
}

/* Is a relation one whose rows a snapshot tells?  A sequence is read as it is at that moment. */
static bool
is_table(RangeTblEntry *rte)
{
	return (rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_MATVIEW ||
			rte->relkind == RELKIND_PARTITIONED_TABLE) && !is_foreign(rte->relid);
}

/* Does a query join and filter, and compute each of its rows from one of the join? */
static bool
is_row_by_row(Query *query)
{
	return query->commandType == CMD_SELECT && !query->setOperations && !query->hasAggs && !query->hasWindowFuncs &&
		!query->hasTargetSRFs && !query->groupClause && !query->groupingSets && !query->havingQual &&
		!query->hasDistinctOn && !query->rowMarks && !query->cteList && !query->limitOffset;
}

/*
 * Is a relation a view or a subquery whose conditions the query's may join?
 * Allocates nothing.
 */
static bool
is_open(RangeTblEntry *rte)
{
	return rte->rtekind == RTE_SUBQUERY && !rte->lateral && !rte->security_barrier && !rte->securityQuals &&
		is_row_by_row(rte->subquery) && !rte->subquery->distinctClause && !rte->subquery->limitCount;
}

/* May a subquery fail, or give other rows when it is run again? */
static bool
subquery_may_differ(Level *outer, Query *query, bool exists)
{
	Level		level = {.query = query, .outer = outer, .attempt = outer->attempt};
	ListCell   *lc;

	check_stack_depth();
	if (!is_row_by_row(query) || !is_plain_limit(query->limitCount, exists))
		return true;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		/* a view's query keeps entries of the view itself, which nothing reads */
		if (rte->rtekind == RTE_JOIN || (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_VIEW))
			continue;
		if (rte->securityQuals || rte->lateral || rte->tablesample ||
			(rte->rtekind == RTE_RELATION ? !is_table(rte) :
			 rte->rtekind != RTE_SUBQUERY || subquery_may_differ(&level, rte->subquery, false)))
			return true;
	}
	/* an EXISTS computes nothing of its target list */
	if (!exists && condition_may_fail(&level, (Node *) query->targetList))
		return true;
	return condition_may_fail(&level, (Node *) query->jointree);
}

/* A walker: may a condition fail, or a subquery in it give other rows when it is run again? */
static bool
condition_walker(Node *node, Level *level)
{
	SubLink    *link = (SubLink *) node;

	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		return (link->subLinkType != EXISTS_SUBLINK && link->subLinkType != ANY_SUBLINK) ||
			condition_may_fail(level, link->testexpr) ||
			subquery_may_differ(level, (Query *) link->subselect, link->subLinkType == EXISTS_SUBLINK);
	/* its expressions are walked below */
	if (IsA(node, FromExpr) || IsA(node, JoinExpr) || IsA(node, RangeTblRef))
		return expression_tree_walker(node, condition_walker, level);
	if (IsA(node, Var))
		return may_fail(node, level);
	if (IsA(node, Param))
		return false;
	return node_may_fail(node) || expression_tree_walker(node, condition_walker, level);
}

/*
 * condition_may_fail
 *		May a condition of a level, with subqueries, raise an error, or give
 *		another answer when it is run again?
 */
bool
condition_may_fail(Level *level, Node *node)
{
	return condition_walker(node, level);
}

/* A walker's state: the relations that an expression mentions, at most two of them */
typedef struct Span
{
	Query	   *query;			/* the expression is of it */
	RangeTblEntry *relation;
	bool		several;
	bool		subquery;
	int			followed;		/* columns of subqueries that were followed */
} Span;

static bool
span_walker(Node *node, Span *span)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		Query	   *query = span->query;
		RangeTblEntry *rte;
		TargetEntry *target;

		if (var->varlevelsup > 0)
			return false;
		rte = rt_fetch(var->varno, query->rtable);
		if (is_open(rte) && (target = get_tle_by_resno(rte->subquery->targetList, var->varattno)) != NULL)
		{
			/* columns that mention others several times, again and again, take long to follow */
			if (++span->followed > MAX_FOLLOWED)
				return false;
			check_stack_depth();
			span->query = rte->subquery;
			(void) span_walker((Node *) target->expr, span);
			span->query = query;
			return span->several || span->subquery;
		}
		span->several |= span->relation != NULL && span->relation != rte;
		span->relation = rte;
		return span->several;
	}
	if (IsA(node, SubLink))
	{
		SubLinkType type = ((SubLink *) node)->subLinkType;

		if (type == EXISTS_SUBLINK || type == ANY_SUBLINK)
			return span->subquery = true;
	}
	return expression_tree_walker(node, span_walker, span);
}

/*
 * spans_relations
 *		Is a condition of a query an OR that no index of one relation can serve?
 *		Columns of views and subqueries are followed to what they stand for.
 *		Allocates nothing.
 */
bool
spans_relations(Query *query, Node *node)
{
	Span		span = {.query = query};

	return IsA(node, BoolExpr) && ((BoolExpr *) node)->boolop == OR_EXPR && span_walker(node, &span);
}

/* The names of the relations that a condition mentions, for people. */
static const char *
names_of(JoinTree *tree, Node *condition)
{
	Bitmapset  *relations = relations_in(tree, condition);
	StringInfoData names;
	int			relation = -1;

	initStringInfo(&names);
	while ((relation = bms_next_member(relations, relation)) >= 0)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 rt_fetch(relation, tree->query->rtable)->eref->aliasname);
	return names.len > 0 ? names.data : "the statement";
}

/* Are rows locked at this level or around it? */
static bool
locks_rows(Level *level)
{
	for (; level; level = level->outer)
		if (level->query->rowMarks)
			return true;
	return false;
}

/*
 * Is there a FULL JOIN at this level or around it?  Some can be run only where
 * the planner sees what the conditions around it say.
 */
static bool
is_near_full_join(Level *level)
{
	for (; level; level = level->outer)
		if (has_full_join(level->query))
			return true;
	return false;
}

/* How many ORs of a query are reduced already? */
static int
count_found(Query *query)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		count += rte->rtekind == RTE_JOIN && rte->alias == NULL && strcmp(rte->eref->aliasname, JOIN_NAME) == 0;
	}
	return count;
}

/* Has rows found in a table's place, of which its columns do not tell yet: what is read of the query now is not what it means. */
static bool
has_stand_in(Level *level)
{
	ListCell   *lc;

	foreach(lc, (List *) level->attempt->own)
		if (((StandIn *) lfirst(lc))->query == level->query)
			return true;
	return false;
}

/* Why an OR cannot be reduced, whatever the anchor, or NULL. */
static const char *
or_problem(Level *level, JoinTree *tree, BoolExpr *expr)
{
	ListCell   *lc;

	if (is_near_full_join(level))
		return "there is a FULL JOIN";
	if (tree->problem)
		return tree->problem;
	if (has_stand_in(level) ||
		count_found(level->query) >= (bms_num_members(tree->relations) > MANY_RELATIONS ? 1 : MAX_FOUND))
		return "as many others beside it are reduced as are worth planning";
	if (list_length(expr->args) > MAX_ARMS)
		return psprintf("it has more than %d arms", MAX_ARMS);
	if (locks_rows(level))
		return "rows are locked";
	if (is_for_cursor(level->query, level->attempt))
		return "it is a cursor's statement";
	if (contain_volatile_functions((Node *) tree->from))
		return "a condition calls volatile functions";
	if (uses_outer(level, (Node *) expr))
		return "it uses columns of an outer query";
	if (has_cte((Node *) expr, NULL))
		return "it reads a WITH query";
	foreach(lc, expr->args)
		if (condition_may_fail(level, lfirst(lc)))
			return "a part of it may fail, or give another answer when it is run again";
	return NULL;
}

/* Divide an OR's arms: what is about one relation alone is one. */
static List *
make_arms(JoinTree *tree, BoolExpr *expr)
{
	List	   *arms = NIL;
	List	   *relations = NIL;	/* of each arm, NULL if nothing is to join it */
	ListCell   *lc;

	foreach(lc, expr->args)
	{
		Node	   *arm = lfirst(lc);
		Bitmapset  *mentioned = relations_in(tree, arm);
		bool		simple = bms_num_members(mentioned) <= 1 && !checkExprHasSubLink(arm);
		int			i;

		for (i = 0; simple && i < list_length(arms); i++)
			if (list_nth(relations, i) && bms_equal(list_nth(relations, i), mentioned))
				break;
		if (simple && i < list_length(arms))
		{
			Node	   *other = list_nth(arms, i);

			lfirst(list_nth_cell(arms, i)) = make_orclause(list_make2(other, arm));
			continue;
		}
		arms = lappend(arms, arm);
		relations = lappend(relations, simple ? mentioned : NULL);
	}
	return arms;
}

/* Why a relation cannot be read a second time, or NULL. */
static const char *
relation_problem(Level *level, int relation)
{
	RangeTblEntry *rte = rt_fetch(relation, level->query->rtable);

	if (relation == level->query->resultRelation)
		return "its arms read the table that is changed";
	if (rte->lateral || rte->tablesample)
		return "a relation of it is a sample, or LATERAL";
	if (contain_volatile_functions((Node *) rte->securityQuals))
		return "a policy calls volatile functions";
	if (rte->rtekind == RTE_SUBQUERY)
		return contain_volatile_functions((Node *) rte->subquery) ||
			uses_outer(level, (Node *) list_make1(rte->subquery)) || subquery_may_differ(level, rte->subquery, false) ?
			"a subquery of it may fail, or give other rows when it is run again" : NULL;
	if (rte->rtekind == RTE_RELATION && is_foreign(rte->relid))
		return "a table of it is foreign";
	return rte->rtekind != RTE_RELATION || !is_table(rte) ? "a relation of it is not a table" : NULL;
}

/* How many rows a table has, as far as that is known. */
static double
table_rows(RangeTblEntry *rte)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(rte->relid));
	double		rows;

	if (!HeapTupleIsValid(tuple))
		return 0;
	rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
	ReleaseSysCache(tuple);
	/* a partitioned table has often not been looked at */
	return rows <= 0 && rte->relkind == RELKIND_PARTITIONED_TABLE ? 1e9 : rows;
}

/* Has a table's every child that is read rows in heaps?  What else has rows may know them by no ctid, or by one that changes. */
static bool
is_heap(RangeTblEntry *rte)
{
	List	   *tables = rte->inh ? find_all_inheritors(rte->relid, NoLock, NULL) : list_make1_oid(rte->relid);
	bool		result = true;
	ListCell   *lc;

	foreach(lc, tables)
	{
		HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_class form;

		if (!HeapTupleIsValid(tuple))
			return false;
		form = (Form_pg_class) GETSTRUCT(tuple);
		result &= form->relkind == RELKIND_PARTITIONED_TABLE || form->relam == HEAP_TABLE_AM_OID;
		ReleaseSysCache(tuple);
	}
	return result;
}

/* The primary key of a partitioned table, if it binds all partitions and is compared as usual. */
static List *
partitioned_key(RangeTblEntry *rte)
{
	Relation	rel = table_open(rte->relid, NoLock);
	List	   *columns = primary_key_columns(rel);
	UniqueKey	key;

	if (columns && (!find_unique_key(rel, columns, &key) || key.deferrable || key.partial || !key.usual ||
					!get_index_isvalid(key.index)))
		columns = NIL;
	table_close(rel, NoLock);
	return columns;
}

/* The columns by which the rows of a table are known, NIL if there are none. */
static List *
row_key(RangeTblEntry *rte)
{
	List	   *columns = rte->relkind == RELKIND_PARTITIONED_TABLE ? partitioned_key(rte) : NIL;

	if (columns)
		return columns;
	if (!is_heap(rte))
		return NIL;
	if (rte->inh && has_subclass(rte->relid))
		return list_make2_int(TableOidAttributeNumber, SelfItemPointerAttributeNumber);
	return list_make1_int(SelfItemPointerAttributeNumber);
}

/* Can the rows of a relation of the query be known again? */
static bool
is_anchor(Query *query, int relation)
{
	RangeTblEntry *rte = rt_fetch(relation, query->rtable);

	return rte->rtekind == RTE_RELATION && !rte->tablesample && relation != query->resultRelation &&
		is_table(rte) && row_key(rte) != NIL;
}

/* The relations that may be the anchor, the largest first. */
static List *
find_anchors(JoinTree *tree)
{
	JoinZone   *zone = linitial(tree->zones);
	int			most = bms_num_members(tree->relations) > MANY_RELATIONS ? 1 : MAX_ANCHORS;
	List	   *anchors = NIL;
	int			relation = -1;

	while ((relation = bms_next_member(zone->relations, relation)) >= 0)
	{
		double		rows;
		int			place = 0;

		if (!is_anchor(tree->query, relation))
			continue;
		rows = table_rows(rt_fetch(relation, tree->query->rtable));
		while (place < list_length(anchors) &&
			   table_rows(rt_fetch(list_nth_int(anchors, place), tree->query->rtable)) >= rows)
			place++;
		anchors = list_insert_nth_int(anchors, place, relation);
	}
	return list_truncate(anchors, most);
}

/* A column of a relation, also one of the system's. */
static Var *
make_column(Query *query, int relation, AttrNumber attnum)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(rt_fetch(relation, query->rtable)->relid, attnum, &type, &typmod, &collation);
	return makeVar(relation, attnum, type, typmod, collation, 0);
}

/* The other conditions of WHERE that an arm's query with these relations may have. */
static List *
conditions_over(Reduction *reduction, Bitmapset *relations)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, reduction->conditions)
		if (bms_is_subset(relations_in(reduction->tree, lfirst(lc)), relations))
			result = lappend(result, lfirst(lc));
	return result;
}

/* The query that finds the anchor's rows for an arm; NULL, with why, if there is none. */
static Query *
arm_query(Reduction *reduction, Node *arm, const char **problem)
{
	JoinTree   *tree = reduction->tree;
	Bitmapset  *keep = relations_in(tree, arm);
	List	   *conditions;
	Query	   *result;
	int			relation = -1;

	keep = needed_relations(tree, bms_add_member(keep, reduction->anchor));
	while ((relation = bms_next_member(keep, relation)) >= 0)
		if ((*problem = relation_problem(reduction->level, relation)) != NULL)
			return NULL;
	for (int i = 1; i < list_length(tree->zones); i++)
	{
		JoinZone   *zone = list_nth(tree->zones, i);
		Node	   *joined_on = (Node *) zone->conditions;

		if (bms_overlap(zone->relations, keep) &&
			(condition_may_fail(reduction->level, joined_on) || uses_outer(reduction->level, joined_on) ||
			 has_cte(joined_on, NULL)))
		{
			*problem = "the condition of an outer join may fail, or reads an outer query";
			return NULL;
		}
	}
	reduction->widest = Max(reduction->widest, bms_num_members(keep));
	conditions = conditions_over(reduction, keep);
	reduction->implied &= is_determined(tree, reduction->anchor, keep, conditions);
	result = reduced_query(tree, keep, lappend(list_copy(conditions), arm));
	if (result == NULL)
	{
		*problem = "an outer join's condition does not mention what it joins to";
		return NULL;
	}
	/* those of the condition may be of a query around this one */
	result->hasSubLinks |= checkExprHasSubLink(result->jointree->quals);
	return result;
}

/* Let an arm's query give these columns of the anchor. */
static void
add_columns(Reduction *reduction, Query *query, List *attnums)
{
	RangeTblEntry *rte = rt_fetch(reduction->anchor, reduction->tree->query->rtable);
	ListCell   *lc;

	foreach(lc, attnums)
	{
		Var		   *column = make_column(reduction->tree->query, reduction->anchor, lfirst_int(lc));
		char	   *name = pstrdup(get_rte_attribute_name(rte, lfirst_int(lc)));

		query->targetList = lappend(query->targetList,
									makeTargetEntry((Expr *) column, list_length(query->targetList) + 1, name, false));
	}
}

/* What a set operation compares a column by. */
static SortGroupClause *
column_equality(Oid type)
{
	SortGroupClause *clause = makeNode(SortGroupClause);

	get_sort_group_operators(type, false, true, false, &clause->sortop, &clause->eqop, NULL, &clause->hashable);
	return clause;
}

/* left UNION right; columns: Vars of the first query */
static Node *
make_union(Node *left, Node *right, List *columns)
{
	SetOperationStmt *result = makeNode(SetOperationStmt);
	ListCell   *lc;

	result->op = SETOP_UNION;
	result->larg = left;
	result->rarg = right;
	foreach(lc, columns)
	{
		Var		   *column = lfirst(lc);

		result->colTypes = lappend_oid(result->colTypes, column->vartype);
		result->colTypmods = lappend_int(result->colTypmods, column->vartypmod);
		result->colCollations = lappend_oid(result->colCollations, column->varcollid);
		result->groupClauses = lappend(result->groupClauses, column_equality(column->vartype));
	}
	return (Node *) result;
}

/*
 * subquery_entry
 *		An entry of a range table for a subquery, which becomes part of it.
 */
RangeTblEntry *
subquery_entry(Query *query, const char *name)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);

		/* what only sorts or groups has no name and is no column */
		if (!target->resjunk)
			names = lappend(names, makeString(pstrdup(target->resname)));
	}
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = query;
	rte->alias = makeAlias(name, NIL);
	rte->eref = makeAlias(name, names);
	rte->inFromCl = true;
	return rte;
}

/* The UNION of the arms' queries. */
static Query *
union_of(List *queries)
{
	Query	   *result = makeNode(Query);
	List	   *columns = NIL;
	Node	   *operations = NULL;
	int			index = 0;
	ListCell   *lc;

	result->commandType = CMD_SELECT;
	result->canSetTag = true;
	result->stmt_location = -1;
	foreach(lc, linitial_node(Query, queries)->targetList)
	{
		TargetEntry *target = lfirst(lc);
		Var		   *var = (Var *) target->expr;

		columns = lappend(columns, makeVar(1, target->resno, var->vartype, var->vartypmod, var->varcollid, 0));
		result->targetList = lappend(result->targetList,
									 makeTargetEntry((Expr *) copyObject(llast(columns)), target->resno,
													 pstrdup(target->resname), false));
	}
	foreach(lc, queries)
	{
		RangeTblRef *ref = makeNode(RangeTblRef);

		ref->rtindex = ++index;
		result->rtable = lappend(result->rtable, subquery_entry(lfirst(lc), psprintf("*SELECT* %d", index)));
		operations = operations ? make_union(operations, (Node *) ref, columns) : (Node *) ref;
	}
	result->setOperations = operations;
	result->jointree = makeFromExpr(NIL, NULL);
	return result;
}

/* anchor's columns = those of the rows found, one by one */
static List *
found_tests(Query *query, int anchor, List *key, int found)
{
	List	   *tests = NIL;
	AttrNumber	number = 0;
	ListCell   *lc;

	foreach(lc, key)
	{
		Var		   *column = make_column(query, anchor, lfirst_int(lc));
		Var		   *other = makeVar(found, ++number, column->vartype, column->vartypmod, column->varcollid, 0);
		OpExpr	   *test = (OpExpr *) make_opclause(column_equality(column->vartype)->eqop, BOOLOID, false,
													(Expr *) column, (Expr *) other, InvalidOid,
													column->varcollid);

		test->opfuncid = get_opcode(test->opno);
		tests = lappend(tests, test);
	}
	return tests;
}

/* Put something at a relation's place in the tree; what is at the place of node. */
static Node *
put_in_place(Node *node, int relation, Node *join)
{
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == relation ? join : node;
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			lfirst(lc) = put_in_place(lfirst(lc), relation, join);
		return node;
	}
	((JoinExpr *) node)->larg = put_in_place(((JoinExpr *) node)->larg, relation, join);
	((JoinExpr *) node)->rarg = put_in_place(((JoinExpr *) node)->rarg, relation, join);
	return node;
}

/* Let the join of a table with the rows found, which the range table has, be where place is in the tree. */
static void
join_found(Query *query, int anchor, List *key, int found, int place)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	JoinExpr   *join = makeNode(JoinExpr);
	RangeTblRef *left = makeNode(RangeTblRef);
	RangeTblRef *right = makeNode(RangeTblRef);

	rte->rtekind = RTE_JOIN;
	rte->jointype = JOIN_INNER;
	rte->eref = makeAlias(JOIN_NAME, NIL);
	left->rtindex = anchor;
	right->rtindex = found;
	query->rtable = lappend(query->rtable, rte);
	join->jointype = JOIN_INNER;
	join->larg = (Node *) left;
	join->rarg = (Node *) right;
	join->quals = (Node *) make_ands_explicit(found_tests(query, anchor, key, found));
	join->rtindex = list_length(query->rtable);
	(void) put_in_place((Node *) query->jointree, place, (Node *) join);
}

/* Put the rows found in the anchor's place; what uses the anchor is told when all of the statement has been walked. */
static void
replace_anchor(Reduction *reduction, int found)
{
	Query	   *query = reduction->level->query;
	Attempt    *attempt = reduction->level->attempt;
	RangeTblRef *ref = makeNode(RangeTblRef);

	ref->rtindex = found;
	(void) put_in_place((Node *) query->jointree, reduction->anchor, (Node *) ref);
	attempt->own = lappend(attempt->own,
						   stand_in_of(query, reduction->anchor, found, reduction->key, reduction->columns));
}

/* Let the rows found limit the anchor's rows. */
static void
put_found(Reduction *reduction, Query *found)
{
	Query	   *query = reduction->level->query;

	query->rtable = lappend(query->rtable, subquery_entry(found, FOUND_NAME));
	if (reduction->stands_in)
		replace_anchor(reduction, list_length(query->rtable));
	else
		join_found(query, reduction->anchor, reduction->key, list_length(query->rtable), reduction->anchor);
}

/* As (columns) IN (SELECT ...): what a join with the rows found means. */
static Node *
membership(Query *query, JoinExpr *join)
{
	RangeTblEntry *rte = rt_fetch(((RangeTblRef *) join->rarg)->rtindex, query->rtable);
	SubLink    *link = makeNode(SubLink);
	List	   *tests = make_ands_implicit((Expr *) join->quals);
	ListCell   *lc;

	foreach(lc, tests)
	{
		List	   *args = lfirst_node(OpExpr, lc)->args;
		Var		   *column = lsecond(args);
		Param	   *param = makeNode(Param);

		param->paramkind = PARAM_SUBLINK;
		param->paramid = column->varattno;
		param->paramtype = column->vartype;
		param->paramtypmod = column->vartypmod;
		param->paramcollid = column->varcollid;
		param->location = -1;
		lsecond(args) = param;
	}
	link->subLinkType = ANY_SUBLINK;
	link->testexpr = list_length(tests) == 1 ? linitial(tests) : (Node *) makeBoolExpr(AND_EXPR, tests, -1);
	link->operName = list_make1(makeString("="));
	link->subselect = (Node *) rte->subquery;
	link->location = -1;
	return (Node *) link;
}

/*
 * What is at the place of a node once the joins with rows found are conditions,
 * which go to a list.  *failed is set if one is inside a join that has a name
 * of its own, beyond which nothing of the anchor but the join's columns is seen.
 */
static Node *
without_joins(Query *query, Node *node, bool hidden, List **conditions, bool *failed)
{
	JoinExpr   *join = (JoinExpr *) node;
	RangeTblEntry *rte;
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
		return node;
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			lfirst(lc) = without_joins(query, lfirst(lc), hidden, conditions, failed);
		return node;
	}
	join->larg = without_joins(query, join->larg, hidden || join->alias, conditions, failed);
	join->rarg = without_joins(query, join->rarg, hidden || join->alias, conditions, failed);
	rte = rt_fetch(join->rtindex, query->rtable);
	if (rte->alias || strcmp(rte->eref->aliasname, JOIN_NAME) != 0)
		return node;
	*failed |= hidden;
	*conditions = lcons(membership(query, join), *conditions);
	/* what is there twice would be printed twice */
	lfirst(list_nth_cell(query->rtable, ((RangeTblRef *) join->rarg)->rtindex - 1)) = empty_entry();
	lfirst(list_nth_cell(query->rtable, join->rtindex - 1)) = empty_entry();
	return join->larg;
}

/*
 * show_found
 *		A walker: make the joins with rows found conditions of WHERE, in place,
 *		in all queries of a statement that is to be printed; also of rows that
 *		stand in for their table.  The server can print a join only where the
 *		joins around it count its columns.  *failed is set if SQL cannot say it.
 */
bool
show_found(Node *node, bool *failed)
{
	Query	   *query = (Query *) node;
	List	   *conditions = NIL;
	StandIn    *what;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, show_found, failed);
	while ((what = next_stand_in(query)) != NULL)
	{
		stand_back(what);
		join_found(query, what->relation, what->key, what->found, what->found);
	}
	if (query->jointree)
		(void) without_joins(query, (Node *) query->jointree, false, &conditions, failed);
	if (conditions)
	{
		query->jointree->quals = (Node *) make_ands_explicit(
			list_concat(conditions, make_ands_implicit((Expr *) query->jointree->quals)));
		query->hasSubLinks = true;
	}
	return query_tree_walker(query, show_found, failed, 0);
}

/* How many conditions of WHERE span relations? */
static int
count_spanning(Query *query)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, make_ands_implicit((Expr *) query->jointree->quals))
		count += spans_relations(query, lfirst(lc));
	return count;
}

/*
 * Can the rows found take the anchor's place?  expr is the filter.  Other ORs
 * may want the same anchor; while the filter stays, it is by the table's
 * statistics that the planner knows what it leaves.
 */
static bool
can_stand_in(Reduction *reduction, Node *expr)
{
	Query	   *query = reduction->tree->query;
	bool		result = false;

	if (reduction->implied && !reduction->several && count_found(query) == 0 && count_spanning(query) <= 1)
		reduction->columns = stand_in_columns(reduction->tree, reduction->anchor, expr, &result);
	return result;
}

/* The queries of all arms for an anchor; NIL, with why, if it cannot be one. */
static List *
arm_queries(Reduction *reduction, Node *expr, const char **problem)
{
	List	   *queries = NIL;
	ListCell   *lc;

	/* where a target's row may be checked again the filter stays, to be checked with it */
	reduction->implied = reduction->level->query->resultRelation == 0;
	reduction->widest = 0;
	reduction->key = row_key(rt_fetch(reduction->anchor, reduction->tree->query->rtable));
	foreach(lc, reduction->arms)
	{
		Query	   *query = arm_query(reduction, lfirst(lc), problem);

		if (query == NULL)
			return NIL;
		queries = lappend(queries, query);
	}
	reduction->stands_in = can_stand_in(reduction, expr);
	foreach(lc, queries)
	{
		add_columns(reduction, lfirst(lc), reduction->key);
		add_columns(reduction, lfirst(lc), reduction->columns);
	}
	return queries;
}

/* The conditions of the first zone but for one that an arm's query may have. */
static List *
usable_conditions(Level *level, JoinTree *tree, Node *without)
{
	JoinZone   *zone = linitial(tree->zones);
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, zone->conditions)
	{
		Node	   *condition = lfirst(lc);

		if (condition != without && !condition_may_fail(level, condition) && !uses_outer(level, condition) &&
			!has_cte(condition, NULL))
			result = lappend(result, condition);
	}
	return result;
}

/* The same condition of WHERE in the tree that was taken apart, or NULL if it is not one. */
static BoolExpr *
find_in_tree(Query *query, JoinTree *tree, Node *node)
{
	List	   *conditions = make_ands_implicit((Expr *) query->jointree->quals);
	List	   *copies = make_ands_implicit((Expr *) tree->from->quals);
	ListCell   *lc;
	ListCell   *copy;

	forboth(lc, conditions, copy, copies)
		if (lfirst(lc) == node && IsA(lfirst(copy), BoolExpr))
			return lfirst(copy);
	return NULL;
}

/* Has the statement this query alone, so that what is said of its joins is said of no others? */
static bool
is_alone(Level *level)
{
	ListCell   *lc;

	if (level->outer || level->query->cteList || level->query->hasSubLinks)
		return false;
	foreach(lc, level->query->rtable)
		if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_SUBQUERY)
			return false;
	return true;
}

/* The conditions that mention this subquery alone, as conditions of its own query. */
static List *
moved_inside(JoinTree *tree, int relation, List *conditions)
{
	RangeTblEntry *rte = rt_fetch(relation, tree->query->rtable);
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		Bitmapset  *mentioned = relations_in(tree, lfirst(lc));
		bool		sublinks = false;
		int			only;

		if (bms_get_singleton_member(mentioned, &only) && only == relation)
			result = lappend(result, compat_replace_columns(lfirst(lc), relation, rte, &sublinks));
	}
	return result;
}

static List *reduce_inside(Reduction *reduction, BoolExpr *expr, int relation, const char **problem);

/*
 * Find the rows for an OR, which is the filter of the reduction's level: the
 * queries of all arms; NIL, with why, if it is left alone.  conditions hold as
 * well.  If the OR is about a view alone, the reduction becomes one of the
 * view's own query.
 */
static List *
find_rows(Reduction *reduction, BoolExpr *expr, List *conditions, const char **problem)
{
	Level	   *level = reduction->level;
	JoinTree   *tree = reduction->tree;
	List	   *anchors;
	List	   *queries;
	int			relation;

	*problem = or_problem(level, tree, expr);
	if (*problem)
		return NIL;
	reduction->conditions = list_concat(usable_conditions(level, tree, (Node *) expr), conditions);
	if (bms_get_singleton_member(relations_in(tree, (Node *) expr), &relation))
	{
		queries = reduce_inside(reduction, expr, relation, problem);
		if (queries)
			return queries;
	}
	reduction->arms = make_arms(tree, expr);
	/* columns of a join may turn out to be of the same relation */
	if (list_length(reduction->arms) < 2)
	{
		*problem = *problem ? *problem : "its arms are about one relation";
		return NIL;
	}
	anchors = find_anchors(tree);
	if (anchors == NIL)
	{
		*problem = *problem ? *problem : "no table that always has a row in the join can be the anchor";
		return NIL;
	}
	level->attempt->forms = Max(level->attempt->forms, list_length(anchors));
	reduction->anchor = list_nth_int(anchors, Min(level->attempt->form, list_length(anchors) - 1));
	return arm_queries(reduction, (Node *) expr, problem);
}

/* The same in the query of the relation that the OR is about alone; NIL without why if it is no view or subquery. */
static List *
reduce_inside(Reduction *reduction, BoolExpr *expr, int relation, const char **problem)
{
	Level	   *outer = reduction->level;
	JoinTree   *tree = reduction->tree;
	RangeTblEntry *rte = rt_fetch(relation, tree->query->rtable);
	Level	   *level;
	Reduction	inside = {0};
	List	   *moved;
	List	   *queries;

	if (!is_open(rte))
		return NIL;
	if (!bms_is_member(relation, ((JoinZone *) linitial(tree->zones))->relations))
		*problem = "an outer join may leave out the view or subquery that it is about";
	else if (contain_volatile_functions((Node *) rte->subquery->targetList))
		*problem = "the view or subquery that it is about calls volatile functions";
	if (*problem)
		return NIL;
	level = palloc0(sizeof(Level));
	level->query = rte->subquery;
	level->outer = outer;
	level->attempt = outer->attempt;
	inside.level = level;
	inside.tree = take_apart(level->query);
	inside.several = reduction->several || count_spanning(outer->query) > 1;
	moved = moved_inside(tree, relation, list_make1(expr));
	queries = find_rows(&inside, linitial_node(BoolExpr, moved), moved_inside(tree, relation, reduction->conditions), problem);
	if (queries)
	{
		inside.implied &= outer->query->resultRelation == 0;
		*reduction = inside;
	}
	return queries;
}

/* A LevelFunction */
static Node *
reduce_or(Level *level, Node *node, bool filter)
{
	Attempt    *attempt = level->attempt;
	Reduction	reduction = {.level = level};
	JoinTree   *tree;
	const char *problem;
	BoolExpr   *expr;
	List	   *queries;

	if (!filter || !spans_relations(level->query, node))
		return NULL;
	/* hashed subqueries are priced as if they were not: all that is sure is what the statement costs without them */
	if (attempt->cut > 0)
		return checkExprHasSubLink(node) ? makeBoolConst(true, false) : NULL;
	tree = take_apart(level->query);
	expr = find_in_tree(level->query, tree, node);
	if (expr == NULL)
	{
		site_left(attempt, names_of(tree, node), "it is the condition of a join");
		return NULL;
	}
	reduction.tree = tree;
	queries = find_rows(&reduction, expr, NIL, &problem);
	if (queries == NIL)
	{
		site_left(attempt, names_of(tree, (Node *) expr), "%s", problem);
		return NULL;
	}
	tree = reduction.tree;
	site_changed(attempt, rt_fetch(reduction.anchor, tree->query->rtable)->eref->aliasname, list_length(reduction.arms));
	attempt->sure = false;
	attempt->doubtful |= checkExprHasSubLink((Node *) expr);
	attempt->least = Max(attempt->least, least_cost(reduction.level, tree));
	if (bms_num_members(tree->relations) > MANY_RELATIONS && is_alone(reduction.level))
		attempt->joined = Max(join_collapse_limit - FEWER_JOINED, reduction.widest);
	put_found(&reduction, union_of(queries));
	return reduction.implied ? makeBoolConst(true, false) : node;
}

/*
 * try_or_reduction
 *		A RewriteFunction (see planner.h).  Each form has another anchor.
 */
Query *
try_or_reduction(Query *query, Attempt *attempt)
{
	ListCell   *lc;

	query = rewrite_levels(query, attempt, reduce_or);
	foreach(lc, (List *) attempt->own)
		stand_in(lfirst(lc));
	return query;
}
