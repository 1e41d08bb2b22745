/*
 * query.h
 *	  more.query: a statement as a value, in parts.
 *
 * A query is text and values, never an OID: the parts of one statement, each
 * the text that stands after its keyword, and the values that are bound to it,
 * which the parts refer to by placeholders.
 *
 * Text that a user gives enters in one of two ways, which see to it that it
 * cannot leave its place, has no comments and means the same under all settings:
 *	query_parse()		one statement, split into parts
 *	query_expression()	one expression, the argument of a step, with params
 * What comes out is *stored text*.  Stored text may be put together with other
 * stored text and with quote_identifier() of names; nothing else belongs there.
 *
 * Placeholders in stored text.  Both kinds are one byte that occurs nowhere
 * else in it and PLACEHOLDER_DIGITS digits, the place in bindings from 1:
 *	VALUE_MARK	a value where an expression may stand
 *	DATA_MARK	rows where a table may stand; an alias with column names follows
 * For the server's lexer and parser, lexable_text() makes of them a parameter
 * ($00000001) and a relation (_00000001), so that positions stay the same.
 *
 * How a step is written (filter.c is the example):
 *
 *		MoreQuery  *query = PG_GETARG_QUERY(0);
 *		QueryStep	step;
 *
 *		query_step_begin(&step, "filter");
 *		expression = query_condition(query, "condition", text, params);
 *		if (!query_may_enter(query, expression.tree))
 *			query = query_wrap(query);
 *		query->parts[PART_WHERE] = ...;
 *		query_step_end(&step);
 *		PG_RETURN_QUERY(query);
 *
 * What PG_GETARG_QUERY() gives is the step's own to change: strings are never
 * changed in place, only replaced.
 */
#ifndef PG_MORE_QUERY_H
#define PG_MORE_QUERY_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "parser/parse_node.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"

#include "expression.h"
#include "rows/rowset.h"

/* What a query is.  Each kind has the parts that are named with it below. */
typedef enum QueryKind
{
	QUERY_SELECT,
	QUERY_SET,					/* arms between set operators */
	QUERY_VALUES,				/* PART_BODY: the rows, (1, 2), (3, 4) */
	QUERY_INSERT,				/* PART_BODY: INSERT ..., all but WITH and RETURNING */
	QUERY_UPDATE,
	QUERY_DELETE,
	QUERY_MERGE,
	QUERY_OPAQUE				/* PART_BODY: a SELECT that cannot be taken apart */
} QueryKind;

/*
 * The parts; NULL when there is none.  They print in this order, each after its
 * keyword.
 */
typedef enum QueryPart
{
	PART_WITH,					/* all kinds but OPAQUE: a AS (...), b AS (...); see also recursive */
	PART_DISTINCT,				/* SELECT: "" for DISTINCT, "ON (a, b)" */
	PART_SELECT,				/* SELECT: the columns; "" is possible */
	PART_FROM,					/* SELECT */
	PART_WHERE,					/* SELECT; use query_add_condition */
	PART_GROUP_BY,				/* SELECT; "()" is the aggregate over all rows */
	PART_HAVING,				/* SELECT */
	PART_WINDOW,				/* SELECT: w AS (...) */
	PART_BODY,					/* see QueryKind */
	PART_ORDER_BY,				/* SELECT, SET, VALUES; the next four as well */
	PART_LIMIT,					/* an expression, or ALL */
	PART_FETCH,					/* FIRST 5 ROWS WITH TIES; no PART_LIMIT then */
	PART_OFFSET,
	PART_LOCK,					/* FOR UPDATE ..., with its keyword */
	PART_RETURNING,				/* INSERT, UPDATE, DELETE, MERGE */
	QUERY_PARTS
} QueryPart;

/* What a placeholder stands for. */
typedef struct QueryBinding
{
	/* a value: text, as of a literal */
	const char *type;			/* the type's SQL name; NULL: a literal without a type */
	const char *value;			/* NULL: null */

	/* or rows */
	Datum		data;			/* a more.rowset; 0: this is a value */
	const char *columns;		/* their columns with types, "a" integer, "b" text, as stored text */
} QueryBinding;

typedef struct MoreQuery
{
	QueryKind	kind;
	bool		recursive;		/* WITH RECURSIVE */
	bool		conjunction;	/* PART_WHERE reads (a) AND (b) */
	const char *parts[QUERY_PARTS];
	const char *set_operator;	/* SET: UNION, UNION ALL, INTERSECT, ... between all arms */
	List	   *arms;			/* SET: char *, as they print: with parentheses where they need them */
	List	   *bindings;		/* QueryBinding *; equal ones need not be merged */
	const char *looked_at;		/* is_join_level's: the FROM that it has looked at, */
	bool		joins;			/* and what it saw there */
	const char *listed;			/* level.c's: the list that it has read last, */
	List	   *columns;		/* and the columns there, ResTarget *, not to be changed */
} MoreQuery;

