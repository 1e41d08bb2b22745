/*
 * refine.h
 *	  What the files of the steps share.
 */
#ifndef PG_MORE_QUERY_REFINE_H
#define PG_MORE_QUERY_REFINE_H

#include "postgres.h"

#include "utils/array.h"

#include "condition.h"
#include "query/query.h"

/* --- item.c: arguments of steps ---------------------------------------------- */

extern List *text_array_arg(const char *argument, ArrayType *array);
extern char *required_text_arg(FunctionCallInfo fcinfo, int number, const char *argument);
extern ArrayType *required_array_arg(FunctionCallInfo fcinfo, int number, const char *argument);
extern char *new_name_arg(FunctionCallInfo fcinfo, int number, const char *argument);
extern const char *stored_name(const char *name);
extern const char *bare_name(Node *tree);
extern void refuse_star(Node *tree, const char *argument, const char *text);
extern QueryExpression column_item(MoreQuery *query, const char *argument, const char *text);
extern bool token_is(const QueryTokens *tokens, int i, const char *word);
extern char *strip_direction(const char *text, const char **direction);
extern char *strip_alias(const char *text, const char **alias);
extern bool stored_mentions(const char *stored, const char *name);
extern char *qualify_names(const char *keyword, const char *stored, const char *alias, List *rows);

/*
 * A level that join_with has made reads the query so far under this name, and gives its columns; names without
 * an alias mean these.
 */
#define JOIN_BASE	"\"base\""

/* What is wrapped is called so. */
#define WRAP_ALIAS	"\"q\""

/* --- join.c -------------------------------------------------------------------- */

extern bool query_has_changes(const MoreQuery *query);
extern bool is_join_level(const MoreQuery *query);
extern const char *embed_query(MoreQuery *query, MoreQuery *other);

/* --- level.c ------------------------------------------------------------------- */

extern bool query_is_plain_list(const MoreQuery *query);
extern List *relation_names(List *from);	/* by which columns of FROM's relations can be named: char * */
extern bool list_has_name(List *names, const char *name);

/* --- reach.c ------------------------------------------------------------------- */

extern bool name_in_reach(const MoreQuery *query, const char *name);
extern ConditionSide *query_sides(const MoreQuery *query, const char *name, const MoreQuery *other, int *nsides);
extern QueryExpression reach_names(MoreQuery *query, QueryExpression expression, bool keep, const char *except);
extern QueryExpression level_expression(MoreQuery *query, QueryExpression expression, bool keep);
extern bool is_reached_column(const QueryColumn *column);
extern char *level_column(MoreQuery *query, QueryExpression column);

#endif							/* PG_MORE_QUERY_REFINE_H */
