/* The store of one run of a device: a disk in memory, and the death of the process at any call.
 *
 *   open on a disk -> calls pass through -> dead: every call gives IO, the disk hears nothing
 *
 * The disk (store_open_memory) belongs to the device and outlives its runs.  The life belongs to
 * the run and outlives the stores it opens.
 *
 * Owner:  whoever opened it, or the hub; store_close leaves the disk alone.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_STORE_SIM_H
#define SIM_STORE_SIM_H

#include "store/store.h"

typedef struct store_life {
    uint64_t calls, die_at; /* 0: not planned */
    bool keep, dead;
} store_life;

/* life is borrowed. */
WR_MUST wr_err store_sim_open(store *disk, store_life *life, store **ret_store);
/* The process dies at the nth call from now (1: the next), before it does anything.  With keep it
 * dies within the first commit from there on, after it has reached the disk. */
void store_life_end_at(store_life *life, uint64_t nth_call, bool keep);

#endif /* SIM_STORE_SIM_H */
