/* Noise's two symmetric objects: a cipher with its nonce, and the running hash of a handshake.
 *
 * Spec:   proto/spec/channel.md 3
 * Layer:  channel
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel/symmetric.h"

/* ---- CipherState with a key -------------------------------------------------- */

wr_err wr_cipher_seal(wr_cipher *cipher, wr_slice ad, wr_slice plain, wr_buf *out) {
    /* spec:channel#3.1 "The nonce 2^64-1 MUST NOT be used for a message" */
    if (cipher->n == WR_NONCE_RESERVED)
        return WR_ERR_LIMIT;
    WR_TRY(wr_aead_seal(&cipher->k, cipher->n, ad, plain, out));
    cipher->n++;
    return WR_OK;
}

wr_err wr_cipher_open(wr_cipher *cipher, wr_slice ad, wr_slice sealed, wr_buf *out) {
    if (cipher->n == WR_NONCE_RESERVED)
        return WR_ERR_LIMIT;
    /* spec:channel#3.1 "A message that fails to open MUST NOT advance n" */
    WR_TRY(wr_aead_open(&cipher->k, cipher->n, ad, sealed, out));
    cipher->n++;
    return WR_OK;
}

typedef struct rekey_block { /* secret: the new key and a tag that nobody needs */
    uint8_t b[WR_KEY_SIZE + WR_TAG_SIZE];
} rekey_block;

static void rekey_block_wipe(rekey_block *block) {
    wr_wipe(block, sizeof *block);
}

void wr_cipher_rekey(wr_cipher *cipher) {
    static const uint8_t zeros[WR_KEY_SIZE];
    WR_SECRET(rekey_block) block;
    wr_buf out = WR_BUF_ARRAY(block.b);
    wr_err err = wr_aead_seal(&cipher->k, WR_NONCE_RESERVED, WR_SLICE_EMPTY,
                              wr_slice_of(zeros, sizeof zeros), &out);
    WR_ASSERT(err == WR_OK);
    memcpy(cipher->k.b, block.b, sizeof cipher->k.b);
}

void wr_cipher_wipe(wr_cipher *cipher) {
    wr_wipe(cipher, sizeof *cipher);
}

/* ---- SymmetricState ------------------------------------------------------------ */

typedef struct outputs { /* secret: what HKDF gives */
    uint8_t b[3][WR_HASHLEN_MAX];
} outputs;

static void outputs_wipe(outputs *out) {
    wr_wipe(out, sizeof *out);
}

static wr_slice cut(const wr_symmetric *sym, const uint8_t *bytes) {
    return wr_slice_of(bytes, wr_alg_hashlen(sym->alg));
}

static void set_chain(const wr_symmetric *sym, wr_chain *chain, const uint8_t *bytes) {
    memcpy(chain->b, bytes, wr_alg_hashlen(sym->alg));
}

/* Noise cuts a longer output of the hash down to the key. */
static void set_key(wr_symmetric *sym, const uint8_t *bytes) {
    memcpy(sym->cipher.k.b, bytes, sizeof sym->cipher.k.b);
    sym->cipher.n = 0;
    sym->keyed = true;
}

void wr_symmetric_init(wr_symmetric *sym, wr_hash_alg alg, wr_slice name) {
    *sym = (wr_symmetric){.alg = alg};
    if (name.len > wr_alg_hashlen(alg)) {
        wr_alg_hash2(alg, name, WR_SLICE_EMPTY, sym->h.b);
    } else {
        memcpy(sym->h.b, name.ptr, name.len); /* zeros behind it */
    }
    sym->ck = sym->h;
}

void wr_symmetric_mix_hash(wr_symmetric *sym, wr_slice data) {
    wr_alg_hash2(sym->alg, wr_symmetric_hash(sym), data, sym->h.b);
}

void wr_symmetric_mix_key(wr_symmetric *sym, wr_slice input) {
    WR_SECRET(outputs) out;
    wr_alg_hkdf(sym->alg, cut(sym, sym->ck.b), input, out.b, 2);
    set_chain(sym, &sym->ck, out.b[0]);
    set_key(sym, out.b[1]);
}

void wr_symmetric_mix_key_and_hash(wr_symmetric *sym, wr_slice input) {
    WR_SECRET(outputs) out;
    wr_alg_hkdf(sym->alg, cut(sym, sym->ck.b), input, out.b, 3);
    set_chain(sym, &sym->ck, out.b[0]);
    wr_symmetric_mix_hash(sym, cut(sym, out.b[1]));
    set_key(sym, out.b[2]);
}

wr_err wr_symmetric_seal(wr_symmetric *sym, wr_slice plain, wr_buf *out) {
    size_t start = out->len;
    WR_TRY(sym->keyed ? wr_cipher_seal(&sym->cipher, wr_symmetric_hash(sym), plain, out)
                      : wr_buf_put(out, plain));
    if (out->len == start) /* nothing was sealed and nothing was said */
        wr_symmetric_mix_hash(sym, WR_SLICE_EMPTY);
    else
        wr_symmetric_mix_hash(sym, wr_slice_of(out->ptr + start, out->len - start));
    return WR_OK;
}

wr_err wr_symmetric_open(wr_symmetric *sym, wr_slice sealed, wr_buf *out) {
    wr_chain before = sym->h;
    /* The hash comes first, so that sealed may lie where the plaintext goes. */
    wr_symmetric_mix_hash(sym, sealed);
    return sym->keyed ? wr_cipher_open(&sym->cipher, cut(sym, before.b), sealed, out)
                      : wr_buf_put(out, sealed);
}

size_t wr_symmetric_overhead(const wr_symmetric *sym) {
    return sym->keyed ? WR_TAG_SIZE : 0;
}

void wr_symmetric_split(const wr_symmetric *sym, wr_key *ret_first, wr_key *ret_second) {
    WR_SECRET(outputs) out;
    wr_alg_hkdf(sym->alg, cut(sym, sym->ck.b), WR_SLICE_EMPTY, out.b, 2);
    memcpy(ret_first->b, out.b[0], sizeof ret_first->b);
    memcpy(ret_second->b, out.b[1], sizeof ret_second->b);
}

wr_slice wr_symmetric_hash(const wr_symmetric *sym) {
    return cut(sym, sym->h.b);
}

void wr_symmetric_wipe(wr_symmetric *sym) {
    wr_wipe(sym, sizeof *sym);
}
