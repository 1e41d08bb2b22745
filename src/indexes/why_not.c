/*
 * why_not.c
 *	  more.why_not(): which partial indexes a query can use, and why it does not.
 *
 * The statement is parsed, analysed, rewritten and planned, and not run; nothing
 * is written.  As with EXPLAIN the caller needs the privileges that running it
 * takes, which are checked on the plan before anything is told.
 *
 * Each table has a row for each place of the statement that reads it, on all
 * levels: subqueries, CTEs, views, policies; and for each of its partial
 * indexes and those of its partitions and children.  The statement is planned
 * once as it is, and once for each row so that it takes that index
 * (why_not_look.c): it is usable if that plan does.  With parameters, both
 * are generic plans; values are looked for (why_not_params.c) where the generic
 * plan cannot take the index.
 *
 * An ON CONFLICT that finds no index fails in the planner.  It is taken off then,
 * to plan the rest.
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "catalog.h"
#include "compat.h"
#include "indexes/indexes.h"
#include "indexes/plan_with.h"
#include "indexes/why_not.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(why_not);

/* A line of the result. */
typedef struct Verdict
{
	bool		used;
	bool		usable;
	bool		generic;
	char	   *reason;
	char	   *suggestion;		/* or NULL */
} Verdict;

/* ----------
 * Where the statement reads tables
 * ----------
 */

typedef struct ReferenceSearch
{
	const char *inside;
	List	   *found;
} ReferenceSearch;

/* The relations that a FROM clause joins. */
static bool
from_walker(Node *node, Bitmapset **relations)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblRef))
	{
		*relations = bms_add_member(*relations, ((RangeTblRef *) node)->rtindex);
		return false;
	}
	/* conditions are expressions, which have no such nodes */
	return expression_tree_walker(node, from_walker, relations);
}

/* The relations that a query reads, or inserts into. */
static Bitmapset *
relations_of_query(Query *query)
{
	Bitmapset  *result = NULL;

	if (query->jointree)
		(void) from_walker((Node *) query->jointree, &result);
	if (query->commandType == CMD_MERGE)
		result = bms_add_member(result, compat_merge_target(query));
	else if (query->resultRelation > 0)
		result = bms_add_member(result, query->resultRelation);
	return result;
}

static bool reference_walker(Node *node, ReferenceSearch *search);

static void
search_query(Query *query, const char *inside, ReferenceSearch *search)
{
	const char *outside = search->inside;

	search->inside = inside;
	(void) reference_walker((Node *) query, search);
	search->inside = outside;
}

/* Note a table that a query reads. */
static void
add_reference(Query *query, Index rti, ReferenceSearch *search)
{
	RangeTblEntry *rte = rt_fetch(rti, query->rtable);
	Reference  *reference;

	if (rte->rtekind != RTE_RELATION ||
		(rte->relkind != RELKIND_RELATION && rte->relkind != RELKIND_PARTITIONED_TABLE &&
		 rte->relkind != RELKIND_MATVIEW))
		return;
	reference = palloc0(sizeof(Reference));
	reference->mark = relation_mark(rte);
	reference->rte = rte;
	reference->level = query;
	reference->rti = rti;
	reference->inside = search->inside;
	reference->only_written = query->commandType == CMD_INSERT && rti == query->resultRelation;
	search->found = lappend(search->found, reference);
}

/* Has a subquery a name that somebody gave it? */
static bool
is_named(RangeTblEntry *rte)
{
	const char *name = rte->eref->aliasname;

	return strncmp(name, "*SELECT*", 8) != 0 && strncmp(name, "unnamed_subquery", 16) != 0;
}

/* Note the tables of a query and of those in it. */
static bool
reference_walker(Node *node, ReferenceSearch *search)
{
	ListCell   *lc;
	Query	   *query = (Query *) node;
	Bitmapset  *relations;
	int			rti = -1;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, reference_walker, search);
	relations = relations_of_query(query);
	while ((rti = bms_next_member(relations, rti)) > 0)
		add_reference(query, rti, search);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY && rte->subquery)
			search_query(rte->subquery, is_named(rte) ? rte->eref->aliasname : search->inside, search);
	}
	foreach(lc, query->cteList)
		search_query(castNode(Query, lfirst_node(CommonTableExpr, lc)->ctequery),
					 lfirst_node(CommonTableExpr, lc)->ctename, search);
	return query_tree_walker(query, reference_walker, search,
							 QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES | QTW_IGNORE_JOINALIASES);
}

