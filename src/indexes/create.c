/*
 * create.c
 *	  more.create_partial_index and more.partial_index_sql.
 *
 * The columns are read by the server's parser as those of a CREATE INDEX, the
 * condition by condition.c.  What comes out is an analyzed CREATE INDEX
 * statement that goes through ProcessUtility: privileges, hooks, event triggers
 * and errors are those of the statement, and no text is parsed again.
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_utilcmd.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "expression.h"
#include "indexes/indexes.h"

PG_FUNCTION_INFO_V1(create_partial_index);
PG_FUNCTION_INFO_V1(partial_index_sql);

/* The arguments of both functions, by position. */
enum
{
	ARG_TARGET, ARG_COLUMNS, ARG_CONDITION, ARG_UNIQUE, ARG_NAME, ARG_METHOD, ARG_INCLUDE,
	ARG_IF_NOT_EXISTS, ARG_NULLS_NOT_DISTINCT, ARG_CONCURRENTLY
};

/* A partial index that somebody asks for. */
typedef struct Request
{
	Relation	rel;
	List	   *columns;		/* of IndexElem, analyzed */
	List	   *include;		/* likewise */
	Node	   *condition;
	char	   *method;
	char	   *name;
	bool		if_not_exists;
	IndexShape	shape;
	char	   *definition;		/* the statement's text after the table's name */
} Request;

/* ------------------------------------------------------------------------ */
/* Arguments																*/
/* ------------------------------------------------------------------------ */

static bool
arg_bool(FunctionCallInfo fcinfo, int n)
{
	return !PG_ARGISNULL(n) && PG_GETARG_BOOL(n);
}

/* The elements of a text array argument; NIL for NULL. */
static List *
arg_texts(FunctionCallInfo fcinfo, int n, const char *argument)
{
	List	   *result = NIL;
	Datum	   *values;
	bool	   *nulls;
	int			count;

	if (PG_ARGISNULL(n))
		return NIL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" has a null in it", argument)));
		result = lappend(result, TextDatumGetCString(values[i]));
	}
	return result;
}

/* What the error context callback of a column's text needs to know. */
typedef struct ElementText
{
	ArgumentText argument;
	int			before;			/* length of what was put before the text */
} ElementText;

/* Point an error into the column's text, not into the statement around it. */
static void
element_error_callback(void *arg)
{
	ElementText *element = (ElementText *) arg;
	int			pos = geterrposition();

	if (pos > 0)
	{
		errposition(0);
		internalerrposition(Min(Max(pos - element->before, 1), (int) strlen(element->argument.text) + 1));
		internalerrquery(element->argument.text);
	}
	errcontext("argument \"%s\"", element->argument.argument);
}

/* A lone column as an index has it. */
static IndexElem *
column_element(Relation rel, const char *name)
{
	IndexElem  *result = makeNode(IndexElem);

	result->name = pstrdup(name);
	result->indexcolname = result->name;
	return result;
}

/* The text as the only column of a CREATE INDEX; nothing else may come of it. */
static IndexElem *
parse_element(Relation rel, const char *argument, const char *text)
{
	static const char *const before = "CREATE INDEX ON x (\n";
	ElementText element = {{argument, text}, strlen(before)};
	char	   *sql = psprintf("%s%s\n)", before, text);
	ErrorContextCallback callback;
	List	   *parsed;
	IndexStmt  *stmt;

	callback.callback = element_error_callback;
	callback.arg = &element;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	stmt = list_length(parsed) == 1 ? (IndexStmt *) linitial_node(RawStmt, parsed)->stmt : NULL;
	if (stmt == NULL || !IsA(stmt, IndexStmt) || list_length(stmt->indexParams) != 1 ||
		stmt->indexIncludingParams || stmt->options || stmt->whereClause || stmt->tableSpace || stmt->nulls_not_distinct)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("\"%s\" is not one column of an index", text),
				 errhint("Give a column, or an expression in parentheses, each with a collation, an operator class and an order if need be.")));
	(void) transformIndexStmt(RelationGetRelid(rel), stmt, sql);
	error_context_stack = callback.previous;
	return linitial_node(IndexElem, stmt->indexParams);
}

