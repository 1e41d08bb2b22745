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
 * Accepted, of what call_in_from.c accepts: target a constant; key and match
 * constants, or parameters whose value is at hand; data any expression without
 * columns of other tables that is not volatile.
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
 *	- The columns are those of the row type, with a null for each dropped one.
 *	- The statement around it cannot tell the difference: call_in_from.c.
 *
 * Left alone, besides: short lists of primary keys that nothing is joined with,
 * for which making a plan takes longer than the call with its kept plan; long lists
 * that work_mem does not hold, where nothing else chooses rows; and everything when pg_more.rows_source asks for arrays or keys.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "planner/call_in_from.h"
#include "rows/verb.h"

/* What the arguments of a call say. */
typedef struct RowsIn
{
	Oid			relid;
	ArrayType  *key;
	char	   *match;
	Rowset	   *known;			/* the data, where it is at hand */
	Node	   *data;
} RowsIn;

/* Read the arguments; returns why they will not do, or NULL. */
static const char *
read_arguments(FromCall *call, RowsIn *rows)
{
	const char *reason;
	List	   *args = call_arguments(call, &reason);
	const ParamExternData *left;
	Node	   *data;
	Datum		value;

	if (reason)
		return reason;
	rows->relid = get_typ_typrelid(call->function->funcresulttype);
	if (!call_constant(linitial(args), &value) || !OidIsValid(rows->relid))
		return "the target is not a null of a table's row type";
	call->args = list_make1(linitial(args));

	left = left_param(lsecond(args), call->attempt->params);
	data = left ? lsecond(args) : simplify_known(lsecond(args), call->attempt->params);
	call->args = lappend(call->args, data);
	rows->data = data;
	if (left)
		rows->known = rowset_from_datum(left->value);
	else if (IsA(data, Const))
	{
		if (((Const *) data)->constisnull)
			return "the data is null";
		rows->known = rowset_from_datum(((Const *) data)->constvalue);
	}
	for (int i = 2; i < 4; i++)
	{
		Node	   *arg = simplify_known(list_nth(args, i), call->attempt->params);

		if (!call_constant(arg, &value))
			return i == 2 ? "the key is not a constant" : "match is not a constant";
		call->args = lappend(call->args, arg);
		if (value != 0 && i == 2)
			rows->key = DatumGetArrayTypeP(value);
		if (value != 0 && i == 3)
			rows->match = TextDatumGetCString(value);
	}
	return NULL;
}

/*
 * A plan that is kept may be run under another setting of row_security.  For
 * the table itself a condition sees to it: it raises its error before any other
 * table's would be.  Where row security comes in below only, by a view or the
 * condition's own subqueries, the statement is refused.
 */
static void
keep_secured(Oid relid, Query *query)
{
	Oid			guard;
	Const	   *relation;
	Node	   *condition;

	if (check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED)
	{
		if (call_has_policies(query))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("row security applies to other tables in it")));
		return;
	}
	guard = extension_function("_row_security", 1);
	if (!OidIsValid(guard))
		elog(ERROR, "function more._row_security does not exist");
	relation = makeConst(REGCLASSOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(relid), false, true);
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
is_small(FromCall *call, RowsIn *rows)
{
	if (call->attempt->force || rows->known == NULL || rows->known->nrows >= SHORT_LIST ||
		call->kind == MATCH_ROWS_NOT_IN || rows->key || rows->match)
		return false;
	for (QueryLevel *level = call->level; level; level = level->parent)
		if (list_length(level->query->rtable) != 1)
			return false;
	return true;
}

/* A plan goes to parallel workers as text, which takes long for constants of more bytes; and each of them decodes the data. */
#define SENT_BYTES (2 * 1024 * 1024)

/* The bytes of values, as a walk adds them up. */
typedef struct Sent
{
	ParamListInfo params;
	Size		bytes;
} Sent;

static bool
add_bytes(Node *node, Sent *sent)
{
	const ParamExternData *left;

	if (node == NULL)
		return false;
	left = left_param(node, sent->params);
	if (left)
	{
		Rowset	   *rowset = rowset_if_expanded(left->value);

		sent->bytes += rowset ? rowset->cells_len : VARSIZE_ANY(DatumGetPointer(left->value));
	}
	if (IsA(node, Const) && !((Const *) node)->constisnull)
		sent->bytes += datumGetSize(((Const *) node)->constvalue, ((Const *) node)->constbyval, ((Const *) node)->constlen);
	return expression_tree_walker(node, add_bytes, sent);
}

/* Would the data take longer to send to parallel workers than these save? */
static bool
is_long_to_send(Node *data, ParamListInfo params)
{
	Sent		sent = {params, 0};

	(void) add_bytes(data, &sent);
	return sent.bytes > SENT_BYTES;
}

