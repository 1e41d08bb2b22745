/*
 * nested_select_sql.c
 *	  The statement that gives nested documents.
 *
 * One query with a subquery for each relation of the shape, joined by the foreign
 * key: of a parent, one row for each; of children, the rows grouped by the key,
 * an array for each.  A grouped subquery does not know which rows are asked for
 * around it; so where there is a condition, it is also given as an EXISTS over
 * the places above.  The server makes a semi-join of that and chooses by the number of rows
 * between looking up the children of each row and reading all of them
 * once.  Nothing is looked up row by row unless the planner finds it cheaper.
 *
 * Names in the statement: tN is the table of place N, nN the subquery around it
 * with columns k1, k2, ... of the key and j, the document or array; lN its link table;
 * rN and mN the same as tN and lN in the EXISTS.  All columns are qualified by these, so no name of
 * the catalog can be taken for another.  What the documents call things are
 * names of the catalog, too, written as literals.  The operators are the foreign
 * keys' own, with the collation of the referred column, as in the server's own checks.
 *
 * Tables below the top are read with ONLY, as foreign keys do: rows of tables
 * that inherit from them are not referred to.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "condition.h"
#include "rows/nested_select.h"

/* A call can have 100 arguments. */
#define PAIRS_PER_CALL 48

static void append_from(StringInfo out, SelectNode *node, Node *condition);

/* ------------------------------------------------------------------------ */
/* Values																	*/
/* ------------------------------------------------------------------------ */

/* Whether a type has a cast of its own to json, which to_jsonb would take. */
static bool
casts_to_json(Oid type)
{
	Oid			function;

	return type >= FirstNormalObjectId &&
		find_coercion_pathway(JSONOID, type, COERCION_EXPLICIT, &function) == COERCION_PATH_FUNC;
}

/*
 * Whether values of the type, inside an array or composite value, are lost in
 * JSON: an array inside an array is a dimension, and JSON's null is NULL.
 */
static bool
is_lost_inside(Oid type)
{
	Oid			element;

	check_stack_depth();
	type = getBaseType(type);
	if (type == JSONOID || type == JSONBOID || casts_to_json(type))
		return true;
	element = get_element_type(type);
	if (OidIsValid(element))
		return is_lost_inside(element);
	if (get_typtype(type) == TYPTYPE_COMPOSITE)
	{
		TupleDesc	desc = lookup_rowtype_tupdesc_copy(type, -1);

		for (int i = 0; i < desc->natts; i++)
			if (!TupleDescAttr(desc, i)->attisdropped && is_lost_inside(TupleDescAttr(desc, i)->atttypid))
				return true;
	}
	return false;
}

/* A column of the place. */
static char *
column_sql(const char *letter, SelectNode *node, AttrNumber attnum)
{
	return psprintf("%s%d.%s", letter, node->number,
					quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(node->rel), attnum - 1)->attname)));
}

/* A column's value such that nested_insert reads the same: as to_jsonb has it, or as the type's text. */
static char *
value_sql(SelectNode *node, AttrNumber attnum)
{
	char	   *column = column_sql("t", node, attnum);
	Oid			type = getBaseType(TupleDescAttr(RelationGetDescr(node->rel), attnum - 1)->atttypid);
	Oid			element = get_element_type(type);
	char	   *text = psprintf("pg_catalog.to_jsonb(pg_catalog.format('%%s', %s))", column);

	if (type == JSONOID || type == JSONBOID)
		return column;
	if (is_lost_inside(type))
		return psprintf("CASE WHEN pg_catalog.num_nulls(%s) OPERATOR(pg_catalog.=) 0 THEN %s END", column, text);
	/* bounds that do not begin with 1 */
	if (OidIsValid(element))
		return psprintf("CASE WHEN pg_catalog.array_dims(%s) OPERATOR(pg_catalog.~) '\\[(?!1:)' THEN %s "
						"ELSE pg_catalog.to_jsonb(%s) END", column, text, column);
	return column;
}

/* ------------------------------------------------------------------------ */
/* Documents																*/
/* ------------------------------------------------------------------------ */

/* A document's names and values, as arguments of jsonb_build_object. */
typedef struct Pairs
{
	StringInfo	out;
	int			n;
} Pairs;

