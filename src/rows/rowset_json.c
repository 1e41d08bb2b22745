/*
 * rowset_json.c
 *	  JSON text to rowset and back.
 *
 * The text is walked once, token by token.  Only the two outer levels are taken
 * apart; a nested object or array is checked and kept as text.  Tokens of the
 * plainest kinds, which are nearly all, are found here; any other is left to the
 * server's own lexer, as is all that is wrong.  It leaves strings escaped, which
 * is fast, and the few that contain a backslash are then unescaped one by one.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "compat.h"
#include "rows/rowset.h"

typedef struct Parser
{
	JsonLexContext *lex;
	bool		plain;			/* the token is known to have no backslash */
	Node	   *escontext;		/* where soft errors go, or NULL */
	RowsetBuilder builder;
	Cell	   *row;			/* cells of the row, or of the column, at hand */
	int			rowsize;
	int		   *plain_names;	/* per column: the length of its name, -1 if JSON escapes it */
	MemoryContext scratch;		/* unescaped strings, until the row is added */
	bool		scratch_used;
	StringInfoData nesting;		/* open brackets inside a nested value */
} Parser;

/* What any set of rows looks like. */
#define SHAPE_HINT "Give an array of objects, one per row, or an object of arrays, one per column."

/*
 * Report what is wrong at the current token; always returns false.  An escape
 * for a character that text cannot hold has the SQLSTATE that jsonb gives it.
 */
static bool
json_error(Parser *parser, JsonParseErrorType error)
{
	JsonLexContext *lex = parser->lex;
	const char *at = lex->token_start ? lex->token_start : lex->token_terminator;
	int			column = pg_mbstrlen_with_len(lex->line_start, at - lex->line_start) + 1;

	ereturn(parser->escontext, false,
			(errcode(compat_json_untranslatable(error) ? ERRCODE_UNTRANSLATABLE_CHARACTER :
					 ERRCODE_INVALID_TEXT_REPRESENTATION),
			 compat_json_untranslatable(error) ?
			 errmsg("unsupported Unicode escape sequence for a rowset at line %d, character %d", lex->line_number, column) :
			 errmsg("invalid JSON for a rowset at line %d, character %d", lex->line_number, column),
			 errdetail_internal("%s", json_errdetail(error, lex))));
}

/* Report data that is JSON but no set of rows; always returns false. */
static bool
shape_error(Parser *parser, const char *message, const char *detail, const char *hint)
{
	ereturn(parser->escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_internal("%s", message),
			 detail ? errdetail_internal("%s", detail) : 0,
			 errhint("%s", hint)));
}

/* The end of a string's token without escapes that begins at s; NULL if it is another. */
static inline const char *
plain_string_end(const char *s, const char *end)
{
	for (s++; s < end; s++)
	{
		if (*s == '"')
			return s + 1;
		if (*s == '\\' || (unsigned char) *s < 32)
			return NULL;
	}
	return NULL;
}

/* The end of a number's token without an exponent that begins at s; NULL if it is another, or may be wrong. */
static inline const char *
plain_number_end(const char *s, const char *end)
{
	const char *first;

	if (*s == '-')
		s++;
	first = s;
	while (s < end && isdigit((unsigned char) *s))
		s++;
	if (s == first || (*first == '0' && s > first + 1))
		return NULL;
	if (s < end && *s == '.')
	{
		first = ++s;
		while (s < end && isdigit((unsigned char) *s))
			s++;
		if (s == first)
			return NULL;
	}
	/* what follows must not belong to it */
	return s < end && (*s == ',' || *s == '}' || *s == ']' || *s == ' ' || *s == '\n') ? s : NULL;
}

