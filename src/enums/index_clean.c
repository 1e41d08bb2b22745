/*
 * index_clean.c
 *	  Taking a value of an enum out of a btree without building it anew; and the
 *	  addresses of the rows that it has there.
 *
 * When no row holds the value any more, and nobody can see or write it, an
 * index still has it: in the entries of dead rows, and in keys between its
 * pages, of which a few would survive any VACUUM.  Three steps, each of which
 * leaves an index in order if the server dies after it:
 *
 * 1. Entries of dead rows that hold the value are deleted, page by page, by the
 *    function with which inserting deletes dead entries of a page that is full.
 *    It asks the table which rows nobody can see, and writes WAL that tells a
 *    standby up to which transaction.  Where the first column is of the enum, and
 *    no other is, only the pages from the first that a search for the value comes
 *    to, up to a high key that is behind it, can have such entries.
 * 2. Pages that have become empty are deleted, with the keys between them, by
 *    the access method's own bulk deletion, which is asked to delete no entry.
 * 3. What is left are keys that bound a page that has neighbours: the high key of
 *    a page, which its parent has as well in the entry of the page to the right
 *    of it, and, where the page is its parent's last, the parent as high key and
 *    its parent in an entry, and so on.  All copies of such a separator are
 *    replaced by another key, in one WAL record.
 *
 * Why a separator S can become another key K while others read and write.  A
 * separator is no row's: it tells only that what is on its left is at most as
 * large as it, and what is on its right is larger.  All pages that have a copy,
 * and the leaf to the right, are locked together, from left to right and from the
 * leaf upwards, as a split locks them.
 *
 * - K is S with the value replaced by the one that is next in the index's order,
 *   and with nothing behind it, which compares as less than anything.  Nothing
 *   can be inserted that lies between S and K: it would hold the value, or one
 *   that is added between the two, so the type is locked.  So K separates what S
 *   did, if the first entry on the right is not less than K, which is looked at
 *   under the locks.  Whoever came down by S, and arrives by
 *   now, looks for something that S and K put on the same side.
 * - Where there is no next value, or an empty page on the right has a bound below
 *   K, K is the last entry on the left, with its row's address.  It is less than S,
 *   and larger than what is on its left but itself.  What lies between K and S
 *   can be inserted, and belongs to the right now.  That is what a split does
 *   that moves no entry: whoever arrives on the left sees the high key and
 *   moves right, and predicate locks of the left page are copied to the right.
 * - Where that page on the left is itself empty, since it is its parent's last, and
 *   such a page is never deleted, the separator below it has just got such a key.
 *   K is that one with the next address: one entry might lie between them.
 *
 * Anything else (no room for a larger key, a split that was not finished, a page
 * that is half dead, more levels than a WAL record can hold pages) is left alone,
 * and the caller finds that the index holds the value still.  So it does if a dead row cannot be given up yet.
 *
 * The value has its row in pg_enum all the time, so that all comparisons work,
 * here and elsewhere.  They must agree with the order in which the catalog has
 * the values; where somebody has edited that, nothing is done.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on the table, which keeps VACUUM away, and ROW
 * EXCLUSIVE on the index, as VACUUM takes them.  In step 3 SHARE on the type, if
 * it can be had at once: not before, since step 2 waits for readers of a page, one
 * of whom might wait for the type.  Pages one at a time; in step 3, of one
 * separator.  The blocks of the table are read before a page is locked.
 * index_addresses() takes ACCESS SHARE on the index, and pages one at a time.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/generic_xlog.h"
#include "access/itup.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "enums/enums.h"

typedef struct Clean
{
	Relation	table;
	Relation	index;
	BlockNumber nblocks;		/* of the table */
	Bitmapset  *columns;		/* of the index, that are values of the enum */
	BTScanInsert key;			/* that leads to the value, where it is in the first column only */
	Oid			value;
	Oid			next;			/* in the order of the type, or InvalidOid */
	Oid			previous;
	BufferAccessStrategy strategy;
	MemoryContext scratch;		/* emptied after each page and separator */
	TM_IndexDelete *entries;	/* of one page */
	TM_IndexStatus *states;
	int			nentries;
} Clean;

/* How often a separator is looked at whose pages others change at the same time. */
#define SEPARATOR_TRIES	10

/* The pages that have a copy of a separator: from a leaf, as high key, up to one that has it in an entry. */
typedef struct Separator
{
	int			top;			/* the level of that one */
	BlockNumber blocks[MAX_GENERIC_XLOG_PAGES];
	OffsetNumber offset;		/* of the entry there, whose page is on the right */
	Buffer		buffers[MAX_GENERIC_XLOG_PAGES];	/* locked */
	Buffer		right;			/* the leaf to the right, locked */
	IndexTuple	key;			/* the entry, in place */
} Separator;

