/*
 * index_size.c
 *	  How large an index would be.
 *
 * A sample of the table's rows is read by a SELECT of the caller's: rights and
 * row security are those of the caller, and the lock is a reader's.  Small
 * tables are read whole.  Of the rows for which the predicate holds the index's
 * own tuples are formed, and what a build does with them is done in numbers: of
 * a btree, equal keys are gathered in posting lists and pages are filled up to
 * the fill factor, level by level; of a hash index, buckets are set aside for
 * the table's rows and overflow; of GIN, keys are extracted by the operator
 * class and their row pointers compressed; BRIN has a tuple for each range of
 * pages.  GiST and SP-GiST depend on how tuples part: there it is only near.
 *
 * From a sample, frequent keys are scaled up; how many rare keys there are is
 * estimated as ANALYZE does it.
 */
#include "postgres.h"

#include <math.h>

#include "access/brin.h"
#include "access/gin.h"
#include "access/gist.h"
#include "access/hash.h"
#include "access/htup_details.h"
#include "access/itup.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "access/spgist.h"
#include "catalog/pg_am.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/plancat.h"
#include "port/pg_bitutils.h"
#include "storage/bufpage.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "condition.h"
#include "indexes/hypothetical.h"

/* A table of up to so many rows is read whole; of a larger one, so many pages and about half as many rows. */
#define WHOLE_ROWS 100000
#define SAMPLE_PAGES 30000
#define SAMPLE_ROWS 50000

/* What a page has room for, but for its header and a btree's own data. */
#define PAGE_ROOM (BLCKSZ - SizeOfPageHeaderData - MAXALIGN(sizeof(BTPageOpaqueData)))

/* Rows of a table. */
typedef struct Sample
{
	Relation	rel;
	double		pages;			/* of the table */
	double		rows;			/* of the table */
	bool		whole;			/* all of them are in the sample */
	SPITupleTable *table;
	uint64		n;
	List	   *columns;		/* attribute numbers of the sample's columns */
} Sample;

/* The rows of the sample that are in an index. */
typedef struct Entries
{
	Hypothetical *index;
	Sample	   *sample;
	TupleDesc	desc;			/* of its tuples */
	int			natts;
	int			n;
	double		total;			/* so many there are in the whole index */
	Datum	  **values;			/* of each column */
	bool	  **nulls;
} Entries;

/* Tuples that are equal bit for bit. */
typedef struct KeyGroup
{
	int			size;			/* of a tuple, aligned */
	double		count;			/* rows in each such group, in the whole index */
	double		copies;			/* groups of this kind, in the whole index */
} KeyGroup;

typedef struct KeyGroups
{
	KeyGroup	   *groups;
	int			n;
	double		distinct;		/* keys in the whole index */
	double		size;			/* of a tuple, on average */
} KeyGroups;

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
		IndexShape *shape = &((Hypothetical *) lfirst(lc))->shape;
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

/* The statement that reads a sample. */
static char *
sample_sql(Sample *sample)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	foreach(lc, sample->columns)
		appendStringInfo(&sql, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 quote_identifier(get_attname(RelationGetRelid(sample->rel), lfirst_int(lc), false)));
	appendStringInfo(&sql, " FROM ONLY %s", qualified_name(RelationGetRelid(sample->rel)));
	if (!sample->whole)
	{
		double		share = Min(SAMPLE_PAGES / sample->pages, 1);
		int			every = Max((int) (sample->rows * share / SAMPLE_ROWS), 1);

		appendStringInfo(&sql, " TABLESAMPLE pg_catalog.system(%.6f) REPEATABLE (0)"
						 " WHERE pg_catalog.hashtid(ctid) OPERATOR(pg_catalog.%%) %d OPERATOR(pg_catalog.=) 0",
						 Max(share * 100, 0.000001), every);
	}
	return sql.data;
}

