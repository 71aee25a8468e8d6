/* Two siblings hold the two branches of a feed: they find out and accuse its writer, and nobody
 * else is ever accused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#include "circle/removal.h"

/* Both siblings hold ten entries of a; then each gets a branch of its own from one of two copies.
 */
typedef struct fork_world {
    three t;
    device *twin;
} fork_world;

static void runs(device *d, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        append(d, 1);
}

/* One entry in a run and a unit of its own. */
static void tell(device *writer, device *reader, uint64_t id) {
    append(writer, 1);
    meet(reader, writer, id);
}

/* All hold ten entries of a, which has a copy from here on. */
static fork_world fork_begin(void) {
    fork_world f = {.t = three_new(10)};
    meet(f.t.a, f.t.c, 2);
    wr_self_confirm(f.t.b->self);
    wr_self_confirm(f.t.c->self);
    f.twin = device_twin(f.t.a, 50);
    return f;
}

static fork_world fork_new(uint32_t of_a, uint32_t of_twin) {
    fork_world f = fork_begin();
    for (uint32_t i = 0; i < 64; i++) /* another time, so other entries */
        (void)wr_self_hlc(f.twin->self, world_now);
    for (uint32_t i = 0; i < of_a; i++)
        tell(f.t.a, f.t.b, 100 + i);
    for (uint32_t i = 0; i < of_twin; i++)
        tell(f.twin, f.t.c, 200 + i);
    T_EQ(feed_at(f.t.b, f.t.a)->tree.len, 10 + of_a);
    T_EQ(feed_at(f.t.c, f.t.a)->tree.len, 10 + of_twin);
    T_EQ(f.t.b->alerts + f.t.c->alerts, 0);
    return f;
}

static void fork_free(fork_world *f) {
    device_free(f->twin);
    three_free(&f->t);
}

static bool convicts(device *by, device *whom) {
    T_OK(wr_self_accuse(by->self, world_now));
    (void)drain(by);
    return wr_graph_is_convicted(wr_self_graph(by->self), &whom->identity.device_id);
}

/* Either of the two that are asked; the op comes to the other one. */
static void meet_and_convict(fork_world *f, bool by_b, bool by_c) {
    three *t = &f->t;
    meet(t->b, t->c, 5);
    T_TRUE(t->b->alerts + t->c->alerts != 0);
    bool b = convicts(t->b, t->a), c = convicts(t->c, t->a);
    T_EQ(b, by_b);
    T_EQ(c, by_c);
    meet(t->b, t->c, 6);
    T_TRUE(convicts(t->b, t->a) && convicts(t->c, t->a));
    uint32_t alerts = t->b->alerts + t->c->alerts;
    meet(t->b, t->c, 7); /* it is said, once and for all */
    T_EQ(t->b->alerts + t->c->alerts, alerts);
}

static void one_number_and_one_length(void **state) {
    (void)state;
    fork_world f = fork_new(1, 1);
    meet_and_convict(&f, true, true);
    fork_free(&f);
}

/* Who holds the longer branch can prove it. */
static void a_number_and_the_next_one(void **state) {
    (void)state;
    fork_world f = fork_new(1, 2);
    meet_and_convict(&f, false, true);
    fork_free(&f);
}

static void lengths_that_are_far_apart(void **state) {
    (void)state;
    fork_world f = fork_new(23, 4);
    meet_and_convict(&f, true, false);
    fork_free(&f);
}

/* What the shorter branch ends with is younger than what the longer one goes on with. */
static void branches_whose_clocks_interlock(void **state) {
    (void)state;
    fork_world f = fork_begin();
    for (uint32_t i = 0; i < 3; i++) /* 1, 2, .., and then far ahead */
        tell(f.t.a, f.t.b, 100 + i);
    for (uint32_t i = 0; i < 64; i++)
        (void)wr_self_hlc(f.twin->self, world_now);
    tell(f.twin, f.t.c, 200);
    for (uint32_t i = 0; i < 128; i++)
        (void)wr_self_hlc(f.t.a->self, world_now);
    tell(f.t.a, f.t.b, 103);
    meet_and_convict(&f, true, false);
    fork_free(&f);
}

