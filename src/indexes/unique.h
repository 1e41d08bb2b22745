/*
 * unique.h
 *	  more.check_unique: what its files share.
 */
#ifndef PG_MORE_UNIQUE_H
#define PG_MORE_UNIQUE_H

#include "postgres.h"

#include "executor/executor.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

#include "rows/verb.h"
#include "unique_key.h"

/* A row of the data that an index would have to take. */
typedef struct Candidate
{
	int64		ordinal;
	uint32		hash;			/* of the key, for grouping */
	uint32		nulls;			/* a bit for each null in the key */
	bool		probed;			/* is it to be looked up in the table, too? */
	Datum	   *self;			/* the key of the row that it updates, or NULL */
	Datum		values[FLEXIBLE_ARRAY_MEMBER];
} Candidate;

/* An index that the server would check on INSERT. */
typedef struct CheckedIndex
{
	UniqueRule *rule;
	List	   *columns;		/* attribute numbers of all that decides on it */
	List	   *keys;			/* of ExprState */
	ExprState  *predicate;		/* or NULL */
	ExprState  *partition;		/* or NULL */
	Candidate **candidates;
	int64		ncandidates;
	int64		maxcandidates;
	Datum	  **replaced;		/* of a deferrable one: keys of the rows that the data changes in it */
	int64		nreplaced;
} CheckedIndex;

/* A set of keys, to be looked up in. */
typedef struct KeySet KeySet;

/* One call of more.check_unique. */
typedef struct UniqueCheck
{
	Verb		verb;			/* target, data and its columns */
	Relation	rel;
	List	   *indexes;		/* of CheckedIndex */
	MemoryContext context;		/* of all that follows */

	/* rows that may be updates */
	List	   *key;			/* attribute numbers; NIL: all rows are inserted */
	UniqueRule *keyrule;		/* of the unique index behind the key */
	List	   *fetched;		/* attribute numbers of what is read of existing rows */
	TupleDesc	fetched_desc;
	MinimalTuple *existing;		/* per row of the data, or NULL */

	/* the row at hand */
	EState	   *estate;
	TupleTableSlot *slot;		/* as the table has it */
	int		   *source;			/* per column: of which column of the data it is, or -1 */
	bool	   *needed;			/* per column: does some index depend on it? */
	bool	   *given;			/* per column: does the row write it? */
	bool	   *unknown;		/* per column: is its value known only once it is written? */
	ExprState **defaults;		/* per column: what it is when the data lacks it */
	List	  **sources;		/* per generated column: what it is computed from */
	bool	   *is_volatile;	/* per column: is that another value each time? */
	ExprState **coercions;		/* per column: what a key is stored as, or NULL */
	int64		ordinal;
	CheckedIndex *index;		/* that is being looked at, for errors */
} UniqueCheck;

/* Gets what stands in a candidate's way: an earlier row of the data, counted from 1. */
typedef void (*ConflictSink) (void *arg, CheckedIndex *index, int64 ordinal, int64 earlier);

/* unique_rows.c */
extern void make_candidates(UniqueCheck *check);

/* unique_index.c */
extern List *checked_indexes(Relation rel);
extern void describe_index(Relation rel, UniqueRule *rule, Datum *columns, Datum *condition, bool *no_condition,
						   Datum *on_conflict, bool *no_on_conflict);

/* unique_among.c */
extern void check_among(CheckedIndex *index, ConflictSink sink, void *arg);
extern KeySet *make_key_set(UniqueRule *rule, Datum **keys, int64 nkeys);
extern bool key_set_has(KeySet *set, Datum *key);

#endif							/* PG_MORE_UNIQUE_H */
