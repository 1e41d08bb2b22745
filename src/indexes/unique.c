/*
 * unique.c
 *	  more.check_unique: what unique indexes have against rows, before they are
 *	  written.
 *
 * Each index that an INSERT would check (unique_index.c) gets the rows of the
 * data as it would have them (unique_rows.c).  These are compared with each
 * other (unique_among.c) and looked up in the table by one statement per index:
 * the data joined with the table by the index's own operators and collations,
 * with its predicate, so that the plan is one probe of that index for each row.
 * Nulls match nothing; with NULLS NOT DISTINCT there is a statement for each
 * set of columns that are null in some row, since IS NOT DISTINCT FROM would
 * use no index.
 *
 * Whose rights: the statements run as the caller, through the executor.  So a
 * row that row security hides is not found, and a column that the caller may
 * not read cannot be looked up by.  INSERT would tell more: it fails because of
 * rows that are hidden.  But it tells that only of rows that the caller may
 * insert and that passed policies, constraints and triggers; a function that
 * looked past row security would tell it of any row to whoever asks, without a
 * trace.  So "no conflict" means: none with a row that the caller may see.  For
 * columns the rule is that of INSERT with ON CONFLICT, which takes SELECT on the
 * columns of the index: without it the check is refused, not passed over.  Of
 * the row in the way only columns are shown that the caller may read.
 *
 * Whose functions: expressions of the table (of indexes, defaults, generated
 * columns) are computed as the caller, in the way and with the rights of an
 * INSERT by the same user; nothing is computed that an INSERT would not compute.
 * Volatile defaults are not, so no sequence moves and nothing is written.
 *
 * Updates: the row that a candidate updates is not in its way, by the key's own
 * equality.  Other rows count as they stand, also those that the data changes:
 * a unique index is checked row by row, in no order that one could rely on, so
 * that two rows that swap their values may be refused.  A deferrable constraint
 * is checked when all rows are changed; there the rows that the data changes
 * count as they will be.
 *
 * What is true when: the statements see what the query around them sees.  Rows
 * of other sessions that are not committed, or were after the snapshot, are not
 * found.  Only the index itself can refuse those; this is for telling users
 * early and in full, and an INSERT must still be ready for a conflict.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "condition.h"
#include "indexes/unique.h"
#include "rows/plan.h"

PG_FUNCTION_INFO_V1(check_unique);

/* A line of the result, in the making. */
typedef struct Conflict
{
	int64		ordinal;
	int			index;			/* position in the list of indexes */
	int64		earlier;		/* row of the data in the way, or 0: */
	int64		sequence;		/* as it was found */
	Datum		row;			/* the table's row in the way, as jsonb */
} Conflict;

typedef struct Conflicts
{
	DestReceiver pub;			/* must be first */
	UniqueCheck *check;
	int			index;
	KeySet	   *replaced;		/* keys of rows that are in nobody's way, or NULL */
	Conflict   *items;
	int64		count;
	int64		max;
} Conflicts;

/* ------------------------------------------------------------------------ */
/* What is in the way														*/
/* ------------------------------------------------------------------------ */

static Conflict *
add_conflict(Conflicts *conflicts, int64 ordinal)
{
	Conflict   *result;

	if (conflicts->count == conflicts->max)
	{
		conflicts->max = Max(64, conflicts->max * 2);
		conflicts->items = conflicts->items ?
			repalloc_huge(conflicts->items, sizeof(Conflict) * conflicts->max) :
			MemoryContextAllocHuge(conflicts->check->context, sizeof(Conflict) * conflicts->max);
	}
	result = &conflicts->items[conflicts->count];
	memset(result, 0, sizeof(*result));
	result->ordinal = ordinal;
	result->index = conflicts->index;
	result->sequence = conflicts->count++;
	return result;
}

/* ConflictSink */
static void
note_earlier(void *arg, CheckedIndex *index, int64 ordinal, int64 earlier)
{
	add_conflict(arg, ordinal)->earlier = earlier;
}

