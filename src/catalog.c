/*
 * catalog.c
 *	  Look-ups that every room shares: columns, keys, operators, quoting.
 *
 * All SQL text made here is complete in itself: every name in it is quoted and
 * schema-qualified, so that search_path cannot change its meaning.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_operator.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

#include "catalog.h"

/*
 * qualified_name
 *		The relation's quoted, schema-qualified name, palloc'd.
 *
 * The caller holds a lock that keeps the relation's name.
 */
char *
qualified_name(Oid relid)
{
	char	   *relname = get_rel_name(relid);

	if (relname == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  relname);
}

/*
 * operator_sql
 *		The operator in its schema-qualified spelling, OPERATOR(schema.name).
 */
char *
operator_sql(Oid opno)
{
	HeapTuple	tup = SearchSysCache1(OPEROID, ObjectIdGetDatum(opno));
	Form_pg_operator op;
	char	   *result;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for operator %u", opno);
	op = (Form_pg_operator) GETSTRUCT(tup);
	result = psprintf("OPERATOR(%s.%s)",
					  quote_identifier(get_namespace_name(op->oprnamespace)),
					  NameStr(op->oprname));
	ReleaseSysCache(tup);
	return result;
}

/*
 * collation_sql
 *		The collation's quoted, schema-qualified name.
 */
char *
collation_sql(Oid collation)
{
	HeapTuple	tup = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	Form_pg_collation form;
	char	   *result;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tup);
	result = quote_qualified_identifier(get_namespace_name(form->collnamespace),
										NameStr(form->collname));
	ReleaseSysCache(tup);
	return result;
}

/*
 * type_sql
 *		The type's schema-qualified name, with its modifier where one is given.
 */
char *
type_sql(Oid type, int32 typmod)
{
	return format_type_extended(type, typmod,
								FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

/*
 * find_column
 *		The user column of that name, or InvalidAttrNumber.
 */
AttrNumber
find_column(Relation rel, const char *name)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), name) == 0)
			return att->attnum;
	}
	return InvalidAttrNumber;
}

/*
 * nearest_name
 *		The one of the names, a list of char *, that is nearest to a misspelt
 *		one, or NULL when none is near enough to be what was meant.
 */
const char *
nearest_name(List *names, const char *name)
{
	const char *best = NULL;
	int			namelen = strlen(name);
	int			limit = namelen < 2 ? 0 : Max(namelen / 2, 1);
	ListCell   *lc;

	/* of a single letter nothing is near; very long words are refused */
	if (limit == 0 || namelen >= NAMEDATALEN)
		return NULL;
	foreach(lc, names)
	{
		const char *candidate = lfirst(lc);
		int			distance = varstr_levenshtein_less_equal(name, namelen, candidate, strlen(candidate),
															 1, 1, 1, limit, true);

		if (distance <= limit)
		{
			best = candidate;
			limit = distance - 1;
			if (limit < 0)
				break;
		}
	}
	return best;
}

/*
 * nearest_column
 *		The column whose name is nearest to a misspelt one, or NULL.
 */
const char *
nearest_column(Relation rel, const char *name)
{
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *names = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped)
			names = lappend(names, NameStr(att->attname));
	}
	return nearest_name(names, name);
}

/* A valid index's row of pg_index, or NULL; release it with ReleaseSysCache. */
static HeapTuple
valid_index(Oid index)
{
	HeapTuple	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));

	if (HeapTupleIsValid(tup))
	{
		Form_pg_index form = (Form_pg_index) GETSTRUCT(tup);

		/* A partitioned table's index may be invalid and yet bind its columns. */
		if (form->indislive && form->indisunique &&
			(form->indisvalid || get_rel_relkind(index) == RELKIND_PARTITIONED_INDEX))
			return tup;
		ReleaseSysCache(tup);
	}
	return NULL;
}

/*
 * primary_key_columns
 *		The attribute numbers of the primary key as an integer list, in the
 *		index's order; NIL when there is none.
 */
