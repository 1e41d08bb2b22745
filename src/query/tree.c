/*
 * tree.c
 *	  Trees of rows that refer to their parents: tree, ancestors, descendants, siblings.
 *
 * A recursive query over the table.  Each row carries the keys on the way to it
 * (path); a row that is in its own path closes a cycle: it is given once more,
 * with is_cycle true, and not followed.  The order is depth first, by the
 * server's SEARCH clause.
 */
#include "postgres.h"

#include "access/relation.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "condition.h"
#include "query/refine.h"

PG_FUNCTION_INFO_V1(query_tree);
PG_FUNCTION_INFO_V1(query_ancestors);
PG_FUNCTION_INFO_V1(query_descendants);
PG_FUNCTION_INFO_V1(query_siblings);

/* A table whose rows are a tree, by the names of its columns as stored text. */
typedef struct TreeTable
{
	Relation	rel;
	const char *table;
	const char *key;
	const char *parent;
	const char *equal;			/* the operator between the two */
	const char *equal_parents;	/* the operator between two parents */
	const char *cast;			/* of an array of keys, to the type that it has when one is added */
} TreeTable;

/* No table that a step's text reads has this name. */
#define TREE_CTE	"\"pg_more tree\""

/* The columns that the query adds to the table's. */
static const char *const tree_columns[] = {"depth", "path", "is_cycle", "ordering"};

/* The key's column, which parents refer to. */
static AttrNumber
tree_key(Relation rel)
{
	List	   *key = primary_key_columns(rel);

	if (list_length(key) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("\"%s\" must have a primary key of one column, for parents to be found by",
						RelationGetRelationName(rel))));
	return linitial_int(key);
}

/* The equality of a column's type. */
static Oid
equality_of(Relation rel, AttrNumber attnum)
{
	Oid			type = TupleDescAttr(RelationGetDescr(rel), attnum - 1)->atttypid;
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR);

	if (!OidIsValid(entry->eq_opr))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an equality operator for type %s", format_type_be(type))));
	return entry->eq_opr;
}

/* Look the table up; no column may have the name of one that is added. */
static void
open_tree(TreeTable *tree, Oid relid, const char *parent)
{
	AttrNumber	key;
	AttrNumber	attnum;
	const char *nearest;

	tree->rel = condition_table(relid, AccessShareLock);
	key = tree_key(tree->rel);
	attnum = find_column(tree->rel, parent);
	if (attnum <= 0)
	{
		nearest = nearest_column(tree->rel, parent);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", parent, RelationGetRelationName(tree->rel)),
				 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
	}
	for (int i = 0; i < lengthof(tree_columns); i++)
		if (find_column(tree->rel, tree_columns[i]) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("\"%s\" has a column \"%s\", which the tree would add", RelationGetRelationName(tree->rel),
							tree_columns[i])));
	tree->table = query_name(qualified_name(relid));
	tree->key = stored_name(NameStr(TupleDescAttr(RelationGetDescr(tree->rel), key - 1)->attname));
	tree->parent = stored_name(parent);
	tree->equal = query_name(operator_sql(equality_of(tree->rel, key)));
	tree->equal_parents = query_name(operator_sql(equality_of(tree->rel, attnum)));
	tree->cast = TupleDescAttr(RelationGetDescr(tree->rel), key - 1)->atttypmod < 0 ? "" :
		psprintf("::%s[]", query_name(type_sql(TupleDescAttr(RelationGetDescr(tree->rel), key - 1)->atttypid, -1)));
}

/* The columns of ORDER BY among siblings, then the key.  SEARCH takes no column twice; a second time orders nothing. */
static char *
search_columns(TreeTable *tree, ArrayType *order)
{
	StringInfoData out;
	ListCell   *lc;
	List	   *names = order ? text_array_arg("order", order) : NIL;
	List	   *columns = NIL;

	initStringInfo(&out);
	foreach(lc, names)
	{
		if (find_column(tree->rel, lfirst(lc)) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist", (char *) lfirst(lc),
							RelationGetRelationName(tree->rel)),
					 errhint("A tree is ordered by columns of the table, ascending.")));
		columns = list_append_unique(columns, makeString(unconstify(char *, stored_name(lfirst(lc)))));
	}
	columns = list_append_unique(columns, makeString(unconstify(char *, tree->key)));
	foreach(lc, columns)
		appendStringInfo(&out, "%s%s", out.len ? ", " : "", strVal(lfirst(lc)));
	return out.data;
}

/*
 * The recursive query: rows for which start is true, then those that step links to the ones found: a condition over
 * t, the next row, and r, the one found.
 */
