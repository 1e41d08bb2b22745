/*
 * plan.c
 *	  Generated statements: prepared, kept, and run.
 *
 * A statement's plan is kept for the session under its text, the columns of its
 * data and the size class of its data (the planner's row estimate is frozen
 * into a plan).  Writing the text anew for every call is cheap, and it makes
 * the cache safe: a changed table gives another text, and for whatever the text
 * does not show, the server's plan cache notices and plans again.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_func.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "catalog.h"
#include "rows/order.h"
#include "rows/plan.h"
#include "unique_key.h"

/* How many plans a session keeps. */
#define MAX_PLANS 100

typedef struct PlanEntry
{
	uint64		hash;			/* the hash table's key; must be first */
	char	   *key;			/* all that tells plans apart */
	int			keylen;
	uint64		serial;			/* tells it from those that were here before */
	SPIPlanPtr	plan;
	Oid			relid;			/* what defaults and parameter types are of */
	int			nparams;
	Oid		   *paramtypes;
	int			users;			/* executions under way */
	dlist_node	lru;
	MemoryContext context;
} PlanEntry;

static HTAB *plans = NULL;
static uint64 last_serial = 0;
static dlist_head plans_lru = DLIST_STATIC_INIT(plans_lru);

/*
 * The representative of the size class: the next power of four.  Plans differ
 * by orders of magnitude, not by rows.
 */
static double
class_size(int64 nrows)
{
	double		size = 4;

	while (size < nrows)
		size *= 4;
	return size;
}

/* ------------------------------------------------------------------------ */
/* Parser hooks																*/
/* ------------------------------------------------------------------------ */

/* The default of a column of the target. */
static Node *
default_of(Oid relid, const char *name)
{
	/* the parser has locked it by now */
	Relation	rel = table_open(relid, AccessShareLock);
	AttrNumber	attnum = find_column(rel, name);
	Node	   *expr = NULL;

	if (AttributeNumberIsValid(attnum))
		expr = column_default(rel, attnum);
	table_close(rel, NoLock);
	return expr;
}

/* The predicate of a partial index over a relation of the statement. */
static Node *
predicate_of(ParseState *pstate, Oid relid, Oid index, bool arbiter)
{
	ParseNamespaceItem *item = pstate->p_target_nsitem;
	int			levels = 0;

	if (!arbiter)
		item = refnameNamespaceItem(pstate, NULL, "target", -1, &levels);
	if (item == NULL || item->p_rte->relid != relid || IndexGetRelation(index, true) != relid)
		elog(ERROR, "the predicate is not one of the target's");
	return adopt_columns(pstate, item, levels, index_condition(index));
}

/* The condition that the target's row has the key that the data has. */
static Node *
same_key_of(ParseState *pstate, Oid relid, const char *name)
{
	/* the parser has locked it by now */
	Relation	rel = table_open(relid, AccessShareLock);
	Node	   *result = same_key(pstate, rel, name);

	table_close(rel, NoLock);
	return result;
}

/* A system column of the statement's target, without the right to SELECT it. */
static Expr *
unasked_column(ParseState *pstate, AttrNumber attnum, Oid type)
{
	return (Expr *) makeVar(pstate->p_target_nsitem->p_rtindex, attnum, type, -1, InvalidOid, 0);
}

/*
 * The call that claims the target's row for a row of the data.  The row's
 * address is what the executor of an UPDATE fetches without asking for a right;
 * so this, too, does not: written as text, it would take the right to SELECT
 * the whole table, and have its SELECT policies applied, where the plain
 * statement needs neither.  The address goes to the claim and nowhere else.
 */
