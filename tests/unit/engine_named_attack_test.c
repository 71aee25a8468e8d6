/* Feeds of removed devices, among members that lie about them, and after the removal is void.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_circle_world.h"

#include "circle/op_change.h"
#include "circle/removal.h"
#include "engine/self_named.h"
#include "engine/self_reset.h"
#include "feed/feed.h"
#include "wire/message.h"

#include <stdlib.h>

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

/* by acknowledges and says that it holds so many entries of b, of this root. */
static void lie(device *by, uint64_t len, const wr_hash *root) {
    uint8_t item[80], body_bytes[256], op_bytes[WR_OP_BYTES_MAX];
    wr_buf items = WR_BUF_ARRAY(item), body = WR_BUF_ARRAY(body_bytes), op = WR_BUF_ARRAY(op_bytes);
    wr_cut cut = {feed_at(by, b)->feed_id, len, *root};
    wr_sig sig;
    T_OK(wr_cut_put(&items, &cut));
    wr_op_list seen = {1, wr_buf_slice(&items)};
    T_OK(wr_ack_encode(&seen, &body));
    T_OK(wr_graph_author(wr_self_graph(by->self), &by->identity, WR_OP_ACK, wr_buf_slice(&body),
                         wr_self_hlc(by->self, world_now), &op, &sig));
    T_OK(wr_self_admit(by->self, wr_buf_slice(&op), &sig, world_now));
    (void)drain(by);
}

static uint8_t forged_memory[WR_RUN_BYTES_MAX + 3u * WR_ENTRY_BYTES_MAX];

/* Entries of b that b never wrote, made by `by` without any key of b. */
static wr_slice forge(device *by, uint32_t count, wr_hash *ret_root) {
    static wr_run run;
    wr_hash epoch = write_epoch(by);
    wr_feed_keys keys;
    const wr_hash least = root_at(a, b, 0, 4);
    const wr_hash *feed_id = &feed_at(by, b)->feed_id;
    T_OK(wr_keyring_feed_keys(wr_self_keyring(by->self), &epoch, feed_id, &keys));
    for (unsigned turn = 0; turn < 64; turn++) {
        wr_feed feed;
        wr_hash seen = {{0}};
        wr_feed_init(&feed, wr_graph_circle_id(wr_self_graph(by->self)), &b->identity.device_id, 0);
        T_MEM(feed.feed_id.b, feed_id->b, sizeof feed_id->b);
        wr_run_begin(&run, &feed, forged_memory, sizeof forged_memory);
        for (uint32_t i = 0; i < count; i++) {
            wr_entry entry = {.kind = WR_ENTRY_MESSAGE, .log_no = 1, .hlc = turn * 100 + i + 1};
            T_OK(wr_run_add(&run, &feed, &keys, &epoch, wr_self_rng(by->self), &entry,
                            wr_slice_str("b never wrote this")));
        }
        /* only to end the segment: this checkpoint goes nowhere */
        T_OK(wr_run_close(&run, &feed, &by->identity.sign, &epoch, 1, &seen));
        *ret_root = wr_tree_root(&feed.tree);
        if (count != 4 || wr_order(WR_SLICE_OBJ(*ret_root), WR_SLICE_OBJ(least)) < 0)
            break;
    }
    wr_feed_keys_wipe(&keys);
    return run.rows.list[0].bytes;
}

static void share_epoch(device *from, device *to) {
    wr_hash epoch = write_epoch(from);
    wr_key secret;
    T_TRUE(wr_keyring_secret(wr_self_keyring(from->self), &epoch, &secret));
    T_OK(wr_self_add_epoch(to->self, &epoch, &secret));
    (void)drain(to);
}

static wr_err say_named(puppet *p, uint64_t n, wr_slice entries) {
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_data data = {.feed_id = feed_at(a, b)->feed_id, .end = n, .size = entries.len, .named = n};
    T_OK(wr_data_encode(&data, &body));
    WR_TRY(puppet_say(p, WR_FRAME_DATA, wr_buf_slice(&body)));
    return puppet_say(p, WR_FRAME_PART, entries);
}