/* Find the next token, if it is a plain one, as json_lex() would; else leave the lexer as it is. */
static inline bool
lex_plain(Parser *parser)
{
	JsonLexContext *lex = parser->lex;
	const char *end = lex->input + lex->input_length;
	const char *s = lex->token_terminator;
	const char *token_end;
	JsonTokenType type;

	while (s < end && *s == ' ')
		s++;
	if (s == end)
		return false;
	token_end = s + 1;
	switch (*s)
	{
		case '{':
			type = JSON_TOKEN_OBJECT_START;
			break;
		case '}':
			type = JSON_TOKEN_OBJECT_END;
			break;
		case '[':
			type = JSON_TOKEN_ARRAY_START;
			break;
		case ']':
			type = JSON_TOKEN_ARRAY_END;
			break;
		case ',':
			type = JSON_TOKEN_COMMA;
			break;
		case ':':
			type = JSON_TOKEN_COLON;
			break;
		case '"':
			type = JSON_TOKEN_STRING;
			token_end = plain_string_end(s, end);
			break;
		case '-':
		case '0': case '1': case '2': case '3': case '4':
		case '5': case '6': case '7': case '8': case '9':
			type = JSON_TOKEN_NUMBER;
			token_end = plain_number_end(s, end);
			break;
		default:
			return false;
	}
	if (token_end == NULL)
		return false;
	lex->prev_token_terminator = lex->token_terminator;
	lex->token_start = (char *) s;
	lex->token_terminator = (char *) token_end;
	lex->token_type = type;
	return true;
}

/* Step to the next token. */
static bool
advance(Parser *parser)
{
	JsonParseErrorType error;

	parser->plain = lex_plain(parser);
	if (parser->plain)
		return true;
	error = json_lex(parser->lex);
	return error == JSON_SUCCESS || json_error(parser, error);
}

/* Complain that the current token is not what the grammar has here. */
static bool
unexpected(Parser *parser, JsonParseErrorType error)
{
	return json_error(parser, parser->lex->token_type == JSON_TOKEN_END ? JSON_EXPECTED_MORE : error);
}

/* Require the current token and step past it. */
static bool
expect(Parser *parser, JsonTokenType token, JsonParseErrorType error)
{
	if (parser->lex->token_type != token)
		return unexpected(parser, error);
	return advance(parser);
}

/* After a member or element: step past a comma to the next, or stay at the end. */
static bool
next_item(Parser *parser, JsonTokenType end)
{
	JsonLexContext *lex = parser->lex;
	bool		in_object = end == JSON_TOKEN_OBJECT_END;

	if (lex->token_type == end)
		return true;
	if (lex->token_type != JSON_TOKEN_COMMA)
		return unexpected(parser, in_object ? JSON_EXPECTED_OBJECT_NEXT : JSON_EXPECTED_ARRAY_NEXT);
	if (!advance(parser))
		return false;
	if (lex->token_type == end)
		return json_error(parser, in_object ? JSON_EXPECTED_STRING : JSON_EXPECTED_JSON);
	return true;
}

/* The string at the current token, unescaped where needed, without quotes. */
static bool
string_token(Parser *parser, const char **text, uint32 *len)
{
	JsonLexContext *lex = parser->lex;
	JsonLexContext *inner;
	MemoryContext old;
	JsonParseErrorType error;

	*text = lex->token_start + 1;
	*len = lex->token_terminator - lex->token_start - 2;
	if (parser->plain || memchr(*text, '\\', *len) == NULL)
		return true;

	old = MemoryContextSwitchTo(parser->scratch);
	inner = compat_json_lexer(lex->token_start, *len + 2, GetDatabaseEncoding(), true);
	error = json_lex(inner);
	MemoryContextSwitchTo(old);
	if (error != JSON_SUCCESS)
		return json_error(parser, error);
	parser->scratch_used = true;
	*text = inner->strval->data;
	*len = inner->strval->len;
	return true;
}

/*
 * Check a nested object or array and step past it.  A stack of brackets stands
 * in for recursion, so that depth is bounded by memory and not by the stack.
 */
