/*
 * text.c
 *	  SQL text as tokens, by the server's own lexer.
 *
 * Text that a user gives is written anew, token by token: gaps between tokens
 * become one space, so that no comment remains, and what depends on a setting
 * or holds a byte that marks placeholders is written in a way that does not.
 * That is the case for strings in plain quotes with a backslash in them: they
 * become E'' strings.
 */
#include "postgres.h"

#include "common/keywords.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "utils/memutils.h"

#include "compat.h"
#include "query/query.h"

static const struct
{
	const char *keyword;
	QueryWord	word;
}			words[] = {
	{"all", WORD_ALL},
	{"as", WORD_AS},
	{"by", WORD_BY},
	{"cycle", WORD_CYCLE},
	{"delete", WORD_DELETE},
	{"distinct", WORD_DISTINCT},
	{"except", WORD_EXCEPT},
	{"fetch", WORD_FETCH},
	{"for", WORD_FOR},
	{"from", WORD_FROM},
	{"group", WORD_GROUP},
	{"having", WORD_HAVING},
	{"insert", WORD_INSERT},
	{"intersect", WORD_INTERSECT},
	{"limit", WORD_LIMIT},
	{"materialized", WORD_MATERIALIZED},
	{"merge", WORD_MERGE},
	{"nchar", WORD_NCHAR},
	{"not", WORD_NOT},
	{"offset", WORD_OFFSET},
	{"on", WORD_ON},
	{"order", WORD_ORDER},
	{"recursive", WORD_RECURSIVE},
	{"returning", WORD_RETURNING},
	{"row", WORD_ROW},
	{"rows", WORD_ROWS},
	{"search", WORD_SEARCH},
	{"select", WORD_SELECT},
	{"set", WORD_SET},
	{"table", WORD_TABLE},
	{"union", WORD_UNION},
	{"update", WORD_UPDATE},
	{"using", WORD_USING},
	{"values", WORD_VALUES},
	{"where", WORD_WHERE},
	{"window", WORD_WINDOW},
	{"with", WORD_WITH}
};

/* The lexer's codes of all keywords. */
static const uint16 *
keyword_codes(void)
{
	static uint16 *codes = NULL;

	if (codes == NULL)
	{
		uint16	   *result = MemoryContextAlloc(TopMemoryContext, sizeof(uint16) * ScanKeywords.num_keywords);

		for (int i = 0; i < ScanKeywords.num_keywords; i++)
			result[i] = WORD_OTHER;
		for (int i = 0; i < lengthof(words); i++)
		{
			int			number = ScanKeywordLookup(words[i].keyword, &ScanKeywords);

			if (number >= 0)
				result[number] = words[i].word;
		}
		codes = result;
	}
	return codes;
}

/*
 * lexable_text
 *		Stored text as the server's parser reads it, each byte at its place.
 */
char *
lexable_text(const char *stored)
{
	char	   *text = pstrdup(stored);

	for (char *p = strpbrk(text, "\001\002"); p; p = strpbrk(p, "\001\002"))
		*p = *p == VALUE_MARK ? '$' : '_';
	return text;
}

/* Is the keyword a name here: a label, or a column of something? */
static bool
is_name(const QueryTokens *tokens)
{
	int			before = tokens->count > 0 ? tokens->tokens[tokens->count - 1].word : WORD_END;

	return before == WORD_AS || before == '.';
}

/* The tokens, by the server's lexer. */
static QueryTokens *
lex(const char *text, bool stored)
{
	const char *lexed = stored ? lexable_text(text) : text;
	QueryTokens *result = palloc(sizeof(QueryTokens));
	core_yy_extra_type extra;
	core_yyscan_t scanner;
	int			size = 32;
	int			depth = 0;

	result->text = text;
	result->stored = stored;
	result->count = 0;
	result->tokens = palloc_array(QueryToken, size);
	scanner = scanner_init(lexed, &extra, &ScanKeywords, keyword_codes());
	for (;;)
	{
		core_YYSTYPE value;
		YYLTYPE		start;
		int			word = core_yylex(&value, &start, scanner);
		QueryToken *token;

		if (result->count == size)
		{
			size *= 2;
			result->tokens = repalloc_huge(result->tokens, sizeof(QueryToken) * size);
		}
		if (word >= WORD_OTHER && is_name(result))
			word = WORD_OTHER;
		if (word == ')' || word == ']')
			depth--;
		token = &result->tokens[result->count];
		token->word = word;
		token->depth = depth;
		if (word == WORD_END)
			break;
		token->start = start;
		/* the lexer ends a token with a zero until it is asked for the next one */
		token->end = start + strlen(extra.scanbuf + start);
		if (word == '(' || word == '[')
			depth++;
		result->count++;
	}
	result->tokens[result->count].start = result->tokens[result->count].end = strlen(text);
	scanner_finish(scanner);
	return result;
}

/*
 * query_lex
 *		The tokens of SQL text, which the server's parser has accepted, or will
 *		look at as well.
 */
