/*
 * nested.h
 *	  What nested_insert knows of its documents: tables, rows, and links between rows.
 */
#ifndef PG_MORE_NESTED_H
#define PG_MORE_NESTED_H

#include "postgres.h"

#include "access/htup.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"

#include "rows/nested_shape.h"
#include "rows/verb.h"

typedef struct NestedRow NestedRow;
typedef struct NestedTable NestedTable;

/* How a row's place in the table is found. */
typedef enum NestedMode
{
	NESTED_INSERT,				/* it is new */
	NESTED_MATCH,				/* found by a key, or created */
	NESTED_CONNECT				/* found by a key */
} NestedMode;

/* A way to write rows; rows of one table that go the same way go together. */
typedef struct NestedWay
{
	NestedMode	mode;
	List	   *key;			/* attribute numbers, ascending */
	bool		update;			/* MATCH: change what is found */
} NestedWay;

/* A column's value as a document has it. */
typedef struct NestedValue
{
	AttrNumber	attnum;
	uint8		kind;			/* CellKind */
	bool		raw;			/* text points to a Numeric or a JsonbContainer of the document */
	uint32		len;
	const char *text;
	struct NestedValue *next;
} NestedValue;

/* How a link is made that cannot wait for the row that it goes to. */
typedef enum NestedCut
{
	CUT_NOT,
	CUT_LATER,					/* by an UPDATE, when both rows are there */
	CUT_PROMISED,				/* the key of the other row is known beforehand */
	CUT_DROPPED					/* not at all: it was named, and the row has its values anyway */
} NestedCut;

/* A row's foreign key gets the key of another row of the documents. */
typedef struct NestedLink
{
	ForeignKey *key;
	NestedRow  *from;
	NestedRow  *to;
	NestedCut	cut;
	bool		named;			/* found by the row's own values: it settles the order, and no more */
	struct NestedLink *next;	/* of the same row */
	struct NestedLink *next_to; /* to the same row; while rows are put in order */
} NestedLink;

/* What a document has under the name of a relation, for the result. */
typedef struct NestedPart
{
	ShapeField *field;
	bool		is_null;		/* the document has null there */
	NestedRow  *first;
	NestedRow  *last;
	struct NestedPart *next;
} NestedPart;

/* A row that a document describes. */
struct NestedRow
{
	NestedTable *table;
	NestedRow  *outer;			/* the row around it, or NULL */
	ShapeField *field;			/* as what it is in that row */
	int			index;			/* its place in an array, or -1 */
	int			level;			/* in its group of tables */
	int			waits;			/* for so many rows of its group */
	RowStatus	status;
	int8		tell_status;	/* -1: as the row around it */
	bool		in_knot;		/* while circles are looked for */
	bool		promised;		/* other rows were told its key beforehand */
	bool		null_parent;	/* some parent is null */
	NestedWay  *way;
	NestedValue *values;
	NestedLink *links;
	NestedLink *links_to;
	NestedPart *parts;
	NestedPart *last_part;
	NestedRow  *sibling;		/* the next one of the same part */
	const char *id;				/* #id */
	const char *ref;			/* #ref: this stands for another row */
	NestedRow  *same;			/* the row that this one is the same as */
	MinimalTuple tuple;			/* as it is in the table, once it is there */
};

/* A table that documents have rows of. */
struct NestedTable
{
	Oid			relid;			/* the hash table's key; must be first */
	Relation	rel;
	char	   *target;
	TableShape *shape;
	int			depth;			/* how many tables are above it */
	Oid			group;			/* tells groups of tables apart that refer to each other in a circle */
	List	   *ways;
	NestedWay  *plain;
	NestedWay  *default_way;	/* as on_conflict says */
	bool		tell_status;
	List	   *primary;		/* columns of the primary key */
	ShapeField **expected;		/* what the last row had, in order */
	int			nexpected;
	int			maxexpected;

	NestedRow **rows;
	int			nrows;
	int			maxrows;

	TupleDesc	desc;			/* of what comes back: number, status, columns */
	TupleTableSlot *slot;
	AttrNumber *position;		/* of a column in desc, by attnum - 1; 0: it is dropped */
	FmgrInfo   *output;			/* by attnum - 1 */
	NestedRow  *in_slot;
	struct NestedOut *out;		/* how rows become JSON */
	int64		nchanges;		/* of a plain call: the updates and deletes of this transaction before it */
};

