/*
 * level.c
 *	  What a step may add to a query's level, and what it must wrap.
 *
 * A name in a step means an output column of the query; a name that is none
 * means a column of FROM.  A condition may enter WHERE if each name means there
 * what it means around the query, and if the rows that it then leaves are the
 * same: the level must give one row for each of FROM.  That is told by the text
 * alone, without a look at the catalog, and in doubt it is not so: to wrap the
 * query in a subquery is always right.
 *
 * SELECT * is the plain case: its columns are those of FROM, under their names.
 * Of other lists, columns that are taken as they are mean the same inside; what
 * has another name does not.  A function in the list may be an aggregate, a
 * window function or one that gives a set, so such a level is not entered.
 */
#include "postgres.h"

#include "catalog/heap.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_target.h"
#include "utils/builtins.h"

#include "query/refine.h"

/* Does the query give a row per row of FROM, as far as its clauses tell? */
bool
query_is_open(const MoreQuery *query)
{
	return query->kind == QUERY_SELECT && query->parts[PART_FROM] &&
		query->parts[PART_DISTINCT] == NULL && query->parts[PART_GROUP_BY] == NULL &&
		query->parts[PART_HAVING] == NULL && query->parts[PART_WINDOW] == NULL &&
		query->parts[PART_LIMIT] == NULL && query->parts[PART_FETCH] == NULL &&
		query->parts[PART_OFFSET] == NULL;
}

/* ------------------------------------------------------------------------ */
/* The columns of a list													*/
/* ------------------------------------------------------------------------ */

/*
 * The query's list, FROM or ORDER BY as a tree.  Each alone, so that what one step has read is what the next one
 * reads, even where it has changed another part.
 */
static SelectStmt *
part_tree(const MoreQuery *query, QueryPart part)
{
	const char *keyword = part == PART_SELECT ? "SELECT" : part == PART_FROM ? "SELECT FROM" : "SELECT ORDER BY";

	return castNode(SelectStmt, query_raw_parse(psprintf("%s %s", keyword, query->parts[part])));
}

/* The columns of the list, ResTarget *; a step looks at the same list more than once. */
static List *
list_tree(const MoreQuery *query)
{
	MoreQuery  *own = unconstify(MoreQuery *, query);

	if (query->listed != query->parts[PART_SELECT])
	{
		own->columns = part_tree(query, PART_SELECT)->targetList;
		own->listed = query->parts[PART_SELECT];
	}
	return query->columns;
}

/* Is it all columns of a composite value, (value).*? */
static bool
is_expanded(Node *node)
{
	return IsA(node, A_Indirection) && IsA(llast(((A_Indirection *) node)->indirection), A_Star);
}

/* What the text tells of a column. */
static QueryColumn *
column_of(ResTarget *target, const char *text)
{
	QueryColumn *column = palloc0(sizeof(QueryColumn));

	column->text = text;
	if (IsA(target->val, ColumnRef))
	{
		List	   *fields = ((ColumnRef *) target->val)->fields;
		Node	   *last = llast(fields);

		column->qualified = list_length(fields) > 1;
		column->identity = IsA(last, A_Star) || target->name == NULL || strcmp(target->name, strVal(last)) == 0;
		if (IsA(last, A_Star))
			return column;
	}
	if (is_expanded(target->val))
	{
		column->qualified = true;
		column->expanded = true;
		return column;
	}
	column->name = target->name ? target->name : FigureColname(target->val);
	return column;
}

/* An item of the list, which begins at a place of it, and ends before another. */
static char *
item_text(const char *list, int from, int to)
{
	while (to > from && (list[to - 1] == ' ' || list[to - 1] == ','))
		to--;
	return pnstrdup(list + from, to - from);
}

/*
 * query_columns
 *		The columns of a SELECT's list.
 */
List *
query_columns(const MoreQuery *query)
{
	const char *list = query->parts[PART_SELECT];
	List	   *targets = list_tree(query);
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, targets)
	{
		ListCell   *next = lnext(targets, lc);
		int			from = lfirst_node(ResTarget, lc)->location - (int) strlen("SELECT ");
		int			to = next ? lfirst_node(ResTarget, next)->location - (int) strlen("SELECT ") : strlen(list);

		result = lappend(result, column_of(lfirst(lc), item_text(list, from, to)));
	}
	return result;
}

