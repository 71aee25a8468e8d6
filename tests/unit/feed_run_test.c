/* Own runs: what is appended, signed, cut into rows and refused when full.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed_fixture.h"

#include "crypto/crypto.h"

static holder h;
static uint8_t memory[HOLDER_RUN_BYTES];
static uint8_t content[WR_CONTENT_BYTES_MAX + 1];
static wr_run run;
static wr_rows rows;
static const wr_hash heads[1] = {{{7}}}, seen = {{8}};

/* Adds an entry of len content bytes in epoch 0 or 1. */
static wr_err add(size_t len, unsigned epoch, uint16_t log_no) {
    wr_entry entry = {.log_no = log_no, .hlc = run.hlc_last + 1};
    return wr_run_add(&run, &h.feed, &h.keys[epoch], &h.epochs[epoch], &h.rng, &entry,
                      wr_slice_of(content, len));
}

static void close_run(void) {
    T_OK(wr_run_close(&run, &h.feed, &h.sign, heads, 1, &seen));
}

/* The bytes of all rows, which lie one behind the other. */
static wr_slice run_bytes(void) {
    const uint8_t *at = run.rows.list[0].bytes.ptr;
    size_t len = 0;
    for (uint32_t i = 0; i < run.rows.count; i++) {
        T_TRUE(run.rows.list[i].bytes.ptr == at + len);
        len += run.rows.list[i].bytes.len;
    }
    return wr_slice_of(at, len);
}

/* What the run left is, for somebody who held feed before, a unit that ends the checkpoint. */
static void taken_by(wr_feed *follower) {
    wr_checkpoint cp;
    uint64_t first = follower->tree.len;
    T_OK(wr_feed_check(follower, wr_feed_checkpoint(&h.feed), &h.feed.cp_sig, &h.sign_pk, &cp));
    wr_feed_accept(follower, &cp, wr_feed_checkpoint(&h.feed), &h.feed.cp_sig);
    wr_unit unit = {.first = first, .lo = first, .end = cp.len, .entries = run_bytes()};
    T_OK(wr_feed_take(follower, &unit, &rows));
    T_MEM(follower, &h.feed, sizeof h.feed);

    T_EQ(rows.count, run.rows.count);
    T_EQ(rows.log_count, run.rows.log_count);
    for (uint32_t i = 0; i < rows.log_count; i++) {
        T_EQ(rows.logs[i].log_no, run.rows.logs[i].log_no);
        T_EQ(rows.logs[i].count, run.rows.logs[i].count);
        T_EQ(rows.logs[i].hlc_first, run.rows.logs[i].hlc_first);
        T_EQ(rows.logs[i].hlc_last, run.rows.logs[i].hlc_last);
    }
    for (uint32_t i = 0; i < rows.count; i++) {
        const wr_row *got = &rows.list[i], *want = &run.rows.list[i];
        T_EQ(got->first_seq, want->first_seq);
        T_EQ(got->count, want->count);
        T_EQ(got->hlc_first, want->hlc_first);
        T_EQ(got->hlc_last, want->hlc_last);
        T_EQ(got->log_first, want->log_first);
        T_EQ(got->log_count, want->log_count);
        T_SLICE(got->bytes, want->bytes);
    }
    T_EQ(rows.nodes.count, run.rows.nodes.count);
}

static int fresh(void **state) {
    (void)state;
    holder_init(&h, 9, 0);
    wr_run_begin(&run, &h.feed, memory, sizeof memory);
    return 0;
}

static void what_one_device_appends_another_takes_and_both_are_equal(void **state) {
    (void)state;
    wr_feed follower = h.feed;
    static const uint32_t sizes[] = {1, 2, 700, 400, 1024, 1024, 1, 919, 1024};
    for (size_t i = 0; i < WR_COUNT(sizes); i++) {
        wr_run_begin(&run, &h.feed, memory, sizeof memory);
        for (uint32_t n = 0; n < sizes[i]; n++)
            T_OK(add(n % 50, 0, (uint16_t)(n % 3)));
        close_run();
        T_EQ(h.feed.cp_k, i);
        taken_by(&follower);
    }
}

/* spec:feed#7.1 type=test "The first checkpoint of a feed MUST have number 0 and each one after it
 * the next number and the hash of the one before." */
