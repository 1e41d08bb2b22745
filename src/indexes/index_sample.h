/*
 * index_sample.h
 *	  Rows of a table, and what of them would be in an index.
 */
#ifndef PG_MORE_INDEX_SAMPLE_H
#define PG_MORE_INDEX_SAMPLE_H

#include "postgres.h"

#include "access/itup.h"
#include "access/tupdesc.h"
#include "executor/spi.h"

#include "indexes/hypothetical.h"

/* Rows of a table. */
typedef struct Sample
{
	Relation	rel;
	double		pages;			/* of the table, or of all partitions */
	double		rows;			/* likewise */
	bool		whole;			/* all of them are in the sample */
	SPITupleTable *table;
	uint64		n;
	List	   *columns;		/* attribute numbers of the sample's columns, the first of which is tableoid */
} Sample;

/* The rows of the sample that are in an index. */
typedef struct Entries
{
	Hypothetical *index;
	IndexShape *shape;			/* over the sample's columns */
	Sample	   *sample;
	double		pages;			/* of the index's own table or partition */
	double		rows;			/* likewise */
	double		seen;			/* rows of it in the sample */
	int			natts;
	int			n;				/* those that are in the index */
	double		total;			/* so many there are in the whole index */
	Datum	  **values;			/* of each column */
	bool	  **nulls;
} Entries;

/* Tuples that are equal bit for bit. */
typedef struct KeyGroup
{
	int			size;			/* of a tuple, aligned */
	double		count;			/* rows in each such group, in the whole index */
	double		copies;			/* groups of this kind, in the whole index */
} KeyGroup;

typedef struct KeyGroups
{
	KeyGroup	   *groups;
	int			n;
	double		distinct;		/* keys in the whole index */
	double		size;			/* of a tuple, on average */
} KeyGroups;

extern void estimate_table(Oid relid, double *pages, double *rows);
extern void read_sample(Sample *sample, Relation rel, List *indexes);
extern Oid	stored_type(Entries *entries, int column, int32 *typmod);
extern TupleDesc tuple_form(Entries *entries, int natts);
extern void find_entries(Entries *entries);
extern void end_entries(Entries *entries);
extern void group_tuples(IndexTuple *tuples, int n, double total, KeyGroups *groups);
extern void group_entries(Entries *entries, int natts, KeyGroups *groups);

#endif							/* PG_MORE_INDEX_SAMPLE_H */
