/*
 * value.c
 *	  Values that contain values of an enum: opened, looked at, rebuilt.
 *
 * A carrier (types.c) is walked by its shape, a tree made once for a type:
 * what it is made of, and which of its parts can contain the enum at all.
 * Rows are taken apart by the descriptor that their own header names, since
 * a composite type can gain attributes while values of it are around, and
 * since a value of type record tells what it is only there.  Columns dropped
 * from a table may still be stored in its rows; nothing reads them.
 *
 * A value that is rebuilt obeys the same rules as one that is typed in: the
 * constraints of each domain around the changed place are checked, and a range
 * must still run from its lower to its upper bound.
 *
 * The functions that SQL may call take the enum's values as values of that
 * type, never as numbers, so nobody can use them to make up an OID.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "compat.h"
#include "enums/enums.h"

typedef enum ShapeKind
{
	SHAPE_ENUM,
	SHAPE_DOMAIN,
	SHAPE_ARRAY,
	SHAPE_ROW,
	SHAPE_RANGE,
	SHAPE_MULTIRANGE
} ShapeKind;

/* How a type contains the enum. */
typedef struct Shape
{
	ShapeKind	kind;
	Oid			type;
	Oid			enum_type;
	MemoryContext context;		/* of the shape and all below it */
	struct Shape *inner;		/* of what a domain, an array, a range is made of */
	Oid			element;		/* an array's: the type that inner is of, */
	int16		length;			/* and how it is stored */
	bool		by_value;
	char		align;
	List	   *layouts;		/* a row's: of Layout */
	void	   *check;			/* a domain's: domain_check's own */
} Shape;

/* The attributes of a row type, as one of its descriptors has them. */
typedef struct Layout
{
	Oid			type;
	int32		typmod;
	uint64		identifier;		/* the descriptor's: it changes with the type */
	Shape	  **attributes;		/* NULL where the enum cannot be */
} Layout;

/* What is looked for, and what replaces it. */
typedef struct Search
{
	int			count;
	Oid		   *old;
	Oid		   *new;			/* InvalidOid: NULL in its place; NULL: only looking */
	EnumValueTest test;			/* for looking, in place of old: is it that? */
	void	   *arg;
} Search;

/* What a call site keeps. */
typedef struct CallCache
{
	Oid			enum_type;
	bool		many;			/* the values come as arrays */
	Shape	   *shape;			/* NULL: the value cannot contain the enum */
} CallCache;

PG_FUNCTION_INFO_V1(enum_holds);
PG_FUNCTION_INFO_V1(enum_replace);

static bool holds(Shape *shape, Datum value, const Search *search);
static Datum replace(Shape *shape, Datum value, const Search *search, bool *isnull, bool *changed);

/* --- shapes --------------------------------------------------------------- */

static Shape *
make_shape(ShapeKind kind, Oid type, Oid enum_type, Shape *inner)
{
	Shape	   *shape = palloc0(sizeof(Shape));

	shape->kind = kind;
	shape->type = type;
	shape->enum_type = enum_type;
	shape->context = CurrentMemoryContext;
	shape->inner = inner;
	return shape;
}

static Shape *shape_of(Oid type, Oid enum_type);

/* The shapes of a row type's attributes; *any tells whether there is one. */
static Shape **
attribute_shapes(TupleDesc desc, Oid enum_type, bool *any)
{
	Shape	  **shapes = palloc0(sizeof(Shape *) * Max(desc->natts, 1));

	*any = false;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped)
			shapes[i] = shape_of(att->atttypid, enum_type);
		if (shapes[i])
			*any = true;
	}
	return shapes;
}

static Shape *
row_shape(Oid type, Oid enum_type)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_noerror(type, -1, true);
	bool		any;

	if (desc == NULL)
		return NULL;
	(void) attribute_shapes(desc, enum_type, &any);
	ReleaseTupleDesc(desc);
	return any ? make_shape(SHAPE_ROW, type, enum_type, NULL) : NULL;
}

/* Sets what the array's elements are. */
static void
set_element(Shape *array, Oid element)
{
	MemoryContext old = MemoryContextSwitchTo(array->context);

	array->element = element;
	array->inner = shape_of(element, array->enum_type);
	get_typlenbyvalalign(element, &array->length, &array->by_value, &array->align);
	MemoryContextSwitchTo(old);
}

