/*
 * hypothetical.c
 *	  Indexes that are not there: reading their definitions, and planning with them.
 *
 * A CREATE INDEX is read by the server's parser and checked as the server checks
 * it, up to where it would begin to write.  Then the planner is told of the index
 * for the planning of one statement (plan_with.c): it gets an OID of no relation,
 * and is marked as hypothetical, which the server knows: it does not open it.
 * Statistics of the index's expressions are asked for by that OID, and are
 * answered from a sample.  The plan is never run: EXPLAIN's part of the executor
 * starts it without opening indexes, to print it.
 *
 * Nothing is written and nothing is locked but for reading.  Uniqueness counts in
 * the planner's proofs as it would when the index were there: it is the planner
 * that looks at it.
 */
#include "postgres.h"

#include <math.h>

#include "access/amapi.h"
#include "access/attmap.h"
#include "access/brin.h"
#include "access/gist.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/reloptions.h"
#include "access/spgist.h"
#include "access/sysattr.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/explain.h"
#include "commands/tablespace.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parse_utilcmd.h"
#include "rewrite/rewriteManip.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "expression.h"
#include "indexes/hypothetical.h"
#include "indexes/plan_with.h"

static get_index_stats_hook_type previous_stats_hook = NULL;
static explain_get_index_name_hook_type previous_name_hook = NULL;

/* What the statement at hand is planned and printed with, or NULL. */
static HypotheticalSet *current = NULL;

/* The index of that OID, or NULL. */
static Hypothetical *
find_hypothetical(Oid oid)
{
	ListCell   *lc;

	if (current)
		foreach(lc, current->indexes)
			if (((Hypothetical *) lfirst(lc))->oid == oid)
				return lfirst(lc);
	return NULL;
}

/* ------------------------------------------------------------------------ */
/* Reading a definition														*/
/* ------------------------------------------------------------------------ */

/* An OID that no relation has. */
static Oid
free_oid(HypotheticalSet *set)
{
	Oid			result = PG_UINT32_MAX - list_length(set->indexes);

	/* those that were skipped are behind those that were given */
	if (set->indexes)
		result = ((Hypothetical *) llast(set->indexes))->oid - 1;
	while (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(result)))
		result--;
	return result;
}

/* Is there an index of that name in the set, on a table of that schema? */
static bool
is_taken(HypotheticalSet *set, const char *name, Oid schema)
{
	ListCell   *lc;

	foreach(lc, set->indexes)
	{
		Hypothetical *index = lfirst(lc);

		if (strcmp(index->name, name) == 0 && get_rel_namespace(index->relid) == schema)
			return true;
	}
	return false;
}

/* A name as the server would make it. */
static char *
made_name(HypotheticalSet *set, Relation rel, IndexStmt *stmt)
{
	List	   *elements = list_concat_copy(stmt->indexParams, stmt->indexIncludingParams);
	StringInfoData columns;
	char	   *result;
	ListCell   *lc;

	initStringInfo(&columns);
	foreach(lc, elements)
	{
		IndexElem  *element = lfirst_node(IndexElem, lc);
		const char *name = element->name ? element->name : element->indexcolname ? element->indexcolname : "expr";

		if (columns.len > 0)
			appendStringInfoChar(&columns, '_');
		appendStringInfoString(&columns, name);
		if (columns.len >= NAMEDATALEN)
			break;
	}
	for (int i = 0;; i++)
	{
		result = ChooseRelationName(RelationGetRelationName(rel), columns.data,
									i == 0 ? "idx" : psprintf("idx%d", i), RelationGetNamespace(rel), false);
		if (!is_taken(set, result, RelationGetNamespace(rel)))
			return result;
	}
}

/* Is the index hidden by an earlier DROP INDEX? */
static bool
is_hidden(HypotheticalSet *set, Oid index)
{
	return OidIsValid(index) && list_member_oid(set->hidden, index);
}

