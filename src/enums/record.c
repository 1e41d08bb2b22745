/*
 * record.c
 *	  Changes as they are recorded: what runs, how far it is, what was done to
 *	  rows, and the standing policies of columns.
 *
 * Three tables hold the records: more.enum_changes, a row per change;
 * more.enum_change_rows, the rows that a change touched, up to the limit
 * pg_more.enum_history_rows; and more.enum_policies.  They belong to the
 * extension, whose owner is a superuser also where the extension was created
 * without one, and no role has rights on them but the database's owner, who
 * must be able to dump and restore them.  The functions here write and read
 * them as that owner, as referential integrity does its look-ups: around one
 * fixed statement, whose search_path is pinned and whose values are bound.
 * Nothing of a user's runs in between, so a role can record no more than what
 * a function of this room has done for it.  Others read the views
 * more.enum_history and more.enum_progress, which show the changes of types
 * that they own.
 *
 * A dump has names in place of OIDs, and a trigger looks them up again where
 * the records are restored: see enum_record_restore().
 *
 * Locks: a session-level lock keeps two changes of one type apart.  It is an
 * advisory lock in a class of its own, which SQL cannot take.  It outlives
 * transactions, and so do errors not release it: whoever takes it releases it
 * in PG_FINALLY.  A session that ends releases it, whatever the reason, and
 * that is how an interrupted change is told from a running one.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/enums.h"

PG_FUNCTION_INFO_V1(enum_record_restore);
PG_FUNCTION_INFO_V1(enum_on_delete);

int			enum_history_rows = 10000;
int			enum_batch = 1000;

/* The change that those which start are parts of; 0: none. Whoever sets it resets it in PG_FINALLY. */
int64		change_whole = 0;

/*
 * enums_init
 *		Define the settings.
 */
void
enums_init(void)
{
	DefineCustomIntVariable("pg_more.enum_history_rows",
							"How many rows a change of an enum type keeps the old values of.",
							"What is kept, more.enum_undo can bring back. 0 keeps none, -1 all.",
							&enum_history_rows,
							10000, -1, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_more.enum_batch",
							"How many rows a change of an enum type writes in one transaction.",
							NULL,
							&enum_batch,
							1000, 1, 1000000,
							PGC_USERSET, 0, NULL, NULL, NULL);
}

/* --- as the records' owner -------------------------------------------------- */

/* The owner of the records, who is found only if they are the extension's own. */
static Oid
record_owner(void)
{
	Oid			schema = get_namespace_oid("more", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid("enum_changes", schema) : InvalidOid;
	HeapTuple	tup;
	Oid			owner;

	if (!OidIsValid(relid) ||
		getExtensionOfObject(RelationRelationId, relid) != get_extension_oid("pg_more", true))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the records of enum changes are missing"),
				 errhint("Run CREATE EXTENSION pg_more in this database.")));
	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tup))->relowner;
	ReleaseSysCache(tup);
	return owner;
}

/* Who was at work before the records' owner was. */
typedef struct Caller
{
	Oid			user;
	int			context;
	int			nest;
} Caller;

