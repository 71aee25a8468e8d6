/* device.key: round trips, passphrases, every flipped byte and every truncation, modes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/keystore.h"
#include "store_fixture.h"

#include "crypto/crypto.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Argon2id as cheap as it goes: its strength is not what is tested here. */
#define TEST_OPS 1u
#define TEST_MEM_KIB 8u

typedef struct home {
    char folder[64], path[96];
    uint8_t bytes[1024];
    size_t len;
    keystore_secrets secrets;
    const char *why;
} home;

static void make(home *h) {
    wr_rng rng = t_rng(1);
    *h = (home){.why = ""};
    T_OK(wr_crypto_init());
    fix_home_make(h->folder);
    (void)snprintf(h->path, sizeof h->path, "%s/device.key", h->folder);
    keystore_make(&rng, &h->secrets);
    T_FALSE(h->secrets.has_recovery);
    h->secrets.has_recovery = true;
    h->secrets.recovery = fix_key(0xee);
}

static void done(home *h) {
    fix_home_remove(h->folder);
}

static void read_back(home *h) {
    FILE *file = fopen(h->path, "rb");
    T_TRUE(file != NULL);
    h->len = fread(h->bytes, 1, sizeof h->bytes, file);
    T_EQ(fclose(file), 0);
}

/* In place: some file systems wait for the disk when a file is emptied first. */
static void write_bytes(const home *h, const uint8_t *bytes, size_t len) {
    int fd = open(h->path, O_WRONLY | O_CREAT, 0600);
    T_TRUE(fd >= 0);
    T_EQ(write(fd, bytes, len), len);
    T_EQ(ftruncate(fd, (off_t)len), 0);
    T_EQ(close(fd), 0);
}

static void check_secrets(const home *h, const keystore *k) {
    const keystore_secrets *got = keystore_get(k), *want = &h->secrets;
    T_TRUE(wr_key_equal(&got->sign_seed, &want->sign_seed));
    T_TRUE(wr_key_equal(&got->noise, &want->noise));
    T_TRUE(wr_key_equal(&got->box, &want->box));
    T_MEM(got->incarnation, want->incarnation, sizeof want->incarnation);
    T_TRUE(wr_key_equal(&got->store_key, &want->store_key));
    T_TRUE(wr_key_equal(&got->keys_key, &want->keys_key));
    T_EQ(got->has_recovery, want->has_recovery);
    T_TRUE(wr_key_equal(&got->recovery, &want->recovery));
}

static void open_with(home *h, const char *passphrase, keystore **ret_keystore) {
    wr_err err = keystore_open(h->folder, S(passphrase), ret_keystore, &h->why);
    T_STR(h->why, "");
    T_OK(err);
    check_secrets(h, *ret_keystore);
}

static void create_sealed(home *h, const char *passphrase) {
    keystore *k = NULL;
    T_OK(keystore_create(h->folder, &h->secrets, &k, &h->why));
    keystore_set_cost(k, TEST_OPS, TEST_MEM_KIB);
    T_OK(keystore_set_passphrase(k, S(passphrase), &h->why));
    keystore_close(k);
    read_back(h);
}

/* ---- round trips ---- */

static void a_file_is_created_once_and_opens_again(void **state) {
    (void)state;
    home h;
    keystore *k = NULL;
    struct stat st;
    bool sealed = true;
    make(&h);
    T_FALSE(keystore_exists(h.folder));
    T_OK(keystore_create(h.folder, &h.secrets, &k, &h.why));
    check_secrets(&h, k);
    T_FALSE(keystore_has_passphrase(k));
    keystore_close(k);
    T_TRUE(keystore_exists(h.folder));
    T_EQ(stat(h.path, &st), 0);
    T_EQ(st.st_mode & 0777, 0600);
    T_OK(keystore_is_sealed(h.folder, &sealed, &h.why));
    T_FALSE(sealed);
    open_with(&h, "", &k);
    keystore_close(k);
    T_ERR(keystore_create(h.folder, &h.secrets, &k, &h.why), WR_ERR_EXISTS);
    T_TRUE(strstr(h.why, h.path) != NULL);
    keystore_close(NULL);
    done(&h);
}

