/*
 * index_sample.c
 *	  Rows of a table, and what of them would be in an index.
 *
 * A sample of the table's rows is read by a SELECT of the caller's: rights and
 * row security are those of the caller, and the lock is a reader's.  Small
 * tables are read whole.  Of a partitioned table the sample is one of all of its
 * partitions, since it is the table that the caller has rights on.  Of the rows
 * for which the predicate holds the index's own tuples are formed.
 *
 * From a sample, frequent keys are scaled up; how many rare keys there are is
 * estimated as ANALYZE does it.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/plancat.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "condition.h"
#include "indexes/index_sample.h"

/* A table of up to so many rows is read whole; of a larger one, so many pages and about half as many rows. */
#define WHOLE_ROWS 100000
#define SAMPLE_PAGES 30000
#define SAMPLE_ROWS 50000

/* ------------------------------------------------------------------------ */
/* The sample																*/
/* ------------------------------------------------------------------------ */

/* The columns that the indexes mention, ascending. */
static List *
sampled_columns(Relation rel, List *indexes)
{
	Bitmapset  *mentioned = NULL;
	List	   *result = NIL;
	ListCell   *lc;
	int			attnum = -1;

	foreach(lc, indexes)
	{
		IndexShape *shape = ((Hypothetical *) lfirst(lc))->sampled_shape;
		List	   *columns = list_copy(shape->include);
		ListCell   *key;

		columns = list_concat(columns, condition_columns(rel, (Node *) shape->predicate));
		foreach(key, shape->keys)
		{
			columns = list_concat(columns, condition_columns(rel, ((IndexKey *) lfirst(key))->expr));
			if (((IndexKey *) lfirst(key))->attnum > 0)
				columns = lappend_int(columns, ((IndexKey *) lfirst(key))->attnum);
		}
		foreach(key, columns)
			mentioned = bms_add_member(mentioned, lfirst_int(key));
	}
	while ((attnum = bms_next_member(mentioned, attnum)) >= 0)
		result = lappend_int(result, attnum);
	return result;
}

/*
 * The statement that reads a sample.  Which rows of a page are taken is told by
 * where they are; who may read some columns only may not ask for that, and gets
 * fewer pages.
 */
static char *
sample_sql(Sample *sample)
{
	Oid			relid = RelationGetRelid(sample->rel);
	bool		parted = sample->rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	bool		may_read_all = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
	double		share = Min((may_read_all ? SAMPLE_PAGES / sample->pages : SAMPLE_ROWS / sample->rows), 1);
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s", parted ? "tableoid" : psprintf("%u::pg_catalog.oid", relid));
	foreach(lc, sample->columns)
		appendStringInfo(&sql, ", %s", quote_identifier(get_attname(relid, lfirst_int(lc), false)));
	appendStringInfo(&sql, " FROM %s%s", parted ? "" : "ONLY ", qualified_name(relid));
	if (!sample->whole)
		appendStringInfo(&sql, " TABLESAMPLE pg_catalog.system(%.6f) REPEATABLE (0)", Max(share * 100, 0.000001));
	if (!sample->whole && may_read_all)
		appendStringInfo(&sql, " WHERE pg_catalog.hashtid(ctid) OPERATOR(pg_catalog.%%) %d OPERATOR(pg_catalog.=) 0",
						 Max((int) (sample->rows * share / SAMPLE_ROWS), 1));
	return sql.data;
}

/*
 * estimate_table
 *		Pages and rows of a table or partition, as the planner estimates them.
 */
void
estimate_table(Oid relid, double *pages, double *rows)
{
	Relation	rel = relation_open(relid, NoLock);
	BlockNumber blocks;
	double		visible;

	estimate_rel_size(rel, NULL, &blocks, rows, &visible);
	*pages = blocks;
	relation_close(rel, NoLock);
}

/* Pages and rows of the tables that the indexes are on. */
static void
estimate_tables(Sample *sample, List *indexes)
{
	List	   *seen = NIL;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Oid			relid = ((Hypothetical *) lfirst(lc))->relid;
		double		pages;
		double		rows;

		if (list_member_oid(seen, relid))
			continue;
		seen = lappend_oid(seen, relid);
		estimate_table(relid, &pages, &rows);
		sample->pages += pages;
		sample->rows += rows;
	}
}

/*
 * read_sample
 *		Read rows of a table, or of its partitions, for indexes on them.  SPI is
 *		connected, and what is read lives as long.
 */
void
read_sample(Sample *sample, Relation rel, List *indexes)
{
	sample->rel = rel;
	estimate_tables(sample, indexes);
	sample->whole = sample->rows <= WHOLE_ROWS || sample->pages <= 1;
	sample->columns = sampled_columns(rel, indexes);
	if (SPI_execute(sample_sql(sample), true, 0) != SPI_OK_SELECT)
		elog(ERROR, "cannot read a sample of \"%s\"", RelationGetRelationName(rel));
	sample->table = SPI_tuptable;
	sample->n = SPI_processed;
}

