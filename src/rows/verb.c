/*
 * verb.c
 *	  The bulk verbs and the matching functions: arguments, and what is run.
 *
 * A verb looks its arguments up against the target and the data, decodes the
 * rows (in the order of the key, where there is one) into a source, and runs
 * one generated statement over it through SPI: as the calling user, with all
 * that the server does for a plain statement.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "storage/itemptr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/typcache.h"

#include "compat.h"
#include "expression.h"
#include "rows/plan.h"
#include "rows/result.h"
#include "rows/verb.h"

PG_FUNCTION_INFO_V1(bulk_insert);
PG_FUNCTION_INFO_V1(bulk_update);
PG_FUNCTION_INFO_V1(bulk_upsert);
PG_FUNCTION_INFO_V1(bulk_delete);
PG_FUNCTION_INFO_V1(bulk_sync);
PG_FUNCTION_INFO_V1(bulk_insert_returning);
PG_FUNCTION_INFO_V1(bulk_update_returning);
PG_FUNCTION_INFO_V1(bulk_upsert_returning);
PG_FUNCTION_INFO_V1(bulk_delete_returning);
PG_FUNCTION_INFO_V1(bulk_get_or_create);
PG_FUNCTION_INFO_V1(rows_in);
PG_FUNCTION_INFO_V1(rows_not_in);
PG_FUNCTION_INFO_V1(rows_missing);
PG_FUNCTION_INFO_V1(note_row);
PG_FUNCTION_INFO_V1(noted_row);
PG_FUNCTION_INFO_V1(claim_row);
PG_FUNCTION_INFO_V1(seen_row);
PG_FUNCTION_INFO_V1(open_row);
PG_FUNCTION_INFO_V1(conflict);
PG_FUNCTION_INFO_V1(differs);

/* How often rows that another session got hold of are tried again. */
#define MAX_ROUNDS 3

/* The verb whose statement is running, for the functions inside it. */
static Verb *running = NULL;

/* ------------------------------------------------------------------------ */
/* Arguments																*/
/* ------------------------------------------------------------------------ */

/* An argument that may not be null. */
static Datum
required_arg(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
	return PG_GETARG_DATUM(n);
}

static ArrayType *
array_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : PG_GETARG_ARRAYTYPE_P(n);
}

static char *
text_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* A choice between two words; true for the second. */
static bool
choice_arg(FunctionCallInfo fcinfo, int n, const char *name, const char *first, const char *second)
{
	char	   *word = PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));

	if (word && strcmp(word, second) == 0)
		return true;
	if (word == NULL || strcmp(word, first) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be '%s' or '%s', not %s", name, first, second,
						word ? quote_literal_cstr(word) : "null")));
	return false;
}

/* The strings of a text[] argument. */
static List *
names_of_array(ArrayType *array, const char *argument)
{
	Datum	   *items;
	bool	   *nulls;
	int			count;
	List	   *result = NIL;

	if (array == NULL)
		return NIL;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not contain nulls", argument)));
		result = lappend(result, TextDatumGetCString(items[i]));
	}
	return result;
}

/* Whether a list of C strings has the name. */
static bool
has_name(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* ------------------------------------------------------------------------ */
/* Resolution																*/
/* ------------------------------------------------------------------------ */

/* Whether the caller has one of the privileges on some column. */
static bool
has_column_access(Oid relid, AclMode mode)
{
	for (AclMode bit = 1; bit <= mode; bit <<= 1)
		if ((mode & bit) &&
			pg_attribute_aclcheck_all(relid, GetUserId(), bit, ACLMASK_ANY) == ACLCHECK_OK)
			return true;
	return false;
}

/*
 * See that the caller may do some of what the verb does, before the target is
 * locked.  The statement checks the rest; this is for data without rows, and
 * to let nobody hold a lock on what is not theirs.
 */
static void
check_access(Oid relid, AclMode mode)
{
	if (pg_class_aclmask(relid, GetUserId(), mode, ACLMASK_ANY) == 0 &&
		!has_column_access(relid, mode))
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)),
					   get_rel_name(relid));
}

/*
 * Open the target with the lock that its statement will take anyway; the
 * caller must have one of the privileges.
 */
static void
open_target(Verb *verb, Oid relid, AclMode access, LOCKMODE lockmode)
{
	char		relkind;

	if (get_rel_name(relid))
		check_access(relid, access);
	verb->read_only = lockmode == AccessShareLock;
	verb->rel = try_relation_open(relid, lockmode);
	if (verb->rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	relkind = verb->rel->rd_rel->relkind;
	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE &&
		relkind != RELKIND_VIEW && relkind != RELKIND_FOREIGN_TABLE &&
		!(verb->read_only && relkind == RELKIND_MATVIEW))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table, view or foreign table",
						RelationGetRelationName(verb->rel))));
	verb->target = qualified_name(relid);
}

