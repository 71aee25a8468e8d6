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
#include "circle/evaluate.h"
#include "circle/op.h"

/* All that a graph holds: op bytes, nodes, clocks, and the evaluator, which is there from the
 * start. 16,384 ops of 64 members take about half. */
#define WR_GRAPH_BYTES_MAX (32u * 1024u * 1024u)
#define WR_GRAPH_BYTES_FOR_REMOVAL (4u * 1024u * 1024u) /* of them, as WR_OPS_FOR_REMOVAL */
#define WR_GRAPH_BYTES_FOR_ROOT (1024u * 1024u)

typedef struct wr_graph wr_graph;

/* A device that is or was a member; its index (order of admission) never changes. */
typedef struct wr_member {
    wr_hash device_id;
    wr_cert cert;
    wr_role_kind role;
    bool current;       /* in members(eval(all admitted ops)), held ones aside */
    bool barred;        /* an accusation made it no member here once: guard, circle.md 4.6 */
    wr_hash added_id;   /* of its GENESIS or ADD; of several the one with the smallest (hlc, id) */
    uint64_t added_hlc; /* .. >> 16 is wall time in ms */
    wr_hash sponsor;    /* its author; zero for ROOT */
    wr_pair_mode mode;  /* how it was added */
} wr_member;
/* Gets sessions, secrets and a hearing. */
static inline bool wr_member_is_in(const wr_member *member) {
    return member->current && !member->barred;
}

typedef struct wr_op_ref { /* an admitted op */
    wr_hash id, author;    /* zero author: ROOT */
    uint64_t aseq, hlc, type;
    uint32_t column; /* of its chain */
    bool held;
    wr_slice bytes; /* live as long as the graph */
    const wr_sig *sig;
} wr_op_ref;

typedef struct wr_op_head { /* newest op of a chain: an author's, or one op of ROOT */
    wr_hash author;
    uint64_t aseq;
    wr_hash op_id;
    uint32_t column;
} wr_op_head;

typedef struct wr_epoch_ref { /* an admitted, past-valid EPOCH op */
    wr_hash epoch_id;         /* its op id */
    wr_hash commit;
    uint64_t height;  /* causal height: longest path from GENESIS */
    uint64_t made_ms; /* wall time of the op */
    bool in;          /* label IN */
    bool for_members; /* no device that is out may hold its secret (write barrier) */
} wr_epoch_ref;

WR_MUST wr_err wr_graph_new(wr_graph **ret_graph); /* NOMEM; empty until GENESIS is admitted */
void wr_graph_free(wr_graph *graph);
/* Judges the evidence of an EQUIV against the accused's signing key: see engine/evidence.h. Without
 * one, EQUIV ops are REFUSED. */
typedef wr_err (*wr_evidence_fn)(const wr_equiv *equiv, const wr_hash *circle_id,
                                 const wr_pub *sign_pk);
void wr_graph_set_evidence(wr_graph *graph, wr_evidence_fn fn);
/* The device that signs on this graph, before its first op: what it covered it goes on covering. */
void wr_graph_set_own(wr_graph *graph, const wr_hash *device_id);
WR_DEFINE_FREEP(wr_graph, wr_graph_free)

/* Admits one op: parents and chain known, strict decode, signature, next aseq, past-authorised,
 * key-uniqueness of ADD.  Copies the bytes.  The first op must be a GENESIS.
 *   EXISTS     already admitted (fine)
 *   UNKNOWN    a parent or aprev is not here yet: ask for it
 *   FORK       another op with the same (gen, author, aseq) is here: evidence
 *   FORMAT, TRUNCATED, VERSION, AUTH, BAD_KEY, REFUSED, LIMIT, NOMEM   refuse the op
 * On error nothing changed. */
WR_MUST wr_err wr_graph_admit(wr_graph *graph, wr_slice op_bytes, const wr_sig *sig);
/* The same, and takes a FORK as a branch: only for what another author's op stands on, and for what
 * was admitted before. */
WR_MUST wr_err wr_graph_admit_branch(wr_graph *graph, wr_slice op_bytes, const wr_sig *sig);
/* The admitted op at this place of an author's own chain; false if there is none. */
WR_MUST bool wr_graph_op_at(const wr_graph *graph, const wr_hash *author, uint64_t aseq,
                            wr_op_ref *ret_op);

bool wr_graph_is_empty(const wr_graph *graph);
const wr_hash *wr_graph_circle_id(const wr_graph *graph); /* not legal while empty */
const wr_root *wr_graph_root(const wr_graph *graph);      /* the recovery key now; likewise */

/* Was every device that ever was added here paired by QR?  See wr_generations_is_pq. */
WR_MUST bool wr_graph_is_pq(const wr_graph *graph);

/* True if an op of a type that this version carries without understanding it was admitted: the
 * device must be updated before it makes membership ops. */
bool wr_graph_has_opaque(const wr_graph *graph);

