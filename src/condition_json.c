/*
 * condition_json.c
 *	  A condition given as JSON, as an expression tree.
 *
 * An object is the AND of its members.  A member is _and, _or, _not, or a
 * column with what is to hold for it: a scalar (equal), null (IS NULL), an array
 * (one of these), or an object of operators, {"_gte": 18, "_lt": 65}.  The
 * operator may be part of the name, as in Django: {"age__gte": 18}.  In a json or
 * jsonb column, names lead further inside: {"data": {"owner": {"name": "x"}}},
 * {"data__owner__name": "x"}.  In place of a value, {"_column": "b"} is a column.
 *
 * The tree is built of the server's own nodes.  Names of the JSON are only
 * looked up, values only become constants.
 *
 * Rows for which a comparison is NULL are not among those that it gives, and,
 * since _not is SQL's NOT, not among those that its negation gives.  null means
 * IS NULL wherever it can stand.  An empty list has no member: _in [] and _or []
 * are false, _nin [], _and [] and {} are true.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/varlena.h"

#include "catalog.h"
#include "compat.h"
#include "condition.h"

/* What can be asked of a field. */
typedef enum Test
{
	TEST_NONE,
	TEST_EQ,
	TEST_NE,
	TEST_LT,
	TEST_LTE,
	TEST_GT,
	TEST_GTE,
	TEST_IN,
	TEST_NIN,
	TEST_IS_NULL,
	TEST_BETWEEN,
	TEST_LIKE,
	TEST_ILIKE,
	TEST_REGEX,
	TEST_IREGEX,
	TEST_IEXACT,
	TEST_STARTS_WITH,
	TEST_ISTARTS_WITH,
	TEST_ENDS_WITH,
	TEST_IENDS_WITH,
	TEST_CONTAINS,
	TEST_ICONTAINS,
	TEST_CONTAINED,
	TEST_OVERLAPS,
	TEST_HAS_KEY,
	TEST_HAS_KEYS,
	TEST_HAS_ANY_KEYS
} Test;

/* The words for them: after an underscore in an object, after two in a name. */
static const struct
{
	const char *word;
	Test		test;
}			words[] =
{
	{"eq", TEST_EQ}, {"exact", TEST_EQ},
	{"ne", TEST_NE},
	{"lt", TEST_LT}, {"lte", TEST_LTE},
	{"gt", TEST_GT}, {"gte", TEST_GTE},
	{"in", TEST_IN}, {"nin", TEST_NIN},
	{"is_null", TEST_IS_NULL}, {"isnull", TEST_IS_NULL},
	{"between", TEST_BETWEEN}, {"range", TEST_BETWEEN},
	{"like", TEST_LIKE}, {"ilike", TEST_ILIKE},
	{"regex", TEST_REGEX}, {"iregex", TEST_IREGEX},
	{"iexact", TEST_IEXACT},
	{"starts_with", TEST_STARTS_WITH}, {"startswith", TEST_STARTS_WITH},
	{"istarts_with", TEST_ISTARTS_WITH}, {"istartswith", TEST_ISTARTS_WITH},
	{"ends_with", TEST_ENDS_WITH}, {"endswith", TEST_ENDS_WITH},
	{"iends_with", TEST_IENDS_WITH}, {"iendswith", TEST_IENDS_WITH},
	{"contains", TEST_CONTAINS}, {"icontains", TEST_ICONTAINS},
	{"contained", TEST_CONTAINED}, {"contained_by", TEST_CONTAINED},
	{"overlaps", TEST_OVERLAPS}, {"overlap", TEST_OVERLAPS},
	{"has_key", TEST_HAS_KEY}, {"has_keys", TEST_HAS_KEYS}, {"has_any_keys", TEST_HAS_ANY_KEYS},
};

/* What a test is about: a column, or a place inside a jsonb column. */
typedef struct Field
{
	Relation	rel;
	const char *column;			/* the column's name */
	Node	   *expr;			/* the column */
	Oid			type;			/* its type, below domains */
	List	   *steps;			/* of JsonbValue: the way inside */
} Field;

