/*
 * adopt.c
 *	  CALL more.enum_adopt: a column of text becomes one of an enum type, or
 *	  back, while its table is read and written.
 *
 * The two types are stored differently, so every row has to be written anew.
 * Done by ALTER COLUMN ... TYPE, that locks the table for as long.  Here a
 * column is added that takes the other's place, in steps of which each leaves a
 * table that works:
 *
 * 1 look: the caller's rights, values that are no label, what hangs on it.
 * 2 add: the new column, and a trigger that fires last and makes it what the
 *   old one is in each row that is written; what the swap will do is rehearsed
 *   and rolled back.  A row that is written from here on must hold a label.
 * 3 copy: the rows that are there, in batches by their place in the table, each
 *   in a transaction of its own.  Rows that are written meanwhile have the
 *   trigger, so that one pass is enough; then the table is read to see that.
 * 4 constraints and indexes over the new column, beside the writers.
 * 5 swap: names, defaults, constraints, privileges, views; the old column is
 *   dropped.  Only catalogs change.
 *
 * It is a procedure since it commits: one transaction would hold its locks,
 * and the rows that it wrote, from the first step to the last.
 *
 * Interrupted anywhere, the table works, with one column more; called again,
 * it goes on from what it finds there.  Called with the type that the column
 * has, it gives up: the new column goes, and with it all that hangs on it.
 *
 * Locks: steps 2 and 5, and adding constraints, take ACCESS EXCLUSIVE, for as
 * long as changes of catalogs take; each waits for it no longer than a moment
 * at a time, so that nobody has to queue behind us.  Copying locks the rows of
 * a batch.  Validating and building indexes take SHARE UPDATE EXCLUSIVE.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/bufmgr.h"
#include "storage/itemptr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/adopt.h"
#include "enums/enums.h"
#include "enums/transaction.h"

PG_FUNCTION_INFO_V1(enum_adopt);
PG_FUNCTION_INFO_V1(enum_adopt_sync);

/*
 * adopt_commit
 *		Record the step, if one is given, and go on in a new transaction.
 */
void
adopt_commit(Adoption *adoption, const char *step, const char *object)
{
	if (step != NULL)
		change_step(adoption->change, step, object);
	next_transaction();
}

/*
 * adopt_concurrently
 *		Run a statement that commits by itself, between two transactions.
 */
void
adopt_concurrently(Node *statement, const char *sql)
{
	without_snapshot();
	run_concurrently(statement, sql);
	XactIsoLevel = XACT_READ_COMMITTED;
	with_snapshot();
}

/* One attempt at what needs a lock on the table; false when that could not be had. */
static bool
try_locked(Adoption *adoption, void (*action) (Adoption *))
{
	ErrorData  *error = in_subtransaction((void (*) (void *)) action, adoption, LOCK_WAIT, true);

	if (error == NULL)
		return true;
	if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE && error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		ReThrowError(error);
	FreeErrorData(error);
	return false;
}

/* Do it as soon as the table can be locked, and commit. */
static void
locked(Adoption *adoption, void (*action) (Adoption *))
{
	for (int attempt = 1; !try_locked(adoption, action); attempt++)
	{
		next_transaction();
		if (attempt % 50 == 0)
			ereport(NOTICE,
					(errmsg("waiting for a moment in which table %s can be locked", adopt_table(adoption))));
		pause_without_snapshot();
	}
	next_transaction();
}

/* ------------------------------------------------------------------------ */
/* Step 1: looking															*/
/* ------------------------------------------------------------------------ */

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

/* The table must be one whose columns stand for themselves. */
static void
check_table(const Adoption *adoption)
{
	Relation	rel = table_open(adoption->relid, AccessShareLock);
	const char *why = NULL;

	if (!compat_owns(RelationRelationId, adoption->relid))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(rel));
	if (RELATION_IS_OTHER_TEMP(rel))
		why = "It is a temporary table of another session.";
	else if (rel->rd_rel->relkind != RELKIND_RELATION)
		why = "It is no ordinary table.";
	else if (rel->rd_rel->relispartition || has_superclass(adoption->relid) || has_subclass(adoption->relid))
		why = "It inherits its columns, or others inherit them.";
	else if (OidIsValid(rel->rd_rel->reloftype))
		why = "Its columns are those of a type.";
	else if (adoption->relid < FirstNormalObjectId)
		why = "It is a system catalog.";
	if (why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("the columns of %s cannot change their types online", adopt_table(adoption)),
				 errdetail("%s", why),
				 errhint("Use ALTER TABLE ... ALTER COLUMN ... TYPE, which locks the table.")));
	table_close(rel, AccessShareLock);
}

