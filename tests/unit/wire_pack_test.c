/* Canonical msgpack: one encoding per value, and errors that take nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "wire/pack.h"

#define BYTES(...)                                                                                 \
    wr_slice_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static uint8_t big[70000];

static void every_number_takes_its_shortest_form(void **state) {
    (void)state;
    static const struct {
        uint64_t value;
        size_t size;
    } edges[] = {
        {0, 1},      {0x7f, 1},    {0x80, 2},       {0xff, 2},       {0x100, 3},
        {0xffff, 3}, {0x10000, 5}, {0xffffffff, 5}, {1ull << 32, 9}, {UINT64_MAX, 9},
    };
    for (size_t i = 0; i < WR_COUNT(edges); i++) {
        uint8_t bytes[9];
        wr_buf out = WR_BUF_ARRAY(bytes);
        uint64_t got;
        T_OK(wr_pack_uint(&out, edges[i].value));
        T_EQ(out.len, edges[i].size);
        wr_slice in = wr_buf_slice(&out);
        T_OK(wr_unpack_uint(&in, &got));
        T_TRUE(got == edges[i].value);
        T_EQ(in.len, 0);
        T_OK(wr_unpack_check(wr_buf_slice(&out)));
    }
}

/* spec:wire#1 type=test "A decoder MUST refuse an item that has a shorter encoding." */
static void a_longer_form_is_refused(void **state) {
    (void)state;
    const wr_slice longer[] = {
        BYTES(0xcc, 0x7f),
        BYTES(0xcd, 0, 0xff),
        BYTES(0xce, 0, 0, 0xff, 0xff),
        BYTES(0xcf, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff),
        BYTES(0xc5, 0, 1, 7),
        BYTES(0xc6, 0, 0, 0, 1, 7),
        BYTES(0xdc, 0, 1, 7),
        BYTES(0xdd, 0, 0, 0, 1, 7),
        BYTES(0xdc, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        BYTES(0xdd, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        BYTES(0x91, 0xcc, 0x01),
    };
    for (size_t i = 0; i < WR_COUNT(longer); i++)
        T_ERR(wr_unpack_check(longer[i]), WR_ERR_FORMAT);
}

/* spec:wire#1 type=test "A decoder MUST refuse every other type." */
static void every_other_first_byte_is_refused(void **state) {
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        bool legal = first < 0x80 || (0x90 <= first && first <= 0x9f) ||
                     (0xc4 <= first && first <= 0xc6) || (0xcc <= first && first <= 0xcf) ||
                     first == 0xdc || first == 0xdd;
        uint8_t bytes[300] = {(uint8_t)first};
        wr_err err = wr_unpack_check(wr_slice_of(bytes, sizeof bytes));
        if (!legal)
            T_EQ(err, WR_ERR_FORMAT);
        wr_slice in = wr_slice_of(bytes, 1);
        wr_slice item;
        if (!legal)
            T_ERR(wr_unpack_item(&in, 4, &item), WR_ERR_FORMAT);
        else if (first != 0x90 && first >= 0x80)
            T_ERR(wr_unpack_item(&in, 4, &item), WR_ERR_TRUNCATED);
    }
}

static void bins_and_arrays_change_form_at_their_edges(void **state) {
    (void)state;
    static uint8_t bytes[80000];
    static const struct {
        uint32_t count;
        size_t bin_head, array_head;
    } edges[] = {{0, 2, 1},   {15, 2, 1},    {16, 2, 3},   {255, 2, 3},
                 {256, 3, 3}, {65535, 3, 3}, {65536, 5, 5}};
    for (size_t i = 0; i < WR_COUNT(edges); i++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        wr_slice got;
        uint32_t count;
        T_OK(wr_pack_bin(&out, wr_slice_of(big, edges[i].count)));
        T_EQ(out.len, edges[i].bin_head + edges[i].count);
        T_OK(wr_unpack_check(wr_buf_slice(&out)));
        wr_slice in = wr_buf_slice(&out);
        T_OK(wr_unpack_bin(&in, &got));
        T_EQ(got.len, edges[i].count);
        T_EQ(in.len, 0);

        out.len = 0;
        T_OK(wr_pack_array(&out, edges[i].count));
        T_EQ(out.len, edges[i].array_head);
        T_OK(wr_buf_put(&out, wr_slice_of(big, edges[i].count))); /* that many zeros */
        T_OK(wr_unpack_check(wr_buf_slice(&out)));
        in = wr_buf_slice(&out);
        T_OK(wr_unpack_array(&in, &count));
        T_EQ(count, edges[i].count);
        in = wr_buf_slice(&out);
        T_ERR(wr_unpack_array_of(&in, edges[i].count + 1), WR_ERR_FORMAT);
        T_OK(wr_unpack_array_of(&in, edges[i].count));
    }
}

static void writers_append_all_or_nothing(void **state) {
    (void)state;
    uint8_t bytes[16];
    for (size_t cap = 0; cap < 9; cap++) {
        wr_buf out = wr_buf_of(bytes, cap);
        T_ERR(wr_pack_uint(&out, UINT64_MAX), WR_ERR_NOBUF);
        T_EQ(out.len, 0);
        T_ERR(wr_pack_bin(&out, wr_slice_of(big, 7)), WR_ERR_NOBUF);
        T_EQ(out.len, 0);
        if (cap < 3)
            T_ERR(wr_pack_array(&out, 16), WR_ERR_NOBUF);
        T_EQ(out.len, 0);
    }
    wr_buf out = wr_buf_of(bytes, 9);
    T_OK(wr_pack_uint(&out, UINT64_MAX));
    out = wr_buf_of(bytes, 9);
    T_OK(wr_pack_bin(&out, wr_slice_of(big, 7)));
}

/* spec:wire#1 type=test "A decoder MUST refuse bytes behind the end of the structure." */
static void truncated_and_trailing_bytes_are_refused(void **state) {
    (void)state;
    wr_slice whole = BYTES(0x93, 0xc4, 2, 1, 2, 0xcd, 1, 0, 0x92, 5, 0x90);
    T_OK(wr_unpack_check(whole));
    for (size_t len = 0; len < whole.len; len++)
        T_ERR(wr_unpack_check(wr_slice_of(whole.ptr, len)), WR_ERR_TRUNCATED);
    T_ERR(wr_unpack_check(BYTES(0x93, 1, 2, 3, 4)), WR_ERR_FORMAT);
    T_ERR(wr_unpack_check(BYTES(0xdd, 0xff, 0xff, 0xff, 0xff)), WR_ERR_TRUNCATED);
    T_ERR(wr_unpack_check(BYTES(0xc6, 0xff, 0xff, 0xff, 0xff)), WR_ERR_TRUNCATED);
}

/* spec:wire#1 type=test "A decoder MUST refuse arrays that are nested deeper than four." */
static void a_fifth_level_is_refused(void **state) {
    (void)state;
    T_OK(wr_unpack_check(BYTES(0x91, 0x91, 0x91, 0x91, 7)));
    T_OK(wr_unpack_check(BYTES(0x91, 0x91, 0x91, 0x90)));
    T_ERR(wr_unpack_check(BYTES(0x91, 0x91, 0x91, 0x91, 0x90)), WR_ERR_FORMAT);
    wr_slice in = BYTES(0x91, 7), item;
    T_ERR(wr_unpack_item(&in, 0, &item), WR_ERR_FORMAT);
    T_EQ(in.len, 2);
    T_OK(wr_unpack_item(&in, 1, &item));
    T_EQ(item.len, 2);
}

static void an_error_takes_nothing_off_the_input(void **state) {
    (void)state;
    const wr_slice uint = BYTES(0xcc, 0x80), bin = BYTES(0xc4, 2, 1, 2), array = BYTES(0x92, 1, 2);
    wr_slice in, bytes;
    uint32_t count;
    uint64_t value;
    uint8_t fixed[4] = {9, 9, 9, 9};
    in = bin;
    T_ERR(wr_unpack_uint(&in, &value), WR_ERR_FORMAT);
    T_ERR(wr_unpack_array(&in, &count), WR_ERR_FORMAT);
    T_ERR(wr_unpack_fixed(&in, fixed, 3), WR_ERR_FORMAT);
    T_EQ(fixed[0], 9);
    T_SLICE(in, bin);
    T_OK(wr_unpack_fixed(&in, fixed, 2));
    T_EQ(fixed[1], 2);
    in = uint;
    T_ERR(wr_unpack_bin(&in, &bytes), WR_ERR_FORMAT);
    T_ERR(wr_unpack_uint_max(&in, 0x7f, &value), WR_ERR_LIMIT);
    T_SLICE(in, uint);
    T_OK(wr_unpack_uint_max(&in, 0x80, &value));
    in = array;
    T_ERR(wr_unpack_array_of(&in, 3), WR_ERR_FORMAT);
    T_ERR(wr_unpack_uint(&in, &value), WR_ERR_FORMAT);
    T_SLICE(in, array);
    in = wr_slice_of(bin.ptr, 3);
    T_ERR(wr_unpack_bin(&in, &bytes), WR_ERR_TRUNCATED);
    T_EQ(in.len, 3);
    in = WR_SLICE_EMPTY;
    T_ERR(wr_unpack_uint(&in, &value), WR_ERR_TRUNCATED);
    T_ERR(wr_unpack_check(in), WR_ERR_TRUNCATED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_takes_its_shortest_form),
        cmocka_unit_test(a_longer_form_is_refused),
        cmocka_unit_test(every_other_first_byte_is_refused),
        cmocka_unit_test(bins_and_arrays_change_form_at_their_edges),
        cmocka_unit_test(writers_append_all_or_nothing),
        cmocka_unit_test(truncated_and_trailing_bytes_are_refused),
        cmocka_unit_test(a_fifth_level_is_refused),
        cmocka_unit_test(an_error_takes_nothing_off_the_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
