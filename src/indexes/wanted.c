/*
 * wanted.c
 *	  Which partial indexes could serve a statement.
 *
 * Of each table of the statement, the conjuncts that are about it alone are
 * sorted: a test against constants may be the predicate of an index; a column
 * that is compared, joined or sorted by may be a key of it.  What the statistics
 * say about the values decides what is worth a thought: a predicate that leaves
 * out most rows, a value or a null that most rows have.  This only proposes;
 * whether the planner takes an index is found by planning.
 *
 * Only operators of the server, of superusers and of the caller are taken up,
 * because the caller's session will evaluate them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "compat.h"
#include "indexes/suggest.h"

/* What a column is used for. */
typedef enum Use
{
	USE_EQUAL,
	USE_RANGE
} Use;

/* A use of a column in a conjunct. */
typedef struct ColumnUse
{
	AttrNumber	attnum;
	Use			use;
	Const	   *value;			/* what it is compared with, if that is one constant */
} ColumnUse;

/* What a statement asks of one table. */
typedef struct Wanted
{
	Relation	rel;
	Index		varno;
	List	   *tests;			/* conjuncts over constants, of Node with varno 1 */
	List	   *uses;			/* of ColumnUse */
	List	   *order;			/* texts of columns */
	List	   *candidates;		/* of Candidate */
} Wanted;

/* ------------------------------------------------------------------------ */
/* Statistics																*/
/* ------------------------------------------------------------------------ */

/*
 * column_statistics
 *		The column's row of pg_statistic, if the caller may know all that is in it;
 *		release it with ReleaseSysCache.
 */
HeapTuple
column_statistics(Relation rel, AttrNumber attnum)
{
	Oid			relid = RelationGetRelid(rel);

	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED ||
		(pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		 pg_attribute_aclcheck(relid, attnum, GetUserId(), ACL_SELECT) != ACLCHECK_OK))
		return NULL;
	return SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(attnum),
						   BoolGetDatum(rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE));
}

/* The share of rows in which the column is null; 0 where nothing is known. */
static double
null_share(Relation rel, AttrNumber attnum)
{
	HeapTuple	tup = column_statistics(rel, attnum);
	double		result = 0;

	if (HeapTupleIsValid(tup))
	{
		result = ((Form_pg_statistic) GETSTRUCT(tup))->stanullfrac;
		ReleaseSysCache(tup);
	}
	return result;
}

/* A column of the table, as conditions have it. */
static Var *
column_var(Relation rel, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);

	return makeVar(1, attnum, att->atttypid, att->atttypmod, att->attcollation, 0);
}

/*
 * column_test
 *		Column equal to a value, or not equal; NULL when the type cannot.
 */
Node *
column_test(Relation rel, AttrNumber attnum, Datum value, bool equal)
{
	Var		   *var = column_var(rel, attnum);
	Oid			type = getBaseType(var->vartype);
	Oid			operator = comparison_operator(type, equal ? BTEqualStrategyNumber : 0);
	Const	   *constant = makeConst(type, -1, var->varcollid, get_typlen(type), value, false, get_typbyval(type));

	if (!OidIsValid(operator) || !is_trusted_operator(operator))
		return NULL;
	return apply_operator(operator, (Node *) var, (Node *) constant);
}

/*
 * null_test
 *		Column IS NULL or IS NOT NULL.
 */
Node *
null_test(Relation rel, AttrNumber attnum, NullTestType type)
{
	NullTest   *result = makeNode(NullTest);

	result->arg = (Expr *) column_var(rel, attnum);
	result->nulltesttype = type;
	result->location = -1;
	return (Node *) result;
}

