/*
 * decode.c
 *	  A rowset's rows as values of the target's column types.
 *
 * Each value goes straight from its cell to the type's input function, or from
 * its array as it is.  With a key, the key columns are decoded first, for all
 * rows, and the rows then come out in key order.  That order serves three ends:
 * equal keys become neighbours and are found; the target's index is walked in
 * its own order; and two sessions that write the same keys lock them in the
 * same order, so that they wait for each other instead of deadlocking.
 *
 * Any total order that every session shares would do for the locks.  Text is
 * ordered by its bytes where the collation is deterministic, because equality
 * then means equal bytes, and comparing bytes is many times faster.
 *
 * Memory: for each row a sort item, and the key's values; all else is made row by
 * row, when a cursor comes to it.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/sortsupport.h"
#include "utils/typcache.h"

#include "compat.h"
#include "rows/decode.h"

/* How many characters of a value an error message shows. */
#define SHOWN_LENGTH 100

/* How many rows ahead the memory of a row is fetched. */
#define PREFETCH_ROWS 8

/* One row in the order of the key. */
typedef struct SortItem
{
	Datum		key;			/* the first key column, maybe abbreviated */
	uint32		row;
	uint32		start;			/* JSON form: offset of its cells */
} SortItem;

struct Decoder
{
	DecodeRequest *req;
	MemoryContext context;		/* all that the decoder has */
	int		   *map;			/* rowset column to data column, or -1 */
	int			last;			/* last rowset column that is needed, + 1 */
	MemoryContext rowcxt;		/* reset for each key */
	ExprContext *econtext;

	/* keys */
	MemoryContext keycxt;
	Datum	  **keyvalues;		/* [key][row] */
	bool		direct;			/* the one key is just in the items */
	bool	   *keybyval;		/* [key] */
	int16	   *keylen;			/* [key] */
	bool	   *keynull;		/* rows with a null in the key, if there is one */
	int		   *keyof;			/* data column to key, or -1 */
	SortSupport ssup;
	SortItem   *items;
	int64		nitems;

	/* where we are, for errors */
	int64		row;
	int			column;			/* -1: not converting a value */
	Cell		cell;
};

/* ------------------------------------------------------------------------ */
/* One value																*/
/* ------------------------------------------------------------------------ */

/*
 * plain_type
 *		Which texts of the type can be read without its input function.
 */
PlainType
plain_type(Oid type)
{
	switch (type)
	{
		case INT4OID:
			return PLAIN_INT4;
		case INT8OID:
			return PLAIN_INT8;
		case NUMERICOID:
			return PLAIN_NUMERIC;
		case TEXTOID:
			return PLAIN_TEXT;
		default:
			return PLAIN_NONE;
	}
}

/* No more digits than this are read here: none of the types has less room, and 64 bits have more. */
#define PLAIN_INT4_DIGITS 9
#define PLAIN_DIGITS 16

/*
 * Read a text of digits, with at most one sign before and, if scale is given,
 * one point among them; false where it is anything else.
 */
static inline bool
read_digits(const Cell *cell, int maxdigits, int64 *value, int *scale)
{
	const char *s = cell->text;
	const char *end = s + cell->len;
	const char *point = NULL;
	bool		negative = *s == '-';
	int			digits = 0;
	int64		result = 0;

	for (s += negative; s < end; s++)
	{
		if (*s >= '0' && *s <= '9')
		{
			result = result * 10 + (*s - '0');
			digits++;
		}
		else if (*s == '.' && scale && point == NULL && digits > 0 && s + 1 < end)
			point = s;
		else
			return false;
		if (digits > maxdigits)
			return false;
	}
	if (digits == 0)
		return false;
	*value = negative ? -result : result;
	if (scale)
		*scale = point ? end - point - 1 : 0;
	return true;
}

/*
 * A numeric of few digits; false where it is anything else, or where the type's
 * precision and scale take more than zeros at its end.
 */
static bool
convert_plain_numeric(const Cell *cell, int32 typmod, Datum *value)
{
	static const int64 powers[] = {
		1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000
	};
	int64		number;
	int			scale;

	if (!read_digits(cell, PLAIN_DIGITS, &number, &scale))
		return false;
	if (typmod >= (int32) VARHDRSZ)
	{
		int			precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
		int			wanted = (typmod - VARHDRSZ) & 0x7ff;

		/* a scale of 1024 and more stands for a negative one */
		if (wanted < scale || wanted >= 1024 || wanted - scale >= (int) lengthof(powers) ||
			(int) cell->len + wanted - scale > Min(precision, PLAIN_DIGITS))
			return false;
		number *= powers[wanted - scale];
		scale = wanted;
	}
	*value = NumericGetDatum(int64_div_fast_to_numeric(number, scale));
	return true;
}

