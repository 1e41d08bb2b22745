/*
 * trees.c
 *	  The stored expressions that name values of an enum type: found, and changed.
 *
 * Expressions live in sixteen columns of type pg_node_tree, the same in every
 * version, and in the initial values of aggregates, which are text.  One of
 * the sixteen is left out: the server refuses user-defined types in the row
 * filters of publications.  The catalogs are scanned whole: dependency records would name the objects that
 * use a type, but not those that use it by way of a table's column, a row
 * type or a function's result.
 *
 * An expression is changed by an update of its catalog row, under the lock
 * that ALTER would take, so that nobody uses the object meanwhile; whatever
 * hangs on it (dependency records, comments, privileges) stays as it is,
 * since the tree goes on depending on the same type.  Relations that cache it
 * are invalidated.  Three kinds need more than that:
 *
 * - an index whose predicate or expression changes its meaning lacks rows
 *   that it should have now, so it is marked invalid, as it is while CREATE
 *   INDEX CONCURRENTLY builds it, until it is rebuilt;
 * - a CHECK that changes its meaning is marked NOT VALID until it is
 *   validated, unless it can be shown without the rows that they satisfy it;
 * - a domain's default is also kept as text.
 *
 * What cannot change without changing data that nobody would correct (values
 * of stored generated columns, unique indexes, partition keys) is refused.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/objectaccess.h"
#include "catalog/objectaddress.h"
#include "catalog/partition.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/nodes.h"
#include "nodes/value.h"
#include "optimizer/optimizer.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/enums.h"
#include "enums/trees.h"

/* One column of a catalog that keeps expressions. */
typedef struct StoredField
{
	Oid			catalog;
	Oid			index;			/* of the key */
	AttrNumber	key;			/* the object's OID */
	AttrNumber	relation;		/* the table that it belongs to, or 0 */
	AttrNumber	field;
	const char *kind;
	LOCKMODE	lock;			/* what ALTER takes on the table */
} StoredField;

/* Columns of one catalog stand together: it is scanned once for all of them. */
static const StoredField stored_fields[] = {
	{AttrDefaultRelationId, AttrDefaultOidIndexId, Anum_pg_attrdef_oid, Anum_pg_attrdef_adrelid,
	Anum_pg_attrdef_adbin, "default", AccessExclusiveLock},
	{ConstraintRelationId, ConstraintOidIndexId, Anum_pg_constraint_oid, Anum_pg_constraint_conrelid,
	Anum_pg_constraint_conbin, "check", AccessExclusiveLock},
	{IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid, Anum_pg_index_indrelid,
	Anum_pg_index_indexprs, "index", AccessExclusiveLock},
	{IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid, Anum_pg_index_indrelid,
	Anum_pg_index_indpred, "index", AccessExclusiveLock},
	{RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, Anum_pg_rewrite_ev_class,
	Anum_pg_rewrite_ev_qual, "rule", AccessExclusiveLock},
	{RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, Anum_pg_rewrite_ev_class,
	Anum_pg_rewrite_ev_action, "rule", AccessExclusiveLock},
	{ProcedureRelationId, ProcedureOidIndexId, Anum_pg_proc_oid, 0,
	Anum_pg_proc_proargdefaults, "function", NoLock},
	{ProcedureRelationId, ProcedureOidIndexId, Anum_pg_proc_oid, 0,
	Anum_pg_proc_prosqlbody, "function", NoLock},
	{AggregateRelationId, AggregateFnoidIndexId, Anum_pg_aggregate_aggfnoid, 0,
	Anum_pg_aggregate_agginitval, "aggregate", NoLock},
	{AggregateRelationId, AggregateFnoidIndexId, Anum_pg_aggregate_aggfnoid, 0,
	Anum_pg_aggregate_aggminitval, "aggregate", NoLock},
	{PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, Anum_pg_policy_polrelid,
	Anum_pg_policy_polqual, "policy", AccessExclusiveLock},
	{PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, Anum_pg_policy_polrelid,
	Anum_pg_policy_polwithcheck, "policy", AccessExclusiveLock},
	{TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, Anum_pg_trigger_tgrelid,
	Anum_pg_trigger_tgqual, "trigger", ShareRowExclusiveLock},
	{RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, Anum_pg_class_oid,
	Anum_pg_class_relpartbound, "partition", AccessExclusiveLock},
	{PartitionedRelationId, PartitionedRelidIndexId, Anum_pg_partitioned_table_partrelid,
	Anum_pg_partitioned_table_partrelid, Anum_pg_partitioned_table_partexprs, "partition key", AccessExclusiveLock},
	{StatisticExtRelationId, StatisticExtOidIndexId, Anum_pg_statistic_ext_oid, Anum_pg_statistic_ext_stxrelid,
	Anum_pg_statistic_ext_stxexprs, "statistics", ShareUpdateExclusiveLock},
	{TypeRelationId, TypeOidIndexId, Anum_pg_type_oid, 0,
	Anum_pg_type_typdefaultbin, "domain", NoLock},
};

