/* Members that make epochs without end: what the keyrings of the others still have room for.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#define FLOODERS 3u

static device *a, *b, *c[FLOODERS];

static int start(void **state) {
    (void)state;
    T_OK(wr_crypto_init());
    a = device_new(1);
    b = device_new(2);
    make_circle(a, b);
    for (uint32_t i = 0; i < FLOODERS; i++) {
        c[i] = device_new(3 + i);
        add_device(a, c[i]);
        wr_self_confirm(c[i]->self);
    }
    wr_self_confirm(b->self);
    meet(a, b, 91);
    return 0;
}

static int stop(void **state) {
    (void)state;
    device_free(a);
    device_free(b);
    for (uint32_t i = 0; i < FLOODERS; i++)
        device_free(c[i]);
    return 0;
}

static uint32_t held(const device *d) {
    return wr_keyring_count(wr_self_keyring(d->self));
}

static wr_hash write_epoch(const device *d) {
    const wr_hash *epoch_id = wr_self_write_epoch(d->self);
    T_TRUE(epoch_id != NULL);
    return *epoch_id;
}

/* As many as its own rules let it make. */
static uint32_t flood(device *d) {
    uint32_t count = 0;
    while (wr_self_rotate(d->self, world_now) == WR_OK)
        count++;
    (void)drain(d);
    return count;
}

static void remove_it(device *by, device *target) {
    wr_removal removal = {
        .targets = &target->identity.device_id, .target_count = 1, .reason = WR_REASON_COMPROMISED};
    T_OK(wr_self_remove(by->self, &removal, world_now));
    (void)drain(by);
}

static void assert_same_epoch(const device *x, const device *y, const wr_hash *but) {
    wr_hash of_x = write_epoch(x), of_y = write_epoch(y);
    T_MEM(of_x.b, of_y.b, sizeof of_x.b);
    T_FALSE(wr_hash_equal(&of_x, but));
}

static void one_that_floods_is_removed_and_the_others_go_on(void **state) {
    (void)state;
    wr_now later = world_now;
    later.wall.ms += WR_EPOCH_MS_MAX + 1000;
    T_EQ(flood(c[0]), WR_EPOCH_SHARE);
    T_FALSE(wr_self_rotation_due(c[0]->self, later)); /* no try that cannot succeed */
    meet(a, c[0], 1);
    meet(a, b, 2);
    T_EQ(held(a), 1 + WR_EPOCH_SHARE);
    T_EQ(held(b), 1 + WR_EPOCH_SHARE);
    wr_hash theirs = write_epoch(a);
    T_TRUE(wr_self_rotation_due(b->self, later)); /* those have their share still */
    remove_it(a, c[0]);
    meet(a, b, 3);
    assert_same_epoch(a, b, &theirs);
    wr_hash after = write_epoch(a);
    T_FALSE(wr_keyring_has(wr_self_keyring(c[0]->self), &after));
    append(b, 3);
    meet(a, b, 4);
    assert_equal_replicas(a, b);
    T_OK(wr_self_rotate(b->self, world_now));
}

/* spec:circle#5.1 type=test "The last 256 places MUST be kept for epochs that follow the end of a
 * membership." */
static void what_many_fill_has_room_for_the_epoch_after_their_removal(void **state) {
    (void)state;
    wr_now later = world_now;
    later.wall.ms += WR_EPOCH_MS_MAX + 1000;
    for (uint32_t i = 0; i < FLOODERS; i++) {
        (void)flood(c[i]);
        meet(a, c[i], 1 + i);
    }
    meet(a, b, 9);
    T_EQ(held(a), WR_EPOCHS_MAX - WR_EPOCHS_SPARE);
    T_EQ(held(b), WR_EPOCHS_MAX - WR_EPOCHS_SPARE);
    T_ERR(wr_self_rotate(a->self, world_now), WR_ERR_LIMIT);
    T_FALSE(wr_self_rotation_due(a->self, later));
    wr_hash theirs = write_epoch(a);
    for (uint32_t i = 0; i < FLOODERS; i++) {
        remove_it(i % 2 == 0 ? a : b, c[i]);
        meet(a, b, 10 + i);
        assert_same_epoch(a, b, &theirs);
        theirs = write_epoch(a);
        append(a, 1);
        append(b, 1);
    }
    meet(a, b, 20);
    assert_equal_replicas(a, b);
    T_EQ(held(a), WR_EPOCHS_MAX - WR_EPOCHS_SPARE + FLOODERS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_that_floods_is_removed_and_the_others_go_on),
        TEST(what_many_fill_has_room_for_the_epoch_after_their_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
