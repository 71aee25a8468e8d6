/* Feeds over links: who is asked, what is dropped, and what a lying sibling can not do.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#define STALL_MS 60000u
#define HOLD_MS 5000u

/* ---- contradictions ----------------------------------------------------------------------- */

/* Entries of a twin under a's own checkpoint: only their sender can be wrong.
 * spec:sync#4.7 type=test "An alert MUST NOT be raised on anything less than two signed statements
 * that exclude each other." */
static void a_wrong_rest_unit_alerts_nobody_and_spoils_nothing(void **state) {
    (void)state;
    three t = three_new(10);
    device *twin = device_twin(t.a, 50);
    append(twin, 5);
    append(t.a, 5);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    T_OK(puppet_unit(p, feed_at(t.a, t.a), 10, 15, rows_from(twin, t.a, 10)));
    T_EQ(t.b->alerts, 0);
    T_EQ(feed_at(t.b, t.a)->tree.len, 10);
    uint64_t from = 0;
    T_TRUE(hear_want(p, feed_at(t.a, t.a), &from));
    T_TRUE(from == WR_WANT_STOP);
    say_have(p, feed_at(t.a, t.a), 40);
    T_FALSE(hear_want(p, feed_at(t.a, t.a), &from)); /* it is not asked for this feed again */
    /* Nor is it listened to, while others are. */
    T_OK(puppet_unit(p, feed_at(t.a, t.a), 10, 15, rows_from(t.a, t.a, 10)));
    T_EQ(feed_at(t.b, t.a)->tree.len, 10);
    meet(t.a, t.b, 3);
    assert_equal_replicas(t.a, t.b);
    puppet_free(p);
    device_free(twin);
    three_free(&t);
}

/* spec:sync#4.7 type=test "A session MUST go on when a feed was given up on it." */
static void two_checkpoints_of_one_number_alert_once_and_stop_only_that_feed(void **state) {
    (void)state;
    three t = three_new(10);
    device *twin = device_twin(t.a, 50);
    append(twin, 5);
    append(t.a, 5);
    meet(t.a, t.b, 2);
    puppet *p = puppet_new(t.c, t.b, 3, 1);
    puppet_up(p);
    T_OK(puppet_unit(p, feed_at(twin, t.a), 10, 15, rows_from(twin, t.a, 10)));
    T_EQ(t.b->alerts, 1);
    T_OK(puppet_unit(p, feed_at(twin, t.a), 10, 15, rows_from(twin, t.a, 10)));
    T_EQ(t.b->alerts, 1);
    /* c itself has done nothing wrong: its own feed goes on. */
    wr_self_confirm(t.c->self);
    append(t.c, 3);
    T_OK(puppet_unit(p, feed_at(t.c, t.c), 0, 3, rows_from(t.c, t.c, 0)));
    T_EQ(feed_at(t.b, t.c)->tree.len, 3);
    puppet_free(p);
    device_free(twin);
    three_free(&t);
}

static void a_proven_unit_with_another_past_is_evidence(void **state) {
    (void)state;
    three t = three_new(0);
    device *twin = device_twin(t.a, 50);
    append(t.a, 4);
    meet(t.a, t.b, 2);
    for (uint32_t i = 0; i < 64; i++) /* its clock is ahead of a's */
        (void)wr_self_hlc(twin->self, world_now);
    append(twin, 4);
    append(twin, 4);
    append(twin, 1);
    const wr_feed *feed = feed_at(twin, t.a);
    wr_hash path[2] = {root_at(twin, t.a, 8, 9), root_at(twin, t.a, 0, 4)};
    size_t last_len = rows_from(twin, t.a, 8).len;
    wr_slice entries = rows_from(twin, t.a, 4);
    entries.len -= last_len;
    wr_unit unit = {
        .lo = 4, .first = 4, .end = 8, .entries = entries, .path = path, .path_count = 2};
    puppet *p = puppet_new(t.c, t.b, 3, 1);
    puppet_up(p);
    T_OK(puppet_node(p, feed, &unit));
    T_EQ(t.b->alerts, 1);
    T_EQ(feed_at(t.b, t.a)->tree.len, 4);
    puppet_free(p);
    device_free(twin);
    three_free(&t);
}

