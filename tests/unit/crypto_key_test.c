/* Signatures, AEADs, X25519, ristretto255 and Argon2id of the crypto door: answers and refusals.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"

#include "base/text.h"
#include "crypto/crypto.h"

static wr_key counting_key(uint8_t first) {
    wr_key key;
    for (size_t i = 0; i < sizeof key.b; i++)
        key.b[i] = (uint8_t)(first + i);
    return key;
}

static void is_hex(wr_slice got, const char *want) {
    uint8_t bytes[128];
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(wr_hex_decode(wr_slice_str(want), &out));
    T_SLICE(got, wr_buf_slice(&out));
}

/* ---- signatures ------------------------------------------------------------------------ */

static void signer(wr_sign_key *ret_secret, wr_pub *ret_public) {
    wr_key seed = counting_key(0);
    wr_sign_keypair(&seed, ret_secret, ret_public);
}

/* Another implementation's Ed25519 over 0x0b || "warren/op/1" || "hello". */
static void signature_covers_the_counted_label_and_the_message(void **state) {
    (void)state;
    wr_sign_key secret;
    wr_pub public;
    wr_sig sig;
    signer(&secret, &public);
    is_hex(WR_SLICE_OBJ(public),
           "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8");
    wr_sign(&secret, WR_SIG_LABEL_OP, wr_slice_str("hello"), &sig);
    is_hex(WR_SLICE_OBJ(sig), "0a8fc6ac1e894b4771e9ceac5015be504f565ae1c22294c7db417568fef3341e"
                              "341db055200e9be0f460b54967486270145d8922115ae2994869536b5a0bb50f");
    T_OK(wr_verify(&public, WR_SIG_LABEL_OP, wr_slice_str("hello"), &sig));
    T_OK(wr_ed25519_verify(&public, wr_slice_str("\x0bwarren/op/1hello"), &sig));
}

static void signature_with_any_bit_flipped_is_refused(void **state) {
    (void)state;
    wr_sign_key secret;
    wr_pub public;
    wr_sig sig;
    signer(&secret, &public);
    wr_sign(&secret, WR_SIG_LABEL_OP, wr_slice_str("hello"), &sig);
    for (size_t bit = 0; bit < sizeof sig.b * 8; bit++) {
        sig.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        T_ERR(wr_verify(&public, WR_SIG_LABEL_OP, wr_slice_str("hello"), &sig), WR_ERR_AUTH);
        sig.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    T_OK(wr_verify(&public, WR_SIG_LABEL_OP, wr_slice_str("hello"), &sig));
}

static void signature_of_another_label_message_or_key_is_refused(void **state) {
    (void)state;
    wr_sign_key secret;
    wr_pub public, zero = {{0}}, small = {{1}};
    wr_sig sig, zero_sig = {{0}};
    signer(&secret, &public);
    wr_sign(&secret, WR_SIG_LABEL_OP, WR_SLICE_EMPTY, &sig);
    T_OK(wr_verify(&public, WR_SIG_LABEL_OP, WR_SLICE_EMPTY, &sig));
    T_ERR(wr_verify(&public, WR_SIG_LABEL_CHECKPOINT, WR_SLICE_EMPTY, &sig), WR_ERR_AUTH);
    T_ERR(wr_verify(&public, WR_SIG_LABEL_OP, wr_slice_of("", 1), &sig), WR_ERR_AUTH);
    T_ERR(wr_verify(&zero, WR_SIG_LABEL_OP, WR_SLICE_EMPTY, &sig), WR_ERR_AUTH);
    T_ERR(wr_verify(&small, WR_SIG_LABEL_OP, WR_SLICE_EMPTY, &zero_sig), WR_ERR_AUTH);
    T_ERR(wr_verify(&public, WR_SIG_LABEL_OP, WR_SLICE_EMPTY, &zero_sig), WR_ERR_AUTH);
}

/* Whatever was signed for one purpose says nothing in any other. */
static void signature_of_one_purpose_is_good_for_no_other(void **state) {
    (void)state;
#define LABEL(name, text, purpose) WR_SIG_LABEL_##name,
    static const wr_sig_label labels[] = {WR_SIG_LABEL_MAP(LABEL)};
#undef LABEL
    wr_sign_key secret;
    wr_pub public;
    wr_sig sig;
    signer(&secret, &public);
    for (size_t of = 0; of < WR_COUNT(labels); of++) {
        wr_sign(&secret, labels[of], wr_slice_str("hello"), &sig);
        for (size_t as = 0; as < WR_COUNT(labels); as++)
            T_ERR(wr_verify(&public, labels[as], wr_slice_str("hello"), &sig),
                  as == of ? WR_OK : WR_ERR_AUTH);
    }
}

/* Under these keys, and their other encodings, one signature would fit many messages. */
static void no_signature_verifies_under_a_key_of_small_order(void **state) {
    (void)state;
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    };
    for (size_t key = 0; key < WR_COUNT(points); key++) {
        for (size_t commitment = 0; commitment < WR_COUNT(points); commitment++) {
            wr_pub public;
            wr_sig sig = {{0}}; /* S = 0: R alone has to fit, and of eight messages one does */
            wr_buf to_key = WR_BUF_ARRAY(public.b), to_sig = wr_buf_of(sig.b, 32);
            T_OK(wr_hex_decode(wr_slice_str(points[key]), &to_key));
            T_OK(wr_hex_decode(wr_slice_str(points[commitment]), &to_sig));
            for (uint8_t message = 0; message < 16; message++)
                T_ERR(wr_verify(&public, WR_SIG_LABEL_OP, wr_slice_of(&message, 1), &sig),
                      WR_ERR_AUTH);
        }
    }
}

