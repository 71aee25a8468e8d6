/* The way back: 24 words, the recovery secret RS in them, and the root keys derived from it.
 *
 * Spec:   proto/spec/recovery.md
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/recovery.h"

#include "base/words.h"

#define WORD_BITS 11u
#define ENTROPY_BYTES_MIN 16u
#define ENTROPY_BYTES_MAX 32u
#define ENTROPY_BYTES_STEP 4u /* each step is three words more */
#define STEP_WORDS 3u

_Static_assert(WR_WORD_COUNT == 1u << WORD_BITS, "a word is 11 bits");
_Static_assert(ENTROPY_BYTES_MAX / ENTROPY_BYTES_STEP * STEP_WORDS == WR_RECOVERY_WORDS,
               "RS is 24 words");

/* Entropy and behind it one byte, whose upper bits are the checksum; secret. */
typedef struct packed {
    uint8_t b[ENTROPY_BYTES_MAX + 1];
} packed;

static void packed_wipe(packed *bits) {
    wr_wipe(bits, sizeof *bits);
}

/* One bit of SHA-256 for every four bytes, at the upper end of the byte. */
static uint8_t checksum(const uint8_t *entropy, size_t len) {
    uint8_t hash[WR_HASH_SIZE];
    wr_alg_hash2(WR_SHA256, wr_slice_of(entropy, len), WR_SLICE_EMPTY, hash);
    uint8_t mask = (uint8_t)(0xff00u >> (len / ENTROPY_BYTES_STEP));
    uint8_t sum = hash[0] & mask;
    wr_wipe(hash, sizeof hash);
    return sum;
}

static uint16_t word_at(const packed *bits, size_t index) {
    unsigned value = 0;
    for (size_t at = index * WORD_BITS; at < (index + 1) * WORD_BITS; at++)
        value = value << 1 | ((unsigned)bits->b[at / 8] >> (7 - at % 8) & 1u);
    return (uint16_t)value;
}

static void put_word(packed *bits, size_t index, uint16_t word) {
    for (size_t i = 0; i < WORD_BITS; i++) {
        size_t at = index * WORD_BITS + i;
        unsigned bit = (unsigned)word >> (WORD_BITS - 1 - i) & 1u;
        bits->b[at / 8] = (uint8_t)(bits->b[at / 8] | bit << (7 - at % 8));
    }
}

static wr_err write_words(const packed *bits, size_t count, wr_buf *out) {
    for (size_t i = 0; i < count; i++) {
        char word[WR_WORD_BYTES_MAX + 1];
        wr_word_copy(word_at(bits, i), word);
        wr_err err = i == 0 ? WR_OK : wr_buf_put_u8(out, ' ');
        if (err == WR_OK)
            err = wr_buf_put(out, wr_slice_str(word));
        wr_wipe(word, sizeof word);
        WR_TRY(err);
    }
    return WR_OK;
}

wr_err wr_mnemonic_encode(wr_slice entropy, wr_buf *out) {
    WR_SECRET(packed) bits = {{0}};
    wr_buf next = *out;
    if (entropy.len < ENTROPY_BYTES_MIN || entropy.len > ENTROPY_BYTES_MAX ||
        entropy.len % ENTROPY_BYTES_STEP != 0)
        return WR_ERR_FORMAT;
    memcpy(bits.b, entropy.ptr, entropy.len);
    bits.b[entropy.len] = checksum(entropy.ptr, entropy.len);
    wr_err err = write_words(&bits, entropy.len / ENTROPY_BYTES_STEP * STEP_WORDS, &next);
    if (err != WR_OK) {
        wr_wipe(out->ptr + out->len, next.len - out->len);
        return err;
    }
    *out = next;
    return WR_OK;
}

/* ---- and back ---- */

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* False at the end of the text. */
static bool take_word(wr_slice *text, wr_slice *ret_word) {
    while (text->len > 0 && is_blank(text->ptr[0]))
        *text = wr_slice_of(text->ptr + 1, text->len - 1);
    size_t len = 0;
    while (len < text->len && !is_blank(text->ptr[len]))
        len++;
    return len > 0 && wr_slice_take(text, len, ret_word);
}

/* Reads all words before it decides, so that the time does not tell which one is wrong. */
static wr_err read_words(wr_slice text, packed *bits, size_t *ret_count) {
    size_t count = 0;
    bool all_known = true;
    wr_slice word;
    while (take_word(&text, &word)) {
        uint16_t index = 0;
        if (count == WR_RECOVERY_WORDS)
            return WR_ERR_FORMAT;
        all_known &= wr_word_index(word, &index) == WR_OK;
        put_word(bits, count++, index);
        wr_wipe(&index, sizeof index);
    }
    size_t bytes = count / STEP_WORDS * ENTROPY_BYTES_STEP;
    if (!all_known || count % STEP_WORDS != 0 || bytes < ENTROPY_BYTES_MIN)
        return WR_ERR_FORMAT;
    *ret_count = count;
    return WR_OK;
}

wr_err wr_mnemonic_decode(wr_slice words, wr_buf *out_entropy) {
    WR_SECRET(packed) bits = {{0}};
    size_t count;
    WR_TRY(read_words(words, &bits, &count));
    size_t len = count / STEP_WORDS * ENTROPY_BYTES_STEP;
    uint8_t sum = checksum(bits.b, len);
    /* spec:recovery#2 "Words whose checksum does not match MUST be refused." */
    if (!wr_equal(wr_slice_of(&sum, 1), wr_slice_of(&bits.b[len], 1)))
        return WR_ERR_AUTH;
    return wr_buf_put(out_entropy, wr_slice_of(bits.b, len));
}

/* ---- the recovery secret ---- */

void wr_recovery_words(const wr_key *rs, char out[WR_RECOVERY_TEXT_MAX]) {
    wr_buf text = wr_buf_of(out, WR_RECOVERY_TEXT_MAX - 1);
    wr_err err = wr_mnemonic_encode(WR_SLICE_OBJ(*rs), &text);
    WR_ASSERT(err == WR_OK);
    out[text.len] = '\0';
}

wr_err wr_recovery_parse(wr_slice words, wr_key *ret_rs) {
    WR_SECRET(wr_key) rs;
    wr_buf entropy = WR_BUF_ARRAY(rs.b);
    WR_TRY(wr_mnemonic_decode(words, &entropy));
    /* spec:recovery#2 "A recovery key of any other number of words than 24 MUST be refused." */
    if (entropy.len != sizeof rs.b)
        return WR_ERR_FORMAT;
    *ret_rs = rs;
    return WR_OK;
}

/* spec:recovery#3 "Each root key MUST be derived from RS under its own label." */
void wr_recovery_sign_key(const wr_key *rs, wr_sign_key *ret_sign) {
    WR_SECRET(wr_key) seed = wr_kdf_key(rs, WR_LABEL_RECOVERY_SIGN, WR_SLICE_EMPTY);
    wr_pub unused;
    wr_sign_keypair(&seed, ret_sign, &unused);
}

void wr_recovery_root(const wr_key *rs, wr_root *ret_root) {
    WR_SECRET(wr_key) seed = wr_kdf_key(rs, WR_LABEL_RECOVERY_SIGN, WR_SLICE_EMPTY);
    WR_SECRET(wr_key) box = wr_kdf_key(rs, WR_LABEL_RECOVERY_BOX, WR_SLICE_EMPTY);
    WR_SECRET(wr_sign_key) unused;
    wr_sign_keypair(&seed, &unused, &ret_root->sign);
    ret_root->box = wr_dh_public(&box);
}
