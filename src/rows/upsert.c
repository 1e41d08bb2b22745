/*
 * upsert.c
 *	  bulk_upsert, bulk_sync and bulk_get_or_create.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "compat.h"
#include "condition.h"
#include "expression.h"
#include "rows/result.h"
#include "rows/verb.h"

PG_FUNCTION_INFO_V1(bulk_upsert);
PG_FUNCTION_INFO_V1(bulk_upsert_returning);
PG_FUNCTION_INFO_V1(bulk_sync);
PG_FUNCTION_INFO_V1(bulk_get_or_create);

/* How often rows that another session got hold of are tried again. */
#define MAX_ROUNDS 3

/*
 * Settle the input rows that a statement of an upsert left over, and return how
 * many are to be tried again.
 *
 * A row whose insert was tried in vain met one that another session inserted
 * meanwhile; only where triggers may suppress rows is that said by the conflict
 * alone.  A row whose insert was not even tried matched a row that was not
 * updated: by a trigger's will if that row is still there and may be updated,
 * else because another session deleted it or row security forbids the update.
 */
static int64
settle_rows(Verb *verb, Source **source)
{
	bool		suppresses = verb->has_triggers && verb->sees_conflicts;
	bool		doubtful = suppresses && verb_rows_left(verb) > 0;

	verb_change_status(verb, STATUS_TRIED, suppresses ? STATUS_MISSING : STATUS_CONFLICT);
	if (doubtful)
	{
		*source = verb_source(verb, *source);
		verb_run(verb, sql_mark_existing(verb, *source), *source, None_Receiver);
		verb_change_status(verb, STATUS_SEEN, STATUS_MISSING);
	}
	verb_change_status(verb, STATUS_CONFLICT, STATUS_NONE);
	return verb_rows_left(verb);
}

/* Whether the caller may update the first column of the key. */
static bool
may_update_key(Verb *verb)
{
	Oid			relid = RelationGetRelid(verb->rel);

	return pg_class_aclcheck(relid, GetUserId(), ACL_UPDATE) == ACLCHECK_OK ||
		pg_attribute_aclcheck(relid, verb->columns[verb->keys[0]].attnum, GetUserId(),
							  ACL_UPDATE) == ACLCHECK_OK;
}

/*
 * A row that can be seen is in the way and was not updated: row security does
 * not allow it, or other sessions keep changing it.
 */
static void
report_stubborn_row(Verb *verb)
{
	bool		secured = check_enable_rls(RelationGetRelid(verb->rel), InvalidOid, true) == RLS_ENABLED;
	int64		row = verb_first_left(verb);

	ereport(ERROR,
			(errcode(secured ? ERRCODE_INSUFFICIENT_PRIVILEGE : ERRCODE_T_R_SERIALIZATION_FAILURE),
			 verb->place ? errmsg("a row could be neither updated nor inserted in \"%s\"",
								  RelationGetRelationName(verb->rel)) :
			 errmsg("row " INT64_FORMAT " could be neither updated nor inserted in \"%s\"",
					row, RelationGetRelationName(verb->rel)),
			 errdetail_internal("%s", verb->place ? psprintf("%s.", verb->place(verb, row, NULL)) :
								verb_row_key(verb, row)),
			 secured ? errhint("A policy of row-level security allows to see the row that has this key, but not to update it.") :
			 errhint("Other sessions keep changing the row that has this key: try again.")));
}

/*
 * verb_upsert
 *		Run an upsert until each input row has been dealt with; dest gets the
 *		reports.
 *
 * Rows that another session inserts while a statement runs are tried again
 * under a newer snapshot, at last without ignoring conflicts, so that a conflict
 * with a row that stays hidden is an error.
 */
void
verb_upsert(Verb *verb, Source **source, DestReceiver *dest, bool delete_others)
{
	/* DO UPDATE takes the right to update, which a get-or-create does not need */
	verb->has_triggers = may_have_row_triggers(verb->rel);
	verb->sees_conflicts =
		(verb->has_triggers || verb->rel->rd_rel->relrowsecurity) &&
		(verb->nset > 0 || (verb->sets && may_update_key(verb)));
	for (int round = 1; round <= MAX_ROUNDS; round++)
	{
		bool		last = round == MAX_ROUNDS;

		*source = verb_source(verb, *source);
		verb_run(verb, sql_upsert(verb, *source, delete_others && round == 1, last),
			*source, dest);
		if (settle_rows(verb, source) == 0)
			return;
	}
	/* get-or-create has an error of its own */
	if (verb->sets)
		report_stubborn_row(verb);
}