static Node *object_condition(Relation rel, JsonbContainer *object, const JsonPath *path);
static Node *field_condition(Field *field, JsonbValue *value, const JsonPath *path);
static Node *field_test(Field *field, Test test, JsonbValue *value, const JsonPath *path);

/* ------------------------------------------------------------------------ */
/* JSON																		*/
/* ------------------------------------------------------------------------ */

static bool
is_object(JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

static bool
is_array(JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

/* A string of the JSON, NUL-terminated. */
static char *
string_value(JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* A name for a message, not longer than names are. */
static char *
shown(const char *name)
{
	return pnstrdup(name, pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1));
}

/* The next member of an object; its value's containers come as such. */
static bool
next_member(JsonbIterator **it, char **key, JsonbValue *value)
{
	JsonbValue	name;

	if (JsonbIteratorNext(it, &name, true) != WJB_KEY)
		return false;
	*key = string_value(&name);
	(void) JsonbIteratorNext(it, value, true);
	return true;
}

/* Begin to read an object's members. */
static JsonbIterator *
begin_members(JsonbContainer *object)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbValue	ignored;

	(void) JsonbIteratorNext(&it, &ignored, false);
	return it;
}

/* The value must be an array; its length. */
static int
require_array(JsonbValue *value, const char *what, const JsonPath *path)
{
	if (!is_array(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs an array", what),
				 json_path_detail(path)));
	return JsonContainerSize(value->val.binary.data);
}

/* The JSON of a text, as its parser meets it: the keys of the open objects. */
typedef struct KeysSeen
{
	List	   *open;			/* a list of keys for each object */
	char	   *repeated;
} KeysSeen;

#if PG_VERSION_NUM >= 160000
#define SEM_RESULT JsonParseErrorType
#define SEM_DONE return JSON_SUCCESS
#else
#define SEM_RESULT void
#define SEM_DONE return
#endif

/* list_sort: by name. */
static int
compare_keys(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

static SEM_RESULT
seen_object_start(void *state)
{
	KeysSeen   *seen = state;

	seen->open = lcons(NIL, seen->open);
	SEM_DONE;
}

static SEM_RESULT
seen_object_end(void *state)
{
	KeysSeen   *seen = state;
	List	   *keys = linitial(seen->open);
	const char *before = NULL;
	ListCell   *lc;

	list_sort(keys, compare_keys);
	foreach(lc, keys)
	{
		if (before && strcmp(before, lfirst(lc)) == 0)
			seen->repeated = lfirst(lc);
		before = lfirst(lc);
	}
	seen->open = list_delete_first(seen->open);
	SEM_DONE;
}

static SEM_RESULT
seen_key(void *state, char *key, bool isnull)
{
	KeysSeen   *seen = state;

	linitial(seen->open) = lappend(linitial(seen->open), key);
	SEM_DONE;
}

/*
 * refuse_repeated_keys
 *		Complain about an object that has a key twice: one of them would be lost.
 *		Text that is no JSON is left to the type's input function.
 */
void
refuse_repeated_keys(const char *text)
{
	JsonLexContext *lex = compat_json_lexer(text, strlen(text), GetDatabaseEncoding(), true);
	KeysSeen	seen = {NIL, NULL};
	JsonSemAction sem = {0};

	sem.semstate = &seen;
	sem.object_start = seen_object_start;
	sem.object_end = seen_object_end;
	sem.object_field_start = seen_key;
	if (pg_parse_json(lex, &sem) == JSON_SUCCESS && seen.repeated)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_JSON_OBJECT_KEY_VALUE),
				 errmsg("key \"%s\" appears twice in an object of the condition", shown(seen.repeated)),
				 errhint("Put both into an array under \"_and\".")));
}

/* ------------------------------------------------------------------------ */
/* Names																	*/
/* ------------------------------------------------------------------------ */

