/*
 * memo.c
 *	  What the server's lexer and parser have said of texts.
 *
 * The steps of a query read the same short texts again and again: the list and
 * the FROM that the query has so far, and arguments, which are constants in most
 * programs.  So the last ones that were read are kept, in each server process.
 *
 * What is kept can be had again because it depends on the text alone.  The
 * grammar looks at no catalog; a few settings tell the lexer what a backslash and
 * U&'' mean, so texts with these are not kept, nor are those with a name that the
 * lexer cuts with a notice.
 *
 * What memo_find() gives is shared: nobody may change it.  It lives as long as
 * something allocated in the current memory context instead would: the context
 * holds a pin, which its reset takes away.  When there is no room left, all that
 * is kept is retired, and freed once the last pin is gone.  An error needs no
 * cleaning up: pins go with their contexts, and an entry is made complete before
 * it is entered.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "query/query.h"

/* In bytes; all that is kept together has one text more at most. */
#define MAX_TEXT	2048
#define MAX_KEPT	(1024 * 1024)

typedef struct MemoKey
{
	const char *text;
	uint32		length;
	uint32		hash;
	MemoKind	kind;
} MemoKey;

typedef struct MemoEntry
{
	MemoKey		key;
	char		status;			/* simplehash's */
	void	   *value;
} MemoEntry;

static inline bool
are_equal(const MemoKey *a, const MemoKey *b)
{
	return a->hash == b->hash && a->kind == b->kind && a->length == b->length &&
		memcmp(a->text, b->text, a->length) == 0;
}

#define SH_PREFIX memo
#define SH_ELEMENT_TYPE MemoEntry
#define SH_KEY_TYPE MemoKey
#define SH_KEY key
#define SH_HASH_KEY(table, key) (key).hash
#define SH_EQUAL(table, a, b) are_equal(&(a), &(b))
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->key.hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* All that is kept, until it is retired. */
typedef struct Memo
{
	MemoryContext context;		/* holds all of this */
	memo_hash  *entries;
	int			pins;
	bool		retired;
} Memo;

/* Lives in the memory context that it stands for. */
typedef struct MemoPin
{
	MemoryContextCallback callback;
	MemoryContext context;
	Memo	   *memo;
} MemoPin;

static Memo *memo = NULL;
static MemoPin *last_pin = NULL;	/* if it still is one */

/* ------------------------------------------------------------------------ */
/* How long it lives														*/
/* ------------------------------------------------------------------------ */

static void
unpin(void *arg)
{
	MemoPin    *pin = arg;

	if (last_pin == pin)
		last_pin = NULL;
	if (--pin->memo->pins == 0 && pin->memo->retired)
		MemoryContextDelete(pin->memo->context);
}

/* What is kept now lives until the current memory context is reset, at least. */
static void
pin_memo(void)
{
	MemoPin    *pin;

	if (last_pin && last_pin->context == CurrentMemoryContext && last_pin->memo == memo)
		return;
	pin = palloc(sizeof(MemoPin));
	pin->callback.func = unpin;
	pin->callback.arg = pin;
	pin->context = CurrentMemoryContext;
	pin->memo = memo;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &pin->callback);
	memo->pins++;
	last_pin = pin;
}

/* Make room. */
static void
retire(void)
{
	Memo	   *old = memo;

	memo = NULL;
	old->retired = true;
	if (old->pins == 0)
		MemoryContextDelete(old->context);
}

static void
make_memo(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "pg_more texts of queries",
												  0, 8 * 1024, 64 * 1024);
	Memo	   *made = MemoryContextAllocZero(context, sizeof(Memo));

	made->context = context;
	made->entries = memo_create(context, 128, NULL);
	memo = made;
}

/* ------------------------------------------------------------------------ */
/* Texts																	*/
/* ------------------------------------------------------------------------ */

/* Does the lexer read the text in one way only, and silently?  In doubt it does not. */
static bool
may_be_kept(const MemoKey *key)
{
	bool		quoted = false;
	int			run = 0;

	if (strchr(key->text, '\\') || strstr(key->text, "&'"))
		return false;
	if (key->length < NAMEDATALEN)
		return true;
	for (const char *p = key->text; *p; p++)
	{
		if (*p == '"')
		{
			quoted = !quoted;
			run = 0;
		}
		else if (quoted || *p >= '0' || *p == '$' || IS_HIGHBIT_SET(*p))
		{
			/* what else there is from 0 on does no harm */
			if (++run >= NAMEDATALEN)
				return false;
		}
		else
			run = 0;
	}
	return true;
}

static inline MemoKey
make_key(MemoKind kind, const char *text)
{
	MemoKey		key;

	key.text = text;
	key.length = strlen(text);
	key.kind = kind;
	key.hash = hash_combine(hash_bytes((const unsigned char *) text, key.length), kind);
	return key;
}

/* A copy of the value in the current memory context. */
static void *
copy_value(MemoKind kind, const char *text, const void *value)
{
	const QueryTokens *tokens = value;
	QueryTokens *copy;

	if (kind != MEMO_TOKENS && kind != MEMO_STORED_TOKENS)
		return copyObjectImpl(value);
	copy = palloc(sizeof(QueryTokens));
	*copy = *tokens;
	copy->text = text;
	copy->tokens = palloc_array(QueryToken, tokens->count + 1);
	memcpy(copy->tokens, tokens->tokens, sizeof(QueryToken) * (tokens->count + 1));
	return copy;
}

/*
 * memo_find
 *		What was kept of the text, or NULL.  It must not be changed.
 */
void *
memo_find(MemoKind kind, const char *text)
{
	MemoEntry  *entry;

	if (memo == NULL)
		return NULL;
	entry = memo_lookup(memo->entries, make_key(kind, text));
	if (entry == NULL)
		return NULL;
	pin_memo();
	return entry->value;
}

/*
 * memo_keep
 *		Keep a copy of the value, QueryTokens or a raw parse tree.
 */
void
memo_keep(MemoKind kind, const char *text, const void *value)
{
	MemoKey		key = make_key(kind, text);
	MemoryContext old;
	void	   *copy;
	bool		found;

	if (key.length > MAX_TEXT || !may_be_kept(&key))
		return;
	if (memo && MemoryContextMemAllocated(memo->context, false) >= MAX_KEPT)
		retire();
	if (memo == NULL)
		make_memo();
	old = MemoryContextSwitchTo(memo->context);
	key.text = pstrdup(text);
	copy = copy_value(kind, key.text, value);
	memo_insert(memo->entries, key, &found)->value = copy;
	MemoryContextSwitchTo(old);
}
