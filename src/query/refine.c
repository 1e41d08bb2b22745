/*
 * refine.c
 *	  Steps that change what a query gives: its columns, order, extent and groups.
 *
 * Each step means SELECT ... FROM (the query so far).  Where the level of the
 * query leaves room for it, it is written into the level: see level.c for when
 * names mean the same there, and each step for when the rows are the same.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "query/refine.h"

PG_FUNCTION_INFO_V1(query_pick);
PG_FUNCTION_INFO_V1(query_annotate);
PG_FUNCTION_INFO_V1(query_group_by);
PG_FUNCTION_INFO_V1(query_aggregate);
PG_FUNCTION_INFO_V1(query_order_by);
PG_FUNCTION_INFO_V1(query_slice_rows);
PG_FUNCTION_INFO_V1(query_distinct_on);

/* Do LIMIT and the like say which of the rows there are? */
static bool
is_sliced(const MoreQuery *query)
{
	return query->parts[PART_LIMIT] || query->parts[PART_FETCH] || query->parts[PART_OFFSET];
}

/* Is it SELECT * FROM ..., that is: are its columns those of FROM? */
static bool
gives_star(const MoreQuery *query)
{
	return query->kind == QUERY_SELECT && query->parts[PART_FROM] && strcmp(query->parts[PART_SELECT], "*") == 0;
}

/* The items as one text. */
static char *
joined(List *items)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	foreach(lc, items)
		appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", (char *) lfirst(lc));
	return out.data;
}

/* ------------------------------------------------------------------------ */
/* Columns																	*/
/* ------------------------------------------------------------------------ */

/* Columns that the user names, as QueryExpression *. */
static List *
read_columns(MoreQuery *query, const char *argument, ArrayType *array)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, text_array_arg(argument, array))
	{
		QueryExpression *column = palloc(sizeof(QueryExpression));

		*column = column_item(query, argument, lfirst(lc));
		result = lappend(result, column);
	}
	return result;
}

/* Columns as the new list of the query's level, which gives them under their names. */
static char *
column_list(MoreQuery *query, List *columns)
{
	List	   *items = NIL;
	ListCell   *lc;

	foreach(lc, columns)
		items = lappend(items, level_column(query, *(QueryExpression *) lfirst(lc)));
	return joined(items);
}

/* The same as a list of GROUP BY or DISTINCT ON; keep: the level keeps the list that it has. */
static List *
key_list(MoreQuery *query, List *columns, bool keep)
{
	List	   *items = NIL;
	ListCell   *lc;

	foreach(lc, columns)
		items = lappend(items, unconstify(char *, level_expression(query, *(QueryExpression *) lfirst(lc), keep).text));
	return items;
}

/* The item of the list that gives the column of that name; NULL unless there is exactly one. */
static const char *
listed_item(List *columns, const char *name)
{
	const char *result = NULL;
	ListCell   *lc;

	foreach(lc, columns)
	{
		QueryColumn *column = lfirst(lc);

		if (column->name == NULL || strcmp(column->name, name) != 0)
			continue;
		if (result)
			return NULL;
		result = column->text;
	}
	return result;
}

/* In a join's list, does the star of the first query give the column, and nothing else? */
static bool
is_of_base(List *columns, const char *name)
{
	bool		star = false;
	ListCell   *lc;

	foreach(lc, columns)
	{
		QueryColumn *column = lfirst(lc);

		if (column->expanded || (column->name && strcmp(column->name, name) == 0))
			return false;
		star |= strcmp(column->text, JOIN_BASE ".*") == 0;
	}
	return star;
}

/*
 * The list with the picked columns only, NULL where it cannot be told.  Its items may be left out, because
 * they are plain: none of them makes the level an aggregate, or gives sets.  DISTINCT counts them all.
 */
