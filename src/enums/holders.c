/*
 * holders.c
 *	  What may hold an enum's value besides rows and expressions: indexes,
 *	  statistics, and the missing value of a column that was added with a default.
 *
 * Each is looked at for any value that passes a test, so that the same looks
 * serve to retire one value and to find values that are gone (check.c).
 *
 * Where a value has been replaced by another one in all rows, and a column's
 * statistics have it among the most common values and nowhere else, they tell
 * what they would tell after ANALYZE if the other value gets its share: so that
 * is what they are made to say.  Other statistics that hold a value are made
 * anew by ANALYZE, which the caller may not be allowed to run, and which leaves
 * them alone where a table is empty.  Then they are taken away, and autovacuum
 * makes new ones.  Nobody can type in a retired value, so a plan does without
 * them no worse than with them.
 *
 * The missing value of a column stands in for it in rows that are older than
 * the column.  Once the value has been migrated no such row is left: it read as
 * the value, and was written anew, with all its columns.  So it is only taken
 * out of the catalog, and the table is not rewritten.
 *
 * Locks: ACCESS SHARE on what is looked at; SHARE UPDATE EXCLUSIVE on a table
 * whose statistics or missing value are changed.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/heap.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "statistics/extended_stats_internal.h"
#include "statistics/statistics.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/enums.h"

/* The test for one value. */
static bool
is_value(Oid value, void *arg)
{
	return value == *(Oid *) arg;
}

/* --- indexes ------------------------------------------------------------------ */

/* OIDs as an array. */
static Datum
oid_array(List *oids)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(list_length(oids), 1));
	ListCell   *cell;

	foreach(cell, oids)
		values[foreach_current_index(cell)] = ObjectIdGetDatum(lfirst_oid(cell));
	return PointerGetDatum(construct_array(values, list_length(oids), OIDOID, sizeof(Oid), true, TYPALIGN_INT));
}

/*
 * enum_indexes
 *		The indexes, as OIDs, whose keys can contain values of the enum: those
 *		with a column or an attribute of such a type, or with an expression that
 *		the access method may store in another form.
 *
 * Neither those of partitioned tables, which hold nothing, nor those that
 * nothing is inserted into.
 */
List *
enum_indexes(Oid type)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {oid_array(enum_carriers(type))};
	List	   *result = NIL;

	SPI_connect();
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_execute_with_args("SELECT i.indexrelid "
						  "FROM pg_catalog.pg_index AS i "
						  "JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid "
						  "JOIN pg_catalog.pg_am AS m ON m.oid OPERATOR(pg_catalog.=) c.relam "
						  "WHERE c.relkind OPERATOR(pg_catalog.=) 'i' AND i.indisready AND ("
						  "EXISTS (SELECT FROM pg_catalog.pg_attribute AS a "
						  "WHERE a.attrelid OPERATOR(pg_catalog.=) i.indexrelid AND a.atttypid OPERATOR(pg_catalog.=) ANY ($1)) OR "
						  "EXISTS (SELECT FROM pg_catalog.pg_attribute AS a "
						  "WHERE a.attrelid OPERATOR(pg_catalog.=) i.indrelid AND a.atttypid OPERATOR(pg_catalog.=) ANY ($1) "
						  "AND a.attnum OPERATOR(pg_catalog.=) ANY (i.indkey)) OR "
						  "(i.indexprs IS NOT NULL AND m.amname OPERATOR(pg_catalog.<>) ALL ('{btree,hash}'))) "
						  "ORDER BY i.indrelid, i.indexrelid",
						  1, types, values, NULL, true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Oid			index = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend_oid(result, index);
		MemoryContextSwitchTo(old);
	}
	PopActiveSnapshot();
	SPI_finish();
	return result;
}

/*
 * indexes_holding
 *		The indexes, as OIDs, that hold the value; unless sure, also those that
 *		may, because they cannot be looked into.
 *
 * Whoever rebuilds indexes until none is left has to be sure, but for the first
 * time.
 */
