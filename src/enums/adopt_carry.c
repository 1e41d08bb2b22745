/*
 * adopt_carry.c
 *	  What hangs on a column that becomes an enum, or text: carried over to the
 *	  column that takes its place, or refused by name.
 *
 * Carried before the swap, beside the writers: a CHECK for NOT NULL, the CHECKs
 * (not those that the enum implies), and the indexes, which are built
 * concurrently.  Carried in the swap, which only changes catalogs: default, NOT
 * NULL, unique constraints and primary key, names, comments, privileges,
 * statistics target and options, extended statistics, policies and views.
 *
 * A view is given its own definition anew, in which the column is cast to what
 * it was, so that the view's columns, privileges and dependents stay.  The
 * server then drops the old column without CASCADE: whatever still hangs on
 * it stops the swap, and nothing is lost.  The swap is rehearsed, and rolled
 * back, before the long work begins.
 */
#include "postgres.h"

#include <ctype.h>

#include "access/attmap.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_utilcmd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/adopt.h"
#include "enums/enums.h"
#include "enums/trees.h"

/* One field of a row of the last statement, palloc'd, or NULL. */
static char *
field(SPITupleTable *rows, uint64 row, int number)
{
	return SPI_getvalue(rows->vals[row], rows->tupdesc, number);
}

static bool
is_true(const char *value)
{
	return value != NULL && value[0] == 't';
}

/* ------------------------------------------------------------------------ */
/* What can be carried														*/
/* ------------------------------------------------------------------------ */

/* Objects that hang on the column and are of no kind that can be carried. */
static const char *strangers_sql =
	"SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)"
	" FROM pg_depend AS d"
	" LEFT JOIN pg_attrdef AS ad ON d.classid = 'pg_attrdef'::regclass AND ad.oid = d.objid"
	" LEFT JOIN pg_constraint AS c ON d.classid = 'pg_constraint'::regclass AND c.oid = d.objid"
	" LEFT JOIN pg_index AS i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid"
	" LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid"
	" LEFT JOIN pg_class AS v ON v.oid = r.ev_class"
	" LEFT JOIN pg_statistic_ext AS s ON d.classid = 'pg_statistic_ext'::regclass AND s.oid = d.objid"
	" WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = %u AND d.refobjsubid = %d"
	" AND NOT coalesce(CASE d.classid"
	"  WHEN 'pg_attrdef'::regclass THEN ad.adrelid = %u AND ad.adnum = %d"
	"  WHEN 'pg_constraint'::regclass THEN c.conrelid = %u AND c.contype IN ('c', 'n', 'p', 'u') AND c.coninhcount = 0"
	"  WHEN 'pg_class'::regclass THEN i.indrelid = %u AND NOT i.indisexclusion AND NOT i.indisreplident"
	"  WHEN 'pg_rewrite'::regclass THEN r.rulename = '_RETURN' AND v.relkind = 'v'"
	"  WHEN 'pg_statistic_ext'::regclass THEN s.stxexprs IS NULL"
	"  WHEN 'pg_policy'::regclass THEN true END, false)"
	" UNION ALL SELECT 'publication ' || quote_ident(p.pubname) FROM pg_publication AS p"
	" WHERE EXISTS (SELECT FROM pg_get_publication_tables(p.pubname) AS g WHERE g.relid = %u)"
	" ORDER BY 1";

/* The CHECKs of the column: OID, name, tree, NO INHERIT, validated, enforced, comment. */
static const char *checks_sql =
	"SELECT c.oid, c.conname, c.conbin, c.connoinherit, c.convalidated, coalesce((to_jsonb(c)->>'conenforced')::bool, true),"
	" obj_description(c.oid, 'pg_constraint')"
	" FROM pg_constraint AS c WHERE c.conrelid = %u AND c.contype = 'c' AND %d = ANY (c.conkey)"
	" AND c.conname NOT LIKE 'pg\\_more:adopt:%%' ORDER BY c.conname";

static void
add_stranger(StringInfo strangers, const char *description, const char *why)
{
	appendStringInfo(strangers, "%s%s%s%s", strangers->len ? "\n" : "", description, why ? ": " : "", why ? why : "");
}

/* The column's default, or NULL. */
static Node *
default_tree(const Adoption *adoption)
{
	if (adopt_run("SELECT adbin FROM pg_attrdef WHERE adrelid = %u AND adnum = %d", adoption->relid, adoption->attnum) == 0)
		return NULL;
	return stringToNode(field(SPI_tuptable, 0, 1));
}

