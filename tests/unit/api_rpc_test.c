/* MessagePack on bytes: what is read, what is refused, and how much memory a stranger can take.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/rpc.h"

#include <stdlib.h>

#include "harness/harness.h"

static wr_err decode(const char *bytes, size_t len, warren_value **ret_value) {
    return rpc_decode(wr_slice_of(bytes, len), ret_value);
}
#define DECODE(text, ret) decode((text), sizeof(text) - 1, (ret))

static void integers_of_every_width_decode_to_their_value(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        int64_t value;
    } cases[] = {{"\x07", 1, 7},
                 {"\xcc\x07", 2, 7},
                 {"\xcd\x00\x07", 3, 7},
                 {"\xd3\x00\x00\x00\x00\x00\x00\x00\x07", 9, 7},
                 {"\xff", 1, -1},
                 {"\xd0\xff", 2, -1},
                 {"\xd1\xff\xff", 3, -1},
                 {"\xd2\xff\xff\xff\xff", 5, -1},
                 {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9, INT64_MIN}};
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        warren_value *value = NULL;
        T_OK(decode(cases[i].bytes, cases[i].len, &value));
        T_EQ(warren_get_int(value, 99), cases[i].value);
        T_EQ(warren_type_of(value), cases[i].value < 0 ? WARREN_INT : WARREN_UINT);
        warren_value_free(value);
    }
    warren_value *value = NULL;
    T_OK(DECODE("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", &value));
    T_TRUE(warren_get_uint(value, 0) == UINT64_MAX);
    warren_value_free(value);
}

static void extensions_and_floats_keep_their_type(void **state) {
    (void)state;
    warren_value *value = NULL;
    T_OK(DECODE("\xd6\xff\x00\x00\x00\x01", &value)); /* a timestamp */
    T_EQ(warren_type_of(value), WARREN_EXT);
    T_EQ(warren_get_ext_type(value), -1);
    T_EQ(value_slice(value).len, 4);
    warren_value_free(value);
    T_OK(DECODE("\xca\x3f\x80\x00\x00", &value));
    T_EQ(warren_type_of(value), WARREN_FLOAT);
    T_TRUE(warren_get_float(value, 0) == 1.0);
    warren_value_free(value);
}

static void every_prefix_is_truncated_and_every_suffix_is_refused(void **state) {
    (void)state;
    static const char whole[] = "\x82\xa1k\x93\x01\xa3"
                                "abc\xc4\x02xy\xa1m\x81\x05\xc7\x01\x07z";
    warren_value *value = NULL;
    for (size_t len = 0; len < sizeof whole - 1; len++)
        T_ERR(decode(whole, len, &value), WR_ERR_TRUNCATED);
    T_ERR(decode(whole, sizeof whole, &value), WR_ERR_FORMAT);
    T_ERR(DECODE("\xc1", &value), WR_ERR_FORMAT);
    T_OK(decode(whole, sizeof whole - 1, &value));
    T_EQ(warren_count(warren_find(value, "k")), 3);
    warren_value_free(value);
}

static void what_is_encoded_decodes_to_the_same_bytes(void **state) {
    (void)state;
    warren_value *map = warren_map(), *list = warren_array(), *again = NULL;
    for (int i = 0; i < 100; i++)
        T_TRUE(warren_push(list, warren_int(i * 1000 - 50000)));
    T_TRUE(warren_put(map, "list", list));
    T_TRUE(warren_put(map, "bin", warren_bin("\0\xff", 2)));
    T_TRUE(warren_put(map, "ext", warren_ext(-7, "e", 1)));
    T_TRUE(warren_put(map, "nil", warren_nil()));
    T_TRUE(warren_put(map, "pi", warren_float(3.25)));
    rpc_bytes first = {0}, second = {0};
    T_OK(rpc_encode(map, &first));
    T_OK(rpc_decode(wr_slice_of(first.ptr, first.len), &again));
    T_OK(rpc_encode(again, &second));
    T_SLICE(wr_slice_of(first.ptr, first.len), wr_slice_of(second.ptr, second.len));
    warren_value_free(map);
    warren_value_free(again);
    rpc_bytes_wipe(&first);
    rpc_bytes_wipe(&second);
}

