/*
 * condition_field.c
 *	  What a JSON condition asks of a column, or of a place inside a jsonb column.
 *
 * Each test becomes one comparison, NULL test or AND or OR of these, in the
 * form in which an ORM or a person would write it: an index is used where a
 * query's tree implies the index's.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "catalog.h"
#include "condition.h"
#include "condition_field.h"

/* ------------------------------------------------------------------------ */
/* Fields																	*/
/* ------------------------------------------------------------------------ */

/* How a field is called in messages. */
static char *
field_name(Field *field)
{
	return psprintf("column \"%s\" of type %s", field->column, format_type_be(field->type));
}

/* The steps inside as a constant of type text[]. */
static Node *
steps_value(List *steps)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(list_length(steps), 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, steps)
	{
		JsonbValue *step = lfirst(lc);

		if (step->type == jbvString)
			values[n++] = PointerGetDatum(cstring_to_text_with_len(step->val.string.val, step->val.string.len));
		else
			values[n++] = CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(numeric_out,
																				   NumericGetDatum(step->val.numeric))));
	}
	return (Node *) makeConst(TEXTARRAYOID, -1, get_typcollation(TEXTARRAYOID), -1,
							  PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT)),
							  false, false);
}

/* The place inside a jsonb column, as jsonb or as text; as ORMs write it. */
static Node *
inside(Field *field, bool as_text)
{
	JsonbValue *step = list_length(field->steps) == 1 ? linitial(field->steps) : NULL;

	if (field->steps == NIL && !as_text)
		return copyObject(field->expr);
	if (step && step->type == jbvString)
		return apply_operator(named_operator(as_text ? "->>" : "->", JSONBOID, TEXTOID), copyObject(field->expr),
							  text_value(step->val.string.val, step->val.string.len));
	return apply_operator(named_operator(as_text ? "#>>" : "#>", JSONBOID, TEXTARRAYOID),
						  copyObject(field->expr), steps_value(field->steps));
}

/* The field as a value of its own type. */
static Node *
field_value(Field *field)
{
	return field->type == JSONBOID ? inside(field, false) : copyObject(field->expr);
}

/* An operator cannot be used with this field. */
void
report_unfit(Field *field, const char *what, const JsonPath *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("%s cannot be asked of %s", what, field_name(field)),
			 json_path_detail(path)));
}

/* {"_column": "b"}: that column; NULL for any other value. */
Node *
column_value(Field *field, JsonbValue *value, const JsonPath *path)
{
	JsonPath	here = {path, "_column", 0};
	JsonbIterator *it;
	JsonbValue	name;
	char	   *key;
	Field		other;

	if (!json_is_object(value) || JsonContainerSize(value->val.binary.data) != 1)
		return NULL;
	it = json_begin_members(value->val.binary.data);
	if (!json_next_member(&it, &key, &name) || strcmp(key, "_column") != 0)
		return NULL;
	if (name.type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs the name of a column", "_column"),
				 json_path_detail(&here)));
	if (!find_scope_column(field->scope, json_string(&name), &here, &other))
		report_no_column(field->scope, json_string(&name), &here);
	return other.expr;
}

/* The names of the comparisons by their btree strategies; 0 is not equal. */
static const char *const comparisons[] = {"<>", "<", "<=", "=", ">=", ">"};

/* The comparison of the field with a value of this type. */
static Oid
field_comparison(Field *field, int strategy, Oid type, const JsonPath *path)
{
	Oid			result = getBaseType(type) == field->type ? comparison_operator(field->type, strategy) :
		named_operator(comparisons[strategy], field->type, getBaseType(type));

	if (!OidIsValid(result))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("operator does not exist: %s %s %s", format_type_be(field->type),
						comparisons[strategy], format_type_be(type)),
				 json_path_detail(path)));
	return result;
}

/*
 * The type of values that the field is compared with: its own; for varchar, the
 * server compares as text.
 */
static Oid
value_type(Field *field)
{
	return field->type == VARCHAROID ? TEXTOID : field->type;
}

/* field comparison value, where the value is neither null nor a list. */
static Node *
compare(Field *field, int strategy, JsonbValue *value, const JsonPath *path)
{
	Node	   *right = column_value(field, value, path);

	if (right == NULL)
	{
		/* that there is no such comparison comes before that the value is no good */
		Oid			operator = field_comparison(field, strategy, field->type, path);

		return apply_operator(operator, field_value(field), typed_value(value, value_type(field), path));
	}
	return apply_operator(field_comparison(field, strategy, exprType(right), path), field_value(field), right);
}

