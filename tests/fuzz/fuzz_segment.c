/* Fuzzes the segment reader.
 *
 * Target: wr_segment_next, wr_segment_add, wr_entry_leaf.
 * Input:  2 bytes  first seq, big-endian, then a sequence of segments.
 * Oracle: what is read encodes to the very same bytes, up to where the reader stops; entries stay
 *         within their limits and never cross a chunk border inside of a segment.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/entry.h"

#include "crypto/crypto.h"

#define INPUT_BYTES_MAX (256u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t again[INPUT_BYTES_MAX];

static void check_entry(const wr_entry *entry) {
    static const wr_hash feed_id = {{1}};
    WR_ASSERT(entry->body_len >= WR_TAG_SIZE);
    WR_ASSERT(entry->body_len <= WR_ENTRY_BYTES_MAX);
    WR_ASSERT(entry->body.len == (entry->erased ? 0 : entry->body_len));
    wr_hash leaf = wr_entry_leaf(&feed_id, entry);
    WR_ASSERT(!wr_is_zero(WR_SLICE_OBJ(leaf)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > INPUT_BYTES_MAX)
        return 0;
    WR_ASSERT(wr_crypto_init() == WR_OK);
    wr_slice bytes = wr_slice_of(data + 2, size - 2);
    wr_buf out = WR_BUF_ARRAY(again);
    wr_segment_reader reader;
    wr_segment_writer writer;
    bool open = false;
    wr_segment_reader_init(&reader, bytes, (uint64_t)data[0] << 8 | data[1]);
    for (;;) {
        wr_entry entry;
        bool more, starts = reader.left == 0;
        wr_err err = wr_segment_next(&reader, &entry, &more);
        if (starts && open) {
            wr_segment_end(&writer);
            WR_ASSERT(wr_equal(wr_buf_slice(&out), wr_slice_of(bytes.ptr, out.len)));
        }
        if (err != WR_OK) {
            WR_ASSERT(err == WR_ERR_FORMAT || err == WR_ERR_TRUNCATED || err == WR_ERR_LIMIT);
            return 0;
        }
        if (!more)
            break;
        check_entry(&entry);
        WR_ASSERT(starts || entry.seq % WR_CHUNK_ENTRIES != 0);
        if (starts)
            WR_ASSERT(wr_segment_begin(&writer, &out, entry.epoch_tag, entry.hlc) == WR_OK);
        open = true;
        WR_ASSERT(wr_segment_add(&writer, &entry) == WR_OK);
    }
    WR_ASSERT(out.len == bytes.len);
    return 0;
}
