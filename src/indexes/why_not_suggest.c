/*
 * why_not_suggest.c
 *	  The smallest change of a query that makes an index's predicate follow.
 *
 * What is missing are the conjuncts that do not follow.  Where a condition of the
 * query says the same in a form that the prover does not know, that condition is
 * replaced by the conjunct; else the conjunct is added: nothing weaker would do,
 * since the predicate itself must follow.  It goes to the ON of the outer join
 * that may add nulls for the table, if there is one, else to the WHERE of the
 * query level that reads it.
 *
 * Nothing is suggested that was not seen to work: the text of the condition is
 * read back by the parser, as a user's would be, put into a copy of the
 * statement, and that is planned.  This may fail in ways that only the parser
 * and planner know (a name that search_path hides, a schema that the caller may
 * not use), so it runs in a subtransaction.  No parameters have values in it:
 * what is suggested holds in generic plans.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_clause.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "compat.h"
#include "condition.h"
#include "expression.h"
#include "indexes/why_not.h"

/* One conjunct that is missing, and a condition that it takes the place of. */
typedef struct Change
{
	char	   *text;
	Node	   *condition;		/* over the relation at the reference, as number 1 */
	Node	   *replaced;		/* of the level's conditions, or NULL: it is added */
	bool		same_rows;		/* both are true for the same rows */
} Change;

/* Where conditions are added. */
typedef enum Place
{
	PLACE_ON,
	PLACE_WHERE
} Place;

/* What is tried in a subtransaction. */
typedef struct Trial
{
	Statement  *statement;
	Reference  *reference;
	Oid			table;			/* of the index */
	Oid			index;
	Look	   *look;
} Trial;

/* ----------
 * Outer joins
 * ----------
 */

/* Is the relation below this part of a FROM clause? */
static bool
is_below(Node *tree, Index rti)
{
	ListCell   *lc;

	check_stack_depth();
	if (IsA(tree, RangeTblRef))
		return ((RangeTblRef *) tree)->rtindex == rti;
	if (IsA(tree, JoinExpr))
		return is_below(((JoinExpr *) tree)->larg, rti) || is_below(((JoinExpr *) tree)->rarg, rti);
	foreach(lc, ((FromExpr *) tree)->fromlist)
		if (is_below(lfirst(lc), rti))
			return true;
	return false;
}

/* The outer joins that may add nulls for the relation, outermost first. */
static List *
nulling_joins(Node *tree, Index rti)
{
	JoinExpr   *join = (JoinExpr *) tree;
	ListCell   *lc;
	bool		left;
	List	   *result;

	if (IsA(tree, FromExpr))
	{
		foreach(lc, ((FromExpr *) tree)->fromlist)
			if (is_below(lfirst(lc), rti))
				return nulling_joins(lfirst(lc), rti);
		return NIL;
	}
	if (!IsA(tree, JoinExpr))
		return NIL;
	left = is_below(join->larg, rti);
	result = nulling_joins(left ? join->larg : join->rarg, rti);
	if (join->jointype == JOIN_FULL || join->jointype == (left ? JOIN_RIGHT : JOIN_LEFT))
		result = lcons(join, result);
	return result;
}

#if PG_VERSION_NUM >= 160000
/* Take the marks of outer joins off, in place; they are collected. */
static bool
unmark_walker(Node *node, Bitmapset **marks)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		*marks = bms_add_members(*marks, ((Var *) node)->varnullingrels);
		((Var *) node)->varnullingrels = NULL;
	}
	return expression_tree_walker(node, unmark_walker, marks);
}
#endif

/* A copy of a condition without marks of outer joins. */
static Node *
unmarked(Node *condition)
{
	condition = copyObject(condition);
#if PG_VERSION_NUM >= 160000
	{
		Bitmapset  *marks = NULL;

		(void) unmark_walker(condition, &marks);
	}
#endif
	return condition;
}

