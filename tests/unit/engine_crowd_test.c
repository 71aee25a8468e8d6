/* Many at once: removed devices, epochs that were slept through, epochs without room; and what
 * those get who should get nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_circle_world.h"

#include "engine_seeds.h"
#include "unit/circle_fixture.h"
#include "wire/message.h"

/* ---- feeds of devices that are out ---- */

/* The farewell names nine entries, and nobody that is left has more than four. */
static void a_leavers_feed_that_is_known_in_part_comes_to_all(void **state) {
    (void)state;
    append(b, 4);
    meet(a, b, 1);
    append(b, 5);
    T_OK(wr_self_leave(b->self, world_now));
    wr_op_ref leave = newest_op(b);
    T_EQ(leave.type, WR_OP_LEAVE);
    T_OK(wr_self_admit(a->self, leave.bytes, leave.sig, world_now));
    T_OK(wr_self_ack(a->self, world_now));
    (void)drain(a);
    meet(a, c, 2);
    T_EQ(feed_at(c, b)->tree.len, 4);
    assert_equal_replicas(a, c);
    const wr_feed *feed = feed_at(c, b);
    T_EQ(wr_graph_limit(wr_self_graph(c->self), &feed->device_id, &feed->feed_id).shown, 9);
}

/* A feed of one entry, as a home would have stored it. */
static void load_feed(wr_self *self, const wr_identity *writer, const wr_hash *mhead,
                      uint32_t stream) {
    static uint8_t memory[WR_RUN_BYTES_MAX];
    static wr_feed feed;
    static wr_run run;
    const wr_hash *circle_id = wr_graph_circle_id(wr_self_graph(self));
    const wr_hash *epoch = wr_keyring_epoch(wr_self_keyring(self), 0);
    wr_rng rng = t_rng(70);
    wr_hash seen = {{0}};
    WR_SECRET(wr_feed_keys) keys;
    uint8_t bytes[WR_FEED_HEAD_MAX];
    wr_buf head = WR_BUF_ARRAY(bytes);
    wr_entry entry = {.kind = WR_ENTRY_MESSAGE, .log_no = 1, .hlc = 1};
    wr_feed_init(&feed, circle_id, &writer->device_id, stream);
    T_OK(wr_keyring_feed_keys(wr_self_keyring(self), epoch, &feed.feed_id, &keys));
    wr_run_begin(&run, &feed, memory, sizeof memory);
    T_OK(wr_run_add(&run, &feed, &keys, epoch, &rng, &entry, wr_slice_str("entry")));
    T_OK(wr_run_close(&run, &feed, &writer->sign, mhead, 1, &seen));
    T_OK(wr_feed_encode(&feed, &head));
    T_OK(wr_self_load_head(self, wr_buf_slice(&head)));
}

/* An op names 128 feeds at most, and without this ACK nothing else may be signed. */
static void an_acknowledgement_of_very_many_removals_tells_what_fits(void **state) {
    enum { GONE = 66, CUTS = GONE * 2 };
    t_circle *t = *state;
    static wr_identity gone[GONE];
    wr_self *self;
    wr_key seed = {{4}}, secret = {{1}};
    for (uint32_t i = 0; i < GONE; i++) {
        gone[i] = t_device(300 + i);
        (void)t_add(t->graph, &t->admin, &gone[i], WR_ROLE_MEMBER);
        (void)t_remove(t->graph, &t->admin, &gone[i], WR_REASON_LOST);
    }
    T_OK(wr_self_new(&t->founder, t_rng(5), &self));
    for (uint32_t i = 0; i < wr_graph_op_count(t->graph); i++) {
        wr_op_ref op = wr_graph_op(t->graph, i);
        T_OK(wr_self_load_op(self, op.bytes, op.sig));
    }
    T_OK(wr_self_load_seed(self, &t->genesis.id, &seed));
    T_OK(wr_self_load_epoch(self, &t->epoch.id, &secret));
    for (uint32_t i = 0; i < CUTS; i++)
        load_feed(self, &gone[i / 2], &t->genesis.id, i % 2);
    T_OK(wr_self_load_done(self, world_now));
    wr_self_confirm(self);
    T_EQ(wr_graph_ack_state(t->graph, &t->founder.device_id), WR_ACK_FIRST);

    T_OK(wr_self_ack(self, world_now));
    const wr_graph *graph = wr_self_graph(self);
    wr_op_ref ref = wr_graph_op(graph, wr_graph_op_count(graph) - 1);
    wr_op ack;
    wr_op_list cuts;
    T_OK(wr_op_decode(ref.bytes, &ack));
    T_EQ(ack.type, WR_OP_ACK);
    T_OK(wr_ack_decode(ack.body, &cuts));
    T_EQ(cuts.count, WR_OP_CUTS_MAX);
    T_EQ(wr_graph_ack_state(graph, &t->founder.device_id), WR_ACK_NONE);
    T_OK(wr_graph_admit(t->graph, ref.bytes, ref.sig)); /* and others take it */
    wr_self_free(self);
}

