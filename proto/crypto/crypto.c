/* The only door to libsodium: hashes, KDF, signatures, AEADs, DH, ristretto255, Argon2id.
 *
 * Spec:   proto/spec/overview.md 3 (conventions)
 * Layer:  crypto
 * SPDX-License-Identifier: Apache-2.0
 */
#include "crypto/crypto.h"

#include <sodium.h>

_Static_assert(sizeof(((wr_hasher *)0)->opaque) >= sizeof(crypto_generichash_blake2b_state),
               "a hasher holds a BLAKE2b state");
_Static_assert(alignof(wr_hasher) >= alignof(crypto_generichash_blake2b_state),
               "a hasher is aligned like a BLAKE2b state");
_Static_assert(WR_LABEL_SIZE == crypto_generichash_blake2b_PERSONALBYTES,
               "a label is a personalisation");
_Static_assert(WR_TAG_SIZE == crypto_aead_chacha20poly1305_ietf_ABYTES, "tag of Noise");
_Static_assert(WR_TAG_SIZE == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag at rest");
_Static_assert(WR_XNONCE_SIZE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "long nonce");
_Static_assert(WR_KEY_SIZE == crypto_scalarmult_curve25519_BYTES, "X25519 key");
_Static_assert(WR_SIG_SIZE == crypto_sign_ed25519_BYTES, "Ed25519 signature");
_Static_assert(sizeof(wr_sign_key) == crypto_sign_ed25519_SECRETKEYBYTES, "Ed25519 secret");

/* Zero-padded to 16 bytes by the initialiser; a longer text does not compile. */
static const uint8_t label_bytes[][WR_LABEL_SIZE] = {
#define LABEL_TEXT(name, text, purpose) [WR_LABEL_##name] = text,
    WR_LABEL_MAP(LABEL_TEXT)
#undef LABEL_TEXT
};

wr_err wr_crypto_init(void) {
    return sodium_init() < 0 ? WR_ERR_IO : WR_OK;
}

static void fill_from_system(void *ctx, uint8_t *out, size_t len) {
    (void)ctx;
    randombytes_buf(out, len);
}

wr_rng wr_rng_system(void) {
    return (wr_rng){fill_from_system, NULL};
}

/* ---- H and KDF ------------------------------------------------------------ */

/* libsodium's calls return an int that is 0 for every argument these functions can pass. */
static void must_succeed(int result) {
    WR_ASSERT(result == 0);
}

static crypto_generichash_blake2b_state *blake2b_of(uint8_t *opaque) {
    return (crypto_generichash_blake2b_state *)(void *)opaque;
}

wr_hash wr_hash_of(wr_label label, wr_slice message) {
    wr_hash hash;
    must_succeed(crypto_generichash_blake2b_salt_personal(
        hash.b, sizeof hash.b, message.ptr, message.len, NULL, 0, NULL, label_bytes[label]));
    return hash;
}

wr_hash wr_hash_of2(wr_label label, wr_slice first, wr_slice second) {
    wr_hasher hasher;
    wr_hasher_init(&hasher, label);
    wr_hasher_add(&hasher, first);
    wr_hasher_add(&hasher, second);
    return wr_hasher_end(&hasher);
}

void wr_hasher_init(wr_hasher *hasher, wr_label label) {
    must_succeed(crypto_generichash_blake2b_init_salt_personal(
        blake2b_of(hasher->opaque), NULL, 0, WR_HASH_SIZE, NULL, label_bytes[label]));
}

void wr_hasher_add(wr_hasher *hasher, wr_slice bytes) {
    must_succeed(
        crypto_generichash_blake2b_update(blake2b_of(hasher->opaque), bytes.ptr, bytes.len));
}

wr_hash wr_hasher_end(wr_hasher *hasher) {
    wr_hash hash;
    must_succeed(
        crypto_generichash_blake2b_final(blake2b_of(hasher->opaque), hash.b, sizeof hash.b));
    return hash;
}

void wr_kdf(const wr_key *key, wr_label label, wr_slice info, uint8_t *out, size_t out_len) {
    WR_ASSERT(out_len > 0);
    WR_ASSERT(out_len <= crypto_generichash_blake2b_BYTES_MAX);
    must_succeed(crypto_generichash_blake2b_salt_personal(out, out_len, info.ptr, info.len, key->b,
                                                          sizeof key->b, NULL, label_bytes[label]));
}

wr_key wr_kdf_key(const wr_key *key, wr_label label, wr_slice info) {
    wr_key derived;
    wr_kdf(key, label, info, derived.b, sizeof derived.b);
    return derived;
}

void wr_siv_nonce(const wr_key *key, const wr_slice *parts, size_t count, uint8_t out[24]) {
    crypto_generichash_blake2b_state state;
    must_succeed(crypto_generichash_blake2b_init_salt_personal(
        &state, key->b, sizeof key->b, WR_XNONCE_SIZE, NULL, label_bytes[WR_LABEL_EPOCH_SIV]));
    for (size_t i = 0; i < count; i++)
        must_succeed(crypto_generichash_blake2b_update(&state, parts[i].ptr, parts[i].len));
    must_succeed(crypto_generichash_blake2b_final(&state, out, WR_XNONCE_SIZE));
    wr_wipe(&state, sizeof state);
}

void wr_mac16(const wr_key *key, wr_slice message, uint8_t out[16]) {
    must_succeed(
        crypto_generichash_blake2b(out, 16, message.ptr, message.len, key->b, sizeof key->b));
}

/* ---- signatures ------------------------------------------------------------ */

static const char *const sig_label_texts[] = {
#define SIG_LABEL_TEXT(name, text, purpose) [WR_SIG_LABEL_##name] = text,
    WR_SIG_LABEL_MAP(SIG_LABEL_TEXT)
#undef SIG_LABEL_TEXT
};

#define SIG_LABEL_MAX 32u

typedef struct signed_text {
    size_t len;
    uint8_t b[1 + SIG_LABEL_MAX + WR_SIGNED_BYTES_MAX];
} signed_text;

/* u8(len c) || c || m: the length makes the boundary between label and message unique.
 * Ed25519 reads its message twice, so the text has to lie in one piece. */
static wr_err text_to_sign(wr_sig_label label, wr_slice message, signed_text *ret_text) {
    wr_slice name = wr_slice_str(sig_label_texts[label]);
    WR_ASSERT(name.len <= SIG_LABEL_MAX);
    if (message.len > WR_SIGNED_BYTES_MAX)
        return WR_ERR_LIMIT;
    wr_buf text = WR_BUF_ARRAY(ret_text->b);
    WR_TRY(wr_buf_put_u8(&text, (uint8_t)name.len));
    WR_TRY(wr_buf_put(&text, name));
    WR_TRY(wr_buf_put(&text, message));
    ret_text->len = text.len;
    return WR_OK;
}

void wr_sign_key_wipe(wr_sign_key *key) {
    wr_wipe(key, sizeof *key);
}

void wr_sign_keypair(const wr_key *seed, wr_sign_key *ret_secret, wr_pub *ret_public) {
    must_succeed(crypto_sign_ed25519_seed_keypair(ret_public->b, ret_secret->b, seed->b));
}

void wr_sign(const wr_sign_key *key, wr_sig_label label, wr_slice message, wr_sig *ret_sig) {
    signed_text text;
    WR_ASSERT(text_to_sign(label, message, &text) == WR_OK);
    must_succeed(crypto_sign_ed25519_detached(ret_sig->b, NULL, text.b, text.len, key->b));
}

wr_err wr_verify(const wr_pub *key, wr_sig_label label, wr_slice message, const wr_sig *sig) {
    signed_text text;
    if (text_to_sign(label, message, &text) != WR_OK)
        return WR_ERR_AUTH;
    return wr_ed25519_verify(key, wr_slice_of(text.b, text.len), sig);
}

wr_err wr_ed25519_verify(const wr_pub *key, wr_slice message, const wr_sig *sig) {
    static const uint8_t none[1];
    const uint8_t *bytes = message.len == 0 ? none : message.ptr;
    return crypto_sign_ed25519_verify_detached(sig->b, bytes, message.len, key->b) == 0
               ? WR_OK
               : WR_ERR_AUTH;
}

/* ---- AEAD ------------------------------------------------------------------ */

static wr_err room_to_seal(wr_slice plain, const wr_buf *out) {
    size_t room = wr_buf_room(out);
    return room < WR_TAG_SIZE || room - WR_TAG_SIZE < plain.len ? WR_ERR_NOBUF : WR_OK;
}

static wr_err room_to_open(wr_slice sealed, const wr_buf *out) {
    if (sealed.len < WR_TAG_SIZE)
        return WR_ERR_TRUNCATED;
    return wr_buf_room(out) < sealed.len - WR_TAG_SIZE ? WR_ERR_NOBUF : WR_OK;
}

/* Where an append goes.  An empty buffer may have no memory at all, and adding to NULL, even
 * zero, is not allowed; libsodium reads a NULL output as "only check the tag". */
static uint8_t *append_at(const wr_buf *out) {
    return out->ptr == NULL ? NULL : out->ptr + out->len;
}

wr_err wr_xaead_seal(const wr_key *key, const uint8_t nonce[WR_XNONCE_SIZE], wr_slice aad,
                     wr_slice plain, wr_buf *out) {
    WR_TRY(room_to_seal(plain, out));
    must_succeed(crypto_aead_xchacha20poly1305_ietf_encrypt(
        append_at(out), NULL, plain.ptr, plain.len, aad.ptr, aad.len, NULL, nonce, key->b));
    out->len += plain.len + WR_TAG_SIZE;
    return WR_OK;
}

wr_err wr_xaead_open(const wr_key *key, const uint8_t nonce[WR_XNONCE_SIZE], wr_slice aad,
                     wr_slice sealed, wr_buf *out) {
    WR_TRY(room_to_open(sealed, out));
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(append_at(out), NULL, NULL, sealed.ptr,
                                                   sealed.len, aad.ptr, aad.len, nonce,
                                                   key->b) != 0)
        return WR_ERR_AUTH;
    out->len += sealed.len - WR_TAG_SIZE;
    return WR_OK;
}