static void a_checkpoint_with_a_bad_signature_ends_the_link(void **state) {
    (void)state;
    three t = three_new(2);
    append(t.a, 1);
    wr_feed forged = *feed_at(t.a, t.a);
    forged.cp_sig.b[3] ^= 1;
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    T_ERR(puppet_unit(p, &forged, 2, 3, rows_from(t.a, t.a, 2)), WR_ERR_AUTH);
    T_EQ(t.b->alerts, 0);
    puppet_free(p);
    three_free(&t);
}

/* ---- a newer checkpoint overtakes a unit ---------------------------------------------------- */

/* spec:sync#4.5 type=test "Such a unit MUST be dropped without blame." */
/* spec:sync#4.1 type=test "A device MUST NOT ask a sibling that holds fewer entries than the
 * newest checkpoint here covers" */
static void a_unit_under_an_older_checkpoint_is_dropped_and_fetched_again(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2), *c = device_new(3);
    make_circle(a, b);
    add_device(a, c);
    append(a, 40);
    meet(a, c, 1);
    wr_link *lc, *lb, *la, *lb2;
    links_new(c, b, 2, &lc, &lb);
    size_t moved = 0;
    while (feed_at(b, a)->cp_len != 40) { /* c announces its unit, and sends a part of it */
        T_OK(deliver(c, lc, b, lb, 1500, &moved));
        T_OK(deliver(b, lb, c, lc, 1500, &moved));
    }
    T_EQ(feed_at(b, a)->tree.len, 0);
    append(a, 5);
    links_new(a, b, 3, &la, &lb2);
    while (feed_at(b, a)->cp_len != 45) { /* a announces the newer one, and goes */
        T_OK(deliver(a, la, b, lb2, 1500, &moved));
        T_OK(deliver(b, lb2, a, la, 1500, &moved));
    }
    T_EQ(feed_at(b, a)->tree.len, 0);
    T_OK(converse(c, lc, b, lb));
    wr_link_free(la);
    wr_link_free(lb2);
    T_OK(converse(c, lc, b, lb));
    T_EQ(feed_at(b, a)->tree.len, 0); /* c cannot prove anything under the newer one */
    T_EQ(c->units_served, 1);         /* and is not asked for what would be dropped */
    meet(a, c, 4);
    T_OK(converse(c, lc, b, lb));
    assert_equal_replicas(a, b);
    T_EQ(c->units_served, 2);
    T_EQ(b->alerts, 0);
    wr_link_free(lc);
    wr_link_free(lb);
    device_free(a);
    device_free(b);
    device_free(c);
}

static void a_unit_announced_under_an_older_checkpoint_is_dropped(void **state) {
    (void)state;
    three t = three_new(10);
    device *d = device_new(4);
    add_device(t.a, d);
    meet(t.a, t.b, 2);
    append(t.a, 5);
    wr_feed older = *feed_at(t.a, t.a);
    append(t.a, 5);
    const wr_feed *feed = feed_at(t.a, t.a);
    puppet *p = puppet_new(t.c, t.b, 3, 1), *q = puppet_new(d, t.b, 4, 1);
    puppet_up(p);
    puppet_up(q);
    T_OK(puppet_unit(p, feed, 15, 20, rows_from(t.a, t.a, 15)));
    uint64_t from = 0;
    T_TRUE(hear_want(p, feed, &from));
    T_EQ(from, 10);
    wr_slice rows = rows_from(t.a, t.a, 10);
    rows.len /= 2; /* two rows of the same form */
    T_OK(puppet_unit(q, &older, 10, 15, rows));
    T_EQ(feed_at(t.b, t.a)->tree.len, 10);
    T_TRUE(hear_want(q, feed, &from));
    T_TRUE(from == WR_WANT_STOP);
    T_OK(puppet_unit(p, feed, 10, 20, rows_from(t.a, t.a, 10)));
    /* One that brings nothing new is not worth a word. */
    T_FALSE(hear_want(p, feed, &from));
    T_OK(puppet_unit(p, &older, 10, 15, rows));
    T_FALSE(hear_want(p, feed, &from));
    assert_equal_replicas(t.a, t.b);
    puppet_free(p);
    puppet_free(q);
    device_free(d);
    three_free(&t);
}

