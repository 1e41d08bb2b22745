/*
 * source.c
 *	  How a rowset's rows reach a generated statement.
 *
 * Ordinarily as an ephemeral named relation, the mechanism of transition
 * tables: the planner sees the number of rows and nothing is copied.  A single
 * row goes as parameters in a FROM-less subquery, which the planner dissolves:
 * the statement is then the one that a driver would prepare for one row.
 * A distributed engine that plans its own tables (Citus) cannot see a local
 * relation; there the columns go as array parameters through unnest().
 *
 * Where a statement reads the relation once, its rows are not even stored, but
 * decoded as they are read (stream.c).
 *
 * A statement that is planned now and run later, maybe with other data, calls
 * a function that decodes the rows when it is run (rows_of.c).
 *
 * The statement around it is the same: each is a FROM item called data.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"

#include "catalog.h"
#include "compat.h"
#include "server_code.h"
#include "rows/source.h"
#include "rows/stream.h"

/* How many rows are worth a copy for each parallel worker. */
#define MAX_PARALLEL_ROWS 100000

int			rows_source = ROWS_SOURCE_AUTO;

/* Whether Citus distributes the table; needs SPI to be connected. */
static bool
is_citus_table(Oid relid)
{
	Datum		arg = ObjectIdGetDatum(relid);
	Oid			type = REGCLASSOID;

	if (!OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)))
		return false;
	if (SPI_execute_with_args("SELECT 1 FROM pg_catalog.pg_dist_partition "
							  "WHERE logicalrelid OPERATOR(pg_catalog.=) $1::pg_catalog.oid",
							  1, &type, &arg, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the list of distributed tables");
	return SPI_processed > 0;
}

/*
 * source_form
 *		How nrows rows should be passed to a statement on this table.  SPI must
 *		be connected.
 *
 * With scan, the statement will read the whole of a large table: a short list
 * then goes as arrays, which parallel workers can have, as no relation.
 */
SourceForm
source_form(Oid relid, int64 nrows, bool scan)
{
	if (rows_source == ROWS_SOURCE_ARRAYS ||
		(rows_source != ROWS_SOURCE_RELATION && is_citus_table(relid)))
		return SOURCE_AS_ARRAYS;
	if (scan && rows_source != ROWS_SOURCE_RELATION && nrows > 1 && nrows <= MAX_PARALLEL_ROWS)
		return SOURCE_AS_ARRAYS;
	return nrows == 1 && rows_source != ROWS_SOURCE_RELATION ? SOURCE_AS_ROW : SOURCE_AS_RELATION;
}

/* A character that no column of the data begins with. */
static char
free_mark(DataColumn *columns, int ncolumns)
{
	for (const char *mark = "#?~!%&*+-/0123456789"; *mark; mark++)
	{
		int			c = 0;

		while (c < ncolumns && columns[c].name[0] != *mark)
			c++;
		if (c == ncolumns)
			return *mark;
	}
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the columns' names begin with too many different special characters")));
}

/*
 * source_ordinal_name
 *		The quoted name of the column of the rows' numbers.
 */
char *
source_ordinal_name(Source *source)
{
	return psprintf("\"%cordinal\"", source->mark);
}

/*
 * source_ordinal
 *		The rows' numbers, as data."name".
 */
char *
source_ordinal(Source *source)
{
	return psprintf("data.%s", source_ordinal_name(source));
}

/*
 * source_flag
 *		What tells whether a row has a column of the data: data."name", or a bit.
 */
char *
source_flag(Source *source, int column)
{
	if (source->packed)
		return psprintf("pg_catalog.get_bit(data.\"%cflags\", %d) OPERATOR(pg_catalog.=) 1", source->mark, column);
	return psprintf("data.\"%c%d\"", source->mark, column + 1);
}

/*
 * source_put_flags
 *		Write which columns a row has to where its flags begin; returns how many
 *		values that were.  Packed flags are good until the next row's.
 */
int
source_put_flags(Source *source, bool *absent, Datum *values)
{
	int			n = 0;

	for (int c = 0; c < source->ncolumns; c++)
	{
		if (!source->columns[c].partial)
			continue;
		if (!source->packed)
			values[n++] = BoolGetDatum(!absent[c]);
		else if (absent[c])
			VARDATA(source->packed)[c / BITS_PER_BYTE] &= ~(1 << c % BITS_PER_BYTE);
		else
			VARDATA(source->packed)[c / BITS_PER_BYTE] |= 1 << c % BITS_PER_BYTE;
	}
	if (source->packed)
		values[n++] = PointerGetDatum(source->packed);
	return n;
}

/* Add a column to the source's descriptor. */
static void
add_column(Source *source, AttrNumber attno, const char *name, Oid type, int32 typmod, Oid collation)
{
	TupleDescInitEntry(source->desc, attno, name, type, typmod, 0);
	TupleDescInitEntryCollation(source->desc, attno, collation);
	if (source->form == SOURCE_AS_ROW)
		source->paramtypes[attno - 1] = type;
	if (source->form == SOURCE_AS_ARRAYS)
	{
		int			i = attno - 1;
		bool		isvarlena;
		Oid			function;

		/* unnest() would take an array, and a composite value, further apart */
		if (!OidIsValid(get_base_element_type(type)) && !type_is_rowtype(type))
			source->paramtypes[i] = get_array_type(type);
		source->as_text[i] = !OidIsValid(source->paramtypes[i]);
		if (source->as_text[i])
		{
			source->paramtypes[i] = TEXTARRAYOID;
			getTypeOutputInfo(type, &function, &isvarlena);
			fmgr_info(function, &source->output[i]);
		}
	}
}

/*
 * source_create
 *		Describe a source for these columns, in the current memory context.
 */
Source *
source_create(DataColumn *columns, int ncolumns, bool numbered, SourceForm form)
{
	Source	   *source = palloc0(sizeof(Source));
	int			natts = ncolumns + (numbered ? 1 : 0);
	int			nflags = 0;
	AttrNumber	attno = 1;

	for (int c = 0; c < ncolumns; c++)
		if (columns[c].partial)
			nflags++;
	if (natts + nflags > MaxTupleAttributeNumber)
	{
		Size		size = VARHDRSZ + (ncolumns + BITS_PER_BYTE - 1) / BITS_PER_BYTE;

		source->packed = palloc0(size);
		SET_VARSIZE(source->packed, size);
		nflags = 1;
	}
	natts += nflags;
	source->form = form;
	source->connection = CurrentMemoryContext;
	source->numbered = numbered;
	source->mark = free_mark(columns, ncolumns);
	source->columns = columns;
	source->ncolumns = ncolumns;
	source->desc = CreateTemplateTupleDesc(natts);
	source->values = palloc0_array(Datum, natts + 1);
	source->nulls = palloc0_array(bool, natts + 1);
	if (form != SOURCE_AS_RELATION)
	{
		source->paramtypes = palloc0_array(Oid, natts + 1);
		source->as_text = palloc0_array(bool, natts + 1);
		source->output = palloc0_array(FmgrInfo, natts + 1);
	}

	if (numbered)
		add_column(source, attno++, psprintf("%cordinal", source->mark), INT8OID, -1, InvalidOid);
	for (int c = 0; c < ncolumns; c++)
		add_column(source, attno++, columns[c].name, columns[c].type, columns[c].typmod,
				   columns[c].collation);
	if (source->packed)
		add_column(source, attno++, psprintf("%cflags", source->mark), BYTEAOID, -1, InvalidOid);
	for (int c = 0; c < ncolumns; c++)
		if (columns[c].partial && !source->packed)
			add_column(source, attno++, psprintf("%c%d", source->mark, c + 1), BOOLOID, -1, InvalidOid);
	TupleDescFinalize(source->desc);
	return source;
}

/* Add the row in the making to the arrays. */
static void
add_to_arrays(Source *source)
{
	for (int i = 0; i < source->desc->natts; i++)
	{
		Datum		value = source->values[i];

		if (source->as_text[i] && !source->nulls[i])
			value = CStringGetTextDatum(OutputFunctionCall(&source->output[i], value));
		source->building[i] = accumArrayResult(source->building[i], value, source->nulls[i],
											   source->as_text[i] ? TEXTOID : TupleDescAttr(source->desc, i)->atttypid,
											   CurrentMemoryContext);
	}
}

/* Make the row in the making the parameters. */
static void
set_parameters(Source *source)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(source));

	for (int i = 0; i < source->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(source->desc, i);
		ParamExternData *param = &source->params->params[i];

		param->isnull = source->nulls[i];
		if (!param->isnull)
			param->value = datumCopy(source->values[i], att->attbyval, att->attlen);
	}
	MemoryContextSwitchTo(old);
}