static void the_recovery_secret_is_forgotten_in_memory_and_file(void **state) {
    (void)state;
    home h;
    keystore *k = NULL;
    for (int with_passphrase = 0; with_passphrase < 2; with_passphrase++) {
        make(&h);
        T_OK(keystore_create(h.folder, &h.secrets, &k, &h.why));
        keystore_set_cost(k, TEST_OPS, TEST_MEM_KIB);
        if (with_passphrase)
            T_OK(keystore_set_passphrase(k, S("horse"), &h.why));
        T_OK(keystore_forget_recovery(k, &h.why));
        h.secrets.has_recovery = false;
        h.secrets.recovery = fix_key(0);
        check_secrets(&h, k);
        keystore_close(k);
        open_with(&h, with_passphrase ? "horse" : "", &k);
        keystore_close(k);
        read_back(&h);
        static const uint8_t gone[8] = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee};
        for (size_t i = 0; i + sizeof gone <= h.len; i++)
            T_FALSE(wr_equal(wr_slice_of(h.bytes + i, 8), wr_slice_of(gone, 8)));
        done(&h);
    }
}

static void a_passphrase_is_set_changed_and_cleared(void **state) {
    (void)state;
    home h;
    keystore *k = NULL;
    bool sealed = false;
    make(&h);
    create_sealed(&h, "horse");
    T_OK(keystore_is_sealed(h.folder, &sealed, &h.why));
    T_TRUE(sealed);
    T_ERR(keystore_open(h.folder, S("mule"), &k, &h.why), WR_ERR_AUTH);
    T_ERR(keystore_open(h.folder, S(""), &k, &h.why), WR_ERR_AUTH);
    T_TRUE(strstr(h.why, h.path) != NULL);
    h.why = "";
    open_with(&h, "horse", &k);
    T_TRUE(keystore_has_passphrase(k));
    T_OK(keystore_set_passphrase(k, S("mule"), &h.why));
    keystore_close(k);
    T_ERR(keystore_open(h.folder, S("horse"), &k, &h.why), WR_ERR_AUTH);
    h.why = "";
    open_with(&h, "mule", &k);
    T_OK(keystore_set_passphrase(k, S(""), &h.why));
    keystore_close(k);
    open_with(&h, "", &k);
    T_FALSE(keystore_has_passphrase(k));
    keystore_close(k);
    done(&h);
}

static void a_failed_change_keeps_the_old_passphrase(void **state) {
    (void)state;
    home h;
    keystore *k = NULL;
    make(&h);
    create_sealed(&h, "horse");
    open_with(&h, "horse", &k);
    keystore_set_cost(k, 0, 0); /* no such cost */
    T_TRUE(keystore_set_passphrase(k, S("mule"), &h.why) != WR_OK);
    T_TRUE(keystore_has_passphrase(k));
    /* What is written next is still sealed by the old one. */
    T_OK(keystore_forget_recovery(k, &h.why));
    h.secrets.has_recovery = false;
    h.secrets.recovery = fix_key(0);
    keystore_close(k);
    h.why = "";
    open_with(&h, "horse", &k);
    keystore_close(k);
    done(&h);
}

/* ---- bad files ---- */

/* Opening fails, names the file, and leaves it alone. */
static void check_refused(home *h, const char *passphrase, const uint8_t *bytes, size_t len) {
    uint8_t after[1024];
    keystore *k = NULL;
    h->why = "";
    wr_err err = keystore_open(h->folder, S(passphrase), &k, &h->why);
    T_TRUE(err == WR_ERR_CORRUPT || err == WR_ERR_AUTH || err == WR_ERR_VERSION);
    T_TRUE(k == NULL);
    T_TRUE(strstr(h->why, h->path) != NULL);
    FILE *file = fopen(h->path, "rb");
    T_TRUE(file != NULL);
    T_EQ(fread(after, 1, sizeof after, file), len);
    T_EQ(fclose(file), 0);
    T_MEM(after, bytes, len);
}

static void check_every_fault(home *h, const char *passphrase) {
    uint8_t bytes[1024];
    T_TRUE(h->len > 200);
    for (size_t i = 0; i < h->len; i++) {
        memcpy(bytes, h->bytes, h->len);
        /* The low bit: a flipped cost stays cheap or is out of bounds. */
        bytes[i] ^= 1;
        write_bytes(h, bytes, h->len);
        check_refused(h, passphrase, bytes, h->len);
        write_bytes(h, h->bytes, i);
        check_refused(h, passphrase, h->bytes, i);
    }
    memcpy(bytes, h->bytes, h->len);
    bytes[h->len] = 0;
    write_bytes(h, bytes, h->len + 1);
    check_refused(h, passphrase, bytes, h->len + 1);
    keystore *k = NULL;
    write_bytes(h, h->bytes, h->len);
    h->why = "";
    open_with(h, passphrase, &k);
    keystore_close(k);
}

