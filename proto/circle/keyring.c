/* The secrets members share: one E per epoch, one circle seed Q per generation, and the keys
 * derived from them.
 *
 * Everything is derived on demand except the keys of mac1, which a stranger's first bytes are
 * tried against: there the price of a miss is one keyed hash an epoch.
 *
 * Spec:   proto/spec/circle.md 5
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/keyring.h"

#include <stdlib.h>

#define MAC1_SIZE 16u

typedef struct held_epoch {
    wr_hash epoch_id;
    wr_key secret, mac1_key;
    uint8_t *history; /* blob; NULL while it is not known */
    size_t history_len;
} held_epoch;

typedef struct held_seed {
    wr_hash founder;
    wr_key seed;
} held_seed;

#define SLOTS (2u * WR_EPOCHS_MAX) /* of the index by id: at most half full */
_Static_assert((SLOTS & (SLOTS - 1)) == 0, "a mask finds the slot");

struct wr_keyring {
    wr_hash circle_id;
    held_seed seed[WR_GENERATIONS_MAX]; /* oldest added first */
    uint32_t seed_count;
    bool has_circle;
    uint32_t count;
    uint16_t slot[SLOTS];            /* place + 1 by id, linear probing; 0 is free */
    held_epoch epoch[WR_EPOCHS_MAX]; /* oldest added first */
};

void wr_feed_keys_wipe(wr_feed_keys *keys) {
    wr_wipe(keys, sizeof *keys);
}

wr_err wr_keyring_new(wr_keyring **ret_keyring) {
    wr_keyring *keyring = calloc(1, sizeof *keyring);
    if (keyring == NULL)
        return WR_ERR_NOMEM;
    *ret_keyring = keyring;
    return WR_OK;
}

void wr_keyring_free(wr_keyring *keyring) {
    if (keyring == NULL)
        return;
    for (uint32_t i = 0; i < keyring->count; i++)
        free(keyring->epoch[i].history);
    /* Pages that were never written stay untouched: wiping them would only make them resident. */
    wr_wipe(keyring->epoch, keyring->count * sizeof keyring->epoch[0]);
    wr_wipe(keyring, offsetof(wr_keyring, epoch));
    free(keyring);
}

wr_hash wr_epoch_commit(const wr_key *secret, const wr_hash *circle_id) {
    wr_hash commit;
    wr_kdf(secret, WR_LABEL_EPOCH_COMMIT, WR_SLICE_OBJ(*circle_id), commit.b, sizeof commit.b);
    return commit;
}

wr_hash wr_seed_commit(const wr_key *seed, const wr_hash *circle_id) {
    wr_hash commit;
    wr_kdf(seed, WR_LABEL_SEED_COMMIT, WR_SLICE_OBJ(*circle_id), commit.b, sizeof commit.b);
    return commit;
}

void wr_keyring_set_circle(wr_keyring *keyring, const wr_hash *circle_id) {
    WR_ASSERT(!keyring->has_circle || wr_hash_equal(&keyring->circle_id, circle_id));
    keyring->circle_id = *circle_id;
    keyring->has_circle = true;
}

/* ---- seeds: few, so that a walk finds one ---- */

static const held_seed *find_seed(const wr_keyring *keyring, const wr_hash *founder) {
    for (uint32_t i = 0; i < keyring->seed_count; i++)
        if (wr_hash_order(&keyring->seed[i].founder, founder) == 0)
            return &keyring->seed[i];
    return NULL;
}

wr_err wr_keyring_add_seed(wr_keyring *keyring, const wr_hash *founder, const wr_key *seed) {
    WR_ASSERT(keyring->has_circle);
    if (find_seed(keyring, founder) != NULL)
        return WR_ERR_EXISTS;
    if (keyring->seed_count == WR_COUNT(keyring->seed))
        return WR_ERR_LIMIT;
    keyring->seed[keyring->seed_count++] = (held_seed){*founder, *seed};
    return WR_OK;
}

uint32_t wr_keyring_seed_count(const wr_keyring *keyring) {
    return keyring->seed_count;
}

const wr_hash *wr_keyring_seed_founder(const wr_keyring *keyring, uint32_t index) {
    WR_ASSERT(index < keyring->seed_count);
    return &keyring->seed[index].founder;
}

