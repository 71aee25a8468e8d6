/* What the disk lost is told: at the start, for as long as it is lost, until the owner has seen it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/hub_impl.h"
#include "flow/members.h"

#include "flow_hub_world.h"

/* ---- alerts ------------------------------------------------------------------------------ */

typedef struct told {
    uint32_t count; /* of all types */
    hub_alert last;
} told;

static wr_err see_alert(void *ctx, const hub_alert *alert) {
    told *t = (told *)ctx;
    t->count++;
    t->last = *alert;
    return WR_OK;
}

static told alerts_of(hubs_device *d) {
    told t = {.count = 0};
    T_OK(hub_each_alert(d->hub, see_alert, &t));
    return t;
}

static void expect_alert(hubs_device *d, hub_alert_type type, uint64_t entries, const char *says) {
    told t = alerts_of(d);
    T_EQ(t.count, 1);
    T_EQ(t.last.type, type);
    T_EQ(t.last.entries, entries);
    T_TRUE(strstr(t.last.text, says) != NULL);
    T_MEM(t.last.device.b, hub_device_id(d->hub)->b, WR_HASH_SIZE);
}

static void is_stored(void *ctx, wr_err err) {
    T_OK(err);
    *(bool *)ctx = true;
}

static void has_seen_it(hubs_device *d) {
    bool stored = false;
    told t = alerts_of(d);
    T_OK(hub_resolve(d->hub, &t.last.id, false, is_stored, &stored));
    hubs_settle(d->all);
    T_TRUE(stored);
    T_EQ(alerts_of(d).count, 0);
}

static void restart(hubs_device *d) {
    hubs_close(d);
    d->events[HUB_EV_ALERT] = 0;
    hubs_open(d);
    hubs_settle(d->all);
}

/* ---- circles ---- */

static bool has_joined(const hubs_device *d) {
    return d->joins != 0;
}

static bool is_done(const hubs_device *d) {
    return d->events[HUB_EV_PAIRING_DONE] != 0;
}

static void let_in(hubs_device *host, hubs_device *guest) {
    hub_pairing pairing;
    host->events[HUB_EV_PAIRING_DONE] = 0;
    hubs_open(guest);
    hubs_pair(host, true, &pairing);
    T_OK(hubs_join(guest, pairing.code, host));
    hubs_wait(guest, has_joined);
    T_OK(guest->joined);
    hubs_wait(host, is_done);
}

/* ---- the tail ---- */

typedef struct tail_copy {
    uint32_t skip;
    store_tail tail;
    uint8_t sealed[1024];
} tail_copy;

static wr_err copy_tail(void *ctx, const store_tail *tail) {
    tail_copy *copy = (tail_copy *)ctx;
    if (copy->skip-- != 0)
        return WR_OK;
    T_TRUE(tail->sealed.len <= sizeof copy->sealed);
    memcpy(copy->sealed, tail->sealed.ptr, tail->sealed.len);
    copy->tail = *tail;
    copy->tail.sealed.ptr = copy->sealed;
    return WR_ERR_CLOSED;
}

/* A bit of the nth entry. */
static void flip_tail(store *disk, uint32_t n) {
    tail_copy copy = {.skip = n};
    T_OK(store_each_tail(disk, 0, copy_tail, &copy));
    copy.sealed[copy.tail.sealed.len / 2] ^= 1;
    T_OK(store_begin(disk));
    T_OK(store_put_tail(disk, &copy.tail));
    T_OK(store_commit(disk));
}

static bool has_signed(const hubs_device *d) {
    hub_status status;
    T_OK(hub_get_status(d->all->device[d->index].hub, &status));
    return status.pending == 2;
}

static void a_damaged_entry_that_waits_is_told_until_it_was_seen(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0], *sibling = &all->device[1];
    hubs_found(all);
    let_in(d, sibling);
    hubs_close(sibling);
    restart(d); /* from here on it waits for its sibling */
    for (int i = 0; i < 4; i++)
        T_OK(hubs_append(d, "waits"));
    T_FALSE(d->append.signed_now);
    T_EQ(alerts_of(d).count, 0);
    hubs_close(d);
    flip_tail(d->disk, 1);
    hubs_open(d);
    hubs_settle(all);
    T_EQ(d->events[HUB_EV_ALERT], 1); /* for who is there; agent.log has it, too */
    expect_alert(d, HUB_ALERT_TAIL_DAMAGED, 1,
                 "1 of the entries that wait to be signed is damaged");
    restart(d);
    expect_alert(d, HUB_ALERT_TAIL_DAMAGED, 1, "store.db");
    has_seen_it(d);
    restart(d);
    T_EQ(alerts_of(d).count, 0);

    flip_tail(d->disk, 2); /* while it runs: found when it is to be signed */
    T_EQ(alerts_of(d).count, 0);
    d->events[HUB_EV_ALERT] = 0;
    hubs_open(sibling);
    hubs_wait(d, has_signed);
    T_EQ(d->events[HUB_EV_ALERT], 1);
    expect_alert(d, HUB_ALERT_TAIL_DAMAGED, 2, "2 of the entries that wait to be signed are");
    restart(d);
    expect_alert(d, HUB_ALERT_TAIL_DAMAGED, 2, "append them anew");
    T_EQ(hubs_entries(d, NULL, 0), 2);
}

static void a_tail_that_is_whole_is_no_news(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0];
    hubs_found(all);
    let_in(d, &all->device[1]);
    hubs_close(&all->device[1]);
    restart(d);
    T_OK(hubs_append(d, "waits"));
    restart(d);
    T_EQ(d->events[HUB_EV_ALERT], 0);
    T_EQ(alerts_of(d).count, 0);
}

