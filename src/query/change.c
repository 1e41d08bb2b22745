/*
 * change.c
 *	  Queries that insert, update and delete what another query gives: as_insert,
 *	  as_update, as_delete, returning.
 *
 * They are values like any query and run when they are run.  The statement is
 * over two relations: target, the table, and data, the query.  Columns are
 * matched by name.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "parser/parse_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "query/refine.h"
#include "query/run.h"

PG_FUNCTION_INFO_V1(query_as_insert);
PG_FUNCTION_INFO_V1(query_as_update);
PG_FUNCTION_INFO_V1(query_as_delete);
PG_FUNCTION_INFO_V1(query_returning);

#define TARGET_ALIAS	"target"
#define MATCH_HINT		"Give match, a condition over target and data."

/* ------------------------------------------------------------------------ */
/* Columns																	*/
/* ------------------------------------------------------------------------ */

/* The names of the query's columns, as the server tells them. */
static List *
described_columns(const MoreQuery *query)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	RunQuery   *run;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	run = run_prepare(query, NULL);
	run_require_rows(run, "as_insert and the like");
	for (int i = 0; i < run->columns->natts; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		result = lappend(result, pstrdup(NameStr(TupleDescAttr(run->columns, i)->attname)));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return result;
}

/* The names of the query's columns: from its text where that tells them. */
static List *
output_names(const MoreQuery *query)
{
	List	   *result = NIL;
	ListCell   *lc;

	if (query->kind != QUERY_SELECT)
		return described_columns(query);
	foreach(lc, query_columns(query))
	{
		QueryColumn *column = lfirst(lc);

		if (column->name == NULL)
			return described_columns(query);
		result = lappend(result, unconstify(char *, column->name));
	}
	return result;
}

/* The table that is changed; closed by the caller. */
static Relation
open_target(FunctionCallInfo fcinfo, int number)
{
	Relation	rel;

	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "target")));
	rel = relation_open(PG_GETARG_OID(number), AccessShareLock);
	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		rel->rd_rel->relkind != RELKIND_VIEW && rel->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or view", RelationGetRelationName(rel))));
	return rel;
}

/* Raise an error unless the table has the column. */
static void
require_column(Relation rel, const char *name)
{
	const char *nearest;

	if (find_column(rel, name) > 0)
		return;
	nearest = nearest_column(rel, name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of relation \"%s\" does not exist", name, RelationGetRelationName(rel)),
			 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* Names as a list in SQL, each after a prefix. */
static char *
name_list(List *names, const char *format)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	foreach(lc, names)
	{
		const char *name = stored_name(lfirst(lc));

		if (out.len > 0)
			appendStringInfoString(&out, ", ");
		for (const char *p = format; *p; p++)
			if (*p == '%')
				appendStringInfoString(&out, name);
			else
				appendStringInfoChar(&out, *p);
	}
	return out.data;
}

/* The names of the primary key's columns; an error when there is none. */
static List *
key_names(Relation rel, const char *instead)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, primary_key_columns(rel))
		result = lappend(result, pstrdup(NameStr(TupleDescAttr(RelationGetDescr(rel), lfirst_int(lc) - 1)->attname)));
	if (result == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("\"%s\" has no primary key", RelationGetRelationName(rel)),
				 errhint("%s", instead)));
	return result;
}

/* A change of that kind, with the WITH of the query that it reads. */
static MoreQuery *
new_change(QueryKind kind, MoreQuery *query)
{
	MoreQuery  *change = query_new(kind);

	change->bindings = query->bindings;
	query->bindings = NIL;
	if (query->kind == QUERY_OPAQUE)
		return change;
	change->parts[PART_WITH] = query->parts[PART_WITH];
	change->recursive = query->recursive;
	query->parts[PART_WITH] = NULL;
	return change;
}

/* ------------------------------------------------------------------------ */
/* INSERT																	*/
/* ------------------------------------------------------------------------ */

