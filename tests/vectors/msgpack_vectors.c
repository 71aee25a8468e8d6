/* msgpack-vectors FILE..: the MessagePack test suite against both decoders.
 *
 * A file is {"group": [{"<type>": value, "msgpack": ["hex-hex", ..]}, ..], ..}.
 *  - The canonical decoder accepts the one shortest encoding of unsigned integers, binaries and
 *    arrays of these, and refuses every other encoding and every other type.
 *  - The decoder of the local API reads every encoding to the given value.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/rpc.h"
#include "base/limits.h"
#include "vectors/json.h"
#include "wire/pack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ENCODING_BYTES_MAX 4096u
#define TIMESTAMP_EXT (-1)

static unsigned passed, failed, skipped;

static void report(const char *group, size_t index, const char *encoding, const char *problem) {
    if (problem == NULL) {
        passed++;
        return;
    }
    failed++;
    (void)printf("%s: value %zu: %.80s: %s\n", group, index, encoding, problem);
}

/* ---- what the suite says ----------------------------------------------------------------------
 */

static int nibble(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "c4-01-ff" to bytes. */
static bool parse_bytes(const char *text, wr_buf *out) {
    while (text[0] != '\0') {
        int high = nibble(text[0]), low = high < 0 ? -1 : nibble(text[1]);
        if (low < 0 || wr_buf_put_u8(out, (uint8_t)(high * 16 + low)) != WR_OK)
            return false;
        text += 2;
        if (text[0] == '-')
            text++;
    }
    return true;
}

/* A "number" beyond 63 bits stands as text in "bignum", which is exact where there are both. */
static bool parse_bignum(const char *text, bool *ret_negative, uint64_t *ret_magnitude) {
    char *end;
    *ret_negative = text[0] == '-';
    if (*ret_negative)
        text++;
    errno = 0;
    *ret_magnitude = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

/* ---- the canonical decoder --------------------------------------------------------------------
 */

/* Appends the canonical encoding; false if the value has none. */
static bool put_canonical(const json_t *value, unsigned depth, wr_buf *out) {
    const json_t *item;
    size_t index;
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        return wr_pack_uint(out, (uint64_t)json_integer_value(value)) == WR_OK;
    if (!json_is_array(value) || depth == 0)
        return false;
    if (wr_pack_array(out, (uint32_t)json_array_size(value)) != WR_OK)
        return false;
    json_array_foreach(value, index, item) {
        if (!put_canonical(item, depth - 1, out))
            return false;
    }
    return true;
}

static bool canonical_of(const json_t *entry, wr_buf *out) {
    const json_t *binary = json_object_get(entry, "binary");
    const json_t *bignum = json_object_get(entry, "bignum");
    const json_t *number = json_object_get(entry, "number");
    uint8_t bytes[ENCODING_BYTES_MAX];
    if (binary != NULL) {
        wr_buf raw = WR_BUF_ARRAY(bytes);
        return parse_bytes(json_string_value(binary), &raw) &&
               wr_pack_bin(out, wr_buf_slice(&raw)) == WR_OK;
    }
    if (bignum != NULL) {
        bool negative;
        uint64_t magnitude;
        return parse_bignum(json_string_value(bignum), &negative, &magnitude) && !negative &&
               wr_pack_uint(out, magnitude) == WR_OK;
    }
    if (number != NULL)
        return put_canonical(number, 0, out);
    return put_canonical(json_object_get(entry, "array"), WR_OP_DEPTH_MAX, out);
}

static const char *check_canonical(wr_slice encoding, bool has_one, wr_slice canonical) {
    bool accepted = wr_unpack_check(encoding) == WR_OK;
    bool wanted = has_one && wr_order(encoding, canonical) == 0;
    if (accepted == wanted)
        return NULL;
    return wanted ? "canonical decoder refuses the canonical form"
                  : "canonical decoder accepts what is not canonical";
}

/* ---- the decoder of the local API -------------------------------------------------------------
 */

static bool same_number(const warren_value *got, bool negative, uint64_t magnitude) {
    warren_type type = warren_type_of(got);
    if (type == WARREN_UINT)
        return !negative && warren_get_uint(got, ~magnitude) == magnitude;
    if (type == WARREN_INT)
        return negative && (uint64_t)warren_get_int(got, 0) == 0 - magnitude;
    double want = negative ? -(double)magnitude : (double)magnitude;
    double real = type == WARREN_FLOAT ? warren_get_float(got, 0) : want + 1;
    return !(real < want) && !(real > want);
}

static bool same_value(const warren_value *got, const json_t *want) {
    if (json_is_null(want))
        return got != NULL && warren_type_of(got) == WARREN_NIL;
    if (json_is_boolean(want))
        return warren_type_of(got) == WARREN_BOOL &&
               warren_get_bool(got, !json_is_true(want)) == json_is_true(want);
    if (json_is_integer(want)) {
        json_int_t value = json_integer_value(want);
        return same_number(got, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    }
    if (json_is_real(want)) {
        double real = warren_get_float(got, 0), wanted = json_real_value(want);
        return warren_type_of(got) == WARREN_FLOAT && !(real < wanted) && !(real > wanted);
    }
    if (json_is_string(want))
        return warren_type_of(got) == WARREN_STR &&
               wr_order(value_slice(got),
                        wr_slice_of(json_string_value(want), json_string_length(want))) == 0;
    if (json_is_array(want)) {
        bool same =
            warren_type_of(got) == WARREN_ARRAY && warren_count(got) == json_array_size(want);
        for (size_t i = 0; same && i < json_array_size(want); i++)
            same = same_value(warren_at(got, i), json_array_get(want, i));
        return same;
    }
    const char *key;
    json_t *child;
    bool same = warren_type_of(got) == WARREN_MAP && warren_count(got) == json_object_size(want);
    json_object_foreach((json_t *)want, key, child) {
        same = same && same_value(warren_find(got, key), child);
    }
    return same;
}

static bool same_bytes(const warren_value *got, const json_t *hex) {
    uint8_t bytes[ENCODING_BYTES_MAX];
    wr_buf want = WR_BUF_ARRAY(bytes);
    return parse_bytes(json_string_value(hex), &want) &&
           wr_order(value_slice(got), wr_buf_slice(&want)) == 0;
}

/* The three layouts of the timestamp extension. */
static bool same_timestamp(const warren_value *got, const json_t *want) {
    wr_slice in = value_slice(got);
    uint64_t seconds = 0, packed = 0;
    uint32_t nanoseconds = 0, short_seconds = 0;
    bool read = false;
    if (in.len == 4) {
        read = wr_slice_take_u32(&in, &short_seconds);
        seconds = short_seconds;
    } else if (in.len == 8) {
        read = wr_slice_take_u64(&in, &packed);
        seconds = packed & ((1ull << 34) - 1);
        nanoseconds = (uint32_t)(packed >> 34);
    } else if (in.len == 12) {
        read = wr_slice_take_u32(&in, &nanoseconds) && wr_slice_take_u64(&in, &seconds);
    }
    return read && warren_get_ext_type(got) == TIMESTAMP_EXT &&
           (int64_t)seconds == json_integer_value(json_array_get(want, 0)) &&
           nanoseconds == (uint64_t)json_integer_value(json_array_get(want, 1));
}

static bool same_ext(const warren_value *got, const json_t *want) {
    return warren_get_ext_type(got) == json_integer_value(json_array_get(want, 0)) &&
           same_bytes(got, json_array_get(want, 1));
}

static bool same_entry(const warren_value *got, const json_t *entry) {
    const json_t *value = json_object_get(entry, "bignum");
    warren_type type = warren_type_of(got);
    if (value != NULL) {
        bool negative;
        uint64_t magnitude;
        return parse_bignum(json_string_value(value), &negative, &magnitude) &&
               same_number(got, negative, magnitude);
    }
    if ((value = json_object_get(entry, "binary")) != NULL)
        return type == WARREN_BIN && same_bytes(got, value);
    if ((value = json_object_get(entry, "ext")) != NULL)
        return type == WARREN_EXT && same_ext(got, value);
    if ((value = json_object_get(entry, "timestamp")) != NULL)
        return type == WARREN_EXT && same_timestamp(got, value);
    static const char *const plain[] = {"nil", "bool", "number", "string", "array", "map"};
    for (size_t i = 0; i < WR_COUNT(plain); i++) {
        value = json_object_get(entry, plain[i]);
        if (value != NULL)
            return same_value(got, value);
    }
    return false;
}

static const char *check_rpc(wr_slice encoding, const json_t *entry) {
    WR_AUTO(warren_value) got = NULL;
    if (rpc_decode(encoding, &got) != WR_OK)
        return "API decoder refuses it";
    return same_entry(got, entry) ? NULL : "API decoder reads another value";
}

/* ---- the suite --------------------------------------------------------------------------------
 */

static void run_entry(const char *group, size_t index, const json_t *entry) {
    uint8_t canonical_bytes[ENCODING_BYTES_MAX];
    wr_buf canonical = WR_BUF_ARRAY(canonical_bytes);
    bool has_one = canonical_of(entry, &canonical), seen = false;
    const json_t *encodings = json_object_get(entry, "msgpack"), *encoding;
    size_t i;
    json_array_foreach(encodings, i, encoding) {
        const char *text = json_string_value(encoding);
        uint8_t bytes[ENCODING_BYTES_MAX];
        wr_buf raw = WR_BUF_ARRAY(bytes);
        if (text == NULL || !parse_bytes(text, &raw)) {
            skipped++;
            continue;
        }
        wr_slice in = wr_buf_slice(&raw);
        seen = seen || (has_one && wr_order(in, wr_buf_slice(&canonical)) == 0);
        report(group, index, text, check_canonical(in, has_one, wr_buf_slice(&canonical)));
        report(group, index, text, check_rpc(in, entry));
    }
    if (has_one && !seen)
        report(group, index, "(all)", "our canonical form is not in the list");
}

static void run_file(const char *file) {
    json_error_t error;
    json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
    const char *group;
    json_t *entries, *entry;
    size_t index;
    if (!json_is_object(root)) {
        failed++;
        (void)printf("%s: %s\n", file, root == NULL ? error.text : "not an object of groups");
    }
    json_object_foreach(root, group, entries) {
        json_array_foreach(entries, index, entry) {
            run_entry(group, index, entry);
        }
    }
    json_decref(root);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    (void)printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
    return failed == 0 && passed > 0 ? 0 : 1;
}