static bool
skip_nested(Parser *parser)
{
	JsonLexContext *lex = parser->lex;
	StringInfo	stack = &parser->nesting;

	resetStringInfo(stack);
	for (;;)
	{
		JsonTokenType token = lex->token_type;
		char		open;

		/* here a value is due */
		if (token == JSON_TOKEN_OBJECT_START || token == JSON_TOKEN_ARRAY_START)
		{
			open = token == JSON_TOKEN_OBJECT_START ? '{' : '[';
			appendStringInfoChar(stack, open);
			if (!advance(parser))
				return false;
			token = lex->token_type;
			if (open == '{' ? token != JSON_TOKEN_OBJECT_END : token != JSON_TOKEN_ARRAY_END)
			{
				if (open == '{' &&
					(!expect(parser, JSON_TOKEN_STRING, JSON_EXPECTED_OBJECT_FIRST) ||
					 !expect(parser, JSON_TOKEN_COLON, JSON_EXPECTED_COLON)))
					return false;
				continue;
			}
		}
		else if (token == JSON_TOKEN_STRING || token == JSON_TOKEN_NUMBER ||
				 token == JSON_TOKEN_TRUE || token == JSON_TOKEN_FALSE || token == JSON_TOKEN_NULL)
		{
			if (!advance(parser))
				return false;
		}
		else
			return unexpected(parser, JSON_EXPECTED_JSON);

		/* after a value: close what ends here, then a comma or the end */
		for (;;)
		{
			if (stack->len == 0)
				return true;
			open = stack->data[stack->len - 1];
			token = lex->token_type;
			if (token == JSON_TOKEN_COMMA)
				break;
			if (token != (open == '{' ? JSON_TOKEN_OBJECT_END : JSON_TOKEN_ARRAY_END))
				return unexpected(parser, open == '{' ? JSON_EXPECTED_OBJECT_NEXT : JSON_EXPECTED_ARRAY_NEXT);
			stack->data[--stack->len] = '\0';

			/*
			 * The bracket that closes the whole value is left for the caller,
			 * who needs its end.
			 */
			if (stack->len == 0)
				return true;
			if (!advance(parser))
				return false;
		}
		if (!advance(parser))
			return false;
		if (open == '{' &&
			(!expect(parser, JSON_TOKEN_STRING, JSON_EXPECTED_STRING) ||
			 !expect(parser, JSON_TOKEN_COLON, JSON_EXPECTED_COLON)))
			return false;
	}
}

/* Read the value at the current token into a cell and step past it. */
static bool
read_cell(Parser *parser, Cell *cell)
{
	JsonLexContext *lex = parser->lex;

	switch (lex->token_type)
	{
		case JSON_TOKEN_STRING:
			cell->kind = CELL_STRING;
			if (!string_token(parser, &cell->text, &cell->len))
				return false;
			break;
		case JSON_TOKEN_NUMBER:
			cell->kind = CELL_NUMBER;
			cell->text = lex->token_start;
			cell->len = lex->token_terminator - lex->token_start;
			break;
		case JSON_TOKEN_TRUE:
			cell->kind = CELL_TRUE;
			break;
		case JSON_TOKEN_FALSE:
			cell->kind = CELL_FALSE;
			break;
		case JSON_TOKEN_NULL:
			cell->kind = CELL_NULL;
			break;
		case JSON_TOKEN_OBJECT_START:
		case JSON_TOKEN_ARRAY_START:
			cell->kind = CELL_JSON;
			cell->text = lex->token_start;
			if (!skip_nested(parser))
				return false;
			cell->len = lex->token_terminator - cell->text;
			break;
		default:
			return unexpected(parser, JSON_EXPECTED_JSON);
	}
	return advance(parser);
}