/* The two types, and the column's own peculiarities. */
static void
check_column(Adoption *adoption)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(adoption->relid), Int16GetDatum(adoption->attnum));
	Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(tuple);

	adoption->from = att->atttypid;
	adoption->from_typmod = att->atttypmod;
	if (att->attcollation != get_typcollation(att->atttypid))
		adoption->from_collation = att->attcollation;
	if (att->attgenerated != '\0' || att->attidentity != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("column \"%s\" is computed", adoption->column)));
	ReleaseSysCache(tuple);
	adoption->to_enum = get_typtype(adoption->to) == TYPTYPE_ENUM;
	adoption->type = adoption->to_enum ? adoption->to : adoption->from;
	if (adoption->from == adoption->to)
		return;
	if (adoption->to_enum ? !is_text(adoption->from) :
		!((adoption->to == TEXTOID || adoption->to == VARCHAROID) && get_typtype(adoption->from) == TYPTYPE_ENUM))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot become %s", adoption->column,
						format_type_be(adoption->from), format_type_be(adoption->to)),
				 errdetail("One of the types must be an enum, and the other text.")));
}

/* The labels that rows may hold. */
static void
find_labels(Adoption *adoption)
{
	ListCell   *lc;

	foreach(lc, enum_values(adoption->type))
	{
		EnumValue  *value = lfirst(lc);

		if (!value->retired && !value->moving)
			adoption->labels = lappend(adoption->labels, value->label);
	}
}

