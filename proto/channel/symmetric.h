/* Noise's two symmetric objects: a cipher with its nonce, and the running hash of a handshake.
 *
 * Spec:   proto/spec/channel.md 3
 * Layer:  channel.  No allocation; holds secrets, so every life ends with _wipe.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CHANNEL_SYMMETRIC_H
#define WR_CHANNEL_SYMMETRIC_H

#include "base/base.h"
#include "crypto/crypto.h"

/* ---- CipherState with a key ------------------------------------------------ */

typedef struct wr_cipher {
    wr_key k;
    uint64_t n; /* nonce of the next message; WR_NONCE_RESERVED is never used for one */
} wr_cipher;

#define WR_NONCE_RESERVED UINT64_MAX

/* Both append to out and move n on; sealed or plain may start at out->ptr + out->len.
 *   LIMIT             no nonce is left: the key is used up
 *   NOBUF             out is too small
 *   TRUNCATED, AUTH   (open) the bytes are no message of this key and nonce
 * On error neither n nor out->len has changed; what lies behind out->len is undefined. */
WR_MUST wr_err wr_cipher_seal(wr_cipher *cipher, wr_slice ad, wr_slice plain, wr_buf *out);
WR_MUST wr_err wr_cipher_open(wr_cipher *cipher, wr_slice ad, wr_slice sealed, wr_buf *out);

/* Noise's REKEY: a new k, the same n. */
void wr_cipher_rekey(wr_cipher *cipher);

void wr_cipher_wipe(wr_cipher *cipher);

/* ---- SymmetricState ---------------------------------------------------------- */

typedef struct wr_chain { /* one output of the hash, hashlen bytes are used */
    uint8_t b[WR_HASHLEN_MAX];
} wr_chain;

typedef struct wr_symmetric {
    wr_hash_alg alg;
    bool keyed; /* the cipher has a key */
    wr_cipher cipher;
    wr_chain ck; /* secret */
    wr_chain h;
} wr_symmetric;

/* name: the protocol name, for instance "Noise_XX_25519_ChaChaPoly_BLAKE2b". */
void wr_symmetric_init(wr_symmetric *sym, wr_hash_alg alg, wr_slice name);
void wr_symmetric_mix_hash(wr_symmetric *sym, wr_slice data);
void wr_symmetric_mix_key(wr_symmetric *sym, wr_slice input);
void wr_symmetric_mix_key_and_hash(wr_symmetric *sym, wr_slice input);

/* EncryptAndHash and DecryptAndHash; errors as for the cipher.  Before the first key both copy.
 * On error sym may be half changed: work on a copy. */
WR_MUST wr_err wr_symmetric_seal(wr_symmetric *sym, wr_slice plain, wr_buf *out);
WR_MUST wr_err wr_symmetric_open(wr_symmetric *sym, wr_slice sealed, wr_buf *out);

/* Bytes that sealing adds now: 0 or WR_TAG_SIZE. */
size_t wr_symmetric_overhead(const wr_symmetric *sym);

/* The two transport keys: initiator to responder first. */
void wr_symmetric_split(const wr_symmetric *sym, wr_key *ret_first, wr_key *ret_second);

/* The transcript hash so far; borrowed until sym changes. */
wr_slice wr_symmetric_hash(const wr_symmetric *sym);

void wr_symmetric_wipe(wr_symmetric *sym);

#endif /* WR_CHANNEL_SYMMETRIC_H */