/* About how many rows the data has; 0 where that is not known. */
static int64
count_rows(RowsIn *rows, ParamListInfo params)
{
	FuncExpr   *make = (FuncExpr *) rows->data;
	const ParamExternData *left;
	ArrayType  *array;

	if (rows->known)
		return rows->known->nrows;
	/* of typed arrays that are parameters, the first one's length */
	if (!IsA(make, FuncExpr) || list_length(make->args) < 2 ||
		(left = left_param(lsecond(make->args), params)) == NULL || !type_is_array(left->ptype))
		return 0;
	array = (ArrayType *) DatumGetPointer(left->value);
	if (VARATT_IS_EXTENDED(array) || ARR_NDIM(array) == 0)
		return 0;
	return ARR_DIMS(array)[0];
}

/* Does nothing in the statement, at any level, but the call choose rows? */
static bool
takes_all_rows(FromCall *call)
{
	if (call->attempt->cursor_options & CURSOR_OPT_FAST_PLAN)
		return false;
	for (QueryLevel *level = call->level; level; level = level->parent)
		if (list_length(level->query->rtable) != 1 || level->query->jointree->quals ||
			level->query->limitCount || level->query->limitOffset)
			return false;
	return true;
}

/* Lists of fewer rows than this are hashed within work_mem, or nearly so. */
#define LONG_LIST 10000

/* What the server needs for each row in a hash table, besides its values; and writes of each row of the table that it puts off. */
#define ENTRY_BYTES 64
#define PUT_OFF_BYTES 32

/*
 * Is the call better than a join in its place?  For a list that work_mem does not
 * hold the join writes the rows of the table to disk, while the call takes more
 * memory for the list (plan.c) and may write the rows that it finds.  Only where
 * nothing around the call lets the join find fewer rows.
 */
static bool
is_better_hashed_by_call(FromCall *call, RowsIn *rows, int64 nrows)
{
	Sent		sent = {call->attempt->params, 0};
	Relation	rel;
	double		tuples;
	double		width;

	if (call->attempt->force || call->kind != MATCH_ROWS_IN || rows->match || nrows <= LONG_LIST || !takes_all_rows(call))
		return false;
	(void) add_bytes(rows->data, &sent);
	if ((double) sent.bytes + (double) nrows * ENTRY_BYTES <= work_mem * hash_mem_multiplier * 1024.0 ||
		maintenance_work_mem <= work_mem)
		return false;
	rel = try_relation_open(rows->relid, AccessShareLock);
	if (rel == NULL)
		return false;
	tuples = rel->rd_rel->relkind == RELKIND_RELATION ? rel->rd_rel->reltuples : -1;
	width = tuples > 0 ? rel->rd_rel->relpages * (double) BLCKSZ / tuples : 0;
	relation_close(rel, NoLock);
	return tuples > 0 && nrows * width <= tuples * PUT_OFF_BYTES;
}

/* The statement, analyzed.  Its text tells nothing of the data where it is keys only, and not many. */
static Query *
make_statement(FromCall *call, RowsIn *rows, int64 nrows, List **attnums)
{
	StatementKey key = {call->kind, rows->relid, !is_long_to_send(rows->data, call->attempt->params), rows->key};
	bool		same = call->kind != MATCH_ROWS_MISSING && rows->match == NULL && nrows <= LONG_LIST &&
		(rows->known == NULL || rows->known->types == NULL);
	Query	   *query = same ? call_recall(call, &key, attnums) : NULL;
	char	   *sql;

	if (query)
		return query;
	sql = match_sql(call->kind, rows->relid, rows->key, rows->match, rows->known, nrows, key.parallel, attnums);
	return same ? call_keep(call, &key, sql, *attnums) : call_analyze(call, sql);
}

/* The statement that the function would run. */
static Query *
build_subquery(FromCall *call, const char **reason)
{
	RowsIn		rows = {0};
	List	   *attnums;
	Query	   *query;
	Relation	rel;
	int64		nrows;

	*reason = read_arguments(call, &rows);
	if (*reason == NULL && is_small(call, &rows))
		*reason = "the list is short and joined with nothing else";
	nrows = *reason ? 0 : count_rows(&rows, call->attempt->params);
	if (*reason == NULL && is_better_hashed_by_call(call, &rows, nrows))
		*reason = "the call may hash the long list in more memory";
	if (*reason)
		return NULL;
	call->size = rows.known ? rows.known->nrows : 0;
	query = make_statement(call, &rows, nrows, &attnums);
	call_require_harmless(query);
	keep_secured(rows.relid, query);
	rel = relation_open(rows.relid, NoLock);
	call->columns = CreateTupleDescCopy(RelationGetDescr(rel));
	relation_close(rel, NoLock);
	call_lay_out(query, call->columns, attnums);
	return query;
}

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

/* Why a call is left alone, on this rewrite's own account. */
static const char *
early_reason(FromCall *call)
{
	if (rows_source == ROWS_SOURCE_KEYS)
		return "pg_more.rows_source is keys";
	return rows_source == ROWS_SOURCE_ARRAYS ? "pg_more.rows_source is arrays" : NULL;
}

/*
 * try_rows_in
 *		The entry of this rewrite.
 */
Query *
try_rows_in(Query *query, Attempt *attempt)
{
	static const CallRewrite rewrite = {kind_of, early_reason, build_subquery};

	return replace_calls(query, attempt, &rewrite);
}
