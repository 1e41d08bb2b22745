/*
 * hashed_case.c
 *	  CASE with many arms that compare one expression with constants.
 *
 * ORMs send the update of many rows as
 *		UPDATE t SET v = CASE WHEN id = 1 THEN 'a' WHEN id = 2 THEN 'b' ... END
 * The executor tries arm after arm for each row, so such a statement takes time
 * in proportion to the square of its length.
 *
 * Shapes.  A CASE in any expression of a statement, of the form CASE k WHEN c1
 * THEN r1 ... or CASE WHEN k = c1 THEN r1 ..., in which the constants may stand
 * on either side; or CASE WHEN (k, l) = (c1, d1) THEN r1 ..., also written k = c1
 * AND l = d1 in any order.  k is any expression that is not volatile and holds
 * no subquery.  Each c is a constant, a parameter, an immutable function of
 * constants, or a leakproof cast of one of these; so are the r, but for a few.
 *
 * Form.  more.case_lookup(k, array of c's, array of r's, else).  It is an
 * expression and stands where the CASE stood.  Of tuples, the position of the
 * first that is equal is looked up first,
 *		more.case_position(false, k, array of c's, l, array of d's)
 * and the result by that position.  Results that cannot be elements of an
 * array, because they are arrays, go as rows of one column to
 * more.case_lookup_rows.  Where some results are computed for the row, such as
 * v + 1, a look-up gives the number of that result, or 0 where it is a constant:
 *		CASE more.case_lookup(k, array of c's, '{0,1,0,2}', NULL)
 *			WHEN 1 THEN the first of them WHEN 2 THEN ... ELSE as above END
 * Parameters whose values are not known yet, in generic plans, would make the
 * arrays anew for each row; so the arrays become scalar subqueries without FROM,
 * which are evaluated once in an execution.
 *
 * Why the result is the same.
 *	- The operator is the equality of the default hash operator class of k's
 *	  type, and the function hashes with this class and the operator's collation.
 *	  So an arm is found exactly if the operator says true; the first of equal
 *	  constants wins.  The operator must be strict: a NULL on either side is no
 *	  match, and no match gives ELSE.
 *	- A row comparison is the AND of its columns' comparisons.  AND is true
 *	  exactly if all of them are, and where it is NULL or false the arm does not
 *	  match: so a tuple matches if no value on either side is NULL and all are
 *	  equal, each by the operator and collation of its column.  The server stops
 *	  at the first comparison that is false, so all k's must be known not to fail.
 *	- Where arms compare with several types of one family (int4 and int8), all
 *	  are widened by leakproof casts, which cannot fail.  A family's operators
 *	  agree with each other.
 *	- k is evaluated where the CASE would evaluate it at least once, and is not
 *	  volatile.  Constants and results have no effects, and cannot fail other
 *	  than when the statement is planned, which they do in a CASE, too.
 *	- The number of a computed result is looked up among all arms, so it is that
 *	  of the first that matches; the result is computed for that row alone, once,
 *	  at a place that is reached under the same condition.  Arms with the same
 *	  result share a number: one of them is computed for a row.  The planner
 *	  simplifies every result, as it does in the CASE; it does not in an arm that
 *	  it drops, as a comparison with NULL, so a result that might then fail must
 *	  belong to a constant that is not NULL.
 *	- ELSE, where it is more than a column or a constant, may be costly, volatile
 *	  or fail, so it is only evaluated if nothing matches: if no result is NULL,
 *	  as COALESCE(case_lookup(..., NULL), else); otherwise a first look-up with
 *	  results true tells whether there is a match.
 *	- Type, typmod and collation of the whole are those of the CASE.
 *	- All CASEs of a statement change in the same way, so that those that were
 *	  equal (GROUP BY and target list) are equal afterwards.
 *	- Locking changes nothing: the expression depends on the same row alone.
 *
 * Left alone: fewer arms than HASHED_CASE_MIN; more than a quarter of them with
 * computed results that differ, or more than MAX_COMPUTED; tuples whose columns
 * are compared under collations that SQL cannot say in one call; keys that are
 * constants or parameters, for which the planner chooses the arm itself; types
 * without a hash operator class, domains; statements that touch foreign tables,
 * whose servers evaluate CASE but do not know case_lookup; generic plans without
 * FROM, which are evaluated for one row only and which PL/pgSQL runs without an
 * executor's state, so that they may not have a subquery; MERGE, security
 * barriers' quals, the conflict target of ON CONFLICT.
 */
#include "postgres.h"

#include "access/hash.h"
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "planner/levels.h"
#include "planner/lookup.h"

/* More columns than this in a tuple are not looked for. */
#define MAX_COLUMNS 16

/* More different results than this that are not constants are not tried one by one. */
#define MAX_COMPUTED 32

