/* Two processes of one device: who of them a sibling goes on with, and what the other one signs.
 *
 * The device a runs twice, as `first` and as `copy`; b is its sibling.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#define RETURN_MS 3000u
#define PROBE_MS 5000u
#define TWIN_MS 60000u
#define RIVAL_MS 30000u

static wr_now now; /* of all of them */

typedef struct copies {
    device *first, *b, *copy;
    wr_link *first_link, *first_at_b, *copy_link, *copy_at_b;
} copies;

/* .. as after a start: nobody has confirmed it. */
static device *started_again(device *d, uint64_t seed) {
    device *again = device_twin(d, seed);
    wr_self_free(again->self);
    T_OK(wr_self_new(&again->identity, t_rng(seed + 1), &again->self));
    tell_circle(d, again);
    for (uint32_t i = 0; i < wr_self_feed_count(d->self); i++) {
        uint8_t bytes[WR_FEED_HEAD_MAX];
        wr_buf head = WR_BUF_ARRAY(bytes);
        T_OK(wr_feed_encode(wr_self_feed(d->self, i), &head));
        T_OK(wr_self_load_head(again->self, wr_buf_slice(&head)));
    }
    T_OK(wr_self_load_done(again->self, world_now));
    (void)drain(again);
    T_FALSE(wr_self_may_sign(again->self));
    return again;
}

/* One write, read by the other end; an end of either link is one of both. */
static wr_err pass(device *from, wr_link *out_link, device *to, wr_link *in_link, size_t *moved) {
    static uint8_t pipe[PIPE_SIZE];
    wr_buf out = WR_BUF_ARRAY(pipe);
    (void)drain(from);
    link_serve(from, out_link);
    wr_err err = wr_link_write(out_link, &out, now);
    *moved += out.len;
    wr_err heard = link_take_at(to, in_link, wr_buf_slice(&out), now);
    return err == WR_OK ? heard : err;
}

static wr_err talk(device *a, wr_link *la, device *b, wr_link *lb) {
    wr_err err = WR_OK;
    size_t moved = 1;
    while (err == WR_OK && moved != 0) {
        moved = 0;
        err = pass(a, la, b, lb, &moved);
        if (err == WR_OK)
            err = pass(b, lb, a, la, &moved);
    }
    return err;
}

static void hang_up(wr_link **link) {
    if (*link != NULL)
        wr_link_end(*link, now);
    wr_link_free(*link);
    *link = NULL;
}

static void copies_begin(copies *t) {
    now = world_now;
    t->first = device_new(1);
    t->b = device_new(2);
    make_circle(t->b, t->first);
    T_FALSE(wr_self_may_sign(t->first->self));
    links_new(t->first, t->b, 1, &t->first_link, &t->first_at_b);
    T_OK(talk(t->first, t->first_link, t->b, t->first_at_b));
    T_TRUE(wr_self_may_sign(t->first->self));
    append(t->first, 3);
    T_OK(talk(t->first, t->first_link, t->b, t->first_at_b));
    t->copy = started_again(t->first, 90);
    t->copy_link = t->copy_at_b = NULL;
}

static void copies_end(copies *t) {
    hang_up(&t->first_link);
    hang_up(&t->first_at_b);
    hang_up(&t->copy_link);
    hang_up(&t->copy_at_b);
    device_free(t->first);
    device_free(t->b);
    device_free(t->copy);
}

static void copy_comes(copies *t, uint64_t id) {
    now.mono.ms += 10;
    now.wall.ms += 10;
    hang_up(&t->copy_link);
    hang_up(&t->copy_at_b);
    wr_link_config config = {.self = t->copy->self,
                             .link_id = id,
                             .role = WR_INITIATOR,
                             .peer = t->b->identity.device_id};
    T_OK(wr_link_new(&t->copy_link, &config, now));
    config = (wr_link_config){.self = t->b->self, .link_id = id, .role = WR_RESPONDER};
    T_OK(wr_link_new(&t->copy_at_b, &config, now));
}

/* spec:sync#5.1 type=test "A device that has a session with another instance of the peer MUST ask
 * that one first, by a PING that it says from then on." */
/* spec:sync#5.1 type=test "If the PONG comes, the newcomer MUST be told TWIN, and be left." */
/* spec:sync#5.1 type=test "An instance MUST be drawn anew by each process, and MUST NOT be stored."
 */
