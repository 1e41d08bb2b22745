/*
 * drop.h
 *	  What other changes of values share with dropping one.
 */
#ifndef PG_MORE_ENUMS_DROP_H
#define PG_MORE_ENUMS_DROP_H

#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "storage/lockdefs.h"

#include "enums/enums.h"

/* A pair of columns that a foreign key binds; of partitions the topmost table. */
typedef struct EnumForeignKey
{
	Oid			table;
	char	   *column;
	Oid			referenced_table;
	char	   *referenced_column;
	bool		others;			/* the constraint has other columns, too */
} EnumForeignKey;

/* The change of a column's rows that hold the value. */
typedef struct RowChange
{
	EnumColumn *column;
	EnumPolicy	policy;
	Oid			new_oid;		/* for set_value */
	int			step;			/* those of lower ones go before it, those of the same one go with it */
	bool		remapped;		/* stored expressions have been changed by then, */
	Oid			remap;			/* to this value in the place of the old one, or just out of lists */
} RowChange;

/* What such a change would violate. */
typedef struct Violation
{
	int			sqlerrcode;
	char	   *text;			/* a line for a DETAIL */
	bool		perhaps;		/* a trigger may prevent it */
} Violation;

extern List *foresee_violations(Oid type, Oid old_oid, List *changes);	/* foresee.c */
extern bool hold_table(Oid relid, LOCKMODE mode, AclMode rights);	/* rows.c */
extern bool refuses_null(EnumColumn *column);	/* rows_policy.c */
extern bool routes_rows(EnumColumn *column);	/* rows_change.c */
extern Oid	root_table(Oid relid);	/* keys.c */
extern List *enum_foreign_keys(Oid type);
extern bool default_value(EnumColumn *column, Datum *value, bool *isnull);	/* rows_policy.c */
extern int64 migrate_together(EnumChange *change, List *columns, Oid type, Oid old_oid, Oid new_oid);	/* rows_change.c */
extern EnumValue *live_enum_value(Oid type, const char *label);
extern void look_at_drop(Oid type, EnumValue *value, const char *on_delete, Oid replacement, bool *rows_change);
extern char *drop_obstacles(Oid type, EnumValue *value, const char *on_delete, Oid replacement);
extern bool is_retired_label(const char *retired, const char *label);
extern EnumChange *change_of_value(Oid type, const char *retired, const char *states);
extern void purge_retired(Oid type, bool moved, MemoryContext context);
extern int64 restore_rows(EnumChange *change, Oid value, int64 *lost);	/* restore.c */
extern void drop_retired(Oid type, const char *label, const char *on_delete, const char *replacement, MemoryContext context);
extern void require_no_block(FunctionCallInfo fcinfo, const char *procedure, const char *hint);

#endif							/* PG_MORE_ENUMS_DROP_H */
