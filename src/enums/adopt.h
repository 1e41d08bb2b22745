/*
 * adopt.h
 *	  What the files of more.enum_adopt share: one column, on its way from text
 *	  to an enum or back.
 */
#ifndef PG_MORE_ENUM_ADOPT_H
#define PG_MORE_ENUM_ADOPT_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"

#include "enums/enums.h"

typedef struct Adoption
{
	Oid			relid;
	AttrNumber	attnum;			/* the column as it was */
	char	   *column;			/* its name, */
	char	   *new_column;		/* that of the one which takes its place, until then, */
	char	   *old_column;		/* and its own, for the moment of the swap */
	AttrNumber	new_attnum;		/* 0 until there is one */
	char	   *trigger;
	Oid			from;
	int32		from_typmod;
	Oid			from_collation;	/* one of the column's own, or InvalidOid */
	Oid			to;
	Oid			type;			/* the enum: one of the two */
	bool		to_enum;
	List	   *labels;			/* live ones, char * */
	EnumChange *change;
	MemoryContext context;		/* of all this; outlives transactions */
} Adoption;

/* adopt_sql.c: statements, and expressions over the new column */
extern uint64 adopt_run(const char *format,...) pg_attribute_printf(1, 2);
extern char *adopt_table(const Adoption *adoption);
extern char *adopt_cast(const Adoption *adoption, const char *value);
extern const char *adopt_label(const Adoption *adoption, Node *tree);
extern Node *adopt_translate(const Adoption *adoption, Node *tree, bool may_cast);
extern char *adopt_expression(const Adoption *adoption, Node *tree);
extern bool adopt_implied(const Adoption *adoption, Node *check);

/* adopt_carry.c: what hangs on the column */
extern void adopt_require_portable(Adoption *adoption);
extern void adopt_add_constraints(Adoption *adoption);
extern void adopt_validate_constraints(Adoption *adoption);
extern void adopt_build_indexes(Adoption *adoption);
extern void adopt_swap(Adoption *adoption, bool rehearse);

/* adopt.c */
extern void adopt_concurrently(Node *statement, const char *sql);
extern void adopt_commit(Adoption *adoption, const char *step, const char *object);

#endif							/* PG_MORE_ENUM_ADOPT_H */