/* c tells d n entries of b that it made up, and named in its ACK. */
static void tell_forged(uint32_t n) {
    wr_hash root;
    remove_it(a, b, WR_REASON_LOST); /* it names the four that a holds */
    tell_ops(a, c);
    share_epoch(a, c);
    wr_slice entries = forge(c, n, &root);
    lie(c, n, &root);
    tell_ops(c, d);
    tell_ops(c, a);
    share_epoch(a, d);
    puppet *p = puppet_new(c, d, 5, 1);
    puppet_up(p);
    T_OK(say_named(p, n, entries));
    puppet_free(p);
}

static void expect_written_by_b(void) {
    const wr_feed *feed = feed_at(d, b);
    wr_limit limit = wr_graph_limit(wr_self_graph(d->self), &feed->device_id, &feed->feed_id);
    uint64_t shown = feed->tree.len < limit.shown ? feed->tree.len : limit.shown;
    print_message("d shows %llu entries of b\n", (unsigned long long)shown);
    if (shown == 0)
        return;
    wr_hash theirs = root_at(c, b, 0, shown), ours = root_at(d, b, 0, shown);
    T_MEM(ours.b, theirs.b, sizeof ours.b);
}

/* circle.md 4.7: "So nobody can put another history in its place." */
static void a_lower_root_of_an_accomplice_puts_no_other_history_in_its_place(void **state) {
    (void)state;
    tell_forged(4);
    expect_written_by_b();
    meet(a, d, 6);
    T_EQ(feed_at(d, b)->tree.len, 4);
    expect_written_by_b();
}

static void a_shorter_state_of_an_accomplice_puts_no_other_history_in_its_place(void **state) {
    (void)state;
    tell_forged(3);
    expect_written_by_b();
    meet(a, d, 6);
    T_EQ(feed_at(d, b)->tree.len, 4);
    expect_written_by_b();
}

/* What an accomplice names hides what an accuser's cut names. */
static void a_bogus_root_does_not_silence_a_feed(void **state) {
    (void)state;
    const wr_hash zero = {{0}};
    remove_it(a, b, WR_REASON_COMPROMISED);
    tell_ops(a, c);
    lie(c, 4, &zero);
    tell_ops(c, a);
    tell_ops(c, d);
    meet(a, d, 1);
    T_EQ(feed_at(d, b)->tree.len, 4);
}

/* One that is longer, but not longer than what is held: the greatest that can be proved is four. */
static void a_bogus_root_does_not_hide_a_shorter_state(void **state) {
    (void)state;
    const wr_hash zero = {{0}};
    remove_it(a, b, WR_REASON_LOST);
    tell_ops(a, c);
    tell_ops(a, d);
    lie(d, 8, &zero); /* c holds nine */
    tell_ops(d, c);
    meet(c, d, 1);
    meet(c, d, 2);
    T_TRUE(feed_at(d, b)->tree.len >= 4);
}

/* The lie is gone with its author. */
static void what_was_disproved_is_proved_when_the_root_is_another(void **state) {
    (void)state;
    const wr_hash zero = {{0}};
    remove_it(a, b, WR_REASON_COMPROMISED);
    tell_ops(a, c);
    tell_ops(a, d);
    lie(d, 4, &zero);
    tell_ops(d, c);
    tell_ops(d, a);
    wr_self_disprove(c->self, feed_of(c, b), 4); /* as who serves it finds out */
    T_EQ(wr_self_proved(c->self, feed_of(c, b)), 0);
    remove_it(a, d, WR_REASON_COMPROMISED);
    tell_ops(a, c);
    wr_hash root, honest = root_at(c, b, 0, 4);
    T_TRUE(wr_self_named_root(c->self, feed_of(c, b), 4, &root));
    T_MEM(root.b, honest.b, sizeof root.b);
    T_EQ(wr_self_proved(c->self, feed_of(c, b)), 4);
}