static void
ignore_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
ignore_end(DestReceiver *self)
{
}

/* receiveSlot: the candidate's number, the row in its way, and where rows are replaced, the key of that row */
static bool
conflict_receive(TupleTableSlot *slot, DestReceiver *self)
{
	Conflicts  *conflicts = (Conflicts *) self;
	MemoryContext old;

	slot_getallattrs(slot);
	if (conflicts->replaced && key_set_has(conflicts->replaced, slot->tts_values + 2))
		return true;
	old = MemoryContextSwitchTo(conflicts->check->context);
	add_conflict(conflicts, DatumGetInt64(slot->tts_values[0]))->row = datumCopy(slot->tts_values[1], false, -1);
	MemoryContextSwitchTo(old);
	return true;
}

/* ------------------------------------------------------------------------ */
/* Looking rows up															*/
/* ------------------------------------------------------------------------ */

/* The columns of a row that the caller may read, as those of a subquery. */
static char *
readable_columns(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Oid			relid = RelationGetRelid(rel);
	bool		all = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped &&
			(all || pg_attribute_aclcheck(relid, i + 1, GetUserId(), ACL_SELECT) == ACLCHECK_OK))
			appendStringInfo(&out, "%starget.%s", out.len > 0 ? ", " : "", quote_identifier(NameStr(att->attname)));
	}
	return out.data;
}

/* The columns of the key, as more columns of a query. */
static char *
key_columns_sql(UniqueCheck *check)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	foreach(lc, check->keyrule->keys)
		appendStringInfo(&out, ", target.%s",
						 quote_identifier(get_attname(RelationGetRelid(check->rel), lfirst_node(Var, lc)->varattno, false)));
	return out.data;
}

/* The statement that looks candidates up whose key has these nulls. */
static char *
lookup_sql(UniqueCheck *check, CheckedIndex *index, Source *source, uint32 nulls, bool updates, bool replaces)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "SELECT %s, pg_catalog.jsonb_build_object('row', "
					 "(SELECT pg_catalog.to_jsonb(r.*) FROM (SELECT %s) AS r))%s FROM %s JOIN %s%s AS target ON \""
					 SAME_KEY_QUALIFIER "\".\"%s\"",
					 source_ordinal(source), readable_columns(check->rel), replaces ? key_columns_sql(check) : "",
					 source_sql(source),
					 check->rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					 check->verb.target, same_key_name(index->rule, 'k', nulls));
	if (updates)
		appendStringInfo(&out, " AND \"" SAME_KEY_QUALIFIER "\".\"%s\" IS NOT TRUE",
						 same_key_name(check->keyrule, 's', 0));
	return out.data;
}

/* Describe a column for each value of a key that is not null. */
static int
key_columns(UniqueRule *rule, char prefix, uint32 nulls, DataColumn *columns)
{
	int			n = 0;

	for (int i = 0; i < rule->nkeys; i++)
		if (!(nulls & (1U << i)))
		{
			columns[n].name = psprintf("%c%d", prefix, i + 1);
			columns[n].type = rule->types[i];
			columns[n].typmod = -1;
			columns[n++].collation = rule->collations[i];
		}
	return n;
}

/* Put a candidate into the source, with the key of the row that it updates. */
static void
put_candidate(UniqueCheck *check, Source *source, UniqueRule *rule, Candidate *candidate, bool updates)
{
	Datum		values[INDEX_MAX_KEYS * 2];
	bool		nulls[INDEX_MAX_KEYS * 2] = {0};
	int			n = 0;

	for (int i = 0; i < rule->nkeys; i++)
		if (!(candidate->nulls & (1U << i)))
			values[n++] = candidate->values[i];
	for (int k = 0; updates && k < check->keyrule->nkeys; k++)
	{
		nulls[n] = candidate->self == NULL;
		values[n++] = candidate->self ? candidate->self[k] : (Datum) 0;
	}
	source_put(source, candidate->ordinal, values, nulls, NULL);
}

