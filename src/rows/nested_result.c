/*
 * nested_result.c
 *	  Nested documents as they are handed back: with all columns of the rows.
 *
 * An object's names are put in the order that jsonb has them in, the columns
 * once for each table, so that nothing is left to be sorted for a row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"

#include "catalog.h"
#include "compat.h"
#include "rows/nested.h"

/* How values of a column become JSON. */
typedef enum OutKind
{
	OUT_INT2,
	OUT_INT4,
	OUT_INT8,
	OUT_NUMERIC,
	OUT_BOOL,
	OUT_TEXT,
	OUT_OTHER					/* by to_jsonb */
} OutKind;

typedef struct OutColumn
{
	const char *name;
	int			len;
	AttrNumber	attnum;
	AttrNumber	position;		/* in what came back */
	OutKind		kind;
	FmgrInfo	to_jsonb;
} OutColumn;

/* A table's columns, in the order that jsonb has names in. */
typedef struct NestedOut
{
	OutColumn  *columns;
	int			ncolumns;
} NestedOut;

static const char *const status_names[] = {
	[STATUS_NONE] = "missing",
	[STATUS_INSERTED] = "inserted",
	[STATUS_UPDATED] = "updated",
	[STATUS_UNCHANGED] = "unchanged",
	[STATUS_EXISTING] = "existing",
	[STATUS_MISSING] = "missing",
};

/* How jsonb orders names: shorter ones first. */
static int
compare_names(const char *a, int alen, const char *b, int blen)
{
	if (alen != blen)
		return alen < blen ? -1 : 1;
	return memcmp(a, b, alen);
}

/* qsort comparator */
static int
compare_columns(const void *a, const void *b)
{
	const OutColumn *x = a;
	const OutColumn *y = b;

	return compare_names(x->name, x->len, y->name, y->len);
}

/* Move a pair among those before it, which are in order, to its place. */
static void
settle_pair(JsonbPair *pairs, int n)
{
	JsonbPair	pair = pairs[n];
	JsonbValue *key = &pair.key;

	for (; n > 0 && compare_names(pairs[n - 1].key.val.string.val, pairs[n - 1].key.val.string.len,
								  key->val.string.val, key->val.string.len) > 0; n--)
		pairs[n] = pairs[n - 1];
	pairs[n] = pair;
}

/* How values of a type become JSON. */
static OutKind
out_kind(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return OUT_INT2;
		case INT4OID:
			return OUT_INT4;
		case INT8OID:
			return OUT_INT8;
		case NUMERICOID:
			return OUT_NUMERIC;
		case BOOLOID:
			return OUT_BOOL;
		case TEXTOID:
		case VARCHAROID:
			return OUT_TEXT;
		default:
			return OUT_OTHER;
	}
}

/* Describe how the table's rows become JSON. */
static NestedOut *
describe_out(NestedTable *table)
{
	TupleDesc	desc = RelationGetDescr(table->rel);
	NestedOut  *out = palloc0(sizeof(NestedOut));

	out->columns = palloc0_array(OutColumn, desc->natts + 1);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		OutColumn  *column = &out->columns[out->ncolumns];

		if (att->attisdropped)
			continue;
		column->name = pstrdup(NameStr(att->attname));
		column->len = strlen(column->name);
		column->attnum = i + 1;
		column->position = table->position[i];
		column->kind = out_kind(att->atttypid);
		if (column->kind == OUT_OTHER)
		{
			Node	   *value = (Node *) makeNullConst(att->atttypid, -1, InvalidOid);

			fmgr_info(F_TO_JSONB, &column->to_jsonb);
			fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(value), InvalidOid,
													 InvalidOid, COERCE_EXPLICIT_CALL),
							   &column->to_jsonb);
		}
		out->ncolumns++;
	}
	qsort(out->columns, out->ncolumns, sizeof(OutColumn), compare_columns);
	return out;
}

/* ------------------------------------------------------------------------ */
/* Values																	*/
/* ------------------------------------------------------------------------ */

static void
set_string(JsonbValue *value, const char *text, int len)
{
	value->type = jbvString;
	value->val.string.val = (char *) text;
	value->val.string.len = len;
}

/* Take a container apart, as far down as it goes: what is put into another one must be. */
static void
unpack(JsonbContainer *container, JsonbValue *value)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbValue	item;
	JsonbIteratorToken token;
	int			n = 0;

	check_stack_depth();
	token = JsonbIteratorNext(&it, value, true);
	if (token == WJB_BEGIN_ARRAY)
	{
		value->val.array.elems = palloc_array(JsonbValue, value->val.array.nElems + 1);
		while (JsonbIteratorNext(&it, &item, true) == WJB_ELEM)
		{
			if (item.type == jbvBinary)
				unpack(item.val.binary.data, &value->val.array.elems[n++]);
			else
				value->val.array.elems[n++] = item;
		}
		if (value->val.array.rawScalar)
			*value = value->val.array.elems[0];
		return;
	}
	value->val.object.pairs = palloc_array(JsonbPair, value->val.object.nPairs + 1);
	while (JsonbIteratorNext(&it, &item, true) == WJB_KEY)
	{
		JsonbPair  *pair = &value->val.object.pairs[n];

		pair->key = item;
		pair->order = n++;
		(void) JsonbIteratorNext(&it, &item, true);
		if (item.type == jbvBinary)
			unpack(item.val.binary.data, &pair->value);
		else
			pair->value = item;
	}
}

