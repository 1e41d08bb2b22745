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
#include "utils/array.h"
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

/* A statement of ours and its parameters, which it names as they are added. */
typedef struct Statement
{
	StringInfoData sql;
	int			nargs;
	Oid		   *types;
	Datum	   *values;
	char	   *nulls;
} Statement;

static void
begin_statement(Statement *statement)
{
	initStringInfo(&statement->sql);
	statement->nargs = 0;
	statement->types = palloc(sizeof(Oid) * FUNC_MAX_ARGS);
	statement->values = palloc(sizeof(Datum) * FUNC_MAX_ARGS);
	statement->nulls = palloc0(FUNC_MAX_ARGS + 1);
}

/* Add a parameter; returns what the statement calls it. */
static char *
add_parameter(Statement *statement, Oid type, Datum value, bool isnull)
{
	if (statement->nargs == FUNC_MAX_ARGS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many columns are bound together by foreign keys")));
	statement->types[statement->nargs] = type;
	statement->values[statement->nargs] = value;
	statement->nulls[statement->nargs] = isnull ? 'n' : ' ';
	return psprintf("$%d", ++statement->nargs);
}

/* Run it; returns how many rows it processed. */
static uint64
run(Statement *statement)
{
	int			code = SPI_execute_with_args(statement->sql.data, statement->nargs, statement->types,
											 statement->values, statement->nulls, false, 0);

	if (code < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(code));
	return SPI_processed;
}

/* A parameter that is an array of texts, one of each row; offset tells which field. */
static char *
add_texts(Statement *statement, List *rows, size_t offset)
{
	Datum	   *texts = palloc(sizeof(Datum) * Max(list_length(rows), 1));
	ListCell   *cell;

	foreach(cell, rows)
		texts[foreach_current_index(cell)] = CStringGetTextDatum(*(char **) ((char *) lfirst(cell) + offset));
	return add_parameter(statement, TEXTARRAYOID,
						 PointerGetDatum(construct_array(texts, list_length(rows), TEXTOID, -1, false, TYPALIGN_INT)),
						 false);
}

/* A parameter that is an array of these C strings. */
static char *
add_names(Statement *statement, List *names)
{
	Datum	   *texts = palloc(sizeof(Datum) * Max(list_length(names), 1));
	ListCell   *cell;

	foreach(cell, names)
		texts[foreach_current_index(cell)] = CStringGetTextDatum(lfirst(cell));
	return add_parameter(statement, TEXTARRAYOID,
						 PointerGetDatum(construct_array(texts, list_length(names), TEXTOID, -1, false, TYPALIGN_INT)),
						 false);
}

/* The fields of a JSON object, as C strings. */
static List *
field_names(const char *json)
{
	MemoryContext context = CurrentMemoryContext;
	Statement	statement;
	List	   *result = NIL;

	SPI_connect();
	begin_statement(&statement);
	appendStringInfo(&statement.sql, "SELECT pg_catalog.jsonb_object_keys(%s::pg_catalog.jsonb)",
					 add_parameter(&statement, TEXTOID, CStringGetTextDatum(json), false));
	run(&statement);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend(result, pstrdup(name));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return result;
}

/* The table's columns of these names, by number; those that are computed are left out if they are to be written. */
static List *
columns_named(Relation rel, List *names, bool writable)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, names)
	{
		AttrNumber	attnum = find_column(rel, lfirst(cell));

		if (attnum > 0 && !(writable && TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attgenerated))
			result = lappend_int(result, attnum);
	}
	return result;
}

/* "jsonb_to_record(json) AS k(a int, ...)": the columns' values in an object. */
static char *
record_sql(Relation rel, List *columns, const char *json)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfo(&sql, "pg_catalog.jsonb_to_record(%s::pg_catalog.jsonb) AS k(", json);
	foreach(cell, columns)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), lfirst_int(cell) - 1);

		appendStringInfo(&sql, "%s%s %s", foreach_current_index(cell) ? ", " : "", quote_identifier(NameStr(att->attname)),
						 type_sql(att->atttypid, att->atttypmod));
	}
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* ------------------------------------------------------------------------ */
/* Rows that were deleted													*/
/* ------------------------------------------------------------------------ */

