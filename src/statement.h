/*
 * statement.h
 *	  SQL statements that a user gives as text, to be looked at and not run.
 */
#ifndef PG_MORE_STATEMENT_H
#define PG_MORE_STATEMENT_H

#include "postgres.h"

#include "nodes/parsenodes.h"

extern void statement_error_callback(void *arg);
extern Query *analyse_statement(const char *statement, const char *refusal, Oid **types, int *ntypes);

#endif							/* PG_MORE_STATEMENT_H */