/* spec:sync#4.5 type=test "It MUST NOT do so again before the answer has come" */
static void after_a_gap_it_goes_on_from_where_the_receiver_stands(void **state) {
    (void)state;
    three t = three_new(10);
    append(t.a, 5);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    append(t.a, 5);
    uint64_t from = 0;
    T_OK(puppet_unit(p, feed_at(t.a, t.a), 15, 20, rows_from(t.a, t.a, 15)));
    T_TRUE(hear_want(p, feed_at(t.a, t.a), &from));
    T_EQ(from, 10);
    /* What was under way meanwhile asks for nothing more. */
    T_OK(puppet_unit(p, feed_at(t.a, t.a), 15, 20, rows_from(t.a, t.a, 15)));
    T_FALSE(hear_want(p, feed_at(t.a, t.a), &from));
    T_OK(puppet_unit(p, feed_at(t.a, t.a), 10, 20, rows_from(t.a, t.a, 10)));
    T_EQ(feed_at(t.b, t.a)->tree.len, 20);
    puppet_free(p);
    three_free(&t);
}

/* The answer to a WANT comes late: another sibling has brought a part of it meanwhile. */
static void an_answer_that_came_too_late_is_asked_for_once_more(void **state) {
    (void)state;
    three t = three_new(10);
    device *d = device_new(4);
    add_device(t.a, d);
    meet(t.a, t.b, 2);
    append(t.a, 6);
    append(t.a, 4);
    const wr_feed *feed = feed_at(t.a, t.a);
    puppet *p = puppet_new(t.c, t.b, 3, 1), *q = puppet_new(d, t.b, 4, 1);
    puppet_up(p);
    puppet_up(q);
    uint64_t from = 0;
    T_OK(puppet_unit(p, feed, 16, 20, rows_from(t.a, t.a, 16)));
    T_TRUE(hear_want(p, feed, &from));
    T_EQ(from, 10);
    wr_hash path[2] = {root_at(t.a, t.a, 16, 20), root_at(t.a, t.a, 0, 8)};
    size_t last_len = rows_from(t.a, t.a, 16).len;
    wr_unit unit = {.lo = 8, .first = 10, .end = 16, .path = path, .path_count = 2};
    unit.entries = rows_from(t.a, t.a, 10);
    unit.entries.len -= last_len;
    T_OK(puppet_node(q, feed, &unit));
    T_EQ(feed_at(t.b, t.a)->tree.len, 16);
    T_OK(puppet_unit(p, feed, 10, 20, rows_from(t.a, t.a, 10)));
    T_TRUE(hear_want(p, feed, &from));
    T_EQ(from, 16);
    T_OK(puppet_unit(p, feed, 16, 20, rows_from(t.a, t.a, 16)));
    assert_equal_replicas(t.a, t.b);
    puppet_free(p);
    puppet_free(q);
    device_free(d);
    three_free(&t);
}

/* The same, where the answer starts at what was acknowledged after asking, and is late once more.
 */
static void an_answer_may_start_where_we_said_that_we_stand_since(void **state) {
    (void)state;
    three t = three_new(10);
    device *d = device_new(4);
    add_device(t.a, d);
    meet(t.a, t.b, 2);
    append(t.a, 6);
    append(t.a, 2);
    append(t.a, 2);
    const wr_feed *feed = feed_at(t.a, t.a);
    puppet *p = puppet_new(t.c, t.b, 3, 1), *q = puppet_new(d, t.b, 4, 1);
    puppet_up(p);
    puppet_up(q);
    uint64_t from = 0;
    T_OK(puppet_unit(p, feed, 18, 20, rows_from(t.a, t.a, 18)));
    T_TRUE(hear_want(p, feed, &from));
    T_EQ(from, 10);
    wr_hash path[2] = {root_at(t.a, t.a, 16, 20), root_at(t.a, t.a, 0, 8)};
    size_t rest_len = rows_from(t.a, t.a, 16).len;
    wr_unit unit = {.lo = 8, .first = 10, .end = 16, .path = path, .path_count = 2};
    unit.entries = rows_from(t.a, t.a, 10);
    unit.entries.len -= rest_len;
    T_OK(puppet_node(q, feed, &unit));
    T_FALSE(hear_want(p, feed, &from)); /* but 16 was acknowledged */
    path[0] = root_at(t.a, t.a, 0, 16);
    path[1] = root_at(t.a, t.a, 18, 20);
    rest_len = rows_from(t.a, t.a, 18).len;
    unit = (wr_unit){.lo = 16, .first = 16, .end = 18, .path = path, .path_count = 2};
    unit.entries = rows_from(t.a, t.a, 16);
    unit.entries.len -= rest_len;
    T_OK(puppet_node(q, feed, &unit));
    T_EQ(feed_at(t.b, t.a)->tree.len, 18);
    T_OK(puppet_unit(p, feed, 16, 20, rows_from(t.a, t.a, 16)));
    T_TRUE(hear_want(p, feed, &from));
    T_EQ(from, 18);
    puppet_free(p);
    puppet_free(q);
    device_free(d);
    three_free(&t);
}

