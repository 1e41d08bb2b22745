/*
 * call_in_from.h
 *	  What rewrites share that put a statement in the place of a call in FROM.
 */
#ifndef PG_MORE_CALL_IN_FROM_H
#define PG_MORE_CALL_IN_FROM_H

#include "access/tupdesc.h"
#include "parser/parse_node.h"
#include "planner/planner.h"
#include "utils/array.h"

/* How a query is part of the one around it. */
typedef struct QueryLevel
{
	struct QueryLevel *parent;
	Query	   *query;
	Index		rti;			/* of the subquery in the parent, or 0 */
	SubLink    *sublink;		/* that it belongs to, or NULL */
	CommonTableExpr *cte;		/* likewise */
} QueryLevel;

/* A call that is being replaced. */
typedef struct FromCall
{
	Attempt    *attempt;
	QueryLevel *level;			/* that it is in */
	RangeTblEntry *rte;
	Index		rti;
	FuncExpr   *function;
	int			kind;			/* which of the rewrite's functions */

	/* told by the rewrite */
	List	   *args;			/* what the statement's $1, ... are */
	TupleDesc	columns;		/* that the statement around it must still see it as */
	double		size;			/* how many rows it was given */
	Bitmapset  *computed;		/* columns that may fail, or be constants, once the planner moves what computes them */
} FromCall;

/* What such a rewrite consists of. */
typedef struct CallRewrite
{
	int			(*kind_of) (FuncExpr *function);	/* -1: not one of its functions */
	const char *(*early_reason) (FromCall *call);	/* to leave it alone, before anything is looked up, or NULL */

	/* The statement; raises an error, or returns NULL with a reason, where there is none. */
	Query	   *(*build) (FromCall *call, const char **reason);
} CallRewrite;

/* What the text of a call's statement is made of, besides what the catalogs say of the table. */
typedef struct StatementKey
{
	int			kind;			/* which of the rewrite's functions */
	Oid			relid;
	bool		parallel;
	ArrayType  *columns;		/* or NULL */
} StatementKey;

/* call_in_from.c */
extern Query *replace_calls(Query *query, Attempt *attempt, const CallRewrite *rewrite);

/* call_statement.c */
extern bool call_constant(Node *node, Datum *value);
extern bool call_refers_out(Node *node);
extern List *call_arguments(FromCall *call, const char **reason);
extern RawStmt *call_parse(const char *sql);
extern Query *call_analyze_raw(FromCall *call, const char *sql, RawStmt *raw, ParseParamRefHook hook);
extern Query *call_analyze(FromCall *call, const char *sql);
extern bool call_has_policies(Query *query);
extern void call_require_harmless(Query *query);
extern void call_lay_out(Query *query, TupleDesc desc, List *attnums);

/* call_kept.c */
extern Query *call_recall(FromCall *call, StatementKey *key, List **attnums);
extern Query *call_keep(FromCall *call, StatementKey *key, const char *sql, List *attnums);

#endif							/* PG_MORE_CALL_IN_FROM_H */