/* The index's name; NULL: IF NOT EXISTS, and something is there. */
static char *
hypothetical_name(HypotheticalSet *set, Relation rel, IndexStmt *stmt)
{
	Oid			there;

	if (stmt->idxname == NULL)
		return made_name(set, rel, stmt);
	there = get_relname_relid(stmt->idxname, RelationGetNamespace(rel));
	if ((!OidIsValid(there) || is_hidden(set, there)) && !is_taken(set, stmt->idxname, RelationGetNamespace(rel)))
		return stmt->idxname;
	ereport(stmt->if_not_exists ? NOTICE : ERROR,
			(errcode(ERRCODE_DUPLICATE_TABLE),
			 errmsg("relation \"%s\" already exists%s", stmt->idxname, stmt->if_not_exists ? ", skipping" : ""),
			 stmt->if_not_exists ? 0 : errhint("To plan without it, put DROP INDEX before.")));
	return NULL;
}

/* Refuse a column that no index can be over. */
static void
refuse_virtual(Relation rel, AttrNumber attnum)
{
	if (TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attgenerated == COMPAT_GENERATED_VIRTUAL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("indexes on virtual generated columns are not supported")));
}

/*
 * Refuse columns of an expression or predicate that no index can be over, and
 * what the server's functions in it would make differ from day to day.
 */
static void
check_index_expression(Relation rel, Node *expr, const char *what)
{
	Bitmapset  *columns = NULL;

	pull_varattnos(expr, 1, &columns);
	for (int attnum = FirstLowInvalidHeapAttributeNumber + 1; attnum <= RelationGetNumberOfAttributes(rel); attnum++)
	{
		if (!bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, columns))
			continue;
		if (attnum < 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("index creation on system columns is not supported")));
		if (attnum > 0)
			refuse_virtual(rel, attnum);
	}
	if (contain_mutable_functions((Node *) expression_planner((Expr *) copyObject(expr))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("functions in index %s must be marked IMMUTABLE", what)));
}

/* Check one column, as the server does. */
static void
check_column(Relation rel, IndexElem *element, AttrNumber attnum)
{
	Oid			type = element->expr ? exprType(element->expr) :
		attnum == InvalidAttrNumber ? InvalidOid : TupleDescAttr(RelationGetDescr(rel), attnum - 1)->atttypid;

	if (element->collation && OidIsValid(type) && !type_is_collatable(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("collations are not supported by type %s", format_type_be(type))));
	if (element->expr)
	{
		check_index_expression(rel, element->expr, "expression");
		require_select(rel, element->expr);
		return;
	}
	if (attnum == InvalidAttrNumber)
	{
		const char *nearest = nearest_column(rel, element->name);

		if (SystemAttributeByName(element->name))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("index creation on system columns is not supported")));
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of \"%s\" does not exist", element->name, RelationGetRelationName(rel)),
				 nearest ? errhint("Perhaps you meant column \"%s\".", nearest) : 0));
	}
	refuse_virtual(rel, attnum);
	require_select(rel, (Node *) makeVar(1, attnum, INT4OID, -1, InvalidOid, 0));
}

/* Can the access method do what is asked of it? */
static void
check_method(const IndexAmRoutine *routine, IndexStmt *stmt)
{
	const char *lacks = NULL;
	ListCell   *lc;

	if (stmt->unique && !routine->amcanunique)
		lacks = "unique indexes";
	else if (stmt->indexIncludingParams && !routine->amcaninclude)
		lacks = "included columns";
	else if (list_length(stmt->indexParams) > 1 && !routine->amcanmulticol)
		lacks = "multicolumn indexes";
	if (lacks)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("access method \"%s\" does not support %s", stmt->accessMethod, lacks)));
	if (list_length(stmt->indexParams) + list_length(stmt->indexIncludingParams) > INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("cannot use more than %d columns in an index", INDEX_MAX_KEYS)));
	(void) index_reloptions(routine->amoptions, transformRelOptions((Datum) 0, stmt->options, NULL, NULL, false, false), true);
	foreach(lc, stmt->indexParams)
	{
		IndexElem  *element = lfirst_node(IndexElem, lc);

		if (!routine->amcanorder &&
			(element->ordering != SORTBY_DEFAULT || element->nulls_ordering != SORTBY_NULLS_DEFAULT))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("access method \"%s\" does not support ASC/DESC or NULLS FIRST/LAST options",
							stmt->accessMethod)));
	}
}

