/*
 * trees.h
 *	  The constants of one expression tree that name values of an enum type.
 */
#ifndef PG_MORE_ENUM_TREES_H
#define PG_MORE_ENUM_TREES_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "nodes/primnodes.h"

/* The type that is looked for. */
typedef struct TreeType
{
	Oid			type;
	List	   *carriers;		/* OIDs */
	List	   *values;			/* of EnumValue */
} TreeType;

/* What one tree tells of it. */
typedef struct TreeNames
{
	bool		uses;			/* some part of it is of a carrier type */
	List	   *values;			/* OIDs that constants hold, or text that is cast */
	List	   *texts;			/* labels that equal a constant of text elsewhere */
} TreeNames;

/* One value that is to become another. */
typedef struct TreeChange
{
	const TreeType *type;
	Oid			old_oid;
	Oid			new_oid;		/* or InvalidOid: only taken out of lists */
	bool		equal;			/* both mean the same, so that lists keep their length */
	bool		changed;		/* set by change_tree */
	bool		other_meaning;	/* so is this: rows may yield something else than before */
	const char *obstacle;		/* set by change_tree */
} TreeChange;

extern TreeType *tree_type(Oid type);
extern bool tree_mentions(const char *tree, const TreeType *type);
extern void look_at_tree(Node *tree, const TreeType *type, TreeNames *names);
extern bool change_tree(Node *tree, TreeChange *change);
extern const char *label_of(const TreeType *type, Oid value);
extern bool check_still_holds(Node *before, Node *after, const TreeChange *change);
extern bool depends_on_order(Node *tree, const TreeType *type);
extern char *constant_text(Const *constant);
extern char *expression_sql(Oid relid, Node *expression);
extern bool mentions_quoted(const char *source, const char *label);

#endif							/* PG_MORE_ENUM_TREES_H */