/* ---- keys ---- */

static bool has_three(const hubs_device *d) {
    return hubs_members(&d->all->device[d->index]) == 3;
}

static bool has_two_and_all(const hubs_device *d) {
    hubs_device *own = &d->all->device[d->index];
    return hubs_members(own) == 2 && hubs_entries(own, NULL, 0) == 5;
}

static wr_hash epoch_of(hubs_device *d) {
    hub_status status;
    T_OK(hub_get_status(d->hub, &status));
    return status.epoch;
}

/* Four entries under the first epoch, one under the next, which was made when the third device was
 * removed; the first two devices have them all, and are closed. */
static wr_hash under_two_epochs(hubs *all, wr_hash *ret_second) {
    hubs_device *d = &all->device[0], *sibling = &all->device[1];
    bool stored = false;
    hubs_found(all);
    let_in(d, sibling);
    let_in(d, &all->device[2]);
    hubs_wait(sibling, has_three);
    for (int i = 0; i < 4; i++)
        T_OK(hubs_append(d, "under the first"));
    wr_hash first = epoch_of(d);
    hub_removal removal = {
        .device = *hub_device_id(all->device[2].hub), .reason = WR_REASON_LOST, .only = true};
    T_OK(hub_remove(d->hub, &removal, is_stored, &stored));
    hubs_settle(all);
    T_TRUE(stored);
    T_OK(hubs_append(d, "under the second"));
    hubs_wait(sibling, has_two_and_all);
    *ret_second = epoch_of(d);
    T_FALSE(wr_hash_equal(&first, ret_second));
    hubs_close(&all->device[2]);
    hubs_close(sibling);
    hubs_close(d);
    return first;
}

static void lose_key(store *disk, const wr_hash *epoch, const wr_hash *history_of) {
    uint8_t key[HUB_META_KEY_SIZE];
    T_OK(store_begin(disk));
    T_OK(store_delete_epoch(disk, epoch));
    if (history_of != NULL)
        T_OK(store_delete_meta(disk, hub_meta_key(HUB_META_HISTORY, history_of, key)));
    T_OK(store_commit(disk));
}

static void a_key_that_a_newer_one_leads_to_comes_back_by_itself(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0];
    wr_hash second, first = under_two_epochs(all, &second);
    lose_key(d->disk, &first, NULL);
    d->events[HUB_EV_ALERT] = 0;
    hubs_open(d);
    hubs_settle(all);
    T_EQ(alerts_of(d).count, 0);
    T_EQ(d->events[HUB_EV_ALERT], 0);
    T_EQ(hubs_entries(d, NULL, 0), 5);
    hubs_close(d);
    lose_key(d->disk, &second, &second); /* the one that led to it: it is in keys.db again */
    hubs_open(d);
    expect_alert(d, HUB_ALERT_KEY_MISSING, 1, "1 entry that is here cannot be read");
    T_EQ(hubs_entries(d, NULL, 0), 4);
}

static bool has_all(const hubs_device *d) {
    return hubs_entries(&d->all->device[d->index], NULL, 0) == 5;
}

static void a_key_that_is_missing_is_told_until_a_sibling_sends_it(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0];
    char id[HUB_SHORT_ID_SIZE];
    wr_hash second, first = under_two_epochs(all, &second);
    hub_short_id(&first, id);
    lose_key(d->disk, &first, &second);
    d->events[HUB_EV_ALERT] = 0;
    hubs_open(d);
    hubs_settle(all);
    T_EQ(d->events[HUB_EV_ALERT], 1);
    /* Of both streams: names of logs and of devices are entries, too. */
    told t = alerts_of(d);
    T_TRUE(t.last.entries >= 4);
    expect_alert(d, HUB_ALERT_KEY_MISSING, t.last.entries, id);
    T_EQ(hubs_entries(d, NULL, 0), 1);
    restart(d);
    expect_alert(d, HUB_ALERT_KEY_MISSING, t.last.entries, "until a sibling sends it again");
    hubs_open(&all->device[1]);
    hubs_wait(d, has_all);
    T_EQ(alerts_of(d).count, 0);
    restart(d);
    T_EQ(d->events[HUB_EV_ALERT], 0);
}

/* The device stopped when the entries were here and their key was not. */
static void a_key_that_never_came_is_no_damage(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0];
    uint8_t key[HUB_META_KEY_SIZE];
    wr_hash second;
    (void)under_two_epochs(all, &second);
    lose_key(d->disk, &second, &second);
    T_OK(store_begin(d->disk));
    T_OK(store_delete_meta(d->disk, hub_meta_key(HUB_META_KEYED, &second, key)));
    T_OK(store_commit(d->disk));
    d->events[HUB_EV_ALERT] = 0;
    hubs_open(d);
    T_EQ(d->events[HUB_EV_ALERT], 0);
    T_EQ(alerts_of(d).count, 0);
    T_EQ(hubs_entries(d, NULL, 0), 4);
    hubs_open(&all->device[1]);
    hubs_wait(d, has_all);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, hubs_start, hubs_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_damaged_entry_that_waits_is_told_until_it_was_seen),
        IN_A_WORLD(a_tail_that_is_whole_is_no_news),
        IN_A_WORLD(a_key_that_a_newer_one_leads_to_comes_back_by_itself),
        IN_A_WORLD(a_key_that_is_missing_is_told_until_a_sibling_sends_it),
        IN_A_WORLD(a_key_that_never_came_is_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