/* The table, the column and the names that are used on the way; in the call's memory. */
static Adoption *
adoption_of_arguments(FunctionCallInfo fcinfo)
{
	MemoryContext context = AllocSetContextCreate(PortalContext, "pg_more adopt", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Adoption   *adoption = palloc0(sizeof(Adoption));

	adoption->context = context;
	adoption->relid = PG_GETARG_OID(0);
	adoption->column = text_to_cstring(PG_GETARG_TEXT_PP(1));
	adoption->to = PG_GETARG_OID(2);
	check_table(adoption);
	adoption->attnum = get_attnum(adoption->relid, adoption->column);
	if (adoption->attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table %s does not exist", adoption->column, adopt_table(adoption))));
	check_column(adoption);
	adoption->new_column = psprintf("pg_more:adopt:%d", adoption->attnum);
	adoption->old_column = psprintf("pg_more:adopted:%d", adoption->attnum);
	adoption->trigger = psprintf("~~pg_more:adopt:%d", adoption->attnum);
	adoption->new_attnum = get_attnum(adoption->relid, adoption->new_column);
	if (adoption->from != adoption->to)
		find_labels(adoption);
	MemoryContextSwitchTo(old);
	return adoption;
}

static Datum
text_array(List *strings)
{
	Datum	   *elements = palloc(sizeof(Datum) * (list_length(strings) + 1));
	ListCell   *lc;

	foreach(lc, strings)
		elements[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(construct_array(elements, list_length(strings), TEXTOID, -1, false, TYPALIGN_INT));
}

/* Values of rows that are no label are an error, with how many rows have them. */
static void
check_values(Adoption *adoption)
{
	Oid			types[] = {TEXTARRAYOID};
	Datum		values[] = {text_array(adoption->labels)};
	const char *column = quote_identifier(adoption->column);
	StringInfoData detail;
	int			nest = NewGUCNestLevel();

	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_with_args(psprintf("SELECT t.%s::pg_catalog.text, pg_catalog.count(*) FROM ONLY %s AS t"
									   " WHERE t.%s IS NOT NULL AND NOT (t.%s::pg_catalog.text COLLATE \"C\" OPERATOR(pg_catalog.=) ANY ($1))"
									   " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 11", column, adopt_table(adoption), column, column),
							  1, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the values of the column");
	AtEOXact_GUC(true, nest);
	if (SPI_processed == 0)
		return;
	initStringInfo(&detail);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		if (i == 10)
			appendStringInfoString(&detail, "\nand more");
		else
		{
			char	   *count = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);

			appendStringInfo(&detail, "%s\"%s\": %s %s", i > 0 ? "\n" : "",
							 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1), count,
							 strcmp(count, "1") == 0 ? "row" : "rows");
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("column \"%s\" of table %s holds values that are no label of %s",
					adoption->column, adopt_table(adoption), format_type_be(adoption->type)),
			 errdetail_internal("%s", detail.data),
			 errhint("Change the rows, or add the labels with more.enum_add.")));
}

/* ------------------------------------------------------------------------ */
/* Step 2: the new column and its trigger									*/
/* ------------------------------------------------------------------------ */

static void
rehearse(Adoption *adoption)
{
	adopt_swap(adoption, true);
}

/* Whoever drops the new column drops the trigger with it. */
static void
bind_trigger(Adoption *adoption)
{
	ObjectAddress trigger;
	ObjectAddress column;

	ObjectAddressSet(trigger, TriggerRelationId, get_trigger_oid(adoption->relid, adoption->trigger, false));
	ObjectAddressSubSet(column, RelationRelationId, adoption->relid, adoption->new_attnum);
	recordDependencyOn(&trigger, &column, DEPENDENCY_AUTO);
	CommandCounterIncrement();
}

/* The record of this call, or of the one that it goes on with. */
static void
begin_record(Adoption *adoption)
{
	MemoryContext old = MemoryContextSwitchTo(adoption->context);
	char	   *label = psprintf("%s.%s", adopt_table(adoption), quote_identifier(adoption->column));
	StringInfoData arguments;

	adoption->change = change_find(adoption->type, "adopt", label);
	if (adoption->change == NULL)
	{
		initStringInfo(&arguments);
		appendStringInfoString(&arguments, "{\"label\": ");
		escape_json(&arguments, label);
		appendStringInfoString(&arguments, ", \"to\": ");
		escape_json(&arguments, type_sql(adoption->to, -1));
		appendStringInfoChar(&arguments, '}');
		adoption->change = change_start(adoption->type, "adopt", arguments.data);
	}
	MemoryContextSwitchTo(old);
}

/* ... and do what the swap will do, and undo it.  What stops here leaves no record either. */
static void
add_column(Adoption *adoption)
{
	const char *table = adopt_table(adoption);
	ErrorData  *error;

	adopt_run("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", table);
	begin_record(adoption);
	change_step(adoption->change, "add", NULL);
	/* an attempt that was rolled back may have added it */
	adoption->new_attnum = get_attnum(adoption->relid, adoption->new_column);
	if (adoption->new_attnum == InvalidAttrNumber)
	{
		adopt_run("ALTER TABLE %s ADD COLUMN %s %s", table, quote_identifier(adoption->new_column), type_sql(adoption->to, -1));
		adoption->new_attnum = get_attnum(adoption->relid, adoption->new_column);
		adopt_run("CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION more._enum_adopt_sync(%s, %s)",
				  quote_identifier(adoption->trigger), table,
				  quote_literal_cstr(adoption->column), quote_literal_cstr(adoption->new_column));
		bind_trigger(adoption);
	}
	/* also where an earlier call has added it: others may have disabled it since then */
	adopt_run("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, quote_identifier(adoption->trigger));
	error = in_subtransaction((void (*) (void *)) rehearse, adoption, 0, false);
	if (error != NULL)
		ReThrowError(error);
}

/* A column of ours from an earlier call must be on its way to the same type. */
static void
check_earlier(const Adoption *adoption)
{
	if (adoption->new_attnum != InvalidAttrNumber &&
		get_atttype(adoption->relid, adoption->new_attnum) != adoption->to)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("column \"%s\" of table %s is on its way to type %s", adoption->column, adopt_table(adoption),
						format_type_be(get_atttype(adoption->relid, adoption->new_attnum))),
				 errhint("Call more.enum_adopt with that type to finish, or with %s to give up.",
						 format_type_be(adoption->from))));
}

/* ------------------------------------------------------------------------ */
/* Step 3: copying															*/
/* ------------------------------------------------------------------------ */

