/* Entries that count in a log only later: what who follows it is given, and when.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/flow_reader_world.h"

#include "circle/op_change.h"
#include "flow/reader.h"

/* ---- devices that go out ---- */

static const wr_feed *feed_of(const device *of, const device *at) {
    uint32_t index;
    T_TRUE(wr_self_device_feed(at->self, &of->identity.device_id, 0, &index));
    return wr_self_feed(at->self, index);
}

static wr_cut cut_of(const device *of, const device *at) {
    const wr_feed *feed = feed_of(of, at);
    return (wr_cut){feed->feed_id, feed->tree.len, wr_tree_root(&feed->tree)};
}

static wr_cut cut_of_b(const circle *c) {
    return cut_of(&c->b, &c->a);
}

/* Of several such accusations the greatest cut counts. */
static void accuse(device *by, const device *of, const wr_cut *cut) {
    uint8_t ids[64], cuts[128], bytes[512];
    wr_buf id = WR_BUF_ARRAY(ids), items = WR_BUF_ARRAY(cuts), body = WR_BUF_ARRAY(bytes);
    T_OK(wr_id_put(&id, &of->identity.device_id));
    T_OK(wr_cut_put(&items, cut));
    wr_remove remove = {.reason = WR_REASON_LOST,
                        .targets = {1, wr_buf_slice(&id)},
                        .cuts = {1, wr_buf_slice(&items)}};
    T_OK(wr_remove_encode(&remove, &body));
    T_OK(wr_self_author(by->self, WR_OP_REMOVE, wr_buf_slice(&body), r_now));
    r_drain(by);
}

static void lose(circle *c, const wr_cut *cut) {
    accuse(&c->a, &c->b, cut);
}

static void accept_all_of(device *by, const device *of) {
    T_OK(store_begin(by->s));
    T_OK(reader_accept(by->r, feed_of(of, by), feed_of(of, by)->tree.len));
    T_OK(store_commit(by->s));
    r_drain(by);
}

static void accept_all(circle *c) {
    accept_all_of(&c->a, &c->b);
}

static void b_says(circle *c, uint64_t ms, const char *body) {
    r_say(&c->b, 4, ms, body);
    r_sign(&c->b);
    r_carry(&c->b, &c->a, 0);
}

/* Both write to one log; what b says arrives at a at once. */
static void begin(circle *c) {
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->b, 4, "notes", 1);
    r_carry(&c->b, &c->a, 1);
    r_say(&c->a, 0, 50, "a50");
    r_sign(&c->a);
}

static const char *all_that_is_read(circle *c) {
    static text t;
    r_start(&t, "");
    return r_read_on(&c->a, "notes", 99, &t);
}

/* ---- tests ---- */

static void what_is_accepted_comes_once_to_all_who_follow(void **state) {
    circle *c = *state;
    static text live, late, now, fresh;
    begin(c);
    r_start(&live, "");
    b_says(c, 10, "b10");
    wr_cut cut = cut_of_b(c);
    b_says(c, 11, "b11");
    T_STR(r_follow(&c->a, "notes", 9, &live), "a50 b10 b11 ");
    lose(c, &cut);
    T_STR(all_that_is_read(c), "b10 a50 ");
    T_STR(r_follow(&c->a, "notes", 9, &live), "");
    r_start(&late, "");
    T_STR(r_follow(&c->a, "notes", 9, &late), "a50 b10 ");
    r_start(&now, HUB_CURSOR_NOW);
    T_STR(r_follow(&c->a, "notes", 9, &now), "");
    T_FALSE(c->a.changed);
    accept_all(c);
    T_TRUE(c->a.changed); /* or nobody would look */
    T_STR(all_that_is_read(c), "b10 b11 a50 ");
    T_STR(r_follow(&c->a, "notes", 9, &live), ""); /* it was given that before */
    T_STR(r_follow(&c->a, "notes", 9, &late), "b11 ");
    T_TRUE(late.last.late);
    T_STR(r_follow(&c->a, "notes", 9, &now), "b11 ");
    T_STR(r_follow(&c->a, "notes", 9, &late), "");
    r_start(&fresh, "");
    T_STR(r_follow(&c->a, "notes", 9, &fresh), "b11 a50 b10 ");
    T_FALSE(fresh.last.late);
    (void)r_own_epoch(&c->a); /* the one before is b's, too */
    r_say(&c->a, 0, 60, "a60");
    r_sign(&c->a);
    T_STR(r_follow(&c->a, "notes", 9, &live), "a60 ");
    T_STR(r_follow(&c->a, "notes", 9, &late), "a60 ");
    T_STR(r_follow(&c->a, "notes", 9, &fresh), "a60 ");
}

