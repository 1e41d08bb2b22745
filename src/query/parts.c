/*
 * parts.c
 *	  A query's parts as JSON, and a query made of them.
 *
 * What from_parts is given is put together, and read as any statement is; then
 * each part must come out again as the one that it was given as.  So a part
 * cannot leave its place.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "query/query.h"

PG_FUNCTION_INFO_V1(query_parts);
PG_FUNCTION_INFO_V1(query_from_parts);
PG_FUNCTION_INFO_V1(query_parameters);

/* What the parts are called; those without a name are not parts of the kind. */
static const char *const names[QUERY_PARTS] = {
	[PART_WITH] = "with",
	[PART_DISTINCT] = "distinct",
	[PART_SELECT] = "select",
	[PART_FROM] = "from",
	[PART_WHERE] = "where",
	[PART_GROUP_BY] = "group_by",
	[PART_HAVING] = "having",
	[PART_WINDOW] = "window",
	[PART_BODY] = "statement",
	[PART_ORDER_BY] = "order_by",
	[PART_LIMIT] = "limit",
	[PART_FETCH] = "fetch",
	[PART_OFFSET] = "offset",
	[PART_LOCK] = "lock",
	[PART_RETURNING] = "returning",
};

static const char *const kinds[] = {
	[QUERY_SELECT] = "select",
	[QUERY_SET] = "set",
	[QUERY_VALUES] = "values",
	[QUERY_INSERT] = "insert",
	[QUERY_UPDATE] = "update",
	[QUERY_DELETE] = "delete",
	[QUERY_MERGE] = "merge",
	[QUERY_OPAQUE] = "other"
};

static const char *const set_operators[] = {
	"UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"
};

/* ------------------------------------------------------------------------ */
/* As JSON																	*/
/* ------------------------------------------------------------------------ */

static void
put_key(StringInfo out, const char *key)
{
	if (out->data[out->len - 1] != '{')
		appendStringInfoString(out, ", ");
	escape_json(out, key);
	appendStringInfoString(out, ": ");
}

static Datum
as_jsonb(const char *json)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
}

/* The JSON name of the query's kind: of a set operation, the operator. */
static const char *
kind_name(const MoreQuery *query)
{
	if (query->kind == QUERY_SET)
		return asc_tolower(query->set_operator, strlen(query->set_operator));
	return kinds[query->kind];
}

/* more.parts(query) */
Datum
query_parts(PG_FUNCTION_ARGS)
{
	MoreQuery  *query = PG_GETARG_QUERY(0);
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	put_key(&out, "kind");
	escape_json(&out, kind_name(query));
	if (query->recursive)
	{
		put_key(&out, "recursive");
		appendStringInfoString(&out, "true");
	}
	for (int i = 0; i < QUERY_PARTS; i++)
		if (query->parts[i])
		{
			put_key(&out, i == PART_BODY && query->kind == QUERY_VALUES ? "values" : names[i]);
			if (i == PART_DISTINCT && query->parts[i][0] == '\0')
				appendStringInfoString(&out, "true");
			else
				escape_json(&out, stored_print(query->parts[i], query, PRINT_LITERALS));
		}
	if (query->kind == QUERY_SET)
	{
		put_key(&out, "queries");
		foreach(lc, query->arms)
		{
			appendStringInfoString(&out, lc == list_head(query->arms) ? "[" : ", ");
			escape_json(&out, stored_print(lfirst(lc), query, PRINT_LITERALS));
		}
		appendStringInfoChar(&out, ']');
	}
	appendStringInfoChar(&out, '}');
	PG_RETURN_DATUM(as_jsonb(out.data));
}

/* more.parameters(query): what is bound, in the order of the placeholders. */
Datum
query_parameters(PG_FUNCTION_ARGS)
{
	MoreQuery  *query = PG_GETARG_QUERY(0);
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	appendStringInfoChar(&out, '[');
	foreach(lc, query->bindings)
	{
		QueryBinding *binding = lfirst(lc);

		if (lc != list_head(query->bindings))
			appendStringInfoString(&out, ", ");
		appendStringInfoChar(&out, '{');
		put_key(&out, "type");
		escape_json(&out, binding->data ? "more.rowset" : binding->type ? binding->type : "unknown");
		put_key(&out, "value");
		if (binding->data)
			rowset_print(&out, rowset_from_datum(binding->data));
		else if (binding->value && binding->type && IsValidJsonNumber(binding->value, strlen(binding->value)))
			appendStringInfoString(&out, binding->value);
		else if (binding->value && binding->type && strcmp(binding->type, "boolean") == 0)
			appendStringInfoString(&out, binding->value);
		else if (binding->value)
			escape_json(&out, binding->value);
		else
			appendStringInfoString(&out, "null");
		appendStringInfoChar(&out, '}');
	}
	appendStringInfoChar(&out, ']');
	PG_RETURN_DATUM(as_jsonb(out.data));
}

