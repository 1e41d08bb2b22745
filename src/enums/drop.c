/*
 * drop.c
 *	  Taking a value away: more.enum_drop, enum_retire and enum_purge.
 *
 * The order, and why nothing is lost in it:
 *
 * 1. Look.  Whatever can be refused is refused here: rows to be protected,
 *    expressions that cannot do without the value, columns that a policy cannot
 *    serve, other sessions' temporary tables, prepared transactions.
 * 2. Migrate the rows, in batches, each in a transaction of its own.  This only
 *    saves time later; it ends after two passes, even if others write on.
 *    Then wait for the snapshots that see the rows as they were: a dump prints
 *    the label that the value has when its row is read, and restores only with
 *    the one that the type had when it began.
 * 3. Retire: in one short transaction, stored expressions are remapped, the
 *    value is renamed to a reserved label, and all plans and caches that know
 *    it are invalidated.  No new statement can name the value now.
 * 4. Wait for every transaction that began before.  They may have the value in a
 *    parameter, a variable, a plan or a snapshot.
 * 5. Look at the rows again, and migrate those that came meanwhile; back to 4
 *    until a look finds none.  Where the value or the database was in use, that
 *    is not the first look: a transaction that began during 4 may have copied a
 *    row that its origin has lost since then, and is waited for before the next.
 *    Where rows are seen, the value gets another reserved label, since others
 *    may have read the present one there, and would write it back.
 * 6. Take the value's OID out of the indexes that hold it still, in place
 *    (index_clean.c) or by building them anew (rebuild.c), and clear the statistics
 *    and missing values that do.
 * 7. Look once more for what is cheap to look for, and delete the catalog row.
 *
 * Each step finds out from the catalogs what is left to do, so that a drop that
 * was interrupted anywhere goes on when it is called again.  Between 3 and 7
 * the type works: a row that holds the value shows its reserved label.
 *
 * enum_retire is 1 to 3 in the transaction of its caller, rows and all, and
 * enum_purge is 4 to 7 for all retired values.
 *
 * Locks: those of the statements that change rows (rows.c), of REINDEX
 * CONCURRENTLY, and in 3 those of the remapping (trees.c), and those of REFRESH.
 * Whatever would make readers or writers queue behind us gives up after 50 ms of
 * waiting for a lock, and is tried again; in the caller's transaction as well,
 * where what it holds already stays locked meanwhile.  A session-level lock of our own keeps other changes of
 * the same type away (record.c).
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "compat.h"
#include "enums/drop.h"
#include "enums/enums.h"

PG_FUNCTION_INFO_V1(enum_drop);
PG_FUNCTION_INFO_V1(enum_retire);
PG_FUNCTION_INFO_V1(enum_purge);

/* How long we wait for a lock on a table at a time, in milliseconds, and between two times. */
#define LOCK_WAIT	50
#define LOCK_PAUSE	100

/* How often, at most, snapshots are waited for before it. */
#define SNAPSHOT_ROUNDS	3

/* How many rows the first batch has, and how long one may take, in milliseconds: others wait for its rows so long. */
#define FIRST_BATCH	200
#define BATCH_TIME	20

/* What is to become of the rows of one column. */
typedef struct Task
{
	EnumColumn *column;
	EnumPolicy policy;
	char	   *replacement;
	Oid			new_oid;
	bool		standing;		/* the policy is the column's own */
	bool		computed;		/* a stored generated column */
	bool		late;			/* an expression must be remapped before its rows can change */
	int			depth;			/* of foreign keys: those that refer to none before those that they refer to */
	int			group;			/* changes in one statement with the others of that number; 0: alone */
	int64		rows;			/* that held the value at the first look */
} Task;

/* One value on its way out. */
typedef struct Drop
{
	Oid			type;
	Oid			value;
	char	   *label;			/* the one it has, or had */
	char	   *retired;		/* the reserved one that it has, or will have */
	bool		is_retired;
	char	   *on_delete;
	EnumPolicy	policy;
	char	   *replacement;
	Oid			new_oid;
	EnumChange *change;
	bool		atomic;			/* all in the caller's transaction */
	List	   *tasks;
	bool		stays;			/* rows keep it, so that the value cannot go */
	MemoryContext context;		/* of all this; outlives transactions */
	TimestampTz said;			/* when the user was told something, or the step began */
	EnumColumn *view;			/* the materialized view to be refreshed */
} Drop;

/* ------------------------------------------------------------------------ */
/* Transactions																*/
/* ------------------------------------------------------------------------ */

/* Have we pushed a snapshot?  Those of the portal around us are not ours to pop. */
static bool pushed_snapshot;

static void
with_snapshot(void)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	pushed_snapshot = true;
}

static void
without_snapshot(void)
{
	if (pushed_snapshot)
		PopActiveSnapshot();
	pushed_snapshot = false;
}

/*
 * Commit, and go on in a new transaction.  It is always READ COMMITTED: rows
 * are looked for again and again, under new snapshots.
 */
static void
next_transaction(void)
{
	without_snapshot();
	SPI_commit();
	XactIsoLevel = XACT_READ_COMMITTED;
	with_snapshot();
}

/* Step 4: false if there was nobody to wait for. */
static bool
wait_for_others(Drop *drop)
{
	bool		waited;

	change_step(drop->change, "wait", NULL);
	next_transaction();
	without_snapshot();
	waited = wait_out_transactions(drop->change, drop->type);
	XactIsoLevel = XACT_READ_COMMITTED;
	with_snapshot();
	return waited;
}

/* Record the step, for all to see, and tell the user where it takes long. */
static void
begin_step(Drop *drop, const char *step, const char *object)
{
	if (!drop->atomic && TimestampDifferenceExceeds(drop->said, GetCurrentTimestamp(), 5000))
	{
		ereport(NOTICE,
				(errmsg("change " INT64_FORMAT ": %s%s%s", drop->change->id, step, object ? " " : "", object ? object : "")));
		drop->said = GetCurrentTimestamp();
	}
	change_step(drop->change, step, object);
	if (!drop->atomic)
		next_transaction();
}

/* One attempt, in a subtransaction, at what locks tables; false if a lock could not be had. */
static bool
try_locked(Drop *drop, void (*action) (Drop *), int wait)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	bool volatile done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		int			nest = NewGUCNestLevel();

		(void) set_config_option("lock_timeout", psprintf("%d", wait), PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		PushActiveSnapshot(GetTransactionSnapshot());
		action(drop);
		PopActiveSnapshot();
		AtEOXact_GUC(true, nest);
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE &&
			(drop->atomic || error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED))
			ReThrowError(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

/* Does somebody wait for a lock that we hold? */
static bool
is_waited_for(void)
{
	bool		result;

	SPI_connect();
	SPI_execute("SELECT FROM pg_catalog.pg_locks AS l WHERE NOT l.granted AND pg_catalog.pg_backend_pid() "
				"OPERATOR(pg_catalog.=) ANY (pg_catalog.pg_blocking_pids(l.pid)) LIMIT 1", true, 1);
	result = SPI_processed > 0;
	SPI_finish();
	return result;
}

/* In the caller's transaction the locks that it has stay, and its own lock_timeout is kept. */
static void
locked_in_transaction(Drop *drop, void (*action) (Drop *))
{
	TimestampTz start = GetCurrentTimestamp();
	int			wait = LOCK_WAIT;

	while (!try_locked(drop, action, wait))
	{
		if (LockTimeout > 0 && TimestampDifferenceExceeds(start, GetCurrentTimestamp(), LockTimeout))
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("canceling statement due to lock timeout")));
		pg_usleep(LOCK_PAUSE * 1000L);
		CHECK_FOR_INTERRUPTS();
		/* they may wait for us, and we for them: then long enough for the server to find out */
		wait = is_waited_for() ? DeadlockTimeout + LOCK_WAIT : LOCK_WAIT;
	}
}

