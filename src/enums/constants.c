/*
 * constants.c
 *	  The constants of one expression tree that name values of an enum type.
 *
 * A stored expression names a value in one of three ways:
 *
 * - by a constant of a type that contains the enum, which holds the OID of the
 *   value's catalog row, alone or inside an array, row or range;
 * - by a constant of text that is cast to such a type when the expression is
 *   run ('x'::text::mood), which holds the label;
 * - by text that is used otherwise (mood::text = 'x'), of which nobody can
 *   tell whether the label is meant.
 *
 * The first two are found for certain and can be changed; the third is only
 * reported.  A value is changed in one of two ways.  With a successor, each
 * constant is made to hold the successor's OID (or its label), and a list of
 * = ANY or <> ALL that has the successor already just loses the old one.
 * Without, the old value is taken out of such lists, which changes nothing as
 * long as no row holds it; any other place is an obstacle.
 *
 * Trees are changed in place: what stringToNode made belongs to us.  Nothing
 * here reads tables or takes locks, apart from the catalog look-ups of types.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "enums/enums.h"
#include "enums/trees.h"

/*
 * tree_type
 *		What the walkers need to know of a type, read from the catalogs now.
 */
TreeType *
tree_type(Oid type)
{
	TreeType   *result = palloc(sizeof(TreeType));

	result->type = type;
	result->carriers = enum_carriers(type);
	result->values = enum_values(type);
	return result;
}

/*
 * label_of
 *		The label of a value, or NULL when the type has no such value.
 */
const char *
label_of(const TreeType *type, Oid value)
{
	ListCell   *lc;

	foreach(lc, type->values)
	{
		EnumValue  *candidate = lfirst(lc);

		if (candidate->oid == value)
			return candidate->label;
	}
	return NULL;
}

/*
 * tree_mentions
 *		Can the tree, given as the catalogs keep it, use the type at all?
 *
 * Spares most trees the parsing: the OID of one of the carriers must occur.
 */
bool
tree_mentions(const char *tree, const TreeType *type)
{
	ListCell   *lc;

	foreach(lc, type->carriers)
	{
		char		number[16];
		int			len = snprintf(number, sizeof(number), " %u", lfirst_oid(lc));

		for (const char *p = strstr(tree, number); p != NULL; p = strstr(p + 1, number))
			if (p[len] < '0' || p[len] > '9')
				return true;
	}
	return false;
}

/* Does a value of this type take one enum value, and nothing more? */
static bool
is_plain(Oid type, const TreeType *of)
{
	return getBaseType(type) == of->type;
}

/*
 * constant_text
 *		The text of a constant of one of the server's types for text, or NULL.
 */
char *
constant_text(Const *constant)
{
	if (constant->constisnull)
		return NULL;
	switch (constant->consttype)
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return TextDatumGetCString(constant->constvalue);
		case NAMEOID:
			return pstrdup(NameStr(*DatumGetName(constant->constvalue)));
		case UNKNOWNOID:
		case CSTRINGOID:
			return pstrdup(DatumGetCString(constant->constvalue));
		default:
			return NULL;
	}
}

/* Make the constant hold another text of the same type. */
static void
set_constant_text(Const *constant, const char *text)
{
	if (constant->consttype == NAMEOID)
	{
		Name		name = palloc0(sizeof(NameData));

		namestrcpy(name, text);
		constant->constvalue = NameGetDatum(name);
	}
	else if (constant->consttype == UNKNOWNOID || constant->consttype == CSTRINGOID)
		constant->constvalue = CStringGetDatum(pstrdup(text));
	else
		constant->constvalue = CStringGetTextDatum(text);
}

/*
 * cast_text
 *		The constants of text that this node casts to a carrier type, or NIL.
 *
 * *whole tells whether each of them is one label and no more.
 */
