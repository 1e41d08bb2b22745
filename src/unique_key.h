/*
 * unique_key.h
 *	  What a unique index, or an exclusion constraint, forbids two rows to have.
 */
#ifndef PG_MORE_UNIQUE_KEY_H
#define PG_MORE_UNIQUE_KEY_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "parser/parse_node.h"
#include "utils/relcache.h"

/*
 * Two rows are refused when for all keys the operator holds between them, and
 * both fulfil the predicate.  The expressions are over varno 1 of the table
 * that was asked for; of a partition's own index they are the whole table's.
 */
typedef struct UniqueRule
{
	Oid			index;
	bool		exclusion;		/* an exclusion constraint, or WITHOUT OVERLAPS */
	bool		nulls_not_distinct;
	bool		deferrable;
	bool		valid;
	int			nkeys;
	List	   *keys;			/* of Node */
	Oid		   *types;			/* of the keys */
	Oid		   *operators;
	Oid		   *orderings;		/* operators that order values as these tell them apart, or 0 */
	Oid		   *collations;
	Node	   *predicate;		/* or NULL */
	Node	   *partition;		/* which of the table's rows the index is about; NULL: all */
} UniqueRule;

extern UniqueRule *unique_rule(Relation rel, Oid index);
extern Node *same_key(ParseState *pstate, Relation rel, const char *name);

/*
 * same_key's name says which index it is, how the names of the data's columns
 * begin, and for each key whether it is null (1) or not (0): "16384 k 010".  The
 * data's columns are then k1 and k3.
 */
extern char *same_key_name(UniqueRule *rule, char prefix, uint32 nulls);

#endif							/* PG_MORE_UNIQUE_KEY_H */
