/* Fuzzes the decoder of stored feed heads.
 *
 * Target: wr_feed_decode.
 * Input:  a head.
 * Oracle: what decodes encodes to the very same bytes and is a feed that every function of the
 *         module can work with; what does not decode leaves the result as it was.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/feed.h"
#include "feed/frontier.h"

#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_feed(wr_feed *feed) {
    static wr_rows rows;
    static uint8_t memory[1024];
    static wr_run run;
    wr_frontier_item item;
    wr_unit unit = {.first = feed->tree.len, .lo = feed->tree.len, .end = feed->tree.len + 1};
    WR_ASSERT(wr_frontier_of(feed, &item) == feed->has_checkpoint);
    WR_ASSERT(wr_feed_take(feed, &unit, &rows) != WR_OK);
    if (wr_feed_complete(feed)) {
        wr_run_begin(&run, feed, memory, sizeof memory);
        WR_ASSERT(wr_run_count(&run, feed) == 0);
    } else {
        uint64_t lo, end;
        wr_unit_plan(feed->cp_len, feed->tree.len, WR_CHUNK_ENTRIES, &lo, &end);
        WR_ASSERT(lo <= feed->tree.len && end > feed->tree.len && end <= feed->cp_len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const wr_hash circle = {{0}};
    WR_ASSERT(wr_crypto_init() == WR_OK);
    static wr_feed feed, before;
    memset(&feed, 0x5a, sizeof feed);
    before = feed;
    if (wr_feed_decode(wr_slice_of(data, size), &circle, &feed) != WR_OK) {
        WR_ASSERT(wr_equal(wr_slice_of(&feed, sizeof feed), wr_slice_of(&before, sizeof before)));
        return 0;
    }
    uint8_t again[WR_FEED_HEAD_MAX];
    wr_buf out = WR_BUF_ARRAY(again);
    WR_ASSERT(wr_feed_encode(&feed, &out) == WR_OK);
    WR_ASSERT(wr_equal(wr_buf_slice(&out), wr_slice_of(data, size)));
    WR_ASSERT(feed.tree.len == 0 || feed.has_checkpoint);
    check_feed(&feed);
    return 0;
}
