/*
 * index_stats.c
 *	  Statistics of an index expression, as ANALYZE would find them.
 *
 * ANALYZE keeps statistics of the expressions of an index; the planner takes
 * their selectivity and their order on disk from there.  The same functions of
 * the type compute them here, from a sample, and the result has the form of a
 * row of pg_statistic; but it is written nowhere.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "indexes/hypothetical.h"

/* AnalyzeAttrFetchFunc: a value of the sample. */
static Datum
fetch_value(VacAttrStatsP stats, int rownum, bool *isnull)
{
	*isnull = stats->exprnulls[rownum];
	return stats->exprvals[rownum];
}

/* Ready for the type's function, or false: the type has no statistics. */
static bool
begin_statistics(VacAttrStats *stats, Node *expr, Oid collation)
{
	HeapTuple	tup = SearchSysCacheCopy1(TYPEOID, ObjectIdGetDatum(exprType(expr)));

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for type %u", exprType(expr));
	stats->attrtypid = exprType(expr);
	stats->attrtypmod = exprTypmod(expr);
	stats->attrtype = (Form_pg_type) GETSTRUCT(tup);
	stats->attrcollid = collation;
	stats->anl_context = CurrentMemoryContext;
	compat_statistics_target(stats);
	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		stats->statypid[i] = stats->attrtypid;
		stats->statyplen[i] = stats->attrtype->typlen;
		stats->statypbyval[i] = stats->attrtype->typbyval;
		stats->statypalign[i] = stats->attrtype->typalign;
	}
	if (OidIsValid(stats->attrtype->typanalyze))
		return DatumGetBool(OidFunctionCall1(stats->attrtype->typanalyze, PointerGetDatum(stats)));
	return std_typanalyze(stats);
}

/* A row of pg_statistic. */
static HeapTuple
statistics_row(VacAttrStats *stats, MemoryContext result_context)
{
	Relation	catalog = table_open(StatisticRelationId, AccessShareLock);
	Datum		values[Natts_pg_statistic] = {0};
	bool		nulls[Natts_pg_statistic] = {false};
	MemoryContext old;
	HeapTuple	result;

	values[Anum_pg_statistic_stanullfrac - 1] = Float4GetDatum(stats->stanullfrac);
	values[Anum_pg_statistic_stawidth - 1] = Int32GetDatum(stats->stawidth);
	values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum(stats->stadistinct);
	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		int			n = stats->numnumbers[i];
		Datum	   *numbers = palloc(sizeof(Datum) * Max(n, 1));

		values[Anum_pg_statistic_stakind1 - 1 + i] = Int16GetDatum(stats->stakind[i]);
		values[Anum_pg_statistic_staop1 - 1 + i] = ObjectIdGetDatum(stats->staop[i]);
		values[Anum_pg_statistic_stacoll1 - 1 + i] = ObjectIdGetDatum(stats->stacoll[i]);
		for (int j = 0; j < n; j++)
			numbers[j] = Float4GetDatum(stats->stanumbers[i][j]);
		nulls[Anum_pg_statistic_stanumbers1 - 1 + i] = n == 0;
		if (n > 0)
			values[Anum_pg_statistic_stanumbers1 - 1 + i] =
				PointerGetDatum(construct_array(numbers, n, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT));
		nulls[Anum_pg_statistic_stavalues1 - 1 + i] = stats->numvalues[i] == 0;
		if (stats->numvalues[i] > 0)
			values[Anum_pg_statistic_stavalues1 - 1 + i] =
				PointerGetDatum(construct_array(stats->stavalues[i], stats->numvalues[i], stats->statypid[i],
												stats->statyplen[i], stats->statypbyval[i], stats->statypalign[i]));
	}
	old = MemoryContextSwitchTo(result_context);
	result = heap_form_tuple(RelationGetDescr(catalog), values, nulls);
	MemoryContextSwitchTo(old);
	table_close(catalog, AccessShareLock);
	return result;
}

/*
 * expression_statistics
 *		Statistics of n sampled values, in the order of the table, of an
 *		expression that has total values in all; NULL when there are none.
 */
HeapTuple
expression_statistics(Node *expr, Oid collation, Datum *values, bool *nulls, int n, double total,
					  MemoryContext result_context)
{
	VacAttrStats *stats = palloc0(sizeof(VacAttrStats));

	if (n == 0 || !begin_statistics(stats, expr, collation))
		return NULL;
	stats->exprvals = values;
	stats->exprnulls = nulls;
	stats->rowstride = 1;
	stats->compute_stats(stats, fetch_value, n, total);
	return stats->stats_valid ? statistics_row(stats, result_context) : NULL;
}