/* The field of a stored expression. */
static const StoredField *
field_of(const StoredExpression *expression)
{
	for (int i = 0; i < lengthof(stored_fields); i++)
		if (stored_fields[i].catalog == expression->catalog &&
			stored_fields[i].field == expression->field)
			return &stored_fields[i];
	elog(ERROR, "unknown kind of stored expression");
	return NULL;				/* keep the compiler quiet */
}

/* The object, as dependency records would name it. */
static ObjectAddress
address_of(const StoredExpression *expression)
{
	ObjectAddress address;

	ObjectAddressSet(address, expression->classid, expression->objid);
	if (strcmp(expression->kind, "view") == 0)
		ObjectAddressSet(address, RelationRelationId, expression->relid);
	return address;
}

/* The class of the objects that a catalog's rows belong to. */
static Oid
class_of_catalog(Oid catalog)
{
	switch (catalog)
	{
		case IndexRelationId:
		case PartitionedRelationId:
			return RelationRelationId;
		case AggregateRelationId:
			return ProcedureRelationId;
		default:
			return catalog;
	}
}

/* The domain that a constraint is of, or InvalidOid. */
static Oid
domain_of(Oid constraint)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Oid			result = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_constraint) GETSTRUCT(tuple))->contypid;
		ReleaseSysCache(tuple);
	}
	return result;
}

/* What kind of object it is, where the catalog alone does not tell. */
static const char *
kind_of(const StoredField *field, HeapTuple tuple, Oid relid)
{
	if (field->catalog == ConstraintRelationId && !OidIsValid(relid))
		return "domain";
	if (field->catalog == RewriteRelationId &&
		strcmp(NameStr(((Form_pg_rewrite) GETSTRUCT(tuple))->rulename), "_RETURN") == 0)
		return "view";
	if (field->catalog == AttrDefaultRelationId)
	{
		AttrNumber	attnum = ((Form_pg_attrdef) GETSTRUCT(tuple))->adnum;

		if (get_attgenerated(relid, attnum) == ATTRIBUTE_GENERATED_STORED)
			return "stored column";
		if (get_attgenerated(relid, attnum) != '\0')
			return "virtual column";
	}
	return field->kind;
}

/* An aggregate's initial value stands for a text that is cast to its type. */
static Node *
aggregate_tree(const StoredField *field, HeapTuple tuple, const char *text)
{
	Form_pg_aggregate aggregate = (Form_pg_aggregate) GETSTRUCT(tuple);
	CoerceViaIO *cast = makeNode(CoerceViaIO);

	cast->arg = (Expr *) makeConst(TEXTOID, -1, InvalidOid, -1, CStringGetTextDatum(text), false, false);
	cast->resulttype = field->field == Anum_pg_aggregate_agginitval ?
		aggregate->aggtranstype : aggregate->aggmtranstype;
	return (Node *) cast;
}

/* The expression in a catalog row, parsed; NULL when it does not use the type at all. */
static Node *
read_tree(const StoredField *field, HeapTuple tuple, TupleDesc desc, const TreeType *type)
{
	bool		isnull;
	Datum		datum = heap_getattr(tuple, field->field, desc, &isnull);
	char	   *stored;

	if (isnull)
		return NULL;
	stored = TextDatumGetCString(datum);
	if (field->catalog == AggregateRelationId)
		return aggregate_tree(field, tuple, stored);
	if (!tree_mentions(stored, type))
		return NULL;
	return stringToNode(stored);
}

