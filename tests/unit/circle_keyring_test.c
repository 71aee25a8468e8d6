/* The keyring: which secrets it takes, and the keys it derives from them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/keyring.h"
#include "harness/harness.h"

static const wr_hash circle_id = {{0xc1}};
static const wr_key seed = {{0x51}};

static wr_key secret_of(uint32_t n) {
    wr_key secret = {{0xee}};
    wr_store_u32(secret.b + 4, n);
    return secret;
}

static wr_hash id_of(uint32_t n) {
    wr_hash id = {{0}};
    wr_store_u32(id.b + 4, n);
    return id;
}

static wr_err add(wr_keyring *keyring, uint32_t n) {
    wr_key secret = secret_of(n);
    wr_hash id = id_of(n), commit = wr_epoch_commit(&secret, &circle_id);
    return wr_keyring_add(keyring, &id, &commit, &secret);
}

static int start(void **state) {
    wr_keyring *keyring;
    T_OK(wr_crypto_init());
    T_OK(wr_keyring_new(&keyring));
    wr_keyring_set_circle(keyring, &circle_id);
    T_OK(wr_keyring_add_seed(keyring, &circle_id, &seed));
    *state = keyring;
    return 0;
}

static int stop(void **state) {
    wr_keyring_free(*state);
    return 0;
}

/* spec:circle#5.1 type=test "A device MUST NOT use an E whose commitment differs from the one in
 * the EPOCH op." */
static void a_secret_that_misses_its_commitment_is_refused(void **state) {
    wr_keyring *keyring = *state;
    wr_key secret = secret_of(1), got;
    wr_hash id = id_of(1), commit = wr_epoch_commit(&secret, &circle_id), other = {{1}};
    wr_key false_secret = secret;
    false_secret.b[31] ^= 1;
    T_ERR(wr_keyring_add(keyring, &id, &commit, &false_secret), WR_ERR_AUTH);
    commit.b[0] ^= 1;
    T_ERR(wr_keyring_add(keyring, &id, &commit, &secret), WR_ERR_AUTH);
    commit = wr_epoch_commit(&secret, &other); /* the commitment of another circle */
    T_ERR(wr_keyring_add(keyring, &id, &commit, &secret), WR_ERR_AUTH);
    T_EQ(wr_keyring_count(keyring), 0);
    T_FALSE(wr_keyring_has(keyring, &id));
    T_OK(add(keyring, 1));
    T_ERR(add(keyring, 1), WR_ERR_EXISTS);
    T_EQ(wr_keyring_count(keyring), 1);
    T_TRUE(wr_keyring_secret(keyring, &id, &got));
    T_MEM(got.b, secret.b, sizeof got.b);
}

static void epochs_are_found_by_id_tag_and_place(void **state) {
    wr_keyring *keyring = *state;
    wr_hash unknown = id_of(99);
    wr_key got;
    for (uint32_t i = 0; i < 3; i++)
        T_OK(add(keyring, i));
    for (uint32_t i = 0; i < 3; i++) {
        wr_hash id = id_of(i);
        T_MEM(wr_keyring_epoch(keyring, i)->b, id.b, sizeof id.b);
        T_MEM(wr_keyring_by_tag(keyring, id.b)->b, id.b, sizeof id.b);
        T_TRUE(wr_keyring_has(keyring, &id));
    }
    T_TRUE(wr_keyring_by_tag(keyring, unknown.b) == NULL);
    T_FALSE(wr_keyring_has(keyring, &unknown));
    T_FALSE(wr_keyring_secret(keyring, &unknown, &got));
    T_TRUE(wr_keyring_seed(keyring, &circle_id, &got));
    T_MEM(got.b, seed.b, sizeof got.b);

    WR_AUTO(wr_keyring) fresh = NULL;
    T_OK(wr_keyring_new(&fresh));
    T_FALSE(wr_keyring_seed(fresh, &circle_id, &got));
}

static void what_is_removed_is_as_if_it_had_not_come(void **state) {
    wr_keyring *keyring = *state;
    wr_hash gone = id_of(1), last = id_of(3);
    wr_key got, want = secret_of(3);
    uint8_t mac[16];
    uint32_t place;
    for (uint32_t i = 0; i < 4; i++)
        T_OK(add(keyring, i));
    T_OK(wr_keyring_set_history(keyring, &gone, wr_slice_str("history of 1")));
    T_OK(wr_keyring_set_history(keyring, &last, wr_slice_str("history of 3")));
    T_OK(wr_keyring_mac1(keyring, &gone, wr_slice_str("message"), mac));
    wr_keyring_remove(keyring, &gone);
    T_EQ(wr_keyring_count(keyring), 3);
    T_FALSE(wr_keyring_has(keyring, &gone));
    T_TRUE(wr_keyring_by_tag(keyring, gone.b) == NULL);
    T_TRUE(wr_keyring_match_mac1(keyring, wr_slice_str("message"), mac) == NULL);
    T_TRUE(wr_keyring_place(keyring, &last, &place));
    T_EQ(place, 2);
    T_TRUE(wr_keyring_secret(keyring, &last, &got));
    T_MEM(got.b, want.b, sizeof got.b);
    wr_slice history = wr_keyring_history(keyring, &last);
    T_MEM(history.ptr, "history of 3", history.len);
    T_OK(add(keyring, 1)); /* again, as the newest, and without its history */
    T_EQ(wr_keyring_history(keyring, &gone).len, 0);
    wr_keyring_remove(keyring, &gone);
    T_EQ(wr_keyring_count(keyring), 3);
}

