/*
 * foresee.c
 *	  What the change of rows would violate, known before the first row changes.
 *
 * A drop changes the rows of one column after another, and commits in between.
 * A constraint that stops it in the middle leaves rows changed behind it.  So
 * the rows are looked at as they will be: a subquery gives the columns their new
 * values, and computes the generated columns anew; CHECKs, domains, unique and
 * exclusion constraints, foreign keys and the bounds of partitions are asked
 * about it, each as it will be by then.  Each change sees the rows of all tables
 * with the changes that go before it, as the server will.
 *
 * Only what others write meanwhile, and what triggers do, is not known.  A
 * trigger that fires before rows change may mend what would be violated here, so
 * for its table the answer is a "may", which the caller only warns of.  Where
 * a question cannot be asked (the caller may not read the other table, a
 * function fails), there is no answer: the server gives it later.
 *
 * Statements are parsed and planned with a search_path of our own, for which
 * the expressions were written, and run under the caller's, as those of a CHECK's
 * functions will; for a superuser as the table's owner.  Affected rows are few
 * or found by an index as when they are changed; a unique key is looked up in
 * its index.
 *
 * Locks: ACCESS SHARE on the tables that are read, until the transaction ends.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/drop.h"
#include "enums/enums.h"
#include "enums/trees.h"

/* So many partitions are asked for their bounds. */
#define MAX_PARTITIONS	1000

typedef struct Foresight
{
	Oid			type;
	Oid			old_oid;
	List	   *changes;		/* of RowChange */
	Oid		   *types;			/* of the parameters: $1 is the old value, the others are the new ones */
	Datum	   *values;
	char	   *nulls;
	bool	   *unknown;		/* by parameter: a default that nobody can tell before */
	RowChange  *change;			/* the one that is looked at, */
	Relation	rel;			/* its table, */
	bool		mended;			/* which triggers may change */
	List	   *violations;
} Foresight;

/* A foreign key, by the names of its columns. */
typedef struct KeyPair
{
	char	   *name;
	Oid			table;
	Oid			referenced;
	int			count;
	char	   *columns[INDEX_MAX_KEYS];
	char	   *keys[INDEX_MAX_KEYS];
	Oid			operators[INDEX_MAX_KEYS];	/* key = column */
} KeyPair;

/* ------------------------------------------------------------------------ */
/* Rows as they will be														*/
/* ------------------------------------------------------------------------ */

/* The number of the parameter that has the new value of a change. */
static int
parameter_of(Foresight *f, RowChange *change)
{
	ListCell   *cell;

	foreach(cell, f->changes)
	{
		if (lfirst(cell) == change)
			return foreach_current_index(cell) + 2;
	}
	return 0;
}

/* The column in the row r, as the enum where it is a domain over it. */
static char *
column_sql(Foresight *f, RowChange *change)
{
	const char *name = quote_identifier(change->column->name);

	if (change->column->plain && change->column->type != f->type)
		return psprintf("r.%s::%s", name, type_sql(f->type, -1));
	return psprintf("r.%s", name);
}

/* Does the row r hold the old value in the column? */
static char *
holds_sql(Foresight *f, RowChange *change)
{
	return psprintf(change->column->plain ? "%s OPERATOR(pg_catalog.=) $1" : "more._enum_holds(%s, $1)",
					column_sql(f, change));
}

/* What the column of the row r will be. */
static char *
changed_sql(Foresight *f, RowChange *change)
{
	char	   *column = column_sql(f, change);
	int			parameter = parameter_of(f, change);

	if (change->column->plain || change->policy == POLICY_SET_DEFAULT)
		return psprintf("CASE WHEN %s THEN $%d ELSE %s END", holds_sql(f, change), parameter, column);
	return psprintf("more._enum_replace(%s, $1, $%d)", column, parameter);
}

/* The change of that column of the table, or of a partition of it; NULL if there is none up to the step. */
static RowChange *
change_of_column(Foresight *f, Oid relid, const char *name, int step)
{
	ListCell   *cell;

	foreach(cell, f->changes)
	{
		RowChange  *change = lfirst(cell);

		if (change->step <= step && change->policy != POLICY_CASCADE && strcmp(change->column->name, name) == 0 &&
			(change->column->relid == relid || root_table(change->column->relid) == relid))
			return change;
	}
	return NULL;
}

