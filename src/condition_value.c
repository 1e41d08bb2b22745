/*
 * condition_value.c
 *	  The leaves of a JSON condition: typed values, operators, where an error is.
 *
 * A value of the JSON becomes a constant by the input function of the type
 * that it is compared with, and stays a constant of the expression tree: it
 * never is a piece of SQL.  Operators are found without search_path: the one
 * that the type's own order or equality has, else one of the name in the
 * type's own schema that belongs to the type's owner, else one of pg_catalog.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "condition.h"

/* Of a longer key or value so much is shown. */
#define SHOWN_LENGTH	(2 * NAMEDATALEN)

/* Whether a key can stand in a path as it is. */
static bool
is_plain_key(const char *key)
{
	return *key && strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(key);
}

/* Append a path's steps, the highest first. */
static void
append_path(StringInfo out, const JsonPath *path)
{
	check_stack_depth();
	if (path == NULL)
		return;
	append_path(out, path->above);
	if (path->key == NULL)
		appendStringInfo(out, "[%d]", path->index);
	else
	{
		int			len = strlen(path->key);
		char	   *key = pnstrdup(path->key, pg_mbcliplen(path->key, len, SHOWN_LENGTH));

		appendStringInfoChar(out, '.');
		if (is_plain_key(key))
			appendStringInfoString(out, key);
		else
			escape_json(out, key);
	}
}

/*
 * json_path_text
 *		A place in the JSON as a jsonpath, $.age._in[1].
 */
char *
json_path_text(const JsonPath *path)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoChar(&out, '$');
	append_path(&out, path);
	return out.data;
}

/*
 * json_path_detail
 *		For ereport: the place in the JSON as the error's detail.
 */
int
json_path_detail(const JsonPath *path)
{
	return errdetail("At %s of the condition.", json_path_text(path));
}

/* Call a type's input function; an error of its own gets the place added. */
static Datum
input_value(char *text, Oid type, const JsonPath *path)
{
	MemoryContext context = CurrentMemoryContext;
	volatile Datum result = (Datum) 0;
	Oid			input;
	Oid			param;

	getTypeInputInfo(type, &input, &param);
	PG_TRY();
	{
		result = OidInputFunctionCall(input, text, param, -1);
	}
	PG_CATCH();
	{
		ErrorData  *error;
		char	   *place;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		place = psprintf("At %s of the condition.", json_path_text(path));
		error->detail = error->detail ? psprintf("%s %s", error->detail, place) : place;
		ReThrowError(error);
	}
	PG_END_TRY();
	return result;
}

/* A scalar of the JSON as a type's input function reads it. */
static char *
scalar_text(JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return value->val.boolean ? "true" : "false";
		default:
			elog(ERROR, "unexpected kind of JSON value: %d", (int) value->type);
			return NULL;		/* keep compiler quiet */
	}
}

static Datum json_datum(JsonbValue *value, Oid type, const JsonPath *path);

/*
 * array_element_type
 *		The element type of an array type, else InvalidOid.  The vectors of the
 *		system catalogs are no arrays here.
 */
Oid
array_element_type(Oid type)
{
	return type == OIDVECTOROID || type == INT2VECTOROID ? InvalidOid : get_element_type(type);
}

/* A JSON array that becomes an array: its dimensions, and its elements in order. */
typedef struct ArrayShape
{
	Oid			element;
	bool		nests;			/* are JSON arrays in it further dimensions? */
	int			ndim;
	int			dims[MAXDIM];
	int			lbs[MAXDIM];
	Datum	   *values;
	bool	   *nulls;
	int			n;
} ArrayShape;

static bool
is_dimension(ArrayShape *shape, JsonbValue *value)
{
	return shape->nests && value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

/* The lengths of the first array, of the first in it, and so on. */
static void
measure(ArrayShape *shape, JsonbContainer *container, const JsonPath *path)
{
	if (shape->ndim == MAXDIM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("number of array dimensions exceeds the maximum allowed (%d)", MAXDIM),
				 json_path_detail(path)));
	shape->dims[shape->ndim] = JsonContainerSize(container);
	shape->lbs[shape->ndim++] = 1;
	if (JsonContainerSize(container) > 0)
	{
		JsonbValue *first = getIthJsonbValueFromContainer(container, 0);

		if (is_dimension(shape, first))
			measure(shape, first->val.binary.data, path);
	}
}

