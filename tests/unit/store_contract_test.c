/* The store contract, small things: transactions, values, ops, keys, heads, logs, the tail; the
 * same on SQLite and in memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store_fixture.h"

#include "base/limits.h"

#include <stdlib.h>

static fix *fix_of(void **state) {
    return (fix *)*state;
}

static void put_meta(store *s, const char *key, const char *value) {
    T_OK(store_put_meta(s, S(key), S(value)));
}

static void check_meta(store *s, const char *key, const char *value) {
    uint8_t bytes[64];
    wr_buf out = WR_BUF_ARRAY(bytes);
    if (value == NULL) {
        T_ERR(store_get_meta(s, S(key), &out), WR_ERR_UNKNOWN);
        return;
    }
    T_OK(store_get_meta(s, S(key), &out));
    T_SLICE(wr_buf_slice(&out), S(value));
}

/* ---- transactions ------------------------------------------------------------------------ */

static void committed_values_survive_and_rolled_back_ones_do_not(void **state) {
    fix *f = fix_of(state);
    T_OK(store_begin(f->s));
    put_meta(f->s, "a", "1");
    put_meta(f->s, "b", "1");
    put_meta(f->s, "c", "1");
    T_OK(store_commit(f->s));
    T_OK(store_begin(f->s));
    put_meta(f->s, "a", "2");
    put_meta(f->s, "a", "3");
    put_meta(f->s, "d", "new");
    T_OK(store_delete_meta(f->s, S("b")));
    T_OK(store_delete_meta(f->s, S("c")));
    put_meta(f->s, "c", "again");
    check_meta(f->s, "a", "3");
    check_meta(f->s, "b", NULL);
    store_rollback(f->s);
    for (int round = 0; round < 2; round++) {
        check_meta(f->s, "a", "1");
        check_meta(f->s, "b", "1");
        check_meta(f->s, "c", "1");
        check_meta(f->s, "d", NULL);
        fix_reopen(f);
    }
}

static void an_open_transaction_is_lost_at_close(void **state) {
    fix *f = fix_of(state);
    T_OK(store_begin(f->s));
    put_meta(f->s, "a", "1");
    fix_reopen(f);
    check_meta(f->s, "a", NULL);
}

static void writes_outside_of_a_transaction_are_refused(void **state) {
    fix *f = fix_of(state);
    wr_hash id = fix_hash(1);
    T_ERR(store_put_meta(f->s, S("a"), S("1")), WR_ERR_STATE);
    T_ERR(fix_put(f->s, &id, 0, 1, 0), WR_ERR_STATE);
    T_ERR(store_commit(f->s), WR_ERR_STATE);
    store_rollback(f->s);
    T_OK(store_begin(f->s));
    T_ERR(store_begin(f->s), WR_ERR_STATE);
    T_OK(store_commit(f->s));
}

static wr_err try_to_write(void *ctx, const store_rows *rows) {
    (void)rows;
    store *s = (store *)ctx;
    T_ERR(store_put_meta(s, S("x"), S("1")), WR_ERR_STATE);
    T_ERR(store_commit(s), WR_ERR_STATE);
    return WR_OK;
}

static void a_callback_may_not_write(void **state) {
    fix *f = fix_of(state);
    wr_hash id = fix_hash(1);
    T_OK(store_begin(f->s));
    T_OK(fix_put(f->s, &id, 0, 1, 0));
    T_OK(store_each_rows(f->s, &id, 0, 1, try_to_write, f->s));
    put_meta(f->s, "x", "2");
    T_OK(store_commit(f->s));
}

/* ---- small values ---------------------------------------------------------------------------- */

