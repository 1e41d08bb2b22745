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
 * that an index or a hash table serves.  Form 1 keeps it a filter, by a function
 * around it (list_stats.c), which the executor looks up in a hash table, and
 * adds what follows of it for single columns, a = ANY (array of a's), where an
 * index, a partial index's predicate or partitions can use that, or where it
 * saves look-ups (prefilter.c).  In every other place it stays an expression of
 * the hashed kind.
 *
 * Why the result is the same.  IN over a subquery is defined as the OR of the
 * row comparisons with the subquery's rows, a row comparison as the AND of the
 * column comparisons, and both in three-valued logic, where AND and OR are
 * distributive over each other, too; the executor's hashed
 * look-up keeps rows with NULLs apart in order to answer NULL exactly where
 * the OR does.  AND and OR do not care for order or repetition, so a tuple that
 * is listed twice changes nothing, and a semi-join returns each row once.  The
 * operators and their collations are those of the statement; they must be
 * strict and hashable, so they belong to an operator family, and the operators
 * that the planner takes from there agree with them.  The same holds when
 * values of one family's types are widened by a cast that cannot fail.  The
 * compared expressions may not be volatile, as they are evaluated once per row
 * and not once per arm.  What follows for single columns is only added beside
 * the condition itself, as a conjunct of a filter, where NULL and false are one;
 * more.listed() is strict and gives its argument.
 *
 * Locking.  When UPDATE, DELETE or SELECT FOR UPDATE meets a row that another
 * transaction changed, the condition is checked again for the new row.  A
 * semi-join would be checked against the one tuple that the old row had
 * matched, though the new row may match another; so where the compared columns
 * are those of the target, or anything is locked, it stays a filter, whose
 * hash table holds all tuples.  Cursors get filters too: WHERE CURRENT OF wants
 * the plain scan of a table.
 *
 * Errors.  An OR of ANDs stops at the comparison that decides, so all but the
 * very first comparison may be protected by others, as in kind = 'n' AND
 * v::int = 5; the look-up computes all of them, so they must be known not to
 * fail (may_fail.c).  A constant that is an expression, such as 1.5::float8, may
 * fail to be computed, too.  As a filter it stays where it was, and the planner
 * may still find that the place is never reached; a join would compute it in
 * any case, so such a list is not joined, and it is left alone where the columns
 * are not a table's and may turn out to be constants.
 *
 * Left alone: lists over foreign tables (the remote server takes them as they
 * are), MERGE, expressions of a query with GROUP BY, values computed from
 * parameters, operators that cannot be hashed, columns whose type has no array
 * type.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/lsyscache.h"

#include "planner/levels.h"
#include "planner/lookup.h"

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
	bool		mixed;			/* are there other operators or types? */
	bool		fallible;		/* are there values that may fail to be computed? */
	bool		parameters;		/* are there parameters among them? */
	List	   *values;
	List	   *operators;		/* the values' own */
} ListColumn;

/* Arms that compare the same columns. */
typedef struct TupleGroup
{
	int			ncolumns;
	ListColumn	columns[MAX_COLUMNS];
	int			ntuples;
	List	   *others;			/* what else all of the arms ask for */
	int			first;			/* position of the first arm */
	const char *problem;		/* why it is left alone */
} TupleGroup;

/* Read a boolean column, or NOT of one, as its comparison with a constant. */
static bool
read_boolean(Node *node, bool value, Comparison *comparison)
{
	if (is_notclause(node))
		return read_boolean((Node *) get_notclausearg(node), !value, comparison);
	if (!IsA(node, Var))
		return false;
	comparison->left = node;
	comparison->value = makeBoolConst(value, false);
	comparison->operator = BooleanEqualOperator;
	comparison->collation = InvalidOid;
	return true;
}