/* The columns of the table that are stored in its rows, after all changes up to the step. */
static char *
stored_columns(Foresight *f, Relation rel, int step)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "r.ctid, r.tableoid");
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);
		const char *name = quote_identifier(NameStr(att->attname));
		RowChange  *change;

		if (att->attisdropped || att->attgenerated != '\0')
			continue;
		change = change_of_column(f, RelationGetRelid(rel), NameStr(att->attname), step);
		if (change)
			appendStringInfo(&sql, ", %s AS %s", changed_sql(f, change), name);
		else
			appendStringInfo(&sql, ", r.%s", name);
	}
	return sql.data;
}

/* The rows that are deleted before the step. */
static char *
gone_rows(Foresight *f, Oid relid, int step)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, f->changes)
	{
		RowChange  *change = lfirst(cell);

		if (change->step < step && change->policy == POLICY_CASCADE &&
			(change->column->relid == relid || root_table(change->column->relid) == relid))
			appendStringInfo(&sql, " AND (%s) IS NOT TRUE", holds_sql(f, change));
	}
	return sql.data;
}

/*
 * A subquery of a table's rows, r in the condition, after all changes up to the
 * step.  It has the table's columns, ctid and tableoid, and the alias.
 */
static char *
rows_sql(Foresight *f, Oid relid, int step, const char *condition, const char *alias)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		partitioned = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	char	   *rows = psprintf("SELECT %s FROM %s%s AS r WHERE %s%s", stored_columns(f, rel, step), partitioned ? "" : "ONLY ",
								qualified_name(relid), condition, gone_rows(f, relid, step));
	StringInfoData generated;

	initStringInfo(&generated);
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);

		if (!att->attisdropped && att->attgenerated != '\0')
			appendStringInfo(&generated, ", %s AS %s", expression_sql(relid, build_column_default(rel, att->attnum)),
							 quote_identifier(NameStr(att->attname)));
	}
	if (generated.len)
		rows = psprintf("SELECT *%s FROM (%s) AS %s", generated.data, rows, quote_identifier(RelationGetRelationName(rel)));
	table_close(rel, NoLock);
	return psprintf("(%s) AS %s", rows, quote_identifier(alias));
}

/* The rows that the change at hand changes, as they will be. */
static char *
affected_sql(Foresight *f, const char *alias)
{
	return rows_sql(f, f->change->column->relid, f->change->step, holds_sql(f, f->change), alias);
}

/* ------------------------------------------------------------------------ */
/* Asking																	*/
/* ------------------------------------------------------------------------ */

/* Run a statement that returns one row of counts. */
static void
run_count(Foresight *f, const char *sql, int64 *counts, int ncounts)
{
	FormerUser	caller;
	SPIPlanPtr	plan;
	Portal		portal;
	int			path = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
	/* names are looked up as the caller, functions run as the table's owner */
	plan = SPI_prepare(sql, list_length(f->changes) + 1, f->types);
	if (plan == NULL)
		elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
	as_relation_owner(f->change->column->relid, &caller);
	portal = SPI_cursor_open(NULL, plan, f->values, f->nulls, true);
	AtEOXact_GUC(true, path);
	SPI_cursor_fetch(portal, true, 1);
	for (int i = 0; i < ncounts && SPI_processed > 0; i++)
	{
		bool		isnull;

		counts[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &isnull));
	}
	SPI_cursor_close(portal);
	as_former_user(&caller);
	SPI_finish();
}

/* Does an error end the look, and not just the question? */
static bool
is_urgent(ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_OUT_OF_MEMORY ||
		error->sqlerrcode == ERRCODE_DISK_FULL;
}

