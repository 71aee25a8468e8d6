/* The only door to libsodium: hashes, KDF, signatures, AEADs, DH, ristretto255, Argon2id.
 *
 * Spec:   proto/spec/overview.md 3 (conventions)
 * Layer:  crypto.  Pure functions; randomness comes in as bytes or as a wr_rng.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CRYPTO_CRYPTO_H
#define WR_CRYPTO_CRYPTO_H

#include "base/base.h"
#include "base/limits.h"
#include "crypto/labels.h"

#include <stdalign.h>

/* Once per process, before anything else.  IO if the system's generator fails. */
WR_MUST wr_err wr_crypto_init(void);
/* The operating system's generator: what the agent injects. */
wr_rng wr_rng_system(void);

/* ---- H and KDF: BLAKE2b with the label as personalisation --------------- */

/* H(label, m1 || m2 ..): 32 bytes, no key. */
wr_hash wr_hash_of(wr_label label, wr_slice message);
wr_hash wr_hash_of2(wr_label label, wr_slice first, wr_slice second);

/* Incremental form of wr_hash_of. */
typedef struct wr_hasher {
    alignas(64) uint8_t opaque[384];
} wr_hasher;
void wr_hasher_init(wr_hasher *hasher, wr_label label);
void wr_hasher_add(wr_hasher *hasher, wr_slice bytes);
wr_hash wr_hasher_end(wr_hasher *hasher);

/* KDF(key, label, info): out_len <= 64 bytes of BLAKE2b keyed with key. */
void wr_kdf(const wr_key *key, wr_label label, wr_slice info, uint8_t *out, size_t out_len);
wr_key wr_kdf_key(const wr_key *key, wr_label label, wr_slice info);

/* BLAKE2b-192 over the parts, keyed: the hedged nonce of an entry (feed.md). */
void wr_siv_nonce(const wr_key *key, const wr_slice *parts, size_t count, uint8_t out[24]);
/* BLAKE2b-128 keyed, without personalisation: mac1 of a session. */
void wr_mac16(const wr_key *key, wr_slice message, uint8_t out[16]);

/* ---- signatures: Ed25519 over u8(len c) || c || m ------------------------ */

#define WR_SIGNED_BYTES_MAX WR_OP_LARGEST_BYTES_MAX

typedef struct wr_sign_key { /* secret: libsodium's 64-byte form, seed || public */
    uint8_t b[64];
} wr_sign_key;
void wr_sign_key_wipe(wr_sign_key *key);

void wr_sign_keypair(const wr_key *seed, wr_sign_key *ret_secret, wr_pub *ret_public);
/* message: at most WR_SIGNED_BYTES_MAX, which is the largest op. */
void wr_sign(const wr_sign_key *key, wr_sig_label label, wr_slice message, wr_sig *ret_sig);
/* AUTH if the signature is not exactly valid, also for a message too long to have been signed. */
WR_MUST wr_err wr_verify(const wr_pub *key, wr_sig_label label, wr_slice message,
                         const wr_sig *sig);
/* Ed25519 as published, without our context: for Wycheproof only. */
WR_MUST wr_err wr_ed25519_verify(const wr_pub *key, wr_slice message, const wr_sig *sig);

/* ---- AEAD ---------------------------------------------------------------- */

#define WR_XNONCE_SIZE 24u

/* Appends ciphertext || tag to out.  NOBUF if it does not fit.  aad is given in parts that are
 * hashed as one string only by the caller's care: pass it contiguous. */
WR_MUST wr_err wr_xaead_seal(const wr_key *key, const uint8_t nonce[WR_XNONCE_SIZE], wr_slice aad,
                             wr_slice plain, wr_buf *out);
/* Appends the plaintext to out.  AUTH, TRUNCATED (shorter than a tag), NOBUF: out unchanged. */
WR_MUST wr_err wr_xaead_open(const wr_key *key, const uint8_t nonce[WR_XNONCE_SIZE], wr_slice aad,
                             wr_slice sealed, wr_buf *out);