/* Do what locks tables as soon as they can be locked; commits between attempts where it can. */
static void
locked(Drop *drop, void (*action) (Drop *))
{
	if (drop->atomic)
	{
		locked_in_transaction(drop, action);
		return;
	}
	while (!try_locked(drop, action, LOCK_WAIT))
	{
		next_transaction();
		if (TimestampDifferenceExceeds(drop->said, GetCurrentTimestamp(), 5000))
		{
			ereport(NOTICE,
					(errmsg("change " INT64_FORMAT ": waiting for a moment in which the tables that have to do with the value can be locked",
							drop->change->id)));
			drop->said = GetCurrentTimestamp();
		}
		without_snapshot();
		pg_usleep(LOCK_PAUSE * 1000L);
		CHECK_FOR_INTERRUPTS();
		with_snapshot();
	}
}

/* ------------------------------------------------------------------------ */
/* Values and policies														*/
/* ------------------------------------------------------------------------ */

/*
 * is_retired_label
 *		Is it the reserved label of a value that was once called so?
 */
bool
is_retired_label(const char *retired, const char *label)
{
	const char *rest = retired + strlen(RETIRED_PREFIX);
	int			room;

	if (strncmp(retired, RETIRED_PREFIX, strlen(RETIRED_PREFIX)) != 0)
		return false;
	rest += strspn(rest, "0123456789");
	if (*rest++ != ':')
		return false;
	room = NAMEDATALEN - 1 - (rest - retired);
	return strlen(rest) == pg_mbcliplen(label, strlen(label), room) &&
		strncmp(rest, label, strlen(rest)) == 0;
}

/* The last value of the list that was retired under the label, or NULL. */
static EnumValue *
retired_value(List *values, const char *label)
{
	EnumValue  *result = NULL;
	ListCell   *cell;

	foreach(cell, values)
	{
		if (is_retired_label(((EnumValue *) lfirst(cell))->label, label))
			result = lfirst(cell);
	}
	return result;
}

/*
 * live_enum_value
 *		The value with that label that users can write; an error that names the
 *		nearest one otherwise.
 */
EnumValue *
live_enum_value(Oid type, const char *label)
{
	List	   *values = enum_values(type);
	ListCell   *cell;

	foreach(cell, values)
	{
		EnumValue  *value = lfirst(cell);

		if (!value->retired && !value->moving && strcmp(value->label, label) == 0)
			return value;
	}
	refuse_label(type, values, label);
	return NULL;				/* keep the compiler quiet */
}

/* How many values users can write. */
static int
count_live(List *values)
{
	int			result = 0;
	ListCell   *cell;

	foreach(cell, values)
		result += !((EnumValue *) lfirst(cell))->retired && !((EnumValue *) lfirst(cell))->moving;
	return result;
}

/* Find the value that the caller named: a live one, else one retired under that label. */
static void
find_value(Drop *drop)
{
	List	   *values = enum_values(drop->type);
	EnumValue  *value = enum_value(drop->type, drop->label, true);

	if (value == NULL)
		value = retired_value(values, drop->label);
	if (value == NULL)
		value = live_enum_value(drop->type, drop->label);
	if (value->moving)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("value \"%s\" is being moved", value->label),
				 errhint("Finish the change with more.enum_reorder, or undo it with more.enum_restore.")));
	drop->value = value->oid;
	drop->is_retired = value->retired;
	drop->retired = value->retired ? value->label : retired_label(drop->type, value->label);
	if (!value->retired && count_live(values) == 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("\"%s\" is the last value of enum %s", drop->label, format_type_be(drop->type)),
				 errhint("Add another value first, or drop the type.")));
}

/* The value that takes the place of the old one, for set_value; InvalidOid for other policies. */
static Oid
find_replacement(Drop *drop, EnumPolicy policy, const char *replacement)
{
	Oid			result;

	if (policy != POLICY_SET_VALUE)
	{
		if (replacement)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a replacement goes with on_delete => 'set_value' only")));
		return InvalidOid;
	}
	if (replacement == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("on_delete => 'set_value' takes a replacement")));
	result = live_enum_value(drop->type, replacement)->oid;
	if (result == drop->value)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value \"%s\" cannot replace itself", replacement)));
	return result;
}

/* What is to become of a column's rows. */
static Task *
task_of(Drop *drop, EnumColumn *column)
{
	Task	   *task = palloc0(sizeof(Task));
	const char *standing;

	task->column = column;
	task->policy = drop->policy;
	task->replacement = drop->replacement;
	task->new_oid = drop->new_oid;
	if (drop->policy == POLICY_PROTECT &&
		(standing = column_policy(column->relid, column->attnum, &task->replacement)) != NULL)
	{
		task->standing = true;
		task->policy = policy_from_text(standing);
		task->new_oid = find_replacement(drop, task->policy, task->replacement);
	}
	task->computed = get_attgenerated(column->relid, column->attnum) != '\0';
	return task;
}

/* Are values of the column computed whenever they are read? */
static bool
is_virtual(EnumColumn *column)
{
	return get_attgenerated(column->relid, column->attnum) == COMPAT_GENERATED_VIRTUAL;
}

/* The columns whose rows are ours to change. */
static List *
list_tasks(Drop *drop)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, enum_columns(drop->type, false))
	{
		EnumColumn *column = lfirst(cell);

		if (column->relkind == RELKIND_RELATION && !column->other_temp && !is_virtual(column) &&
			SearchSysCacheExists1(RELOID, ObjectIdGetDatum(column->relid)))
			result = lappend(result, task_of(drop, column));
	}
	return result;
}

/* Does the policy change rows, here? */
static bool
changes_rows(Task *task)
{
	return task->policy != POLICY_PROTECT && task->policy != POLICY_KEEP &&
		(!task->computed || task->policy == POLICY_CASCADE);
}

/* The column, qualified with its table, for messages. */
static char *
column_text(EnumColumn *column)
{
	return psprintf("%s.%s", qualified_name(column->relid), quote_identifier(column->name));
}

/* ------------------------------------------------------------------------ */
/* Foreign keys																*/
/* ------------------------------------------------------------------------ */

/* Is the task one for that column, or for it in a partition? */
static bool
is_task_of(Task *task, Oid table, const char *column)
{
	return root_table(task->column->relid) == table && strcmp(task->column->name, column) == 0;
}

/* Does a row of the referenced side hold the task's new value? */
static bool
is_referable(Drop *drop, EnumForeignKey *pair, Oid new_oid)
{
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (is_task_of(task, pair->referenced_table, pair->referenced_column) &&
			holds_any(task->column, drop->type, new_oid))
			return true;
	}
	return false;
}

