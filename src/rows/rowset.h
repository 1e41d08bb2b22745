/*
 * rowset.h
 *	  more.rowset: a set of literal rows as a value.
 *
 * In memory a rowset is an expanded object in one of two forms.  The JSON form
 * holds what JSON text said, in cells: rows one after the other, each a count
 * and that many cells in the order of the columns, so that a row is read with
 * one or two cache misses whatever its width.  The typed form holds the arrays
 * that a constructor was given, as Datums.  Stored or copied, a rowset is
 * always in the JSON form: no type's OID and no value that only a catalog can
 * explain ever reaches a table.  That a column was typed is kept, by the type's
 * name, for expressions over columns that the target lacks.
 */
#ifndef PG_MORE_ROWSET_H
#define PG_MORE_ROWSET_H

#include "postgres.h"

#include "access/tupmacs.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/nodes.h"
#include "utils/expandeddatum.h"

/* What a cell of the JSON form is. */
typedef enum CellKind
{
	CELL_ABSENT,				/* the row does not have the column */
	CELL_NULL,
	CELL_FALSE,
	CELL_TRUE,
	CELL_NUMBER,				/* the number's text */
	CELL_STRING,				/* the string, unescaped */
	CELL_JSON,					/* an object's or array's text */
	CELL_TEXT					/* a typed value's text, not from JSON */
} CellKind;

/* A cell as it is handed about; text is NUL-terminated when read from a rowset. */
typedef struct Cell
{
	CellKind	kind;
	const char *text;
	uint32		len;
} Cell;

/*
 * A column of the typed form.  Values that are passed by value stay in the
 * array that was given (raw); the others are found through pointers.
 */
typedef struct RowsetArray
{
	Oid			type;
	const char *raw;
	int16		typlen;
	Datum	   *values;			/* when raw is NULL */
	bool	   *nulls;			/* or NULL when there is none */
} RowsetArray;

#define ROWSET_MAGIC	0x6d6f7265
#define ROWSET_MAX_COLUMNS	1600

typedef struct Rowset
{
	ExpandedObjectHeader hdr;
	int			magic;
	int			ncols;
	int64		nrows;
	const char **names;
	bool	   *partial;		/* per column: absent in some row? */
	const char **types;			/* JSON form: each column's type by name, where it
								 * was typed once, else ""; or NULL */
	const char *cells;			/* the JSON form, or NULL */
	Size		cells_len;		/* bytes of cells, or of the arrays */
	RowsetArray *arrays;		/* the typed form, or NULL */
	struct varlena *flat;		/* the flat form, once it was asked for */
} Rowset;

/* Reads the rows of the JSON form one after the other, or from a known start. */
typedef struct CellReader
{
	const char *next;
	int			remaining;		/* cells left in the row */
} CellReader;

/* Collects rows of cells. */
typedef struct RowsetBuilder
{
	Rowset	   *rowset;			/* the result, to be filled at the end */
	int			ncols;
	int			maxcols;
	char	  **names;
	int64	   *present;		/* per column, in how many rows it was */
	int64		nrows;
	char	   *cells;
	Size		len;
	Size		size;
} RowsetBuilder;

/* rowset.c */
extern Rowset *rowset_from_datum(Datum value);
extern Rowset *rowset_if_expanded(Datum value);
extern Oid	rowset_column_type(Rowset *rowset, int column);
extern Rowset *rowset_new(int ncols);
extern Rowset *rowset_json_form(Rowset *rowset);
extern void builder_init(RowsetBuilder *builder, Size hint);
extern int	builder_column(RowsetBuilder *builder, const char *name, int len, Node *escontext);
extern void builder_add_row(RowsetBuilder *builder, const Cell *cells, int ncells);
extern Rowset *builder_finish(RowsetBuilder *builder);

/* rowset_json.c */
extern Rowset *rowset_parse(const char *json, int len, Node *escontext);
extern void rowset_print(StringInfo out, Rowset *rowset);

#define PG_GETARG_ROWSET(n)	rowset_from_datum(PG_GETARG_DATUM(n))
#define PG_RETURN_ROWSET(r)	PG_RETURN_DATUM(EOHPGetRWDatum(&(r)->hdr))

/*
 * The typed form points into the arguments it was made of.  It is handed out
 * read-only, so that whoever keeps it flattens it first.
 */
#define PG_RETURN_TYPED_ROWSET(r)	PG_RETURN_DATUM(EOHPGetRODatum(&(r)->hdr))

static inline bool
array_isnull(const RowsetArray *array, int64 row)
{
	return array->nulls && array->nulls[row];
}

static inline Datum
array_value(const RowsetArray *array, int64 row)
{
	if (array->raw)
		return fetch_att(array->raw + row * array->typlen, true, array->typlen);
	return array->values[row];
}

/* Where the array has the value, or the pointer to it. */
static inline const void *
array_place(const RowsetArray *array, int64 row)
{
	return array->raw ? array->raw + row * array->typlen : (const void *) &array->values[row];
}

/* Start reading the row that begins at p. */
static inline void
cells_begin(CellReader *reader, const char *p)
{
	uint16		n;

	memcpy(&n, p, sizeof(n));
	reader->remaining = n;
	reader->next = p + sizeof(n);
}

/* The row's next cell; cells past the row's last are absent. */
static inline void
cells_next(CellReader *reader, Cell *cell)
{
	const char *p = reader->next;

	if (reader->remaining == 0)
	{
		cell->kind = CELL_ABSENT;
		return;
	}
	reader->remaining--;
	cell->kind = (CellKind) *p++;
	if (cell->kind >= CELL_NUMBER)
	{
		uint32		len = (unsigned char) *p++;

		if (len == 255)
		{
			memcpy(&len, p, sizeof(len));
			p += sizeof(len);
		}
		cell->len = len;
		cell->text = p;
		p += len + 1;
	}
	reader->next = p;
}

/* Skip what is left of the row and return where the next one begins. */
static inline const char *
cells_end(CellReader *reader)
{
	Cell		cell;

	while (reader->remaining > 0)
		cells_next(reader, &cell);
	return reader->next;
}

#endif							/* PG_MORE_ROWSET_H */
