/* A device's side of the circle: what it takes from checkpoints, and how its clock moves.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#include <stdlib.h>

/* One entry of the writer under a checkpoint that names these membership heads, whatever its own
 * self would name. */
static void grow(device *writer, wr_feed *feed, const wr_hash *mheads, uint32_t count) {
    static uint8_t memory[WR_RUN_BYTES_MAX];
    static wr_run run;
    wr_rng rng = t_rng(70);
    wr_hash epoch = *wr_self_write_epoch(writer->self), seen = {{0}};
    WR_SECRET(wr_feed_keys) keys;
    T_OK(wr_keyring_feed_keys(wr_self_keyring(writer->self), &epoch, &feed->feed_id, &keys));
    wr_entry entry = {.kind = WR_ENTRY_MESSAGE, .log_no = 1, .hlc = feed->hlc_last + 1};
    wr_run_begin(&run, feed, memory, sizeof memory);
    T_OK(wr_run_add(&run, feed, &keys, &epoch, &rng, &entry, wr_slice_str("entry")));
    T_OK(wr_run_close(&run, feed, &writer->identity.sign, mheads, count, &seen));
}

/* spec:feed#6.3 type=test "The membership heads of a checkpoint MUST cover those of the one before
 * it, unless it names another graph (circle.md 2.6), which counts here or is of a later
 * generation."
 */
static void a_writer_cannot_forget_what_it_knew_of_the_circle(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    const wr_graph *graph = wr_self_graph(b->self);
    uint32_t last = wr_graph_op_count(graph) - 1, index = feed_of(b, a);
    wr_hash all = wr_graph_op(graph, last).id, less = wr_graph_op(graph, last - 1).id;
    wr_feed feed = *feed_at(a, a);
    grow(a, &feed, &all, 1);
    T_OK(wr_self_checkpoint(b->self, index, wr_feed_checkpoint(&feed), &feed.cp_sig));
    wr_hash before = feed_at(b, a)->cp_hash;
    wr_feed fewer = feed;
    grow(a, &fewer, &less, 1);
    T_ERR(wr_self_checkpoint(b->self, index, wr_feed_checkpoint(&fewer), &fewer.cp_sig),
          WR_ERR_REFUSED);
    T_MEM(feed_at(b, a)->cp_hash.b, before.b, sizeof before.b);
    wr_hash strange = {{1}};
    wr_feed unknown = feed;
    grow(a, &unknown, &strange, 1);
    T_ERR(wr_self_checkpoint(b->self, index, wr_feed_checkpoint(&unknown), &unknown.cp_sig),
          WR_ERR_UNKNOWN);
    grow(a, &feed, &all, 1);
    T_OK(wr_self_checkpoint(b->self, index, wr_feed_checkpoint(&feed), &feed.cp_sig));
    device_free(a);
    device_free(b);
}

/* a writes one entry at this time of its own clock, and b takes it. */
static void write_at(device *a, device *b, uint64_t wall_ms, uint64_t link_id) {
    uint64_t seq, hlc = wr_self_hlc(a->self, (wr_now){.wall = {wall_ms}});
    T_OK(wr_self_append(a->self, 0, WR_ENTRY_MESSAGE, 1, hlc, wr_slice_str("entry"), &seq));
    T_OK(wr_self_close_run(a->self));
    (void)drain(a);
    wr_link *la, *lb;
    links_new(a, b, link_id, &la, &lb);
    T_OK(converse(a, la, b, lb));
    assert_equal_replicas(a, b);
    wr_link_free(la);
    wr_link_free(lb);
}

/* spec:feed#6.4 type=test "A clock that is more than five minutes ahead MUST NOT advance the local
 * one." */
static void a_clock_far_ahead_does_not_pull_ours(void **state) {
    (void)state;
    const uint64_t now_ms = world_now.wall.ms, minutes = 60000;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    write_at(a, b, now_ms + 5 * minutes, 1);
    T_TRUE(wr_self_hlc(b->self, world_now) > (now_ms + 5 * minutes) << 16); /* still followed */
    T_TRUE(wr_self_hlc(b->self, world_now) < (now_ms + 5 * minutes + 1) << 16);
    write_at(a, b, now_ms + 5 * minutes + 1, 2);
    T_TRUE(wr_self_hlc(b->self, world_now) < (now_ms + 5 * minutes + 1) << 16);
    write_at(a, b, now_ms + 10000 * minutes, 3);
    T_TRUE(wr_self_hlc(b->self, world_now) < (now_ms + 5 * minutes + 1) << 16);

    /* Nor after a restart, while our own entries count whatever they say. */
    device *again = device_twin(b, 80);
    T_TRUE(wr_self_hlc(again->self, world_now) < (now_ms + 5 * minutes + 1) << 16);
    device_free(again);
    again = device_twin(a, 81);
    T_TRUE(wr_self_hlc(again->self, world_now) > (now_ms + 10000 * minutes) << 16);
    device_free(again);
    device_free(a);
    device_free(b);
}

