/*
 * drop_tasks.c
 *	  Dropping a value: which it is, and what is to become of the rows of each column.
 *
 * Columns that foreign keys bind are arranged so that no statement leaves a row
 * without the one that it refers to.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/drop_parts.h"

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
void
drop_find_value(Drop *drop)
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
Oid
drop_find_replacement(Drop *drop, EnumPolicy policy, const char *replacement)
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
		task->new_oid = drop_find_replacement(drop, task->policy, task->replacement);
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
List *
drop_list_tasks(Drop *drop)
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
bool
task_changes_rows(Task *task)
{
	return task->policy != POLICY_PROTECT && task->policy != POLICY_KEEP &&
		(!task->computed || task->policy == POLICY_CASCADE);
}

/* The column, qualified with its table, for messages. */
char *
task_column_text(EnumColumn *column)
{
	return psprintf("%s.%s", qualified_name(column->relid), quote_identifier(column->name));
}

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
void
drop_arrange_tasks(Drop *drop)
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