static void a_copy_beside_the_first_signs_nothing(void **state) {
    (void)state;
    copies t;
    copies_begin(&t);
    T_FALSE(wr_equal(WR_SLICE_OBJ(*wr_self_instance(t.first->self)),
                     WR_SLICE_OBJ(*wr_self_instance(t.copy->self))));
    copy_comes(&t, 2);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b)); /* it waits .. */
    T_FALSE(wr_self_may_sign(t.copy->self));
    T_OK(talk(t.first, t.first_link, t.b, t.first_at_b)); /* .. until the first has answered */
    T_ERR(talk(t.copy, t.copy_link, t.b, t.copy_at_b), WR_ERR_CLOSED);
    T_FALSE(wr_self_may_sign(t.copy->self));
    T_TRUE(wr_self_twin_until(t.copy->self).ms == now.mono.ms + TWIN_MS);
    T_TRUE(wr_self_may_sign(t.first->self));
    append(t.first, 1);
    T_OK(talk(t.first, t.first_link, t.b, t.first_at_b));
    assert_equal_replicas(t.first, t.b);
    copies_end(&t);
}

/* .. and says goodbye: the copy has its place at once. */
static void when_the_first_leaves_the_copy_goes_on(void **state) {
    (void)state;
    copies t;
    copies_begin(&t);
    append(t.first, 2); /* the copy lacks these */
    T_OK(talk(t.first, t.first_link, t.b, t.first_at_b));
    copy_comes(&t, 2);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    wr_link_leave(t.first_link);
    T_ERR(talk(t.first, t.first_link, t.b, t.first_at_b), WR_ERR_CLOSED);
    hang_up(&t.first_at_b);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    T_TRUE(wr_self_may_sign(t.copy->self));
    assert_equal_replicas(t.copy, t.b);
    copies_end(&t);
}

/* spec:sync#5.1 type=test "A device MUST say SOLE once on each session, as soon as it may." */
static void a_restart_is_confirmed_within_seconds(void **state) {
    (void)state;
    copies t;
    copies_begin(&t);
    hang_up(&t.first_link);
    hang_up(&t.first_at_b); /* no goodbye */
    copy_comes(&t, 2);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    T_FALSE(wr_self_may_sign(t.copy->self));
    T_TRUE(wr_link_deadline(t.copy_at_b).ms == world_now.mono.ms + RETURN_MS);
    now.mono.ms = world_now.mono.ms + RETURN_MS;
    T_OK(wr_link_tick(t.copy_at_b, now));
    T_TRUE(wr_link_deadline(t.copy_at_b).ms > now.mono.ms);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    T_TRUE(wr_self_may_sign(t.copy->self));
    copies_end(&t);
}

/* spec:sync#5.1 type=test "An instance that comes less than 3 seconds after the last session with
 * another one ended, or after the start of the device that is to say SOLE, MUST NOT be told before
 * these have passed" */
/* spec:sync#5.1 type=test "Only if the newcomer signs, and the other one does not and was not told
 * SOLE, that one MUST be told TWIN." */
static void the_first_that_was_cut_off_comes_back(void **state) {
    (void)state;
    copies t;
    copies_begin(&t);
    hang_up(&t.first_link);
    hang_up(&t.first_at_b);
    copy_comes(&t, 2);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    now.wall.ms += 10;
    wr_link_config config = {
        .self = t.first->self, .link_id = 3, .role = WR_INITIATOR, .peer = t.b->identity.device_id};
    T_OK(wr_link_new(&t.first_link, &config, now));
    config = (wr_link_config){.self = t.b->self, .link_id = 3, .role = WR_RESPONDER};
    T_OK(wr_link_new(&t.first_at_b, &config, now));
    T_OK(talk(t.first, t.first_link, t.b, t.first_at_b));
    T_ERR(talk(t.copy, t.copy_link, t.b, t.copy_at_b), WR_ERR_CLOSED);
    T_TRUE(wr_self_twin_until(t.copy->self).ms != 0);
    hang_up(&t.copy_link);
    hang_up(&t.copy_at_b);
    T_OK(talk(t.first, t.first_link, t.b, t.first_at_b));
    T_TRUE(wr_self_may_sign(t.first->self));
    copies_end(&t);
}

/* spec:sync#5.1 type=test "An instance that is asked and stays silent for 5 seconds, or for 20
 * while units are under way to it, MUST be left." */