/* The rows in which the new column is not what the old one is. */
static char *
differing(const Adoption *adoption)
{
	const char *old_column = quote_identifier(adoption->column);
	const char *new_column = quote_identifier(adoption->new_column);

	return psprintf("(t.%s IS NULL) OPERATOR(pg_catalog.<>) (t.%s IS NULL)"
					" OR t.%s::pg_catalog.text COLLATE \"C\" OPERATOR(pg_catalog.<>) t.%s::pg_catalog.text COLLATE \"C\"",
					old_column, new_column, old_column, new_column);
}

/* Pages that have about a batch of rows. */
static BlockNumber
pages_per_batch(const Adoption *adoption)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(adoption->relid));
	Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);
	double		density = form->relpages > 0 && form->reltuples > 0 ? form->reltuples / form->relpages : 50;

	ReleaseSysCache(tuple);
	return Max((BlockNumber) (enum_batch / density), 1);
}

static BlockNumber
pages_of(const Adoption *adoption)
{
	Relation	rel = table_open(adoption->relid, AccessShareLock);
	BlockNumber result = RelationGetNumberOfBlocks(rel);

	table_close(rel, AccessShareLock);
	return result;
}

/* The rows of the pages from first up to end; a plain UPDATE, with the caller's rights and search_path. */
static int64
copy_pages(Adoption *adoption, BlockNumber first, BlockNumber end)
{
	Oid			types[] = {TIDOID, TIDOID};
	ItemPointerData from;
	ItemPointerData to;
	Datum		values[2];
	int			nest = NewGUCNestLevel();
	int			result;
	char	   *value = adopt_cast(adoption, psprintf("t.%s", quote_identifier(adoption->column)));

	ItemPointerSet(&from, first, 0);
	ItemPointerSet(&to, end, 0);
	values[0] = PointerGetDatum(&from);
	values[1] = PointerGetDatum(&to);
	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	result = SPI_execute_with_args(psprintf("UPDATE ONLY %s AS t SET %s = %s"
											" WHERE t.ctid OPERATOR(pg_catalog.>=) $1 AND t.ctid OPERATOR(pg_catalog.<) $2 AND (%s)",
											adopt_table(adoption), quote_identifier(adoption->new_column), value, differing(adoption)),
								   2, types, values, NULL, false, 0);
	AtEOXact_GUC(true, nest);
	if (result != SPI_OK_UPDATE)
		elog(ERROR, "could not copy the column");
	return SPI_processed;
}

/* One pass over the table; how many rows were copied. */
static int64
copy_rows(Adoption *adoption)
{
	BlockNumber step = pages_per_batch(adoption);
	BlockNumber end = pages_of(adoption);
	int64		copied = 0;

	for (BlockNumber page = 0; page < end; page += step)
	{
		MemoryContext batch = AllocSetContextCreate(adoption->context, "pg_more batch", ALLOCSET_SMALL_SIZES);
		MemoryContext old = MemoryContextSwitchTo(batch);

		CHECK_FOR_INTERRUPTS();
		copied += copy_pages(adoption, page, Min(end, page + step));
		change_rows(adoption->change, adoption->change->rows_done + SPI_processed, adoption->change->rows_total);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(batch);
		next_transaction();
	}
	return copied;
}

static bool
all_copied(Adoption *adoption)
{
	return adopt_run("SELECT FROM ONLY %s AS t WHERE %s LIMIT 1", adopt_table(adoption), differing(adoption)) == 0;
}

/* Until the trigger keeps up: rows change only with it from the first pass on. */
static void
copy_all(Adoption *adoption)
{
	for (int pass = 1;; pass++)
	{
		adopt_commit(adoption, "copy", NULL);
		(void) copy_rows(adoption);
		if (all_copied(adoption))
			return;
		if (pass == 10)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("rows of table %s lose what is copied to them", adopt_table(adoption)),
					 errdetail("The new column still differs from \"%s\" after %d passes.", adoption->column, pass),
					 errhint("See whether trigger \"%s\" is enabled, and whether another one changes the column after it.",
							 adoption->trigger)));
	}
}

/* ------------------------------------------------------------------------ */
/* The call																	*/
/* ------------------------------------------------------------------------ */

static void
swap(Adoption *adoption)
{
	adopt_swap(adoption, false);
}

