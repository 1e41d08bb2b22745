/*
 * join.c
 *	  Steps that bring queries together: join_with, attach, combine.
 *
 * A query becomes part of another as a subquery, with its own WITH, so that its
 * names mean what they meant.  One that changes rows cannot be a subquery: it
 * becomes a CTE of the statement, as its own CTEs that change rows do, since the
 * server takes these at the top only.
 *
 * Equal CTEs of one name are one.  Of two different ones the outer is visible
 * where both would be; where that would change what a name means, it is an error.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "query/refine.h"

PG_FUNCTION_INFO_V1(query_join_with);
PG_FUNCTION_INFO_V1(query_attach);
PG_FUNCTION_INFO_V1(query_combine);

/* ------------------------------------------------------------------------ */
/* CTEs																		*/
/* ------------------------------------------------------------------------ */

/* The name of a CTE, from its text. */
static char *
cte_name(const char *text)
{
	QueryTokens *tokens = query_lex(text, true);

	return query_slice(tokens, 0, 1);
}

/* The text of the query's CTE of that name, as it is written; or NULL. */
static const char *
find_cte(const MoreQuery *query, const char *name)
{
	ListCell   *lc;

	if (query->parts[PART_WITH] == NULL)
		return NULL;
	foreach(lc, query_split_list(query->parts[PART_WITH]))
		if (strcmp(cte_name(lfirst(lc)), name) == 0)
			return lfirst(lc);
	return NULL;
}

/* Stored text with its values in it: equal for queries that mean the same. */
static char *
printed(const MoreQuery *query, const char *stored)
{
	return stored_print(stored, query, PRINT_LITERALS);
}

/* Add a CTE; an equal one may be there already. */
static void
add_cte(MoreQuery *query, const char *name, const char *text)
{
	const char *there = find_cte(query, name);
	const char *with = query->parts[PART_WITH];

	if (there && strcmp(printed(query, there), printed(query, text)) == 0)
		return;
	if (there)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_ALIAS),
				 errmsg("another query is attached as %s already", name)));
	query->parts[PART_WITH] = with ? psprintf("%s, %s", with, text) : text;
}

/* Does a CTE's text change rows? */
static bool
cte_modifies(const char *text)
{
	SelectStmt *tree = castNode(SelectStmt, query_raw_parse(psprintf("WITH %s SELECT", text)));
	Node	   *inner = linitial_node(CommonTableExpr, tree->withClause->ctes)->ctequery;

	return !IsA(inner, SelectStmt);
}

/*
 * query_has_changes
 *		Does any CTE of the query change rows?
 */
bool
query_has_changes(const MoreQuery *query)
{
	ListCell   *lc;

	if (query->parts[PART_WITH] == NULL)
		return false;
	foreach(lc, query_split_list(query->parts[PART_WITH]))
		if (cte_modifies(psprintf("%s%s", query->recursive ? "RECURSIVE " : "", (char *) lfirst(lc))))
			return true;
	return false;
}

/* Move the CTEs of other, whose bindings are the query's, to the query. */
static void
lift_ctes(MoreQuery *query, MoreQuery *other)
{
	ListCell   *lc;

	if (other->parts[PART_WITH] == NULL)
		return;
	foreach(lc, query_split_list(other->parts[PART_WITH]))
		add_cte(query, cte_name(lfirst(lc)), lfirst(lc));
	query->recursive |= other->recursive;
	other->parts[PART_WITH] = NULL;
	other->recursive = false;
}

/* Leave out those CTEs of other that the query has too, when that are all of them. */
static void
share_ctes(MoreQuery *query, MoreQuery *other)
{
	ListCell   *lc;

	if (other->parts[PART_WITH] == NULL)
		return;
	foreach(lc, query_split_list(other->parts[PART_WITH]))
	{
		const char *there = find_cte(query, cte_name(lfirst(lc)));

		if (there == NULL || strcmp(printed(query, there), printed(query, lfirst(lc))) != 0)
			return;
	}
	other->parts[PART_WITH] = NULL;
	other->recursive = false;
}

/* The query's bindings take in those of other; its CTEs move where they must or may. */
static void
take_in(MoreQuery *query, MoreQuery *other)
{
	query_absorb(query, other);
	if (query_has_changes(other))
		lift_ctes(query, other);
	else
		share_ctes(query, other);
}

