/* Serving over a link: windows, units and acknowledgements, and claims that do not hold.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#include <stdlib.h>

/* spec:sync#4.3 type=test "With WANT and STOP what is under way of that feed MUST cease to
 * count" */
/* spec:sync#4.3 type=test "A sender MUST NOT begin a unit while 8 units or 4 MiB of entries are
 * under way to a peer." */
static void stop_ends_the_push_of_an_own_feed_and_empties_the_window(void **state) {
    (void)state;
    three t = three_new(2);
    uint8_t bytes[256];
    wr_buf body = WR_BUF_ARRAY(bytes);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    wr_serve serve;
    puppet_up(p);
    uint32_t given = 0;
    for (; given < 20; given++) { /* never acknowledged */
        append(t.b, 1);
        if (!wr_link_serving(p->link, &serve))
            break;
        wr_slice rows = rows_from(t.b, t.b, serve.first);
        uint8_t *copy = malloc(rows.len);
        T_TRUE(copy != NULL);
        memcpy(copy, rows.ptr, rows.len);
        wr_unit unit = {.first = serve.first, .end = serve.n, .lo = serve.first};
        wr_link_give(p->link, &serve, &unit, copy, rows.len);
        while (puppet_hear(p, WR_FRAME_HAVE, &body)) {
        }
    }
    T_EQ(given, 8);
    const wr_feed *feed = feed_at(t.b, t.b);
    T_OK(say_want(p, feed, WR_WANT_STOP));
    T_FALSE(wr_link_serving(p->link, &serve));
    T_TRUE(puppet_hear(p, WR_FRAME_HAVE, &body)); /* now it is announced instead */
    T_OK(say_want(p, feed, 0));
    T_TRUE(wr_link_serving(p->link, &serve));
    T_EQ(serve.first, 0);
    puppet_free(p);
    three_free(&t);
}

/* spec:sync#2.6 type=test "What a device says that it holds of a feed, in FRONTIER, WANT and
 * HAVE, MUST NOT become less within a session." */
static void nobody_holds_less_than_it_said(void **state) {
    (void)state;
    three t = three_new(6);
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    const wr_feed *feed = feed_at(t.b, t.a);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    say_have(p, feed, 5);
    T_OK(say_want(p, feed, 5));
    T_OK(wr_list_begin(&body, false, 1));
    T_OK(wr_have_put(&body, &feed->feed_id, 4, true));
    T_ERR(puppet_say(p, WR_FRAME_HAVE, wr_buf_slice(&body)), WR_ERR_FORMAT);
    puppet_free(p);
    p = puppet_new(t.c, t.b, 3, 2);
    puppet_up(p);
    say_have(p, feed, 5);
    T_ERR(say_want(p, feed, 4), WR_ERR_FORMAT);
    puppet_free(p);
    three_free(&t);
}

/* spec:sync#2.5 type=test "A WANT beyond what its receiver holds MUST end the session." */
static void nobody_wants_more_than_there_is(void **state) {
    (void)state;
    three t = three_new(6);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    T_ERR(say_want(p, feed_at(t.b, t.a), 7), WR_ERR_FORMAT);
    puppet_free(p);
    three_free(&t);
}

/* spec:sync#4.2 type=test "A device MUST NOT serve a feed of which it lacks entries under its
 * newest checkpoint." */
static void what_cannot_be_proved_is_not_served(void **state) {
    (void)state;
    three t = three_new(10);
    device *d = device_new(4);
    add_device(t.a, d);
    meet(t.a, t.b, 2);
    append(t.a, 5);
    const wr_feed *feed = feed_at(t.a, t.a);
    puppet *p = puppet_new(t.c, t.b, 3, 1), *q = puppet_new(d, t.b, 4, 1);
    wr_serve serve;
    puppet_up(p);
    puppet_up(q);
    T_OK(say_want(q, feed, 0));
    T_TRUE(wr_link_serving(q->link, &serve));
    T_EQ(serve.n, 10);
    T_OK(puppet_unit(p, feed, 14, 15, rows_from(t.a, t.a, 10))); /* brings the checkpoint only */
    T_EQ(feed_at(t.b, t.a)->cp_len, 15);
    T_FALSE(wr_link_serving(q->link, &serve));
    T_OK(puppet_unit(p, feed, 10, 15, rows_from(t.a, t.a, 10)));
    T_TRUE(wr_link_serving(q->link, &serve));
    T_EQ(serve.n, 15);
    puppet_free(p);
    puppet_free(q);
    device_free(d);
    three_free(&t);
}

