/*
 * nested_shape.c
 *	  What the names in a nested document stand for, by the catalog's foreign keys.
 *
 * In a document of a table, a name is, in this order:
 *
 *	- one of the functions' own words ("#id", "_match", ...);
 *	- a column; but an object or array that the column's type cannot take is
 *	  that of a relation, if there is one: of a column that is a foreign key, an
 *	  object is the parent;
 *	- a relation: children, by the name of the table that refers to this one; a
 *	  parent, by the name of the foreign key's column without _id or by that of
 *	  the table that it refers to; or either by the name of the constraint;
 *	- the table at the other end of a link table.
 *
 * Tables can be written with their schema, and children with the columns that
 * refer to the table, "book.author_id" or "line.shop,number", so that every
 * relation has a spelling of its own.  Where several relations have the name, an array can only be
 * children and an object, or null, only a parent or an only child; what is still
 * ambiguous is an error that lists the spellings.
 *
 * Foreign keys of partitions that belong to one of the partitioned table are
 * left out, likewise those that refer to single partitions on behalf of one to
 * the partitioned table, those WITHOUT OVERLAPS and those that are not enforced.
 *
 * Nothing is locked here besides what the caller has locked: of other tables
 * only catalogs are read, and what was read of them is looked at again by the
 * statements that use it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "rows/nested_shape.h"

static const char *const words[] = {
	[WORD_ID] = "#id",
	[WORD_REF] = "#ref",
	[WORD_MATCH] = "_match",
	[WORD_UPDATE] = "_update",
	[WORD_CONNECT] = "_connect",
	[WORD_STATUS] = "_status",
};

/* ------------------------------------------------------------------------ */
/* Foreign keys																*/
/* ------------------------------------------------------------------------ */

/* Whether a constraint only carries on, for a partition, what another says. */
static bool
is_carried_on(Form_pg_constraint con)
{
	HeapTuple	tup;
	bool		result = false;

	if (!OidIsValid(con->conparentid))
		return false;
	tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(con->conparentid));
	if (HeapTupleIsValid(tup))
	{
		Form_pg_constraint outer = (Form_pg_constraint) GETSTRUCT(tup);

		/* the same table refers to the partitioned table as a whole */
		result = outer->conrelid == con->conrelid;
		ReleaseSysCache(tup);
	}
	return result;
}

/* The foreign key of a row of pg_constraint; NULL when it is not one to follow. */
static ForeignKey *
read_foreign_key(HeapTuple tup)
{
	Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tup);
	AttrNumber	columns[INDEX_MAX_KEYS];
	AttrNumber	referred[INDEX_MAX_KEYS];
	Oid			equal[INDEX_MAX_KEYS];
	int			n;
	ForeignKey *key;

	if (con->contype != CONSTRAINT_FOREIGN || !compat_enforced(con) || compat_has_period(con) || is_carried_on(con))
		return NULL;
	DeconstructFkConstraintRow(tup, &n, columns, referred, equal, NULL, NULL, NULL, NULL);
	key = palloc0(sizeof(ForeignKey));
	key->oid = con->oid;
	key->name = pstrdup(NameStr(con->conname));
	key->child = con->conrelid;
	key->parent = con->confrelid;
	key->deferrable = con->condeferrable;
	key->deferred = con->condeferred;
	key->ncolumns = n;
	key->columns = palloc_array(AttrNumber, n);
	key->referred = palloc_array(AttrNumber, n);
	memcpy(key->columns, columns, sizeof(AttrNumber) * n);
	memcpy(key->referred, referred, sizeof(AttrNumber) * n);
	key->equal = palloc_array(Oid, n);
	memcpy(key->equal, equal, sizeof(Oid) * n);
	return key;
}

/* list_sort comparator: by name, which is the same whenever it is asked. */
static int
compare_keys(const ListCell *a, const ListCell *b)
{
	return strcmp(((ForeignKey *) lfirst(a))->name, ((ForeignKey *) lfirst(b))->name);
}

