/*
 * rows_of.c
 *	  A rowset's rows as a function in FROM.
 *
 * Where a call of rows_in, rows_not_in or rows_missing is planned as the join
 * that it stands for, the data must be decoded when the plan is run.  That is
 * what this function is for.  It does with the data what these functions do,
 * with the same errors: all columns are looked up, the key's must be there, and
 * values are converted in the same order.
 *
 * Its result has the columns that the query around it lists.  The last argument
 * says what the rows are:
 *	key		each key once, none with a null in it, in any order: enough for a
 *			plain join
 *	any		all rows, in input order
 *	number	the same, with the row's number as the first and only column
 *	data	the same, with the row's number as the first column, and then
 *			columns that need not be in the key or the condition
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/typcache.h"

#include "compat.h"
#include "rows/order.h"
#include "rows/verb.h"

PG_FUNCTION_INFO_V1(rows_of);
PG_FUNCTION_INFO_V1(rows_of_support);
PG_FUNCTION_INFO_V1(row_security_on);

/* Where the decoded rows go. */
typedef struct RowsOf
{
	Tuplestorestate *store;
	TupleDesc	desc;
	bool		numbered;
	int			ncolumns;
	int		   *position;		/* of each data column in the result, or -1 */
	Datum	   *values;
	bool	   *nulls;
} RowsOf;

/* RowSink */
static void
put_row(void *arg, int64 ordinal, Datum *values, bool *nulls, bool *absent)
{
	RowsOf	   *rows = arg;

	if (rows->numbered)
	{
		rows->values[0] = Int64GetDatum(ordinal);
		rows->nulls[0] = false;
	}
	for (int c = 0; c < rows->ncolumns; c++)
		if (rows->position[c] >= 0)
		{
			rows->values[rows->position[c]] = values[c];
			rows->nulls[rows->position[c]] = nulls[c];
		}
	tuplestore_putvalues(rows->store, rows->desc, rows->values, rows->nulls);
}

/* Find the result's columns in the data. */
static void
place_columns(Verb *verb, RowsOf *rows)
{
	rows->position = palloc_array(int, verb->ncolumns + 1);
	for (int c = 0; c < verb->ncolumns; c++)
		rows->position[c] = -1;
	for (int i = rows->numbered ? 1 : 0; i < rows->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(rows->desc, i);
		int			c = verb_data_column(verb, NameStr(att->attname));

		if (c >= 0 && verb->columns[c].type != att->atttypid)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of the data is of type %s, not %s", NameStr(att->attname),
							format_type_be(verb->columns[c].type), format_type_be(att->atttypid))));
		if (c >= 0)
			rows->position[c] = i;
		else if (!verb->returns_data)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column data.%s does not exist", NameStr(att->attname))));
	}
}

