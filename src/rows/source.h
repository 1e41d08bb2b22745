/*
 * source.h
 *	  How a rowset's rows reach a generated statement.
 */
#ifndef PG_MORE_SOURCE_H
#define PG_MORE_SOURCE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "nodes/params.h"
#include "utils/array.h"
#include "utils/tuplestore.h"

#include "rows/decode.h"

/* The values of pg_more.rows_source. */
typedef enum RowsSource
{
	ROWS_SOURCE_AUTO,
	ROWS_SOURCE_RELATION,
	ROWS_SOURCE_ARRAYS,
	ROWS_SOURCE_KEYS
} RowsSource;

extern int	rows_source;

/* How the rows are passed. */
typedef enum SourceForm
{
	SOURCE_AS_RELATION,
	SOURCE_AS_ARRAYS,
	SOURCE_AS_ROW,
	SOURCE_AS_CALL
} SourceForm;

/*
 * The data of one statement.  Its columns are the rows' numbers, when they are
 * asked for, the data's columns, and a flag for each column that some rows lack;
 * or one column with all flags as bits, where there would be too many.
 */
typedef struct Source
{
	SourceForm	form;
	bool		numbered;
	char		mark;			/* how names that are not the data's begin */
	DataColumn *columns;
	int			ncolumns;
	bytea	   *packed;			/* the flags of the row in the making, a bit for each column, or NULL */
	TupleDesc	desc;
	int64		nrows;
	Size		bytes;			/* about how large the data is */
	AttrNumber	distinct;		/* a column with as many values as rows, or 0 */
	Datum	   *values;			/* a row of desc, in the making */
	bool	   *nulls;
	MemoryContext connection;	/* lives as long as the SPI connection */
	Tuplestorestate *store;		/* of a relation */
	bool		probes;			/* each row is to be looked up in an index of the target */
	bool		streamed;		/* the relation's rows are decoded as they are read */
	DecodeRequest request;		/* what these are */
	Decoder    *decoder;
	ErrorContextCallback *error_context;	/* of the verb, for errors in its data */
	List	   *unchecked;		/* constraints whose checks the statement leaves out */
	const char *call;			/* of a function, its call */

	/* of parameters, one for each column of desc */
	Oid		   *paramtypes;
	bool	   *as_text;		/* passed as text and cast */
	FmgrInfo   *output;
	ArrayBuildState **building;
	ParamListInfo params;
} Source;

/* The relation's name, which hides no relation that a user would name. */
#define SOURCE_RELATION	"pg_more data"
#define SOURCE_FUNCTION "pg_more arrays"

extern SourceForm source_form(Oid relid, int64 nrows, bool scan);
extern Source *source_create(DataColumn *columns, int ncolumns, bool numbered, SourceForm form);
extern bool source_may_stream(DataColumn *columns, int ncolumns);
extern void source_begin(Source *source);
extern void source_put(Source *source, int64 ordinal, Datum *values, bool *nulls, bool *absent);
extern void source_end(Source *source, int64 nrows);
extern void source_fill(Source *source, DecodeRequest *request);
extern void source_register(Source *source, double rows);
extern void source_free(Source *source);
extern char *source_sql(Source *source);
extern char *source_ordinal_name(Source *source);
extern char *source_ordinal(Source *source);
extern char *source_flag(Source *source, int column);
extern int	source_put_flags(Source *source, bool *absent, Datum *values);

#endif							/* PG_MORE_SOURCE_H */
