/*
 * shared_subqueries.c
 *	  Scalar subqueries that a statement repeats.
 *
 * ORMs write an annotation anew wherever it is used:
 *		SELECT a.*, (SELECT max(b.x) FROM b WHERE b.a = a.id) AS latest FROM a
 *		WHERE (SELECT max(b.x) FROM b WHERE b.a = a.id) > 5
 *		ORDER BY (SELECT max(b.x) FROM b WHERE b.a = a.id) + 1
 * The server computes each of them, for every row.
 *
 * Shapes.  Scalar subqueries that are equal but for the names they give: at any
 * places of one query level, if they use columns of it; at any places of the
 * statement, if they use none.
 *
 * Form.  The statement stays what it is, and each of the equal subqueries is
 * planned where it stands.  They are marked with a number, and the planner puts
 * a node on top of each one's plan (shared_scan.c).  The nodes of one number
 * share their results: whichever is asked first for the values that the columns
 * of the outer query have runs its plan, and the others give the same result.
 * The mark is an entry of the subquery's range table that nothing refers to.
 *
 * Why the result is the same.
 *	- A subquery without volatile functions, row locks and samples gives a
 *	  result that is determined by the statement's snapshot, its parameters, and
 *	  the values that it is given from outside.  Snapshot and parameters are
 *	  those of the execution, and results are kept for one execution (for a
 *	  check of concurrently updated rows, EvalPlanQual, the server makes
 *	  executions of their own).  The values from outside are the parameters that
 *	  the planner makes of outer columns; all of them are compared, byte by
 *	  byte, so NULLs, 0 and -0, or 1.0 and 1.00 are different values.
 *	- What else reaches in from outside is refused: aggregates of the outer
 *	  query; WITH queries, but for those of the statement itself, which
 *	  have one result in an execution.  Whether that is all, the plan tells in
 *	  the end: the server knows of each plan what it depends on.
 *	- Nothing is computed that was not: a subquery that is under CASE, AND, OR or
 *	  COALESCE, above a LIMIT, or behind a join is asked when it was, and only
 *	  then runs its plan or gives what was found.  Whether it fails is determined
 *	  by the same values, so a failure comes when it came; a second row is
 *	  one.  So it does not matter where in the statement the subqueries are, nor what is
 *	  around: outer joins, GROUP BY, HAVING, DISTINCT, window functions, sets,
 *	  UPDATE, DELETE and INSERT.
 *	- Expressions that were equal (GROUP BY and the target list) are equal
 *	  afterwards: the same tree is put at all the places.
 *	- Privileges, policies of row security and locks on tables are those of the
 *	  statement: every subquery is planned and its relations are checked and
 *	  opened as before.
 *	- Plans and estimates do not change: the node costs what its plan does.  So
 *	  the plan is the server's, with some subqueries answered from memory.
 *
 * Why no other form: a join with a LATERAL subquery, or a query level under
 * OFFSET 0, would compute the subquery also for rows that another condition, a
 * CASE or a LIMIT keep from it, so that it could fail or be slow where it was
 * not; and the planner would no longer know which rows a condition on it
 * leaves.  A WITH query for an uncorrelated one would be read by the leader of a
 * parallel plan alone, and is no help for correlated ones.
 *
 * Left alone: subqueries that read nothing, as (SELECT a.x + 1), which
 * take less time than looking a result up; columns from further out than the
 * query that the subquery is in; MERGE, conditions of row security, and what
 * else levels.c leaves out.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "planner/levels.h"
#include "planner/shared.h"

/* So many scalar subqueries of a statement are looked at. */
#define MAX_SCALARS 500

/* A scalar subquery of the statement. */
typedef struct Scalar
{
	Query	   *query;
	Query	   *plain;			/* a copy without names */
	uint32		hash;
	Query	   *level;			/* the query that it is in, if it depends on that; else NULL */
	bool		correlated;
	const char *problem;		/* why it cannot be shared, or NULL */
	struct Scalar *around;		/* the nearest scalar subquery that it is in */
	struct Scalar *first;		/* the first that is equal; itself */
	int			count;			/* of the first: how many are equal */
	bool		done;			/* is it as it is to be? */
} Scalar;

/* The scalar subqueries of a statement */
typedef struct Scalars
{
	Attempt    *attempt;
	List	   *all;			/* of Scalar, those around others before them */
	bool		many;			/* there are more */
} Scalars;

/* ----------
 * Equality
 * ----------
 */

static bool
hash_walker(Node *node, uint32 *hash)
{
	uint32		value = 0;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			value = ((Var *) node)->varno * 1000 + ((Var *) node)->varattno + ((Var *) node)->varlevelsup * 100000;
			break;
		case T_Const:
			value = ((Const *) node)->consttype;
			if (((Const *) node)->constbyval && !((Const *) node)->constisnull)
				value += (uint32) ((Const *) node)->constvalue;
			break;
		case T_Param:
			value = ((Param *) node)->paramtype;
			break;
		case T_OpExpr:
			value = ((OpExpr *) node)->opno;
			break;
		case T_FuncExpr:
			value = ((FuncExpr *) node)->funcid;
			break;
		case T_Aggref:
			value = ((Aggref *) node)->aggfnoid;
			break;
		case T_RangeTblEntry:
			value = ((RangeTblEntry *) node)->rtekind + ((RangeTblEntry *) node)->relid;
			break;
		default:
			break;
	}
	*hash = hash_combine(*hash, nodeTag(node) + value);
	if (IsA(node, RangeTblEntry))
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, hash_walker, hash, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, hash_walker, hash);
}