/* a as it is after a restart; a mark above 0 is that of a session with b. */
static bool may_sign_again(device *a, device *b, uint64_t seed, uint64_t mark) {
    device *again = device_twin(a, seed);
    wr_self_free(again->self);
    T_OK(wr_self_new(&again->identity, t_rng(seed), &again->self));
    tell_circle(a, again);
    for (uint32_t i = 0; i < wr_self_feed_count(a->self); i++) {
        uint8_t bytes[WR_FEED_HEAD_MAX];
        wr_buf head = WR_BUF_ARRAY(bytes);
        T_OK(wr_feed_encode(wr_self_feed(a->self, i), &head));
        if (wr_self_feed(a->self, i)->has_checkpoint)
            T_OK(wr_self_load_head(again->self, wr_buf_slice(&head)));
    }
    if (mark != 0)
        T_OK(wr_self_load_mark(again->self, &b->identity.device_id, mark));
    T_OK(wr_self_load_done(again->self, world_now));
    bool may = wr_self_may_sign(again->self);
    device_free(again);
    return may;
}

static void a_member_that_was_never_seen_silences_nobody(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    append(a, 1);
    T_TRUE(may_sign_again(a, b, 80, 0));
    T_FALSE(may_sign_again(a, b, 81, 5)); /* it dialled us once */
    wr_link *la, *lb;
    links_new(a, b, 1, &la, &lb);
    T_OK(converse(a, la, b, lb));
    append(b, 1);
    T_OK(converse(a, la, b, lb)); /* an entry of it is here */
    wr_link_free(la);
    wr_link_free(lb);
    T_FALSE(may_sign_again(a, b, 82, 0));
    device_free(a);
    device_free(b);
}

static void a_member_that_wrote_an_op_was_seen(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    wr_link *la, *lb;
    links_new(a, b, 1, &la, &lb);
    T_OK(converse(a, la, b, lb));
    T_TRUE(may_sign_again(a, b, 83, 0));
    T_OK(wr_self_ack(b->self, world_now));
    (void)drain(b);
    T_OK(converse(a, la, b, lb));
    T_FALSE(may_sign_again(a, b, 84, 0));
    wr_link_free(la);
    wr_link_free(lb);
    device_free(a);
    device_free(b);
}

/* The sibling that confirmed it did not know the most.  What it signs that is no entry of the feed
 * makes no fork of it. */
static void who_was_set_back_takes_its_own_until_it_signs(void **state) {
    (void)state;
    for (unsigned first = 0; first < 3; first++) {
        device *a = device_new(1), *b = device_new(2);
        make_circle(a, b);
        write_at(a, b, world_now.wall.ms, 1);
        device *set_back = device_twin(a, 80); /* confirmed */
        write_at(a, b, world_now.wall.ms + 10, 2);
        write_at(a, b, world_now.wall.ms + 20, 3);
        if (first == 1)
            append(set_back, 1);
        if (first == 2)
            T_OK(wr_self_author(set_back->self, WR_OP_ACK, wr_slice_str("\x91\x90"), world_now));
        (void)drain(set_back);
        wr_now later = world_now;
        later.wall.ms += 1000;
        (void)wr_self_next_mark(set_back->self, later); /* time has passed since the backup */
        wr_link *la, *lb;
        links_new(set_back, b, 4, &la, &lb);
        T_OK(converse(set_back, la, b, lb));
        T_EQ(set_back->alerts, first == 1 ? 1 : 0);
        T_EQ(feed_at(set_back, a)->tree.len, first == 1 ? 2 : 3);
        if (first != 1)
            assert_equal_replicas(set_back, b);
        T_TRUE(wr_self_may_sign(set_back->self));
        wr_link_free(la);
        wr_link_free(lb);
        device_free(set_back);
        device_free(a);
        device_free(b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_writer_cannot_forget_what_it_knew_of_the_circle),
        cmocka_unit_test(a_clock_far_ahead_does_not_pull_ours),
        cmocka_unit_test(who_was_set_back_takes_its_own_until_it_signs),
        cmocka_unit_test(a_member_that_was_never_seen_silences_nobody),
        cmocka_unit_test(a_member_that_wrote_an_op_was_seen),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
