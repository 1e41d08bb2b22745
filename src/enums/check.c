/*
 * check.c
 *	  Damage that edits of the catalogs have left: more.enum_check, and what
 *	  can be done about it: more.enum_repair.
 *
 * Somebody who deletes a row of pg_enum leaves its OID behind wherever it was:
 * in rows, in the keys of indexes, in stored expressions, in statistics, in
 * missing values.  Reading them fails, and so does comparing with them.  Such an
 * OID is a stray here.  Somebody who changes enumsortorder leaves values whose
 * OIDs contradict it: two even OIDs are compared as numbers, by the server, and
 * indexes were built in the order that there was.
 *
 * The repair gives each stray its row in pg_enum back, as that of a retired
 * value called "lost OID".  So rows can be read and dumped at once, and from
 * there on all the ways are open that retired values have: more.enum_restore
 * brings it back under that name, and more.enum_rename under its right one;
 * more.enum_drop removes it, with its rows, expressions and index entries, as
 * safely as any other.  The repair does the latter itself, if it is told what is
 * to become of the rows, now or in a later call.  A stray that is the OID of another enum's value cannot
 * have a row; those columns must be typed anew.
 *
 * Where a stray belongs in the order is known only from a btree that it is in;
 * others go to the end.  Indexes with strays, and all indexes of a type whose
 * order was mended, are built anew.  No session can be made to forget the order
 * that it knows, so one that is older than the damage may go on in another one;
 * more.enum_check tells when an index suffers from that.
 *
 * Locks: ACCESS SHARE to look; to repair, those of the steps of drop.c,
 * reorder.c and rebuild.c, and the lock that keeps changes of a type apart.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/drop.h"
#include "enums/enums.h"

PG_FUNCTION_INFO_V1(enum_stray);
PG_FUNCTION_INFO_V1(enum_check);
PG_FUNCTION_INFO_V1(enum_repair);

/* A kind of damage at one place. */
typedef struct Damage
{
	const char *kind;
	char	   *object;
	char	   *detail;
	bool		repairable;
	Oid			stray;			/* or InvalidOid */
	Oid			index;			/* likewise */
} Damage;

/* The values of a type, and the strays found among others. */
typedef struct Strays
{
	Oid			type;
	List	   *known;			/* OIDs */
	List	   *found;			/* OIDs */
	MemoryContext context;		/* of that list */
} Strays;

/* --- strays -------------------------------------------------------------------- */

static Strays *
look_for_strays(Oid type)
{
	Strays	   *strays = palloc0(sizeof(Strays));
	ListCell   *cell;

	strays->type = type;
	strays->context = CurrentMemoryContext;
	foreach(cell, enum_values(type))
		strays->known = lappend_oid(strays->known, ((EnumValue *) lfirst(cell))->oid);
	return strays;
}

/* Is it none of the type's values?  An EnumValueTest. */
static bool
is_stray(Oid value, void *arg)
{
	return !list_member_oid(((Strays *) arg)->known, value);
}

/* Notes a stray, and goes on.  An EnumValueTest. */
static bool
note_stray(Oid value, void *arg)
{
	Strays	   *strays = arg;

	if (is_stray(value, arg) && !list_member_oid(strays->found, value))
	{
		MemoryContext old = MemoryContextSwitchTo(strays->context);

		strays->found = lappend_oid(strays->found, value);
		MemoryContextSwitchTo(old);
	}
	return false;
}

/* The enum whose value an OID is, and its label; InvalidOid if it is nobody's. */
static Oid
owner_of_value(Oid value, char **label)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	Oid			result;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	result = ((Form_pg_enum) GETSTRUCT(tuple))->enumtypid;
	*label = pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	ReleaseSysCache(tuple);
	return result;
}

/* What a stray is, in words. */
static char *
stray_text(Oid stray)
{
	char	   *label;
	Oid			owner = owner_of_value(stray, &label);

	if (OidIsValid(owner))
		return psprintf("OID %u, which is value \"%s\" of enum %s", stray, label, format_type_be(owner));
	return psprintf("OID %u, which is no value", stray);
}

static bool
is_nobodys(Oid stray)
{
	char	   *label;

	return !OidIsValid(owner_of_value(stray, &label));
}

