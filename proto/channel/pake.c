/* CPace: two people who know the same short code agree on a strong key, one guess per run.
 *
 * Spec:   proto/spec/channel.md 8
 * Layer:  channel
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel/pake.h"

#define SHA512_BLOCK_SIZE 128u

/* The names are the draft's. */
static const char dsi[] = "CPaceRistretto255";
static const char dsi_isk[] = "CPaceRistretto255_ISK";

void wr_pake_key_wipe(wr_pake_key *key) {
    wr_wipe(key, sizeof *key);
}

/* Bytes of x with its length in front (prepend_len of the draft). */
static size_t prefixed_len(wr_slice x) {
    uint8_t bytes[WR_VARINT_MAX];
    wr_buf prefix = WR_BUF_ARRAY(bytes);
    WR_ASSERT(wr_buf_put_varint(&prefix, x.len) == WR_OK);
    return prefix.len + x.len;
}

static void add_prefixed(wr_alg_hasher *hasher, wr_slice x) {
    uint8_t bytes[WR_VARINT_MAX];
    wr_buf prefix = WR_BUF_ARRAY(bytes);
    WR_ASSERT(wr_buf_put_varint(&prefix, x.len) == WR_OK);
    wr_alg_hasher_add(hasher, wr_buf_slice(&prefix));
    wr_alg_hasher_add(hasher, x);
}

/* Zeros fill the first block of the hash, so that its time says nothing about a short code. */
static void add_zero_pad(wr_alg_hasher *hasher, wr_slice prs) {
    static const uint8_t zeros[SHA512_BLOCK_SIZE];
    size_t taken = prefixed_len(wr_slice_str(dsi)) + prefixed_len(prs) + 1;
    size_t len = taken < SHA512_BLOCK_SIZE ? SHA512_BLOCK_SIZE - taken : 0;
    add_prefixed(hasher, wr_slice_of(zeros, len));
}

wr_pub wr_pake_generator(wr_slice prs, wr_slice ci, wr_slice sid) {
    wr_alg_hasher hasher;
    uint8_t hash[64];
    wr_pub generator;
    wr_alg_hasher_init(&hasher, WR_SHA512);
    add_prefixed(&hasher, wr_slice_str(dsi));
    add_prefixed(&hasher, prs);
    add_zero_pad(&hasher, prs);
    add_prefixed(&hasher, ci);
    add_prefixed(&hasher, sid);
    wr_alg_hasher_end(&hasher, hash);
    wr_ristretto_from_hash(hash, &generator);
    wr_wipe(hash, sizeof hash);
    return generator;
}

wr_err wr_pake_start(wr_pake *pake, const wr_pake_config *config, const wr_rng *rng,
                     wr_pub *ret_public) {
    WR_SECRET(wr_pake)
    next = {.started = true, .role = config->role, .sid = config->sid, .ad = config->ad};
    /* The generator is as secret as the code: who has it can test guesses. */
    wr_pub generator = wr_pake_generator(config->prs, config->ci, config->sid);
    wr_ristretto_scalar(rng, &next.scalar);
    wr_err err = wr_ristretto_mul(&next.scalar, &generator, &next.own);
    wr_wipe(&generator, sizeof generator);
    WR_TRY(err);

    *pake = next;
    *ret_public = next.own;
    return WR_OK;
}

/* ISK = SHA-512(lv(dsi_isk) || lv(sid) || lv(K) || lv(Ya) || lv(ADa) || lv(Yb) || lv(ADb)) */
static void hash_key(const wr_pake *pake, const wr_pub *shared, const wr_pub *peer_public,
                     wr_slice peer_ad, wr_pake_key *ret_key) {
    bool initiator = pake->role == WR_INITIATOR;
    wr_slice own = WR_SLICE_OBJ(pake->own), peer = WR_SLICE_OBJ(*peer_public);
    wr_alg_hasher hasher;
    wr_alg_hasher_init(&hasher, WR_SHA512);
    add_prefixed(&hasher, wr_slice_str(dsi_isk));
    add_prefixed(&hasher, pake->sid);
    add_prefixed(&hasher, WR_SLICE_OBJ(*shared));
    add_prefixed(&hasher, initiator ? own : peer);
    add_prefixed(&hasher, initiator ? pake->ad : peer_ad);
    add_prefixed(&hasher, initiator ? peer : own);
    add_prefixed(&hasher, initiator ? peer_ad : pake->ad);
    wr_alg_hasher_end(&hasher, ret_key->b);
}

wr_err wr_pake_finish(wr_pake *pake, const wr_pub *peer_public, wr_slice peer_ad,
                      wr_pake_key *ret_key) {
    if (!pake->started)
        return WR_ERR_STATE;
    /* spec:channel#8.3 "The scalar MUST be wiped at the first answer, good or bad." */
    WR_SECRET(wr_pake) run = *pake;
    wr_pake_wipe(pake);
    /* spec:channel#8.4 "A side that receives its own public value MUST refuse the run" */
    if (wr_pub_equal(&run.own, peer_public))
        return WR_ERR_AUTH;
    /* spec:channel#8.4 "An encoding that is no point, or a product that is the identity, MUST
     * end the run" */
    wr_pub shared;
    WR_TRY(wr_ristretto_mul(&run.scalar, peer_public, &shared));
    hash_key(&run, &shared, peer_public, peer_ad, ret_key);
    wr_wipe(&shared, sizeof shared);
    return WR_OK;
}

void wr_pake_wipe(wr_pake *pake) {
    wr_wipe(pake, sizeof *pake);
}
