/*
 * nested_order.c
 *	  The order in which the rows of nested documents are written.
 *
 * Tables go by how many tables are above them, along the foreign keys of the
 * whole catalog, tables that refer to each other in a circle counting as one
 * group.  That depends on the catalog alone, not on the documents: two sessions
 * that find or create the same rows come to the tables in the same order, and
 * wait for each other instead of deadlocking.
 *
 * Within a group, rows go by levels: a row is one level below the lowest row of
 * its group that it refers to.  Rows that refer to each other in a circle have
 * no level until a link is cut.  Circles are found one by one, and of each one
 * link is cut that can be, by what costs least:
 *
 *	- new rows of one table that wait for each other and for nothing else are
 *	  inserted together, with keys that are known beforehand: a foreign key is
 *	  looked at when the statement ends;
 *	- the key of a row is known beforehand, and the foreign key is deferred;
 *	- the columns of the foreign key may be null: they are set by an UPDATE when
 *	  both rows are there;
 *	- the key is known, and the foreign key can be deferred until the end.
 *
 * Links that are named (nested_named.c) order the rows, too, but rows of one
 * statement need no order among themselves; and one that nothing else can cut
 * is dropped.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "catalog.h"
#include "compat.h"
#include "rows/nested.h"

/* ------------------------------------------------------------------------ */
/* Tables																	*/
/* ------------------------------------------------------------------------ */

/* A table of the catalog, for Tarjan's search of circles. */
typedef struct GraphNode
{
	Oid			relid;			/* the hash table's key; must be first */
	int			number;			/* in the order of the visits */
	int			low;			/* the lowest number that can be reached */
	bool		open;			/* not yet in a group */
	int			depth;
	Oid			group;
	List	   *above;			/* the tables that it refers to */
} GraphNode;

typedef struct Graph
{
	HTAB	   *nodes;
	List	   *stack;			/* Oid: those that are open */
	int			visits;
} Graph;

/* Take the tables off the stack that make up a group with this one. */
static void
close_group(Graph *graph, GraphNode *node)
{
	List	   *members = NIL;
	Oid			relid;
	Oid			group = node->relid;
	int			depth = 0;
	ListCell   *lc;
	ListCell   *up;

	do
	{
		relid = llast_oid(graph->stack);
		graph->stack = list_delete_last(graph->stack);
		members = lappend_oid(members, relid);
		group = Min(group, relid);
	} while (relid != node->relid);
	foreach(lc, members)
	{
		GraphNode  *member = hash_search(graph->nodes, &lfirst_oid(lc), HASH_FIND, NULL);

		foreach(up, member->above)
			if (!list_member_oid(members, lfirst_oid(up)))
			{
				GraphNode  *above = hash_search(graph->nodes, &lfirst_oid(up), HASH_FIND, NULL);

				depth = Max(depth, above->depth + 1);
			}
	}
	foreach(lc, members)
	{
		GraphNode  *member = hash_search(graph->nodes, &lfirst_oid(lc), HASH_FIND, NULL);

		member->open = false;
		member->group = group;
		member->depth = depth;
	}
}

/* Visit a table and all that are above it. */
static GraphNode *
visit(Graph *graph, Oid relid)
{
	bool		found;
	GraphNode  *node = hash_search(graph->nodes, &relid, HASH_ENTER, &found);
	ListCell   *lc;

	if (found)
		return node;
	check_stack_depth();
	node->number = node->low = ++graph->visits;
	node->open = true;
	node->depth = 0;
	node->group = relid;
	node->above = NIL;
	graph->stack = lappend_oid(graph->stack, relid);
	foreach(lc, shape_foreign_keys(relid))
		node->above = list_append_unique_oid(node->above, ((ForeignKey *) lfirst(lc))->parent);
	foreach(lc, node->above)
	{
		GraphNode  *above = visit(graph, lfirst_oid(lc));

		if (above->open)
			node->low = Min(node->low, above->low);
	}
	if (node->low == node->number)
		close_group(graph, node);
	return node;
}

/* list_sort comparator: from the top down. */
static int
compare_tables(const ListCell *a, const ListCell *b)
{
	NestedTable *x = lfirst(a);
	NestedTable *y = lfirst(b);

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->relid < y->relid ? -1 : 1;
}

/*
 * nested_order_tables
 *		Put the tables in the order in which they are written.
 */
void
nested_order_tables(Nested *nested)
{
	HASHCTL		ctl = {0};
	Graph		graph = {0};
	ListCell   *lc;

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(GraphNode);
	ctl.hcxt = nested->context;
	graph.nodes = hash_create("foreign keys", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, nested->order)
	{
		NestedTable *table = lfirst(lc);
		GraphNode  *node = visit(&graph, table->relid);

		table->depth = node->depth;
		table->group = node->group;
	}
	list_sort(nested->order, compare_tables);
}

