/*
 * composite_in.c
 *	  Lists of tuples: (a, b) IN ((1, 2), (3, 4), ...).
 *
 * The parser makes of such a list an OR of ANDs of comparisons, which is also
 * what ORMs write; NOT IN becomes an AND of ORs of inequalities.  The planner
 * treats each tuple as a condition of its own: an index look-up planned for
 * every one, or all of them evaluated for every row.
 *
 * Shapes.  Among the arguments of an OR (or AND) of any place of a statement,
 * the arms that are ANDs of equalities (ORs of inequalities) of the same
 * expressions with values known to the statement: constants and parameters, in
 * any mixture.  Arms may name their columns in any order and on either side;
 * integers of several widths in one column are widened to the widest.
 *
 * Forms.  The arms become one condition
 *		(a, b) IN (SELECT * FROM unnest(array of a's, array of b's))
 * under NOT where they were inequalities.  Where it is a condition of WHERE or
 * of an inner join by itself, the planner makes it a semi-join (form 0), so
 * that an index or a hash table serves.  Form 1 keeps it a filter, IS TRUE, which
 * the executor looks up in a hash table, and adds what follows of it for
 * single columns, a = ANY (array of a's), where an index, a partial index's
 * predicate or partitions can use that.  In every other place it stays an
 * expression of the hashed kind.
 *
 * Why the result is the same.  IN over a subquery is defined as the OR of the
 * row comparisons with the subquery's rows, a row comparison as the AND of the
 * column comparisons, and both in three-valued logic; the executor's hashed
 * look-up keeps rows with NULLs apart in order to answer NULL exactly where
 * the OR does.  AND and OR do not care for order or repetition, so a tuple that
 * is listed twice changes nothing, and a semi-join returns each row once.  The
 * operators and their collations are those of the statement; they must be
 * strict and hashable, so they belong to an operator family, and the operators
 * that the planner takes from there agree with them.  The same holds when
 * values of one family's types are widened by a cast that cannot fail.  The
 * compared expressions may not be volatile, as they are evaluated once per row
 * and not once per arm.  What follows for single columns is only added beside
 * the condition itself, as a conjunct of a filter, where NULL and false are one.
 *
 * Locking.  When UPDATE, DELETE or SELECT FOR UPDATE meets a row that another
 * transaction changed, the condition is checked again for the new row.  A
 * semi-join would be checked against the one tuple that the old row had
 * matched, though the new row may match another; so where the compared columns
 * are those of the target, or anything is locked, it stays a filter, whose
 * hash table holds all tuples.  Cursors get filters too: WHERE CURRENT OF wants
 * the plain scan of a table.
 *
 * Left alone: lists over foreign tables (the remote server takes them as they
 * are), MERGE, expressions of a query with GROUP BY, values computed from
 * parameters, operators that cannot be hashed, columns whose type has no array
 * type.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "planner/planner.h"

/* More columns than this in a tuple are not looked for. */
#define MAX_COLUMNS 32

/* A tuple's comparison with one of the columns, as equality. */
typedef struct Comparison
{
	Node	   *left;
	Node	   *value;
	Oid			operator;
	Oid			collation;
	int			column;			/* its place in the group */
} Comparison;

/* A column of a list of tuples. */
typedef struct ListColumn
{
	Node	   *left;
	Oid			operator;
	Oid			collation;
	Oid			type;			/* of the values */
	bool		mixed;			/* are there values of other types? */
	List	   *values;
} ListColumn;

/* Arms that compare the same columns. */
typedef struct TupleGroup
{
	int			ncolumns;
	ListColumn	columns[MAX_COLUMNS];
	int			ntuples;
	int			first;			/* position of the first arm */
	const char *problem;		/* why it is left alone */
} TupleGroup;

/* The query level that is being changed. */
typedef struct Level
{
	Query	   *query;
	Attempt    *attempt;
	bool		changed;
} Level;

static Node *rewrite_mutator(Node *node, Level *level);
static Node *rewrite_filter(Node *quals, Level *level);
static Query *rewrite_query(Query *query, Attempt *attempt);

