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

#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/varlena.h"

#include "catalog.h"
#include "compat.h"
#include "condition.h"
#include "condition_field.h"

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

static Node *object_condition(const ConditionScope *scope, JsonbContainer *object, const JsonPath *path);
static Node *field_condition(Field *field, JsonbValue *value, const JsonPath *path);

/* ------------------------------------------------------------------------ */
/* JSON																		*/
/* ------------------------------------------------------------------------ */

bool
json_is_object(JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

bool
json_is_array(JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

/* A string of the JSON, NUL-terminated. */
char *
json_string(JsonbValue *value)
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
bool
json_next_member(JsonbIterator **it, char **key, JsonbValue *value)
{
	JsonbValue	name;

	if (JsonbIteratorNext(it, &name, true) != WJB_KEY)
		return false;
	*key = json_string(&name);
	(void) JsonbIteratorNext(it, value, true);
	return true;
}

/* Begin to read an object's members. */
JsonbIterator *
json_begin_members(JsonbContainer *object)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbValue	ignored;

	(void) JsonbIteratorNext(&it, &ignored, false);
	return it;
}

/* The value must be an array; its length. */
int
json_require_array(JsonbValue *value, const char *what, const JsonPath *path)
{
	if (!json_is_array(value))
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

/* The first word for a test, for messages. */
const char *
test_word(Test test)
{
	for (int i = 0; i < lengthof(words); i++)
		if (words[i].test == test)
			return psprintf("_%s", words[i].word);
	return "?";
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

/* The column's name without the alias of the side; NULL if it begins with another one. */
static const char *
name_on_side(const ConditionSide *side, const char *name)
{
	size_t		len = side->alias ? strlen(side->alias) : 0;

	if (side->alias == NULL)
		return name;
	return strncmp(name, side->alias, len) == 0 && name[len] == '.' ? name + len + 1 : NULL;
}

/* The nearest name of a column there is, as it is to be written; or NULL. */
static const char *
nearest_in_scope(const ConditionScope *scope, const char *name)
{
	for (int i = 0; i < scope->nsides; i++)
	{
		const char *alias = scope->sides[i].alias;
		const char *own = name_on_side(&scope->sides[i], name);
		const char *nearest = nearest_column(scope->sides[i].rel, own ? own : name);

		if (nearest)
			return alias ? psprintf("%s.%s", alias, nearest) : nearest;
	}
	return NULL;
}

/* There is no such column. */
void
report_no_column(const ConditionScope *scope, const char *name, const JsonPath *path)
{
	const char *nearest = nearest_in_scope(scope, name);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 scope->nsides > 1 ? errmsg("column \"%s\" does not exist", shown(name)) :
			 errmsg("column \"%s\" of \"%s\" does not exist", shown(name), RelationGetRelationName(scope->sides->rel)),
			 json_path_detail(path),
			 nearest ? errhint("Perhaps you meant column \"%s\".", nearest) : 0));
}

/* The column as a field. */
static void
column_field(Field *field, const ConditionScope *scope, int side, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(scope->sides[side].rel), attnum - 1);

	field->scope = scope;
	field->column = NameStr(att->attname);
	field->expr = (Node *) makeVar(side + 1, attnum, att->atttypid, att->atttypmod, att->attcollation, 0);
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

/*
 * find_scope_column
 *		Look up a column as a field; false if there is none.  One that two sides have must have an alias, as in SQL.
 */
bool
find_scope_column(const ConditionScope *scope, const char *name, const JsonPath *path, Field *field)
{
	int			found = -1;
	AttrNumber	attnum = InvalidAttrNumber;
	int			n = scope->nsides;

	/* first as it is written, then a name alone, where that is no certain side's */
	for (int i = 0; i < (scope->sides->alias ? 2 * n : n); i++)
	{
		int			side = i % n;
		const char *own = i < n ? name_on_side(&scope->sides[side], name) : name;
		AttrNumber	here = own ? find_column(scope->sides[side].rel, own) : InvalidAttrNumber;

		if (i == n && found >= 0)
			break;
		if (here == InvalidAttrNumber)
			continue;
		if (found >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("column \"%s\" is ambiguous", shown(name)),
					 json_path_detail(path),
					 i >= n ? errhint("Write \"%s.%s\", for example.", scope->sides[side].alias, shown(own)) : 0));
		found = side;
		attnum = here;
	}
	if (found >= 0)
		column_field(field, scope, found, attnum);
	return found >= 0;
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
find_field(const ConditionScope *scope, const char *name, Field *field, const JsonPath *path)
{
	bool		found = find_scope_column(scope, name, path, field);
	int			end = Min(strlen(name), 2 * NAMEDATALEN);	/* no column is longer, with its alias */

	while (!found && --end > 0)
		if (strncmp(name + end, "__", 2) == 0)
			found = find_scope_column(scope, pnstrdup(name, end), path, field);
	if (!found)
	{
		const char *suffix = strstr(name + (name[0] != '\0'), "__");

		if (name[0] == '_' && nearest_in_scope(scope, name) == NULL)
			report_operator(name + 1, "_", path);
		/* of column__operator the column is what was misspelt */
		report_no_column(scope, suffix && nearest_in_scope(scope, name) == NULL ? pnstrdup(name, suffix - name) : name, path);
	}
	return name[end] ? field_suffix(field, pstrdup(name + end + 2), path) : TEST_NONE;
}

/* ------------------------------------------------------------------------ */
/* Objects																	*/
/* ------------------------------------------------------------------------ */

/* The members of an array under _and or _or, about a field or about the table. */
static Node *
combined_conditions(const ConditionScope *scope, Field *field, const char *key, JsonbValue *value, const JsonPath *path)
{
	int			n = json_require_array(value, key, path);
	List	   *list = NIL;

	for (int i = 0; i < n; i++)
	{
		JsonPath	here = {path, NULL, i};
		JsonbValue *member = getIthJsonbValueFromContainer(value->val.binary.data, i);

		CHECK_FOR_INTERRUPTS();
		if (field)
			list = lappend(list, field_condition(field, member, &here));
		else if (json_is_object(member))
			list = lappend(list, object_condition(scope, member->val.binary.data, &here));
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s needs an array of objects", key),
					 json_path_detail(&here)));
	}
	return combine_conditions(strcmp(key, "_and") == 0 ? AND_EXPR : OR_EXPR, list);
}