static void keys_and_values_have_limits(void **state) {
    fix *f = fix_of(state);
    uint8_t key[STORE_KEY_MAX + 1] = {1}, out_bytes[8];
    uint8_t *big = (uint8_t *)calloc(1, STORE_VALUE_BYTES_MAX + 1);
    T_TRUE(big != NULL);
    T_OK(store_begin(f->s));
    T_ERR(store_put_meta(f->s, WR_SLICE_EMPTY, S("1")), WR_ERR_LIMIT);
    T_ERR(store_put_meta(f->s, wr_slice_of(key, sizeof key), S("1")), WR_ERR_LIMIT);
    T_OK(store_put_meta(f->s, wr_slice_of(key, STORE_KEY_MAX), S("123456789")));
    T_OK(store_put_meta(f->s, S("empty"), WR_SLICE_EMPTY));
    T_OK(store_put_meta(f->s, S("big"), wr_slice_of(big, STORE_VALUE_BYTES_MAX)));
    T_ERR(store_put_meta(f->s, S("big"), wr_slice_of(big, STORE_VALUE_BYTES_MAX + 1)),
          WR_ERR_LIMIT);
    T_OK(store_commit(f->s));
    free(big);
    check_meta(f->s, "empty", "");
    wr_buf out = WR_BUF_ARRAY(out_bytes);
    T_ERR(store_get_meta(f->s, wr_slice_of(key, STORE_KEY_MAX), &out), WR_ERR_NOBUF);
    T_EQ(out.len, 0);
}

/* ---- ops ---- */

static wr_err list_op(void *ctx, wr_slice bytes, const wr_sig *sig) {
    T_EQ(sig->b[0], bytes.ptr[0]);
    return fix_list_add((fix_list *)ctx, "%.*s\n", (int)bytes.len, (const char *)bytes.ptr);
}

static void ops_come_back_in_order_of_admission(void **state) {
    fix *f = fix_of(state);
    static const char *const op[] = {"zulu", "alpha", "mike"};
    T_OK(store_begin(f->s));
    for (size_t i = 0; i < 3; i++) {
        wr_hash id = fix_hash((uint8_t)(9 - i));
        wr_sig sig = {{(uint8_t)op[i][0]}};
        T_OK(store_put_op(f->s, &id, S(op[i]), &sig));
        T_ERR(store_put_op(f->s, &id, S("other"), &sig), WR_ERR_EXISTS);
    }
    T_OK(store_commit(f->s));
    fix_reopen(f);
    fix_list list = {.len = 0};
    T_OK(store_each_op(f->s, list_op, &list));
    T_STR(list.text, "zulu\nalpha\nmike\n");
    fix_list two = {.stop_after = 2, .stop_with = WR_ERR_AUTH};
    T_ERR(store_each_op(f->s, list_op, &two), WR_ERR_AUTH);
    T_STR(two.text, "zulu\nalpha\n");
    fix_list one = {.stop_after = 1, .stop_with = WR_ERR_CLOSED};
    T_OK(store_each_op(f->s, list_op, &one));
    T_STR(one.text, "zulu\n");
}

/* ---- keys ---- */

static wr_err list_epoch(void *ctx, const wr_hash *epoch_id, const wr_key *secret) {
    for (size_t i = 0; i < sizeof secret->b; i++)
        T_EQ(secret->b[i], secret->b[0]);
    return fix_list_add((fix_list *)ctx, "%u:%u\n", epoch_id->b[0], secret->b[0]);
}

static void secrets_come_back_and_follow_the_transaction(void **state) {
    fix *f = fix_of(state);
    wr_hash id1 = fix_hash(9), id2 = fix_hash(3);
    wr_key one = fix_key(1), two = fix_key(2), got;
    T_OK(store_begin(f->s));
    T_OK(store_put_epoch(f->s, &id1, &one));
    T_OK(store_put_epoch(f->s, &id2, &two));
    T_OK(store_put_epoch(f->s, &id1, &one));
    T_OK(store_put_secret(f->s, S("seed"), &one));
    T_OK(store_commit(f->s));
    T_OK(store_begin(f->s));
    T_OK(store_put_secret(f->s, S("seed"), &two));
    T_OK(store_put_secret(f->s, S("other"), &two));
    T_OK(store_put_epoch(f->s, &id1, &two));
    store_rollback(f->s);
    for (int round = 0; round < 2; round++) {
        fix_list list = {.len = 0};
        T_OK(store_each_epoch(f->s, list_epoch, &list));
        T_STR(list.text, "9:1\n3:2\n");
        T_OK(store_get_secret(f->s, S("seed"), &got));
        T_TRUE(wr_key_equal(&got, &one));
        T_ERR(store_get_secret(f->s, S("other"), &got), WR_ERR_UNKNOWN);
        fix_reopen(f);
    }
}