/* Read it; SPI is connected, and what is read lives as long. */
static void
read_sample(Sample *sample, Relation rel, List *indexes)
{
	BlockNumber pages;
	double		visible;

	sample->rel = rel;
	estimate_rel_size(rel, NULL, &pages, &sample->rows, &visible);
	sample->pages = pages;
	sample->whole = sample->rows <= WHOLE_ROWS || pages <= 1;
	sample->columns = sampled_columns(rel, indexes);
	if (SPI_execute(sample_sql(sample), true, 0) != SPI_OK_SELECT)
		elog(ERROR, "cannot read a sample of \"%s\"", RelationGetRelationName(rel));
	sample->table = SPI_tuptable;
	sample->n = SPI_processed;
	/* what row security hides counts, too: that is known by number only */
	if (sample->whole)
		sample->rows = Max(sample->rows, sample->n);
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
													 foreach_current_index(lc) + 1, &slot->tts_isnull[attnum - 1]);
	}
	ExecStoreVirtualTuple(slot);
}

/* ------------------------------------------------------------------------ */
/* The index's rows															*/
/* ------------------------------------------------------------------------ */

/*
 * index_key_type
 *		The type that a column's values have in the table or expression, 0-based.
 */
Oid
index_key_type(Relation rel, Hypothetical *index, int column, int32 *typmod)
{
	int			nkeys = list_length(index->shape.keys);
	IndexKey   *key = column < nkeys ? list_nth(index->shape.keys, column) : NULL;
	AttrNumber	attnum = key ? key->attnum : list_nth_int(index->shape.include, column - nkeys);
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

/* The type that is stored for a column. */
static Oid
stored_type(Relation rel, Hypothetical *index, int column, int32 *typmod)
{
	Oid			type = index_key_type(rel, index, column, typmod);
	HeapTuple	tup;
	Oid			stored;

	if (column >= list_length(index->shape.keys))
		return type;
	tup = SearchSysCache1(CLAOID, ObjectIdGetDatum(((IndexKey *) list_nth(index->shape.keys, column))->opclass));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for operator class of index \"%s\"", index->name);
	stored = ((Form_pg_opclass) GETSTRUCT(tup))->opckeytype;
	ReleaseSysCache(tup);
	if (!OidIsValid(stored))
		return type;
	*typmod = -1;
	if (stored == ANYELEMENTOID)
		return get_base_element_type(type);
	return IsPolymorphicType(stored) ? type : stored;
}

/* The form of tuples with the first so many columns. */
static TupleDesc
tuple_form(Relation rel, Hypothetical *index, int natts)
{
	TupleDesc	result = CreateTemplateTupleDesc(natts);

	for (int i = 0; i < natts; i++)
	{
		int32		typmod;
		Oid			type = stored_type(rel, index, i, &typmod);

		TupleDescInitEntry(result, i + 1, NULL, type, typmod, 0);
	}
	TupleDescFinalize(result);
	return result;
}

/* Room for the values of the columns. */
static void
begin_entries(Entries *entries)
{
	entries->natts = list_length(entries->index->shape.keys) + list_length(entries->index->shape.include);
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
	IndexShape *shape = &entries->index->shape;
	int			nkeys = list_length(shape->keys);
	bool	   *isnull = &entries->nulls[column][entries->n];
	Datum	   *value = &entries->values[column][entries->n];
	int32		typmod;

	if (expr)
	{
		Oid			type = index_key_type(entries->sample->rel, entries->index, column, &typmod);

		*value = ExecEvalExprSwitchContext(expr, context, isnull);
		if (!*isnull)
			*value = datumCopy(*value, get_typbyval(type), get_typlen(type));
		return;
	}
	*value = slot_getattr(context->ecxt_scantuple,
						  column < nkeys ? ((IndexKey *) list_nth(shape->keys, column))->attnum :
						  list_nth_int(shape->include, column - nkeys), isnull);
}

/* Find the rows of the sample that are in the index. */
static void
find_entries(Entries *entries)
{
	IndexShape *shape = &entries->index->shape;
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
	entries->total = entries->sample->n == 0 ? 0 :
		rint(entries->sample->rows * entries->n / entries->sample->n);
}

/* Free the values of expressions, and the arrays. */
static void
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

/* Gather equal tuples; the array is sorted. */
static void
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