/* What people call it; a domain's constraint with its domain. NULL when it is gone. */
static char *
describe_expression(const StoredExpression *expression)
{
	ObjectAddress address = address_of(expression);
	char	   *description = getObjectDescription(&address, true);

	if (description != NULL && expression->catalog == ConstraintRelationId && !OidIsValid(expression->relid))
		return psprintf("%s on domain %s", description, format_type_be(domain_of(expression->objid)));
	return description;
}

static Oid
get_oid(HeapTuple tuple, AttrNumber attnum, TupleDesc desc)
{
	bool		isnull;

	return attnum == 0 ? InvalidOid : DatumGetObjectId(heap_getattr(tuple, attnum, desc, &isnull));
}

/* What the row's expression tells of the type, or NULL. */
static StoredExpression *
read_expression(const StoredField *field, HeapTuple tuple, TupleDesc desc, const TreeType *type)
{
	Node	   *tree = read_tree(field, tuple, desc, type);
	TreeNames	names = {false, NIL, NIL};
	StoredExpression *expression;

	if (tree == NULL)
		return NULL;
	look_at_tree(tree, type, &names);
	if (!names.uses && names.values == NIL)
		return NULL;
	expression = palloc0(sizeof(StoredExpression));
	expression->catalog = field->catalog;
	expression->classid = class_of_catalog(field->catalog);
	expression->objid = get_oid(tuple, field->key, desc);
	expression->field = field->field;
	expression->relid = get_oid(tuple, field->relation, desc);
	expression->kind = kind_of(field, tuple, expression->relid);
	expression->values = names.values;
	expression->texts = names.texts;
	expression->description = describe_expression(expression);
	return expression->description == NULL ? NULL : expression;
}

