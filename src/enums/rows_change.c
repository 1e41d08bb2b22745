/*
 * rows_change.c
 *	  The rows that hold a value of an enum, moved off it.
 *
 * Rows are changed by plain UPDATE and DELETE statements of the caller's, so
 * the server's rules hold: privileges, triggers, constraints, generated columns,
 * partitions.  Nothing is hidden by row security: where it would hide rows from
 * the caller, that is an error.  The statements run under the caller's settings,
 * search_path among them, because triggers do; so all names in them are
 * qualified, operators included.
 *
 * A batch is two statements.  The first locks rows that hold the value, and
 * reads what the history keeps of them; rows that others have locked are passed
 * over, so that nobody waits for us while we wait for somebody.  The second
 * changes just the rows that were locked.  If it changes fewer, a trigger
 * suppresses the change, and that is an error rather than an endless loop.
 *
 * Where nothing but the server's own UPDATE has a say in what becomes of a row,
 * that is, where a column of the enum itself gets a value or null, in a table
 * without triggers and rules, and whoever calls commits after each batch, a batch
 * is that UPDATE alone, in a subtransaction.  It changes what it finds at the
 * addresses, if it holds the value still, and the history is told the keys of
 * just the rows that it returns.  It gives up when it has waited a millisecond for
 * a lock: then what it has changed is free again, and the two statements take its
 * place, in this batch and in the next ones.  So nobody waits for us while we wait
 * for somebody but for that millisecond, and no deadlock lasts longer.
 *
 * Rows are found by collecting addresses in one scan, which may use an index or
 * parallel workers; where there are very many, by ranges of blocks instead.  In
 * the first pass, if a btree of all rows begins with the column, the addresses are
 * read from its leaves alone.  To look at the rows would mean to read all their
 * blocks twice, the first time long before the batch does.  The statements of the
 * batch look at the row at the address, as ever.  Where a batch changes fewer rows
 * than it has addresses, and before rows are locked, the addresses are made those of
 * the versions that can be seen now: an index has the one of the first version that
 * has its keys, and has it still when the row is dead.  An entry that is missed is
 * one of a row that came meanwhile: the later looks, which are statements, find it.
 *
 * Others write meanwhile: a row may move to a place already passed, or come to
 * hold the value again.  So a pass ends with one statement that looks whether
 * any row holds it, and the next pass begins if so.  That statement has one
 * snapshot: once no session can write the value, it finding nothing means that
 * no row holds it, ever again, because an update of a row that holds the value
 * would have left the older version for that snapshot to see.
 *
 * Locks: ROW EXCLUSIVE, and those on the rows of one batch, until the caller's
 * transaction ends.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "compat.h"
#include "enums/rows_parts.h"
#include "enums/transaction.h"

/* How many addresses are collected at a time. */
#define MAX_TIDS 100000

/* How long an UPDATE of rows that were not locked before waits for others', in milliseconds; */
#define MOMENT		1
/* ... and how many batches are locked first after it has given up. */
#define CAREFUL_BATCHES	16

/* A row that a batch has locked. */
typedef struct FoundRow
{
	ItemPointerData tid;
	char	   *key;			/* JSON, or NULL */
	char	   *old_value;		/* text, or NULL where not asked for */
} FoundRow;

/* A unique key without nulls, best one that the change leaves alone; NIL if there is none. */
static List *
history_key(Relation rel, EnumColumn *column)
{
	bool		others;
	List	   *keys = unique_keys(rel, &others);
	List	   *best = primary_key_columns(rel);
	ListCell   *cell;

	foreach(cell, keys)
	{
		List	   *key = lfirst(cell);
		ListCell   *inner;
		bool		nullable = false;

		foreach(inner, key)
			nullable |= !TupleDescAttr(RelationGetDescr(rel), lfirst_int(inner) - 1)->attnotnull;
		if (!nullable && (best == NIL || (list_member_int(best, column->attnum) &&
										  !list_member_int(key, column->attnum))))
			best = key;
	}
	return best;
}

/*
 * routes_rows
 *		Is the column in the partition key of a table above?
 */
bool
routes_rows(EnumColumn *column)
{
	ListCell   *cell;
	bool		result = false;

	foreach(cell, get_partition_ancestors(column->relid))
	{
		Relation	rel = table_open(lfirst_oid(cell), AccessShareLock);
		AttrNumber	attnum = find_column(rel, column->name);
		bool		in_expression;

		if (has_partition_attrs(rel, bms_make_singleton(attnum - FirstLowInvalidHeapAttributeNumber), &in_expression))
			result = true;
		table_close(rel, NoLock);
	}
	return result;
}

/* Has the root triggers that fire for a statement on it, but not for one on the partition? */
static bool
has_statement_triggers(Oid relid, EnumPolicy policy)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TriggerDesc *triggers = rel->trigdesc;
	bool		result = triggers &&
		(policy == POLICY_CASCADE ?
		 triggers->trig_delete_before_statement || triggers->trig_delete_after_statement || triggers->trig_delete_old_table :
		 triggers->trig_update_before_statement || triggers->trig_update_after_statement ||
		 triggers->trig_update_old_table || triggers->trig_update_new_table);

	table_close(rel, NoLock);
	return result;
}