static void a_dead_session_makes_room(void **state) {
    (void)state;
    copies t;
    copies_begin(&t);
    copy_comes(&t, 2);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    size_t moved = 0;
    static uint8_t pipe[PIPE_SIZE];
    wr_buf out = WR_BUF_ARRAY(pipe);
    T_OK(wr_link_write(t.first_at_b, &out, now)); /* a PING that nobody hears */
    T_TRUE(wr_link_deadline(t.first_at_b).ms == now.mono.ms + PROBE_MS);
    now.mono.ms += PROBE_MS - 1;
    T_OK(wr_link_tick(t.first_at_b, now));
    T_OK(pass(t.copy, t.copy_link, t.b, t.copy_at_b, &moved));
    T_FALSE(wr_self_may_sign(t.copy->self));
    now.mono.ms += 1;
    T_ERR(wr_link_tick(t.first_at_b, now), WR_ERR_TIMEOUT);
    hang_up(&t.first_at_b);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    T_TRUE(wr_self_may_sign(t.copy->self));
    copies_end(&t);
}

/* a by p and c by q. */
static three both_speak_to_b(puppet **ret_p, puppet **ret_q) {
    now = world_now;
    three t = three_new(1);
    *ret_p = puppet_new(t.a, t.b, 11, UINT64_C(1) << 60);
    *ret_q = puppet_new(t.c, t.b, 12, 1);
    puppet_up(*ret_p);
    puppet_up(*ret_q);
    return t;
}

/* spec:sync#5.1 type=test "A device that hears TWIN MUST NOT sign from then on, until it is
 * confirmed anew." */
/* spec:sync#5.1 type=test "A device MUST NOT be confirmed on a session before SOLE was heard on it,
 * nor while a TWIN holds that another sibling said." */
static void the_word_of_one_sibling_holds_against_another(void **state) {
    (void)state;
    puppet *p, *q;
    three t = both_speak_to_b(&p, &q);
    device *b = t.b;
    T_TRUE(wr_self_may_sign(b->self));
    T_OK(puppet_say(p, WR_FRAME_TWIN, WR_SLICE_EMPTY));
    T_FALSE(wr_self_may_sign(b->self));
    T_OK(puppet_say(q, WR_FRAME_SOLE, WR_SLICE_EMPTY));
    T_FALSE(wr_self_may_sign(b->self));
    T_EQ(wr_link_deadline(q->link).ms, now.mono.ms + TWIN_MS);
    now.mono.ms += TWIN_MS;
    T_OK(wr_link_tick(q->link, now));
    T_TRUE(wr_self_may_sign(b->self)); /* whoever said it is heard no more */
    T_OK(puppet_say(p, WR_FRAME_TWIN, WR_SLICE_EMPTY));
    T_FALSE(wr_self_may_sign(b->self));
    T_OK(puppet_say(p, WR_FRAME_SOLE, WR_SLICE_EMPTY)); /* it takes it back */
    T_TRUE(wr_self_may_sign(b->self));
    T_ERR(puppet_say(p, WR_FRAME_SOLE, wr_slice_str("x")), WR_ERR_FORMAT);
    T_ERR(puppet_say(q, WR_FRAME_TWIN, wr_slice_str("x")), WR_ERR_FORMAT);
    puppet_free(p);
    puppet_free(q);
    three_free(&t);
}

/* spec:sync#5.1 type=test "nor while a TWIN holds that another sibling said." */
static void what_one_takes_back_another_one_still_says(void **state) {
    (void)state;
    puppet *p, *q;
    three t = both_speak_to_b(&p, &q);
    T_OK(puppet_say(p, WR_FRAME_TWIN, WR_SLICE_EMPTY));
    T_OK(puppet_say(q, WR_FRAME_TWIN, WR_SLICE_EMPTY));
    T_OK(puppet_say(q, WR_FRAME_SOLE, WR_SLICE_EMPTY));
    T_FALSE(wr_self_may_sign(t.b->self));
    T_OK(puppet_say(p, WR_FRAME_SOLE, WR_SLICE_EMPTY));
    T_TRUE(wr_self_may_sign(t.b->self));
    puppet_free(p);
    puppet_free(q);
    three_free(&t);
}

static wr_err remove_one(device *by, device *target) {
    wr_removal removal = {
        .targets = &target->identity.device_id, .target_count = 1, .reason = WR_REASON_LOST};
    wr_err err = wr_self_remove(by->self, &removal, now);
    (void)drain(by);
    return err;
}