/* ---- who is asked ---- */

/* spec:sync#3.1 type=test "Before it says anything about feeds a device MUST say all ops that
 * the peer lacks." */
static void a_feed_of_a_member_that_was_unknown_is_fetched_on_the_same_link(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2), *c = device_new(3);
    make_circle(a, b);
    add_device(a, c); /* b does not know */
    meet(a, c, 1);
    append(c, 7);
    meet(a, c, 2);
    meet(a, b, 3);
    T_EQ(feed_at(b, c)->tree.len, 7);
    assert_equal_replicas(a, b);
    device_free(a);
    device_free(b);
    device_free(c);
}

/* spec:sync#4.6 type=test "A sibling that holds more of a feed and is to deliver it, and brings no
 * unit for 60 seconds that is taken, MUST lose it" */
/* spec:sync#4.1 type=test "A device MUST NOT ask a sibling for a feed that another one delivers" */
static void who_claims_much_and_delivers_nothing_is_not_waited_for(void **state) {
    (void)state;
    three t = three_new(0);
    append(t.a, 10);
    device *d = device_new(4);
    add_device(t.a, d);
    meet(t.a, d, 2);
    meet(d, t.c, 3); /* its ops */
    puppet *p = puppet_new(t.c, t.b, 4, 1);
    T_OK(puppet_hello(p, &t.c->identity.device_id));
    puppet_free(p);

    wr_link *ld, *lb;
    meet(t.a, t.b, 5);
    append(t.a, 10);
    meet(t.a, d, 6);
    p = puppet_new(t.c, t.b, 7, 2);
    puppet_up(p);
    say_have(p, feed_at(t.a, t.a), 1ull << 40);
    uint64_t from = 0;
    T_TRUE(hear_want(p, feed_at(t.a, t.a), &from));
    T_EQ(from, 10);
    links_new(d, t.b, 8, &ld, &lb);
    T_OK(converse(d, ld, t.b, lb));
    T_EQ(feed_at(t.b, t.a)->tree.len, 10); /* one source at a time */

    wr_now later = world_now;
    later.mono.ms += STALL_MS - 1;
    T_OK(wr_link_tick(p->link, later));
    T_OK(converse(d, ld, t.b, lb));
    T_EQ(feed_at(t.b, t.a)->tree.len, 10);
    later.mono.ms += 1;
    T_TRUE(wr_mono_reached(wr_link_deadline(p->link), later.mono));
    T_OK(wr_link_tick(p->link, later));
    T_FALSE(wr_mono_reached(wr_link_deadline(p->link), later.mono));
    T_OK(converse(d, ld, t.b, lb));
    assert_equal_replicas(t.a, t.b);
    T_TRUE(hear_want(p, feed_at(t.a, t.a), &from));
    T_TRUE(from == WR_WANT_STOP);
    wr_link_free(ld);
    wr_link_free(lb);
    puppet_free(p);
    device_free(d);
    three_free(&t);
}

static void who_stood_still_is_asked_again_after_a_while(void **state) {
    (void)state;
    three t = three_new(10);
    const wr_feed *feed = feed_at(t.b, t.a);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    say_have(p, feed, 20);
    uint64_t from = 0;
    wr_now later = world_now;
    T_TRUE(hear_want(p, feed, &from));
    T_EQ(from, 10);
    later.mono.ms += STALL_MS;
    T_OK(wr_link_tick(p->link, later));
    T_TRUE(hear_want(p, feed, &from));
    T_TRUE(from == WR_WANT_STOP);
    later.mono.ms += STALL_MS - 1;
    T_OK(wr_link_tick(p->link, later));
    T_FALSE(hear_want(p, feed, &from));
    T_TRUE(wr_link_deadline(p->link).ms == later.mono.ms + 1);
    later.mono.ms += 1;
    T_OK(wr_link_tick(p->link, later));
    T_TRUE(hear_want(p, feed, &from));
    T_EQ(from, 10);
    puppet_free(p);
    three_free(&t);
}