static List *
cast_text(Node *node, const TreeType *type, bool *whole)
{
	List	   *constants = NIL;
	Node	   *argument = NULL;
	Oid			result = InvalidOid;

	if (IsA(node, CoerceViaIO))
	{
		argument = (Node *) ((CoerceViaIO *) node)->arg;
		result = ((CoerceViaIO *) node)->resulttype;
		*whole = is_plain(result, type);
	}
	else if (IsA(node, ArrayCoerceExpr))
	{
		argument = (Node *) ((ArrayCoerceExpr *) node)->arg;
		result = ((ArrayCoerceExpr *) node)->resulttype;
		*whole = is_plain(get_element_type(getBaseType(result)), type);
	}
	if (argument == NULL || !list_member_oid(type->carriers, result))
		return NIL;
	while (IsA(argument, RelabelType))
		argument = (Node *) ((RelabelType *) argument)->arg;
	if (IsA(argument, ArrayExpr) && IsA(node, ArrayCoerceExpr))
		constants = ((ArrayExpr *) argument)->elements;
	else if (IsA(argument, Const) && IsA(node, CoerceViaIO))
		constants = list_make1(argument);
	for (ListCell *lc = list_head(constants); lc != NULL; lc = lnext(constants, lc))
		if (!IsA(lfirst(lc), Const) || constant_text(lfirst(lc)) == NULL)
			return NIL;
	return constants;
}

/* Does the text, cast to a carrier type, name the label? */
static bool
text_names(const char *text, const char *label, bool whole)
{
	return whole ? strcmp(text, label) == 0 : strstr(text, label) != NULL;
}

/* Does a constant hold the value? */
static bool
constant_holds(Const *constant, const TreeType *type, Oid value)
{
	return !constant->constisnull &&
		list_member_oid(type->carriers, constant->consttype) &&
		value_holds(constant->constvalue, constant->consttype, type->type, value);
}

typedef struct LookContext
{
	const TreeType *type;
	TreeNames  *names;
} LookContext;

/* The labels that a text may mean, although nothing casts it. */
static void
note_text(const char *text, LookContext *context)
{
	ListCell   *lc;

	foreach(lc, context->type->values)
	{
		EnumValue  *value = lfirst(lc);

		if (strcmp(value->label, text) == 0)
			context->names->texts = list_append_unique(context->names->texts,
													   makeString(value->label));
	}
}

/* Note a value, be it one that the type no longer has; an EnumValueTest. */
static bool
note_value(Oid value, void *context)
{
	TreeNames  *names = ((LookContext *) context)->names;

	names->values = list_append_unique_oid(names->values, value);
	return false;
}

/* Note which values a constant names. */
static void
note_constant(Const *constant, LookContext *context)
{
	char	   *spelled;

	if (constant->constisnull)
		return;
	if (list_member_oid(context->type->carriers, constant->consttype))
		(void) value_any(value_shape(constant->consttype, context->type->type), constant->constvalue,
						 note_value, context);
	else if (constant->consttype == TEXTARRAYOID)
	{
		Datum	   *elements;
		bool	   *nulls;
		int			n;

		deconstruct_array(DatumGetArrayTypeP(constant->constvalue), TEXTOID, -1, false,
						  TYPALIGN_INT, &elements, &nulls, &n);
		for (int i = 0; i < n; i++)
			if (!nulls[i])
				note_text(TextDatumGetCString(elements[i]), context);
	}
	else if ((spelled = constant_text(constant)) != NULL)
		note_text(spelled, context);
}

/* Note what texts name that are cast to a carrier type; false when this node casts none. */
static bool
note_cast(Node *node, LookContext *context)
{
	bool		whole;
	List	   *constants = cast_text(node, context->type, &whole);
	ListCell   *lc;
	ListCell   *lv;

	foreach(lc, constants)
	{
		char	   *text = constant_text(lfirst(lc));

		foreach(lv, context->type->values)
		{
			EnumValue  *value = lfirst(lv);

			if (text_names(text, value->label, whole))
				context->names->values = list_append_unique_oid(context->names->values, value->oid);
		}
	}
	return constants != NIL;
}