/* _and, _or or _not, about a field or, where that is NULL, about the table; else NULL. */
static Node *
logical_condition(const ConditionScope *scope, Field *field, const char *key, JsonbValue *value, const JsonPath *path)
{
	Node	   *negated;

	if (strcmp(key, "_and") == 0 || strcmp(key, "_or") == 0)
		return combined_conditions(scope, field, key, value, path);
	if (strcmp(key, "_not") != 0)
		return NULL;
	if (field)
		negated = field_condition(field, value, path);
	else if (json_is_object(value))
		negated = object_condition(scope, value->val.binary.data, path);
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
	JsonbIterator *it = json_begin_members(object);
	JsonbValue	value;
	char	   *key;

	while (json_next_member(&it, &key, &value))
	{
		int			n;

		if (strcmp(key, "_path") != 0)
			continue;
		if (field->type != JSONBOID)
			report_unfit(field, "_path", &here);
		n = json_require_array(&value, "_path", &here);
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
	Node	   *logical = logical_condition(field->scope, field, key, value, path);
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
	if (json_is_array(value))
		return field_test(field, TEST_IN, value, path);
	if (!json_is_object(value) || column_value(field, value, path))
		return field_test(field, TEST_EQ, value, path);
	follow_path(&here, value->val.binary.data, path);
	it = json_begin_members(value->val.binary.data);
	while (json_next_member(&it, &key, &member))
	{
		JsonPath	below = {path, key, 0};

		if (strcmp(key, "_path") != 0)
			list = lappend(list, field_member(&here, key, &member, &below));
	}
	return combine_conditions(AND_EXPR, list);
}

/* The AND of an object's members. */
static Node *
object_condition(const ConditionScope *scope, JsonbContainer *object, const JsonPath *path)
{
	JsonbIterator *it = json_begin_members(object);
	List	   *list = NIL;
	JsonbValue	value;
	char	   *key;

	check_stack_depth();
	while (json_next_member(&it, &key, &value))
	{
		JsonPath	here = {path, key, 0};
		Node	   *member = logical_condition(scope, NULL, key, &value, &here);
		Field		field;
		Test		test;

		if (member == NULL)
		{
			test = find_field(scope, key, &field, &here);
			member = test == TEST_NONE ? field_condition(&field, &value, &here) :
				field_test(&field, test, &value, &here);
		}
		list = lappend(list, member);
	}
	return combine_conditions(AND_EXPR, list);
}

/*
 * json_condition
 *		A JSON object as a boolean expression over the relation, as varno 1.
 */
Node *
json_condition(Relation rel, Jsonb *condition)
{
	ConditionSide side = {NULL, rel};

	return json_condition_over(&side, 1, condition);
}

/*
 * json_condition_over
 *		The same over several relations.  Columns without an alias are those of the first if it has none, else those
 *		that only one of them has.
 */
Node *
json_condition_over(const ConditionSide *sides, int nsides, Jsonb *condition)
{
	ConditionScope scope = {sides, nsides};

	if (!JB_ROOT_IS_OBJECT(condition))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a condition must be a JSON object"),
				 errhint("Write {\"column\": value, ...}.")));
	return object_condition(&scope, &condition->root, NULL);
}
