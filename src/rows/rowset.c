/*
 * rowset.c
 *	  The type more.rowset: its forms in memory and on disk, input and output.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "catalog.h"
#include "compat.h"
#include "rows/rowset.h"

PG_FUNCTION_INFO_V1(rowset_in);
PG_FUNCTION_INFO_V1(rowset_out);
PG_FUNCTION_INFO_V1(rowset_recv);
PG_FUNCTION_INFO_V1(rowset_send);
PG_FUNCTION_INFO_V1(rowset_from_json);
PG_FUNCTION_INFO_V1(rowset_from_text);
PG_FUNCTION_INFO_V1(rowset_from_jsonb);
PG_FUNCTION_INFO_V1(rowset_count);
PG_FUNCTION_INFO_V1(rowset_columns);

/* The flat form: this header, then the columns' names, then the cells. */
typedef struct RowsetFlat
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int32		ncols;
	int64		nrows;
	uint32		names_len;		/* per column: partial as a byte, name, type */
	uint32		version;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} RowsetFlat;

#define ROWSET_FLAT_VERSION 1

static Size rowset_flat_size(ExpandedObjectHeader *eohptr);
static void rowset_flatten_into(ExpandedObjectHeader *eohptr, void *result, Size allocated_size);

static const ExpandedObjectMethods rowset_methods = {
	rowset_flat_size,
	rowset_flatten_into
};

/* ------------------------------------------------------------------------ */
/* Building the JSON form													*/
/* ------------------------------------------------------------------------ */

/*
 * builder_init
 *		Start collecting rows into a new rowset; hint is about how many bytes of
 *		cells to expect.
 *
 * All that the result needs is allocated in the rowset's own context, so that
 * the value may be handed to another owner.
 */
void
builder_init(RowsetBuilder *builder, Size hint)
{
	MemoryContext context;

	memset(builder, 0, sizeof(*builder));
	builder->rowset = rowset_new(0);
	context = builder->rowset->hdr.eoh_context;
	builder->maxcols = 16;
	builder->names = MemoryContextAlloc(context, sizeof(char *) * builder->maxcols);
	builder->present = MemoryContextAlloc(context, sizeof(int64) * builder->maxcols);
	builder->size = Min(Max(hint, 256), MaxAllocSize);
	builder->cells = MemoryContextAlloc(context, builder->size);
}

/*
 * builder_column
 *		The position of the column of that name, which is added when new; -1
 *		after a soft error, when there are too many.
 */
int
builder_column(RowsetBuilder *builder, const char *name, int len, Node *escontext)
{
	for (int i = 0; i < builder->ncols; i++)
		if (strncmp(builder->names[i], name, len) == 0 && builder->names[i][len] == '\0')
			return i;
	if (builder->ncols == ROWSET_MAX_COLUMNS)
		ereturn(escontext, -1,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("a rowset can have at most %d columns", ROWSET_MAX_COLUMNS)));
	if (builder->ncols == builder->maxcols)
	{
		builder->maxcols *= 2;
		builder->names = repalloc_array(builder->names, char *, builder->maxcols);
		builder->present = repalloc_array(builder->present, int64, builder->maxcols);
	}
	builder->names[builder->ncols] = MemoryContextAlloc(builder->rowset->hdr.eoh_context, len + 1);
	memcpy(builder->names[builder->ncols], name, len);
	builder->names[builder->ncols][len] = '\0';
	builder->present[builder->ncols] = 0;
	return builder->ncols++;
}

/* Make room for n more bytes of cells. */
static void
builder_reserve(RowsetBuilder *builder, Size n)
{
	Size		limit = MaxAllocSize - sizeof(RowsetFlat);

	if (builder->len + n <= builder->size)
		return;
	if (builder->len + n > limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a rowset cannot be larger than 1 GB"),
				 errdetail("Row " INT64_FORMAT " does not fit.", builder->nrows + 1),
				 errhint("Split the data over several calls.")));
	builder->size = Min(Max(builder->size * 2, builder->len + n), limit);
	builder->cells = repalloc(builder->cells, builder->size);
}

/*
 * builder_add_row
 *		Add a row of cells, copied, in the order of the columns.
 */