/* --- pages and tuples ------------------------------------------------------------ */

static IndexTuple
item_at(Page page, OffsetNumber offset)
{
	return (IndexTuple) PageGetItem(page, PageGetItemId(page, offset));
}

static Buffer
lock_page(Clean *clean, BlockNumber block, int mode)
{
	Buffer		buffer = ReadBufferExtended(clean->index, MAIN_FORKNUM, block, RBM_NORMAL, clean->strategy);

	LockBuffer(buffer, mode);
	_bt_checkpage(clean->index, buffer);
	return buffer;
}

/* The first column of a tuple that holds the value, of those that it has; 0 if none does. */
static AttrNumber
column_holding(Clean *clean, IndexTuple tuple)
{
	int			natts = BTreeTupleGetNAtts(tuple, clean->index);
	int			column = -1;

	while ((column = bms_next_member(clean->columns, column)) >= 0 && column <= natts)
	{
		bool		isnull;
		Datum		value = index_getattr(tuple, column, RelationGetDescr(clean->index), &isnull);

		if (!isnull && DatumGetObjectId(value) == clean->value)
			return column;
	}
	return 0;
}

/* --- the entries of dead rows ------------------------------------------------------ */

static void
add_entry(Clean *clean, OffsetNumber offset, ItemPointer tid)
{
	int			i = clean->nentries++;

	clean->entries[i].tid = *tid;
	clean->entries[i].id = i;
	clean->states[i].idxoffnum = offset;
	clean->states[i].knowndeletable = false;
	clean->states[i].promising = false;
	clean->states[i].freespace = 0;
}

/* The entries of a leaf that hold the value; the page is locked. */
static void
collect_entries(Clean *clean, Page page)
{
	OffsetNumber last = PageGetMaxOffsetNumber(page);

	clean->nentries = 0;
	for (OffsetNumber i = P_FIRSTDATAKEY(BTPageGetOpaque(page)); i <= last; i = OffsetNumberNext(i))
	{
		IndexTuple	tuple = item_at(page, i);

		if (!column_holding(clean, tuple))
			continue;
		if (!BTreeTupleIsPosting(tuple))
			add_entry(clean, i, &tuple->t_tid);
		else
		{
			for (int j = 0; j < BTreeTupleGetNPosting(tuple); j++)
				add_entry(clean, i, BTreeTupleGetPostingN(tuple, j));
		}
	}
}

/* Has the blocks read that will be asked for under the page's lock. */
static void
read_rows(Clean *clean)
{
	BlockNumber block = InvalidBlockNumber;

	for (int i = 0; i < clean->nentries; i++)
	{
		if (ItemPointerGetBlockNumber(&clean->entries[i].tid) == block)
			continue;
		block = ItemPointerGetBlockNumber(&clean->entries[i].tid);
		if (block < clean->nblocks)
			ReleaseBuffer(ReadBuffer(clean->table, block));
	}
}

/*
 * Is the row of one of the entries dead for everybody?  Then that is noted; the
 * deletion takes one at least.  So does any question but a bottom-up one, which
 * may be answered with none.
 */
static bool
any_deletable(Clean *clean, BlockNumber block)
{
	for (int i = 0; i < clean->nentries; i++)
	{
		TM_IndexDelete entry = clean->entries[i];
		TM_IndexStatus state = clean->states[i];
		TM_IndexDeleteOp one = {.irel = clean->index, .iblknum = block, .bottomup = true, .bottomupfreespace = 1,
			.ndeltids = 1, .deltids = &entry, .status = &state};

		entry.id = 0;
		state.freespace = 1;
		table_index_delete_tuples(clean->table, &one);
		if (one.ndeltids > 0)
		{
			clean->states[i].knowndeletable = true;
			return true;
		}
	}
	return false;
}

/* Deletes what can be of a leaf; false if some of it cannot. */
static bool
delete_entries(Clean *clean, BlockNumber block)
{
	Buffer		buffer = lock_page(clean, block, BT_WRITE);
	Page		page = BufferGetPage(buffer);
	bool		result = true;

	if (!P_IGNORE(BTPageGetOpaque(page)))
		collect_entries(clean, page);
	else
		clean->nentries = 0;
	if (clean->nentries > 0 && any_deletable(clean, block))
	{
		TM_IndexDeleteOp all = {.irel = clean->index, .iblknum = block, .ndeltids = clean->nentries,
			.deltids = clean->entries, .status = clean->states};

		_bt_delitems_delete_check(clean->index, buffer, clean->table, &all);
		collect_entries(clean, page);
	}
	result = clean->nentries == 0;
	UnlockReleaseBuffer(buffer);
	return result;
}

