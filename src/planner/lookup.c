/*
 * lookup.c
 *	  Looking columns up in lists of values.
 *
 * A list becomes (a, b) IN (SELECT * FROM unnest(array, array)): as a condition
 * of WHERE or of an inner join the planner makes it a semi-join, in any other
 * place the executor builds a hash table of it at the first row.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "planner/lookup.h"

/*
 * column_relation
 *		The relation of the query, an index into its range table, that an
 *		expression is a plain column of, or 0.
 */
int
column_relation(Query *query, Node *left, AttrNumber *attnum)
{
	Var		   *var = (Var *) left;

	while (IsA(var, RelabelType))
		var = (Var *) ((RelabelType *) var)->arg;
	if (!IsA(var, Var) || var->varlevelsup != 0 || var->varattno <= 0 ||
		rt_fetch(var->varno, query->rtable)->rtekind != RTE_RELATION)
		return 0;
	*attnum = var->varattno;
	return var->varno;
}

/*
 * is_stored_column
 *		Is an expression a column of a table that is stored, so that the planner
 *		cannot find it to be a constant?
 */
bool
is_stored_column(Query *query, Node *left)
{
	AttrNumber	attnum;
	int			relation = column_relation(query, left, &attnum);

	return relation > 0 &&
		get_attgenerated(rt_fetch(relation, query->rtable)->relid, attnum) != COMPAT_GENERATED_VIRTUAL;
}

/*
 * is_foreign
 *		Is a table of the statement, or a part of it, foreign?
 */
bool
is_foreign(Oid relid)
{
	List	   *children;
	ListCell   *lc;
	bool		result = false;

	if (get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE)
		return true;
	if (!has_subclass(relid))
		return false;
	children = find_all_inheritors(relid, NoLock, NULL);
	foreach(lc, children)
		result |= get_rel_relkind(lfirst_oid(lc)) == RELKIND_FOREIGN_TABLE;
	list_free(children);
	return result;
}

/*
 * has_outer_columns
 *		A walker: does an expression use columns of an outer query level?
 */
bool
has_outer_columns(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varlevelsup > 0;
	return expression_tree_walker(node, has_outer_columns, context);
}

/*
 * has_full_join
 *		Is there a FULL JOIN among these relations, or in the subqueries among
 *		them?
 */
bool
has_full_join(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_JOIN && rte->jointype == JOIN_FULL)
			return true;
		if (rte->rtekind == RTE_SUBQUERY && has_full_join(rte->subquery))
			return true;
	}
	return false;
}

/*
 * lookup_problem
 *		Why an expression cannot be looked up among values of a type, for
 *		people, or NULL.
 */
const char *
lookup_problem(Level *level, Node *left, Oid operator, Oid collation, Oid type)
{
	Query	   *query = level->query;
	AttrNumber	attnum;
	int			relation = column_relation(query, left, &attnum);
	RegProcedure left_hash;
	RegProcedure right_hash;

	if (contain_volatile_functions(left))
		return "a compared expression is volatile";
	if (contain_subplans(left) || contain_aggs_of_level(left, 0) || contain_windowfuncs(left) ||
		expression_returns_set(left))
		return "a compared expression holds a subquery, an aggregate or a set";
	if (!op_strict(operator) || !op_hashjoinable(operator, exprType(left)) ||
		!get_op_hash_functions(operator, &left_hash, &right_hash))
		return psprintf("operator %s of type %s cannot be hashed", get_opname(operator),
						format_type_be(exprType(left)));
	if (!OidIsValid(collation) && OidIsValid(get_typcollation(exprType(left))))
		return "its collation is not known";
	if (!OidIsValid(get_array_type(type)) || get_typtype(type) == TYPTYPE_PSEUDO)
		return psprintf("type %s has no arrays", format_type_be(type));
	if (type_is_rowtype(type))
		return psprintf("unnest would take values of type %s apart", format_type_be(type));
	if (relation > 0 && is_foreign(rt_fetch(relation, query->rtable)->relid))
		return "a foreign table evaluates the list itself";
	/* some can be run only where the planner sees that a condition refuses NULLs */
	if (has_full_join(query))
		return "the FULL JOIN may be possible only thanks to it";
	return narrowing_problem(level, left);
}

/* Has a table an index, a partial index's predicate or partitions by this column? */
static bool
has_index(Oid relid, AttrNumber attnum)
{
	Relation	rel = table_open(relid, NoLock);
	bool		result = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE || has_subclass(relid);
	List	   *indexes = result ? NIL : RelationGetIndexList(rel);
	Bitmapset  *attrs = NULL;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		for (int i = 0; i < index->rd_index->indnkeyatts; i++)
			result |= index->rd_index->indkey.values[i] == attnum;
		pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &attrs);
		index_close(index, NoLock);
	}
	result |= bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, attrs);
	table_close(rel, NoLock);
	return result;
}

/*
 * is_indexed
 *		May an index, a partial index's predicate or partitioning use a
 *		condition on this expression?  Opens the table, which the statement has
 *		locked, and its indexes, which are locked as planning does.
 */
bool
is_indexed(Query *query, Node *left)
{
	AttrNumber	attnum;
	int			relation = column_relation(query, left, &attnum);

	return relation > 0 && has_index(rt_fetch(relation, query->rtable)->relid, attnum);
}

