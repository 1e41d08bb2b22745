/*
 * nested_read.c
 *	  Nested documents, walked once: rows of tables, and links between them.
 *
 * What a row's values are is left in the document, where the values of the rows
 * point to; they are converted when the row is written.  Objects of one table
 * mostly have the same names in the same order, so each name is first compared
 * with what the table's last row had there.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "catalog.h"
#include "compat.h"
#include "rows/nested.h"

/* A row that documents may refer to. */
typedef struct IdEntry
{
	char	   *id;				/* the hash table's key; must be first */
	NestedRow  *row;
} IdEntry;

/* Where a name is, for errors about it. */
typedef struct NamePlace
{
	NestedRow  *row;
	const char *name;
	int			len;
} NamePlace;

/* ------------------------------------------------------------------------ */
/* Paths																	*/
/* ------------------------------------------------------------------------ */

/* Append a step into an object, quoted where it could be taken for something else. */
static void
append_step(StringInfo out, const char *name)
{
	bool		plain = *name != '\0' && !(*name >= '0' && *name <= '9');

	for (const char *s = name; *s && plain; s++)
		plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
			*s == '_' || *s == '#' || IS_HIGHBIT_SET(*s);
	appendStringInfoChar(out, '.');
	if (plain)
		appendStringInfoString(out, name);
	else
		escape_json(out, name);
}

/* Append where a row is. */
static void
append_path(StringInfo out, NestedRow *row)
{
	check_stack_depth();
	if (row->outer)
	{
		append_path(out, row->outer);
		append_step(out, row->field->name);
	}
	else
		appendStringInfoChar(out, '$');
	if (row->index >= 0)
		appendStringInfo(out, "[%d]", row->index);
}

/*
 * nested_path
 *		Where a row, or its value of that name, is in the documents.
 */
const char *
nested_path(NestedRow *row, const char *name)
{
	StringInfoData out;

	initStringInfo(&out);
	append_path(&out, row);
	if (name)
		append_step(&out, name);
	return out.data;
}

/* For shape_field: "At $[0].books[1].titel." */
static const char *
name_place(void *arg)
{
	NamePlace  *place = arg;

	return psprintf("At %s.", nested_path(place->row, pnstrdup(place->name, place->len)));
}

/* ------------------------------------------------------------------------ */
/* Tables and rows															*/
/* ------------------------------------------------------------------------ */

/* Open the table, with the lock that writing to it will take anyway where the caller may write to it. */
static void
open_table(NestedTable *table)
{
	Verb		verb;

	memset(&verb, 0, sizeof(verb));
	if (verb_may(table->relid, ACL_INSERT | ACL_UPDATE))
		verb_open(&verb, table->relid, ACL_INSERT | ACL_UPDATE, RowExclusiveLock);
	else
		verb_open(&verb, table->relid, ACL_SELECT, AccessShareLock);
	table->rel = verb.rel;
	table->target = verb_target(&verb);
}

/*
 * nested_table
 *		The call's knowledge of a table, which is opened when it is new.
 */
