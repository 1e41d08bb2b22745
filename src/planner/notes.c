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

/*
 * add_note
 *		Attach words to a plan; both are copied by copyObject(plan).
 */
void
add_note(PlannedStmt *plan, const char *note)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_RESULT;
	rte->eref = makeAlias(psprintf(NOTE_MARK "%s", note), NIL);
	plan->rtable = lappend(plan->rtable, rte);
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
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RESULT && rte->eref &&
			strncmp(rte->eref->aliasname, NOTE_MARK, strlen(NOTE_MARK)) == 0)
			notes = lappend(notes, rte->eref->aliasname + strlen(NOTE_MARK));
	}
	return notes;
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