/* Each of them once, and a column of the table. */
static void
check_names(Relation rel, List *names)
{
	ListCell   *lc;
	ListCell   *lo;

	if (names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query gives no columns")));
	foreach(lc, names)
	{
		require_column(rel, lfirst(lc));
		foreach(lo, names)
		{
			if (lo == lc)
				break;
			if (strcmp(lfirst(lo), lfirst(lc)) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("the query gives the column \"%s\" twice", (char *) lfirst(lc))));
		}
	}
}

/* The names that are not in the other list. */
static List *
names_without(List *names, List *others)
{
	List	   *result = NIL;
	ListCell   *lc;
	ListCell   *lo;

	foreach(lc, names)
	{
		bool		found = false;

		foreach(lo, others)
			found |= strcmp(lfirst(lo), lfirst(lc)) == 0;
		if (!found)
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/* Raise an error if the primary key cannot tell ON CONFLICT what conflicts. */
static void
require_arbiter(Relation rel)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		HeapTuple	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_index form;

		if (!HeapTupleIsValid(tup))
			continue;
		form = (Form_pg_index) GETSTRUCT(tup);
		if (form->indisprimary && (!form->indimmediate || form->indisexclusion))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("on_conflict => 'update' cannot use the primary key of \"%s\"", RelationGetRelationName(rel)),
					 errdetail(form->indisexclusion ? "It is WITHOUT OVERLAPS." : "It is deferrable.")));
		ReleaseSysCache(tup);
	}
	list_free(indexes);
}

/* ON CONFLICT as the argument says. */
static char *
conflict_clause(Relation rel, const char *on_conflict, List *names)
{
	List	   *key;
	List	   *rest;

	if (strcmp(on_conflict, "error") == 0)
		return "";
	if (strcmp(on_conflict, "ignore") == 0)
		return " ON CONFLICT DO NOTHING";
	if (strcmp(on_conflict, "update") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for argument \"%s\": \"%s\"", "on_conflict", on_conflict),
				 errhint("Values are error, ignore and update.")));
	key = key_names(rel, "on_conflict => 'update' needs one.");
	require_arbiter(rel);
	rest = names_without(names, key);
	if (rest == NIL)
		return psprintf(" ON CONFLICT (%s) DO NOTHING", name_list(key, "%"));
	return psprintf(" ON CONFLICT (%s) DO UPDATE SET %s", name_list(key, "%"), name_list(rest, "% = excluded.%"));
}

/*
 * more.as_insert(query, target, on_conflict): INSERT of its rows, columns by name.
 */
Datum
query_as_insert(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	MoreQuery  *change;
	Relation	rel;
	List	   *names;
	char	   *conflict;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "as_insert");
	query = PG_GETARG_QUERY(0);
	rel = open_target(fcinfo, 1);
	if (query_modifies(query))
		query = query_wrap(query);
	names = output_names(query);
	check_names(rel, names);
	conflict = conflict_clause(rel, required_text_arg(fcinfo, 2, "on_conflict"), names);
	change = new_change(QUERY_INSERT, query);
	change->parts[PART_BODY] = psprintf("INSERT INTO %s AS " TARGET_ALIAS " (%s) %s%s",
										query_name(qualified_name(RelationGetRelid(rel))), name_list(names, "%"),
										query_text(query, PRINT_STORED), conflict);
	relation_close(rel, AccessShareLock);
	query_step_end(&step);
	PG_RETURN_QUERY(change);
}

/* ------------------------------------------------------------------------ */
/* UPDATE and DELETE														*/
/* ------------------------------------------------------------------------ */

/* The argument match as SQL over target and data; JSON looks the query up. */
static char *
match_arg(FunctionCallInfo fcinfo, int number, Relation rel, const MoreQuery *query)
{
	ConditionSide sides[2] = {{TARGET_ALIAS, rel}, {"data", NULL}};
	char	   *match;

	if (PG_ARGISNULL(number))
		return NULL;
	match = text_to_cstring(PG_GETARG_TEXT_PP(number));
	if (!condition_is_json(match))
		return match;
	sides[1].rel = query_relation(query);
	return json_condition_sql(sides, 2, match);
}

