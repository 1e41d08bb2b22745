/*
 * verb.c
 *	  What all verbs share: arguments, the target, running statements.
 *
 * A verb looks its arguments up against the target and the data (resolve.c),
 * decodes the rows, in the order of the key where there is one, into a source,
 * and runs one generated statement over it through SPI: as the calling user,
 * with all that the server does for a plain statement.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "rows/plan.h"
#include "rows/verb.h"

/* The verb whose statement is running, for the functions inside it. */
Verb	   *verb_running = NULL;

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

ArrayType *
arg_array(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : PG_GETARG_ARRAYTYPE_P(n);
}

char *
arg_text(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/*
 * arg_choice
 *		A choice between two words; true for the second.
 */
bool
arg_choice(FunctionCallInfo fcinfo, int n, const char *name, const char *first, const char *second)
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
 * verb_may
 *		Whether the caller has one of the privileges on the table or some column.
 */
bool
verb_may(Oid relid, AclMode mode)
{
	return pg_class_aclmask(relid, GetUserId(), mode, ACLMASK_ANY) != 0 || has_column_access(relid, mode);
}

/*
 * See that the caller may do some of what the verb does, before the target is
 * locked.  The statement checks the rest; this is for data without rows, and
 * to let nobody hold a lock on what is not theirs.
 */
static void
check_access(Oid relid, AclMode mode)
{
	if (!verb_may(relid, mode))
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)),
					   get_rel_name(relid));
}

/*
 * verb_open
 *		Open the target with the lock that its statement will take anyway; the
 *		caller must have one of the privileges.
 */
void
verb_open(Verb *verb, Oid relid, AclMode access, LOCKMODE lockmode)
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
}

/*
 * verb_target
 *		The target's quoted and qualified name, in the memory context of the first who asks.
 */
char *
verb_target(Verb *verb)
{
	if (verb->target == NULL)
		verb->target = qualified_name(RelationGetRelid(verb->rel));
	return verb->target;
}

/*
 * verb_on_table
 *		A verb on the table given as regclass, for callers with one of the privileges.
 */
void
verb_on_table(Verb *verb, FunctionCallInfo fcinfo, AclMode access)
{
	Oid			relid = DatumGetObjectId(required_arg(fcinfo, 0, "target"));

	memset(verb, 0, sizeof(*verb));
	verb->data = rowset_from_datum(required_arg(fcinfo, 1, "data"));
	verb_open(verb, relid, access, RowExclusiveLock);
}

/*
 * verb_on_rows
 *		A verb on the table given as NULL::table, likewise; its result set is made
 *		ready, from the table as it is once it is locked.
 */
void
verb_on_rows(Verb *verb, FunctionCallInfo fcinfo, AclMode access, LOCKMODE lockmode)
{
	Oid			relid = rowtype_table(get_fn_expr_argtype(fcinfo->flinfo, 0));

	memset(verb, 0, sizeof(*verb));
	verb->data = rowset_from_datum(required_arg(fcinfo, 1, "data"));
	verb->returning = true;
	verb_open(verb, relid, access, lockmode);
	InitMaterializedSRF(fcinfo, 0);
}

/*
 * verb_connect
 *		Connect to SPI; all that follows is allocated there and freed at the end.
 */
void
verb_connect(Verb *verb)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	verb->context = CurrentMemoryContext;
}

/*
 * verb_finish
 *		Release what the verb holds; the lock stays until the transaction ends.
 */
void
verb_finish(Verb *verb, Source *source)
{
	if (source)
		source_free(source);
	relation_close(verb->rel, NoLock);
	SPI_finish();
}

/*
 * Where the user's expression that has the byte at this offset begins in the
 * statement, NULL if none of this text has it.  sql.c puts expressions on lines
 * of their own.
 */
static const char *
expression_at(const char *sql, int offset, const char *text)
{
	int			len = text ? strlen(text) : 0;

	for (const char *p = text ? strstr(sql, text) : NULL; p && p - sql <= offset; p = strstr(p + 1, text))
		if (offset <= p - sql + len && p > sql && p[-1] == '\n' && p[len] == '\n')
			return p;
	return NULL;
}

/*
 * Let an error that the parser found in a user's expression point into that
 * argument's text, not into the statement around it, which the user has not
 * written.
 */
static void
point_into_argument(Verb *verb, const char *sql, ErrorData *error)
{
	const char *argument = "match";
	const char *text = verb->match;
	const char *start;
	int			offset;

	if (error->internalpos <= 0 || error->internalquery == NULL || strcmp(error->internalquery, sql) != 0)
		return;
	offset = pg_mbcharcliplen(sql, strlen(sql), error->internalpos - 1);
	start = expression_at(sql, offset, text);
	if (start == NULL)
	{
		argument = "condition";
		text = verb->condition;
		start = expression_at(sql, offset, text);
	}
	for (int i = 0; i < verb->nset && start == NULL; i++)
	{
		argument = "set";
		text = verb->set[i].value;
		start = expression_at(sql, offset, text);
	}
	if (start == NULL)
		return;
	error->internalquery = pstrdup(text);
	error->internalpos = pg_mbstrlen_with_len(start, sql + offset - start) + 1;
	error->context = psprintf("argument \"%s\"%s%s", argument,
							  error->context ? "\n" : "", error->context ? error->context : "");
}

