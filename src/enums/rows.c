/*
 * rows.c
 *	  The rows that hold a value of an enum: looked at, and counted.
 *
 * Statements are the caller's, and see what the caller may see; where row
 * security would hide rows, that is an error.  They run under the caller's
 * settings, search_path among them, so all names in them are qualified, operators
 * included.  What they are made of, rows_change.c uses as well.
 *
 * Locks: ACCESS SHARE on the tables, until the caller's transaction ends.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/objectaddress.h"
#include "catalog/partition.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "catalog.h"
#include "compat.h"
#include "enums/rows_parts.h"

PG_FUNCTION_INFO_V1(enum_counts);

/*
 * policy_from_text
 *		The policy of that name; an error for any other text, and for NULL.
 */
EnumPolicy
policy_from_text(const char *text)
{
	static const char *const names[] = {
		[POLICY_PROTECT] = "protect",
		[POLICY_CASCADE] = "cascade",
		[POLICY_SET_NULL] = "set_null",
		[POLICY_SET_DEFAULT] = "set_default",
		[POLICY_SET_VALUE] = "set_value",
		[POLICY_KEEP] = "keep",
	};

	for (int i = 0; text && i < lengthof(names); i++)
	{
		if (strcmp(names[i], text) == 0)
			return (EnumPolicy) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 text ? errmsg("\"%s\" is no policy for existing rows", text)
			 : errmsg("on_delete must not be null"),
			 errhint("It is protect, cascade, set_null, set_default, set_value or keep.")));
}

/* ------------------------------------------------------------------------ */
/* Statements																*/
/* ------------------------------------------------------------------------ */

/* The column, qualified with its table, for messages. */
char *
enum_column_text(EnumColumn *column)
{
	return psprintf("%s.%s", qualified_name(column->relid), quote_identifier(column->name));
}

/* May the current user do one of these to the table, or to columns of it? */
bool
has_rights(Oid relid, AclMode mode)
{
	return pg_class_aclcheck(relid, GetUserId(), mode) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(relid, GetUserId(), mode, ACLMASK_ANY) == ACLCHECK_OK;
}

/*
 * hold_table
 *		Lock a table for somebody who has one of these rights to it, or to the
 *		topmost table that it is a partition of; an error for others, whether or
 *		not the lock can be had.  False, and no lock, if the table is gone.
 */
bool
hold_table(Oid relid, LOCKMODE mode, AclMode rights)
{
	/* others must not make anybody queue behind them; and rights can go while we wait */
	for (int locked = 0; locked < 2; locked++)
	{
		if (locked)
			LockRelationOid(relid, mode);
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		{
			if (locked)
				UnlockRelationOid(relid, mode);
			return false;
		}
		if (!has_rights(relid, rights) && !has_rights(root_table(relid), rights))
			aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
	}
	return true;
}

/*
 * Lock a table that was found some time ago.  False, and no lock, if it is gone,
 * or its column is no longer what it was: whoever looks again finds out.
 */
bool
hold_column(EnumColumn *column, LOCKMODE mode)
{
	HeapTuple	tup;
	bool		result;

	if (!hold_table(column->relid, mode, mode == AccessShareLock ? ACL_SELECT : ACL_UPDATE | ACL_DELETE))
		return false;
	tup = SearchSysCacheAttNum(column->relid, column->attnum);
	result = HeapTupleIsValid(tup) && ((Form_pg_attribute) GETSTRUCT(tup))->atttypid == column->type;
	if (!result)
		UnlockRelationOid(column->relid, mode);
	else if (strcmp(column->name, NameStr(((Form_pg_attribute) GETSTRUCT(tup))->attname)) != 0)
		column->name = pstrdup(NameStr(((Form_pg_attribute) GETSTRUCT(tup))->attname));
	if (HeapTupleIsValid(tup))
		ReleaseSysCache(tup);
	return result;
}

/*
 * require_all_rows
 *		An error if row security may hide rows of the table from the caller.
 */
void
require_all_rows(Oid relid)
{
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row security of table %s may hide rows that hold the value", qualified_name(relid)),
				 errhint("Change the type as the table's owner, or as a role with BYPASSRLS.")));
}

/* What must hold for a row that has the value. */
char *
batch_holds_sql(Batch *batch)
{
	EnumColumn *column = batch->column;
	const char *name = quote_identifier(column->name);

	if (column->plain && column->type != batch->type)
		return psprintf("t.%s::%s OPERATOR(pg_catalog.=) " OLD_SQL, name, type_sql(batch->type, -1));
	if (column->plain)
		return psprintf("t.%s OPERATOR(pg_catalog.=) " OLD_SQL, name);
	return psprintf("more._enum_holds(t.%s, " OLD_SQL ")", name);
}

