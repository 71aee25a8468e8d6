/* How much is held under an epoch: what counts, when it is full, and that neither a start nor a
 * copy set back miscounts. SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#include <stdlib.h>

static device *a, *b;

static int start(void **state) {
    (void)state;
    T_OK(wr_crypto_init());
    a = device_new(1);
    b = device_new(2);
    make_circle(a, b);
    wr_self_confirm(b->self);
    meet(a, b, 90);
    return 0;
}

static int stop(void **state) {
    (void)state;
    device_free(a);
    device_free(b);
    return 0;
}

static wr_hash write_epoch(const device *d) {
    const wr_hash *epoch_id = wr_self_write_epoch(d->self);
    T_TRUE(epoch_id != NULL);
    return *epoch_id;
}

static void limit(device *d, uint64_t entries, uint64_t bytes) {
    wr_self_set_epoch_max(d->self, &(wr_volume){entries, bytes});
}

static void write_one(device *d) {
    uint64_t seq;
    T_OK(wr_self_append(d->self, 0, WR_ENTRY_MESSAGE, 1, wr_self_hlc(d->self, world_now),
                        wr_slice_str("a line of a log"), &seq));
}

/* As after a start: what is stored of `like`, and this volume under the epoch it writes under. */
static device *started(device *like, const wr_volume *volume) {
    device *again = calloc(1, sizeof *again);
    T_TRUE(again != NULL);
    again->identity = like->identity;
    T_OK(wr_self_new(&again->identity, t_rng(7), &again->self));
    tell_circle(like, again);
    for (uint32_t i = 0; i < wr_self_feed_count(like->self); i++) {
        uint8_t bytes[WR_FEED_HEAD_MAX];
        wr_buf head = WR_BUF_ARRAY(bytes);
        T_OK(wr_feed_encode(wr_self_feed(like->self, i), &head));
        T_OK(wr_self_load_head(again->self, wr_buf_slice(&head)));
    }
    wr_hash epoch_id = write_epoch(like);
    T_OK(wr_self_load_volume(again->self, &epoch_id, volume));
    T_OK(wr_self_load_mark(again->self, &like->identity.device_id, world_now.wall.ms + 1000));
    T_OK(wr_self_load_done(again->self, world_now));
    wr_self_confirm(again->self);
    T_FALSE(wr_self_pending(again->self)); /* what was loaded is stored */
    return again;
}

/* spec:circle#5.4 type=test "It is full when 2^20 entries of all feeds, or 4 GiB of their segments,
 * are held under it, and an entry that goes beyond that MUST NOT be written under it while a new
 * one can be made." */
static void an_epoch_is_full_before_the_limit_is_passed(void **state) {
    (void)state;
    limit(a, 4, WR_EPOCH_BYTES_MAX);
    wr_hash before = write_epoch(a);
    append(a, 2);
    T_TRUE(wr_self_has_room(a->self));
    T_FALSE(wr_self_rotation_due(a->self, world_now));
    write_one(a); /* what is not signed yet counts as well */
    T_TRUE(wr_self_has_room(a->self));
    write_one(a);
    T_FALSE(wr_self_has_room(a->self));
    T_OK(wr_self_close_run(a->self));
    (void)drain(a);
    T_EQ(a->volume.entries, 4);
    T_FALSE(wr_self_has_room(a->self));
    T_TRUE(wr_self_rotation_due(a->self, world_now));
    T_OK(wr_self_rotate(a->self, world_now));
    wr_hash after = write_epoch(a);
    T_FALSE(wr_hash_equal(&before, &after));
    T_TRUE(wr_self_has_room(a->self));
    T_FALSE(wr_self_rotation_due(a->self, world_now));
    (void)drain(a);
    append(a, 3);
    T_TRUE(wr_self_has_room(a->self));
    append(a, 1);
    T_FALSE(wr_self_has_room(a->self));
}