/* The index's columns, from their names or texts. */
static List *
index_elements(Relation rel, const char *argument, List *texts)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, texts)
	{
		const char *text = lfirst(lc);
		IndexElem  *element = find_column(rel, text) != InvalidAttrNumber ? column_element(rel, text) :
			parse_element(rel, argument, text);

		if (element->name && find_column(rel, element->name) == InvalidAttrNumber)
		{
			const char *nearest = nearest_column(rel, element->name);

			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of \"%s\" does not exist", element->name, RelationGetRelationName(rel)),
					 nearest ? errhint("Perhaps you meant column \"%s\".", nearest) : 0,
					 errcontext("argument \"%s\"", argument)));
		}
		result = lappend(result, element);
	}
	return result;
}

/* The condition; one that decides nothing makes no partial index. */
static Node *
index_condition_of(Request *request, FunctionCallInfo fcinfo)
{
	Node	   *condition;
	List	   *clauses;

	if (PG_ARGISNULL(ARG_CONDITION))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a partial index needs a condition")));
	condition = argument_condition(request->rel, fcinfo, ARG_CONDITION, "condition");
	if (contain_mutable_functions((Node *) expression_planner((Expr *) copyObject(condition))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("functions in index predicate must be marked IMMUTABLE"),
				 errdetail("The condition is: %s", condition_sql(request->rel, condition, NULL)),
				 errcontext("argument \"condition\"")));
	clauses = condition_clauses(condition);
	if (clauses == NIL || (list_length(clauses) == 1 && IsA(linitial(clauses), Const)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the condition holds for %s", clauses == NIL ? "every row" : "no row"),
				 errdetail("The condition is: %s", condition_sql(request->rel, condition, NULL)),
				 clauses == NIL ? errhint("Use CREATE INDEX for an index on all rows.") : 0));
	request->shape.predicate = clauses;
	return condition;
}

/* The name that was given for the index, if it can be one. */
static char *
given_name(FunctionCallInfo fcinfo)
{
	char	   *name;

	if (PG_ARGISNULL(ARG_NAME))
		return NULL;
	name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_NAME));
	if (*name == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the name of the index is empty")));
	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("the name of the index is longer than %d bytes", NAMEDATALEN - 1),
				 errhint("Leave the name out to have one made.")));
	return name;
}

/* ------------------------------------------------------------------------ */
/* What the index will be													*/
/* ------------------------------------------------------------------------ */

/* The collation of a column or expression. */
static Oid
element_collation(Relation rel, IndexElem *element, AttrNumber attnum)
{
	if (element->collation)
		return get_collation_oid(element->collation, false);
	if (element->name)
		return TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attcollation;
	return exprCollation(element->expr);
}

/*
 * resolve_index_key
 *		What CREATE INDEX makes of a key column, which exists.
 */
IndexKey *
resolve_index_key(Relation rel, IndexElem *element, const char *method, Oid method_oid)
{
	IndexKey   *result = palloc0(sizeof(IndexKey));
	bool		ordered = GetIndexAmRoutineByAmId(method_oid, false)->amcanorder;
	Node	   *expr = element->expr;
	Oid			type;

	if (element->name)
	{
		result->attnum = find_column(rel, element->name);
		type = TupleDescAttr(RelationGetDescr(rel), result->attnum - 1)->atttypid;
	}
	else
		type = exprType(expr);
	result->collation = element_collation(rel, element, result->attnum);
	result->opclass = ResolveOpClass(element->opclass, type, method, method_oid);
	while (expr && IsA(expr, CollateExpr))
		expr = (Node *) ((CollateExpr *) expr)->arg;
	if (expr && IsA(expr, Var) && ((Var *) expr)->varattno != InvalidAttrNumber)
		result->attnum = ((Var *) expr)->varattno;
	else if (expr)
		result->expr = eval_const_expressions(NULL, copyObject(expr));
	if (ordered && element->ordering == SORTBY_DESC)
		result->option |= INDOPTION_DESC;
	if (ordered && (element->nulls_ordering == SORTBY_NULLS_FIRST ||
					(element->nulls_ordering == SORTBY_NULLS_DEFAULT && element->ordering == SORTBY_DESC)))
		result->option |= INDOPTION_NULLS_FIRST;
	return result;
}

