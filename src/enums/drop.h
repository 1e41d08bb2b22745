/*
 * drop.h
 *	  What other changes of values share with dropping one.
 */
#ifndef PG_MORE_ENUMS_DROP_H
#define PG_MORE_ENUMS_DROP_H

#include "fmgr.h"

#include "enums/enums.h"

extern EnumValue *live_enum_value(Oid type, const char *label);
extern bool is_retired_label(const char *retired, const char *label);
extern EnumChange *change_of_value(Oid type, const char *retired, const char *states);
extern void purge_retired(Oid type, bool moved, MemoryContext context);
extern int64 restore_rows(EnumChange *change, Oid value, int64 *lost);	/* restore.c */
extern void require_no_block(FunctionCallInfo fcinfo, const char *procedure, const char *hint);

#endif							/* PG_MORE_ENUMS_DROP_H */
