/* Units under a root that an op names, in place of a checkpoint: of a writer that is out.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed_fixture.h"

#define FEED_LEN 2600u

static holder h;
static wr_rows rows;

/* Holds [0, len) and no checkpoint. */
static wr_feed bare(uint64_t len) {
    wr_feed with, feed;
    holder_receiver(&h, len, 0, &with);
    wr_feed_init(&feed, &h.circle, &h.device, 0);
    feed.tree = with.tree;
    feed.hlc_last = with.hlc_last;
    return feed;
}

static wr_err take(wr_feed *feed, uint64_t n, const wr_unit *unit) {
    wr_hash root = holder_range(&h, 0, n);
    return wr_feed_take_named(feed, n, &root, unit, &rows);
}

static wr_err take_to(wr_feed *feed, uint64_t n) {
    while (feed->tree.len < n) {
        wr_unit unit = holder_plan(&h, n, feed->tree.len, WR_CHUNK_ENTRIES);
        WR_TRY(take(feed, n, &unit));
    }
    return WR_OK;
}

static void a_prefix_is_taken_from_every_place_in_units_of_every_size(void **state) {
    (void)state;
    static const uint64_t ends[] = {1, 7, 1023, 1024, 1025, 2500, FEED_LEN};
    for (size_t i = 0; i < WR_COUNT(ends); i++)
        for (uint32_t most = 1; most <= WR_CHUNK_ENTRIES; most *= 8)
            for (uint64_t first = 0; first < ends[i]; first += 1 + ends[i] / 9) {
                wr_feed feed = bare(first);
                while (feed.tree.len < ends[i]) {
                    wr_unit unit = holder_plan(&h, ends[i], feed.tree.len, most);
                    T_OK(take(&feed, ends[i], &unit));
                    T_EQ(feed.tree.len, unit.end);
                    T_EQ(feed.hlc_last, h.entries[unit.end - 1].hlc);
                    T_FALSE(feed.has_checkpoint);
                }
                wr_hash root = wr_tree_root(&feed.tree), want = holder_range(&h, 0, ends[i]);
                T_MEM(root.b, want.b, sizeof root.b);
            }
}

static void expect(wr_feed feed, uint64_t n, const wr_hash *root, const wr_unit *unit,
                   wr_err want) {
    const wr_feed before = feed;
    T_ERR(wr_feed_take_named(&feed, n, root, unit, &rows), want);
    T_MEM(&feed, &before, sizeof feed);
}

static void what_is_not_under_the_root_changes_nothing(void **state) {
    (void)state;
    wr_hash root = holder_range(&h, 0, 1500), other = holder_range(&h, 0, 1499);
    wr_unit node = holder_unit(&h, 1500, 512, 512, 1024);
    expect(bare(512), 1500, &other, &node, WR_ERR_AUTH);
    expect(bare(511), 1500, &root, &node, WR_ERR_STATE);
    expect(bare(512), 1023, &root, &node, WR_ERR_STATE);
    wr_feed parted = bare(512);
    parted.tree.peaks[0].b[0] ^= 1;
    expect(parted, 1500, &root, &node, WR_ERR_FORK);
    wr_unit rest = holder_plan(&h, 1500, 1100, WR_CHUNK_ENTRIES);
    expect(bare(1100), 1500, &other, &rest, WR_ERR_FORK);
    rest = holder_plan(&h, 900, 0, WR_CHUNK_ENTRIES);
    expect(bare(0), 900, &other, &rest, WR_ERR_AUTH);
}

/* spec:feed#7.5 type=test "A checkpoint of which entries were missing MUST go with the unit that
 * passes its end or its clock, or that ends where it does and has another root." */