/* What the arms compare; the only column, or one of a tuple. */
typedef struct KeyColumn
{
	Node	   *side;			/* the compared side, as in the arms */
	Node	   *key;			/* the same, without CaseTestExpr */
	Oid			type;			/* of key and keys, finally */
	Oid			family;			/* hash operator family */
	Oid			collation;		/* of the comparison */
	Oid			operator;		/* the last one that was checked */
	Oid			value_type;		/* ... with its other side's type */
	List	   *keys;

	/* the last cast that was looked up */
	Oid			cast_from;
	Oid			cast_to;
	Oid			cast;
} KeyColumn;

/* What was read of a CASE. */
typedef struct Arms
{
	int			ncolumns;
	KeyColumn	columns[MAX_COLUMNS];
	bool		sure_key;		/* is some key surely not NULL? */
	List	   *results;		/* NULL for an arm whose result is not a constant */
	List	   *kinds;			/* for each arm 0, or the number of its result among these: */
	List	   *computed;		/* different results that are not constants */
	List	   *dropped;		/* arms that the planner drops */
	bool		fallible;		/* may a key or a result fail to be computed? */
	bool		null_result;	/* may a result be NULL? */
	bool		unbound;		/* do keys or results hold parameters without values? */

	Oid			function;		/* the look-up of the results */
	Oid			found;			/* the look-up of numbers and of whether there is a match */
	Oid			position;		/* the look-up of tuples */
} Arms;

/* A constant, if a value is one under labels and casts that cannot fail; else the value. */
static Node *
fold(Node *value)
{
	FuncExpr   *call = (FuncExpr *) value;
	Const	   *arg;

	if (IsA(value, RelabelType))
	{
		RelabelType *label = (RelabelType *) value;
		Node	   *inner = fold((Node *) label->arg);

		if (!IsA(inner, Const))
			return value;
		return applyRelabelType(inner, label->resulttype, label->resulttypmod, label->resultcollid,
								label->relabelformat, label->location, false);
	}
	if (!IsA(value, FuncExpr) || list_length(call->args) != 1 || !is_harmless(call->funcid))
		return value;
	arg = (Const *) fold(linitial(call->args));
	if (!IsA(arg, Const))
		return value;
	if (arg->constisnull)
		return (Node *) makeNullConst(call->funcresulttype, -1, call->funccollid);
	return (Node *) makeConst(call->funcresulttype, -1, call->funccollid, get_typlen(call->funcresulttype),
							  OidFunctionCall1Coll(call->funcid, call->inputcollid, arg->constvalue),
							  false, get_typbyval(call->funcresulttype));
}

/* Is it cheaper to evaluate this than to ask whether it is needed? */
static bool
is_plain(Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return IsA(node, Var) || is_known(node);
}

/* Can a type be widened to another?  *function is InvalidOid if nothing needs to be done. */
static bool
widens(KeyColumn *column, Oid from, Oid to, Oid *function)
{
	*function = InvalidOid;
	if (from == to)
		return true;
	if (from != column->cast_from || to != column->cast_to)
	{
		column->cast_from = from;
		column->cast_to = to;
		column->cast = widening_cast(from, to);
	}
	*function = column->cast;
	return OidIsValid(column->cast);
}

/* Widen an expression. */
static Node *
widen(KeyColumn *column, Node *node)
{
	Oid			cast;

	if (!widens(column, exprType(node), column->type, &cast))
		elog(ERROR, "no cast to type %u", column->type);
	if (OidIsValid(cast))
		return (Node *) makeFuncExpr(cast, column->type, list_make1(node), get_typcollation(column->type),
									 column->collation, COERCE_IMPLICIT_CAST);
	return node;
}

/* Is this the value that a CASE with an argument tests, perhaps cast? */
static bool
is_tested(Node *node)
{
	if (IsA(node, RelabelType))
		return is_tested((Node *) ((RelabelType *) node)->arg);
	if (IsA(node, FuncExpr) && list_length(((FuncExpr *) node)->args) == 1)
		return is_tested(linitial(((FuncExpr *) node)->args));
	return IsA(node, CaseTestExpr);
}

/* A copy of the compared side with the tested value put in. */
static Node *
put_tested(Node *node, Node *tested)
{
	if (IsA(node, CaseTestExpr))
		return tested;
	node = copyObject(node);
	if (IsA(node, RelabelType))
		((RelabelType *) node)->arg = (Expr *) put_tested((Node *) ((RelabelType *) node)->arg, tested);
	else
		linitial(((FuncExpr *) node)->args) = put_tested(linitial(((FuncExpr *) node)->args), tested);
	return node;
}

