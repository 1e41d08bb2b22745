/*
 * why_not.h
 *	  What the files of more.why_not() share.
 */
#ifndef PG_MORE_WHY_NOT_H
#define PG_MORE_WHY_NOT_H

#include "postgres.h"

#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

/* A place of the statement where a table is read. */
typedef struct Reference
{
	int			mark;			/* relation_mark() */
	RangeTblEntry *rte;
	Query	   *level;			/* the query that it is in, */
	Index		rti;			/* its number there, */
	const char *inside;			/* and the view, subquery or CTE that this is; or NULL */
	bool		only_written;	/* rows are inserted, none are read */
} Reference;

/* The statement that is asked about, after the rewriter. */
typedef struct Statement
{
	const char *text;
	Query	   *query;
	Oid		   *types;			/* of its parameters */
	int			ntypes;
} Statement;

/* --- why_not.c ------------------------------------------------------------------ */

extern List *find_references(Query *query);

/* --- why_not_look.c: a plan that takes an index, if there is any -------------- */

/*
 * What the planner made of a statement when one index was to be taken.
 * Conditions have the table of the index as relation 1.
 */
typedef struct Look
{
	bool		read;			/* the table is in the plan at all */
	bool		empty;			/* ... but no row of it can be in the result */
	bool		sampled;		/* TABLESAMPLE */
	bool		known;			/* the planner was told of the index */
	bool		provable;		/* the predicate follows from the query */
	bool		matched;		/* conditions or an order fit the index's columns */
	List	   *unproved;		/* conjuncts of the predicate that do not follow */
	List	   *clauses;		/* what the query asks of the table's rows */
	List	   *held;			/* ... and what outer joins keep from the scan */
	bool		taken;			/* the plan takes the index, */
	Cost		cost;			/* at this cost, */
	int			disabled;		/* with so many nodes that settings disable */
} Look;

extern bool takes_index(PlannedStmt *plan, int mark, Oid index);
extern Look *look_at(Statement *statement, Query *query, ParamListInfo params, int mark, Oid index);
extern int	disabled_nodes_of(PlannedStmt *plan);

/* --- why_not_params.c: values with which an index is usable ------------------- */

extern ParamListInfo find_values(Statement *statement, int mark, Oid index, Look *generic);
extern char *values_text(ParamListInfo params);

/* --- why_not_reason.c: why a predicate does not follow ------------------------ */

extern char *clause_text(Oid table, const char *alias, Node *clause);
extern Node *without_casts(Node *node);
extern Node *compared_operand(Node *clause);
extern char *explain_unproved(Reference *reference, Oid table, Look *look, bool *refuted);

/* --- why_not_suggest.c: what would make it follow ----------------------------- */

extern char *suggest_change(Statement *statement, Reference *reference, Oid table, Oid index, Look *look);

/* --- why_not_conflict.c: ON CONFLICT ------------------------------------------ */

extern bool has_arbiter(Query *query);
extern void judge_arbiter(Query *query, Oid index, bool *used, char **reason, char **suggestion);

#endif							/* PG_MORE_WHY_NOT_H */
