/*
 * nested_select_shape.c
 *	  The shape of the documents that are asked for, as places of tables.
 *
 * A shape is an object.  A column's name with true takes the column, with false
 * leaves it out; where none is taken by name, or "*" is true, all columns are.  A
 * relation's name holds the shape of the rows there: an object, or an array of
 * one object, which can only mean an array of rows; true stands for {}.
 *
 * A row can stand in the documents more than once: as the parent of several rows,
 * at the other end of a link table, below such a row, or because its table has
 * several places.  Such objects get a "_match" by the primary key, so that
 * nested_insert takes them for one row.  "_match": false leaves that out.
 */
#include "postgres.h"

#include "access/relation.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "catalog.h"
#include "condition.h"
#include "rows/nested_select.h"
#include "rows/verb.h"

/* What is known while the shape is read. */
typedef struct ShapeReader
{
	List	   *nodes;			/* all of them */
} ShapeReader;

static SelectNode *read_node(ShapeReader *reader, SelectNode *outer, ShapeField *field, Oid relid,
							 JsonbContainer *object, const JsonPath *path);

/* For shape_field: "At $.books.titel of the shape." */
static const char *
name_place(void *arg)
{
	return psprintf("At %s of the shape.", json_path_text(arg));
}

/* An error about what a name holds. */
static void
report_wrong_shape(const char *name, const char *wanted, const JsonPath *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" must be %s", name, wanted),
			 errdetail_internal("%s", name_place((void *) path))));
}

/* ------------------------------------------------------------------------ */
/* Columns																	*/
/* ------------------------------------------------------------------------ */

/* What a shape says about the columns. */
typedef struct ColumnsSaid
{
	int			all;			/* "*"; -1: it is not said */
	List	   *taken;
	List	   *left;
} ColumnsSaid;

/* Settle which columns are taken, in the table's order. */
static List *
choose_columns(Relation rel, ColumnsSaid *said)
{
	TupleDesc	desc = RelationGetDescr(rel);
	bool		all = said->all >= 0 ? said->all == 1 : said->taken == NIL;
	List	   *result = NIL;

	for (int i = 1; i <= desc->natts; i++)
		if (!TupleDescAttr(desc, i - 1)->attisdropped && !list_member_int(said->left, i) &&
			(all || list_member_int(said->taken, i)))
			result = lappend_int(result, i);
	return result;
}

/* ------------------------------------------------------------------------ */
/* Names																	*/
/* ------------------------------------------------------------------------ */

/* The shape of a relation's rows; NULL for true. */
static JsonbContainer *
rows_shape(const char *name, JsonbValue *value, const JsonPath *path)
{
	JsonbValue *only;

	if (value->type == jbvBool)
		return NULL;
	if (value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data))
		return value->val.binary.data;
	if (value->type != jbvBinary || JsonContainerSize(value->val.binary.data) > 1)
		report_wrong_shape(name, "true, false, an object, or an array of one object", path);
	only = getIthJsonbValueFromContainer(value->val.binary.data, 0);
	if (only == NULL)
		return NULL;
	if (only->type != jbvBinary || !JsonContainerIsObject(only->val.binary.data))
		report_wrong_shape(name, "true, false, an object, or an array of one object", path);
	return only->val.binary.data;
}

/* What kind of name is looked for, by what it holds. */
static ValueShape
looked_for(JsonbValue *value)
{
	if (value->type != jbvBinary)
		return VALUE_SCALAR;
	return JsonContainerIsArray(value->val.binary.data) ? VALUE_ARRAY : VALUE_RELATION;
}

/* Going back by the foreign key by which the row was reached leads to the row around it. */
static void
refuse_way_back(SelectNode *node, ShapeField *field, const JsonPath *path)
{
	if (field->kind == FIELD_PARENT && node->field && node->field->kind == FIELD_CHILDREN &&
		node->field->key->oid == field->key->oid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is the row that \"%s\" is nested in", field->name, node->field->name),
				 errdetail_internal("%s", name_place((void *) path))));
}

/* Add a relation's place. */
static void
add_relation(ShapeReader *reader, SelectNode *node, ShapeField *field, JsonbValue *value, const JsonPath *path)
{
	JsonbContainer *object = rows_shape(field->name, value, path);
	ListCell   *lc;

	if (value->type == jbvBool && !value->val.boolean)
		return;
	refuse_way_back(node, field, path);
	foreach(lc, node->nodes)
	{
		ShapeField *other = ((SelectNode *) lfirst(lc))->field;

		if (other->kind == field->kind && other->key->oid == field->key->oid)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" and \"%s\" are the same relation of \"%s\"", other->name, field->name,
							RelationGetRelationName(node->rel)),
					 errdetail_internal("%s", name_place((void *) path))));
	}
	node->nodes = lappend(node->nodes, read_node(reader, node, field, field->relid, object, path));
}

