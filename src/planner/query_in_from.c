/*
 * query_in_from.c
 *	  Plans more.rows, more.run and more.fetch in FROM as the query itself.
 *
 * A call of one of them in FROM, with a query that is known when the plan is
 * made, is replaced by that query's statement, as a subquery:
 *
 *	FROM more.fetch(more.filter(more.from_table('t'), 'b > $b', '{"b": 2}'), NULL::t) AS r
 *	FROM (SELECT query.a, query.b FROM (SELECT * FROM t WHERE b > 2) AS query) AS r
 *
 *	FROM more.run('SELECT a, b FROM t') AS r(x integer, y text)
 *	FROM (SELECT query.a, query.b FROM (SELECT a, b FROM t) AS query) AS r(x, y)
 *
 *	FROM more.rows('SELECT a, b FROM t') AS r
 *	FROM (SELECT to_jsonb(query) FROM (SELECT a, b FROM t) AS query) AS r(r)
 *
 * The text is the one that the function runs (PRINT_PARAMETERS), is analysed as
 * the function has it analysed, with parameters for the values bound to the
 * query, and only then do constants take the place of these.  Literal rows stay
 * a value, which more._literal_rows decodes when the plan runs.
 *
 * Accepted, of what call_in_from.c accepts: a query that only reads (no change
 * in it, no row lock, no TABLESAMPLE, no sequence, no volatile function), given
 * as a constant, as a parameter whose value is at hand, or as steps of the query
 * room over such; in params also by the server's functions that make JSON and
 * text.
 *
 * Why the result is the same:
 *	- The functions are VOLATILE, for queries that write.  One that only reads is
 *	  run under the snapshot of the statement around it (prepare.c), so that it
 *	  sees what the subquery sees; and what is not volatile gives the same
 *	  whenever in the statement it is computed.
 *	- A call reads its text each time it runs: under the search_path, the settings
 *	  by which literals are read, and the tables of that moment, a temporary one
 *	  in front of another perhaps.  So a plan with it is used once: once.c makes
 *	  the server's plan cache drop it when it starts.  That also allows to compute
 *	  steps, which are STABLE because they look at catalogs and settings, when the
 *	  plan is made.  Other stable functions may read tables, for which the plan's
 *	  own snapshot may be too old: a query that they give is left alone.
 *	- A call reads its text, and checks its rights, when its first row is asked
 *	  for.  Until then a function that the statement around it calls may have
 *	  changed the search_path, the role or a table, and what stable functions
 *	  give, settings say, may change between two rows.  So the call is left alone
 *	  beside volatile functions that are not the server's own.  It is in a
 *	  cursor's statement, too, whose rows may be fetched under another role, or
 *	  after a TRUNCATE, which what runs in the call's place would not let happen,
 *	  and where a procedural language may open one for it, as for an assignment;
 *	  and in a function written in SQL, where the server plans all statements
 *	  before the first one runs, and keeps the plans for further calls, until 17.
 *	- Columns go to the definition list by position, and to the row type by name,
 *	  under the function's own checks; each has the type and the collation that
 *	  the statement around it was analysed with.  A row as jsonb is the record of
 *	  all columns with their names, as the function makes it.
 *	- It runs with the same rights, as the current role, also inside a view.
 *	  Where the role lacks a right, or row_security is off and would be needed,
 *	  the call is left alone, because it raises its error only if it is reached.
 *	- The order of a query with ORDER BY is kept where the statement around it
 *	  asks for no other: such a subquery is planned for itself.
 *	- No error that the call would not raise: a query that cannot be analysed, or
 *	  not be planned because a constant expression fails or a FULL JOIN or grouping
 *	  has no method, is left alone, and so is one of a materialized view that has
 *	  no rows yet.  Columns
 *	  that are not a table's own may fail or be constants: where the statement
 *	  around the call has conditions on them, or computes with them what may
 *	  fail, the planner must not take it apart (call_in_from.c).  An error in a
 *	  row or column that nothing asks for is not raised, as with any subquery.
 *
 * Left alone, besides, unless forced: calls in a subquery that may be run for
 * each row of another relation, and in recursive queries.  The call runs its
 * query once and keeps the rows; what stands in its place would run each time.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "server_code.h"
#include "planner/call_in_from.h"
#include "planner/levels.h"
#include "query/run.h"

typedef enum QueryCall
{
	CALL_ROWS,
	CALL_RUN,
	CALL_FETCH
} QueryCall;

/* ------------------------------------------------------------------------ */
/* The query																*/
/* ------------------------------------------------------------------------ */

