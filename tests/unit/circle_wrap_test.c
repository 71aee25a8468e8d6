/* Wraps: for one member of one circle, whole or not at all.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel/handshake.h"
#include "circle/wrap.h"
#include "harness/harness.h"

#include "wire/pack.h"

static const wr_hash circle_id = {{0xc1}};
static const wr_key held = {{0x91}}; /* the recipient's Q */
static wr_identity sender, recipient, stranger;

static int setup(void **state) {
    (void)state;
    T_OK(wr_crypto_init());
    wr_identity *const devices[] = {&sender, &recipient, &stranger};
    for (size_t i = 0; i < WR_COUNT(devices); i++) {
        wr_rng rng = t_rng(i + 1);
        wr_identity_make(&rng, devices[i]);
    }
    return 0;
}

static wr_wrap plain_wrap(void) {
    return (wr_wrap){.epoch_id = {{0xe0, 1}}, .secret = {{0xe1, 2}}, .seed = {{0x92, 3}}};
}

static void seal(uint64_t seed, uint8_t bytes[WR_WRAP_SIZE]) {
    wr_wrap wrap = plain_wrap();
    wr_buf out = wr_buf_of(bytes, WR_WRAP_SIZE);
    T_OK(wr_wrap_seal(&sender, &recipient.cert.box, &circle_id, &held, &wrap, t_rng(seed), &out));
    T_EQ(out.len, WR_WRAP_SIZE);
}

/* The error, after seeing that nothing was written unless it is OK. */
static wr_err open(const wr_key *box, const wr_hash *circle, const wr_key *seed, wr_slice message) {
    wr_wrap got, before;
    wr_pub who, who_before;
    memset(&got, 0x5a, sizeof got);
    memset(&who, 0x5a, sizeof who);
    before = got;
    who_before = who;
    wr_err err = wr_wrap_open(box, circle, seed, message, &who, &got);
    if (err != WR_OK) {
        T_MEM(&got, &before, sizeof got);
        T_MEM(&who, &who_before, sizeof who);
    }
    return err;
}

static void a_wrap_reaches_its_recipient(void **state) {
    (void)state;
    uint8_t bytes[WR_WRAP_SIZE];
    wr_wrap want = plain_wrap(), got;
    wr_pub who;
    seal(1, bytes);
    T_OK(wr_wrap_open(&recipient.box, &circle_id, &held, wr_slice_of(bytes, sizeof bytes), &who,
                      &got));
    T_MEM(&got, &want, sizeof got);
    T_MEM(who.b, sender.cert.noise.b, sizeof who.b);
}

static void two_wraps_of_one_key_share_nothing(void **state) {
    (void)state;
    uint8_t a[WR_WRAP_SIZE], b[WR_WRAP_SIZE];
    seal(1, a);
    seal(2, b);
    for (size_t at = 0; at + 8 <= sizeof a; at++)
        T_FALSE(wr_equal(wr_slice_of(a + at, 8), wr_slice_of(b + at, 8)));
}

/* spec:circle#6.2 type=test "A wrap that does not open with the recipient's box key, psk_q and the
 * prologue of its circle MUST be refused." */
static void a_wrap_is_for_one_recipient_circle_and_seed(void **state) {
    (void)state;
    uint8_t bytes[WR_WRAP_SIZE];
    const wr_hash other_circle = {{0xc1, 1}};
    const wr_key other_seed = plain_wrap().seed;
    seal(1, bytes);
    wr_slice wrap = wr_slice_of(bytes, sizeof bytes);
    T_OK(open(&recipient.box, &circle_id, &held, wrap));
    T_ERR(open(&stranger.box, &circle_id, &held, wrap), WR_ERR_AUTH);
    T_ERR(open(&sender.box, &circle_id, &held, wrap), WR_ERR_AUTH);
    T_ERR(open(&sender.noise, &circle_id, &held, wrap), WR_ERR_AUTH);
    T_ERR(open(&recipient.noise, &circle_id, &held, wrap), WR_ERR_AUTH);
    T_ERR(open(&recipient.box, &other_circle, &held, wrap), WR_ERR_AUTH);
    T_ERR(open(&recipient.box, &circle_id, &other_seed, wrap), WR_ERR_AUTH);
}

