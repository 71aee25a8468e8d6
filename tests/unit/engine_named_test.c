/* Feeds of removed devices between siblings: as much as counts goes on under what ops name,
 * whoever holds more or less of it, and nothing else does.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_circle_world.h"

#include "circle/removal.h"
#include "engine/self_named.h"
#include "wire/message.h"

#include <stdlib.h>

#define REST_MS 60000u

static device *d; /* a fourth one, that holds nothing of b */

static int start(void **state) {
    (void)circle_start(state);
    d = device_new(4);
    add_device(a, d);
    meet(a, c, 90);
    append(b, 4);
    meet(a, b, 91);
    meet(b, c, 92);
    append(b, 5);
    meet(b, c, 93); /* a holds four entries of b, c nine, under two checkpoints */
    return 0;
}

static int stop(void **state) {
    device_free(d);
    return circle_stop(state);
}

static void ack(device *by) {
    T_OK(wr_self_ack(by->self, world_now));
    (void)drain(by);
}

static void expect_prefix(uint64_t len) {
    const wr_feed *feed = feed_at(d, b);
    T_EQ(feed->tree.len, len);
    if (len == 0)
        return;
    wr_hash theirs = root_at(c, b, 0, len), ours = wr_tree_root(&feed->tree);
    T_MEM(ours.b, theirs.b, sizeof ours.b);
}

/* c holds nine entries, of which four count; no checkpoint that it has is of four. */
static void who_holds_more_passes_on_what_counts(void **state) {
    (void)state;
    remove_it(a, b, WR_REASON_COMPROMISED);
    tell_ops(a, c);
    tell_ops(a, d);
    T_EQ(wr_self_proved(c->self, feed_of(c, b)), 4);
    meet(c, d, 1);
    expect_prefix(4);
    T_EQ(c->units_served, 1);
    for (uint64_t i = 2; i < 5; i++) /* and that is all there is */
        meet(c, d, i);
    T_EQ(c->units_served, 1);
    T_EQ(c->alerts + d->alerts, 0);
    T_EQ(wr_self_proved(d->self, feed_of(d, b)), 4); /* it goes on from there as well */
}

/* spec:circle#4.7 type=test "Entries of it MUST be taken only under a root that an op names for a
 * length within the limit (feed.md 7.5, sync.md 4.8)." */
static void what_was_held_at_the_removal_comes_to_all(void **state) {
    (void)state;
    remove_it(a, b, WR_REASON_LOST);
    tell_ops(a, c);
    tell_ops(a, d);
    meet(c, d, 1);
    expect_prefix(4); /* c has not said yet what it holds */
    ack(c);
    meet(c, d, 2);
    expect_prefix(9);
    meet(d, a, 3); /* a gets them from d */
    T_EQ(feed_at(a, b)->tree.len, 9);
    wr_hash root;
    T_TRUE(wr_self_named_root(a->self, feed_of(a, b), 4, &root));
    T_TRUE(wr_self_named_root(a->self, feed_of(a, b), 9, &root));
    T_FALSE(wr_self_named_root(a->self, feed_of(a, b), 5, &root));
    T_FALSE(wr_self_named_root(a->self, feed_of(a, b), 10, &root));
    T_FALSE(wr_self_named_root(a->self, feed_of(a, c), 1, &root)); /* of a member */
}

/* c says that it held nine, and of a compromised device that changes nothing. */
static void what_is_named_beyond_the_limit_is_neither_taken_nor_proved(void **state) {
    (void)state;
    remove_it(a, b, WR_REASON_COMPROMISED);
    tell_ops(a, c);
    ack(c);
    tell_ops(c, d);
    wr_hash root;
    T_FALSE(wr_self_named_root(d->self, feed_of(d, b), 9, &root));
    T_TRUE(wr_self_named_root(d->self, feed_of(d, b), 4, &root));
    T_EQ(wr_self_proved(c->self, feed_of(c, b)), 4);
    meet(c, d, 1);
    expect_prefix(4);
}