/* Become the records' owner, with a search_path that finds nothing of a user's. */
static void
become_owner(Caller *caller)
{
	Oid			owner = record_owner();

	caller->nest = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	GetUserIdAndSecContext(&caller->user, &caller->context);
	SetUserIdAndSecContext(owner, caller->context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
}

/* And back; an error takes back both by itself. */
static void
become_caller(Caller *caller)
{
	SetUserIdAndSecContext(caller->user, caller->context);
	AtEOXact_GUC(false, caller->nest);
}

/*
 * record_execute
 *		Run one statement on the records as their owner; returns SPI's code.
 *
 * sql must be fixed text: names qualified, values bound.  nulls as SPI has it,
 * or NULL.  The caller is connected to SPI and reads SPI_tuptable afterwards,
 * under a snapshot of its own where a value may be toasted.
 */
int
record_execute(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	Caller		caller;
	int			result;

	become_owner(&caller);
	result = SPI_execute_with_args(sql, nargs, types, values, nulls, false, 0);
	become_caller(&caller);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
	return result;
}

/* The same for a statement that runs for each of many rows: its plan is kept in *plan. */
static void
record_execute_kept(SPIPlanPtr *plan, const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	Caller		caller;
	int			result;

	become_owner(&caller);
	if (*plan == NULL)
	{
		SPIPlanPtr	made = SPI_prepare(sql, nargs, types);

		if (made == NULL || SPI_keepplan(made) != 0)
			elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
		*plan = made;
	}
	result = SPI_execute_plan(*plan, values, nulls, false, 0);
	become_caller(&caller);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
}

/* Begin and end the use of the records by one of the functions below. */
static void
records_open(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
records_close(void)
{
	PopActiveSnapshot();
	SPI_finish();
}

/* A text argument, and whether it is NULL. */
static Datum
text_argument(const char *text, char *null)
{
	*null = text ? ' ' : 'n';
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* --- changes ------------------------------------------------------------------ */

#define CHANGE_COLUMNS \
	"SELECT c.change, c.type::pg_catalog.oid, c.action, c.rows_done, c.rows_total, c.type_name, " \
	"c.arguments::pg_catalog.text, c.state, c.step, c.step_object, c.rows_not_kept, c.part_of, " \
	"(SELECT pg_catalog.count(*) FROM more.enum_change_rows AS r WHERE r.change OPERATOR(pg_catalog.=) c.change) " \
	"FROM more.enum_changes AS c "

/* Column i of a row of a CHANGE_COLUMNS query, in the context given. */
static char *
change_text(uint64 row, int i, MemoryContext context)
{
	char	   *value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i);

	return value ? MemoryContextStrdup(context, value) : NULL;
}

static int64
change_number(uint64 row, int i)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* The change of a row of a CHANGE_COLUMNS query. */
static EnumChange *
change_from_row(uint64 row, MemoryContext context)
{
	EnumChange *change = MemoryContextAllocZero(context, sizeof(EnumChange));
	bool		isnull;

	change->id = change_number(row, 1);
	change->type = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &isnull));
	change->action = change_text(row, 3, context);
	change->rows_done = change_number(row, 4);
	change->rows_total = change_number(row, 5);
	change->type_name = change_text(row, 6, context);
	change->arguments = change_text(row, 7, context);
	change->state = change_text(row, 8, context);
	change->step = change_text(row, 9, context);
	change->step_object = change_text(row, 10, context);
	change->rows_not_kept = change_number(row, 11);
	change->part_of = change_number(row, 12);
	change->rows_kept = change_number(row, 13);
	return change;
}

/* The changes that a CHANGE_COLUMNS query with this condition finds, in the caller's memory context. */
static List *
find_changes(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;

	records_open();
	record_execute(sql, nargs, types, values, nulls);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		EnumChange *change = change_from_row(row, context);
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend(result, change);
		MemoryContextSwitchTo(old);
	}
	records_close();
	return result;
}

static EnumChange *
first_change(List *changes)
{
	return changes == NIL ? NULL : linitial(changes);
}

/*
 * change_start
 *		Record a new change, in state running; the caller commits.
 *
 * The caller has taken the change's lock and holds the right to change the
 * type.  The result is in the caller's memory context, which has to outlive
 * its commits.
 */
EnumChange *
change_start(Oid type, const char *action, const char *arguments_json)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID};
	char		nulls[] = "      ";
	Datum		values[6];
	EnumChange *change = palloc0(sizeof(EnumChange));

	change->type = type;
	change->action = pstrdup(action);
	change->type_name = format_type_extended(type, -1, FORMAT_TYPE_FORCE_QUALIFY);
	change->arguments = pstrdup(arguments_json ? arguments_json : "{}");
	change->state = pstrdup("running");
	records_open();
	values[0] = ObjectIdGetDatum(type);
	values[1] = CStringGetTextDatum(change->type_name);
	values[2] = CStringGetTextDatum(action);
	values[3] = CStringGetTextDatum(change->arguments);
	values[4] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	values[5] = Int64GetDatum(change_whole);
	nulls[5] = change_whole ? ' ' : 'n';
	record_execute("INSERT INTO more.enum_changes (type, type_name, action, arguments, state, \"by\", part_of, started, updated) "
				   "VALUES ($1, $2, $3, $4::pg_catalog.jsonb, 'running', $5, $6, pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp()) "
				   "RETURNING change",
				   6, types, values, nulls);
	change->id = change_number(0, 1);
	records_close();
	MemoryContextSwitchTo(context);
	return change;
}