/* ------------------------------------------------------------------------ */
/* From JSON																*/
/* ------------------------------------------------------------------------ */

static void
wrong_part(const char *name, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("part \"%s\" must be %s", name, wanted)));
}

/* A user's text as stored text. */
static char *
stored_of(const char *name, const char *text)
{
	ArgumentText source = {name, text};
	ErrorContextCallback callback;
	QueryTokens *tokens;
	char	   *stored;

	callback.callback = argument_error_callback;
	callback.arg = &source;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	tokens = query_lex(text, false);
	stored = query_slice(tokens, 0, tokens->count);
	error_context_stack = callback.previous;
	return stored;
}

/* A part's text; numbers will do, too. */
static char *
text_of(const char *name, JsonbValue *value)
{
	if (value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	if (value->type != jbvString)
		wrong_part(name, "a string");
	return stored_of(name, pnstrdup(value->val.string.val, value->val.string.len));
}

static void
read_kind(MoreQuery *query, JsonbValue *value)
{
	char	   *kind;

	if (value->type != jbvString)
		wrong_part("kind", "a string");
	kind = pnstrdup(value->val.string.val, value->val.string.len);
	for (int i = 0; i < lengthof(kinds); i++)
		if (i != QUERY_SET && strcmp(kind, kinds[i]) == 0)
		{
			query->kind = i;
			return;
		}
	for (int i = 0; i < lengthof(set_operators); i++)
		if (pg_strcasecmp(kind, set_operators[i]) == 0)
		{
			query->kind = QUERY_SET;
			query->set_operator = set_operators[i];
			return;
		}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not a kind of query", kind),
			 errhint("Kinds are select, values, insert, update, delete, merge, other, "
					 "and union, intersect and except, with and without \"all\".")));
}

static void
read_arms(MoreQuery *query, JsonbValue *value)
{
	JsonbIterator *it;
	JsonbValue	element;
	JsonbIteratorToken token;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		wrong_part("queries", "an array of strings");
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &element, true)) != WJB_DONE)
		if (token == WJB_ELEM)
		{
			if (element.type != jbvString)
				wrong_part("queries", "an array of strings");
			query->arms = lappend(query->arms, text_of("queries", &element));
		}
	if (list_length(query->arms) < 2)
		wrong_part("queries", "an array of two strings or more");
}

static void
read_part(MoreQuery *query, const char *name, JsonbValue *value)
{
	if (value->type == jbvNull)
		return;
	if (strcmp(name, "kind") == 0)
		read_kind(query, value);
	else if (strcmp(name, "queries") == 0)
		read_arms(query, value);
	else if (strcmp(name, "recursive") == 0)
	{
		if (value->type != jbvBool)
			wrong_part(name, "true or false");
		query->recursive = value->val.boolean;
	}
	else if (strcmp(name, "distinct") == 0 && value->type == jbvBool)
		query->parts[PART_DISTINCT] = value->val.boolean ? "" : NULL;
	else if (strcmp(name, "values") == 0)
		query->parts[PART_BODY] = text_of(name, value);
	else
	{
		for (int i = 0; i < QUERY_PARTS; i++)
			if (strcmp(name, names[i]) == 0)
			{
				query->parts[i] = text_of(name, value);
				return;
			}
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a query has no part \"%s\"", name),
				 errhint("Parts are kind, with, recursive, distinct, select, from, where, group_by, having, window, values, "
						 "statement, queries, order_by, limit, offset, fetch, lock and returning.")));
	}
}

