/* The circle seed Q: a new one with each generation, who gets it, and what is done without it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/generations.h"
#include "engine/self_seed.h"
#include "engine/self_wrap.h"
#include "engine_circle_world.h"
#include "engine_seeds.h"

static const wr_hash *founder(const device *d) {
    return wr_graph_founder(wr_self_graph(d->self));
}

static bool holds_seed(const device *d, const wr_hash *whose) {
    wr_key seed;
    return wr_keyring_seed(wr_self_keyring(d->self), whose, &seed);
}

static wr_key seed_of(const device *d, const wr_hash *whose) {
    wr_key seed;
    T_TRUE(wr_keyring_seed(wr_self_keyring(d->self), whose, &seed));
    return seed;
}

static void settle(device *d) {
    T_OK(wr_self_ack(d->self, world_now));
    (void)drain(d);
}

/* The epoch by which the one dials the other. */
static bool dials_by(const device *d, const device *peer, const wr_hash *epoch_id) {
    return wr_hash_equal(wr_self_session_epoch(d->self, &peer->identity.device_id, 0), epoch_id);
}

/* spec:circle#5.5 type=test "A RESET MUST make a new Q." */
static void a_generation_has_a_seed_of_its_own(void **state) {
    (void)state;
    wr_hash first = *founder(a), before = write_epoch(a);
    wr_key old = seed_of(a, &first), psk, other;
    T_OK(reset_it(a, a, b)); /* without c */
    wr_hash second = *founder(a), after = write_epoch(a);
    wr_key new = seed_of(a, &second);
    T_FALSE(wr_key_equal(&old, &new));
    T_TRUE(dials_by(a, b, &before)); /* b knows no other */
    append(a, 1);
    meet(a, b, 1);
    wr_key theirs = seed_of(b, &second);
    T_TRUE(wr_key_equal(&theirs, &new));
    settle(b);
    meet(a, b, 2);
    T_TRUE(dials_by(a, b, &after));
    meet(a, b, 3);
    assert_equal_replicas(a, b);
    T_OK(wr_self_psk(a->self, &after, &psk));
    T_OK(wr_self_psk(b->self, &after, &other));
    T_TRUE(wr_key_equal(&psk, &other));
    /* of an older generation it is the older one */
    T_OK(wr_keyring_psk(wr_self_keyring(a->self), &before, &first, &psk));
    T_OK(wr_self_psk(a->self, &before, &other));
    T_TRUE(wr_key_equal(&psk, &other));
    T_FALSE(holds_seed(c, &second));
}

/* What is here without Q can be read and written under, and is not dialled by; Q is asked for
 * until it comes.
 * spec:circle#5.1 type=test "A device MUST NOT use a Q whose commitment differs from the one in the
 * RESET."
 * spec:sync#2.10 type=test "A Q that its RESET does not commit to MUST be left out as well." */
static void a_withheld_or_wrong_seed_stops_nobody(void **state) {
    (void)state;
    wr_hash before = write_epoch(a);
    wr_key secret, wrong = {{7}}, psk;
    T_OK(reset_it(a, NULL, NULL));
    wr_hash epoch_id = write_epoch(a), second = *founder(a);
    tell_ops(a, b);
    T_TRUE(wr_keyring_secret(wr_self_keyring(a->self), &epoch_id, &secret));
    T_OK(wr_self_add_epoch(b->self, &epoch_id, &secret));
    wr_self_offer_seed(b->self, &epoch_id, &wrong);
    T_ERR(wr_self_add_seed(b->self, &second, &wrong), WR_ERR_AUTH);
    T_FALSE(holds_seed(b, &second));
    T_ERR(wr_self_psk(b->self, &epoch_id, &psk), WR_ERR_UNKNOWN);
    settle(b);
    append(b, 2);
    T_TRUE(dials_by(b, a, &before));
    T_FALSE(wr_self_pending(b->self));
    meet(b, a, 1);
    assert_equal_replicas(a, b);
    T_TRUE(holds_seed(b, &second));
    T_TRUE(dials_by(b, a, &epoch_id));
    meet(b, a, 2);
    /* b, who was told, tells on */
    meet(b, c, 3);
    T_TRUE(holds_seed(c, &second));
}

/* spec:circle#5.1 type=test "The Q of GENESIS, which has none, MUST be taken from a pairing only."
 */
