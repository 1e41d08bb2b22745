/*
 * server_code.h
 *	  Whether storing a row runs no code but the server's; see server_code.c.
 */
#ifndef PG_MORE_SERVER_CODE_H
#define PG_MORE_SERVER_CODE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/relcache.h"

extern bool is_made_by_server(Oid type);
extern bool is_compared_by_server(Oid type);
extern bool is_server_type(Oid type);
extern bool takes_users_type(List *args);
extern bool runs_users_code(Node *expression);
extern bool table_runs_users_code(Relation rel);
extern bool index_runs_users_code(Relation index);

#endif							/* PG_MORE_SERVER_CODE_H */