/* The test that a word names. */
static Test
find_test(const char *word)
{
	for (int i = 0; i < lengthof(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].test;
	return TEST_NONE;
}

/* How far a word is from another; 1000 when it is far off. */
static int
distance(const char *a, const char *b)
{
	int			limit = Max((int) strlen(a) / 2, 1);
	int			found;

	if (strlen(a) >= NAMEDATALEN)
		return 1000;
	found = varstr_levenshtein_less_equal(a, strlen(a), b, strlen(b), 1, 1, 1, limit, true);
	return found <= limit ? found : 1000;
}

/* The operator that is nearest to a misspelt one, or NULL. */
static const char *
nearest_word(const char *word)
{
	static const char *const logical[] = {"and", "or", "not"};
	const char *best = NULL;
	int			least = 1000;

	for (int i = 0; i < lengthof(words) + lengthof(logical); i++)
	{
		const char *known = i < lengthof(words) ? words[i].word : logical[i - lengthof(words)];
		int			d = distance(word, known);

		if (d < least)
		{
			least = d;
			best = known;
		}
	}
	return best;
}

/* There is no such operator. */
static void
report_operator(const char *word, const char *prefix, const JsonPath *path)
{
	const char *nearest = nearest_word(word);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown operator \"%s%s\"", prefix, shown(word)),
			 json_path_detail(path),
			 nearest ? errhint("Perhaps you meant \"%s%s\".", prefix, nearest) :
			 errhint("Operators are _eq, _ne, _lt, _lte, _gt, _gte, _in, _nin, _is_null, _between, _like, _ilike, _regex, _contains, _contained, _overlaps, _starts_with; _and, _or, _not.")));
}

/* There is no such column. */
static void
report_column(Relation rel, const char *name, const JsonPath *path)
{
	const char *nearest = nearest_column(rel, name);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of \"%s\" does not exist", shown(name), RelationGetRelationName(rel)),
			 json_path_detail(path),
			 nearest ? errhint("Perhaps you meant column \"%s\".", nearest) : 0));
}

/* The column as a field. */
static void
column_field(Field *field, Relation rel, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);

	field->rel = rel;
	field->column = NameStr(att->attname);
	field->expr = (Node *) makeVar(1, attnum, att->atttypid, att->atttypmod, att->attcollation, 0);
	field->type = getBaseType(att->atttypid);
	field->steps = NIL;
	/* operators of all enums take two values of one type, and a domain is another one */
	if (field->type != att->atttypid && type_is_enum(field->type))
		field->expr = (Node *) makeRelabelType((Expr *) field->expr, field->type, -1, InvalidOid, COERCE_EXPLICIT_CAST);
	/* json itself has no operators */
	if (field->type == JSONOID)
	{
		field->expr = coerce_to_target_type(NULL, field->expr, att->atttypid, JSONBOID, -1,
											COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
		field->type = JSONBOID;
	}
}

/* A step further inside a jsonb column. */
static List *
add_step(List *steps, JsonbValue *step)
{
	JsonbValue *copy = palloc(sizeof(JsonbValue));

	*copy = *step;
	return lappend(steps, copy);
}

static List *
add_name(List *steps, const char *name)
{
	JsonbValue	step;

	step.type = jbvString;
	step.val.string.val = pstrdup(name);
	step.val.string.len = strlen(name);
	return add_step(steps, &step);
}

/* What comes after the column in column__a__b__lookup. */
static Test
field_suffix(Field *field, char *suffix, const JsonPath *path)
{
	while (suffix)
	{
		char	   *next = strstr(suffix, "__");

		/* an empty name ends a run of underscores */
		if (next)
			*next = '\0';
		else if (find_test(suffix) != TEST_NONE)
			return find_test(suffix);
		if (field->type != JSONBOID)
			report_operator(suffix, "__", path);
		field->steps = add_name(field->steps, suffix);
		suffix = next ? next + 2 : NULL;
	}
	return TEST_NONE;
}

/*
 * Look up a member's name: a column, or the longest column before "__" with an
 * operator or a way inside after it.
 */
