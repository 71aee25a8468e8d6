/* What a log reads like: mesh order and order of arrival.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/flow_reader_world.h"

#include "flow/reader.h"

/* ---- mesh order ----------------------------------------------------------------------------- */

static void entries_of_two_devices_merge_by_time(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->b, 5, "notes", 1);
    r_say(&c->a, 0, 10, "a10");
    r_say(&c->a, 0, 30, "a30");
    r_say(&c->b, 5, 20, "b20");
    r_say(&c->b, 5, 40, "b40");
    r_sign(&c->a);
    r_sign(&c->b);
    r_carry(&c->b, &c->a, 1);
    r_carry(&c->b, &c->a, 0);
    r_start(&t, "");
    T_STR(r_read_on(&c->a, "notes", 100, &t), "a10 b20 a30 b40 ");
    T_FALSE(t.more);
    T_EQ(t.last.seq, 1);
    T_EQ(t.last.hlc, 40ull << 16);
    T_TRUE(wr_hash_equal(&t.last.device, &c->b.identity.device_id));
}

static void equal_times_are_ordered_by_device(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->b, 0, "notes", 1);
    r_say(&c->a, 0, 10, "a");
    r_say(&c->b, 0, 10, "b");
    r_sign(&c->a);
    r_sign(&c->b);
    r_carry(&c->b, &c->a, 1);
    r_carry(&c->b, &c->a, 0);
    r_carry(&c->a, &c->b, 1);
    r_carry(&c->a, &c->b, 0);
    bool a_first = wr_hash_order(&c->a.identity.device_id, &c->b.identity.device_id) < 0;
    r_start(&t, "");
    T_STR(r_read_on(&c->a, "notes", 1, &t), a_first ? "a " : "b ");
    T_STR(r_read_on(&c->a, "notes", 1, &t), a_first ? "b " : "a ");
    r_start(&t, "");
    T_STR(r_read_on(&c->b, "notes", 2, &t), a_first ? "a b " : "b a ");
}

static void a_cursor_resumes_after_the_last_entry(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    for (uint64_t i = 0; i < 5; i++)
        r_say(&c->a, 0, 10 + i, (const char *[]){"0", "1", "2", "3", "4"}[i]);
    r_sign(&c->a);
    r_start(&t, "");
    T_STR(r_read_on(&c->a, "notes", 2, &t), "0 1 ");
    T_TRUE(t.more);
    T_STR(r_read_on(&c->a, "notes", 3, &t), "2 3 4 ");
    T_FALSE(t.more);
    T_STR(r_read_on(&c->a, "notes", 3, &t), "");
    r_say(&c->a, 0, 20, "5");
    r_sign(&c->a);
    T_STR(r_read_on(&c->a, "notes", 3, &t), "5 ");
}

static void other_logs_of_a_feed_are_not_read(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->a, 1, "chores", 2);
    r_say(&c->a, 0, 10, "n");
    r_say(&c->a, 1, 11, "c");
    r_say(&c->a, 0, 12, "n");
    r_sign(&c->a);
    r_start(&t, "");
    T_STR(r_read_on(&c->a, "chores", 9, &t), "c ");
    r_start(&t, "");
    T_STR(r_follow(&c->a, "notes", 9, &t), "n n ");
}

static void the_tail_stands_in_its_place(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->b, 0, "notes", 1);
    r_say(&c->b, 0, 10, "b");
    r_say(&c->b, 0, 30, "b");
    r_sign(&c->b);
    r_carry(&c->b, &c->a, 1);
    r_carry(&c->b, &c->a, 0);
    r_wait_in_tail(&c->a, "notes", 20, "a");
    r_wait_in_tail(&c->a, "other", 21, "x");
    r_wait_in_tail(&c->a, "notes", 40, "a");
    r_start(&t, "");
    T_STR(r_read_on(&c->a, "notes", 3, &t), "b ~a b ");
    T_TRUE(t.more);
    T_STR(r_read_on(&c->a, "notes", 3, &t), "~a ");
    T_STR(t.kind, "kind");
    T_STR(r_read_on(&c->a, "notes", 3, &t), "");
}

