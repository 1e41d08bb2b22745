/*
 * unique_rows.c
 *	  The rows of the data as each index would have them.
 *
 * For each row of the data the columns that indexes depend on are computed as
 * an INSERT, or an UPDATE of the row with that key, would: from the data, from
 * the row that is there, or from the column's default; then the generated ones.
 * Of these the index's predicate and key are computed, by the server's own
 * expressions.
 *
 * A default that is volatile is not computed: it may take a number from a
 * sequence, and what it gives now is not what the INSERT will get.  Such a
 * column is unknown, and with it all that is computed from it; an index that
 * depends on it is left alone for that row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_attribute.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "compat.h"
#include "condition.h"
#include "indexes/unique.h"
#include "rows/plan.h"

/* ------------------------------------------------------------------------ */
/* What decides																*/
/* ------------------------------------------------------------------------ */

/* The columns that an expression depends on, those included that generated ones are made of. */
static List *
deciding_columns(Relation rel, Node *expr)
{
	List	   *result = condition_columns(rel, expr);
	ListCell   *lc;

	/* what is appended is looked at in its turn */
	foreach(lc, result)
	{
		AttrNumber	attnum = lfirst_int(lc);

		if (attnum > 0 && TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attgenerated)
			result = list_concat_unique_int(result, condition_columns(rel, build_column_default(rel, attnum)));
	}
	return result;
}

/* Make an index's expressions ready and note what they depend on. */
static void
prepare_index(UniqueCheck *check, CheckedIndex *index)
{
	UniqueRule *rule = index->rule;
	List	   *all = list_copy(rule->keys);
	ListCell   *lc;

	if (rule->predicate)
		all = lappend(all, rule->predicate);
	if (rule->partition)
		all = lappend(all, rule->partition);
	index->columns = deciding_columns(check->rel, (Node *) all);
	foreach(lc, index->columns)
		if (lfirst_int(lc) > 0)
			check->needed[lfirst_int(lc) - 1] = true;
	index->keys = ExecPrepareExprList(rule->keys, check->estate);
	if (rule->predicate)
		index->predicate = ExecPrepareExpr((Expr *) rule->predicate, check->estate);
	if (rule->partition)
		index->partition = ExecPrepareCheck(make_ands_implicit((Expr *) rule->partition), check->estate);
}

/* What a key is stored as: it is looked up as it was given, without the column's length. */
static ExprState *
key_coercion(UniqueCheck *check, Form_pg_attribute att)
{
	CaseTestExpr *value = makeNode(CaseTestExpr);
	Node	   *stored;

	value->typeId = att->atttypid;
	value->typeMod = -1;
	value->collation = att->attcollation;
	stored = coerce_to_target_type(NULL, (Node *) value, att->atttypid, att->atttypid, att->atttypmod,
								   COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	return stored == (Node *) value ? NULL : ExecPrepareExpr((Expr *) stored, check->estate);
}

/* Make ready what fills a needed column that the data may lack. */
static void
prepare_column(UniqueCheck *check, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(check->rel), attnum - 1);
	Node	   *expr;

	if (list_member_int(check->key, attnum) && att->atttypmod >= 0)
		check->coercions[attnum - 1] = key_coercion(check, att);
	expr = column_default(check->rel, attnum);
	if (att->attgenerated)
		check->sources[attnum - 1] = condition_columns(check->rel, expr);
	/* arguments that are defaults come in with planning */
	expr = (Node *) expression_planner((Expr *) expr);
	check->is_volatile[attnum - 1] = contain_volatile_functions(expr);
	if (!check->is_volatile[attnum - 1])
		check->defaults[attnum - 1] = ExecPrepareExpr((Expr *) expr, check->estate);
}