#define NONCE12_SIZE 12u
_Static_assert(NONCE12_SIZE == crypto_aead_chacha20poly1305_ietf_NPUBBYTES, "short nonce");

static void noise_nonce(uint64_t n, uint8_t out[NONCE12_SIZE]) {
    for (size_t i = 0; i < 4; i++)
        out[i] = 0;
    for (size_t i = 0; i < 8; i++)
        out[4 + i] = (uint8_t)(n >> (8 * i));
}

wr_err wr_aead_seal(const wr_key *key, uint64_t nonce, wr_slice aad, wr_slice plain, wr_buf *out) {
    uint8_t nonce12[NONCE12_SIZE];
    noise_nonce(nonce, nonce12);
    WR_TRY(room_to_seal(plain, out));
    must_succeed(crypto_aead_chacha20poly1305_ietf_encrypt(
        append_at(out), NULL, plain.ptr, plain.len, aad.ptr, aad.len, NULL, nonce12, key->b));
    out->len += plain.len + WR_TAG_SIZE;
    return WR_OK;
}

wr_err wr_aead_open(const wr_key *key, uint64_t nonce, wr_slice aad, wr_slice sealed, wr_buf *out) {
    uint8_t nonce12[NONCE12_SIZE];
    noise_nonce(nonce, nonce12);
    return wr_aead_open12(key, nonce12, aad, sealed, out);
}

