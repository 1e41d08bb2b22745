/*
 * split.c
 *	  A statement's text, split into the parts of a query.
 *
 * The server's parser decides what is a statement.  Where its parts begin is
 * told by the tokens outside of brackets: a reserved word there is the keyword
 * of a clause, unless it is a label after AS, a column after a dot, or one of a
 * few that two words make up (IS DISTINCT FROM, WITHIN GROUP).  That is not
 * trusted: the parts put together again must parse to the same tree.  Where they
 * do not, the statement is kept in one piece, which every step wraps.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"

#include "compat.h"
#include "query/query.h"
#include "statement.h"

/* Some of a statement's tokens, outside of brackets but these. */
typedef struct Span
{
	QueryTokens *tokens;
	int			at;
	int			end;
	int			depth;
} Span;

/* The word at a place of the span, if it is outside of brackets there. */
static inline int
word_at(const Span *span, int i)
{
	const QueryToken *token = &span->tokens->tokens[i];

	if (i < span->at || i >= span->end || token->depth != span->depth)
		return WORD_END;
	return token->word;
}

/* The place after the bracket that closes the one at i. */
static int
after_group(const Span *span, int i)
{
	for (i++; i < span->end && span->tokens->tokens[i].depth > span->depth;)
		i++;
	return Min(i + 1, span->end);
}

static inline bool
is_set_operator(int word)
{
	return word == WORD_UNION || word == WORD_INTERSECT || word == WORD_EXCEPT;
}

/* The part that a keyword at this place of a SELECT begins; QUERY_PARTS: none. */
static QueryPart
part_at(const Span *span, int i)
{
	switch (word_at(span, i))
	{
		case WORD_FROM:
			return word_at(span, i - 1) == WORD_DISTINCT ? QUERY_PARTS : PART_FROM;
		case WORD_WHERE:
			return PART_WHERE;
		case WORD_GROUP:
			return word_at(span, i + 1) == WORD_BY ? PART_GROUP_BY : QUERY_PARTS;
		case WORD_HAVING:
			return PART_HAVING;
		case WORD_WINDOW:
			return PART_WINDOW;
		case WORD_ORDER:
			return word_at(span, i + 1) == WORD_BY ? PART_ORDER_BY : QUERY_PARTS;
		case WORD_LIMIT:
			return PART_LIMIT;
		case WORD_OFFSET:
			return PART_OFFSET;
		case WORD_FETCH:
			return PART_FETCH;
		case WORD_FOR:
			return PART_LOCK;
		default:
			return QUERY_PARTS;
	}
}

static bool
token_is(const QueryTokens *tokens, int i, const char *word)
{
	const QueryToken *token = &tokens->tokens[i];

	return token->end - token->start == strlen(word) &&
		pg_strncasecmp(tokens->text + token->start, word, strlen(word)) == 0;
}

static bool
is_rows(const QueryTokens *tokens, int i)
{
	return tokens->tokens[i].word == WORD_ROW || tokens->tokens[i].word == WORD_ROWS;
}

/* Store a part, whose keyword is at from. */
static void
put_part(MoreQuery *query, QueryPart part, const Span *span, int from, int to)
{
	QueryTokens *tokens = span->tokens;

	switch (part)
	{
		case PART_GROUP_BY:
		case PART_ORDER_BY:
			query->parts[part] = query_slice(tokens, from + 2, to);
			break;
		case PART_LOCK:
			query->parts[part] = query->parts[part] ?
				psprintf("%s %s", query->parts[part], query_slice(tokens, from, to)) :
				query_slice(tokens, from, to);
			break;
		case PART_OFFSET:
			if (to > from + 2 && is_rows(tokens, to - 1))
				to--;
			query->parts[part] = query_slice(tokens, from + 1, to);
			break;
		case PART_FETCH:
			/* FIRST 5 ROWS ONLY is LIMIT 5 */
			if (to >= from + 4 && token_is(tokens, to - 1, "only"))
				query->parts[PART_LIMIT] = to == from + 4 ? "1" : query_slice(tokens, from + 2, to - 2);
			else
				query->parts[part] = query_slice(tokens, from + 1, to);
			break;
		default:
			query->parts[part] = query_slice(tokens, from + 1, to);
	}
}

/* Split clauses, of which the first begins at the start of the span. */
static void
split_clauses(MoreQuery *query, const Span *span, int from)
{
	while (from < span->end)
	{
		QueryPart	part = part_at(span, from);
		int			to = from + 1;

		if (part == QUERY_PARTS)
			break;
		/* ROWS FROM is within FROM */
		while (to < span->end && (part_at(span, to) == QUERY_PARTS || (part == PART_FROM && part_at(span, to) == part)))
			to++;
		put_part(query, part, span, from, to);
		from = to;
	}
}