/* What leads to the value where only the first column is of the enum; NULL where another one is. */
static BTScanInsert
value_key(Clean *clean)
{
	TupleDesc	desc = RelationGetDescr(clean->index);
	Datum	   *values = palloc0(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc(sizeof(bool) * desc->natts);
	IndexTuple	tuple;
	BTScanInsert key;

	if (bms_membership(clean->columns) != BMS_SINGLETON || !bms_is_member(1, clean->columns))
		return NULL;
	memset(nulls, true, sizeof(bool) * desc->natts);
	values[0] = ObjectIdGetDatum(clean->value);
	nulls[0] = false;
	tuple = index_truncate_tuple(desc, index_form_tuple(desc, values, nulls), 1);
	if (desc->natts > 1)
		BTreeTupleSetNAtts(tuple, 1, false);
	key = _bt_mkscankey(clean->index, tuple);
	/* whatever the row's address is */
	key->scantid = NULL;
	return key;
}

/* The first leaf that can have entries that hold the value, locked; or none. */
static Buffer
first_leaf(Clean *clean)
{
	Buffer		result;

	if (clean->key == NULL)
		return compat_btree_endpoint(clean->index, 0);
	compat_btree_search(clean->index, clean->table, clean->key, &result);
	return result;
}

/* Is what is behind the leaf, which is locked, behind the value, too? */
static bool
is_last_leaf(Clean *clean, Page page)
{
	return P_RIGHTMOST(BTPageGetOpaque(page)) ||
		(clean->key && !P_IGNORE(BTPageGetOpaque(page)) && _bt_compare(clean->index, clean->key, page, P_HIKEY) < 0);
}

/* Collects the entries of a leaf, which is locked, and releases it; the next leaf that can have some, or P_NONE. */
static BlockNumber
read_leaf(Clean *clean, Buffer buffer)
{
	Page		page = BufferGetPage(buffer);
	BTPageOpaque opaque = BTPageGetOpaque(page);
	BlockNumber next = is_last_leaf(clean, page) ? P_NONE : opaque->btpo_next;

	clean->nentries = 0;
	if (!P_IGNORE(opaque))
		collect_entries(clean, page);
	UnlockReleaseBuffer(buffer);
	return next;
}

/* Step 1: all leaves that can have such entries; false if some had to stay. */
static bool
clean_leaves(Clean *clean)
{
	Buffer		buffer = first_leaf(clean);
	bool		all = true;

	while (BufferIsValid(buffer))
	{
		BlockNumber block = BufferGetBlockNumber(buffer);
		BlockNumber next = read_leaf(clean, buffer);

		if (clean->nentries > 0)
		{
			read_rows(clean);
			all &= delete_entries(clean, block);
		}
		MemoryContextReset(clean->scratch);
		CHECK_FOR_INTERRUPTS();
		/* what a split has moved meanwhile had been on the page, and is gone, or is found by the caller */
		buffer = next == P_NONE ? InvalidBuffer : lock_page(clean, next, BT_READ);
	}
	return all;
}

/* --- empty pages ----------------------------------------------------------------------- */

/* No entry is to be deleted. */
static bool
is_kept(ItemPointer tid, void *arg)
{
	return false;
}

/* Step 2. */
static void
delete_empty_pages(Clean *clean)
{
	IndexVacuumInfo info = {0};
	IndexBulkDeleteResult *result;

	info.index = clean->index;
#if PG_VERSION_NUM >= 160000
	info.heaprel = clean->table;
#endif
	info.estimated_count = true;
	info.message_level = DEBUG2;
	info.num_heap_tuples = clean->table->rd_rel->reltuples;
	info.strategy = clean->strategy;
	result = index_bulk_delete(&info, NULL, is_kept, NULL);
	(void) index_vacuum_cleanup(&info, result);
}

/* --- separators --------------------------------------------------------------------------- */

/* Are they copies of one separator?  Their pages' numbers apart. */
static bool
same_separator(IndexTuple one, IndexTuple other)
{
	return IndexTupleSize(one) == IndexTupleSize(other) &&
		memcmp(&one->t_tid.ip_posid, &other->t_tid.ip_posid,
			   IndexTupleSize(one) - offsetof(ItemPointerData, ip_posid)) == 0;
}

static void
set_size(IndexTuple tuple, Size size)
{
	tuple->t_info = (tuple->t_info & ~INDEX_SIZE_MASK) | size;
}

/* Where an attribute by value is in a tuple that has it and is its last. */
static char *
attribute_address(Clean *clean, IndexTuple tuple, AttrNumber attnum)
{
	char	   *data = (char *) tuple + IndexInfoFindDataOffset(tuple->t_info);
	Size		offset = 0;

	for (AttrNumber i = 1;; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(clean->index), i - 1);
		bool		isnull;

		(void) index_getattr(tuple, i, RelationGetDescr(clean->index), &isnull);
		if (isnull)
			continue;
		offset = att_align_pointer(offset, att->attalign, att->attlen, data + offset);
		if (i == attnum)
			return data + offset;
		offset = att_addlength_pointer(offset, att->attlen, data + offset);
	}
}

