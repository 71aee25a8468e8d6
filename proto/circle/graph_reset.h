/* The RESET that founds a graph: judged by the graph that it ends, and what it says to its own.
 * Private to graph*.c and generations.c.
 *
 * Spec:   proto/spec/circle.md 2.6, 3.12
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_GRAPH_RESET_H
#define WR_CIRCLE_GRAPH_RESET_H

#include "circle/graph_node.h"

/* Would the graph accept this RESET as its end?  Errors as wr_graph_admit. */
WR_MUST wr_err wr_graph_judge_reset(const wr_graph *older, wr_slice op_bytes, const wr_sig *sig);
/* The graph that it founds; older has to outlive it. */
WR_MUST wr_err wr_graph_found(const wr_graph *older, wr_slice op_bytes, const wr_sig *sig,
                              wr_graph **ret_graph);

/* ---- of a graph; false where GENESIS founded it ---- */

WR_MUST bool wr_graph_reset(const wr_graph *graph, wr_reset *ret_reset);
/* Did the RESET know this op of the graph that it ended? */
WR_MUST bool wr_graph_knew(const wr_graph *graph, const wr_node *older);
/* When and how a device that it keeps came, if it knew an op that brought it. */
void wr_graph_tell_origin(const wr_graph *graph, wr_member *member);
/* The commitment that it gives for an epoch. */
WR_MUST bool wr_graph_reset_commit(const wr_graph *graph, const wr_hash *epoch_id,
                                   wr_hash *ret_commit);
/* An EPOCH of the generations before, known to the RESET or in its list? */
WR_MUST bool wr_graph_is_older_epoch(const wr_graph *graph, const wr_hash *epoch_id);
/* Does a certificate or a gone device of the generations before, as far as the RESET knew them,
 * have this id or one of these keys? */
WR_MUST bool wr_graph_was_used(const wr_graph *graph, const wr_hash *device_id,
                               const wr_cert *cert);

#endif /* WR_CIRCLE_GRAPH_RESET_H */
