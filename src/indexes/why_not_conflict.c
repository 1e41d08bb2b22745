/*
 * why_not_conflict.c
 *	  Whether an index is the arbiter of an INSERT … ON CONFLICT.
 *
 * The server looks for it in infer_arbiter_indexes(), which fails when there is
 * none; so the same is asked here, by the same rules: a valid unique index on
 * exactly these columns and expressions, in their collations and operator
 * classes where these are given, whose predicate follows from the WHERE after
 * the columns.  That the query's rows satisfy the predicate does not help.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_opclass.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "compat.h"
#include "condition.h"
#include "indexes/why_not.h"

/* Whether a column of the index has the collation and operator class that are given. */
static bool
has_collation_and_class(InferenceElem *elem, Relation index, int i)
{
	if (OidIsValid(elem->infercollid) && elem->infercollid != index->rd_indcollation[i])
		return false;
	return !OidIsValid(elem->inferopclass) ||
		(get_opclass_family(elem->inferopclass) == index->rd_opfamily[i] &&
		 get_opclass_input_type(elem->inferopclass) == index->rd_opcintype[i]);
}

/* Whether one key column of the index is named; the column or expression is told. */
static bool
is_named(InferenceElem *elem, Node *named, Relation index, List *exprs, int i)
{
	AttrNumber	attnum = index->rd_index->indkey.values[i];
	int			before = 0;

	if (attnum != 0)
		return IsA(named, Var) && ((Var *) named)->varattno == attnum && has_collation_and_class(elem, index, i);
	for (int j = 0; j < i; j++)
		before += index->rd_index->indkey.values[j] == 0;
	return equal(named, list_nth(exprs, before)) && has_collation_and_class(elem, index, i);
}

/* Whether ON CONFLICT names just the columns of the index. */
static bool
same_columns(Query *query, Relation index)
{
	List	   *elems = query->onConflict->arbiterElems;
	List	   *exprs = RelationGetIndexExpressions(index);
	int			n = IndexRelationGetNumberOfKeyAttributes(index);
	bool	   *covered = palloc0(n * sizeof(bool));
	ListCell   *lc;

	foreach(lc, elems)
	{
		InferenceElem *elem = lfirst_node(InferenceElem, lc);
		Node	   *named = eval_const_expressions(NULL, copyObject(elem->expr));
		bool		found = false;

		ChangeVarNodes(named, query->resultRelation, 1, 0);
		for (int i = 0; i < n; i++)
		{
			bool		here = is_named(elem, named, index, exprs, i);

			covered[i] |= here;
			found |= here;
		}
		if (!found)
			return false;
	}
	for (int i = 0; i < n; i++)
		if (!covered[i])
			return false;
	return true;
}

/* The conditions after the columns, over relation 1. */
static List *
arbiter_condition(Query *query)
{
	Node	   *condition = copyObject(query->onConflict->arbiterWhere);

	if (condition == NULL)
		return NIL;
	ChangeVarNodes(condition, query->resultRelation, 1, 0);
	return condition_clauses(condition);
}

/* Whether the predicate follows from the conditions after the columns. */
static bool
is_implied(Query *query, Relation index)
{
	return predicate_implied_by(RelationGetIndexPredicate(index), arbiter_condition(query), false);
}

/*
 * has_arbiter
 *		Whether the server finds an index for the ON CONFLICT of a statement, or
 *		needs none.
 */
bool
has_arbiter(Query *query)
{
	Relation	rel;
	List	   *indexes;
	bool		result = false;
	ListCell   *lc;

	if (query->onConflict == NULL || query->onConflict->arbiterElems == NIL ||
		OidIsValid(query->onConflict->constraint))
		return true;
	rel = table_open(rt_fetch(query->resultRelation, query->rtable)->relid, NoLock);
	indexes = RelationGetIndexList(rel);
	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		result |= index->rd_index->indisvalid && index->rd_index->indisunique &&
			same_columns(query, index) && is_implied(query, index);
		index_close(index, AccessShareLock);
	}
	table_close(rel, NoLock);
	return result;
}

/* The predicate of an index, without qualification: it stands in ON CONFLICT. */
static char *
predicate_text(Relation rel, Relation index)
{
	return condition_sql(rel, (Node *) make_ands_explicit(RelationGetIndexPredicate(index)), NULL);
}

/* The clause that names the index, with the columns as they were written. */
static char *
conflict_clause(Query *query, Relation rel, Relation index)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	foreach(lc, query->onConflict->arbiterElems)
	{
		InferenceElem *elem = copyObject(lfirst_node(InferenceElem, lc));

		ChangeVarNodes((Node *) elem, query->resultRelation, 1, 0);
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", condition_sql(rel, (Node *) elem, NULL));
	}
	return psprintf("write ON CONFLICT (%s) WHERE %s", text.data, predicate_text(rel, index));
}

/*
 * judge_arbiter
 *		Whether an index of the table that rows are inserted into is looked at for
 *		conflicts, and if not, why.
 */
void
judge_arbiter(Query *query, Oid index, bool *used, char **reason, char **suggestion)
{
	OnConflictExpr *conflict = query->onConflict;
	Relation	rel = table_open(rt_fetch(query->resultRelation, query->rtable)->relid, NoLock);
	Relation	idx = index_open(index, AccessShareLock);

	*used = false;
	*suggestion = NULL;
	if (conflict == NULL)
		*reason = "rows are inserted into the table, none are looked up";
	else if (!idx->rd_index->indisunique)
		*reason = "ON CONFLICT looks at unique indexes only";
	else if (!idx->rd_index->indisvalid)
		*reason = "the index is not valid: a concurrent build has failed or still runs";
	else if (OidIsValid(conflict->constraint))
		*reason = "ON CONFLICT ON CONSTRAINT names a constraint, which no partial index has";
	else if (conflict->arbiterElems == NIL)
	{
		*used = true;
		*reason = "ON CONFLICT without columns looks at every unique index";
	}
	else if (!same_columns(query, idx))
		*reason = "ON CONFLICT does not name just the columns of the index";
	else if (!is_implied(query, idx))
	{
		*reason = psprintf("ON CONFLICT names its columns, but from the WHERE after them the predicate does not follow: %s",
						   predicate_text(rel, idx));
		*suggestion = conflict_clause(query, rel, idx);
	}
	else
	{
		*used = true;
		*reason = "ON CONFLICT looks for conflicts in it";
	}
	index_close(idx, AccessShareLock);
	table_close(rel, NoLock);
}