/* The separator with the next value in place of the value, and nothing behind it; NULL if there is no next one. */
static IndexTuple
next_key(Clean *clean, IndexTuple key)
{
	AttrNumber	column = column_holding(clean, key);
	bool		descending = clean->index->rd_indoption[column - 1] & INDOPTION_DESC;
	Oid			next = descending ? clean->previous : clean->next;
	IndexTuple	result;

	if (!OidIsValid(next))
		return NULL;
	result = index_truncate_tuple(RelationGetDescr(clean->index), key, column);
	/* a copy of all attributes has the row's address, too */
	if (column == RelationGetDescr(clean->index)->natts && BTreeTupleGetHeapTID(key) != NULL)
		set_size(result, IndexTupleSize(result) - MAXALIGN(sizeof(ItemPointerData)));
	result->t_info &= ~INDEX_ALT_TID_MASK;	/* that of a copy */
	BTreeTupleSetNAtts(result, column, false);
	memcpy(attribute_address(clean, result, column), &next, sizeof(Oid));
	return result;
}

/* The last entry of a leaf as a separator, with the address of its row; NULL if it holds the value. */
static IndexTuple
last_key(Clean *clean, Page page)
{
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	int			nkeys = IndexRelationGetNumberOfKeyAttributes(clean->index);
	IndexTuple	entry;
	IndexTuple	keys;
	IndexTuple	result;
	Size		size;

	entry = item_at(page, last);
	if (column_holding(clean, entry))
		return NULL;
	keys = index_truncate_tuple(RelationGetDescr(clean->index), entry, nkeys);
	if (BTreeTupleIsPosting(keys))
		set_size(keys, MAXALIGN(BTreeTupleGetPostingOffset(entry)));
	size = MAXALIGN(IndexTupleSize(keys));
	result = palloc0(size + MAXALIGN(sizeof(ItemPointerData)));
	memcpy(result, keys, IndexTupleSize(keys));
	set_size(result, size + MAXALIGN(sizeof(ItemPointerData)));
	BTreeTupleSetNAtts(result, nkeys, true);
	*BTreeTupleGetHeapTID(result) = *BTreeTupleGetMaxHeapTID(entry);
	return result;
}

/*
 * Above an empty leaf: the key below it, which has a row's address, with the next
 * address; NULL if it has none, or holds the value.
 */
static IndexTuple
bound_key(Clean *clean, Separator *separator)
{
	Page		parent = BufferGetPage(separator->buffers[1]);
	OffsetNumber offset = separator->top == 1 ? OffsetNumberPrev(separator->offset) : PageGetMaxOffsetNumber(parent);
	IndexTuple	result;
	ItemPointer address;

	if (offset <= P_FIRSTDATAKEY(BTPageGetOpaque(parent)) || column_holding(clean, item_at(parent, offset)))
		return NULL;
	result = CopyIndexTuple(item_at(parent, offset));
	address = BTreeTupleGetHeapTID(result);
	if (address == NULL || ItemPointerGetOffsetNumberNoCheck(address) == PG_UINT16_MAX)
		return NULL;
	ItemPointerSetOffsetNumber(address, ItemPointerGetOffsetNumberNoCheck(address) + 1);
	return result;
}

/* A key between what is on the left of the separator and itself; NULL if none can be made. */
static IndexTuple
left_key(Clean *clean, Separator *separator)
{
	Page		leaf = BufferGetPage(separator->buffers[0]);

	if (PageGetMaxOffsetNumber(leaf) >= P_FIRSTDATAKEY(BTPageGetOpaque(leaf)))
		return last_key(clean, leaf);
	return bound_key(clean, separator);
}

/* Is the key, which ends before all attributes of the item or has no row's address, less than the item? */
static bool
is_below(Clean *clean, BTScanInsert key, Page page, OffsetNumber offset)
{
	return _bt_compare(clean->index, key, page, offset) <= 0;
}

