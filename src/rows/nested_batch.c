/*
 * nested_batch.c
 *	  Rows of nested documents that are written by one statement.
 *
 * A batch is a verb of this room whose data are rows of one table: their values
 * as the documents have them, and the keys of the rows that they are linked to,
 * as these came back from the statements before.  Its statement reports what
 * became of each row, with all of its columns, and these are kept for the rows
 * that follow and for the result.
 *
 * Where an error is in the documents: a value's conversion knows its row, and
 * an INSERT notes the row at hand.  The note is dropped when the last row has
 * been returned, so that what comes later, from AFTER triggers, is not blamed on
 * the last row; of a foreign key, the message has the key, by which the row is
 * found.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "catalog.h"
#include "compat.h"
#include "rows/nested.h"

/* The key of the row that the last row with this foreign key was linked to. */
typedef struct KeyCache
{
	MemoryContext context;
	NestedRow  *row;
	ForeignKey *key;
	Cell		cells[INDEX_MAX_KEYS];
} KeyCache;

/* ------------------------------------------------------------------------ */
/* Rows that are there														*/
/* ------------------------------------------------------------------------ */

/* Describe what comes back of the table's rows: number, status, columns. */
static void
describe_rows(NestedTable *table)
{
	TupleDesc	desc = RelationGetDescr(table->rel);
	AttrNumber	n = 2;

	table->position = palloc0_array(AttrNumber, desc->natts + 1);
	table->output = palloc0_array(FmgrInfo, desc->natts + 1);
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			table->position[i] = ++n;
	table->desc = CreateTemplateTupleDesc(n);
	TupleDescInitEntry(table->desc, 1, "ordinal", INT8OID, -1, 0);
	TupleDescInitEntry(table->desc, 2, "status", INT4OID, -1, 0);
	for (int i = 0; i < desc->natts; i++)
		if (table->position[i] > 0)
			TupleDescCopyEntry(table->desc, table->position[i], desc, i + 1);
	TupleDescFinalize(table->desc);
	table->slot = MakeSingleTupleTableSlot(table->desc, &TTSOpsMinimalTuple);
}

/*
 * nested_slot
 *		A row that is there, in its table's slot.
 */
TupleTableSlot *
nested_slot(NestedRow *row)
{
	NestedTable *table = row->table;

	if (table->in_slot != row)
	{
		ExecStoreMinimalTuple(row->tuple, table->slot, false);
		table->in_slot = row;
	}
	return table->slot;
}

/*
 * nested_column_text
 *		A column of a row that is there, as text; NULL where it is null.
 */
char *
nested_column_text(NestedRow *row, AttrNumber attnum)
{
	NestedTable *table = row->table;
	FmgrInfo   *output = &table->output[attnum - 1];
	bool		isnull;
	Datum		value;

	value = slot_getattr(nested_slot(row), table->position[attnum - 1], &isnull);
	if (isnull)
		return NULL;
	if (!OidIsValid(output->fn_oid))
	{
		Oid			function;
		bool		isvarlena;

		getTypeOutputInfo(TupleDescAttr(RelationGetDescr(table->rel), attnum - 1)->atttypid, &function, &isvarlena);
		fmgr_info_cxt(function, output, GetMemoryChunkContext(table->output));
	}
	return OutputFunctionCall(output, value);
}

/* ------------------------------------------------------------------------ */
/* The data																	*/
/* ------------------------------------------------------------------------ */

/*
 * nested_cell
 *		A document's value as a cell; what has to be made is made in the current
 *		memory context.
 */
void
nested_cell(NestedValue *value, Cell *cell)
{
	cell->kind = value->kind;
	cell->text = value->text;
	cell->len = value->len;
	if (!value->raw)
		return;
	if (value->kind == CELL_NUMBER)
	{
		cell->text = DatumGetCString(DirectFunctionCall1(numeric_out, PointerGetDatum(value->text)));
		cell->len = strlen(cell->text);
	}
	else
	{
		StringInfoData out;

		initStringInfo(&out);
		(void) JsonbToCString(&out, (JsonbContainer *) value->text, value->len);
		cell->text = out.data;
		cell->len = out.len;
	}
}