/*
 * more._enum_stray(value "any", type regtype) RETURNS oid
 *
 * The first OID in the value, of that enum or a type that contains it, which is
 * none of the enum's values; NULL if there is none.
 */
Datum
enum_stray(PG_FUNCTION_ARGS)
{
	typedef struct Cache
	{
		struct Shape *shape;
		Strays	   *strays;
	} Cache;
	Cache	   *cache = fcinfo->flinfo->fn_extra;
	Oid			result;

	if (cache == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		require_enum(PG_GETARG_OID(1));
		cache = palloc0(sizeof(Cache));
		cache->strays = look_for_strays(PG_GETARG_OID(1));
		cache->shape = value_shape(get_fn_expr_argtype(fcinfo->flinfo, 0), PG_GETARG_OID(1));
		fcinfo->flinfo->fn_extra = cache;
		MemoryContextSwitchTo(old);
	}
	if (cache->shape == NULL)
		PG_RETURN_NULL();
	(void) value_any(cache->shape, PG_GETARG_DATUM(0), note_stray, cache->strays);
	if (cache->strays->found == NIL)
		PG_RETURN_NULL();
	result = linitial_oid(cache->strays->found);
	list_free(cache->strays->found);
	cache->strays->found = NIL;
	PG_RETURN_OID(result);
}

/* --- looking: each kind of place ---------------------------------------------------- */

static Damage *
add_damage(List **damages, const char *kind, char *object, char *detail, bool repairable)
{
	Damage	   *damage = palloc0(sizeof(Damage));

	damage->kind = kind;
	damage->object = object;
	damage->detail = detail;
	damage->repairable = repairable;
	*damages = lappend(*damages, damage);
	return damage;
}

static char *
column_text(EnumColumn *column)
{
	return psprintf("%s.%s", qualified_name(column->relid), quote_identifier(column->name));
}