/* A name for a CTE that nobody gave. */
static char *
free_cte_name(const MoreQuery *query)
{
	for (int i = 1;; i++)
	{
		char	   *name = psprintf("\"pg_more %d\"", i);

		if (find_cte(query, name) == NULL)
			return name;
	}
}

/*
 * embed_query
 *		The other query, which is used up, as an item of FROM without its alias.  One that changes rows becomes a
 *		CTE of the query.
 */
const char *
embed_query(MoreQuery *query, MoreQuery *other)
{
	char	   *name;

	take_in(query, other);
	if (!query_modifies(other))
		return psprintf("(%s)", query_text(other, PRINT_STORED));
	if (other->parts[PART_RETURNING] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query returns no rows"),
				 errhint("Add the columns to be returned with more.returning.")));
	lift_ctes(query, other);
	name = free_cte_name(query);
	add_cte(query, name, psprintf("%s AS (%s)", name, query_text(other, PRINT_STORED)));
	return name;
}

/*
 * more.attach(query, name, attached, materialized, recursive): WITH name AS (attached).
 */
Datum
query_attach(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	MoreQuery  *attached;
	const char *name;
	const char *materialized = "";

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "attach");
	query = PG_GETARG_QUERY(0);
	name = stored_name(new_name_arg(fcinfo, 1, "name"));
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "attached")));
	attached = PG_GETARG_QUERY(2);
	if (!PG_ARGISNULL(3))
		materialized = PG_GETARG_BOOL(3) ? "MATERIALIZED " : "NOT MATERIALIZED ";
	if (query->kind == QUERY_OPAQUE)
		query = query_wrap(query);
	take_in(query, attached);
	if (query_modifies(attached))
		lift_ctes(query, attached);
	add_cte(query, name, psprintf("%s AS %s(%s)", name, materialized, query_text(attached, PRINT_STORED)));
	query->recursive |= !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* ------------------------------------------------------------------------ */
/* Joins																	*/
/* ------------------------------------------------------------------------ */

/*
 * is_join_level
 *		Does the level join the query so far with others, by join_with?  Such joins have no USING, whose columns are
 *		of neither side, and the list names its columns.
 */
bool
is_join_level(const MoreQuery *query)
{
	QueryTokens *tokens;

	if (query->kind != QUERY_SELECT || query->parts[PART_FROM] == NULL ||
		strstr(query->parts[PART_FROM], " AS " JOIN_BASE " ") == NULL || strcmp(query->parts[PART_SELECT], "*") == 0)
		return false;
	tokens = query_lex(query->parts[PART_FROM], true);
	for (int i = 0; i < tokens->count; i++)
		if (tokens->tokens[i].depth == 0 && (tokens->tokens[i].word == WORD_USING || token_is(tokens, i, "natural")))
			return false;
	for (int i = 0; i + 2 < tokens->count; i++)
		if (tokens->tokens[i].depth == 0 && tokens->tokens[i].word == WORD_AS)
			return strncmp(tokens->text + tokens->tokens[i + 1].start, JOIN_BASE, strlen(JOIN_BASE)) == 0;
	return false;
}

/*
 * level_expression
 *		An expression as it stands in the query's level: in a join, names without an alias are the query's.
 */
QueryExpression
level_expression(const MoreQuery *query, QueryExpression expression)
{
	if (is_join_level(query))
		expression.text = qualify_names("SELECT", expression.text, JOIN_BASE);
	return expression;
}

/* The kinds of a join. */
typedef enum JoinKind
{
	JOIN_KIND_INNER,
	JOIN_KIND_LEFT,
	JOIN_KIND_RIGHT,
	JOIN_KIND_FULL,
	JOIN_KIND_CROSS,
	JOIN_KIND_SEMI,
	JOIN_KIND_ANTI
} JoinKind;

static const struct
{
	const char *name;
	const char *sql;
}			join_kinds[] = {
	[JOIN_KIND_INNER] = {"inner", "JOIN"},
	[JOIN_KIND_LEFT] = {"left", "LEFT JOIN"},
	[JOIN_KIND_RIGHT] = {"right", "RIGHT JOIN"},
	[JOIN_KIND_FULL] = {"full", "FULL JOIN"},
	[JOIN_KIND_CROSS] = {"cross", "CROSS JOIN"},
	[JOIN_KIND_SEMI] = {"semi", "EXISTS"},
	[JOIN_KIND_ANTI] = {"anti", "NOT EXISTS"},
};

