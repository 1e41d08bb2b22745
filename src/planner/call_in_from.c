/*
 * call_in_from.c
 *	  Puts a statement in the place of a call in FROM, as a subquery.
 *
 * A rewrite says which calls it knows and what statement a call stands for
 * (CallRewrite); rows_in.c argues why the result is the same.  What is argued
 * here is that the statement around it cannot tell the difference:
 *
 *	- Accepted: one function in a FROM item, without ordinality.
 *	- No error that the call would not raise.  What the statement cannot be
 *	  built for is left alone; the call then raises its own error, if it is
 *	  reached.  A condition around the call that may fail, like 1 / r.x > 2,
 *	  must not see rows that the call would not return: the subquery is then
 *	  marked as a security barrier, which only takes in conditions that cannot
 *	  fail.  Volatile functions in conditions on it must be called for the rows
 *	  of the result only: left alone.
 *	- Nor one that what computes its columns would raise elsewhere: a column 1 / x
 *	  in a condition, which could be tested before x <> 0 is, or a constant 0 in
 *	  1 / r.x, which the planner would compute even if there is no row.  The
 *	  subquery then gets OFFSET 0, which keeps the planner out of it.
 *	- Row locks: FOR UPDATE does not reach the table behind a function, nor
 *	  does it here, since the subquery gets no row mark; a mark that names the
 *	  call leaves it alone.  A re-check after a concurrent update (EvalPlanQual)
 *	  takes the rows of other relations as they were: of a function as a copy,
 *	  of a table by its ctid, which is the same version.
 *	- Where a reference in the statement does not fit the columns as they are by
 *	  now, the call is left alone; so it is where dropped columns and a reference
 *	  to the whole row meet, since no SQL text could say what it then means.
 *
 * Left alone, besides: MERGE, and everything when Citus is there.
 */
#include "postgres.h"
#include "access/xact.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"
#include "planner/call_in_from.h"
#include "planner/levels.h"

/* One walk over a statement. */
typedef struct CallWalk
{
	Attempt    *attempt;
	const CallRewrite *rewrite;
	QueryLevel *level;			/* for the walker */
} CallWalk;

static void visit_query(CallWalk *walk, Query *query, QueryLevel *parent, Index rti,
						SubLink *sublink, CommonTableExpr *cte);

/* ------------------------------------------------------------------------ */
/* The call																	*/
/* ------------------------------------------------------------------------ */

/* Is this error about the call, and not one that ends whatever is running? */
static bool
is_about_call(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return false;
		default:
			return sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED;
	}
}

/*
 * Build the subquery, or learn why it cannot be: an error in a subtransaction,
 * whose message becomes the reason.
 */
static Query *
try_subquery(FromCall *call, const CallRewrite *rewrite, const char **reason)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Query	   *volatile query = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		query = rewrite->build(call, reason);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		/* also before an error goes on: who catches it knows nothing of this subtransaction */
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
		if (!is_about_call(error->sqlerrcode))
			ReThrowError(error);
		*reason = error->message;
		query = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
	return query;
}

/* ------------------------------------------------------------------------ */
/* The statement around it													*/
/* ------------------------------------------------------------------------ */

typedef struct References
{
	Index		rti;
	int			depth;
	TupleDesc	desc;
	bool		has_dropped;	/* has the row type dropped columns? */
} References;

/* Walker: is there a reference to the call that does not fit the table? */
static bool
reference_misfits(Node *node, References *refs)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		Form_pg_attribute att;

		if (var->varno != refs->rti || var->varlevelsup != refs->depth)
			return false;
		if (var->varattno == 0)
			return refs->has_dropped;
		if (var->varattno < 0 || var->varattno > refs->desc->natts)
			return true;
		att = TupleDescAttr(refs->desc, var->varattno - 1);
		return att->attisdropped || att->atttypid != var->vartype || att->attcollation != var->varcollid;
	}
	if (IsA(node, Query))
	{
		bool		result;

		refs->depth++;
		result = query_tree_walker((Query *) node, reference_misfits, refs, 0);
		refs->depth--;
		return result;
	}
	return expression_tree_walker(node, reference_misfits, refs);
}