static void
adopt(Adoption *adoption)
{
	next_transaction();
	check_earlier(adoption);
	check_values(adoption);
	adopt_require_portable(adoption);
	locked(adoption, add_column);
	copy_all(adoption);
	adopt_commit(adoption, "constraints", NULL);
	locked(adoption, adopt_add_constraints);
	adopt_validate_constraints(adoption);
	next_transaction();
	adopt_build_indexes(adoption);
	adopt_commit(adoption, "swap", NULL);
	locked(adoption, swap);
	change_end(adoption->change, "done");
	next_transaction();
	without_snapshot();
}

static void
drop_new_column(Adoption *adoption)
{
	adopt_run("ALTER TABLE %s DROP COLUMN %s", adopt_table(adoption), quote_identifier(adoption->new_column));
}

/* Take back what an unfinished call has left. */
static void
give_up(Adoption *adoption)
{
	char	   *label = psprintf("%s.%s", adopt_table(adoption), quote_identifier(adoption->column));
	MemoryContext old;

	if (adoption->new_attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" of table %s is of type %s already", adoption->column,
						adopt_table(adoption), format_type_be(adoption->to))));
	next_transaction();
	old = MemoryContextSwitchTo(adoption->context);
	adoption->change = change_find(adoption->type, "adopt", label);
	MemoryContextSwitchTo(old);
	locked(adoption, drop_new_column);
	if (adoption->change != NULL)
		change_end(adoption->change, "undone");
	next_transaction();
	without_snapshot();
}

/*
 * CALL more.enum_adopt("table" regclass, "column" text, type regtype)
 *
 * Only where it can commit, as a statement of its own: 2D000 otherwise.
 */
Datum
enum_adopt(PG_FUNCTION_ARGS)
{
	Adoption   *adoption;

	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("no argument of more.enum_adopt can be null")));
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) || castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("more.enum_adopt cannot run inside a transaction block"),
				 errdetail("It commits after each step, so that nobody waits for its locks.")));
	require_direct_call("more.enum_adopt");
	adoption = adoption_of_arguments(fcinfo);
	if (adoption->from == adoption->to && adoption->new_attnum != InvalidAttrNumber && !adoption->to_enum)
		adoption->type = get_atttype(adoption->relid, adoption->new_attnum);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	forget_snapshot();
	MemoryContextSwitchTo(adoption->context);
	require_change_lock(adoption->type, true);
	PG_TRY();
	{
		if (adoption->from == adoption->to)
			give_up(adoption);
		else
			adopt(adoption);
	}
	PG_FINALLY();
	{
		unlock_changes(adoption->type);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}

/* The text of a value, as the other type's input takes it. */
static char *
value_text(Datum value, Oid type)
{
	Oid			output;
	bool		varlena;
	char	   *result;

	getTypeOutputInfo(type, &output, &varlena);
	result = OidOutputFunctionCall(output, value);
	if (type == BPCHAROID)
		for (char *end = result + strlen(result); end > result && end[-1] == ' ';)
			*--end = '\0';
	return result;
}

/*
 * more._enum_adopt_sync(old column, new column)
 *
 * The trigger: makes the new column what the old one is.
 */
Datum
enum_adopt_sync(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	HeapTuple	tuple;
	int			from;
	int			to;
	Oid			input;
	Oid			ioparam;
	Datum		value;
	bool		isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ||
		trigger->tg_trigger->tgnargs != 2)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("more._enum_adopt_sync is a trigger of more.enum_adopt only")));
	desc = RelationGetDescr(trigger->tg_relation);
	tuple = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	from = SPI_fnumber(desc, trigger->tg_trigger->tgargs[0]);
	to = SPI_fnumber(desc, trigger->tg_trigger->tgargs[1]);
	if (from <= 0 || to <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" was renamed while more.enum_adopt is at work on it",
						trigger->tg_trigger->tgargs[from <= 0 ? 0 : 1], RelationGetRelationName(trigger->tg_relation))));
	value = heap_getattr(tuple, from, desc, &isnull);
	if (!isnull)
	{
		Oid			type = TupleDescAttr(desc, to - 1)->atttypid;

		getTypeInputInfo(type, &input, &ioparam);
		value = OidInputFunctionCall(input, value_text(value, TupleDescAttr(desc, from - 1)->atttypid), ioparam, -1);
	}
	return PointerGetDatum(heap_modify_tuple_by_cols(tuple, desc, 1, &to, &value, &isnull));
}
