/*
 * nested_way.c
 *	  How the rows of nested documents are written: inserted, found or created by
 *	  a key, or only found.
 *
 * What an object says of itself goes before what on_conflict says of its table.
 * A row of such a table that lacks a column of the key, or has a null there, is
 * simply new: the server would see no conflict either.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/varlena.h"

#include "catalog.h"
#include "compat.h"
#include "rows/nested.h"

/* A place for messages: a name of a row's object, or of an argument. */
typedef struct Place
{
	NestedRow  *row;
	const char *name;
} Place;

static const char *
place_text(Place place)
{
	return place.row ? nested_path(place.row, place.name) : place.name;
}

/* The names of columns, for messages. */
static char *
column_list(NestedTable *table, List *columns)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	foreach(lc, columns)
		appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "",
						 get_attname(table->relid, lfirst_int(lc), false));
	return out.data;
}

/*
 * nested_way
 *		The way of the table that is like this; ways are told apart by address.
 */
NestedWay *
nested_way(NestedTable *table, NestedMode mode, List *key, bool update)
{
	NestedWay  *way;
	ListCell   *lc;

	foreach(lc, table->ways)
	{
		way = lfirst(lc);
		if (way->mode == mode && way->update == update && equal(way->key, key))
			return way;
	}
	way = palloc(sizeof(NestedWay));
	way->mode = mode;
	way->key = key;
	way->update = update;
	table->ways = lappend(table->ways, way);
	return way;
}

/* See that the columns are those of a unique index. */
static void
require_unique(NestedTable *table, List *key, Place place)
{
	char		relkind = table->rel->rd_rel->relkind;
	UniqueKey	unique;

	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE)
		return;
	if (!find_unique_key(table->rel, key, &unique))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("\"%s\" has no unique index on (%s)", RelationGetRelationName(table->rel),
						column_list(table, key)),
				 errdetail("At %s.", place_text(place))));
}

/* Add a column to a key, by name. */
static List *
add_key_column(NestedTable *table, List *key, const char *name, Place place)
{
	AttrNumber	attnum = find_column(table->rel, name);

	if (!AttributeNumberIsValid(attnum))
	{
		const char *nearest = nearest_column(table->rel, name);

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of the key does not exist in \"%s\"", name,
						RelationGetRelationName(table->rel)),
				 errdetail("At %s.", place_text(place)),
				 nearest ? errhint("Perhaps you meant column \"%s\".", nearest) : 0));
	}
	return list_append_unique_int(key, attnum);
}

/* list_sort comparator */
static int
compare_ints(const ListCell *a, const ListCell *b)
{
	return lfirst_int(a) - lfirst_int(b);
}

/* The columns that a _match names, ascending. */
static List *
read_key(NestedTable *table, JsonbValue *match, Place place)
{
	List	   *key = NIL;

	if (match->type == jbvString)
		key = add_key_column(table, NIL, pnstrdup(match->val.string.val, match->val.string.len), place);
	else if (match->type == jbvBinary && JsonContainerIsArray(match->val.binary.data))
	{
		JsonbIterator *it = JsonbIteratorInit(match->val.binary.data);
		JsonbValue	name;

		(void) JsonbIteratorNext(&it, &name, true);
		while (JsonbIteratorNext(&it, &name, true) == WJB_ELEM)
		{
			if (name.type != jbvString)
			{
				key = NIL;
				break;
			}
			key = add_key_column(table, key, pnstrdup(name.val.string.val, name.val.string.len), place);
		}
	}
	if (key == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"_match\" must be an array of columns' names"),
				 errdetail("At %s.", place_text(place))));
	list_sort(key, compare_ints);
	return key;
}

/* Remember a way by a key, which must be unique. */
static NestedWay *
keyed_way(NestedTable *table, NestedMode mode, List *key, bool update, Place place)
{
	int			known = list_length(table->ways);
	NestedWay  *way = nested_way(table, mode, key, update);

	if (list_length(table->ways) > known)
		require_unique(table, key, place);
	return way;
}

/*
 * nested_read_match
 *		The row is found by a key, or created.
 */
void
nested_read_match(Nested *nested, NestedRow *row, JsonbValue *match, bool update)
{
	Place		place = {row, "_match"};

	row->way = keyed_way(row->table, NESTED_MATCH, read_key(row->table, match, place), update, place);
}

/* Keep a value of the key that a connected row is found by. */
static void
add_key_value(NestedRow *row, AttrNumber attnum, JsonbValue *value, const char *name)
{
	NestedValue *result = palloc0(sizeof(NestedValue));

	result->attnum = attnum;
	result->kind = CELL_STRING;
	if (value->type == jbvString)
	{
		result->text = value->val.string.val;
		result->len = value->val.string.len;
	}
	else if (value->type == jbvNumeric)
	{
		result->kind = CELL_NUMBER;
		result->raw = true;
		result->text = (const char *) value->val.numeric;
	}
	else if (value->type == jbvBool)
		result->kind = value->val.boolean ? CELL_TRUE : CELL_FALSE;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a key's value must be a string, a number or a boolean"),
				 errdetail("At %s, column \"%s\".", nested_path(row, "_connect"), name)));
	result->next = row->values;
	row->values = result;
}