/* The schema of a type. */
static Oid
type_namespace(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			result;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	result = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
	ReleaseSysCache(tuple);
	return result;
}

/* Is it a step of the query room's, or what makes rows for one? */
static bool
is_step(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			schema = get_namespace_oid("more", true);
	Form_pg_proc form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	/* a C function there is the extension's, or a superuser's */
	result = OidIsValid(schema) && form->pronamespace == schema && form->prolang == ClanguageId &&
		!form->proretset && form->provolatile != PROVOLATILE_VOLATILE &&
		type_namespace(form->prorettype) == schema;
	ReleaseSysCache(tuple);
	return result;
}

/* Is it one of the server's functions that make JSON or text of values that it knows the types of? */
static bool
makes_text(FuncExpr *call)
{
	switch (call->funcid)
	{
		case F_JSONB_BUILD_OBJECT_:
		case F_JSONB_BUILD_OBJECT_ANY:
		case F_JSON_BUILD_OBJECT_:
		case F_JSON_BUILD_OBJECT_ANY:
		case F_JSONB_BUILD_ARRAY_:
		case F_JSONB_BUILD_ARRAY_ANY:
		case F_JSON_BUILD_ARRAY_:
		case F_JSON_BUILD_ARRAY_ANY:
		case F_TO_JSONB:
		case F_TO_JSON:
		case F_FORMAT_TEXT:
		case F_FORMAT_TEXT_ANY:
		case F_CONCAT:
		case F_CONCAT_WS:
			break;
		default:
			return false;
	}
	return !takes_users_type(call->args);
}

/* Walker: is there anything in the expression that must not be computed before the statement runs? */
static bool
is_unknown(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_Const:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayExpr:
			break;
		case T_FuncExpr:
			{
				FuncExpr   *call = (FuncExpr *) node;

				if (call->funcretset ||
					(func_volatile(call->funcid) != PROVOLATILE_IMMUTABLE && !is_step(call->funcid) && !makes_text(call)))
					return true;
				break;
			}
		default:
			return true;
	}
	return expression_tree_walker(node, is_unknown, arg);
}

/* The query that the call is given, or NULL with a reason. */
static MoreQuery *
known_query(FromCall *call, Node *argument, const char **reason)
{
	Node	   *node = simplify_known(argument, call->attempt->params);

	if (!IsA(node, Const) && is_unknown(node, NULL))
	{
		*reason = "the query is not known when the statement is planned";
		return NULL;
	}
	if (!IsA(node, Const))
		node = (Node *) evaluate_expr((Expr *) node, exprType(node), -1, InvalidOid);
	if (((Const *) node)->constisnull)
	{
		*reason = "the query is null";
		return NULL;
	}
	return query_from_datum(((Const *) node)->constvalue);
}

/* ------------------------------------------------------------------------ */
/* Its statement															*/
/* ------------------------------------------------------------------------ */

/* The parameters of the query's text, for the parser. */
static List *
parameters(ParamListInfo params)
{
	List	   *result = NIL;

	for (int i = 0; params && i < params->numParams; i++)
	{
		Param	   *param = makeNode(Param);

		param->paramkind = PARAM_EXTERN;
		param->paramid = i + 1;
		param->paramtype = params->params[i].ptype;
		param->paramtypmod = -1;
		param->paramcollid = get_typcollation(param->paramtype);
		param->location = -1;
		result = lappend(result, param);
	}
	return result;
}

/* Put constants in the place of the query's parameters. */
static Node *
bind_values(Node *node, ParamListInfo params)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
	{
		Param	   *param = (Param *) node;
		ParamExternData *value = &params->params[param->paramid - 1];
		int16		length;
		bool		by_value;

		get_typlenbyval(param->paramtype, &length, &by_value);
		return (Node *) makeConst(param->paramtype, -1, param->paramcollid, length, value->value, value->isnull, by_value);
	}
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node, bind_values, params, 0);
	return expression_tree_mutator(node, bind_values, params);
}

/* Has a materialized view rows that can be read? */
static bool
is_populated(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_class) GETSTRUCT(tuple))->relispopulated;
	ReleaseSysCache(tuple);
	return result;
}

/* Walker: is there a relation that cannot be read in place of the call?  Says why. */
static bool
reads_unfit(Node *node, const char **reason)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind != RTE_RELATION)
			return false;
		if (rte->tablesample)
			*reason = "it reads a sample of a table";
		else if (rte->relkind == RELKIND_SEQUENCE)
			*reason = "it reads a sequence, which has no snapshot";
		else if (rte->relkind == RELKIND_MATVIEW && !is_populated(rte->relid))
			*reason = "a materialized view has not been populated";
		return *reason != NULL;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reads_unfit, reason, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, reads_unfit, reason);
}