NestedTable *
nested_table(Nested *nested, Oid relid)
{
	bool		found;
	NestedTable *table;

	if (nested->tables == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(NestedTable);
		ctl.hcxt = nested->context;
		nested->tables = hash_create("nested tables", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	table = hash_search(nested->tables, &relid, HASH_ENTER, &found);
	if (found)
		return table;
	memset((char *) table + sizeof(Oid), 0, sizeof(NestedTable) - sizeof(Oid));
	open_table(table);
	table->shape = shape_of(table->rel);
	table->primary = primary_key_columns(table->rel);
	table->plain = nested_way(table, NESTED_INSERT, NIL, false);
	table->default_way = table->plain;
	table->maxrows = 16;
	table->rows = palloc_array(NestedRow *, table->maxrows);
	table->maxexpected = 16;
	table->expected = palloc0_array(ShapeField *, table->maxexpected);
	nested->order = lappend(nested->order, table);
	nested_read_defaults(nested, table);
	return table;
}

/*
 * nested_new_row
 *		A row at a place in the documents, which is not yet one to be written.
 */
NestedRow *
nested_new_row(Nested *nested, NestedTable *table, NestedRow *outer, ShapeField *field, int index)
{
	NestedRow  *row = palloc0(sizeof(NestedRow));

	row->table = table;
	row->outer = outer;
	row->field = field;
	row->index = index;
	row->tell_status = -1;
	return row;
}

/* The row is to be written. */
static void
keep_row(NestedRow *row)
{
	NestedTable *table = row->table;

	if (table->nrows == table->maxrows)
	{
		table->maxrows *= 2;
		table->rows = repalloc_huge(table->rows, sizeof(NestedRow *) * table->maxrows);
	}
	table->rows[table->nrows++] = row;
}

/*
 * nested_row_of
 *		The row that is written for this one: another one where it refers to
 *		that, or was found to be the same.
 */
NestedRow *
nested_row_of(NestedRow *row)
{
	while (row->same)
		row = row->same;
	return row;
}

/*
 * nested_link
 *		Let a row's foreign key refer to another row.
 */
NestedLink *
nested_link(Nested *nested, NestedRow *from, ForeignKey *key, NestedRow *to)
{
	NestedLink *link = palloc0(sizeof(NestedLink));

	link->key = key;
	link->from = from;
	link->to = to;
	link->next = from->links;
	from->links = link;
	return link;
}

/* ------------------------------------------------------------------------ */
/* Values																	*/
/* ------------------------------------------------------------------------ */

/* Keep a column's value, by pointers into the document. */
static void
add_value(NestedRow *row, AttrNumber attnum, JsonbValue *value)
{
	NestedValue *result = palloc(sizeof(NestedValue));

	result->attnum = attnum;
	result->raw = false;
	result->len = 0;
	result->text = NULL;
	switch (value->type)
	{
		case jbvNull:
			result->kind = CELL_NULL;
			break;
		case jbvBool:
			result->kind = value->val.boolean ? CELL_TRUE : CELL_FALSE;
			break;
		case jbvNumeric:
			result->kind = CELL_NUMBER;
			result->raw = true;
			result->text = (const char *) value->val.numeric;
			break;
		case jbvString:
			result->kind = CELL_STRING;
			result->len = value->val.string.len;
			result->text = value->val.string.val;
			break;
		default:
			result->kind = CELL_JSON;
			result->raw = true;
			result->len = value->val.binary.len;
			result->text = (const char *) value->val.binary.data;
			break;
	}
	result->next = row->values;
	row->values = result;
}

/* An error about what a name holds. */
static void
report_wrong_value(NestedRow *row, ShapeField *field, const char *wanted, JsonbValue *value)
{
	const char *what = value->type == jbvNull ? "null" : value->type == jbvString ? "a string" :
		value->type == jbvNumeric ? "a number" : value->type == jbvBool ? "a boolean" :
		JsonContainerIsArray(value->val.binary.data) ? "an array" : "an object";

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" must be %s, not %s", field->name, wanted, what),
			 errdetail("At %s.", nested_path(row, field->name))));
}

/* A label: a string or a number. */
static char *
read_label(NestedRow *row, ShapeField *field, JsonbValue *value)
{
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value->type != jbvNumeric)
		report_wrong_value(row, field, "a string or a number", value);
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
}

/* ------------------------------------------------------------------------ */
/* #id and #ref																*/
/* ------------------------------------------------------------------------ */

static uint32
hash_id(const void *key, Size size)
{
	const char *id = *(char *const *) key;

	return hash_bytes((const unsigned char *) id, strlen(id));
}

static int
compare_ids(const void *a, const void *b, Size size)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Let others refer to the row. */
static void
add_id(Nested *nested, NestedRow *row)
{
	IdEntry    *entry;
	bool		found;

	if (nested->ids == NULL)
	{
		HASHCTL		ctl = {0};

		ctl.keysize = sizeof(char *);
		ctl.entrysize = sizeof(IdEntry);
		ctl.hash = hash_id;
		ctl.match = compare_ids;
		ctl.hcxt = nested->context;
		nested->ids = hash_create("nested ids", 64, &ctl,
								  HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	}
	entry = hash_search(nested->ids, &row->id, HASH_ENTER, &found);
	if (found)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("\"#id\" \"%s\" is given twice", row->id),
				 errdetail("At %s and at %s.", nested_path(entry->row, "#id"), nested_path(row, "#id"))));
	entry->row = row;
}

