/*
 * labels.c
 *	  The values of one enum type: which there are, and who may change them.
 *
 * Values whose labels begin with a prefix of this extension are retired, or are
 * on their way to another place in the order.  The label alone tells that, so
 * that it outlives a dump.
 *
 * Reading takes no lock.  Deleting a value's row, which only its last step does
 * (drop.c), locks the type against other changes of its values, as ALTER TYPE
 * does, and nothing that uses it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "catalog.h"
#include "compat.h"
#include "enums/enums.h"

PG_FUNCTION_INFO_V1(enum_values_sql);

static bool
has_prefix(const char *label, const char *prefix)
{
	return strncmp(label, prefix, strlen(prefix)) == 0;
}

/*
 * enum_values
 *		The values of the type, as EnumValue, in their order.
 *
 * Read from the catalog as it is now, palloc'd; no lock, no error.
 */
List *
enum_values(Oid type)
{
	List	   *result = NIL;
	Relation	catalog = table_open(EnumRelationId, AccessShareLock);
	Relation	index = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tup;

	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(type));
	scan = systable_beginscan_ordered(catalog, index, NULL, 1, &key);
	while (HeapTupleIsValid(tup = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		Form_pg_enum form = (Form_pg_enum) GETSTRUCT(tup);
		EnumValue  *value = palloc(sizeof(EnumValue));

		value->oid = form->oid;
		value->order = form->enumsortorder;
		value->label = pstrdup(NameStr(form->enumlabel));
		value->retired = has_prefix(value->label, RETIRED_PREFIX);
		value->moving = has_prefix(value->label, MOVING_PREFIX);
		result = lappend(result, value);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(catalog, AccessShareLock);
	return result;
}

/* The value with that label among those, or NULL. */
static EnumValue *
value_labelled(List *values, const char *label)
{
	ListCell   *cell;

	foreach(cell, values)
	{
		EnumValue  *value = lfirst(cell);

		if (strcmp(value->label, label) == 0)
			return value;
	}
	return NULL;
}

/*
 * refuse_label
 *		An error (22023) for a label that none of the values has, with the one
 *		nearest to it that users can write.
 */
void
refuse_label(Oid type, List *values, const char *label)
{
	List	   *labels = NIL;
	const char *nearest;
	ListCell   *cell;

	foreach(cell, values)
	{
		EnumValue  *value = lfirst(cell);

		if (!value->retired && !value->moving)
			labels = lappend(labels, value->label);
	}
	nearest = nearest_name(labels, label);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("enum %s has no value \"%s\"", format_type_be(type), label),
			 nearest ? errhint("Perhaps you meant the value \"%s\".", nearest) : 0));
}

/*
 * enum_value
 *		The type's value with that label, as it is in the catalog now.
 *
 * Palloc'd.  If there is none: NULL if missing_ok, else an error (22023).
 */
EnumValue *
enum_value(Oid type, const char *label, bool missing_ok)
{
	List	   *values = enum_values(type);
	EnumValue  *value = value_labelled(values, label);

	if (value == NULL && !missing_ok)
		refuse_label(type, values, label);
	return value;
}

/* A label PREFIX:N:LABEL that the type does not have, N being the smallest number from there on that is free. */
static char *
reserved_label(Oid type, const char *prefix, const char *label, int from)
{
	List	   *values = enum_values(type);

	for (int n = from;; n++)
	{
		char	   *numbered = psprintf("%s%d:", prefix, n);
		bool		taken = false;
		ListCell   *cell;
		int			room;

		foreach(cell, values)
			taken |= has_prefix(((EnumValue *) lfirst(cell))->label, numbered);
		if (taken)
			continue;
		room = NAMEDATALEN - 1 - strlen(numbered);
		return psprintf("%s%.*s", numbered, pg_mbcliplen(label, strlen(label), room), label);
	}
}

/*
 * retired_label, moving_label
 *		A reserved label for a value, one that the type does not have: the
 *		label itself is cut so that it fits.  Palloc'd.
 */
char *
retired_label(Oid type, const char *label)
{
	return reserved_label(type, RETIRED_PREFIX, label, 1);
}

/*
 * next_retired_label
 *		The same with a greater number than the one that the value has.
 */
char *
next_retired_label(Oid type, const char *retired, const char *label)
{
	return reserved_label(type, RETIRED_PREFIX, label, atoi(retired + strlen(RETIRED_PREFIX)) + 1);
}

char *
moving_label(Oid type, const char *label)
{
	return reserved_label(type, MOVING_PREFIX, label, 1);
}

/*
 * require_free_label
 *		An error if a user may not name a value so: 22004 for NULL, 42939 for
 *		the names that are this extension's own.
 */