/* Insert deleted rows of one table again; returns how many could be. */
static int64
insert_rows(List *rows)
{
	KeptRow    *first = linitial(rows);
	Oid			relid = root_table(first->relid);
	Relation	rel = table_open(relid, RowExclusiveLock);
	List	   *columns = columns_named(rel, field_names(first->deleted_row), true);
	StringInfoData names;
	Statement	statement;
	ListCell   *cell;
	int64		result = 0;

	initStringInfo(&names);
	foreach(cell, columns)
		appendStringInfo(&names, "%s%s", names.len ? ", " : "",
						 quote_identifier(get_attname(relid, lfirst_int(cell), false)));
	if (columns)
	{
		SPI_connect();
		begin_statement(&statement);
		appendStringInfo(&statement.sql, "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM "
						 "pg_catalog.unnest(%s) WITH ORDINALITY AS x(\"pg_more row\", \"pg_more n\"), LATERAL %s "
						 "ORDER BY \"pg_more n\" ON CONFLICT DO NOTHING",
						 qualified_name(relid), names.data, names.data,
						 add_texts(&statement, rows, offsetof(KeptRow, deleted_row)),
						 record_sql(rel, columns, "\"pg_more row\""));
		result = run(&statement);
		SPI_finish();
	}
	table_close(rel, NoLock);
	return result;
}

/* ------------------------------------------------------------------------ */
/* Rows that were changed													*/
/* ------------------------------------------------------------------------ */

