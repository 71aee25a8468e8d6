/* device.key, and the keys that seal what lies in the databases.
 *
 *   magic 8 | version 1 | sealed 1 | content length 2                      always
 *     sealed 0:  content | BLAKE2b-256 of everything before
 *     sealed 1:  salt 16 | ops 4 | memory KiB 4 | nonce 24               header, associated data
 *                commitment 32 | content sealed by XChaCha20-Poly1305 + 16
 *
 * The commitment is compared before anything is decrypted (spec overview 4): the AEAD alone would
 * accept one ciphertext under two passphrases.
 *
 * Layer:  store (the one place of the agent that includes proto/crypto)
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/keystore.h"

#include "core/file.h"
#include "crypto/crypto.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_VERSION 1u
#define CONTENT_SIZE (6u * WR_KEY_SIZE + 16u + 1u)
#define PREFIX_SIZE 12u
#define SALT_SIZE 16u
#define HEADER_SIZE (PREFIX_SIZE + SALT_SIZE + 8u + WR_XNONCE_SIZE)
#define PLAIN_SIZE (PREFIX_SIZE + CONTENT_SIZE + WR_HASH_SIZE)
#define SEALED_SIZE (HEADER_SIZE + WR_HASH_SIZE + CONTENT_SIZE + WR_TAG_SIZE)
#define KEY_FILE_MAX 1024u

_Static_assert(SEALED_SIZE <= KEY_FILE_MAX, "either form fits the buffer");
_Static_assert(PLAIN_SIZE <= KEY_FILE_MAX, "either form fits the buffer");

static const uint8_t file_magic[8] = {'W', 'R', 'N', 'K', 'E', 'Y', '\r', '\n'};

/* One object in locked memory holds everything that opens the file. */
struct keystore {
    keystore_secrets secrets;
    wr_key vault_key; /* of the passphrase; meaningless if not sealed */
    uint8_t salt[SALT_SIZE];
    wr_argon2_cost cost, next_cost; /* of vault_key; of the next passphrase */
    bool sealed;
    char path[FILE_PATH_MAX]; /* empty: there is no file, only memory */
};

/* Whole files pass through here; wiped at scope end. */
typedef struct key_file {
    uint8_t b[KEY_FILE_MAX];
    size_t len;
} key_file;

static void key_file_wipe(key_file *file) {
    wr_wipe(file, sizeof *file);
}

void keystore_secrets_wipe(keystore_secrets *secrets) {
    wr_wipe(secrets, sizeof *secrets);
}

static _Thread_local char problem_text[FILE_PROBLEM_MAX];

static wr_err problem(wr_err err, const char *path, const char *what, const char **ret_problem) {
    (void)snprintf(problem_text, sizeof problem_text, "%s %s", path, what);
    *ret_problem = problem_text;
    return err;
}

/* ---- content ------------------------------------------------------------------------------ */

static wr_err encode_content(const keystore_secrets *s, wr_buf *out) {
    WR_TRY(wr_buf_put(out, WR_SLICE_OBJ(s->sign_seed)));
    WR_TRY(wr_buf_put(out, WR_SLICE_OBJ(s->noise)));
    WR_TRY(wr_buf_put(out, WR_SLICE_OBJ(s->box)));
    WR_TRY(wr_buf_put(out, wr_slice_of(s->incarnation, sizeof s->incarnation)));
    WR_TRY(wr_buf_put(out, WR_SLICE_OBJ(s->store_key)));
    WR_TRY(wr_buf_put(out, WR_SLICE_OBJ(s->keys_key)));
    WR_TRY(wr_buf_put_u8(out, s->has_recovery ? 1 : 0));
    return s->has_recovery ? wr_buf_put(out, WR_SLICE_OBJ(s->recovery))
                           : wr_buf_put_zeros(out, WR_KEY_SIZE);
}

static bool take_into(wr_slice *in, uint8_t *out, size_t len) {
    wr_slice bytes;
    if (!wr_slice_take(in, len, &bytes))
        return false;
    memcpy(out, bytes.ptr, len);
    return true;
}

