/*
 * restore.c
 *	  Bringing a retired value back, with the rows that its drop changed.
 *
 * The value's row in pg_enum is still there under its reserved label, so a
 * rename brings it back.  The record of the change tells which rows held it.  A
 * row gets its old value back only if it holds what the change gave it: what
 * others have written since then is theirs.  A row that was deleted is inserted
 * again unless its key has been taken.
 *
 * Everything happens in the caller's transaction, by plain statements of the
 * caller's; a row of the record is found by the key that it names, compared as
 * the columns' types do by default.  Expressions that were given a replacement
 * keep it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/drop.h"
#include "enums/enums.h"

PG_FUNCTION_INFO_V1(enum_restore);

/* A row of the record. */
typedef struct KeptRow
{
	int64		n;
	Oid			relid;
	char	   *column;
	char	   *key;			/* JSON, or NULL */
	char	   *old_value;
	char	   *deleted_row;	/* JSON, or NULL */
} KeptRow;

/* A column as it is now, and what the change did to it. */
typedef struct RestoredColumn
{
	EnumColumn	column;
	EnumPolicy	policy;
	Oid			new_oid;
} RestoredColumn;

/* Run a statement of ours; returns how many rows it processed. */
static uint64
run(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	int			code = SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0);

	if (code < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(code));
	return SPI_processed;
}

/* Is JSON object's field there? */
static bool
has_field(const char *json, const char *name)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[2];
	bool		isnull;

	values[0] = CStringGetTextDatum(json);
	values[1] = CStringGetTextDatum(name);
	run("SELECT $1::pg_catalog.jsonb OPERATOR(pg_catalog.?) $2", 2, types, values, NULL);
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * The columns of the table that are fields of the object, and an item of FROM,
 * k, that reads them as their types; without generated columns if they are to
 * be written.
 */
static List *
columns_in_json(Relation rel, const char *json, bool writable, StringInfo from)
{
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *result = NIL;

	appendStringInfoString(from, "pg_catalog.jsonb_to_record($1::pg_catalog.jsonb) AS k(");
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped || (writable && att->attgenerated) || !has_field(json, NameStr(att->attname)))
			continue;
		appendStringInfo(from, "%s%s %s", result ? ", " : "", quote_identifier(NameStr(att->attname)),
						 type_sql(att->atttypid, att->atttypmod));
		result = lappend_int(result, att->attnum);
	}
	appendStringInfoChar(from, ')');
	return result;
}

/* Insert a deleted row again; false if it cannot be. */
static bool
insert_row(KeptRow *row)
{
	Oid			relid = root_table(row->relid);
	Relation	rel = table_open(relid, RowExclusiveLock);
	Oid			types[] = {TEXTOID};
	Datum		values[1];
	StringInfoData from;
	StringInfoData names;
	List	   *columns;
	ListCell   *cell;
	bool		result = false;

	initStringInfo(&from);
	initStringInfo(&names);
	columns = columns_in_json(rel, row->deleted_row, true, &from);
	foreach(cell, columns)
		appendStringInfo(&names, "%s%s", names.len ? ", " : "",
						 quote_identifier(get_attname(relid, lfirst_int(cell), false)));
	values[0] = CStringGetTextDatum(row->deleted_row);
	if (columns)
		result = run(psprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s ON CONFLICT DO NOTHING",
							  qualified_name(relid), names.data, names.data, from.data), 1, types, values, NULL) > 0;
	table_close(rel, NoLock);
	return result;
}

/* "t.a = k.a AND ..." with the types' own equality; NULL where a column or its equality is missing. */
static char *
key_condition(Relation rel, List *columns)
{
	StringInfoData sql;
	ListCell   *cell;

	if (columns == NIL)
		return NULL;
	initStringInfo(&sql);
	foreach(cell, columns)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), lfirst_int(cell) - 1);
		Oid			base = getBaseType(att->atttypid);
		TypeCacheEntry *type = lookup_type_cache(base, TYPECACHE_EQ_OPR);
		const char *name = quote_identifier(NameStr(att->attname));

		if (!OidIsValid(type->eq_opr))
			return NULL;
		appendStringInfo(&sql, "%st.%s::%s %s k.%s::%s", sql.len ? " AND " : "", name, type_sql(base, -1),
						 operator_sql(type->eq_opr), name, type_sql(base, -1));
	}
	return sql.data;
}

