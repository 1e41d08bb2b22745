/*
 * reorder.c
 *	  Another order of an enum's values: more.enum_reorder.
 *
 * The order of two values that are in use can never be changed: sessions keep
 * it, and indexes are built on it.  So what moves gets a new value, at its new
 * place, and the rows that hold the old one are updated to the new one.  Those
 * values stay that have most rows and are in the wanted order among themselves
 * (the increasing subsequence of most weight), so that the fewest rows change.
 *
 * 1. Count, choose, and look for what is in the way.
 * 2. Add the new values at their places, under reserved labels; commit, because
 *    a value cannot be used in the transaction that adds it.
 * 3. In one transaction, the move: the tables are locked against writers, the
 *    labels swapped (the old value gets a reserved label, the new one the
 *    user's), stored expressions remapped, the rows updated, the plans of all
 *    sessions invalidated.
 * 4. The old values are now retired ones whose rows are to get the new value, in
 *    case somebody had one in hand: drop.c removes them, as any other.
 *
 * Why writers are kept away in 3: an UPDATE that waited for one of our rows
 * would look for the old value in its new version, and pass it over; one that
 * had read a CHECK or the predicate of an index before would hold the new
 * version against the old value; and a unique key could be inserted a second
 * time, with the old value in it.  Readers are let in until all rows are
 * updated.  For the end of the transaction, the tables whose rows changed are
 * locked against them, too: what a running statement, or pg_dump, still has to
 * print of the old versions would have the reserved label.  A transaction with
 * an old snapshot that has not touched the table before will see just that.
 * Neither lock is waited for longer than an instant at a time, so that nobody
 * queues behind; the whole of 3 is undone and tried again instead.
 *
 * Tables that foreign keys connect by such columns are updated in a single
 * statement, after which the keys are checked, whatever the order.
 *
 * Triggers fire, and see the reserved label in the old row, the usual one in
 * the new.  The values that remain compare as before, the new ones among them
 * by their place, so indexes on columns hold.  What else depends on the order
 * is rebuilt (indexes with expressions), checked (CHECKs of tables) or refused
 * (ranges of partitions, stored columns, CHECKs of domains).
 *
 * Interrupted before the end of 3, the type has values with reserved labels that
 * nobody uses; after it, retired values.  The same call again makes them retired
 * ones, removes them, and goes on; more.enum_purge removes them as well.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "partitioning/partdefs.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/pquery.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/drop.h"
#include "enums/enums.h"

PG_FUNCTION_INFO_V1(enum_reorder);

#define LOCK_WAIT	100			/* ms to wait for a lock at a time, */
#define LOCK_PAUSE	200			/* between two attempts, */
#define END_TRIES	10			/* and how often for those at the end */

/* What one value is costs to move, beside its rows. */
#define NAMED_COST	1000		/* rows that an expression counts for */
#define STUCK_COST	((int64) 1 << 50)

/* One of the type's live values, in the wanted order. */
typedef struct Move
{
	char	   *label;
	Oid			old_oid;
	int			place;			/* in the present order */
	int64		rows;
	bool		named;			/* by a stored expression, */
	bool		stuck;			/* by one that cannot change */
	bool		moves;
	char	   *moving;			/* the label of the new value at first, */
	char	   *retired;		/* and of the old one at last */
	Oid			new_oid;
} Move;

typedef struct Reorder
{
	Oid			type;
	Move	   *moves;
	int			count;
	EnumChange *change;
	MemoryContext context;		/* of all this; outlives transactions */
	TimestampTz said;			/* when the user was told something */
	Oid			read_table;		/* the one that readers kept us from at the last attempt */
} Reorder;

/* A table, with its columns that contain the enum. */
typedef struct MoveTable
{
	Oid			relid;
	char		relkind;
	bool		whole;			/* with its partitions: they are hashed by the value */
	bool		part;			/* of such a table */
	List	   *columns;		/* of EnumColumn */
	int64		changed;		/* rows */
	bool		named;			/* its expressions have changed */
} MoveTable;

/* --- the wanted order --------------------------------------------------------- */

static Move *
move_of_label(Reorder *reorder, const char *label)
{
	for (int i = 0; i < reorder->count; i++)
	{
		if (strcmp(reorder->moves[i].label, label) == 0)
			return &reorder->moves[i];
	}
	return NULL;
}

/* An error that names the live values that the list lacks. */
static void
refuse_incomplete(Reorder *reorder, List *values)
{
	StringInfoData missing;
	ListCell   *cell;

	initStringInfo(&missing);
	foreach(cell, values)
	{
		EnumValue  *value = lfirst(cell);

		if (!value->retired && !value->moving && move_of_label(reorder, value->label) == NULL)
			appendStringInfo(&missing, "%s\"%s\"", missing.len ? ", " : "", value->label);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the new order of enum %s lacks values", format_type_be(reorder->type)),
			 errdetail("Missing: %s.", missing.data),
			 errhint("List every value of the type; to remove one, CALL more.enum_drop.")));
}

/*
 * read_order
 *		Take the labels as the wanted order: each live value just once.
 */
