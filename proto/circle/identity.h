/* Who a device is: its three key pairs, the certificate over them, and the id that binds it.
 *
 * Spec:   proto/spec/circle.md 1
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_IDENTITY_H
#define WR_CIRCLE_IDENTITY_H

#include "base/base.h"
#include "base/limits.h"
#include "crypto/crypto.h"

#define WR_KEM_KEY_SIZE 1184u   /* an ML-KEM-768 key, which this version carries but never uses */
#define WR_CERT_BYTES_MAX 1400u /* with such a key */
#define WR_CERT_OWN_MAX 160u    /* our own: no ML-KEM key */

/* DeviceCert = [1, sign_pk, noise_pk, box_pk, kem_pk(bin 0|1184), caps, incarnation_nonce(16)] */
typedef struct wr_cert {
    wr_pub sign, noise, box;
    uint64_t caps;
    uint8_t nonce[16];
} wr_cert;

WR_MUST wr_err wr_cert_encode(const wr_cert *cert, wr_buf *out);
/* The whole of bytes is one certificate.  FORMAT, TRUNCATED, VERSION; BAD_KEY if two of its keys
 * are equal or one is all zero. */
WR_MUST wr_err wr_cert_decode(wr_slice bytes, wr_cert *ret_cert);
/* device_id = H("warren.devid.1", certificate as received) */
wr_hash wr_device_id(wr_slice cert_bytes);

typedef struct wr_identity { /* secret */
    wr_key sign_seed, noise, box;
    wr_sign_key sign;
    wr_cert cert;
    uint8_t cert_bytes[WR_CERT_OWN_MAX];
    size_t cert_len;
    wr_hash device_id;
} wr_identity;

/* A fresh device: three new key pairs and an incarnation nonce. */
void wr_identity_make(const wr_rng *rng, wr_identity *ret_identity);
/* The same device from its stored secrets. */
void wr_identity_load(const wr_key *sign_seed, const wr_key *noise, const wr_key *box,
                      const uint8_t nonce[16], wr_identity *ret_identity);
void wr_identity_wipe(wr_identity *identity);
static inline wr_slice wr_identity_cert(const wr_identity *identity) {
    return wr_slice_of(identity->cert_bytes, identity->cert_len);
}

#endif /* WR_CIRCLE_IDENTITY_H */
