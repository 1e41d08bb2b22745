/*
 * nested_promise.c
 *	  Keys that are known before their rows are there.
 *
 * Rows that refer to each other in a circle can be written where the key of one
 * is known beforehand: because the document has it, or because it has a default,
 * which is then computed here, for all rows in one query, and written as if the
 * document had it.  A default is computed as the caller, as in an INSERT.  When
 * the row has been written, its key is looked at again, as a trigger may have
 * changed it.
 *
 * A foreign key that is not deferred already is deferred for this while.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "executor/spi.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "catalog.h"
#include "compat.h"
#include "rows/nested.h"
#include "rows/plan.h"

/* ------------------------------------------------------------------------ */
/* Keys																		*/
/* ------------------------------------------------------------------------ */

/* Whether a link gives the row the column. */
static bool
is_linked(NestedRow *row, AttrNumber attnum)
{
	for (NestedLink *link = row->links; link; link = link->next)
		for (int i = 0; !link->named && i < link->key->ncolumns; i++)
			if (link->key->columns[i] == attnum)
				return true;
	return false;
}

/* Whether the column has a default that is not just null. */
static bool
has_default(Relation rel, AttrNumber attnum)
{
	Node	   *expr;

	if (TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attgenerated)
		return false;
	expr = column_default(rel, attnum);
	return expr && !(IsA(expr, Const) && ((Const *) expr)->constisnull);
}

/*
 * nested_can_promise
 *		Whether the columns that the key refers to are known before the row is
 *		there.
 */
bool
nested_can_promise(NestedRow *row, ForeignKey *key)
{
	for (int i = 0; i < key->ncolumns; i++)
	{
		AttrNumber	attnum = key->referred[i];
		NestedValue *value = nested_value(row, attnum);

		if (is_linked(row, attnum))
			return false;
		/* a row that may be there has the columns by which it is found, no others for sure */
		if (row->way->mode != NESTED_INSERT && !(row->way->mode == NESTED_MATCH && list_member_int(row->way->key, attnum)))
			return false;
		if (value ? value->kind == CELL_NULL : !has_default(row->table->rel, attnum))
			return false;
	}
	return true;
}

/* Takes in the values of a column's default. */
typedef struct DefaultReceiver
{
	DestReceiver pub;			/* must be first */
	NestedBatch *batch;
	AttrNumber	attnum;
	FmgrInfo	output;
} DefaultReceiver;

/* receiveSlot: give the row the value. */
static bool
receive_default(TupleTableSlot *slot, DestReceiver *self)
{
	DefaultReceiver *receiver = (DefaultReceiver *) self;
	NestedBatch *batch = receiver->batch;
	NestedRow  *row;
	NestedValue *value;
	MemoryContext old;

	slot_getallattrs(slot);
	row = batch->rows[DatumGetInt64(slot->tts_values[0]) - 1];
	if (slot->tts_isnull[1])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the default of column \"%s\" of \"%s\" is null, but another row refers to it",
						get_attname(batch->table->relid, receiver->attnum, false),
						RelationGetRelationName(batch->table->rel)),
				 errdetail("At %s.", nested_path(row, NULL))));
	old = MemoryContextSwitchTo(batch->nested->context);
	value = palloc0(sizeof(NestedValue));
	value->attnum = receiver->attnum;
	value->kind = CELL_TEXT;
	value->text = OutputFunctionCall(&receiver->output, slot->tts_values[1]);
	value->len = strlen(value->text);
	value->next = row->values;
	row->values = value;
	MemoryContextSwitchTo(old);
	return true;
}

static void
begin_defaults(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
end_defaults(DestReceiver *self)
{
}

/* Compute the default of a column for rows of the table. */
static void
compute_defaults(Nested *nested, NestedTable *table, AttrNumber attnum, NestedRow **rows, int nrows)
{
	NestedBatch batch;
	DefaultReceiver receiver = {{0}};
	RowsetBuilder builder;
	Source	   *source;
	Oid			function;
	bool		isvarlena;
	const char *sql;

	nested_begin_batch(&batch, nested, table, table->plain, rows, nrows);
	builder_init(&builder, 0);
	for (int r = 0; r < nrows; r++)
		builder_add_row(&builder, NULL, 0);
	batch.verb.data = builder_finish(&builder);
	batch.verb.columns = palloc0(sizeof(DataColumn));
	batch.verb.numbered = true;
	batch.verb.rule = KEY_ANY;
	receiver.pub.receiveSlot = receive_default;
	receiver.pub.rStartup = begin_defaults;
	receiver.pub.rShutdown = end_defaults;
	receiver.pub.rDestroy = end_defaults;
	receiver.pub.mydest = DestNone;
	receiver.batch = &batch;
	receiver.attnum = attnum;
	getTypeOutputInfo(TupleDescAttr(RelationGetDescr(table->rel), attnum - 1)->atttypid, &function, &isvarlena);
	fmgr_info(function, &receiver.output);
	source = verb_source(&batch.verb, NULL);
	sql = psprintf("SELECT %s AS o, \"" DEFAULT_QUALIFIER "\".%s AS c FROM %s", source_ordinal(source),
				   quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(table->rel), attnum - 1)->attname)),
				   source_sql(source));
	(void) verb_run(&batch.verb, sql, source, &receiver.pub);
	source_free(source);
}

