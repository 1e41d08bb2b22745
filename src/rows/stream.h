/*
 * stream.h
 *	  A verb's rows, decoded as its statement reads them.
 */
#ifndef PG_MORE_STREAM_H
#define PG_MORE_STREAM_H

#include "nodes/execnodes.h"

#include "rows/source.h"

extern bool stream_works(void);
extern bool stream_is_scan(PlanState *node, Source *source);
extern void stream_init(void);

#endif							/* PG_MORE_STREAM_H */
