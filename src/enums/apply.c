/*
 * apply.c
 *	  Declaring the labels of an enum type: more.enum_apply and more.enum_plan.
 *
 * Both make up the same steps (declare.c).  The plan tells them and writes
 * nothing.  The procedure takes them one after the other: labels by the server's
 * own ALTER TYPE, all renames in one transaction and each new label in one of
 * its own, and drops and moves by the procedures that do these, in this process.
 * If a step fails, what was done stays, and the same call goes on from there:
 * the steps are made up anew from the type as it is then.
 *
 * Inside a transaction block, a declaration that takes neither drops nor moves
 * is applied within that transaction.
 *
 * Each step is recorded as a change of its own, as a part of the one that is
 * the whole declaration, which ends as done with the last of them.  An
 * interrupted one goes on under its number if the same declaration is applied
 * again; another declaration takes its place, and it ends as failed.
 *
 * Locks: the type's change lock, for the session or, in a transaction block, up
 * to its end, and what each step takes.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "enums/declare.h"
#include "enums/drop.h"
#include "enums/enums.h"

PG_FUNCTION_INFO_V1(enum_apply);
PG_FUNCTION_INFO_V1(enum_plan);

static const char *const action_names[] = {
	[STEP_CREATE] = "create",
	[STEP_RENAME] = "rename",
	[STEP_ADD] = "add",
	[STEP_DROP] = "drop",
	[STEP_REORDER] = "reorder"
};

/* The arguments of both functions. */
static Declaration *
declaration_argument(FunctionCallInfo fcinfo)
{
	Datum		renames;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", PG_ARGISNULL(0) ? "name" : "labels")));
	renames = PG_ARGISNULL(2) ? DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")) : PG_GETARG_DATUM(2);
	return declare(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_ARRAYTYPE_P(1), DatumGetJsonbP(renames),
				   PG_ARGISNULL(3) ? "protect" : text_to_cstring(PG_GETARG_TEXT_PP(3)),
				   PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4)));
}

/* --- doing it ------------------------------------------------------------------------ */

/* End the transaction and begin another; the procedure is not connected to SPI. */
static void
commit_step(void)
{
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	SPI_commit();
	SPI_finish();
}

/* Say that labels may have been renamed: that is not for us to decide. */
static void
tell_possible_renames(Declaration *declaration)
{
	if (declaration->gone == NIL || declaration->added == NIL)
		return;
	ereport(NOTICE,
			(errmsg("labels that are not declared any more: %s", labels_text(declaration->gone, false)),
			 errdetail("Labels that are new: %s.", labels_text(declaration->added, false)),
			 errhint("If one was renamed to another, say so: renames => '{\"old\": \"new\"}'. Otherwise rows follow on_delete.")));
}

/*
 * An interrupted change that is this declaration, or NULL.  Those of other
 * declarations, whose place it takes, end as failed.
 */
static EnumChange *
interrupted_application(Declaration *declaration)
{
	EnumChange *resumed = NULL;
	ListCell   *lc;

	foreach(lc, changes_of(declaration->type))
	{
		EnumChange *change = lfirst(lc);

		if (strcmp(change->action, "apply") != 0 || strcmp(change->state, "running") != 0)
			continue;
		if (resumed == NULL && is_application(change, declaration))
			resumed = change;
		else
			change_end(change, "failed");
	}
	return resumed;
}

/* The change that the whole declaration is. */
static EnumChange *
start_application(Declaration *declaration)
{
	EnumChange *resumed = interrupted_application(declaration);

	return resumed ? resumed : change_start(declaration->type, "apply", declaration->arguments);
}

/* Nothing is left to do: what was interrupted is done, if it is this declaration. */
static void
end_application(Declaration *declaration)
{
	EnumChange *resumed = interrupted_application(declaration);

	if (resumed)
		change_end(resumed, "done");
}

/* Run a step that is a statement, as a change of its own. */
static void
run_statement(Declaration *declaration, Step *step)
{
	StringInfoData json;
	EnumChange *change;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_json_text(&json, step->kind == STEP_RENAME ? "old" : "label", step->label);
	if (step->kind == STEP_RENAME)
		add_json_text(&json, "new", step->other);
	else
	{
		add_json_text(&json, "before", step->before ? step->other : NULL);
		add_json_text(&json, "after", step->before ? NULL : step->other);
	}
	appendStringInfoChar(&json, '}');
	change = change_start(declaration->type, action_names[step->kind], json.data);
	if (step->kind == STEP_RENAME)
		rename_enum_value(declaration->type, step->label, step->other);
	else
		add_enum_value(declaration->type, step->label, step->before ? step->other : NULL,
					   step->before ? NULL : step->other);
	change_end(change, "done");
}

