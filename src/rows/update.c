/*
 * update.c
 *	  bulk_update and bulk_delete.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "foreign/foreign.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "rows/result.h"
#include "rows/verb.h"

PG_FUNCTION_INFO_V1(bulk_update);
PG_FUNCTION_INFO_V1(bulk_update_returning);
PG_FUNCTION_INFO_V1(bulk_delete);
PG_FUNCTION_INFO_V1(bulk_delete_returning);

/* Whether the verb must see to it that a target row is matched once. */
bool
verb_claims_rows(Verb *verb)
{
	return verb->match && verb->sets;
}

/* Whether rows have addresses: in tables, and in those that postgres_fdw serves. */
static bool
tells_rows_apart(Relation rel)
{
	ForeignServer *server;
	char	   *handler;

	if (rel->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		return rel->rd_rel->relkind != RELKIND_VIEW;
	server = GetForeignServer(GetForeignTable(RelationGetRelid(rel))->serverid);
	handler = get_func_name(GetForeignDataWrapper(server->fdwid)->fdwhandler);
	return handler && strcmp(handler, "postgres_fdw_handler") == 0;
}

/* See that an update by a free condition can be watched over. */
static void
check_match(Verb *verb)
{
	if (!tells_rows_apart(verb->rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" cannot be updated by \"match\"", RelationGetRelationName(verb->rel)),
				 errdetail("Nothing tells whether two rows of the data match the same row of a view, "
						   "or of a foreign table without row addresses."),
				 errhint("Use \"key\", or update the table behind it.")));
}

/*
 * Complain about the first row that was not updated: it is not there, or it is
 * and something kept it.
 */
static void
report_missing_row(Verb *verb, Source *source)
{
	int64		row;

	source = verb_source(verb, source);
	verb_run(verb, sql_mark_existing(verb, source), source, None_Receiver);
	if (verb_rows_left(verb) == 0)
	{
		verb_change_status(verb, STATUS_SEEN, STATUS_NONE);
		row = verb_first_left(verb);
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("row " INT64_FORMAT " was not updated in \"%s\"", row,
						RelationGetRelationName(verb->rel)),
				 verb->nkeys > 0 ? errdetail_internal("%s", verb_row_key(verb, row)) : 0,
				 errhint("A trigger or a policy of row-level security kept it from being updated.")));
	}
	row = verb_first_left(verb);
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("row " INT64_FORMAT " matches no row of \"%s\"", row,
					RelationGetRelationName(verb->rel)),
			 verb->nkeys > 0 ? errdetail_internal("%s", verb_row_key(verb, row)) : 0,
			 errhint("Use missing => 'ignore' to leave such rows out, or more.bulk_upsert to insert them.")));
}

/* The body of both forms of bulk_update. */
static int64
update_rows(Verb *verb, FunctionCallInfo fcinfo)
{
	bool		strict = arg_choice(fcinfo, 6, "missing", "ignore", "error");
	Source	   *source = NULL;
	Report	   *report = NULL;
	int64		updated = 0;

	verb->key_arg = arg_array(fcinfo, 2);
	verb->set_arg = arg_array(fcinfo, 3);
	verb->match = arg_text(fcinfo, 4);
	verb->skip_unchanged = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);
	verb->sets = true;
	verb->rule = KEY_UNIQUE;
	verb_connect(verb);
	if (!strict && known_call_run(verb, CALL_UPDATE, &updated))
	{
		verb_finish(verb, NULL);
		return updated;
	}
	verb_resolve(verb);
	if (verb->match)
		check_match(verb);
	if (verb->returning || strict || verb_claims_rows(verb))
		verb_number_rows(verb);
	if (verb->returning || strict)
		report = report_create(verb);
	if (verb->data->nrows > 0 && verb->nset == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no column to update"),
				 verb->set_arg ? errdetail("Argument \"set\" names no column.") :
				 errdetail("The data has only the columns of the key.")));
	if (verb->data->nrows > 0)
	{
		char	   *sql;

		source = verb_source(verb, source);
		sql = sql_update(verb, source, report != NULL);
		if (report)
		{
			verb_run(verb, sql, source, &report->pub);
			updated = report->counts[STATUS_UPDATED];
		}
		else
			updated = known_call_start(verb, sql, source);
		/* what another session has made equal while we waited for it is there */
		if (report && verb->skip_unchanged && verb_rows_left(verb) > 0)
		{
			source = verb_source(verb, source);
			verb_run(verb, sql_unchanged(verb, source), source, &report->pub);
		}
	}
	if (strict && verb_rows_left(verb) > 0)
		report_missing_row(verb, source);
	if (verb->returning)
		report_emit(report, fcinfo, false);
	verb_finish(verb, source);
	return updated;
}

Datum
bulk_update(PG_FUNCTION_ARGS)
{
	Verb		verb;

	verb_on_table(&verb, fcinfo, ACL_UPDATE);
	PG_RETURN_INT64(update_rows(&verb, fcinfo));
}

Datum
bulk_update_returning(PG_FUNCTION_ARGS)
{
	Verb		verb;

	verb_on_rows(&verb, fcinfo, ACL_UPDATE, RowExclusiveLock);
	(void) update_rows(&verb, fcinfo);
	return (Datum) 0;
}

/* The body of both forms of bulk_delete. */
static int64
delete_rows(Verb *verb, FunctionCallInfo fcinfo)
{
	Source	   *source = NULL;
	Report	   *report = NULL;
	int64		deleted = 0;

	verb->key_arg = arg_array(fcinfo, 2);
	verb->match = arg_text(fcinfo, 3);
	verb->rule = KEY_UNIQUE;
	verb_connect(verb);
	if (known_call_run(verb, CALL_DELETE, &deleted))
	{
		verb_finish(verb, NULL);
		return deleted;
	}
	verb_resolve(verb);
	if (verb->returning)
	{
		verb_number_rows(verb);
		report = report_create(verb);
	}
	if (verb->data->nrows > 0)
	{
		source = verb_source(verb, source);
		if (report)
			verb_run(verb, sql_delete(verb, source), source, &report->pub);
		else
			deleted = known_call_start(verb, sql_delete(verb, source), source);
	}
	if (report)
		report_emit(report, fcinfo, false);
	verb_finish(verb, source);
	return deleted;
}

Datum
bulk_delete(PG_FUNCTION_ARGS)
{
	Verb		verb;

	verb_on_table(&verb, fcinfo, ACL_DELETE);
	PG_RETURN_INT64(delete_rows(&verb, fcinfo));
}

Datum
bulk_delete_returning(PG_FUNCTION_ARGS)
{
	Verb		verb;

	verb_on_rows(&verb, fcinfo, ACL_DELETE, RowExclusiveLock);
	(void) delete_rows(&verb, fcinfo);
	return (Datum) 0;
}
