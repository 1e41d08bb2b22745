/*
 * nested_write.c
 *	  The rows of nested documents, written: one statement for all rows of a table
 *	  that go the same way, level by level.
 *
 * Rows that are new are inserted by one INSERT, in input order.  Rows that are
 * found by a key or created go through the upsert of this room, which settles
 * races with other sessions, and locks the keys in their order.  Rows of the
 * documents with one and the same key are one row: the first one stands for all,
 * as if they had been written one after the other; with _update the later ones
 * change what the earlier ones said.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "catalog.h"
#include "compat.h"
#include "rows/nested.h"

/* ------------------------------------------------------------------------ */
/* New rows																	*/
/* ------------------------------------------------------------------------ */

/* Rows of a finished batch that no statement reported on. */
static void
mark_missing(NestedBatch *batch)
{
	for (int r = 0; r < batch->nrows; r++)
		if (batch->rows[r]->tuple == NULL)
			batch->rows[r]->status = STATUS_MISSING;
}

/* Insert the batch's rows. */
static void
insert_batch(NestedBatch *batch)
{
	Verb	   *verb = &batch->verb;
	Source	   *source;

	nested_fill_batch(batch, NIL, false);
	nested_prove(batch);
	verb->inserts = true;
	/* a rule's statement reads the data, too */
	verb->reads_once = verb->rel->rd_rules == NULL;
	verb->rule = KEY_ANY;
	verb_number_rows(verb);
	source = verb_source(verb, NULL);
	(void) verb_run(verb, sql_insert(verb, source, false), source, nested_receiver(batch));
	source_free(source);
	mark_missing(batch);
	for (int r = 0; r < batch->nrows; r++)
	{
		if (batch->rows[r]->promised)
			nested_check_promise(batch->rows[r]);
		nested_check_generated(batch->nested, batch->rows[r]);
	}
}

/* ------------------------------------------------------------------------ */
/* Rows by key																*/
/* ------------------------------------------------------------------------ */

/* What a later row with the same key says goes before what the first one said. */
static void
merge_row(NestedRow *into, NestedRow *row)
{
	NestedLink *next;
	NestedLink **place;

	for (NestedValue *value = row->values; value; value = value->next)
	{
		NestedValue *copy = nested_value(into, value->attnum);

		if (copy)
		{
			NestedValue *rest = copy->next;

			*copy = *value;
			copy->next = rest;
		}
		else
		{
			copy = palloc(sizeof(NestedValue));
			*copy = *value;
			copy->next = into->values;
			into->values = copy;
		}
	}
	for (NestedLink *link = row->links; link; link = next)
	{
		next = link->next;
		for (place = &into->links; *place; place = &(*place)->next)
			if ((*place)->key->oid == link->key->oid)
			{
				*place = (*place)->next;
				break;
			}
		link->from = into;
		link->next = into->links;
		into->links = link;
	}
	row->links = NULL;
}

