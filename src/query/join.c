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

#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "query/refine.h"

PG_FUNCTION_INFO_V1(query_join_with);
PG_FUNCTION_INFO_V1(query_attach);
PG_FUNCTION_INFO_V1(query_combine);

/* ------------------------------------------------------------------------ */
/* CTEs																		*/
/* ------------------------------------------------------------------------ */

/* The CTE whose text this is, as a tree. */
static CommonTableExpr *
cte_tree(const char *text)
{
	SelectStmt *tree = castNode(SelectStmt, query_raw_parse(psprintf("WITH %s SELECT", text)));

	return linitial_node(CommonTableExpr, tree->withClause->ctes);
}

/* The texts of the query's CTEs. */
static List *
cte_texts(const MoreQuery *query)
{
	return query->parts[PART_WITH] ? query_split_list(query->parts[PART_WITH]) : NIL;
}

/* The name of a CTE, from its text. */
static const char *
cte_name(const char *text)
{
	return cte_tree(text)->ctename;
}

/* The text of the query's CTE of that name, or NULL. */
static const char *
find_cte(const MoreQuery *query, const char *name)
{
	ListCell   *lc;

	foreach(lc, cte_texts(query))
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
				 errmsg("another query is attached as %s already", quote_identifier(name))));
	query->parts[PART_WITH] = with ? psprintf("%s, %s", with, text) : text;
}

/*
 * query_has_changes
 *		Does any CTE of the query change rows?
 */
bool
query_has_changes(const MoreQuery *query)
{
	ListCell   *lc;

	foreach(lc, cte_texts(query))
		if (!IsA(cte_tree(lfirst(lc))->ctequery, SelectStmt))
			return true;
	return false;
}

/* ------------------------------------------------------------------------ */
/* What names mean															*/
/* ------------------------------------------------------------------------ */

/* The WITH of a statement, or NULL. */
static WithClause *
with_of(Node *node)
{
	switch (nodeTag(node))
	{
		case T_SelectStmt:
			return ((SelectStmt *) node)->withClause;
		case T_InsertStmt:
			return ((InsertStmt *) node)->withClause;
		case T_UpdateStmt:
			return ((UpdateStmt *) node)->withClause;
		case T_DeleteStmt:
			return ((DeleteStmt *) node)->withClause;
		case T_MergeStmt:
			return ((MergeStmt *) node)->withClause;
		default:
			return NULL;
	}
}

/* Walker: would a CTE of that name around the statement be read in it? */
static bool
reads_name(Node *node, void *name)
{
	WithClause *with;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (IsA(node, RangeVar))
		return ((RangeVar *) node)->schemaname == NULL && strcmp(((RangeVar *) node)->relname, name) == 0;
	with = with_of(node);
	if (with == NULL)
		return raw_expression_tree_walker(node, reads_name, name);
	foreach(lc, with->ctes)
		if (with->recursive && strcmp(lfirst_node(CommonTableExpr, lc)->ctename, name) == 0)
			return false;
	/* one of its own hides the name from what comes after */
	foreach(lc, with->ctes)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (reads_name(cte->ctequery, name))
			return true;
		if (strcmp(cte->ctename, name) == 0)
			return false;
	}
	return raw_expression_tree_walker(node, reads_name, name);
}

/* The same for a query; one of which nothing is there but WITH reads nothing. */
static bool
query_reads(const MoreQuery *query, const char *name)
{
	if (query->kind == QUERY_SET ? query->arms == NIL :
		query->parts[PART_BODY] == NULL && query->parts[PART_SELECT] == NULL)
		return false;
	return reads_name(query_raw_parse(query_text(query, PRINT_STORED)), unconstify(char *, name));
}

static void
refuse_meaning(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_ALIAS),
			 errmsg("the name %s would mean another query's WITH query where it now means a table",
					quote_identifier(name)),
			 errhint("Write the table's name with its schema, or give the WITH query another name.")));
}

/*
 * In WITH RECURSIVE a CTE sees itself and those after it.  The CTEs from the number first on are new; may those of
 * before, and the new ones, see their like so already?
 */
static void
refuse_forward(const MoreQuery *query, int first, bool before, bool new)
{
	List	   *texts = query->recursive ? cte_texts(query) : NIL;

	for (int i = 0; i < list_length(texts); i++)
	{
		CommonTableExpr *reader = cte_tree(list_nth(texts, i));

		for (int j = i; j < list_length(texts); j++)
		{
			const char *name = cte_name(list_nth(texts, j));

			if ((i < first) == (j < first) && (i < first ? before : new))
				continue;
			if (reads_name(reader->ctequery, unconstify(char *, name)))
				refuse_meaning(name);
		}
	}
}

