/* Names of logs and devices, cursors, and what goes wrong.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/flow_reader_world.h"

#include "flow/reader.h"
#include "wire/pack.h"

#include <stdio.h>

/* ---- cursors and names ---- */

static void a_foreign_cursor_is_refused(void **state) {
    circle *c = *state;
    text order, arrival;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->a, 1, "chores", 2);
    r_start(&order, "");
    r_start(&arrival, "");
    (void)r_read_on(&c->a, "notes", 9, &order);
    (void)r_follow(&c->a, "notes", 9, &arrival);
    T_OK(r_try_cursor(&c->a, false, "notes", order.cursor));
    T_OK(r_try_cursor(&c->a, true, "notes", arrival.cursor));
    T_ERR(r_try_cursor(&c->a, true, "notes", order.cursor), WR_ERR_FORMAT);
    T_ERR(r_try_cursor(&c->a, false, "notes", arrival.cursor), WR_ERR_FORMAT);
    T_ERR(r_try_cursor(&c->a, true, "chores", arrival.cursor), WR_ERR_FORMAT);
    T_ERR(r_try_cursor(&c->a, false, "notes", HUB_CURSOR_NOW), WR_ERR_FORMAT);
    order.cursor[0] ^= 1;
    T_ERR(r_try_cursor(&c->a, false, "notes", order.cursor), WR_ERR_FORMAT);
    order.cursor[0] = '!';
    T_ERR(r_try_cursor(&c->a, false, "notes", order.cursor), WR_ERR_FORMAT);
    T_ERR(r_try_cursor(&c->a, false, "nothing", ""), WR_ERR_UNKNOWN);
    T_ERR(r_try_cursor(&c->a, true, "nothing", ""), WR_ERR_UNKNOWN);
    T_ERR(r_try_cursor(&c->a, false, "-x", ""), WR_ERR_FORMAT);
}

static const char *name_of(device *d, const device *of) {
    static char name[WR_NAME_BYTES_MAX + 1];
    wr_buf out = wr_buf_of(name, WR_NAME_BYTES_MAX);
    reader_device_name(d->r, &of->identity.device_id, &out);
    name[out.len] = '\0';
    return name;
}

static void the_newest_name_of_a_device_wins(void **state) {
    circle *c = *state;
    r_join(c);
    T_STR(name_of(&c->a, &c->b), "");
    r_call_it(&c->a, &c->b.identity.device_id, "phone", 20);
    T_TRUE(c->a.changed);
    T_STR(name_of(&c->a, &c->b), "phone");
    r_call_it(&c->b, &c->b.identity.device_id, "older", 10);
    r_carry(&c->b, &c->a, 1);
    T_FALSE(c->a.changed);
    T_STR(name_of(&c->a, &c->b), "phone");
    r_call_it(&c->b, &c->b.identity.device_id, "newer", 30);
    r_carry(&c->b, &c->a, 1);
    T_TRUE(c->a.changed);
    T_STR(name_of(&c->a, &c->b), "newer");
}

static void names_are_found_again_after_a_restart(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_call_it(&c->a, &c->a.identity.device_id, "desk", 20);
    r_bind(&c->a, 0, "notes", 21);
    r_say(&c->a, 0, 30, "x");
    r_sign(&c->a);
    reader_free(c->a.r);
    c->a.r = NULL;
    T_OK(reader_new(c->a.self, c->a.s, &r_store_key, &c->a.r));
    r_drain(&c->a);
    T_FALSE(c->a.changed);
    T_STR(name_of(&c->a, &c->a), "desk");
    r_start(&t, "");
    T_STR(r_read_on(&c->a, "notes", 9, &t), "x ");
}

static void what_is_no_name_is_ignored(void **state) {
    circle *c = *state;
    uint8_t bytes[256];
    wr_buf content = WR_BUF_ARRAY(bytes);
    r_join(c);
    T_ERR(reader_encode_bind(0, S("-x"), &content), WR_ERR_FORMAT);
    T_ERR(reader_encode_name(&c->a.identity.device_id, S(""), &content), WR_ERR_FORMAT);
    T_OK(wr_pack_array(&content, 3));
    T_OK(wr_pack_uint(&content, 1));
    T_OK(wr_pack_bin(&content, WR_SLICE_OBJ(c->a.identity.device_id)));
    T_OK(wr_pack_bin(&content, S("two\nlines")));
    r_put_control(&c->a, &content, 10);
    T_FALSE(c->a.changed);
    T_STR(name_of(&c->a, &c->a), "");
    r_call_it(&c->a, &c->a.identity.device_id, "good", 11);
    T_STR(name_of(&c->a, &c->a), "good");
}

static void a_number_means_the_log_it_was_first_bound_to(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->a, 0, "chores", 2);
    r_bind(&c->a, 1, "notes", 3);
    r_say(&c->a, 0, 10, "zero");
    r_say(&c->a, 1, 11, "one");
    r_sign(&c->a);
    r_start(&t, "");
    T_STR(r_read_on(&c->a, "notes", 9, &t), "zero ");
    r_start(&t, "");
    T_STR(r_read_on(&c->a, "chores", 9, &t), "");
}