/* What was linked to a row that stands for another belongs to that. */
static void
move_links(NestedRow *row, NestedRow *to)
{
	NestedLink *next;

	for (NestedLink *link = row->links; link; link = next)
	{
		next = link->next;
		link->from = to;
		link->next = to->links;
		to->links = link;
	}
	row->links = NULL;
}

/* Find the rows that others stand for, once all documents have been read. */
static void
resolve_refs(Nested *nested)
{
	ListCell   *lc;

	foreach(lc, nested->refs)
	{
		NestedRow  *row = lfirst(lc);
		IdEntry    *entry = nested->ids ? hash_search(nested->ids, &row->ref, HASH_FIND, NULL) : NULL;

		if (entry == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("no row has \"#id\" \"%s\"", row->ref),
					 errdetail("At %s.", nested_path(row, "#ref"))));
		if (entry->row->table != row->table)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("\"#ref\" \"%s\" is a row of \"%s\", not of \"%s\"", row->ref,
							RelationGetRelationName(entry->row->table->rel),
							RelationGetRelationName(row->table->rel)),
					 errdetail("At %s; its \"#id\" is at %s.", nested_path(row, "#ref"),
							   nested_path(entry->row, "#id"))));
		row->same = entry->row;
		move_links(row, entry->row);
	}
}

/* ------------------------------------------------------------------------ */
/* Objects																	*/
/* ------------------------------------------------------------------------ */

static NestedRow *read_object(Nested *nested, NestedTable *table, JsonbContainer *object,
							  NestedRow *outer, ShapeField *field, int index);

/* What a value looks like. */
static ValueShape
shape_of_value(JsonbValue *value)
{
	if (value->type != jbvBinary)
		return VALUE_SCALAR;
	return JsonContainerIsArray(value->val.binary.data) ? VALUE_ARRAY : VALUE_OBJECT;
}

/* What a name of the row means; n is its place in the object. */
static ShapeField *
field_of(NestedRow *row, JsonbValue *key, JsonbValue *value, int n)
{
	NestedTable *table = row->table;
	ValueShape	shape = shape_of_value(value);
	ShapeField *field;
	NamePlace	place;

	if (n < table->maxexpected && table->expected[n])
	{
		field = table->expected[n];
		if (field->len == key->val.string.len &&
			(field->value == shape || (field->value == VALUE_NULL && shape == VALUE_SCALAR)) &&
			memcmp(field->name, key->val.string.val, field->len) == 0)
			return field;
	}
	if (value->type == jbvNull)
		shape = VALUE_NULL;
	place.row = row;
	place.name = key->val.string.val;
	place.len = key->val.string.len;
	field = shape_field(table->shape, place.name, place.len, shape, name_place, &place);
	if (n < table->maxexpected)
		table->expected[n] = field;
	return field;
}

/* Remember a relation's place in the row, and link what it holds. */
static void
add_to_part(Nested *nested, NestedRow *row, NestedPart *part, NestedRow *member)
{
	ShapeField *field = part->field;

	if (part->last)
		part->last->sibling = member;
	else
		part->first = member;
	part->last = member;
	if (field->kind == FIELD_PARENT)
		(void) nested_link(nested, row, field->key, member);
	else if (field->kind == FIELD_CHILDREN)
		(void) nested_link(nested, member, field->key, row);
	else
	{
		/* a row of the link table, which has no place of its own in the documents */
		NestedTable *table = nested_table(nested, field->key->child);
		NestedRow  *between = nested_new_row(nested, table, row, field, member->index);

		between->way = table->default_way;
		(void) nested_link(nested, between, field->key, row);
		(void) nested_link(nested, between, field->far, member);
		keep_row(between);
	}
}

