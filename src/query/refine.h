/*
 * refine.h
 *	  What the files of the steps share.
 */
#ifndef PG_MORE_QUERY_REFINE_H
#define PG_MORE_QUERY_REFINE_H

#include "postgres.h"

#include "utils/array.h"

#include "query/query.h"

/* --- item.c: arguments of steps ---------------------------------------------- */

extern List *text_array_arg(const char *argument, ArrayType *array);
extern char *required_text_arg(FunctionCallInfo fcinfo, int number, const char *argument);
extern ArrayType *required_array_arg(FunctionCallInfo fcinfo, int number, const char *argument);
extern char *new_name_arg(FunctionCallInfo fcinfo, int number, const char *argument);
extern const char *stored_name(const char *name);
extern const char *bare_name(Node *tree);
extern QueryExpression column_item(MoreQuery *query, const char *argument, const char *text);
extern bool token_is(const QueryTokens *tokens, int i, const char *word);
extern char *strip_direction(const char *text, const char **direction);
extern char *strip_alias(const char *text, const char **alias);
extern bool stored_mentions(const char *stored, const char *name);
extern char *qualify_names(const char *keyword, const char *stored, const char *alias);

/*
 * A level that join_with has made reads the query so far under this name, and gives its columns; names without
 * an alias mean these.
 */
#define JOIN_BASE	"\"base\""

/* --- join.c -------------------------------------------------------------------- */

extern bool query_has_changes(const MoreQuery *query);
extern bool is_join_level(const MoreQuery *query);
extern QueryExpression level_expression(const MoreQuery *query, QueryExpression expression);
extern const char *embed_query(MoreQuery *query, MoreQuery *other);

/* --- level.c ------------------------------------------------------------------- */

extern bool query_is_plain_list(const MoreQuery *query);

#endif							/* PG_MORE_QUERY_REFINE_H */