/*
 * change_find
 *		The newest unfinished change of that kind, to be resumed; NULL if there
 *		is none.
 *
 * label, where given, is compared with the change's argument "label".  The
 * caller holds the change's lock, so nobody is at work on it.  The result is in
 * the caller's memory context.
 */
EnumChange *
change_find(Oid type, const char *action, const char *label)
{
	Oid			types[] = {OIDOID, TEXTOID, TEXTOID};
	char		nulls[] = "   ";
	Datum		values[3];

	values[0] = ObjectIdGetDatum(type);
	values[1] = CStringGetTextDatum(action);
	values[2] = text_argument(label, &nulls[2]);
	return first_change(find_changes(CHANGE_COLUMNS
									 "WHERE c.type OPERATOR(pg_catalog.=) $1 AND c.action OPERATOR(pg_catalog.=) $2 "
									 "AND c.state OPERATOR(pg_catalog.=) ANY ('{running,failed}') "
									 "AND ($3 IS NULL OR c.arguments OPERATOR(pg_catalog.->>) 'label' OPERATOR(pg_catalog.=) $3) "
									 "ORDER BY c.change DESC LIMIT 1",
									 3, types, values, nulls));
}

/*
 * change_get
 *		The change of that number, whatever its state; NULL if there is none.
 *
 * Whether the caller may know of it is the caller's to check: by its type.
 */
EnumChange *
change_get(int64 id)
{
	Oid			types[] = {INT8OID};
	Datum		values[1];

	values[0] = Int64GetDatum(id);
	return first_change(find_changes(CHANGE_COLUMNS "WHERE c.change OPERATOR(pg_catalog.=) $1", 1, types, values, NULL));
}

/*
 * changes_of
 *		All changes of a type, the newest first.
 */
List *
changes_of(Oid type)
{
	Oid			types[] = {OIDOID};
	Datum		values[1];

	values[0] = ObjectIdGetDatum(type);
	return find_changes(CHANGE_COLUMNS "WHERE c.type OPERATOR(pg_catalog.=) $1 ORDER BY c.change DESC", 1, types, values, NULL);
}

/*
 * change_parts
 *		The changes that are parts of one, in the order in which they began.
 */
List *
change_parts(int64 id)
{
	Oid			types[] = {INT8OID};
	Datum		values[1];

	values[0] = Int64GetDatum(id);
	return find_changes(CHANGE_COLUMNS "WHERE c.part_of OPERATOR(pg_catalog.=) $1 ORDER BY c.change", 1, types, values, NULL);
}

/*
 * change_argument
 *		One of a change's arguments as text; NULL where it has none, or a null.
 */
char *
change_argument(EnumChange *change, const char *name)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = DirectFunctionCall1(jsonb_in, CStringGetDatum(change->arguments));
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = CStringGetTextDatum(name);
	fcinfo->args[1].isnull = false;
	result = jsonb_object_field_text(fcinfo);
	return fcinfo->isnull ? NULL : TextDatumGetCString(result);
}

/*
 * change_rename_replacement
 *		A value was renamed: changes that made it a replacement tell its new
 *		label, by which they are finished and taken back.
 */
void
change_rename_replacement(Oid type, const char *old, const char *new)
{
	Oid			types[] = {OIDOID, TEXTOID, TEXTOID};
	Datum		values[3];

	records_open();
	values[0] = ObjectIdGetDatum(type);
	values[1] = CStringGetTextDatum(old);
	values[2] = CStringGetTextDatum(new);
	record_execute("UPDATE more.enum_changes SET arguments = arguments OPERATOR(pg_catalog.||) "
				   "pg_catalog.jsonb_build_object('replacement', $3) "
				   "WHERE type OPERATOR(pg_catalog.=) $1 AND (arguments OPERATOR(pg_catalog.->>) 'replacement') OPERATOR(pg_catalog.=) $2",
				   3, types, values, NULL);
	record_execute("UPDATE more.enum_changes SET arguments = arguments OPERATOR(pg_catalog.||) "
				   "pg_catalog.jsonb_build_object('columns', (SELECT pg_catalog.jsonb_agg("
				   "CASE WHEN (c.value OPERATOR(pg_catalog.->>) 'replacement') OPERATOR(pg_catalog.=) $2 "
				   "THEN c.value OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('replacement', $3) ELSE c.value END ORDER BY c.n) "
				   "FROM ROWS FROM (pg_catalog.jsonb_array_elements(arguments OPERATOR(pg_catalog.->) 'columns')) WITH ORDINALITY AS c (value, n))) "
				   "WHERE type OPERATOR(pg_catalog.=) $1 AND arguments OPERATOR(pg_catalog.@>) pg_catalog.jsonb_build_object('columns', "
				   "pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('replacement', $2)))",
				   3, types, values, NULL);
	records_close();
}

