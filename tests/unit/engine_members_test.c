/* Removals and epochs between devices: sessions end, secrets go to members only, a sleeper is
 * reached, and nothing of a removed device comes in that nobody vouches for.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_circle_world.h"

#include "engine/self_seed.h"
#include "wire/message.h"

/* spec:sync#1.7 type=test "A session MUST end as soon as the peer's key is no longer that of
 * exactly one current member, its own, or the peer is barred (circle.md 4.6)." */
static void a_removal_ends_the_session_at_once(void **state) {
    (void)state;
    wr_link *la, *lb;
    links_new(a, b, 1, &la, &lb);
    T_OK(converse(a, la, b, lb));
    T_OK(wr_link_judge(la));
    remove_it(a, b, WR_REASON_LOST);
    T_ERR(wr_link_judge(la), WR_ERR_REFUSED);
    uint8_t bytes[4096];
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_ERR(wr_link_write(la, &out, world_now), WR_ERR_STATE);
    T_EQ(out.len, 0);
    wr_link_free(la);
    wr_link_free(lb);
    /* Nor is it dialled, or answered, again. */
    wr_link_config config = {.self = a->self, .link_id = 7, .role = WR_INITIATOR};
    config.peer = b->identity.device_id;
    T_ERR(wr_link_new(&la, &config, world_now), WR_ERR_UNKNOWN);
    lb = link_dial(b, a, 8);
    la = link_accept(a, 9);
    size_t moved;
    T_ERR(deliver(b, lb, a, la, PIPE_SIZE, &moved), WR_ERR_REFUSED);
    wr_link_free(la);
    wr_link_free(lb);
}

/* spec:circle#5.4 type=test "The device that signs a REMOVE MUST make a new epoch in the same
 * step." spec:sync#2.10 type=test "A device MUST NOT say KEYS to anyone but a member that is in
 * (circle.md 4.6)." */
static void the_secret_of_the_next_epoch_goes_to_members_only(void **state) {
    (void)state;
    wr_link *la, *lb, *lc, *lac;
    wr_hash before = write_epoch(a);
    links_new(a, b, 1, &la, &lb);
    links_new(a, c, 2, &lac, &lc);
    T_OK(converse(a, la, b, lb));
    T_OK(converse(a, lac, c, lc));
    remove_it(a, b, WR_REASON_LOST);
    wr_hash after = write_epoch(a);
    T_FALSE(wr_hash_equal(&before, &after));
    append(a, 3);
    T_ERR(wr_link_judge(la), WR_ERR_REFUSED);
    T_OK(converse(a, lac, c, lc));
    T_TRUE(holds(c, &after));
    T_FALSE(holds(b, &after));
    assert_equal_replicas(a, c);
    wr_hash of_c = write_epoch(c);
    T_MEM(of_c.b, after.b, sizeof after.b);
    wr_link_free(la);
    wr_link_free(lb);
    wr_link_free(lac);
    wr_link_free(lc);
}

static void a_new_secret_is_said_unasked(void **state) {
    (void)state;
    puppet *p = puppet_new(c, a, 1, 1);
    puppet_up(p);
    uint8_t bytes[2048];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_FALSE(puppet_hear(p, WR_FRAME_KEYS, &body)); /* older ones it asks for */
    T_OK(wr_self_rotate(a->self, world_now));
    (void)drain(a);
    wr_hash made = write_epoch(a);
    T_TRUE(puppet_hear(p, WR_FRAME_KEYS, &body));
    wr_slice in = wr_buf_slice(&body);
    wr_key_item said;
    T_OK(wr_key_take(&in, &said));
    T_MEM(said.epoch_id.b, made.b, sizeof made.b);
    T_TRUE(said.history.len != 0);
    wr_key seed;
    T_TRUE(said.has_seed && wr_self_seed_of(a->self, &made, &seed));
    T_MEM(said.seed.b, seed.b, sizeof seed.b);
    puppet_free(p);
}