/*
 * source_put
 *		Keep a row, laid out as the source has it.
 */
void
source_put(Source *source, int64 ordinal, Datum *values, bool *nulls, bool *absent)
{
	int			i = 0;

	if (source->numbered)
		source->values[i++] = Int64GetDatum(ordinal);
	for (int c = 0; c < source->ncolumns; c++, i++)
	{
		source->values[i] = values[c];
		source->nulls[i] = nulls[c];
	}
	source_put_flags(source, absent, source->values + i);

	switch (source->form)
	{
		case SOURCE_AS_RELATION:
			tuplestore_putvalues(source->store, source->desc, source->values, source->nulls);
			break;
		case SOURCE_AS_ARRAYS:
			add_to_arrays(source);
			break;
		case SOURCE_AS_ROW:
			set_parameters(source);
			break;
		case SOURCE_AS_CALL:
			break;				/* is never filled */
	}
}

/* RowSink */
static void
keep_row(void *arg, int64 ordinal, Datum *values, bool *nulls, bool *absent)
{
	source_put(arg, ordinal, values, nulls, absent);
}

/* A parameter list for the source, all null. */
static void
make_parameters(Source *source)
{
	int			natts = source->desc->natts;

	source->params = makeParamList(natts);
	for (int i = 0; i < natts; i++)
	{
		ParamExternData *param = &source->params->params[i];

		param->value = (Datum) 0;
		param->isnull = true;
		param->pflags = PARAM_FLAG_CONST;
		param->ptype = source->paramtypes[i];
	}
}

