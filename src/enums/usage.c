/*
 * usage.c
 *	  more.enum_usage: everything in the database that uses an enum type.
 *
 * It joins what the other files find: columns (types.c) and stored expressions
 * (trees.c); and adds what only declares the type (types made of it, indexes,
 * statistics and partition keys over its columns, arguments of functions), and
 * what may mean a label by a text that only runs into the type later: bodies
 * of functions, arguments of triggers, constants of text.
 *
 * Reads catalogs that everyone may read, and no table; no lock lasts.
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "enums/enums.h"
#include "enums/trees.h"

PG_FUNCTION_INFO_V1(enum_usage);

/* One row of the answer. */
typedef struct Use
{
	const char *kind;
	const char *object;
	Oid			table;
	const char *column;
	List	   *labels;			/* char * */
	bool		names_labels;	/* or else labels are NULL: it holds values, or none */
	bool		possible;
	const char *note;
} Use;

#define USE_COLUMNS 7

static Datum
text_or_null(const char *value, bool *isnull)
{
	*isnull = value == NULL;
	return value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
}

static Datum
labels_array(List *labels)
{
	Datum	   *elements = palloc(sizeof(Datum) * (list_length(labels) + 1));
	ListCell   *lc;

	foreach(lc, labels)
		elements[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(construct_array(elements, list_length(labels), TEXTOID, -1, false, TYPALIGN_INT));
}

static void
put_use(ReturnSetInfo *result, const Use *use)
{
	Datum		values[USE_COLUMNS];
	bool		nulls[USE_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(use->kind);
	values[1] = CStringGetTextDatum(use->object);
	values[2] = ObjectIdGetDatum(use->table);
	nulls[2] = !OidIsValid(use->table);
	values[3] = text_or_null(use->column, &nulls[3]);
	values[4] = use->names_labels ? labels_array(use->labels) : (Datum) 0;
	nulls[4] = !use->names_labels;
	values[5] = CStringGetTextDatum(use->possible ? "possible" : "certain");
	values[6] = text_or_null(use->note, &nulls[6]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* What to know of a column, apart from its name. */
static const char *
column_note(const EnumColumn *column, Oid type)
{
	if (column->other_temp)
		return "of another session's temporary table";
	switch (column->relkind)
	{
		case RELKIND_PARTITIONED_TABLE:
			return "the rows are in its partitions";
		case RELKIND_MATVIEW:
			return "of a materialized view";
		case RELKIND_FOREIGN_TABLE:
			return "of a foreign table";
		default:
			return column->type == type ? NULL : format_type_be(column->type);
	}
}

static void
put_columns(ReturnSetInfo *result, Oid type)
{
	List	   *columns = enum_columns(type, false);
	ListCell   *lc;

	foreach(lc, columns)
	{
		EnumColumn *column = lfirst(lc);
		ObjectAddress address;
		Use			use = {"column"};

		ObjectAddressSubSet(address, RelationRelationId, column->relid, column->attnum);
		use.object = getObjectDescription(&address, true);
		use.table = column->relid;
		use.column = column->name;
		use.note = column_note(column, type);
		if (use.object != NULL)
			put_use(result, &use);
	}
}

/* The labels of those values, in the type's order. */
static List *
labels_of(const TreeType *type, List *values)
{
	List	   *labels = NIL;
	ListCell   *lc;

	foreach(lc, type->values)
	{
		EnumValue  *value = lfirst(lc);

		if (list_member_oid(values, value->oid))
			labels = lappend(labels, value->label);
	}
	return labels;
}

/* The column that a default is of, or NULL. */
static const char *
expression_column(const StoredExpression *expression)
{
	ObjectAddress column;

	if (expression->catalog != AttrDefaultRelationId)
		return NULL;
	column = GetAttrDefaultColumnAddress(expression->objid);
	return column.objectId == InvalidOid ? NULL :
		get_attname(column.objectId, column.objectSubId, true);
}

static void
put_expressions(ReturnSetInfo *result, const TreeType *type)
{
	List	   *expressions = enum_expressions(type->type, true);
	ListCell   *lc;
	ListCell   *lt;

	foreach(lc, expressions)
	{
		StoredExpression *expression = lfirst(lc);
		Use			use = {expression->kind, expression->description, expression->relid};

		use.column = expression_column(expression);
		if (strstr(use.kind, " column") != NULL)
		{
			use.note = strcmp(use.kind, "stored column") == 0 ? "its values are stored" : "its values are computed";
			use.kind = "generated column";
		}
		use.names_labels = true;
		use.labels = labels_of(type, expression->values);
		put_use(result, &use);
		if (expression->texts == NIL)
			continue;
		use.labels = NIL;
		foreach(lt, expression->texts)
			use.labels = lappend(use.labels, strVal(lfirst(lt)));
		use.possible = true;
		use.note = "as text";
		put_use(result, &use);
	}
}

/* Declarations: $1 are the carriers, $2 the type itself. */
static const char *declarations_sql =
	"SELECT CASE t.typtype WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite type' WHEN 'r' THEN 'range type' END,"
	" pg_catalog.pg_describe_object('pg_catalog.pg_type'::regclass, t.oid, 0), NULL::oid, NULL"
	" FROM pg_type AS t WHERE t.oid = ANY ($1) AND t.oid <> $2 AND t.typtype IN ('d', 'c', 'r')"
	" AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = t.typrelid AND c.relkind <> 'c')"
	" UNION ALL "
	"SELECT 'index', pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, i.indexrelid, 0), i.indrelid,"
	" 'its entries hold values'"
	" FROM pg_index AS i WHERE EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = i.indexrelid"
	"  AND NOT a.attisdropped AND a.atttypid = ANY ($1))"
	" OR EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = i.indrelid"
	"  AND a.attnum = ANY (i.indkey) AND a.atttypid = ANY ($1))"
	" UNION ALL "
	"SELECT 'statistics', pg_catalog.pg_describe_object('pg_catalog.pg_statistic_ext'::regclass, s.oid, 0), s.stxrelid,"
	" 'it is about values'"
	" FROM pg_statistic_ext AS s WHERE EXISTS (SELECT FROM pg_attribute AS a"
	"  WHERE a.attrelid = s.stxrelid AND a.attnum = ANY (s.stxkeys) AND a.atttypid = ANY ($1))"
	" UNION ALL "
	"SELECT 'partition key', pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, p.partrelid, 0), p.partrelid,"
	" CASE p.partstrat WHEN 'h' THEN 'hash' WHEN 'l' THEN 'list' ELSE 'range' END"
	" FROM pg_partitioned_table AS p WHERE EXISTS (SELECT FROM pg_attribute AS a"
	"  WHERE a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs) AND a.atttypid = ANY ($1))"
	" UNION ALL "
	"SELECT 'function', pg_catalog.pg_describe_object('pg_catalog.pg_proc'::regclass, f.oid, 0), NULL, 'an argument or its result'"
	" FROM pg_proc AS f WHERE (f.prorettype = ANY ($1) OR f.proargtypes::oid[] && $1 OR f.proallargtypes && $1)"
	" AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = f.oid"
	"  AND d.deptype = 'i')"
	" UNION ALL "
	"SELECT 'publication', pg_catalog.pg_describe_object('pg_catalog.pg_publication'::regclass, p.oid, 0), g.relid,"
	" 'it publishes values'"
	" FROM pg_publication AS p, LATERAL pg_get_publication_tables(p.pubname) AS g"
	" WHERE EXISTS (SELECT FROM pg_attribute AS a"
	"  WHERE a.attrelid = g.relid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = ANY ($1))";

static void
put_declarations(ReturnSetInfo *result, const TreeType *type)
{
	Oid			types[] = {OIDARRAYOID, OIDOID};
	Datum		arguments[2];
	Datum	   *carriers = palloc(sizeof(Datum) * list_length(type->carriers));
	ListCell   *lc;

	foreach(lc, type->carriers)
		carriers[foreach_current_index(lc)] = ObjectIdGetDatum(lfirst_oid(lc));
	arguments[0] = PointerGetDatum(construct_array(carriers, list_length(type->carriers),
												   OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	arguments[1] = ObjectIdGetDatum(type->type);
	if (SPI_execute_with_args(declarations_sql, 2, types, arguments, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the catalogs");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Use			use = {SPI_getvalue(tuple, desc, 1), SPI_getvalue(tuple, desc, 2)};

		use.table = DatumGetObjectId(SPI_getbinval(tuple, desc, 3, &isnull));
		if (isnull)
			use.table = InvalidOid;
		use.note = SPI_getvalue(tuple, desc, 4);
		put_use(result, &use);
	}
}

/* Functions whose bodies are text, and have no tree. */
static const char *bodies_sql =
	"SELECT f.oid, f.prosrc FROM pg_catalog.pg_proc AS f JOIN pg_catalog.pg_language AS l ON l.oid = f.prolang"
	" WHERE f.prosqlbody IS NULL AND l.lanname NOT IN ('internal', 'c') AND f.oid >= 16384 ORDER BY 1";

static char *
describe(Oid classid, Oid objid)
{
	ObjectAddress address;

	ObjectAddressSet(address, classid, objid);
	return getObjectDescription(&address, true);
}

static void
put_bodies(ReturnSetInfo *result, const TreeType *type)
{
	if (SPI_execute(bodies_sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_proc");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Oid			function = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		char	   *source = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
		Use			use = {"function", describe(ProcedureRelationId, function)};
		ListCell   *lc;

		CHECK_FOR_INTERRUPTS();
		foreach(lc, type->values)
			if (mentions_quoted(source, ((EnumValue *) lfirst(lc))->label))
				use.labels = lappend(use.labels, ((EnumValue *) lfirst(lc))->label);
		use.names_labels = true;
		use.possible = true;
		use.note = "in its body, which is text";
		if (use.labels != NIL && use.object != NULL)
			put_use(result, &use);
	}
}

/* Arguments of triggers, each ended by a zero byte. */
static const char *triggers_sql =
	"SELECT t.oid, t.tgrelid, t.tgargs FROM pg_catalog.pg_trigger AS t WHERE t.tgnargs > 0 AND NOT t.tgisinternal ORDER BY 1";

static bool
has_argument(bytea *arguments, const char *label)
{
	const char *p = VARDATA_ANY(arguments);
	const char *end = p + VARSIZE_ANY_EXHDR(arguments);

	for (; p < end; p += strlen(p) + 1)
		if (strcmp(p, label) == 0)
			return true;
	return false;
}

static void
put_triggers(ReturnSetInfo *result, const TreeType *type)
{
	if (SPI_execute(triggers_sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_trigger");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		bytea	   *arguments = DatumGetByteaPP(SPI_getbinval(tuple, desc, 3, &isnull));
		Use			use = {"trigger", describe(TriggerRelationId, DatumGetObjectId(SPI_getbinval(tuple, desc, 1, &isnull)))};
		ListCell   *lc;

		foreach(lc, type->values)
			if (has_argument(arguments, ((EnumValue *) lfirst(lc))->label))
				use.labels = lappend(use.labels, ((EnumValue *) lfirst(lc))->label);
		use.table = DatumGetObjectId(SPI_getbinval(tuple, desc, 2, &isnull));
		use.names_labels = true;
		use.possible = true;
		use.note = "as an argument";
		if (use.labels != NIL && use.object != NULL)
			put_use(result, &use);
	}
}

/*
 * functions_mentioning
 *		Descriptions of the functions whose bodies are text that has the label
 *		between quotes, as char *, in the caller's memory.
 */
List *
functions_mentioning(const char *label)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *result = NIL;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(bodies_sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_proc");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Oid			function = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));

		if (mentions_quoted(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2), label))
		{
			MemoryContext own = MemoryContextSwitchTo(caller);
			char	   *description = describe(ProcedureRelationId, function);

			if (description != NULL)
				result = lappend(result, description);
			MemoryContextSwitchTo(own);
		}
	}
	SPI_finish();
	return result;
}

/*
 * triggers_mentioning
 *		Descriptions of the triggers that have the label as an argument, as
 *		char *, in the caller's memory.
 */
List *
triggers_mentioning(const char *label)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *result = NIL;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(triggers_sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_trigger");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		if (has_argument(DatumGetByteaPP(SPI_getbinval(tuple, desc, 3, &isnull)), label))
		{
			MemoryContext own = MemoryContextSwitchTo(caller);
			char	   *description = describe(TriggerRelationId, DatumGetObjectId(SPI_getbinval(tuple, desc, 1, &isnull)));

			if (description != NULL)
				result = lappend(result, description);
			MemoryContextSwitchTo(own);
		}
	}
	SPI_finish();
	return result;
}

/*
 * enum_usage(type)
 *		The rows of more.enum_usage.
 *
 * The catalogs are read with a search_path of our own, which also has every
 * object described by its full name.
 */
Datum
enum_usage(PG_FUNCTION_ARGS)
{
	Oid			type = PG_GETARG_OID(0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TreeType   *of;
	int			nest;

	require_enum(type);
	InitMaterializedSRF(fcinfo, 0);
	of = tree_type(type);
	nest = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	put_columns(result, type);
	put_expressions(result, of);
	put_declarations(result, of);
	put_bodies(result, of);
	put_triggers(result, of);
	SPI_finish();
	AtEOXact_GUC(true, nest);
	return (Datum) 0;
}