bool wr_keyring_seed(const wr_keyring *keyring, const wr_hash *founder, wr_key *ret_seed) {
    const held_seed *held = find_seed(keyring, founder);
    if (held == NULL)
        return false;
    *ret_seed = held->seed;
    return true;
}

/* ---- epochs ---- */

/* The slot of an epoch, or the free one where it would go.  Epoch ids are public. */
static uint32_t find_slot(const wr_keyring *keyring, const wr_hash *epoch_id) {
    uint32_t slot = wr_load_u32(epoch_id->b) & (SLOTS - 1);
    while (keyring->slot[slot] != 0 &&
           wr_hash_order(&keyring->epoch[keyring->slot[slot] - 1].epoch_id, epoch_id) != 0)
        slot = (slot + 1) & (SLOTS - 1);
    return slot;
}

static const held_epoch *find(const wr_keyring *keyring, const wr_hash *epoch_id) {
    uint32_t held = keyring->slot[find_slot(keyring, epoch_id)];
    return held == 0 ? NULL : &keyring->epoch[held - 1];
}

wr_err wr_keyring_add(wr_keyring *keyring, const wr_hash *epoch_id, const wr_hash *commit,
                      const wr_key *secret) {
    WR_ASSERT(keyring->has_circle);
    /* spec:circle#5.1 "A device MUST NOT use an E whose commitment differs from the one in the
     * EPOCH op." */
    wr_hash own = wr_epoch_commit(secret, &keyring->circle_id);
    if (!wr_hash_equal(&own, commit))
        return WR_ERR_AUTH;
    if (find(keyring, epoch_id) != NULL)
        return WR_ERR_EXISTS;
    if (keyring->count == WR_EPOCHS_MAX)
        return WR_ERR_LIMIT;
    held_epoch *held = &keyring->epoch[keyring->count++];
    held->epoch_id = *epoch_id;
    held->secret = *secret;
    held->mac1_key = wr_kdf_key(secret, WR_LABEL_EPOCH_MAC1, WR_SLICE_EMPTY);
    keyring->slot[find_slot(keyring, epoch_id)] = (uint16_t)keyring->count;
    return WR_OK;
}

/* Places have changed. */
static void index_again(wr_keyring *keyring) {
    memset(keyring->slot, 0, sizeof keyring->slot);
    for (uint32_t i = 0; i < keyring->count; i++)
        keyring->slot[find_slot(keyring, &keyring->epoch[i].epoch_id)] = (uint16_t)(i + 1);
}

void wr_keyring_remove(wr_keyring *keyring, const wr_hash *epoch_id) {
    uint32_t place = 0;
    bool held = wr_keyring_place(keyring, epoch_id, &place);
    WR_ASSERT(held);
    held_epoch *gone = &keyring->epoch[place];
    if (gone->history != NULL)
        wr_wipe(gone->history, gone->history_len);
    free(gone->history);
    keyring->count--;
    memmove(gone, gone + 1, (keyring->count - place) * sizeof *gone);
    wr_wipe(&keyring->epoch[keyring->count], sizeof *gone);
    index_again(keyring);
}

uint32_t wr_keyring_count(const wr_keyring *keyring) {
    return keyring->count;
}

const wr_hash *wr_keyring_epoch(const wr_keyring *keyring, uint32_t index) {
    WR_ASSERT(index < keyring->count);
    return &keyring->epoch[index].epoch_id;
}

bool wr_keyring_place(const wr_keyring *keyring, const wr_hash *epoch_id, uint32_t *ret_index) {
    const held_epoch *held = find(keyring, epoch_id);
    if (held == NULL)
        return false;
    *ret_index = (uint32_t)(held - keyring->epoch);
    return true;
}

bool wr_keyring_secret(const wr_keyring *keyring, const wr_hash *epoch_id, wr_key *ret_secret) {
    const held_epoch *held = find(keyring, epoch_id);
    if (held == NULL)
        return false;
    *ret_secret = held->secret;
    return true;
}

static uint8_t *history_new(wr_slice blob) {
    uint8_t *copy = malloc(blob.len);
    if (copy != NULL)
        memcpy(copy, blob.ptr, blob.len);
    return copy;
}