/*
 * find_references
 *		The places of a statement, whose relations are marked, that read a table or
 *		insert into it: a list of Reference.
 */
List *
find_references(Query *query)
{
	ReferenceSearch search = {0};

	(void) reference_walker((Node *) query, &search);
	return search.found;
}

/* ----------
 * Which indexes
 * ----------
 */

/* Is an index partial? */
static bool
is_partial(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = !heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
	ReleaseSysCache(tuple);
	return result;
}

/* Is it the index that is asked for, or one of its partitions; or partial, where none is asked for? */
static bool
is_wanted(Oid index, Oid wanted)
{
	if (!OidIsValid(wanted))
		return is_partial(index);
	return index == wanted ||
		(get_rel_relispartition(index) && list_member_oid(get_partition_ancestors(index), wanted));
}

/* The indexes of a table that are to be told of; partitioned ones, which hold no rows, only where these count. */
static List *
wanted_indexes(Oid table, Oid wanted, bool partitioned)
{
	Relation	rel = try_table_open(table, AccessShareLock);
	List	   *all;
	List	   *result = NIL;
	ListCell   *lc;

	if (rel == NULL)
		return NIL;
	all = RelationGetIndexList(rel);
	foreach(lc, all)
		if (is_wanted(lfirst_oid(lc), wanted) &&
			(partitioned || get_rel_relkind(lfirst_oid(lc)) != RELKIND_PARTITIONED_INDEX))
			result = lappend_oid(result, lfirst_oid(lc));
	table_close(rel, NoLock);
	return result;
}

/* The tables whose indexes a reference can use. */
static List *
tables_of(Reference *reference)
{
	/* conflicts are looked for by the indexes of the table that is named */
	if (!reference->rte->inh || reference->only_written)
		return list_make1_oid(reference->rte->relid);
	return find_all_inheritors(reference->rte->relid, AccessShareLock, NULL);
}

/* ----------
 * Verdicts
 * ----------
 */

/* Settings without which an index is not taken. */
static char *
disabling_settings(void)
{
	StringInfoData text;
	const struct
	{
		const char *name;
		bool		on;
	}			settings[] = {
		{"enable_indexscan", enable_indexscan},
		{"enable_bitmapscan", enable_bitmapscan},
		{"enable_nestloop", enable_nestloop},
	};

	initStringInfo(&text);
	for (int i = 0; i < lengthof(settings); i++)
		if (!settings[i].on)
			appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", settings[i].name);
	return text.len > 0 ? text.data : NULL;
}

/* Why an index that can be used is not. */
static char *
explain_cost(Look *look, PlannedStmt *plan)
{
	Cost		cost = plan->planTree->total_cost;
	const char *relation = look->cost > cost ? "it would cost more" : "it would not cost clearly less";

	if (look->disabled > disabled_nodes_of(plan) && disabling_settings())
		return psprintf("usable, but settings forbid it: %s off", disabling_settings());
	return psprintf("usable, but %s: the plan costs %.2f, with the index %.2f%s", relation, cost, look->cost,
					look->matched ? "" : "; no condition or order fits its columns, so all of it would be read");
}

/* Why the planner does not know of an index. */
static void
explain_unknown(Oid index, Verdict *verdict)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool		valid;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for index %u", index);
	valid = ((Form_pg_index) GETSTRUCT(tuple))->indisvalid;
	ReleaseSysCache(tuple);
	if (valid)
	{
		verdict->reason = "the planner leaves the index out: it may be too new for this transaction, or another module hides it";
		return;
	}
	verdict->reason = "the index is not valid: a concurrent build has failed or still runs";
	verdict->suggestion = psprintf("REINDEX INDEX CONCURRENTLY %s", qualified_name(index));
}

/* Does the kind of index need a condition on its first column? */
static bool
needs_first_column(Oid index)
{
	Relation	rel = index_open(index, AccessShareLock);
	bool		result = !rel->rd_indam->amoptionalkey;

	index_close(rel, AccessShareLock);
	return result;
}

#define NEEDS_COLUMN "an index of this kind needs a condition on its first column that it can look up"

