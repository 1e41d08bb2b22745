/*
 * index_look.c
 *	  Looking for values of an enum in the pages of an index.
 *
 * An index keeps values that no row holds any more: in entries of dead rows,
 * in the keys that lead to its pages, in the bounds of GiST and the summaries
 * of BRIN.  Whoever compares with one of them needs its pg_enum row, so the
 * index must be looked at, or rebuilt, before that row may go.
 *
 * The look is made while others read and write.  The contract is: when no more
 * such value can be inserted, and the look finds none, there is none.  What
 * threatens that is a value that moves from a page not yet looked at to one
 * that was, and each access method has its answer:
 *
 * - btree: splits move items to the right only, and keys of a level are made of
 *   items of the level below.  So levels are walked from the leaves upwards,
 *   each along its right-links.  A page that was deleted is not compared with.
 * - GIN: entries wait in the pending list before they move to the tree, and
 *   stay there for good; its upper levels have copies of entries of its leaves.
 *   So the list is looked at first, then the leaves along their right-links.
 * - GiST: leaves are looked at in physical order, following splits to the left
 *   as VACUUM does.  Then pages above the leaves, again until none of them has
 *   changed meanwhile.
 * - BRIN: the summary of each range is fetched by the range's number, unless the
 *   operator class keeps values in a form of its own, as minmax-multi does.
 * - Hash indexes hold no values.
 *
 * Any other kind of index cannot be looked into, and a key that the operator
 * class stores in a form of its own neither, unless it has a fixed width.  Then
 * the answer is "it may", which *sure tells from "it does".
 *
 * Where types have to be looked up to open a value, a page is copied before, so
 * that no buffer is locked meanwhile.  A ring of buffers keeps large indexes from
 * pushing others' pages out.  The snapshot held meanwhile keeps deleted pages
 * from being used again.
 *
 * Locks: ACCESS SHARE on the table and the index.
 */
#include "postgres.h"

#include "access/brin_internal.h"
#include "access/brin_page.h"
#include "access/brin_pageops.h"
#include "access/brin_revmap.h"
#include "access/brin_tuple.h"
#include "access/genam.h"
#include "access/gin_private.h"
#include "access/ginblock.h"
#include "access/gist_private.h"
#include "access/itup.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "enums/enums.h"

/* How an attribute of the index contains values. */
typedef enum PartForm
{
	PART_OID,					/* it is one */
	PART_CARRIER,				/* it is a type that contains them */
	PART_BYTES,					/* the operator class's own type, of fixed width: its words are looked at */
	PART_OPAQUE					/* ... of any width */
} PartForm;

typedef struct Part
{
	AttrNumber	attnum;
	PartForm	form;
	int			width;
	int			offset;			/* in a tuple without NULLs, if that is the same in all; or -1 */
	Oid			indexed;		/* the type of what is indexed, not of what is stored */
	struct Shape *shape;
} Part;

/* A look. */
typedef struct Look
{
	Relation	index;
	TupleDesc	desc;
	List	   *parts;			/* in the order of their numbers */
	EnumValueTest test;
	void	   *arg;
	BufferAccessStrategy strategy;
	MemoryContext scratch;		/* emptied after each page */
	bool		simple;			/* no part needs its type looked up */
	Oid			passed_over;	/* the last value that did not pass */
	Buffer		held;			/* the page that is looked at in place */
	PGAlignedBlock copy;
} Look;

#define GIST_PASSES	10

/* --- what to look at ---------------------------------------------------------- */

/* The type of an index's column: what is indexed, not what is stored. */
static Oid
indexed_type(Relation index, int column, List *expressions)
{
	AttrNumber	attnum = index->rd_index->indkey.values[column];
	int			before = 0;

	if (attnum != 0)
		return get_atttype(index->rd_index->indrelid, attnum);
	for (int i = 0; i < column; i++)
		before += index->rd_index->indkey.values[i] == 0;
	return exprType(list_nth(expressions, before));
}

