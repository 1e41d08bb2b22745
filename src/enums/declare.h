/*
 * declare.h
 *	  The declared set of an enum type, and the steps that lead to it.
 */
#ifndef PG_MORE_ENUMS_DECLARE_H
#define PG_MORE_ENUMS_DECLARE_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "enums/enums.h"

/* What a caller declares, checked as far as it can be without the type. */
typedef struct Declaration
{
	char	   *sql_name;		/* of the type: qualified and quoted */
	Oid			type;			/* or InvalidOid: it is to be created */
	List	   *labels;			/* of char *, in order */
	List	   *renames;		/* of Rename, in the order of their old labels */
	const char *on_delete;
	const char *replacement;	/* or NULL */
	char	   *arguments;		/* all of it, as JSON */
	List	   *gone;			/* labels of the type that are not declared, once renames are done, */
	List	   *added;			/* and declared ones that it lacks: set by declared_steps() */
} Declaration;

typedef struct Rename
{
	char	   *old;
	char	   *new;
} Rename;

typedef enum StepKind
{
	STEP_CREATE, STEP_RENAME, STEP_ADD, STEP_DROP, STEP_REORDER
} StepKind;

typedef struct Step
{
	StepKind	kind;
	char	   *label;			/* added, dropped, or the old one of a rename */
	char	   *other;			/* the new one of a rename; the neighbour of what is added, or NULL */
	bool		before;			/* ... before which it is added, else after */
	List	   *labels;			/* in their new order */
	bool		resumed;		/* a drop that goes on */
	const char *on_delete;		/* of a drop */
	const char *replacement;
	EnumValue  *value;			/* what it drops, and what replaces that: of those there are before all steps */
	Oid			new_value;
	bool		blind;			/* no value could stand for the replacement */
	char	   *sql;			/* the step as a statement */
	char	   *undo;			/* what takes it back, or NULL */
	int64		rows;			/* that it writes, counted for each column; -1: not counted */
	const char *lock;
	char	   *note;			/* or NULL */
} Step;

extern Declaration *declare(const char *name, ArrayType *labels, Jsonb *renames,
							const char *on_delete, const char *replacement);
extern List *declared_steps(Declaration *declaration, bool count);
extern void add_json_text(StringInfo json, const char *name, const char *value);
extern char *labels_text(List *labels, bool literals);
extern bool is_application(EnumChange *change, Declaration *declaration);

#endif							/* PG_MORE_ENUMS_DECLARE_H */