wr_err wr_aead_open12(const wr_key *key, const uint8_t nonce[12], wr_slice aad, wr_slice sealed,
                      wr_buf *out) {
    WR_TRY(room_to_open(sealed, out));
    if (crypto_aead_chacha20poly1305_ietf_decrypt(append_at(out), NULL, NULL, sealed.ptr,
                                                  sealed.len, aad.ptr, aad.len, nonce, key->b) != 0)
        return WR_ERR_AUTH;
    out->len += sealed.len - WR_TAG_SIZE;
    return WR_OK;
}

/* ---- X25519 ----------------------------------------------------------------- */

wr_pub wr_dh_public(const wr_key *secret) {
    wr_pub public;
    must_succeed(crypto_scalarmult_curve25519_base(public.b, secret->b));
    return public;
}

wr_err wr_dh(const wr_key *secret, const wr_pub *peer, wr_key *ret_shared) {
    WR_SECRET(wr_key) shared;
    if (crypto_scalarmult_curve25519(shared.b, secret->b, peer->b) != 0)
        return WR_ERR_BAD_KEY;
    *ret_shared = shared;
    return WR_OK;
}

/* ---- plain hashes and HMAC --------------------------------------------------- */

_Static_assert(sizeof(((wr_alg_hasher *)0)->opaque) >= sizeof(crypto_hash_sha256_state) &&
                   sizeof(((wr_alg_hasher *)0)->opaque) >= sizeof(crypto_hash_sha512_state) &&
                   sizeof(((wr_alg_hasher *)0)->opaque) >= sizeof(crypto_generichash_blake2b_state),
               "a hasher holds each state");