static bool take_key(wr_slice *in, wr_key *out) {
    return take_into(in, out->b, sizeof out->b);
}

static wr_err decode_content(wr_slice in, keystore_secrets *ret_secrets) {
    WR_SECRET(keystore_secrets) s = {0};
    uint8_t has_recovery = 0;
    bool complete = take_key(&in, &s.sign_seed) && take_key(&in, &s.noise) &&
                    take_key(&in, &s.box) && take_into(&in, s.incarnation, sizeof s.incarnation) &&
                    take_key(&in, &s.store_key) && take_key(&in, &s.keys_key) &&
                    wr_slice_take_u8(&in, &has_recovery) && take_key(&in, &s.recovery);
    if (!complete || in.len != 0 || has_recovery > 1)
        return WR_ERR_CORRUPT;
    /* Where the secret was forgotten are zeros, and nothing else is kept in this process. */
    if (has_recovery == 0 && !wr_is_zero(WR_SLICE_OBJ(s.recovery)))
        return WR_ERR_CORRUPT;
    s.has_recovery = has_recovery == 1;
    *ret_secrets = s;
    return WR_OK;
}

/* ---- encoding a file ------------------------------------------------------------------------ */

static wr_err put_prefix(bool sealed, wr_buf *out) {
    WR_TRY(wr_buf_put(out, wr_slice_of(file_magic, sizeof file_magic)));
    WR_TRY(wr_buf_put_u8(out, FILE_VERSION));
    WR_TRY(wr_buf_put_u8(out, sealed ? 1 : 0));
    return wr_buf_put_u16(out, CONTENT_SIZE);
}

/* A checksum, not a secret: it tells a damaged file from a good one. */
static wr_hash checksum(wr_slice bytes) {
    uint8_t full[WR_HASHLEN_MAX];
    wr_hash sum;
    wr_alg_hash2(WR_BLAKE2B, bytes, WR_SLICE_EMPTY, full);
    memcpy(sum.b, full, sizeof sum.b);
    wr_wipe(full, sizeof full);
    return sum;
}

static wr_err encode_plain(const keystore *k, wr_buf *out) {
    WR_TRY(put_prefix(false, out));
    WR_TRY(encode_content(&k->secrets, out));
    wr_hash sum = checksum(wr_buf_slice(out));
    return wr_buf_put(out, WR_SLICE_OBJ(sum));
}

static wr_key commitment(const wr_key *vault_key, const uint8_t nonce[WR_XNONCE_SIZE]) {
    return wr_kdf_key(vault_key, WR_LABEL_VAULT, wr_slice_of(nonce, WR_XNONCE_SIZE));
}

static wr_err encode_sealed(const keystore *k, wr_buf *out) {
    uint8_t nonce[WR_XNONCE_SIZE], content[CONTENT_SIZE];
    wr_rng rng = wr_rng_system();
    wr_rng_fill(&rng, nonce, sizeof nonce);
    WR_TRY(put_prefix(true, out));
    WR_TRY(wr_buf_put(out, wr_slice_of(k->salt, sizeof k->salt)));
    WR_TRY(wr_buf_put_u32(out, k->cost.ops));
    WR_TRY(wr_buf_put_u32(out, k->cost.mem_kib));
    WR_TRY(wr_buf_put(out, wr_slice_of(nonce, sizeof nonce)));
    wr_slice header = wr_buf_slice(out);
    wr_key commit = commitment(&k->vault_key, nonce);
    WR_TRY(wr_buf_put(out, WR_SLICE_OBJ(commit)));
    wr_buf plain = WR_BUF_ARRAY(content);
    wr_err err = encode_content(&k->secrets, &plain);
    if (err == WR_OK)
        err = wr_xaead_seal(&k->vault_key, nonce, header, wr_buf_slice(&plain), out);
    wr_wipe(content, sizeof content);
    return err;
}