/* Fill in what CREATE INDEX would make of the analyzed statement. */
static void
read_shape(Relation rel, IndexStmt *stmt, IndexShape *shape)
{
	const IndexAmRoutine *routine;
	ListCell   *lc;

	shape->method = get_index_am_oid(stmt->accessMethod, false);
	shape->unique = stmt->unique;
	shape->nulls_not_distinct = stmt->nulls_not_distinct;
	shape->plain = true;
	shape->valid = true;
	routine = GetIndexAmRoutineByAmId(shape->method, false);
	check_method(routine, stmt);
	foreach(lc, stmt->indexParams)
	{
		IndexElem  *element = lfirst_node(IndexElem, lc);
		IndexKey   *key;

		check_column(rel, element, element->name ? find_column(rel, element->name) : InvalidAttrNumber);
		key = resolve_index_key(rel, element, stmt->accessMethod, shape->method);
		fix_opfuncids(key->expr);
		shape->keys = lappend(shape->keys, key);
	}
	foreach(lc, stmt->indexIncludingParams)
	{
		IndexElem  *element = lfirst_node(IndexElem, lc);

		if (element->name == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("expressions are not supported in included columns")));
		check_column(rel, element, find_column(rel, element->name));
		shape->include = lappend_int(shape->include, find_column(rel, element->name));
	}
	if (stmt->whereClause)
	{
		check_index_expression(rel, stmt->whereClause, "predicate");
		require_select(rel, stmt->whereClause);
		shape->predicate = condition_clauses(stmt->whereClause);
		fix_opfuncids((Node *) shape->predicate);
	}
}

/* A unique index of a partitioned table has all columns that rows are parted by. */
static void
check_partition_key(Relation rel, IndexShape *shape)
{
	PartitionKey key = RelationGetPartitionKey(rel);

	for (int i = 0; i < key->partnatts; i++)
	{
		bool		found = false;
		ListCell   *lc;

		foreach(lc, shape->keys)
			found |= key->partattrs[i] != 0 && ((IndexKey *) lfirst(lc))->attnum == key->partattrs[i];
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("unique constraint on partitioned table must include all partitioning columns")));
	}
}

/* An expression over the parent as one over the partition. */
static Node *
map_expression(Node *expr, AttrMap *map, Relation partition)
{
	bool		whole_row;

	return map_variable_attnos(expr, 1, 0, map, RelationGetForm(partition)->reltype, &whole_row);
}

/* The index of a partition that one of its parent brings about. */
static IndexShape
partition_shape(IndexShape *shape, Relation parent, Relation partition)
{
	AttrMap    *map = compat_attrmap_by_name(RelationGetDescr(partition), RelationGetDescr(parent));
	IndexShape	result = *shape;
	ListCell   *lc;

	result.keys = NIL;
	result.include = NIL;
	foreach(lc, shape->keys)
	{
		IndexKey   *key = palloc(sizeof(IndexKey));

		*key = *(IndexKey *) lfirst(lc);
		if (key->attnum > 0)
			key->attnum = map->attnums[key->attnum - 1];
		else
			key->expr = map_expression(key->expr, map, partition);
		result.keys = lappend(result.keys, key);
	}
	foreach(lc, shape->include)
		result.include = lappend_int(result.include, map->attnums[lfirst_int(lc) - 1]);
	result.predicate = (List *) map_expression((Node *) shape->predicate, map, partition);
	return result;
}

/* Add an index of a table or partition to the set. */
static Hypothetical *
add_index(HypotheticalSet *set, Relation rel, IndexStmt *stmt, char *name)
{
	Hypothetical *index = palloc0(sizeof(Hypothetical));

	index->oid = free_oid(set);
	index->name = name;
	index->element = list_length(set->names);
	index->relid = index->sampled = RelationGetRelid(rel);
	index->sampled_shape = &index->shape;
	index->parent = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	index->tablespace = stmt->tableSpace ? get_tablespace_oid(stmt->tableSpace, false) : InvalidOid;
	index->options = stmt->options;
	set->indexes = lappend(set->indexes, index);
	return index;
}