void
builder_add_row(RowsetBuilder *builder, const Cell *cells, int ncells)
{
	uint16		count = ncells;
	Size		need = sizeof(count);
	char	   *p;

	for (int i = 0; i < ncells; i++)
		need += cells[i].kind >= CELL_NUMBER ? (Size) cells[i].len + 7 : 1;
	builder_reserve(builder, need);

	p = builder->cells + builder->len;
	memcpy(p, &count, sizeof(count));
	p += sizeof(count);
	for (int i = 0; i < ncells; i++)
	{
		*p++ = (char) cells[i].kind;
		if (cells[i].kind != CELL_ABSENT)
			builder->present[i]++;
		if (cells[i].kind < CELL_NUMBER)
			continue;
		if (cells[i].len < 255)
			*p++ = (char) cells[i].len;
		else
		{
			*p++ = (char) 255;
			memcpy(p, &cells[i].len, sizeof(uint32));
			p += sizeof(uint32);
		}
		memcpy(p, cells[i].text, cells[i].len);
		p += cells[i].len;
		*p++ = '\0';
	}
	builder->len = p - builder->cells;
	builder->nrows++;
}

/*
 * rowset_new
 *		An empty expanded rowset with room for ncols columns, in a memory
 *		context of its own under the current one.
 */
Rowset *
rowset_new(int ncols)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "rowset",
												  ALLOCSET_START_SMALL_SIZES);
	Rowset	   *rowset = MemoryContextAllocZero(context, sizeof(Rowset));

	EOH_init_header(&rowset->hdr, &rowset_methods, context);
	rowset->magic = ROWSET_MAGIC;
	rowset->ncols = ncols;
	rowset->names = MemoryContextAllocZero(context, sizeof(char *) * Max(ncols, 1));
	rowset->partial = MemoryContextAllocZero(context, sizeof(bool) * Max(ncols, 1));
	return rowset;
}

/*
 * builder_finish
 *		The collected rows as an expanded rowset in the JSON form.
 */
Rowset *
builder_finish(RowsetBuilder *builder)
{
	Rowset	   *rowset = builder->rowset;

	rowset->ncols = builder->ncols;
	rowset->nrows = builder->nrows;
	rowset->names = (const char **) builder->names;
	rowset->partial = MemoryContextAlloc(rowset->hdr.eoh_context,
										 sizeof(bool) * Max(builder->ncols, 1));
	for (int i = 0; i < builder->ncols; i++)
		rowset->partial[i] = builder->present[i] < builder->nrows;
	rowset->cells = builder->cells;
	rowset->cells_len = builder->len;
	return rowset;
}

/* ------------------------------------------------------------------------ */
/* Forms																	*/
/* ------------------------------------------------------------------------ */

/*
 * Settings under which a value's text does not depend on the session, as
 * postgres_fdw and pg_dump choose them.
 */