void
require_free_label(const char *argument, const char *label)
{
	if (label == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", argument)));
	if (has_prefix(label, RETIRED_PREFIX) || has_prefix(label, MOVING_PREFIX))
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("the label \"%s\" is reserved", label),
				 errdetail("Labels that begin with \"%s\" or \"%s\" belong to values that are being removed or moved.",
						   RETIRED_PREFIX, MOVING_PREFIX)));
}

/*
 * require_enum
 *		An error if the type is not an enum: 42809, or 42704 if there is none.
 */
void
require_enum(Oid type)
{
	char		kind = get_typtype(type);

	if (kind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type with OID %u does not exist", type)));
	if (kind != TYPTYPE_ENUM)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is not an enum", format_type_be(type)),
				 kind == TYPTYPE_DOMAIN && get_typtype(getBaseType(type)) == TYPTYPE_ENUM ?
				 errhint("It is a domain over the enum %s.", format_type_be(getBaseType(type))) : 0));
}

/*
 * require_enum_owner
 *		An error unless the type is an enum whose values the caller may change:
 *		the owner or a superuser, and not a type of the system or of an
 *		extension.  42809, 42704, 42501, 2BP01.
 */
void
require_enum_owner(Oid type)
{
	Oid			extension;
	HeapTuple	tup;

	require_enum(type);
	if (!compat_owns_type(type))
		aclcheck_error_type(ACLCHECK_NOT_OWNER, type);
	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for type %u", type);
	if (type < FirstNormalObjectId ||
		((Form_pg_type) GETSTRUCT(tup))->typnamespace == PG_CATALOG_NAMESPACE)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied: %s is a system type", format_type_be(type))));
	ReleaseSysCache(tup);
	extension = getExtensionOfObject(TypeRelationId, type);
	if (OidIsValid(extension))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("the values of %s cannot be changed because extension %s requires it",
						format_type_be(type), get_extension_name(extension))));
}

/*
 * enum_type_sql
 *		The type's name, quoted and schema-qualified, palloc'd.
 */
char *
enum_type_sql(Oid type)
{
	return type_sql(type, -1);
}

/*
 * delete_enum_value
 *		Deletes the value's row in pg_enum, whatever still holds it.
 *
 * Locks the type against other changes of its values, as ALTER TYPE does,
 * until the transaction ends.  Standbys cancel what could still see rows that
 * held it.  An error if the type has no such value.
 */
void
delete_enum_value(Oid type, Oid value)
{
	Relation	catalog;
	HeapTuple	tup;

	LockDatabaseObject(TypeRelationId, type, 0, ExclusiveLock);
	catalog = table_open(EnumRelationId, RowExclusiveLock);
	tup = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	if (!HeapTupleIsValid(tup) || ((Form_pg_enum) GETSTRUCT(tup))->enumtypid != type)
		elog(ERROR, "enum %s has no value with OID %u", format_type_be(type), value);
	cancel_on_standbys();
	CatalogTupleDelete(catalog, &tup->t_self);
	ReleaseSysCache(tup);
	table_close(catalog, RowExclusiveLock);
	CommandCounterIncrement();
}

/* Numbers the values anew, in the order of the list and from above the present numbers; the type is locked. */
static void
renumber_values(List *values)
{
	float4		next = 0;
	Relation	catalog = table_open(EnumRelationId, RowExclusiveLock);
	ListCell   *cell;

	foreach(cell, values)
		next = Max(next, ((EnumValue *) lfirst(cell))->order);
	foreach(cell, values)
	{
		HeapTuple	tup = SearchSysCacheCopy1(ENUMOID, ObjectIdGetDatum(((EnumValue *) lfirst(cell))->oid));

		if (!HeapTupleIsValid(tup))
			elog(ERROR, "cache lookup failed for enum value %u", ((EnumValue *) lfirst(cell))->oid);
		next += 1;
		((Form_pg_enum) GETSTRUCT(tup))->enumsortorder = next;
		CatalogTupleUpdate(catalog, &tup->t_self, tup);
		CommandCounterIncrement();
	}
	table_close(catalog, RowExclusiveLock);
}

/* list_sort callback, by OID. */
static int
compare_oids(const ListCell *a, const ListCell *b)
{
	Oid			left = ((EnumValue *) lfirst(a))->oid;
	Oid			right = ((EnumValue *) lfirst(b))->oid;

	return left < right ? -1 : left > right;
}

/*
 * sort_even_values
 *		Puts the values with even OIDs, among their places in the order, in
 *		that of their OIDs, which they compare as whatever pg_enum says.
 *
 * Locks the type against other changes of its values until the transaction
 * ends.
 */