/* The table or partition that a row of the sample is in. */
static Oid
row_table(Sample *sample, uint64 i)
{
	bool		isnull;

	return DatumGetObjectId(SPI_getbinval(sample->table->vals[i], sample->table->tupdesc, 1, &isnull));
}

/* Put a row of the sample where expressions over the table look for it. */
static void
show_row(Sample *sample, uint64 i, TupleTableSlot *slot)
{
	ListCell   *lc;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	foreach(lc, sample->columns)
	{
		int			attnum = lfirst_int(lc);

		slot->tts_values[attnum - 1] = SPI_getbinval(sample->table->vals[i], sample->table->tupdesc,
													 foreach_current_index(lc) + 2, &slot->tts_isnull[attnum - 1]);
	}
	ExecStoreVirtualTuple(slot);
}

/* ------------------------------------------------------------------------ */
/* The index's rows															*/
/* ------------------------------------------------------------------------ */

/* The type that a column's values have in the table or expression, 0-based. */
static Oid
key_type(Relation rel, IndexShape *shape, int column, int32 *typmod)
{
	int			nkeys = list_length(shape->keys);
	IndexKey   *key = column < nkeys ? list_nth(shape->keys, column) : NULL;
	AttrNumber	attnum = key ? key->attnum : list_nth_int(shape->include, column - nkeys);
	Form_pg_attribute att;

	if (attnum == 0)
	{
		*typmod = exprTypmod(key->expr);
		return exprType(key->expr);
	}
	att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	*typmod = att->atttypmod;
	return att->atttypid;
}

/*
 * stored_type
 *		The type that is stored for a column of the index, 0-based.
 */
Oid
stored_type(Entries *entries, int column, int32 *typmod)
{
	IndexShape *shape = entries->shape;
	Oid			type = key_type(entries->sample->rel, shape, column, typmod);
	HeapTuple	tup;
	Oid			stored;

	if (column >= list_length(shape->keys))
		return type;
	tup = SearchSysCache1(CLAOID, ObjectIdGetDatum(((IndexKey *) list_nth(shape->keys, column))->opclass));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for operator class of index \"%s\"", entries->index->name);
	stored = ((Form_pg_opclass) GETSTRUCT(tup))->opckeytype;
	ReleaseSysCache(tup);
	if (!OidIsValid(stored))
		return type;
	*typmod = -1;
	if (stored == ANYELEMENTOID)
		return get_base_element_type(type);
	return IsPolymorphicType(stored) ? type : stored;
}

/*
 * tuple_form
 *		The form of tuples with the first so many columns.
 */
TupleDesc
tuple_form(Entries *entries, int natts)
{
	TupleDesc	result = CreateTemplateTupleDesc(natts);

	for (int i = 0; i < natts; i++)
	{
		int32		typmod;
		Oid			type = stored_type(entries, i, &typmod);

		TupleDescInitEntry(result, i + 1, NULL, type, typmod, 0);
	}
	TupleDescFinalize(result);
	return result;
}

/* Room for the values of the columns. */
static void
begin_entries(Entries *entries)
{
	entries->natts = list_length(entries->shape->keys) + list_length(entries->shape->include);
	entries->values = palloc(sizeof(Datum *) * entries->natts);
	entries->nulls = palloc(sizeof(bool *) * entries->natts);
	for (int i = 0; i < entries->natts; i++)
	{
		entries->values[i] = palloc(sizeof(Datum) * Max(entries->sample->n, 1));
		entries->nulls[i] = palloc(sizeof(bool) * Max(entries->sample->n, 1));
	}
}

/* Keep a column's value of the row that is shown. */
static void
keep_value(Entries *entries, int column, ExprState *expr, ExprContext *context)
{
	IndexShape *shape = entries->shape;
	int			nkeys = list_length(shape->keys);
	bool	   *isnull = &entries->nulls[column][entries->n];
	Datum	   *value = &entries->values[column][entries->n];
	int32		typmod;

	if (expr)
	{
		Oid			type = key_type(entries->sample->rel, shape, column, &typmod);

		*value = ExecEvalExprSwitchContext(expr, context, isnull);
		if (!*isnull)
			*value = datumCopy(*value, get_typbyval(type), get_typlen(type));
		return;
	}
	*value = slot_getattr(context->ecxt_scantuple,
						  column < nkeys ? ((IndexKey *) list_nth(shape->keys, column))->attnum :
						  list_nth_int(shape->include, column - nkeys), isnull);
}

/*
 * find_entries
 *		Find the rows of the sample that are in the index.
 */