static char *
picked_list(MoreQuery *query, List *picked)
{
	List	   *items = NIL;
	List	   *columns;
	ListCell   *lc;

	/* GROUP BY may name columns of the list, and by their numbers */
	if (query->kind != QUERY_SELECT || query->parts[PART_FROM] == NULL || query->parts[PART_DISTINCT] ||
		query->parts[PART_GROUP_BY])
		return NULL;
	if (gives_star(query) || (is_join_level(query) && strcmp(query->parts[PART_SELECT], JOIN_BASE ".*") == 0))
		return column_list(query, picked);
	if (query->parts[PART_ORDER_BY] || !query_is_plain_list(query))
		return NULL;
	columns = query_columns(query);
	foreach(lc, picked)
	{
		QueryExpression *column = lfirst(lc);
		const char *name = bare_name(column->tree);
		const char *item = name ? listed_item(columns, name) : NULL;

		/* no column of the list may be one of FROM */
		if (item == NULL && !is_join_level(query) && query_may_enter(query, column->tree))
			item = level_column(query, *column);
		if (item == NULL && is_join_level(query) && (name == NULL || is_of_base(columns, name)))
			item = level_column(query, *column);
		if (item == NULL)
			return NULL;
		items = lappend(items, unconstify(char *, item));
	}
	return joined(items);
}

/* Is an item of ORDER BY the number of a column? */
static bool
is_number(Node *item)
{
	return IsA(item, A_Const) && !((A_Const *) item)->isnull && IsA(&((A_Const *) item)->val, Integer);
}

/* The name of a column by its place from 1. */
static const char *
column_at(const MoreQuery *query, int place)
{
	bool		star = strstr(query->parts[PART_SELECT], "*") != NULL;
	List	   *columns = star ? query_output(query) : query_columns(query);

	if (place < 1 || place > list_length(columns))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("ORDER BY position %d is not in select list", place)));
	if (star)
		return psprintf("%s%s", is_join_level(query) ? JOIN_BASE "." : "",
						stored_name(((TargetEntry *) list_nth(columns, place - 1))->resname));
	return stored_name(((QueryColumn *) list_nth(columns, place - 1))->name);
}

/* The items of ORDER BY as a tree. */
static List *
order_tree(const MoreQuery *query)
{
	return castNode(SelectStmt, query_raw_parse(psprintf("SELECT ORDER BY %s", query->parts[PART_ORDER_BY])))->sortClause;
}

/* Numbers of columns in ORDER BY become names, since the columns are about to change. */
static void
order_by_names(MoreQuery *query)
{
	List	   *items = NIL;
	ListCell   *lc;
	ListCell   *lt;

	if (query->parts[PART_ORDER_BY] == NULL)
		return;
	forboth(lc, order_tree(query), lt, query_split_list(query->parts[PART_ORDER_BY]))
	{
		Node	   *item = ((SortBy *) lfirst(lc))->node;
		char	   *text = lfirst(lt);

		if (is_number(item))
		{
			QueryTokens *tokens = query_lex(text, true);
			int			end = 0;

			while (tokens->tokens[end].word != WORD_ICONST)
				end++;
			do
				end++;
			while (tokens->tokens[end].word == ')');
			text = psprintf("%s%s%s", column_at(query, intVal(&((A_Const *) item)->val)),
							end < tokens->count ? " " : "", query_slice(tokens, end, tokens->count));
		}
		items = lappend(items, text);
	}
	query->parts[PART_ORDER_BY] = joined(items);
}

/*
 * more.pick(query, VARIADIC columns): these columns only, in this order.
 */
Datum
query_pick(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	List	   *picked;
	char	   *list;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "pick");
	query = PG_GETARG_QUERY(0);
	picked = read_columns(query, "columns", required_array_arg(fcinfo, 1, "columns"));
	list = picked_list(query, picked);
	if (list == NULL)
	{
		query = query_wrap(query);
		list = column_list(query, picked);
	}
	order_by_names(query);
	query->parts[PART_SELECT] = list;
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* Is it a column of the list already? */
static void
refuse_repeated_name(const MoreQuery *query, const char *name)
{
	ListCell   *lc;

	foreach(lc, query_columns(query))
	{
		QueryColumn *column = lfirst(lc);

		if (column->name && strcmp(column->name, name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("the query has a column \"%s\" already", name)));
	}
}

/* Does ORDER BY have the name in it, which would mean the new column then? */
static bool
orders_by(const MoreQuery *query, const char *name)
{
	return query->parts[PART_ORDER_BY] && stored_mentions(query->parts[PART_ORDER_BY], name);
}

/* The query whose list may take in the expression; only SELECT * takes in more than operations on a row. */
static MoreQuery *
open_for(MoreQuery *query, const QueryExpression *expression, const char *name)
{
	if (query_may_enter(query, expression->tree) && !orders_by(query, name) && query->parts[PART_LOCK] == NULL &&
		(gives_star(query) || query_is_plain_list(query)))
		return query;
	query = query_wrap(query);
	if (orders_by(query, name))
		query = query_wrap(query);
	return query;
}

