/*
 * indexes.h
 *	  What the files of the indexes room share.
 */
#ifndef PG_MORE_INDEXES_H
#define PG_MORE_INDEXES_H

#include "postgres.h"

#include "access/attnum.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

#include "condition.h"

/* --- conditions.c ------------------------------------------------------------ */

/* The checked condition in an argument of type text, json or jsonb. */
extern Node *argument_condition(Relation rel, FunctionCallInfo fcinfo, int argument, const char *name);

/* --- shape.c: what an index is, and which are alike ------------------------- */

/* One key column of an index. */
typedef struct IndexKey
{
	AttrNumber	attnum;			/* or 0: */
	Node	   *expr;			/* an expression, simplified */
	Oid			collation;
	Oid			opclass;
	int16		option;			/* order of values and nulls */
} IndexKey;

/* An index that is there, or that somebody wants. */
typedef struct IndexShape
{
	Oid			index;			/* InvalidOid: not there yet */
	Oid			method;
	bool		unique;
	bool		nulls_not_distinct;
	bool		plain;			/* no constraint that can wait or excludes, no options of operator classes */
	bool		valid;
	List	   *keys;			/* of IndexKey */
	List	   *include;		/* attribute numbers */
	List	   *predicate;		/* clauses; NIL: the index is not partial */
} IndexShape;

extern IndexShape *index_shape(Oid index);	/* NULL when it is gone */
extern bool same_rows(IndexShape *a, IndexShape *b);
extern bool same_index(IndexShape *a, IndexShape *b);
extern Oid	find_same_index(Relation rel, IndexShape *wanted, bool *valid);
extern Oid	find_covering_index(Relation rel, IndexShape *index);
extern void require_indexed_kind(Oid relid);

/* --- create.c ---------------------------------------------------------------- */

extern IndexKey *resolve_index_key(Relation rel, IndexElem *element, const char *method, Oid method_oid);
extern char *partial_index_statement(Relation rel, List *columns, Node *condition);

/* --- name.c ------------------------------------------------------------------ */

extern char *index_name(Relation rel, List *columns, Node *condition, const char *definition, bool unique);

#endif							/* PG_MORE_INDEXES_H */