/* Is there something that a CASE around it gives a value to? */
static bool
has_placeholder(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CaseTestExpr))
		return true;
	if (IsA(node, ArrayCoerceExpr))
		return has_placeholder((Node *) ((ArrayCoerceExpr *) node)->arg, context);
	if (IsA(node, CaseExpr) && ((CaseExpr *) node)->arg)
	{
		/* its own arms compare with its own value */
		CaseExpr   *expr = (CaseExpr *) node;
		ListCell   *lc;

		foreach(lc, expr->args)
			if (has_placeholder((Node *) lfirst_node(CaseWhen, lc)->result, context))
				return true;
		return has_placeholder((Node *) expr->arg, context) || has_placeholder((Node *) expr->defresult, context);
	}
	return expression_tree_walker(node, has_placeholder, context);
}

/* Why an expression cannot be the key, or NULL. */
static const char *
key_problem(Node *key)
{
	if (is_known(key))
		return "the planner chooses the arm: a constant is compared";
	if (contain_volatile_functions(key))
		return "the compared expression is volatile";
	if (contain_subplans(key) || expression_returns_set(key) || has_placeholder(key, NULL))
		return "the compared expression holds a subquery or a set";
	return NULL;
}

/* Look up what the key's type offers; says why it does not do, or NULL. */
static const char *
type_problem(KeyColumn *column)
{
	TypeCacheEntry *entry;

	column->type = exprType(column->key);
	if (get_typtype(column->type) == TYPTYPE_PSEUDO || get_typtype(column->type) == TYPTYPE_DOMAIN ||
		!OidIsValid(get_array_type(column->type)))
		return psprintf("values of type %s cannot be elements of an array", format_type_be(column->type));
	entry = lookup_type_cache(column->type, TYPECACHE_EQ_OPR | TYPECACHE_HASH_PROC);
	if (!OidIsValid(entry->eq_opr) || !OidIsValid(entry->hash_proc))
		return psprintf("type %s has no hash function", format_type_be(column->type));
	column->family = entry->hash_opf;
	if (OidIsValid(get_typcollation(column->type)) && !OidIsValid(column->collation))
		return "the collation of the comparison is not determined";
	return NULL;
}

/*
 * Why an operator between the key and a value cannot be hashed, or NULL.  May
 * make the common type a wider one.
 */
static const char *
operator_problem(KeyColumn *column, Oid operator, Oid key_type, Oid value_type)
{
	TypeCacheEntry *entry;
	Oid			function = get_opcode(operator);
	Oid			cast;

	if (!func_strict(function) || func_volatile(function) != PROVOLATILE_IMMUTABLE || !compat_may_execute(function))
		return psprintf("operator %s is not a plain equality", get_opname(operator));
	if (key_type == value_type)
	{
		entry = lookup_type_cache(key_type, TYPECACHE_EQ_OPR);
		if (operator != entry->eq_opr)
			return psprintf("operator %s is not the equality that the type is hashed by", get_opname(operator));
	}
	else if (get_op_opfamily_strategy(operator, column->family) != HTEqualStrategyNumber)
		return psprintf("operator %s is not the equality that the types are hashed by", get_opname(operator));
	if (widens(column, value_type, column->type, &cast))
		return NULL;
	entry = lookup_type_cache(value_type, TYPECACHE_EQ_OPR | TYPECACHE_HASH_PROC);
	if (entry->hash_opf != column->family || !OidIsValid(entry->hash_proc) ||
		!widens(column, column->type, value_type, &cast))
		return psprintf("types %s and %s have no common type", format_type_be(column->type), format_type_be(value_type));
	column->type = value_type;
	return NULL;
}

/* Read what the first arm tells of all: a compared side. */
static const char *
read_side(CaseExpr *expr, OpExpr *op, KeyColumn *column)
{
	Node	   *left = linitial(op->args);
	Node	   *right = lsecond(op->args);
	const char *problem;

	column->collation = op->inputcollid;
	column->side = expr->arg == NULL && is_known(left) ? right : left;
	if (expr->arg == NULL)
		column->key = column->side;
	else if (is_tested(left))
		column->key = put_tested(left, (Node *) expr->arg);
	else
		return "not every arm compares the CASE's expression with a constant";
	problem = key_problem(column->key);
	return problem ? problem : type_problem(column);
}

/* Read the sides that the first arm compares: of a tuple each must be another, and computed for every row. */
static const char *
read_sides(Level *level, CaseExpr *expr, List *tests, Arms *arms)
{
	ListCell   *lc;

	if (list_length(tests) > MAX_COLUMNS)
		return "its arms compare too many columns";
	foreach(lc, tests)
	{
		KeyColumn  *column = &arms->columns[arms->ncolumns];
		OpExpr	   *op = lfirst(lc);
		const char *problem;

		if (!IsA(op, OpExpr) || list_length(op->args) != 2)
			return "not every arm compares with =";
		problem = read_side(expr, op, column);
		if (problem)
			return problem;
		for (int c = 0; c < arms->ncolumns; c++)
			if (equal(arms->columns[c].side, column->side))
				return "an arm compares an expression twice";
		arms->ncolumns++;
		if (list_length(tests) > 1 && may_fail(column->key, level))
			return "a compared expression may fail, and other comparisons protect it";
	}
	return NULL;
}

