/* The graph: which ops it lets in, each check by itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

#include "wire/pack.h"

static void a_circle_grows_from_genesis_by_adds(void **state) {
    t_circle *c = *state;
    T_EQ(wr_graph_member_count(c->graph), 3);
    T_EQ(wr_graph_current_count(c->graph), 3);
    T_EQ(wr_graph_op_count(c->graph), 7);
    T_MEM(wr_graph_circle_id(c->graph)->b, c->genesis.id.b, 32);
    T_EQ(wr_graph_find(c->graph, &c->founder.device_id)->role, WR_ROLE_ADMIN);
    T_EQ(wr_graph_find(c->graph, &c->member.device_id)->role, WR_ROLE_MEMBER);
    T_EQ(wr_graph_find(c->graph, &c->member.device_id)->mode, WR_PAIR_CODE);
    T_EQ(wr_graph_find(c->graph, &c->founder.device_id)->added_hlc >> 16, 1700000000000ull);
    T_TRUE(wr_graph_find_noise(c->graph, &c->admin.cert.noise) ==
           wr_graph_find(c->graph, &c->admin.device_id));
    T_TRUE(wr_graph_find(c->graph, &c->genesis.id) == NULL);
    wr_op_ref op = wr_graph_op(c->graph, 2);
    T_SLICE(op.bytes, t_op_slice(&c->add_admin));
    T_MEM(op.author.b, c->founder.device_id.b, 32);
    T_EQ(op.aseq, 2);
    T_EQ(op.type, WR_OP_ADD);
    wr_key rs = t_recovery();
    wr_root root;
    wr_recovery_root(&rs, &root);
    T_MEM(wr_graph_root(c->graph)->sign.b, root.sign.b, 32);
    T_ERR(t_admit(c->graph, &c->ack), WR_ERR_EXISTS);
}

/* spec:circle#2.3 type=test "An op that fails any check MUST leave the graph as it was."
 * spec:circle#2.2 type=test "An op whose signature does not verify under the author's signing key
 * MUST be refused."
 * spec:circle#2.2 type=test "The op id and the signature MUST cover the bytes as received." */
static void every_flipped_truncated_or_extended_op_is_refused(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) graph = NULL;
    T_OK(wr_graph_new(&graph));
    for (uint32_t i = 0; i < wr_graph_op_count(c->graph); i++) {
        wr_op_ref op = wr_graph_op(c->graph, i);
        wr_hash before = t_state(graph);
        t_op bad = {.len = op.bytes.len, .sig = *op.sig};
        memcpy(bad.bytes, op.bytes.ptr, op.bytes.len);
        for (size_t bit = 0; bit < bad.len * 8; bit++) {
            bad.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            T_TRUE(t_admit(graph, &bad) != WR_OK);
            bad.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t bit = 0; bit < sizeof bad.sig.b * 8; bit++) {
            bad.sig.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            T_ERR(t_admit(graph, &bad), WR_ERR_AUTH);
            bad.sig.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (bad.len = 0; bad.len < op.bytes.len; bad.len++)
            T_TRUE(t_admit(graph, &bad) != WR_OK);
        bad.len = op.bytes.len + 1;
        T_ERR(t_admit(graph, &bad), WR_ERR_FORMAT);

        wr_hash after = t_state(graph);
        T_MEM(before.b, after.b, sizeof before.b);
        T_OK(wr_graph_admit(graph, op.bytes, op.sig));
    }
    t_same(graph, c->graph);
}

/* spec:circle#2.3 type=test "An op MUST NOT be admitted before all its parents and its aprev." */
static void an_op_waits_for_its_parents(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) graph = NULL;
    T_OK(wr_graph_new(&graph));
    t_refused(graph, &c->add_admin, WR_ERR_UNKNOWN);
    T_OK(t_admit(graph, &c->genesis));
    t_refused(graph, &c->add_admin, WR_ERR_UNKNOWN);
    T_OK(t_admit(graph, &c->epoch));
    T_OK(t_admit(graph, &c->add_admin));

    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op next = t_next(c->graph, &c->founder, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    header.aprev.b[0] ^= 1;
    t_op bad = t_forge(&header, parents, &c->founder);
    t_refused(c->graph, &bad, WR_ERR_UNKNOWN);
}

/* spec:circle#2.3 type=test "aprev MUST be the author's op with the previous aseq, and in the op's
 * past." */
