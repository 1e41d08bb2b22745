/*
 * drop_look.c
 *	  Dropping a value, step 1: all that can be refused is refused before anything
 *	  changes.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/drop_parts.h"

/* The value that replaces the old one in an expression; InvalidOid if it can only go. */
Oid
drop_expression_replacement(Drop *drop, StoredExpression *expression)
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
								   drop_expression_replacement(drop, expression), false);
	/* what only compares may go on doing so, but nothing may write the value */
	if (strcmp(expression->kind, "partition") == 0)
		return "its bound is the value";
	if (strcmp(expression->kind, "default") == 0 || strcmp(expression->kind, "stored column") == 0 ||
		(expression->classid == TypeRelationId && !OidIsValid(expression->relid)))
		return "rows that are written would get the value";
	return NULL;
}

/* The stored expressions that name the value. */
List *
drop_naming_expressions(Drop *drop)
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
	foreach(cell, drop_naming_expressions(drop))
	{
		StoredExpression *expression = lfirst(cell);
		const char *why = obstacle(drop, expression);

		if (why)
			appendStringInfo(&detail, "%s%s: %s", detail.len ? "\n" : "", expression->description, why);
	}
	return detail.len ? detail.data : NULL;
}

/* Refuse, where expressions cannot do without the value, naming all of them. */
void
drop_require_no_obstacle(Drop *drop)
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
void
drop_look_at_unreachable(Drop *drop, bool first)
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
void
drop_refuse_protected(Drop *drop, List *protected)
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
		appendStringInfo(&detail, "%scolumn %s: %lld %s", detail.len ? "\n" : "", task_column_text(task->column),
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

		if (task_changes_rows(task))
			require_policy(task->column, drop->type, drop->value, task->policy);
		/* rows that are kept need not be counted */
		if (task->policy != POLICY_KEEP)
			task->rows = count_rows(task->column, drop->type, drop->value);
		if (task->policy == POLICY_PROTECT && task->rows > 0)
			protected = lappend(protected, task);
	}
	if (protected)
		drop_refuse_protected(drop, protected);
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

	foreach(cell, drop_naming_expressions(drop))
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

		if (!task_changes_rows(task) || task->rows == 0)
			continue;
		change = palloc0(sizeof(RowChange));
		change->column = task->column;
		change->policy = task->policy;
		change->new_oid = task->new_oid;
		change->remapped = drop->atomic || task->late || task->group != 0;
		change->remap = drop_expression_replacement(drop, &expression);
		change->step = place_of(drop, task) + (change->remapped ? list_length(drop->tasks) : 0);
		result = lappend(result, change);
	}
	return result;
}

/*
 * Refuse, or warn of, what the changes of rows would violate, all of it at once;
 * where other changes of rows go before, which may prevent it, just warn.
 */
static void
require_no_violation(Drop *drop, bool others_before)
{
	StringInfoData details[2];
	int			code = 0;
	ListCell   *cell;

	initStringInfo(&details[false]);
	initStringInfo(&details[true]);
	foreach(cell, foresee_violations(drop->type, drop->value, list_changes(drop)))
	{
		Violation  *violation = lfirst(cell);
		bool		perhaps = violation->perhaps || others_before;
		StringInfo	detail = &details[perhaps];

		appendStringInfo(detail, "%s%s", detail->len ? "\n" : "", violation->text);
		if (!perhaps)
			code = code == 0 || code == violation->sqlerrcode ? violation->sqlerrcode : ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
	}
	if (details[true].len)
		ereport(WARNING,
				(others_before ?
				 errmsg("rows that hold value \"%s\" would violate constraints when they change, unless triggers or earlier steps prevent it",
						drop->label) :
				 errmsg("rows that hold value \"%s\" would violate constraints when they change, unless triggers prevent it",
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
require_changes(Drop *drop, bool others_before)
{
	ListCell   *cell;

	foreach(cell, drop->atomic ? NIL : drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (task_changes_rows(task) && task->rows > 0)
			require_changeable(task->column, drop->type, drop->value, task->policy, task->new_oid, !task->late);
	}
	require_no_violation(drop, others_before);
}

/* Step 1. */
void
drop_look(Drop *drop)
{
	drop_look_at_unreachable(drop, true);
	if (!drop->atomic && drop->policy != POLICY_KEEP)
		require_no_prepared(drop);
	drop->tasks = drop_list_tasks(drop);
	drop_require_no_obstacle(drop);
	look_at_rows(drop);
	drop_arrange_tasks(drop);
	mark_late(drop);
	require_changes(drop, false);
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
	drop->tasks = drop_list_tasks(drop);
	return drop;
}

/*
 * look_at_drop
 *		Raise the error that more.enum_drop of a live value would raise at once:
 *		for rows that hold it, for columns that the policy cannot serve, for
 *		expressions that name it, for what the rows would violate.  Writes nothing.
 *
 * replacement goes with the policy set_value, and is InvalidOid otherwise.
 * *rows_change tells whether rows change before that, and then whether some do by
 * now; if so, a violation may be gone by then, and there is only a warning.
 *
 * Locks as the look of the drop itself, until the transaction ends.
 */
void
look_at_drop(Oid type, EnumValue *value, const char *on_delete, Oid replacement, bool *rows_change)
{
	Drop	   *drop = drop_to_look_at(type, value, on_delete, replacement);
	bool		changes = false;
	ListCell   *cell;

	drop_require_no_obstacle(drop);
	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (task_changes_rows(task))
			require_policy(task->column, type, value->oid, task->policy);
		if (task->policy != POLICY_KEEP)
			task->rows = holds_any(task->column, type, value->oid) ? 1 : 0;
		if (task->policy == POLICY_PROTECT && task->rows > 0)
			look_at_rows(drop);
		changes |= task_changes_rows(task) && task->rows > 0;
	}
	drop_arrange_tasks(drop);
	mark_late(drop);
	require_changes(drop, *rows_change);
	*rows_change |= changes;
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
