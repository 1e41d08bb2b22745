/*
 * notes.c
 *	  What a plan tells of the rewrites in it.
 *
 * A plan is copied into the plan cache, sent to workers, and explained long
 * after it was made, and until 18 a PlannedStmt has no place for an
 * extension's words.  It has a range table, though, whose entries travel with
 * it, and an entry that no node of the plan refers to does nothing: it takes
 * no lock, needs no privilege, and is not named by EXPLAIN.  So a note is the
 * alias of such an entry.  RTE_RESULT is a kind of which no statement can
 * choose the alias.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"

#include "planner/planner.h"

#define NOTE_MARK "pg_more: "

/* A plan whose other form is kept (verify.c) has the number of that in a note of its own. */
#define ORIGINAL_MARK "pg_more original: "

/* Attach an entry; it is copied by copyObject(plan). */
static void
add_entry(PlannedStmt *plan, const char *name)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_RESULT;
	rte->eref = makeAlias(name, NIL);
	plan->rtable = lappend(plan->rtable, rte);
}

/* What an entry says after a mark, or NULL. */
static char *
read_entry(RangeTblEntry *rte, const char *mark)
{
	if (rte->rtekind == RTE_RESULT && rte->eref && strncmp(rte->eref->aliasname, mark, strlen(mark)) == 0)
		return rte->eref->aliasname + strlen(mark);
	return NULL;
}

/*
 * add_note
 *		Attach words to a plan; both are copied by copyObject(plan).
 */
void
add_note(PlannedStmt *plan, const char *note)
{
	add_entry(plan, psprintf(NOTE_MARK "%s", note));
}

/*
 * plan_notes
 *		The notes of a plan, a list of char * that belong to the plan.
 */
List *
plan_notes(PlannedStmt *plan)
{
	List	   *notes = NIL;
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		char	   *note = read_entry(lfirst_node(RangeTblEntry, lc), NOTE_MARK);

		if (note)
			notes = lappend(notes, note);
	}
	return notes;
}

/*
 * note_original
 *		Attach the number under which a plan's original form is kept.
 */
void
note_original(PlannedStmt *plan, uint64 number)
{
	add_entry(plan, psprintf(ORIGINAL_MARK UINT64_FORMAT, number));
}

/*
 * noted_original
 *		The number under which a plan's original form is kept, or 0.
 */
uint64
noted_original(PlannedStmt *plan)
{
	ListCell   *lc;

	foreach(lc, plan->rtable)
	{
		char	   *number = read_entry(lfirst_node(RangeTblEntry, lc), ORIGINAL_MARK);

		if (number)
			return strtou64(number, NULL, 10);
	}
	return 0;
}

/*
 * note_without_cost
 *		A note as it is shown where costs are not: without the words on cost at
 *		its end.  Palloc'd.
 */
char *
note_without_cost(const char *note)
{
	const char *end = note;
	const char *found;

	/* the last one: a name may read so, too */
	while ((found = strstr(end, NOTE_COST)) != NULL)
		end = found + strlen(NOTE_COST);
	if (end == note || (*end != '>' && !(*end >= '0' && *end <= '9')))
		return pstrdup(note);
	return pnstrdup(note, end - note - strlen(NOTE_COST));
}
