/*
 * catalog.h
 *	  Look-ups that every room shares: columns, keys, operators, quoting.
 */
#ifndef PG_MORE_CATALOG_H
#define PG_MORE_CATALOG_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "parser/parse_node.h"
#include "utils/relcache.h"

/* A unique index that identifies rows by plain columns. */
typedef struct UniqueKey
{
	Oid			index;			/* the index, or InvalidOid */
	bool		deferrable;		/* deferrable, or without overlaps: no arbiter */
	bool		partial;		/* it has a predicate */
	bool		usual;			/* it compares as the columns' types do by default */
} UniqueKey;

/* Who the user was before as_relation_owner(). */
typedef struct FormerUser
{
	Oid			user;
	int			context;
} FormerUser;

extern char *qualified_name(Oid relid);
extern char *operator_sql(Oid opno);
extern char *collation_sql(Oid collation);
extern char *type_sql(Oid type, int32 typmod);
extern AttrNumber find_column(Relation rel, const char *name);
extern const char *nearest_name(List *names, const char *name);
extern const char *nearest_column(Relation rel, const char *name);
extern List *primary_key_columns(Relation rel);
extern bool find_unique_key(Relation rel, List *columns, UniqueKey *key);
extern Node *index_condition(Oid index);
extern Node *adopt_columns(ParseState *pstate, ParseNamespaceItem *item, int levels, Node *expr);
extern bool has_index_on(Relation rel, List *columns);
extern List *unique_keys(Relation rel, bool *others);
extern bool may_have_row_triggers(Relation rel);
extern bool is_computed(Relation rel, AttrNumber attnum);
extern Node *column_default(Relation rel, AttrNumber attnum);
extern Oid	rowtype_table(Oid type);
extern void as_relation_owner(Oid relid, FormerUser *former);
extern void as_former_user(FormerUser *former);

#endif							/* PG_MORE_CATALOG_H */