/* A condition on the relation with the marks that it has above these joins. */
static Node *
marked(Node *condition, Index rti, List *joins)
{
	ListCell   *lc;
	Bitmapset  *marks = NULL;

	foreach(lc, joins)
		marks = bms_add_member(marks, lfirst_node(JoinExpr, lc)->rtindex);
#if PG_VERSION_NUM >= 160000
	condition = add_nulling_relids(condition, bms_make_singleton(rti), marks);
#endif
	bms_free(marks);
	return condition;
}

/* ... with those of the condition whose place it takes. */
static Node *
marked_as(Node *condition, Index rti, Node *replaced)
{
#if PG_VERSION_NUM >= 160000
	Bitmapset  *marks = NULL;

	(void) unmark_walker((Node *) copyObject(replaced), &marks);
	condition = add_nulling_relids(condition, bms_make_singleton(rti), marks);
#endif
	return condition;
}

/* ----------
 * The conjuncts, as the query would say them
 * ----------
 */

/* Read the text of a condition over one table, under an alias. */
static Node *
read_condition(Oid table, const char *alias, const char *text)
{
	Node	   *raw = parse_expression("suggestion", text);
	Relation	rel = table_open(table, NoLock);
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *item;
	Node	   *result;

	pstate->p_sourcetext = text;
	item = addRangeTableEntryForRelation(pstate, rel, AccessShareLock, makeAlias(alias, NIL), false, true);
	addNSItemToQuery(pstate, item, false, true, true);
	result = coerce_to_boolean(pstate, transformExpr(pstate, raw, EXPR_KIND_WHERE), "the condition");
	assign_expr_collations(pstate, result);
	free_parsestate(pstate);
	table_close(rel, NoLock);
	return result;
}

/* ----------
 * Conditions that say the same in another form
 * ----------
 */

/* The constant that a comparison compares with, or NULL. */
static Const *
compared_constant(Node *clause)
{
	List	   *args = IsA(clause, OpExpr) ? ((OpExpr *) clause)->args : NIL;
	Node	   *value;

	if (list_length(args) != 2)
		return NULL;
	value = contain_var_clause(linitial(args)) ? lsecond(args) : linitial(args);
	return IsA(value, Const) && !((Const *) value)->constisnull ? (Const *) value : NULL;
}

static char *
constant_text(Const *value)
{
	Oid			function;
	bool		is_varlena;

	getTypeOutputInfo(value->consttype, &function, &is_varlena);
	return OidOutputFunctionCall(function, value->constvalue);
}

/* How wide a type of numbers is; 0: not one of these. */
static int
width_of(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return 1;
		case INT4OID:
			return 2;
		case INT8OID:
			return 3;
		case NUMERICOID:
			return 4;
		default:
			return 0;
	}
}

/* Is it a number, or one that a single cast has made wider? */
static bool
is_whole_value(Node *operand)
{
	Node	   *base = without_casts(operand);
	int			width = width_of(exprType(base));

	if (width == 0 || operand == base)
		return width > 0;
	return IsA(operand, FuncExpr) && linitial(((FuncExpr *) operand)->args) == base &&
		width_of(exprType(operand)) > width;
}

/* Is it the text of an enum's value? */
static bool
is_enum_text(Node *operand)
{
	if (exprCollation(operand) != DEFAULT_COLLATION_OID)
		return false;
	if (IsA(operand, RelabelType))
		operand = (Node *) ((RelabelType *) operand)->arg;
	return IsA(operand, CoerceViaIO) && type_is_enum(exprType((Node *) ((CoerceViaIO *) operand)->arg));
}

/* Are two constants the same value, maybe of two types? */
static bool
same_value(Const *a, Const *b)
{
	char	   *first = constant_text(a);
	char	   *second = constant_text(b);

	if (strcmp(first, second) == 0)
		return true;
	if (width_of(a->consttype) == 0 || width_of(b->consttype) == 0)
		return false;
	return DatumGetBool(DirectFunctionCall2(numeric_eq,
											DirectFunctionCall3(numeric_in, CStringGetDatum(first), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)),
											DirectFunctionCall3(numeric_in, CStringGetDatum(second), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1))));
}