/* A run of many entries beside many runs. */
static void the_smaller_number_is_longer(void **state) {
    (void)state;
    fork_world f = fork_begin();
    append(f.t.a, 3);
    meet(f.t.b, f.t.a, 3);
    append(f.t.a, 17);
    meet(f.t.b, f.t.a, 4);
    for (uint32_t i = 0; i < 3; i++)
        tell(f.twin, f.t.c, 200 + i);
    meet_and_convict(&f, true, false);
    fork_free(&f);
}

/* A copy is not told that it may sign by who knows the other branch. */
static void the_other_copy_is_not_confirmed(void **state) {
    (void)state;
    fork_world f = fork_new(2, 2);
    device *again = device_twin(f.twin, 51);
    wr_link *lx, *ly;
    T_EQ(feed_at(again, f.t.a)->tree.len, feed_at(f.t.b, f.t.a)->tree.len);
    links_new(f.t.b, again, 8, &lx, &ly);
    T_OK(converse(f.t.b, lx, again, ly));
    T_TRUE(convicts(f.t.b, f.t.a));
    T_FALSE(convicts(again, f.t.a)); /* nobody accuses itself */
    wr_link_free(lx);
    wr_link_free(ly);
    device_free(again);
    fork_free(&f);
}

/* ---- who must not be accused -------------------------------------------------------------------
 */

/* spec:sync#4.7 type=test "An alert MUST NOT be raised on anything less than two signed statements
 * that exclude each other." */
static void who_is_behind_accuses_nobody(void **state) {
    (void)state;
    fork_world f = fork_new(0, 0);
    runs(f.t.a, 7);
    meet(f.t.a, f.t.b, 8);
    meet(f.t.b, f.t.c, 9);
    assert_equal_replicas(f.t.b, f.t.c);
    T_EQ(f.t.b->alerts + f.t.c->alerts, 0);
    T_FALSE(convicts(f.t.b, f.t.a) || convicts(f.t.c, f.t.a));
    fork_free(&f);
}

/* It takes back what it had signed, from a sibling that held it. */
static void who_was_set_back_is_not_accused(void **state) {
    (void)state;
    fork_world f = fork_new(6, 0);
    meet(f.t.b, f.twin, 8);
    T_EQ(feed_at(f.twin, f.t.a)->tree.len, 16);
    meet(f.t.c, f.twin, 9);
    assert_equal_replicas(f.twin, f.t.c);
    meet(f.t.b, f.t.c, 10);
    T_EQ(f.t.b->alerts + f.t.c->alerts + f.twin->alerts, 0);
    T_FALSE(convicts(f.t.b, f.t.a) || convicts(f.t.c, f.t.a));
    fork_free(&f);
}

static wr_err show(puppet *p, const wr_feed *feed, const wr_hash *feed_id) {
    uint8_t bytes[WR_CHECKPOINT_BYTES_MAX + 256u];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_shown_encode(feed_id, wr_feed_checkpoint(feed), &feed->cp_sig, &body));
    return puppet_say(p, WR_FRAME_CHECKPOINT, wr_buf_slice(&body));
}

/* The frontier of a sibling is not signed: what it makes up makes it see our checkpoint, once. */
static void say_frontier(puppet *p, const wr_feed *feed, uint64_t k, uint64_t len, bool complete) {
    uint8_t bytes[128];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_hash root = {{0x77}};
    T_OK(wr_list_begin(&body, false, 1));
    T_OK(wr_frontier_put(&body, &feed->feed_id, k, len, &root, complete));
    T_OK(puppet_say(p, WR_FRAME_FRONTIER, wr_buf_slice(&body)));
}

/* spec:sync#2.12 type=test "A device MUST NOT show a checkpoint twice in a session, nor one of a
 * device that an EQUIV convicts." */
static void a_made_up_frontier_accuses_nobody(void **state) {
    (void)state;
    three t = three_new(10);
    const wr_feed *feed = feed_at(t.b, t.a);
    uint8_t bytes[WR_CHECKPOINT_BYTES_MAX + 256u];
    wr_buf heard = WR_BUF_ARRAY(bytes);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    /* Who lacks some of the entries of the same checkpoint is no cause for more than a word. */
    say_frontier(p, feed, feed->cp_k, 4, false);
    T_TRUE(puppet_hear(p, WR_FRAME_CHECKPOINT, &heard));
    say_frontier(p, feed, feed->cp_k, 10, true);
    say_frontier(p, feed, feed->cp_k + 3, 10, true);
    T_FALSE(puppet_hear(p, WR_FRAME_CHECKPOINT, &heard));
    T_EQ(t.b->alerts, 0);
    T_FALSE(convicts(t.b, t.a));
    puppet_free(p);
    three_free(&t);
}