/* Create the type; the whole change begins with it. */
static void
run_create(Declaration *declaration, Step *step, EnumChange **whole)
{
	int			code;
	int32		typmod;
	EnumChange *part;

	SPI_connect();
	code = SPI_execute(step->sql, false, 0);
	if (code != SPI_OK_UTILITY)
		elog(ERROR, "CREATE TYPE through SPI returned %s", SPI_result_code_string(code));
	SPI_finish();
	parse_type_name(declaration->sql_name, &declaration->type, &typmod);
	*whole = start_application(declaration);
	change_whole = (*whole)->id;
	part = change_start(declaration->type, "create", declaration->arguments);
	change_end(part, "done");
}

static Datum
labels_array(List *labels)
{
	Datum	   *elements = palloc(sizeof(Datum) * list_length(labels));
	ListCell   *lc;

	foreach(lc, labels)
		elements[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(construct_array(elements, list_length(labels), TEXTOID, -1, false, TYPALIGN_INT));
}

/* A procedure of this extension. */
static Oid
procedure_of(const char *name, int nargs, Oid *types)
{
	Oid			result = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
										 PointerGetDatum(buildoidvector(types, nargs)),
										 ObjectIdGetDatum(get_namespace_oid("more", false)));

	if (!OidIsValid(result))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("procedure more.%s does not exist", name)));
	return result;
}

/*
 * Run a drop or a move.  These are procedures: they commit, and end in a new
 * transaction.  They are called as a CALL would, with no SPI connection, since
 * they may have to end theirs.
 */
static void
run_procedure(FunctionCallInfo apply, Declaration *declaration, Step *step)
{
	Oid			types[] = {REGTYPEOID, step->kind == STEP_DROP ? TEXTOID : TEXTARRAYOID, TEXTOID, TEXTOID};
	int			nargs = step->kind == STEP_DROP ? 4 : 2;
	FmgrInfo	procedure;
	LOCAL_FCINFO(fcinfo, 4);

	/* as at the beginning of a CALL */
	EnsurePortalSnapshotExists();
	fmgr_info(procedure_of(step->kind == STEP_DROP ? "enum_drop" : "enum_reorder", nargs, types), &procedure);
	InitFunctionCallInfoData(*fcinfo, &procedure, nargs, InvalidOid, apply->context, NULL);
	memset(fcinfo->args, 0, sizeof(NullableDatum) * 4);
	fcinfo->args[0].value = ObjectIdGetDatum(declaration->type);
	if (step->kind == STEP_REORDER)
		fcinfo->args[1].value = labels_array(step->labels);
	else
	{
		fcinfo->args[1].value = CStringGetTextDatum(step->label);
		fcinfo->args[2].value = CStringGetTextDatum(step->on_delete);
		fcinfo->args[3].isnull = step->replacement == NULL;
		if (step->replacement)
			fcinfo->args[3].value = CStringGetTextDatum(step->replacement);
	}
	(void) FunctionCallInvoke(fcinfo);
}

static bool
is_procedure(Step *step)
{
	return step->kind == STEP_DROP || step->kind == STEP_REORDER;
}

static bool
has_procedure(List *steps)
{
	ListCell   *lc;

	foreach(lc, steps)
		if (is_procedure(lfirst(lc)))
			return true;
	return false;
}

/* Is the procedure called where it may commit? */
static bool
may_commit(FunctionCallInfo fcinfo)
{
	return fcinfo->context && IsA(fcinfo->context, CallContext) && !((CallContext *) fcinfo->context)->atomic;
}

/* Add to an error which step it stopped, of how many. */
static void
rethrow_with_step(MemoryContext context, Step *step, int number, int count)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	error->message = psprintf("step %d of %d (%s%s%s%s): %s", number, count, action_names[step->kind],
							  step->label ? " \"" : "", step->label ? step->label : "", step->label ? "\"" : "",
							  error->message);
	ReThrowError(error);
}

/* One step; afterwards, where that is possible, it is committed, but for renames that others follow. */
static void
run_step(FunctionCallInfo fcinfo, Declaration *declaration, List *steps, int i, EnumChange **whole)
{
	Step	   *step = list_nth(steps, i);
	Step	   *next = i + 1 < list_length(steps) ? list_nth(steps, i + 1) : NULL;

	if (step->kind == STEP_CREATE)
		run_create(declaration, step, whole);
	else
		change_step(*whole, action_names[step->kind], step->label);
	if (step->kind == STEP_RENAME || step->kind == STEP_ADD)
		run_statement(declaration, step);
	if (is_procedure(step))
		run_procedure(fcinfo, declaration, step);
	else if (next && !(step->kind == STEP_RENAME && next->kind == STEP_RENAME) && may_commit(fcinfo))
		commit_step();
}