/* Why a column's rows cannot be looked at, or NULL. */
static const char *
unreadable(EnumColumn *column)
{
	if (column->other_temp)
		return "a temporary table of another session";
	if (column->relkind == RELKIND_FOREIGN_TABLE)
		return "a foreign table";
	if (pg_class_aclcheck(column->relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck(column->relid, column->attnum, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return "permission denied";
	if (check_enable_rls(column->relid, InvalidOid, true) == RLS_ENABLED)
		return "row security may hide rows";
	return NULL;
}

/* Has the relation rows of its own? */
static bool
has_own_rows(EnumColumn *column)
{
	Relation	rel;
	bool		result;

	if (column->relkind == RELKIND_PARTITIONED_TABLE)
		return false;
	rel = try_table_open(column->relid, AccessShareLock);
	if (rel == NULL)
		return false;
	result = RelationIsPopulated(rel);
	table_close(rel, AccessShareLock);
	return result;
}

/* The strays in a column's rows, and in how many. */
static void
check_rows(EnumColumn *column, Oid type, List **damages)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {REGTYPEOID};
	Datum		values[] = {ObjectIdGetDatum(type)};
	const char *name = quote_identifier(column->name);

	SPI_connect();
	SPI_execute_with_args(psprintf("SELECT s.stray, pg_catalog.count(*) "
								   "FROM (SELECT more._enum_stray(t.%s, $1) AS stray FROM ONLY %s AS t) AS s "
								   "WHERE s.stray IS NOT NULL GROUP BY s.stray ORDER BY s.stray",
								   name, qualified_name(column->relid)),
						  1, types, values, NULL, true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Oid			stray = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		int64		rows = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
		MemoryContext old = MemoryContextSwitchTo(context);
		char	   *detail = psprintf(INT64_FORMAT " %s %s", rows, rows == 1 ? "row holds" : "rows hold", stray_text(stray));

		if (!is_nobodys(stray))
			detail = psprintf("%s: ALTER TABLE %s ALTER COLUMN %s TYPE %s USING %s::text::%s", detail,
							  qualified_name(column->relid), name, type_sql(column->type, -1), name,
							  type_sql(column->type, -1));
		add_damage(damages, "rows", column_text(column), detail, is_nobodys(stray))->stray = stray;
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
}

static void
check_columns(Oid type, List **damages)
{
	ListCell   *cell;

	foreach(cell, enum_columns(type, false))
	{
		EnumColumn *column = lfirst(cell);
		const char *why;

		if (!has_own_rows(column) && !column->other_temp)
			continue;
		why = unreadable(column);
		if (why)
			add_damage(damages, "not looked at", column_text(column), pstrdup(why), false);
		else
			check_rows(column, type, damages);
	}
}

/* The strays as a list of words. */
static char *
strays_text(List *strays)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, strays)
		appendStringInfo(&text, "%s%s", text.len ? "; " : "", stray_text(lfirst_oid(cell)));
	return text.data;
}

/* May the caller know what is in a table? */
static bool
may_look_at_table(Oid table)
{
	return OidIsValid(table) &&
		(pg_class_aclcheck(table, GetUserId(), ACL_SELECT) == ACLCHECK_OK || compat_owns_relation(table));
}

static void
check_indexes(Oid type, List **damages)
{
	ListCell   *cell;

	foreach(cell, enum_indexes(type))
	{
		Oid			index = lfirst_oid(cell);
		Strays	   *strays = look_for_strays(type);
		bool		sure = true;
		bool		found;

		if (!may_look_at_table(IndexGetRelation(index, true)))
			continue;
		found = index_any(index, type, note_stray, strays, &sure);
		if (found && !sure)
			add_damage(damages, "not looked at", qualified_name(index),
					   "an index of a kind that cannot be looked into", false);
		else if (strays->found != NIL)
			add_damage(damages, "index", qualified_name(index),
					   psprintf("its keys hold %s", strays_text(strays->found)),
					   !is_exclusion_index(index))->index = index;
		else if (!index_in_order(index, type))
			add_damage(damages, "index order", qualified_name(index),
					   "its keys are not in the order of the values",
					   !is_exclusion_index(index))->index = index;
	}
}

static void
check_expressions(Oid type, List **damages)
{
	Strays	   *strays = look_for_strays(type);
	ListCell   *cell;

	foreach(cell, enum_expressions(type, false))
	{
		StoredExpression *expression = lfirst(cell);
		ListCell   *inner;

		foreach(inner, expression->values)
		{
			if (is_stray(lfirst_oid(inner), strays))
				add_damage(damages, "expression", expression->description,
						   psprintf("it names %s", stray_text(lfirst_oid(inner))),
						   is_nobodys(lfirst_oid(inner)))->stray = lfirst_oid(inner);
		}
	}
}

static void
check_statistics(Oid type, List **damages)
{
	Strays	   *strays = look_for_strays(type);
	ListCell   *cell;

	foreach(cell, statistics_any(type, is_stray, strays))
	{
		EnumColumn *column = lfirst(cell);

		add_damage(damages, "statistics", OidIsValid(column->statistics) ? column->name : column_text(column),
				   "they hold a value that is gone", true);
	}
}

static void
check_missing(Oid type, List **damages)
{
	Strays	   *strays = look_for_strays(type);
	ListCell   *cell;

	foreach(cell, missing_any(type, is_stray, strays))
	{
		EnumColumn *column = lfirst(cell);
		Strays	   *these = look_for_strays(type);
		ListCell   *inner;

		(void) missing_any(type, note_stray, these);
		foreach(inner, these->found)
			add_damage(damages, "missing value", column_text(column),
					   psprintf("rows older than the column read as %s", stray_text(lfirst_oid(inner))),
					   is_nobodys(lfirst_oid(inner)))->stray = lfirst_oid(inner);
	}
}

/* Do two values compare otherwise than pg_enum says?  Only even OIDs can. */
static bool
contradict(EnumValue *left, EnumValue *right)
{
	return left->oid % 2 == 0 && right->oid % 2 == 0 && left->oid > right->oid;
}

static void
check_order(Oid type, List **damages)
{
	List	   *values = enum_values(type);
	ListCell   *cell;

	foreach(cell, values)
	{
		ListCell   *inner;

		for_each_from(inner, values, foreach_current_index(cell) + 1)
		{
			EnumValue  *left = lfirst(cell);
			EnumValue  *right = lfirst(inner);

			if (contradict(left, right))
			{
				add_damage(damages, "order", format_type_be(type),
						   psprintf("\"%s\" is before \"%s\", but compares as greater", left->label, right->label),
						   !left->retired && !right->retired && !left->moving && !right->moving);
				return;
			}
		}
	}
}

/* Changes that nobody is at work on. */
static void
check_changes(Oid type, List **damages)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {OIDOID};
	Datum		values[] = {ObjectIdGetDatum(type)};

	if (!compat_owns_type(type) || !lock_changes(type))
		return;
	unlock_changes(type);
	SPI_connect();
	record_execute("SELECT change, action, COALESCE(step, 'start') FROM more.enum_changes "
				   "WHERE type OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'running' ORDER BY change",
				   1, types, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		add_damage(damages, "change",
				   psprintf("change %s", SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1)),
				   psprintf("more.enum_%s was interrupted at step \"%s\": call it again, or undo it",
							SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2),
							SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 3)),
				   false);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
}

