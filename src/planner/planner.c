/*
 * planner.c
 *	  The planner hook: which form of a statement runs.
 *
 * This is the only file that meets planner_hook.  For a statement that holds a
 * shape that some rewrite is for (shapes.c), it lets the rewrites make other
 * forms of it and plans what is needed to tell which form is cheapest.
 *
 * Planning is not free, and a list of a thousand tuples is exactly what the
 * planner itself is slow at, so the statement as it was is planned only where
 * that can matter:
 *	- A rewrite may say that its form cannot cost more ("sure").
 *	- A short list in a statement that is cheap anyway is left alone: the
 *	  statement is planned first, and no other form is tried.
 *	- A form that costs no more than the least that the list alone must cost
 *	  (the attempt's floor), or that the statement must in any case (its least),
 *	  or no more than the statement with its lists cut short, is taken without
 *	  planning the original.
 *	- Where the planner may price the original too high ("doubtful"), a form must
 *	  also cost less than the least that the original can.
 * In all other cases the costs of both are compared, at the fraction of the
 * rows that the caller wants, and also without a LIMIT, which may not end the
 * plan as early as the planner hopes.
 *
 * The planner scribbles on the tree that it is given, so each attempt gets a
 * copy, in a memory context that is dropped if the attempt loses.  A plan that
 * wins lives in a child of the caller's context and ends with it.  Only a statement
 * with short lists is itself planned first, in the caller's context.
 */
#include "postgres.h"

#include "commands/extension.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/planmain.h"
#include "optimizer/planner.h"
#include "portability/instr_time.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "planner/lookup.h"
#include "planner/shared.h"

/* Lists of fewer tuples than this are first planned as they are. */
#define SMALL_LIST 64

/* ... and left so if the plan costs less than this, some milliseconds. */
#define CHEAP_PLAN 5000.0

/* ... or less than this, where forms are planned quickly. */
#define QUICK_PLAN 250.0

/* To how many entries lists are cut, to learn the least that a statement costs. */
#define SAMPLE_LIST 32

/* Another form must be this much cheaper than the statement as it was. */
#define CLEARLY 0.95

/* Planning that takes more memory than this is freed while other forms are planned. */
#define LARGE_PLANNING ((Size) 16 * 1024 * 1024)

typedef struct RewriteInfo
{
	const char *name;
	RewriteFunction rewrite;
	bool		builds_anew;	/* it changes no expression in place, unless in a subquery */
} RewriteInfo;

static const RewriteInfo rewrites[REWRITES] = {
	[REWRITE_QUERY_IN_FROM] = {"query_in_from", try_query_in_from},
	[REWRITE_SHARED_SUBQUERIES] = {"shared_subqueries", try_shared_subqueries},
	[REWRITE_HASHED_CASE] = {"hashed_case", try_hashed_case, true},
	[REWRITE_ROWS_IN] = {"rows_in", try_rows_in},
	[REWRITE_COMPOSITE_IN] = {"composite_in", try_composite_in},
	[REWRITE_ARRAY_JOIN] = {"array_join", try_array_join},
	[REWRITE_OR_REDUCTION] = {"or_reduction", try_or_reduction},
	[REWRITE_UNION_PUSHDOWN] = {"union_pushdown", try_union_pushdown},
};

int			rewrites_mode = REWRITE_ON;
int			rewrite_modes[REWRITES] = {REWRITE_ON, REWRITE_ON, REWRITE_ON, REWRITE_ON, REWRITE_ON, REWRITE_ON, REWRITE_ON, REWRITE_ON};

static planner_hook_type previous_planner = NULL;

/* Statements that planning itself runs are planned as they are. */
static int	depth = 0;

/* A plan, and the context that it lives in. */
typedef struct Planned
{
	PlannedStmt *plan;
	MemoryContext context;
	Cost		cost;
	Cost		full;			/* if no LIMIT ends it early */
} Planned;