/* S plus the order of the group is the same number there, and another signature. */
static void signature_with_the_group_order_added_is_refused(void **state) {
    (void)state;
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                      0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    wr_sign_key secret;
    wr_pub public;
    wr_sig sig;
    signer(&secret, &public);
    wr_sign(&secret, WR_SIG_LABEL_OP, wr_slice_str("hello"), &sig);
    for (unsigned times = 1; times < 8; times++) {
        unsigned carry = 0;
        for (size_t i = 0; i < 32; i++) {
            carry += (unsigned)sig.b[32 + i] + order[i];
            sig.b[32 + i] = (uint8_t)carry;
            carry >>= 8;
        }
        T_ERR(wr_verify(&public, WR_SIG_LABEL_OP, wr_slice_str("hello"), &sig), WR_ERR_AUTH);
    }
}

static void longest_message_is_signed_and_a_longer_one_never_verifies(void **state) {
    (void)state;
    static uint8_t message[WR_SIGNED_BYTES_MAX + 1];
    wr_sign_key secret;
    wr_pub public;
    wr_sig sig;
    signer(&secret, &public);
    wr_sign(&secret, WR_SIG_LABEL_GENESIS, wr_slice_of(message, WR_SIGNED_BYTES_MAX), &sig);
    T_OK(wr_verify(&public, WR_SIG_LABEL_GENESIS, wr_slice_of(message, WR_SIGNED_BYTES_MAX), &sig));
    T_ERR(wr_verify(&public, WR_SIG_LABEL_GENESIS, wr_slice_of(message, sizeof message), &sig),
          WR_ERR_AUTH);
}

/* ---- AEAD ------------------------------------------------------------------------------- */

/* One of the two ciphers under a fixed nonce. */
typedef struct cipher {
    wr_err (*seal)(wr_slice aad, wr_slice in, wr_buf *out);
    wr_err (*open)(wr_slice aad, wr_slice in, wr_buf *out);
} cipher;

static const uint8_t xnonce[WR_XNONCE_SIZE] = {1, 2, 3};

static wr_err x_seal(wr_slice aad, wr_slice in, wr_buf *out) {
    wr_key key = counting_key(7);
    return wr_xaead_seal(&key, xnonce, aad, in, out);
}

static wr_err x_open(wr_slice aad, wr_slice in, wr_buf *out) {
    wr_key key = counting_key(7);
    return wr_xaead_open(&key, xnonce, aad, in, out);
}

static wr_err n_seal(wr_slice aad, wr_slice in, wr_buf *out) {
    wr_key key = counting_key(7);
    return wr_aead_seal(&key, 9, aad, in, out);
}

static wr_err n_open(wr_slice aad, wr_slice in, wr_buf *out) {
    wr_key key = counting_key(7);
    return wr_aead_open(&key, 9, aad, in, out);
}

static const cipher ciphers[] = {{x_seal, x_open}, {n_seal, n_open}};