static void
look_at_default(Adoption *adoption, StringInfo strangers)
{
	Node	   *tree = default_tree(adoption);
	const char *label = tree && adoption->to_enum ? adopt_label(adoption, tree) : NULL;

	if (label != NULL && enum_value(adoption->type, label, true) == NULL)
		add_stranger(strangers, "its default", "it is no label of the enum");
}

static void
look_at_checks(Adoption *adoption, StringInfo strangers)
{
	uint64		n = adopt_run(checks_sql, adoption->relid, adoption->attnum);
	SPITupleTable *rows = SPI_tuptable;

	for (uint64 i = 0; i < n; i++)
	{
		Node	   *check = stringToNode(field(rows, i, 3));

		if (!adopt_implied(adoption, check) && adopt_translate(adoption, check, true) == NULL)
			add_stranger(strangers, psprintf("constraint %s", quote_identifier(field(rows, i, 2))),
						 "it cannot be said of the other type");
	}
}

/* Does the index have the column, in its keys, expressions or condition? */
static bool
index_uses(Relation index, AttrNumber attnum)
{
	Bitmapset  *used = NULL;

	for (int i = 0; i < index->rd_index->indnatts; i++)
		if (index->rd_index->indkey.values[i] == attnum)
			return true;
	pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &used);
	pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &used);
	return bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, used);
}

/* The class in which the access method indexes the new type: the default one, if there is any. */
static bool
can_index(const Adoption *adoption, Relation index)
{
	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
		if (index->rd_index->indkey.values[i] == adoption->attnum &&
			!OidIsValid(GetDefaultOpClass(adoption->to, index->rd_rel->relam)))
			return false;
	return true;
}

/* Why the index cannot be built over the new column, or NULL. */
static const char *
index_obstacle(Adoption *adoption, Relation index)
{
	List	   *trees = list_concat_copy(RelationGetIndexExpressions(index), RelationGetIndexPredicate(index));
	ListCell   *lc;

	if (!can_index(adoption, index))
		return "its access method cannot index the other type";
	foreach(lc, trees)
		if (adopt_translate(adoption, lfirst(lc), false) == NULL)
			return "its expressions cannot be said of the other type";
	return NULL;
}

/* OIDs of the indexes that have the column, in the adoption's memory. */
static List *
indexes_of_column(Adoption *adoption)
{
	Relation	rel = table_open(adoption->relid, AccessShareLock);
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (index_uses(index, adoption->attnum) && index->rd_index->indisvalid)
		{
			MemoryContext old = MemoryContextSwitchTo(adoption->context);

			result = lappend_oid(result, lfirst_oid(lc));
			MemoryContextSwitchTo(old);
		}
		index_close(index, AccessShareLock);
	}
	table_close(rel, AccessShareLock);
	return result;
}

static void
look_at_indexes(Adoption *adoption, StringInfo strangers)
{
	ListCell   *lc;

	foreach(lc, indexes_of_column(adoption))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		const char *why = index_obstacle(adoption, index);

		if (why != NULL)
			add_stranger(strangers, psprintf("index %s", quote_identifier(RelationGetRelationName(index))), why);
		index_close(index, AccessShareLock);
	}
}

/*
 * adopt_require_portable
 *		Raise an error that names all that hangs on the column and cannot be
 *		carried over.
 */
void
adopt_require_portable(Adoption *adoption)
{
	StringInfoData strangers;
	uint64		n;
	SPITupleTable *rows;

	initStringInfo(&strangers);
	n = adopt_run(strangers_sql, adoption->relid, adoption->attnum, adoption->relid, adoption->attnum,
				  adoption->relid, adoption->relid, adoption->relid);
	rows = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
		add_stranger(&strangers, field(rows, i, 1), NULL);
	look_at_default(adoption, &strangers);
	look_at_checks(adoption, &strangers);
	look_at_indexes(adoption, &strangers);
	if (strangers.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("column \"%s\" of table %s cannot change its type while other objects depend on it",
						adoption->column, adopt_table(adoption)),
				 errdetail_internal("%s", strangers.data),
				 errhint("Drop them, or take the table out of the publication, and create them again afterwards.")));
}

/* ------------------------------------------------------------------------ */
/* Before the swap															*/
/* ------------------------------------------------------------------------ */

static bool
has_constraint(const Adoption *adoption, const char *name)
{
	return adopt_run("SELECT FROM pg_constraint WHERE conrelid = %u AND conname = %s",
					 adoption->relid, quote_literal_cstr(name)) > 0;
}