/* Put the tasks of both sides in one group, joining the groups that they are in. */
static void
group_tasks(Drop *drop, EnumForeignKey *pair, int group)
{
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);
		ListCell   *inner;
		int			former = task->group;

		if (!is_task_of(task, pair->table, pair->column) &&
			!is_task_of(task, pair->referenced_table, pair->referenced_column))
			continue;
		task->group = group;
		foreach(inner, drop->tasks)
		{
			if (former != 0 && ((Task *) lfirst(inner))->group == former)
				((Task *) lfirst(inner))->group = group;
		}
	}
}

/* Do both sides get the same value, which the referenced side does not have yet? */
static bool
change_together(Drop *drop, EnumForeignKey *pair)
{
	Oid			new_oid = InvalidOid;
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (!is_task_of(task, pair->table, pair->column) &&
			!is_task_of(task, pair->referenced_table, pair->referenced_column))
			continue;
		if (task->policy != POLICY_SET_VALUE || (OidIsValid(new_oid) && new_oid != task->new_oid))
			return false;
		new_oid = task->new_oid;
	}
	return OidIsValid(new_oid) && (pair->others || !is_referable(drop, pair, new_oid));
}

/* Orders tasks by depth; else as they were. */
static int
compare_tasks(const ListCell *a, const ListCell *b)
{
	const Task *left = lfirst(a);
	const Task *right = lfirst(b);

	if (left->depth != right->depth)
		return left->depth - right->depth;
	if (left->column->relid != right->column->relid)
		return left->column->relid < right->column->relid ? -1 : 1;
	return left->column->attnum - right->column->attnum;
}

/* Order and group the tasks by the foreign keys between them. */
static void
arrange_tasks(Drop *drop)
{
	List	   *pairs = enum_foreign_keys(drop->type);
	ListCell   *cell;

	if (pairs == NIL)
		return;
	foreach(cell, pairs)
	{
		if (change_together(drop, lfirst(cell)))
			group_tasks(drop, lfirst(cell), foreach_current_index(cell) + 1);
	}
	/* keys in a circle have no order: any will do */
	for (int round = 0; round < list_length(pairs); round++)
	{
		foreach(cell, pairs)
		{
			EnumForeignKey *pair = lfirst(cell);
			int			depth = 0;
			ListCell   *inner;

			foreach(inner, drop->tasks)
			{
				if (is_task_of(lfirst(inner), pair->table, pair->column))
					depth = Max(depth, ((Task *) lfirst(inner))->depth + 1);
			}
			foreach(inner, drop->tasks)
			{
				Task	   *task = lfirst(inner);

				if (is_task_of(task, pair->referenced_table, pair->referenced_column))
				{
					task->depth = Max(task->depth, depth);
					/* others may refer to it until the value is retired */
					task->late = true;
				}
			}
		}
	}
	list_sort(drop->tasks, compare_tasks);
}

/* ------------------------------------------------------------------------ */
/* Step 1: looking															*/
/* ------------------------------------------------------------------------ */

/* The value that replaces the old one in an expression; InvalidOid if it can only go. */
static Oid
expression_replacement(Drop *drop, StoredExpression *expression)
{
	Oid			result = InvalidOid;
	ListCell   *cell;

	if (OidIsValid(drop->new_oid))
		return drop->new_oid;
	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (task->column->relid != expression->relid || task->policy != POLICY_SET_VALUE)
			continue;
		if (OidIsValid(result) && result != task->new_oid)
			return InvalidOid;
		result = task->new_oid;
	}
	return result;
}

/* Why the expression is in the way of the drop, or NULL. */
static const char *
obstacle(Drop *drop, StoredExpression *expression)
{
	if (drop->policy != POLICY_KEEP)
		return expression_obstacle(expression, drop->type, drop->value,
								   expression_replacement(drop, expression), false);
	/* what only compares may go on doing so, but nothing may write the value */
	if (strcmp(expression->kind, "partition") == 0)
		return "its bound is the value";
	if (strcmp(expression->kind, "default") == 0 || strcmp(expression->kind, "stored column") == 0 ||
		(expression->classid == TypeRelationId && !OidIsValid(expression->relid)))
		return "rows that are written would get the value";
	return NULL;
}

/* The stored expressions that name the value. */
static List *
naming_expressions(Drop *drop)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, enum_expressions(drop->type, false))
	{
		if (list_member_oid(((StoredExpression *) lfirst(cell))->values, drop->value))
			result = lappend(result, lfirst(cell));
	}
	return result;
}

/* The expressions that cannot do without the value, a line for each; NULL if there are none. */
static char *
list_obstacles(Drop *drop)
{
	StringInfoData detail;
	ListCell   *cell;

	initStringInfo(&detail);
	foreach(cell, naming_expressions(drop))
	{
		StoredExpression *expression = lfirst(cell);
		const char *why = obstacle(drop, expression);

		if (why)
			appendStringInfo(&detail, "%s%s: %s", detail.len ? "\n" : "", expression->description, why);
	}
	return detail.len ? detail.data : NULL;
}

/* Refuse, where expressions cannot do without the value, naming all of them. */
static void
require_no_obstacle(Drop *drop)
{
	char	   *obstacles = list_obstacles(drop);

	if (obstacles)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop value \"%s\" of enum %s because other objects name it", drop->label,
						format_type_be(drop->type)),
				 errdetail_internal("%s", obstacles),
				 OidIsValid(drop->new_oid) ? errhint("Change these objects first.")
				 : errhint("Change these objects first, or give a replacement that takes the value's place in them.")));
}

/* Warn of objects that have the label in a text, of which nobody can tell what it means. */
static void
warn_of_mentions(const char *message, Drop *drop, List *descriptions)
{
	StringInfoData detail;
	ListCell   *cell;

	initStringInfo(&detail);
	foreach(cell, descriptions)
		appendStringInfo(&detail, "%s%s", detail.len ? "\n" : "", (char *) lfirst(cell));
	if (detail.len)
		ereport(WARNING,
				(errmsg(message, drop->label),
				 errdetail_internal("%s", detail.data)));
}

/* Refuse, or warn of, relations whose rows are out of reach; of what may go on, only the first time. */
static void
look_at_unreachable(Drop *drop, bool first)
{
	ListCell   *cell;

	foreach(cell, enum_columns(drop->type, false))
	{
		EnumColumn *column = lfirst(cell);

		if (column->relkind == RELKIND_FOREIGN_TABLE && first)
			ereport(WARNING,
					(errmsg("the rows of foreign table %s are left as they are", qualified_name(column->relid)),
					 errdetail("Column \"%s\" uses enum %s.", column->name, format_type_be(drop->type))));
		/* a later step refreshes what the owner may; whoever may not read it should know now */
		if (column->relkind == RELKIND_MATVIEW && first && drop->policy != POLICY_KEEP &&
			holds_any(column, drop->type, drop->value) && (drop->atomic || !compat_owns_relation(column->relid)))
			ereport(NOTICE,
					(errmsg("materialized view %s holds value \"%s\"", qualified_name(column->relid), drop->label),
					 errhint("REFRESH it when its tables no longer do.")));
		if (column->other_temp && !drop->atomic && drop->policy != POLICY_KEEP)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("a temporary table of another session uses enum %s", format_type_be(drop->type)),
					 errdetail("Table %s cannot be looked into.", qualified_name(column->relid)),
					 errhint("Try again when that session has ended or has dropped its table.")));
	}
}