static void an_epoch_that_is_deleted_is_gone_and_may_come_again(void **state) {
    fix *f = fix_of(state);
    wr_hash id1 = fix_hash(9), id2 = fix_hash(3), id3 = fix_hash(5);
    wr_key one = fix_key(1), two = fix_key(2);
    fix_list list = {.len = 0}, later = {.len = 0};
    T_OK(store_begin(f->s));
    T_OK(store_put_epoch(f->s, &id1, &one));
    T_OK(store_put_epoch(f->s, &id2, &two));
    T_OK(store_commit(f->s));
    T_OK(store_begin(f->s));
    T_OK(store_delete_epoch(f->s, &id1));
    store_rollback(f->s);
    T_OK(store_each_epoch(f->s, list_epoch, &list));
    T_STR(list.text, "9:1\n3:2\n");
    T_OK(store_begin(f->s));
    T_OK(store_delete_epoch(f->s, &id1));
    T_OK(store_delete_epoch(f->s, &id3)); /* never was here */
    T_OK(store_commit(f->s));
    fix_reopen(f);
    T_OK(store_begin(f->s));
    T_OK(store_put_epoch(f->s, &id1, &two));
    T_OK(store_commit(f->s));
    T_OK(store_each_epoch(f->s, list_epoch, &later));
    T_STR(later.text, "3:2\n9:2\n"); /* in the order of arrival */
}

/* ---- heads and nodes ---- */

static wr_err list_head(void *ctx, const wr_hash *feed_id, wr_slice head) {
    return fix_list_add((fix_list *)ctx, "%u:%.*s\n", feed_id->b[0], (int)head.len,
                        (const char *)head.ptr);
}

static void heads_and_nodes_replace_older_ones(void **state) {
    fix *f = fix_of(state);
    wr_hash feed = fix_hash(1), other = fix_hash(2), node = fix_hash(7), got;
    T_OK(store_begin(f->s));
    T_OK(store_put_head(f->s, &feed, S("old")));
    T_OK(store_put_head(f->s, &other, S("else")));
    T_OK(store_put_head(f->s, &feed, S("new")));
    T_OK(store_put_node(f->s, &feed, 3, 5, &other));
    T_OK(store_put_node(f->s, &feed, 3, 5, &node));
    T_OK(store_put_node(f->s, &feed, 5, 3, &other));
    T_OK(store_commit(f->s));
    fix_reopen(f);
    fix_list list = {.len = 0};
    T_OK(store_each_head(f->s, list_head, &list));
    T_STR(list.text, "1:new\n2:else\n");
    T_OK(store_get_node(f->s, &feed, 3, 5, &got));
    T_TRUE(wr_hash_equal(&got, &node));
    T_ERR(store_get_node(f->s, &feed, 3, 6, &got), WR_ERR_UNKNOWN);
    T_ERR(store_get_node(f->s, &other, 3, 5, &got), WR_ERR_UNKNOWN);
    T_ERR(store_get_node(f->s, &node, 3, 5, &got), WR_ERR_UNKNOWN);
}

/* ---- logs ---- */

static wr_err list_log(void *ctx, const store_log *log) {
    return fix_list_add((fix_list *)ctx, "%u:%.*s\n", log->log_id, (int)log->name_sealed.len,
                        (const char *)log->name_sealed.ptr);
}

static wr_err list_bound(void *ctx, const wr_hash *feed_id, uint16_t log_no) {
    return fix_list_add((fix_list *)ctx, "%u:%u\n", feed_id->b[0], log_no);
}

