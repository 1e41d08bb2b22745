/*
 * receive.c
 *	  Rows of a query as jsonb objects.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "query/run.h"

/* Turns rows into jsonb: all of them into the result of a function, or the first one. */
typedef struct JsonbReceiver
{
	DestReceiver pub;			/* must be first */
	ReturnSetInfo *rsinfo;		/* or NULL: */
	Datum	   *first;			/* where the first row goes */
	MemoryContext context;		/* of that */
	MemoryContext row;			/* of one row's making */
	TupleDesc	columns;		/* with the query's names, which a plan's own rows may lack */
	FmgrInfo	to_jsonb;
} JsonbReceiver;

/*
 * require_distinct_names
 *		Raise an error where two columns have one name: an object could hold one of them only.
 */
void
require_distinct_names(TupleDesc columns)
{
	for (int i = 1; i < columns->natts; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(NameStr(TupleDescAttr(columns, i)->attname), NameStr(TupleDescAttr(columns, j)->attname)) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("columns %d and %d of the query are both named \"%s\"", j + 1, i + 1,
								NameStr(TupleDescAttr(columns, i)->attname)),
						 errhint("Give them names of their own with more.pick and more.annotate.")));
}

static void
jsonb_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	((JsonbReceiver *) self)->columns = BlessTupleDesc(CreateTupleDescCopy(typeinfo));
}

static bool
jsonb_receive(TupleTableSlot *slot, DestReceiver *self)
{
	JsonbReceiver *receiver = (JsonbReceiver *) self;
	MemoryContext old;
	HeapTuple	tuple;
	Datum		object;
	bool		isnull = false;

	if (receiver->rsinfo == NULL && *receiver->first)
		return true;
	MemoryContextReset(receiver->row);
	old = MemoryContextSwitchTo(receiver->row);
	slot_getallattrs(slot);
	tuple = heap_form_tuple(receiver->columns, slot->tts_values, slot->tts_isnull);
	object = FunctionCall1(&receiver->to_jsonb, HeapTupleGetDatum(tuple));
	MemoryContextSwitchTo(old);
	if (receiver->rsinfo)
		tuplestore_putvalues(receiver->rsinfo->setResult, receiver->rsinfo->setDesc, &object, &isnull);
	else
	{
		old = MemoryContextSwitchTo(receiver->context);
		*receiver->first = datumCopy(object, false, -1);
		MemoryContextSwitchTo(old);
	}
	return true;
}

static void
jsonb_shutdown(DestReceiver *self)
{
}

/*
 * jsonb_receiver
 *		A receiver of rows that makes jsonb objects of them: for the result of a set-returning function (rsinfo), or
 *		the first row only, in *first, which lives in context.  It lives in the current context.
 */
DestReceiver *
jsonb_receiver(MemoryContext context, ReturnSetInfo *rsinfo, Datum *first)
{
	JsonbReceiver *receiver = palloc0_object(JsonbReceiver);
	Node	   *record = (Node *) makeNullConst(RECORDOID, -1, InvalidOid);

	receiver->pub.receiveSlot = jsonb_receive;
	receiver->pub.rStartup = jsonb_startup;
	receiver->pub.rShutdown = jsonb_shutdown;
	receiver->pub.rDestroy = jsonb_shutdown;
	receiver->pub.mydest = DestNone;
	receiver->rsinfo = rsinfo;
	receiver->first = first;
	receiver->context = context;
	receiver->row = AllocSetContextCreate(CurrentMemoryContext, "pg_more row as jsonb", ALLOCSET_DEFAULT_SIZES);
	fmgr_info(F_TO_JSONB, &receiver->to_jsonb);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(record), InvalidOid, InvalidOid,
											 COERCE_EXPLICIT_CALL), &receiver->to_jsonb);
	return &receiver->pub;
}
