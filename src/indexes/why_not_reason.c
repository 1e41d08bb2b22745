/*
 * why_not_reason.c
 *	  Why the predicate of an index does not follow from a query.
 *
 * That it does not follow, and which conjunct of it, the planner has said
 * (why_not_look.c).  Here the conditions that the planner had are looked through
 * for the one that was meant to prove it, to put into words what is between the
 * two.  Nothing depends on these words but the reader.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "compat.h"
#include "catalog.h"
#include "condition.h"
#include "indexes/why_not.h"

/* What is being explained. */
typedef struct Explained
{
	Oid			table;
	const char *alias;
	Look	   *look;
	Node	   *conjunct;
	Bitmapset  *columns;		/* of the conjunct */
} Explained;

/* Is there something in a condition that cannot be shown, or not by itself? */
static bool
unprintable_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			return ((Var *) node)->varno != 1 || ((Var *) node)->varlevelsup != 0;
		case T_Param:
			return ((Param *) node)->paramkind != PARAM_EXTERN;
		case T_PlaceHolderVar:
		case T_SubLink:
		case T_SubPlan:
		case T_AlternativeSubPlan:
		case T_RestrictInfo:
		case T_Aggref:
		case T_GroupingFunc:
		case T_WindowFunc:
		case T_CurrentOfExpr:
			return true;
		default:
			return expression_tree_walker(node, unprintable_walker, context);
	}
}

/*
 * clause_text
 *		A condition on the table, with its columns qualified by the alias, or NULL if
 *		it cannot be shown.
 */
char *
clause_text(Oid table, const char *alias, Node *clause)
{
	int			nest;
	char	   *result;

	if (unprintable_walker(clause, NULL))
		return NULL;
	nest = stable_text_begin();
	result = deparse_expression(clause, deparse_context_for(alias, table), true, false);
	stable_text_end(nest);
	return result;
}

/* The same for messages. */
static const char *
shown(Explained *explained, Node *clause)
{
	char	   *text = clause_text(explained->table, explained->alias, clause);

	return text ? text : "a condition with other tables or a subquery";
}

/*
 * without_casts
 *		What is cast, however often.
 */