/* For each row of the batch, the number (from 1) of an earlier one with the same key, or 0. */
static uint32 *
find_same(NestedBatch *batch)
{
	Verb	   *verb = &batch->verb;
	DecodeRequest request = {0};

	request.rowset = verb->data;
	request.columns = verb->columns;
	request.ncolumns = verb->ncolumns;
	request.nkeys = verb->nkeys;
	request.keys = verb->keys;
	request.rule = KEY_DISTINCT;
	request.place = verb->place;
	request.place_arg = verb;
	request.same = palloc_extended(sizeof(uint32) * batch->nrows, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	decode_end(decode_begin(&request));
	return request.same;
}

/* Let rows with the same key be one; fills the batch. */
static void
unite_rows(NestedBatch *batch)
{
	Verb	   *verb = &batch->verb;
	uint32	   *same;
	int			kept = 0;

	nested_fill_batch(batch, NIL, false);
	if (batch->nrows < 2)
		return;
	same = find_same(batch);
	for (int r = 0; r < batch->nrows; r++)
	{
		NestedRow  *row = batch->rows[r];

		if (same[r] == 0)
			continue;
		row->same = batch->rows[same[r] - 1];
		row->same->promised |= row->promised;
		row->status = batch->way->update ? STATUS_UPDATED : STATUS_EXISTING;
		if (batch->way->update)
		{
			MemoryContext old = MemoryContextSwitchTo(batch->nested->context);

			merge_row(row->same, row);
			MemoryContextSwitchTo(old);
		}
	}
	for (int r = 0; r < batch->nrows; r++)
		if (same[r] == 0)
			batch->rows[kept++] = batch->rows[r];
	if (kept == batch->nrows)
		return;
	batch->nrows = kept;
	verb->nkeys = 0;
	nested_fill_batch(batch, NIL, false);
}

/* The SET list: what the data has besides the key, as far as it can be set. */
static void
set_columns(NestedBatch *batch)
{
	Verb	   *verb = &batch->verb;

	verb->set = palloc0_array(Assignment, verb->ncolumns + 1);
	for (int c = 0; c < verb->ncolumns; c++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(verb->rel), verb->columns[c].attnum - 1);

		if (list_member_int(batch->way->key, att->attnum) || att->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
			continue;
		verb->set[verb->nset].attnum = att->attnum;
		verb->set[verb->nset++].column = c;
	}
}

/* A row whose key was neither found nor created. */
static void
report_lost(NestedBatch *batch)
{
	bool		secured = check_enable_rls(batch->table->relid, InvalidOid, true) == RLS_ENABLED;
	int64		row = verb_first_left(&batch->verb);

	ereport(ERROR,
			(errcode(secured ? ERRCODE_INSUFFICIENT_PRIVILEGE : ERRCODE_NO_DATA_FOUND),
			 errmsg("a row could be neither found nor created in \"%s\"", RelationGetRelationName(batch->table->rel)),
			 errdetail("At %s.", nested_path(batch->rows[row - 1], NULL)),
			 secured ? errhint("A row that row-level security hides has this key, or a trigger kept the row from being inserted.") :
			 batch->verb.has_triggers ? errhint("A trigger kept it from being inserted.") :
			 errhint("Other sessions keep changing the row that has this key: try again.")));
}

/* Fetch the rows that are there after all, though a trigger kept them from being updated. */
static void
fetch_rest(NestedBatch *batch, Source **source)
{
	Verb	   *verb = &batch->verb;

	if (verb_change_status(verb, STATUS_MISSING, STATUS_NONE) == 0)
		return;
	*source = verb_source(verb, *source);
	(void) verb_run(verb, sql_existing(verb, *source), *source, nested_receiver(batch));
}

/* Find the batch's rows by their key, or create them. */
static void
match_batch(NestedBatch *batch)
{
	Verb	   *verb = &batch->verb;
	Source	   *source = NULL;

	unite_rows(batch);
	verb->inserts = true;
	verb->sets = batch->way->update;
	verb->skip_unchanged = batch->way->update;
	verb->rule = KEY_UNIQUE;
	verb->keep_nulls = false;
	if (batch->way->update)
		set_columns(batch);
	verb_require_unique_key(verb);
	verb_number_rows(verb);
	verb_upsert(verb, &source, nested_receiver(batch), false);
	if (verb_rows_left(verb) > 0)
		report_lost(batch);
	fetch_rest(batch, &source);
	source_free(source);
	mark_missing(batch);
}

/* No row has the key that a document names. */
static void
report_not_found(NestedBatch *batch, int r)
{
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("no row of \"%s\" has the key that is to be connected", RelationGetRelationName(batch->table->rel)),
			 errdetail("At %s.", nested_path(batch->rows[r], "_connect"))));
}

/* See that each row of the batch was found. */
static void
check_found(NestedBatch *batch)
{
	for (int r = 0; r < batch->nrows; r++)
		if (batch->rows[r]->tuple == NULL)
			report_not_found(batch, r);
}

/* Find the batch's rows by their key. */
static void
connect_batch(NestedBatch *batch)
{
	Verb	   *verb = &batch->verb;
	Source	   *source;

	nested_fill_batch(batch, batch->way->key, false);
	verb->rule = KEY_ANY;
	verb_require_unique_key(verb);
	verb_number_rows(verb);
	source = verb_source(verb, NULL);
	(void) verb_run(verb, sql_existing(verb, source), source, nested_receiver(batch));
	source_free(source);
	check_found(batch);
}

/* ------------------------------------------------------------------------ */
/* Links of rows that are there												*/
/* ------------------------------------------------------------------------ */

/* A row was not updated that must refer to another one now. */
static void
report_not_linked(NestedBatch *batch, int r)
{
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("a row of \"%s\" could not be updated to refer to another row",
					RelationGetRelationName(batch->table->rel)),
			 errdetail("At %s.", nested_path(batch->rows[r], NULL)),
			 errhint("There is no row with its key, or a trigger or row-level security kept it from being updated.")));
}

/* Set the foreign keys of rows that are there. */
static void
relink_batch(NestedBatch *batch)
{
	Verb	   *verb = &batch->verb;
	Source	   *source;
	uint32	   *same;

	nested_fill_batch(batch, batch->only, batch->cut_links);
	same = find_same(batch);
	for (int r = 0; r < batch->nrows; r++)
		if (same[r] > 0)
			ereport(ERROR,
					(errcode(ERRCODE_CARDINALITY_VIOLATION),
					 errmsg("a row of \"%s\" is to refer to two rows", RelationGetRelationName(batch->table->rel)),
					 errdetail("At %s and at %s.", nested_path(batch->rows[same[r] - 1], NULL),
							   nested_path(batch->rows[r], NULL))));
	verb->sets = true;
	verb->rule = KEY_UNIQUE;
	verb->keep_nulls = false;
	set_columns(batch);
	verb_require_unique_key(verb);
	verb_number_rows(verb);
	source = verb_source(verb, NULL);
	(void) verb_run(verb, sql_update(verb, source, true), source, nested_receiver(batch));
	source_free(source);
	for (int r = 0; r < batch->nrows; r++)
		if (verb->status[r] != STATUS_UPDATED)
			report_not_linked(batch, r);
}