/* Convert a plain text of the column's type; false where its input function is to read it. */
static inline bool
convert_plain(DataColumn *column, const Cell *cell, Datum *value)
{
	int64		number;

	switch (column->plain)
	{
		case PLAIN_NONE:
			return false;
		case PLAIN_INT4:
			if (!read_digits(cell, PLAIN_INT4_DIGITS, &number, NULL))
				return false;
			*value = Int32GetDatum((int32) number);
			return true;
		case PLAIN_INT8:
			if (!read_digits(cell, PLAIN_DIGITS, &number, NULL))
				return false;
			*value = Int64GetDatum(number);
			return true;
		case PLAIN_NUMERIC:
			return convert_plain_numeric(cell, column->typmod, value);
		case PLAIN_TEXT:
			*value = PointerGetDatum(cstring_to_text_with_len(cell->text, cell->len));
			return true;
	}
	return false;
}

/* A value of the column from its text, NULL for null; the input function is looked up for the first that needs it. */
static Datum
input_value(DataColumn *column, char *text)
{
	if (!OidIsValid(column->input.fn_oid))
	{
		Oid			function;

		getTypeInputInfo(column->type, &function, &column->ioparam);
		fmgr_info_cxt(function, &column->input, column->context);
	}
	return InputFunctionCall(&column->input, text, column->ioparam, column->typmod);
}

/* Look up how values of the column are made. */
static void
prepare_column(Rowset *rowset, DataColumn *column)
{
	Oid			function;

	column->context = CurrentMemoryContext;
	column->input.fn_oid = InvalidOid;
	column->plain = plain_type(column->type);
	column->json = false;
	column->nested = false;
	if (column->plain == PLAIN_NONE)
	{
		Oid			base = getBaseType(column->type);

		column->json = base == JSONOID || base == JSONBOID;
		column->nested = OidIsValid(get_element_type(base)) || get_typtype(base) == TYPTYPE_COMPOSITE;
	}
	column->cast = NULL;
	column->by_text = false;

	if (rowset->arrays)
	{
		Oid			source = rowset->arrays[column->source].type;
		CaseTestExpr *value = makeNode(CaseTestExpr);
		Node	   *cast;
		bool		isvarlena;

		if (source == column->type && column->typmod < 0)
			return;
		value->typeId = source;
		value->typeMod = -1;
		value->collation = get_typcollation(source);
		/* an assignment may round; by way of text, a number that does not fit is an error */
		cast = coerce_to_target_type(NULL, (Node *) value, source, column->type, column->typmod,
									 column->exact ? COERCION_IMPLICIT : COERCION_ASSIGNMENT,
									 COERCE_IMPLICIT_CAST, -1);
		if (cast == (Node *) value)
			return;
		if (cast)
		{
			column->cast = ExecInitExpr(expression_planner((Expr *) cast), NULL);
			return;
		}
		if (column->exact && TypeCategory(source) == TYPCATEGORY_DATETIME)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" is of type %s but its values are of type %s", column->name,
							format_type_be(column->type), format_type_be(source)),
					 errhint("Cast the values: a key is not rounded.")));
		column->by_text = true;
		getTypeOutputInfo(source, &function, &isvarlena);
		fmgr_info(function, &column->output);
	}
}

/* A cell's value, in the current memory context; false when it is null. */
static inline bool
convert_cell(DataColumn *column, const Cell *cell, Datum *value)
{
	const char *text = NULL;

	if (cell->kind >= CELL_NUMBER && convert_plain(column, cell, value))
		return true;
	switch (cell->kind)
	{
		case CELL_ABSENT:
		case CELL_NULL:
			/* a domain may have something to say about nulls */
			*value = column->plain == PLAIN_NONE ? input_value(column, NULL) : (Datum) 0;
			return false;
		case CELL_FALSE:
			text = "false";
			break;
		case CELL_TRUE:
			text = "true";
			break;
		case CELL_NUMBER:
		case CELL_TEXT:
			text = cell->text;
			break;
		case CELL_STRING:
			text = cell->text;
			if (column->json)
			{
				StringInfoData quoted;

				initStringInfo(&quoted);
				escape_json(&quoted, text);
				text = quoted.data;
			}
			break;
		case CELL_JSON:
			text = cell->text;
			if (column->nested)
				text = json_to_literal(cell->text, cell->len, column->type);
			break;
	}
	*value = input_value(column, (char *) text);
	return true;
}

