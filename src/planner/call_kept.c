/*
 * call_kept.c
 *	  Statements that took the place of calls, kept for the next call.
 *
 * An application sends the same call again and again.  To make the text of its
 * statement, to analyze it and to rewrite it takes a fifth of what planning it does, so
 * that the last few are kept as the server's plan cache keeps the statements of
 * PREPARE: it learns of every change to what they depend on, locks their tables, and
 * sees to it that row security is that of the current role.
 *
 * What is kept has parameters of the arguments' types in their place.  The text
 * depends on the catalogs, too: on the table's columns and its key.  So an entry is
 * given up at any change that the plan cache hears of, rather than analyzed again,
 * and it is looked at only when the table is locked.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteManip.h"
#include "storage/lmgr.h"
#include "tcop/cmdtag.h"
#include "utils/acl.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rls.h"

#include "planner/call_in_from.h"

#define KEPT_STATEMENTS 16

/* A call that has more arguments is not kept. */
#define MOST_ARGUMENTS 4

typedef struct KeptStatement
{
	MemoryContext context;		/* holds the key and attnums; NULL: the entry is free */
	StatementKey key;
	List	   *attnums;
	CachedPlanSource *source;
} KeptStatement;

static KeptStatement kept[KEPT_STATEMENTS];

/* Do two arrays, or NULLs, have the same bytes? */
static bool
same_array(ArrayType *a, ArrayType *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* Give an entry up. */
static void
drop_kept(KeptStatement *entry)
{
	MemoryContext context = entry->context;

	entry->context = NULL;
	DropCachedPlan(entry->source);
	MemoryContextDelete(context);
}

/* May it be used as it is: has nothing changed, and would the names and the row security in it be the same? */
static bool
is_current(CachedPlanSource *source)
{
	return source->is_valid && compat_same_search_path(source->search_path) &&
		(!source->dependsOnRLS ||
		 (source->rewriteRoleId == GetUserId() && source->rewriteRowSecurity == row_security));
}

/*
 * Walker: put the call's arguments in the place of parameters, which are arguments
 * of functions.  The arguments may have parameters of their own: those stay.
 */
static bool
put_arguments(Node *node, List *args)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, put_arguments, args, 0);
	if (!IsA(node, FuncExpr))
		return expression_tree_walker(node, put_arguments, args);
	foreach(lc, ((FuncExpr *) node)->args)
	{
		Param	   *param = lfirst(lc);

		if (IsA(param, Param) && param->paramkind == PARAM_EXTERN)
			lfirst(lc) = copyObject(list_nth(args, param->paramid - 1));
		else
			(void) put_arguments((Node *) param, args);
	}
	return false;
}

/* Are the arguments such that a parameter can stand for each? */
static bool
are_plain_arguments(List *args)
{
	ListCell   *lc;

	if (list_length(args) > MOST_ARGUMENTS || checkExprHasSubLink((Node *) args))
		return false;
	foreach(lc, args)
		if (exprTypmod(lfirst(lc)) != -1 || exprCollation(lfirst(lc)) != get_typcollation(exprType(lfirst(lc))))
			return false;
	return true;
}

/*
 * May the call's statement be kept, or one that was kept be taken?  Nobody is to hold
 * a lock on what is not theirs.  Where a role may read single columns only, to find that
 * out takes as long as a statement of its own.
 */
static bool
may_be_kept(FromCall *call, StatementKey *key)
{
	return !call->attempt->showing && are_plain_arguments(call->args) &&
		pg_class_aclcheck(key->relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/* The parser's $n: a parameter of the argument's type. */
static Node *
typed_param(ParseState *pstate, ParamRef *pref)
{
	FromCall   *call = pstate->p_ref_hook_state;
	Param	   *param;

	if (pref->number < 1 || pref->number > list_length(call->args))
		return NULL;
	param = makeNode(Param);
	param->paramkind = PARAM_EXTERN;
	param->paramid = pref->number;
	param->paramtype = exprType(list_nth(call->args, pref->number - 1));
	param->paramtypmod = -1;
	param->paramcollid = get_typcollation(param->paramtype);
	param->location = pref->location;
	return (Node *) param;
}

/*
 * call_recall
 *		The statement that was kept for such a call, with call->args in it, and its
 *		attnums, both in the current memory context; NULL if there is none that is
 *		still right.  Locks the tables in it, as analyzing it would.
 */
Query *
call_recall(FromCall *call, StatementKey *key, List **attnums)
{
	KeptStatement *entry = NULL;
	Query	   *query;

	if (!may_be_kept(call, key))
		return NULL;
	for (int i = 0; i < KEPT_STATEMENTS && entry == NULL; i++)
		if (kept[i].context && kept[i].key.kind == key->kind && kept[i].key.relid == key->relid &&
			kept[i].key.parallel == key->parallel && same_array(kept[i].key.columns, key->columns))
			entry = &kept[i];
	if (entry == NULL)
		return NULL;
	LockRelationOid(key->relid, AccessShareLock);
	if (!is_current(entry->source))
	{
		drop_kept(entry);
		return NULL;
	}
	/* which locks what else is in it */
	(void) CachedPlanGetTargetList(entry->source, NULL);
	if (list_length(entry->source->query_list) != 1)
		return NULL;
	query = copyObject(linitial_node(Query, entry->source->query_list));
	if (query->commandType != CMD_SELECT || query->hasModifyingCTE)
		return NULL;
	(void) put_arguments((Node *) query, call->args);
	*attnums = list_copy(entry->attnums);
	return query;
}

/*
 * call_keep
 *		Analyze the statement of a call, as call_analyze() does, and keep it where it
 *		may be taken again.
 */
Query *
call_keep(FromCall *call, StatementKey *key, const char *sql, List *attnums)
{
	static int	next = 0;
	Oid			types[MOST_ARGUMENTS];
	int			ntypes = 0;
	RawStmt    *raw;
	Query	   *query;
	KeptStatement made = {.key = *key};
	MemoryContext old;
	ListCell   *lc;

	if (!may_be_kept(call, key))
		return call_analyze(call, sql);
	foreach(lc, call->args)
		types[ntypes++] = exprType(lfirst(lc));
	raw = call_parse(sql);
	made.source = CreateCachedPlan(raw, sql, CMDTAG_SELECT);
	query = call_analyze_raw(call, sql, raw, typed_param);
	CompleteCachedPlan(made.source, list_make1(query), NULL, types, ntypes, NULL, NULL, CURSOR_OPT_PARALLEL_OK, true);
	query = copyObject(query);
	(void) put_arguments((Node *) query, call->args);

	made.context = AllocSetContextCreate(CurrentMemoryContext, "pg_more kept statement", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(made.context);
	if (key->columns)
		made.key.columns = (ArrayType *) DatumGetPointer(datumCopy(PointerGetDatum(key->columns), false, -1));
	made.attnums = list_copy(attnums);
	MemoryContextSwitchTo(old);
	/* from here on nothing fails */
	SaveCachedPlan(made.source);
	MemoryContextSetParent(made.context, TopMemoryContext);
	if (kept[next].context)
		drop_kept(&kept[next]);
	kept[next] = made;
	next = (next + 1) % KEPT_STATEMENTS;
	return query;
}
