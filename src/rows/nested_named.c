/*
 * nested_named.c
 *	  Rows of nested documents that name other new rows by plain values of their
 *	  foreign keys, and so must come after them.
 *
 * Between tables the order of the tables does it.  Within a group of tables that
 * refer to each other in a circle, or one that refers to itself, the rows'
 * own values are looked at: where those of a foreign key are the key that another
 * row of the call is given, a link between the two is added that is named.  It
 * says no more than which row comes first; the row keeps its values, and the
 * server judges whether they refer to anything.  So a link that is found where
 * there is none does no harm, nor does one that is missed, beyond what the
 * server then says; and where named links make a circle that cannot be
 * closed, one of them is dropped.
 *
 * Values are compared as the server compares them, by the operators of the
 * foreign key, after they are converted to the types of the columns.  A value
 * that cannot be converted is an error here as it would be when it is written.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "catalog.h"
#include "compat.h"
#include "rows/nested.h"

/* A key can be linked through so many rows whose own key is linked. */
#define MAX_STEPS	100

/* One side of a foreign key: rows of which its columns are known. */
typedef struct Side
{
	NestedTable *table;
	int			ncolumns;
	AttrNumber *columns;
	Oid			types[INDEX_MAX_KEYS];	/* those that the operators take */
	FmgrInfo	hash[INDEX_MAX_KEYS];
	NestedRow **rows;
	int			nrows;
} Side;

/* A key of the referred side, in its place in the hash table. */
typedef struct NamedKey
{
	NestedRow  *row;
	uint32		hash;
	int			next;			/* of the same bucket, or -1 */
	Datum	   *values;
} NamedKey;

/* The search for the rows that one foreign key names. */
typedef struct NamedSearch
{
	Nested	   *nested;
	ForeignKey *key;
	MemoryContext context;
	Side		referred;
	Side		referring;
	FmgrInfo	equal[INDEX_MAX_KEYS];
	Oid			collations[INDEX_MAX_KEYS];
	NamedKey   *keys;
	int			nkeys;
	int		   *buckets;
	uint32		mask;
} NamedSearch;

/* ------------------------------------------------------------------------ */
/* What is known of rows														*/
/* ------------------------------------------------------------------------ */

/* The link that gives the row the column, or NULL; at says as which one of the key's. */
static NestedLink *
link_with_column(NestedRow *row, AttrNumber attnum, int *at)
{
	for (NestedLink *link = row->links; link; link = link->next)
		for (int i = 0; !link->named && i < link->key->ncolumns; i++)
			if (link->key->columns[i] == attnum)
			{
				*at = i;
				return link;
			}
	return NULL;
}

/* What the row will have in the column, as far as that is known; made in the current memory context. */
static bool
known_cell(NestedRow *row, AttrNumber attnum, Cell *cell)
{
	NestedValue *value;
	NestedLink *link;
	int			at;

	for (int step = 0; (link = link_with_column(row, attnum, &at)) != NULL; step++)
	{
		if (step == MAX_STEPS)
			return false;
		row = nested_row_of(link->to);
		attnum = link->key->referred[at];
		if (row->tuple == NULL)
			continue;
		cell->kind = CELL_TEXT;
		cell->text = nested_column_text(row, attnum);
		cell->len = cell->text ? strlen(cell->text) : 0;
		return cell->text != NULL;
	}
	value = nested_value(row, attnum);
	if (value == NULL || value->kind == CELL_NULL)
		return false;
	nested_cell(value, cell);
	return true;
}

/* Whether the row's foreign key is a link already. */
static bool
is_linked_by(NestedRow *row, ForeignKey *key)
{
	for (NestedLink *link = row->links; link; link = link->next)
		if (link->key->oid == key->oid)
			return true;
	return false;
}