/* A column's value as JSON, in the current memory context. */
static void
value_of_column(OutColumn *column, Datum datum, bool isnull, JsonbValue *value)
{
	if (isnull)
	{
		value->type = jbvNull;
		return;
	}
	value->type = jbvNumeric;
	switch (column->kind)
	{
		case OUT_INT2:
			value->val.numeric = int64_to_numeric(DatumGetInt16(datum));
			break;
		case OUT_INT4:
			value->val.numeric = int64_to_numeric(DatumGetInt32(datum));
			break;
		case OUT_INT8:
			value->val.numeric = int64_to_numeric(DatumGetInt64(datum));
			break;
		case OUT_NUMERIC:
			value->val.numeric = DatumGetNumeric(datum);
			/* no JSON numbers */
			if (numeric_is_nan(value->val.numeric) || numeric_is_inf(value->val.numeric))
			{
				char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, datum));

				set_string(value, text, strlen(text));
			}
			break;
		case OUT_BOOL:
			value->type = jbvBool;
			value->val.boolean = DatumGetBool(datum);
			break;
		case OUT_TEXT:
			{
				text	   *t = DatumGetTextPP(datum);

				set_string(value, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
				break;
			}
		case OUT_OTHER:
			unpack(&DatumGetJsonbP(FunctionCall1(&column->to_jsonb, datum))->root, value);
			break;
	}
}

/* ------------------------------------------------------------------------ */
/* Objects																	*/
/* ------------------------------------------------------------------------ */

static void value_of_row(Nested *nested, NestedRow *row, bool tell_status, JsonbValue *value);

/* What stands under a relation's name. */
static void
value_of_part(Nested *nested, NestedPart *part, bool tell_status, JsonbValue *value)
{
	int			n = 0;

	if (part->is_null)
	{
		value->type = jbvNull;
		return;
	}
	if (part->field->single)
	{
		value_of_row(nested, part->first, tell_status, value);
		return;
	}
	for (NestedRow *row = part->first; row; row = row->sibling)
		n++;
	value->type = jbvArray;
	value->val.array.rawScalar = false;
	value->val.array.nElems = n;
	value->val.array.elems = palloc_array(JsonbValue, n + 1);
	n = 0;
	for (NestedRow *row = part->first; row; row = row->sibling)
		value_of_row(nested, row, tell_status, &value->val.array.elems[n++]);
}

/* Add a name that is no column; returns its pair. */
static JsonbPair *
add_name(JsonbValue *object, const char *name, int len)
{
	JsonbPair  *pair;

	/* a parent may stand in the place of its column */
	for (int i = 0; i < object->val.object.nPairs; i++)
	{
		pair = &object->val.object.pairs[i];
		if (compare_names(pair->key.val.string.val, pair->key.val.string.len, name, len) == 0)
			return pair;
	}
	pair = &object->val.object.pairs[object->val.object.nPairs];
	set_string(&pair->key, name, len);
	pair->order = object->val.object.nPairs++;
	return pair;
}

/* Add the columns of a row that is there; of one that stands for another, those of the key alone. */
static void
add_columns(NestedRow *row, ForeignKey *only, JsonbValue *object)
{
	NestedTable *table = row->table;

	slot_getallattrs(nested_slot(row));
	for (int c = 0; c < table->out->ncolumns; c++)
	{
		OutColumn  *column = &table->out->columns[c];
		JsonbPair  *pair = &object->val.object.pairs[object->val.object.nPairs];
		bool		wanted = only == NULL;

		for (int i = 0; !wanted && i < only->ncolumns; i++)
			wanted = only->referred[i] == column->attnum;
		if (!wanted)
			continue;
		set_string(&pair->key, column->name, column->len);
		pair->order = object->val.object.nPairs++;
		value_of_column(column, table->slot->tts_values[column->position - 1],
						table->slot->tts_isnull[column->position - 1], &pair->value);
	}
}

/* The key by which others refer to a row in its place. */
static ForeignKey *
key_of_place(NestedRow *row)
{
	if (row->field->kind == FIELD_LINKED)
		return row->field->far;
	return row->field->kind == FIELD_PARENT ? row->field->key : NULL;
}