static void
read_order(Reorder *reorder, List *labels)
{
	List	   *values = enum_values(reorder->type);
	int			live = 0;
	ListCell   *cell;

	reorder->moves = palloc0(sizeof(Move) * Max(list_length(labels), 1));
	reorder->count = 0;
	foreach(cell, labels)
	{
		char	   *label = lfirst(cell);
		EnumValue  *value = live_enum_value(reorder->type, label);
		Move	   *move;

		if (move_of_label(reorder, label))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("value \"%s\" is listed twice", label)));
		move = &reorder->moves[reorder->count++];
		move->label = pstrdup(label);
		move->old_oid = value->oid;
	}
	foreach(cell, values)
	{
		EnumValue  *value = lfirst(cell);
		Move	   *move = value->retired || value->moving ? NULL : move_of_label(reorder, value->label);

		if (!value->retired && !value->moving)
			live++;
		if (move)
			move->place = foreach_current_index(cell);
	}
	if (live != reorder->count)
		refuse_incomplete(reorder, values);
}

static bool
is_in_order(Reorder *reorder)
{
	for (int i = 1; i < reorder->count; i++)
	{
		if (reorder->moves[i].place < reorder->moves[i - 1].place)
			return false;
	}
	return true;
}

/* --- what depends on the order ------------------------------------------------------ */

/* The expressions whose objects keep what they computed by the order. */
static List *
ordering_expressions(Oid type)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, enum_expressions(type, true))
	{
		if (order_obstacle(lfirst(cell), type))
			result = lappend(result, lfirst(cell));
	}
	return result;
}

/* Is it what computes a stored column that contains values of the enum itself? */
static bool
fills_stored_column(StoredExpression *expression, Oid type)
{
	ObjectAddress column;

	if (expression->catalog != AttrDefaultRelationId)
		return false;
	column = GetAttrDefaultColumnAddress(expression->objid);
	return OidIsValid(column.objectId) &&
		get_attgenerated(column.objectId, column.objectSubId) == ATTRIBUTE_GENERATED_STORED &&
		list_member_oid(enum_carriers(type), get_atttype(column.objectId, column.objectSubId));
}

/* Why the expression cannot name another value in the place of this one, or NULL. */
static const char *
naming_obstacle(StoredExpression *expression, Oid type, Oid value)
{
	if (fills_stored_column(expression, type))
		return "it computed values that are stored in rows";
	return expression_obstacle(expression, type, value, value, true);
}

/* --- choosing what moves ---------------------------------------------------------- */

/* The labels as the list of values that counts go by. */
static List *
values_of_moves(Reorder *reorder)
{
	List	   *result = NIL;

	for (int i = 0; i < reorder->count; i++)
	{
		EnumValue  *value = palloc0(sizeof(EnumValue));

		value->oid = reorder->moves[i].old_oid;
		value->label = reorder->moves[i].label;
		result = lappend(result, value);
	}
	return result;
}

static void
count_moves(Reorder *reorder)
{
	List	   *values = values_of_moves(reorder);
	ListCell   *cell;

	foreach(cell, enum_columns(reorder->type, false))
	{
		EnumColumn *column = lfirst(cell);
		int64	   *counts = palloc0(sizeof(int64) * Max(reorder->count, 1));

		if (column->relkind == RELKIND_FOREIGN_TABLE)
			ereport(WARNING,
					(errmsg("the rows of foreign table %s are left as they are", qualified_name(column->relid)),
					 errdetail("Column \"%s\" uses enum %s.", column->name, format_type_be(reorder->type))));
		if (column->other_temp)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("a temporary table of another session uses enum %s", format_type_be(reorder->type)),
					 errdetail("Table %s cannot be looked into.", qualified_name(column->relid)),
					 errhint("Try again when that session has ended or has dropped its table.")));
		if (column->relkind == RELKIND_RELATION && count_values(column, reorder->type, values, counts))
		{
			for (int i = 0; i < reorder->count; i++)
				reorder->moves[i].rows += counts[i];
		}
	}
}

/* Which values do expressions name, and which of these cannot change? */
static void
look_at_expressions(Reorder *reorder)
{
	ListCell   *cell;

	foreach(cell, enum_expressions(reorder->type, false))
	{
		StoredExpression *expression = lfirst(cell);

		for (int i = 0; i < reorder->count; i++)
		{
			Move	   *move = &reorder->moves[i];

			if (!list_member_oid(expression->values, move->old_oid))
				continue;
			move->named = true;
			if (naming_obstacle(expression, reorder->type, move->old_oid))
				move->stuck = true;
		}
	}
}

/* What moving the value costs, the number of values after all else. */
static int64
cost_of(Reorder *reorder, Move *move)
{
	int64		rows = Min(move->rows, STUCK_COST / 2) + (move->named ? NAMED_COST : 0);

	if (move->stuck)
		rows = STUCK_COST;
	return rows * 2 + 1;
}