/* All steps, and the record of the whole. */
static void
run_steps(FunctionCallInfo fcinfo, Declaration *declaration, List *steps)
{
	MemoryContext context = CurrentMemoryContext;
	EnumChange *whole = NULL;
	volatile int i = 0;

	PG_TRY();
	{
		if (OidIsValid(declaration->type))
		{
			whole = start_application(declaration);
			change_whole = whole->id;
		}
		for (; i < list_length(steps); i++)
		{
			run_step(fcinfo, declaration, steps, i, &whole);
			MemoryContextSwitchTo(context);
		}
		change_end(whole, "done");
	}
	PG_CATCH();
	{
		change_whole = 0;
		if (i < list_length(steps))
			rethrow_with_step(context, list_nth(steps, i), i + 1, list_length(steps));
		PG_RE_THROW();
	}
	PG_END_TRY();
	change_whole = 0;
}

/* Refuse drops and moves where they cannot commit, before anything is done. */
static void
require_commits(FunctionCallInfo fcinfo, List *steps)
{
	if (!has_procedure(steps))
		return;
	if (!may_commit(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("more.enum_apply cannot drop or move values inside a transaction block"),
				 errdetail("These steps commit."),
				 errhint("Send CALL more.enum_apply(...) as a statement of its own, or see more.enum_plan for its steps and use more.enum_retire.")));
	require_direct_call("more.enum_apply");
}

/* Refuse what a drop would refuse, before anything is done. */
static void
look_at_drops(Declaration *declaration, List *steps)
{
	bool		rows_change = false;
	ListCell   *lc;

	foreach(lc, steps)
	{
		Step	   *step = lfirst(lc);

		if (step->kind == STEP_DROP && !step->resumed && !step->blind)
			look_at_drop(declaration->type, step->value, step->on_delete, step->new_value, &rows_change);
		else if (step->kind == STEP_DROP)
			rows_change = true;
	}
}

/* Make up the steps and take them. */
static void
apply(FunctionCallInfo fcinfo, Declaration *declaration)
{
	List	   *steps = declared_steps(declaration, false);

	require_commits(fcinfo, steps);
	tell_possible_renames(declaration);
	look_at_drops(declaration, steps);
	if (steps != NIL)
		run_steps(fcinfo, declaration, steps);
	else
		end_application(declaration);
}

/*
 * more.enum_apply(name text, labels text[], renames jsonb, on_delete text,
 *				   replacement text)
 *
 * Locks and transactions: see above.  Errors of a step get its number, action
 * and label in front of their message.
 */
Datum
enum_apply(PG_FUNCTION_ARGS)
{
	bool		session = may_commit(fcinfo);
	/* what outlives the commits of a procedure */
	MemoryContext context = AllocSetContextCreate(session ? PortalContext : CurrentMemoryContext,
												  "pg_more apply", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Declaration *declaration = declaration_argument(fcinfo);
	Oid			locked = declaration->type;

	if (OidIsValid(locked))
		require_change_lock(locked, session);
	PG_TRY();
	{
		apply(fcinfo, declaration);
	}
	PG_FINALLY();
	{
		if (OidIsValid(locked) && session)
			unlock_changes(locked);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}

/* --- telling it ------------------------------------------------------------------------ */

static Datum
text_or_null(const char *text, bool *null)
{
	*null = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

/*
 * more.enum_plan(the same arguments)
 *		returns TABLE (step integer, action text, sql text, undo text,
 *					   rows bigint, lock text, note text)
 *
 * Writes nothing, and takes no lock but ACCESS SHARE on tables whose rows it
 * counts.
 */
Datum
enum_plan(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Declaration *declaration;
	List	   *steps;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	declaration = declaration_argument(fcinfo);
	steps = declared_steps(declaration, true);
	foreach(lc, steps)
	{
		Step	   *step = lfirst(lc);
		Datum		row[7];
		bool		nulls[7] = {false};

		row[0] = Int32GetDatum(foreach_current_index(lc) + 1);
		row[1] = CStringGetTextDatum(action_names[step->kind]);
		row[2] = CStringGetTextDatum(step->sql);
		row[3] = text_or_null(step->undo, &nulls[3]);
		row[4] = Int64GetDatum(step->rows);
		nulls[4] = step->rows < 0;
		row[5] = CStringGetTextDatum(step->lock);
		row[6] = text_or_null(step->note, &nulls[6]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row, nulls);
	}
	return (Datum) 0;
}