/* Write a change's row; step, object and state may be NULL: then they stay. */
static void
change_write(EnumChange *change, const char *step, const char *object, const char *state)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID};
	char		nulls[] = "       ";
	Datum		values[7];
	static SPIPlanPtr plan = NULL;

	records_open();
	values[0] = Int64GetDatum(change->id);
	values[1] = text_argument(step, &nulls[1]);
	values[2] = text_argument(object, &nulls[2]);
	values[3] = text_argument(state, &nulls[3]);
	values[4] = Int64GetDatum(change->rows_done);
	values[5] = Int64GetDatum(change->rows_total);
	values[6] = Int64GetDatum(change->rows_not_kept);
	record_execute_kept(&plan,
						"UPDATE more.enum_changes SET step = COALESCE($2, step), step_object = CASE WHEN $2 IS NULL THEN step_object ELSE $3 END, "
					   "state = COALESCE($4, state), rows_done = $5, rows_total = $6, rows_not_kept = $7, "
					   "updated = pg_catalog.clock_timestamp(), "
					   "ended = CASE WHEN COALESCE($4, state) OPERATOR(pg_catalog.=) 'running' THEN NULL ELSE pg_catalog.clock_timestamp() END "
					   "WHERE change OPERATOR(pg_catalog.=) $1",
					   7, types, values, nulls);
	records_close();
}

/*
 * change_step
 *		Record which step a change has come to, and on which object, or NULL.
 *		Other sessions see it once the caller commits.
 */
void
change_step(EnumChange *change, const char *step, const char *object)
{
	change_write(change, step, object, NULL);
}

/*
 * change_rows
 *		Record how many rows are done, of how many.
 */
void
change_rows(EnumChange *change, int64 done, int64 total)
{
	change->rows_done = done;
	change->rows_total = total;
	change_write(change, NULL, NULL, NULL);
}

/*
 * change_end
 *		Record how a change stands: running again, retired, done, undone, failed.
 */
void
change_end(EnumChange *change, const char *state)
{
	change_write(change, NULL, NULL, state);
}

/*
 * change_has_room
 *		Does the history keep any more rows of the change?
 */
bool
change_has_room(EnumChange *change)
{
	return enum_history_rows < 0 || change->rows_kept < enum_history_rows;
}

/*
 * change_skip_rows
 *		Count rows for which the history has no room; says so the first time.
 */
void
change_skip_rows(EnumChange *change, int64 count)
{
	if (count > 0 && change->rows_not_kept == 0 && enum_history_rows > 0)
		ereport(NOTICE,
				(errmsg("change " INT64_FORMAT " touches more rows than its history keeps", change->id),
				 errdetail("Setting pg_more.enum_history_rows is %d.", enum_history_rows),
				 errhint("more.enum_undo cannot bring back the other rows.")));
	change->rows_not_kept += count;
}

/* How many of the rows from there on fit into one statement: an array must not become too large. */
static int
rows_at_once(int from, int count, char **keys, char **old_values, char **deleted)
{
	Size		size = 0;
	int			i = from;

	while (i < count && i < from + 1000 && size < 16 * 1024 * 1024)
	{
		size += keys && keys[i] ? strlen(keys[i]) : 0;
		size += old_values && old_values[i] ? strlen(old_values[i]) : 0;
		size += deleted && deleted[i] ? strlen(deleted[i]) : 0;
		i++;
	}
	return i - from;
}

