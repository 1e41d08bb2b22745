/*
 * rows_in.c
 *	  Plans more.rows_in and its kin in FROM as the join itself.
 *
 * A call of more.rows_in, rows_not_in or rows_missing in FROM is replaced by the
 * statement that the function would run (match.c makes its text), as a subquery,
 * just as the rewriter replaces a view:
 *
 *	FROM more.rows_in(NULL::t, $1) AS r
 *	FROM (SELECT target.a, target.b
 *		  FROM more._rows_of(NULL::t, $1, ...) AS data(a integer)
 *		  JOIN public.t AS target ON target.a = data.a) AS r
 *
 * Its text goes through the server's parser and rewriter, so locks, views, row
 * security and partitions are the server's own doing.  more._rows_of decodes
 * the data when the plan runs.
 *
 * Accepted: one function in a FROM item, without ordinality; target a constant;
 * key and match constants, or parameters whose value is at hand; data any
 * expression without columns of other tables that is not volatile.
 *
 * Why the result is the same:
 *	- The statement is the function's, and its source of rows checks, decodes,
 *	  sorts and refuses the data as the function does, with the same errors.
 *	  Duplicates and nulls in the data therefore count as they do there.
 *	- It sees what the statement around it sees: the function is STABLE, so that
 *	  it runs under the snapshot of that statement, too.
 *	- It runs with the same rights: as the current role, also inside a view.
 *	  Where the role lacks a right, the call is left alone, because it raises its
 *	  error only if it is reached, while a plan's privileges are checked always.
 *	  The plan is for this role alone: another makes the server plan anew.
 *	- Row security is the server's.  A plan that outlives row_security = on
 *	  raises the error that the setting asks for (more._row_security).
 *	- No error that the call would not raise.  What the statement cannot be
 *	  built for is left alone; the call then raises its own error, if it is
 *	  reached.  A condition around the call that may fail, like 1 / r.x > 2,
 *	  must not see rows that the call would not return: the subquery is then
 *	  marked as a security barrier, which only takes in conditions that cannot
 *	  fail.  Volatile functions in conditions on it must be called for the rows
 *	  of the result only: left alone.
 *	- Row locks: FOR UPDATE does not reach the table behind a function, nor
 *	  does it here, since the subquery gets no row mark; a mark that names the
 *	  call leaves it alone.  A re-check after a concurrent update (EvalPlanQual)
 *	  takes the rows of other relations as they were: of a function as a copy,
 *	  of a table by its ctid, which is the same version.
 *	- The columns are those of the row type, with a null for each dropped one.
 *	  Where a reference in the statement does not fit the table as it is by now,
 *	  the call is left alone; so it is where dropped columns and a reference to
 *	  the whole row meet, since no SQL text could say what it then means.
 *
 * Left alone, besides: short lists of primary keys that nothing is joined with,
 * for which making a plan takes longer than the call with its kept plan; MERGE,
 * tables when Citus is there, and everything when pg_more.rows_source asks for
 * arrays.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "planner/levels.h"
#include "rows/verb.h"

/* How a query is part of the one around it. */
typedef struct QueryLevel
{
	struct QueryLevel *parent;
	Query	   *query;
	Index		rti;			/* of the subquery in the parent, or 0 */
	SubLink    *sublink;		/* that it belongs to, or NULL */
	CommonTableExpr *cte;		/* likewise */
} QueryLevel;

/* What one attempt knows. */
typedef struct RowsIn
{
	Attempt    *attempt;
	QueryLevel	   *level;			/* for the walker */
} RowsIn;

/* A call that is being replaced. */
typedef struct Call
{
	MatchKind	kind;
	Oid			relid;
	List	   *args;			/* target, data, key, match */
	ArrayType  *key;
	char	   *match;
	Rowset	   *known;			/* the data, where it is at hand */
} Call;

static void visit_query(RowsIn *context, Query *query, QueryLevel *parent, Index rti,
						SubLink *sublink, CommonTableExpr *cte);