/* Is there a type among those grouped by that may have no method in common with the others? */
static bool
may_lack_method(List *clauses)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		SortGroupClause *clause = lfirst(lc);

		if (!OidIsValid(clause->sortop) || !clause->hashable)
			return true;
	}
	return false;
}

/* Walker: is there an expression that may fail, and so perhaps does when it is planned? */
static bool
may_fail_anywhere(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Query:
			return may_lack_method(((Query *) node)->groupClause) ||
				may_lack_method(((Query *) node)->distinctClause) ||
				query_tree_walker((Query *) node, may_fail_anywhere, arg, 0);
		case T_JoinExpr:
			return ((JoinExpr *) node)->jointype == JOIN_FULL || expression_tree_walker(node, may_fail_anywhere, arg);
		case T_SetOperationStmt:
			return may_lack_method(((SetOperationStmt *) node)->groupClauses) ||
				expression_tree_walker(node, may_fail_anywhere, arg);
		case T_FromExpr:
		case T_RangeTblRef:
		case T_RangeTblFunction:
		case T_SortGroupClause:
		case T_CommonTableExpr:
		case T_WindowClause:
		case T_SubLink:
		case T_Aggref:
			return expression_tree_walker(node, may_fail_anywhere, arg);
		default:
			return node_may_fail(node) || expression_tree_walker(node, may_fail_anywhere, arg);
	}
}

/* The query's statement, rewritten, with its values in it; NULL with a reason where it must be left alone. */
static Query *
statement_of(FromCall *call, MoreQuery *query, const char **reason)
{
	char	   *sql = query_text(query, PRINT_PARAMETERS);
	ParamListInfo params = query_params(query, sql);
	Query	   *statement;

	call->args = parameters(params);
	statement = (Query *) bind_values((Node *) call_analyze(call, sql), params);
	if (query_locks_rows((Node *) statement, NULL))
		*reason = "it locks rows";
	else
		(void) reads_unfit((Node *) statement, reason);
	if (*reason)
		return NULL;
	call_require_harmless(statement);
	/* what fails when it is planned would fail even where the call is never reached */
	if (may_fail_anywhere((Node *) statement, NULL))
		(void) compat_plan_query(copyObject(statement), sql, CURSOR_OPT_PARALLEL_OK, NULL);
	return statement;
}

/* ------------------------------------------------------------------------ */
/* Its columns																*/
/* ------------------------------------------------------------------------ */

static bool is_table_column(Query *query, AttrNumber attnum);

/* Does a column of the query's FROM come from a table as it is? */
static bool
comes_from_table(Query *query, Node *expression)
{
	Var		   *var = (Var *) expression;
	RangeTblEntry *rte;
	ListCell   *lc;

	if (expression == NULL || !IsA(expression, Var) || var->varlevelsup > 0 || var->varattno <= 0)
		return false;
	rte = list_nth(query->rtable, var->varno - 1);
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return get_attgenerated(rte->relid, var->varattno) != COMPAT_GENERATED_VIRTUAL;
		case RTE_SUBQUERY:
			return is_table_column(rte->subquery, var->varattno);
		case RTE_JOIN:
			return comes_from_table(query, list_nth(rte->joinaliasvars, var->varattno - 1));
		case RTE_CTE:
			foreach(lc, query->cteList)
			{
				CommonTableExpr *cte = lfirst(lc);

				if (rte->ctelevelsup == 0 && strcmp(cte->ctename, rte->ctename) == 0)
					return !cte->cterecursive && is_table_column((Query *) cte->ctequery, var->varattno);
			}
			return false;
		case RTE_FUNCTION:
			foreach(lc, rte->functions)
			{
				FuncExpr   *function = (FuncExpr *) ((RangeTblFunction *) lfirst(lc))->funcexpr;

				if (!IsA(function, FuncExpr) || !function->funcretset || is_inlined(function->funcid))
					return false;
			}
			return true;
#if PG_VERSION_NUM >= 180000
		case RTE_GROUP:
			return comes_from_table(query, list_nth(rte->groupexprs, var->varattno - 1));
#endif
		default:
			return false;
	}
}

/*
 * Is an output column a table's own, or one of a set of rows, which neither fails nor is a constant, wherever the
 * planner moves it?
 */
