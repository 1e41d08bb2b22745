/*
 * sql.c
 *	  The statements that the verbs run.
 *
 * In each, the target has the alias target and the data has the alias data.
 * Every other relation that is made here has a name that no user gives, so that
 * it hides nothing that a user's expression may refer to.  A statement that reports on input
 * rows returns their number, a status code and, when asked for, the target
 * row's columns.
 *
 * An upsert is one statement: rows that exist are updated, and then what was
 * not updated is inserted.  Unlike INSERT ... ON CONFLICT DO UPDATE it needs no
 * insertable row where it only updates, burns no sequence values for rows that
 * exist, and knows for each row which columns the data has.  The insert ignores
 * conflicts on the key, so that a row which another session inserts meanwhile
 * is left over, and the verb takes it up again under a newer snapshot.
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "rows/plan.h"
#include "rows/verb.h"

/* The parts of a statement. */
#define PART_UPDATED	"pg_more updated"
#define PART_MATCHED	"pg_more matched"
#define PART_INSERTED	"pg_more inserted"
#define PART_DELETED	"pg_more deleted"

/* The quoted name of a column of the target. */
static const char *
target_column(Verb *verb, AttrNumber attnum)
{
	return quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(verb->rel), attnum - 1)->attname));
}

/* The condition that pairs a target row with a data row. */
static char *
join_sql(Verb *verb)
{
	StringInfoData out;

	if (verb->data->nrows == 0)
		return "false";
	if (verb->match)
		return psprintf("(\n%s\n)", verb->match);

	initStringInfo(&out);
	for (int k = 0; k < verb->nkeys; k++)
	{
		DataColumn *column = &verb->columns[verb->keys[k]];
		TypeCacheEntry *entry = lookup_type_cache(column->type, TYPECACHE_EQ_OPR);
		const char *name = quote_identifier(column->name);

		appendStringInfo(&out, "%starget.%s %s data.%s", k > 0 ? " AND " : "",
						 name, operator_sql(entry->eq_opr), name);
	}
	if (verb->unique.partial)
		appendStringInfo(&out, " AND \"" PREDICATE_QUALIFIER "\".\"%u\"", verb->unique.index);
	return out.data;
}

/* The new value of an assignment's column: where a row lacks it, the old one. */
static char *
value_sql(Verb *verb, Source *source, Assignment *set)
{
	const char *column = target_column(verb, set->attnum);
	StringInfoData present;
	char	   *value;

	initStringInfo(&present);
	for (int c = 0; c < verb->ncolumns; c++)
		if (verb->columns[c].partial && (c == set->column || list_member_int(set->mentioned, c)))
			appendStringInfo(&present, "%s%s", present.len > 0 ? " AND " : "", source_flag(source, c));
	if (set->column < 0)
		value = psprintf("(\n%s\n)", set->value);
	else
		value = psprintf("data.%s", column);
	if (present.len == 0)
		return value;
	return psprintf("CASE WHEN %s THEN %s ELSE target.%s END", present.data, value, column);
}

/* Whether a cast to the type with a length cuts what an assignment refuses. */
static bool
cast_cuts(Oid type)
{
	Oid			base = getBaseType(type);

	return base == VARCHAROID || base == BPCHAROID || base == BITOID || base == VARBITOID;
}

/*
 * The condition that some assignment changes what is stored.  It compares
 * stored images: that needs no equality operator and cannot be misled by one.
 */
static char *
changed_sql(Verb *verb, Source *source)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < verb->nset; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(verb->rel), verb->set[i].attnum - 1);

		appendStringInfo(&out, "%smore._differs(target.%s, CAST(%s AS %s))", i > 0 ? " OR " : "",
						 quote_identifier(NameStr(att->attname)),
						 value_sql(verb, source, &verb->set[i]),
						 type_sql(att->atttypid, cast_cuts(att->atttypid) ? -1 : att->atttypmod));
	}
	return psprintf("(%s)", out.data);
}

