/* Fuzzes the decoders of text: hex, base32, base64, words, names.
 *
 * Target: wr_hex_decode, wr_base32_decode, wr_base64_decode, wr_word_index, wr_text_is_name.
 * Input:  1 byte  which decoder (mod 5), then the text.
 * Oracle: what decodes encodes to the very same text (hex: but for its case); a refused text
 *         leaves the output as it was; a name is UTF-8 and within its limit.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/limits.h"
#include "base/text.h"
#include "base/words.h"

#define TEXT_BYTES_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef wr_err (*codec)(wr_slice in, wr_buf *out);

static uint8_t decoded[TEXT_BYTES_MAX];
static uint8_t encoded[2 * TEXT_BYTES_MAX];
static uint8_t lowered[TEXT_BYTES_MAX];

static void check_codec(codec decode, codec encode, wr_slice text) {
    wr_buf bytes = WR_BUF_ARRAY(decoded);
    wr_err err = decode(text, &bytes);
    if (err != WR_OK) {
        WR_ASSERT(err == WR_ERR_FORMAT);
        WR_ASSERT(bytes.len == 0);
        return;
    }
    wr_buf again = WR_BUF_ARRAY(encoded);
    WR_ASSERT(encode(wr_buf_slice(&bytes), &again) == WR_OK);
    WR_ASSERT(wr_equal(wr_buf_slice(&again), text));
}

static wr_slice lower(wr_slice text) {
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        lowered[i] = c >= 'A' && c <= 'F' ? (uint8_t)(c + 'a' - 'A') : c;
    }
    return wr_slice_of(lowered, text.len);
}

static void check_word(wr_slice text) {
    uint16_t index = 0xffff;
    if (wr_word_index(text, &index) != WR_OK) {
        WR_ASSERT(index == 0xffff);
        return;
    }
    WR_ASSERT(index < WR_WORD_COUNT);
    WR_ASSERT(strlen(wr_word(index)) == text.len);
}

static void check_name(wr_slice text) {
    if (!wr_text_is_name(text))
        return;
    WR_ASSERT(text.len <= WR_NAME_BYTES_MAX);
    WR_ASSERT(wr_text_is_utf8(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > TEXT_BYTES_MAX)
        return 0;
    wr_slice text = wr_slice_of(data + 1, size - 1);
    if (data[0] % 5 == 0) {
        wr_buf bytes = WR_BUF_ARRAY(decoded);
        if (wr_hex_decode(text, &bytes) == WR_OK)
            check_codec(wr_hex_decode, wr_hex_encode, lower(text));
    }
    if (data[0] % 5 == 1)
        check_codec(wr_base32_decode, wr_base32_encode, text);
    if (data[0] % 5 == 2)
        check_codec(wr_base64_decode, wr_base64_encode, text);
    if (data[0] % 5 == 3)
        check_word(text);
    if (data[0] % 5 == 4)
        check_name(text);
    return 0;
}