/* Plan without pg_more's own rewrites, which may have made other conditions of those that were written. */
static Look *
look_without_rewrites(Statement *statement, int mark, Oid index)
{
	int			nest = NewGUCNestLevel();
	Look	   *look;

	(void) set_config_option("pg_more.rewrites", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	look = look_at(statement, statement->query, NULL, mark, index);
	AtEOXact_GUC(true, nest);
	return look;
}

/* Why the predicate does not follow, and what would make it. */
static void
explain_unprovable(Statement *statement, Reference *reference, Oid table, Oid index, Verdict *verdict)
{
	Look	   *look = look_without_rewrites(statement, reference->mark, index);
	bool		refuted;

	if (look->taken)
	{
		verdict->reason = "pg_more plans the query in another form, which the index does not serve";
		verdict->suggestion = "SET pg_more.rewrites = off";
		return;
	}
	verdict->reason = explain_unproved(reference, table, look, &refuted);
	if (refuted)
		return;
	verdict->suggestion = suggest_change(statement, reference, table, index, look);
	if (verdict->suggestion == NULL && needs_first_column(index))
		verdict->reason = psprintf("%s; besides, " NEEDS_COLUMN, verdict->reason);
}

/* Why an index cannot be used. */
static void
explain_unusable(Statement *statement, Reference *reference, Oid table, Oid index, Look *look,
				 Verdict *verdict)
{
	if (!look->read)
		verdict->reason = "the plan does not read the table here: conditions exclude it, or a join with it changes nothing";
	else if (look->empty)
		verdict->reason = "no row can satisfy the query's conditions";
	else if (look->sampled)
		verdict->reason = "TABLESAMPLE reads the table itself";
	else if (!look->known)
		explain_unknown(index, verdict);
	else if (!look->provable)
		explain_unprovable(statement, reference, table, index, verdict);
	else if (needs_first_column(index))
		verdict->reason = NEEDS_COLUMN;
	else
		verdict->reason = "no condition or order of the query fits its columns";
}

/* What becomes of an index where rows are read. */
static void
judge_reading(Statement *statement, Reference *reference, Oid table, Oid index, PlannedStmt *base, Verdict *verdict)
{
	Look	   *generic = look_at(statement, statement->query, NULL, reference->mark, index);
	Look	   *look = generic;
	PlannedStmt *plan = base;
	ParamListInfo values = NULL;

	verdict->used = takes_index(base, reference->mark, index);
	verdict->generic = verdict->used || generic->taken;
	if (!verdict->generic && !generic->provable)
		values = find_values(statement, reference->mark, index, generic);
	if (values)
	{
		PlanWith	with = {0};

		look = look_at(statement, statement->query, values, reference->mark, index);
		plan = plan_with(&with, statement->query, statement->text, values);
		verdict->used = takes_index(plan, reference->mark, index);
	}
	verdict->usable = verdict->used || look->taken;
	if (!verdict->usable)
	{
		explain_unusable(statement, reference, table, index, look, verdict);
		return;
	}
	verdict->reason = verdict->used ? (look->matched ? "the plan uses it" : "the plan uses it, by its predicate alone") :
		explain_cost(look, plan);
	if (values)
	{
		bool		refuted;

		verdict->reason = psprintf("with %s: %s; in a generic plan, which the server may turn to after five executions: %s",
								   values_text(values), verdict->reason,
								   explain_unproved(reference, table,
													look_without_rewrites(statement, reference->mark, index), &refuted));
		verdict->suggestion = psprintf("write the value in the query, %s, or SET plan_cache_mode = force_custom_plan",
									   values_text(values));
	}
}

/* ----------
 * The result
 * ----------
 */

/* What a table is called, and where. */
static char *
reference_text(Reference *reference, Oid table)
{
	StringInfoData text;
	const char *alias = reference->rte->eref->aliasname;

	initStringInfo(&text);
	appendStringInfoString(&text, DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(table))));
	if (strcmp(alias, get_rel_name(table)) != 0)
		appendStringInfo(&text, " AS %s", quote_identifier(alias));
	if (reference->inside)
		appendStringInfo(&text, " in %s", quote_identifier(reference->inside));
	return text.data;
}

