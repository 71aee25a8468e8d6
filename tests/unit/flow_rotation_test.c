/* New epochs by volume: made before the limit is passed, within a turn and across starts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow_hub_world.h"

#define FULL 4u

static wr_hash epoch_of(hubs_device *d) {
    hub_status status;
    T_OK(hub_get_status(d->hub, &status));
    return status.epoch;
}

static void found(hubs *all) {
    for (uint32_t i = 0; i < HUBS_COUNT; i++)
        all->device[i].epoch_entries_max = FULL;
    hubs_found(all);
}

static bool is_done(const hubs_device *d) {
    return d->events[HUB_EV_PAIRING_DONE] != 0;
}

/* The name of the device and the number of its log are entries too: FULL is there after two more.
 */
static void a_full_epoch_is_left_and_a_start_forgets_nothing(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0];
    found(all);
    wr_hash first = epoch_of(d);
    T_OK(hubs_append(d, "one"));
    wr_hash same = epoch_of(d);
    T_MEM(same.b, first.b, sizeof same.b);
    hubs_close(d);
    hubs_open(d);
    T_OK(hubs_append(d, "two"));
    same = epoch_of(d);
    T_MEM(same.b, first.b, sizeof same.b);
    hubs_close(d);
    hubs_open(d);
    T_OK(hubs_append(d, "three"));
    wr_hash second = epoch_of(d);
    T_FALSE(wr_hash_equal(&first, &second));
    for (uint32_t i = 1; i < FULL; i++) {
        T_OK(hubs_append(d, "more"));
        same = epoch_of(d);
        T_MEM(same.b, second.b, sizeof same.b);
    }
    T_OK(hubs_append(d, "and one"));
    same = epoch_of(d);
    T_FALSE(wr_hash_equal(&same, &second));
    T_EQ(hubs_entries(d, NULL, 0), 3 + FULL);
}

/* keys.db is committed before store.db: a kill in between keeps the key alone. */
static void a_key_whose_op_was_lost_is_no_damage(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0];
    wr_hash lost = {{7}};
    wr_key secret = {{9}};
    hubs_found(all);
    T_OK(hubs_append(d, "before"));
    wr_hash epoch = epoch_of(d);
    hubs_close(d);
    T_OK(store_begin(d->disk));
    T_OK(store_put_epoch(d->disk, &lost, &secret));
    T_OK(store_commit(d->disk));
    hubs_open(d);
    T_OK(hubs_append(d, "after"));
    T_EQ(hubs_entries(d, NULL, 0), 2);
    wr_hash now = epoch_of(d);
    T_MEM(now.b, epoch.b, sizeof epoch.b);
}

typedef struct counted {
    uint32_t answers;
    wr_err err;
    bool signed_now; /* the first one */
} counted;

static void on_appended(void *ctx, wr_err err, const hub_appended *list, uint32_t count) {
    counted *c = (counted *)ctx;
    c->answers++;
    c->err = err;
    c->signed_now = err == WR_OK && count != 0 && list[0].signed_now;
}

/* One call that appends more than any epoch holds is spread over several. */
static void a_turn_that_writes_more_than_one_epoch_takes_makes_several(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0], *guest = &all->device[1];
    hub_item items[5 * FULL];
    counted c = {0};
    hub_pairing pairing;
    found(all);
    for (uint32_t i = 0; i < WR_COUNT(items); i++)
        items[i] = (hub_item){.body = wr_slice_str("line")};
    T_OK(hub_append(d->hub, wr_slice_str("log"), items, WR_COUNT(items), on_appended, &c));
    hubs_settle(all);
    T_EQ(c.answers, 1);
    T_OK(c.err);
    T_EQ(hub_metrics(d->hub)->value[METRIC_OPS_ADMITTED], 2 + (2 + WR_COUNT(items) - 1) / FULL);
    /* A device that joins now reads all of them. */
    hubs_open(guest);
    hubs_pair(d, true, &pairing);
    T_OK(hubs_join(guest, pairing.code, d));
    hubs_wait(d, is_done);
    hubs_settle(all);
    T_EQ(hubs_entries(guest, NULL, 0), WR_COUNT(items));
}

/* An ADD that may have left stands at the place of the next op of the host. */
static bool has_add_under_way(const hubs_device *d) {
    uint8_t bytes[4096];
    wr_buf add = WR_BUF_ARRAY(bytes);
    return store_get_meta(d->disk, wr_slice_str("add"), &add) == WR_OK;
}

static uint64_t waiting(hubs_device *d) {
    hub_status status;
    T_OK(hub_get_status(d->hub, &status));
    return status.pending;
}

/* The guest has not answered to the ADD when the host is to append these. */
static counted append_meanwhile(hubs_device *d, hubs_device *guest, uint32_t count) {
    hub_item items[FULL];
    counted c = {0};
    hub_pairing pairing;
    hubs_open(guest);
    hubs_pair(d, true, &pairing);
    T_OK(hubs_join(guest, pairing.code, d));
    for (uint32_t turns = 0; !has_add_under_way(d); turns++) {
        T_TRUE(turns < 100000);
        hubs_turn_one(guest);
        hubs_turn_one(d);
    }
    for (uint32_t i = 0; i < count; i++)
        items[i] = (hub_item){.body = wr_slice_str("meanwhile")};
    T_OK(hub_append(d->hub, wr_slice_str("log"), items, count, on_appended, &c));
    for (uint32_t turns = 0; turns < 20; turns++)
        hubs_turn_one(d);
    T_EQ(c.answers, 1); /* all are on the disk */
    T_OK(c.err);
    return c;
}

static void what_finds_a_full_epoch_while_a_device_comes_in_waits_for_the_next(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0], *guest = &all->device[1];
    found(all);
    T_OK(hubs_append(d, "one"));
    T_OK(hubs_append(d, "two"));
    wr_hash full = epoch_of(d), now;
    counted c = append_meanwhile(d, guest, 1);
    T_FALSE(c.signed_now);
    T_EQ(waiting(d), 1);
    now = epoch_of(d);
    T_MEM(now.b, full.b, sizeof now.b);

    hubs_wait(d, is_done);
    hubs_settle(all);
    T_EQ(waiting(d), 0);
    now = epoch_of(d);
    T_FALSE(wr_hash_equal(&now, &full));
    T_EQ(hubs_members(d), 2);
    T_EQ(hubs_entries(guest, NULL, 0), 3);
}

/* The place of the ADD is not given to an epoch. */
static void an_epoch_that_gets_full_while_a_device_comes_in_costs_it_nothing(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0], *guest = &all->device[1];
    found(all);
    T_OK(hubs_append(d, "one"));
    wr_hash before = epoch_of(d), now;
    counted c = append_meanwhile(d, guest, 3);
    T_TRUE(c.signed_now);
    now = epoch_of(d);
    T_MEM(now.b, before.b, sizeof now.b);
    hubs_wait(d, is_done);
    hubs_settle(all);
    T_EQ(hubs_members(d), 2);
    T_EQ(hubs_entries(guest, NULL, 0), 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, hubs_start, hubs_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_whose_op_was_lost_is_no_damage, hubs_start,
                                        hubs_stop),
        TEST(a_full_epoch_is_left_and_a_start_forgets_nothing),
        TEST(what_finds_a_full_epoch_while_a_device_comes_in_waits_for_the_next),
        TEST(an_epoch_that_gets_full_while_a_device_comes_in_costs_it_nothing),
        TEST(a_turn_that_writes_more_than_one_epoch_takes_makes_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