/* The type that is stored, where an operator class says only "any range". */
static Oid
stored_type(Oid type, Oid indexed)
{
	return IsPolymorphicType(type) ? indexed : type;
}

static Part *
make_part(Form_pg_attribute stored, Oid indexed, Oid enum_type)
{
	Part	   *part = palloc0(sizeof(Part));
	Oid			type = stored_type(stored->atttypid, indexed);

	part->attnum = stored->attnum;
	part->indexed = indexed;
	part->shape = value_shape(type, enum_type);
	part->width = stored->attlen;
	if (getBaseType(type) == enum_type)
		part->form = PART_OID;
	else if (part->shape)
		part->form = PART_CARRIER;
	else if (value_shape(indexed, enum_type) == NULL)
		return NULL;
	else
		part->form = stored->attlen > 0 && !stored->attbyval ? PART_BYTES : PART_OPAQUE;
	return part;
}

/* Where an attribute is in every tuple without NULLs; -1 if that depends on the tuple. */
static int
fixed_offset(TupleDesc desc, AttrNumber attnum)
{
	int			offset = 0;

	for (int i = 0; i < attnum; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attlen < 0)
			return -1;
		offset = att_align_nominal(offset, att->attalign);
		if (i == attnum - 1)
			return offset;
		offset += att->attlen;
	}
	pg_unreachable();
}

/* The index's attributes that can contain values of the enum. */
static List *
index_parts(Relation index, Oid enum_type)
{
	List	   *expressions = RelationGetIndexExpressions(index);
	List	   *parts = NIL;

	for (int i = 0; i < RelationGetDescr(index)->natts; i++)
	{
		Part	   *part = make_part(TupleDescAttr(RelationGetDescr(index), i),
									 indexed_type(index, i, expressions), enum_type);

		if (part == NULL)
			continue;
		part->offset = part->form == PART_OID ? fixed_offset(RelationGetDescr(index), part->attnum) : -1;
		parts = lappend(parts, part);
	}
	return parts;
}

/*
 * index_plain_columns
 *		The columns of the index that are values of the enum themselves; false if
 *		others contain some.
 */
bool
index_plain_columns(Relation index, Oid enum_type, Bitmapset **columns)
{
	ListCell   *cell;

	*columns = NULL;
	foreach(cell, index_parts(index, enum_type))
	{
		Part	   *part = lfirst(cell);

		if (part->form != PART_OID)
			return false;
		*columns = bms_add_member(*columns, part->attnum);
	}
	return true;
}

/* --- values ---------------------------------------------------------------------- */

/* Is a value what is looked for?  Neighbours in an index are often equal. */
static inline bool
oid_any(Look *look, Oid value)
{
	if (value == look->passed_over)
		return false;
	if (look->test(value, look->arg))
		return true;
	look->passed_over = value;
	return false;
}

/* Has a value of such an attribute what is looked for? */
static bool
part_any(Look *look, Part *part, Datum value)
{
	MemoryContext old;
	bool		found;

	switch (part->form)
	{
		case PART_OID:
			return oid_any(look, DatumGetObjectId(value));
		case PART_CARRIER:
			old = MemoryContextSwitchTo(look->scratch);
			found = value_any(part->shape, value, look->test, look->arg);
			MemoryContextSwitchTo(old);
			return found;
		case PART_BYTES:
			for (int i = 0; i + (int) sizeof(Oid) <= part->width; i += sizeof(Oid))
			{
				Oid			word;

				memcpy(&word, (char *) DatumGetPointer(value) + i, sizeof(Oid));
				if (look->test(word, look->arg))
					return true;
			}
			return false;
		case PART_OPAQUE:
			break;
	}
	pg_unreachable();
}