static bool
is_key_column(Verb *verb, int column)
{
	for (int k = 0; k < verb->nkeys; k++)
		if (verb->keys[k] == column)
			return true;
	return false;
}

static bool
is_assigned(Verb *verb, int column)
{
	for (int i = 0; i < verb->nset; i++)
		if (verb->set[i].column == column)
			return true;
	return false;
}

/* Whether the caller may read the whole table. */
static bool
may_select(Verb *verb)
{
	return pg_class_aclcheck(RelationGetRelid(verb->rel), GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/*
 * Whether INSERT ... ON CONFLICT DO UPDATE does the same as an update followed
 * by an insert, and can so be used instead, because it is faster: when nobody
 * asks which rows were inserted, and when to try and insert a row that exists
 * can neither fail nor leave a trace.  So every row has every column that has
 * no constant default, and there is no trigger, no check, no generated column
 * and no row security that would see the row that is not inserted.
 */
static bool
inserts_as_updates(Verb *verb)
{
	TupleDesc	desc = RelationGetDescr(verb->rel);

	if (verb->returning || verb->skip_unchanged || verb->nset == 0 || verb->unique.deferrable ||
		verb->unique.partial || verb->rel->rd_rel->relkind != RELKIND_RELATION ||
		!verb->unique.usual || verb->rel->rd_rel->relispartition ||
		verb->rel->rd_rel->relrowsecurity || verb->rel->rd_rel->relhassubclass ||
		!may_select(verb) ||
		may_have_row_triggers(verb->rel) || (desc->constr && desc->constr->num_check > 0) ||
		OidIsValid(verb->rel->rd_rel->reloftype) || verb->rel->rd_rel->relhasrules)
		return false;
	for (int i = 0; i < verb->nset; i++)
		if (verb->set[i].column < 0)
			return false;
	/* a column that is only inserted might fail where the row exists */
	for (int c = 0; c < verb->ncolumns; c++)
		if (!is_key_column(verb, c) && !is_assigned(verb, c))
			return false;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		int			c = verb_data_column(verb, NameStr(att->attname));

		if (att->attisdropped)
			continue;
		if (att->attgenerated)
			return false;
		if (c >= 0)
		{
			if (verb->columns[c].partial)
				return false;
		}
		else if (att->attnotnull || get_typtype(att->atttypid) == TYPTYPE_DOMAIN ||
				 !IsA(column_default(verb->rel, i + 1), Const))
			return false;
	}
	return true;
}

/* The body of both forms of bulk_upsert. */
static int64
upsert_rows(Verb *verb, FunctionCallInfo fcinfo)
{
	Source	   *source = NULL;
	Report	   *report;
	int64		affected;

	verb->key_arg = arg_array(fcinfo, 2);
	verb->set_arg = arg_array(fcinfo, 3);
	verb->skip_unchanged = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	verb->sets = true;
	verb->inserts = true;
	verb->rule = KEY_UNIQUE;
	verb_connect(verb);
	/* what is kept of an upsert takes the right to SELECT: see inserts_as_updates() */
	if (may_select(verb) && known_call_run(verb, CALL_UPSERT, &affected))
	{
		verb_finish(verb, NULL);
		return affected;
	}
	verb_resolve(verb);
	if (verb->data->nrows > 0)
		verb_require_unique_key(verb);
	if (verb->data->nrows > 0 && inserts_as_updates(verb))
	{
		source = verb_source(verb, source);
		affected = known_call_start(verb, sql_insert_or_update(verb, source), source);
		verb_finish(verb, source);
		return affected;
	}
	verb_number_rows(verb);
	report = report_create(verb);
	if (verb->data->nrows > 0)
		verb_upsert(verb, &source, &report->pub, false);
	affected = report->counts[STATUS_INSERTED] + report->counts[STATUS_UPDATED];
	if (verb->returning)
		report_emit(report, fcinfo, false);
	verb_finish(verb, source);
	return affected;
}

Datum
bulk_upsert(PG_FUNCTION_ARGS)
{
	Verb		verb;

	verb_on_table(&verb, fcinfo, ACL_INSERT | ACL_UPDATE);
	PG_RETURN_INT64(upsert_rows(&verb, fcinfo));
}

Datum
bulk_upsert_returning(PG_FUNCTION_ARGS)
{
	Verb		verb;

	verb_on_rows(&verb, fcinfo, ACL_INSERT | ACL_UPDATE, RowExclusiveLock);
	(void) upsert_rows(&verb, fcinfo);
	return (Datum) 0;
}

/* The condition as SQL over the target; it may be given as JSON. */
static const char *
sync_condition(Verb *verb, const char *text)
{
	if (text == NULL || !condition_is_json(text))
		return text;
	return caller_condition_sql(verb->rel, "condition", parse_condition(verb->rel, "condition", text), "target");
}

/*
 * more.bulk_sync: make the rows inside a condition just those of the data, in
 * one statement, and count what that took.
 */
Datum
bulk_sync(PG_FUNCTION_ARGS)
{
	Verb		verb;
	bool		allow_empty = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);
	Source	   *source = NULL;
	Report	   *report;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false};
	int64		unchanged = 0;

	verb_on_table(&verb, fcinfo, ACL_DELETE);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	verb.key_arg = arg_array(fcinfo, 2);
	verb.set_arg = arg_array(fcinfo, 3);
	verb.condition = sync_condition(&verb, arg_text(fcinfo, 4));
	verb.skip_unchanged = true;
	verb.sets = true;
	verb.inserts = true;
	verb.rule = KEY_UNIQUE;
	if (verb.condition &&
		columns_of_alias(parse_expression("condition", verb.condition), "data", NIL) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("argument \"condition\" can only refer to the target")));
	if (verb.data->nrows == 0 && verb.condition == NULL && !allow_empty)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the data is empty: every row of the target would be deleted"),
				 errhint("Give a condition that bounds what is deleted, or allow_empty => true.")));
	verb_connect(&verb);
	verb_resolve(&verb);
	verb_number_rows(&verb);
	report = report_create(&verb);
	verb_require_unique_key(&verb);
	if (verb.data->nrows > 0)
		verb_upsert(&verb, &source, &report->pub, true);
	else
		report->counts[STATUS_DELETED] = verb_run(&verb, sql_delete_all(&verb), NULL, NULL);
	values[0] = Int64GetDatum(report->counts[STATUS_INSERTED]);
	values[1] = Int64GetDatum(report->counts[STATUS_UPDATED]);
	values[2] = Int64GetDatum(report->counts[STATUS_DELETED]);
	for (int64 r = 0; r < verb.data->nrows; r++)
		unchanged += verb.status[r] == STATUS_UNCHANGED;
	values[3] = Int64GetDatum(unchanged);
	verb_finish(&verb, source);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * A row whose key was not found, and that was not inserted.  The server does
 * not say why; so the hint has what is possible on such a table.
 */
