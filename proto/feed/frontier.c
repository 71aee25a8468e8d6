/* Frontier items and their digest.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/frontier.h"

bool wr_frontier_of(const wr_feed *feed, wr_frontier_item *ret_item) {
    if (!feed->has_checkpoint)
        return false;
    *ret_item = (wr_frontier_item){
        .feed_id = feed->feed_id,
        .k = feed->cp_k,
        .len = feed->tree.len,
        .complete = wr_feed_complete(feed),
        .root = wr_feed_complete(feed) ? feed->cp_root : wr_tree_root(&feed->tree),
    };
    return true;
}

wr_hash wr_frontier_digest(const wr_frontier_item *items, uint32_t count) {
    wr_hasher hasher;
    wr_hasher_init(&hasher, WR_LABEL_FRONTIER);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t numbers[16];
        wr_store_u64(numbers, items[i].k);
        wr_store_u64(numbers + 8, items[i].len);
        wr_hasher_add(&hasher, WR_SLICE_OBJ(items[i].feed_id));
        wr_hasher_add(&hasher, wr_slice_of(numbers, sizeof numbers));
        wr_hasher_add(&hasher, WR_SLICE_OBJ(items[i].root));
    }
    return wr_hasher_end(&hasher);
}