/* Texts as an array; an empty one where there are none. */
static Datum
text_array(char **texts, int from, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * count);
	bool	   *nulls = palloc0(sizeof(bool) * count);
	int			lower = 1;

	if (texts == NULL)
		return PointerGetDatum(construct_empty_array(TEXTOID));
	for (int i = 0; i < count; i++)
	{
		nulls[i] = texts[from + i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[from + i]);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * change_keep_rows
 *		Keep what a change replaces in rows, or the rows that it deletes.
 *
 * keys tell the rows again: objects of their keys' columns, in JSON.  Either
 * deleted, with the rows in JSON, or keys and old_values are given; the others
 * are NULL.  Beyond the limit nothing is kept but the count.
 */
void
change_keep_rows(EnumChange *change, Oid relid, const char *column, int count,
				 char **keys, char **old_values, char **deleted)
{
	Oid			types[] = {INT8OID, INT8OID, OIDOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID};
	Datum		values[8];
	int			room = enum_history_rows < 0 ? count : (int) Min(Max(enum_history_rows - change->rows_kept, 0), count);
	static SPIPlanPtr plan = NULL;

	records_open();
	for (int from = 0, n; from < room; from += n)
	{
		n = rows_at_once(from, room, keys, old_values, deleted);
		values[0] = Int64GetDatum(change->id);
		values[1] = Int64GetDatum(change->rows_kept);
		values[2] = ObjectIdGetDatum(relid);
		values[3] = CStringGetTextDatum(column);
		values[4] = text_array(keys, from, n);
		values[5] = text_array(old_values, from, n);
		values[6] = text_array(deleted, from, n);
		values[7] = BoolGetDatum(deleted != NULL);
		record_execute_kept(&plan,
							"INSERT INTO more.enum_change_rows (change, n, \"table\", \"column\", key, old_value, was_deleted, deleted_row) "
							"SELECT $1, $2 OPERATOR(pg_catalog.+) r.n, $3, $4, r.key::pg_catalog.jsonb, r.old_value, $8, r.deleted::pg_catalog.jsonb "
							"FROM ROWS FROM (pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7)) "
							"WITH ORDINALITY AS r (key, old_value, deleted, n)",
							8, types, values, NULL);
		change->rows_kept += n;
	}
	records_close();
	change_skip_rows(change, count - room);
}

/* --- the lock ------------------------------------------------------------------- */

static bool
take_change_lock(Oid type, LOCKMODE mode, bool session)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, type, 0, CHANGE_LOCK_CLASS);
	return LockAcquire(&tag, mode, session, true) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * lock_changes
 *		Take the type's lock for this session, without waiting: false when
 *		another session has it.
 *
 * It counts: a change may run another one within.  Every call that returned
 * true needs its unlock_changes(), on every path.
 */
bool
lock_changes(Oid type)
{
	return take_change_lock(type, ExclusiveLock, true);
}

/* Fail with what is known of the change that another session is at. */
static void
refuse_second_change(Oid type)
{
	EnumChange *change;
	Oid			types[] = {OIDOID};
	Datum		values[1];

	values[0] = ObjectIdGetDatum(type);
	change = first_change(find_changes(CHANGE_COLUMNS
									   "WHERE c.type OPERATOR(pg_catalog.=) $1 AND c.state OPERATOR(pg_catalog.=) 'running' "
									   "ORDER BY c.change DESC LIMIT 1", 1, types, values, NULL));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("another session is changing the values of type %s", format_type_be(type)),
			 change == NULL ? 0 :
			 errdetail("Change " INT64_FORMAT " (%s) is at step \"%s\".",
					   change->id, change->action, change->step ? change->step : "start"),
			 errhint("The view more.enum_progress shows what runs; try again when it is done.")));
}

/*
 * require_change_lock
 *		Take the type's lock, for the session or else up to the end of the
 *		transaction; fail with what is known of the other change.
 */
void
require_change_lock(Oid type, bool session)
{
	if (!take_change_lock(type, ExclusiveLock, session))
		refuse_second_change(type);
}

/*
 * require_no_change
 *		Fail likewise, and let no change begin up to the end of the transaction;
 *		several sessions may do so at a time.
 */
void
require_no_change(Oid type)
{
	if (!take_change_lock(type, ShareLock, false))
		refuse_second_change(type);
}