void
sort_even_values(Oid type)
{
	List	   *values;
	List	   *even = NIL;
	ListCell   *cell;
	int			next = 0;

	LockDatabaseObject(TypeRelationId, type, 0, ExclusiveLock);
	values = enum_values(type);
	foreach(cell, values)
	{
		if (((EnumValue *) lfirst(cell))->oid % 2 == 0)
			even = lappend(even, lfirst(cell));
	}
	list_sort(even, compare_oids);
	foreach(cell, values)
	{
		if (((EnumValue *) lfirst(cell))->oid % 2 == 0)
			lfirst(cell) = list_nth(even, next++);
	}
	renumber_values(values);
}

/* A number behind the first so many values of the list and before the others; *fits is false if there is none left. */
static float4
order_behind(List *values, int count, bool *fits)
{
	EnumValue  *before = count > 0 ? list_nth(values, count - 1) : NULL;
	EnumValue  *after = count < list_length(values) ? list_nth(values, count) : NULL;
	float4		result;

	if (before && after)
		result = before->order + (after->order - before->order) / 2;
	else
		result = before ? before->order + 1 : after ? after->order - 1 : 1;
	*fits = (before == NULL || result > before->order) && (after == NULL || result < after->order);
	return result;
}

/* Would an OID, there in the list, be where its number belongs?  Even ones are compared as numbers. */
static bool
is_place_of(List *values, int count, Oid value)
{
	ListCell   *cell;

	foreach(cell, values)
	{
		Oid			other = ((EnumValue *) lfirst(cell))->oid;

		if (value % 2 == 0 && other % 2 == 0 && (other < value) != (foreach_current_index(cell) < count))
			return false;
	}
	return true;
}

/* How many values a new one with that OID stands behind: where it is wanted, if it can be there. */
static int
place_of(List *values, Oid value, Oid behind, Oid before)
{
	int			place = list_length(values);
	ListCell   *cell;

	foreach(cell, values)
	{
		Oid			other = ((EnumValue *) lfirst(cell))->oid;

		if (other == behind)
			place = foreach_current_index(cell) + 1;
		else if (other == before)
			place = foreach_current_index(cell);
	}
	while (place > 0 && !is_place_of(values, place, value))
		place--;
	if (is_place_of(values, place, value))
		return place;
	for (place = list_length(values); place > 0 && !is_place_of(values, place, value);)
		place--;
	return place;
}

/*
 * insert_enum_value
 *		Gives a value back its row in pg_enum, after somebody has deleted that:
 *		behind one of the others, or before one, or at the end, but a value
 *		with an even OID never elsewhere than its OID says.
 *
 * Locks the type against other changes of its values until the transaction
 * ends.  Nothing has the OID, and the type not the label, or it is an error.
 */
void
insert_enum_value(Oid type, Oid value, const char *label, Oid behind, Oid before)
{
	List	   *others;
	Relation	catalog;
	Datum		values[Natts_pg_enum];
	bool		nulls[Natts_pg_enum] = {0};
	NameData	name;
	float4		order;
	bool		fits;

	LockDatabaseObject(TypeRelationId, type, 0, ExclusiveLock);
	others = enum_values(type);
	order = order_behind(others, place_of(others, value, behind, before), &fits);
	if (!fits)
	{
		renumber_values(others);
		others = enum_values(type);
		order = order_behind(others, place_of(others, value, behind, before), &fits);
	}
	catalog = table_open(EnumRelationId, RowExclusiveLock);
	namestrcpy(&name, label);
	values[Anum_pg_enum_oid - 1] = ObjectIdGetDatum(value);
	values[Anum_pg_enum_enumtypid - 1] = ObjectIdGetDatum(type);
	values[Anum_pg_enum_enumsortorder - 1] = Float4GetDatum(order);
	values[Anum_pg_enum_enumlabel - 1] = NameGetDatum(&name);
	CatalogTupleInsert(catalog, heap_form_tuple(RelationGetDescr(catalog), values, nulls));
	table_close(catalog, RowExclusiveLock);
	CommandCounterIncrement();
}

/* --- for SQL -------------------------------------------------------------- */

/*
 * more.enum_values(type regtype)
 *		returns TABLE (position integer, label text, state text)
 */
Datum
enum_values_sql(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			type = PG_GETARG_OID(0);
	int			position = 0;
	List	   *values;
	ListCell   *cell;

	require_enum(type);
	InitMaterializedSRF(fcinfo, 0);
	values = enum_values(type);
	foreach(cell, values)
	{
		EnumValue  *value = lfirst(cell);
		Datum		row[3];
		bool		nulls[3] = {false};

		row[0] = Int32GetDatum(++position);
		row[1] = CStringGetTextDatum(value->label);
		row[2] = CStringGetTextDatum(value->retired ? "retired" : value->moving ? "moving" : "live");
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row, nulls);
	}
	return (Datum) 0;
}