/* The SET list. */
static char *
set_sql(Verb *verb, Source *source)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < verb->nset; i++)
	{
		char	   *value = value_sql(verb, source, &verb->set[i]);

		/* with a free condition, see that no target row is set twice */
		if (i == 0 && verb_claims_rows(verb))
			value = psprintf("CASE WHEN \"" CLAIM_QUALIFIER "\".%s THEN %s END",
							 source_ordinal_name(source), value);
		appendStringInfoString(&out, i > 0 ? ", " : "");
		appendStringInfoString(&out, target_column(verb, verb->set[i].attnum));
		appendStringInfoString(&out, " = ");
		appendStringInfoString(&out, value);
	}
	return out.data;
}

/* ", target.a AS c1, ..." where the verb returns rows, else nothing. */
static char *
row_sql(Verb *verb)
{
	TupleDesc	desc = RelationGetDescr(verb->rel);
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; verb->returning && i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped)
			appendStringInfo(&out, ", target.%s AS c%d", quote_identifier(NameStr(att->attname)), i + 1);
	}
	return out.data;
}

/* A report's line for each row of one of the statement's parts. */
static char *
report_sql(Verb *verb, const char *part, RowStatus status)
{
	TupleDesc	desc = RelationGetDescr(verb->rel);
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "SELECT o, %d", status);
	for (int i = 0; verb->returning && i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			appendStringInfo(&out, ", c%d", i + 1);
	appendStringInfo(&out, " FROM \"%s\"", part);
	return out.data;
}

/* UPDATE ... without RETURNING; condition may be NULL. */
static char *
update_sql(Verb *verb, Source *source, const char *condition)
{
	return psprintf("UPDATE %s AS target SET %s FROM %s WHERE %s%s%s",
					verb_target(verb), set_sql(verb, source), source_sql(source), join_sql(verb),
					condition ? " AND " : "", condition ? condition : "");
}

/* The rows that the data matches and that fulfil the condition, if any. */
static char *
matched_sql(Verb *verb, Source *source, const char *condition)
{
	return psprintf("SELECT more._seen_row(%s) AS o%s FROM %s JOIN %s AS target ON %s%s%s",
					source_ordinal(source), row_sql(verb), source_sql(source), verb_target(verb),
					join_sql(verb), condition ? " WHERE " : "", condition ? condition : "");
}

/* A condition that holds once a part has been run to its end. */
static char *
after_part(const char *part)
{
	return psprintf("(SELECT pg_catalog.count(*) FROM \"%s\") IS NOT NULL", part);
}

/*
 * The same for the deleted part, as a condition on the data: a join that has a
 * condition without columns is not offered to the hook that keeps its order.
 */
static char *
after_deleted(Source *source)
{
	return psprintf(" AND (SELECT pg_catalog.count(*) FROM \"" PART_DELETED "\")"
					" OPERATOR(pg_catalog.>=) (%s OPERATOR(pg_catalog.*) 0)", source_ordinal(source));
}

/*
 * The condition for a matched row to be unchanged: nothing to change, and not
 * updated by this statement, which a foreign table would show already.
 */
static char *
unchanged_sql(Verb *verb, Source *source, const char *changed)
{
	/* of a key that is not unique, one row may be updated and another not */
	if (!OidIsValid(verb->unique.index) && verb->rel->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		return psprintf("NOT %s", changed);
	return psprintf("NOT %s AND %s AND more._open_row(%s)", changed, after_part(PART_UPDATED),
					source_ordinal(source));
}

/* ------------------------------------------------------------------------ */
/* Insert																	*/
/* ------------------------------------------------------------------------ */

/* The column list, and the expressions over data that fill it; as parameters_sql in source.c, without formats where it can be. */
static void
insert_lists(Verb *verb, Source *source, StringInfo names, StringInfo values)
{
	TupleDesc	desc = RelationGetDescr(verb->rel);
	int			n = 0;

	for (int c = 0; c < verb->ncolumns; c++)
	{
		DataColumn *column = &verb->columns[c];
		const char *name = quote_identifier(column->name);
		const char *comma = n > 0 ? ", " : "";
		char		number[12];

		if (column->attnum == InvalidAttrNumber)
			continue;
		pg_ltoa(++n, number);
		appendStringInfoString(names, comma);
		appendStringInfoString(names, name);
		appendStringInfoString(values, comma);
		if (column->partial)
			appendStringInfo(values, "CASE WHEN %s THEN data.%s ELSE \"%s\".%s END",
							 source_flag(source, c), name, DEFAULT_QUALIFIER, name);
		else
		{
			appendStringInfoString(values, "data.");
			appendStringInfoString(values, name);
		}
		appendStringInfoString(values, " AS a");
		appendStringInfoString(values, number);
	}
	/* rows without any column: some column's default stands for all */
	for (int i = 0; n == 0 && i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped || is_computed(verb->rel, i + 1))
			continue;
		n++;
		appendStringInfoString(names, quote_identifier(NameStr(att->attname)));
		appendStringInfo(values, "\"%s\".%s AS a1", DEFAULT_QUALIFIER, names->data);
	}
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows without columns cannot be inserted into \"%s\"",
						RelationGetRelationName(verb->rel)),
				 errdetail("It has no column that takes a default.")));
}