/*
 * subquery_hash
 *		A hash that subqueries have in common which may be equal.  Allocates
 *		nothing.
 */
uint32
subquery_hash(Query *query)
{
	uint32		hash = 0;

	(void) hash_walker((Node *) query, &hash);
	return hash;
}

/* Take away the names that mean nothing. */
static bool
forget_names(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		rte->alias = NULL;
		rte->join_using_alias = NULL;
		rte->eref = NULL;
		return false;
	}
	if (IsA(node, TargetEntry))
		((TargetEntry *) node)->resname = NULL;
	if (IsA(node, JoinExpr))
		((JoinExpr *) node)->alias = ((JoinExpr *) node)->join_using_alias = NULL;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, forget_names, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, forget_names, context);
}

/* Put the values of parameters in, where they are constants to the planner. */
static Node *
bind_mutator(Node *node, ParamListInfo params)
{
	Param	   *param = (Param *) node;

	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && param->paramkind == PARAM_EXTERN && param->paramid <= params->numParams)
		return simplify_known(node, params);
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node, bind_mutator, params, 0);
	return expression_tree_mutator(node, bind_mutator, params);
}

/* A copy of a subquery without what may differ between equal ones. */
static Query *
plain_copy(Query *query, ParamListInfo params)
{
	query = copyObject(query);
	(void) forget_names((Node *) query, NULL);
	if (params)
		query = (Query *) bind_mutator((Node *) query, params);
	return query;
}

/* ----------
 * What can be shared
 * ----------
 */

/* A walker's state: what a subquery depends on */
typedef struct Reach
{
	Level	   *level;			/* of the query that it is in */
	int			depth;			/* of the query at hand in the subquery */
	int			columns;		/* how far out its columns are from */
	int			ctes;			/* ... and its WITH queries */
	const char *problem;
} Reach;

/* Is a WITH query one of the statement itself? */
static bool
is_outermost(Level *level, int up)
{
	while (--up > 0 && level)
		level = level->outer;
	return level && level->outer == NULL;
}

static void
reach_entry(RangeTblEntry *rte, Reach *reach)
{
	int			up = (int) rte->ctelevelsup - reach->depth;

	if (rte->tablesample)
		reach->problem = "it has a TABLESAMPLE";
	if (rte->rtekind != RTE_CTE || up < 0)
		return;
	reach->ctes = Max(reach->ctes, up + 1);
	if (rte->self_reference || !is_outermost(reach->level, up + 1))
		reach->problem = "it reads a WITH query of a part of the statement, which may be run again";
}

static bool
reach_walker(Node *node, Reach *reach)
{
	bool		result;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			reach->columns = Max(reach->columns, (int) ((Var *) node)->varlevelsup - reach->depth + 1);
			return false;
		case T_Aggref:
			if ((int) ((Aggref *) node)->agglevelsup >= reach->depth)
				reach->problem = "it uses an aggregate of an outer query";
			break;
		case T_GroupingFunc:
			if ((int) ((GroupingFunc *) node)->agglevelsup >= reach->depth)
				reach->problem = "it uses an aggregate of an outer query";
			break;
#if PG_VERSION_NUM >= 180000
		case T_ReturningExpr:
			if (((ReturningExpr *) node)->retlevelsup >= reach->depth)
				reach->problem = "it uses an old or a new row";
			break;
#endif
		case T_RangeTblEntry:
			reach_entry((RangeTblEntry *) node, reach);
			return false;
		case T_Query:
			if (((Query *) node)->rowMarks)
				reach->problem = "it locks rows";
			reach->depth++;
			result = query_tree_walker((Query *) node, reach_walker, reach, QTW_EXAMINE_RTES_BEFORE);
			reach->depth--;
			return result;
		default:
			break;
	}
	return expression_tree_walker(node, reach_walker, reach);
}

/* Look at what a subquery depends on. */
static void
examine(Scalar *scalar, Level *level, bool force)
{
	Query	   *query = scalar->query;
	Reach		reach = {.level = level};

	(void) reach_walker((Node *) query, &reach);
	scalar->correlated = reach.columns > 0;
	scalar->level = reach.columns > 0 || reach.ctes > 0 ? level->query : NULL;
	scalar->problem = reach.problem;
	if (scalar->problem == NULL && contain_volatile_functions((Node *) query))
		scalar->problem = "it calls volatile functions";
	if (scalar->problem == NULL && reach.columns > 1)
		scalar->problem = "it uses columns from further out than the query that it is in";
	if (scalar->problem == NULL && query->jointree->fromlist == NIL && !query->setOperations && !force)
		scalar->problem = "it reads nothing";
}