/* ------------------------------------------------------------------------ */
/* The call's arguments														*/
/* ------------------------------------------------------------------------ */

/* A constant's value in *value, which is 0 for a null; false if it is none. */
static bool
constant(Node *node, Datum *value)
{
	if (!IsA(node, Const))
		return false;
	*value = ((Const *) node)->constisnull ? (Datum) 0 : ((Const *) node)->constvalue;
	return true;
}

/* Walker: a Var of a query at or above the one that the expression is in? */
static bool
refers_out(Node *node, int *depth)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varlevelsup >= *depth;
	if (IsA(node, Query))
	{
		bool		result;

		(*depth)++;
		result = query_tree_walker((Query *) node, refers_out, depth, 0);
		(*depth)--;
		return result;
	}
	return expression_tree_walker(node, refers_out, depth);
}

/* Read the arguments; returns why they will not do, or NULL. */
static const char *
read_arguments(RowsIn *context, FuncExpr *function, Call *call)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function->funcid));
	List	   *args;
	Node	   *data;
	Datum		value;
	int			depth = 0;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function->funcid);
	args = expand_function_arguments(copyObject(function->args), false, function->funcresulttype, tuple);
	ReleaseSysCache(tuple);

	if (contain_volatile_functions((Node *) args))
		return "an argument is volatile";
	if (refers_out((Node *) args, &depth))
		return "an argument depends on other tables";
	if (!constant(linitial(args), &value) || !OidIsValid(get_typ_typrelid(function->funcresulttype)))
		return "the target is not a null of a table's row type";
	call->relid = get_typ_typrelid(function->funcresulttype);
	call->args = list_make1(linitial(args));

	data = simplify_known(lsecond(args), context->attempt->params);
	call->args = lappend(call->args, data);
	if (IsA(data, Const))
	{
		if (((Const *) data)->constisnull)
			return "the data is null";
		call->known = rowset_from_datum(((Const *) data)->constvalue);
	}
	for (int i = 2; i < 4; i++)
	{
		Node	   *arg = simplify_known(list_nth(args, i), context->attempt->params);

		if (!constant(arg, &value))
			return i == 2 ? "the key is not a constant" : "match is not a constant";
		call->args = lappend(call->args, arg);
		if (value != 0 && i == 2)
			call->key = DatumGetArrayTypeP(value);
		if (value != 0 && i == 3)
			call->match = TextDatumGetCString(value);
	}
	return NULL;
}

/* ------------------------------------------------------------------------ */
/* The subquery																*/
/* ------------------------------------------------------------------------ */

/* The parser's $n: an argument of the call. */
static Node *
argument_param(ParseState *pstate, ParamRef *pref)
{
	Call	   *call = pstate->p_ref_hook_state;
	Node	   *arg;
	int			depth = 1;

	if (pref->number < 1 || pref->number > list_length(call->args))
		return NULL;
	arg = copyObject(list_nth(call->args, pref->number - 1));
	for (ParseState *outer = pstate->parentParseState; outer; outer = outer->parentParseState)
		depth++;
	if (checkExprHasSubLink(arg))
	{
		pstate->p_hasSubLinks = true;
		IncrementVarSublevelsUp(arg, depth, 0);
	}
	return arg;
}

/* A statement's text as the grammar reads it, under the settings that have a say in that. */
typedef struct ParsedText
{
	MemoryContext context;		/* holds the rest; NULL: the entry is free */
	char	   *sql;
	int			settings;
	RawStmt    *raw;
} ParsedText;

/* The last few texts, of which an application sends the same again and again; longer ones are not kept. */
#define KEPT_TEXTS 16
#define KEPT_LENGTH 8192
static ParsedText kept_texts[KEPT_TEXTS];

/* The settings by which the server reads string constants, as a number. */
static int
reading_settings(void)
{
	return backslash_quote * 2 + COMPAT_STANDARD_STRINGS;
}

