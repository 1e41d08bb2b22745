/*
 * suggest.c
 *	  more.suggest_partial_indexes: partial indexes that the planner would take.
 *
 * Statements come from the caller, from pg_stat_statements, or, where columns'
 * statistics show a rare value, are made up to ask for it.  wanted.c proposes
 * indexes for each; every statement is then planned with each of them as a
 * hypothetical one.  What no plan takes, or what saves next to nothing, is
 * dropped; of those that serve the same statements the one stays that saves most.
 *
 * Statements in pg_stat_statements are other users'.  To read and plan a
 * statement evaluates its constant parts, so that is done as the user who ran
 * it, in a security-restricted operation, and only for users whose privileges
 * the caller has: no function runs with more rights than it had.  One that
 * cannot be read is skipped.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "expression.h"
#include "indexes/suggest.h"

PG_FUNCTION_INFO_V1(suggest_partial_indexes);

/* So many of the statements that took most time are looked at. */
#define MOST_STATEMENTS 200

/* An index has to hold no more than this share of the rows, and to save this share of the cost. */
#define LARGEST_SHARE 0.8
#define LEAST_SAVING 0.05

/* A table with fewer rows is read at once, whatever its indexes. */
#define FEWEST_ROWS 1000

/* A statement that an index may serve. */
typedef struct Statement
{
	const char *source;
	char	   *text;
	Oid			user;
	List	   *queries;		/* as rewritten; NIL: it cannot be read */
	double		cost;			/* as things are */
} Statement;

/* What a candidate does for a statement. */
typedef struct CandidateUse
{
	Statement  *statement;
	double		cost;
} CandidateUse;

/* All that is known so far. */
typedef struct Suggestions
{
	Oid			target;			/* or InvalidOid */
	List	   *statements;
	List	   *candidates;
	int			skipped;		/* statements that cannot be read */
} Suggestions;

/* ------------------------------------------------------------------------ */
/* Statements																*/
/* ------------------------------------------------------------------------ */

static Statement *
add_statement(Suggestions *all, const char *source, char *text, Oid user)
{
	Statement  *result = palloc0(sizeof(Statement));

	result->source = source;
	result->text = text;
	result->user = user;
	all->statements = lappend(all->statements, result);
	return result;
}

/* Add candidates, each once. */
static void
add_candidates(Suggestions *all, List *candidates)
{
	ListCell   *lc;
	ListCell   *other;

	foreach(lc, candidates)
	{
		bool		known = false;

		foreach(other, all->candidates)
			known |= strcmp(((Candidate *) lfirst(other))->sql, ((Candidate *) lfirst(lc))->sql) == 0;
		if (!known)
			all->candidates = lappend(all->candidates, lfirst(lc));
	}
}

/* Read a statement, propose indexes for it, and plan it as things are. */
static void
read_statement(Suggestions *all, Statement *statement)
{
	ArgumentText argument = {"queries", statement->text};
	ErrorContextCallback callback = {error_context_stack, argument_error_callback, &argument};
	HypotheticalSet none = {0};
	HypotheticalPlan plan;
	ListCell   *lc;

	error_context_stack = &callback;
	statement->queries = analyze_statement(statement->text);
	plan_hypothetical(&none, statement->queries, statement->text, &plan);
	statement->cost = plan.cost;
	foreach(lc, statement->queries)
		add_candidates(all, statement_candidates(lfirst_node(Query, lc), all->target));
	error_context_stack = callback.previous;
}

/* Plan a statement with an index; what it costs then, or -1: the plan does not take it. */
static double
cost_with(Statement *statement, Candidate *candidate)
{
	HypotheticalPlan plan;

	plan_hypothetical(&candidate->set, statement->queries, statement->text, &plan);
	return candidate->set.used ? plan.cost : -1;
}

/* What is done with another user's statement. */
typedef void (*StatementFunction) (Suggestions *all, Statement *statement);

/*
 * Do it as that user, in a subtransaction.  An error leaves the statement
 * without queries, and it is not looked at any more.
 */