/* Adds what one catalog has, for all fields from first on that are in it. */
static List *
scan_catalog(int first, const TreeType *type, bool all, List *result)
{
	Oid			catalog = stored_fields[first].catalog;
	Relation	rel = table_open(catalog, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CHECK_FOR_INTERRUPTS();
		/* what came with the server cannot use a user's type */
		if (get_oid(tuple, stored_fields[first].key, desc) < FirstNormalObjectId)
			continue;
		for (int i = first; i < lengthof(stored_fields) && stored_fields[i].catalog == catalog; i++)
		{
			StoredExpression *expression = read_expression(&stored_fields[i], tuple, desc, type);

			if (expression != NULL && (all || expression->values != NIL))
				result = lappend(result, expression);
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* By catalog, in the order above, and then by description: the same whatever order the rows are in. */
static int
compare_expressions(const ListCell *a, const ListCell *b)
{
	const StoredExpression *left = lfirst(a);
	const StoredExpression *right = lfirst(b);
	const StoredField *left_field = field_of(left);
	const StoredField *right_field = field_of(right);
	int			result;

	if (left->catalog != right->catalog)
		return left_field < right_field ? -1 : 1;
	result = strcmp(left->description, right->description);
	if (result != 0 || left_field == right_field)
		return result;
	return left_field < right_field ? -1 : 1;
}

/*
 * enum_expressions
 *		The stored expressions of the database that name values of the type.
 *
 * With all, also those that only use the type, among them those that have
 * texts that may be meant as labels.  Read with the catalogs' current state;
 * the list is palloc'd in the current context.
 */
List *
enum_expressions(Oid type, bool all)
{
	TreeType   *of = tree_type(type);
	List	   *result = NIL;

	for (int i = 0; i < lengthof(stored_fields); i++)
		if (i == 0 || stored_fields[i].catalog != stored_fields[i - 1].catalog)
			result = scan_catalog(i, of, all, result);
	list_sort(result, compare_expressions);
	return result;
}

/* The expression's row as it is now, copied, or NULL when it is gone. */
static HeapTuple
fetch_row(Relation rel, const StoredField *field, Oid objid)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, field->key, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(objid));
	scan = systable_beginscan(rel, field->index, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

/* Does the current user own the object, or what it belongs to? */
static bool
owns(const StoredExpression *expression)
{
	Oid			object = expression->objid;

	switch (expression->catalog)
	{
		case StatisticExtRelationId:
			return compat_owns(StatisticExtRelationId, object);
		case ProcedureRelationId:
		case AggregateRelationId:
			return compat_owns(ProcedureRelationId, object);
		case TypeRelationId:
			return compat_owns(TypeRelationId, object);
		case ConstraintRelationId:
			if (OidIsValid(expression->relid))
				break;
			object = domain_of(object);
			return compat_owns(TypeRelationId, object);
		default:
			break;
	}
	return compat_owns(RelationRelationId, expression->relid);
}

/*
 * stored_use_of
 *		What keeps results of the function: an index, a CHECK, a generated
 *		column or a partition key, however many functions, operators and casts
 *		lie between.  NULL when nothing does.
 */
static char *
stored_use_of(Oid function)
{
	static const char *sql =
		"WITH RECURSIVE users AS ("
		" SELECT classid, objid FROM pg_catalog.pg_depend"
		" WHERE refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND refobjid OPERATOR(pg_catalog.=) $1"
		" UNION SELECT d.classid, d.objid FROM pg_catalog.pg_depend AS d JOIN users AS u"
		" ON d.refclassid = u.classid AND d.refobjid = u.objid"
		" WHERE u.classid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass,"
		"  'pg_catalog.pg_cast'::pg_catalog.regclass, 'pg_catalog.pg_opclass'::pg_catalog.regclass))"
		" SELECT pg_catalog.pg_describe_object(u.classid, u.objid, 0) FROM users AS u"
		" WHERE u.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
		" OR u.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass"
		" OR EXISTS (SELECT FROM pg_catalog.pg_attrdef AS d JOIN pg_catalog.pg_attribute AS a"
		"  ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
		"  WHERE u.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.oid = u.objid AND a.attgenerated = 's')"
		" ORDER BY 1 LIMIT 1";
	Oid			types[] = {OIDOID};
	Datum		values[] = {ObjectIdGetDatum(function)};
	MemoryContext caller = CurrentMemoryContext;
	int			nest = NewGUCNestLevel();
	char	   *result = NULL;

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(sql, 1, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_depend");
	if (SPI_processed > 0)
		result = MemoryContextStrdup(caller, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	SPI_finish();
	AtEOXact_GUC(true, nest);
	return result;
}

/* Why an index cannot change its meaning, or NULL. */
static const char *
index_obstacle(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	const char *result = NULL;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	if (((Form_pg_index) GETSTRUCT(tuple))->indisexclusion)
		result = "it excludes rows, and would compare others than it does now";
	else if (((Form_pg_index) GETSTRUCT(tuple))->indisunique)
		result = "it is unique, and would compare others than it does now";
	ReleaseSysCache(tuple);
	return result;
}

/*
 * Rows of a table as they will be, in a subquery that has its columns: the
 * old value replaced in columns of the enum and of arrays of it.
 */
static void
append_rows_as_changed(StringInfo sql, Relation rel, const TreeChange *change)
{
	TupleDesc	desc = RelationGetDescr(rel);
	const char *old_label = quote_literal_cstr(label_of(change->type, change->old_oid));
	const char *new_label = quote_literal_cstr(label_of(change->type, change->new_oid));
	const char *type = type_sql(change->type->type, -1);

	appendStringInfoString(sql, "(SELECT tableoid");
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		const char *name = quote_identifier(NameStr(att->attname));

		if (att->attisdropped)
			continue;
		if (getBaseType(att->atttypid) == change->type->type)
			appendStringInfo(sql, ", CASE WHEN r.%s::%s OPERATOR(pg_catalog.=) %s::%s THEN %s::%s ELSE r.%s END AS %s",
							 name, type, old_label, type, new_label, type, name, name);
		else if (get_element_type(getBaseType(att->atttypid)) == change->type->type)
			appendStringInfo(sql, ", pg_catalog.array_replace(r.%s, %s::%s, %s::%s) AS %s",
							 name, old_label, type, new_label, type, name);
		else
			appendStringInfo(sql, ", r.%s", name);
	}
	appendStringInfo(sql, " FROM ONLY %s AS r) AS %s", qualified_name(RelationGetRelid(rel)),
					 quote_identifier(RelationGetRelationName(rel)));
}

/* Does the tree have the table's whole row? The subquery above has another type. */
static bool
whole_row_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varattno == 0;
	return expression_tree_walker(node, whole_row_walker, context);
}

/*
 * row_violates
 *		Is there a row, in the table itself, that will not satisfy the CHECK?
 *
 * The condition is SQL over the table's columns.  Without a change the rows
 * are taken as they are.  Reads the table with the caller's rights, or, for a
 * superuser, with those of its owner, whose functions it calls.
 */
static bool
row_violates(Oid relid, const char *condition, const TreeChange *change)
{
	Relation	rel = table_open(relid, AccessShareLock);
	int			nest = NewGUCNestLevel();
	StringInfoData sql;
	FormerUser	caller;
	bool		found = false;

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (rel->rd_rel->relkind == RELKIND_RELATION && !RELATION_IS_OTHER_TEMP(rel))
	{
		initStringInfo(&sql);
		appendStringInfoString(&sql, "SELECT FROM ");
		if (change != NULL)
			append_rows_as_changed(&sql, rel, change);
		else
			appendStringInfo(&sql, "ONLY %s AS %s", qualified_name(relid),
							 quote_identifier(RelationGetRelationName(rel)));
		appendStringInfo(&sql, " WHERE NOT (%s) LIMIT 1", condition);
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		as_relation_owner(relid, &caller);
		if (SPI_execute(sql.data, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not read the rows of \"%s\"", RelationGetRelationName(rel));
		as_former_user(&caller);
		found = SPI_processed > 0;
		SPI_finish();
	}
	AtEOXact_GUC(true, nest);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * expression_sql
 *		An expression over a table's columns as SQL that any search_path reads alike.
 */
char *
expression_sql(Oid relid, Node *expression)
{
	int			nest = NewGUCNestLevel();
	char	   *result;

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	result = deparse_expression(expression, deparse_context_for(get_rel_name(relid), relid), false, false);
	AtEOXact_GUC(true, nest);
	return result;
}

/* Why a CHECK, of a table or a domain, cannot change, or NULL. */
static const char *
check_obstacle(const StoredExpression *expression, Node *before, Node *after, const TreeChange *change)
{
	if (check_still_holds(before, after, change))
		return NULL;
	if (!OidIsValid(expression->relid))
		return "with the replacement in its place the domain would not allow all values that it allows now";
	if (whole_row_walker(after, NULL))
		return "it uses the whole row, so nobody can tell whether the rows would satisfy it";
	if (row_violates(expression->relid, expression_sql(expression->relid, after), change))
		return "there are rows that would not satisfy it with the replacement in its place";
	return NULL;
}

/* Why the object cannot take the changed tree, or NULL. */
static const char *
kind_obstacle(const StoredExpression *expression, Node *before, Node *after, const TreeChange *change)
{
	char	   *user;

	if (!change->other_meaning)
		return NULL;
	if (expression->catalog == IndexRelationId)
		return index_obstacle(expression->objid);
	if (expression->catalog == PartitionedRelationId)
		return "it routes rows, and those that are there would not move";
	if (expression->catalog == ConstraintRelationId)
		return check_obstacle(expression, before, after, change);
	if (strcmp(expression->kind, "stored column") == 0)
		return "it computed the values that are stored in the rows";
	if (expression->catalog == ProcedureRelationId && expression->field == Anum_pg_proc_prosqlbody &&
		(user = stored_use_of(expression->objid)) != NULL)
		return psprintf("%s keeps its results", user);
	return NULL;
}

/* The expression as it is stored now, or NULL when it is gone. */
static Node *
fetch_tree(const StoredExpression *expression, const TreeType *type)
{
	const StoredField *field = field_of(expression);
	Relation	rel = table_open(field->catalog, AccessShareLock);
	HeapTuple	tuple = fetch_row(rel, field, expression->objid);
	Node	   *tree = NULL;

	if (HeapTupleIsValid(tuple))
		tree = read_tree(field, tuple, RelationGetDescr(rel), type);
	table_close(rel, AccessShareLock);
	return tree;
}

/*
 * expression_obstacle
 *		NULL when the expression can be changed from one value to another, or
 *		else why not, as a phrase for a DETAIL.
 *
 * Without a new value, the old one can only be taken out of lists; equal says
 * that both mean the same.  Nothing is changed; a CHECK of several columns is
 * tried on the table's rows, with the caller's rights.  The rows' locks are
 * those of reading.
 */
const char *
expression_obstacle(StoredExpression *expression, Oid type, Oid old_oid, Oid new_oid, bool equal)
{
	TreeType   *of = tree_type(type);
	TreeChange	change = {of, old_oid, new_oid, equal, false, false, NULL};
	ObjectAddress address = address_of(expression);
	Node	   *before = fetch_tree(expression, of);
	Node	   *after = copyObject(before);

	if (before == NULL)
		return NULL;
	if (!change_tree(after, &change) || change.obstacle != NULL)
		return change.obstacle;
	if (!owns(expression))
		return "you do not own it";
	if (OidIsValid(getExtensionOfObject(address.classId, address.objectId)))
		return "it belongs to an extension";
	return kind_obstacle(expression, before, after, &change);
}

/*
 * order_obstacle
 *		NULL when the type's values may be put in another order without a change
 *		of results that the expression's object keeps, or else why not, as a
 *		phrase for a DETAIL.
 *
 * What is computed anew each time (defaults, views, policies, triggers) is
 * meant to follow the new order.
 */
const char *
order_obstacle(StoredExpression *expression, Oid type)
{
	TreeType   *of = tree_type(type);
	Node	   *tree = fetch_tree(expression, of);

	if (tree == NULL ||
		!(expression->catalog == IndexRelationId ||
		  expression->catalog == ConstraintRelationId ||
		  expression->catalog == PartitionedRelationId ||
		  expression->catalog == RelationRelationId ||
		  strcmp(expression->kind, "stored column") == 0))
		return NULL;
	if (!depends_on_order(tree, of))
		return NULL;
	return expression->catalog == RelationRelationId ?
		"its bounds are a range of values in their order" :
		"it may compare values by their order";
}

/*
 * Take the lock that ALTER would take, or, for a change that is equal, at most
 * one that lets readers in; false when the table is gone.
 */
static bool
lock_owner(const StoredExpression *expression, const StoredField *field, bool equal)
{
	LOCKMODE	strongest = equal ? ExclusiveLock : AccessExclusiveLock;

	if (!OidIsValid(expression->relid))
		return true;
	if (field->catalog == RelationRelationId && get_rel_relispartition(expression->relid))
	{
		/* the parent first, as ATTACH PARTITION does; its descriptor has the bound */
		Oid			parent = get_partition_parent(expression->relid, true);
		Oid			others;

		LockRelationOid(parent, ShareUpdateExclusiveLock);
		others = get_default_partition_oid(parent);
		/* what leaves a list belongs to the default partition from now on */
		if (OidIsValid(others) && others != expression->relid)
			LockRelationOid(others, strongest);
	}
	LockRelationOid(expression->relid, Min(field->lock, strongest));
	if (field->catalog == IndexRelationId && !equal)
		LockRelationOid(expression->objid, AccessExclusiveLock);
	return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(expression->relid));
}

/* Relations that cache the expression read it anew; partitions inherit filters and bounds. */
static void
invalidate_owner(const StoredExpression *expression, const StoredField *field)
{
	Oid			relid = expression->relid;
	List	   *relations;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	if (field->catalog == RelationRelationId && get_rel_relispartition(relid))
		CacheInvalidateRelcacheByRelid(get_partition_parent(relid, true));
	if (field->catalog == IndexRelationId)
		CacheInvalidateRelcacheByRelid(expression->objid);
	relations = find_all_inheritors(relid, NoLock, NULL);
	foreach(lc, relations)
		if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(lfirst_oid(lc))))
			CacheInvalidateRelcacheByRelid(lfirst_oid(lc));
}

/* The default partition's rows are those of no other's bound: its constraint changes with theirs. */
static void
invalidate_default_partition(const StoredExpression *expression)
{
	Oid			others = get_default_partition_oid(get_partition_parent(expression->relid, true));

	if (OidIsValid(others))
		CacheInvalidateRelcacheByRelid(others);
}

/* The row with another tree. */
static HeapTuple
with_tree(HeapTuple tuple, Relation rel, const StoredField *field, Node *tree)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Datum	   *values = palloc0(sizeof(Datum) * desc->natts);
	bool	   *nulls = palloc0(sizeof(bool) * desc->natts);
	bool	   *replaces = palloc0(sizeof(bool) * desc->natts);

	if (field->catalog == AggregateRelationId)
		values[field->field - 1] = castNode(Const, ((CoerceViaIO *) tree)->arg)->constvalue;
	else
		values[field->field - 1] = CStringGetTextDatum(nodeToString(tree));
	replaces[field->field - 1] = true;
	if (field->catalog == TypeRelationId)
	{
		/* the default as people read it */
		values[Anum_pg_type_typdefault - 1] = CStringGetTextDatum(deparse_expression(tree, NIL, false, false));
		replaces[Anum_pg_type_typdefault - 1] = true;
	}
	return heap_modify_tuple(tuple, desc, values, nulls, replaces);
}

/* What has changed its meaning is not to be trusted until it is rebuilt or validated. */
static void
mark_unsettled(HeapTuple tuple, const StoredExpression *expression,
			   Node *before, Node *after, const TreeChange *change)
{
	if (!change->other_meaning)
		return;
	if (expression->catalog == IndexRelationId && get_rel_relkind(expression->objid) == RELKIND_INDEX)
		((Form_pg_index) GETSTRUCT(tuple))->indisvalid = false;
	if (expression->catalog == ConstraintRelationId && OidIsValid(expression->relid) &&
		!check_still_holds(before, after, change))
		((Form_pg_constraint) GETSTRUCT(tuple))->convalidated = false;
}

/* Change the row; the caller has the object's lock. */
static void
change_row(const StoredExpression *expression, const StoredField *field, TreeChange *change)
{
	Relation	rel = table_open(field->catalog, RowExclusiveLock);
	HeapTuple	tuple = fetch_row(rel, field, expression->objid);
	Node	   *before = NULL;
	Node	   *after = NULL;

	if (HeapTupleIsValid(tuple))
		before = read_tree(field, tuple, RelationGetDescr(rel), change->type);
	if (before != NULL)
		after = copyObject(before);
	if (after != NULL && change_tree(after, change) && change->obstacle == NULL)
	{
		tuple = with_tree(tuple, rel, field, after);
		mark_unsettled(tuple, expression, before, after, change);
		CatalogTupleUpdate(rel, &tuple->t_self, tuple);
		InvokeObjectPostAlterHook(expression->classid, expression->objid, 0);
	}
	table_close(rel, RowExclusiveLock);
	if (change->obstacle != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("%s cannot do without value \"%s\"", expression->description,
						label_of(change->type, change->old_oid)),
				 errdetail("%s.", change->obstacle)));
}