/* Form the index's tuples with so many columns, and gather equal ones. */
static void
group_entries(Entries *entries, int natts, KeyGroups *groups)
{
	TupleDesc	desc = tuple_form(entries->sample->rel, entries->index, natts);
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

/* ------------------------------------------------------------------------ */
/* btree																	*/
/* ------------------------------------------------------------------------ */

/* An option of the index, or its default. */
static double
option(Hypothetical *index, const char *name, double fallback)
{
	ListCell   *lc;

	foreach(lc, index->options)
	{
		DefElem    *element = lfirst_node(DefElem, lc);

		if (strcmp(element->defname, name) == 0)
			return strcmp(name, "deduplicate_items") == 0 ? defGetBoolean(element) : defGetNumeric(element);
	}
	return fallback;
}

/* Can equal keys be told by their bytes, so that they are stored once? */
static bool
stores_equal_once(Entries *entries)
{
	Hypothetical *index = entries->index;
	ListCell   *lc;

	if (index->shape.unique || index->shape.include || option(index, "deduplicate_items", 1) == 0)
		return false;
	foreach(lc, index->shape.keys)
	{
		IndexKey   *key = lfirst(lc);
		Oid			type = get_opclass_input_type(key->opclass);
		Oid			function = get_opfamily_proc(get_opclass_family(key->opclass), type, type, BTEQUALIMAGE_PROC);

		if (!OidIsValid(function) ||
			!DatumGetBool(OidFunctionCall1Coll(function, key->collation, ObjectIdGetDatum(type))))
			return false;
	}
	return true;
}

/* A level of pages that is being filled. */
typedef struct Fill
{
	double		pages;			/* with the one that is not full yet */
	int			room;			/* in that one */
	int			items;			/* in it, at least 2 when it is full */
	int			last;			/* size of the last item, */
	int			last_extra;		/* and of what its page's upper bound can do without */
	int			full;			/* a page with no more room than this is full */
	double		owed;			/* parts of items that are not on a page yet */
} Fill;

/* Of a new page the upper bound's place is taken, and the next item's. */
#define NEW_PAGE_ROOM ((int) (PAGE_ROOM - 2 * sizeof(ItemIdData)))

/* Add an item.  The last item of a full page goes on to the next one. */
static void
fill_item(Fill *fill, int size, int extra)
{
	if (fill->items > 1 &&
		(fill->room < size + (int) MAXALIGN(sizeof(ItemPointerData)) || fill->room + fill->last_extra < fill->full))
	{
		fill->pages++;
		fill->room = NEW_PAGE_ROOM - fill->last - sizeof(ItemIdData);
		fill->items = 1;
	}
	fill->room -= size + sizeof(ItemIdData);
	fill->items++;
	fill->last = size;
	fill->last_extra = extra;
}

/* So many items fit on each page when all are alike. */
static int
items_per_page(int full, int size, int extra)
{
	int			item = size + sizeof(ItemIdData);
	int			until_full = (NEW_PAGE_ROOM + extra - full) / item + 1;
	int			until_no_room = (NEW_PAGE_ROOM - size - (int) MAXALIGN(sizeof(ItemPointerData))) / item + 1;

	return Max(Min(until_full, until_no_room) - 1, 1);
}

/* Add many items that are alike; what is left of a part goes with the next ones. */
static void
fill_items(Fill *fill, int size, int extra, double count)
{
	int			per_page = items_per_page(fill->full, size, extra);

	fill->owed += count;
	count = floor(fill->owed + 1e-6);
	fill->owed -= count;
	for (double i = 0; i < count; i++)
	{
		/* when the page is like the one before it, so are the next ones */
		if (i == 2.0 * per_page && count - i > per_page)
		{
			double		pages = floor((count - i) / per_page);

			fill->pages += pages;
			i += pages * per_page;
			if (i >= count)
				break;
		}
		fill_item(fill, size, extra);
	}
}

/* Fill the leaf pages; the number of items on them is returned. */
static double
fill_leaves(Entries *entries, KeyGroups *groups, Fill *fill)
{
	bool		once = stores_equal_once(entries);
	int			largest = MAXALIGN_DOWN((BLCKSZ * 10 / 100)) - sizeof(ItemIdData);
	double		items = 0;

	fill->pages = 1;
	fill->room = NEW_PAGE_ROOM;
	fill->full = BLCKSZ * (100 - (int) option(entries->index, "fillfactor", BTREE_DEFAULT_FILLFACTOR)) / 100;
	for (int i = 0; i < groups->n; i++)
	{
		KeyGroup	   *group = &groups->groups[i];
		int			most = once ? (MAXALIGN_DOWN(largest) - group->size) / (int) sizeof(ItemPointerData) : 1;
		double		lists;
		double		rest;
		int			size;

		if (most < 2)
		{
			fill_items(fill, group->size, 0, group->count * group->copies);
			items += group->count * group->copies;
			continue;
		}
		lists = floor(group->count / most);
		rest = group->count - lists * most;
		size = MAXALIGN(group->size + most * sizeof(ItemPointerData));
		fill_items(fill, size, size - group->size, lists * group->copies);
		size = rest <= 1 ? group->size : MAXALIGN(group->size + (int) (rest * sizeof(ItemPointerData)));
		if (rest > 0)
			fill_items(fill, size, size - group->size, group->copies);
		items += (lists + (rest > 0)) * group->copies;
	}
	return items;
}

/* The average size of what leads to a page: the columns that tell it from the one before. */
static int
pivot_size(Entries *entries, KeyGroups *groups, double items)
{
	int			nkeys = list_length(entries->index->shape.keys);
	double		told = 0;
	double		result = 0;
	double		size = groups->size;

	for (int i = 1; i <= nkeys; i++)
	{
		KeyGroups		prefix = *groups;
		double		share;

		if (i < entries->natts)
			group_entries(entries, i, &prefix);
		share = items > 1 ? Min((prefix.distinct - 1) / (items - 1), 1) : 1;
		size = prefix.size;
		result += Max(share - told, 0) * size;
		told = Max(share, told);
	}
	result += (1 - told) * (size + MAXALIGN(sizeof(ItemPointerData)));
	return Max((int) rint(result), (int) MAXALIGN(sizeof(IndexTupleData)));
}

/* Refuse what a btree refuses: a row that takes more than a third of a page. */
static void
check_row_sizes(Entries *entries, KeyGroups *groups)
{
	int			largest = MAXALIGN_DOWN((PAGE_ROOM - MAXALIGN(3 * sizeof(ItemIdData))) / 3) - MAXALIGN(sizeof(ItemPointerData));

	for (int i = 0; i < groups->n; i++)
		if (groups->groups[i].size > largest)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("index row size %d exceeds btree version %d maximum %d for index \"%s\"",
							groups->groups[i].size, BTREE_VERSION, largest, entries->index->name)));
}

