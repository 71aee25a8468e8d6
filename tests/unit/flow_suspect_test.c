/* Entries that do not open: a writer's garbage is passed over, a disk's damage is an error.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow_reader_world.h"

#include <stdlib.h>

#define RUN_MEMORY (64u * 1024u)

#define SOUND SIZE_MAX
#define KIND_OF_FIRST (WR_SEGMENT_HEADER_SIZE + 1u)
#define LAST_BYTE (SIZE_MAX - 1u)

/* b stores what self gives; one byte of the row changes on the way. */
static void drain_damaged(device *d, size_t flip) {
    static uint8_t bytes[RUN_MEMORY];
    wr_put put;
    T_OK(store_begin(d->s));
    while (wr_self_poll(d->self, &put)) {
        if (put.type != WR_PUT_ROW)
            continue;
        store_row_log logs[8];
        T_TRUE(put.row->log_count <= WR_COUNT(logs) && put.row->bytes.len <= sizeof bytes);
        for (uint32_t i = 0; i < put.row->log_count; i++)
            logs[i] = (store_row_log){.log_no = put.logs[i].log_no,
                                      .hlc_first = put.logs[i].hlc_first,
                                      .hlc_last = put.logs[i].hlc_last,
                                      .count = put.logs[i].count};
        memcpy(bytes, put.row->bytes.ptr, put.row->bytes.len);
        if (flip != SOUND)
            bytes[flip == LAST_BYTE ? put.row->bytes.len - 1 : flip] ^= 1;
        store_rows rows = {.first_seq = put.row->first_seq,
                           .count = put.row->count,
                           .hlc_first = put.row->hlc_first,
                           .hlc_last = put.row->hlc_last,
                           .bytes = wr_slice_of(bytes, put.row->bytes.len)};
        T_OK(store_put_rows(d->s, &put.feed->feed_id, &rows, logs, put.row->log_count));
    }
    T_OK(store_commit(d->s));
}

/* a signs a run of two entries; the second is sealed under keys that nobody has. */
static void take_run(circle *c, bool garbage, size_t flip) {
    uint32_t at_a, at_b;
    T_TRUE(wr_self_device_feed(c->a.self, &c->a.identity.device_id, 0, &at_a));
    T_TRUE(wr_self_device_feed(c->b.self, &c->a.identity.device_id, 0, &at_b));
    wr_feed feed = *wr_self_feed(c->a.self, at_a);
    const wr_hash *epoch = wr_self_write_epoch(c->a.self);
    WR_SECRET(wr_feed_keys) keys;
    WR_SECRET(wr_feed_keys) other = {0};
    T_OK(wr_keyring_feed_keys(wr_self_keyring(c->a.self), epoch, &feed.feed_id, &keys));
    uint8_t *memory = malloc(RUN_MEMORY);
    T_TRUE(memory != NULL);
    wr_rng rng = t_rng(5);
    wr_run *run = calloc(1, sizeof *run);
    T_TRUE(run != NULL);
    wr_run_begin(run, &feed, memory, RUN_MEMORY);
    wr_entry first = {.kind = WR_ENTRY_MESSAGE, .log_no = 1, .hlc = 2000ull << 16};
    wr_entry second = {.kind = WR_ENTRY_MESSAGE, .log_no = 1, .hlc = 2001ull << 16};
    T_OK(wr_run_add(run, &feed, &keys, epoch, &rng, &first, S("good")));
    T_OK(wr_run_add(run, &feed, garbage ? &other : &keys, epoch, &rng, &second, S("bad")));
    wr_hash heads[WR_OP_PARENTS_MAX], seen = {{0}};
    uint32_t count = wr_graph_heads(wr_self_graph(c->a.self), heads);
    T_OK(wr_run_close(run, &feed, &c->a.identity.sign, heads, count, &seen));
    wr_unit unit = {.end = feed.tree.len, .entries = wr_buf_slice(&run->buf)};
    T_OK(wr_self_checkpoint(c->b.self, at_b, wr_feed_checkpoint(&feed), &feed.cp_sig));
    T_OK(wr_self_take(c->b.self, at_b, &unit, r_now));
    drain_damaged(&c->b, flip);
    free(run);
    free(memory);
}

static void start(circle *c) {
    r_join(c);
    r_bind(&c->a, 1, "log", 1000);
    r_carry(&c->a, &c->b, 1);
}

static void a_writers_garbage_is_passed_over(void **state) {
    circle *c = *state;
    text t;
    start(c);
    take_run(c, true, SOUND);
    r_start(&t, "");
    T_STR(r_read_on(&c->b, "log", 10, &t), "good ");
    r_start(&t, "");
    T_STR(r_follow(&c->b, "log", 10, &t), "good ");
    T_EQ(reader_skipped(c->b.r), 2);
}

static void a_disks_damage_is_an_error(void **state) {
    circle *c = *state;
    start(c);
    take_run(c, false, LAST_BYTE);
    T_ERR(r_try_cursor(&c->b, false, "log", ""), WR_ERR_CORRUPT);
    T_ERR(r_try_cursor(&c->b, true, "log", ""), WR_ERR_CORRUPT);
}

static void an_entry_that_turned_into_another_kind_is_damage_too(void **state) {
    circle *c = *state;
    start(c);
    take_run(c, false, KIND_OF_FIRST);
    T_ERR(r_try_cursor(&c->b, false, "log", ""), WR_ERR_CORRUPT);
    T_ERR(r_try_cursor(&c->b, true, "log", ""), WR_ERR_CORRUPT);
}

static void what_is_sound_is_read(void **state) {
    circle *c = *state;
    text t;
    start(c);
    take_run(c, false, SOUND);
    r_start(&t, "");
    T_STR(r_read_on(&c->b, "log", 10, &t), "good bad ");
    T_EQ(reader_skipped(c->b.r), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_writers_garbage_is_passed_over, r_setup, r_teardown),
        cmocka_unit_test_setup_teardown(a_disks_damage_is_an_error, r_setup, r_teardown),
        cmocka_unit_test_setup_teardown(an_entry_that_turned_into_another_kind_is_damage_too,
                                        r_setup, r_teardown),
        cmocka_unit_test_setup_teardown(what_is_sound_is_read, r_setup, r_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
