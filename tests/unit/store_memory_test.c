/* The store in memory as the simulator uses it: failing at a call, crashing, going on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store_fixture.h"

#include "store/store_memory.h"

static wr_err write_something(store *s, const wr_hash *feed) {
    WR_TRY(store_begin(s));
    WR_TRY(store_put_meta(s, S("a"), S("1")));
    WR_TRY(fix_put(s, feed, 0, 700, 0));
    WR_TRY(store_put_head(s, feed, S("head")));
    WR_TRY(store_commit(s));
    WR_TRY(store_begin(s));
    WR_TRY(store_put_meta(s, S("a"), S("2")));
    WR_TRY(fix_put(s, feed, 700, 324, 0)); /* joins */
    return store_commit(s);
}

static void check_whole(store *s, const wr_hash *feed) {
    uint8_t bytes[8];
    wr_buf out = WR_BUF_ARRAY(bytes);
    uint64_t len = fix_len(s, feed);
    wr_err err = store_get_meta(s, S("a"), &out);
    /* All of a transaction or nothing of it. */
    if (len == 0)
        T_EQ(err, WR_ERR_UNKNOWN);
    else
        T_SLICE(wr_buf_slice(&out), len == 700 ? S("1") : S("2"));
    T_TRUE(len == 0 || len == 700 || len == 1024);
    fix_list list = {.len = 0};
    T_OK(store_each_rows(s, feed, 0, 2000, fix_each_rows, &list));
    T_STR(list.text, len == 0 ? "" : len == 700 ? "0+700\n" : "0+1024\n");
}

static void a_crash_at_any_call_keeps_what_was_committed(void **state) {
    (void)state;
    wr_hash feed = fix_hash(1);
    wr_err err = WR_ERR_IO;
    uint64_t nth = 1;
    for (; err != WR_OK; nth++) {
        store *s = NULL;
        T_OK(store_open_memory(&s));
        store_memory_fail_at(s, nth);
        err = write_something(s, &feed);
        T_TRUE(err == WR_OK || err == WR_ERR_IO);
        store_memory_crash(s);
        check_whole(s, &feed);
        /* The same device, started again. */
        T_OK(store_begin(s));
        T_OK(store_put_meta(s, S("again"), S("1")));
        T_OK(store_commit(s));
        store_close(s);
    }
    T_EQ(nth, 11); /* nine calls, and the round in which none failed */
}

static void after_a_failed_write_only_a_rollback_is_legal(void **state) {
    (void)state;
    wr_hash feed = fix_hash(1);
    store *s = NULL;
    T_OK(store_open_memory(&s));
    T_OK(store_begin(s));
    store_memory_fail_at(s, 2);
    T_OK(store_put_meta(s, S("a"), S("1")));
    T_ERR(store_put_meta(s, S("b"), S("1")), WR_ERR_IO);
    T_ERR(store_put_meta(s, S("c"), S("1")), WR_ERR_IO);
    T_TRUE(store_problem(s)[0] != '\0');
    store_rollback(s);
    T_EQ(fix_len(s, &feed), 0);
    T_OK(store_begin(s));
    T_OK(store_put_meta(s, S("a"), S("1")));
    store_memory_fail_at(s, 1);
    T_ERR(store_commit(s), WR_ERR_IO); /* has rolled back */
    T_OK(store_begin(s));
    T_OK(store_commit(s));
    store_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_at_any_call_keeps_what_was_committed),
        cmocka_unit_test(after_a_failed_write_only_a_rollback_is_legal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