/*
 * verb_run
 *		Run a statement of the verb; the functions inside it find the verb.
 */
int64
verb_run(Verb *verb, const char *sql, Source *source, DestReceiver *dest)
{
	Verb	   *outer = verb_running;
	int64		processed = 0;

	verb_running = verb;
	PG_TRY();
	{
		processed = run_statement(sql, RelationGetRelid(verb->rel), source, verb->read_only, dest, verb->plan);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		verb_running = outer;
		if (source && source->decoder && decode_is_converting(source->decoder))
			decode_rethrow(source->decoder, verb->context);
		if (!verb->match && !verb->condition && !verb->set_arg)
			PG_RE_THROW();
		MemoryContextSwitchTo(verb->context);
		error = CopyErrorData();
		FlushErrorState();
		point_into_argument(verb, sql, error);
		ReThrowError(error);
	}
	PG_END_TRY();
	verb_running = outer;
	return processed;
}

/* A table of this many pages is worth parallel workers. */
#define LARGE_TABLE (128 * (1024 * 1024 / BLCKSZ))

/*
 * verb_scans_target
 *		Whether a statement that only reads will have to go through the whole of a
 *		large table, because no index begins with a column of the key.
 */
bool
verb_scans_target(Verb *verb)
{
	return verb->read_only && verb->nkeys > 0 &&
		verb->rel->rd_rel->relpages >= LARGE_TABLE &&
		!has_index_on(verb->rel, verb->key_attnums);
}

/*
 * Will the data be read once, or so that the server would rather keep it than
 * read it again?  Statements that report on the rows read it several times, and
 * a free condition may be looked at for each pair of rows.
 */
static bool
reads_data_once(Verb *verb)
{
	return verb->reads_once || (verb->status == NULL && (verb->match == NULL || verb->returns_data));
}

/*
 * verb_source
 *		A source with the data's rows, less those that have a status already.
 */
Source *
verb_source(Verb *verb, Source *source)
{
	DecodeRequest request = {0};

	if (source == NULL)
	{
		source = source_create(verb->columns, verb->ncolumns,
							   verb->numbered || verb->ncolumns == 0,
							   source_form(RelationGetRelid(verb->rel), verb->data->nrows,
										   verb_scans_target(verb)));
		source->streamed = source->form == SOURCE_AS_RELATION && reads_data_once(verb) &&
			source_may_stream(verb->columns, verb->ncolumns);
	}
	if (verb->context)
		source->connection = verb->context;
	source->unchecked = verb->unchecked;
	request.rowset = verb->data;
	request.columns = verb->columns;
	request.ncolumns = verb->ncolumns;
	request.nkeys = verb->nkeys;
	request.keys = verb->keys;
	request.rule = verb->rule;
	request.keep_nulls = verb->keep_nulls;
	request.input_order = verb->input_order;
	request.done = verb->status;
	request.place = verb->place;
	request.place_arg = verb;
	source_fill(source, &request);
	return source;
}

/*
 * verb_number_rows
 *		Start a verb that reports on its input rows.
 */
void
verb_number_rows(Verb *verb)
{
	verb->numbered = true;
	verb->status = palloc_extended(Max(verb->data->nrows, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/*
 * verb_rows_left
 *		How many input rows nothing has happened to.
 */
int64
verb_rows_left(Verb *verb)
{
	int64		left = 0;

	for (int64 r = 0; r < verb->data->nrows; r++)
		if (verb->status[r] == STATUS_NONE)
			left++;
	return left;
}

/*
 * verb_first_left
 *		The first input row that nothing has happened to, counted from 1.
 */
int64
verb_first_left(Verb *verb)
{
	int64		r = 0;

	while (verb->status[r] != STATUS_NONE)
		r++;
	return r + 1;
}

/*
 * verb_row_key
 *		The key of an input row, for error details.
 */
char *
verb_row_key(Verb *verb, int64 ordinal)
{
	DecodeRequest request = {0};

	request.rowset = verb->data;
	request.columns = verb->columns;
	request.nkeys = verb->nkeys;
	request.keys = verb->keys;
	return describe_key(&request, ordinal);
}

/*
 * verb_change_status
 *		Make the input rows with one status have another; returns how many.
 */
int64
verb_change_status(Verb *verb, RowStatus from, RowStatus to)
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