/* Complain about a column that the target lacks. */
static void
report_unknown_column(Verb *verb, const char *what, const char *name)
{
	const char *nearest = nearest_column(verb->rel, name);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" %s does not exist in \"%s\"", name, what,
					RelationGetRelationName(verb->rel)),
			 nearest ? errhint("Perhaps you meant column \"%s\".", nearest) : 0));
}

/* The names of the key's columns; NIL when a condition stands in for it. */
static List *
key_names(Verb *verb)
{
	List	   *names = NIL;
	List	   *columns;
	ListCell   *lc;

	if (verb->key_arg && verb->match)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arguments \"key\" and \"match\" exclude each other")));
	if (verb->match)
		return NIL;
	if (verb->key_arg)
	{
		names = names_of_array(verb->key_arg, "key");
		if (names == NIL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"key\" names no column")));
		foreach(lc, names)
		{
			if (!AttributeNumberIsValid(find_column(verb->rel, lfirst(lc))))
				report_unknown_column(verb, "of the key", lfirst(lc));
			if (has_name(list_copy_head(names, foreach_current_index(lc)), lfirst(lc)))
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" is named twice in argument \"key\"", (char *) lfirst(lc))));
		}
		return names;
	}
	columns = primary_key_columns(verb->rel);
	if (columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("\"%s\" has no primary key", RelationGetRelationName(verb->rel)),
				 errhint("Name the columns that identify a row with key => ARRAY[...].")));
	foreach(lc, columns)
		names = lappend(names, pstrdup(NameStr(TupleDescAttr(RelationGetDescr(verb->rel), lfirst_int(lc) - 1)->attname)));
	return names;
}

/*
 * Read the SET argument: which data columns are assigned as they are, which
 * columns get an expression, and which data columns the expressions mention.
 */
static void
read_set(Verb *verb, List *key, List **assigned, List **mentioned)
{
	List	   *items = names_of_array(verb->set_arg, "set");
	ListCell   *lc;

	*assigned = NIL;
	verb->nset = 0;
	verb->set = palloc0_array(Assignment, list_length(items) + verb->data->ncols + 1);
	if (verb->set_arg == NULL)
	{
		for (int i = 0; i < verb->data->ncols; i++)
			if (!has_name(key, verb->data->names[i]) &&
				AttributeNumberIsValid(find_column(verb->rel, verb->data->names[i])))
				*assigned = lappend(*assigned, pstrdup(verb->data->names[i]));
		return;
	}
	foreach(lc, items)
	{
		char	   *item = lfirst(lc);
		char	   *column;
		const char *value;
		AttrNumber	attnum = find_column(verb->rel, item);

		if (AttributeNumberIsValid(attnum))
		{
			*assigned = lappend(*assigned, item);
			continue;
		}
		if (strchr(item, '=') == NULL)
			report_unknown_column(verb, "in \"set\"", item);
		parse_assignment("set", item, &column, &value);
		attnum = find_column(verb->rel, column);
		if (!AttributeNumberIsValid(attnum))
			report_unknown_column(verb, "in \"set\"", column);
		verb->set[verb->nset].mentioned = columns_of_alias(parse_expression("set", value), "data", NIL);
		*mentioned = list_concat(*mentioned, verb->set[verb->nset].mentioned);
		verb->set[verb->nset].attnum = attnum;
		verb->set[verb->nset].column = -1;
		verb->set[verb->nset++].value = value;
	}
}

/* Complain when a value is to be written that the server computes. */
static void
check_writable(Verb *verb, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(verb->rel), attnum - 1);

	if (att->attgenerated)
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" of \"%s\" is a generated column",
						NameStr(att->attname), RelationGetRelationName(verb->rel)),
				 errhint("Leave it out of the data, or name the columns to write with \"set\".")));
}

/* Describe the data columns that the verb needs. */
static void
describe_columns(Verb *verb, List *key, List *assigned, List *mentioned, List *matched)
{
	Rowset	   *data = verb->data;

	verb->columns = palloc0_array(DataColumn, data->ncols + 1);
	verb->ncolumns = 0;
	for (int i = 0; i < data->ncols; i++)
	{
		const char *name = data->names[i];
		AttrNumber	attnum = find_column(verb->rel, name);
		DataColumn *column = &verb->columns[verb->ncolumns];
		bool		is_mentioned = has_name(mentioned, name);
		bool		is_matched = has_name(matched, name);
		bool		is_key = has_name(key, name);
		bool		is_written = verb->inserts || has_name(assigned, name);

		if (!AttributeNumberIsValid(attnum) && !is_mentioned && !is_matched)
			report_unknown_column(verb, "of the data", name);
		if (AttributeNumberIsValid(attnum) && is_written)
			check_writable(verb, attnum);
		if (!is_key && !is_mentioned && !is_matched && !is_written &&
			!(verb->returns_data && AttributeNumberIsValid(attnum)))
			continue;
		column->name = name;
		column->source = i;
		column->attnum = attnum;
		column->partial = data->partial[i] && (is_written || is_mentioned) && !is_key;
		if (AttributeNumberIsValid(attnum))
		{
			Form_pg_attribute att = TupleDescAttr(RelationGetDescr(verb->rel), attnum - 1);

			column->type = att->atttypid;
			column->typmod = att->atttypmod;
			column->collation = att->attcollation;
		}
		else
		{
			/* not the target's: as it was given, or text */
			column->type = rowset_column_type(data, i);
			column->typmod = -1;
			column->collation = get_typcollation(column->type);
		}
		verb->ncolumns++;
	}
}