static void the_limits_are_those_of_the_spec_and_the_bytes_count_too(void **state) {
    (void)state;
    wr_volume none = {0, 0}, max = {WR_EPOCH_ENTRIES_MAX, WR_EPOCH_BYTES_MAX};
    wr_volume held = {(1u << 20) - 1, 0};
    T_TRUE(wr_volume_has_room(&held, &none, &max));
    held.entries++;
    T_FALSE(wr_volume_has_room(&held, &none, &max));
    held = (wr_volume){1, (1ull << 32) - WR_ENTRY_BYTES_MAX}; /* the largest one still fits */
    T_TRUE(wr_volume_has_room(&held, &none, &max));
    wr_volume one = {0, 1};
    T_FALSE(wr_volume_has_room(&held, &one, &max));
    held.bytes++;
    T_FALSE(wr_volume_has_room(&held, &none, &max));
    /* In use: five small entries, and room for no other beside them. */
    append(b, 5);
    limit(b, 100, WR_ENTRY_BYTES_MAX + 100);
    T_FALSE(wr_self_has_room(b->self));
    T_TRUE(wr_self_rotation_due(b->self, world_now));
    limit(b, 100, WR_ENTRY_BYTES_MAX + 5000);
    T_TRUE(wr_self_has_room(b->self));
}

static void what_siblings_write_counts_and_a_full_epoch_is_left_by_all(void **state) {
    (void)state;
    limit(a, 10, WR_EPOCH_BYTES_MAX);
    limit(b, 10, WR_EPOCH_BYTES_MAX);
    append(a, 4);
    append(b, 6);
    T_TRUE(wr_self_has_room(a->self));
    T_TRUE(wr_self_has_room(b->self));
    meet(a, b, 1);
    T_FALSE(wr_self_has_room(a->self));
    T_FALSE(wr_self_has_room(b->self));
    T_OK(wr_self_rotate(a->self, world_now));
    (void)drain(a);
    meet(a, b, 2);
    wr_hash of_a = write_epoch(a), of_b = write_epoch(b);
    T_MEM(of_a.b, of_b.b, sizeof of_a.b);
    T_TRUE(wr_self_has_room(b->self));
    append(b, 10);
    T_FALSE(wr_self_has_room(b->self));
    T_TRUE(wr_self_has_room(a->self));
}

/* spec:circle#5.4 type=test "How much is held under an epoch MUST be stored in one commit with the
 * entries that it counts." */
static void a_start_goes_on_counting_where_it_was(void **state) {
    (void)state;
    append(a, 3);
    append(a, 2);
    wr_volume volume = a->volume;
    T_EQ(volume.entries, 5);
    T_TRUE(volume.bytes > 5 * 128);
    device *again = started(a, &volume);
    limit(again, 6, WR_EPOCH_BYTES_MAX);
    T_TRUE(wr_self_has_room(again->self));
    append(again, 1);
    T_FALSE(wr_self_has_room(again->self));
    device_free(again);

    wr_hash nobody = {{9}};
    wr_self *self = NULL;
    T_OK(wr_self_new(&a->identity, t_rng(8), &self));
    T_ERR(wr_self_load_volume(self, &nobody, &volume), WR_ERR_CORRUPT);
    wr_self_free(self);
}

static void a_copy_that_is_set_back_counts_nothing_twice(void **state) {
    (void)state;
    append(a, 2);
    wr_volume volume = a->volume;
    device *old = started(a, &volume); /* the copy */
    meet(a, b, 3);
    append(a, 4);
    meet(a, b, 1);
    /* The original is lost; a sibling has the four that the copy lacks. */
    meet(old, b, 2);
    T_EQ(feed_at(old, a)->tree.len, 6);
    limit(old, 7, WR_EPOCH_BYTES_MAX);
    T_TRUE(wr_self_has_room(old->self));
    limit(old, 6, WR_EPOCH_BYTES_MAX);
    T_FALSE(wr_self_has_room(old->self));
    device_free(old);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

/* Each of a circle's graphs may be full of them. */
static void the_epochs_of_two_generations_have_a_place(void **state) {
    (void)state;
    WR_AUTO(wr_volumes) volumes = NULL;
    wr_hash epoch_id = {{0}};
    T_OK(wr_volumes_new(&volumes));
    for (uint32_t i = 0; i < 2u * WR_OPS_MAX; i++) {
        wr_store_u32(epoch_id.b, i);
        T_OK(wr_volumes_add(volumes, &epoch_id));
    }
    T_TRUE(wr_volumes_load(volumes, &epoch_id, &(wr_volume){1, 2}));
    T_EQ(wr_volumes_get(volumes, &epoch_id).bytes, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_epochs_of_two_generations_have_a_place),
        TEST(an_epoch_is_full_before_the_limit_is_passed),
        TEST(the_limits_are_those_of_the_spec_and_the_bytes_count_too),
        TEST(what_siblings_write_counts_and_a_full_epoch_is_left_by_all),
        TEST(a_start_goes_on_counting_where_it_was),
        TEST(a_copy_that_is_set_back_counts_nothing_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