/*
 * unlock_changes
 *		Release the session's lock of the type once.
 */
void
unlock_changes(Oid type)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, type, 0, CHANGE_LOCK_CLASS);
	LockRelease(&tag, ExclusiveLock, true);
}

/* --- standing policies ------------------------------------------------------------ */

static bool
is_reserved(const char *label)
{
	return strncmp(label, RETIRED_PREFIX, strlen(RETIRED_PREFIX)) == 0 ||
		strncmp(label, MOVING_PREFIX, strlen(MOVING_PREFIX)) == 0;
}

static const char *const policies[] = {"protect", "cascade", "set_null", "set_default", "set_value", "keep"};

/* The enum types that values of a type contain, at any depth, added to a list. */
static List *
enums_within(List *enums, Oid type)
{
	Oid			base = getBaseType(type);
	Oid			part = get_element_type(base);
	Oid			relid = get_typ_typrelid(base);

	check_stack_depth();
	if (!OidIsValid(part))
		part = get_range_subtype(base);
	if (!OidIsValid(part))
		part = get_multirange_range(base);
	if (OidIsValid(part))
		return enums_within(enums, part);
	if (OidIsValid(relid))
	{
		Relation	rel = relation_open(relid, AccessShareLock);

		for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
			if (!TupleDescAttr(RelationGetDescr(rel), i)->attisdropped)
				enums = enums_within(enums, TupleDescAttr(RelationGetDescr(rel), i)->atttypid);
		relation_close(rel, AccessShareLock);
		return enums;
	}
	return type_is_enum(base) ? list_append_unique_oid(enums, base) : enums;
}

/*
 * The label that a value of one of the enums has now, unless it is a reserved
 * one; NULL if there is no such value.
 */
static char *
label_of(List *enums, Oid value)
{
	HeapTuple	tup = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	char	   *label = NULL;

	if (!HeapTupleIsValid(tup))
		return NULL;
	if (list_member_oid(enums, ((Form_pg_enum) GETSTRUCT(tup))->enumtypid))
		label = pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tup))->enumlabel));
	ReleaseSysCache(tup);
	return label && !is_reserved(label) ? label : NULL;
}

/* The table's own policy for a column; false when there is none. */
static bool
own_policy(Oid relid, AttrNumber attnum, MemoryContext context, char **policy, char **replacement)
{
	Oid			types[] = {OIDOID, INT2OID};
	Datum		values[2];
	bool		found;
	Oid			value = InvalidOid;
	char	   *label;

	records_open();
	values[0] = ObjectIdGetDatum(relid);
	values[1] = Int16GetDatum(attnum);
	record_execute("SELECT policy, replacement, value::pg_catalog.int8 FROM more.enum_policies "
				   "WHERE \"table\" OPERATOR(pg_catalog.=) $1 AND attnum OPERATOR(pg_catalog.=) $2",
				   2, types, values, NULL);
	found = SPI_processed > 0;
	if (found)
	{
		*policy = change_text(0, 1, context);
		*replacement = change_text(0, 2, context);
		value = (Oid) change_number(0, 3);
	}
	records_close();
	label = OidIsValid(value) ? label_of(enums_within(NIL, get_atttype(relid, attnum)), value) : NULL;
	if (label)
		*replacement = label;
	return found;
}

/*
 * column_policy
 *		The standing policy of a column and its replacement, or NULL.
 *
 * The replacement has the label that it has now, if it was renamed meanwhile.
 * A partition without one has its nearest ancestor's.  The results are in the
 * caller's memory context; replacement is set to NULL where there is none.
 */
const char *
column_policy(Oid relid, AttrNumber attnum, char **replacement)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *policy = NULL;
	char	   *column;
	ListCell   *lc;

	*replacement = NULL;
	if (own_policy(relid, attnum, context, &policy, replacement) || !get_rel_relispartition(relid))
		return policy;
	column = get_attname(relid, attnum, false);
	foreach(lc, get_partition_ancestors(relid))
		if (own_policy(lfirst_oid(lc), get_attnum(lfirst_oid(lc), column), context, &policy, replacement))
			break;
	return policy;
}