/* "Column is not the value that at least half of the rows have", unless that is the one asked for. */
static Node *
without_common_value(Relation rel, ColumnUse *use)
{
	HeapTuple	tup = column_statistics(rel, use->attnum);
	AttStatsSlot slot;
	Node	   *result = NULL;

	if (!HeapTupleIsValid(tup))
		return NULL;
	if (get_attstatsslot(&slot, tup, STATISTIC_KIND_MCV, InvalidOid, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		TypeCacheEntry *type = lookup_type_cache(getBaseType(column_var(rel, use->attnum)->vartype), TYPECACHE_EQ_OPR_FINFO);

		if (slot.nvalues > 0 && slot.numbers[0] >= 0.5 && OidIsValid(type->eq_opr) &&
			is_trusted_operator(type->eq_opr) && use->value->consttype == type->type_id &&
			!DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo, slot.stacoll, slot.values[0], use->value->constvalue)))
			result = column_test(rel, use->attnum, datumCopy(slot.values[0], type->typbyval, type->typlen), false);
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tup);
	return result;
}

/* ------------------------------------------------------------------------ */
/* Conjuncts																*/
/* ------------------------------------------------------------------------ */

/*
 * is_trusted_operator
 *		May the caller's session evaluate it? Whoever made it could as well.
 */
bool
is_trusted_operator(Oid operator)
{
	Oid			function = get_opcode(operator);
	HeapTuple	tup;
	Oid			owner;

	if (function < FirstNormalObjectId)
		return true;
	tup = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tup))
		return false;
	owner = ((Form_pg_proc) GETSTRUCT(tup))->proowner;
	ReleaseSysCache(tup);
	return superuser_arg(owner) || owner == GetUserId();
}

/* Is the column computed when it is read? No index has such a one, nor a condition on it. */
static bool
is_virtual(Relation rel, AttrNumber attnum)
{
	return TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attgenerated == COMPAT_GENERATED_VIRTUAL;
}

/* The table's column that the expression is, and that an index may have, or 0. */
static AttrNumber
own_column(Wanted *wanted, Node *expr)
{
	while (expr && IsA(expr, RelabelType))
		expr = (Node *) ((RelabelType *) expr)->arg;
	if (expr && IsA(expr, Var) && ((Var *) expr)->varno == wanted->varno && ((Var *) expr)->varlevelsup == 0 &&
		((Var *) expr)->varattno > 0 && !is_virtual(wanted->rel, ((Var *) expr)->varattno))
		return ((Var *) expr)->varattno;
	return 0;
}

/* How an operator compares: by order or equality; -1: otherwise. */
static int
comparison_of(Oid operator)
{
	List	   *families = compat_comparisons(operator);
	ListCell   *lc;

	foreach(lc, families)
		return compat_is_equality(lfirst(lc)) ? USE_EQUAL : compat_is_inequality(lfirst(lc)) ? -1 : USE_RANGE;
	return -1;
}

static void
add_use(Wanted *wanted, AttrNumber attnum, Use use, Node *value)
{
	ColumnUse  *result = palloc(sizeof(ColumnUse));

	result->attnum = attnum;
	result->use = use;
	result->value = value && IsA(value, Const) && !((Const *) value)->constisnull ? (Const *) value : NULL;
	wanted->uses = lappend(wanted->uses, result);
}

/* The conjunct with the table as its only relation. */
static Node *
as_test_mutator(Node *node, Wanted *wanted)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return (Node *) column_var(wanted->rel, ((Var *) node)->varattno);
	return expression_tree_mutator(node, as_test_mutator, wanted);
}

/* Has the column a few values only, so that one of them is a state rather than a key? */
static bool
has_few_values(Relation rel, AttrNumber attnum)
{
	HeapTuple	tup = column_statistics(rel, attnum);
	double		distinct;

	if (!HeapTupleIsValid(tup))
		return true;
	distinct = ((Form_pg_statistic) GETSTRUCT(tup))->stadistinct;
	ReleaseSysCache(tup);
	return distinct >= 0 && distinct <= 20;
}

/* A conjunct that may be a predicate. */
static void
add_test(Wanted *wanted, Node *clause)
{
	if (!contain_mutable_functions(clause))
		wanted->tests = list_append_unique(wanted->tests, as_test_mutator(clause, wanted));
}

