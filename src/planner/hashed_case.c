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
 * on either side.  k is any expression that is not volatile and holds no
 * subquery.  Each c and r is a constant, a parameter, an immutable function of
 * constants, or a leakproof cast of one of these.
 *
 * Form.  more.case_lookup(k, array of c's, array of r's, else).  It is an
 * expression and stands where the CASE stood.  Results that cannot be elements
 * of an array, because they are arrays, go as rows of one column to
 * more.case_lookup_rows.  Parameters whose values are not known yet, in generic
 * plans, would make the arrays anew for each row; so the arrays become scalar
 * subqueries without FROM, which are evaluated once in an execution.
 *
 * Why the result is the same.
 *	- The operator is the equality of the default hash operator class of k's
 *	  type, and the function hashes with this class and the operator's collation.
 *	  So an arm is found exactly if the operator says true; the first of equal
 *	  constants wins.  The operator must be strict: a NULL on either side is no
 *	  match, and no match gives ELSE.
 *	- Where arms compare with several types of one family (int4 and int8), all
 *	  are widened by leakproof casts, which cannot fail.  A family's operators
 *	  agree with each other.
 *	- k is evaluated once where the CASE would evaluate it at least once, and is
 *	  not volatile.  Constants and results have no effects, and cannot fail
 *	  other than when the statement is planned, which they do in a CASE, too.
 *	- ELSE, where it is more than a column or a constant, may be costly, volatile
 *	  or fail, so it is only evaluated if nothing matches: if no result is NULL,
 *	  as COALESCE(case_lookup(..., NULL), else); otherwise a first look-up with
 *	  results true tells whether there is a match.
 *	- Type, typmod and collation of the whole are those of the CASE.
 *	- All CASEs of a statement change in the same way, so that those that were
 *	  equal (GROUP BY and target list) are equal afterwards.
 *	- Locking changes nothing: the expression depends on the same row alone.
 *
 * Left alone: fewer arms than HASHED_CASE_MIN; keys that are constants or
 * parameters, for which the planner chooses the arm itself; types without a hash
 * operator class, domains; statements that touch foreign tables, whose servers
 * evaluate CASE but do not know case_lookup; generic plans without FROM, which
 * are evaluated for one row only and which PL/pgSQL runs without an executor's
 * state, so that they may not have a subquery; MERGE, security barriers' quals,
 * the conflict target of ON CONFLICT.
 */
#include "postgres.h"

#include "access/hash.h"
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "planner/levels.h"
#include "planner/lookup.h"

