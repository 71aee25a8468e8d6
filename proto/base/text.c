/* Encodings by arithmetic only: neither a branch nor an index depends on a character.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"

#include "base/limits.h"

/* All ones if low <= c <= high, else zero. */
static uint32_t within(uint32_t c, uint32_t low, uint32_t high) {
    return 0u - (((low - 1u - c) & (c - high - 1u)) >> 31);
}

/* What a character stands for, or BAD. */
#define BAD 0x100u

typedef struct radix {
    unsigned bits; /* one character holds these */
    uint32_t (*character)(uint32_t value);
    uint32_t (*value)(uint32_t c);
} radix;

static uint32_t hex_character(uint32_t value) {
    return value + '0' + (within(value, 10, 15) & ('a' - 10u - '0'));
}

static uint32_t hex_value(uint32_t c) {
    uint32_t digit = within(c, '0', '9');
    uint32_t lower = within(c, 'a', 'f');
    uint32_t upper = within(c, 'A', 'F');
    return (digit & (c - '0')) | (lower & (c - 'a' + 10u)) | (upper & (c - 'A' + 10u)) |
           (~(digit | lower | upper) & BAD);
}

static uint32_t base32_character(uint32_t value) {
    return (within(value, 0, 25) & (value + 'a')) | (within(value, 26, 31) & (value - 26u + '2'));
}

static uint32_t base32_value(uint32_t c) {
    uint32_t letter = within(c, 'a', 'z');
    uint32_t digit = within(c, '2', '7');
    return (letter & (c - 'a')) | (digit & (c - '2' + 26u)) | (~(letter | digit) & BAD);
}

static uint32_t base64_character(uint32_t value) {
    return (within(value, 0, 25) & (value + 'A')) | (within(value, 26, 51) & (value - 26u + 'a')) |
           (within(value, 52, 61) & (value - 52u + '0')) | (within(value, 62, 62) & '+') |
           (within(value, 63, 63) & '/');
}

static uint32_t base64_value(uint32_t c) {
    uint32_t upper = within(c, 'A', 'Z');
    uint32_t lower = within(c, 'a', 'z');
    uint32_t digit = within(c, '0', '9');
    uint32_t plus = within(c, '+', '+');
    uint32_t slash = within(c, '/', '/');
    return (upper & (c - 'A')) | (lower & (c - 'a' + 26u)) | (digit & (c - '0' + 52u)) |
           (plus & 62u) | (slash & 63u) | (~(upper | lower | digit | plus | slash) & BAD);
}

static const radix hex = {4, hex_character, hex_value};
static const radix base32 = {5, base32_character, base32_value};
static const radix base64 = {6, base64_character, base64_value};

/* Written so that no length overflows: len bytes are no more than what memory holds. */
static size_t text_size(const radix *r, size_t len) {
    return len / r->bits * 8 + (len % r->bits * 8 + r->bits - 1) / r->bits;
}

static size_t bytes_size(const radix *r, size_t len) {
    return len / 8 * r->bits + len % 8 * r->bits / 8;
}

static wr_err encode(const radix *r, wr_slice bytes, wr_buf *out) {
    if (wr_buf_room(out) < text_size(r, bytes.len))
        return WR_ERR_NOBUF;
    uint32_t mask = (1u << r->bits) - 1;
    uint32_t pool = 0;
    unsigned held = 0; /* low bits of pool not yet written */
    for (size_t i = 0; i < bytes.len; i++) {
        pool = (pool << 8) | bytes.ptr[i];
        held += 8;
        while (held >= r->bits) {
            held -= r->bits;
            out->ptr[out->len++] = (uint8_t)r->character((pool >> held) & mask);
        }
    }
    if (held > 0)
        out->ptr[out->len++] = (uint8_t)r->character((pool << (r->bits - held)) & mask);
    return WR_OK;
}