/* Read a comparison as equality of a known value with anything else. */
static bool
read_comparison(Node *node, bool negated, Comparison *comparison)
{
	OpExpr	   *op = (OpExpr *) node;

	if (!IsA(node, OpExpr) || list_length(op->args) != 2)
		return false;
	comparison->left = linitial(op->args);
	comparison->value = lsecond(op->args);
	comparison->operator = op->opno;
	comparison->collation = op->inputcollid;
	if (is_known(comparison->left) && !is_known(comparison->value))
	{
		comparison->left = lsecond(op->args);
		comparison->value = linitial(op->args);
		comparison->operator = get_commutator(op->opno);
	}
	if (negated && OidIsValid(comparison->operator))
		comparison->operator = get_negator(comparison->operator);
	return OidIsValid(comparison->operator) && is_known(comparison->value) && !is_known(comparison->left);
}

/* Read an arm; returns the number of its comparisons, or 0. */
static int
read_arm(Node *arm, bool negated, Comparison *comparisons)
{
	BoolExpr   *expr = (BoolExpr *) arm;
	int			n = 0;
	ListCell   *lc;

	if (!IsA(arm, BoolExpr) || expr->boolop != (negated ? OR_EXPR : AND_EXPR) ||
		list_length(expr->args) < 2 || list_length(expr->args) > MAX_COLUMNS)
		return 0;
	foreach(lc, expr->args)
		if (!read_comparison(lfirst(lc), negated, &comparisons[n++]))
			return 0;
	return n;
}

/* Do the comparisons compare the group's columns, each once, in any order? */
static bool
fits(TupleGroup *group, Comparison *comparisons, int n)
{
	bool		used[MAX_COLUMNS] = {false};

	if (group->ncolumns != n)
		return false;
	for (int i = 0; i < n; i++)
	{
		int			c = i;

		/* nearly always the order is the same */
		for (int tries = 0; tries < n; tries++, c = (c + 1) % n)
			if (!used[c] && group->columns[c].collation == comparisons[i].collation &&
				equal(group->columns[c].left, comparisons[i].left))
				break;
		if (used[c] || group->columns[c].collation != comparisons[i].collation ||
			!equal(group->columns[c].left, comparisons[i].left))
			return false;
		used[c] = true;
		comparisons[i].column = c;
	}
	return true;
}

/* Add a tuple to a group that it fits. */
static void
add_tuple(TupleGroup *group, Comparison *comparisons)
{
	for (int i = 0; i < group->ncolumns; i++)
	{
		ListColumn *column = &group->columns[comparisons[i].column];

		if (comparisons[i].operator != column->operator || exprType(comparisons[i].value) != column->type)
			column->mixed = true;
		column->values = lappend(column->values, comparisons[i].value);
	}
	group->ntuples++;
}

/* A new group with the columns of an arm; columns that repeat make no tuple. */
static TupleGroup *
make_group(Comparison *comparisons, int n, int position)
{
	TupleGroup *group = palloc0(sizeof(TupleGroup));

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < i; j++)
			if (equal(comparisons[i].left, comparisons[j].left))
				return NULL;
		group->columns[i].left = comparisons[i].left;
		group->columns[i].operator = comparisons[i].operator;
		group->columns[i].collation = comparisons[i].collation;
		group->columns[i].type = exprType(comparisons[i].value);
		comparisons[i].column = i;
	}
	group->ncolumns = n;
	group->first = position;
	return group;
}

/*
 * Sort the arms into groups.  Gives the groups, and for each arm the group that
 * it belongs to or NULL.  A list of tuples has one or two groups; an OR with
 * many is something else.
 */
static List *
collect_groups(BoolExpr *expr, TupleGroup **group_of)
{
	List	   *groups = NIL;
	bool		negated = expr->boolop == AND_EXPR;
	int			position = 0;
	ListCell   *lc;

	foreach(lc, expr->args)
	{
		Comparison	comparisons[MAX_COLUMNS];
		int			n = read_arm(lfirst(lc), negated, comparisons);
		TupleGroup *found = NULL;
		ListCell   *g;

		if (n > 0)
		{
			foreach(g, groups)
				if (found == NULL && fits(lfirst(g), comparisons, n))
					found = lfirst(g);
			if (found == NULL && list_length(groups) < 4)
			{
				found = make_group(comparisons, n, position);
				if (found)
					groups = lappend(groups, found);
			}
			if (found)
				add_tuple(found, comparisons);
		}
		group_of[position++] = found;
	}
	return groups;
}

/* Can a value be widened to a type by a cast that cannot fail? */
static bool
widens(Oid from, Oid to, Oid *function)
{
	CoercionPathType path;

	*function = InvalidOid;
	if (from == to)
		return true;
	path = find_coercion_pathway(to, from, COERCION_IMPLICIT, function);
	return path == COERCION_PATH_FUNC && get_func_leakproof(*function) &&
		func_volatile(*function) == PROVOLATILE_IMMUTABLE;
}

