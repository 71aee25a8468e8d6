/* A home that cannot sign any more comes into its circle again as a new device, with its tail.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow_hub_world.h"

static bool has_joined(const hubs_device *d) {
    return d->joins != 0;
}

static bool is_online(const hubs_device *d) {
    return d->events[HUB_EV_SIBLING_ONLINE] != 0;
}

static hub_status status_of(hubs_device *d) {
    hub_status status;
    T_OK(hub_get_status(d->hub, &status));
    return status;
}

static bool is_told(const hubs_device *d) {
    return d->events[HUB_EV_ROLLBACK] != 0;
}

static bool has_signed(const hubs_device *d) {
    hub_status status;
    return hub_get_status(d->hub, &status) == WR_OK && status.pending == 0;
}

static void joined(void *ctx, wr_err err) {
    hubs_device *d = (hubs_device *)ctx;
    d->joins++;
    d->joined = err;
}

static wr_err rejoin(hubs_device *d, hubs_device *host) {
    hub_pairing pairing;
    hubs_pair(host, true, &pairing);
    d->joins = 0;
    WR_TRY(hub_rejoin(d->hub, wr_slice_str(pairing.code), wr_slice_str("again"), &host->listen,
                      joined, d));
    hubs_wait(d, has_joined);
    hub_pair_close(host->hub, pairing.pairing);
    return d->joined;
}

/* Device 2 is a copy of device 1, which is on, or off; device 0 is their sibling. */
static void copy_of_one(hubs *all, bool on) {
    hubs_device *host = &all->device[0], *first = &all->device[1], *copy = &all->device[2];
    hub_pairing pairing;
    hubs_found(all);
    hubs_open(first);
    hubs_pair(host, true, &pairing);
    T_OK(hubs_join(first, pairing.code, host));
    hubs_wait(first, has_joined);
    T_OK(first->joined);
    hubs_wait(first, is_online);
    T_OK(hubs_append(first, "before"));
    hubs_settle(all);
    hubs_close(first);
    hubs_copy_home(first, copy);
    host->events[HUB_EV_SIBLING_ONLINE] = 0;
    if (on) {
        hubs_open(first);
        hubs_wait(host, is_online);
        hubs_wait(first, has_signed);
    } else {
        hubs_close(host);
    }
    hubs_open(copy);
    T_OK(hubs_append(copy, "of the copy"));
}

static void a_copy_takes_its_tail_along(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *host = &all->device[0], *copy = &all->device[2];
    copy_of_one(all, true);
    hubs_wait(copy, is_told);
    T_EQ(status_of(copy).hold, HUB_HOLD_TWIN);
    T_EQ(status_of(copy).pending, 1);
    wr_hash former = *hub_device_id(copy->hub);
    uint64_t answered[2], signed_as[2];
    T_EQ(hubs_entries(copy, answered, 2), 2);
    T_OK(rejoin(copy, host));
    T_FALSE(wr_hash_equal(&former, hub_device_id(copy->hub)));
    hubs_wait(copy, has_signed);
    T_EQ(hubs_entries(copy, signed_as, 2), 2);
    T_EQ(signed_as[1], answered[1]);
    T_ERR(hub_rejoin(copy->hub, wr_slice_str("1234-able-baker-cedar"), wr_slice_str("again"),
                     &host->listen, joined, copy),
          WR_ERR_EXISTS);
    T_EQ(hubs_members(host), 3);
    wr_hash fresh = *hub_device_id(copy->hub);
    hubs_close(copy);
    hubs_open(copy);
    T_TRUE(wr_hash_equal(&fresh, hub_device_id(copy->hub)));
    T_EQ(hubs_entries(copy, NULL, 0), 2);
}

/* spec:sync#5.2 type=test "A device MUST NOT come in again while it may sign, nor into another
 * circle." */
static void another_circle_is_refused(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *other = &all->device[1], *copy = &all->device[2];
    copy_of_one(all, false);
    T_EQ(status_of(copy).hold, HUB_HOLD_WAITING);
    wr_hash former = *hub_device_id(copy->hub);
    other->has_home = false;
    hubs_open(other);
    T_OK(hub_init(other->hub, wr_slice_str("elsewhere"), false));
    hubs_settle(all);
    T_ERR(rejoin(copy, other), WR_ERR_REFUSED);
    T_TRUE(wr_hash_equal(&former, hub_device_id(copy->hub)));
    T_EQ(status_of(copy).pending, 1);
    T_EQ(hubs_entries(copy, NULL, 0), 2);
}

/* Wherever the disk fails, it is the old device with its tail, or the new one with it, which the
 * host admits when its window ends. */
static void a_disk_that_fails_leaves_one_device(void **state) {
    static const uint32_t calls[] = {1, 2, 3, 5, 8, 12, 17, 23, 30, 40};
    hubs *all = (hubs *)*state;
    hubs_device *host = &all->device[0], *copy = &all->device[2];
    uint32_t failed = 0;
    copy_of_one(all, true);
    hubs_wait(copy, is_told);
    wr_hash former = *hub_device_id(copy->hub);
    for (uint32_t i = 0; i < WR_COUNT(calls); i++) {
        store_memory_fail_at(copy->disk, calls[i]);
        wr_err err = rejoin(copy, host);
        store_memory_fail_at(copy->disk, 0);
        hubs_settle(all);
        failed += err != WR_OK;
        T_EQ(hubs_entries(copy, NULL, 0), 2);
        if (!wr_hash_equal(&former, hub_device_id(copy->hub)))
            break;
        T_TRUE(err != WR_OK);
    }
    T_TRUE(failed > 3);
    if (wr_hash_equal(&former, hub_device_id(copy->hub)))
        T_OK(rejoin(copy, host));
    T_FALSE(wr_hash_equal(&former, hub_device_id(copy->hub)));
    hubs_wait(copy, has_signed);
    T_EQ(hubs_entries(copy, NULL, 0), 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, hubs_start, hubs_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_copy_takes_its_tail_along),
        T(another_circle_is_refused),
        T(a_disk_that_fails_leaves_one_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