/* Let the row have a value, too, if there is one and it has none of that column. */
static void
keep_value(NestedRow *row, NestedValue *value)
{
	NestedValue *copy;

	if (value == NULL || nested_value(row, value->attnum))
		return;
	copy = palloc(sizeof(NestedValue));
	*copy = *value;
	copy->next = row->values;
	row->values = copy;
}

/* A copy of a row that is found by its primary key, as that is now, with what its links give and were given. */
static NestedRow *
keyed_copy(NestedRow *row)
{
	NestedRow  *copy = palloc(sizeof(NestedRow));
	ListCell   *lc;

	*copy = *row;
	copy->values = NULL;
	for (NestedLink *link = row->links; link; link = link->next)
		for (int i = 0; link->cut == CUT_LATER && i < link->key->ncolumns; i++)
			keep_value(copy, nested_value(row, link->key->columns[i]));
	foreach(lc, row->table->primary)
	{
		NestedValue *value = palloc0(sizeof(NestedValue));

		value->attnum = lfirst_int(lc);
		value->kind = CELL_TEXT;
		value->text = nested_column_text(row, lfirst_int(lc));
		value->len = strlen(value->text);
		value->next = copy->values;
		copy->values = value;
	}
	return copy;
}

/* The columns of the links that were left for later, and those of the primary key. */
static List *
later_columns(NestedTable *table, NestedRow **rows, int nrows)
{
	List	   *columns = list_copy(table->primary);

	for (int r = 0; r < nrows; r++)
		for (NestedLink *link = rows[r]->links; link; link = link->next)
			for (int i = 0; link->cut == CUT_LATER && i < link->key->ncolumns; i++)
				columns = list_append_unique_int(columns, link->key->columns[i]);
	return columns;
}

/* Whether a link of the row was left for later, and the row is one to be changed. */
static bool
has_later_link(NestedRow *row)
{
	/* what was only found stays as it is */
	if (row->way->mode == NESTED_MATCH && !row->way->update && row->status != STATUS_INSERTED)
		return false;
	for (NestedLink *link = row->links; link; link = link->next)
		if (link->cut == CUT_LATER)
			return true;
	return false;
}

/* Make the links of the table's rows that were left for later. */
static void
link_later(Nested *nested, NestedTable *table)
{
	NestedRow **rows = palloc_extended(sizeof(NestedRow *) * Max(table->nrows, 1), MCXT_ALLOC_HUGE);
	NestedRow **copies = palloc_extended(sizeof(NestedRow *) * Max(table->nrows, 1), MCXT_ALLOC_HUGE);
	NestedBatch batch;
	NestedWay	way = {NESTED_CONNECT, NIL, false};
	int			n = 0;

	for (int r = 0; r < table->nrows; r++)
	{
		NestedRow  *row = table->rows[r];

		/* of a row that a trigger suppressed there is nothing to link */
		if (row->same == NULL && row->tuple && has_later_link(row))
		{
			rows[n] = row;
			copies[n++] = keyed_copy(row);
		}
	}
	if (n == 0)
		return;
	way.key = list_copy(table->primary);
	nested_begin_batch(&batch, nested, table, &way, copies, n);
	batch.only = later_columns(table, rows, n);
	batch.cut_links = true;
	nested_guard(&batch, relink_batch);
	for (int r = 0; r < n; r++)
	{
		if (table->in_slot == rows[r] || table->in_slot == copies[r])
			table->in_slot = NULL;
		rows[r]->tuple = copies[r]->tuple;
	}
}

/* ------------------------------------------------------------------------ */
/* Levels																	*/
/* ------------------------------------------------------------------------ */

/* list_sort comparator: new rows first, then by key; the same in all sessions. */
static int
compare_ways(const ListCell *a, const ListCell *b)
{
	NestedWay  *x = lfirst(a);
	NestedWay  *y = lfirst(b);

	if (x->mode != y->mode)
		return x->mode < y->mode ? -1 : 1;
	for (int i = 0; i < list_length(x->key) && i < list_length(y->key); i++)
		if (list_nth_int(x->key, i) != list_nth_int(y->key, i))
			return list_nth_int(x->key, i) - list_nth_int(y->key, i);
	if (list_length(x->key) != list_length(y->key))
		return list_length(x->key) - list_length(y->key);
	return (int) x->update - (int) y->update;
}