/* A name for a CTE that nobody gave, which neither of the queries has; the second may be NULL. */
static char *
free_cte_name(const MoreQuery *query, const MoreQuery *other)
{
	for (int i = 1;; i++)
	{
		char	   *name = psprintf("pg_more %d", i);

		if (find_cte(query, name) == NULL && (other == NULL || find_cte(other, name) == NULL))
			return name;
	}
}

/* Stored text in which a quoted name is another. */
static char *
rename_quoted(const char *text, const char *from, const char *to)
{
	QueryTokens *tokens;
	StringInfoData out;
	int			done = 0;
	size_t		len = strlen(from);

	if (text == NULL || strstr(text, from) == NULL)
		return unconstify(char *, text);
	tokens = query_lex(text, true);
	initStringInfo(&out);
	for (int i = 0; i < tokens->count; i++)
	{
		QueryToken *token = &tokens->tokens[i];

		if (token->end - token->start != len || strncmp(text + token->start, from, len) != 0)
			continue;
		appendBinaryStringInfo(&out, text + done, token->start - done);
		appendStringInfoString(&out, to);
		done = token->end;
	}
	appendStringInfoString(&out, text + done);
	return out.data;
}

/* Names that nobody gave make room for the query's, if they are of other CTEs. */
static void
rename_unnamed(const MoreQuery *query, MoreQuery *other)
{
	ListCell   *lc;
	ListCell   *la;

	foreach(lc, cte_texts(other))
	{
		const char *name = cte_name(lfirst(lc));
		const char *there = strncmp(name, "pg_more ", strlen("pg_more ")) == 0 ? find_cte(query, name) : NULL;
		const char *from;
		const char *to;

		if (there == NULL || strcmp(printed(query, there), printed(query, find_cte(other, name))) == 0)
			continue;
		from = quote_identifier(name);
		to = quote_identifier(free_cte_name(query, other));
		for (int i = 0; i < QUERY_PARTS; i++)
			other->parts[i] = rename_quoted(other->parts[i], from, to);
		foreach(la, other->arms)
			lfirst(la) = rename_quoted(lfirst(la), from, to);
	}
}

/* ------------------------------------------------------------------------ */
/* Moving CTEs																*/
/* ------------------------------------------------------------------------ */

/* Move the CTEs of other, whose bindings are the query's, to the query. */
static void
lift_ctes(MoreQuery *query, MoreQuery *other)
{
	int			first = list_length(cte_texts(query));
	bool		before = query->recursive;
	ListCell   *lc;

	if (other->parts[PART_WITH] == NULL)
		return;
	rename_unnamed(query, other);
	foreach(lc, cte_texts(other))
	{
		const char *name = cte_name(lfirst(lc));

		if (find_cte(query, name) == NULL && query_reads(query, name))
			refuse_meaning(name);
		add_cte(query, name, lfirst(lc));
	}
	query->recursive |= other->recursive;
	refuse_forward(query, first, before, other->recursive);
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
	foreach(lc, cte_texts(other))
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
	name = free_cte_name(query, NULL);
	add_cte(query, name, psprintf("%s AS (%s)", quote_identifier(name), query_text(other, PRINT_STORED)));
	return quote_identifier(name);
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
	bool		recursive = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	bool		before;
	int			first;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	query_step_begin(&step, "attach");
	query = PG_GETARG_QUERY(0);
	name = new_name_arg(fcinfo, 1, "name");
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
	first = list_length(cte_texts(query));
	before = query->recursive;
	add_cte(query, name, psprintf("%s AS %s(%s)", stored_name(name), materialized, query_text(attached, PRINT_STORED)));
	query->recursive |= recursive;
	refuse_forward(query, first, before, recursive);
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}

/* ------------------------------------------------------------------------ */
/* Joins																	*/
/* ------------------------------------------------------------------------ */

/* Is it a FROM that join_with has made?  Such joins have no USING, whose columns are of neither side. */
static bool
has_join_base(const char *from)
{
	QueryTokens *tokens;

	if (strstr(from, " AS " JOIN_BASE " ") == NULL)
		return false;
	tokens = query_lex(from, true);
	for (int i = 0; i < tokens->count; i++)
		if (tokens->tokens[i].depth == 0 && (tokens->tokens[i].word == WORD_USING ||
											  (tokens->tokens[i].word == WORD_OTHER && token_is(tokens, i, "natural"))))
			return false;
	for (int i = 0; i + 2 < tokens->count; i++)
		if (tokens->tokens[i].depth == 0 && tokens->tokens[i].word == WORD_AS)
			return strncmp(tokens->text + tokens->tokens[i + 1].start, JOIN_BASE, strlen(JOIN_BASE)) == 0;
	return false;
}

/*
 * is_join_level
 *		Does the level join the query so far with others, by join_with?  Then the list names its columns.
 *
 * A step asks that several times; strings are never changed in place, so that the same FROM is still as it was.
 */
