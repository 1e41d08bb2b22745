/*
 * resolve.c
 *	  A verb's arguments, looked up against the target and the data.
 *
 * Everything that can be wrong with names is found here, before a row is
 * decoded: keys, columns, SET lists, conditions.
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "condition.h"
#include "expression.h"
#include "rows/verb.h"

/* The strings of a text[] argument. */
static List *
names_of_array(ArrayType *array, const char *argument)
{
	Datum	   *items;
	bool	   *nulls;
	int			count;
	List	   *result = NIL;

	if (array == NULL)
		return NIL;
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must be an array of one dimension", argument)));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not contain nulls", argument)));
		result = lappend(result, TextDatumGetCString(items[i]));
	}
	return result;
}

/* Whether a list of C strings has the name. */
static bool
has_name(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* Complain about a column that the target lacks. */
static void
report_unknown_column(Verb *verb, const char *what, const char *name)
{
	const char *nearest = nearest_column(verb->rel, name);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" %s does not exist in \"%s\"", name, what,
					RelationGetRelationName(verb->rel)),
			 nearest ? errhint("Perhaps you meant column \"%s\".", nearest) : 0));
}

/*
 * verb_key_names
 *		The names of the key's columns; NIL when a condition stands in for it.
 */
List *
verb_key_names(Verb *verb)
{
	List	   *names = NIL;
	List	   *columns;
	ListCell   *lc;

	if (verb->key_arg && verb->match)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("arguments \"key\" and \"match\" exclude each other")));
	if (verb->match)
		return NIL;
	if (verb->key_arg)
	{
		names = names_of_array(verb->key_arg, "key");
		if (names == NIL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"key\" names no column")));
		foreach(lc, names)
		{
			if (!AttributeNumberIsValid(find_column(verb->rel, lfirst(lc))))
				report_unknown_column(verb, "of the key", lfirst(lc));
			if (has_name(list_copy_head(names, foreach_current_index(lc)), lfirst(lc)))
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" is named twice in argument \"key\"", (char *) lfirst(lc))));
		}
		return names;
	}
	columns = primary_key_columns(verb->rel);
	if (columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("\"%s\" has no primary key", RelationGetRelationName(verb->rel)),
				 errhint("Name the columns that identify a row with key => ARRAY[...].")));
	foreach(lc, columns)
		names = lappend(names, pstrdup(NameStr(TupleDescAttr(RelationGetDescr(verb->rel), lfirst_int(lc) - 1)->attname)));
	return names;
}

/*
 * Parse an expression over target and data, and add the columns of the data
 * that it mentions to names.  Only these are decoded, so that there is no whole
 * row of the data that it could mean.
 */
static List *
read_expression(Verb *verb, const char *argument, const char *text, List *names)
{
	Node	   *expr = parse_expression(argument, text);

	if (mentions_whole_row(expr, "data") && !AttributeNumberIsValid(find_column(verb->rel, "data")))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("argument \"%s\" refers to \"data\" as a whole", argument),
				 errhint("Name its columns: data.column.")));
	return columns_of_alias(expr, "data", names);
}

/*
 * Read the SET argument: which data columns are assigned as they are, which
 * columns get an expression, and which data columns the expressions mention.
 */
static void
read_set(Verb *verb, List *key, List **assigned, List **mentioned)
{
	List	   *items = names_of_array(verb->set_arg, "set");
	ListCell   *lc;

	*assigned = NIL;
	verb->nset = 0;
	verb->set = palloc0_array(Assignment, list_length(items) + verb->data->ncols + 1);
	if (verb->set_arg == NULL)
	{
		for (int i = 0; i < verb->data->ncols; i++)
			if (!has_name(key, verb->data->names[i]) &&
				AttributeNumberIsValid(find_column(verb->rel, verb->data->names[i])))
				*assigned = lappend(*assigned, pstrdup(verb->data->names[i]));
		return;
	}
	foreach(lc, items)
	{
		char	   *item = lfirst(lc);
		char	   *column;
		const char *value;
		AttrNumber	attnum = find_column(verb->rel, item);

		if (AttributeNumberIsValid(attnum))
		{
			*assigned = lappend(*assigned, item);
			continue;
		}
		if (strchr(item, '=') == NULL)
			report_unknown_column(verb, "in \"set\"", item);
		parse_assignment("set", item, &column, &value);
		attnum = find_column(verb->rel, column);
		if (!AttributeNumberIsValid(attnum))
			report_unknown_column(verb, "in \"set\"", column);
		verb->set[verb->nset].mentioned = read_expression(verb, "set", value, NIL);
		*mentioned = list_concat(*mentioned, verb->set[verb->nset].mentioned);
		verb->set[verb->nset].attnum = attnum;
		verb->set[verb->nset].column = -1;
		verb->set[verb->nset++].value = value;
	}
}

