/*
 * text.c
 *	  SQL text as tokens, as the server's own lexer takes it.
 *
 * Most texts are plain: names, keywords, numbers, the usual operators and strings
 * without an escape, which nothing but the text decides.  They are read here, as
 * the lexer is slow to begin; a text with anything else in it is the lexer's, all
 * of it.  Tokens only tell where parts begin: what is a statement or an expression
 * is for the server's parser to say, of the same text.
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

/* There is room for so many at first; a power of two. */
#define FIRST_TOKENS	32

/* Texts of fewer bytes are read again faster than they are found in what is kept. */
#define SHORT_TEXT		64

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

/* ------------------------------------------------------------------------ */
/* Plain text																*/
/* ------------------------------------------------------------------------ */

/* What a byte may be in plain text. */
typedef enum ByteKind
{
	BYTE_OTHER = 0,
	BYTE_SPACE,
	BYTE_LETTER,				/* begins a name, and goes on with one */
	BYTE_DIGIT,
	BYTE_SELF,					/* a token of its own */
	BYTE_OPERATOR,
	BYTE_QUOTE					/* ' or " */
} ByteKind;

static const uint8 byte_kinds[256] = {
	[' '] = BYTE_SPACE, ['\t'] = BYTE_SPACE, ['\n'] = BYTE_SPACE, ['\r'] = BYTE_SPACE,
	['a' ... 'z'] = BYTE_LETTER, ['A' ... 'Z'] = BYTE_LETTER, ['_'] = BYTE_LETTER, [0x80 ... 0xff] = BYTE_LETTER,
	['0' ... '9'] = BYTE_DIGIT,
	['('] = BYTE_SELF, [')'] = BYTE_SELF, ['['] = BYTE_SELF, [']'] = BYTE_SELF, [','] = BYTE_SELF, [';'] = BYTE_SELF,
	['.'] = BYTE_SELF, [':'] = BYTE_SELF,
	['+'] = BYTE_OPERATOR, ['-'] = BYTE_OPERATOR, ['*'] = BYTE_OPERATOR, ['/'] = BYTE_OPERATOR, ['%'] = BYTE_OPERATOR,
	['^'] = BYTE_OPERATOR, ['<'] = BYTE_OPERATOR, ['>'] = BYTE_OPERATOR, ['='] = BYTE_OPERATOR, ['!'] = BYTE_OPERATOR,
	['~'] = BYTE_OPERATOR, ['@'] = BYTE_OPERATOR, ['#'] = BYTE_OPERATOR, ['&'] = BYTE_OPERATOR, ['|'] = BYTE_OPERATOR,
	['`'] = BYTE_OPERATOR, ['?'] = BYTE_OPERATOR,
	['\''] = BYTE_QUOTE, ['"'] = BYTE_QUOTE
};

static inline ByteKind
kind_of(char c)
{
	return byte_kinds[(unsigned char) c];
}

static inline bool
goes_on(char c)
{
	return kind_of(c) == BYTE_LETTER || kind_of(c) == BYTE_DIGIT;
}

/* Is it a byte that the lexer may take for a part of a name or number before it: a dollar sign, for one? */
static inline bool
is_special(char c)
{
	return (kind_of(c) == BYTE_OTHER && c != '\0') || kind_of(c) == BYTE_QUOTE;
}

/* A name or keyword from p on: its end, NULL if it is not plain. */
static const char *
plain_word(const char *p, int *word)
{
	const char *end = p;
	char		name[NAMEDATALEN];
	int			number;

	while (goes_on(*end))
		end++;
	/* longer ones are cut with a notice; others begin E'' and U&"" */
	if (end - p >= NAMEDATALEN || is_special(*end) || (*end == '&' && end - p == 1))
		return NULL;
	memcpy(name, p, end - p);
	name[end - p] = '\0';
	number = ScanKeywordLookup(name, &ScanKeywords);
	*word = number >= 0 ? keyword_codes()[number] : WORD_IDENT;
	return end;
}

/* A number, likewise: only digits, that fit an integer. */
static const char *
plain_number(const char *p, int *word)
{
	const char *end = p;

	while (kind_of(*end) == BYTE_DIGIT)
		end++;
	*word = WORD_ICONST;
	return end - p > 9 || goes_on(*end) || is_special(*end) || *end == '.' ? NULL : end;
}

/* A string or a name in quotes, likewise.  Only what has its quote once at the end is plain. */
static const char *
plain_quoted(const char *p, int *word)
{
	const char *end = strchr(p + 1, *p);
	const char *next;

	if (end == NULL || memchr(p, '\\', end - p) || (*p == '"' && (end == p + 1 || end - p > NAMEDATALEN)))
		return NULL;
	*word = *p == '"' ? WORD_IDENT : WORD_SCONST;
	/* a second string would be the rest of the first one */
	for (next = ++end; kind_of(*next) == BYTE_SPACE;)
		next++;
	return *next == *p ? NULL : end;
}

/* An operator, likewise: one of the usual ones, so that it begins no comment, and the lexer takes it as a whole. */
static const char *
plain_operator(const char *p, int *word)
{
	const char *end = p;

	while (kind_of(*end) == BYTE_OPERATOR)
		end++;
	*word = end - p == 1 ? *p : WORD_OP;
	if (end - p == 1)
		return strchr("+-*/%^<>=", *p) ? end : NULL;
	if (end - p != 2)
		return NULL;
	return (p[1] == '=' && strchr("<>!", *p)) || (p[1] == '>' && strchr("<-", *p)) || strncmp(p, "||", 2) == 0 ? end : NULL;
}