/* Take a name of the shape in. */
static void
read_name(ShapeReader *reader, SelectNode *node, char *name, JsonbValue *value, ColumnsSaid *said, const JsonPath *path)
{
	bool		is_all = strcmp(name, "*") == 0 && !AttributeNumberIsValid(find_column(node->rel, name));
	ShapeField *field;

	if (is_all || strcmp(name, "_match") == 0)
	{
		if (value->type != jbvBool)
			report_wrong_shape(name, "true or false", path);
		if (is_all)
			said->all = value->val.boolean;
		else
			node->match_said = value->val.boolean;
		return;
	}
	field = shape_field(node->shape, name, strlen(name), looked_for(value), name_place, (void *) path);
	if (field->kind == FIELD_SPECIAL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" has no meaning in a shape", name),
				 errdetail_internal("%s", name_place((void *) path))));
	if (field->kind != FIELD_COLUMN)
		add_relation(reader, node, field, value, path);
	else if (value->type != jbvBool)
		report_wrong_shape(name, "true or false: it is a column", path);
	else if (value->val.boolean)
		said->taken = lappend_int(said->taken, field->attnum);
	else
		said->left = lappend_int(said->left, field->attnum);
}

/* Read what an object says about the rows of its place. */
static void
read_names(ShapeReader *reader, SelectNode *node, JsonbContainer *object, const JsonPath *path)
{
	ColumnsSaid said = {.all = -1};
	JsonbIterator *it;
	JsonbValue	key;
	JsonbValue	value;

	if (object)
	{
		it = JsonbIteratorInit(object);
		(void) JsonbIteratorNext(&it, &value, false);
		while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
		{
			char	   *name = pnstrdup(key.val.string.val, key.val.string.len);
			JsonPath	here = {path, name, 0};

			(void) JsonbIteratorNext(&it, &value, true);
			read_name(reader, node, name, &value, &said, &here);
		}
	}
	node->columns = choose_columns(node->rel, &said);
}

/* ------------------------------------------------------------------------ */
/* Places																	*/
/* ------------------------------------------------------------------------ */

/* Read the place of a table, and those nested in it. */
static SelectNode *
read_node(ShapeReader *reader, SelectNode *outer, ShapeField *field, Oid relid, JsonbContainer *object,
		  const JsonPath *path)
{
	SelectNode *node = palloc0(sizeof(SelectNode));
	Verb		verb;

	check_stack_depth();
	memset(&verb, 0, sizeof(verb));
	verb_open(&verb, relid, ACL_SELECT, AccessShareLock);
	node->outer = outer;
	node->field = field;
	node->rel = verb.rel;
	node->target = verb_target(&verb);
	node->shape = shape_of(verb.rel);
	node->primary = primary_key_columns(verb.rel);
	node->match_said = -1;
	reader->nodes = lappend(reader->nodes, node);
	node->number = list_length(reader->nodes);
	read_names(reader, node, object, path);
	return node;
}

/* Whether rows of the place may be in the documents more than once. */
static bool
is_repeated(ShapeReader *reader, SelectNode *node)
{
	ListCell   *lc;

	foreach(lc, reader->nodes)
	{
		SelectNode *other = lfirst(lc);

		if (other != node && RelationGetRelid(other->rel) == RelationGetRelid(node->rel))
			return true;
	}
	for (; node->outer; node = node->outer)
		if (node->field->kind != FIELD_CHILDREN)
			return true;
	return false;
}

/* Whether the place's documents can have a "_match" by the primary key. */
static bool
can_match(SelectNode *node)
{
	return node->primary != NIL && list_difference_int(node->primary, node->columns) == NIL &&
		!AttributeNumberIsValid(find_column(node->rel, "_match"));
}

/*
 * select_shape
 *		Read the shape of documents of a table; NULL is all of its columns.
 */
SelectNode *
select_shape(Oid relid, Jsonb *shape)
{
	ShapeReader reader = {NIL};
	SelectNode *root;
	ListCell   *lc;

	if (shape && !JB_ROOT_IS_OBJECT(shape))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"shape\" must be an object"),
				 errhint("For example {\"*\": true, \"book\": {\"title\": true}}.")));
	root = read_node(&reader, NULL, NULL, relid, shape ? &shape->root : NULL, NULL);
	foreach(lc, reader.nodes)
	{
		SelectNode *node = lfirst(lc);

		node->match = can_match(node) &&
			(node->match_said >= 0 ? node->match_said == 1 : is_repeated(&reader, node));
	}
	return root;
}

/*
 * select_close
 *		Let go of the tables; the locks stay until the transaction ends.
 */
void
select_close(SelectNode *node)
{
	ListCell   *lc;

	foreach(lc, node->nodes)
		select_close(lfirst(lc));
	relation_close(node->rel, NoLock);
}