/* Is this an operator that says that two values are equal? */
static bool
is_equality(Oid operator)
{
	/* a list of tuples asks for the same few again and again */
	static Oid	recent[4];
	static int	next = 0;

	for (int i = 0; i < lengthof(recent); i++)
		if (recent[i] == operator)
			return true;
	if (get_mergejoin_opfamilies(operator) == NIL && !op_hashjoinable(operator, InvalidOid))
		return false;
	recent[next] = operator;
	next = (next + 1) % lengthof(recent);
	return true;
}

/* Read a comparison as equality of a known value with anything else. */
static bool
read_comparison(Node *node, bool negated, Comparison *comparison)
{
	OpExpr	   *op = (OpExpr *) node;

	if (IsA(node, Var) || is_notclause(node))
		return read_boolean(node, !negated, comparison);
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
	return OidIsValid(comparison->operator) && is_equality(comparison->operator) &&
		is_known(comparison->value) && !is_known(comparison->left);
}

/*
 * Read an arm; returns the number of its comparisons, or 0, and the list of its
 * other conditions.
 */
static int
read_arm(Node *arm, bool negated, Comparison *comparisons, List **others)
{
	BoolExpr   *expr = (BoolExpr *) arm;
	int			n = 0;
	ListCell   *lc;

	*others = NIL;
	if (!IsA(arm, BoolExpr) || expr->boolop != (negated ? OR_EXPR : AND_EXPR) ||
		list_length(expr->args) < 2 || list_length(expr->args) > MAX_COLUMNS)
		return 0;
	foreach(lc, expr->args)
	{
		if (read_comparison(lfirst(lc), negated, &comparisons[n]))
			n++;
		else
			*others = lappend(*others, lfirst(lc));
	}
	return n < 2 ? 0 : n;
}

/* Do the comparisons compare the group's columns, each once, in any order? */
static bool
fits(TupleGroup *group, Comparison *comparisons, int n, List *others)
{
	bool		used[MAX_COLUMNS] = {false};

	if (group->ncolumns != n || !equal(group->others, others))
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
		if (!is_infallible(comparisons[i].value))
			column->fallible = true;
		if (!IsA(comparisons[i].value, Const) && has_params(comparisons[i].value, NULL))
			column->parameters = true;
		column->values = lappend(column->values, comparisons[i].value);
		column->operators = lappend_oid(column->operators, comparisons[i].operator);
	}
	group->ntuples++;
}

