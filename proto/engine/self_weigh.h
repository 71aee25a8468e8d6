/* A checkpoint that a sibling shows, against the newest one that is held of its feed.
 *
 * Nothing of the feed changes by it: it is taken over with units only.  Two that exclude each other
 * are kept as evidence, and wr_self_accuse publishes it.
 *
 * Spec:   proto/spec/sync.md 2.12, circle.md 3.11
 * Layer:  engine, part of self
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_SELF_WEIGH_H
#define WR_ENGINE_SELF_WEIGH_H

#include "engine/self.h"

typedef enum wr_weight {
    WR_WEIGHT_NOTHING, /* the same, or nothing can be said */
    WR_WEIGHT_FORK,    /* they exclude each other */
    WR_WEIGHT_SHORTER, /* ours is: the sibling could say whether they do */
    WR_WEIGHT_PATH,    /* ours is not: wr_self_weigh_past says whether they do */
} wr_weight;

/* AUTH: the signature does not hold.  FORMAT and the like: no checkpoint, or of another feed. */
WR_MUST wr_err wr_self_weigh(wr_self *self, uint32_t feed_index, wr_slice bytes, const wr_sig *sig,
                             wr_weight *ret_weight);
/* path: prefix proof (feed.md 5.4) of its entries within those of our newest one.
 *   OK     it is of the past of ours        FORK   it is not
 *   AUTH   the path is not one of the feed as it is held */
WR_MUST wr_err wr_self_weigh_past(wr_self *self, uint32_t feed_index, wr_slice bytes,
                                  const wr_sig *sig, const wr_hash *path, uint32_t path_count);

#endif /* WR_ENGINE_SELF_WEIGH_H */