/* The constant that a comparison compares a column with, or NULL; *operator is as if it stood on the right. */
static Node *
compared_value(OpExpr *op, KeyColumn *column, Oid *operator)
{
	Node	   *left = linitial(op->args);
	Node	   *right = lsecond(op->args);

	if (is_known(right) && equal(left, column->side))
	{
		*operator = op->opno;
		return right;
	}
	if (!is_known(left) || !equal(right, column->side))
		return NULL;
	*operator = get_commutator(op->opno);
	return left;
}

/* Read one comparison of an arm into the values of its columns; position is its place in the arm. */
static const char *
read_test(OpExpr *op, int position, Arms *arms, Node **values)
{
	if (!IsA(op, OpExpr) || list_length(op->args) != 2)
		return "not every arm compares with =";
	for (int tries = 0; tries < arms->ncolumns; tries++)
	{
		/* nearly always the order is the same */
		int			c = (position + tries) % arms->ncolumns;
		KeyColumn  *column = &arms->columns[c];
		Oid			operator;
		Node	   *value = values[c] ? NULL : compared_value(op, column, &operator);

		if (value == NULL)
			continue;
		if (op->inputcollid != column->collation)
			return "the arms compare under different collations";
		if (operator != column->operator || exprType(value) != column->value_type)
		{
			const char *problem = OidIsValid(operator) ?
				operator_problem(column, operator, exprType(column->key), exprType(value)) :
				psprintf("operator %s has no commutator", get_opname(op->opno));

			if (problem)
				return problem;
			column->operator = operator;
			column->value_type = exprType(value);
		}
		values[c] = fold(value);
		return NULL;
	}
	return "not every arm compares the same expression with a constant";
}

/*
 * Is some strict argument of this a column, so that the planner cannot
 * compute it?
 */
static bool
is_of_a_column(Node *node, Query *query)
{
	List	   *args;
	Oid			function;
	ListCell   *lc;

	if (is_stored_column(query, node))
		return true;
	if (IsA(node, OpExpr))
	{
		args = ((OpExpr *) node)->args;
		function = get_opcode(((OpExpr *) node)->opno);
	}
	else if (IsA(node, FuncExpr))
	{
		args = ((FuncExpr *) node)->args;
		function = ((FuncExpr *) node)->funcid;
	}
	else
		return false;
	if (!func_strict(function) || is_inlined(function))
		return false;
	foreach(lc, args)
		if (is_of_a_column(lfirst(lc), query))
			return true;
	return false;
}

/* Walker: may a result that is not a constant fail when the statement is planned? */
static bool
fails_in_planner(Node *node, Query *query)
{
	if (node == NULL)
		return false;
	if (node_may_fail(node) && !is_of_a_column(node, query))
		return true;
	return expression_tree_walker(node, fails_in_planner, query);
}

/* The number of a result that is not a constant, from 1; 0 if there are too many. */
static int
number_computed(Arms *arms, Node *result)
{
	int			number = 0;
	ListCell   *lc;

	foreach(lc, arms->computed)
	{
		number++;
		if (equal(lfirst(lc), result))
			return number;
	}
	if (number == MAX_COMPUTED)
		return 0;
	arms->computed = lappend(arms->computed, result);
	return number + 1;
}

/*
 * Add an arm to the list.  The planner drops arms that compare with NULL, and
 * never computes their results, which might fail; of several comparisons, it
 * does so only if all are with NULL.
 */
static const char *
add_arm(Level *level, Arms *arms, Node **values, CaseWhen *when)
{
	Node	   *result = (Node *) when->result;
	bool		constant = true;
	bool		null = false;
	bool		infallible = is_known(result) ? is_infallible(result) : !fails_in_planner(result, level->query);
	int			kind = 0;

	for (int c = 0; c < arms->ncolumns; c++)
	{
		constant &= IsA(values[c], Const);
		null |= IsA(values[c], Const) && ((Const *) values[c])->constisnull;
	}
	if (!infallible && (!constant || (null && arms->ncolumns > 1)))
		return "a result may fail to be computed";
	if (null)
	{
		if (arms->ncolumns == 1)
			arms->dropped = lappend(arms->dropped, when);
		return NULL;
	}
	if (!is_known(result))
	{
		kind = number_computed(arms, result);
		if (kind == 0)
			return psprintf("more than %d different results are not constants", MAX_COMPUTED);
		result = NULL;
	}
	arms->fallible |= !infallible;
	arms->sure_key |= constant;
	for (int c = 0; c < arms->ncolumns; c++)
	{
		arms->fallible |= !is_infallible(values[c]);
		arms->columns[c].keys = lappend(arms->columns[c].keys, values[c]);
	}
	arms->results = lappend(arms->results, result);
	arms->kinds = lappend_int(arms->kinds, kind);
	return NULL;
}

