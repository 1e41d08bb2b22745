/*
 * explain.c
 *	  EXPLAIN tells which rewrites are in a plan.
 *
 * Each note of a plan (notes.c) is a line after the plan, or in the structured
 * formats an entry of the query's "pg_more".  Since 18 the server calls a hook
 * where such lines belong.  Until 17 there is none, but the query's group is
 * still open when EXPLAIN ends the executor, at the very place where the later
 * hook is called, so the lines are printed there: ExplainOneQuery_hook tells
 * where EXPLAIN prints, ExecutorEnd_hook which plan it ends.
 *
 * EXPLAIN EXECUTE does not pass ExplainOneQuery_hook, and nothing else tells
 * where it prints.  So until 17 its output is caught on its way to the client
 * and the notes are added to the text.
 *
 * auto_explain prints by itself; it shows the notes since 19, where it calls
 * the same hook.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "commands/explain.h"
#include "commands/prepare.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

#include "planner/planner.h"

/* Is a statement planned for EXPLAIN without ANALYZE, so that both costs are wanted? */
bool		explaining = false;

static ExplainOneQuery_hook_type previous_explain = NULL;

#if PG_VERSION_NUM < 170000
/* What the server does where there is no hook; exported since 17. */
static void
standard_ExplainOneQuery(Query *query, int cursor_options, IntoClause *into, ExplainState *es,
						 const char *query_string, ParamListInfo params, QueryEnvironment *query_env)
{
	PlannedStmt *plan;
	instr_time	start;
	instr_time	duration;
	BufferUsage before = pgBufferUsage;
	BufferUsage used = {0};

	INSTR_TIME_SET_CURRENT(start);
	plan = pg_plan_query(query, query_string, cursor_options, params);
	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, start);
	if (es->buffers)
		BufferUsageAccumDiff(&used, &pgBufferUsage, &before);
	ExplainOnePlan(plan, into, es, query_string, params, query_env, &duration, es->buffers ? &used : NULL);
}
#endif

/* Print notes into the group that is open. */
static void
print_notes(ExplainState *es, List *notes)
{
	List	   *shown = NIL;
	ListCell   *lc;

	if (notes == NIL)
		return;
	foreach(lc, notes)
	{
		char	   *note = es->costs ? lfirst(lc) : note_without_cost(lfirst(lc));

		if (es->format == EXPLAIN_FORMAT_TEXT)
			ExplainPropertyText("pg_more", note, es);
		shown = lappend(shown, note);
	}
	if (es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyList("pg_more", shown, es);
}

#if PG_VERSION_NUM < 180000

/* The EXPLAIN that is under way. */
typedef struct Watch
{
	const char *query_string;	/* whose plan's notes are wanted */
	ExplainState *es;			/* where they are printed; NULL: they are collected */
	List	   *notes;			/* collected, in context */
	int			plans;			/* how many plans were collected from */
	MemoryContext context;
} Watch;

static Watch *watch = NULL;

static ExecutorEnd_hook_type previous_executor_end = NULL;
static ProcessUtility_hook_type previous_utility = NULL;

/*
 * ExecutorEnd_hook: print or collect the notes of the plan that is explained.
 * Statements that run inside it have another text, at another address.
 */
static void
note_executor_end(QueryDesc *desc)
{
	if (watch && desc->sourceText == watch->query_string)
	{
		if (watch->es)
			print_notes(watch->es, plan_notes(desc->plannedstmt));
		else
		{
			MemoryContext old = MemoryContextSwitchTo(watch->context);
			ListCell   *lc;

			foreach(lc, plan_notes(desc->plannedstmt))
				watch->notes = lappend(watch->notes, pstrdup(lfirst(lc)));
			watch->plans++;
			MemoryContextSwitchTo(old);
		}
	}
	if (previous_executor_end)
		previous_executor_end(desc);
	else
		standard_ExecutorEnd(desc);
}

#endif

/* The ExplainOneQuery_hook that was there before, or the server's function. */
static void
call_explain(Query *query, int cursor_options, IntoClause *into, ExplainState *es,
			 const char *query_string, ParamListInfo params, QueryEnvironment *query_env)
{
	if (previous_explain)
		previous_explain(query, cursor_options, into, es, query_string, params, query_env);
	else
		standard_ExplainOneQuery(query, cursor_options, into, es, query_string, params, query_env);
}

/* ExplainOneQuery_hook */
static void
more_explain(Query *query, int cursor_options, IntoClause *into, ExplainState *es,
			 const char *query_string, ParamListInfo params, QueryEnvironment *query_env)
{
	bool		was_explaining = explaining;
#if PG_VERSION_NUM < 180000
	Watch	   *outer = watch;
	Watch		mine = {.query_string = query_string, .es = es};

	watch = &mine;
#endif
	/* what ANALYZE reports as planning time must be what planning takes */
	explaining = !es->analyze;
	PG_TRY();
	{
		call_explain(query, cursor_options, into, es, query_string, params, query_env);
	}
	PG_FINALLY();
	{
		explaining = was_explaining;
#if PG_VERSION_NUM < 180000
		watch = outer;
#endif
	}
	PG_END_TRY();
}

#if PG_VERSION_NUM >= 180000

static explain_per_plan_hook_type previous_per_plan = NULL;

/* explain_per_plan_hook */
static void
more_per_plan(PlannedStmt *plan, IntoClause *into, ExplainState *es, const char *query_string,
			  ParamListInfo params, QueryEnvironment *query_env)
{
	if (previous_per_plan)
		previous_per_plan(plan, into, es, query_string, params, query_env);
	print_notes(es, plan_notes(plan));
}

#else							/* before 18: EXPLAIN EXECUTE */

/* The last line of EXPLAIN ANALYZE, before which the notes stand. */
#define TIME_LINE "Execution Time: "

/* Passes EXPLAIN's output on and adds the notes. */
typedef struct NotesReceiver
{
	DestReceiver pub;
	DestReceiver *inner;
	Watch	   *watch;
	ExplainState *es;			/* in which the additions are written */
	TupleTableSlot *slot;		/* in which they are sent */
} NotesReceiver;

static void
notes_startup(DestReceiver *self, int operation, TupleDesc tupdesc)
{
	NotesReceiver *receiver = (NotesReceiver *) self;

	receiver->slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsVirtual);
	receiver->inner->rStartup(receiver->inner, operation, tupdesc);
}