static void every_flip_is_noticed(void **state) {
    (void)state;
    uint8_t bytes[WR_WRAP_SIZE];
    seal(1, bytes);
    for (size_t at = 0; at < sizeof bytes; at++) {
        for (unsigned bit = 0; bit < 8; bit += at < 32 ? 1 : 3) {
            bytes[at] ^= (uint8_t)(1u << bit);
            wr_err err = open(&recipient.box, &circle_id, &held, wr_slice_of(bytes, sizeof bytes));
            T_TRUE(err == WR_ERR_AUTH || (at < 32 && err == WR_ERR_BAD_KEY));
            bytes[at] ^= (uint8_t)(1u << bit);
        }
    }
    memset(bytes, 0, 32); /* an ephemeral key that makes every secret the same */
    T_ERR(open(&recipient.box, &circle_id, &held, wr_slice_of(bytes, sizeof bytes)),
          WR_ERR_BAD_KEY);
}

/* spec:circle#6.2 type=test "A wrap MUST have 199 bytes." */
static void a_wrap_has_one_length(void **state) {
    (void)state;
    uint8_t bytes[1024] = {0};
    seal(1, bytes);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        wr_err err = open(&recipient.box, &circle_id, &held, wr_slice_of(bytes, len));
        T_EQ(err, len == 199 ? WR_OK : WR_ERR_FORMAT);
    }
}

/* ---- what a member can make by hand ---- */

static wr_handshake_config config_of(wr_role role, const wr_key *s, const wr_key *psk,
                                     wr_slice prologue) {
    return (wr_handshake_config){.pattern = WR_PATTERN_XPSK1,
                                 .hash = WR_BLAKE2B,
                                 .role = role,
                                 .prologue = prologue,
                                 .s = s,
                                 .rs = role == WR_INITIATOR ? &recipient.cert.box : NULL,
                                 .psks = psk,
                                 .psk_count = 1,
                                 .rng = t_rng(9)};
}

static wr_slice prologue_of(uint8_t epoch, uint8_t type, uint8_t bytes[96]) {
    wr_buf out = wr_buf_of(bytes, 96);
    wr_hash none = {{epoch}};
    T_OK(wr_buf_put(&out, wr_slice_str("warren/seal/1")));
    T_OK(wr_buf_put(&out, WR_SLICE_OBJ(circle_id)));
    T_OK(wr_buf_put(&out, WR_SLICE_OBJ(none)));
    T_OK(wr_buf_put_u8(&out, type));
    return wr_buf_slice(&out);
}

static wr_err open_handmade(uint8_t epoch, uint8_t type, wr_slice payload) {
    uint8_t prologue[96], bytes[512];
    wr_key psk = wr_kdf_key(&held, WR_LABEL_SEED_PSK, WR_SLICE_OBJ(circle_id));
    wr_handshake_config config =
        config_of(WR_INITIATOR, &sender.noise, &psk, prologue_of(epoch, type, prologue));
    wr_handshake hs;
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(wr_handshake_init(&hs, &config));
    T_OK(wr_handshake_write(&hs, payload, &out, (wr_mono){0}));
    return open(&recipient.box, &circle_id, &held, wr_buf_slice(&out));
}

static wr_slice payload_of(uint32_t fields, size_t size, uint8_t bytes[256]) {
    static const uint8_t content[64] = {4};
    wr_buf out = wr_buf_of(bytes, 256);
    T_OK(wr_pack_array(&out, fields));
    for (uint32_t i = 0; i < fields; i++)
        T_OK(wr_pack_bin(&out, wr_slice_of(content, size)));
    return wr_buf_slice(&out);
}

/* spec:circle#6.2 type=test "The payload of a wrap MUST be three fields of 32 bytes and nothing
 * else." */
static void a_payload_is_three_fields_of_32_bytes(void **state) {
    (void)state;
    uint8_t bytes[256];
    wr_slice good = payload_of(3, 32, bytes);
    T_EQ(good.len, 103);
    T_OK(open_handmade(0, 1, good));
    for (size_t len = 0; len < good.len; len++)
        T_ERR(open_handmade(0, 1, wr_slice_of(bytes, len)), WR_ERR_FORMAT);
    T_ERR(open_handmade(0, 1, wr_slice_of(bytes, good.len + 1)), WR_ERR_FORMAT);
    for (size_t at = 0; at < 103; at++) { /* the heads: one array, three bins */
        if (at != 0 && at % 34 != 1 && at % 34 != 2)
            continue;
        bytes[at] ^= 1;
        T_TRUE(open_handmade(0, 1, good) != WR_OK);
        bytes[at] ^= 1;
    }
    wr_slice other = payload_of(1, 32, bytes); /* one field, then whatever */
    T_ERR(open_handmade(0, 1, wr_slice_of(other.ptr, 103)), WR_ERR_FORMAT);
    other = payload_of(2, 32, bytes);
    T_ERR(open_handmade(0, 1, wr_slice_of(other.ptr, 103)), WR_ERR_FORMAT);
    other = payload_of(3, 31, bytes);
    T_ERR(open_handmade(0, 1, wr_slice_of(other.ptr, 103)), WR_ERR_FORMAT);
    bytes[0] = 0x92; /* two fields, and the third behind them */
    (void)payload_of(3, 32, bytes);
    bytes[0] = 0x92;
    T_ERR(open_handmade(0, 1, wr_slice_of(bytes, 103)), WR_ERR_FORMAT);
}

