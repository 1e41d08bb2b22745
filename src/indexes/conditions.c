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
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "indexes/indexes.h"

PG_FUNCTION_INFO_V1(condition_text);
PG_FUNCTION_INFO_V1(condition_column_names);

/*
 * argument_condition
 *		The checked condition in an argument of type text, json or jsonb.
 */
Node *
argument_condition(Relation rel, FunctionCallInfo fcinfo, int argument, const char *name)
{
	Oid		   *types;
	int			ntypes;
	char	   *string;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &ntypes);
	if (types[argument] == JSONBOID)
		return parse_json_condition(rel, name, PG_GETARG_JSONB_P(argument));
	string = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	if (types[argument] == JSONOID && !condition_is_json(string))
		return parse_json_condition(rel, name, DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(string))));
	return parse_condition(rel, name, string);
}

/* more.condition: the condition as SQL text. */
Datum
condition_text(PG_FUNCTION_ARGS)
{
	Relation	rel = condition_table(PG_GETARG_OID(0), AccessShareLock);
	char	   *sql = condition_sql(rel, argument_condition(rel, fcinfo, 1, "condition"), NULL);

	relation_close(rel, AccessShareLock);
	PG_RETURN_TEXT_P(cstring_to_text(sql));
}

/* more.condition_columns: the names of the condition's columns, in the table's order. */
Datum
condition_column_names(PG_FUNCTION_ARGS)
{
	Relation	rel = condition_table(PG_GETARG_OID(0), AccessShareLock);
	List	   *columns = condition_columns(rel, argument_condition(rel, fcinfo, 1, "condition"));
	Datum	   *names = palloc(sizeof(Datum) * Max(list_length(columns), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, columns)
		names[n++] = CStringGetTextDatum(get_attname(RelationGetRelid(rel), lfirst_int(lc), false));
	relation_close(rel, AccessShareLock);
	PG_RETURN_ARRAYTYPE_P(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}
