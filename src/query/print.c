/*
 * print.c
 *	  Queries as text.
 *
 * The parts are put together as stored text; the placeholders in it are then
 * replaced by what the mode asks for.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "query/query.h"

/* The keywords before the parts, in the order in which they print. */
static const char *const keywords[QUERY_PARTS] = {
	[PART_WITH] = "WITH",
	[PART_FROM] = "FROM",
	[PART_WHERE] = "WHERE",
	[PART_GROUP_BY] = "GROUP BY",
	[PART_HAVING] = "HAVING",
	[PART_WINDOW] = "WINDOW",
	[PART_ORDER_BY] = "ORDER BY",
	[PART_LIMIT] = "LIMIT",
	[PART_FETCH] = "FETCH",
	[PART_OFFSET] = "OFFSET",
	[PART_LOCK] = "",
	[PART_RETURNING] = "RETURNING",
};

/* A word or part after what is there. */
static void
append_word(StringInfo out, int start, const char *word)
{
	if (*word == '\0')
		return;
	if (out->len > start)
		appendStringInfoChar(out, ' ');
	appendStringInfoString(out, word);
}

/* What stands between WITH and the clauses that follow. */
static void
append_body(StringInfo out, int start, const MoreQuery *query)
{
	ListCell   *lc;

	switch (query->kind)
	{
		case QUERY_SELECT:
			append_word(out, start, "SELECT");
			if (query->parts[PART_DISTINCT])
			{
				append_word(out, start, "DISTINCT");
				append_word(out, start, query->parts[PART_DISTINCT]);
			}
			append_word(out, start, query->parts[PART_SELECT]);
			break;
		case QUERY_SET:
			foreach(lc, query->arms)
			{
				if (lc != list_head(query->arms))
					append_word(out, start, query->set_operator);
				append_word(out, start, lfirst(lc));
			}
			break;
		case QUERY_VALUES:
			append_word(out, start, "VALUES");
			append_word(out, start, query->parts[PART_BODY]);
			break;
		default:
			append_word(out, start, query->parts[PART_BODY]);
	}
}

/* The query as stored text; pretty: its clauses on lines. */
static void
append_stored(StringInfo out, const MoreQuery *query, bool pretty)
{
	int			start = out->len;

	for (int i = 0; i < QUERY_PARTS; i++)
	{
		if (pretty && out->len > start && (i == PART_SELECT || (i > PART_SELECT && query->parts[i])))
		{
			appendStringInfoChar(out, '\n');
			start = out->len;
		}
		if (i == PART_SELECT)
			append_body(out, start, query);
		if (query->parts[i] == NULL || i == PART_DISTINCT || i == PART_SELECT || i == PART_BODY)
			continue;
		append_word(out, start, keywords[i]);
		if (i == PART_WITH && query->recursive)
			append_word(out, start, "RECURSIVE");
		append_word(out, start, query->parts[i]);
	}
}

/* ------------------------------------------------------------------------ */
/* Placeholders																*/
/* ------------------------------------------------------------------------ */

/*
 * Might a number here be the place of a column?  ORDER BY 2 and the like are
 * the only places where a constant is not just a value.
 */
static bool
may_be_ordinal(const StringInfo out)
{
	int			len = out->len;

	while (len > 0 && out->data[len - 1] == ' ')
		len--;
	return len > 0 && (out->data[len - 1] == ',' || out->data[len - 1] == '(' ||
					   (len > 1 && pg_strncasecmp(out->data + len - 2, "BY", 2) == 0));
}

/* Is the value a number as SQL writes it, of the type that it has there? */
static bool
is_plain_number(const QueryBinding *binding)
{
	return strcmp(binding->type, "integer") == 0 && strspn(binding->value, "0123456789") == strlen(binding->value);
}

/*
 * query_quote_value
 *		A value in quotes.  It has no marks, so that it is the same once it is read.
 */
