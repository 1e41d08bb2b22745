/*
 * drop_rows.c
 *	  Dropping a value, steps 2 and 5: its rows, until a look finds none.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "compat.h"
#include "enums/drop_parts.h"
#include "enums/transaction.h"

/* How many rows the first batch has, and how long one may take, in milliseconds: others wait for its rows so long. */
#define FIRST_BATCH	200
#define BATCH_TIME	10

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
	walk.commits = !drop->atomic;
	drop_begin_step(drop, drop->is_retired ? "look again" : "migrate", task_column_text(task->column));
	while (more && (passes == 0 || walk.passes < passes))
	{
		TimestampTz began = GetCurrentTimestamp();
		int64		rows;

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
			/* what a crash undoes is done again */
			next_step();
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
	drop_begin_step(drop, "migrate", task_column_text(linitial(columns)));
	changed = migrate_together(drop->change, columns, drop->type, drop->value, new_oid);
	change_rows(drop->change, drop->change->rows_done + changed,
				Max(drop->change->rows_total, drop->change->rows_done + changed));
	if (!drop->atomic)
		next_transaction();
	return changed;
}

/* Change what rows of one column are left, alone or with its group. */
int64
drop_migrate_rest(Drop *drop, Task *task)
{
	if (task->group != 0)
		return migrate_group(drop, task->group, task->new_oid);
	return migrate_column(drop, task, 0);
}

/* Step 2. */
void
drop_migrate_early(Drop *drop)
{
	ListCell   *cell;

	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (task_changes_rows(task) && !task->late && task->group == 0 && task->rows > 0)
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
	drop_begin_step(drop, "refresh", name);
	if (!refreshes_concurrently(column->relid))
		ereport(NOTICE,
				(errmsg("materialized view %s cannot be read while it is refreshed", name),
				 errdetail("It has no unique index.")));
	drop->view = column;
	drop_locked(drop, refresh);
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
	drop_refuse_protected(drop, protected);
}

/* A generated column goes on giving the value. */
static void
refuse_computed(Drop *drop, Task *task)
{
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("generated column %s still holds value \"%s\"", task_column_text(task->column), drop->label),
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

	drop_look_at_unreachable(drop, false);
	drop->tasks = drop_list_tasks(drop);
	drop_arrange_tasks(drop);
	MemoryContextSwitchTo(old);
	drop->stays = false;
	drop_begin_step(drop, "look again", NULL);
	foreach(cell, drop->tasks)
	{
		Task	   *task = lfirst(cell);

		if (!holds_any(task->column, drop->type, drop->value))
			continue;
		if (task->policy == POLICY_PROTECT)
			protected = lappend(protected, task);
		else if (task->policy == POLICY_KEEP)
			drop->stays = true;
		else if (!task_changes_rows(task))
			computed = lappend(computed, task);
		else
		{
			/* also where the rows are gone by then: whoever took them may have put them where we looked before */
			found = true;
			drop_migrate_rest(drop, task);
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
	drop_rewrite_arguments(drop);
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
		next_step();
	}
}

/* Steps 4 and 5; the last look finds nothing, and is the first one only where nothing else went on. */
void
drop_wait_and_look(Drop *drop)
{
	bool		in_use = drop->change->rows_total > 0;
	bool		found;
	int			looks = 0;

	do
	{
		in_use |= drop_wait_for_others(drop);
		if (looks == 0 && drop->change->rows_done > 0)
			clean_all_entries(drop);
		found = look_again(drop);
		if (found && !drop->stays)
			relabel(drop);
		looks++;
	} while (found || (in_use && looks < 2));
}