/* All admitted ops in an order in which parents come first. */
uint32_t wr_graph_op_count(const wr_graph *graph);
wr_op_ref wr_graph_op(const wr_graph *graph, uint32_t index);
WR_MUST bool wr_graph_find_op(const wr_graph *graph, const wr_hash *op_id, wr_op_ref *ret_op);
wr_op_label wr_graph_label(const wr_graph *graph, const wr_hash *op_id); /* must be admitted */
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

/* Newest op per chain, by author and id; the digest over it goes into HELLO. */
uint32_t wr_graph_chain_heads(const wr_graph *graph, wr_op_head heads[WR_COLUMNS_MAX]);
/* The chain of a device that is or was a member, and the aseq of the next op in a chain. */
WR_MUST bool wr_graph_own_column(const wr_graph *graph, const wr_hash *device_id,
                                 uint32_t *ret_column);
uint32_t wr_graph_next_aseq(const wr_graph *graph, uint32_t column);
wr_hash wr_graph_heads_digest(const wr_graph *graph);
/* DAG heads (ops without children), ascending: the parents of the next op.  Held ops, and what
 * stands on them, count as absent. */
uint32_t wr_graph_heads(const wr_graph *graph, wr_hash heads[WR_OP_PARENTS_MAX]);
/* True iff every op of older is in past(newer) or among newer; UNKNOWN ids make it false. */
WR_MUST bool wr_graph_covers(const wr_graph *graph, const wr_hash *newer, uint32_t newer_count,
                             const wr_hash *older, uint32_t older_count);

/* Has the device covered what others did to the membership by an op of its own (circle.md 3.4)? */
typedef enum wr_ack_state {
    WR_ACK_NONE,  /* nothing is due */
    WR_ACK_DUE,   /* any op of its own will do */
    WR_ACK_FIRST, /* its next op has to be an ACK: a REMOVE or EQUIV is among them */
} wr_ack_state;
wr_ack_state wr_graph_ack_state(const wr_graph *graph, const wr_hash *device_id);
/* Is op, admitted, in the past of one of the device's own? */
WR_MUST bool wr_graph_has_covered(const wr_graph *graph, const wr_hash *device_id,
                                  const wr_hash *op_id);

/* Epochs in order of admission. */
uint32_t wr_graph_epoch_count(const wr_graph *graph);
wr_epoch_ref wr_graph_epoch(const wr_graph *graph, uint32_t index);
const wr_hash *wr_graph_epoch_id(const wr_graph *graph, uint32_t index); /* the same, cheaper */
/* Was the op in the past of one of the device's own, or of its ADD? */
WR_MUST bool wr_graph_is_known_to(const wr_graph *graph, const wr_hash *op_id,
                                  const wr_hash *device_id);
/* The commitment of an admitted EPOCH op, good for reading for ever; false if it is not here. */
WR_MUST bool wr_graph_epoch_commit(const wr_graph *graph, const wr_hash *epoch_id,
                                   wr_hash *ret_commit);
/* Does this EPOCH, admitted here, leave out the device by name? */
WR_MUST bool wr_graph_leaves_out(const wr_graph *graph, const wr_hash *epoch_id,
                                 const wr_hash *device_id);
/* May the device make an EPOCH now, or is its share used up (circle.md 3.5)?  And would it be one
 * that follows the end of a membership, which no share limits? */
WR_MUST bool wr_graph_may_make_epoch(const wr_graph *graph, const wr_hash *device_id,
                                     bool *ret_follows_end);
WR_MUST bool wr_graph_epoch_follows_end(const wr_graph *graph, const wr_hash *epoch_id);
/* Who is to get the secret of an epoch that this device makes now: members that are in.  Others
 * that are members in the op's past go to without (ascending), and must be named in the op. */
wr_hash wr_graph_recipients(const wr_graph *graph, wr_hash without[WR_MEMBERS_MAX],
                            uint32_t *ret_without_count);

/* Builds and signs the next op of me on top of all heads (GENESIS: on an empty graph; pass the
 * body from wr_genesis_encode).  Does not admit it: persist first, then wr_graph_admit, which
 * will succeed unless memory ends: every check of admission has passed already.
 * Appends the op to out.
 *   STATE    GENESIS on a graph that is not empty, anything else on an empty one
 *   REFUSED  me is no member now, or its role does not allow the op
 *   VERSION  an op that changes the membership while wr_graph_has_opaque
 *   NOBUF    and all of wr_graph_admit, for a bad body */
WR_MUST wr_err wr_graph_author(const wr_graph *graph, const wr_identity *me, wr_op_type type,
                               wr_slice body, uint64_t hlc, wr_buf *out, wr_sig *ret_sig);
/* The same for ROOT: with the recovery key that holds now (AUTH if it is another one). */
WR_MUST wr_err wr_graph_author_root(const wr_graph *graph, const wr_sign_key *root_sign,
                                    wr_op_type type, wr_slice body, uint64_t hlc, wr_buf *out,
                                    wr_sig *ret_sig);

#endif /* WR_CIRCLE_GRAPH_H */