/* Collect the elements; every array must be as long as the first of its depth. */
static void
collect(ArrayShape *shape, JsonbContainer *container, int depth, const JsonPath *path)
{
	int			n = JsonContainerSize(container);

	if (n != shape->dims[depth])
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("multidimensional arrays must have sub-arrays with matching dimensions"),
				 json_path_detail(path)));
	for (int i = 0; i < n; i++)
	{
		JsonPath	here = {path, NULL, i};
		JsonbValue *value = getIthJsonbValueFromContainer(container, i);

		if (is_dimension(shape, value) != (depth + 1 < shape->ndim))
			ereport(ERROR,
					(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
					 errmsg("multidimensional arrays must have sub-arrays with matching dimensions"),
					 json_path_detail(&here)));
		if (depth + 1 < shape->ndim)
		{
			collect(shape, value->val.binary.data, depth + 1, &here);
			continue;
		}
		/* the first array's size tells little of how many there will be */
		if ((shape->n & (shape->n - 1)) == 0)
		{
			shape->values = repalloc(shape->values, sizeof(Datum) * Max(shape->n * 2, 1));
			shape->nulls = repalloc(shape->nulls, sizeof(bool) * Max(shape->n * 2, 1));
		}
		shape->nulls[shape->n] = value->type == jbvNull && getBaseType(shape->element) != JSONBOID;
		shape->values[shape->n] = shape->nulls[shape->n] ? (Datum) 0 : json_datum(value, shape->element, &here);
		shape->n++;
	}
}

/* A JSON array as a value of an array type; its arrays are further dimensions. */
static Datum
array_datum(JsonbContainer *container, Oid type, const JsonPath *path)
{
	ArrayShape	shape = {0};
	int16		typlen;
	bool		typbyval;
	char		typalign;

	shape.element = array_element_type(type);
	shape.nests = getBaseType(shape.element) != JSONBOID;
	shape.values = palloc(sizeof(Datum));
	shape.nulls = palloc(sizeof(bool));
	measure(&shape, container, path);
	collect(&shape, container, 0, path);
	if (shape.n == 0)
		return PointerGetDatum(construct_empty_array(shape.element));
	get_typlenbyvalalign(shape.element, &typlen, &typbyval, &typalign);
	return PointerGetDatum(construct_md_array(shape.values, shape.nulls, shape.ndim, shape.dims, shape.lbs,
											  shape.element, typlen, typbyval, typalign));
}

/* A value of the JSON, which is not null, as a value of the type. */
static Datum
json_datum(JsonbValue *value, Oid type, const JsonPath *path)
{
	if (getBaseType(type) == JSONBOID)
		return JsonbPGetDatum(JsonbValueToJsonb(value));
	if (value->type != jbvBinary)
		return input_value(scalar_text(value), type, path);
	if (JsonContainerIsArray(value->val.binary.data) && OidIsValid(array_element_type(type)))
		return array_datum(value->val.binary.data, type, path);
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("cannot read a JSON %s as a value of type %s",
					JsonContainerIsArray(value->val.binary.data) ? "array" : "object", format_type_be(type)),
			 json_path_detail(path)));
	return (Datum) 0;			/* keep compiler quiet */
}

/*
 * typed_value
 *		A value of the JSON as a constant of the type.
 */
Node *
typed_value(JsonbValue *value, Oid type, const JsonPath *path)
{
	int16		typlen;
	bool		typbyval;

	if (value->type == jbvNull && getBaseType(type) != JSONBOID)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("there is nothing to compare with in a null"),
				 json_path_detail(path),
				 errhint("Write {\"column\": null} for IS NULL.")));
	get_typlenbyval(type, &typlen, &typbyval);
	return (Node *) makeConst(type, -1, get_typcollation(type), typlen,
							  json_datum(value, type, path), false, typbyval);
}

/*
 * text_value
 *		A constant of type text.
 */
Node *
text_value(const char *value, int len)
{
	return (Node *) makeConst(TEXTOID, -1, get_typcollation(TEXTOID), -1,
							  PointerGetDatum(cstring_to_text_with_len(value, len)), false, false);
}

/*
 * comparison_operator
 *		The operator by which values of the type are compared: that of a btree
 *		strategy in the type's default order, or of 0 for not equal.  InvalidOid
 *		when the type has none.
 */
Oid
comparison_operator(Oid type, int strategy)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR |
											  TYPECACHE_GT_OPR | TYPECACHE_BTREE_OPFAMILY);

	switch (strategy)
	{
		case 0:
			return OidIsValid(entry->eq_opr) ? get_negator(entry->eq_opr) : InvalidOid;
		case BTEqualStrategyNumber:
			return entry->eq_opr;
		case BTLessStrategyNumber:
			return entry->lt_opr;
		case BTGreaterStrategyNumber:
			return entry->gt_opr;
		default:
			/* where there is a smaller one, there is a smaller or equal one */
			if (!OidIsValid(entry->lt_opr) || !OidIsValid(entry->btree_opf))
				return InvalidOid;
			return get_opfamily_member(entry->btree_opf, entry->btree_opintype,
									   entry->btree_opintype, strategy);
	}
}

