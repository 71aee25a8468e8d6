/* Checkpoints: one signature over the Merkle root of a feed, once per group commit.
 *
 *   checkpoint = [1, feed_id, k, prev_cp_hash, len, root, hlc, [mheads..], seen_hash, flags]
 *   signed by the device, "warren/cp/1";  cp_hash = H("warren.cp.1", checkpoint)
 *
 * Spec:   proto/spec/feed.md 6
 * Layer:  feed
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_FEED_CHECKPOINT_H
#define WR_FEED_CHECKPOINT_H

#include "base/base.h"
#include "base/limits.h"

typedef struct wr_checkpoint {
    wr_hash feed_id;
    uint64_t k;   /* 0, 1, 2 .. */
    wr_hash prev; /* cp_hash of k - 1; zero for k = 0 */
    uint64_t len; /* entries under the root; more than k */
    wr_hash root;
    uint64_t hlc; /* of the newest entry */
    uint32_t mhead_count;
    wr_hash mheads[WR_OP_PARENTS_MAX]; /* membership heads known at signing, ascending */
    wr_hash seen;                      /* digest of the other feeds' heads at signing */
} wr_checkpoint;

/* NOBUF.  The fields hold what _decode demands. */
WR_MUST wr_err wr_checkpoint_encode(const wr_checkpoint *checkpoint, wr_buf *out);
/* The whole of bytes.  FORMAT, TRUNCATED, VERSION, LIMIT.  Form only. */
WR_MUST wr_err wr_checkpoint_decode(wr_slice bytes, wr_checkpoint *ret_checkpoint);

#endif /* WR_FEED_CHECKPOINT_H */