/* ChaCha20-Poly1305 IETF with Noise's nonce (4 zero bytes || n little-endian). in == out place
 * is allowed: sealed/plain may start at out->ptr + out->len. */
WR_MUST wr_err wr_aead_seal(const wr_key *key, uint64_t nonce, wr_slice aad, wr_slice plain,
                            wr_buf *out);
WR_MUST wr_err wr_aead_open(const wr_key *key, uint64_t nonce, wr_slice aad, wr_slice sealed,
                            wr_buf *out);
/* ChaCha20-Poly1305 IETF with a free 12-byte nonce: for Wycheproof. */
WR_MUST wr_err wr_aead_open12(const wr_key *key, const uint8_t nonce[12], wr_slice aad,
                              wr_slice sealed, wr_buf *out);

/* ---- X25519 -------------------------------------------------------------- */

wr_pub wr_dh_public(const wr_key *secret);
/* BAD_KEY if the result is all zero (peer's key of low order). */
WR_MUST wr_err wr_dh(const wr_key *secret, const wr_pub *peer, wr_key *ret_shared);

/* ---- plain hashes and HMAC, for Noise and CPace -------------------------- */

typedef enum wr_hash_alg { WR_SHA256, WR_SHA512, WR_BLAKE2B } wr_hash_alg;
#define WR_HASHLEN_MAX 64u
size_t wr_alg_hashlen(wr_hash_alg alg);  /* 32 or 64 */
size_t wr_alg_blocklen(wr_hash_alg alg); /* 64 or 128 */

/* HASH of bytes that come in parts; _end writes wr_alg_hashlen bytes and wipes the hasher. */
typedef struct wr_alg_hasher {
    alignas(64) uint8_t opaque[384];
    wr_hash_alg alg;
} wr_alg_hasher;
void wr_alg_hasher_init(wr_alg_hasher *hasher, wr_hash_alg alg);
void wr_alg_hasher_add(wr_alg_hasher *hasher, wr_slice bytes);
void wr_alg_hasher_end(wr_alg_hasher *hasher, uint8_t *out);

/* HASH(a || b): writes wr_alg_hashlen bytes. */
void wr_alg_hash2(wr_hash_alg alg, wr_slice a, wr_slice b, uint8_t *out);
/* HMAC-HASH(key, a || b), RFC 2104.  The key may have any length. */
void wr_alg_hmac2(wr_hash_alg alg, wr_slice key, wr_slice a, wr_slice b, uint8_t *out);
/* Noise's HKDF (noise.md 4.3): count is 2 or 3 outputs of hashlen bytes each. */
void wr_alg_hkdf(wr_hash_alg alg, wr_slice chaining_key, wr_slice input,
                 uint8_t out[][WR_HASHLEN_MAX], unsigned count);

/* ---- ristretto255, for CPace --------------------------------------------- */

void wr_ristretto_from_hash(const uint8_t hash[64], wr_pub *ret_point);
void wr_ristretto_scalar(const wr_rng *rng, wr_key *ret_scalar);
/* BAD_KEY for a bad encoding of point or if the result is the identity. */
WR_MUST wr_err wr_ristretto_mul(const wr_key *scalar, const wr_pub *point, wr_pub *ret_point);

/* ---- passphrases ---------------------------------------------------------- */

typedef struct wr_argon2_cost {
    uint32_t ops;
    uint32_t mem_kib;
} wr_argon2_cost;
/* Argon2id; blocks for long: call it off the loop.  NOMEM, LIMIT (cost out of libsodium's range).
 */
WR_MUST wr_err wr_argon2id(wr_slice passphrase, const uint8_t salt[16], wr_argon2_cost cost,
                           wr_key *ret_key);

#endif /* WR_CRYPTO_CRYPTO_H */