/* See that the result's first column can be the rows' number. */
static void
check_number(TupleDesc desc)
{
	if (desc->natts < 1 || TupleDescAttr(desc, 0)->atttypid != INT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the first column must be of type bigint")));
}

/* ------------------------------------------------------------------------ */
/* Keys that are at hand in arrays											*/
/* ------------------------------------------------------------------------ */

/*
 * Typed arrays of the key's own types need no decoding, and nothing asks for
 * the order of the key here: it is enough to tell by a hash which keys came
 * before.  No value is converted, so no error is lost.
 */
typedef struct KeyArrays
{
	int			nkeys;
	RowsetArray **arrays;
	Oid		   *collations;
	TypeCacheEntry **types;
	struct
	{
		uint32		hash;
		uint32		row;		/* counted from 1; 0: nothing here */
	}		   *seen;
	uint32		mask;			/* number of places - 1 */
} KeyArrays;

/* Find the keys' arrays; false if a value must be converted or a type has no hash. */
static bool
find_key_arrays(Verb *verb, KeyArrays *keys)
{
	Rowset	   *data = verb->data;

	if (data->arrays == NULL || verb->rule != KEY_DISTINCT || verb->nkeys == 0 || verb->nkeys != verb->ncolumns ||
		data->nrows >= PG_UINT32_MAX / 4)
		return false;
	keys->nkeys = verb->nkeys;
	keys->arrays = palloc_array(RowsetArray *, verb->nkeys);
	keys->collations = palloc_array(Oid, verb->nkeys);
	keys->types = palloc_array(TypeCacheEntry *, verb->nkeys);
	for (int k = 0; k < verb->nkeys; k++)
	{
		DataColumn *column = &verb->columns[k];

		keys->arrays[k] = &data->arrays[column->source];
		keys->collations[k] = column->collation;
		keys->types[k] = lookup_type_cache(column->type, TYPECACHE_HASH_PROC_FINFO | TYPECACHE_EQ_OPR_FINFO);
		if (column->typmod >= 0 || !IsBinaryCoercible(keys->arrays[k]->type, column->type) ||
			!OidIsValid(keys->types[k]->hash_proc_finfo.fn_oid) ||
			!OidIsValid(keys->types[k]->eq_opr_finfo.fn_oid))
			return false;
	}
	keys->mask = 16;
	while (keys->mask < data->nrows * 2)
		keys->mask *= 2;
	keys->seen = palloc_extended(sizeof(*keys->seen) * keys->mask, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	keys->mask--;
	return true;
}

/* Are the keys of two rows equal? */
static bool
same_keys(KeyArrays *keys, int64 a, int64 b)
{
	for (int k = 0; k < keys->nkeys; k++)
		if (!DatumGetBool(FunctionCall2Coll(&keys->types[k]->eq_opr_finfo, keys->collations[k],
											array_value(keys->arrays[k], a), array_value(keys->arrays[k], b))))
			return false;
	return true;
}

/* Has no row before this one its key?  If so, remember it. */
static bool
is_new_key(KeyArrays *keys, int64 row)
{
	uint32		hash = 0;
	uint32		i;

	for (int k = 0; k < keys->nkeys; k++)
		hash = hash_combine(hash, DatumGetUInt32(FunctionCall1Coll(&keys->types[k]->hash_proc_finfo,
																   keys->collations[k],
																   array_value(keys->arrays[k], row))));
	for (i = hash & keys->mask; keys->seen[i].row != 0; i = (i + 1) & keys->mask)
		if (keys->seen[i].hash == hash && same_keys(keys, keys->seen[i].row - 1, row))
			return false;
	keys->seen[i].hash = hash;
	keys->seen[i].row = row + 1;
	return true;
}

/* Give the sink each key once, in input order, and none with a null in it. */
static void
send_keys(KeyArrays *keys, int64 nrows, RowsOf *rows)
{
	Datum	   *values = palloc_array(Datum, keys->nkeys);
	bool	   *nulls = palloc0_array(bool, keys->nkeys);

	for (int64 row = 0; row < nrows; row++)
	{
		bool		has_null = false;

		CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < keys->nkeys; k++)
			has_null |= array_isnull(keys->arrays[k], row);
		if (has_null || !is_new_key(keys, row))
			continue;
		for (int k = 0; k < keys->nkeys; k++)
			values[k] = array_value(keys->arrays[k], row);
		put_row(rows, row + 1, values, nulls, NULL);
	}
}

/*
 * more._rows_of(anyelement, more.rowset, text[], text, text): the rows of the
 * data, for a query that matches them with the target.
 */
Datum
rows_of(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *form = PG_ARGISNULL(4) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(4));
	RowsOf		rows = {0};
	DecodeRequest request = {0};
	KeyArrays	keys = {0};
	Verb		verb;

	verb_on_rows(&verb, fcinfo, ACL_SELECT, AccessShareLock);
	verb.key_arg = arg_array(fcinfo, 2);
	verb.match = arg_text(fcinfo, 3);
	verb.returning = false;
	verb.rule = strcmp(form, "key") == 0 ? KEY_DISTINCT : KEY_ANY;
	verb.returns_data = strcmp(form, "data") == 0;
	verb_resolve(&verb);
	if (verb.data->nrows > 0)
	{
		rows.store = rsinfo->setResult;
		rows.desc = rsinfo->setDesc;
		rows.numbered = verb.returns_data || strcmp(form, "number") == 0;
		rows.ncolumns = verb.ncolumns;
		rows.values = palloc0_array(Datum, rows.desc->natts + 1);
		rows.nulls = palloc_array(bool, rows.desc->natts + 1);
		memset(rows.nulls, true, rows.desc->natts);
		if (rows.numbered)
			check_number(rows.desc);
		place_columns(&verb, &rows);
		if (find_key_arrays(&verb, &keys))
			send_keys(&keys, verb.data->nrows, &rows);
		else
		{
			request.rowset = verb.data;
			request.columns = verb.columns;
			request.ncolumns = verb.ncolumns;
			request.nkeys = verb.nkeys;
			request.keys = verb.keys;
			request.rule = verb.rule;
			(void) decode_rows(&request, put_row, &rows);
		}
	}
	relation_close(verb.rel, NoLock);
	return (Datum) 0;
}