/* ------------------------------------------------------------------------ */
/* May an expression enter?													*/
/* ------------------------------------------------------------------------ */

/* Walker: may this be more than an operation on the values of one row? */
static bool
is_not_plain(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (is_expanded(node))
		return true;
	switch (nodeTag(node))
	{
		case T_ResTarget:
		case T_ColumnRef:
		case T_ParamRef:
		case T_A_Const:
		case T_A_Expr:
		case T_A_Indirection:
		case T_A_Indices:
		case T_A_ArrayExpr:
		case T_A_Star:
		case T_TypeCast:
		case T_TypeName:
		case T_CollateClause:
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_RowExpr:
		case T_SQLValueFunction:
		case T_List:
		case T_String:
		case T_Integer:
			return raw_expression_tree_walker(node, is_not_plain, arg);
		default:
			return true;
	}
}

/*
 * query_is_plain_list
 *		Are the columns of a SELECT just operations on the values of a row?
 */
bool
query_is_plain_list(const MoreQuery *query)
{
	return query->kind == QUERY_SELECT && !is_not_plain((Node *) list_tree(query), NULL);
}

/* Is there one relation in FROM? */
static bool
is_single(List *from)
{
	return list_length(from) == 1 && !IsA(linitial(from), JoinExpr);
}

/* Walk state of has_other_meaning. */
typedef struct MeaningContext
{
	List	   *columns;		/* QueryColumn */
	bool		unclear;		/* FROM may have two columns of a name that the list has once */
} MeaningContext;

/* Is the name one of an output column that WHERE does not know as the same? */
static bool
is_other_column(const MeaningContext *ctx, const char *name)
{
	ListCell   *lc;

	foreach(lc, ctx->columns)
	{
		QueryColumn *column = lfirst(lc);

		if (column->name == NULL ? column->qualified && ctx->unclear :
			strcmp(column->name, name) == 0 && (!column->identity || (column->qualified && ctx->unclear)))
			return true;
	}
	return false;
}

/* Walker: does a name mean something else inside than around the query? */
static bool
has_other_meaning(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	/* alias.column is none of the output */
	if (IsA(node, ColumnRef))
		return bare_name(node) && is_other_column(arg, bare_name(node));
	return raw_expression_tree_walker(node, has_other_meaning, arg);
}

/* Add the names by which an item of FROM, and what it joins, is known. */
static List *
add_relation_names(List *names, Node *item)
{
	Alias	   *alias = NULL;
	const char *name = NULL;

	switch (nodeTag(item))
	{
		case T_JoinExpr:
			names = add_relation_names(names, ((JoinExpr *) item)->larg);
			names = add_relation_names(names, ((JoinExpr *) item)->rarg);
			if (((JoinExpr *) item)->join_using_alias)
				names = lappend(names, ((JoinExpr *) item)->join_using_alias->aliasname);
			alias = ((JoinExpr *) item)->alias;
			break;
		case T_RangeTableSample:
			return add_relation_names(names, ((RangeTableSample *) item)->relation);
		case T_RangeVar:
			alias = ((RangeVar *) item)->alias;
			name = ((RangeVar *) item)->relname;
			break;
		case T_RangeSubselect:
			alias = ((RangeSubselect *) item)->alias;
			break;
		case T_RangeTableFunc:
			alias = ((RangeTableFunc *) item)->alias;
			break;
		case T_RangeFunction:
			{
				Node	   *call = linitial(linitial_node(List, ((RangeFunction *) item)->functions));

				alias = ((RangeFunction *) item)->alias;
				if (IsA(call, FuncCall))
					name = strVal(llast(((FuncCall *) call)->funcname));
			}
			break;
		default:
			break;
	}
	if (alias)
		name = alias->aliasname;
	return name ? lappend(names, unconstify(char *, name)) : names;
}

/*
 * relation_names
 *		The names by which the relations of FROM, as a tree, are known, as far as they are written.
 */
