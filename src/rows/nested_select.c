/*
 * nested_select.c
 *	  nested_select: rows as nested documents, such that nested_insert of them into
 *	  empty tables gives the same rows.
 *
 * The shape is read (nested_select_shape.c), names by the same rules as in
 * nested_insert; one statement is made of it (nested_select_sql.c), and run.
 *
 * Why it is safe:
 *
 *	- The statement runs as the caller, through the server's own parser, rewriter and
 *	  executor: privileges and row security are those of any SELECT.  It reads
 *	  under the snapshot of the query that it is part of, and changes nothing.
 *	- No text of a shape becomes SQL but names that the catalog has.  The condition
 *	  is parsed by itself, as one expression over the table, and what stands in the
 *	  statement is the tree's text.
 *	- Tables are locked as by any SELECT, for callers who may read some of them.
 *
 * While the statement runs, the settings by which values are printed are those by which they can
 * be read again under any: as in pg_dump.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "catalog.h"
#include "compat.h"
#include "condition.h"
#include "rows/nested_select.h"
#include "rows/result.h"

PG_FUNCTION_INFO_V1(nested_select);
PG_FUNCTION_INFO_V1(nested_select_by_name);

/* Values are printed such that they can be read again, until AtEOXact_GUC. */
static int
exact_output_begin(void)
{
	int			nest = NewGUCNestLevel();

	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (extra_float_digits < 1)
		(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

/* Run the statement; its rows are the function's result. */
static void
run_select(FunctionCallInfo fcinfo, const char *sql)
{
	SPIExecuteOptions options;
	int			nest = exact_output_begin();
	int			result;

	memset(&options, 0, sizeof(options));
	options.read_only = true;
	options.dest = rows_receiver(fcinfo, list_make1_int(1));
	result = SPI_execute_extended(sql, &options);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
	AtEOXact_GUC(true, nest);
}

/* The condition, which is of type text or jsonb; NULL when it is not given. */
static Node *
condition_arg(FunctionCallInfo fcinfo, Relation rel)
{
	if (PG_ARGISNULL(1))
		return NULL;
	if (get_fn_expr_argtype(fcinfo->flinfo, 1) == JSONBOID)
		return parse_json_condition(rel, "condition", PG_GETARG_JSONB_P(1));
	return parse_condition(rel, "condition", text_to_cstring(PG_GETARG_TEXT_PP(1)));
}

/* What all forms do, once the table is known. */
static Datum
select_documents(FunctionCallInfo fcinfo, Oid relid)
{
	SelectNode *root;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	root = select_shape(relid, PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2));
	run_select(fcinfo, select_sql(root, condition_arg(fcinfo, root->rel)));
	select_close(root);
	SPI_finish();
	return (Datum) 0;
}

/* A null that is no table. */
static void
report_null_target(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("argument \"target\" must not be null")));
}

/*
 * more.nested_select(target anyelement, condition, shape): a regclass, or a null of
 * a table's row type.
 */
Datum
nested_select(PG_FUNCTION_ARGS)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);

	if (type != REGCLASSOID)
		return select_documents(fcinfo, rowtype_table(type));
	if (PG_ARGISNULL(0))
		report_null_target();
	return select_documents(fcinfo, PG_GETARG_OID(0));
}

/* more.nested_select(target text, condition, shape): the table's name. */
Datum
nested_select_by_name(PG_FUNCTION_ARGS)
{
	Oid			relid;

	if (PG_ARGISNULL(0))
		report_null_target();
	relid = DatumGetObjectId(DirectFunctionCall1(regclassin, CStringGetDatum(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
	return select_documents(fcinfo, relid);
}
