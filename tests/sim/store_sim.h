/* The store of one run of a device: a disk in memory, and the death of the process at any call.
 *
 *   open on a disk -> calls pass through -> dead: every call gives IO, the disk hears nothing
 *
 * The disk (store_open_memory) belongs to the device and outlives its runs.
 *
 * Owner:  whoever opened it, or the hub; store_close leaves the disk alone.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_STORE_SIM_H
#define SIM_STORE_SIM_H

#include "store/store.h"

WR_MUST wr_err store_sim_open(store *disk, store **ret_store);
/* The process dies at the nth call from now (1: the next), before it does anything.  With keep it
 * dies within the first commit from there on, after it has reached the disk. */
void store_sim_die_at(store *s, uint64_t nth_call, bool keep);
void store_sim_kill(store *s); /* dies now */
WR_MUST bool store_sim_is_dead(const store *s);

#endif /* SIM_STORE_SIM_H */