List *
relation_names(List *from)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, from)
		names = add_relation_names(names, lfirst(lc));
	return names;
}

/*
 * list_has_name
 *		Is the name one of the list, of char *?
 */
bool
list_has_name(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* Walker: is there alias.column of one of the relations, a list of names? */
static bool
is_of_relation(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (!IsA(node, ColumnRef))
		return raw_expression_tree_walker(node, is_of_relation, arg);
	return list_length(((ColumnRef *) node)->fields) > 1 &&
		list_has_name(arg, strVal(linitial(((ColumnRef *) node)->fields)));
}

/* In a level that join_with has made, is it a column of the first query? */
static bool
is_base_column(ResTarget *target)
{
	List	   *fields;

	if (!IsA(target->val, ColumnRef))
		return false;
	fields = ((ColumnRef *) target->val)->fields;
	return list_length(fields) == 2 && strcmp(strVal(linitial(fields)), "base") == 0;
}

/* Walker: is there a subquery with a name without an alias, which may be the query's? */
static bool
has_bare_name_inside(Node *node, void *arg)
{
	bool	   *inside = arg;
	bool		deeper = true;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
		return *inside && list_length(((ColumnRef *) node)->fields) == 1;
	if (IsA(node, SubLink))
		return has_bare_name_inside(((SubLink *) node)->testexpr, arg) ||
			raw_expression_tree_walker(((SubLink *) node)->subselect, has_bare_name_inside, &deeper);
	return raw_expression_tree_walker(node, has_bare_name_inside, arg);
}

/*
 * query_may_enter
 *		May the expression be evaluated in the query's WHERE rather than around it?
 *
 * In a join, an unqualified name may be ambiguous that is none in the output; so
 * the query is wrapped.  But alias.column of one of its relations can only be meant
 * inside: with that, the ambiguity is left to be the error that it is.
 */
bool
query_may_enter(const MoreQuery *query, Node *tree)
{
	MeaningContext ctx = {NIL, false};
	bool		inside = false;
	bool		join;
	ListCell   *lc;

	if (!query_is_open(query))
		return false;
	if (strcmp(query->parts[PART_SELECT], "*") == 0)
		return true;
	join = is_join_level(query);
	/* which level_expression cannot qualify */
	if (join && has_bare_name_inside(tree, &inside))
		return false;
	if (!join)
	{
		List	   *from = part_tree(query, PART_FROM)->fromClause;

		ctx.unclear = !is_single(from) && !is_of_relation(tree, relation_names(from));
	}
	foreach(lc, list_tree(query))
	{
		QueryColumn *column = column_of(lfirst(lc), NULL);

		if (is_not_plain(lfirst(lc), NULL))
			return false;
		/* a name without an alias would mean the first query's there */
		if (join && column->name && !is_base_column(lfirst(lc)))
			column->identity = false;
		ctx.columns = lappend(ctx.columns, column);
	}
	return !has_other_meaning(tree, &ctx);
}

/* ------------------------------------------------------------------------ */
/* Wrapping																	*/
/* ------------------------------------------------------------------------ */

/* Walker: is there a window function? */
static bool
has_window(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall) && ((FuncCall *) node)->over)
		return true;
	return raw_expression_tree_walker(node, has_window, arg);
}

/* Walk state of is_not_output. */
typedef struct OutputContext
{
	List	   *columns;		/* QueryColumn */
	bool		whole;			/* the item is a name: then it is an output's in the first place */
	const MoreQuery *query;		/* tells which columns alias.* and (value).* are */
} OutputContext;

/* Is the name one of the output, as the catalog tells? */
static bool
is_described(const MoreQuery *query, const char *name)
{
	ListCell   *lc;

	foreach(lc, query_output(query))
		if (strcmp(((TargetEntry *) lfirst(lc))->resname, name) == 0)
			return true;
	return false;
}

