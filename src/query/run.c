/*
 * run.c
 *	  The functions that run a query: rows, run, fetch, count, exists, first, get,
 *	  execute, open.
 *
 * Each prepares the query (prepare.c) and runs it once, with the caller's rights.
 * Rows are the function's result as they come, in a tuplestore that spills to
 * disk; nothing is printed or parsed again.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/rel.h"

#include "access/relation.h"
#include "catalog.h"
#include "compat.h"
#include "query/refine.h"
#include "query/run.h"
#include "rows/result.h"

PG_FUNCTION_INFO_V1(query_rows);
PG_FUNCTION_INFO_V1(query_run);
PG_FUNCTION_INFO_V1(query_fetch);
PG_FUNCTION_INFO_V1(query_count);
PG_FUNCTION_INFO_V1(query_exists);
PG_FUNCTION_INFO_V1(query_first);
PG_FUNCTION_INFO_V1(query_get);
PG_FUNCTION_INFO_V1(query_execute);
PG_FUNCTION_INFO_V1(query_open);

static void
connect_spi(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

/* ------------------------------------------------------------------------ */
/* Sets of rows																*/
/* ------------------------------------------------------------------------ */

/*
 * more.rows(query): each row as a jsonb object.
 */
Datum
query_rows(PG_FUNCTION_ARGS)
{
	RunQuery   *run;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	connect_spi();
	run = run_prepare(PG_GETARG_QUERY(0), NULL);
	run_require_rows(run, "rows");
	require_distinct_names(run->columns);
	run_execute(run, jsonb_receiver(NULL, (ReturnSetInfo *) fcinfo->resultinfo, NULL));
	SPI_finish();
	return (Datum) 0;
}

/*
 * query_require_definition
 *		The query's columns must fit the caller's column definition list, by position.
 */
void
query_require_definition(TupleDesc given, TupleDesc wanted)
{
	if (given->natts != wanted->natts)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the query has %d columns, but the column definition list %d", given->natts, wanted->natts),
				 errhint("more.columns tells the query's columns and their types.")));
	for (int i = 0; i < wanted->natts; i++)
	{
		Form_pg_attribute from = TupleDescAttr(given, i);
		Form_pg_attribute to = TupleDescAttr(wanted, i);

		if (!IsBinaryCoercible(from->atttypid, to->atttypid))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column %d of the query, \"%s\", is of type %s, but the column definition list says %s", i + 1,
							NameStr(from->attname), format_type_be(from->atttypid), format_type_be(to->atttypid)),
					 errhint("more.columns tells the query's columns and their types.")));
	}
}

/*
 * query_all_columns
 *		The numbers from 1 to n.
 */
List *
query_all_columns(int n)
{
	List	   *result = NIL;

	for (int i = 1; i <= n; i++)
		result = lappend_int(result, i);
	return result;
}

/*
 * more.run(query): the rows as records, for a column definition list.
 */
Datum
query_run(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RunQuery   *run;

	if (rsinfo && IsA(rsinfo, ReturnSetInfo) && rsinfo->expectedDesc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("more.run needs a column definition list"),
				 errhint("Write FROM more.run(...) AS r(a integer, b text), or use more.rows.")));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	connect_spi();
	run = run_prepare(PG_GETARG_QUERY(0), NULL);
	run_require_rows(run, "run");
	query_require_definition(run->columns, rsinfo->setDesc);
	run_execute(run, rows_receiver(fcinfo, query_all_columns(rsinfo->setDesc->natts)));
	SPI_finish();
	return (Datum) 0;
}

/* The row type's column for a column of the query; raises an error unless there is one, of its type. */
static AttrNumber
matching_column(Relation rel, Form_pg_attribute from)
{
	AttrNumber	attnum = find_column(rel, NameStr(from->attname));
	const char *nearest;
	Form_pg_attribute to;

	if (attnum <= 0)
	{
		nearest = nearest_column(rel, NameStr(from->attname));
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of the query is not in the row type of \"%s\"", NameStr(from->attname),
						RelationGetRelationName(rel)),
				 nearest ? errhint("Perhaps you meant \"%s\". more.pick leaves columns out.", nearest) :
				 errhint("more.pick leaves columns out.")));
	}
	to = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	if (!IsBinaryCoercible(from->atttypid, to->atttypid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of the query is of type %s, but in the row type of \"%s\" of type %s",
						NameStr(from->attname), format_type_be(from->atttypid), RelationGetRelationName(rel),
						format_type_be(to->atttypid))));
	return attnum;
}

/*
 * query_match_columns
 *		Where the query's columns stand in the row type, by their names; each must be there, with its type.
 */
List *
query_match_columns(TupleDesc columns, Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	List	   *result = NIL;

	for (int i = 0; i < columns->natts; i++)
		result = lappend_int(result, matching_column(rel, TupleDescAttr(columns, i)));
	relation_close(rel, NoLock);
	return result;
}

/*
 * more.fetch(query, NULL::table): the rows as rows of that type, columns by name.
 */