/* ---- epochs ---- */

/* c and b sleep through all of it.  Who wakes c was let in meanwhile, and no other is there. */
static void who_slept_through_seventy_epochs_is_reached_from_either_side(void **state) {
    enum { SLEPT = 70 };
    (void)state;
    wr_hash made[SLEPT];
    device *d = device_new(4);
    for (uint32_t i = 0; i < SLEPT / 2; i++)
        made[i] = rotate(a);
    add_device(a, d);
    wr_self_confirm(d->self);
    for (uint32_t i = SLEPT / 2; i < SLEPT; i++)
        made[i] = rotate(a);
    append(a, 3);
    meet(a, d, 1);
    T_TRUE(wr_graph_find(wr_self_graph(c->self), &d->identity.device_id) == NULL);
    meet(d, c, 2);
    assert_equal_replicas(d, c);
    meet(b, a, 3); /* the sleeper dials, with the last epoch that it has */
    assert_equal_replicas(a, b);
    for (uint32_t i = 0; i < SLEPT; i++)
        T_TRUE(holds(c, &made[i]) && holds(b, &made[i]));
    device_free(d);
}

/* An EPOCH of the device on top of graph that joins no others, and its secret.  Its recipients are
 * not the members: it is for reading, and costs less to look at where there are very many. */
static void lone_epoch(wr_graph *graph, const device *d, uint32_t number, wr_key *ret_secret) {
    uint8_t body_bytes[512], op_bytes[1024];
    wr_buf body = WR_BUF_ARRAY(body_bytes), op = WR_BUF_ARRAY(op_bytes);
    wr_epoch_op epoch = {.klass = 1};
    wr_sig sig;
    *ret_secret = (wr_key){{(uint8_t)(number >> 8), (uint8_t)number, 1}};
    epoch.commit = wr_epoch_commit(ret_secret, wr_graph_circle_id(graph));
    epoch.hist_hash = wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, WR_SLICE_EMPTY);
    T_OK(wr_epoch_encode(&epoch, &body));
    T_OK(wr_graph_author(graph, &d->identity, WR_OP_EPOCH, wr_buf_slice(&body),
                         (world_now.wall.ms + number) << 16, &op, &sig));
    T_OK(wr_graph_admit(graph, wr_buf_slice(&op), &sig));
}

#define RING (WR_EPOCHS_MAX - WR_EPOCHS_SPARE) /* of those that follow no removal */

/* The home of a as if it had been told of epochs until there was no room for more: three devices
 * have used up their share of them. */
static void fill_ring(void) {
    device *d = device_new(5), *const makers[] = {a, b, d};
    wr_self *full;
    wr_key secrets[RING];
    WR_AUTO(wr_graph) graph = NULL;
    add_device(a, d);
    T_OK(wr_graph_new(&graph));
    t_copy(graph, wr_self_graph(a->self));
    T_OK(wr_self_new(&a->identity, t_rng(7), &full));
    for (uint32_t i = 1; i < RING; i++)
        lone_epoch(graph, makers[i / WR_EPOCH_SHARE], i, &secrets[i]);
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++)
        T_OK(wr_self_load_op(full, wr_graph_op(graph, i).bytes, wr_graph_op(graph, i).sig));
    t_load_seeds(full, a->self);
    T_TRUE(wr_keyring_secret(wr_self_keyring(a->self), wr_self_write_epoch(a->self), &secrets[0]));
    for (uint32_t i = 0; i < RING; i++)
        T_OK(wr_self_load_epoch(full, wr_graph_epoch_id(graph, i), &secrets[i]));
    T_OK(wr_self_load_done(full, world_now));
    wr_self_free(a->self);
    a->self = full;
    (void)drain(a);
    wr_self_confirm(full);
    device_free(d);
}

/* a holds as many secrets as fit; siblings make epochs all the same. */
static void an_epoch_without_room_for_its_secret_ends_no_session(void **state) {
    (void)state;
    wr_key secret;
    fill_ring();
    T_ERR(wr_self_rotate(a->self, world_now), WR_ERR_LIMIT);
    WR_AUTO(wr_graph) graph = NULL;
    T_OK(wr_graph_new(&graph));
    t_copy(graph, wr_self_graph(c->self));
    lone_epoch(graph, c, RING, &secret);
    wr_op_ref op = wr_graph_op(graph, wr_graph_op_count(graph) - 1);
    uint8_t bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes);
    puppet *p = puppet_new(c, a, 1, 7);
    puppet_up(p);
    T_OK(wr_ops_put(&body, op.bytes, op.sig));
    T_OK(puppet_say(p, WR_FRAME_OPS, wr_buf_slice(&body)));
    T_TRUE(wr_graph_knows(wr_self_graph(a->self), &op.id));
    body.len = 0;
    T_OK(wr_key_put(&body, &(wr_key_item){.epoch_id = op.id, .secret = secret}));
    T_OK(puppet_say(p, WR_FRAME_KEYS, wr_buf_slice(&body)));
    T_TRUE(wr_link_is_up(p->link));
    T_FALSE(holds(a, &op.id));
    append(a, 1); /* under one that it holds */
    puppet_free(p);
}

