/*
 * enums.h
 *	  What the files of the enums room share.
 *
 * A value of an enum type is stored as the OID of its pg_enum row.  The room
 * changes a type's values while others use it; ARCHITECTURE.md tells in which
 * order, and why that is safe.
 */
#ifndef PG_MORE_ENUMS_H
#define PG_MORE_ENUMS_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "storage/block.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

/* --- labels.c: the values of one type ------------------------------------ */

#define RETIRED_PREFIX	"pg_more:retired:"
#define MOVING_PREFIX	"pg_more:moving:"

typedef struct EnumValue
{
	Oid			oid;
	float4		order;
	char	   *label;
	bool		retired;		/* by its label's prefix */
	bool		moving;
} EnumValue;

extern List *enum_values(Oid type);			/* of EnumValue, in order; reads the catalog anew */
extern EnumValue *enum_value(Oid type, const char *label, bool missing_ok);
extern void refuse_label(Oid type, List *values, const char *label);
extern char *retired_label(Oid type, const char *label);	/* a free reserved name */
extern char *next_retired_label(Oid type, const char *retired, const char *label);	/* another one for the same value */
extern char *moving_label(Oid type, const char *label);
extern void require_free_label(const char *argument, const char *label);	/* not NULL, not reserved */
extern void require_enum(Oid type);			/* it is one, else 42809 */
extern void require_enum_owner(Oid type);	/* ... that the caller may change: owner, not system's, not an extension's */
extern char *enum_type_sql(Oid type);		/* qualified and quoted */
extern void insert_enum_value(Oid type, Oid value, const char *label, Oid behind, Oid before);	/* an OID that lost its row */
extern void sort_even_values(Oid type);		/* what pg_enum says of them becomes what they compare as */
extern void delete_enum_value(Oid type, Oid value);		/* the pg_enum row; nothing is looked at */

/* --- alter.c: adding and renaming, the server's own ALTER TYPE through SPI -- */

extern void add_enum_value(Oid type, const char *label, const char *before, const char *after);
extern void rename_enum_value(Oid type, const char *old, const char *new);
extern int64 recorded_add(Oid type, const char *label, const char *before, const char *after);	/* ... as a change */
extern int64 recorded_rename(Oid type, const char *old, const char *new);

/* --- types.c: where values of a type can be ------------------------------- */

typedef struct EnumColumn
{
	Oid			relid;
	AttrNumber	attnum;
	char	   *name;			/* of the column */
	Oid			type;			/* a carrier */
	char		relkind;		/* r, p, m, f; v when views are asked for */
	bool		plain;			/* the enum itself or a domain over it */
	bool		other_temp;		/* of another session's temporary table: never read */
	Oid			statistics;		/* holders.c only: extended statistics */
} EnumColumn;

extern List *enum_carriers(Oid type);		/* OIDs: the type itself first, arrays, domains, composites, ranges, nested */
extern List *enum_columns(Oid type, bool views);	/* of EnumColumn, ordered by OID and number */

/* --- value.c: such values, opened and rebuilt ------------------------------ */

extern bool value_holds(Datum value, Oid type, Oid enum_type, Oid value_oid);	/* value of a carrier type, not NULL */
typedef bool (*EnumValueTest) (Oid value, void *arg);
struct Shape;
extern struct Shape *value_shape(Oid type, Oid enum_type);	/* for value_any; NULL: it cannot contain the enum */
extern bool value_any(struct Shape *shape, Datum value, EnumValueTest test, void *arg);	/* has it one that passes? */
extern Datum value_replace(Datum value, Oid type, Oid enum_type, Oid old_oid, Oid new_oid, bool *isnull);
											/* new_oid InvalidOid: NULL in its place; error for a range's bound */
extern Datum value_replace_many(Datum value, Oid type, Oid enum_type, int count, Oid *old_oids, Oid *new_oids,
								bool *isnull);

/* --- trees.c: stored expressions ------------------------------------------- */

typedef struct StoredExpression
{
	Oid			catalog;		/* the catalog that has it, */
	AttrNumber	field;			/* the column there, */
	Oid			classid;		/* the object, as pg_depend would say: */
	Oid			objid;			/* in most catalogs also the row's key */
	const char *kind;			/* default, stored column, virtual column, check, index, view, rule, function, aggregate,
								 * policy, trigger, statistics, partition, partition key, domain */
	char	   *description;	/* for people, as getObjectDescription */
	Oid			relid;			/* the table or view it belongs to, or InvalidOid */
	List	   *values;			/* OIDs of the enum's values that its constants name; NIL: only the type is used */
	List	   *texts;			/* labels (String nodes) that its other constants of text equal: perhaps meant */
} StoredExpression;