/* The indexes that the partitions get. */
static void
add_partitions(HypotheticalSet *set, Relation rel, IndexStmt *stmt, IndexShape *shape)
{
	List	   *partitions = find_all_inheritors(RelationGetRelid(rel), AccessShareLock, NULL);
	ListCell   *lc;

	foreach(lc, partitions)
	{
		Relation	partition;

		if (lfirst_oid(lc) == RelationGetRelid(rel))
			continue;
		partition = relation_open(lfirst_oid(lc), NoLock);
		if (partition->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		{
			if (shape->unique)
				ereport(ERROR,
						(errcode(ERRCODE_WRONG_OBJECT_TYPE),
						 errmsg("cannot create unique index on partitioned table \"%s\"", RelationGetRelationName(rel)),
						 errdetail("Table \"%s\" contains partitions that are foreign tables.",
								   RelationGetRelationName(rel))));
		}
		else
		{
			Hypothetical *index = add_index(set, partition, stmt, made_name(set, partition, stmt));

			index->shape = partition_shape(shape, rel, partition);
			index->sampled = RelationGetRelid(rel);
			index->sampled_shape = shape;
		}
		relation_close(partition, NoLock);
	}
}

/* Read a CREATE INDEX. */
static void
read_create(HypotheticalSet *set, IndexStmt *stmt, const char *text)
{
	Oid			relid = RangeVarGetRelid(stmt->relation, AccessShareLock, false);
	Relation	rel = condition_table(relid, AccessShareLock);
	Hypothetical *index;
	char	   *name;

	if (rel->rd_rel->relkind == RELKIND_VIEW || rel->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot create index on relation \"%s\"", RelationGetRelationName(rel)),
				 errdetail("A %s has no indexes.",
						   rel->rd_rel->relkind == RELKIND_VIEW ? "view" : "foreign table")));
	stmt = transformIndexStmt(relid, stmt, text);
	name = hypothetical_name(set, rel, stmt);
	if (name)
	{
		index = add_index(set, rel, stmt, name);
		read_shape(rel, stmt, &index->shape);
		if (index->parent && index->shape.unique)
			check_partition_key(rel, &index->shape);
		if (index->parent && stmt->relation->inh)
			add_partitions(set, rel, stmt, &index->shape);
	}
	set->names = lappend(set->names, name ? name : stmt->idxname);
	/* the lock on the table stays, as with any query */
	relation_close(rel, NoLock);
}

/* Read a DROP INDEX: the indexes are hidden, of partitioned tables those of the partitions, too. */
static void
read_drop(HypotheticalSet *set, DropStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->objects)
	{
		RangeVar   *name = makeRangeVarFromNameList(lfirst_node(List, lc));
		Oid			index = RangeVarGetRelid(name, NoLock, stmt->missing_ok);
		char		relkind = OidIsValid(index) ? get_rel_relkind(index) : RELKIND_INDEX;

		if (relkind != RELKIND_INDEX && relkind != RELKIND_PARTITIONED_INDEX)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is not an index", name->relname)));
		if (OidIsValid(index))
			set->hidden = list_concat_unique_oid(set->hidden, find_all_inheritors(index, NoLock, NULL));
		else
			ereport(NOTICE,
					(errmsg("index \"%s\" does not exist, skipping", name->relname)));
		if (foreach_current_index(lc) == 0)
			set->names = lappend(set->names, name->relname);
	}
}

/*
 * read_hypothetical
 *		Add what a CREATE INDEX or DROP INDEX says to the set.
 */
