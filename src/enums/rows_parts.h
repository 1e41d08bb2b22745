/*
 * rows_parts.h
 *	  What the files that look at rows and change them share.
 */
#ifndef PG_MORE_ENUMS_ROWS_PARTS_H
#define PG_MORE_ENUMS_ROWS_PARTS_H

#include "storage/lockdefs.h"
#include "utils/acl.h"

#include "enums/drop.h"
#include "enums/enums.h"

/* The parameters of our statements, by number. */
enum
{
	ARG_OLD, ARG_NEW, ARG_TIDS, ARG_FROM, ARG_LEAF, ARG_KEY, ARG_LIMIT, NARGS
};

#define OLD_SQL		"$1"
#define NEW_SQL		"$2"
#define TIDS_SQL	"$3"
#define FROM_SQL	"$4"
#define LEAF_SQL	"$5"
#define LIMIT_SQL	"$7"

/* What the statements of a batch are made of. */
typedef struct Batch
{
	EnumChange *change;			/* NULL: nothing is recorded */
	EnumColumn *column;
	Oid			type;
	EnumPolicy	policy;
	Oid			root;			/* the topmost partitioned table, or the table itself */
	bool		read_root;		/* rows are looked for through it, */
	bool		write_root;		/* or changed */
	bool		lock;			/* rows can be locked before they are changed, */
	bool		at_once;		/* but need not be: one UPDATE does it all */
	List	   *key;			/* attribute numbers that tell a row again, or NIL */
	List	   *together;		/* names of the table's columns that get the new value in one statement */
	bool		keep;			/* the history wants what rows hold */
	bool		full;			/* ... but has no more room */
	char	   *label;			/* of the old value, there */
	char	   *prefix;			/* that text has before the label, now that it is retired, or NULL */
	Oid			types[NARGS];
	Datum		values[NARGS];
	char		nulls[NARGS + 1];
} Batch;

/* rows.c */
extern char *enum_column_text(EnumColumn *column);
extern bool has_rights(Oid relid, AclMode mode);
extern bool hold_column(EnumColumn *column, LOCKMODE mode);
extern char *batch_holds_sql(Batch *batch);
extern char *batch_from_sql(Batch *batch, bool root);
extern const char *batch_leaf_sql(Batch *batch, bool root);
extern void batch_bind(Batch *batch, int arg, Oid type, Datum value, bool isnull);
extern void batch_begin(Batch *batch, EnumColumn *column, Oid type, Oid old_oid);
extern uint64 batch_run(Batch *batch, const char *sql, int64 limit);
extern int64 batch_count_at(int row, int column);

#endif							/* PG_MORE_ENUMS_ROWS_PARTS_H */
