/* Stored heads, frontiers, feed ids, and what a feed costs in memory.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed_fixture.h"

#include "crypto/crypto.h"
#include "feed/frontier.h"

static holder h;
static uint8_t head_bytes[WR_FEED_HEAD_MAX], again_bytes[WR_FEED_HEAD_MAX];

static wr_slice encode(const wr_feed *feed, uint8_t bytes[WR_FEED_HEAD_MAX]) {
    wr_buf out = wr_buf_of(bytes, WR_FEED_HEAD_MAX);
    T_OK(wr_feed_encode(feed, &out));
    return wr_buf_slice(&out);
}

/* empty; nothing here yet; some of it; all of it */
static void feeds(wr_feed list[4]) {
    wr_feed_init(&list[0], &h.circle, &h.device, 0);
    holder_receiver(&h, 0, 1, &list[1]);
    holder_receiver(&h, 5, 1, &list[2]);
    holder_receiver(&h, h.feed.tree.len, 1, &list[3]);
}

static void a_head_comes_back_as_it_was(void **state) {
    (void)state;
    wr_feed list[4];
    feeds(list);
    for (size_t i = 0; i < WR_COUNT(list); i++) {
        wr_feed back;
        wr_slice head = encode(&list[i], head_bytes);
        T_OK(wr_feed_decode(head, &h.circle, &back));
        T_MEM(&back, &list[i], sizeof back);
        T_EQ(wr_feed_complete(&back), i == 0 || i == 3);
        for (size_t room = 0; room < head.len; room++) {
            wr_buf small = wr_buf_of(again_bytes, room);
            T_ERR(wr_feed_encode(&list[i], &small), WR_ERR_NOBUF);
            T_EQ(small.len, 0);
        }
    }
}

static void a_cut_or_lengthened_head_is_corrupt(void **state) {
    (void)state;
    wr_feed list[4], back;
    feeds(list);
    for (size_t i = 0; i < WR_COUNT(list); i++) {
        wr_slice head = encode(&list[i], head_bytes);
        for (size_t len = 0; len < head.len; len++)
            T_ERR(wr_feed_decode(wr_slice_of(head.ptr, len), &h.circle, &back), WR_ERR_CORRUPT);
        head_bytes[head.len] = 0;
        T_ERR(wr_feed_decode(wr_slice_of(head.ptr, head.len + 1), &h.circle, &back),
              WR_ERR_CORRUPT);
    }
}

/* spec:feed#7.4 type=test "A head that contradicts itself MUST be refused." */
static void a_changed_head_is_corrupt_or_says_so_itself(void **state) {
    (void)state;
    wr_feed list[4];
    feeds(list);
    for (size_t i = 0; i < WR_COUNT(list); i++) {
        wr_slice head = encode(&list[i], head_bytes);
        for (size_t at = 0; at < head.len * 8; at++) {
            wr_feed back;
            head_bytes[at / 8] ^= (uint8_t)(1u << at % 8);
            wr_err err = wr_feed_decode(head, &h.circle, &back);
            if (err == WR_OK) {
                /* What decodes is what these bytes say, and no more than that. */
                T_SLICE(encode(&back, again_bytes), head);
                bool signature = back.has_checkpoint &&
                                 wr_verify(&h.sign_pk, WR_SIG_LABEL_CHECKPOINT,
                                           wr_feed_checkpoint(&back), &back.cp_sig) == WR_OK;
                bool whole = wr_feed_complete(&back);
                /* An empty head names some other feed.  A complete one is guarded by root and
                 * signature.  An incomplete one can be wrong in its peaks and clock alone, which
                 * the next unit finds out. */
                T_TRUE(i == 0 ? !wr_hash_equal(&back.feed_id, &h.feed.feed_id)
                              : !signature || !whole);
                T_TRUE(i == 0 || wr_hash_equal(&back.feed_id, &h.feed.feed_id));
                T_TRUE(back.tree.len == list[i].tree.len);
                T_TRUE(back.cp_len >= back.tree.len);
            } else {
                T_ERR(err, WR_ERR_CORRUPT);
            }
            head_bytes[at / 8] ^= (uint8_t)(1u << at % 8);
        }
    }
}

static void corrupt(const wr_feed *feed) {
    wr_feed back;
    T_ERR(wr_feed_decode(encode(feed, head_bytes), &h.circle, &back), WR_ERR_CORRUPT);
}

static void a_head_whose_parts_disagree_is_corrupt(void **state) {
    (void)state;
    wr_feed list[4], bad, back;
    feeds(list);
    bad = list[0];
    bad.hlc_last = 1;
    corrupt(&bad);
    bad = list[0];
    bad.stream = WR_STREAMS_MAX;
    corrupt(&bad);
    bad = list[1];
    bad.hlc_last = 1; /* of no entry */
    corrupt(&bad);
    bad = list[2];
    bad.hlc_last = bad.cp_hlc;
    corrupt(&bad);
    bad.hlc_last = 4; /* five entries later */
    corrupt(&bad);
    bad = list[3];
    bad.hlc_last--;
    corrupt(&bad);
    bad = list[3];
    bad.tree.peaks[0].b[0] ^= 1;
    corrupt(&bad);
    bad = list[3];
    wr_hash leaf = t_hash(1);
    wr_tree_append(&bad.tree, &leaf, NULL); /* more than is signed */
    bad.hlc_last++;
    corrupt(&bad);
    bad = list[3];
    bad.stream = 1; /* then it is another feed than the checkpoint's */
    corrupt(&bad);
    bad.stream = WR_STREAMS_MAX;
    corrupt(&bad);
    wr_hash other = t_hash(2);
    T_ERR(wr_feed_decode(encode(&list[3], head_bytes), &other, &back), WR_ERR_CORRUPT);
}