static void another_use_of_a_sealed_message_is_no_wrap(void **state) {
    (void)state;
    uint8_t bytes[256];
    wr_slice good = payload_of(3, 32, bytes);
    T_OK(open_handmade(0, 1, good));
    T_ERR(open_handmade(1, 1, good), WR_ERR_AUTH);
    T_ERR(open_handmade(0, 2, good), WR_ERR_AUTH);
    T_ERR(open_handmade(0, 0, good), WR_ERR_AUTH);
}

/* The other direction: what we seal is the message of the specification. */
static void a_wrap_is_one_message_of_xpsk1(void **state) {
    (void)state;
    uint8_t bytes[WR_WRAP_SIZE], prologue[96], plain[256], want_bytes[256];
    wr_wrap wrap = plain_wrap();
    wr_key psk;
    wr_kdf(&held, WR_LABEL_SEED_PSK, WR_SLICE_OBJ(circle_id), psk.b, sizeof psk.b);
    seal(1, bytes);
    wr_handshake_config config =
        config_of(WR_RESPONDER, &recipient.box, &psk, prologue_of(0, 1, prologue));
    wr_handshake hs;
    wr_buf payload = WR_BUF_ARRAY(plain), want = WR_BUF_ARRAY(want_bytes);
    T_OK(wr_handshake_init(&hs, &config));
    T_OK(wr_handshake_read(&hs, wr_slice_of(bytes, sizeof bytes), &payload, (wr_mono){0}));
    T_OK(wr_pack_array(&want, 3));
    T_OK(wr_pack_bin(&want, WR_SLICE_OBJ(wrap.epoch_id)));
    T_OK(wr_pack_bin(&want, WR_SLICE_OBJ(wrap.secret)));
    T_OK(wr_pack_bin(&want, WR_SLICE_OBJ(wrap.seed)));
    T_SLICE(wr_buf_slice(&payload), wr_buf_slice(&want));
}

static void a_seal_that_fails_writes_nothing(void **state) {
    (void)state;
    uint8_t bytes[WR_WRAP_SIZE];
    wr_wrap wrap = plain_wrap();
    for (size_t cap = 0; cap < sizeof bytes; cap++) {
        wr_buf out = wr_buf_of(bytes, cap);
        T_ERR(wr_wrap_seal(&sender, &recipient.cert.box, &circle_id, &held, &wrap, t_rng(1), &out),
              WR_ERR_NOBUF);
        T_EQ(out.len, 0);
    }
    const wr_pub low_order[] = {{{0}}, {{1}}};
    for (size_t i = 0; i < WR_COUNT(low_order); i++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        T_ERR(wr_wrap_seal(&sender, &low_order[i], &circle_id, &held, &wrap, t_rng(1), &out),
              WR_ERR_BAD_KEY);
        T_EQ(out.len, 0);
    }
}

static void a_wiped_wrap_holds_nothing(void **state) {
    (void)state;
    wr_wrap wrap = plain_wrap();
    wr_wrap_wipe(&wrap);
    T_TRUE(wr_is_zero(wr_slice_of(&wrap, sizeof wrap)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrap_reaches_its_recipient),
        cmocka_unit_test(two_wraps_of_one_key_share_nothing),
        cmocka_unit_test(a_wrap_is_for_one_recipient_circle_and_seed),
        cmocka_unit_test(every_flip_is_noticed),
        cmocka_unit_test(a_wrap_has_one_length),
        cmocka_unit_test(a_payload_is_three_fields_of_32_bytes),
        cmocka_unit_test(another_use_of_a_sealed_message_is_no_wrap),
        cmocka_unit_test(a_wrap_is_one_message_of_xpsk1),
        cmocka_unit_test(a_seal_that_fails_writes_nothing),
        cmocka_unit_test(a_wiped_wrap_holds_nothing),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