static void checkpoints_of_runs_make_a_chain(void **state) {
    (void)state;
    wr_hash before = {{0}};
    for (uint64_t k = 0; k < 5; k++) {
        wr_checkpoint cp;
        wr_run_begin(&run, &h.feed, memory, sizeof memory);
        T_OK(add(3, 0, 0));
        T_OK(add(3, 0, 0));
        close_run();
        T_OK(wr_checkpoint_decode(wr_feed_checkpoint(&h.feed), &cp));
        T_EQ(cp.k, k);
        T_EQ(cp.len, 2 * (k + 1));
        T_EQ(cp.hlc, 2 * (k + 1));
        T_MEM(cp.prev.b, before.b, sizeof before.b);
        T_MEM(cp.seen.b, seen.b, sizeof seen.b);
        T_EQ(cp.mhead_count, 1);
        T_MEM(cp.mheads, heads, sizeof heads);
        before = wr_hash_of(WR_LABEL_CHECKPOINT, wr_feed_checkpoint(&h.feed));
        T_OK(wr_verify(&h.sign_pk, WR_SIG_LABEL_CHECKPOINT, wr_feed_checkpoint(&h.feed),
                       &h.feed.cp_sig));
    }
}

static void a_change_of_epoch_starts_a_segment(void **state) {
    (void)state;
    static const unsigned epochs[] = {0, 0, 1, 1, 0, 1};
    wr_feed follower = h.feed;
    for (size_t i = 0; i < WR_COUNT(epochs); i++)
        T_OK(add(5, epochs[i], 0));
    close_run();
    T_EQ(run.rows.count, 1);
    wr_segment_reader reader;
    wr_segment_reader_init(&reader, run_bytes(), 0);
    for (size_t i = 0; i < WR_COUNT(epochs); i++) {
        wr_entry entry;
        bool more;
        uint8_t bytes[256];
        wr_buf out = WR_BUF_ARRAY(bytes);
        T_OK(wr_segment_next(&reader, &entry, &more));
        T_MEM(entry.epoch_tag, h.epochs[epochs[i]].b, WR_EPOCH_TAG_SIZE);
        T_OK(
            wr_entry_open(&h.keys[epochs[i]], &h.feed.feed_id, &h.epochs[epochs[i]], &entry, &out));
        T_SLICE(wr_buf_slice(&out), wr_slice_of(content, 5));
    }
    taken_by(&follower);
}

static void a_run_across_a_chunk_border_has_two_rows(void **state) {
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        T_OK(add(1, 0, 0));
    close_run();
    wr_feed follower = h.feed;
    wr_run_begin(&run, &h.feed, memory, sizeof memory);
    for (uint16_t i = 0; i < 100; i++)
        T_OK(add(1, i / 10 % 2, i % 4));
    close_run();
    T_EQ(run.rows.count, 2);
    T_EQ(run.rows.list[0].first_seq, 1000);
    T_EQ(run.rows.list[0].count, 24);
    T_EQ(run.rows.list[0].log_count, 4);
    T_EQ(run.rows.list[1].first_seq, 1024);
    T_EQ(run.rows.list[1].count, 76);
    T_EQ(run.rows.list[1].log_first, 4);
    for (uint32_t i = 0; i < 8; i++)
        T_EQ(run.rows.logs[i].count, i < 4 ? 6 : 19);
    T_EQ(run.rows.logs[4].hlc_first, 1025);
    T_EQ(run.rows.logs[7].hlc_last, 1100);
    T_EQ(run.rows.nodes.count, 1);
    T_EQ(run.rows.nodes.list[0].level, WR_CHUNK_LEVEL);
    taken_by(&follower);
}

static void as_many_logs_as_entries_are_told_apart(void **state) {
    (void)state;
    wr_feed follower = h.feed;
    T_OK(add(1, 0, 0));
    close_run();
    taken_by(&follower);
    wr_run_begin(&run, &h.feed, memory, sizeof memory);
    for (uint32_t i = 0; i < WR_RUN_ENTRIES_MAX; i++)
        T_OK(add(1, 0, (uint16_t)(65535 - i)));
    close_run();
    T_EQ(run.rows.log_count, WR_RUN_ENTRIES_MAX);
    taken_by(&follower);
}

static void a_run_is_full_at_its_limit_of_entries(void **state) {
    (void)state;
    for (uint32_t i = 0; i < WR_RUN_ENTRIES_MAX; i++)
        T_OK(add(0, 0, 0));
    T_ERR(add(0, 0, 0), WR_ERR_NOBUF);
    T_EQ(wr_run_count(&run, &h.feed), WR_RUN_ENTRIES_MAX);
    close_run();
    T_EQ(h.feed.tree.len, WR_RUN_ENTRIES_MAX);
    wr_run_begin(&run, &h.feed, memory, sizeof memory);
    T_OK(add(0, 0, 0));
}