static void an_authors_ops_are_one_chain(void **state) {
    t_circle *c = *state;
    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op next = t_next(c->graph, &c->founder, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);

    wr_op gap = header;
    gap.aseq++;
    t_op bad = t_forge(&gap, parents, &c->founder);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);

    wr_op foreign = header; /* an op, but another author's */
    foreign.aprev = c->add_member.id;
    bad = t_forge(&foreign, parents, &c->founder);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);

    wr_op older = header; /* the author's, but not the last one */
    older.aprev = c->genesis.id;
    bad = t_forge(&older, parents, &c->founder);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);

    bad = t_forge(&header, &c->ack.id, &c->founder); /* the past lacks aprev */
    t_refused(c->graph, &bad, WR_ERR_REFUSED);
    T_OK(t_admit(c->graph, &next));

    wr_identity guest = t_device(9); /* whose first op claims to be its second */
    t_op add = t_add(c->graph, &c->founder, &guest, WR_ROLE_MEMBER);
    next = t_next(c->graph, &guest, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op late = t_header(&next, parents);
    late.aseq = 1;
    late.has_aprev = true;
    late.aprev = add.id;
    bad = t_forge(&late, parents, &guest);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);
}

/* spec:circle#2.4 type=test "Of two ops with one generation, author and aseq a device MUST NOT
 * admit the second, unless an op of another author stands on it." */
static void a_second_op_at_one_aseq_is_a_fork(void **state) {
    t_circle *c = *state;
    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op first = t_next(c->graph, &c->founder, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&first, parents);
    header.hlc++;
    t_op second = t_forge(&header, parents, &c->founder);
    T_OK(t_admit(c->graph, &first));
    t_refused(c->graph, &second, WR_ERR_FORK);
    second.sig.b[0] ^= 1; /* evidence must be signed */
    t_refused(c->graph, &second, WR_ERR_AUTH);
    t_op again = t_forge(&header, parents, &c->admin);
    t_refused(c->graph, &again, WR_ERR_AUTH);
}

/* spec:circle#2.3 type=test "An op of another circle MUST be refused." */
static void ops_of_another_circle_or_generation_are_refused(void **state) {
    t_circle *c = *state;
    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op next = t_next(c->graph, &c->founder, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);

    wr_op other = header;
    other.circle_id.b[31] ^= 1;
    t_op bad = t_forge(&other, parents, &c->founder);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);

    wr_op later = header;
    later.gen = 1;
    bad = t_forge(&later, parents, &c->founder);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);

    wr_op root = header;
    memset(root.author.b, 0, sizeof root.author.b);
    root.aseq = 0;
    root.has_aprev = false;
    bad = t_forge(&root, parents, &c->founder); /* the founder is not ROOT */
    t_refused(c->graph, &bad, WR_ERR_AUTH);
}

/* spec:circle#4.1 type=test "The author of an op MUST be a member in eval(past(op)) with the role
 * that the type demands." */
static void only_members_with_the_role_are_heard(void **state) {
    t_circle *c = *state;
    uint8_t bytes[2048];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_identity guest = t_device(9);
    t_op next = t_next(c->graph, &c->member, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);

    wr_op stranger = header;
    stranger.author = guest.device_id;
    stranger.aseq = 0;
    stranger.has_aprev = false;
    t_op bad = t_forge(&stranger, parents, &guest);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);

    t_add_body(wr_graph_circle_id(c->graph), &c->member, &guest, WR_ROLE_MEMBER, &body);
    wr_op add = header;
    add.type = WR_OP_ADD;
    add.body = wr_buf_slice(&body);
    bad = t_forge(&add, parents, &c->member);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);

    wr_op early = header; /* a member now, but not in the past that the op names */
    early.aseq = 0;
    early.has_aprev = false;
    WR_AUTO(wr_graph) graph = NULL;
    T_OK(wr_graph_new(&graph));
    for (uint32_t i = 0; i < 5; i++) /* all before the member's own ACK */
        T_OK(wr_graph_admit(graph, wr_graph_op(c->graph, i).bytes, wr_graph_op(c->graph, i).sig));
    early.parent_count = 1;
    bad = t_forge(&early, &c->add_admin.id, &c->member);
    t_refused(graph, &bad, WR_ERR_REFUSED);

    (void)t_epoch(c->graph, &c->member, 5); /* which any member may make */
}

/* spec:circle#3.1 type=test "root_sig MUST verify under root_sign_pk."
 * spec:circle#3.1 type=test "The author of GENESIS MUST be the device of its certificate." */
static void genesis_is_signed_by_its_device_and_the_recovery_key(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) graph = NULL;
    T_OK(wr_graph_new(&graph));
    uint8_t bytes[2048];
    wr_op header = t_header(&c->genesis, NULL);
    memcpy(bytes, header.body.ptr, header.body.len);
    header.body = wr_slice_of(bytes, header.body.len);
    bytes[header.body.len - 1] ^= 1; /* the end of root_sig */
    t_op bad = t_forge(&header, NULL, &c->founder);
    t_refused(graph, &bad, WR_ERR_AUTH);
    bytes[header.body.len - 1] ^= 1;

    wr_op other = header;
    other.author = c->admin.device_id;
    bad = t_forge(&other, NULL, &c->admin);
    t_refused(graph, &bad, WR_ERR_REFUSED);
    bad = t_forge(&header, NULL, &c->admin);
    t_refused(graph, &bad, WR_ERR_AUTH);

    T_OK(t_admit(graph, &c->genesis));
    header.hlc++;
    bad = t_forge(&header, NULL, &c->founder); /* a circle has one */
    t_refused(graph, &bad, WR_ERR_REFUSED);
}

