/* The secrets members share: one E per epoch, one circle seed Q per generation, and the keys
 * derived from them.
 *
 * Spec:   proto/spec/circle.md 5
 * Layer:  circle
 * Owner:  one per agent (wr_self); holds secrets, end it with wr_keyring_free.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_KEYRING_H
#define WR_CIRCLE_KEYRING_H

#include "base/base.h"
#include "base/limits.h"
#include "crypto/crypto.h"

typedef struct wr_keyring wr_keyring;

typedef struct wr_feed_keys { /* secret: K_feed = k_enc || k_siv (feed.md 3) */
    wr_key enc, siv;
} wr_feed_keys;
void wr_feed_keys_wipe(wr_feed_keys *keys);

WR_MUST wr_err wr_keyring_new(wr_keyring **ret_keyring);
void wr_keyring_free(wr_keyring *keyring); /* wipes; NULL is fine */
WR_DEFINE_FREEP(wr_keyring, wr_keyring_free)

/* commit = KDF(E, "warren.ep.cmt.1", circle_id): what the EPOCH op must carry (rule K1). */
wr_hash wr_epoch_commit(const wr_key *secret, const wr_hash *circle_id);

/* commit = KDF(Q, "warren.q.cmt.1", circle_id): what a RESET carries. */
wr_hash wr_seed_commit(const wr_key *seed, const wr_hash *circle_id);

/* The circle, before anything else; again is fine. */
void wr_keyring_set_circle(wr_keyring *keyring, const wr_hash *circle_id);
/* Adds Q of the generation that this op founded.  EXISTS, whatever its value; LIMIT. */
WR_MUST wr_err wr_keyring_add_seed(wr_keyring *keyring, const wr_hash *founder, const wr_key *seed);
uint32_t wr_keyring_seed_count(const wr_keyring *keyring);
/* index 0 is the oldest added.  The pointer lives as long as the keyring. */
const wr_hash *wr_keyring_seed_founder(const wr_keyring *keyring, uint32_t index);
WR_MUST bool wr_keyring_seed(const wr_keyring *keyring, const wr_hash *founder, wr_key *ret_seed);
/* Adds E of an epoch.  AUTH if it does not match commit, LIMIT if the ring is full, EXISTS. */
WR_MUST wr_err wr_keyring_add(wr_keyring *keyring, const wr_hash *epoch_id, const wr_hash *commit,
                              const wr_key *secret);
/* Wipes E and history of an epoch that is held.  The places of those added later change. */
void wr_keyring_remove(wr_keyring *keyring, const wr_hash *epoch_id);
uint32_t wr_keyring_count(const wr_keyring *keyring);
/* index 0 is the oldest added.  The pointers live until the next _add or _remove. */
const wr_hash *wr_keyring_epoch(const wr_keyring *keyring, uint32_t index);
WR_MUST bool wr_keyring_place(const wr_keyring *keyring, const wr_hash *epoch_id,
                              uint32_t *ret_index); /* false if it is not held */
WR_MUST bool wr_keyring_secret(const wr_keyring *keyring, const wr_hash *epoch_id,
                               wr_key *ret_secret);
/* The history blob of an epoch that is held (circle.md 6.1), copied; NOMEM.  Empty: not known. */
WR_MUST wr_err wr_keyring_set_history(wr_keyring *keyring, const wr_hash *epoch_id, wr_slice blob);
wr_slice wr_keyring_history(const wr_keyring *keyring, const wr_hash *epoch_id);
WR_MUST bool wr_keyring_has(const wr_keyring *keyring, const wr_hash *epoch_id);
/* The epoch whose id starts with tag; NULL if none is held. */
const wr_hash *wr_keyring_by_tag(const wr_keyring *keyring, const uint8_t tag[8]);

/* psk_e = KDF(E, "warren.ep.psk.1", circle_id || Q).  founder: of the generation of the epoch.
 * UNKNOWN if E or Q is not held. */
WR_MUST wr_err wr_keyring_psk(const wr_keyring *keyring, const wr_hash *epoch_id,
                              const wr_hash *founder, wr_key *ret_psk);
/* mac1 over a session's first bytes under one epoch; UNKNOWN if E is not held. */
WR_MUST wr_err wr_keyring_mac1(const wr_keyring *keyring, const wr_hash *epoch_id, wr_slice message,
                               uint8_t ret_mac[16]);
/* Newest first, at most WR_MAC1_EPOCHS_MAX: the epoch whose mac1 over message is mac; NULL if
 * none.  Costs one keyed hash an epoch. */
const wr_hash *wr_keyring_match_mac1(const wr_keyring *keyring, wr_slice message,
                                     const uint8_t mac[16]);
/* K_feed of (epoch, feed); UNKNOWN if E is not held. */
WR_MUST wr_err wr_keyring_feed_keys(const wr_keyring *keyring, const wr_hash *epoch_id,
                                    const wr_hash *feed_id, wr_feed_keys *ret_keys);

#endif /* WR_CIRCLE_KEYRING_H */