/* Has an index tuple, of which the first natts attributes are there? */
static bool
tuple_any(Look *look, IndexTuple tuple, int natts)
{
	ListCell   *cell;

	foreach(cell, look->parts)
	{
		Part	   *part = lfirst(cell);
		Datum		value;
		bool		isnull;

		if (part->attnum > natts)
			break;
		if (part->offset >= 0 && !IndexTupleHasNulls(tuple))
		{
			if (oid_any(look, *(Oid *) ((char *) tuple + IndexInfoFindDataOffset(tuple->t_info) + part->offset)))
				return true;
			continue;
		}
		value = index_getattr(tuple, part->attnum, look->desc, &isnull);
		if (!isnull && part_any(look, part, value))
			return true;
	}
	return false;
}

/* --- pages ------------------------------------------------------------------------- */

/* Ends the look at a page. */
static void
release_page(Look *look)
{
	if (BufferIsValid(look->held))
		UnlockReleaseBuffer(look->held);
	look->held = InvalidBuffer;
	MemoryContextReset(look->scratch);
}

/* A page of the index, in place or copied; good until the next one is read, or release_page(). */
static Page
read_page(Look *look, BlockNumber block)
{
	Buffer		buffer;

	release_page(look);
	CHECK_FOR_INTERRUPTS();
	buffer = ReadBufferExtended(look->index, MAIN_FORKNUM, block, RBM_NORMAL, look->strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (look->simple)
	{
		look->held = buffer;
		return BufferGetPage(buffer);
	}
	memcpy(look->copy.data, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	return (Page) look->copy.data;
}

/* Item number i of a page; NULL if there is nothing. */
static IndexTuple
page_item(Page page, OffsetNumber i)
{
	ItemId		id = PageGetItemId(page, i);

	return ItemIdHasStorage(id) ? (IndexTuple) PageGetItem(page, id) : NULL;
}

/* --- btree --------------------------------------------------------------------------- */

/* A page's items, live or dead, and its high key. */
static bool
btree_page_any(Look *look, Page page)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);
	OffsetNumber last = PageGetMaxOffsetNumber(page);

	for (OffsetNumber i = FirstOffsetNumber; i <= last; i = OffsetNumberNext(i))
	{
		IndexTuple	tuple = page_item(page, i);

		/* the first downlink of a page stands for all keys below: it has none itself */
		if (tuple && (P_ISLEAF(opaque) || i != P_FIRSTDATAKEY(opaque)) &&
			tuple_any(look, tuple, BTreeTupleGetNAtts(tuple, look->index)))
			return true;
	}
	return false;
}

static void
btree_root(Look *look, BlockNumber *root, uint32 *level)
{
	BTMetaPageData *meta = BTPageGetMeta(read_page(look, BTREE_METAPAGE));

	*root = meta->btm_root;
	*level = meta->btm_level;
}

/* The first page of a level. */
static BlockNumber
btree_leftmost(Look *look, uint32 level)
{
	BlockNumber block;
	uint32		top;

	btree_root(look, &block, &top);
	for (;;)
	{
		Page		page = read_page(look, block);
		BTPageOpaque opaque = BTPageGetOpaque(page);

		if (P_IGNORE(opaque))
			block = opaque->btpo_next;	/* what was first has been deleted */
		else if (opaque->btpo_level > level)
			block = BTreeTupleGetDownLink(page_item(page, P_FIRSTDATAKEY(opaque)));
		else
			return block;
		if (block == P_NONE)
			elog(ERROR, "level %u of index \"%s\" has no pages", level,
				 RelationGetRelationName(look->index));
	}
}

static bool
btree_any(Look *look)
{
	BlockNumber block;
	uint32		top;
	uint32		level = 0;

	btree_root(look, &block, &top);
	if (block == P_NONE)
		return false;
	do
	{
		for (block = btree_leftmost(look, level); block != P_NONE;)
		{
			Page		page = read_page(look, block);

			if (!P_IGNORE(BTPageGetOpaque(page)) && btree_page_any(look, page))
				return true;
			block = BTPageGetOpaque(page)->btpo_next;
		}
		btree_root(look, &block, &top);		/* it may have grown */
	} while (level++ < top);
	return false;
}