/* Is it less than all that is on the right, on all levels? */
static bool
is_below_right(Clean *clean, Separator *separator, IndexTuple tuple)
{
	BTScanInsert key = _bt_mkscankey(clean->index, tuple);
	Page		right = BufferGetPage(separator->right);
	Page		top = BufferGetPage(separator->buffers[separator->top]);

	if (PageGetMaxOffsetNumber(right) >= P_FIRSTDATAKEY(BTPageGetOpaque(right)) &&
		!is_below(clean, key, right, P_FIRSTDATAKEY(BTPageGetOpaque(right))))
		return false;
	if (!P_RIGHTMOST(BTPageGetOpaque(right)) && !is_below(clean, key, right, P_HIKEY))
		return false;
	if (separator->offset < PageGetMaxOffsetNumber(top) &&
		!is_below(clean, key, top, OffsetNumberNext(separator->offset)))
		return false;
	return P_RIGHTMOST(BTPageGetOpaque(top)) || is_below(clean, key, top, P_HIKEY);
}

/* Where the copy of a level is. */
static OffsetNumber
copy_offset(Separator *separator, int level)
{
	return level == separator->top ? separator->offset : P_HIKEY;
}

/* Have all pages room for the key? */
static bool
has_room(Separator *separator, IndexTuple key)
{
	Size		more = MAXALIGN(IndexTupleSize(key)) - Min(MAXALIGN(IndexTupleSize(key)), MAXALIGN(IndexTupleSize(separator->key)));

	for (int i = 0; i <= separator->top; i++)
	{
		if (PageGetExactFreeSpace(BufferGetPage(separator->buffers[i])) < more)
			return false;
	}
	return true;
}

/*
 * Has a page what btrees do not log: marks of dead entries, or of a VACUUM that
 * ran when it was split?  A generic record takes no account of that, as those of
 * btrees do, so that wal_consistency_checking would find the pages different.
 */
static bool
has_hints(Page page)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);

	for (OffsetNumber i = FirstOffsetNumber; i <= PageGetMaxOffsetNumber(page); i = OffsetNumberNext(i))
	{
		if (ItemIdIsDead(PageGetItemId(page, i)))
			return true;
	}
	return P_HAS_GARBAGE(opaque) || opaque->btpo_cycleid != 0 || (opaque->btpo_flags & BTP_SPLIT_END) != 0;
}

/* Puts the key in place of all copies, in one WAL record. */
static void
replace_copies(Clean *clean, Separator *separator, IndexTuple key)
{
	GenericXLogState *state = GenericXLogStart(clean->index);

	for (int i = 0; i <= separator->top; i++)
	{
		Page		page = GenericXLogRegisterBuffer(state, separator->buffers[i],
													 has_hints(BufferGetPage(separator->buffers[i])) ? GENERIC_XLOG_FULL_IMAGE : 0);
		OffsetNumber offset = copy_offset(separator, i);
		IndexTuple	copy = CopyIndexTuple(key);

		BTreeTupleSetDownLink(copy, BTreeTupleGetDownLink(item_at(page, offset)));
		if (!PageIndexTupleOverwrite(page, offset, (void *) copy, IndexTupleSize(copy)))
			elog(ERROR, "could not replace a key of index \"%s\"", RelationGetRelationName(clean->index));
	}
	GenericXLogFinish(state);
}

/*
 * The pages below that have the copies, as they are now.  False if there are
 * more levels than a WAL record can hold pages, or a page has gone.
 */
static bool
find_copies(Clean *clean, Separator *separator, int top, BlockNumber block, OffsetNumber offset)
{
	separator->top = top;
	separator->offset = offset;
	separator->blocks[top] = block;
	for (int i = top; i > 0; i--)
	{
		Buffer		buffer = lock_page(clean, separator->blocks[i], BT_READ);
		Page		page = BufferGetPage(buffer);
		OffsetNumber child = i == top ? OffsetNumberPrev(offset) : PageGetMaxOffsetNumber(page);
		bool		found = !P_IGNORE(BTPageGetOpaque(page)) && child <= PageGetMaxOffsetNumber(page) &&
			child >= P_FIRSTDATAKEY(BTPageGetOpaque(page));

		if (found)
			separator->blocks[i - 1] = BTreeTupleGetDownLink(item_at(page, child));
		UnlockReleaseBuffer(buffer);
		if (!found)
			return false;
	}
	return true;
}

static void
lock_copies(Clean *clean, Separator *separator)
{
	Buffer		leaf = lock_page(clean, separator->blocks[0], BT_WRITE);
	BlockNumber right = BTPageGetOpaque(BufferGetPage(leaf))->btpo_next;

	separator->buffers[0] = leaf;
	separator->right = right == P_NONE ? InvalidBuffer : lock_page(clean, right, BT_READ);
	for (int i = 1; i <= separator->top; i++)
		separator->buffers[i] = lock_page(clean, separator->blocks[i], BT_WRITE);
}

static void
unlock_copies(Separator *separator)
{
	for (int i = separator->top; i > 0; i--)
		UnlockReleaseBuffer(separator->buffers[i]);
	if (BufferIsValid(separator->right))
		UnlockReleaseBuffer(separator->right);
	UnlockReleaseBuffer(separator->buffers[0]);
}