/* Look the candidates up that have these nulls; nrows of them. */
static void
look_up_nulls(UniqueCheck *check, CheckedIndex *index, uint32 nulls, int64 nrows, bool updates, Conflicts *conflicts)
{
	UniqueRule *rule = index->rule;
	DataColumn *columns = palloc0_array(DataColumn, INDEX_MAX_KEYS * 2);
	int			n = key_columns(rule, 'k', nulls, columns);
	Source	   *source;

	if (updates)
		n += key_columns(check->keyrule, 's', 0, columns + n);
	source = source_create(columns, n, true, source_form(RelationGetRelid(check->rel), nrows, false));
	source_begin(source);
	for (int64 i = 0; i < index->ncandidates; i++)
		if (index->candidates[i]->probed && index->candidates[i]->nulls == nulls)
		{
			CHECK_FOR_INTERRUPTS();
			put_candidate(check, source, rule, index->candidates[i], updates);
		}
	source_end(source, nrows);
	source->probes = true;
	source->bytes = nrows * n * sizeof(Datum);
	verb_run(&check->verb, lookup_sql(check, index, source, nulls, updates, conflicts->replaced != NULL),
			 source, &conflicts->pub);
	source_free(source);
}

/* Look the index's candidates up in the table. */
static void
look_up(UniqueCheck *check, CheckedIndex *index, Conflicts *conflicts)
{
	UniqueRule *rule = index->rule;
	List	   *seen = NIL;

	/* what is checked at the end meets the rows as they will be then, not those that the data changes */
	conflicts->replaced = index->nreplaced > 0 ? make_key_set(check->keyrule, index->replaced, index->nreplaced) : NULL;
	for (int64 i = 0; i < index->ncandidates; i++)
	{
		uint32		nulls = index->candidates[i]->nulls;
		int64		nrows = 0;
		bool		updates = false;

		if (!index->candidates[i]->probed || list_member_oid(seen, nulls))
			continue;
		if (seen == NIL)
			require_select(check->rel, (Node *) list_make3(rule->keys, rule->predicate, rule->partition));
		seen = lappend_oid(seen, nulls);
		for (int64 j = i; j < index->ncandidates; j++)
			if (index->candidates[j]->probed && index->candidates[j]->nulls == nulls)
			{
				nrows++;
				updates |= index->candidates[j]->self != NULL;
			}
		look_up_nulls(check, index, nulls, nrows, updates, conflicts);
	}
}

/* ------------------------------------------------------------------------ */
/* The function																*/
/* ------------------------------------------------------------------------ */

/* Open the target: only a table has indexes that refuse rows. */
static void
open_target(UniqueCheck *check, Oid relid)
{
	Relation	rel = condition_table(relid, AccessShareLock);
	char		relkind = rel->rd_rel->relkind;

	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel)),
				 errdetail("Only indexes of tables refuse rows.")));
	check->rel = rel;
	check->verb.rel = rel;
	check->verb.read_only = true;
	check->verb.inserts = true;
	check->verb.target = qualified_name(relid);
}

/* Look the key up, and the index by which it is unique. */
static void
resolve_update_key(UniqueCheck *check)
{
	Verb	   *verb = &check->verb;
	List	   *names = verb_key_names(verb);
	ListCell   *lc;

	foreach(lc, names)
		check->key = lappend_int(check->key, find_column(check->rel, lfirst(lc)));
	verb->key_attnums = check->key;
	verb_require_unique_key(verb);
	check->keyrule = unique_rule(check->rel, verb->unique.index);
	if (check->keyrule->predicate || check->keyrule->exclusion)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("the key does not identify rows of \"%s\"", RelationGetRelationName(check->rel)),
				 errdetail(check->keyrule->predicate ? "Index \"%s\" is partial." : "Index \"%s\" is of an exclusion constraint.",
						   get_rel_name(check->keyrule->index)),
				 errhint("Name the columns of a unique index without a condition.")));
}