/* What is known of one statement while its form is decided. */
typedef struct Decision
{
	const char *query_string;
	int			cursor_options;
	bool		sql_function;	/* as the attempts' */
	ParamListInfo params;
	struct ExplainState *es;
	MemoryContext plans;		/* plans are made below this one */
	MemoryContext kept;			/* the best form and the reports are in this one */
	bool		costs;			/* the costs of all forms are wanted */
	bool		reporting;		/* ... and a report of every place */
	int			tuples;			/* the most that a list of tuples has */

	Query	   *query;			/* the best form up to now */
	int			joined;			/* as the attempt's that made it */
	Planned		best;			/* its plan, if it was planned */
	bool		first_planned;	/* has a plan been made that carries the queryId? */
	bool		for_role;		/* was it decided for the current role alone? */
	bool		once;			/* ... and for one execution? */
	bool		showing;		/* as the attempts' */
	bool		uncopied;		/* the best form is still in the attempt's memory */
	List	   *reports;		/* of RewriteReport */
} Decision;

/*
 * rewrite_name
 *		A rewrite's name, as in its setting.
 */
const char *
rewrite_name(RewriteId id)
{
	return rewrites[id].name;
}

/* The planner that was there before, or the server's. */
static PlannedStmt *
call_planner(Query *parse, const char *query_string, int cursor_options, ParamListInfo params,
			 struct ExplainState *es)
{
#if PG_VERSION_NUM >= 190000
	if (previous_planner)
		return previous_planner(parse, query_string, cursor_options, params, es);
	return standard_planner(parse, query_string, cursor_options, params, es);
#else
	if (previous_planner)
		return previous_planner(parse, query_string, cursor_options, params);
	return standard_planner(parse, query_string, cursor_options, params);
#endif
}

/* What the rows that the caller wants cost. */
static Cost
wanted_cost(PlannedStmt *plan, int cursor_options)
{
	Plan	   *top = plan->planTree;
	Cost		cost = top->total_cost;

	if (cursor_options & CURSOR_OPT_FAST_PLAN)
		cost = top->startup_cost + cursor_tuple_fraction * (top->total_cost - top->startup_cost);
#if PG_VERSION_NUM >= 180000
	/* what the user disabled counts first, as until 17 it does in the costs */
	cost += top->disabled_nodes * 1.0e10;
#endif
	return cost;
}

/* What the LIMITs of a plan save, if there are as many rows as the planner takes there to be. */
static Cost
saved_by_limits(Plan *plan)
{
	Cost		saved = 0;
	List	   *inputs = NIL;
	ListCell   *lc;

	if (plan == NULL)
		return 0;
	check_stack_depth();
	if (IsA(plan, Limit))
		saved = Max(outerPlan(plan)->total_cost - plan->total_cost, 0);
	else if (IsA(plan, SubqueryScan))
		saved = saved_by_limits(((SubqueryScan *) plan)->subplan);
	else if (IsA(plan, Append))
		inputs = ((Append *) plan)->appendplans;
	else if (IsA(plan, MergeAppend))
		inputs = ((MergeAppend *) plan)->mergeplans;
	foreach(lc, inputs)
		saved += saved_by_limits(lfirst(lc));
	return saved + saved_by_limits(outerPlan(plan)) + saved_by_limits(innerPlan(plan));
}

static void
forget_plan(Planned *planned)
{
	if (planned->context)
		MemoryContextDelete(planned->context);
	memset(planned, 0, sizeof(Planned));
}