/* ------------------------------------------------------------------------ */
/* Rows																		*/
/* ------------------------------------------------------------------------ */

/* Rows that wait for no other one, in the order in which they came to that. */
typedef struct Queue
{
	NestedRow **rows;
	int			next;
	int			count;
} Queue;

#define LEVEL_NONE	(-1)

/* The row of the group that the link waits for, or NULL. */
static NestedRow *
waits_for(NestedLink *link)
{
	NestedRow  *to = nested_row_of(link->to);

	return link->cut == CUT_NOT && to->table->group == link->from->table->group ? to : NULL;
}

/* The row waits for one row less. */
static void
let_go(Queue *queue, NestedRow *row, int level)
{
	row->level = Max(row->level, level);
	if (--row->waits == 0)
		queue->rows[queue->count++] = row;
}

/*
 * Whether the link may join rows of one level: they have their values already,
 * and the row that it goes to is written by the same statement or one before.
 */
static bool
may_share_level(NestedLink *link)
{
	NestedRow  *from = link->from;
	NestedRow  *to = nested_row_of(link->to);

	if (!link->named)
		return false;
	if (from->table != to->table)
		return to->table->relid < from->table->relid;
	return to->way == from->way || to->way->mode < from->way->mode;
}

/* Give levels to the rows in the queue, and to all that follow from them. */
static void
run_queue(Queue *queue)
{
	while (queue->next < queue->count)
	{
		NestedRow  *row = queue->rows[queue->next++];

		CHECK_FOR_INTERRUPTS();
		for (NestedLink *link = row->links_to; link; link = link->next_to)
			if (link->cut == CUT_NOT)
				let_go(queue, link->from, row->level + (may_share_level(link) ? 0 : 1));
	}
}

/* Put the rows that wait for nothing into the queue. */
static void
begin_queue(List *tables, Queue *queue)
{
	int			total = 0;
	ListCell   *lc;

	foreach(lc, tables)
		total += ((NestedTable *) lfirst(lc))->nrows;
	queue->rows = palloc_extended(sizeof(NestedRow *) * Max(total, 1), MCXT_ALLOC_HUGE);
	foreach(lc, tables)
	{
		NestedTable *table = lfirst(lc);

		for (int i = 0; i < table->nrows; i++)
		{
			NestedRow  *row = table->rows[i];

			for (NestedLink *link = row->links; link; link = link->next)
			{
				NestedRow  *to = waits_for(link);

				if (to == NULL)
					continue;
				row->waits++;
				link->next_to = to->links_to;
				to->links_to = link;
			}
			if (row->waits == 0)
				queue->rows[queue->count++] = row;
		}
	}
}

/* ------------------------------------------------------------------------ */
/* Circles																	*/
/* ------------------------------------------------------------------------ */

/* A link of the row to one that waits itself. */
static NestedLink *
waiting_link(NestedRow *row)
{
	for (NestedLink *link = row->links; link; link = link->next)
	{
		NestedRow  *to = waits_for(link);

		if (to && to->waits > 0)
			return link;
	}
	return NULL;
}

/* The links of a circle that is found from a row that waits. */
static List *
find_circle(NestedRow *row)
{
	NestedRow  *slow = row;
	NestedRow  *fast = row;
	List	   *circle = NIL;

	/* each waits for one that waits: the walk comes back to where it was */
	do
	{
		CHECK_FOR_INTERRUPTS();
		slow = nested_row_of(waiting_link(slow)->to);
		fast = nested_row_of(waiting_link(fast)->to);
		fast = nested_row_of(waiting_link(fast)->to);
	} while (slow != fast);
	do
	{
		NestedLink *link = waiting_link(slow);

		circle = lappend(circle, link);
		slow = nested_row_of(link->to);
	} while (slow != fast);
	return circle;
}

/*
 * The links of all rows that the rows of the circle wait for, and of these
 * themselves; NIL unless all are rows of one table that go the same way and whose keys
 * can be known, so that they can be written together.
 */
static List *
links_of_knot(List *circle)
{
	NestedLink *first = linitial(circle);
	List	   *rows = list_make1(first->from);
	List	   *links = NIL;
	bool		together = true;
	ListCell   *lc;

	first->from->in_knot = true;
	/* the list grows while it is walked */
	foreach(lc, rows)
	{
		NestedRow  *row = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		together &= row->table == first->from->table && row->way == first->from->way;
		for (NestedLink *link = row->links; link && together; link = link->next)
		{
			NestedRow  *to = waits_for(link);

			if (to == NULL || to->waits == 0)
				continue;
			together &= link->named || nested_can_promise(to, link->key);
			links = lappend(links, link);
			if (!to->in_knot)
				rows = lappend(rows, to);
			to->in_knot = true;
		}
		if (!together)
			break;
	}
	foreach(lc, rows)
		((NestedRow *) lfirst(lc))->in_knot = false;
	return together ? links : NIL;
}