/* Another history of the same length than the one that an op names. */
static void a_branch_proves_nothing(void **state) {
    (void)state;
    remove_it(a, b, WR_REASON_LOST);
    tell_ops(a, c);
    ack(c); /* it names what c holds */
    wr_hash ours = root_at(c, b, 0, 9), named;
    T_TRUE(wr_self_named_root(c->self, feed_of(c, b), 9, &named));
    T_MEM(named.b, ours.b, sizeof ours.b);
    T_EQ(wr_self_proved(c->self, feed_of(c, b)), 9);
    device *e = device_new(5); /* d, whose store has the ops and other entries */
    wr_self_free(e->self);
    e->identity = d->identity;
    T_OK(wr_self_new(&e->identity, t_rng(5), &e->self));
    tell_ops(c, a);
    (void)drain(a);
    tell_circle(a, e);
    wr_feed other = *feed_at(c, b);
    other.has_checkpoint = false;
    other.cp_size = 0;
    other.tree.peaks[0].b[0] ^= 1;
    uint8_t bytes[WR_FEED_HEAD_MAX];
    wr_buf head = WR_BUF_ARRAY(bytes);
    T_OK(wr_feed_encode(&other, &head));
    T_OK(wr_self_load_head(e->self, wr_buf_slice(&head)));
    T_OK(wr_self_load_done(e->self, world_now));
    (void)drain(e);
    T_EQ(feed_at(e, b)->tree.len, 9);
    T_EQ(wr_self_proved(e->self, feed_of(e, b)), 4); /* that may be another branch, too */
    wr_self_disprove(e->self, feed_of(e, b), 4);
    T_EQ(wr_self_proved(e->self, feed_of(e, b)), 0);
    device_free(e);
}

/* Of what d has only a part of, an op has to name that part. */
static void what_no_op_names_is_not_proved(void **state) {
    (void)state;
    remove_it(a, b, WR_REASON_LOST);
    tell_ops(a, c);
    ack(c);
    tell_ops(c, d);
    T_EQ(wr_self_proved(d->self, feed_of(d, b)), 0);
    T_EQ(wr_self_proved(c->self, feed_of(c, b)), 9);
    T_EQ(wr_self_kept(c->self, feed_of(c, b)), 9);
    T_EQ(wr_self_kept(c->self, feed_of(c, a)), UINT64_MAX);
}

/* spec:sync#4.8 type=test "A device MUST make sure that what it holds has the root that the op
 * names, before it serves a unit of it." */
static void another_branch_is_not_served(void **state) {
    (void)state;
    remove_it(a, b, WR_REASON_COMPROMISED);
    tell_ops(a, c);
    tell_ops(a, d);
    const uint32_t at = feed_of(c, b);
    T_EQ(wr_self_proved(c->self, at), 4);
    wr_self_disprove(c->self, at, 4); /* as who serves it finds out */
    T_EQ(wr_self_proved(c->self, at), 0);
    meet(c, d, 1);
    expect_prefix(0);
    T_EQ(c->units_served, 0);
    meet(a, d, 2);
    expect_prefix(4);
}

/* spec:sync#4.8 type=test "A device MUST NOT take its own feed in this way." */
static void an_own_feed_is_not_taken_so(void **state) {
    (void)state;
    wr_slice rows = rows_from(a, b, 0);
    remove_it(a, b, WR_REASON_LOST);
    tell_ops(a, b);
    tell_ops(a, d);
    wr_unit unit = {.first = 0, .end = 4, .lo = 0, .entries = rows};
    T_ERR(wr_self_take_named(b->self, feed_of(b, b), 4, &unit, world_now), WR_ERR_REFUSED);
    T_ERR(wr_self_take_named(d->self, feed_of(d, b), 3, &unit, world_now), WR_ERR_REFUSED);
    T_ERR(wr_self_take_named(d->self, feed_of(d, a), 4, &unit, world_now), WR_ERR_REFUSED);
    T_OK(wr_self_take_named(d->self, feed_of(d, b), 4, &unit, world_now));
    (void)drain(d);
    expect_prefix(4);
}

/* ---- what a sibling says that knows less, or lies ------------------------------------------- */

static wr_err say_named(puppet *p, uint64_t n, const wr_unit *unit) {
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_data data = {.feed_id = feed_at(c, b)->feed_id,
                    .lo = unit->lo,
                    .first = unit->first,
                    .end = unit->end,
                    .size = unit->entries.len,
                    .named = n};
    T_OK(wr_data_encode(&data, &body));
    WR_TRY(puppet_say(p, WR_FRAME_DATA, wr_buf_slice(&body)));
    return puppet_say(p, WR_FRAME_PART, unit->entries);
}