/* A row as a JSON object, null where a trigger suppressed it. */
static void
value_of_row(Nested *nested, NestedRow *row, bool tell_status, JsonbValue *value)
{
	NestedRow  *real = nested_row_of(row);
	NestedTable *table = row->table;
	int			extras = 2;
	int			ncolumns;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (row->tell_status >= 0)
		tell_status = row->tell_status;
	else
		tell_status |= table->tell_status;
	if (real->tuple == NULL)
	{
		value->type = jbvNull;
		return;
	}
	if (table->out == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(nested->context);

		table->out = describe_out(table);
		MemoryContextSwitchTo(old);
	}
	for (NestedPart *part = row->parts; part; part = part->next)
		extras++;
	value->type = jbvObject;
	value->val.object.nPairs = 0;
	value->val.object.pairs = palloc_array(JsonbPair, table->out->ncolumns + extras);
	add_columns(real, row->ref ? key_of_place(row) : NULL, value);
	ncolumns = value->val.object.nPairs;
	if (row->ref)
		set_string(&add_name(value, "#ref", 4)->value, row->ref, strlen(row->ref));
	if (row->id)
		set_string(&add_name(value, "#id", 3)->value, row->id, strlen(row->id));
	if (tell_status && !row->ref)
	{
		const char *status = status_names[row->status];

		set_string(&add_name(value, "_status", 7)->value, status, strlen(status));
	}
	for (NestedPart *part = row->parts; part; part = part->next)
		value_of_part(nested, part, tell_status,
					  &add_name(value, part->field->name, part->field->len)->value);
	for (int i = ncolumns; i < value->val.object.nPairs; i++)
		settle_pair(value->val.object.pairs, i);
}

/*
 * nested_result
 *		A document as it is handed back, in the current memory context.
 */
Jsonb *
nested_result(Nested *nested, NestedRow *row)
{
	JsonbValue	value;

	value_of_row(nested, row, false, &value);
	return JsonbValueToJsonb(&value);
}

/* ------------------------------------------------------------------------ */
/* Generated columns														*/
/* ------------------------------------------------------------------------ */

/* The server computed another value for a generated column than the document has or implies. */
static void
report_generated(NestedRow *row, AttrNumber attnum, const char *given, const char *found)
{
	NestedTable *table = row->table;

	ereport(ERROR,
			(errcode(ERRCODE_GENERATED_ALWAYS),
			 errmsg("column \"%s\" of \"%s\" is a generated column", get_attname(table->relid, attnum, false),
					RelationGetRelationName(table->rel)),
			 errdetail("At %s: %s, but the server computed %s.",
					   nested_path(row, get_attname(table->relid, attnum, false)),
					   given ? psprintf("\"%s\"", given) : "null", found ? psprintf("\"%s\"", found) : "null"),
			 nested_value(row, attnum) ? errhint("Leave it out of the document.") :
			 errhint("It is that of the row that it is nested in or linked to.")));
}

/* See that a foreign key with generated columns refers to the row that it is to refer to. */
static void
check_generated_link(NestedRow *row, NestedLink *link)
{
	NestedRow  *to = nested_row_of(link->to);

	for (int i = 0; i < link->key->ncolumns && to->tuple; i++)
	{
		AttrNumber	attnum = link->key->columns[i];
		char	   *given;
		char	   *found;

		if (!TupleDescAttr(RelationGetDescr(row->table->rel), attnum - 1)->attgenerated)
			continue;
		given = nested_column_text(to, link->key->referred[i]);
		found = nested_column_text(row, attnum);
		if (found == NULL || given == NULL || strcmp(given, found) != 0)
			report_generated(row, attnum, given, found);
	}
}

/*
 * nested_check_generated
 *		See that the values that a document has for generated columns, or that
 *		its nesting gives them, are those that the server computed.
 */
void
nested_check_generated(Nested *nested, NestedRow *row)
{
	NestedTable *table = row->table;

	if (row->tuple == NULL || !(RelationGetDescr(table->rel)->constr &&
								(RelationGetDescr(table->rel)->constr->has_generated_stored ||
								 COMPAT_HAS_GENERATED_VIRTUAL(RelationGetDescr(table->rel)))))
		return;
	for (NestedValue *value = row->values; value; value = value->next)
	{
		Cell		cell;
		char	   *given;
		char	   *found;

		if (!TupleDescAttr(RelationGetDescr(table->rel), value->attnum - 1)->attgenerated)
			continue;
		nested_cell(value, &cell);
		given = value->kind == CELL_NULL ? NULL : nested_canonical(table, value->attnum, &cell);
		found = nested_column_text(row, value->attnum);
		if ((given == NULL) != (found == NULL) || (given && strcmp(given, found) != 0))
			report_generated(row, value->attnum, given, found);
	}
	for (NestedLink *link = row->links; link; link = link->next)
		if (!link->named && link->cut != CUT_LATER)
			check_generated_link(row, link);
}
