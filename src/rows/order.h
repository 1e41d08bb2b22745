/*
 * order.h
 *	  Keeping the order of the key in a verb's join.
 */
#ifndef PG_MORE_ORDER_H
#define PG_MORE_ORDER_H

extern void order_init(void);

#endif							/* PG_MORE_ORDER_H */