static wr_err write_file(const keystore *k, file_mode mode, const char **ret_problem) {
    if (k->path[0] == '\0')
        return WR_OK;
    WR_SECRET(key_file) file = {.len = 0};
    wr_buf out = WR_BUF_ARRAY(file.b);
    wr_err err = k->sealed ? encode_sealed(k, &out) : encode_plain(k, &out);
    WR_ASSERT(err == WR_OK);
    err = file_write(k->path, wr_buf_slice(&out), mode, problem_text);
    if (err != WR_OK)
        *ret_problem = problem_text;
    return err;
}

/* ---- decoding a file ---- */

static wr_err make_path(const char *home, char path[FILE_PATH_MAX], const char **ret_problem) {
    int len = snprintf(path, FILE_PATH_MAX, "%s/device.key", home);
    if (len < 0 || (size_t)len >= FILE_PATH_MAX)
        return problem(WR_ERR_IO, home, "is too long a path", ret_problem);
    return WR_OK;
}

static wr_err check_owner(const char *path, const char **ret_problem) {
    struct stat st;
    if (stat(path, &st) != 0)
        return problem(WR_ERR_IO, path, strerror(errno), ret_problem);
    if (!S_ISREG(st.st_mode))
        return problem(WR_ERR_CORRUPT, path, "is not a file", ret_problem);
    if (st.st_uid != geteuid())
        return problem(WR_ERR_REFUSED, path, "belongs to another user", ret_problem);
    if ((st.st_mode & 077) != 0)
        return problem(WR_ERR_REFUSED, path, "can be read by others: run chmod 600 on it",
                       ret_problem);
    return WR_OK;
}

static wr_err read_file(const char *path, key_file *ret_file, bool *ret_sealed,
                        const char **ret_problem) {
    static const char foreign[] = "is not a key file of this program";
    static const char damaged[] = "is damaged";
    WR_TRY(check_owner(path, ret_problem));
    wr_buf out = WR_BUF_ARRAY(ret_file->b);
    wr_err err = file_read(path, &out, problem_text);
    if (err == WR_ERR_NOBUF)
        return problem(WR_ERR_CORRUPT, path, foreign, ret_problem);
    if (err != WR_OK) {
        *ret_problem = problem_text;
        return WR_ERR_IO;
    }
    ret_file->len = out.len;
    wr_slice in = wr_buf_slice(&out), magic;
    uint8_t version = 0, sealed = 0;
    uint16_t content_len = 0;
    if (!wr_slice_take(&in, sizeof file_magic, &magic) ||
        !wr_equal(magic, wr_slice_of(file_magic, sizeof file_magic)))
        return problem(WR_ERR_CORRUPT, path, foreign, ret_problem);
    if (!wr_slice_take_u8(&in, &version))
        return problem(WR_ERR_CORRUPT, path, damaged, ret_problem);
    if (version != FILE_VERSION)
        return problem(WR_ERR_VERSION, path, "was written by another version of this program",
                       ret_problem);
    if (!wr_slice_take_u8(&in, &sealed) || sealed > 1 || !wr_slice_take_u16(&in, &content_len) ||
        content_len != CONTENT_SIZE || out.len != (sealed == 1 ? SEALED_SIZE : PLAIN_SIZE))
        return problem(WR_ERR_CORRUPT, path, damaged, ret_problem);
    *ret_sealed = sealed == 1;
    return WR_OK;
}

static wr_err open_plain(keystore *k, const key_file *file) {
    wr_slice in = wr_slice_of(file->b, file->len), body;
    if (!wr_slice_take(&in, PREFIX_SIZE + CONTENT_SIZE, &body))
        return WR_ERR_CORRUPT;
    wr_hash sum = checksum(body);
    if (!wr_equal(in, WR_SLICE_OBJ(sum)))
        return WR_ERR_CORRUPT;
    return decode_content(wr_slice_of(body.ptr + PREFIX_SIZE, CONTENT_SIZE), &k->secrets);
}