static void what_came_with_the_removal_was_given_to_nobody(void **state) {
    circle *c = *state;
    static text live, fresh;
    begin(c);
    b_says(c, 10, "b10");
    wr_cut cut = cut_of_b(c);
    b_says(c, 11, "b11");
    r_start(&live, "");
    r_start(&fresh, "");
    T_STR(r_follow(&c->a, "notes", 9, &live), "a50 b10 b11 ");
    b_says(c, 12, "b12");
    b_says(c, 13, "b13");
    lose(c, &cut);
    T_STR(r_follow(&c->a, "notes", 9, &live), "");
    accept_all(c);
    T_STR(r_follow(&c->a, "notes", 1, &live), "b12 ");
    T_TRUE(live.more);
    T_STR(r_follow(&c->a, "notes", 9, &live), "b13 ");
    T_STR(r_follow(&c->a, "notes", 9, &live), "");
    T_STR(r_follow(&c->a, "notes", 9, &fresh), "b11 b12 b13 a50 b10 ");
}

static void a_cut_that_grows_shows_what_is_below_it(void **state) {
    circle *c = *state;
    static text live, late;
    begin(c);
    b_says(c, 10, "b10");
    wr_cut least = cut_of_b(c);
    b_says(c, 11, "b11");
    wr_cut greater = cut_of_b(c);
    b_says(c, 12, "b12");
    r_start(&live, "");
    r_start(&late, "");
    T_STR(r_follow(&c->a, "notes", 9, &live), "a50 b10 b11 b12 ");
    lose(c, &least);
    T_STR(r_follow(&c->a, "notes", 9, &late), "a50 b10 ");
    lose(c, &greater);
    T_TRUE(c->a.changed);
    T_STR(r_follow(&c->a, "notes", 9, &live), "");
    T_STR(r_follow(&c->a, "notes", 9, &late), "b11 ");
    accept_all(c);
    T_STR(r_follow(&c->a, "notes", 9, &live), "");
    T_STR(r_follow(&c->a, "notes", 9, &late), "b12 ");
    T_STR(r_follow(&c->a, "notes", 9, &late), "");
}

/* Who has read a part only when the writer goes out may have read what is hidden then, or not. */
static void who_stood_in_the_middle_loses_nothing(void **state) {
    circle *c = *state;
    static text slow;
    begin(c);
    b_says(c, 10, "b10");
    wr_cut cut = cut_of_b(c);
    b_says(c, 11, "b11");
    r_start(&slow, "");
    T_STR(r_follow(&c->a, "notes", 1, &slow), "a50 ");
    lose(c, &cut);
    T_STR(r_follow(&c->a, "notes", 9, &slow), "b10 ");
    accept_all(c);
    T_STR(r_follow(&c->a, "notes", 9, &slow), "b11 ");
    T_STR(r_follow(&c->a, "notes", 9, &slow), "");
}

static void what_had_no_name_when_it_was_hidden_is_new(void **state) {
    circle *c = *state;
    static text live;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->b, 4, "notes", 1);
    r_say(&c->a, 0, 50, "a50");
    r_sign(&c->a);
    b_says(c, 10, "b10");
    wr_cut cut = cut_of_b(c);
    b_says(c, 11, "b11");
    r_start(&live, "");
    T_STR(r_follow(&c->a, "notes", 9, &live), "a50 ");
    r_carry(&c->b, &c->a, 1);
    lose(c, &cut);
    T_STR(r_follow(&c->a, "notes", 9, &live), "b10 ");
    accept_all(c);
    T_STR(r_follow(&c->a, "notes", 9, &live), "b11 ");
    T_STR(r_follow(&c->a, "notes", 9, &live), "");
}

