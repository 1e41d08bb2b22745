/*
 * value.c
 *	  The type more.query: in memory, stored, input and output.
 *
 * A query is stored flat, as text and values; see query.h.  In memory it is a
 * struct whose strings point into the datum that it was read from, so that
 * composing a step copies each part once, when the result is made flat.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "query/query.h"

PG_FUNCTION_INFO_V1(query_in);
PG_FUNCTION_INFO_V1(query_out);
PG_FUNCTION_INFO_V1(query_recv);
PG_FUNCTION_INFO_V1(query_send);
PG_FUNCTION_INFO_V1(query_sql);

#define QUERY_FLAT_VERSION 1

/*
 * The flat form: this header, then strings, each a length (-1: NULL), the bytes
 * and a zero; the parts, the operator, the arms, and of each binding type,
 * value and columns; and then the bindings' rowsets, aligned, each with its
 * length in its own header.
 */
typedef struct QueryFlat
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	uint8		version;
	uint8		kind;
	uint8		recursive;
	uint8		conjunction;
	int32		narms;
	int32		nbindings;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} QueryFlat;

/*
 * query_new
 *		An empty query.
 */
MoreQuery *
query_new(QueryKind kind)
{
	MoreQuery  *query = palloc0(sizeof(MoreQuery));

	query->kind = kind;
	return query;
}

/*
 * query_copy
 *		A copy that may be changed without changing the other.
 */
MoreQuery *
query_copy(const MoreQuery *query)
{
	MoreQuery  *copy = palloc(sizeof(MoreQuery));

	memcpy(copy, query, sizeof(MoreQuery));
	copy->arms = list_copy(query->arms);
	copy->bindings = list_copy(query->bindings);
	return copy;
}

/*
 * query_modifies
 *		Is it a statement that changes rows?
 */
bool
query_modifies(const MoreQuery *query)
{
	return query->kind == QUERY_INSERT || query->kind == QUERY_UPDATE ||
		query->kind == QUERY_DELETE || query->kind == QUERY_MERGE;
}

/* ------------------------------------------------------------------------ */
/* The flat form															*/
/* ------------------------------------------------------------------------ */

static inline void
put_string(StringInfo out, const char *string)
{
	int32		len = string ? (int32) strlen(string) : -1;

	/* for both at once */
	enlargeStringInfo(out, sizeof(len) + len + 1);
	memcpy(out->data + out->len, &len, sizeof(len));
	out->len += sizeof(len);
	if (string)
		memcpy(out->data + out->len, string, len + 1);
	out->len += len + 1;
}

static inline const char *
get_string(const char **next, const char *end)
{
	int32		len;
	const char *string;

	if (end - *next < (ptrdiff_t) sizeof(len))
		elog(ERROR, "stored query is too short");
	memcpy(&len, *next, sizeof(len));
	*next += sizeof(len);
	if (len < 0)
		return NULL;
	if (end - *next <= len)
		elog(ERROR, "stored query is too short");
	string = *next;
	*next += len + 1;
	return string;
}

/*
 * query_to_datum
 *		The query as a value.
 */
Datum
query_to_datum(MoreQuery *query)
{
	StringInfoData out;
	QueryFlat	head = {0};
	QueryFlat  *flat;
	ListCell   *lc;

	head.version = QUERY_FLAT_VERSION;
	head.kind = query->kind;
	head.recursive = query->recursive;
	head.conjunction = query->conjunction;
	head.narms = list_length(query->arms);
	head.nbindings = list_length(query->bindings);
	initStringInfo(&out);
	appendBinaryStringInfo(&out, (char *) &head, offsetof(QueryFlat, data));
	for (int i = 0; i < QUERY_PARTS; i++)
		put_string(&out, query->parts[i]);
	put_string(&out, query->set_operator);
	foreach(lc, query->arms)
		put_string(&out, lfirst(lc));
	foreach(lc, query->bindings)
	{
		QueryBinding *binding = lfirst(lc);

		put_string(&out, binding->type);
		put_string(&out, binding->value);
		put_string(&out, binding->columns);
	}
	foreach(lc, query->bindings)
	{
		QueryBinding *binding = lfirst(lc);
		struct varlena *data;

		if (binding->data == 0)
			continue;
		data = PG_DETOAST_DATUM(binding->data);
		while (out.len != MAXALIGN(out.len))
			appendStringInfoChar(&out, '\0');
		appendBinaryStringInfo(&out, (char *) data, VARSIZE(data));
	}
	flat = (QueryFlat *) out.data;
	SET_VARSIZE(flat, out.len);
	return PointerGetDatum(flat);
}

/*
 * query_from_datum
 *		The query behind an argument.  It may point into the datum.
 */