/*
 * remap_expression
 *		Changes the stored expression from one value to another, or, without a
 *		new one, takes the old one out of its lists.
 *
 * Takes the lock on its table that ALTER would take (ACCESS EXCLUSIVE, but
 * SHARE ROW EXCLUSIVE for a trigger, SHARE UPDATE EXCLUSIVE for
 * statistics; none for functions and domains) until the end of the
 * transaction.  The caller has asked expression_obstacle, and calls
 * settle_expressions after the change unless it is equal.  An expression that
 * is gone or no longer names the value is left alone; one that cannot change
 * is an error.
 */
void
remap_expression(StoredExpression *expression, Oid type, Oid old_oid, Oid new_oid, bool equal)
{
	const StoredField *field = field_of(expression);
	TreeChange	change = {tree_type(type), old_oid, new_oid, equal, false, false, NULL};

	if (!lock_owner(expression, field, equal))
		return;
	/* it may have got another owner while we waited */
	if (!owns(expression))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of %s", expression->description)));
	change_row(expression, field, &change);
	if (!change.changed)
		return;
	invalidate_owner(expression, field);
	if (field->catalog == RelationRelationId)
		invalidate_default_partition(expression);
	CommandCounterIncrement();
}

/* Is it an index that a change of its expressions left invalid? */
static bool
is_unsettled_index(const StoredExpression *expression)
{
	HeapTuple	tuple;
	bool		valid;

	if (expression->catalog != IndexRelationId || get_rel_relkind(expression->objid) != RELKIND_INDEX)
		return false;
	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(expression->objid));
	if (!HeapTupleIsValid(tuple))
		return false;
	valid = ((Form_pg_index) GETSTRUCT(tuple))->indisvalid;
	ReleaseSysCache(tuple);
	return !valid;
}

