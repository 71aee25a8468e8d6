/* The circle as this device knows it: the op DAG, admitted strictly, and what follows from it.
 *
 *   op bytes ── admit ──> nodes, vector clocks, author chains ── evaluate ──> members, epochs
 *
 * Spec:   proto/spec/circle.md 2 to 5
 * Layer:  circle
 * Owner:  one per agent (wr_self); nodes and op bytes live in its arena, never move, never leave
 *         before wr_graph_free.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_GRAPH_H
#define WR_CIRCLE_GRAPH_H

#include "base/base.h"
#include "base/limits.h"
#include "circle/op.h"

/* Op bytes, nodes and clocks together: 16,384 ops of 64 members take about half. */
#define WR_GRAPH_BYTES_MAX (32u * 1024u * 1024u)

typedef struct wr_graph wr_graph;

/* A device that is or was a member; its index (order of admission) never changes. */
typedef struct wr_member {
    wr_hash device_id;
    wr_cert cert;
    wr_role_kind role;
    bool current;      /* in members(eval(all admitted ops)) */
    uint64_t added_ms; /* wall time of its GENESIS or ADD op (hlc >> 16) */
    wr_pair_mode mode; /* how it was added */
} wr_member;

typedef struct wr_op_ref { /* an admitted op */
    wr_hash id, author;
    uint64_t aseq, hlc, type;
    wr_slice bytes; /* live as long as the graph */
    const wr_sig *sig;
} wr_op_ref;

typedef struct wr_op_head { /* newest op of one author */
    wr_hash author;
    uint64_t aseq;
    wr_hash op_id;
} wr_op_head;

typedef struct wr_epoch_ref { /* an admitted, past-valid EPOCH op */
    wr_hash epoch_id;         /* its op id */
    wr_hash commit;
    uint64_t height;  /* causal height: longest path from GENESIS */
    bool in;          /* label IN */
    bool for_members; /* recipients are exactly current members (write barrier) */
} wr_epoch_ref;

WR_MUST wr_err wr_graph_new(wr_graph **ret_graph); /* NOMEM; empty until GENESIS is admitted */
void wr_graph_free(wr_graph *graph);
WR_DEFINE_FREEP(wr_graph, wr_graph_free)

/* Admits one op: parents and chain known, strict decode, signature, next aseq, past-authorised,
 * key-uniqueness of ADD.  Copies the bytes.  The first op must be a GENESIS.
 *   EXISTS     already admitted (fine)
 *   UNKNOWN    a parent or aprev is not here yet: ask for it
 *   FORK       another op with the same (gen, author, aseq) is here: evidence
 *   FORMAT, TRUNCATED, VERSION, AUTH, BAD_KEY, REFUSED, LIMIT, NOMEM   refuse the op
 * On error nothing changed. */
WR_MUST wr_err wr_graph_admit(wr_graph *graph, wr_slice op_bytes, const wr_sig *sig);

bool wr_graph_is_empty(const wr_graph *graph);
const wr_hash *wr_graph_circle_id(const wr_graph *graph); /* not legal while empty */
const wr_root *wr_graph_root(const wr_graph *graph);      /* likewise */

/* True if an op of a type that this version carries without understanding it was admitted: the
 * device must be updated before it makes membership ops. */
bool wr_graph_has_opaque(const wr_graph *graph);

/* All admitted ops in an order in which parents come first. */
uint32_t wr_graph_op_count(const wr_graph *graph);
wr_op_ref wr_graph_op(const wr_graph *graph, uint32_t index);
WR_MUST bool wr_graph_knows(const wr_graph *graph, const wr_hash *op_id);

/* All devices that ever were members. */
uint32_t wr_graph_member_count(const wr_graph *graph);
const wr_member *wr_graph_member(const wr_graph *graph, uint32_t index);
const wr_member *wr_graph_find(const wr_graph *graph, const wr_hash *device_id); /* NULL if none */
/* How many members ever had this key: 0 never seen, 1 see find_noise, more: no session. */
uint32_t wr_graph_noise_count(const wr_graph *graph, const wr_pub *noise_pk);
/* NULL if no member has the key, or if two share it. */
const wr_member *wr_graph_find_noise(const wr_graph *graph, const wr_pub *noise_pk);
/* An ADD is refused when its own past has WR_MEMBERS_MAX members; concurrent ADDs may go beyond
 * that, never beyond WR_AUTHORS_MAX. */
uint32_t wr_graph_current_count(const wr_graph *graph);

/* Newest op per author, sorted by author; the digest over it goes into HELLO. */
uint32_t wr_graph_author_heads(const wr_graph *graph, wr_op_head heads[WR_AUTHORS_MAX]);
wr_hash wr_graph_heads_digest(const wr_graph *graph);
/* DAG heads (ops without children), ascending: the parents of the next op. */
uint32_t wr_graph_heads(const wr_graph *graph, wr_hash heads[WR_OP_PARENTS_MAX]);
/* True iff every op of older is in past(newer) or among newer; UNKNOWN ids make it false. */
WR_MUST bool wr_graph_covers(const wr_graph *graph, const wr_hash *newer, uint32_t newer_count,
                             const wr_hash *older, uint32_t older_count);

/* True while device has not covered an ADD/REMOVE/LEAVE/ROLE/EQUIV/RESET/ROOTSET of another
 * author by an op of its own: an ACK is due (circle.md 3.4). */
WR_MUST bool wr_graph_ack_due(const wr_graph *graph, const wr_hash *device_id);

/* Epochs in order of admission. */
uint32_t wr_graph_epoch_count(const wr_graph *graph);
const wr_epoch_ref *wr_graph_epoch(const wr_graph *graph, uint32_t index);
const wr_epoch_ref *wr_graph_find_epoch(const wr_graph *graph, const wr_hash *epoch_id);
/* rcpt_hash over the current members' device ids, ascending. */
wr_hash wr_graph_recipients_hash(const wr_graph *graph);

/* Builds and signs the next op of me on top of all heads (GENESIS: on an empty graph; pass the
 * body from wr_genesis_encode).  Does not admit it: persist first, then wr_graph_admit, which
 * will succeed unless memory ends: every check of admission has passed already.
 * Appends the op to out.
 *   STATE    GENESIS on a graph that is not empty, anything else on an empty one
 *   REFUSED  me is no member now, or its role does not allow the op
 *   VERSION  ADD while wr_graph_has_opaque, or a type that this version cannot make
 *   NOBUF    and all of wr_graph_admit, for a bad body */
WR_MUST wr_err wr_graph_author(const wr_graph *graph, const wr_identity *me, wr_op_type type,
                               wr_slice body, uint64_t hlc, wr_buf *out, wr_sig *ret_sig);

#endif /* WR_CIRCLE_GRAPH_H */
