/* Canonical msgpack: writers over msgpack-c, and a reader that knows one encoding per value.
 *
 * The reader is our own: msgpack-c's unpackers accept every legal encoding and allocate.
 *
 * Spec:   proto/spec/wire.md 1
 * Layer:  wire
 * SPDX-License-Identifier: Apache-2.0
 */
#include "wire/pack.h"

#include "base/limits.h"

#include <msgpack.h>

/* ---- writers ---- */

static int append(void *data, const char *bytes, size_t len) {
    wr_buf *out = data;
    return wr_buf_put(out, wr_slice_of(bytes, len)) == WR_OK ? 0 : -1;
}

/* Each item goes to a copy of the buffer, so that half an item never shows. */
static msgpack_packer packer_on(wr_buf *out) {
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, append);
    return packer;
}

wr_err wr_pack_array(wr_buf *out, uint32_t count) {
    wr_buf next = *out;
    msgpack_packer packer = packer_on(&next);
    if (msgpack_pack_array(&packer, count) != 0)
        return WR_ERR_NOBUF;
    *out = next;
    return WR_OK;
}

wr_err wr_pack_uint(wr_buf *out, uint64_t value) {
    wr_buf next = *out;
    msgpack_packer packer = packer_on(&next);
    if (msgpack_pack_uint64(&packer, value) != 0)
        return WR_ERR_NOBUF;
    *out = next;
    return WR_OK;
}

wr_err wr_pack_bin(wr_buf *out, wr_slice bytes) {
    WR_ASSERT(bytes.len <= UINT32_MAX);
    wr_buf next = *out;
    msgpack_packer packer = packer_on(&next);
    if (msgpack_pack_bin(&packer, bytes.len) != 0)
        return WR_ERR_NOBUF;
    WR_TRY(wr_buf_put(&next, bytes));
    *out = next;
    return WR_OK;
}

/* ---- reader ---- */

typedef enum item_kind { KIND_UINT, KIND_BIN, KIND_ARRAY } item_kind;

typedef struct item_head {
    item_kind kind;
    uint64_t value; /* the number, the length or the count */
} item_head;

/* Every legal first byte range with the bytes of number that follow it.  Below least a shorter
 * form exists, and the form is refused. */
static const struct form {
    uint8_t first, last;
    item_kind kind;
    uint8_t size;
    uint64_t least;
} forms[] = {
    {0x00, 0x7f, KIND_UINT, 0, 0},          {0x90, 0x9f, KIND_ARRAY, 0, 0},
    {0xc4, 0xc4, KIND_BIN, 1, 0},           {0xc5, 0xc5, KIND_BIN, 2, 1u << 8},
    {0xc6, 0xc6, KIND_BIN, 4, 1u << 16},    {0xcc, 0xcc, KIND_UINT, 1, 1u << 7},
    {0xcd, 0xcd, KIND_UINT, 2, 1u << 8},    {0xce, 0xce, KIND_UINT, 4, 1u << 16},
    {0xcf, 0xcf, KIND_UINT, 8, 1ull << 32}, {0xdc, 0xdc, KIND_ARRAY, 2, 1u << 4},
    {0xdd, 0xdd, KIND_ARRAY, 4, 1u << 16},
};

static const struct form *find_form(uint8_t first) {
    for (size_t i = 0; i < WR_COUNT(forms); i++) {
        if (forms[i].first <= first && first <= forms[i].last)
            return &forms[i];
    }
    return NULL;
}

static wr_err take_head(wr_slice *in, item_head *ret_head) {
    wr_slice rest = *in, number;
    uint8_t first;
    if (!wr_slice_take_u8(&rest, &first))
        return WR_ERR_TRUNCATED;
    /* spec:wire#1 "A decoder MUST refuse every other type." */
    const struct form *form = find_form(first);
    if (form == NULL)
        return WR_ERR_FORMAT;
    if (!wr_slice_take(&rest, form->size, &number))
        return WR_ERR_TRUNCATED;
    uint64_t value = form->size == 0 ? (uint64_t)(first - form->first) : 0;
    for (size_t i = 0; i < number.len; i++)
        value = value << 8 | number.ptr[i];
    /* spec:wire#1 "A decoder MUST refuse an item that has a shorter encoding." */
    if (value < form->least)
        return WR_ERR_FORMAT;
    *in = rest;
    *ret_head = (item_head){form->kind, value};
    return WR_OK;
}

