/* What follows from the ops: the same on every device, in whatever order they came.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"
#include "wire/pack.h"

#define REPLICAS 4u
#define TURNS 60u

/* A device with its own graph; four of them gossip at random. */
typedef struct replica {
    wr_identity me;
    wr_graph *graph;
    bool joined;
} replica;

static void author_something(replica *r, uint32_t choice, uint64_t seed, const wr_rng *rng) {
    const wr_member *self = wr_graph_find(r->graph, &r->me.device_id);
    if (self == NULL)
        return;
    if (choice == 0 && self->role == WR_ROLE_ADMIN) {
        wr_identity guest = t_device(seed);
        (void)t_add(r->graph, &r->me, &guest, (wr_role_kind)wr_rng_below(rng, 2));
    } else if (choice == 1) {
        (void)t_epoch(r->graph, &r->me, (uint8_t)wr_rng_below(rng, 200));
    } else {
        (void)t_ack(r->graph, &r->me);
    }
}

static void gossip(replica *all, const wr_rng *rng) {
    replica *from = &all[wr_rng_below(rng, REPLICAS)], *to = &all[wr_rng_below(rng, REPLICAS)];
    if (from != to)
        t_copy(to->graph, from->graph);
}

/* Delivers the ops of whole to a new graph in random order until all are in. */
static void deliver_shuffled(const wr_graph *whole, const wr_rng *rng) {
    uint32_t count = wr_graph_op_count(whole);
    WR_AUTO(wr_graph) graph = NULL;
    T_OK(wr_graph_new(&graph));
    while (wr_graph_op_count(graph) < count) {
        wr_op_ref op = wr_graph_op(whole, wr_rng_below(rng, count));
        wr_err err = wr_graph_admit(graph, op.bytes, op.sig);
        T_TRUE(err == WR_OK || err == WR_ERR_UNKNOWN || err == WR_ERR_EXISTS);
    }
    t_same(graph, whole);
}

/* spec:circle#4.2 type=test "Two devices that hold the same ops MUST come to the same members,
 * roles and epochs." */
static void any_order_of_arrival_gives_the_same_circle(void **state) {
    (void)state;
    T_OK(wr_crypto_init());
    for (uint64_t round = 0; round < 6; round++) {
        wr_rng rng = t_rng(round);
        replica all[REPLICAS];
        for (uint32_t i = 0; i < REPLICAS; i++) {
            all[i] = (replica){.me = t_device(100 * round + i)};
            T_OK(wr_graph_new(&all[i].graph));
        }
        (void)t_found(all[0].graph, &all[0].me);
        for (uint32_t i = 1; i < REPLICAS; i++) {
            (void)t_add(all[0].graph, &all[0].me, &all[i].me,
                        i == 1 ? WR_ROLE_ADMIN : WR_ROLE_MEMBER);
        }
        for (uint32_t turn = 0; turn < TURNS; turn++) {
            author_something(&all[wr_rng_below(&rng, REPLICAS)], wr_rng_below(&rng, 6),
                             100000 + 1000 * round + turn, &rng);
            gossip(all, &rng);
        }
        for (uint32_t i = 1; i < REPLICAS; i++)
            t_copy(all[0].graph, all[i].graph);
        for (uint32_t i = 1; i < REPLICAS; i++) {
            t_copy(all[i].graph, all[0].graph);
            t_same(all[0].graph, all[i].graph);
        }
        T_TRUE(wr_graph_op_count(all[0].graph) > 20);
        for (uint32_t i = 0; i < 5; i++)
            deliver_shuffled(all[0].graph, &rng);
        for (uint32_t i = 0; i < REPLICAS; i++)
            wr_graph_free(all[i].graph);
    }
}

/* spec:circle#3.4 type=test "A member MUST cover each ADD, REMOVE, LEAVE, ROLE, EQUIV, RESET and
 * ROOTSET of another author by an op of its own." */