/* column op value, either way round. */
static void
see_comparison(Wanted *wanted, OpExpr *clause)
{
	Node	   *left = linitial(clause->args);
	Node	   *right = lsecond(clause->args);
	AttrNumber	attnum = own_column(wanted, left);
	Node	   *value = attnum ? right : left;
	int			use;

	if (attnum == 0)
		attnum = own_column(wanted, right);
	if (attnum == 0 || own_column(wanted, value) != 0 || !is_trusted_operator(clause->opno))
		return;
	use = comparison_of(clause->opno);
	if (use >= 0)
		add_use(wanted, attnum, use, use == USE_EQUAL ? value : NULL);
	if (IsA(value, Const) && !((Const *) value)->constisnull && has_few_values(wanted->rel, attnum))
		add_test(wanted, (Node *) clause);
}

/* Sort a conjunct. */
static void
see_conjunct(Wanted *wanted, Node *clause)
{
	if (IsA(clause, OpExpr) && list_length(((OpExpr *) clause)->args) == 2)
		see_comparison(wanted, (OpExpr *) clause);
	else if (IsA(clause, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *any = (ScalarArrayOpExpr *) clause;
		AttrNumber	attnum = own_column(wanted, linitial(any->args));

		if (attnum == 0 || !is_trusted_operator(any->opno))
			return;
		if (any->useOr && comparison_of(any->opno) == USE_EQUAL)
			add_use(wanted, attnum, USE_EQUAL, NULL);
		if (IsA(lsecond(any->args), Const) && has_few_values(wanted->rel, attnum))
			add_test(wanted, clause);
	}
	else if (IsA(clause, NullTest) && own_column(wanted, (Node *) ((NullTest *) clause)->arg))
		add_test(wanted, clause);
	else if (IsA(clause, BooleanTest) && own_column(wanted, (Node *) ((BooleanTest *) clause)->arg))
		add_test(wanted, clause);
	else if (own_column(wanted, clause) ||
			 (is_notclause(clause) && own_column(wanted, (Node *) get_notclausearg((Expr *) clause))))
		add_test(wanted, clause);
}

/* All conjuncts of a condition. */
static void
see_condition(Wanted *wanted, Node *condition)
{
	List	   *clauses = make_ands_implicit((Expr *) condition);
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, clauses)
	{
		if (is_andclause(lfirst(lc)))
			see_condition(wanted, (Node *) lfirst(lc));
		else
			see_conjunct(wanted, lfirst(lc));
	}
}

/* All conditions of a join tree; those of outer joins, too: the planner has the last word. */
static void
see_jointree(Wanted *wanted, Node *node)
{
	check_stack_depth();
	if (node && IsA(node, FromExpr))
	{
		ListCell   *lc;

		foreach(lc, ((FromExpr *) node)->fromlist)
			see_jointree(wanted, lfirst(lc));
		see_condition(wanted, eval_const_expressions(NULL, copyObject(((FromExpr *) node)->quals)));
	}
	else if (node && IsA(node, JoinExpr))
	{
		see_jointree(wanted, ((JoinExpr *) node)->larg);
		see_jointree(wanted, ((JoinExpr *) node)->rarg);
		see_condition(wanted, eval_const_expressions(NULL, copyObject(((JoinExpr *) node)->quals)));
	}
}