/* Chooses which values stay: the increasing subsequence that costs most. */
static void
choose_moves(Reorder *reorder)
{
	double	   *best = palloc(sizeof(double) * reorder->count);
	int		   *before = palloc(sizeof(int) * reorder->count);
	int			last = 0;

	for (int i = 0; i < reorder->count; i++)
	{
		reorder->moves[i].moves = true;
		before[i] = -1;
		best[i] = 0;
		for (int j = 0; j < i; j++)
		{
			if (reorder->moves[j].place < reorder->moves[i].place && best[j] > best[i])
			{
				best[i] = best[j];
				before[i] = j;
			}
		}
		best[i] += (double) cost_of(reorder, &reorder->moves[i]);
		if (best[i] > best[last])
			last = i;
	}
	for (int i = last; i >= 0; i = before[i])
		reorder->moves[i].moves = false;
}

/* --- what is in the way ------------------------------------------------------------ */

/* Is the column in the relation's partition key, or may it be in an expression of it? */
static bool
in_partition_key(Relation rel, char strategy, EnumColumn *column)
{
	PartitionKey key = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? RelationGetPartitionKey(rel) : NULL;

	if (key == NULL || get_partition_strategy(key) != strategy)
		return false;
	for (int i = 0; i < get_partition_natts(key); i++)
	{
		AttrNumber	attnum = get_partition_col_attnum(key, i);

		if (attnum == column->attnum || (attnum == 0 && strategy == PARTITION_STRATEGY_HASH))
			return true;
	}
	return false;
}

/* Adds to a list of what is in the way. */
static void
add_obstacle(StringInfo detail, const char *what, const char *why)
{
	appendStringInfo(detail, "%s%s: %s", detail->len ? "\n" : "", what, why);
}

/* What depends on the order, and cannot be mended. */
static void
find_order_obstacles(Reorder *reorder, StringInfo detail)
{
	ListCell   *cell;

	foreach(cell, ordering_expressions(reorder->type))
	{
		StoredExpression *expression = lfirst(cell);

		/* CHECKs of tables are checked, and indexes rebuilt */
		if (expression->catalog != IndexRelationId &&
			(expression->catalog != ConstraintRelationId || !OidIsValid(expression->relid)))
			add_obstacle(detail, expression->description, order_obstacle(expression, reorder->type));
	}
	foreach(cell, enum_columns(reorder->type, false))
	{
		EnumColumn *column = lfirst(cell);
		Relation	rel;

		if (column->relkind != RELKIND_PARTITIONED_TABLE || (rel = try_table_open(column->relid, AccessShareLock)) == NULL)
			continue;
		if (in_partition_key(rel, PARTITION_STRATEGY_RANGE, column))
			add_obstacle(detail, psprintf("table %s", qualified_name(column->relid)), "it is partitioned by ranges of the values");
		table_close(rel, AccessShareLock);
	}
}

/* Refuse, where something depends on what is to move and cannot change. */
static void
require_movable(Reorder *reorder)
{
	StringInfoData detail;
	ListCell   *cell;

	initStringInfo(&detail);
	find_order_obstacles(reorder, &detail);
	foreach(cell, enum_expressions(reorder->type, false))
	{
		StoredExpression *expression = lfirst(cell);
		const char *why = NULL;

		for (int i = 0; i < reorder->count && why == NULL; i++)
		{
			Move	   *move = &reorder->moves[i];

			if (move->moves && list_member_oid(expression->values, move->old_oid))
				why = naming_obstacle(expression, reorder->type, move->old_oid);
		}
		if (why)
			add_obstacle(&detail, expression->description, why);
	}
	if (detail.len)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot reorder enum %s because other objects depend on its values", format_type_be(reorder->type)),
				 errdetail_internal("%s", detail.data),
				 errhint("Change these objects first.")));
}

/*
 * Does the value hold a range whose ends would change places?  An expression over
 * one that is given as SQL, where $1 has the values in the wanted order; NULL if
 * the type has no ranges.
 */
static char *
inverted_sql(Oid type, Oid enum_type, const char *value)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);
	char		kind = get_typtype(base);
	char	   *inner;

	if (base != type)
		value = psprintf("%s::%s", value, type_sql(base, -1));
	if (kind == TYPTYPE_RANGE && getBaseType(get_range_subtype(base)) == enum_type)
		return psprintf("pg_catalog.array_position($1, pg_catalog.lower(%s)::%s) OPERATOR(pg_catalog.>) "
						"pg_catalog.array_position($1, pg_catalog.upper(%s)::%s)",
						value, type_sql(enum_type, -1), value, type_sql(enum_type, -1));
	if (kind == TYPTYPE_MULTIRANGE)
		element = get_multirange_range(base);
	if (OidIsValid(element) && (inner = inverted_sql(element, enum_type, "u.v")) != NULL)
		return psprintf("EXISTS (SELECT FROM (SELECT pg_catalog.unnest(%s)) AS u(v) WHERE %s)", value, inner);
	if (kind == TYPTYPE_COMPOSITE)
	{
		TupleDesc	desc = lookup_rowtype_tupdesc(base, -1);
		StringInfoData sql;

		initStringInfo(&sql);
		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);

			if (!att->attisdropped &&
				(inner = inverted_sql(att->atttypid, enum_type, psprintf("(%s).%s", value, quote_identifier(NameStr(att->attname))))))
				appendStringInfo(&sql, "%s%s", sql.len ? " OR " : "", inner);
		}
		ReleaseTupleDesc(desc);
		return sql.len ? psprintf("(%s)", sql.data) : NULL;
	}
	return NULL;
}