/* An array element's value, in the current memory context; false when null. */
static inline bool
convert_element(Decoder *decoder, DataColumn *column, int64 row, Datum *value)
{
	RowsetArray *array = &decoder->req->rowset->arrays[column->source];
	bool		isnull = array_isnull(array, row);

	if (column->cast)
	{
		decoder->econtext->caseValue_datum = isnull ? (Datum) 0 : array_value(array, row);
		decoder->econtext->caseValue_isNull = isnull;
		*value = ExecEvalExpr(column->cast, decoder->econtext, &isnull);
		return !isnull;
	}
	*value = isnull ? (Datum) 0 : array_value(array, row);
	if (column->by_text)
		*value = input_value(column, isnull ? NULL : OutputFunctionCall(&column->output, *value));
	return !isnull;
}

/* A value as error messages show it, shortened. */
static char *
shown_text(const char *text)
{
	int			len = strlen(text);

	if (len <= SHOWN_LENGTH)
		return psprintf("\"%s\"", text);
	len = pg_mbcliplen(text, len, SHOWN_LENGTH);
	return psprintf("\"%.*s...\"", len, text);
}

/* The value of a column in a row as error messages show it. */
static char *
shown_value(Rowset *rowset, DataColumn *column, int64 row, const Cell *cell)
{
	if (rowset->arrays)
	{
		RowsetArray *array = &rowset->arrays[column->source];
		Oid			function;
		bool		isvarlena;

		if (array_isnull(array, row))
			return "null";
		getTypeOutputInfo(array->type, &function, &isvarlena);
		return shown_text(OidOutputFunctionCall(function, array_value(array, row)));
	}
	switch (cell->kind)
	{
		case CELL_ABSENT:
			return "absent";
		case CELL_NULL:
			return "null";
		case CELL_FALSE:
			return "false";
		case CELL_TRUE:
			return "true";
		default:
			return shown_text(cell->text);
	}
}

/*
 * decode_rethrow
 *		Add to an error that a conversion raised which row, column and value it
 *		was.  Called in PG_CATCH; does not return.
 */
void
decode_rethrow(Decoder *decoder, MemoryContext caller)
{
	ErrorData  *edata;
	DataColumn *column = decoder->column >= 0 ? &decoder->req->columns[decoder->column] : NULL;
	int			category;
	char	   *place;

	MemoryContextSwitchTo(caller);
	edata = CopyErrorData();
	category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);
	/* only what is wrong with the data; after other errors no look-up is safe */
	if (column == NULL ||
		(category != ERRCODE_DATA_EXCEPTION && category != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION &&
		 category != ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION && category != ERRCODE_FEATURE_NOT_SUPPORTED &&
		 category != ERRCODE_PROGRAM_LIMIT_EXCEEDED && category != ERRCODE_PLPGSQL_ERROR))
		PG_RE_THROW();
	FlushErrorState();
	if (decoder->req->place)
		place = decoder->req->place(decoder->req->place_arg, decoder->row + 1, column->name);
	else
		place = psprintf("Row " INT64_FORMAT, decoder->row + 1);
	place = psprintf("%s, column \"%s\" of type %s, value %s.", place, column->name,
					 format_type_with_typemod(column->type, column->typmod),
					 shown_value(decoder->req->rowset, column, decoder->row, &decoder->cell));
	edata->detail = edata->detail ? psprintf("%s\n%s", place, edata->detail) : place;
	ReThrowError(edata);
}

/* ------------------------------------------------------------------------ */
/* One row																	*/
/* ------------------------------------------------------------------------ */

/* Decode the cursor's row of the JSON form, but for the columns of the key where they are known; returns the next row's start. */
static const char *
decode_cells(Decoder *decoder, DecodeCursor *cursor, const int *keyof)
{
	CellReader	reader;

	cells_begin(&reader, cursor->start);
	for (int i = 0; i < decoder->last; i++)
	{
		int			c = decoder->map[i];

		cells_next(&reader, &decoder->cell);
		if (c < 0)
			continue;
		cursor->absent[c] = decoder->cell.kind == CELL_ABSENT;
		if (keyof && keyof[c] >= 0)
			continue;			/* the caller has it */
		decoder->column = c;
		if (cursor->absent[c])
			cursor->nulls[c] = true;
		else
			cursor->nulls[c] = !convert_cell(&decoder->req->columns[c], &decoder->cell, &cursor->values[c]);
	}
	decoder->column = -1;
	return cells_end(&reader);
}

