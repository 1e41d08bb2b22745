/*
 * nested_select.h
 *	  What nested_select knows of the documents that are asked for.
 */
#ifndef PG_MORE_NESTED_SELECT_H
#define PG_MORE_NESTED_SELECT_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"

#include "rows/nested_shape.h"

/* A table's place in the shape of the documents. */
typedef struct SelectNode
{
	struct SelectNode *outer;	/* the place around it, NULL at the top */
	ShapeField *field;			/* as what it is in that place */
	int			number;			/* of the places, for names in the statement */
	Relation	rel;
	char	   *target;			/* quoted and qualified */
	TableShape *shape;
	List	   *primary;		/* columns of the primary key */
	List	   *columns;		/* attribute numbers */
	List	   *nodes;			/* SelectNode: relations */
	bool		match;			/* a row may be in the documents more than once */
	int			match_said;		/* -1: the shape does not say whether "_match" is wanted */
} SelectNode;

/* nested_select_shape.c */
extern SelectNode *select_shape(Oid relid, Jsonb *shape);
extern void select_close(SelectNode *node);

/* nested_select_sql.c */
extern char *select_sql(SelectNode *root, Node *condition);

#endif							/* PG_MORE_NESTED_SELECT_H */