/* Refuse, where rows hold ranges that the new order would turn over. */
static void
require_ranges(Reorder *reorder)
{
	Oid			types[] = {get_array_type(reorder->type)};
	Datum	   *oids = palloc(sizeof(Datum) * reorder->count);
	Datum		values[1];
	StringInfoData detail;
	ListCell   *cell;

	for (int i = 0; i < reorder->count; i++)
		oids[i] = ObjectIdGetDatum(reorder->moves[i].old_oid);
	values[0] = PointerGetDatum(construct_array(oids, reorder->count, reorder->type, sizeof(Oid), true, TYPALIGN_INT));
	initStringInfo(&detail);
	foreach(cell, enum_columns(reorder->type, false))
	{
		EnumColumn *column = lfirst(cell);
		char	   *condition = column->relkind == RELKIND_RELATION && !column->other_temp ?
			inverted_sql(column->type, reorder->type, psprintf("t.%s", quote_identifier(column->name))) : NULL;
		int64		count = 0;
		bool		isnull;

		if (condition == NULL)
			continue;
		SPI_connect();
		if (SPI_execute_with_args(psprintf("SELECT pg_catalog.count(*) FROM ONLY %s AS t WHERE %s", qualified_name(column->relid),
										   condition), 1, types, values, NULL, true, 0) == SPI_OK_SELECT)
			count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		SPI_finish();
		if (count > 0)
			add_obstacle(&detail, psprintf("column %s.%s", qualified_name(column->relid), quote_identifier(column->name)),
						 psprintf("%lld %s", (long long) count, count == 1 ? "row" : "rows"));
	}
	if (detail.len)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot reorder enum %s because rows hold ranges whose lower bound would come after the upper one",
						format_type_be(reorder->type)),
				 errdetail_internal("%s", detail.data),
				 errhint("Change these rows first.")));
}

/* --- steps 1 and 2 -------------------------------------------------------------------- */

/* Adds a list of strings to an object in JSON that is being written. */
static void
add_list(StringInfo json, const char *name, List *texts)
{
	ListCell   *cell;

	appendStringInfoString(json, json->len ? ", " : "{");
	escape_json(json, name);
	appendStringInfoString(json, ": [");
	foreach(cell, texts)
	{
		if (foreach_current_index(cell) > 0)
			appendStringInfoString(json, ", ");
		escape_json(json, lfirst(cell));
	}
	appendStringInfoChar(json, ']');
}