/* The same for the typed form. */
static void
decode_elements(Decoder *decoder, DecodeCursor *cursor, const int *keyof)
{
	for (int c = 0; c < decoder->req->ncolumns; c++)
	{
		if (keyof && keyof[c] >= 0)
			continue;
		decoder->column = c;
		cursor->nulls[c] = !convert_element(decoder, &decoder->req->columns[c], cursor->row, &cursor->values[c]);
	}
	decoder->column = -1;
}

/* Decode the cursor's row; returns where the next one of the JSON form begins. */
static inline const char *
decode_row(Decoder *decoder, DecodeCursor *cursor, const int *keyof)
{
	MemoryContext old;
	const char *next = NULL;

	MemoryContextReset(cursor->context);
	old = MemoryContextSwitchTo(cursor->context);
	decoder->row = cursor->row;
	if (decoder->req->rowset->arrays)
		decode_elements(decoder, cursor, keyof);
	else
		next = decode_cells(decoder, cursor, keyof);
	MemoryContextSwitchTo(old);
	return next;
}

/* ------------------------------------------------------------------------ */
/* Keys																		*/
/* ------------------------------------------------------------------------ */

/* Set up the comparison of each key column. */
static void
prepare_sort(Decoder *decoder)
{
	DecodeRequest *req = decoder->req;

	decoder->ssup = palloc0_array(SortSupportData, req->nkeys);
	for (int k = 0; k < req->nkeys; k++)
	{
		DataColumn *column = &req->columns[req->keys[k]];
		TypeCacheEntry *entry = lookup_type_cache(column->type, TYPECACHE_LT_OPR);
		SortSupport ssup = &decoder->ssup[k];
		Oid			base = getBaseType(column->type);

		Assert(OidIsValid(entry->lt_opr));	/* the verb has looked */
		ssup->ssup_cxt = CurrentMemoryContext;
		ssup->ssup_collation = column->collation;
		if ((base == TEXTOID || base == VARCHAROID || base == BPCHAROID) &&
			get_collation_isdeterministic(column->collation))
			ssup->ssup_collation = C_COLLATION_OID;
		ssup->abbreviate = k == 0;
		PrepareSortSupportFromOrderingOp(entry->lt_opr, ssup);
	}
}

/* Compare two rows by their whole keys. */
static inline int
compare_keys(Decoder *decoder, uint32 a, uint32 b, int from)
{
	for (int k = from; k < decoder->req->nkeys; k++)
	{
		SortSupport ssup = &decoder->ssup[k];
		Datum		x = decoder->keyvalues[k][a];
		Datum		y = decoder->keyvalues[k][b];
		int			result;

		if (k == 0 && ssup->abbrev_converter)
			result = ApplySortAbbrevFullComparator(x, false, y, false, ssup);
		else
			result = ApplySortComparator(x, false, y, false, ssup);
		if (result != 0)
			return result;
	}
	return 0;
}

/* How two rows compare when their first key columns do not tell them apart. */
static int
compare_rest(Decoder *decoder, uint32 a, uint32 b, bool stable)
{
	int			result = compare_keys(decoder, a, b, decoder->ssup[0].abbrev_converter ? 0 : 1);

	/* rows with equal keys keep their input order */
	return result != 0 || !stable ? result : (a < b ? -1 : 1);
}

/* How two rows compare, by whatever comparison the type has. */
static int
compare_items(const SortItem *x, const SortItem *y, Decoder *decoder)
{
	int			result = ApplySortComparator(x->key, false, y->key, false, &decoder->ssup[0]);

	return result != 0 ? result : compare_rest(decoder, x->row, y->row, true);
}

/*
 * The server's sort, made for this comparison; and once more for the keys, many
 * of them abbreviated, that compare as plain integers, as tuplesort does.
 */
#define ST_SORT sort_items
#define ST_ELEMENT_TYPE SortItem
#define ST_COMPARE(a, b, decoder) compare_items(a, b, decoder)
#define ST_COMPARE_ARG_TYPE Decoder
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define COMPARE_AS(type, a, b, decoder) \
	((type) (a)->key < (type) (b)->key ? -1 : (type) (a)->key > (type) (b)->key ? 1 : \
	 compare_rest(decoder, (a)->row, (b)->row, true))