/* Write rows that go the same way; what is made for it goes when it is done. */
static void
write_rows(Nested *nested, NestedTable *table, NestedWay *way, NestedRow **rows, int nrows, bool linked)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "nested batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	NestedBatch batch;

	nested_begin_batch(&batch, nested, table, way, rows, nrows);
	if (way->mode == NESTED_INSERT)
		nested_guard(&batch, insert_batch);
	else if (way->mode == NESTED_MATCH)
		nested_guard(&batch, match_batch);
	else
		nested_guard(&batch, linked ? relink_batch : connect_batch);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Whether a connected row is to refer to another row, or any row must be set apart from the rest. */
static bool
is_linked(NestedRow *row)
{
	for (NestedLink *link = row->links; link; link = link->next)
		if (link->cut != CUT_LATER)
			return true;
	return false;
}

/* Write rows of one level, way by way; rows is reordered. */
static void
write_level(Nested *nested, NestedTable *table, NestedRow **rows, int nrows)
{
	NestedRow **chosen;
	ListCell   *lc;

	if (nrows == 0)
		return;
	chosen = palloc_extended(sizeof(NestedRow *) * nrows, MCXT_ALLOC_HUGE);
	foreach(lc, table->ways)
	{
		NestedWay  *way = lfirst(lc);

		for (int linked = 0; linked < (way->mode == NESTED_CONNECT ? 2 : 1); linked++)
		{
			int			n = 0;

			for (int r = 0; r < nrows; r++)
				if (rows[r]->way == way && (way->mode != NESTED_CONNECT || is_linked(rows[r]) == (linked == 1)))
					chosen[n++] = rows[r];
			if (n > 0)
				write_rows(nested, table, way, chosen, n, linked == 1);
		}
	}
	pfree(chosen);
}

/* The table's rows by level, within each in input order; starts gets where each level begins. */
static NestedRow **
rows_by_level(NestedTable *table, int nlevels, int **starts)
{
	NestedRow **rows = palloc_extended(sizeof(NestedRow *) * Max(table->nrows, 1), MCXT_ALLOC_HUGE);
	int		   *next = palloc0_array(int, nlevels + 1);

	*starts = palloc0_array(int, nlevels + 2);
	for (int r = 0; r < table->nrows; r++)
		(*starts)[table->rows[r]->level + 1]++;
	for (int l = 0; l < nlevels; l++)
		(*starts)[l + 1] += (*starts)[l];
	for (int r = 0; r < table->nrows; r++)
	{
		int			level = table->rows[r]->level;

		rows[(*starts)[level] + next[level]++] = table->rows[r];
	}
	pfree(next);
	return rows;
}

/* Write the rows of tables that refer to each other. */
static void
write_group(Nested *nested, List *tables)
{
	int			nlevels = 1;
	int			ntables = list_length(tables);
	NestedRow ***rows = palloc_array(NestedRow **, ntables);
	int		  **starts = palloc_array(int *, ntables);
	List	   *deferred = NIL;
	ListCell   *lc;

	nested_order_rows(nested, tables);
	/* rows will be updated */
	if (nested->cuts)
		nested->plain = false;
	foreach(lc, tables)
	{
		NestedTable *table = lfirst(lc);

		for (int r = 0; r < table->nrows; r++)
			nlevels = Max(nlevels, table->rows[r]->level + 1);
		if (nested->cuts)
			nested_make_promises(nested, table);
		list_sort(table->ways, compare_ways);
	}
	if (nested->cuts)
		deferred = nested_defer(nested, tables);
	foreach(lc, tables)
		rows[foreach_current_index(lc)] = rows_by_level(lfirst(lc), nlevels, &starts[foreach_current_index(lc)]);
	for (int l = 0; l < nlevels; l++)
		foreach(lc, tables)
		{
			int			t = foreach_current_index(lc);

			write_level(nested, lfirst(lc), rows[t] + starts[t][l], starts[t][l + 1] - starts[t][l]);
		}
	foreach(lc, tables)
		if (nested->cuts)
			link_later(nested, lfirst(lc));
	nested_undefer(deferred);
	nested->cuts = false;
}

/*
 * nested_write
 *		Write all rows; SPI is connected.
 */
void
nested_write(Nested *nested)
{
	List	   *group = NIL;
	ListCell   *lc;

	nested_order_tables(nested);
	nested->plain = nested_is_plain(nested);
	foreach(lc, nested->order)
	{
		NestedTable *table = lfirst(lc);

		if (group != NIL && ((NestedTable *) linitial(group))->group != table->group)
		{
			write_group(nested, group);
			group = NIL;
		}
		group = lappend(group, table);
	}
	write_group(nested, group);
}