static Test
find_field(Relation rel, const char *name, Field *field, const JsonPath *path)
{
	AttrNumber	attnum = find_column(rel, name);
	int			end = Min(strlen(name), NAMEDATALEN);	/* no column is longer */

	while (attnum == InvalidAttrNumber && --end > 0)
		if (strncmp(name + end, "__", 2) == 0)
			attnum = find_column(rel, pnstrdup(name, end));
	if (attnum == InvalidAttrNumber)
	{
		const char *suffix = strstr(name + (name[0] != '\0'), "__");

		if (name[0] == '_' && nearest_column(rel, name) == NULL)
			report_operator(name + 1, "_", path);
		/* of column__operator the column is what was misspelt */
		report_column(rel, suffix && nearest_column(rel, name) == NULL ? pnstrdup(name, suffix - name) : name, path);
	}
	column_field(field, rel, attnum);
	return name[end] ? field_suffix(field, pstrdup(name + end + 2), path) : TEST_NONE;
}

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
static void
report_unfit(Field *field, const char *what, const JsonPath *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("%s cannot be asked of %s", what, field_name(field)),
			 json_path_detail(path)));
}

/* The word of the issue's list for a test, for messages. */
static const char *
test_word(Test test)
{
	for (int i = 0; i < lengthof(words); i++)
		if (words[i].test == test)
			return psprintf("_%s", words[i].word);
	return "?";
}

/* {"_column": "b"}: that column; NULL for any other value. */
static Node *
column_value(Field *field, JsonbValue *value, const JsonPath *path)
{
	JsonPath	here = {path, "_column", 0};
	JsonbIterator *it;
	JsonbValue	name;
	char	   *key;
	AttrNumber	attnum;
	Field		other;

	if (!is_object(value) || JsonContainerSize(value->val.binary.data) != 1)
		return NULL;
	it = begin_members(value->val.binary.data);
	if (!next_member(&it, &key, &name) || strcmp(key, "_column") != 0)
		return NULL;
	if (name.type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs the name of a column", "_column"),
				 json_path_detail(&here)));
	attnum = find_column(field->rel, string_value(&name));
	if (attnum == InvalidAttrNumber)
		report_column(field->rel, string_value(&name), &here);
	column_field(&other, field->rel, attnum);
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
static Node *
combine(BoolExprType type, List *list)
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
	int			n = require_array(value, any ? "_in" : "_nin", path);
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
	return combine(any ? OR_EXPR : AND_EXPR, tests);
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

	if (require_array(value, "_between", path) != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs an array of two values", "_between"),
				 json_path_detail(path)));
	from = compare(field, BTGreaterEqualStrategyNumber,
				   getIthJsonbValueFromContainer(value->val.binary.data, 0), &low);
	return combine(AND_EXPR, list_make2(from, compare(field, BTLessEqualStrategyNumber,
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
	return string_value(value);
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
	text = string_value(value);
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
		(void) require_array(value, test_word(test), path);
	else
		(void) require_string(test, value, path);
	return apply_operator(operator, field_value(field), typed_value(value, type, path));
}

/* field test value */
static Node *
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

/* ------------------------------------------------------------------------ */
/* Objects																	*/
/* ------------------------------------------------------------------------ */

/* The members of an array under _and or _or, about a field or about the table. */
static Node *
combined_conditions(Relation rel, Field *field, const char *key, JsonbValue *value, const JsonPath *path)
{
	int			n = require_array(value, key, path);
	List	   *list = NIL;

	for (int i = 0; i < n; i++)
	{
		JsonPath	here = {path, NULL, i};
		JsonbValue *member = getIthJsonbValueFromContainer(value->val.binary.data, i);

		CHECK_FOR_INTERRUPTS();
		if (field)
			list = lappend(list, field_condition(field, member, &here));
		else if (is_object(member))
			list = lappend(list, object_condition(rel, member->val.binary.data, &here));
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s needs an array of objects", key),
					 json_path_detail(&here)));
	}
	return combine(strcmp(key, "_and") == 0 ? AND_EXPR : OR_EXPR, list);
}

/* _and, _or or _not, about a field or, where that is NULL, about the table; else NULL. */
static Node *
logical_condition(Relation rel, Field *field, const char *key, JsonbValue *value, const JsonPath *path)
{
	Node	   *negated;

	if (strcmp(key, "_and") == 0 || strcmp(key, "_or") == 0)
		return combined_conditions(rel, field, key, value, path);
	if (strcmp(key, "_not") != 0)
		return NULL;
	if (field)
		negated = field_condition(field, value, path);
	else if (is_object(value))
		negated = object_condition(rel, value->val.binary.data, path);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs an object", key),
				 json_path_detail(path)));
	return (Node *) makeBoolExpr(NOT_EXPR, list_make1(negated), -1);
}