static bool
send_text(NotesReceiver *receiver, const char *text, int length)
{
	TupleTableSlot *slot = ExecClearTuple(receiver->slot);

	slot->tts_values[0] = PointerGetDatum(cstring_to_text_with_len(text, length));
	slot->tts_isnull[0] = false;
	return receiver->inner->receiveSlot(ExecStoreVirtualTuple(slot), receiver->inner);
}

/* Send the notes of a plan as lines. */
static bool
send_notes(NotesReceiver *receiver)
{
	bool		more = true;
	char	   *line;

	print_notes(receiver->es, receiver->watch->notes);
	receiver->watch->notes = NIL;
	line = receiver->es->str->data;
	while (more && *line)
	{
		int			length = strcspn(line, "\n");

		more = send_text(receiver, line, length);
		line += length + (line[length] == '\n');
	}
	resetStringInfo(receiver->es->str);
	return more;
}

/*
 * Put the notes before the text that ends a structured output: it is written
 * anew with them.
 */
static bool
send_with_notes(NotesReceiver *receiver, char *text, int length)
{
	ExplainState *es = receiver->es;
	int			start;
	int			end;
	StringInfoData result;

	ExplainBeginOutput(es);
	ExplainOpenGroup("Query", NULL, true, es);
	/* not the first in its group */
	if (es->format == EXPLAIN_FORMAT_JSON || es->format == EXPLAIN_FORMAT_YAML)
		linitial_int(es->grouping_stack) = 1;
	start = es->str->len;
	print_notes(es, receiver->watch->notes);
	end = es->str->len;
	ExplainCloseGroup("Query", NULL, true, es);
	ExplainEndOutput(es);

	initStringInfo(&result);
	appendBinaryStringInfo(&result, text, Max(length - (es->str->len - end), 0));
	appendBinaryStringInfo(&result, es->str->data + start, es->str->len - start);
	return send_text(receiver, result.data, result.len);
}

static bool
notes_receive(TupleTableSlot *slot, DestReceiver *self)
{
	NotesReceiver *receiver = (NotesReceiver *) self;
	text	   *line;

	/* of several plans in one text the last one's end is no place for all notes */
	if (receiver->watch->notes == NIL ||
		(receiver->es->format != EXPLAIN_FORMAT_TEXT && receiver->watch->plans > 1))
		return receiver->inner->receiveSlot(slot, receiver->inner);
	slot_getallattrs(slot);
	line = DatumGetTextPP(slot->tts_values[0]);
	if (receiver->es->format != EXPLAIN_FORMAT_TEXT)
		return send_with_notes(receiver, VARDATA_ANY(line), VARSIZE_ANY_EXHDR(line));
	if (VARSIZE_ANY_EXHDR(line) > strlen(TIME_LINE) &&
		strncmp(VARDATA_ANY(line), TIME_LINE, strlen(TIME_LINE)) == 0 && !send_notes(receiver))
		return false;
	return receiver->inner->receiveSlot(slot, receiver->inner);
}