/*
 * Complain when a value is to be written that the server computes.  What is
 * inserted is all of the data; only an update has a SET list to choose by.
 */
static void
check_writable(Verb *verb, AttrNumber attnum, bool is_key)
{
	const char *hint = verb->inserts ? "Leave it out of the data." :
		verb->set_arg ? "Leave it out of \"set\"." :
		"Leave it out of the data, or name the columns to write with \"set\".";
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(verb->rel), attnum - 1);

	if (att->attgenerated)
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" of \"%s\" is a generated column",
						NameStr(att->attname), RelationGetRelationName(verb->rel)),
				 errhint("%s", hint)));
	/* the key of an upsert is inserted as it is given */
	if (att->attidentity == ATTRIBUTE_IDENTITY_ALWAYS && !is_key)
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" of \"%s\" is an identity column defined as GENERATED ALWAYS",
						NameStr(att->attname), RelationGetRelationName(verb->rel)),
				 errhint("%s", hint)));
}

/*
 * verb_describe_columns
 *		Describe the data columns that the verb needs.
 */
void
verb_describe_columns(Verb *verb, List *key, List *assigned, List *mentioned, List *matched)
{
	Rowset	   *data = verb->data;

	verb->columns = palloc0_array(DataColumn, data->ncols + 1);
	verb->ncolumns = 0;
	for (int i = 0; i < data->ncols; i++)
	{
		const char *name = data->names[i];
		AttrNumber	attnum = find_column(verb->rel, name);
		DataColumn *column = &verb->columns[verb->ncolumns];
		bool		is_mentioned = has_name(mentioned, name);
		bool		is_matched = has_name(matched, name);
		bool		is_key = has_name(key, name);
		bool		is_written = verb->inserts || has_name(assigned, name);

		if (!AttributeNumberIsValid(attnum) && !is_mentioned && !is_matched)
			report_unknown_column(verb, "of the data", name);
		if (AttributeNumberIsValid(attnum) && is_written)
			check_writable(verb, attnum, is_key);
		if (!is_key && !is_mentioned && !is_matched && !is_written &&
			!(verb->returns_data && AttributeNumberIsValid(attnum)))
			continue;
		column->name = name;
		column->source = i;
		column->attnum = attnum;
		column->exact = is_key || is_matched;
		column->partial = data->partial[i] && (is_written || is_mentioned) && !is_key;
		if (AttributeNumberIsValid(attnum))
		{
			Form_pg_attribute att = TupleDescAttr(RelationGetDescr(verb->rel), attnum - 1);

			column->type = att->atttypid;
			/* what rows are found by is compared as it is, not as it would be stored */
			column->typmod = column->exact ? -1 : att->atttypmod;
			column->collation = att->attcollation;
		}
		else
		{
			/* not the target's: as it was given, or text */
			column->type = rowset_column_type(data, i);
			column->typmod = -1;
			column->collation = get_typcollation(column->type);
		}
		verb->ncolumns++;
	}
}

/*
 * verb_data_column
 *		The position of a data column by name; -1 when it is not there.
 */
int
verb_data_column(Verb *verb, const char *name)
{
	for (int c = 0; c < verb->ncolumns; c++)
		if (strcmp(verb->columns[c].name, name) == 0)
			return c;
	return -1;
}

/* Find the key's columns in the data and see that they can be compared. */
static void
resolve_key(Verb *verb, List *key)
{
	ListCell   *lc;

	verb->nkeys = 0;
	verb->keys = palloc_array(int, list_length(key) + 1);
	foreach(lc, key)
	{
		int			c = verb_data_column(verb, lfirst(lc));
		TypeCacheEntry *entry;

		if (c < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("row 1 lacks key column \"%s\"", (char *) lfirst(lc)),
					 errdetail("The data has no column of that name in any row."),
					 errhint("Every row needs all columns of the key.")));
		entry = lookup_type_cache(verb->columns[c].type, TYPECACHE_LT_OPR | TYPECACHE_EQ_OPR);
		if (!OidIsValid(entry->lt_opr) || !OidIsValid(entry->eq_opr))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("column \"%s\" of type %s cannot be part of a key",
							verb->columns[c].name, format_type_be(verb->columns[c].type)),
					 errdetail("The type has no default ordering."),
					 errhint("Use \"match\" with a condition of your own.")));
		verb->keys[verb->nkeys++] = c;
	}
}