static void a_checkpoint_stays_as_long_as_it_fits(void **state) {
    (void)state;
    wr_feed feed, back;
    uint8_t bytes[WR_FEED_HEAD_MAX];
    uint64_t len = h.checkpoints[2].len;
    static const int by[] = {-3, 0, 3};
    for (unsigned kind = 0; kind < 9; kind++) {
        uint64_t n = (uint64_t)((int64_t)len + by[kind % 3]);
        holder_receiver(&h, len - 10, 2, &feed);
        if (kind / 3 == 1)
            feed.cp_root.b[0] ^= 1;
        if (kind / 3 == 2)
            feed.cp_hlc = h.entries[len - 4].hlc;
        T_OK(take_to(&feed, n));
        bool stays = kind == 0 || kind == 1 || kind == 3;
        T_EQ(feed.has_checkpoint, stays);
        T_EQ(feed.cp_len, stays ? len : 0);
        T_EQ(wr_feed_complete(&feed), kind == 1);
        if (kind / 3 != 0)
            continue;
        wr_buf out = WR_BUF_ARRAY(bytes);
        T_OK(wr_feed_encode(&feed, &out));
        T_OK(wr_feed_decode(wr_buf_slice(&out), &h.circle, &back));
        T_EQ(back.tree.len, n);
        T_EQ(back.has_checkpoint, stays);
    }
    holder_receiver(&h, len, 2, &feed); /* one that was whole holds of what is before it */
    T_OK(take_to(&feed, len + 3));
    T_TRUE(feed.has_checkpoint);
    T_FALSE(wr_feed_complete(&feed));
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(wr_feed_encode(&feed, &out));
    T_OK(wr_feed_decode(wr_buf_slice(&out), &h.circle, &back));
    feed.hlc_last = feed.cp_hlc;
    out.len = 0;
    T_OK(wr_feed_encode(&feed, &out));
    T_ERR(wr_feed_decode(wr_buf_slice(&out), &h.circle, &back), WR_ERR_CORRUPT);
}

static wr_err check(const wr_feed *feed, uint32_t k, wr_checkpoint *cp) {
    return wr_feed_check(feed, holder_checkpoint_bytes(&h, k), &h.checkpoints[k].sig, &h.sign_pk,
                         cp);
}

/* spec:feed#7.5 type=test "Should the writer be a member once more, a checkpoint that is shorter
 * than what is held says nothing new, and one of the same length MUST have its root and its clock"
 */
static void a_writer_that_comes_back_goes_on_from_what_is_held(void **state) {
    (void)state;
    wr_checkpoint cp;
    wr_feed feed = bare(h.checkpoints[2].len);
    T_ERR(check(&feed, 1, &cp), WR_ERR_EXISTS);
    T_OK(check(&feed, 2, &cp));
    T_OK(check(&feed, 3, &cp));
    wr_feed other = feed;
    other.tree.peaks[0].b[0] ^= 1;
    T_ERR(check(&other, 2, &cp), WR_ERR_FORMAT);
    other = feed;
    other.hlc_last--;
    T_ERR(check(&other, 2, &cp), WR_ERR_FORMAT);
    other.hlc_last = h.entries[h.checkpoints[3].len - 1].hlc;
    T_ERR(check(&other, 3, &cp), WR_ERR_FORMAT);

    holder_receiver(&h, h.checkpoints[0].len, 0, &feed); /* one before is here */
    T_OK(take_to(&feed, h.checkpoints[1].len + 1));
    T_ERR(check(&feed, 1, &cp), WR_ERR_EXISTS);
    T_OK(check(&feed, 2, &cp));
    wr_feed_accept(&feed, &cp, holder_checkpoint_bytes(&h, 2), &h.checkpoints[2].sig);
    while (!wr_feed_complete(&feed)) {
        wr_unit unit = holder_plan(&h, cp.len, feed.tree.len, WR_CHUNK_ENTRIES);
        T_OK(wr_feed_take(&feed, &unit, &rows));
    }
}

static int setup(void **state) {
    (void)state;
    holder_init(&h, 7, 0);
    holder_grow(&h, 100);
    holder_grow(&h, 5);
    holder_grow(&h, 1024);
    holder_grow_to(&h, FEED_LEN);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prefix_is_taken_from_every_place_in_units_of_every_size),
        cmocka_unit_test(what_is_not_under_the_root_changes_nothing),
        cmocka_unit_test(a_checkpoint_stays_as_long_as_it_fits),
        cmocka_unit_test(a_writer_that_comes_back_goes_on_from_what_is_held),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