static void a_run_is_full_at_its_limit_of_bytes_however_much_memory_there_is(void **state) {
    (void)state;
    wr_feed follower = h.feed;
    uint32_t count = 0;
    wr_err err;
    while ((err = add(WR_CONTENT_BYTES_MAX, 0, 0)) == WR_OK)
        count++;
    T_ERR(err, WR_ERR_NOBUF);
    T_EQ(count, WR_RUN_BYTES_MAX / (wr_entry_sealed_len(WR_CONTENT_BYTES_MAX) + 60));
    T_OK(add(0, 0, 0)); /* there is room for a small one */
    close_run();
    T_TRUE(run_bytes().len <= WR_RUN_BYTES_MAX);
    taken_by(&follower);
}

static void a_run_with_little_memory_is_full_and_still_closes(void **state) {
    (void)state;
    for (size_t size = 0; size < 1200; size += 7) {
        wr_feed follower = h.feed;
        wr_run_begin(&run, &h.feed, memory, size);
        while (add(10, wr_run_count(&run, &h.feed) % 2, 0) == WR_OK)
            continue;
        uint32_t count = wr_run_count(&run, &h.feed);
        T_TRUE(run.buf.len <= size);
        if (size >= 1100)
            T_TRUE(count >= 3);
        if (count == 0)
            continue;
        close_run();
        taken_by(&follower);
    }
}

static void too_much_content_is_no_reason_to_close_a_run(void **state) {
    (void)state;
    T_ERR(add(WR_CONTENT_BYTES_MAX + 1, 0, 0), WR_ERR_LIMIT);
    T_OK(add(1, 0, 0));
    T_ERR(add(SIZE_MAX, 0, 0), WR_ERR_LIMIT);
    T_EQ(wr_run_count(&run, &h.feed), 1);
    size_t size = run.buf.cap;
    run.buf.cap = run.buf.len; /* nor is it, if the run is full as well */
    T_ERR(add(WR_CONTENT_BYTES_MAX + 1, 0, 0), WR_ERR_LIMIT);
    run.buf.cap = size;
    wr_feed follower = h.feed;
    close_run();
    taken_by(&follower);
}

/* Refused entries leave no trace, wherever the run stands. */
static void after_a_refusal_the_run_goes_on(void **state) {
    (void)state;
    wr_feed follower = h.feed;
    for (unsigned i = 0; i < 20; i++) {
        T_OK(add(20, i / 7 % 2, (uint16_t)i));
        T_ERR(add(WR_CONTENT_BYTES_MAX + 1, 1, 77), WR_ERR_LIMIT);
    }
    close_run();
    T_EQ(h.feed.tree.len, 20);
    taken_by(&follower);
}

static void two_hundred_bytes_cost_little_more(void **state) {
    (void)state;
    for (unsigned i = 0; i < 1024; i++)
        T_OK(add(200, 0, 0));
    close_run();
    /* 208 padded, 16 tag, 24 nonce, 4 of fields, and one header for all. */
    T_EQ(run_bytes().len, 1024 * 252 + 22);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_one_device_appends_another_takes_and_both_are_equal, fresh),
        cmocka_unit_test_setup(checkpoints_of_runs_make_a_chain, fresh),
        cmocka_unit_test_setup(a_change_of_epoch_starts_a_segment, fresh),
        cmocka_unit_test_setup(a_run_across_a_chunk_border_has_two_rows, fresh),
        cmocka_unit_test_setup(as_many_logs_as_entries_are_told_apart, fresh),
        cmocka_unit_test_setup(a_run_is_full_at_its_limit_of_entries, fresh),
        cmocka_unit_test_setup(a_run_is_full_at_its_limit_of_bytes_however_much_memory_there_is,
                               fresh),
        cmocka_unit_test_setup(a_run_with_little_memory_is_full_and_still_closes, fresh),
        cmocka_unit_test_setup(too_much_content_is_no_reason_to_close_a_run, fresh),
        cmocka_unit_test_setup(after_a_refusal_the_run_goes_on, fresh),
        cmocka_unit_test_setup(two_hundred_bytes_cost_little_more, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
