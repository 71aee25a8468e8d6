/* Bodies of frames: their limits, one by one.  That what is read is what would be written is shown
 * by the fuzzer of the same decoders.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"

#include "wire/message.h"
#include "wire/pack.h"

static uint8_t bytes[WR_FRAME_BODY_MAX];
static const uint8_t filler[WR_PROOF_HASHES_MAX * WR_HASH_SIZE + WR_CHECKPOINT_BYTES_MAX + 1024u];

static wr_slice some(size_t len) {
    T_TRUE(len <= sizeof filler);
    return wr_slice_of(filler, len);
}

static wr_err hello_with(size_t addrs_len) {
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_hello hello = {.version = 1, .addrs = some(addrs_len)}, got, before = {.version = 77};
    T_OK(wr_hello_encode(&hello, &out));
    got = before;
    wr_err err = wr_hello_decode(wr_buf_slice(&out), &got);
    T_EQ(got.version, err == WR_OK ? 1 : before.version);
    return err;
}

static void a_hello_has_whole_addresses_and_few(void **state) {
    (void)state;
    T_OK(hello_with(0));
    T_OK(hello_with(WR_HELLO_ADDR_SIZE));
    T_OK(hello_with(WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE));
    T_ERR(hello_with(WR_HELLO_ADDR_SIZE - 1), WR_ERR_FORMAT);
    T_ERR(hello_with((WR_HELLO_ADDRS_MAX + 1) * WR_HELLO_ADDR_SIZE), WR_ERR_LIMIT);
}

static wr_err welcome_with(size_t addrs_len, uint32_t seed_count) {
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_pair_welcome welcome = {.addrs = some(addrs_len), .op_count = 1, .seed_count = seed_count},
                    got;
    T_OK(wr_pair_welcome_encode(&welcome, &out));
    return wr_pair_welcome_decode(wr_buf_slice(&out), &got);
}

static void a_welcome_has_whole_addresses_and_few(void **state) {
    (void)state;
    T_OK(welcome_with(WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE, 1));
    T_ERR(welcome_with(WR_HELLO_ADDR_SIZE + 1, 1), WR_ERR_FORMAT);
    T_ERR(welcome_with((WR_HELLO_ADDRS_MAX + 1) * WR_HELLO_ADDR_SIZE, 1), WR_ERR_LIMIT);
}

static void a_welcome_has_a_seed_and_few(void **state) {
    (void)state;
    T_OK(welcome_with(0, WR_GENERATIONS_MAX));
    T_ERR(welcome_with(0, 0), WR_ERR_FORMAT);
    wr_pair_welcome got;
    static const uint8_t many[] = {0x95, 1, 0xdc, 0, WR_GENERATIONS_MAX + 1, 0x92};
    T_ERR(wr_pair_welcome_decode(wr_slice_of(many, sizeof many), &got), WR_ERR_LIMIT);
}

static void a_key_comes_with_a_whole_seed_or_none(void **state) {
    (void)state;
    wr_key_item item = {.epoch_id = {{1}}, .secret = {{2}}, .seed = {{3}}}, got;
    for (unsigned has = 0; has < 2; has++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        item.has_seed = has == 1;
        T_OK(wr_key_put(&out, &item));
        wr_slice in = wr_buf_slice(&out);
        T_OK(wr_key_take(&in, &got));
        T_EQ(in.len, 0);
        T_EQ(got.has_seed, item.has_seed);
        if (got.has_seed)
            T_TRUE(wr_key_equal(&got.seed, &item.seed));
    }
    for (size_t len = 1; len < 40; len++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        T_OK(wr_pack_array(&out, 4));
        T_OK(wr_pack_bin(&out, WR_SLICE_OBJ(item.epoch_id)));
        T_OK(wr_pack_bin(&out, WR_SLICE_OBJ(item.secret)));
        T_OK(wr_pack_bin(&out, some(len)));
        T_OK(wr_pack_bin(&out, WR_SLICE_EMPTY));
        wr_slice in = wr_buf_slice(&out);
        T_ERR(wr_key_take(&in, &got), len == WR_KEY_SIZE ? WR_OK : WR_ERR_FORMAT);
    }
}

static wr_err recode(const wr_data *data) {
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_data got = {.lo = 77};
    T_OK(wr_data_encode(data, &out));
    wr_err err = wr_data_decode(wr_buf_slice(&out), &got);
    T_EQ(got.lo, err == WR_OK ? data->lo : 77);
    return err;
}

static void a_unit_is_announced_within_its_bounds(void **state) {
    (void)state;
    const wr_data good = {.lo = 4, .first = 5, .end = 6, .size = 1};
    T_OK(recode(&good));
    wr_data data = good;
    data.path = some(WR_PROOF_HASHES_MAX * WR_HASH_SIZE);
    T_OK(recode(&data));
    data.path = some((WR_PROOF_HASHES_MAX + 1) * WR_HASH_SIZE);
    T_ERR(recode(&data), WR_ERR_LIMIT);
    data.path = some(WR_HASH_SIZE + 1);
    T_ERR(recode(&data), WR_ERR_FORMAT);
    data = good;
    data.checkpoint = some(WR_CHECKPOINT_BYTES_MAX);
    T_OK(recode(&data));
    data.checkpoint = some(WR_CHECKPOINT_BYTES_MAX + 1);
    T_ERR(recode(&data), WR_ERR_LIMIT);
    data = good;
    data.lo = 6;
    T_ERR(recode(&data), WR_ERR_FORMAT);
    data = good;
    data.end = 5;
    T_ERR(recode(&data), WR_ERR_FORMAT);
    data = good;
    data.size = 0;
    T_ERR(recode(&data), WR_ERR_FORMAT);
    data.size = WR_UNIT_WIRE_MAX;
    T_OK(recode(&data));
}

static void a_name_has_its_length(void **state) {
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        wr_pair_cert cert = {.name = some(WR_NAME_BYTES_MAX + more)}, got;
        T_OK(wr_pair_cert_encode(&cert, &out));
        T_ERR(wr_pair_cert_decode(wr_buf_slice(&out), &got), more == 0 ? WR_OK : WR_ERR_LIMIT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_has_whole_addresses_and_few),
        cmocka_unit_test(a_welcome_has_whole_addresses_and_few),
        cmocka_unit_test(a_welcome_has_a_seed_and_few),
        cmocka_unit_test(a_key_comes_with_a_whole_seed_or_none),
        cmocka_unit_test(a_unit_is_announced_within_its_bounds),
        cmocka_unit_test(a_name_has_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