/* Make sure that the row has cells for all columns known so far. */
static void
grow_row(Parser *parser)
{
	if (parser->builder.ncols <= parser->rowsize)
		return;
	parser->row = parser->row ? repalloc_array(parser->row, Cell, parser->builder.maxcols) :
		palloc_array(Cell, parser->builder.maxcols);
	parser->plain_names = parser->plain_names ? repalloc_array(parser->plain_names, int, parser->builder.maxcols) :
		palloc_array(int, parser->builder.maxcols);
	for (int i = parser->rowsize; i < parser->builder.maxcols; i++)
		parser->row[i].kind = CELL_ABSENT;
	parser->rowsize = parser->builder.maxcols;
}

/* The column of this name, new or not; -1 after a soft error. */
static int
column_named(Parser *parser, const char *name, uint32 len)
{
	int			known = parser->builder.ncols;
	int			column = builder_column(&parser->builder, name, len, parser->escontext);

	if (column < known)
		return column;
	grow_row(parser);
	parser->plain_names[column] = len;
	for (uint32 i = 0; i < len; i++)
		if (name[i] == '"' || name[i] == '\\' || (unsigned char) name[i] < 32)
			parser->plain_names[column] = -1;
	return column;
}

/*
 * Does the text go on with this column's name and a colon, written in the plainest
 * way?  Then step past them, as the lexer would by two tokens.
 */
static inline bool
skip_name(Parser *parser, int column)
{
	JsonLexContext *lex = parser->lex;
	const char *end = lex->input + lex->input_length;
	const char *s = lex->token_terminator;
	int			len;

	if (column >= parser->builder.ncols || (len = parser->plain_names[column]) < 0)
		return false;
	while (s < end && *s == ' ')
		s++;
	if (end - s < len + 3 || s[0] != '"' || s[len + 1] != '"' || s[len + 2] != ':' ||
		memcmp(s + 1, parser->builder.names[column], len) != 0)
		return false;
	lex->prev_token_terminator = (char *) s + len + 2;
	lex->token_start = (char *) s + len + 2;
	lex->token_terminator = (char *) s + len + 3;
	lex->token_type = JSON_TOKEN_COLON;
	return true;
}

/* Read the object at the current token as a row and step past it. */
static bool
read_row(Parser *parser)
{
	JsonLexContext *lex = parser->lex;
	RowsetBuilder *builder = &parser->builder;
	int			column = 0;
	bool		known;

	if (lex->token_type != JSON_TOKEN_OBJECT_START)
	{
		if (lex->token_type == JSON_TOKEN_END)
			return json_error(parser, JSON_EXPECTED_MORE);
		return shape_error(parser, psprintf("row " INT64_FORMAT " of the rowset is not an object",
											builder->nrows + 1), NULL, SHAPE_HINT);
	}
	for (int i = 0; i < builder->ncols; i++)
		parser->row[i].kind = CELL_ABSENT;

	/* rows mostly have the same keys in the same order */
	known = skip_name(parser, 0);
	if (!known && !advance(parser))
		return false;
	while (known || lex->token_type != JSON_TOKEN_OBJECT_END)
	{
		if (!known)
		{
			const char *name;
			uint32		len;

			if (lex->token_type != JSON_TOKEN_STRING)
				return unexpected(parser, JSON_EXPECTED_STRING);
			if (!string_token(parser, &name, &len))
				return false;
			column = column_named(parser, name, len);
			if (column < 0)
				return false;
		}
		if (parser->row[column].kind != CELL_ABSENT)
			return shape_error(parser, psprintf("row " INT64_FORMAT " of the rowset has column \"%s\" twice",
												builder->nrows + 1, builder->names[column]),
							   NULL, "Give each column once.");

		if ((!known && !advance(parser)) ||
			!expect(parser, JSON_TOKEN_COLON, JSON_EXPECTED_COLON) ||
			!read_cell(parser, &parser->row[column]))
			return false;

		column++;
		known = lex->token_type == JSON_TOKEN_COMMA && skip_name(parser, column);
		if (!known && !next_item(parser, JSON_TOKEN_OBJECT_END))
			return false;
	}
	builder_add_row(builder, parser->row, builder->ncols);
	if (parser->scratch_used)
	{
		MemoryContextReset(parser->scratch);
		parser->scratch_used = false;
	}
	return advance(parser);
}