/*
 * shape_foreign_keys
 *		The foreign keys that a table has, by name.
 */
List *
shape_foreign_keys(Oid relid)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData skey;
	SysScanDesc scan;
	HeapTuple	tup;
	List	   *result = NIL;

	ScanKeyInit(&skey, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true, NULL, 1, &skey);
	while (HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		ForeignKey *key = read_foreign_key(tup);

		if (key)
			result = lappend(result, key);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	list_sort(result, compare_keys);
	return result;
}

/*
 * The foreign keys that refer to a table.  pg_constraint has no index that
 * finds them; but each puts triggers on the table.
 */
static List *
keys_that_refer(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;
	List	   *seen = NIL;
	List	   *result = NIL;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		Oid			constraint = triggers->triggers[i].tgconstraint;
		HeapTuple	tup;
		ForeignKey *key;

		if (!OidIsValid(constraint) || list_member_oid(seen, constraint))
			continue;
		seen = lappend_oid(seen, constraint);
		tup = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
		if (!HeapTupleIsValid(tup))
			continue;
		key = read_foreign_key(tup);
		ReleaseSysCache(tup);
		if (key && key->parent == RelationGetRelid(rel))
			result = lappend(result, key);
	}
	list_sort(result, compare_keys);
	return result;
}

/*
 * shape_of
 *		What is around a table, which the caller has opened.
 */
TableShape *
shape_of(Relation rel)
{
	TableShape *shape = palloc0(sizeof(TableShape));

	shape->rel = rel;
	shape->parents = shape_foreign_keys(RelationGetRelid(rel));
	shape->children = keys_that_refer(rel);
	return shape;
}

/* Whether the foreign key has the column. */
static bool
key_has_column(ForeignKey *key, AttrNumber attnum)
{
	for (int i = 0; i < key->ncolumns; i++)
		if (key->columns[i] == attnum)
			return true;
	return false;
}

/* Whether at most one row can refer to a row through the key, because its columns hold a unique key. */
static bool
refers_once(ForeignKey *key)
{
	Relation	catalog = table_open(IndexRelationId, AccessShareLock);
	ScanKeyData skey;
	SysScanDesc scan;
	HeapTuple	tup;
	bool		result = false;

	ScanKeyInit(&skey, Anum_pg_index_indrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(key->child));
	scan = systable_beginscan(catalog, IndexIndrelidIndexId, true, NULL, 1, &skey);
	while (!result && HeapTupleIsValid(tup = systable_getnext(scan)))
	{
		Form_pg_index form = (Form_pg_index) GETSTRUCT(tup);

		result = form->indisunique && form->indislive && !form->indisexclusion &&
			(form->indisvalid || get_rel_relkind(form->indexrelid) == RELKIND_PARTITIONED_INDEX) &&
			heap_attisnull(tup, Anum_pg_index_indpred, NULL);
		for (int i = 0; result && i < form->indnkeyatts; i++)
			result = key_has_column(key, form->indkey.values[i]);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return result;
}

/* Whether a row of the table needs no more than the columns of its foreign keys. */
static bool
links_only(Oid relid, List *keys)
{
	bool		result = true;
	HeapTuple	tup;

	for (AttrNumber attnum = 1; result &&
		 HeapTupleIsValid(tup = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attnum))); attnum++)
	{
		Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(tup);

		result = att->attisdropped || att->atthasdef || att->attidentity || att->attgenerated;
		ReleaseSysCache(tup);
		for (int i = 0; !result && i < list_length(keys); i++)
			result = key_has_column(list_nth(keys, i), attnum);
	}
	return result;
}

/* The foreign key to the other end, if the child that has this one is a link table. */
static ForeignKey *
far_key(ForeignKey *near)
{
	List	   *keys = shape_foreign_keys(near->child);
	ForeignKey *far;

	if (list_length(keys) != 2)
		return NULL;
	far = linitial(keys);
	if (far->oid == near->oid)
		far = lsecond(keys);
	return links_only(near->child, keys) ? far : NULL;
}