void
read_hypothetical(HypotheticalSet *set, const char *text)
{
	ArgumentText argument = {"index_sql", text};
	ErrorContextCallback callback = {error_context_stack, argument_error_callback, &argument};
	List	   *parsed;
	Node	   *stmt;

	error_context_stack = &callback;
	parsed = pg_parse_query(text);
	stmt = list_length(parsed) == 1 ? linitial_node(RawStmt, parsed)->stmt : NULL;
	if (stmt && IsA(stmt, IndexStmt))
		read_create(set, (IndexStmt *) stmt, text);
	else if (stmt && IsA(stmt, DropStmt) && ((DropStmt *) stmt)->removeType == OBJECT_INDEX)
		read_drop(set, (DropStmt *) stmt);
	else
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("each element of \"%s\" must be one CREATE INDEX or DROP INDEX", "index_sql"),
				 *text ? errdetail("It reads: %s", text) : errdetail("It is empty.")));
	error_context_stack = callback.previous;
}

/* ------------------------------------------------------------------------ */
/* What the planner is told													*/
/* ------------------------------------------------------------------------ */

/*
 * amcostestimate of GIN: of a hypothetical index the server takes a guess by the
 * number of its pages, nine tenths of which it believes to be the tree of keys.
 */
static void
gin_cost(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup, Cost *total,
		 Selectivity *selectivity, double *correlation, double *pages)
{
	IndexOptInfo *info = path->indexinfo;
	Hypothetical *index = find_hypothetical(info->indexoid);
	BlockNumber pages_before = info->pages;

	if (index)
		info->pages = (BlockNumber) ceil(index->entry_pages / 0.9);
	GetIndexAmRoutineByAmId(GIN_AM_OID, false)->amcostestimate(root, path, loop_count, startup, total,
															   selectivity, correlation, pages);
	info->pages = pages_before;
}

/*
 * amcostestimate of BRIN: of a hypothetical index the server believes that it has
 * the usual number of pages in a range; it uses the table's pages to count ranges.
 * And it counts one page more as the map of ranges than of an index that is there.
 */
static void
brin_cost(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup, Cost *total,
		  Selectivity *selectivity, double *correlation, double *pages)
{
	IndexOptInfo *info = path->indexinfo;
	Hypothetical *index = find_hypothetical(info->indexoid);
	BlockNumber pages_before = info->rel->pages;
	BlockNumber size_before = info->pages;
	ListCell   *lc;

	if (index)
		foreach(lc, index->options)
			if (strcmp(lfirst_node(DefElem, lc)->defname, "pages_per_range") == 0)
				info->rel->pages = (BlockNumber) Min(ceil(info->rel->pages * (double) BRIN_DEFAULT_PAGES_PER_RANGE /
														  Max(defGetInt32(lfirst(lc)), 1)), MaxBlockNumber);
	info->pages++;
	GetIndexAmRoutineByAmId(BRIN_AM_OID, false)->amcostestimate(root, path, loop_count, startup, total,
																selectivity, correlation, pages);
	info->rel->pages = pages_before;
	info->pages = size_before;
}

/* Can a scan of the index alone give the column's value? */
static bool
can_return(Hypothetical *index, int column)
{
	IndexKey   *key = column < list_length(index->shape.keys) ? list_nth(index->shape.keys, column) : NULL;
	Oid			type = key ? get_opclass_input_type(key->opclass) : InvalidOid;
	Oid			family = key ? get_opclass_family(key->opclass) : InvalidOid;

	if (index->shape.method == BTREE_AM_OID)
		return true;
	if (index->shape.method == GIST_AM_OID)
		return key == NULL || OidIsValid(get_opfamily_proc(family, type, type, GIST_FETCH_PROC)) ||
			!OidIsValid(get_opfamily_proc(family, type, type, GIST_COMPRESS_PROC));
	if (index->shape.method == SPGIST_AM_OID)
	{
		spgConfigIn in = {.attType = type};
		spgConfigOut out = {0};

		if (key == NULL)
			return true;
		OidFunctionCall2Coll(get_opfamily_proc(family, type, type, SPGIST_CONFIG_PROC), key->collation,
							 PointerGetDatum(&in), PointerGetDatum(&out));
		return out.canReturnData;
	}
	return false;
}

