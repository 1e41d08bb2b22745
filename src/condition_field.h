/*
 * condition_field.h
 *	  What the two halves of a JSON condition share: the walk, and the tests.
 */
#ifndef PG_MORE_CONDITION_FIELD_H
#define PG_MORE_CONDITION_FIELD_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/primnodes.h"

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

/* The relations whose columns have names. */
typedef struct ConditionScope
{
	const ConditionSide *sides;
	int			nsides;
} ConditionScope;

/* What a test is about: a column, or a place inside a jsonb column. */
typedef struct Field
{
	const ConditionScope *scope;
	const char *column;			/* the column's name */
	Node	   *expr;			/* the column */
	Oid			type;			/* its type, below domains */
	List	   *steps;			/* of JsonbValue: the way inside */
} Field;

/* --- condition_json.c: the walk --------------------------------------------- */

extern bool json_is_object(JsonbValue *value);
extern bool json_is_array(JsonbValue *value);
extern char *json_string(JsonbValue *value);
extern JsonbIterator *json_begin_members(JsonbContainer *object);
extern bool json_next_member(JsonbIterator **it, char **key, JsonbValue *value);
extern int	json_require_array(JsonbValue *value, const char *what, const JsonPath *path);
extern const char *test_word(Test test);
extern void report_no_column(const ConditionScope *scope, const char *name, const JsonPath *path);
extern bool find_scope_column(const ConditionScope *scope, const char *name, const JsonPath *path, Field *field);

/* --- condition_field.c: the tests -------------------------------------------- */

extern Node *field_test(Field *field, Test test, JsonbValue *value, const JsonPath *path);
extern Node *column_value(Field *field, JsonbValue *value, const JsonPath *path);
extern Node *combine_conditions(BoolExprType type, List *list);
extern void report_unfit(Field *field, const char *what, const JsonPath *path);

#endif							/* PG_MORE_CONDITION_FIELD_H */