/* The table as an item of FROM, or the target of a change. */
char *
batch_from_sql(Batch *batch, bool root)
{
	if (root)
		return psprintf("%s AS t", qualified_name(batch->root));
	return psprintf("ONLY %s AS t", qualified_name(batch->column->relid));
}

/* ... and the condition under which it is a row of just this table. */
const char *
batch_leaf_sql(Batch *batch, bool root)
{
	return root && batch->root != batch->column->relid ?
		" AND t.tableoid OPERATOR(pg_catalog.=) " LEAF_SQL : "";
}

void
batch_bind(Batch *batch, int arg, Oid type, Datum value, bool isnull)
{
	batch->types[arg] = type;
	batch->values[arg] = value;
	batch->nulls[arg] = isnull ? 'n' : ' ';
}

/* A batch that can look at rows.  The table is locked. */
void
batch_begin(Batch *batch, EnumColumn *column, Oid type, Oid old_oid)
{
	memset(batch, 0, sizeof(Batch));
	batch->column = column;
	batch->type = type;
	batch->root = column->relid;
	if (get_rel_relispartition(column->relid))
		batch->root = llast_oid(get_partition_ancestors(column->relid));
	/* often only the root has been granted to anybody */
	batch->read_root = !has_rights(column->relid, ACL_SELECT) && has_rights(batch->root, ACL_SELECT);
	batch_bind(batch, ARG_OLD, type, ObjectIdGetDatum(old_oid), false);
	batch_bind(batch, ARG_NEW, type, (Datum) 0, true);
	batch_bind(batch, ARG_TIDS, TIDARRAYOID, (Datum) 0, true);
	batch_bind(batch, ARG_FROM, TIDOID, (Datum) 0, true);
	batch_bind(batch, ARG_LEAF, OIDOID, ObjectIdGetDatum(column->relid), false);
	batch_bind(batch, ARG_KEY, TEXTARRAYOID, (Datum) 0, true);
	batch_bind(batch, ARG_LIMIT, INT8OID, (Datum) 0, true);
	require_all_rows(batch->read_root ? batch->root : column->relid);
}

/* Run a statement of the batch; SPI is connected. */
uint64
batch_run(Batch *batch, const char *sql, int64 limit)
{
	int			result = SPI_execute_with_args(sql, NARGS, batch->types, batch->values, batch->nulls,
											   false, limit);

	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/* ------------------------------------------------------------------------ */
/* Counting																	*/
/* ------------------------------------------------------------------------ */

/* Can the relation hold rows of its own that we may read? */
static bool
is_readable(EnumColumn *column)
{
	if (column->other_temp || column->relkind == RELKIND_FOREIGN_TABLE || column->relkind == RELKIND_VIEW)
		return false;
	return true;
}

/* Has it rows at all?  A partitioned table has none, a view may not have been filled. */
static bool
has_rows(EnumColumn *column)
{
	Relation	rel;
	bool		result;

	if (column->relkind == RELKIND_PARTITIONED_TABLE)
		return false;
	rel = table_open(column->relid, NoLock);
	result = RelationIsPopulated(rel);
	table_close(rel, NoLock);
	return result;
}

/* The number that a count returned. */
int64
batch_count_at(int row, int column)
{
	bool		isnull;

	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull));
}

/*
 * count_rows
 *		How many rows of the table itself hold the value in that column, as one
 *		statement of the caller's sees it; -1 where that cannot be known: of
 *		foreign tables, and of other sessions' temporary ones.
 *
 * Locks the table ACCESS SHARE until the transaction ends; a table that is gone
 * holds nothing.  Raises errors where the caller may not read it.
 */
int64
count_rows(EnumColumn *column, Oid type, Oid value)
{
	Batch		batch;
	int64		result = 0;

	if (!is_readable(column))
		return -1;
	if (!hold_column(column, AccessShareLock) || !has_rows(column))
		return 0;
	SPI_connect();
	batch_begin(&batch, column, type, value);
	batch_run(&batch, psprintf("SELECT pg_catalog.count(*) FROM %s WHERE %s%s", batch_from_sql(&batch, batch.read_root),
						 batch_holds_sql(&batch), batch_leaf_sql(&batch, batch.read_root)), 0);
	result = batch_count_at(0, 1);
	SPI_finish();
	return result;
}

/*
 * holds_any
 *		Whether any row of the table itself holds the value in that column, as
 *		one statement of the caller's sees it.  Otherwise as count_rows().
 */
bool
holds_any(EnumColumn *column, Oid type, Oid value)
{
	Batch		batch;
	bool		result;

	if (!is_readable(column) || !hold_column(column, AccessShareLock) || !has_rows(column))
		return false;
	SPI_connect();
	batch_begin(&batch, column, type, value);
	result = batch_run(&batch, psprintf("SELECT 1 FROM %s WHERE %s%s LIMIT 1", batch_from_sql(&batch, batch.read_root),
								  batch_holds_sql(&batch), batch_leaf_sql(&batch, batch.read_root)), 1) > 0;
	SPI_finish();
	return result;
}

