/* Slices, buffers, integers on the wire, comparison, the error table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"

static wr_slice text(const char *s) {
    return wr_slice_str(s);
}

static void take_gives_the_front_and_keeps_the_rest(void **state) {
    (void)state;
    wr_slice in = text("abcde");
    wr_slice got;
    T_TRUE(wr_slice_take(&in, 2, &got));
    T_SLICE(got, text("ab"));
    T_SLICE(in, text("cde"));
    T_TRUE(wr_slice_take(&in, 3, &got));
    T_SLICE(got, text("cde"));
    T_EQ(in.len, 0);
    T_TRUE(wr_slice_take(&in, 0, &got));
}

static void take_of_one_too_many_takes_nothing(void **state) {
    (void)state;
    wr_slice in = text("abcde");
    wr_slice got = text("before");
    T_FALSE(wr_slice_take(&in, 6, &got));
    T_FALSE(wr_slice_take(&in, SIZE_MAX, &got));
    T_SLICE(in, text("abcde"));
    T_SLICE(got, text("before"));
}

static void integers_are_big_endian_and_bounded(void **state) {
    (void)state;
    uint8_t bytes[15];
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(wr_buf_put_u8(&out, 0x01));
    T_OK(wr_buf_put_u16(&out, 0x0203));
    T_OK(wr_buf_put_u32(&out, 0x04050607));
    T_OK(wr_buf_put_u64(&out, 0x08090a0b0c0d0e0f));
    for (uint8_t i = 0; i < sizeof bytes; i++)
        T_EQ(bytes[i], i + 1);
    T_ERR(wr_buf_put_u8(&out, 0), WR_ERR_NOBUF);
    T_EQ(out.len, sizeof bytes);

    wr_slice in = wr_buf_slice(&out);
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    T_TRUE(wr_slice_take_u8(&in, &u8));
    T_TRUE(wr_slice_take_u16(&in, &u16));
    T_TRUE(wr_slice_take_u32(&in, &u32));
    T_EQ(u8, 0x01);
    T_EQ(u16, 0x0203);
    T_EQ(u32, 0x04050607);
    wr_slice short_by_one = {in.ptr, 7};
    T_FALSE(wr_slice_take_u64(&short_by_one, &u64));
    T_EQ(short_by_one.len, 7);
    T_TRUE(wr_slice_take_u64(&in, &u64));
    T_EQ(u64, 0x08090a0b0c0d0e0f);
    T_FALSE(wr_slice_take_u8(&in, &u8));
    T_FALSE(wr_slice_take_u16(&in, &u16));
    T_FALSE(wr_slice_take_u32(&in, &u32));
}

static void store_and_load_agree_with_the_wire(void **state) {
    (void)state;
    uint8_t bytes[8];
    wr_store_u64(bytes, 0x0102030405060708);
    T_MEM(bytes, "\1\2\3\4\5\6\7\10", 8);
    T_EQ(wr_load_u64(bytes), 0x0102030405060708);
    wr_store_u32(bytes, 0xfffefdfc);
    T_EQ(wr_load_u32(bytes), 0xfffefdfc);
    wr_store_u16(bytes, 0x8001);
    T_MEM(bytes, "\x80\x01", 2);
}

static void put_fills_to_the_last_byte_and_no_further(void **state) {
    (void)state;
    uint8_t bytes[4] = {9, 9, 9, 9};
    wr_buf out = wr_buf_of(bytes, 3);
    T_OK(wr_buf_put(&out, text("ab")));
    T_ERR(wr_buf_put(&out, text("cd")), WR_ERR_NOBUF);
    T_ERR(wr_buf_put_u16(&out, 1), WR_ERR_NOBUF);
    T_ERR(wr_buf_put_zeros(&out, 2), WR_ERR_NOBUF);
    T_EQ(out.len, 2);
    T_OK(wr_buf_put_zeros(&out, 1));
    T_EQ(wr_buf_room(&out), 0);
    T_OK(wr_buf_put(&out, WR_SLICE_EMPTY));
    T_MEM(bytes, "ab\0\x09", 4);
}

static void varints_survive_the_round_trip_in_their_shortest_form(void **state) {
    (void)state;
    static const struct {
        uint64_t value;
        size_t size;
    } cases[] = {{0, 1},          {1, 1},          {127, 1},       {128, 2},
                 {16383, 2},      {16384, 3},      {1u << 21, 4},  {UINT32_MAX, 5},
                 {1ull << 35, 6}, {1ull << 62, 9}, {INT64_MAX, 9}, {UINT64_MAX, 10}};
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        uint8_t bytes[WR_VARINT_MAX];
        wr_buf out = WR_BUF_ARRAY(bytes);
        T_OK(wr_buf_put_varint(&out, cases[i].value));
        T_EQ(out.len, cases[i].size);
        wr_slice in = wr_buf_slice(&out);
        uint64_t value = 0;
        T_TRUE(wr_slice_take_varint(&in, &value));
        T_EQ(value, cases[i].value);
        T_EQ(in.len, 0);

        for (size_t len = 0; len < out.len; len++) { /* every truncation */
            wr_slice cut = {bytes, len};
            T_FALSE(wr_slice_take_varint(&cut, &value));
            T_EQ(cut.len, len);
        }
        wr_buf small = wr_buf_of(bytes, out.len - 1);
        T_ERR(wr_buf_put_varint(&small, cases[i].value), WR_ERR_NOBUF);
        T_EQ(small.len, 0);
    }
}