bool
is_join_level(const MoreQuery *query)
{
	MoreQuery  *own = unconstify(MoreQuery *, query);
	const char *from = query->parts[PART_FROM];

	if (query->kind != QUERY_SELECT || from == NULL || strcmp(query->parts[PART_SELECT], "*") == 0)
		return false;
	if (query->looked_at != from)
	{
		own->joins = has_join_base(from);
		own->looked_at = from;
	}
	return query->joins;
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
		if (pg_strcasecmp(join_kinds[i].name, name) == 0)
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

/* The wrapped query's FROM, with the name that joins give to it. */
static const char *
base_from(const MoreQuery *query)
{
	static const char wrapped[] = " AS " WRAP_ALIAS;
	const char *from = query->parts[PART_FROM];
	size_t		len = strlen(from) - strlen(wrapped);

	Assert(strcmp(from + len, wrapped) == 0);
	return psprintf("%s AS " JOIN_BASE, pnstrdup(from, len));
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
	query->parts[PART_FROM] = base_from(query);
	if (query->parts[PART_ORDER_BY])
		query->parts[PART_ORDER_BY] = qualify_names("SELECT ORDER BY", query->parts[PART_ORDER_BY], JOIN_BASE, NIL);
	return query;
}

/* Raise an error if the alias is in use: in this join, or in one further inside whose columns are in reach. */
static void
refuse_alias(const MoreQuery *query, const char *name)
{
	/* the steps' own */
	bool		taken = strcmp(name, "base") == 0 || strcmp(name, "q") == 0;

	if (taken || name_in_reach(query, name))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_ALIAS),
				 errmsg("the name %s is taken in this join", quote_identifier(name)),
				 taken ? 0 : errhint("Columns of the query that was joined under this name can be named still.")));
}

/* Join, or look for, the other query. */
static void
add_join(MoreQuery *query, JoinKind kind, const char *other, const char *name, const char *condition)
{
	const char *base = query->parts[PART_FROM];

	if (kind == JOIN_KIND_SEMI || kind == JOIN_KIND_ANTI)
	{
		query_add_condition(query, psprintf("%s (SELECT FROM %s AS %s WHERE %s)", join_kinds[kind].sql, other, name,
											condition ? condition : "true"));
		return;
	}
	query->parts[PART_FROM] = psprintf("%s %s %s AS %s%s%s", base, join_kinds[kind].sql, other, name,
									   condition ? " ON " : "", condition ? condition : "");
}

/* The condition of a join of that kind; NULL: it has none. */
static const char *
join_condition(FunctionCallInfo fcinfo, MoreQuery *query, JoinKind kind, const char *name, const MoreQuery *other)
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
	condition = query_condition(query, "condition", text_to_cstring(PG_GETARG_TEXT_PP(3)),
								PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5), name, other);
	condition = reach_names(query, condition, true, name);
	return qualify_names("SELECT", condition.text, JOIN_BASE, NIL);
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
	name = new_name_arg(fcinfo, 1, "name");
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "other")));
	other = PG_GETARG_QUERY(2);
	kind = join_kind(required_text_arg(fcinfo, 4, "kind"));
	refuse_alias(query, name);
	query = join_base(query);
	condition = join_condition(fcinfo, query, kind, name, other);
	add_join(query, kind, embed_query(query, other), stored_name(name), condition);
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

		if (own ? strcmp(printed(query, own), printed(query, text)) != 0 : query_reads(arm, name))
			return false;
	}
	return true;
}

/* Raise an error if other arms would read the arm's CTEs, which are to be those of the query. */
static void
refuse_in_others(const MoreQuery *query, const MoreQuery *arm, List *arms)
{
	ListCell   *lc;
	ListCell   *lt;

	foreach(lc, arms)
		foreach(lt, cte_texts(arm))
		{
			const char *name = cte_name(lfirst(lt));

			/* one of that name that is there already was looked at then */
			if (lfirst(lc) != arm && find_cte(query, name) == NULL && query_reads(lfirst(lc), name))
				refuse_meaning(name);
		}
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
		int			first;

		if (!all || arm->recursive)
			continue;
		foreach(lt, cte_texts(arm))
			all = all && is_free_in_others(query, arms, cte_name(lfirst(lt)), lfirst(lt));
		if (!all)
			continue;
		first = list_length(cte_texts(query));
		foreach(lt, cte_texts(arm))
			add_cte(query, cte_name(lfirst(lt)), lfirst(lt));
		refuse_forward(query, first, query->recursive, false);
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
		{
			refuse_in_others(query, arm, arms);
			lift_ctes(query, arm);
		}
	}
	lift_shared_ctes(query, arms);
	foreach(lc, arms)
		query->arms = lappend(query->arms, psprintf("(%s)", query_text(lfirst(lc), PRINT_STORED)));
	query_step_end(&step);
	PG_RETURN_QUERY(query);
}
