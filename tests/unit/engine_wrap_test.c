/* Secrets of epochs that travel outside of sessions: to whom, to which key, and what one is worth
 * whose op is not here.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/self_seed.h"
#include "engine/self_wrap.h"
#include "engine_circle_world.h"

static wr_box_ring ring; /* of b */

static int start(void **state) {
    int err = circle_start(state);
    wr_box_ring_init(&ring, &b->identity);
    return err;
}

static int stop(void **state) {
    wr_box_ring_wipe(&ring);
    return circle_stop(state);
}

static wr_err seal(const device *from, const device *to, const wr_hash *epoch_id,
                   uint8_t bytes[WR_WRAP_SIZE]) {
    wr_buf out = wr_buf_of(bytes, WR_WRAP_SIZE);
    return wr_self_seal_wrap(from->self, &to->identity.device_id, epoch_id, &out);
}

static wr_err unwrap(device *d, const wr_box_ring *with, const uint8_t bytes[WR_WRAP_SIZE]) {
    wr_err err = wr_self_open_wrap(d->self, with, wr_slice_of(bytes, WR_WRAP_SIZE));
    (void)drain(d);
    return err;
}

static uint32_t aside(const device *d) {
    wr_hash epoch_id;
    wr_key secret;
    uint32_t count = 0;
    while (wr_self_aside(d->self, count, &epoch_id, &secret))
        count++;
    return count;
}

/* spec:circle#6.2 type=test "A device MUST NOT make a wrap for anyone but a member that is in
 * (section 4.6)." */
static void a_wrap_is_made_for_members_and_opens_the_epoch(void **state) {
    (void)state;
    uint8_t bytes[WR_WRAP_SIZE];
    wr_hash epoch_id = rotate(a), nobody = {{9}};
    tell_ops(a, b);
    T_FALSE(holds(b, &epoch_id));
    T_OK(seal(a, b, &epoch_id, bytes));
    T_OK(unwrap(b, &ring, bytes));
    T_TRUE(holds(b, &epoch_id));
    wr_hash of_b = write_epoch(b);
    T_MEM(of_b.b, epoch_id.b, sizeof of_b.b);
    T_OK(unwrap(b, &ring, bytes)); /* a second time it changes nothing */
    T_ERR(seal(a, b, &nobody, bytes), WR_ERR_UNKNOWN);
    T_ERR(seal(c, b, &epoch_id, bytes), WR_ERR_UNKNOWN); /* c does not hold it */
    device *stranger = device_new(8);
    T_ERR(seal(a, stranger, &epoch_id, bytes), WR_ERR_REFUSED);
    device_free(stranger);
    wr_removal removal = {
        .targets = &c->identity.device_id, .target_count = 1, .reason = WR_REASON_LOST};
    T_OK(wr_self_remove(a->self, &removal, world_now));
    (void)drain(a);
    T_ERR(seal(a, c, &epoch_id, bytes), WR_ERR_REFUSED);
    T_OK(seal(a, b, &epoch_id, bytes));
}

/* spec:circle#6.2 type=test "A wrap MUST go to the newest box key of its recipient that is known
 * here." spec:circle#3.6 type=test "A KEYUPD MUST NOT stand in the DAG." */
