/*
 * known_call.c
 *	  What a call's arguments came to, kept for the next call like it.
 *
 * A program that writes a few rows at a time makes the same call again and again:
 * the same verb, table and columns, other values.  To look all names up, write
 * the statement and find its plan then takes longer than to decode the rows.  So
 * what a plain call came to is kept: the data's columns as the verb uses them,
 * the key, how the rows reach the statement, and the statement with the place of
 * its plan.  Plain is a call without match, set and their like, that returns a
 * number.
 *
 * What is kept depends on the catalogs, and on what is in the key: the verb, the
 * table, the user, the data's columns, whether some rows lack them, the types of
 * typed arrays, whether there is one row or more, and the argument "key".  Any
 * change of a relation in the database, and of a type, function, operator,
 * collation, cast or schema, makes all that was kept before void.  The server
 * tells of those by other sessions when a lock is taken, and the target may be
 * locked already, its partitions not yet: so we ask before we look.  That is far
 * more than could matter, and costs no more than a call as it was without this.
 *
 * What is decided for each call anew: privileges, the form of the data (which
 * settings and Citus decide), row security and all else that the executor checks.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "compat.h"
#include "rows/stream.h"
#include "rows/verb.h"

/* How many calls a session keeps; each has one place, which it takes from the one before. */
#define MAX_CALLS 128

typedef struct KnownCall
{
	MemoryContext context;		/* holds all of this */
	char	   *key;
	int			keylen;
	uint64		as_of;			/* good as long as nothing has changed since */
	int			users;			/* calls under way that look at it */

	/* of the verb */
	DataColumn *columns;
	int			ncolumns;
	int			nkeys;
	int		   *keys;
	KeyRule		rule;
	bool		keep_nulls;
	bool		input_order;

	/* of its statement */
	Source		source;			/* without data */
	char	   *sql;
	PlanRef		plan;
} KnownCall;

/* What begins the key; bytes between its fields are zeros. */
typedef struct CallHeader
{
	Oid			relid;
	Oid			user;
	int32		kind;
	int32		form;
	int32		single;			/* one row? */
	int32		ncols;
} CallHeader;

static KnownCall *known_calls[MAX_CALLS];

/* Counts the changes that we have heard of. */
static uint64 changes = 0;

/* ------------------------------------------------------------------------ */
/* Changes																	*/
/* ------------------------------------------------------------------------ */

/* RelcacheCallbackFunction */
static void
relation_changed(Datum arg, Oid relid)
{
	changes++;
}

/* SyscacheCallbackFunction */
static void
object_changed(Datum arg, compat_syscache_id cache, uint32 hash)
{
	changes++;
}

/* Hear of all changes that a kept call could depend on. */
static void
watch_changes(void)
{
	static const int caches[] = {
		AMOPOPID, CASTSOURCETARGET, CLAOID, COLLOID, NAMESPACEOID, OPEROID, OPFAMILYOID, PROCOID, TYPEOID
	};

	if (changes > 0)
		return;
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	for (int i = 0; i < lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], object_changed, (Datum) 0);
	changes = 1;
}

/* ------------------------------------------------------------------------ */
/* Finding and keeping														*/
/* ------------------------------------------------------------------------ */

/* Is the call one that may be kept? */
static bool
is_plain(Verb *verb)
{
	return verb->data->nrows > 0 && verb->data->ncols > 0 && !verb->returning && !verb->skip_unchanged &&
		verb->set_arg == NULL && verb->match == NULL && verb->condition == NULL &&
		verb->place == NULL && verb->unchecked == NIL;
}

/* All that tells the call apart, if its data comes in a form that is kept; else NULL. */
static StringInfo
call_key(Verb *verb, CallKind kind)
{
	Rowset	   *data = verb->data;
	CallHeader	header = {0};
	StringInfo	key;

	header.form = source_form(RelationGetRelid(verb->rel), data->nrows, false);
	if (header.form == SOURCE_AS_ARRAYS || (header.form == SOURCE_AS_RELATION && !stream_works()))
		return NULL;
	header.relid = RelationGetRelid(verb->rel);
	header.user = GetUserId();
	header.kind = kind;
	header.single = data->nrows == 1;
	header.ncols = data->ncols;
	key = makeStringInfo();
	appendBinaryStringInfo(key, (char *) &header, sizeof(header));
	for (int i = 0; i < data->ncols; i++)
	{
		Oid			type = data->arrays ? data->arrays[i].type : InvalidOid;

		appendBinaryStringInfo(key, data->names[i], strlen(data->names[i]) + 1);
		appendBinaryStringInfo(key, (char *) &data->partial[i], sizeof(bool));
		appendBinaryStringInfo(key, (char *) &type, sizeof(type));
	}
	if (verb->key_arg)
		appendBinaryStringInfo(key, (char *) verb->key_arg, VARSIZE(verb->key_arg));
	return key;
}