/* Is the page, below the top, what it was found to be, and has a copy as its high key? */
static bool
has_copy(Separator *separator, int level)
{
	Page		page = BufferGetPage(separator->buffers[level]);
	BTPageOpaque opaque = BTPageGetOpaque(page);

	if (P_IGNORE(opaque) || P_INCOMPLETE_SPLIT(opaque) || P_RIGHTMOST(opaque) || opaque->btpo_level != level ||
		!same_separator(item_at(page, P_HIKEY), separator->key))
		return false;
	/* its last entry leads to the page below */
	return level == 0 ||
		(PageGetMaxOffsetNumber(page) >= P_FIRSTDATAKEY(opaque) &&
		 BTreeTupleGetDownLink(item_at(page, PageGetMaxOffsetNumber(page))) == separator->blocks[level - 1]);
}

/* Now that all is locked: is it all there, and as it was found? */
static bool
is_whole(Clean *clean, Separator *separator)
{
	Page		top = BufferGetPage(separator->buffers[separator->top]);
	Page		below = BufferGetPage(separator->buffers[separator->top - 1]);
	BTPageOpaque opaque = BTPageGetOpaque(top);

	if (!BufferIsValid(separator->right) || P_IGNORE(BTPageGetOpaque(BufferGetPage(separator->right))) ||
		P_IGNORE(opaque) || opaque->btpo_level != separator->top ||
		separator->offset <= P_FIRSTDATAKEY(opaque) || separator->offset > PageGetMaxOffsetNumber(top))
		return false;
	separator->key = item_at(top, separator->offset);
	if (!column_holding(clean, separator->key) ||
		BTreeTupleGetDownLink(item_at(top, OffsetNumberPrev(separator->offset))) != separator->blocks[separator->top - 1] ||
		BTreeTupleGetDownLink(separator->key) != BTPageGetOpaque(below)->btpo_next)
		return false;
	for (int i = 0; i < separator->top; i++)
	{
		if (!has_copy(separator, i))
			return false;
	}
	return true;
}

/* Replaces the separator, all of whose pages are locked; false if no key can take its place. */
static bool
replace_separator(Clean *clean, Separator *separator)
{
	IndexTuple	key = next_key(clean, separator->key);
	Buffer		from = separator->right;
	Buffer		to = separator->buffers[0];

	if (key == NULL || !is_below_right(clean, separator, key))
	{
		key = left_key(clean, separator);
		if (key == NULL)
			return false;
		from = separator->buffers[0];
		to = separator->right;
	}
	if (!has_room(separator, key))
		return false;
	/* what lay between the two keys is looked for on the other page now */
	PredicateLockPageSplit(clean->index, BufferGetBlockNumber(from), BufferGetBlockNumber(to));
	replace_copies(clean, separator, key);
	return true;
}

/* Step 3 for the entry of one page above the leaves. */
static bool
clean_separator(Clean *clean, int level, BlockNumber block, OffsetNumber offset)
{
	Separator	separator = {0};
	bool		result;

	if (level >= MAX_GENERIC_XLOG_PAGES || !find_copies(clean, &separator, level, block, offset))
		return false;
	lock_copies(clean, &separator);
	result = is_whole(clean, &separator) && replace_separator(clean, &separator);
	unlock_copies(&separator);
	MemoryContextReset(clean->scratch);
	return result;
}

/* The first entry of a page, from that one on, that holds the value; *next becomes the page to the right. */
static OffsetNumber
find_entry(Clean *clean, BlockNumber block, OffsetNumber from, BlockNumber *next)
{
	Buffer		buffer = lock_page(clean, block, BT_READ);
	Page		page = BufferGetPage(buffer);
	BTPageOpaque opaque = BTPageGetOpaque(page);
	OffsetNumber result = InvalidOffsetNumber;

	*next = opaque->btpo_next;
	/* the first one has no key */
	for (OffsetNumber i = Max(from, OffsetNumberNext(P_FIRSTDATAKEY(opaque)));
		 result == InvalidOffsetNumber && !P_IGNORE(opaque) && i <= PageGetMaxOffsetNumber(page); i = OffsetNumberNext(i))
	{
		if (column_holding(clean, item_at(page, i)))
			result = i;
	}
	UnlockReleaseBuffer(buffer);
	return result;
}

/* Step 3 for the pages of a level; false as soon as one has to stay as it is. */
static bool
clean_level(Clean *clean, int level)
{
	Buffer		buffer = compat_btree_endpoint(clean->index, level);
	BlockNumber block = BufferGetBlockNumber(buffer);

	UnlockReleaseBuffer(buffer);
	while (block != P_NONE)
	{
		OffsetNumber offset = InvalidOffsetNumber;
		BlockNumber next;
		int			tries = 0;

		while ((offset = find_entry(clean, block, offset, &next)) != InvalidOffsetNumber)
		{
			if (clean_separator(clean, level, block, offset))
				tries = 0;
			else if (++tries == SEPARATOR_TRIES)
				return false;
			else
				offset = InvalidOffsetNumber;	/* a split may have moved it */
		}
		CHECK_FOR_INTERRUPTS();
		block = next;
	}
	return true;
}