/* field IS NULL, or IS NOT NULL; inside jsonb, a JSON null is no value either. */
static Node *
null_test(Field *field, NullTestType type)
{
	NullTest   *result = makeNode(NullTest);

	result->arg = (Expr *) (field->steps ? inside(field, true) : copyObject(field->expr));
	result->nulltesttype = type;
	/* of a row, SQL asks the fields */
	result->argisrow = type_is_rowtype(exprType((Node *) result->arg));
	result->location = -1;
	return (Node *) result;
}

/* A truth value. */
static Node *
constant(bool value)
{
	return makeBoolConst(value, false);
}

/* An AND or OR of what is in the list; what is of the same kind is taken apart. */
Node *
combine_conditions(BoolExprType type, List *list)
{
	List	   *flat = NIL;
	ListCell   *lc;

	foreach(lc, list)
	{
		BoolExpr   *member = lfirst(lc);

		if (IsA(member, BoolExpr) && member->boolop == type)
			flat = list_concat(flat, member->args);
		else
			flat = lappend(flat, member);
	}
	if (flat == NIL)
		return constant(type == AND_EXPR);
	if (list_length(flat) == 1)
		return linitial(flat);
	return (Node *) makeBoolExpr(type, flat, -1);
}

/* One of a list, or none of it: a member that is null stands for IS NULL. */
static Node *
list_test(Field *field, bool any, JsonbValue *value, const JsonPath *path)
{
	int			strategy = any ? BTEqualStrategyNumber : 0;
	int			n = json_require_array(value, any ? "_in" : "_nin", path);
	Oid			operator = field_comparison(field, strategy, field->type, path);
	List	   *values = NIL;
	List	   *tests = NIL;
	bool		null = false;

	for (int i = 0; i < n; i++)
	{
		JsonPath	here = {path, NULL, i};
		JsonbValue *member = getIthJsonbValueFromContainer(value->val.binary.data, i);

		CHECK_FOR_INTERRUPTS();
		if (member->type == jbvNull)
			null = true;
		else if (column_value(field, member, &here))
			tests = lappend(tests, compare(field, strategy, member, &here));
		else
			values = lappend(values, typed_value(member, value_type(field), &here));
	}
	if (values)
		tests = lcons(apply_to_list(operator, any, field_value(field), values), tests);
	if (null)
		tests = lappend(tests, null_test(field, any ? IS_NULL : IS_NOT_NULL));
	return combine_conditions(any ? OR_EXPR : AND_EXPR, tests);
}

/* ------------------------------------------------------------------------ */
/* Tests																	*/
/* ------------------------------------------------------------------------ */

/* {"_is_null": true} */
static Node *
is_null_test(Field *field, JsonbValue *value, const JsonPath *path)
{
	if (value->type != jbvBool)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs true or false", "_is_null"),
				 json_path_detail(path)));
	return null_test(field, value->val.boolean ? IS_NULL : IS_NOT_NULL);
}

/* {"_between": [low, high]}: both ends belong to it */
static Node *
between_test(Field *field, JsonbValue *value, const JsonPath *path)
{
	JsonPath	low = {path, NULL, 0};
	JsonPath	high = {path, NULL, 1};
	Node	   *from;

	if (json_require_array(value, "_between", path) != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs an array of two values", "_between"),
				 json_path_detail(path)));
	from = compare(field, BTGreaterEqualStrategyNumber,
				   getIthJsonbValueFromContainer(value->val.binary.data, 0), &low);
	return combine_conditions(AND_EXPR, list_make2(from, compare(field, BTLessEqualStrategyNumber,
													  getIthJsonbValueFromContainer(value->val.binary.data, 1), &high)));
}

/* A string that matches itself in LIKE, between what goes before and after. */
static char *
like_pattern(const char *before, const char *text, const char *after)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, before);
	for (const char *p = text; *p;)
	{
		int			len = pg_mblen(p);

		if (*p == '\\' || *p == '%' || *p == '_')
			appendStringInfoChar(&out, '\\');
		appendBinaryStringInfo(&out, p, len);
		p += len;
	}
	appendStringInfoString(&out, after);
	return out.data;
}

/* A pattern that would fail for each row is refused at once. */
static void
check_pattern(const char *pattern, const JsonPath *path)
{
	int			backslashes = 0;

	for (const char *p = pattern; *p; p += pg_mblen(p))
		backslashes = *p == '\\' ? backslashes + 1 : 0;
	if (backslashes % 2 == 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_ESCAPE_SEQUENCE),
				 errmsg("LIKE pattern must not end with escape character"),
				 json_path_detail(path)));
}