/* Ask; all counts are 0 where there is no answer. */
static void
ask(Foresight *f, const char *sql, int64 *counts, int ncounts)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	memset(counts, 0, sizeof(int64) * ncounts);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		int			nest = NewGUCNestLevel();

		(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		run_count(f, sql, counts, ncounts);
		AtEOXact_GUC(true, nest);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (is_urgent(error))
			ReThrowError(error);
		ereport(DEBUG1,
				(errmsg_internal("could not foresee a violation: %s", error->message),
				 errdetail_internal("%s", sql)));
		FreeErrorData(error);
		memset(counts, 0, sizeof(int64) * ncounts);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

static int64
ask_count(Foresight *f, const char *sql)
{
	int64		count;

	ask(f, sql, &count, 1);
	return count;
}

/* Note a violation of the column's change. */
static void
add_violation(Foresight *f, int code, const char *text)
{
	Violation  *violation = palloc(sizeof(Violation));

	violation->sqlerrcode = code;
	violation->text = psprintf("column %s.%s: %s", qualified_name(f->change->column->relid),
							   quote_identifier(f->change->column->name), text);
	violation->perhaps = f->mended;
	f->violations = lappend(f->violations, violation);
}

/* "1 row", "2 rows". */
static char *
rows_text(int64 count)
{
	return psprintf("%lld %s", (long long) count, count == 1 ? "row" : "rows");
}

/* ------------------------------------------------------------------------ */
/* CHECKs and domains														*/
/* ------------------------------------------------------------------------ */

/* The tree of a stored condition, as it will be when the rows change. */
static Node *
condition_then(Foresight *f, const char *stored)
{
	Node	   *tree = stringToNode(stored);
	TreeChange	change = {NULL, f->old_oid, f->change->remap, false, false, false, NULL};

	if (f->change->remapped)
	{
		change.type = tree_type(f->type);
		(void) change_tree(tree, &change);
	}
	return tree;
}

/* Has it the whole row, which has another type in our subqueries? */
static bool
has_whole_row(Node *tree)
{
	Bitmapset  *columns = NULL;

	pull_varattnos(tree, 1, &columns);
	return bms_is_member(-FirstLowInvalidHeapAttributeNumber, columns);
}

/* The table's CHECKs, of which the server asks all whatever column changes. */
static void
foresee_checks(Foresight *f)
{
	TupleConstr *constraints = RelationGetDescr(f->rel)->constr;
	StringInfoData sql;
	List	   *names = NIL;
	int64	   *counts;
	ListCell   *cell;

	initStringInfo(&sql);
	for (int i = 0; constraints && i < constraints->num_check; i++)
	{
		Node	   *tree = condition_then(f, constraints->check[i].ccbin);

		if (!compat_check_enforced(constraints->check[i]) || has_whole_row(tree))
			continue;
		appendStringInfo(&sql, "%s pg_catalog.count(*) FILTER (WHERE NOT (%s))", names ? "," : "SELECT",
						 expression_sql(RelationGetRelid(f->rel), tree));
		names = lappend(names, constraints->check[i].ccname);
	}
	if (names == NIL)
		return;
	appendStringInfo(&sql, " FROM %s", affected_sql(f, RelationGetRelationName(f->rel)));
	counts = palloc(sizeof(int64) * list_length(names));
	ask(f, sql.data, counts, list_length(names));
	foreach(cell, names)
	{
		int64		count = counts[foreach_current_index(cell)];

		if (count > 0)
			add_violation(f, ERRCODE_CHECK_VIOLATION,
						  psprintf("%s would violate check constraint \"%s\"", rows_text(count), (char *) lfirst(cell)));
	}
}

/* The value of a domain's CHECK becomes a parameter. */
static Node *
with_parameter(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, CoerceToDomainValue))
	{
		Param	   *param = makeNode(Param);

		param->paramkind = PARAM_EXTERN;
		param->paramid = *(int *) context;
		param->paramtype = ((CoerceToDomainValue *) node)->typeId;
		param->paramtypmod = -1;
		param->location = -1;
		return (Node *) param;
	}
	return expression_tree_mutator(node, with_parameter, context);
}