/* The label of the value, for the history. */
static char *
label_of(Oid type, Oid oid)
{
	ListCell   *cell;

	foreach(cell, enum_values(type))
	{
		EnumValue  *value = lfirst(cell);

		if (value->oid == oid)
			return value->label;
	}
	return NULL;
}

/*
 * What the old value is called in the history: by the label that it had, also
 * when the rows are changed after it was retired.
 */
static void
name_old_value(Batch *batch, Oid old_oid)
{
	char	   *label = label_of(batch->type, old_oid);
	char	   *argument;

	batch->label = label;
	if (!batch->keep || label == NULL || strncmp(label, RETIRED_PREFIX, strlen(RETIRED_PREFIX)) != 0)
		return;
	batch->label = strchr(label + strlen(RETIRED_PREFIX), ':');
	batch->label = batch->label ? batch->label + 1 : label;
	batch->prefix = pnstrdup(label, batch->label - label);
	argument = change_argument(batch->change, "label");
	if (argument && is_retired_label(label, argument))
		batch->label = argument;
	/* such a label needs quotes that the reserved one does not, or is longer than what is left of it */
	if (strcmp(label + strlen(batch->prefix), batch->label) != 0 ||
		batch->label[0] == '\0' || pg_strcasecmp(batch->label, "null") == 0)
		batch->prefix = NULL;
}

/* The text of a value, with the label that the old value had. */
static char *
with_old_label(Batch *batch, char *text)
{
	if (text == NULL || batch->prefix == NULL)
		return text;
	for (char *at = text; (at = strstr(at, batch->prefix)) != NULL;)
		memmove(at, at + strlen(batch->prefix), strlen(at + strlen(batch->prefix)) + 1);
	return text;
}

/* Make a batch ready to change rows.  The table is locked. */
static void
begin_change(Batch *batch, EnumChange *change, Oid old_oid, EnumPolicy policy, Oid new_oid)
{
	EnumColumn *column = batch->column;
	Relation	rel = table_open(column->relid, NoLock);
	AclMode		right = policy == POLICY_CASCADE ? ACL_DELETE : ACL_UPDATE;

	batch->change = change;
	batch->policy = policy;
	batch->keep = change && enum_history_rows != 0;
	batch->full = batch->keep && !change_has_room(change);
	if (policy == POLICY_SET_VALUE)
		batch_bind(batch, ARG_NEW, batch->type, ObjectIdGetDatum(new_oid), false);
	if (batch->root != column->relid)
		batch->write_root = (policy != POLICY_CASCADE && routes_rows(column)) ||
			has_statement_triggers(batch->root, policy) ||
			(!has_rights(column->relid, right) && has_rights(batch->root, right));
	/* to lock rows takes the right to update them */
	batch->lock = policy != POLICY_CASCADE || has_rights(batch->read_root ? batch->root : column->relid, ACL_UPDATE);
	batch->at_once = column->plain && (policy == POLICY_SET_VALUE || policy == POLICY_SET_NULL) &&
		!batch->read_root && !batch->write_root && rel->trigdesc == NULL && rel->rd_rules == NULL;
	name_old_value(batch, old_oid);
	if (batch->keep)
		batch->key = history_key(rel, column);
	/* a default may be anything, so such a key would not tell the row again */
	if (policy == POLICY_SET_DEFAULT && list_member_int(batch->key, column->attnum))
		batch->key = NIL;
	if (batch->key)
	{
		Datum	   *names = palloc(sizeof(Datum) * list_length(batch->key));
		ListCell   *cell;

		foreach(cell, batch->key)
			names[foreach_current_index(cell)] =
				CStringGetTextDatum(get_attname(column->relid, lfirst_int(cell), false));
		batch_bind(batch, ARG_KEY, TEXTARRAYOID,
			 PointerGetDatum(construct_array(names, list_length(batch->key), TEXTOID, -1, false, TYPALIGN_INT)),
			 false);
	}
	require_all_rows(batch->write_root ? batch->root : column->relid);
	table_close(rel, NoLock);
}

/* The new value of the column, as an expression over the row. */
static char *
new_value_sql(Batch *batch)
{
	EnumColumn *column = batch->column;

	if (batch->policy == POLICY_SET_DEFAULT)
		return "DEFAULT";
	if (column->plain)
		return batch->policy == POLICY_SET_NULL ? "NULL" : NEW_SQL;
	return psprintf("more._enum_replace(t.%s, " OLD_SQL ", " NEW_SQL ")", quote_identifier(column->name));
}