/* Build it in this transaction. */
static void
reindex(Oid index)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(psprintf("REINDEX INDEX %s", qualified_name(index)), false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not rebuild index %u", index);
	SPI_finish();
}

/* Do the rows of the table and of all that inherit from it satisfy the condition? */
static bool
all_rows_satisfy(Oid relid, const char *condition)
{
	List	   *relations = find_all_inheritors(relid, AccessShareLock, NULL);
	ListCell   *lc;

	foreach(lc, relations)
		if (row_violates(lfirst_oid(lc), condition, NULL))
			return false;
	return true;
}

/*
 * settle_check
 *		Validate a CHECK that a change of its expression left NOT VALID.
 *
 * Whoever made it NOT VALID, it is left so when there are rows that do not
 * satisfy it.  Children are validated with their parents.
 */
static void
settle_check(const StoredExpression *expression)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(expression->objid));
	Form_pg_constraint constraint;
	bool		wanted;
	Datum		tree;
	bool		isnull;
	char	   *sql;

	if (!HeapTupleIsValid(tuple))
		return;
	constraint = (Form_pg_constraint) GETSTRUCT(tuple);
	wanted = !constraint->convalidated && constraint->coninhcount == 0 && compat_enforced(constraint);
	sql = psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s",
				   qualified_name(expression->relid), quote_identifier(NameStr(constraint->conname)));
	tree = SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_conbin, &isnull);
	if (wanted && !isnull)
		wanted = all_rows_satisfy(expression->relid,
								  expression_sql(expression->relid, stringToNode(TextDatumGetCString(tree))));
	ReleaseSysCache(tuple);
	if (!wanted)
		return;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not validate a constraint of table %u", expression->relid);
	SPI_finish();
}