/* Refuse where a prepared transaction may have written rows that nobody sees yet. */
static void
require_no_prepared(Drop *drop)
{
	Oid			types[] = {OIDARRAYOID};
	List	   *relids = NIL;
	ListCell   *cell;
	Datum	   *oids;
	Datum		values[1];

	foreach(cell, enum_columns(drop->type, false))
		relids = list_append_unique_oid(relids, ((EnumColumn *) lfirst(cell))->relid);
	oids = palloc(sizeof(Datum) * Max(list_length(relids), 1));
	foreach(cell, relids)
		oids[foreach_current_index(cell)] = ObjectIdGetDatum(lfirst_oid(cell));
	values[0] = PointerGetDatum(construct_array(oids, list_length(relids), OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	SPI_connect();
	/* a prepared transaction is nobody's process, and goes by the virtual one that it was, or none */
	if (SPI_execute_with_args("SELECT p.gid, l.relation::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_prepared_xacts AS p "
							  "JOIN pg_catalog.pg_locks AS x ON x.transactionid OPERATOR(pg_catalog.=) p.transaction AND x.pid IS NULL "
							  "JOIN pg_catalog.pg_locks AS l ON l.virtualtransaction OPERATOR(pg_catalog.=) x.virtualtransaction AND l.pid IS NULL "
							  "WHERE p.database OPERATOR(pg_catalog.=) pg_catalog.current_database() "
							  "AND l.relation OPERATOR(pg_catalog.=) ANY ($1) ORDER BY 1, 2 LIMIT 1",
							  1, types, values, NULL, false, 1) == SPI_OK_SELECT && SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("a prepared transaction uses a table with enum %s", format_type_be(drop->type)),
				 errdetail("Transaction \"%s\" has locked table %s.",
						   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1),
						   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2)),
				 errhint("Commit it or roll it back first.")));
	SPI_finish();
}

/* Refuse because rows hold the value that is to be protected. */
static void
refuse_protected(Drop *drop, List *protected)
{
	StringInfoData detail;
	ListCell   *cell;

	initStringInfo(&detail);
	foreach(cell, protected)
	{
		Task	   *task = lfirst(cell);

		if (foreach_current_index(cell) == 100)
		{
			appendStringInfo(&detail, "\nand %d other columns", list_length(protected) - 100);
			break;
		}
		appendStringInfo(&detail, "%scolumn %s: %lld %s", detail.len ? "\n" : "", column_text(task->column),
						 (long long) task->rows, task->rows == 1 ? "row" : "rows");
	}
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop value \"%s\" of enum %s because rows hold it", drop->label, format_type_be(drop->type)),
			 errdetail_internal("%s", detail.data),
			 errhint("Say with on_delete what becomes of them: cascade, set_null, set_default, set_value with a replacement, or keep.")));
}

/* Count rows, and refuse what a policy cannot serve. */
static void
look_at_rows(Drop *drop)
{
	List	   *protected = NIL;
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (changes_rows(task))
			require_policy(task->column, drop->type, drop->value, task->policy);
		/* rows that are kept need not be counted */
		if (task->policy != POLICY_KEEP)
			task->rows = count_rows(task->column, drop->type, drop->value);
		if (task->policy == POLICY_PROTECT && task->rows > 0)
			protected = lappend(protected, task);
	}
	if (protected)
		refuse_protected(drop, protected);
}

/* Could the expression refuse a row for its new value, until it is remapped? */
static bool
admits_rows(StoredExpression *expression)
{
	return strcmp(expression->kind, "check") == 0 || strcmp(expression->kind, "partition") == 0 ||
		strcmp(expression->kind, "domain") == 0;
}

/*
 * Mark the tasks whose rows can only change once expressions have been remapped.
 * Until then they read as the reserved label, to triggers too: no others, then.
 */
static void
mark_late(Drop *drop)
{
	ListCell   *cell;

	foreach(cell, naming_expressions(drop))
	{
		StoredExpression *expression = lfirst(cell);
		ListCell   *inner;

		if (!admits_rows(expression))
			continue;
		foreach(inner, drop->tasks)
		{
			Task	   *task = lfirst(inner);

			/* nulls are admitted as well before, and rows that go as well */
			if (task->policy != POLICY_SET_VALUE && task->policy != POLICY_SET_DEFAULT)
				continue;
			if (expression->relid == task->column->relid ||
				(!OidIsValid(expression->relid) && task->column->type != drop->type))
				task->late = true;
		}
	}
}

/* The place of a task among all; a group goes with its first column. */
static int
place_of(Drop *drop, Task *task)
{
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		if (lfirst(cell) == task || (task->group != 0 && ((Task *) lfirst(cell))->group == task->group))
			return foreach_current_index(cell);
	}
	return 0;
}

/* The changes of rows that the tasks make, in the order in which they make them. */
static List *
list_changes(Drop *drop)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);
		RowChange  *change;
		StoredExpression expression = {.relid = task->column->relid};

		if (!changes_rows(task) || task->rows == 0)
			continue;
		change = palloc0(sizeof(RowChange));
		change->column = task->column;
		change->policy = task->policy;
		change->new_oid = task->new_oid;
		change->remapped = drop->atomic || task->late || task->group != 0;
		change->remap = expression_replacement(drop, &expression);
		change->step = place_of(drop, task) + (change->remapped ? list_length(drop->tasks) : 0);
		result = lappend(result, change);
	}
	return result;
}

/* Refuse, or warn of, what the changes of rows would violate, all of it at once. */
static void
require_no_violation(Drop *drop)
{
	StringInfoData details[2];
	int			code = 0;
	ListCell   *cell;

	initStringInfo(&details[false]);
	initStringInfo(&details[true]);
	foreach(cell, foresee_violations(drop->type, drop->value, list_changes(drop)))
	{
		Violation  *violation = lfirst(cell);
		StringInfo	detail = &details[violation->perhaps];

		appendStringInfo(detail, "%s%s", detail->len ? "\n" : "", violation->text);
		if (!violation->perhaps)
			code = code == 0 || code == violation->sqlerrcode ? violation->sqlerrcode : ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
	}
	if (details[true].len)
		ereport(WARNING,
				(errmsg("rows that hold value \"%s\" would violate constraints when they change, unless triggers prevent it",
						drop->label),
				 errdetail_internal("%s", details[true].data)));
	if (details[false].len)
		ereport(ERROR,
				(errcode(code),
				 errmsg("cannot drop value \"%s\" of enum %s because its rows would violate constraints when they change",
						drop->label, format_type_be(drop->type)),
				 errdetail_internal("%s", details[false].data),
				 errhint("Change these rows or constraints first, or choose a policy for each column with more.enum_on_delete and leave on_delete out.")));
}

/*
 * Refuse what the server would refuse in the middle: rows of tables passed
 * before would have changed by then.  In one transaction nothing is left of that.
 */