static char *
not_null_name(const Adoption *adoption)
{
	return psprintf("pg_more:adopt:notnull:%d", adoption->attnum);
}

static char *
labels_name(const Adoption *adoption)
{
	return psprintf("pg_more:adopt:labels:%d", adoption->attnum);
}

static char *
check_name(const char *oid)
{
	return psprintf("pg_more:adopt:check:%s", oid);
}

static bool
is_not_null(const Adoption *adoption)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(adoption->relid), Int16GetDatum(adoption->attnum));
	bool		result = HeapTupleIsValid(tuple) && ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return result;
}

static void
add_constraint(const Adoption *adoption, const char *name, const char *condition, const char *how)
{
	if (!has_constraint(adoption, name))
		adopt_run("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s) %s", adopt_table(adoption), quote_identifier(name), condition, how);
}

/* Text goes on to hold only labels. */
static char *
labels_condition(const Adoption *adoption)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "%s IN (", quote_identifier(adoption->new_column));
	foreach(lc, adoption->labels)
		appendStringInfo(&sql, "%s%s", lc == list_head(adoption->labels) ? "" : ", ", quote_literal_cstr(lfirst(lc)));
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/*
 * adopt_add_constraints
 *		The CHECKs that the new column is to have, NOT VALID yet.
 *
 * Takes ACCESS EXCLUSIVE for as long as that takes; does what is not done.
 */
void
adopt_add_constraints(Adoption *adoption)
{
	uint64		n;
	SPITupleTable *rows;

	adopt_run("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", adopt_table(adoption));
	if (is_not_null(adoption))
		add_constraint(adoption, not_null_name(adoption),
					   psprintf("%s IS NOT NULL", quote_identifier(adoption->new_column)), "NOT VALID");
	if (!adoption->to_enum)
		add_constraint(adoption, labels_name(adoption), labels_condition(adoption), "NOT VALID");
	n = adopt_run(checks_sql, adoption->relid, adoption->attnum);
	rows = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		Node	   *check = stringToNode(field(rows, i, 3));

		if (!adopt_implied(adoption, check))
			add_constraint(adoption, check_name(field(rows, i, 1)), adopt_expression(adoption, check),
						   psprintf("%s %s", is_true(field(rows, i, 4)) ? "NO INHERIT" : "",
									is_true(field(rows, i, 6)) ? "NOT VALID" : "NOT ENFORCED"));
	}
}

/*
 * adopt_validate_constraints
 *		Validate them, apart from those whose original is not valid.
 *
 * Reads the table under SHARE UPDATE EXCLUSIVE, which writers do not mind.
 */
void
adopt_validate_constraints(Adoption *adoption)
{
	uint64		n = adopt_run("SELECT c.conname FROM pg_constraint AS c"
							  " LEFT JOIN pg_constraint AS o ON c.conname = 'pg_more:adopt:check:' || o.oid"
							  " WHERE c.conrelid = %u AND NOT c.convalidated AND c.conname LIKE 'pg\\_more:adopt:%%'"
							  " AND o.convalidated IS NOT FALSE AND %d = ANY (c.conkey)",
							  adoption->relid, adoption->new_attnum);
	List	   *names = NIL;
	SPITupleTable *rows = SPI_tuptable;
	ListCell   *lc;

	for (uint64 i = 0; i < n; i++)
		names = lappend(names, MemoryContextStrdup(adoption->context, field(rows, i, 1)));
	foreach(lc, names)
		adopt_run("ALTER TABLE %s VALIDATE CONSTRAINT %s", adopt_table(adoption), quote_identifier(lfirst(lc)));
}

static char *
index_name(Oid index)
{
	return psprintf("pg_more:adopt:index:%u", index);
}

/* Give a key of the index that is the old column the new one, in its default operator class. */
static void
replace_key(const Adoption *adoption, IndexElem *key)
{
	if (key->name != NULL && strcmp(key->name, adoption->column) == 0)
	{
		key->name = adoption->new_column;
		key->opclass = NIL;
		key->opclassopts = NIL;
		key->collation = NIL;
	}
	else if (key->expr != NULL)
		key->expr = adopt_translate(adoption, key->expr, false);
}