/*
 * more.annotate(query, name, expression, params): one more column.
 */
Datum
query_annotate(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	char	   *name;
	char	   *text;
	QueryExpression expression;
	const char *list;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "annotate");
	query = PG_GETARG_QUERY(0);
	name = new_name_arg(fcinfo, 1, "name");
	text = required_text_arg(fcinfo, 2, "expression");
	expression = query_expression(query, "expression", text, PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3));
	refuse_star(expression.tree, "expression", text);
	query = open_for(query, &expression, name);
	expression = level_expression(query, expression, true);
	refuse_repeated_name(query, name);
	list = query->parts[PART_SELECT];
	query->parts[PART_SELECT] = psprintf("%s%s%s AS %s", list, *list ? ", " : "", expression.text, stored_name(name));
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* ------------------------------------------------------------------------ */
/* Groups																	*/
/* ------------------------------------------------------------------------ */

/*
 * Are all columns FROM's own, under their names?  Aggregates that come later may name any of them, when the list is not
 * theirs any more.
 */
static bool
gives_from(const MoreQuery *query)
{
	ListCell   *lc;

	if (gives_star(query))
		return true;
	if (query->kind != QUERY_SELECT || query->parts[PART_FROM] == NULL)
		return false;
	if (is_join_level(query))
		return strcmp(query->parts[PART_SELECT], JOIN_BASE ".*") == 0;
	foreach(lc, query_columns(query))
		if (!((QueryColumn *) lfirst(lc))->identity)
			return false;
	return query_is_plain_list(query);
}

/* May the level be grouped by these columns? */
static bool
may_group(const MoreQuery *query, List *columns)
{
	ListCell   *lc;

	if (!query_is_open(query) || query->parts[PART_LOCK] || !gives_from(query))
		return false;
	foreach(lc, columns)
		if (!query_may_enter(query, ((QueryExpression *) lfirst(lc))->tree))
			return false;
	return true;
}

/*
 * more.group_by(query, VARIADIC columns): a row per combination of values of these columns.
 */
Datum
query_group_by(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	List	   *columns;
	char	   *list;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "group_by");
	query = PG_GETARG_QUERY(0);
	columns = read_columns(query, "columns", required_array_arg(fcinfo, 1, "columns"));
	if (!may_group(query, columns))
		query = query_wrap(query);
	list = column_list(query, columns);
	query->parts[PART_GROUP_BY] = columns ? joined(key_list(query, columns, false)) : "()";
	query->parts[PART_SELECT] = list;
	/* groups have no order; one is given to them after this step */
	query->parts[PART_ORDER_BY] = NULL;
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* Is it a level of groups, which may have one more aggregate? */
static bool
is_grouped(const MoreQuery *query)
{
	return query->kind == QUERY_SELECT && query->parts[PART_GROUP_BY] && query->parts[PART_DISTINCT] == NULL &&
		query->parts[PART_HAVING] == NULL && query->parts[PART_WINDOW] == NULL && query->parts[PART_ORDER_BY] == NULL &&
		!is_sliced(query);
}

/* Does the list compute the column?  One of a query that was joined further inside has a name of the steps there. */
static bool
is_computed(const QueryColumn *column)
{
	return column->name && !column->identity && !is_reached_column(column);
}

/* Walker: is a column named that the list computes, like an earlier aggregate? */
static bool
mentions_computed(Node *node, void *arg)
{
	List	   *columns = arg;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, ColumnRef))
		return raw_expression_tree_walker(node, mentions_computed, arg);
	/* alias.column is none of the list's */
	if (bare_name(node) == NULL)
		return false;
	foreach(lc, columns)
	{
		QueryColumn *column = lfirst(lc);

		if (column->expanded || (is_computed(column) && strcmp(column->name, bare_name(node)) == 0))
			return true;
	}
	return false;
}

/*
 * more.aggregate(query, name, expression, params): one more column of the groups; without groups, one row.
 */
