/*
 * shape.c
 *	  What an index is, and which indexes are alike.
 *
 * Two indexes are the same when they hold the same rows under the same keys,
 * whatever their text says: predicates are compared by the server's prover,
 * each must imply the other; expressions as simplified trees; operator classes,
 * collations and orders as they were resolved.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/catalog.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "indexes/indexes.h"

/* Whether a column of the index has options of its operator class. */
static bool
has_options(Relation index)
{
	for (int i = 1; i <= IndexRelationGetNumberOfKeyAttributes(index); i++)
		if (get_attoptions(RelationGetRelid(index), i) != (Datum) 0)
			return true;
	return false;
}

/* The key columns of an index. */
static List *
index_keys(Relation index)
{
	List	   *exprs = RelationGetIndexExpressions(index);
	ListCell   *next = list_head(exprs);
	List	   *result = NIL;
	bool		isnull;
	Datum		indclass = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indclass, &isnull);
	oidvector  *opclasses = (oidvector *) DatumGetPointer(indclass);

	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		IndexKey   *key = palloc0(sizeof(IndexKey));

		key->attnum = index->rd_index->indkey.values[i];
		if (key->attnum == 0)
		{
			key->expr = lfirst(next);
			next = lnext(exprs, next);
		}
		key->collation = index->rd_indcollation[i];
		key->opclass = opclasses->values[i];
		key->option = index->rd_indoption[i];
		result = lappend(result, key);
	}
	return result;
}

/* Fill in what the relation cache simplifies: that may run the owner's functions. */
static void
read_expressions(Relation index, IndexShape *shape)
{
	Oid			user;
	int			context;
	int			nest = NewGUCNestLevel();

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(index->rd_rel->relowner, context | SECURITY_RESTRICTED_OPERATION);
	shape->keys = index_keys(index);
	shape->predicate = RelationGetIndexPredicate(index);
	AtEOXact_GUC(false, nest);
	SetUserIdAndSecContext(user, context);
}

/*
 * index_shape
 *		An index of a table that the caller has locked; NULL when it is gone.
 */
IndexShape *
index_shape(Oid index)
{
	Relation	rel = try_relation_open(index, AccessShareLock);
	IndexShape *result;

	if (rel == NULL)
		return NULL;
	result = palloc0(sizeof(IndexShape));
	result->index = index;
	result->method = rel->rd_rel->relam;
	result->unique = rel->rd_index->indisunique;
	result->nulls_not_distinct = rel->rd_index->indnullsnotdistinct;
	result->plain = rel->rd_index->indimmediate && !rel->rd_index->indisexclusion && !has_options(rel);
	result->valid = rel->rd_index->indisvalid && rel->rd_index->indisready && rel->rd_index->indislive;
	for (int i = IndexRelationGetNumberOfKeyAttributes(rel); i < IndexRelationGetNumberOfAttributes(rel); i++)
		result->include = lappend_int(result->include, rel->rd_index->indkey.values[i]);
	read_expressions(rel, result);
	/* the caller's lock on the table keeps it from being dropped */
	relation_close(rel, AccessShareLock);
	return result;
}

/* Whether one key column is as the other. */
static bool
same_key(IndexKey *a, IndexKey *b)
{
	return a->attnum == b->attnum && equal(a->expr, b->expr) && a->collation == b->collation &&
		a->opclass == b->opclass && a->option == b->option;
}

/* Whether the first so many key columns are the same. */
static bool
same_keys(IndexShape *a, IndexShape *b, int n)
{
	for (int i = 0; i < n; i++)
		if (!same_key(list_nth(a->keys, i), list_nth(b->keys, i)))
			return false;
	return true;
}

/* Whether each included column of a is somewhere in b. */
static bool
has_included(IndexShape *b, IndexShape *a)
{
	ListCell   *lc;
	ListCell   *key;

	foreach(lc, a->include)
	{
		bool		found = list_member_int(b->include, lfirst_int(lc));

		foreach(key, b->keys)
			found |= ((IndexKey *) lfirst(key))->attnum == lfirst_int(lc);
		if (!found)
			return false;
	}
	return true;
}

/*
 * The clause without IS TRUE and IS FALSE, of which the prover knows little.
 * Where only truth counts, under AND and OR, x IS TRUE is x, x IS FALSE is NOT x.
 */
static Node *
plain_truth(Node *clause)
{
	List	   *args = NIL;
	ListCell   *lc;

	check_stack_depth();
	if (IsA(clause, BooleanTest) && ((BooleanTest *) clause)->booltesttype == IS_TRUE)
		return plain_truth((Node *) ((BooleanTest *) clause)->arg);
	if (IsA(clause, BooleanTest) && ((BooleanTest *) clause)->booltesttype == IS_FALSE)
		return plain_truth(negate_clause((Node *) ((BooleanTest *) clause)->arg));
	if (!is_andclause(clause) && !is_orclause(clause))
		return clause;
	foreach(lc, ((BoolExpr *) clause)->args)
		args = lappend(args, plain_truth(lfirst(lc)));
	return (Node *) makeBoolExpr(((BoolExpr *) clause)->boolop, args, -1);
}