/* Keep what was read. */
static void
keep_text(const char *sql, int settings, RawStmt *raw)
{
	static int	next = 0;
	ParsedText *kept = &kept_texts[next];
	MemoryContext context;
	MemoryContext old;
	ParsedText	made;

	if (strlen(sql) > KEPT_LENGTH)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_more parsed text", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	made.context = context;
	made.sql = pstrdup(sql);
	made.settings = settings;
	made.raw = copyObject(raw);
	MemoryContextSwitchTo(old);
	/* from here on nothing fails */
	MemoryContextSetParent(context, TopMemoryContext);
	if (kept->context)
		MemoryContextDelete(kept->context);
	*kept = made;
	next = (next + 1) % KEPT_TEXTS;
}

/* Read the statement; what is returned may be changed. */
static RawStmt *
parse(const char *sql)
{
	int			settings = reading_settings();
	RawStmt    *raw;

	for (int i = 0; i < KEPT_TEXTS; i++)
		if (kept_texts[i].context && kept_texts[i].settings == settings && strcmp(kept_texts[i].sql, sql) == 0)
			return copyObject(kept_texts[i].raw);
	raw = linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT));
	keep_text(sql, settings, raw);
	return raw;
}

/* Parse and rewrite the statement, without a notice to those who count statements. */
static Query *
analyze(Call *call, const char *sql)
{
	ParseState *pstate = make_parsestate(NULL);
	RawStmt    *raw = parse(sql);
	Query	   *query;
	List	   *rewritten;

	pstate->p_sourcetext = sql;
	pstate->p_ref_hook_state = call;
	pstate->p_paramref_hook = argument_param;
	query = transformTopLevelStmt(pstate, raw);
	free_parsestate(pstate);
	rewritten = QueryRewrite(query);
	query = linitial_node(Query, rewritten);
	if (list_length(rewritten) != 1 || query->commandType != CMD_SELECT || query->hasModifyingCTE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a rule makes it another statement")));
	return query;
}

static bool
may_not_execute(Oid function, void *arg)
{
	return !compat_may_execute(function);
}

/*
 * Walker: is there something that the current role may not do?  A plan's
 * privileges are checked when it starts, also where nothing will be run.
 */
static bool
lacks_rights(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return !compat_may_run((Query *) node) ||
			query_tree_walker((Query *) node, lacks_rights, arg, 0);
	return check_functions_in_node(node, may_not_execute, arg) ||
		expression_tree_walker(node, lacks_rights, arg);
}

/* Walker: simplify all conditions, to see that none fails when it is planned. */
static bool
try_conditions(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, FromExpr))
		(void) eval_const_expressions(NULL, copyObject(((FromExpr *) node)->quals));
	if (IsA(node, JoinExpr))
		(void) eval_const_expressions(NULL, copyObject(((JoinExpr *) node)->quals));
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, try_conditions, arg, 0);
	return expression_tree_walker(node, try_conditions, arg);
}

/* Put the columns where the row type has them, and nulls for those that are not given. */
static void
lay_out_columns(Query *query, TupleDesc desc, List *attnums)
{
	List	   *result = NIL;
	List	   *junk = NIL;
	TargetEntry **given = palloc0_array(TargetEntry *, desc->natts + 1);
	int			n = 0;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst(lc);

		if (entry->resjunk)
			junk = lappend(junk, entry);
		else
			given[list_nth_int(attnums, n++) - 1] = entry;
	}
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		TargetEntry *entry = given[i];

		if (att->attisdropped)
			entry = makeTargetEntry((Expr *) makeNullConst(INT4OID, -1, InvalidOid), i + 1,
									pstrdup(NameStr(att->attname)), false);
		else if (entry == NULL)
			entry = makeTargetEntry((Expr *) makeNullConst(att->atttypid, att->atttypmod, att->attcollation),
									i + 1, pstrdup(NameStr(att->attname)), false);
		else if (exprType((Node *) entry->expr) != att->atttypid)
			elog(ERROR, "column \"%s\" is of another type", NameStr(att->attname));
		entry->resno = i + 1;
		result = lappend(result, entry);
	}
	foreach(lc, junk)
	{
		((TargetEntry *) lfirst(lc))->resno = list_length(result) + 1;
		result = lappend(result, lfirst(lc));
	}
	query->targetList = result;
}