static void who_brings_only_what_does_not_fit_is_not_waited_for_either(void **state) {
    (void)state;
    three t = three_new(10);
    append(t.a, 5);
    wr_feed older = *feed_at(t.a, t.a);
    append(t.a, 5);
    const wr_feed *feed = feed_at(t.a, t.a);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    T_OK(puppet_unit(p, feed, 15, 20, rows_from(t.a, t.a, 15)));
    uint64_t from = 0;
    for (unsigned i = 0; i < 6; i++) {
        T_OK(wr_link_tick(p->link, p->now));
        T_TRUE(hear_want(p, feed, &from));
        T_EQ(from, 10);
        p->now.mono.ms += 10000;
        T_OK(puppet_unit(p, &older, 10, 15, rows_from(t.a, t.a, 10)));
    }
    T_TRUE(hear_want(p, feed, &from)); /* it has sixty seconds, all in all */
    T_OK(wr_link_tick(p->link, p->now));
    T_TRUE(hear_want(p, feed, &from));
    T_TRUE(from == WR_WANT_STOP);
    T_FALSE(hear_want(p, feed, &from));
    T_EQ(feed_at(t.b, t.a)->tree.len, 10);
    p->now.mono.ms += STALL_MS;
    T_OK(wr_link_tick(p->link, p->now));
    T_TRUE(hear_want(p, feed, &from));
    T_EQ(wr_link_deadline(p->link).ms, p->now.mono.ms + STALL_MS); /* and then again */
    puppet_free(p);
    three_free(&t);
}

static void who_brings_what_fits_has_its_time_for_the_next_unit(void **state) {
    (void)state;
    three t = three_new(10);
    append(t.a, 5);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    say_have(p, feed_at(t.b, t.a), 20);
    uint64_t from = 0;
    T_TRUE(hear_want(p, feed_at(t.b, t.a), &from));
    p->now.mono.ms += 50000;
    T_OK(puppet_unit(p, feed_at(t.a, t.a), 10, 15, rows_from(t.a, t.a, 10)));
    T_EQ(feed_at(t.b, t.a)->tree.len, 15);
    T_EQ(wr_link_deadline(p->link).ms, p->now.mono.ms + STALL_MS);
    puppet_free(p);
    three_free(&t);
}

/* It has its time from when there was something to bring. */
static void a_writer_is_not_hurried_for_what_it_wrote_just_now(void **state) {
    (void)state;
    three t = three_new(10);
    append(t.a, 5);
    puppet *p = puppet_new(t.a, t.b, 2, UINT64_MAX);
    puppet_up(p);
    p->now.mono.ms += 50000;
    say_have(p, feed_at(t.b, t.a), 15);
    T_EQ(wr_link_deadline(p->link).ms, p->now.mono.ms + STALL_MS);
    p->now.mono.ms += 50000;
    T_OK(puppet_unit(p, feed_at(t.a, t.a), 10, 15, rows_from(t.a, t.a, 10)));
    T_TRUE(wr_link_deadline(p->link).ms > p->now.mono.ms + STALL_MS); /* nothing is missing */
    puppet_free(p);
    three_free(&t);
}

/* The writer comes while another sibling delivers: that one is told to stop. */
static void the_writer_takes_over(void **state) {
    (void)state;
    three t = three_new(10);
    const wr_feed *feed = feed_at(t.b, t.a);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    say_have(p, feed, 20);
    uint64_t from = 0;
    T_TRUE(hear_want(p, feed, &from));
    puppet *writer = puppet_new(t.a, t.b, 3, UINT64_MAX);
    puppet_up(writer);
    T_TRUE(hear_want(p, feed, &from));
    T_TRUE(from == WR_WANT_STOP);
    T_FALSE(hear_want(p, feed, &from));
    puppet_free(writer);
    T_TRUE(hear_want(p, feed, &from));
    T_EQ(from, 10);
    puppet_free(p);
    three_free(&t);
}

/* The writer is connected, and was set back to where b stands.
 * spec:sync#4.1 type=test "Where a sibling holds more of a feed than is here, the one that delivers
 * does not, and nothing of it came for 5 seconds, a device MUST ask the sibling that holds more."
 */