/*
 * Walker: may the expression fail on a row of one of these relations?  Where
 * it is not known not to, it may.
 */
static bool
fails_on(Node *node, Bitmapset *relids)
{
	if (node == NULL || !bms_overlap(pull_varnos(NULL, node), relids))
		return false;
	return node_may_fail(node) || expression_tree_walker(node, fails_on, relids);
}

typedef struct ComputedColumns
{
	Index		rti;
	int			depth;
	Bitmapset  *columns;
} ComputedColumns;

/* What the statement around a call may do to it. */
typedef struct Around
{
	Index		rti;			/* the call, at its own level; 0: above it */
	Bitmapset  *computed_columns;	/* the call's, as it tells */
	bool		passed;			/* above it: has a column of theirs come up? */
	bool		fenced;			/* is one of them in a condition, or in what may fail? */
	Bitmapset  *relids;			/* of the level at hand: what the call's rows go through */
	bool		computed;		/* may computing their columns fail? */
	bool		fails;
	bool		is_volatile;
} Around;

/* Walker: a column of the call's that is computed? */
static bool
uses_computed(Node *node, ComputedColumns *computed)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		return var->varno == computed->rti && var->varlevelsup == computed->depth &&
			(var->varattno <= 0 || bms_is_member(var->varattno, computed->columns));
	}
	if (IsA(node, Query))
	{
		bool		result;

		computed->depth++;
		result = query_tree_walker((Query *) node, uses_computed, computed, 0);
		computed->depth--;
		return result;
	}
	return expression_tree_walker(node, uses_computed, computed);
}

/* Is a computed column of the call's in the expression?  Above its level, is any column of the relations that it is in? */
static bool
has_computed(Around *around, Node *expression)
{
	ComputedColumns computed = {around->rti, 0, around->computed_columns};

	if (around->computed_columns == NULL)
		return false;
	if (around->rti == 0)
		return around->passed && bms_overlap(pull_varnos(NULL, expression), around->relids);
	/* columns of a join, and of a grouping, may be the call's */
	if (bms_membership(around->relids) == BMS_MULTIPLE &&
		bms_overlap(pull_varnos(NULL, expression), bms_difference(around->relids, bms_make_singleton(around->rti))))
		return true;
	return uses_computed(expression, &computed);
}

/* Walker: is a computed column in what may fail, as it does when the planner computes it with a constant? */
static bool
fails_on_computed(Node *node, Around *around)
{
	if (node == NULL || !has_computed(around, node))
		return false;
	/* no aggregate is computed by the planner */
	if (node_may_fail(node) && !IsA(node, Aggref) && !IsA(node, WindowFunc))
		return true;
	return expression_tree_walker(node, fails_on_computed, around);
}

static void
look_at(Around *around, Node *expression)
{
	if (expression == NULL || !bms_overlap(pull_varnos(NULL, expression), around->relids))
		return;
	around->is_volatile |= contain_volatile_functions(expression);
	around->fails |= around->computed || fails_on(expression, around->relids);
	around->fenced |= has_computed(around, expression);
}

/* Walker: the conditions of a join tree, each conjunct alone. */
static bool
look_at_conditions(Node *node, Around *around)
{
	ListCell   *lc;
	Node	   *quals;

	if (node == NULL || IsA(node, RangeTblRef))
		return false;
	if (IsA(node, FromExpr))
		quals = ((FromExpr *) node)->quals;
	else
		quals = castNode(JoinExpr, node)->quals;
	foreach(lc, make_ands_implicit((Expr *) quals))
		look_at(around, lfirst(lc));
	if (IsA(node, JoinExpr))
		return look_at_conditions(((JoinExpr *) node)->larg, around) ||
			look_at_conditions(((JoinExpr *) node)->rarg, around);
	foreach(lc, ((FromExpr *) node)->fromlist)
		(void) look_at_conditions(lfirst(lc), around);
	return false;
}