/* Walker: does a policy of row security apply to some table? */
static bool
has_policies(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->securityQuals != NIL;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_policies, arg, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, has_policies, arg);
}

/*
 * A plan that is kept may be run under another setting of row_security.  For
 * the table itself a condition sees to it: it raises its error before any other
 * table's would be.  Where row security comes in below only, by a view or the
 * condition's own subqueries, the statement is refused.
 */
static void
keep_secured(Call *call, Query *query)
{
	Oid			guard;
	Const	   *relation;
	Node	   *condition;

	if (check_enable_rls(call->relid, InvalidOid, true) != RLS_ENABLED)
	{
		if (has_policies((Node *) query, NULL))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("row security applies to other tables in it")));
		return;
	}
	guard = extension_function("_row_security", 1);
	if (!OidIsValid(guard))
		elog(ERROR, "function more._row_security does not exist");
	relation = makeConst(REGCLASSOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(call->relid), false, true);
	condition = (Node *) makeFuncExpr(guard, BOOLOID, list_make1(relation), InvalidOid, InvalidOid,
									  COERCE_EXPLICIT_CALL);
	query->jointree->quals = make_and_qual(query->jointree->quals, condition);
}

/* Of so few rows the call makes short work: its plan is kept, this one is made each time. */
#define SHORT_LIST 64

/*
 * Is it not worth to replace the call: few rows, each of which matches one at
 * most, and no other relation to join them with?
 */
static bool
is_small(RowsIn *context, QueryLevel *level, Call *call)
{
	if (context->attempt->force || call->known == NULL || call->known->nrows >= SHORT_LIST ||
		call->kind == MATCH_ROWS_NOT_IN || call->key || call->match)
		return false;
	for (; level; level = level->parent)
		if (list_length(level->query->rtable) != 1)
			return false;
	return true;
}

/*
 * The statement in the place of the call; where there is none, it raises an
 * error, or returns NULL with a reason.
 */