List *
indexes_holding(Oid type, Oid value, bool sure)
{
	List	   *result = NIL;
	List	   *indexes = enum_indexes(type);
	ListCell   *cell;

	foreach(cell, indexes)
	{
		bool		known;

		if (index_any(lfirst_oid(cell), type, is_value, &value, &known) && (known || !sure))
			result = lappend_oid(result, lfirst_oid(cell));
	}
	return result;
}

/* --- statistics ------------------------------------------------------------------ */

/* Is one among the elements of an array of any type? */
static bool
array_any(ArrayType *array, Oid type, EnumValueTest test, void *arg)
{
	struct Shape *shape = value_shape(ARR_ELEMTYPE(array), type);
	ArrayIterator iterator;
	Datum		value;
	bool		isnull;
	bool		found = false;

	if (shape == NULL)
		return false;
	iterator = array_create_iterator(array, 0, NULL);
	while (!found && array_iterate(iterator, &value, &isnull))
		found = !isnull && value_any(shape, value, test, arg);
	array_free_iterator(iterator);
	return found;
}

/* Is one in a row of pg_statistic, taken apart? */
static bool
statistic_any(Datum *values, bool *nulls, Oid type, EnumValueTest test, void *arg)
{
	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		int			column = Anum_pg_statistic_stavalues1 - 1 + i;

		if (!nulls[column] && array_any(DatumGetArrayTypeP(values[column]), type, test, arg))
			return true;
	}
	return false;
}

/* Is one in the statistics of a column? */
static bool
column_statistics_any(Oid relid, AttrNumber attnum, Oid type, EnumValueTest test, void *arg)
{
	Relation	statistic = table_open(StatisticRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key[0], Anum_pg_statistic_starelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&key[1], Anum_pg_statistic_staattnum, BTEqualStrategyNumber, F_INT2EQ, Int16GetDatum(attnum));
	scan = systable_beginscan(statistic, StatisticRelidAttnumInhIndexId, true, NULL, 2, key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[Natts_pg_statistic];
		bool		nulls[Natts_pg_statistic];

		heap_deform_tuple(tuple, RelationGetDescr(statistic), values, nulls);
		found = statistic_any(values, nulls, type, test, arg);
	}
	systable_endscan(scan);
	table_close(statistic, AccessShareLock);
	return found;
}

/* Is one in a list of most common combinations? */
static bool
mcv_any(MCVList *list, Oid type, EnumValueTest test, void *arg)
{
	for (int i = 0; i < list->ndimensions; i++)
	{
		struct Shape *shape = value_shape(list->types[i], type);

		for (uint32 j = 0; shape && j < list->nitems; j++)
		{
			if (!list->items[j].isnull[i] && value_any(shape, list->items[j].values[i], test, arg))
				return true;
		}
	}
	return false;
}

/* Is one in the statistics of expressions, an array of rows of pg_statistic? */
static bool
expressions_any(ArrayType *array, Oid type, EnumValueTest test, void *arg)
{
	Relation	statistic = table_open(StatisticRelationId, AccessShareLock);
	ArrayIterator iterator = array_create_iterator(array, 0, NULL);
	Datum		value;
	bool		isnull;
	bool		found = false;

	while (!found && array_iterate(iterator, &value, &isnull))
	{
		Datum		values[Natts_pg_statistic];
		bool		nulls[Natts_pg_statistic];
		HeapTupleData tuple;

		if (isnull)
			continue;
		tuple.t_data = DatumGetHeapTupleHeader(value);
		tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
		heap_deform_tuple(&tuple, RelationGetDescr(statistic), values, nulls);
		found = statistic_any(values, nulls, type, test, arg);
	}
	array_free_iterator(iterator);
	table_close(statistic, AccessShareLock);
	return found;
}

