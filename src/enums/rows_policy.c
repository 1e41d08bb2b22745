/*
 * rows_policy.c
 *	  What a policy can do to the rows of a column, whatever they hold.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/rows_parts.h"

/*
 * refuses_null
 *		Does the column's type, or the column, refuse nulls?
 */
bool
refuses_null(EnumColumn *column)
{
	HeapTuple	tup = SearchSysCacheAttNum(column->relid, column->attnum);
	bool		result = HeapTupleIsValid(tup) && ((Form_pg_attribute) GETSTRUCT(tup))->attnotnull;
	Oid			type = column->type;

	if (HeapTupleIsValid(tup))
		ReleaseSysCache(tup);
	while (!result && get_typtype(type) == TYPTYPE_DOMAIN)
	{
		tup = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
		if (!HeapTupleIsValid(tup))
			elog(ERROR, "cache lookup failed for type %u", type);
		result = ((Form_pg_type) GETSTRUCT(tup))->typnotnull;
		type = ((Form_pg_type) GETSTRUCT(tup))->typbasetype;
		ReleaseSysCache(tup);
	}
	return result;
}

/*
 * default_value
 *		The column's default; false if it has none, or one that changes from call
 *		to call.  Palloc'd; computed with the rights of the table's owner.
 */
bool
default_value(EnumColumn *column, Datum *value, bool *isnull)
{
	Relation	rel = table_open(column->relid, AccessShareLock);
	Node	   *expr = build_column_default(rel, column->attnum);
	bool		known = expr && !contain_volatile_functions(expr);

	table_close(rel, AccessShareLock);
	if (known)
	{
		FormerUser	caller;
		int			nest = NewGUCNestLevel();
		EState	   *estate;
		ExprState  *state;
		int16		length;
		bool		by_value;

		get_typlenbyval(column->type, &length, &by_value);
		as_relation_owner(column->relid, &caller);
		estate = CreateExecutorState();
		state = ExecPrepareExpr((Expr *) expr, estate);
		PushActiveSnapshot(GetTransactionSnapshot());
		*value = ExecEvalExprSwitchContext(state, GetPerTupleExprContext(estate), isnull);
		if (!*isnull)
			*value = datumCopy(*value, by_value, length);
		as_former_user(&caller);
		AtEOXact_GUC(false, nest);
		PopActiveSnapshot();
		FreeExecutorState(estate);
	}
	return known;
}

/* Refuse set_default for a column whose default does not help. */
static void
check_default(EnumColumn *column, Oid type, Oid old_oid)
{
	Relation	rel = table_open(column->relid, AccessShareLock);
	Node	   *expr = build_column_default(rel, column->attnum);
	Datum		value;
	bool		isnull;

	table_close(rel, AccessShareLock);
	if (expr == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column %s has no default", enum_column_text(column)),
				 errhint("Give the column a default, or give this column a policy of its own with more.enum_on_delete and leave on_delete out.")));
	if (default_value(column, &value, &isnull) && !isnull && value_holds(value, column->type, type, old_oid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the default of column %s holds the value itself", enum_column_text(column)),
				 errhint("Give the column another default, or give this column a policy of its own with more.enum_on_delete and leave on_delete out.")));
}

/*
 * require_policy
 *		Refuse what cannot be done to a column whatever its rows are: nulls where
 *		none may be, a default that is none, a column that is computed.
 */
void
require_policy(EnumColumn *column, Oid type, Oid old_oid, EnumPolicy policy)
{
	if (column->relkind != RELKIND_RELATION && column->relkind != RELKIND_PARTITIONED_TABLE)
		return;
	if (policy == POLICY_SET_NULL && column->plain && refuses_null(column))
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("column %s cannot be null", enum_column_text(column)),
				 errhint("Give this column a policy of its own with more.enum_on_delete, and leave on_delete out.")));
	if (policy == POLICY_SET_DEFAULT && get_attgenerated(column->relid, column->attnum) == '\0')
		check_default(column, type, old_oid);
}