/* Does a comparison say the same as the conjunct, but for casts, collations and the value's type? */
static bool
is_cast_form(Node *clause, Node *conjunct, bool *same_rows)
{
	Const	   *value = compared_constant(clause);
	Const	   *wanted = compared_constant(conjunct);
	Node	   *operand;
	Node	   *other;
	char	   *name;

	if (value == NULL || wanted == NULL)
		return false;
	operand = compared_operand(clause);
	other = compared_operand(conjunct);
	if (!equal(without_casts(operand), without_casts(other)) || !same_value(value, wanted))
		return false;
	name = get_opname(((OpExpr *) clause)->opno);
	if (name == NULL || strcmp(name, get_opname(((OpExpr *) conjunct)->opno)) != 0)
		return false;
	/* an enum's values have different texts; a number is the same in a wider type */
	*same_rows = is_enum_text(operand) ? strcmp(name, "=") == 0 && type_is_enum(exprType(other)) :
		is_whole_value(operand) && is_whole_value(other) && width_of(value->consttype) > 0 &&
		width_of(wanted->consttype) > 0;
	return true;
}

/* Is it true for the same rows as the conjunct, in a form that the prover does not look into? */
static bool
is_truth_form(Node *clause, Node *conjunct)
{
	if (IsA(clause, BooleanTest))
	{
		BooleanTest *test = (BooleanTest *) clause;

		return (test->booltesttype == IS_TRUE && equal(test->arg, conjunct)) ||
			(test->booltesttype == IS_FALSE && is_notclause(conjunct) &&
			 equal(test->arg, get_notclausearg((Expr *) conjunct))) ||
			(test->booltesttype == IS_FALSE && equal(negate_clause((Node *) copyObject(test->arg)), conjunct));
	}
	if (IsA(clause, CoalesceExpr))
	{
		List	   *args = ((CoalesceExpr *) clause)->args;

		return list_length(args) == 2 && equal(linitial(args), conjunct) && IsA(lsecond(args), Const) &&
			!((Const *) lsecond(args))->constisnull && !DatumGetBool(((Const *) lsecond(args))->constvalue);
	}
	if (is_notclause(clause) && IsA(get_notclausearg((Expr *) clause), DistinctExpr) && IsA(conjunct, OpExpr))
	{
		DistinctExpr *distinct = (DistinctExpr *) get_notclausearg((Expr *) clause);

		return distinct->opno == ((OpExpr *) conjunct)->opno && op_strict(distinct->opno) &&
			distinct->inputcollid == ((OpExpr *) conjunct)->inputcollid && compared_constant(conjunct) &&
			equal(distinct->args, ((OpExpr *) conjunct)->args);
	}
	return false;
}

/* Find a condition, of those that are ANDed, that the change takes the place of. */
static void
find_replaced(Node *quals, Index rti, Change *change)
{
	List	   *clauses = make_ands_implicit((Expr *) quals);
	Node	   *conjunct = eval_const_expressions(NULL, copyObject(change->condition));
	ListCell   *lc;

	foreach(lc, clauses)
	{
		Node	   *clause = lfirst(lc);
		bool		same_rows = true;

		check_stack_depth();
		if (is_andclause(clause))
		{
			ListCell   *arg;

			foreach(arg, ((BoolExpr *) clause)->args)
				find_replaced(lfirst(arg), rti, change);
			continue;
		}
		clause = unmarked(clause);
		if (change->replaced || checkExprHasSubLink(clause) || contain_vars_of_level(clause, 1) ||
			!bms_equal(pull_varnos(NULL, clause), bms_make_singleton(rti)))
			continue;
		clause = eval_const_expressions(NULL, clause);
		ChangeVarNodes(clause, rti, 1, 0);
		if (!is_truth_form(clause, conjunct) && !is_cast_form(clause, conjunct, &same_rows))
			continue;
		change->replaced = lfirst(lc);
		change->same_rows = same_rows;
	}
}