/* CREATE INDEX CONCURRENTLY of the same index over the new column, in the adoption's memory. */
static IndexStmt *
index_statement(const Adoption *adoption, Oid oid)
{
	MemoryContext old = MemoryContextSwitchTo(adoption->context);
	Relation	rel = table_open(adoption->relid, AccessShareLock);
	Relation	index = index_open(oid, AccessShareLock);
	AttrMap    *map = make_attrmap(RelationGetNumberOfAttributes(rel));
	IndexStmt  *statement;
	ListCell   *lc;

	for (int i = 0; i < map->maplen; i++)
		map->attnums[i] = i + 1;
	statement = generateClonedIndexStmt(makeRangeVar(get_namespace_name(RelationGetNamespace(rel)),
													 pstrdup(RelationGetRelationName(rel)), -1),
										index, map, NULL);
	foreach(lc, statement->indexParams)
		replace_key(adoption, lfirst(lc));
	foreach(lc, statement->indexIncludingParams)
		replace_key(adoption, lfirst(lc));
	if (statement->whereClause != NULL)
		statement->whereClause = adopt_translate(adoption, statement->whereClause, false);
	statement->idxname = index_name(oid);
	statement->primary = statement->isconstraint = statement->deferrable = statement->initdeferred = false;
	statement->concurrent = true;
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	MemoryContextSwitchTo(old);
	return statement;
}

/* Is the index that takes another's place there, and whole?  What an interruption left of it is dropped. */
static bool
is_built(const Adoption *adoption, Oid oid)
{
	Oid			schema = get_rel_namespace(adoption->relid);
	Oid			index = get_relname_relid(index_name(oid), schema);

	if (!OidIsValid(index))
		return false;
	if (get_index_isvalid(index))
		return true;
	adopt_run("DROP INDEX %s", qualified_name(index));
	return false;
}

/*
 * adopt_build_indexes
 *		Build the indexes over the new column, concurrently.
 *
 * Each in transactions of its own; under the conditions of rebuild_index.
 */
void
adopt_build_indexes(Adoption *adoption)
{
	ListCell   *lc;

	foreach(lc, indexes_of_column(adoption))
	{
		IndexStmt  *statement;
		char	   *sql;

		if (is_built(adoption, lfirst_oid(lc)))
			continue;
		statement = index_statement(adoption, lfirst_oid(lc));
		adopt_commit(adoption, "index", get_rel_name(lfirst_oid(lc)));
		sql = MemoryContextStrdup(adoption->context,
								  psprintf("CREATE INDEX CONCURRENTLY %s ON %s", quote_identifier(statement->idxname), adopt_table(adoption)));
		adopt_concurrently((Node *) statement, sql);
	}
}

/* ------------------------------------------------------------------------ */
/* The swap																	*/
/* ------------------------------------------------------------------------ */

/* Of the CHECKs, the implied ones go, the others get their names. */
static void
swap_checks(Adoption *adoption, bool rehearse)
{
	uint64		n = adopt_run(checks_sql, adoption->relid, adoption->attnum);
	SPITupleTable *rows = SPI_tuptable;

	for (uint64 i = 0; i < n; i++)
	{
		const char *name = quote_identifier(field(rows, i, 2));
		char	   *comment = field(rows, i, 7);

		adopt_run("ALTER TABLE %s DROP CONSTRAINT %s", adopt_table(adoption), name);
		if (rehearse || !has_constraint(adoption, check_name(field(rows, i, 1))))
			continue;
		adopt_run("ALTER TABLE %s RENAME CONSTRAINT %s TO %s", adopt_table(adoption),
				  quote_identifier(check_name(field(rows, i, 1))), name);
		if (comment != NULL)
			adopt_run("COMMENT ON CONSTRAINT %s ON %s IS %s", name, adopt_table(adoption), quote_literal_cstr(comment));
	}
}

/* NOT NULL by way of the CHECK that is validated, so that no row is read. */
static void
swap_not_null(Adoption *adoption)
{
	if (!is_not_null(adoption))
		return;
	adopt_run("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", adopt_table(adoption), quote_identifier(adoption->new_column));
	adopt_run("ALTER TABLE %s DROP CONSTRAINT %s", adopt_table(adoption), quote_identifier(not_null_name(adoption)));
}

/* The constraint of an index: name, kind, deferrable, deferred, comments of both, clustered; one row. */
static const char *index_sql =
	"SELECT c.conname, c.contype, c.condeferrable, c.condeferred,"
	" obj_description(c.oid, 'pg_constraint'), obj_description(i.indexrelid, 'pg_class'), i.indisclustered"
	" FROM pg_index AS i LEFT JOIN pg_constraint AS c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype IN ('p', 'u')"
	" WHERE i.indexrelid = %u";