/* Fill in the columns. */
static void
fill_columns(IndexOptInfo *info, Hypothetical *index, Index varno)
{
	info->nkeycolumns = list_length(index->shape.keys);
	info->ncolumns = info->nkeycolumns + list_length(index->shape.include);
	info->indexkeys = palloc0(sizeof(int) * info->ncolumns);
	info->canreturn = palloc0(sizeof(bool) * info->ncolumns);
	info->indexcollations = palloc0(sizeof(Oid) * info->nkeycolumns);
	info->opfamily = palloc0(sizeof(Oid) * info->nkeycolumns);
	info->opcintype = palloc0(sizeof(Oid) * info->nkeycolumns);
	info->opclassoptions = palloc0(sizeof(bytea *) * info->ncolumns);
	for (int i = 0; i < info->ncolumns; i++)
	{
		IndexKey   *key = i < info->nkeycolumns ? list_nth(index->shape.keys, i) : NULL;

		info->indexkeys[i] = key ? key->attnum : list_nth_int(index->shape.include, i - info->nkeycolumns);
		info->canreturn[i] = !index->parent && can_return(index, i);
		if (key == NULL)
			continue;
		info->indexcollations[i] = key->collation;
		info->opfamily[i] = get_opclass_family(key->opclass);
		info->opcintype[i] = get_opclass_input_type(key->opclass);
		if (key->attnum == 0)
			info->indexprs = lappend(info->indexprs, copyObject(key->expr));
	}
	info->indpred = copyObject(index->shape.predicate);
	if (varno != 1)
	{
		ChangeVarNodes((Node *) info->indexprs, 1, varno, 0);
		ChangeVarNodes((Node *) info->indpred, 1, varno, 0);
	}
}

/* The columns as a target list over the table. */
static List *
column_list(IndexOptInfo *info, Oid relid, Index varno)
{
	ListCell   *expr = list_head(info->indexprs);
	List	   *result = NIL;

	for (int i = 0; i < info->ncolumns; i++)
	{
		Expr	   *column;

		if (info->indexkeys[i] != 0)
		{
			Oid			type;
			int32		typmod;
			Oid			collation;

			get_atttypetypmodcoll(relid, info->indexkeys[i], &type, &typmod, &collation);
			column = (Expr *) makeVar(varno, info->indexkeys[i], type, typmod, collation, 0);
		}
		else
		{
			column = lfirst(expr);
			expr = lnext(info->indexprs, expr);
		}
		result = lappend(result, makeTargetEntry(column, i + 1, NULL, false));
	}
	return result;
}

/* Fill in what depends on the access method. */
static void
fill_method(IndexOptInfo *info, Hypothetical *index)
{
	const IndexAmRoutine *routine = GetIndexAmRoutineByAmId(index->shape.method, false);

	info->relam = index->shape.method;
	if (index->parent)
		return;
	info->amcanorderbyop = routine->amcanorderbyop;
	info->amoptionalkey = routine->amoptionalkey;
	info->amsearcharray = routine->amsearcharray;
	info->amsearchnulls = routine->amsearchnulls;
	info->amcanparallel = routine->amcanparallel;
	info->amhasgettuple = routine->amgettuple != NULL;
	info->amhasgetbitmap = routine->amgetbitmap != NULL;
	info->amcanmarkpos = routine->ammarkpos != NULL && routine->amrestrpos != NULL;
	info->amcostestimate = index->shape.method == GIN_AM_OID ? gin_cost :
		index->shape.method == BRIN_AM_OID ? brin_cost : routine->amcostestimate;
	if (index->shape.method != BTREE_AM_OID)
		return;
	info->sortopfamily = info->opfamily;
	info->reverse_sort = palloc(sizeof(bool) * info->nkeycolumns);
	info->nulls_first = palloc(sizeof(bool) * info->nkeycolumns);
	for (int i = 0; i < info->nkeycolumns; i++)
	{
		int16		option = ((IndexKey *) list_nth(index->shape.keys, i))->option;

		info->reverse_sort[i] = (option & INDOPTION_DESC) != 0;
		info->nulls_first[i] = (option & INDOPTION_NULLS_FIRST) != 0;
	}
}