/* What the record says: the order wanted and the one before, and which values move. */
static char *
arguments_json(Reorder *reorder)
{
	StringInfoData json;
	List	   *labels = NIL;
	List	   *before = NIL;
	List	   *moved = NIL;
	ListCell   *cell;

	for (int i = 0; i < reorder->count; i++)
	{
		labels = lappend(labels, reorder->moves[i].label);
		if (reorder->moves[i].moves)
			moved = lappend(moved, reorder->moves[i].label);
	}
	foreach(cell, enum_values(reorder->type))
	{
		EnumValue  *value = lfirst(cell);

		if (!value->retired && !value->moving)
			before = lappend(before, value->label);
	}
	initStringInfo(&json);
	add_list(&json, "labels", labels);
	add_list(&json, "before", before);
	add_list(&json, "moved", moved);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/*
 * Commit, and go on in a new transaction, which sees what others commit.  Its
 * snapshot is the portal's, which the next commit knows of.
 */
static void
next_transaction(void)
{
	SPI_commit();
	XactIsoLevel = XACT_READ_COMMITTED;
	EnsurePortalSnapshotExists();
}

/* Step 2: the new values, each behind what is before it. */
static void
add_moving_values(Reorder *reorder)
{
	const char *previous = NULL;
	const char *first = NULL;

	for (int i = 0; i < reorder->count && first == NULL; i++)
	{
		if (!reorder->moves[i].moves)
			first = reorder->moves[i].label;
	}
	for (int i = 0; i < reorder->count; i++)
	{
		Move	   *move = &reorder->moves[i];

		if (move->moves)
		{
			move->moving = moving_label(reorder->type, move->label);
			add_enum_value(reorder->type, move->moving, previous ? NULL : first, previous);
			CommandCounterIncrement();
			move->new_oid = enum_value(reorder->type, move->moving, false)->oid;
		}
		previous = move->moves ? move->moving : move->label;
	}
}

/* --- step 3: the move -------------------------------------------------------------------- */

/* Wait no longer than so many milliseconds for a lock; ends with AtEOXact_GUC. */
static int
begin_lock_timeout(int wait)
{
	int			nest = NewGUCNestLevel();

	(void) set_config_option("lock_timeout", psprintf("%d", wait), PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

/* As the caller, who needs a right to change the table. */
static void
lock_table(Oid relid, const char *mode)
{
	SPI_connect();
	SPI_execute(psprintf("LOCK TABLE ONLY %s IN %s MODE", qualified_name(relid), mode), false, 0);
	SPI_finish();
}

/* The tables with their columns. */
static List *
list_tables(Oid type)
{
	List	   *result = NIL;
	MoveTable  *table = NULL;
	ListCell   *cell;

	foreach(cell, enum_columns(type, false))
	{
		EnumColumn *column = lfirst(cell);

		if (column->relkind == RELKIND_FOREIGN_TABLE || column->other_temp)
			continue;
		if (table == NULL || table->relid != column->relid)
		{
			table = palloc0(sizeof(MoveTable));
			table->relid = column->relid;
			table->relkind = column->relkind;
			result = lappend(result, table);
		}
		table->columns = lappend(table->columns, column);
	}
	return result;
}

static MoveTable *
table_of(List *tables, Oid relid)
{
	ListCell   *cell;

	foreach(cell, tables)
	{
		if (((MoveTable *) lfirst(cell))->relid == relid)
			return lfirst(cell);
	}
	return NULL;
}

/* Lock all tables against writers; those that come and go meanwhile are left to step 4. */
static List *
lock_tables(Oid type)
{
	List	   *tables = list_tables(type);
	List	   *result;
	ListCell   *cell;

	foreach(cell, tables)
	{
		MoveTable  *table = lfirst(cell);

		if (table->relkind != RELKIND_MATVIEW)
			lock_table(table->relid, "EXCLUSIVE");
	}
	result = list_tables(type);
	foreach(cell, result)
	{
		if (table_of(tables, ((MoveTable *) lfirst(cell))->relid) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("table %s was created meanwhile", qualified_name(((MoveTable *) lfirst(cell))->relid))));
	}
	return result;
}

/* Which partitioned tables route rows by hashes of the values: they are updated as a whole. */
static void
mark_hashed(List *tables)
{
	ListCell   *cell;
	ListCell   *inner;

	foreach(cell, tables)
	{
		MoveTable  *table = lfirst(cell);
		Relation	rel;

		if (table->relkind != RELKIND_PARTITIONED_TABLE)
			continue;
		rel = table_open(table->relid, NoLock);
		foreach(inner, table->columns)
			table->whole |= in_partition_key(rel, PARTITION_STRATEGY_HASH, lfirst(inner));
		table_close(rel, NoLock);
	}
	foreach(cell, tables)
	{
		MoveTable  *table = lfirst(cell);

		if (!get_rel_relispartition(table->relid))
			continue;
		foreach(inner, get_partition_ancestors(table->relid))
		{
			MoveTable  *ancestor = table_of(tables, lfirst_oid(inner));

			table->part |= ancestor && ancestor->whole;
		}
	}
}

/* Rows that hold one of the old values in one of the columns: $1 has these. */
static char *
condition_sql(MoveTable *table, Oid type)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, table->columns)
	{
		EnumColumn *column = lfirst(cell);
		const char *name = quote_identifier(column->name);

		if (sql.len)
			appendStringInfoString(&sql, " OR ");
		if (column->plain)
			appendStringInfo(&sql, "t.%s%s%s OPERATOR(pg_catalog.=) ANY ($1)", name,
							 column->type == type ? "" : "::", column->type == type ? "" : type_sql(type, -1));
		else
			appendStringInfo(&sql, "more._enum_holds(t.%s, $1)", name);
	}
	return sql.data;
}

/* The statement that moves a table's rows; NULL if there is none. */
static char *
update_sql(MoveTable *table, Oid type)
{
	StringInfoData sql;
	bool		any = false;
	ListCell   *cell;

	if (table->part || table->relkind == RELKIND_MATVIEW ||
		(table->relkind == RELKIND_PARTITIONED_TABLE && !table->whole))
		return NULL;
	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s%s AS t SET ", table->whole ? "" : "ONLY ", qualified_name(table->relid));
	foreach(cell, table->columns)
	{
		const char *name = quote_identifier(((EnumColumn *) lfirst(cell))->name);

		if (get_attgenerated(table->relid, ((EnumColumn *) lfirst(cell))->attnum) != '\0')
			continue;
		appendStringInfo(&sql, "%s%s = more._enum_replace(t.%s, $1, $2)", any ? ", " : "", name, name);
		any = true;
	}
	appendStringInfo(&sql, " WHERE %s", condition_sql(table, type));
	return any ? sql.data : NULL;
}

/* The old or the new values, as an array of the enum. */
static Datum
values_array(Reorder *reorder, bool new)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(reorder->count, 1));
	int			n = 0;

	for (int i = 0; i < reorder->count; i++)
	{
		Move	   *move = &reorder->moves[i];

		if (move->moves)
			values[n++] = ObjectIdGetDatum(new ? move->new_oid : move->old_oid);
	}
	return PointerGetDatum(construct_array(values, n, reorder->type, sizeof(Oid), true, TYPALIGN_INT));
}

