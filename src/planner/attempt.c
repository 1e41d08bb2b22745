/*
 * attempt.c
 *	  What every rewrite needs: to tell what it did, and to build expressions.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "rewrite/rewriteManip.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/catcache.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "planner/planner.h"

static RewriteSite *
add_site(Attempt *attempt, const char *where)
{
	RewriteSite *site = palloc0(sizeof(RewriteSite));

	site->where = where;
	attempt->sites = lappend(attempt->sites, site);
	return site;
}

/*
 * site_changed
 *		Note a place that was rewritten; size is the length of its list.
 */
void
site_changed(Attempt *attempt, const char *where, double size)
{
	add_site(attempt, where);
	attempt->changed++;
	attempt->size = Max(attempt->size, size);
}

/*
 * site_left
 *		Note a place that looked alike and was left alone, and why.
 */
void
site_left(Attempt *attempt, const char *where, const char *reason,...)
{
	RewriteSite *site = add_site(attempt, where);
	StringInfoData text;

	initStringInfo(&text);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, reason);
		needed = appendStringInfoVA(&text, reason, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&text, needed);
	}
	site->reason = text.data;
}

/*
 * sites_left
 *		Note the places of another attempt, which is given up, as left alone: for
 *		the reason given where it changed them.
 */
void
sites_left(Attempt *attempt, Attempt *tried, const char *reason)
{
	ListCell   *lc;

	foreach(lc, tried->sites)
	{
		RewriteSite *site = lfirst(lc);

		site_left(attempt, site->where, "%s", site->reason ? site->reason : reason);
	}
}

#if PG_VERSION_NUM >= 180000
/* A walker's state */
typedef struct GroupedColumns
{
	Query	   *query;
	Bitmapset  *relations;		/* of the expressions that columns of GROUP BY stand for */
} GroupedColumns;

static bool
grouped_walker(Node *node, GroupedColumns *columns)
{
	Var		   *var = (Var *) node;
	RangeTblEntry *rte;

	if (node == NULL)
		return false;
	if (!IsA(node, Var))
		return expression_tree_walker(node, grouped_walker, columns);
	if (var->varlevelsup > 0 || var->varattno <= 0)
		return false;
	rte = list_nth(columns->query->rtable, var->varno - 1);
	if (COMPAT_IS_GROUP(rte))
		columns->relations = bms_add_members(columns->relations,
											 pull_varnos(NULL, list_nth(rte->groupexprs, var->varattno - 1)));
	return false;
}
#endif

/* The relations of what an expression refers to by its columns of GROUP BY, which are a relation since 18. */
static Bitmapset *
grouped_relations(Query *query, Node *expression)
{
#if PG_VERSION_NUM >= 180000
	GroupedColumns columns = {.query = query};

	if (query->hasGroupRTE)
		(void) grouped_walker(expression, &columns);
	return columns.relations;
#else
	return NULL;
#endif
}

/*
 * relations_of
 *		The names of the relations whose columns an expression of this query
 *		level uses, for people: "a, b".  Palloc'd; never empty.
 */
char *
relations_of(Query *query, Node *expression)
{
	Bitmapset  *relids = bms_union(pull_varnos(NULL, expression), grouped_relations(query, expression));
	StringInfoData names;
	int			i = -1;

	initStringInfo(&names);
	while ((i = bms_next_member(relids, i)) >= 0)
		if (i <= list_length(query->rtable))
		{
			RangeTblEntry *rte = list_nth(query->rtable, i - 1);

			if (COMPAT_IS_GROUP(rte))
				continue;
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", rte->eref->aliasname);
		}
	if (names.len == 0)
		appendStringInfoString(&names, contain_vars_of_level(expression, 1) ? "an outer query" : "the statement");
	return names.data;
}

/*
 * has_params
 *		A walker: is there a parameter?
 */
bool
has_params(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, Param) || expression_tree_walker(node, has_params, context);
}