/* Let the server compile a regular expression, for its error. */
static void
check_regex(const char *pattern, const JsonPath *path)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		(void) OidFunctionCall2Coll(F_TEXTREGEXEQ, DEFAULT_COLLATION_OID,
									CStringGetTextDatum(""), CStringGetTextDatum(pattern));
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		error->detail = psprintf("At %s of the condition.", json_path_text(path));
		ReThrowError(error);
	}
	PG_END_TRY();
}

/* The string that a test on text needs. */
static char *
require_string(Test test, JsonbValue *value, const JsonPath *path)
{
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs a string", test_word(test)),
				 json_path_detail(path)));
	return json_string(value);
}

/* The field for tests on text: itself, or the text inside jsonb. */
static Node *
field_text(Field *field)
{
	return field->type == JSONBOID ? inside(field, true) : copyObject(field->expr);
}

/* Is the field compared as text? */
static bool
is_textual(Field *field)
{
	return field->type == JSONBOID || TypeCategory(field->type) == TYPCATEGORY_STRING;
}

/* field LIKE pattern, and its kin. */
static Node *
pattern_test(Field *field, Test test, const char *operator_name, Node *pattern, const JsonPath *path)
{
	Node	   *left = field_text(field);
	Oid			type = getBaseType(exprType(left));
	Oid			operator = is_textual(field) ? named_operator(operator_name, type, exprType(pattern)) : InvalidOid;

	if (!OidIsValid(operator))
		report_unfit(field, test_word(test), path);
	return apply_operator(operator, left, pattern);
}