/* The index over the new column gets the old one's name, and is its constraint's. */
static void
swap_index(Adoption *adoption, Oid oid, bool rehearse)
{
	char	   *old_sql = qualified_name(oid);
	const char *old_name = quote_identifier(get_rel_name(oid));
	const char *new_name = quote_identifier(index_name(oid));
	char	   *schema = get_namespace_name(get_rel_namespace(adoption->relid));
	SPITupleTable *rows;
	const char *constraint;

	adopt_run(index_sql, oid);
	rows = SPI_tuptable;
	constraint = field(rows, 0, 1);
	if (constraint != NULL)
		adopt_run("ALTER TABLE %s DROP CONSTRAINT %s", adopt_table(adoption), quote_identifier(constraint));
	else
		adopt_run("DROP INDEX %s", old_sql);
	if (rehearse)
		return;
	if (constraint != NULL)
		adopt_run("ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s %s %s", adopt_table(adoption),
				  quote_identifier(constraint), field(rows, 0, 2)[0] == 'p' ? "PRIMARY KEY" : "UNIQUE", new_name,
				  is_true(field(rows, 0, 3)) ? "DEFERRABLE" : "", is_true(field(rows, 0, 4)) ? "INITIALLY DEFERRED" : "");
	else
		adopt_run("ALTER INDEX %s RENAME TO %s", quote_qualified_identifier(schema, index_name(oid)), old_name);
	if (constraint != NULL && field(rows, 0, 5) != NULL)
		adopt_run("COMMENT ON CONSTRAINT %s ON %s IS %s", quote_identifier(constraint), adopt_table(adoption),
				  quote_literal_cstr(field(rows, 0, 5)));
	if (field(rows, 0, 6) != NULL)
		adopt_run("COMMENT ON INDEX %s IS %s", old_sql, quote_literal_cstr(field(rows, 0, 6)));
	if (is_true(field(rows, 0, 7)))
		adopt_run("ALTER TABLE %s CLUSTER ON %s", adopt_table(adoption), old_name);
}

/* The default, as a label or as an expression that is cast. */
static void
swap_default(Adoption *adoption)
{
	Node	   *tree = default_tree(adoption);
	const char *label = tree ? adopt_label(adoption, tree) : NULL;

	if (tree != NULL)
		adopt_run("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s", adopt_table(adoption),
				  quote_identifier(adoption->new_column),
				  label ? psprintf("%s::%s", quote_literal_cstr(label), type_sql(adoption->to, -1)) :
				  adopt_cast(adoption, expression_sql(adoption->relid, tree)));
}

static Oid
table_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* The privileges on the column, word for word: who granted them, too. */
static void
copy_privileges(Adoption *adoption)
{
	Relation	catalog = table_open(AttributeRelationId, RowExclusiveLock);
	int			at = Anum_pg_attribute_attacl - 1;
	HeapTuple	from = SearchSysCacheCopy2(ATTNUM, ObjectIdGetDatum(adoption->relid), Int16GetDatum(adoption->attnum));
	HeapTuple	to = SearchSysCacheCopy2(ATTNUM, ObjectIdGetDatum(adoption->relid), Int16GetDatum(adoption->new_attnum));
	Datum		values[Natts_pg_attribute] = {0};
	bool		nulls[Natts_pg_attribute] = {0};
	bool		replaces[Natts_pg_attribute] = {0};

	if (!HeapTupleIsValid(from) || !HeapTupleIsValid(to))
		elog(ERROR, "cache lookup failed for a column of relation %u", adoption->relid);
	values[at] = heap_getattr(from, Anum_pg_attribute_attacl, RelationGetDescr(catalog), &nulls[at]);
	replaces[at] = true;
	if (!nulls[at])
	{
		Oid		   *members;
		int			n = aclmembers(DatumGetAclP(values[at]), &members);

		to = heap_modify_tuple(to, RelationGetDescr(catalog), values, nulls, replaces);
		CatalogTupleUpdate(catalog, &to->t_self, to);
		updateAclDependencies(RelationRelationId, adoption->relid, adoption->new_attnum,
							  table_owner(adoption->relid), 0, NULL, n, members);
	}
	table_close(catalog, RowExclusiveLock);
	CommandCounterIncrement();
}

/*
 * Statistics target and the options that a user can set.  Others are the
 * server's own notes on the column, which are not true of the new one.
 */