/* Make everything ready that the rows have in common. */
static void
prepare_rows(UniqueCheck *check)
{
	TupleDesc	desc = RelationGetDescr(check->rel);
	ListCell   *lc;

	check->estate = CreateExecutorState();
	check->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	check->source = palloc_array(int, desc->natts + 1);
	check->needed = palloc0_array(bool, desc->natts + 1);
	check->given = palloc0_array(bool, desc->natts + 1);
	check->unknown = palloc0_array(bool, desc->natts + 1);
	check->defaults = palloc0_array(ExprState *, desc->natts + 1);
	check->sources = palloc0_array(List *, desc->natts + 1);
	check->is_volatile = palloc0_array(bool, desc->natts + 1);
	check->coercions = palloc0_array(ExprState *, desc->natts + 1);
	foreach(lc, check->indexes)
		prepare_index(check, lfirst(lc));
	for (int i = 0; i < desc->natts; i++)
	{
		check->source[i] = -1;
		if (check->needed[i])
			prepare_column(check, i + 1);
	}
	for (int c = 0; c < check->verb.ncolumns; c++)
		check->source[check->verb.columns[c].attnum - 1] = c;
}

/* Start decoding: rows come in input order, all of them. */
static void
all_rows(UniqueCheck *check, DecodeRequest *request)
{
	memset(request, 0, sizeof(*request));
	request->rowset = check->verb.data;
	request->columns = check->verb.columns;
	request->ncolumns = check->verb.ncolumns;
	request->rule = KEY_ANY;
}

/* ------------------------------------------------------------------------ */
/* The rows that the data updates											*/
/* ------------------------------------------------------------------------ */

/* Receives the rows that are there. */
typedef struct ExistingReceiver
{
	DestReceiver pub;			/* must be first */
	UniqueCheck *check;
} ExistingReceiver;

static void
existing_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	UniqueCheck *check = ((ExistingReceiver *) self)->check;
	MemoryContext old = MemoryContextSwitchTo(check->context);

	check->fetched_desc = CreateTupleDescCopy(typeinfo);
	MemoryContextSwitchTo(old);
}

/* receiveSlot: number, then the fetched columns */
static bool
existing_receive(TupleTableSlot *slot, DestReceiver *self)
{
	UniqueCheck *check = ((ExistingReceiver *) self)->check;
	MemoryContext old = MemoryContextSwitchTo(check->context);
	bool		isnull;
	int64		ordinal = DatumGetInt64(slot_getattr(slot, 1, &isnull));

	check->existing[ordinal - 1] = ExecCopySlotMinimalTuple(slot);
	MemoryContextSwitchTo(old);
	return true;
}

static void
ignore_end(DestReceiver *self)
{
}

/* Where the rows' keys go. */
typedef struct KeySink
{
	UniqueCheck *check;
	Source	   *source;
	int		   *columns;		/* of the data, per key */
	Datum	   *values;
	bool	   *nulls;
	int64		count;
} KeySink;

/* RowSink: a row that lacks some of the key, or has a null in it, is a new one. */
static void
put_key(void *arg, int64 ordinal, Datum *values, bool *nulls, bool *absent)
{
	KeySink    *sink = arg;

	for (int k = 0; k < sink->check->keyrule->nkeys; k++)
	{
		int			c = sink->columns[k];

		if (absent[c] || nulls[c])
			return;
		sink->values[k] = values[c];
		sink->nulls[k] = false;
	}
	source_put(sink->source, ordinal, sink->values, sink->nulls, absent);
	sink->count++;
}

/* Which column of the data has the key's column; -1 when none has. */
static int
key_column(UniqueCheck *check, int k)
{
	Var		   *var = list_nth_node(Var, check->keyrule->keys, k);

	return check->source[var->varattno - 1];
}

/* What must be read of a row: its key, and what indexes depend on that the data also writes. */
static void
choose_fetched(UniqueCheck *check)
{
	TupleDesc	desc = RelationGetDescr(check->rel);
	ListCell   *lc;

	check->fetched = list_copy(check->key);
	foreach(lc, check->indexes)
	{
		CheckedIndex *index = lfirst(lc);
		bool		written = false;
		ListCell   *col;

		foreach(col, index->columns)
			written |= lfirst_int(col) > 0 && check->source[lfirst_int(col) - 1] >= 0 &&
				!list_member_int(check->key, lfirst_int(col));
		foreach(col, index->columns)
			if (written && lfirst_int(col) > 0 && !TupleDescAttr(desc, lfirst_int(col) - 1)->attgenerated)
				check->fetched = list_append_unique_int(check->fetched, lfirst_int(col));
	}
}

