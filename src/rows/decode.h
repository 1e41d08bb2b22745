/*
 * decode.h
 *	  A rowset's rows as values of the target's column types.
 */
#ifndef PG_MORE_DECODE_H
#define PG_MORE_DECODE_H

#include "postgres.h"

#include "access/attnum.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "rows/rowset.h"

/* Types whose plainest texts are read without their input functions. */
typedef enum PlainType
{
	PLAIN_NONE,
	PLAIN_INT4,
	PLAIN_INT8,
	PLAIN_NUMERIC,
	PLAIN_TEXT
} PlainType;

/* A column of the data, as a verb uses it. */
typedef struct DataColumn
{
	const char *name;
	int			source;			/* its position in the rowset */
	AttrNumber	attnum;			/* in the target; 0: only for expressions */
	Oid			type;
	int32		typmod;
	Oid			collation;
	bool		partial;		/* absent in some row */
	bool		exact;			/* rows are found by it: no conversion may round */

	/* the decoder's own */
	PlainType	plain;
	bool		json;			/* json or jsonb: strings stay JSON */
	bool		nested;			/* array or composite: JSON becomes a literal */
	MemoryContext context;		/* lives as long as the decoder */
	FmgrInfo	input;			/* looked up when it is needed */
	Oid			ioparam;
	FmgrInfo	output;			/* typed form without a cast */
	ExprState  *cast;			/* typed form of another type */
	bool		by_text;
} DataColumn;

/* What the caller wants of duplicate keys and of nulls in a key. */
typedef enum KeyRule
{
	KEY_UNIQUE,					/* an error that names the rows */
	KEY_DISTINCT,				/* one of equal keys is enough; drop nulls */
	KEY_ANY						/* keep all rows, in input order */
} KeyRule;

/* Receives a decoded row; what it is given lives until it returns. */
typedef void (*RowSink) (void *arg, int64 ordinal, Datum *values, bool *nulls, bool *absent);

/* What is to be decoded. */
typedef struct DecodeRequest
{
	Rowset	   *rowset;
	DataColumn *columns;
	int			ncolumns;
	int			nkeys;			/* 0: there is no key; rows in input order */
	int		   *keys;			/* positions in columns */
	KeyRule		rule;
	bool		keep_nulls;		/* a null in a key is no matter */
	bool		input_order;	/* look at the keys, but keep the order */
	const uint8 *done;			/* rows marked here are left out, or NULL */
	char	   *(*place) (void *arg, int64 ordinal, const char *column);	/* where a value is; or NULL */
	void	   *place_arg;
	uint32	   *same;			/* DISTINCT: for each row that is dropped, the one (from 1) that is
								 * kept; or NULL */
	bool		distinct;		/* result: does the first key tell most rows apart? */
} DecodeRequest;

/* The work of decoding a request, shared by all who read its rows. */
typedef struct Decoder Decoder;

/* One who reads the rows, one after the other. */
typedef struct DecodeCursor
{
	int64		next;			/* place of the row to come */
	const char *cells;			/* of the row to come, in input order */
	MemoryContext context;		/* reset for each row */

	/* the row at hand */
	int64		row;			/* counted from 0 */
	const char *start;			/* JSON form: its cells */
	Datum	   *values;
	bool	   *nulls;
	bool	   *absent;
} DecodeCursor;

extern PlainType plain_type(Oid type);
extern Decoder *decode_begin(DecodeRequest *request);
extern int64 decode_count(Decoder *decoder);
extern bool decode_is_ordered(Decoder *decoder);
extern bool decode_is_converting(Decoder *decoder);
extern void decode_cursor(Decoder *decoder, DecodeCursor *cursor, Datum *values, bool *nulls);
extern bool decode_next(Decoder *decoder, DecodeCursor *cursor);
extern void decode_again(Decoder *decoder, DecodeCursor *cursor, int64 row, const char *start);
extern void decode_rewind(Decoder *decoder, DecodeCursor *cursor);
extern void decode_rethrow(Decoder *decoder, MemoryContext caller);
extern void decode_end(Decoder *decoder);
extern int64 decode_rows(DecodeRequest *request, RowSink sink, void *arg);
extern char *describe_key(DecodeRequest *request, int64 ordinal);

/* literal.c */
extern char *json_to_literal(const char *json, int len, Oid type);

#endif							/* PG_MORE_DECODE_H */