/* The type of what this node yields, or InvalidOid for what is no expression. */
static Oid
node_type(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_Aggref:
		case T_WindowFunc:
		case T_SubscriptingRef:
		case T_FuncExpr:
		case T_OpExpr:
		case T_NullIfExpr:
		case T_FieldSelect:
		case T_FieldStore:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CaseExpr:
		case T_CaseTestExpr:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_CoerceToDomain:
		case T_CoerceToDomainValue:
		case T_SetToDefault:
			return exprType(node);
		default:
			return InvalidOid;
	}
}

/* The constants of a partition's bound: of its list, or of both ends. */
static List *
bound_constants(PartitionBoundSpec *bound)
{
	List	   *constants = list_copy(bound->listdatums);
	List	   *ends = list_concat_copy(bound->lowerdatums, bound->upperdatums);
	ListCell   *lc;

	foreach(lc, ends)
	{
		PartitionRangeDatum *end = lfirst_node(PartitionRangeDatum, lc);

		if (end->kind == PARTITION_RANGE_DATUM_VALUE)
			constants = lappend(constants, end->value);
	}
	return constants;
}

static bool
look_walker(Node *node, LookContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, look_walker, context, 0);
	if (IsA(node, PartitionBoundSpec))
		return expression_tree_walker((Node *) bound_constants((PartitionBoundSpec *) node),
									  look_walker, context);
	if (list_member_oid(context->type->carriers, node_type(node)))
		context->names->uses = true;
	if (IsA(node, Const))
		note_constant((Const *) node, context);
	else if (note_cast(node, context))
		return false;
	return expression_tree_walker(node, look_walker, context);
}

/*
 * look_at_tree
 *		Adds to *names what the tree tells of the type.
 */
void
look_at_tree(Node *tree, const TreeType *type, TreeNames *names)
{
	LookContext context = {type, names};

	(void) look_walker(tree, &context);
}

/* Remember why the tree cannot be changed; the first reason stays. */
static void
obstruct(TreeChange *change, const char *reason)
{
	if (change->obstacle == NULL)
		change->obstacle = reason;
}

/* Change one constant of a carrier type, in place. */
static void
change_constant(Const *constant, TreeChange *change)
{
	const TreeType *type = change->type;
	char		kind;
	bool		isnull = false;

	if (!constant_holds(constant, type, change->old_oid))
		return;
	kind = get_typtype(getBaseType(constant->consttype));
	if (!OidIsValid(change->new_oid))
		obstruct(change, "it names the value elsewhere than in a list of several values");
	else if ((kind == TYPTYPE_RANGE || kind == TYPTYPE_MULTIRANGE) && !change->equal)
		obstruct(change, "it names the value as the end of a range");
	else
	{
		constant->constvalue = value_replace(constant->constvalue, constant->consttype, type->type,
											 change->old_oid, change->new_oid, &isnull);
		constant->constisnull = isnull;
		change->changed = true;
		change->other_meaning |= !change->equal;
	}
}

/* Change the constants of text that are cast to a carrier type; false when this node casts none. */
static bool
change_cast(Node *node, TreeChange *change)
{
	const char *old_label = label_of(change->type, change->old_oid);
	const char *new_label = label_of(change->type, change->new_oid);
	bool		whole;
	List	   *constants = cast_text(node, change->type, &whole);
	ListCell   *lc;

	foreach(lc, constants)
	{
		Const	   *constant = lfirst_node(Const, lc);

		/* a successor that is equal gets the old one's label, so the text stays */
		if (old_label == NULL || change->equal ||
			!text_names(constant_text(constant), old_label, whole))
			continue;
		if (new_label == NULL)
			obstruct(change, "it names the value by a text that it casts to the type");
		else if (!whole)
			obstruct(change, "it names the value inside a text that it casts to another type");
		else
		{
			set_constant_text(constant, new_label);
			change->changed = true;
			change->other_meaning = true;
		}
	}
	return constants != NIL;
}