/* Raise an error if the query's text tells that it does not give the primary key. */
static void
require_key(Relation rel, const MoreQuery *query)
{
	List	   *names = NIL;
	ListCell   *lc;

	if (query->kind != QUERY_SELECT)
		return;
	foreach(lc, query_columns(query))
	{
		const char *name = ((QueryColumn *) lfirst(lc))->name;

		if (name == NULL)
			return;
		names = lappend(names, unconstify(char *, name));
	}
	foreach(lc, key_names(rel, MATCH_HINT))
		if (!list_has_name(names, lfirst(lc)))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the query does not give the column \"%s\" of the primary key of \"%s\"",
							(char *) lfirst(lc), RelationGetRelationName(rel)),
					 errhint(MATCH_HINT)));
}

/* The condition over target and data; by default equality in the primary key. */
static const char *
match_condition(MoreQuery *change, Relation rel, const char *match)
{
	StringInfoData out;
	ListCell   *lc;

	if (match)
		return query_plain_expression(change, "match", match).text;
	initStringInfo(&out);
	foreach(lc, key_names(rel, MATCH_HINT))
	{
		AttrNumber	attnum = find_column(rel, lfirst(lc));
		Oid			type = TupleDescAttr(RelationGetDescr(rel), attnum - 1)->atttypid;
		TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR);
		const char *name = stored_name(lfirst(lc));

		appendStringInfo(&out, "%s" TARGET_ALIAS ".%s %s data.%s", out.len > 0 ? " AND " : "", name,
						 query_name(operator_sql(entry->eq_opr)), name);
	}
	return out.data;
}

/* The list of SET: columns from data, or column = expression. */
static char *
set_list(MoreQuery *change, Relation rel, ArrayType *set)
{
	StringInfoData out;
	List	   *columns = NIL;
	ListCell   *lc;

	initStringInfo(&out);
	foreach(lc, text_array_arg("set", set))
	{
		char	   *column = lfirst(lc);
		char	   *value = NULL;
		const char *expression;

		if (find_column(rel, column) <= 0 && strchr(column, '=') != NULL)
			parse_assignment("set", lfirst(lc), &column, (const char **) &value);
		require_column(rel, column);
		if (list_member(columns, makeString(column)))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" is named twice in argument \"set\"", column)));
		columns = lappend(columns, makeString(column));
		expression = value ? query_plain_expression(change, "set", value).text :
			psprintf("data.%s", stored_name(column));
		appendStringInfo(&out, "%s%s = %s", out.len > 0 ? ", " : "", stored_name(column), expression);
	}
	if (out.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", "set")));
	return out.data;
}

/*
 * more.as_update(query, target, set, match): UPDATE of the rows that match one of the query's.
 */
Datum
query_as_update(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	MoreQuery  *change = query_new(QUERY_UPDATE);
	Relation	rel;
	const char *data;
	char	   *set;
	char	   *match;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "as_update");
	query = PG_GETARG_QUERY(0);
	rel = open_target(fcinfo, 1);
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "set")));
	match = match_arg(fcinfo, 3, rel, query);
	if (match == NULL)
		require_key(rel, query);
	data = embed_query(change, query);
	set = set_list(change, rel, PG_GETARG_ARRAYTYPE_P(2));
	change->parts[PART_BODY] = psprintf("UPDATE %s AS " TARGET_ALIAS " SET %s FROM %s AS data WHERE %s",
										query_name(qualified_name(RelationGetRelid(rel))), set, data,
										match_condition(change, rel, match));
	relation_close(rel, AccessShareLock);
	query_step_end(&step);
	PG_RETURN_QUERY(change);
}

/*
 * more.as_delete(query, target, match): DELETE of the rows that match one of the query's.
 */
Datum
query_as_delete(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	MoreQuery  *change = query_new(QUERY_DELETE);
	Relation	rel;
	const char *data;
	char	   *match;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "as_delete");
	query = PG_GETARG_QUERY(0);
	rel = open_target(fcinfo, 1);
	match = match_arg(fcinfo, 2, rel, query);
	if (match == NULL)
		require_key(rel, query);
	data = embed_query(change, query);
	change->parts[PART_BODY] = psprintf("DELETE FROM %s AS " TARGET_ALIAS " USING %s AS data WHERE %s",
										query_name(qualified_name(RelationGetRelid(rel))), data,
										match_condition(change, rel, match));
	relation_close(rel, AccessShareLock);
	query_step_end(&step);
	PG_RETURN_QUERY(change);
}