static void
report_lost_row(Verb *verb)
{
	bool		secured = check_enable_rls(RelationGetRelid(verb->rel), InvalidOid, true) == RLS_ENABLED;
	const char *hint;

	if (secured)
		hint = "A row that row-level security hides has this key, or a trigger kept the row from being inserted.";
	else if (verb->rel->rd_rel->relkind == RELKIND_VIEW)
		hint = "A row that the view does not show has this key, or a trigger kept the row from being inserted.";
	else if (verb->has_triggers)
		hint = "A trigger kept it from being inserted.";
	else
		hint = "Its key is equal to that of another row by the unique index, but not by the column's own equality; or other sessions keep changing that row: try again.";
	ereport(ERROR,
			(errcode(secured ? ERRCODE_INSUFFICIENT_PRIVILEGE : ERRCODE_NO_DATA_FOUND),
			 errmsg("row " INT64_FORMAT " could be neither found nor created in \"%s\"",
					verb_first_left(verb), RelationGetRelationName(verb->rel)),
			 errdetail_internal("%s", verb_row_key(verb, verb_first_left(verb))),
			 errhint("%s", hint)));
}

/*
 * more.bulk_get_or_create: the row of each key, created where there is none.
 */
Datum
bulk_get_or_create(PG_FUNCTION_ARGS)
{
	Verb		verb;
	Source	   *source = NULL;
	Report	   *report;

	verb_on_rows(&verb, fcinfo, ACL_INSERT, RowExclusiveLock);
	verb.key_arg = arg_array(fcinfo, 2);
	verb.inserts = true;
	verb.rule = KEY_UNIQUE;
	verb_connect(&verb);
	verb_resolve(&verb);
	verb_number_rows(&verb);
	report = report_create(&verb);
	if (verb.data->nrows > 0)
	{
		verb_require_unique_key(&verb);
		verb_upsert(&verb, &source, &report->pub, false);
		if (verb_rows_left(&verb) > 0)
			report_lost_row(&verb);
	}
	report_emit(report, fcinfo, false);
	verb_finish(&verb, source);
	return (Datum) 0;
}
