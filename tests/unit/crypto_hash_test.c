/* Hashes, KDF, HMAC and labels of the crypto door, against answers of other implementations.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"

#include "base/text.h"
#include "crypto/crypto.h"

static wr_key counting_key(void) {
    wr_key key;
    for (size_t i = 0; i < sizeof key.b; i++)
        key.b[i] = (uint8_t)i;
    return key;
}

static void is_hex(wr_slice got, const char *want) {
    uint8_t bytes[128];
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(wr_hex_decode(wr_slice_str(want), &out));
    T_SLICE(got, wr_buf_slice(&out));
}

/* hashlib.blake2b with digest_size=32 and person=label. */
static void hash_is_blake2b_with_the_label_as_personalisation(void **state) {
    (void)state;
    wr_hash hash = wr_hash_of(WR_LABEL_LEAF, wr_slice_str("abc"));
    is_hex(WR_SLICE_OBJ(hash), "bda2ac32352fb2e87f9e5200552ab208c45337b5c101524f0ad9ca5928ffd5e8");
    hash = wr_hash_of(WR_LABEL_LEAF, WR_SLICE_EMPTY);
    is_hex(WR_SLICE_OBJ(hash), "1c853d42ddd064a27ebb9d1983929d2d6934f880824fbab083fffc6ad2724bbe");
}

static void parts_hash_like_the_whole(void **state) {
    (void)state;
    wr_slice all = wr_slice_str("abcdefgh");
    wr_hash whole = wr_hash_of(WR_LABEL_NODE, all);
    for (size_t cut = 0; cut <= all.len; cut++) {
        wr_slice first = wr_slice_of(all.ptr, cut);
        wr_slice second = wr_slice_of(all.ptr + cut, all.len - cut);
        wr_hash two = wr_hash_of2(WR_LABEL_NODE, first, second);
        T_TRUE(wr_hash_equal(&two, &whole));
        wr_hasher hasher;
        wr_hasher_init(&hasher, WR_LABEL_NODE);
        wr_hasher_add(&hasher, first);
        wr_hasher_add(&hasher, WR_SLICE_EMPTY);
        wr_hasher_add(&hasher, second);
        wr_hash three = wr_hasher_end(&hasher);
        T_TRUE(wr_hash_equal(&three, &whole));
    }
}

static void each_label_hashes_differently(void **state) {
    (void)state;
    static const wr_label labels[] = {
#define LABEL(name, text, purpose) WR_LABEL_##name,
        WR_LABEL_MAP(LABEL)
#undef LABEL
    };
    wr_hash hashes[WR_COUNT(labels)];
    for (size_t i = 0; i < WR_COUNT(labels); i++) {
        hashes[i] = wr_hash_of(labels[i], wr_slice_str("same"));
        for (size_t k = 0; k < i; k++)
            T_FALSE(wr_hash_equal(&hashes[i], &hashes[k]));
    }
}

static void labels_fit_and_are_unique(void **state) {
    (void)state;
    static const char *const texts[] = {
#define TEXT(name, text, purpose) text,
        WR_LABEL_MAP(TEXT) WR_SIG_LABEL_MAP(TEXT)
#undef TEXT
    };
    for (size_t i = 0; i < WR_COUNT(texts); i++) {
        T_TRUE(strlen(texts[i]) > 0);
        T_TRUE(strlen(texts[i]) <= WR_LABEL_SIZE);
        for (size_t k = 0; k < i; k++)
            T_TRUE(strcmp(texts[i], texts[k]) != 0);
    }
}

static void kdf_is_keyed_personalised_blake2b_of_each_length(void **state) {
    (void)state;
    wr_key key = counting_key();
    uint8_t out[64];
    wr_kdf(&key, WR_LABEL_EPOCH_FEED, wr_slice_str("info"), out, sizeof out);
    is_hex(wr_slice_of(out, sizeof out),
           "a8ae7a4208b246d906a3730f0bb7d2159f4d859a9523e01f2099510ef4d292ee"
           "dd48b93d981a703c415c27b335b2ba11c5374ff002908bab38b1dda2059ea577");
    wr_key half = wr_kdf_key(&key, WR_LABEL_EPOCH_FEED, wr_slice_str("info"));
    wr_kdf(&key, WR_LABEL_EPOCH_FEED, wr_slice_str("info"), out, 32);
    T_MEM(half.b, out, sizeof half.b);
    T_FALSE(wr_equal(WR_SLICE_OBJ(half), wr_slice_of("\xa8\xae\x7a\x42", 4)));
}

