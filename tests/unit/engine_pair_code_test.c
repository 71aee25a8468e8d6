/* Pairing codes and URIs as people and cameras give them back.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/pair_code.h"

#include "crypto/crypto.h"
#include "harness/harness.h"

static wr_pair_why parse(const char *text, wr_err want) {
    wr_pair_code code;
    wr_pair_why why;
    T_ERR(wr_pair_code_parse(wr_slice_str(text), &code, &why), want);
    return why;
}

static void a_code_reads_back_as_it_was_written(void **state) {
    (void)state;
    wr_rng rng = t_rng(7);
    for (unsigned i = 0; i < 500; i++) {
        wr_pair_code made, read;
        wr_pair_why why;
        uint8_t text[WR_PAIR_CODE_BYTES_MAX];
        wr_buf out = WR_BUF_ARRAY(text);
        wr_pair_code_make(&rng, &made);
        T_TRUE(made.nameplate < WR_PAIR_NAMEPLATES);
        T_OK(wr_pair_code_text(&made, &out));
        T_OK(wr_pair_code_parse(wr_buf_slice(&out), &read, &why));
        T_EQ(why.fault, WR_PAIR_FAULT_NONE);
        T_EQ(read.nameplate, made.nameplate);
        for (size_t k = 0; k < WR_PAIR_WORDS; k++)
            T_EQ(read.words[k], made.words[k]);
    }
}

static void a_code_has_four_digits_and_three_words(void **state) {
    (void)state;
    wr_pair_code code = {.nameplate = 42, .words = {0, 2047, 1}};
    uint8_t text[WR_PAIR_CODE_BYTES_MAX];
    wr_buf out = WR_BUF_ARRAY(text), secret = WR_BUF_ARRAY(text);
    T_OK(wr_pair_code_text(&code, &out));
    T_SLICE(wr_buf_slice(&out), wr_slice_str("0042-abandon-zoo-ability"));
    T_OK(wr_pair_code_secret(&code, &secret));
    T_SLICE(wr_buf_slice(&secret), wr_slice_str("abandon-zoo-ability"));
    wr_buf small = wr_buf_of(text, 10);
    T_ERR(wr_pair_code_text(&code, &small), WR_ERR_NOBUF);
    T_EQ(small.len, 0);
}

static void case_and_gaps_do_not_matter(void **state) {
    (void)state;
    static const char *const same[] = {"0042-abandon-zoo-ability", "0042 abandon zoo ability",
                                       " 0042 - ABANDON - Zoo\tability\n"};
    for (size_t i = 0; i < WR_COUNT(same); i++)
        T_EQ(parse(same[i], WR_OK).fault, WR_PAIR_FAULT_NONE);
}

static void a_fault_is_named(void **state) {
    (void)state;
    T_EQ(parse("", WR_ERR_FORMAT).fault, WR_PAIR_FAULT_SHAPE);
    T_EQ(parse("0042-abandon-zoo", WR_ERR_FORMAT).fault, WR_PAIR_FAULT_SHAPE);
    T_EQ(parse("0042-abandon-zoo-ability-able", WR_ERR_FORMAT).fault, WR_PAIR_FAULT_SHAPE);
    T_EQ(parse("8191-abandon-zoo-ability", WR_OK).fault, WR_PAIR_FAULT_NONE);
    T_EQ(parse("8192-abandon-zoo-ability", WR_ERR_FORMAT).fault, WR_PAIR_FAULT_NAMEPLATE);
    T_EQ(parse("042-abandon-zoo-ability", WR_ERR_FORMAT).fault, WR_PAIR_FAULT_NAMEPLATE);
    T_EQ(parse("00042-abandon-zoo-ability", WR_ERR_FORMAT).fault, WR_PAIR_FAULT_NAMEPLATE);
    T_EQ(parse("x042-abandon-zoo-ability", WR_ERR_FORMAT).fault, WR_PAIR_FAULT_NAMEPLATE);
    wr_pair_why why = parse("0042-abandon-zoo-abilit", WR_ERR_FORMAT);
    T_EQ(why.fault, WR_PAIR_FAULT_WORD);
    T_EQ(why.word, 2);
    T_EQ(parse("0042-abandonabandon-zoo-ability", WR_ERR_FORMAT).word, 0);
}

/* The rid depends on the nameplate alone; the figure was made with another BLAKE2b. */
static void the_rendezvous_id_is_the_nameplates(void **state) {
    (void)state;
    wr_pair_code one = {.nameplate = 42, .words = {1, 2, 3}}, two = one, other = one;
    two.words[0] = 9;
    other.nameplate = 43;
    wr_rid a = wr_pair_code_rid(&one), b = wr_pair_code_rid(&two), c = wr_pair_code_rid(&other);
    T_MEM(a.b, b.b, sizeof a.b);
    T_FALSE(wr_equal(WR_SLICE_OBJ(a), WR_SLICE_OBJ(c)));
    static const uint8_t want[16] = {0x1c, 0x4b, 0x49, 0xf3, 0x8d, 0x8f, 0x59, 0xa9,
                                     0x39, 0xf2, 0x29, 0x2c, 0x16, 0xc3, 0xde, 0xbd};
    T_MEM(a.b, want, sizeof want);
}

