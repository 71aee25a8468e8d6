/* Who a device is: its three key pairs, the certificate over them, and the id that binds it.
 *
 * Spec:   proto/spec/circle.md 1
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/identity.h"

#include "wire/pack.h"

#define CERT_VERSION 1u
#define CERT_FIELDS 7u

/* Version, three keys, no ML-KEM key, caps, nonce: the most that our own certificate takes. */
_Static_assert(2 + 3 * (2 + WR_KEY_SIZE) + 2 + 9 + 2 + 16 <= WR_CERT_OWN_MAX, "ours fits");
_Static_assert(2 + 3 * (2 + WR_KEY_SIZE) + 3 + WR_KEM_KEY_SIZE + 9 + 2 + 16 <= WR_CERT_BYTES_MAX,
               "one with an ML-KEM key fits");

wr_err wr_cert_encode(const wr_cert *cert, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, CERT_FIELDS));
    WR_TRY(wr_pack_uint(&next, CERT_VERSION));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(cert->sign)));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(cert->noise)));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(cert->box)));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_EMPTY));
    WR_TRY(wr_pack_uint(&next, cert->caps));
    WR_TRY(wr_pack_bin(&next, wr_slice_of(cert->nonce, sizeof cert->nonce)));
    *out = next;
    return WR_OK;
}

/* One key, one purpose: a key that serves twice, or none at all, makes no device. */
static wr_err check_keys(const wr_cert *cert) {
    const wr_pub *keys[] = {&cert->sign, &cert->noise, &cert->box};
    for (size_t i = 0; i < WR_COUNT(keys); i++) {
        /* spec:circle#1 "A decoder MUST refuse a certificate with a key of 32 zero bytes, or with
         * two equal keys." */
        if (wr_is_zero(WR_SLICE_OBJ(*keys[i])))
            return WR_ERR_BAD_KEY;
        for (size_t j = 0; j < i; j++) {
            if (wr_pub_equal(keys[i], keys[j]))
                return WR_ERR_BAD_KEY;
        }
    }
    return WR_OK;
}

wr_err wr_cert_decode(wr_slice bytes, wr_cert *ret_cert) {
    wr_cert cert;
    uint64_t version;
    wr_slice kem;
    if (bytes.len > WR_CERT_BYTES_MAX)
        return WR_ERR_FORMAT;
    WR_TRY(wr_unpack_array_of(&bytes, CERT_FIELDS));
    WR_TRY(wr_unpack_uint(&bytes, &version));
    if (version != CERT_VERSION)
        return WR_ERR_VERSION;
    WR_TRY(wr_unpack_fixed(&bytes, cert.sign.b, sizeof cert.sign.b));
    WR_TRY(wr_unpack_fixed(&bytes, cert.noise.b, sizeof cert.noise.b));
    WR_TRY(wr_unpack_fixed(&bytes, cert.box.b, sizeof cert.box.b));
    WR_TRY(wr_unpack_bin(&bytes, &kem));
    if (kem.len != 0 && kem.len != WR_KEM_KEY_SIZE)
        return WR_ERR_FORMAT;
    WR_TRY(wr_unpack_uint(&bytes, &cert.caps));
    WR_TRY(wr_unpack_fixed(&bytes, cert.nonce, sizeof cert.nonce));
    if (bytes.len != 0)
        return WR_ERR_FORMAT;
    WR_TRY(check_keys(&cert));
    *ret_cert = cert;
    return WR_OK;
}

wr_hash wr_device_id(wr_slice cert_bytes) {
    return wr_hash_of(WR_LABEL_DEVICE_ID, cert_bytes);
}

void wr_identity_load(const wr_key *sign_seed, const wr_key *noise, const wr_key *box,
                      const uint8_t nonce[16], wr_identity *ret_identity) {
    wr_identity *me = ret_identity;
    *me = (wr_identity){.sign_seed = *sign_seed, .noise = *noise, .box = *box};
    wr_sign_keypair(&me->sign_seed, &me->sign, &me->cert.sign);
    me->cert.noise = wr_dh_public(&me->noise);
    me->cert.box = wr_dh_public(&me->box);
    memcpy(me->cert.nonce, nonce, sizeof me->cert.nonce);

    wr_buf bytes = WR_BUF_ARRAY(me->cert_bytes);
    wr_err err = wr_cert_encode(&me->cert, &bytes);
    WR_ASSERT(err == WR_OK);
    me->cert_len = bytes.len;
    me->device_id = wr_device_id(wr_identity_cert(me));
}

void wr_identity_make(const wr_rng *rng, wr_identity *ret_identity) {
    WR_SECRET(wr_key) sign_seed;
    WR_SECRET(wr_key) noise;
    WR_SECRET(wr_key) box;
    uint8_t nonce[16];
    wr_rng_fill(rng, sign_seed.b, sizeof sign_seed.b);
    wr_rng_fill(rng, noise.b, sizeof noise.b);
    wr_rng_fill(rng, box.b, sizeof box.b);
    wr_rng_fill(rng, nonce, sizeof nonce);
    wr_identity_load(&sign_seed, &noise, &box, nonce, ret_identity);
}

void wr_identity_wipe(wr_identity *identity) {
    wr_wipe(identity, sizeof *identity);
}