/* The index as the planner reads it from the catalogs. */
static IndexOptInfo *
index_info(Hypothetical *index, RelOptInfo *rel)
{
	IndexOptInfo *info = makeNode(IndexOptInfo);

	info->indexoid = index->oid;
	info->reltablespace = index->tablespace;
	info->rel = rel;
	info->unique = index->shape.unique;
	info->immediate = true;
	info->hypothetical = true;
#if PG_VERSION_NUM >= 180000
	info->nullsnotdistinct = index->shape.nulls_not_distinct;
#endif
	fill_columns(info, index, rel->relid);
	fill_method(info, index);
	info->indextlist = column_list(info, index->relid, rel->relid);
	if (!index->parent)
	{
		info->pages = (BlockNumber) Min(index->pages, MaxBlockNumber);
		info->tuples = info->indpred ? Min(index->tuples, rel->tuples) : rel->tuples;
	}
	info->tree_height = index->parent ? -1 : index->height;
	return info;
}

/* PlanWith.see_relation: tell the planner of the indexes of a relation. */
static void
add_indexes(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte, void *arg)
{
	HypotheticalSet *set = arg;
	ListCell   *lc;

	foreach(lc, set->indexes)
	{
		Hypothetical *index = lfirst(lc);

		if (index->relid != rte->relid)
			continue;
		/* a tree of tables has indexes of its members only; since 16 the planner looks at a partitioned table's, too */
		if (rte->inh != index->parent || (rte->inh && PG_VERSION_NUM < 160000))
			continue;
		/* the newest index is the first, as always */
		rel->indexlist = lcons(index_info(index, rel), rel->indexlist);
	}
}

/* Is it one of the planner's relations? */
static bool
is_relation(PlannerInfo *root, RelOptInfo *rel)
{
	for (int i = 1; i < root->simple_rel_array_size; i++)
		if (root->simple_rel_array[i] != NULL && root->simple_rel_array[i] == rel)
			return true;
	return false;
}

/* get_index_stats_hook: statistics of an index's expression */
static bool
stats_hook(PlannerInfo *root, Oid oid, AttrNumber column, VariableStatData *vardata)
{
	Hypothetical *index = find_hypothetical(oid);

	if (index == NULL)
		return previous_stats_hook && previous_stats_hook(root, oid, column, vardata);
	/* those of a part of the rows do not hold for the table; the index's own cost is estimated by them */
	if (index->shape.predicate && is_relation(root, vardata->rel))
		return false;
	if (index->statistics == NULL || column > list_length(index->shape.keys) || index->statistics[column - 1] == NULL)
		return false;
	vardata->statsTuple = heap_copytuple(index->statistics[column - 1]);
	vardata->freefunc = heap_freetuple;
	/* the sample has rows that the caller may see */
	vardata->acl_ok = true;
	return true;
}

/* ------------------------------------------------------------------------ */
/* Planning																	*/
/* ------------------------------------------------------------------------ */

/* explain_get_index_name_hook; it also tells which indexes are in the plan */
static const char *
name_hook(Oid oid)
{
	Hypothetical *index = find_hypothetical(oid);

	if (index == NULL)
		return previous_name_hook ? previous_name_hook(oid) : NULL;
	current->used = list_append_unique_oid(current->used, oid);
	return index->name;
}

/*
 * uses_element
 *		Does the last plan use an index that comes from that text?
 */
bool
uses_element(HypotheticalSet *set, int element)
{
	ListCell   *lc;

	foreach(lc, set->indexes)
	{
		Hypothetical *index = lfirst(lc);

		if (index->element == element && list_member_oid(set->used, index->oid))
			return true;
	}
	return false;
}