static bool
is_table_column(Query *query, AttrNumber attnum)
{
	ListCell   *lc;

	if (query->commandType != CMD_SELECT)
		return false;
	if (query->setOperations)
	{
		/* the range table holds the arms */
		foreach(lc, query->rtable)
		{
			RangeTblEntry *arm = lfirst(lc);

			if (arm->rtekind == RTE_SUBQUERY && !is_table_column(arm->subquery, attnum))
				return false;
		}
		return true;
	}
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst(lc);

		if (entry->resno == attnum)
			return comes_from_table(query, (Node *) entry->expr);
	}
	return false;
}

/* SELECT ... FROM (statement) AS query, without columns yet. */
static Query *
wrap(Query *statement)
{
	Query	   *query = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, statement->targetList)
		if (!((TargetEntry *) lfirst(lc))->resjunk)
			names = lappend(names, makeString(pstrdup(((TargetEntry *) lfirst(lc))->resname)));
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = statement;
	rte->alias = makeAlias("query", NIL);
	rte->eref = makeAlias("query", names);
	rte->inFromCl = true;
	ref->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->querySource = QSRC_ORIGINAL;
	query->canSetTag = true;
	query->rtable = list_make1(rte);
	query->jointree = makeFromExpr(list_make1(ref), NULL);
	query->hasRowSecurity = statement->hasRowSecurity;
	return query;
}

/* A column of the statement, as the statement around the call sees it. */
static TargetEntry *
column_of(TargetEntry *given, Form_pg_attribute wanted)
{
	Node	   *column = (Node *) makeVar(1, given->resno, exprType((Node *) given->expr),
										  exprTypmod((Node *) given->expr), exprCollation((Node *) given->expr), 0);

	if (exprType(column) != wanted->atttypid)
		column = (Node *) makeRelabelType((Expr *) column, wanted->atttypid, -1, exprCollation(column),
										  COERCE_EXPLICIT_CAST);
	if (exprCollation(column) != wanted->attcollation && OidIsValid(wanted->attcollation))
	{
		CollateExpr *collate = makeNode(CollateExpr);

		collate->arg = (Expr *) column;
		collate->collOid = wanted->attcollation;
		collate->location = -1;
		column = (Node *) collate;
	}
	return makeTargetEntry((Expr *) column, wanted->attnum, pstrdup(NameStr(wanted->attname)), false);
}

/* Lay out the columns for more.run and more.fetch: attnums is where each of them goes. */
static void
lay_out(FromCall *call, Query *query, Query *statement, List *attnums)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, statement->targetList)
	{
		TargetEntry *given = lfirst(lc);
		AttrNumber	attnum;

		if (given->resjunk)
			continue;
		attnum = list_nth_int(attnums, n++);
		query->targetList = lappend(query->targetList, column_of(given, TupleDescAttr(call->columns, attnum - 1)));
		if (!is_table_column(statement, given->resno))
			call->computed = bms_add_member(call->computed, attnum);
	}
	call_lay_out(query, call->columns, attnums);
}

/* The columns of the call's column definition list. */
static TupleDesc
definition_list(RangeTblFunction *function)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(function->funccolnames));
	AttrNumber	attnum = 0;
	ListCell   *name;
	ListCell   *type;
	ListCell   *typmod;
	ListCell   *collation;

	forfour(name, function->funccolnames, type, function->funccoltypes, typmod, function->funccoltypmods,
			collation, function->funccolcollations)
	{
		attnum++;
		TupleDescInitEntry(desc, attnum, strVal(lfirst(name)), lfirst_oid(type), lfirst_int(typmod), 0);
		TupleDescInitEntryCollation(desc, attnum, lfirst_oid(collation));
	}
	TupleDescFinalize(desc);
	return desc;
}

/* more.rows: the one column, all columns of the statement as a jsonb object. */
static void
lay_out_jsonb(FromCall *call, Query *query)
{
	Var		   *row = makeWholeRowVar(linitial(query->rtable), 1, 0, false);
	FuncExpr   *object = makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(row), InvalidOid, InvalidOid,
									  COERCE_EXPLICIT_CALL);

	query->targetList = list_make1(makeTargetEntry((Expr *) object, 1, pstrdup("rows"), false));
	call->columns = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(call->columns, 1, "rows", JSONBOID, -1, 0);
	TupleDescFinalize(call->columns);
	call->computed = bms_make_singleton(1);
}

/* more.fetch: the columns of the row type. */
static void
lay_out_row(FromCall *call, Query *query, Query *statement, TupleDesc given)
{
	Oid			relid = rowtype_table(call->function->funcresulttype);
	List	   *attnums = query_match_columns(given, relid);
	Relation	rel = relation_open(relid, AccessShareLock);

	call->columns = CreateTupleDescCopy(RelationGetDescr(rel));
	relation_close(rel, NoLock);
	lay_out(call, query, statement, attnums);
}

