/*
 * call_statement.c
 *	  The statement that takes the place of a call in FROM.
 *
 * Its text goes through the server's parser and rewriter, so that locks, views,
 * row security and partitions are the server's own doing.  What the parser makes
 * of a text is kept for the last few texts.
 */
#include "postgres.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "planner/call_in_from.h"

/*
 * call_constant
 *		A constant's value in *value, which is 0 for a null; false if it is none.
 */
bool
call_constant(Node *node, Datum *value)
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

/*
 * call_refers_out
 *		Does an expression mention columns at all, or a query those of a query around it?
 */
bool
call_refers_out(Node *node)
{
	int			depth = 0;

	return refers_out(node, &depth);
}

/*
 * call_arguments
 *		The call's arguments with its defaults filled in; NIL with a reason where they are not fixed.
 */
List *
call_arguments(FromCall *call, const char **reason)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->function->funcid));
	List	   *args;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", call->function->funcid);
	args = expand_function_arguments(copyObject(call->function->args), false, call->function->funcresulttype, tuple);
	ReleaseSysCache(tuple);

	*reason = NULL;
	if (contain_volatile_functions((Node *) args))
		*reason = "an argument is volatile";
	else if (call_refers_out((Node *) args))
		*reason = "an argument depends on other tables";
	return *reason ? NIL : args;
}

/* The parser's $n: an argument of the call. */
static Node *
argument_param(ParseState *pstate, ParamRef *pref)
{
	FromCall   *call = pstate->p_ref_hook_state;
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

/*
 * call_parse
 *		Read the statement; what is returned may be changed.
 */
RawStmt *
call_parse(const char *sql)
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

/*
 * call_analyze_raw
 *		Analyze and rewrite the statement, without a notice to those who count statements; the hook
 *		says what $1, ... in it are, and finds the call in p_ref_hook_state.
 */
Query *
call_analyze_raw(FromCall *call, const char *sql, RawStmt *raw, ParseParamRefHook hook)
{
	ParseState *pstate = make_parsestate(NULL);
	Query	   *query;
	List	   *rewritten;

	pstate->p_sourcetext = sql;
	pstate->p_ref_hook_state = call;
	pstate->p_paramref_hook = hook;
	query = transformTopLevelStmt(pstate, raw);
	free_parsestate(pstate);
	if (query->commandType != CMD_SELECT || query->hasModifyingCTE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("it does more than read")));
	if (call->attempt->showing)
		return query;
	rewritten = QueryRewrite(query);
	query = linitial_node(Query, rewritten);
	if (list_length(rewritten) != 1 || query->commandType != CMD_SELECT || query->hasModifyingCTE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a rule makes it another statement")));
	return query;
}

/*
 * call_analyze
 *		Parse and rewrite the statement; $1, ... in it are call->args.
 */
Query *
call_analyze(FromCall *call, const char *sql)
{
	return call_analyze_raw(call, sql, call_parse(sql), argument_param);
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

/*
 * call_require_harmless
 *		Raise an error unless the statement may take the call's place: it runs no volatile
 *		function, the current role has all the rights that it needs, and no condition fails when
 *		it is planned.
 */
void
call_require_harmless(Query *query)
{
	if (contain_volatile_functions((Node *) query))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("it runs a volatile function")));
	if (lacks_rights((Node *) query, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied")));
	(void) try_conditions((Node *) query, NULL);
}

/*
 * call_lay_out
 *		Put the columns where the row type has them, and nulls for those that are not given.
 */
void
call_lay_out(Query *query, TupleDesc desc, List *attnums)
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
 * call_has_policies
 *		Does a policy of row security apply to some table of the statement?
 */
bool
call_has_policies(Query *query)
{
	return has_policies((Node *) query, NULL);
}