/*
 * nested_read_connect
 *		The row must be there, with the key that the object has.
 */
void
nested_read_connect(Nested *nested, NestedRow *row, JsonbValue *connect)
{
	Place		place = {row, "_connect"};
	JsonbIterator *it = JsonbIteratorInit(connect->val.binary.data);
	JsonbValue	name;
	JsonbValue	value;
	List	   *key = NIL;

	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &name, true) == WJB_KEY)
	{
		char	   *column = pnstrdup(name.val.string.val, name.val.string.len);

		(void) JsonbIteratorNext(&it, &value, true);
		key = add_key_column(row->table, key, column, place);
		add_key_value(row, find_column(row->table->rel, column), &value, column);
	}
	if (key == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"_connect\" names no column"),
				 errdetail("At %s.", place_text(place))));
	list_sort(key, compare_ints);
	row->way = keyed_way(row->table, NESTED_CONNECT, key, false, place);
}

/* Whether a link gives the row the column. */
static bool
is_linked(NestedRow *row, AttrNumber attnum)
{
	for (NestedLink *link = row->links; link; link = link->next)
		for (int i = 0; i < link->key->ncolumns; i++)
			if (link->key->columns[i] == attnum)
				return true;
	return false;
}

/* Whether a row has a value for the column, or a link that gives it one. */
static bool
row_has(NestedRow *row, AttrNumber attnum)
{
	if (is_linked(row, attnum))
		return true;
	for (NestedValue *value = row->values; value; value = value->next)
		if (value->attnum == attnum)
			return value->kind != CELL_NULL;
	return false;
}

/*
 * A row of a link table whose other end may be there already: it may be there
 * itself, if its foreign keys are a key.
 */
static void
check_link_row(NestedRow *row, List *columns)
{
	UniqueKey	unique;
	char		relkind = row->table->rel->rd_rel->relkind;

	if ((relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE) &&
		find_unique_key(row->table->rel, columns, &unique) && !unique.partial)
		row->way = nested_way(row->table, NESTED_MATCH, columns, false);
}

/* See that no foreign key of the row refers to two rows. */
static void
check_links(NestedRow *row)
{
	for (NestedLink *link = row->links; link; link = link->next)
	{
		NestedLink **place = &link->next;

		while (*place)
		{
			NestedLink *other = *place;

			if (other->key->oid != link->key->oid)
			{
				place = &other->next;
				continue;
			}
			if (nested_row_of(other->to) != nested_row_of(link->to))
				ereport(ERROR,
						(errcode(ERRCODE_CARDINALITY_VIOLATION),
						 errmsg("a row of \"%s\" is to refer to two rows by \"%s\"",
								RelationGetRelationName(row->table->rel), link->key->name),
						 errdetail("At %s; to %s and %s.", nested_path(row, NULL),
								   nested_path(nested_row_of(other->to), NULL),
								   nested_path(nested_row_of(link->to), NULL))));
			*place = other->next;
		}
	}
}

/*
 * A parent that is null makes those columns of its foreign key null that the row
 * does not have otherwise; they may belong to another foreign key, too.
 */
static void
make_null(NestedRow *row, NestedPart *part)
{
	ForeignKey *key = part->field->key;
	bool		has_null = false;

	for (int i = 0; i < key->ncolumns; i++)
	{
		AttrNumber	attnum = key->columns[i];
		NestedValue *value = nested_value(row, attnum);
		bool		required = TupleDescAttr(RelationGetDescr(row->table->rel), attnum - 1)->attnotnull;

		if (value == NULL && !is_linked(row, attnum) && (!required || key->ncolumns == 1))
		{
			value = palloc0(sizeof(NestedValue));
			value->attnum = attnum;
			value->kind = CELL_NULL;
			value->next = row->values;
			row->values = value;
		}
		has_null |= value && value->kind == CELL_NULL;
	}
	if (!has_null)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("a row of \"%s\" is given null as its \"%s\", but also the columns that refer to one",
						RelationGetRelationName(row->table->rel), part->field->name),
				 errdetail("At %s.", nested_path(row, part->field->name))));
}

/*
 * nested_check_way
 *		See that a row has the columns that it is found by; the links are known
 *		by now.
 */