static wr_err take_kind(wr_slice *in, item_kind kind, uint64_t *ret_value) {
    wr_slice rest = *in;
    item_head head;
    WR_TRY(take_head(&rest, &head));
    if (head.kind != kind)
        return WR_ERR_FORMAT;
    *in = rest;
    *ret_value = head.value;
    return WR_OK;
}

wr_err wr_unpack_array(wr_slice *in, uint32_t *ret_count) {
    uint64_t count;
    WR_TRY(take_kind(in, KIND_ARRAY, &count));
    *ret_count = (uint32_t)count;
    return WR_OK;
}

wr_err wr_unpack_array_of(wr_slice *in, uint32_t count) {
    wr_slice rest = *in;
    uint32_t got;
    WR_TRY(wr_unpack_array(&rest, &got));
    if (got != count)
        return WR_ERR_FORMAT;
    *in = rest;
    return WR_OK;
}

wr_err wr_unpack_uint(wr_slice *in, uint64_t *ret_value) {
    return take_kind(in, KIND_UINT, ret_value);
}

wr_err wr_unpack_uint_max(wr_slice *in, uint64_t max, uint64_t *ret_value) {
    wr_slice rest = *in;
    uint64_t value;
    WR_TRY(wr_unpack_uint(&rest, &value));
    if (value > max)
        return WR_ERR_LIMIT;
    *in = rest;
    *ret_value = value;
    return WR_OK;
}

wr_err wr_unpack_bin(wr_slice *in, wr_slice *ret_bytes) {
    wr_slice rest = *in, bytes;
    uint64_t len;
    WR_TRY(take_kind(&rest, KIND_BIN, &len));
    if (!wr_slice_take(&rest, (size_t)len, &bytes))
        return WR_ERR_TRUNCATED;
    *in = rest;
    *ret_bytes = bytes;
    return WR_OK;
}

wr_err wr_unpack_fixed(wr_slice *in, void *out, size_t size) {
    wr_slice rest = *in, bytes;
    WR_TRY(wr_unpack_bin(&rest, &bytes));
    if (bytes.len != size)
        return WR_ERR_FORMAT;
    if (size != 0)
        memcpy(out, bytes.ptr, size);
    *in = rest;
    return WR_OK;
}

/* Recursion ends with depth, which is at most WR_OP_DEPTH_MAX. */
static wr_err skip_item(wr_slice *in, unsigned depth) {
    item_head head;
    WR_TRY(take_head(in, &head));
    switch (head.kind) {
    case KIND_UINT:
        return WR_OK;
    case KIND_BIN: {
        wr_slice bytes;
        return wr_slice_take(in, (size_t)head.value, &bytes) ? WR_OK : WR_ERR_TRUNCATED;
    }
    case KIND_ARRAY:
        /* spec:wire#1 "A decoder MUST refuse arrays that are nested deeper than four." */
        if (depth == 0)
            return WR_ERR_FORMAT;
        for (uint64_t i = 0; i < head.value; i++) /* each takes a byte of in or fails */
            WR_TRY(skip_item(in, depth - 1));
        return WR_OK;
    }
    WR_UNREACHABLE();
}

wr_err wr_unpack_item(wr_slice *in, unsigned depth, wr_slice *ret_item) {
    WR_ASSERT(depth <= WR_OP_DEPTH_MAX);
    wr_slice rest = *in;
    WR_TRY(skip_item(&rest, depth));
    *ret_item = wr_slice_of(in->ptr, in->len - rest.len);
    *in = rest;
    return WR_OK;
}

wr_err wr_unpack_check(wr_slice in) {
    wr_slice item;
    WR_TRY(wr_unpack_item(&in, WR_OP_DEPTH_MAX, &item));
    /* spec:wire#1 "A decoder MUST refuse bytes behind the end of the structure." */
    return in.len == 0 ? WR_OK : WR_ERR_FORMAT;
}
