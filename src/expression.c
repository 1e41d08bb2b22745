/*
 * expression.c
 *	  SQL expressions that a user gives as text, checked to be just that.
 *
 * The text of a condition or of an assignment becomes part of a statement that
 * pg_more writes.  It is parsed alone first, by the server's own parser, and
 * must come out as exactly one expression: then, put between parentheses with
 * line breaks around it (a comment may end it), it cannot change the statement
 * around it.  It still runs with the caller's rights only.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/scansup.h"

#include "expression.h"

/*
 * argument_error_callback
 *		Point an error into the argument's text rather than into the query.
 */
void
argument_error_callback(void *arg)
{
	ArgumentText *ctx = (ArgumentText *) arg;
	int			pos = geterrposition();

	if (pos > 0)
	{
		errposition(0);
		internalerrposition(pos);
		internalerrquery(ctx->text);
	}
	errcontext("argument \"%s\"", ctx->argument);
}

/* Names that begin so are pg_more's own, inside the statements that it writes. */
#define RESERVED_PREFIX "pg_more "

static bool
is_reserved(const char *name)
{
	return name && strncmp(name, RESERVED_PREFIX, strlen(RESERVED_PREFIX)) == 0;
}

/* What the walker needs to know. */
typedef struct RefuseContext
{
	const char *argument;
	bool		parameters;		/* they are the caller's own */
} RefuseContext;

/*
 * Walker: complain about what the statement around the expression has and the
 * expression may not use: parameters, and relations or qualifiers of pg_more.
 */
static bool
refuse_internals(Node *node, void *arg)
{
	RefuseContext *ctx = (RefuseContext *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef) && IsA(linitial(((ColumnRef *) node)->fields), String) &&
		is_reserved(strVal(linitial(((ColumnRef *) node)->fields))))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("missing FROM-clause entry for table \"%s\"",
						strVal(linitial(((ColumnRef *) node)->fields))),
				 errcontext("argument \"%s\"", ctx->argument)));
	if (IsA(node, RangeVar) && is_reserved(((RangeVar *) node)->relname))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" does not exist", ((RangeVar *) node)->relname),
				 errcontext("argument \"%s\"", ctx->argument)));
	if (IsA(node, ParamRef) && !ctx->parameters)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_PARAMETER),
				 errmsg("there is no parameter $%d", ((ParamRef *) node)->number),
				 errcontext("argument \"%s\"", ctx->argument)));
	return raw_expression_tree_walker(node, refuse_internals, arg);
}

/* A lone star: as the value of a target list it is parsed, but it is no expression. */
static bool
is_star(Node *node)
{
	return IsA(node, ColumnRef) && IsA(linitial(((ColumnRef *) node)->fields), A_Star);
}

/*
 * parse_expression
 *		Parse text as one SQL expression and return its raw parse tree.
 *
 * Raises a syntax error that names the argument when it is anything else.
 */
Node *
parse_expression(const char *argument, const char *text)
{
	return parse_template(argument, text, NULL);
}

/*
 * parse_template
 *		The same of text that was made of another, as long, by writing parameters
 *		for what the caller replaces.  Errors show the other one.
 */
Node *
parse_template(const char *argument, const char *text, const char *shown)
{
	ArgumentText ctx = {argument, shown ? shown : text};
	RefuseContext refuse = {argument, shown != NULL};
	ErrorContextCallback callback;
	List	   *parsed;
	SelectStmt *stmt;
	ResTarget  *target;

	callback.callback = argument_error_callback;
	callback.arg = &ctx;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	parsed = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	error_context_stack = callback.previous;

	/* The mode accepts all that may follow SELECT; only a lone value will do. */
	stmt = (SelectStmt *) linitial_node(RawStmt, parsed)->stmt;
	target = list_length(stmt->targetList) == 1 ? linitial(stmt->targetList) : NULL;
	if (target == NULL || target->name != NULL || stmt->distinctClause ||
		stmt->fromClause || stmt->whereClause || stmt->groupClause ||
		stmt->havingClause || stmt->windowClause || stmt->sortClause ||
		stmt->limitOffset || stmt->limitCount || stmt->lockingClause ||
		stmt->op != SETOP_NONE || stmt->valuesLists || stmt->withClause ||
		is_star(target->val))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("argument \"%s\" must be one SQL expression", argument),
				 strspn(text, " \t\r\n\f") < strlen(text) ? errdetail("It reads: %s", ctx.text) : errdetail("It is empty.")));
	(void) refuse_internals(target->val, &refuse);
	return target->val;
}

/*
 * parse_assignment
 *		Split "column = expression" into the column's name (palloc'd, case
 *		folded or unquoted as in SQL) and the text of the expression.
 */
void
parse_assignment(const char *argument, const char *text, char **column, const char **value)
{
	const char *p = text;
	StringInfoData name;

	initStringInfo(&name);
	while (scanner_isspace(*p))
		p++;
	if (*p == '"')
	{
		for (p++; *p && !(*p == '"' && p[1] != '"'); p++)
		{
			if (*p == '"')
				p++;
			appendStringInfoChar(&name, *p);
		}
		if (*p == '"')
			p++;
		*column = name.data;
	}
	else
	{
		while (*p == '_' || *p == '$' || IS_HIGHBIT_SET(*p) ||
			   (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9'))
			appendStringInfoChar(&name, *p++);
		*column = downcase_truncate_identifier(name.data, name.len, false);
	}
	while (scanner_isspace(*p))
		p++;
	if (name.len == 0 || *p != '=')
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("cannot read \"%s\" in argument \"%s\"", text, argument),
				 errhint("Give a column name, or \"column = expression\" over target and data.")));
	do
		p++;
	while (scanner_isspace(*p));
	*value = p;
}

/* Walker of mentions_whole_row. */
static bool
whole_row_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		List	   *fields = ((ColumnRef *) node)->fields;

		return IsA(linitial(fields), String) && strcmp(strVal(linitial(fields)), arg) == 0 &&
			(list_length(fields) == 1 || IsA(lsecond(fields), A_Star));
	}
	return raw_expression_tree_walker(node, whole_row_walker, arg);
}

/*
 * mentions_whole_row
 *		Whether the raw expression mentions alias, or alias.*, as a whole.
 */
bool
mentions_whole_row(Node *expr, const char *alias)
{
	return whole_row_walker(expr, (void *) alias);
}

/* Walk state of columns_of_alias. */
typedef struct AliasContext
{
	const char *alias;
	List	   *names;
} AliasContext;

static bool
alias_walker(Node *node, void *arg)
{
	AliasContext *ctx = (AliasContext *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		List	   *fields = ((ColumnRef *) node)->fields;

		if (list_length(fields) == 2 && IsA(lsecond(fields), String) &&
			strcmp(strVal(linitial(fields)), ctx->alias) == 0)
		{
			char	   *name = strVal(lsecond(fields));
			ListCell   *lc;

			foreach(lc, ctx->names)
				if (strcmp(lfirst(lc), name) == 0)
					return false;
			ctx->names = lappend(ctx->names, name);
		}
		return false;
	}
	return raw_expression_tree_walker(node, alias_walker, arg);
}

/*
 * columns_of_alias
 *		Add to names, without repeating, each column that the raw expression
 *		mentions as alias.column.
 */
List *
columns_of_alias(Node *expr, const char *alias, List *names)
{
	AliasContext ctx = {alias, names};

	alias_walker(expr, &ctx);
	return ctx.names;
}