/* The columns that the statement is sorted by, when all are the table's. */
static void
see_order(Wanted *wanted, Query *query)
{
	ListCell   *lc;
	bool		first_desc = false;

	foreach(lc, query->sortClause)
	{
		SortGroupClause *sort = lfirst_node(SortGroupClause, lc);
		TargetEntry *entry = get_sortgroupref_tle(sort->tleSortGroupRef, query->targetList);
		AttrNumber	attnum = own_column(wanted, (Node *) entry->expr);
		TypeCacheEntry *type = lookup_type_cache(exprType((Node *) entry->expr), TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);
		bool		desc = sort->sortop == type->gt_opr;
		char	   *name;

		if (attnum == 0 || (!desc && sort->sortop != type->lt_opr))
		{
			wanted->order = NIL;
			return;
		}
		name = get_attname(RelationGetRelid(wanted->rel), attnum, false);
		if (foreach_current_index(lc) == 0)
			first_desc = desc;
		/* an index can be read backwards as a whole */
		if (desc != first_desc || sort->nulls_first != desc)
			name = psprintf("%s %s NULLS %s", quote_identifier(name), desc != first_desc ? "DESC" : "ASC",
							sort->nulls_first != first_desc ? "FIRST" : "LAST");
		wanted->order = lappend(wanted->order, name);
	}
}

/* ------------------------------------------------------------------------ */
/* Candidates																*/
/* ------------------------------------------------------------------------ */

/* Do all rows that the predicate holds for have the same value in the column? */
static bool
is_fixed(List *predicate, AttrNumber attnum)
{
	ListCell   *lc;

	foreach(lc, predicate)
	{
		Node	   *test = lfirst(lc);
		Bitmapset  *columns = NULL;

		pull_varattnos(test, 1, &columns);
		if (!bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, columns))
			continue;
		if (IsA(test, Var) || is_notclause(test) || IsA(test, BooleanTest) ||
			(IsA(test, NullTest) && ((NullTest *) test)->nulltesttype == IS_NULL) ||
			(IsA(test, OpExpr) && comparison_of(((OpExpr *) test)->opno) == USE_EQUAL))
			return true;
	}
	return false;
}

/* Can a btree have the column as a key? Its type, or an element's or field's, may have no order. */
static bool
can_be_key(Relation rel, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);

	return !att->attisdropped && !is_virtual(rel, attnum) &&
		OidIsValid(lookup_type_cache(getBaseType(att->atttypid), TYPECACHE_CMP_PROC)->cmp_proc);
}

/*
 * any_keys
 *		Names of columns for an index whose keys do not matter: the primary key, or
 *		else those of the list, or any column of a fixed length; NIL: there is none.
 */
List *
any_keys(Relation rel, List *columns)
{
	List	   *primary = primary_key_columns(rel);
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, primary ? primary : columns)
		if (lfirst_int(lc) > 0 && can_be_key(rel, lfirst_int(lc)) && list_length(result) < 4)
			result = lappend(result, get_attname(RelationGetRelid(rel), lfirst_int(lc), false));
	for (int attnum = 1; result == NIL && attnum <= RelationGetNumberOfAttributes(rel); attnum++)
		if (TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attlen > 0 && can_be_key(rel, attnum))
			result = list_make1(get_attname(RelationGetRelid(rel), attnum, false));
	return result;
}

/* Add a column to the keys, once. */
static List *
add_key(List *keys, char *name)
{
	ListCell   *lc;

	foreach(lc, keys)
		if (strcmp(lfirst(lc), name) == 0)
			return keys;
	return list_length(keys) < 4 ? lappend(keys, name) : keys;
}

/* The keys of an index with that predicate: what is compared for equality, then what is sorted by or a range. */
static List *
candidate_keys(Wanted *wanted, List *predicate)
{
	Oid			relid = RelationGetRelid(wanted->rel);
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, wanted->uses)
	{
		ColumnUse  *use = lfirst(lc);

		if (use->use == USE_EQUAL && !is_fixed(predicate, use->attnum) && can_be_key(wanted->rel, use->attnum))
			result = add_key(result, get_attname(relid, use->attnum, false));
	}
	foreach(lc, wanted->order)
		result = add_key(result, lfirst(lc));
	foreach(lc, wanted->uses)
	{
		ColumnUse  *use = lfirst(lc);

		if (use->use == USE_RANGE && wanted->order == NIL && !is_fixed(predicate, use->attnum) &&
			can_be_key(wanted->rel, use->attnum))
		{
			result = add_key(result, get_attname(relid, use->attnum, false));
			break;
		}
	}
	return result ? result : any_keys(wanted->rel, condition_columns(wanted->rel, (Node *) predicate));
}