static void a_new_box_key_is_told_in_the_control_feed_and_used_from_then_on(void **state) {
    (void)state;
    uint8_t before[WR_WRAP_SIZE], after[WR_WRAP_SIZE];
    wr_box_ring old = ring;
    uint32_t ops = wr_graph_op_count(wr_self_graph(b->self));
    wr_hash epoch_id = write_epoch(a);
    T_OK(seal(a, b, &epoch_id, before));
    T_OK(wr_self_renew_box(b->self, &ring, world_now));
    T_OK(wr_self_renew_box(b->self, &ring, world_now)); /* two in one run: the last holds */
    T_OK(wr_self_close_run(b->self));
    (void)drain(b);
    T_EQ(ring.count, 3);
    T_EQ(wr_graph_op_count(wr_self_graph(b->self)), ops);
    meet(a, b, 1);
    /* What a stored of that feed. */
    uint32_t index, count = 0;
    T_TRUE(wr_self_device_feed(a->self, &b->identity.device_id, 1, &index));
    for (uint32_t i = 0; i < a->row_count; i++) {
        wr_segment_reader reader;
        wr_entry entry;
        bool more = true;
        if (a->rows[i].feed != index)
            continue;
        wr_segment_reader_init(&reader, wr_slice_of(a->rows[i].bytes, a->rows[i].len),
                               a->rows[i].first);
        for (;;) {
            T_OK(wr_segment_next(&reader, &entry, &more));
            if (!more)
                break;
            T_EQ(entry.kind, WR_ENTRY_KEYUPD);
            T_OK(wr_self_take_keyupd(a->self, wr_self_feed(a->self, index), &entry));
            T_ERR(wr_self_take_keyupd(a->self, wr_self_feed(a->self, index), &entry),
                  WR_ERR_EXISTS);
            entry.kind = WR_ENTRY_BINDING;
            T_ERR(wr_self_take_keyupd(a->self, wr_self_feed(a->self, index), &entry), WR_ERR_STATE);
            count++;
        }
    }
    T_EQ(count, 2);
    T_OK(seal(a, b, &epoch_id, after));
    T_OK(unwrap(b, &ring, before)); /* the older keys are kept */
    T_OK(unwrap(b, &ring, after));
    T_ERR(unwrap(b, &old, after), WR_ERR_AUTH); /* who had the old ones only has nothing */
    wr_box_ring_forget(&ring, 1);
    T_ERR(unwrap(b, &ring, before), WR_ERR_AUTH);
    wr_box_ring_wipe(&old);
}

/* spec:circle#6.3 type=test "A secret whose EPOCH op is not here MUST NOT open, seal or dial
 * anything but what may hold ops." */
static void a_secret_without_its_op_is_no_key_until_the_op_comes(void **state) {
    (void)state;
    uint8_t bytes[WR_WRAP_SIZE], again[WR_WRAP_SIZE];
    wr_hash before = write_epoch(b), epoch_id = rotate(a), kept;
    wr_key secret, psk;
    wr_feed_keys keys;
    T_OK(seal(a, b, &epoch_id, bytes));
    T_OK(unwrap(b, &ring, bytes));
    T_OK(unwrap(b, &ring, bytes)); /* kept once */
    T_EQ(aside(b), 1);
    T_TRUE(wr_self_aside(b->self, 0, &kept, &secret));
    T_MEM(kept.b, epoch_id.b, sizeof kept.b);
    const wr_keyring *keyring = wr_self_keyring(b->self);
    T_FALSE(holds(b, &epoch_id));
    T_ERR(wr_self_psk(b->self, &epoch_id, &psk), WR_ERR_UNKNOWN);
    T_ERR(wr_keyring_feed_keys(keyring, &epoch_id, &epoch_id, &keys), WR_ERR_UNKNOWN);
    T_TRUE(wr_keyring_by_tag(keyring, epoch_id.b) == NULL);
    T_ERR(seal(b, c, &epoch_id, again), WR_ERR_UNKNOWN); /* nor is it passed on */
    wr_hash now = write_epoch(b);
    T_MEM(now.b, before.b, sizeof now.b);
    tell_ops(a, b);
    T_TRUE(holds(b, &epoch_id));
    T_EQ(aside(b), 0);
    now = write_epoch(b);
    T_MEM(now.b, epoch_id.b, sizeof now.b);
}