/* Whether another row was told this column of the row beforehand. */
static bool
is_promised(NestedRow *row, AttrNumber attnum)
{
	for (NestedLink *link = row->links_to; link; link = link->next_to)
		for (int i = 0; link->cut == CUT_PROMISED && !link->named && i < link->key->ncolumns; i++)
			if (link->key->referred[i] == attnum)
				return true;
	return false;
}

/*
 * nested_make_promises
 *		Compute the keys of the table's rows that others are told beforehand.
 */
void
nested_make_promises(Nested *nested, NestedTable *table)
{
	NestedRow **rows = palloc_extended(sizeof(NestedRow *) * Max(table->nrows, 1), MCXT_ALLOC_HUGE);

	for (AttrNumber attnum = 1; attnum <= RelationGetDescr(table->rel)->natts; attnum++)
	{
		int			n = 0;

		for (int r = 0; r < table->nrows; r++)
			if (table->rows[r]->promised && is_promised(table->rows[r], attnum) &&
				nested_value(table->rows[r], attnum) == NULL)
				rows[n++] = table->rows[r];
		if (n > 0)
			compute_defaults(nested, table, attnum, rows, n);
	}
	pfree(rows);
}

/*
 * nested_check_promise
 *		See that a row that was written has the key that others were told.
 */
void
nested_check_promise(NestedRow *row)
{
	for (NestedLink *link = row->links_to; link; link = link->next_to)
		for (int i = 0; link->cut == CUT_PROMISED && !link->named && i < link->key->ncolumns; i++)
		{
			AttrNumber	attnum = link->key->referred[i];
			Cell		cell;
			char	   *promised;
			char	   *found;

			if (row->tuple == NULL)
				ereport(ERROR,
						(errcode(ERRCODE_NO_DATA_FOUND),
						 errmsg("a row of \"%s\" was not written, but another row refers to it",
								RelationGetRelationName(row->table->rel)),
						 errdetail("At %s; the row that refers to it is at %s.", nested_path(row, NULL),
								   nested_path(link->from, NULL)),
						 errhint("A trigger suppressed it.")));
			nested_cell(nested_value(row, attnum), &cell);
			promised = nested_canonical(row->table, attnum, &cell);
			found = nested_column_text(row, attnum);
			if (found == NULL || strcmp(promised, found) != 0)
				ereport(ERROR,
						(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
						 errmsg("a trigger changed column \"%s\" of a row of \"%s\" that another row refers to",
								get_attname(row->table->relid, attnum, false),
								RelationGetRelationName(row->table->rel)),
						 errdetail("At %s: \"%s\" became %s; the row that refers to it is at %s.",
								   nested_path(row, get_attname(row->table->relid, attnum, false)), promised,
								   found ? psprintf("\"%s\"", found) : "null", nested_path(link->from, NULL))));
		}
}

/* ------------------------------------------------------------------------ */
/* Deferring																*/
/* ------------------------------------------------------------------------ */

/*
 * nested_can_defer
 *		Whether the foreign key can be deferred by its name: no other deferrable
 *		constraint of the schema may have it.
 */
bool
nested_can_defer(ForeignKey *key)
{
	Relation	catalog;
	ScanKeyData skey[2];
	SysScanDesc scan;
	HeapTuple	tup;
	int			count = 0;

	if (!key->deferrable)
		return false;
	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyInit(&skey[0], Anum_pg_constraint_conname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum(key->name));
	ScanKeyInit(&skey[1], Anum_pg_constraint_connamespace, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(get_rel_namespace(key->child)));
	scan = systable_beginscan(catalog, ConstraintNameNspIndexId, true, NULL, 2, skey);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
		count += ((Form_pg_constraint) GETSTRUCT(tup))->condeferrable;
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return count == 1;
}

/* SET CONSTRAINTS for these names. */
static void
set_constraints(List *names, const char *mode)
{
	ListCell   *lc;

	foreach(lc, names)
		if (SPI_execute(psprintf("SET CONSTRAINTS %s %s", (char *) lfirst(lc), mode), false, 0) != SPI_OK_UTILITY)
			elog(ERROR, "could not set a constraint");
}

/*
 * nested_defer
 *		Defer the foreign keys of links to keys that are only promised; returns
 *		their names.
 */
List *
nested_defer(Nested *nested, List *tables)
{
	List	   *seen = NIL;
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, tables)
	{
		NestedTable *table = lfirst(lc);

		for (int r = 0; r < table->nrows; r++)
			for (NestedLink *link = table->rows[r]->links; link; link = link->next)
			{
				ForeignKey *key = link->key;

				if (link->cut != CUT_PROMISED || key->deferred || !key->deferrable || list_member_oid(seen, key->oid))
					continue;
				seen = lappend_oid(seen, key->oid);
				names = lappend(names, quote_qualified_identifier(get_namespace_name(get_rel_namespace(key->child)),
																  key->name));
			}
	}
	set_constraints(names, "DEFERRED");
	return names;
}

/*
 * nested_undefer
 *		Have these foreign keys looked at now.
 */
void
nested_undefer(List *names)
{
	set_constraints(names, "IMMEDIATE");
}