static int
begin_portable_output(void)
{
	int			nest = NewGUCNestLevel();

	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("extra_float_digits", "3", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("search_path", "pg_catalog", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

/* The kind of cell that a value of this type, printed as text, becomes. */
static CellKind
cell_kind_of(Oid basetype, const char *text)
{
	switch (basetype)
	{
		case BOOLOID:
			return text[0] == 't' ? CELL_TRUE : CELL_FALSE;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return CELL_NUMBER;
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			/* NaN and the infinities are no JSON numbers */
			return strpbrk(text, "aIy") ? CELL_TEXT : CELL_NUMBER;
		case JSONOID:
		case JSONBOID:
			return CELL_JSON;
		default:
			return CELL_TEXT;
	}
}

/* Turn the typed form into cells, row by row. */
static Rowset *
arrays_to_cells(Rowset *rowset)
{
	int			ncols = rowset->ncols;
	FmgrInfo   *output = palloc_array(FmgrInfo, Max(ncols, 1));
	Oid		   *basetype = palloc_array(Oid, Max(ncols, 1));
	Cell	   *cells = palloc0_array(Cell, Max(ncols, 1));
	MemoryContext rowcxt = AllocSetContextCreate(CurrentMemoryContext, "rowset row",
												 ALLOCSET_DEFAULT_SIZES);
	RowsetBuilder builder;
	int			nest = begin_portable_output();

	builder_init(&builder, 1024);
	for (int c = 0; c < ncols; c++)
	{
		Oid			function;
		bool		isvarlena;

		getTypeOutputInfo(rowset->arrays[c].type, &function, &isvarlena);
		fmgr_info(function, &output[c]);
		basetype[c] = getBaseType(rowset->arrays[c].type);
		builder_column(&builder, rowset->names[c], strlen(rowset->names[c]), NULL);
	}
	for (int64 r = 0; r < rowset->nrows; r++)
	{
		MemoryContext old = MemoryContextSwitchTo(rowcxt);

		CHECK_FOR_INTERRUPTS();
		for (int c = 0; c < ncols; c++)
		{
			cells[c].kind = CELL_NULL;
			if (array_isnull(&rowset->arrays[c], r))
				continue;
			cells[c].text = OutputFunctionCall(&output[c], array_value(&rowset->arrays[c], r));
			cells[c].len = strlen(cells[c].text);
			cells[c].kind = cell_kind_of(basetype[c], cells[c].text);
		}
		MemoryContextSwitchTo(old);
		builder_add_row(&builder, cells, ncols);
		MemoryContextReset(rowcxt);
	}
	AtEOXact_GUC(true, nest);
	MemoryContextDelete(rowcxt);
	builder_finish(&builder);
	builder.rowset->types = MemoryContextAlloc(builder.rowset->hdr.eoh_context,
											   sizeof(char *) * Max(ncols, 1));
	for (int c = 0; c < ncols; c++)
		builder.rowset->types[c] = MemoryContextStrdup(builder.rowset->hdr.eoh_context,
													   type_sql(rowset->arrays[c].type, -1));
	return builder.rowset;
}

/*
 * rowset_json_form
 *		The rowset itself, or a copy of it in the JSON form if it is typed.
 */
Rowset *
rowset_json_form(Rowset *rowset)
{
	return rowset->arrays ? arrays_to_cells(rowset) : rowset;
}

/* The name of the type that a column of the JSON form had, or "". */
static const char *
column_type(Rowset *rowset, int column)
{
	return rowset->types ? rowset->types[column] : "";
}

/* How many bytes the flat form needs; it is made here, once. */
static Size
rowset_flat_size(ExpandedObjectHeader *eohptr)
{
	Rowset	   *rowset = (Rowset *) eohptr;
	Rowset	   *json;
	RowsetFlat *flat;
	Size		names_len = 0;
	Size		size;
	char	   *p;
	MemoryContext old;

	Assert(rowset->magic == ROWSET_MAGIC);
	if (rowset->flat)
		return VARSIZE(rowset->flat);

	old = MemoryContextSwitchTo(rowset->hdr.eoh_context);
	json = rowset_json_form(rowset);
	for (int i = 0; i < json->ncols; i++)
		names_len += strlen(json->names[i]) + strlen(column_type(json, i)) + 3;
	size = offsetof(RowsetFlat, data) + names_len + json->cells_len;
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a rowset cannot be larger than 1 GB"),
				 errhint("Split the data over several calls.")));
	flat = palloc(size);
	SET_VARSIZE(flat, size);
	flat->version = ROWSET_FLAT_VERSION;
	flat->ncols = json->ncols;
	flat->nrows = json->nrows;
	flat->names_len = names_len;
	p = flat->data;
	for (int i = 0; i < json->ncols; i++)
	{
		*p++ = json->partial[i];
		p = stpcpy(p, json->names[i]) + 1;
		p = stpcpy(p, column_type(json, i)) + 1;
	}
	memcpy(p, json->cells, json->cells_len);
	rowset->flat = (struct varlena *) flat;
	MemoryContextSwitchTo(old);
	return size;
}

static void
rowset_flatten_into(ExpandedObjectHeader *eohptr, void *result, Size allocated_size)
{
	Rowset	   *rowset = (Rowset *) eohptr;

	Assert(rowset->flat && VARSIZE(rowset->flat) == allocated_size);
	memcpy(result, rowset->flat, allocated_size);
}

/*
 * rowset_column_type
 *		The type that a column was given with; text for JSON.
 */
Oid
rowset_column_type(Rowset *rowset, int column)
{
	Oid			type = TEXTOID;
	int32		typmod;

	if (rowset->arrays)
		return rowset->arrays[column].type;
	if (column_type(rowset, column)[0] != '\0')
		parse_type_name(column_type(rowset, column), &type, &typmod);
	return type;
}

/*
 * rowset_if_expanded
 *		The rowset behind any value of variable length that is an expanded one;
 *		else NULL.
 */
Rowset *
rowset_if_expanded(Datum value)
{
	ExpandedObjectHeader *header;

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
		return NULL;
	header = DatumGetEOHP(value);
	return header->eoh_methods == &rowset_methods ? (Rowset *) header : NULL;
}

/*
 * rowset_from_datum
 *		The rowset behind an argument, without copying it where that can be.
 *
 * The result may point into the datum, and lives as long as it and the current
 * memory context do.
 */
Rowset *
rowset_from_datum(Datum value)
{
	RowsetFlat *flat;
	Rowset	   *rowset;
	const char *p;

	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
	{
		rowset = (Rowset *) DatumGetEOHP(value);
		if (rowset->magic != ROWSET_MAGIC)
			elog(ERROR, "expanded object is not a rowset");
		return rowset;
	}

	flat = (RowsetFlat *) PG_DETOAST_DATUM(value);
	if (VARSIZE(flat) < offsetof(RowsetFlat, data) || flat->version != ROWSET_FLAT_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("value is not a rowset of a known version")));
	rowset = rowset_new(flat->ncols);
	rowset->nrows = flat->nrows;
	rowset->types = MemoryContextAlloc(rowset->hdr.eoh_context,
									   sizeof(char *) * Max(flat->ncols, 1));
	p = flat->data;
	for (int i = 0; i < flat->ncols; i++)
	{
		rowset->partial[i] = *p++;
		rowset->names[i] = p;
		p += strlen(p) + 1;
		rowset->types[i] = p;
		p += strlen(p) + 1;
	}
	rowset->cells = p;
	rowset->cells_len = VARSIZE(flat) - (p - (char *) flat);
	return rowset;
}