/*
 * INSERT ... without ON CONFLICT and RETURNING, of the data rows that fulfil
 * the condition, if any.  When rows are numbered, the number of the row that is
 * being inserted is noted, because RETURNING cannot see it: the executor takes
 * one row from the inner query, inserts it and returns it before it takes the
 * next.
 */
static char *
insert_sql(Verb *verb, Source *source, const char *condition, bool overriding)
{
	StringInfoData names;
	StringInfoData values;
	StringInfoData out;
	const char *where = condition ? psprintf(" WHERE %s", condition) : "";

	initStringInfo(&names);
	initStringInfo(&values);
	initStringInfo(&out);
	insert_lists(verb, source, &names, &values);
	appendStringInfoString(&out, "INSERT INTO ");
	appendStringInfoString(&out, verb_target(verb));
	appendStringInfoString(&out, " AS target (");
	appendStringInfoString(&out, names.data);
	appendStringInfoString(&out, overriding ? ") OVERRIDING SYSTEM VALUE" : ")");
	if (verb->numbered)
	{
		int			n = 0;

		appendStringInfoString(&out, " SELECT ");
		for (int c = 0; c < verb->ncolumns; c++)
			if (verb->columns[c].attnum != InvalidAttrNumber)
			{
				n++;
				appendStringInfo(&out, "%ss.a%d", n > 1 ? ", " : "", n);
			}
		if (n == 0)
			appendStringInfoString(&out, "s.a1");
		appendStringInfo(&out, " FROM (SELECT %s, more._note_row(%s) AS noted FROM %s%s) AS s WHERE s.noted",
						 values.data, source_ordinal(source), source_sql(source), where);
	}
	else
	{
		appendStringInfoString(&out, " SELECT ");
		appendStringInfoString(&out, values.data);
		appendStringInfoString(&out, " FROM ");
		appendStringInfoString(&out, source_sql(source));
		appendStringInfoString(&out, where);
	}
	return out.data;
}

/* ON CONFLICT on the key, up to what is to be done; nothing where it cannot be. */
static char *
arbiter_sql(Verb *verb)
{
	char		relkind = verb->rel->rd_rel->relkind;
	StringInfoData out;

	if (verb->unique.deferrable || relkind == RELKIND_FOREIGN_TABLE ||
		(verb->rel->trigdesc && verb->rel->trigdesc->trig_insert_instead_row))
		return NULL;
	initStringInfo(&out);
	appendStringInfoString(&out, " ON CONFLICT (");
	for (int k = 0; k < verb->nkeys; k++)
		appendStringInfo(&out, "%s%s", k > 0 ? ", " : "",
						 quote_identifier(verb->columns[verb->keys[k]].name));
	appendStringInfoChar(&out, ')');
	if (verb->unique.partial)
		appendStringInfo(&out, " WHERE \"" ARBITER_QUALIFIER "\".\"%u\"", verb->unique.index);
	return out.data;
}

/*
 * What an upsert's insert does with a row that another session has inserted
 * meanwhile: nothing, for now.  Where triggers may suppress rows, the verb must
 * know which of the two it was; a DO UPDATE that never updates tells.
 */
static char *
conflict_sql(Verb *verb)
{
	char	   *arbiter = arbiter_sql(verb);

	if (arbiter == NULL)
		return "";
	if (!verb->sees_conflicts)
		return psprintf("%s DO NOTHING", arbiter);
	return psprintf("%s DO UPDATE SET %s = DEFAULT WHERE more._conflict()", arbiter,
					target_column(verb, verb->nset > 0 ? verb->set[0].attnum :
								  verb->columns[verb->keys[0]].attnum));
}

