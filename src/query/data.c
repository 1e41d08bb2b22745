/*
 * data.c
 *	  Literal rows in queries.
 *
 * A query over literal rows holds them as they came, as a rowset, and a mark in
 * FROM where a table may stand.  When it is run, the rowset is a parameter of
 * more._literal_rows, which decodes it: its rows are never written as SQL and
 * parsed.  As text, for people and dumps, the mark is VALUES.
 *
 * The columns have types, but no modifiers: a value that does not fit varchar(3)
 * is an error of whoever stores it there, as it is with VALUES.  Domains are what
 * they are, which in VALUES each row must say.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "catalog.h"
#include "compat.h"
#include "query/query.h"
#include "rows/decode.h"

PG_FUNCTION_INFO_V1(query_literal);
PG_FUNCTION_INFO_V1(query_literal_rows);
PG_FUNCTION_INFO_V1(query_literal_rows_support);

/* ------------------------------------------------------------------------ */
/* The query																*/
/* ------------------------------------------------------------------------ */

/* Add a column: to the list with types, and to the alias. */
static void
add_column(StringInfo columns, StringInfo alias, const char *name, Oid type)
{
	const char *separator = columns->len > 0 ? ", " : "";
	const char *quoted = query_name(quote_identifier(name));

	appendStringInfo(columns, "%s%s %s", separator, quoted, query_name(type_sql(type, -1)));
	appendStringInfo(alias, "%s%s", separator, quoted);
}

/* The type of a column of the target; 0: there is none. */
static Oid
target_column_type(Oid relid, const char *name)
{
	AttrNumber	attnum = get_attnum(relid, name);

	return attnum > 0 ? get_atttype(relid, attnum) : InvalidOid;
}

/* All columns of the target: for data without rows. */
static void
add_all_columns(StringInfo columns, StringInfo alias, Oid relid)
{
	HeapTuple	tuple;

	for (AttrNumber attnum = 1; HeapTupleIsValid(tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
																		  Int16GetDatum(attnum))); attnum++)
	{
		Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(tuple);

		if (!att->attisdropped)
			add_column(columns, alias, NameStr(att->attname), att->atttypid);
		ReleaseSysCache(tuple);
	}
}

/*
 * The types that JSON gives the columns, as SQL gives them to such constants: a
 * column of numbers is integer, bigint or numeric, one of true and false is
 * boolean, one with objects or arrays jsonb, and any other text.
 */
typedef struct SeenKinds
{
	bool		boolean;
	bool		number;
	bool		big;			/* not an integer */
	bool		huge;			/* not a bigint */
	bool		text;
	bool		json;
} SeenKinds;

static void
see_number(SeenKinds *seen, const char *text)
{
	char	   *end;
	int64		number;

	errno = 0;
	number = strtoi64(text, &end, 10);
	seen->number = true;
	if (*end != '\0' || errno != 0)
		seen->huge = true;
	else if (number < PG_INT32_MIN || number > PG_INT32_MAX)
		seen->big = true;
}

static void
see_cell(SeenKinds *seen, const Cell *cell)
{
	switch (cell->kind)
	{
		case CELL_ABSENT:
		case CELL_NULL:
			break;
		case CELL_FALSE:
		case CELL_TRUE:
			seen->boolean = true;
			break;
		case CELL_NUMBER:
			if (!seen->huge)
				see_number(seen, cell->text);
			break;
		case CELL_STRING:
		case CELL_TEXT:
			seen->text = true;
			break;
		case CELL_JSON:
			seen->json = true;
			break;
	}
}

static Oid
seen_type(const SeenKinds *seen)
{
	if (seen->json)
		return JSONBOID;
	if (seen->text || (seen->number && seen->boolean))
		return TEXTOID;
	if (seen->boolean)
		return BOOLOID;
	if (seen->number)
		return seen->huge ? NUMERICOID : seen->big ? INT8OID : INT4OID;
	return TEXTOID;
}