/*
 * more._row_security(regclass): a plan that was made under row security runs.
 * Settings may have changed since; the error is the server's own.
 */
Datum
row_security_on(PG_FUNCTION_ARGS)
{
	(void) check_enable_rls(PG_GETARG_OID(0), InvalidOid, false);
	PG_RETURN_BOOL(true);
}

/* ------------------------------------------------------------------------ */
/* What the planner is told													*/
/* ------------------------------------------------------------------------ */

/* The value of a constant, or of a parameter that the planner knows; false if it is null or not at hand. */
static bool
get_value(PlannerInfo *root, Node *node, Datum *value)
{
	ParamListInfo params = root ? root->glob->boundParams : NULL;
	Param	   *param = (Param *) node;

	if (IsA(node, Const))
	{
		*value = ((Const *) node)->constvalue;
		return !((Const *) node)->constisnull;
	}
	if (!IsA(node, Param) || param->paramkind != PARAM_EXTERN || params == NULL || params->paramFetch ||
		param->paramid < 1 || param->paramid > params->numParams ||
		params->params[param->paramid - 1].ptype != param->paramtype)
		return false;
	*value = params->params[param->paramid - 1].value;
	return !params->params[param->paramid - 1].isnull;
}

/* The data of a call, where it is known when the plan is made; else NULL. */
static Rowset *
known_data(PlannerInfo *root, FuncExpr *call)
{
	Datum		value;

	return get_value(root, lsecond(call->args), &value) ? rowset_from_datum(value) : NULL;
}

/*
 * How many elements an array is taken to have that nothing is known of: more
 * than the planner thinks, and not so many that a generic plan, for lists of
 * this length, looks dearer than one that is made each time.
 */
#define UNKNOWN_LENGTH 100

/* The array that is at hand in an expression; else NULL. */
static ArrayType *
get_array(PlannerInfo *root, Node *node)
{
	Datum		value;

	if (!OidIsValid(get_element_type(exprType(node))) || !get_value(root, node, &value))
		return NULL;
	return DatumGetArrayTypeP(value);
}

/*
 * The value of an argument, as far as it is at hand, to be got by get_value(): a
 * parameter's is not copied, as it may be long.  Functions that are not immutable
 * are not called: they may take long, and may fail where the statement never comes
 * to call them.
 */
static Node *
value_at_hand(PlannerInfo *root, Node *argument)
{
	Datum		value;

	if (get_value(root, argument, &value) || contain_mutable_functions(argument))
		return argument;
	return estimate_expression_value(root, argument);
}

/* How many rows a call gives at most; -1 when that is not known. */
static double
count_rows(PlannerInfo *root, FuncExpr *call)
{
	Rowset	   *known = known_data(root, call);
	FuncExpr   *make = lsecond(call->args);
	ArrayType  *values;

	if (known)
		return known->nrows;

	/* typed arrays: as many as the first of them has elements */
	if (IsA(make, FuncExpr) && list_length(make->args) >= 2)
	{
		Node	   *array = value_at_hand(root, lsecond(make->args));

		if ((values = get_array(root, array)) != NULL)
			return ARR_NDIM(values) > 0 ? ARR_DIMS(values)[0] : 0;
		if (IsA(array, ArrayExpr))
			return list_length(((ArrayExpr *) array)->elements);
		return UNKNOWN_LENGTH;
	}
	return -1;
}