/*
 * nested_value
 *		The row's own value of a column, or NULL.
 */
NestedValue *
nested_value(NestedRow *row, AttrNumber attnum)
{
	for (NestedValue *value = row->values; value; value = value->next)
		if (value->attnum == attnum)
			return value;
	return NULL;
}

/* A row that others need is not there. */
static void
report_lacking(NestedLink *link)
{
	NestedRow  *to = nested_row_of(link->to);

	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("a row of \"%s\" was not written, but another row refers to it",
					RelationGetRelationName(to->table->rel)),
			 errdetail("At %s; the row that refers to it is at %s.", nested_path(to, NULL),
					   nested_path(link->from, NULL)),
			 errhint("A trigger suppressed it.")));
}

/* The foreign key's place in the list, which is made where there is none. */
static KeyCache *
cache_of_key(List **caches, ForeignKey *key)
{
	KeyCache   *cache;
	ListCell   *lc;

	foreach(lc, *caches)
	{
		cache = lfirst(lc);
		if (cache->key->oid == key->oid)
			return cache;
	}
	MemoryContextSwitchTo(GetMemoryChunkContext(caches));
	cache = palloc0(sizeof(KeyCache));
	cache->key = key;
	cache->context = AllocSetContextCreate(CurrentMemoryContext, "nested key", ALLOCSET_SMALL_SIZES);
	*caches = lappend(*caches, cache);
	return cache;
}

/* The key that a link refers to, as cells, which live until the next row has another one. */
static Cell *
cells_of_link(List **caches, NestedLink *link)
{
	NestedRow  *to = nested_row_of(link->to);
	MemoryContext old = CurrentMemoryContext;
	KeyCache   *cache = cache_of_key(caches, link->key);

	MemoryContextSwitchTo(old);
	if (cache->row == to)
		return cache->cells;
	if (to->tuple == NULL && !to->promised)
		report_lacking(link);
	MemoryContextReset(cache->context);
	MemoryContextSwitchTo(cache->context);
	for (int i = 0; i < link->key->ncolumns; i++)
	{
		AttrNumber	attnum = link->key->referred[i];
		Cell	   *cell = &cache->cells[i];
		NestedValue *value = to->tuple ? NULL : nested_value(to, attnum);

		if (value)
		{
			nested_cell(value, cell);
			continue;
		}
		cell->kind = CELL_TEXT;
		cell->text = to->tuple ? nested_column_text(to, attnum) : NULL;
		if (cell->text == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("column \"%s\" of a row of \"%s\" is null, but another row refers to it",
							get_attname(to->table->relid, attnum, false),
							RelationGetRelationName(to->table->rel)),
					 errdetail("At %s; the row that refers to it is at %s.", nested_path(to, NULL),
							   nested_path(link->from, NULL))));
		cell->len = strlen(cell->text);
	}
	MemoryContextSwitchTo(old);
	cache->row = to;
	return cache->cells;
}

/*
 * nested_canonical
 *		A cell's text as the column's type writes it, to be compared with that of
 *		another one.
 */
char *
nested_canonical(NestedTable *table, AttrNumber attnum, const Cell *cell)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(table->rel), attnum - 1);
	const char *text = cell->kind == CELL_TRUE ? "true" : cell->kind == CELL_FALSE ? "false" :
		pnstrdup(cell->text, cell->len);
	Oid			function;
	Oid			ioparam;
	bool		isvarlena;
	Datum		value;

	getTypeInputInfo(att->atttypid, &function, &ioparam);
	value = OidInputFunctionCall(function, (char *) text, ioparam, att->atttypmod);
	getTypeOutputInfo(att->atttypid, &function, &isvarlena);
	return OidOutputFunctionCall(function, value);
}

