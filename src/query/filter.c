/*
 * filter.c
 *	  Queries over tables, and conditions on queries.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "catalog.h"
#include "query/refine.h"

PG_FUNCTION_INFO_V1(query_from_table);
PG_FUNCTION_INFO_V1(query_filter);
PG_FUNCTION_INFO_V1(query_exclude);

/* more.from_table(regclass): all rows of a table or view. */
Datum
query_from_table(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char		relkind = get_rel_relkind(relid);
	MoreQuery  *query = query_new(QUERY_SELECT);
	QueryStep	step;

	query_step_begin(&step, "from_table");
	if (relkind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE && relkind != RELKIND_VIEW &&
		relkind != RELKIND_MATVIEW && relkind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or view", get_rel_name(relid))));
	query->parts[PART_SELECT] = "*";
	query->parts[PART_FROM] = query_name(qualified_name(relid));
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* Rows for which a condition is true, or is not. */
static Datum
filter(FunctionCallInfo fcinfo, const char *name, bool exclude)
{
	QueryStep	step;
	MoreQuery  *query;
	QueryExpression condition;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, name);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "condition")));
	query = PG_GETARG_QUERY(0);
	condition = query_condition(query, "condition", text_to_cstring(PG_GETARG_TEXT_PP(1)),
								PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), NULL, NULL);
	if (!query_may_enter(query, condition.tree))
		query = query_wrap(query);
	condition = level_expression(query, condition, true);
	query_add_condition(query, exclude ? psprintf("(%s) IS NOT TRUE", condition.text) : condition.text);
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* more.filter(query, text, jsonb) */
Datum
query_filter(PG_FUNCTION_ARGS)
{
	return filter(fcinfo, "filter", false);
}

/* more.exclude(query, text, jsonb): the other rows, those of which the condition is null among them. */
Datum
query_exclude(PG_FUNCTION_ARGS)
{
	return filter(fcinfo, "exclude", true);
}