static void logs_are_found_by_name_and_bound_to_numbers(void **state) {
    fix *f = fix_of(state);
    wr_hash name1 = fix_hash(0xf0), name2 = fix_hash(0x0f), a = fix_hash(1), b = fix_hash(2);
    uint32_t id1 = 0, id2 = 0, again = 0, next = 9;
    uint16_t log_no = 0;
    T_ERR(store_find_log(f->s, &name1, &id1), WR_ERR_UNKNOWN);
    T_OK(store_max_bound(f->s, &a, &next));
    T_EQ(next, 0);
    T_OK(store_begin(f->s));
    T_OK(store_put_log(f->s, &name1, S("one"), &id1));
    T_OK(store_put_log(f->s, &name2, S("two"), &id2));
    T_OK(store_put_log(f->s, &name1, S("renamed"), &again));
    T_EQ(again, id1);
    T_TRUE(id1 != id2);
    T_OK(store_bind_log(f->s, &a, 0, id1));
    T_OK(store_bind_log(f->s, &a, 0, id1));
    T_ERR(store_bind_log(f->s, &a, 0, id2), WR_ERR_EXISTS);
    T_OK(store_bind_log(f->s, &a, 65535, id2));
    T_OK(store_bind_log(f->s, &b, 4, id2));
    T_OK(store_bind_log(f->s, &b, 3, id2));
    T_OK(store_commit(f->s));
    fix_reopen(f);
    fix_list logs = {.len = 0}, bound = {.len = 0};
    T_OK(store_each_log(f->s, list_log, &logs));
    T_STR(logs.text, "1:one\n2:two\n");
    T_OK(store_find_log(f->s, &name2, &again));
    T_EQ(again, id2);
    T_OK(store_get_bound(f->s, &b, id2, &log_no));
    T_EQ(log_no, 3);
    T_ERR(store_get_bound(f->s, &b, id1, &log_no), WR_ERR_UNKNOWN);
    T_ERR(store_get_bound(f->s, &name1, id1, &log_no), WR_ERR_UNKNOWN);
    T_OK(store_max_bound(f->s, &a, &next));
    T_EQ(next, 65536);
    T_OK(store_each_bound(f->s, id2, list_bound, &bound));
    T_STR(bound.text, "1:65535\n2:3\n2:4\n");
}

/* ---- the tail ---- */

static wr_err list_tail(void *ctx, const store_tail *tail) {
    return fix_list_add((fix_list *)ctx, "%llx:%u:%.*s\n", (unsigned long long)tail->hlc,
                        tail->log_id, (int)tail->sealed.len, (const char *)tail->sealed.ptr);
}

static void the_tail_is_ordered_by_time_as_an_unsigned_number(void **state) {
    fix *f = fix_of(state);
    /* The last one has the bit set that a signed number would read as a sign. */
    static const uint64_t hlc[] = {0xfedcba9876543210, 7, 0x1000, 0};
    uint64_t count = 99, alias = 0;
    T_OK(store_begin(f->s));
    for (size_t i = 0; i < WR_COUNT(hlc); i++) {
        store_tail tail = {hlc[i], (uint32_t)i, S("body")};
        T_OK(store_put_tail(f->s, &tail));
    }
    T_OK(store_delete_tail(f->s, 0x1000));
    T_OK(store_delete_tail(f->s, 0x1001));
    T_OK(store_put_alias(f->s, hlc[0], 5));
    T_OK(store_put_alias(f->s, 5, hlc[0]));
    T_OK(store_commit(f->s));
    fix_reopen(f);
    fix_list all = {.len = 0}, later = {.len = 0};
    T_OK(store_each_tail(f->s, 0, list_tail, &all));
    T_STR(all.text, "0:3:body\n7:1:body\nfedcba9876543210:0:body\n");
    T_OK(store_each_tail(f->s, 8, list_tail, &later));
    T_STR(later.text, "fedcba9876543210:0:body\n");
    T_OK(store_tail_count(f->s, &count));
    T_EQ(count, 3);
    T_OK(store_get_alias(f->s, 5, &alias));
    T_TRUE(alias == hlc[0]);
    T_ERR(store_get_alias(f->s, 6, &alias), WR_ERR_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FIX_BOTH(committed_values_survive_and_rolled_back_ones_do_not),
        FIX_BOTH(an_open_transaction_is_lost_at_close),
        FIX_BOTH(writes_outside_of_a_transaction_are_refused),
        FIX_BOTH(a_callback_may_not_write),
        FIX_BOTH(keys_and_values_have_limits),
        FIX_BOTH(ops_come_back_in_order_of_admission),
        FIX_BOTH(secrets_come_back_and_follow_the_transaction),
        FIX_BOTH(an_epoch_that_is_deleted_is_gone_and_may_come_again),
        FIX_BOTH(heads_and_nodes_replace_older_ones),
        FIX_BOTH(logs_are_found_by_name_and_bound_to_numbers),
        FIX_BOTH(the_tail_is_ordered_by_time_as_an_unsigned_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