/* Begin the next pair. */
static void
next_pair(Pairs *pairs)
{
	if (pairs->n > 0 && pairs->n % PAIRS_PER_CALL == 0)
		appendStringInfoString(pairs->out, ") OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(");
	else if (pairs->n > 0)
		appendStringInfoString(pairs->out, ", ");
	pairs->n++;
}

/* The words for nested_insert that tell one row in several places. */
static void
append_match(Pairs *pairs, SelectNode *node)
{
	ListCell   *lc;

	next_pair(pairs);
	appendStringInfoString(pairs->out, "'_match', pg_catalog.jsonb_build_array(");
	foreach(lc, node->primary)
		appendStringInfo(pairs->out, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 quote_literal_cstr(get_attname(RelationGetRelid(node->rel), lfirst_int(lc), false)));
	appendStringInfoChar(pairs->out, ')');
}

/*
 * A parent: null where the row has none.  Where there is one that is not to be
 * seen, and where a key of several columns is null in part, the foreign key's
 * column stands in its place, or is there a second time.
 */
static void
append_parent(Pairs *pairs, SelectNode *node)
{
	SelectNode *outer = node->outer;
	ForeignKey *key = node->field->key;
	StringInfoData told;

	initStringInfo(&told);
	appendStringInfo(&told, "n%d.j IS NOT NULL OR pg_catalog.num_nonnulls(", node->number);
	for (int i = 0; i < key->ncolumns; i++)
		appendStringInfo(&told, "%s%s", i > 0 ? ", " : "", column_sql("t", outer, key->columns[i]));
	appendStringInfoString(&told, ") OPERATOR(pg_catalog.=) 0");
	appendStringInfo(pairs->out, "CASE WHEN %s THEN %s ELSE %s END, CASE WHEN %s THEN n%d.j ELSE pg_catalog.to_jsonb(%s) END",
					 told.data, quote_literal_cstr(node->field->name),
					 quote_literal_cstr(shape_column_name(outer->rel, key->columns[0])),
					 told.data, node->number, value_sql(outer, key->columns[0]));
}

/* What stands under a relation's name. */
static void
append_relation(Pairs *pairs, SelectNode *node)
{
	next_pair(pairs);
	if (node->field->kind == FIELD_PARENT)
		append_parent(pairs, node);
	else if (node->field->single)
		appendStringInfo(pairs->out, "%s, n%d.j", quote_literal_cstr(node->field->name), node->number);
	else
		appendStringInfo(pairs->out, "%s, COALESCE(n%d.j, '[]'::pg_catalog.jsonb)",
						 quote_literal_cstr(node->field->name), node->number);
}

/* Whether a relation has the name. */
static bool
is_relation(SelectNode *node, const char *name)
{
	ListCell   *lc;

	foreach(lc, node->nodes)
		if (strcmp(((SelectNode *) lfirst(lc))->field->name, name) == 0)
			return true;
	return false;
}

/* Whether the relation's name is that of a column, too. */
static bool
is_column_name(SelectNode *node)
{
	return AttributeNumberIsValid(find_column(node->outer->rel, node->field->name));
}

/* The document of a row of the place. */
static void
append_document(StringInfo out, SelectNode *node)
{
	Pairs		pairs = {out, 0};
	ListCell   *lc;

	appendStringInfoString(out, "pg_catalog.jsonb_build_object(");
	if (node->match)
		append_match(&pairs, node);
	foreach(lc, node->columns)
	{
		const char *name = shape_column_name(node->rel, lfirst_int(lc));

		/* a parent may stand in the place of its column */
		if (is_relation(node, name))
			continue;
		next_pair(&pairs);
		appendStringInfo(out, "%s, %s", quote_literal_cstr(name), value_sql(node, lfirst_int(lc)));
	}
	/* of equal names the last one counts: that of a parent in its column's place */
	foreach(lc, node->nodes)
		if (!is_column_name(lfirst(lc)))
			append_relation(&pairs, lfirst(lc));
	foreach(lc, node->nodes)
		if (is_column_name(lfirst(lc)))
			append_relation(&pairs, lfirst(lc));
	appendStringInfoChar(out, ')');
}