/* Take the rows of the side whose columns are known, as data; those with a link by the key are left out. */
static Rowset *
gather_rows(Side *side, ForeignKey *unless)
{
	NestedTable *table = side->table;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "nested row", ALLOCSET_DEFAULT_SIZES);
	Cell		cells[INDEX_MAX_KEYS];
	RowsetBuilder builder;

	builder_init(&builder, 0);
	for (int i = 0; i < side->ncolumns; i++)
	{
		const char *name = shape_column_name(table->rel, side->columns[i]);

		(void) builder_column(&builder, name, strlen(name), NULL);
	}
	side->rows = palloc_extended(sizeof(NestedRow *) * Max(table->nrows, 1), MCXT_ALLOC_HUGE);
	for (int r = 0; r < table->nrows; r++)
	{
		NestedRow  *row = table->rows[r];
		MemoryContext old = MemoryContextSwitchTo(context);
		bool		known = row->way->mode != NESTED_CONNECT && !(unless && is_linked_by(row, unless));

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; known && i < side->ncolumns; i++)
			known = known_cell(row, side->columns[i], &cells[i]);
		MemoryContextSwitchTo(old);
		if (known)
		{
			builder_add_row(&builder, cells, side->ncolumns);
			side->rows[side->nrows++] = row;
		}
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	return builder_finish(&builder);
}

/* ------------------------------------------------------------------------ */
/* The search																*/
/* ------------------------------------------------------------------------ */

/* DecodeRequest's place: where a row of the side is in the documents. */
static char *
place_of_row(void *arg, int64 ordinal, const char *column)
{
	Side	   *side = arg;

	return psprintf("At %s", nested_path(side->rows[ordinal - 1], column));
}

/* Give the rows' columns to the sink, as values of the types that the operators take. */
static void
decode_side(Side *side, Rowset *data, RowSink sink, NamedSearch *search)
{
	DecodeRequest request = {0};

	request.rowset = data;
	request.columns = palloc0_array(DataColumn, side->ncolumns);
	request.ncolumns = side->ncolumns;
	request.rule = KEY_ANY;
	request.place = place_of_row;
	request.place_arg = side;
	for (int i = 0; i < side->ncolumns; i++)
	{
		DataColumn *column = &request.columns[i];
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(side->table->rel), side->columns[i] - 1);
		bool		own = IsBinaryCoercible(att->atttypid, side->types[i]);

		column->name = NameStr(att->attname);
		column->source = i;
		column->attnum = att->attnum;
		column->type = own ? att->atttypid : side->types[i];
		column->typmod = own ? att->atttypmod : -1;
		column->collation = att->attcollation;
	}
	(void) decode_rows(&request, sink, search);
}

static uint32
hash_values(NamedSearch *search, Side *side, Datum *values)
{
	uint32		hash = 0;

	for (int i = 0; i < side->ncolumns; i++)
		hash = hash * 31 + DatumGetUInt32(FunctionCall1Coll(&side->hash[i], search->collations[i], values[i]));
	return hash;
}

static bool
equal_values(NamedSearch *search, Datum *referred, Datum *referring)
{
	for (int i = 0; i < search->key->ncolumns; i++)
		if (!DatumGetBool(FunctionCall2Coll(&search->equal[i], search->collations[i], referred[i], referring[i])))
			return false;
	return true;
}

/* The key with these values, or NULL. */
static NamedKey *
find_key(NamedSearch *search, uint32 hash, Datum *values)
{
	for (int at = search->buckets[hash & search->mask]; at >= 0; at = search->keys[at].next)
		if (search->keys[at].hash == hash && equal_values(search, search->keys[at].values, values))
			return &search->keys[at];
	return NULL;
}

/* RowSink: keep the key of a row. */
static void
take_key(void *arg, int64 ordinal, Datum *values, bool *nulls, bool *absent)
{
	NamedSearch *search = arg;
	uint32		hash = hash_values(search, &search->referred, values);
	NamedKey   *entry = &search->keys[search->nkeys];
	MemoryContext old = MemoryContextSwitchTo(search->context);

	entry->row = search->referred.rows[ordinal - 1];
	entry->hash = hash;
	entry->next = -1;
	entry->values = palloc_array(Datum, search->key->ncolumns);
	for (int i = 0; i < search->key->ncolumns; i++)
	{
		Oid			type = search->referred.types[i];
		int16		len;
		bool		byval;

		/* of a polymorphic operator's type nothing else is known than the column's */
		if (get_typtype(type) == TYPTYPE_PSEUDO)
			type = get_atttype(search->key->parent, search->key->referred[i]);
		get_typlenbyval(type, &len, &byval);
		entry->values[i] = datumCopy(values[i], byval, len);
	}
	MemoryContextSwitchTo(old);
	search->nkeys++;
}