QueryTokens *
query_lex(const char *text, bool stored)
{
	MemoKind	kind = stored ? MEMO_STORED_TOKENS : MEMO_TOKENS;
	QueryTokens *tokens = memo_find(kind, text);

	if (tokens == NULL)
	{
		tokens = lex(text, stored);
		memo_keep(kind, text, tokens);
	}
	return tokens;
}

/* ------------------------------------------------------------------------ */
/* Tokens as text again														*/
/* ------------------------------------------------------------------------ */

static inline bool
is_mark(char c)
{
	return c == VALUE_MARK || c == DATA_MARK;
}

static bool
has_byte(const char *p, const char *end, bool backslash)
{
	for (; p < end; p++)
		if (is_mark(*p) || (backslash && *p == '\\'))
			return true;
	return false;
}

static void
refuse_marks(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_NAME),
			 errmsg("a query cannot have names with the characters U+0001 and U+0002")));
}

/*
 * query_name
 *		A name, quoted where it must be, as stored text.
 */
const char *
query_name(const char *name)
{
	if (has_byte(name, name + strlen(name), false))
		refuse_marks();
	return name;
}

/* What follows must not become part of the token before. */
static void
separate(StringInfo out)
{
	if (out->len > 0 && out->data[out->len - 1] != ' ')
		appendStringInfoChar(out, ' ');
}

/* A string in plain or E'' quotes, which p begins with, as an E'' string. */
static void
append_quoted(StringInfo out, const char *p, const char *end, bool escapes)
{
	bool		escaped = false;

	separate(out);
	appendStringInfoChar(out, 'E');
	for (; p < end; p++)
	{
		if (is_mark(*p))
			appendStringInfo(out, "%s00%d", escaped ? "" : "\\", *p);
		else
		{
			if (*p == '\\' && !escapes)
				appendStringInfoChar(out, '\\');
			appendStringInfoChar(out, *p);
		}
		escaped = escapes && *p == '\\' && !escaped;
	}
}

/* A dollar-quoted string as an E'' string. */
static void
append_dollar_quoted(StringInfo out, const char *p, const char *end)
{
	const char *tag = strchr(p + 1, '$');
	int			len = tag - p + 1;

	separate(out);
	appendStringInfoString(out, "E'");
	for (p += len, end -= len; p < end; p++)
	{
		if (is_mark(*p))
			appendStringInfo(out, "\\00%d", *p);
		else
		{
			if (*p == '\\' || *p == '\'')
				appendStringInfoChar(out, *p);
			appendStringInfoChar(out, *p);
		}
	}
	appendStringInfoChar(out, '\'');
}

/* One token of a user's text. */
static void
append_token(StringInfo out, const char *text, const QueryToken *token)
{
	const char *p = text + token->start;
	const char *end = text + token->end;

	if (token->word == WORD_SCONST && *p == '\'')
	{
		if (has_byte(p, end, true))
		{
			append_quoted(out, p, end, !COMPAT_STANDARD_STRINGS);
			return;
		}
	}
	else if (token->word == WORD_SCONST && (*p == 'e' || *p == 'E'))
	{
		if (has_byte(p, end, false))
		{
			append_quoted(out, p + 1, end, true);
			return;
		}
	}
	else if (token->word == WORD_SCONST && *p == '$')
	{
		if (has_byte(p, end, false))
		{
			append_dollar_quoted(out, p, end);
			return;
		}
	}
	else if (token->word == WORD_NCHAR && end - p == 1)
	{
		/* the N of N'...', which is one only before a quote */
		separate(out);
		appendStringInfoString(out, "nchar ");
		return;
	}
	else if (has_byte(p, end, false))
		refuse_marks();
	appendBinaryStringInfo(out, p, end - p);
}

/*
 * query_append_tokens
 *		Append some tokens, from one to before another, as stored text.
 */
void
query_append_tokens(StringInfo out, const QueryTokens *tokens, int from, int to)
{
	for (int i = from; i < to; i++)
	{
		const QueryToken *token = &tokens->tokens[i];

		if (i > from && token->start > token[-1].end)
			separate(out);
		if (tokens->stored)
			appendBinaryStringInfo(out, tokens->text + token->start, token->end - token->start);
		else
			append_token(out, tokens->text, token);
	}
}

/*
 * query_slice
 *		The same as a string of its own.
 */
char *
query_slice(const QueryTokens *tokens, int from, int to)
{
	StringInfoData out;

	initStringInfo(&out);
	query_append_tokens(&out, tokens, from, to);
	return out.data;
}

/*
 * query_split_list
 *		The items of a list in stored text.
 */
List *
query_split_list(const char *stored)
{
	QueryTokens *tokens = query_lex(stored, true);
	List	   *result = NIL;
	int			from = 0;

	for (int i = 0; i <= tokens->count; i++)
	{
		QueryToken *token = &tokens->tokens[i];

		if (i < tokens->count && (token->word != ',' || token->depth > 0))
			continue;
		if (i > from)
			result = lappend(result, query_slice(tokens, from, i));
		from = i + 1;
	}
	return result;
}