/* ------------------------------------------------------------------------ */
/* RETURNING																*/
/* ------------------------------------------------------------------------ */

/* What RETURNING sees. */
typedef struct ChangedTable
{
	RangeVar   *relation;
	const char *name;			/* as stored text, where there is another relation, or where it is TARGET_ALIAS; else NULL */
	List	   *relations;		/* all names that may stand for a row, char * */
} ChangedTable;

static ChangedTable
changed_table(const MoreQuery *query)
{
	Node	   *tree = query_raw_parse(query->parts[PART_BODY]);
	ChangedTable result = {NULL, NULL, NIL};
	List	   *others = NIL;
	const char *name;

	if (IsA(tree, InsertStmt))
		result.relation = ((InsertStmt *) tree)->relation;
	else if (IsA(tree, UpdateStmt))
	{
		result.relation = ((UpdateStmt *) tree)->relation;
		others = ((UpdateStmt *) tree)->fromClause;
	}
	else if (IsA(tree, DeleteStmt))
	{
		result.relation = ((DeleteStmt *) tree)->relation;
		others = ((DeleteStmt *) tree)->usingClause;
	}
	else if (IsA(tree, MergeStmt))
	{
		result.relation = ((MergeStmt *) tree)->relation;
		others = list_make1(((MergeStmt *) tree)->sourceRelation);
	}
	if (result.relation == NULL)
		return result;
	name = result.relation->alias ? result.relation->alias->aliasname : result.relation->relname;
	if (others || strcmp(name, TARGET_ALIAS) == 0)
		result.name = stored_name(name);
	result.relations = lappend(relation_names(others), unconstify(char *, name));
#if PG_VERSION_NUM >= 180000
	result.relations = lappend(lappend(result.relations, "old"), "new");
#endif
	return result;
}

/* Of the relations' names, those of which the changed table has no column: NIL where that cannot be told. */
static List *
row_names(const ChangedTable *table)
{
	Oid			relid = RangeVarGetRelid(table->relation, NoLock, true);
	List	   *result = NIL;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return NIL;
	foreach(lc, table->relations)
		if (get_attnum(relid, lfirst(lc)) == InvalidAttrNumber)
			result = lappend(result, lfirst(lc));
	return result;
}

/* One item of RETURNING: a name without an alias is the changed table's, or that of a relation, whose row it is. */
static char *
returning_item(MoreQuery *query, const char *text, const ChangedTable *table)
{
	const char *alias;
	QueryExpression item = query_plain_expression(query, "columns", strip_alias(text, &alias));
	const char *name = bare_name(item.tree);
	List	   *rows = NIL;
	ListCell   *lc;

	if (table->name)
	{
		bool		mentioned = false;

		foreach(lc, table->relations)
			mentioned |= stored_mentions(item.text, lfirst(lc));
		rows = mentioned ? row_names(table) : NIL;
		item.text = qualify_names("SELECT", item.text, table->name, rows);
	}
	if (alias == NULL && name && list_has_name(rows, name))
		alias = stored_name(name);
	return alias ? psprintf("%s AS %s", item.text, alias) : unconstify(char *, item.text);
}

/*
 * more.returning(query, VARIADIC columns): what a change gives of each row that it changed; without columns, all of the
 * table's.
 */
Datum
query_returning(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	StringInfoData list;
	ChangedTable table;
	ListCell   *lc;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "returning");
	query = PG_GETARG_QUERY(0);
	if (!query_modifies(query))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("only a query that changes rows can return them"),
				 errhint("more.pick says which columns another query gives.")));
	table = changed_table(query);
	initStringInfo(&list);
	foreach(lc, text_array_arg("columns", required_array_arg(fcinfo, 1, "columns")))
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", returning_item(query, lfirst(lc), &table));
	if (list.len == 0)
		appendStringInfoString(&list, table.name ? psprintf("%s.*", table.name) : "*");
	query->parts[PART_RETURNING] = list.data;
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}