Datum
query_aggregate(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	char	   *name;
	char	   *text;
	QueryExpression expression;
	const char *list;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "aggregate");
	query = PG_GETARG_QUERY(0);
	name = new_name_arg(fcinfo, 1, "name");
	text = required_text_arg(fcinfo, 2, "expression");
	expression = query_expression(query, "expression", text, PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3));
	refuse_star(expression.tree, "expression", text);
	if (!is_grouped(query) || mentions_computed(expression.tree, query_columns(query)))
	{
		if (query->parts[PART_LOCK] || !query_may_enter(query, expression.tree) || !gives_from(query))
			query = query_wrap(query);
		query->parts[PART_SELECT] = "";
		query->parts[PART_GROUP_BY] = "()";
		query->parts[PART_ORDER_BY] = NULL;
	}
	expression = level_expression(query, expression, true);
	refuse_repeated_name(query, name);
	list = query->parts[PART_SELECT];
	query->parts[PART_SELECT] = psprintf("%s%s%s AS %s", list, *list ? ", " : "", expression.text, stored_name(name));
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* ------------------------------------------------------------------------ */
/* Order																	*/
/* ------------------------------------------------------------------------ */

/* One item of ORDER BY. */
typedef struct OrderItem
{
	QueryExpression expression;
	const char *direction;
} OrderItem;

static List *
read_order(MoreQuery *query, ArrayType *array)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, text_array_arg("items", array))
	{
		OrderItem  *item = palloc(sizeof(OrderItem));
		char	   *text = strip_direction(lfirst(lc), &item->direction);

		item->expression = query_plain_expression(query, "items", text);
		if (IsA(item->expression.tree, A_Const))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("order_by takes columns and expressions, not the constant %s", text),
					 errhint("Name the column instead of its position.")));
		result = lappend(result, item);
	}
	return result;
}

/*
 * May the items be the level's ORDER BY?  A name alone means an output column there, as it should; a name in an
 * expression means a column of FROM.
 */
static bool
may_order(const MoreQuery *query, List *items)
{
	ListCell   *lc;

	if (is_sliced(query) || query->parts[PART_DISTINCT] || query->kind == QUERY_OPAQUE || query_modifies(query))
		return false;
	foreach(lc, items)
	{
		OrderItem  *item = lfirst(lc);

		if (bare_name(item->expression.tree))
			continue;
		if (query->kind != QUERY_SELECT || query->parts[PART_GROUP_BY] ||
			!query_may_enter(query, item->expression.tree))
			return false;
	}
	return true;
}

/* Is there a column of that name, which may be NULL, in the list? */
static bool
lists_name(List *columns, const char *name)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		QueryColumn *column = lfirst(lc);

		if (name && column->name && strcmp(column->name, name) == 0)
			return true;
	}
	return false;
}

/* The items as the level's ORDER BY. */
static char *
order_text(MoreQuery *query, List *items)
{
	List	   *columns = is_join_level(query) ? query_columns(query) : NIL;
	List	   *texts = NIL;
	ListCell   *lc;

	foreach(lc, items)
	{
		OrderItem  *item = lfirst(lc);
		QueryExpression expression = item->expression;

		/* the name of a column in the list means that one */
		if (!lists_name(columns, bare_name(expression.tree)))
			expression = level_expression(query, expression, true);
		texts = lappend(texts, psprintf("%s%s", expression.text, item->direction));
	}
	return joined(texts);
}

/*
 * more.order_by(query, VARIADIC items): the order of its rows, in place of any that it has.
 */
Datum
query_order_by(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	List	   *items;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "order_by");
	query = PG_GETARG_QUERY(0);
	items = read_order(query, required_array_arg(fcinfo, 1, "items"));
	if (!may_order(query, items))
		query = query_wrap(query);
	query->parts[PART_ORDER_BY] = items ? order_text(query, items) : NULL;
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* ------------------------------------------------------------------------ */
/* Extent																	*/
/* ------------------------------------------------------------------------ */

