/*
 * long_params.c
 *	  Long parameters that are not copied into the plan.
 *
 * A plan that is made for one execution has the values of its parameters as
 * constants.  The server copies each value for that, once when it simplifies
 * expressions and once more when it keeps the plan; of a rowset, or of the arrays
 * that one is made of, that is as much memory again, twice, and nothing is gained:
 * no function that takes a rowset can be computed when a statement is planned, as
 * none is immutable.  The planner leaves a parameter in its place whose value is
 * not said to be constant, and still takes its value for estimates.  So it is given
 * a list of the parameters that says so.  The plan runs with the list that the
 * caller has.
 *
 * Elsewhere the planner does want a constant: it compares arrays with columns, and
 * of a value that is not null it drops IS NULL and COALESCE.  So in the whole
 * statement an array must be nothing but an argument of more.rowset(), and a rowset
 * nothing but one of functions that are not computed when a statement is planned,
 * nor replaced by what they consist of.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "planner/planner.h"
#include "rows/rowset.h"

/* Values of fewer bytes are copied. */
#define LONG_BYTES (64 * 1024)

/* In the flags of a parameter, beside the server's own: it was left in its place here. */
#define PARAM_FLAG_LEFT 0x8000

/* What a walk over a statement looks for. */
typedef struct Uses
{
	bool	   *array;			/* per parameter: a long array that is used for rowsets alone? */
	bool	   *rowset;			/* a long rowset that is only given to functions? */
	int			nparams;
} Uses;

/* Is the value of a parameter a long array?  Of the types that most parameters have, nothing is looked up. */
static bool
is_long_array(const ParamExternData *param)
{
	switch (param->ptype)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case OIDOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case TEXTOID:
		case VARCHAROID:
		case NUMERICOID:
		case UUIDOID:
			return false;
	}
	if (get_typlen(param->ptype) != -1 || !type_is_array(param->ptype))
		return false;
	return !VARATT_IS_EXTERNAL(DatumGetPointer(param->value)) &&
		VARSIZE_ANY(DatumGetPointer(param->value)) >= LONG_BYTES;
}

/* Is the value of a parameter a long rowset, as its input function has made it? */
static bool
is_long_rowset(const ParamExternData *param)
{
	Rowset	   *rowset;

	if (param->ptype < FirstNormalObjectId || get_typlen(param->ptype) != -1)
		return false;
	rowset = rowset_if_expanded(param->value);
	return rowset && rowset->cells_len >= LONG_BYTES;
}

/* Is this a call of more.rowset(columns, arrays...)? */
static bool
makes_rowset(FuncExpr *call)
{
	return !call->funcvariadic && list_length(call->args) >= 2 &&
		extension_function("rowset", 2) == call->funcid;
}

/* Does the planner keep calls of the function as they are, even with constants? */
static bool
is_kept_call(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	bool		kept;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	kept = form->provolatile != PROVOLATILE_IMMUTABLE && form->prolang != SQLlanguageId;
	ReleaseSysCache(tuple);
	return kept;
}

/* The number of an external parameter, from 0, if the node is one that the walk is about; else -1. */
static int
param_number(Node *node, Uses *uses)
{
	Param	   *param = (Param *) node;

	if (!IsA(node, Param) || param->paramkind != PARAM_EXTERN || param->paramid < 1 || param->paramid > uses->nparams)
		return -1;
	return param->paramid - 1;
}

/* Strike out parameters that are used for anything else. */
static bool
find_other_uses(Node *node, Uses *uses)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_other_uses, uses, 0);
	if (IsA(node, Param))
	{
		int			i = param_number(node, uses);

		if (i >= 0)
			uses->array[i] = uses->rowset[i] = false;
		return false;
	}
	if (IsA(node, FuncExpr))
	{
		FuncExpr   *call = (FuncExpr *) node;
		ListCell   *lc;

		foreach(lc, call->args)
		{
			Node	   *arg = lfirst(lc);
			int			i;

			if (IsA(arg, NamedArgExpr))
				arg = (Node *) ((NamedArgExpr *) arg)->arg;
			i = param_number(arg, uses);
			if (i >= 0 && (uses->array[i] ? makes_rowset(call) : uses->rowset[i] && is_kept_call(call->funcid)))
				continue;
			if (find_other_uses(arg, uses))
				return true;
		}
		return false;
	}
	return expression_tree_walker(node, find_other_uses, uses);
}

/*
 * leave_long_params
 *		The parameters as the planner should be given them: the list itself, or a
 *		copy of it in the current memory context, with the same values, in which
 *		some are not said to be constant.
 */
ParamListInfo
leave_long_params(Query *parse, ParamListInfo params)
{
	ParamListInfo result;
	Uses		uses = {NULL, NULL, 0};
	bool		any = false;

	if (params == NULL || params->paramFetch)
		return params;
	for (int i = 0; i < params->numParams; i++)
	{
		ParamExternData *param = &params->params[i];
		bool		is_array;

		if (param->isnull || !(param->pflags & PARAM_FLAG_CONST))
			continue;
		is_array = is_long_array(param);
		if (!is_array && !is_long_rowset(param))
			continue;
		if (uses.nparams == 0)
		{
			uses.nparams = params->numParams;
			uses.array = palloc0_array(bool, uses.nparams);
			uses.rowset = palloc0_array(bool, uses.nparams);
		}
		uses.array[i] = is_array;
		uses.rowset[i] = !is_array;
	}
	if (uses.nparams == 0)
		return params;
	(void) find_other_uses((Node *) parse, &uses);

	result = makeParamList(params->numParams);
	for (int i = 0; i < params->numParams; i++)
	{
		result->params[i] = params->params[i];
		if (uses.rowset[i] || uses.array[i])
		{
			result->params[i].pflags = PARAM_FLAG_LEFT;
			any = true;
		}
	}
	return any ? result : params;
}

/*
 * left_param
 *		The value of a parameter that was left in its place, which is not null;
 *		else NULL.
 */
const ParamExternData *
left_param(Node *node, ParamListInfo params)
{
	Param	   *param = (Param *) node;
	ParamExternData *value;

	if (!IsA(node, Param) || param->paramkind != PARAM_EXTERN || params == NULL || params->paramFetch ||
		param->paramid < 1 || param->paramid > params->numParams)
		return NULL;
	value = &params->params[param->paramid - 1];
	return value->ptype == param->paramtype && (value->pflags & PARAM_FLAG_LEFT) ? value : NULL;
}
