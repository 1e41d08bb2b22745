/*
 * suggest.h
 *	  Partial indexes that may be worth having.
 */
#ifndef PG_MORE_SUGGEST_H
#define PG_MORE_SUGGEST_H

#include "postgres.h"

#include "access/htup.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"

#include "indexes/hypothetical.h"

/* An index that may be worth having. */
typedef struct Candidate
{
	Oid			relid;
	char	   *sql;			/* the statement that makes it */
	char	   *condition;
	HypotheticalSet set;		/* itself */
	HypotheticalSet full;		/* the same without the condition */
	bool		fails;			/* it cannot be built; */
	bool		full_fails;		/* that one cannot */
	List	   *uses;			/* the statements that it serves, of CandidateUse */
} Candidate;

/* --- wanted.c ------------------------------------------------------------------ */

extern HeapTuple column_statistics(Relation rel, AttrNumber attnum);
extern Node *column_test(Relation rel, AttrNumber attnum, Datum value, bool equal);
extern Node *null_test(Relation rel, AttrNumber attnum, NullTestType type);
extern bool is_trusted_operator(Oid operator);
extern List *any_keys(Relation rel, List *columns);
extern Candidate *new_candidate(Relation rel, List *keys, List *predicate);
extern bool may_have_suggestions(Oid relid);
extern List *statement_candidates(Query *query, Oid target);

#endif							/* PG_MORE_SUGGEST_H */