/* Read an arm; says why it cannot be one of a list, or NULL. */
static const char *
read_arm(Level *level, CaseExpr *expr, CaseWhen *when, Arms *arms)
{
	Node	   *test = (Node *) when->expr;
	Node	   *result = (Node *) when->result;
	List	   *tests = is_andclause(test) ? ((BoolExpr *) test)->args : list_make1(test);
	Node	   *values[MAX_COLUMNS] = {NULL};
	const char *problem = NULL;
	int			position = 0;
	ListCell   *lc;

	if (arms->ncolumns == 0)
		problem = read_sides(level, expr, tests, arms);
	if (problem)
		return problem;
	if (list_length(tests) != arms->ncolumns)
		return "not every arm compares the same expressions with constants";
	foreach(lc, tests)
	{
		problem = read_test(lfirst(lc), position++, arms, values);
		if (problem)
			return problem;
	}
	if (exprType(result) != expr->casetype)
		return "not every result is of the same type";
	if (!is_known(result) && has_placeholder(result, NULL))
		return "a result depends on an expression around it";
	return add_arm(level, arms, values, when);
}

/* Why results of this type cannot be looked up, or NULL. */
static const char *
result_problem(Oid type)
{
	if (get_typtype(type) == TYPTYPE_PSEUDO || get_typtype(type) == TYPTYPE_DOMAIN)
		return psprintf("values of type %s cannot be elements of an array", format_type_be(type));
	return NULL;
}

/* Make keys and results what arrays can be made of. */
static void
prepare_values(Level *level, Arms *arms)
{
	ListCell   *lc;

	for (int c = 0; c < arms->ncolumns; c++)
	{
		KeyColumn  *column = &arms->columns[c];

		foreach(lc, column->keys)
			lfirst(lc) = fold(widen(column, lfirst(lc)));
		column->key = rewrite_below(level, widen(column, column->key), false);
	}
	foreach(lc, arms->results)
	{
		Node	   *result = lfirst(lc);

		if (result == NULL)
			continue;
		lfirst(lc) = result = fold(result);
		arms->null_result |= !IsA(result, Const) || ((Const *) result)->constisnull;
	}
	foreach(lc, arms->computed)
		lfirst(lc) = rewrite_below(level, lfirst(lc), false);
}

/* Find the functions to call; says why they cannot be, or NULL. */
static const char *
find_lookups(Attempt *attempt, Arms *arms, Oid type)
{
	int			nargs = arms->unbound ? 5 : 4;

	arms->found = extension_function("case_lookup", nargs);
	arms->function = OidIsValid(get_array_type(type)) ? arms->found : extension_function("case_lookup_rows", nargs);
	arms->position = arms->ncolumns > 1 ? extension_function("case_position", 2) : arms->found;
	if (!OidIsValid(arms->found) || !OidIsValid(arms->function) || !OidIsValid(arms->position))
		return "the extension is not created in this database";
	if (!may_call(attempt, arms->found) || !may_call(attempt, arms->function) || !may_call(attempt, arms->position))
		return "more.case_lookup may not be called";
	return NULL;
}

/* A foreign table among the relations of a query? */
static bool
has_foreign(List *rtable)
{
	ListCell   *lc;

	foreach(lc, rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind == RTE_RELATION && is_foreign(rte->relid))
			return true;
		if (rte->rtekind == RTE_SUBQUERY && has_foreign(rte->subquery->rtable))
			return true;
	}
	return false;
}

/* Are there parameters without values in what will be arrays? */
static bool
has_unbound(Attempt *attempt, Arms *arms)
{
	if (attempt->params != NULL)
		return false;
	for (int c = 0; c < arms->ncolumns; c++)
		if (has_params((Node *) arms->columns[c].keys, NULL))
			return true;
	return has_params((Node *) arms->results, NULL);
}

/* A column of GROUP BY as the expression that it is, since 18; else the expression itself. */
static Node *
ungrouped(Query *query, Node *node)
{
	Var		   *var = (Var *) node;
	RangeTblEntry *rte;

	while (IsA(var, RelabelType))
		var = (Var *) ((RelabelType *) var)->arg;
	if (!IsA(var, Var) || var->varlevelsup > 0)
		return node;
	rte = rt_fetch(var->varno, query->rtable);
	if (!COMPAT_IS_GROUP(rte))
		return node;
#if PG_VERSION_NUM >= 180000
	node = list_nth(rte->groupexprs, var->varattno - 1);
#endif
	return node;
}