/* The position of a data column by name; -1 when it is not there. */
static int
data_column(Verb *verb, const char *name)
{
	for (int c = 0; c < verb->ncolumns; c++)
		if (strcmp(verb->columns[c].name, name) == 0)
			return c;
	return -1;
}

/* Find the key's columns in the data and see that they can be compared. */
static void
resolve_key(Verb *verb, List *key)
{
	ListCell   *lc;

	verb->nkeys = 0;
	verb->keys = palloc_array(int, list_length(key) + 1);
	foreach(lc, key)
	{
		int			c = data_column(verb, lfirst(lc));
		TypeCacheEntry *entry;

		if (c < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("row 1 lacks key column \"%s\"", (char *) lfirst(lc)),
					 errdetail("The data has no column of that name in any row."),
					 errhint("Every row needs all columns of the key.")));
		entry = lookup_type_cache(verb->columns[c].type, TYPECACHE_LT_OPR | TYPECACHE_EQ_OPR);
		if (!OidIsValid(entry->lt_opr) || !OidIsValid(entry->eq_opr))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("column \"%s\" of type %s cannot be part of a key",
							verb->columns[c].name, format_type_be(verb->columns[c].type)),
					 errdetail("The type has no default ordering."),
					 errhint("Use \"match\" with a condition of your own.")));
		verb->keys[verb->nkeys++] = c;
	}
}

/* Complete the SET list with the columns that are assigned as they are. */
static void
resolve_set(Verb *verb, List *assigned)
{
	ListCell   *lc;

	foreach(lc, assigned)
	{
		int			c = data_column(verb, lfirst(lc));

		if (c < 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" in \"set\" is not in the data", (char *) lfirst(lc)),
					 errhint("Add it to the data, or give an expression: \"column = expression\".")));
		verb->set[verb->nset].attnum = verb->columns[c].attnum;
		verb->set[verb->nset].column = c;
		verb->nset++;
	}
	for (int i = 0; i < verb->nset; i++)
	{
		List	   *columns = NIL;

		check_writable(verb, verb->set[i].attnum);
		foreach(lc, verb->set[i].mentioned)
			columns = lappend_int(columns, data_column(verb, lfirst(lc)));
		verb->set[i].mentioned = columns;
	}
}

/* Look all arguments up against the target and the data. */
static void
resolve(Verb *verb)
{
	List	   *key = key_names(verb);
	List	   *assigned = NIL;
	List	   *mentioned = NIL;	/* in expressions of the SET list */
	List	   *matched = NIL;		/* in the condition */

	if (verb->match)
		matched = columns_of_alias(parse_expression("match", verb->match), "data", NIL);
	if (verb->sets)
		read_set(verb, key, &assigned, &mentioned);
	if (verb->data->nrows == 0)
		return;
	describe_columns(verb, key, assigned, mentioned, matched);
	resolve_key(verb, key);
	if (verb->sets)
		resolve_set(verb, assigned);
}

/* The key's columns as attribute numbers. */
static List *
key_attnums(Verb *verb)
{
	List	   *result = NIL;

	for (int k = 0; k < verb->nkeys; k++)
		result = lappend_int(result, verb->columns[verb->keys[k]].attnum);
	return result;
}

/* Find the unique index behind the key; only tables can be asked for one. */
static void
require_unique_key(Verb *verb)
{
	char		relkind = verb->rel->rd_rel->relkind;
	StringInfoData names;

	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE)
		return;
	if (find_unique_key(verb->rel, key_attnums(verb), &verb->unique))
		return;
	initStringInfo(&names);
	for (int k = 0; k < verb->nkeys; k++)
		appendStringInfo(&names, "%s%s", k > 0 ? ", " : "", verb->columns[verb->keys[k]].name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
			 errmsg("\"%s\" has no unique index on (%s)", RelationGetRelationName(verb->rel), names.data),
			 errhint("Create a unique index on just these columns, or name another key.")));
}

/* ------------------------------------------------------------------------ */
/* Running																	*/
/* ------------------------------------------------------------------------ */

