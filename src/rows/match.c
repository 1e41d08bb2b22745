/*
 * match.c
 *	  rows_in, rows_not_in and rows_missing: matching on lists of keys.
 */
#include "postgres.h"

#include "funcapi.h"

#include "compat.h"
#include "rows/result.h"
#include "rows/verb.h"

PG_FUNCTION_INFO_V1(rows_in);
PG_FUNCTION_INFO_V1(rows_not_in);
PG_FUNCTION_INFO_V1(rows_missing);

/* See that the rows to be returned still have the shape that is expected. */
static void
check_row_type(Verb *verb, TupleDesc expected)
{
	TupleDesc	desc = RelationGetDescr(verb->rel);
	bool		same = desc->natts == expected->natts;

	for (int i = 0; same && i < desc->natts; i++)
		same = TupleDescAttr(desc, i)->atttypid == TupleDescAttr(expected, i)->atttypid &&
			TupleDescAttr(desc, i)->attisdropped == TupleDescAttr(expected, i)->attisdropped;
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the row type of \"%s\" has changed meanwhile", RelationGetRelationName(verb->rel)),
				 errhint("Run the statement again.")));
}

/* Lists of more rows than this are not sorted to be looked up. */
#define LONG_LIST 10000

/* What the three matching functions share. */
static Datum
match_rows(FunctionCallInfo fcinfo, KeyRule rule, bool numbered,
		   char *(*make_sql) (Verb *verb, Source *source))
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Verb		verb;
	List	   *attnums = NIL;
	Source	   *source;

	verb_on_rows(&verb, fcinfo, ACL_SELECT, AccessShareLock);
	verb.key_arg = arg_array(fcinfo, 2);
	verb.match = arg_text(fcinfo, 3);
	verb.returning = false;
	verb.rule = rule;
	verb.numbered = numbered;
	verb.returns_data = numbered;
	/* of a long list it is cheaper to let the join look at keys that repeat */
	if (verb.data->nrows > LONG_LIST)
		verb.rule = KEY_ANY;
	check_row_type(&verb, rsinfo->expectedDesc ? rsinfo->expectedDesc : rsinfo->setDesc);
	verb_connect(&verb);
	verb_resolve(&verb);
	source = verb_source(&verb, NULL);
	if (verb.returns_data)
	{
		for (int c = 0; c < verb.ncolumns; c++)
			if (AttributeNumberIsValid(verb.columns[c].attnum))
				attnums = lappend_int(attnums, verb.columns[c].attnum);
	}
	else
	{
		for (int i = 0; i < RelationGetDescr(verb.rel)->natts; i++)
			if (!TupleDescAttr(RelationGetDescr(verb.rel), i)->attisdropped)
				attnums = lappend_int(attnums, i + 1);
	}
	verb_run(&verb, make_sql(&verb, source), source, rows_receiver(fcinfo, attnums));
	verb_finish(&verb, source);
	return (Datum) 0;
}

Datum
rows_in(PG_FUNCTION_ARGS)
{
	return match_rows(fcinfo, KEY_DISTINCT, false, sql_rows_in);
}

Datum
rows_not_in(PG_FUNCTION_ARGS)
{
	return match_rows(fcinfo, KEY_DISTINCT, false, sql_rows_not_in);
}

Datum
rows_missing(PG_FUNCTION_ARGS)
{
	return match_rows(fcinfo, KEY_ANY, true, sql_rows_missing);
}
