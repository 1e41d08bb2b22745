/*
 * expression.h
 *	  SQL expressions that a user gives as text, checked to be just that.
 */
#ifndef PG_MORE_EXPRESSION_H
#define PG_MORE_EXPRESSION_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* What the error context callback needs to know. */
typedef struct ArgumentText
{
	const char *argument;
	const char *text;
} ArgumentText;

extern void argument_error_callback(void *arg);
extern Node *parse_expression(const char *argument, const char *text);
extern Node *parse_template(const char *argument, const char *text, const char *shown);
extern void parse_assignment(const char *argument, const char *text,
							 char **column, const char **value);
extern bool mentions_whole_row(Node *expr, const char *alias);
extern List *columns_of_alias(Node *expr, const char *alias, List *names);

#endif							/* PG_MORE_EXPRESSION_H */