char *
query_quote_value(const char *value)
{
	char	   *quoted = quote_literal_cstr(value);
	StringInfoData out;

	if (strpbrk(quoted, "\001\002") == NULL)
		return quoted;
	initStringInfo(&out);
	appendStringInfoString(&out, *quoted == '\'' ? " E" : "");
	for (const char *p = quoted; *p; p++)
	{
		if (*p == VALUE_MARK || *p == DATA_MARK)
			appendStringInfo(&out, "\\00%d", *p);
		else
			appendStringInfoChar(&out, *p);
	}
	return out.data;
}

/* A value as a literal; next is what follows it. */
static void
append_literal(StringInfo out, const QueryBinding *binding, char next)
{
	bool		simple = binding->type == NULL ||
		strcmp(binding->type, "integer") == 0 || strcmp(binding->type, "bigint") == 0 ||
		strcmp(binding->type, "numeric") == 0 || strcmp(binding->type, "boolean") == 0;
	bool		brackets = next == '[' || next == '.' || !simple;

	if (brackets)
		appendStringInfoChar(out, '(');
	if (binding->value && binding->type && is_plain_number(binding) && !may_be_ordinal(out))
		appendStringInfoString(out, binding->value);
	else if (binding->value && binding->type && strcmp(binding->type, "boolean") == 0)
		appendStringInfoString(out, binding->value);
	else
	{
		char	   *literal = binding->value ? query_quote_value(binding->value) : "NULL";

		/* before E'...' there is a space already */
		appendStringInfoString(out, *literal == ' ' && (out->len == 0 || out->data[out->len - 1] == ' ') ?
							   literal + 1 : literal);
		if (binding->type)
			appendStringInfo(out, "::%s", binding->type);
	}
	if (brackets)
		appendStringInfoChar(out, ')');
}

/* The number of a placeholder, after its mark. */
static int
placeholder_number(const char *digits)
{
	int			number = 0;

	for (int i = 0; i < PLACEHOLDER_DIGITS; i++)
		number = number * 10 + (digits[i] - '0');
	return number;
}

/* What a placeholder stands for; next is what follows it. */
static void
append_binding(StringInfo out, const QueryBinding *binding, int number, char next, QueryPrint mode)
{
	if (binding->data == 0 && mode == PRINT_PARAMETERS)
		appendStringInfo(out, "$%d", number);
	else if (binding->data == 0)
		append_literal(out, binding, next);
	else if (mode == PRINT_PARAMETERS)
		appendStringInfo(out, "ROWS FROM (more._literal_rows($%d) AS (%s))", number, binding->columns);
	else
		query_print_data(out, binding);
}

/* Stored text with its placeholders replaced. */
static void
append_replaced(StringInfo out, const char *stored, const MoreQuery *query, QueryPrint mode)
{
	const char *p = stored;

	for (;;)
	{
		const char *mark = strpbrk(p, "\001\002");
		int			number;

		if (mark == NULL || mode == PRINT_STORED)
			break;
		appendBinaryStringInfo(out, p, mark - p);
		number = placeholder_number(mark + 1);
		p = mark + 1 + PLACEHOLDER_DIGITS;
		if (number < 1 || number > list_length(query->bindings))
			elog(ERROR, "query has no binding %d", number);
		append_binding(out, list_nth(query->bindings, number - 1), number, *p, mode);
	}
	appendStringInfoString(out, p);
}

/*
 * stored_print
 *		Stored text of a query's, in a mode.
 */
char *
stored_print(const char *stored, const MoreQuery *query, QueryPrint mode)
{
	StringInfoData out;

	initStringInfo(&out);
	append_replaced(&out, stored, query, mode);
	return out.data;
}

/*
 * query_print
 *		Append a query's text.
 */
void
query_print(StringInfo out, const MoreQuery *query, QueryPrint mode)
{
	StringInfoData stored;

	if (mode == PRINT_STORED || query->bindings == NIL)
	{
		append_stored(out, query, mode == PRINT_PRETTY);
		return;
	}
	initStringInfo(&stored);
	append_stored(&stored, query, mode == PRINT_PRETTY);
	append_replaced(out, stored.data, query, mode);
	pfree(stored.data);
}

/*
 * query_text
 *		A query's text.
 */
char *
query_text(const MoreQuery *query, QueryPrint mode)
{
	StringInfoData out;

	initStringInfo(&out);
	query_print(&out, query, mode);
	return out.data;
}