/* The level of the index's root, -1 if it has none. */
static int
top_level(Clean *clean)
{
	Buffer		buffer = lock_page(clean, BTREE_METAPAGE, BT_READ);
	BTMetaPageData *meta = BTPageGetMeta(BufferGetPage(buffer));
	int			result = meta->btm_root == P_NONE ? -1 : (int) meta->btm_level;

	UnlockReleaseBuffer(buffer);
	return result;
}

/* --- the index ------------------------------------------------------------------------------ */

/* The neighbours of the value; false if values do not compare as the catalog has them in order. */
static bool
find_neighbours(Clean *clean, Oid type)
{
	Oid			last = InvalidOid;
	Oid			last_even = InvalidOid;
	bool		passed = false;
	ListCell   *cell;

	clean->previous = InvalidOid;
	clean->next = InvalidOid;
	foreach(cell, enum_values(type))
	{
		Oid			oid = ((EnumValue *) lfirst(cell))->oid;

		if (oid % 2 == 0 && oid < last_even)
			return false;
		if (oid % 2 == 0)
			last_even = oid;
		if (oid == clean->value)
		{
			clean->previous = last;
			passed = true;
		}
		else if (last == clean->value)
			clean->next = oid;
		last = oid;
	}
	return passed;
}

/* Are its key columns that are such values in the order of the type?  An operator class may have another one. */
static bool
compares_as_enum(Clean *clean)
{
	int			column = -1;

	while ((column = bms_next_member(clean->columns, column)) >= 0)
	{
		if (column <= IndexRelationGetNumberOfKeyAttributes(clean->index) &&
			index_getprocid(clean->index, column, BTORDER_PROC) != F_ENUM_CMP)
			return false;
	}
	return true;
}

/* Can the index be cleaned?  It is open and locked. */
static bool
can_clean(Clean *clean, Oid type)
{
	bool		heapkeyspace;
	bool		allequalimage;

	if (clean->index->rd_rel->relkind != RELKIND_INDEX || clean->index->rd_index->indrelid != RelationGetRelid(clean->table) ||
		clean->index->rd_rel->relam != BTREE_AM_OID || clean->table->rd_rel->relam != HEAP_TABLE_AM_OID ||
		!clean->index->rd_index->indisvalid || !clean->index->rd_index->indisready ||
		RELATION_IS_OTHER_TEMP(clean->index) || !index_plain_columns(clean->index, type, &clean->columns))
		return false;
	/* one that an old version of the server has made */
	_bt_metaversion(clean->index, &heapkeyspace, &allequalimage);
	return heapkeyspace && compares_as_enum(clean) && find_neighbours(clean, type);
}

/*
 * Step 3.  A value that is added between the value and the next one meanwhile
 * would lie between S and K.  So the type is locked as ALTER TYPE locks it; where
 * that cannot be had at once, only keys of entries on the left are used.
 */
static bool
clean_separators(Clean *clean, Oid type)
{
	int			top = top_level(clean);

	if (!ConditionalLockDatabaseObject(TypeRelationId, type, 0, ShareLock))
		clean->previous = clean->next = InvalidOid;
	else if (!find_neighbours(clean, type))
		return false;
	for (int level = 1; level <= top; level++)
	{
		if (!clean_level(clean, level))
			return false;
	}
	return true;
}

/* Makes room for the entries of a page. */
static void
begin_pages(Clean *clean, MemoryContext context)
{
	clean->entries = palloc(sizeof(TM_IndexDelete) * MaxTIDsPerBTreePage);
	clean->states = palloc(sizeof(TM_IndexStatus) * MaxTIDsPerBTreePage);
	clean->scratch = AllocSetContextCreate(context, "pg_more clean page", ALLOCSET_DEFAULT_SIZES);
	clean->key = value_key(clean);
}