/* Is a column inserted that is GENERATED ALWAYS AS IDENTITY?  Most verbs allow that in a key alone. */
static bool
inserts_identity(Verb *verb)
{
	for (int c = 0; c < verb->ncolumns; c++)
		if (AttributeNumberIsValid(verb->columns[c].attnum) &&
			TupleDescAttr(RelationGetDescr(verb->rel),
						  verb->columns[c].attnum - 1)->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
			return true;
	return false;
}

/*
 * sql_insert
 *		INSERT of all data rows; reports when rows are numbered.
 */
char *
sql_insert(Verb *verb, Source *source, bool ignore)
{
	char	   *insert = insert_sql(verb, source, NULL, inserts_identity(verb));
	const char *conflict = ignore ? " ON CONFLICT DO NOTHING" : "";

	if (!verb->numbered)
		return ignore ? psprintf("%s%s", insert, conflict) : insert;
	return psprintf("%s%s RETURNING more._noted_row() AS o, %d%s", insert, conflict,
					STATUS_INSERTED, row_sql(verb));
}

/* ------------------------------------------------------------------------ */
/* Update and delete														*/
/* ------------------------------------------------------------------------ */

/*
 * sql_update
 *		UPDATE of the rows that the data matches; with report, of numbered rows.
 */
char *
sql_update(Verb *verb, Source *source, bool report)
{
	char	   *changed = verb->skip_unchanged ? changed_sql(verb, source) : NULL;
	char	   *update = update_sql(verb, source, changed);

	if (!report)
		return update;
	if (!changed)
		return psprintf("%s RETURNING %s AS o, %d%s", update, source_ordinal(source), STATUS_UPDATED,
						row_sql(verb));
	return psprintf("WITH \"" PART_UPDATED "\" AS (%s RETURNING more._seen_row(%s) AS o%s), "
					"\"" PART_MATCHED "\" AS (%s) %s UNION ALL %s",
					update, source_ordinal(source), row_sql(verb),
					matched_sql(verb, source, unchanged_sql(verb, source, changed)),
					report_sql(verb, PART_UPDATED, STATUS_UPDATED),
					report_sql(verb, PART_MATCHED, STATUS_UNCHANGED));
}

/*
 * sql_delete
 *		DELETE of the rows that the data matches; reports when rows are numbered.
 */
char *
sql_delete(Verb *verb, Source *source)
{
	char	   *delete = psprintf("DELETE FROM %s AS target USING %s WHERE %s", verb_target(verb),
								  source_sql(source), join_sql(verb));

	if (!verb->numbered)
		return delete;
	return psprintf("%s RETURNING %s AS o, %d%s", delete, source_ordinal(source), STATUS_DELETED,
					row_sql(verb));
}

/* ------------------------------------------------------------------------ */
/* Upsert, sync, get-or-create												*/
/* ------------------------------------------------------------------------ */

/*
 * sql_mark_existing
 *		Mark the data rows that match a target row by the verb's key: one that
 *		the verb may update, so that under row security the lock asks the
 *		policies for UPDATE, too.
 */
char *
sql_mark_existing(Verb *verb, Source *source)
{
	bool		returning = verb->returning;
	char	   *result;

	verb->returning = false;
	result = matched_sql(verb, source, NULL);
	verb->returning = returning;
	if (verb->nset > 0 && verb->rel->rd_rel->relrowsecurity)
		result = psprintf("%s FOR NO KEY UPDATE OF target", result);
	return result;
}

/*
 * sql_existing
 *		Report of the rows that the data matches.
 */
char *
sql_existing(Verb *verb, Source *source)
{
	return psprintf("WITH \"" PART_MATCHED "\" AS (%s) %s", matched_sql(verb, source, NULL),
					report_sql(verb, PART_MATCHED, STATUS_EXISTING));
}

/*
 * sql_unchanged
 *		Report of the rows that the data matches and would not change.
 */
char *
sql_unchanged(Verb *verb, Source *source)
{
	return psprintf("WITH \"" PART_MATCHED "\" AS (%s) %s",
					matched_sql(verb, source, psprintf("NOT %s", changed_sql(verb, source))),
					report_sql(verb, PART_MATCHED, STATUS_UNCHANGED));
}

/*
 * The rows that a sync rules over: those inside the condition, and, by a key
 * that a partial index makes unique, inside the index.
 */
static char *
covered_sql(Verb *verb)
{
	char	   *condition = psprintf("(\n%s\n)", verb->condition ? verb->condition : "true");

	if (verb->unique.partial)
		condition = psprintf("%s AND \"" PREDICATE_QUALIFIER "\".\"%u\"", condition, verb->unique.index);
	return condition;
}

/*
 * The condition under which an upsert updates a row: that it changes.  A row
 * that does not is marked as unchanged on the way, which spares a join of its
 * own; the pairing is asked again first, because conditions may be evaluated in
 * any order.
 */
static char *
changed_or_marked(Verb *verb, Source *source, const char *changed)
{
	return psprintf("CASE WHEN %s THEN %s OR more._unchanged_row(%s) END", join_sql(verb),
					changed, source_ordinal(source));
}

/*
 * sql_upsert
 *		Update what exists, insert what does not; with delete_others, first
 *		delete what the condition covers and the data lacks.
 *
 * The parts run one after the other: each waits for the count of those before,
 * a condition without columns, which the executor settles before it takes the
 * first row.  Updated and unchanged rows are marked as they go by, and the
 * insert takes the rows without a mark; that is cheaper than to join the data
 * with what was returned.  Nulls in the report's first column stand for deleted
 * rows.  With last set, the insert does not ignore conflicts on the key.
 */
char *
sql_upsert(Verb *verb, Source *source, bool delete_others, bool last)
{
	StringInfoData with;
	StringInfoData report;
	StringInfoData open;		/* which rows are to be inserted */
	char	   *changed = verb->skip_unchanged && verb->nset > 0 ? changed_sql(verb, source) : NULL;
	char	   *deleted = delete_others ? after_deleted(source) : "";

	initStringInfo(&with);
	initStringInfo(&report);
	initStringInfo(&open);
	appendStringInfo(&open, "more._open_row(%s)%s", source_ordinal(source), deleted);
	if (delete_others)
	{
		appendStringInfo(&with, "\"" PART_DELETED "\" AS (DELETE FROM %s AS target WHERE %s"
						 " AND NOT EXISTS (SELECT FROM %s WHERE %s)"
						 " RETURNING NULL::pg_catalog.int8 AS o%s), ",
						 verb_target(verb), covered_sql(verb), source_sql(source), join_sql(verb), row_sql(verb));
		appendStringInfo(&report, "%s UNION ALL ", report_sql(verb, PART_DELETED, STATUS_DELETED));
	}
	if (verb->nset > 0)
	{
		appendStringInfo(&with, "\"" PART_UPDATED "\" AS (%s%s RETURNING more._seen_row(%s) AS o%s), ",
						 update_sql(verb, source, changed && !verb->returning ?
									changed_or_marked(verb, source, changed) : changed),
						 deleted, source_ordinal(source),
						 row_sql(verb));
		appendStringInfo(&open, " AND %s", after_part(PART_UPDATED));
		appendStringInfo(&report, "%s UNION ALL ", report_sql(verb, PART_UPDATED, STATUS_UPDATED));
	}
	if ((changed && verb->returning) || verb->nset == 0)
	{
		appendStringInfo(&with, "\"" PART_MATCHED "\" AS (%s), ",
						 matched_sql(verb, source, changed ? unchanged_sql(verb, source, changed) : NULL));
		appendStringInfo(&open, " AND %s", after_part(PART_MATCHED));
		appendStringInfo(&report, "%s UNION ALL ",
						 report_sql(verb, PART_MATCHED, verb->sets ? STATUS_UNCHANGED : STATUS_EXISTING));
	}
	/* what is there and was kept from being updated is not to be inserted */
	if (last || verb->has_triggers || verb->rel->rd_rel->relrowsecurity)
		appendStringInfo(&open, " AND NOT EXISTS (SELECT FROM %s AS target WHERE %s)",
						 verb_target(verb), join_sql(verb));
	appendStringInfo(&with, "\"" PART_INSERTED "\" AS (%s%s RETURNING more._noted_row() AS o%s) ",
					 insert_sql(verb, source, open.data, inserts_identity(verb)),
					 last && verb->sets ? "" : conflict_sql(verb), row_sql(verb));
	appendStringInfoString(&report, report_sql(verb, PART_INSERTED, STATUS_INSERTED));
	return psprintf("WITH %s%s", with.data, report.data);
}

/*
 * sql_insert_or_update
 *		An upsert as INSERT ... ON CONFLICT DO UPDATE, for when the verb has seen
 *		that it does the same; NULL where the target allows no arbiter.
 */
char *
sql_insert_or_update(Verb *verb, Source *source)
{
	char	   *arbiter = arbiter_sql(verb);
	StringInfoData set;

	if (arbiter == NULL)
		return NULL;
	initStringInfo(&set);
	for (int i = 0; i < verb->nset; i++)
		appendStringInfo(&set, "%s%s = excluded.%s", i > 0 ? ", " : "",
						 target_column(verb, verb->set[i].attnum),
						 target_column(verb, verb->set[i].attnum));
	return psprintf("%s%s DO UPDATE SET %s",
					insert_sql(verb, source, NULL, inserts_identity(verb)), arbiter, set.data);
}

/*
 * sql_delete_all
 *		DELETE of all rows that the condition covers: a sync to no rows.
 */
char *
sql_delete_all(Verb *verb)
{
	return psprintf("DELETE FROM %s AS target WHERE %s", verb_target(verb), covered_sql(verb));
}

/* ------------------------------------------------------------------------ */
/* Matching																	*/
/* ------------------------------------------------------------------------ */

/* The target's columns, in order, as the result of a query. */
static char *
target_columns_sql(Verb *verb)
{
	TupleDesc	desc = RelationGetDescr(verb->rel);
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			appendStringInfo(&out, "%starget.%s", out.len > 0 ? ", " : "", target_column(verb, i + 1));
	return out.data;
}

/* The condition that the data has the key of a target row. */
static char *
listed_sql(Verb *verb)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int k = 0; k < verb->nkeys; k++)
		appendStringInfo(&out, "%starget.%s", k > 0 ? ", " : "", quote_identifier(verb->columns[verb->keys[k]].name));
	return psprintf("more._is_listed(%s)", out.data);
}

