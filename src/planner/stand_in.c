/*
 * stand_in.c
 *	  The rows found by an OR's arms in the place of the table that they are of.
 *
 * or_reduction.c joins a table with the keys of the rows found.  Where the arms
 * hand over the columns that the query uses, besides the keys, there is nothing
 * left to join:
 *		(SELECT a.ctid, a.x FROM a JOIN b ON ... WHERE b.x = 1 UNION
 *		 SELECT a.ctid, a.x FROM a JOIN c ON ... WHERE c.y = 2) a
 *
 * Why the result is the same.  One key has one row, whose columns are the same
 * in every arm, since all read in one snapshot; so UNION, which compares the
 * columns as well, still gives each row once, and rows of different keys stay
 * apart.  It must be able to compare them: each column's type has an equality
 * and an order, of the same default B-tree family, by which a value equals
 * itself.  What the table's policies hide is hidden in each arm.
 *
 * It is not done where the query wants what only a table has (a whole row,
 * columns of the system, one that is generated when it is read), or where
 * comparing a column could fail, or mean to fetch it from a TOAST table.
 *
 * The joins above count the table's columns, so the server cannot print such a
 * statement.  For that the table comes back, joined with the keys.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "planner/stand_in.h"

/* The name of a relation that stands in for the table with an index, and of how many columns its key is. */
#define STAND_IN_NAME "*FOUND* %d %d"

/* More columns than this are not compared. */
#define MAX_COLUMNS 16

/* Of more tables than this it is not found out whether they have values out of line. */
#define MAX_CHILDREN 64

/* Note the columns that are used outside of one condition of WHERE. */
static void
note_used(JoinTree *tree, Node *without, ColumnUse *columns)
{
	Query	   *query = tree->query;
	ListCell   *lc;

	(void) note_columns((Node *) tree->from->fromlist, columns);
	foreach(lc, make_ands_implicit((Expr *) tree->from->quals))
		if (lfirst(lc) != without)
			(void) note_columns(lfirst(lc), columns);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		(void) note_columns((Node *) rte->subquery, columns);
		(void) note_columns((Node *) rte->functions, columns);
		(void) note_columns((Node *) rte->tablefunc, columns);
		(void) note_columns((Node *) rte->values_lists, columns);
		(void) note_columns((Node *) rte->tablesample, columns);
#if PG_VERSION_NUM >= 180000
		(void) note_columns((Node *) rte->groupexprs, columns);
#endif
	}
	(void) note_columns((Node *) query->targetList, columns);
	(void) note_columns((Node *) query->returningList, columns);
	(void) note_columns(query->havingQual, columns);
	(void) note_columns((Node *) query->windowClause, columns);
	(void) note_columns(query->limitOffset, columns);
	(void) note_columns(query->limitCount, columns);
}

/*
 * Has a relation that is not locked any rows?  Yes if that cannot be told at
 * once.  It is unlocked again: planning may leave it alone.
 */
static bool
has_blocks(Oid relid)
{
	Relation	rel;
	bool		result;

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return true;
	rel = try_relation_open(relid, NoLock);
	result = rel == NULL || RelationGetNumberOfBlocks(rel) > 0;
	if (rel)
		relation_close(rel, NoLock);
	UnlockRelationOid(relid, AccessShareLock);
	return result;
}

/* Has a table, or a child of it, values out of line?  Yes if there are too many children to look at. */
static bool
has_toasted(RangeTblEntry *rte)
{
	List	   *tables = rte->inh ? find_all_inheritors(rte->relid, NoLock, NULL) : list_make1_oid(rte->relid);
	ListCell   *lc;

	if (list_length(tables) > MAX_CHILDREN)
		return true;
	foreach(lc, tables)
	{
		HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(lfirst_oid(lc)));
		Oid			toast;

		if (!HeapTupleIsValid(tuple))
			return true;
		toast = ((Form_pg_class) GETSTRUCT(tuple))->reltoastrelid;
		ReleaseSysCache(tuple);
		if (OidIsValid(toast) && has_blocks(toast))
			return true;
	}
	return false;
}