static void
require_changes(Drop *drop)
{
	ListCell   *cell;

	foreach(cell, drop->atomic ? NIL : drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (changes_rows(task) && task->rows > 0)
			require_changeable(task->column, drop->type, drop->value, task->policy, task->new_oid, !task->late);
	}
	require_no_violation(drop);
}

/* Step 1. */
static void
look(Drop *drop)
{
	look_at_unreachable(drop, true);
	if (!drop->atomic && drop->policy != POLICY_KEEP)
		require_no_prepared(drop);
	drop->tasks = list_tasks(drop);
	require_no_obstacle(drop);
	look_at_rows(drop);
	arrange_tasks(drop);
	mark_late(drop);
	require_changes(drop);
	if (!drop->is_retired)
	{
		warn_of_mentions("functions mention \"%s\" in their text, and may mean the value", drop, functions_mentioning(drop->label));
		warn_of_mentions("triggers have \"%s\" as an argument, and may mean the value", drop, triggers_mentioning(drop->label));
	}
}

/* A drop that is only looked at. */
static Drop *
drop_to_look_at(Oid type, EnumValue *value, const char *on_delete, Oid replacement)
{
	Drop	   *drop = palloc0(sizeof(Drop));

	drop->type = type;
	drop->value = value->oid;
	drop->label = value->label;
	drop->policy = policy_from_text(on_delete);
	drop->new_oid = replacement;
	drop->tasks = list_tasks(drop);
	return drop;
}

/*
 * look_at_drop
 *		Raise the error that more.enum_drop of a live value would raise at once:
 *		for rows that hold it, for columns that the policy cannot serve, for
 *		expressions that name it.  Writes nothing.
 *
 * replacement goes with the policy set_value, and is InvalidOid otherwise.
 */
void
look_at_drop(Oid type, EnumValue *value, const char *on_delete, Oid replacement)
{
	Drop	   *drop = drop_to_look_at(type, value, on_delete, replacement);
	ListCell   *cell;

	require_no_obstacle(drop);
	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (changes_rows(task))
			require_policy(task->column, type, value->oid, task->policy);
		if (task->policy == POLICY_PROTECT && holds_any(task->column, type, value->oid))
			look_at_rows(drop);
	}
}

/*
 * drop_obstacles
 *		The expressions that would be in the way of the drop, a line for each,
 *		palloc'd; NULL if there are none.  Arguments as for look_at_drop().
 */
char *
drop_obstacles(Oid type, EnumValue *value, const char *on_delete, Oid replacement)
{
	return list_obstacles(drop_to_look_at(type, value, on_delete, replacement));
}

/* ------------------------------------------------------------------------ */
/* The record																*/
/* ------------------------------------------------------------------------ */

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
		add_json(&json, "column", column_text(task->column));
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
static void
rewrite_arguments(Drop *drop)
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
static void
begin_record(Drop *drop, const char *action)
{
	ListCell   *cell;
	int64		rows = 0;

	foreach(cell, drop->tasks)
	{
		if (changes_rows(lfirst(cell)))
			rows += ((Task *) lfirst(cell))->rows;
	}
	if (drop->change)
	{
		change_end(drop->change, "running");
		rewrite_arguments(drop);
	}
	else
		drop->change = change_start(drop->type, action, arguments_json(drop));
	change_rows(drop->change, drop->change->rows_done, drop->change->rows_done + rows);
}

/* ------------------------------------------------------------------------ */
/* Steps 2 and 5: the rows													*/
/* ------------------------------------------------------------------------ */

/* How many rows the next batch shall have, after one that took from then on until now. */
static int64
next_batch(int64 limit, TimestampTz began)
{
	long		took = TimestampDifferenceMilliseconds(began, GetCurrentTimestamp());

	if (took > BATCH_TIME)
		return Max(limit / 2, 1);
	return took < BATCH_TIME / 2 ? Min(limit * 2, enum_batch) : limit;
}

/* Change the rows of one column, up to a number of passes; 0: until none is left. */
static int64
migrate_column(Drop *drop, Task *task, int passes)
{
	RowWalk		walk = {0};
	EnumChange *change = drop->change;
	MemoryContext context = AllocSetContextCreate(drop->context, "pg_more rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int64		changed = 0;
	int64		limit = drop->atomic ? enum_batch : Min(FIRST_BATCH, enum_batch);
	bool		more = true;

	walk.context = context;
	walk.once = passes > 0;
	begin_step(drop, drop->is_retired ? "look again" : "migrate", column_text(task->column));
	while (more && (passes == 0 || walk.passes < passes))
	{
		TimestampTz began = GetCurrentTimestamp();
		int64		rows;

		/* what a crash undoes is done again: only the last step must be durable at once */
		if (!drop->atomic)
			(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
									 GUC_ACTION_LOCAL, true, 0, false);
		rows = migrate_batch(change, task->column, drop->type, drop->value, task->policy, task->new_oid,
							 &walk, limit, &more);
		changed += rows;
		if (rows > 0)
			change_rows(change, change->rows_done + rows, Max(change->rows_total, change->rows_done + rows));
		if (rows > 0 && !drop->atomic)
		{
			if (TimestampDifferenceExceeds(drop->said, GetCurrentTimestamp(), 5000))
			{
				ereport(NOTICE,
						(errmsg("change " INT64_FORMAT ": %lld of %lld rows", change->id,
								(long long) change->rows_done, (long long) change->rows_total)));
				drop->said = GetCurrentTimestamp();
			}
			next_transaction();
			limit = next_batch(limit, began);
		}
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return changed;
}

/* Change the rows of all columns of a group at once. */
static int64
migrate_group(Drop *drop, int group, Oid new_oid)
{
	List	   *columns = NIL;
	ListCell   *cell;
	int64		changed;

	foreach(cell, drop->tasks)
	{
		if (((Task *) lfirst(cell))->group == group)
			columns = lappend(columns, ((Task *) lfirst(cell))->column);
	}
	begin_step(drop, "migrate", column_text(linitial(columns)));
	changed = migrate_together(drop->change, columns, drop->type, drop->value, new_oid);
	change_rows(drop->change, drop->change->rows_done + changed,
				Max(drop->change->rows_total, drop->change->rows_done + changed));
	if (!drop->atomic)
		next_transaction();
	return changed;
}

/* Change what rows of one column are left, alone or with its group. */
static int64
migrate_rest(Drop *drop, Task *task)
{
	if (task->group != 0)
		return migrate_group(drop, task->group, task->new_oid);
	return migrate_column(drop, task, 0);
}

/* Step 2. */
static void
migrate_early(Drop *drop)
{
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (changes_rows(task) && !task->late && task->group == 0 && task->rows > 0)
			migrate_column(drop, task, 2);
	}
}

/* Has the view an index by which it can be refreshed while it is read? */
static bool
refreshes_concurrently(Oid relid)
{
	Relation	rel = RelationIdGetRelation(relid);
	bool		others;
	bool		result = rel && unique_keys(rel, &others) != NIL;

	if (rel)
		RelationClose(rel);
	return result;
}

/* Refresh it; whoever reads or refreshes it is not waited for. */
static void
refresh(Drop *drop)
{
	Oid			relid = drop->view->relid;
	int			code;

	SPI_connect();
	code = SPI_execute(psprintf("REFRESH MATERIALIZED VIEW %s%s", refreshes_concurrently(relid) ? "CONCURRENTLY " : "",
								qualified_name(relid)), false, 0);
	if (code != SPI_OK_UTILITY)
		elog(ERROR, "could not refresh a materialized view: %s", SPI_result_code_string(code));
	SPI_finish();
}

/* Refresh a materialized view that holds the value, or say who has to. */
static void
refresh_view(Drop *drop, EnumColumn *column)
{
	char	   *name = qualified_name(column->relid);

	if (!compat_owns_relation(column->relid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("materialized view %s holds value \"%s\"", name, drop->label),
				 errhint("Have its owner REFRESH it, and call this again.")));
	begin_step(drop, "refresh", name);
	if (!refreshes_concurrently(column->relid))
		ereport(NOTICE,
				(errmsg("materialized view %s cannot be read while it is refreshed", name),
				 errdetail("It has no unique index.")));
	drop->view = column;
	locked(drop, refresh);
	if (!drop->atomic)
		next_transaction();
}

/* The materialized views, which show what the tables held; true if any was refreshed. */
static bool
refresh_views(Drop *drop)
{
	List	   *columns = enum_columns(drop->type, false);
	bool		any = false;

	/* a view over another one takes a second round, and so on */
	for (int round = 0; round <= list_length(columns); round++)
	{
		ListCell   *cell;
		EnumColumn *left = NULL;

		foreach(cell, columns)
		{
			EnumColumn *column = lfirst(cell);

			if (column->relkind != RELKIND_MATVIEW || !holds_any(column, drop->type, drop->value))
				continue;
			left = column;
			refresh_view(drop, column);
			any = true;
		}
		if (left == NULL)
			return any;
		if (round == list_length(columns))
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("materialized view %s holds value \"%s\" after it was refreshed", qualified_name(left->relid), drop->label),
					 errhint("Its query makes the value; change it.")));
	}
	return any;
}

