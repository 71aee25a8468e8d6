/* Hex, base32, base64, names, UTF-8 and Padmé sizes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/limits.h"
#include "base/text.h"
#include "harness/harness.h"

typedef wr_err (*codec)(wr_slice in, wr_buf *out);

static void expect(codec encode, codec decode, const char *plain, const char *encoded) {
    uint8_t room[64];
    wr_buf out = WR_BUF_ARRAY(room);
    T_OK(encode(wr_slice_str(plain), &out));
    T_SLICE(wr_buf_slice(&out), wr_slice_str(encoded));
    out = WR_BUF_ARRAY(room);
    T_OK(decode(wr_slice_str(encoded), &out));
    T_SLICE(wr_buf_slice(&out), wr_slice_str(plain));
}

static void refuse(codec decode, wr_slice text) {
    uint8_t room[64] = {0};
    wr_buf out = wr_buf_of(room, sizeof room);
    out.len = 3;
    T_ERR(decode(text, &out), WR_ERR_FORMAT);
    T_EQ(out.len, 3);
    T_TRUE(wr_is_zero(wr_slice_of(room, sizeof room))); /* nothing half-decoded stays */
}

static void encodings_give_the_published_texts(void **state) {
    (void)state;
    static const char *const rfc4648[][4] = {
        {"", "", "", ""},
        {"f", "66", "my", "Zg=="},
        {"fo", "666f", "mzxq", "Zm8="},
        {"foo", "666f6f", "mzxw6", "Zm9v"},
        {"foob", "666f6f62", "mzxw6yq", "Zm9vYg=="},
        {"fooba", "666f6f6261", "mzxw6ytb", "Zm9vYmE="},
        {"foobar", "666f6f626172", "mzxw6ytboi", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "fbfffe", "7p774", "+//+"},
    };
    for (size_t i = 0; i < WR_COUNT(rfc4648); i++) {
        expect(wr_hex_encode, wr_hex_decode, rfc4648[i][0], rfc4648[i][1]);
        expect(wr_base32_encode, wr_base32_decode, rfc4648[i][0], rfc4648[i][2]);
        expect(wr_base64_encode, wr_base64_decode, rfc4648[i][0], rfc4648[i][3]);
    }
}

static void hash_sized_ids_take_52_characters_of_base32(void **state) {
    (void)state;
    wr_hash id = {{0}};
    uint8_t room[WR_BASE32_SIZE(WR_HASH_SIZE)];
    _Static_assert(sizeof room == 52, "an id is 52 characters");
    wr_buf out = WR_BUF_ARRAY(room);
    T_OK(wr_base32_encode(WR_SLICE_OBJ(id), &out));
    T_EQ(out.len, 52);
}

static void round_trip(codec encode, codec decode, size_t size_of_40) {
    wr_rng rng = t_rng(4648);
    uint8_t plain[40], text_room[96], back_room[40];
    for (size_t len = 0; len <= sizeof plain; len++) {
        wr_rng_fill(&rng, plain, len);
        wr_buf text = WR_BUF_ARRAY(text_room);
        wr_buf back = WR_BUF_ARRAY(back_room);
        T_OK(encode(wr_slice_of(plain, len), &text));
        T_OK(decode(wr_buf_slice(&text), &back));
        T_SLICE(wr_buf_slice(&back), wr_slice_of(plain, len));
        if (len == 0)
            continue;
        wr_buf small = wr_buf_of(text_room, text.len - 1);
        T_ERR(encode(wr_slice_of(plain, len), &small), WR_ERR_NOBUF);
        T_EQ(small.len, 0);
        text = WR_BUF_ARRAY(text_room);
        T_OK(encode(wr_slice_of(plain, len), &text));
        small = wr_buf_of(back_room, len - 1);
        T_ERR(decode(wr_buf_slice(&text), &small), WR_ERR_NOBUF);
        T_EQ(small.len, 0);
        if (len == sizeof plain)
            T_EQ(text.len, size_of_40);
    }
}

