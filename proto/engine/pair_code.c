/* Codes and URIs: making, writing, reading.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/pair_code.h"

#include "crypto/crypto.h"
#include "engine/pairing_impl.h"

#define NAMEPLATE_DIGITS 4u
#define CODE_PARTS (1u + WR_PAIR_WORDS)
#define URI_VERSION 1u

_Static_assert(WR_PAIR_NAMEPLATES <= 10000u, "a nameplate has four digits");

void wr_pair_code_wipe(wr_pair_code *code) {
    wr_wipe(code, sizeof *code);
}

void wr_pair_uri_wipe(wr_pair_uri *uri) {
    wr_wipe(uri, sizeof *uri);
}

void wr_pair_code_make(const wr_rng *rng, wr_pair_code *ret_code) {
    ret_code->nameplate = (uint16_t)wr_rng_below(rng, WR_PAIR_NAMEPLATES);
    for (size_t i = 0; i < WR_PAIR_WORDS; i++)
        ret_code->words[i] = (uint16_t)wr_rng_below(rng, WR_WORD_COUNT);
}

static void nameplate_digits(uint16_t nameplate, uint8_t out[NAMEPLATE_DIGITS]) {
    for (size_t i = NAMEPLATE_DIGITS; i-- > 0; nameplate /= 10)
        out[i] = (uint8_t)('0' + nameplate % 10);
}

static wr_err put_word(uint16_t index, wr_buf *out) {
    char word[WR_WORD_BYTES_MAX + 1];
    wr_word_copy(index, word);
    wr_err err = wr_buf_put(out, wr_slice_str(word));
    wr_wipe(word, sizeof word);
    return err;
}

wr_err wr_pair_code_secret(const wr_pair_code *code, wr_buf *out) {
    wr_buf next = *out;
    for (size_t i = 0; i < WR_PAIR_WORDS; i++) {
        if (i != 0)
            WR_TRY(wr_buf_put_u8(&next, '-'));
        WR_TRY(put_word(code->words[i], &next));
    }
    *out = next;
    return WR_OK;
}

wr_err wr_pair_code_text(const wr_pair_code *code, wr_buf *out) {
    wr_buf next = *out;
    uint8_t digits[NAMEPLATE_DIGITS];
    nameplate_digits(code->nameplate, digits);
    WR_TRY(wr_buf_put(&next, wr_slice_of(digits, sizeof digits)));
    WR_TRY(wr_buf_put_u8(&next, '-'));
    WR_TRY(wr_pair_code_secret(code, &next));
    *out = next;
    return WR_OK;
}

static bool is_gap(uint8_t c) {
    return c == ' ' || c == '-' || c == '\t' || c == '\r' || c == '\n';
}

/* The parts between gaps; more than max of them count as max + 1. */
static size_t split(wr_slice text, wr_slice *parts, size_t max) {
    size_t count = 0;
    for (size_t at = 0; at < text.len;) {
        if (is_gap(text.ptr[at])) {
            at++;
            continue;
        }
        size_t end = at;
        while (end < text.len && !is_gap(text.ptr[end]))
            end++;
        if (count == max)
            return max + 1;
        parts[count++] = wr_slice_of(text.ptr + at, end - at);
        at = end;
    }
    return count;
}

static bool parse_nameplate(wr_slice part, uint16_t *ret_nameplate) {
    uint32_t value = 0;
    if (part.len != NAMEPLATE_DIGITS)
        return false;
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] < '0' || part.ptr[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(part.ptr[i] - '0');
    }
    *ret_nameplate = (uint16_t)value;
    return value < WR_PAIR_NAMEPLATES;
}

static wr_pair_why parse_parts(wr_slice text, wr_pair_code *code) {
    wr_slice parts[CODE_PARTS];
    if (split(text, parts, CODE_PARTS) != CODE_PARTS)
        return (wr_pair_why){.fault = WR_PAIR_FAULT_SHAPE};
    if (!parse_nameplate(parts[0], &code->nameplate))
        return (wr_pair_why){.fault = WR_PAIR_FAULT_NAMEPLATE};
    for (uint32_t i = 0; i < WR_PAIR_WORDS; i++)
        if (wr_word_index(parts[1 + i], &code->words[i]) != WR_OK)
            return (wr_pair_why){.fault = WR_PAIR_FAULT_WORD, .word = i};
    return (wr_pair_why){.fault = WR_PAIR_FAULT_NONE};
}

wr_err wr_pair_code_parse(wr_slice text, wr_pair_code *ret_code, wr_pair_why *ret_why) {
    WR_SECRET(wr_pair_code) code = {.nameplate = 0};
    *ret_why = parse_parts(text, &code);
    if (ret_why->fault != WR_PAIR_FAULT_NONE)
        return WR_ERR_FORMAT;
    *ret_code = code;
    return WR_OK;
}

/* The server's name is part of the hash and empty here: no server is known to either side. */
wr_rid wr_pair_code_rid(const wr_pair_code *code) {
    uint8_t digits[NAMEPLATE_DIGITS], bytes[16];
    wr_buf parts = WR_BUF_ARRAY(bytes);
    nameplate_digits(code->nameplate, digits);
    wr_pair_put_part(&parts, WR_SLICE_EMPTY);
    wr_pair_put_part(&parts, wr_slice_of(digits, sizeof digits));
    wr_hash hash = wr_hash_of(WR_LABEL_RID, wr_buf_slice(&parts));
    wr_rid rid;
    memcpy(rid.b, hash.b, sizeof rid.b);
    return rid;
}

