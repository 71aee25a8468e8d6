/* The store contract, rows of feeds: order, bounds, joining, reading by log and by arrival; the
 * same on SQLite and in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store_fixture.h"

#include "base/limits.h"

#include <stdio.h>

static fix *fix_of(void **state) {
    return (fix *)*state;
}

static void check_rows(store *s, const wr_hash *feed, uint64_t from, uint64_t to,
                       const char *want) {
    fix_list list = {.len = 0};
    T_OK(store_each_rows(s, feed, from, to, fix_each_rows, &list));
    T_STR(list.text, want);
}

static void check_arrivals(store *s, uint64_t after, const char *want) {
    fix_list list = {.len = 0};
    T_OK(store_each_arrival(s, after, fix_each_arrival, &list));
    T_STR(list.text, want);
}

static void rows_must_follow_each_other(void **state) {
    fix *f = fix_of(state);
    wr_hash feed = fix_hash(1), other = fix_hash(2);
    T_OK(store_begin(f->s));
    T_ERR(fix_put(f->s, &feed, 1, 1, 0), WR_ERR_STATE);
    T_OK(fix_put(f->s, &feed, 0, 5, 0));
    T_ERR(fix_put(f->s, &feed, 0, 5, 0), WR_ERR_STATE);
    T_ERR(fix_put(f->s, &feed, 4, 1, 0), WR_ERR_STATE);
    T_ERR(fix_put(f->s, &feed, 6, 1, 0), WR_ERR_STATE);
    T_OK(fix_put(f->s, &feed, 5, 2, 0));
    T_OK(fix_put(f->s, &other, 0, 1, 0));
    T_OK(store_commit(f->s));
    fix_reopen(f);
    T_EQ(fix_len(f->s, &feed), 7);
    T_EQ(fix_len(f->s, &other), 1);
    wr_hash absent = fix_hash(3);
    T_EQ(fix_len(f->s, &absent), 0);
    uint64_t count = 0;
    T_OK(store_entry_count(f->s, &count));
    T_EQ(count, 8);
    T_OK(store_begin(f->s));
    T_ERR(fix_put(f->s, &feed, 6, 1, 0), WR_ERR_STATE);
    T_OK(fix_put(f->s, &feed, 7, 1, 0));
    T_OK(store_commit(f->s));
    check_rows(f->s, &feed, 0, UINT64_MAX, "0+5\n5+2\n7+1\n");
}

static void malformed_rows_are_refused(void **state) {
    fix *f = fix_of(state);
    wr_hash feed = fix_hash(1);
    store_row_log log = {0, 10, 20, 1};
    store_rows empty = {.hlc_first = 10, .hlc_last = 20, .bytes = S("x")};
    T_OK(store_begin(f->s));
    T_ERR(store_put_rows(f->s, &feed, &empty, &log, 0), WR_ERR_FORMAT);
    T_ERR(fix_put(f->s, &feed, 0, WR_CHUNK_ENTRIES + 1, 0), WR_ERR_FORMAT);
    T_OK(fix_put(f->s, &feed, 0, WR_CHUNK_ENTRIES - 1, 0));
    T_ERR(fix_put(f->s, &feed, WR_CHUNK_ENTRIES - 1, 2, 0), WR_ERR_FORMAT);
    store_rows late = {
        .first_seq = WR_CHUNK_ENTRIES - 1, .count = 1, .hlc_first = 10, .hlc_last = 9};
    T_ERR(store_put_rows(f->s, &feed, &late, &log, 1), WR_ERR_FORMAT);
    late.hlc_last = 20; /* but the feed's last is later */
    T_ERR(store_put_rows(f->s, &feed, &late, &log, 1), WR_ERR_FORMAT);
    T_OK(fix_put(f->s, &feed, WR_CHUNK_ENTRIES - 1, 1, 0));
    T_OK(store_commit(f->s));
    T_EQ(fix_len(f->s, &feed), WR_CHUNK_ENTRIES);
}