/* Fill in pages and height of a btree. */
static void
measure_btree(Entries *entries)
{
	Hypothetical *index = entries->index;
	KeyGroups		groups;
	Fill		fill = {0};
	double		items;
	int			pivot;
	int			per_page;
	double		level;

	index->height = 0;
	index->pages = 1;
	if (entries->n == 0)
		return;
	group_entries(entries, entries->natts, &groups);
	check_row_sizes(entries, &groups);
	items = fill_leaves(entries, &groups, &fill);
	pivot = fill.pages > 1 ? pivot_size(entries, &groups, items) : 0;
	per_page = items_per_page(BLCKSZ * (100 - BTREE_NONLEAF_FILLFACTOR) / 100, pivot, 0);
	index->pages += fill.pages;
	for (level = fill.pages; level > 1; index->height++)
	{
		/* a page that is not full yet has room for one more */
		level = level <= per_page + 1 ? 1 : ceil(level / per_page);
		index->pages += level;
	}
}

/* ------------------------------------------------------------------------ */
/* Other access methods														*/
/* ------------------------------------------------------------------------ */

/* So many buckets a hash index gets that is made for so many rows. */
static double
hash_buckets(double rows, double per_bucket)
{
	double		wanted = rows / per_bucket;

	return wanted <= 2 ? 2 :
		_hash_get_totalbuckets(_hash_spareindex((uint32) Min(wanted, (double) 0x40000000)));
}

