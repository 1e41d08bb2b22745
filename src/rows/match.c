/*
 * match.c
 *	  rows_in, rows_not_in and rows_missing: matching on lists of keys.
 *
 * The functions run their statement themselves.  The planner room puts the same
 * statement in the place of a call (match_sql), with another source: the data
 * is then decoded by a function in FROM (rows_of.c), when the statement runs.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_inherits.h"
#include "funcapi.h"
#include "optimizer/cost.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "expression.h"
#include "server_code.h"
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

/* What tells the three apart. */
typedef struct MatchInfo
{
	KeyRule		rule;
	bool		numbered;		/* are the data's own rows returned, by number? */
	char	   *(*make_sql) (Verb *verb, Source *source);
} MatchInfo;

static const MatchInfo kinds[] = {
	[MATCH_ROWS_IN] = {KEY_DISTINCT, false, sql_rows_in},
	[MATCH_ROWS_NOT_IN] = {KEY_DISTINCT, false, sql_rows_not_in},
	[MATCH_ROWS_MISSING] = {KEY_ANY, true, sql_rows_missing},
};

/* Which of the target's columns the statement gives, in its order. */
static List *
given_columns(Verb *verb)
{
	TupleDesc	desc = RelationGetDescr(verb->rel);
	List	   *attnums = NIL;

	if (verb->returns_data)
	{
		for (int c = 0; c < verb->ncolumns; c++)
			if (AttributeNumberIsValid(verb->columns[c].attnum))
				attnums = lappend_int(attnums, verb->columns[c].attnum);
	}
	else
	{
		for (int i = 0; i < desc->natts; i++)
			if (!TupleDescAttr(desc, i)->attisdropped)
				attnums = lappend_int(attnums, i + 1);
	}
	return attnums;
}

/*
 * Where there are not more rows than these for a key of the list, and not more
 * pages than keys, the planner does not look keys up in an index either: reading
 * the pages that hold one key's index entry and row costs more.
 */
#define ROWS_PER_KEY 20

/*
 * A scan by parallel workers that all hash the list is faster than one that asks
 * the set as long as the list has no more keys than this, for each worker there
 * may be: beyond, their hash tables are larger than the processors' caches.
 */
#define KEYS_PER_WORKER 25000

/*
 * Add a table's pages and rows: as many as it was last found to have, or more if
 * it has grown, as the planner reckons.  False where too little is known of it.
 */
static bool
add_table_size(Relation rel, double *pages, double *tuples)
{
	double		now;
	double		then = rel->rd_rel->relpages;

	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		return true;
	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_MATVIEW)
		return false;
	now = RelationGetNumberOfBlocks(rel);
	if (now == 0)
		return true;
	if (rel->rd_rel->reltuples < 0 || then <= 0)
		return false;
	*pages += Max(now, then);
	*tuples += rel->rd_rel->reltuples * Max(now, then) / then;
	return true;
}

/*
 * Is the target, with its partitions, so short that the planner would not look
 * so many keys up in an index?  Locks the partitions, as reading them does.
 */
static bool
is_short_for(Relation rel, int64 nrows)
{
	List	   *relations = list_make1_oid(RelationGetRelid(rel));
	double		pages = 0;
	double		tuples = 0;
	bool		known = true;
	ListCell   *lc;

	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		relations = find_all_inheritors(RelationGetRelid(rel), AccessShareLock, NULL);
	foreach(lc, relations)
	{
		Relation	part = relation_open(lfirst_oid(lc), NoLock);

		known = known && add_table_size(part, &pages, &tuples);
		relation_close(part, NoLock);
	}
	return known && tuples <= (double) nrows * ROWS_PER_KEY && pages <= nrows;
}

/*
 * Should the statement ask the set of the keys whether it has a row's?  It then
 * goes through the whole target, and without parallel workers; so where the
 * planner might do better, by an index or by workers, it gets the join.
 */