static void
copy_options(Adoption *adoption)
{
	const char *column = quote_identifier(adoption->new_column);
	uint64		n;

	if (adopt_run("SELECT attstattarget FROM pg_attribute WHERE attrelid = %u AND attnum = %d AND attstattarget >= 0",
				  adoption->relid, adoption->attnum) > 0)
		adopt_run("ALTER TABLE %s ALTER COLUMN %s SET STATISTICS %s", adopt_table(adoption), column, field(SPI_tuptable, 0, 1));
	n = adopt_run("SELECT string_agg(quote_ident(o.option_name) || ' = ' || o.option_value, ', ')"
				  " FROM pg_attribute AS a, LATERAL pg_options_to_table(a.attoptions) AS o"
				  " WHERE a.attrelid = %u AND a.attnum = %d AND o.option_name IN ('n_distinct', 'n_distinct_inherited')",
				  adoption->relid, adoption->attnum);
	if (n > 0 && field(SPI_tuptable, 0, 1) != NULL)
		adopt_run("ALTER TABLE %s ALTER COLUMN %s SET (%s)", adopt_table(adoption), column, field(SPI_tuptable, 0, 1));
}

/* How far back from p the qualifier of a name begins, or NULL when it is more than a name. */
static const char *
qualifier_start(const char *text, const char *p)
{
	const char *start = p;

	if (p == text || p[-1] != '.')
		return p;
	start--;
	if (start > text && start[-1] == '"')
	{
		for (start--; start > text; start--)
		{
			if (start[-1] != '"')
				continue;
			if (start - 1 > text && start[-2] == '"')
				start--;
			else
				return start - 1;
		}
		return NULL;
	}
	while (start > text && (IS_HIGHBIT_SET(start[-1]) || isalnum((unsigned char) start[-1]) || start[-1] == '_' || start[-1] == '$'))
		start--;
	return start < p - 1 ? start : NULL;
}

/* SQL in which the old column, under the name it has now, becomes the new one cast to what it was. */
static char *
with_cast_column(const Adoption *adoption, const char *text)
{
	const char *old_name = quote_identifier(adoption->old_column);
	const char *type = type_sql(adoption->from, adoption->from_typmod);
	StringInfoData result;
	const char *at;

	/* the new column has no collation, or the type's own */
	if (OidIsValid(adoption->from_collation))
		type = psprintf("%s COLLATE %s", type, collation_sql(adoption->from_collation));

	initStringInfo(&result);
	while ((at = strstr(text, old_name)) != NULL)
	{
		const char *start = qualifier_start(text, at);

		if (start == NULL)
			return NULL;
		appendBinaryStringInfo(&result, text, start - text);
		appendStringInfo(&result, "((%.*s%s)::%s)", (int) (at - start), start, quote_identifier(adoption->column), type);
		text = at + strlen(old_name);
	}
	appendStringInfoString(&result, text);
	return result.data;
}

/* Views over the column: which, and how many of their columns can be written. */
static const char *views_sql =
	"SELECT v.oid, (SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = v.oid AND a.attnum > 0 AND pg_column_is_updatable(v.oid, a.attnum, false)),"
	" pg_get_viewdef(v.oid), coalesce(array_to_string(v.reloptions, ', '), ''), pg_describe_object('pg_class'::regclass, v.oid, 0)"
	" FROM pg_class AS v WHERE v.oid IN (SELECT r.ev_class FROM pg_rewrite AS r JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid"
	"  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = %u AND d.refobjsubid = %d) ORDER BY v.oid";

static void
refuse_view(const Adoption *adoption, const char *view, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("column \"%s\" of table %s cannot change its type while other objects depend on it",
					adoption->column, adopt_table(adoption)),
			 errdetail("%s: %s.", view, why),
			 errhint("Drop the view, and create it again afterwards.")));
}

/* Replace a view, with its options; where the server does not take the definition, say whose it is, and why. */
static void
replace_view(const Adoption *adoption, Oid view, const char *description, const char *options, const char *definition)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		adopt_run("CREATE OR REPLACE VIEW %s %s%s%s AS %s", qualified_name(view), options[0] ? "WITH (" : "", options,
				  options[0] ? ")" : "", definition);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE || error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
			error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			PG_RE_THROW();
		FlushErrorState();
		refuse_view(adoption, description, psprintf("with the column cast to what it was, its definition is refused: %s",
													error->message));
	}
	PG_END_TRY();
}