/* Lower one of the limits on how many relations the planner joins in all orders. */
static void
lower_limit(const char *name, int limit, int joined)
{
	if (joined < limit)
		(void) set_config_option(name, psprintf("%d", joined), PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
}

/* Call the planner, under limits for joins if joined > 0 (see Attempt). */
static PlannedStmt *
call_limited_planner(Decision *decision, Query *query, int joined)
{
	PlannedStmt *plan;
	int			level = 0;

	if (joined > 0)
	{
		level = NewGUCNestLevel();
		lower_limit("join_collapse_limit", join_collapse_limit, joined);
		lower_limit("from_collapse_limit", from_collapse_limit, joined);
	}
	plan = call_planner(query, decision->query_string, decision->cursor_options, decision->params, decision->es);
	if (level > 0)
		AtEOXact_GUC(true, level);
	return plan;
}

/* Free what the planner left behind beside a plan, if that is much. */
static void
shrink_plan(Decision *decision, Planned *planned)
{
	MemoryContext context;
	MemoryContext old;

	if (MemoryContextMemAllocated(planned->context, true) < LARGE_PLANNING)
		return;
	context = AllocSetContextCreate(decision->plans, "pg_more plan", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	planned->plan = copyObject(planned->plan);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(planned->context);
	planned->context = context;
}

/* Note what a plan costs. */
static void
measure_plan(Decision *decision, Planned *planned)
{
	planned->cost = wanted_cost(planned->plan, decision->cursor_options);
	planned->full = wanted_cost(planned->plan, 0) + saved_by_limits(planned->plan->planTree);
}

/* Plan a copy of a form of the statement. */
static Planned
plan_form(Decision *decision, Query *query, int joined)
{
	Planned		result;
	MemoryContext old;
	Query	   *copy;

	result.context = AllocSetContextCreate(decision->plans, "pg_more plan", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(result.context);
	copy = copyObject(query);
	/* whoever counts plans by the queryId shall count one for the statement */
	if (decision->first_planned)
		copy->queryId = 0;
	decision->first_planned = true;
	result.plan = call_limited_planner(decision, copy, joined);
	MemoryContextSwitchTo(old);
	measure_plan(decision, &result);
	shrink_plan(decision, &result);
	return result;
}

/* Plan the best form up to now, unless it is. */
static void
plan_best(Decision *decision)
{
	if (decision->best.plan == NULL)
		decision->best = plan_form(decision, decision->query, decision->joined);
}

/*
 * A copy of a statement that shares the expressions of its own target list and
 * WHERE, which may be nearly all of it, with the original.
 */
static Query *
copy_but_expressions(Query *query)
{
	Query		around = *query;
	FromExpr	from;
	Query	   *copy;
	ListCell   *lc;

	if (query->hasSubLinks || query->jointree == NULL)
		return copyObject(query);
	from = *query->jointree;
	from.quals = NULL;
	around.jointree = &from;
	around.targetList = NIL;
	copy = copyObject(&around);
	copy->jointree->quals = query->jointree->quals;
	foreach(lc, query->targetList)
		copy->targetList = lappend(copy->targetList, flatCopyTargetEntry(lfirst_node(TargetEntry, lc)));
	return copy;
}

/* Let a rewrite make one of its forms of the best form up to now. */
static Query *
make_form(Decision *decision, Attempt *attempt, int form, int cut)
{
	RewriteId	id = attempt->id;
	bool		force = attempt->force;

	memset(attempt, 0, sizeof(Attempt));
	attempt->id = id;
	attempt->force = force;
	attempt->form = form;
	attempt->cut = cut;
	attempt->telling = decision->reporting && form == 0 && cut == 0;
	attempt->showing = decision->showing;
	attempt->cursor_options = decision->cursor_options;
	attempt->sql_function = decision->sql_function;
	attempt->params = decision->params;
	attempt->sure = true;
	attempt->forms = 1;
	attempt->joined = decision->joined;
	return rewrites[id].rewrite(rewrites[id].builds_anew ? copy_but_expressions(decision->query) :
								copyObject(decision->query), attempt);
}

static RewriteReport *
add_report(Decision *decision, RewriteId id, const char *where, const char *reason)
{
	MemoryContext old = MemoryContextSwitchTo(decision->kept);
	RewriteReport *report = palloc0(sizeof(RewriteReport));

	report->id = id;
	report->where = pstrdup(where);
	report->reason = reason ? pstrdup(reason) : NULL;
	report->before = report->after = -1;
	decision->reports = lappend(decision->reports, report);
	MemoryContextSwitchTo(old);
	return report;
}

/* The places that an attempt changed, each once. */
static char *
changed_places(Attempt *attempt)
{
	StringInfoData places;
	List	   *seen = NIL;
	ListCell   *lc;

	initStringInfo(&places);
	foreach(lc, attempt->sites)
	{
		RewriteSite *site = lfirst(lc);
		String	   *where = makeString(pstrdup(site->where));

		if (site->reason || list_member(seen, where))
			continue;
		seen = lappend(seen, where);
		appendStringInfo(&places, "%s%s", places.len > 0 ? ", " : "", site->where);
	}
	return places.data;
}

/* Report the places that looked alike and were left. */
static void
report_left(Decision *decision, Attempt *attempt)
{
	ListCell   *lc;

	foreach(lc, attempt->sites)
	{
		RewriteSite *site = lfirst(lc);

		if (site->reason)
			add_report(decision, attempt->id, site->where, site->reason);
	}
}

/* Make a form the best one. */
static void
take(Decision *decision, Attempt *attempt, Query *query, Planned *planned, Cost before, bool least)
{
	RewriteReport *report = add_report(decision, attempt->id, changed_places(attempt), NULL);

	/* where little else was made, as nothing was compared, keeping that takes less than a copy */
	decision->uncopied = attempt->sure && !attempt->force;
	if (!decision->uncopied)
	{
		MemoryContext old = MemoryContextSwitchTo(decision->kept);

		query = copyObject(query);
		MemoryContextSwitchTo(old);
	}
	report->applied = true;
	report->before = before;
	report->before_least = least;
	report->after = planned->plan ? planned->cost : -1;
	report->query = query;
	report->form = attempt->form;
	report->force = attempt->force;
	report->changed = attempt->changed;
	decision->for_role |= attempt->for_role;
	decision->once |= attempt->once;
	forget_plan(&decision->best);
	decision->query = query;
	decision->joined = attempt->joined;
	decision->best = *planned;
}

/* Does a plan cost clearly less than what the statement must cost in any case? */
static bool
is_below_least(Attempt *attempt, Planned *planned)
{
	return attempt->least > 0 && planned->full <= attempt->least * CLEARLY;
}

/* Is a form so cheap that it is taken without a look at the others? */
static bool
is_cheap_enough(Attempt *attempt, Planned *planned)
{
	if (is_below_least(attempt, planned))
		return true;
	return attempt->size >= SMALL_LIST && !attempt->no_floor && planned->full <= attempt->floor;
}

/*
 * Does a plan cost clearly less than another?  Also if no LIMIT ends it early:
 * how many rows a join with a list gives is a guess, by which a plan may look
 * cheap that reads a table from one end until rows are found.
 */
static bool
costs_less(Planned *planned, Planned *other)
{
	return planned->cost <= other->cost * CLEARLY && planned->full <= other->full;
}

/* Does a plan cost clearly less than the statement with its lists cut short?  *cost is what that costs. */
static bool
costs_less_than_sample(Decision *decision, Attempt *attempt, Planned *planned, Cost *cost)
{
	Attempt		attempt_at_sample = *attempt;
	Planned		sample = plan_form(decision, make_form(decision, &attempt_at_sample, attempt->form, SAMPLE_LIST),
								   decision->joined);
	bool		result = costs_less(planned, &sample);

	*cost = sample.cost;
	forget_plan(&sample);
	return result;
}

/*
 * Does a plan cost clearly less than the least that the statement can, where
 * the planner may have priced that too high?  *cost is then that least.
 */
static bool
costs_less_than_least(Decision *decision, Attempt *attempt, Planned *planned, Cost *cost)
{
	Attempt		attempt_at_least = *attempt;
	Planned		least;
	bool		result;

	if (!attempt->doubtful || is_below_least(attempt, planned))
		return true;
	least = plan_form(decision, make_form(decision, &attempt_at_least, attempt->form, SAMPLE_LIST), decision->joined);
	result = planned->full <= least.full * CLEARLY;
	if (!result)
		*cost = least.cost;
	forget_plan(&least);
	return result;
}

/*
 * Is the plan of a form better than the statement as it is?  Plans the
 * latter, or a sample of it, only if need be; *before is then its cost, or the
 * least that it can be.  The answer is the same when all costs are wanted.
 */
static bool
is_better(Decision *decision, Attempt *attempt, Planned *planned, Cost *before, bool *least)
{
	bool		taken = is_cheap_enough(attempt, planned);

	*least = !decision->costs;
	if (taken && *least && decision->best.plan == NULL)
	{
		*before = Max(attempt->floor, attempt->least);
		return true;
	}
	/* with a LIMIT a longer list may cost less */
	if (*least && decision->best.plan == NULL && attempt->size > 2 * SAMPLE_LIST &&
		planned->full <= planned->cost &&
		costs_less_than_sample(decision, attempt, planned, before))
		return true;
	*least = false;
	plan_best(decision);
	*before = decision->best.cost;
	return taken || costs_less(planned, &decision->best);
}

/* Compare the forms that a rewrite makes with the best one up to now. */
static void
choose(Decision *decision, Attempt *attempt, Query *query)
{
	Planned		cheapest = plan_form(decision, query, attempt->joined);
	Query	   *cheapest_query = query;
	int			forms = attempt->forms;
	Attempt		taken = *attempt;
	Cost		before;
	bool		least;

	/* other forms are tried where the first is not cheap enough to be taken at once */
	for (int form = 1; form < forms && !is_cheap_enough(attempt, &cheapest); form++)
	{
		Attempt		other = *attempt;
		Planned		planned;

		query = make_form(decision, &other, form, 0);
		planned = plan_form(decision, query, other.joined);
		if (planned.cost < cheapest.cost)
		{
			forget_plan(&cheapest);
			cheapest = planned;
			cheapest_query = query;
			taken = other;
		}
		else
			forget_plan(&planned);
	}
	if (is_better(decision, &taken, &cheapest, &before, &least) &&
		costs_less_than_least(decision, &taken, &cheapest, &before))
		take(decision, &taken, cheapest_query, &cheapest, before, least);
	else
	{
		RewriteReport *report = add_report(decision, attempt->id, changed_places(&taken),
										   "it would not cost less");

		report->before = before;
		report->after = cheapest.cost;
		forget_plan(&cheapest);
	}
}

/* Why a short list is left alone */
#define TOO_CHEAP "the statement is too cheap for another form to be worth planning"

/*
 * Are all lists of tuples so short, and the statement so cheap, that no other
 * form is to be made?  Making one would take a good part of the time that such
 * a statement takes in all.
 */
static bool
is_too_cheap(Decision *decision)
{
	/* whoever wants the costs wants to know about every place */
	if (decision->costs || decision->tuples >= SMALL_LIST)
		return false;
	plan_best(decision);
	if (decision->best.cost >= CHEAP_PLAN)
		return false;
	add_report(decision, REWRITE_COMPOSITE_IN, "", TOO_CHEAP);
	return true;
}

/* Let one rewrite try the statement. */
static void
try_rewrite(Decision *decision, RewriteId id)
{
	Attempt		attempt = {.id = id};
	Planned		none = {0};
	Query	   *query;
	Cost		before = -1;

	attempt.force = rewrites_mode >= REWRITE_FORCE || rewrite_modes[id] == REWRITE_FORCE;
	if (id == REWRITE_COMPOSITE_IN && !attempt.force && is_too_cheap(decision))
		return;
	query = make_form(decision, &attempt, 0, 0);
	report_left(decision, &attempt);
	decision->for_role |= attempt.for_role;
	if (attempt.changed == 0)
		return;
	if (attempt.force || attempt.sure)
	{
		if (decision->costs && !attempt.same_cost)
		{
			plan_best(decision);
			before = decision->best.cost;
			none = plan_form(decision, query, attempt.joined);
		}
		take(decision, &attempt, query, &none, before, false);
		return;
	}
	/* a plan that is kept is worth the time, and how long its array is nobody knows */
	if (attempt.size < SMALL_LIST && !attempt.unbound && attempt.least < CHEAP_PLAN)
	{
		plan_best(decision);
		if (decision->best.cost < (attempt.quick ? QUICK_PLAN : CHEAP_PLAN))
		{
			add_report(decision, id, changed_places(&attempt), TOO_CHEAP)->before = decision->best.cost;
			return;
		}
	}
	choose(decision, &attempt, query);
}

/* The same; what it leaves behind but the form that was taken is freed, as a long statement is copied many times. */
static void
consider(Decision *decision, RewriteId id)
{
	MemoryContext context = AllocSetContextCreate(decision->kept, "pg_more rewrite", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	decision->uncopied = false;
	try_rewrite(decision, id);
	MemoryContextSwitchTo(old);
	if (!decision->uncopied)
		MemoryContextDelete(context);
}

/* What EXPLAIN says of a rewrite. */
static char *
note_of(RewriteReport *report)
{
	StringInfoData note;

	initStringInfo(&note);
	appendStringInfo(&note, "%s on %s", rewrite_name(report->id), report->where);
	if (report->after >= 0 && report->before >= 0)
		appendStringInfo(&note, NOTE_COST "%s%.0f %s %.0f",
						 report->before_least ? ">= " : "", report->before,
						 GetDatabaseEncoding() == PG_UTF8 ? "\xe2\x86\x92" : "->", report->after);
	return note.data;
}

/* Add the notes to the plan, and count. */
static void
finish(Decision *decision, PlannedStmt *plan, uint64 *nanoseconds)
{
	bool		counted[REWRITES] = {false};
	ListCell   *lc;

	plan->dependsOnRole |= decision->for_role;
	if (decision->once)
		use_once(plan);
	foreach(lc, decision->reports)
	{
		RewriteReport *report = lfirst(lc);

		if (report->applied)
			add_note(plan, note_of(report));
		stats_count(report->id, report->applied, counted[report->id] ? 0 : nanoseconds[report->id]);
		counted[report->id] = true;
	}
}

/* Is some rewrite to be taken whatever it costs? */
static bool
anything_forced(void)
{
	bool		force = rewrites_mode >= REWRITE_FORCE;

	for (int id = 0; id < REWRITES; id++)
		force |= rewrite_modes[id] == REWRITE_FORCE;
	return force;
}

/* Let every rewrite that is on, and whose shape is there, try the statement. */
static void
consider_all(Decision *decision, int shapes, uint64 *nanoseconds)
{
	Query	   *parse = decision->query;

	for (int id = 0; id < REWRITES; id++)
	{
		instr_time	start;
		instr_time	end;

		if (!(shapes & REWRITE_BIT(id)))
			continue;
		if (rewrite_modes[id] == REWRITE_OFF)
		{
			if (decision->reporting)
				add_report(decision, id, "the settings", psprintf("pg_more.%s is off", rewrite_name(id)));
			continue;
		}
		INSTR_TIME_SET_CURRENT(start);
		consider(decision, id);
		/* what was put in the place of a call may have shapes of its own */
		if (id == REWRITE_QUERY_IN_FROM && decision->query != parse)
			shapes |= find_shapes(decision->query, decision->params, decision->reporting || anything_forced(),
								  &decision->tuples);
		INSTR_TIME_SET_CURRENT(end);
		INSTR_TIME_SUBTRACT(end, start);
		nanoseconds[id] = INSTR_TIME_GET_NANOSEC(end);
	}
}

/* The plan of the form that was chosen, in the context for plans. */
static PlannedStmt *
chosen_plan(Decision *decision, Query *parse)
{
	PlannedStmt *plan;

	if (decision->query == parse && decision->best.plan == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(decision->plans);

		plan = call_planner(parse, decision->query_string, decision->cursor_options,
							decision->params, decision->es);
		MemoryContextSwitchTo(old);
		return plan;
	}
	plan_best(decision);
	plan = decision->best.plan;
	plan->queryId = parse->queryId;
	return plan;
}

/* Citus plans its own tables, and tells them apart by the statement's shape; it is there only if it is preloaded. */
static bool
is_citus_there(void)
{
	return shared_preload_libraries_string && strstr(shared_preload_libraries_string, "citus") &&
		OidIsValid(get_extension_oid("citus", true));
}

/* Let the rewrites try a statement that has their shapes, and plan what comes of it. */
static PlannedStmt *
decide_and_plan(Decision *decision, int shapes, List **reports)
{
	Query	   *parse = decision->query;
	uint64		nanoseconds[REWRITES] = {0};
	MemoryContext work = CurrentMemoryContext;
	PlannedStmt *plan;

	if (reports == NULL)
		work = AllocSetContextCreate(decision->plans, "pg_more rewrites", ALLOCSET_DEFAULT_SIZES);
	decision->kept = work;
	depth++;
	PG_TRY();
	{
		MemoryContextSwitchTo(work);
		consider_all(decision, shapes, nanoseconds);
		plan = chosen_plan(decision, parse);
		MemoryContextSwitchTo(decision->plans);
		finish(decision, plan, nanoseconds);
		if (rewrites_mode == REWRITE_VERIFY && decision->query != parse && reports == NULL)
		{
			parse->queryId = 0;
			verify_keep(plan, call_planner(parse, decision->query_string, decision->cursor_options,
										   decision->params, decision->es), decision->query);
			/* whoever called this hook may still want to know */
			parse->queryId = plan->queryId;
		}
	}
	PG_FINALLY();
	{
		depth--;
	}
	PG_END_TRY();
	if (reports)
		*reports = decision->reports;
	else
		MemoryContextDelete(work);
	return plan;
}

/*
 * Plan a statement with short lists of tuples and no other shape.  Mostly it is
 * cheap as it is and stays so; so it is planned first, in place, and what is
 * copied is what other forms would be made of.
 */
static PlannedStmt *
plan_short_lists(Decision *decision, int shapes)
{
	Query	   *parse = decision->query;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pg_more statement", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	PlannedStmt *plan;
	instr_time	start;
	instr_time	end;

	INSTR_TIME_SET_CURRENT(start);
	decision->query = copyObject(parse);
	MemoryContextSwitchTo(old);
	plan = call_planner(parse, decision->query_string, decision->cursor_options, decision->params, decision->es);
	decision->first_planned = true;
	decision->best.plan = plan;
	measure_plan(decision, &decision->best);
	if (decision->best.cost >= CHEAP_PLAN)
		plan = decide_and_plan(decision, shapes, NULL);
	else
	{
		INSTR_TIME_SET_CURRENT(end);
		INSTR_TIME_SUBTRACT(end, start);
		stats_count(REWRITE_COMPOSITE_IN, false, INSTR_TIME_GET_NANOSEC(end));
	}
	MemoryContextDelete(context);
	return plan;
}

/*
 * Is a plan made for a function written in SQL?  Until 17 the server plans all of its statements in a memory context
 * of the function's, before the first of them runs, and keeps the plans from call to call without looking again.
 */
static bool
is_for_sql_function(void)
{
	return PG_VERSION_NUM < 180000 && strcmp(CurrentMemoryContext->name, "SQL function") == 0;
}

/*
 * plan_with_rewrites
 *		Plan a statement in the form that the settings ask for.
 *
 * parse may be scribbled on.  With costs, every form is planned, so that all
 * costs are known.  If reports is not NULL, it gets a list of RewriteReport in
 * the caller's context, one for each place met and each form refused.  The
 * plan is made in the caller's context or a child of it.  Raises nothing but
 * what planning one of the forms raises.
 */
PlannedStmt *
plan_with_rewrites(Query *parse, const char *query_string, int cursor_options, ParamListInfo params,
				   struct ExplainState *es, bool costs, List **reports)
{
	Decision	decision;
	int			tuples;
	/* whoever wants reports wants to know of short lists, too */
	int			shapes = find_shapes(parse, params, reports != NULL || anything_forced(), &tuples);
	ParamListInfo given = params;

	params = leave_long_params(parse, params);
	if ((shapes != 0 || params != given) && is_citus_there())
		return call_planner(parse, query_string, cursor_options, given, es);
	if (shapes == 0)
		return call_planner(parse, query_string, cursor_options, params, es);

	memset(&decision, 0, sizeof(decision));
	decision.query_string = query_string;
	decision.cursor_options = cursor_options;
	decision.sql_function = is_for_sql_function();
	decision.params = params;
	decision.es = es;
	decision.plans = CurrentMemoryContext;
	decision.costs = costs;
	decision.reporting = reports != NULL;
	decision.tuples = tuples;
	decision.query = parse;
	if (shapes == REWRITE_BIT(REWRITE_COMPOSITE_IN) && tuples < SMALL_LIST && !costs && reports == NULL &&
		rewrite_modes[REWRITE_COMPOSITE_IN] != REWRITE_OFF && !anything_forced())
		return plan_short_lists(&decision, shapes);
	return decide_and_plan(&decision, shapes, reports);
}

/*
 * repeat_rewrite
 *		Do in another tree of the same statement what a report tells of.
 *		Returns a new tree, or NULL if not as many places were changed.
 */
Query *
repeat_rewrite(Query *query, RewriteReport *report)
{
	Decision	decision = {.query = query, .cursor_options = CURSOR_OPT_PARALLEL_OK, .showing = true};
	Attempt		attempt = {.id = report->id, .force = report->force};

	(void) find_shapes(query, NULL, true, &decision.tuples);
	query = make_form(&decision, &attempt, report->form, 0);
	return attempt.changed == report->changed ? query : NULL;
}

/* planner_hook; before 19 the planner knows nothing of EXPLAIN */
static PlannedStmt *
#if PG_VERSION_NUM >= 190000
more_planner(Query *parse, const char *query_string, int cursor_options, ParamListInfo params,
			 struct ExplainState *es)
{
#else
more_planner(Query *parse, const char *query_string, int cursor_options, ParamListInfo params)
{
	struct ExplainState *es = NULL;
#endif
	if (rewrites_mode == REWRITE_OFF || depth > 0 || IsBinaryUpgrade || parse->commandType == CMD_UTILITY)
		return call_planner(parse, query_string, cursor_options, params, es);
	return plan_with_rewrites(parse, query_string, cursor_options, params, es, explaining, NULL);
}

/*
 * planner_init
 *		Install the hooks of this room; called once, when the module is loaded.
 */
void
planner_init(void)
{
	previous_planner = planner_hook;
	planner_hook = more_planner;
	explain_init();
	stats_init();
	verify_init();
	once_init();
	list_stats_init();
	shared_scan_init();
}
