/* Devices and signed ops for the tests of the circle.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

#include "wire/pack.h"

#define HLC_OF(n) ((1700000000000ull + (n)) << 16)

wr_identity t_device(uint64_t seed) {
    wr_rng rng = t_rng(seed);
    wr_identity device;
    wr_identity_make(&rng, &device);
    return device;
}

wr_key t_recovery(void) {
    wr_key rs;
    for (size_t i = 0; i < sizeof rs.b; i++)
        rs.b[i] = (uint8_t)(i * 7 + 1);
    return rs;
}

/* ---- bodies ---- */

void t_genesis_body(const wr_identity *founder, wr_buf *out) {
    wr_key rs = t_recovery();
    wr_sign_key root_sign;
    wr_genesis genesis = {.cert_bytes = wr_identity_cert(founder)};
    wr_recovery_root(&rs, &genesis.root);
    wr_recovery_sign_key(&rs, &root_sign);
    T_OK(wr_genesis_encode(&genesis, &root_sign, out));
}

void t_add_body(const wr_hash *circle_id, const wr_identity *sponsor, const wr_identity *device,
                wr_role_kind role, wr_buf *out) {
    uint8_t bytes[256];
    wr_buf consent = WR_BUF_ARRAY(bytes);
    wr_add add = {.cert_bytes = wr_identity_cert(device), .role = role, .mode = WR_PAIR_CODE};
    for (size_t i = 0; i < sizeof add.handshake; i++)
        add.handshake[i] = (uint8_t)i;
    T_OK(wr_consent_encode(circle_id, add.handshake, &sponsor->device_id, role, &consent));
    wr_sign(&device->sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&consent), &add.consent);
    T_OK(wr_add_encode(&add, out));
}

wr_hash t_recipients(const wr_graph *graph) {
    wr_hash without[WR_MEMBERS_MAX];
    uint32_t count;
    return wr_graph_recipients(graph, without, &count);
}

bool t_ack_due(const wr_graph *graph, const wr_identity *device) {
    return wr_graph_ack_state(graph, &device->device_id) != WR_ACK_NONE;
}

wr_epoch_ref t_epoch_ref(const wr_graph *graph, const wr_hash *epoch_id) {
    for (uint32_t i = 0; i < wr_graph_epoch_count(graph); i++)
        if (wr_hash_equal(wr_graph_epoch_id(graph, i), epoch_id))
            return wr_graph_epoch(graph, i);
    fail_msg("no such epoch");
    WR_UNREACHABLE();
}

void t_epoch_body(const wr_graph *graph, uint8_t number, wr_buf *out) {
    wr_epoch_op epoch = {.klass = 1};
    epoch.rcpt_hash = wr_graph_recipients(graph, epoch.without, &epoch.without_count);
    wr_key secret = {{number}};
    epoch.commit = wr_epoch_commit(&secret, wr_graph_circle_id(graph));
    epoch.hist_hash = wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, WR_SLICE_EMPTY);
    T_OK(wr_epoch_encode(&epoch, out));
}

/* ---- ops ---- */

t_op t_next(const wr_graph *graph, const wr_identity *me, wr_op_type type, wr_slice body) {
    t_op op;
    wr_buf bytes = WR_BUF_ARRAY(op.bytes);
    T_OK(wr_graph_author(graph, me, type, body, HLC_OF(wr_graph_op_count(graph)), &bytes, &op.sig));
    op.len = bytes.len;
    op.id = wr_hash_of(WR_LABEL_OP_ID, t_op_slice(&op));
    return op;
}

static t_op next_admitted(wr_graph *graph, const wr_identity *me, wr_op_type type,
                          const wr_buf *body) {
    t_op op = t_next(graph, me, type, wr_buf_slice(body));
    T_OK(t_admit(graph, &op));
    return op;
}

t_op t_found(wr_graph *graph, const wr_identity *founder) {
    uint8_t bytes[2048];
    wr_buf body = WR_BUF_ARRAY(bytes);
    t_genesis_body(founder, &body);
    return next_admitted(graph, founder, WR_OP_GENESIS, &body);
}

t_op t_add(wr_graph *graph, const wr_identity *sponsor, const wr_identity *device,
           wr_role_kind role) {
    uint8_t bytes[2048];
    wr_buf body = WR_BUF_ARRAY(bytes);
    t_add_body(wr_graph_circle_id(graph), sponsor, device, role, &body);
    return next_admitted(graph, sponsor, WR_OP_ADD, &body);
}