List *
primary_key_columns(Relation rel)
{
	List	   *result = NIL;
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		HeapTuple	tup = valid_index(lfirst_oid(lc));
		Form_pg_index form;

		if (tup == NULL)
			continue;
		form = (Form_pg_index) GETSTRUCT(tup);
		if (form->indisprimary)
			for (int i = 0; i < form->indnkeyatts; i++)
				result = lappend_int(result, form->indkey.values[i]);
		ReleaseSysCache(tup);
		if (result != NIL)
			break;
	}
	list_free(indexes);
	return result;
}

/* Whether the index's key columns are just these, in any order. */
static bool
index_has_columns(Form_pg_index form, List *columns)
{
	if (form->indnkeyatts != list_length(columns))
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
		if (!list_member_int(columns, form->indkey.values[i]))
			return false;
	return true;
}

/*
 * index_condition
 *		The predicate of a partial index as an expression over varno 1; NULL
 *		when the index has none.
 */
Node *
index_condition(Oid index)
{
	HeapTuple	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Datum		pred;
	bool		isnull;
	Node	   *result = NULL;

	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for index %u", index);
	pred = SysCacheGetAttr(INDEXRELID, tup, Anum_pg_index_indpred, &isnull);
	if (!isnull)
		result = stringToNode(TextDatumGetCString(pred));
	ReleaseSysCache(tup);
	return result;
}

/* How the columns of a stored expression are found in a statement. */
typedef struct AdoptContext
{
	ParseState *pstate;
	ParseNamespaceItem *item;
	int			levels;
} AdoptContext;

/* Mutator of adopt_columns. */
static Node *
adopt_mutator(Node *node, void *arg)
{
	AdoptContext *ctx = arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varattno > 0)
		return scanNSItemForColumn(ctx->pstate, ctx->item, ctx->levels,
								   get_attname(ctx->item->p_rte->relid, ((Var *) node)->varattno, false), -1);
	if (IsA(node, Var))
	{
		Var		   *row = makeWholeRowVar(ctx->item->p_rte, ctx->item->p_rtindex, ctx->levels, false);

		markVarForSelectPriv(ctx->pstate, row);
		return (Node *) row;
	}
	return expression_tree_mutator(node, adopt_mutator, arg);
}

/*
 * adopt_columns
 *		An expression over varno 1 of a table as one over the table's item in a
 *		statement that is being parsed: each column, and the row as a whole, as
 *		the parser would resolve it, privileges included.
 */
Node *
adopt_columns(ParseState *pstate, ParseNamespaceItem *item, int levels, Node *expr)
{
	AdoptContext ctx = {pstate, item, levels};

	return adopt_mutator(expr, &ctx);
}

/* Whether an index has a predicate, by its row of pg_index. */
static bool
is_partial(HeapTuple tup)
{
	return !heap_attisnull(tup, Anum_pg_index_indpred, NULL);
}

/* Whether an operator class is the type's default one, or does the same; asking the catalog for the default would scan it. */
static bool
is_default_opclass(Oid opclass, Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);
	Oid			family;
	Oid			input;

	return OidIsValid(entry->btree_opf) && get_opclass_opfamily_and_input_type(opclass, &family, &input) &&
		family == entry->btree_opf && input == entry->btree_opintype;
}

/*
 * Whether the index tells rows apart just as the columns themselves do: by
 * their own collations and their types' default operators.
 */
static bool
index_is_usual(Relation rel, HeapTuple tup)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(tup);
	bool		isnull;
	Datum		indcollation = SysCacheGetAttr(INDEXRELID, tup, Anum_pg_index_indcollation, &isnull);
	Datum		indclass = SysCacheGetAttr(INDEXRELID, tup, Anum_pg_index_indclass, &isnull);
	oidvector  *collations = (oidvector *) DatumGetPointer(indcollation);
	oidvector  *opclasses = (oidvector *) DatumGetPointer(indclass);

	for (int i = 0; i < form->indnkeyatts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), form->indkey.values[i] - 1);

		if (collations->values[i] != att->attcollation ||
			!is_default_opclass(opclasses->values[i], att->atttypid))
			return false;
	}
	return true;
}

/*
 * find_unique_key
 *		Find the unique index over just these columns (an integer list).
 *
 * A full index is preferred to a partial one, and one that can arbitrate
 * conflicts to a deferrable one.  Several partial indexes without a full one
 * are an error: nothing says which was meant.  Returns false when there is none.
 */