/* Whether the verb must see to it that a target row is matched once. */
bool
verb_claims_rows(Verb *verb)
{
	return verb->match && verb->sets;
}

/* Run a statement of the verb; the functions inside it find the verb. */
static int64
run(Verb *verb, const char *sql, Source *source, DestReceiver *dest)
{
	Verb	   *outer = running;
	int64		processed = 0;

	running = verb;
	PG_TRY();
	{
		processed = run_statement(sql, RelationGetRelid(verb->rel), source, verb->read_only, dest);
	}
	PG_FINALLY();
	{
		running = outer;
	}
	PG_END_TRY();
	return processed;
}

/* A table of this many pages is worth parallel workers. */
#define LARGE_TABLE (128 * (1024 * 1024 / BLCKSZ))

/*
 * Whether a statement that only reads will have to go through the whole of a
 * large table, because no index begins with a column of the key.
 */
static bool
scans_target(Verb *verb)
{
	return verb->read_only && verb->nkeys > 0 &&
		verb->rel->rd_rel->relpages >= LARGE_TABLE &&
		!has_index_on(verb->rel, key_attnums(verb));
}

/* A source with the data's rows, less those that have a status already. */
static Source *
fill_source(Verb *verb, Source *source)
{
	DecodeRequest request = {0};

	if (source == NULL)
		source = source_create(verb->columns, verb->ncolumns,
							   verb->numbered || verb->ncolumns == 0,
							   source_form(RelationGetRelid(verb->rel), verb->data->nrows,
										   scans_target(verb)));
	request.rowset = verb->data;
	request.columns = verb->columns;
	request.ncolumns = verb->ncolumns;
	request.nkeys = verb->nkeys;
	request.keys = verb->keys;
	request.rule = verb->rule;
	request.keep_nulls = verb->keep_nulls;
	request.input_order = verb->input_order;
	request.done = verb->status;
	source_fill(source, &request);
	return source;
}

/* How many input rows nothing has happened to. */
static int64
rows_left(Verb *verb)
{
	int64		left = 0;

	for (int64 r = 0; r < verb->data->nrows; r++)
		if (verb->status[r] == STATUS_NONE)
			left++;
	return left;
}

/* The key of an input row, for error details. */
static char *
row_key(Verb *verb, int64 ordinal)
{
	DecodeRequest request = {0};

	request.rowset = verb->data;
	request.columns = verb->columns;
	request.nkeys = verb->nkeys;
	request.keys = verb->keys;
	return describe_key(&request, ordinal);
}

/* The first input row that nothing has happened to, counted from 1. */
static int64
first_left(Verb *verb)
{
	int64		r = 0;

	while (verb->status[r] != STATUS_NONE)
		r++;
	return r + 1;
}