void wr_pair_put_part(wr_buf *out, wr_slice part) {
    wr_err err = wr_buf_put_u32(out, (uint32_t)part.len);
    WR_ASSERT(err == WR_OK);
    err = wr_buf_put(out, part);
    WR_ASSERT(err == WR_OK);
}

/* ---- URI ------------------------------------------------------------------------------------ */

typedef struct uri_raw { /* secret */
    uint8_t b[WR_PAIR_URI_RAW_MAX];
} uri_raw;
static void uri_raw_wipe(uri_raw *raw) {
    wr_wipe(raw, sizeof *raw);
}

typedef struct uri_lower { /* secret: what follows the scheme, in lower case */
    uint8_t b[WR_BASE32_SIZE(WR_PAIR_URI_RAW_MAX)];
} uri_lower;
static void uri_lower_wipe(uri_lower *lower) {
    wr_wipe(lower, sizeof *lower);
}

wr_err wr_pair_uri_text(const wr_pair_uri *uri, wr_buf *out) {
    WR_ASSERT(uri->addrs_len <= sizeof uri->addrs);
    WR_ASSERT(uri->addrs_len % WR_HELLO_ADDR_SIZE == 0);
    WR_SECRET(uri_raw) raw;
    wr_buf bytes = WR_BUF_ARRAY(raw.b), next = *out;
    WR_TRY(wr_buf_put_u8(&bytes, URI_VERSION));
    WR_TRY(wr_buf_put_u8(&bytes, 0));
    WR_TRY(wr_buf_put(&bytes, WR_SLICE_OBJ(uri->rid)));
    WR_TRY(wr_buf_put(&bytes, WR_SLICE_OBJ(uri->psk)));
    WR_TRY(wr_buf_put(&bytes, WR_SLICE_OBJ(uri->host)));
    WR_TRY(wr_buf_put_u8(&bytes, (uint8_t)(uri->addrs_len / WR_HELLO_ADDR_SIZE)));
    WR_TRY(wr_buf_put(&bytes, wr_slice_of(uri->addrs, uri->addrs_len)));
    WR_TRY(wr_buf_put(&next, wr_slice_str(WR_PAIR_URI_SCHEME)));
    WR_TRY(wr_base32_encode(wr_buf_slice(&bytes), &next));
    *out = next;
    return WR_OK;
}

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

bool wr_pair_text_is_uri(wr_slice text) {
    wr_slice scheme = wr_slice_str(WR_PAIR_URI_SCHEME);
    if (text.len < scheme.len)
        return false;
    for (size_t i = 0; i < scheme.len; i++)
        if (lower(text.ptr[i]) != scheme.ptr[i])
            return false;
    return true;
}

static wr_err take_fixed(wr_slice *in, void *out, size_t len) {
    wr_slice field;
    if (!wr_slice_take(in, len, &field))
        return WR_ERR_FORMAT;
    memcpy(out, field.ptr, len);
    return WR_OK;
}

static wr_err take_uri(wr_slice in, wr_pair_uri *uri) {
    uint8_t version, flags, count;
    if (!wr_slice_take_u8(&in, &version) || !wr_slice_take_u8(&in, &flags))
        return WR_ERR_FORMAT;
    if (version != URI_VERSION || flags != 0)
        return WR_ERR_VERSION;
    WR_TRY(take_fixed(&in, uri->rid.b, sizeof uri->rid.b));
    WR_TRY(take_fixed(&in, uri->psk.b, sizeof uri->psk.b));
    WR_TRY(take_fixed(&in, uri->host.b, sizeof uri->host.b));
    if (!wr_slice_take_u8(&in, &count) || count > WR_HELLO_ADDRS_MAX)
        return WR_ERR_FORMAT;
    uri->addrs_len = (size_t)count * WR_HELLO_ADDR_SIZE;
    if (in.len != uri->addrs_len)
        return WR_ERR_FORMAT;
    memcpy(uri->addrs, in.ptr, in.len);
    for (size_t at = 0; at < in.len; at += WR_HELLO_ADDR_SIZE)
        if (uri->addrs[at] != 4 && uri->addrs[at] != 6)
            return WR_ERR_FORMAT;
    return WR_OK;
}

wr_err wr_pair_uri_parse(wr_slice text, wr_pair_uri *ret_uri) {
    if (!wr_pair_text_is_uri(text))
        return WR_ERR_FORMAT;
    text = wr_slice_of(text.ptr + sizeof WR_PAIR_URI_SCHEME - 1,
                       text.len - (sizeof WR_PAIR_URI_SCHEME - 1));
    WR_SECRET(uri_lower) small;
    WR_SECRET(uri_raw) raw;
    WR_SECRET(wr_pair_uri) uri = {.addrs_len = 0};
    if (text.len > sizeof small.b)
        return WR_ERR_FORMAT;
    for (size_t i = 0; i < text.len; i++)
        small.b[i] = lower(text.ptr[i]);
    wr_buf bytes = WR_BUF_ARRAY(raw.b);
    WR_TRY(wr_base32_decode(wr_slice_of(small.b, text.len), &bytes));
    WR_TRY(take_uri(wr_buf_slice(&bytes), &uri));
    *ret_uri = uri;
    return WR_OK;
}
