/* Bytes, buffers, comparison and the texts of the error table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/base.h"

#include <sodium.h> /* wiping and constant-time comparison only */
#include <stdio.h>
#include <stdlib.h>

const char *wr_err_name(wr_err err) {
    switch (err) {
#define WR_ERR_NAME(name, value, text)                                                             \
    case WR_ERR_##name:                                                                            \
        return #name;
        WR_ERR_MAP(WR_ERR_NAME)
#undef WR_ERR_NAME
    }
    return "UNLISTED";
}

const char *wr_err_text(wr_err err) {
    switch (err) {
#define WR_ERR_TEXT(name, value, text)                                                             \
    case WR_ERR_##name:                                                                            \
        return text;
        WR_ERR_MAP(WR_ERR_TEXT)
#undef WR_ERR_TEXT
    }
    return "unlisted error";
}

void wr_assert_failed(const char *what, const char *file, int line) {
    (void)fprintf(stderr, "warren: assertion failed: %s (%s:%d)\n", what, file, line);
    abort();
}

bool wr_slice_take(wr_slice *in, size_t count, wr_slice *ret_taken) {
    if (in->len < count)
        return false;
    *ret_taken = (wr_slice){in->ptr, count};
    if (count != 0)
        *in = (wr_slice){in->ptr + count, in->len - count};
    return true;
}

static bool take_be(wr_slice *in, size_t size, uint64_t *ret_value) {
    wr_slice field;
    if (!wr_slice_take(in, size, &field))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | field.ptr[i];
    *ret_value = value;
    return true;
}

bool wr_slice_take_u8(wr_slice *in, uint8_t *ret_value) {
    uint64_t value;
    if (!take_be(in, 1, &value))
        return false;
    *ret_value = (uint8_t)value;
    return true;
}

bool wr_slice_take_u16(wr_slice *in, uint16_t *ret_value) {
    uint64_t value;
    if (!take_be(in, 2, &value))
        return false;
    *ret_value = (uint16_t)value;
    return true;
}

bool wr_slice_take_u32(wr_slice *in, uint32_t *ret_value) {
    uint64_t value;
    if (!take_be(in, 4, &value))
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

bool wr_slice_take_u64(wr_slice *in, uint64_t *ret_value) {
    return take_be(in, 8, ret_value);
}

bool wr_slice_take_varint(wr_slice *in, uint64_t *ret_value) {
    uint64_t value = 0;
    for (size_t i = 0; i < in->len && i < WR_VARINT_MAX; i++) {
        uint8_t byte = in->ptr[i];
        if (i == WR_VARINT_MAX - 1 && byte > 1) /* over 64 bits */
            return false;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if (byte == 0 && i > 0) /* not the shortest form */
            return false;
        *in = (wr_slice){in->ptr + i + 1, in->len - i - 1};
        *ret_value = value;
        return true;
    }
    return false;
}

wr_err wr_buf_put(wr_buf *out, wr_slice bytes) {
    if (wr_buf_room(out) < bytes.len)
        return WR_ERR_NOBUF;
    if (bytes.len != 0)
        memcpy(out->ptr + out->len, bytes.ptr, bytes.len);
    out->len += bytes.len;
    return WR_OK;
}

static wr_err put_be(wr_buf *out, uint64_t value, size_t size) {
    if (wr_buf_room(out) < size)
        return WR_ERR_NOBUF;
    for (size_t i = 0; i < size; i++)
        out->ptr[out->len + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    out->len += size;
    return WR_OK;
}

wr_err wr_buf_put_u8(wr_buf *out, uint8_t value) {
    return put_be(out, value, 1);
}

wr_err wr_buf_put_u16(wr_buf *out, uint16_t value) {
    return put_be(out, value, 2);
}

wr_err wr_buf_put_u32(wr_buf *out, uint32_t value) {
    return put_be(out, value, 4);
}

wr_err wr_buf_put_u64(wr_buf *out, uint64_t value) {
    return put_be(out, value, 8);
}

wr_err wr_buf_put_varint(wr_buf *out, uint64_t value) {
    uint8_t bytes[WR_VARINT_MAX];
    size_t len = 0;
    do {
        bytes[len] = (uint8_t)(value & 0x7f);
        value >>= 7;
        if (value != 0)
            bytes[len] |= 0x80;
        len++;
    } while (value != 0);
    return wr_buf_put(out, wr_slice_of(bytes, len));
}

wr_err wr_buf_put_zeros(wr_buf *out, size_t count) {
    if (wr_buf_room(out) < count)
        return WR_ERR_NOBUF;
    if (count != 0)
        memset(out->ptr + out->len, 0, count);
    out->len += count;
    return WR_OK;
}

void wr_store_u16(uint8_t *to, uint16_t value) {
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

void wr_store_u32(uint8_t *to, uint32_t value) {
    wr_store_u16(to, (uint16_t)(value >> 16));
    wr_store_u16(to + 2, (uint16_t)value);
}

void wr_store_u64(uint8_t *to, uint64_t value) {
    wr_store_u32(to, (uint32_t)(value >> 32));
    wr_store_u32(to + 4, (uint32_t)value);
}

uint32_t wr_load_u32(const uint8_t *from) {
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

uint64_t wr_load_u64(const uint8_t *from) {
    return (uint64_t)wr_load_u32(from) << 32 | wr_load_u32(from + 4);
}

bool wr_equal(wr_slice a, wr_slice b) {
    if (a.len != b.len)
        return false;
    return a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0;
}

int wr_order(wr_slice a, wr_slice b) {
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool wr_is_zero(wr_slice bytes) {
    return bytes.len == 0 || sodium_is_zero(bytes.ptr, bytes.len) == 1;
}

void wr_wipe(void *ptr, size_t len) {
    sodium_memzero(ptr, len);
}

void wr_key_wipe(wr_key *key) {
    wr_wipe(key->b, sizeof key->b);
}

uint32_t wr_rng_below(const wr_rng *rng, uint32_t bound) {
    WR_ASSERT(bound > 0);
    uint32_t limit = UINT32_MAX - UINT32_MAX % bound;
    for (;;) {
        uint32_t draw;
        wr_rng_fill(rng, &draw, sizeof draw);
        if (draw < limit)
            return draw % bound;
    }
}

/* ---- ids ---- */

bool wr_hash_is_among(const wr_hash *id, const wr_hash *ids, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (wr_hash_order(&ids[i], id) == 0)
            return true;
    return false;
}

void wr_hash_sort(wr_hash *ids, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        wr_hash id = ids[i];
        uint32_t at = i;
        for (; at > 0 && wr_hash_order(&ids[at - 1], &id) > 0; at--)
            ids[at] = ids[at - 1];
        ids[at] = id;
    }
}