/* Fill in the request's shape, to be compared with the indexes that are there. */
static void
resolve_shape(Request *request)
{
	IndexShape *shape = &request->shape;
	ListCell   *lc;

	shape->method = get_index_am_oid(request->method, false);
	shape->plain = true;
	shape->valid = true;
	foreach(lc, request->columns)
	{
		IndexElem  *element = lfirst(lc);

		shape->keys = lappend(shape->keys, resolve_index_key(request->rel, element, request->method, shape->method));
		if (element->opclassopts)
			shape->plain = false;
	}
	foreach(lc, request->include)
	{
		IndexElem  *element = lfirst(lc);

		if (element->name == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("expressions are not supported in included columns"),
					 errcontext("argument \"include\"")));
		shape->include = lappend_int(shape->include, find_column(request->rel, element->name));
	}
}

/* ------------------------------------------------------------------------ */
/* Text																		*/
/* ------------------------------------------------------------------------ */

/* Append an operator class's qualified name and options. */
static void
append_opclass(StringInfo out, IndexElem *element, IndexKey *key)
{
	HeapTuple	tup;
	Form_pg_opclass form;
	const char *comma = " (";
	ListCell   *lc;

	if (element->opclass == NIL && element->opclassopts == NIL)
		return;
	tup = SearchSysCache1(CLAOID, ObjectIdGetDatum(key->opclass));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for operator class %u", key->opclass);
	form = (Form_pg_opclass) GETSTRUCT(tup);
	appendStringInfo(out, " %s", quote_qualified_identifier(get_namespace_name(form->opcnamespace),
															NameStr(form->opcname)));
	ReleaseSysCache(tup);
	foreach(lc, element->opclassopts)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		appendStringInfo(out, "%s%s=%s", comma, quote_identifier(option->defname),
						 quote_literal_cstr(defGetString(option)));
		comma = ", ";
	}
	if (element->opclassopts)
		appendStringInfoChar(out, ')');
}

/* Append a column as CREATE INDEX reads it. */
static void
append_element(StringInfo out, Relation rel, IndexElem *element, IndexKey *key)
{
	if (element->name)
		appendStringInfoString(out, quote_identifier(element->name));
	else
		appendStringInfo(out, "(%s)", condition_sql(rel, element->expr, NULL));
	if (key == NULL)
		return;
	if (element->collation)
		appendStringInfo(out, " COLLATE %s", collation_sql(key->collation));
	append_opclass(out, element, key);
	if (element->ordering == SORTBY_DESC)
		appendStringInfoString(out, " DESC");
	if (element->nulls_ordering == SORTBY_NULLS_FIRST)
		appendStringInfoString(out, " NULLS FIRST");
	else if (element->nulls_ordering == SORTBY_NULLS_LAST)
		appendStringInfoString(out, " NULLS LAST");
}

/* What follows the table's name in the statement. */
static char *
definition_sql(Request *request)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	appendStringInfo(&out, "USING %s (", quote_identifier(request->method));
	foreach(lc, request->columns)
	{
		if (foreach_current_index(lc) > 0)
			appendStringInfoString(&out, ", ");
		append_element(&out, request->rel, lfirst(lc), list_nth(request->shape.keys, foreach_current_index(lc)));
	}
	appendStringInfoChar(&out, ')');
	foreach(lc, request->include)
	{
		appendStringInfoString(&out, foreach_current_index(lc) > 0 ? ", " : " INCLUDE (");
		append_element(&out, request->rel, lfirst(lc), NULL);
	}
	if (request->include)
		appendStringInfoChar(&out, ')');
	if (request->shape.nulls_not_distinct)
		appendStringInfoString(&out, " NULLS NOT DISTINCT");
	appendStringInfo(&out, " WHERE %s", condition_sql(request->rel, request->condition, NULL));
	return out.data;
}

/* The whole statement. */
static char *
statement_sql(Request *request, bool concurrently)
{
	return psprintf("CREATE %sINDEX %s%s%s ON %s %s",
					request->shape.unique ? "UNIQUE " : "",
					concurrently ? "CONCURRENTLY " : "",
					request->if_not_exists ? "IF NOT EXISTS " : "",
					quote_identifier(request->name),
					qualified_name(RelationGetRelid(request->rel)),
					request->definition);
}

