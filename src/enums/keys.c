/*
 * keys.c
 *	  Foreign keys between columns that hold an enum, and rows on both sides
 *	  that must change together.
 *
 * Rows of a referencing column change before those that they refer to, so that
 * neither a value is referred to that is not there, nor one is taken away that
 * is.  That does not do where the new value is not in the referenced table
 * yet: then both sides change in one statement, at whose end the server checks
 * them, whatever action the constraint has.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "utils/lsyscache.h"

#include "enums/drop.h"
#include "enums/enums.h"

/*
 * root_table
 *		The topmost table that the table is a partition of, or the table itself.
 */
Oid
root_table(Oid relid)
{
	return get_rel_relispartition(relid) ? llast_oid(get_partition_ancestors(relid)) : relid;
}

/* Is the column among those? */
static bool
is_column(List *columns, Oid relid, AttrNumber attnum)
{
	ListCell   *cell;

	foreach(cell, columns)
	{
		EnumColumn *column = lfirst(cell);

		if (column->relid == relid && column->attnum == attnum)
			return true;
	}
	return false;
}

/* Add the pairs of the constraint that are columns of the enum on both sides. */
static List *
add_pairs(List *result, HeapTuple tup, List *columns)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tup);
	AttrNumber	keys[INDEX_MAX_KEYS];
	AttrNumber	referenced[INDEX_MAX_KEYS];
	int			count;

	DeconstructFkConstraintRow(tup, &count, keys, referenced, NULL, NULL, NULL, NULL, NULL);
	for (int i = 0; i < count; i++)
	{
		EnumForeignKey *pair;

		if (!is_column(columns, form->conrelid, keys[i]) || !is_column(columns, form->confrelid, referenced[i]))
			continue;
		pair = palloc(sizeof(EnumForeignKey));
		pair->table = root_table(form->conrelid);
		pair->column = get_attname(form->conrelid, keys[i], false);
		pair->referenced_table = root_table(form->confrelid);
		pair->referenced_column = get_attname(form->confrelid, referenced[i], false);
		pair->others = count > 1;
		result = lappend(result, pair);
	}
	return result;
}

/*
 * enum_foreign_keys
 *		The foreign keys between columns that hold the enum, as EnumForeignKey:
 *		a pair of columns each, palloc'd.  Of partitions the topmost table is
 *		named.
 */
List *
enum_foreign_keys(Oid type)
{
	List	   *columns = enum_columns(type, false);
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	List	   *result = NIL;
	HeapTuple	tup;

	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tup);

		/* a partition's copies say nothing new */
		if (form->contype == CONSTRAINT_FOREIGN && !OidIsValid(form->conparentid))
			result = add_pairs(result, tup, columns);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return result;
}