/* How many fields the object has. */
static int
count_fields(const char *json)
{
	Oid			types[] = {TEXTOID};
	Datum		values[1];
	bool		isnull;

	values[0] = CStringGetTextDatum(json);
	run("SELECT pg_catalog.count(*)::pg_catalog.int4 FROM pg_catalog.jsonb_object_keys($1::pg_catalog.jsonb)",
		1, types, values, NULL);
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * The value that the change gave the column; false if that cannot be told.
 * Where it is the column's default, it is computed by the statement.
 */
static bool
given_value(RestoredColumn *restored, Oid type, Oid value, Datum old, Datum *given, char *null)
{
	bool		isnull = restored->policy == POLICY_SET_NULL && restored->column.plain;

	if (restored->policy != POLICY_SET_NULL && restored->policy != POLICY_SET_VALUE)
		return false;
	*given = (Datum) 0;
	if (!isnull && restored->column.plain)
		*given = ObjectIdGetDatum(restored->new_oid);
	else if (!isnull)
		*given = value_replace(old, restored->column.type, type, value, restored->new_oid, &isnull);
	*null = isnull ? 'n' : ' ';
	return true;
}

/* Give a row its old value back; false if it is gone, or others have changed it. */
static bool
update_row(KeptRow *row, RestoredColumn *restored, Oid type, Oid value)
{
	EnumColumn *column = &restored->column;
	bool		moves = column->relid != root_table(column->relid);
	Oid			relid = root_table(column->relid);
	Relation	rel = table_open(relid, RowExclusiveLock);
	Oid			types[] = {TEXTOID, column->type, column->type, OIDOID};
	Datum		values[4];
	char		nulls[] = "    ";
	StringInfoData from;
	char	   *condition;
	char	   *still;
	List	   *columns;
	Oid			input;
	Oid			ioparam;
	bool		result = false;

	initStringInfo(&from);
	columns = columns_in_json(rel, row->key, false, &from);
	condition = list_length(columns) == count_fields(row->key) ? key_condition(rel, columns) : NULL;
	getTypeInputInfo(column->type, &input, &ioparam);
	values[0] = CStringGetTextDatum(row->key);
	values[1] = OidInputFunctionCall(input, row->old_value, ioparam, -1);
	values[2] = (Datum) 0;
	nulls[2] = 'n';
	values[3] = ObjectIdGetDatum(column->relid);
	if (given_value(restored, type, value, values[1], &values[2], &nulls[2]))
		still = psprintf("NOT more._differs(t.%s, $3)", quote_identifier(column->name));
	else
		/* a default may be anything but the value */
		still = psprintf("NOT more._enum_holds(t.%s, $2)", quote_identifier(column->name));
	/* rows of a partition may have moved to another one */
	if (condition)
		result = run(psprintf("UPDATE %s%s AS t SET %s = $2 FROM %s WHERE %s AND %s", moves ? "" : "ONLY ",
							  qualified_name(relid), quote_identifier(column->name), from.data, condition, still),
					 4, types, values, nulls) > 0;
	table_close(rel, NoLock);
	return result;
}

/* The column that a kept row is of, as it is now; false if there is none. */
static bool
column_of_row(KeptRow *row, List *columns, EnumColumn *result)
{
	ListCell   *cell;

	foreach(cell, columns)
	{
		EnumColumn *column = lfirst(cell);

		if (column->relid == row->relid && strcmp(column->name, row->column) == 0)
		{
			*result = *column;
			return true;
		}
	}
	return false;
}

/* What the change did to the column: its standing policy then, or what the call said. */
static bool
find_policy(EnumChange *change, RestoredColumn *restored)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[2];
	char	   *policy;
	char	   *replacement;

	SPI_connect();
	values[0] = CStringGetTextDatum(change->arguments);
	values[1] = CStringGetTextDatum(psprintf("%s.%s", qualified_name(restored->column.relid),
											 quote_identifier(restored->column.name)));
	run("SELECT c OPERATOR(pg_catalog.->>) 'on_delete', c OPERATOR(pg_catalog.->>) 'replacement' FROM "
		"(SELECT c, 1 FROM pg_catalog.jsonb_array_elements($1::pg_catalog.jsonb OPERATOR(pg_catalog.->) 'columns') AS c "
		" WHERE (c OPERATOR(pg_catalog.->>) 'column') OPERATOR(pg_catalog.=) $2 "
		" UNION ALL SELECT $1::pg_catalog.jsonb, 2 ORDER BY 2 LIMIT 1) AS c(c, n)", 2, types, values, NULL);
	policy = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	replacement = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	policy = policy ? MemoryContextStrdup(context, policy) : NULL;
	replacement = replacement ? MemoryContextStrdup(context, replacement) : NULL;
	SPI_finish();
	if (policy == NULL)
		return false;
	restored->policy = policy_from_text(policy);
	restored->new_oid = InvalidOid;
	if (restored->policy == POLICY_SET_VALUE)
	{
		EnumValue  *value = replacement ? enum_value(change->type, replacement, true) : NULL;

		if (value == NULL)
			return false;
		restored->new_oid = value->oid;
	}
	return true;
}

