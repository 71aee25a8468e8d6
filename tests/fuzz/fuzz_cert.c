/* Target: wr_cert_decode.
 * Input:  the bytes of a certificate.
 * Oracle: no crash; an accepted certificate without an ML-KEM key encodes to the same bytes, and
 *         one with such a key to a prefix of the same fields.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t bytes[WR_CERT_OWN_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_cert cert;
    if (wr_cert_decode(wr_slice_of(data, size), &cert) != WR_OK)
        return 0;
    WR_ASSERT(size <= WR_CERT_BYTES_MAX);
    WR_ASSERT(wr_cert_encode(&cert, &out) == WR_OK);
    if (size <= WR_CERT_OWN_MAX) {
        WR_ASSERT(wr_equal(wr_buf_slice(&out), wr_slice_of(data, size)));
        return 0;
    }
    const size_t before_kem = 2 + 3 * (2 + WR_KEY_SIZE);
    WR_ASSERT(wr_equal(wr_slice_of(bytes, before_kem), wr_slice_of(data, before_kem)));
    return 0;
}