extern List *enum_expressions(Oid type, bool all);	/* all: also those that name no value */
/* Could it be remapped? NULL, or why not (new_oid InvalidOid: only members of lists can go). Changes nothing. */
extern const char *expression_obstacle(StoredExpression *expression, Oid type, Oid old_oid, Oid new_oid, bool equal);
extern void remap_expression(StoredExpression *expression, Oid type, Oid old_oid, Oid new_oid, bool equal);
/* Does it keep results (index, CHECK, generated column, partitions) that another order of the values would change? Or NULL. */
extern const char *order_obstacle(StoredExpression *expression, Oid type);
/* After remapping that was not equal: builds indexes, validates CHECKs; commits between them unless atomic. Idempotent. */
extern void settle_expressions(Oid type, bool atomic);
extern void invalidate_users(Oid type);		/* plans and relcaches of all that use the type, at commit, in every session */
/* Functions whose bodies are text that has the label in quotes: descriptions, char * (usage.c) */
extern List *functions_mentioning(const char *label);
extern List *triggers_mentioning(const char *label);	/* as an argument: likewise */

/* --- record.c: changes, progress, policies, history -------------------------- */

typedef struct EnumChange
{
	int64		id;
	Oid			type;
	const char *action;
	int64		rows_done;
	int64		rows_total;
	char	   *type_name;		/* as recorded when it began */
	char	   *arguments;		/* JSON */
	char	   *state;			/* when it was read: running, retired, done, undone, failed */
	char	   *step;			/* likewise; or NULL */
	char	   *step_object;
	int64		part_of;		/* the change that it is a part of, or 0 */
	int64		rows_kept;		/* in more.enum_change_rows */
	int64		rows_not_kept;	/* those beyond the limit, or of tables without a key */
} EnumChange;

extern EnumChange *change_start(Oid type, const char *action, const char *arguments_json);
extern EnumChange *change_find(Oid type, const char *action, const char *label);	/* unfinished one to resume, or NULL */
extern EnumChange *change_get(int64 id);	/* any, or NULL */
extern List *changes_of(Oid type);			/* all of the type, newest first */
extern List *change_parts(int64 id);		/* those with part_of, oldest first */
extern void change_rename_replacement(Oid type, const char *old, const char *new);
extern char *change_argument(EnumChange *change, const char *name);	/* one of its arguments, or NULL */
extern int64 change_whole;	/* what changes that start are parts of, or 0; reset it in PG_FINALLY */
extern void change_step(EnumChange *change, const char *step, const char *object);	/* writes the row; the caller commits */
extern void change_rows(EnumChange *change, int64 done, int64 total);
extern void change_end(EnumChange *change, const char *state);
extern bool change_has_room(EnumChange *change);	/* in the history */
extern void change_skip_rows(EnumChange *change, int64 count);	/* they are not kept, for want of room */
extern void change_keep_rows(EnumChange *change, Oid relid, const char *column, int count,
							 char **keys, char **old_values, char **deleted);	/* observes the limit */
extern const char *column_policy(Oid relid, AttrNumber attnum, char **replacement);	/* the standing one, or NULL */
extern bool lock_changes(Oid type);			/* session level, without waiting */
extern void require_change_lock(Oid type, bool session);	/* ... or error 55006; session false: up to the transaction's end */
#define CHANGE_LOCK_CLASS	3	/* of its advisory lock: those of SQL are 1 and 2 */
extern void require_no_change(Oid type);	/* of another session, up to the transaction's end; else the same error */
extern void unlock_changes(Oid type);		/* the session's */
/* One fixed statement on the three tables, as their owner; SPI connected, results in SPI_tuptable. */
extern int	record_execute(const char *sql, int nargs, Oid *types, Datum *values, const char *nulls);
extern int	enum_history_rows;				/* settings */
extern int	enum_batch;
extern void enums_init(void);				/* defines the settings; pg_more.c calls it */

/* --- rows.c, rows_policy.c, rows_change.c: the rows ------------------------------ */

typedef enum EnumPolicy
{
	POLICY_PROTECT, POLICY_CASCADE, POLICY_SET_NULL, POLICY_SET_DEFAULT, POLICY_SET_VALUE, POLICY_KEEP
} EnumPolicy;