/* Is it the constant of one value, of the enum itself? */
static bool
is_constant_of(Node *node, const TreeType *type, Oid value)
{
	return IsA(node, Const) && !((Const *) node)->constisnull &&
		((Const *) node)->consttype == type->type &&
		DatumGetObjectId(((Const *) node)->constvalue) == value;
}

/*
 * shorten_list
 *		Take the old value out of a list of constants.
 *
 * Only where it means nothing any more: without a successor, or where the
 * successor is in the list already.  The last member stays.
 */
static List *
shorten_list(List *members, TreeChange *change)
{
	bool		has_new = !OidIsValid(change->new_oid);
	List	   *rest = NIL;
	ListCell   *lc;

	foreach(lc, members)
	{
		has_new |= is_constant_of(lfirst(lc), change->type, change->new_oid);
		if (!is_constant_of(lfirst(lc), change->type, change->old_oid))
			rest = lappend(rest, lfirst(lc));
	}
	if (!has_new || rest == NIL || list_length(rest) == list_length(members))
		return members;
	change->changed = true;
	return rest;
}

/* The same for an array in one constant. */
static void
shorten_array(Const *constant, TreeChange *change)
{
	Oid			element = change->type->type;
	ArrayType  *array;
	ArrayType  *shorter;
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	int			kept = 0;
	bool		has_new = !OidIsValid(change->new_oid);
	int			lower = 1;

	if (constant->constisnull || get_element_type(constant->consttype) != element)
		return;
	array = DatumGetArrayTypeP(constant->constvalue);
	if (ARR_NDIM(array) != 1)
		return;
	deconstruct_array(array, element, sizeof(Oid), true, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		has_new |= !nulls[i] && DatumGetObjectId(elements[i]) == change->new_oid;
		if (!nulls[i] && DatumGetObjectId(elements[i]) == change->old_oid)
			continue;
		elements[kept] = elements[i];
		nulls[kept++] = nulls[i];
	}
	if (!has_new || kept == 0 || kept == n)
		return;
	shorter = construct_md_array(elements, nulls, 1, &kept, &lower, element, sizeof(Oid), true, TYPALIGN_INT);
	constant->constvalue = PointerGetDatum(shorter);
	change->changed = true;
}

/* = ANY and <> ALL of the enum's own equality: a value that no row holds may leave the list. */
static void
change_list(ScalarArrayOpExpr *expr, TreeChange *change)
{
	RegProcedure function = get_opcode(expr->opno);
	Node	   *list = lsecond(expr->args);

	if (change->equal || function != (expr->useOr ? F_ENUM_EQ : F_ENUM_NE))
		return;
	if (IsA(list, ArrayExpr) && !((ArrayExpr *) list)->multidims)
		((ArrayExpr *) list)->elements = shorten_list(((ArrayExpr *) list)->elements, change);
	else if (IsA(list, Const))
		shorten_array((Const *) list, change);
}

/*
 * A partition's bound: with an equal successor the list changes as any other
 * constant; otherwise the old value leaves a list of several, since the rows
 * go where their new value belongs.  The ends of ranges cannot change.
 */
static void
change_bound(PartitionBoundSpec *bound, TreeChange *change)
{
	List	   *constants = bound_constants(bound);
	ListCell   *lc;

	if (bound->strategy == PARTITION_STRATEGY_LIST && !change->equal)
	{
		TreeChange	take_out = *change;

		take_out.new_oid = InvalidOid;
		bound->listdatums = shorten_list(bound->listdatums, &take_out);
		change->changed |= take_out.changed;
		constants = bound->listdatums;
	}
	foreach(lc, constants)
	{
		if (!constant_holds(lfirst(lc), change->type, change->old_oid))
			continue;
		if (bound->strategy == PARTITION_STRATEGY_LIST && change->equal)
			change_constant(lfirst(lc), change);
		else if (bound->strategy == PARTITION_STRATEGY_LIST)
			obstruct(change, "it is the partition of this value alone");
		else
			obstruct(change, "the value is an end of the partition's range");
	}
}