/* Read the objects of an array. */
static void
read_array(Nested *nested, NestedRow *row, NestedPart *part, JsonbContainer *array)
{
	JsonbIterator *it = JsonbIteratorInit(array);
	NestedTable *table = nested_table(nested, part->field->relid);
	JsonbValue	value;
	JsonbIteratorToken token;
	int			index = 0;

	(void) JsonbIteratorNext(&it, &value, true);
	while ((token = JsonbIteratorNext(&it, &value, true)) == WJB_ELEM)
	{
		if (shape_of_value(&value) != VALUE_OBJECT)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a document must be an object"),
					 errdetail("At %s[%d].", nested_path(row, part->field->name), index)));
		add_to_part(nested, row, part,
					read_object(nested, table, value.val.binary.data, row, part->field, index));
		index++;
	}
}

/* Read what stands under the name of a relation. */
static void
read_relation(Nested *nested, NestedRow *row, ShapeField *field, JsonbValue *value)
{
	NestedPart *part;

	for (part = row->parts; part; part = part->next)
		if (part->field->kind == field->kind && part->field->key->oid == field->key->oid)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" and \"%s\" are the same relation of \"%s\"", part->field->name, field->name,
							RelationGetRelationName(row->table->rel)),
					 errdetail("At %s.", nested_path(row, field->name))));
	part = palloc0(sizeof(NestedPart));
	part->field = field;
	part->is_null = value->type == jbvNull;
	if (row->last_part)
		row->last_part->next = part;
	else
		row->parts = part;
	row->last_part = part;
	if (part->is_null)
	{
		row->null_parent |= field->kind == FIELD_PARENT;
		return;
	}
	if (shape_of_value(value) != (field->single ? VALUE_OBJECT : VALUE_ARRAY))
		report_wrong_value(row, field, field->single ? "an object" : "an array of objects", value);
	if (field->single)
		add_to_part(nested, row, part,
					read_object(nested, nested_table(nested, field->relid), value->val.binary.data, row, field, -1));
	else
		read_array(nested, row, part, value->val.binary.data);
}

/* What the words of an object say. */
typedef struct Words
{
	JsonbValue	match;
	JsonbValue	connect;
	int			update;			/* -1: it is not said */
	bool		has_match;
	bool		has_connect;
} Words;

/* A word that is true or false. */
static bool
read_boolean(NestedRow *row, ShapeField *field, JsonbValue *value)
{
	if (value->type != jbvBool)
		report_wrong_value(row, field, "true or false", value);
	return value->val.boolean;
}

/* Take a word of the object in. */
static void
read_word(NestedRow *row, ShapeField *field, JsonbValue *value, Words *said)
{
	switch (field->word)
	{
		case WORD_ID:
			row->id = read_label(row, field, value);
			break;
		case WORD_REF:
			row->ref = read_label(row, field, value);
			break;
		case WORD_STATUS:
			row->tell_status = read_boolean(row, field, value);
			break;
		case WORD_UPDATE:
			said->update = read_boolean(row, field, value);
			break;
		case WORD_MATCH:
			said->match = *value;
			said->has_match = true;
			break;
		case WORD_CONNECT:
			if (shape_of_value(value) != VALUE_OBJECT)
				report_wrong_value(row, field, "an object with the columns of a key", value);
			said->connect = *value;
			said->has_connect = true;
			break;
	}
}

/* Words that do not go together, or with what else the object has. */
static void
check_words(NestedRow *row, Words *said, int nnames)
{
	const char *wrong = NULL;

	if (row->ref && nnames > 1)
		wrong = "\"#ref\" must be alone in its object";
	else if (said->has_connect && (said->has_match || said->update >= 0))
		wrong = "\"_connect\" excludes \"_match\" and \"_update\"";
	else if (said->has_connect && row->values)
		wrong = "an object with \"_connect\" cannot have values of its own";
	else if (said->update >= 0 && !said->has_match && row->table->default_way->mode != NESTED_MATCH)
		wrong = "\"_update\" needs \"_match\"";
	if (wrong)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", wrong),
				 errdetail("At %s.", nested_path(row, NULL))));
}