static wr_err open_sealed(keystore *k, const key_file *file, wr_slice passphrase) {
    wr_slice in = wr_slice_of(file->b, file->len), header, nonce, commit;
    if (!wr_slice_take(&in, HEADER_SIZE, &header) || !wr_slice_take(&in, WR_HASH_SIZE, &commit))
        return WR_ERR_CORRUPT;
    wr_slice fields = wr_slice_of(header.ptr + PREFIX_SIZE, header.len - PREFIX_SIZE);
    if (!take_into(&fields, k->salt, sizeof k->salt) || !wr_slice_take_u32(&fields, &k->cost.ops) ||
        !wr_slice_take_u32(&fields, &k->cost.mem_kib) ||
        !wr_slice_take(&fields, WR_XNONCE_SIZE, &nonce))
        return WR_ERR_CORRUPT;
    /* The file may have been altered to exhaust us. */
    if (k->cost.ops < KEYSTORE_OPS_MIN || k->cost.ops > KEYSTORE_OPS_MAX ||
        k->cost.mem_kib < KEYSTORE_MEM_KIB_MIN || k->cost.mem_kib > KEYSTORE_MEM_KIB_MAX)
        return WR_ERR_CORRUPT;
    WR_TRY(wr_argon2id(passphrase, k->salt, k->cost, &k->vault_key));
    WR_SECRET(wr_key) expected = commitment(&k->vault_key, nonce.ptr);
    if (!wr_equal(commit, WR_SLICE_OBJ(expected)))
        return WR_ERR_AUTH;
    uint8_t content[CONTENT_SIZE];
    wr_buf plain = WR_BUF_ARRAY(content);
    wr_err err = wr_xaead_open(&k->vault_key, nonce.ptr, header, in, &plain);
    if (err == WR_OK)
        err = decode_content(wr_buf_slice(&plain), &k->secrets);
    wr_wipe(content, sizeof content);
    k->sealed = true;
    return err == WR_OK ? WR_OK : WR_ERR_AUTH;
}

/* ---- the contract ---- */

bool keystore_exists(const char *home) {
    char path[FILE_PATH_MAX];
    const char *ignored = NULL;
    struct stat st;
    return make_path(home, path, &ignored) == WR_OK && lstat(path, &st) == 0;
}

wr_err keystore_is_sealed(const char *home, bool *ret_sealed, const char **ret_problem) {
    char path[FILE_PATH_MAX];
    WR_SECRET(key_file) file = {.len = 0};
    WR_TRY(make_path(home, path, ret_problem));
    return read_file(path, &file, ret_sealed, ret_problem);
}

/* Without a path, and with secrets that are all zero. */
static wr_err keystore_new(keystore **ret_keystore) {
    keystore *k = (keystore *)wr_secret_alloc(sizeof *k);
    if (k == NULL)
        return WR_ERR_NOMEM;
    k->next_cost = (wr_argon2_cost){KEYSTORE_OPS_DEFAULT, KEYSTORE_MEM_KIB_DEFAULT};
    *ret_keystore = k;
    return WR_OK;
}

static wr_err keystore_new_in(const char *home, keystore **ret_keystore, const char **ret_problem) {
    char path[FILE_PATH_MAX];
    WR_TRY(make_path(home, path, ret_problem));
    if (keystore_new(ret_keystore) != WR_OK)
        return problem(WR_ERR_NOMEM, path, wr_err_text(WR_ERR_NOMEM), ret_problem);
    memcpy((*ret_keystore)->path, path, sizeof path);
    return WR_OK;
}

wr_err keystore_open_memory(const keystore_secrets *secrets, keystore **ret_keystore) {
    keystore *k = NULL;
    WR_TRY(keystore_new(&k));
    k->secrets = *secrets;
    *ret_keystore = k;
    return WR_OK;
}

wr_err keystore_create(const char *home, const keystore_secrets *secrets, keystore **ret_keystore,
                       const char **ret_problem) {
    WR_AUTO(keystore) k = NULL;
    WR_TRY(keystore_new_in(home, &k, ret_problem));
    k->secrets = *secrets;
    WR_TRY(write_file(k, FILE_CREATE, ret_problem));
    *ret_keystore = wr_steal(&k);
    return WR_OK;
}