/* Is a function written in C? */
static bool
is_in_c(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			language = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
		ReleaseSysCache(tuple);
	}
	return language == INTERNALlanguageId || language == ClanguageId;
}

/*
 * Can UNION compare values of a type, by whatever method, now and as long as a
 * plan is kept?  A composite type may get an attribute that cannot be compared,
 * and a function that is not in C may fail.
 */
static bool
is_comparable(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR);
	Oid			base = getBaseType(type);
	Oid			part = get_element_type(base);

	if (!OidIsValid(entry->eq_opr) || !OidIsValid(entry->lt_opr) || get_typtype(base) == TYPTYPE_COMPOSITE)
		return false;
	if (get_typtype(base) == TYPTYPE_MULTIRANGE)
		part = get_range_subtype(get_multirange_range(base));
	else if (get_typtype(base) == TYPTYPE_RANGE)
		part = get_range_subtype(base);
	return OidIsValid(part) ? is_comparable(part) :
		is_in_c(get_opcode(entry->eq_opr)) && is_in_c(get_opcode(entry->lt_opr));
}

/*
 * stand_in_columns
 *		The attribute numbers of the columns of a table that the query uses
 *		outside of a condition of tree->from, if the rows found can stand in for
 *		the table; *possible tells whether they can.  Opens the table and its
 *		children, which planning locks as well.
 */
List *
stand_in_columns(JoinTree *tree, int relation, Node *without, bool *possible)
{
	RangeTblEntry *rte = rt_fetch(relation, tree->query->rtable);
	ColumnUse	columns = {.query = tree->query, .relation = relation};
	List	   *result = NIL;
	bool		varying = false;
	int			member = -1;

	note_used(tree, without, &columns);
	*possible = bms_num_members(columns.used) <= MAX_COLUMNS;
	while (*possible && (member = bms_next_member(columns.used, member)) >= 0)
	{
		AttrNumber	attnum = member + FirstLowInvalidHeapAttributeNumber;
		Oid			type = get_atttype(rte->relid, attnum);

		/* what is generated when it is read may fail where the query would not read it */
		*possible = attnum > 0 && is_comparable(type) &&
			get_attgenerated(rte->relid, attnum) != COMPAT_GENERATED_VIRTUAL;
		varying |= get_typlen(type) < 0;
		result = lappend_int(result, attnum);
	}
	*possible = *possible && !(varying && has_toasted(rte));
	return *possible ? result : NIL;
}

/* Let a column of one of the two relations be that of the other, in place. */
static void
move_column(Var *var, StandIn *what)
{
	int			place = 0;

	if (what->back)
	{
		var->varattno = list_nth_int(what->columns, var->varattno - list_length(what->key) - 1);
		var->varno = what->relation;
	}
	else
	{
		while (place < list_length(what->columns) && list_nth_int(what->columns, place) != var->varattno)
			place++;
		/* a join may list a column that nothing uses */
		if (place == list_length(what->columns))
			return;
		var->varattno = list_length(what->key) + place + 1;
		var->varno = what->found;
	}
	var->varnosyn = 0;
	var->varattnosyn = 0;
}

/* A walker over the query. */
static bool
move_walker(Node *node, StandIn *what)
{
	Var		   *var = (Var *) node;
	bool		result;

	if (node == NULL)
		return false;
	if (IsA(node, Var) && var->varno == (what->back ? what->found : what->relation) && var->varlevelsup == what->depth)
		move_column(var, what);
	if (!IsA(node, Query))
		return expression_tree_walker(node, move_walker, what);
	what->depth++;
	result = query_tree_walker((Query *) node, move_walker, what, 0);
	what->depth--;
	return result;
}

/* The same for all of the query, which itself counts as a level. */
static void
move_columns(StandIn *what)
{
	what->depth = -1;
	(void) move_walker((Node *) what->query, what);
}