static void who_delivers_and_has_no_more_is_not_waited_for(void **state) {
    (void)state;
    three t = three_new(10);
    const wr_feed *feed = feed_at(t.b, t.a);
    puppet *writer = puppet_new(t.a, t.b, 2, UINT64_MAX);
    puppet_up(writer);
    puppet *p = puppet_new(t.c, t.b, 3, 1);
    puppet_up(p);
    say_have(p, feed, 20);
    uint64_t from = 0;
    T_FALSE(hear_want(p, feed, &from));
    wr_now later = world_now;
    later.mono.ms += HOLD_MS - 1;
    T_OK(wr_link_tick(p->link, later));
    T_FALSE(hear_want(p, feed, &from));
    later.mono.ms += 1;
    T_TRUE(wr_mono_reached(wr_link_deadline(p->link), later.mono));
    T_OK(wr_link_tick(p->link, later));
    T_TRUE(hear_want(p, feed, &from));
    T_EQ(from, 10);
    puppet_free(p);
    puppet_free(writer);
    three_free(&t);
}

/* .. but it is, while it has more. */
static void who_delivers_and_has_more_is_waited_for(void **state) {
    (void)state;
    three t = three_new(10);
    const wr_feed *feed = feed_at(t.b, t.a);
    puppet *writer = puppet_new(t.a, t.b, 2, UINT64_MAX);
    puppet_up(writer);
    say_have(writer, feed, 20);
    puppet *p = puppet_new(t.c, t.b, 3, 1);
    puppet_up(p);
    say_have(p, feed, 20);
    uint64_t from = 0;
    wr_now later = world_now;
    later.mono.ms += HOLD_MS;
    T_OK(wr_link_tick(p->link, later));
    T_FALSE(hear_want(p, feed, &from));
    puppet_free(p);
    puppet_free(writer);
    three_free(&t);
}

/* b knows a's new op before it judges the checkpoint that names it, however little room there is:
 * some of these sizes hold DATA and not ADD. */
static void ops_go_before_the_units_that_name_them(void **state) {
    (void)state;
    for (size_t size = 380; size < 700; size += 40) {
        device *a = device_new(1), *b = device_new(2), *c = device_new(3);
        make_circle(a, b);
        wr_link *la, *lb;
        links_new(a, b, 1, &la, &lb);
        T_OK(converse(a, la, b, lb));
        add_device(a, c);
        append(a, 3);
        size_t moved = 0;
        T_OK(deliver(a, la, b, lb, size, &moved));
        T_OK(converse(a, la, b, lb));
        assert_equal_replicas(a, b);
        wr_link_free(la);
        wr_link_free(lb);
        device_free(a);
        device_free(b);
        device_free(c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_rest_unit_alerts_nobody_and_spoils_nothing),
        cmocka_unit_test(two_checkpoints_of_one_number_alert_once_and_stop_only_that_feed),
        cmocka_unit_test(a_proven_unit_with_another_past_is_evidence),
        cmocka_unit_test(a_checkpoint_with_a_bad_signature_ends_the_link),
        cmocka_unit_test(a_unit_under_an_older_checkpoint_is_dropped_and_fetched_again),
        cmocka_unit_test(a_unit_announced_under_an_older_checkpoint_is_dropped),
        cmocka_unit_test(after_a_gap_it_goes_on_from_where_the_receiver_stands),
        cmocka_unit_test(an_answer_that_came_too_late_is_asked_for_once_more),
        cmocka_unit_test(an_answer_may_start_where_we_said_that_we_stand_since),
        cmocka_unit_test(a_feed_of_a_member_that_was_unknown_is_fetched_on_the_same_link),
        cmocka_unit_test(who_claims_much_and_delivers_nothing_is_not_waited_for),
        cmocka_unit_test(who_stood_still_is_asked_again_after_a_while),
        cmocka_unit_test(who_brings_only_what_does_not_fit_is_not_waited_for_either),
        cmocka_unit_test(who_brings_what_fits_has_its_time_for_the_next_unit),
        cmocka_unit_test(a_writer_is_not_hurried_for_what_it_wrote_just_now),
        cmocka_unit_test(the_writer_takes_over),
        cmocka_unit_test(who_delivers_and_has_no_more_is_not_waited_for),
        cmocka_unit_test(who_delivers_and_has_more_is_waited_for),
        cmocka_unit_test(ops_go_before_the_units_that_name_them),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