static void the_largest_head_fits_its_limit(void **state) {
    (void)state;
    wr_feed feed = h.feed;
    feed.tree.len = UINT64_MAX;
    feed.stream = UINT32_MAX;
    feed.hlc_last = UINT64_MAX;
    feed.cp_size = WR_CHECKPOINT_BYTES_MAX;
    T_TRUE(encode(&feed, head_bytes).len <= WR_FEED_HEAD_MAX);
}

static void a_feed_id_names_circle_device_and_stream(void **state) {
    (void)state;
    uint8_t name[68];
    wr_feed feed;
    wr_hash circle = t_hash(1), device = t_hash(2);
    memset(name, 1, 32);
    memset(name + 32, 2, 32);
    for (uint8_t stream = 0; stream < WR_STREAMS_MAX; stream++) {
        const uint8_t number[4] = {0, 0, 0, stream};
        memcpy(name + 64, number, 4);
        wr_hash want = wr_hash_of(WR_LABEL_FEED_ID, wr_slice_of(name, sizeof name));
        wr_feed_init(&feed, &circle, &device, stream);
        T_MEM(feed.feed_id.b, want.b, sizeof want.b);
        T_MEM(feed.device_id.b, device.b, sizeof device.b);
        T_TRUE(wr_feed_complete(&feed));
    }
}

static void a_frontier_says_what_is_here(void **state) {
    (void)state;
    wr_feed list[4];
    wr_frontier_item item = {.k = 99};
    feeds(list);
    T_FALSE(wr_frontier_of(&list[0], &item));
    T_EQ(item.k, 99);
    for (size_t i = 1; i < WR_COUNT(list); i++) {
        wr_hash root = wr_tree_root(&list[i].tree);
        T_TRUE(wr_frontier_of(&list[i], &item));
        T_MEM(item.feed_id.b, h.feed.feed_id.b, sizeof item.feed_id.b);
        T_EQ(item.k, 1);
        T_EQ(item.len, list[i].tree.len);
        T_MEM(item.root.b, root.b, sizeof root.b);
        T_EQ(item.complete, i == 3);
    }
}

static void a_frontier_digest_is_the_hash_of_all_items(void **state) {
    (void)state;
    uint8_t bytes[2 * 80];
    wr_frontier_item items[2] = {
        {.feed_id = t_hash(1), .k = 2, .len = 3, .root = t_hash(4)},
        {.feed_id = t_hash(5), .k = 6, .len = 7, .root = t_hash(8), .complete = true}};
    memset(bytes, 0, sizeof bytes);
    memset(bytes, 1, 32);
    bytes[39] = 2;
    bytes[47] = 3;
    memset(bytes + 48, 4, 32);
    memset(bytes + 80, 5, 32);
    bytes[119] = 6;
    bytes[127] = 7;
    memset(bytes + 128, 8, 32);
    for (uint32_t count = 0; count <= 2; count++) {
        wr_hash want = wr_hash_of(WR_LABEL_FRONTIER, wr_slice_of(bytes, 80u * count));
        wr_hash got = wr_frontier_digest(items, count);
        T_MEM(got.b, want.b, sizeof got.b);
    }
}

/* A circle of 64 devices holds 128 feeds, and a run or a unit is in memory once or twice. */
static void a_feed_and_its_rows_stay_within_their_budgets(void **state) {
    (void)state;
    T_TRUE(sizeof(wr_feed) <= 6528);
    T_TRUE(sizeof(wr_row_log) <= 24);
    T_TRUE(sizeof(wr_rows) <= 28u * 1024u);
    T_TRUE(sizeof(wr_run) <= 31u * 1024u);
}

static int setup(void **state) {
    (void)state;
    holder_init(&h, 10, 0);
    holder_grow(&h, 3);
    holder_grow(&h, 8);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_comes_back_as_it_was),
        cmocka_unit_test(a_cut_or_lengthened_head_is_corrupt),
        cmocka_unit_test(a_changed_head_is_corrupt_or_says_so_itself),
        cmocka_unit_test(a_head_whose_parts_disagree_is_corrupt),
        cmocka_unit_test(the_largest_head_fits_its_limit),
        cmocka_unit_test(a_feed_id_names_circle_device_and_stream),
        cmocka_unit_test(a_frontier_says_what_is_here),
        cmocka_unit_test(a_frontier_digest_is_the_hash_of_all_items),
        cmocka_unit_test(a_feed_and_its_rows_stay_within_their_budgets),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