static void all_lengths_survive_the_round_trip_and_respect_the_room(void **state) {
    (void)state;
    round_trip(wr_hex_encode, wr_hex_decode, WR_HEX_SIZE(40));
    round_trip(wr_base32_encode, wr_base32_decode, WR_BASE32_SIZE(40));
    round_trip(wr_base64_encode, wr_base64_decode, WR_BASE64_SIZE(40));
}

/* Puts every byte value at every place of a good text; only the alphabet may pass. */
static void try_all_characters(codec decode, const char *good, const char *alphabet) {
    uint8_t text[16];
    size_t len = strlen(good);
    for (size_t at = 0; at < len; at++) {
        for (unsigned c = 0; c < 256; c++) {
            memcpy(text, good, len);
            text[at] = (uint8_t)c;
            if (c != 0 && strchr(alphabet, (int)c) != NULL) {
                uint8_t room[16];
                wr_buf out = WR_BUF_ARRAY(room);
                T_OK(decode(wr_slice_of(text, len), &out));
            } else {
                refuse(decode, wr_slice_of(text, len));
            }
        }
    }
}

static void only_characters_of_the_alphabet_are_read(void **state) {
    (void)state;
    try_all_characters(wr_hex_decode, "00000000", "0123456789abcdefABCDEF");
    try_all_characters(wr_base32_decode, "aaaaaaaa", "abcdefghijklmnopqrstuvwxyz234567");
    /* The last character is left out: there "=" is padding. */
    uint8_t room[8];
    wr_buf out = WR_BUF_ARRAY(room);
    for (unsigned c = 0; c < 256; c++) {
        uint8_t text[4] = {'A', (uint8_t)c, 'A', 'A'};
        bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    c == '+' || c == '/';
        out.len = 0;
        T_ERR(wr_base64_decode(wr_slice_of(text, 4), &out), good ? WR_OK : WR_ERR_FORMAT);
    }
}

static void a_second_text_for_the_same_bytes_is_refused(void **state) {
    (void)state;
    static const char *const bad_hex[] = {"0", "000", "0x00", "00 "};
    static const char *const bad_base32[] = {
        "a",  "aaa",      "aaaaaa",            /* impossible lengths */
        "mz", "mzxr",     "mzxw7",  "mzxw6yr", /* unused bits */
        "MY", "my======", "m1",     "m0",      "m8"};
    static const char *const bad_base64[] = {
        "Z",    "Zg",  "Zg=",     "Zh==",     "Zm9=",   "====", "A===",
        "Z=g=", "Zm8", "Zm9vYg=", "Zm8=Zm8=", "Zg==\n", "-_==", "Zg==="};
    for (size_t i = 0; i < WR_COUNT(bad_hex); i++)
        refuse(wr_hex_decode, wr_slice_str(bad_hex[i]));
    for (size_t i = 0; i < WR_COUNT(bad_base32); i++)
        refuse(wr_base32_decode, wr_slice_str(bad_base32[i]));
    for (size_t i = 0; i < WR_COUNT(bad_base64); i++)
        refuse(wr_base64_decode, wr_slice_str(bad_base64[i]));
}

static void hex_reads_capitals_and_writes_none(void **state) {
    (void)state;
    uint8_t room[8];
    wr_buf out = WR_BUF_ARRAY(room);
    T_OK(wr_hex_decode(wr_slice_str("DeadBEEF"), &out));
    T_MEM(room, "\xde\xad\xbe\xef", 4);
}

/* ---- UTF-8 and names --------------------------------------------------------- */