/* Read an array of objects: the rows. */
static bool
read_rows(Parser *parser)
{
	JsonLexContext *lex = parser->lex;

	if (!advance(parser))
		return false;
	while (lex->token_type != JSON_TOKEN_ARRAY_END)
	{
		CHECK_FOR_INTERRUPTS();
		if (!read_row(parser))
			return false;
		if (!next_item(parser, JSON_TOKEN_ARRAY_END))
			return false;
	}
	return advance(parser);
}

/* Read one column's array into a builder of its own, a row per value. */
static bool
read_column(Parser *parser, RowsetBuilder *values)
{
	JsonLexContext *lex = parser->lex;
	Cell		cell;

	if (!advance(parser))
		return false;
	while (lex->token_type != JSON_TOKEN_ARRAY_END)
	{
		CHECK_FOR_INTERRUPTS();
		if (!read_cell(parser, &cell))
			return false;
		builder_add_row(values, &cell, 1);
		if (parser->scratch_used)
		{
			MemoryContextReset(parser->scratch);
			parser->scratch_used = false;
		}
		if (!next_item(parser, JSON_TOKEN_ARRAY_END))
			return false;
	}
	return advance(parser);
}

/* Put columns that were read apart together, row by row. */
static void
interleave(Parser *parser, RowsetBuilder *columns, int ncols)
{
	const char **next = palloc_array(const char *, Max(ncols, 1));
	Cell	   *row = palloc_array(Cell, Max(ncols, 1));

	for (int c = 0; c < ncols; c++)
		next[c] = columns[c].cells;
	for (int64 r = 0; ncols > 0 && r < columns[0].nrows; r++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int c = 0; c < ncols; c++)
		{
			CellReader	reader;

			cells_begin(&reader, next[c]);
			cells_next(&reader, &row[c]);
			next[c] = reader.next;
		}
		builder_add_row(&parser->builder, row, ncols);
	}
}

/* Read an object of equal-length arrays: the columns. */
static bool
read_columns(Parser *parser)
{
	JsonLexContext *lex = parser->lex;
	RowsetBuilder *builder = &parser->builder;
	RowsetBuilder *columns = NULL;
	int			ncols = 0;
	int			column;

	if (!advance(parser))
		return false;
	while (lex->token_type != JSON_TOKEN_OBJECT_END)
	{
		const char *name;
		uint32		len;

		if (lex->token_type != JSON_TOKEN_STRING)
			return unexpected(parser, JSON_EXPECTED_STRING);
		if (!string_token(parser, &name, &len))
			return false;
		column = builder_column(builder, name, len, parser->escontext);
		if (column < 0)
			return false;
		if (column != ncols)
			return shape_error(parser, psprintf("the rowset has column \"%s\" twice",
												pnstrdup(name, len)),
							   NULL, "Give each column once.");
		if (!advance(parser) || !expect(parser, JSON_TOKEN_COLON, JSON_EXPECTED_COLON))
			return false;
		if (lex->token_type != JSON_TOKEN_ARRAY_START)
			return shape_error(parser, "the rowset is not an array of objects",
							   psprintf("It is an object whose member \"%s\" is not an array.",
										builder->names[ncols]), SHAPE_HINT);
		columns = columns ? repalloc_array(columns, RowsetBuilder, ncols + 1) :
			palloc_array(RowsetBuilder, 1);
		builder_init(&columns[ncols], 1024);
		if (!read_column(parser, &columns[ncols]))
			return false;
		if (columns[ncols].nrows != columns[0].nrows)
			return shape_error(parser, "columns of the rowset have different lengths",
							   psprintf("Column \"%s\" has " INT64_FORMAT " values, column \"%s\" has " INT64_FORMAT ".",
										builder->names[0], columns[0].nrows,
										builder->names[ncols], columns[ncols].nrows),
							   "Give each column as many values as there are rows.");
		ncols++;
		if (!next_item(parser, JSON_TOKEN_OBJECT_END))
			return false;
	}
	interleave(parser, columns, ncols);
	return advance(parser);
}

