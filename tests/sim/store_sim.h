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
    bool full; /* nothing more gets onto the disk: commits fail */
    /* A commit has just reached the disk; NULL: nobody wants to know. */
    void (*committed)(void *ctx);
    void *ctx;
} store_life;

/* Somebody who is told what the disk has taken, in order; what is between two commits counts when
 * commit is told, and not at all after rollback.  Whoever ends a life says rollback himself. */
typedef struct store_watch {
    void (*op)(void *ctx, wr_slice bytes, const wr_sig *sig);
    void (*head)(void *ctx, const wr_hash *feed_id, wr_slice head);
    void (*rows)(void *ctx, const wr_hash *feed_id, const store_rows *rows);
    void (*tail)(void *ctx, uint64_t hlc);
    void (*untail)(void *ctx, uint64_t hlc);
    void (*alias)(void *ctx, uint64_t answered_hlc, uint64_t hlc);
    void (*secret)(void *ctx, const wr_hash *epoch_id);
    void (*commit)(void *ctx);
    void (*rollback)(void *ctx);
    void *ctx;
} store_watch;

/* life is borrowed, and so is watch (NULL: nobody watches). */
WR_MUST wr_err store_sim_open(store *disk, store_life *life, const store_watch *watch,
                              store **ret_store);
/* The process dies at the nth call from now (1: the next), before it does anything.  With keep it
 * dies within the first commit from there on, after it has reached the disk. */
void store_life_end_at(store_life *life, uint64_t nth_call, bool keep);

#endif /* SIM_STORE_SIM_H */