static bool
change_walker(Node *node, TreeChange *change)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, change_walker, change, 0);
	if (IsA(node, PartitionBoundSpec))
	{
		change_bound((PartitionBoundSpec *) node, change);
		return false;
	}
	if (IsA(node, Const))
	{
		change_constant((Const *) node, change);
		return false;
	}
	if (IsA(node, ScalarArrayOpExpr))
		change_list((ScalarArrayOpExpr *) node, change);
	else if (change_cast(node, change))
		return false;
	return expression_tree_walker(node, change_walker, change);
}

/*
 * change_tree
 *		Changes the tree in place; true when it is another one now.
 *
 * change->obstacle tells why it cannot be done; the tree is of no use then.
 */
bool
change_tree(Node *tree, TreeChange *change)
{
	change->changed = false;
	change->other_meaning = false;
	change->obstacle = NULL;
	(void) change_walker(tree, change);
	return change->changed;
}

typedef struct FillContext
{
	const TreeType *type;
	AttrNumber	attnum;			/* the only column, 0 as long as none was met */
	bool		fits;
	bool		fill;
	Oid			value;			/* InvalidOid: NULL */
} FillContext;

/* Puts a value in the place of the column or of the domain's VALUE. */
static Node *
fill_mutator(Node *node, FillContext *context)
{
	bool		domain;

	if (node == NULL)
		return NULL;
	domain = IsA(node, CoerceToDomainValue);
	if (domain || IsA(node, Var))
	{
		Oid			type = exprType(node);
		AttrNumber	attnum = domain ? -1 : ((Var *) node)->varattno;

		context->fits &= is_plain(type, context->type) && attnum != 0 &&
			(context->attnum == 0 || context->attnum == attnum);
		context->attnum = attnum;
		if (context->fill)
			return (Node *) makeConst(type, -1, InvalidOid, sizeof(Oid),
									  ObjectIdGetDatum(context->value), !OidIsValid(context->value), true);
	}
	if (IsA(node, Query))
	{
		context->fits = false;
		return node;
	}
	return expression_tree_mutator(node, fill_mutator, context);
}

/* Would a row with this value satisfy the CHECK? NULL does. */
static bool
satisfies(Node *check, const TreeType *type, Oid value)
{
	FillContext context = {type, 0, true, true, value};
	Node	   *filled = fill_mutator(check, &context);
	Expr	   *result = evaluate_expr((Expr *) filled, BOOLOID, -1, InvalidOid);

	return castNode(Const, result)->constisnull || DatumGetBool(castNode(Const, result)->constvalue);
}

/*
 * check_still_holds
 *		Does every value that the CHECK allowed satisfy it as changed?
 *
 * Answered without a look at rows, for a CHECK over the values of one column
 * (or of a domain) alone: each value of the type is tried, the old one as its
 * successor.  False when the answer is no, or when it takes the rows to tell.
 */
bool
check_still_holds(Node *before, Node *after, const TreeChange *change)
{
	FillContext context = {change->type, 0, true, false, InvalidOid};
	ListCell   *lc;

	(void) fill_mutator(before, &context);
	if (!context.fits || contain_mutable_functions(before))
		return false;
	if (satisfies(before, change->type, InvalidOid) && !satisfies(after, change->type, InvalidOid))
		return false;
	foreach(lc, change->type->values)
	{
		Oid			value = ((EnumValue *) lfirst(lc))->oid;
		Oid			becomes = value == change->old_oid ? change->new_oid : value;

		if (satisfies(before, change->type, value) && !satisfies(after, change->type, becomes))
			return false;
	}
	return true;
}

/* Is one of the expressions of a carrier type? */
static bool
any_carries(List *expressions, const TreeType *type)
{
	ListCell   *lc;

	foreach(lc, expressions)
		if (list_member_oid(type->carriers, exprType(lfirst(lc))))
			return true;
	return false;
}