#define ST_SORT sort_unsigned_items
#define ST_ELEMENT_TYPE SortItem
#define ST_COMPARE(a, b, decoder) COMPARE_AS(Datum, a, b, decoder)
#define ST_COMPARE_ARG_TYPE Decoder
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_signed_items
#define ST_ELEMENT_TYPE SortItem
#define ST_COMPARE(a, b, decoder) COMPARE_AS(int64, a, b, decoder)
#define ST_COMPARE_ARG_TYPE Decoder
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Sort the items with the variant that fits their first key. */
static void
sort_by_key(Decoder *decoder, SortItem *items, int64 n)
{
	int			(*comparator) (Datum x, Datum y, SortSupport ssup) = decoder->ssup[0].comparator;

	if (comparator == ssup_datum_unsigned_cmp)
		sort_unsigned_items(items, n, decoder);
	else if (comparator == ssup_datum_int32_cmp || comparator == ssup_datum_signed_cmp)
		sort_signed_items(items, n, decoder);
	else
		sort_items(items, n, decoder);
}

/* qsort comparator: back to input order. */
static int
compare_rows(const void *a, const void *b)
{
	const SortItem *x = a;
	const SortItem *y = b;

	return x->row < y->row ? -1 : 1;
}

/* Whether a row has a null in its key. */
static inline bool
has_null_key(Decoder *decoder, int64 row)
{
	return decoder->keynull && decoder->keynull[row];
}

/* Keep the key values of the row at hand, which are in the row's context. */
static void
store_key(Decoder *decoder, int k, Datum value, bool isnull)
{
	DecodeRequest *req = decoder->req;
	DataColumn *column = &req->columns[req->keys[k]];

	if (isnull)
	{
		if (req->rule == KEY_UNIQUE && !req->keep_nulls)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("row " INT64_FORMAT " has a null in key column \"%s\"",
							decoder->row + 1, column->name),
					 errhint("A null matches no row: leave such rows out, or give them a key.")));
		if (decoder->keynull == NULL)
			decoder->keynull = MemoryContextAllocZero(decoder->keycxt, req->rowset->nrows);
		decoder->keynull[decoder->row] = true;
	}
	else if (!decoder->keybyval[k])
	{
		MemoryContext old = MemoryContextSwitchTo(decoder->keycxt);

		value = datumCopy(value, false, decoder->keylen[k]);
		MemoryContextSwitchTo(old);
	}
	if (decoder->direct)
		decoder->items[decoder->row].key = value;
	else
		decoder->keyvalues[k][decoder->row] = value;
}

/* A row without a key column is an error, whatever is done with the rows. */
static void
report_absent_key(Decoder *decoder, DataColumn *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("row " INT64_FORMAT " lacks key column \"%s\"", decoder->row + 1, column->name),
			 errhint("Every row needs all columns of the key.")));
}

/* Decode the key columns of all rows. */
static void
decode_keys(Decoder *decoder)
{
	DecodeRequest *req = decoder->req;
	Rowset	   *rowset = req->rowset;
	const char *next = rowset->cells;
	int			last = 0;

	for (int k = 0; k < req->nkeys; k++)
		last = Max(last, req->columns[req->keys[k]].source + 1);

	for (decoder->row = 0; decoder->row < rowset->nrows; decoder->row++)
	{
		MemoryContext old = MemoryContextSwitchTo(decoder->rowcxt);
		Datum		value = 0;
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		if (rowset->arrays)
		{
			for (int k = 0; k < req->nkeys; k++)
			{
				decoder->column = req->keys[k];
				isnull = !convert_element(decoder, &req->columns[req->keys[k]], decoder->row, &value);
				decoder->column = -1;
				store_key(decoder, k, value, isnull);
			}
		}
		else
		{
			CellReader	reader;

			decoder->items[decoder->row].start = next - rowset->cells;
			cells_begin(&reader, next);
			for (int i = 0; i < last; i++)
			{
				int			c = decoder->map[i];

				cells_next(&reader, &decoder->cell);
				if (c < 0 || decoder->keyof[c] < 0)
					continue;
				if (decoder->cell.kind == CELL_ABSENT)
					report_absent_key(decoder, &req->columns[c]);
				decoder->column = c;
				isnull = !convert_cell(&req->columns[c], &decoder->cell, &value);
				decoder->column = -1;
				store_key(decoder, decoder->keyof[c], value, isnull);
			}
			next = cells_end(&reader);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(decoder->rowcxt);
	}
}

/* Two rows with one key: say which. */
static void
report_duplicate(Decoder *decoder, uint32 a, uint32 b)
{
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg("rows %u and %u have the same key", Min(a, b) + 1, Max(a, b) + 1),
			 errdetail_internal("%s", describe_key(decoder->req, (int64) a + 1)),
			 errhint("Give each key once: which of the two rows should win is not defined.")));
}

/*
 * The rows that have nulls in their keys and are kept all the same, in input
 * order; called before the others are moved to their places.
 */