/* The CHECKs of one domain, on the new value. */
static void
foresee_domain(Foresight *f, Oid domain)
{
	Oid			types[] = {OIDOID};
	Datum		values[] = {ObjectIdGetDatum(domain)};
	MemoryContext context = CurrentMemoryContext;
	List	   *names = NIL;
	List	   *trees = NIL;
	int			parameter = parameter_of(f, f->change);
	ListCell   *cell;

	SPI_connect();
	if (SPI_execute_with_args("SELECT conname, conbin::pg_catalog.text FROM pg_catalog.pg_constraint "
							  "WHERE contypid OPERATOR(pg_catalog.=) $1 AND contype OPERATOR(pg_catalog.=) 'c' ORDER BY 1",
							  1, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_constraint");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		names = lappend(names, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
		trees = lappend(trees, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	foreach(cell, names)
	{
		Node	   *tree = with_parameter(condition_then(f, list_nth(trees, foreach_current_index(cell))), &parameter);

		if (ask_count(f, psprintf("SELECT CASE WHEN NOT (%s) THEN 1::pg_catalog.int8 ELSE 0 END",
								  expression_sql(RelationGetRelid(f->rel), tree))) > 0)
			add_violation(f, ERRCODE_CHECK_VIOLATION,
						  psprintf("domain %s does not allow the replacement, by constraint \"%s\"", format_type_be(domain),
								   (char *) lfirst(cell)));
	}
}

/* The domains that the column's type is made of. */
static void
foresee_domains(Foresight *f)
{
	Oid			type = f->change->column->type;

	while (f->change->policy == POLICY_SET_VALUE && f->change->column->plain && get_typtype(type) == TYPTYPE_DOMAIN)
	{
		HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

		if (!HeapTupleIsValid(tuple))
			return;
		foresee_domain(f, type);
		type = ((Form_pg_type) GETSTRUCT(tuple))->typbasetype;
		ReleaseSysCache(tuple);
	}
}

/* A default that is null, where none may be. */
static void
foresee_null(Foresight *f)
{
	if (f->change->policy == POLICY_SET_DEFAULT && f->nulls[parameter_of(f, f->change) - 1] == 'n' &&
		refuses_null(f->change->column))
		add_violation(f, ERRCODE_NOT_NULL_VIOLATION, "its default is null, which it must not be");
}

/* ------------------------------------------------------------------------ */
/* Unique and exclusion constraints											*/
/* ------------------------------------------------------------------------ */

/* Does the change of the column change what the index has of a row? */
static bool
index_has(Foresight *f, Relation index)
{
	Bitmapset  *columns = NULL;
	int			i = -1;

	for (int key = 0; key < IndexRelationGetNumberOfKeyAttributes(index); key++)
	{
		if (index->rd_index->indkey.values[key] != 0)
			columns = bms_add_member(columns, index->rd_index->indkey.values[key] - FirstLowInvalidHeapAttributeNumber);
	}
	pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &columns);
	pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &columns);
	while ((i = bms_next_member(columns, i)) >= 0)
	{
		AttrNumber	attnum = i + FirstLowInvalidHeapAttributeNumber;

		if (attnum == f->change->column->attnum ||
			(attnum > 0 && TupleDescAttr(RelationGetDescr(f->rel), attnum - 1)->attgenerated != '\0'))
			return true;
	}
	return false;
}

/* The keys of a subquery's rows, as columns "1", "2" and so on, where the index has the rows. */
static char *
keys_sql(Foresight *f, Relation index, const char *rows)
{
	List	   *expressions = RelationGetIndexExpressions(index);
	List	   *predicate = RelationGetIndexPredicate(index);
	ListCell   *next = list_head(expressions);
	Oid			relid = RelationGetRelid(f->rel);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "(SELECT ctid AS \"tid\", tableoid AS \"table\"");
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		AttrNumber	attnum = index->rd_index->indkey.values[i];

		if (attnum != 0)
			appendStringInfo(&sql, ", %s AS \"%d\"", quote_identifier(get_attname(relid, attnum, false)), i + 1);
		else
		{
			appendStringInfo(&sql, ", (%s) AS \"%d\"", expression_sql(relid, lfirst(next)), i + 1);
			next = lnext(expressions, next);
		}
	}
	appendStringInfo(&sql, " FROM %s", rows);
	if (predicate)
		appendStringInfo(&sql, " WHERE %s", expression_sql(relid, (Node *) make_ands_explicit(predicate)));
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* The operator by which the index compares a key with another row's; InvalidOid if it is not known. */
static Oid
key_operator(Relation index, Oid *excluding, int i)
{
	if (excluding)
		return excluding[i];
	if (index->rd_rel->relam != BTREE_AM_OID)
		return InvalidOid;
	return get_opfamily_member(index->rd_opfamily[i], index->rd_opcintype[i], index->rd_opcintype[i], BTEqualStrategyNumber);
}

/* "o" and "a" have keys that the index does not allow in two rows; NULL if it cannot be said. */
static char *
conflict_sql(Relation index)
{
	StringInfoData sql;
	Oid		   *excluding = NULL;

	if (index->rd_index->indisexclusion)
	{
		Oid		   *procedures;
		uint16	   *strategies;

		RelationGetExclusionInfo(index, &excluding, &procedures, &strategies);
	}
	initStringInfo(&sql);
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		Oid			operator = key_operator(index, excluding, i);
		Oid			collation = index->rd_indcollation[i];
		const char *collate = OidIsValid(collation) ? psprintf(" COLLATE %s", collation_sql(collation)) : "";

		if (!OidIsValid(operator))
			return NULL;
		appendStringInfo(&sql, " AND (o.\"%d\"%s %s a.\"%d\"%s", i + 1, collate, operator_sql(operator), i + 1, collate);
		if (excluding == NULL && index->rd_index->indnullsnotdistinct)
			appendStringInfo(&sql, " OR o.\"%d\" IS NULL AND a.\"%d\" IS NULL", i + 1, i + 1);
		appendStringInfoChar(&sql, ')');
	}
	return sql.data;
}