/* Functions of the server that compare values by their order, or take it as it is. */
static const char *const ordering_functions[] = {
	"enum_lt", "enum_le", "enum_gt", "enum_ge", "enum_cmp", "enum_smaller", "enum_larger",
	"enum_first", "enum_last", "enum_range",
	"array_lt", "array_le", "array_gt", "array_ge", "array_smaller", "array_larger", "btarraycmp",
	"array_sort", "width_bucket",
	"record_lt", "record_le", "record_gt", "record_ge", "record_smaller", "record_larger", "btrecordcmp",
};

/* May a function of these arguments depend on the order? What is not the server's own may. */
static bool
function_orders(Oid function, List *arguments, const TreeType *type)
{
	const char *name = get_func_name(function);
	bool		concerned = false;
	ListCell   *lc;

	foreach(lc, arguments)
	{
		Oid			argument = exprType(lfirst(lc));
		char		kind = get_typtype(getBaseType(argument));

		if (!list_member_oid(type->carriers, argument))
			continue;
		if (kind == TYPTYPE_RANGE || kind == TYPTYPE_MULTIRANGE)
			return true;
		concerned = true;
	}
	if (!concerned || name == NULL)
		return false;
	if (function >= FirstNormalObjectId)
		return true;
	for (int i = 0; i < lengthof(ordering_functions); i++)
		if (strcmp(name, ordering_functions[i]) == 0)
			return true;
	return false;
}

static bool
order_walker(Node *node, const TreeType *type)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_PartitionBoundSpec:
			return ((PartitionBoundSpec *) node)->strategy == PARTITION_STRATEGY_RANGE;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			if (function_orders(get_opcode(((OpExpr *) node)->opno), ((OpExpr *) node)->args, type))
				return true;
			break;
		case T_ScalarArrayOpExpr:
			if (function_orders(get_opcode(((ScalarArrayOpExpr *) node)->opno), ((ScalarArrayOpExpr *) node)->args, type))
				return true;
			break;
		case T_FuncExpr:
			if (function_orders(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args, type))
				return true;
			break;
		case T_RowCompareExpr:
			if (any_carries(((RowCompareExpr *) node)->largs, type))
				return true;
			break;
		case T_MinMaxExpr:
			if (list_member_oid(type->carriers, exprType(node)))
				return true;
			break;
		default:
			break;
	}
	return expression_tree_walker(node, order_walker, (void *) type);
}

/*
 * depends_on_order
 *		May the tree yield something else once the type's values are in another
 *		order?  It has no subqueries.
 */
bool
depends_on_order(Node *tree, const TreeType *type)
{
	return order_walker(tree, type);
}

/* Is the place at p within an array's literal, '{...}'? */
static bool
in_array_literal(const char *source, const char *p)
{
	while (p > source && *p != '\'' && *p != '{')
		p--;
	return *p == '{' && p > source && p[-1] == '\'';
}

/*
 * mentions_quoted
 *		Does the source text have the label between quotes, or in an array's literal?
 */
bool
mentions_quoted(const char *source, const char *label)
{
	StringInfoData spelled;
	const char *p;

	initStringInfo(&spelled);
	for (p = label; *p != '\0'; p++)
	{
		if (*p == '\'')
			appendStringInfoChar(&spelled, '\'');
		appendStringInfoChar(&spelled, *p);
	}
	if (spelled.len == 0)
		return strstr(source, "''") != NULL;
	for (p = strstr(source, spelled.data); p != NULL; p = strstr(p + 1, spelled.data))
	{
		char		before = p > source ? p[-1] : '\0';
		char		after = p[spelled.len];

		if ((before == '\'' || before == '"' || before == '$') && before == after)
			return true;
		if ((before == '{' || before == ',') && (after == '}' || after == ',') &&
			in_array_literal(source, p - 1))
			return true;
	}
	return false;
}