/* b holds four entries, then a shows it a checkpoint over nine and goes away after eight. */
static three three_broken_off(void) {
    three t = three_new(4); /* c has none of them */
    append(t.a, 4);
    append(t.a, 1);
    wr_hash path[2] = {root_at(t.a, t.a, 8, 9), root_at(t.a, t.a, 0, 4)};
    size_t last_len = rows_from(t.a, t.a, 8).len;
    wr_slice entries = rows_from(t.a, t.a, 4);
    entries.len -= last_len;
    wr_unit unit = {
        .lo = 4, .first = 4, .end = 8, .entries = entries, .path = path, .path_count = 2};
    puppet *p = puppet_new(t.a, t.b, 2, world_now.wall.ms + 1000);
    puppet_up(p);
    T_OK(puppet_node(p, feed_at(t.a, t.a), &unit));
    puppet_free(p);
    T_EQ(feed_at(t.b, t.a)->tree.len, 8);
    T_FALSE(wr_feed_complete(feed_at(t.b, t.a)));
    return t;
}

/* Nothing of it is passed on, nor of what could be proved before. */
static void what_was_broken_off_stays_until_the_rest_comes(void **state) {
    (void)state;
    three t = three_broken_off();
    meet(t.b, t.c, 3);
    T_EQ(feed_at(t.c, t.a)->tree.len, 0);
    T_EQ(t.b->units_served, 0);
    meet(t.b, t.a, 4); /* the writer is there once more */
    meet(t.b, t.c, 5);
    T_EQ(feed_at(t.c, t.a)->tree.len, 9);
    T_EQ(t.b->units_served, 1);
    T_EQ(t.a->alerts + t.b->alerts + t.c->alerts, 0);
    three_free(&t);
}

/* The cut of the removal names what b holds, but no checkpoint has that length. */
static void what_was_broken_off_of_a_lost_device_stays_where_it_is(void **state) {
    (void)state;
    three t = three_broken_off();
    const wr_hash *feed_id = &feed_at(t.b, t.a)->feed_id;
    wr_removal lost = {
        .targets = &t.a->identity.device_id, .target_count = 1, .reason = WR_REASON_LOST};
    T_OK(wr_self_remove(t.b->self, &lost, world_now));
    (void)drain(t.b);
    meet(t.b, t.c, 3);
    wr_limit limit = wr_graph_limit(wr_self_graph(t.c->self), &t.a->identity.device_id, feed_id);
    T_EQ(limit.shown, 8);
    T_EQ(feed_at(t.c, t.a)->tree.len, 0);
    append(t.b, 1); /* nothing else is held up by it */
    meet(t.b, t.c, 4);
    T_EQ(feed_at(t.c, t.b)->tree.len, 1);
    T_EQ(t.b->alerts + t.c->alerts, 0);
    three_free(&t);
}

static void four_mebibytes_fill_the_window(void **state) {
    (void)state;
    three t = three_new(2);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    wr_serve serve;
    append(t.b, 1);
    T_TRUE(wr_link_serving(p->link, &serve));
    const size_t size = 4u * 1024u * 1024u;
    uint8_t *entries = calloc(1, size);
    T_TRUE(entries != NULL);
    wr_link_give(p->link, &serve, &(wr_unit){.first = 0, .end = 1}, entries, size);
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    for (unsigned i = 0; i < 80; i++)
        T_FALSE(puppet_hear(p, WR_FRAME_HAVE, &body));
    append(t.b, 1);
    T_FALSE(wr_link_serving(p->link, &serve));
    say_have(p, feed_at(t.b, t.b), 1);
    T_TRUE(wr_link_serving(p->link, &serve));
    puppet_free(p);
    three_free(&t);
}

