/*
 * unique_index.c
 *	  The indexes that the server checks when a row is inserted, and what is
 *	  told of them.
 *
 * What the server checks is decided per table that holds rows: each index that
 * is unique or belongs to an exclusion constraint and is ready for inserts,
 * valid or not (one that is not valid yet may be about to be; it refuses rows
 * already).  Of a partitioned table these are the partitions' indexes.  One
 * that all partitions have is looked at through the whole table; what only some
 * have, because they have it by themselves or because the table's index was not
 * given to all, is looked at for the rows that go into that partition.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "indexes/indexes.h"
#include "indexes/unique.h"

/* ------------------------------------------------------------------------ */
/* Which indexes															*/
/* ------------------------------------------------------------------------ */

/* Does the server refuse rows because of the index, or of its partitions all alike? */
static bool
refuses_rows(Oid index)
{
	HeapTuple	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form;
	bool		result;

	if (!HeapTupleIsValid(tup))
		return false;
	form = (Form_pg_index) GETSTRUCT(tup);
	result = (form->indisunique || form->indisexclusion) && form->indisready && form->indislive &&
		(form->indisvalid || get_rel_relkind(index) != RELKIND_PARTITIONED_INDEX);
	ReleaseSysCache(tup);
	return result;
}

/* Add the indexes of a table, less those that are parts of one that is there already. */
static List *
add_indexes(Relation rel, Oid table, List **covered, List *result)
{
	Relation	holder = table == RelationGetRelid(rel) ? rel : table_open(table, NoLock);
	List	   *indexes = RelationGetIndexList(holder);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Oid			index = lfirst_oid(lc);
		bool		part = holder != rel && get_rel_relispartition(index) &&
			list_member_oid(*covered, get_partition_parent(index, true));
		CheckedIndex *checked;

		if (!part && !refuses_rows(index))
			continue;
		*covered = lappend_oid(*covered, index);
		if (part)
			continue;
		checked = palloc0(sizeof(CheckedIndex));
		checked->rule = unique_rule(rel, index);
		result = lappend(result, checked);
	}
	list_free(indexes);
	if (holder != rel)
		table_close(holder, NoLock);
	return result;
}

/*
 * checked_indexes
 *		The indexes that the server would check for a row that is inserted into
 *		the table, as a list of CheckedIndex with the rule only.
 */
List *
checked_indexes(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	List	   *covered = NIL;
	List	   *result = NIL;
	List	   *tables;
	ListCell   *lc;

	if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return add_indexes(rel, relid, &covered, NIL);
	tables = find_all_inheritors(relid, AccessShareLock, NULL);
	foreach(lc, tables)
		result = add_indexes(rel, lfirst_oid(lc), &covered, result);
	return result;
}

/* ------------------------------------------------------------------------ */
/* ON CONFLICT																*/
/* ------------------------------------------------------------------------ */

/* Whether the two have the same columns and expressions, in any order. */
static bool
same_columns(IndexShape *a, IndexShape *b)
{
	ListCell   *lc;

	if (list_length(a->keys) != list_length(b->keys))
		return false;
	foreach(lc, a->keys)
	{
		IndexKey   *key = lfirst(lc);
		bool		found = false;
		ListCell   *other;

		foreach(other, b->keys)
			found |= key->attnum == ((IndexKey *) lfirst(other))->attnum &&
				equal(key->expr, ((IndexKey *) lfirst(other))->expr);
		if (!found)
			return false;
	}
	return true;
}

/* Whether each column of the one has the collation and operator class of that column of the other. */
static bool
same_classes(IndexShape *a, IndexShape *b)
{
	ListCell   *lc;

	foreach(lc, a->keys)
	{
		IndexKey   *key = lfirst(lc);
		bool		found = false;
		ListCell   *cell;

		foreach(cell, b->keys)
		{
			IndexKey   *other = lfirst(cell);

			found |= key->attnum == other->attnum && equal(key->expr, other->expr) &&
				key->collation == other->collation && key->opclass == other->opclass;
		}
		if (!found)
			return false;
	}
	return true;
}

/*
 * Whether the columns and the predicate of an index would bring in another one
 * that collations or operator classes tell from it (rival), and one that nothing
 * does (twin).
 */
static void
find_rivals(Relation rel, IndexShape *shape, bool *rival, bool *twin)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;

	*rival = *twin = false;
	foreach(lc, indexes)
	{
		IndexShape *other = lfirst_oid(lc) == shape->index ? NULL : index_shape(lfirst_oid(lc));

		if (other == NULL || !other->unique || !same_columns(shape, other) ||
			!predicate_implied_by(other->predicate, shape->predicate, false))
			continue;
		if (same_classes(shape, other))
			*twin = true;
		else
			*rival = true;
	}
	list_free(indexes);
}