/* One of a table's indexes: was it left by an interrupted REINDEX, and is none at work? */
static bool
is_left_alone(Oid table, Oid index)
{
	bool		result;

	if (!is_leftover_index(index, NULL) || !ConditionalLockRelationOid(table, ShareUpdateExclusiveLock))
		return false;
	result = is_leftover_index(index, NULL);
	UnlockRelationOid(table, ShareUpdateExclusiveLock);
	return result;
}

/* Indexes that an interrupted REINDEX has left. */
static void
check_leftovers(Oid type, List **damages)
{
	Oid			last = InvalidOid;
	ListCell   *cell;

	foreach(cell, enum_columns(type, false))
	{
		Oid			table = ((EnumColumn *) lfirst(cell))->relid;
		Relation	rel;
		ListCell   *inner;

		if (table == last || !may_look_at_table(table) || (rel = try_table_open(table, AccessShareLock)) == NULL)
			continue;
		last = table;
		foreach(inner, RelationGetIndexList(rel))
		{
			if (is_left_alone(table, lfirst_oid(inner)))
				add_damage(damages, "leftover index", qualified_name(lfirst_oid(inner)),
						   "an interrupted REINDEX CONCURRENTLY has left it", true)->index = lfirst_oid(inner);
		}
		table_close(rel, AccessShareLock);
	}
}

/* All damage of a type, as Damage. */
static List *
damage_of(Oid type)
{
	List	   *damages = NIL;

	check_columns(type, &damages);
	check_missing(type, &damages);
	check_expressions(type, &damages);
	check_indexes(type, &damages);
	check_statistics(type, &damages);
	check_order(type, &damages);
	check_changes(type, &damages);
	check_leftovers(type, &damages);
	return damages;
}

/* The enums of the database that the caller owns. */
static List *
own_enums(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;

	SPI_connect();
	SPI_execute("SELECT oid FROM pg_catalog.pg_type WHERE typtype OPERATOR(pg_catalog.=) 'e' "
				"AND pg_catalog.pg_has_role(typowner, 'USAGE') ORDER BY oid::pg_catalog.regtype::pg_catalog.text", true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Oid			type = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend_oid(result, type);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return result;
}

/*
 * more.enum_check(type regtype DEFAULT NULL)
 *		RETURNS TABLE (enum regtype, kind text, object text, detail text, repairable boolean)
 *
 * NULL: all enums that the caller owns.
 */
Datum
enum_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *types;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	if (!PG_ARGISNULL(0))
		require_enum(PG_GETARG_OID(0));
	types = PG_ARGISNULL(0) ? own_enums() : list_make1_oid(PG_GETARG_OID(0));
	foreach(cell, types)
	{
		ListCell   *inner;

		foreach(inner, damage_of(lfirst_oid(cell)))
		{
			Damage	   *damage = lfirst(inner);
			Datum		values[5];
			bool		nulls[5] = {0};

			values[0] = ObjectIdGetDatum(lfirst_oid(cell));
			values[1] = CStringGetTextDatum(damage->kind);
			values[2] = CStringGetTextDatum(damage->object);
			values[3] = CStringGetTextDatum(damage->detail);
			values[4] = BoolGetDatum(damage->repairable);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}
	PG_RETURN_NULL();
}

/* --- repairing -------------------------------------------------------------------------- */

/* Commits, and goes on in a new transaction. */
static void
next_transaction(void)
{
	SPI_commit();
	XactIsoLevel = XACT_READ_COMMITTED;
	EnsurePortalSnapshotExists();
}

/* The strays that rows or expressions need, and that can have a value again: OIDs. */
static List *
strays_to_revive(List *damages)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, damages)
	{
		Damage	   *damage = lfirst(cell);

		if (OidIsValid(damage->stray) && damage->repairable)
			result = list_append_unique_oid(result, damage->stray);
	}
	list_sort(result, list_oid_cmp);
	return result;
}