/* SELECT ... */
static void
split_select(MoreQuery *query, Span *span)
{
	int			from = span->at + 1;
	int			to;

	query->kind = QUERY_SELECT;
	if (word_at(span, from) == WORD_ALL)
		from++;
	else if (word_at(span, from) == WORD_DISTINCT)
	{
		int			on = ++from;

		if (word_at(span, on) == WORD_ON)
			from = after_group(span, on + 1);
		query->parts[PART_DISTINCT] = query_slice(span->tokens, on, from);
	}
	for (to = from; to < span->end && part_at(span, to) == QUERY_PARTS;)
		to++;
	query->parts[PART_SELECT] = query_slice(span->tokens, from, to);
	split_clauses(query, span, to);
}

/* VALUES ..., and TABLE name, which is SELECT * FROM name. */
static void
split_values(MoreQuery *query, Span *span)
{
	bool		table = word_at(span, span->at) == WORD_TABLE;
	int			to = span->at + 1;

	while (to < span->end && part_at(span, to) == QUERY_PARTS)
		to++;
	query->kind = table ? QUERY_SELECT : QUERY_VALUES;
	if (table)
		query->parts[PART_SELECT] = "*";
	query->parts[table ? PART_FROM : PART_BODY] = query_slice(span->tokens, span->at + 1, to);
	split_clauses(query, span, to);
}

/* The operator at a place, as it prints: UNION, UNION ALL, ... */
static char *
set_operator(const Span *span, int i)
{
	const char *name = word_at(span, i) == WORD_UNION ? "UNION" :
		word_at(span, i) == WORD_INTERSECT ? "INTERSECT" : "EXCEPT";

	return psprintf("%s%s", name, word_at(span, i + 1) == WORD_ALL ? " ALL" : "");
}

/* Where an arm begins after the operator at i. */
static int
after_set_operator(const Span *span, int i)
{
	int			word = word_at(span, i + 1);

	return word == WORD_ALL || word == WORD_DISTINCT ? i + 2 : i + 1;
}

/*
 * Arms between set operators, of which the last one is at a place.  If all are
 * the same one, each is an arm; else the last UNION or EXCEPT, which is
 * done last, has two arms, and the first one's text is a set operation itself.
 */
static void
split_set(MoreQuery *query, Span *span, int last)
{
	char	   *operator = NULL;
	bool		same = true;
	int			outer = -1;
	int			from = span->at;
	int			to;

	for (int i = span->at; i <= last; i++)
		if (is_set_operator(word_at(span, i)))
		{
			char	   *name = set_operator(span, i);

			same = same && (operator == NULL || strcmp(operator, name) == 0);
			operator = name;
			if (word_at(span, i) != WORD_INTERSECT)
				outer = i;
		}
	for (to = last + 1; to < span->end && (to <= last || part_at(span, to) < PART_ORDER_BY ||
										   part_at(span, to) == QUERY_PARTS);)
		to++;
	query->kind = QUERY_SET;
	if (!same)
		query->set_operator = set_operator(span, outer >= 0 ? outer : last);
	else
		query->set_operator = operator;
	for (int i = span->at; i <= last; i++)
		if (same ? is_set_operator(word_at(span, i)) : i == (outer >= 0 ? outer : last))
		{
			query->arms = lappend(query->arms, query_slice(span->tokens, from, i));
			from = after_set_operator(span, i);
		}
	query->arms = lappend(query->arms, query_slice(span->tokens, from, to));
	split_clauses(query, span, to);
}

/* WITH at the start of the span, which is moved behind it. */
static void
split_with(MoreQuery *query, Span *span)
{
	int			i = span->at + 1;
	int			from;

	query->recursive = word_at(span, i) == WORD_RECURSIVE;
	if (query->recursive)
		i++;
	from = i;
	for (;;)
	{
		i++;					/* the name */
		if (word_at(span, i) == '(')
			i = after_group(span, i);
		while (i < span->end && word_at(span, i) != '(')
			i++;				/* AS NOT MATERIALIZED */
		i = after_group(span, i);
		if (word_at(span, i) == WORD_SEARCH)
		{
			while (i < span->end && word_at(span, i) != WORD_SET)
				i++;
			i += 2;
		}
		if (word_at(span, i) == WORD_CYCLE)
		{
			while (i < span->end && word_at(span, i) != WORD_USING)
				i++;
			i += 2;
		}
		if (word_at(span, i) != ',')
			break;
		i++;
	}
	i = Min(i, span->end);
	query->parts[PART_WITH] = query_slice(span->tokens, from, i);
	span->at = i;
}

/* A SELECT, VALUES, TABLE, or several of them, perhaps in parentheses. */
static void
split_query(MoreQuery *query, Span *span)
{
	int			last = -1;
	int			to;
	Span		inner;

	check_stack_depth();
	if (word_at(span, span->at) == WORD_WITH)
		split_with(query, span);
	for (int i = span->at; i < span->end; i++)
		if (is_set_operator(word_at(span, i)))
			last = i;
	if (last >= 0)
	{
		split_set(query, span, last);
		return;
	}
	switch (word_at(span, span->at))
	{
		case '(':
			/* the clauses inside and those after it are clauses of one query */
			to = after_group(span, span->at);
			inner = *span;
			inner.at++;
			inner.end = to - 1;
			inner.depth++;
			split_query(query, &inner);
			split_clauses(query, span, to);
			break;
		case WORD_SELECT:
			split_select(query, span);
			break;
		case WORD_VALUES:
		case WORD_TABLE:
			split_values(query, span);
			break;
		default:
			query->kind = QUERY_OPAQUE;
	}
}