Datum
query_fetch(PG_FUNCTION_ARGS)
{
	Oid			relid = rowtype_table(get_fn_expr_argtype(fcinfo->flinfo, 1));
	RunQuery   *run;
	List	   *attnums;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	connect_spi();
	run = run_prepare(PG_GETARG_QUERY(0), NULL);
	run_require_rows(run, "fetch");
	require_distinct_names(run->columns);
	attnums = query_match_columns(run->columns, relid);
	run_execute(run, rows_receiver(fcinfo, attnums));
	SPI_finish();
	return (Datum) 0;
}

/* ------------------------------------------------------------------------ */
/* Single answers															*/
/* ------------------------------------------------------------------------ */

/* Of such a query no part can be left out when it is run. */
static void
require_reading(MoreQuery *query, const char *function)
{
	if (query_modifies(query))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("more.%s takes a query that reads, not one that changes rows", function),
				 errhint("more.execute runs it and tells how many rows it changed.")));
}

/* The query, of which no more than so many rows are wanted. */
static MoreQuery *
limited(MoreQuery *query, const char *rows)
{
	if (query->kind == QUERY_OPAQUE || query->parts[PART_LIMIT] || query->parts[PART_FETCH])
		query = query_wrap(query);
	query->parts[PART_LIMIT] = rows;
	return query;
}

/* How many rows the query gives. */
static int64
count_rows(MoreQuery *query)
{
	RunQuery   *run;
	bool		isnull;

	query = query_wrap(query);
	query->parts[PART_SELECT] = "pg_catalog.count(*)";
	query->parts[PART_ORDER_BY] = NULL;
	run = run_prepare(query, NULL);
	run_execute(run, NULL);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * more.count(query): how many rows it gives.
 */
Datum
query_count(PG_FUNCTION_ARGS)
{
	MoreQuery  *query = PG_GETARG_QUERY(0);
	int64		result;

	require_reading(query, "count");
	connect_spi();
	result = count_rows(query);
	SPI_finish();
	PG_RETURN_INT64(result);
}

/*
 * more.exists(query): does it give any row?
 */
Datum
query_exists(PG_FUNCTION_ARGS)
{
	MoreQuery  *query = PG_GETARG_QUERY(0);
	bool		result;

	require_reading(query, "exists");
	connect_spi();
	result = run_execute(run_prepare(limited(query, "1"), NULL), CreateDestReceiver(DestNone)) > 0;
	SPI_finish();
	PG_RETURN_BOOL(result);
}

/* Run the query for a row as jsonb, or 0; how many rows were seen of it. */
static uint64
first_row(MoreQuery *query, const char *function, MemoryContext context, Datum *row)
{
	RunQuery   *run = run_prepare(query, NULL);

	run_require_rows(run, function);
	require_distinct_names(run->columns);
	*row = (Datum) 0;
	return run_execute(run, jsonb_receiver(context, NULL, row));
}

/*
 * more.first(query): its first row, or null.  One that changes rows is run to its end.
 */
Datum
query_first(PG_FUNCTION_ARGS)
{
	MoreQuery  *query = PG_GETARG_QUERY(0);
	MemoryContext context = CurrentMemoryContext;
	Datum		row;

	connect_spi();
	first_row(query_modifies(query) ? query : limited(query, "1"), "first", context, &row);
	SPI_finish();
	if (row == (Datum) 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(row);
}

/*
 * more.get(query): its only row; an error unless there is exactly one.
 */
Datum
query_get(PG_FUNCTION_ARGS)
{
	MoreQuery  *query = PG_GETARG_QUERY(0);
	MemoryContext context = CurrentMemoryContext;
	bool		modifies = query_modifies(query) || query_has_changes(query);	/* is to be run once only */
	Datum		row;
	uint64		found;

	connect_spi();
	found = first_row(modifies ? query : limited(query_copy(query), "2"), "get", context, &row);
	if (found == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("the query gives no row, where one is asked for"),
				 errhint("more.first gives null when there is none.")));
	if (found > 1)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_ROWS),
				 errmsg("the query gives " INT64_FORMAT " rows, where one is asked for",
						modifies ? (int64) found : count_rows(query)),
				 errhint("more.first gives the first of them, more.rows all.")));
	SPI_finish();
	PG_RETURN_DATUM(row);
}

/*
 * more.execute(query): run it for what it does; how many rows it changed, returned or gave.
 */
Datum
query_execute(PG_FUNCTION_ARGS)
{
	uint64		result;

	connect_spi();
	result = run_execute(run_prepare(PG_GETARG_QUERY(0), NULL), CreateDestReceiver(DestNone));
	SPI_finish();
	PG_RETURN_INT64(result);
}

/*
 * more.open(query): a cursor over its rows, for FETCH, to the transaction's end.
 */
Datum
query_open(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	RunQuery   *run;
	Portal		portal;
	char	   *name;

	connect_spi();
	run = run_prepare(PG_GETARG_QUERY(0), NULL);
	run_require_rows(run, "open");
	portal = SPI_cursor_open_with_paramlist(NULL, run->plan, run->params, !run->writes);
	name = MemoryContextStrdup(context, portal->name);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(name));
}