/* A placeholder of stored text, likewise. */
static const char *
plain_placeholder(const char *p, int *word)
{
	const char *end = p + 1;

	while (kind_of(*end) == BYTE_DIGIT)
		end++;
	*word = *p == VALUE_MARK ? WORD_PARAM : WORD_IDENT;
	return end != p + 1 + PLACEHOLDER_DIGITS || kind_of(*end) == BYTE_LETTER || is_special(*end) ? NULL : end;
}

/* The end of the token that begins at p, or NULL. */
static const char *
plain_token(const char *p, bool stored, int *word)
{
	switch (kind_of(*p))
	{
		case BYTE_LETTER:
			return plain_word(p, word);
		case BYTE_DIGIT:
			return plain_number(p, word);
		case BYTE_QUOTE:
			return plain_quoted(p, word);
		case BYTE_OPERATOR:
			return plain_operator(p, word);
		case BYTE_SELF:
			if (*p == ':')
			{
				*word = WORD_CAST;
				return p[1] == ':' && p[2] != ':' && p[2] != '=' ? p + 2 : NULL;
			}
			*word = *p;
			return *p == '.' && (p[1] == '.' || kind_of(p[1]) == BYTE_DIGIT) ? NULL : p + 1;
		default:
			if (stored && (*p == VALUE_MARK || *p == DATA_MARK))
				return plain_placeholder(p, word);
			/* the dollar sign of $name, where no other follows the name, as in $name$ */
			*word = *p;
			return *p == '$' && kind_of(p[1]) == BYTE_LETTER ? p + 1 : NULL;
	}
}

/* Tokens as they are read. */
static QueryTokens *
begin_tokens(const char *text, bool stored)
{
	QueryTokens *result = palloc(sizeof(QueryTokens));

	result->text = text;
	result->stored = stored;
	result->count = 0;
	result->tokens = palloc_array(QueryToken, FIRST_TOKENS);
	return result;
}

/* Add a token, the last of which is WORD_END. */
static void
add_token(QueryTokens *tokens, int word, int start, int end, int *depth)
{
	QueryToken *token;

	/* there is room for as many as the largest power of two that is not above their number */
	if (tokens->count >= FIRST_TOKENS && (tokens->count & (tokens->count - 1)) == 0)
		tokens->tokens = repalloc_huge(tokens->tokens, sizeof(QueryToken) * 2 * tokens->count);
	if (word >= WORD_OTHER && is_name(tokens))
		word = WORD_OTHER;
	if (word == ')' || word == ']')
		(*depth)--;
	token = &tokens->tokens[tokens->count];
	token->start = start;
	token->end = end;
	token->word = word;
	token->depth = *depth;
	if (word == '(' || word == '[')
		(*depth)++;
	if (word != WORD_END)
		tokens->count++;
}

/*
 * The tokens of plain text, NULL if it is not plain.  What is accepted here is
 * what the server's lexer takes for the same tokens whatever the settings say: no
 * comment, no escape, no string but one in single quotes without a quote in it.
 */
static QueryTokens *
lex_plain(const char *text, bool stored)
{
	QueryTokens *result = begin_tokens(text, stored);
	const char *p = text;
	int			depth = 0;

	for (;;)
	{
		const char *start;
		int			word = WORD_END;

		while (kind_of(*p) == BYTE_SPACE)
			p++;
		start = p;
		if (*p)
			p = plain_token(p, stored, &word);
		if (p == NULL)
			return NULL;
		add_token(result, word, start - text, p - text, &depth);
		if (word == WORD_END)
			return result;
	}
}

/* ------------------------------------------------------------------------ */
/* Any text																	*/
/* ------------------------------------------------------------------------ */

/* The tokens, by the server's lexer. */
static QueryTokens *
lex(const char *text, bool stored)
{
	const char *lexed = stored ? lexable_text(text) : text;
	QueryTokens *result = begin_tokens(text, stored);
	core_yy_extra_type extra;
	core_yyscan_t scanner;
	int			depth = 0;

	scanner = scanner_init(lexed, &extra, &ScanKeywords, keyword_codes());
	for (;;)
	{
		core_YYSTYPE value;
		YYLTYPE		start;
		int			word = core_yylex(&value, &start, scanner);

		if (word == WORD_END)
			break;
		/* <=, <> and the like have codes of their own, which no parts begin with */
		if (word > WORD_CAST && word < WORD_OTHER)
			word = WORD_OP;
		/* the lexer ends a token with a zero until it is asked for the next one */
		add_token(result, word, start, start + strlen(extra.scanbuf + start), &depth);
	}
	add_token(result, WORD_END, strlen(text), strlen(text), &depth);
	scanner_finish(scanner);
	return result;
}

#ifdef USE_ASSERT_CHECKING
static bool
are_same(const QueryTokens *a, const QueryTokens *b)
{
	for (int i = 0; i <= a->count; i++)
		if (i > b->count || a->tokens[i].word != b->tokens[i].word || a->tokens[i].start != b->tokens[i].start ||
			a->tokens[i].end != b->tokens[i].end || a->tokens[i].depth != b->tokens[i].depth)
			return false;
	return a->count == b->count;
}
#endif

/* The tokens of plain text, NULL if it is not plain.  Where assertions are on, the lexer has the same ones. */
static QueryTokens *
plain_tokens(const char *text, bool stored)
{
	QueryTokens *tokens = lex_plain(text, stored);

	Assert(tokens == NULL || are_same(tokens, lex(text, stored)));
	return tokens;
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
	bool		shorter = strnlen(text, SHORT_TEXT) < SHORT_TEXT;
	QueryTokens *tokens = shorter ? plain_tokens(text, stored) : NULL;

	if (tokens == NULL)
		tokens = memo_find(kind, text);
	if (tokens == NULL)
	{
		if (!shorter)
			tokens = plain_tokens(text, stored);
		if (tokens == NULL)
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
