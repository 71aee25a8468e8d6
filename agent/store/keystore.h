/* device.key: the device's own secrets in one file, 0600, optionally sealed by a passphrase.
 *
 * Spec:   proto/spec/overview.md 4 (file format)
 * Layer:  store (the one place of the agent that includes proto/crypto)
 * Owner:  secrets live in locked pages of this module until keystore_close.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORE_KEYSTORE_H
#define STORE_KEYSTORE_H

#include "base/base.h"

/* The whole content, secret. */
typedef struct keystore_secrets {
    wr_key sign_seed, noise, box; /* the device's identity (proto/circle/identity.h) */
    uint8_t incarnation[16];
    wr_key store_key;  /* seals names and the tail in store.db */
    wr_key keys_key;   /* seals keys.db */
    bool has_recovery; /* RS made by init and not yet shown */
    wr_key recovery;
} keystore_secrets;
void keystore_secrets_wipe(keystore_secrets *secrets);

typedef struct keystore keystore;

/* Does HOME/device.key exist? */
WR_MUST bool keystore_exists(const char *home);
/* Is it sealed by a passphrase?  CORRUPT, VERSION, IO. */
WR_MUST wr_err keystore_is_sealed(const char *home, bool *ret_sealed, const char **ret_problem);
/* Creates the file (never replaces one: EXISTS), fsynced, 0600. */
WR_MUST wr_err keystore_create(const char *home, const keystore_secrets *secrets,
                               keystore **ret_keystore, const char **ret_problem);
/* Opens it.  passphrase is empty for an unsealed file.  AUTH: wrong passphrase or altered file;
 * REFUSED: others may read the file (mode) or it is not ours; CORRUPT, VERSION, IO.
 * Argon2id blocks for about a second. */
WR_MUST wr_err keystore_open(const char *home, wr_slice passphrase, keystore **ret_keystore,
                             const char **ret_problem);
/* One without a file, for the simulator and tests: what would change the file changes memory only.
 * NOMEM. */
WR_MUST wr_err keystore_open_memory(const keystore_secrets *secrets, keystore **ret_keystore);
const keystore_secrets *keystore_get(const keystore *keystore);
/* Removes the recovery secret from memory and file (atomic replace). */
WR_MUST wr_err keystore_forget_recovery(keystore *keystore, const char **ret_problem);
/* The keys of another device, out of fresh; what seals the home's files stays (atomic replace). */
WR_MUST wr_err keystore_renew(keystore *keystore, const keystore_secrets *fresh,
                              const char **ret_problem);
/* Sets, changes or (empty) clears the passphrase: atomic replace of the file. */
WR_MUST wr_err keystore_set_passphrase(keystore *keystore, wr_slice passphrase,
                                       const char **ret_problem);
bool keystore_has_passphrase(const keystore *keystore);
void keystore_close(keystore *keystore); /* wipes; NULL is fine */
WR_DEFINE_FREEP(keystore, keystore_close)

/* Cost of the next passphrase (Argon2id), for slow devices and tests; a file with a cost outside
 * these bounds is CORRUPT. */
#define KEYSTORE_OPS_MIN 1u
#define KEYSTORE_OPS_MAX 10u
#define KEYSTORE_OPS_DEFAULT 3u
#define KEYSTORE_MEM_KIB_MIN 8u
#define KEYSTORE_MEM_KIB_MAX (1024u * 1024u)
#define KEYSTORE_MEM_KIB_DEFAULT (256u * 1024u)
void keystore_set_cost(keystore *keystore, uint32_t ops, uint32_t mem_kib);

/* Sealing under store_key: names and tail entries of store.db.  out gets nonce || ciphertext. */
WR_MUST wr_err keystore_seal(const wr_key *store_key, wr_slice aad, wr_slice plain,
                             const wr_rng *rng, wr_buf *out);
WR_MUST wr_err keystore_unseal(const wr_key *store_key, wr_slice aad, wr_slice sealed, wr_buf *out);
#define KEYSTORE_SEAL_OVERHEAD 40u
/* The key that seals keys.db, derived from keys_key and kept in locked memory. */
typedef struct keystore_vault keystore_vault;
WR_MUST wr_err keystore_vault_new(const wr_key *keys_key, keystore_vault **ret_vault); /* NOMEM */
void keystore_vault_free(keystore_vault *vault); /* wipes; NULL is fine */
/* One secret under its key in the database: nonce || ciphertext. */
#define KEYSTORE_SEALED_SECRET (WR_KEY_SIZE + KEYSTORE_SEAL_OVERHEAD)
WR_MUST wr_err keystore_vault_seal(const keystore_vault *vault, wr_slice aad, const wr_key *secret,
                                   uint8_t out[KEYSTORE_SEALED_SECRET]);
/* AUTH: altered, or sealed under another key; TRUNCATED. */
WR_MUST wr_err keystore_vault_open(const keystore_vault *vault, wr_slice aad, wr_slice sealed,
                                   wr_key *ret_secret);

/* Keyed hash of a log name, for look-up. */
wr_hash keystore_name_key(const wr_key *store_key, wr_slice name);
/* A fresh set of secrets (no recovery secret). */
void keystore_make(const wr_rng *rng, keystore_secrets *ret_secrets);

#endif /* STORE_KEYSTORE_H */
