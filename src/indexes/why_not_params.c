/*
 * why_not_params.c
 *	  Values of parameters with which an index is usable.
 *
 * A generic plan knows no values, so a predicate does not follow from
 * status = $1.  A custom plan knows them, and for some it may follow.  Which ones
 * is not computed but tried: the constants of the predicate itself, their
 * neighbours, true and false, for one parameter after the other.  The planner
 * says for each what then follows; a parameter without a value stays unknown.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "condition.h"
#include "indexes/why_not.h"

/* So many values are tried. */
#define TRIES 200

/* Collect the constants in the predicate; those in arrays one by one. */
static bool
constants_walker(Node *node, List **constants)
{
	Const	   *constant = (Const *) node;
	Oid			element;
	int16		len;
	bool		byval;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	if (node == NULL)
		return false;
	if (!IsA(node, Const))
		return expression_tree_walker(node, constants_walker, constants);
	if (constant->constisnull)
		return false;
	element = get_element_type(constant->consttype);
	if (!OidIsValid(element))
	{
		*constants = list_append_unique(*constants, constant);
		return false;
	}
	get_typlenbyvalalign(element, &len, &byval, &align);
	deconstruct_array(DatumGetArrayTypeP(constant->constvalue), element, len, byval, align, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			*constants = list_append_unique(*constants,
											makeConst(element, -1, constant->constcollid, len, values[i], false, byval));
	return false;
}

/* Is the type a number of steps, so that a value has neighbours? */
static bool
is_stepped(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID || type == DATEOID || type == TIMESTAMPOID ||
		type == TIMESTAMPTZOID;
}

/* The value so many steps on, or NULL if there is none. */
static Const *
neighbour(Const *value, int step)
{
	Const	   *result = copyObject(value);
	int64		from;

	switch (value->consttype)
	{
		case INT2OID:
			from = DatumGetInt16(value->constvalue);
			if (from + step < PG_INT16_MIN || from + step > PG_INT16_MAX)
				return NULL;
			result->constvalue = Int16GetDatum((int16) (from + step));
			return result;
		case INT4OID:
		case DATEOID:
			from = DatumGetInt32(value->constvalue);
			/* the ends are infinite dates */
			if (from + step <= PG_INT32_MIN || from + step >= PG_INT32_MAX)
				return NULL;
			result->constvalue = Int32GetDatum((int32) (from + step));
			return result;
		default:
			from = DatumGetInt64(value->constvalue);
			if (from <= PG_INT64_MIN + 2 || from >= PG_INT64_MAX - 2)
				return NULL;
			result->constvalue = Int64GetDatum(from + step);
			return result;
	}
}

/* A constant as a value of another type, or NULL if that is not the same value for sure. */
static Const *
as_type(Const *constant, Oid type)
{
	Node	   *result;

	if (constant->consttype == type)
		return constant;
	if (constant->consttype == INT8OID && type == INT4OID)
	{
		int64		value = DatumGetInt64(constant->constvalue);

		return value == (int32) value ?
			makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum((int32) value), false, true) : NULL;
	}
	if (get_typtype(type) == TYPTYPE_DOMAIN || !can_coerce_type(1, &constant->consttype, &type, COERCION_IMPLICIT))
		return NULL;
	result = coerce_to_target_type(NULL, (Node *) copyObject(constant), constant->consttype, type, -1,
								   COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
	result = eval_const_expressions(NULL, result);
	if (result && IsA(result, RelabelType) && IsA(((RelabelType *) result)->arg, Const))
	{
		result = copyObject((Node *) ((RelabelType *) result)->arg);
		((Const *) result)->consttype = type;
	}
	return result && IsA(result, Const) && !((Const *) result)->constisnull ? (Const *) result : NULL;
}

/* An array with this one element. */
static Const *
as_array(Const *element, Oid type)
{
	int16		len;
	bool		byval;
	char		align;
	ArrayType  *array;

	get_typlenbyvalalign(element->consttype, &len, &byval, &align);
	array = construct_array(&element->constvalue, 1, element->consttype, len, byval, align);
	return makeConst(type, -1, element->constcollid, -1, PointerGetDatum(array), false, false);
}

/* Values of a type that are worth a try. */
static List *
values_to_try(List *constants, Oid type)
{
	Oid			element = get_element_type(type);
	List	   *result = NIL;
	ListCell   *lc;

	if (type == BOOLOID)
		return list_make2(makeBoolConst(true, false), makeBoolConst(false, false));
	foreach(lc, constants)
	{
		Const	   *value = as_type(lfirst(lc), OidIsValid(element) ? element : getBaseType(type));

		if (value == NULL)
			continue;
		result = lappend(result, OidIsValid(element) ? as_array(value, type) : value);
		if (OidIsValid(element) || !is_stepped(value->consttype))
			continue;
		for (int step = -1; step <= 1; step += 2)
			if (neighbour(value, step))
				result = lappend(result, neighbour(value, step));
	}
	return result;
}

/* The same values, and one more. */
static ParamListInfo
with_value(ParamListInfo params, int id, Oid type, Const *value)
{
	ParamListInfo result = copyParamList(params);
	ParamExternData *param = &result->params[id - 1];

	param->value = value->constvalue;
	param->isnull = false;
	param->pflags = PARAM_FLAG_CONST;
	param->ptype = type;
	return result;
}

/*
 * Try each value for each parameter that has none yet, and return the values
 * with which least is left to prove; NULL when nothing helps.
 */
static ParamListInfo
best_next(Statement *statement, int mark, Oid index, ParamListInfo params, List *constants, Look *last, Look **best,
		  int *tries)
{
	ParamListInfo result = NULL;
	ListCell   *lc;

	*best = last;
	for (int id = 1; id <= statement->ntypes; id++)
	{
		List	   *values = NIL;

		if (!OidIsValid(params->params[id - 1].ptype))
			values = values_to_try(constants, statement->types[id - 1]);
		foreach(lc, values)
		{
			ParamListInfo now = with_value(params, id, statement->types[id - 1], lfirst(lc));
			Look	   *look;

			if (--*tries < 0)
				return result;
			look = look_at(statement, statement->query, now, mark, index);
			if (!look->known || look->empty)
				continue;
			if (look->taken || list_length(look->unproved) < list_length((*best)->unproved))
			{
				*best = look;
				result = now;
			}
			if (look->taken)
				return result;
		}
	}
	return result;
}

/*
 * find_values
 *		Values with which a custom plan can take an index that the generic plan
 *		cannot, or NULL if none are found.
 */
ParamListInfo
find_values(Statement *statement, int mark, Oid index, Look *generic)
{
	ParamListInfo params;
	List	   *constants = NIL;
	Look	   *look = generic;
	int			tries = TRIES;

	if (statement->ntypes == 0 || !generic->known || generic->empty)
		return NULL;
	(void) constants_walker((Node *) generic->unproved, &constants);
	params = makeParamList(statement->ntypes);
	for (int i = 0; i < statement->ntypes; i++)
		params->params[i].ptype = InvalidOid;
	while (params && !look->taken)
		params = best_next(statement, mark, index, params, constants, look, &look, &tries);
	return params;
}

/*
 * values_text
 *		The values that are given, as $1 = 'open'::text.
 */
char *
values_text(ParamListInfo params)
{
	StringInfoData text;
	int			nest = stable_text_begin();

	initStringInfo(&text);
	for (int i = 0; i < params->numParams; i++)
	{
		ParamExternData *param = &params->params[i];
		int16		len;
		bool		byval;

		if (!OidIsValid(param->ptype))
			continue;
		get_typlenbyval(param->ptype, &len, &byval);
		appendStringInfo(&text, "%s$%d = %s", text.len > 0 ? ", " : "", i + 1,
						 deparse_expression((Node *) makeConst(param->ptype, -1, get_typcollation(param->ptype), len,
															   param->value, false, byval),
											NIL, false, false));
	}
	stable_text_end(nest);
	return text.data;
}