size_t wr_alg_hashlen(wr_hash_alg alg) {
    switch (alg) {
    case WR_SHA256:
        return 32;
    case WR_SHA512:
    case WR_BLAKE2B:
        return 64;
    }
    WR_UNREACHABLE();
}

size_t wr_alg_blocklen(wr_hash_alg alg) {
    return 2 * wr_alg_hashlen(alg); /* true of all three */
}

static crypto_hash_sha256_state *sha256_of(wr_alg_hasher *hasher) {
    return (crypto_hash_sha256_state *)(void *)hasher->opaque;
}

static crypto_hash_sha512_state *sha512_of(wr_alg_hasher *hasher) {
    return (crypto_hash_sha512_state *)(void *)hasher->opaque;
}

void wr_alg_hasher_init(wr_alg_hasher *hasher, wr_hash_alg alg) {
    hasher->alg = alg;
    switch (alg) {
    case WR_SHA256:
        must_succeed(crypto_hash_sha256_init(sha256_of(hasher)));
        return;
    case WR_SHA512:
        must_succeed(crypto_hash_sha512_init(sha512_of(hasher)));
        return;
    case WR_BLAKE2B:
        must_succeed(crypto_generichash_blake2b_init(blake2b_of(hasher->opaque), NULL, 0, 64));
        return;
    }
    WR_UNREACHABLE();
}

void wr_alg_hasher_add(wr_alg_hasher *hasher, wr_slice bytes) {
    if (bytes.len == 0)
        return;
    switch (hasher->alg) {
    case WR_SHA256:
        must_succeed(crypto_hash_sha256_update(sha256_of(hasher), bytes.ptr, bytes.len));
        return;
    case WR_SHA512:
        must_succeed(crypto_hash_sha512_update(sha512_of(hasher), bytes.ptr, bytes.len));
        return;
    case WR_BLAKE2B:
        must_succeed(
            crypto_generichash_blake2b_update(blake2b_of(hasher->opaque), bytes.ptr, bytes.len));
        return;
    }
    WR_UNREACHABLE();
}

void wr_alg_hasher_end(wr_alg_hasher *hasher, uint8_t *out) {
    switch (hasher->alg) {
    case WR_SHA256:
        must_succeed(crypto_hash_sha256_final(sha256_of(hasher), out));
        break;
    case WR_SHA512:
        must_succeed(crypto_hash_sha512_final(sha512_of(hasher), out));
        break;
    case WR_BLAKE2B:
        must_succeed(crypto_generichash_blake2b_final(blake2b_of(hasher->opaque), out, 64));
        break;
    }
    wr_wipe(hasher, sizeof *hasher);
}

void wr_alg_hash2(wr_hash_alg alg, wr_slice a, wr_slice b, uint8_t *out) {
    wr_alg_hasher hasher;
    wr_alg_hasher_init(&hasher, alg);
    wr_alg_hasher_add(&hasher, a);
    wr_alg_hasher_add(&hasher, b);
    wr_alg_hasher_end(&hasher, out);
}

#define BLOCKLEN_MAX 128u

typedef struct hmac_key { /* one block, then XORed with the pads */
    uint8_t b[BLOCKLEN_MAX];
} hmac_key;

static void hmac_key_wipe(hmac_key *key) {
    wr_wipe(key, sizeof *key);
}

static void hmac_pass(wr_hash_alg alg, const hmac_key *key, uint8_t pad, wr_slice a, wr_slice b,
                      uint8_t *out) {
    WR_SECRET(hmac_key) block;
    wr_alg_hasher hasher;
    for (size_t i = 0; i < sizeof block.b; i++)
        block.b[i] = key->b[i] ^ pad;
    wr_alg_hasher_init(&hasher, alg);
    wr_alg_hasher_add(&hasher, wr_slice_of(block.b, wr_alg_blocklen(alg)));
    wr_alg_hasher_add(&hasher, a);
    wr_alg_hasher_add(&hasher, b);
    wr_alg_hasher_end(&hasher, out);
}