/* A column has a value already, of the document or of another link: they must be the same. */
static void
check_same(NestedLink *link, AttrNumber attnum, const Cell *given, const Cell *linked)
{
	NestedTable *table = link->from->table;
	char	   *a;
	char	   *b;

	if (given->kind == linked->kind && given->len == linked->len && given->kind >= CELL_NUMBER &&
		memcmp(given->text, linked->text, given->len) == 0)
		return;
	a = nested_canonical(table, attnum, given);
	b = nested_canonical(table, attnum, linked);
	if (strcmp(a, b) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("column \"%s\" of a row of \"%s\" is given two values",
						get_attname(table->relid, attnum, false), RelationGetRelationName(table->rel)),
				 errdetail("At %s: \"%s\", but it is nested or linked so that it is \"%s\".",
						   nested_path(link->from, get_attname(table->relid, attnum, false)), a, b)));
}

/* A link that is made later leaves its columns null until then, but those that another link needs. */
static void
null_for_now(NestedLink *link, const int *position, Cell *cells)
{
	for (int i = 0; i < link->key->ncolumns; i++)
	{
		AttrNumber	attnum = link->key->columns[i];

		if (position[attnum] >= 0 && !nested_shares_column(link, attnum) &&
			!TupleDescAttr(RelationGetDescr(link->from->table->rel), attnum - 1)->attnotnull)
			cells[position[attnum]].kind = CELL_NULL;
	}
}

/* Put a row's cells into their places. */
static void
fill_cells(NestedRow *row, List **caches, const int *position, Cell *cells, bool cut_links)
{
	for (NestedValue *value = row->values; value; value = value->next)
		if (position[value->attnum] >= 0)
			nested_cell(value, &cells[position[value->attnum]]);
	for (NestedLink *link = row->links; link; link = link->next)
	{
		Cell	   *linked;

		if (link->cut == CUT_LATER && !cut_links)
			null_for_now(link, position, cells);
		if ((link->cut == CUT_LATER) != cut_links || link->named)
			continue;
		linked = cells_of_link(caches, link);
		for (int i = 0; i < link->key->ncolumns; i++)
		{
			AttrNumber	attnum = link->key->columns[i];
			Cell	   *cell;

			if (position[attnum] < 0)
				continue;
			cell = &cells[position[attnum]];
			if (cell->kind > CELL_NULL)
				check_same(link, attnum, cell, &linked[i]);
			*cell = linked[i];
		}
	}
}

/* Which columns the batch's rows have, or may be found by. */
static bool *
used_columns(NestedBatch *batch, bool cut_links)
{
	TupleDesc	desc = RelationGetDescr(batch->table->rel);
	bool	   *used = palloc0_array(bool, desc->natts + 1);

	for (int r = 0; r < batch->nrows; r++)
	{
		NestedRow  *row = batch->rows[r];

		for (NestedValue *value = row->values; value; value = value->next)
			used[value->attnum] = !TupleDescAttr(desc, value->attnum - 1)->attgenerated;
		for (NestedLink *link = row->links; link; link = link->next)
			for (int i = 0; i < link->key->ncolumns; i++)
				if (!TupleDescAttr(desc, link->key->columns[i] - 1)->attgenerated &&
					(link->cut != CUT_LATER || cut_links ||
					 !TupleDescAttr(desc, link->key->columns[i] - 1)->attnotnull))
					used[link->key->columns[i]] = true;
	}
	return used;
}

/* Describe the data's columns to the verb. */
static void
describe_columns(NestedBatch *batch)
{
	Verb	   *verb = &batch->verb;
	TupleDesc	desc = RelationGetDescr(batch->table->rel);
	List	   *key = batch->way->key;

	verb->ncolumns = list_length(batch->columns);
	verb->columns = palloc0_array(DataColumn, verb->ncolumns + 1);
	verb->keys = palloc_array(int, list_length(key) + 1);
	verb->key_attnums = key;
	for (int c = 0; c < verb->ncolumns; c++)
	{
		DataColumn *column = &verb->columns[c];
		Form_pg_attribute att = TupleDescAttr(desc, list_nth_int(batch->columns, c) - 1);

		column->name = pstrdup(NameStr(att->attname));
		column->source = c;
		column->attnum = att->attnum;
		column->exact = list_member_int(key, att->attnum);
		column->partial = verb->data->partial[c] && !column->exact;
		column->type = att->atttypid;
		column->typmod = column->exact ? -1 : att->atttypmod;
		column->collation = att->attcollation;
		if (column->exact)
			verb->keys[verb->nkeys++] = c;
	}
}