/* The order of a place's rows: the primary key; without one, where they are. */
static void
append_order(StringInfo out, SelectNode *node)
{
	char		kind = node->rel->rd_rel->relkind;
	ListCell   *lc;

	if (node->primary == NIL && (kind == RELKIND_VIEW || kind == RELKIND_FOREIGN_TABLE))
		return;
	appendStringInfoString(out, " ORDER BY ");
	foreach(lc, node->primary)
		appendStringInfo(out, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 column_sql("t", node, lfirst_int(lc)));
	if (node->primary == NIL)
		appendStringInfo(out, "t%d.tableoid, t%d.ctid", node->number, node->number);
}

/* ------------------------------------------------------------------------ */
/* Joins																	*/
/* ------------------------------------------------------------------------ */

/* A table in FROM, without those that inherit from it. */
static const char *
only(Oid relid)
{
	return get_rel_relkind(relid) == RELKIND_RELATION ? "ONLY " : "";
}

/* The child's column is compared under the collation of the one that it refers to. */
static const char *
collate(ForeignKey *key, int i)
{
	Oid			collation;
	Oid			own;
	Oid			type;
	int32		typmod;

	get_atttypetypmodcoll(key->parent, key->referred[i], &type, &typmod, &collation);
	get_atttypetypmodcoll(key->child, key->columns[i], &type, &typmod, &own);
	if (!OidIsValid(collation) || !OidIsValid(own) || collation == own)
		return "";
	return psprintf(" COLLATE %s", collation_sql(collation));
}

/* Append that a row of the child refers to one of the parent, each column given by its alias. */
static void
append_refers(StringInfo out, ForeignKey *key, const char *parent, const char *child)
{
	for (int i = 0; i < key->ncolumns; i++)
		appendStringInfo(out, "%s%s.%s %s %s.%s%s", i > 0 ? " AND " : "",
						 parent, quote_identifier(get_attname(key->parent, key->referred[i], false)),
						 operator_sql(key->equal[i]),
						 child, quote_identifier(get_attname(key->child, key->columns[i], false)), collate(key, i));
}

/* The same with an alias for each of the two that is a letter and a place's number. */
static void
append_join(StringInfo out, ForeignKey *key, char parent, int parent_number, char child, int child_number)
{
	append_refers(out, key, psprintf("%c%d", parent, parent_number), psprintf("%c%d", child, child_number));
}

/*
 * Append a condition on row "letter" of the place: that it belongs to some row of
 * those that are asked for.  link is the letter of the place's link table, where
 * that is in the same FROM.
 */
static void
append_wanted(StringInfo out, SelectNode *node, char letter, char link, Node *condition)
{
	SelectNode *outer = node->outer;
	ForeignKey *key = node->field->key;

	check_stack_depth();
	appendStringInfo(out, "EXISTS (SELECT FROM %s%s AS r%d", outer->outer ? only(RelationGetRelid(outer->rel)) : "",
					 outer->target, outer->number);
	if (node->field->kind == FIELD_LINKED && !link)
	{
		appendStringInfo(out, " JOIN %s%s AS m%d ON ", only(key->child), qualified_name(key->child), node->number);
		append_join(out, key, 'r', outer->number, 'm', node->number);
	}
	appendStringInfoString(out, " WHERE ");
	if (node->field->kind == FIELD_CHILDREN)
		append_join(out, key, 'r', outer->number, letter, node->number);
	else if (node->field->kind == FIELD_PARENT)
		append_join(out, key, letter, node->number, 'r', outer->number);
	else if (link)
		append_join(out, key, 'r', outer->number, link, node->number);
	else
		append_join(out, node->field->far, letter, node->number, 'm', node->number);
	appendStringInfoString(out, " AND ");
	if (outer->outer)
		append_wanted(out, outer, 'r', '\0', condition);
	else
		appendStringInfo(out, "(\n%s\n)", condition_sql(outer->rel, condition, psprintf("r%d", outer->number)));
	appendStringInfoChar(out, ')');
}