static bool
clean_open_index(Clean *clean, Oid type, bool entries_only)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_more clean", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	bool		result = false;

	clean->strategy = GetAccessStrategy(BAS_BULKREAD);
	if (can_clean(clean, type))
	{
		begin_pages(clean, context);
		clean->nblocks = RelationGetNumberOfBlocks(clean->table);
		MemoryContextSwitchTo(clean->scratch);
		result = clean_leaves(clean);
		if (result && !entries_only)
		{
			delete_empty_pages(clean);
			result = clean_separators(clean, type);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return result;
}

/* Functions of operator classes are called as the table's owner, as VACUUM and REINDEX do. */
static bool
clean_as_owner(Clean *clean, Oid type, bool entries_only)
{
	int			level = NewGUCNestLevel();
	Oid			user;
	int			context;
	bool		result;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(clean->table->rd_rel->relowner, context | SECURITY_RESTRICTED_OPERATION);
	compat_restrict_search_path();
	PushActiveSnapshot(GetLatestSnapshot());
	result = clean_open_index(clean, type, entries_only);
	PopActiveSnapshot();
	AtEOXact_GUC(false, level);
	SetUserIdAndSecContext(user, context);
	return result;
}

/* Opens what is to be cleaned, and does it. */
static bool
open_and_clean(Oid index, Oid type, Oid value, bool entries_only)
{
	Oid			table = IndexGetRelation(index, true);
	Clean		clean = {.value = value};
	bool		result = false;

	if (!OidIsValid(table) || !(compat_owns_relation(table) || compat_may_maintain(table)))
		return false;
	if (!entries_only)
		LockRelationOid(table, ShareUpdateExclusiveLock);
	else if (!ConditionalLockRelationOid(table, ShareUpdateExclusiveLock))
		return false;
	clean.table = try_table_open(table, NoLock);
	clean.index = clean.table ? try_relation_open(index, RowExclusiveLock) : NULL;
	if (clean.index)
	{
		result = clean_as_owner(&clean, type, entries_only);
		relation_close(clean.index, NoLock);
	}
	if (clean.table)
		table_close(clean.table, NoLock);
	return result;
}

/*
 * clean_index
 *		Take the value out of an index; false if that could not be done, or not
 *		wholly: then it has to be built anew.
 *
 * When no row holds the value that anybody could see, and nobody can write it;
 * its row in pg_enum is still there.  Only the owner of the table, or who may
 * maintain it, does that.  Whoever deletes the value looks into the index
 * before, whatever this has returned.
 *
 * The locks on the table and the index are held until the transaction ends.
 */
bool
clean_index(Oid index, Oid type, Oid value)
{
	return open_and_clean(index, type, value, false);
}

/*
 * clean_entries
 *		Take the entries of rows that are dead for everybody, and held the value,
 *		out of an index, if that can be done, and at once.
 *
 * At any time.  Locks as for clean_index().
 */
void
clean_entries(Oid index, Oid type, Oid value)
{
	(void) open_and_clean(index, type, value, true);
}

/* --- addresses ------------------------------------------------------------------------------- */

/* Has the index an entry for each row that holds the value, and all of them in a row?  Then it is made ready to be read. */
static bool
can_tell_addresses(Clean *clean, AttrNumber attnum, Oid type, MemoryContext context)
{
	if (!can_clean(clean, type) || clean->index->rd_index->indcheckxmin ||
		clean->index->rd_index->indkey.values[0] != attnum || RelationGetIndexPredicate(clean->index) != NIL)
		return false;
	begin_pages(clean, context);
	return clean->key != NULL;
}

/* The addresses of the entries that hold the value, as many as there is room for. */
static int
read_addresses(Clean *clean, ItemPointer addresses, int room)
{
	Buffer		buffer = first_leaf(clean);
	int			count = 0;

	while (BufferIsValid(buffer))
	{
		BlockNumber next = read_leaf(clean, buffer);

		for (int i = 0; i < clean->nentries && count < room; i++)
			addresses[count++] = clean->entries[i].tid;
		CHECK_FOR_INTERRUPTS();
		buffer = next == P_NONE || count == room ? InvalidBuffer : lock_page(clean, next, BT_READ);
	}
	return count;
}

/*
 * index_addresses
 *		The addresses that an index has for rows of the table that hold the value
 *		in that column: as many as there is room for, in no order that could be
 *		relied on.  -1 if it is not an index that tells: a btree of all rows that
 *		begins with the column, and has no other of the type.
 *
 * The table is locked, and a snapshot active.  Rows are not looked at: an address
 * may be that of a dead row, or of one whose versions begin there (HOT).  What
 * others insert meanwhile may be missed.  Calls no function of users.
 */
int
index_addresses(Relation table, Oid index, AttrNumber attnum, Oid type, Oid value, ItemPointer addresses, int room)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_more addresses", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Clean		clean = {.table = table, .value = value};
	int			result = -1;

	clean.index = try_relation_open(index, AccessShareLock);
	if (clean.index)
	{
		clean.strategy = GetAccessStrategy(BAS_BULKREAD);
		if (can_tell_addresses(&clean, attnum, type, context))
			result = read_addresses(&clean, addresses, room);
		relation_close(clean.index, AccessShareLock);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return result;
}