static bool
asks_key_set(Verb *verb, MatchKind kind)
{
	char		relkind = verb->rel->rd_rel->relkind;
	int64		nrows = verb->data->nrows;
	bool		parallel;

	if (kind == MATCH_ROWS_MISSING || (rows_source != ROWS_SOURCE_KEYS && nrows <= LONG_LIST) ||
		!key_set_works(verb) ||
		(relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE && relkind != RELKIND_MATVIEW))
		return false;
	/* of a table that Citus distributes, the workers have the rows and not the keys */
	if (rows_source == ROWS_SOURCE_KEYS)
		return source_form(RelationGetRelid(verb->rel), nrows, false) != SOURCE_AS_ARRAYS;
	parallel = verb_scans_target(verb) && nrows <= (int64) KEYS_PER_WORKER * max_parallel_workers_per_gather;
	if (rows_source != ROWS_SOURCE_AUTO ||
		source_form(RelationGetRelid(verb->rel), nrows, parallel) != SOURCE_AS_RELATION)
		return false;
	/* what is in no list is found by no index */
	if (kind == MATCH_ROWS_NOT_IN)
		return true;
	/* of children, only those of a partitioned table are counted with it */
	if (relkind != RELKIND_PARTITIONED_TABLE && verb->rel->rd_rel->relhassubclass)
		return false;
	return is_short_for(verb->rel, nrows) ||
		(relkind != RELKIND_PARTITIONED_TABLE && !has_index_on(verb->rel, verb->key_attnums));
}

/* What the three matching functions share. */
static Datum
match_rows(FunctionCallInfo fcinfo, MatchKind kind)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Verb		verb;
	List	   *attnums;
	Source	   *source = NULL;

	verb_on_rows(&verb, fcinfo, ACL_SELECT, AccessShareLock);
	verb.key_arg = arg_array(fcinfo, 2);
	verb.match = arg_text(fcinfo, 3);
	verb.returning = false;
	verb.rule = kinds[kind].rule;
	verb.numbered = kinds[kind].numbered;
	verb.returns_data = kinds[kind].numbered;
	/* of a long list it is cheaper to let the join look at keys that repeat */
	if (verb.data->nrows > LONG_LIST)
		verb.rule = KEY_ANY;
	check_row_type(&verb, rsinfo->expectedDesc ? rsinfo->expectedDesc : rsinfo->setDesc);
	verb_connect(&verb);
	verb_resolve(&verb);
	if (asks_key_set(&verb, kind))
		verb.key_set = key_set_create(&verb);
	else
		source = verb_source(&verb, NULL);
	attnums = given_columns(&verb);
	verb_run(&verb, kinds[kind].make_sql(&verb, source), source, rows_receiver(fcinfo, attnums));
	if (verb.key_set)
		key_set_free(verb.key_set);
	verb_finish(&verb, source);
	return (Datum) 0;
}

Datum
rows_in(PG_FUNCTION_ARGS)
{
	return match_rows(fcinfo, MATCH_ROWS_IN);
}

Datum
rows_not_in(PG_FUNCTION_ARGS)
{
	return match_rows(fcinfo, MATCH_ROWS_NOT_IN);
}

Datum
rows_missing(PG_FUNCTION_ARGS)
{
	return match_rows(fcinfo, MATCH_ROWS_MISSING);
}

/* ------------------------------------------------------------------------ */
/* The statement in the place of a call										*/
/* ------------------------------------------------------------------------ */

/* The position of a column in the data; -1 when it is not there. */
static int
column_of(Rowset *data, const char *name)
{
	for (int i = 0; data && i < data->ncols; i++)
		if (strcmp(data->names[i], name) == 0)
			return i;
	return -1;
}

/* The names of the target's columns. */
static List *
target_names(Verb *verb)
{
	TupleDesc	desc = RelationGetDescr(verb->rel);
	List	   *names = NIL;

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			names = lappend(names, pstrdup(NameStr(TupleDescAttr(desc, i)->attname)));
	return names;
}