/* The same in the conditions of inner joins. */
static void
find_replaced_in(Node *tree, Index rti, Change *change)
{
	ListCell   *lc;

	check_stack_depth();
	if (IsA(tree, FromExpr))
	{
		find_replaced(((FromExpr *) tree)->quals, rti, change);
		foreach(lc, ((FromExpr *) tree)->fromlist)
			find_replaced_in(lfirst(lc), rti, change);
	}
	else if (IsA(tree, JoinExpr) && ((JoinExpr *) tree)->jointype == JOIN_INNER)
	{
		find_replaced(((JoinExpr *) tree)->quals, rti, change);
		find_replaced_in(((JoinExpr *) tree)->larg, rti, change);
		find_replaced_in(((JoinExpr *) tree)->rarg, rti, change);
	}
}

/* The missing conjuncts, as text and as the parser reads it; NIL if one cannot be said there. */
static List *
missing_changes(Trial *trial)
{
	Reference  *reference = trial->reference;
	const char *alias = reference->rte->eref->aliasname;
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, trial->look->unproved)
	{
		Change	   *change = palloc0(sizeof(Change));

		change->text = clause_text(trial->table, alias, lfirst(lc));
		if (change->text == NULL)
			return NIL;
		change->condition = read_condition(reference->rte->relid, alias, change->text);
		find_replaced_in((Node *) reference->level->jointree, reference->rti, change);
		result = lappend(result, change);
	}
	return result;
}

/* ----------
 * The changed statement
 * ----------
 */

/* The reference with this mark in a copy of the statement. */
static Reference *
find_reference(Query *query, int mark)
{
	List	   *references = find_references(query);
	ListCell   *lc;

	foreach(lc, references)
		if (((Reference *) lfirst(lc))->mark == mark)
			return lfirst(lc);
	return NULL;
}

/* Put a condition in the place of an equal one. */
static Node *
replace_condition(Node *quals, Node *replaced, Node *condition)
{
	List	   *args = NIL;
	ListCell   *lc;

	if (quals == NULL || equal(quals, replaced))
		return quals ? copyObject(condition) : NULL;
	if (!is_andclause(quals))
		return quals;
	foreach(lc, ((BoolExpr *) quals)->args)
		args = lappend(args, replace_condition(lfirst(lc), replaced, condition));
	return (Node *) makeBoolExpr(AND_EXPR, args, -1);
}

static void
replace_in(Node *tree, Node *replaced, Node *condition)
{
	ListCell   *lc;

	if (IsA(tree, FromExpr))
	{
		FromExpr   *from = (FromExpr *) tree;

		from->quals = replace_condition(from->quals, replaced, condition);
		foreach(lc, from->fromlist)
			replace_in(lfirst(lc), replaced, condition);
	}
	else if (IsA(tree, JoinExpr) && ((JoinExpr *) tree)->jointype == JOIN_INNER)
	{
		JoinExpr   *join = (JoinExpr *) tree;

		join->quals = replace_condition(join->quals, replaced, condition);
		replace_in(join->larg, replaced, condition);
		replace_in(join->rarg, replaced, condition);
	}
}

/* Add a condition on the relation.  False: there is no such place. */
static bool
add_condition(Reference *reference, Place place, Node *condition)
{
	Query	   *level = reference->level;
	List	   *joins = nulling_joins((Node *) level->jointree, reference->rti);
	Node	  **quals = &level->jointree->quals;

	if (level->commandType == CMD_MERGE)
	{
		if (place == PLACE_WHERE)
			return false;
		quals = compat_merge_condition(level);
	}
	else if (place == PLACE_ON)
	{
		/* the innermost; below it no nulls were added yet */
		JoinExpr   *join = joins ? llast_node(JoinExpr, joins) : NULL;

		if (join == NULL || join->jointype == JOIN_FULL)
			return false;
		quals = &join->quals;
		joins = NIL;
	}
	*quals = make_and_qual(*quals, marked(condition, reference->rti, joins));
	return true;
}

