/*
 * rebuild.c
 *	  Rebuilding an index while its table is read and written.
 *
 * The server's own REINDEX INDEX CONCURRENTLY does it, run as a top-level
 * statement from inside a procedure.  It commits several times itself, which
 * is allowed only where nothing of the procedure's hangs on the transaction:
 *
 * - There must be no SPI connection, since the end of a transaction that SPI
 *   does not know of takes them all away.  So the caller's is closed before
 *   and opened again after.  Where a procedure or DO block called ours, its
 *   connection is below the caller's, and out of reach: that is refused.
 * - REINDEX takes away one active snapshot, as if it were the portal's.  The
 *   portal's own has gone with SPI_commit(), so one is put in its place.
 * - What REINDEX keeps across its transactions is in the portal's memory, and
 *   the CALL's portal is active all the time, so commits leave it alone.  The
 *   statement's tree is put there, too.
 *
 * It goes through ProcessUtility, so that event triggers, and modules that
 * watch statements, see it, and the caller's rights on the index are checked.
 *
 * An error, a cancellation or the end of the session inside leave what they
 * leave of a REINDEX that a user types: the old index, in use, and maybe an
 * invalid one whose name ends in _ccnew or _ccold.  Those of the same index are
 * dropped by the next attempt.  Session-level locks on relations are released
 * by the transaction's abort.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on the table and the index, which reading and
 * writing do not conflict with.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parser.h"
#include "storage/lmgr.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "compat.h"
#include "enums/enums.h"

/*
 * require_direct_call
 *		Raise an error if a procedure or DO block called this procedure.
 *
 * For procedures that may rebuild indexes; to be called before they connect to
 * SPI.  A transaction block is refused by the caller, who knows whether the
 * call is atomic.
 */
void
require_direct_call(const char *procedure)
{
	if (SPI_inside_nonatomic_context())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot be called from a procedure or DO block", procedure),
				 errdetail("It may have to rebuild indexes concurrently, which only a statement of its own can do."),
				 errhint("Send CALL %s(...) to the server as a statement of its own.", procedure)));
}

/* The name of a relation as the server's parser gives it. */
static RangeVar *
range_var(Oid relid)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		return NULL;
	return makeRangeVar(get_namespace_name(get_rel_namespace(relid)), name, -1);
}

/* Runs a statement that commits, as if it came from the client; the current memory context outlives that. */
static void
run_top_level(Node *statement, const char *sql)
{
	MemoryContext context = CurrentMemoryContext;
	PlannedStmt *planned = makeNode(PlannedStmt);

	planned->commandType = CMD_UTILITY;
	planned->utilityStmt = statement;
	planned->stmt_location = -1;
	PushActiveSnapshot(GetTransactionSnapshot());
	ProcessUtility(planned, sql, false, PROCESS_UTILITY_TOPLEVEL, NULL, NULL, None_Receiver, NULL);
	/* what did not commit has left it */
	while (ActiveSnapshotSet())
		PopActiveSnapshot();
	MemoryContextSwitchTo(context);
}

static void
reindex_concurrently(Oid index)
{
	ReindexStmt *statement = makeNode(ReindexStmt);

	statement->kind = REINDEX_OBJECT_INDEX;
	statement->relation = range_var(index);
	statement->params = list_make1(makeDefElem("concurrently", NULL, -1));
	if (statement->relation)
		run_top_level((Node *) statement,
					  psprintf("REINDEX INDEX CONCURRENTLY %s", qualified_name(index)));
}

static void
drop_concurrently(Oid index)
{
	DropStmt   *statement = makeNode(DropStmt);
	char	   *name = get_rel_name(index);

	if (name == NULL)
		return;
	statement->removeType = OBJECT_INDEX;
	statement->objects = list_make1(list_make2(makeString(get_namespace_name(get_rel_namespace(index))),
											   makeString(name)));
	statement->behavior = DROP_RESTRICT;
	statement->concurrent = true;
	run_top_level((Node *) statement,
				  psprintf("DROP INDEX CONCURRENTLY %s", qualified_name(index)));
}

/* Does the name end as REINDEX CONCURRENTLY names its work, with a number or without? */
static bool
is_leftover_name(const char *name, int *stem)
{
	int			end = strlen(name);

	while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9')
		end--;
	if (end < 6 || (strncmp(name + end - 6, "_ccnew", 6) != 0 && strncmp(name + end - 6, "_ccold", 6) != 0))
		return false;
	*stem = end - 6;
	return true;
}

/*
 * is_leftover_index
 *		Was the index left behind by a REINDEX CONCURRENTLY, of the index of
 *		that name if one is given?  Or one is at work on it.
 */