/* --- GIN ------------------------------------------------------------------------------- */

/* A key of a page of entries, in the tree or the pending list. */
static bool
gin_page_any(Look *look, GinState *state, Page page)
{
	OffsetNumber last = PageGetMaxOffsetNumber(page);

	for (OffsetNumber i = FirstOffsetNumber; i <= last; i = OffsetNumberNext(i))
	{
		IndexTuple	tuple = page_item(page, i);
		GinNullCategory category;
		Datum		key;
		ListCell   *cell;

		if (tuple == NULL)
			continue;
		key = gintuple_get_key(state, tuple, &category);
		if (category != GIN_CAT_NORM_KEY)
			continue;
		foreach(cell, look->parts)
		{
			Part	   *part = lfirst(cell);

			if (part->attnum == gintuple_get_attrnum(state, tuple) && part_any(look, part, key))
				return true;
		}
	}
	return false;
}

/*
 * The pending list.  Its pages go away, and are used again, when they have been
 * worked off, so each is locked until the next one is, and looked at in place.
 */
static bool
gin_pending_any(Look *look, GinState *state)
{
	Buffer		buffer = ReadBuffer(look->index, GIN_METAPAGE_BLKNO);
	BlockNumber block;
	bool		found = false;

	LockBuffer(buffer, GIN_SHARE);
	block = GinPageGetMeta(BufferGetPage(buffer))->head;
	while (block != InvalidBlockNumber && !found)
	{
		Buffer		next = ReadBuffer(look->index, block);

		LockBuffer(next, GIN_SHARE);
		UnlockReleaseBuffer(buffer);
		buffer = next;
		found = gin_page_any(look, state, BufferGetPage(buffer));
		block = GinPageGetOpaque(BufferGetPage(buffer))->rightlink;
		MemoryContextReset(look->scratch);
	}
	UnlockReleaseBuffer(buffer);
	return found;
}

/* The first of the tree's leaves, which hold all entries. */
static BlockNumber
gin_leftmost(Look *look)
{
	BlockNumber block = GIN_ROOT_BLKNO;

	for (;;)
	{
		Page		page = read_page(look, block);

		if (GinPageIsLeaf(page))
			return block;
		block = GinGetDownlink(page_item(page, FirstOffsetNumber));
	}
}

static bool
gin_any(Look *look)
{
	GinState	state;
	BlockNumber block;

	initGinState(&state, look->index);
	if (gin_pending_any(look, &state))
		return true;
	for (block = gin_leftmost(look); block != InvalidBlockNumber;)
	{
		Page		page = read_page(look, block);

		if (gin_page_any(look, &state, page))
			return true;
		block = GinPageGetOpaque(page)->rightlink;
	}
	return false;
}

/* --- GiST ------------------------------------------------------------------------------ */

static bool
gist_page_any(Look *look, Page page)
{
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	int			natts = GistPageIsLeaf(page) ? look->desc->natts :
		IndexRelationGetNumberOfKeyAttributes(look->index);

	for (OffsetNumber i = FirstOffsetNumber; i <= last; i = OffsetNumberNext(i))
	{
		IndexTuple	tuple = page_item(page, i);

		if (tuple && tuple_any(look, tuple, natts))
			return true;
	}
	return false;
}

/* Was the page split after that, and its right half put to the left of the page where the walk is? */
static BlockNumber
gist_split_back(Page page, XLogRecPtr start, BlockNumber block)
{
	BlockNumber right = GistPageGetOpaque(page)->rightlink;

	if ((GistFollowRight(page) || start < GistPageGetNSN(page)) &&
		right != InvalidBlockNumber && right < block)
		return right;
	return InvalidBlockNumber;
}

/*
 * All pages in physical order: the leaves and what was split off them, or the
 * pages above.  *changed tells whether one of those has changed since start.
 */
