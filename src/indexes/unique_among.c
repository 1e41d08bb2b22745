/*
 * unique_among.c
 *	  Rows of the data that stand in each other's way.
 *
 * Candidates are put in groups of those that are equal in all keys whose
 * operator is an equality with an order: sorted by a hash of the key first,
 * where the equality has one, since most keys differ in that, then by the
 * index's own order.  Other operators, such as the && of an exclusion
 * constraint, are asked for each pair in a group.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/sortsupport.h"

#include "compat.h"
#include "indexes/unique.h"

/* How keys are compared. */
typedef struct Comparison
{
	UniqueRule *rule;
	SortSupportData *orders;	/* per key; of those that are grouped by */
	FmgrInfo   *hashes;			/* per key; fn_oid is 0 where there is none */
	FmgrInfo   *operators;		/* per key; of those that are not */
	bool		pairs;			/* is there such a key? */
} Comparison;

/* Is the key one to group by? */
static bool
is_grouped(UniqueRule *rule, int key)
{
	return OidIsValid(rule->orderings[key]);
}

/* Look up how the index's keys are compared. */
static void
prepare_comparison(Comparison *comparison, UniqueRule *rule)
{
	comparison->rule = rule;
	comparison->orders = palloc0_array(SortSupportData, rule->nkeys);
	comparison->hashes = palloc0_array(FmgrInfo, rule->nkeys);
	comparison->operators = palloc0_array(FmgrInfo, rule->nkeys);
	comparison->pairs = false;
	for (int i = 0; i < rule->nkeys; i++)
	{
		SortSupport order = &comparison->orders[i];
		RegProcedure hash;
		RegProcedure other;

		if (!is_grouped(rule, i))
		{
			fmgr_info(get_opcode(rule->operators[i]), &comparison->operators[i]);
			comparison->pairs = true;
			continue;
		}
		order->ssup_cxt = CurrentMemoryContext;
		order->ssup_collation = rule->collations[i];
		PrepareSortSupportFromOrderingOp(rule->orderings[i], order);
		if (op_hashjoinable(rule->operators[i], rule->types[i]) &&
			get_op_hash_functions(rule->operators[i], &hash, &other))
			fmgr_info(hash, &comparison->hashes[i]);
	}
}

/* Hash the keys that are grouped by. */
static void
hash_candidate(Comparison *comparison, Candidate *candidate)
{
	UniqueRule *rule = comparison->rule;

	candidate->hash = candidate->nulls;
	for (int i = 0; i < rule->nkeys; i++)
		if (OidIsValid(comparison->hashes[i].fn_oid) && !(candidate->nulls & (1U << i)))
			candidate->hash = hash_combine(candidate->hash,
										   DatumGetUInt32(FunctionCall1Coll(&comparison->hashes[i], rule->collations[i],
																			candidate->values[i])));
}

/* Compare two candidates by what they are grouped by. */
static int
compare_groups(const Candidate *a, const Candidate *b, Comparison *comparison)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->nulls != b->nulls)
		return a->nulls < b->nulls ? -1 : 1;
	for (int i = 0; i < comparison->rule->nkeys; i++)
	{
		int			result = 0;

		if (is_grouped(comparison->rule, i) && !(a->nulls & (1U << i)))
			result = ApplySortComparator(a->values[i], false, b->values[i], false, &comparison->orders[i]);
		if (result != 0)
			return result;
	}
	return 0;
}

/* qsort_arg comparator: groups, and in them the order of the data */
static int
compare_candidates(const void *a, const void *b, void *arg)
{
	const Candidate *first = *(Candidate *const *) a;
	const Candidate *second = *(Candidate *const *) b;
	int			result = compare_groups(first, second, arg);

	CHECK_FOR_INTERRUPTS();
	if (result != 0)
		return result;
	return first->ordinal < second->ordinal ? -1 : first->ordinal > second->ordinal;
}

/* Do the operators that are not grouped by hold between two candidates of a group? */
static bool
pair_conflicts(Comparison *comparison, Candidate *a, Candidate *b)
{
	UniqueRule *rule = comparison->rule;

	for (int i = 0; i < rule->nkeys; i++)
		if (!is_grouped(rule, i) && !(a->nulls & (1U << i)) &&
			!DatumGetBool(FunctionCall2Coll(&comparison->operators[i], rule->collations[i],
											a->values[i], b->values[i])))
			return false;
	return true;
}

/* Tell of the first row of the group that is in this one's way. */
static void
check_in_group(CheckedIndex *index, Comparison *comparison, int64 start, int64 at, ConflictSink sink, void *arg)
{
	Candidate **candidates = index->candidates;

	for (int64 i = start; i < at; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (comparison->pairs && !pair_conflicts(comparison, candidates[i], candidates[at]))
			continue;
		sink(arg, index, candidates[at]->ordinal, candidates[i]->ordinal);
		return;
	}
}

/*
 * check_among
 *		Tell the sink of each candidate that an earlier one is in the way of, and
 *		of the first such.
 */
void
check_among(CheckedIndex *index, ConflictSink sink, void *arg)
{
	Comparison	comparison;
	int64		start = 0;

	if (index->ncandidates < 2)
		return;
	prepare_comparison(&comparison, index->rule);
	for (int64 i = 0; i < index->ncandidates; i++)
		hash_candidate(&comparison, index->candidates[i]);
	qsort_arg(index->candidates, index->ncandidates, sizeof(Candidate *), compare_candidates, &comparison);
	for (int64 i = 1; i < index->ncandidates; i++)
	{
		if (compare_groups(index->candidates[start], index->candidates[i], &comparison) != 0)
			start = i;
		else
			check_in_group(index, &comparison, start, i, sink, arg);
	}
}

/* ------------------------------------------------------------------------ */
/* Sets of keys																*/
/* ------------------------------------------------------------------------ */

struct KeySet
{
	Comparison	comparison;
	Datum	  **keys;			/* sorted; none has a null in it */
	int64		nkeys;
};

/* qsort_arg comparator: by the index's order */
static int
compare_keys(const void *a, const void *b, void *arg)
{
	Comparison *comparison = arg;
	int			result = 0;

	for (int i = 0; i < comparison->rule->nkeys && result == 0; i++)
		result = ApplySortComparator((*(Datum *const *) a)[i], false, (*(Datum *const *) b)[i], false,
									 &comparison->orders[i]);
	return result;
}

/*
 * make_key_set
 *		A set of keys of a unique index; NULL where its values have no order.
 */
KeySet *
make_key_set(UniqueRule *rule, Datum **keys, int64 nkeys)
{
	KeySet	   *set = palloc0(sizeof(KeySet));

	for (int i = 0; i < rule->nkeys; i++)
		if (!is_grouped(rule, i))
			return NULL;
	prepare_comparison(&set->comparison, rule);
	set->keys = keys;
	set->nkeys = nkeys;
	qsort_arg(keys, nkeys, sizeof(Datum *), compare_keys, &set->comparison);
	return set;
}

/*
 * key_set_has
 *		Whether the key is in the set.
 */
bool
key_set_has(KeySet *set, Datum *key)
{
	return bsearch_arg(&key, set->keys, set->nkeys, sizeof(Datum *), compare_keys, &set->comparison) != NULL;
}