/* The label of a value that was lost. */
static char *
lost_label(Oid stray)
{
	return psprintf("lost %u", stray);
}

/* Refuses where rows hold values of another enum: indexes and statistics of them cannot be made. */
static void
require_no_foreign_rows(Oid type, List *damages)
{
	StringInfoData detail;
	ListCell   *cell;

	initStringInfo(&detail);
	foreach(cell, damages)
	{
		Damage	   *damage = lfirst(cell);

		if (strcmp(damage->kind, "rows") == 0 && !damage->repairable)
			appendStringInfo(&detail, "%s%s: %s", detail.len ? "\n" : "", damage->object, damage->detail);
	}
	if (detail.len)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rows of enum %s hold values of another enum", format_type_be(type)),
				 errdetail_internal("%s", detail.data),
				 errhint("Give these columns their type anew, as in the detail, then call this again.")));
}

/* Gives a stray its row in pg_enum back. */
static void
revive(Oid type, Oid stray, Oid behind, Oid before)
{
	insert_enum_value(type, stray, retired_label(type, lost_label(stray)), behind, before);
	ereport(NOTICE,
			(errmsg("the value with OID %u is now the retired value \"%s\" of enum %s",
					stray, lost_label(stray), format_type_be(type))));
}

static bool
has_row(Oid type, Oid value)
{
	return !is_stray(value, look_for_strays(type));
}

/*
 * Gives strays of an index their rows back, in the place that they have there:
 * sessions that knew them compare in that order.
 */
static List *
revive_in_order(Oid type, List *order, List *strays)
{
	ListCell   *cell;
	Oid			behind = InvalidOid;

	foreach(cell, order)
	{
		Oid			value = lfirst_oid(cell);

		if (list_member_oid(strays, value))
		{
			Oid			before = InvalidOid;
			ListCell   *inner;

			for_each_from(inner, order, foreach_current_index(cell) + 1)
			{
				before = lfirst_oid(inner);
				if (has_row(type, before))
					break;
			}
			revive(type, value, behind, OidIsValid(behind) ? InvalidOid : before);
			strays = list_delete_oid(strays, value);
		}
		if (has_row(type, value))
			behind = value;
	}
	return strays;
}

/*
 * This session may have the order of the values in its cache, as it was before.
 * The server reads it anew when it meets an OID that it does not know, and then
 * fails if there is none.
 */
static void
forget_order(Oid type)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		(void) compare_values_of_enum(lookup_type_cache(type, 0), 1, 3);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/* Gives the strays their rows in pg_enum back. */
static void
revive_all(Oid type, List *strays)
{
	List	   *left = list_copy(strays);
	ListCell   *cell;

	foreach(cell, enum_indexes(type))
		left = revive_in_order(type, index_order(lfirst_oid(cell), type), left);
	foreach(cell, left)
		revive(type, lfirst_oid(cell), InvalidOid, InvalidOid);
	if (strays != NIL)
		invalidate_users(type);
}

/* The indexes to build anew, or to drop: OIDs. */
static List *
indexes_to_mend(List *damages)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, damages)
	{
		Damage	   *damage = lfirst(cell);

		if (OidIsValid(damage->index) && damage->repairable)
			result = list_append_unique_oid(result, damage->index);
	}
	return result;
}

