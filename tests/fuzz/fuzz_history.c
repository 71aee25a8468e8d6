/* Fuzzes histories: blobs from anywhere, and plaintexts that a member with the key would seal.
 *
 * Target: wr_history_open, wr_history_seal.
 * Input:  1 byte  how many earlier epochs the op names (low 4 bits, mod 9) and, in the high bits,
 *                 what the rest is (mod 3):
 *           0     a blob, which the op names by its hash
 *           1     a plaintext, sealed under the right key for the op's epochs
 *           2     1 byte what to change (mod 4) and 2 bytes where: a good blob, bent there
 * Oracle: no crash; a blob that nobody sealed does not open; a plaintext is taken if and only if it
 *         is the one encoding of the op's epochs with some secrets, and sealed again it opens to
 * the same; a bent blob is refused; what is refused leaves the result as it was.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const wr_hash circle_id = {{0xc1}};
static const wr_key secret = {{0xe1}};

static void fill(void *ctx, uint8_t *out, size_t len) {
    uint8_t *next = ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = ++*next;
}

static wr_epoch_op op_of(uint32_t count) {
    wr_epoch_op op = {.klass = 1, .prev_count = count};
    for (uint32_t i = 0; i < count; i++)
        op.prev[i] = (wr_hash){{(uint8_t)(2 * i + 1)}};
    return op;
}

/* OK or not; and not is without effect. */
static wr_err open(const wr_epoch_op *op, wr_slice blob, wr_history *ret_history) {
    wr_history before;
    memset(ret_history, 0x5a, sizeof *ret_history);
    memcpy(&before, ret_history, sizeof before);
    wr_err err = wr_history_open(&secret, &circle_id, op, blob, ret_history);
    if (err != WR_OK)
        WR_ASSERT(
            wr_equal(wr_slice_of(ret_history, sizeof before), wr_slice_of(&before, sizeof before)));
    return err;
}

/* What the plaintext of these epochs has to be, written down without the encoder. */
static bool is_promised(wr_slice plain, const wr_epoch_op *op) {
    if (plain.len != 1 + (size_t)op->prev_count * 69 || plain.ptr[0] != 0x90 + op->prev_count)
        return false;
    for (uint32_t i = 0; i < op->prev_count; i++) {
        wr_slice pair = wr_slice_of(plain.ptr + 1 + (size_t)i * 69, 69);
        if (!wr_equal(wr_slice_of(pair.ptr, 3), wr_slice_of("\x92\xc4\x20", 3)) ||
            !wr_equal(wr_slice_of(pair.ptr + 3, 32), WR_SLICE_OBJ(op->prev[i])) ||
            !wr_equal(wr_slice_of(pair.ptr + 35, 2), wr_slice_of("\xc4\x20", 2)))
            return false;
    }
    return true;
}

static void fuzz_blob(wr_epoch_op *op, wr_slice blob) {
    wr_history got;
    op->hist_hash = wr_history_hash(blob);
    wr_err err = open(op, blob, &got);
    WR_ASSERT((err == WR_OK) == (op->prev_count == 0 && blob.len == 0));
    op->hist_hash.b[5] ^= 1;
    WR_ASSERT(open(op, blob, &got) != WR_OK);
}

static void fuzz_plain(wr_epoch_op *op, wr_slice plain) {
    static uint8_t bytes[WR_HISTORY_BYTES_MAX * 2], again[WR_HISTORY_BYTES_MAX];
    const uint8_t nonce[WR_XNONCE_SIZE] = {7};
    uint8_t counter = 0;
    wr_rng rng = {fill, &counter};
    wr_buf blob = WR_BUF_ARRAY(bytes), second = WR_BUF_ARRAY(again);
    wr_history got, got_again;
    if (plain.len > WR_HISTORY_BYTES_MAX)
        return;
    wr_key key = wr_kdf_key(&secret, WR_LABEL_EPOCH_HIST, WR_SLICE_OBJ(circle_id));
    WR_ASSERT(wr_buf_put(&blob, wr_slice_of(nonce, sizeof nonce)) == WR_OK);
    WR_ASSERT(wr_xaead_seal(&key, nonce, wr_slice_of(op->prev, op->prev_count * sizeof op->prev[0]),
                            plain, &blob) == WR_OK);
    op->hist_hash = wr_history_hash(wr_buf_slice(&blob));
    wr_err err = open(op, wr_buf_slice(&blob), &got);
    WR_ASSERT((err == WR_OK) == (op->prev_count > 0 && is_promised(plain, op)));
    if (err != WR_OK)
        return;
    WR_ASSERT(wr_history_seal(&secret, &circle_id, &got, &rng, &second) == WR_OK);
    op->hist_hash = wr_history_hash(wr_buf_slice(&second));
    WR_ASSERT(open(op, wr_buf_slice(&second), &got_again) == WR_OK);
    WR_ASSERT(got.count == got_again.count);
    WR_ASSERT(wr_equal(wr_slice_of(got.epoch, got.count * sizeof got.epoch[0]),
                       wr_slice_of(got_again.epoch, got.count * sizeof got.epoch[0])));
}

/* A bit of the blob, of an id, of the hash; or the blob is cut off. */
static void fuzz_bent(wr_epoch_op *op, uint8_t what, uint16_t where) {
    static uint8_t bytes[WR_HISTORY_BYTES_MAX];
    uint8_t counter = 0, bit = (uint8_t)(1u << where % 8);
    wr_rng rng = {fill, &counter};
    wr_buf blob = WR_BUF_ARRAY(bytes);
    wr_history history = {.count = op->prev_count}, got;
    if (op->prev_count == 0)
        return;
    for (uint32_t i = 0; i < op->prev_count; i++) {
        history.epoch[i].epoch_id = op->prev[i];
        history.epoch[i].secret = (wr_key){{(uint8_t)i, bit}};
    }
    WR_ASSERT(wr_history_seal(&secret, &circle_id, &history, &rng, &blob) == WR_OK);
    op->hist_hash = wr_history_hash(wr_buf_slice(&blob));
    WR_ASSERT(open(op, wr_buf_slice(&blob), &got) == WR_OK);
    if (what % 4 == 0)
        bytes[where / 8 % blob.len] ^= bit;
    if (what % 4 == 1)
        op->prev[where / 8 % op->prev_count].b[where / 64 % 32] ^= bit;
    if (what % 4 == 2)
        op->hist_hash.b[where / 8 % 32] ^= bit;
    if (what % 4 == 3)
        blob.len = where % blob.len;
    if (what % 4 != 2) /* the op is the forger's own */
        op->hist_hash = wr_history_hash(wr_buf_slice(&blob));
    WR_ASSERT(open(op, wr_buf_slice(&blob), &got) != WR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (wr_crypto_init() != WR_OK || size < 1)
        return 0;
    wr_epoch_op op = op_of((data[0] & 15u) % 9u);
    unsigned mode = (data[0] >> 4) % 3u;
    if (mode == 0)
        fuzz_blob(&op, wr_slice_of(data + 1, size - 1));
    if (mode == 1)
        fuzz_plain(&op, wr_slice_of(data + 1, size - 1));
    if (mode == 2 && size >= 4)
        fuzz_bent(&op, data[1], (uint16_t)(data[2] << 8 | data[3]));
    return 0;
}