/* Complete the SET list with the columns that are assigned as they are. */
static void
resolve_set(Verb *verb, List *assigned)
{
	ListCell   *lc;

	foreach(lc, assigned)
	{
		int			c = verb_data_column(verb, lfirst(lc));

		if (c < 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" in \"set\" is not in the data", (char *) lfirst(lc)),
					 errhint("Add it to the data, or give an expression: \"column = expression\".")));
		verb->set[verb->nset].attnum = verb->columns[c].attnum;
		verb->set[verb->nset].column = c;
		verb->nset++;
	}
	for (int i = 0; i < verb->nset; i++)
	{
		List	   *columns = NIL;

		check_writable(verb, verb->set[i].attnum, false);
		foreach(lc, verb->set[i].mentioned)
			columns = lappend_int(columns, verb_data_column(verb, lfirst(lc)));
		verb->set[i].mentioned = columns;
	}
}

/*
 * match_as_sql
 *		The condition match as SQL; in JSON it is over the target's columns and the data's.  Data without columns, of
 *		which no more is known, is taken to have those of the target.
 */
const char *
match_as_sql(Relation rel, Rowset *data, const char *match)
{
	ConditionSide sides[2] = {{"target", rel}, {"data", rel}};
	TupleDesc	desc;

	if (match == NULL || !condition_is_json(match))
		return match;
	if (data && data->nrows == 0)
	{
		require_json(match);
		return "false";
	}
	if (data)
	{
		desc = CreateTemplateTupleDesc(data->ncols);
		for (int i = 0; i < data->ncols; i++)
		{
			AttrNumber	attnum = find_column(rel, data->names[i]);
			Form_pg_attribute att = attnum > 0 ? TupleDescAttr(RelationGetDescr(rel), attnum - 1) : NULL;
			Oid			type = att ? att->atttypid : rowset_column_type(data, i);

			TupleDescInitEntry(desc, i + 1, data->names[i], type, -1, 0);
			TupleDescInitEntryCollation(desc, i + 1, att ? att->attcollation : get_typcollation(type));
		}
		sides[1].rel = relation_of_columns("data", desc);
	}
	return json_condition_sql(sides, 2, match);
}

/*
 * verb_resolve
 *		Look all arguments up against the target and the data.
 */
void
verb_resolve(Verb *verb)
{
	List	   *key = verb_key_names(verb);
	List	   *assigned = NIL;
	List	   *mentioned = NIL;	/* in expressions of the SET list */
	List	   *matched = NIL;		/* in the condition */
	ListCell   *lc;

	foreach(lc, key)
		verb->key_attnums = lappend_int(verb->key_attnums, find_column(verb->rel, lfirst(lc)));
	verb->match = match_as_sql(verb->rel, verb->data, verb->match);
	if (verb->match)
		matched = read_expression(verb, "match", verb->match, NIL);
	if (verb->sets)
		read_set(verb, key, &assigned, &mentioned);
	if (verb->data->nrows == 0)
		return;
	verb_describe_columns(verb, key, assigned, mentioned, matched);
	resolve_key(verb, key);
	if (verb->sets)
		resolve_set(verb, assigned);
}

/*
 * verb_require_unique_key
 *		Find the unique index behind the key; only tables can be asked for one.
 */
void
verb_require_unique_key(Verb *verb)
{
	char		relkind = verb->rel->rd_rel->relkind;
	StringInfoData names;
	ListCell   *lc;

	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE)
		return;
	if (find_unique_key(verb->rel, verb->key_attnums, &verb->unique))
		return;
	initStringInfo(&names);
	foreach(lc, verb->key_attnums)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 get_attname(RelationGetRelid(verb->rel), lfirst_int(lc), false));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
			 errmsg("\"%s\" has no unique index on (%s)", RelationGetRelationName(verb->rel), names.data),
			 errhint("Create a unique index on just these columns, or name another key.")));
}
