/* Fuzzes what somebody types from a sheet of paper, and words made of any entropy.
 *
 * Target: wr_mnemonic_decode and _encode, wr_recovery_parse and _words.
 * Input:  1 byte  what the rest is (mod 3):
 *           0     a text
 *           1     entropy
 *           2     u8 place, u16 index: a word put in that place of the words of the entropy behind
 * Oracle: a text that is accepted is the words of what it gives, but for case and blanks; entropy
 *         of a legal length comes back from its words; a word changed is refused, unless the
 *         checksum of the new entropy is right as well; a refused text leaves the result as it
 *         was; the recovery key is accepted exactly if it is 24 words.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/words.h"
#include "circle/recovery.h"

#define TEXT_MAX 4096u
#define ENTROPY_MAX 32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t plain_text[TEXT_MAX];

/* Lower case, one blank between words, none around them. */
static wr_slice plain(wr_slice text) {
    wr_buf out = WR_BUF_ARRAY(plain_text);
    bool blank = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (!is_blank && blank && out.len != 0)
            WR_ASSERT(wr_buf_put_u8(&out, ' ') == WR_OK);
        blank = is_blank;
        if (!is_blank)
            WR_ASSERT(wr_buf_put_u8(&out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c) ==
                      WR_OK);
    }
    return wr_buf_slice(&out);
}

static wr_err words_of(wr_slice entropy, wr_buf *out) {
    out->len = 0;
    wr_err err = wr_mnemonic_encode(entropy, out);
    WR_ASSERT(err == WR_OK || (err == WR_ERR_FORMAT && out->len == 0));
    return err;
}

static void check_key(wr_slice text, wr_err err, wr_slice entropy) {
    wr_key key = {{0x5a}}, before = key;
    char words[WR_RECOVERY_TEXT_MAX];
    wr_err key_err = wr_recovery_parse(text, &key);
    WR_ASSERT((key_err == WR_OK) == (err == WR_OK && entropy.len == sizeof key.b));
    if (key_err != WR_OK) {
        WR_ASSERT(wr_key_equal(&key, &before));
        return;
    }
    WR_ASSERT(wr_equal(WR_SLICE_OBJ(key), entropy));
    wr_recovery_words(&key, words);
    WR_ASSERT(wr_equal(wr_slice_str(words), plain(text)));
}

static void check_text(wr_slice text) {
    uint8_t bytes[ENTROPY_MAX], again[WR_RECOVERY_TEXT_MAX];
    wr_buf entropy = WR_BUF_ARRAY(bytes), words = WR_BUF_ARRAY(again);
    wr_err err = wr_mnemonic_decode(text, &entropy);
    WR_ASSERT(err == WR_OK || err == WR_ERR_FORMAT || err == WR_ERR_AUTH);
    WR_ASSERT((err == WR_OK) == (entropy.len != 0));
    check_key(text, err, wr_buf_slice(&entropy));
    if (err != WR_OK)
        return;
    WR_ASSERT(words_of(wr_buf_slice(&entropy), &words) == WR_OK);
    WR_ASSERT(wr_equal(wr_buf_slice(&words), plain(text)));
}

static void check_entropy(wr_slice entropy) {
    uint8_t bytes[ENTROPY_MAX], text[WR_RECOVERY_TEXT_MAX];
    wr_buf back = WR_BUF_ARRAY(bytes), words = WR_BUF_ARRAY(text);
    bool legal = entropy.len >= 16 && entropy.len <= ENTROPY_MAX && entropy.len % 4 == 0;
    WR_ASSERT((words_of(entropy, &words) == WR_OK) == legal);
    if (!legal)
        return;
    WR_ASSERT(wr_mnemonic_decode(wr_buf_slice(&words), &back) == WR_OK);
    WR_ASSERT(wr_equal(wr_buf_slice(&back), entropy));
    check_text(wr_buf_slice(&words));
}

/* The words again, with another one in one place. */
static void check_changed(wr_slice in) {
    uint8_t text[WR_RECOVERY_TEXT_MAX], changed[WR_RECOVERY_TEXT_MAX], place;
    wr_buf words = WR_BUF_ARRAY(text), out = WR_BUF_ARRAY(changed);
    uint16_t index;
    if (!wr_slice_take_u8(&in, &place) || !wr_slice_take_u16(&in, &index) ||
        words_of(in, &words) != WR_OK)
        return;
    size_t count = in.len / 4 * 3, word = 0;
    for (size_t i = 0; i < words.len; i++) {
        if (words.ptr[i] == ' ') {
            word++;
            WR_ASSERT(wr_buf_put_u8(&out, ' ') == WR_OK);
        } else if (word != place % count) {
            WR_ASSERT(wr_buf_put_u8(&out, words.ptr[i]) == WR_OK);
        } else if (i == 0 || words.ptr[i - 1] == ' ') {
            const char *other = wr_word(index % WR_WORD_COUNT);
            WR_ASSERT(wr_buf_put(&out, wr_slice_str(other)) == WR_OK);
        }
    }
    check_text(wr_buf_slice(&out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (wr_crypto_init() != WR_OK || size < 1 || size > TEXT_MAX)
        return 0;
    wr_slice rest = wr_slice_of(data + 1, size - 1);
    if (data[0] % 3 == 0)
        check_text(rest);
    if (data[0] % 3 == 1)
        check_entropy(rest);
    if (data[0] % 3 == 2)
        check_changed(rest);
    return 0;
}