/* Walker: the arguments of aggregates, which newer servers may compute below a join. */
static bool
look_at_aggregates(Node *node, Around *around)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		bool		fenced = around->fenced;

		look_at(around, (Node *) ((Aggref *) node)->args);
		look_at(around, (Node *) ((Aggref *) node)->aggfilter);
		if (!COMPAT_AGGREGATES_BELOW_JOINS)
			around->fenced = fenced;
		return false;
	}
	return expression_tree_walker(node, look_at_aggregates, around);
}

/* The expressions of one level that may be computed before its joins are made. */
static void
look_at_level(Query *query, Around *around)
{
	Index		rti = 0;
	ListCell   *lc;

	/* columns of a join, and of a grouping, may be the call's */
	foreach(lc, query->rtable)
	{
		RTEKind		kind = ((RangeTblEntry *) lfirst(lc))->rtekind;

		rti++;
		if (kind != RTE_RELATION && kind != RTE_SUBQUERY && kind != RTE_FUNCTION && kind != RTE_VALUES &&
			kind != RTE_CTE && kind != RTE_TABLEFUNC && kind != RTE_NAMEDTUPLESTORE && kind != RTE_RESULT)
			around->relids = bms_add_member(around->relids, rti);
	}
	(void) look_at_conditions((Node *) query->jointree, around);
	look_at(around, query->havingQual);
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst(lc);

		if (entry->ressortgroupref != 0)
			look_at(around, (Node *) entry->expr);
		around->fenced |= fails_on_computed((Node *) entry->expr, around);
		if (query->hasAggs)
			(void) look_at_aggregates((Node *) entry->expr, around);
	}
}

/* The relations through which a CTE is read at its own level; NULL if elsewhere. */
static Bitmapset *
readers_of(Query *query, CommonTableExpr *cte)
{
	Bitmapset  *result = NULL;
	Index		rti = 0;
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		rti++;
		if (rte->rtekind == RTE_CTE && rte->ctelevelsup == 0 && strcmp(rte->ctename, cte->ctename) == 0)
			result = bms_add_member(result, rti);
	}
	return result;
}

/* An IN becomes a join, by its operators: may they fail? */
static bool
test_may_fail(Node *test)
{
	Node	   *right;
	ListCell   *lc;

	if (is_andclause(test))
	{
		foreach(lc, ((BoolExpr *) test)->args)
			if (test_may_fail(lfirst(lc)))
				return true;
		return false;
	}
	if (!IsA(test, OpExpr) || node_may_fail(test))
		return true;
	right = lsecond(((OpExpr *) test)->args);
	while (IsA(right, RelabelType))
		right = (Node *) ((RelabelType *) right)->arg;
	return !IsA(right, Param);
}

/*
 * Look at all conditions that the planner could move to where the call's rows
 * come from: those of its own level, and of the levels around it.
 */
static void
look_around(QueryLevel *level, Index rti, Bitmapset *computed, Around *around)
{
	around->rti = rti;
	around->computed_columns = computed;
	around->relids = bms_make_singleton(rti);
	for (; level; level = level->parent)
	{
		look_at_level(level->query, around);
		if (level->parent == NULL)
			return;
		around->computed |= fails_on((Node *) level->query->targetList, around->relids);
		/* the columns of a set operation name those of the first arm only */
		if (level->query->setOperations == NULL)
			around->passed = has_computed(around, (Node *) level->query->targetList);
		around->rti = 0;
		if (level->sublink)
		{
			Node	   *test = level->sublink->testexpr;

			if (test)
			{
				around->is_volatile |= contain_volatile_functions(test);
				around->fails |= around->computed || test_may_fail(test);
				around->fenced |= around->passed;
			}
			return;
		}
		around->relids = level->cte ? readers_of(level->parent->query, level->cte) :
			bms_make_singleton(level->rti);
		if (around->relids == NULL)
		{
			around->fails = true;
			around->fenced |= around->passed;
			return;
		}
	}
}

