/*
 * statement.c
 *	  SQL statements that a user gives as text, to be looked at and not run.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "parser/analyze.h"
#include "tcop/tcopprot.h"

#include "statement.h"

/*
 * statement_error_callback
 *		Point errors into the statement, the callback's argument, rather than into the query around it.
 */
void
statement_error_callback(void *arg)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) arg);
	}
	else
		errcontext("SQL statement \"%s\"", (const char *) arg);
}

static void
refuse_utility(const char *refusal)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s", refusal),
			 errdetail("These are SELECT, VALUES, INSERT, UPDATE, DELETE and MERGE.")));
}

/*
 * analyse_statement
 *		Parse one statement and find out what it means; refusal is the error for one
 *		that is not planned.  The types of its parameters are told.
 */
Query *
analyse_statement(const char *statement, const char *refusal, Oid **types, int *ntypes)
{
	List	   *parsed = pg_parse_query(statement);
	Query	   *query;

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("argument \"%s\" must be one SQL statement", "query"),
				 errdetail("It has %d.", list_length(parsed))));
	switch (nodeTag(linitial_node(RawStmt, parsed)->stmt))
	{
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			break;
		default:
			refuse_utility(refusal);
	}
	*types = NULL;
	*ntypes = 0;
	query = parse_analyze_varparams(linitial_node(RawStmt, parsed), statement, types, ntypes, NULL);
	/* SELECT INTO */
	if (query->commandType == CMD_UTILITY)
		refuse_utility(refusal);
	for (int i = 0; i < *ntypes; i++)
		if (!OidIsValid((*types)[i]) || (*types)[i] == UNKNOWNOID)
			ereport(ERROR,
					(errcode(ERRCODE_INDETERMINATE_DATATYPE),
					 errmsg("could not determine data type of parameter $%d", i + 1),
					 errhint("Cast it to its type.")));
	return query;
}