#define VALUE_MARK			'\001'
#define DATA_MARK			'\002'
#define PLACEHOLDER_DIGITS	8

#define PG_GETARG_QUERY(n)	query_from_datum(PG_GETARG_DATUM(n))
#define PG_RETURN_QUERY(q)	PG_RETURN_DATUM(query_to_datum(q))

/* --- value.c: the value, in memory and stored ------------------------------ */

extern MoreQuery *query_new(QueryKind kind);
extern MoreQuery *query_from_datum(Datum value);	/* to be changed at will */
extern Datum query_to_datum(MoreQuery *query);
extern MoreQuery *query_copy(const MoreQuery *query);	/* the strings are shared */
extern bool query_modifies(const MoreQuery *query);		/* INSERT, UPDATE, DELETE, MERGE */

/*
 * Bind a value: the placeholder, which may be written into a part wherever an
 * expression may stand.  type: SQL name or NULL, value: text or NULL.
 */
extern const char *query_bind(MoreQuery *query, const char *type, const char *value);

/*
 * Take over the bindings of another query, which is changed: afterwards its
 * parts and arms, and its text as PRINT_STORED, may be put into this one's.
 */
extern void query_absorb(MoreQuery *query, MoreQuery *other);

/* --- memo.c: what texts were read as ---------------------------------------- */

typedef enum MemoKind
{
	MEMO_TOKENS,				/* QueryTokens of a user's text */
	MEMO_STORED_TOKENS,			/* QueryTokens of stored text */
	MEMO_STATEMENT,				/* the raw tree of a statement in stored text */
	MEMO_EXPRESSION				/* the raw tree of a step's argument */
} MemoKind;

extern void *memo_find(MemoKind kind, const char *text);
extern void memo_keep(MemoKind kind, const char *text, const void *value);

/* --- text.c: tokens -------------------------------------------------------- */

/* The words that tell where a part begins; other tokens have codes of the server's lexer. */
typedef enum QueryWord
{
	WORD_END = 0,
	WORD_IDENT = 258,			/* as in the server's scanner.h */
	WORD_UIDENT,
	WORD_FCONST,
	WORD_SCONST,
	WORD_USCONST,
	WORD_BCONST,
	WORD_XCONST,
	WORD_OP,
	WORD_ICONST,
	WORD_PARAM,
	WORD_CAST,
	WORD_OTHER = 1000,			/* any other keyword */
	WORD_ALL,
	WORD_AS,
	WORD_BY,
	WORD_CYCLE,
	WORD_DELETE,
	WORD_DISTINCT,
	WORD_EXCEPT,
	WORD_FETCH,
	WORD_FOR,
	WORD_FROM,
	WORD_GROUP,
	WORD_HAVING,
	WORD_INSERT,
	WORD_INTERSECT,
	WORD_LIMIT,
	WORD_MATERIALIZED,
	WORD_MERGE,
	WORD_NCHAR,
	WORD_NOT,
	WORD_OFFSET,
	WORD_ON,
	WORD_ORDER,
	WORD_RECURSIVE,
	WORD_RETURNING,
	WORD_ROW,
	WORD_ROWS,
	WORD_SEARCH,
	WORD_SELECT,
	WORD_SET,
	WORD_TABLE,
	WORD_UNION,
	WORD_UPDATE,
	WORD_USING,
	WORD_VALUES,
	WORD_WHERE,
	WORD_WINDOW,
	WORD_WITH
} QueryWord;

typedef struct QueryToken
{
	int			start;			/* in the text */
	int			end;			/* after the last byte */
	int			word;			/* QueryWord, or a character as itself; after AS and . keywords are WORD_OTHER */
	int			depth;			/* of brackets around it; ( and ) themselves are outside */
} QueryToken;

typedef struct QueryTokens
{
	const char *text;
	bool		stored;			/* it is stored text */
	int			count;
	QueryToken *tokens;			/* and one more, WORD_END */
} QueryTokens;

extern char *lexable_text(const char *stored);
extern QueryTokens *query_lex(const char *text, bool stored);	/* not to be changed, as trees */
extern void query_append_tokens(StringInfo out, const QueryTokens *tokens, int from, int to);
extern char *query_slice(const QueryTokens *tokens, int from, int to);	/* as stored text */
extern const char *query_name(const char *name);	/* names, quoted already, as stored text: checked for marks */
extern List *query_split_list(const char *stored);	/* at commas outside of brackets: char * */

/* --- split.c: a statement's text into parts -------------------------------- */

extern MoreQuery *query_parse(const char *text);
extern MoreQuery *query_parse_stored(const char *stored);	/* a SELECT or the like; without the bindings */
extern Node *query_raw_parse(const char *stored);	/* one statement of stored text; not to be changed */