/* ------------------------------------------------------------------------ */
/* The request																*/
/* ------------------------------------------------------------------------ */

/* The names of the key columns, for the index's own name. */
static List *
element_names(List *elements)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, elements)
	{
		IndexElem  *element = lfirst(lc);

		result = lappend(result, element->name ? element->name :
						 element->indexcolname ? element->indexcolname : "expr");
	}
	return result;
}

/* See that the target can have an index, and open it. */
static Relation
open_target(FunctionCallInfo fcinfo, bool create)
{
	Oid			relid;
	Relation	rel;

	if (PG_ARGISNULL(ARG_TARGET))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "target")));
	relid = PG_GETARG_OID(ARG_TARGET);
	if (create && get_rel_name(relid) && !compat_owns_relation(relid))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
	rel = condition_table(relid, create ? ShareLock : AccessShareLock);
	if (rel->rd_rel->relkind == RELKIND_VIEW || rel->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot create index on relation \"%s\"", RelationGetRelationName(rel)),
				 errdetail("A %s has no indexes.",
						   rel->rd_rel->relkind == RELKIND_VIEW ? "view" : "foreign table")));
	return rel;
}

/* Read the arguments. */
static void
read_request(Request *request, FunctionCallInfo fcinfo, bool create)
{
	List	   *columns;

	memset(request, 0, sizeof(Request));
	request->rel = open_target(fcinfo, create);
	columns = arg_texts(fcinfo, ARG_COLUMNS, "columns");
	if (columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must name at least one column", "columns")));
	request->columns = index_elements(request->rel, "columns", columns);
	request->include = index_elements(request->rel, "include", arg_texts(fcinfo, ARG_INCLUDE, "include"));
	request->method = PG_ARGISNULL(ARG_METHOD) ? DEFAULT_INDEX_TYPE :
		text_to_cstring(PG_GETARG_TEXT_PP(ARG_METHOD));
	request->name = given_name(fcinfo);
	request->if_not_exists = arg_bool(fcinfo, ARG_IF_NOT_EXISTS);
	request->shape.unique = arg_bool(fcinfo, ARG_UNIQUE);
	request->shape.nulls_not_distinct = arg_bool(fcinfo, ARG_NULLS_NOT_DISTINCT);
	if (request->shape.nulls_not_distinct && !request->shape.unique)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("nulls_not_distinct is for unique indexes"),
				 errhint("Add is_unique => true.")));
	request->condition = index_condition_of(request, fcinfo);
	resolve_shape(request);
	request->definition = definition_sql(request);
}

/* An equal index is there, but cannot be used. */
static void
report_invalid(Oid index)
{
	char	   *name = qualified_name(index);

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("index \"%s\" does the same, but is not valid", get_rel_name(index)),
			 errhint("If no session is still building it: REINDEX INDEX CONCURRENTLY %s, or DROP INDEX CONCURRENTLY %s.",
					 name, name)));
}

/*
 * Look for an index that does the same; report it.  Else see that the name is
 * free, or make one.
 */
static Oid
find_existing(Request *request)
{
	bool		valid;
	Oid			existing = find_same_index(request->rel, &request->shape, &valid);

	if (OidIsValid(existing))
	{
		if (!valid && request->rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
			report_invalid(existing);
		ereport(request->if_not_exists ? NOTICE : ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("index \"%s\" does the same already%s", get_rel_name(existing),
						request->if_not_exists ? ", skipping" : ""),
				 errdetail_internal("%s", TextDatumGetCString(DirectFunctionCall1(pg_get_indexdef,
																				  ObjectIdGetDatum(existing)))),
				 request->if_not_exists ? 0 : errhint("Pass if_not_exists => true to take it as it is.")));
		return existing;
	}
	if (request->name == NULL)
		request->name = index_name(request->rel, element_names(request->columns), request->condition,
								   psprintf("%s%s", request->shape.unique ? "UNIQUE " : "", request->definition),
								   request->shape.unique);
	else if (OidIsValid(get_relname_relid(request->name, RelationGetNamespace(request->rel))))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists", request->name),
				 errdetail("It does not do what this index would.")));
	return InvalidOid;
}