/* ---- who gets no secret ---- */

/* It has said what ops it holds, so nothing else keeps the link from answering. */
static bool is_told_secrets(puppet *p, const wr_hash *epoch_id) {
    uint8_t bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_list_begin(&body, false, 0));
    T_OK(puppet_say(p, WR_FRAME_OP_HEADS, wr_buf_slice(&body)));
    body.len = 0;
    T_OK(wr_key_want_encode(epoch_id, 1, &body));
    T_OK(puppet_say(p, WR_FRAME_KEY_WANT, wr_buf_slice(&body)));
    return puppet_hear(p, WR_FRAME_KEYS, &body);
}

/* spec:sync#2.10 type=test "A device MUST NOT say KEYS to anyone but a member that is in
 * (circle.md 4.6)." */
static void a_guest_that_asks_for_secrets_is_told_none(void **state) {
    (void)state;
    device *d = device_new(4);
    add_device(a, d); /* b has not heard */
    wr_hash epoch_id = *wr_self_write_epoch(b->self);
    puppet *p = puppet_new(d, b, 1, 1);
    T_OK(puppet_hello(p, &d->identity.device_id));
    T_FALSE(is_told_secrets(p, &epoch_id));
    puppet_free(p);
    p = puppet_new(d, a, 2, 2); /* where it is a member, it is */
    puppet_up(p);
    T_TRUE(is_told_secrets(p, &epoch_id));
    puppet_free(p);
    device_free(d);
}

static void say_secret(puppet *p, const wr_hash *epoch_id, const wr_key *secret) {
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    const wr_key_item item = {.epoch_id = *epoch_id, .secret = *secret};
    T_OK(wr_key_put(&body, &item));
    T_OK(puppet_say(p, WR_FRAME_KEYS, wr_buf_slice(&body)));
}

/* ---- whose secrets are taken ---- */

/* An epoch of b that a has heard of; ret_secret is what it commits to. */
static wr_hash epoch_without_secret(wr_key *ret_secret) {
    wr_hash epoch_id = rotate(b);
    T_TRUE(wr_keyring_secret(wr_self_keyring(b->self), &epoch_id, ret_secret));
    tell_ops(b, a);
    T_FALSE(holds(a, &epoch_id));
    return epoch_id;
}

/* spec:circle#5.1 type=test "A device MUST NOT use an E whose commitment differs from the one in
 * the EPOCH op." */
static void of_two_secrets_that_nobody_asked_for_the_committed_one_is_taken(void **state) {
    (void)state;
    wr_key secret, other = {{1}};
    puppet *p = puppet_new(c, a, 1, 1);
    puppet_up(p);
    wr_hash epoch_id = epoch_without_secret(&secret), before = write_epoch(a);
    say_secret(p, &epoch_id, &other);
    T_FALSE(holds(a, &epoch_id));
    T_MEM(write_epoch(a).b, before.b, sizeof before.b); /* nothing is written under it */
    T_TRUE(wr_link_is_up(p->link));
    say_secret(p, &epoch_id, &secret);
    T_TRUE(holds(a, &epoch_id));
    puppet_free(p);
}

static void no_secret_is_taken_from_a_guest(void **state) {
    (void)state;
    wr_key secret;
    device *d = device_new(4);
    add_device(c, d); /* a has not heard */
    puppet *p = puppet_new(d, a, 1, 1);
    T_OK(puppet_hello(p, &d->identity.device_id));
    wr_hash epoch_id = epoch_without_secret(&secret);
    say_secret(p, &epoch_id, &secret);
    T_FALSE(holds(a, &epoch_id));
    puppet_free(p);
    device_free(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, circle_start, circle_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_leavers_feed_that_is_known_in_part_comes_to_all),
        cmocka_unit_test_setup_teardown(an_acknowledgement_of_very_many_removals_tells_what_fits,
                                        t_circle_start, t_circle_stop),
        TEST(who_slept_through_seventy_epochs_is_reached_from_either_side),
        TEST(an_epoch_without_room_for_its_secret_ends_no_session),
        TEST(a_guest_that_asks_for_secrets_is_told_none),
        TEST(of_two_secrets_that_nobody_asked_for_the_committed_one_is_taken),
        TEST(no_secret_is_taken_from_a_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