/* Whoever has Q can seal what it likes: the op tells the right one of several. */
static void the_op_decides_between_secrets_that_were_kept_aside(void **state) {
    (void)state;
    uint8_t bytes[WR_WRAP_SIZE];
    wr_hash epoch_id = rotate(a);
    WR_SECRET(wr_wrap) wrong = {.epoch_id = epoch_id, .secret = {{1}}};
    T_TRUE(wr_self_seed_of(a->self, &epoch_id, &wrong.seed));
    const wr_hash *circle_id = wr_graph_circle_id(wr_self_graph(a->self));
    wr_buf out = WR_BUF_ARRAY(bytes);
    device *stranger = device_new(8);
    T_OK(wr_wrap_seal(&stranger->identity, &b->identity.cert.box, circle_id, &wrong.seed, &wrong,
                      t_rng(5), &out));
    T_OK(unwrap(b, &ring, bytes));
    T_OK(seal(a, b, &epoch_id, bytes));
    T_OK(unwrap(b, &ring, bytes));
    T_EQ(aside(b), 2);
    wr_wrap bent = {.epoch_id = epoch_id, .seed = {{9}}}; /* E with another Q is another one */
    T_TRUE(wr_keyring_secret(wr_self_keyring(a->self), &epoch_id, &bent.secret));
    out.len = 0;
    T_OK(wr_wrap_seal(&stranger->identity, &b->identity.cert.box, circle_id, &wrong.seed, &bent,
                      t_rng(8), &out));
    T_OK(unwrap(b, &ring, bytes));
    T_EQ(aside(b), 3);
    tell_ops(a, b);
    T_TRUE(holds(b, &epoch_id));
    T_EQ(aside(b), 0);
    /* With the op here a wrong one is seen at once, and a Q of elsewhere is left out. */
    out.len = 0;
    T_OK(wr_wrap_seal(&stranger->identity, &b->identity.cert.box, circle_id, &wrong.seed, &wrong,
                      t_rng(6), &out));
    T_ERR(unwrap(b, &ring, bytes), WR_ERR_AUTH);
    WR_SECRET(wr_wrap) other = wrong;
    wr_key seed;
    T_TRUE(wr_keyring_secret(wr_self_keyring(b->self), &epoch_id, &other.secret));
    other.seed.b[0] ^= 1;
    out.len = 0;
    T_OK(wr_wrap_seal(&stranger->identity, &b->identity.cert.box, circle_id, &wrong.seed, &other,
                      t_rng(7), &out));
    T_OK(unwrap(b, &ring, bytes));
    T_TRUE(wr_self_seed_of(b->self, &epoch_id, &seed));
    T_TRUE(wr_key_equal(&seed, &wrong.seed));
    T_EQ(aside(b), 0);
    device_free(stranger);
}

/* spec:circle#6.3 type=test "At most 8 secrets MUST be kept aside; the oldest gives way." */
static void no_more_than_eight_are_kept_aside(void **state) {
    (void)state;
    uint8_t bytes[WR_WRAP_SIZE];
    wr_hash made[9], kept;
    wr_key secret;
    for (uint32_t i = 0; i < WR_COUNT(made); i++) {
        made[i] = rotate(a);
        T_OK(seal(a, b, &made[i], bytes));
        T_OK(unwrap(b, &ring, bytes));
        T_EQ(aside(b), i < 8 ? i + 1 : 8);
    }
    T_TRUE(wr_self_aside(b->self, 0, &kept, &secret));
    T_MEM(kept.b, made[1].b, sizeof kept.b);
    tell_ops(a, b);
    for (uint32_t i = 0; i < WR_COUNT(made); i++)
        T_EQ(holds(b, &made[i]), i != 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_wrap_is_made_for_members_and_opens_the_epoch),
        TEST(a_new_box_key_is_told_in_the_control_feed_and_used_from_then_on),
        TEST(a_secret_without_its_op_is_no_key_until_the_op_comes),
        TEST(the_op_decides_between_secrets_that_were_kept_aside),
        TEST(no_more_than_eight_are_kept_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
