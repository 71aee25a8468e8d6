/* Identities and their certificates.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

#include "wire/pack.h"

static void a_device_is_the_same_after_loading_its_secrets(void **state) {
    (void)state;
    wr_identity made = t_device(1), loaded, other = t_device(2);
    wr_identity_load(&made.sign_seed, &made.noise, &made.box, made.cert.nonce, &loaded);
    T_MEM(loaded.device_id.b, made.device_id.b, sizeof made.device_id.b);
    T_SLICE(wr_identity_cert(&loaded), wr_identity_cert(&made));
    T_FALSE(wr_hash_equal(&made.device_id, &other.device_id));
    wr_hash id = wr_device_id(wr_identity_cert(&made));
    T_MEM(id.b, made.device_id.b, sizeof id.b);
    uint8_t nonce[16] = {1};
    wr_identity_load(&made.sign_seed, &made.noise, &made.box, nonce, &other);
    T_FALSE(wr_hash_equal(&made.device_id, &other.device_id)); /* the nonce is in the id */
    wr_identity_wipe(&made);
    T_TRUE(wr_is_zero(wr_slice_of(&made, sizeof made)));
}

static void a_certificate_survives_the_round_trip(void **state) {
    (void)state;
    wr_identity device = t_device(1);
    wr_cert cert;
    uint8_t bytes[WR_CERT_OWN_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    device.cert.caps = UINT64_MAX;
    T_OK(wr_cert_encode(&device.cert, &out));
    T_OK(wr_cert_decode(wr_buf_slice(&out), &cert));
    T_MEM(cert.sign.b, device.cert.sign.b, 32);
    T_MEM(cert.noise.b, device.cert.noise.b, 32);
    T_MEM(cert.box.b, device.cert.box.b, 32);
    T_MEM(cert.nonce, device.cert.nonce, 16);
    T_TRUE(cert.caps == UINT64_MAX);
    for (size_t cap = 0; cap < out.len; cap++) {
        uint8_t small[WR_CERT_OWN_MAX];
        wr_buf tight = wr_buf_of(small, cap);
        T_ERR(wr_cert_encode(&device.cert, &tight), WR_ERR_NOBUF);
        T_EQ(tight.len, 0);
    }
}

static void a_cut_or_extended_certificate_is_refused(void **state) {
    (void)state;
    wr_identity device = t_device(1);
    wr_slice good = wr_identity_cert(&device);
    uint8_t bytes[WR_CERT_OWN_MAX + 1];
    wr_cert cert;
    memcpy(bytes, good.ptr, good.len);
    bytes[good.len] = 0;
    for (size_t len = 0; len < good.len; len++)
        T_ERR(wr_cert_decode(wr_slice_of(bytes, len), &cert), WR_ERR_TRUNCATED);
    T_ERR(wr_cert_decode(wr_slice_of(bytes, good.len + 1), &cert), WR_ERR_FORMAT);
    bytes[0] ^= 1; /* another count */
    T_ERR(wr_cert_decode(wr_slice_of(bytes, good.len), &cert), WR_ERR_FORMAT);
    bytes[0] ^= 1;
    bytes[1] = 2; /* another version */
    T_ERR(wr_cert_decode(wr_slice_of(bytes, good.len), &cert), WR_ERR_VERSION);
}

/* Encodes a certificate with an ML-KEM key of any size. */
static wr_slice with_kem(const wr_cert *cert, size_t kem_size, uint8_t *bytes, size_t cap) {
    static const uint8_t kem[2000];
    wr_buf out = wr_buf_of(bytes, cap);
    T_OK(wr_pack_array(&out, 7));
    T_OK(wr_pack_uint(&out, 1));
    T_OK(wr_pack_bin(&out, WR_SLICE_OBJ(cert->sign)));
    T_OK(wr_pack_bin(&out, WR_SLICE_OBJ(cert->noise)));
    T_OK(wr_pack_bin(&out, WR_SLICE_OBJ(cert->box)));
    T_OK(wr_pack_bin(&out, wr_slice_of(kem, kem_size)));
    T_OK(wr_pack_uint(&out, cert->caps));
    T_OK(wr_pack_bin(&out, wr_slice_of(cert->nonce, sizeof cert->nonce)));
    return wr_buf_slice(&out);
}

static void a_kem_key_has_its_size_or_is_absent(void **state) {
    (void)state;
    static uint8_t bytes[3000];
    wr_identity device = t_device(1);
    wr_cert cert;
    T_OK(wr_cert_decode(with_kem(&device.cert, 0, bytes, sizeof bytes), &cert));
    T_OK(wr_cert_decode(with_kem(&device.cert, 1184, bytes, sizeof bytes), &cert));
    T_ERR(wr_cert_decode(with_kem(&device.cert, 1183, bytes, sizeof bytes), &cert), WR_ERR_FORMAT);
    T_ERR(wr_cert_decode(with_kem(&device.cert, 1185, bytes, sizeof bytes), &cert), WR_ERR_FORMAT);
    T_ERR(wr_cert_decode(with_kem(&device.cert, 1, bytes, sizeof bytes), &cert), WR_ERR_FORMAT);
}

/* spec:circle#1 type=test "A decoder MUST refuse a certificate with a key of 32 zero bytes, or with
 * two equal keys." */
static void equal_or_missing_keys_make_no_device(void **state) {
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 3; j++) {
            wr_identity device = t_device(1);
            wr_pub *keys[] = {&device.cert.sign, &device.cert.noise, &device.cert.box};
            uint8_t bytes[WR_CERT_OWN_MAX];
            wr_buf out = WR_BUF_ARRAY(bytes);
            wr_cert cert;
            if (i == j)
                *keys[i] = (wr_pub){{0}};
            else
                *keys[i] = *keys[j];
            T_OK(wr_cert_encode(&device.cert, &out));
            T_ERR(wr_cert_decode(wr_buf_slice(&out), &cert), WR_ERR_BAD_KEY);
        }
    }
}

static void a_certificate_has_its_largest_size(void **state) {
    (void)state;
    static const uint8_t bytes[WR_CERT_BYTES_MAX + 1];
    wr_cert cert = {.noise = {{7}}};
    T_ERR(wr_cert_decode(wr_slice_of(bytes, sizeof bytes), &cert), WR_ERR_FORMAT);
    T_EQ(cert.noise.b[0], 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_the_same_after_loading_its_secrets),
        cmocka_unit_test(a_certificate_survives_the_round_trip),
        cmocka_unit_test(a_cut_or_extended_certificate_is_refused),
        cmocka_unit_test(a_kem_key_has_its_size_or_is_absent),
        cmocka_unit_test(equal_or_missing_keys_make_no_device),
        cmocka_unit_test(a_certificate_has_its_largest_size),
    };
    T_OK(wr_crypto_init());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