/* Let the planner neither take the subquery apart nor move conditions into it. */
static void
put_fence(Query *subquery)
{
	if (subquery->limitOffset == NULL)
		subquery->limitOffset = (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(0), false,
												   FLOAT8PASSBYVAL);
}

/* Is a row lock asked for that names this relation? */
static bool
is_locked(Query *query, Index rti)
{
	ListCell   *lc;

	foreach(lc, query->rowMarks)
		if (((RowMarkClause *) lfirst(lc))->rti == rti)
			return true;
	return false;
}

/* See that the names of the columns can be printed and read again. */
static void
mend_names(RangeTblEntry *rte, Query *subquery)
{
	bool		same = true;
	ListCell   *lc;
	ListCell   *lc2;

	forboth(lc, rte->eref->colnames, lc2, subquery->targetList)
	{
		const char *name = ((TargetEntry *) lfirst(lc2))->resname;

		if (strVal(lfirst(lc))[0] == '\0')
			lfirst(lc) = makeString(pstrdup(name));
		same &= strcmp(strVal(lfirst(lc)), name) == 0;
	}
	if (!same || rte->alias == NULL)
		rte->alias = makeAlias(rte->eref->aliasname, same ? NIL : copyObject(rte->eref->colnames));
}

/* ------------------------------------------------------------------------ */
/* The rewrite																*/
/* ------------------------------------------------------------------------ */

/* Why a call is left alone before anything is looked up; NULL if it need not be. */
static const char *
early_reason(FromCall *call, const CallRewrite *rewrite)
{
	for (QueryLevel *around = call->level; around; around = around->parent)
		if (around->query->commandType == CMD_MERGE)
			return "MERGE is left as it is";
	if (list_length(call->rte->functions) != 1)
		return "it is one of several functions in ROWS FROM";
	if (call->rte->funcordinality)
		return "its rows are numbered";
	if (is_locked(call->level->query, call->rti))
		return "a row lock names it";
	if (OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)))
		return "Citus plans its own tables";
	if (IsInParallelMode())
		return "a parallel query is running";
	if (!compat_may_execute(call->function->funcid))
		return "permission denied for the function";
	return rewrite->early_reason ? rewrite->early_reason(call) : NULL;
}

/* Why the statement around the call does not allow to replace it; NULL if it does. */
static const char *
misfit_reason(FromCall *call)
{
	References	refs = {call->rti, 0, call->columns};
	RangeTblFunction *function = linitial(call->rte->functions);

	for (int i = 0; i < refs.desc->natts; i++)
		refs.has_dropped |= TupleDescAttr(refs.desc, i)->attisdropped;
	if (function->funccolcount == refs.desc->natts &&
		list_length(call->rte->eref->colnames) == refs.desc->natts &&
		!query_tree_walker(call->level->query, reference_misfits, &refs, 0))
		return NULL;
	return refs.has_dropped ? "the table has dropped columns, and the statement uses them or whole rows" :
		"the table has changed since the statement was parsed";
}