/*
 * stand_in_of
 *		What is to be done once relation's place in the query's join tree has
 *		been taken by found, a subquery that has the table's key and then these
 *		columns of it.  In the current memory context.
 */
StandIn *
stand_in_of(Query *query, int relation, int found, List *key, List *columns)
{
	StandIn    *result = palloc0(sizeof(StandIn));
	RangeTblEntry *rte = rt_fetch(relation, query->rtable);
	RangeTblEntry *other = rt_fetch(found, query->rtable);

	result->query = query;
	result->relation = relation;
	result->found = found;
	result->key = key;
	result->columns = columns;
	/* people see the table's name; the other tells whose place it is */
	other->alias->aliasname = pstrdup(rte->eref->aliasname);
	other->eref->aliasname = psprintf(STAND_IN_NAME, relation, list_length(key));
	return result;
}

/*
 * stand_in
 *		Let all of the query use what stands in for the table, in place.
 */
void
stand_in(StandIn *what)
{
	move_columns(what);
	/* the table stays for what the user needs the right to read; its policies are the arms' */
	rt_fetch(what->relation, what->query->rtable)->securityQuals = NIL;
}

/* Leave a set operation with its first columns. */
static void
cut_operation(Node *node, int ncolumns)
{
	SetOperationStmt *operation = (SetOperationStmt *) node;

	if (IsA(node, RangeTblRef))
		return;
	operation->colTypes = list_truncate(operation->colTypes, ncolumns);
	operation->colTypmods = list_truncate(operation->colTypmods, ncolumns);
	operation->colCollations = list_truncate(operation->colCollations, ncolumns);
	operation->groupClauses = list_truncate(operation->groupClauses, ncolumns);
	cut_operation(operation->larg, ncolumns);
	cut_operation(operation->rarg, ncolumns);
}

/* Leave a subquery with its first columns. */
static void
cut_subquery(RangeTblEntry *rte, int ncolumns)
{
	Query	   *query = rte->subquery;
	ListCell   *lc;

	rte->eref->colnames = list_truncate(rte->eref->colnames, ncolumns);
	query->targetList = list_truncate(query->targetList, ncolumns);
	if (query->setOperations == NULL)
		return;
	cut_operation(query->setOperations, ncolumns);
	foreach(lc, query->rtable)
		cut_subquery(lfirst(lc), ncolumns);
}

/* The attribute numbers in a target list of the table's columns. */
static List *
attribute_numbers(List *targets)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, targets)
		result = lappend_int(result, castNode(Var, lfirst_node(TargetEntry, lc)->expr)->varattno);
	return result;
}

/*
 * next_stand_in
 *		A relation of the query that stands in for a table, or NULL.
 */
StandIn *
next_stand_in(Query *query)
{
	StandIn    *result = palloc0(sizeof(StandIn));
	int			nkeys;
	ListCell   *lc;

	result->query = query;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		List	   *numbers;

		/* both names of what a user names are the same */
		if (rte->rtekind != RTE_SUBQUERY || rte->alias == NULL || strcmp(rte->alias->aliasname, rte->eref->aliasname) == 0 ||
			sscanf(rte->eref->aliasname, STAND_IN_NAME, &result->relation, &nkeys) != 2)
			continue;
		/* each arm has the same columns of the table */
		numbers = attribute_numbers(linitial_node(RangeTblEntry, rte->subquery->rtable)->subquery->targetList);
		result->found = foreach_current_index(lc) + 1;
		result->columns = list_copy_tail(numbers, nkeys);
		result->key = list_truncate(numbers, nkeys);
		return result;
	}
	return NULL;
}

/*
 * stand_back
 *		Let all of the query use the table again, in place; what stood in for it
 *		keeps the key alone, and its place in the join tree.
 */
void
stand_back(StandIn *what)
{
	RangeTblEntry *rte = rt_fetch(what->found, what->query->rtable);

	what->back = true;
	move_columns(what);
	cut_subquery(rte, list_length(what->key));
	rte->eref->aliasname = pstrdup(rte->alias->aliasname);
}