static void utf8_knows_the_edges_of_each_length(void **state) {
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "Gerät 📱"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf", /* lone, overlong */
                                      "\xe0\x9f\xbf",
                                      "\xf0\x8f\xbf\xbf", /* overlong */
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf", /* surrogates */
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff", /* above U+10FFFF */
                                      "\xc2",
                                      "\xe0\xa0",
                                      "\xf0\x90\x80", /* cut */
                                      "\xc2\x41",
                                      "\xe0\xa0\x41",
                                      "\xf0\x90\x80\xc0", /* no continuation */
                                      "ok\xfe"};
    for (size_t i = 0; i < WR_COUNT(good); i++)
        T_TRUE(wr_text_is_utf8(wr_slice_str(good[i])));
    for (size_t i = 0; i < WR_COUNT(bad); i++) {
        T_FALSE(wr_text_is_utf8(wr_slice_str(bad[i])));
        T_FALSE(wr_text_is_name(wr_slice_str(bad[i])));
    }
}

static void names_are_short_printable_and_no_options(void **state) {
    (void)state;
    char longest[WR_NAME_BYTES_MAX + 1];
    memset(longest, 'n', sizeof longest);
    T_TRUE(wr_text_is_name(wr_slice_of(longest, WR_NAME_BYTES_MAX)));
    T_FALSE(wr_text_is_name(wr_slice_of(longest, WR_NAME_BYTES_MAX + 1)));
    T_FALSE(wr_text_is_name(WR_SLICE_EMPTY));

    static const char *const good[] = {"a", "my phone", "a-b", "é", "日記", "\xc2\xa0", "~"};
    static const char *const bad[] = {"-v",    "-",    "a\nb",     "\x1f",
                                      "tab\t", "\x7f", "\xc2\x80", "\xc2\x9f"};
    for (size_t i = 0; i < WR_COUNT(good); i++)
        T_TRUE(wr_text_is_name(wr_slice_str(good[i])));
    for (size_t i = 0; i < WR_COUNT(bad); i++)
        T_FALSE(wr_text_is_name(wr_slice_str(bad[i])));
    T_FALSE(wr_text_is_name(wr_slice_of("a\0b", 3)));
}

/* ---- Padmé -------------------------------------------------------------------- */

static void padme_gives_the_sizes_of_the_specification(void **state) {
    (void)state;
    static const struct {
        size_t len, min, want;
    } cases[] = {{200, 0, 208},     {257, 0, 272},   {1025, 0, 1088},    {100001, 0, 100352},
                 {0, 128, 128},     {127, 128, 128}, {128, 128, 128},    {129, 128, 144},
                 {129, 129, 129},   {0, 0, 0},       {1, 0, 1},          {2, 0, 2},
                 {3, 0, 3},         {9, 0, 10},      {63488, 64, 63488}, {61441, 64, 63488},
                 {63489, 64, 65536}};
    for (size_t i = 0; i < WR_COUNT(cases); i++)
        T_EQ(wr_padme(cases[i].len, cases[i].min), cases[i].want);
}

static void padme_is_never_smaller_idempotent_and_costs_under_12_percent(void **state) {
    (void)state;
    for (size_t len = 1; len <= 300000; len++) {
        size_t size = wr_padme(len, 0);
        T_TRUE(size >= len);
        T_TRUE((size - len) * 1000 <= len * 120);
        T_EQ(wr_padme(size, 0), size);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings_give_the_published_texts),
        cmocka_unit_test(hash_sized_ids_take_52_characters_of_base32),
        cmocka_unit_test(all_lengths_survive_the_round_trip_and_respect_the_room),
        cmocka_unit_test(only_characters_of_the_alphabet_are_read),
        cmocka_unit_test(a_second_text_for_the_same_bytes_is_refused),
        cmocka_unit_test(hex_reads_capitals_and_writes_none),
        cmocka_unit_test(utf8_knows_the_edges_of_each_length),
        cmocka_unit_test(names_are_short_printable_and_no_options),
        cmocka_unit_test(padme_gives_the_sizes_of_the_specification),
        cmocka_unit_test(padme_is_never_smaller_idempotent_and_costs_under_12_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