/* The values' places in the list, by OID; -1 for one that is not there. */
static int
value_place(List *values, Oid oid)
{
	ListCell   *cell;

	foreach(cell, values)
	{
		if (((EnumValue *) lfirst(cell))->oid == oid)
			return foreach_current_index(cell);
	}
	return -1;
}

/* All values of a column that is the enum itself, in one pass. */
static void
count_plain(Batch *batch, List *values, int64 *counts)
{
	const char *name = quote_identifier(batch->column->name);

	batch_run(batch, psprintf("SELECT t.%s, pg_catalog.count(*) FROM %s WHERE t.%s IS NOT NULL%s GROUP BY 1", name,
						batch_from_sql(batch, batch->read_root), name, batch_leaf_sql(batch, batch->read_root)), 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Oid			oid = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		int			place = value_place(values, oid);

		if (place >= 0)
			counts[place] = batch_count_at(i, 2);
	}
}

/* All values that a column contains, in a pass for each thousand of them. */
static void
count_contained(Batch *batch, List *values, int64 *counts)
{
	for (int from = 0; from < list_length(values); from += 1000)
	{
		int			n = Min(1000, list_length(values) - from);
		Datum	   *oids = palloc(sizeof(Datum) * n);
		StringInfoData sql;

		initStringInfo(&sql);
		for (int i = 0; i < n; i++)
		{
			oids[i] = ObjectIdGetDatum(((EnumValue *) list_nth(values, from + i))->oid);
			appendStringInfo(&sql, "%s pg_catalog.count(*) FILTER (WHERE more._enum_holds(t.%s, ($1)[%d]))",
							 i == 0 ? "SELECT" : ",", quote_identifier(batch->column->name), i + 1);
		}
		appendStringInfo(&sql, " FROM %s WHERE true%s", batch_from_sql(batch, batch->read_root),
						 batch_leaf_sql(batch, batch->read_root));
		batch_bind(batch, ARG_OLD, get_array_type(batch->type),
			 PointerGetDatum(construct_array(oids, n, batch->type, sizeof(Oid), true, TYPALIGN_INT)), false);
		batch_run(batch, sql.data, 0);
		for (int i = 0; i < n; i++)
			counts[from + i] = batch_count_at(0, i + 1);
	}
}

/*
 * count_values
 *		How many rows of the table itself hold each of the values (EnumValue) in
 *		the column, as count_rows(); false where they cannot be known.
 *
 * counts has room for all of them, and begins with zeroes.
 */
bool
count_values(EnumColumn *column, Oid type, List *values, int64 *counts)
{
	Batch		batch;

	if (!is_readable(column))
		return false;
	if (!hold_column(column, AccessShareLock) || !has_rows(column))
		return true;
	SPI_connect();
	batch_begin(&batch, column, type, InvalidOid);
	if (column->plain)
		count_plain(&batch, values, counts);
	else
		count_contained(&batch, values, counts);
	SPI_finish();
	return true;
}

/*
 * more.enum_counts(type regtype, label text DEFAULT NULL)
 *		-> ("table" regclass, "column" text, label text, rows bigint)
 *
 * Rows of each table and column that hold each of the values, or the one named;
 * NULL where it cannot be known.  Partitions each on their own.
 */
Datum
enum_counts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			type;
	List	   *values;
	ListCell   *cell;
	int64	   *counts;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		PG_RETURN_VOID();
	type = PG_GETARG_OID(0);
	require_enum(type);
	values = PG_ARGISNULL(1) ? enum_values(type) :
		list_make1(enum_value(type, text_to_cstring(PG_GETARG_TEXT_PP(1)), false));
	counts = palloc(sizeof(int64) * Max(list_length(values), 1));
	foreach(cell, enum_columns(type, false))
	{
		EnumColumn *column = lfirst(cell);
		ListCell   *inner;
		bool		known;

		if (column->relkind == RELKIND_PARTITIONED_TABLE)
			continue;
		memset(counts, 0, sizeof(int64) * list_length(values));
		if (PG_ARGISNULL(1))
			known = count_values(column, type, values, counts);
		else
		{
			counts[0] = count_rows(column, type, ((EnumValue *) linitial(values))->oid);
			known = counts[0] >= 0;
		}
		foreach(inner, values)
		{
			Datum		row[4];
			bool		nulls[4] = {false, false, false, !known};

			row[0] = ObjectIdGetDatum(column->relid);
			row[1] = CStringGetTextDatum(column->name);
			row[2] = CStringGetTextDatum(((EnumValue *) lfirst(inner))->label);
			row[3] = Int64GetDatum(counts[foreach_current_index(inner)]);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row, nulls);
		}
	}
	PG_RETURN_VOID();
}