static void
measure_hash(Entries *entries)
{
	Hypothetical *index = entries->index;
	double		item = MAXALIGN(sizeof(IndexTupleData)) + MAXALIGN(sizeof(uint32)) + sizeof(ItemIdData);
	double		per_bucket = Max(floor(BLCKSZ * option(index, "fillfactor", HASH_DEFAULT_FILLFACTOR) / 100 / item), 10);
	double		on_page = floor((BLCKSZ - SizeOfPageHeaderData - MAXALIGN(sizeof(HashPageOpaqueData))) / item);
	double		buckets = Max(hash_buckets(entries->sample->rows, per_bucket), hash_buckets(entries->total, per_bucket));
	double		overflow = 0;
	double		large = 0;
	double		others;
	KeyGroups		groups;

	group_entries(entries, entries->natts, &groups);
	for (int i = 0; i < groups.n; i++)
		if (groups.groups[i].count > on_page / 2)
			large += groups.groups[i].count;
	others = (entries->total - large) / buckets;
	for (int i = 0; i < groups.n; i++)
		if (groups.groups[i].count > on_page / 2)
			overflow += Max(ceil((groups.groups[i].count + others) / on_page) - 1, 0);
	/* a page that describes the index, and one that tells which overflow pages are free */
	index->pages = 2 + buckets + overflow;
}

static void
measure_brin(Entries *entries)
{
	Hypothetical *index = entries->index;
	double		ranges = Max(ceil(entries->sample->pages / option(index, "pages_per_range", 128)), 1);
	int			size = 8;

	for (int i = 0; i < entries->natts; i++)
	{
		int32		typmod;
		Oid			type = stored_type(entries->sample->rel, index, i, &typmod);

		size += 2 * (get_typlen(type) > 0 ? get_typlen(type) : get_typavgwidth(type, typmod));
	}
	size = MAXALIGN(size) + sizeof(ItemIdData);
	index->pages = 1 + ceil(ranges / ((BLCKSZ - SizeOfPageHeaderData - 8) / sizeof(ItemPointerData))) +
		ceil(ranges / floor((BLCKSZ - SizeOfPageHeaderData - 8) / size));
}

/* The keys that GIN's operator class finds in the values, as tuples. */
static int
gin_tuples(Entries *entries, IndexTuple **tuples)
{
	int			room = 1024;
	int			n = 0;

	*tuples = palloc(sizeof(IndexTuple) * room);
	for (int column = 0; column < entries->natts; column++)
	{
		IndexKey   *key = list_nth(entries->index->shape.keys, column);
		Oid			type = get_opclass_input_type(key->opclass);
		Oid			function = get_opfamily_proc(get_opclass_family(key->opclass), type, type, GIN_EXTRACTVALUE_PROC);
		TupleDesc	desc = CreateTemplateTupleDesc(entries->natts > 1 ? 2 : 1);
		FmgrInfo	extract;
		int32		typmod;

		fmgr_info(function, &extract);
		if (entries->natts > 1)
			TupleDescInitEntry(desc, 1, NULL, INT2OID, -1, 0);
		TupleDescInitEntry(desc, desc->natts, NULL, stored_type(entries->sample->rel, entries->index, column, &typmod), -1, 0);
		TupleDescFinalize(desc);
		for (int i = 0; i < entries->n; i++)
		{
			int32		nkeys = 0;
			bool	   *key_nulls = NULL;
			Datum	   *keys = NULL;

			CHECK_FOR_INTERRUPTS();
			if (!entries->nulls[column][i])
				keys = (Datum *) DatumGetPointer(FunctionCall3Coll(&extract, key->collation, entries->values[column][i],
																   PointerGetDatum(&nkeys), PointerGetDatum(&key_nulls)));
			/* where there is no key a placeholder is stored */
			for (int k = 0; k < Max(nkeys, 1); k++)
			{
				bool		none = keys == NULL || nkeys == 0 || (key_nulls && key_nulls[k]);
				Datum		values[2] = {Int16GetDatum(column + 1), none ? (Datum) 0 : keys[k]};
				bool		nulls[2] = {false, none};

				if (n == room)
					*tuples = repalloc_huge(*tuples, sizeof(IndexTuple) * (room *= 2));
				(*tuples)[n] = index_form_tuple(desc, values + 2 - desc->natts, nulls + 2 - desc->natts);
				memset(&(*tuples)[n++]->t_tid, 0, sizeof(ItemPointerData));
			}
		}
	}
	return n;
}