bool
find_unique_key(Relation rel, List *columns, UniqueKey *key)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;
	int			partial = 0;

	memset(key, 0, sizeof(*key));
	foreach(lc, indexes)
	{
		HeapTuple	tup = valid_index(lfirst_oid(lc));
		Form_pg_index form;

		if (tup == NULL)
			continue;
		form = (Form_pg_index) GETSTRUCT(tup);
		if (index_has_columns(form, columns))
		{
			partial += is_partial(tup);
			if (!OidIsValid(key->index) || (key->partial && !is_partial(tup)) ||
				(key->deferrable && form->indimmediate && !is_partial(tup)))
			{
				key->index = form->indexrelid;
				key->deferrable = !form->indimmediate || form->indisexclusion;
				key->partial = is_partial(tup);
				key->usual = index_is_usual(rel, tup);
			}
		}
		ReleaseSysCache(tup);
	}
	list_free(indexes);
	if (key->partial && partial > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("the key matches several partial unique indexes of \"%s\"",
						RelationGetRelationName(rel)),
				 errhint("Add a column to the key that only one of them has, or create a unique index without a condition.")));
	return OidIsValid(key->index);
}

/*
 * has_index_on
 *		Whether some index begins with one of the columns (an integer list).
 */
bool
has_index_on(Relation rel, List *columns)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;
	bool		result = false;

	foreach(lc, indexes)
	{
		HeapTuple	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(lc)));

		if (!HeapTupleIsValid(tup))
			continue;
		result |= list_member_int(columns, ((Form_pg_index) GETSTRUCT(tup))->indkey.values[0]);
		ReleaseSysCache(tup);
	}
	list_free(indexes);
	return result;
}

/*
 * unique_keys
 *		All unique keys over plain columns and without a condition, as a list of
 *		lists of attribute numbers; *others tells whether the table has unique
 *		indexes of another kind or exclusion constraints besides.
 */
List *
unique_keys(Relation rel, bool *others)
{
	List	   *result = NIL;
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;

	*others = false;
	foreach(lc, indexes)
	{
		HeapTuple	tup = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_index form;
		List	   *columns = NIL;
		bool		plain;

		if (!HeapTupleIsValid(tup))
			continue;
		form = (Form_pg_index) GETSTRUCT(tup);
		plain = form->indisunique && !is_partial(tup);
		for (int i = 0; i < form->indnkeyatts; i++)
		{
			plain &= form->indkey.values[i] > 0;
			columns = lappend_int(columns, form->indkey.values[i]);
		}
		if (plain)
			result = lappend(result, columns);
		else if (form->indisunique || form->indisexclusion)
			*others = true;
		ReleaseSysCache(tup);
	}
	list_free(indexes);
	return result;
}

/*
 * may_have_row_triggers
 *		Whether a BEFORE or INSTEAD OF row trigger may change or suppress rows
 *		that are written to the table.  Of partitions and children it is only
 *		asked whether they have any trigger.
 */
bool
may_have_row_triggers(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;
	List	   *children;
	ListCell   *lc;
	bool		result = false;

	if (triggers &&
		(triggers->trig_insert_before_row || triggers->trig_insert_instead_row ||
		 triggers->trig_update_before_row || triggers->trig_update_instead_row))
		return true;
	/* what is behind a view or a foreign table is not looked at */
	if (rel->rd_rel->relkind == RELKIND_VIEW || rel->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		return true;
	if (!rel->rd_rel->relhassubclass)
		return false;
	children = find_all_inheritors(RelationGetRelid(rel), NoLock, NULL);
	foreach(lc, children)
	{
		HeapTuple	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(lfirst_oid(lc)));

		if (!HeapTupleIsValid(tup))
			continue;
		if (((Form_pg_class) GETSTRUCT(tup))->relhastriggers ||
			((Form_pg_class) GETSTRUCT(tup))->relkind == RELKIND_FOREIGN_TABLE)
			result = true;
		ReleaseSysCache(tup);
		if (result)
			break;
	}
	list_free(children);
	return result;
}