/* The names that the condition gives to columns of the data. */
static List *
mentioned_names(Verb *verb, Rowset *known)
{
	List	   *names = columns_of_alias(parse_expression("match", verb->match), "data", NIL);
	ListCell   *lc;

	foreach(lc, names)
		if (known ? column_of(known, lfirst(lc)) < 0 :
			!AttributeNumberIsValid(find_column(verb->rel, lfirst(lc))))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the type of column \"%s\" of the data is not known", (char *) lfirst(lc))));
	return names;
}

/*
 * A rowset without rows that stands for the data: it has the columns that the
 * statement may need.  Whether the data has them, and what else it has, is
 * looked at when it is decoded.
 */
static Rowset *
expected_data(Verb *verb, Rowset *known)
{
	List	   *names = NIL;
	Rowset	   *data;
	int			n = 0;
	ListCell   *lc;

	if (known && (verb->match || verb->returns_data) && known->nrows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("the data has no rows")));
	if (verb->match && verb->returns_data && known == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the columns of the data are not known, which \"match\" may depend on")));
	if (verb->returns_data && known)
		for (int i = 0; i < known->ncols; i++)
			names = lappend(names, (char *) known->names[i]);
	else if (verb->match)
		names = mentioned_names(verb, known);
	else
		names = target_names(verb);

	data = rowset_new(list_length(names));
	data->nrows = 1;			/* not the data without rows, to which other rules apply */
	if (known && known->types)
		data->types = palloc0_array(const char *, data->ncols + 1);
	foreach(lc, names)
	{
		int			i = column_of(known, lfirst(lc));

		data->names[n] = lfirst(lc);
		if (data->types)
			data->types[n] = i < 0 ? "" : known->types[i];
		n++;
	}
	return data;
}

/* The call that gives the source's rows; its arguments are those of the call that is replaced. */
static char *
source_call(Verb *verb, bool parallel)
{
	const char *form;
	bool		safe = parallel;

	for (int c = 0; c < verb->ncolumns; c++)
		safe &= is_made_by_server(verb->columns[c].type);
	if (verb->returns_data)
		form = "data";
	else if (verb->ncolumns == 0)
		form = "number";
	else
		form = verb->rule == KEY_DISTINCT && !verb->match ? "key" : "any";
	return psprintf("more.%s($1, $2, $3, $4, '%s')", safe ? "_rows_of" : "_rows_of_restricted", form);
}

/*
 * match_sql
 *		The statement that gives what a call of one of the three functions on
 *		this table would; key and match may be NULL.
 *
 * known is the data where it is known now, or NULL; nrows is about how many rows it
 * has, or 0.  parallel says whether the
 * rows may be made in parallel workers.  The statement's $1 to $4
 * are the call's arguments.  attnums tells which of the target's columns the
 * statement gives, in its order; all others are null.  Where the arguments do
 * not go together, or the caller may not read the table, it raises an error.
 */
char *
match_sql(MatchKind kind, Oid relid, ArrayType *key, const char *match, Rowset *known, int64 nrows, bool parallel, List **attnums)
{
	Verb		verb;
	Source	   *source;
	char	   *sql;

	memset(&verb, 0, sizeof(verb));
	verb_open(&verb, relid, ACL_SELECT, AccessShareLock);
	if (!RelationIsPopulated(verb.rel))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("materialized view \"%s\" has not been populated", RelationGetRelationName(verb.rel))));
	verb.key_arg = key;
	verb.match = match_as_sql(verb.rel, known, match);
	verb.rule = nrows > LONG_LIST ? KEY_ANY : kinds[kind].rule;
	verb.numbered = kinds[kind].numbered;
	verb.returns_data = kinds[kind].numbered;
	verb.data = expected_data(&verb, known);
	verb_resolve(&verb);
	source = source_create(verb.columns, verb.ncolumns, verb.numbered || verb.ncolumns == 0, SOURCE_AS_CALL);
	source->call = source_call(&verb, parallel);
	sql = kinds[kind].make_sql(&verb, source);
	*attnums = given_columns(&verb);
	relation_close(verb.rel, NoLock);
	return sql;
}