/* What it costs to decode a value, in calls of an operator. */
#define DECODE_COST 10

/*
 * rows_of_support
 *		Planner support: the number of rows, and the cost of decoding them.
 */
Datum
rows_of_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestRows))
	{
		SupportRequestRows *rows = (SupportRequestRows *) request;
		double		count = IsA(rows->node, FuncExpr) ? count_rows(rows->root, (FuncExpr *) rows->node) : -1;

		if (count < 0)
			PG_RETURN_POINTER(NULL);
		rows->rows = Max(count, 1);
		PG_RETURN_POINTER(request);
	}
	if (IsA(request, SupportRequestCost))
	{
		SupportRequestCost *cost = (SupportRequestCost *) request;
		double		count = cost->node && IsA(cost->node, FuncExpr) ?
			count_rows(cost->root, (FuncExpr *) cost->node) : -1;

		if (count < 0)
			PG_RETURN_POINTER(NULL);
		cost->startup = count * DECODE_COST * cpu_operator_cost;
		cost->per_tuple = cpu_operator_cost;
		PG_RETURN_POINTER(request);
	}
	PG_RETURN_POINTER(NULL);
}

/* Of fewer rows the planner takes the values to be distinct by itself. */
#define FEW_VALUES 200

/* How many rows are looked at, at least and at most, to tell whether a column's values are distinct. */
#define FEW_ROWS 250
#define SAMPLE_ROWS 1000

/* Values that were looked at, by their hash values. */
typedef struct Sample
{
	uint32		seen[SAMPLE_ROWS * 2];
	int			distinct;
} Sample;

/* An eighth of the rows, within these bounds. */
static int
sample_size(int64 nrows)
{
	return Min(nrows, Min(Max(nrows / 8, FEW_ROWS), SAMPLE_ROWS));
}

static void
add_to_sample(Sample *sample, uint32 hash)
{
	int			slot;

	hash |= 1;
	for (slot = hash % lengthof(sample->seen); sample->seen[slot] != 0 && sample->seen[slot] != hash;)
		slot = (slot + 1) % lengthof(sample->seen);
	sample->distinct += sample->seen[slot] == 0;
	sample->seen[slot] = hash;
}

/* Do most of the first rows differ in this column, going by the values' text? */
static bool
mostly_distinct(Rowset *data, int column)
{
	int			n = sample_size(data->nrows);
	Sample		sample = {0};
	const char *next = data->cells;

	for (int r = 0; r < n; r++)
	{
		CellReader	reader;
		Cell		cell = {CELL_ABSENT, NULL, 0};

		cells_begin(&reader, next);
		for (int i = 0; i <= column; i++)
			cells_next(&reader, &cell);
		next = cells_end(&reader);
		add_to_sample(&sample, cell.kind >= CELL_NUMBER ? hash_bytes((const unsigned char *) cell.text, cell.len) : 0);
	}
	return sample.distinct >= n - n / 8;
}

/* The same of an array, going by its elements' bytes. */
static bool
array_mostly_distinct(ArrayType *array)
{
	int			n = sample_size(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)));
	ArrayIterator elements = array_create_iterator(array, 0, NULL);
	Sample		sample = {0};
	int16		length;
	bool		by_value;
	Datum		value;
	bool		isnull;

	get_typlenbyval(ARR_ELEMTYPE(array), &length, &by_value);
	for (int i = 0; i < n && array_iterate(elements, &value, &isnull); i++)
		add_to_sample(&sample, isnull ? 0 : datum_image_hash(value, by_value, length));
	array_free_iterator(elements);
	return sample.distinct >= n - n / 8;
}

/*
 * The array of which more.rowset(columns, arrays...) makes the column, where it
 * is at hand; else NULL.
 */
