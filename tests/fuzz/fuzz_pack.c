/* Target: the canonical msgpack reader, wr_unpack_check and each wr_unpack_*.
 * Input:  any bytes.
 * Oracle: no crash; what is accepted is what the writers give for the same values; a reader that
 *         fails leaves its input as it was.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/limits.h"
#include "wire/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX 65536u

/* Reads one item with the typed readers and writes it again. */
static void copy_item(wr_slice *in, unsigned depth, wr_buf *out) {
    uint64_t value;
    uint32_t count;
    wr_slice bytes;
    if (wr_unpack_uint(in, &value) == WR_OK) {
        WR_ASSERT(wr_pack_uint(out, value) == WR_OK);
        return;
    }
    if (wr_unpack_bin(in, &bytes) == WR_OK) {
        WR_ASSERT(wr_pack_bin(out, bytes) == WR_OK);
        return;
    }
    WR_ASSERT(depth > 0);
    WR_ASSERT(wr_unpack_array(in, &count) == WR_OK);
    WR_ASSERT(wr_pack_array(out, count) == WR_OK);
    for (uint32_t i = 0; i < count; i++)
        copy_item(in, depth - 1, out);
}

static void readers_take_all_or_nothing(wr_slice whole) {
    wr_slice in = whole, bytes;
    uint64_t value;
    uint32_t count;
    uint8_t fixed[32];
    if (wr_unpack_uint(&in, &value) != WR_OK)
        WR_ASSERT(in.ptr == whole.ptr && in.len == whole.len);
    in = whole;
    if (wr_unpack_uint_max(&in, 1000, &value) != WR_OK)
        WR_ASSERT(in.ptr == whole.ptr && in.len == whole.len);
    in = whole;
    if (wr_unpack_bin(&in, &bytes) != WR_OK)
        WR_ASSERT(in.ptr == whole.ptr && in.len == whole.len);
    in = whole;
    if (wr_unpack_fixed(&in, fixed, sizeof fixed) != WR_OK)
        WR_ASSERT(in.ptr == whole.ptr && in.len == whole.len);
    in = whole;
    if (wr_unpack_array(&in, &count) != WR_OK)
        WR_ASSERT(in.ptr == whole.ptr && in.len == whole.len);
    in = whole;
    if (wr_unpack_item(&in, WR_OP_DEPTH_MAX, &bytes) != WR_OK)
        WR_ASSERT(in.ptr == whole.ptr && in.len == whole.len);
    else
        WR_ASSERT(wr_unpack_check(bytes) == WR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t bytes[INPUT_BYTES_MAX];
    wr_slice in = wr_slice_of(data, size);
    wr_buf out = WR_BUF_ARRAY(bytes);
    if (size > INPUT_BYTES_MAX)
        return 0;
    readers_take_all_or_nothing(in);
    if (wr_unpack_check(in) != WR_OK)
        return 0;
    copy_item(&in, WR_OP_DEPTH_MAX, &out);
    WR_ASSERT(in.len == 0);
    WR_ASSERT(wr_equal(wr_buf_slice(&out), wr_slice_of(data, size)));
    return 0;
}