static void a_long_log_is_read_in_one_call(void **state) {
    circle *c = *state;
    text t = {.count = 0};
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->a, 1, "chores", 2);
    r_bind(&c->b, 3, "notes", 1);
    enum { EACH = 3000 };
    for (uint64_t i = 1; i <= EACH; i++) {
        r_say(&c->a, 0, 3 * i, "some text of ours");
        r_say(&c->a, 1, 3 * i + 1, "not looked for");
        r_say(&c->b, 3, 3 * i + 2, "some text of theirs");
        if (i % 256 == 0 || i == EACH) { /* no unit crosses a chunk */
            r_sign(&c->b);
            r_carry(&c->b, &c->a, 0);
        }
    }
    r_sign(&c->a);
    r_carry(&c->b, &c->a, 1);
    T_OK(reader_read(c->a.r, r_now.wall, S("notes"), S(""), UINT32_MAX, r_count_only, &t, t.cursor,
                     &t.more));
    T_EQ(t.count, 2 * EACH);
    T_EQ(t.sum, 3ull * EACH * (EACH + 1) + 2 * EACH);
    T_FALSE(t.more);
    uint32_t pages = 0;
    text all = {.count = 0};
    r_start(&all, "");
    do {
        char next[HUB_CURSOR_MAX];
        T_OK(reader_read(c->a.r, r_now.wall, S("notes"), S(all.cursor), 700, r_count_only, &all,
                         next, &all.more));
        memcpy(all.cursor, next, sizeof next);
        pages++;
    } while (all.more);
    T_EQ(all.count, 2 * EACH);
    T_EQ(pages, (2 * EACH + 699) / 700);
}

static void a_burst_of_one_device_is_not_overtaken(void **state) {
    circle *c = *state;
    text t = {.count = 0};
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->b, 0, "notes", 1);
    r_say(&c->b, 0, 1, "before");
    for (uint64_t i = 2; i < 2500; i++)
        r_say(&c->a, 0, i, "burst");
    r_say(&c->b, 0, 5000, "after");
    r_sign(&c->a);
    r_sign(&c->b);
    r_carry(&c->b, &c->a, 1);
    r_carry(&c->b, &c->a, 0);
    T_OK(reader_read(c->a.r, r_now.wall, S("notes"), S(""), UINT32_MAX, r_count_only, &t, t.cursor,
                     &t.more));
    T_EQ(t.count, 2500);
}

static void an_entry_far_ahead_of_our_clock_is_marked(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_say(&c->a, 0, r_now.wall.ms + WR_CLOCK_AHEAD_MS_MAX, "near");
    r_sign(&c->a);
    r_start(&t, "");
    T_STR(r_read_on(&c->a, "notes", 9, &t), "near ");
    T_FALSE(t.ahead);
    r_say(&c->a, 0, r_now.wall.ms + WR_CLOCK_AHEAD_MS_MAX + 1, "far");
    r_sign(&c->a);
    T_STR(r_read_on(&c->a, "notes", 9, &t), "far ");
    T_TRUE(t.ahead);
}

static wr_err refuse(void *ctx, const hub_entry *entry) {
    (void)ctx;
    (void)entry;
    return WR_ERR_LIMIT;
}

static void what_the_callback_says_is_passed_on(void **state) {
    circle *c = *state;
    char cursor[HUB_CURSOR_MAX] = "untouched";
    bool more;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_say(&c->a, 0, 10, "x");
    r_sign(&c->a);
    T_ERR(reader_read(c->a.r, r_now.wall, S("notes"), S(""), 9, refuse, NULL, cursor, &more),
          WR_ERR_LIMIT);
    T_ERR(reader_arrivals(c->a.r, r_now.wall, S("notes"), S(""), 9, refuse, NULL, cursor, &more),
          WR_ERR_LIMIT);
    T_STR(cursor, "untouched");
}

/* ---- order of arrival ---- */

static void arrivals_come_once_and_as_they_came(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->b, 0, "notes", 1);
    r_carry(&c->b, &c->a, 1);
    r_say(&c->a, 0, 50, "a50");
    r_say(&c->a, 0, 60, "a60");
    r_say(&c->a, 0, 70, "a70");
    r_sign(&c->a);
    r_say(&c->b, 0, 20, "b20");
    r_sign(&c->b);
    r_carry(&c->b, &c->a, 0);
    r_start(&t, "");
    T_STR(r_follow(&c->a, "notes", 2, &t), "a50 a60 ");
    T_TRUE(t.more);
    T_STR(r_follow(&c->a, "notes", 2, &t), "a70 b20 ");
    T_FALSE(t.more);
    T_STR(r_follow(&c->a, "notes", 2, &t), "");
    r_say(&c->a, 0, 80, "a80");
    r_sign(&c->a);
    T_STR(r_follow(&c->a, "notes", 2, &t), "a80 ");
}