/* Is one in a row of pg_statistic_ext_data? */
static bool
extended_any(HeapTuple tuple, TupleDesc desc, Oid type, EnumValueTest test, void *arg)
{
	Datum		value;
	bool		isnull;

	value = heap_getattr(tuple, Anum_pg_statistic_ext_data_stxdmcv, desc, &isnull);
	if (!isnull && mcv_any(statext_mcv_deserialize(DatumGetByteaP(value)), type, test, arg))
		return true;
	value = heap_getattr(tuple, Anum_pg_statistic_ext_data_stxdexpr, desc, &isnull);
	return !isnull && expressions_any(DatumGetArrayTypeP(value), type, test, arg);
}

/* A column, or an index's or statistics object's, to be named. */
static EnumColumn *
make_column(Oid relid, AttrNumber attnum, Oid type, char relkind, char *name)
{
	EnumColumn *column = palloc0(sizeof(EnumColumn));

	column->relid = relid;
	column->attnum = attnum;
	column->type = type;
	column->relkind = relkind;
	column->name = name;
	return column;
}

/* Those of columns and of indexes' expressions. */
static List *
column_statistics(Oid type, EnumValueTest test, void *arg)
{
	List	   *result = NIL;
	List	   *columns = enum_columns(type, false);
	List	   *indexes = enum_indexes(type);
	ListCell   *cell;

	foreach(cell, columns)
	{
		EnumColumn *column = lfirst(cell);

		if (column_statistics_any(column->relid, column->attnum, type, test, arg))
			result = lappend(result, column);
	}
	foreach(cell, indexes)
	{
		Oid			index = lfirst_oid(cell);
		char	   *name;

		for (AttrNumber i = 1; (name = get_attname(index, i, true)) != NULL; i++)
		{
			if (column_statistics_any(index, i, type, test, arg))
				result = lappend(result, make_column(index, i, get_atttype(index, i), RELKIND_INDEX, name));
		}
	}
	return result;
}

/* The extended statistics: relid is the table's, the name that of the statistics. */
static List *
extended_statistics(Oid type, EnumValueTest test, void *arg)
{
	Relation	data = table_open(StatisticExtDataRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(data, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	List	   *result = NIL;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_statistic_ext_data form = (Form_pg_statistic_ext_data) GETSTRUCT(tuple);
		HeapTuple	object;

		if (!extended_any(tuple, RelationGetDescr(data), type, test, arg))
			continue;
		object = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(form->stxoid));
		if (HeapTupleIsValid(object))
		{
			Form_pg_statistic_ext statistics = (Form_pg_statistic_ext) GETSTRUCT(object);

			result = lappend(result, make_column(statistics->stxrelid, 0, InvalidOid, 0,
												 pstrdup(quote_qualified_identifier(get_namespace_name(statistics->stxnamespace),
																					NameStr(statistics->stxname)))));
			((EnumColumn *) llast(result))->statistics = form->stxoid;
			ReleaseSysCache(object);
		}
	}
	systable_endscan(scan);
	table_close(data, AccessShareLock);
	return result;
}

/*
 * statistics_any
 *		Where statistics hold a value that passes the test, as EnumColumn: a
 *		table's column, an index's, or extended statistics, with attnum 0 and
 *		the OID in statistics.
 */
List *
statistics_any(Oid type, EnumValueTest test, void *arg)
{
	return list_concat(column_statistics(type, test, arg), extended_statistics(type, test, arg));
}

/*
 * statistics_holding
 *		The same for one value.
 */
List *
statistics_holding(Oid type, Oid value)
{
	return statistics_any(type, is_value, &value);
}

/* May the caller ANALYZE it?  Asked before, since ANALYZE only warns. */
static bool
may_analyze(Oid relid)
{
	return compat_owns_relation(relid) || compat_may_maintain(relid);
}

/* The table whose statistics these are; its own, an index's or extended ones. */
static Oid
table_of(EnumColumn *column)
{
	return column->relkind == RELKIND_INDEX ? IndexGetRelation(column->relid, true) : column->relid;
}

