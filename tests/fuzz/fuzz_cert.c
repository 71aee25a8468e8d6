/* Target: wr_cert_decode.
 * Input:  the bytes of a certificate.
 * Oracle: no crash; an accepted certificate encodes to the same bytes but for its ML-KEM key, which
 *         is not kept; a refused one leaves the result as it was.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t bytes[WR_CERT_OWN_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_cert cert, before;
    memset(&cert, 0x5a, sizeof cert);
    before = cert;
    if (wr_cert_decode(wr_slice_of(data, size), &cert) != WR_OK) {
        WR_ASSERT(wr_equal(wr_slice_of(&cert, sizeof cert), wr_slice_of(&before, sizeof before)));
        return 0;
    }
    WR_ASSERT(size <= WR_CERT_BYTES_MAX);
    WR_ASSERT(wr_cert_encode(&cert, &out) == WR_OK);
    if (size <= WR_CERT_OWN_MAX) {
        WR_ASSERT(wr_equal(wr_buf_slice(&out), wr_slice_of(data, size)));
        return 0;
    }
    const size_t before_kem = 2 + 3 * (2 + WR_KEY_SIZE);
    const size_t after_kem = out.len - before_kem - 2;
    WR_ASSERT(wr_equal(wr_slice_of(bytes, before_kem), wr_slice_of(data, before_kem)));
    WR_ASSERT(wr_equal(wr_slice_of(bytes + before_kem + 2, after_kem),
                       wr_slice_of(data + size - after_kem, after_kem)));
    return 0;
}
