/* Lists in the bodies of ops: kept as received, read item by item.
 *
 * A list of cuts or of devices may be as long as its op, so no decoder copies one: it checks all
 * items and their order once and hands out the stretch of the body where they lie.
 *
 * Spec:   proto/spec/circle.md 3
 * Layer:  circle.  Pure functions on bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_OP_LIST_H
#define WR_CIRCLE_OP_LIST_H

#include "base/base.h"
#include "base/limits.h"

/* count canonical items, one behind the other.  Borrowed from the body, or from the buffer that
 * the _put functions filled.  A copy of it is where a reader stands: the _next functions take the
 * first item off, false at the end.  They are for lists of a decoder only. */
typedef struct wr_op_list {
    uint32_t count;
    wr_slice items;
} wr_op_list;
#define WR_OP_LIST_NONE ((wr_op_list){0, WR_SLICE_EMPTY})

/* How much of one feed counts: its first len entries, under the root that they have. */
typedef struct wr_cut {
    wr_hash feed_id;
    uint64_t len; /* 1 .. WR_FEED_LEN_MAX */
    wr_hash root;
} wr_cut;
WR_MUST wr_err wr_cut_put(wr_buf *items, const wr_cut *cut);
WR_MUST bool wr_cut_next(wr_op_list *rest, wr_cut *ret_cut);

WR_MUST wr_err wr_id_put(wr_buf *items, const wr_hash *id);
WR_MUST bool wr_id_next(wr_op_list *rest, wr_hash *ret_id);

/* ---- for the decoders and encoders of bodies ---- */

/* Takes one item and returns what the list is ordered by. */
typedef wr_err wr_op_item_fn(wr_slice *in, wr_hash *ret_key);
wr_op_item_fn wr_cut_take_key;
wr_op_item_fn wr_id_take_key;

/* An array of items that ascend by key without repetition.
 *   FORMAT  fewer than min, or out of order      LIMIT  more than max */
WR_MUST wr_err wr_op_list_take(wr_slice *in, uint32_t min, uint32_t max, wr_op_item_fn *take,
                               wr_op_list *ret_list);
WR_MUST wr_err wr_op_list_put(wr_buf *out, const wr_op_list *list);

#endif /* WR_CIRCLE_OP_LIST_H */