/*
 * nested_fill_batch
 *		Make the batch's rows the data of its verb.
 *
 * only names the columns to take, NIL for all that some row has.  Links that
 * are made later are left out, or with cut_links just these are taken.
 */
void
nested_fill_batch(NestedBatch *batch, List *only, bool cut_links)
{
	NestedTable *table = batch->table;
	int			natts = RelationGetDescr(table->rel)->natts;
	bool	   *used = used_columns(batch, cut_links);
	int		   *position = palloc_array(int, natts + 1);
	Cell	   *cells;
	List	  **caches = palloc0(sizeof(List *));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "nested row", ALLOCSET_DEFAULT_SIZES);
	RowsetBuilder builder;

	builder_init(&builder, (Size) batch->nrows * 32);
	batch->columns = NIL;
	for (int a = 1; a <= natts; a++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(table->rel), a - 1);

		position[a] = -1;
		if (only == NIL ? !used[a] : !list_member_int(only, a))
			continue;
		position[a] = builder_column(&builder, NameStr(att->attname), strlen(NameStr(att->attname)), NULL);
		batch->columns = lappend_int(batch->columns, a);
	}
	cells = palloc_array(Cell, list_length(batch->columns) + 1);
	for (int r = 0; r < batch->nrows; r++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		CHECK_FOR_INTERRUPTS();
		for (int c = 0; c < list_length(batch->columns); c++)
			cells[c].kind = CELL_ABSENT;
		fill_cells(batch->rows[r], caches, position, cells, cut_links);
		MemoryContextSwitchTo(old);
		builder_add_row(&builder, cells, list_length(batch->columns));
		MemoryContextReset(context);
	}
	batch->verb.data = builder_finish(&builder);
	describe_columns(batch);
	MemoryContextDelete(context);
}

/* Verb's place: where an input row, or its column, is in the documents. */
static char *
place_of_row(void *verb, int64 ordinal, const char *column)
{
	NestedBatch *batch = verb;
	NestedRow  *row = batch->rows[ordinal - 1];

	if (column && row->way->mode == NESTED_CONNECT)
		return psprintf("At %s.%s", nested_path(row, "_connect"), column);
	return psprintf("At %s", nested_path(row, column));
}

/*
 * nested_begin_batch
 *		A batch of these rows, which all go one way.
 */
void
nested_begin_batch(NestedBatch *batch, Nested *nested, NestedTable *table, NestedWay *way,
				   NestedRow **rows, int nrows)
{
	Verb	   *verb = &batch->verb;

	memset(batch, 0, sizeof(*batch));
	batch->nested = nested;
	batch->table = table;
	batch->way = way;
	batch->rows = rows;
	batch->nrows = nrows;
	verb->rel = table->rel;
	verb->target = table->target;
	verb->returning = true;
	verb->keep_nulls = true;
	verb->place = place_of_row;
	verb->context = nested->context;
	if (table->desc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(nested->context);

		describe_rows(table);
		MemoryContextSwitchTo(old);
	}
}

/* ------------------------------------------------------------------------ */
/* Running																	*/
/* ------------------------------------------------------------------------ */

/* Takes in what became of a batch's rows. */
typedef struct NestedReceiver
{
	DestReceiver pub;			/* must be first */
	NestedBatch *batch;
} NestedReceiver;