/* One call. */
typedef struct Nested
{
	MemoryContext context;
	HTAB	   *tables;
	List	   *order;			/* NestedTable, in the order in which they are written */
	HTAB	   *ids;
	List	   *refs;			/* rows that stand for others */
	JsonbContainer *on_conflict;
	List	   *used;			/* names of on_conflict that were met */
	bool		is_array;		/* the documents are an array */
	bool		cuts;			/* some link is cut */
	bool		plain;			/* nothing is run but INSERTs and the server's own code */
	NestedRow **roots;
	int			nroots;
} Nested;

/* nested_read.c */
extern NestedTable *nested_table(Nested *nested, Oid relid);
extern void nested_read(Nested *nested, Oid relid, Jsonb *documents);
extern const char *nested_path(NestedRow *row, const char *column);
extern NestedRow *nested_row_of(NestedRow *row);
extern NestedLink *nested_link(Nested *nested, NestedRow *from, ForeignKey *key, NestedRow *to);
extern NestedRow *nested_new_row(Nested *nested, NestedTable *table, NestedRow *outer, ShapeField *field, int index);

/* nested_way.c */
extern NestedWay *nested_way(NestedTable *table, NestedMode mode, List *key, bool update);
extern void nested_read_match(Nested *nested, NestedRow *row, JsonbValue *match, bool update);
extern void nested_read_connect(Nested *nested, NestedRow *row, JsonbValue *connect);
extern void nested_check_way(NestedRow *row);
extern void nested_read_defaults(Nested *nested, NestedTable *table);
extern void nested_check_defaults(Nested *nested);

/* nested_order.c */
extern void nested_order_tables(Nested *nested);
extern void nested_order_rows(Nested *nested, List *tables);
extern bool nested_shares_column(NestedLink *link, AttrNumber attnum);

/* nested_named.c */
extern void nested_name_rows(Nested *nested, List *tables);

/* nested_batch.c */
typedef struct NestedBatch
{
	Verb		verb;			/* must be first */
	Nested	   *nested;
	NestedTable *table;
	NestedWay  *way;
	NestedRow **rows;
	int			nrows;
	List	   *columns;		/* attribute numbers, in the order of the data */
	List	   *proven;			/* foreign keys whose rows are known to be there */
	List	   *only;			/* of a change of links: those to take; NIL for all */
	bool		cut_links;		/* a change of links: of those that were left for later */
} NestedBatch;

extern void nested_begin_batch(NestedBatch *batch, Nested *nested, NestedTable *table, NestedWay *way,
							   NestedRow **rows, int nrows);
extern void nested_fill_batch(NestedBatch *batch, List *only, bool cut_links);
extern DestReceiver *nested_receiver(NestedBatch *batch);
extern NestedValue *nested_value(NestedRow *row, AttrNumber attnum);
extern void nested_cell(NestedValue *value, Cell *cell);
extern char *nested_canonical(NestedTable *table, AttrNumber attnum, const Cell *cell);
extern TupleTableSlot *nested_slot(NestedRow *row);
extern char *nested_column_text(NestedRow *row, AttrNumber attnum);
extern void nested_guard(NestedBatch *batch, void (*work) (NestedBatch *batch));

/* nested_write.c */
extern void nested_write(Nested *nested);

/* nested_promise.c */
extern bool nested_can_promise(NestedRow *row, ForeignKey *key);
extern bool nested_can_defer(ForeignKey *key);
extern List *nested_defer(Nested *nested, List *tables);
extern void nested_undefer(List *names);
extern void nested_make_promises(Nested *nested, NestedTable *table);
extern void nested_check_promise(NestedRow *row);

/* nested_proven.c */
extern bool nested_is_plain(Nested *nested);
extern void nested_prove(NestedBatch *batch);
extern void nested_check_unchanged(NestedBatch *batch);
extern void nested_check_proven(NestedBatch *batch, NestedRow *row, TupleTableSlot *slot);

/* nested_result.c */
extern Jsonb *nested_result(Nested *nested, NestedRow *row);
extern void nested_check_generated(Nested *nested, NestedRow *row);

#endif							/* PG_MORE_NESTED_H */