static Node *
claim_of(ParseState *pstate, Oid relid, const char *ordinal)
{
	Oid			types[] = {INT8OID, OIDOID, TIDOID};
	List	   *name = list_make2(makeString("more"), makeString("_claim_row"));
	ParseNamespaceItem *data;
	Node	   *number;
	int			levels;

	data = refnameNamespaceItem(pstate, NULL, "data", -1, &levels);
	number = data ? scanNSItemForColumn(pstate, data, levels, ordinal, -1) : NULL;
	if (number == NULL || exprType(number) != INT8OID || pstate->p_target_nsitem == NULL ||
		pstate->p_target_nsitem->p_rte->relid != relid)
		elog(ERROR, "the claim is not one of the target's");
	return (Node *) makeFuncExpr(LookupFuncName(name, lengthof(types), types, false), BOOLOID,
								 list_make3(number,
											unasked_column(pstate, TableOidAttributeNumber, OIDOID),
											unasked_column(pstate, SelfItemPointerAttributeNumber, TIDOID)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* Resolve references that stand for expressions. */
static Node *
resolve_column(ParseState *pstate, ColumnRef *cref)
{
	PlanEntry  *entry = pstate->p_ref_hook_state;
	const char *qualifier;
	const char *name;

	if (list_length(cref->fields) != 2 ||
		!IsA(linitial(cref->fields), String) || !IsA(lsecond(cref->fields), String))
		return NULL;
	qualifier = strVal(linitial(cref->fields));
	name = strVal(lsecond(cref->fields));
	if (strcmp(qualifier, DEFAULT_QUALIFIER) == 0)
		return default_of(entry->relid, name);
	if (strcmp(qualifier, PREDICATE_QUALIFIER) == 0)
		return predicate_of(pstate, entry->relid, atooid(name), false);
	if (strcmp(qualifier, ARBITER_QUALIFIER) == 0)
		return predicate_of(pstate, entry->relid, atooid(name), true);
	if (strcmp(qualifier, SAME_KEY_QUALIFIER) == 0)
		return same_key_of(pstate, entry->relid, name);
	if (strcmp(qualifier, CLAIM_QUALIFIER) == 0)
		return claim_of(pstate, entry->relid, name);
	return NULL;
}

/* Resolve the source's $n. */
static Node *
resolve_param(ParseState *pstate, ParamRef *pref)
{
	PlanEntry  *entry = pstate->p_ref_hook_state;
	Param	   *param;

	if (pref->number < 1 || pref->number > entry->nparams)
		return NULL;
	param = makeNode(Param);
	param->paramkind = PARAM_EXTERN;
	param->paramid = pref->number;
	param->paramtype = entry->paramtypes[pref->number - 1];
	param->paramtypmod = -1;
	param->paramcollid = get_typcollation(param->paramtype);
	param->location = pref->location;
	return (Node *) param;
}

/* ParserSetupHook */
static void
setup_parser(ParseState *pstate, void *arg)
{
	pstate->p_ref_hook_state = arg;
	pstate->p_pre_columnref_hook = resolve_column;
	pstate->p_paramref_hook = resolve_param;
}

/* ------------------------------------------------------------------------ */
/* Cache																	*/
/* ------------------------------------------------------------------------ */

/* How the statement reads the data: not from a decoder, in input order, or in that of the key. */
static char
stream_kind(Source *source)
{
	return source->decoder ? 1 + decode_is_ordered(source->decoder) : 0;
}

/* What tells plans apart: the text, the user, the data's columns and size class. */
static void
plan_key(StringInfo key, const char *sql, Oid relid, Source *source, double size)
{
	Oid			user = GetUserId(); /* names are resolved with its rights */

	appendBinaryStringInfo(key, (char *) &relid, sizeof(relid));
	appendBinaryStringInfo(key, (char *) &user, sizeof(user));
	appendBinaryStringInfo(key, (char *) &size, sizeof(size));
	if (source)
	{
		appendBinaryStringInfo(key, (char *) &source->distinct, sizeof(source->distinct));
		appendStringInfoChar(key, stream_kind(source));
	}
	for (int i = 0; source && i < source->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(source->desc, i);

		appendBinaryStringInfo(key, (char *) &att->atttypid, sizeof(Oid));
		appendBinaryStringInfo(key, (char *) &att->atttypmod, sizeof(int32));
		appendBinaryStringInfo(key, (char *) &att->attcollation, sizeof(Oid));
		appendBinaryStringInfo(key, NameStr(att->attname), strlen(NameStr(att->attname)) + 1);
	}
	appendStringInfoString(key, sql);
}

/* Forget a plan that nobody is running. */
static void
drop_entry(PlanEntry *entry)
{
	if (entry->plan)
		SPI_freeplan(entry->plan);
	if (entry->context)
		MemoryContextDelete(entry->context);
	dlist_delete(&entry->lru);
	(void) hash_search(plans, &entry->hash, HASH_REMOVE, NULL);
}

/* Keep the number of plans in bounds, oldest first. */
static void
trim_cache(void)
{
	dlist_mutable_iter iter;

	if (hash_get_num_entries(plans) <= MAX_PLANS)
		return;
	dlist_foreach_modify(iter, &plans_lru)
	{
		PlanEntry  *entry = dlist_container(PlanEntry, lru, iter.cur);

		if (entry->users == 0)
		{
			drop_entry(entry);
			return;
		}
	}
}

/* A new entry for the key, not yet planned. */
static PlanEntry *
add_entry(uint64 hash, StringInfo key, Oid relid, Source *source)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "pg_more plan",
												  ALLOCSET_SMALL_SIZES);
	PlanEntry  *entry;

	trim_cache();
	entry = hash_search(plans, &hash, HASH_ENTER, NULL);
	memset((char *) entry + sizeof(entry->hash), 0, sizeof(PlanEntry) - sizeof(entry->hash));
	dlist_push_tail(&plans_lru, &entry->lru);
	entry->context = context;
	entry->key = MemoryContextAlloc(context, key->len);
	memcpy(entry->key, key->data, key->len);
	entry->keylen = key->len;
	entry->serial = ++last_serial;
	entry->relid = relid;
	if (source && source->paramtypes)
	{
		entry->nparams = source->desc->natts;
		entry->paramtypes = MemoryContextAlloc(context, sizeof(Oid) * entry->nparams);
		memcpy(entry->paramtypes, source->paramtypes, sizeof(Oid) * entry->nparams);
	}
	return entry;
}

/* The entry for the statement, new and without a plan if there is none. */
static PlanEntry *
find_entry(const char *sql, Oid relid, Source *source, double size)
{
	StringInfoData key;
	uint64		hash;
	PlanEntry  *entry;

	initStringInfo(&key);
	plan_key(&key, sql, relid, source, size);
	hash = hash_bytes_extended((unsigned char *) key.data, key.len, 0);
	if (plans == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(uint64);
		ctl.entrysize = sizeof(PlanEntry);
		plans = hash_create("pg_more plans", MAX_PLANS, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	/* another key of the same hash moves on to the next free one */
	while ((entry = hash_search(plans, &hash, HASH_FIND, NULL)) != NULL &&
		   (entry->keylen != key.len || memcmp(entry->key, key.data, key.len) != 0))
		hash++;
	if (entry == NULL)
		return add_entry(hash, &key, relid, source);
	dlist_delete(&entry->lru);
	dlist_push_tail(&plans_lru, &entry->lru);
	return entry;
}

/* The entry that was found before, if it is still there and the right one for this user and data of this size and order; else NULL. */
static PlanEntry *
find_again(PlanRef *ref, Source *source, double size)
{
	PlanEntry  *entry;

	if (ref->serial == 0 || ref->user != GetUserId() || ref->size != size ||
		ref->distinct != source->distinct || ref->stream != stream_kind(source))
		return NULL;
	entry = hash_search(plans, &ref->hash, HASH_FIND, NULL);
	if (entry == NULL || entry->serial != ref->serial)
		return NULL;
	dlist_delete(&entry->lru);
	dlist_push_tail(&plans_lru, &entry->lru);
	return entry;
}

/* Note where the entry was found. */
static void
note_entry(PlanRef *ref, PlanEntry *entry, Source *source, double size)
{
	ref->hash = entry->hash;
	ref->serial = entry->serial;
	ref->user = GetUserId();
	ref->size = size;
	ref->distinct = source->distinct;
	ref->stream = stream_kind(source);
}

/* Prepare the entry's plan and keep it. */
static void
prepare_entry(PlanEntry *entry, const char *sql, Source *source, bool read_only)
{
	SPIPrepareOptions options;
	SPIPlanPtr	plan;

	memset(&options, 0, sizeof(options));
	options.parserSetup = setup_parser;
	options.parserSetupArg = entry;
	if (read_only)
		options.cursorOptions = CURSOR_OPT_PARALLEL_OK;
	/* the planner must see how long arrays are; of a row it need see nothing */
	if (source && source->form == SOURCE_AS_ARRAYS)
		options.cursorOptions |= CURSOR_OPT_CUSTOM_PLAN;
	if (source && source->form == SOURCE_AS_ROW)
		options.cursorOptions |= CURSOR_OPT_GENERIC_PLAN;
	plan = SPI_prepare_extended(sql, &options);
	if (plan == NULL)
		elog(ERROR, "could not prepare a statement: %s", SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep a plan");
	entry->plan = plan;
}

/*
 * Let a query that only reads keep a hash table of the data in memory: what is
 * looked up in it is the target, which may be many times larger, and would have
 * to be written to disk in batches.  That takes about as much as the data took
 * already; maintenance_work_mem is the limit.  Returns the level of settings to
 * go back to.
 */
static int
allow_hash_of_data(Source *source)
{
	int			nest = NewGUCNestLevel();
	double		bytes = (source->bytes * 2.0 / Max(source->nrows, 1) + 96) * class_size(source->nrows);
	int			kilobytes = Min(bytes / hash_mem_multiplier / 1024, maintenance_work_mem);
	char		value[32];

	if (kilobytes > work_mem)
	{
		snprintf(value, sizeof(value), "%d", kilobytes);
		(void) set_config_option("work_mem", value, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	}
	return nest;
}

/*
 * run_statement
 *		Run a generated statement over the source's rows, which may be NULL, and
 *		return how many rows it processed.
 *
 * SPI must be connected.  Rows that the statement returns go to dest, when one
 * is given.  Runs with the caller's rights, in the caller's transaction.  With
 * ref, which takes a source, the plan is looked for there first, and noted there.
 */
uint64
run_statement(const char *sql, Oid relid, Source *source, bool read_only, DestReceiver *dest, PlanRef *ref)
{
	double		size = source ? class_size(source->nrows) : 0;
	PlanEntry  *entry;
	SPIExecuteOptions options;
	Source	   *outer = planned_source;
	int			nest = 0;
	int volatile result = 0;

	if (source)
		source_register(source, size);
	entry = ref ? find_again(ref, source, size) : NULL;
	if (entry == NULL)
	{
		entry = find_entry(sql, relid, source, size);
		if (ref)
			note_entry(ref, entry, source, size);
	}
	memset(&options, 0, sizeof(options));
	options.params = source ? source->params : NULL;
	options.read_only = read_only;
	options.dest = dest;

	if (read_only && source && source->nrows > 1000)
		nest = allow_hash_of_data(source);
	entry->users++;
	planned_source = source;
	PG_TRY();
	{
		if (entry->plan == NULL)
			prepare_entry(entry, sql, source, read_only);
		result = SPI_execute_plan_extended(entry->plan, &options);
	}
	PG_FINALLY();
	{
		entry->users--;
		planned_source = outer;
	}
	PG_END_TRY();
	if (nest > 0)
		AtEOXact_GUC(true, nest);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
	return SPI_processed;
}