/* spec:sync#2.12 type=test "A CHECKPOINT whose signature does not verify MUST end the session." */
static void what_is_shown_has_to_be_signed_and_of_the_feed(void **state) {
    (void)state;
    three t = three_new(10);
    wr_feed forged = *feed_at(t.b, t.a);
    forged.cp_bytes[forged.cp_size - 40] ^= 1;
    puppet *p = puppet_new(t.c, t.b, 2, 1), *q = puppet_new(t.c, t.b, 3, 2);
    puppet_up(p);
    T_TRUE(show(p, &forged, &forged.feed_id) != WR_OK);
    puppet_free(p);
    puppet_up(q);
    T_ERR(show(q, feed_at(t.b, t.a), &feed_at(t.b, t.c)->feed_id), WR_ERR_FORMAT);
    puppet_free(q);
    T_EQ(t.b->alerts, 0);
    T_FALSE(convicts(t.b, t.a) || convicts(t.b, t.c));
    three_free(&t);
}

/* spec:sync#2.12 type=test "A CHECKPOINT whose k is not greater than that of the one of the same
 * feed before it MUST be ignored." */
static void old_checkpoints_are_of_one_past(void **state) {
    (void)state;
    three t = three_new(3);
    wr_feed old[2];
    old[0] = *feed_at(t.a, t.a);
    runs(t.a, 4);
    old[1] = *feed_at(t.a, t.a);
    runs(t.a, 6);
    meet(t.a, t.b, 2);
    puppet *p = puppet_new(t.c, t.b, 3, 1);
    puppet_up(p);
    for (uint32_t i = 0; i < 2; i++) {
        T_OK(show(p, &old[i], &old[i].feed_id));
        T_TRUE(link_weigh(t.b, p->link));
        T_OK(show(p, &old[i], &old[i].feed_id));
        T_FALSE(link_weigh(t.b, p->link));
    }
    T_OK(show(p, &old[0], &old[0].feed_id));
    T_FALSE(link_weigh(t.b, p->link));
    T_EQ(t.b->alerts, 0);
    T_FALSE(convicts(t.b, t.a));
    puppet_free(p);
    three_free(&t);
}

/* A newer one proves nothing where its entries are not held; nor is it taken over. */
static void a_newer_checkpoint_is_answered(void **state) {
    (void)state;
    three t = three_new(3);
    uint8_t bytes[WR_CHECKPOINT_BYTES_MAX + 256u];
    wr_buf heard = WR_BUF_ARRAY(bytes);
    runs(t.a, 4);
    puppet *p = puppet_new(t.c, t.b, 3, 1);
    puppet_up(p);
    T_OK(show(p, feed_at(t.a, t.a), &feed_at(t.a, t.a)->feed_id));
    T_FALSE(link_weigh(t.b, p->link));
    T_TRUE(puppet_hear(p, WR_FRAME_CHECKPOINT, &heard));
    T_EQ(feed_at(t.b, t.a)->cp_len, 3);
    T_EQ(t.b->alerts, 0);
    T_FALSE(convicts(t.b, t.a));
    puppet_free(p);
    three_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_number_and_one_length),
        cmocka_unit_test(a_number_and_the_next_one),
        cmocka_unit_test(lengths_that_are_far_apart),
        cmocka_unit_test(branches_whose_clocks_interlock),
        cmocka_unit_test(the_smaller_number_is_longer),
        cmocka_unit_test(the_other_copy_is_not_confirmed),
        cmocka_unit_test(who_is_behind_accuses_nobody),
        cmocka_unit_test(who_was_set_back_is_not_accused),
        cmocka_unit_test(a_made_up_frontier_accuses_nobody),
        cmocka_unit_test(what_is_shown_has_to_be_signed_and_of_the_feed),
        cmocka_unit_test(old_checkpoints_are_of_one_past),
        cmocka_unit_test(a_newer_checkpoint_is_answered),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