/*
 * partial_index_statement
 *		The statement for a btree index of columns that exist; NULL when an index
 *		that is there does all that it would do.
 */
char *
partial_index_statement(Relation rel, List *columns, Node *condition)
{
	Request		request = {.rel = rel, .condition = condition, .method = DEFAULT_INDEX_TYPE};
	bool		valid;

	request.columns = index_elements(rel, "columns", columns);
	request.shape.predicate = condition_clauses(condition);
	resolve_shape(&request);
	if (OidIsValid(find_same_index(rel, &request.shape, &valid)))
		return NULL;
	/* so that it yields to any other one */
	request.shape.valid = false;
	if (OidIsValid(find_covering_index(rel, &request.shape)))
		return NULL;
	request.definition = definition_sql(&request);
	request.name = index_name(rel, element_names(request.columns), condition, request.definition, false);
	return statement_sql(&request, rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE);
}

/* The statement as the server analyzes it. */
static IndexStmt *
index_statement(Request *request)
{
	IndexStmt  *stmt = makeNode(IndexStmt);
	Oid			schema = RelationGetNamespace(request->rel);

	stmt->idxname = request->name;
	stmt->relation = makeRangeVar(get_namespace_name(schema), pstrdup(RelationGetRelationName(request->rel)), -1);
	stmt->accessMethod = request->method;
	stmt->indexParams = request->columns;
	stmt->indexIncludingParams = request->include;
	stmt->whereClause = request->condition;
	stmt->unique = request->shape.unique;
	stmt->nulls_not_distinct = request->shape.nulls_not_distinct;
	stmt->transformed = true;
	return stmt;
}

/* Run the statement as one that a client sends. */
static void
run_statement(IndexStmt *stmt, const char *sql)
{
	PlannedStmt *wrapper = makeNode(PlannedStmt);
	Query	   *query = makeNode(Query);

	/* what counts statements wants to know them by an identifier */
	query->commandType = CMD_UTILITY;
	query->utilityStmt = (Node *) stmt;
	query->stmt_location = -1;
	if (IsQueryIdEnabled())
		compat_jumble_query(query, sql);
	wrapper->queryId = query->queryId;
	wrapper->commandType = CMD_UTILITY;
	wrapper->canSetTag = false;
	wrapper->utilityStmt = (Node *) stmt;
	wrapper->stmt_location = -1;
	wrapper->stmt_len = 0;
	ProcessUtility(wrapper, sql, false, PROCESS_UTILITY_QUERY, NULL, NULL, None_Receiver, NULL);
	CommandCounterIncrement();
}

/* more.create_partial_index: make the index, or find it. */
Datum
create_partial_index(PG_FUNCTION_ARGS)
{
	Request		request;
	IndexStmt  *stmt;
	char	   *sql;
	Oid			schema;
	Oid			existing;

	PreventCommandDuringRecovery("CREATE INDEX");
	read_request(&request, fcinfo, true);
	existing = find_existing(&request);
	if (OidIsValid(existing))
	{
		relation_close(request.rel, NoLock);
		PG_RETURN_OID(existing);
	}
	sql = statement_sql(&request, false);
	stmt = index_statement(&request);
	schema = RelationGetNamespace(request.rel);
	/* the lock stays; the statement looks for others that have the table open */
	relation_close(request.rel, NoLock);
	run_statement(stmt, sql);
	PG_RETURN_OID(get_relname_relid(request.name, schema));
}

/* more.partial_index_sql: the statement; NULL when the index is there. */
Datum
partial_index_sql(PG_FUNCTION_ARGS)
{
	Request		request;
	/* NULL: as if it were left out */
	bool		concurrently = PG_ARGISNULL(ARG_CONCURRENTLY) || PG_GETARG_BOOL(ARG_CONCURRENTLY);
	Oid			existing;
	char	   *sql;

	read_request(&request, fcinfo, false);
	if (concurrently && request.rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot create index on partitioned table \"%s\" concurrently",
						RelationGetRelationName(request.rel)),
				 errhint("Pass concurrently => false, or index each partition concurrently first.")));
	existing = find_existing(&request);
	sql = OidIsValid(existing) ? NULL : statement_sql(&request, concurrently);
	relation_close(request.rel, AccessShareLock);
	if (sql == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(sql));
}
