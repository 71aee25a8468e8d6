/* Members that make epochs without end: what the keyrings of the others still have room for.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"
#include "engine_seeds.h"

#include <stdlib.h>

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

/* As after a start: all of d's ops, heads and secrets, and what is held under these epochs. */
static device *started(device *d, const wr_hash *epoch_ids, uint32_t count) {
    device *again = calloc(1, sizeof *again);
    T_TRUE(again != NULL);
    const wr_graph *graph = wr_self_graph(d->self);
    const wr_keyring *keyring = wr_self_keyring(d->self);
    WR_SECRET(wr_key) secret;
    again->identity = d->identity;
    T_OK(wr_self_new(&again->identity, t_rng(7), &again->self));
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++)
        T_OK(wr_self_load_op(again->self, wr_graph_op(graph, i).bytes, wr_graph_op(graph, i).sig));
    t_load_seeds(again->self, d->self);
    for (uint32_t i = 0; i < wr_keyring_count(keyring); i++) {
        T_TRUE(wr_keyring_secret(keyring, wr_keyring_epoch(keyring, i), &secret));
        T_OK(wr_self_load_epoch(again->self, wr_keyring_epoch(keyring, i), &secret));
    }
    for (uint32_t i = 0; i < wr_self_feed_count(d->self); i++) {
        uint8_t bytes[WR_FEED_HEAD_MAX];
        wr_buf head = WR_BUF_ARRAY(bytes);
        T_OK(wr_feed_encode(wr_self_feed(d->self, i), &head));
        T_OK(wr_self_load_head(again->self, wr_buf_slice(&head)));
    }
    for (; again->row_count < d->row_count; again->row_count++) {
        world_row *row = &again->rows[again->row_count];
        *row = d->rows[again->row_count];
        row->bytes = malloc(row->len);
        T_TRUE(row->bytes != NULL);
        memcpy(row->bytes, d->rows[again->row_count].bytes, row->len);
    }
    for (uint32_t i = 0; i < count; i++)
        T_OK(wr_self_load_volume(again->self, &epoch_ids[i], &(wr_volume){1, 100}));
    T_OK(wr_self_load_mark(again->self, &d->identity.device_id, world_now.wall.ms + 100000));
    T_OK(wr_self_load_done(again->self, world_now));
    wr_self_confirm(again->self);
    return again;
}

/* The ids that the store is to delete; false if one of them is still held. */
static uint32_t count_dropped(device *d) {
    uint32_t count = 0;
    wr_put put;
    while (wr_self_poll(d->self, &put)) {
        T_EQ(put.type, WR_PUT_DROP);
        T_FALSE(wr_keyring_has(wr_self_keyring(d->self), &put.id));
        count++;
    }
    return count;
}

/* spec:circle#5.6 type=test "At a start a device MUST drop the oldest of these, with their
 * histories, until it holds 512." spec:circle#5.6 type=test "While a device holds 512 secrets or
 * more, it MUST NOT take or ask for one that nobody needs." */
static void what_removed_members_made_is_dropped_unless_something_is_under_it(void **state) {
    (void)state;
    wr_hash used[2];
    device *sleeper = device_new(20);
    T_OK(wr_self_rotate(c[0]->self, world_now));
    (void)drain(c[0]);
    meet(a, c[0], 90);
    add_device(a, sleeper); /* from now on it sleeps, and holds this one alone */
    for (uint32_t i = 0; i < FLOODERS; i++) {
        (void)flood(c[i]);
        meet(a, c[i], 1 + i);
        if (i == 0) { /* one of the oldest has an entry */
            used[0] = write_epoch(a);
            append(a, 1);
        }
    }
    meet(a, b, 9);
    device *still = started(a, used, 1); /* their authors are members: all stay */
    T_EQ(held(still), WR_EPOCHS_MAX - WR_EPOCHS_SPARE);
    T_EQ(count_dropped(still), 0);
    device_free(still);
    for (uint32_t i = 0; i < FLOODERS; i++)
        remove_it(a, c[i]);
    meet(a, b, 10);
    used[1] = write_epoch(a);
    append(a, 1);
    meet(a, b, 14);
    uint32_t before = held(a);
    device *again = started(a, used, 2);
    T_EQ(held(again), WR_EPOCHS_IDLE);
    T_EQ(count_dropped(again), before - WR_EPOCHS_IDLE);
    T_TRUE(wr_keyring_has(wr_self_keyring(again->self), &used[0]));
    wr_hash chosen = write_epoch(again);
    T_MEM(chosen.b, used[1].b, sizeof chosen.b);
    /* A sibling has them all, is reached, and is not asked. */
    meet(again, b, 11);
    T_EQ(held(again), WR_EPOCHS_IDLE);
    T_EQ(held(b), before);
    meet(again, sleeper, 15);
    assert_same_epoch(again, sleeper, &used[0]);
    device_free(sleeper);
    /* There are places for the ordinary ones again. */
    T_OK(wr_self_rotate(again->self, world_now));
    (void)drain(again);
    meet(again, b, 12);
    chosen = write_epoch(again);
    wr_hash of_b = write_epoch(b);
    T_FALSE(wr_hash_equal(&chosen, &used[1]));
    T_MEM(of_b.b, used[1].b, sizeof of_b.b); /* which has no place until it starts anew */
    device *again_b = started(b, used, 2);
    T_EQ(count_dropped(again_b), before - WR_EPOCHS_IDLE);
    meet(again, again_b, 13);
    of_b = write_epoch(again_b);
    T_MEM(of_b.b, chosen.b, sizeof of_b.b);
    device_free(again_b);
    device_free(again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_that_floods_is_removed_and_the_others_go_on),
        TEST(what_many_fill_has_room_for_the_epoch_after_their_removal),
        TEST(what_removed_members_made_is_dropped_unless_something_is_under_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