static void want(puppet *p, uint64_t expected) {
    uint64_t from = 0;
    T_OK(wr_link_tick(p->link, p->now));
    T_TRUE(hear_want(p, feed_at(a, b), &from));
    T_EQ(from, expected);
}

static void want_nothing(puppet *p) {
    uint64_t from;
    T_OK(wr_link_tick(p->link, p->now));
    T_FALSE(hear_want(p, feed_at(a, b), &from));
}

/* a removed b and knows that c held nine; c speaks. */
static puppet *c_speaks(void) {
    remove_it(a, b, WR_REASON_LOST);
    tell_ops(a, c);
    ack(c);
    tell_ops(c, a);
    (void)drain(a);
    wr_hash epoch = write_epoch(a);
    wr_key secret;
    T_TRUE(wr_keyring_secret(wr_self_keyring(a->self), &epoch, &secret));
    T_OK(wr_self_add_epoch(c->self, &epoch, &secret));
    (void)drain(c);
    puppet *p = puppet_new(c, a, 5, 1);
    puppet_up(p);
    say_have(p, feed_at(c, b), 9);
    want(p, 4);
    return p;
}

/* spec:sync#4.8 type=test "It MUST be left alone with that feed for 60 seconds, and when it does so
 * again for the session." */
static void who_brings_what_is_not_taken_has_two_tries(void **state) {
    (void)state;
    puppet *p = c_speaks();
    append(b, 2);
    const wr_feed *newer = feed_at(b, b);
    wr_slice rows = rows_from(b, b, 4);
    for (unsigned round = 0; round < 2; round++) {
        T_OK(puppet_unit(p, newer, 4, 11, rows));
        T_OK(puppet_unit(p, newer, 4, 11, rows)); /* this one was under way */
        T_EQ(feed_at(a, b)->tree.len, 4);
        want(p, WR_WANT_STOP);
        want_nothing(p);
        p->now.mono.ms += REST_MS - 1;
        want_nothing(p);
        p->now.mono.ms += 1;
        if (round == 0)
            want(p, 4);
    }
    p->now.mono.ms += REST_MS / 2;
    want_nothing(p);
    T_OK(puppet_unit(p, newer, 4, 11, rows)); /* and that is no third one */
    p->now.mono.ms += REST_MS;
    want_nothing(p);
    T_TRUE(wr_link_is_up(p->link));
    T_EQ(a->alerts, 0);
    puppet_free(p);
}

/* All that c holds of b counts for nobody; what counts is here. */
static void nobody_is_asked_for_more_than_counts(void **state) {
    (void)state;
    remove_it(a, b, WR_REASON_LOST);
    meet(a, d, 1);
    puppet *p = puppet_new(d, a, 5, world_now.wall.ms + 1000);
    puppet_up(p);
    say_have(p, feed_at(c, b), 9);
    want_nothing(p);
    puppet_free(p);
}

/* The ACK of d comes, by which a can prove what it got beyond the cut. */
static void what_can_be_proved_is_told_when_ops_say_so(void **state) {
    (void)state;
    uint8_t bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes);
    meet(a, d, 1);                          /* d holds the four, too */
    remove_it(c, b, WR_REASON_COMPROMISED); /* nine count */
    tell_ops(c, a);
    T_EQ(wr_self_proved(a->self, feed_of(a, b)), 0);
    tell_ops(c, d);
    ack(d);
    wr_hash epoch = write_epoch(c);
    wr_key secret;
    T_TRUE(wr_keyring_secret(wr_self_keyring(c->self), &epoch, &secret));
    T_OK(wr_self_add_epoch(a->self, &epoch, &secret));
    T_OK(wr_self_add_epoch(d->self, &epoch, &secret));
    (void)drain(a);
    (void)drain(d);
    puppet *p = puppet_new(d, a, 5, world_now.wall.ms + 1000);
    puppet_up(p);
    while (puppet_hear(p, WR_FRAME_HAVE, &body)) {
    }
    tell_ops(d, a);
    (void)drain(a);
    T_EQ(wr_self_proved(a->self, feed_of(a, b)), 4);
    T_TRUE(puppet_hear(p, WR_FRAME_HAVE, &body));
    wr_slice in = wr_buf_slice(&body);
    wr_hash feed_id;
    uint64_t len, proved;
    uint32_t count;
    bool flag;
    T_OK(wr_list_open(&in, 1, &flag, &count));
    T_OK(wr_have_take(&in, &feed_id, &len, &proved));
    T_EQ(len, 4);
    T_EQ(proved, 4);
    T_FALSE(puppet_hear(p, WR_FRAME_HAVE, &body)); /* once */
    puppet_free(p);
}