/*
 * source_may_stream
 *		May rows of these columns be decoded as a statement reads them?  It must not
 *		matter what the statement has written by then.
 */
bool
source_may_stream(DataColumn *columns, int ncolumns)
{
	for (int c = 0; c < ncolumns; c++)
		if (plain_type(columns[c].type) == PLAIN_NONE && !is_made_by_server(columns[c].type))
			return false;
	return stream_works();
}

/* Get ready to decode the rows when the statement reads them. */
static void
start_stream(Source *source, DecodeRequest *request)
{
	source->request = *request;
	source->decoder = decode_begin(&source->request);
	source->error_context = error_context_stack;
	source->nrows = decode_count(source->decoder);
	request->distinct = source->request.distinct;
}

/*
 * source_begin
 *		Make the source ready for rows, and forget what it held.
 */
void
source_begin(Source *source)
{
	int			natts = source->desc->natts;

	source_free(source);
	if (source->form == SOURCE_AS_RELATION)
		source->store = tuplestore_begin_heap(false, false, work_mem);
	else
		make_parameters(source);
	if (source->form == SOURCE_AS_ARRAYS)
	{
		source->building = palloc0_array(ArrayBuildState *, natts + 1);
		for (int i = 0; i < natts; i++)
			source->building[i] = initArrayResult(source->as_text[i] ? TEXTOID : TupleDescAttr(source->desc, i)->atttypid,
												  CurrentMemoryContext, true);
	}
}

/*
 * source_end
 *		All rows, so many, are in the source.
 */
void
source_end(Source *source, int64 nrows)
{
	source->nrows = nrows;
	if (source->form == SOURCE_AS_ARRAYS)
		for (int i = 0; i < source->desc->natts; i++)
		{
			source->params->params[i].value = makeArrayResult(source->building[i], CurrentMemoryContext);
			source->params->params[i].isnull = false;
		}
}

/*
 * source_fill
 *		Decode the requested rows into the source, replacing what it held.
 */
void
source_fill(Source *source, DecodeRequest *request)
{
	if (source->streamed)
	{
		source_free(source);
		start_stream(source, request);
	}
	else
	{
		source_begin(source);
		source_end(source, decode_rows(request, keep_row, source));
	}
	source->bytes = request->rowset->cells_len;
	source->distinct = request->distinct ? request->keys[0] + (source->numbered ? 2 : 1) : 0;
}

/*
 * source_register
 *		Make the relation known to the statements of this SPI connection; rows
 *		is what the planner is told.
 */