/*
 * shape_of
 *		How values of the type contain values of the enum; NULL if they cannot.
 *		Palloc'd.
 */
static Shape *
shape_of(Oid type, Oid enum_type)
{
	Shape	   *shape;
	Oid			element;

	check_stack_depth();
	if (type == enum_type)
		return make_shape(SHAPE_ENUM, type, enum_type, NULL);
	/* values of these tell only themselves what they are */
	if (type == RECORDOID)
		return make_shape(SHAPE_ROW, type, enum_type, NULL);
	if (type == ANYARRAYOID)
		return make_shape(SHAPE_ARRAY, type, enum_type, NULL);
	switch (get_typtype(type))
	{
		case TYPTYPE_COMPOSITE:
			return row_shape(type, enum_type);
		case TYPTYPE_DOMAIN:
			shape = shape_of(getBaseType(type), enum_type);
			return shape ? make_shape(SHAPE_DOMAIN, type, enum_type, shape) : NULL;
		case TYPTYPE_RANGE:
			shape = shape_of(get_range_subtype(type), enum_type);
			return shape ? make_shape(SHAPE_RANGE, type, enum_type, shape) : NULL;
		case TYPTYPE_MULTIRANGE:
			shape = shape_of(get_multirange_range(type), enum_type);
			return shape ? make_shape(SHAPE_MULTIRANGE, type, enum_type, shape) : NULL;
		default:
			element = get_element_type(type);
			if (!OidIsValid(element) || shape_of(element, enum_type) == NULL)
				return NULL;
			shape = make_shape(SHAPE_ARRAY, type, enum_type, NULL);
			set_element(shape, element);
			return shape;
	}
}

/* The shapes of the attributes of a row with that descriptor. */
static Shape **
layout_of(Shape *row, TupleDesc desc)
{
	uint64		identifier = assign_record_type_identifier(desc->tdtypeid, desc->tdtypmod);
	Layout	   *layout;
	ListCell   *cell;
	MemoryContext old;
	bool		any;

	foreach(cell, row->layouts)
	{
		layout = lfirst(cell);
		if (layout->type == desc->tdtypeid && layout->typmod == desc->tdtypmod &&
			layout->identifier == identifier)
			return layout->attributes;
	}
	old = MemoryContextSwitchTo(row->context);
	layout = palloc(sizeof(Layout));
	layout->type = desc->tdtypeid;
	layout->typmod = desc->tdtypmod;
	layout->identifier = identifier;
	layout->attributes = attribute_shapes(desc, row->enum_type, &any);
	row->layouts = lcons(layout, row->layouts);
	MemoryContextSwitchTo(old);
	return layout->attributes;
}

/* --- looking -------------------------------------------------------------- */

/* The place of a value among those that are looked for, or -1. */
static int
found_at(const Search *search, Oid value)
{
	for (int i = 0; i < search->count; i++)
	{
		if (search->old[i] == value)
			return i;
	}
	return -1;
}

/* Is the value looked for? */
static bool
is_sought(const Search *search, Oid value)
{
	if (search->test)
		return search->test(value, search->arg);
	return found_at(search, value) >= 0;
}

static bool
array_holds(Shape *shape, ArrayType *array, const Search *search)
{
	ArrayIterator iterator;
	Datum		value;
	bool		isnull;
	bool		result = false;

	if (ARR_ELEMTYPE(array) != shape->element)
		set_element(shape, ARR_ELEMTYPE(array));
	if (shape->inner == NULL)
		return false;
	iterator = array_create_iterator(array, 0, NULL);
	while (!result && array_iterate(iterator, &value, &isnull))
		result = !isnull && holds(shape->inner, value, search);
	array_free_iterator(iterator);
	return result;
}

/* The row as a tuple, and its parts; the caller releases the descriptor. */
static TupleDesc
open_row(Datum value, Datum **values, bool **nulls)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header),
											  HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	*values = palloc(sizeof(Datum) * Max(desc->natts, 1));
	*nulls = palloc(sizeof(bool) * Max(desc->natts, 1));
	heap_deform_tuple(&tuple, desc, *values, *nulls);
	return desc;
}