/*
 * nested_shares_column
 *		Whether another link of the row, one that is not made later, has the column, too.
 */
bool
nested_shares_column(NestedLink *link, AttrNumber attnum)
{
	for (NestedLink *other = link->from->links; other; other = other->next)
		for (int i = 0; other != link && other->cut != CUT_LATER && i < other->key->ncolumns; i++)
			if (other->key->columns[i] == attnum)
				return true;
	return false;
}

/* Whether the link's foreign key may be null for now. */
static bool
can_be_set_later(NestedLink *link)
{
	NestedTable *table = link->from->table;
	bool		has_null = false;

	if (table->primary == NIL)
		return false;
	for (int i = 0; i < link->key->ncolumns; i++)
	{
		AttrNumber	attnum = link->key->columns[i];
		bool		required = TupleDescAttr(RelationGetDescr(table->rel), attnum - 1)->attnotnull;
		bool		shared = nested_shares_column(link, attnum);

		if (TupleDescAttr(RelationGetDescr(table->rel), attnum - 1)->attgenerated ||
			list_member_int(link->from->way->key, attnum) || list_member_int(table->primary, attnum) ||
			(required && !shared && nested_value(link->from, attnum) == NULL))
			return false;
		has_null |= !required && !shared;
	}
	return has_null;
}

/* Complain about a circle, by the rows in it. */
static void
report_circle(List *circle)
{
	StringInfoData rows;
	StringInfoData keys;
	ListCell   *lc;

	initStringInfo(&rows);
	initStringInfo(&keys);
	foreach(lc, circle)
	{
		NestedLink *link = lfirst(lc);

		if (foreach_current_index(lc) == 5)
		{
			appendStringInfoString(&rows, ", ...");
			break;
		}
		appendStringInfo(&rows, "%s%s", rows.len > 0 ? ", " : "", nested_path(link->from, NULL));
		appendStringInfo(&keys, "%s\"%s\"", keys.len > 0 ? ", " : "", link->key->name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("rows refer to each other in a cycle that cannot be closed"),
			 errdetail("At %s; by %s.", rows.data, keys.data),
			 errhint("One of the foreign keys must have columns that can be null, or be deferrable and refer to a key that is given or has a default.")));
}

/* Cut a link, and let the rows go that waited for it. */
static void
cut_link(Queue *queue, NestedLink *link, NestedCut cut, int level)
{
	link->cut = cut;
	if (cut == CUT_PROMISED && !link->named)
		nested_row_of(link->to)->promised = true;
	let_go(queue, link->from, level);
}

/* Cut a link of the circle that satisfies the test; false where none does. */
static bool
cut_one(Queue *queue, List *circle, NestedCut cut, bool deferred)
{
	ListCell   *lc;

	foreach(lc, circle)
	{
		NestedLink *link = lfirst(lc);
		bool		can;

		if (cut == CUT_DROPPED)
			can = link->named;
		else if (cut == CUT_LATER)
			can = can_be_set_later(link);
		else
			can = (link->key->deferred || (!deferred && nested_can_defer(link->key))) &&
				(link->named || nested_can_promise(nested_row_of(link->to), link->key));
		if (can)
		{
			cut_link(queue, link, cut, 0);
			return true;
		}
	}
	return false;
}

/* Cut links of the circle until its rows can be written. */
static void
cut_circle(Queue *queue, List *circle)
{
	List	   *knot = links_of_knot(circle);
	ListCell   *lc;

	if (knot != NIL)
	{
		int			level = 0;

		foreach(lc, knot)
			level = Max(level, ((NestedLink *) lfirst(lc))->from->level);
		foreach(lc, knot)
			cut_link(queue, lfirst(lc), ((NestedLink *) lfirst(lc))->named ? CUT_DROPPED : CUT_PROMISED, level);
		return;
	}
	if (!cut_one(queue, circle, CUT_PROMISED, true) && !cut_one(queue, circle, CUT_LATER, false) &&
		!cut_one(queue, circle, CUT_PROMISED, false) && !cut_one(queue, circle, CUT_DROPPED, false))
		report_circle(circle);
}

/*
 * nested_order_rows
 *		Give the rows of a group of tables their levels.
 */
void
nested_order_rows(Nested *nested, List *tables)
{
	Queue		queue = {0};
	ListCell   *lc;

	nested_name_rows(nested, tables);
	begin_queue(tables, &queue);
	run_queue(&queue);
	foreach(lc, tables)
	{
		NestedTable *table = lfirst(lc);

		for (int i = 0; i < table->nrows; i++)
			while (table->rows[i]->waits > 0)
			{
				cut_circle(&queue, find_circle(table->rows[i]));
				nested->cuts = true;
				run_queue(&queue);
			}
	}
	pfree(queue.rows);
}