/* The table of a policy, locked so that its columns stay; its owner alone may. */
static Relation
open_policy_table(Oid relid)
{
	Relation	rel;

	if (get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relid)));
	if (!compat_owns_relation(relid))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
	rel = relation_open(relid, AccessShareLock);
	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel))));
	return rel;
}

/* The column of that name, whose type has to contain an enum; its enums come back. */
static AttrNumber
policy_column(Relation rel, const char *name, List **enums)
{
	AttrNumber	attnum = find_column(rel, name);
	Oid			type;

	if (!AttributeNumberIsValid(attnum))
	{
		const char *nearest = nearest_column(rel, name);

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name, RelationGetRelationName(rel)),
				 nearest ? errhint("Perhaps you meant column \"%s\".", nearest) : 0));
	}
	type = TupleDescAttr(RelationGetDescr(rel), attnum - 1)->atttypid;
	*enums = enums_within(NIL, type);
	if (*enums == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("column \"%s\" of relation \"%s\" holds no enum", name, RelationGetRelationName(rel)),
				 errdetail("Its type is %s.", format_type_be(type))));
	return attnum;
}

/* The value of one of the enums that has that label and may be used; else InvalidOid. */
static Oid
value_of(List *enums, const char *label)
{
	ListCell   *lc;

	if (strlen(label) >= NAMEDATALEN || is_reserved(label))
		return InvalidOid;
	foreach(lc, enums)
	{
		Oid			value = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid,
											ObjectIdGetDatum(lfirst_oid(lc)), CStringGetDatum(label));

		if (OidIsValid(value))
			return value;
	}
	return InvalidOid;
}

/* A policy and its replacement, checked. */
static void
check_policy(const char *policy, const char *replacement, List *enums)
{
	bool		known = false;

	for (int i = 0; i < lengthof(policies); i++)
		known |= strcmp(policy, policies[i]) == 0;
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown policy: \"%s\"", policy),
				 errhint("Policies are protect, cascade, set_null, set_default, set_value and keep.")));
	if (strcmp(policy, "set_value") == 0 && replacement == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("policy set_value needs a replacement")));
	if (strcmp(policy, "set_value") != 0 && replacement != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy %s takes no replacement", policy),
				 errhint("A replacement goes with the policy set_value.")));
	if (replacement && !OidIsValid(value_of(enums, replacement)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no label of type %s", replacement, format_type_be(linitial_oid(enums)))));
}

/* Write a column's policy; NULL takes it away, with those of tables that are gone. */
static void
write_policy(Oid relid, AttrNumber attnum, const char *column, const char *policy, const char *replacement, Oid value)
{
	Oid			types[] = {OIDOID, INT2OID, TEXTOID, TEXTOID, TEXTOID, OIDOID};
	char		nulls[] = "      ";
	Datum		values[6];

	records_open();
	values[0] = ObjectIdGetDatum(relid);
	values[1] = Int16GetDatum(attnum);
	values[2] = CStringGetTextDatum(column);
	values[3] = text_argument(policy, &nulls[3]);
	values[4] = text_argument(replacement, &nulls[4]);
	values[5] = ObjectIdGetDatum(value);
	record_execute("DELETE FROM more.enum_policies AS p WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c "
				   "WHERE c.oid OPERATOR(pg_catalog.=) p.\"table\")", 0, NULL, NULL, NULL);
	if (policy)
		record_execute("INSERT INTO more.enum_policies (\"table\", attnum, \"column\", policy, replacement, value) "
					   "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (\"table\", attnum) DO UPDATE "
					   "SET \"column\" = EXCLUDED.\"column\", policy = EXCLUDED.policy, "
					   "replacement = EXCLUDED.replacement, value = EXCLUDED.value",
					   6, types, values, nulls);
	else
		record_execute("DELETE FROM more.enum_policies "
					   "WHERE \"table\" OPERATOR(pg_catalog.=) $1 AND attnum OPERATOR(pg_catalog.=) $2",
					   2, types, values, nulls);
	records_close();
}

/*
 * enum_on_delete
 *		Set or, with a NULL policy, take away what happens to the rows of a
 *		column when a value that they hold is dropped.
 *
 * SQL arguments: "table", "column", policy, replacement.  Only the table's owner
 * may.  Locks the table as a reader does, up to the end of the transaction.
 */
Datum
enum_on_delete(PG_FUNCTION_ARGS)
{
	char	   *policy = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	char	   *replacement = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	Relation	rel;
	AttrNumber	attnum;
	List	   *enums;
	char	   *column;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"table\" and \"column\" must not be null")));
	column = text_to_cstring(PG_GETARG_TEXT_PP(1));
	rel = open_policy_table(PG_GETARG_OID(0));
	attnum = policy_column(rel, column, &enums);
	if (policy)
		check_policy(policy, replacement, enums);
	else if (replacement)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a replacement is given without a policy")));
	write_policy(RelationGetRelid(rel), attnum, column, policy, replacement,
				 replacement ? value_of(enums, replacement) : InvalidOid);
	relation_close(rel, NoLock);
	PG_RETURN_VOID();
}