/* INSERT, UPDATE, DELETE, MERGE */
static void
split_change(MoreQuery *query, Span *span)
{
	int			to;

	if (word_at(span, span->at) == WORD_WITH)
		split_with(query, span);
	for (to = span->at; to < span->end && word_at(span, to) != WORD_RETURNING;)
		to++;
	query->parts[PART_BODY] = query_slice(span->tokens, span->at, to);
	if (to < span->end)
		query->parts[PART_RETURNING] = query_slice(span->tokens, to + 1, span->end);
}

/* ------------------------------------------------------------------------ */
/* From text to query														*/
/* ------------------------------------------------------------------------ */

/* What kind of query is the statement?  An error if it is none. */
static QueryKind
statement_kind(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_SelectStmt:
			{
				SelectStmt *select = (SelectStmt *) stmt;

				/* INTO may only be in the first arm */
				while (select->op != SETOP_NONE)
					select = select->larg;
				if (select->intoClause == NULL)
					return QUERY_SELECT;
			}
			break;
		case T_InsertStmt:
			return QUERY_INSERT;
		case T_UpdateStmt:
			return QUERY_UPDATE;
		case T_DeleteStmt:
			return QUERY_DELETE;
		case T_MergeStmt:
			return QUERY_MERGE;
		default:
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the statement cannot be a query"),
			 errdetail("Queries are SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE and MERGE.")));
}

/* A query's values are bound by names. */
static void
refuse_parameters(const QueryTokens *tokens)
{
	for (int i = 0; i < tokens->count; i++)
		if (tokens->tokens[i].word == WORD_PARAM)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_PARAMETER),
					 errmsg("there is no parameter %s", query_slice(tokens, i, i + 1)),
					 errhint("Steps such as filter bind values: write $name there, and give its value in params."),
					 errposition(pg_mbstrlen_with_len(tokens->text, tokens->tokens[i].start) + 1)));
}

static Node *
parse_one(const char *text)
{
	List	   *parsed = raw_parser(text, RAW_PARSE_DEFAULT);

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("a query must be one SQL statement"),
				 errdetail("The text has %d.", list_length(parsed))));
	return linitial_node(RawStmt, parsed)->stmt;
}

/*
 * query_raw_parse
 *		The tree of a statement in stored text; its placeholders are parameters
 *		and relations there.
 */
Node *
query_raw_parse(const char *stored)
{
	Node	   *tree = memo_find(MEMO_STATEMENT, stored);

	if (tree == NULL)
	{
		tree = parse_one(lexable_text(stored));
		memo_keep(MEMO_STATEMENT, stored, tree);
	}
	return tree;
}

/* The statement in one piece. */
static MoreQuery *
keep_whole(QueryKind kind, const Span *span)
{
	MoreQuery  *query = query_new(kind == QUERY_SELECT ? QUERY_OPAQUE : kind);

	query->parts[PART_BODY] = query_slice(span->tokens, span->at, span->end);
	return query;
}

/* Split the statement of the span, whose tree this is; in one piece where its parts are not sure to mean the same. */
static MoreQuery *
split_statement(Node *tree, const Span *span)
{
	MoreQuery  *query = query_new(statement_kind(tree));
	Span		rest = *span;

	if (query->kind == QUERY_SELECT)
		split_query(query, &rest);
	else
		split_change(query, &rest);
	if (equal(tree, query_raw_parse(query_text(query, PRINT_STORED))))
		return query;
	query = keep_whole(statement_kind(tree), span);
	if (!equal(tree, query_raw_parse(query_text(query, PRINT_STORED))))
		elog(ERROR, "could not write the statement anew");
	return query;
}

/*
 * query_parse_stored
 *		A query from stored text, of which another query has the bindings.
 */
MoreQuery *
query_parse_stored(const char *stored)
{
	Span		span = {0};

	span.tokens = query_lex(stored, true);
	span.end = span.tokens->count;
	return split_statement(query_raw_parse(stored), &span);
}

/*
 * query_parse
 *		A query from the text of a statement.
 */
MoreQuery *
query_parse(const char *text)
{
	ErrorContextCallback callback;
	Span		span = {0};
	MoreQuery  *query;
	Node	   *tree;

	callback.callback = statement_error_callback;
	callback.arg = (void *) text;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	tree = parse_one(text);
	(void) statement_kind(tree);
	span.tokens = query_lex(text, false);
	refuse_parameters(span.tokens);
	span.end = span.tokens->count;
	while (span.tokens->tokens[span.at].word == ';')
		span.at++;
	while (span.tokens->tokens[span.end - 1].word == ';')
		span.end--;
	query = split_statement(tree, &span);
	error_context_stack = callback.previous;
	return query;
}