/* Walker: is there a name that does not mean a column of the output? */
static bool
is_not_output(Node *node, void *arg)
{
	OutputContext *ctx = arg;
	ListCell   *lc;
	const char *name;
	bool		found = false;
	bool		unknown = false;

	if (node == NULL)
		return false;
	if (!IsA(node, ColumnRef))
		return raw_expression_tree_walker(node, is_not_output, arg);
	if (list_length(((ColumnRef *) node)->fields) > 1)
		return true;
	name = strVal(linitial(((ColumnRef *) node)->fields));
	if (SystemAttributeByName(name))
		return true;
	foreach(lc, ctx->columns)
	{
		QueryColumn *column = lfirst(lc);

		if (column->name == NULL)
		{
			found = found || !column->qualified;
			unknown = unknown || column->qualified;
		}
		else if (strcmp(column->name, name) == 0)
		{
			if (ctx->whole || (column->identity && !column->qualified))
				found = true;
			else
				return true;
		}
	}
	return !found && !(ctx->whole && unknown && is_described(ctx->query, name));
}

/* What is known of a query whose order is to move outward. */
typedef struct OrderContext
{
	MoreQuery  *query;
	OutputContext output;
	bool		plain;			/* the list and the grouping have no aggregates */
	bool		star;
	StringInfoData hidden;		/* columns for items that are none */
	int			nhidden;
	StringInfoData order;		/* the items around the query */
} OrderContext;

/* Does an item of ORDER BY mean the same around the query? */
static bool
item_moves(OrderContext *ctx, Node *item)
{
	ctx->output.whole = IsA(item, ColumnRef);
	return !is_not_output(item, &ctx->output) && (ctx->plain || !is_not_plain(item, NULL)) &&
		!has_window(item, NULL);
}

/* Where ASC, NULLS LAST and the like begin after the expression. */
static int
after_expression(const QueryTokens *tokens, const SortBy *item)
{
	int			end = tokens->count;

	if (item->sortby_nulls != SORTBY_NULLS_DEFAULT)
		end -= 2;
	if (item->sortby_dir == SORTBY_ASC || item->sortby_dir == SORTBY_DESC)
		end--;
	if (item->sortby_dir == SORTBY_USING)
		do
			end--;
		while (end > 0 && (tokens->tokens[end].word != WORD_USING || tokens->tokens[end].depth > 0));
	return end;
}

/* Add an item to the order around the query. */
static void
move_item(OrderContext *ctx, const SortBy *item, const char *text)
{
	QueryTokens *tokens;
	int			end;

	if (ctx->order.len > 0)
		appendStringInfoString(&ctx->order, ", ");
	if (item_moves(ctx, item->node))
	{
		appendStringInfoString(&ctx->order, text);
		return;
	}
	tokens = query_lex(text, true);
	end = after_expression(tokens, item);
	ctx->nhidden++;
	appendStringInfo(&ctx->hidden, ", %s AS \"pg_more order %d\"", query_slice(tokens, 0, end), ctx->nhidden);
	appendStringInfo(&ctx->order, "\"pg_more order %d\"", ctx->nhidden);
	if (end < tokens->count)
		appendStringInfo(&ctx->order, " %s", query_slice(tokens, end, tokens->count));
}

/* The names of the query's columns as a list, or NULL if two are the same. */
static char *
column_names(OrderContext *ctx)
{
	StringInfoData list;
	List	   *names = NIL;
	ListCell   *lc;

	if (ctx->star)
		foreach(lc, query_output(ctx->query))
			names = lappend(names, makeString(((TargetEntry *) lfirst(lc))->resname));
	else
		foreach(lc, ctx->output.columns)
			names = lappend(names, makeString((char *) ((QueryColumn *) lfirst(lc))->name));
	initStringInfo(&list);
	foreach(lc, names)
	{
		for (int i = 0; i < foreach_current_index(lc); i++)
			if (equal(list_nth(names, i), lfirst(lc)))
				return NULL;
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", query_name(quote_identifier(strVal(lfirst(lc)))));
	}
	return list.data;
}

/*
 * Give the query around this one its order.  What is ordered by and is no column
 * of the output becomes a column that only the outer query sees.  Where the
 * output has two columns of one name, they could not be told apart there, so the
 * order stays inside.
 */
