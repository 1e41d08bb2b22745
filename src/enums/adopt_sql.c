/*
 * adopt_sql.c
 *	  Statements of more.enum_adopt, and expressions over the column that takes
 *	  another's place.
 *
 * An expression that was written for text is made one for the enum, or the
 * other way round, by its tree, and goes back to the server as SQL, which the
 * server checks as if a user had written it:
 *
 * - the column compared with = or <> with a constant, or with a list of them
 *   (IN, NOT IN), is compared with the same labels of the other type; members
 *   of a list that are no label leave it, since no row can hold them;
 * - IS NULL and IS NOT NULL stay;
 * - anything else gets the column cast to the type that it had.  That is exact,
 *   but not immutable, so that an index cannot have it.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "catalog.h"
#include "compat.h"
#include "enums/adopt.h"
#include "enums/enums.h"
#include "enums/trees.h"

/*
 * adopt_run
 *		Run a statement through SPI; returns the number of rows.
 *
 * The search_path is ours, and row security an error.  SPI is connected.
 */
uint64
adopt_run(const char *format,...)
{
	StringInfoData sql;
	int			nest = NewGUCNestLevel();
	int			result;

	initStringInfo(&sql);
	for (;;)
	{
		va_list		arguments;
		int			needed;

		va_start(arguments, format);
		needed = appendStringInfoVA(&sql, format, arguments);
		va_end(arguments);
		if (needed == 0)
			break;
		enlargeStringInfo(&sql, needed);
	}
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	/* what the server says of our own names is nobody's business */
	if (client_min_messages < WARNING)
		(void) set_config_option("client_min_messages", "warning", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	result = SPI_execute(sql.data, false, 0);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
	AtEOXact_GUC(true, nest);
	return SPI_processed;
}

/* The table's name as SQL has it now. */
char *
adopt_table(const Adoption *adoption)
{
	return qualified_name(adoption->relid);
}

/* SQL that makes a value of the old type one of the new. */
char *
adopt_cast(const Adoption *adoption, const char *value)
{
	return psprintf("(%s)::pg_catalog.text::%s", value, type_sql(adoption->to, -1));
}

typedef struct TranslateContext
{
	const Adoption *adoption;
	TreeType   *type;
	AttrNumber	attnum;			/* of the new column */
	bool		may_cast;
	bool		failed;
} TranslateContext;

/* Without casts that change nothing of the value. */
static Node *
strip(Node *node)
{
	while (IsA(node, RelabelType) || IsA(node, ArrayCoerceExpr))
		node = IsA(node, RelabelType) ? (Node *) ((RelabelType *) node)->arg :
			(Node *) ((ArrayCoerceExpr *) node)->arg;
	return node;
}

static bool
is_column(Node *node, const Adoption *adoption)
{
	node = strip(node);
	return IsA(node, Var) && ((Var *) node)->varattno == adoption->attnum && ((Var *) node)->varlevelsup == 0;
}

/* The new column in the place of the old. */
static Node *
new_column(TranslateContext *context)
{
	Oid			to = context->adoption->to;
	Var		   *var = makeVar(1, context->attnum, to, -1, get_typcollation(to), 0);

	if (context->adoption->to_enum || to == TEXTOID)
		return (Node *) var;
	return (Node *) makeRelabelType((Expr *) var, TEXTOID, -1, DEFAULT_COLLATION_OID, COERCE_IMPLICIT_CAST);
}

/* What a constant of the old type says, or NULL for anything else. */
static const char *
old_label(Node *node, TranslateContext *context)
{
	node = strip(node);
	if (!IsA(node, Const) || ((Const *) node)->constisnull)
		return NULL;
	if (context->adoption->to_enum)
		return constant_text((Const *) node);
	if (((Const *) node)->consttype != context->type->type)
		return NULL;
	return label_of(context->type, DatumGetObjectId(((Const *) node)->constvalue));
}

/* The label as a constant of the new type, or NULL when it is none. */
static Node *
new_label(const char *label, TranslateContext *context)
{
	EnumValue  *value;

	if (label == NULL)
		return NULL;
	if (!context->adoption->to_enum)
		return (Node *) makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, CStringGetTextDatum(label), false, false);
	value = enum_value(context->type->type, label, true);
	if (value == NULL || value->retired || value->moving)
		return NULL;
	return (Node *) makeConst(context->type->type, -1, InvalidOid, sizeof(Oid),
							  ObjectIdGetDatum(value->oid), false, true);
}