static bool
gist_pass(Look *look, bool leaves, XLogRecPtr start, bool *changed)
{
	*changed = false;
	for (BlockNumber block = GIST_ROOT_BLKNO; block < RelationGetNumberOfBlocks(look->index); block++)
	{
		BlockNumber at = block;

		while (at != InvalidBlockNumber)
		{
			Page		page = read_page(look, at);

			at = InvalidBlockNumber;
			if (PageIsNew(page) || GistPageIsDeleted(page))
				continue;
			if (GistPageIsLeaf(page) == leaves && gist_page_any(look, page))
				return true;
			if (leaves && GistPageIsLeaf(page))
				at = gist_split_back(page, start, block);
			else if (!leaves && PageGetLSN(page) > start)
				*changed = true;
		}
	}
	return false;
}

static bool
gist_any(Look *look, bool *sure)
{
	bool		changed;

	for (int pass = 0; pass < GIST_PASSES; pass++)
	{
		XLogRecPtr	start = RelationNeedsWAL(look->index) ? GetInsertRecPtr() : compat_gist_fake_lsn(look->index);

		if ((pass == 0 && gist_pass(look, true, start, &changed)) ||
			gist_pass(look, false, start, &changed))
			return true;
		if (!changed || RELATION_IS_LOCAL(look->index))
			return false;
	}
	*sure = false;
	return true;
}

/* --- BRIN -------------------------------------------------------------------------------- */

/* The values of a summary. */
static bool
brin_summary_any(Look *look, BrinDesc *desc, BrinMemTuple *summary, Oid enum_type)
{
	ListCell   *cell;

	if (summary->bt_placeholder)
		return false;
	foreach(cell, look->parts)
	{
		Part	   *part = lfirst(cell);
		BrinValues *values = &summary->bt_columns[part->attnum - 1];
		BrinOpcInfo *info = desc->bd_info[part->attnum - 1];

		for (int i = 0; i < info->oi_nstored && !values->bv_allnulls; i++)
		{
			Oid			type = stored_type(info->oi_typcache[i]->type_id, part->indexed);
			struct Shape *shape = value_shape(type, enum_type);

			if (shape && value_any(shape, values->bv_values[i], look->test, look->arg))
				return true;
		}
	}
	return false;
}

/*
 * Can all that the summaries keep of such attributes be opened?  Not what an
 * operator class keeps in a form of its own (minmax-multi), unless it is a flag,
 * or hashes, as those of bloom.
 */
static bool
brin_can_look(Look *look, BrinDesc *desc, Oid enum_type)
{
	ListCell   *cell;

	foreach(cell, look->parts)
	{
		Part	   *part = lfirst(cell);
		BrinOpcInfo *info = desc->bd_info[part->attnum - 1];

		for (int i = 0; i < info->oi_nstored; i++)
		{
			Oid			type = info->oi_typcache[i]->type_id;

			if (type != BOOLOID && type != PG_BRIN_BLOOM_SUMMARYOID &&
				value_shape(stored_type(type, part->indexed), enum_type) == NULL)
				return false;
		}
	}
	return true;
}

/* The number of the first block whose range has no place in the range map. */
static uint64
brin_end(Look *look, BlockNumber pages_per_range)
{
	BrinMetaPageData *meta = (BrinMetaPageData *) PageGetContents(read_page(look, BRIN_METAPAGE_BLKNO));
	uint64		end = (uint64) meta->lastRevmapPage * REVMAP_PAGE_MAXITEMS * pages_per_range;

	release_page(look);
	return end;
}

/* A range's summary, copied; NULL if it has none. */
static BrinTuple *
brin_fetch(BrinRevmap *revmap, BlockNumber block, Buffer *buffer)
{
	OffsetNumber offset;
	Size		size;
	Size		copied = 0;
	BrinTuple  *tuple = compat_brin_tuple(revmap, block, buffer, &offset, &size, BUFFER_LOCK_SHARE);

	if (tuple == NULL)
		return NULL;
	tuple = brin_copy_tuple(tuple, size, NULL, &copied);
	LockBuffer(*buffer, BUFFER_LOCK_UNLOCK);
	return tuple;
}