/*
 * new_candidate
 *		An index on a table, or NULL when one that is there does as much, or no
 *		column can be a key.
 */
Candidate *
new_candidate(Relation rel, List *keys, List *predicate)
{
	Candidate  *result = palloc0(sizeof(Candidate));
	Node	   *condition = (Node *) make_ands_explicit(copyObject(predicate));

	if (keys == NIL)
		return NULL;
	result->relid = RelationGetRelid(rel);
	result->condition = condition_sql(rel, condition, NULL);
	result->sql = partial_index_statement(rel, keys, condition);
	return result->sql ? result : NULL;
}

static void
add_candidate(Wanted *wanted, List *predicate)
{
	Candidate  *candidate = new_candidate(wanted->rel, candidate_keys(wanted, predicate), predicate);

	if (candidate)
		wanted->candidates = lappend(wanted->candidates, candidate);
}

/* What the columns' statistics add to the statement's own tests. */
static void
add_statistics(Wanted *wanted)
{
	ListCell   *lc;

	foreach(lc, wanted->uses)
	{
		ColumnUse  *use = lfirst(lc);
		Node	   *test;

		if (null_share(wanted->rel, use->attnum) >= 0.3)
			add_candidate(wanted, list_make1(null_test(wanted->rel, use->attnum, IS_NOT_NULL)));
		test = use->use == USE_EQUAL && use->value ? without_common_value(wanted->rel, use) : NULL;
		if (test)
			add_candidate(wanted, list_make1(test));
	}
}

/* The indexes that one table of a statement could use. */
static List *
table_candidates(Query *query, Index varno, Relation rel)
{
	Wanted		wanted = {.rel = rel, .varno = varno};
	ListCell   *lc;

	see_jointree(&wanted, (Node *) query->jointree);
	if (compat_merge_condition(query) != &query->jointree->quals)
		see_condition(&wanted, eval_const_expressions(NULL, copyObject(*compat_merge_condition(query))));
	see_order(&wanted, query);
	foreach(lc, wanted.tests)
		add_candidate(&wanted, list_make1(lfirst(lc)));
	if (list_length(wanted.tests) > 1)
		add_candidate(&wanted, wanted.tests);
	add_statistics(&wanted);
	return wanted.candidates;
}

/*
 * may_have_suggestions
 *		A user's table that can have an index, and that the caller may read.
 */
bool
may_have_suggestions(Oid relid)
{
	char		relkind = get_rel_relkind(relid);

	return (relkind == RELKIND_RELATION || relkind == RELKIND_MATVIEW || relkind == RELKIND_PARTITIONED_TABLE) &&
		!IsCatalogRelationOid(relid) && pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/* State of the walk through a statement. */
typedef struct WantedContext
{
	Oid			target;			/* the only table, if valid */
	List	   *candidates;
} WantedContext;

static bool
wanted_walker(Node *node, WantedContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		for (Index varno = 1; varno <= list_length(query->rtable); varno++)
		{
			RangeTblEntry *rte = rt_fetch(varno, query->rtable);
			Relation	rel;

			if (rte->rtekind != RTE_RELATION || (OidIsValid(context->target) && rte->relid != context->target) ||
				!may_have_suggestions(rte->relid))
				continue;
			rel = relation_open(rte->relid, AccessShareLock);
			if (RelationIsPopulated(rel))
				context->candidates = list_concat(context->candidates, table_candidates(query, varno, rel));
			relation_close(rel, NoLock);
		}
		return query_tree_walker(query, wanted_walker, context, 0);
	}
	return expression_tree_walker(node, wanted_walker, context);
}

/*
 * statement_candidates
 *		The indexes that a rewritten statement could use, of Candidate.
 */
List *
statement_candidates(Query *query, Oid target)
{
	WantedContext context = {.target = target};

	(void) wanted_walker((Node *) query, &context);
	return context.candidates;
}