/*
 * rowset_parse
 *		JSON text as a rowset in the JSON form.
 *
 * With an error-saving escontext, NULL after a soft error.
 */
Rowset *
rowset_parse(const char *json, int len, Node *escontext)
{
	Parser		parser;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work;
	bool		ok;

	memset(&parser, 0, sizeof(parser));
	builder_init(&parser.builder, (Size) len);
	work = AllocSetContextCreate(caller, "rowset parser", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(work);
	parser.scratch = AllocSetContextCreate(work, "rowset strings", ALLOCSET_DEFAULT_SIZES);
	parser.escontext = escontext;
	parser.lex = compat_json_lexer(json, len, GetDatabaseEncoding(), false);
	initStringInfo(&parser.nesting);

	ok = advance(&parser);
	if (ok && parser.lex->token_type == JSON_TOKEN_ARRAY_START)
		ok = read_rows(&parser);
	else if (ok && parser.lex->token_type == JSON_TOKEN_OBJECT_START)
		ok = read_columns(&parser);
	else if (ok && parser.lex->token_type == JSON_TOKEN_END)
		ok = json_error(&parser, JSON_EXPECTED_MORE);
	else if (ok)
		ok = shape_error(&parser, "the rowset is not an array of objects", NULL, SHAPE_HINT);
	if (ok && parser.lex->token_type != JSON_TOKEN_END)
		ok = json_error(&parser, JSON_EXPECTED_END);

	MemoryContextSwitchTo(caller);
	if (ok)
		builder_finish(&parser.builder);
	MemoryContextDelete(work);
	return ok ? parser.builder.rowset : NULL;
}

/* Append a cell as JSON. */
static void
print_cell(StringInfo out, const Cell *cell)
{
	switch (cell->kind)
	{
		case CELL_ABSENT:
			break;
		case CELL_NULL:
			appendStringInfoString(out, "null");
			break;
		case CELL_FALSE:
			appendStringInfoString(out, "false");
			break;
		case CELL_TRUE:
			appendStringInfoString(out, "true");
			break;
		case CELL_STRING:
		case CELL_TEXT:
			escape_json(out, cell->text);
			break;
		case CELL_NUMBER:
		case CELL_JSON:
			appendBinaryStringInfo(out, cell->text, cell->len);
			break;
	}
}

/*
 * rowset_print
 *		Append the rowset as a JSON array of objects.
 */
void
rowset_print(StringInfo out, Rowset *rowset)
{
	const char *next;
	StringInfoData *keys;

	rowset = rowset_json_form(rowset);
	keys = palloc_array(StringInfoData, Max(rowset->ncols, 1));
	for (int c = 0; c < rowset->ncols; c++)
	{
		initStringInfo(&keys[c]);
		escape_json(&keys[c], rowset->names[c]);
		appendStringInfoChar(&keys[c], ':');
	}
	appendStringInfoChar(out, '[');
	next = rowset->cells;
	for (int64 r = 0; r < rowset->nrows; r++)
	{
		CellReader	reader;
		bool		first = true;

		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(out, r > 0 ? ",{" : "{");
		cells_begin(&reader, next);
		for (int c = 0; c < rowset->ncols; c++)
		{
			Cell		cell = {CELL_ABSENT, NULL, 0};

			cells_next(&reader, &cell);
			if (cell.kind == CELL_ABSENT)
				continue;
			if (!first)
				appendStringInfoChar(out, ',');
			first = false;
			appendBinaryStringInfo(out, keys[c].data, keys[c].len);
			print_cell(out, &cell);
		}
		appendStringInfoChar(out, '}');
		next = reader.next;
	}
	appendStringInfoChar(out, ']');
}