static void own_numbers_are_given_out_in_turn(void **state) {
    circle *c = *state;
    uint16_t log_no = 99, next = 99;
    r_join(c);
    T_ERR(reader_own_log(c->a.r, S("notes"), &log_no, &next), WR_ERR_UNKNOWN);
    T_EQ(next, 0);
    r_bind(&c->a, 0, "notes", 1);
    T_OK(reader_own_log(c->a.r, S("notes"), &log_no, &next));
    T_EQ(log_no, 0);
    T_ERR(reader_own_log(c->a.r, S("chores"), &log_no, &next), WR_ERR_UNKNOWN);
    T_EQ(next, 1);
    T_ERR(reader_own_log(c->a.r, S(""), &log_no, &next), WR_ERR_FORMAT);
}

static void without_the_epoch_nothing_is_read_and_with_it_all(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_new_epoch(c);
    r_bind(&c->a, 0, "notes", 1);
    r_call_it(&c->a, &c->a.identity.device_id, "desk", 2);
    r_say(&c->a, 0, 10, "x");
    r_sign(&c->a);
    r_carry(&c->a, &c->b, 1);
    r_carry(&c->a, &c->b, 0);
    T_FALSE(c->b.changed);
    T_ERR(r_try_cursor(&c->b, false, "notes", ""), WR_ERR_UNKNOWN);
    r_wait_in_tail(&c->b, "notes", 5, "b");
    r_start(&t, "");
    T_STR(r_read_on(&c->b, "notes", 9, &t), "~b ");
    r_give_epoch(&c->a, &c->b, false);
    r_drain(&c->b);
    T_TRUE(c->b.changed);
    T_STR(name_of(&c->b, &c->a), "desk");
    T_EQ(reader_skipped(c->b.r), 0);
    T_STR(r_read_on(&c->b, "notes", 9, &t), "x ");
}

static wr_err add_log(void *ctx, const hub_log *log) {
    text *t = ctx;
    int len = snprintf(t->list + t->len, TEXT_MAX - t->len, "%.*s=%llu ", (int)log->name.len,
                       (const char *)log->name.ptr, (unsigned long long)log->entries);
    t->len += (size_t)len;
    return WR_OK;
}

static void an_entry_of_a_missing_epoch_is_passed_over_and_counted(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_say(&c->a, 0, 10, "old");
    r_sign(&c->a);
    r_new_epoch(c);
    r_say(&c->a, 0, 11, "new");
    r_sign(&c->a);
    r_carry(&c->a, &c->b, 1);
    r_carry(&c->a, &c->b, 0);
    r_start(&t, "");
    T_STR(r_read_on(&c->b, "notes", 9, &t), "old ");
    T_EQ(reader_skipped(c->b.r), 1);
    r_give_epoch(&c->a, &c->b, false);
    T_STR(r_read_on(&c->b, "notes", 9, &t), "new ");
}

/* Who follows has passed it by, who comes later has not: both get it once. */
static void an_entry_whose_key_comes_later_is_given_once(void **state) {
    circle *c = *state;
    text early, late;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_say(&c->a, 0, 10, "old");
    r_sign(&c->a);
    r_carry(&c->a, &c->b, 1);
    r_carry(&c->a, &c->b, 0);
    r_start(&early, "");
    r_start(&late, "");
    T_STR(r_follow(&c->b, "notes", 9, &early), "old ");
    r_new_epoch(c);
    r_say(&c->a, 0, 11, "new");
    r_say(&c->a, 0, 12, "newer");
    r_sign(&c->a);
    r_carry(&c->a, &c->b, 0);
    T_STR(r_follow(&c->b, "notes", 9, &early), "");
    T_STR(r_follow(&c->b, "notes", 1, &late), "old ");
    r_give_epoch(&c->a, &c->b, false);
    r_drain(&c->b);
    T_TRUE(c->b.changed);
    r_say(&c->a, 0, 13, "newest");
    r_sign(&c->a);
    r_carry(&c->a, &c->b, 0);
    T_STR(r_follow(&c->b, "notes", 1, &early), "new ");
    T_STR(r_follow(&c->b, "notes", 9, &early), "newer newest ");
    T_STR(r_follow(&c->b, "notes", 9, &early), "");
    T_STR(r_follow(&c->b, "notes", 9, &late), "new newer newest ");
    r_start(&late, "");
    T_STR(r_follow(&c->b, "notes", 9, &late), "new newer old newest ");
}

/* Neither its name nor its key was known: two late cases, and one entry. */
static void an_entry_whose_name_and_key_come_later_is_given_once(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_bind(&c->b, 0, "notes", 1);
    r_start(&t, "");
    T_STR(r_follow(&c->b, "notes", 9, &t), "");
    r_bind(&c->a, 0, "notes", 2);
    r_say(&c->a, 0, 10, "old");
    r_sign(&c->a);
    r_new_epoch(c);
    r_say(&c->a, 0, 11, "new");
    r_sign(&c->a);
    r_carry(&c->a, &c->b, 0);
    T_STR(r_follow(&c->b, "notes", 9, &t), "");
    r_carry(&c->a, &c->b, 1);
    T_STR(r_follow(&c->b, "notes", 9, &t), "old ");
    r_give_epoch(&c->a, &c->b, false);
    r_drain(&c->b);
    T_STR(r_follow(&c->b, "notes", 9, &t), "new ");
    T_STR(r_follow(&c->b, "notes", 9, &t), "");
    r_start(&t, "");
    T_STR(r_follow(&c->b, "notes", 9, &t), "old new ");
}