/* The equality of a family between two types. */
static Oid
family_equality(Oid operator, Oid left, Oid right)
{
	List	   *families = get_mergejoin_opfamilies(operator);
	Oid			result = InvalidOid;
	ListCell   *lc;

	foreach(lc, families)
		if (!OidIsValid(result))
			result = get_opfamily_member(lfirst_oid(lc), left, right, BTEqualStrategyNumber);
	return result;
}

/* Give all values of a column the widest of their types. */
static bool
unify(ListColumn *column)
{
	Oid			widest = column->type;
	Oid			function;
	Oid			left;
	Oid			right;
	List	   *values = NIL;
	ListCell   *lc;

	foreach(lc, column->values)
	{
		Oid			type = exprType(lfirst(lc));

		if (!widens(type, widest, &function))
			widest = type;
	}
	op_input_types(column->operator, &left, &right);
	foreach(lc, column->values)
	{
		Node	   *value = lfirst(lc);

		if (!widens(exprType(value), widest, &function) ||
			!OidIsValid(family_equality(column->operator, left, exprType(value))))
			return false;
		if (OidIsValid(function))
			value = eval_const_expressions(NULL, (Node *)
										   makeFuncExpr(function, widest, list_make1(value), InvalidOid,
														InvalidOid, COERCE_IMPLICIT_CAST));
		values = lappend(values, value);
	}
	column->operator = family_equality(column->operator, left, widest);
	column->type = widest;
	column->values = values;
	return OidIsValid(column->operator);
}

/* The relation of this query level that an expression is a column of, or 0. */
static int
column_relation(Level *level, Node *left, AttrNumber *attnum)
{
	Var		   *var = (Var *) left;
	RangeTblEntry *rte;

	while (IsA(var, RelabelType))
		var = (Var *) ((RelabelType *) var)->arg;
	if (!IsA(var, Var) || var->varlevelsup != 0 || var->varattno <= 0)
		return 0;
	rte = rt_fetch(var->varno, level->query->rtable);
	if (rte->rtekind != RTE_RELATION)
		return 0;
	*attnum = var->varattno;
	return var->varno;
}

/* Is a table, or a part of it, foreign? */
static bool
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

/* Does an expression use columns of an outer query level? */
static bool
has_outer_columns(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varlevelsup > 0;
	return expression_tree_walker(node, has_outer_columns, context);
}

/* Why one of a group's columns cannot be looked up, or NULL. */
static const char *
column_problem(Level *level, ListColumn *column)
{
	AttrNumber	attnum;
	int			relation = column_relation(level, column->left, &attnum);

	if (column->mixed && !unify(column))
		return "the values of a column have different types";
	if (contain_volatile_functions(column->left))
		return "a compared expression is volatile";
	if (contain_subplans(column->left) || contain_aggs_of_level(column->left, 0) ||
		contain_windowfuncs(column->left) || expression_returns_set(column->left))
		return "a compared expression holds a subquery, an aggregate or a set";
	if (!op_strict(column->operator) || !op_hashjoinable(column->operator, exprType(column->left)))
		return psprintf("operator %s cannot be hashed", get_opname(column->operator));
	if (!OidIsValid(get_array_type(column->type)) || get_typtype(column->type) == TYPTYPE_PSEUDO)
		return psprintf("type %s has no arrays", format_type_be(column->type));
	if (relation > 0 && is_foreign(rt_fetch(relation, level->query->rtable)->relid))
		return "a foreign table evaluates the list itself";
	return NULL;
}

/* Decide whether a group is worth it, and can be looked up. */
static const char *
group_problem(Level *level, TupleGroup *group)
{
	int			least = level->attempt->force ? 2 : COMPOSITE_IN_MIN;
	List	   *lefts = NIL;

	if (group->ntuples < least)
		return psprintf("it has less than %d tuples", least);
	for (int c = 0; c < group->ncolumns; c++)
	{
		const char *problem = column_problem(level, &group->columns[c]);

		if (problem)
			return problem;
		lefts = lappend(lefts, group->columns[c].left);
	}
	if (!contain_var_clause((Node *) lefts) && !has_outer_columns((Node *) lefts, NULL))
		return "it compares no column";
	return NULL;
}

/* A name for a column of the list. */
static char *
column_name(Level *level, ListColumn *column, int number)
{
	AttrNumber	attnum;
	int			relation = column_relation(level, column->left, &attnum);

	if (relation > 0)
		return get_rte_attribute_name(rt_fetch(relation, level->query->rtable), attnum);
	return psprintf("column%d", number);
}

