/*
 * verb.h
 *	  What a verb is asked to do, and the statements that do it.
 */
#ifndef PG_MORE_VERB_H
#define PG_MORE_VERB_H

#include "postgres.h"

#include "fmgr.h"
#include "storage/lockdefs.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/rel.h"

#include "catalog.h"
#include "rows/decode.h"
#include "rows/plan.h"
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
	char	   *target;			/* quoted and qualified; verb_target() gives it */
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
	List	   *key_attnums;	/* the key's columns in the target */
	int			nkeys;
	int		   *keys;			/* their positions in columns */
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
	List	   *unchecked;		/* constraints: foreign keys that need no check, where that can be left out */
	bool		reads_once;		/* the statement reads the data once, though it is numbered */
	char	   *(*place) (void *verb, int64 ordinal, const char *column);	/* where an input row is,
																		 * when it is not just a row */
	uint8	   *status;			/* per input row, when numbered */

	/* of calls that are kept (known_call.c) */
	StringInfo	known_key;		/* what tells them apart; NULL where the call is not to be kept */
	uint64		known_as_of;	/* the state of the catalogs that it was resolved by */
	PlanRef    *plan;			/* where its statement's plan was, or NULL */

	/* while a statement runs */
	int64		noted;			/* the input row that is being inserted */
	MemoryContext context;		/* lives as long as the verb */
	HTAB	   *claims;			/* target rows that a free condition matched */
	struct KeySet *key_set;		/* the keys of the data, where the statement asks for these, not for rows */
} Verb;

/* verb.c */
extern Verb *verb_running;

extern ArrayType *arg_array(FunctionCallInfo fcinfo, int n);
extern char *arg_text(FunctionCallInfo fcinfo, int n);
extern bool arg_choice(FunctionCallInfo fcinfo, int n, const char *name,
					   const char *first, const char *second);
extern bool verb_may(Oid relid, AclMode mode);
extern void verb_open(Verb *verb, Oid relid, AclMode access, LOCKMODE lockmode);
extern void verb_on_table(Verb *verb, FunctionCallInfo fcinfo, AclMode access);
extern void verb_on_rows(Verb *verb, FunctionCallInfo fcinfo, AclMode access, LOCKMODE lockmode);
extern char *verb_target(Verb *verb);
extern void verb_connect(Verb *verb);
extern void verb_finish(Verb *verb, Source *source);
extern int64 verb_run(Verb *verb, const char *sql, Source *source, DestReceiver *dest);
extern bool verb_scans_target(Verb *verb);
extern Source *verb_source(Verb *verb, Source *source);
extern void verb_number_rows(Verb *verb);
extern int64 verb_rows_left(Verb *verb);
extern int64 verb_first_left(Verb *verb);
extern char *verb_row_key(Verb *verb, int64 ordinal);
extern int64 verb_change_status(Verb *verb, RowStatus from, RowStatus to);

/* resolve.c */
extern List *verb_key_names(Verb *verb);
extern const char *match_as_sql(Relation rel, Rowset *data, const char *match);
extern void verb_resolve(Verb *verb);
extern void verb_describe_columns(Verb *verb, List *key, List *assigned, List *mentioned,
								  List *matched);
extern int	verb_data_column(Verb *verb, const char *name);
extern void verb_require_unique_key(Verb *verb);

/* known_call.c */
typedef enum CallKind
{
	CALL_INSERT,
	CALL_INSERT_IGNORE,
	CALL_UPDATE,
	CALL_UPSERT,
	CALL_DELETE
} CallKind;

extern bool known_call_run(Verb *verb, CallKind kind, int64 *processed);
extern int64 known_call_start(Verb *verb, const char *sql, Source *source);

/* upsert.c */
extern void verb_upsert(Verb *verb, Source **source, DestReceiver *dest, bool delete_others);

/* key_set.c */
typedef struct KeySet KeySet;

extern bool key_set_works(Verb *verb);
extern KeySet *key_set_create(Verb *verb);
extern void key_set_free(KeySet *set);

/* match.c */
typedef enum MatchKind
{
	MATCH_ROWS_IN,
	MATCH_ROWS_NOT_IN,
	MATCH_ROWS_MISSING
} MatchKind;

extern char *match_sql(MatchKind kind, Oid relid, ArrayType *key, const char *match,
					   Rowset *known, int64 nrows, bool parallel, List **attnums);

/* update.c */
extern bool verb_claims_rows(Verb *verb);

/* sql.c */
extern char *sql_insert(Verb *verb, Source *source, bool ignore);
extern char *sql_update(Verb *verb, Source *source, bool report);
extern char *sql_delete(Verb *verb, Source *source);
extern char *sql_upsert(Verb *verb, Source *source, bool delete_others, bool last);
extern char *sql_insert_or_update(Verb *verb, Source *source);
extern char *sql_delete_all(Verb *verb);
extern char *sql_mark_existing(Verb *verb, Source *source);
extern char *sql_unchanged(Verb *verb, Source *source);
extern char *sql_existing(Verb *verb, Source *source);
extern char *sql_rows_in(Verb *verb, Source *source);
extern char *sql_rows_not_in(Verb *verb, Source *source);
extern char *sql_rows_missing(Verb *verb, Source *source);

#endif							/* PG_MORE_VERB_H */