static void a_range_gives_exactly_the_rows_that_touch_it(void **state) {
    fix *f = fix_of(state);
    wr_hash before = fix_hash(1), feed = fix_hash(2), after = fix_hash(3);
    uint64_t bytes = 0;
    T_OK(store_begin(f->s));
    T_OK(fix_put(f->s, &before, 0, 9, 0));
    T_OK(fix_put(f->s, &feed, 0, 10, 0));
    T_OK(fix_put(f->s, &feed, 10, 10, 0));
    T_OK(fix_put(f->s, &feed, 20, 10, 0));
    T_OK(fix_put(f->s, &after, 0, 9, 0));
    T_OK(store_commit(f->s));
    check_rows(f->s, &feed, 0, 1, "0+10\n");
    check_rows(f->s, &feed, 9, 10, "0+10\n");
    check_rows(f->s, &feed, 10, 11, "10+10\n");
    check_rows(f->s, &feed, 9, 11, "0+10\n10+10\n");
    check_rows(f->s, &feed, 15, 20, "10+10\n");
    check_rows(f->s, &feed, 15, 21, "10+10\n20+10\n");
    check_rows(f->s, &feed, 29, UINT64_MAX, "20+10\n");
    check_rows(f->s, &feed, 30, UINT64_MAX, "");
    check_rows(f->s, &feed, UINT64_MAX, UINT64_MAX, "");
    check_rows(f->s, &feed, 5, 5, "");
    T_OK(store_rows_bytes(f->s, &feed, 9, 11, &bytes));
    T_EQ(bytes, 20);
    T_OK(store_rows_bytes(f->s, &feed, 30, 40, &bytes));
    T_EQ(bytes, 0);
    T_OK(store_rows_bytes(f->s, &feed, 0, UINT64_MAX, &bytes));
    T_EQ(bytes, 30);
    fix_list list = {.stop_after = 2, .stop_with = WR_ERR_CLOSED};
    T_OK(store_each_rows(f->s, &feed, 0, 30, fix_each_rows, &list));
    T_STR(list.text, "0+10\n10+10\n");
    fix_list fails = {.stop_after = 1, .stop_with = WR_ERR_IO};
    T_ERR(store_each_rows(f->s, &feed, 0, 30, fix_each_rows, &fails), WR_ERR_IO);
    T_OK(store_begin(f->s)); /* a callback's error spoils nothing */
    T_OK(store_commit(f->s));
}

/* ---- joining -------------------------------------------------------------------------------- */

static void the_rows_of_a_complete_chunk_become_one(void **state) {
    fix *f = fix_of(state);
    wr_hash feed = fix_hash(1);
    uint64_t last = 0, count = 0;
    T_OK(store_begin(f->s));
    for (uint32_t seq = 0; seq < WR_CHUNK_ENTRIES - 1; seq++)
        T_OK(fix_put(f->s, &feed, seq, 1, (uint16_t)(seq % 3)));
    fix_list list = {.len = 0};
    T_OK(store_each_rows(f->s, &feed, 0, UINT64_MAX, fix_each_rows, &list));
    T_EQ(list.calls, WR_CHUNK_ENTRIES - 1);
    T_OK(fix_put(f->s, &feed, WR_CHUNK_ENTRIES - 1, 1, 0));
    check_rows(f->s, &feed, 0, UINT64_MAX, "0+1024\n");
    T_OK(fix_put(f->s, &feed, WR_CHUNK_ENTRIES, 1, 0));
    T_OK(store_commit(f->s));
    fix_reopen(f);
    check_rows(f->s, &feed, 500, UINT64_MAX, "0+1024\n1024+1\n");
    T_EQ(fix_len(f->s, &feed), WR_CHUNK_ENTRIES + 1);
    for (uint16_t log_no = 0; log_no < 3; log_no++) {
        fix_list logs = {.len = 0};
        T_OK(store_log_count(f->s, &feed, log_no, &count));
        T_EQ(count, log_no == 0 ? 343 : 341);
        T_OK(store_each_log_rows(f->s, &feed, log_no, 5000, fix_each_rows, &logs));
        T_STR(logs.text, log_no == 0 ? "0+1024\n1024+1\n" : "0+1024\n");
    }
    /* The last entry of log 1 is seq 1021, so no row of it is later than that one's time. */
    fix_list late = {.len = 0};
    T_OK(store_each_log_rows(f->s, &feed, 1, 10221, fix_each_rows, &late));
    T_STR(late.text, "");
    T_OK(store_each_log_rows(f->s, &feed, 1, 10220, fix_each_rows, &late));
    T_STR(late.text, "0+1024\n");
    T_OK(store_last_arrival(f->s, &last));
    T_EQ(last, WR_CHUNK_ENTRIES + 1);
}