/* The place of calls with this key. */
static KnownCall **
place_of(StringInfo key)
{
	return &known_calls[hash_bytes((unsigned char *) key->data, key->len) % MAX_CALLS];
}

/* A copy of the verb's columns, in the current memory context. */
static DataColumn *
copy_columns(DataColumn *columns, int ncolumns)
{
	DataColumn *copy = palloc_array(DataColumn, ncolumns);

	memcpy(copy, columns, sizeof(DataColumn) * ncolumns);
	return copy;
}

/* Keep what the call came to, in the place of another, unless that one is still in use. */
static void
keep_call(Verb *verb, const char *sql, Source *source)
{
	KnownCall **place = place_of(verb->known_key);
	MemoryContext context;
	MemoryContext old;
	KnownCall  *call;

	if (*place && (*place)->users > 0)
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "pg_more call", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	call = palloc0(sizeof(KnownCall));
	call->context = context;
	call->key = palloc(verb->known_key->len);
	memcpy(call->key, verb->known_key->data, verb->known_key->len);
	call->keylen = verb->known_key->len;
	call->as_of = verb->known_as_of;
	call->columns = copy_columns(verb->columns, verb->ncolumns);
	for (int c = 0; c < verb->ncolumns; c++)
		call->columns[c].name = pstrdup(verb->columns[c].name);
	call->ncolumns = verb->ncolumns;
	call->nkeys = verb->nkeys;
	call->keys = palloc_array(int, verb->nkeys + 1);
	memcpy(call->keys, verb->keys, sizeof(int) * verb->nkeys);
	call->rule = verb->rule;
	call->keep_nulls = verb->keep_nulls;
	call->input_order = verb->input_order;
	call->source.form = source->form;
	call->source.mark = source->mark;
	call->source.streamed = source->streamed;
	call->source.ncolumns = source->ncolumns;
	call->source.desc = CreateTupleDescCopy(source->desc);
	if (source->paramtypes)
	{
		call->source.paramtypes = palloc_array(Oid, source->desc->natts);
		memcpy(call->source.paramtypes, source->paramtypes, sizeof(Oid) * source->desc->natts);
	}
	call->sql = pstrdup(sql);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, TopMemoryContext);

	if (*place)
		MemoryContextDelete((*place)->context);
	*place = call;
}

/* A source for the call's rows. */
static Source *
make_source(KnownCall *call, Verb *verb)
{
	Source	   *source = palloc(sizeof(Source));

	*source = call->source;
	source->columns = verb->columns;
	source->values = palloc0_array(Datum, source->desc->natts);
	source->nulls = palloc0_array(bool, source->desc->natts);
	return source;
}

/* ------------------------------------------------------------------------ */
/* Running																	*/
/* ------------------------------------------------------------------------ */

/*
 * known_call_run
 *		Do as a call like this one did, if one is known, and tell how many rows
 *		that were; else let known_call_start() keep what this one comes to.
 *
 * Where something changes while the rows are decoded, all is looked up anew, and
 * the rows are decoded again.
 *
 * For calls whose target is open and locked and that are connected to SPI, with
 * all arguments in the verb.  Raises what decoding and running the statement do.
 */
bool
known_call_run(Verb *verb, CallKind kind, int64 *processed)
{
	KnownCall  *call;
	Source	   *source;
	bool volatile done = false;

	if (!is_plain(verb) || (verb->known_key = call_key(verb, kind)) == NULL)
		return false;
	watch_changes();
	AcceptInvalidationMessages();
	verb->known_as_of = changes;
	call = *place_of(verb->known_key);
	if (call == NULL || call->as_of != changes || call->keylen != verb->known_key->len ||
		memcmp(call->key, verb->known_key->data, call->keylen) != 0)
		return false;
	verb->columns = copy_columns(call->columns, call->ncolumns);
	verb->ncolumns = call->ncolumns;
	verb->nkeys = call->nkeys;
	verb->keys = call->keys;
	verb->rule = call->rule;
	verb->keep_nulls = call->keep_nulls;
	verb->input_order = call->input_order;
	verb->plan = &call->plan;

	call->users++;
	PG_TRY();
	{
		source = verb_source(verb, make_source(call, verb));
		/* the constraint of a domain may have changed anything */
		if (call->as_of == changes)
		{
			*processed = verb_run(verb, call->sql, source, NULL);
			done = true;
		}
		source_free(source);
	}
	PG_FINALLY();
	{
		call->users--;
	}
	PG_END_TRY();
	if (!done)
	{
		verb->plan = NULL;
		verb->input_order = false;
		verb->known_as_of = changes;
	}
	return done;
}

/*
 * known_call_start
 *		Run the call's statement for the first time, and keep what it came to where
 *		it may be kept and nothing has changed meanwhile.
 */
int64
known_call_start(Verb *verb, const char *sql, Source *source)
{
	if (verb->known_key && verb->known_as_of == changes && !source->numbered && source->packed == NULL)
		keep_call(verb, sql, source);
	return verb_run(verb, sql, source, NULL);
}
