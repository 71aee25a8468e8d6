/* Fuzzes the ring of epochs: a list of what was put into it says what it must answer.
 *
 * Target: wr_keyring_*, wr_epoch_commit.
 * Input:  steps of 3 bytes: what (mod 4), epoch, secret.
 * Oracle: the model beside it: an epoch is taken once and only with the secret of its commitment,
 *         each is found by id, tag and mac1 (the newest by what they share), keys depend on epoch,
 *         feed and secret, and an unknown one leaves the result as it was.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/keyring.h"

#define STEPS_MAX 600u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct model {
    wr_keyring *ring;
    wr_hash circle;
    uint32_t count;
    uint8_t epochs[WR_EPOCHS_MAX], secrets[WR_EPOCHS_MAX]; /* in the order they were added */
} model;

/* Every fourth shares its tag with the one before. */
static wr_hash epoch_id(uint8_t epoch) {
    wr_hash id = {{0}};
    id.b[0] = epoch % 4 == 3 ? (uint8_t)(epoch - 1) : epoch;
    id.b[31] = epoch;
    return id;
}

static wr_key secret_of(uint8_t secret) {
    return (wr_key){{1, secret}};
}

static bool held(const model *m, uint8_t epoch, uint32_t *ret_index) {
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->epochs[i] != epoch)
            continue;
        *ret_index = i;
        return true;
    }
    return false;
}

/* An odd secret comes with the commitment of another one. */
static void add(model *m, uint8_t epoch, uint8_t secret) {
    uint32_t index;
    wr_hash id = epoch_id(epoch);
    wr_key key = secret_of(secret), other = secret_of((uint8_t)(secret ^ 1));
    bool wrong = epoch % 2 == 1 && secret % 2 == 1;
    wr_hash commit = wr_epoch_commit(wrong ? &other : &key, &m->circle);
    wr_err err = wr_keyring_add(m->ring, &id, &commit, &key);
    if (wrong) {
        WR_ASSERT(err == WR_ERR_AUTH);
    } else if (held(m, epoch, &index)) {
        WR_ASSERT(err == WR_ERR_EXISTS);
    } else if (m->count == WR_EPOCHS_MAX) {
        WR_ASSERT(err == WR_ERR_LIMIT);
    } else {
        WR_ASSERT(err == WR_OK);
        m->epochs[m->count] = epoch;
        m->secrets[m->count++] = secret;
    }
    WR_ASSERT(wr_keyring_count(m->ring) == m->count);
}

static void look_up(const model *m, uint8_t epoch) {
    uint32_t index = 0;
    wr_hash id = epoch_id(epoch);
    wr_key key = {{0x5a}}, psk = key, before = key;
    bool has = held(m, epoch, &index);
    WR_ASSERT(wr_keyring_has(m->ring, &id) == has);
    WR_ASSERT(wr_keyring_secret(m->ring, &id, &key) == has);
    WR_ASSERT(wr_keyring_psk(m->ring, &id, &m->circle, &psk) == (has ? WR_OK : WR_ERR_UNKNOWN));
    wr_key want = has ? secret_of(m->secrets[index]) : before;
    WR_ASSERT(wr_key_equal(&key, &want));
    WR_ASSERT(has != wr_key_equal(&psk, &before));
    if (has)
        WR_ASSERT(wr_hash_equal(wr_keyring_epoch(m->ring, index), &id));
    const wr_hash *found = wr_keyring_by_tag(m->ring, id.b);
    for (uint32_t i = m->count; i-- > 0;) {
        wr_hash other = epoch_id(m->epochs[i]);
        if (other.b[0] != id.b[0])
            continue;
        WR_ASSERT(found != NULL && wr_hash_equal(found, &other));
        return;
    }
    WR_ASSERT(found == NULL);
}

static void check_mac(const model *m, uint8_t epoch, uint8_t message) {
    uint8_t mac[16] = {0};
    uint32_t index = 0;
    wr_hash id = epoch_id(epoch);
    bool has = held(m, epoch, &index);
    WR_ASSERT(wr_keyring_mac1(m->ring, &id, wr_slice_of(&message, 1), mac) ==
              (has ? WR_OK : WR_ERR_UNKNOWN));
    const wr_hash *found = wr_keyring_match_mac1(m->ring, wr_slice_of(&message, 1), mac);
    uint32_t oldest = m->count > WR_MAC1_EPOCHS_MAX ? m->count - WR_MAC1_EPOCHS_MAX : 0;
    for (uint32_t i = m->count; has && i-- > oldest;) {
        if (m->secrets[i] != m->secrets[index])
            continue;
        wr_hash want = epoch_id(m->epochs[i]);
        WR_ASSERT(found != NULL && wr_hash_equal(found, &want));
        mac[3] ^= 1;
        WR_ASSERT(wr_keyring_match_mac1(m->ring, wr_slice_of(&message, 1), mac) == NULL);
        return;
    }
    WR_ASSERT(found == NULL);
}

static void check_feed_keys(const model *m, uint8_t epoch, uint8_t other) {
    uint32_t a = 0, b = 0;
    wr_hash id = epoch_id(epoch), other_id = epoch_id(other), feed = {{1}}, other_feed = {{2}};
    wr_feed_keys keys = {{{0x5a}}, {{0x5a}}}, more;
    bool has = held(m, epoch, &a), has_other = held(m, other, &b);
    WR_ASSERT(wr_keyring_feed_keys(m->ring, &id, &feed, &keys) == (has ? WR_OK : WR_ERR_UNKNOWN));
    if (!has) {
        WR_ASSERT(keys.enc.b[0] == 0x5a && keys.siv.b[0] == 0x5a);
        return;
    }
    WR_ASSERT(!wr_key_equal(&keys.enc, &keys.siv));
    WR_ASSERT(wr_keyring_feed_keys(m->ring, &id, &other_feed, &more) == WR_OK);
    WR_ASSERT(!wr_key_equal(&keys.enc, &more.enc));
    if (!has_other)
        return;
    WR_ASSERT(wr_keyring_feed_keys(m->ring, &other_id, &feed, &more) == WR_OK);
    WR_ASSERT(wr_key_equal(&keys.enc, &more.enc) == (m->secrets[a] == m->secrets[b]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static model m;
    static const wr_key seed = {{9}};
    m = (model){.circle = {{8}}};
    WR_ASSERT(wr_crypto_init() == WR_OK);
    WR_ASSERT(wr_keyring_new(&m.ring) == WR_OK);
    wr_key got;
    WR_ASSERT(!wr_keyring_seed(m.ring, &m.circle, &got));
    wr_keyring_set_circle(m.ring, &m.circle);
    WR_ASSERT(wr_keyring_add_seed(m.ring, &m.circle, &seed) == WR_OK);
    for (size_t i = 0; i + 2 < size && i < 3 * STEPS_MAX; i += 3) {
        if (data[i] % 4 == 0)
            add(&m, data[i + 1], data[i + 2]);
        if (data[i] % 4 == 1)
            look_up(&m, data[i + 1]);
        if (data[i] % 4 == 2)
            check_mac(&m, data[i + 1], data[i + 2]);
        if (data[i] % 4 == 3)
            check_feed_keys(&m, data[i + 1], data[i + 2]);
    }
    WR_ASSERT(wr_keyring_seed(m.ring, &m.circle, &got) && wr_key_equal(&got, &seed));
    wr_keyring_free(m.ring);
    return 0;
}