wr_err keystore_open(const char *home, wr_slice passphrase, keystore **ret_keystore,
                     const char **ret_problem) {
    WR_AUTO(keystore) k = NULL;
    WR_SECRET(key_file) file = {.len = 0};
    bool sealed = false;
    WR_TRY(keystore_new_in(home, &k, ret_problem));
    WR_TRY(read_file(k->path, &file, &sealed, ret_problem));
    wr_err err = sealed ? open_sealed(k, &file, passphrase) : open_plain(k, &file);
    if (err == WR_ERR_AUTH)
        return problem(err, k->path, "does not open with this passphrase", ret_problem);
    if (err == WR_ERR_CORRUPT)
        return problem(err, k->path, "is damaged", ret_problem);
    if (err != WR_OK)
        return problem(err, k->path, wr_err_text(err), ret_problem);
    *ret_keystore = wr_steal(&k);
    return WR_OK;
}

const keystore_secrets *keystore_get(const keystore *k) {
    return &k->secrets;
}

wr_err keystore_forget_recovery(keystore *k, const char **ret_problem) {
    /* Memory first: whatever happens to the file, this process does not show it again. */
    wr_key_wipe(&k->secrets.recovery);
    k->secrets.has_recovery = false;
    return write_file(k, FILE_REPLACE, ret_problem);
}

void keystore_set_cost(keystore *k, uint32_t ops, uint32_t mem_kib) {
    k->next_cost = (wr_argon2_cost){ops, mem_kib};
}

static wr_err restored(keystore *k, const keystore *before, wr_err err) {
    if (err != WR_OK)
        *k = *before;
    return err;
}

wr_err keystore_renew(keystore *k, const keystore_secrets *fresh, const char **ret_problem) {
    keystore *before = (keystore *)wr_secret_alloc(sizeof *before);
    if (before == NULL)
        return problem(WR_ERR_NOMEM, k->path, wr_err_text(WR_ERR_NOMEM), ret_problem);
    *before = *k;
    k->secrets.sign_seed = fresh->sign_seed;
    k->secrets.noise = fresh->noise;
    k->secrets.box = fresh->box;
    memcpy(k->secrets.incarnation, fresh->incarnation, sizeof k->secrets.incarnation);
    wr_err err = restored(k, before, write_file(k, FILE_REPLACE, ret_problem));
    wr_secret_free(before);
    return err;
}

wr_err keystore_set_passphrase(keystore *k, wr_slice passphrase, const char **ret_problem) {
    keystore *before = (keystore *)wr_secret_alloc(sizeof *before);
    if (before == NULL)
        return problem(WR_ERR_NOMEM, k->path, wr_err_text(WR_ERR_NOMEM), ret_problem);
    *before = *k;
    k->sealed = passphrase.len != 0;
    wr_key_wipe(&k->vault_key);
    wr_err err = WR_OK;
    if (k->sealed) {
        wr_rng rng = wr_rng_system();
        wr_rng_fill(&rng, k->salt, sizeof k->salt);
        k->cost = k->next_cost;
        err = wr_argon2id(passphrase, k->salt, k->cost, &k->vault_key);
        if (err != WR_OK)
            err = problem(err, k->path, wr_err_text(err), ret_problem);
    }
    if (err == WR_OK)
        err = write_file(k, FILE_REPLACE, ret_problem);
    err = restored(k, before, err);
    wr_secret_free(before);
    return err;
}

bool keystore_has_passphrase(const keystore *k) {
    return k->sealed;
}

void keystore_close(keystore *k) {
    wr_secret_free(k);
}

void keystore_make(const wr_rng *rng, keystore_secrets *ret_secrets) {
    WR_SECRET(keystore_secrets) s = {0};
    wr_rng_fill(rng, s.sign_seed.b, sizeof s.sign_seed.b);
    wr_rng_fill(rng, s.noise.b, sizeof s.noise.b);
    wr_rng_fill(rng, s.box.b, sizeof s.box.b);
    wr_rng_fill(rng, s.incarnation, sizeof s.incarnation);
    wr_rng_fill(rng, s.store_key.b, sizeof s.store_key.b);
    wr_rng_fill(rng, s.keys_key.b, sizeof s.keys_key.b);
    *ret_secrets = s;
}

