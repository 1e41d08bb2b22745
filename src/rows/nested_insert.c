/*
 * nested_insert.c
 *	  nested_insert: documents of new rows, parents and children, in one call.
 *
 * Four steps, each in a file of its own: the documents are read into rows of
 * tables and links between rows (nested_read.c, nested_way.c; nested_shape.c says what
 * names mean); tables and rows are put in order (nested_order.c); the rows are
 * written, one statement for each table and level (nested_write.c, nested_batch.c,
 * nested_promise.c); and the documents are handed back (nested_result.c).
 *
 * Keys come from the statements themselves.  An INSERT reports each row under
 * its number in the data, with the columns as they are after defaults, sequences,
 * generation and triggers; what refers to the row is then written with the key
 * that it really has.  So defaults are computed once for each row, by the server,
 * in the rows' order, and it needs no right to use a sequence that a plain INSERT
 * would not need.  Only in a circle are keys computed beforehand (nested_promise.c).
 *
 * Why it is safe:
 *
 *	- Every statement is one of this room's verbs, with their text and their
 *	  sources: it runs as the caller, through the server's own executor, so that
 *	  privileges, row security, triggers and constraints are those of a plain
 *	  INSERT ... RETURNING, SELECT or UPDATE.  Foreign keys are looked at when each
 *	  statement ends; what it refers to was written by statements before, or by
 *	  itself, or the key is deferred.
 *	- All statements are part of the caller's, and an error undoes them all.
 *	- No text of a document becomes SQL.  Names are looked up, and the names in the
 *	  statements are the catalog's; values are data.
 *	- Catalogs are read for tables that are not locked yet.  What they say is
 *	  what the statements then find, or they fail.  Tables that documents have
 *	  rows of are locked when they are met, as their statements would.
 *	- Memory: about 200 bytes for each row besides the document, and the rows as
 *	  they come back.
 */
#include "postgres.h"

#include "access/relation.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "rows/nested.h"

PG_FUNCTION_INFO_V1(nested_insert);

/* See that the arguments are there. */
static void
check_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[] = {"target", "documents"};

	for (int i = 0; i < lengthof(names); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not be null", names[i])));
}

/* What on_conflict has; NULL when it was not given. */
static JsonbContainer *
on_conflict_arg(FunctionCallInfo fcinfo)
{
	Jsonb	   *given = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);

	if (given == NULL)
		return NULL;
	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"on_conflict\" must have an object for each table"),
				 errhint("For example {\"author\": {\"_match\": [\"email\"], \"_update\": true}}.")));
	return &given->root;
}

/* Return the documents, one after the other. */
static void
return_documents(Nested *nested, ReturnSetInfo *rsinfo)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "nested document", ALLOCSET_DEFAULT_SIZES);

	for (int i = 0; i < nested->nroots; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		Datum		value = JsonbPGetDatum(nested_result(nested, nested->roots[i]));
		bool		isnull = false;

		MemoryContextSwitchTo(old);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
		MemoryContextReset(context);
	}
}

/* Let go of the tables; the locks stay until the transaction ends. */
static void
close_tables(Nested *nested)
{
	ListCell   *lc;

	foreach(lc, nested->order)
	{
		NestedTable *table = lfirst(lc);

		if (table->slot)
			ExecDropSingleTupleTableSlot(table->slot);
		relation_close(table->rel, NoLock);
	}
}

/*
 * more.nested_insert(target regclass, documents jsonb, on_conflict jsonb)
 */
Datum
nested_insert(PG_FUNCTION_ARGS)
{
	Nested		nested;

	check_arguments(fcinfo);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	memset(&nested, 0, sizeof(nested));
	nested.on_conflict = on_conflict_arg(fcinfo);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	nested.context = CurrentMemoryContext;
	nested_read(&nested, PG_GETARG_OID(0), PG_GETARG_JSONB_P(1));
	nested_write(&nested);
	return_documents(&nested, (ReturnSetInfo *) fcinfo->resultinfo);
	close_tables(&nested);
	SPI_finish();
	return (Datum) 0;
}