static void
as_statement_user(Suggestions *all, Statement *statement, StatementFunction function)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Oid			user;
	int			security;

	if (statement->user == InvalidOid)
	{
		function(all, statement);
		return;
	}
	GetUserIdAndSecContext(&user, &security);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		int			nest = NewGUCNestLevel();

		SetUserIdAndSecContext(statement->user,
							   security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
		function(all, statement);
		AtEOXact_GUC(false, nest);
		SetUserIdAndSecContext(user, security);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		/* a cancelled query is not to go on */
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		FreeErrorData(error);
		if (statement->queries)
			statement->queries = NIL;
		all->skipped++;
	}
	PG_END_TRY();
}

/* The statements that the caller gave. */
static void
given_statements(Suggestions *all, ArrayType *array)
{
	Datum	   *texts;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" has a null in it", "queries")));
		read_statement(all, add_statement(all, "queries", TextDatumGetCString(texts[i]), InvalidOid));
	}
}

/* Where pg_stat_statements is, if it is there and loaded, and the caller may read it; SPI is connected. */
static char *
counted_schema(void)
{
	if (GetConfigOption("pg_stat_statements.max", true, false) == NULL)
		return NULL;
	if (SPI_execute("SELECT s.nspname FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS s"
					" ON s.oid OPERATOR(pg_catalog.=) e.extnamespace"
					" JOIN pg_catalog.pg_class AS c ON c.relnamespace OPERATOR(pg_catalog.=) s.oid"
					" WHERE e.extname OPERATOR(pg_catalog.=) 'pg_stat_statements'"
					" AND c.relname OPERATOR(pg_catalog.=) e.extname AND pg_catalog.has_table_privilege(c.oid, 'SELECT')"
					" AND pg_catalog.has_schema_privilege(s.oid, 'USAGE')", true, 1) != SPI_OK_SELECT)
		elog(ERROR, "cannot read the list of extensions");
	return SPI_processed == 1 ? SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1) : NULL;
}

/* Those that pg_stat_statements has counted. */
static void
counted_statements(Suggestions *all)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *read = NIL;
	ListCell   *lc;
	char	   *schema;

	SPI_connect();
	schema = counted_schema();
	if (schema == NULL)
	{
		SPI_finish();
		return;
	}
	if (SPI_execute(psprintf("SELECT userid, query FROM %s.pg_stat_statements"
							 " WHERE dbid OPERATOR(pg_catalog.=) %u AND toplevel AND query OPERATOR(pg_catalog.~*)"
							 " '^[\\s(]*(select|with|values|update|delete|insert|merge)\\M'"
							 " ORDER BY total_exec_time DESC, queryid LIMIT %d",
							 quote_identifier(schema),
							 MyDatabaseId, MOST_STATEMENTS), true, 0) != SPI_OK_SELECT)
		elog(ERROR, "cannot read pg_stat_statements");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Oid			user = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		char	   *text = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
		MemoryContext old = MemoryContextSwitchTo(context);

		if (text && !isnull && SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(user)) &&
			has_privs_of_role(GetUserId(), user))
			read = lappend(read, add_statement(all, "pg_stat_statements", pstrdup(text), user));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	foreach(lc, read)
		as_statement_user(all, lfirst(lc), read_statement);
}

/* ------------------------------------------------------------------------ */
/* Rare values																*/
/* ------------------------------------------------------------------------ */

/* A statement that asks for the rows of a condition, and an index for them. */
static void
add_rare(Suggestions *all, Relation rel, AttrNumber attnum, Node *test)
{
	Candidate  *candidate;
	int			nest;

	/* NULL: its type has no operator for it */
	if (test == NULL)
		return;
	candidate = new_candidate(rel, any_keys(rel, list_make1_int(attnum)), list_make1(test));
	if (candidate == NULL)
		return;
	add_candidates(all, list_make1(candidate));
	nest = stable_text_begin();
	read_statement(all, add_statement(all, "statistics",
									  psprintf("SELECT * FROM %s WHERE %s", qualified_name(RelationGetRelid(rel)),
											   candidate->condition), InvalidOid));
	stable_text_end(nest);
}