static void every_flipped_byte_and_truncation_is_noticed(void **state) {
    (void)state;
    home h;
    keystore *k = NULL;
    make(&h);
    T_OK(keystore_create(h.folder, &h.secrets, &k, &h.why));
    keystore_close(k);
    read_back(&h);
    check_every_fault(&h, "");
    done(&h);
    make(&h);
    create_sealed(&h, "horse");
    check_every_fault(&h, "horse");
    done(&h);
}

static void a_cost_out_of_bounds_is_corrupt_before_it_is_paid(void **state) {
    (void)state;
    home h;
    keystore *k = NULL;
    make(&h);
    create_sealed(&h, "horse");
    /* ops and memory lie behind the prefix of 12 bytes and the salt. */
    static const uint32_t bad[][2] = {{11, 8}, {0, 8}, {1, 1024u * 1024 + 1}, {1, 7}};
    for (size_t i = 0; i < WR_COUNT(bad); i++) {
        wr_store_u32(h.bytes + 28, bad[i][0]);
        wr_store_u32(h.bytes + 32, bad[i][1]);
        write_bytes(&h, h.bytes, h.len);
        T_ERR(keystore_open(h.folder, S("horse"), &k, &h.why), WR_ERR_CORRUPT);
    }
    done(&h);
}

/* The file with another byte in it and the checksum that belongs to that. */
static void write_with_sum(home *h, size_t at, uint8_t value) {
    uint8_t sum[WR_HASHLEN_MAX];
    size_t body_len = h->len - WR_HASH_SIZE;
    h->bytes[at] = value;
    wr_alg_hash2(WR_BLAKE2B, wr_slice_of(h->bytes, body_len), WR_SLICE_EMPTY, sum);
    memcpy(h->bytes + body_len, sum, WR_HASH_SIZE);
    write_bytes(h, h->bytes, h->len);
}

static void a_forgotten_recovery_secret_is_all_zeros_in_the_file(void **state) {
    (void)state;
    home h;
    keystore *k = NULL;
    make(&h);
    h.secrets.has_recovery = false;
    h.secrets.recovery = fix_key(0);
    T_OK(keystore_create(h.folder, &h.secrets, &k, &h.why));
    keystore_close(k);
    read_back(&h);
    size_t last = h.len - WR_HASH_SIZE - 1;
    write_with_sum(&h, last, 1);
    T_ERR(keystore_open(h.folder, S(""), &k, &h.why), WR_ERR_CORRUPT);
    write_with_sum(&h, last, 0);
    h.why = "";
    open_with(&h, "", &k);
    keystore_close(k);
    done(&h);
}

static void a_newer_file_is_refused(void **state) {
    (void)state;
    home h;
    keystore *k = NULL;
    bool sealed;
    make(&h);
    create_sealed(&h, "horse");
    h.bytes[8] = 2;
    write_bytes(&h, h.bytes, h.len);
    T_ERR(keystore_open(h.folder, S("horse"), &k, &h.why), WR_ERR_VERSION);
    T_ERR(keystore_is_sealed(h.folder, &sealed, &h.why), WR_ERR_VERSION);
    done(&h);
}