static bool
brin_any(Look *look, Oid enum_type, bool *sure)
{
	BrinDesc   *desc = brin_build_desc(look->index);
	BlockNumber pages_per_range;
	BrinRevmap *revmap;
	Buffer		buffer = InvalidBuffer;
	uint64		end;
	MemoryContext old;
	bool		found = false;

	if (!brin_can_look(look, desc, enum_type))
	{
		brin_free_desc(desc);
		*sure = false;
		return true;
	}
	revmap = compat_brin_revmap(look->index, &pages_per_range);
	end = Min(brin_end(look, pages_per_range), (uint64) MaxBlockNumber);
	old = MemoryContextSwitchTo(look->scratch);
	for (uint64 block = 0; block < end && !found; block += pages_per_range)
	{
		BrinTuple  *tuple;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(look->scratch);
		tuple = brin_fetch(revmap, (BlockNumber) block, &buffer);
		found = tuple && brin_summary_any(look, desc, brin_deform_tuple(desc, tuple, NULL), enum_type);
	}
	MemoryContextSwitchTo(old);
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
	brinRevmapTerminate(revmap);
	brin_free_desc(desc);
	return found;
}

/* --- any ----------------------------------------------------------------------------------- */

/* Is one of them kept in that form? */
static bool
has_form(List *parts, PartForm form)
{
	ListCell   *cell;

	foreach(cell, parts)
	{
		if (((Part *) lfirst(cell))->form == form)
			return true;
	}
	return false;
}

static bool
look_at(Look *look, Oid enum_type, bool *sure)
{
	Oid			am = look->index->rd_rel->relam;

	if (look->parts == NIL || am == HASH_AM_OID)
		return false;
	if (am == BRIN_AM_OID)
		return brin_any(look, enum_type, sure);
	if (!has_form(look->parts, PART_OPAQUE))
	{
		if (am == BTREE_AM_OID)
			return btree_any(look);
		if (am == GIN_AM_OID)
			return gin_any(look);
		if (am == GIST_AM_OID)
			return gist_any(look, sure);
	}
	*sure = false;
	return true;
}

/*
 * index_any
 *		Is there a value of the enum in the index that passes the test?
 *
 * True, with *sure false, where the index cannot be looked into.  False for an
 * index that is gone or that nothing is inserted into, and for one of another
 * session's temporary table, which cannot be read.
 */
bool
index_any(Oid index, Oid type, EnumValueTest test, void *arg, bool *sure)
{
	Oid			table = IndexGetRelation(index, true);
	Relation	heap = OidIsValid(table) ? try_table_open(table, AccessShareLock) : NULL;
	Relation	rel = heap ? try_relation_open(index, AccessShareLock) : NULL;
	bool		found = false;

	*sure = true;
	if (rel && !RELATION_IS_OTHER_TEMP(rel) && rel->rd_rel->relkind == RELKIND_INDEX &&
		rel->rd_index->indisready)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_more index", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);
		Look	   *look = palloc0(sizeof(Look));

		look->index = rel;
		look->desc = RelationGetDescr(rel);
		look->parts = index_parts(rel, type);
		look->simple = !has_form(look->parts, PART_CARRIER);
		look->test = test;
		look->arg = arg;
		look->strategy = GetAccessStrategy(BAS_BULKREAD);
		look->scratch = AllocSetContextCreate(context, "pg_more index page", ALLOCSET_DEFAULT_SIZES);
		PushActiveSnapshot(GetLatestSnapshot());
		found = look_at(look, type, sure);
		release_page(look);
		PopActiveSnapshot();
		MemoryContextSwitchTo(old);
		FreeAccessStrategy(look->strategy);
		MemoryContextDelete(context);
	}
	if (rel)
		relation_close(rel, AccessShareLock);
	if (heap)
		table_close(heap, AccessShareLock);
	return found;
}