/* Is it the equality, or its opposite, of the old type? */
static bool
compares_equality(Oid operator, const Adoption *adoption, bool *equal)
{
	Oid			function = get_opcode(operator);

	*equal = function == F_TEXTEQ || function == F_BPCHAREQ || function == F_ENUM_EQ;
	return *equal || function == F_TEXTNE || function == F_BPCHARNE || function == F_ENUM_NE;
}

static Oid
new_operator(bool equal, const Adoption *adoption)
{
	Oid			type = adoption->to_enum ? ANYENUMOID : TEXTOID;

	return OpernameGetOprid(list_make2(makeString("pg_catalog"), makeString(equal ? "=" : "<>")), type, type);
}

/* column = constant, either way round; or NULL. */
static Node *
translate_comparison(OpExpr *expr, TranslateContext *context)
{
	bool		equal;
	bool		swapped;
	Node	   *constant;
	Node	   *column;

	if (list_length(expr->args) != 2 || !compares_equality(expr->opno, context->adoption, &equal))
		return NULL;
	swapped = is_column(lsecond(expr->args), context->adoption);
	if (!swapped && !is_column(linitial(expr->args), context->adoption))
		return NULL;
	constant = new_label(old_label(swapped ? linitial(expr->args) : lsecond(expr->args), context), context);
	if (constant == NULL)
		return NULL;
	column = new_column(context);
	return (Node *) make_opclause(new_operator(equal, context->adoption), BOOLOID, false,
								  (Expr *) (swapped ? constant : column), (Expr *) (swapped ? column : constant),
								  InvalidOid, context->adoption->to_enum ? InvalidOid : DEFAULT_COLLATION_OID);
}