/*
 * A condition on the other rows r, by which an index finds them: those that a
 * plain key will be equal to hold the new value now, or the old one.
 */
static char *
others_sql(Foresight *f, Relation index)
{
	RowChange  *change = f->change;
	int			parameter = parameter_of(f, change);

	if (!change->column->plain || index->rd_index->indisexclusion || f->nulls[parameter - 1] == 'n')
		return "true";
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		if (index->rd_index->indkey.values[i] == change->column->attnum)
			return psprintf("%s OPERATOR(pg_catalog.=) ANY (ARRAY[$1, $%d])", column_sql(f, change), parameter);
	}
	return "true";
}

static void
foresee_index(Foresight *f, Relation index)
{
	RowChange  *change = f->change;
	char	   *conflict = conflict_sql(index);
	Oid			others = change->column->relid;
	int64		count;

	if (conflict == NULL)
		return;
	/* rows may move to another partition, with an index of the same key */
	if (get_rel_relispartition(RelationGetRelid(index)) && routes_rows(change->column))
		others = root_table(others);
	count = ask_count(f, psprintf("SELECT pg_catalog.count(*) FROM %s AS a WHERE EXISTS (SELECT FROM %s AS o "
								  "WHERE (o.tid OPERATOR(pg_catalog.<>) a.tid OR o.\"table\" OPERATOR(pg_catalog.<>) a.\"table\")%s)",
								  keys_sql(f, index, affected_sql(f, RelationGetRelationName(f->rel))),
								  keys_sql(f, index, rows_sql(f, others, change->step, others_sql(f, index),
															  RelationGetRelationName(f->rel))),
								  conflict));
	if (count > 0)
		add_violation(f, index->rd_index->indisexclusion ? ERRCODE_EXCLUSION_VIOLATION : ERRCODE_UNIQUE_VIOLATION,
					  psprintf(index->rd_index->indisexclusion ? "%s would conflict with others by exclusion constraint \"%s\"" :
							   "%s would have a key that another has, too, in unique index \"%s\"",
							   rows_text(count), RelationGetRelationName(index)));
}

static void
foresee_indexes(Foresight *f)
{
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(f->rel))
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if ((index->rd_index->indisunique || index->rd_index->indisexclusion) && index->rd_index->indisready &&
			index_has(f, index))
			foresee_index(f, index);
		index_close(index, NoLock);
	}
}

/* ------------------------------------------------------------------------ */
/* Foreign keys																*/
/* ------------------------------------------------------------------------ */

/* Read one foreign key; NULL if it is not enforced, or compares otherwise than by equality. */
static KeyPair *
read_key(Oid constraint)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Form_pg_constraint form;
	AttrNumber	columns[INDEX_MAX_KEYS];
	AttrNumber	keys[INDEX_MAX_KEYS];
	KeyPair    *result = palloc0(sizeof(KeyPair));

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	DeconstructFkConstraintRow(tuple, &result->count, columns, keys, result->operators, NULL, NULL, NULL, NULL);
	result->name = pstrdup(NameStr(form->conname));
	result->table = form->conrelid;
	result->referenced = form->confrelid;
	for (int i = 0; i < result->count; i++)
	{
		result->columns[i] = get_attname(form->conrelid, columns[i], false);
		result->keys[i] = get_attname(form->confrelid, keys[i], false);
	}
	if (!compat_enforced(form) || is_exclusion_index(form->conindid))
		result = NULL;
	ReleaseSysCache(tuple);
	return result;
}