/* Runs ANALYZE, of some columns or of all. */
static void
analyze(Oid relid, List *names)
{
	StringInfoData sql;
	ListCell   *cell;
	char	   *separator = " (";

	initStringInfo(&sql);
	appendStringInfo(&sql, "ANALYZE %s", qualified_name(relid));
	foreach(cell, names)
	{
		appendStringInfo(&sql, "%s%s", separator, quote_identifier(lfirst(cell)));
		separator = ", ";
	}
	if (names != NIL)
		appendStringInfoChar(&sql, ')');
	SPI_connect();
	SPI_execute(sql.data, false, 0);
	SPI_finish();
}

/* Extended statistics need all columns that they are of; ANALYZE of others warns that it cannot make them. */
static bool
has_extended_statistics(Oid relid)
{
	Relation	rel = try_table_open(relid, AccessShareLock);
	bool		result;

	if (rel == NULL)
		return false;
	result = RelationGetStatExtList(rel) != NIL;
	table_close(rel, AccessShareLock);
	return result;
}

/* One ANALYZE for each table: of the columns that it needs, or of all for an index's or extended statistics. */
static void
analyze_tables(List *holding)
{
	List	   *done = NIL;
	ListCell   *cell;

	foreach(cell, holding)
	{
		Oid			relid = table_of(lfirst(cell));
		List	   *names = NIL;
		bool		all;
		ListCell   *inner;

		if (!OidIsValid(relid) || list_member_oid(done, relid) || !may_analyze(relid))
			continue;
		done = lappend_oid(done, relid);
		all = has_extended_statistics(relid);
		foreach(inner, holding)
		{
			EnumColumn *column = lfirst(inner);

			if (table_of(column) != relid)
				continue;
			if (column->relid != relid || column->attnum == 0)
				all = true;
			else
				names = lappend(names, column->name);
		}
		analyze(relid, all ? NIL : names);
	}
}

/* Takes statistics away; under the lock that ANALYZE takes, so that none writes them meanwhile. */
static void
remove_statistics(EnumColumn *column)
{
	Oid			relid = table_of(column);
	Relation	rel = OidIsValid(relid) ? try_table_open(relid, ShareUpdateExclusiveLock) : NULL;

	if (rel == NULL)
		return;
	if (OidIsValid(column->statistics))
	{
		RemoveStatisticsDataById(column->statistics, false);
		RemoveStatisticsDataById(column->statistics, true);
	}
	else
		RemoveStatistics(column->relid, column->attnum);
	table_close(rel, NoLock);
}

/*
 * clear_statistics_any
 *		Make anew, or take away, the statistics that hold a value that passes
 *		the test.  Other sessions' temporary tables are left alone.
 */
void
clear_statistics_any(Oid type, EnumValueTest test, void *arg)
{
	List	   *holding = statistics_any(type, test, arg);
	ListCell   *cell;

	if (holding == NIL)
		return;
	analyze_tables(holding);
	CommandCounterIncrement();
	foreach(cell, statistics_any(type, test, arg))
		remove_statistics(lfirst(cell));
	CommandCounterIncrement();
}

/* The most common values of a column, with their shares, in a row of pg_statistic. */
typedef struct Common
{
	Datum	   *values;
	Datum	   *shares;
	int			count;
} Common;

/* Gives the share of one value to another; false if the value is not among them. */
static bool
hand_over(Common *common, Oid value, Oid heir)
{
	int			from = -1;
	int			to = -1;

	for (int i = 0; i < common->count; i++)
	{
		if (DatumGetObjectId(common->values[i]) == value)
			from = i;
		else if (DatumGetObjectId(common->values[i]) == heir)
			to = i;
	}
	if (from < 0)
		return false;
	if (to < 0)
		common->values[to = from] = ObjectIdGetDatum(heir);
	else
	{
		common->shares[to] = Float4GetDatum(DatumGetFloat4(common->shares[to]) + DatumGetFloat4(common->shares[from]));
		common->count--;
		for (int i = from; i < common->count; i++)
		{
			common->values[i] = common->values[i + 1];
			common->shares[i] = common->shares[i + 1];
		}
		to -= to > from;
	}
	/* the largest first */
	for (; to > 0 && DatumGetFloat4(common->shares[to - 1]) < DatumGetFloat4(common->shares[to]); to--)
	{
		Datum		other = common->values[to - 1];
		Datum		share = common->shares[to - 1];

		common->values[to - 1] = common->values[to];
		common->shares[to - 1] = common->shares[to];
		common->values[to] = other;
		common->shares[to] = share;
	}
	return true;
}