static Query *
build_subquery(RowsIn *context, QueryLevel *level, FuncExpr *function, Call *call, const char **reason)
{
	List	   *attnums;
	Query	   *query;
	Relation	rel;

	*reason = read_arguments(context, function, call);
	if (*reason == NULL && is_small(context, level, call))
		*reason = "the list is short and joined with nothing else";
	if (*reason)
		return NULL;
	query = analyze(call, match_sql(call->kind, call->relid, call->key, call->match,
									call->known, &attnums));
	if (contain_volatile_functions((Node *) query))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("it runs a volatile function")));
	if (lacks_rights((Node *) query, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied")));
	(void) try_conditions((Node *) query, NULL);
	keep_secured(call, query);
	rel = relation_open(call->relid, NoLock);
	lay_out_columns(query, RelationGetDescr(rel), attnums);
	relation_close(rel, NoLock);
	return query;
}

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
try_subquery(RowsIn *context, QueryLevel *level, FuncExpr *function, Call *call, const char **reason)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Query	   *volatile query = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		query = build_subquery(context, level, function, call, reason);
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

/* What the conditions around a call may do to it. */
typedef struct Around
{
	Bitmapset  *relids;			/* of the level at hand: what the call's rows go through */
	bool		computed;		/* may computing their columns fail? */
	bool		fails;
	bool		is_volatile;
} Around;

static void
look_at(Around *around, Node *expression)
{
	if (expression == NULL || !bms_overlap(pull_varnos(NULL, expression), around->relids))
		return;
	around->is_volatile |= contain_volatile_functions(expression);
	around->fails |= around->computed || fails_on(expression, around->relids);
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
		look_at(around, (Node *) ((Aggref *) node)->args);
		look_at(around, (Node *) ((Aggref *) node)->aggfilter);
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
look_around(QueryLevel *level, Index rti, Around *around)
{
	around->relids = bms_make_singleton(rti);
	for (; level; level = level->parent)
	{
		look_at_level(level->query, around);
		if (level->parent == NULL)
			return;
		around->computed |= fails_on((Node *) level->query->targetList, around->relids);
		if (level->sublink)
		{
			Node	   *test = level->sublink->testexpr;

			if (test)
			{
				around->is_volatile |= contain_volatile_functions(test);
				around->fails |= around->computed || test_may_fail(test);
			}
			return;
		}
		around->relids = level->cte ? readers_of(level->parent->query, level->cte) :
			bms_make_singleton(level->rti);
		if (around->relids == NULL)
		{
			around->fails = true;
			return;
		}
	}
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

static const char *const function_names[] = {
	[MATCH_ROWS_IN] = "rows_in",
	[MATCH_ROWS_NOT_IN] = "rows_not_in",
	[MATCH_ROWS_MISSING] = "rows_missing",
};

/* Which of the functions is called; -1 if none. */
static int
kind_of(FuncExpr *function)
{
	char	   *name;

	if (!IsA(function, FuncExpr) || (name = get_func_name(function->funcid)) == NULL)
		return -1;
	for (int kind = 0; kind < lengthof(function_names); kind++)
		if (strcmp(name, function_names[kind]) == 0)
			return extension_function(name, 4) == function->funcid ? kind : -1;
	return -1;
}

/* Why a call is left alone before anything is looked up; NULL if it need not be. */
static const char *
early_reason(QueryLevel *level, RangeTblEntry *rte, Index rti)
{
	for (QueryLevel *around = level; around; around = around->parent)
		if (around->query->commandType == CMD_MERGE)
			return "MERGE is left as it is";
	if (list_length(rte->functions) != 1)
		return "it is one of several functions in ROWS FROM";
	if (rte->funcordinality)
		return "its rows are numbered";
	if (is_locked(level->query, rti))
		return "a row lock names it";
	if (rows_source == ROWS_SOURCE_ARRAYS)
		return "pg_more.rows_source is arrays";
	if (OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)))
		return "Citus plans its own tables";
	if (IsInParallelMode())
		return "a parallel query is running";
	return NULL;
}

/* Why the statement around the call does not allow to replace it; NULL if it does. */
static const char *
misfit_reason(QueryLevel *level, RangeTblEntry *rte, Index rti, Oid relid)
{
	Relation	rel = relation_open(relid, NoLock);
	References	refs = {rti, 0, RelationGetDescr(rel)};
	RangeTblFunction *function = linitial(rte->functions);
	bool		fits;

	for (int i = 0; i < refs.desc->natts; i++)
		refs.has_dropped |= TupleDescAttr(refs.desc, i)->attisdropped;
	fits = function->funccolcount == refs.desc->natts &&
		list_length(rte->eref->colnames) == refs.desc->natts &&
		!query_tree_walker(level->query, reference_misfits, &refs, 0);
	relation_close(rel, NoLock);
	if (!fits)
		return refs.has_dropped ? "the table has dropped columns, and the statement uses them or whole rows" :
			"the table has changed since the statement was parsed";
	return NULL;
}

/* Replace the call, or say why not. */
static void
try_call(RowsIn *context, QueryLevel *level, RangeTblEntry *rte, Index rti, FuncExpr *function, MatchKind kind)
{
	Oid			relid = get_typ_typrelid(function->funcresulttype);
	char	   *relation = OidIsValid(relid) ? get_rel_name(relid) : NULL;
	const char *where = relation ? relation : rte->eref->aliasname;
	Call		call = {.kind = kind};
	Around		around = {0};
	Query	   *subquery = NULL;
	const char *reason = early_reason(level, rte, rti);

	if (reason == NULL)
	{
		look_around(level, rti, &around);
		if (around.is_volatile)
			reason = "a condition around it is volatile";
	}
	if (reason == NULL)
	{
		context->attempt->for_role = true;
		subquery = try_subquery(context, level, function, &call, &reason);
	}
	if (subquery)
		reason = misfit_reason(level, rte, rti, call.relid);
	if (reason)
	{
		site_left(context->attempt, where, "%s", reason);
		return;
	}
	mend_names(rte, subquery);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = subquery;
	rte->security_barrier = around.fails;
	rte->functions = NIL;
	rte->lateral = false;
	level->query->hasRowSecurity |= subquery->hasRowSecurity;
	site_changed(context->attempt, where, call.known ? call.known->nrows : 0);
}

/* Walker: the queries in expressions. */
static bool
visit_expressions(Node *node, RowsIn *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
	{
		visit_query(context, castNode(Query, ((SubLink *) node)->subselect), context->level, 0,
					(SubLink *) node, NULL);
		return visit_expressions(((SubLink *) node)->testexpr, context);
	}
	if (IsA(node, Query))
		return false;
	return expression_tree_walker(node, visit_expressions, context);
}

/* One range table entry: a call, a subquery, or expressions. */
static void
visit_relation(RowsIn *context, QueryLevel *level, RangeTblEntry *rte, Index rti)
{
	ListCell   *lc;

	switch (rte->rtekind)
	{
		case RTE_SUBQUERY:
			visit_query(context, rte->subquery, level, rti, NULL, NULL);
			break;
		case RTE_FUNCTION:
			foreach(lc, rte->functions)
			{
				FuncExpr   *function = (FuncExpr *) ((RangeTblFunction *) lfirst(lc))->funcexpr;
				int			kind = kind_of(function);

				if (kind < 0)
					continue;
				try_call(context, level, rte, rti, function, kind);
				break;
			}
			(void) expression_tree_walker((Node *) rte->functions, visit_expressions, context);
			break;
		case RTE_VALUES:
			(void) expression_tree_walker((Node *) rte->values_lists, visit_expressions, context);
			break;
		case RTE_TABLEFUNC:
			(void) expression_tree_walker((Node *) rte->tablefunc, visit_expressions, context);
			break;
		default:
			break;
	}
}

/* All calls of a query and of those in it. */
static void
visit_query(RowsIn *context, Query *query, QueryLevel *parent, Index rti, SubLink *sublink, CommonTableExpr *cte)
{
	QueryLevel		level = {parent, query, rti, sublink, cte};
	QueryLevel	   *outer = context->level;
	Index		i = 0;
	ListCell   *lc;

	if (query->commandType == CMD_MERGE && !context->attempt->telling)
		return;
	context->level = &level;
	foreach(lc, query->cteList)
	{
		CommonTableExpr *inner = lfirst(lc);

		/* one that is never read is not planned */
		if (inner->cterefcount > 0 || ((Query *) inner->ctequery)->commandType != CMD_SELECT)
			visit_query(context, (Query *) inner->ctequery, &level, 0, NULL, inner);
	}
	foreach(lc, query->rtable)
		visit_relation(context, &level, lfirst(lc), ++i);
	(void) query_tree_walker(query, visit_expressions, context,
							 QTW_IGNORE_RANGE_TABLE | QTW_IGNORE_CTE_SUBQUERIES | QTW_IGNORE_JOINALIASES);
	context->level = outer;
}

/*
 * try_rows_in
 *		The entry of this rewrite.
 */
Query *
try_rows_in(Query *query, Attempt *attempt)
{
	RowsIn		context = {attempt};

	visit_query(&context, query, NULL, 0, NULL, NULL);
	return query;
}