static void joined_rows_stay_below_their_limit(void **state) {
    fix *f = fix_of(state);
    wr_hash feed = fix_hash(1);
    /* 128 entries of 600 bytes are 75 KiB, so three such rows fit one joined row. */
    T_OK(store_begin(f->s));
    for (uint32_t seq = 0; seq < WR_CHUNK_ENTRIES; seq += 128)
        T_OK(fix_put_sized(f->s, &feed, seq, 128, 0, 600));
    check_rows(f->s, &feed, 0, UINT64_MAX, "0+384\n384+384\n768+256\n");
    store_rollback(f->s);
    T_EQ(fix_len(f->s, &feed), 0);
    check_rows(f->s, &feed, 0, UINT64_MAX, "");
    /* Rows too large to be joined are left alone. */
    T_OK(store_begin(f->s));
    for (uint32_t seq = 0; seq < WR_CHUNK_ENTRIES; seq += 256)
        T_OK(fix_put_sized(f->s, &feed, seq, 256, 0, 600));
    T_OK(store_commit(f->s));
    check_rows(f->s, &feed, 0, UINT64_MAX, "0+256\n256+256\n512+256\n768+256\n");
}

static void a_rolled_back_join_leaves_the_small_rows(void **state) {
    fix *f = fix_of(state);
    wr_hash feed = fix_hash(1);
    uint64_t count = 0;
    T_OK(store_begin(f->s));
    T_OK(fix_put(f->s, &feed, 0, 600, 1));
    T_OK(fix_put(f->s, &feed, 600, 400, 2));
    T_OK(store_commit(f->s));
    T_OK(store_begin(f->s));
    T_OK(fix_put(f->s, &feed, 1000, 24, 2));
    check_rows(f->s, &feed, 0, 2000, "0+1024\n");
    store_rollback(f->s);
    for (int round = 0; round < 2; round++) {
        check_rows(f->s, &feed, 0, 2000, "0+600\n600+400\n");
        T_OK(store_log_count(f->s, &feed, 2, &count));
        T_EQ(count, 400);
        check_arrivals(f->s, 0, "600 1 0+600\n1000 1 600+400\n");
        fix_reopen(f);
    }
}

/* ---- by log ---- */

static void a_log_is_read_from_a_time_on_skipping_other_logs(void **state) {
    fix *f = fix_of(state);
    wr_hash feed = fix_hash(1), other = fix_hash(2);
    T_OK(store_begin(f->s));
    for (uint32_t i = 0; i < 100; i++)
        T_OK(fix_put(f->s, &feed, i * 10, 10, i % 10 == 0 ? 5 : 6));
    T_OK(fix_put(f->s, &other, 0, 10, 5));
    T_OK(store_commit(f->s));
    fix_list all = {.len = 0}, some = {.len = 0}, edge = {.len = 0}, none = {.len = 0};
    T_OK(store_each_log_rows(f->s, &feed, 5, 0, fix_each_rows, &all));
    T_EQ(all.calls, 10);
    T_OK(store_each_log_rows(f->s, &feed, 5, 7001, fix_each_rows, &some));
    T_STR(some.text, "700+10\n800+10\n900+10\n");
    T_OK(store_each_log_rows(f->s, &feed, 5, 9100, fix_each_rows, &edge));
    T_STR(edge.text, "900+10\n");
    T_OK(store_each_log_rows(f->s, &feed, 5, 9101, fix_each_rows, &none));
    T_OK(store_each_log_rows(f->s, &feed, 7, 0, fix_each_rows, &none));
    T_OK(store_each_log_rows(f->s, &feed, 6, UINT64_MAX, fix_each_rows, &none));
    wr_hash absent = fix_hash(9);
    T_OK(store_each_log_rows(f->s, &absent, 5, 0, fix_each_rows, &none));
    T_STR(none.text, "");
}

/* ---- by arrival ---- */