static bool
row_holds(Shape *shape, Datum value, const Search *search)
{
	Datum	   *values;
	bool	   *nulls;
	TupleDesc	desc = open_row(value, &values, &nulls);
	Shape	  **attributes = layout_of(shape, desc);
	bool		result = false;

	for (int i = 0; i < desc->natts && !result; i++)
		result = attributes[i] && !nulls[i] && holds(attributes[i], values[i], search);
	ReleaseTupleDesc(desc);
	return result;
}

static bool
range_holds(Shape *shape, RangeType *range, const Search *search)
{
	TypeCacheEntry *cache = lookup_type_cache(shape->type, TYPECACHE_RANGE_INFO);
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;

	range_deserialize(cache, range, &lower, &upper, &empty);
	return !empty &&
		((!lower.infinite && holds(shape->inner, lower.val, search)) ||
		 (!upper.infinite && holds(shape->inner, upper.val, search)));
}

static bool
multirange_holds(Shape *shape, MultirangeType *multirange, const Search *search)
{
	TypeCacheEntry *cache = lookup_type_cache(shape->inner->type, TYPECACHE_RANGE_INFO);
	int32		count;
	RangeType **ranges;

	multirange_deserialize(cache, multirange, &count, &ranges);
	for (int i = 0; i < count; i++)
	{
		if (range_holds(shape->inner, ranges[i], search))
			return true;
	}
	return false;
}

/* Does the value, not NULL, contain what is looked for? */
static bool
holds(Shape *shape, Datum value, const Search *search)
{
	check_stack_depth();
	switch (shape->kind)
	{
		case SHAPE_ENUM:
			return is_sought(search, DatumGetObjectId(value));
		case SHAPE_DOMAIN:
			return holds(shape->inner, value, search);
		case SHAPE_ARRAY:
			return array_holds(shape, DatumGetArrayTypeP(value), search);
		case SHAPE_ROW:
			return row_holds(shape, value, search);
		case SHAPE_RANGE:
			return range_holds(shape, DatumGetRangeTypeP(value), search);
		case SHAPE_MULTIRANGE:
			return multirange_holds(shape, DatumGetMultirangeTypeP(value), search);
	}
	pg_unreachable();
}

/* --- replacing ------------------------------------------------------------ */

static Datum
enum_replaced(Datum value, const Search *search, bool *isnull, bool *changed)
{
	int			at = found_at(search, DatumGetObjectId(value));

	*isnull = false;
	if (at < 0)
		return value;
	*changed = true;
	*isnull = !OidIsValid(search->new[at]);
	return ObjectIdGetDatum(search->new[at]);
}

static Datum
domain_replaced(Shape *shape, Datum value, const Search *search, bool *isnull, bool *changed)
{
	bool		inside = false;

	value = replace(shape->inner, value, search, isnull, &inside);
	if (inside)
	{
		domain_check(value, *isnull, shape->type, &shape->check, shape->context);
		*changed = true;
	}
	return value;
}

static Datum
array_replaced(Shape *shape, ArrayType *array, const Search *search, bool *changed)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;
	bool		inside = false;

	if (ARR_ELEMTYPE(array) != shape->element)
		set_element(shape, ARR_ELEMTYPE(array));
	if (shape->inner == NULL)
		return PointerGetDatum(array);
	deconstruct_array(array, shape->element, shape->length, shape->by_value, shape->align,
					  &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			values[i] = replace(shape->inner, values[i], search, &nulls[i], &inside);
	}
	if (!inside)
		return PointerGetDatum(array);
	*changed = true;
	return PointerGetDatum(construct_md_array(values, nulls, ARR_NDIM(array), ARR_DIMS(array),
											  ARR_LBOUND(array), shape->element,
											  shape->length, shape->by_value, shape->align));
}

static Datum
row_replaced(Shape *shape, Datum value, const Search *search, bool *changed)
{
	Datum	   *values;
	bool	   *nulls;
	TupleDesc	desc = open_row(value, &values, &nulls);
	Shape	  **attributes = layout_of(shape, desc);
	bool		inside = false;

	for (int i = 0; i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->attisdropped)
			nulls[i] = true;
		else if (attributes[i] && !nulls[i])
			values[i] = replace(attributes[i], values[i], search, &nulls[i], &inside);
	}
	if (inside)
	{
		value = heap_copy_tuple_as_datum(heap_form_tuple(desc, values, nulls), desc);
		*changed = true;
	}
	ReleaseTupleDesc(desc);
	return value;
}

