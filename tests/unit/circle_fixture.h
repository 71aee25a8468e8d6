/* Devices and signed ops for the tests of the circle.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_CIRCLE_FIXTURE_H
#define TESTS_UNIT_CIRCLE_FIXTURE_H

#include "circle/keyring.h"
#include "circle/removal.h"
#include "harness/harness.h"

typedef struct t_op { /* a signed op as it would travel */
    uint8_t bytes[4096];
    size_t len;
    wr_sig sig;
    wr_hash id;
} t_op;

static inline wr_slice t_op_slice(const t_op *op) {
    return wr_slice_of(op->bytes, op->len);
}

/* The device and the recovery secret of a seed: equal seeds, equal keys. */
wr_identity t_device(uint64_t seed);
wr_key t_recovery(void);

/* Bodies, appended to out. */
void t_genesis_body(const wr_identity *founder, wr_buf *out);
void t_add_body(const wr_hash *circle_id, const wr_identity *sponsor, const wr_identity *device,
                wr_role_kind role, wr_buf *out);
/* rcpt_hash over those who are in. */
wr_hash t_recipients(const wr_graph *graph);
bool t_ack_due(const wr_graph *graph, const wr_identity *device);
/* The epoch of an op; an assertion fails if there is none. */
wr_epoch_ref t_epoch_ref(const wr_graph *graph, const wr_hash *epoch_id);
void t_epoch_body(const wr_graph *graph, uint8_t number, wr_buf *out);

/* A founder with an epoch, a second ADMIN and a MEMBER, all acknowledged: seven ops. */
typedef struct t_circle {
    wr_graph *graph;
    wr_identity founder, admin, member;
    t_op genesis, epoch, add_admin, add_member, ack;
} t_circle;
int t_circle_start(void **state);
int t_circle_stop(void **state);

/* Makes the next op of me on graph, without admitting it. */
t_op t_next(const wr_graph *graph, const wr_identity *me, wr_op_type type, wr_slice body);
/* The same, admitted. */
t_op t_found(wr_graph *graph, const wr_identity *founder);
t_op t_add(wr_graph *graph, const wr_identity *sponsor, const wr_identity *device,
           wr_role_kind role);
t_op t_ack(wr_graph *graph, const wr_identity *me);
/* A REMOVE of one device without cuts: its body, and the op made and admitted. */
void t_remove_body(const wr_identity *target, wr_reason reason, wr_buf *out);
t_op t_remove(wr_graph *graph, const wr_identity *me, const wr_identity *target, wr_reason reason);
t_op t_root_remove(wr_graph *graph, const wr_identity *target);
t_op t_root_op(const wr_graph *graph, const wr_key *recovery, wr_op_type type, wr_slice body);
/* An op made on a graph that knows less, and not admitted anywhere. */
t_op t_remove_aside(const wr_graph *past, const wr_identity *me, const wr_identity *target);
t_op t_epoch(wr_graph *graph, const wr_identity *me, uint8_t number);

/* Any header, signed by anybody: what an attacker can make. */
t_op t_forge(const wr_op *header, const wr_hash *parents, const wr_identity *signer);
/* Takes an op apart for t_forge; parents holds WR_OP_PARENTS_MAX. */
wr_op t_header(const t_op *op, wr_hash *parents);

/* Admits an op that must be refused with err, and checks that nothing is to be seen of it. */
void t_refused(wr_graph *graph, const t_op *op, wr_err err);
wr_err t_admit(wr_graph *graph, const t_op *op);
/* Admits every op of from that to lacks, in from's order. */
void t_copy(wr_graph *to, const wr_graph *from);
/* A graph of its own with the same ops. */
wr_graph *t_copy_of(const t_circle *c);
const wr_member *t_member_of(const t_circle *c, const wr_identity *device);
bool t_is_in(const t_circle *c, const wr_identity *device);
bool t_is_held(const t_circle *c, const t_op *op);
/* Ops, members, heads, epochs: equal on both. */
void t_same(const wr_graph *a, const wr_graph *b);

/* A summary that changes when anything visible of the graph does. */
wr_hash t_state(const wr_graph *graph);

#endif /* TESTS_UNIT_CIRCLE_FIXTURE_H */
