/* All generations of a circle: a graph for each, and which of them counts.
 *
 *   GENESIS ──> graph 0 ── RESET ──> graph 1 ── RESET ──> graph 2
 *                     └─── RESET ──> graph 3       (of two RESETs the greater one counts)
 *
 * An op belongs to the graph that its parents are in.  All that is admitted stays, so that devices
 * with the same ops hold the same graphs, whatever the order in which they came; what no line of
 * RESETs leads to has no effect.
 *
 * Spec:   proto/spec/circle.md 2.6
 * Layer:  circle
 * Owner:  one per agent (wr_self).  Graphs never leave and keep their numbers.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_GENERATIONS_H
#define WR_CIRCLE_GENERATIONS_H

#include "circle/removal.h"

typedef struct wr_generations wr_generations;

WR_MUST wr_err wr_generations_new(wr_generations **ret_generations); /* NOMEM; one empty graph */
void wr_generations_free(wr_generations *generations);               /* NULL is fine */
WR_DEFINE_FREEP(wr_generations, wr_generations_free)

/* That of GENESIS has number 0; a graph stands behind the one that its RESET ended. */
uint32_t wr_generations_count(const wr_generations *generations);
wr_graph *wr_generations_at(const wr_generations *generations, uint32_t number);
/* The graph that counts now. */
wr_graph *wr_generations_current(const wr_generations *generations);

/* The graph that an op belongs to: that of its parents; a RESET ends it.
 *   UNKNOWN  a parent is not here     REFUSED  they are of several graphs */
WR_MUST wr_err wr_generations_place(const wr_generations *generations, const wr_op *op,
                                    uint32_t *ret_number);
/* As wr_graph_admit, and as wr_graph_admit_branch. */
WR_MUST wr_err wr_generations_admit(wr_generations *generations, wr_slice op_bytes,
                                    const wr_sig *sig, bool branches);
/* The graph with this op; false if it is not admitted. */
WR_MUST bool wr_generations_find(const wr_generations *generations, const wr_hash *op_id,
                                 uint32_t *ret_number);
/* Ops of all graphs, in the order of admission: parents come first. */
uint32_t wr_generations_op_count(const wr_generations *generations);
wr_op_ref wr_generations_op(const wr_generations *generations, uint32_t index,
                            uint32_t *ret_number);
/* Their EPOCH ops, likewise.  .in and .for_members are false where another graph counts. */
uint32_t wr_generations_epoch_count(const wr_generations *generations);
wr_epoch_ref wr_generations_epoch(const wr_generations *generations, uint32_t index);
const wr_hash *wr_generations_epoch_id(const wr_generations *generations, uint32_t index);
/* Devices that are or were members in any of them, as the graph that counts knows them, or else the
 * newest that does.  Numbers never change; NULL if there is no such device. */
uint32_t wr_generations_device_count(const wr_generations *generations);
const wr_member *wr_generations_device_at(const wr_generations *generations, uint32_t index);
const wr_member *wr_generations_device(const wr_generations *generations, const wr_hash *device_id);
/* Did a member of any of them have this key? */
WR_MUST bool wr_generations_has_noise(const wr_generations *generations, const wr_pub *noise_pk);
/* The commitment of an epoch, by an EPOCH op or the list of a RESET, whatever counts. */
WR_MUST bool wr_generations_epoch_commit(const wr_generations *generations, const wr_hash *epoch_id,
                                         wr_hash *ret_commit);
/* The graph that this op founded; NULL if there is none. */
const wr_graph *wr_generations_founded(const wr_generations *generations, const wr_hash *founder);
/* Digest of the op heads (circle.md 2.5). */
wr_hash wr_generations_heads_digest(const wr_generations *generations);
/* The order of that digest: the same on all devices with the same ops. */
void wr_generations_order(const wr_generations *generations,
                          uint32_t ret_numbers[WR_GENERATIONS_MAX]);

/* Is the op, admitted, nowhere in the past of what counts: did a RESET not know it? */
WR_MUST bool wr_generations_is_void(const wr_generations *generations, const wr_hash *op_id);

/* ---- one graph ---- */

uint64_t wr_graph_generation(const wr_graph *graph);
/* Its first op, a GENESIS or RESET, by which its circle seed is named (circle.md 5.1). */
const wr_hash *wr_graph_founder(const wr_graph *graph); /* not legal while empty */
/* The commitment to that seed; false for that of GENESIS, which has none. */
WR_MUST bool wr_graph_seed_commit(const wr_graph *graph, wr_hash *ret_commit);
/* That of the generation before; NULL for that of GENESIS. */
const wr_graph *wr_graph_older(const wr_graph *graph);
/* May an EPOCH made now name this one: is it an EPOCH op in the past of what we sign next, which
 * what is held and all on top of it is not, or one that the RESET knew? */
WR_MUST bool wr_graph_may_name_epoch(const wr_graph *graph, const wr_hash *epoch_id);

#endif /* WR_CIRCLE_GENERATIONS_H */
