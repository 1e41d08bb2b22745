/*
 * pg_more.c
 *	  The front door: the module's settings, and nothing else.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "rows/order.h"
#include "rows/source.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

static const struct config_enum_entry rows_source_options[] = {
	{"auto", ROWS_SOURCE_AUTO, false},
	{"relation", ROWS_SOURCE_RELATION, false},
	{"arrays", ROWS_SOURCE_ARRAYS, false},
	{NULL, 0, false}
};

void
_PG_init(void)
{
	DefineCustomEnumVariable("pg_more.rows_source",
							 "How a verb's rows reach its statement.",
							 "As a local relation, as array parameters, or, with auto, "
							 "as arrays only for tables that Citus distributes.",
							 &rows_source,
							 ROWS_SOURCE_AUTO,
							 rows_source_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("pg_more");
	order_init();
}