/* The members of a list as constants of the old type, or NIL for anything else. */
static List *
list_members(Node *list, const Adoption *adoption)
{
	Const	   *constant = (Const *) list;
	Oid			element;
	int16		len;
	bool		byval;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	int			n;
	List	   *members = NIL;

	if (IsA(list, ArrayExpr))
		return ((ArrayExpr *) list)->multidims ? NIL : ((ArrayExpr *) list)->elements;
	if (!IsA(list, Const) || constant->constisnull || !OidIsValid(element = get_element_type(constant->consttype)))
		return NIL;
	get_typlenbyvalalign(element, &len, &byval, &align);
	deconstruct_array(DatumGetArrayTypeP(constant->constvalue), element, len, byval, align, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
		members = lappend(members, makeConst(element, -1, get_typcollation(element), len, values[i], nulls[i], byval));
	return members;
}

/* column IN (constants), or NOT IN; or NULL. */
static Node *
translate_list(ScalarArrayOpExpr *expr, TranslateContext *context)
{
	const Adoption *adoption = context->adoption;
	bool		equal;
	ArrayExpr  *array = makeNode(ArrayExpr);
	ScalarArrayOpExpr *result = copyObject(expr);
	ListCell   *lc;

	if (!compares_equality(expr->opno, adoption, &equal) || equal != expr->useOr ||
		!is_column(linitial(expr->args), adoption))
		return NULL;
	foreach(lc, list_members(strip(lsecond(expr->args)), adoption))
	{
		const char *label = old_label(lfirst(lc), context);
		Node	   *constant = new_label(label, context);

		if (label == NULL)
			return NULL;
		if (constant != NULL)
			array->elements = lappend(array->elements, constant);
	}
	if (array->elements == NIL)
		return NULL;
	array->element_typeid = adoption->to_enum ? adoption->type : TEXTOID;
	array->array_typeid = get_array_type(array->element_typeid);
	array->array_collid = get_typcollation(array->element_typeid);
	result->opno = new_operator(equal, adoption);
	result->opfuncid = get_opcode(result->opno);
	result->args = list_make2(new_column(context), array);
	return (Node *) result;
}

/* The column cast to what it was. */
static Node *
cast_column(Var *var, TranslateContext *context)
{
	CoerceViaIO *cast = makeNode(CoerceViaIO);

	if (!context->may_cast || var->vartype == BPCHAROID)
		context->failed = true;
	cast->arg = (Expr *) makeVar(1, context->attnum, context->adoption->to, -1,
								 get_typcollation(context->adoption->to), 0);
	cast->resulttype = var->vartype;
	cast->resultcollid = var->varcollid;
	cast->coerceformat = COERCE_EXPLICIT_CAST;
	cast->location = -1;
	return (Node *) cast;
}

static Node *
translate_mutator(Node *node, TranslateContext *context)
{
	Node	   *result = NULL;

	if (node == NULL)
		return NULL;
	if (IsA(node, Query) || (IsA(node, Var) && ((Var *) node)->varattno == 0))
	{
		context->failed = true;
		return node;
	}
	if (IsA(node, OpExpr))
		result = translate_comparison((OpExpr *) node, context);
	else if (IsA(node, ScalarArrayOpExpr))
		result = translate_list((ScalarArrayOpExpr *) node, context);
	else if (IsA(node, NullTest) && is_column((Node *) ((NullTest *) node)->arg, context->adoption))
	{
		result = copyObject(node);
		((NullTest *) result)->arg = (Expr *) strip(new_column(context));
	}
	else if (IsA(node, Var) && is_column(node, context->adoption))
		result = cast_column((Var *) node, context);
	if (result != NULL)
		return result;
	return expression_tree_mutator(node, translate_mutator, context);
}

/*
 * adopt_translate
 *		The expression over the table's columns with the new one in the place of
 *		the old, or NULL where that cannot be.
 *
 * may_cast: a cast of the new column, which is not immutable, will do.
 */
Node *
adopt_translate(const Adoption *adoption, Node *tree, bool may_cast)
{
	TranslateContext context = {adoption, tree_type(adoption->type), adoption->new_attnum, may_cast, false};
	Node	   *result;

	/* as long as there is none, only whether it can be done is asked */
	if (context.attnum == InvalidAttrNumber)
		context.attnum = adoption->attnum;
	result = translate_mutator(tree, &context);
	return context.failed ? NULL : result;
}

/*
 * adopt_label
 *		The label that an expression comes to, in the old type; NULL for what is
 *		no constant.  It need not be one of the enum's.
 */
const char *
adopt_label(const Adoption *adoption, Node *tree)
{
	TranslateContext context = {adoption, tree_type(adoption->type), 0, false, false};

	return old_label(eval_const_expressions(NULL, tree), &context);
}

/* The translated expression as SQL. */
char *
adopt_expression(const Adoption *adoption, Node *tree)
{
	return expression_sql(adoption->relid, adopt_translate(adoption, tree, true));
}

typedef struct LabelContext
{
	const Adoption *adoption;
	const char *label;			/* NULL: a null */
	bool		fits;
} LabelContext;

/* Puts a label in the column's place. */
static Node *
label_mutator(Node *node, LabelContext *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
		context->fits = false;
	else if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		context->fits &= var->varattno == context->adoption->attnum;
		return (Node *) makeConst(var->vartype, -1, var->varcollid, -1,
								  context->label ? CStringGetTextDatum(context->label) : (Datum) 0,
								  context->label == NULL, false);
	}
	if (!context->fits)
		return node;
	return expression_tree_mutator(node, label_mutator, context);
}

static bool
allows(const Adoption *adoption, Node *check, const char *label)
{
	LabelContext context = {adoption, label, true};
	Node	   *filled = label_mutator(check, &context);
	Const	   *result;

	if (!context.fits)
		return false;
	result = castNode(Const, evaluate_expr((Expr *) filled, BOOLOID, -1, InvalidOid));
	return result->constisnull || DatumGetBool(result->constvalue);
}

/*
 * adopt_implied
 *		Does the enum itself see to what the CHECK says?
 *
 * It does if the CHECK is about this column alone and allows each label, and
 * null: a list of them, or of more.
 */
bool
adopt_implied(const Adoption *adoption, Node *check)
{
	ListCell   *lc;

	if (!adoption->to_enum || contain_mutable_functions(check) || !allows(adoption, check, NULL))
		return false;
	foreach(lc, adoption->labels)
		if (!allows(adoption, check, lfirst(lc)))
			return false;
	return true;
}