/* --- print.c: text --------------------------------------------------------- */

typedef enum QueryPrint
{
	PRINT_STORED,				/* stored text, to become a part of something */
	PRINT_LITERALS,				/* for people and dumps: values as literals, rows as VALUES */
	PRINT_PRETTY,				/* the same, with clauses on lines */
	PRINT_PARAMETERS			/* to be run: $1, ..., in the order of bindings; what stands for rows reads
								 * more._literal_rows($1), where $1 is the more.rowset */
} QueryPrint;

extern void query_print(StringInfo out, const MoreQuery *query, QueryPrint mode);
extern char *query_text(const MoreQuery *query, QueryPrint mode);
extern char *query_quote_value(const char *value);	/* in quotes */
extern char *stored_print(const char *stored, const MoreQuery *query, QueryPrint mode);	/* any stored text of the query's */

/* --- data.c: literal rows -------------------------------------------------- */

extern void query_print_data(StringInfo out, const QueryBinding *binding);

/* --- argument.c: the arguments of steps ------------------------------------ */

/* Errors name the step and the argument that they are about. */
typedef struct QueryStep
{
	ErrorContextCallback callback;
	const char *name;
} QueryStep;

extern void query_step_begin(QueryStep *step, const char *name);
extern void query_step_end(QueryStep *step);

/* An expression that a user gave. */
typedef struct QueryExpression
{
	const char *text;			/* stored text, without parentheses around it */
	Node	   *tree;			/* raw, not to be changed; ParamRefs are placeholders, all of them $1 */
} QueryExpression;

/*
 * Read text as one SQL expression.  $name in it becomes a value that is bound to
 * the query, from the member of params (a JSON object, or NULL) of that name.
 * argument is what errors call it.
 */
extern QueryExpression query_expression(MoreQuery *query, const char *argument, const char *text, Jsonb *params);
extern QueryExpression query_plain_expression(MoreQuery *query, const char *argument, const char *text);

/* The same in two steps, where several texts of a step share params. */
typedef struct QueryParams
{
	Jsonb	   *params;			/* or NULL */
	bool	   *used;			/* per member */
	const char **placeholders;	/* per member, once it is used */
	bool		none;			/* the step has no params */
} QueryParams;

extern void query_params_init(QueryParams *params, Jsonb *json);
extern QueryExpression query_expression_with(MoreQuery *query, const char *argument, const char *text,
											 QueryParams *params);
extern void query_params_done(QueryParams *params);	/* an error for one that was not used */

/*
 * A condition in either form, as a step has it: JSON over the query's output
 * columns and name.column of those it was joined with, else an SQL expression
 * with params.  It is about another query under a name too, unless that is NULL.
 */
extern QueryExpression query_condition(MoreQuery *query, const char *argument, const char *text, Jsonb *params,
									   const char *name, const MoreQuery *other);

/* --- analyse.c: what the server says of a query ----------------------------- */

/*
 * These need what the query mentions to be there, and look at the catalog: for
 * steps only where the text does not tell enough.
 */
extern void query_parser_setup(ParseState *pstate, void *query);	/* ParserSetupHook: $1, ... as constants */
extern Query *query_analyse(const MoreQuery *query);	/* not rewritten; not copied from anywhere */
extern List *query_output(const MoreQuery *query);	/* its columns: TargetEntry * */
extern Relation query_relation(const MoreQuery *query);

/* --- level.c: what a step may add to, and what it must wrap ---------------- */

/*
 * May a step still add to the level's FROM and WHERE?  Then it is a SELECT that
 * gives a row per row of FROM: no grouping, DISTINCT, LIMIT, OFFSET.
 */
extern bool query_is_open(const MoreQuery *query);

/* And do all names in the expression mean there what they would mean around it? */
extern bool query_may_enter(const MoreQuery *query, Node *tree);

/*
 * The columns of a SELECT's list, as far as the text tells.
 */
typedef struct QueryColumn
{
	const char *name;			/* NULL: a star */
	const char *text;			/* stored text of the item, AS included */
	bool		identity;		/* a column of FROM under its own name */
	bool		qualified;		/* it is written alias.name, or alias.* */
	bool		expanded;		/* the star of a composite value, (value).*; its columns are none of FROM */
} QueryColumn;

extern List *query_columns(const MoreQuery *query);	/* QueryColumn * */

/*
 * SELECT * FROM (the query) AS "q".  WITH moves outward; so does ORDER BY,
 * which also stays inside where LIMIT, OFFSET or DISTINCT ON need it.
 */
extern MoreQuery *query_wrap(MoreQuery *query);

/* Add a condition to a SELECT's WHERE: stored text, without parentheses around it. */
extern void query_add_condition(MoreQuery *query, const char *condition);

#endif							/* PG_MORE_QUERY_H */