/* The key's columns, by which a subquery is joined: those of the parent or of the child. */
static void
append_keys(StringInfo out, const char *alias, ForeignKey *key, bool of_child, bool named)
{
	for (int i = 0; i < key->ncolumns; i++)
	{
		char	   *column = of_child ? get_attname(key->child, key->columns[i], false) :
			get_attname(key->parent, key->referred[i], false);

		appendStringInfo(out, "%s%s.%s%s", i > 0 ? ", " : "", alias, quote_identifier(column),
						 of_child ? collate(key, i) : "");
		if (named)
			appendStringInfo(out, " AS k%d", i + 1);
	}
}

/* Append the subquery of a parent. */
static void
append_parent_rows(StringInfo out, SelectNode *node, Node *condition)
{
	ForeignKey *key = node->field->key;

	append_keys(out, psprintf("t%d", node->number), key, false, true);
	appendStringInfoString(out, ", ");
	append_document(out, node);
	appendStringInfoString(out, " AS j FROM ");
	append_from(out, node, condition);
}

/* Append the subquery of children or of rows behind a link table, grouped by the key. */
static void
append_grouped_rows(StringInfo out, SelectNode *node, Node *condition)
{
	ForeignKey *key = node->field->key;
	bool		linked = node->field->kind == FIELD_LINKED;
	char	   *alias = psprintf("%c%d", linked ? 'l' : 't', node->number);

	append_keys(out, alias, key, true, true);
	appendStringInfoString(out, ", pg_catalog.jsonb_agg(");
	append_document(out, node);
	append_order(out, node);
	/* a unique key that is deferred may be violated for a while */
	appendStringInfo(out, ")%s AS j FROM ", node->field->single ? " OPERATOR(pg_catalog.->) 0" : "");
	append_from(out, node, condition);
	if (linked)
	{
		appendStringInfo(out, " JOIN %s%s AS l%d ON ", only(key->child), qualified_name(key->child), node->number);
		append_join(out, node->field->far, 't', node->number, 'l', node->number);
	}
	if (condition)
	{
		appendStringInfoString(out, " WHERE ");
		append_wanted(out, node, 't', linked ? 'l' : '\0', condition);
	}
	appendStringInfoString(out, " GROUP BY ");
	append_keys(out, alias, key, true, false);
}

/* Append how a place's subquery is joined with the place around it. */
static void
append_on(StringInfo out, SelectNode *node)
{
	ForeignKey *key = node->field->key;
	bool		is_parent = node->field->kind == FIELD_PARENT;

	for (int i = 0; i < key->ncolumns; i++)
	{
		char	   *own = psprintf("n%d.k%d", node->number, i + 1);
		char	   *outside = column_sql("t", node->outer, is_parent ? key->columns[i] : key->referred[i]);

		appendStringInfo(out, "%s%s %s %s%s", i > 0 ? " AND " : "", is_parent ? own : outside,
						 operator_sql(key->equal[i]), is_parent ? outside : own, is_parent ? collate(key, i) : "");
	}
}

/* Append a place's table, joined with what is nested in it. */
static void
append_from(StringInfo out, SelectNode *node, Node *condition)
{
	ListCell   *lc;

	check_stack_depth();
	appendStringInfo(out, "%s%s AS t%d", node->outer ? only(RelationGetRelid(node->rel)) : "", node->target, node->number);
	foreach(lc, node->nodes)
	{
		SelectNode *inner = lfirst(lc);

		appendStringInfoString(out, " LEFT JOIN (SELECT ");
		if (inner->field->kind == FIELD_PARENT)
			append_parent_rows(out, inner, condition);
		else
			append_grouped_rows(out, inner, condition);
		appendStringInfo(out, ") AS n%d ON ", inner->number);
		append_on(out, inner);
	}
}

/*
 * select_sql
 *		The statement that gives the documents of the rows for which the condition
 *		holds, which may be NULL.
 */
char *
select_sql(SelectNode *root, Node *condition)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, "SELECT ");
	append_document(&out, root);
	appendStringInfoString(&out, " AS j FROM ");
	append_from(&out, root, condition);
	if (condition)
	{
		/* is it read under the caller's search_path as it is meant? */
		(void) caller_condition_sql(root->rel, "condition", condition, NULL);
		appendStringInfo(&out, " WHERE (\n%s\n)", condition_sql(root->rel, condition, psprintf("t%d", root->number)));
	}
	append_order(&out, root);
	return out.data;
}