/* The rows of the record before number n, at most a thousand, last ones first. */
static List *
read_kept_rows(EnumChange *change, int64 n)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {INT8OID, INT8OID};
	Datum		values[2];
	List	   *result = NIL;

	SPI_connect();
	values[0] = Int64GetDatum(change->id);
	values[1] = Int64GetDatum(n);
	record_execute("SELECT n, \"table\"::pg_catalog.oid, \"column\", key::pg_catalog.text, old_value, deleted_row::pg_catalog.text "
				   "FROM more.enum_change_rows WHERE change OPERATOR(pg_catalog.=) $1 AND n OPERATOR(pg_catalog.<) $2 "
				   "ORDER BY n DESC LIMIT 1000", 2, types, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		MemoryContext old = MemoryContextSwitchTo(context);
		KeptRow    *row = palloc(sizeof(KeptRow));
		bool		isnull;

		row->n = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
		row->relid = DatumGetObjectId(SPI_getbinval(tuple, desc, 2, &isnull));
		row->column = SPI_getvalue(tuple, desc, 3);
		row->key = SPI_getvalue(tuple, desc, 4);
		row->old_value = SPI_getvalue(tuple, desc, 5);
		row->deleted_row = SPI_getvalue(tuple, desc, 6);
		result = lappend(result, row);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return result;
}

/* Bring one row back. */
static bool
restore_row(EnumChange *change, KeptRow *row, Oid value, List *columns)
{
	RestoredColumn restored;
	bool		result = false;

	LockRelationOid(row->relid, RowExclusiveLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(row->relid)))
		return false;
	SPI_connect();
	if (row->deleted_row)
		result = insert_row(row);
	else if (row->key && row->old_value && strstr(row->old_value, RETIRED_PREFIX) == NULL && column_of_row(row, columns, &restored.column) &&
			 find_policy(change, &restored))
		result = update_row(row, &restored, change->type, value);
	SPI_finish();
	return result;
}

/*
 * restore_rows
 *		Bring back the rows that a change of the value kept, last ones first, and
 *		return how many; *lost tells how many could not be: because they were
 *		not kept, are gone, or hold something else by now.
 *
 * The value has its label again.  Plain statements of the caller's, in the
 * current transaction; their errors are the server's.
 */
int64
restore_rows(EnumChange *change, Oid value, int64 *lost)
{
	List	   *columns = enum_columns(change->type, false);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_more rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int64		next = PG_INT64_MAX;
	int64		result = 0;
	List	   *rows;

	*lost = change->rows_not_kept;
	PushActiveSnapshot(GetTransactionSnapshot());
	while ((rows = read_kept_rows(change, next)) != NIL)
	{
		ListCell   *cell;

		foreach(cell, rows)
		{
			KeptRow    *row = lfirst(cell);

			next = row->n;
			if (restore_row(change, row, value, columns))
				result++;
			else
				(*lost)++;
		}
		MemoryContextReset(context);
	}
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return result;
}

/* The value that was retired under the label last, or is on its way out; an error if there is none. */
static EnumValue *
value_to_restore(Oid type, const char *label, EnumChange **change)
{
	EnumValue  *live = enum_value(type, label, true);
	EnumValue  *result = NULL;
	ListCell   *cell;

	*change = NULL;
	foreach(cell, enum_values(type))
	{
		EnumValue  *value = lfirst(cell);

		if (value->retired && is_retired_label(value->label, label))
			result = value;
	}
	if (live)
	{
		*change = change_find(type, "drop", label);
		if (*change)
			return live;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("enum %s has the value \"%s\"", format_type_be(type), label),
				 result ? errdetail("The value that was retired as \"%s\" cannot have this label again.", result->label) : 0));
	}
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("enum %s has no retired value \"%s\"", format_type_be(type), label),
				 errhint("If it has been dropped to the end, CALL more.enum_undo with the number of the change that more.enum_history shows.")));
	*change = change_of_value(type, result->label, "{running,failed,retired}");
	return result;
}

/*
 * more.enum_restore(type regtype, label text) RETURNS bigint
 *
 * The label comes back, and the rows that the change of it kept.  Returns how
 * many rows did; what could not be brought back is told in a NOTICE.
 */
Datum
enum_restore(PG_FUNCTION_ARGS)
{
	Oid			type;
	char	   *label;
	EnumValue  *value;
	EnumChange *change;
	int64		rows = 0;
	int64		lost = 0;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", PG_ARGISNULL(0) ? "type" : "label")));
	type = PG_GETARG_OID(0);
	label = text_to_cstring(PG_GETARG_TEXT_PP(1));
	require_enum_owner(type);
	require_change_lock(type, false);
	value = value_to_restore(type, label, &change);
	if (value->retired)
		rename_enum_value(type, value->label, label);
	invalidate_users(type);
	if (change)
	{
		rows = restore_rows(change, value->oid, &lost);
		change_end(change, "undone");
	}
	if (lost > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld row that the change touched was not brought back",
							   "%lld rows that the change touched were not brought back", lost, (long long) lost),
				 errdetail("They are gone, were changed since then, or are not in the history.")));
	PG_RETURN_INT64(rows);
}