/* {"_path": ["a", 0]} leads inside before the operators beside it are applied. */
static void
follow_path(Field *field, JsonbContainer *object, const JsonPath *path)
{
	JsonPath	here = {path, "_path", 0};
	JsonbIterator *it = begin_members(object);
	JsonbValue	value;
	char	   *key;

	while (next_member(&it, &key, &value))
	{
		int			n;

		if (strcmp(key, "_path") != 0)
			continue;
		if (field->type != JSONBOID)
			report_unfit(field, "_path", &here);
		n = require_array(&value, "_path", &here);
		field->steps = list_copy(field->steps);
		for (int i = 0; i < n; i++)
		{
			JsonPath	step_path = {&here, NULL, i};
			JsonbValue *step = getIthJsonbValueFromContainer(value.val.binary.data, i);

			if (step->type != jbvString && step->type != jbvNumeric)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("%s needs names and numbers", "_path"),
						 json_path_detail(&step_path)));
			field->steps = add_step(field->steps, step);
		}
	}
}

/* One member of a field's object. */
static Node *
field_member(Field *field, const char *key, JsonbValue *value, const JsonPath *path)
{
	Node	   *logical = logical_condition(field->rel, field, key, value, path);
	Test		test = key[0] == '_' ? find_test(key + 1) : TEST_NONE;

	if (logical)
		return logical;
	if (test != TEST_NONE)
		return field_test(field, test, value, path);
	if (key[0] == '_')
		report_operator(key + 1, "_", path);
	if (field->type == JSONBOID)
	{
		Field		further = *field;

		further.steps = add_name(list_copy(field->steps), key);
		return field_condition(&further, value, path);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown operator \"%s\"", shown(key)),
			 json_path_detail(path),
			 find_test(key) != TEST_NONE ? errhint("Perhaps you meant \"_%s\".", key) :
			 errhint("Operators begin with an underscore.")));
	return NULL;				/* keep compiler quiet */
}

/* What is to hold for a field. */
static Node *
field_condition(Field *field, JsonbValue *value, const JsonPath *path)
{
	Field		here = *field;
	List	   *list = NIL;
	JsonbIterator *it;
	JsonbValue	member;
	char	   *key;

	check_stack_depth();
	if (is_array(value))
		return field_test(field, TEST_IN, value, path);
	if (!is_object(value) || column_value(field, value, path))
		return field_test(field, TEST_EQ, value, path);
	follow_path(&here, value->val.binary.data, path);
	it = begin_members(value->val.binary.data);
	while (next_member(&it, &key, &member))
	{
		JsonPath	below = {path, key, 0};

		if (strcmp(key, "_path") != 0)
			list = lappend(list, field_member(&here, key, &member, &below));
	}
	return combine(AND_EXPR, list);
}

/* The AND of an object's members. */
static Node *
object_condition(Relation rel, JsonbContainer *object, const JsonPath *path)
{
	JsonbIterator *it = begin_members(object);
	List	   *list = NIL;
	JsonbValue	value;
	char	   *key;

	check_stack_depth();
	while (next_member(&it, &key, &value))
	{
		JsonPath	here = {path, key, 0};
		Node	   *member = logical_condition(rel, NULL, key, &value, &here);
		Field		field;
		Test		test;

		if (member == NULL)
		{
			test = find_field(rel, key, &field, &here);
			member = test == TEST_NONE ? field_condition(&field, &value, &here) :
				field_test(&field, test, &value, &here);
		}
		list = lappend(list, member);
	}
	return combine(AND_EXPR, list);
}

/*
 * json_condition
 *		A JSON object as a boolean expression over the relation, as varno 1.
 */
Node *
json_condition(Relation rel, Jsonb *condition)
{
	if (!JB_ROOT_IS_OBJECT(condition))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a condition must be a JSON object"),
				 errhint("Write {\"column\": value, ...}.")));
	return object_condition(rel, &condition->root, NULL);
}