static List *
plain_truths(List *clauses)
{
	return condition_clauses(plain_truth((Node *) make_ands_explicit(clauses)));
}

/*
 * same_rows
 *		Whether the server can prove that both hold the same rows.
 */
bool
same_rows(IndexShape *a, IndexShape *b)
{
	List	   *first;
	List	   *second;

	if (a->predicate == NIL || b->predicate == NIL)
		return a->predicate == b->predicate;
	first = plain_truths(a->predicate);
	second = plain_truths(b->predicate);
	return equal(first, second) ||
		(predicate_implied_by(first, second, false) && predicate_implied_by(second, first, false));
}

/*
 * same_index
 *		Whether the two are one index by all that they do.
 */
bool
same_index(IndexShape *a, IndexShape *b)
{
	return a->method == b->method && a->unique == b->unique &&
		(!a->unique || a->nulls_not_distinct == b->nulls_not_distinct) &&
		a->plain && b->plain && list_length(a->keys) == list_length(b->keys) &&
		same_keys(a, b, list_length(a->keys)) &&
		has_included(a, b) && has_included(b, a) && same_rows(a, b);
}

/*
 * find_same_index
 *		The table's index that is as the one that is wanted, a valid one first.
 */
Oid
find_same_index(Relation rel, IndexShape *wanted, bool *valid)
{
	List	   *indexes = RelationGetIndexList(rel);
	Oid			result = InvalidOid;
	ListCell   *lc;

	*valid = false;
	foreach(lc, indexes)
	{
		IndexShape *shape = index_shape(lfirst_oid(lc));

		if (shape == NULL || *valid || !same_index(shape, wanted))
			continue;
		result = shape->index;
		*valid = shape->valid;
	}
	list_free(indexes);
	return result;
}

/*
 * Whether everything that a does is done by b: the same rows, b's keys begin
 * with a's, and b has the columns that a includes.  Of a unique index the other
 * must be unique by the same keys.
 */
static bool
covers(IndexShape *b, IndexShape *a)
{
	int			n = list_length(a->keys);

	if (a->method != b->method || !a->plain || !b->plain || !b->valid || list_length(b->keys) < n)
		return false;
	if (a->unique && (!b->unique || list_length(b->keys) != n || a->nulls_not_distinct != b->nulls_not_distinct))
		return false;
	/* the order of keys has a meaning in btree; elsewhere a longer index is another one */
	if (list_length(b->keys) != n && a->method != BTREE_AM_OID)
		return false;
	return same_keys(a, b, n) && has_included(b, a) && same_rows(a, b);
}

/*
 * find_covering_index
 *		Another index of the table that makes this one redundant.  Of two that
 *		make each other redundant it is the older one that stays.
 */
Oid
find_covering_index(Relation rel, IndexShape *index)
{
	List	   *indexes = RelationGetIndexList(rel);
	Oid			result = InvalidOid;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		IndexShape *other;

		if (lfirst_oid(lc) == index->index || OidIsValid(result))
			continue;
		other = index_shape(lfirst_oid(lc));
		if (other && covers(other, index) &&
			!(index->valid && covers(index, other) && index->index < other->index))
			result = other->index;
	}
	list_free(indexes);
	return result;
}

PG_FUNCTION_INFO_V1(index_covered_by);

/* more._index_covered_by: another index that makes this one redundant, or NULL. */
Datum
index_covered_by(PG_FUNCTION_ARGS)
{
	Oid			index = PG_GETARG_OID(0);
	Oid			table = get_rel_relkind(index) == RELKIND_INDEX || get_rel_relkind(index) == RELKIND_PARTITIONED_INDEX ?
		IndexGetRelation(index, true) : InvalidOid;
	Relation	rel = OidIsValid(table) ? try_relation_open(table, AccessShareLock) : NULL;
	IndexShape *shape;
	Oid			result = InvalidOid;

	if (rel == NULL)
		PG_RETURN_NULL();
	shape = index_shape(index);
	if (shape)
		result = find_covering_index(rel, shape);
	relation_close(rel, AccessShareLock);
	if (!OidIsValid(result))
		PG_RETURN_NULL();
	PG_RETURN_OID(result);
}

/*
 * require_indexed_kind
 *		Raise an error unless it is a user's table or materialized view, which
 *		can have indexes.
 */
void
require_indexed_kind(Oid relid)
{
	char	   *name = get_rel_name(relid);
	char		relkind = get_rel_relkind(relid);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE && relkind != RELKIND_MATVIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or materialized view", name),
				 errdetail("Nothing else has indexes.")));
	if (IsCatalogRelationOid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied: \"%s\" is a system catalog", name)));
}

PG_FUNCTION_INFO_V1(require_index_target);

/* more._require_index_target: 0 for NULL and for what can have indexes. */
Datum
require_index_target(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0))
		require_indexed_kind(PG_GETARG_OID(0));
	PG_RETURN_INT64(0);
}