/* Is the part one that queries of this kind have? */
static bool
has_part(QueryKind kind, QueryPart part)
{
	if (part == PART_WITH)
		return kind != QUERY_OPAQUE;
	if (part == PART_BODY)
		return kind != QUERY_SELECT && kind != QUERY_SET;
	if (part == PART_RETURNING)
		return kind == QUERY_INSERT || kind == QUERY_UPDATE || kind == QUERY_DELETE || kind == QUERY_MERGE;
	if (part >= PART_ORDER_BY)
		return kind == QUERY_SELECT || kind == QUERY_SET || kind == QUERY_VALUES;
	return kind == QUERY_SELECT;
}

static void
check_parts(const MoreQuery *query)
{
	for (int i = 0; i < QUERY_PARTS; i++)
		if (query->parts[i] && !has_part(query->kind, i))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a query of kind \"%s\" has no part \"%s\"", kind_name(query), names[i])));
	if (query->recursive && query->parts[PART_WITH] == NULL)
		wrong_part("recursive", "there with a part \"with\"");
	if ((query->arms != NIL) != (query->kind == QUERY_SET))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the part \"queries\" is that of kinds union, intersect and except")));
	if (query->parts[PART_BODY] == NULL && has_part(query->kind, PART_BODY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a query of kind \"%s\" needs the part \"%s\"", kind_name(query),
						query->kind == QUERY_VALUES ? "values" : "statement")));
}

/* Are both the same, NULL and NULL too? */
static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Are the arms the same? */
static bool
same_arms(const MoreQuery *a, const MoreQuery *b)
{
	ListCell   *la;
	ListCell   *lb;

	if (list_length(a->arms) != list_length(b->arms) || !same_text(a->set_operator, b->set_operator))
		return false;
	forboth(la, a->arms, lb, b->arms)
		if (strcmp(lfirst(la), lfirst(lb)) != 0)
			return false;
	return true;
}

/*
 * Each arm alone must be a query.  Those that have clauses of their own go in
 * parentheses; with all, so do those that are set operations.
 */
static void
enclose_arms(MoreQuery *query, bool all)
{
	ListCell   *lc;

	foreach(lc, query->arms)
	{
		char	   *text = lfirst(lc);
		MoreQuery  *arm = query_parse(text);

		if (query_modifies(arm))
			wrong_part("queries", "an array of queries that only read");
		if ((all && arm->kind == QUERY_SET) ||
			(*text != '(' && (arm->parts[PART_WITH] || arm->parts[PART_ORDER_BY] || arm->parts[PART_LIMIT] ||
							  arm->parts[PART_FETCH] || arm->parts[PART_OFFSET] || arm->parts[PART_LOCK])))
			lfirst(lc) = psprintf("(%s)", text);
	}
}

/* more.from_parts(jsonb): what more.parts gives, or less of it. */
Datum
query_from_parts(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	Jsonb	   *json = PG_GETARG_JSONB_P(0);
	MoreQuery  *given = query_new(QUERY_SELECT);
	MoreQuery  *query;
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;

	query_step_begin(&step, "from_parts");
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a JSON object", "parts")));
	it = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_KEY)
		{
			char	   *name = pnstrdup(value.val.string.val, value.val.string.len);

			(void) JsonbIteratorNext(&it, &value, true);
			read_part(given, name, &value);
		}
	if (given->kind == QUERY_SELECT && given->parts[PART_SELECT] == NULL)
		given->parts[PART_SELECT] = given->parts[PART_FROM] ? "*" : "";
	check_parts(given);
	enclose_arms(given, false);
	query = query_parse(query_text(given, PRINT_STORED));
	if (given->kind == QUERY_SET && !same_arms(given, query))
	{
		enclose_arms(given, true);
		query = query_parse(query_text(given, PRINT_STORED));
	}
	if (given->kind != query->kind)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the parts are not those of a query of kind \"%s\"", kind_name(given)),
				 errdetail("They read: %s", query_text(given, PRINT_STORED))));
	for (int i = 0; i < QUERY_PARTS; i++)
		if (!same_text(given->parts[i], query->parts[i]))
			ereport(ERROR,
					(errcode(ERRCODE_SYNTAX_ERROR),
					 errmsg("part \"%s\" would not be one part of the query", names[i]),
					 errdetail("As it stands, the query reads: %s", query_text(given, PRINT_STORED))));
	if (given->recursive != query->recursive || !same_arms(given, query))
		elog(ERROR, "could not put the parts of a query together");
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}