wr_err wr_keyring_set_history(wr_keyring *keyring, const wr_hash *epoch_id, wr_slice blob) {
    uint32_t place;
    if (blob.len == 0 || !wr_keyring_place(keyring, epoch_id, &place))
        return WR_OK;
    held_epoch *held = &keyring->epoch[place];
    if (held->history != NULL)
        return WR_OK;
    held->history = history_new(blob);
    if (held->history == NULL)
        return WR_ERR_NOMEM;
    held->history_len = blob.len;
    return WR_OK;
}

wr_slice wr_keyring_history(const wr_keyring *keyring, const wr_hash *epoch_id) {
    const held_epoch *held = find(keyring, epoch_id);
    if (held == NULL || held->history == NULL)
        return WR_SLICE_EMPTY;
    return wr_slice_of(held->history, held->history_len);
}

bool wr_keyring_has(const wr_keyring *keyring, const wr_hash *epoch_id) {
    return find(keyring, epoch_id) != NULL;
}

const wr_hash *wr_keyring_by_tag(const wr_keyring *keyring, const uint8_t tag[8]) {
    for (uint32_t i = keyring->count; i-- > 0;) {
        const wr_hash *id = &keyring->epoch[i].epoch_id;
        if (wr_order(wr_slice_of(id->b, 8), wr_slice_of(tag, 8)) == 0)
            return id;
    }
    return NULL;
}

wr_err wr_keyring_psk(const wr_keyring *keyring, const wr_hash *epoch_id, const wr_hash *founder,
                      wr_key *ret_psk) {
    const held_epoch *held = find(keyring, epoch_id);
    const held_seed *of_it = find_seed(keyring, founder);
    if (held == NULL || of_it == NULL)
        return WR_ERR_UNKNOWN;
    /* spec:circle#5.2 "Every key derived from E MUST depend on the label of its purpose." */
    uint8_t info[WR_HASH_SIZE + WR_KEY_SIZE];
    memcpy(info, keyring->circle_id.b, WR_HASH_SIZE);
    memcpy(info + WR_HASH_SIZE, of_it->seed.b, WR_KEY_SIZE);
    *ret_psk = wr_kdf_key(&held->secret, WR_LABEL_EPOCH_PSK, wr_slice_of(info, sizeof info));
    wr_wipe(info, sizeof info);
    return WR_OK;
}

wr_err wr_keyring_mac1(const wr_keyring *keyring, const wr_hash *epoch_id, wr_slice message,
                       uint8_t ret_mac[16]) {
    const held_epoch *held = find(keyring, epoch_id);
    if (held == NULL)
        return WR_ERR_UNKNOWN;
    wr_mac16(&held->mac1_key, message, ret_mac);
    return WR_OK;
}

const wr_hash *wr_keyring_match_mac1(const wr_keyring *keyring, wr_slice message,
                                     const uint8_t mac[16]) {
    uint32_t tries = keyring->count < WR_MAC1_EPOCHS_MAX ? keyring->count : WR_MAC1_EPOCHS_MAX;
    for (uint32_t i = 0; i < tries; i++) {
        const held_epoch *held = &keyring->epoch[keyring->count - 1 - i];
        uint8_t own[MAC1_SIZE];
        wr_mac16(&held->mac1_key, message, own);
        if (wr_equal(wr_slice_of(own, sizeof own), wr_slice_of(mac, MAC1_SIZE)))
            return &held->epoch_id;
    }
    return NULL;
}

wr_err wr_keyring_feed_keys(const wr_keyring *keyring, const wr_hash *epoch_id,
                            const wr_hash *feed_id, wr_feed_keys *ret_keys) {
    const held_epoch *held = find(keyring, epoch_id);
    if (held == NULL)
        return WR_ERR_UNKNOWN;
    uint8_t both[2 * WR_KEY_SIZE];
    wr_kdf(&held->secret, WR_LABEL_EPOCH_FEED, WR_SLICE_OBJ(*feed_id), both, sizeof both);
    memcpy(ret_keys->enc.b, both, WR_KEY_SIZE);
    memcpy(ret_keys->siv.b, both + WR_KEY_SIZE, WR_KEY_SIZE);
    wr_wipe(both, sizeof both);
    return WR_OK;
}
