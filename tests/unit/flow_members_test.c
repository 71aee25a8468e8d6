/* What goes along with a removed device.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/members.h"

#include "flow_hub_world.h"

static bool has_joined(const hubs_device *d) {
    return d->joins != 0;
}

static bool is_done(const hubs_device *d) {
    return d->events[HUB_EV_PAIRING_DONE] != 0;
}

static void let_in(hubs_device *host, hubs_device *guest) {
    hub_pairing pairing;
    host->events[HUB_EV_PAIRING_DONE] = 0;
    hubs_pair(host, true, &pairing);
    T_OK(hubs_join(guest, pairing.code, host));
    hubs_wait(guest, has_joined);
    T_OK(guest->joined);
    hubs_wait(host, is_done);
}

static wr_hash id_of(const hubs_device *d) {
    return *hub_device_id(d->hub);
}

static bool knows_all(const hubs_device *d) {
    return hubs_members(&d->all->device[d->index]) == 3;
}

static void is_stored(void *ctx, wr_err err) {
    T_OK(err);
    *(bool *)ctx = true;
}

/* The founder lets in a phone, and a tablet after it; then it is stolen, and the phone removes it
 * without further word. */
static void what_a_stolen_founder_let_in_lately_goes_along_but_for_the_verified(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *founder = &all->device[0], *phone = &all->device[1], *tablet = &all->device[2];
    hubs_found(all);
    hubs_open(phone);
    hubs_open(tablet);
    let_in(founder, phone);
    let_in(founder, tablet);
    hubs_wait(phone, knows_all);
    hub_removal removal = {.device = id_of(founder), .reason = WR_REASON_LOST, .since_ms = 1};
    wr_hash added_last = id_of(tablet);
    hub_foresight foresight;
    bool stored = false;
    T_OK(hub_foresee(phone->hub, &removal, &foresight));
    T_EQ(foresight.along_count, 1); /* not the phone, which it let in as well */
    T_MEM(foresight.along[0].b, added_last.b, sizeof added_last.b);
    removal.only = true;
    T_OK(hub_foresee(phone->hub, &removal, &foresight));
    T_EQ(foresight.along_count, 0);
    removal.only = false;
    removal.since_ms = 0; /* they are in session: what came in before that is known and stays */
    T_OK(hub_foresee(phone->hub, &removal, &foresight));
    T_EQ(foresight.along_count, 0);

    T_OK(hub_mark_verified(phone->hub, &added_last, true, is_stored, &stored));
    hubs_settle(all);
    T_TRUE(stored);
    removal.since_ms = 1;
    T_OK(hub_foresee(phone->hub, &removal, &foresight));
    T_EQ(foresight.along_count, 0);
    stored = false;
    T_OK(hub_remove(phone->hub, &removal, is_stored, &stored));
    hubs_settle(all);
    T_TRUE(stored);
    T_EQ(hubs_members(phone), 2); /* itself and the tablet */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_a_stolen_founder_let_in_lately_goes_along_but_for_the_verified, hubs_start,
            hubs_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