/* One that says TWIN without end silences whom it likes, but not its own removal. */
static void who_lies_about_a_twin_is_removed(void **state) {
    (void)state;
    puppet *p, *q;
    three t = both_speak_to_b(&p, &q);
    T_OK(puppet_say(p, WR_FRAME_TWIN, WR_SLICE_EMPTY));
    T_ERR(remove_one(t.b, t.a), WR_ERR_STATE); /* nobody else has said a word for b */
    T_OK(puppet_say(q, WR_FRAME_TWIN, WR_SLICE_EMPTY));
    T_ERR(remove_one(t.b, t.a), WR_ERR_STATE);
    T_OK(puppet_say(q, WR_FRAME_SOLE, WR_SLICE_EMPTY));
    T_FALSE(wr_self_may_sign(t.b->self));
    T_ERR(remove_one(t.b, t.c), WR_ERR_STATE); /* what a says still holds */
    T_OK(remove_one(t.b, t.a));
    T_TRUE(wr_self_may_sign(t.b->self));
    T_ERR(wr_link_judge(p->link), WR_ERR_REFUSED);
    append(t.b, 1);
    puppet_free(p);
    puppet_free(q);
    three_free(&t);
}

/* .. nor a new generation without it. */
static void who_lies_about_a_twin_is_left_behind(void **state) {
    (void)state;
    puppet *p, *q;
    three t = both_speak_to_b(&p, &q);
    T_OK(puppet_say(p, WR_FRAME_TWIN, WR_SLICE_EMPTY));
    T_OK(puppet_say(q, WR_FRAME_SOLE, WR_SLICE_EMPTY));
    T_FALSE(wr_self_may_sign(t.b->self));
    T_ERR(reset_it(t.b, NULL, NULL), WR_ERR_STATE); /* the liar stays in this one */
    T_ERR(reset_it(t.b, t.b, t.a), WR_ERR_STATE);
    T_OK(reset_it(t.b, t.b, t.c));
    T_TRUE(wr_self_may_sign(t.b->self));
    puppet_free(p);
    puppet_free(q);
    three_free(&t);
}

/* .. and whoever spoke for it counts only while it is there. */
static void who_has_gone_speaks_for_nobody(void **state) {
    (void)state;
    puppet *p, *q;
    three t = both_speak_to_b(&p, &q);
    T_OK(puppet_say(p, WR_FRAME_TWIN, WR_SLICE_EMPTY));
    T_OK(puppet_say(q, WR_FRAME_SOLE, WR_SLICE_EMPTY));
    puppet_free(q);
    T_ERR(remove_one(t.b, t.a), WR_ERR_STATE);
    puppet_free(p);
    three_free(&t);
}

static void links_of(device *from, device *to, uint64_t id, wr_link **ret_from, wr_link **ret_to) {
    wr_link_config config = {
        .self = from->self, .link_id = id, .role = WR_INITIATOR, .peer = to->identity.device_id};
    now.mono.ms += 10;
    now.wall.ms += 10;
    T_OK(wr_link_new(ret_from, &config, now));
    config = (wr_link_config){.self = to->self, .link_id = id, .role = WR_RESPONDER};
    T_OK(wr_link_new(ret_to, &config, now));
}

/* A device that starts again and comes on two paths at once is one process. */
static void two_sessions_of_one_process_are_no_twins(void **state) {
    (void)state;
    copies t;
    wr_link *other, *other_at_b;
    copies_begin(&t);
    copy_comes(&t, 2);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    links_of(t.copy, t.b, 3, &other, &other_at_b);
    T_OK(talk(t.copy, other, t.b, other_at_b));
    hang_up(&t.first_link);
    hang_up(&t.first_at_b);
    now.mono.ms += RETURN_MS;
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    T_OK(talk(t.copy, other, t.b, other_at_b));
    T_EQ(wr_self_twin_until(t.copy->self).ms, 0);
    T_TRUE(wr_self_may_sign(t.copy->self));
    hang_up(&other);
    hang_up(&other_at_b);
    copies_end(&t);
}

