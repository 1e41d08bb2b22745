/*
 * multi_insert.h
 *	  An INSERT's rows, written to the table many at a time.
 */
#ifndef PG_MORE_MULTI_INSERT_H
#define PG_MORE_MULTI_INSERT_H

#include "postgres.h"

extern bool batch_inserts;

extern void multi_insert_init(void);

#endif							/* PG_MORE_MULTI_INSERT_H */