void
source_register(Source *source, double rows)
{
	EphemeralNamedRelation enr;
	MemoryContext old;
	int			result;

	if (source->form != SOURCE_AS_RELATION)
		return;
	/* SPI keeps what it is given in lists of its own, made where we are */
	old = MemoryContextSwitchTo(source->connection);
	(void) SPI_unregister_relation(SOURCE_RELATION);
	enr = palloc0(sizeof(EphemeralNamedRelationData));
	enr->md.name = SOURCE_RELATION;
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = source->desc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = rows;
	enr->reldata = source->store;
	result = SPI_register_relation(enr);
	if (result != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the rows: %s", SPI_result_code_string(result));
	MemoryContextSwitchTo(old);
}

/*
 * source_free
 *		Let go of the rows; the description stays.
 */
void
source_free(Source *source)
{
	if (source->store)
		tuplestore_end(source->store);
	if (source->decoder)
		decode_end(source->decoder);
	source->store = NULL;
	source->decoder = NULL;
	source->params = NULL;
}

/* A column of the array form: the parameter's element, typed as the relation's. */
static void
append_array_column(StringInfo out, Source *source, int i)
{
	Form_pg_attribute att = TupleDescAttr(source->desc, i);
	const char *name = quote_identifier(NameStr(att->attname));

	if (source->as_text[i])
		appendStringInfo(out, "CAST(\"" SOURCE_FUNCTION "\".%s AS %s)", name, type_sql(att->atttypid, att->atttypmod));
	else
		appendStringInfo(out, "\"" SOURCE_FUNCTION "\".%s", name);
}

/* The collation of a column, where it is not the one that it would have. */
static void
append_collation(StringInfo out, Oid collation)
{
	if (OidIsValid(collation) && collation != DEFAULT_COLLATION_OID)
		appendStringInfo(out, " COLLATE %s", collation_sql(collation));
}

/* The form of parameters; written without formats, as this is much of what a call with one row costs. */
static char *
parameters_sql(Source *source)
{
	StringInfoData out;
	char		number[12];

	initStringInfo(&out);
	appendStringInfoString(&out, "(SELECT ");
	for (int i = 0; i < source->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(source->desc, i);

		pg_ltoa(i + 1, number);
		appendStringInfoString(&out, i > 0 ? ", $" : "$");
		appendStringInfoString(&out, number);
		append_collation(&out, att->attcollation);
		appendStringInfoString(&out, " AS ");
		appendStringInfoString(&out, quote_identifier(NameStr(att->attname)));
	}
	appendStringInfoString(&out, ") AS data");
	return out.data;
}

/* The form of a call: the function's result needs the names and types of its columns. */
static char *
call_sql(Source *source)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < source->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(source->desc, i);

		appendStringInfo(&out, "%s%s %s", i > 0 ? ", " : "", quote_identifier(NameStr(att->attname)),
						 type_sql(att->atttypid, att->atttypmod));
		if (OidIsValid(att->attcollation))
			appendStringInfo(&out, " COLLATE %s", collation_sql(att->attcollation));
	}
	return psprintf("%s AS data(%s)", source->call, out.data);
}

/*
 * source_sql
 *		The source as a FROM item with the alias data.
 */
char *
source_sql(Source *source)
{
	StringInfoData columns;
	StringInfoData params;
	StringInfoData names;

	if (source->form == SOURCE_AS_RELATION)
		return "\"" SOURCE_RELATION "\" AS data";
	if (source->form == SOURCE_AS_CALL)
		return call_sql(source);
	if (source->form == SOURCE_AS_ROW)
		return parameters_sql(source);

	initStringInfo(&columns);
	initStringInfo(&params);
	initStringInfo(&names);
	for (int i = 0; i < source->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(source->desc, i);
		const char *comma = i > 0 ? ", " : "";
		const char *name = quote_identifier(NameStr(att->attname));

		appendStringInfoString(&columns, comma);
		append_array_column(&columns, source, i);
		append_collation(&columns, att->attcollation);
		appendStringInfo(&columns, " AS %s", name);
		appendStringInfo(&params, "%s$%d", comma, i + 1);
		appendStringInfo(&names, "%s%s", comma, name);
	}

	/*
	 * The parser looks unnest with several arguments up in pg_catalog, whatever
	 * the search path, but only if it is written without a schema; with one
	 * argument it is a function like any other.
	 */
	return psprintf("(SELECT %s FROM %sunnest(%s) AS \"" SOURCE_FUNCTION "\"(%s)) AS data", columns.data,
					source->desc->natts == 1 ? "pg_catalog." : "", params.data, names.data);
}