static void a_foreign_file_is_refused_and_untouched(void **state) {
    (void)state;
    home h;
    static const char text[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
    static const uint8_t large[1024];
    make(&h);
    write_bytes(&h, (const uint8_t *)text, sizeof text);
    T_EQ(chmod(h.path, 0600), 0);
    check_refused(&h, "", (const uint8_t *)text, sizeof text);
    write_bytes(&h, large, sizeof large);
    check_refused(&h, "", large, sizeof large);
    keystore *k = NULL;
    T_ERR(keystore_create(h.folder, &h.secrets, &k, &h.why), WR_ERR_EXISTS);
    done(&h);
}

static void a_file_that_others_may_read_is_refused(void **state) {
    (void)state;
    home h;
    keystore *k = NULL;
    bool sealed;
    static const mode_t bad[] = {0644, 0640, 0604, 0620, 0602, 0610};
    make(&h);
    T_OK(keystore_create(h.folder, &h.secrets, &k, &h.why));
    keystore_close(k);
    for (size_t i = 0; i < WR_COUNT(bad); i++) {
        T_EQ(chmod(h.path, bad[i]), 0);
        T_ERR(keystore_open(h.folder, S(""), &k, &h.why), WR_ERR_REFUSED);
        T_ERR(keystore_is_sealed(h.folder, &sealed, &h.why), WR_ERR_REFUSED);
    }
    T_EQ(chmod(h.path, 0400), 0);
    h.why = "";
    open_with(&h, "", &k);
    keystore_close(k);
    T_EQ(unlink(h.path), 0);
    T_ERR(keystore_open(h.folder, S(""), &k, &h.why), WR_ERR_IO);
    T_EQ(mkdir(h.path, 0700), 0);
    T_ERR(keystore_open(h.folder, S(""), &k, &h.why), WR_ERR_CORRUPT);
    T_EQ(rmdir(h.path), 0);
    done(&h);
}

/* ---- sealing ---- */

static void sealed_values_open_under_their_own_name_only(void **state) {
    (void)state;
    wr_key key = fix_key(1), other = fix_key(2), secret = fix_key(3), got;
    wr_rng rng = t_rng(7);
    uint8_t sealed_bytes[64], plain_bytes[64], vaulted[KEYSTORE_SEALED_SECRET];
    wr_buf sealed = WR_BUF_ARRAY(sealed_bytes), plain = WR_BUF_ARRAY(plain_bytes);
    T_OK(wr_crypto_init());
    T_OK(keystore_seal(&key, S("name"), S("notes"), &rng, &sealed));
    T_EQ(sealed.len, 5 + KEYSTORE_SEAL_OVERHEAD);
    T_OK(keystore_unseal(&key, S("name"), wr_buf_slice(&sealed), &plain));
    T_SLICE(wr_buf_slice(&plain), S("notes"));
    T_ERR(keystore_unseal(&key, S("tail"), wr_buf_slice(&sealed), &plain), WR_ERR_AUTH);
    T_ERR(keystore_unseal(&other, S("name"), wr_buf_slice(&sealed), &plain), WR_ERR_AUTH);
    T_ERR(keystore_unseal(&key, S("name"), wr_slice_of(sealed_bytes, 20), &plain),
          WR_ERR_TRUNCATED);
    wr_buf small = wr_buf_of(plain_bytes, KEYSTORE_SEAL_OVERHEAD + 4);
    T_ERR(keystore_seal(&key, S("name"), S("notes"), &rng, &small), WR_ERR_NOBUF);
    T_EQ(small.len, 0);

    keystore_vault *vault = NULL;
    T_OK(keystore_vault_new(&key, &vault));
    T_OK(keystore_vault_seal(vault, S("a"), &secret, vaulted));
    T_OK(keystore_vault_open(vault, S("a"), wr_slice_of(vaulted, sizeof vaulted), &got));
    T_TRUE(wr_key_equal(&got, &secret));
    T_ERR(keystore_vault_open(vault, S("b"), wr_slice_of(vaulted, sizeof vaulted), &got),
          WR_ERR_AUTH);
    keystore_vault_free(vault);
    keystore_vault_free(NULL);
}

static void name_keys_differ_by_name_and_key(void **state) {
    (void)state;
    wr_key key = fix_key(1), other = fix_key(2);
    T_OK(wr_crypto_init());
    wr_hash a = keystore_name_key(&key, S("notes")), b = keystore_name_key(&key, S("note"));
    wr_hash c = keystore_name_key(&other, S("notes")), again = keystore_name_key(&key, S("notes"));
    T_TRUE(wr_hash_equal(&a, &again));
    T_FALSE(wr_hash_equal(&a, &b));
    T_FALSE(wr_hash_equal(&a, &c));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_created_once_and_opens_again),
        cmocka_unit_test(the_recovery_secret_is_forgotten_in_memory_and_file),
        cmocka_unit_test(a_passphrase_is_set_changed_and_cleared),
        cmocka_unit_test(a_failed_change_keeps_the_old_passphrase),
        cmocka_unit_test(every_flipped_byte_and_truncation_is_noticed),
        cmocka_unit_test(a_cost_out_of_bounds_is_corrupt_before_it_is_paid),
        cmocka_unit_test(a_forgotten_recovery_secret_is_all_zeros_in_the_file),
        cmocka_unit_test(a_newer_file_is_refused),
        cmocka_unit_test(a_foreign_file_is_refused_and_untouched),
        cmocka_unit_test(a_file_that_others_may_read_is_refused),
        cmocka_unit_test(sealed_values_open_under_their_own_name_only),
        cmocka_unit_test(name_keys_differ_by_name_and_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