static wr_err decode(const radix *r, wr_slice text, wr_buf *out) {
    if (text.len % 8 * r->bits % 8 >= r->bits) /* the last character would carry no byte */
        return WR_ERR_FORMAT;
    size_t size = bytes_size(r, text.len);
    if (wr_buf_room(out) < size)
        return WR_ERR_NOBUF;
    uint8_t *to = out->ptr + out->len;
    uint32_t bad = 0;
    uint32_t pool = 0;
    unsigned held = 0;
    size_t done = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t value = r->value(text.ptr[i]);
        bad |= value & BAD;
        pool = (pool << r->bits) | (value & (BAD - 1));
        held += r->bits;
        if (held < 8)
            continue;
        held -= 8;
        to[done++] = (uint8_t)(pool >> held);
    }
    WR_ASSERT(done == size);
    bad |= pool & ((1u << held) - 1); /* unused bits make a second text for the same bytes */
    if (bad != 0) {
        if (size != 0)
            wr_wipe(to, size);
        return WR_ERR_FORMAT;
    }
    out->len += size;
    return WR_OK;
}

wr_err wr_hex_encode(wr_slice bytes, wr_buf *out) {
    return encode(&hex, bytes, out);
}

wr_err wr_hex_decode(wr_slice text, wr_buf *out) {
    return decode(&hex, text, out);
}

wr_err wr_base32_encode(wr_slice bytes, wr_buf *out) {
    return encode(&base32, bytes, out);
}

wr_err wr_base32_decode(wr_slice text, wr_buf *out) {
    return decode(&base32, text, out);
}

wr_err wr_base64_encode(wr_slice bytes, wr_buf *out) {
    size_t padding = (3 - bytes.len % 3) % 3;
    wr_buf next = *out;
    WR_TRY(encode(&base64, bytes, &next));
    WR_TRY(wr_buf_put(&next, wr_slice_of("==", padding)));
    *out = next;
    return WR_OK;
}

wr_err wr_base64_decode(wr_slice text, wr_buf *out) {
    if (text.len % 4 != 0)
        return WR_ERR_FORMAT;
    /* The padding tells the length, which is public. */
    for (unsigned i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
        text.len--;
    return decode(&base64, text, out);
}

/* ---- public text --------------------------------------------------------------- */

/* The least code point that needs a sequence of this many bytes. */
static const uint32_t sequence_least[] = {0, 0, 0x80, 0x800, 0x10000};

static size_t sequence_size(uint8_t first) {
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

static bool take_code_point(wr_slice *text, uint32_t *ret_point) {
    size_t size = text->len == 0 ? 0 : sequence_size(text->ptr[0]);
    wr_slice bytes;
    if (size == 0 || !wr_slice_take(text, size, &bytes))
        return false;
    uint32_t point = size == 1 ? bytes.ptr[0] : bytes.ptr[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes.ptr[i] & 0xc0u) != 0x80u)
            return false;
        point = (point << 6) | (bytes.ptr[i] & 0x3fu);
    }
    if (point < sequence_least[size] || point > 0x10ffff)
        return false;
    if (point >= 0xd800 && point <= 0xdfff)
        return false;
    *ret_point = point;
    return true;
}

bool wr_text_is_utf8(wr_slice text) {
    uint32_t point;
    while (text.len > 0) {
        if (!take_code_point(&text, &point))
            return false;
    }
    return true;
}

bool wr_text_is_name(wr_slice text) {
    if (text.len == 0 || text.len > WR_NAME_BYTES_MAX)
        return false;
    if (text.ptr[0] == '-')
        return false;
    uint32_t point;
    while (text.len > 0) {
        if (!take_code_point(&text, &point))
            return false;
        if (point < 0x20 || (point >= 0x7f && point < 0xa0)) /* C0, DEL, C1 */
            return false;
    }
    return true;
}

static unsigned floor_log2(size_t value) {
    unsigned log = 0;
    while (value >>= 1)
        log++;
    return log;
}

size_t wr_padme(size_t len, size_t min) {
    WR_ASSERT(len <= SIZE_MAX / 2);
    if (len <= min)
        return min;
    if (len < 2)
        return len;
    unsigned exponent = floor_log2(len);
    unsigned kept = floor_log2(exponent) + 1; /* leading bits that stay visible */
    WR_ASSERT(kept <= exponent);
    size_t low = ((size_t)1 << (exponent - kept)) - 1;
    return (len + low) & ~low;
}