/* ---- limits ----------------------------------------------------------------------------- */

static void sixteen_levels_are_read_and_seventeen_refused(void **state) {
    (void)state;
    char bytes[RPC_DEPTH_MAX + 2];
    warren_value *value = NULL;
    memset(bytes, '\x91', sizeof bytes);
    bytes[RPC_DEPTH_MAX] = '\xc0';
    T_OK(decode(bytes, RPC_DEPTH_MAX + 1, &value));
    rpc_bytes out = {0};
    T_OK(rpc_encode(value, &out));
    T_EQ(out.len, RPC_DEPTH_MAX + 1);
    warren_value *deeper = warren_array();
    T_TRUE(warren_push(deeper, value));
    T_ERR(rpc_encode(deeper, &out), WR_ERR_LIMIT);
    T_EQ(out.len, RPC_DEPTH_MAX + 1);
    warren_value_free(deeper);
    rpc_bytes_wipe(&out);
    bytes[RPC_DEPTH_MAX] = '\x91';
    T_ERR(decode(bytes, RPC_DEPTH_MAX + 2, &value), WR_ERR_LIMIT);
}

static void a_declared_length_is_refused_before_its_bytes_arrive(void **state) {
    (void)state;
    static const char *const heads[] = {"\xdb\x01\x00\x00\x01", "\xc6\xff\xff\xff\xff",
                                        "\xc9\xff\xff\xff\xff\x01", "\xdd\xff\xff\xff\xff",
                                        "\xdf\x00\x20\x00\x00"};
    for (size_t i = 0; i < WR_COUNT(heads); i++) {
        rpc_reader *reader = NULL;
        warren_value *value = NULL;
        T_OK(rpc_reader_new(&reader));
        wr_buf room = rpc_reader_room(reader);
        size_t len = i == 2 ? 6 : 5;
        memcpy(room.ptr, heads[i], len);
        rpc_reader_filled(reader, len);
        T_ERR(rpc_reader_next(reader, &value), WR_ERR_LIMIT);
        T_ERR(rpc_reader_next(reader, &value), WR_ERR_LIMIT);
        rpc_reader_free(reader);
    }
}

static void a_million_values_are_read_and_one_more_refused(void **state) {
    (void)state;
    size_t len = RPC_VALUES_MAX + 4;
    uint8_t *bytes = malloc(len + 1);
    warren_value *value = NULL;
    memset(bytes, 0xc0, len + 1);
    bytes[0] = 0xdd;
    wr_store_u32(bytes + 1, RPC_VALUES_MAX - 1);
    T_OK(rpc_decode(wr_slice_of(bytes, len), &value));
    T_EQ(warren_count(value), RPC_VALUES_MAX - 1);
    warren_value_free(value);
    wr_store_u32(bytes + 1, RPC_VALUES_MAX);
    T_ERR(rpc_decode(wr_slice_of(bytes, len + 1), &value), WR_ERR_LIMIT);
    free(bytes);
}

/* ---- streams ------------------------------------------------------------------------------ */

static void a_stream_cut_anywhere_gives_the_same_frames(void **state) {
    (void)state;
    warren_value *params = warren_map(), *big = NULL;
    uint8_t *body = calloc(1, 20000);
    T_TRUE(warren_put(params, "body", warren_bin(body, 20000)));
    free(body);
    rpc_bytes out = {0};
    for (uint32_t i = 0; i < 5; i++)
        T_OK(rpc_encode_request(i, "log.append", i == 2 ? params : NULL, &out));
    warren_value_free(params);
    for (size_t step = 1; step < 9000; step = step * 3 + 1) {
        rpc_reader *reader = NULL;
        T_OK(rpc_reader_new(&reader));
        uint32_t next = 0;
        for (size_t at = 0; at < out.len;) {
            wr_buf room = rpc_reader_room(reader);
            size_t len = out.len - at < step ? out.len - at : step;
            len = len < room.cap ? len : room.cap;
            memcpy(room.ptr, out.ptr + at, len);
            rpc_reader_filled(reader, len);
            at += len;
            while (rpc_reader_next(reader, &big) == WR_OK) {
                rpc_message message;
                const char *problem = NULL;
                T_OK(rpc_parse(big, &message, &problem));
                T_EQ(message.msgid, next);
                T_EQ(value_slice(warren_find(message.params, "body")).len, next == 2 ? 20000 : 0);
                next++;
                warren_value_free(big);
            }
        }
        T_EQ(next, 5);
        rpc_reader_free(reader);
    }
    rpc_bytes_wipe(&out);
}