/* What was read of a CASE. */
typedef struct Arms
{
	Node	   *side;			/* the compared side, as in the arms */
	Node	   *key;			/* the same, without CaseTestExpr */
	Oid			type;			/* of key and keys, finally */
	Oid			family;			/* hash operator family */
	Oid			collation;		/* of the comparison */
	Oid			operator;		/* the last one that was checked */
	Oid			value_type;		/* ... with its other side's type */
	bool		sure_key;		/* is some key surely not NULL? */
	Oid			function;		/* the look-up of the results */
	Oid			found;			/* the look-up of whether there is a match */
	List	   *keys;
	List	   *results;
	bool		fallible;		/* may a key or a result fail to be computed? */
	bool		null_result;	/* may a result be NULL? */
	bool		unbound;		/* do they hold parameters without values? */

	/* the last cast that was looked up */
	Oid			cast_from;
	Oid			cast_to;
	Oid			cast;
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
widens(Arms *arms, Oid from, Oid to, Oid *function)
{
	*function = InvalidOid;
	if (from == to)
		return true;
	if (from != arms->cast_from || to != arms->cast_to)
	{
		arms->cast_from = from;
		arms->cast_to = to;
		arms->cast = widening_cast(from, to);
	}
	*function = arms->cast;
	return OidIsValid(arms->cast);
}

/* Widen an expression. */
static Node *
widen(Arms *arms, Node *node)
{
	Oid			cast;

	if (!widens(arms, exprType(node), arms->type, &cast))
		elog(ERROR, "no cast to type %u", arms->type);
	if (OidIsValid(cast))
		return (Node *) makeFuncExpr(cast, arms->type, list_make1(node), get_typcollation(arms->type),
									 arms->collation, COERCE_IMPLICIT_CAST);
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
type_problem(Arms *arms)
{
	TypeCacheEntry *entry;

	arms->type = exprType(arms->key);
	if (get_typtype(arms->type) == TYPTYPE_PSEUDO || get_typtype(arms->type) == TYPTYPE_DOMAIN ||
		!OidIsValid(get_array_type(arms->type)))
		return psprintf("values of type %s cannot be elements of an array", format_type_be(arms->type));
	entry = lookup_type_cache(arms->type, TYPECACHE_EQ_OPR | TYPECACHE_HASH_PROC);
	if (!OidIsValid(entry->eq_opr) || !OidIsValid(entry->hash_proc))
		return psprintf("type %s has no hash function", format_type_be(arms->type));
	arms->family = entry->hash_opf;
	if (OidIsValid(get_typcollation(arms->type)) && !OidIsValid(arms->collation))
		return "the collation of the comparison is not determined";
	return NULL;
}

/*
 * Why an operator between the key and a value cannot be hashed, or NULL.  May
 * make the common type a wider one.
 */
static const char *
operator_problem(Arms *arms, Oid operator, Oid key_type, Oid value_type)
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
	else if (get_op_opfamily_strategy(operator, arms->family) != HTEqualStrategyNumber)
		return psprintf("operator %s is not the equality that the types are hashed by", get_opname(operator));
	if (widens(arms, value_type, arms->type, &cast))
		return NULL;
	entry = lookup_type_cache(value_type, TYPECACHE_EQ_OPR | TYPECACHE_HASH_PROC);
	if (entry->hash_opf != arms->family || !OidIsValid(entry->hash_proc) ||
		!widens(arms, arms->type, value_type, &cast))
		return psprintf("types %s and %s have no common type", format_type_be(arms->type), format_type_be(value_type));
	arms->type = value_type;
	return NULL;
}

/* Read what the first arm tells of all: the compared side. */
static const char *
read_side(CaseExpr *expr, OpExpr *op, Arms *arms)
{
	Node	   *left = linitial(op->args);
	Node	   *right = lsecond(op->args);
	const char *problem;

	arms->collation = op->inputcollid;
	arms->side = expr->arg == NULL && is_known(left) ? right : left;
	if (expr->arg == NULL)
		arms->key = arms->side;
	else if (is_tested(left))
		arms->key = put_tested(left, (Node *) expr->arg);
	else
		return "not every arm compares the CASE's expression with a constant";
	problem = key_problem(arms->key);
	return problem ? problem : type_problem(arms);
}

/*
 * Add an arm to the list.  The planner drops arms that compare with NULL, and
 * never computes their results, which might fail.
 */
static const char *
add_arm(Arms *arms, Node *key, Node *result)
{
	bool		constant = IsA(key, Const);

	if (constant && ((Const *) key)->constisnull)
		return NULL;
	if (!constant && !is_infallible(result))
		return "a result may fail to be computed";
	arms->fallible |= !is_infallible(key) || !is_infallible(result);
	arms->sure_key |= constant;
	arms->keys = lappend(arms->keys, key);
	arms->results = lappend(arms->results, result);
	return NULL;
}

/* Read an arm; says why it cannot be one of a list, or NULL. */
static const char *
read_arm(CaseExpr *expr, CaseWhen *when, Arms *arms)
{
	OpExpr	   *op = (OpExpr *) when->expr;
	Node	   *value;
	Oid			operator;

	if (!IsA(op, OpExpr) || list_length(op->args) != 2)
		return "not every arm compares with =";
	if (arms->side == NULL)
	{
		const char *problem = read_side(expr, op, arms);

		if (problem)
			return problem;
	}
	if (is_known(lsecond(op->args)) && equal(linitial(op->args), arms->side))
	{
		value = lsecond(op->args);
		operator = op->opno;
	}
	else if (is_known(linitial(op->args)) && equal(lsecond(op->args), arms->side))
	{
		value = linitial(op->args);
		operator = get_commutator(op->opno);
	}
	else
		return "not every arm compares the same expression with a constant";
	if (op->inputcollid != arms->collation)
		return "the arms compare under different collations";
	if (!is_known((Node *) when->result) || exprType((Node *) when->result) != expr->casetype)
		return "not every result is a constant";
	if (operator != arms->operator || exprType(value) != arms->value_type)
	{
		const char *problem = OidIsValid(operator) ?
			operator_problem(arms, operator, exprType(arms->key), exprType(value)) :
			psprintf("operator %s has no commutator", get_opname(op->opno));

		if (problem)
			return problem;
		arms->operator = operator;
		arms->value_type = exprType(value);
	}
	return add_arm(arms, fold(value), (Node *) when->result);
}

/* Why results of this type cannot be looked up, or NULL. */
static const char *
result_problem(Oid type)
{
	if (get_typtype(type) == TYPTYPE_PSEUDO || get_typtype(type) == TYPTYPE_DOMAIN)
		return psprintf("values of type %s cannot be elements of an array", format_type_be(type));
	return NULL;
}

static bool
has_param(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return true;
	return expression_tree_walker(node, has_param, context);
}

/* Make keys and results what arrays can be made of. */
static void
prepare_values(Arms *arms)
{
	ListCell   *lc;

	foreach(lc, arms->keys)
		lfirst(lc) = fold(widen(arms, lfirst(lc)));
	foreach(lc, arms->results)
	{
		Node	   *result = fold(lfirst(lc));

		lfirst(lc) = result;
		arms->null_result |= !IsA(result, Const) || ((Const *) result)->constisnull;
	}
	arms->key = widen(arms, arms->key);
}

/* Find the functions to call; says why they cannot be, or NULL. */
static const char *
find_lookups(Attempt *attempt, Arms *arms, Oid type)
{
	int			nargs = arms->unbound ? 5 : 4;

	arms->found = extension_function("case_lookup", nargs);
	arms->function = OidIsValid(get_array_type(type)) ? arms->found : extension_function("case_lookup_rows", nargs);
	if (!OidIsValid(arms->found) || !OidIsValid(arms->function))
		return "the extension is not created in this database";
	if (!may_call(attempt, arms->found) || !may_call(attempt, arms->function))
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
		problem = read_arm(expr, lfirst(lc), arms);
	}
	if (problem)
		return problem;
	if (!arms->sure_key && (arms->keys == NIL || !is_plain(arms->key)))
		return "it may be that every comparison is with NULL, and the planner drops them";
	/* where the key turns out to be a constant, the planner computes one result only */
	if (arms->fallible && !is_stored_column(level->query, arms->key))
		return "a value may fail to be computed";
	if (has_foreign(level->query->rtable))
		return "a foreign server evaluates CASE itself";
	arms->unbound = level->attempt->params == NULL &&
		(has_param((Node *) arms->keys, NULL) || has_param((Node *) arms->results, NULL));
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
	if (!arms->unbound || !has_param(array, NULL))
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

/* Must collations be written down, for the call to have the same ones when it is read as SQL? */
static bool
is_collated(Arms *arms, Oid collation)
{
	return (OidIsValid(arms->collation) && arms->collation != DEFAULT_COLLATION_OID) ||
		(OidIsValid(collation) && collation != DEFAULT_COLLATION_OID);
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

/* A call of case_lookup. */
static Node *
make_call(Level *level, Arms *arms, Oid function, List *results, Oid type, Oid collation, Node *otherwise)
{
	bool		rows = !OidIsValid(get_array_type(type));
	Node	   *key = copyObject(arms->key);
	List	   *args;

	if (is_collated(arms, collation) && OidIsValid(get_typcollation(arms->type)))
		key = collate(key, arms->collation);
	if (rows)
		results = rows_of(results);
	args = list_make4(key, array_argument(level, arms, arms->keys, arms->type),
					  array_argument(level, arms, results, rows ? RECORDOID : type), otherwise);
	if (arms->unbound)
		args = lappend(args, makeBoolConst(true, false));
	return (Node *) makeFuncExpr(function, type, args, collation, arms->collation, COERCE_EXPLICIT_CALL);
}

/* Give a look-up the typmod of the CASE and, where it is to be seen in SQL, the collation. */
static Node *
label(Arms *arms, Node *node, Oid type, int32 typmod, Oid collation)
{
	if (typmod >= 0)
		node = (Node *) makeRelabelType((Expr *) node, type, typmod, collation, COERCE_EXPLICIT_CAST);
	if (is_collated(arms, collation) && OidIsValid(collation))
		node = collate(node, collation);
	return node;
}

/* What becomes of a CASE that was read; its ELSE is rewritten. */
static Node *
make_replacement(Level *level, CaseExpr *expr, Arms *arms)
{
	Oid			type = expr->casetype;
	Oid			collation = expr->casecollid;
	int32		typmod = exprTypmod((Node *) expr);
	Node	   *otherwise = (Node *) expr->defresult;
	Node	   *none = (Node *) makeNullConst(type, typmod, collation);
	Node	   *lookup;

	if (otherwise == NULL)
		otherwise = none;
	if (is_plain(otherwise))
		return label(arms, make_call(level, arms, arms->function, arms->results, type, collation, otherwise), type, typmod, collation);
	lookup = label(arms, make_call(level, arms, arms->function, arms->results, type, collation, none), type, typmod, collation);
	if (!arms->null_result)
	{
		CoalesceExpr *coalesce = makeNode(CoalesceExpr);

		coalesce->coalescetype = type;
		coalesce->coalescecollid = collation;
		coalesce->args = list_make2(lookup, otherwise);
		coalesce->location = -1;
		return (Node *) coalesce;
	}
	else
	{
		CaseExpr   *outer = makeNode(CaseExpr);
		CaseWhen   *when = makeNode(CaseWhen);
		List	   *found = NIL;

		for (int i = 0; i < list_length(arms->keys); i++)
			found = lappend(found, makeBoolConst(true, false));
		when->expr = (Expr *) make_call(level, arms, arms->found, found, BOOLOID, InvalidOid, makeBoolConst(false, false));
		when->result = (Expr *) lookup;
		when->location = -1;
		outer->casetype = type;
		outer->casecollid = collation;
		outer->args = list_make1(when);
		outer->defresult = (Expr *) otherwise;
		outer->location = -1;
		return (Node *) outer;
	}
}

/* A LevelFunction: rewrite a CASE, those in its key and ELSE first. */
static Node *
replace_case(Level *level, Node *node, bool filter)
{
	CaseExpr   *expr = (CaseExpr *) node;
	Attempt    *attempt = level->attempt;
	Arms		arms = {0};
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
	site_changed(attempt, relations_of(level->query, arms.key), narms);
	attempt->sure &= level->output;
	expr->defresult = (Expr *) rewrite_below(level, (Node *) expr->defresult, false);
	if (attempt->cut > 0)
	{
		expr->args = list_truncate(expr->args, attempt->cut);
		return node;
	}
	prepare_values(&arms);
	arms.key = rewrite_below(level, arms.key, false);
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