/* --- order ----------------------------------------------------------------------------------- */

/* A value among others, or NULL. */
static EnumValue *
value_among(List *values, Oid oid)
{
	ListCell   *cell;

	foreach(cell, values)
	{
		if (((EnumValue *) lfirst(cell))->oid == oid)
			return lfirst(cell);
	}
	return NULL;
}

/* Is the first after the second, as the server compares them now?  Not if one is none of the values. */
static bool
is_after(List *values, Oid first, Oid second)
{
	EnumValue  *left = value_among(values, first);
	EnumValue  *right = value_among(values, second);

	if (left == NULL || right == NULL)
		return false;
	if (first % 2 == 0 && second % 2 == 0)
		return first > second;
	return left->order > right->order;
}

/* The first keys of the index's leaves, as they follow each other: OIDs. */
static List *
btree_keys(Look *look)
{
	BlockNumber block;
	uint32		level;
	List	   *keys = NIL;

	btree_root(look, &block, &level);
	for (block = block == P_NONE ? P_NONE : btree_leftmost(look, 0); block != P_NONE;)
	{
		Page		page = read_page(look, block);
		BTPageOpaque opaque = BTPageGetOpaque(page);

		for (OffsetNumber i = P_FIRSTDATAKEY(opaque); !P_IGNORE(opaque) && i <= PageGetMaxOffsetNumber(page); i++)
		{
			IndexTuple	tuple = page_item(page, i);
			bool		isnull = true;
			Oid			key = tuple ? DatumGetObjectId(index_getattr(tuple, 1, look->desc, &isnull)) : InvalidOid;

			if (!isnull && (keys == NIL || llast_oid(keys) != key))
				keys = lappend_oid(keys, key);
		}
		block = opaque->btpo_next;
	}
	return keys;
}

/*
 * index_order
 *		The values in a btree whose first column is of the enum, as OIDs, in
 *		the order in which the index has them; NIL for other indexes.
 */
List *
index_order(Oid index, Oid type)
{
	Relation	rel = try_relation_open(index, AccessShareLock);
	List	   *result = NIL;

	if (rel == NULL)
		return NIL;
	if (rel->rd_rel->relam == BTREE_AM_OID && !RELATION_IS_OTHER_TEMP(rel) && rel->rd_index->indisready &&
		getBaseType(TupleDescAttr(RelationGetDescr(rel), 0)->atttypid) == type && rel->rd_opcintype[0] == ANYENUMOID)
	{
		Look		look = {0};
		ListCell   *cell;
		List	   *keys;

		look.index = rel;
		look.desc = RelationGetDescr(rel);
		look.simple = true;
		look.strategy = GetAccessStrategy(BAS_BULKREAD);
		look.scratch = AllocSetContextCreate(CurrentMemoryContext, "pg_more index page", ALLOCSET_SMALL_SIZES);
		PushActiveSnapshot(GetLatestSnapshot());
		keys = btree_keys(&look);
		release_page(&look);
		PopActiveSnapshot();
		FreeAccessStrategy(look.strategy);
		MemoryContextDelete(look.scratch);
		foreach(cell, keys)
			result = rel->rd_indoption[0] & INDOPTION_DESC ?
				lcons_oid(lfirst_oid(cell), result) : lappend_oid(result, lfirst_oid(cell));
	}
	relation_close(rel, AccessShareLock);
	return result;
}

/*
 * index_in_order
 *		Are an index's entries in the order that the values have now?  True for
 *		indexes that index_order() does not look into.
 */
bool
index_in_order(Oid index, Oid type)
{
	List	   *values = enum_values(type);
	Oid			last = InvalidOid;
	ListCell   *cell;

	foreach(cell, index_order(index, type))
	{
		if (is_after(values, last, lfirst_oid(cell)))
			return false;
		last = lfirst_oid(cell);
	}
	return true;
}