/* Runs a statement over the old and the new values; SPI is connected. */
static uint64
run(Reorder *reorder, const char *sql)
{
	Oid			array = get_array_type(reorder->type);
	Oid			types[] = {array, array};
	Datum		values[] = {values_array(reorder, false), values_array(reorder, true)};
	int			result = SPI_execute_with_args(sql, 2, types, values, NULL, false, 0);

	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/* Do foreign keys refer to such columns, or from them? */
static bool
in_foreign_key(List *tables)
{
	Datum	   *relids = palloc(sizeof(Datum) * Max(list_length(tables), 1));
	Oid			types[] = {OIDARRAYOID};
	Datum		values[1];
	bool		result = false;
	ListCell   *cell;

	foreach(cell, tables)
		relids[foreach_current_index(cell)] = ObjectIdGetDatum(((MoveTable *) lfirst(cell))->relid);
	values[0] = PointerGetDatum(construct_array(relids, list_length(tables), OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	SPI_execute_with_args("SELECT confrelid, unnested.attnum FROM pg_catalog.pg_constraint, "
						  "LATERAL pg_catalog.unnest(confkey) AS unnested (attnum) "
						  "WHERE contype OPERATOR(pg_catalog.=) 'f' AND confrelid OPERATOR(pg_catalog.=) ANY ($1)",
						  1, types, values, NULL, false, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Oid			relid = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		AttrNumber	attnum = DatumGetInt16(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));

		foreach(cell, table_of(tables, relid)->columns)
			result |= ((EnumColumn *) lfirst(cell))->attnum == attnum;
	}
	return result;
}

/* Updates all tables by one statement, so that foreign keys are checked after the last. */
static void
update_together(Reorder *reorder, List *tables)
{
	StringInfoData with;
	StringInfoData counts;
	int			n = 0;
	ListCell   *cell;

	initStringInfo(&with);
	initStringInfo(&counts);
	foreach(cell, tables)
	{
		char	   *sql = update_sql(lfirst(cell), reorder->type);

		if (sql == NULL)
			continue;
		n++;
		appendStringInfo(&with, "%s u%d AS (%s RETURNING 1)", n == 1 ? "WITH" : ",", n, sql);
		appendStringInfo(&counts, "%s (SELECT pg_catalog.count(*) FROM u%d)", n == 1 ? " SELECT" : ",", n);
	}
	if (n == 0)
		return;
	appendStringInfoString(&with, counts.data);
	run(reorder, with.data);
	n = 0;
	foreach(cell, tables)
	{
		MoveTable  *table = lfirst(cell);
		bool		isnull;

		if (update_sql(table, reorder->type))
			table->changed = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, ++n, &isnull));
	}
}

/* Moves the rows; returns how many. */
static int64
update_tables(Reorder *reorder, List *tables)
{
	int64		changed = 0;
	ListCell   *cell;

	if (in_foreign_key(tables))
		update_together(reorder, tables);
	else
	{
		foreach(cell, tables)
		{
			MoveTable  *table = lfirst(cell);
			char	   *sql = update_sql(table, reorder->type);

			if (sql)
				table->changed = run(reorder, sql);
		}
	}
	foreach(cell, tables)
		changed += ((MoveTable *) lfirst(cell))->changed;
	return changed;
}

/* Does the table itself have rows with old values? */
static bool
has_old_values(Reorder *reorder, MoveTable *table)
{
	return run(reorder, psprintf("SELECT 1 FROM ONLY %s AS t WHERE %s LIMIT 1", qualified_name(table->relid),
								 condition_sql(table, reorder->type))) > 0;
}

/* The materialized views that show old values, anew. */
static void
refresh_views(Reorder *reorder, List *tables)
{
	ListCell   *cell;

	foreach(cell, tables)
	{
		MoveTable  *table = lfirst(cell);
		Relation	rel;
		bool		populated;

		if (table->relkind != RELKIND_MATVIEW)
			continue;
		rel = table_open(table->relid, AccessShareLock);
		populated = RelationIsPopulated(rel);
		table_close(rel, NoLock);
		if (populated && has_old_values(reorder, table))
			SPI_execute(psprintf("REFRESH MATERIALIZED VIEW %s", qualified_name(table->relid)), false, 0);
	}
}

/* A trigger may have kept rows as they were. */
static void
require_all_moved(Reorder *reorder, List *tables)
{
	ListCell   *cell;

	foreach(cell, tables)
	{
		MoveTable  *table = lfirst(cell);

		if (table->relkind == RELKIND_RELATION && has_old_values(reorder, table))
			ereport(ERROR,
					(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
					 errmsg("rows of table %s still hold a value after they were changed", qualified_name(table->relid)),
					 errdetail("A trigger, or a column that is computed, keeps it there.")));
	}
}

/* Expressions that name what has moved name the new values from now on. */
static void
remap_expressions(Reorder *reorder, List *tables)
{
	ListCell   *cell;

	foreach(cell, enum_expressions(reorder->type, false))
	{
		StoredExpression *expression = lfirst(cell);

		for (int i = 0; i < reorder->count; i++)
		{
			Move	   *move = &reorder->moves[i];
			MoveTable  *table = table_of(tables, expression->relid);

			if (!move->moves || !list_member_oid(expression->values, move->old_oid))
				continue;
			remap_expression(expression, reorder->type, move->old_oid, move->new_oid, true);
			if (table)
				table->named = true;
		}
	}
}