/* Is every compared expression a column of a table, and cannot turn out to be a constant? */
static bool
compares_stored(Level *level, Arms *arms)
{
	for (int c = 0; c < arms->ncolumns; c++)
		if (!is_stored_column(level->query, ungrouped(level->query, arms->columns[c].key)))
			return false;
	return true;
}

/*
 * Can SQL say under which collations a tuple's columns are compared?  Two
 * different ones cannot be written down in one call.
 */
static bool
has_plain_collations(Arms *arms)
{
	Oid			collation = InvalidOid;
	bool		different = false;
	bool		plain = true;

	for (int c = 0; c < arms->ncolumns; c++)
	{
		KeyColumn  *column = &arms->columns[c];

		if (!OidIsValid(get_typcollation(column->type)))
			continue;
		different |= OidIsValid(collation) && collation != column->collation;
		collation = column->collation;
		plain &= is_plain(column->key) && exprCollation(column->key) == collation;
	}
	return plain || !different;
}

/* Why what was read of a CASE cannot be looked up, or NULL. */
static const char *
arms_problem(Level *level, Arms *arms)
{
	int			narms = list_length(arms->results);

	if (narms == 0 || (arms->ncolumns == 1 && !arms->sure_key && !is_plain(arms->columns[0].key)))
		return "it may be that every comparison is with NULL, and the planner drops them";
	/* where the key turns out to be a constant, the planner computes one result only */
	if (arms->fallible && !compares_stored(level, arms))
		return "a value may fail to be computed";
	if (!level->attempt->force && list_length(arms->computed) > narms / 4)
		return "too many of its results are not constants";
	if (arms->ncolumns > 1 && !has_plain_collations(arms))
		return "its columns are compared under different collations";
	if (has_foreign(level->query->rtable))
		return "a foreign server evaluates CASE itself";
	return NULL;
}

/* Why a CASE at this level cannot be looked up, or NULL; else it was read. */
static const char *
read_case(Level *level, CaseExpr *expr, Arms *arms)
{
	const char *problem = result_problem(expr->casetype);
	ListCell   *lc;

	foreach(lc, expr->args)
	{
		if (problem)
			return problem;
		problem = read_arm(level, expr, lfirst(lc), arms);
	}
	if (problem == NULL)
		problem = arms_problem(level, arms);
	if (problem)
		return problem;
	arms->unbound = has_unbound(level->attempt, arms);
	if (arms->unbound && level->query->rtable == NIL)
		return "it is evaluated for one row, and its parameters are not known yet";
	if (arms->unbound && (level->query->groupClause || level->query->groupingSets))
		return "its parameters are not known yet, and the query has GROUP BY";
	return find_lookups(level->attempt, arms, expr->casetype);
}

/* An array argument: where it must not be made for every row, as a subquery. */
static Node *
array_argument(Level *level, Arms *arms, List *values, Oid type)
{
	Node	   *array;
	SubLink    *sublink;
	Query	   *query;

	array = array_of(values, type, get_typcollation(type));
	if (!arms->unbound || !has_params(array, NULL))
		return array;
	query = makeNode(Query);
	query->commandType = CMD_SELECT;
	query->querySource = QSRC_ORIGINAL;
	query->canSetTag = true;
	query->jointree = makeFromExpr(NIL, NULL);
	query->targetList = list_make1(makeTargetEntry((Expr *) array, 1, pstrdup("array"), false));
	sublink = makeNode(SubLink);
	sublink->subLinkType = EXPR_SUBLINK;
	sublink->subselect = (Node *) query;
	sublink->location = -1;
	level->sublinks = true;
	return (Node *) sublink;
}

/* Each value in a row of one column. */
static List *
rows_of(List *values)
{
	List	   *rows = NIL;
	ListCell   *lc;

	foreach(lc, values)
	{
		RowExpr    *row = makeNode(RowExpr);

		row->args = list_make1(lfirst(lc));
		row->row_typeid = RECORDOID;
		row->row_format = COERCE_EXPLICIT_CALL;
		row->colnames = list_make1(makeString(pstrdup("f1")));
		row->location = -1;
		rows = lappend(rows, row);
	}
	return rows;
}

static Node *
collate(Node *node, Oid collation)
{
	CollateExpr *result = makeNode(CollateExpr);

	result->arg = (Expr *) node;
	result->collOid = collation;
	result->location = -1;
	return (Node *) result;
}