static void logs_are_listed_with_their_entries(void **state) {
    circle *c = *state;
    text t;
    r_join(c);
    r_start(&t, "");
    T_OK(reader_each_log(c->a.r, add_log, &t));
    T_STR(t.list, "");
    r_bind(&c->a, 0, "notes", 1);
    r_bind(&c->b, 0, "notes", 1);
    r_bind(&c->a, 1, "chores", 2);
    r_say(&c->a, 0, 10, "x");
    r_sign(&c->a);
    r_say(&c->b, 0, 11, "y");
    r_sign(&c->b);
    r_carry(&c->b, &c->a, 1);
    r_carry(&c->b, &c->a, 0);
    r_wait_in_tail(&c->a, "notes", 12, "z");
    r_start(&t, "");
    T_OK(reader_each_log(c->a.r, add_log, &t));
    T_STR(t.list, "notes=3 chores=0 ");
}

typedef struct search {
    wr_slice what;
    bool found;
} search;

static wr_err search_row(void *ctx, const store_log *log) {
    search *s = ctx;
    s->found |=
        memmem(log->name_sealed.ptr, log->name_sealed.len, s->what.ptr, s->what.len) != NULL;
    return WR_OK;
}

static wr_err take_tail(void *ctx, const store_tail *tail) {
    wr_buf *out = ctx;
    return wr_buf_put(out, tail->sealed);
}

static void names_and_the_tail_are_sealed(void **state) {
    circle *c = *state;
    uint8_t bytes[1024], plain_bytes[1024];
    wr_buf sealed = WR_BUF_ARRAY(bytes), plain = WR_BUF_ARRAY(plain_bytes);
    wr_slice kind, body;
    uint32_t log_id;
    r_join(c);
    r_wait_in_tail(&c->a, "a name to hide", 5, "a text to hide");
    search s = {S("to hide"), false};
    T_OK(store_each_log(c->a.s, search_row, &s));
    T_FALSE(s.found);
    T_OK(store_each_tail(c->a.s, 0, take_tail, &sealed));
    T_TRUE(memmem(bytes, sealed.len, "to hide", 7) == NULL);
    store_tail tail = {.hlc = 5ull << 16, .sealed = wr_buf_slice(&sealed)};
    T_OK(reader_open_tail(c->a.r, &tail, &plain, &kind, &body));
    T_SLICE(kind, S("kind"));
    T_SLICE(body, S("a text to hide"));
    tail.hlc++;
    T_ERR(reader_open_tail(c->a.r, &tail, &plain, &kind, &body), WR_ERR_AUTH);
    T_OK(store_begin(c->a.s));
    T_OK(reader_log_id(c->a.r, S("a name to hide"), &log_id));
    T_OK(store_commit(c->a.s));
    plain.len = 0;
    T_OK(reader_log_name(c->a.r, log_id, &plain));
    T_SLICE(wr_buf_slice(&plain), S("a name to hide"));
    T_ERR(reader_log_name(c->a.r, log_id + 1, &plain), WR_ERR_UNKNOWN);
}

static void an_error_of_the_store_is_passed_on(void **state) {
    circle *c = *state;
    r_join(c);
    r_bind(&c->a, 0, "notes", 1);
    r_say(&c->a, 0, 10, "x");
    r_sign(&c->a);
    r_wait_in_tail(&c->a, "notes", 12, "z");
    for (int arrivals = 0; arrivals < 2; arrivals++) {
        uint64_t n = 0;
        wr_err err = WR_ERR_IO;
        while (err == WR_ERR_IO) {
            store_memory_fail_at(c->a.s, ++n);
            err = r_try_cursor(&c->a, arrivals == 1, "notes", "");
        }
        T_OK(err);
        T_TRUE(n > 4);
        store_memory_fail_at(c->a.s, 0);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, r_setup, r_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_foreign_cursor_is_refused),
        T(the_newest_name_of_a_device_wins),
        T(names_are_found_again_after_a_restart),
        T(what_is_no_name_is_ignored),
        T(a_number_means_the_log_it_was_first_bound_to),
        T(own_numbers_are_given_out_in_turn),
        T(without_the_epoch_nothing_is_read_and_with_it_all),
        T(an_entry_of_a_missing_epoch_is_passed_over_and_counted),
        T(an_entry_whose_key_comes_later_is_given_once),
        T(an_entry_whose_name_and_key_come_later_is_given_once),
        T(logs_are_listed_with_their_entries),
        T(names_and_the_tail_are_sealed),
        T(an_error_of_the_store_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