/* A bound with the values replaced. */
static void
replace_bound(Shape *range, RangeBound *bound, const Search *search, bool *changed)
{
	bool		isnull = false;

	if (bound->infinite)
		return;
	bound->val = replace(range->inner, bound->val, search, &isnull, changed);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a bound of a range cannot be replaced by null"),
				 errdetail("The range type is %s.", format_type_be(range->type)),
				 errhint("Give a value as the replacement, or delete the rows.")));
}

static RangeType *
range_replaced(Shape *shape, RangeType *range, const Search *search, bool *changed)
{
	TypeCacheEntry *cache = lookup_type_cache(shape->type, TYPECACHE_RANGE_INFO);
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;
	bool		inside = false;

	range_deserialize(cache, range, &lower, &upper, &empty);
	if (empty)
		return range;
	replace_bound(shape, &lower, search, &inside);
	replace_bound(shape, &upper, search, &inside);
	if (!inside)
		return range;
	*changed = true;
	return compat_make_range(cache, &lower, &upper, false);
}

static MultirangeType *
multirange_replaced(Shape *shape, MultirangeType *multirange, const Search *search, bool *changed)
{
	TypeCacheEntry *cache = lookup_type_cache(shape->inner->type, TYPECACHE_RANGE_INFO);
	int32		count;
	RangeType **ranges;
	bool		inside = false;

	multirange_deserialize(cache, multirange, &count, &ranges);
	for (int i = 0; i < count; i++)
		ranges[i] = range_replaced(shape->inner, ranges[i], search, &inside);
	if (!inside)
		return multirange;
	*changed = true;
	return make_multirange(shape->type, cache, count, ranges);
}

/*
 * The value, not NULL, with what is looked for replaced; *changed becomes true
 * if it contained any, and is otherwise left as it is.
 */
static Datum
replace(Shape *shape, Datum value, const Search *search, bool *isnull, bool *changed)
{
	check_stack_depth();
	*isnull = false;
	switch (shape->kind)
	{
		case SHAPE_ENUM:
			return enum_replaced(value, search, isnull, changed);
		case SHAPE_DOMAIN:
			return domain_replaced(shape, value, search, isnull, changed);
		case SHAPE_ARRAY:
			return array_replaced(shape, DatumGetArrayTypeP(value), search, changed);
		case SHAPE_ROW:
			return row_replaced(shape, value, search, changed);
		case SHAPE_RANGE:
			return RangeTypePGetDatum(range_replaced(shape, DatumGetRangeTypeP(value),
													 search, changed));
		case SHAPE_MULTIRANGE:
			return MultirangeTypePGetDatum(multirange_replaced(shape,
															   DatumGetMultirangeTypeP(value),
															   search, changed));
	}
	pg_unreachable();
}

/* --- for the room --------------------------------------------------------- */

/*
 * value_holds
 *		Does a value of that type contain the enum's value?
 *
 * The value is not NULL and may be toasted; any type is accepted.  Memory is
 * left behind in the current context.
 */
bool
value_holds(Datum value, Oid type, Oid enum_type, Oid value_oid)
{
	Search		search = {1, &value_oid, NULL};
	Shape	   *shape;

	if (type == enum_type)
		return DatumGetObjectId(value) == value_oid;
	shape = shape_of(type, enum_type);
	return shape && holds(shape, value, &search);
}

/*
 * value_shape, value_any
 *		Does a value, not NULL, contain a value of the enum that passes the test?
 *
 * For many values of one type: the shape is made once, NULL if the type cannot
 * contain the enum, and keeps memory in the context in which it was made.
 */
struct Shape *
value_shape(Oid type, Oid enum_type)
{
	return shape_of(type, enum_type);
}

bool
value_any(struct Shape *shape, Datum value, EnumValueTest test, void *arg)
{
	Search		search = {.test = test, .arg = arg};

	return holds(shape, value, &search);
}

