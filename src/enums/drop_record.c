/*
 * drop_record.c
 *	  Dropping a value: what is recorded of it, so that it can be gone on with, and
 *	  undone.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "enums/drop_parts.h"

/* Adds "name": "value" to an object in JSON that is being written. */
static void
add_json(StringInfo json, const char *name, const char *value)
{
	appendStringInfoString(json, json->data[json->len - 1] == '{' ? "" : ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
	if (value)
		escape_json(json, value);
	else
		appendStringInfoString(json, "null");
}

/* The live neighbours of the value, which tell where it belongs. */
static void
find_neighbours(Drop *drop, const char **before, const char **after)
{
	bool		passed = false;
	ListCell   *cell;

	*before = *after = NULL;
	foreach(cell, enum_values(drop->type))
	{
		EnumValue  *value = lfirst(cell);

		if (value->oid == drop->value)
			passed = true;
		else if (!value->retired && !value->moving)
		{
			if (passed)
			{
				*before = value->label;
				return;
			}
			*after = value->label;
		}
	}
}

/* What the record tells of the drop. */
static char *
arguments_json(Drop *drop)
{
	StringInfoData json;
	const char *before;
	const char *after;
	bool		any = false;
	ListCell   *cell;

	find_neighbours(drop, &before, &after);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_json(&json, "label", drop->label);
	add_json(&json, "on_delete", drop->on_delete);
	add_json(&json, "replacement", drop->replacement);
	add_json(&json, "retired", drop->retired);
	add_json(&json, "before", before);
	add_json(&json, "after", after);
	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (!task->standing)
			continue;
		appendStringInfoString(&json, any ? ", {" : ", \"columns\": [{");
		any = true;
		add_json(&json, "column", task_column_text(task->column));
		add_json(&json, "on_delete", column_policy(task->column->relid, task->column->attnum, &task->replacement));
		add_json(&json, "replacement", task->replacement);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoString(&json, any ? "]}" : "}");
	return json.data;
}

/*
 * change_of_value
 *		The newest change that dropped or retired the value with that reserved
 *		label, in one of the states given as an array literal; NULL if none is.
 */
EnumChange *
change_of_value(Oid type, const char *retired, const char *states)
{
	Oid			types[] = {OIDOID, TEXTOID, TEXTOID};
	Datum		values[3];
	int64		id = 0;
	bool		isnull;

	SPI_connect();
	values[0] = ObjectIdGetDatum(type);
	values[1] = CStringGetTextDatum(retired);
	values[2] = CStringGetTextDatum(states);
	record_execute("SELECT change FROM more.enum_changes WHERE type OPERATOR(pg_catalog.=) $1 "
				   "AND action OPERATOR(pg_catalog.=) ANY ('{drop,retire,move}') "
				   "AND (arguments OPERATOR(pg_catalog.->>) 'retired') OPERATOR(pg_catalog.=) $2 "
				   "AND state OPERATOR(pg_catalog.=) ANY ($3::pg_catalog.text[]) ORDER BY change DESC LIMIT 1",
				   3, types, values, NULL);
	if (SPI_processed > 0)
		id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return id ? change_get(id) : NULL;
}

/* Bring the record's arguments up to date. */
void
drop_rewrite_arguments(Drop *drop)
{
	Oid			types[] = {INT8OID, TEXTOID};
	Datum		values[2];

	SPI_connect();
	values[0] = Int64GetDatum(drop->change->id);
	values[1] = CStringGetTextDatum(arguments_json(drop));
	record_execute("UPDATE more.enum_changes SET arguments = arguments OPERATOR(pg_catalog.||) $2::pg_catalog.jsonb "
				   "WHERE change OPERATOR(pg_catalog.=) $1", 2, types, values, NULL);
	SPI_finish();
}

/* Take up the record of the value, or begin one. */
void
drop_begin_record(Drop *drop, const char *action)
{
	ListCell   *cell;
	int64		rows = 0;

	foreach(cell, drop->tasks)
	{
		if (task_changes_rows(lfirst(cell)))
			rows += ((Task *) lfirst(cell))->rows;
	}
	if (drop->change)
	{
		change_end(drop->change, "running");
		drop_rewrite_arguments(drop);
	}
	else
		drop->change = change_start(drop->type, action, arguments_json(drop));
	change_rows(drop->change, drop->change->rows_done, drop->change->rows_done + rows);
}