/*
 * sql_rows_in
 *		The target rows that match.  Where the data has each key once, a plain
 *		join gives each target row once.
 */
char *
sql_rows_in(Verb *verb, Source *source)
{
	if (verb->key_set)
		return psprintf("SELECT %s FROM %s AS target WHERE %s",
						target_columns_sql(verb), verb_target(verb), listed_sql(verb));
	if (verb->match || verb->rule == KEY_ANY)
		return psprintf("SELECT %s FROM %s AS target WHERE EXISTS (SELECT FROM %s WHERE %s)",
						target_columns_sql(verb), verb_target(verb), source_sql(source), join_sql(verb));
	return psprintf("SELECT %s FROM %s JOIN %s AS target ON %s",
					target_columns_sql(verb), source_sql(source), verb_target(verb), join_sql(verb));
}

/*
 * sql_rows_not_in
 *		The target rows that match no data row.
 */
char *
sql_rows_not_in(Verb *verb, Source *source)
{
	if (verb->key_set)
		return psprintf("SELECT %s FROM %s AS target WHERE NOT %s",
						target_columns_sql(verb), verb_target(verb), listed_sql(verb));
	return psprintf("SELECT %s FROM %s AS target WHERE NOT EXISTS (SELECT FROM %s WHERE %s)",
					target_columns_sql(verb), verb_target(verb), source_sql(source), join_sql(verb));
}

/*
 * sql_rows_missing
 *		The data rows that match no target row, in input order: the columns that
 *		both have, in the data's order.
 */
char *
sql_rows_missing(Verb *verb, Source *source)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int c = 0; c < verb->ncolumns; c++)
		if (verb->columns[c].attnum != InvalidAttrNumber)
			appendStringInfo(&out, "%sdata.%s", out.len > 0 ? ", " : "",
							 quote_identifier(verb->columns[c].name));
	return psprintf("SELECT %s FROM %s WHERE NOT EXISTS (SELECT FROM %s AS target WHERE %s) ORDER BY %s",
					out.data, source_sql(source), verb_target(verb), join_sql(verb), source_ordinal(source));
}