static void arrivals_are_given_once_in_order_and_resume_anywhere(void **state) {
    fix *f = fix_of(state);
    wr_hash a = fix_hash(1), b = fix_hash(2);
    uint64_t last = 99;
    T_OK(store_last_arrival(f->s, &last));
    T_EQ(last, 0);
    check_arrivals(f->s, 0, "");
    T_OK(store_begin(f->s));
    T_OK(fix_put(f->s, &a, 0, 3, 0));
    T_OK(fix_put(f->s, &b, 0, 2, 0));
    T_OK(fix_put(f->s, &a, 3, 1, 0));
    T_OK(store_commit(f->s));
    T_OK(store_begin(f->s));
    T_OK(fix_put(f->s, &a, 4, 6, 0));
    store_rollback(f->s);
    for (int round = 0; round < 2; round++) {
        T_OK(store_last_arrival(f->s, &last));
        T_EQ(last, 6);
        fix_reopen(f);
    }
    T_OK(store_begin(f->s));
    T_OK(fix_put(f->s, &a, 4, 6, 0));
    T_OK(store_commit(f->s));
    check_arrivals(f->s, 0, "3 1 0+3\n5 2 0+2\n6 1 3+1\n12 1 4+6\n");
    check_arrivals(f->s, 3, "5 2 0+2\n6 1 3+1\n12 1 4+6\n");
    check_arrivals(f->s, 4, "5 2 1+1\n6 1 3+1\n12 1 4+6\n");
    check_arrivals(f->s, 10, "12 1 8+2\n");
    check_arrivals(f->s, 11, "12 1 9+1\n");
    check_arrivals(f->s, 12, "");
    check_arrivals(f->s, UINT64_MAX, "");
    fix_list list = {.stop_after = 2, .stop_with = WR_ERR_CLOSED};
    T_OK(store_each_arrival(f->s, 0, fix_each_arrival, &list));
    T_STR(list.text, "3 1 0+3\n5 2 0+2\n");
}

static void arrivals_survive_the_joining_of_their_rows(void **state) {
    fix *f = fix_of(state);
    wr_hash a = fix_hash(1), b = fix_hash(2);
    T_OK(store_begin(f->s));
    T_OK(fix_put(f->s, &a, 0, 1000, 0));
    T_OK(fix_put(f->s, &b, 0, 1, 0));
    T_OK(fix_put(f->s, &a, 1000, 4, 0));
    T_OK(fix_put(f->s, &b, 1, 1, 0));
    check_arrivals(f->s, 1000, "1001 2 0+1\n1005 1 1000+4\n1006 2 1+1\n");
    T_OK(fix_put(f->s, &a, 1004, 20, 0));
    T_OK(store_commit(f->s));
    check_rows(f->s, &a, 0, 2000, "0+1024\n");
    check_arrivals(f->s, 0,
                   "1000 1 0+1000\n1001 2 0+1\n1005 1 1000+4\n1006 2 1+1\n1026 1 1004+20\n");
    check_arrivals(f->s, 1003, "1005 1 1002+2\n1006 2 1+1\n1026 1 1004+20\n");
}

/* Reading one thing while reading another: what merging several feeds into one order does. */
typedef struct nested {
    store *s;
    wr_hash other;
    uint32_t inner;
} nested;

static wr_err count_inner(void *ctx, const store_rows *rows) {
    (void)rows;
    ((nested *)ctx)->inner++;
    return WR_OK;
}

static wr_err read_inner(void *ctx, const store_rows *rows) {
    nested *n = (nested *)ctx;
    uint8_t before = rows->bytes.ptr[0];
    T_OK(store_each_rows(n->s, &n->other, 0, 100, count_inner, n));
    T_EQ(rows->bytes.ptr[0], before);
    return WR_OK;
}

static void reads_may_be_nested(void **state) {
    fix *f = fix_of(state);
    wr_hash feed = fix_hash(1);
    nested n = {f->s, fix_hash(2), 0};
    T_OK(store_begin(f->s));
    for (uint32_t i = 0; i < 3; i++) {
        T_OK(fix_put(f->s, &feed, i, 1, 0));
        T_OK(fix_put(f->s, &n.other, i, 1, 0));
    }
    T_OK(store_commit(f->s));
    T_OK(store_each_rows(f->s, &feed, 0, 100, read_inner, &n));
    T_EQ(n.inner, 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FIX_BOTH(rows_must_follow_each_other),
        FIX_BOTH(malformed_rows_are_refused),
        FIX_BOTH(a_range_gives_exactly_the_rows_that_touch_it),
        FIX_BOTH(the_rows_of_a_complete_chunk_become_one),
        FIX_BOTH(joined_rows_stay_below_their_limit),
        FIX_BOTH(a_rolled_back_join_leaves_the_small_rows),
        FIX_BOTH(a_log_is_read_from_a_time_on_skipping_other_logs),
        FIX_BOTH(arrivals_are_given_once_in_order_and_resume_anywhere),
        FIX_BOTH(arrivals_survive_the_joining_of_their_rows),
        FIX_BOTH(reads_may_be_nested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
