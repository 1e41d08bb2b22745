/*
 * verb.h
 *	  What a verb is asked to do, and the statements that do it.
 */
#ifndef PG_MORE_VERB_H
#define PG_MORE_VERB_H

#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/rel.h"

#include "catalog.h"
#include "rows/decode.h"
#include "rows/source.h"

/* What became of an input row. */
typedef enum RowStatus
{
	STATUS_NONE,				/* nothing yet */
	STATUS_INSERTED,
	STATUS_UPDATED,
	STATUS_UNCHANGED,
	STATUS_EXISTING,
	STATUS_DELETED,
	STATUS_MISSING,
	STATUS_SEEN,				/* dealt with by a statement that still runs */
	STATUS_TRIED,				/* its insert was tried */
	STATUS_CONFLICT,			/* another session inserted it meanwhile */
	STATUS_COUNT
} RowStatus;

/* One item of a SET list. */
typedef struct Assignment
{
	AttrNumber	attnum;			/* in the target */
	int			column;			/* of the data, or -1 */
	const char *value;			/* the expression's text when column is -1 */
	List	   *mentioned;		/* names, then columns, of data in the expression */
} Assignment;

/* A verb's arguments, resolved against the target and the data. */
typedef struct Verb
{
	const char *name;			/* for messages */
	Relation	rel;
	char	   *target;			/* quoted and qualified */
	Rowset	   *data;

	/* arguments as given; NULL or false when they are not */
	ArrayType  *key_arg;
	ArrayType  *set_arg;
	const char *match;
	const char *condition;
	bool		skip_unchanged;
	bool		returning;
	bool		read_only;

	/* resolved */
	DataColumn *columns;		/* the data's columns that are needed */
	int			ncolumns;
	int			nkeys;
	int		   *keys;			/* positions in columns */
	KeyRule		rule;
	bool		keep_nulls;
	UniqueKey	unique;			/* the index behind the key */
	Assignment *set;
	int			nset;
	bool		sets;			/* does the verb have a SET list? */
	bool		inserts;		/* are the data's columns inserted? */
	bool		returns_data;	/* are the data's own rows returned? */
	bool		numbered;		/* does the statement need the rows' numbers? */
	bool		input_order;	/* insert in input order, not in key order */
	bool		has_triggers;	/* may triggers suppress rows? */
	bool		sees_conflicts; /* are rows that conflict marked as such? */
	uint8	   *status;			/* per input row, when numbered */

	/* while a statement runs */
	int64		noted;			/* the input row that is being inserted */
	MemoryContext context;		/* lives as long as the verb */
	HTAB	   *claims;			/* target rows that a free condition matched */
} Verb;

/* verb.c */
extern bool verb_claims_rows(Verb *verb);

/* sql.c */
extern char *sql_insert(Verb *verb, Source *source, bool ignore);
extern char *sql_update(Verb *verb, Source *source);
extern char *sql_delete(Verb *verb, Source *source);
extern char *sql_upsert(Verb *verb, Source *source, bool delete_others, bool last);
extern char *sql_insert_or_update(Verb *verb, Source *source);
extern char *sql_delete_all(Verb *verb);
extern char *sql_mark_existing(Verb *verb, Source *source);
extern char *sql_existing(Verb *verb, Source *source, RowStatus status);
extern char *sql_rows_in(Verb *verb, Source *source);
extern char *sql_rows_not_in(Verb *verb, Source *source);
extern char *sql_rows_missing(Verb *verb, Source *source);

#endif							/* PG_MORE_VERB_H */