/* The scalar subquery that a level is in, or NULL. */
static Scalar *
scalar_around(Scalars *scalars, Level *level)
{
	for (; level; level = level->outer)
	{
		ListCell   *lc;

		foreach(lc, scalars->all)
			if (((Scalar *) lfirst(lc))->query == level->query)
				return lfirst(lc);
	}
	return NULL;
}

/* A LevelFunction: takes note of scalar subqueries and changes nothing. */
static Node *
note_scalar(Level *level, Node *node, bool filter)
{
	SubLink    *link = (SubLink *) node;
	Scalars    *scalars = level->attempt->own;
	Scalar	   *scalar;

	if (!IsA(node, SubLink) || link->subLinkType != EXPR_SUBLINK)
		return NULL;
	if ((scalars->many |= list_length(scalars->all) == MAX_SCALARS))
		return NULL;
	scalar = palloc0(sizeof(Scalar));
	scalar->query = castNode(Query, link->subselect);
	scalar->hash = subquery_hash(scalar->query);
	scalar->first = scalar;
	scalar->count = 1;
	examine(scalar, level, level->attempt->force);
	/* then it is a copy, made to tell what would be done */
	if (level->attempt != scalars->attempt)
		scalar->problem = "MERGE is left as it is";
	scalar->around = scalar_around(scalars, level);
	scalars->all = lappend(scalars->all, scalar);
	return NULL;
}

/* ----------
 * Sharing
 * ----------
 */

/* Is a subquery inside one that is to be a copy of another? */
static bool
is_in_copy(Scalar *scalar)
{
	for (scalar = scalar->around; scalar; scalar = scalar->around)
		if (scalar->first != scalar)
			return true;
	return false;
}

/* Find the first one that a subquery is equal to. */
static void
find_equal(Scalars *scalars, Scalar *scalar)
{
	ListCell   *lc;

	foreach(lc, scalars->all)
	{
		Scalar	   *other = lfirst(lc);

		if (other == scalar)
			return;
		if (other->hash != scalar->hash || other->level != scalar->level || other->first != other || is_in_copy(other))
			continue;
		if (other->plain == NULL)
			other->plain = plain_copy(other->query, scalars->attempt->params);
		if (scalar->plain == NULL)
			scalar->plain = plain_copy(scalar->query, scalars->attempt->params);
		if (equal(other->plain, scalar->plain))
		{
			scalar->first = other;
			other->count++;
			return;
		}
	}
}

/* The relations that a subquery reads, for people. */
static char *
read_by(Query *query)
{
	StringInfoData names;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_JOIN || rte->rtekind == RTE_RESULT || COMPAT_IS_GROUP(rte))
			continue;
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 rte->rtekind == RTE_RELATION ? get_rel_name(rte->relid) : rte->eref->aliasname);
	}
	return names.len > 0 ? names.data : "a subquery";
}

/* Mark the first of equal subqueries, after those inside it, and make copies of it of the others. */
static void
settle(Scalars *scalars, Scalar *scalar)
{
	ListCell   *lc;

	if (scalar->done)
		return;
	check_stack_depth();
	scalar->done = true;
	foreach(lc, scalars->all)
		if (((Scalar *) lfirst(lc))->around == scalar)
			settle(scalars, lfirst(lc));
	if (scalar->first != scalar && scalar->first->problem == NULL)
	{
		settle(scalars, scalar->first);
		*scalar->query = *(Query *) copyObject(scalar->first->query);
	}
	else if (scalar->count > 1 && scalar->problem == NULL)
	{
		site_changed(scalars->attempt, read_by(scalar->query), scalar->count);
		mark_shared(scalar->query, scalars->attempt->changed, scalar->correlated);
	}
}

/*
 * try_shared_subqueries
 *		A RewriteFunction (see planner.h).  What it does never costs more: a
 *		subquery runs at most as often as before.
 */
Query *
try_shared_subqueries(Query *query, Attempt *attempt)
{
	Scalars		scalars = {.attempt = attempt};
	ListCell   *lc;

	attempt->same_cost = true;
	attempt->own = &scalars;
	query = rewrite_grouped_levels(query, attempt, note_scalar);
	attempt->own = NULL;
	if (scalars.many)
	{
		site_left(attempt, "the statement", "it has more than %d scalar subqueries", MAX_SCALARS);
		return query;
	}
	foreach(lc, scalars.all)
	{
		Scalar	   *scalar = lfirst(lc);

		if (!is_in_copy(scalar))
			find_equal(&scalars, scalar);
	}
	foreach(lc, scalars.all)
	{
		Scalar	   *scalar = lfirst(lc);

		if (scalar->first == scalar && scalar->count > 1 && scalar->problem)
			site_left(attempt, read_by(scalar->query), "%s", scalar->problem);
	}
	foreach(lc, scalars.all)
		settle(&scalars, lfirst(lc));
	return query;
}
