/*
 * alter.c
 *	  Adding and renaming values: more.enum_add and more.enum_rename.
 *
 * The server's own ALTER TYPE does the work, run through SPI as the caller, so
 * that event triggers, hooks and its checks see it.  A rename changes no stored
 * value, and an added one is in no row yet, so there is nothing else to do.
 * The lock is ALTER TYPE's: an exclusive one on the type as an object, until
 * the transaction ends, which blocks other changes of the type and nothing
 * that uses it.  While a longer change of the type runs, they are refused.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "enums/enums.h"

PG_FUNCTION_INFO_V1(enum_add);
PG_FUNCTION_INFO_V1(enum_rename);

/* Runs ALTER TYPE as the caller. */
static void
alter_type(const char *statement)
{
	int			code;

	SPI_connect();
	code = SPI_execute(statement, false, 0);
	if (code != SPI_OK_UTILITY)
		elog(ERROR, "ALTER TYPE through SPI returned %s", SPI_result_code_string(code));
	SPI_finish();
}

/* Adds "name": "value" to an object in JSON that is being written. */
static void
add_json(StringInfo json, const char *name, const char *value)
{
	appendStringInfoString(json, json->len == 0 ? "{" : ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
	if (value)
		escape_json(json, value);
	else
		appendStringInfoString(json, "null");
}

/* A text argument as a C string, or NULL. */
static char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* The type argument; NULL is an error. */
static Oid
type_argument(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"type\" must not be null")));
	return PG_GETARG_OID(number);
}

/* The statement that adds a value. */
static char *
add_statement(Oid type, const char *label, const char *before, const char *after)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER TYPE %s ADD VALUE %s", enum_type_sql(type), quote_literal_cstr(label));
	if (before)
		appendStringInfo(&sql, " BEFORE %s", quote_literal_cstr(before));
	if (after)
		appendStringInfo(&sql, " AFTER %s", quote_literal_cstr(after));
	return sql.data;
}

/*
 * add_enum_value
 *		Has the server add a value, before or after another one, or as the last
 *		if neither is given.  As the caller; errors are ALTER TYPE's.
 */
void
add_enum_value(Oid type, const char *label, const char *before, const char *after)
{
	alter_type(add_statement(type, label, before, after));
}

/*
 * rename_enum_value
 *		Has the server rename a value.  As the caller; errors are ALTER TYPE's.
 */
void
rename_enum_value(Oid type, const char *old, const char *new)
{
	alter_type(psprintf("ALTER TYPE %s RENAME VALUE %s TO %s", enum_type_sql(type),
						quote_literal_cstr(old), quote_literal_cstr(new)));
}

/*
 * recorded_add
 *		add_enum_value() as a change of its own; returns its number.
 */
int64
recorded_add(Oid type, const char *label, const char *before, const char *after)
{
	StringInfoData json;
	EnumChange *change;

	initStringInfo(&json);
	add_json(&json, "label", label);
	add_json(&json, "before", before);
	add_json(&json, "after", after);
	appendStringInfoChar(&json, '}');
	change = change_start(type, "add", json.data);
	add_enum_value(type, label, before, after);
	change_end(change, "done");
	return change->id;
}

/*
 * recorded_rename
 *		rename_enum_value() as a change of its own; returns its number.
 */
int64
recorded_rename(Oid type, const char *old, const char *new)
{
	StringInfoData json;
	EnumChange *change;

	initStringInfo(&json);
	add_json(&json, "old", old);
	add_json(&json, "new", new);
	appendStringInfoChar(&json, '}');
	change = change_start(type, "rename", json.data);
	rename_enum_value(type, old, new);
	change_rename_replacement(type, old, new);
	change_end(change, "done");
	return change->id;
}

/*
 * more.enum_add(type regtype, label text, before text, after text,
 *				 if_not_exists boolean) returns bigint
 *
 * The number of the change, NULL if there was nothing to do.
 */
Datum
enum_add(PG_FUNCTION_ARGS)
{
	Oid			type = type_argument(fcinfo, 0);
	char	   *label = text_argument(fcinfo, 1);
	char	   *before = text_argument(fcinfo, 2);
	char	   *after = text_argument(fcinfo, 3);
	bool		if_not_exists = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);

	require_enum_owner(type);
	require_free_label("label", label);
	if (before && after)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("before and after cannot both be given")));
	require_no_change(type);
	if (if_not_exists)
	{
		/* so that two sessions that ask for it one after the other both succeed */
		LockDatabaseObject(TypeRelationId, type, 0, ExclusiveLock);
		if (enum_value(type, label, true))
		{
			ereport(NOTICE,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("enum %s has the value \"%s\" already, skipping", format_type_be(type), label)));
			PG_RETURN_NULL();
		}
	}
	PG_RETURN_INT64(recorded_add(type, label, before, after));
}

/*
 * more.enum_rename(type regtype, old text, new text, if_exists boolean) returns bigint
 *
 * The number of the change, NULL if there was nothing to do.
 */
Datum
enum_rename(PG_FUNCTION_ARGS)
{
	Oid			type = type_argument(fcinfo, 0);
	char	   *old = text_argument(fcinfo, 1);
	char	   *new = text_argument(fcinfo, 2);
	bool		if_exists = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);

	require_enum_owner(type);
	require_free_label("old", old);
	require_free_label("new", new);
	require_no_change(type);
	if (if_exists)
	{
		LockDatabaseObject(TypeRelationId, type, 0, ExclusiveLock);
		if (enum_value(type, old, true) == NULL && enum_value(type, new, true))
		{
			ereport(NOTICE,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("enum %s has the value \"%s\" and no \"%s\" already, skipping",
							format_type_be(type), new, old)));
			PG_RETURN_NULL();
		}
	}
	PG_RETURN_INT64(recorded_rename(type, old, new));
}
