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
const keystore_secrets *keystore_get(const keystore *keystore);
/* Removes the recovery secret from memory and file (atomic replace). */
WR_MUST wr_err keystore_forget_recovery(keystore *keystore, const char **ret_problem);
/* Sets, changes or (empty) clears the passphrase: atomic replace of the file. */
WR_MUST wr_err keystore_set_passphrase(keystore *keystore, wr_slice passphrase,
                                       const char **ret_problem);
bool keystore_has_passphrase(const keystore *keystore);
void keystore_close(keystore *keystore); /* wipes; NULL is fine */

/* Sealing under store_key: names and tail entries of store.db.  out gets nonce || ciphertext. */
WR_MUST wr_err keystore_seal(const wr_key *store_key, wr_slice aad, wr_slice plain,
                             const wr_rng *rng, wr_buf *out);
WR_MUST wr_err keystore_unseal(const wr_key *store_key, wr_slice aad, wr_slice sealed, wr_buf *out);
#define KEYSTORE_SEAL_OVERHEAD 40u
/* Keyed hash of a log name, for look-up. */
wr_hash keystore_name_key(const wr_key *store_key, wr_slice name);
/* A fresh set of secrets (no recovery secret). */
void keystore_make(const wr_rng *rng, keystore_secrets *ret_secrets);

#endif /* STORE_KEYSTORE_H */