/* Replace the call, or say why not. */
static void
try_call(FromCall *call, const CallRewrite *rewrite)
{
	RangeTblEntry *rte = call->rte;
	Oid			relid = get_typ_typrelid(call->function->funcresulttype);
	char	   *relation = OidIsValid(relid) ? get_rel_name(relid) : NULL;
	const char *where = relation ? relation : rte->eref->aliasname;
	Around		around = {0};
	Query	   *subquery = NULL;
	const char *reason = early_reason(call, rewrite);

	if (reason == NULL)
	{
		look_around(call->level, call->rti, NULL, &around);
		if (around.is_volatile)
			reason = "a condition around it is volatile";
	}
	if (reason == NULL)
	{
		call->attempt->for_role = true;
		subquery = try_subquery(call, rewrite, &reason);
	}
	if (subquery)
		reason = misfit_reason(call);
	if (reason)
	{
		site_left(call->attempt, where, "%s", reason);
		return;
	}
	if (call->computed)
		look_around(call->level, call->rti, call->computed, &around);
	if (around.fenced)
		put_fence(subquery);
	mend_names(rte, subquery);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = subquery;
	rte->security_barrier = around.fails && !around.fenced;
	rte->functions = NIL;
	rte->lateral = false;
	call->level->query->hasRowSecurity |= subquery->hasRowSecurity;
	site_changed(call->attempt, where, call->size);
}

/* Walker: the queries in expressions. */
static bool
visit_expressions(Node *node, CallWalk *walk)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
	{
		visit_query(walk, castNode(Query, ((SubLink *) node)->subselect), walk->level, 0,
					(SubLink *) node, NULL);
		return visit_expressions(((SubLink *) node)->testexpr, walk);
	}
	if (IsA(node, Query))
		return false;
	return expression_tree_walker(node, visit_expressions, walk);
}

/* One range table entry: a call, a subquery, or expressions. */
static void
visit_relation(CallWalk *walk, QueryLevel *level, RangeTblEntry *rte, Index rti)
{
	ListCell   *lc;

	switch (rte->rtekind)
	{
		case RTE_SUBQUERY:
			visit_query(walk, rte->subquery, level, rti, NULL, NULL);
			break;
		case RTE_FUNCTION:
			foreach(lc, rte->functions)
			{
				FuncExpr   *function = (FuncExpr *) ((RangeTblFunction *) lfirst(lc))->funcexpr;
				FromCall	call = {walk->attempt, level, rte, rti, function};

				call.kind = walk->rewrite->kind_of(function);
				if (call.kind < 0)
					continue;
				try_call(&call, walk->rewrite);
				break;
			}
			(void) expression_tree_walker((Node *) rte->functions, visit_expressions, walk);
			break;
		case RTE_VALUES:
			(void) expression_tree_walker((Node *) rte->values_lists, visit_expressions, walk);
			break;
		case RTE_TABLEFUNC:
			(void) expression_tree_walker((Node *) rte->tablefunc, visit_expressions, walk);
			break;
		default:
			break;
	}
}

/* All calls of a query and of those in it. */
static void
visit_query(CallWalk *walk, Query *query, QueryLevel *parent, Index rti, SubLink *sublink, CommonTableExpr *cte)
{
	QueryLevel	level = {parent, query, rti, sublink, cte};
	QueryLevel *outer = walk->level;
	Index		i = 0;
	ListCell   *lc;

	if (query->commandType == CMD_MERGE && !walk->attempt->telling)
		return;
	walk->level = &level;
	foreach(lc, query->cteList)
	{
		CommonTableExpr *inner = lfirst(lc);

		/* one that is never read is not planned */
		if (inner->cterefcount > 0 || ((Query *) inner->ctequery)->commandType != CMD_SELECT)
			visit_query(walk, (Query *) inner->ctequery, &level, 0, NULL, inner);
	}
	foreach(lc, query->rtable)
		visit_relation(walk, &level, lfirst(lc), ++i);
	(void) query_tree_walker(query, visit_expressions, walk,
							 QTW_IGNORE_RANGE_TABLE | QTW_IGNORE_CTE_SUBQUERIES | QTW_IGNORE_JOINALIASES);
	walk->level = outer;
}

/*
 * replace_calls
 *		Replace the calls that the rewrite knows, at all levels of the statement, which is changed in place.
 */
Query *
replace_calls(Query *query, Attempt *attempt, const CallRewrite *rewrite)
{
	CallWalk	walk = {attempt, rewrite};

	visit_query(&walk, query, NULL, 0, NULL, NULL);
	return query;
}