/*
 * value_replace
 *		The value with one value of the enum replaced by another, or by NULL if
 *		new_oid is InvalidOid.
 *
 * The value is not NULL and may be toasted.  The result is the value itself
 * where nothing is replaced, else palloc'd; *isnull tells whether all of it
 * became NULL.  Errors: a domain's constraint that the new value violates, a
 * range's bound that would become NULL or exceed the other one.
 */
Datum
value_replace(Datum value, Oid type, Oid enum_type, Oid old_oid, Oid new_oid, bool *isnull)
{
	return value_replace_many(value, type, enum_type, 1, &old_oid, &new_oid, isnull);
}

/*
 * value_replace_many
 *		The same for several values of the enum at once: old_oids[i] becomes
 *		new_oids[i].
 */
Datum
value_replace_many(Datum value, Oid type, Oid enum_type, int count,
				   Oid *old_oids, Oid *new_oids, bool *isnull)
{
	Search		search = {count, old_oids, new_oids};
	Shape	   *shape = shape_of(type, enum_type);
	bool		changed = false;
	Datum		result;

	*isnull = false;
	if (shape == NULL)
		return value;
	result = replace(shape, value, &search, isnull, &changed);
	return changed ? result : value;
}

/* --- for SQL -------------------------------------------------------------- */

/* The call site's cache: which enum, by the type of argument number 1, and the shape of argument 0. */
static CallCache *
call_cache(FunctionCallInfo fcinfo)
{
	CallCache  *cache = fcinfo->flinfo->fn_extra;
	Oid			type;
	MemoryContext old;

	if (cache)
		return cache;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	cache = palloc0(sizeof(CallCache));
	type = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, 1));
	cache->many = OidIsValid(get_element_type(type));
	cache->enum_type = cache->many ? getBaseType(get_element_type(type)) : type;
	require_enum(cache->enum_type);
	cache->shape = shape_of(get_fn_expr_argtype(fcinfo->flinfo, 0), cache->enum_type);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = cache;
	return cache;
}

/* The values in an argument, one or an array of them; InvalidOid for NULL. */
static Oid *
values_in(FunctionCallInfo fcinfo, int argument, const CallCache *cache, int *count)
{
	ArrayType  *array;
	Datum	   *values;
	bool	   *nulls;
	Oid		   *result;

	if (!cache->many)
	{
		*count = 1;
		result = palloc(sizeof(Oid));
		result[0] = PG_ARGISNULL(argument) ? InvalidOid : PG_GETARG_OID(argument);
		return result;
	}
	*count = 0;
	if (PG_ARGISNULL(argument))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(argument);
	deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(Oid), true, TYPALIGN_INT,
					  &values, &nulls, count);
	result = palloc(sizeof(Oid) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		result[i] = nulls[i] ? InvalidOid : DatumGetObjectId(values[i]);
	return result;
}

/*
 * more._enum_holds(value "any", sought "any")
 *
 * Does the value contain the sought value of an enum, or one of an array of
 * them?  False for NULL.
 */
Datum
enum_holds(PG_FUNCTION_ARGS)
{
	CallCache  *cache = call_cache(fcinfo);
	Search		search = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || cache->shape == NULL)
		PG_RETURN_BOOL(false);
	search.old = values_in(fcinfo, 1, cache, &search.count);
	PG_RETURN_BOOL(holds(cache->shape, PG_GETARG_DATUM(0), &search));
}

/*
 * more._enum_replace(value anyelement, old "any", new "any")
 *
 * The value with old replaced by new, both values of one enum, or arrays of
 * them of one length.  A new value that is NULL puts NULL in the old one's
 * place.
 */
Datum
enum_replace(PG_FUNCTION_ARGS)
{
	CallCache  *cache = call_cache(fcinfo);
	Search		search;
	int			count;
	bool		isnull;
	bool		changed = false;
	Datum		result;

	if (getBaseType(get_fn_expr_argtype(fcinfo->flinfo, 2)) !=
		getBaseType(get_fn_expr_argtype(fcinfo->flinfo, 1)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the old and the new value are of different types")));
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1) || cache->shape == NULL)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	search.old = values_in(fcinfo, 1, cache, &search.count);
	search.new = values_in(fcinfo, 2, cache, &count);
	if (count != search.count)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("the arrays of old and new values have different lengths")));
	result = replace(cache->shape, PG_GETARG_DATUM(0), &search, &isnull, &changed);
	if (!changed)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}