static void who_slept_through_many_epochs_is_reached_and_reads_all(void **state) {
    (void)state;
    wr_hash made[5];
    for (size_t i = 0; i < WR_COUNT(made); i++) {
        T_OK(wr_self_rotate(a->self, world_now));
        (void)drain(a);
        made[i] = write_epoch(a);
        append(a, 2);
    }
    /* The sleeper knows none of them, whoever dials. */
    meet(a, c, 1);
    meet(b, a, 2);
    for (size_t i = 0; i < WR_COUNT(made); i++) {
        T_TRUE(holds(c, &made[i]));
        T_TRUE(holds(b, &made[i]));
        T_TRUE(wr_keyring_history(wr_self_keyring(c->self), &made[i]).len != 0);
    }
    assert_equal_replicas(a, c);
    assert_equal_replicas(a, b);
}

/* A peer that holds an epoch of which the other is known to hold only older ones tries these. */
static void the_epoch_of_a_session_is_one_that_the_other_holds(void **state) {
    (void)state;
    wr_hash old = write_epoch(a);
    for (unsigned i = 0; i < 3; i++)
        T_OK(wr_self_rotate(a->self, world_now));
    (void)drain(a);
    const wr_hash *first = wr_self_session_epoch(a->self, &c->identity.device_id, 0);
    T_MEM(first->b, old.b, sizeof old.b);
    T_TRUE(wr_self_session_epoch(a->self, &c->identity.device_id, 1) != NULL);
    meet(a, c, 1);
    T_OK(wr_self_author(c->self, WR_OP_ACK, wr_slice_str("\x91\x90"), world_now));
    (void)drain(c);
    meet(a, c, 2);
    wr_hash newest = write_epoch(a);
    first = wr_self_session_epoch(a->self, &c->identity.device_id, 0);
    T_MEM(first->b, newest.b, sizeof newest.b);
    const wr_hash *next = wr_self_session_epoch(a->self, &c->identity.device_id, 1);
    T_FALSE(wr_hash_equal(first, next));
    /* Round after round all of them have their turn. */
    const wr_keyring *keyring = wr_self_keyring(a->self);
    for (uint32_t i = 0; i < wr_keyring_count(keyring); i++) {
        uint32_t attempt = 0;
        while (attempt < 16 &&
               !wr_hash_equal(wr_keyring_epoch(keyring, i),
                              wr_self_session_epoch(a->self, &c->identity.device_id, attempt)))
            attempt++;
        T_TRUE(attempt < 16);
    }
}

/* spec:sync#2.10 type=test "A secret whose EPOCH op is not here, or does not commit to it, MUST be
 * left out, and the session goes on." */
static void an_unasked_secret_is_worth_what_its_op_says(void **state) {
    (void)state;
    T_OK(wr_self_rotate(a->self, world_now));
    (void)drain(a);
    wr_key_item item = {.epoch_id = {{9}}, .secret = {{1}}};
    puppet *p = puppet_new(c, a, 1, 1);
    puppet_up(p);
    uint32_t count = wr_keyring_count(wr_self_keyring(a->self));
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_key_put(&body, &item));
    item.epoch_id = write_epoch(a);
    item.history = wr_slice_str("no history");
    T_OK(wr_key_put(&body, &item));
    T_OK(puppet_say(p, WR_FRAME_KEYS, wr_buf_slice(&body)));
    T_EQ(wr_keyring_count(wr_self_keyring(a->self)), count);
    T_TRUE(wr_link_is_up(p->link));
    T_ERR(puppet_say(p, WR_FRAME_KEYS, wr_slice_str("\x92\x01\x02")), WR_ERR_FORMAT);
    puppet_free(p);
    p = puppet_new(c, a, 2, 2);
    puppet_up(p);
    T_ERR(puppet_say(p, WR_FRAME_KEY_WANT, wr_slice_str("\x90")), WR_ERR_FORMAT);
    puppet_free(p);
}

/* spec:circle#5.4 type=test "A member that may sign MUST make a new epoch when there is none that
 * it may write under, and when it writes and that one is seven days old or full." */