static void siv_nonce_and_mac16_match_another_implementation(void **state) {
    (void)state;
    wr_key key = counting_key();
    wr_slice parts[] = {wr_slice_str("r16"), wr_slice_str("aad"), WR_SLICE_EMPTY,
                        wr_slice_str("pt")};
    uint8_t nonce[24], mac[16];
    wr_siv_nonce(&key, parts, WR_COUNT(parts), nonce);
    is_hex(wr_slice_of(nonce, sizeof nonce), "9efbe39568f5b9d20fbbee51759e0e571ef4696c851a78a0");
    wr_mac16(&key, wr_slice_str("msg"), mac);
    is_hex(wr_slice_of(mac, sizeof mac), "764e4986dde85b24d476605dc2ebe287");
}

/* Python's hmac with a key of 200 bytes, longer than each block. */
static void hmac_takes_a_key_of_any_length(void **state) {
    (void)state;
    static const struct {
        wr_hash_alg alg;
        const char *want;
    } cases[] = {
        {WR_SHA256, "d43bb17d7df9a088c757c1a4de57782ee20a5130f12bf85dc0b6eb0ceabcf35a"},
        {WR_SHA512, "365e7969fd2be3ae5fe6702cfb06d14244d49ef3c1e57f90dc45e35699984b0b"
                    "c51bdf1b672e7b0d4977910cc01e6d1b8f4c4d0be28226de0ce20c1f8c4ccabf"},
        {WR_BLAKE2B, "da9c93e76ce5489a57335b3d0a9b23307e72f2bdd6c28c7b304e874edc7532b0"
                     "1e8d6b17ee9c86274c17c659818f5f65945e6d9d6d0feacaa943704b585f8106"},
    };
    uint8_t key[200], got[WR_HASHLEN_MAX];
    memset(key, 'k', sizeof key);
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        wr_alg_hmac2(cases[i].alg, wr_slice_of(key, sizeof key), wr_slice_str("a"),
                     wr_slice_str("b"), got);
        is_hex(wr_slice_of(got, wr_alg_hashlen(cases[i].alg)), cases[i].want);
        T_EQ(wr_alg_blocklen(cases[i].alg), 2 * wr_alg_hashlen(cases[i].alg));
    }
}

/* An empty key has no pointer. */
static void hmac_of_nothing_is_the_published_one(void **state) {
    (void)state;
    uint8_t got[WR_HASHLEN_MAX];
    wr_alg_hmac2(WR_SHA256, WR_SLICE_EMPTY, WR_SLICE_EMPTY, WR_SLICE_EMPTY, got);
    is_hex(wr_slice_of(got, 32),
           "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void plain_hashes_are_the_published_ones(void **state) {
    (void)state;
    uint8_t got[WR_HASHLEN_MAX];
    wr_alg_hash2(WR_SHA256, wr_slice_str("a"), wr_slice_str("bc"), got);
    is_hex(wr_slice_of(got, 32),
           "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    wr_alg_hash2(WR_SHA512, wr_slice_str("abc"), WR_SLICE_EMPTY, got);
    is_hex(wr_slice_of(got, 64),
           "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
           "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    wr_alg_hash2(WR_BLAKE2B, WR_SLICE_EMPTY, wr_slice_str("abc"), got);
    is_hex(wr_slice_of(got, 64),
           "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
           "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

static void hasher_leaves_nothing_behind(void **state) {
    (void)state;
    wr_alg_hasher hasher;
    uint8_t got[WR_HASHLEN_MAX];
    wr_alg_hasher_init(&hasher, WR_SHA512);
    wr_alg_hasher_add(&hasher, wr_slice_str("secret"));
    wr_alg_hasher_end(&hasher, got);
    T_TRUE(wr_is_zero(wr_slice_of(hasher.opaque, sizeof hasher.opaque)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_blake2b_with_the_label_as_personalisation),
        cmocka_unit_test(parts_hash_like_the_whole),
        cmocka_unit_test(each_label_hashes_differently),
        cmocka_unit_test(labels_fit_and_are_unique),
        cmocka_unit_test(kdf_is_keyed_personalised_blake2b_of_each_length),
        cmocka_unit_test(siv_nonce_and_mac16_match_another_implementation),
        cmocka_unit_test(hmac_takes_a_key_of_any_length),
        cmocka_unit_test(hmac_of_nothing_is_the_published_one),
        cmocka_unit_test(plain_hashes_are_the_published_ones),
        cmocka_unit_test(hasher_leaves_nothing_behind),
    };
    if (wr_crypto_init() != WR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