void
nested_check_way(NestedRow *row)
{
	ListCell   *lc;

	check_links(row);
	for (NestedPart *part = row->parts; part && row->null_parent; part = part->next)
		if (part->is_null && part->field->kind == FIELD_PARENT)
			make_null(row, part);
	if (row->field && row->field->kind == FIELD_LINKED && row->field->key->child == row->table->relid &&
		row->way == row->table->plain)
	{
		List	   *columns = NIL;
		bool		found = false;

		for (NestedLink *link = row->links; link; link = link->next)
		{
			for (int i = 0; i < link->key->ncolumns; i++)
				columns = list_append_unique_int(columns, link->key->columns[i]);
			if (link->key->oid == row->field->far->oid)
				found = link->to->same || link->to->way->mode != NESTED_INSERT;
		}
		list_sort(columns, compare_ints);
		if (found)
			check_link_row(row, columns);
	}
	if (row->way->mode != NESTED_MATCH)
		return;
	foreach(lc, row->way->key)
	{
		if (row_has(row, lfirst_int(lc)))
			continue;
		if (row->way == row->table->default_way)
		{
			row->way = row->table->plain;
			return;
		}
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a row of \"%s\" has no value for column \"%s\" of its key",
						RelationGetRelationName(row->table->rel),
						get_attname(row->table->relid, lfirst_int(lc), false)),
				 errdetail("At %s.", nested_path(row, NULL)),
				 errhint("Every row needs all columns of the key that it is found by.")));
	}
}

/* ------------------------------------------------------------------------ */
/* on_conflict																*/
/* ------------------------------------------------------------------------ */

/* Take in what on_conflict says of the table, at place. */
static void
read_default(NestedTable *table, JsonbValue *said, Place place)
{
	JsonbIterator *it;
	JsonbValue	name;
	JsonbValue	value;
	List	   *key = NIL;
	bool		update = false;

	if (said->type != jbvBinary || !JsonContainerIsObject(said->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"on_conflict\" must have an object for each table"),
				 errdetail("At %s.", place_text(place))));
	it = JsonbIteratorInit(said->val.binary.data);
	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &name, true) == WJB_KEY)
	{
		char	   *word = pnstrdup(name.val.string.val, name.val.string.len);

		(void) JsonbIteratorNext(&it, &value, true);
		if (strcmp(word, "_match") == 0)
			key = read_key(table, &value, place);
		else if (strcmp(word, "_update") == 0 && value.type == jbvBool)
			update = value.val.boolean;
		else if (strcmp(word, "_status") == 0 && value.type == jbvBool)
			table->tell_status = value.val.boolean;
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"on_conflict\" has \"%s\", which it knows nothing of", word),
					 errdetail("At %s.", place_text(place)),
					 errhint("It takes \"_match\": an array of columns' names, \"_update\": true or false, and \"_status\": true or false.")));
	}
	if (key != NIL)
		table->default_way = keyed_way(table, NESTED_MATCH, key, update, place);
	else if (update)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"_update\" needs \"_match\""),
				 errdetail("At %s.", place_text(place))));
}

/*
 * nested_read_defaults
 *		What on_conflict says of a table that is met.
 */
void
nested_read_defaults(Nested *nested, NestedTable *table)
{
	const char *names[2];

	if (nested->on_conflict == NULL)
		return;
	names[0] = RelationGetRelationName(table->rel);
	names[1] = psprintf("%s.%s", get_namespace_name(RelationGetNamespace(table->rel)), names[0]);
	for (int i = 0; i < lengthof(names); i++)
	{
		JsonbValue	key;
		JsonbValue *said;

		key.type = jbvString;
		key.val.string.val = (char *) names[i];
		key.val.string.len = strlen(names[i]);
		said = findJsonbValueFromContainer(nested->on_conflict, JB_FOBJECT, &key);
		if (said == NULL)
			continue;
		read_default(table, said, (Place) {NULL, psprintf("on_conflict.%s", names[i])});
		nested->used = lappend(nested->used, pstrdup(names[i]));
	}
}

/* Whether some relation has the name, written with or without a schema. */
static bool
relation_exists(const char *name)
{
	const char *dot = strchr(name, '.');
	RangeVar   *range;

	if (dot && OidIsValid(get_relname_relid(dot + 1, get_namespace_oid(pnstrdup(name, dot - name), true))))
		return true;
	range = makeRangeVar(NULL, pstrdup(name), -1);
	return OidIsValid(RangeVarGetRelid(range, NoLock, true));
}

/*
 * nested_check_defaults
 *		A table that on_conflict names and documents do not have must exist.
 */
void
nested_check_defaults(Nested *nested)
{
	JsonbIterator *it;
	JsonbValue	name;
	JsonbValue	value;
	List	   *met = NIL;
	ListCell   *lc;

	if (nested->on_conflict == NULL)
		return;
	foreach(lc, nested->order)
		met = lappend(met, RelationGetRelationName(((NestedTable *) lfirst(lc))->rel));
	it = JsonbIteratorInit(nested->on_conflict);
	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &name, true) == WJB_KEY)
	{
		char	   *table = pnstrdup(name.val.string.val, name.val.string.len);
		bool		used = false;
		const char *nearest;

		(void) JsonbIteratorNext(&it, &value, true);
		foreach(lc, nested->used)
			used |= strcmp(lfirst(lc), table) == 0;
		if (used || relation_exists(table))
			continue;
		nearest = nearest_name(met, table);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" of argument \"on_conflict\" does not exist", table),
				 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
	}
}
