/* Fuzzes the taking of units: from an honest feed, changed as the input says.
 *
 * Target: wr_feed_take, and through it segments, tree and proofs.
 * Input:  u16 held | u16 lo | u16 end | u8 path count | u8 source | rest
 *         source 0: rest is the entries; else rest is patches (u16 at, u8 xor) of the honest
 *         entries and path.
 * Oracle: after an error nothing has changed; after a success the feed is the honest one at the
 *         unit's end, so no forgery was taken, and the rows are the unit's bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/feed.h"

#include "crypto/crypto.h"

#define ENTRIES 1500u
#define BODY_SIZE 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LEVELS 11u /* of perfect nodes: up to 1,024 leaves */

static wr_hash nodes[LEVELS][ENTRIES];
static wr_tree trees[ENTRIES + 1]; /* after so many leaves */
static wr_entry entries[ENTRIES];
static uint8_t bodies[ENTRIES][BODY_SIZE];
static uint8_t unit_bytes[128 * 1024];
static wr_hash path[256];
static wr_rows rows;

static wr_hash range(uint64_t lo, uint64_t hi) {
    uint32_t level = 0;
    while (1ull << level < hi - lo)
        level++;
    if (1ull << level == hi - lo)
        return nodes[level][lo >> level];
    wr_hash left = range(lo, lo + (1ull << (level - 1))),
            right = range(lo + (1ull << (level - 1)), hi);
    return wr_tree_node_hash(&left, &right);
}

static void make_feed(wr_feed *feed) {
    static const wr_hash circle = {{1}}, device = {{2}};
    wr_feed_init(feed, &circle, &device, 0);
    if (entries[0].hlc != 0)
        return;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        wr_store_u32(bodies[i], i);
        entries[i] = (wr_entry){.seq = i,
                                .hlc = 10 + i * 3u,
                                .log_no = (uint16_t)(i / 5 % 7),
                                .expire = i % 11 == 0 ? i + 1 : 0,
                                .epoch_tag = {(uint8_t)(i / 200)},
                                .body_len = BODY_SIZE,
                                .body = wr_slice_of(bodies[i], BODY_SIZE)};
        nodes[0][i] = wr_entry_leaf(&feed->feed_id, &entries[i]);
        trees[i + 1] = trees[i];
        wr_tree_append(&trees[i + 1], &nodes[0][i], NULL);
    }
    for (uint32_t level = 1; level < LEVELS; level++)
        for (uint32_t i = 0; (i + 1) << level <= ENTRIES; i++)
            nodes[level][i] =
                wr_tree_node_hash(&nodes[level - 1][2 * i], &nodes[level - 1][2 * i + 1]);
}

/* Who holds [0, held) and has accepted the checkpoint over all. */
static void hold(wr_feed *feed, uint64_t held) {
    make_feed(feed);
    wr_checkpoint cp = {.feed_id = feed->feed_id,
                        .len = ENTRIES,
                        .root = wr_tree_root(&trees[ENTRIES]),
                        .hlc = entries[ENTRIES - 1].hlc,
                        .mhead_count = 1};
    uint8_t bytes[WR_CHECKPOINT_BYTES_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    const wr_sig none = {{0}};
    feed->tree = trees[held];
    feed->hlc_last = held == 0 ? 0 : entries[held - 1].hlc;
    WR_ASSERT(wr_checkpoint_encode(&cp, &out) == WR_OK);
    wr_feed_accept(feed, &cp, wr_buf_slice(&out), &none);
}

/* The entries [first, end), as far as there are such. */
static wr_slice honest_entries(uint64_t first, uint64_t end) {
    wr_buf out = WR_BUF_ARRAY(unit_bytes);
    wr_segment_writer writer;
    for (uint64_t i = first; i < end && i < ENTRIES; i++) {
        bool fresh = i == first || i % WR_CHUNK_ENTRIES == 0 || i % 200 == 0;
        if (fresh && i != first)
            wr_segment_end(&writer);
        if (fresh)
            WR_ASSERT(wr_segment_begin(&writer, &out, entries[i].epoch_tag, entries[i].hlc) ==
                      WR_OK);
        WR_ASSERT(wr_segment_add(&writer, &entries[i]) == WR_OK);
        if (i + 1 == end || i + 1 == ENTRIES)
            wr_segment_end(&writer);
    }
    return wr_buf_slice(&out);
}

static uint32_t honest_path(uint64_t lo, uint64_t end) {
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    uint32_t count;
    if (wr_tree_path(ENTRIES, lo, end, spans, &count) != WR_OK)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        path[i] = range(spans[i].lo, spans[i].hi);
    return count;
}

/* Entries first, then the path, as one string of bytes. */
static void patch(wr_slice in, size_t entries_len, uint32_t path_count) {
    uint16_t at;
    uint8_t change;
    while (wr_slice_take_u16(&in, &at) && wr_slice_take_u8(&in, &change)) {
        size_t all = entries_len + path_count * sizeof(wr_hash);
        if (all == 0)
            return;
        size_t place = at % all;
        if (place < entries_len)
            unit_bytes[place] ^= change;
        else
            path[(place - entries_len) / WR_HASH_SIZE].b[(place - entries_len) % WR_HASH_SIZE] ^=
                change;
    }
}

static void check_taken(const wr_feed *feed, const wr_unit *unit) {
    wr_hash root = wr_tree_root(&feed->tree), want = wr_tree_root(&trees[unit->end]);
    WR_ASSERT(feed->tree.len == unit->end);
    WR_ASSERT(wr_hash_equal(&root, &want));
    WR_ASSERT(feed->hlc_last == entries[unit->end - 1].hlc);
    const uint8_t *at = unit->entries.ptr;
    uint64_t seq = unit->first;
    for (uint32_t i = 0; i < rows.count; i++) {
        WR_ASSERT(rows.list[i].bytes.ptr == at && rows.list[i].first_seq == seq);
        at += rows.list[i].bytes.len;
        seq += rows.list[i].count;
    }
    WR_ASSERT(at == unit->entries.ptr + unit->entries.len && seq == unit->end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wr_slice in = wr_slice_of(data, size);
    uint16_t held, lo, end;
    uint8_t path_count, source;
    if (size > sizeof unit_bytes || !wr_slice_take_u16(&in, &held) ||
        !wr_slice_take_u16(&in, &lo) || !wr_slice_take_u16(&in, &end) ||
        !wr_slice_take_u8(&in, &path_count) || !wr_slice_take_u8(&in, &source) || held > ENTRIES)
        return 0;
    WR_ASSERT(wr_crypto_init() == WR_OK);
    static wr_feed feed, before;
    hold(&feed, held);
    wr_unit unit = {.first = held, .lo = lo, .end = end, .path = path, .path_count = path_count};
    memset(path, 0, sizeof path);
    uint32_t honest_count = honest_path(lo, end);
    if (source == 0) {
        unit.entries = in;
    } else {
        unit.entries = honest_entries(held, end);
        patch(in, unit.entries.len, honest_count);
    }
    before = feed;
    if (wr_feed_take(&feed, &unit, &rows) == WR_OK)
        check_taken(&feed, &unit);
    else
        WR_ASSERT(wr_equal(wr_slice_of(&before, sizeof before), wr_slice_of(&feed, sizeof feed)));
    return 0;
}