/* receiveSlot: keep the row and its status. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	NestedBatch *batch = ((NestedReceiver *) self)->batch;
	NestedRow  *row;
	MemoryContext old;
	int64		ordinal;

	slot_getsomeattrs(slot, 2);
	ordinal = DatumGetInt64(slot->tts_values[0]);
	if (slot->tts_isnull[0] || ordinal < 1 || ordinal > batch->nrows)
		elog(ERROR, "statement reports on an unknown row");
	row = batch->rows[ordinal - 1];
	if (batch->table->in_slot == row)
		batch->table->in_slot = NULL;
	row->status = DatumGetInt32(slot->tts_values[1]);
	if (batch->verb.status)
		batch->verb.status[ordinal - 1] = row->status;
	nested_check_proven(batch, row, slot);
	old = MemoryContextSwitchTo(batch->nested->context);
	row->tuple = ExecCopySlotMinimalTuple(slot);
	MemoryContextSwitchTo(old);
	return true;
}

static void
begin_rows(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

/* rShutdown: the last row has been returned; what comes now is not about it. */
static void
end_rows(DestReceiver *self)
{
	NestedBatch *batch = ((NestedReceiver *) self)->batch;

	batch->verb.noted = 0;
	nested_check_unchanged(batch);
}

static void
forget_rows(DestReceiver *self)
{
}

/*
 * nested_receiver
 *		Takes in what the batch's statement reports.
 */
DestReceiver *
nested_receiver(NestedBatch *batch)
{
	NestedReceiver *receiver = palloc0(sizeof(NestedReceiver));

	receiver->pub.receiveSlot = receive_row;
	receiver->pub.rStartup = begin_rows;
	receiver->pub.rShutdown = end_rows;
	receiver->pub.rDestroy = forget_rows;
	receiver->pub.mydest = DestNone;
	receiver->batch = batch;
	return &receiver->pub;
}

/* The row that a foreign key's error is about, by the key in its detail; -1 when it cannot be told. */
static int
find_violator(NestedBatch *batch, ErrorData *error)
{
	ListCell   *lc;

	foreach(lc, batch->table->shape->parents)
	{
		ForeignKey *key = lfirst(lc);

		if (error->detail == NULL || error->constraint_name == NULL || strcmp(key->name, error->constraint_name) != 0)
			continue;
		for (int r = 0; r < batch->nrows; r++)
		{
			StringInfoData names;
			StringInfoData values;

			if (batch->rows[r]->tuple == NULL)
				continue;
			initStringInfo(&names);
			initStringInfo(&values);
			for (int i = 0; i < key->ncolumns; i++)
			{
				char	   *text = nested_column_text(batch->rows[r], key->columns[i]);

				appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
								 get_attname(key->child, key->columns[i], false));
				appendStringInfo(&values, "%s%s", i > 0 ? ", " : "", text ? text : "null");
			}
			if (strstr(error->detail, psprintf("(%s)=(%s)", names.data, values.data)))
				return r;
		}
	}
	return -1;
}

/* Whether an error is about what is written, so that its place helps; after others no look-up is safe. */
static bool
is_about_rows(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION || category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_RAISE_EXCEPTION) || sqlstate == ERRCODE_INSUFFICIENT_PRIVILEGE ||
		category == ERRCODE_WITH_CHECK_OPTION_VIOLATION || sqlstate == ERRCODE_GENERATED_ALWAYS;
}

/* Add to an error where in the documents it is, as far as that is known. */
static void
add_place(NestedBatch *batch, ErrorData *error)
{
	int			row = -1;
	char	   *place;

	if (error->detail && strncmp(error->detail, "At $", 4) == 0)
		return;
	if (error->sqlerrcode == ERRCODE_FOREIGN_KEY_VIOLATION)
		row = find_violator(batch, error);
	else if (batch->verb.noted >= 1 && batch->verb.noted <= batch->nrows)
		row = batch->verb.noted - 1;
	if (row < 0)
		return;
	place = psprintf("At %s.", nested_path(batch->rows[row], error->column_name));
	error->detail = error->detail ? psprintf("%s\n%s", place, error->detail) : place;
}

/*
 * nested_guard
 *		Do the work, and add to errors about rows where in the documents they are.
 */
void
nested_guard(NestedBatch *batch, void (*work) (NestedBatch *batch))
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		work(batch);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (!is_about_rows(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		add_place(batch, error);
		ReThrowError(error);
	}
	PG_END_TRY();
}
