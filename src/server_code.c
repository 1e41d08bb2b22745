/*
 * server_code.c
 *	  May an expression, a table's columns and constraints, or an index run code
 *	  that is not the server's, or look at what a statement has written so far?
 *
 * multi_insert.c holds rows back, so between two of them nothing may look at the
 * table.  nested_proven.c leaves out look-ups of rows, so nothing may remove
 * them.  Both ask the same: what a user has written may do anything, whatever it
 * says of itself.  All that is not known here to be harmless counts as a user's.
 *
 * The server's functions look at no tables, except for volatile ones, of which
 * only a few are taken, and those that are named below; they see what the
 * statement's snapshot has, so none of its own rows.  But an expression of
 * functions of the server's alone may run a user's:
 *
 *	- A value of a domain, or of a type that has one inside, runs the domain's
 *	  constraints when it is made, be it of a text.  So every expression is of a
 *	  type of the server's, of an enum, or of an array of these, and its kind of
 *	  node is known.
 *	- Arrays, GREATEST and LEAST compare by the default operators of their
 *	  elements, which users can define for enums, and for what the server has none for.
 *	- Rows compare by a family of operators, and a long IN hashes by one.  Either
 *	  may be a user's though the operator is the server's.
 *	- What takes values of any type may look for a user's cast: JSON is made of a
 *	  user's type by it, and text || anything casts to text.
 *	- Some functions are told by name what to run: a type, a view, or the operators of
 *	  a table's partitions.
 *	- An index of the server's kind has operators and functions that belong to its class and
 *	  to the class's family; users can make classes in the server's families, and
 *	  add functions to them.
 *
 * All of it is told by the catalogs of the moment.  Those that a lock on the
 * table does not keep as they are, operator classes, superusers alone can change.
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/nbtree.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "rewrite/rewriteHandler.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "compat.h"
#include "server_code.h"

/* ------------------------------------------------------------------------ */
/* Types																	*/
/* ------------------------------------------------------------------------ */

/*
 * is_made_by_server
 *		Are values of the type made by the server's code alone?  The constraints of
 *		a domain, and input functions that are not the server's, may do anything,
 *		such as look at what the statement has written so far.
 */
bool
is_made_by_server(Oid type)
{
	Oid			element = get_element_type(type);
	char		kind = get_typtype(OidIsValid(element) ? element : type);

	return kind == TYPTYPE_ENUM || (kind == TYPTYPE_BASE && type < FirstNormalObjectId);
}

/*
 * is_compared_by_server
 *		Are values of the type compared by the server's code, where its default
 *		operators are asked for?  Of arrays, see to is_server_type(), too.
 */
bool
is_compared_by_server(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR | TYPECACHE_GT_OPR |
											  TYPECACHE_CMP_PROC | TYPECACHE_HASH_PROC |
											  TYPECACHE_HASH_EXTENDED_PROC);

	return entry->eq_opr < FirstNormalObjectId && entry->lt_opr < FirstNormalObjectId &&
		entry->gt_opr < FirstNormalObjectId && entry->cmp_proc < FirstNormalObjectId &&
		entry->hash_proc < FirstNormalObjectId && entry->hash_extended_proc < FirstNormalObjectId;
}

/*
 * is_server_type
 *		Are values of the type made by the server's code, and, inside of arrays,
 *		compared by it?
 */
bool
is_server_type(Oid type)
{
	Oid			element = get_element_type(type);

	return is_made_by_server(type) && (!OidIsValid(element) || is_compared_by_server(element));
}

/*
 * takes_users_type
 *		Is one of these arguments of a type that is not the server's?  Functions of
 *		any type, such as those that make JSON, may look for functions of it.
 */
bool
takes_users_type(List *args)
{
	ListCell   *lc;

	foreach(lc, args)
		if (exprType(lfirst(lc)) >= FirstNormalObjectId)
			return true;
	return false;
}

/* ------------------------------------------------------------------------ */
/* Expressions																*/
/* ------------------------------------------------------------------------ */