/* Two wait: the one that gets the place is asked, as the one was that had it. */
static void the_second_that_waits_is_told_by_an_answer(void **state) {
    (void)state;
    copies t;
    wr_link *other, *other_at_b;
    copies_begin(&t);
    copy_comes(&t, 2);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    device *third = started_again(t.first, 95);
    links_of(third, t.b, 3, &other, &other_at_b);
    T_OK(talk(third, other, t.b, other_at_b));
    hang_up(&t.first_link);
    hang_up(&t.first_at_b);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b)); /* it has the place */
    T_OK(talk(third, other, t.b, other_at_b));
    T_EQ(wr_self_twin_until(third->self).ms, 0);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b)); /* it answers */
    T_ERR(talk(third, other, t.b, other_at_b), WR_ERR_CLOSED);
    T_TRUE(wr_self_twin_until(third->self).ms != 0);
    hang_up(&other);
    hang_up(&other_at_b);
    device_free(third);
    copies_end(&t);
}

/* Its last words stand in the way of the PING: no write is asked for. */
static void a_dead_session_that_is_full_makes_room(void **state) {
    (void)state;
    copies t;
    copies_begin(&t);
    copy_comes(&t, 2);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    T_TRUE(wr_mono_reached(wr_link_deadline(t.first_at_b), now.mono));
    T_OK(wr_link_tick(t.first_at_b, now));
    T_EQ(wr_link_deadline(t.first_at_b).ms, now.mono.ms + PROBE_MS);
    now.mono.ms += PROBE_MS;
    T_ERR(wr_link_tick(t.first_at_b, now), WR_ERR_TIMEOUT);
    hang_up(&t.first_at_b);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    T_TRUE(wr_self_may_sign(t.copy->self));
    copies_end(&t);
}

/* spec:sync#5.1 type=test "A newcomer that waits for 30 seconds MUST be left." */
static void nobody_waits_for_ever(void **state) {
    (void)state;
    copies t;
    copies_begin(&t);
    copy_comes(&t, 2);
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b));
    now.mono.ms += RIVAL_MS - 1;
    T_OK(talk(t.copy, t.copy_link, t.b, t.copy_at_b)); /* it is heard, and nobody answers for it */
    T_OK(wr_link_tick(t.copy_at_b, now));
    now.mono.ms += 1;
    T_ERR(wr_link_tick(t.copy_at_b, now), WR_ERR_TIMEOUT);
    copies_end(&t);
}

/* Two that hold the same wake up for their PING, and for nothing else. */
static void nobody_wakes_up_for_a_frontier_that_stayed(void **state) {
    (void)state;
    const uint64_t ping_ms = 240000;
    wr_link *of_b, *of_c;
    now = world_now;
    three t = three_new(3);
    links_new(t.b, t.c, 9, &of_b, &of_c);
    T_OK(talk(t.b, of_b, t.c, of_c));
    for (unsigned round = 0; round < 3; round++) {
        now.mono.ms += ping_ms;
        T_OK(wr_link_tick(of_b, now));
        T_OK(wr_link_tick(of_c, now));
        now.mono.ms += 10;
        T_OK(talk(t.b, of_b, t.c, of_c));
    }
    T_EQ(wr_link_deadline(of_b).ms, now.mono.ms + ping_ms);
    T_EQ(wr_link_deadline(of_c).ms, now.mono.ms + ping_ms);
    wr_link_free(of_b);
    wr_link_free(of_c);
    three_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_takes_back_another_one_still_says),
        cmocka_unit_test(who_lies_about_a_twin_is_removed),
        cmocka_unit_test(who_lies_about_a_twin_is_left_behind),
        cmocka_unit_test(who_has_gone_speaks_for_nobody),
        cmocka_unit_test(two_sessions_of_one_process_are_no_twins),
        cmocka_unit_test(the_second_that_waits_is_told_by_an_answer),
        cmocka_unit_test(a_dead_session_that_is_full_makes_room),
        cmocka_unit_test(nobody_waits_for_ever),
        cmocka_unit_test(nobody_wakes_up_for_a_frontier_that_stayed),
        cmocka_unit_test(a_copy_beside_the_first_signs_nothing),
        cmocka_unit_test(when_the_first_leaves_the_copy_goes_on),
        cmocka_unit_test(a_restart_is_confirmed_within_seconds),
        cmocka_unit_test(the_first_that_was_cut_off_comes_back),
        cmocka_unit_test(a_dead_session_makes_room),
        cmocka_unit_test(the_word_of_one_sibling_holds_against_another),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