/* spec:sync#2.7 type=test "There MUST NOT be a DATA before all bytes of the one before have come,
 * nor a PART that is empty or brings more than is missing." spec:sync#2.7 type=test "DATA MUST
 * carry the checkpoint under which the unit was made" */
static void units_come_whole_and_one_by_one(void **state) {
    (void)state;
    three t = three_new(1);
    append(t.a, 1);
    const wr_feed *feed = feed_at(t.a, t.a);
    wr_slice rows = rows_from(t.a, t.a, 1);
    uint8_t bytes[1024], zeros[512] = {0};
    for (unsigned wrong = 0; wrong < 5; wrong++) {
        puppet *p = puppet_new(t.c, t.b, wrong + 2, wrong + 1);
        wr_data data = {.feed_id = feed->feed_id,
                        .lo = 1,
                        .first = 1,
                        .end = 2,
                        .size = rows.len,
                        .checkpoint = wr_feed_checkpoint(feed),
                        .sig = feed->cp_sig,
                        .path = WR_SLICE_EMPTY};
        if (wrong == 0)
            data.checkpoint = WR_SLICE_EMPTY;
        wr_buf body = WR_BUF_ARRAY(bytes);
        T_OK(wr_data_encode(&data, &body));
        puppet_up(p);
        T_ERR(puppet_say(p, WR_FRAME_DATA, wr_buf_slice(&body)),
              wrong == 0 ? WR_ERR_FORMAT : WR_OK);
        if (wrong == 1)
            T_ERR(puppet_say(p, WR_FRAME_DATA, wr_buf_slice(&body)), WR_ERR_STATE);
        if (wrong == 2)
            T_ERR(puppet_say(p, WR_FRAME_PART, WR_SLICE_EMPTY), WR_ERR_STATE);
        if (wrong == 3)
            T_ERR(puppet_say(p, WR_FRAME_PART, wr_slice_of(zeros, rows.len + 1)), WR_ERR_STATE);
        if (wrong == 4) {
            T_OK(puppet_say(p, WR_FRAME_PART, wr_slice_of(rows.ptr, 5)));
            T_OK(puppet_say(p, WR_FRAME_PING, wr_slice_of(zeros, 8)));
            T_OK(puppet_say(p, WR_FRAME_PART, wr_slice_of(rows.ptr + 5, rows.len - 5)));
            T_ERR(puppet_say(p, WR_FRAME_PART, wr_slice_of(zeros, 1)), WR_ERR_STATE);
        }
        T_EQ(feed_at(t.b, t.a)->tree.len, wrong == 4 ? 2 : 1);
        puppet_free(p);
    }
    three_free(&t);
}

/* spec:sync#4.4 type=test "HAVE, and everything else that tells what a device holds, MUST NOT leave
 * before it is durable." */
static void an_acknowledgement_waits_for_the_store(void **state) {
    (void)state;
    three t = three_new(1);
    append(t.a, 1);
    const wr_feed *feed = feed_at(t.a, t.a);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    uint8_t bytes[1024];
    wr_buf body = WR_BUF_ARRAY(bytes), plain;
    wr_slice rows = rows_from(t.a, t.a, 1);
    wr_data data = {.feed_id = feed->feed_id,
                    .lo = 1,
                    .first = 1,
                    .end = 2,
                    .size = rows.len,
                    .checkpoint = wr_feed_checkpoint(feed),
                    .sig = feed->cp_sig,
                    .path = WR_SLICE_EMPTY};
    T_OK(wr_data_encode(&data, &body));
    T_OK(puppet_say(p, WR_FRAME_DATA, wr_buf_slice(&body)));
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_TRUE(wr_session_begin(&p->session, &out, &plain));
    T_OK(wr_frame_put(&plain, WR_FRAME_PART, rows));
    T_OK(wr_frame_put(&plain, WR_FRAME_CLOSE, wr_slice_of("", 1)));
    T_OK(wr_session_end(&p->session, &plain, &out, world_now.mono));
    wr_slice in = wr_buf_slice(&out);
    /* It stops behind the unit: there is something to store, and until then the link may not be
     * written to, which wr_link_write asserts. */
    T_OK(wr_link_read(p->link, &in, world_now));
    wr_put put;
    bool row = false;
    T_TRUE(wr_self_pending(t.b->self));
    while (wr_self_poll(t.b->self, &put))
        row = row || (put.type == WR_PUT_ROW && put.row->first_seq == 1);
    T_TRUE(row);
    wr_hash feed_id;
    uint64_t len;
    bool flag;
    uint32_t count;
    T_TRUE(puppet_hear(p, WR_FRAME_HAVE, &body));
    in = wr_buf_slice(&body);
    T_OK(wr_list_open(&in, 1, &flag, &count));
    T_OK(wr_have_take(&in, &feed_id, &len, &flag));
    T_EQ(len, 2);
    puppet_free(p);
    three_free(&t);
}

