/* One feed as this device holds it: the tree of what is here, the newest checkpoint, and the
 * rules by which it grows: by our own appends, or by units that siblings send.
 *
 *   own:     open run -> add entries -> close run (checkpoint, signature)
 *   other's: checkpoint accepted -> units verified against it, in order
 *
 * Spec:   proto/spec/feed.md 4 to 7
 * Layer:  feed
 * Owner:  wr_self holds one per (device, stream); plain struct, no pointers.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_FEED_FEED_H
#define WR_FEED_FEED_H

#include "base/base.h"
#include "base/limits.h"
#include "feed/checkpoint.h"
#include "feed/entry.h"
#include "feed/tree.h"

typedef struct wr_feed {
    wr_hash feed_id;
    wr_hash device_id; /* the one writer */
    uint32_t stream;   /* 0 messages, 1 control */
    wr_tree tree;      /* over the entries held: [0, tree.len) */
    uint64_t hlc_last; /* of the newest entry held; 0 if none */
    /* The newest checkpoint accepted.  Its len is at least tree.len: equal when all of it is
     * here, greater while units are still coming. */
    bool has_checkpoint;
    uint64_t cp_k, cp_len, cp_hlc;
    wr_hash cp_root, cp_hash;
    uint32_t cp_size;
    uint8_t cp_bytes[WR_CHECKPOINT_BYTES_MAX]; /* as received */
    wr_sig cp_sig;
} wr_feed;

/* feed_id = H("warren.feed.1", circle_id || device_id || u32 stream) */
wr_hash wr_feed_id(const wr_hash *circle_id, const wr_hash *device_id, uint32_t stream);
void wr_feed_init(wr_feed *feed, const wr_hash *circle_id, const wr_hash *device_id,
                  uint32_t stream);
/* All entries up to the checkpoint are here (also true of an empty feed). */
WR_MUST bool wr_feed_complete(const wr_feed *feed);
static inline wr_slice wr_feed_checkpoint(const wr_feed *feed) {
    return wr_slice_of(feed->cp_bytes, feed->cp_size);
}

/* The head as the store keeps it; decoding checks it as if it came from the network, but for the
 * checkpoint's signature, as the key is not at hand here.
 * CORRUPT: not a head of a feed of this circle. */
#define WR_FEED_HEAD_MAX (WR_CHECKPOINT_BYTES_MAX + WR_TREE_PEAKS_MAX * 34u + 256u)
WR_MUST wr_err wr_feed_encode(const wr_feed *feed, wr_buf *out);
WR_MUST wr_err wr_feed_decode(wr_slice head, const wr_hash *circle_id, wr_feed *ret_feed);

/* ---- growing by units from siblings ------------------------------------------------ */

/* What of a checkpoint can be judged without the membership graph.
 *   EXISTS   already the newest, or older: nothing to do
 *   FORK     same k, other bytes; or it extends something else than what is held
 *   AUTH     bad signature
 *   FORMAT   another feed, or len, clock or chain do not grow
 * ret_checkpoint is filled on OK only; the caller then judges its mheads (feed.md 6.3). */
WR_MUST wr_err wr_feed_check(const wr_feed *feed, wr_slice bytes, const wr_sig *sig,
                             const wr_pub *sign_pk, wr_checkpoint *ret_checkpoint);
/* Takes it over as the newest. */
void wr_feed_accept(wr_feed *feed, const wr_checkpoint *checkpoint, wr_slice bytes,
                    const wr_sig *sig);

/* Entries [first, end) with the proof that they belong under the newest checkpoint: with
 * end == its len none is needed, else the siblings of node [lo, end), lo <= first. */
typedef struct wr_unit {
    uint64_t first, end, lo;
    wr_slice entries; /* segments */
    const wr_hash *path;
    uint32_t path_count;
} wr_unit;

/* One log inside a row. */
typedef struct wr_row_log {
    uint64_t hlc_first, hlc_last;
    uint32_t count;
    uint16_t log_no;
} wr_row_log;

/* Encoded entries that lie in one chunk: what the store keeps as a row. */
typedef struct wr_row {
    uint64_t first_seq;
    uint32_t count;
    uint64_t hlc_first, hlc_last;
    wr_slice bytes;                /* part of the unit or run */
    uint32_t log_first, log_count; /* in wr_rows.logs */
} wr_row;

/* A unit or run cut into rows: at most two, as neither spans three chunks. */
typedef struct wr_rows {
    uint32_t count;
    wr_row list[2];
    uint32_t log_count;
    wr_row_log logs[WR_CHUNK_ENTRIES]; /* each entry adds at most one */
    wr_tree_nodes nodes;               /* for proofs later */
} wr_rows;

/* Verifies a unit and takes it over: tree and hlc_last move to its end.
 *   STATE   it does not start at tree.len, or there is no checkpoint that covers it
 *   AUTH    the proof does not hold: whoever sent it is wrong
 *   FORK    the proof holds and names another past than ours; or, in a unit that ends the
 *           checkpoint and so has no proof, the root is not ours: then the entries may be wrong
 *           as well, so this alone accuses nobody (feed.md 7.3)
 *   FORMAT, TRUNCATED, LIMIT   as wr_segment_next; no such node or range; the clock goes
 *           back
 * On error feed is unchanged, and what stands in ret_rows means nothing. */
WR_MUST wr_err wr_feed_take(wr_feed *feed, const wr_unit *unit, wr_rows *ret_rows);

/* The unit a holder of all entries up to n serves to one who holds [0, first): its end and lo.
 * entries_max bounds its size (a power of two, at most WR_CHUNK_ENTRIES). */
void wr_unit_plan(uint64_t n, uint64_t first, uint32_t entries_max, uint64_t *ret_lo,
                  uint64_t *ret_end);

/* ---- growing by our own appends ---------------------------------------------------- */

/* A run under construction: entries sealed into buf, not yet under a checkpoint. */
typedef struct wr_run {
    wr_tree tree;
    uint64_t hlc_last;
    wr_buf buf; /* the owner's memory */
    wr_segment_writer segment;
    bool segment_open;
    wr_rows rows;
} wr_run;

void wr_run_begin(wr_run *run, const wr_feed *feed, uint8_t *memory, size_t size);
/* Seals content as the feed's next entry.  kind, log_no, hlc (above run->hlc_last) and expire are
 * the caller's; the epoch may change from entry to entry.
 *   NOBUF   the run is full (entries or bytes): close it first
 *   LIMIT   content is too long for any run
 * On error nothing was added. */
WR_MUST wr_err wr_run_add(wr_run *run, const wr_feed *feed, const wr_feed_keys *keys,
                          const wr_hash *epoch_id, const wr_rng *rng, wr_entry *entry,
                          wr_slice content);
uint32_t wr_run_count(const wr_run *run, const wr_feed *feed);
/* Signs the checkpoint over the run and moves feed to its end.  rows stay in run. */
WR_MUST wr_err wr_run_close(wr_run *run, wr_feed *feed, const wr_sign_key *sign,
                            const wr_hash *mheads, uint32_t mhead_count, const wr_hash *seen);

#endif /* WR_FEED_FEED_H */
