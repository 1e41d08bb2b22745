/*
 * cursors.c
 *	  Statements that a cursor may be opened for.
 *
 * WHERE CURRENT OF finds a cursor's row in the scan of its table, if there is
 * nothing above the scan but what passes its rows on; under a join it fails.
 * And a cursor that says nothing of SCROLL goes backwards where its plan can,
 * which a join cannot.  So in a cursor's statement no condition becomes a join.
 *
 * DECLARE and OPEN tell by their options that they plan for a cursor.  SPI does
 * not: for what is prepared without options a cursor may be opened later, as by
 * spi_query of PL/Perl, which even gives its name to use in WHERE CURRENT OF.
 * Nor does PL/pgSQL's FOR, but that its cursor never scrolls.  All that is known
 * of both is that the plan must not be a parallel one.  There, what could be a
 * scan of one table stays one; of the rest none has a row for WHERE CURRENT OF:
 * joins, groups, what changes rows.  SPI promises no way backwards to what is
 * not prepared with SCROLL, and none of the languages has one.
 *
 * What clients send, EXECUTE and functions written in SQL (which since 18 say
 * that they do not scroll) may all run in parallel, so the server itself does
 * not keep their scans plain.
 *
 * Nothing else depends on how far a cursor has come.  It has one snapshot, in
 * which the rows stay where they are whatever a loop's body does to its tables,
 * and what is changed so that they would not, TRUNCATE say, is refused while the
 * cursor is open.  One that outlives its transaction is run to its end before,
 * and then from its start again only if its plan can go backwards.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"

#include "planner/planner.h"

/* Does a query only pass rows on? */
static bool
passes_rows(Query *query)
{
	return query->commandType == CMD_SELECT && query->groupClause == NIL && query->groupingSets == NIL &&
		query->distinctClause == NIL && !query->hasAggs && query->havingQual == NULL && !query->hasWindowFuncs;
}

/*
 * Adds the tables that a part of FROM reads to a list, InvalidOid for what may
 * be one; false if it is no scan whatever they are.  What an outer join adds
 * counts if WHERE mentions it: otherwise the planner may leave the join out.
 */
static bool
add_tables(Query *query, Node *node, bool optional, List **tables)
{
	RangeTblEntry *rte;
	int			index;
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			if (!add_tables(query, lfirst(lc), optional, tables))
				return false;
		return true;
	}
	if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		return add_tables(query, join->larg, optional || join->jointype == JOIN_RIGHT, tables) &&
			add_tables(query, join->rarg, optional || join->jointype == JOIN_LEFT, tables);
	}
	index = ((RangeTblRef *) node)->rtindex;
	if (optional && !bms_is_member(index, pull_varnos(NULL, query->jointree->quals)))
		return true;
	rte = rt_fetch(index, query->rtable);
	if (rte->rtekind == RTE_SUBQUERY && rte->subquery->setOperations == NULL)
		return passes_rows(rte->subquery) &&
			add_tables(rte->subquery, (Node *) rte->subquery->jointree, false, tables);
	if (rte->rtekind == RTE_RELATION)
		*tables = list_append_unique_oid(*tables, rte->relid);
	else if (rte->rtekind == RTE_SUBQUERY || rte->rtekind == RTE_CTE)
		*tables = list_append_unique_oid(*tables, InvalidOid);
	return true;
}

/*
 * is_for_cursor
 *		May a cursor be opened for the statement, so that a query level of it must
 *		stay the scan that it is?
 */
bool
is_for_cursor(Query *query, Attempt *attempt)
{
	const int	declared = CURSOR_OPT_SCROLL | CURSOR_OPT_INSENSITIVE | CURSOR_OPT_ASENSITIVE |
		CURSOR_OPT_HOLD | CURSOR_OPT_FAST_PLAN;
	List	   *tables = NIL;

	if (attempt->cursor_options & declared)
		return true;
	if (attempt->cursor_options & CURSOR_OPT_PARALLEL_OK)
		return false;
	return passes_rows(query) && add_tables(query, (Node *) query->jointree, false, &tables) &&
		list_length(tables) <= 1;
}