t_op t_ack(wr_graph *graph, const wr_identity *me) {
    uint8_t bytes[16];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_ack_encode(&WR_OP_LIST_NONE, &body));
    return next_admitted(graph, me, WR_OP_ACK, &body);
}

void t_remove_body(const wr_identity *target, wr_reason reason, wr_buf *out) {
    uint8_t bytes[64];
    wr_buf ids = WR_BUF_ARRAY(bytes);
    T_OK(wr_id_put(&ids, &target->device_id));
    wr_remove remove = {.targets = {1, wr_buf_slice(&ids)}, .reason = reason};
    T_OK(wr_remove_encode(&remove, out));
}

t_op t_remove(wr_graph *graph, const wr_identity *me, const wr_identity *target, wr_reason reason) {
    uint8_t bytes[256];
    wr_buf body = WR_BUF_ARRAY(bytes);
    t_remove_body(target, reason, &body);
    return next_admitted(graph, me, WR_OP_REMOVE, &body);
}

t_op t_remove_aside(const wr_graph *past, const wr_identity *me, const wr_identity *target) {
    uint8_t bytes[256];
    wr_buf body = WR_BUF_ARRAY(bytes);
    t_remove_body(target, WR_REASON_LOST, &body);
    return t_next(past, me, WR_OP_REMOVE, wr_buf_slice(&body));
}

t_op t_root_op(const wr_graph *graph, const wr_key *recovery, wr_op_type type, wr_slice body) {
    t_op op;
    wr_buf bytes = WR_BUF_ARRAY(op.bytes);
    wr_sign_key root;
    wr_recovery_sign_key(recovery, &root);
    T_OK(wr_graph_author_root(graph, &root, type, body, HLC_OF(wr_graph_op_count(graph)), &bytes,
                              &op.sig));
    op.len = bytes.len;
    op.id = wr_hash_of(WR_LABEL_OP_ID, t_op_slice(&op));
    return op;
}

t_op t_root_remove(wr_graph *graph, const wr_identity *target) {
    uint8_t bytes[256];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_key recovery = t_recovery();
    t_remove_body(target, WR_REASON_LOST, &body);
    t_op op = t_root_op(graph, &recovery, WR_OP_REMOVE, wr_buf_slice(&body));
    T_OK(t_admit(graph, &op));
    return op;
}

t_op t_epoch(wr_graph *graph, const wr_identity *me, uint8_t number) {
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    t_epoch_body(graph, number, &body);
    return next_admitted(graph, me, WR_OP_EPOCH, &body);
}

t_op t_forge(const wr_op *header, const wr_hash *parents, const wr_identity *signer) {
    t_op op;
    wr_buf bytes = WR_BUF_ARRAY(op.bytes);
    T_OK(wr_op_encode(header, parents, &bytes));
    op.len = bytes.len;
    wr_sign(&signer->sign, WR_SIG_LABEL_OP, t_op_slice(&op), &op.sig);
    op.id = wr_hash_of(WR_LABEL_OP_ID, t_op_slice(&op));
    return op;
}

wr_op t_header(const t_op *op, wr_hash *parents) {
    wr_op header;
    T_OK(wr_op_decode(t_op_slice(op), &header));
    for (uint32_t i = 0; i < header.parent_count; i++)
        parents[i] = wr_op_parent(&header, i);
    return header;
}

/* ---- a circle ---- */

int t_circle_start(void **state) {
    t_circle *c = test_calloc(1, sizeof *c);
    T_OK(wr_crypto_init());
    T_OK(wr_graph_new(&c->graph));
    c->founder = t_device(1);
    c->admin = t_device(2);
    c->member = t_device(3);
    c->genesis = t_found(c->graph, &c->founder);
    c->epoch = t_epoch(c->graph, &c->founder, 1);
    c->add_admin = t_add(c->graph, &c->founder, &c->admin, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &c->admin);
    c->add_member = t_add(c->graph, &c->admin, &c->member, WR_ROLE_MEMBER);
    c->ack = t_ack(c->graph, &c->member);
    (void)t_ack(c->graph, &c->founder);
    *state = c;
    return 0;
}

int t_circle_stop(void **state) {
    t_circle *c = *state;
    wr_graph_free(c->graph);
    test_free(c);
    return 0;
}

void t_refused(wr_graph *graph, const t_op *op, wr_err err) {
    wr_hash before = t_state(graph);
    T_ERR(t_admit(graph, op), err);
    wr_hash after = t_state(graph);
    T_MEM(before.b, after.b, sizeof before.b);
}

/* ---- graphs ---- */

