/* Ops that cannot be admitted yet: their parents are not here, or they are the second at their
 * place.
 *
 *   put ──> waits ── retry ──> admitted, once what they stand on is
 *
 * A second op at one place comes in only as something that another author's op stands on (circle.md
 * 2.4): then honest devices that saw the one or the other first hold both in the end.
 *
 * Spec:   proto/spec/circle.md 2.4, sync.md 2.3
 * Layer:  engine
 * Owner:  one per link: what a peer sends is bounded by itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_OP_POOL_H
#define WR_ENGINE_OP_POOL_H

#include "engine/self.h"

#define WR_OP_POOL_BYTES_MAX (1024u * 1024u)
#define WR_OP_POOL_OPS_MAX 512u /* each may be looked for by each */

typedef struct wr_pooled_op wr_pooled_op;
typedef struct wr_op_pool {
    wr_pooled_op *first;
    size_t bytes;
    uint32_t count;
    bool fresh;             /* something was put since the last try, at .. */
    uint32_t tried_ops;     /* .. so many ops admitted .. */
    uint64_t tried_version; /* .. and this state of the graph that counts */
} wr_op_pool;

void wr_op_pool_wipe(wr_op_pool *pool);
/* Copies the op; one that is there already is nothing new.  fork: it is the second at its place.
 * LIMIT: no room, NOMEM. */
WR_MUST wr_err wr_op_pool_put(wr_op_pool *pool, const wr_hash *op_id, wr_slice bytes,
                              const wr_sig *sig, bool fork);
/* Admits what has become admissible, if anything changed since the last try; what turns out bad is
 * dropped.  Errors: NOMEM. */
WR_MUST wr_err wr_op_pool_retry(wr_op_pool *pool, wr_self *self, wr_now now);

#endif /* WR_ENGINE_OP_POOL_H */
