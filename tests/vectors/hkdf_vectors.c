/* hkdf-vectors FILE..: HMAC and HKDF of the crypto door against RFC 5869 and Noise's form of it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "crypto/crypto.h"
#include "vectors/json.h"

#define OKM_BYTES_MAX 1024u

static bool find_hash(const char *name, wr_hash_alg *ret_alg) {
    static const struct {
        const char *name;
        wr_hash_alg alg;
    } known[] = {{"sha256", WR_SHA256}, {"sha512", WR_SHA512}, {"blake2b", WR_BLAKE2B}};
    for (size_t i = 0; i < WR_COUNT(known); i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        *ret_alg = known[i].alg;
        return true;
    }
    return false;
}

/* RFC 5869 2.3 over the door's HMAC: T(n) = HMAC(PRK, T(n-1) || info || n). */
static void expand(wr_hash_alg alg, wr_slice prk, wr_slice info, uint8_t *out, size_t len) {
    uint8_t block[WR_HASHLEN_MAX], text[OKM_BYTES_MAX + WR_HASHLEN_MAX];
    wr_slice previous = WR_SLICE_EMPTY;
    size_t hashlen = wr_alg_hashlen(alg);
    for (size_t done = 0, n = 1; done < len; done += hashlen, n++) {
        wr_buf tail = WR_BUF_ARRAY(text);
        WR_ASSERT(wr_buf_put(&tail, info) == WR_OK);
        WR_ASSERT(wr_buf_put_u8(&tail, (uint8_t)n) == WR_OK);
        wr_alg_hmac2(alg, prk, previous, wr_buf_slice(&tail), block);
        previous = wr_slice_of(block, hashlen);
        memcpy(out + done, block, len - done < hashlen ? len - done : hashlen);
    }
}

static bool rfc_holds(const json_t *vector, wr_hash_alg alg) {
    uint8_t prk[WR_HASHLEN_MAX], okm[OKM_BYTES_MAX];
    wr_slice ikm, salt, info, want_prk, want_okm;
    if (!vec_hex_at(vector, "ikm", &ikm) || !vec_hex_at(vector, "salt", &salt) ||
        !vec_hex_at(vector, "info", &info) || !vec_hex_at(vector, "prk", &want_prk) ||
        !vec_hex_at(vector, "okm", &want_okm) || want_okm.len > OKM_BYTES_MAX ||
        info.len > OKM_BYTES_MAX)
        return false;
    wr_alg_hmac2(alg, salt, ikm, WR_SLICE_EMPTY, prk);
    wr_slice got_prk = wr_slice_of(prk, wr_alg_hashlen(alg));
    expand(alg, got_prk, info, okm, want_okm.len);
    return wr_equal(got_prk, want_prk) && wr_equal(wr_slice_of(okm, want_okm.len), want_okm);
}

static bool noise_holds(const json_t *vector, wr_hash_alg alg) {
    uint8_t three[3][WR_HASHLEN_MAX], two[2][WR_HASHLEN_MAX];
    wr_slice ck, ikm, want;
    const json_t *out = json_object_get(vector, "out");
    if (!vec_hex_at(vector, "ck", &ck) || !vec_hex_at(vector, "ikm", &ikm) ||
        json_array_size(out) != 3)
        return false;
    wr_alg_hkdf(alg, ck, ikm, three, 3);
    wr_alg_hkdf(alg, ck, ikm, two, 2);
    for (size_t i = 0; i < 3; i++) {
        if (!vec_hex(json_array_get(out, i), &want) ||
            !wr_equal(wr_slice_of(three[i], wr_alg_hashlen(alg)), want))
            return false;
        if (i < 2 && !wr_equal(wr_slice_of(two[i], wr_alg_hashlen(alg)), want))
            return false;
    }
    return true;
}

static void run(const json_t *root, vec_tally *tally) {
    const json_t *vectors = json_object_get(root, "vectors");
    if (!json_is_array(vectors))
        vec_fail(tally, "has no array \"vectors\"");
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        wr_hash_alg alg;
        vec_reset();
        if (!find_hash(vec_text_at(vector, "hash"), &alg)) {
            tally->skipped++;
            continue;
        }
        bool noise = json_object_get(vector, "ck") != NULL;
        vec_check(tally, noise ? noise_holds(vector, alg) : rfc_holds(vector, alg),
                  "vector %zu (%s): outputs differ", i, vec_text_at(vector, "hash"));
    }
}

int main(int argc, char **argv) {
    return vec_main(argc, argv, run);
}