static void sealed_bytes_open_to_the_plaintext_behind_what_was_there(void **state) {
    (void)state;
    for (size_t i = 0; i < WR_COUNT(ciphers); i++) {
        uint8_t wire[64], plain[64] = "..";
        wr_buf out = WR_BUF_ARRAY(wire), got = WR_BUF_ARRAY(plain);
        got.len = 2;
        T_OK(ciphers[i].seal(wr_slice_str("aad"), wr_slice_str("text"), &out));
        T_EQ(out.len, 4 + WR_TAG_SIZE);
        T_OK(ciphers[i].open(wr_slice_str("aad"), wr_buf_slice(&out), &got));
        T_SLICE(wr_buf_slice(&got), wr_slice_str("..text"));
    }
}

static void any_change_of_sealed_bytes_or_aad_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < WR_COUNT(ciphers); i++) {
        uint8_t wire[64], plain[64];
        wr_buf out = WR_BUF_ARRAY(wire), got = WR_BUF_ARRAY(plain);
        T_OK(ciphers[i].seal(wr_slice_str("aad"), wr_slice_str("text"), &out));
        for (size_t bit = 0; bit < out.len * 8; bit++) {
            wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
            T_ERR(ciphers[i].open(wr_slice_str("aad"), wr_buf_slice(&out), &got), WR_ERR_AUTH);
            T_EQ(got.len, 0);
            wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        T_ERR(ciphers[i].open(wr_slice_str("aae"), wr_buf_slice(&out), &got), WR_ERR_AUTH);
        T_ERR(ciphers[i].open(WR_SLICE_EMPTY, wr_buf_slice(&out), &got), WR_ERR_AUTH);
        T_EQ(got.len, 0);
    }
}

static void sealing_and_opening_need_exact_room(void **state) {
    (void)state;
    for (size_t i = 0; i < WR_COUNT(ciphers); i++) {
        uint8_t wire[64], plain[64];
        wr_buf tight = wr_buf_of(wire, 4 + WR_TAG_SIZE - 1), none = {0};
        T_ERR(ciphers[i].seal(WR_SLICE_EMPTY, wr_slice_str("text"), &tight), WR_ERR_NOBUF);
        T_EQ(tight.len, 0);
        T_ERR(ciphers[i].seal(WR_SLICE_EMPTY, WR_SLICE_EMPTY, &none), WR_ERR_NOBUF);
        tight.cap++;
        T_OK(ciphers[i].seal(WR_SLICE_EMPTY, wr_slice_str("text"), &tight));
        wr_buf got = wr_buf_of(plain, 3);
        T_ERR(ciphers[i].open(WR_SLICE_EMPTY, wr_buf_slice(&tight), &got), WR_ERR_NOBUF);
        T_EQ(got.len, 0);
        got.cap = 4;
        T_OK(ciphers[i].open(WR_SLICE_EMPTY, wr_buf_slice(&tight), &got));
    }
}

static void input_shorter_than_a_tag_is_truncated_and_an_empty_text_is_legal(void **state) {
    (void)state;
    for (size_t i = 0; i < WR_COUNT(ciphers); i++) {
        uint8_t wire[WR_TAG_SIZE];
        wr_buf out = WR_BUF_ARRAY(wire), none = {0};
        T_OK(ciphers[i].seal(WR_SLICE_EMPTY, WR_SLICE_EMPTY, &out));
        T_OK(ciphers[i].open(WR_SLICE_EMPTY, wr_buf_slice(&out), &none));
        for (size_t len = 0; len < WR_TAG_SIZE; len++)
            T_ERR(ciphers[i].open(WR_SLICE_EMPTY, wr_slice_of(wire, len), &none), WR_ERR_TRUNCATED);
        wire[0] ^= 1; /* the tag counts also without a place for the plaintext */
        T_ERR(ciphers[i].open(WR_SLICE_EMPTY, wr_buf_slice(&out), &none), WR_ERR_AUTH);
    }
}

static void sealing_and_opening_work_in_place(void **state) {
    (void)state;
    for (size_t i = 0; i < WR_COUNT(ciphers); i++) {
        static uint8_t place[65535], apart[65535];
        for (size_t k = 0; k < sizeof place; k++)
            place[k] = (uint8_t)(k * 7);
        size_t len = sizeof place - WR_TAG_SIZE;
        wr_buf out = WR_BUF_ARRAY(place), other = WR_BUF_ARRAY(apart);
        T_OK(ciphers[i].seal(WR_SLICE_EMPTY, wr_slice_of(place, len), &other));
        T_OK(ciphers[i].seal(WR_SLICE_EMPTY, wr_slice_of(place, len), &out));
        T_SLICE(wr_buf_slice(&out), wr_buf_slice(&other));
        wr_buf back = WR_BUF_ARRAY(place);
        T_OK(ciphers[i].open(WR_SLICE_EMPTY, wr_slice_of(place, sizeof place), &back));
        T_EQ(back.len, len);
        for (size_t k = 0; k < len; k++)
            T_EQ(place[k], (uint8_t)(k * 7));
    }
}

