/*
 * nested_proven.c
 *	  Foreign keys of nested documents that need no look-up, because the call has
 *	  just inserted the rows that they refer to.
 *
 * After an INSERT the server looks up the parent of each row by a query of its
 * own, which takes as much as all else that is done for the row.  Where the
 * parents are rows of the same call, these checks are left out of the INSERT's
 * own copy of the table's triggers (stream.c); the catalog and other statements
 * know nothing of it.
 *
 * Why it is safe.  A check asks whether the parent is there when the statement
 * ends, and keeps others from removing it before the transaction ends.
 *
 *	- The parent was there: a statement of this call inserted and returned it.
 *	- No other session can have removed it, or can before the transaction ends,
 *	  as it sees nothing of it.  After that, it sees parent and child alike.
 *	- This session has not removed it before the INSERT of the children: the call
 *	  runs nothing but INSERTs, as no row is found by a key and no cycle is cut.
 *	  What else may run when these end, such as a cast that a foreign key to
 *	  another table needs, has left the parent's table alone: the counts of its
 *	  rows that this transaction has updated or deleted, which the server keeps for
 *	  its statistics, are what they were.
 *	- Nor while the children are inserted, as nothing in any of the call's tables
 *	  can run code that is not the server's.  There are no triggers but those of
 *	  foreign keys, no rules, row security or partitions, and types, defaults,
 *	  generated columns, constraints and indexes run the server's code alone
 *	  (server_code.c).  The tables are locked so that this stays so.  The counts
 *	  are looked at again all the same.
 *	- What removes the parent once the child is there is checked then, as always,
 *	  by the triggers of the parent's table, which are enabled.  Who disables them
 *	  later in the transaction gets past those, and past what has been checked when
 *	  its statement ended, but not past a deferred check: a key whose check can be
 *	  deferred is always checked.
 *	- The child has the parent's key: that came back from the INSERT and has gone
 *	  into a column of the same type and modifier, which nothing computes.  What
 *	  the child's INSERT returns is compared with it all the same.
 *
 * Of a statement, a key's checks are left out for all rows or none.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "pgstat.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
#include "utils/rel.h"

#include "compat.h"
#include "server_code.h"
#include "rows/nested.h"

/* For fewer rows it is not worth looking at the tables. */
#define FEWEST_ROWS 16

/* ------------------------------------------------------------------------ */
/* Tables																	*/
/* ------------------------------------------------------------------------ */

/* Whether types, defaults and constraints are the server's. */
static bool
has_plain_columns(Relation rel)
{
	for (AttrNumber attnum = 1; attnum <= RelationGetNumberOfAttributes(rel); attnum++)
		if (!TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attisdropped &&
			runs_users_code(build_column_default(rel, attnum)))
			return false;
	return !table_runs_users_code(rel);
}

/* Whether what the table's indexes do is the server's. */
static bool
has_plain_indexes(Relation rel)
{
	List	   *indexes = RelationGetIndexList(rel);
	bool		plain = true;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		plain = plain && !index_runs_users_code(index);
		index_close(index, NoLock);
	}
	return plain;
}

/* Whether an INSERT into the table runs no code that is not the server's. */
static bool
is_plain_table(NestedTable *table)
{
	Relation	rel = table->rel;
	TriggerDesc *triggers = rel->trigdesc;
	ListCell   *lc;

	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_ORIGIN || !rel->pgstat_enabled ||
		rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relispartition ||
		rel->rd_rel->relam != HEAP_TABLE_AM_OID || rel->rd_rel->relrowsecurity || rel->rd_rules != NULL)
		return false;
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
		if (!triggers->triggers[i].tgisinternal || triggers->triggers[i].tgfoid >= FirstNormalObjectId ||
			triggers->triggers[i].tgenabled != TRIGGER_FIRES_ON_ORIGIN)
			return false;
	foreach(lc, table->shape->parents)
	{
		ForeignKey *key = lfirst(lc);

		for (int i = 0; i < key->ncolumns; i++)
			if (key->equal[i] >= FirstNormalObjectId)
				return false;
	}
	return has_plain_columns(rel) && has_plain_indexes(rel);
}

/* How many rows of the table this transaction has updated or deleted. */
static int64
count_changes(Relation rel)
{
	int64		n = 0;

	for (PgStat_TableXactStatus *trans = rel->pgstat_info ? rel->pgstat_info->trans : NULL; trans; trans = trans->upper)
		n += trans->tuples_updated + trans->tuples_deleted;
	return n;
}

/* Whether rows of the table can have been updated or deleted since the call began. */
static bool
is_changed(NestedTable *table)
{
	return !table->rel->pgstat_enabled || count_changes(table->rel) != table->nchanges;
}

/* Whether a table of the call refers to one. */
static bool
has_keys_inside(Nested *nested)
{
	ListCell   *lc;
	ListCell   *up;

	foreach(lc, nested->order)
		foreach(up, ((NestedTable *) lfirst(lc))->shape->parents)
			if (hash_search(nested->tables, &((ForeignKey *) lfirst(up))->parent, HASH_FIND, NULL))
				return true;
	return false;
}