/* SELECT * FROM unnest(values of the first column, values of the second, ...) */
static Query *
list_query(Level *level, TupleGroup *group)
{
	Query	   *query = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *names = NIL;

	for (int c = 0; c < group->ncolumns; c++)
	{
		ListColumn *column = &group->columns[c];
		Oid			collation = get_typcollation(column->type);
		Node	   *array = array_of(column->values, column->type, collation);
		FuncExpr   *unnest = makeFuncExpr(F_UNNEST_ANYARRAY, column->type, list_make1(array),
										  collation, collation, COERCE_EXPLICIT_CALL);
		RangeTblFunction *function = makeNode(RangeTblFunction);
		char	   *name = column_name(level, column, c + 1);

		unnest->funcretset = true;
		function->funcexpr = (Node *) unnest;
		function->funccolcount = 1;
		rte->functions = lappend(rte->functions, function);
		names = lappend(names, makeString(name));
		query->targetList = lappend(query->targetList,
									makeTargetEntry((Expr *) makeVar(1, c + 1, column->type, -1, collation, 0),
													c + 1, name, false));
	}
	rte->rtekind = RTE_FUNCTION;
	rte->alias = makeAlias("list", names);
	rte->eref = makeAlias("list", copyObject(names));
	rte->inFromCl = true;
	ref->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(rte);
	query->jointree = makeFromExpr(list_make1(ref), NULL);
	query->stmt_location = -1;
	return query;
}

/* (columns) IN (list) */
static Node *
list_lookup(Level *level, TupleGroup *group)
{
	SubLink    *sublink = makeNode(SubLink);
	List	   *tests = NIL;

	for (int c = 0; c < group->ncolumns; c++)
	{
		ListColumn *column = &group->columns[c];
		Param	   *param = makeNode(Param);
		OpExpr	   *test;

		param->paramkind = PARAM_SUBLINK;
		param->paramid = c + 1;
		param->paramtype = column->type;
		param->paramtypmod = -1;
		param->paramcollid = get_typcollation(column->type);
		param->location = -1;
		test = (OpExpr *) make_opclause(column->operator, BOOLOID, false, (Expr *) copyObject(column->left),
										(Expr *) param, InvalidOid, column->collation);
		test->opfuncid = get_opcode(test->opno);
		tests = lappend(tests, test);
	}
	sublink->subLinkType = ANY_SUBLINK;
	sublink->testexpr = (Node *) makeBoolExpr(AND_EXPR, tests, -1);
	sublink->operName = list_make1(makeString("="));
	sublink->subselect = (Node *) list_query(level, group);
	sublink->location = -1;
	level->changed = true;
	return (Node *) sublink;
}

/* May an index, a partial index or partitions of a table use this column? */
static bool
is_indexed(Oid relid, AttrNumber attnum)
{
	Relation	rel = table_open(relid, NoLock);
	bool		result = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE || has_subclass(relid);
	Bitmapset  *attrs = NULL;

	if (!result)
	{
		List	   *indexes = RelationGetIndexList(rel);
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
	}
	table_close(rel, NoLock);
	return result;
}

/* The different values of a column; NULL, which equals nothing, is not one. */
static List *
different_values(ListColumn *column)
{
	List	   *values = NIL;
	ListCell   *lc;

	foreach(lc, column->values)
	{
		Node	   *value = lfirst(lc);

		if (IsA(value, Const) && ((Const *) value)->constisnull)
			continue;
		values = lappend(values, value);
	}
	return values;
}

/* The lookup as a filter, with what follows for single columns. */
static Node *
list_filter(Level *level, TupleGroup *group)
{
	BooleanTest *test = makeNode(BooleanTest);
	List	   *conditions = NIL;

	test->arg = (Expr *) list_lookup(level, group);
	test->booltesttype = IS_TRUE;
	test->location = -1;
	for (int c = 0; c < group->ncolumns; c++)
	{
		ListColumn *column = &group->columns[c];
		AttrNumber	attnum;
		int			relation = column_relation(level, column->left, &attnum);
		ScalarArrayOpExpr *any;

		if (relation == 0 || !is_indexed(rt_fetch(relation, level->query->rtable)->relid, attnum))
			continue;
		any = makeNode(ScalarArrayOpExpr);
		any->opno = column->operator;
		any->opfuncid = get_opcode(column->operator);
		any->useOr = true;
		any->inputcollid = column->collation;
		any->args = list_make2(copyObject(column->left),
							   array_of(different_values(column), column->type,
										get_typcollation(column->type)));
		any->location = -1;
		conditions = lappend(conditions, any);
	}
	if (conditions == NIL)
		return (Node *) test;
	return (Node *) makeBoolExpr(AND_EXPR, lappend(conditions, test), -1);
}