static void noise_nonce_is_four_zeros_and_the_counter_little_endian(void **state) {
    (void)state;
    static const uint8_t nonce[12] = {0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1};
    wr_key key = counting_key(7);
    uint8_t wire[64], plain[64];
    wr_buf out = WR_BUF_ARRAY(wire), got = WR_BUF_ARRAY(plain);
    T_OK(wr_aead_seal(&key, 0x0102030405060708u, WR_SLICE_EMPTY, wr_slice_str("text"), &out));
    T_OK(wr_aead_open12(&key, nonce, WR_SLICE_EMPTY, wr_buf_slice(&out), &got));
    T_SLICE(wr_buf_slice(&got), wr_slice_str("text"));
}

/* ---- X25519, ristretto255, Argon2id -------------------------------------------------------- */

/* RFC 7748 6.1. */
static void dh_gives_the_published_secret_to_both_sides(void **state) {
    (void)state;
    uint8_t a_bytes[32], b_bytes[32];
    wr_buf a_buf = WR_BUF_ARRAY(a_bytes), b_buf = WR_BUF_ARRAY(b_bytes);
    wr_key a, b, at_a, at_b;
    T_OK(wr_hex_decode(wr_slice_str("77076d0a7318a57d3c16c17251b26645"
                                    "df4c2f92ebc099ac65e0b6b2"
                                    "85f0c1e0"),
                       &a_buf));
    T_OK(wr_hex_decode(wr_slice_str("5dab087e624a8a4b79e17f8b83800ee6"
                                    "6f3bb1292618b6fd1c2f8b27"
                                    "ff88e0eb"),
                       &b_buf));
    memcpy(a.b, a_bytes, 32);
    memcpy(b.b, b_bytes, 32);
    wr_pub a_pub = wr_dh_public(&a), b_pub = wr_dh_public(&b);
    T_OK(wr_dh(&a, &b_pub, &at_a));
    T_OK(wr_dh(&b, &a_pub, &at_b));
    T_TRUE(wr_key_equal(&at_a, &at_b));
    is_hex(WR_SLICE_OBJ(b_pub), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}

static void dh_with_a_low_order_key_is_refused_and_gives_nothing(void **state) {
    (void)state;
    static const char *const low[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    wr_key secret = counting_key(1), shared = counting_key(9), before = shared;
    for (size_t i = 0; i < WR_COUNT(low); i++) {
        wr_pub peer;
        wr_buf out = WR_BUF_ARRAY(peer.b);
        T_OK(wr_hex_decode(wr_slice_str(low[i]), &out));
        T_ERR(wr_dh(&secret, &peer, &shared), WR_ERR_BAD_KEY);
        T_TRUE(wr_key_equal(&shared, &before));
    }
}

static void ristretto_refuses_the_identity_and_bad_encodings(void **state) {
    (void)state;
    wr_rng rng = t_rng(3);
    wr_key scalar;
    wr_pub base, point, identity = {{0}}, odd = {{1}};
    uint8_t hash[64] = {42};
    wr_ristretto_scalar(&rng, &scalar);
    wr_ristretto_from_hash(hash, &base);
    T_OK(wr_ristretto_mul(&scalar, &base, &point));
    wr_pub before = point;
    T_ERR(wr_ristretto_mul(&scalar, &identity, &point), WR_ERR_BAD_KEY);
    T_ERR(wr_ristretto_mul(&scalar, &odd, &point), WR_ERR_BAD_KEY);
    memset(odd.b, 0xff, sizeof odd.b);
    T_ERR(wr_ristretto_mul(&scalar, &odd, &point), WR_ERR_BAD_KEY);
    T_TRUE(wr_pub_equal(&point, &before));
}

static void ristretto_products_commute(void **state) {
    (void)state;
    wr_rng rng = t_rng(4);
    wr_key a, b;
    wr_pub base, a_base, b_base, ab, ba;
    uint8_t hash[64] = {17};
    wr_ristretto_from_hash(hash, &base);
    wr_ristretto_scalar(&rng, &a);
    wr_ristretto_scalar(&rng, &b);
    T_FALSE(wr_key_equal(&a, &b));
    T_OK(wr_ristretto_mul(&a, &base, &a_base));
    T_OK(wr_ristretto_mul(&b, &base, &b_base));
    T_OK(wr_ristretto_mul(&a, &b_base, &ab));
    T_OK(wr_ristretto_mul(&b, &a_base, &ba));
    T_TRUE(wr_pub_equal(&ab, &ba));
}

static void argon2_depends_on_each_input_and_knows_its_range(void **state) {
    (void)state;
    static const uint8_t salt[16] = {1}, other_salt[16] = {2};
    wr_slice words = wr_slice_str("words");
    wr_argon2_cost cost = {.ops = 1, .mem_kib = 64}, twice = {.ops = 2, .mem_kib = 64};
    wr_argon2_cost more = {.ops = 1, .mem_kib = 128};
    wr_key keys[6];
    T_OK(wr_argon2id(words, salt, cost, &keys[0]));
    T_OK(wr_argon2id(wr_slice_str("wordz"), salt, cost, &keys[1]));
    T_OK(wr_argon2id(words, other_salt, cost, &keys[2]));
    T_OK(wr_argon2id(words, salt, twice, &keys[3]));
    T_OK(wr_argon2id(words, salt, more, &keys[4]));
    T_OK(wr_argon2id(WR_SLICE_EMPTY, salt, cost, &keys[5]));
    for (size_t i = 0; i < WR_COUNT(keys); i++)
        for (size_t k = 0; k < i; k++)
            T_FALSE(wr_key_equal(&keys[i], &keys[k]));
    wr_key again, before = keys[0];
    T_OK(wr_argon2id(words, salt, cost, &again));
    T_TRUE(wr_key_equal(&again, &keys[0]));
    T_ERR(wr_argon2id(words, salt, (wr_argon2_cost){0, 64}, &again), WR_ERR_LIMIT);
    T_ERR(wr_argon2id(words, salt, (wr_argon2_cost){1, 7}, &again), WR_ERR_LIMIT);
    T_TRUE(wr_key_equal(&again, &before));
}

static void system_generator_fills_all_bytes(void **state) {
    (void)state;
    wr_rng rng = wr_rng_system();
    uint8_t seen[64] = {0}, bytes[64];
    for (size_t draw = 0; draw < 16; draw++) {
        wr_rng_fill(&rng, bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            seen[i] |= bytes[i];
    }
    for (size_t i = 0; i < sizeof seen; i++)
        T_TRUE(seen[i] != 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signature_covers_the_counted_label_and_the_message),
        cmocka_unit_test(signature_with_any_bit_flipped_is_refused),
        cmocka_unit_test(signature_of_another_label_message_or_key_is_refused),
        cmocka_unit_test(signature_of_one_purpose_is_good_for_no_other),
        cmocka_unit_test(no_signature_verifies_under_a_key_of_small_order),
        cmocka_unit_test(signature_with_the_group_order_added_is_refused),
        cmocka_unit_test(longest_message_is_signed_and_a_longer_one_never_verifies),
        cmocka_unit_test(sealed_bytes_open_to_the_plaintext_behind_what_was_there),
        cmocka_unit_test(any_change_of_sealed_bytes_or_aad_is_refused),
        cmocka_unit_test(sealing_and_opening_need_exact_room),
        cmocka_unit_test(input_shorter_than_a_tag_is_truncated_and_an_empty_text_is_legal),
        cmocka_unit_test(sealing_and_opening_work_in_place),
        cmocka_unit_test(noise_nonce_is_four_zeros_and_the_counter_little_endian),
        cmocka_unit_test(dh_gives_the_published_secret_to_both_sides),
        cmocka_unit_test(dh_with_a_low_order_key_is_refused_and_gives_nothing),
        cmocka_unit_test(ristretto_refuses_the_identity_and_bad_encodings),
        cmocka_unit_test(ristretto_products_commute),
        cmocka_unit_test(argon2_depends_on_each_input_and_knows_its_range),
        cmocka_unit_test(system_generator_fills_all_bytes),
    };
    if (wr_crypto_init() != WR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