static JoinKind
join_kind(const char *name)
{
	for (int i = 0; i < lengthof(join_kinds); i++)
		if (strcmp(join_kinds[i].name, name) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid kind of join: \"%s\"", name),
			 errhint("Kinds are inner, left, right, full, cross, semi and anti.")));
}

/* The wrapped query's columns as those of JOIN_BASE: all, or those that are not there for the order's sake only. */
static const char *
base_columns(const MoreQuery *query)
{
	StringInfoData out;
	ListCell   *lc;

	if (strcmp(query->parts[PART_SELECT], "*") == 0)
		return JOIN_BASE ".*";
	initStringInfo(&out);
	foreach(lc, query_columns(query))
		appendStringInfo(&out, "%s" JOIN_BASE ".%s", out.len > 0 ? ", " : "",
						 stored_name(((QueryColumn *) lfirst(lc))->name));
	return out.data;
}

/* The query as the first relation of a join, under JOIN_BASE. */
static MoreQuery *
join_base(MoreQuery *query)
{
	if (is_join_level(query) && query_is_open(query) && query->parts[PART_WHERE] == NULL &&
		strcmp(query->parts[PART_SELECT], JOIN_BASE ".*") == 0)
		return query;
	query = query_wrap(query);
	query->parts[PART_SELECT] = base_columns(query);
	if (query->parts[PART_ORDER_BY])
		query->parts[PART_ORDER_BY] = qualify_names("SELECT ORDER BY", query->parts[PART_ORDER_BY], JOIN_BASE);
	return query;
}

/* The wrapped query's FROM, with the name that joins give to it. */
static const char *
base_from(const MoreQuery *query)
{
	static const char wrapped[] = " AS \"q\"";
	const char *from = query->parts[PART_FROM];
	size_t		len = strlen(from) - strlen(wrapped);

	if (is_join_level(query))
		return from;
	Assert(strcmp(from + len, wrapped) == 0);
	return psprintf("%s AS " JOIN_BASE, pnstrdup(from, len));
}

/* Raise an error if the alias is in use in this join. */
static void
refuse_alias(const MoreQuery *query, const char *name)
{
	bool		taken = strcmp(name, JOIN_BASE) == 0 || strcmp(name, "base") == 0;
	QueryTokens *tokens = is_join_level(query) ? query_lex(query->parts[PART_FROM], true) : NULL;

	/* what is wrapped is called q: later, q.column could be a column of it */
	taken |= strcmp(name, "q") == 0 || strcmp(name, "\"q\"") == 0;
	for (int i = 0; tokens && i + 1 < tokens->count; i++)
		if (tokens->tokens[i].depth == 0 && tokens->tokens[i].word == WORD_AS)
			taken |= strcmp(query_slice(tokens, i + 1, i + 2), name) == 0;
	if (taken)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_ALIAS),
				 errmsg("the name %s is taken in this join", name)));
}

/* Join, or look for, the other query. */
static void
add_join(MoreQuery *query, JoinKind kind, const char *other, const char *name, const char *condition)
{
	const char *base = base_from(query);

	if (kind == JOIN_KIND_SEMI || kind == JOIN_KIND_ANTI)
	{
		query->parts[PART_FROM] = base;
		query_add_condition(query, psprintf("%s (SELECT FROM %s AS %s WHERE %s)", join_kinds[kind].sql, other, name,
											condition ? condition : "true"));
		return;
	}
	query->parts[PART_FROM] = psprintf("%s %s %s AS %s%s%s", base, join_kinds[kind].sql, other, name,
									   condition ? " ON " : "", condition ? condition : "");
}

/* The condition of a join of that kind; NULL: it has none. */
static const char *
join_condition(FunctionCallInfo fcinfo, MoreQuery *query, JoinKind kind)
{
	QueryExpression condition;

	if (PG_ARGISNULL(3) || kind == JOIN_KIND_CROSS)
	{
		if (!PG_ARGISNULL(3))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a cross join has no condition")));
		if (kind != JOIN_KIND_CROSS)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not be null", "condition"),
					 errhint("A join without a condition is of the kind cross.")));
		return NULL;
	}
	condition = query_expression(query, "condition", text_to_cstring(PG_GETARG_TEXT_PP(3)),
								 PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5));
	return qualify_names("SELECT", condition.text, JOIN_BASE);
}