/* Give each view its definition anew; the names are swapped already. */
static void
swap_views(Adoption *adoption)
{
	uint64		n = adopt_run(views_sql, adoption->relid, adoption->attnum);
	SPITupleTable *rows = SPI_tuptable;

	for (uint64 i = 0; i < n; i++)
	{
		Oid			view = atooid(field(rows, i, 1));
		char	   *definition = with_cast_column(adoption, field(rows, i, 3));

		if (definition == NULL || strcmp(definition, field(rows, i, 3)) == 0)
			refuse_view(adoption, field(rows, i, 5), "it uses the column in a way that cannot be carried over");
		replace_view(adoption, view, field(rows, i, 5), field(rows, i, 4), definition);
		adopt_run("SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = %u AND a.attnum > 0 AND pg_column_is_updatable(%u, a.attnum, false)",
				  view, view);
		if (strcmp(field(SPI_tuptable, 0, 1), field(rows, i, 2)) != 0)
			refuse_view(adoption, field(rows, i, 5), "the column can be written through it, which a cast does not allow");
	}
}

/* Policies over the column, with what their expressions are once the names are swapped. */
static const char *policies_sql =
	"SELECT p.polname, p.polrelid, p.polqual, p.polwithcheck, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)"
	" FROM pg_policy AS p WHERE p.oid IN (SELECT d.objid FROM pg_depend AS d WHERE d.classid = 'pg_policy'::regclass"
	"  AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %u AND d.refobjsubid = %d)";

/* One expression of a policy over the new column: as SQL, or NULL when there is none. */
static char *
policy_expression(const Adoption *adoption, const char *tree, const char *text, Oid relid)
{
	Node	   *translated;

	if (tree == NULL)
		return NULL;
	translated = relid == adoption->relid ? adopt_translate(adoption, stringToNode((char *) tree), true) : NULL;
	return translated != NULL ? expression_sql(relid, translated) : with_cast_column(adoption, text);
}

/* The names are swapped already. */
static void
swap_policies(Adoption *adoption, SPITupleTable *rows, uint64 n)
{
	for (uint64 i = 0; i < n; i++)
	{
		Oid			relid = atooid(field(rows, i, 2));
		char	   *using = policy_expression(adoption, field(rows, i, 3), field(rows, i, 5), relid);
		char	   *check = policy_expression(adoption, field(rows, i, 4), field(rows, i, 6), relid);

		adopt_run("ALTER POLICY %s ON %s %s%s%s %s%s%s", quote_identifier(field(rows, i, 1)), qualified_name(relid),
				  using ? "USING (" : "", using ? using : "", using ? ")" : "",
				  check ? "WITH CHECK (" : "", check ? check : "", check ? ")" : "");
	}
}

/* Extended statistics over the column: definition, comment, target. */
static const char *statistics_sql =
	"SELECT s.oid::regclass, pg_get_statisticsobjdef(s.oid), obj_description(s.oid, 'pg_statistic_ext'),"
	" coalesce(to_jsonb(s)->>'stxstattarget', '-1'), format('%%I.%%I', n.nspname, s.stxname)"
	" FROM pg_statistic_ext AS s JOIN pg_namespace AS n ON n.oid = s.stxnamespace"
	" WHERE s.stxrelid = %u AND %d = ANY (s.stxkeys)";

static void
swap_statistics(SPITupleTable *rows, uint64 n, bool drop)
{
	for (uint64 i = 0; i < n; i++)
	{
		if (drop)
			adopt_run("DROP STATISTICS %s", field(rows, i, 5));
		else
		{
			adopt_run("%s", field(rows, i, 2));
			if (field(rows, i, 3) != NULL)
				adopt_run("COMMENT ON STATISTICS %s IS %s", field(rows, i, 5), quote_literal_cstr(field(rows, i, 3)));
			if (strcmp(field(rows, i, 4), "-1") != 0)
				adopt_run("ALTER STATISTICS %s SET STATISTICS %s", field(rows, i, 5), field(rows, i, 4));
		}
	}
}

/* A name for the CHECK of the labels, as the server would choose it. */
static void
name_labels_check(Adoption *adoption)
{
	char	   *name = ChooseRelationName(get_rel_name(adoption->relid), adoption->column, "check",
										  get_rel_namespace(adoption->relid), true);

	adopt_run("ALTER TABLE %s RENAME CONSTRAINT %s TO %s", adopt_table(adoption),
			  quote_identifier(labels_name(adoption)), quote_identifier(name));
}