/* The types of all columns of data without a target. */
static Oid *
data_types(Rowset *data)
{
	Oid		   *types = palloc_array(Oid, data->ncols);
	SeenKinds  *seen = palloc0_array(SeenKinds, data->ncols);
	const char *next = data->cells;

	for (int64 row = 0; data->arrays == NULL && row < data->nrows; row++)
	{
		CellReader	reader;
		Cell		cell = {CELL_ABSENT, NULL, 0};

		CHECK_FOR_INTERRUPTS();
		cells_begin(&reader, next);
		for (int c = 0; c < data->ncols; c++)
		{
			cells_next(&reader, &cell);
			see_cell(&seen[c], &cell);
		}
		next = cells_end(&reader);
	}
	for (int c = 0; c < data->ncols; c++)
	{
		bool		typed = data->arrays || (data->types && data->types[c][0] != '\0');

		types[c] = typed ? rowset_column_type(data, c) : seen_type(&seen[c]);
	}
	return types;
}

/* Describe the columns, by the target or by the data itself. */
static void
describe_columns(StringInfo columns, StringInfo alias, Rowset *data, Oid target)
{
	Oid		   *types = OidIsValid(target) ? NULL : data_types(data);

	if (data->ncols == 0 && data->nrows == 0 && OidIsValid(target))
		add_all_columns(columns, alias, target);
	for (int c = 0; c < data->ncols; c++)
	{
		Oid			type = types ? types[c] : target_column_type(target, data->names[c]);

		if (!OidIsValid(type))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of the data is not in \"%s\"", data->names[c], get_rel_name(target))));
		add_column(columns, alias, data->names[c], type);
	}
	if (columns->len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the data has no columns"),
				 data->nrows == 0 ? errhint("Give a target, whose columns these rows would have.") : 0));
}

