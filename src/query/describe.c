/*
 * describe.c
 *	  What the server says of a query without running it: its columns, its plan.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "compat.h"
#include "query/refine.h"
#include "query/run.h"
#include "rows/result.h"

PG_FUNCTION_INFO_V1(query_columns_of);
PG_FUNCTION_INFO_V1(query_explain);

/*
 * more.columns(query): the names and types of its columns, in order; none when it returns no rows.
 */
Datum
query_columns_of(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RunQuery   *run;

	InitMaterializedSRF(fcinfo, 0);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	run = run_prepare(PG_GETARG_QUERY(0), NULL);
	for (int i = 0; run->columns && i < run->columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(run->columns, i);
		Datum		values[2] = {
			CStringGetTextDatum(NameStr(column->attname)),
			CStringGetTextDatum(format_type_with_typemod(column->atttypid, column->atttypmod))
		};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}

/* Is it an option of EXPLAIN, a word and maybe another? */
static bool
is_option(const char *text)
{
	int			words = 0;

	while (*text)
	{
		if (words > 0 && *text++ != ' ')
			return false;
		if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == 0)
			return false;
		text += strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
		if (++words > 2)
			return false;
	}
	return words > 0;
}

/* EXPLAIN with the options given. */
static char *
explain_prefix(ArrayType *options)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	appendStringInfoString(&out, "EXPLAIN");
	foreach(lc, text_array_arg("options", options))
	{
		char	   *option = lfirst(lc);

		if (!is_option(option))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid option of EXPLAIN: \"%s\"", option),
					 errhint("Options are words like analyze, buffers, \"costs off\", \"format json\".")));
		appendStringInfo(&out, "%s%s", out.len == strlen("EXPLAIN") ? " (" : ", ", option);
	}
	if (out.len > strlen("EXPLAIN"))
		appendStringInfoChar(&out, ')');
	return out.data;
}

/*
 * more.explain(query, VARIADIC options): the lines that EXPLAIN prints.
 */
Datum
query_explain(PG_FUNCTION_ARGS)
{
	RunQuery   *run;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	run = run_prepare(PG_GETARG_QUERY(0), explain_prefix(PG_GETARG_ARRAYTYPE_P(1)));
	run->writes = true;
	run_execute(run, rows_receiver(fcinfo, list_make1_int(1)));
	SPI_finish();
	return (Datum) 0;
}