Node *
without_casts(Node *node)
{
	for (;;)
	{
		if (node && IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (node && IsA(node, CoerceViaIO))
			node = (Node *) ((CoerceViaIO *) node)->arg;
		else if (node && IsA(node, CollateExpr))
			node = (Node *) ((CollateExpr *) node)->arg;
		else if (node && IsA(node, CoerceToDomain))
			node = (Node *) ((CoerceToDomain *) node)->arg;
		else if (node && IsA(node, FuncExpr) && ((FuncExpr *) node)->funcformat != COERCE_EXPLICIT_CALL &&
				 ((FuncExpr *) node)->args != NIL)
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

/*
 * compared_operand
 *		What a condition compares with something else, or tests; NULL: neither.
 */
Node *
compared_operand(Node *clause)
{
	List	   *args = NIL;

	if (IsA(clause, NullTest))
		return (Node *) ((NullTest *) clause)->arg;
	if (IsA(clause, BooleanTest))
		return (Node *) ((BooleanTest *) clause)->arg;
	if (IsA(clause, ScalarArrayOpExpr))
		args = ((ScalarArrayOpExpr *) clause)->args;
	else if (IsA(clause, OpExpr) || IsA(clause, DistinctExpr))
		args = ((OpExpr *) clause)->args;
	if (list_length(args) != 2)
		return NULL;
	return contain_var_clause(linitial(args)) ? linitial(args) : lsecond(args);
}

/* The type of the value that the operand is compared with. */
static Oid
value_type(Node *clause)
{
	List	   *args = NIL;
	Node	   *other;

	if (IsA(clause, ScalarArrayOpExpr))
		args = ((ScalarArrayOpExpr *) clause)->args;
	else if (IsA(clause, OpExpr))
		args = ((OpExpr *) clause)->args;
	if (list_length(args) != 2)
		return InvalidOid;
	other = contain_var_clause(linitial(args)) ? lsecond(args) : linitial(args);
	return get_element_type(exprType(other)) ? get_element_type(exprType(other)) : exprType(other);
}

/* The collation by which a comparison compares. */
static Oid
comparison_collation(Node *clause)
{
	if (IsA(clause, OpExpr))
		return ((OpExpr *) clause)->inputcollid;
	if (IsA(clause, ScalarArrayOpExpr))
		return ((ScalarArrayOpExpr *) clause)->inputcollid;
	return InvalidOid;
}

/* Is it a comparison that leaves all values but some? */
static bool
is_inequality(Node *clause)
{
	Oid			operator = IsA(clause, OpExpr) ? ((OpExpr *) clause)->opno :
		IsA(clause, ScalarArrayOpExpr) ? ((ScalarArrayOpExpr *) clause)->opno : InvalidOid;
	char	   *name = OidIsValid(operator) ? get_opname(operator) : NULL;

	return name && strcmp(name, "<>") == 0;
}

static Bitmapset *
columns_of(Node *clause)
{
	Bitmapset  *columns = NULL;

	pull_varattnos(clause, 1, &columns);
	return columns;
}

static bool
has_parameter(Node *node, int *id)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
	{
		*id = ((Param *) node)->paramid;
		return true;
	}
	return expression_tree_walker(node, has_parameter, id);
}

static bool
implies(Node *clause, Node *conjunct)
{
	return !contain_mutable_functions(clause) &&
		predicate_implied_by(list_make1(conjunct), list_make1(clause), false);
}

/* Two comparisons of the same operand. */
static char *
compare_values(Explained *explained, Node *clause)
{
	Oid			ours = comparison_collation(explained->conjunct);
	Oid			theirs = comparison_collation(clause);
	Oid			type = value_type(explained->conjunct);
	Oid			other = value_type(clause);

	if (OidIsValid(ours) && OidIsValid(theirs) && ours != theirs)
		return psprintf("%s compares by collation %s, the index by %s", shown(explained, clause),
						collation_sql(theirs), collation_sql(ours));
	if (OidIsValid(type) && OidIsValid(other) && type != other)
		return psprintf("%s compares with a value of type %s, the index with one of type %s",
						shown(explained, clause), format_type_be(other), format_type_be(type));
	if (is_inequality(clause) && !is_inequality(explained->conjunct))
		return psprintf("%s leaves out one value and does not tell which is there", shown(explained, clause));
	return NULL;
}

/* What is between a condition and the conjunct that it may have been meant to prove; NULL: nothing in particular. */
static char *
compare_forms(Explained *explained, Node *clause)
{
	Node	   *ours = compared_operand(explained->conjunct);
	Node	   *theirs = compared_operand(clause);

	if (IsA(clause, BooleanTest) && !IsA(explained->conjunct, BooleanTest))
		return psprintf("the server's prover does not compare %s with it", shown(explained, clause));
	if (is_notclause(clause) && IsA(get_notclausearg((Expr *) clause), DistinctExpr))
		return psprintf("the server's prover does not look into IS NOT DISTINCT FROM: %s", shown(explained, clause));
	if (ours == NULL || theirs == NULL || IsA(explained->conjunct, NullTest))
		return NULL;
	if (equal(ours, theirs))
		return compare_values(explained, clause);
	if (!equal(without_casts(ours), without_casts(theirs)))
		return psprintf("the expression in %s is not the one of the index", shown(explained, clause));
	if (exprType(ours) != exprType(theirs))
		return psprintf("%s compares as type %s, the index as type %s", shown(explained, clause),
						format_type_be(exprType(theirs)), format_type_be(exprType(ours)));
	if (exprCollation(ours) != exprCollation(theirs) && OidIsValid(exprCollation(ours)) &&
		OidIsValid(exprCollation(theirs)))
		return psprintf("%s compares by collation %s, the index by %s", shown(explained, clause),
						collation_sql(exprCollation(theirs)), collation_sql(exprCollation(ours)));
	return psprintf("%s casts it in another way than the index", shown(explained, clause));
}

/* A condition in which something is not known at all, or NULL. */
static char *
find_unknown(Explained *explained, Node *clause)
{
	int			id;

	if (contain_volatile_functions(clause))
		return psprintf("%s calls a volatile function, which is computed for each row", shown(explained, clause));
	if (!has_parameter(clause, &id))
		return NULL;
	return psprintf("in %s the value of $%d is not known", shown(explained, clause), id);
}

/* A condition that says too little because it is computed too late, or NULL. */
static char *
find_late(Explained *explained, Node *clause)
{
	if (contain_mutable_functions(clause))
		return psprintf("%s is computed when the query runs, after it is planned", shown(explained, clause));
	return NULL;
}

/* Is the conjunct one arm of a condition with OR? */
static bool
is_in_arm(Node *clause, Node *conjunct)
{
	ListCell   *lc;

	if (!is_orclause(clause))
		return false;
	foreach(lc, ((BoolExpr *) clause)->args)
		if (implies(lfirst(lc), conjunct))
			return true;
	return false;
}

/* A condition that would prove it in another place, or NULL. */
static char *
find_misplaced(Explained *explained)
{
	ListCell   *lc;

	foreach(lc, explained->look->clauses)
		if (is_in_arm(lfirst(lc), explained->conjunct))
			return psprintf("only one side of an OR asks for it: %s", shown(explained, lfirst(lc)));
	foreach(lc, explained->look->held)
		if (implies(lfirst(lc), explained->conjunct))
			return psprintf("%s cannot be applied where the table is read: an outer join is in between",
							shown(explained, lfirst(lc)));
	return NULL;
}

/* Of the conditions on the same columns, what the one says that comes nearest. */
static char *
find_nearest(Explained *explained)
{
	char	   *result = NULL;
	char	   *others = NULL;
	ListCell   *lc;

	foreach(lc, explained->look->clauses)
	{
		Node	   *clause = lfirst(lc);

		if (!bms_overlap(columns_of(clause), explained->columns))
			continue;
		if (result == NULL)
			result = find_unknown(explained, clause);
		if (result == NULL)
			result = compare_forms(explained, clause);
		if (result == NULL)
			result = find_late(explained, clause);
		others = others ? psprintf("%s, %s", others, shown(explained, clause)) : pstrdup(shown(explained, clause));
	}
	if (result == NULL && others)
		result = psprintf("the server's prover cannot derive it from %s", others);
	return result;
}

/* Does the query ask for rows that are not in the index? */
static char *
find_refutation(Explained *explained)
{
	ListCell   *lc;

	foreach(lc, explained->look->clauses)
		if (!contain_mutable_functions(lfirst(lc)) &&
			predicate_refuted_by(list_make1(explained->conjunct), list_make1(lfirst(lc)), false))
			return psprintf("the query asks for other rows: %s", shown(explained, lfirst(lc)));
	return NULL;
}

/* Why one conjunct does not follow. */
static char *
explain_conjunct(Explained *explained, bool *refuted)
{
	char	   *result = find_refutation(explained);

	if (result)
	{
		*refuted = true;
		return result;
	}
	result = find_misplaced(explained);
	if (result == NULL)
		result = find_nearest(explained);
	if (result)
		return result;
	if (IsA(explained->conjunct, NullTest) && ((NullTest *) explained->conjunct)->nulltesttype == IS_NOT_NULL)
		return psprintf("no condition of the query is false for a null there");
	return psprintf("the query asks nothing about it");
}

/* Conjuncts that do not follow for the same reason. */
typedef struct Reason
{
	char	   *conjuncts;
	char	   *why;
} Reason;

/* Add a conjunct to those with its reason. */
static List *
add_reason(List *reasons, const char *conjunct, char *why)
{
	Reason	   *reason;
	ListCell   *lc;

	foreach(lc, reasons)
	{
		reason = lfirst(lc);
		if (strcmp(reason->why, why) != 0)
			continue;
		reason->conjuncts = psprintf("%s AND %s", reason->conjuncts, conjunct);
		return reasons;
	}
	reason = palloc(sizeof(Reason));
	reason->conjuncts = pstrdup(conjunct);
	reason->why = why;
	return lappend(reasons, reason);
}

/*
 * explain_unproved
 *		The conjuncts of the predicate that do not follow, and why; refuted: the
 *		query wants none of the index's rows.
 */
char *
explain_unproved(Reference *reference, Oid table, Look *look, bool *refuted)
{
	StringInfoData text;
	List	   *reasons = NIL;
	ListCell   *lc;

	initStringInfo(&text);
	*refuted = false;
	foreach(lc, look->unproved)
	{
		Explained	explained = {table, reference->rte->eref->aliasname, look, lfirst(lc), columns_of(lfirst(lc))};

		reasons = add_reason(reasons, shown(&explained, lfirst(lc)), explain_conjunct(&explained, refuted));
	}
	foreach(lc, reasons)
	{
		Reason	   *reason = lfirst(lc);

		appendStringInfo(&text, "%snot provable: %s: %s", text.len > 0 ? "; " : "", reason->conjuncts, reason->why);
	}
	return text.data;
}