static void an_epoch_is_due_after_seven_days_and_after_a_removal(void **state) {
    (void)state;
    wr_now later = world_now;
    T_FALSE(wr_self_rotation_due(a->self, later));
    later.wall.ms += WR_EPOCH_MS_MAX - 1000;
    T_FALSE(wr_self_rotation_due(a->self, later));
    later.wall.ms += 2000;
    T_TRUE(wr_self_rotation_due(a->self, later));
    remove_it(a, b, WR_REASON_LOST);
    T_FALSE(wr_self_rotation_due(a->self, world_now));
    meet(a, c, 1);
    T_FALSE(wr_self_rotation_due(c->self, world_now)); /* it was given the new one */
}

/* spec:circle#4.7 type=test "A checkpoint of a device that is out MUST be refused, unless a cut or
 * an ACK vouches for its length and root, and it is not beyond the limit." */
static void what_a_removed_device_writes_on_is_not_taken(void **state) {
    (void)state;
    append(b, 4);
    meet(a, b, 1); /* c has not heard of these */
    remove_it(a, b, WR_REASON_LOST);
    append(b, 3);
    wr_feed theirs = *feed_at(b, b);
    uint32_t index = feed_of(a, b);
    T_ERR(wr_self_checkpoint(a->self, index, wr_feed_checkpoint(&theirs), &theirs.cp_sig),
          WR_ERR_REFUSED);
    /* A sibling catches up from a, to where a stood. */
    meet(a, c, 2);
    T_EQ(feed_at(c, b)->tree.len, 4);
    assert_equal_replicas(a, c);
    T_ERR(wr_self_checkpoint(c->self, feed_of(c, b), wr_feed_checkpoint(&theirs), &theirs.cp_sig),
          WR_ERR_REFUSED);
}

/* spec:circle#4.7 type=test "A unit that reaches beyond the limit MUST NOT be taken, also where its
 * checkpoint was accepted before the device went out." */
static void a_checkpoint_from_before_the_removal_brings_nothing_more(void **state) {
    (void)state;
    append(b, 4);
    meet(a, b, 1);
    append(b, 5);
    meet(b, c, 2); /* c holds nine entries, a four of them and the checkpoint */
    const wr_feed *theirs = feed_at(b, b);
    T_OK(wr_self_checkpoint(a->self, feed_of(a, b), wr_feed_checkpoint(theirs), &theirs->cp_sig));
    (void)drain(a);
    puppet *p = puppet_new(c, a, 5, world_now.wall.ms + 1000);
    puppet_up(p);
    remove_it(a, b, WR_REASON_COMPROMISED);
    T_OK(wr_link_judge(p->link));
    T_OK(puppet_unit(p, theirs, 4, 9, rows_from(b, b, 4)));
    T_EQ(feed_at(a, b)->tree.len, 4);
    T_TRUE(wr_link_is_up(p->link));
    T_EQ(a->alerts, 0);
    puppet_free(p);
}

static void a_sleeper_that_met_the_thief_says_what_it_holds(void **state) {
    (void)state;
    append(b, 4);
    meet(a, b, 1);
    meet(b, c, 2);
    append(b, 5);
    meet(b, c, 6); /* c holds nine, a four */
    remove_it(a, b, WR_REASON_LOST);
    meet(a, c, 3);
    T_OK(wr_self_ack(c->self, world_now));
    (void)drain(c);
    meet(a, c, 4);
    const wr_feed *feed = feed_at(a, b);
    wr_limit limit = wr_graph_limit(wr_self_graph(a->self), &feed->device_id, &feed->feed_id);
    T_EQ(limit.shown, 4);
    T_EQ(limit.kept, 9);
    meet(a, c, 5);
    T_EQ(feed_at(a, b)->tree.len, 9);
}

/* As after a start: the ops are here, and nobody has confirmed it. */
static device *started_again(device *d) {
    device *again = device_new(7);
    wr_self_free(again->self);
    again->identity = d->identity;
    T_OK(wr_self_new(&again->identity, t_rng(7), &again->self));
    tell_circle(d, again);
    T_OK(wr_self_load_done(again->self, world_now));
    (void)drain(again);
    T_FALSE(wr_self_may_sign(again->self));
    return again;
}