/* The constraints for which a condition over pg_constraint holds: OIDs. */
static List *
find_keys(const char *condition, Oid relid)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[1];
	List	   *tables = lcons_oid(relid, get_partition_ancestors(relid));
	Datum	   *oids = palloc(sizeof(Datum) * list_length(tables));
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, tables)
		oids[foreach_current_index(cell)] = ObjectIdGetDatum(lfirst_oid(cell));
	values[0] = PointerGetDatum(construct_array(oids, list_length(tables), OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	SPI_connect();
	if (SPI_execute_with_args(psprintf("SELECT c.oid FROM pg_catalog.pg_constraint AS c WHERE c.contype OPERATOR(pg_catalog.=) 'f' "
									   "AND c.conparentid OPERATOR(pg_catalog.=) 0 AND %s ORDER BY c.conname", condition),
							  1, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_constraint");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend_oid(result, DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return result;
}

/* The rows p and f match. */
static char *
match_sql(KeyPair *pair)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < pair->count; i++)
		appendStringInfo(&sql, "%sp.%s %s f.%s", i ? " AND " : "", quote_identifier(pair->keys[i]),
						 operator_sql(pair->operators[i]), quote_identifier(pair->columns[i]));
	return sql.data;
}

/* Is the column one of those names? */
static bool
is_key_column(char **names, int count, const char *column)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(names[i], column) == 0)
			return true;
	}
	return false;
}

/* Rows that would refer to nothing. */
static void
foresee_reference(Foresight *f, KeyPair *pair)
{
	StringInfoData sql;
	int64		count;

	if (!is_key_column(pair->columns, pair->count, f->change->column->name))
		return;
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT pg_catalog.count(*) FROM %s WHERE", affected_sql(f, "f"));
	for (int i = 0; i < pair->count; i++)
		appendStringInfo(&sql, " f.%s IS NOT NULL AND", quote_identifier(pair->columns[i]));
	appendStringInfo(&sql, " NOT EXISTS (SELECT FROM %s WHERE %s)",
					 rows_sql(f, pair->referenced, f->change->step, "true", "p"), match_sql(pair));
	count = ask_count(f, sql.data);
	if (count > 0)
		add_violation(f, ERRCODE_FOREIGN_KEY_VIOLATION,
					  psprintf("%s would refer to no row of table %s, by foreign key \"%s\"", rows_text(count),
							   qualified_name(pair->referenced), pair->name));
}

/* Rows that others refer to would go, or get another key. */
static void
foresee_referenced(Foresight *f, KeyPair *pair)
{
	RowChange  *change = f->change;
	int64		count;

	if (change->policy != POLICY_CASCADE && !is_key_column(pair->keys, pair->count, change->column->name))
		return;
	/* as they are before this change, but after those that go before it */
	count = ask_count(f, psprintf("SELECT pg_catalog.count(*) FROM %s WHERE EXISTS (SELECT FROM %s WHERE %s)",
								  rows_sql(f, change->column->relid, change->step - 1, holds_sql(f, change), "p"),
								  rows_sql(f, pair->table, change->step, "true", "f"), match_sql(pair)));
	if (count > 0)
		add_violation(f, ERRCODE_FOREIGN_KEY_VIOLATION,
					  psprintf("table %s refers to %s, by foreign key \"%s\"", qualified_name(pair->table), rows_text(count),
							   pair->name));
}

static void
foresee_keys(Foresight *f)
{
	Oid			relid = f->change->column->relid;
	bool		deletes = f->change->policy == POLICY_CASCADE;
	ListCell   *cell;
	KeyPair    *pair;

	foreach(cell, deletes ? NIL : find_keys("c.conrelid OPERATOR(pg_catalog.=) ANY ($1)", relid))
	{
		if ((pair = read_key(lfirst_oid(cell))) != NULL)
			foresee_reference(f, pair);
	}
	/* other actions than those change the rows that refer to it */
	foreach(cell, find_keys(deletes ? "c.confrelid OPERATOR(pg_catalog.=) ANY ($1) AND c.confdeltype IN ('a', 'r')" :
							"c.confrelid OPERATOR(pg_catalog.=) ANY ($1) AND c.confupdtype IN ('a', 'r')", relid))
	{
		if ((pair = read_key(lfirst_oid(cell))) != NULL)
			foresee_referenced(f, pair);
	}
}

/* ------------------------------------------------------------------------ */
/* Partitions																*/
/* ------------------------------------------------------------------------ */

