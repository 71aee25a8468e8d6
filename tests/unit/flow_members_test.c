/* What goes along with a removed device, and what may still be said of one that is out.
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

/* ---- a device that is out ---- */

static wr_err skip_act(void *ctx, const hub_act *act) {
    (void)act;
    ++*(uint32_t *)ctx;
    return WR_OK;
}

static uint32_t acts(hubs_device *d) {
    uint32_t count = 0, earlier = 0;
    T_OK(hub_each_act(d->hub, 10000, skip_act, &count, &earlier));
    return count + earlier;
}

static void removes(hubs_device *d, const hub_removal *removal) {
    bool stored = false;
    hub_foresight foresight;
    uint32_t before = acts(d);
    T_OK(hub_foresee(d->hub, removal, &foresight));
    T_OK(hub_remove(d->hub, removal, is_stored, &stored));
    hubs_settle(d->all);
    T_TRUE(stored);
    T_EQ(acts(d), before + 2); /* a REMOVE, and the epoch that follows it */
}

static void says_nothing_new(hubs_device *d, const hub_removal *removal) {
    hub_foresight foresight;
    uint32_t before = acts(d);
    T_ERR(hub_foresee(d->hub, removal, &foresight), WR_ERR_EXISTS);
    T_ERR(hub_remove(d->hub, removal, is_stored, NULL), WR_ERR_EXISTS);
    hubs_settle(d->all);
    T_EQ(acts(d), before);
}

static wr_reason told_reason(hubs_device *d, const wr_hash *device) {
    hub_standing standing;
    T_OK(hub_get_standing(d->hub, device, &standing));
    return standing.reason;
}

/* The founder keeps its recovery words; a phone comes in. */
static void found_with_words(hubs *all, char words[HUB_WORDS_MAX]) {
    hubs_open(&all->device[0]);
    T_OK(hub_init(all->device[0].hub, wr_slice_str("zero"), true));
    T_OK(hub_show_recovery(all->device[0].hub, words));
    hubs_settle(all);
    hubs_open(&all->device[1]);
    let_in(&all->device[0], &all->device[1]);
}

static void of_a_device_that_is_out_only_what_says_more_is_signed(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *founder = &all->device[0];
    char words[HUB_WORDS_MAX];
    found_with_words(all, words);
    wr_hash phone = id_of(&all->device[1]);
    hub_removal lost = {.device = phone, .reason = WR_REASON_LOST};
    hub_removal compromised = {.device = phone, .reason = WR_REASON_COMPROMISED};
    hub_removal retired = {.device = phone, .reason = WR_REASON_RETIRED};
    removes(founder, &lost);
    T_EQ(told_reason(founder, &phone), WR_REASON_LOST);
    says_nothing_new(founder, &lost);
    says_nothing_new(founder, &retired);
    lost.since_ms = 1; /* nobody goes along: there is nobody */
    says_nothing_new(founder, &lost);
    lost.words = compromised.words = wr_slice_str(words);
    removes(founder, &lost); /* this one nobody strikes out */
    says_nothing_new(founder, &lost);
    compromised.words = (wr_slice){0};
    removes(founder, &compromised);
    T_EQ(told_reason(founder, &phone), WR_REASON_COMPROMISED);
    says_nothing_new(founder, &compromised);
    lost.words = (wr_slice){0};
    says_nothing_new(founder, &lost);
    compromised.words = wr_slice_str(words);
    removes(founder, &compromised);
    says_nothing_new(founder, &compromised);
    hubs_close(founder);
    hubs_open(founder);
    says_nothing_new(founder, &compromised); /* nor after a restart */
}

static bool phone_is_out(const hubs_device *d) {
    return hubs_members(&d->all->device[d->index]) == 1;
}

static void who_left_is_retired_once_and_may_turn_out_to_be_lost(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *founder = &all->device[0], *phone = &all->device[1];
    char words[HUB_WORDS_MAX];
    bool stored = false;
    found_with_words(all, words);
    hub_removal retired = {.device = id_of(phone), .reason = WR_REASON_RETIRED};
    hub_removal lost = {.device = id_of(phone), .reason = WR_REASON_LOST};
    T_ERR(hub_remove(founder->hub, &retired, is_stored, NULL), WR_ERR_STATE);
    T_OK(hub_leave(phone->hub, is_stored, &stored));
    hubs_wait(founder, phone_is_out);
    hubs_settle(all);
    removes(founder, &retired);
    says_nothing_new(founder, &retired);
    removes(founder, &lost);
    says_nothing_new(founder, &lost);
    says_nothing_new(founder, &retired);
}

static void what_a_reset_left_behind_is_out_already(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *founder = &all->device[0];
    char words[HUB_WORDS_MAX];
    bool stored = false;
    found_with_words(all, words);
    hub_removal lost = {.device = id_of(&all->device[1]), .reason = WR_REASON_COMPROMISED};
    T_OK(hub_reset(founder->hub, &lost.device, wr_slice_str(words), is_stored, &stored));
    hubs_settle(all);
    T_TRUE(stored);
    says_nothing_new(founder, &lost);
    lost.words = wr_slice_str(words);
    says_nothing_new(founder, &lost);
    lost.device = id_of(founder);
    lost.device.b[0] ^= 1; /* nobody's */
    T_ERR(hub_remove(founder->hub, &lost, is_stored, NULL), WR_ERR_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_a_stolen_founder_let_in_lately_goes_along_but_for_the_verified, hubs_start,
            hubs_stop),
        cmocka_unit_test_setup_teardown(of_a_device_that_is_out_only_what_says_more_is_signed,
                                        hubs_start, hubs_stop),
        cmocka_unit_test_setup_teardown(who_left_is_retired_once_and_may_turn_out_to_be_lost,
                                        hubs_start, hubs_stop),
        cmocka_unit_test_setup_teardown(what_a_reset_left_behind_is_out_already, hubs_start,
                                        hubs_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