/* Append the collation and the operator class of a key, those that go without saying only if they are asked for. */
static void
append_class(StringInfo out, Relation rel, UniqueRule *rule, IndexKey *key, int i, bool all)
{
	Oid			natural = exprCollation(list_nth(rule->keys, i));
	HeapTuple	tup = SearchSysCache1(CLAOID, ObjectIdGetDatum(key->opclass));
	Form_pg_opclass form;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for operator class %u", key->opclass);
	form = (Form_pg_opclass) GETSTRUCT(tup);
	if (OidIsValid(key->collation) && (all || key->collation != natural))
		appendStringInfo(out, " COLLATE %s", collation_sql(key->collation));
	if (all || GetDefaultOpClass(rule->types[i], form->opcmethod) != key->opclass)
		appendStringInfo(out, " %s", quote_qualified_identifier(get_namespace_name(form->opcnamespace),
																NameStr(form->opcname)));
	ReleaseSysCache(tup);
}

/* ON CONFLICT ON CONSTRAINT, where the index belongs to one; else NULL. */
static char *
constraint_clause(Oid index)
{
	Oid			constraint = get_index_constraint(index);

	if (!OidIsValid(constraint))
		return NULL;
	return psprintf("ON CONFLICT ON CONSTRAINT %s", quote_identifier(get_constraint_name(constraint)));
}

/* The clause that makes just this index the arbiter; NULL when it cannot be one. */
static char *
conflict_clause(Relation rel, UniqueRule *rule)
{
	StringInfoData out;
	IndexShape *shape;
	bool		rival;
	bool		twin;
	ListCell   *lc;

	if (rule->deferrable || !rule->valid || rule->partition)
		return NULL;
	if (rule->exclusion)
		return constraint_clause(rule->index);
	shape = index_shape(rule->index);
	find_rivals(rel, shape, &rival, &twin);
	if (twin && OidIsValid(get_index_constraint(rule->index)))
		return constraint_clause(rule->index);

	initStringInfo(&out);
	appendStringInfoString(&out, "ON CONFLICT (");
	foreach(lc, rule->keys)
	{
		int			i = foreach_current_index(lc);
		Node	   *key = lfirst(lc);
		IndexKey   *class = list_nth(shape->keys, i);

		if (i > 0)
			appendStringInfoString(&out, ", ");
		if (IsA(key, Var) && ((Var *) key)->varattno > 0)
			appendStringInfoString(&out, quote_identifier(get_attname(RelationGetRelid(rel), ((Var *) key)->varattno, false)));
		else
			appendStringInfo(&out, "(%s)", condition_sql(rel, key, NULL));
		append_class(&out, rel, rule, class, i, rival);
	}
	appendStringInfoChar(&out, ')');
	if (rule->predicate)
		appendStringInfo(&out, " WHERE %s", condition_sql(rel, rule->predicate, NULL));
	return out.data;
}

/*
 * describe_index
 *		The columns, condition and ON CONFLICT clause of an index, as texts.
 */
void
describe_index(Relation rel, UniqueRule *rule, Datum *columns, Datum *condition, bool *no_condition,
			   Datum *on_conflict, bool *no_on_conflict)
{
	Datum	   *names = palloc_array(Datum, rule->nkeys);
	HeapTuple	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(rule->index));
	char	   *clause = conflict_clause(rel, rule);
	Datum		predicate;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for index %u", rule->index);
	for (int i = 0; i < rule->nkeys; i++)
		names[i] = DirectFunctionCall3(pg_get_indexdef_ext, ObjectIdGetDatum(rule->index), Int32GetDatum(i + 1),
									   BoolGetDatum(true));
	*columns = PointerGetDatum(construct_array(names, rule->nkeys, TEXTOID, -1, false, TYPALIGN_INT));
	predicate = SysCacheGetAttr(INDEXRELID, tup, Anum_pg_index_indpred, no_condition);
	if (!*no_condition)
		*condition = DirectFunctionCall3(pg_get_expr_ext, predicate,
										 ObjectIdGetDatum(((Form_pg_index) GETSTRUCT(tup))->indrelid),
										 BoolGetDatum(true));
	ReleaseSysCache(tup);
	*no_on_conflict = clause == NULL;
	if (clause)
		*on_conflict = CStringGetTextDatum(clause);
}