/* Is this an immutable function of known arguments that fails only if the planner would? */
static bool
is_known_call(FuncExpr *call)
{
	ListCell   *lc;

	if (call->funcretset || func_volatile(call->funcid) != PROVOLATILE_IMMUTABLE)
		return false;
	foreach(lc, call->args)
		if (!is_known(lfirst(lc)))
			return false;
	/* of constants, the planner computes it in any case */
	return get_func_leakproof(call->funcid) || !has_params((Node *) call->args, NULL);
}

/*
 * is_known
 *		Is this a value that is the same for the whole statement: a constant, a
 *		parameter, either of them under a label, an immutable function of
 *		constants, or a leakproof one of parameters?  A function of constants
 *		fails, if it does, where the planner simplifies the expression that
 *		holds it, so the value must stay at its place; see is_infallible.
 */
bool
is_known(Node *node)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Const:
			return true;
		case T_Param:
			return ((Param *) node)->paramkind == PARAM_EXTERN;
		case T_RelabelType:
			return is_known((Node *) ((RelabelType *) node)->arg);
		case T_FuncExpr:
			return is_known_call((FuncExpr *) node);
		default:
			return false;
	}
}

/*
 * is_infallible
 *		Can a known value be computed at any place without an error?
 */
bool
is_infallible(Node *node)
{
	FuncExpr   *call = (FuncExpr *) node;
	ListCell   *lc;

	if (IsA(node, RelabelType))
		return is_infallible((Node *) ((RelabelType *) node)->arg);
	if (!IsA(node, FuncExpr))
		return true;
	foreach(lc, call->args)
		if (!is_infallible(lfirst(lc)))
			return false;
	return get_func_leakproof(call->funcid);
}

/*
 * is_harmless
 *		Is this a function that cannot fail, nor give different results?
 */
bool
is_harmless(Oid function)
{
	return get_func_leakproof(function) && func_strict(function) && func_volatile(function) == PROVOLATILE_IMMUTABLE;
}

/* A walker: is there a column, of any query level? */
static bool
has_columns(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, Var) || expression_tree_walker(node, has_columns, context);
}

/*
 * simplify_known
 *		Simplify an expression without columns; parameters whose value is at hand
 *		become constants.  One with columns is left as it is: newer servers look
 *		up in the query whether they may be NULL, and here there is no query.
 */
Node *
simplify_known(Node *node, ParamListInfo params)
{
	PlannerGlobal *glob = makeNode(PlannerGlobal);
	PlannerInfo *root = makeNode(PlannerInfo);
	Node	   *result;

	if (IsA(node, Const) || checkExprHasSubLink(node) || has_columns(node, NULL))
		return node;
	glob->boundParams = params;
	root->glob = glob;
	root->parse = makeNode(Query);
	result = eval_const_expressions(root, node);
	/* a function was inlined, of which the plan would not know */
	return glob->invalItems ? node : result;
}

/*
 * widening_cast
 *		The cast from a type of numbers to a longer one that holds all of them
 *		and cannot fail, or InvalidOid.
 */
Oid
widening_cast(Oid from, Oid to)
{
	Oid			cast;

	if (TypeCategory(from) != TYPCATEGORY_NUMERIC || TypeCategory(to) != TYPCATEGORY_NUMERIC ||
		get_typlen(from) <= 0 || get_typlen(to) <= get_typlen(from) ||
		find_coercion_pathway(to, from, COERCION_IMPLICIT, &cast) != COERCION_PATH_FUNC || !is_harmless(cast))
		return InvalidOid;
	return cast;
}

/*
 * array_of
 *		An array of known values of one type: a constant if all of them are,
 *		else an ARRAY[] expression.  The type must have an array type.
 */