static void no_sibling_gives_the_first_seed(void **state) {
    (void)state;
    wr_hash first = *founder(a), nobody = {{9}};
    wr_key wrong = {{7}}, held = seed_of(b, &first);
    T_ERR(wr_self_add_seed(b->self, &first, &wrong), WR_ERR_REFUSED);
    T_ERR(wr_self_add_seed(b->self, &nobody, &wrong), WR_ERR_UNKNOWN);
    wr_hash epoch_id = write_epoch(a); /* an op that founded nothing */
    T_ERR(wr_self_add_seed(b->self, &epoch_id, &wrong), WR_ERR_UNKNOWN);
    wr_self_offer_seed(b->self, &epoch_id, &wrong);
    wr_self_offer_seed(b->self, &nobody, &wrong);
    wr_key after = seed_of(b, &first);
    T_TRUE(wr_key_equal(&held, &after));
    T_FALSE(wr_self_pending(b->self));
}

/* A wrap for who slept through the RESET opens with the Q it holds, and brings the new one, also
 * where the op comes after it. */
static void a_wrap_carries_the_new_seed_to_a_sleeper(void **state) {
    (void)state;
    wr_box_ring ring;
    uint8_t bytes[2][WR_WRAP_SIZE];
    wr_wrap wrap;
    wr_pub sender;
    wr_hash first = *founder(a);
    wr_key old = seed_of(a, &first);
    wr_box_ring_init(&ring, &c->identity);
    T_OK(reset_it(a, NULL, NULL));
    wr_hash epoch_id = write_epoch(a), second = *founder(a);
    wr_buf out = WR_BUF_ARRAY(bytes[0]);
    T_OK(wr_self_seal_wrap(a->self, &c->identity.device_id, &epoch_id, &out));
    T_OK(wr_self_open_wrap(c->self, &ring, wr_buf_slice(&out)));
    T_FALSE(holds_seed(c, &second)); /* its RESET is not here */
    tell_ops(a, c);
    T_TRUE(holds(c, &epoch_id));
    T_TRUE(holds_seed(c, &second));
    settle(c);
    meet(a, c, 1);
    out = WR_BUF_ARRAY(bytes[1]); /* from now on it is under the new one */
    T_OK(wr_self_seal_wrap(a->self, &c->identity.device_id, &epoch_id, &out));
    T_ERR(wr_box_ring_open(&ring, &first, &old, wr_buf_slice(&out), &sender, &wrap), WR_ERR_AUTH);
    T_OK(wr_self_open_wrap(c->self, &ring, wr_buf_slice(&out)));
    wr_box_ring_wipe(&ring);
}

static void every_seed_is_stored_once_and_loaded(void **state) {
    (void)state;
    T_OK(reset_it(a, NULL, NULL));
    T_OK(reset_it(a, NULL, NULL));
    T_EQ(wr_keyring_seed_count(wr_self_keyring(a->self)), 3);
    T_FALSE(wr_self_pending(a->self));
    wr_self *again;
    T_OK(wr_self_new(&a->identity, t_rng(7), &again));
    const wr_generations *from = wr_self_generations(a->self);
    for (uint32_t i = 0; i < wr_generations_op_count(from); i++) {
        uint32_t number;
        wr_op_ref op = wr_generations_op(from, i, &number);
        T_OK(wr_self_load_op(again, op.bytes, op.sig));
    }
    wr_hash first = *wr_graph_founder(wr_generations_at(from, 0)), last = *founder(a);
    wr_key seed = seed_of(a, &last), wrong = {{1}};
    T_ERR(wr_self_load_seed(again, &last, &wrong), WR_ERR_CORRUPT);
    T_OK(wr_self_load_seed(again, &last, &seed));
    T_ERR(wr_self_load_seed(again, &last, &seed), WR_ERR_CORRUPT);
    wr_hash epoch_id = write_epoch(a);
    wr_key secret;
    T_TRUE(wr_keyring_secret(wr_self_keyring(a->self), &epoch_id, &secret));
    T_OK(wr_self_load_epoch(again, &epoch_id, &secret));
    T_ERR(wr_self_load_done(again, world_now), WR_ERR_CORRUPT); /* that of GENESIS is always here */
    seed = seed_of(a, &first);
    T_OK(wr_self_load_seed(again, &first, &seed));
    T_OK(wr_self_load_done(again, world_now)); /* one between them may not have come yet */
    T_FALSE(wr_self_pending(again));
    wr_self_free(again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_generation_has_a_seed_of_its_own, circle_start,
                                        circle_stop),
        cmocka_unit_test_setup_teardown(a_withheld_or_wrong_seed_stops_nobody, circle_start,
                                        circle_stop),
        cmocka_unit_test_setup_teardown(no_sibling_gives_the_first_seed, circle_start, circle_stop),
        cmocka_unit_test_setup_teardown(a_wrap_carries_the_new_seed_to_a_sleeper, circle_start,
                                        circle_stop),
        cmocka_unit_test_setup_teardown(every_seed_is_stored_once_and_loaded, circle_start,
                                        circle_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