/* spec:circle#5.2 type=test "Every key derived from E MUST depend on the label of its purpose." */
static void derived_keys_are_those_of_the_spec(void **state) {
    wr_keyring *keyring = *state;
    wr_key secret = secret_of(2), psk, want;
    wr_hash id = id_of(2), feed = {{0xfe}}, unknown = id_of(99);
    uint8_t info[64], both[64], mac[16], want_mac[16];
    wr_feed_keys keys;
    T_OK(add(keyring, 1));
    T_OK(add(keyring, 2));

    memcpy(info, circle_id.b, 32);
    memcpy(info + 32, seed.b, 32);
    want = wr_kdf_key(&secret, WR_LABEL_EPOCH_PSK, wr_slice_of(info, sizeof info));
    T_OK(wr_keyring_psk(keyring, &id, &circle_id, &psk));
    T_MEM(psk.b, want.b, sizeof psk.b);

    wr_kdf(&secret, WR_LABEL_EPOCH_FEED, WR_SLICE_OBJ(feed), both, sizeof both);
    T_OK(wr_keyring_feed_keys(keyring, &id, &feed, &keys));
    T_MEM(keys.enc.b, both, 32);
    T_MEM(keys.siv.b, both + 32, 32);

    want = wr_kdf_key(&secret, WR_LABEL_EPOCH_MAC1, WR_SLICE_EMPTY);
    wr_mac16(&want, wr_slice_str("message"), want_mac);
    T_OK(wr_keyring_mac1(keyring, &id, wr_slice_str("message"), mac));
    T_MEM(mac, want_mac, sizeof mac);

    T_ERR(wr_keyring_psk(keyring, &unknown, &circle_id, &psk), WR_ERR_UNKNOWN);
    T_ERR(wr_keyring_mac1(keyring, &unknown, wr_slice_str("message"), mac), WR_ERR_UNKNOWN);
    T_ERR(wr_keyring_feed_keys(keyring, &unknown, &feed, &keys), WR_ERR_UNKNOWN);
}

static void a_mac1_tells_its_epoch_and_a_strangers_tells_nothing(void **state) {
    wr_keyring *keyring = *state;
    wr_slice message = wr_slice_str("first bytes of a session");
    uint8_t mac[16];
    for (uint32_t i = 0; i < 20; i++)
        T_OK(add(keyring, i));
    for (uint32_t i = 0; i < 20; i++) {
        wr_hash id = id_of(i);
        T_OK(wr_keyring_mac1(keyring, &id, message, mac));
        const wr_hash *found = wr_keyring_match_mac1(keyring, message, mac);
        T_TRUE(found != NULL);
        T_MEM(found->b, id.b, sizeof id.b);
        T_TRUE(wr_keyring_match_mac1(keyring, wr_slice_str("other bytes"), mac) == NULL);
        mac[15] ^= 1;
        T_TRUE(wr_keyring_match_mac1(keyring, message, mac) == NULL);
    }
}

static void the_ring_is_full_at_its_limit(void **state) {
    wr_keyring *keyring = *state;
    for (uint32_t i = 0; i < WR_EPOCHS_MAX; i++)
        T_OK(add(keyring, i));
    T_ERR(add(keyring, WR_EPOCHS_MAX), WR_ERR_LIMIT);
    T_ERR(add(keyring, 0), WR_ERR_EXISTS);
    T_EQ(wr_keyring_count(keyring), WR_EPOCHS_MAX);
    wr_keyring_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_secret_that_misses_its_commitment_is_refused, start,
                                        stop),
        cmocka_unit_test_setup_teardown(epochs_are_found_by_id_tag_and_place, start, stop),
        cmocka_unit_test_setup_teardown(what_is_removed_is_as_if_it_had_not_come, start, stop),
        cmocka_unit_test_setup_teardown(derived_keys_are_those_of_the_spec, start, stop),
        cmocka_unit_test_setup_teardown(a_mac1_tells_its_epoch_and_a_strangers_tells_nothing, start,
                                        stop),
        cmocka_unit_test_setup_teardown(the_ring_is_full_at_its_limit, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