/* --- restoring -------------------------------------------------------------------- */

/* The object of a name as a dump has it, or InvalidOid. */
static Oid
object_of_name(PGFunction lookup, Datum name)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = name;
	fcinfo->args[0].isnull = false;
	result = lookup(fcinfo);
	return fcinfo->isnull ? InvalidOid : DatumGetObjectId(result);
}

/* A column of the trigger's new row. */
static Datum
new_column(TriggerData *data, const char *name, bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);

	return heap_getattr(data->tg_trigtuple, SPI_fnumber(desc, name), desc, isnull);
}

/* The new row, with another value in one column. */
static void
set_new_column(TriggerData *data, HeapTuple *tuple, const char *name, Datum value, bool isnull)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	int			attnum = SPI_fnumber(desc, name);

	*tuple = heap_modify_tuple_by_cols(*tuple, desc, 1, &attnum, &value, &isnull);
}

/*
 * enum_record_restore
 *		Trigger on the tables of records, before a row is inserted.
 *
 * The rows that record_execute() inserts pass.  Others are those of a dump, in
 * which the object is 0 and named beside: it is looked up, and so is the column
 * of a policy, since columns may have other numbers now.  A row whose object is
 * not here, as it was left out of the dump, is left out.  So is one whose object
 * does not belong to the role that restores, which keeps the database's owner
 * from recording what never was done to others' objects.
 */
Datum
enum_record_restore(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	bool		of_type;
	bool		isnull;
	Oid			object;
	Datum		name;
	HeapTuple	tuple;
	int			column;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_INSERT(data->tg_event) ||
		!TRIGGER_FIRED_BEFORE(data->tg_event) || !TRIGGER_FIRED_FOR_ROW(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this function is the trigger of the records of enum changes")));
	tuple = data->tg_trigtuple;
	of_type = SPI_fnumber(RelationGetDescr(data->tg_relation), "type") > 0;
	object = DatumGetObjectId(new_column(data, of_type ? "type" : "table", &isnull));
	if (isnull || OidIsValid(object))
	{
		if (GetUserId() == data->tg_relation->rd_rel->relowner || superuser())
			return PointerGetDatum(tuple);
	}
	else
	{
		name = new_column(data, of_type ? "type_name" : "table_name", &isnull);
		object = isnull ? InvalidOid : object_of_name(of_type ? to_regtype : to_regclass, name);
		set_new_column(data, &tuple, of_type ? "type" : "table", ObjectIdGetDatum(object), false);
		if (!of_type)
			set_new_column(data, &tuple, "table_name", (Datum) 0, true);
	}
	if (!OidIsValid(object) || !(of_type ? compat_owns_type(object) : compat_owns_relation(object)))
		return PointerGetDatum(NULL);
	column = SPI_fnumber(RelationGetDescr(data->tg_relation), "attnum");
	if (column > 0)
	{
		AttrNumber	attnum = get_attnum(object, TextDatumGetCString(new_column(data, "column", &isnull)));

		if (!AttributeNumberIsValid(attnum))
			return PointerGetDatum(NULL);
		set_new_column(data, &tuple, "attnum", Int16GetDatum(attnum), false);
		name = new_column(data, "replacement", &isnull);
		set_new_column(data, &tuple, "value",
					   ObjectIdGetDatum(isnull ? InvalidOid : value_of(enums_within(NIL, get_atttype(object, attnum)), TextDatumGetCString(name))),
					   false);
	}
	return PointerGetDatum(tuple);
}
