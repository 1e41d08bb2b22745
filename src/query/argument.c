/*
 * argument.c
 *	  The arguments of steps: expressions as text, and values for names in them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "condition.h"
#include "query/refine.h"
#include "rows/decode.h"

/* ------------------------------------------------------------------------ */
/* The step that errors are about											*/
/* ------------------------------------------------------------------------ */

static void
step_error_callback(void *arg)
{
	errcontext("step \"%s\"", ((QueryStep *) arg)->name);
}

/*
 * query_step_begin
 *		Until query_step_end, errors name this step.
 */
void
query_step_begin(QueryStep *step, const char *name)
{
	step->name = name;
	step->callback.callback = step_error_callback;
	step->callback.arg = step;
	step->callback.previous = error_context_stack;
	error_context_stack = &step->callback;
}

void
query_step_end(QueryStep *step)
{
	error_context_stack = step->callback.previous;
}

/* ------------------------------------------------------------------------ */
/* params																	*/
/* ------------------------------------------------------------------------ */

/*
 * query_params_init
 *		Prepare a JSON object, or NULL, to be used by name.
 */
void
query_params_init(QueryParams *params, Jsonb *json)
{
	int			count;

	memset(params, 0, sizeof(*params));
	params->params = json;
	if (json == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a JSON object", "params"),
				 errhint("Give each $name of the text a member, as in {\"name\": 1}.")));
	count = JB_ROOT_COUNT(json);
	params->used = palloc0_array(bool, count + 1);
	params->placeholders = palloc0_array(const char *, count + 1);
}

/* An array or object, which is a container of its own. */
static char *
container_text(JsonbValue *value)
{
	return JsonbToCString(NULL, value->val.binary.data, value->val.binary.len);
}

/*
 * Bind a JSON value with the type that SQL gives such a constant: what is text in
 * JSON, and arrays, take the type that their place asks for.
 */
static const char *
bind_json(MoreQuery *query, JsonbValue *value)
{
	char	   *text;

	switch (value->type)
	{
		case jbvNull:
			return query_bind(query, NULL, NULL);
		case jbvBool:
			return query_bind(query, "boolean", value->val.boolean ? "true" : "false");
		case jbvString:
			return query_bind(query, NULL, pnstrdup(value->val.string.val, value->val.string.len));
		case jbvNumeric:
			{
				int64		number;
				char	   *end;

				text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
				errno = 0;
				number = strtoi64(text, &end, 10);
				return query_bind(query, *end != '\0' || errno != 0 ? "numeric" :
								  number >= PG_INT32_MIN && number <= PG_INT32_MAX ? "integer" : "bigint", text);
			}
		default:
			text = container_text(value);
			if (JsonContainerIsArray(value->val.binary.data))
				return query_bind(query, NULL, json_to_literal(text, strlen(text), TEXTARRAYOID));
			return query_bind(query, "pg_catalog.jsonb", text);
	}
}

/* The placeholder for a name. */
static const char *
placeholder_of(MoreQuery *query, QueryParams *params, const char *name)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;
	int			i = -1;

	if (params->params)
	{
		it = JsonbIteratorInit(&params->params->root);
		while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		{
			if (token != WJB_KEY)
				continue;
			i++;
			if (value.val.string.len != strlen(name) || memcmp(value.val.string.val, name, strlen(name)) != 0)
				continue;
			(void) JsonbIteratorNext(&it, &value, true);
			if (!params->used[i])
				params->placeholders[i] = bind_json(query, &value);
			params->used[i] = true;
			return params->placeholders[i];
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_PARAMETER),
			 errmsg("parameter $%s has no value", name),
			 params->none ? errhint("This step has no params; more.filter, more.annotate and some others have.") :
			 errhint("Add a member \"%s\" to params.", name)));
}

/*
 * query_params_done
 *		Every member must have been used.
 */
void
query_params_done(QueryParams *params)
{
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;
	int			i = -1;

	if (params->params == NULL)
		return;
	it = JsonbIteratorInit(&params->params->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_KEY && !params->used[++i])
		{
			char	   *name = pnstrdup(value.val.string.val, value.val.string.len);

			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"%s\" is not used", name),
					 errdetail("No $%s is in the text.", name)));
		}
}

/* ------------------------------------------------------------------------ */
/* Expressions																*/
/* ------------------------------------------------------------------------ */