/* Each feed has more than a unit to give. */
static void feeds_take_turns(void **state) {
    (void)state;
    three t = three_new(10);
    append(t.b, 10);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    T_OK(say_want(p, feed_at(t.b, t.a), 0));
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    uint32_t before = WR_FEEDS_MAX;
    for (unsigned i = 0; i < 6; i++) {
        wr_serve serve;
        T_TRUE(wr_link_serving(p->link, &serve));
        T_TRUE(serve.feed_index != before);
        T_EQ(serve.first, i / 2);
        before = serve.feed_index;
        wr_unit unit = {.first = serve.first, .end = serve.first + 1, .lo = serve.first};
        uint8_t *entries = calloc(1, 10);
        T_TRUE(entries != NULL);
        wr_link_give(p->link, &serve, &unit, entries, 10);
        T_FALSE(puppet_hear(p, WR_FRAME_HAVE, &body));
    }
    puppet_free(p);
    three_free(&t);
}

static void who_asks_for_the_frontier_gets_it(void **state) {
    (void)state;
    three t = three_new(3);
    puppet *p = puppet_new(t.c, t.b, 2, 1);
    puppet_up(p);
    static uint8_t bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_TRUE(puppet_hear(p, WR_FRAME_FRONTIER, &body));
    T_FALSE(puppet_hear(p, WR_FRAME_FRONTIER, &body));
    body.len = 0;
    T_OK(wr_list_begin(&body, true, 0));
    T_OK(puppet_say(p, WR_FRAME_FRONTIER, wr_buf_slice(&body)));
    T_TRUE(puppet_hear(p, WR_FRAME_FRONTIER, &body));
    wr_slice in = wr_buf_slice(&body);
    bool flag;
    uint32_t count;
    uint64_t k, len;
    wr_hash feed_id, root;
    T_OK(wr_list_open(&in, 10, &flag, &count));
    T_FALSE(flag);
    T_EQ(count, 1);
    T_OK(wr_frontier_take(&in, &feed_id, &k, &len, &root, &flag));
    T_MEM(feed_id.b, feed_at(t.b, t.a)->feed_id.b, sizeof feed_id.b);
    T_EQ(len, 3);
    T_TRUE(flag);
    puppet_free(p);
    three_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop_ends_the_push_of_an_own_feed_and_empties_the_window),
        cmocka_unit_test(nobody_holds_less_than_it_said),
        cmocka_unit_test(nobody_wants_more_than_there_is),
        cmocka_unit_test(what_cannot_be_proved_is_not_served),
        cmocka_unit_test(what_was_broken_off_stays_until_the_rest_comes),
        cmocka_unit_test(what_was_broken_off_of_a_lost_device_stays_where_it_is),
        cmocka_unit_test(four_mebibytes_fill_the_window),
        cmocka_unit_test(feeds_take_turns),
        cmocka_unit_test(who_asks_for_the_frontier_gets_it),
        cmocka_unit_test(units_come_whole_and_one_by_one),
        cmocka_unit_test(an_acknowledgement_waits_for_the_store),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