static void now_means_what_arrives_from_here_on(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_say(&c->a, 0, 10, "old");
    r_sign(&c->a);
    r_wait_in_tail(&c->a, "notes", 20, "old too");
    r_start(&t, HUB_CURSOR_NOW);
    T_STR(r_follow(&c->a, "notes", 9, &t), "");
    r_leave_tail(&c->a, 20);
    r_say(&c->a, 0, 20, "old too");
    r_say(&c->a, 0, 30, "new");
    r_sign(&c->a);
    T_STR(r_follow(&c->a, "notes", 9, &t), "new ");
}

static void a_tail_entry_does_not_come_again_when_signed(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_wait_in_tail(&c->a, "notes", 20, "t20");
    r_wait_in_tail(&c->a, "notes", 21, "t21");
    r_start(&t, "");
    T_STR(r_follow(&c->a, "notes", 1, &t), "~t20 ");
    T_TRUE(t.more);
    /* Signed before the subscriber asks again: it has seen one of them. */
    r_leave_tail(&c->a, 20);
    r_leave_tail(&c->a, 21);
    r_say(&c->a, 0, 20, "t20");
    r_say(&c->a, 0, 21, "t21");
    r_sign(&c->a);
    T_STR(r_follow(&c->a, "notes", 9, &t), "t21 ");
    /* A second tail, after the first was signed. */
    r_say(&c->a, 0, 22, "s22");
    r_sign(&c->a);
    T_STR(r_follow(&c->a, "notes", 9, &t), "s22 ");
    r_wait_in_tail(&c->a, "notes", 30, "t30");
    T_STR(r_follow(&c->a, "notes", 9, &t), "~t30 ");
    T_STR(r_follow(&c->a, "notes", 9, &t), "");
    r_leave_tail(&c->a, 30);
    r_say(&c->a, 0, 25, "lost and found");
    r_say(&c->a, 0, 30, "t30");
    r_sign(&c->a);
    T_STR(r_follow(&c->a, "notes", 9, &t), "lost and found ");
}

static void rows_that_came_before_their_name_are_not_lost(void **state) {
    circle *c = *state;
    text t, fresh;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->b, 4, "notes", 1);
    r_say(&c->a, 0, 5, "a5");
    r_sign(&c->a);
    r_say(&c->b, 4, 10, "b10");
    r_say(&c->b, 4, 11, "b11");
    r_sign(&c->b);
    r_carry(&c->b, &c->a, 0);
    r_start(&t, "");
    T_STR(r_follow(&c->a, "notes", 9, &t), "a5 ");
    r_carry(&c->b, &c->a, 1);
    T_STR(r_follow(&c->a, "notes", 1, &t), "b10 ");
    T_TRUE(t.more);
    T_STR(r_follow(&c->a, "notes", 9, &t), "b11 ");
    r_say(&c->b, 4, 12, "b12");
    r_sign(&c->b);
    r_carry(&c->b, &c->a, 0);
    T_STR(r_follow(&c->a, "notes", 9, &t), "b12 ");
    T_STR(r_follow(&c->a, "notes", 9, &t), "");
    /* Who starts at the oldest gets each once, too. */
    r_start(&fresh, "");
    T_STR(r_follow(&c->a, "notes", 9, &fresh), "b10 b11 a5 b12 ");
}

static void many_arrivals_come_in_one_call(void **state) {
    circle *c = *state;
    text t = {.count = 0};
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    for (uint64_t i = 1; i <= 2500; i++)
        r_say(&c->a, 0, i, "text");
    r_sign(&c->a);
    T_OK(reader_arrivals(c->a.r, r_now.wall, S("notes"), S(""), UINT32_MAX, r_count_only, &t,
                         t.cursor, &t.more));
    T_EQ(t.count, 2500);
    T_FALSE(t.more);
}

#define T(test) cmocka_unit_test_setup_teardown(test, r_setup, r_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(entries_of_two_devices_merge_by_time),
        T(equal_times_are_ordered_by_device),
        T(a_cursor_resumes_after_the_last_entry),
        T(other_logs_of_a_feed_are_not_read),
        T(the_tail_stands_in_its_place),
        T(a_long_log_is_read_in_one_call),
        T(a_burst_of_one_device_is_not_overtaken),
        T(an_entry_far_ahead_of_our_clock_is_marked),
        T(what_the_callback_says_is_passed_on),
        T(arrivals_come_once_and_as_they_came),
        T(now_means_what_arrives_from_here_on),
        T(a_tail_entry_does_not_come_again_when_signed),
        T(rows_that_came_before_their_name_are_not_lost),
        T(many_arrivals_come_in_one_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
