/*
 * what_if.c
 *	  more.what_if: a statement's plan as if its tables had other indexes.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "expression.h"
#include "indexes/hypothetical.h"

PG_FUNCTION_INFO_V1(what_if);

/* A cost as EXPLAIN shows it. */
static Datum
cost_datum(double cost)
{
	return Float8GetDatum(rint(cost * 100) / 100);
}

/* Read the definitions. */
static void
read_definitions(HypotheticalSet *set, ArrayType *array)
{
	Datum	   *texts;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" has a null in it", "index_sql")));
		read_hypothetical(set, TextDatumGetCString(texts[i]));
	}
}

/* The bytes of all indexes that come from a text; -1 when there is none. */
static double
element_size(HypotheticalSet *set, int element)
{
	double		result = -1;
	ListCell   *lc;

	foreach(lc, set->indexes)
	{
		Hypothetical *index = lfirst(lc);

		if (index->element == element)
			result = Max(result, 0) + index->pages * BLCKSZ;
	}
	return result;
}

/* An argument that must be there. */
static void
require_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* more.what_if: a row for each text of index_sql. */
Datum
what_if(PG_FUNCTION_ARGS)
{
	char	   *query;
	ArgumentText argument = {"query"};
	ErrorContextCallback callback = {error_context_stack, argument_error_callback, &argument};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HypotheticalSet none = {0};
	HypotheticalSet set = {0};
	HypotheticalPlan before;
	HypotheticalPlan after;
	List	   *queries;
	ListCell   *lc;

	require_argument(fcinfo, 0, "index_sql");
	require_argument(fcinfo, 1, "query");
	query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	argument.text = query;
	InitMaterializedSRF(fcinfo, 0);
	error_context_stack = &callback;
	queries = analyze_statement(query);
	plan_hypothetical(&none, queries, query, &before);
	error_context_stack = callback.previous;
	read_definitions(&set, PG_GETARG_ARRAYTYPE_P(0));
	measure_indexes(set.indexes);
	error_context_stack = &callback;
	plan_hypothetical(&set, queries, query, &after);
	error_context_stack = callback.previous;
	foreach(lc, set.names)
	{
		double		size = element_size(&set, foreach_current_index(lc));
		Datum		values[6] = {CStringGetTextDatum(lfirst(lc)), cost_datum(before.cost), cost_datum(after.cost)};
		bool		nulls[6] = {false};

		nulls[3] = nulls[4] = size < 0;
		values[3] = BoolGetDatum(uses_element(&set, foreach_current_index(lc)));
		values[4] = Int64GetDatum((int64) size);
		values[5] = CStringGetTextDatum(after.text);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