static void what_had_no_secret_when_it_was_hidden_is_new(void **state) {
    circle *c = *state;
    static text live;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_carry(&c->a, &c->b, 1);
    r_say(&c->a, 0, 10, "a10");
    r_sign(&c->a);
    r_carry(&c->a, &c->b, 0);
    wr_cut cut = cut_of(&c->a, &c->b);
    r_say(&c->a, 0, 11, "a11");
    r_sign(&c->a);
    r_new_epoch(c);
    r_say(&c->a, 0, 12, "a12");
    r_sign(&c->a);
    r_carry(&c->a, &c->b, 0);
    r_start(&live, "");
    T_STR(r_follow(&c->b, "notes", 9, &live), "a10 a11 ");
    accuse(&c->b, &c->a, &cut);
    T_STR(r_follow(&c->b, "notes", 9, &live), "");
    r_give_epoch(&c->a, &c->b, false);
    r_drain(&c->b);
    T_STR(r_follow(&c->b, "notes", 9, &live), "");
    accept_all_of(&c->b, &c->a);
    T_STR(r_follow(&c->b, "notes", 9, &live), "a12 ");
    T_STR(r_follow(&c->b, "notes", 9, &live), "");
}

static void a_cursor_outlives_the_reader(void **state) {
    circle *c = *state;
    static text live, late;
    begin(c);
    b_says(c, 10, "b10");
    wr_cut cut = cut_of_b(c);
    b_says(c, 11, "b11");
    r_start(&live, "");
    r_start(&late, "");
    T_STR(r_follow(&c->a, "notes", 9, &live), "a50 b10 b11 ");
    lose(c, &cut);
    T_STR(r_follow(&c->a, "notes", 9, &late), "a50 b10 ");
    reader_free(c->a.r);
    T_OK(reader_new(c->a.self, c->a.s, &r_store_key, &c->a.r));
    r_drain(&c->a);
    T_FALSE(c->a.changed);
    accept_all(c);
    T_STR(r_follow(&c->a, "notes", 9, &live), "");
    T_STR(r_follow(&c->a, "notes", 9, &late), "b11 ");
}

/* ---- the cursor behind each entry ---- */

typedef struct cursors {
    uint32_t count;
    char list[8][HUB_CURSOR_MAX];
} cursors;

static wr_err keep_cursor(void *ctx, const hub_entry *entry) {
    cursors *all = ctx;
    T_TRUE(all->count < WR_COUNT(all->list));
    memcpy(all->list[all->count++], entry->cursor, strlen(entry->cursor) + 1);
    return WR_OK;
}

static void each_entry_says_where_to_go_on(void **state) {
    circle *c = *state;
    static const char *const rest[] = {
        "b12 a50 b10 a60 ~t70 ", "a50 b10 a60 ~t70 ", "b10 a60 ~t70 ", "a60 ~t70 ", "~t70 ", ""};
    static const char *const after[] = {
        "b12 a50 b10 a60 t70 ", "a50 b10 a60 t70 ", "b10 a60 t70 ", "a60 t70 ", "t70 ", ""};
    static text t;
    cursors all = {0};
    char next[HUB_CURSOR_MAX];
    bool more;
    begin(c);
    b_says(c, 10, "b10");
    wr_cut cut = cut_of_b(c);
    b_says(c, 11, "b11");
    b_says(c, 12, "b12");
    lose(c, &cut);
    accept_all(c);
    (void)r_own_epoch(&c->a);
    r_say(&c->a, 0, 60, "a60");
    r_sign(&c->a);
    r_wait_in_tail(&c->a, "notes", 70, "t70");
    T_OK(
        reader_arrivals(c->a.r, r_now.wall, S("notes"), S(""), 99, keep_cursor, &all, next, &more));
    T_EQ(all.count, WR_COUNT(rest));
    for (uint32_t i = 0; i < all.count; i++) {
        r_start(&t, all.list[i]);
        T_STR(r_follow(&c->a, "notes", 99, &t), rest[i]);
    }
    /* What was waiting is signed: the place behind it is the same. */
    r_leave_tail(&c->a, 70);
    r_say(&c->a, 0, 70, "t70");
    r_sign(&c->a);
    for (uint32_t i = 0; i < all.count; i++) {
        r_start(&t, all.list[i]);
        T_STR(r_follow(&c->a, "notes", 99, &t), after[i]);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, r_setup, r_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(what_is_accepted_comes_once_to_all_who_follow),
        T(what_came_with_the_removal_was_given_to_nobody),
        T(a_cut_that_grows_shows_what_is_below_it),
        T(who_stood_in_the_middle_loses_nothing),
        T(what_had_no_name_when_it_was_hidden_is_new),
        T(what_had_no_secret_when_it_was_hidden_is_new),
        T(a_cursor_outlives_the_reader),
        T(each_entry_says_where_to_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