/* The name after a $, as it is written, or what is in its quotes. */
static char *
parameter_name(const QueryTokens *tokens, int i)
{
	const char *p = tokens->text + tokens->tokens[i].start;
	int			len = tokens->tokens[i].end - tokens->tokens[i].start;
	char	   *name;
	char	   *to;

	if (*p != '"')
		return pnstrdup(p, len);
	name = to = palloc(len);
	for (int k = 1; k < len - 1; k++)
	{
		*to++ = p[k];
		if (p[k] == '"')
			k++;
	}
	*to = '\0';
	return name;
}

/* Is there $name at a place, and nothing between the two? */
static bool
is_parameter(const QueryTokens *tokens, int i)
{
	const QueryToken *token = &tokens->tokens[i];

	return token->word == '$' && token[1].start == token->end &&
		(token[1].word == WORD_IDENT || token[1].word >= WORD_OTHER);
}

/* The user's own $1 is no parameter of ours. */
static void
refuse_number(const QueryTokens *tokens, int i)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_PARAMETER),
			 errmsg("there is no parameter %s", query_slice(tokens, i, i + 1)),
			 errhint("Write $name, and give its value in params."),
			 errposition(pg_mbstrlen_with_len(tokens->text, tokens->tokens[i].start) + 1)));
}

/*
 * query_expression_with
 *		Read an expression whose $names are members of params.
 */
QueryExpression
query_expression_with(MoreQuery *query, const char *argument, const char *text, QueryParams *params)
{
	ArgumentText source = {argument, text};
	ErrorContextCallback callback;
	QueryTokens *tokens;
	QueryExpression result;
	StringInfoData stored;
	char	   *parsed = pstrdup(text);
	int			from = 0;

	callback.callback = argument_error_callback;
	callback.arg = &source;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	tokens = query_lex(text, false);
	initStringInfo(&stored);
	for (int i = 0; i < tokens->count; i++)
	{
		if (tokens->tokens[i].word == WORD_PARAM)
			refuse_number(tokens, i);
		if (!is_parameter(tokens, i))
			continue;
		query_append_tokens(&stored, tokens, from, i);
		if (i > 0 && tokens->tokens[i].start > tokens->tokens[i - 1].end)
			appendStringInfoChar(&stored, ' ');
		appendStringInfoString(&stored, placeholder_of(query, params, parameter_name(tokens, i + 1)));
		/* for the parser: a parameter, and spaces for the rest */
		memset(parsed + tokens->tokens[i].start, ' ', tokens->tokens[i + 1].end - tokens->tokens[i].start);
		memcpy(parsed + tokens->tokens[i].start, "$1", 2);
		from = i + 2;
		if (from < tokens->count && tokens->tokens[from].start > tokens->tokens[from - 1].end)
			appendStringInfoChar(&stored, ' ');
	}
	query_append_tokens(&stored, tokens, from, tokens->count);
	error_context_stack = callback.previous;
	result.tree = memo_find(MEMO_EXPRESSION, parsed);
	if (result.tree == NULL)
	{
		result.tree = parse_template(argument, parsed, text);
		memo_keep(MEMO_EXPRESSION, parsed, result.tree);
	}
	result.text = stored.data;
	return result;
}

/*
 * query_expression
 *		Read an expression that has params to itself.
 */
QueryExpression
query_expression(MoreQuery *query, const char *argument, const char *text, Jsonb *params)
{
	QueryParams named;
	QueryExpression result;

	query_params_init(&named, params);
	result = query_expression_with(query, argument, text, &named);
	query_params_done(&named);
	return result;
}

/*
 * query_plain_expression
 *		Read an expression of a step that has no params.
 */
QueryExpression
query_plain_expression(MoreQuery *query, const char *argument, const char *text)
{
	QueryParams none = {.none = true};

	return query_expression_with(query, argument, text, &none);
}

/*
 * query_condition
 *		Read a condition: JSON when it begins with a brace, else SQL.
 */
QueryExpression
query_condition(MoreQuery *query, const char *argument, const char *text, Jsonb *params, const char *name,
				const MoreQuery *other)
{
	ConditionSide *sides;
	int			nsides;

	if (!condition_is_json(text))
		return query_expression(query, argument, text, params);
	if (params)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a condition in JSON takes no params"),
				 errhint("Write the values into it.")));
	sides = query_sides(query, name, other, &nsides);
	return query_plain_expression(query, argument, json_condition_sql(sides, nsides, text));
}