/* The base relation's column behind a column of an auto-updatable view. */
static AttrNumber
view_base_column(Relation view, AttrNumber attnum, Oid *base)
{
	Query	   *query = get_view_query(view);
	TargetEntry *tle = get_tle_by_resno(query->targetList, attnum);
	RangeTblRef *rtr;

	if (list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), RangeTblRef) ||
		tle == NULL || !IsA(tle->expr, Var))
		return InvalidAttrNumber;
	rtr = linitial_node(RangeTblRef, query->jointree->fromlist);
	if (((Var *) tle->expr)->varno != rtr->rtindex)
		return InvalidAttrNumber;
	*base = rt_fetch(rtr->rtindex, query->rtable)->relid;
	return OidIsValid(*base) ? ((Var *) tle->expr)->varattno : InvalidAttrNumber;
}

/*
 * is_computed
 *		Whether the server alone gives the column its values: generated columns,
 *		and identities that are always generated, also behind a view.
 */
bool
is_computed(Relation rel, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	Oid			base = InvalidOid;
	AttrNumber	basecol;
	Relation	baserel;
	bool		result;

	if (att->attgenerated || att->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
		return true;
	if (rel->rd_rel->relkind != RELKIND_VIEW)
		return false;
	basecol = view_base_column(rel, attnum, &base);
	if (basecol <= 0)
		return false;
	baserel = RelationIdGetRelation(base);
	result = is_computed(baserel, basecol);
	RelationClose(baserel);
	return result;
}

/* A null of the column's type; a domain may have something against it. */
static Node *
null_of_column(Form_pg_attribute att)
{
	int32		typmod = att->atttypmod;
	Oid			basetype = getBaseTypeAndTypmod(att->atttypid, &typmod);
	Node	   *result = (Node *) makeNullConst(basetype, typmod, att->attcollation);

	if (basetype != att->atttypid)
		result = coerce_to_domain(result, basetype, typmod, att->atttypid, COERCION_IMPLICIT,
								  COERCE_IMPLICIT_CAST, -1, false);
	return result;
}

/*
 * column_default
 *		The expression that an INSERT without this column would store, already
 *		of the column's type; a null constant when there is no default.
 *
 * For a view without a default of its own it is the base column's, as the
 * rewriter would find; views with INSTEAD OF triggers have only their own.
 */
Node *
column_default(Relation rel, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	Node	   *expr = build_column_default(rel, attnum);

	if (expr == NULL && rel->rd_rel->relkind == RELKIND_VIEW &&
		!(rel->trigdesc && rel->trigdesc->trig_insert_instead_row))
	{
		Oid			base = InvalidOid;
		AttrNumber	basecol = view_base_column(rel, attnum, &base);

		if (AttributeNumberIsValid(basecol) && basecol > 0)
		{
			Relation	baserel = RelationIdGetRelation(base);

			expr = column_default(baserel, basecol);
			RelationClose(baserel);
			return expr;
		}
	}
	return expr ? expr : null_of_column(att);
}

/*
 * rowtype_table
 *		The table or view whose row type this is; an error for any other type.
 */
Oid
rowtype_table(Oid type)
{
	Oid			relid = OidIsValid(type) ? get_typ_typrelid(type) : InvalidOid;

	if (!OidIsValid(relid) || get_rel_relkind(relid) == RELKIND_COMPOSITE_TYPE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("target must be a null of a table's row type, not %s",
						OidIsValid(type) ? format_type_be(type) : "unknown"),
				 errhint("Write the target as NULL::table_name.")));
	return relid;
}

/*
 * as_relation_owner, as_former_user
 *		A superuser becomes the relation's owner, in a security-restricted
 *		operation, to compute an expression of the relation; and back.
 *
 * The functions in it are the owner's choice, and somebody who only looks must
 * not lend them more than the owner has.  Others stay who they are.  An error
 * takes it back by itself.
 */
void
as_relation_owner(Oid relid, FormerUser *former)
{
	HeapTuple	tup;

	GetUserIdAndSecContext(&former->user, &former->context);
	if (!superuser())
		return;
	tup = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tup))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	SetUserIdAndSecContext(((Form_pg_class) GETSTRUCT(tup))->relowner,
						   former->context | SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	ReleaseSysCache(tup);
}

void
as_former_user(FormerUser *former)
{
	SetUserIdAndSecContext(former->user, former->context);
}
