/*
 * prepare.c
 *	  A query becomes a statement that the server can run.
 *
 * The query is printed with a parameter for each value that is bound to it, and
 * prepared through SPI, as the current user.  A value whose type the query does
 * not tell gets the one that its place in the statement asks for, as the server
 * does for a client's untyped parameter; where that asks for none it is text, as
 * a literal is.
 *
 * A statement that only reads sees what the statement around it sees, as if it
 * stood there itself; one that writes sees all that was done before.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_type.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "query/run.h"
#include "statement.h"

/* The type that a binding has by itself, or InvalidOid. */
static Oid
binding_type(const QueryBinding *binding, int32 *typmod)
{
	const char *name = binding->data ? "more.rowset" : binding->type;
	Oid			type;

	*typmod = -1;
	if (name == NULL)
		return InvalidOid;
	parse_type_name(name, &type, typmod);
	return type;
}

/* Find the types that the places of untyped values ask for; types are those that are known. */
static void
infer_types(const char *sql, Oid *types, int ntypes)
{
	Oid		   *inferred = palloc_array(Oid, ntypes);
	int			ninferred = ntypes;
	List	   *parsed = pg_parse_query(sql);
	ErrorContextCallback callback = {error_context_stack, statement_error_callback, unconstify(char *, sql)};

	memcpy(inferred, types, sizeof(Oid) * ntypes);
	error_context_stack = &callback;
	(void) parse_analyze_varparams(linitial_node(RawStmt, parsed), sql, &inferred, &ninferred, NULL);
	error_context_stack = callback.previous;
	for (int i = 0; i < ntypes; i++)
		types[i] = OidIsValid(inferred[i]) && inferred[i] != UNKNOWNOID ? inferred[i] : TEXTOID;
}

/* Points out which value could not be read as its type. */
static void
value_error_callback(void *arg)
{
	errcontext("value \"%s\" of a query", (const char *) arg);
}

/* Read a value's text as its type does. */
static Datum
read_value(const char *text, Oid type, int32 typmod)
{
	ErrorContextCallback callback = {error_context_stack, value_error_callback, unconstify(char *, text)};
	Oid			input;
	Oid			ioparam;
	Datum		result;

	error_context_stack = &callback;
	getTypeInputInfo(type, &input, &ioparam);
	result = OidInputFunctionCall(input, unconstify(char *, text), ioparam, typmod);
	error_context_stack = callback.previous;
	return result;
}

/*
 * query_params
 *		The values that are bound to the query, as parameters of sql, which is the query printed with
 *		PRINT_PARAMETERS; NULL when there are none.  They live in the current context; rows are not copied.
 */
ParamListInfo
query_params(const MoreQuery *query, const char *sql)
{
	int			count = list_length(query->bindings);
	Oid		   *types = palloc_array(Oid, count + 1);
	int32	   *typmods = palloc_array(int32, count + 1);
	bool		untyped = false;
	ParamListInfo params;

	if (count == 0)
		return NULL;
	for (int i = 0; i < count; i++)
	{
		types[i] = binding_type(list_nth(query->bindings, i), &typmods[i]);
		untyped |= !OidIsValid(types[i]);
	}
	if (untyped)
		infer_types(sql, types, count);

	params = makeParamList(count);
	for (int i = 0; i < count; i++)
	{
		QueryBinding *binding = list_nth(query->bindings, i);
		ParamExternData *param = &params->params[i];

		param->ptype = types[i];
		param->pflags = PARAM_FLAG_CONST;
		param->isnull = binding->data == 0 && binding->value == NULL;
		if (binding->data)
			param->value = binding->data;
		else
			param->value = read_value(binding->value, types[i], typmods[i]);
	}
	return params;
}

/*
 * query_locks_rows
 *		A walker: are rows locked, in subqueries or CTEs too?
 */
bool
query_locks_rows(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		return query->hasForUpdate || query->rowMarks || query_tree_walker(query, query_locks_rows, arg, 0);
	}
	return expression_tree_walker(node, query_locks_rows, arg);
}

/* Does a statement do more than read? */
static bool
statement_writes(SPIPlanPtr plan)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, SPI_plan_get_plan_sources(plan))
		foreach(lc2, ((CachedPlanSource *) lfirst(lc))->query_list)
		{
			Query	   *statement = lfirst_node(Query, lc2);

			if (statement->commandType != CMD_SELECT || statement->hasModifyingCTE ||
				query_locks_rows((Node *) statement, NULL))
				return true;
		}
	return false;
}

/*
 * run_prepare
 *		Have the server analyse the query, under the current user's rights; prefix, which may be NULL, stands before
 *		its text.  An SPI connection must be open.  Locks what it reads as any statement does; raises the server's
 *		errors about the statement.
 */
RunQuery *
run_prepare(const MoreQuery *query, const char *prefix)
{
	RunQuery   *run = palloc0_object(RunQuery);
	char	   *sql = query_text(query, PRINT_PARAMETERS);
	SPIPrepareOptions options;
	CachedPlanSource *source;

	run->params = query_params(query, sql);
	run->sql = prefix ? psprintf("%s %s", prefix, sql) : sql;
	memset(&options, 0, sizeof(options));
	if (run->params)
	{
		options.parserSetup = run->params->parserSetup;
		options.parserSetupArg = run->params->parserSetupArg;
	}
	options.cursorOptions = CURSOR_OPT_PARALLEL_OK;
	run->plan = SPI_prepare_extended(run->sql, &options);
	if (run->plan == NULL)
		elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
	source = linitial(SPI_plan_get_plan_sources(run->plan));
	run->columns = source->resultDesc;
	run->writes = statement_writes(run->plan);
	return run;
}

/*
 * run_require_rows
 *		Refuse a statement that gives no rows; function is what was called.
 */
void
run_require_rows(RunQuery *run, const char *function)
{
	if (run->columns == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("the query returns no rows, which more.%s needs", function),
				 errhint("Run it with more.execute, or add the columns to be returned with more.returning.")));
}

/*
 * run_execute
 *		Run the statement.  Its rows go to dest; returned is how many it gave, or changed where it gives none.
 */
uint64
run_execute(RunQuery *run, DestReceiver *dest)
{
	SPIExecuteOptions options;
	int			result;

	memset(&options, 0, sizeof(options));
	options.params = run->params;
	options.read_only = !run->writes;
	options.dest = dest;
	result = SPI_execute_plan_extended(run->plan, &options);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
	return SPI_processed;
}
