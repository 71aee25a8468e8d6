/* What the simulator and tests may do to a store in memory beside the contract.
 *
 * Layer:  store
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORE_STORE_MEMORY_H
#define STORE_STORE_MEMORY_H

#include "store/store.h"

/* The nth call from now (1: the next one) gives IO, once; 0: none.  Calls are all functions of
 * store.h but close, rollback and problem. */
void store_memory_fail_at(store *store, uint64_t nth_call);
/* Calls since the store was opened: what fail_at counts. */
uint64_t store_memory_calls(const store *store);
/* The process dies: what was not committed is gone, and no failure is planned any more.  The store
 * is then what a restarted device opens. */
void store_memory_crash(store *store);

/* A store of its own with the same content: a copy of the home's files.  No transaction is open. */
WR_MUST wr_err store_memory_copy(const store *store, struct store **ret_copy);

#endif /* STORE_STORE_MEMORY_H */