extern EnumPolicy policy_from_text(const char *text);
extern int64 count_rows(EnumColumn *column, Oid type, Oid value);	/* -1: unknown */
extern bool count_values(EnumColumn *column, Oid type, List *values, int64 *counts);	/* of EnumValue; false: unknown */
extern void require_all_rows(Oid relid);	/* row security hides none, else 42501 */
extern bool holds_any(EnumColumn *column, Oid type, Oid value);
extern void require_policy(EnumColumn *column, Oid type, Oid old_oid, EnumPolicy policy);
extern void require_changeable(EnumColumn *column, Oid type, Oid old_oid, EnumPolicy policy, Oid new_oid, bool values);
/* Where a migration is; zeroed at first, but for a context that outlives it. */
typedef struct RowWalk
{
	MemoryContext context;		/* NULL: the current one */
	ItemPointer tids;			/* addresses collected, */
	int			ntids;
	int			position;		/* how many of them have been dealt with */
	ItemPointer lot;			/* those of the batch */
	int			nlot;
	bool		last;			/* ... and no more will be in this pass */
	bool		by_index;		/* they are an index's, whose rows have not been looked at */
	bool		by_range;		/* they are collected by ranges, */
	BlockNumber next;			/* the next one from here */
	bool		started;
	bool		once;			/* one pass will do, if it has changed all that it found */
	bool		wait;			/* the rows that are left were locked by others */
	bool		commits;		/* whoever calls commits after each batch */
	int			careful;		/* batches whose rows are to be locked first, since others lock some */
	bool		told;			/* that no history is kept */
	int			passes;
	int64		found;			/* addresses in this pass, */
	int64		changed;		/* and rows changed */
} RowWalk;

/* One batch; returns rows changed; *more is false when the column holds none any more. */
extern int64 migrate_batch(EnumChange *change, EnumColumn *column, Oid type, Oid old_oid, EnumPolicy policy, Oid new_oid,
						   RowWalk *walk, int64 limit, bool *more);

/* --- reorder.c ----------------------------------------------------------------- */

extern EnumChange *reorder_values(Oid type, List *labels, MemoryContext context);	/* C strings; non-atomic, locked */

/* --- wait.c ------------------------------------------------------------------- */

/* Commits, waits for all that ran before, starts a new transaction. Connected to SPI, non-atomic; change may be NULL. False: nothing ran. */
extern bool wait_out_transactions(EnumChange *change, Oid type);
/* Likewise, only for snapshots that see rows as they were. True: it took longer than a moment. */
extern bool wait_out_snapshots(EnumChange *change, Oid type);
extern void cancel_on_standbys(void);	/* what sees such rows on standbys that are not waited for */

/* --- rebuild.c ---------------------------------------------------------------- */

extern void require_direct_call(const char *procedure);	/* before SPI_connect: no procedure or DO block called us */
/* REINDEX CONCURRENTLY; the index has another OID then.  Commits, and closes and opens the caller's one SPI connection. */
extern void rebuild_index(Oid index);
extern void run_concurrently(Node *statement, const char *sql);	/* likewise; the tree outlives transactions */
extern bool is_exclusion_index(Oid index);	/* which it refuses */
extern bool is_leftover_index(Oid index, const char *of);	/* which it drops */

/* --- holders.c: indexes, statistics, missing values ----------------------------- */

extern List *enum_indexes(Oid type);					/* OIDs of those that can contain the enum */
extern bool index_any(Oid index, Oid type, EnumValueTest test, void *arg, bool *sure);
extern bool index_plain_columns(Relation index, Oid type, Bitmapset **columns);	/* values themselves; false: others contain some */
extern bool clean_index(Oid index, Oid type, Oid value);	/* index_clean.c: takes it out; false: it must be rebuilt */
extern void clean_entries(Oid index, Oid type, Oid value);	/* ... only of dead rows, if nobody else is at it */
extern int	index_addresses(Relation table, Oid index, AttrNumber attnum, Oid type, Oid value, ItemPointer addresses, int room);
extern bool index_in_order(Oid index, Oid type);
extern List *index_order(Oid index, Oid type);	/* OIDs, as the index has them in order */
extern List *indexes_holding(Oid type, Oid value, bool sure);	/* OIDs; unless sure, also those that cannot be looked into */
extern List *statistics_any(Oid type, EnumValueTest test, void *arg);
extern List *statistics_holding(Oid type, Oid value);	/* of EnumColumn */
extern void clear_statistics_any(Oid type, EnumValueTest test, void *arg);
extern void clear_statistics(Oid type, Oid value, Oid heir);	/* what holds it: edited, ANALYZE of the column, or taken away */
extern void clear_missing(Oid type, Oid value);			/* attmissingval that holds it */
extern List *missing_any(Oid type, EnumValueTest test, void *arg);	/* of EnumColumn */
extern bool missing_holds(Oid type, Oid value);

#endif							/* PG_MORE_ENUMS_H */