/* Put the keys into their buckets; of equal ones the first counts, so the last is put there first. */
static void
fill_buckets(NamedSearch *search)
{
	uint32		size = 16;

	while (size < (uint32) search->nkeys && size < (1U << 30))
		size *= 2;
	search->mask = size - 1;
	search->buckets = palloc_extended(sizeof(int) * size, MCXT_ALLOC_HUGE);
	memset(search->buckets, 0xff, sizeof(int) * size);
	for (int k = search->nkeys - 1; k >= 0; k--)
	{
		int		   *bucket = &search->buckets[search->keys[k].hash & search->mask];

		search->keys[k].next = *bucket;
		*bucket = k;
	}
}

/* RowSink: link the row to the one that it names. */
static void
name_row(void *arg, int64 ordinal, Datum *values, bool *nulls, bool *absent)
{
	NamedSearch *search = arg;
	NestedRow  *row = search->referring.rows[ordinal - 1];
	NamedKey   *found = find_key(search, hash_values(search, &search->referring, values), values);
	MemoryContext old;

	if (found == NULL || found->row == row)
		return;
	old = MemoryContextSwitchTo(search->nested->context);
	nested_link(search->nested, row, search->key, found->row)->named = true;
	MemoryContextSwitchTo(old);
}

/* Learn how the key's values are compared; false where that cannot be done by hashing. */
static bool
find_operators(NamedSearch *search)
{
	for (int i = 0; i < search->key->ncolumns; i++)
	{
		Oid			equal = search->key->equal[i];
		RegProcedure left;
		RegProcedure right;

		if (!get_op_hash_functions(equal, &left, &right))
			return false;
		op_input_types(equal, &search->referred.types[i], &search->referring.types[i]);
		fmgr_info(left, &search->referred.hash[i]);
		fmgr_info(right, &search->referring.hash[i]);
		fmgr_info(get_opcode(equal), &search->equal[i]);
		search->collations[i] = TupleDescAttr(RelationGetDescr(search->referred.table->rel),
											  search->key->referred[i] - 1)->attcollation;
	}
	return true;
}

/* Link the rows that name others by the key. */
static void
search_key(Nested *nested, ForeignKey *key, NestedTable *child, NestedTable *parent)
{
	NamedSearch search = {0};
	Rowset	   *referring;
	Rowset	   *referred;
	MemoryContext old;

	search.nested = nested;
	search.key = key;
	search.context = AllocSetContextCreate(CurrentMemoryContext, "nested names", ALLOCSET_DEFAULT_SIZES);
	search.referring = (Side) {.table = child, .ncolumns = key->ncolumns, .columns = key->columns};
	search.referred = (Side) {.table = parent, .ncolumns = key->ncolumns, .columns = key->referred};
	old = MemoryContextSwitchTo(search.context);
	referring = gather_rows(&search.referring, key);
	if (search.referring.nrows > 0 && find_operators(&search))
	{
		referred = gather_rows(&search.referred, NULL);
		if (search.referred.nrows > 0)
		{
			search.keys = palloc_extended(sizeof(NamedKey) * search.referred.nrows, MCXT_ALLOC_HUGE);
			decode_side(&search.referred, referred, take_key, &search);
			fill_buckets(&search);
			decode_side(&search.referring, referring, name_row, &search);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(search.context);
}

/* ------------------------------------------------------------------------ */
/* Where to search															*/
/* ------------------------------------------------------------------------ */

/* Whether the group's rows go into one statement, in which any order will do. */
static bool
is_one_statement(List *tables)
{
	NestedTable *table = linitial(tables);

	if (list_length(tables) > 1)
		return false;
	for (int r = 0; r < table->nrows; r++)
	{
		if (table->rows[r]->way != table->rows[0]->way)
			return false;
		for (NestedLink *link = table->rows[r]->links; link; link = link->next)
			if (nested_row_of(link->to)->table == table)
				return false;
	}
	return true;
}

/*
 * nested_name_rows
 *		Add links from the rows of a group of tables to those that they name by
 *		plain values.
 */
void
nested_name_rows(Nested *nested, List *tables)
{
	ListCell   *lc;
	ListCell   *up;
	ListCell   *k;

	if (is_one_statement(tables))
		return;
	foreach(lc, tables)
	{
		NestedTable *child = lfirst(lc);

		foreach(k, child->shape->parents)
		{
			ForeignKey *key = lfirst(k);

			foreach(up, tables)
				if (((NestedTable *) lfirst(up))->relid == key->parent && !key->deferred)
					search_key(nested, key, child, lfirst(up));
		}
	}
}
