/*
 * unique_key.c
 *	  What a unique index, or an exclusion constraint, forbids two rows to have.
 *
 * The operators and collations are those of the index, not those that the
 * columns' types have by default: an index may be stricter or laxer than "=".
 * So the condition that a row has the key of another is built as a tree, and
 * never printed: text would look the operator up again.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "compat.h"
#include "unique_key.h"

/* ------------------------------------------------------------------------ */
/* The rule																	*/
/* ------------------------------------------------------------------------ */

/* The key expressions, plain columns as Vars, over varno 1 of the index's table. */
static List *
index_keys(Relation table, Relation index)
{
	List	   *exprs = NIL;
	List	   *result = NIL;
	ListCell   *next;
	bool		isnull;
	Datum		stored = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indexprs, &isnull);

	if (!isnull)
		exprs = castNode(List, stringToNode(TextDatumGetCString(stored)));
	next = list_head(exprs);
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		AttrNumber	attnum = index->rd_index->indkey.values[i];

		if (attnum != 0)
		{
			Form_pg_attribute att = TupleDescAttr(RelationGetDescr(table), attnum - 1);

			result = lappend(result, makeVar(1, attnum, att->atttypid, att->atttypmod, att->attcollation, 0));
		}
		else
		{
			result = lappend(result, lfirst(next));
			next = lnext(exprs, next);
		}
	}
	return result;
}

/* The operators of a unique index: its operator classes' own equality, and their order. */
static void
read_equality(Relation index, UniqueRule *rule)
{
	for (int i = 0; i < rule->nkeys; i++)
	{
		Oid			family = index->rd_opfamily[i];
		Oid			type = index->rd_opcintype[i];

		rule->operators[i] = compat_index_equality(index->rd_rel->relam, family, type);
		if (index->rd_rel->relam == BTREE_AM_OID)
			rule->orderings[i] = get_opfamily_member(family, type, type, BTLessStrategyNumber);
		if (!OidIsValid(rule->operators[i]))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("the equality of index \"%s\" is not known", RelationGetRelationName(index))));
	}
}

/* The operators of an exclusion constraint; which of them are plain equality. */
static void
read_exclusion(Relation index, UniqueRule *rule)
{
	Oid		   *procs;
	uint16	   *strategies;

	RelationGetExclusionInfo(index, &rule->operators, &procs, &strategies);
	for (int i = 0; i < rule->nkeys; i++)
	{
		TypeCacheEntry *entry = lookup_type_cache(rule->types[i], TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR);

		if (entry->eq_opr == rule->operators[i])
			rule->orderings[i] = entry->lt_opr;
	}
}

/* Rewrite what is over a partition as being over the whole table, and add which rows are the partition's. */
static void
lift_to_parent(Relation rel, Relation partition, UniqueRule *rule)
{
	rule->keys = map_partition_varattnos(rule->keys, 1, rel, partition);
	if (rule->predicate)
		rule->predicate = linitial(map_partition_varattnos(list_make1(rule->predicate), 1, rel, partition));
	rule->partition = (Node *) make_ands_explicit(map_partition_varattnos(RelationGetPartitionQual(partition),
																		  1, rel, partition));
}

/*
 * unique_rule
 *		What the index, of this table or of a partition of it, forbids.  The
 *		caller has locked the table and its partitions.
 */
UniqueRule *
unique_rule(Relation rel, Oid indexid)
{
	Relation	index = index_open(indexid, AccessShareLock);
	Oid			owner = index->rd_index->indrelid;
	Relation	table = owner == RelationGetRelid(rel) ? rel : table_open(owner, AccessShareLock);
	UniqueRule *rule = palloc0(sizeof(UniqueRule));
	int			n = IndexRelationGetNumberOfKeyAttributes(index);
	ListCell   *lc;

	rule->index = indexid;
	rule->exclusion = index->rd_index->indisexclusion;
	rule->nulls_not_distinct = index->rd_index->indnullsnotdistinct;
	rule->deferrable = !index->rd_index->indimmediate;
	rule->valid = index->rd_index->indisvalid;
	rule->nkeys = n;
	rule->keys = index_keys(table, index);
	rule->predicate = index_condition(indexid);
	rule->types = palloc_array(Oid, n);
	rule->operators = palloc0_array(Oid, n);
	rule->orderings = palloc0_array(Oid, n);
	rule->collations = palloc_array(Oid, n);
	memcpy(rule->collations, index->rd_indcollation, sizeof(Oid) * n);
	foreach(lc, rule->keys)
		rule->types[foreach_current_index(lc)] = exprType(lfirst(lc));
	if (rule->exclusion)
		read_exclusion(index, rule);
	else
		read_equality(index, rule);
	if (table != rel)
	{
		lift_to_parent(rel, table, rule);
		table_close(table, NoLock);
	}
	index_close(index, AccessShareLock);
	return rule;
}

