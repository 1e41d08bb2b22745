/*
 * indexes.h
 *	  What the files of the indexes room share.
 */
#ifndef PG_MORE_INDEXES_H
#define PG_MORE_INDEXES_H

#include "postgres.h"

#include "condition.h"

#endif							/* PG_MORE_INDEXES_H */