MoreQuery *
query_from_datum(Datum value)
{
	QueryFlat  *flat = (QueryFlat *) PG_DETOAST_DATUM(value);
	const char *next = flat->data;
	const char *end = (char *) flat + VARSIZE(flat);
	MoreQuery  *query;
	ListCell   *lc;

	if (VARSIZE(flat) < offsetof(QueryFlat, data) || flat->version != QUERY_FLAT_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("value is not a query of a known version")));
	query = query_new(flat->kind);
	query->recursive = flat->recursive;
	query->conjunction = flat->conjunction;
	for (int i = 0; i < QUERY_PARTS; i++)
		query->parts[i] = get_string(&next, end);
	query->set_operator = get_string(&next, end);
	for (int i = 0; i < flat->narms; i++)
		query->arms = lappend(query->arms, (char *) get_string(&next, end));
	for (int i = 0; i < flat->nbindings; i++)
	{
		QueryBinding *binding = palloc0(sizeof(QueryBinding));

		binding->type = get_string(&next, end);
		binding->value = get_string(&next, end);
		binding->columns = get_string(&next, end);
		query->bindings = lappend(query->bindings, binding);
	}
	foreach(lc, query->bindings)
	{
		QueryBinding *binding = lfirst(lc);

		if (binding->columns == NULL)
			continue;
		next = (char *) flat + MAXALIGN(next - (char *) flat);
		binding->data = PointerGetDatum(next);
		next += VARSIZE(next);
	}
	return query;
}

/* ------------------------------------------------------------------------ */
/* Bindings																	*/
/* ------------------------------------------------------------------------ */

/*
 * query_bind
 *		Bind a value to the query; its placeholder.
 */
const char *
query_bind(MoreQuery *query, const char *type, const char *value)
{
	QueryBinding *binding = palloc0(sizeof(QueryBinding));

	binding->type = type;
	binding->value = value;
	query->bindings = lappend(query->bindings, binding);
	return psprintf("%c%0*d", VALUE_MARK, PLACEHOLDER_DIGITS, list_length(query->bindings));
}

/* Stored text with the numbers of all placeholders raised. */
static const char *
renumber(const char *text, int by)
{
	char	   *copy;

	if (text == NULL || strpbrk(text, "\001\002") == NULL)
		return text;
	copy = pstrdup(text);
	for (char *p = strpbrk(copy, "\001\002"); p; p = strpbrk(p, "\001\002"))
	{
		int			number = 0;

		p++;
		for (int i = 0; i < PLACEHOLDER_DIGITS; i++)
			number = number * 10 + (p[i] - '0');
		number += by;
		for (int i = PLACEHOLDER_DIGITS - 1; i >= 0; i--)
		{
			p[i] = '0' + number % 10;
			number /= 10;
		}
	}
	return copy;
}

/*
 * query_absorb
 *		Take over another query's bindings, and number its placeholders so.
 */
void
query_absorb(MoreQuery *query, MoreQuery *other)
{
	int			by = list_length(query->bindings);
	ListCell   *lc;

	if (other->bindings == NIL)
		return;
	query->bindings = list_concat(query->bindings, other->bindings);
	if (by == 0)
		return;
	for (int i = 0; i < QUERY_PARTS; i++)
		other->parts[i] = renumber(other->parts[i], by);
	foreach(lc, other->arms)
		lfirst(lc) = (char *) renumber(lfirst(lc), by);
}

/* ------------------------------------------------------------------------ */
/* Input and output															*/
/* ------------------------------------------------------------------------ */

/* more.query_in(cstring): from SQL. */
Datum
query_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_QUERY(query_parse(PG_GETARG_CSTRING(0)));
}

/* more.query_out(query): as SQL. */
Datum
query_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(query_text(PG_GETARG_QUERY(0), PRINT_LITERALS));
}

/* more.query_recv(internal): a version byte, then SQL. */
Datum
query_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			version = pq_getmsgint(buf, 1);
	char	   *text;
	int			len;

	if (version != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unsupported query version number %d", version)));
	text = pq_getmsgtext(buf, buf->len - buf->cursor, &len);
	PG_RETURN_QUERY(query_parse(text));
}

/* more.query_send(query) */
Datum
query_send(PG_FUNCTION_ARGS)
{
	char	   *text = query_text(PG_GETARG_QUERY(0), PRINT_LITERALS);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint8(&buf, 1);
	pq_sendtext(&buf, text, strlen(text));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* more.sql(query, boolean) */
Datum
query_sql(PG_FUNCTION_ARGS)
{
	QueryPrint	mode = PG_GETARG_BOOL(1) ? PRINT_PRETTY : PRINT_LITERALS;

	PG_RETURN_TEXT_P(cstring_to_text(query_text(PG_GETARG_QUERY(0), mode)));
}