static wr_pair_uri some_uri(size_t addrs) {
    wr_pair_uri uri = {.addrs_len = addrs * WR_HELLO_ADDR_SIZE};
    wr_rng rng = t_rng(3);
    wr_rng_fill(&rng, uri.rid.b, sizeof uri.rid.b);
    wr_rng_fill(&rng, uri.psk.b, sizeof uri.psk.b);
    wr_rng_fill(&rng, uri.host.b, sizeof uri.host.b);
    for (size_t i = 0; i < addrs; i++)
        uri.addrs[i * WR_HELLO_ADDR_SIZE] = i % 2 ? 6 : 4;
    return uri;
}

static void a_uri_reads_back_in_either_case(void **state) {
    (void)state;
    for (size_t addrs = 0; addrs <= WR_HELLO_ADDRS_MAX; addrs++) {
        wr_pair_uri uri = some_uri(addrs), read;
        uint8_t text[WR_PAIR_URI_BYTES_MAX];
        wr_buf out = WR_BUF_ARRAY(text);
        T_OK(wr_pair_uri_text(&uri, &out));
        for (unsigned upper = 0; upper < 2; upper++) {
            T_OK(wr_pair_uri_parse(wr_buf_slice(&out), &read));
            T_MEM(read.rid.b, uri.rid.b, sizeof uri.rid.b);
            T_TRUE(wr_key_equal(&read.psk, &uri.psk));
            T_TRUE(wr_pub_equal(&read.host, &uri.host));
            T_SLICE(wr_slice_of(read.addrs, read.addrs_len), wr_slice_of(uri.addrs, uri.addrs_len));
            for (size_t i = 0; i < out.len; i++)
                if (text[i] >= 'a' && text[i] <= 'z')
                    text[i] = (uint8_t)(text[i] - 'a' + 'A');
        }
    }
}

static wr_err parse_raw(const uint8_t *raw, size_t len) {
    uint8_t text[WR_PAIR_URI_BYTES_MAX + 64];
    wr_buf out = WR_BUF_ARRAY(text);
    wr_pair_uri uri;
    T_OK(wr_buf_put(&out, wr_slice_str(WR_PAIR_URI_SCHEME)));
    T_OK(wr_base32_encode(wr_slice_of(raw, len), &out));
    return wr_pair_uri_parse(wr_buf_slice(&out), &uri);
}

static void a_uri_is_strict(void **state) {
    (void)state;
    uint8_t raw[WR_PAIR_URI_RAW_MAX + 20] = {1};
    const size_t fixed = 1 + 1 + 16 + 32 + 32 + 1;
    wr_pair_uri uri;
    T_OK(parse_raw(raw, fixed));
    T_ERR(parse_raw(raw, fixed + 1), WR_ERR_FORMAT);
    for (size_t len = 0; len < fixed; len++)
        T_ERR(parse_raw(raw, len), WR_ERR_FORMAT);
    raw[0] = 2;
    T_ERR(parse_raw(raw, fixed), WR_ERR_VERSION);
    raw[0] = 1;
    raw[1] = 1;
    T_ERR(parse_raw(raw, fixed), WR_ERR_VERSION);
    raw[1] = 0;
    raw[fixed - 1] = 1;
    T_ERR(parse_raw(raw, fixed + WR_HELLO_ADDR_SIZE), WR_ERR_FORMAT); /* family 0 */
    raw[fixed] = 4;
    T_OK(parse_raw(raw, fixed + WR_HELLO_ADDR_SIZE));
    T_ERR(parse_raw(raw, fixed), WR_ERR_FORMAT);
    raw[fixed - 1] = WR_HELLO_ADDRS_MAX + 1;
    T_ERR(parse_raw(raw, fixed + 9 * WR_HELLO_ADDR_SIZE), WR_ERR_FORMAT);
    T_ERR(wr_pair_uri_parse(wr_slice_str("warren:"), &uri), WR_ERR_FORMAT);
    T_ERR(wr_pair_uri_parse(wr_slice_str("warre"), &uri), WR_ERR_FORMAT);
    T_ERR(wr_pair_uri_parse(wr_slice_str("http://x"), &uri), WR_ERR_FORMAT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_reads_back_as_it_was_written),
        cmocka_unit_test(a_code_has_four_digits_and_three_words),
        cmocka_unit_test(case_and_gaps_do_not_matter),
        cmocka_unit_test(a_fault_is_named),
        cmocka_unit_test(the_rendezvous_id_is_the_nameplates),
        cmocka_unit_test(a_uri_reads_back_in_either_case),
        cmocka_unit_test(a_uri_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