static void what_was_read_does_not_stay(void **state) {
    (void)state;
    static const uint8_t frame[] = "\x94\x00\x01\xa5words\x91\x80";
    rpc_reader *reader = NULL;
    warren_value *value = NULL;
    T_OK(rpc_reader_new(&reader));
    wr_buf room = rpc_reader_room(reader);
    memcpy(room.ptr, frame, sizeof frame - 1);
    rpc_reader_filled(reader, sizeof frame - 1);
    T_OK(rpc_reader_next(reader, &value));
    warren_value_free(value);
    room = rpc_reader_room(reader);
    for (size_t i = 0; i < sizeof frame - 1; i++)
        T_EQ(room.ptr[i], 0);
    rpc_reader_free(reader);
}

static void a_broken_request_still_tells_its_number(void **state) {
    (void)state;
    static const char bytes[] = "\x94\x00\x2a\xa3"
                                "foo\x91\x81\xa1x\xc1";
    rpc_reader *reader = NULL;
    warren_value *value = NULL;
    uint32_t msgid = 0;
    T_OK(rpc_reader_new(&reader));
    wr_buf room = rpc_reader_room(reader);
    memcpy(room.ptr, bytes, sizeof bytes - 1);
    rpc_reader_filled(reader, sizeof bytes - 1);
    T_FALSE(rpc_reader_broken_msgid(reader, &msgid));
    T_ERR(rpc_reader_next(reader, &value), WR_ERR_FORMAT);
    T_TRUE(rpc_reader_broken_msgid(reader, &msgid));
    T_EQ(msgid, 42);
    rpc_reader_free(reader);
}

static void frames_of_other_shapes_are_named(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        bool has_msgid;
    } cases[] = {{"\x05", 1, false},
                 {"\x90", 1, false},
                 {"\x94\x03\x01\xa1m\x90", 6, false},
                 {"\x94\x00\xff\xa1m\x90", 6, false},
                 {"\x93\x00\x07\xa1m", 5, true},
                 {"\x94\x00\x07\x09\x90", 5, true},
                 {"\x94\x00\x07\xa1m\x80", 6, true},
                 {"\x94\x00\x07\xa1m\x91\x01", 7, true},
                 {"\x94\x00\x07\xa1m\x92\x80\x80", 8, true}};
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        warren_value *frame = NULL;
        rpc_message message;
        const char *problem = NULL;
        T_OK(decode(cases[i].bytes, cases[i].len, &frame));
        T_ERR(rpc_parse(frame, &message, &problem), WR_ERR_FORMAT);
        T_EQ(message.has_msgid, cases[i].has_msgid);
        T_TRUE(problem != NULL);
        warren_value_free(frame);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_every_width_decode_to_their_value),
        cmocka_unit_test(extensions_and_floats_keep_their_type),
        cmocka_unit_test(every_prefix_is_truncated_and_every_suffix_is_refused),
        cmocka_unit_test(what_is_encoded_decodes_to_the_same_bytes),
        cmocka_unit_test(sixteen_levels_are_read_and_seventeen_refused),
        cmocka_unit_test(a_declared_length_is_refused_before_its_bytes_arrive),
        cmocka_unit_test(a_million_values_are_read_and_one_more_refused),
        cmocka_unit_test(a_stream_cut_anywhere_gives_the_same_frames),
        cmocka_unit_test(what_was_read_does_not_stay),
        cmocka_unit_test(a_broken_request_still_tells_its_number),
        cmocka_unit_test(frames_of_other_shapes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