/* The rare values of a column that most rows have the same value in. */
static void
rare_values(Suggestions *all, Relation rel, AttrNumber attnum, HeapTuple tup)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	AttStatsSlot slot;

	if (!get_attstatsslot(&slot, tup, STATISTIC_KIND_MCV, InvalidOid, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
		return;
	if (slot.nvalues > 1 && slot.nvalues <= 20 && slot.numbers[0] >= 0.5)
		for (int i = 1; i < slot.nvalues; i++)
			if (slot.numbers[i] < 0.1)
				add_rare(all, rel, attnum,
						 column_test(rel, attnum, datumCopy(slot.values[i], att->attbyval, att->attlen), true));
	free_attstatsslot(&slot);
}

/* What a column's statistics show: rare values, few rows with null, or few without. */
static void
rare_in_column(Suggestions *all, Relation rel, AttrNumber attnum)
{
	HeapTuple	tup = column_statistics(rel, attnum);
	double		nulls;

	if (!HeapTupleIsValid(tup))
		return;
	nulls = ((Form_pg_statistic) GETSTRUCT(tup))->stanullfrac;
	if (nulls > 0 && nulls < 0.1)
		add_rare(all, rel, attnum, null_test(rel, attnum, IS_NULL));
	if (nulls > 0.9)
		add_rare(all, rel, attnum, null_test(rel, attnum, IS_NOT_NULL));
	rare_values(all, rel, attnum, tup);
	ReleaseSysCache(tup);
}

static void
rare_in_table(Suggestions *all, Oid relid)
{
	Relation	rel;

	if (!may_have_suggestions(relid))
		return;
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		return;
	for (int attnum = 1; attnum <= RelationGetNumberOfAttributes(rel); attnum++)
		if (!TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attisdropped)
			rare_in_column(all, rel, attnum);
	relation_close(rel, NoLock);
}

/* Of the target, or of all tables that are worth it; partitions are looked at as their table. */
static void
rare_statements(Suggestions *all)
{
	List	   *tables = NIL;
	MemoryContext context = CurrentMemoryContext;
	ListCell   *lc;

	if (OidIsValid(all->target))
	{
		rare_in_table(all, all->target);
		return;
	}
	SPI_connect();
	if (SPI_execute(psprintf("SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS s"
							 " ON s.oid OPERATOR(pg_catalog.=) c.relnamespace"
							 " WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m,p}') AND NOT c.relispartition"
							 " AND c.relispopulated AND c.relpersistence OPERATOR(pg_catalog.<>) 't'"
							 " AND (c.reltuples OPERATOR(pg_catalog.>=) %d OR c.relkind OPERATOR(pg_catalog.=) 'p')"
							 " AND s.nspname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,information_schema,more}')"
							 " ORDER BY s.nspname, c.relname", FEWEST_ROWS), true, 0) != SPI_OK_SELECT)
		elog(ERROR, "cannot read the list of tables");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		MemoryContext old = MemoryContextSwitchTo(context);

		tables = lappend_oid(tables, DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	foreach(lc, tables)
		rare_in_table(all, lfirst_oid(lc));
}

/* ------------------------------------------------------------------------ */
/* Choosing																	*/
/* ------------------------------------------------------------------------ */

/* Measure indexes; false: to build one of them would be an error, such as a value that is too long for it. */
static bool
try_to_measure(List *indexes)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool result = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		measure_indexes(indexes);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;
		int			class;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		class = ERRCODE_TO_CATEGORY(error->sqlerrcode);
		if (class != ERRCODE_PROGRAM_LIMIT_EXCEEDED && class != ERRCODE_DATA_EXCEPTION)
			ReThrowError(error);
		FreeErrorData(error);
		result = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return result;
}

/* One by one, when some cannot be built. */
static void
measure_each(Suggestions *all)
{
	ListCell   *lc;
	ListCell   *one;
	ListCell   *other;

	foreach(lc, all->candidates)
	{
		Candidate  *candidate = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		candidate->fails = !try_to_measure(candidate->set.indexes);
		if (candidate->fails)
			continue;
		candidate->full_fails = !try_to_measure(candidate->full.indexes);
		if (candidate->full_fails)
			forboth(one, candidate->full.indexes, other, candidate->set.indexes)
			{
				Hypothetical *part = lfirst(other);

				((Hypothetical *) lfirst(one))->tuples = part->share > 0 ? part->tuples / part->share : 1;
			}
	}
}

/* What the candidates would be, and the same indexes of all rows. */
static void
measure_candidates(Suggestions *all)
{
	List	   *indexes = NIL;
	ListCell   *lc;
	ListCell   *one;

	foreach(lc, all->candidates)
	{
		Candidate  *candidate = lfirst(lc);
		int			nest = stable_text_begin();

		read_hypothetical(&candidate->set, candidate->sql);
		stable_text_end(nest);
		foreach(one, candidate->set.indexes)
		{
			Hypothetical *full = palloc(sizeof(Hypothetical));

			*full = *(Hypothetical *) lfirst(one);
			full->shape.predicate = NIL;
			full->sampled_shape = palloc(sizeof(IndexShape));
			*full->sampled_shape = *((Hypothetical *) lfirst(one))->sampled_shape;
			full->sampled_shape->predicate = NIL;
			candidate->full.indexes = lappend(candidate->full.indexes, full);
		}
		indexes = list_concat(indexes, candidate->set.indexes);
		indexes = list_concat(indexes, candidate->full.indexes);
	}
	if (!try_to_measure(indexes))
		measure_each(all);
}

static double
set_size(HypotheticalSet *set)
{
	double		result = 0;
	ListCell   *lc;

	foreach(lc, set->indexes)
		result += ((Hypothetical *) lfirst(lc))->pages * BLCKSZ;
	return result;
}

/* The part of the table's rows, or of all partitions', that an index holds. */
static double
candidate_share(Candidate *candidate)
{
	double		held = 0;
	double		rows = 0;
	ListCell   *lc;

	foreach(lc, candidate->set.indexes)
		held += ((Hypothetical *) lfirst(lc))->tuples;
	foreach(lc, candidate->full.indexes)
		rows += ((Hypothetical *) lfirst(lc))->tuples;
	return rows > 0 ? Min(held / rows, 1) : 1;
}

/* Find out for which statements each candidate is good; as_statement_user() calls it for one of them. */
static void
try_candidates(Suggestions *all, Statement *statement)
{
	ListCell   *lc;

	foreach(lc, all->candidates)
	{
		Candidate  *candidate = lfirst(lc);
		double		cost;
		CandidateUse *use;

		CHECK_FOR_INTERRUPTS();
		if (candidate->fails || candidate_share(candidate) > LARGEST_SHARE)
			continue;
		cost = cost_with(statement, candidate);
		if (cost < 0 || cost > statement->cost * (1 - LEAST_SAVING))
			continue;
		use = palloc(sizeof(CandidateUse));
		use->statement = statement;
		use->cost = cost;
		candidate->uses = lappend(candidate->uses, use);
	}
}

/* The least that a statement costs with one of these indexes of the table. */
static double
best_cost(List *candidates, Statement *statement, Oid relid)
{
	double		result = statement->cost;
	ListCell   *lc;
	ListCell   *one;

	foreach(lc, candidates)
	{
		Candidate  *candidate = lfirst(lc);

		if (candidate->relid == relid)
			foreach(one, candidate->uses)
				if (((CandidateUse *) lfirst(one))->statement == statement)
					result = Min(result, ((CandidateUse *) lfirst(one))->cost);
	}
	return result;
}

/* What a candidate saves beyond those that were chosen; little of a statement's cost does not count. */
static double
saves_more(Candidate *candidate, List *chosen)
{
	double		result = 0;
	ListCell   *lc;

	foreach(lc, candidate->uses)
	{
		CandidateUse *use = lfirst(lc);
		double		saves = best_cost(chosen, use->statement, candidate->relid) - use->cost;

		if (use->statement->queries && saves >= use->statement->cost * LEAST_SAVING)
			result += saves;
	}
	return result;
}

/* Is the first a better choice than the second? Of nearly the same saving: the smaller, then the simpler one. */
static bool
is_better(Candidate *a, double a_saves, Candidate *b, double b_saves)
{
	if (b == NULL || fabs(a_saves - b_saves) > LEAST_SAVING * Max(a_saves, b_saves))
		return b == NULL || a_saves > b_saves;
	if (set_size(&a->set) != set_size(&b->set))
		return set_size(&a->set) < set_size(&b->set);
	if (strlen(a->sql) != strlen(b->sql))
		return strlen(a->sql) < strlen(b->sql);
	return strcmp(a->sql, b->sql) < 0;
}

/* The next candidate to choose, or NULL: no other one saves anything. */
static Candidate *
next_choice(Suggestions *all, List *chosen)
{
	Candidate  *result = NULL;
	double		best = 0;
	ListCell   *lc;

	foreach(lc, all->candidates)
	{
		double		saves = list_member_ptr(chosen, lfirst(lc)) ? 0 : saves_more(lfirst(lc), chosen);

		if (saves > 0 && is_better(lfirst(lc), saves, result, best))
		{
			result = lfirst(lc);
			best = saves;
		}
	}
	return result;
}

/* The candidates to suggest, the one that saves most first. */
static List *
choose(Suggestions *all)
{
	List	   *result = NIL;
	Candidate  *choice;

	while ((choice = next_choice(all, result)) != NULL)
		result = lappend(result, choice);
	return result;
}

/* ------------------------------------------------------------------------ */
/* The result																*/
/* ------------------------------------------------------------------------ */

/* A row for each statement that the index serves best. */
static void
put_candidate(ReturnSetInfo *rsinfo, Candidate *candidate, List *chosen)
{
	ListCell   *lc;

	foreach(lc, candidate->uses)
	{
		CandidateUse *use = lfirst(lc);
		Datum		values[10];
		bool		nulls[10] = {false};

		if (use->statement->queries == NIL || use->cost > best_cost(chosen, use->statement, candidate->relid))
			continue;
		values[0] = ObjectIdGetDatum(candidate->relid);
		values[1] = CStringGetTextDatum(candidate->sql);
		values[2] = CStringGetTextDatum(candidate->condition);
		values[3] = Int64GetDatum((int64) set_size(&candidate->set));
		values[4] = Int64GetDatum((int64) set_size(&candidate->full));
		nulls[4] = candidate->full_fails;
		values[5] = Float8GetDatum(rint(candidate_share(candidate) * 10000) / 10000);
		values[6] = CStringGetTextDatum(use->statement->source);
		values[7] = CStringGetTextDatum(use->statement->text);
		values[8] = Float8GetDatum(rint(use->statement->cost * 100) / 100);
		values[9] = Float8GetDatum(rint(use->cost * 100) / 100);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* Statements from all sources. */
static void
find_statements(Suggestions *all, FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(1))
	{
		given_statements(all, PG_GETARG_ARRAYTYPE_P(1));
		return;
	}
	counted_statements(all);
	rare_statements(all);
	if (all->skipped > 0)
		ereport(NOTICE,
				(errmsg_plural("%d statement of pg_stat_statements cannot be planned, skipped",
							   "%d statements of pg_stat_statements cannot be planned, skipped",
							   all->skipped, all->skipped)));
}

/* more.suggest_partial_indexes */
Datum
suggest_partial_indexes(PG_FUNCTION_ARGS)
{
	Suggestions all = {.target = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0)};
	List	   *chosen;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (!PG_ARGISNULL(0))
	{
		relation_close(condition_table(all.target, AccessShareLock), NoLock);
		require_indexed_kind(all.target);
	}
	find_statements(&all, fcinfo);
	measure_candidates(&all);
	foreach(lc, all.statements)
		if (((Statement *) lfirst(lc))->queries)
			as_statement_user(&all, lfirst(lc), try_candidates);
	chosen = choose(&all);
	foreach(lc, chosen)
		put_candidate((ReturnSetInfo *) fcinfo->resultinfo, lfirst(lc), chosen);
	return (Datum) 0;
}