void
find_entries(Entries *entries)
{
	IndexShape *shape = entries->shape;
	EState	   *estate = CreateExecutorState();
	ExprContext *context = GetPerTupleExprContext(estate);
	ExprState  *predicate = ExecPrepareQual(copyObject(shape->predicate), estate);
	ExprState **exprs = palloc0(sizeof(ExprState *) * INDEX_MAX_KEYS);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(entries->sample->rel), &TTSOpsVirtual);
	ListCell   *lc;

	begin_entries(entries);
	context->ecxt_scantuple = slot;
	foreach(lc, shape->keys)
		if (((IndexKey *) lfirst(lc))->attnum == 0)
			exprs[foreach_current_index(lc)] = ExecPrepareExpr((Expr *) copyObject(((IndexKey *) lfirst(lc))->expr), estate);
	for (uint64 i = 0; i < entries->sample->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (row_table(entries->sample, i) != entries->index->relid)
			continue;
		entries->seen++;
		ResetExprContext(context);
		show_row(entries->sample, i, slot);
		if (!ExecQual(predicate, context))
			continue;
		for (int column = 0; column < entries->natts; column++)
			keep_value(entries, column, exprs[column], context);
		entries->n++;
	}
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
	/* what row security hides counts, too: that is known by number only */
	if (entries->sample->whole)
		entries->rows = Max(entries->rows, entries->seen);
	entries->total = entries->seen == 0 ? 0 : rint(entries->rows * entries->n / entries->seen);
}

/*
 * end_entries
 *		Free the arrays.
 */
void
end_entries(Entries *entries)
{
	for (int i = 0; i < entries->natts; i++)
	{
		pfree(entries->values[i]);
		pfree(entries->nulls[i]);
	}
}

/* ------------------------------------------------------------------------ */
/* Equal keys																*/
/* ------------------------------------------------------------------------ */

/* qsort comparator: by what is in the tuples but for the row's place. */
static int
compare_tuples(const void *a, const void *b)
{
	IndexTuple	first = *(const IndexTuple *) a;
	IndexTuple	second = *(const IndexTuple *) b;
	int			size = Min(IndexTupleSize(first), IndexTupleSize(second));

	return memcmp((char *) first + offsetof(IndexTupleData, t_info),
				  (char *) second + offsetof(IndexTupleData, t_info),
				  size - offsetof(IndexTupleData, t_info));
}

/* Estimate, as ANALYZE does, how many different keys the whole has. */
static double
estimate_distinct(double n, double total, double found, double once)
{
	double		result;

	if (n >= total || found == 0)
		return found;
	if (once == n)
		return total;
	result = n * found / (n - once + once * n / total);
	return Min(Max(result, found), total);
}

/* From counts in the sample to counts in the whole: rare keys stand for others like them. */
static void
scale_groups(KeyGroups *groups, double n, double total, double once)
{
	double		scale = n > 0 ? total / n : 1;
	double		frequent = 0;
	double		rare = 0;
	double		rare_rows = 0;

	groups->distinct = estimate_distinct(n, total, groups->n, once);
	if (n >= total)
		return;
	for (int i = 0; i < groups->n; i++)
	{
		if (groups->groups[i].count >= 10)
			frequent++;
		else
		{
			rare++;
			rare_rows += groups->groups[i].count;
		}
	}
	for (int i = 0; i < groups->n; i++)
	{
		KeyGroup	   *group = &groups->groups[i];

		if (group->count >= 10)
			group->count *= scale;
		else
		{
			double		keys = Max(groups->distinct - frequent, rare);

			group->copies = keys / rare;
			group->count = Max(rare_rows * scale / keys, 1);
		}
	}
}

/*
 * group_tuples
 *		Gather equal tuples; the array is sorted.
 */
void
group_tuples(IndexTuple *tuples, int n, double total, KeyGroups *groups)
{
	double		once = 0;
	double		bytes = 0;

	groups->groups = palloc(sizeof(KeyGroup) * Max(n, 1));
	groups->n = 0;
	qsort(tuples, n, sizeof(IndexTuple), compare_tuples);
	for (int i = 0; i < n;)
	{
		KeyGroup	   *group = &groups->groups[groups->n++];
		int			first = i;

		while (i < n && compare_tuples(&tuples[first], &tuples[i]) == 0)
			i++;
		group->size = MAXALIGN(IndexTupleSize(tuples[first]));
		group->count = i - first;
		group->copies = 1;
		bytes += (double) group->size * group->count;
		if (i - first == 1)
			once++;
	}
	groups->size = n > 0 ? bytes / n : 0;
	scale_groups(groups, n, total, once);
}

/*
 * group_entries
 *		Form the index's tuples with so many columns, and gather equal ones.
 */
void
group_entries(Entries *entries, int natts, KeyGroups *groups)
{
	TupleDesc	desc = tuple_form(entries, natts);
	IndexTuple *tuples = palloc(sizeof(IndexTuple) * Max(entries->n, 1));
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	for (int i = 0; i < entries->n; i++)
	{
		for (int column = 0; column < natts; column++)
		{
			values[column] = entries->values[column][i];
			nulls[column] = entries->nulls[column][i];
		}
		tuples[i] = index_form_tuple(desc, values, nulls);
		memset(&tuples[i]->t_tid, 0, sizeof(ItemPointerData));
	}
	group_tuples(tuples, entries->n, entries->total, groups);
	for (int i = 0; i < entries->n; i++)
		pfree(tuples[i]);
	pfree(tuples);
}
