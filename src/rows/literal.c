/*
 * literal.c
 *	  JSON arrays and objects as the literals of array and composite types.
 *
 * A nested JSON value for a column of array or composite type is rewritten, in
 * one walk led by the type, as the text that the type's input function reads:
 * [1,2] becomes {1,2}, {"x":1} becomes (1,).  The input function then does what
 * it does for every literal: domains, modifiers and errors are the server's.
 * The JSON was checked when the rowset was made.
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "rows/decode.h"

static void append_value(JsonLexContext *lex, Oid type, StringInfo out);

/* Step to the next token of JSON that is known to be good. */
static void
advance(JsonLexContext *lex)
{
	JsonParseErrorType error = json_lex(lex);

	if (error != JSON_SUCCESS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "json"),
				 errdetail_internal("%s", json_errdetail(error, lex))));
}

/* Step over the value at hand and return where its text ends. */
static const char *
skip_value(JsonLexContext *lex)
{
	int			depth = 0;
	const char *end;

	do
	{
		switch (lex->token_type)
		{
			case JSON_TOKEN_OBJECT_START:
			case JSON_TOKEN_ARRAY_START:
				depth++;
				break;
			case JSON_TOKEN_OBJECT_END:
			case JSON_TOKEN_ARRAY_END:
				depth--;
				break;
			default:
				break;
		}
		end = lex->token_terminator;
		advance(lex);
	} while (depth > 0);
	return end;
}

/* Append text between double quotes, as array and record literals allow it. */
static void
append_quoted(StringInfo out, const char *text)
{
	appendStringInfoChar(out, '"');
	for (; *text; text++)
	{
		if (*text == '"' || *text == '\\')
			appendStringInfoChar(out, '\\');
		appendStringInfoChar(out, *text);
	}
	appendStringInfoChar(out, '"');
}

/* The array at hand as an array literal; inner arrays are its dimensions. */
static void
append_array(JsonLexContext *lex, Oid elemtype, StringInfo out)
{
	bool		elements_are_json = getBaseType(elemtype) == JSONOID || getBaseType(elemtype) == JSONBOID;
	StringInfoData element;

	check_stack_depth();
	initStringInfo(&element);
	appendStringInfoChar(out, '{');
	advance(lex);
	for (bool first = true; lex->token_type != JSON_TOKEN_ARRAY_END; first = false)
	{
		if (!first)
		{
			appendStringInfoChar(out, ',');
			advance(lex);		/* the comma */
		}
		if (lex->token_type == JSON_TOKEN_NULL)
		{
			appendStringInfoString(out, "NULL");
			advance(lex);
		}
		else if (lex->token_type == JSON_TOKEN_ARRAY_START && !elements_are_json)
			append_array(lex, elemtype, out);
		else
		{
			resetStringInfo(&element);
			append_value(lex, elemtype, &element);
			append_quoted(out, element.data);
		}
	}
	advance(lex);
	appendStringInfoChar(out, '}');
	pfree(element.data);
}

/* The object at hand as a record literal. */
static void
append_record(JsonLexContext *lex, Oid type, StringInfo out)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	char	  **fields = palloc0_array(char *, desc->natts + 1);
	bool	   *given = palloc0_array(bool, desc->natts + 1);
	bool		first = true;

	check_stack_depth();
	advance(lex);
	while (lex->token_type != JSON_TOKEN_OBJECT_END)
	{
		StringInfoData name;
		StringInfoData value;
		int			i;

		if (lex->token_type == JSON_TOKEN_COMMA)
			advance(lex);
		initStringInfo(&name);
		initStringInfo(&value);
		append_value(lex, TEXTOID, &name);
		advance(lex);			/* the colon */
		for (i = 0; i < desc->natts; i++)
			if (!TupleDescAttr(desc, i)->attisdropped &&
				strcmp(NameStr(TupleDescAttr(desc, i)->attname), name.data) == 0)
				break;
		if (i == desc->natts)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("type %s has no attribute \"%s\"", format_type_be(type), name.data)));
		if (given[i])
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("attribute \"%s\" of type %s is given twice", name.data, format_type_be(type))));
		given[i] = true;
		if (lex->token_type == JSON_TOKEN_NULL)
			advance(lex);
		else
		{
			append_value(lex, TupleDescAttr(desc, i)->atttypid, &value);
			fields[i] = value.data;
		}
	}
	advance(lex);

	appendStringInfoChar(out, '(');
	for (int i = 0; i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		if (!first)
			appendStringInfoChar(out, ',');
		first = false;
		if (fields[i])
			append_quoted(out, fields[i]);
	}
	appendStringInfoChar(out, ')');
	ReleaseTupleDesc(desc);
}

/* Append the value at hand as the text that type's input function reads. */
static void
append_value(JsonLexContext *lex, Oid type, StringInfo out)
{
	Oid			base = getBaseType(type);
	const char *start = lex->token_start;
	const char *end;

	if (base != JSONOID && base != JSONBOID)
	{
		Oid			elemtype = get_element_type(base);

		if (lex->token_type == JSON_TOKEN_STRING)
		{
			JsonLexContext *inner = compat_json_lexer(start, lex->token_terminator - start,
													  GetDatabaseEncoding(), true);

			advance(inner);
			appendBinaryStringInfo(out, inner->strval->data, inner->strval->len);
			advance(lex);
			return;
		}
		if (lex->token_type == JSON_TOKEN_ARRAY_START && OidIsValid(elemtype))
		{
			append_array(lex, elemtype, out);
			return;
		}
		if (lex->token_type == JSON_TOKEN_OBJECT_START && get_typtype(base) == TYPTYPE_COMPOSITE)
		{
			append_record(lex, base, out);
			return;
		}
	}
	end = skip_value(lex);
	appendBinaryStringInfo(out, start, end - start);
}

/*
 * json_to_literal
 *		A JSON array or object as the literal of an array or composite type (or
 *		a domain over one), palloc'd.  JSON that has no such form is returned as
 *		it is, for the input function to judge.
 */
char *
json_to_literal(const char *json, int len, Oid type)
{
	JsonLexContext *lex = compat_json_lexer(json, len, GetDatabaseEncoding(), false);
	StringInfoData out;

	initStringInfo(&out);
	advance(lex);
	append_value(lex, type, &out);
	return out.data;
}