static void an_ack_is_due_until_an_own_op_covers_the_add(void **state) {
    t_circle *c = *state;
    wr_identity guest = t_device(9), nobody = t_device(10);
    T_FALSE(t_ack_due(c->graph, &c->founder));
    T_FALSE(t_ack_due(c->graph, &c->admin)); /* the last ADD is its own */
    T_FALSE(t_ack_due(c->graph, &nobody));

    (void)t_epoch(c->graph, &c->member, 2); /* of no interest to others */
    T_FALSE(t_ack_due(c->graph, &c->founder));

    (void)t_add(c->graph, &c->founder, &guest, WR_ROLE_MEMBER);
    T_FALSE(t_ack_due(c->graph, &c->founder));
    T_TRUE(t_ack_due(c->graph, &c->admin));
    T_TRUE(t_ack_due(c->graph, &c->member));
    T_TRUE(t_ack_due(c->graph, &guest));
    (void)t_ack(c->graph, &guest);
    T_FALSE(t_ack_due(c->graph, &guest));
    (void)t_epoch(c->graph, &c->admin, 3); /* another op serves as well */
    T_FALSE(t_ack_due(c->graph, &c->admin));
    T_TRUE(t_ack_due(c->graph, &c->member));
}

static void covers_follows_the_past_and_not_the_order_of_arrival(void **state) {
    t_circle *c = *state;
    t_op left = t_next(c->graph, &c->founder, WR_OP_ACK, wr_slice_str("\x91\x90"));
    t_op right = t_next(c->graph, &c->admin, WR_OP_ACK, wr_slice_str("\x91\x90"));
    T_OK(t_admit(c->graph, &left));
    T_OK(t_admit(c->graph, &right));
    wr_hash both[] = {left.id, right.id}, old[] = {c->genesis.id, c->ack.id};
    wr_hash unknown = {{1}};
    T_TRUE(wr_graph_covers(c->graph, both, 2, old, 2));
    T_TRUE(wr_graph_covers(c->graph, both, 1, old, 2));
    T_TRUE(wr_graph_covers(c->graph, both, 2, both, 2));
    T_TRUE(wr_graph_covers(c->graph, both, 1, NULL, 0));
    T_FALSE(wr_graph_covers(c->graph, both, 1, both, 2)); /* concurrent */
    T_FALSE(wr_graph_covers(c->graph, old, 2, both, 1));
    T_FALSE(wr_graph_covers(c->graph, both, 2, &unknown, 1));
    T_FALSE(wr_graph_covers(c->graph, &unknown, 1, NULL, 0));
    T_FALSE(wr_graph_covers(c->graph, NULL, 0, old, 1));
    t_op joint = t_ack(c->graph, &c->member);
    T_TRUE(wr_graph_covers(c->graph, &joint.id, 1, both, 2));
}

/* spec:circle#2.5 type=test "The digest of the op heads MUST cover the newest op of every chain in
 * ascending order of authors and ids." */
static void heads_are_sorted_and_the_digest_is_over_them(void **state) {
    t_circle *c = *state;
    wr_op_head heads[WR_COLUMNS_MAX];
    uint8_t bytes[WR_AUTHORS_MAX * 72];
    wr_buf text = WR_BUF_ARRAY(bytes);
    T_EQ(wr_graph_chain_heads(c->graph, heads), 3);
    for (uint32_t i = 0; i < 3; i++) {
        T_TRUE(i == 0 || wr_hash_order(&heads[i - 1].author, &heads[i].author) < 0);
        T_OK(wr_buf_put(&text, WR_SLICE_OBJ(heads[i].author)));
        T_OK(wr_buf_put_u64(&text, heads[i].aseq));
        T_OK(wr_buf_put(&text, WR_SLICE_OBJ(heads[i].op_id)));
        if (wr_hash_order(&heads[i].author, &c->founder.device_id) == 0)
            T_EQ(heads[i].aseq, 3);
    }
    wr_hash want = wr_hash_of(WR_LABEL_OP_HEADS, wr_buf_slice(&text));
    wr_hash got = wr_graph_heads_digest(c->graph);
    T_MEM(got.b, want.b, sizeof want.b);

    wr_hash dag[WR_OP_PARENTS_MAX];
    T_EQ(wr_graph_heads(c->graph, dag), 1);
    t_op left = t_next(c->graph, &c->member, WR_OP_ACK, wr_slice_str("\x91\x90"));
    t_op right = t_next(c->graph, &c->admin, WR_OP_ACK, wr_slice_str("\x91\x90"));
    T_OK(t_admit(c->graph, &left));
    T_OK(t_admit(c->graph, &right));
    T_EQ(wr_graph_heads(c->graph, dag), 2);
    T_TRUE(wr_hash_order(&dag[0], &dag[1]) < 0);
}