/* The function lower, on text. */
static Node *
lower_of(Node *arg)
{
	Node	   *text = coerce_to_target_type(NULL, arg, exprType(arg), TEXTOID, -1,
											 COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);

	return (Node *) makeFuncExpr(F_LOWER_TEXT, TEXTOID, list_make1(text),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* The tests that are LIKE with a string as it is between these. */
static const struct
{
	Test		test;
	const char *before;
	const char *after;
	const char *operator;
}			likes[] =
{
	{TEST_STARTS_WITH, "", "%", "~~"}, {TEST_ISTARTS_WITH, "", "%", "~~*"},
	{TEST_ENDS_WITH, "%", "", "~~"}, {TEST_IENDS_WITH, "%", "", "~~*"},
	{TEST_CONTAINS, "%", "%", "~~"}, {TEST_ICONTAINS, "%", "%", "~~*"},
};

/* Tests whose operand is a pattern, or a column with one. */
static Node *
own_pattern_test(Field *field, Test test, const char *operator_name, JsonbValue *value, const JsonPath *path)
{
	Node	   *pattern = column_value(field, value, path);

	if (pattern == NULL)
	{
		char	   *text = require_string(test, value, path);

		if (test == TEST_REGEX || test == TEST_IREGEX)
			check_regex(text, path);
		else
			check_pattern(text, path);
		pattern = text_value(text, strlen(text));
	}
	return pattern_test(field, test, operator_name, pattern, path);
}

/* Tests on text. */
static Node *
text_test(Field *field, Test test, JsonbValue *value, const JsonPath *path)
{
	char	   *text;

	if (!is_textual(field))
		report_unfit(field, test_word(test), path);
	if (test == TEST_LIKE || test == TEST_ILIKE)
		return own_pattern_test(field, test, test == TEST_LIKE ? "~~" : "~~*", value, path);
	if (test == TEST_REGEX || test == TEST_IREGEX)
		return own_pattern_test(field, test, test == TEST_REGEX ? "~" : "~*", value, path);
	text = require_string(test, value, path);
	for (int i = 0; i < lengthof(likes); i++)
		if (likes[i].test == test)
		{
			char	   *pattern = like_pattern(likes[i].before, text, likes[i].after);

			return pattern_test(field, test, likes[i].operator, text_value(pattern, strlen(pattern)), path);
		}
	/* what is left is _iexact */
	return apply_operator(comparison_operator(TEXTOID, BTEqualStrategyNumber),
						  lower_of(field_text(field)), lower_of(text_value(text, strlen(text))));
}

/* Does a string look like a range, or, with braces, a multirange? */
static bool
looks_like_range(JsonbValue *value, bool multirange)
{
	char	   *text;

	if (value->type != jbvString)
		return false;
	text = json_string(value);
	if (multirange)
		return text[0] == '{';
	return text[0] == '[' || text[0] == '(' || pg_strcasecmp(text, "empty") == 0;
}

/* An array with the one element. */
static Node *
single_element(JsonbValue *value, Oid element, const JsonPath *path)
{
	ArrayExpr  *result = makeNode(ArrayExpr);

	result->array_typeid = get_array_type(element);
	result->element_typeid = element;
	result->elements = list_make1(typed_value(value, element, path));
	result->location = -1;
	return (Node *) result;
}

/*
 * What a field contains, or is contained in, or overlaps with: a value of its
 * own type, an element of it, or, for a multirange, a range.
 */
static Node *
set_value(Field *field, Test test, JsonbValue *value, const JsonPath *path)
{
	Oid			element = array_element_type(field->type);

	if (OidIsValid(element) && value->type != jbvBinary)
		return single_element(value, element, path);
	if (type_is_range(field->type) && test == TEST_CONTAINS && !looks_like_range(value, false))
		return typed_value(value, get_range_subtype(field->type), path);
	if (type_is_multirange(field->type) && !looks_like_range(value, true))
	{
		Oid			range = get_multirange_range(field->type);

		if (looks_like_range(value, false))
			return typed_value(value, range, path);
		if (test == TEST_CONTAINS)
			return typed_value(value, get_range_subtype(range), path);
	}
	return typed_value(value, field->type, path);
}

/* @>, <@ and && */
static Node *
set_test(Field *field, Test test, JsonbValue *value, const JsonPath *path)
{
	const char *name = test == TEST_CONTAINS ? "@>" : test == TEST_CONTAINED ? "<@" : "&&";
	Node	   *right = column_value(field, value, path);
	Oid			operator;

	/* that there is no such operator comes before that the value is no good */
	operator = named_operator(name, field->type, right ? getBaseType(exprType(right)) : field->type);
	if (!OidIsValid(operator))
		report_unfit(field, test_word(test), path);
	if (right == NULL)
	{
		right = set_value(field, test, value, path);
		operator = named_operator(name, field->type, exprType(right));
		if (!OidIsValid(operator))
			report_unfit(field, test_word(test), path);
	}
	return apply_operator(operator, field_value(field), right);
}

/* ?, ?& and ?| */
static Node *
key_test(Field *field, Test test, JsonbValue *value, const JsonPath *path)
{
	const char *name = test == TEST_HAS_KEY ? "?" : test == TEST_HAS_KEYS ? "?&" : "?|";
	Oid			type = test == TEST_HAS_KEY ? TEXTOID : TEXTARRAYOID;
	Oid			operator = named_operator(name, field->type, type);

	if (!OidIsValid(operator))
		report_unfit(field, test_word(test), path);
	if (type == TEXTARRAYOID)
		(void) json_require_array(value, test_word(test), path);
	else
		(void) require_string(test, value, path);
	return apply_operator(operator, field_value(field), typed_value(value, type, path));
}

/* field test value */
Node *
field_test(Field *field, Test test, JsonbValue *value, const JsonPath *path)
{
	bool		null = value->type == jbvNull;

	switch (test)
	{
		case TEST_EQ:
			return null ? null_test(field, IS_NULL) : compare(field, BTEqualStrategyNumber, value, path);
		case TEST_NE:
			return null ? null_test(field, IS_NOT_NULL) : compare(field, 0, value, path);
		case TEST_LT:
			return compare(field, BTLessStrategyNumber, value, path);
		case TEST_LTE:
			return compare(field, BTLessEqualStrategyNumber, value, path);
		case TEST_GT:
			return compare(field, BTGreaterStrategyNumber, value, path);
		case TEST_GTE:
			return compare(field, BTGreaterEqualStrategyNumber, value, path);
		case TEST_IN:
		case TEST_NIN:
			return list_test(field, test == TEST_IN, value, path);
		case TEST_IS_NULL:
			return is_null_test(field, value, path);
		case TEST_BETWEEN:
			return between_test(field, value, path);
		case TEST_CONTAINS:
		case TEST_CONTAINED:
		case TEST_OVERLAPS:
			if (test == TEST_CONTAINS && TypeCategory(field->type) == TYPCATEGORY_STRING)
				return text_test(field, test, value, path);
			return set_test(field, test, value, path);
		case TEST_HAS_KEY:
		case TEST_HAS_KEYS:
		case TEST_HAS_ANY_KEYS:
			return key_test(field, test, value, path);
		default:
			if (null && test == TEST_IEXACT)
				return null_test(field, IS_NULL);
			return text_test(field, test, value, path);
	}
}
