/*
 * insert.c
 *	  bulk_insert.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "optimizer/optimizer.h"

#include "compat.h"
#include "rows/result.h"
#include "rows/verb.h"

PG_FUNCTION_INFO_V1(bulk_insert);
PG_FUNCTION_INFO_V1(bulk_insert_returning);

/*
 * Whether some row gets a value that depends on when it is inserted, such as
 * one from a sequence: then rows go in the order in which they were given.
 */
static bool
order_is_visible(Verb *verb)
{
	TupleDesc	desc = RelationGetDescr(verb->rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		int			c;

		if (att->attisdropped || att->attgenerated)
			continue;
		c = verb_data_column(verb, NameStr(att->attname));
		if (c >= 0 && !verb->columns[c].partial)
			continue;
		if (att->attidentity || contain_volatile_functions(column_default(verb->rel, i + 1)))
			return true;
	}
	return false;
}

/*
 * Take the primary key for order and duplicates when all rows have it and no
 * trigger may change it.  A single row has neither.
 */
static void
resolve_insert_key(Verb *verb, bool ignore)
{
	List	   *columns = NIL;
	bool		others = false;
	ListCell   *lc;

	verb->nkeys = 0;
	if (verb->data->nrows == 1)
		return;
	if (!may_have_row_triggers(verb->rel))
		columns = primary_key_columns(verb->rel);

	/*
	 * A row that another key refuses does not stand in its successor's way; and
	 * partitions may have keys of their own.
	 */
	if (ignore && (list_length(unique_keys(verb->rel, &others)) != 1 || others ||
				   verb->rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE))
		columns = NIL;
	/* a deferrable key is judged later */
	if (columns != NIL && (!find_unique_key(verb->rel, columns, &verb->unique) || verb->unique.deferrable))
		columns = NIL;
	verb->keys = palloc_array(int, list_length(columns) + 1);
	foreach(lc, columns)
	{
		int			c;

		for (c = 0; c < verb->ncolumns; c++)
			if (verb->columns[c].attnum == lfirst_int(lc) && !verb->columns[c].partial)
				break;
		if (c == verb->ncolumns)
		{
			verb->nkeys = 0;
			return;
		}
		verb->keys[verb->nkeys++] = c;
	}
	verb->input_order = order_is_visible(verb);
}

/* Find the rows that ignored input rows conflict with, by one key after another. */
static void
report_existing(Verb *verb, Source **source, Report *report, bool *others)
{
	List	   *keys = unique_keys(verb->rel, others);
	ListCell   *lc;

	/* without triggers nothing but a conflict keeps a row from being inserted */
	*others |= verb->rel->rd_rel->relkind == RELKIND_VIEW || !may_have_row_triggers(verb->rel);
	foreach(lc, keys)
	{
		List	   *columns = lfirst(lc);
		ListCell   *col;

		if (verb_rows_left(verb) == 0)
			break;
		verb->nkeys = 0;
		verb->keys = palloc_array(int, list_length(columns));
		foreach(col, columns)
			for (int c = 0; c < verb->ncolumns; c++)
				if (verb->columns[c].attnum == lfirst_int(col) && !verb->columns[c].partial)
					verb->keys[verb->nkeys++] = c;
		if (verb->nkeys < list_length(columns))
			continue;
		verb->rule = KEY_ANY;
		*source = verb_source(verb, *source);
		verb_run(verb, sql_existing(verb, *source), *source, &report->pub);
	}
}

/* The body of both forms of bulk_insert; the report is null in the short one. */
static int64
insert_rows(Verb *verb, FunctionCallInfo fcinfo)
{
	bool		ignore = arg_choice(fcinfo, 2, "on_conflict", "error", "ignore");
	Source	   *source = NULL;
	Report	   *report = NULL;
	bool		others = false;
	int64		inserted = 0;

	verb->inserts = true;
	verb_connect(verb);
	if (known_call_run(verb, ignore ? CALL_INSERT_IGNORE : CALL_INSERT, &inserted))
	{
		verb_finish(verb, NULL);
		return inserted;
	}
	if (verb->returning)
	{
		verb_number_rows(verb);
		report = report_create(verb);
	}
	if (verb->data->nrows > 0)
	{
		verb_describe_columns(verb, NIL, NIL, NIL, NIL);
		resolve_insert_key(verb, ignore);
		verb->rule = ignore ? KEY_DISTINCT : KEY_UNIQUE;
		verb->keep_nulls = true;	/* the server knows what to say of them */
		source = verb_source(verb, source);
		if (report)
			inserted = verb_run(verb, sql_insert(verb, source, ignore), source, &report->pub);
		else
			inserted = known_call_start(verb, sql_insert(verb, source, ignore), source);
		if (report && verb_change_status(verb, STATUS_TRIED, STATUS_NONE) > 0 && ignore)
			report_existing(verb, &source, report, &others);
	}
	if (report)
		report_emit(report, fcinfo, ignore && others);
	verb_finish(verb, source);
	return inserted;
}

Datum
bulk_insert(PG_FUNCTION_ARGS)
{
	Verb		verb;

	verb_on_table(&verb, fcinfo, ACL_INSERT);
	PG_RETURN_INT64(insert_rows(&verb, fcinfo));
}

Datum
bulk_insert_returning(PG_FUNCTION_ARGS)
{
	Verb		verb;

	verb_on_rows(&verb, fcinfo, ACL_INSERT, RowExclusiveLock);
	(void) insert_rows(&verb, fcinfo);
	return (Datum) 0;
}