/* Look the data's columns up; those of the key are read as they are given. */
static void
resolve_columns(UniqueCheck *check)
{
	Verb	   *verb = &check->verb;

	if (verb->key_arg)
		resolve_update_key(check);
	verb_describe_columns(verb, verb->key_arg ? verb_key_names(verb) : NIL, NIL, NIL, NIL);
}

/* qsort comparator: by row of the data, index, and then what is in the table first */
static int
compare_conflicts(const void *a, const void *b)
{
	const Conflict *first = a;
	const Conflict *second = b;

	if (first->ordinal != second->ordinal)
		return first->ordinal < second->ordinal ? -1 : 1;
	if (first->index != second->index)
		return first->index < second->index ? -1 : 1;
	if (first->earlier != second->earlier)
		return first->earlier < second->earlier ? -1 : 1;
	return first->sequence < second->sequence ? -1 : 1;
}

/* Give the lines to the caller. */
static void
emit_conflicts(UniqueCheck *check, Conflicts *conflicts, ReturnSetInfo *rsinfo)
{
	int			nindexes = list_length(check->indexes);
	Datum	  (*texts)[6] = palloc0(sizeof(Datum[6]) * Max(nindexes, 1));
	bool	  (*nulls)[6] = palloc0(sizeof(bool[6]) * Max(nindexes, 1));
	bool	   *described = palloc0_array(bool, nindexes + 1);

	if (conflicts->count > 1)
		qsort(conflicts->items, conflicts->count, sizeof(Conflict), compare_conflicts);
	for (int64 n = 0; n < conflicts->count; n++)
	{
		Conflict   *item = &conflicts->items[n];
		int			i = item->index;
		Datum		earlier = (Datum) 0;

		CHECK_FOR_INTERRUPTS();
		if (!described[i])
		{
			CheckedIndex *index = list_nth(check->indexes, i);

			texts[i][1] = ObjectIdGetDatum(index->rule->index);
			describe_index(check->rel, index->rule, &texts[i][2], &texts[i][3], &nulls[i][3], &texts[i][5], &nulls[i][5]);
			described[i] = true;
		}
		if (item->earlier > 0)
			earlier = DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"ordinal\": " INT64_FORMAT "}", item->earlier)));
		texts[i][0] = Int64GetDatum(item->ordinal);
		texts[i][4] = item->earlier > 0 ? earlier : item->row;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, texts[i], nulls[i]);
		if (item->earlier > 0)
			pfree(DatumGetPointer(earlier));
	}
}

/* Look at each index, and fill the result. */
static void
run_check(UniqueCheck *check, ReturnSetInfo *rsinfo)
{
	Conflicts	conflicts = {{0}};
	ListCell   *lc;

	conflicts.pub.receiveSlot = conflict_receive;
	conflicts.pub.rStartup = ignore_startup;
	conflicts.pub.rShutdown = ignore_end;
	conflicts.pub.rDestroy = ignore_end;
	conflicts.pub.mydest = DestNone;
	conflicts.check = check;
	make_candidates(check);
	foreach(lc, check->indexes)
	{
		conflicts.index = foreach_current_index(lc);
		check_among(lfirst(lc), note_earlier, &conflicts);
		look_up(check, lfirst(lc), &conflicts);
	}
	emit_conflicts(check, &conflicts, rsinfo);
}

/* more.check_unique(target, data, key): what unique indexes have against the rows. */
Datum
check_unique(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"target", "data"};
	UniqueCheck check;

	for (int i = 0; i < 2; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not be null", names[i])));
	memset(&check, 0, sizeof(check));
	check.verb.data = PG_GETARG_ROWSET(1);
	check.verb.key_arg = arg_array(fcinfo, 2);
	open_target(&check, PG_GETARG_OID(0));
	InitMaterializedSRF(fcinfo, 0);
	verb_connect(&check.verb);
	check.context = check.verb.context;
	resolve_columns(&check);
	if (check.verb.data->nrows > 0)
	{
		check.indexes = checked_indexes(check.rel);
		run_check(&check, (ReturnSetInfo *) fcinfo->resultinfo);
	}
	verb_finish(&check.verb, NULL);
	return (Datum) 0;
}