/* The plan as EXPLAIN (COSTS OFF) prints it; privileges are checked, and nothing runs. */
static char *
plan_text(PlannedStmt *plan, const char *text)
{
	ExplainState *es = NewExplainState();
	QueryDesc  *desc = CreateQueryDesc(plan, text, GetActiveSnapshot(), InvalidSnapshot, None_Receiver, NULL, NULL, 0);

	es->costs = false;
	ExecutorStart(desc, EXEC_FLAG_EXPLAIN_ONLY);
	ExplainPrintPlan(es, desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
	if (es->str->len > 0 && es->str->data[es->str->len - 1] == '\n')
		es->str->data[--es->str->len] = '\0';
	return es->str->data;
}

/* Plan the rewritten statements, print the plans, and sum the costs. */
static void
plan_queries(HypotheticalSet *set, List *queries, const char *text, HypotheticalPlan *plan)
{
	PlanWith	with = {.hidden = set->hidden, .see_relation = add_indexes, .arg = set};
	StringInfoData printed;
	ListCell   *lc;

	initStringInfo(&printed);
	foreach(lc, queries)
	{
		Query	   *query = lfirst_node(Query, lc);
		PlannedStmt *planned;

		if (query->commandType == CMD_UTILITY)
			continue;
		planned = plan_with(&with, query, text, NULL);
		compat_check_permissions(planned);
		plan->cost += planned->planTree->total_cost;
		if (printed.len > 0)
			appendStringInfoString(&printed, "\n\n");
		appendStringInfoString(&printed, plan_text(planned, text));
	}
	plan->text = printed.data;
}

/*
 * plan_hypothetical
 *		Plan a statement, in the form that the rewriter gave it, as if the set's
 *		indexes were there and the hidden ones were not.
 */
void
plan_hypothetical(HypotheticalSet *set, List *queries, const char *text, HypotheticalPlan *plan)
{
	HypotheticalSet *previous = current;

	plan->cost = 0;
	set->used = NIL;
	current = set;
	PG_TRY();
	{
		plan_queries(set, queries, text, plan);
	}
	PG_FINALLY();
	{
		current = previous;
	}
	PG_END_TRY();
}

/*
 * analyze_statement
 *		One statement that EXPLAIN accepts, as the rewriter gives it.  The types of
 *		its parameters are what they stand beside.
 */
List *
analyze_statement(const char *text)
{
	List	   *parsed = pg_parse_query(text);
	RawStmt    *raw;
	Oid		   *types = NULL;
	int			ntypes = 0;
	Query	   *query;

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("argument \"%s\" must be one SQL statement", "query"),
				 errdetail("It has %d.", list_length(parsed))));
	raw = linitial_node(RawStmt, parsed);
	if (IsA(raw->stmt, ExplainStmt))
		raw->stmt = ((ExplainStmt *) raw->stmt)->query;
	if (IsA(raw->stmt, CreateTableAsStmt))
		raw->stmt = ((CreateTableAsStmt *) raw->stmt)->query;
	if (IsA(raw->stmt, DeclareCursorStmt))
		raw->stmt = ((DeclareCursorStmt *) raw->stmt)->query;
	if (!IsA(raw->stmt, SelectStmt) && !IsA(raw->stmt, InsertStmt) && !IsA(raw->stmt, UpdateStmt) &&
		!IsA(raw->stmt, DeleteStmt) && !IsA(raw->stmt, MergeStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("only statements that are planned can be explained"),
				 errdetail("These are SELECT, VALUES, INSERT, UPDATE, DELETE and MERGE.")));
	query = parse_analyze_varparams(raw, text, &types, &ntypes, NULL);
	for (int i = 0; i < ntypes; i++)
		if (!OidIsValid(types[i]) || types[i] == UNKNOWNOID)
			ereport(ERROR,
					(errcode(ERRCODE_INDETERMINATE_DATATYPE),
					 errmsg("could not determine data type of parameter $%d", i + 1),
					 errhint("Cast it to its type.")));
	/* SELECT INTO */
	if (query->commandType == CMD_UTILITY && IsA(query->utilityStmt, CreateTableAsStmt))
		query = castNode(Query, ((CreateTableAsStmt *) query->utilityStmt)->query);
	return pg_rewrite_query(query);
}

/*
 * hypothetical_init
 *		Install the hooks; called once, when the module is loaded.
 */
void
hypothetical_init(void)
{
	previous_stats_hook = get_index_stats_hook;
	get_index_stats_hook = stats_hook;
	previous_name_hook = explain_get_index_name_hook;
	explain_get_index_name_hook = name_hook;
}
