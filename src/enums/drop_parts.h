/*
 * drop_parts.h
 *	  What the files that drop a value share; drop.c tells the order of steps.
 */
#ifndef PG_MORE_ENUMS_DROP_PARTS_H
#define PG_MORE_ENUMS_DROP_PARTS_H

#include "enums/drop.h"
#include "utils/timestamp.h"

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

/* drop.c */
extern bool drop_wait_for_others(Drop *drop);
extern void drop_begin_step(Drop *drop, const char *step, const char *object);
extern void drop_locked(Drop *drop, void (*action) (Drop *));

/* drop_tasks.c */
extern void drop_find_value(Drop *drop);
extern Oid drop_find_replacement(Drop *drop, EnumPolicy policy, const char *replacement);
extern List *drop_list_tasks(Drop *drop);
extern bool task_changes_rows(Task *task);
extern char *task_column_text(EnumColumn *column);
extern void drop_arrange_tasks(Drop *drop);

/* drop_look.c */
extern Oid drop_expression_replacement(Drop *drop, StoredExpression *expression);
extern List *drop_naming_expressions(Drop *drop);
extern void drop_require_no_obstacle(Drop *drop);
extern void drop_look_at_unreachable(Drop *drop, bool first);
extern void drop_refuse_protected(Drop *drop, List *protected);
extern void drop_look(Drop *drop);

/* drop_record.c */
extern void drop_rewrite_arguments(Drop *drop);
extern void drop_begin_record(Drop *drop, const char *action);

/* drop_rows.c */
extern int64 drop_migrate_rest(Drop *drop, Task *task);
extern void drop_migrate_early(Drop *drop);
extern void drop_wait_and_look(Drop *drop);

#endif							/* PG_MORE_ENUMS_DROP_PARTS_H */