/* ------------------------------------------------------------------------ */
/* Spellings																*/
/* ------------------------------------------------------------------------ */

/* A table's names, without and with its schema, and with columns. */
static List *
table_names(Oid relid, const char *columns)
{
	const char *name = get_rel_name(relid);
	const char *schema = get_namespace_name(get_rel_namespace(relid));
	List	   *names = NIL;

	if (name == NULL || schema == NULL)
		return NIL;
	names = list_make2(pstrdup(name), psprintf("%s.%s", schema, name));
	if (columns)
	{
		names = lappend(names, psprintf("%s.%s", name, columns));
		names = lappend(names, psprintf("%s.%s.%s", schema, name, columns));
	}
	return names;
}

/* A key's columns, by name, with commas between. */
static const char *
key_columns(ForeignKey *key)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < key->ncolumns; i++)
	{
		const char *column = get_attname(key->child, key->columns[i], true);

		if (column == NULL)
			return NULL;
		appendStringInfo(&out, "%s%s", i > 0 ? "," : "", column);
	}
	return out.data;
}

/* The name of a parent by what refers to it: the columns, a single one without _id. */
static const char *
column_stem(ForeignKey *key)
{
	const char *columns = key_columns(key);
	int			len = columns ? strlen(columns) : 0;

	if (key->ncolumns == 1 && len > 3 && strcmp(columns + len - 3, "_id") == 0)
		return pnstrdup(columns, len - 3);
	return columns;
}

/* All names of the children that have the key. */
static List *
names_of_children(ForeignKey *key)
{
	return lappend(table_names(key->child, key_columns(key)), pstrdup(key->name));
}

/* All names of the parent behind the key. */
static List *
names_of_parent(ForeignKey *key)
{
	List	   *names = lappend(table_names(key->parent, NULL), pstrdup(key->name));
	const char *stem = column_stem(key);

	return stem ? lcons((char *) stem, names) : names;
}