/* ------------------------------------------------------------------------ */
/* The rewrite																*/
/* ------------------------------------------------------------------------ */

/* The statement that stands for the call. */
static Query *
build_subquery(FromCall *call, const char **reason)
{
	List	   *args = call_arguments(call, reason);
	MoreQuery  *given = *reason ? NULL : known_query(call, linitial(args), reason);
	TupleDesc	columns;
	Query	   *statement;
	Query	   *query;

	if (given && query_modifies(given))
		*reason = "it changes rows";
	if (*reason)
		return NULL;
	statement = statement_of(call, given, reason);
	if (*reason)
		return NULL;
	columns = ExecCleanTypeFromTL(statement->targetList);
	query = wrap(statement);
	if (call->kind == CALL_RUN)
	{
		call->columns = definition_list(linitial(call->rte->functions));
		query_require_definition(columns, call->columns);
		lay_out(call, query, statement, query_all_columns(columns->natts));
	}
	else
	{
		require_distinct_names(columns);
		if (call->kind == CALL_FETCH)
			lay_out_row(call, query, statement, columns);
		else
			lay_out_jsonb(call, query);
	}
	/* a plan for values that are at hand is used once in any case */
	call->attempt->once |= call->attempt->params == NULL;
	/* what the call costs the planner does not know */
	call->attempt->same_cost = true;
	return query;
}

/* Which of the functions is called; -1 if none. */
static int
kind_of(FuncExpr *function)
{
	static const struct
	{
		const char *name;
		int			nargs;
	}			functions[] = {
		[CALL_ROWS] = {"rows", 1},
		[CALL_RUN] = {"run", 1},
		[CALL_FETCH] = {"fetch", 2},
	};
	char	   *name;

	if (!IsA(function, FuncExpr) || (name = get_func_name(function->funcid)) == NULL)
		return -1;
	for (int kind = 0; kind < lengthof(functions); kind++)
		if (strcmp(name, functions[kind].name) == 0)
			return extension_function(name, functions[kind].nargs) == function->funcid ? kind : -1;
	return -1;
}

static bool
is_unsafe_function(Oid function, void *arg)
{
	return func_volatile(function) == PROVOLATILE_VOLATILE &&
		(function >= FirstNormalObjectId || function == F_SET_CONFIG);
}

/*
 * Walker: is a volatile function called that may change what a text means?  Those of the server do not, but for one.
 * Calls in FROM that are known here are not asked about: what they do is up to their queries.
 */
static bool
calls_unsafe(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, calls_unsafe, arg, 0);
	if (IsA(node, RangeTblFunction) && kind_of((FuncExpr *) ((RangeTblFunction *) node)->funcexpr) >= 0)
		return calls_unsafe((Node *) ((FuncExpr *) ((RangeTblFunction *) node)->funcexpr)->args, arg);
	return check_functions_in_node(node, is_unsafe_function, arg) ||
		expression_tree_walker(node, calls_unsafe, arg);
}

/* Why a call is left alone, on this rewrite's own account: it would not be run at the same moment, or more often. */
static const char *
early_reason(FromCall *call)
{
	const int	cursor = CURSOR_OPT_SCROLL | CURSOR_OPT_NO_SCROLL | CURSOR_OPT_INSENSITIVE |
		CURSOR_OPT_ASENSITIVE | CURSOR_OPT_HOLD | CURSOR_OPT_FAST_PLAN;
	QueryLevel *top = call->level;

	while (top->parent)
		top = top->parent;
	/* SPI does not say which of the statements that it prepares a cursor is opened for, but lets no such one run in parallel */
	if ((call->attempt->cursor_options & cursor) || !(call->attempt->cursor_options & CURSOR_OPT_PARALLEL_OK))
		return "it is a cursor's statement";
	if (call->attempt->sql_function)
		return "it is a statement of a function in SQL, which are all planned before the first runs";
	if (calls_unsafe((Node *) top->query, NULL))
		return "a volatile function beside it may change what the query means";
	if (call->attempt->force)
		return NULL;
	for (QueryLevel *level = call->level; level; level = level->parent)
	{
		if (level->cte && level->cte->cterecursive)
			return "it is part of a recursive query";
		if (level->parent && call_refers_out((Node *) level->query))
			return "it is in a subquery that may be run for each row";
	}
	return NULL;
}

/*
 * try_query_in_from
 *		The entry of this rewrite.
 */
Query *
try_query_in_from(Query *query, Attempt *attempt)
{
	static const CallRewrite rewrite = {kind_of, early_reason, build_subquery};

	return replace_calls(query, attempt, &rewrite);
}