/* The one slot that holds the value, if it is that of the most common values and can be edited; -1 otherwise. */
static int
common_slot(Datum *values, bool *nulls, Oid type, Oid value)
{
	int			result = -1;

	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		ArrayType  *array;

		if (nulls[Anum_pg_statistic_stavalues1 - 1 + i])
			continue;
		array = DatumGetArrayTypeP(values[Anum_pg_statistic_stavalues1 - 1 + i]);
		if (!array_any(array, type, is_value, &value))
			continue;
		if (result >= 0 || ARR_ELEMTYPE(array) != type ||
			DatumGetInt16(values[Anum_pg_statistic_stakind1 - 1 + i]) != STATISTIC_KIND_MCV ||
			nulls[Anum_pg_statistic_stanumbers1 - 1 + i])
			return -1;
		result = i;
	}
	return result;
}

/* A row of pg_statistic after the value has gone over into its heir; NULL if that cannot be told. */
static HeapTuple
edited_statistics(HeapTuple tuple, TupleDesc desc, Oid type, Oid value, Oid heir)
{
	Datum		values[Natts_pg_statistic];
	bool		nulls[Natts_pg_statistic];
	bool		replaces[Natts_pg_statistic] = {0};
	Common		common;
	int			before;
	int			shares;
	int			slot;
	float4		distinct;

	heap_deform_tuple(tuple, desc, values, nulls);
	slot = common_slot(values, nulls, type, value);
	if (slot < 0)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(values[Anum_pg_statistic_stavalues1 - 1 + slot]), type,
					  sizeof(Oid), true, TYPALIGN_INT, &common.values, NULL, &before);
	deconstruct_array(DatumGetArrayTypeP(values[Anum_pg_statistic_stanumbers1 - 1 + slot]), FLOAT4OID,
					  sizeof(float4), true, TYPALIGN_INT, &common.shares, NULL, &shares);
	common.count = before;
	if (shares != before || !hand_over(&common, value, heir))
		return NULL;
	distinct = DatumGetFloat4(values[Anum_pg_statistic_stadistinct - 1]);
	if (common.count < before && distinct > 1)
	{
		values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum(distinct - 1);
		replaces[Anum_pg_statistic_stadistinct - 1] = true;
	}
	values[Anum_pg_statistic_stavalues1 - 1 + slot] =
		PointerGetDatum(construct_array(common.values, common.count, type, sizeof(Oid), true, TYPALIGN_INT));
	replaces[Anum_pg_statistic_stavalues1 - 1 + slot] = true;
	values[Anum_pg_statistic_stanumbers1 - 1 + slot] =
		PointerGetDatum(construct_array(common.shares, common.count, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
	replaces[Anum_pg_statistic_stanumbers1 - 1 + slot] = true;
	return heap_modify_tuple(tuple, desc, values, nulls, replaces);
}

/* Edits the statistics of a column where they can be, under the lock that ANALYZE takes. */
static void
edit_statistics(EnumColumn *column, Oid type, Oid value, Oid heir)
{
	Oid			relid = table_of(column);
	Relation	rel = OidIsValid(relid) && !OidIsValid(column->statistics) ? try_table_open(relid, ShareUpdateExclusiveLock) : NULL;
	Relation	statistic;

	if (rel == NULL)
		return;
	statistic = table_open(StatisticRelationId, RowExclusiveLock);
	for (int inherited = 0; inherited <= 1; inherited++)
	{
		HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(column->relid),
											Int16GetDatum(column->attnum), BoolGetDatum(inherited));
		HeapTuple	edited = HeapTupleIsValid(tuple) ?
			edited_statistics(tuple, RelationGetDescr(statistic), type, value, heir) : NULL;

		if (edited)
			CatalogTupleUpdate(statistic, &edited->t_self, edited);
		if (HeapTupleIsValid(tuple))
			ReleaseSysCache(tuple);
	}
	table_close(statistic, RowExclusiveLock);
	table_close(rel, NoLock);
}

