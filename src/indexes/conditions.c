/*
 * conditions.c
 *	  more.condition and more.condition_columns: what a condition comes to.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "indexes/indexes.h"

PG_FUNCTION_INFO_V1(condition_of_json);
PG_FUNCTION_INFO_V1(condition_of_text);
PG_FUNCTION_INFO_V1(condition_columns_of_json);
PG_FUNCTION_INFO_V1(condition_columns_of_text);

/* The condition as SQL text. */
static Datum
as_sql(Relation rel, Node *condition)
{
	char	   *sql = condition_sql(rel, condition, NULL);

	relation_close(rel, AccessShareLock);
	return CStringGetTextDatum(sql);
}

/* The names of the condition's columns, in the table's order. */
static Datum
as_columns(Relation rel, Node *condition)
{
	List	   *columns = condition_columns(rel, condition);
	Datum	   *names = palloc(sizeof(Datum) * Max(list_length(columns), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, columns)
		names[n++] = CStringGetTextDatum(get_attname(RelationGetRelid(rel), lfirst_int(lc), false));
	relation_close(rel, AccessShareLock);
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* more.condition: a JSON condition as SQL text. */
Datum
condition_of_json(PG_FUNCTION_ARGS)
{
	Relation	rel = condition_table(PG_GETARG_OID(0), AccessShareLock);

	return as_sql(rel, parse_json_condition(rel, "condition", PG_GETARG_JSONB_P(1)));
}

/* more.condition: a condition in either form as SQL text. */
Datum
condition_of_text(PG_FUNCTION_ARGS)
{
	Relation	rel = condition_table(PG_GETARG_OID(0), AccessShareLock);

	return as_sql(rel, parse_condition(rel, "condition", text_to_cstring(PG_GETARG_TEXT_PP(1))));
}

/* more.condition_columns: the columns that a JSON condition mentions. */
Datum
condition_columns_of_json(PG_FUNCTION_ARGS)
{
	Relation	rel = condition_table(PG_GETARG_OID(0), AccessShareLock);

	return as_columns(rel, parse_json_condition(rel, "condition", PG_GETARG_JSONB_P(1)));
}

/* more.condition_columns: the columns that a condition in either form mentions. */
Datum
condition_columns_of_text(PG_FUNCTION_ARGS)
{
	Relation	rel = condition_table(PG_GETARG_OID(0), AccessShareLock);

	return as_columns(rel, parse_condition(rel, "condition", text_to_cstring(PG_GETARG_TEXT_PP(1))));
}