/* Start a verb that reports on its input rows. */
static void
number_rows(Verb *verb)
{
	verb->numbered = true;
	verb->status = palloc_extended(Max(verb->data->nrows, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* Connect to SPI; all that follows is allocated there and freed at the end. */
static void
begin(Verb *verb)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	verb->context = CurrentMemoryContext;
}

/* Release what the verb holds; the lock stays until the transaction ends. */
static void
finish(Verb *verb, Source *source)
{
	if (source)
		source_free(source);
	relation_close(verb->rel, NoLock);
	SPI_finish();
}

/* Make the input rows with one status have another; returns how many. */
static int64
change_status(Verb *verb, RowStatus from, RowStatus to)
{
	int64		changed = 0;

	for (int64 r = 0; r < verb->data->nrows; r++)
		if (verb->status[r] == from)
		{
			verb->status[r] = to;
			changed++;
		}
	return changed;
}

/*
 * Settle the input rows that a statement of an upsert left over, and return how
 * many are to be tried again.
 *
 * A row whose insert was tried in vain met one that another session inserted
 * meanwhile; only where triggers may suppress rows is that said by the conflict
 * alone.  A row whose insert was not even tried matched a row that was not
 * updated: by a trigger's will if that row is still there, else because another
 * session deleted it.
 */
static int64
settle_rows(Verb *verb, Source **source)
{
	bool		doubtful = verb->sees_conflicts && rows_left(verb) > 0;

	change_status(verb, STATUS_TRIED, verb->sees_conflicts ? STATUS_MISSING : STATUS_CONFLICT);
	if (doubtful)
	{
		*source = fill_source(verb, *source);
		run(verb, sql_mark_existing(verb, *source), *source, None_Receiver);
		change_status(verb, STATUS_SEEN, STATUS_MISSING);
	}
	change_status(verb, STATUS_CONFLICT, STATUS_NONE);
	return rows_left(verb);
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

	ereport(ERROR,
			(errcode(secured ? ERRCODE_INSUFFICIENT_PRIVILEGE : ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("row " INT64_FORMAT " could be neither updated nor inserted in \"%s\"",
					first_left(verb), RelationGetRelationName(verb->rel)),
			 errdetail_internal("%s", row_key(verb, first_left(verb))),
			 secured ? errhint("A policy of row-level security allows to see the row that has this key, but not to update it.") :
			 errhint("Other sessions keep changing the row that has this key: try again.")));
}

/*
 * Run an upsert until each input row has been dealt with.  Rows that another
 * session inserts while a statement runs are tried again under a newer
 * snapshot, at last without ignoring conflicts, so that a conflict with a row
 * that stays hidden is an error.
 */
static void
run_upsert(Verb *verb, Source **source, Report *report, bool delete_others)
{
	/* DO UPDATE takes the right to update, which a get-or-create does not need */
	verb->has_triggers = may_have_row_triggers(verb->rel);
	verb->sees_conflicts =
		(verb->has_triggers || verb->rel->rd_rel->relrowsecurity) &&
		(verb->nset > 0 || (verb->sets && may_update_key(verb)));
	for (int round = 1; round <= MAX_ROUNDS; round++)
	{
		bool		last = round == MAX_ROUNDS;

		*source = fill_source(verb, *source);
		run(verb, sql_upsert(verb, *source, delete_others && round == 1, last),
			*source, &report->pub);
		if (settle_rows(verb, source) == 0)
			return;
	}
	/* get-or-create has an error of its own */
	if (verb->sets)
		report_stubborn_row(verb);
}

/* ------------------------------------------------------------------------ */
/* Insert																	*/
/* ------------------------------------------------------------------------ */

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
		c = data_column(verb, NameStr(att->attname));
		if (c >= 0 && !verb->columns[c].partial)
			continue;
		if (att->attidentity || contain_volatile_functions(column_default(verb->rel, i + 1)))
			return true;
	}
	return false;
}

/*
 * Take the primary key for order and duplicates when all rows have it and no
 * trigger may change it.
 */
static void
resolve_insert_key(Verb *verb, bool ignore)
{
	List	   *columns = may_have_row_triggers(verb->rel) ? NIL : primary_key_columns(verb->rel);
	bool		others = false;
	ListCell   *lc;

	/* a row that another key refuses does not stand in its successor's way */
	if (ignore && (list_length(unique_keys(verb->rel, &others)) != 1 || others))
		columns = NIL;
	/* a deferrable key is judged later */
	if (columns != NIL && (!find_unique_key(verb->rel, columns, &verb->unique) || verb->unique.deferrable))
		columns = NIL;
	verb->nkeys = 0;
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

		if (rows_left(verb) == 0)
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
		*source = fill_source(verb, *source);
		run(verb, sql_existing(verb, *source, STATUS_EXISTING), *source, &report->pub);
	}
}

/* The body of both forms of bulk_insert; the report is null in the short one. */
static int64
insert_rows(Verb *verb, FunctionCallInfo fcinfo)
{
	bool		ignore = choice_arg(fcinfo, 2, "on_conflict", "error", "ignore");
	Source	   *source = NULL;
	Report	   *report = NULL;
	bool		others = false;
	int64		inserted = 0;

	verb->inserts = true;
	begin(verb);
	if (verb->returning)
	{
		number_rows(verb);
		report = report_create(verb);
	}
	if (verb->data->nrows > 0)
	{
		describe_columns(verb, NIL, NIL, NIL, NIL);
		resolve_insert_key(verb, ignore);
		verb->rule = ignore ? KEY_DISTINCT : KEY_UNIQUE;
		verb->keep_nulls = true;	/* the server knows what to say of them */
		source = fill_source(verb, source);
		inserted = run(verb, sql_insert(verb, source, ignore), source, report ? &report->pub : NULL);
		if (report && change_status(verb, STATUS_TRIED, STATUS_NONE) > 0 && ignore)
			report_existing(verb, &source, report, &others);
	}
	if (report)
		report_emit(report, fcinfo, ignore && others);
	finish(verb, source);
	return inserted;
}

/* ------------------------------------------------------------------------ */
/* Update																	*/
/* ------------------------------------------------------------------------ */

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