static bool
is_among(List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/* The key of a row after the change, as JSON. */
static char *
key_sql(Batch *batch)
{
	StringInfoData sql;
	ListCell   *cell;

	if (batch->key == NIL || batch->full)
		return "NULL::pg_catalog.text";
	initStringInfo(&sql);
	appendStringInfoString(&sql, "pg_catalog.jsonb_build_object(");
	foreach(cell, batch->key)
	{
		AttrNumber	attnum = lfirst_int(cell);
		int			i = foreach_current_index(cell);
		char	   *name;

		appendStringInfo(&sql, "%s($6)[%d], ", i ? ", " : "", i + 1);
		name = get_attname(batch->column->relid, attnum, false);
		if (is_among(batch->together, name))
			appendStringInfo(&sql, "more._enum_replace(t.%s, " OLD_SQL ", " NEW_SQL ")", quote_identifier(name));
		else if (attnum == batch->column->attnum && batch->policy != POLICY_CASCADE)
			appendStringInfoString(&sql, new_value_sql(batch));
		else
			appendStringInfo(&sql, "t.%s", quote_identifier(name));
	}
	appendStringInfoString(&sql, ")::pg_catalog.text");
	return sql.data;
}

/* Settings under which values are written as text that reads the same anywhere. */
static int
begin_portable_text(void)
{
	int			nest = NewGUCNestLevel();

	(void) set_config_option("datestyle", "ISO, YMD", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

/* Column i of a result's row as text, palloc'd; NULL if it is null. */
static char *
text_at(SPITupleTable *table, uint64 row, int i)
{
	return SPI_getvalue(table->vals[row], table->tupdesc, i);
}

/* Which rows to lock. */
typedef enum LockWhich
{
	LOCK_ADDRESSES,				/* those at the addresses that nobody else has locked */
	LOCK_ONE,					/* any one, waiting for it */
	LOCK_ALL					/* all, waiting for them */
} LockWhich;

/* The statement that locks rows that hold the value, and reads what is kept of them. */
static char *
lock_sql(Batch *batch, LockWhich which)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.ctid, %s", key_sql(batch));
	/* a deleted row is kept whole, and a plain value is known */
	if (batch->keep && !batch->full && batch->policy != POLICY_CASCADE && !batch->column->plain)
		appendStringInfo(&sql, ", t.%s", quote_identifier(batch->column->name));
	appendStringInfo(&sql, " FROM %s WHERE %s%s", batch_from_sql(batch, batch->read_root), batch_holds_sql(batch),
					 batch_leaf_sql(batch, batch->read_root));
	if (which == LOCK_ADDRESSES)
		appendStringInfoString(&sql, " AND t.ctid OPERATOR(pg_catalog.=) ANY (" TIDS_SQL ")");
	if (which == LOCK_ONE)
		appendStringInfoString(&sql, " LIMIT 1");
	if (batch->lock)
		appendStringInfo(&sql, " FOR %s%s", batch->policy == POLICY_CASCADE ? "UPDATE" : "NO KEY UPDATE",
						 which == LOCK_ADDRESSES ? " SKIP LOCKED" : "");
	return sql.data;
}

/* Lock rows that hold the value, and read what is kept of them. */
static FoundRow *
lock_rows(Batch *batch, LockWhich which, int *count)
{
	FoundRow   *rows;
	SPITupleTable *table;
	int			nest = begin_portable_text();

	*count = batch_run(batch, lock_sql(batch, which), 0);
	table = SPI_tuptable;
	rows = palloc(sizeof(FoundRow) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		bool		isnull;
		Datum		tid = SPI_getbinval(table->vals[i], table->tupdesc, 1, &isnull);

		ItemPointerCopy((ItemPointer) DatumGetPointer(tid), &rows[i].tid);
		rows[i].key = text_at(table, i, 2);
		rows[i].old_value = table->tupdesc->natts > 2 ? text_at(table, i, 3) : NULL;
	}
	SPI_freetuptable(table);
	AtEOXact_GUC(false, nest);
	return rows;
}

static void
bind_tids(Batch *batch, Datum *tids, int count)
{
	batch_bind(batch, ARG_TIDS, TIDARRAYOID,
		 PointerGetDatum(construct_array(tids, count, TIDOID, sizeof(ItemPointerData), false, TYPALIGN_SHORT)),
		 false);
}

/* Where the server says what it has against a change, say that it was ours. */
static void
change_context(void *arg)
{
	errcontext("change of rows that hold a value of an enum: %s", (char *) arg);
}

/* A trigger, or a default, has kept rows as they were. */
static void
refuse_stubborn_rows(Batch *batch, int64 count)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("rows of table %s still hold the value after they were changed", qualified_name(batch->column->relid)),
			 errdetail_plural("A trigger or a default keeps it in column \"%s\" of %lld row.",
							  "A trigger or a default keeps it in column \"%s\" of %lld rows.",
							  count, batch->column->name, (long long) count),
			 errhint("Change the trigger or the default, or give this column a policy of its own with more.enum_on_delete.")));
}