/* Is a volatile function of the server's harmless?  By name: some have several forms, or are new. */
static bool
is_harmless_volatile(Oid function)
{
	static const char *const names[] = {
		"nextval", "clock_timestamp", "timeofday", "random", "gen_random_uuid", "uuidv4", "uuidv7"
	};
	const char *name = get_func_name(function);

	for (int i = 0; i < lengthof(names); i++)
		if (name && strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* check_function_callback: may the function run a user's code, or look at what was written? */
static bool
is_unknown_function(Oid function, void *context)
{
	if (function >= FirstNormalObjectId)
		return true;
	switch (function)
	{
			/* these are told what to run */
		case F_SATISFIES_HASH_PARTITION:
		case F_TABLE_TO_XML:
		case F_TABLE_TO_XML_AND_XMLSCHEMA:
		case F_SCHEMA_TO_XML:
		case F_SCHEMA_TO_XML_AND_XMLSCHEMA:
		case F_DATABASE_TO_XML:
		case F_DATABASE_TO_XML_AND_XMLSCHEMA:
			/* and these tell whether a row was written */
		case F_PG_CURRENT_XACT_ID_IF_ASSIGNED:
		case F_TXID_CURRENT_IF_ASSIGNED:
			return true;
	}
	if (COMPAT_READS_ANY_TYPE(function))
		return true;
	return func_volatile(function) == PROVOLATILE_VOLATILE && !is_harmless_volatile(function);
}

/* Does a call of a function of the server's cast an argument to text by a user's function? */
static bool
casts_to_text(Oid function, List *args)
{
	ListCell   *lc;
	Oid			cast;

	/* those that are SQL over values of any type, parsed anew for each */
	if (function != F_TEXTANYCAT && function != F_ANYTEXTCAT &&
		function != F_QUOTE_LITERAL_ANYELEMENT && function != F_QUOTE_NULLABLE_ANYELEMENT)
		return false;
	foreach(lc, args)
	{
		Oid			type = exprType(lfirst(lc));

		if (find_coercion_pathway(TEXTOID, type, COERCION_EXPLICIT, &cast) == COERCION_PATH_FUNC &&
			cast >= FirstNormalObjectId)
			return true;
	}
	return false;
}

/* Does a comparison of rows run a user's function?  The family tells which, not the operator. */
static bool
compares_by_users(RowCompareExpr *compare)
{
	for (int i = 0; i < list_length(compare->opnos); i++)
	{
		Oid			left;
		Oid			right;

		op_input_types(list_nth_oid(compare->opnos, i), &left, &right);
		if (get_opfamily_proc(list_nth_oid(compare->opfamilies, i), left, right,
							  BTORDER_PROC) >= FirstNormalObjectId)
			return true;
	}
	return false;
}

/* Does an operator, or its negator, hash by a user's function?  A planned search of a long list does. */
static bool
hashes_by_users(Oid opno)
{
	Oid			left;
	Oid			right;

	return (get_op_hash_functions(opno, &left, &right) ||
			get_op_hash_functions(get_negator(opno), &left, &right)) &&
		(left >= FirstNormalObjectId || right >= FirstNormalObjectId);
}

/* A walker: runs_users_code(). */
static bool
code_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_CaseWhen:
			return expression_tree_walker(node, code_walker, context);
		case T_FuncExpr:
			if (takes_users_type(((FuncExpr *) node)->args) ||
				casts_to_text(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args))
				return true;
			break;
		case T_OpExpr:
			if (casts_to_text(get_opcode(((OpExpr *) node)->opno), ((OpExpr *) node)->args))
				return true;
			break;
		case T_ScalarArrayOpExpr:
			if (hashes_by_users(((ScalarArrayOpExpr *) node)->opno))
				return true;
			break;
		case T_MinMaxExpr:
			if (!is_compared_by_server(((MinMaxExpr *) node)->minmaxtype))
				return true;
			break;
		case T_RowCompareExpr:
			if (compares_by_users((RowCompareExpr *) node))
				return true;
			break;
		case T_Var:
		case T_Const:
		case T_NamedArgExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_BoolExpr:
		case T_SubscriptingRef:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_CollateExpr:
		case T_CaseExpr:
		case T_CaseTestExpr:
		case T_ArrayExpr:
		case T_CoalesceExpr:
		case T_SQLValueFunction:
		case T_NullTest:
		case T_BooleanTest:
		case T_NextValueExpr:
			break;
		default:
			return true;
	}
	/* a literal that is given to concat() and its like is of no type */
	if (exprType(node) != UNKNOWNOID && !is_server_type(exprType(node)))
		return true;
	return check_functions_in_node(node, is_unknown_function, NULL) ||
		expression_tree_walker(node, code_walker, context);
}

/*
 * runs_users_code
 *		May computing an expression, or a list of them, NULL for none, run code that
 *		is not the server's, or look at what the statement has written?
 */
bool
runs_users_code(Node *expression)
{
	return code_walker(expression, NULL);
}

/* ------------------------------------------------------------------------ */
/* Tables																	*/
/* ------------------------------------------------------------------------ */

/*
 * table_runs_users_code
 *		The same for making and checking a row of a table that is open: the types
 *		of its columns, those that are generated, CHECK constraints and what its
 *		partition asks for.  Of other defaults, triggers and indexes this says nothing.
 */
bool
table_runs_users_code(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		if (!is_server_type(att->atttypid) ||
			(att->attgenerated && runs_users_code(build_column_default(rel, i + 1))))
			return true;
	}
	for (int i = 0; desc->constr && i < desc->constr->num_check; i++)
		if (runs_users_code(stringToNode(desc->constr->check[i].ccbin)))
			return true;
	return rel->rd_rel->relispartition && runs_users_code((Node *) RelationGetPartitionQual(rel));
}

/*
 * index_runs_users_code
 *		The same for adding a row to an index that is open, on columns of which
 *		table_runs_users_code() has nothing to say.
 */
bool
index_runs_users_code(Relation index)
{
	int			nkeys = IndexRelationGetNumberOfKeyAttributes(index);

	if (index->rd_rel->relam >= FirstNormalObjectId)
		return true;
	for (int i = 0; i < nkeys; i++)
		if (index->rd_opfamily[i] >= FirstNormalObjectId ||
			get_index_column_opclass(RelationGetRelid(index), i + 1) >= FirstNormalObjectId)
			return true;
	for (int i = 0; i < nkeys * index->rd_indam->amsupport; i++)
		if (index->rd_support[i] >= FirstNormalObjectId)
			return true;
	if (index->rd_index->indisexclusion)
	{
		Oid		   *operators;
		Oid		   *functions;
		uint16	   *strategies;

		RelationGetExclusionInfo(index, &operators, &functions, &strategies);
		for (int i = 0; i < nkeys; i++)
			if (functions[i] >= FirstNormalObjectId)
				return true;
	}
	return runs_users_code((Node *) RelationGetIndexExpressions(index)) ||
		runs_users_code((Node *) RelationGetIndexPredicate(index));
}