static void
notes_shutdown(DestReceiver *self)
{
	NotesReceiver *receiver = (NotesReceiver *) self;

	if (receiver->watch->notes && receiver->es->format == EXPLAIN_FORMAT_TEXT)
		(void) send_notes(receiver);
	ExecDropSingleTupleTableSlot(receiver->slot);
	receiver->inner->rShutdown(receiver->inner);
}

/* The caller destroys the receiver inside. */
static void
notes_destroy(DestReceiver *self)
{
}

/* The prepared statement that an EXPLAIN is about, or NULL. */
static PreparedStatement *
explained_execute(ExplainStmt *stmt)
{
	Node	   *node = stmt->query;

	if (IsA(node, Query))
		node = ((Query *) node)->utilityStmt;
	if (node && IsA(node, CreateTableAsStmt))
		node = ((CreateTableAsStmt *) node)->query;
	if (node && IsA(node, Query))
		node = ((Query *) node)->utilityStmt;
	if (node == NULL || !IsA(node, ExecuteStmt))
		return NULL;
	return FetchPreparedStatement(((ExecuteStmt *) node)->name, false);
}

/* The options of an EXPLAIN that matter to how notes are written; wrong ones are the server's to refuse. */
static ExplainState *
state_for_notes(ExplainStmt *stmt)
{
	ExplainState *es = NewExplainState();
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		DefElem    *option = lfirst(lc);

		if (strcmp(option->defname, "costs") == 0)
			es->costs = defGetBoolean(option);
		else if (strcmp(option->defname, "format") == 0)
		{
			char	   *format = defGetString(option);

			es->format = strcmp(format, "json") == 0 ? EXPLAIN_FORMAT_JSON :
				strcmp(format, "yaml") == 0 ? EXPLAIN_FORMAT_YAML :
				strcmp(format, "xml") == 0 ? EXPLAIN_FORMAT_XML : EXPLAIN_FORMAT_TEXT;
		}
	}
	return es;
}

static void
call_utility(PlannedStmt *stmt, const char *query_string, bool read_only, ProcessUtilityContext context,
			 ParamListInfo params, QueryEnvironment *query_env, DestReceiver *dest, QueryCompletion *qc)
{
	if (previous_utility)
		previous_utility(stmt, query_string, read_only, context, params, query_env, dest, qc);
	else
		standard_ProcessUtility(stmt, query_string, read_only, context, params, query_env, dest, qc);
}

/* ProcessUtility_hook: only EXPLAIN EXECUTE is of interest. */
static void
more_utility(PlannedStmt *stmt, const char *query_string, bool read_only, ProcessUtilityContext context,
			 ParamListInfo params, QueryEnvironment *query_env, DestReceiver *dest, QueryCompletion *qc)
{
	PreparedStatement *prepared = NULL;
	Watch	   *outer = watch;
	Watch		mine = {.context = CurrentMemoryContext};
	NotesReceiver receiver = {
		.pub = {
			notes_receive, notes_startup, notes_shutdown, notes_destroy, dest->mydest
		},
		.inner = dest,
		.watch = &mine,
	};

	if (IsA(stmt->utilityStmt, ExplainStmt))
		prepared = explained_execute((ExplainStmt *) stmt->utilityStmt);
	if (prepared == NULL)
	{
		call_utility(stmt, query_string, read_only, context, params, query_env, dest, qc);
		return;
	}
	receiver.es = state_for_notes((ExplainStmt *) stmt->utilityStmt);
	mine.query_string = prepared->plansource->query_string;
	watch = &mine;
	PG_TRY();
	{
		call_utility(stmt, query_string, read_only, context, params, query_env, &receiver.pub, qc);
	}
	PG_FINALLY();
	{
		watch = outer;
	}
	PG_END_TRY();
}

#endif

/*
 * explain_init
 *		Install the hooks.
 */
void
explain_init(void)
{
	previous_explain = ExplainOneQuery_hook;
	ExplainOneQuery_hook = more_explain;
#if PG_VERSION_NUM >= 180000
	previous_per_plan = explain_per_plan_hook;
	explain_per_plan_hook = more_per_plan;
#else
	previous_executor_end = ExecutorEnd_hook;
	ExecutorEnd_hook = note_executor_end;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = more_utility;
#endif
}