/* How many of the rows that an UPDATE returned hold the value still. */
static int64
still_holding(SPITupleTable *table, int64 count)
{
	int64		result = 0;

	for (int64 i = 0; i < count; i++)
	{
		bool		isnull;

		if (DatumGetBool(SPI_getbinval(table->vals[i], table->tupdesc, 1, &isnull)))
			result++;
	}
	return result;
}

/* The statement that changes rows under a condition. */
static char *
change_sql(Batch *batch, const char *condition)
{
	char	   *name = pstrdup(quote_identifier(batch->column->name));
	char	   *table = batch_from_sql(batch, batch->write_root);
	char	   *where = psprintf("WHERE t.ctid OPERATOR(pg_catalog.=) ANY (" TIDS_SQL ") AND %s%s",
								 condition, batch_leaf_sql(batch, batch->write_root));

	if (batch->policy == POLICY_CASCADE)
		return psprintf("DELETE FROM %s %s RETURNING %s", table, where, batch->keep && !batch->full ? "t" : "1");
	return psprintf("UPDATE %s SET %s = %s %s RETURNING more._enum_holds(t.%s, " OLD_SQL ")",
					table, name, new_value_sql(batch), where, name);
}

/*
 * Change the rows whose addresses are bound; returns how many were.  Rows that
 * a DELETE returns stay in SPI_tuptable.
 */
static int64
change_rows_at(Batch *batch, int count)
{
	ErrorContextCallback callback = {error_context_stack, change_context, psprintf("column %s", enum_column_text(batch->column))};
	int64		changed;
	int64		stubborn = 0;
	SPITupleTable *result;

	error_context_stack = &callback;
	changed = batch_run(batch, change_sql(batch, batch_holds_sql(batch)), 0);
	/* a partition that no longer takes the value is left out by the planner, though rows are in it */
	if (changed == 0 && batch->write_root)
		changed = batch_run(batch, change_sql(batch, psprintf("more._enum_holds(t.%s, " OLD_SQL ")",
														quote_identifier(batch->column->name))), 0);
	error_context_stack = callback.previous;
	result = SPI_tuptable;
	if (batch->policy != POLICY_CASCADE)
		stubborn = still_holding(result, changed);
	/* rows that were not locked may be gone, or changed by others */
	if (changed < count)
		stubborn += batch_run(batch, psprintf("SELECT 1 FROM %s WHERE %s%s AND t.ctid OPERATOR(pg_catalog.=) ANY (" TIDS_SQL ")",
										batch_from_sql(batch, batch->read_root), batch_holds_sql(batch),
										batch_leaf_sql(batch, batch->read_root)), 0);
	if (stubborn > 0)
		refuse_stubborn_rows(batch, stubborn);
	SPI_tuptable = result;
	return changed;
}

/*
 * require_changeable
 *		Raise the error that a change of the column's rows would raise for want of
 *		a right, or for a rule of the table; with values, also the one that a new
 *		value of a row, range or array raises, which reads the rows that hold the
 *		old one.  Changes nothing, and fires no trigger.
 *
 * Locks the table until the transaction ends, as the change would.
 */
void
require_changeable(EnumColumn *column, Oid type, Oid old_oid, EnumPolicy policy, Oid new_oid, bool values)
{
	Batch		batch;
	ErrorContextCallback callback = {error_context_stack, change_context, psprintf("column %s", enum_column_text(column))};

	if (!hold_column(column, RowExclusiveLock))
		return;
	SPI_connect();
	batch_begin(&batch, column, type, old_oid);
	begin_change(&batch, NULL, old_oid, policy, new_oid);
	error_context_stack = &callback;
	batch_run(&batch, psprintf("EXPLAIN (COSTS OFF) %s", lock_sql(&batch, LOCK_ADDRESSES)), 0);
	batch_run(&batch, psprintf("EXPLAIN (COSTS OFF) %s", change_sql(&batch, batch_holds_sql(&batch))), 0);
	if (values && !column->plain && (policy == POLICY_SET_NULL || policy == POLICY_SET_VALUE))
		batch_run(&batch, psprintf("SELECT pg_catalog.count(%s) FROM %s WHERE %s%s", new_value_sql(&batch),
							 batch_from_sql(&batch, batch.read_root), batch_holds_sql(&batch), batch_leaf_sql(&batch, batch.read_root)), 0);
	error_context_stack = callback.previous;
	SPI_finish();
}

/* A composite value as JSON text. */
static char *
row_json(Datum row, Oid type)
{
	FmgrInfo	to_json;
	Datum		json;
	Const	   *argument = makeConst(type, -1, InvalidOid, -1, (Datum) 0, true, false);

	fmgr_info(F_TO_JSONB, &to_json);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument),
											 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL), &to_json);
	json = FunctionCall1(&to_json, row);
	return DatumGetCString(OidFunctionCall1(F_JSONB_OUT, json));
}

