/*
 * types.c
 *	  Where values of an enum type can be: the types and columns that contain it.
 *
 * A carrier is the enum itself, or an array, domain, composite, range or
 * multirange type whose values can contain one of its values, to any depth.
 * The row type of a table is a composite: a column that stores whole rows of
 * another table carries what that table's columns carry.
 *
 * pg_depend names the candidates: the server records each column, domain,
 * range and array type as a dependent of the type that it is made of.  It also
 * records dependencies of other kinds there (a domain's default that mentions
 * the type), so each candidate is looked at itself.
 *
 * Nothing is locked.  What is committed when a function is called is found;
 * an object made meanwhile is not, and one dropped meanwhile is left out.
 * Whoever needs more waits for the other transactions and looks again.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_type.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "enums/enums.h"

/* The types and columns that pg_depend calls dependents of the type, as ObjectAddress. */
static List *
dependents(Oid type)
{
	List	   *result = NIL;
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(type));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tup);

		if (form->classid == TypeRelationId ||
			(form->classid == RelationRelationId && form->objsubid > 0))
		{
			ObjectAddress *object = palloc(sizeof(ObjectAddress));

			ObjectAddressSubSet(*object, form->classid, form->objid, form->objsubid);
			result = lappend(result, object);
		}
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return result;
}

/* Is the candidate made of the type directly? */
static bool
made_of(Oid candidate, Oid type)
{
	HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(candidate));
	Form_pg_type form;
	bool		result;

	if (!HeapTupleIsValid(tup))
		return false;			/* dropped meanwhile */
	form = (Form_pg_type) GETSTRUCT(tup);
	switch (form->typtype)
	{
		case TYPTYPE_DOMAIN:
			result = form->typbasetype == type;
			break;
		case TYPTYPE_RANGE:
			result = get_range_subtype(candidate) == type;
			break;
		case TYPTYPE_MULTIRANGE:
			result = get_multirange_range(candidate) == type;
			break;
		default:
			result = get_element_type(candidate) == type;
			break;
	}
	ReleaseSysCache(tup);
	return result;
}

/* The column's own tuple, a copy; NULL if it is gone, or has another type. */
static HeapTuple
column_of_type(const ObjectAddress *column, Oid type)
{
	HeapTuple	tup = SearchSysCacheCopyAttNum(column->objectId, column->objectSubId);

	if (!HeapTupleIsValid(tup) ||
		((Form_pg_attribute) GETSTRUCT(tup))->atttypid != type)
		return NULL;
	return tup;
}

/*
 * enum_carriers
 *		OIDs of all types whose values can contain a value of the type, which
 *		itself is the first.
 *
 * The list is palloc'd.  No lock is taken, no error raised.
 */
List *
enum_carriers(Oid type)
{
	List	   *carriers = list_make1_oid(type);
	ListCell   *cell;

	/* the list grows while it is walked */
	foreach(cell, carriers)
	{
		Oid			part = lfirst_oid(cell);
		List	   *candidates = dependents(part);
		ListCell   *inner;

		foreach(inner, candidates)
		{
			ObjectAddress *candidate = lfirst(inner);
			Oid			carrier = InvalidOid;

			if (candidate->classId == RelationRelationId)
			{
				if (column_of_type(candidate, part))
					carrier = get_rel_type_id(candidate->objectId);
			}
			else if (made_of(candidate->objectId, part))
				carrier = candidate->objectId;
			if (OidIsValid(carrier))
				carriers = list_append_unique_oid(carriers, carrier);
		}
	}
	return carriers;
}

/* What a relation's column is to the room, or NULL if it is no place for values. */
static EnumColumn *
describe_column(const ObjectAddress *column, Oid carrier, Oid type, bool views)
{
	HeapTuple	att = column_of_type(column, carrier);
	HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(column->objectId));
	EnumColumn *result = NULL;

	if (HeapTupleIsValid(att) && HeapTupleIsValid(tup))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tup);

		if (form->relkind == RELKIND_RELATION || form->relkind == RELKIND_PARTITIONED_TABLE ||
			form->relkind == RELKIND_MATVIEW || form->relkind == RELKIND_FOREIGN_TABLE ||
			(views && form->relkind == RELKIND_VIEW))
		{
			result = palloc0(sizeof(EnumColumn));
			result->relid = column->objectId;
			result->attnum = column->objectSubId;
			result->name = pstrdup(NameStr(((Form_pg_attribute) GETSTRUCT(att))->attname));
			result->type = carrier;
			result->relkind = form->relkind;
			result->plain = getBaseType(carrier) == type;
			result->other_temp = form->relpersistence == RELPERSISTENCE_TEMP &&
				isOtherTempNamespace(form->relnamespace);
		}
	}
	if (HeapTupleIsValid(tup))
		ReleaseSysCache(tup);
	return result;
}

/* Orders columns by table and number. */
static int
compare_columns(const ListCell *a, const ListCell *b)
{
	const EnumColumn *left = lfirst(a);
	const EnumColumn *right = lfirst(b);

	if (left->relid != right->relid)
		return left->relid < right->relid ? -1 : 1;
	return left->attnum - right->attnum;
}

/*
 * enum_columns
 *		The columns, as EnumColumn, that can contain values of the type: of
 *		tables, partitioned or not, of materialized views and foreign tables,
 *		and of views if these are asked for.
 *
 * Ordered by table and number, palloc'd.  No lock is taken, no error raised.
 */
List *
enum_columns(Oid type, bool views)
{
	List	   *result = NIL;
	List	   *carriers = enum_carriers(type);
	ListCell   *cell;

	foreach(cell, carriers)
	{
		List	   *candidates = dependents(lfirst_oid(cell));
		ListCell   *inner;

		foreach(inner, candidates)
		{
			ObjectAddress *candidate = lfirst(inner);
			EnumColumn *column = NULL;

			if (candidate->classId == RelationRelationId)
				column = describe_column(candidate, lfirst_oid(cell), type, views);
			if (column)
				result = lappend(result, column);
		}
	}
	list_sort(result, compare_columns);
	return result;
}