static bool
has_name(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* A relation that a name may stand for. */
static ShapeField *
make_relation(FieldKind kind, ForeignKey *key, ForeignKey *far)
{
	ShapeField *field = palloc0(sizeof(ShapeField));

	field->kind = kind;
	field->key = key;
	field->far = far;
	field->relid = kind == FIELD_CHILDREN ? key->child : kind == FIELD_PARENT ? key->parent : far->parent;
	field->single = kind == FIELD_PARENT || (kind == FIELD_CHILDREN && refers_once(key));
	return field;
}

/* The relations that have the name. */
static List *
relations_named(TableShape *shape, const char *name)
{
	List	   *result = NIL;
	bool		by_column = false;
	ListCell   *lc;

	foreach(lc, shape->children)
		if (has_name(names_of_children(lfirst(lc)), name))
			result = lappend(result, make_relation(FIELD_CHILDREN, lfirst(lc), NULL));
	/* a parent is first of all called as its column is */
	foreach(lc, shape->parents)
	{
		const char *stem = column_stem(lfirst(lc));

		if (stem && strcmp(stem, name) == 0)
		{
			by_column = true;
			result = lappend(result, make_relation(FIELD_PARENT, lfirst(lc), NULL));
		}
	}
	foreach(lc, shape->parents)
		if (!by_column && has_name(names_of_parent(lfirst(lc)), name))
			result = lappend(result, make_relation(FIELD_PARENT, lfirst(lc), NULL));
	if (result != NIL)
		return result;
	foreach(lc, shape->children)
	{
		ForeignKey *far = far_key(lfirst(lc));

		if (far && has_name(table_names(far->parent, NULL), name))
			result = lappend(result, make_relation(FIELD_LINKED, lfirst(lc), far));
	}
	return result;
}

/* Whether a value of this shape can be what the relation holds. */
static bool
fits(ShapeField *field, ValueShape value)
{
	if (value == VALUE_OBJECT || value == VALUE_NULL)
		return field->single;
	if (value == VALUE_ARRAY)
		return !field->single;
	return true;
}

/* ------------------------------------------------------------------------ */
/* Errors																	*/
/* ------------------------------------------------------------------------ */

/* A spelling that no other relation of the table has, where there is one. */
static const char *
own_spelling(TableShape *shape, ShapeField *field)
{
	List	   *names;
	const char *best = field->key->name;
	ListCell   *lc;

	names = field->kind == FIELD_PARENT ? names_of_parent(field->key) : names_of_children(field->key);
	foreach(lc, names)
		if (list_length(relations_named(shape, lfirst(lc))) == 1)
		{
			best = lfirst(lc);
			break;
		}
	return best;
}

/* Several relations have the name: list spellings that tell them apart. */
static void
report_ambiguous(TableShape *shape, const char *name, List *relations, const char *path)
{
	StringInfoData list;
	ListCell   *lc;

	initStringInfo(&list);
	foreach(lc, relations)
	{
		ShapeField *field = lfirst(lc);
		const char *what = field->kind == FIELD_PARENT ? "parent" : "children";

		appendStringInfo(&list, "%s\"%s\" (%s)", list.len > 0 ? ", " : "", own_spelling(shape, field),
						 field->kind == FIELD_LINKED ? "rows of the link table" : what);
	}
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_COLUMN),
			 errmsg("\"%s\" is ambiguous in documents of \"%s\"", name, RelationGetRelationName(shape->rel)),
			 errdetail_internal("%s", path),
			 errhint("Write one of %s.", list.data)));
}

/* Nothing has the name: tell the nearest that there is. */
static void
report_unknown(TableShape *shape, const char *name, const char *path)
{
	TupleDesc	desc = RelationGetDescr(shape->rel);
	List	   *names = NIL;
	const char *nearest;
	ListCell   *lc;

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			names = lappend(names, NameStr(TupleDescAttr(desc, i)->attname));
	foreach(lc, shape->parents)
		names = list_concat(names, names_of_parent(lfirst(lc)));
	foreach(lc, shape->children)
	{
		ForeignKey *far = far_key(lfirst(lc));

		names = list_concat(names, names_of_children(lfirst(lc)));
		if (far)
			names = list_concat(names, table_names(far->parent, NULL));
	}
	for (int i = 0; i < lengthof(words); i++)
		names = lappend(names, (char *) words[i]);
	nearest = nearest_name(names, name);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("\"%s\" is neither a column nor a relation of \"%s\"", name, RelationGetRelationName(shape->rel)),
			 errdetail_internal("%s", path),
			 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}

/* A column has the name of a word: it cannot be told which is meant. */
static void
report_word(TableShape *shape, const char *name, const char *path)
{
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_COLUMN),
			 errmsg("\"%s\" is ambiguous in documents of \"%s\"", name, RelationGetRelationName(shape->rel)),
			 errdetail_internal("%s", path),
			 errhint("Write \"%s.%s\" for the column; the word of that name can only be given in \"on_conflict\".",
					 RelationGetRelationName(shape->rel), name)));
}

/* ------------------------------------------------------------------------ */
/* Look-up																	*/
/* ------------------------------------------------------------------------ */

/* Whether a column's own values may be JSON objects. */
static bool
takes_objects(Relation rel, AttrNumber attnum)
{
	Oid			type = getBaseType(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->atttypid);

	return type == JSONOID || type == JSONBOID || OidIsValid(get_element_type(type)) ||
		get_typtype(type) == TYPTYPE_COMPOSITE;
}