/* A condition that is true for rows that some partition takes; NULL if there is none, or nobody should ask. */
static char *
partitions_sql(Oid root)
{
	List	   *relations = find_all_inheritors(root, NoLock, NULL);
	StringInfoData sql;
	ListCell   *cell;

	if (list_length(relations) > MAX_PARTITIONS)
		return NULL;
	initStringInfo(&sql);
	foreach(cell, relations)
	{
		char	   *bound;

		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_PARTITIONED_TABLE)
			continue;
		SPI_connect();
		(void) SPI_execute(psprintf("SELECT pg_catalog.pg_get_partition_constraintdef(%u)", lfirst_oid(cell)), true, 0);
		bound = SPI_processed > 0 ? SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1) : NULL;
		if (bound)
			appendStringInfo(&sql, "%s(%s)", sql.len ? " OR " : "", bound);
		SPI_finish();
		if (bound == NULL)
			return NULL;
	}
	return sql.len ? sql.data : NULL;
}

static void
foresee_partitions(Foresight *f)
{
	RowChange  *change = f->change;
	char	   *bounds;
	int64		count;
	int			nest;

	/* the bounds that expressions were changed in are not those of now */
	if (change->remapped || !f->rel->rd_rel->relispartition || !routes_rows(change->column))
		return;
	nest = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	bounds = partitions_sql(root_table(change->column->relid));
	AtEOXact_GUC(true, nest);
	if (bounds == NULL)
		return;
	count = ask_count(f, psprintf("SELECT pg_catalog.count(*) FROM %s WHERE (%s) IS NOT TRUE",
								  affected_sql(f, RelationGetRelationName(f->rel)), bounds));
	if (count > 0)
		add_violation(f, ERRCODE_CHECK_VIOLATION,
					  psprintf("%s would belong to no partition of table %s", rows_text(count),
							   qualified_name(root_table(change->column->relid))));
}

/* ------------------------------------------------------------------------ */
/* All of it																*/
/* ------------------------------------------------------------------------ */

/* Does a trigger see the rows, and perhaps change them, before the server looks at them? */
static bool
has_trigger(Relation rel, EnumPolicy policy)
{
	TriggerDesc *triggers = rel->trigdesc;

	return triggers && (policy == POLICY_CASCADE ? triggers->trig_delete_before_row :
						triggers->trig_update_before_row || (rel->rd_rel->relispartition && triggers->trig_insert_before_row));
}

/* The parameters: the old value, and the new one of each change. */
static void
bind_values(Foresight *f)
{
	int			n = list_length(f->changes) + 1;
	ListCell   *cell;

	f->types = palloc(sizeof(Oid) * n);
	f->values = palloc0(sizeof(Datum) * n);
	f->nulls = palloc(n + 1);
	f->unknown = palloc0(sizeof(bool) * n);
	memset(f->nulls, ' ', n);
	f->nulls[n] = '\0';
	f->types[0] = f->type;
	f->values[0] = ObjectIdGetDatum(f->old_oid);
	foreach(cell, f->changes)
	{
		RowChange  *change = lfirst(cell);
		int			i = foreach_current_index(cell) + 1;
		bool		isnull = change->policy != POLICY_SET_VALUE;

		f->types[i] = f->type;
		f->values[i] = ObjectIdGetDatum(change->new_oid);
		if (change->policy == POLICY_SET_DEFAULT)
		{
			f->unknown[i] = !default_value(change->column, &f->values[i], &isnull);
			f->types[i] = change->column->plain ? f->type : change->column->type;
		}
		f->nulls[i] = isnull ? 'n' : ' ';
	}
}

/* What one change would violate. */
static void
foresee_change(Foresight *f, RowChange *change)
{
	if (f->unknown[parameter_of(f, change) - 1])
		return;
	f->change = change;
	f->rel = table_open(change->column->relid, AccessShareLock);
	f->mended = has_trigger(f->rel, change->policy);
	if (change->policy != POLICY_CASCADE)
	{
		foresee_null(f);
		foresee_domains(f);
		foresee_checks(f);
		foresee_indexes(f);
		foresee_partitions(f);
	}
	foresee_keys(f);
	table_close(f->rel, NoLock);
}

/*
 * foresee_violations
 *		What would be violated if these changes of rows (RowChange) were made one
 *		after another, by their steps: a list of Violation, palloc'd.
 *
 * Those with one step are made in one statement.  Reads tables with the rights
 * of the caller; changes nothing, and fires no trigger.
 */
List *
foresee_violations(Oid type, Oid old_oid, List *changes)
{
	Foresight	f = {.type = type,.old_oid = old_oid,.changes = changes};
	ListCell   *cell;

	bind_values(&f);
	foreach(cell, changes)
		foresee_change(&f, lfirst(cell));
	return f.violations;
}