static SortItem *
rows_with_nulls(Decoder *decoder, int64 *count)
{
	DecodeRequest *req = decoder->req;
	SortItem   *found;
	int64		n = 0;

	*count = 0;
	if (!req->keep_nulls || decoder->keynull == NULL)
		return NULL;
	for (int64 r = 0; r < req->rowset->nrows; r++)
		*count += decoder->keynull[r] && !(req->done && req->done[r]);
	found = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(SortItem) * Max(*count, 1));
	for (int64 r = 0; n < *count; r++)
		if (decoder->keynull[r] && !(req->done && req->done[r]))
		{
			found[n] = decoder->items[r];
			found[n++].row = r;
		}
	return found;
}

/* Put the rows in the order of their keys and deal with equal ones. */
static void
sort_rows(Decoder *decoder)
{
	DecodeRequest *req = decoder->req;
	SortSupport ssup = &decoder->ssup[0];
	SortItem   *items = decoder->items;
	bool		sorted = true;
	int64		n = 0;
	int64		repeated = 0;	/* rows whose first key is that of the one before */
	int64		nnulls;
	SortItem   *nulls = rows_with_nulls(decoder, &nnulls);

	for (int64 r = 0; r < req->rowset->nrows; r++)
	{
		if (req->done && req->done[r])
			continue;
		if (has_null_key(decoder, r))
			continue;			/* it matches nothing */
		items[n].key = decoder->direct ? items[r].key : decoder->keyvalues[0][r];
		if (ssup->abbrev_converter)
			items[n].key = ssup->abbrev_converter(items[n].key, ssup);
		items[n].start = items[r].start;
		items[n++].row = r;
	}

	for (int64 i = 1; i < n && sorted; i++)
		sorted = compare_items(&items[i - 1], &items[i], decoder) < 0;
	if (!sorted)
		sort_by_key(decoder, items, n);

	decoder->nitems = Min(n, 1);
	for (int64 i = 1; i < n; i++)
	{
		if (ApplySortComparator(items[i - 1].key, false, items[i].key, false, ssup) == 0)
		{
			if (compare_rest(decoder, items[i - 1].row, items[i].row, false) == 0)
			{
				if (req->rule == KEY_UNIQUE)
					report_duplicate(decoder, items[i - 1].row, items[i].row);
				if (req->same)
					req->same[items[i].row] = items[decoder->nitems - 1].row + 1;
				continue;
			}
			repeated++;
		}
		items[decoder->nitems++] = items[i];
	}
	req->distinct = repeated <= decoder->nitems / 8;

	/* rows with nulls come last: they are no matter of order */
	for (int64 i = 0; i < nnulls; i++)
		items[decoder->nitems++] = nulls[i];
	if (req->input_order)
		qsort(items, decoder->nitems, sizeof(SortItem), compare_rows);
}

/* Make room for the keys and find the order of the rows. */
static void
order_by_key(Decoder *decoder)
{
	DecodeRequest *req = decoder->req;
	int64		nrows = req->rowset->nrows;

	decoder->keycxt = CurrentMemoryContext;
	decoder->keyof = palloc_array(int, req->ncolumns);
	for (int c = 0; c < req->ncolumns; c++)
		decoder->keyof[c] = -1;
	decoder->keyvalues = palloc_array(Datum *, req->nkeys);
	decoder->keybyval = palloc_array(bool, req->nkeys);
	decoder->keylen = palloc_array(int16, req->nkeys);
	for (int k = 0; k < req->nkeys; k++)
	{
		decoder->keyof[req->keys[k]] = k;
		get_typlenbyval(req->columns[req->keys[k]].type, &decoder->keylen[k], &decoder->keybyval[k]);
		if (!decoder->keybyval[k] && decoder->keycxt == CurrentMemoryContext)
			decoder->keycxt = GenerationContextCreate(CurrentMemoryContext, "rowset keys",
													  ALLOCSET_DEFAULT_SIZES);
	}
	prepare_sort(decoder);
	decoder->items = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(SortItem) * Max(nrows, 1));
	decoder->direct = req->nkeys == 1 && decoder->keybyval[0] && !decoder->ssup[0].abbrev_converter;
	for (int k = 0; k < req->nkeys && !decoder->direct; k++)
		decoder->keyvalues[k] = MemoryContextAllocHuge(CurrentMemoryContext,
													   sizeof(Datum) * Max(nrows, 1));
	decode_keys(decoder);
	sort_rows(decoder);
}

/* ------------------------------------------------------------------------ */
/* All rows																	*/
/* ------------------------------------------------------------------------ */