/* Bytes that row pointers take, compressed, so many of them evenly in the table. */
static double
gin_pointer_bytes(Sample *sample, double count)
{
	double		gap = sample->pages / Max(count, 1);
	double		bytes = gap < 0.5 ? 1 + gap : gap < 8 ? 2 : gap < 1024 ? 3 : 4;

	return 8 + (count - 1) * bytes;
}

static void
measure_gin(Entries *entries)
{
	Hypothetical *index = entries->index;
	double		largest = (BLCKSZ - SizeOfPageHeaderData - 8 - 4 * sizeof(ItemIdData)) / 3;
	double		room = BLCKSZ - SizeOfPageHeaderData - 8;
	double		bytes = 0;
	double		data = 0;
	double		scale = entries->n > 0 ? entries->total / entries->n : 1;
	IndexTuple *tuples;
	int			n = gin_tuples(entries, &tuples);
	KeyGroups		groups;
	double		leaves;

	group_tuples(tuples, n, rint(n * scale), &groups);
	for (int i = 0; i < groups.n; i++)
	{
		double		list = gin_pointer_bytes(entries->sample, groups.groups[i].count);
		double		tuple = MAXALIGN((int) Min(groups.groups[i].size + list, largest)) + sizeof(ItemIdData);

		if (groups.groups[i].size + list > largest)
		{
			tuple = groups.groups[i].size + sizeof(ItemIdData);
			data += groups.groups[i].copies * Max(ceil(list / room), 1);
		}
		bytes += groups.groups[i].copies * tuple;
	}
	/* keys come in their order, and full pages part in the middle */
	leaves = bytes <= room ? 1 : ceil(bytes / (room / 2));
	index->entry_pages = leaves + (leaves > 1 ? ceil(leaves / 100) : 0);
	index->pages = 1 + index->entry_pages + data;
}

/* The size of a tuple in GiST, by what the operator class makes of the values. */
static double
gist_tuple_size(Entries *entries)
{
	TupleDesc	desc = tuple_form(entries->sample->rel, entries->index, entries->natts);
	int			nkeys = list_length(entries->index->shape.keys);
	int			n = Min(entries->n, 1000);
	double		bytes = 0;

	for (int i = 0; i < n; i++)
	{
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		for (int column = 0; column < entries->natts; column++)
		{
			IndexKey   *key = column < nkeys ? list_nth(entries->index->shape.keys, column) : NULL;
			Oid			type = key ? get_opclass_input_type(key->opclass) : InvalidOid;
			Oid			compress = key ? get_opfamily_proc(get_opclass_family(key->opclass), type, type, GIST_COMPRESS_PROC) :
				InvalidOid;
			GISTENTRY	entry;

			values[column] = entries->values[column][i];
			nulls[column] = entries->nulls[column][i];
			if (nulls[column] || !OidIsValid(compress))
				continue;
			gistentryinit(entry, values[column], NULL, NULL, 0, true);
			values[column] = ((GISTENTRY *) DatumGetPointer(OidFunctionCall1Coll(compress, key->collation,
																				PointerGetDatum(&entry))))->key;
		}
		bytes += MAXALIGN(IndexTupleSize(index_form_tuple(desc, values, nulls)));
	}
	return (n > 0 ? bytes / n : 0) + sizeof(ItemIdData);
}

/* Are the tuples of a GiST index sorted when it is built? */
static bool
gist_sorts(Entries *entries)
{
	ListCell   *lc;

	foreach(lc, entries->index->shape.keys)
	{
		Oid			opclass = ((IndexKey *) lfirst(lc))->opclass;
		Oid			type = get_opclass_input_type(opclass);

		if (!OidIsValid(get_opfamily_proc(get_opclass_family(opclass), type, type, GIST_SORTSUPPORT_PROC)))
			return false;
	}
	return true;
}