/* Rows that hold a protected value have come since the first look: give the label back. */
static void
give_back(Drop *drop, List *protected)
{
	ListCell   *cell;

	foreach(cell, protected)
		((Task *) lfirst(cell))->rows = count_rows(((Task *) lfirst(cell))->column, drop->type, drop->value);
	if (strcmp(drop->label, drop->retired) != 0 && enum_value(drop->type, drop->label, true) == NULL)
	{
		rename_enum_value(drop->type, drop->retired, drop->label);
		invalidate_users(drop->type);
	}
	change_end(drop->change, "failed");
	next_transaction();
	refuse_protected(drop, protected);
}

/* A generated column goes on giving the value. */
static void
refuse_computed(Drop *drop, Task *task)
{
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("generated column %s still holds value \"%s\"", column_text(task->column), drop->label),
			 errhint("Change what it is computed from, and call this again.")));
}

/* Step 5: true if rows were found that are not to stay. */
static bool
look_again(Drop *drop)
{
	MemoryContext old = MemoryContextSwitchTo(drop->context);
	List	   *protected = NIL;
	List	   *computed = NIL;
	bool		found = false;
	ListCell   *cell;

	look_at_unreachable(drop, false);
	drop->tasks = list_tasks(drop);
	arrange_tasks(drop);
	MemoryContextSwitchTo(old);
	drop->stays = false;
	begin_step(drop, "look again", NULL);
	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (!holds_any(task->column, drop->type, drop->value))
			continue;
		if (task->policy == POLICY_PROTECT)
			protected = lappend(protected, task);
		else if (task->policy == POLICY_KEEP)
			drop->stays = true;
		else if (!changes_rows(task))
			computed = lappend(computed, task);
		else
		{
			/* also where the rows are gone by then: whoever took them may have put them where we looked before */
			found = true;
			migrate_rest(drop, task);
		}
	}
	if (protected)
		give_back(drop, protected);
	foreach(cell, computed)
	{
		if (holds_any(((Task *) lfirst(cell))->column, drop->type, drop->value))
			refuse_computed(drop, lfirst(cell));
	}
	found |= refresh_views(drop);
	return found;
}

/*
 * Another reserved label, with a number that the type has not had for the value:
 * what others have read of it, and would write in transactions that are yet to
 * begin, is no value any more.
 */
static void
relabel(Drop *drop)
{
	MemoryContext old = MemoryContextSwitchTo(drop->context);
	char	   *former = drop->retired;

	drop->retired = next_retired_label(drop->type, former, drop->label);
	MemoryContextSwitchTo(old);
	rename_enum_value(drop->type, former, drop->retired);
	invalidate_users(drop->type);
	rewrite_arguments(drop);
	next_transaction();
}

/*
 * Take the entries of the rows that were changed out of the indexes, where that is
 * quickly done: the look at the rows would come upon each of them.
 */
static void
clean_all_entries(Drop *drop)
{
	ListCell   *cell;

	foreach(cell, enum_indexes(drop->type))
	{
		clean_entries(lfirst_oid(cell), drop->type, drop->value);
		next_transaction();
	}
}

/* Steps 4 and 5; the last look finds nothing, and is the first one only where nothing else went on. */
static void
wait_and_look(Drop *drop)
{
	bool		in_use = drop->change->rows_total > 0;
	bool		found;
	int			looks = 0;

	do
	{
		in_use |= wait_for_others(drop);
		if (looks == 0 && drop->change->rows_done > 0)
			clean_all_entries(drop);
		found = look_again(drop);
		if (found && !drop->stays)
			relabel(drop);
		looks++;
	} while (found || (in_use && looks < 2));
}

/* ------------------------------------------------------------------------ */
/* Step 3: retiring															*/
/* ------------------------------------------------------------------------ */

/* Expressions, label and plans, in the current transaction. */
static void
remap_expressions(Drop *drop)
{
	ListCell   *cell;

	if (drop->policy == POLICY_KEEP)
		return;
	foreach(cell, naming_expressions(drop))
		remap_expression(lfirst(cell), drop->type, drop->value, expression_replacement(drop, lfirst(cell)), false);
}

static void
retire_label(Drop *drop)
{
	if (!drop->is_retired)
		rename_enum_value(drop->type, drop->label, drop->retired);
	invalidate_users(drop->type);
}

/* What is done in one transaction. */
static void
retire_value(Drop *drop)
{
	require_no_obstacle(drop);
	remap_expressions(drop);
	retire_label(drop);
}

/* Does any row hold the value?  Notes the columns where some do that did not. */
static bool
any_row_holds(Drop *drop)
{
	bool		result = false;
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (!holds_any(task->column, drop->type, drop->value))
			continue;
		task->rows = Max(task->rows, 1);
		result = true;
	}
	return result;
}

/*
 * Wait for the snapshots that see rows that held the value, which is to have
 * another label.  Where that takes long, others may have written such rows and
 * taken snapshots meanwhile, so it is done again, a few times; likewise for rows
 * that cannot change before the label does.
 */
static void
wait_for_snapshots(Drop *drop)
{
	begin_step(drop, "retire", drop->label);
	for (int round = 0; round < SNAPSHOT_ROUNDS; round++)
	{
		bool		again;

		without_snapshot();
		again = wait_out_snapshots(drop->change, drop->type);
		XactIsoLevel = XACT_READ_COMMITTED;
		with_snapshot();
		if (!again || !any_row_holds(drop))
			break;
		if (drop->policy != POLICY_KEEP)
			migrate_early(drop);
	}
	/* rows are kept only where the value stays: no reason to cancel anything */
	if (drop->policy != POLICY_KEEP)
		cancel_on_standbys();
	next_transaction();
}