/* Those that keep an order. */
static List *
ordered_indexes(Oid type)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, enum_indexes(type))
	{
		HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(lfirst_oid(cell)));

		if (!HeapTupleIsValid(tuple))
			continue;
		if (((Form_pg_class) GETSTRUCT(tuple))->relam != HASH_AM_OID && !is_exclusion_index(lfirst_oid(cell)))
			result = lappend_oid(result, lfirst_oid(cell));
		ReleaseSysCache(tuple);
	}
	return result;
}

static void
mend_indexes(EnumChange *change, List *indexes)
{
	ListCell   *cell;

	foreach(cell, indexes)
	{
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(lfirst_oid(cell))))
			continue;
		change_step(change, "rebuild index", qualified_name(lfirst_oid(cell)));
		next_transaction();
		rebuild_index(lfirst_oid(cell));
		EnsurePortalSnapshotExists();
	}
}

static bool
has_kind(List *damages, const char *kind)
{
	ListCell   *cell;

	foreach(cell, damages)
	{
		Damage	   *damage = lfirst(cell);

		if (damage->repairable && strcmp(damage->kind, kind) == 0)
			return true;
	}
	return false;
}

/* Tells what is left, and cannot be mended here. */
static void
warn_of_rest(Oid type)
{
	ListCell   *cell;

	foreach(cell, damage_of(type))
	{
		Damage	   *damage = lfirst(cell);

		ereport(WARNING,
				(errmsg("not mended: %s, %s", damage->kind, damage->object),
				 errdetail_internal("%s", damage->detail)));
	}
}

/* How the repair was called, as JSON, with the order that is to come out. */
static char *
arguments_json(const char *on_delete, const char *replacement, List *labels)
{
	StringInfoData json;
	ListCell   *cell;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"on_delete\": ");
	escape_json(&json, on_delete);
	if (replacement)
	{
		appendStringInfoString(&json, ", \"replacement\": ");
		escape_json(&json, replacement);
	}
	foreach(cell, labels)
	{
		appendStringInfoString(&json, foreach_current_index(cell) == 0 ? ", \"labels\": [" : ", ");
		escape_json(&json, lfirst(cell));
	}
	appendStringInfoString(&json, labels == NIL ? "}" : "]}");
	return json.data;
}

/* The values that were given their rows back, now or earlier, and are still called lost: OIDs. */
static List *
revived_values(Oid type)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, enum_values(type))
	{
		EnumValue  *value = lfirst(cell);

		if (is_retired_label(value->label, lost_label(value->oid)))
			result = lappend_oid(result, value->oid);
	}
	return result;
}

/* Removes them, as the policy says. */
static void
remove_revived(Oid type, const char *on_delete, const char *replacement, MemoryContext context)
{
	List	   *values = revived_values(type);
	ListCell   *cell;

	foreach(cell, values)
	{
		SPI_commit();
		drop_retired(type, lost_label(lfirst_oid(cell)), on_delete, replacement, context);
		EnsurePortalSnapshotExists();
	}
}

/* The labels of the live values in the order of pg_enum, copies. */
static List *
live_labels(Oid type)
{
	List	   *labels = NIL;
	ListCell   *cell;

	foreach(cell, enum_values(type))
	{
		EnumValue  *value = lfirst(cell);

		if (!value->retired && !value->moving)
			labels = lappend(labels, value->label);
	}
	return labels;
}

/* Those of an order that an earlier call has begun to mend, or NIL. */
static List *
labels_to_resume(EnumChange *change)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {TEXTOID};
	char	   *json = change_argument(change, "labels");
	Datum		values[1];
	List	   *labels = NIL;

	if (json == NULL)
		return NIL;
	values[0] = CStringGetTextDatum(json);
	SPI_connect();
	SPI_execute_with_args("SELECT l FROM pg_catalog.jsonb_array_elements_text($1::pg_catalog.jsonb) AS l",
						  1, types, values, NULL, true, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *label = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		MemoryContext old = MemoryContextSwitchTo(context);

		labels = lappend(labels, pstrdup(label));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return labels;
}

/*
 * Makes the order of pg_enum true.  What the OIDs say cannot be changed, so
 * pg_enum first follows them, as it did once; indexes are built in that order;
 * and then the values are brought into the other one, as by enum_reorder.
 */