/* The statement with the changes, or NULL if there is no such place. */
static Query *
changed_query(Trial *trial, List *changes, bool replace, Place place)
{
	Query	   *query = copyObject(trial->statement->query);
	Reference  *reference = find_reference(query, trial->reference->mark);
	ListCell   *lc;

	foreach(lc, changes)
	{
		Change	   *change = lfirst(lc);
		Node	   *condition = copyObject(change->condition);

		ChangeVarNodes(condition, 1, reference->rti, 0);
		if (replace && change->replaced)
			replace_in((Node *) reference->level->jointree, change->replaced,
					   marked_as(condition, reference->rti, change->replaced));
		else if (!add_condition(reference, place, condition))
			return NULL;
	}
	return query;
}

/* ----------
 * What is said
 * ----------
 */

/* The text of a condition of the statement's own. */
static char *
replaced_text(Trial *trial, Node *replaced)
{
	replaced = copyObject(replaced);
	ChangeVarNodes(replaced, trial->reference->rti, 1, 0);
	return clause_text(trial->reference->rte->relid, trial->reference->rte->eref->aliasname, replaced);
}

static char *
changes_text(Trial *trial, List *changes, bool replace, Place place)
{
	StringInfoData text;
	int			added = 0;
	ListCell   *lc;

	initStringInfo(&text);
	foreach(lc, changes)
	{
		Change	   *change = lfirst(lc);

		if (!replace || !change->replaced)
			continue;
		appendStringInfo(&text, "%sreplace %s with %s%s", text.len > 0 ? "; " : "",
						 replaced_text(trial, change->replaced), change->text,
						 change->same_rows ? ", for the same rows" : "");
	}
	foreach(lc, changes)
	{
		Change	   *change = lfirst(lc);

		if (replace && change->replaced)
			continue;
		if (added++ == 0)
			appendStringInfo(&text, "%sadd to %s: ", text.len > 0 ? "; " : "", place == PLACE_WHERE ? "WHERE" : "ON");
		appendStringInfo(&text, "%s%s", added > 1 ? " AND " : "", change->text);
	}
	if (trial->reference->inside)
		return psprintf("in %s: %s", quote_identifier(trial->reference->inside), text.data);
	return text.data;
}

/* Can the changes be shown, and does the planner take the index with them? */
static bool
works(Trial *trial, List *changes, bool replace, Place place)
{
	Query	   *query = changed_query(trial, changes, replace, place);

	return query && look_at(trial->statement, query, NULL, trial->reference->mark, trial->index)->taken;
}

/* Try the changes from the smallest on. */
static char *
try_changes(Trial *trial)
{
	List	   *changes = missing_changes(trial);
	bool		replaces = false;
	ListCell   *lc;

	if (changes == NIL)
		return NULL;
	foreach(lc, changes)
	{
		Change	   *change = lfirst(lc);

		if (change->replaced && replaced_text(trial, change->replaced) == NULL)
			change->replaced = NULL;
		replaces |= change->replaced != NULL;
	}
	/* in ON it leaves the joined rows of the other tables in the result */
	for (int replace = replaces; replace >= 0; replace--)
		for (Place place = PLACE_ON; place <= PLACE_WHERE; place++)
			if (works(trial, changes, replace, place))
				return changes_text(trial, changes, replace, place);
	return NULL;
}

/*
 * suggest_change
 *		What to write in the query so that the index is usable, as text, or NULL.
 */
char *
suggest_change(Statement *statement, Reference *reference, Oid table, Oid index, Look *look)
{
	Trial		trial = {statement, reference, table, index, look};
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *result = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		result = try_changes(&trial);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		/* not what the statement is to blame for */
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
			ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES)
			ReThrowError(error);
		result = NULL;
	}
	PG_END_TRY();
	return result;
}