void wr_alg_hmac2(wr_hash_alg alg, wr_slice key, wr_slice a, wr_slice b, uint8_t *out) {
    WR_SECRET(hmac_key) block = {{0}};
    uint8_t inner[WR_HASHLEN_MAX];
    if (key.len > wr_alg_blocklen(alg)) {
        wr_alg_hash2(alg, key, WR_SLICE_EMPTY, block.b);
    } else if (key.len > 0) {
        memcpy(block.b, key.ptr, key.len);
    }
    hmac_pass(alg, &block, 0x36, a, b, inner);
    hmac_pass(alg, &block, 0x5c, wr_slice_of(inner, wr_alg_hashlen(alg)), WR_SLICE_EMPTY, out);
    wr_wipe(inner, sizeof inner);
}

void wr_alg_hkdf(wr_hash_alg alg, wr_slice chaining_key, wr_slice input,
                 uint8_t out[][WR_HASHLEN_MAX], unsigned count) {
    WR_ASSERT(count == 2 || count == 3);
    uint8_t temp[WR_HASHLEN_MAX];
    wr_slice temp_key = wr_slice_of(temp, wr_alg_hashlen(alg));
    wr_slice previous = WR_SLICE_EMPTY;
    wr_alg_hmac2(alg, chaining_key, input, WR_SLICE_EMPTY, temp);
    for (unsigned i = 0; i < count; i++) {
        uint8_t counter = (uint8_t)(i + 1);
        wr_alg_hmac2(alg, temp_key, previous, wr_slice_of(&counter, 1), out[i]);
        previous = wr_slice_of(out[i], wr_alg_hashlen(alg));
    }
    wr_wipe(temp, sizeof temp);
}

/* ---- ristretto255 -------------------------------------------------------------- */

void wr_ristretto_from_hash(const uint8_t hash[64], wr_pub *ret_point) {
    must_succeed(crypto_core_ristretto255_from_hash(ret_point->b, hash));
}

/* 253 random bits, reduced: within 2^-126 of uniform, as the order is 2^252 and a little. */
void wr_ristretto_scalar(const wr_rng *rng, wr_key *ret_scalar) {
    uint8_t wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES] = {0};
    wr_rng_fill(rng, wide, WR_KEY_SIZE);
    wide[WR_KEY_SIZE - 1] &= 0x1f;
    crypto_core_ristretto255_scalar_reduce(ret_scalar->b, wide);
    wr_wipe(wide, sizeof wide);
    /* A generator that gives zeros is broken; going on would give the code away. */
    WR_ASSERT(!wr_is_zero(WR_SLICE_OBJ(*ret_scalar)));
}

wr_err wr_ristretto_mul(const wr_key *scalar, const wr_pub *point, wr_pub *ret_point) {
    wr_pub product;
    if (crypto_scalarmult_ristretto255(product.b, scalar->b, point->b) != 0)
        return WR_ERR_BAD_KEY;
    *ret_point = product;
    wr_wipe(&product, sizeof product);
    return WR_OK;
}

/* ---- passphrases ---------------------------------------------------------------- */

wr_err wr_argon2id(wr_slice passphrase, const uint8_t salt[16], wr_argon2_cost cost,
                   wr_key *ret_key) {
    _Static_assert(crypto_pwhash_argon2id_SALTBYTES == 16, "salt");
    size_t mem_bytes = (size_t)cost.mem_kib * 1024;
    if (cost.ops < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
        mem_bytes < crypto_pwhash_argon2id_MEMLIMIT_MIN ||
        mem_bytes > crypto_pwhash_argon2id_MEMLIMIT_MAX ||
        passphrase.len > crypto_pwhash_argon2id_PASSWD_MAX)
        return WR_ERR_LIMIT;
    WR_SECRET(wr_key) key;
    const char *text = passphrase.len == 0 ? "" : (const char *)passphrase.ptr;
    if (crypto_pwhash_argon2id(key.b, sizeof key.b, text, passphrase.len, salt, cost.ops, mem_bytes,
                               crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
        return WR_ERR_NOMEM;
    *ret_key = key;
    return WR_OK;
}