/* The statement that reads them. */
static char *
existing_sql(UniqueCheck *check, Source *source)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	appendStringInfo(&out, "SELECT %s", source_ordinal(source));
	foreach(lc, check->fetched)
		appendStringInfo(&out, ", target.%s",
						 quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(check->rel), lfirst_int(lc) - 1)->attname)));
	appendStringInfo(&out, " FROM %s JOIN %s%s AS target ON \"" SAME_KEY_QUALIFIER "\".\"%s\"",
					 source_sql(source),
					 check->rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					 check->verb.target, same_key_name(check->keyrule, 'k', 0));
	return out.data;
}

/* Read the rows that have the data's keys. */
static void
find_existing_rows(UniqueCheck *check)
{
	UniqueRule *rule = check->keyrule;
	DataColumn *columns = palloc0_array(DataColumn, rule->nkeys);
	KeySink		sink = {check};
	ExistingReceiver receiver = {{0}};
	DecodeRequest request;

	sink.columns = palloc_array(int, rule->nkeys);
	sink.values = palloc_array(Datum, rule->nkeys);
	sink.nulls = palloc_array(bool, rule->nkeys);
	for (int k = 0; k < rule->nkeys; k++)
	{
		sink.columns[k] = key_column(check, k);
		if (sink.columns[k] < 0)
			return;				/* all rows are new */
		columns[k].name = psprintf("k%d", k + 1);
		columns[k].type = rule->types[k];
		columns[k].typmod = -1;
		columns[k].collation = rule->collations[k];
	}
	sink.source = source_create(columns, rule->nkeys, true,
								source_form(RelationGetRelid(check->rel), check->verb.data->nrows, false));
	source_begin(sink.source);
	all_rows(check, &request);
	decode_rows(&request, put_key, &sink);
	source_end(sink.source, sink.count);
	if (sink.count > 0)
	{
		choose_fetched(check);
		sink.source->probes = true;
		sink.source->bytes = check->verb.data->cells_len;
		receiver.pub.receiveSlot = existing_receive;
		receiver.pub.rStartup = existing_startup;
		receiver.pub.rShutdown = ignore_end;
		receiver.pub.rDestroy = ignore_end;
		receiver.pub.mydest = DestNone;
		receiver.check = check;
		check->existing = palloc_extended(sizeof(MinimalTuple) * check->verb.data->nrows,
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		verb_run(&check->verb, existing_sql(check, sink.source), sink.source, &receiver.pub);
	}
	source_free(sink.source);
}

/* ------------------------------------------------------------------------ */
/* One row																	*/
/* ------------------------------------------------------------------------ */

/* Error context: which row, and which index. */
static void
candidate_error_callback(void *arg)
{
	UniqueCheck *check = arg;

	if (check->index)
		errcontext("row " INT64_FORMAT " of the data, index \"%s\"", check->ordinal,
				   get_rel_name(check->index->rule->index));
	else
		errcontext("row " INT64_FORMAT " of the data", check->ordinal);
}

/* Compute an expression into a column. */
static void
compute_column(UniqueCheck *check, int i, ExprState *expr)
{
	ExprContext *econtext = GetPerTupleExprContext(check->estate);

	econtext->ecxt_scantuple = check->slot;
	check->slot->tts_values[i] = ExecEvalExprSwitchContext(expr, econtext, &check->slot->tts_isnull[i]);
}

/* Bring a key to the length that its column has. */
static void
coerce_column(UniqueCheck *check, int i)
{
	ExprContext *econtext = GetPerTupleExprContext(check->estate);

	econtext->caseValue_datum = check->slot->tts_values[i];
	econtext->caseValue_isNull = check->slot->tts_isnull[i];
	compute_column(check, i, check->coercions[i]);
}

/* Take what the existing row has over into the slot; all that the data may change is changed later. */
static void
take_existing(UniqueCheck *check, MinimalTuple existing)
{
	int			natts = check->fetched_desc->natts;
	Datum	   *values = palloc_array(Datum, natts);
	bool	   *nulls = palloc_array(bool, natts);
	HeapTupleData tuple;
	ListCell   *lc;

	tuple.t_len = existing->t_len + MINIMAL_TUPLE_OFFSET;
	tuple.t_data = (HeapTupleHeader) ((char *) existing - MINIMAL_TUPLE_OFFSET);
	heap_deform_tuple(&tuple, check->fetched_desc, values, nulls);
	foreach(lc, check->fetched)
	{
		int			n = foreach_current_index(lc) + 1;

		check->slot->tts_values[lfirst_int(lc) - 1] = values[n];
		check->slot->tts_isnull[lfirst_int(lc) - 1] = nulls[n];
		check->unknown[lfirst_int(lc) - 1] = false;
	}
}

/* Fill in a column that is not generated. */
static void
fill_column(UniqueCheck *check, int i, Datum *values, bool *nulls, bool *absent, bool exists)
{
	int			c = check->source[i];

	if (c >= 0 && !absent[c] && !(exists && list_member_int(check->key, i + 1)))
	{
		check->slot->tts_values[i] = values[c];
		check->slot->tts_isnull[i] = nulls[c];
		check->unknown[i] = false;
		check->given[i] = true;
		if (check->coercions[i])
			coerce_column(check, i);
	}
	else if (!exists && check->defaults[i])
	{
		check->unknown[i] = false;
		compute_column(check, i, check->defaults[i]);
	}
}

/* Compute a generated column. */
static void
generate_column(UniqueCheck *check, AttrNumber attnum)
{
	ListCell   *lc;

	foreach(lc, check->sources[attnum - 1])
	{
		check->unknown[attnum - 1] |= lfirst_int(lc) > 0 && check->unknown[lfirst_int(lc) - 1];
		check->given[attnum - 1] |= lfirst_int(lc) > 0 && check->given[lfirst_int(lc) - 1];
	}
	if (!check->unknown[attnum - 1])
		compute_column(check, attnum - 1, check->defaults[attnum - 1]);
}

/* Fill the slot with what the row would be in the table, as far as indexes depend on it. */
static void
fill_slot(UniqueCheck *check, Datum *values, bool *nulls, bool *absent, MinimalTuple existing)
{
	TupleDesc	desc = RelationGetDescr(check->rel);

	ExecClearTuple(check->slot);
	memset(check->slot->tts_isnull, true, desc->natts * sizeof(bool));
	memset(check->given, false, desc->natts * sizeof(bool));
	memset(check->unknown, true, desc->natts * sizeof(bool));
	ExecStoreVirtualTuple(check->slot);
	if (existing)
		take_existing(check, existing);
	for (int i = 0; i < desc->natts; i++)
		if (check->needed[i] && !TupleDescAttr(desc, i)->attgenerated)
			fill_column(check, i, values, nulls, absent, existing != NULL);
	for (int i = 0; i < desc->natts; i++)
		if (check->needed[i] && TupleDescAttr(desc, i)->attgenerated)
		{
			check->unknown[i] = check->is_volatile[i];
			generate_column(check, i + 1);
		}
}

/* ------------------------------------------------------------------------ */
/* Candidates																*/
/* ------------------------------------------------------------------------ */

/* Does some column that the index depends on have this mark? */
static bool
any_column(CheckedIndex *index, bool *marks)
{
	ListCell   *lc;

	foreach(lc, index->columns)
		if (lfirst_int(lc) > 0 && marks[lfirst_int(lc) - 1])
			return true;
	return false;
}

/* Would the index have the row? */
static bool
index_has_row(UniqueCheck *check, CheckedIndex *index)
{
	ExprContext *econtext = GetPerTupleExprContext(check->estate);
	bool		isnull;

	econtext->ecxt_scantuple = check->slot;
	if (index->partition && !ExecCheck(index->partition, econtext))
		return false;
	return index->predicate == NULL ||
		(DatumGetBool(ExecEvalExprSwitchContext(index->predicate, econtext, &isnull)) && !isnull);
}

/* A copy of a value, in the current memory context. */
static Datum
copy_value(Datum value, Oid type)
{
	int16		typlen;
	bool		typbyval;

	get_typlenbyval(type, &typlen, &typbyval);
	return datumCopy(value, typbyval, typlen);
}

/* Compute the row's key into a new candidate; NULL when it has a null that is equal to nothing. */
static Candidate *
make_candidate(UniqueCheck *check, CheckedIndex *index)
{
	UniqueRule *rule = index->rule;
	ExprContext *econtext = GetPerTupleExprContext(check->estate);
	Candidate  *result = MemoryContextAllocZero(check->context,
												offsetof(Candidate, values) + sizeof(Datum) * rule->nkeys);
	ListCell   *lc;

	foreach(lc, index->keys)
	{
		int			i = foreach_current_index(lc);
		bool		isnull;
		Datum		value = ExecEvalExprSwitchContext(lfirst(lc), econtext, &isnull);
		MemoryContext old;

		if (isnull && !rule->nulls_not_distinct)
			return NULL;
		if (isnull)
		{
			result->nulls |= 1U << i;
			continue;
		}
		old = MemoryContextSwitchTo(check->context);
		result->values[i] = copy_value(value, rule->types[i]);
		MemoryContextSwitchTo(old);
	}
	result->ordinal = check->ordinal;
	return result;
}

/* Keep a candidate. */
static void
add_candidate(UniqueCheck *check, CheckedIndex *index, Candidate *candidate)
{
	if (index->ncandidates == index->maxcandidates)
	{
		index->maxcandidates = Max(16, index->maxcandidates * 2);
		index->candidates = index->candidates ?
			repalloc_huge(index->candidates, sizeof(Candidate *) * index->maxcandidates) :
			MemoryContextAllocHuge(check->context, sizeof(Candidate *) * index->maxcandidates);
	}
	index->candidates[index->ncandidates++] = candidate;
}

/* The key of the row that is updated, to leave it out of what is looked up. */
static Datum *
key_of_existing(UniqueCheck *check)
{
	UniqueRule *rule = check->keyrule;
	MemoryContext old = MemoryContextSwitchTo(check->context);
	Datum	   *result = palloc_array(Datum, rule->nkeys);

	for (int k = 0; k < rule->nkeys; k++)
	{
		Var		   *var = list_nth_node(Var, rule->keys, k);

		result[k] = copy_value(check->slot->tts_values[var->varattno - 1], rule->types[k]);
	}
	MemoryContextSwitchTo(old);
	return result;
}

/* Note that the data changes a row in an index that is checked only when all rows are changed. */
static void
note_replaced(UniqueCheck *check, CheckedIndex *index, Datum *self)
{
	if (index->replaced == NULL)
		index->replaced = MemoryContextAllocHuge(check->context, sizeof(Datum *) * check->verb.data->nrows);
	index->replaced[index->nreplaced++] = self;
}

/*
 * RowSink: the row as each index would have it.
 *
 * An update can come into conflict only through a column that it writes; the
 * index behind the key is looked at all the same, since the key may be twice
 * in the data.
 */
static void
take_row(void *arg, int64 ordinal, Datum *values, bool *nulls, bool *absent)
{
	UniqueCheck *check = arg;
	MinimalTuple existing = check->existing ? check->existing[ordinal - 1] : NULL;
	Datum	   *self = NULL;
	ErrorContextCallback callback;
	ListCell   *lc;

	check->ordinal = ordinal;
	callback.callback = candidate_error_callback;
	callback.arg = check;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	fill_slot(check, values, nulls, absent, existing);
	foreach(lc, check->indexes)
	{
		CheckedIndex *index = lfirst(lc);
		bool		is_key = check->keyrule && check->keyrule->index == index->rule->index;
		bool		written = existing == NULL || any_column(index, check->given);
		Candidate  *candidate;

		if (existing && self == NULL && (written || is_key))
			self = key_of_existing(check);
		if (existing && written && index->rule->deferrable)
			note_replaced(check, index, self);
		if (any_column(index, check->unknown) || !(written || is_key))
			continue;
		check->index = index;
		candidate = index_has_row(check, index) ? make_candidate(check, index) : NULL;
		check->index = NULL;
		if (candidate == NULL)
			continue;
		candidate->self = self;
		candidate->probed = written;
		add_candidate(check, index, candidate);
	}
	ResetPerTupleExprContext(check->estate);
	error_context_stack = callback.previous;
}

/*
 * make_candidates
 *		Give each index its candidates.
 */
void
make_candidates(UniqueCheck *check)
{
	DecodeRequest request;

	prepare_rows(check);
	if (check->keyrule)
		find_existing_rows(check);
	all_rows(check, &request);
	decode_rows(&request, take_row, check);
	ExecDropSingleTupleTableSlot(check->slot);
	FreeExecutorState(check->estate);
}