/* A new group with the columns of an arm; columns that repeat make no tuple. */
static TupleGroup *
make_group(Comparison *comparisons, int n, List *others, int position)
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
	group->others = others;
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
		List	   *others;
		int			n = read_arm(lfirst(lc), negated, comparisons, &others);
		TupleGroup *found = NULL;
		ListCell   *g;

		if (n > 0)
		{
			foreach(g, groups)
				if (found == NULL && fits(lfirst(g), comparisons, n, others))
					found = lfirst(g);
			if (found == NULL && list_length(groups) < 4)
			{
				found = make_group(comparisons, n, others, position);
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
	*function = from == to ? InvalidOid : widening_cast(from, to);
	return from == to || OidIsValid(*function);
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

/*
 * Give all values of a column the widest of their types.  Each has to be
 * compared by the family's equality for its type: not by another operator.
 */
static bool
unify(ListColumn *column)
{
	Oid			widest = column->type;
	Oid			function;
	Oid			left;
	Oid			right;
	List	   *values = NIL;
	ListCell   *lc;
	ListCell   *op;

	foreach(lc, column->values)
	{
		Oid			type = exprType(lfirst(lc));

		if (!widens(type, widest, &function))
			widest = type;
	}
	op_input_types(column->operator, &left, &right);
	forboth(lc, column->values, op, column->operators)
	{
		Node	   *value = lfirst(lc);

		if (!widens(exprType(value), widest, &function) ||
			lfirst_oid(op) != family_equality(column->operator, left, exprType(value)))
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

/* Decide whether a group is worth it, and can be looked up. */
static const char *
group_problem(Level *level, TupleGroup *group)
{
	int			least = level->attempt->force ? 2 : COMPOSITE_IN_MIN;
	List	   *lefts = NIL;
	bool		fallible = false;
	bool		plain = true;

	if (group->ntuples < least)
		return psprintf("it has less than %d tuples", least);
	for (int c = 0; c < group->ncolumns; c++)
	{
		ListColumn *column = &group->columns[c];
		const char *problem;

		if (column->mixed && !unify(column))
			return "the values of a column have different types";
		problem = lookup_problem(level, column->left, column->operator, column->collation, column->type);
		if (problem)
			return problem;
		/* the first comparison of an OR or AND is the only one that is surely computed */
		if ((c > 0 || group->first > 0) && may_fail(column->left, level))
			return "a compared expression may fail, and other comparisons protect it";
		fallible |= column->fallible;
		plain &= is_stored_column(level->query, column->left);
		lefts = lappend(lefts, column->left);
	}
	/* where a column turns out to be a constant, the planner may compute no value at all */
	if (fallible && !plain)
		return "a value may fail to be computed";
	if (may_fail((Node *) group->others, level))
		return "a condition in its arms may fail, and the comparisons protect it";
	if (contain_volatile_functions((Node *) group->others))
		return "a condition in its arms is volatile";
	if (!contain_var_clause((Node *) lefts) && !has_outer_columns((Node *) lefts, NULL))
		return "it compares no column";
	return NULL;
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

/* The columns, with values, as they are looked up. */
static LookupColumn *
lookup_columns(TupleGroup *group)
{
	LookupColumn *columns = palloc(sizeof(LookupColumn) * group->ncolumns);

	for (int c = 0; c < group->ncolumns; c++)
	{
		ListColumn *column = &group->columns[c];

		columns[c].left = column->left;
		columns[c].operator = column->operator;
		columns[c].collation = column->collation;
		columns[c].type = column->type;
		columns[c].array = array_of(column->values, column->type, get_typcollation(column->type));
	}
	return columns;
}

/* column = ANY (its values) */
static Node *
column_condition(ListColumn *column)
{
	ScalarArrayOpExpr *any = makeNode(ScalarArrayOpExpr);

	any->opno = column->operator;
	any->opfuncid = get_opcode(column->operator);
	any->useOr = true;
	any->inputcollid = column->collation;
	any->args = list_make2(copyObject(column->left),
						   array_of(different_values(column), column->type,
									get_typcollation(column->type)));
	any->location = -1;
	return (Node *) any;
}

/* The look-up as a filter, with what follows for single columns. */
static Node *
list_filter(Level *level, TupleGroup *group)
{
	LookupColumn *columns = lookup_columns(group);
	bool		fallible = false;
	Node	   *prefilter = NULL;
	Node	   *test;
	List	   *conditions = NIL;

	for (int c = 0; c < group->ncolumns; c++)
		fallible |= group->columns[c].fallible;
	/* which looks at the values */
	if (!fallible)
		prefilter = make_prefilter(level->query, columns, group->ncolumns, level->attempt->params);
	test = make_listed(level->attempt, make_lookup(level->query, columns, group->ncolumns), prefilter);
	for (int c = 0; c < group->ncolumns; c++)
		if (is_indexed(level->query, group->columns[c].left))
			conditions = lappend(conditions, column_condition(&group->columns[c]));
	if (conditions == NIL)
		return test;
	return (Node *) makeBoolExpr(AND_EXPR, lappend(conditions, test), -1);
}

/* What a group compares. */
static Node *
group_lefts(TupleGroup *group)
{
	List	   *lefts = NIL;

	for (int c = 0; c < group->ncolumns; c++)
		lefts = lappend(lefts, group->columns[c].left);
	return (Node *) lefts;
}

/* May the group become a join? */
static bool
group_may_join(Level *level, TupleGroup *group)
{
	bool		parameters = false;

	for (int c = 0; c < group->ncolumns; c++)
	{
		parameters |= group->columns[c].parameters;
		if (group->columns[c].fallible)
			return false;
	}
	return may_join(level->query, level->attempt, group_lefts(group), parameters);
}

/* The condition that takes the place of a group. */
static Node *
replace_group(Level *level, TupleGroup *group, bool negated, bool filter)
{
	Attempt    *attempt = level->attempt;
	bool		join = filter && group_may_join(level, group);
	Node	   *result;
	List	   *others;

	site_changed(attempt, relations_of(level->query, group_lefts(group)), group->ntuples);
	attempt->sure = false;
	/*
	 * Each tuple costs the server a look-up in an index and a row, or a
	 * comparison with every row; but there may be few rows, where partitions or
	 * a partial index leave out the others.
	 */
	if (filter && has_exclusions(level->query, group_lefts(group)))
		attempt->no_floor = true;
	attempt->floor += group->ntuples * (filter ? 2 * random_page_cost + 200 * cpu_operator_cost :
										2 * cpu_operator_cost);
	if (join)
		attempt->forms = 2;
	if (filter && !(join && attempt->form == 0))
		result = list_filter(level, group);
	else
		result = make_lookup(level->query, lookup_columns(group), group->ncolumns);
	level->sublinks = true;
	if (negated)
		result = (Node *) makeBoolExpr(NOT_EXPR, list_make1(result), -1);
	if (group->others == NIL)
		return result;
	others = (List *) rewrite_below(level, (Node *) group->others, false);
	return (Node *) makeBoolExpr(negated ? OR_EXPR : AND_EXPR, lappend(others, result), -1);
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
		site_left(level->attempt, relations_of(level->query, group_lefts(largest)), "%s", largest->problem);
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

/* Decide on the groups of an AND or OR; returns how many are taken. */
static int
judge_groups(Level *level, BoolExpr *expr, List *groups)
{
	int			taken = 0;
	ListCell   *lc;

	foreach(lc, groups)
	{
		TupleGroup *group = lfirst(lc);

		group->problem = group_problem(level, group);
		if (group->problem == NULL)
			taken++;
	}
	if (taken == 0 && list_length(expr->args) >= (level->attempt->force ? 2 : COMPOSITE_IN_MIN))
		tell_left(level, expr, groups);
	return taken;
}

/* An arm of a group that is taken, at this position: what takes its place, or NULL. */
static Node *
replace_arm(Level *level, BoolExpr *expr, int position, TupleGroup *group, bool filter)
{
	if (level->attempt->cut > 0)
	{
		if (group->first == position)
			site_changed(level->attempt, "", group->ntuples);
		return position < group->first + level->attempt->cut ? list_nth(expr->args, position) : NULL;
	}
	if (position > group->first)
		return NULL;
	return replace_group(level, group, expr->boolop == AND_EXPR, filter);
}

/*
 * A LevelFunction: replace the lists among the arguments of an AND or OR, and
 * what is in the other arguments.
 */
static Node *
replace_lists(Level *level, Node *node, bool filter)
{
	BoolExpr   *expr = (BoolExpr *) node;
	TupleGroup **group_of;
	List	   *groups;
	List	   *args = NIL;
	bool		alone;

	if (!IsA(node, BoolExpr) || expr->boolop == NOT_EXPR)
		return NULL;
	group_of = palloc0(sizeof(TupleGroup *) * list_length(expr->args));
	groups = collect_groups(expr, group_of);
	if (judge_groups(level, expr, groups) == 0)
		return NULL;

	alone = filter && expr->boolop == OR_EXPR && is_one_group(expr, groups, group_of);
	for (int position = 0; position < list_length(expr->args); position++)
	{
		TupleGroup *group = group_of[position];
		Node	   *arg = list_nth(expr->args, position);

		if (group == NULL || group->problem)
			arg = rewrite_below(level, arg, filter && expr->boolop == AND_EXPR);
		else
			arg = replace_arm(level, expr, position, group, alone);
		if (arg)
			args = lappend(args, arg);
	}
	if (list_length(args) == 1)
		return linitial(args);
	return (Node *) makeBoolExpr(expr->boolop, args, expr->location);
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
	return rewrite_levels(query, attempt, replace_lists);
}