/* more.literal(rowset, regclass): the rows of the data. */
Datum
query_literal(PG_FUNCTION_ARGS)
{
	Oid			target = PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1);
	MoreQuery  *query = query_new(QUERY_SELECT);
	QueryBinding *binding = palloc0(sizeof(QueryBinding));
	StringInfoData columns;
	StringInfoData alias;
	QueryStep	step;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "literal");
	if (!PG_ARGISNULL(1) && get_rel_name(target) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", target)));
	initStringInfo(&columns);
	initStringInfo(&alias);
	describe_columns(&columns, &alias, PG_GETARG_ROWSET(0), target);
	binding->data = PG_GETARG_DATUM(0);
	binding->columns = columns.data;
	query->bindings = list_make1(binding);
	query->parts[PART_SELECT] = "*";
	query->parts[PART_FROM] = psprintf("%c%0*d AS data(%s)", DATA_MARK, PLACEHOLDER_DIGITS, 1, alias.data);
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* ------------------------------------------------------------------------ */
/* As text																	*/
/* ------------------------------------------------------------------------ */

/* What is known of a column when it is printed; its type may be gone by then. */
typedef struct PrintedColumn
{
	const char *name;			/* of the column, in the rowset */
	const char *type;
	Oid			oid;			/* or InvalidOid */
	bool		json;
	bool		nested;
	bool		domain;
	const char *length;			/* of a domain: see length_function */
	int			digits;			/* that a number may have to be written without quotes */
	int			source;			/* in the rowset, or -1 */
} PrintedColumn;

/* The name before the type. */
static char *
column_name(const char *item)
{
	QueryTokens *tokens = query_lex(item, true);
	const char *p = item;
	int			len = tokens->tokens[0].end;
	StringInfoData name;

	if (*p != '"')
		return pnstrdup(p, len);
	initStringInfo(&name);
	for (int i = 1; i < len - 1; i++)
	{
		appendStringInfoChar(&name, p[i]);
		if (p[i] == '"')
			i++;
	}
	return name.data;
}

/*
 * A call that refuses what is too long for the domain, around the value, as a format; NULL: no length is too long.
 * The cast to the domain would cut it off.
 */
static const char *
length_function(Oid domain)
{
	int32		typmod = -1;

	switch (getBaseTypeAndTypmod(domain, &typmod))
	{
		case VARCHAROID:
			return typmod < 0 ? NULL : psprintf("pg_catalog.varchar(%%s::pg_catalog.varchar, %d, false)", typmod);
		case BPCHAROID:
			return typmod < 0 ? NULL : psprintf("pg_catalog.bpchar(%%s::pg_catalog.bpchar, %d, false)", typmod);
		case BITOID:
			return typmod < 0 ? NULL : psprintf("pg_catalog.bit(%%s::pg_catalog.\"bit\", %d, false)", typmod);
		case VARBITOID:
			return typmod < 0 ? NULL : psprintf("pg_catalog.varbit(%%s::pg_catalog.varbit, %d, false)", typmod);
		default:
			return NULL;
	}
}

static void
look_up_type(PrintedColumn *column)
{
	int32		typmod;
	TypeName   *name;
	Type		type = NULL;
	Oid			base;

#if PG_VERSION_NUM >= 160000
	name = typeStringToTypeName(column->type, NULL);
#else
	name = typeStringToTypeName(column->type);
#endif
	if (name)
		type = LookupTypeName(NULL, name, &typmod, true);
	if (type == NULL)
		return;
	column->oid = typeTypeId(type);
	ReleaseSysCache(type);
	base = getBaseType(column->oid);
	column->json = base == JSONOID || base == JSONBOID;
	column->nested = OidIsValid(get_element_type(base)) || get_typtype(base) == TYPTYPE_COMPOSITE;
	/* of VALUES with constants, the server makes no column of a domain */
	column->domain = base != column->oid;
	if (column->domain)
		column->length = length_function(column->oid);
	column->digits = column->domain ? 0 : column->oid == INT4OID ? 9 : column->oid == INT8OID || column->oid == NUMERICOID ? 18 : 0;
}

static PrintedColumn *
printed_columns(const QueryBinding *binding, Rowset *data, int *ncolumns)
{
	List	   *items = query_split_list(binding->columns);
	PrintedColumn *columns = palloc0_array(PrintedColumn, list_length(items));

	*ncolumns = list_length(items);
	for (int i = 0; i < *ncolumns; i++)
	{
		const char *item = list_nth(items, i);
		QueryTokens *tokens = query_lex(item, true);

		columns[i].name = column_name(item);
		columns[i].type = item + tokens->tokens[1].start;
		look_up_type(&columns[i]);
		columns[i].source = -1;
		for (int c = 0; c < data->ncols; c++)
			if (strcmp(data->names[c], columns[i].name) == 0)
				columns[i].source = c;
	}
	return columns;
}

/* Can the number stand as it is? */
static bool
is_short_number(const PrintedColumn *column, const Cell *cell)
{
	const char *digits;

	if (cell->kind != CELL_NUMBER)
		return false;
	digits = cell->text + (cell->text[0] == '-');
	return strlen(digits) <= column->digits &&
		strspn(digits, "0123456789") == strlen(digits);
}

/* The text of a value, as its type's input function reads it. */
static const char *
cell_text(const PrintedColumn *column, const Cell *cell)
{
	StringInfoData quoted;

	switch (cell->kind)
	{
		case CELL_FALSE:
			return "false";
		case CELL_TRUE:
			return "true";
		case CELL_STRING:
			if (!column->json)
				break;
			initStringInfo(&quoted);
			escape_json(&quoted, cell->text);
			return quoted.data;
		case CELL_JSON:
			if (column->nested)
				return json_to_literal(cell->text, cell->len, column->oid);
			break;
		default:
			break;
	}
	return cell->text;
}

/* One value; the first row's tell the types. */
static void
append_cell(StringInfo out, const PrintedColumn *column, const Cell *cell, bool first)
{
	if (cell->kind == CELL_ABSENT || cell->kind == CELL_NULL)
		appendStringInfoString(out, "NULL");
	else if (is_short_number(column, cell) && !first)
		appendStringInfoString(out, cell->text);
	else
	{
		const char *literal = query_quote_value(cell_text(column, cell));
		const char *rest = column->length ? strstr(column->length, "%s") + 2 : "";

		if (column->length)
			appendBinaryStringInfo(out, column->length, rest - 2 - column->length);
		appendStringInfoString(out, literal[0] == ' ' ? literal + 1 : literal);
		appendStringInfoString(out, rest);
	}
	if (first || column->domain)
		appendStringInfo(out, "::%s", column->type);
}

/* No rows, with these columns. */
static void
append_no_rows(StringInfo out, const PrintedColumn *columns, int ncolumns)
{
	Cell		null = {CELL_NULL, NULL, 0};

	appendStringInfoString(out, "(SELECT ");
	for (int i = 0; i < ncolumns; i++)
	{
		if (i > 0)
			appendStringInfoString(out, ", ");
		append_cell(out, &columns[i], &null, true);
	}
	appendStringInfoString(out, " WHERE false)");
}

/*
 * query_print_data
 *		Bound rows where a table may stand, as VALUES.
 */
void
query_print_data(StringInfo out, const QueryBinding *binding)
{
	Rowset	   *data = rowset_json_form(rowset_from_datum(binding->data));
	int			ncolumns;
	PrintedColumn *columns = printed_columns(binding, data, &ncolumns);
	Cell	   *cells = palloc_array(Cell, Max(data->ncols, 1));
	Cell		null = {CELL_NULL, NULL, 0};
	const char *next = data->cells;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "query data", ALLOCSET_DEFAULT_SIZES);

	if (data->nrows == 0)
	{
		append_no_rows(out, columns, ncolumns);
		return;
	}
	appendStringInfoString(out, "(VALUES ");
	for (int64 row = 0; row < data->nrows; row++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		CellReader	reader;

		CHECK_FOR_INTERRUPTS();
		cells_begin(&reader, next);
		for (int c = 0; c < data->ncols; c++)
			cells_next(&reader, &cells[c]);
		next = cells_end(&reader);
		for (int i = 0; i < ncolumns; i++)
		{
			appendStringInfoString(out, i > 0 ? ", " : row > 0 ? ", (" : "(");
			append_cell(out, &columns[i], columns[i].source < 0 ? &null : &cells[columns[i].source], row == 0);
		}
		appendStringInfoChar(out, ')');
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	appendStringInfoChar(out, ')');
	MemoryContextDelete(context);
}

/* ------------------------------------------------------------------------ */
/* As rows																	*/
/* ------------------------------------------------------------------------ */

/* Where the decoded rows go. */
typedef struct LiteralRows
{
	Tuplestorestate *store;
	TupleDesc	desc;
	int		   *position;		/* of each decoded column in the result */
	int			ncolumns;
	Datum	   *values;
	bool	   *nulls;
} LiteralRows;

/* RowSink */
static void
put_row(void *arg, int64 ordinal, Datum *values, bool *nulls, bool *absent)
{
	LiteralRows *rows = arg;

	for (int c = 0; c < rows->ncolumns; c++)
	{
		rows->values[rows->position[c]] = values[c];
		rows->nulls[rows->position[c]] = nulls[c];
	}
	tuplestore_putvalues(rows->store, rows->desc, rows->values, rows->nulls);
}

/* The data's columns that the result has, with the result's types. */
static DataColumn *
place_columns(Rowset *data, LiteralRows *rows)
{
	DataColumn *columns = palloc0_array(DataColumn, data->ncols + 1);

	rows->position = palloc_array(int, data->ncols + 1);
	for (int c = 0; c < data->ncols; c++)
		for (int i = 0; i < rows->desc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(rows->desc, i);
			DataColumn *column = &columns[rows->ncolumns];

			if (strcmp(NameStr(att->attname), data->names[c]) != 0)
				continue;
			column->name = data->names[c];
			column->source = c;
			column->type = att->atttypid;
			column->typmod = att->atttypmod;
			column->collation = att->attcollation;
			rows->position[rows->ncolumns++] = i;
			break;
		}
	return columns;
}

/* more._literal_rows(rowset): its rows, with the columns that the query lists. */
Datum
query_literal_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Rowset	   *data = PG_GETARG_ROWSET(0);
	LiteralRows rows = {0};
	DecodeRequest request = {0};

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	rows.store = rsinfo->setResult;
	rows.desc = rsinfo->setDesc;
	rows.values = palloc0_array(Datum, rows.desc->natts + 1);
	rows.nulls = palloc_array(bool, rows.desc->natts + 1);
	memset(rows.nulls, true, rows.desc->natts);
	request.rowset = data;
	request.columns = place_columns(data, &rows);
	request.ncolumns = rows.ncolumns;
	request.rule = KEY_ANY;
	if (data->nrows > 0)
		(void) decode_rows(&request, put_row, &rows);
	return (Datum) 0;
}

/* The number of rows of a call, where the data is known when the plan is made. */
static Rowset *
known_rows(Node *call)
{
	Const	   *data = IsA(call, FuncExpr) ? linitial(((FuncExpr *) call)->args) : NULL;

	if (data == NULL || !IsA(data, Const) || data->constisnull)
		return NULL;
	return rowset_from_datum(data->constvalue);
}

/* Planner support: how many rows there are. */
Datum
query_literal_rows_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestRows))
	{
		SupportRequestRows *rows = (SupportRequestRows *) request;
		Rowset	   *data = known_rows(rows->node);

		if (data)
		{
			rows->rows = Max(data->nrows, 1);
			PG_RETURN_POINTER(request);
		}
	}
	PG_RETURN_POINTER(NULL);
}