/* An error if a row does not satisfy a CHECK any more. */
static void
recheck(StoredExpression *expression)
{
	Oid			types[] = {OIDOID};
	Datum		values[] = {ObjectIdGetDatum(expression->objid)};
	char	   *condition;
	int			nest = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	SPI_execute_with_args("SELECT pg_get_expr(c.conbin, c.conrelid) FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid "
						  "WHERE c.oid = $1 AND c.convalidated AND r.relkind = 'r'",
						  1, types, values, NULL, false, 0);
	if (SPI_processed > 0)
	{
		condition = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		SPI_execute(psprintf("SELECT 1 FROM ONLY %s AS %s WHERE NOT (%s) LIMIT 1", qualified_name(expression->relid),
							 quote_identifier(get_rel_name(expression->relid)), condition), false, 0);
		if (SPI_processed > 0)
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("in the new order, rows violate %s", expression->description)));
	}
	AtEOXact_GUC(true, nest);
}

/* What depends on the order: CHECKs must hold, indexes are built anew. */
static void
settle_order(Oid type)
{
	List	   *rebuilt = NIL;
	ListCell   *cell;

	foreach(cell, ordering_expressions(type))
	{
		StoredExpression *expression = lfirst(cell);

		if (expression->catalog == ConstraintRelationId && OidIsValid(expression->relid))
			recheck(expression);
		else if (expression->catalog == IndexRelationId && !list_member_oid(rebuilt, expression->objid) &&
				 get_rel_relkind(expression->objid) == RELKIND_INDEX)
		{
			SPI_execute(psprintf("REINDEX INDEX %s", qualified_name(expression->objid)), false, 0);
			rebuilt = lappend_oid(rebuilt, expression->objid);
		}
	}
}

/*
 * Lock a table against readers, to keep the lock or just to see whether it can
 * be had; false if not at once.
 */
static bool
try_exclude_readers(Oid relid, bool keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	bool volatile done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		int			nest = begin_lock_timeout(LOCK_WAIT);

		lock_table(relid, "ACCESS EXCLUSIVE");
		AtEOXact_GUC(true, nest);
		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			ReThrowError(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

/* To be tried again later. */
static void
give_way_to_readers(Reorder *reorder, Oid relid)
{
	reorder->read_table = relid;
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("table %s is being read", qualified_name(relid))));
}

/* Nobody reads the tables that changed while the change is committed. */
static void
exclude_readers(Reorder *reorder, List *tables)
{
	ListCell   *cell;

	foreach(cell, tables)
	{
		MoveTable  *table = lfirst(cell);
		int			tries = 0;

		if ((table->changed == 0 && !table->named && !table->part) || table->relkind == RELKIND_MATVIEW)
			continue;
		while (!try_exclude_readers(table->relid, true))
		{
			CHECK_FOR_INTERRUPTS();
			if (++tries == END_TRIES)
				give_way_to_readers(reorder, table->relid);
			pg_usleep(LOCK_PAUSE * 1000L / 4);
		}
	}
}

/*
 * A record, part of the reordering's, by which a retired value is removed
 * later.  Rows that hold it by then
 * get the value that has the label, if there is one.
 */
static void
record_retired(Oid type, int64 whole, const char *label, const char *retired, bool replace)
{
	StringInfoData json;
	int64		outer = change_whole;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"label\": ");
	escape_json(&json, label);
	appendStringInfoString(&json, ", \"retired\": ");
	escape_json(&json, retired);
	if (replace)
	{
		appendStringInfoString(&json, ", \"on_delete\": \"set_value\", \"replacement\": ");
		escape_json(&json, label);
	}
	else
		appendStringInfoString(&json, ", \"on_delete\": \"protect\"");
	appendStringInfoChar(&json, '}');
	change_whole = whole;
	PG_TRY();
	{
		change_end(change_start(type, "move", json.data), "retired");
	}
	PG_FINALLY();
	{
		change_whole = outer;
	}
	PG_END_TRY();
}

/* The labels change hands. */
static void
swap_labels(Reorder *reorder)
{
	for (int i = 0; i < reorder->count; i++)
	{
		Move	   *move = &reorder->moves[i];

		if (!move->moves)
			continue;
		move->retired = retired_label(reorder->type, move->label);
		rename_enum_value(reorder->type, move->label, move->retired);
		CommandCounterIncrement();
		rename_enum_value(reorder->type, move->moving, move->label);
		CommandCounterIncrement();
		record_retired(reorder->type, reorder->change->id, move->label, move->retired, true);
	}
}

/* The move, in the transaction at hand. */
static void
move(Reorder *reorder, int wait)
{
	int			nest = begin_lock_timeout(wait);
	List	   *tables = lock_tables(reorder->type);
	int64		changed;
	ListCell   *cell;

	foreach(cell, tables)
		require_all_rows(((MoveTable *) lfirst(cell))->relid);
	/* before any row is updated in vain again */
	if (table_of(tables, reorder->read_table) && !try_exclude_readers(reorder->read_table, false))
		give_way_to_readers(reorder, reorder->read_table);
	mark_hashed(tables);
	swap_labels(reorder);
	invalidate_users(reorder->type);
	remap_expressions(reorder, tables);
	SPI_connect();
	changed = update_tables(reorder, tables);
	SPI_execute("SET CONSTRAINTS ALL IMMEDIATE", false, 0);
	refresh_views(reorder, tables);
	require_all_moved(reorder, tables);
	settle_order(reorder->type);
	SPI_finish();
	exclude_readers(reorder, tables);
	AtEOXact_GUC(true, nest);
	change_rows(reorder->change, changed, changed);
	change_step(reorder->change, "moved", NULL);
}