/* Step 3. */
static void
retire(Drop *drop)
{
	begin_step(drop, "retire", drop->label);
	locked(drop, retire_value);
	drop->is_retired = true;
	change_step(drop->change, "retired", NULL);
	next_transaction();
}

/* ------------------------------------------------------------------------ */
/* Steps 6 and 7															*/
/* ------------------------------------------------------------------------ */

/* Step 6. */
static void
clear_holders(Drop *drop)
{
	for (int round = 0;; round++)
	{
		MemoryContext old = MemoryContextSwitchTo(drop->context);
		List	   *indexes;
		ListCell   *cell;
		bool		cleaned;

		begin_step(drop, "indexes", NULL);
		indexes = indexes_holding(drop->type, drop->value, round > 0);
		MemoryContextSwitchTo(old);
		if (indexes == NIL)
			break;
		/* what was rebuilt under a snapshot that saw the rows has them still, and rows may not have been dead to all */
		if (round > 0)
			(void) wait_for_others(drop);
		if (round == 10)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("index %s holds value \"%s\" after it was rebuilt", qualified_name(linitial_oid(indexes)), drop->label)));
		foreach(cell, indexes)
		{
			if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(lfirst_oid(cell))))
				continue;
			if (round == 0)
			{
				begin_step(drop, "clean index", qualified_name(lfirst_oid(cell)));
				cleaned = clean_index(lfirst_oid(cell), drop->type, drop->value);
				next_transaction();
				if (cleaned)
					continue;
			}
			begin_step(drop, "rebuild index", qualified_name(lfirst_oid(cell)));
			without_snapshot();
			rebuild_index(lfirst_oid(cell));
			next_transaction();
		}
	}
	begin_step(drop, "statistics", NULL);
	clear_statistics(drop->type, drop->value);
	next_transaction();
	clear_missing(drop->type, drop->value);
	next_transaction();
}

/* Is each of the columns among those whose rows were looked at? */
static bool
all_looked_at(Drop *drop, List *tasks)
{
	ListCell   *cell;

	foreach(cell, tasks)
	{
		EnumColumn *column = ((Task *) lfirst(cell))->column;
		ListCell   *inner;
		bool		found = false;

		foreach(inner, drop->tasks)
		{
			EnumColumn *known = ((Task *) lfirst(inner))->column;

			found |= known->relid == column->relid && known->attnum == column->attnum && known->type == column->type;
		}
		if (!found)
			return false;
	}
	return true;
}

/* Step 7: false if there is something to do before. */
static bool
delete_value(Drop *drop)
{
	begin_step(drop, "delete", NULL);
	LockDatabaseObject(TypeRelationId, drop->type, 0, ExclusiveLock);
	if (!all_looked_at(drop, list_tasks(drop)) || statistics_holding(drop->type, drop->value) != NIL ||
		missing_holds(drop->type, drop->value) || naming_expressions(drop) != NIL)
		return false;
	delete_enum_value(drop->type, drop->value);
	change_end(drop->change, "done");
	next_transaction();
	return true;
}

/* Steps 4 to 7.  The value stays where rows are to keep it. */
static void
finish(Drop *drop)
{
	for (;;)
	{
		/* where rows were to keep the value, expressions kept it, too; and objects may have come with it */
		if (naming_expressions(drop) != NIL)
			retire(drop);
		wait_and_look(drop);
		without_snapshot();
		settle_expressions(drop->type, false);
		next_transaction();
		if (drop->stays)
		{
			change_end(drop->change, "retired");
			next_transaction();
			return;
		}
		clear_holders(drop);
		if (delete_value(drop))
			break;
		next_transaction();
	}
	without_snapshot();
	settle_expressions(drop->type, false);
	next_transaction();
}

/* ------------------------------------------------------------------------ */
/* The functions															*/
/* ------------------------------------------------------------------------ */

/* A text argument; NULL where it is null. */
static char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* An error for arguments that must not be null. */
static void
require_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/*
 * require_no_block
 *		An error if a procedure has been called where it cannot commit.
 */
void
require_no_block(FunctionCallInfo fcinfo, const char *procedure, const char *hint)
{
	CallContext *context = fcinfo->context && IsA(fcinfo->context, CallContext) ? (CallContext *) fcinfo->context : NULL;

	if (context == NULL || context->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("%s cannot run inside a transaction block", procedure),
				 errdetail("It commits after each of its steps."),
				 hint ? errhint("%s", hint) : 0));
}

/* A drop of the value that the arguments name: all that can be known before the type is locked. */
static Drop *
drop_of_arguments(FunctionCallInfo fcinfo, bool atomic)
{
	Drop	   *drop = palloc0(sizeof(Drop));

	require_argument(fcinfo, 0, "type");
	require_argument(fcinfo, 1, "label");
	drop->context = CurrentMemoryContext;
	drop->type = PG_GETARG_OID(0);
	drop->label = text_argument(fcinfo, 1);
	drop->on_delete = text_argument(fcinfo, 2);
	drop->policy = policy_from_text(drop->on_delete);
	drop->replacement = text_argument(fcinfo, 3);
	drop->atomic = atomic;
	drop->said = GetCurrentTimestamp();
	require_enum_owner(drop->type);
	return drop;
}

/*
 * Find value, record and policy.  A drop that was interrupted goes on under the
 * policy that it began with, unless the call says otherwise.
 */
static void
prepare(Drop *drop)
{
	char	   *policy;

	find_value(drop);
	drop->change = change_of_value(drop->type, drop->retired, drop->is_retired ? "{running,failed,retired}" : "{running,failed}");
	if (drop->change && drop->policy == POLICY_PROTECT && drop->replacement == NULL &&
		strcmp(drop->change->state, "running") == 0 &&
		(policy = change_argument(drop->change, "on_delete")) != NULL)
	{
		drop->on_delete = policy;
		drop->policy = policy_from_text(policy);
		drop->replacement = change_argument(drop->change, "replacement");
	}
	if (drop->change)
		drop->label = change_argument(drop->change, "label");
	drop->new_oid = find_replacement(drop, drop->policy, drop->replacement);
}

/* All steps, in transactions of their own. */
static void
drop_online(Drop *drop)
{
	pushed_snapshot = false;
	next_transaction();
	prepare(drop);
	look(drop);
	begin_record(drop, "drop");
	next_transaction();
	if (drop->policy != POLICY_KEEP)
		migrate_early(drop);
	if (!drop->is_retired)
	{
		wait_for_snapshots(drop);
		retire(drop);
	}
	if (drop->policy == POLICY_KEEP)
	{
		change_end(drop->change, "retired");
		next_transaction();
	}
	else
		finish(drop);
	without_snapshot();
}

/*
 * Raise the error at hand again.  Where it came in the middle of what is done in
 * several transactions, it says what there is to do.
 */