bool
is_leftover_index(Oid index, const char *of)
{
	char	   *name = get_rel_name(index);
	int			stem;

	return name && is_leftover_name(name, &stem) && !get_index_isvalid(index) &&
		(of == NULL || strncmp(name, of, stem) == 0);
}

/*
 * What earlier attempts at the index left, or the index itself if it is such a
 * leftover: OIDs.
 */
static List *
leftovers_of(Oid index)
{
	char	   *name = get_rel_name(index);
	Oid			table = IndexGetRelation(index, true);
	Relation	rel = OidIsValid(table) ? try_table_open(table, AccessShareLock) : NULL;
	List	   *result = NIL;
	ListCell   *cell;

	if (rel == NULL || name == NULL)
		return NIL;
	foreach(cell, RelationGetIndexList(rel))
	{
		Oid			other = lfirst_oid(cell);

		if (is_leftover_index(other, other == index ? NULL : name))
			result = lappend_oid(result, other);
	}
	table_close(rel, AccessShareLock);
	return result;
}

/*
 * Drops a leftover.  One that a running REINDEX works on may be the valid index
 * when it is done, so the table is locked while that is looked at, and on until
 * the index is gone.
 */
static void
drop_leftover(Oid index)
{
	Oid			table = IndexGetRelation(index, true);
	LockRelId	lock = {.relId = table, .dbId = MyDatabaseId};

	if (!OidIsValid(table))
		return;
	LockRelationIdForSession(&lock, ShareUpdateExclusiveLock);
	AcceptInvalidationMessages();
	if (is_leftover_index(index, NULL))
		drop_concurrently(index);
	UnlockRelationIdForSession(&lock, ShareUpdateExclusiveLock);
}

/* Ends the transaction and begins another, where SPI is not connected. */
static void
next_transaction(void)
{
	MemoryContext context = CurrentMemoryContext;

	CommitTransactionCommand();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
}

/*
 * is_exclusion_index
 *		Does the index enforce an exclusion constraint?  That cannot be done by
 *		two indexes at once.
 */
bool
is_exclusion_index(Oid index)
{
	Relation	rel = try_relation_open(index, AccessShareLock);
	bool		exclusion = rel && rel->rd_index->indisexclusion;

	if (rel)
		relation_close(rel, AccessShareLock);
	return exclusion;
}

static void
refuse_exclusion(Oid index)
{
	if (is_exclusion_index(index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" cannot be rebuilt while its table is written",
						get_rel_name(index)),
				 errdetail("It still holds the value, and it enforces an exclusion constraint."),
				 errhint("Run REINDEX INDEX %s when its table may be locked, then call the procedure again.",
						 qualified_name(index))));
}

/*
 * rebuild_index
 *		Rebuild an index, so that it holds what the table's live rows hold and
 *		no more.  It has another OID afterwards.
 *
 * For procedures, in a call that is not atomic, with one SPI connection open
 * and no active snapshot of their own.  The connection is closed and a new one
 * opened, and what was done before is committed.  Memory of the old connection
 * is gone; the current context is afterwards what it was before SPI_connect_ext,
 * where the new connection starts from, too.  An index of an own temporary table
 * is rebuilt at once, since nobody else can use it.  One that is gone is no error.
 *
 * Errors: those of REINDEX, such as the caller's lack of rights on the index;
 * an exclusion constraint's index, for which the server knows no such way.
 */
void
rebuild_index(Oid index)
{
	MemoryContext context;
	MemoryContext work;
	List	   *leftovers;
	ListCell   *cell;

	SPI_commit();
	SPI_finish();
	require_direct_call("the procedure");
	context = CurrentMemoryContext;
	work = AllocSetContextCreate(PortalContext, "pg_more rebuild", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(work);

	refuse_exclusion(index);
	leftovers = leftovers_of(index);
	foreach(cell, leftovers)
	{
		next_transaction();
		drop_leftover(lfirst_oid(cell));
	}
	next_transaction();
	if (!list_member_oid(leftovers, index))
		reindex_concurrently(index);
	next_transaction();

	MemoryContextSwitchTo(context);	/* where SPI_finish will return to */
	MemoryContextDelete(work);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(context);
}

/*
 * run_concurrently
 *		Run another statement that commits, under the conditions of
 *		rebuild_index.
 *
 * The statement is in memory that outlives transactions; names in it are
 * qualified, or catalog names, since search_path is the caller's.
 */
void
run_concurrently(Node *statement, const char *sql)
{
	MemoryContext context;

	SPI_commit();
	SPI_finish();
	require_direct_call("the procedure");
	context = CurrentMemoryContext;
	next_transaction();
	MemoryContextSwitchTo(PortalContext);
	run_top_level(statement, sql);
	next_transaction();
	MemoryContextSwitchTo(context);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
}
