/*
 * nested_shape.h
 *	  What the names in a nested document stand for, by the catalog's foreign keys.
 */
#ifndef PG_MORE_NESTED_SHAPE_H
#define PG_MORE_NESTED_SHAPE_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

/* A foreign key. */
typedef struct ForeignKey
{
	Oid			oid;
	const char *name;
	Oid			child;			/* the table that has it */
	Oid			parent;			/* the table that it refers to */
	bool		deferrable;
	bool		deferred;		/* initially */
	int			ncolumns;
	AttrNumber *columns;		/* of the child */
	AttrNumber *referred;		/* of the parent, in the same order */
	Oid		   *equal;			/* operators: referred = column */
} ForeignKey;

/* What a name in a document is. */
typedef enum FieldKind
{
	FIELD_COLUMN,
	FIELD_CHILDREN,				/* rows that refer to this one */
	FIELD_PARENT,				/* the row that this one refers to */
	FIELD_LINKED,				/* rows at the other end of a link table */
	FIELD_SPECIAL				/* a word of the functions */
} FieldKind;

/* The words. */
typedef enum SpecialWord
{
	WORD_ID,
	WORD_REF,
	WORD_MATCH,
	WORD_UPDATE,
	WORD_CONNECT,
	WORD_STATUS
} SpecialWord;

/* What a value looks like, which tells names apart that have two meanings. */
typedef enum ValueShape
{
	VALUE_SCALAR,
	VALUE_NULL,					/* of columns the same as a scalar; of relations, one that may be none */
	VALUE_OBJECT,
	VALUE_ARRAY,
	VALUE_UNKNOWN,				/* there is no value, only the name */
	VALUE_RELATION,				/* an object that stands for any relation's, be it one or an array */
	VALUE_SHAPES
} ValueShape;

/* A name's meaning in documents of one table. */
typedef struct ShapeField
{
	const char *name;			/* as it was looked up */
	int			len;
	ValueShape	value;			/* what it was looked up for */
	FieldKind	kind;
	AttrNumber	attnum;			/* of a column */
	SpecialWord word;
	ForeignKey *key;			/* between the two tables; of LINKED, from the link table to this one */
	ForeignKey *far;			/* LINKED: from the link table to the other end */
	Oid			relid;			/* the table at the other end */
	bool		single;			/* an object, not an array */
} ShapeField;

/* A table and what is around it. */
typedef struct TableShape
{
	Relation	rel;
	List	   *parents;		/* ForeignKey: of this table */
	List	   *children;		/* ForeignKey: that refer to it */
	List	   *fields[VALUE_SHAPES];	/* names looked up so far */
} TableShape;

extern TableShape *shape_of(Relation rel);
extern ShapeField *shape_field(TableShape *shape, const char *name, int len, ValueShape value,
							   const char *(*path) (void *arg), void *arg);
extern List *shape_foreign_keys(Oid relid);
extern const char *shape_column_name(Relation rel, AttrNumber attnum);

#endif							/* PG_MORE_NESTED_SHAPE_H */
