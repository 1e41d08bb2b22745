/*
 * planner.h
 *	  What the files of the planner room share.
 *
 * A rewrite is one file with one entry of type RewriteFunction.  It is given a
 * statement that is its own to change, changes what it can argue to be equal,
 * and tells of every place that it met.  It never plans: planner.c decides
 * which form runs.
 */
#ifndef PG_MORE_PLANNER_H
#define PG_MORE_PLANNER_H

#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

#include "compat.h"

struct ExplainState;

/* The rewrites, in the order in which they are tried. */
typedef enum RewriteId
{
	REWRITE_QUERY_IN_FROM,
	REWRITE_SHARED_SUBQUERIES,
	REWRITE_HASHED_CASE,
	REWRITE_ROWS_IN,
	REWRITE_COMPOSITE_IN,
	REWRITE_ARRAY_JOIN,
	REWRITE_OR_REDUCTION,
	REWRITE_UNION_PUSHDOWN
} RewriteId;

#define REWRITES (REWRITE_UNION_PUSHDOWN + 1)
#define REWRITE_BIT(id) (1 << (id))

/* pg_more.rewrites, and the setting of a single rewrite (the first three). */
typedef enum RewriteMode
{
	REWRITE_OFF,
	REWRITE_ON,
	REWRITE_FORCE,
	REWRITE_VERIFY
} RewriteMode;

extern int	rewrites_mode;
extern int	rewrite_modes[REWRITES];

/* A place that a rewrite met. */
typedef struct RewriteSite
{
	const char *where;			/* for people: a relation, an expression */
	const char *reason;			/* why it was left alone; NULL: it was changed */
} RewriteSite;

/* One attempt of a rewrite at one statement. */
typedef struct Attempt
{
	/* told to the rewrite */
	RewriteId	id;
	bool		force;			/* also where it is too small to be worth it */
	int			form;			/* which of its forms, from 0 */
	int			cut;			/* if > 0: instead of rewriting, shorten lists to so many */
	bool		telling;		/* every place that is left alone is to be told of */
	bool		showing;		/* the statement is shown to people: it has not been through the rewriter, nor goes there */
	int			cursor_options;
	bool		sql_function;	/* is it a statement of a function in SQL whose plans are kept unseen? */
	ParamListInfo params;		/* NULL for a generic plan */

	/* told by the rewrite */
	List	   *sites;			/* of RewriteSite, in the order met */
	int			changed;		/* how many of them were changed */
	double		size;			/* the largest list that was changed */
	bool		sure;			/* in every changed place the new form cannot cost more */
	bool		same_cost;		/* ... and the planner prices it as before */
	int			forms;			/* how many forms there are of this statement, at least 1 */
	bool		for_role;		/* what it did is for the current role alone */
	bool		once;			/* ... and for one execution */
	int			examined;		/* nodes that may_fail() has looked at */
	void	   *own;			/* what the rewrite keeps while it walks */
	bool		doubtful;		/* the original may cost much less than the planner says; when cut, the least that it can */
	bool		no_floor;		/* nothing is known of what the original costs at least */
	bool		quick;			/* the new form is planned about as fast as the original */
	bool		unbound;		/* an array's length is not known: the plan is generic, and is kept */
	Cost		floor;			/* a plan this cheap is not worth comparing with the original */
	Cost		least;			/* the original costs more than this, however short its lists; 0 if that is not known */
	int			joined;			/* if > 0: the most relations of which all orders need be tried to join them */
} Attempt;

/*
 * The entry of a rewrite.  It may change the statement in place and returns it,
 * or a new one.  Attempt is zeroed but for what is told to the rewrite; sure is
 * true and forms is 1 beforehand.  A rewrite that planner.c says builds_anew is
 * not to change an expression in place outside of subqueries, as these are shared
 * with the statement that it was given a copy of.  Memory: the current context,
 * which lives as long as the attempt.
 */
typedef Query *(*RewriteFunction) (Query *query, Attempt *attempt);