/* Has a table a partial index? */
static bool
has_partial_index(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	bool		result = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		result |= RelationGetIndexPredicate(index) != NIL;
		index_close(index, NoLock);
	}
	table_close(rel, NoLock);
	return result;
}

/*
 * has_exclusions
 *		May the planner leave out rows of the expressions' tables because of
 *		what the values are: partitions, children, what is not in a partial
 *		index?  Opens tables and indexes as is_indexed does.
 */
bool
has_exclusions(Query *query, Node *lefts)
{
	Bitmapset  *relations = pull_varnos(NULL, lefts);
	int			i = -1;

	while ((i = bms_next_member(relations, i)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(i, query->rtable);

		/* what is not a table may hold one */
		if (rte->rtekind != RTE_RELATION || has_subclass(rte->relid) || has_partial_index(rte->relid))
			return true;
	}
	return false;
}

/* Is one of these relations partitioned? */
static bool
has_partitions(Query *query, Bitmapset *relations)
{
	int			i = -1;

	while ((i = bms_next_member(relations, i)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(i, query->rtable);

		if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_PARTITIONED_TABLE)
			return true;
	}
	return false;
}

/*
 * may_join
 *		May a condition on these expressions become a join?
 *
 * Not where a row may be checked again after a concurrent update: the new row
 * would be checked against the one value that the old one had matched.  And
 * not for a cursor (cursors.c).  A generic plan chooses partitions by
 * conditions with parameters when it runs, which no cost tells of: there,
 * partitioned tables keep their filter.
 */
bool
may_join(Query *query, Attempt *attempt, Node *lefts, bool parameters)
{
	Bitmapset  *relations = pull_varnos(NULL, lefts);

	if (query->rowMarks != NIL || is_for_cursor(query, attempt) || has_outer_columns(lefts, NULL))
		return false;
	if (parameters && attempt->params == NULL && has_partitions(query, relations))
		return false;
	return query->resultRelation == 0 || !bms_is_member(query->resultRelation, relations);
}

/* A name for a column of the list. */
static char *
column_name(Query *query, LookupColumn *column, int number)
{
	AttrNumber	attnum;
	int			relation = column_relation(query, column->left, &attnum);

	if (relation > 0)
		return get_rte_attribute_name(rt_fetch(relation, query->rtable), attnum);
	return psprintf("column%d", number);
}

/*
 * SELECT * FROM unnest(values of the first column, values of the second, ...)
 *
 * A semi-join may make the list's rows distinct, which newer servers do under
 * the collation of the list's columns: it must be that of the comparison, or
 * values stay apart that equal the same row.
 */
static Query *
list_query(Query *outer, LookupColumn *columns, int ncolumns)
{
	Query	   *query = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *names = NIL;

	for (int c = 0; c < ncolumns; c++)
	{
		Oid			type = columns[c].type;
		Oid			collation = OidIsValid(get_typcollation(type)) ? columns[c].collation : InvalidOid;
		FuncExpr   *unnest = makeFuncExpr(F_UNNEST_ANYARRAY, type, list_make1(columns[c].array),
										  collation, collation, COERCE_EXPLICIT_CALL);
		RangeTblFunction *function = makeNode(RangeTblFunction);
		char	   *name = column_name(outer, &columns[c], c + 1);

		unnest->funcretset = true;
		function->funcexpr = (Node *) unnest;
		function->funccolcount = 1;
		rte->functions = lappend(rte->functions, function);
		names = lappend(names, makeString(name));
		query->targetList = lappend(query->targetList,
									makeTargetEntry((Expr *) makeVar(1, c + 1, type, -1, collation, 0),
													c + 1, name, false));
	}
	rte->rtekind = RTE_FUNCTION;
	rte->alias = makeAlias(LIST_NAME, names);
	rte->eref = makeAlias(LIST_NAME, copyObject(names));
	rte->inFromCl = true;
	ref->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(rte);
	query->jointree = makeFromExpr(list_make1(ref), NULL);
	query->stmt_location = -1;
	return query;
}

/*
 * make_lookup
 *		(columns) IN (SELECT * FROM unnest(arrays)), for a place in query, whose
 *		hasSubLinks the caller sets.  The arrays become part of the result.
 */
Node *
make_lookup(Query *query, LookupColumn *columns, int ncolumns)
{
	SubLink    *sublink = makeNode(SubLink);
	List	   *tests = NIL;

	for (int c = 0; c < ncolumns; c++)
	{
		LookupColumn *column = &columns[c];
		Param	   *param = makeNode(Param);
		OpExpr	   *test;

		param->paramkind = PARAM_SUBLINK;
		param->paramid = c + 1;
		param->paramtype = column->type;
		param->paramtypmod = -1;
		param->paramcollid = OidIsValid(get_typcollation(column->type)) ? column->collation : InvalidOid;
		param->location = -1;
		test = (OpExpr *) make_opclause(column->operator, BOOLOID, false, (Expr *) copyObject(column->left),
										(Expr *) param, InvalidOid, column->collation);
		test->opfuncid = get_opcode(test->opno);
		tests = lappend(tests, test);
	}
	sublink->subLinkType = ANY_SUBLINK;
	sublink->testexpr = ncolumns == 1 ? linitial(tests) : (Node *) makeBoolExpr(AND_EXPR, tests, -1);
	sublink->operName = list_make1(makeString("="));
	sublink->subselect = (Node *) list_query(query, columns, ncolumns);
	sublink->location = -1;
	return (Node *) sublink;
}
