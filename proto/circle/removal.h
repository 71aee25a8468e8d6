/* Devices that are out: why, how much of their feeds counts, what they could strike, and what the
 * guard holds.
 *
 * Spec:   proto/spec/circle.md 4.6, 4.7
 * Layer:  circle.  More answers of the graph (circle/graph.h).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_REMOVAL_H
#define WR_CIRCLE_REMOVAL_H

#include "circle/graph.h"

/* Why a member that is not current is out: the earliest accusation, else the earliest REMOVE or
 * LEAVE that is IN.  .type is GENESIS where it never came in. */
wr_op_ref wr_graph_end_of(const wr_graph *graph, const wr_hash *device_id);

/* The gravest reason that ops which are IN give; an EQUIV is as good as lost.  0: none, or what it
 * said itself.  final: of ROOT and EQUIVs only, which no accusation strikes out.  *ret_op is set
 * where there is one: the earliest that says so. */
wr_reason wr_graph_gravest(const wr_graph *graph, const wr_hash *device_id, bool final,
                           wr_op_ref *ret_op);

/* Does an EQUIV that has effect here name the device?  One that is void, or held, does not. */
WR_MUST bool wr_graph_is_convicted(const wr_graph *graph, const wr_hash *device_id);
/* The EQUIVs that rule F voids, one after the other: their evidence is as good as ever.  None whose
 * author was barred when it came, and none that an op of ours could not cover.  at: 0 at first. */
WR_MUST bool wr_graph_next_void_equiv(const wr_graph *graph, uint32_t *at, wr_hash *ret_accused,
                                      wr_slice *ret_bytes);

/* Grows with every change: what was concluded under one version holds until the next. */
uint64_t wr_graph_version(const wr_graph *graph);

/* How much of a feed counts whose writer is out (circle.md 4.7). */
typedef struct wr_limit {
    uint64_t shown; /* entries from here on are not in the order of any log */
    uint64_t kept;  /* .. and from here on not taken: UINT64_MAX for a member */
} wr_limit;
wr_limit wr_graph_limit(const wr_graph *graph, const wr_hash *device_id, const wr_hash *feed_id);
/* Does an op vouch for this state of the feed: the cut of a removal or farewell, or what a member
 * held when it first heard of one?  Only such a state of a feed is taken whose writer is out. */
WR_MUST bool wr_graph_vouches(const wr_graph *graph, const wr_hash *device_id,
                              const wr_hash *feed_id, uint64_t len, const wr_hash *root);
/* The root that a cut or an ACK says of the first len entries; false if none does. */
WR_MUST bool wr_graph_cut_root(const wr_graph *graph, const wr_hash *device_id,
                               const wr_hash *feed_id, uint64_t len, wr_hash *ret_root);

/* ---- the guard (circle.md 4.6) ---- */

/* The owner accepts an op that is held (wr_op_ref.held): it takes effect.  UNKNOWN: it is not held.
 * To be kept with the ops, and repeated where they are loaded. */
WR_MUST wr_err wr_graph_release(wr_graph *graph, const wr_hash *op_id);

/* Members, author aside, that could lose their membership if author (NULL: ROOT) accused the
 * targets now and these accused all others, each on the oldest past that its ops allow.  NOMEM,
 * UNKNOWN. */
WR_MUST wr_err wr_graph_foresee(const wr_graph *graph, const wr_hash *author,
                                const wr_hash *targets, uint32_t count,
                                wr_hash struck[WR_MEMBERS_MAX], uint32_t *ret_struck_count);

#endif /* WR_CIRCLE_REMOVAL_H */