static void varints_that_are_longer_than_needed_or_than_64_bits_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\x80\x00", 2},                                  /* 0 in two bytes */
        {"\xff\x00", 2},                                  /* 127 in two bytes */
        {"\x80\x80\x00", 3},                              /* 0 in three */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10}, /* 2^64 and more */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10},
    };
    for (size_t i = 0; i < WR_COUNT(bad); i++) {
        wr_slice in = wr_slice_of(bad[i].bytes, bad[i].len);
        uint64_t value = 77;
        T_FALSE(wr_slice_take_varint(&in, &value));
        T_EQ(in.len, bad[i].len);
        T_EQ(value, 77);
    }
}

static void equal_wants_the_same_length_and_every_byte(void **state) {
    (void)state;
    T_TRUE(wr_equal(text("abc"), text("abc")));
    T_FALSE(wr_equal(text("abc"), text("abd")));
    T_FALSE(wr_equal(text("abc"), text("xbc")));
    T_FALSE(wr_equal(text("abc"), text("ab")));
    T_FALSE(wr_equal(text("ab"), text("abc")));
    T_FALSE(wr_equal(text("a"), WR_SLICE_EMPTY));
    T_TRUE(wr_equal(WR_SLICE_EMPTY, text("")));
}

static void order_is_that_of_a_dictionary_over_unsigned_bytes(void **state) {
    (void)state;
    static const char *const sorted[] = {"", "a", "ab", "abc", "b", "b\x7f", "b\x80", "\xff"};
    for (size_t i = 0; i < WR_COUNT(sorted); i++) {
        for (size_t j = 0; j < WR_COUNT(sorted); j++) {
            int order = wr_order(text(sorted[i]), text(sorted[j]));
            T_EQ(order < 0, i < j);
            T_EQ(order > 0, i > j);
        }
    }
    T_EQ(wr_order(WR_SLICE_EMPTY, WR_SLICE_EMPTY), 0);
}

static void wipe_and_is_zero_see_every_byte(void **state) {
    (void)state;
    wr_key key = {{0}};
    for (size_t i = 0; i < sizeof key.b; i++) {
        key.b[i] = 0x80;
        T_FALSE(wr_is_zero(WR_SLICE_OBJ(key)));
        wr_key_wipe(&key);
        T_TRUE(wr_is_zero(WR_SLICE_OBJ(key)));
    }
    T_TRUE(wr_is_zero(WR_SLICE_EMPTY));
}