/* The body of both forms of bulk_update. */
static int64
update_rows(Verb *verb, FunctionCallInfo fcinfo)
{
	bool		strict = choice_arg(fcinfo, 6, "missing", "ignore", "error");
	Source	   *source = NULL;
	Report	   *report = NULL;
	int64		updated = 0;

	verb->key_arg = array_arg(fcinfo, 2);
	verb->set_arg = array_arg(fcinfo, 3);
	verb->match = text_arg(fcinfo, 4);
	verb->skip_unchanged = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);
	verb->sets = true;
	verb->rule = KEY_UNIQUE;
	begin(verb);
	resolve(verb);
	if (verb->match && !tells_rows_apart(verb->rel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" cannot be updated by \"match\"", RelationGetRelationName(verb->rel)),
				 errdetail("Nothing tells whether two rows of the data match the same row of a view, or of a foreign table without row addresses."),
				 errhint("Use \"key\", or update the table behind it.")));
	if (verb->returning || strict || verb_claims_rows(verb))
	{
		number_rows(verb);
		report = report_create(verb);
	}
	if (verb->data->nrows > 0 && verb->nset == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no column to update"),
				 verb->set_arg ? errdetail("Argument \"set\" names no column.") :
				 errdetail("The data has only the columns of the key.")));
	if (verb->data->nrows > 0)
	{
		source = fill_source(verb, source);
		updated = run(verb, sql_update(verb, source), source, report ? &report->pub : NULL);
		if (report)
			updated = report->counts[STATUS_UPDATED];
		/* what another session has made equal while we waited for it is there */
		if (report && verb->skip_unchanged && rows_left(verb) > 0)
		{
			source = fill_source(verb, source);
			run(verb, sql_existing(verb, source, STATUS_UNCHANGED), source, &report->pub);
		}
	}
	if (strict && rows_left(verb) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("row " INT64_FORMAT " matches no row of \"%s\"", first_left(verb),
						RelationGetRelationName(verb->rel)),
				 verb->nkeys > 0 ? errdetail_internal("%s", row_key(verb, first_left(verb))) : 0,
				 errhint("Use missing => 'ignore' to leave such rows out, or more.bulk_upsert to insert them.")));
	if (verb->returning)
		report_emit(report, fcinfo, false);
	finish(verb, source);
	return updated;
}

/* ------------------------------------------------------------------------ */
/* Upsert, delete, sync, get-or-create										*/
/* ------------------------------------------------------------------------ */

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
		pg_class_aclcheck(RelationGetRelid(verb->rel), GetUserId(), ACL_SELECT) != ACLCHECK_OK ||
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
		int			c = data_column(verb, NameStr(att->attname));

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

	verb->key_arg = array_arg(fcinfo, 2);
	verb->set_arg = array_arg(fcinfo, 3);
	verb->skip_unchanged = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	verb->sets = true;
	verb->inserts = true;
	verb->rule = KEY_UNIQUE;
	begin(verb);
	resolve(verb);
	if (verb->data->nrows > 0)
		require_unique_key(verb);
	if (verb->data->nrows > 0 && inserts_as_updates(verb))
	{
		source = fill_source(verb, source);
		affected = run(verb, sql_insert_or_update(verb, source), source, NULL);
		finish(verb, source);
		return affected;
	}
	number_rows(verb);
	report = report_create(verb);
	if (verb->data->nrows > 0)
		run_upsert(verb, &source, report, false);
	affected = report->counts[STATUS_INSERTED] + report->counts[STATUS_UPDATED];
	if (verb->returning)
		report_emit(report, fcinfo, false);
	finish(verb, source);
	return affected;
}

/* The body of both forms of bulk_delete. */
static int64
delete_rows(Verb *verb, FunctionCallInfo fcinfo)
{
	Source	   *source = NULL;
	Report	   *report = NULL;
	int64		deleted = 0;

	verb->key_arg = array_arg(fcinfo, 2);
	verb->match = text_arg(fcinfo, 3);
	verb->rule = KEY_UNIQUE;
	begin(verb);
	resolve(verb);
	if (verb->returning)
	{
		number_rows(verb);
		report = report_create(verb);
	}
	if (verb->data->nrows > 0)
	{
		source = fill_source(verb, source);
		deleted = run(verb, sql_delete(verb, source), source, report ? &report->pub : NULL);
	}
	if (report)
		report_emit(report, fcinfo, false);
	finish(verb, source);
	return deleted;
}

/* ------------------------------------------------------------------------ */
/* SQL functions															*/
/* ------------------------------------------------------------------------ */

/* A verb on the table given as regclass, for callers with one of the privileges. */
static void
begin_count(Verb *verb, FunctionCallInfo fcinfo, AclMode access)
{
	Oid			relid = DatumGetObjectId(required_arg(fcinfo, 0, "target"));

	memset(verb, 0, sizeof(*verb));
	verb->data = rowset_from_datum(required_arg(fcinfo, 1, "data"));
	open_target(verb, relid, access, RowExclusiveLock);
}

/*
 * A verb on the table given as NULL::table, likewise; its result set is made
 * ready, from the table as it is once it is locked.
 */
static void
begin_rows(Verb *verb, FunctionCallInfo fcinfo, AclMode access, LOCKMODE lockmode)
{
	Oid			relid = rowtype_table(get_fn_expr_argtype(fcinfo->flinfo, 0));

	memset(verb, 0, sizeof(*verb));
	verb->data = rowset_from_datum(required_arg(fcinfo, 1, "data"));
	verb->returning = true;
	open_target(verb, relid, access, lockmode);
	InitMaterializedSRF(fcinfo, 0);
}