/*
 * more.join_with(query, name, other, condition, kind, params): the query's columns, for each pair of rows that fit.
 */
Datum
query_join_with(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query;
	MoreQuery  *other;
	const char *name;
	JoinKind	kind;
	const char *condition;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "join_with");
	query = PG_GETARG_QUERY(0);
	name = stored_name(new_name_arg(fcinfo, 1, "name"));
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "other")));
	other = PG_GETARG_QUERY(2);
	kind = join_kind(required_text_arg(fcinfo, 4, "kind"));
	refuse_alias(query, name);
	query = join_base(query);
	condition = join_condition(fcinfo, query, kind);
	add_join(query, kind, embed_query(query, other), name, condition);
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* ------------------------------------------------------------------------ */
/* Set operations															*/
/* ------------------------------------------------------------------------ */

/* The operator as SQL. */
static const char *
set_operator(const char *name)
{
	static const char *const operators[] = {
		"UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"
	};

	for (int i = 0; i < lengthof(operators); i++)
		if (pg_strcasecmp(operators[i], name) == 0)
			return operators[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid set operator: \"%s\"", name),
			 errhint("Operators are union, union all, intersect, intersect all, except and except all.")));
}

/* The queries of the array. */
static List *
read_queries(ArrayType *array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	List	   *result = NIL;

	/* double alignment, as the type is declared */
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not contain nulls", "queries")));
		result = lappend(result, query_from_datum(elements[i]));
	}
	if (result == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no query to combine")));
	return result;
}

/* Does any of the arms but those that have the CTE too mention its name? */
static bool
is_free_in_others(const MoreQuery *query, List *arms, const char *name, const char *text)
{
	ListCell   *lc;

	foreach(lc, arms)
	{
		MoreQuery  *arm = lfirst(lc);
		const char *own = find_cte(arm, name);

		if (own ? strcmp(printed(query, own), printed(query, text)) != 0 : strstr(query_text(arm, PRINT_STORED), name) != NULL)
			return false;
	}
	return true;
}

/*
 * CTEs that some arms have move to the whole, where they mean the same for all: then equal ones are one.
 * The arms' bindings are the query's, and equal ones were made one.
 */
static void
lift_shared_ctes(MoreQuery *query, List *arms)
{
	ListCell   *lc;
	ListCell   *lt;

	foreach(lc, arms)
	{
		MoreQuery  *arm = lfirst(lc);
		bool		all = arm->parts[PART_WITH] != NULL;

		if (!all || arm->recursive)
			continue;
		foreach(lt, query_split_list(arm->parts[PART_WITH]))
			all = all && is_free_in_others(query, arms, cte_name(lfirst(lt)), lfirst(lt));
		if (!all)
			continue;
		foreach(lt, query_split_list(arm->parts[PART_WITH]))
			add_cte(query, cte_name(lfirst(lt)), lfirst(lt));
	}
	foreach(lc, arms)
		share_ctes(query, lfirst(lc));
}

/*
 * more.combine(operator, VARIADIC queries): UNION and the like of them, from left to right.
 */
Datum
query_combine(PG_FUNCTION_ARGS)
{
	QueryStep	step;
	MoreQuery  *query = query_new(QUERY_SET);
	List	   *arms;
	ListCell   *lc;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	query_step_begin(&step, "combine");
	query->set_operator = set_operator(required_text_arg(fcinfo, 0, "operator"));
	arms = read_queries(PG_GETARG_ARRAYTYPE_P(1));
	if (list_length(arms) == 1)
	{
		query_step_end(&step);
		PG_RETURN_QUERY(linitial(arms));
	}
	foreach(lc, arms)
	{
		MoreQuery  *arm = lfirst(lc);

		/* the server locks no rows of a set operation's arm */
		if (query_modifies(arm) || arm->parts[PART_LOCK])
			lfirst(lc) = arm = query_wrap(arm);
		query_absorb(query, arm);
		if (query_has_changes(arm))
			lift_ctes(query, arm);
	}
	lift_shared_ctes(query, arms);
	foreach(lc, arms)
		query->arms = lappend(query->arms, psprintf("(%s)", query_text(lfirst(lc), PRINT_STORED)));
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}
