/* Frontiers: for each feed, how far a device holds it.  The difference between two replicas is a
 * comparison of two such lists.
 *
 * Spec:   proto/spec/feed.md 8
 * Layer:  feed
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_FEED_FRONTIER_H
#define WR_FEED_FRONTIER_H

#include "base/base.h"
#include "feed/feed.h"

typedef struct wr_frontier_item {
    wr_hash feed_id;
    uint64_t k;    /* of the newest checkpoint accepted */
    uint64_t len;  /* entries held */
    wr_hash root;  /* of the tree over them */
    bool complete; /* len is the checkpoint's: the holder can serve and prove all of it */
} wr_frontier_item;

/* False for an empty feed: it has no place in a frontier. */
WR_MUST bool wr_frontier_of(const wr_feed *feed, wr_frontier_item *ret_item);
/* H("warren.front.1", feed_id, k, len, root of each item); items ascend by feed_id. */
wr_hash wr_frontier_digest(const wr_frontier_item *items, uint32_t count);

#endif /* WR_FEED_FRONTIER_H */