/* ------------------------------------------------------------------------ */
/* Input and output															*/
/* ------------------------------------------------------------------------ */

/* more.rowset_in(cstring): from JSON text. */
Datum
rowset_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	Rowset	   *rowset = rowset_parse(text, strlen(text), fcinfo->context);

	if (rowset == NULL)
		PG_RETURN_NULL();		/* a soft error was saved */
	PG_RETURN_ROWSET(rowset);
}

/* more.rowset_out(rowset): as a JSON array of objects. */
Datum
rowset_out(PG_FUNCTION_ARGS)
{
	StringInfoData out;

	initStringInfo(&out);
	rowset_print(&out, PG_GETARG_ROWSET(0));
	PG_RETURN_CSTRING(out.data);
}

/* more.rowset_recv(internal): a version byte, then JSON text, as for jsonb. */
Datum
rowset_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			version = pq_getmsgint(buf, 1);
	char	   *text;
	int			len;

	if (version != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unsupported rowset version number %d", version)));
	text = pq_getmsgtext(buf, buf->len - buf->cursor, &len);
	PG_RETURN_ROWSET(rowset_parse(text, len, NULL));
}

/* more.rowset_send(rowset) */
Datum
rowset_send(PG_FUNCTION_ARGS)
{
	StringInfoData out;
	StringInfoData buf;

	initStringInfo(&out);
	rowset_print(&out, PG_GETARG_ROWSET(0));
	pq_begintypsend(&buf);
	pq_sendint8(&buf, 1);
	pq_sendtext(&buf, out.data, out.len);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* more.rowset(json) */
Datum
rowset_from_json(PG_FUNCTION_ARGS)
{
	text	   *json = PG_GETARG_TEXT_PP(0);

	PG_RETURN_ROWSET(rowset_parse(VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json), NULL));
}

/* more.rowset(text): so that a parameter without a type will do, too. */
Datum
rowset_from_text(PG_FUNCTION_ARGS)
{
	return rowset_from_json(fcinfo);
}

/* more.rowset(jsonb) */
Datum
rowset_from_jsonb(PG_FUNCTION_ARGS)
{
	Jsonb	   *json = PG_GETARG_JSONB_P(0);
	StringInfoData text;

	initStringInfo(&text);
	(void) JsonbToCString(&text, &json->root, VARSIZE(json));
	PG_RETURN_ROWSET(rowset_parse(text.data, text.len, NULL));
}

/* more.rowset_count(rowset): how many rows. */
Datum
rowset_count(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_ROWSET(0)->nrows);
}

/* more.rowset_columns(rowset): the columns' names. */
Datum
rowset_columns(PG_FUNCTION_ARGS)
{
	Rowset	   *rowset = PG_GETARG_ROWSET(0);
	Datum	   *names = palloc_array(Datum, Max(rowset->ncols, 1));

	for (int i = 0; i < rowset->ncols; i++)
		names[i] = CStringGetTextDatum(rowset->names[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(names, rowset->ncols, TEXTOID, -1, false, TYPALIGN_INT));
}
