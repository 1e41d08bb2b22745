/*
 * transaction.h
 *	  Transactions of changes that commit as they go; see transaction.c.
 */
#ifndef PG_MORE_ENUMS_TRANSACTION_H
#define PG_MORE_ENUMS_TRANSACTION_H

#include "utils/elog.h"

/* How long we wait for a lock on a table at a time, and pause between two times, in milliseconds. */
#define LOCK_WAIT	30
#define LOCK_PAUSE	100

extern void with_snapshot(void);
extern void without_snapshot(void);
extern void next_transaction(void);
extern void next_step(void);
extern void forget_snapshot(void);
extern void pause_without_snapshot(void);
extern ErrorData *in_subtransaction(void (*action) (void *), void *arg, int lock_timeout, bool keep);

#endif							/* PG_MORE_ENUMS_TRANSACTION_H */