/* The parents that a column alone refers to. */
static List *
parents_by_column(TableShape *shape, AttrNumber attnum)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, shape->parents)
	{
		ForeignKey *key = lfirst(lc);

		if (key->ncolumns == 1 && key->columns[0] == attnum)
			result = lappend(result, make_relation(FIELD_PARENT, key, NULL));
	}
	return result;
}

/* The word of that name, or -1. */
static int
find_word(const char *name)
{
	for (int i = 0; i < lengthof(words); i++)
		if (strcmp(words[i], name) == 0)
			return i;
	return -1;
}

/* A column with the name of a word, written with the table's name. */
static AttrNumber
qualified_word(Relation rel, const char *name)
{
	int			len = strlen(RelationGetRelationName(rel));

	if (strncmp(name, RelationGetRelationName(rel), len) != 0 || name[len] != '.' || find_word(name + len + 1) < 0)
		return InvalidAttrNumber;
	return find_column(rel, name + len + 1);
}

/*
 * shape_column_name
 *		The name that stands for a column in documents of the table.
 */
const char *
shape_column_name(Relation rel, AttrNumber attnum)
{
	const char *name = NameStr(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attname);

	return find_word(name) < 0 ? name : psprintf("%s.%s", RelationGetRelationName(rel), name);
}

/* A column as a field. */
static ShapeField *
column_field(AttrNumber attnum)
{
	ShapeField *field = palloc0(sizeof(ShapeField));

	field->kind = FIELD_COLUMN;
	field->attnum = attnum;
	return field;
}

/* Look a name up; the candidates are more than one where it is ambiguous. */
static List *
find_fields(TableShape *shape, const char *name, ValueShape value)
{
	AttrNumber	attnum = find_column(shape->rel, name);
	List	   *result = NIL;
	List	   *fitting = NIL;
	bool		is_column;
	ListCell   *lc;

	if (!AttributeNumberIsValid(attnum))
		attnum = qualified_word(shape->rel, name);
	is_column = AttributeNumberIsValid(attnum);
	/* an object or array that the column cannot take may be a relation's */
	if (is_column && (value == VALUE_OBJECT || value == VALUE_RELATION) && !takes_objects(shape->rel, attnum))
		fitting = parents_by_column(shape, attnum);
	if (fitting == NIL && (!is_column || ((value == VALUE_OBJECT || value == VALUE_ARRAY || value == VALUE_RELATION) &&
										  !takes_objects(shape->rel, attnum))))
		result = relations_named(shape, name);
	foreach(lc, result)
		if (fits(lfirst(lc), value))
			fitting = lappend(fitting, lfirst(lc));
	if (fitting != NIL)
		return fitting;
	return is_column ? list_make1(column_field(attnum)) : result;
}

/*
 * shape_field
 *		What a name means in documents of the table, given what its value looks
 *		like.  path tells where the name is, for errors.
 */
ShapeField *
shape_field(TableShape *shape, const char *name, int len, ValueShape value,
			const char *(*path) (void *arg), void *arg)
{
	ShapeField *field;
	List	   *fields;
	ListCell   *lc;
	int			word;

	foreach(lc, shape->fields[value])
	{
		field = lfirst(lc);
		if (field->len == len && memcmp(field->name, name, len) == 0)
			return field;
	}
	name = pnstrdup(name, len);
	word = find_word(name);
	if (word >= 0)
	{
		if (AttributeNumberIsValid(find_column(shape->rel, name)))
			report_word(shape, name, path(arg));
		field = palloc0(sizeof(ShapeField));
		field->kind = FIELD_SPECIAL;
		field->word = word;
	}
	else
	{
		fields = find_fields(shape, name, value);
		if (fields == NIL)
			report_unknown(shape, name, path(arg));
		if (list_length(fields) > 1)
			report_ambiguous(shape, name, fields, path(arg));
		field = linitial(fields);
	}
	field->name = name;
	field->len = len;
	field->value = value;
	shape->fields[value] = lappend(shape->fields[value], field);
	return field;
}