static void
rethrow(Drop *drop)
{
	ErrorData  *error;

	MemoryContextSwitchTo(drop->context);
	error = CopyErrorData();
	FlushErrorState();
	if (error->hint == NULL && drop->change && (drop->change->rows_done > 0 || drop->is_retired))
		error->hint = psprintf("The change has begun. Call the same again to go on, or take it back with more.enum_restore(%s, %s).",
							   quote_literal_cstr(enum_type_sql(drop->type)), quote_literal_cstr(drop->label));
	ReThrowError(error);
}

/*
 * drop_retired
 *		Remove a value that was retired under the label, rows and all.
 *
 * For procedures, in a call that is not atomic and holds the change's lock,
 * connected to SPI once, without a snapshot; commits.  context outlives that.
 */
void
drop_retired(Oid type, const char *label, const char *on_delete, const char *replacement, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Drop	   *drop = palloc0(sizeof(Drop));

	drop->context = context;
	drop->type = type;
	drop->label = pstrdup(label);
	drop->on_delete = pstrdup(on_delete);
	drop->policy = policy_from_text(on_delete);
	drop->replacement = replacement ? pstrdup(replacement) : NULL;
	drop->said = GetCurrentTimestamp();
	drop_online(drop);
	MemoryContextSwitchTo(old);
}

/*
 * CALL more.enum_drop(type regtype, label text, on_delete text DEFAULT 'protect',
 *					   replacement text DEFAULT NULL)
 *
 * Only where it can commit: 2D000 otherwise.
 */
Datum
enum_drop(PG_FUNCTION_ARGS)
{
	Drop	   *drop;

	require_no_block(fcinfo, "more.enum_drop",
					 "more.enum_retire does as much of it as one transaction can; more.enum_purge does the rest later.");
	require_direct_call("more.enum_drop");
	drop = drop_of_arguments(fcinfo, false);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(drop->context);
	require_change_lock(drop->type, true);
	PG_TRY();
	{
		drop_online(drop);
	}
	PG_CATCH();
	{
		unlock_changes(drop->type);
		rethrow(drop);
	}
	PG_END_TRY();
	unlock_changes(drop->type);
	SPI_finish();
	PG_RETURN_VOID();
}

/* What remapped expressions left undone, in the caller's transaction. */
static void
settle(Drop *drop)
{
	settle_expressions(drop->type, true);
}

/*
 * more.enum_retire(type regtype, label text, on_delete text DEFAULT 'protect',
 *					replacement text DEFAULT NULL) RETURNS bigint
 *
 * Steps 1 to 3 in the caller's transaction; returns the change's number.
 */
Datum
enum_retire(PG_FUNCTION_ARGS)
{
	Drop	   *drop = drop_of_arguments(fcinfo, true);
	ListCell   *cell;

	require_change_lock(drop->type, false);
	prepare(drop);
	if (drop->is_retired)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("value \"%s\" of enum %s is retired already", drop->label, format_type_be(drop->type)),
				 errhint("more.enum_purge removes it, more.enum_restore brings it back.")));
	look(drop);
	begin_record(drop, "retire");
	locked(drop, remap_expressions);
	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		/* the first of a group has changed the others, too */
		if (changes_rows(task) && task->rows > 0 && (task->group == 0 || holds_any(task->column, drop->type, drop->value)))
			migrate_rest(drop, task);
	}
	if (drop->policy != POLICY_KEEP)
		locked(drop, settle);
	retire_label(drop);
	change_step(drop->change, "retired", NULL);
	change_end(drop->change, "retired");
	PG_RETURN_INT64(drop->change->id);
}

/* Is there a value of that label that can be used? */
static bool
is_live(Oid type, const char *label)
{
	EnumValue  *value = enum_value(type, label, true);

	return value && !value->retired && !value->moving;
}

/* What is known of a value that was retired. */
static Drop *
drop_of_retired(Oid type, EnumValue *value, MemoryContext context)
{
	Drop	   *drop = palloc0(sizeof(Drop));

	drop->context = context;
	drop->type = type;
	drop->value = value->oid;
	drop->label = drop->retired = value->label;
	drop->is_retired = true;
	drop->on_delete = "protect";
	drop->said = GetCurrentTimestamp();
	drop->change = change_of_value(type, value->label, "{running,failed,retired}");
	if (drop->change)
	{
		drop->label = change_argument(drop->change, "label");
		drop->on_delete = change_argument(drop->change, "on_delete");
		drop->replacement = change_argument(drop->change, "replacement");
	}
	/* the replacement has gone since, or has been renamed past us: only rows that are written by now have it */
	if (drop->replacement && !is_live(type, drop->replacement))
	{
		drop->on_delete = "protect";
		drop->replacement = NULL;
	}
	drop->policy = policy_from_text(drop->on_delete);
	drop->new_oid = find_replacement(drop, drop->policy, drop->replacement);
	return drop;
}

/* Do rows hold the value that are to keep it?  Says so. */
static bool
rows_keep(Drop *drop)
{
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if ((task->policy == POLICY_KEEP || task->policy == POLICY_PROTECT) &&
			holds_any(task->column, drop->type, drop->value))
		{
			ereport(NOTICE,
					(errmsg("value \"%s\" stays retired: rows of column %s hold it", drop->label, column_text(task->column)),
					 errhint("CALL more.enum_drop with another on_delete to remove it.")));
			return true;
		}
	}
	return false;
}

/*
 * purge_retired
 *		Steps 4 to 7 for the retired values of the type, or those that
 *		more.enum_reorder retired.
 *
 * For procedures, in a call that is not atomic and holds the change's lock,
 * connected to SPI once, without a snapshot but the portal's; commits, and
 * leaves a transaction without snapshot.  context outlives that.
 */
void
purge_retired(Oid type, bool moved, MemoryContext context)
{
	List	   *values;
	ListCell   *cell;

	pushed_snapshot = false;
	next_transaction();
	MemoryContextSwitchTo(context);
	values = enum_values(type);
	foreach(cell, values)
	{
		EnumValue  *value = lfirst(cell);
		Drop	   *drop;

		if (!value->retired)
			continue;
		/* not the SPI connection's, which a rebuilt index has changed */
		MemoryContextSwitchTo(context);
		drop = drop_of_retired(type, value, context);
		if (moved && (drop->change == NULL || strcmp(drop->change->action, "move") != 0))
			continue;
		drop->tasks = list_tasks(drop);
		if (rows_keep(drop))
			continue;
		/* nothing holds it that is to keep it */
		if (drop->policy == POLICY_KEEP)
			drop->policy = POLICY_PROTECT;
		look(drop);
		begin_record(drop, "drop");
		next_transaction();
		finish(drop);
	}
	without_snapshot();
}

/*
 * CALL more.enum_purge(type regtype)
 *
 * Steps 4 to 7 for the retired values.  Only where it can commit: 2D000 otherwise.
 */
Datum
enum_purge(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			type;

	require_no_block(fcinfo, "more.enum_purge", NULL);
	require_direct_call("more.enum_purge");
	require_argument(fcinfo, 0, "type");
	type = PG_GETARG_OID(0);
	require_enum_owner(type);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(context);
	require_change_lock(type, true);
	PG_TRY();
	{
		purge_retired(type, false, context);
	}
	PG_FINALLY();
	{
		unlock_changes(type);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}
