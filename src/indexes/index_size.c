/*
 * index_size.c
 *	  How large an index would be.
 *
 * What a build does with the index's tuples is done in numbers: of a btree, equal
 * keys are gathered in posting lists and pages are filled up to the fill factor,
 * level by level; of a hash index, buckets are set aside for the table's rows
 * and overflow; of GIN, keys are extracted by the operator class and their row
 * pointers compressed; BRIN has a tuple for each range of pages.  GiST and SP-GiST
 * depend on how tuples part: there it is only near.
 */
#include "postgres.h"

#include <math.h>

#include "access/gin.h"
#include "access/gist.h"
#include "access/hash.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufpage.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "indexes/index_sample.h"

/* What a page has room for, but for its header and a btree's own data. */
#define PAGE_ROOM (BLCKSZ - SizeOfPageHeaderData - MAXALIGN(sizeof(BTPageOpaqueData)))

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

	if (entries->shape->unique || entries->shape->include || option(index, "deduplicate_items", 1) == 0)
		return false;
	foreach(lc, entries->shape->keys)
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
	int			nkeys = list_length(entries->shape->keys);
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
	double		buckets = Max(hash_buckets(entries->rows, per_bucket), hash_buckets(entries->total, per_bucket));
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
	double		ranges = Max(ceil(entries->pages / option(index, "pages_per_range", 128)), 1);
	int			size = 8;

	for (int i = 0; i < entries->natts; i++)
	{
		int32		typmod;
		Oid			type = stored_type(entries, i, &typmod);

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
		IndexKey   *key = list_nth(entries->shape->keys, column);
		Oid			type = get_opclass_input_type(key->opclass);
		Oid			function = get_opfamily_proc(get_opclass_family(key->opclass), type, type, GIN_EXTRACTVALUE_PROC);
		TupleDesc	desc = CreateTemplateTupleDesc(entries->natts > 1 ? 2 : 1);
		FmgrInfo	extract;
		int32		typmod;

		fmgr_info(function, &extract);
		if (entries->natts > 1)
			TupleDescInitEntry(desc, 1, NULL, INT2OID, -1, 0);
		TupleDescInitEntry(desc, desc->natts, NULL, stored_type(entries, column, &typmod), -1, 0);
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
gin_pointer_bytes(Entries *entries, double count)
{
	double		gap = entries->pages / Max(count, 1);
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
		double		list = gin_pointer_bytes(entries, groups.groups[i].count);
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
	TupleDesc	desc = tuple_form(entries, entries->natts);
	int			nkeys = list_length(entries->shape->keys);
	int			n = Min(entries->n, 1000);
	double		bytes = 0;

	for (int i = 0; i < n; i++)
	{
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		for (int column = 0; column < entries->natts; column++)
		{
			IndexKey   *key = column < nkeys ? list_nth(entries->shape->keys, column) : NULL;
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

	foreach(lc, entries->shape->keys)
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

	index->statistics = MemoryContextAllocZero(result_context, sizeof(HeapTuple) * list_length(entries->shape->keys));
	foreach(lc, entries->shape->keys)
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
	Entries		entries = {.index = index, .shape = index->sampled_shape, .sample = sample};

	estimate_table(index->relid, &entries.pages, &entries.rows);
	find_entries(&entries);
	index->tuples = entries.total;
	index->share = entries.seen > 0 ? entries.n / entries.seen : 1;
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
			tables = list_append_unique_oid(tables, ((Hypothetical *) lfirst(lc))->sampled);
	foreach(lc, tables)
	{
		List	   *of_table = NIL;
		ListCell   *one;

		foreach(one, indexes)
			if (((Hypothetical *) lfirst(one))->sampled == lfirst_oid(lc) && !((Hypothetical *) lfirst(one))->parent)
				of_table = lappend(of_table, lfirst(one));
		measure_table(lfirst_oid(lc), of_table, result_context);
	}
}