/* ---- sealing what lies in the databases ---- */

static wr_err seal(const wr_key *key, wr_slice aad, wr_slice plain, const wr_rng *rng,
                   wr_buf *out) {
    if (wr_buf_room(out) < KEYSTORE_SEAL_OVERHEAD ||
        wr_buf_room(out) - KEYSTORE_SEAL_OVERHEAD < plain.len)
        return WR_ERR_NOBUF;
    uint8_t nonce[WR_XNONCE_SIZE];
    wr_rng_fill(rng, nonce, sizeof nonce);
    WR_TRY(wr_buf_put(out, wr_slice_of(nonce, sizeof nonce)));
    return wr_xaead_seal(key, nonce, aad, plain, out);
}

static wr_err unseal(const wr_key *key, wr_slice aad, wr_slice sealed, wr_buf *out) {
    wr_slice nonce;
    if (!wr_slice_take(&sealed, WR_XNONCE_SIZE, &nonce))
        return WR_ERR_TRUNCATED;
    return wr_xaead_open(key, nonce.ptr, aad, sealed, out);
}

_Static_assert(KEYSTORE_SEAL_OVERHEAD == WR_XNONCE_SIZE + WR_TAG_SIZE, "nonce and tag");

wr_err keystore_seal(const wr_key *store_key, wr_slice aad, wr_slice plain, const wr_rng *rng,
                     wr_buf *out) {
    WR_SECRET(wr_key) key = wr_kdf_key(store_key, WR_LABEL_STORE_SEAL, WR_SLICE_EMPTY);
    return seal(&key, aad, plain, rng, out);
}

wr_err keystore_unseal(const wr_key *store_key, wr_slice aad, wr_slice sealed, wr_buf *out) {
    WR_SECRET(wr_key) key = wr_kdf_key(store_key, WR_LABEL_STORE_SEAL, WR_SLICE_EMPTY);
    return unseal(&key, aad, sealed, out);
}

wr_hash keystore_name_key(const wr_key *store_key, wr_slice name) {
    wr_hash hash;
    wr_kdf(store_key, WR_LABEL_STORE_NAME, name, hash.b, sizeof hash.b);
    return hash;
}

struct keystore_vault {
    wr_key key;
};

wr_err keystore_vault_new(const wr_key *keys_key, keystore_vault **ret_vault) {
    keystore_vault *vault = (keystore_vault *)wr_secret_alloc(sizeof *vault);
    if (vault == NULL)
        return WR_ERR_NOMEM;
    vault->key = wr_kdf_key(keys_key, WR_LABEL_STORE_KEYS, WR_SLICE_EMPTY);
    *ret_vault = vault;
    return WR_OK;
}

void keystore_vault_free(keystore_vault *vault) {
    wr_secret_free(vault);
}

wr_err keystore_vault_seal(const keystore_vault *vault, wr_slice aad, const wr_key *secret,
                           uint8_t out[KEYSTORE_SEALED_SECRET]) {
    wr_rng rng = wr_rng_system();
    wr_buf sealed = wr_buf_of(out, KEYSTORE_SEALED_SECRET);
    return seal(&vault->key, aad, WR_SLICE_OBJ(*secret), &rng, &sealed);
}

wr_err keystore_vault_open(const keystore_vault *vault, wr_slice aad, wr_slice sealed,
                           wr_key *ret_secret) {
    WR_SECRET(wr_key) secret;
    wr_buf out = WR_BUF_ARRAY(secret.b);
    WR_TRY(unseal(&vault->key, aad, sealed, &out));
    if (out.len != sizeof secret.b)
        return WR_ERR_TRUNCATED;
    *ret_secret = secret;
    return WR_OK;
}