/* 65 heads: two members above the limit of an op's parents (64) and of members (63 + 2). */
static void more_heads_than_parents_are_joined_one_after_the_other(void **state) {
    t_circle *c = *state;
    enum { COUNT = WR_OP_PARENTS_MAX + 1 };
    wr_identity device[COUNT];
    static t_op op[COUNT];
    WR_AUTO(wr_graph) other = NULL;
    T_OK(wr_graph_new(&other));
    device[0] = c->founder;
    device[1] = c->admin;
    device[2] = c->member;
    for (uint32_t i = 3; i < COUNT; i++)
        device[i] = t_device(100 + i);
    for (uint32_t i = 3; i < COUNT - 2; i++)
        (void)t_add(c->graph, &c->founder, &device[i], WR_ROLE_MEMBER);
    t_copy(other, c->graph);
    (void)t_add(c->graph, &c->founder, &device[COUNT - 2], WR_ROLE_MEMBER);
    (void)t_add(other, &c->admin, &device[COUNT - 1], WR_ROLE_MEMBER);
    t_copy(c->graph, other);
    (void)t_ack(c->graph, &c->founder);
    for (uint32_t i = 0; i < COUNT; i++)
        op[i] = t_next(c->graph, &device[i], WR_OP_ACK, wr_slice_str("\x91\x90"));
    for (uint32_t i = 0; i < COUNT; i++)
        T_OK(t_admit(c->graph, &op[i]));

    wr_hash heads[WR_OP_PARENTS_MAX];
    T_EQ(wr_graph_heads(c->graph, heads), WR_OP_PARENTS_MAX);
    for (uint32_t i = 0; i < COUNT; i++) /* everybody's own chain is among the parents */
        (void)t_next(c->graph, &device[i], WR_OP_ACK, wr_slice_str("\x91\x90"));
    (void)t_ack(c->graph, &device[COUNT - 1]);
    T_EQ(wr_graph_heads(c->graph, heads), 2);
    (void)t_ack(c->graph, &device[COUNT - 1]);
    T_EQ(wr_graph_heads(c->graph, heads), 1);
}

/* ACKs of one device, each on top of the one before, until the graph holds so many ops, or the
 * chain may not grow. */
static void fill(t_circle *c, const wr_identity *device, uint32_t until) {
    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op next = t_next(c->graph, device, WR_OP_ACK, wr_slice_str("\x91\x90"));
    while (wr_graph_op_count(c->graph) < until &&
           t_header(&next, parents).aseq < WR_CHAIN_OPS_MAX) {
        wr_op header = t_header(&next, parents);
        T_OK(t_admit(c->graph, &next));
        header.aseq++;
        header.has_aprev = true;
        header.aprev = next.id;
        header.parent_count = 1;
        parents[0] = next.id;
        next = t_forge(&header, parents, device);
    }
    t_refused(c->graph, &next, WR_ERR_LIMIT);
}

static wr_err may_author(const t_circle *c, const wr_identity *device, wr_op_type type,
                         wr_slice body) {
    uint8_t bytes[512];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    return wr_graph_author(c->graph, device, type, body, 1, &out, &sig);
}