/*
 * Fetch the memory of rows to come, which are read out of order: of an array, where
 * a value is, and half as far ahead the value itself.
 */
static inline void
prefetch_elements(Decoder *decoder, int64 i)
{
	DecodeRequest *req = decoder->req;
	int64		soon = i + PREFETCH_ROWS;
	int64		later = soon + PREFETCH_ROWS;

	for (int c = 0; c < req->ncolumns; c++)
	{
		const RowsetArray *array = &req->rowset->arrays[req->columns[c].source];

		if (decoder->keyof[c] >= 0)
			continue;
		if (later < decoder->nitems)
			prefetch_memory(array_place(array, decoder->items[later].row));
		if (soon < decoder->nitems && array->values)
			prefetch_memory(DatumGetPointer(array->values[decoder->items[soon].row]));
	}
}

/* The next row in the order of the key. */
static bool
next_ordered(Decoder *decoder, DecodeCursor *cursor)
{
	DecodeRequest *req = decoder->req;
	int64		i = cursor->next++;
	int64		row;
	bool		known;

	if (i >= decoder->nitems)
		return false;
	row = decoder->items[i].row;
	known = !has_null_key(decoder, row);
	cursor->row = row;
	if (req->rowset->cells)
	{
		/* rows are read out of order: fetch their memory ahead of need */
		if (i + PREFETCH_ROWS < decoder->nitems)
			prefetch_memory(req->rowset->cells + decoder->items[i + PREFETCH_ROWS].start);
		cursor->start = req->rowset->cells + decoder->items[i].start;
	}
	else
		prefetch_elements(decoder, i);
	(void) decode_row(decoder, cursor, known ? decoder->keyof : NULL);
	for (int k = 0; known && k < req->nkeys; k++)
	{
		cursor->values[req->keys[k]] = decoder->direct ? decoder->items[i].key : decoder->keyvalues[k][row];
		cursor->nulls[req->keys[k]] = false;
	}
	return true;
}

/* The next row in input order. */
static bool
next_in_input_order(Decoder *decoder, DecodeCursor *cursor)
{
	DecodeRequest *req = decoder->req;

	while (cursor->next < req->rowset->nrows)
	{
		cursor->row = cursor->next++;
		cursor->start = cursor->cells;
		cursor->cells = decode_row(decoder, cursor, NULL);
		for (int k = 0; k < req->nkeys; k++)
			if (cursor->absent[req->keys[k]])
				report_absent_key(decoder, &req->columns[req->keys[k]]);
		if (req->done == NULL || !req->done[cursor->row])
			return true;
	}
	return false;
}

/*
 * decode_next
 *		Decode the cursor's next row; false after the last one.
 */
bool
decode_next(Decoder *decoder, DecodeCursor *cursor)
{
	return decoder->items ? next_ordered(decoder, cursor) : next_in_input_order(decoder, cursor);
}

/*
 * decode_again
 *		Decode the row that another cursor was at: row and start are from there.
 */
void
decode_again(Decoder *decoder, DecodeCursor *cursor, int64 row, const char *start)
{
	cursor->row = row;
	cursor->start = start;
	(void) decode_row(decoder, cursor, NULL);
}

/*
 * decode_rewind
 *		Put the cursor before the first row.
 */
void
decode_rewind(Decoder *decoder, DecodeCursor *cursor)
{
	cursor->next = 0;
	cursor->cells = decoder->req->rowset->cells;
}

/*
 * decode_cursor
 *		Make a cursor whose rows are decoded into these arrays, one place for each
 *		of the request's columns.  What it gives lives until it moves on.
 */
void
decode_cursor(Decoder *decoder, DecodeCursor *cursor, Datum *values, bool *nulls)
{
	cursor->context = AllocSetContextCreate(CurrentMemoryContext, "rowset row", ALLOCSET_DEFAULT_SIZES);
	cursor->values = values;
	cursor->nulls = nulls;
	cursor->absent = palloc0_array(bool, Max(decoder->req->ncolumns, 1));
	decode_rewind(decoder, cursor);
}

/* Look the columns up, and convert and order the keys where that is asked for. */
static void
prepare_decoder(Decoder *decoder)
{
	DecodeRequest *request = decoder->req;

	decoder->rowcxt = AllocSetContextCreate(decoder->context, "rowset key", ALLOCSET_DEFAULT_SIZES);
	decoder->map = palloc_array(int, Max(request->rowset->ncols, 1));
	for (int i = 0; i < request->rowset->ncols; i++)
		decoder->map[i] = -1;
	for (int c = 0; c < request->ncolumns; c++)
	{
		decoder->map[request->columns[c].source] = c;
		decoder->last = Max(decoder->last, request->columns[c].source + 1);
		prepare_column(request->rowset, &request->columns[c]);
		if (request->columns[c].cast && decoder->econtext == NULL)
			decoder->econtext = CreateStandaloneExprContext();
	}
	/* a guess, unless the rows are looked at */
	request->distinct = request->nkeys > 0;
	if (request->nkeys > 0 && request->rule != KEY_ANY)
		order_by_key(decoder);
}