/* Validate the CHECKs, and collect the indexes that are to be built. */
static List *
settle_checks(Oid type)
{
	List	   *expressions = enum_expressions(type, true);
	List	   *indexes = NIL;
	ListCell   *lc;

	foreach(lc, expressions)
	{
		StoredExpression *expression = lfirst(lc);

		if (expression->catalog == ConstraintRelationId && OidIsValid(expression->relid))
			settle_check(expression);
		else if (is_unsettled_index(expression))
			indexes = list_append_unique_oid(indexes, expression->objid);
	}
	return indexes;
}

/*
 * settle_expressions
 *		Validates the CHECKs and builds the indexes that changed expressions
 *		left NOT VALID and invalid.
 *
 * Finds them by what the catalogs say, so that it can be called again after a
 * crash.  Where the caller is not atomic, indexes are built as by REINDEX
 * CONCURRENTLY, under the conditions of rebuild_index, apart from the active
 * snapshot: there is one afterwards if there was one before.  Otherwise they
 * are built under ACCESS EXCLUSIVE.  CHECKs take what VALIDATE CONSTRAINT takes.
 */
void
settle_expressions(Oid type, bool atomic)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(atomic ? caller : PortalContext,
											   "pg_more settle", ALLOCSET_SMALL_SIZES);
	bool		had_snapshot = ActiveSnapshotSet();
	List	   *indexes;
	ListCell   *lc;

	MemoryContextSwitchTo(work);
	if (!had_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	indexes = settle_checks(type);
	if (!had_snapshot)
		PopActiveSnapshot();
	MemoryContextSwitchTo(caller);
	foreach(lc, indexes)
	{
		if (atomic)
			reindex(lfirst_oid(lc));
		else
		{
			while (ActiveSnapshotSet())
				PopActiveSnapshot();
			rebuild_index(lfirst_oid(lc));
		}
	}
	MemoryContextDelete(work);
	if (had_snapshot && !ActiveSnapshotSet())
		PushActiveSnapshot(GetTransactionSnapshot());
}

/*
 * invalidate_users
 *		At commit, every session forgets what it has made of the type's values:
 *		relation descriptors of the tables that use it, and all cached plans.
 *
 * Plans may have the constants of a value without using any relation (a
 * prepared SELECT 'x'::mood, an expression of plpgsql), and nothing else
 * invalidates plans by pg_enum; the invalidation of pg_foreign_data_wrapper's
 * cache, which every session takes as a reason to reset all of its plans,
 * reaches those too.
 */
void
invalidate_users(Oid type)
{
	List	   *columns = enum_columns(type, true);
	List	   *done = NIL;
	ListCell   *lc;

	foreach(lc, columns)
	{
		EnumColumn *column = lfirst(lc);

		if (list_member_oid(done, column->relid) ||
			!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(column->relid)))
			continue;
		CacheInvalidateRelcacheByRelid(column->relid);
		done = lappend_oid(done, column->relid);
	}
	CacheInvalidateCatalog(ForeignDataWrapperRelationId);
}
