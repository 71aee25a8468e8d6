/* 24 words and back, and the root keys in them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/recovery.h"
#include "harness/harness.h"

#include <stdio.h>

static const char zero_words[] = "abandon abandon abandon abandon abandon abandon abandon abandon "
                                 "abandon abandon abandon abandon abandon abandon abandon abandon "
                                 "abandon abandon abandon abandon abandon abandon abandon art";

static void words_are_the_secret_itself(void **state) {
    (void)state;
    wr_key rs = {{0}}, back = {{1}};
    char text[WR_RECOVERY_TEXT_MAX];
    wr_recovery_words(&rs, text);
    T_STR(text, zero_words);
    T_OK(wr_recovery_parse(wr_slice_str(text), &back));
    T_MEM(back.b, rs.b, sizeof rs.b);
    wr_rng rng = t_rng(5);
    for (unsigned i = 0; i < 200; i++) {
        wr_rng_fill(&rng, rs.b, sizeof rs.b);
        wr_recovery_words(&rs, text);
        T_OK(wr_recovery_parse(wr_slice_str(text), &back));
        T_MEM(back.b, rs.b, sizeof rs.b);
    }
}

static void case_and_blanks_do_not_matter(void **state) {
    (void)state;
    char text[400];
    wr_key rs;
    size_t at = 0;
    text[at++] = '\n';
    for (const char *c = zero_words; *c != '\0'; c++) {
        if (*c == ' ') {
            text[at++] = '\t';
            text[at++] = '\r';
            text[at++] = '\n';
            continue;
        }
        text[at] = (char)(at % 2 ? *c - 'a' + 'A' : *c);
        at++;
    }
    text[at++] = ' ';
    T_OK(wr_recovery_parse(wr_slice_of(text, at), &rs));
    T_TRUE(wr_is_zero(WR_SLICE_OBJ(rs)));
}

/* spec:recovery#2 type=test "Words whose checksum does not match MUST be refused."
 * spec:recovery#2 type=test "A recovery key of any other number of words than 24 MUST be refused."
 */
static void wrong_words_are_refused_and_write_nothing(void **state) {
    (void)state;
    static const struct {
        const char *last, *more;
        wr_err err;
    } cases[] = {
        {"about", "", WR_ERR_AUTH},  {"art", " abandon", WR_ERR_FORMAT},
        {"", "", WR_ERR_FORMAT},     {"ar", "", WR_ERR_FORMAT},
        {"arts", "", WR_ERR_FORMAT}, {"\xc3\xa4rt", "", WR_ERR_FORMAT},
        {"art,", "", WR_ERR_FORMAT}, {"artartartart", "", WR_ERR_FORMAT},
    };
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        char text[400];
        wr_key rs = {{7}};
        (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(sizeof zero_words - 4), zero_words,
                       cases[i].last, cases[i].more);
        T_ERR(wr_recovery_parse(wr_slice_str(text), &rs), cases[i].err);
        T_EQ(rs.b[0], 7);
    }
    wr_key rs;
    uint8_t entropy[32];
    wr_buf out = WR_BUF_ARRAY(entropy);
    wr_slice twelve = wr_slice_str("abandon abandon abandon abandon abandon abandon abandon "
                                   "abandon abandon abandon abandon about");
    T_ERR(wr_recovery_parse(twelve, &rs), WR_ERR_FORMAT);
    T_OK(wr_mnemonic_decode(twelve, &out));
    T_EQ(out.len, 16);
    T_ERR(wr_recovery_parse(WR_SLICE_EMPTY, &rs), WR_ERR_FORMAT);
}

static void one_flipped_bit_is_another_key_or_none(void **state) {
    (void)state;
    wr_key rs = {{0x55}};
    char right[WR_RECOVERY_TEXT_MAX], wrong[WR_RECOVERY_TEXT_MAX];
    wr_recovery_words(&rs, right);
    for (unsigned bit = 0; bit < 256; bit++) {
        rs.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        wr_recovery_words(&rs, wrong);
        T_FALSE(strcmp(right, wrong) == 0);
        rs.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void mnemonics_have_a_legal_size(void **state) {
    (void)state;
    static const uint8_t entropy[40];
    for (size_t len = 0; len < sizeof entropy; len++) {
        uint8_t bytes[300];
        wr_buf out = WR_BUF_ARRAY(bytes);
        bool legal = len >= 16 && len <= 32 && len % 4 == 0;
        T_ERR(wr_mnemonic_encode(wr_slice_of(entropy, len), &out), legal ? WR_OK : WR_ERR_FORMAT);
        T_TRUE(legal == (out.len > 0));
    }
    uint8_t bytes[sizeof zero_words - 2];
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_ERR(wr_mnemonic_encode(wr_slice_of(entropy, 32), &out), WR_ERR_NOBUF);
    T_EQ(out.len, 0);
    out.cap = 31;
    T_ERR(wr_mnemonic_decode(wr_slice_str(zero_words), &out), WR_ERR_NOBUF);
}

/* spec:recovery#3 type=test "Each root key MUST be derived from RS under its own label." */
static void root_keys_are_those_of_the_spec(void **state) {
    (void)state;
    wr_key rs = {{9}};
    wr_root root;
    wr_sign_key sign, want_sign;
    wr_pub want;
    wr_recovery_root(&rs, &root);
    wr_recovery_sign_key(&rs, &sign);
    wr_key seed = wr_kdf_key(&rs, WR_LABEL_RECOVERY_SIGN, WR_SLICE_EMPTY);
    wr_sign_keypair(&seed, &want_sign, &want);
    T_MEM(root.sign.b, want.b, sizeof want.b);
    T_MEM(sign.b, want_sign.b, sizeof sign.b);
    wr_key box = wr_kdf_key(&rs, WR_LABEL_RECOVERY_BOX, WR_SLICE_EMPTY);
    want = wr_dh_public(&box);
    T_MEM(root.box.b, want.b, sizeof want.b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_the_secret_itself),
        cmocka_unit_test(case_and_blanks_do_not_matter),
        cmocka_unit_test(wrong_words_are_refused_and_write_nothing),
        cmocka_unit_test(one_flipped_bit_is_another_key_or_none),
        cmocka_unit_test(mnemonics_have_a_legal_size),
        cmocka_unit_test(root_keys_are_those_of_the_spec),
    };
    T_OK(wr_crypto_init());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