/* May the look-up be a join?  See "Locking" above. */
static bool
may_join(Level *level, TupleGroup *group)
{
	Query	   *query = level->query;
	Bitmapset  *relations = NULL;

	if (query->rowMarks != NIL ||
		(level->attempt->cursor_options & (CURSOR_OPT_SCROLL | CURSOR_OPT_NO_SCROLL | CURSOR_OPT_INSENSITIVE |
										   CURSOR_OPT_ASENSITIVE | CURSOR_OPT_HOLD | CURSOR_OPT_FAST_PLAN)))
		return false;
	for (int c = 0; c < group->ncolumns; c++)
	{
		Node	   *left = group->columns[c].left;

		if (has_outer_columns(left, NULL))
			return false;
		relations = bms_add_members(relations, pull_varnos(NULL, left));
	}
	return query->resultRelation == 0 || !bms_is_member(query->resultRelation, relations);
}

/* The columns of a group as they are called in the statement, for people. */
static char *
group_place(Level *level, TupleGroup *group)
{
	List	   *lefts = NIL;

	for (int c = 0; c < group->ncolumns; c++)
		lefts = lappend(lefts, group->columns[c].left);
	return relations_of(level->query, (Node *) lefts);
}

/* The condition that takes the place of a group. */
static Node *
replace_group(Level *level, TupleGroup *group, bool negated, bool filter)
{
	Attempt    *attempt = level->attempt;
	Node	   *result;

	site_changed(attempt, group_place(level, group), group->ntuples);
	attempt->sure = false;
	/* each tuple costs the server a look-up in an index, or a comparison with every row */
	attempt->floor += group->ntuples * (filter ? random_page_cost + 200 * cpu_operator_cost :
										2 * cpu_operator_cost);
	if (filter && may_join(level, group))
	{
		attempt->forms = 2;
		if (attempt->form == 0)
			return list_lookup(level, group);
	}
	if (filter)
		return list_filter(level, group);
	result = list_lookup(level, group);
	return negated ? (Node *) makeBoolExpr(NOT_EXPR, list_make1(result), -1) : result;
}

/* Tell why nothing of an AND or OR was taken, if it looked like a list. */
static void
tell_left(Level *level, BoolExpr *expr, List *groups)
{
	TupleGroup *largest = NULL;
	ListCell   *lc;

	foreach(lc, groups)
	{
		TupleGroup *group = lfirst(lc);

		if (largest == NULL || group->ntuples > largest->ntuples)
			largest = group;
	}
	if (largest && largest->ntuples > 1)
		site_left(level->attempt, group_place(level, largest), "%s", largest->problem);
	else if (expr->boolop == OR_EXPR)
		site_left(level->attempt, relations_of(level->query, (Node *) expr),
				  "its arms do not compare the same columns with constants or parameters");
}

/* Do all arms belong to one group? */
static bool
is_one_group(BoolExpr *expr, List *groups, TupleGroup **group_of)
{
	if (list_length(groups) != 1)
		return false;
	for (int i = 0; i < list_length(expr->args); i++)
		if (group_of[i] == NULL)
			return false;
	return true;
}

/*
 * Replace the lists among the arguments of an AND or OR, and what is in the
 * other arguments.  With filter, the whole is a condition of which only the
 * truth matters.
 */