Datum
bulk_insert(PG_FUNCTION_ARGS)
{
	Verb		verb;

	begin_count(&verb, fcinfo, ACL_INSERT);
	PG_RETURN_INT64(insert_rows(&verb, fcinfo));
}

Datum
bulk_insert_returning(PG_FUNCTION_ARGS)
{
	Verb		verb;

	begin_rows(&verb, fcinfo, ACL_INSERT, RowExclusiveLock);
	(void) insert_rows(&verb, fcinfo);
	return (Datum) 0;
}

Datum
bulk_update(PG_FUNCTION_ARGS)
{
	Verb		verb;

	begin_count(&verb, fcinfo, ACL_UPDATE);
	PG_RETURN_INT64(update_rows(&verb, fcinfo));
}

Datum
bulk_update_returning(PG_FUNCTION_ARGS)
{
	Verb		verb;

	begin_rows(&verb, fcinfo, ACL_UPDATE, RowExclusiveLock);
	(void) update_rows(&verb, fcinfo);
	return (Datum) 0;
}

Datum
bulk_upsert(PG_FUNCTION_ARGS)
{
	Verb		verb;

	begin_count(&verb, fcinfo, ACL_INSERT | ACL_UPDATE);
	PG_RETURN_INT64(upsert_rows(&verb, fcinfo));
}

Datum
bulk_upsert_returning(PG_FUNCTION_ARGS)
{
	Verb		verb;

	begin_rows(&verb, fcinfo, ACL_INSERT | ACL_UPDATE, RowExclusiveLock);
	(void) upsert_rows(&verb, fcinfo);
	return (Datum) 0;
}

Datum
bulk_delete(PG_FUNCTION_ARGS)
{
	Verb		verb;

	begin_count(&verb, fcinfo, ACL_DELETE);
	PG_RETURN_INT64(delete_rows(&verb, fcinfo));
}

Datum
bulk_delete_returning(PG_FUNCTION_ARGS)
{
	Verb		verb;

	begin_rows(&verb, fcinfo, ACL_DELETE, RowExclusiveLock);
	(void) delete_rows(&verb, fcinfo);
	return (Datum) 0;
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

	begin_count(&verb, fcinfo, ACL_DELETE);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	verb.key_arg = array_arg(fcinfo, 2);
	verb.set_arg = array_arg(fcinfo, 3);
	verb.condition = text_arg(fcinfo, 4);
	verb.skip_unchanged = true;
	verb.sets = true;
	verb.inserts = true;
	verb.rule = KEY_UNIQUE;
	if (verb.condition)
		(void) parse_expression("condition", verb.condition);
	if (verb.data->nrows == 0 && verb.condition == NULL && !allow_empty)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the data is empty: every row of the target would be deleted"),
				 errhint("Give a condition that bounds what is deleted, or allow_empty => true.")));
	begin(&verb);
	resolve(&verb);
	number_rows(&verb);
	report = report_create(&verb);
	if (verb.data->nrows > 0)
	{
		require_unique_key(&verb);
		run_upsert(&verb, &source, report, true);
	}
	else
		report->counts[STATUS_DELETED] = run(&verb, sql_delete_all(&verb), NULL, NULL);
	values[0] = Int64GetDatum(report->counts[STATUS_INSERTED]);
	values[1] = Int64GetDatum(report->counts[STATUS_UPDATED]);
	values[2] = Int64GetDatum(report->counts[STATUS_DELETED]);
	values[3] = Int64GetDatum(report->counts[STATUS_UNCHANGED]);
	finish(&verb, source);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
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

	begin_rows(&verb, fcinfo, ACL_INSERT, RowExclusiveLock);
	verb.key_arg = array_arg(fcinfo, 2);
	verb.inserts = true;
	verb.rule = KEY_UNIQUE;
	begin(&verb);
	resolve(&verb);
	number_rows(&verb);
	report = report_create(&verb);
	if (verb.data->nrows > 0)
	{
		require_unique_key(&verb);
		run_upsert(&verb, &source, report, false);
		if (rows_left(&verb) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_NO_DATA_FOUND),
					 errmsg("row " INT64_FORMAT " could be neither found nor created in \"%s\"",
							first_left(&verb), RelationGetRelationName(verb.rel)),
					 errdetail_internal("%s", row_key(&verb, first_left(&verb))),
					 errhint("A trigger kept it from being inserted.")));
	}
	report_emit(report, fcinfo, false);
	finish(&verb, source);
	return (Datum) 0;
}

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
	Verb		verb;
	List	   *attnums = NIL;
	Source	   *source;

	begin_rows(&verb, fcinfo, ACL_SELECT, AccessShareLock);
	verb.key_arg = array_arg(fcinfo, 2);
	verb.match = text_arg(fcinfo, 3);
	verb.returning = false;
	verb.rule = rule;
	verb.numbered = numbered;
	verb.returns_data = numbered;
	/* of a long list it is cheaper to let the join look at keys that repeat */
	if (verb.data->nrows > LONG_LIST)
		verb.rule = KEY_ANY;
	check_row_type(&verb, ((ReturnSetInfo *) fcinfo->resultinfo)->setDesc);
	begin(&verb);
	resolve(&verb);
	source = fill_source(&verb, NULL);
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
	run(&verb, make_sql(&verb, source), source, rows_receiver(fcinfo, attnums));
	finish(&verb, source);
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