Node *
array_of(List *values, Oid element_type, Oid collation)
{
	Oid			array_type = get_array_type(element_type);
	int			n = list_length(values);
	Datum	   *datums = palloc(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(n, 1));
	int			dims[1] = {n};
	int			lower[1] = {1};
	int16		length;
	bool		by_value;
	char		align;
	ArrayType  *array;
	ArrayExpr  *expr;
	int			i = 0;
	ListCell   *lc;

	Assert(OidIsValid(array_type));
	foreach(lc, values)
	{
		Const	   *value = lfirst(lc);

		if (!IsA(value, Const))
			break;
		datums[i] = value->constvalue;
		nulls[i++] = value->constisnull;
	}
	if (i == n)
	{
		get_typlenbyvalalign(element_type, &length, &by_value, &align);
		array = n == 0 ? construct_empty_array(element_type) :
			construct_md_array(datums, nulls, 1, dims, lower, element_type, length, by_value, align);
		return (Node *) makeConst(array_type, -1, collation, -1, PointerGetDatum(array), false, false);
	}

	expr = makeNode(ArrayExpr);
	expr->array_typeid = array_type;
	expr->array_collid = collation;
	expr->element_typeid = element_type;
	expr->elements = values;
	expr->location = -1;
	return (Node *) expr;
}

/* Were the rights to call a function changed, so that roles may differ in them? */
static bool
has_grants(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return true;
	result = !heap_attisnull(tuple, Anum_pg_proc_proacl, NULL);
	ReleaseSysCache(tuple);
	return result;
}

/*
 * may_call
 *		May the current role call a function of the extension?  If others may
 *		not, what the attempt did is for this role alone: a plan that is kept
 *		must not reach a role that may not.
 */
bool
may_call(Attempt *attempt, Oid function)
{
	if (!compat_may_execute(function))
		return false;
	attempt->for_role |= has_grants(function);
	return true;
}

/* Functions of the extension that were looked up; forgotten when any function changes. */
static struct FoundFunction
{
	char		name[NAMEDATALEN];
	int			nargs;
	Oid			oid;
}			found_functions[16];
static int	found_count = 0;

static void
forget_functions(Datum arg, compat_syscache_id cache, uint32 hash)
{
	if (!is_once_signal(hash))
		found_count = 0;
}

/* Look in the catalogs for a function that the extension owns. */
static Oid
find_extension_function(const char *name, int nargs)
{
	Oid			extension = get_extension_oid("pg_more", true);
	Oid			schema = get_namespace_oid("more", true);
	CatCList   *list;
	Oid			result = InvalidOid;

	if (!OidIsValid(extension) || !OidIsValid(schema))
		return InvalidOid;
	list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	for (int i = 0; i < list->n_members && !OidIsValid(result); i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		if (form->pronamespace == schema && form->pronargs == nargs && form->prolang == ClanguageId &&
			getExtensionOfObject(ProcedureRelationId, form->oid) == extension)
			result = form->oid;
	}
	ReleaseSysCacheList(list);
	return result;
}

/*
 * extension_function
 *		The C function of this name and number of arguments that the extension
 *		itself owns, or InvalidOid: where the extension was not created there
 *		is none, and a function that somebody put in its place does not count.
 *		A function that was found is remembered, which saves reading catalogs
 *		that have no cache.
 */
Oid
extension_function(const char *name, int nargs)
{
	static bool registered = false;
	Oid			result;

	for (int i = 0; i < found_count; i++)
		if (found_functions[i].nargs == nargs && strcmp(found_functions[i].name, name) == 0)
			return found_functions[i].oid;
	if (!registered)
		CacheRegisterSyscacheCallback(PROCOID, forget_functions, (Datum) 0);
	registered = true;
	result = find_extension_function(name, nargs);
	if (OidIsValid(result) && found_count < lengthof(found_functions))
	{
		strlcpy(found_functions[found_count].name, name, NAMEDATALEN);
		found_functions[found_count].nargs = nargs;
		found_functions[found_count++].oid = result;
	}
	return result;
}