/*
 * clear_statistics
 *		The same for one value.  heir is the value that has taken its place in all
 *		rows of all columns, or InvalidOid.
 */
void
clear_statistics(Oid type, Oid value, Oid heir)
{
	ListCell   *cell;

	foreach(cell, OidIsValid(heir) ? statistics_holding(type, value) : NIL)
		edit_statistics(lfirst(cell), type, value, heir);
	CommandCounterIncrement();
	clear_statistics_any(type, is_value, &value);
}

/* --- missing values ------------------------------------------------------------------ */

/* Is one in the missing value of a column?  pg_attribute's row, the current one. */
static bool
missing_value_any(HeapTuple attribute, TupleDesc desc, Oid type, EnumValueTest test, void *arg)
{
	bool		isnull;
	Datum		value = heap_getattr(attribute, Anum_pg_attribute_attmissingval, desc, &isnull);

	return !isnull && array_any(DatumGetArrayTypeP(value), type, test, arg);
}

/*
 * missing_any
 *		The columns, as EnumColumn, whose missing value holds one that passes
 *		the test.
 */
List *
missing_any(Oid type, EnumValueTest test, void *arg)
{
	Relation	attributes = table_open(AttributeRelationId, AccessShareLock);
	List	   *result = NIL;
	List	   *columns = enum_columns(type, false);
	ListCell   *cell;

	foreach(cell, columns)
	{
		EnumColumn *column = lfirst(cell);
		HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(column->relid), Int16GetDatum(column->attnum));

		if (!HeapTupleIsValid(tuple))
			continue;
		if (missing_value_any(tuple, RelationGetDescr(attributes), type, test, arg))
			result = lappend(result, column);
		ReleaseSysCache(tuple);
	}
	table_close(attributes, AccessShareLock);
	return result;
}

/*
 * missing_holds
 *		Does a column's missing value hold this one?
 */
bool
missing_holds(Oid type, Oid value)
{
	return missing_any(type, is_value, &value) != NIL;
}

/* Takes a column's missing value away. */
static void
clear_column_missing(EnumColumn *column)
{
	Relation	rel = try_table_open(column->relid, ShareUpdateExclusiveLock);
	Relation	attributes;
	HeapTuple	tuple;

	if (rel == NULL)
		return;
	attributes = table_open(AttributeRelationId, RowExclusiveLock);
	tuple = SearchSysCacheCopy2(ATTNUM, ObjectIdGetDatum(column->relid), Int16GetDatum(column->attnum));
	if (HeapTupleIsValid(tuple))
	{
		Datum		values[Natts_pg_attribute] = {0};
		bool		nulls[Natts_pg_attribute] = {0};
		bool		replaces[Natts_pg_attribute] = {0};

		values[Anum_pg_attribute_atthasmissing - 1] = BoolGetDatum(false);
		replaces[Anum_pg_attribute_atthasmissing - 1] = true;
		nulls[Anum_pg_attribute_attmissingval - 1] = true;
		replaces[Anum_pg_attribute_attmissingval - 1] = true;
		tuple = heap_modify_tuple(tuple, RelationGetDescr(attributes), values, nulls, replaces);
		CatalogTupleUpdate(attributes, &tuple->t_self, tuple);
	}
	table_close(attributes, RowExclusiveLock);
	table_close(rel, NoLock);
}

/*
 * clear_missing
 *		Take away the missing values that hold this one.
 *
 * Only when no row that anybody can see reads as the value any more: a row that
 * lacks the column would read as NULL.
 */
void
clear_missing(Oid type, Oid value)
{
	List	   *columns = missing_any(type, is_value, &value);
	ListCell   *cell;

	foreach(cell, columns)
		clear_column_missing(lfirst(cell));
	CommandCounterIncrement();
}