/*
 * decode_begin
 *		Start decoding: the keys are converted, put in order and compared here,
 *		the rows as cursors come to them.  The request must live as long.
 *
 * Errors about a value carry its row, column and text.
 */
Decoder *
decode_begin(DecodeRequest *request)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "rowset decoder", ALLOCSET_DEFAULT_SIZES);
	Decoder    *decoder = MemoryContextAllocZero(work, sizeof(Decoder));

	decoder->req = request;
	decoder->context = work;
	decoder->column = -1;
	MemoryContextSwitchTo(work);
	PG_TRY();
	{
		prepare_decoder(decoder);
	}
	PG_CATCH();
	{
		decode_rethrow(decoder, caller);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	return decoder;
}

/*
 * decode_count
 *		How many rows there will be.
 */
int64
decode_count(Decoder *decoder)
{
	DecodeRequest *req = decoder->req;
	int64		count = req->rowset->nrows;

	if (decoder->items)
		return decoder->nitems;
	for (int64 r = 0; req->done && r < req->rowset->nrows; r++)
		count -= req->done[r] != 0;
	return count;
}

/*
 * decode_is_ordered
 *		Do the rows come in the order of the key, not in input order?
 */
bool
decode_is_ordered(Decoder *decoder)
{
	return decoder->items != NULL && !decoder->req->input_order;
}

/*
 * decode_is_converting
 *		Was a value being converted when an error was raised?
 */
bool
decode_is_converting(Decoder *decoder)
{
	return decoder->column >= 0;
}

/*
 * decode_end
 *		Free all that the decoder has.
 */
void
decode_end(Decoder *decoder)
{
	if (decoder->econtext)
		FreeExprContext(decoder->econtext, true);
	MemoryContextDelete(decoder->context);
}

/*
 * decode_rows
 *		Decode all rows and give each to the sink; returns how many there were.
 *
 * The sink is called in a memory context that is reset for each row.
 */
int64
decode_rows(DecodeRequest *request, RowSink sink, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	Decoder    *decoder = decode_begin(request);
	DecodeCursor cursor;
	int64		volatile sent = 0;

	MemoryContextSwitchTo(decoder->context);
	decode_cursor(decoder, &cursor, palloc0_array(Datum, Max(request->ncolumns, 1)),
				  palloc0_array(bool, Max(request->ncolumns, 1)));
	MemoryContextSwitchTo(cursor.context);
	PG_TRY();
	{
		for (; decode_next(decoder, &cursor); sent++)
		{
			CHECK_FOR_INTERRUPTS();
			sink(arg, cursor.row + 1, cursor.values, cursor.nulls, cursor.absent);
		}
	}
	PG_CATCH();
	{
		decode_rethrow(decoder, caller);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	decode_end(decoder);
	return sent;
}

/*
 * describe_key
 *		The key of an input row (counted from 1) as "Row 3: (a, b)=("1", "x").",
 *		for error details.
 */
char *
describe_key(DecodeRequest *request, int64 ordinal)
{
	Rowset	   *rowset = request->rowset;
	StringInfoData names;
	StringInfoData values;
	const char *start = rowset->cells;

	initStringInfo(&names);
	initStringInfo(&values);
	if (start)
		for (int64 r = 1; r < ordinal; r++)
		{
			CellReader	reader;

			cells_begin(&reader, start);
			start = cells_end(&reader);
		}
	for (int k = 0; k < request->nkeys; k++)
	{
		DataColumn *column = &request->columns[request->keys[k]];
		Cell		cell = {CELL_ABSENT, NULL, 0};

		if (start)
		{
			CellReader	reader;

			cells_begin(&reader, start);
			for (int i = 0; i <= column->source; i++)
				cells_next(&reader, &cell);
		}
		appendStringInfo(&names, "%s%s", k > 0 ? ", " : "", column->name);
		appendStringInfo(&values, "%s%s", k > 0 ? ", " : "",
						 shown_value(rowset, column, ordinal - 1, &cell));
	}
	return psprintf("Row " INT64_FORMAT ": (%s)=(%s).", ordinal, names.data, values.data);
}
