/* Fuzzes device.key, and what it seals in the databases.
 *
 * Target: keystore_is_sealed, keystore_open, keystore_unseal, keystore_vault_open.
 * Input:  1 byte  what the rest is (mod 5):
 *           0     a file
 *           1     changes (u16 place, u8 xor) of a genuine file without a passphrase
 *           2     changes of a genuine file with one
 *           3     changes of a sealed name and of a sealed secret
 *           4     a file without its checksum, which is put behind it
 * Oracle: a file that opens without a passphrase is what would be written for its secrets; a
 *         changed one never opens, nothing is given then but a text, and the genuine one opens
 *         afterwards; what is sealed opens to its plaintext unless anything was changed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/keystore.h"

#include "crypto/crypto.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_BYTES_MAX 1024u
#define COST_AT 28u          /* operations, then KiB of memory; 4 bytes each */
#define COST_MEM_KIB_MAX 64u /* above it the fuzzer would only wait */
#define PASSPHRASE wr_slice_str("correct horse")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct file {
    uint8_t bytes[FILE_BYTES_MAX];
    size_t len;
} file;

static char home[64], path[96];
static keystore_secrets secrets;
static file plain, sealed;

static void fill(void *ctx, uint8_t *out, size_t len) {
    uint8_t *next = ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = ++*next;
}

/* ---- files ---- */

static void remove_home(void) {
    (void)unlink(path);
    (void)rmdir(home);
}

static void write_file(wr_slice bytes) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    WR_ASSERT(fd >= 0);
    WR_ASSERT(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    WR_ASSERT(ftruncate(fd, (off_t)bytes.len) == 0);
    WR_ASSERT(close(fd) == 0);
}

static void read_file(file *ret_file) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    WR_ASSERT(fd >= 0);
    ssize_t len = read(fd, ret_file->bytes, sizeof ret_file->bytes);
    WR_ASSERT(len > 0);
    ret_file->len = (size_t)len;
    WR_ASSERT(close(fd) == 0);
}

static void create(const keystore_secrets *of, file *ret_file) {
    keystore *k = NULL;
    const char *why = "";
    (void)unlink(path);
    WR_ASSERT(keystore_create(home, of, &k, &why) == WR_OK);
    keystore_close(k);
    read_file(ret_file);
}

static void make_home(void) {
    uint8_t counter = 0;
    wr_rng rng = {fill, &counter};
    keystore *k = NULL;
    const char *why = "";
    WR_ASSERT(wr_crypto_init() == WR_OK);
    (void)snprintf(home, sizeof home, "/tmp/fuzz-keystore-XXXXXX");
    WR_ASSERT(mkdtemp(home) != NULL);
    (void)snprintf(path, sizeof path, "%s/device.key", home);
    WR_ASSERT(atexit(remove_home) == 0);
    keystore_make(&rng, &secrets);
    create(&secrets, &plain);
    WR_ASSERT(keystore_open(home, WR_SLICE_EMPTY, &k, &why) == WR_OK);
    keystore_set_cost(k, KEYSTORE_OPS_MIN, KEYSTORE_MEM_KIB_MIN);
    WR_ASSERT(keystore_set_passphrase(k, PASSPHRASE, &why) == WR_OK);
    keystore_close(k);
    read_file(&sealed);
}

/* ---- checks ---- */

static void check_opens(const file *f, wr_slice passphrase) {
    keystore *k = NULL;
    const char *why = "";
    bool is_sealed = false;
    write_file(wr_slice_of(f->bytes, f->len));
    WR_ASSERT(keystore_is_sealed(home, &is_sealed, &why) == WR_OK);
    WR_ASSERT(is_sealed == (passphrase.len != 0));
    WR_ASSERT(keystore_open(home, passphrase, &k, &why) == WR_OK);
    WR_ASSERT(wr_key_equal(&keystore_get(k)->keys_key, &secrets.keys_key));
    keystore_close(k);
}

static void check_refused(wr_slice bytes, wr_slice passphrase) {
    keystore *k = NULL;
    const char *why = NULL;
    write_file(bytes);
    wr_err err = keystore_open(home, passphrase, &k, &why);
    WR_ASSERT(err == WR_ERR_CORRUPT || err == WR_ERR_VERSION || err == WR_ERR_AUTH);
    WR_ASSERT(k == NULL);
    WR_ASSERT(why != NULL && why[0] != '\0');
}

/* Would opening it take long? */
static bool is_costly(wr_slice bytes) {
    return bytes.len > COST_AT + 8 && bytes.ptr[9] == 1 &&
           (wr_load_u32(bytes.ptr + COST_AT) > 3 ||
            wr_load_u32(bytes.ptr + COST_AT + 4) > COST_MEM_KIB_MAX);
}

