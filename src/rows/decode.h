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
	bool		json;			/* json or jsonb: strings stay JSON */
	bool		nested;			/* array or composite: JSON becomes a literal */
	FmgrInfo	input;
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
	bool		distinct;		/* result: does the first key tell most rows apart? */
} DecodeRequest;

extern int64 decode_rows(DecodeRequest *request, RowSink sink, void *arg);
extern char *describe_key(DecodeRequest *request, int64 ordinal);

/* literal.c */
extern char *json_to_literal(const char *json, int len, Oid type);

#endif							/* PG_MORE_DECODE_H */