static ArrayType *
array_of_column(PlannerInfo *root, Node *data, const char *column)
{
	FuncExpr   *make = (FuncExpr *) data;
	Node	   *columns;
	Datum		value;
	Datum	   *names;
	bool	   *nulls;
	int			n;

	if (!IsA(make, FuncExpr) || make->funcvariadic || list_length(make->args) < 2)
		return NULL;
	columns = value_at_hand(root, linitial(make->args));
	if (exprType(columns) != TEXTARRAYOID || !get_value(root, columns, &value))
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	for (int i = 0; i < Min(n, list_length(make->args) - 1); i++)
	{
		if (nulls[i] || strcmp(TextDatumGetCString(names[i]), column) != 0)
			continue;
		return get_array(root, value_at_hand(root, list_nth(make->args, i + 1)));
	}
	return NULL;
}

/* Does this column of a call have about as many values as the call has rows? */
static bool
column_distinct(PlannerInfo *root, RangeTblFunction *function, AttrNumber attnum)
{
	FuncExpr   *call = (FuncExpr *) function->funcexpr;
	Rowset	   *known = known_data(root, call);
	char	   *name = strVal(list_nth(function->funccolnames, attnum - 1));
	ArrayType  *array;

	if (known == NULL && (array = array_of_column(root, lsecond(call->args), name)) != NULL)
		return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) >= FEW_VALUES && array_mostly_distinct(array);
	if (known == NULL || known->cells == NULL)
		return list_length(function->funccolnames) == 1;
	if (known->nrows < FEW_VALUES)
		return false;
	for (int i = 0; i < known->ncols; i++)
		if (strcmp(known->names[i], name) == 0)
			return mostly_distinct(known, i);
	return false;
}

/*
 * What was found of columns while one statement is planned: the planner asks for
 * each of them some five times.  It is in the planner's memory and forgotten with
 * that, so that none of its pointers can come to mean something else.
 */
typedef struct Found
{
	MemoryContextCallback callback;
	PlannerGlobal *glob;		/* of the statement */
	int			count;
	struct
	{
		FuncExpr   *call;
		AttrNumber	attnum;
		bool		distinct;
	}			columns[16];
} Found;

static Found *found = NULL;

/* MemoryContextCallback */
static void
forget_found(void *arg)
{
	if (found == arg)
		found = NULL;
}

/* The same as column_distinct(), found out once. */
static bool
column_distinct_once(PlannerInfo *root, RangeTblFunction *function, AttrNumber attnum)
{
	FuncExpr   *call = (FuncExpr *) function->funcexpr;
	bool		distinct;

	if (found == NULL || found->glob != root->glob)
	{
		Found	   *empty = MemoryContextAllocZero(root->planner_cxt, sizeof(Found));

		empty->glob = root->glob;
		empty->callback.func = forget_found;
		empty->callback.arg = empty;
		MemoryContextRegisterResetCallback(root->planner_cxt, &empty->callback);
		found = empty;
	}
	for (int i = 0; i < found->count; i++)
		if (found->columns[i].call == call && found->columns[i].attnum == attnum)
			return found->columns[i].distinct;
	distinct = column_distinct(root, function, attnum);
	/* looking it up may have planned something else */
	if (found && found->glob == root->glob && found->count < lengthof(found->columns))
	{
		found->columns[found->count].call = call;
		found->columns[found->count].attnum = attnum;
		found->columns[found->count++].distinct = distinct;
	}
	return distinct;
}

/*
 * rows_of_distinct
 *		Has this column of a range table entry about as many values as it has
 *		rows, because the entry is a call of more._rows_of and the column is the
 *		whole key, or the data at hand is so?
 */
bool
rows_of_distinct(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum)
{
	RangeTblFunction *function;
	FuncExpr   *call;
	FmgrInfo	info;
	char	   *name;

	if (rte->rtekind != RTE_FUNCTION || list_length(rte->functions) != 1)
		return false;
	function = linitial(rte->functions);
	call = (FuncExpr *) function->funcexpr;
	if (!IsA(call, FuncExpr) || list_length(call->args) != 5 || attnum < 1 ||
		attnum > list_length(function->funccolnames))
		return false;
	/* anybody may make a function of that name */
	name = get_func_name(call->funcid);
	if (name == NULL || strncmp(name, "_rows_of", 8) != 0)
		return false;
	fmgr_info(call->funcid, &info);
	return info.fn_addr == rows_of && column_distinct_once(root, function, attnum);
}