/* Pages of tuples of a size, so much of each page in use, and what leads to them. */
static double
tree_pages(double tuples, double size, double in_use)
{
	double		per_page = Max(floor(PAGE_ROOM * in_use / size), 2);
	double		level = Max(ceil(tuples / per_page), 1);
	double		result = level;

	while (level > 1)
		result += level = ceil(level / per_page);
	return result;
}

static void
measure_tree(Entries *entries)
{
	Hypothetical *index = entries->index;
	double		size;
	KeyGroups		groups;

	if (index->shape.method == GIST_AM_OID)
	{
		size = gist_tuple_size(entries);
		index->pages = tree_pages(entries->total, size, gist_sorts(entries) ? 0.64 : 0.5);
		return;
	}
	group_entries(entries, entries->natts, &groups);
	size = groups.size + sizeof(ItemIdData) + 8;
	index->pages = tree_pages(entries->total, size, 0.75) + (index->shape.method == SPGIST_AM_OID ? 2 : 0);
}

/* ------------------------------------------------------------------------ */
/* All of it																*/
/* ------------------------------------------------------------------------ */

/* Statistics of the index's expressions. */
static void
measure_expressions(Entries *entries, MemoryContext result_context)
{
	Hypothetical *index = entries->index;
	ListCell   *lc;

	index->statistics = MemoryContextAllocZero(result_context, sizeof(HeapTuple) * list_length(index->shape.keys));
	foreach(lc, index->shape.keys)
	{
		IndexKey   *key = lfirst(lc);
		int			column = foreach_current_index(lc);

		if (key->attnum == 0)
			index->statistics[column] = expression_statistics(key->expr, key->collation, entries->values[column],
															  entries->nulls[column], entries->n, entries->total,
															  result_context);
	}
}

/* Fill in what one index would be. */
static void
measure_index(Hypothetical *index, Sample *sample, MemoryContext result_context)
{
	Entries		entries = {.index = index, .sample = sample};

	find_entries(&entries);
	index->tuples = entries.total;
	index->share = sample->n > 0 ? (double) entries.n / sample->n : 1;
	index->height = -1;
	measure_expressions(&entries, result_context);
	if (index->shape.method == BTREE_AM_OID)
		measure_btree(&entries);
	else if (index->shape.method == HASH_AM_OID)
		measure_hash(&entries);
	else if (index->shape.method == BRIN_AM_OID)
		measure_brin(&entries);
	else if (index->shape.method == GIN_AM_OID)
		measure_gin(&entries);
	else
		measure_tree(&entries);
	end_entries(&entries);
}

/* An error in an expression is one that building the index would meet. */
static void
measure_error_callback(void *arg)
{
	errcontext("a sample of the rows of \"%s\", for the size of an index", (const char *) arg);
}

/* All indexes of one table. */
static void
measure_table(Oid relid, List *indexes, MemoryContext result_context)
{
	/* the caller has a lock */
	Relation	rel = relation_open(relid, NoLock);
	ErrorContextCallback callback = {error_context_stack, measure_error_callback, RelationGetRelationName(rel)};
	Sample		sample;
	ListCell   *lc;

	error_context_stack = &callback;
	SPI_connect();
	memset(&sample, 0, sizeof(sample));
	read_sample(&sample, rel, indexes);
	foreach(lc, indexes)
		measure_index(lfirst(lc), &sample, result_context);
	SPI_finish();
	error_context_stack = callback.previous;
	relation_close(rel, NoLock);
}

/*
 * measure_indexes
 *		Fill in the sizes of indexes on tables that the caller has locked.
 */
void
measure_indexes(List *indexes)
{
	MemoryContext result_context = CurrentMemoryContext;
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, indexes)
		if (!((Hypothetical *) lfirst(lc))->parent)
			tables = list_append_unique_oid(tables, ((Hypothetical *) lfirst(lc))->relid);
	foreach(lc, tables)
	{
		List	   *of_table = NIL;
		ListCell   *one;

		foreach(one, indexes)
			if (((Hypothetical *) lfirst(one))->relid == lfirst_oid(lc) && !((Hypothetical *) lfirst(one))->parent)
				of_table = lappend(of_table, lfirst(one));
		measure_table(lfirst_oid(lc), of_table, result_context);
	}
}