wr_err t_admit(wr_graph *graph, const t_op *op) {
    return wr_graph_admit(graph, t_op_slice(op), &op->sig);
}

void t_copy(wr_graph *to, const wr_graph *from) {
    for (uint32_t i = 0; i < wr_graph_op_count(from); i++) {
        wr_op_ref op = wr_graph_op(from, i);
        if (!wr_graph_knows(to, &op.id))
            T_OK(wr_graph_admit(to, op.bytes, op.sig));
    }
}

void t_same(const wr_graph *a, const wr_graph *b) {
    T_EQ(wr_graph_op_count(a), wr_graph_op_count(b));
    T_EQ(wr_graph_member_count(a), wr_graph_member_count(b));
    T_EQ(wr_graph_current_count(a), wr_graph_current_count(b));
    T_EQ(wr_graph_epoch_count(a), wr_graph_epoch_count(b));
    for (uint32_t i = 0; i < wr_graph_member_count(a); i++) {
        const wr_member *ours = wr_graph_member(a, i);
        const wr_member *theirs = wr_graph_find(b, &ours->device_id);
        T_TRUE(theirs != NULL);
        T_EQ(ours->current, theirs->current);
        T_EQ(ours->role, theirs->role);
        T_EQ(ours->mode, theirs->mode);
        T_EQ(ours->added_hlc, theirs->added_hlc);
        T_EQ(wr_graph_ack_state(a, &ours->device_id), wr_graph_ack_state(b, &ours->device_id));
    }
    for (uint32_t i = 0; i < wr_graph_epoch_count(a); i++) {
        wr_epoch_ref ours = wr_graph_epoch(a, i);
        wr_epoch_ref theirs = t_epoch_ref(b, &ours.epoch_id);
        T_MEM(ours.commit.b, theirs.commit.b, sizeof ours.commit.b);
        T_EQ(ours.height, theirs.height);
        T_EQ(ours.in, theirs.in);
        T_EQ(ours.for_members, theirs.for_members);
    }
    wr_hash ours = wr_graph_heads_digest(a), theirs = wr_graph_heads_digest(b);
    T_MEM(ours.b, theirs.b, sizeof ours.b);
    ours = t_recipients(a);
    theirs = t_recipients(b);
    T_MEM(ours.b, theirs.b, sizeof ours.b);
}

wr_hash t_state(const wr_graph *graph) {
    wr_hash heads[WR_OP_PARENTS_MAX];
    wr_hasher state;
    wr_hasher_init(&state, WR_LABEL_OP_HEADS);
    wr_hash digest = wr_graph_heads_digest(graph);
    wr_hasher_add(&state, WR_SLICE_OBJ(digest));
    digest = t_recipients(graph);
    wr_hasher_add(&state, WR_SLICE_OBJ(digest));
    uint32_t count = wr_graph_heads(graph, heads);
    for (uint32_t i = 0; i < count; i++)
        wr_hasher_add(&state, WR_SLICE_OBJ(heads[i]));
    uint32_t numbers[] = {wr_graph_op_count(graph), wr_graph_member_count(graph),
                          wr_graph_current_count(graph), wr_graph_epoch_count(graph),
                          wr_graph_has_opaque(graph)};
    wr_hasher_add(&state, wr_slice_of(numbers, sizeof numbers));
    for (uint32_t i = 0; i < wr_graph_member_count(graph); i++) {
        const wr_member *member = wr_graph_member(graph, i);
        uint32_t fields[] = {(uint32_t)member->role, member->current, (uint32_t)member->mode,
                             (uint32_t)wr_graph_ack_state(graph, &member->device_id),
                             member->barred};
        wr_hasher_add(&state, wr_slice_of(fields, sizeof fields));
        wr_hasher_add(&state, WR_SLICE_OBJ(member->device_id));
    }
    return wr_hasher_end(&state);
}

const wr_member *t_member_of(const t_circle *c, const wr_identity *device) {
    const wr_member *member = wr_graph_find(c->graph, &device->device_id);
    T_TRUE(member != NULL);
    return member;
}

bool t_is_in(const t_circle *c, const wr_identity *device) {
    return wr_member_is_in(t_member_of(c, device));
}

bool t_is_held(const t_circle *c, const t_op *op) {
    wr_op_ref ref;
    T_TRUE(wr_graph_find_op(c->graph, &op->id, &ref));
    return ref.held;
}

wr_graph *t_copy_of(const t_circle *c) {
    wr_graph *copy;
    T_OK(wr_graph_new(&copy));
    t_copy(copy, c->graph);
    return copy;
}