extern Query *try_query_in_from(Query *query, Attempt *attempt);
extern Query *try_shared_subqueries(Query *query, Attempt *attempt);
extern Query *try_hashed_case(Query *query, Attempt *attempt);
extern Query *try_rows_in(Query *query, Attempt *attempt);
extern Query *try_composite_in(Query *query, Attempt *attempt);
extern Query *try_array_join(Query *query, Attempt *attempt);
extern Query *try_or_reduction(Query *query, Attempt *attempt);
extern Query *try_union_pushdown(Query *query, Attempt *attempt);

/* Lists and CASEs shorter than these are left alone, unless forced. */
#define COMPOSITE_IN_MIN 16
#define HASHED_CASE_MIN 12

/* shapes.c */
extern int	find_shapes(Query *query, ParamListInfo params, bool force, int *tuples);

/* or_reduction.c */
extern bool spans_relations(Query *query, Node *node);
extern bool show_found(Node *node, bool *failed);
extern RangeTblEntry *subquery_entry(Query *query, const char *name);

/* union_pushdown.c */
extern bool filters_union(Query *query);

/* cursors.c */
extern bool is_for_cursor(Query *query, Attempt *attempt);

/* attempt.c: what rewrites tell, and what they build with */
extern void site_changed(Attempt *attempt, const char *where, double size);
extern void site_left(Attempt *attempt, const char *where, const char *reason,...) pg_attribute_printf(3, 4);
extern void sites_left(Attempt *attempt, Attempt *tried, const char *reason);
extern char *relations_of(Query *query, Node *expression);
extern bool is_known(Node *node);
extern bool is_infallible(Node *node);
extern bool is_harmless(Oid function);
extern bool has_params(Node *node, void *context);
extern Node *simplify_known(Node *node, ParamListInfo params);
extern Oid	widening_cast(Oid from, Oid to);
extern Node *array_of(List *values, Oid element_type, Oid collation);
extern Oid	extension_function(const char *name, int nargs);
extern bool may_call(Attempt *attempt, Oid function);

/* planner.c */
typedef struct RewriteReport
{
	RewriteId	id;
	bool		applied;
	const char *where;
	const char *reason;			/* of a refusal, NULL if applied */
	Cost		before;			/* < 0: not known */
	bool		before_least;	/* before is only the least that it can be */
	Cost		after;			/* < 0: not known */
	Query	   *query;			/* the statement with all rewrites up to this one; NULL if refused */
	int			form;			/* which form was taken, */
	bool		force;			/* whether by force, */
	int			changed;		/* and in how many places */
} RewriteReport;

extern void planner_init(void);
extern const char *rewrite_name(RewriteId id);
extern PlannedStmt *plan_with_rewrites(Query *parse, const char *query_string, int cursor_options,
									   ParamListInfo params, struct ExplainState *es, bool costs,
									   List **reports);
extern Query *repeat_rewrite(Query *query, RewriteReport *report);

/* notes.c: what a plan tells of the rewrites in it */
#define NOTE_COST ", cost "
extern void add_note(PlannedStmt *plan, const char *note);
extern List *plan_notes(PlannedStmt *plan);
extern char *note_without_cost(const char *note);
extern void note_original(PlannedStmt *plan, uint64 number);
extern uint64 noted_original(PlannedStmt *plan);

/* once.c */
extern void once_init(void);

/* long_params.c */
extern ParamListInfo leave_long_params(Query *parse, ParamListInfo params);
extern const ParamExternData *left_param(Node *node, ParamListInfo params);

extern void use_once(PlannedStmt *plan);
extern bool is_once_signal(uint32 hash);

/* explain.c */
extern void explain_init(void);
extern bool explaining;

/* stats.c */
extern void stats_init(void);
extern void stats_count(RewriteId id, bool applied, uint64 nanoseconds);

/* verify.c */
extern void verify_init(void);
extern bool is_equal_image(Oid ordering, Oid collation);
extern void verify_keep(PlannedStmt *rewritten, PlannedStmt *original, Query *query);

#endif							/* PG_MORE_PLANNER_H */