/* Values that were added for nothing become retired ones. */
static void
retire_moving_values(Oid type, int64 whole)
{
	ListCell   *cell;

	foreach(cell, enum_values(type))
	{
		EnumValue  *value = lfirst(cell);
		char	   *label;
		char	   *retired;

		if (!value->moving)
			continue;
		label = strchr(value->label + strlen(MOVING_PREFIX), ':');
		label = label ? label + 1 : value->label;
		retired = retired_label(type, label);
		rename_enum_value(type, value->label, retired);
		CommandCounterIncrement();
		record_retired(type, whole, label, retired, enum_value(type, label, true) != NULL);
	}
}

/*
 * One attempt at step 3, in a subtransaction; false if a lock could not be had.
 * Any other error ends the reordering, and leaves nothing that is in use.
 */
static bool
try_move(Reorder *reorder, int wait)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	bool volatile done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		move(reorder, wait);
		PopActiveSnapshot();
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(reorder->context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE && error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		{
			retire_moving_values(reorder->type, reorder->change->id);
			change_end(reorder->change, "failed");
			next_transaction();
			ereport(NOTICE,
					(errmsg("change " INT64_FORMAT " failed, and the values of enum %s are as they were",
							reorder->change->id, format_type_be(reorder->type)),
					 errhint("CALL more.enum_purge removes what was added for it.")));
			ReThrowError(error);
		}
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

/* Step 3, tried until it succeeds.  Now and then it waits long enough for autovacuum to give way. */
static void
move_rows(Reorder *reorder)
{
	for (int tries = 1; !try_move(reorder, tries % 10 == 0 ? DeadlockTimeout + LOCK_WAIT : LOCK_WAIT); tries++)
	{
		SPI_commit();
		if (TimestampDifferenceExceeds(reorder->said, GetCurrentTimestamp(), 5000))
		{
			ereport(NOTICE,
					(errmsg("change " INT64_FORMAT ": waiting for a moment in which the tables can be locked",
							reorder->change->id)));
			reorder->said = GetCurrentTimestamp();
		}
		pg_usleep(LOCK_PAUSE * 1000L);
		CHECK_FOR_INTERRUPTS();
		next_transaction();
	}
	next_transaction();
}

/* --- the function ----------------------------------------------------------------------- */

/* Step 4: what earlier steps left, here or in a call that was interrupted. */
static void
remove_retired(Oid type, MemoryContext context)
{
	retire_moving_values(type, 0);
	SPI_commit();
	purge_retired(type, true, context);
	MemoryContextSwitchTo(context);
	next_transaction();
}

/*
 * reorder_values
 *		Give the values of the type the order of the labels, C strings.
 *
 * For procedures, in a call that is not atomic and holds the change's lock,
 * connected to SPI once, without a snapshot; commits.  context outlives that.
 * The result is the change, or NULL if there was nothing to do.
 */
EnumChange *
reorder_values(Oid type, List *labels, MemoryContext context)
{
	Reorder		reorder = {.type = type, .context = context, .said = GetCurrentTimestamp()};
	EnumChange *unfinished;

	next_transaction();
	MemoryContextSwitchTo(context);
	read_order(&reorder, labels);
	unfinished = change_find(type, "reorder", NULL);
	remove_retired(type, context);
	if (unfinished && strcmp(unfinished->state, "running") == 0)
	{
		change_end(unfinished, strcmp(unfinished->step ? unfinished->step : "", "moved") == 0 ? "done" : "failed");
		next_transaction();
	}
	if (is_in_order(&reorder))
		return NULL;
	count_moves(&reorder);
	look_at_expressions(&reorder);
	choose_moves(&reorder);
	require_movable(&reorder);
	require_ranges(&reorder);
	reorder.change = change_start(type, "reorder", arguments_json(&reorder));
	change_step(reorder.change, "add values", NULL);
	next_transaction();
	add_moving_values(&reorder);
	change_step(reorder.change, "move", NULL);
	next_transaction();
	move_rows(&reorder);
	remove_retired(type, context);
	change_end(reorder.change, "done");
	next_transaction();
	return reorder.change;
}

/* The labels in an array argument, as C strings. */
static List *
labels_argument(ArrayType *array)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;
	List	   *result = NIL;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a label must not be null")));
		result = lappend(result, TextDatumGetCString(values[i]));
	}
	return result;
}

/*
 * CALL more.enum_reorder(type regtype, labels text[])
 *
 * Only where it can commit: 2D000 otherwise.
 */
Datum
enum_reorder(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			type;
	List	   *labels;

	require_no_block(fcinfo, "more.enum_reorder", NULL);
	require_direct_call("more.enum_reorder");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", PG_ARGISNULL(0) ? "type" : "labels")));
	type = PG_GETARG_OID(0);
	require_enum_owner(type);
	labels = labels_argument(PG_GETARG_ARRAYTYPE_P(1));
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(context);
	require_change_lock(type, true);
	PG_TRY();
	{
		if (reorder_values(type, labels, context) == NULL)
			ereport(NOTICE,
					(errmsg("the values of enum %s are in this order already", format_type_be(type))));
	}
	PG_FINALLY();
	{
		unlock_changes(type);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}