static void fuzz_file(wr_slice bytes) {
    static file again;
    keystore *k = NULL;
    const char *why = NULL;
    if (bytes.len > sizeof again.bytes || is_costly(bytes))
        return;
    write_file(bytes);
    if (keystore_open(home, WR_SLICE_EMPTY, &k, &why) != WR_OK) {
        check_refused(bytes, PASSPHRASE);
        return;
    }
    keystore_secrets got = *keystore_get(k);
    keystore_close(k);
    create(&got, &again);
    WR_ASSERT(wr_equal(wr_slice_of(again.bytes, again.len), bytes));
}

static void fuzz_content(wr_slice bytes) {
    uint8_t with_sum[FILE_BYTES_MAX], sum[WR_HASHLEN_MAX];
    wr_buf out = WR_BUF_ARRAY(with_sum);
    wr_alg_hash2(WR_BLAKE2B, bytes, WR_SLICE_EMPTY, sum);
    if (wr_buf_put(&out, bytes) == WR_OK &&
        wr_buf_put(&out, wr_slice_of(sum, WR_HASH_SIZE)) == WR_OK)
        fuzz_file(wr_buf_slice(&out));
}

/* Applies the changes; true if any byte differs now. */
static bool change(uint8_t *bytes, size_t len, wr_slice changes) {
    static uint8_t before[FILE_BYTES_MAX];
    uint16_t at;
    uint8_t flip;
    WR_ASSERT(len <= sizeof before);
    memcpy(before, bytes, len);
    while (wr_slice_take_u16(&changes, &at) && wr_slice_take_u8(&changes, &flip))
        bytes[at % len] ^= flip;
    return !wr_equal(wr_slice_of(before, len), wr_slice_of(bytes, len));
}

static void fuzz_changes(const file *genuine, wr_slice passphrase, wr_slice changes) {
    static file bent;
    bent = *genuine;
    bool differs = change(bent.bytes, bent.len, changes);
    wr_slice bytes = wr_slice_of(bent.bytes, bent.len);
    if (is_costly(bytes) && wr_load_u32(bent.bytes + COST_AT) <= KEYSTORE_OPS_MAX)
        return;
    if (differs)
        check_refused(bytes, passphrase);
    check_opens(genuine, passphrase);
}

static void fuzz_sealed(wr_slice changes) {
    uint8_t bytes[128], text[128], secret[KEYSTORE_SEALED_SECRET], counter = 0;
    wr_slice name = wr_slice_str("groceries"), aad = wr_slice_str("log");
    wr_rng rng = {fill, &counter};
    wr_buf out = WR_BUF_ARRAY(bytes), back = WR_BUF_ARRAY(text);
    keystore_vault *vault = NULL;
    wr_key got = {{0x5a}}, before = got;
    WR_ASSERT(keystore_seal(&secrets.store_key, aad, name, &rng, &out) == WR_OK);
    bool differs = change(bytes, out.len, changes);
    wr_err err = keystore_unseal(&secrets.store_key, aad, wr_buf_slice(&out), &back);
    WR_ASSERT(err == (differs ? WR_ERR_AUTH : WR_OK));
    WR_ASSERT(wr_equal(wr_buf_slice(&back), differs ? WR_SLICE_EMPTY : name));

    WR_ASSERT(keystore_vault_new(&secrets.keys_key, &vault) == WR_OK);
    WR_ASSERT(keystore_vault_seal(vault, aad, &secrets.noise, secret) == WR_OK);
    differs = change(secret, sizeof secret, changes);
    err = keystore_vault_open(vault, aad, wr_slice_of(secret, sizeof secret), &got);
    WR_ASSERT(err == (differs ? WR_ERR_AUTH : WR_OK));
    WR_ASSERT(wr_key_equal(&got, differs ? &before : &secrets.noise));
    keystore_vault_free(vault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (home[0] == '\0')
        make_home();
    if (size < 1)
        return 0;
    wr_slice rest = wr_slice_of(data + 1, size - 1);
    if (data[0] % 5 == 0)
        fuzz_file(rest);
    if (data[0] % 5 == 1)
        fuzz_changes(&plain, WR_SLICE_EMPTY, rest);
    if (data[0] % 5 == 2)
        fuzz_changes(&sealed, PASSPHRASE, rest);
    if (data[0] % 5 == 3)
        fuzz_sealed(rest);
    if (data[0] % 5 == 4)
        fuzz_content(rest);
    return 0;
}