/* ------------------------------------------------------------------------ */
/* The same key, as a condition of a statement								*/
/* ------------------------------------------------------------------------ */

/*
 * same_key_name
 *		The name by which a statement asks for the condition.
 */
char *
same_key_name(UniqueRule *rule, char prefix, uint32 nulls)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "%u %c ", rule->index, prefix);
	for (int i = 0; i < rule->nkeys; i++)
		appendStringInfoChar(&out, nulls & (1U << i) ? '1' : '0');
	return out.data;
}

/* A relation of the statement by its alias. */
static ParseNamespaceItem *
find_item(ParseState *pstate, const char *alias, int *levels)
{
	ParseNamespaceItem *result = refnameNamespaceItem(pstate, NULL, alias, -1, levels);

	if (result == NULL)
		elog(ERROR, "the statement has no relation \"%s\"", alias);
	return result;
}

/* A value as the operator takes it: the parser would relabel it in the same places. */
static Expr *
as_operand(Node *value, Oid type, Oid collation)
{
	Oid			have = exprType(value);

	if (IsPolymorphicType(type))
		type = getBaseType(have);
	if (have == type || type == RECORDOID)
		return (Expr *) value;
	return (Expr *) makeRelabelType((Expr *) value, type, -1, collation, COERCE_IMPLICIT_CAST);
}

/* The condition that the target's key is as the data's column. */
static Node *
same_value(Node *key, Node *value, Oid operator, Oid collation)
{
	Oid			left;
	Oid			right;

	op_input_types(operator, &left, &right);
	if (OidIsValid(collation) && exprCollation(key) != collation)
	{
		CollateExpr *collate = makeNode(CollateExpr);

		collate->arg = (Expr *) key;
		collate->collOid = collation;
		collate->location = -1;
		key = (Node *) collate;
	}
	return (Node *) make_opclause(operator, BOOLOID, false, as_operand(key, left, collation),
								  as_operand(value, right, collation), InvalidOid, collation);
}

/*
 * same_key
 *		The condition that a row of the relation with the alias target is what
 *		the index has, and has the key that is in columns of data: what stands
 *		behind a reference of that name in a statement over the table.
 *
 * Columns are resolved as the parser does it, privileges included.
 */
Node *
same_key(ParseState *pstate, Relation rel, const char *name)
{
	char		prefix;
	char		nulls[INDEX_MAX_KEYS + 1];
	unsigned int index;
	int			levels;
	UniqueRule *rule;
	ParseNamespaceItem *target;
	ParseNamespaceItem *data;
	List	   *conditions = NIL;
	ListCell   *lc;

	if (sscanf(name, "%u %c %32[01]", &index, &prefix, nulls) != 3)
		elog(ERROR, "cannot read \"%s\"", name);
	rule = unique_rule(rel, index);
	if (strlen(nulls) != rule->nkeys)
		elog(ERROR, "cannot read \"%s\"", name);
	data = find_item(pstate, "data", &levels);
	target = find_item(pstate, "target", &levels);
	if (target->p_rte->relid != RelationGetRelid(rel))
		elog(ERROR, "the key is not one of the target's");
	foreach(lc, rule->keys)
	{
		int			i = foreach_current_index(lc);
		Node	   *key = adopt_columns(pstate, target, levels, lfirst(lc));

		if (nulls[i] == '1')
		{
			NullTest   *test = makeNode(NullTest);

			test->arg = (Expr *) key;
			test->nulltesttype = IS_NULL;
			test->location = -1;
			conditions = lappend(conditions, test);
		}
		else
			conditions = lappend(conditions,
								 same_value(key, scanNSItemForColumn(pstate, data, 0, psprintf("%c%d", prefix, i + 1), -1),
											rule->operators[i], rule->collations[i]));
	}
	if (rule->predicate)
		conditions = lappend(conditions, adopt_columns(pstate, target, levels, rule->predicate));
	if (rule->partition)
		conditions = lappend(conditions, adopt_columns(pstate, target, levels, rule->partition));
	return (Node *) make_ands_explicit(conditions);
}
