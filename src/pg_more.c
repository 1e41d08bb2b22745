/*
 * pg_more.c
 *	  The front door: the module's settings, and nothing else.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "enums/enums.h"
#include "indexes/hypothetical.h"
#include "indexes/plan_with.h"
#include "planner/planner.h"
#include "rows/multi_insert.h"
#include "rows/order.h"
#include "rows/source.h"
#include "rows/stream.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

static const struct config_enum_entry rows_source_options[] = {
	{"auto", ROWS_SOURCE_AUTO, false},
	{"relation", ROWS_SOURCE_RELATION, false},
	{"arrays", ROWS_SOURCE_ARRAYS, false},
	{"keys", ROWS_SOURCE_KEYS, false},
	{NULL, 0, false}
};

static const struct config_enum_entry rewrites_options[] = {
	{"off", REWRITE_OFF, false},
	{"on", REWRITE_ON, false},
	{"force", REWRITE_FORCE, false},
	{"verify", REWRITE_VERIFY, false},
	{NULL, 0, false}
};

static const struct config_enum_entry rewrite_options[] = {
	{"off", REWRITE_OFF, false},
	{"on", REWRITE_ON, false},
	{"force", REWRITE_FORCE, false},
	{NULL, 0, false}
};

/* The setting of one rewrite of the planner's. */
static void
define_rewrite(RewriteId id, const char *description)
{
	DefineCustomEnumVariable(psprintf("pg_more.%s", rewrite_name(id)),
							 description,
							 "With force, whatever the forms of the statement cost.",
							 &rewrite_modes[id],
							 REWRITE_ON,
							 rewrite_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

void
_PG_init(void)
{
	DefineCustomEnumVariable("pg_more.rows_source",
							 "How a verb's rows reach its statement.",
							 "As a local relation, as array parameters, for rows_in as a set of keys, or, "
							 "with auto, as fits the target and the data.",
							 &rows_source,
							 ROWS_SOURCE_AUTO,
							 rows_source_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("pg_more.batch_inserts",
							 "Whether rows are written to a table many at a time.",
							 "Only where that comes to the same as a plain INSERT.",
							 &batch_inserts,
							 true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("pg_more.rewrites",
							 "Whether statements are planned in a form that costs less.",
							 "With force, whatever they cost; with verify, both forms of a SELECT are "
							 "run as well, and it is an error if their rows differ.",
							 &rewrites_mode,
							 REWRITE_ON,
							 rewrites_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	define_rewrite(REWRITE_COMPOSITE_IN, "Plans lists of tuples, (a, b) IN (...), as a join or a hashed look-up.");
	define_rewrite(REWRITE_HASHED_CASE, "Evaluates a CASE with many constants by one hashed look-up.");
	define_rewrite(REWRITE_ARRAY_JOIN, "Plans look-ups in an array that the executor does not hash as a join.");
	define_rewrite(REWRITE_OR_REDUCTION, "Plans an OR that spans relations as a join with the rows that its arms find.");
	define_rewrite(REWRITE_SHARED_SUBQUERIES, "Lets equal scalar subqueries share their results.");
	define_rewrite(REWRITE_UNION_PUSHDOWN, "Moves conditions on UNION, INTERSECT and EXCEPT into their arms.");
	define_rewrite(REWRITE_ROWS_IN, "Plans more.rows_in and its kin in FROM as the join itself.");
	define_rewrite(REWRITE_QUERY_IN_FROM, "Plans more.rows, more.run and more.fetch in FROM as the query itself.");
	enums_init();
	MarkGUCPrefixReserved("pg_more");
	order_init();
	plan_with_init();
	hypothetical_init();
	/* over the hook of plan_with.c */
	stream_init();
	multi_insert_init();
	planner_init();
}