/* ------------------------------------------------------------------------ */
/* Functions inside generated statements									*/
/* ------------------------------------------------------------------------ */

/*
 * These are called by the statements that a verb runs.  Anybody else may call
 * them too, a trigger for example: they must do no harm then.
 */

/* The status of an input row of the running verb. */
static uint8 *
running_status(int64 ordinal)
{
	if (running == NULL || running->status == NULL ||
		ordinal < 1 || ordinal > running->data->nrows)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this function can only be called by a statement of pg_more")));
	return &running->status[ordinal - 1];
}

/* more._note_row(bigint): remember which input row is being inserted. */
Datum
note_row(PG_FUNCTION_ARGS)
{
	*running_status(PG_GETARG_INT64(0)) = STATUS_TRIED;
	running->noted = PG_GETARG_INT64(0);
	PG_RETURN_BOOL(true);
}

/* more._noted_row(): the input row that is being inserted. */
Datum
noted_row(PG_FUNCTION_ARGS)
{
	(void) running_status(running ? running->noted : 0);
	PG_RETURN_INT64(running->noted);
}

/* more._seen_row(bigint): mark an input row as dealt with, and return it. */
Datum
seen_row(PG_FUNCTION_ARGS)
{
	*running_status(PG_GETARG_INT64(0)) = STATUS_SEEN;
	PG_RETURN_INT64(PG_GETARG_INT64(0));
}

/* more._open_row(bigint): whether an input row has not been dealt with. */
Datum
open_row(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(*running_status(PG_GETARG_INT64(0)) == STATUS_NONE);
}

/* more._conflict(): the input row that is being inserted exists by now. */
Datum
conflict(PG_FUNCTION_ARGS)
{
	*running_status(running ? running->noted : 0) = STATUS_CONFLICT;
	PG_RETURN_BOOL(false);
}

/*
 * more._differs("any", "any"): whether two values of one type, or nulls, are
 * stored differently.
 */
Datum
differs(PG_FUNCTION_ARGS)
{
	TypeCacheEntry *type = fcinfo->flinfo->fn_extra;

	if (type == NULL)
	{
		type = lookup_type_cache(get_fn_expr_argtype(fcinfo->flinfo, 0), 0);
		if (get_fn_expr_argtype(fcinfo->flinfo, 1) != type->type_id)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("values to compare must have the same type")));
		fcinfo->flinfo->fn_extra = type;
	}
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_BOOL(PG_ARGISNULL(0) != PG_ARGISNULL(1));
	PG_RETURN_BOOL(!datum_image_eq(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1),
								   type->typbyval, type->typlen));
}

/* A target row that was matched, and by which input row. */
typedef struct Claim
{
	struct
	{
		Oid			tableoid;
		ItemPointerData ctid;
	}			row;
	int64		ordinal;
} Claim;

/*
 * more._claim_row(bigint, oid, tid): see that no two input rows update the
 * same target row.
 */
Datum
claim_row(PG_FUNCTION_ARGS)
{
	Claim		key;
	Claim	   *claim;
	bool		found;

	(void) running_status(PG_GETARG_INT64(0));
	if (running->claims == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(key.row);
		ctl.entrysize = sizeof(Claim);
		ctl.hcxt = running->context;
		running->claims = hash_create("claimed rows", 1024, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	memset(&key, 0, sizeof(key));
	key.row.tableoid = PG_GETARG_OID(1);
	ItemPointerCopy((ItemPointer) PG_GETARG_POINTER(2), &key.row.ctid);
	claim = hash_search(running->claims, &key.row, HASH_ENTER, &found);
	if (!found)
		claim->ordinal = PG_GETARG_INT64(0);
	else if (claim->ordinal != PG_GETARG_INT64(0))
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("rows " INT64_FORMAT " and " INT64_FORMAT " match the same row of \"%s\"",
						Min(claim->ordinal, PG_GETARG_INT64(0)), Max(claim->ordinal, PG_GETARG_INT64(0)),
						RelationGetRelationName(running->rel)),
				 errhint("Make the condition in \"match\" pick at most one row of the data for each row of the target.")));
	PG_RETURN_BOOL(true);
}
