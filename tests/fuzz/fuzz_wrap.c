/* Fuzzes wraps: messages from anywhere, and payloads that a member would seal by hand.
 *
 * Target: wr_wrap_open, wr_wrap_seal.
 * Input:  1 byte  what the rest is (mod 3):
 *           0     a message
 *           1     a payload, sealed as a member could
 *           2     2 bytes where, 1 byte with what: a good wrap, changed there by XOR, or for
 * another key, circle or seed Oracle: no crash; a message that nobody sealed does not open; a
 * payload is taken if and only if it is an array of three 32-byte fields; a bent wrap is refused;
 * what is refused leaves the result as it was, what is taken names its sender.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/wrap.h"

#include "channel/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const wr_hash circle_id = {{0xc1}};
static const wr_key held = {{0x91}};
static wr_identity sender, recipient;
static uint8_t counter;

static void fill(void *ctx, uint8_t *out, size_t len) {
    uint8_t *next = ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = ++*next;
}

static const wr_rng rng = {fill, &counter};

/* OK with the sender's name, or not and without effect. */
static wr_err open(const wr_key *box, const wr_hash *circle, const wr_key *seed, wr_slice message,
                   wr_wrap *ret_wrap) {
    wr_wrap before;
    wr_pub who = {{0x5a}};
    const wr_pub who_before = who;
    memset(ret_wrap, 0x5a, sizeof *ret_wrap);
    before = *ret_wrap;
    wr_err err = wr_wrap_open(box, circle, seed, message, &who, ret_wrap);
    if (err == WR_OK) {
        WR_ASSERT(wr_pub_equal(&who, &sender.cert.noise));
        return WR_OK;
    }
    WR_ASSERT(wr_pub_equal(&who, &who_before));
    WR_ASSERT(wr_equal(wr_slice_of(ret_wrap, sizeof before), wr_slice_of(&before, sizeof before)));
    return err;
}

static void fuzz_message(wr_slice message) {
    wr_wrap got;
    wr_err err = open(&recipient.box, &circle_id, &held, message, &got);
    WR_ASSERT(err != WR_OK);
    WR_ASSERT((err == WR_ERR_FORMAT) == (message.len != WR_WRAP_SIZE));
}

static bool is_payload(wr_slice payload) {
    bool heads = payload.len == 103 && payload.ptr[0] == 0x93;
    for (size_t at = 1; heads && at < 103; at += 34)
        heads = payload.ptr[at] == 0xc4 && payload.ptr[at + 1] == 0x20;
    return heads;
}

static void fuzz_payload(wr_slice payload) {
    static uint8_t bytes[512];
    uint8_t text[78] = "warren/seal/1"; /* circle, 32 zeros and the type behind it */
    memcpy(text + 13, circle_id.b, 32);
    text[77] = 1;
    wr_key psk = wr_kdf_key(&held, WR_LABEL_SEED_PSK, WR_SLICE_OBJ(circle_id));
    wr_handshake_config config = {.pattern = WR_PATTERN_XPSK1,
                                  .hash = WR_BLAKE2B,
                                  .role = WR_INITIATOR,
                                  .prologue = wr_slice_of(text, sizeof text),
                                  .s = &sender.noise,
                                  .rs = &recipient.cert.box,
                                  .psks = &psk,
                                  .psk_count = 1,
                                  .rng = rng};
    wr_handshake hs;
    wr_wrap got;
    wr_buf out = WR_BUF_ARRAY(bytes);
    WR_ASSERT(wr_handshake_init(&hs, &config) == WR_OK);
    if (wr_handshake_write(&hs, payload, &out, (wr_mono){0}) != WR_OK)
        return; /* longer than a handshake message */
    wr_err err = open(&recipient.box, &circle_id, &held, wr_buf_slice(&out), &got);
    WR_ASSERT((err == WR_OK) == is_payload(payload));
    if (err != WR_OK)
        return;
    WR_ASSERT(wr_equal(WR_SLICE_OBJ(got.epoch_id), wr_slice_of(payload.ptr + 3, 32)));
    WR_ASSERT(wr_equal(WR_SLICE_OBJ(got.secret), wr_slice_of(payload.ptr + 37, 32)));
    WR_ASSERT(wr_equal(WR_SLICE_OBJ(got.seed), wr_slice_of(payload.ptr + 71, 32)));
}

static void fuzz_bent(uint16_t where, uint8_t with) {
    uint8_t bytes[WR_WRAP_SIZE];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_wrap wrap = {.epoch_id = {{with}}, .secret = {{1, with}}, .seed = {{2, with}}}, got;
    wr_key box = recipient.box, seed = held;
    wr_hash circle = circle_id;
    WR_ASSERT(wr_wrap_seal(&sender, &recipient.cert.box, &circle_id, &held, &wrap, rng, &out) ==
              WR_OK);
    WR_ASSERT(open(&box, &circle, &seed, wr_buf_slice(&out), &got) == WR_OK);
    WR_ASSERT(wr_equal(wr_slice_of(&got, sizeof got), wr_slice_of(&wrap, sizeof wrap)));
    if (with == 0)
        return; /* nothing changes */
    if (where < WR_WRAP_SIZE)
        bytes[where] ^= with;
    else if (where % 3 == 0)
        circle.b[where / 3 % 32] ^= with;
    else if (where % 3 == 1)
        seed.b[where / 3 % 32] ^= with;
    else
        box.b[1 + where / 3 % 30] ^= with; /* X25519 ignores bits of the first and the last byte */
    WR_ASSERT(open(&box, &circle, &seed, wr_buf_slice(&out), &got) != WR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (wr_crypto_init() != WR_OK || size < 1)
        return 0;
    counter = 0;
    wr_identity_make(&rng, &sender);
    wr_identity_make(&rng, &recipient);
    if (data[0] % 3 == 0)
        fuzz_message(wr_slice_of(data + 1, size - 1));
    if (data[0] % 3 == 1)
        fuzz_payload(wr_slice_of(data + 1, size - 1));
    if (data[0] % 3 == 2 && size >= 4)
        fuzz_bent((uint16_t)(data[1] << 8 | data[2]), data[3]);
    return 0;
}