/* "t.a = k.a AND ..." with the types' own equality; NULL where one has none. */
static char *
key_condition(Relation rel, List *columns)
{
	StringInfoData sql;
	ListCell   *cell;

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

/*
 * A condition that tells whether the column holds what the change gave it,
 * where old_sql is what it held before; NULL if that cannot be told.
 */
static char *
given_condition(Statement *statement, RestoredColumn *restored, Oid type, Oid value, const char *old_sql)
{
	EnumColumn *column = &restored->column;
	const char *name = quote_identifier(column->name);
	bool		isnull = restored->policy == POLICY_SET_NULL;
	Datum		given = isnull ? (Datum) 0 : ObjectIdGetDatum(restored->new_oid);

	if (restored->policy == POLICY_SET_DEFAULT)
	{
		if (!default_value(column, &given, &isnull))
			return NULL;
		return psprintf("NOT more._differs(t.%s, %s)", name, add_parameter(statement, column->type, given, isnull));
	}
	if (!isnull && restored->policy != POLICY_SET_VALUE)
		return NULL;
	if (column->plain)
		return psprintf("NOT more._differs(t.%s, %s)", name, add_parameter(statement, column->type, given, isnull));
	return psprintf("NOT more._differs(t.%s, more._enum_replace(%s, %s, %s))", name, old_sql,
					add_parameter(statement, type, ObjectIdGetDatum(value), false),
					add_parameter(statement, type, given, isnull));
}

/* Do those columns tell the rows of the whole partitioned table apart? */
static bool
is_key_of(Relation rel, List *columns)
{
	bool		others;
	ListCell   *cell;

	foreach(cell, unique_keys(rel, &others))
	{
		if (list_length(lfirst(cell)) == list_length(columns) && list_difference_int(lfirst(cell), columns) == NIL)
			return true;
	}
	return false;
}

/*
 * The UPDATE that gives rows of one table their old values back, one or more
 * columns of it; it returns how many of these rows of the record each changed
 * row stands for.  False if it cannot be said.  The rows' keys all have the same fields.
 */
static bool
append_update(Statement *statement, Oid relid, List *rows, List *restored, Oid type, Oid value)
{
	Oid			root = root_table(relid);
	Relation	rel = table_open(root, RowExclusiveLock);
	List	   *names = field_names(((KeptRow *) linitial(rows))->key);
	List	   *key = columns_named(rel, names, false);
	char	   *same = list_length(key) == list_length(names) ? key_condition(rel, key) : NULL;
	StringInfoData set;
	StringInfoData olds;
	StringInfoData any;
	StringInfoData count;
	ListCell   *cell;

	initStringInfo(&count);
	initStringInfo(&set);
	initStringInfo(&olds);
	initStringInfo(&any);
	foreach(cell, restored)
	{
		RestoredColumn *column = lfirst(cell);
		const char *name = quote_identifier(column->column.name);
		int			i = foreach_current_index(cell);
		char	   *old = psprintf("x.old%d::%s", i, type_sql(column->column.type, -1));
		char	   *given = given_condition(statement, column, type, value, old);
		char	   *label;

		if (given == NULL)
			same = NULL;
		appendStringInfo(&set, "%s%s = CASE WHEN x.old%d IS NOT NULL AND %s THEN %s ELSE t.%s END",
						 i ? ", " : "", name, i, given ? given : "false", old, name);
		appendStringInfo(&any, "%s(x.old%d IS NOT NULL AND %s)", i ? " OR " : "", i, given ? given : "false");
		/* of a row that was changed more than once, the last time; rows come in that order */
		label = add_parameter(statement, TEXTOID, CStringGetTextDatum(column->column.name), false);
		appendStringInfo(&olds, ", (pg_catalog.array_agg(u.o ORDER BY u.n) FILTER (WHERE u.c OPERATOR(pg_catalog.=) %s))[1] AS old%d"
						 ", pg_catalog.count(*) FILTER (WHERE u.c OPERATOR(pg_catalog.=) %s) AS n%d", label, i, label, i);
		appendStringInfo(&count, "%sCASE WHEN x.old%d IS NULL OR more._differs(t.%s, %s) THEN 0 ELSE x.n%d END",
						 i ? " OPERATOR(pg_catalog.+) " : "", i, name, old, i);
	}
	if (same)
	{
		appendStringInfo(&statement->sql, "UPDATE %s%s AS t SET %s FROM (SELECT u.k%s FROM ROWS FROM "
						 "(pg_catalog.unnest(%s), pg_catalog.unnest(%s), pg_catalog.unnest(%s)) WITH ORDINALITY AS u(k, c, o, n) "
						 "WHERE u.k::pg_catalog.jsonb OPERATOR(pg_catalog.?&) %s GROUP BY u.k) AS x, LATERAL %s WHERE %s AND (%s)",
						 root == relid && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE ? "ONLY " : "",
						 qualified_name(root), set.data, olds.data,
						 add_texts(statement, rows, offsetof(KeptRow, key)),
						 add_texts(statement, rows, offsetof(KeptRow, column)),
						 add_texts(statement, rows, offsetof(KeptRow, old_value)),
						 add_names(statement, names),
						 record_sql(rel, key, "x.k"), same, any.data);
		/* a row may have moved to another partition, if the key tells rows of all of them apart */
		if (root != relid && !is_key_of(rel, key))
			appendStringInfo(&statement->sql, " AND t.tableoid OPERATOR(pg_catalog.=) %s",
							 add_parameter(statement, OIDOID, ObjectIdGetDatum(relid), false));
		appendStringInfo(&statement->sql, " RETURNING %s AS n", count.data);
	}
	table_close(rel, NoLock);
	return same != NULL;
}

/* What the change did to the column: its standing policy then, or what the call said. */
static bool
find_policy(EnumChange *change, RestoredColumn *restored)
{
	MemoryContext context = CurrentMemoryContext;
	Statement	statement;
	char	   *arguments;
	char	   *policy;
	char	   *replacement;

	SPI_connect();
	begin_statement(&statement);
	arguments = add_parameter(&statement, TEXTOID, CStringGetTextDatum(change->arguments), false);
	appendStringInfo(&statement.sql, "SELECT c OPERATOR(pg_catalog.->>) 'on_delete', c OPERATOR(pg_catalog.->>) 'replacement' FROM "
					 "(SELECT c, 1 FROM pg_catalog.jsonb_array_elements(%s::pg_catalog.jsonb OPERATOR(pg_catalog.->) 'columns') AS c "
					 " WHERE (c OPERATOR(pg_catalog.->>) 'column') OPERATOR(pg_catalog.=) %s "
					 " UNION ALL SELECT %s::pg_catalog.jsonb, 2 ORDER BY 2 LIMIT 1) AS c(c, n)",
					 arguments,
					 add_parameter(&statement, TEXTOID, CStringGetTextDatum(psprintf("%s.%s", qualified_name(restored->column.relid),
																					 quote_identifier(restored->column.name))), false),
					 arguments);
	run(&statement);
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

/* The column that a kept row is of, as it is now, and what was done to it; NULL if there is none. */
static RestoredColumn *
column_of_row(EnumChange *change, KeptRow *row, List *columns)
{
	ListCell   *cell;

	foreach(cell, columns)
	{
		EnumColumn *column = lfirst(cell);

		if (column->relid == row->relid && strcmp(column->name, row->column) == 0)
		{
			RestoredColumn *result = palloc0(sizeof(RestoredColumn));

			result->column = *column;
			return find_policy(change, result) ? result : NULL;
		}
	}
	return NULL;
}

/*
 * Rows of the record, last ones first: those before number n, at most a chunk,
 * or, where tables are given, all rows of these that were changed.
 */
static List *
read_kept_rows(EnumChange *change, int64 n, List *tables)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {INT8OID, INT8OID, OIDARRAYOID};
	Datum	   *oids = palloc(sizeof(Datum) * Max(list_length(tables), 1));
	Datum		values[3];
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, tables)
		oids[foreach_current_index(cell)] = ObjectIdGetDatum(lfirst_oid(cell));
	SPI_connect();
	values[0] = Int64GetDatum(change->id);
	values[1] = Int64GetDatum(n);
	values[2] = PointerGetDatum(construct_array(oids, list_length(tables), OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	record_execute(tables ?
				   "SELECT n, \"table\"::pg_catalog.oid, \"column\", key::pg_catalog.text, old_value, deleted_row::pg_catalog.text "
				   "FROM more.enum_change_rows WHERE change OPERATOR(pg_catalog.=) $1 AND n OPERATOR(pg_catalog.<) $2 "
				   "AND NOT was_deleted AND \"table\" OPERATOR(pg_catalog.=) ANY ($3) ORDER BY n DESC" :
				   "SELECT n, \"table\"::pg_catalog.oid, \"column\", key::pg_catalog.text, old_value, deleted_row::pg_catalog.text "
				   "FROM more.enum_change_rows WHERE change OPERATOR(pg_catalog.=) $1 AND n OPERATOR(pg_catalog.<) $2 "
				   "ORDER BY n DESC LIMIT 1000", tables ? 3 : 2, types, values, NULL);
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

/* Can the row be found again, and its value be read? */
static bool
is_complete(KeptRow *row)
{
	return row->key && row->old_value && strstr(row->old_value, RETIRED_PREFIX) == NULL;
}

/* Give rows of one column their old values back; returns how many. */
static int64
update_rows(EnumChange *change, List *rows, Oid value, List *columns)
{
	KeptRow    *first = linitial(rows);
	RestoredColumn *restored = column_of_row(change, first, columns);
	List	   *complete = NIL;
	Statement	statement;
	ListCell   *cell;
	int64		result = 0;

	foreach(cell, rows)
	{
		if (is_complete(lfirst(cell)))
			complete = lappend(complete, lfirst(cell));
	}
	if (restored == NULL || complete == NIL)
		return 0;
	SPI_connect();
	begin_statement(&statement);
	if (append_update(&statement, first->relid, complete, list_make1(restored), change->type, value))
	{
		uint64		changed = run(&statement);
		bool		isnull;

		for (uint64 i = 0; i < changed; i++)
			result += DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
	return result;
}

/* Give rows of several tables, which foreign keys bind, their old values back in one statement. */
static int64
update_together(EnumChange *change, List *tables, Oid value, List *columns)
{
	List	   *rows = read_kept_rows(change, PG_INT64_MAX, tables);
	List	   *roots = NIL;
	Statement	statement;
	StringInfoData sum;
	ListCell   *cell;
	bool		isnull;
	int64		result = 0;

	foreach(cell, tables)
	{
		if (hold_table(lfirst_oid(cell), RowExclusiveLock, ACL_UPDATE))
			roots = list_append_unique_oid(roots, root_table(lfirst_oid(cell)));
	}
	SPI_connect();
	begin_statement(&statement);
	initStringInfo(&sum);
	foreach(cell, roots)
	{
		List	   *own = NIL;
		List	   *restored = NIL;
		ListCell   *inner;
		int			length;

		foreach(inner, rows)
		{
			KeptRow    *row = lfirst(inner);
			RestoredColumn *column;
			ListCell   *known;
			bool		again = false;

			if (root_table(row->relid) != lfirst_oid(cell) || !is_complete(row))
				continue;
			own = lappend(own, row);
			foreach(known, restored)
				again |= strcmp(((RestoredColumn *) lfirst(known))->column.name, row->column) == 0;
			if (!again && (column = column_of_row(change, row, columns)) != NULL)
				restored = lappend(restored, column);
		}
		if (own == NIL || restored == NIL)
			continue;
		length = statement.sql.len;
		appendStringInfo(&statement.sql, "%s c%d AS (", sum.len ? "," : "WITH", foreach_current_index(cell));
		if (append_update(&statement, lfirst_oid(cell), own, restored, change->type, value))
		{
			appendStringInfoChar(&statement.sql, ')');
			appendStringInfo(&sum, "%s(SELECT COALESCE(pg_catalog.sum(n), 0)::pg_catalog.int8 FROM c%d)",
							 sum.len ? " OPERATOR(pg_catalog.+) " : "", foreach_current_index(cell));
		}
		else
		{
			statement.sql.len = length;
			statement.sql.data[length] = '\0';
		}
	}
	if (sum.len)
	{
		appendStringInfo(&statement.sql, " SELECT %s", sum.data);
		run(&statement);
		result = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
	return result;
}

/* The tables of columns with rows that the change has changed, by OID. */
static List *
changed_tables(EnumChange *change)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {INT8OID};
	Datum		values[1];
	List	   *result = NIL;
	bool		isnull;

	SPI_connect();
	values[0] = Int64GetDatum(change->id);
	record_execute("SELECT DISTINCT \"table\"::pg_catalog.oid FROM more.enum_change_rows "
				   "WHERE change OPERATOR(pg_catalog.=) $1 AND NOT was_deleted", 1, types, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend_oid(result, DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return result;
}

/* Those of them that foreign keys bind to each other, or to themselves. */
static List *
bound_tables(EnumChange *change)
{
	List	   *tables = changed_tables(change);
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, enum_foreign_keys(change->type))
	{
		EnumForeignKey *pair = lfirst(cell);
		List	   *referring = NIL;
		List	   *referred = NIL;
		ListCell   *inner;

		foreach(inner, tables)
		{
			if (root_table(lfirst_oid(inner)) == pair->table)
				referring = lappend_oid(referring, lfirst_oid(inner));
			if (root_table(lfirst_oid(inner)) == pair->referenced_table)
				referred = lappend_oid(referred, lfirst_oid(inner));
		}
		if (referring && referred)
			result = list_union_oid(list_union_oid(result, referring), referred);
	}
	return result;
}

/* Bring a run of rows back: of one table and column, all deleted or all changed. */
static int64
restore_run(EnumChange *change, List *rows, Oid value, List *columns, List *bound)
{
	KeptRow    *first = linitial(rows);
	int64		result = 0;

	if (!hold_table(first->relid, RowExclusiveLock, first->deleted_row ? ACL_INSERT : ACL_UPDATE))
		return 0;
	require_all_rows(root_table(first->relid));
	if (first->deleted_row)
		result = insert_rows(rows);
	else if (!list_member_oid(bound, first->relid))
		result = update_rows(change, rows, value, columns);
	return result;
}

/* Do both rows belong to one run? */
static bool
same_run(KeptRow *a, KeptRow *b)
{
	return a->relid == b->relid && strcmp(a->column, b->column) == 0 &&
		(a->deleted_row == NULL) == (b->deleted_row == NULL);
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
	List	   *bound = bound_tables(change);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_more rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int64		next = PG_INT64_MAX;
	int64		kept = 0;
	int64		result = 0;
	bool		together = false;
	List	   *rows;

	PushActiveSnapshot(GetTransactionSnapshot());
	while ((rows = read_kept_rows(change, next, NIL)) != NIL)
	{
		List	   *same = NIL;
		ListCell   *cell;

		foreach(cell, rows)
		{
			KeptRow    *row = lfirst(cell);

			if (same && !same_run(linitial(same), row))
			{
				result += restore_run(change, same, value, columns, bound);
				same = NIL;
			}
			if (!row->deleted_row && list_member_oid(bound, row->relid) && !together)
			{
				together = true;
				result += update_together(change, bound, value, columns);
			}
			same = lappend(same, row);
			next = row->n;
			kept++;
		}
		result += restore_run(change, same, value, columns, bound);
		MemoryContextReset(context);
	}
	*lost = change->rows_not_kept + kept - result;
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
				 errdetail_plural("It is gone, was changed since then, or is not in the history.",
								  "They are gone, were changed since then, or are not in the history.", lost)));
	PG_RETURN_INT64(rows);
}