/* Nobody is left to confirm a device whose siblings are all to be removed. */
static void the_last_one_may_remove_the_others_without_their_word(void **state) {
    (void)state;
    T_OK(wr_self_author(b->self, WR_OP_ACK, wr_slice_str("\x91\x90"), world_now));
    T_OK(wr_self_author(c->self, WR_OP_ACK, wr_slice_str("\x91\x90"), world_now));
    (void)drain(b);
    (void)drain(c);
    meet(a, b, 1);
    meet(a, c, 2);
    device *again = started_again(a);
    wr_hash targets[] = {b->identity.device_id, c->identity.device_id};
    wr_hash_sort(targets, 2);
    wr_removal removal = {.targets = targets, .target_count = 1, .reason = WR_REASON_LOST};
    uint32_t count = wr_graph_op_count(wr_self_graph(again->self));
    T_ERR(wr_self_remove(again->self, &removal, world_now), WR_ERR_STATE); /* ask the other one */
    T_EQ(wr_graph_op_count(wr_self_graph(again->self)), count);
    T_FALSE(wr_self_may_sign(again->self));
    removal.target_count = 2;
    T_OK(wr_self_remove(again->self, &removal, world_now));
    (void)drain(again);
    T_TRUE(wr_self_may_sign(again->self));
    T_TRUE(wr_self_write_epoch(again->self) != NULL);
    T_EQ(wr_graph_current_count(wr_self_graph(again->self)), 1);
    device_free(again);
}

/* The writer was lost while it delivered: its newest checkpoint reaches beyond every cut, and
 * nobody has the entries below it. spec:sync#4.1 type=test "One that an op vouches for MUST take
 * the place of a newer one that reaches beyond the limit (circle.md 4.7) and is not whole" */
static void what_counts_comes_though_the_rest_never_will(void **state) {
    (void)state;
    append(c, 3);
    meet(a, c, 1);
    meet(b, c, 2);
    append(c, 4);
    meet(a, c, 4);
    append(c, 5);
    const wr_feed *feed = feed_at(c, c);
    T_OK(wr_self_checkpoint(b->self, feed_of(b, c), wr_feed_checkpoint(feed), &feed->cp_sig));
    (void)drain(b);
    remove_it(a, c, WR_REASON_COMPROMISED);
    meet(a, b, 3);
    T_EQ(feed_at(b, c)->tree.len, 7);
    T_TRUE(wr_feed_complete(feed_at(b, c)));
    assert_equal_replicas(a, b);
    T_ERR(wr_self_checkpoint(b->self, feed_of(b, c), wr_feed_checkpoint(feed), &feed->cp_sig),
          WR_ERR_REFUSED);
}

/* .. but of a member the newest is the newest. */
static void an_older_checkpoint_of_a_member_changes_nothing(void **state) {
    (void)state;
    append(c, 3);
    meet(b, c, 1);
    append(c, 4);
    meet(a, c, 2);
    append(c, 5);
    const wr_feed *feed = feed_at(c, c), *older = feed_at(a, c);
    T_OK(wr_self_checkpoint(b->self, feed_of(b, c), wr_feed_checkpoint(feed), &feed->cp_sig));
    (void)drain(b);
    T_ERR(wr_self_checkpoint(b->self, feed_of(b, c), wr_feed_checkpoint(older), &older->cp_sig),
          WR_ERR_EXISTS);
    meet(a, b, 3);
    T_EQ(feed_at(b, c)->tree.len, 3);
    meet(b, c, 4);
    T_EQ(feed_at(b, c)->tree.len, 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, circle_start, circle_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_counts_comes_though_the_rest_never_will),
        TEST(an_older_checkpoint_of_a_member_changes_nothing),
        TEST(a_removal_ends_the_session_at_once),
        TEST(the_secret_of_the_next_epoch_goes_to_members_only),
        TEST(a_new_secret_is_said_unasked),
        TEST(who_slept_through_many_epochs_is_reached_and_reads_all),
        TEST(the_epoch_of_a_session_is_one_that_the_other_holds),
        TEST(an_unasked_secret_is_worth_what_its_op_says),
        TEST(an_epoch_is_due_after_seven_days_and_after_a_removal),
        TEST(what_a_removed_device_writes_on_is_not_taken),
        TEST(a_checkpoint_from_before_the_removal_brings_nothing_more),
        TEST(a_sleeper_that_met_the_thief_says_what_it_holds),
        TEST(the_last_one_may_remove_the_others_without_their_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