/* Keep the rows that a DELETE returned. */
static void
keep_deleted(Batch *batch, SPITupleTable *table, int count)
{
	char	  **rows = palloc(sizeof(char *) * Max(count, 1));
	int			nest = begin_portable_text();

	for (int i = 0; i < count; i++)
	{
		bool		isnull;
		Datum		row = SPI_getbinval(table->vals[i], table->tupdesc, 1, &isnull);

		rows[i] = with_old_label(batch, row_json(row, SPI_gettypeid(table->tupdesc, 1)));
	}
	AtEOXact_GUC(false, nest);
	change_keep_rows(batch->change, batch->column->relid, batch->column->name, count, NULL, NULL, rows);
}

/* Keep what rows held. */
static void
keep_changed(Batch *batch, FoundRow *rows, int count)
{
	char	  **keys = palloc(sizeof(char *) * Max(count, 1));
	char	  **old_values = palloc(sizeof(char *) * Max(count, 1));

	for (int i = 0; i < count; i++)
	{
		keys[i] = with_old_label(batch, rows[i].key);
		old_values[i] = batch->column->plain ? batch->label : with_old_label(batch, rows[i].old_value);
	}
	change_keep_rows(batch->change, batch->column->relid, batch->column->name, count, keys, old_values, NULL);
}

/* Keep of the rows of a batch what the history wants; those that a DELETE returned are in SPI_tuptable. */
static void
keep_rows(Batch *batch, FoundRow *rows, int64 count)
{
	if (batch->full && (batch->key || batch->policy == POLICY_CASCADE))
		change_skip_rows(batch->change, count);
	else if (batch->keep && batch->policy == POLICY_CASCADE)
		keep_deleted(batch, SPI_tuptable, count);
	else if (batch->keep && batch->key)
		keep_changed(batch, rows, count);
	else if (batch->change)
		batch->change->rows_not_kept += count;
}

/* Say once for a walk that what it changes cannot be undone. */
static void
notice_without_key(Batch *batch, RowWalk *walk)
{
	if (walk->told || !batch->keep || batch->key || batch->policy == POLICY_CASCADE)
		return;
	walk->told = true;
	ereport(NOTICE,
			(errmsg("the history keeps no rows of column %s", enum_column_text(batch->column)),
			 errdetail("The table has no primary key, nor another unique key without nulls, that would tell its rows again.")));
}