/*
 * nested_is_plain
 *		Whether the call is made of INSERTs that run no code that is not the
 *		server's, and has rows enough for that to be of use.
 */
bool
nested_is_plain(Nested *nested)
{
	int64		nrows = 0;
	ListCell   *lc;
	ListCell   *wc;

	foreach(lc, nested->order)
	{
		NestedTable *table = lfirst(lc);

		nrows += table->nrows;
		foreach(wc, table->ways)
			if (((NestedWay *) lfirst(wc))->mode != NESTED_INSERT)
				return false;
	}
	if (nrows < FEWEST_ROWS || !has_keys_inside(nested))
		return false;
	foreach(lc, nested->order)
	{
		NestedTable *table = lfirst(lc);

		if (!is_plain_table(table))
			return false;
		table->nchanges = count_changes(table->rel);
	}
	return true;
}

/* ------------------------------------------------------------------------ */
/* Foreign keys																*/
/* ------------------------------------------------------------------------ */

/* Whether the key's columns take what the parent's columns have as it is. */
static bool
takes_as_it_is(NestedTable *table, NestedTable *parent, ForeignKey *key)
{
	for (int i = 0; i < key->ncolumns; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(table->rel), key->columns[i] - 1);
		Form_pg_attribute referred = TupleDescAttr(RelationGetDescr(parent->rel), key->referred[i] - 1);

		if (column->atttypid != referred->atttypid || column->atttypmod != referred->atttypmod ||
			column->attgenerated || column->attidentity)
			return false;
		switch (column->atttypid)
		{
			case INT2OID:
			case INT4OID:
			case INT8OID:
			case UUIDOID:
			case TEXTOID:
			case VARCHAROID:
				break;
			default:
				return false;
		}
	}
	return true;
}

/* The row's link by the key, or NULL. */
static NestedLink *
link_by(NestedRow *row, ForeignKey *key)
{
	NestedLink *link = row->links;

	while (link && link->key->oid != key->oid)
		link = link->next;
	return link;
}

/* Whether each row is linked by the key to a row that a statement before has inserted. */
static bool
are_linked(NestedBatch *batch, ForeignKey *key)
{
	for (int r = 0; r < batch->nrows; r++)
	{
		NestedLink *link = link_by(batch->rows[r], key);
		NestedRow  *to = link ? nested_row_of(link->to) : NULL;

		if (to == NULL || link->cut != CUT_NOT || link->named || to->table->relid != key->parent ||
			to->tuple == NULL || to->status != STATUS_INSERTED || to->promised)
			return false;
	}
	return true;
}

/*
 * nested_prove
 *		Find the foreign keys by which all of the batch's new rows refer to rows
 *		that are known to be there.
 */
void
nested_prove(NestedBatch *batch)
{
	Nested	   *nested = batch->nested;
	ListCell   *lc;

	if (!nested->plain || nested->cuts)
		return;
	foreach(lc, batch->table->shape->parents)
	{
		ForeignKey *key = lfirst(lc);
		NestedTable *parent = hash_search(nested->tables, &key->parent, HASH_FIND, NULL);

		if (parent && !key->deferrable && !is_changed(parent) && takes_as_it_is(batch->table, parent, key) && are_linked(batch, key))
		{
			batch->proven = lappend(batch->proven, key);
			batch->verb.unchecked = lappend_oid(batch->verb.unchecked, key->oid);
		}
	}
}

/*
 * nested_check_unchanged
 *		See that the parents were left alone while the batch's rows were inserted.
 */
void
nested_check_unchanged(NestedBatch *batch)
{
	ListCell   *lc;

	foreach(lc, batch->proven)
	{
		ForeignKey *key = lfirst(lc);
		NestedTable *parent = hash_search(batch->nested->tables, &key->parent, HASH_FIND, NULL);

		if (is_changed(parent))
			elog(ERROR, "rows of \"%s\" were changed while rows were inserted that refer to them by \"%s\"",
				 RelationGetRelationName(parent->rel), key->name);
	}
}

/*
 * nested_check_proven
 *		See that a row that was inserted has the keys of the rows that it is
 *		linked to; slot is what came back of it.
 */
void
nested_check_proven(NestedBatch *batch, NestedRow *row, TupleTableSlot *slot)
{
	ListCell   *lc;

	foreach(lc, batch->proven)
	{
		ForeignKey *key = lfirst(lc);
		NestedRow  *to = nested_row_of(link_by(row, key)->to);
		TupleTableSlot *other = nested_slot(to);

		for (int i = 0; i < key->ncolumns; i++)
		{
			Form_pg_attribute att = TupleDescAttr(RelationGetDescr(batch->table->rel), key->columns[i] - 1);
			bool		isnull;
			bool		other_isnull;
			Datum		value = slot_getattr(slot, batch->table->position[key->columns[i] - 1], &isnull);
			Datum		other_value = slot_getattr(other, to->table->position[key->referred[i] - 1], &other_isnull);

			if (isnull || other_isnull || !datum_image_eq(value, other_value, att->attbyval, att->attlen))
				elog(ERROR, "a row does not refer to the row that it is linked to by \"%s\"", key->name);
		}
	}
}
