/* A device that writes a feed, and the holder of all of it: what feed tests serve units from.
 *
 * The holder keeps every entry and every perfect node of the tree, and builds units from these
 * with code of its own, so that a receiver is checked against something else than itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_FEED_FIXTURE_H
#define TESTS_UNIT_FEED_FIXTURE_H

#include "feed/feed.h"
#include "harness/harness.h"

#define HOLDER_ENTRIES_MAX 6144u
#define HOLDER_LEVELS 13u
#define HOLDER_CHECKPOINTS_MAX 64u
#define HOLDER_RUN_BYTES (WR_RUN_BYTES_MAX + 3u * WR_ENTRY_BYTES_MAX)

typedef struct holder_checkpoint {
    uint64_t len;
    wr_sig sig;
    uint32_t size;
    uint8_t bytes[1024];
} holder_checkpoint;

typedef struct holder {
    wr_hash circle, device;
    wr_sign_key sign;
    wr_pub sign_pk;
    wr_hash epochs[2];
    wr_feed_keys keys[2];
    wr_rng rng;
    wr_feed feed;
    wr_run run; /* the newest one; its bytes stand in run_memory */
    uint8_t run_memory[HOLDER_RUN_BYTES];

    wr_entry entries[HOLDER_ENTRIES_MAX]; /* bodies stand in bodies */
    wr_hash nodes[HOLDER_LEVELS][HOLDER_ENTRIES_MAX];
    uint8_t bodies[4u * 1024u * 1024u];
    size_t bodies_used;
    holder_checkpoint checkpoints[HOLDER_CHECKPOINTS_MAX];
    uint32_t checkpoint_count;

    uint8_t unit_bytes[2u * 1024u * 1024u]; /* of the newest unit */
    wr_hash unit_path[WR_PROOF_HASHES_MAX];
} holder;

/* A new device with an empty feed of the given stream. */
void holder_init(holder *h, uint64_t seed, uint32_t stream);
/* One run of count entries with random logs, contents, epochs and clocks. */
void holder_grow(holder *h, uint32_t count);
/* Runs of random lengths until the feed has len entries. */
void holder_grow_to(holder *h, uint64_t len);

/* The tree hash over leaves [lo, hi). */
wr_hash holder_range(const holder *h, uint64_t lo, uint64_t hi);
/* Appends entries [first, end) as segments. */
void holder_encode(const holder *h, uint64_t first, uint64_t end, wr_buf *out);
/* Unit [first, end) of node [lo, end) under the tree of n entries; lives in h until the next. */
wr_unit holder_unit(holder *h, uint64_t n, uint64_t first, uint64_t lo, uint64_t end);
/* The unit that wr_unit_plan says. */
wr_unit holder_plan(holder *h, uint64_t n, uint64_t first, uint32_t entries_max);
/* Somebody who holds [0, len) of h's feed and has accepted its checkpoint number k. */
void holder_receiver(const holder *h, uint64_t len, uint32_t k, wr_feed *ret_feed);

wr_slice holder_checkpoint_bytes(const holder *h, uint32_t k);
wr_hash t_hash(uint8_t fill);

#endif /* TESTS_UNIT_FEED_FIXTURE_H */