static void
move_order(MoreQuery *outer, MoreQuery *query)
{
	OrderContext ctx = {query, {NIL, false, query}, true, false};
	List	   *sort = part_tree(query, PART_ORDER_BY)->sortClause;
	List	   *items = query_split_list(query->parts[PART_ORDER_BY]);
	char	   *names;
	ListCell   *lc;
	ListCell   *lt;

	initStringInfo(&ctx.hidden);
	initStringInfo(&ctx.order);
	foreach(lc, list_tree(query))
	{
		QueryColumn *column = column_of(lfirst(lc), NULL);

		ctx.plain = ctx.plain && !is_not_plain(lfirst(lc), NULL);
		ctx.star = ctx.star || column->name == NULL;
		ctx.output.columns = lappend(ctx.output.columns, column);
	}
	ctx.plain = ctx.plain && query->parts[PART_GROUP_BY] == NULL && query->parts[PART_HAVING] == NULL;
	if (list_length(items) != list_length(sort))
		elog(ERROR, "could not read the order of a query");
	forboth(lc, sort, lt, items)
		move_item(&ctx, lfirst(lc), lfirst(lt));
	if (ctx.nhidden > 0)
	{
		names = column_names(&ctx);
		if (names == NULL)
			return;
		outer->parts[PART_SELECT] = names;
		query->parts[PART_SELECT] = psprintf("%s%s", query->parts[PART_SELECT], ctx.hidden.data);
	}
	outer->parts[PART_ORDER_BY] = ctx.order.data;
}

/* A name for a CTE that is not in the text. */
static char *
unused_name(const char *text)
{
	for (int i = 1;; i++)
	{
		char	   *name = psprintf("\"pg_more %d\"", i);

		if (text == NULL || strstr(text, name) == NULL)
			return name;
	}
}

/* A statement that changes rows can only be read as a CTE. */
static void
wrap_change(MoreQuery *outer, MoreQuery *query)
{
	char	   *name = unused_name(outer->parts[PART_WITH]);
	const char *with = outer->parts[PART_WITH];

	if (query->parts[PART_RETURNING] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query returns no rows"),
				 errhint("Add the columns to be returned with more.returning, or RETURNING to its text.")));
	outer->parts[PART_WITH] = psprintf("%s%s%s AS (%s)", with ? with : "", with ? ", " : "", name,
									   query_text(query, PRINT_STORED));
	outer->parts[PART_FROM] = psprintf("%s AS " WRAP_ALIAS, name);
}

/*
 * query_wrap
 *		The query as a subquery in FROM, q.  The query itself is used up.
 */
MoreQuery *
query_wrap(MoreQuery *query)
{
	MoreQuery  *outer = query_new(QUERY_SELECT);
	bool		needs_order = query->parts[PART_LIMIT] || query->parts[PART_FETCH] || query->parts[PART_OFFSET] ||
		query->parts[PART_DISTINCT];

	outer->bindings = query->bindings;
	outer->parts[PART_SELECT] = "*";
	if (query->parts[PART_ORDER_BY])
	{
		/* the others have no columns but their output's */
		if (query->kind == QUERY_SELECT)
			move_order(outer, query);
		else
			outer->parts[PART_ORDER_BY] = query->parts[PART_ORDER_BY];
		if (outer->parts[PART_ORDER_BY] && !needs_order)
			query->parts[PART_ORDER_BY] = NULL;
	}
	outer->parts[PART_WITH] = query->parts[PART_WITH];
	outer->recursive = query->recursive;
	query->parts[PART_WITH] = NULL;
	if (query_modifies(query))
		wrap_change(outer, query);
	else
		outer->parts[PART_FROM] = psprintf("(%s) AS " WRAP_ALIAS, query_text(query, PRINT_STORED));
	return outer;
}

/*
 * query_add_condition
 *		Add a condition to WHERE.
 */
void
query_add_condition(MoreQuery *query, const char *condition)
{
	const char *where = query->parts[PART_WHERE];

	if (where == NULL)
		query->parts[PART_WHERE] = condition;
	else
	{
		query->parts[PART_WHERE] = psprintf(query->conjunction ? "%s AND (%s)" : "(%s) AND (%s)", where, condition);
		query->conjunction = true;
	}
}
