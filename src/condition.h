/*
 * condition.h
 *	  Conditions over one table that a user gives as JSON or as SQL text.
 *
 * Either form becomes the same: a boolean expression whose Vars have varno 1,
 * of one table's columns and constants, without subqueries, aggregates, window
 * functions and volatile functions.
 */
#ifndef PG_MORE_CONDITION_H
#define PG_MORE_CONDITION_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"

/* --- condition.c ----------------------------------------------------------- */

extern Relation condition_table(Oid relid, LOCKMODE lockmode);	/* checked: a user's table or view, readable */
extern bool condition_is_json(const char *text);
extern Node *parse_condition(Relation rel, const char *argument, const char *text);	/* either form */
extern Node *parse_json_condition(Relation rel, const char *argument, Jsonb *condition);
extern int	stable_text_begin(void);	/* deparsing that no setting changes; ... */
extern void stable_text_end(int nest);
extern char *condition_sql(Relation rel, Node *condition, const char *alias);	/* alias NULL: bare column names */
extern char *caller_condition_sql(Relation rel, const char *argument, Node *condition, const char *alias);
extern List *condition_columns(Relation rel, Node *condition);	/* attribute numbers, ascending */
extern void require_select(Relation rel, Node *condition);		/* on the columns that it mentions */
extern List *condition_clauses(Node *condition);	/* simplified, for the server's prover */

/* --- condition_json.c ------------------------------------------------------ */

/* One of the relations that a condition is about, the first as varno 1, and so on. */
typedef struct ConditionSide
{
	const char *alias;			/* its columns are alias.column; NULL: they are named alone */
	Relation	rel;			/* or what relation_of_columns has made */
} ConditionSide;

extern Node *json_condition(Relation rel, Jsonb *condition);	/* not checked yet */
extern Node *json_condition_over(const ConditionSide *sides, int nsides, Jsonb *condition);
extern void refuse_repeated_keys(const char *text);	/* jsonb would keep the last one only */

/* --- condition_sides.c ----------------------------------------------------- */

extern Relation relation_of_columns(const char *name, TupleDesc desc);
extern void require_json(const char *text);
extern char *json_condition_sql(const ConditionSide *sides, int nsides, const char *text);

/* --- condition_value.c ----------------------------------------------------- */

/* Where in the JSON something stands: a step below the rest, NULL at the top. */
typedef struct JsonPath
{
	const struct JsonPath *above;
	const char *key;			/* of an object, or NULL: */
	int			index;			/* of an array */
} JsonPath;

extern char *json_path_text(const JsonPath *path);
extern int	json_path_detail(const JsonPath *path);		/* for ereport: where it stands */
extern Oid	array_element_type(Oid type);
extern Node *typed_value(JsonbValue *value, Oid type, const JsonPath *path);
extern Node *text_value(const char *value, int len);
extern Oid	comparison_operator(Oid type, int strategy);	/* of btree; 0: not equal */
extern Oid	named_operator(const char *name, Oid left, Oid right);
extern Node *apply_operator(Oid operator, Node *left, Node *right);
extern Node *apply_to_list(Oid operator, bool any, Node *left, List *values);

#endif							/* PG_MORE_CONDITION_H */