/* A connected row is not changed: it can have children, but be given no parent. */
static void
check_connected(NestedRow *row)
{
	for (NestedPart *part = row->parts; part; part = part->next)
		if (part->field->kind == FIELD_PARENT)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("an object with \"_connect\" cannot have values of its own"),
					 errdetail("At %s.", nested_path(row, part->field->name))));
}

/* Settle how the row is written, by what its words say. */
static void
choose_way(Nested *nested, NestedRow *row, Words *said)
{
	if (said->has_connect)
	{
		check_connected(row);
		nested_read_connect(nested, row, &said->connect);
	}
	else if (said->has_match)
		nested_read_match(nested, row, &said->match, said->update == 1);
	else
	{
		row->way = row->table->default_way;
		if (said->update >= 0)
			row->way = nested_way(row->table, NESTED_MATCH, row->way->key, said->update == 1);
	}
}

/* Read an object as a row of the table, and what is nested in it. */
static NestedRow *
read_object(Nested *nested, NestedTable *table, JsonbContainer *object,
			NestedRow *outer, ShapeField *field, int index)
{
	NestedRow  *row = nested_new_row(nested, table, outer, field, index);
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbValue	key;
	JsonbValue	value;
	Words		said = {.update = -1};
	JsonbIteratorToken token;
	int			n = 0;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	(void) JsonbIteratorNext(&it, &value, false);
	while ((token = JsonbIteratorNext(&it, &key, true)) == WJB_KEY)
	{
		ShapeField *what;

		(void) JsonbIteratorNext(&it, &value, true);
		what = field_of(row, &key, &value, n++);
		if (what->kind == FIELD_COLUMN)
			add_value(row, what->attnum, &value);
		else if (what->kind == FIELD_SPECIAL)
			read_word(row, what, &value, &said);
		else
			read_relation(nested, row, what, &value);
	}
	check_words(row, &said, n);
	if (row->ref)
	{
		nested->refs = lappend(nested->refs, row);
		return row;
	}
	choose_way(nested, row, &said);
	if (row->id)
		add_id(nested, row);
	keep_row(row);
	return row;
}

/* ------------------------------------------------------------------------ */
/* Documents																*/
/* ------------------------------------------------------------------------ */

/* What is not an object is no document. */
static void
report_no_document(int index)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a document must be an object"),
			 index < 0 ? errdetail("At $.") : errdetail("At $[%d].", index),
			 errhint("Give one object, or an array of objects.")));
}

/* Read the documents of an array. */
static void
read_documents(Nested *nested, NestedTable *table, JsonbContainer *array)
{
	JsonbIterator *it = JsonbIteratorInit(array);
	JsonbValue	value;

	nested->is_array = true;
	nested->roots = palloc_extended(sizeof(NestedRow *) * Max(JsonContainerSize(array), 1), MCXT_ALLOC_HUGE);
	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		if (shape_of_value(&value) != VALUE_OBJECT)
			report_no_document(nested->nroots);
		nested->roots[nested->nroots] = read_object(nested, table, value.val.binary.data, NULL, NULL,
													nested->nroots);
		nested->nroots++;
	}
}

/*
 * nested_read
 *		Read the documents, which live as long as the rows.
 */
void
nested_read(Nested *nested, Oid relid, Jsonb *documents)
{
	NestedTable *table = nested_table(nested, relid);
	HASH_SEQ_STATUS status;

	if (JB_ROOT_IS_SCALAR(documents))
		report_no_document(-1);
	if (JB_ROOT_IS_ARRAY(documents))
		read_documents(nested, table, &documents->root);
	else
	{
		nested->roots = palloc_array(NestedRow *, 1);
		nested->roots[0] = read_object(nested, table, &documents->root, NULL, NULL, -1);
		nested->nroots = 1;
	}
	resolve_refs(nested);
	nested_check_defaults(nested);
	hash_seq_init(&status, nested->tables);
	while ((table = hash_seq_search(&status)) != NULL)
		for (int i = 0; i < table->nrows; i++)
			nested_check_way(table->rows[i]);
}