/* circle.md 4.7: "Entries of it MUST be taken only under a root that an op names". */
static void a_checkpoint_from_before_the_removal_brings_nothing_more(void **state) {
    (void)state;
    const wr_feed *theirs = feed_at(c, b);
    T_OK(wr_self_checkpoint(a->self, feed_of(a, b), wr_feed_checkpoint(theirs), &theirs->cp_sig));
    (void)drain(a);
    remove_it(a, b, WR_REASON_COMPROMISED); /* a has four of nine */
    T_EQ(wr_self_kept(a->self, feed_of(a, b)), 4);
    tell_ops(a, c);
    share_epoch(a, c);
    puppet *p = puppet_new(c, a, 5, 1);
    puppet_up(p);
    T_OK(puppet_unit(p, theirs, 4, 9, rows_from(c, b, 4)));
    T_EQ(feed_at(a, b)->tree.len, 4);
    T_TRUE(wr_link_is_up(p->link));
    puppet_free(p);
}

/* ---- the writer is a member once more ---- */

static void keep_b(void) {
    wr_sign_key root = root_key(99);
    wr_hash keep[3] = {a->identity.device_id, b->identity.device_id, d->identity.device_id};
    wr_restart restart = {.keep = keep, .keep_count = 3, .root = &root};
    wr_hash_sort(keep, 3);
    T_OK(wr_self_reset(a->self, &restart, world_now));
    (void)drain(a);
    tell_ops(a, d);
    share_epoch(a, d);
    T_EQ(wr_self_kept(a->self, feed_of(a, b)), UINT64_MAX);
}

/* a gets all nine of b from c under what ops name; then b is kept. */
static void take_named_and_keep_b(void) {
    remove_it(a, b, WR_REASON_LOST);
    tell_ops(a, c);
    T_OK(wr_self_ack(c->self, world_now));
    (void)drain(c);
    meet(c, a, 1);
    T_EQ(feed_at(a, b)->tree.len, 9);
    keep_b();
    tell_ops(a, b);
    share_epoch(a, b);
}

/* b has the checkpoint that a lacks to prove what it holds, and a meets it. */
static void who_meets_the_writer_again_can_prove_what_it_holds(void **state) {
    (void)state;
    take_named_and_keep_b();
    meet(a, b, 2);
    meet(b, a, 3);
    T_EQ(wr_self_proved(a->self, feed_of(a, b)), 9);
    meet(a, d, 4);
    T_EQ(feed_at(d, b)->tree.len, 9);
}

/* c is gone with the RESET, and d is honest. */
static void the_entries_of_a_writer_that_is_kept_go_on(void **state) {
    (void)state;
    remove_it(a, b, WR_REASON_LOST);
    tell_ops(a, c);
    tell_ops(a, d);
    keep_b();
    tell_ops(a, b);
    share_epoch(a, b);
    meet(b, d, 7);
    T_EQ(feed_at(d, b)->tree.len, 9);
}

static void what_an_accomplice_made_up_does_not_keep_out_the_writers_entries(void **state) {
    (void)state;
    tell_forged(12);
    keep_b();
    tell_ops(a, b);
    share_epoch(a, b);
    meet(b, d, 7);
    meet(b, d, 8);
    wr_hash ours = wr_tree_root(&feed_at(d, b)->tree), theirs = wr_tree_root(&feed_at(b, b)->tree);
    T_MEM(ours.b, theirs.b, sizeof ours.b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_lower_root_of_an_accomplice_puts_no_other_history_in_its_place),
        TEST(a_shorter_state_of_an_accomplice_puts_no_other_history_in_its_place),
        TEST(a_bogus_root_does_not_silence_a_feed),
        TEST(a_bogus_root_does_not_hide_a_shorter_state),
        TEST(what_was_disproved_is_proved_when_the_root_is_another),
        TEST(a_checkpoint_from_before_the_removal_brings_nothing_more),
        TEST(the_entries_of_a_writer_that_is_kept_go_on),
        TEST(what_an_accomplice_made_up_does_not_keep_out_the_writers_entries),
        TEST(who_meets_the_writer_again_can_prove_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