static void a_length_that_no_op_names_is_not_taken(void **state) {
    (void)state;
    puppet *p = c_speaks();
    wr_slice rows = rows_from(c, b, 4);
    wr_unit unit = {.lo = 4, .first = 4, .end = 9, .entries = rows};
    T_OK(say_named(p, 10, &unit));
    T_EQ(feed_at(a, b)->tree.len, 4);
    want(p, WR_WANT_STOP);
    p->now.mono.ms += REST_MS;
    want(p, 4);
    T_OK(say_named(p, 9, &unit));
    T_EQ(feed_at(a, b)->tree.len, 9);
    want_nothing(p);
    puppet_free(p);
}

/* No op is a statement of the writer. */
static void entries_that_are_not_under_the_root_accuse_nobody(void **state) {
    (void)state;
    puppet *p = c_speaks();
    uint8_t bytes[4096];
    wr_slice rows = rows_from(c, b, 4);
    T_TRUE(rows.len <= sizeof bytes);
    memcpy(bytes, rows.ptr, rows.len);
    bytes[rows.len - 1] ^= 1;
    wr_unit unit = {.lo = 4, .first = 4, .end = 9, .entries = wr_slice_of(bytes, rows.len)};
    T_OK(say_named(p, 9, &unit));
    T_EQ(feed_at(a, b)->tree.len, 4);
    want(p, WR_WANT_STOP); /* not on this session */
    p->now.mono.ms += 2 * REST_MS;
    want_nothing(p);
    T_TRUE(wr_link_is_up(p->link));
    T_EQ(a->alerts, 0);
    puppet_free(p);
    meet(a, c, 7);
    T_EQ(feed_at(a, b)->tree.len, 9);
}

/* .. nor where nothing is here, and only the sender could be wrong: it may know another op. */
static void on_top_of_nothing_they_end_no_session_either(void **state) {
    (void)state;
    uint8_t bytes[4096];
    remove_it(a, b, WR_REASON_LOST);
    tell_ops(a, c);
    tell_ops(a, d);
    wr_hash epoch = write_epoch(a);
    wr_key secret;
    T_TRUE(wr_keyring_secret(wr_self_keyring(a->self), &epoch, &secret));
    T_OK(wr_self_add_epoch(c->self, &epoch, &secret));
    T_OK(wr_self_add_epoch(d->self, &epoch, &secret));
    (void)drain(c);
    (void)drain(d);
    puppet *p = puppet_new(c, d, 5, 1);
    puppet_up(p);
    wr_slice rows = rows_from(a, b, 0);
    T_TRUE(rows.len <= sizeof bytes);
    memcpy(bytes, rows.ptr, rows.len);
    bytes[rows.len - 1] ^= 1;
    wr_unit unit = {.lo = 0, .first = 0, .end = 4, .entries = wr_slice_of(bytes, rows.len)};
    T_OK(say_named(p, 4, &unit));
    expect_prefix(0);
    T_TRUE(wr_link_is_up(p->link));
    puppet_free(p);
    meet(a, d, 6);
    expect_prefix(4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(who_holds_more_passes_on_what_counts),
        TEST(what_was_held_at_the_removal_comes_to_all),
        TEST(what_is_named_beyond_the_limit_is_neither_taken_nor_proved),
        TEST(a_branch_proves_nothing),
        TEST(what_no_op_names_is_not_proved),
        TEST(what_can_be_proved_is_told_when_ops_say_so),
        TEST(nobody_is_asked_for_more_than_counts),
        TEST(another_branch_is_not_served),
        TEST(an_own_feed_is_not_taken_so),
        TEST(who_brings_what_is_not_taken_has_two_tries),
        TEST(a_length_that_no_op_names_is_not_taken),
        TEST(entries_that_are_not_under_the_root_accuse_nobody),
        TEST(on_top_of_nothing_they_end_no_session_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