/* The type's owner and schema. */
static Oid
type_owner(Oid type, Oid *schema)
{
	HeapTuple	tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			owner;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for type %u", type);
	owner = ((Form_pg_type) GETSTRUCT(tup))->typowner;
	*schema = ((Form_pg_type) GETSTRUCT(tup))->typnamespace;
	ReleaseSysCache(tup);
	return owner;
}

/* The operator's owner. */
static Oid
operator_owner(Oid operator)
{
	HeapTuple	tup = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Oid			owner;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	owner = ((Form_pg_operator) GETSTRUCT(tup))->oprowner;
	ReleaseSysCache(tup);
	return owner;
}

/*
 * named_operator
 *		The operator of the name for these types, or InvalidOid: that which came
 *		with the left type, such as those of an extension, else the server's.
 */
Oid
named_operator(const char *name, Oid left, Oid right)
{
	Oid			schema;
	Oid			owner = type_owner(left, &schema);
	Oid			result;
	Operator	found;

	if (schema != PG_CATALOG_NAMESPACE)
	{
		List	   *names = list_make2(makeString(get_namespace_name(schema)), makeString(pstrdup(name)));

		result = OpernameGetOprid(names, left, right);
		/* anybody may have put another one there */
		if (OidIsValid(result) && operator_owner(result) == owner)
			return result;
	}
	found = oper(NULL, list_make2(makeString("pg_catalog"), makeString(pstrdup(name))), left, right, true, -1);
	if (found == NULL)
		return InvalidOid;
	result = oprid(found);
	ReleaseSysCache(found);
	return result;
}

/* The types that an operator takes and gives, for these arguments. */
static Oid
resolve_operator(Oid operator, Oid *actual, Oid *declared, Oid *function)
{
	HeapTuple	tup = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;
	Oid			result;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	form = (Form_pg_operator) GETSTRUCT(tup);
	declared[0] = form->oprleft;
	declared[1] = form->oprright;
	*function = form->oprcode;
	result = enforce_generic_type_consistency(actual, declared, 2, form->oprresult, false);
	ReleaseSysCache(tup);
	return result;
}

/*
 * apply_operator
 *		left operator right, with the arguments coerced to what it takes.
 */
Node *
apply_operator(Oid operator, Node *left, Node *right)
{
	Oid			actual[2] = {exprType(left), exprType(right)};
	Oid			declared[2];
	List	   *args = list_make2(left, right);
	OpExpr	   *result = makeNode(OpExpr);

	result->opno = operator;
	result->opresulttype = resolve_operator(operator, actual, declared, &result->opfuncid);
	make_fn_arguments(NULL, args, actual, declared);
	result->args = args;
	result->location = -1;
	return (Node *) result;
}

/*
 * apply_to_list
 *		left operator ANY (ARRAY[values]), or ALL; the values are of one type.
 *		Where there are no arrays of that type, an OR or AND of comparisons.
 */
Node *
apply_to_list(Oid operator, bool any, Node *left, List *values)
{
	Oid			actual[2] = {exprType(left), exprType(linitial(values))};
	Oid			declared[2];
	ScalarArrayOpExpr *result = makeNode(ScalarArrayOpExpr);
	ArrayExpr  *array = makeNode(ArrayExpr);
	List	   *each = NIL;
	ListCell   *lc;

	(void) resolve_operator(operator, actual, declared, &result->opfuncid);
	if (IsPolymorphicType(declared[1]))
		declared[1] = actual[1];
	array->array_typeid = get_array_type(declared[1]);
	if (list_length(values) == 1 || !OidIsValid(array->array_typeid) || type_is_array(declared[1]))
	{
		foreach(lc, values)
			each = lappend(each, apply_operator(operator, copyObject(left), lfirst(lc)));
		if (list_length(each) == 1)
			return linitial(each);
		return (Node *) makeBoolExpr(any ? OR_EXPR : AND_EXPR, each, -1);
	}
	foreach(lc, values)
	{
		List	   *args = list_make2(left, lfirst(lc));

		make_fn_arguments(NULL, args, actual, declared);
		result->args = list_make1(linitial(args));
		array->elements = lappend(array->elements, lsecond(args));
	}
	array->element_typeid = declared[1];
	array->location = -1;
	result->opno = operator;
	result->useOr = any;
	result->args = lappend(result->args, array);
	result->location = -1;
	return (Node *) result;
}