static void times_saturate_and_equal_means_reached(void **state) {
    (void)state;
    wr_mono at = {1000};
    T_FALSE(wr_mono_reached(at, (wr_mono){999}));
    T_TRUE(wr_mono_reached(at, (wr_mono){1000}));
    T_FALSE(wr_mono_reached(WR_MONO_NEVER, (wr_mono){UINT64_MAX - 1}));
    T_EQ(wr_mono_add(at, 5).ms, 1005);
    T_EQ(wr_mono_add(at, UINT64_MAX).ms, UINT64_MAX);
    T_EQ(wr_mono_min(at, (wr_mono){999}).ms, 999);
    T_EQ(wr_mono_min(at, WR_MONO_NEVER).ms, 1000);
}

static void every_error_has_a_name_and_a_text_of_its_own(void **state) {
    (void)state;
#define CHECK(name, value, meaning)                                                                \
    T_STR(wr_err_text(WR_ERR_##name), meaning);                                                    \
    T_TRUE(wr_err_name(WR_ERR_##name)[0] != '\0');                                                 \
    T_EQ(WR_ERR_##name, value);
    WR_ERR_MAP(CHECK)
#undef CHECK
    T_TRUE(wr_err_name((wr_err)-1000) != NULL);
    T_TRUE(wr_err_text((wr_err)1) != NULL);
}

static void draws_below_a_bound_stay_below_it_and_reach_all_values(void **state) {
    (void)state;
    wr_rng rng = t_rng(1);
    uint32_t seen[7] = {0};
    for (unsigned i = 0; i < 7000; i++) {
        uint32_t draw = wr_rng_below(&rng, 7);
        T_TRUE(draw < 7);
        seen[draw]++;
    }
    for (size_t i = 0; i < WR_COUNT(seen); i++)
        T_TRUE(seen[i] > 800 && seen[i] < 1200);
    T_EQ(wr_rng_below(&rng, 1), 0);

    /* With a bound of three quarters of the range, a plain remainder would favour the lowest
     * third: a half of all draws instead of a third. */
    unsigned lowest = 0;
    for (unsigned i = 0; i < 3000; i++)
        lowest += wr_rng_below(&rng, 3u << 30) < 1u << 30 ? 1 : 0;
    T_TRUE(lowest > 900 && lowest < 1100);
}

static wr_err fails_first(bool *reached_second) {
    WR_TRY(WR_ERR_LIMIT);
    *reached_second = true;
    return WR_OK;
}

static void try_returns_the_first_error(void **state) {
    (void)state;
    bool reached = false;
    T_ERR(fails_first(&reached), WR_ERR_LIMIT);
    T_FALSE(reached);
}

static void stealing_leaves_nothing_behind(void **state) {
    (void)state;
    int thing = 3;
    int *owner = &thing;
    int *taken = wr_steal(&owner);
    T_TRUE(taken == &thing);
    T_TRUE(owner == NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(take_gives_the_front_and_keeps_the_rest),
        cmocka_unit_test(take_of_one_too_many_takes_nothing),
        cmocka_unit_test(integers_are_big_endian_and_bounded),
        cmocka_unit_test(store_and_load_agree_with_the_wire),
        cmocka_unit_test(put_fills_to_the_last_byte_and_no_further),
        cmocka_unit_test(varints_survive_the_round_trip_in_their_shortest_form),
        cmocka_unit_test(varints_that_are_longer_than_needed_or_than_64_bits_are_refused),
        cmocka_unit_test(equal_wants_the_same_length_and_every_byte),
        cmocka_unit_test(order_is_that_of_a_dictionary_over_unsigned_bytes),
        cmocka_unit_test(wipe_and_is_zero_see_every_byte),
        cmocka_unit_test(times_saturate_and_equal_means_reached),
        cmocka_unit_test(every_error_has_a_name_and_a_text_of_its_own),
        cmocka_unit_test(draws_below_a_bound_stay_below_it_and_reach_all_values),
        cmocka_unit_test(try_returns_the_first_error),
        cmocka_unit_test(stealing_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