/* Since 18 NOT NULL has a name. */
static void
name_not_null(Adoption *adoption, const char *name)
{
	if (adopt_run("SELECT conname FROM pg_constraint WHERE conrelid = %u AND contype = 'n' AND conkey = ARRAY[%d]::int2[]",
				  adoption->relid, adoption->new_attnum) > 0)
		adopt_run("ALTER TABLE %s RENAME CONSTRAINT %s TO %s", adopt_table(adoption),
				  quote_identifier(field(SPI_tuptable, 0, 1)), quote_identifier(name));
}

/*
 * An error if a row may have been written without our trigger, or changed after
 * it, since it was made ready; the table is locked.  Triggers fire in the order
 * of their names, byte by byte.
 */
static void
require_last_trigger(const Adoption *adoption)
{
	const char *name = quote_literal_cstr(adoption->trigger);

	if (adopt_run("SELECT FROM pg_trigger WHERE tgrelid = %u AND tgname = %s AND tgenabled = 'A'", adoption->relid, name) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("trigger \"%s\" of table %s was disabled", adoption->trigger, adopt_table(adoption)),
				 errdetail("Rows may have been written without it."),
				 errhint("Call more.enum_adopt again: it enables the trigger, and looks at all rows.")));
	if (adopt_run("SELECT tgname FROM pg_trigger WHERE tgrelid = %u AND NOT tgisinternal AND tgname > %s"
				  " AND tgtype & 3 = 3 AND tgtype & 20 <> 0 ORDER BY tgname LIMIT 1", adoption->relid, name) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("trigger \"%s\" of table %s fires after that of more.enum_adopt, and might change the column",
						field(SPI_tuptable, 0, 1), adopt_table(adoption)),
				 errhint("Rename it: triggers fire in the order of their names.")));
}

/*
 * adopt_swap
 *		Puts the new column in the old one's place, in the current transaction.
 *
 * Takes ACCESS EXCLUSIVE on the table, its indexes and views, and only changes
 * catalogs.  A rehearsal, which the caller rolls back, leaves out what the
 * work before the swap has not made yet.
 */
void
adopt_swap(Adoption *adoption, bool rehearse)
{
	const char *old_name = quote_identifier(adoption->old_column);
	const char *name = quote_identifier(adoption->column);
	uint64		n_policies;
	uint64		n_statistics;
	SPITupleTable *policies;
	SPITupleTable *statistics;
	char	   *comment;
	char	   *not_null = NULL;
	ListCell   *lc;

	adopt_run("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", adopt_table(adoption));
	require_last_trigger(adoption);
	adopt_run("DROP TRIGGER %s ON %s", quote_identifier(adoption->trigger), adopt_table(adoption));
	swap_checks(adoption, rehearse);
	swap_default(adoption);
	if (!rehearse)
		swap_not_null(adoption);
	foreach(lc, indexes_of_column(adoption))
		swap_index(adoption, lfirst_oid(lc), rehearse);
	n_statistics = adopt_run(statistics_sql, adoption->relid, adoption->attnum);
	statistics = SPI_tuptable;
	swap_statistics(statistics, n_statistics, true);
	adopt_run("SELECT col_description(%u, %d)", adoption->relid, adoption->attnum);
	comment = field(SPI_tuptable, 0, 1);
	if (adopt_run("SELECT conname FROM pg_constraint WHERE conrelid = %u AND contype = 'n' AND conkey = ARRAY[%d]::int2[]",
				  adoption->relid, adoption->attnum) > 0)
		not_null = field(SPI_tuptable, 0, 1);
	copy_options(adoption);
	copy_privileges(adoption);
	adopt_run("ALTER TABLE %s RENAME COLUMN %s TO %s", adopt_table(adoption), name, old_name);
	n_policies = adopt_run(policies_sql, adoption->relid, adoption->attnum);
	policies = SPI_tuptable;
	adopt_run("ALTER TABLE %s RENAME COLUMN %s TO %s", adopt_table(adoption), quote_identifier(adoption->new_column), name);
	swap_policies(adoption, policies, n_policies);
	swap_views(adoption);
	adopt_run("ALTER TABLE %s DROP COLUMN %s", adopt_table(adoption), old_name);
	swap_statistics(statistics, n_statistics, false);
	if (comment != NULL)
		adopt_run("COMMENT ON COLUMN %s.%s IS %s", adopt_table(adoption), name, quote_literal_cstr(comment));
	if (!rehearse && !adoption->to_enum)
		name_labels_check(adoption);
	if (!rehearse && not_null != NULL)
		name_not_null(adoption, not_null);
}