/* (value1, value2, ...) among the tuples, as their position from 1. */
static Node *
make_position(Level *level, Arms *arms)
{
	List	   *args = list_make1(makeBoolConst(arms->unbound, false));

	for (int c = 0; c < arms->ncolumns; c++)
	{
		KeyColumn  *column = &arms->columns[c];
		Node	   *key = copyObject(column->key);

		if (OidIsValid(get_typcollation(column->type)) && exprCollation(key) != column->collation)
			key = collate(key, column->collation);
		args = lappend(args, key);
		args = lappend(args, array_argument(level, arms, column->keys, column->type));
	}
	return (Node *) makeFuncExpr(arms->position, INT4OID, args, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

static Node *
make_number(int number)
{
	return (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(number), false, true);
}

/* What is looked up, and the values that it is looked up among: of tuples, their positions. */
static void
make_key(Level *level, Arms *arms, KeyColumn *key)
{
	*key = arms->columns[0];
	if (arms->ncolumns == 1)
	{
		key->key = copyObject(key->key);
		return;
	}
	key->key = make_position(level, arms);
	key->type = INT4OID;
	key->collation = InvalidOid;
	key->keys = NIL;
	for (int i = 1; i <= list_length(arms->results); i++)
		key->keys = lappend(key->keys, make_number(i));
}

/* Must collations be written down, for the call to have the same ones when it is read as SQL? */
static bool
is_collated(Oid compared, Oid collation)
{
	return (OidIsValid(compared) && compared != DEFAULT_COLLATION_OID) ||
		(OidIsValid(collation) && collation != DEFAULT_COLLATION_OID);
}

/*
 * A call of case_lookup; results has an element for each arm, or NULL for one
 * that is left out.
 */
static Node *
make_call(Level *level, Arms *arms, Oid function, List *results, Oid type, Oid collation, Node *otherwise)
{
	bool		rows = !OidIsValid(get_array_type(type));
	KeyColumn	key;
	List	   *keys = NIL;
	List	   *values = NIL;
	List	   *args;
	ListCell   *lc;
	ListCell   *lc2;

	make_key(level, arms, &key);
	if (OidIsValid(get_typcollation(key.type)) && is_collated(key.collation, collation))
		key.key = collate(key.key, key.collation);
	forboth(lc, key.keys, lc2, results)
		if (lfirst(lc2))
		{
			keys = lappend(keys, lfirst(lc));
			values = lappend(values, lfirst(lc2));
		}
	if (rows)
		values = rows_of(values);
	args = list_make4(key.key, array_argument(level, arms, keys, key.type),
					  array_argument(level, arms, values, rows ? RECORDOID : type), otherwise);
	if (arms->unbound)
		args = lappend(args, makeBoolConst(true, false));
	return (Node *) makeFuncExpr(function, type, args, collation, key.collation, COERCE_EXPLICIT_CALL);
}

/* A list with a value for each arm whose result is a constant, and NULL for the others. */
static List *
where_constant(Arms *arms, Node *value)
{
	List	   *values = NIL;
	ListCell   *lc;

	foreach(lc, arms->results)
		values = lappend(values, lfirst(lc) ? value : NULL);
	return values;
}

/* Give a look-up the typmod of the CASE and, where it is to be seen in SQL, the collation. */
static Node *
label(Arms *arms, Node *node, Oid type, int32 typmod, Oid collation)
{
	Oid			compared = arms->ncolumns == 1 ? arms->columns[0].collation : InvalidOid;

	if (typmod >= 0)
		node = (Node *) makeRelabelType((Expr *) node, type, typmod, collation, COERCE_EXPLICIT_CAST);
	if (is_collated(compared, collation) && OidIsValid(collation))
		node = collate(node, collation);
	return node;
}

static CaseWhen *
make_when(Node *condition, Node *result)
{
	CaseWhen   *when = makeNode(CaseWhen);

	when->expr = (Expr *) condition;
	when->result = (Expr *) result;
	when->location = -1;
	return when;
}

static Node *
make_case(CaseExpr *expr, Node *arg, List *whens, Node *otherwise)
{
	CaseExpr   *result = makeNode(CaseExpr);

	result->casetype = expr->casetype;
	result->casecollid = expr->casecollid;
	result->arg = (Expr *) arg;
	result->args = whens;
	result->defresult = (Expr *) otherwise;
	result->location = -1;
	return (Node *) result;
}

/* What becomes of the arms with constants, and of ELSE. */
static Node *
look_up_constants(Level *level, CaseExpr *expr, Arms *arms, int32 typmod)
{
	Oid			type = expr->casetype;
	Oid			collation = expr->casecollid;
	Node	   *otherwise = (Node *) expr->defresult;
	Node	   *none = (Node *) makeNullConst(type, typmod, collation);
	bool		plain;
	Node	   *lookup;
	Node	   *found;

	if (otherwise == NULL)
		otherwise = none;
	plain = is_plain(otherwise);
	lookup = label(arms, make_call(level, arms, arms->function, arms->results, type, collation,
								   plain ? otherwise : none), type, typmod, collation);
	if (plain)
		return lookup;
	if (!arms->null_result)
	{
		CoalesceExpr *coalesce = makeNode(CoalesceExpr);

		coalesce->coalescetype = type;
		coalesce->coalescecollid = collation;
		coalesce->args = list_make2(lookup, otherwise);
		coalesce->location = -1;
		return (Node *) coalesce;
	}
	found = make_call(level, arms, arms->found, where_constant(arms, makeBoolConst(true, false)), BOOLOID,
					  InvalidOid, makeBoolConst(false, false));
	return make_case(expr, NULL, list_make1(make_when(found, lookup)), otherwise);
}

/*
 * CASE number of the result WHEN 1 THEN the first that is computed ... ELSE the
 * look-up of the others END
 */
static Node *
choose_computed(Level *level, CaseExpr *expr, Arms *arms, Node *others)
{
	List	   *numbers = NIL;
	List	   *whens = NIL;
	int			number = 0;
	ListCell   *lc;

	foreach(lc, arms->kinds)
		numbers = lappend(numbers, make_number(lfirst_int(lc)));
	foreach(lc, arms->computed)
	{
		CaseTestExpr *tested = makeNode(CaseTestExpr);
		OpExpr	   *test;

		tested->typeId = INT4OID;
		tested->typeMod = -1;
		test = (OpExpr *) make_opclause(Int4EqualOperator, BOOLOID, false, (Expr *) tested,
										(Expr *) make_number(++number), InvalidOid, InvalidOid);
		set_opfuncid(test);
		whens = lappend(whens, make_when((Node *) test, lfirst(lc)));
	}
	return make_case(expr, make_call(level, arms, arms->found, numbers, INT4OID, InvalidOid,
									 (Node *) makeNullConst(INT4OID, -1, InvalidOid)), whens, others);
}

/* Are all results computed? */
static bool
has_no_constants(Arms *arms)
{
	ListCell   *lc;

	foreach(lc, arms->results)
		if (lfirst(lc))
			return false;
	return true;
}

/* What becomes of a CASE that was read; its ELSE is rewritten. */
static Node *
make_replacement(Level *level, CaseExpr *expr, Arms *arms)
{
	int32		typmod;
	Node	   *otherwise = (Node *) expr->defresult;
	Node	   *result;

	/* what is dropped has no say in the type */
	if (arms->dropped)
		expr->args = list_difference_ptr(expr->args, arms->dropped);
	typmod = exprTypmod((Node *) expr);
	if (!has_no_constants(arms))
		result = look_up_constants(level, expr, arms, typmod);
	else if (otherwise)
		result = otherwise;
	else
		result = (Node *) makeNullConst(expr->casetype, typmod, expr->casecollid);
	if (arms->computed)
		result = choose_computed(level, expr, arms, result);
	if (exprTypmod(result) != typmod)
		result = (Node *) makeRelabelType((Expr *) result, expr->casetype, typmod, expr->casecollid,
										  COERCE_IMPLICIT_CAST);
	return result;
}

/* A LevelFunction: rewrite a CASE, those in its key and ELSE first. */
static Node *
replace_case(Level *level, Node *node, bool filter)
{
	CaseExpr   *expr = (CaseExpr *) node;
	Attempt    *attempt = level->attempt;
	Arms		arms = {0};
	List	   *keys = NIL;
	const char *problem;
	int			narms;

	if (!IsA(node, CaseExpr))
		return NULL;
	narms = list_length(expr->args);
	if (narms < (attempt->force ? 1 : HASHED_CASE_MIN))
	{
		site_left(attempt, relations_of(level->query, node), "it has less than %d arms", HASHED_CASE_MIN);
		return NULL;
	}
	problem = read_case(level, expr, &arms);
	if (problem)
	{
		site_left(attempt, relations_of(level->query, node), "%s", problem);
		return NULL;
	}
	for (int c = 0; c < arms.ncolumns; c++)
		keys = lappend(keys, arms.columns[c].key);
	site_changed(attempt, relations_of(level->query, (Node *) keys), narms);
	attempt->sure &= level->output;
	/* the statement as it was may have the same node */
	expr = palloc(sizeof(CaseExpr));
	*expr = *(CaseExpr *) node;
	expr->defresult = (Expr *) rewrite_below(level, (Node *) expr->defresult, false);
	if (attempt->cut > 0)
	{
		expr->args = list_truncate(list_copy(expr->args), attempt->cut);
		return (Node *) expr;
	}
	prepare_values(level, &arms);
	return make_replacement(level, expr, &arms);
}

/*
 * try_hashed_case
 *		A RewriteFunction (see planner.h), with one form.  It is sure where the
 *		CASEs are in what the statement itself returns or stores, and not sorted
 *		or grouped by: nowhere else can the plan depend on them.
 */
Query *
try_hashed_case(Query *query, Attempt *attempt)
{
	return rewrite_grouped_levels(query, attempt, replace_case);
}