/* The UPDATE of a batch, whose plan is kept until another one is asked for. */
static uint64
run_update(Batch *batch, const char *sql)
{
	static SPIPlanPtr plan = NULL;
	static char *of = NULL;
	static Oid	type = InvalidOid;
	int			result;

	if (of == NULL || type != batch->type || strcmp(of, sql) != 0)
	{
		SPIPlanPtr	made = SPI_prepare(sql, NARGS, batch->types);

		if (made == NULL || SPI_keepplan(made) != 0)
			elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
		if (plan)
			SPI_freeplan(plan);
		if (of)
			pfree(of);
		plan = made;
		of = NULL;
		of = MemoryContextStrdup(TopMemoryContext, sql);
		type = batch->type;
	}
	result = SPI_execute_plan(plan, batch->values, batch->nulls, false, 0);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/* Bind the addresses that an UPDATE has returned. */
static void
bind_changed(Batch *batch, int count)
{
	Datum	   *tids = palloc(sizeof(Datum) * Max(count, 1));
	bool		isnull;

	for (int i = 0; i < count; i++)
		tids[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	bind_tids(batch, tids, count);
}

/* Tell the history of rows that an UPDATE has just changed, and returned. */
static void
keep_updated(Batch *batch, int count)
{
	bool		wanted = batch->keep && !batch->full && batch->key && count > 0;
	FoundRow   *rows = palloc0(sizeof(FoundRow) * Max(count, 1));

	if (wanted)
	{
		int			nest = begin_portable_text();

		bind_changed(batch, count);
		if (batch_run(batch, psprintf("SELECT %s FROM %s WHERE t.ctid OPERATOR(pg_catalog.=) ANY (" TIDS_SQL ")",
								key_sql(batch), batch_from_sql(batch, false)), 0) != count)
			elog(ERROR, "rows that were changed cannot be found");
		for (int i = 0; i < count; i++)
			rows[i].key = text_at(SPI_tuptable, i, 1);
		AtEOXact_GUC(false, nest);
	}
	keep_rows(batch, rows, count);
}

/* What update_at_once() does in its subtransaction. */
typedef struct AtOnce
{
	Batch	   *batch;
	int64		changed;
} AtOnce;

static void
update_rows(void *arg)
{
	AtOnce	   *at_once = arg;
	Batch	   *batch = at_once->batch;

	at_once->changed = run_update(batch, psprintf("UPDATE %s SET %s = %s WHERE t.ctid OPERATOR(pg_catalog.=) ANY (" TIDS_SQL ") AND %s%s",
												  batch_from_sql(batch, false), quote_identifier(batch->column->name), new_value_sql(batch),
												  batch_holds_sql(batch), batch->keep && !batch->full && batch->key ? " RETURNING t.ctid" : ""));
}

/* Change the rows at the bound addresses in one statement; false, and nothing changed, if others have locked some. */
static bool
update_at_once(Batch *batch, RowWalk *walk, int64 *changed)
{
	AtOnce		at_once = {batch, 0};
	ErrorContextCallback callback = {error_context_stack, change_context, psprintf("column %s", enum_column_text(batch->column))};
	ErrorData  *error;

	error_context_stack = &callback;
	error = in_subtransaction(update_rows, &at_once, MOMENT, true);
	error_context_stack = callback.previous;
	if (error == NULL)
	{
		notice_without_key(batch, walk);
		keep_updated(batch, at_once.changed);
		*changed = at_once.changed;
		return true;
	}
	if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE && error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		ReThrowError(error);
	FreeErrorData(error);
	walk->careful = CAREFUL_BATCHES;
	return false;
}

/* Bind addresses that are in a row. */
static void
bind_lot(Batch *batch, ItemPointer tids, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		values[i] = PointerGetDatum(&tids[i]);
	bind_tids(batch, values, count);
}

/* Makes addresses that an index has those of the rows that can be seen; returns how many of these there are. */
static int
visible_tids(Batch *batch, ItemPointer tids, int count)
{
	Relation	rel = table_open(batch->column->relid, NoLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	IndexFetchTableData *fetch = compat_index_fetch_begin(rel);
	/* an address is of a transaction that is over: the table may have become shorter since */
	BlockNumber nblocks = RelationGetNumberOfBlocks(rel);
	int			visible = 0;

	/* what the batch has changed already is not seen */
	PushActiveSnapshot(GetTransactionSnapshot());
	for (int i = 0; i < count; i++)
	{
		bool		again = false;
		ItemPointerData tid = tids[i];

		CHECK_FOR_INTERRUPTS();
		if (ItemPointerGetBlockNumber(&tid) < nblocks &&
			table_index_fetch_tuple(fetch, &tid, GetActiveSnapshot(), slot, &again, NULL))
			tids[visible++] = slot->tts_tid;
	}
	PopActiveSnapshot();
	table_index_fetch_end(fetch);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
	return visible;
}

/*
 * Bind the addresses of those rows of the lot that can be seen, and have not been
 * changed, where an index's addresses were bound; false if there are none.
 */
static bool
bind_visible(Batch *batch, RowWalk *walk, int64 changed)
{
	int			count = visible_tids(batch, walk->lot, walk->nlot);

	walk->found += changed + count - walk->nlot;
	bind_lot(batch, walk->lot, count);
	return count > 0;
}

/* Lock and change one lot of rows; returns how many. */
static int64
process_rows(Batch *batch, RowWalk *walk, LockWhich which)
{
	int			count;
	FoundRow   *rows;
	Datum	   *tids;
	int64		changed;
	int64		before = 0;
	bool		resolve = which == LOCK_ADDRESSES && walk->by_index;

	if (which == LOCK_ADDRESSES && batch->at_once && walk->commits && walk->careful == 0 &&
		update_at_once(batch, walk, &changed))
	{
		if (!resolve || changed == walk->nlot || !bind_visible(batch, walk, changed))
			return changed;
		before = changed;
		if (update_at_once(batch, walk, &changed))
			return before + changed;
	}
	else if (resolve && !bind_visible(batch, walk, 0))
		return 0;
	walk->careful = Max(walk->careful - 1, 0);
	rows = lock_rows(batch, which, &count);
	if (count == 0)
		return before;
	tids = palloc(sizeof(Datum) * count);
	for (int i = 0; i < count; i++)
		tids[i] = PointerGetDatum(&rows[i].tid);
	bind_tids(batch, tids, count);
	changed = change_rows_at(batch, count);
	notice_without_key(batch, walk);
	keep_rows(batch, rows, batch->policy == POLICY_CASCADE ? changed : count);
	return before + changed;
}

/* Collects addresses from an index, if there is one that tells them all. */
static bool
collect_from_index(Batch *batch, RowWalk *walk)
{
	Relation	rel = table_open(batch->column->relid, NoLock);
	int			count = -1;
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(rel))
	{
		count = index_addresses(rel, lfirst_oid(cell), batch->column->attnum, batch->type,
								DatumGetObjectId(batch->values[ARG_OLD]), walk->tids, MAX_TIDS);
		if (count >= 0)
			break;
	}
	table_close(rel, NoLock);
	walk->ntids = Max(count, 0);
	return count >= 0;
}

/* Orders addresses. */
static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare((ItemPointer) a, (ItemPointer) b);
}

/* Collects addresses by a statement. */
static void
collect_from_rows(Batch *batch, RowWalk *walk)
{
	StringInfoData sql;
	int			nest = NewGUCNestLevel();

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.ctid FROM %s WHERE %s%s", batch_from_sql(batch, batch->read_root),
					 batch_holds_sql(batch), batch_leaf_sql(batch, batch->read_root));
	if (walk->by_range)
	{
		ItemPointerData from;

		ItemPointerSet(&from, walk->next, 0);
		batch_bind(batch, ARG_FROM, TIDOID, PointerGetDatum(&from), false);
		appendStringInfoString(&sql, " AND t.ctid OPERATOR(pg_catalog.>=) " FROM_SQL);
		/* rows must come in the order of their addresses */
		(void) set_config_option("enable_indexscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		(void) set_config_option("enable_bitmapscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		(void) set_config_option("max_parallel_workers_per_gather", "0", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		(void) set_config_option("synchronize_seqscans", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	}
	batch_bind(batch, ARG_LIMIT, INT8OID, Int64GetDatum(MAX_TIDS), false);
	appendStringInfoString(&sql, " LIMIT " LIMIT_SQL);
	walk->ntids = batch_run(batch, sql.data, 0);
	AtEOXact_GUC(false, nest);
	for (int i = 0; i < walk->ntids; i++)
	{
		bool		isnull;
		Datum		tid = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		ItemPointerCopy((ItemPointer) DatumGetPointer(tid), &walk->tids[i]);
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Collect addresses of rows that hold the value: of all if they are few enough,
 * else by ranges of blocks, from where the last one ended.
 */
static void
collect_tids(Batch *batch, RowWalk *walk)
{
	if (walk->tids == NULL)
		walk->tids = MemoryContextAlloc(walk->context, sizeof(ItemPointerData) * MAX_TIDS);
	walk->position = 0;
	walk->by_index = !walk->by_range && walk->passes == 0 && batch->column->plain && collect_from_index(batch, walk);
	if (!walk->by_index)
		collect_from_rows(batch, walk);
	qsort(walk->tids, walk->ntids, sizeof(ItemPointerData), compare_tids);
	walk->last = walk->ntids < MAX_TIDS;
	/* the last block's other rows are for the next range */
	if (walk->by_range && !walk->last)
		walk->next = ItemPointerGetBlockNumber(&walk->tids[walk->ntids - 1]);
}

/* Bind the next addresses; false when there are none left of this pass. */
static bool
next_tids(Batch *batch, RowWalk *walk, int64 limit)
{
	while (!walk->started || (walk->position == walk->ntids && !walk->last))
	{
		collect_tids(batch, walk);
		/* too many for one go: from the first block on, then */
		if (!walk->last && !walk->by_range)
		{
			walk->by_range = true;
			walk->next = 0;
			collect_tids(batch, walk);
		}
		walk->started = true;
		walk->found += walk->ntids;
	}
	walk->lot = walk->tids + walk->position;
	walk->nlot = Min(limit, walk->ntids - walk->position);
	if (walk->nlot <= 0)
		return false;
	bind_lot(batch, walk->lot, walk->nlot);
	walk->position += walk->nlot;
	return true;
}

/* The pass is over: does it take another? */
static bool
another_pass(Batch *batch, RowWalk *walk)
{
	uint64		left = 0;

	/* to find none, an index has to pass over all the rows that were changed: who looks again does that later */
	if (!walk->once || walk->changed < walk->found)
		left = batch_run(batch, psprintf("SELECT 1 FROM %s WHERE %s%s LIMIT 1", batch_from_sql(batch, batch->read_root),
								   batch_holds_sql(batch), batch_leaf_sql(batch, batch->read_root)), 1);
	/* only rows that others have locked are left: wait for one of them */
	walk->wait = left > 0 && walk->changed == 0;
	walk->passes++;
	walk->found = walk->changed = 0;
	walk->started = false;
	walk->by_range = false;
	walk->position = walk->ntids = 0;
	return left > 0;
}

/*
 * migrate_batch
 *		Change at most limit rows that hold the value, as the policy says (one
 *		that changes rows), and return how many were changed; *more tells
 *		whether to call again.
 *
 * The walk is all zeroes for the first call, but for a memory context that
 * lives until the last one.  Between calls the caller may commit.  *more is
 * false once no row holds the value; others that write it all the time can keep
 * it true for ever, so see walk->passes.  What was changed is kept for the
 * change, if one is given.
 *
 * Materialized views, foreign tables, and other sessions' temporary tables are
 * left alone.  Row locks are held, and ROW EXCLUSIVE on the table, until the
 * transaction ends.
 */
int64
migrate_batch(EnumChange *change, EnumColumn *column, Oid type, Oid old_oid, EnumPolicy policy, Oid new_oid,
			  RowWalk *walk, int64 limit, bool *more)
{
	Batch		batch;
	MemoryContext context = CurrentMemoryContext;
	int64		changed = 0;

	if (policy == POLICY_PROTECT || policy == POLICY_KEEP)
		elog(ERROR, "policy %d changes no rows", policy);
	*more = false;
	if (column->other_temp || column->relkind != RELKIND_RELATION || !hold_column(column, RowExclusiveLock))
		return 0;
	if (walk->context == NULL)
		walk->context = CurrentMemoryContext;
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	batch_begin(&batch, column, type, old_oid);
	begin_change(&batch, change, old_oid, policy, new_oid);
	if (walk->wait)
	{
		walk->wait = false;
		changed = process_rows(&batch, walk, LOCK_ONE);
		*more = true;
	}
	else if (next_tids(&batch, walk, limit))
	{
		changed = process_rows(&batch, walk, LOCK_ADDRESSES);
		*more = true;
	}
	else
		*more = another_pass(&batch, walk);
	walk->changed += changed;
	PopActiveSnapshot();
	SPI_finish();
	MemoryContextSwitchTo(context);
	return changed;
}

/* ------------------------------------------------------------------------ */
/* Both sides of a foreign key												*/
/* ------------------------------------------------------------------------ */

/* The columns of the list that are of the table, or of its partitions, each name once. */
static List *
names_in_table(List *columns, Oid root)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, columns)
	{
		EnumColumn *column = lfirst(cell);

		if (root_table(column->relid) == root && !is_among(result, column->name))
			result = lappend(result, column->name);
	}
	return result;
}

/* The UPDATE of all those columns of one table. */
static void
append_update(StringInfo sql, Oid root, List *names)
{
	StringInfoData where;
	ListCell   *cell;

	initStringInfo(&where);
	appendStringInfo(sql, "UPDATE %s%s AS t SET ", get_rel_relkind(root) == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					 qualified_name(root));
	foreach(cell, names)
	{
		const char *name = quote_identifier(lfirst(cell));

		appendStringInfo(sql, "%s%s = more._enum_replace(t.%s, " OLD_SQL ", " NEW_SQL ")",
						 foreach_current_index(cell) ? ", " : "", name, name);
		appendStringInfo(&where, "%smore._enum_holds(t.%s, " OLD_SQL ")", foreach_current_index(cell) ? " OR " : "", name);
	}
	appendStringInfo(sql, " WHERE %s RETURNING 1", where.data);
}

/* Lock the rows of one column, and keep what they hold. */
static void
keep_column(EnumChange *change, List *columns, EnumColumn *column, Oid type, Oid old_oid, Oid new_oid)
{
	RowWalk		walk = {0};
	Batch		batch;
	FoundRow   *rows;
	int			count;

	batch_begin(&batch, column, type, old_oid);
	begin_change(&batch, change, old_oid, POLICY_SET_VALUE, new_oid);
	batch.together = names_in_table(columns, root_table(column->relid));
	rows = lock_rows(&batch, LOCK_ALL, &count);
	if (count > 0)
		notice_without_key(&batch, &walk);
	keep_rows(&batch, rows, count);
}

/*
 * migrate_together
 *		Put a new value in place of the old one in all these columns in one
 *		statement, and return how many rows of tables changed.
 *
 * For columns that foreign keys bind to each other, where the referenced side
 * has no row with the new value yet: at the end of the statement both sides
 * agree.  Locks all the rows until the transaction ends.
 */
int64
migrate_together(EnumChange *change, List *columns, Oid type, Oid old_oid, Oid new_oid)
{
	Oid			types[] = {type, type};
	Datum		values[2];
	StringInfoData sql;
	StringInfoData sum;
	List	   *roots = NIL;
	ListCell   *cell;
	int64		result = 0;
	ErrorContextCallback callback = {error_context_stack, change_context, "columns that foreign keys bind together"};

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(cell, columns)
	{
		EnumColumn *column = lfirst(cell);

		if (column->relkind != RELKIND_RELATION || !hold_column(column, RowExclusiveLock))
			continue;
		roots = list_append_unique_oid(roots, root_table(column->relid));
		keep_column(change, columns, column, type, old_oid, new_oid);
	}
	initStringInfo(&sql);
	initStringInfo(&sum);
	foreach(cell, roots)
	{
		int			i = foreach_current_index(cell);

		require_all_rows(lfirst_oid(cell));
		appendStringInfo(&sql, "%s c%d AS (", i ? "," : "WITH", i);
		append_update(&sql, lfirst_oid(cell), names_in_table(columns, lfirst_oid(cell)));
		appendStringInfoChar(&sql, ')');
		appendStringInfo(&sum, "%s(SELECT pg_catalog.count(*) FROM c%d)", i ? " OPERATOR(pg_catalog.+) " : "", i);
	}
	appendStringInfo(&sql, " SELECT %s", sum.data);
	values[0] = ObjectIdGetDatum(old_oid);
	values[1] = ObjectIdGetDatum(new_oid);
	error_context_stack = &callback;
	if (roots)
	{
		if (SPI_execute_with_args(sql.data, 2, types, values, NULL, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not change rows: %s", SPI_result_code_string(SPI_result));
		result = batch_count_at(0, 1);
	}
	error_context_stack = callback.previous;
	PopActiveSnapshot();
	SPI_finish();
	return result;
}