/* A number of rows; -1 for null. */
static int64
extent_arg(FunctionCallInfo fcinfo, int number, const char *argument)
{
	int64		value;

	if (PG_ARGISNULL(number))
		return -1;
	value = PG_GETARG_INT64(number);
	if (value < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be negative: " INT64_FORMAT, argument, value)));
	return value;
}

/* The number that a part is, absent when there is none; false if it is no number. */
static bool
part_number(const char *part, int64 absent, int64 *value)
{
	char	   *end;

	*value = absent;
	if (part == NULL)
		return true;
	errno = 0;
	*value = strtoi64(part, &end, 10);
	return *end == '\0' && end != part && errno == 0 && *value >= 0;
}

/*
 * A slice of a slice: of the rows from offset on, those that the query has left.  False if the numbers
 * are not plain ones.
 */
static bool
slice_slice(MoreQuery *query, int64 *offset, int64 *limit)
{
	int64		inner_offset;
	int64		inner_limit;
	int64		rest;

	if (query->parts[PART_FETCH] || !part_number(query->parts[PART_OFFSET], 0, &inner_offset) ||
		!part_number(query->parts[PART_LIMIT], -1, &inner_limit) || *offset > PG_INT64_MAX - inner_offset)
		return false;
	if (inner_limit >= 0)
	{
		rest = Max(inner_limit - *offset, 0);
		*limit = *limit < 0 ? rest : Min(*limit, rest);
	}
	*offset += inner_offset;
	return true;
}

/*
 * more.slice(query, offset, limit): so many rows, after so many.
 */
Datum
query_slice_rows(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	int64		offset;
	int64		limit;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "slice");
	query = PG_GETARG_QUERY(0);
	offset = Max(extent_arg(fcinfo, 1, "offset"), 0);
	limit = extent_arg(fcinfo, 2, "limit");
	if (query->kind == QUERY_OPAQUE || query_modifies(query) || !slice_slice(query, &offset, &limit))
		query = query_wrap(query);
	query->parts[PART_OFFSET] = offset > 0 ? psprintf(INT64_FORMAT, offset) : NULL;
	query->parts[PART_LIMIT] = limit >= 0 ? psprintf(INT64_FORMAT, limit) : NULL;
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* Is the item of ORDER BY about this column: its text, and ASC or the like at most? */
static bool
orders_column(const char *item, const char *column)
{
	const char *direction;
	size_t		len = strlen(column);

	if (strncmp(item, column, len) != 0 || strpbrk(item, "\001\002"))
		return false;
	return strcmp(strip_direction(item, &direction), column) == 0 || pg_strncasecmp(item + len, " using ", 7) == 0;
}

/* The order in which the first of the rows with equal values in the columns comes first: theirs, then the query's. */
static const char *
order_after(List *columns, const char *order)
{
	List	   *items;
	ListCell   *lc;
	ListCell   *li;
	int			found = 0;

	if (order == NULL)
		return joined(columns);
	/* these columns may be what it begins with */
	items = list_truncate(query_split_list(order), list_length(columns));
	foreach(lc, columns)
		foreach(li, items)
			if (orders_column(lfirst(li), lfirst(lc)))
			{
				found++;
				break;
			}
	if (found == list_length(columns))
		return order;
	return psprintf("%s, %s", joined(columns), order);
}

/* Each different row once.  DISTINCT takes no order by expressions, so that one by these goes around it. */
static MoreQuery *
distinct_rows(MoreQuery *query)
{
	const char *order = query->parts[PART_ORDER_BY];
	bool		names = true;
	ListCell   *lc;

	query->parts[PART_DISTINCT] = "";
	if (order == NULL)
		return query;
	foreach(lc, order_tree(query))
		names = names && bare_name(((SortBy *) lfirst(lc))->node);
	if (names)
		return query;
	query->parts[PART_ORDER_BY] = NULL;
	query = query_wrap(query);
	query->parts[PART_ORDER_BY] = order;
	return query;
}

/*
 * more.distinct_on(query, VARIADIC columns): the first row, in the query's order, of those with equal values in these
 * columns; without columns, each different row once.
 */
Datum
query_distinct_on(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	List	   *columns;
	List	   *items;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "distinct_on");
	query = PG_GETARG_QUERY(0);
	columns = read_columns(query, "columns", required_array_arg(fcinfo, 1, "columns"));
	if (!may_group(query, columns) || (columns == NIL && query->parts[PART_ORDER_BY]))
	{
		bool		ordered = query->parts[PART_ORDER_BY] != NULL;

		query = query_wrap(query);
		if (columns && ordered && query->parts[PART_ORDER_BY] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the query is ordered by what it does not give, so that its first rows cannot be told"),
					 errhint("Give what it is ordered by a name with more.annotate, and order by that.")));
		/* different rows have no order by what they do not give */
		if (columns == NIL && !gives_star(query))
			query->parts[PART_ORDER_BY] = NULL;
	}
	if (columns == NIL)
		query = distinct_rows(query);
	items = key_list(query, columns, true);
	if (items)
	{
		query->parts[PART_DISTINCT] = psprintf("ON (%s)", joined(items));
		query->parts[PART_ORDER_BY] = order_after(items, query->parts[PART_ORDER_BY]);
	}
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}