static void
put_verdict(ReturnSetInfo *rsinfo, const char *relation, Oid index, Verdict *verdict)
{
	Datum		values[7] = {0};
	bool		nulls[7] = {false};

	values[0] = CStringGetTextDatum(relation);
	values[1] = ObjectIdGetDatum(index);
	values[2] = BoolGetDatum(verdict->used);
	values[3] = BoolGetDatum(verdict->usable);
	values[4] = BoolGetDatum(verdict->generic);
	values[5] = CStringGetTextDatum(verdict->reason);
	nulls[6] = verdict->suggestion == NULL;
	if (verdict->suggestion)
		values[6] = CStringGetTextDatum(verdict->suggestion);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The index and a table, at one place of the statement. */
static void
put_index(ReturnSetInfo *rsinfo, Statement *statement, Reference *reference, Oid table, Oid index, PlannedStmt *base)
{
	Verdict		verdict = {0};

	if (reference->only_written)
	{
		judge_arbiter(reference->level, index, &verdict.used, &verdict.reason, &verdict.suggestion);
		verdict.usable = verdict.generic = verdict.used;
	}
	else
		judge_reading(statement, reference, table, index, base, &verdict);
	put_verdict(rsinfo, reference_text(reference, table), index, &verdict);
}

/* The indexes at one place of the statement.  Returns how many there are. */
static int
put_reference(ReturnSetInfo *rsinfo, Statement *statement, Reference *reference, Oid wanted, PlannedStmt *base)
{
	List	   *tables = tables_of(reference);
	int			rows = 0;
	ListCell   *table;
	ListCell   *index;

	foreach(table, tables)
	{
		List	   *indexes = wanted_indexes(lfirst_oid(table), wanted, reference->only_written);

		foreach(index, indexes)
		{
			CHECK_FOR_INTERRUPTS();
			put_index(rsinfo, statement, reference, lfirst_oid(table), lfirst_oid(index), base);
			rows++;
		}
	}
	return rows;
}

/* Take off each ON CONFLICT that finds no index. */
static bool
conflict_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, conflict_walker, context);
	if (!has_arbiter((Query *) node))
		((Query *) node)->onConflict = NULL;
	return query_tree_walker((Query *) node, conflict_walker, context, 0);
}

/* All places and indexes of one statement that the rewriter made.  Returns how many there are. */
static int
put_statement(ReturnSetInfo *rsinfo, Statement *statement, Oid wanted)
{
	PlanWith	with = {0};
	PlannedStmt *base;
	List	   *references;
	int			rows = 0;
	ListCell   *lc;

	mark_relations(statement->query);
	references = find_references(statement->query);
	statement->query = copyObject(statement->query);
	(void) conflict_walker((Node *) statement->query, NULL);
	base = plan_with(&with, statement->query, statement->text, NULL);
	compat_check_permissions(base);
	foreach(lc, references)
		rows += put_reference(rsinfo, statement, lfirst(lc), wanted, base);
	return rows;
}

/* The table of the index that is asked for. */
static Oid
table_of_index(Oid index)
{
	char		relkind = get_rel_relkind(index);

	if (relkind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("relation with OID %u does not exist", index)));
	if (relkind != RELKIND_INDEX && relkind != RELKIND_PARTITIONED_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an index", get_rel_name(index))));
	return IndexGetRelation(index, false);
}

/*
 * why_not
 *		Each partial index of a query's tables, or the index that is asked for.
 */
Datum
why_not(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			wanted = PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1);
	Oid			table = InvalidOid;
	Statement	statement = {0};
	ErrorContextCallback callback = {error_context_stack, statement_error_callback, NULL};
	Query	   *query;
	List	   *rewritten;
	int			rows = 0;
	ListCell   *lc;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "query")));
	if (!PG_ARGISNULL(1))
		table = table_of_index(wanted);
	InitMaterializedSRF(fcinfo, 0);
	statement.text = text_to_cstring(PG_GETARG_TEXT_PP(0));
	callback.arg = (void *) statement.text;
	error_context_stack = &callback;
	query = analyse_statement(statement.text, "only statements that are planned can use an index",
							  &statement.types, &statement.ntypes);
	rewritten = pg_rewrite_query(query);
	foreach(lc, rewritten)
	{
		statement.query = lfirst_node(Query, lc);
		if (statement.query->commandType != CMD_UTILITY)
			rows += put_statement(rsinfo, &statement, wanted);
	}
	if (rows == 0 && OidIsValid(wanted))
	{
		Verdict		verdict = {.reason = "the query does not read a table of this index"};

		put_verdict(rsinfo, DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(table))), wanted, &verdict);
	}
	error_context_stack = callback.previous;
	return (Datum) 0;
}