/* spec:circle#3.7 type=test "A device that holds an op which it does not understand MUST NOT sign
 * an op that changes the membership, but for accusations." */
static void ops_of_later_versions_are_carried_without_effect(void **state) {
    t_circle *c = *state;
    static const struct {
        uint64_t type;
        bool by_member;
        wr_err err;
    } cases[] = {
        {WR_OP_REMOVE, false, WR_ERR_FORMAT},
        {WR_OP_LEAVE, true, WR_ERR_FORMAT},
        {WR_OP_ROLE, false, WR_ERR_FORMAT},
        {WR_OP_RESET, false, WR_ERR_REFUSED},
        {WR_OP_ROOTSET, false, WR_ERR_FORMAT},
        {WR_OP_KEYUPD, false, WR_ERR_FORMAT},
        {11, true, WR_OK},
        {UINT64_MAX, true, WR_OK},
    };
    wr_slice body = wr_slice_str("\x92\xc4\x01\x07\x91\x91\x05"); /* [bin, [[5]]] */
    T_FALSE(wr_graph_has_opaque(c->graph));
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        wr_hash parents[WR_OP_PARENTS_MAX];
        const wr_identity *me = cases[i].by_member ? &c->member : &c->admin;
        t_op next = t_next(c->graph, me, WR_OP_ACK, wr_slice_str("\x91\x90"));
        wr_op header = t_header(&next, parents);
        header.type = cases[i].type;
        header.body = body;
        t_op op = t_forge(&header, parents, me);
        if (cases[i].err != WR_OK)
            t_refused(c->graph, &op, cases[i].err);
        else
            T_OK(t_admit(c->graph, &op));
    }
    T_TRUE(wr_graph_has_opaque(c->graph));
    T_EQ(wr_graph_current_count(c->graph), 3);
    T_EQ(wr_graph_find(c->graph, &c->member.device_id)->role, WR_ROLE_MEMBER);

    uint8_t add_bytes[2048], out_bytes[2048];
    wr_buf add = WR_BUF_ARRAY(add_bytes), out = WR_BUF_ARRAY(out_bytes);
    wr_identity guest = t_device(9);
    wr_sig sig;
    t_add_body(wr_graph_circle_id(c->graph), &c->founder, &guest, WR_ROLE_MEMBER, &add);
    T_ERR(wr_graph_author(c->graph, &c->founder, WR_OP_ADD, wr_buf_slice(&add), 1, &out, &sig),
          WR_ERR_VERSION);
    T_EQ(out.len, 0);
    (void)t_remove(c->graph, &c->founder, &c->member, WR_REASON_LOST); /* it made the op */
    T_FALSE(wr_member_is_in(wr_graph_find(c->graph, &c->member.device_id)));
}

static void a_bad_body_is_not_signed(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) empty = NULL;
    T_OK(wr_graph_new(&empty));
    uint8_t bytes[2048];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    wr_slice ack = wr_slice_str("\x91\x90");
    wr_identity guest = t_device(9);
    T_ERR(wr_graph_author(empty, &c->founder, WR_OP_ACK, ack, 1, &out, &sig), WR_ERR_STATE);
    T_ERR(wr_graph_author(c->graph, &c->founder, WR_OP_GENESIS, ack, 1, &out, &sig), WR_ERR_STATE);
    T_ERR(wr_graph_author(c->graph, &guest, WR_OP_ACK, ack, 1, &out, &sig), WR_ERR_REFUSED);
    T_ERR(wr_graph_author(c->graph, &c->founder, WR_OP_REMOVE, ack, 1, &out, &sig), WR_ERR_FORMAT);
    T_ERR(
        wr_graph_author(c->graph, &c->founder, WR_OP_ACK, wr_slice_str("\x91\x05"), 1, &out, &sig),
        WR_ERR_FORMAT);
    out.cap = 100;
    T_ERR(wr_graph_author(c->graph, &c->founder, WR_OP_ACK, ack, 1, &out, &sig), WR_ERR_NOBUF);
    T_EQ(out.len, 0);
}

static void freeing_nothing_is_fine(void **state) {
    (void)state;
    wr_graph_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_circle_grows_from_genesis_by_adds, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(every_flipped_truncated_or_extended_op_is_refused,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(an_op_waits_for_its_parents, t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(an_authors_ops_are_one_chain, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(a_second_op_at_one_aseq_is_a_fork, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(ops_of_another_circle_or_generation_are_refused,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(only_members_with_the_role_are_heard, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(genesis_is_signed_by_its_device_and_the_recovery_key,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(ops_of_later_versions_are_carried_without_effect,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(a_bad_body_is_not_signed, t_circle_start, t_circle_stop),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