static void
set_tree(MoreQuery *query, TreeTable *tree, const char *start, const char *step, ArrayType *order)
{
	query->recursive = true;
	query->parts[PART_WITH] =
		psprintf(TREE_CTE " AS (SELECT t.*, 0 AS depth, ARRAY[t.%s]%s AS path, false AS is_cycle FROM %s AS t WHERE %s "
				 "UNION ALL SELECT t.*, r.depth OPERATOR(pg_catalog.+) 1, r.path OPERATOR(pg_catalog.||) t.%s, t.%s %s ANY (r.path) FROM " TREE_CTE " AS r "
				 "JOIN %s AS t ON %s WHERE NOT r.is_cycle) SEARCH DEPTH FIRST BY %s SET ordering",
				 tree->key, tree->cast, tree->table, start, tree->key, tree->key, tree->equal, tree->table, step,
				 search_columns(tree, order));
	query->parts[PART_SELECT] = "*";
	query->parts[PART_FROM] = TREE_CTE " AS tree";
	query->parts[PART_ORDER_BY] = "ordering";
}

/* The condition in the argument, JSON or SQL, over t; or another where it is null. */
static const char *
start_condition(FunctionCallInfo fcinfo, int number, const char *argument, MoreQuery *query, TreeTable *tree,
				const char *instead)
{
	ConditionSide side = {NULL, tree->rel};
	QueryExpression condition;
	char	   *given;

	if (PG_ARGISNULL(number) && instead)
		return instead;
	given = required_text_arg(fcinfo, number, argument);
	if (condition_is_json(given))
		given = json_condition_sql(&side, 1, given);
	condition = query_plain_expression(query, argument, given);
	return psprintf("(%s)", qualify_names("SELECT", condition.text, "t", NIL));
}

/* What the functions of this file have in common: the table and the name of the parent's column. */
static void
tree_args(FunctionCallInfo fcinfo, TreeTable *tree)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "target")));
	open_tree(tree, PG_GETARG_OID(0), required_text_arg(fcinfo, 1, "parent"));
}

/*
 * more.tree(target, parent, root, order): the rows with those below them, depth first.
 */
Datum
query_tree(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query = query_new(QUERY_SELECT);
	TreeTable	tree;
	const char *start;

	query_step_begin(&step, "tree");
	tree_args(fcinfo, &tree);
	start = start_condition(fcinfo, 2, "root", query, &tree, psprintf("t.%s IS NULL", tree.parent));
	set_tree(query, &tree, start, psprintf("t.%s %s r.%s", tree.parent, tree.equal, tree.key),
			 PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3));
	relation_close(tree.rel, AccessShareLock);
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* The rows that step leads to from those of the condition, without these. */
static Datum
relatives(FunctionCallInfo fcinfo, const char *name, bool up)
{
	QueryStep	step;
	MoreQuery  *query = query_new(QUERY_SELECT);
	TreeTable	tree;

	query_step_begin(&step, name);
	tree_args(fcinfo, &tree);
	set_tree(query, &tree, start_condition(fcinfo, 2, "condition", query, &tree, NULL),
			 up ? psprintf("t.%s %s r.%s", tree.key, tree.equal, tree.parent) :
			 psprintf("t.%s %s r.%s", tree.parent, tree.equal, tree.key), NULL);
	query_add_condition(query, "depth OPERATOR(pg_catalog.>) 0 AND NOT is_cycle");
	relation_close(tree.rel, AccessShareLock);
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* more.ancestors(target, parent, condition): the rows above those for which the condition is true. */
Datum
query_ancestors(PG_FUNCTION_ARGS)
{
	return relatives(fcinfo, "ancestors", true);
}

/* more.descendants(target, parent, condition): the rows below them. */
Datum
query_descendants(PG_FUNCTION_ARGS)
{
	return relatives(fcinfo, "descendants", false);
}

/* more.siblings(target, parent, condition): the other rows with the same parent. */
Datum
query_siblings(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query = query_new(QUERY_SELECT);
	TreeTable	tree;
	const char *start;

	query_step_begin(&step, "siblings");
	tree_args(fcinfo, &tree);
	start = start_condition(fcinfo, 2, "condition", query, &tree, NULL);
	query->parts[PART_SELECT] = "*";
	query->parts[PART_FROM] = psprintf("%s AS s", tree.table);
	query->parts[PART_WHERE] =
		psprintf("EXISTS (SELECT FROM %s AS t WHERE %s AND (t.%s %s s.%s OR t.%s IS NULL AND s.%s IS NULL) AND NOT t.%s %s s.%s)",
				 tree.table, start, tree.parent, tree.equal_parents, tree.parent, tree.parent, tree.parent, tree.key, tree.equal, tree.key);
	relation_close(tree.rel, AccessShareLock);
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}