static Node *
rewrite_arms(Level *level, BoolExpr *expr, bool filter)
{
	int			nargs = list_length(expr->args);
	TupleGroup	  **group_of = palloc(sizeof(TupleGroup *) * nargs);
	bool		negated = expr->boolop == AND_EXPR;
	List	   *groups = expr->boolop == NOT_EXPR ? NIL : collect_groups(expr, group_of);
	int			taken = 0;
	List	   *args = NIL;
	int			position = 0;
	ListCell   *lc;

	foreach(lc, groups)
	{
		TupleGroup *group = lfirst(lc);

		group->problem = group_problem(level, group);
		if (group->problem == NULL)
			taken++;
	}
	if (taken == 0 && nargs >= (level->attempt->force ? 2 : COMPOSITE_IN_MIN) && expr->boolop != NOT_EXPR)
		tell_left(level, expr, groups);

	foreach(lc, expr->args)
	{
		TupleGroup *group = groups != NIL ? group_of[position] : NULL;

		if (group == NULL || group->problem)
			args = lappend(args, filter && expr->boolop == AND_EXPR ? rewrite_filter(lfirst(lc), level) :
						   rewrite_mutator(lfirst(lc), level));
		else if (level->attempt->cut > 0)
		{
			if (group->first + level->attempt->cut > position)
				args = lappend(args, lfirst(lc));
			if (group->first == position)
				site_changed(level->attempt, "", group->ntuples);
		}
		else if (group->first == position)
			args = lappend(args, replace_group(level, group, negated,
											   filter && !negated && is_one_group(expr, groups, group_of)));
		position++;
	}
	if (list_length(args) == 1 && expr->boolop != NOT_EXPR)
		return linitial(args);
	return (Node *) makeBoolExpr(expr->boolop, args, expr->location);
}

/* Rewrite the lists in any expression, and the queries in it. */
static Node *
rewrite_mutator(Node *node, Level *level)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
		return (Node *) rewrite_query((Query *) node, level->attempt);
	if (IsA(node, BoolExpr))
		return rewrite_arms(level, (BoolExpr *) node, false);
	return expression_tree_mutator(node, rewrite_mutator, level);
}

/* Rewrite a condition of which only the truth matters. */
static Node *
rewrite_filter(Node *quals, Level *level)
{
	if (quals != NULL && IsA(quals, BoolExpr))
		return rewrite_arms(level, (BoolExpr *) quals, ((BoolExpr *) quals)->boolop != NOT_EXPR);
	return rewrite_mutator(quals, level);
}

/* Rewrite the conditions of the joins and of WHERE. */
static void
rewrite_jointree(Node *node, Level *level)
{
	if (node == NULL || IsA(node, RangeTblRef))
		return;
	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;
		ListCell   *lc;

		foreach(lc, from->fromlist)
			rewrite_jointree(lfirst(lc), level);
		from->quals = rewrite_filter(from->quals, level);
	}
	else
	{
		JoinExpr   *join = castNode(JoinExpr, node);

		rewrite_jointree(join->larg, level);
		rewrite_jointree(join->rarg, level);
		join->quals = join->jointype == JOIN_INNER ? rewrite_filter(join->quals, level) :
			rewrite_mutator(join->quals, level);
	}
}

/* Rewrite what the range table holds. */
static void
rewrite_rtable(List *rtable, Level *level)
{
	ListCell   *lc;

	foreach(lc, rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY)
			rte->subquery = rewrite_query(rte->subquery, level->attempt);
		else if (rte->rtekind == RTE_FUNCTION)
			rte->functions = (List *) rewrite_mutator((Node *) rte->functions, level);
		else if (rte->rtekind == RTE_VALUES)
			rte->values_lists = (List *) rewrite_mutator((Node *) rte->values_lists, level);
	}
}

/* Rewrite a query and all queries in it, in place. */
static Query *
rewrite_query(Query *query, Attempt *attempt)
{
	Level		level = {.query = query, .attempt = attempt};
	ListCell   *lc;

	if (query->commandType == CMD_MERGE || query->commandType == CMD_UTILITY)
		return query;
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		cte->ctequery = rewrite_mutator(cte->ctequery, &level);
	}
	rewrite_rtable(query->rtable, &level);
	rewrite_jointree((Node *) query->jointree, &level);
	if (query->groupClause == NIL && query->groupingSets == NIL)
	{
		query->targetList = (List *) rewrite_mutator((Node *) query->targetList, &level);
		query->havingQual = rewrite_mutator(query->havingQual, &level);
	}
	query->returningList = (List *) rewrite_mutator((Node *) query->returningList, &level);
	if (query->onConflict)
	{
		query->onConflict->onConflictSet = (List *) rewrite_mutator((Node *) query->onConflict->onConflictSet, &level);
		query->onConflict->onConflictWhere = rewrite_mutator(query->onConflict->onConflictWhere, &level);
	}
	query->hasSubLinks |= level.changed;
	return query;
}

/*
 * try_composite_in
 *		A RewriteFunction (see planner.h).  Form 0 lets the planner join where
 *		that is safe, form 1 never does.  Opens tables of the statement, which
 *		are locked, and their indexes, which it locks as planning does.
 */
Query *
try_composite_in(Query *query, Attempt *attempt)
{
	return rewrite_query(query, attempt);
}