/* spec:circle#2.3 type=test "An op that is not among the first 4096 of its chain, or with which the
 * ops of its chain are longer than 2 MiB together, MUST be refused."
 * spec:circle#2.3 type=test "The last 2048 ops MUST be kept for REMOVE, EQUIV, ACK and EPOCH ops
 * and those of ROOT, the last 256 of them for ROOT." */
static void nobody_takes_the_room_for_removals(void **state) {
    t_circle *c = *state;
    wr_identity more[2] = {t_device(11), t_device(12)};
    uint8_t bytes[64];
    wr_buf role = WR_BUF_ARRAY(bytes);
    const wr_role_op lower = {c->member.device_id, WR_ROLE_MEMBER};
    T_OK(wr_role_encode(&lower, &role));
    for (size_t i = 0; i < WR_COUNT(more); i++)
        (void)t_add(c->graph, &c->founder, &more[i], WR_ROLE_MEMBER);
    fill(c, &c->founder, WR_OPS_MAX);
    T_EQ(wr_graph_next_aseq(c->graph, 0), WR_CHAIN_OPS_MAX);
    fill(c, &c->member, WR_OPS_MAX);
    fill(c, &more[0], WR_OPS_MAX);
    T_OK(may_author(c, &c->admin, WR_OP_ROLE, wr_buf_slice(&role)));
    while (wr_graph_op_count(c->graph) < WR_OPS_MAX - WR_OPS_FOR_REMOVAL)
        (void)t_ack(c->graph, &more[1]);
    T_ERR(may_author(c, &c->admin, WR_OP_ROLE, wr_buf_slice(&role)), WR_ERR_LIMIT);
    (void)t_remove(c->graph, &c->admin, &c->member, WR_REASON_LOST);
    fill(c, &more[1], WR_OPS_MAX - WR_OPS_FOR_ROOT);
    T_ERR(may_author(c, &c->admin, WR_OP_ACK, wr_slice_str("\x91\x90")), WR_ERR_LIMIT);
    while (wr_graph_op_count(c->graph) < WR_OPS_MAX)
        (void)t_root_remove(c->graph, &more[1]);
}

/* Ops of types that only a newer version knows may say anything. */
static void a_chain_of_long_ops_ends_at_2_mib(void **state) {
    t_circle *c = *state;
    static uint8_t noise[3700];
    uint8_t bytes[3800];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_hash parents[WR_OP_PARENTS_MAX];
    size_t total = 0;
    T_OK(wr_pack_array(&body, 1));
    T_OK(wr_pack_bin(&body, wr_slice_of(noise, sizeof noise)));
    t_op next = t_next(c->graph, &c->member, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    header.body = wr_buf_slice(&body);
    header.type = WR_OP_ROOTSET + 1;
    for (next = t_forge(&header, parents, &c->member); total + next.len <= WR_CHAIN_BYTES_MAX;) {
        T_OK(t_admit(c->graph, &next));
        total += next.len;
        header.aseq++;
        header.has_aprev = true;
        header.aprev = next.id;
        header.parent_count = 1;
        parents[0] = next.id;
        next = t_forge(&header, parents, &c->member);
    }
    T_TRUE(header.aseq < WR_CHAIN_OPS_MAX);
    t_refused(c->graph, &next, WR_ERR_LIMIT);
    (void)t_remove(c->graph, &c->admin, &c->member, WR_REASON_LOST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_arrival_gives_the_same_circle),
        cmocka_unit_test_setup_teardown(an_ack_is_due_until_an_own_op_covers_the_add,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(covers_follows_the_past_and_not_the_order_of_arrival,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(heads_are_sorted_and_the_digest_is_over_them,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(more_heads_than_parents_are_joined_one_after_the_other,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(nobody_takes_the_room_for_removals, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(a_chain_of_long_ops_ends_at_2_mib, t_circle_start,
                                        t_circle_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