static void
mend_order(EnumChange *change, Oid type, List *labels, bool disordered, MemoryContext context)
{
	change_step(change, "order", NULL);
	if (disordered)
	{
		sort_even_values(type);
		invalidate_users(type);
		next_transaction();
		forget_order(type);
		ereport(NOTICE,
				(errmsg("the indexes on enum %s are built in the order that its values compare in", format_type_be(type)),
				 errhint("Sessions that are older than this may go on comparing in another one: "
						 "when they have ended, call more.enum_check again.")));
		mend_indexes(change, ordered_indexes(type));
	}
	SPI_commit();
	(void) reorder_values(type, labels, context);
	EnsurePortalSnapshotExists();
}

/* The record of this repair, or of one that was interrupted. */
static EnumChange *
begin_record(Oid type, const char *on_delete, const char *replacement, List *labels)
{
	EnumChange *change = change_find(type, "repair", NULL);

	if (change && strcmp(change->state, "running") == 0)
		return change;
	return change_start(type, "repair", arguments_json(on_delete, replacement, labels));
}

/*
 * All of the repair; the change's lock is held.  The order of the values is
 * mended before other indexes are built, which have to be in it.
 */
static void
repair(Oid type, const char *on_delete, const char *replacement, MemoryContext context)
{
	List	   *damages;
	List	   *strays;
	List	   *labels;
	bool		disordered;
	bool		remove = policy_from_text(on_delete) != POLICY_KEEP;
	EnumChange *change;

	next_transaction();
	damages = damage_of(type);
	require_no_foreign_rows(type, damages);
	strays = strays_to_revive(damages);
	disordered = has_kind(damages, "order");
	change = change_find(type, "repair", NULL);
	if (strays == NIL && indexes_to_mend(damages) == NIL && !disordered && !has_kind(damages, "statistics") &&
		!(remove && revived_values(type) != NIL) && (change == NULL || strcmp(change->state, "running") != 0))
	{
		ereport(NOTICE, (errmsg("there is nothing to repair of enum %s", format_type_be(type))));
		warn_of_rest(type);
		return;
	}
	change = begin_record(type, on_delete, replacement, disordered ? live_labels(type) : NIL);
	labels = labels_to_resume(change);
	next_transaction();
	revive_all(type, strays);
	next_transaction();
	forget_order(type);
	if (labels != NIL)
		mend_order(change, type, labels, disordered, context);
	mend_indexes(change, indexes_to_mend(damages));
	change_step(change, "statistics", NULL);
	next_transaction();
	clear_statistics_any(type, is_stray, look_for_strays(type));
	next_transaction();
	if (remove)
		remove_revived(type, on_delete, replacement, context);
	change_end(change, "done");
	next_transaction();
	warn_of_rest(type);
}

/* A text argument; NULL where it is null. */
static char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* An error for policies that repair nothing. */
static void
require_repair_policy(Oid type, const char *on_delete, const char *replacement)
{
	EnumPolicy	policy = policy_from_text(on_delete);

	if (policy == POLICY_PROTECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("on_delete => 'protect' would repair nothing"),
				 errhint("With 'keep', rows keep the values that were lost, as retired ones.")));
	if ((policy == POLICY_SET_VALUE) != (replacement != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("on_delete => 'set_value' and a replacement go together")));
	if (replacement)
		(void) live_enum_value(type, replacement);
}

/*
 * CALL more.enum_repair(type regtype, on_delete text DEFAULT 'keep', replacement text DEFAULT NULL)
 *
 * Only where it can commit: 2D000 otherwise.
 */
Datum
enum_repair(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *on_delete;
	char	   *replacement;
	Oid			type;

	require_no_block(fcinfo, "more.enum_repair", NULL);
	require_direct_call("more.enum_repair");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "type")));
	type = PG_GETARG_OID(0);
	require_enum_owner(type);
	on_delete = text_argument(fcinfo, 1);
	replacement = text_argument(fcinfo, 2);
	require_repair_policy(type, on_delete, replacement);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(context);
	require_change_lock(type, true);
	PG_TRY();
	{
		repair(type, on_delete, replacement, context);
	}
	PG_FINALLY();
	{
		unlock_changes(type);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}
