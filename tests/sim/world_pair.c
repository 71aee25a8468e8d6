/* How simulated devices come into the circle: founding, pairing by code, URI and beacon.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/world_members.h"
#include "sim/world_parts.h"

#include <stdio.h>
#include <stdlib.h>

#define WINDOW_S 300u
#define TRIES_MS (60u * MINUTE) /* in which all must have come in once nothing is in the way */

/* ---- founding ---- */

static void check_words(device *d, hub *h) {
    char words[HUB_WORDS_MAX];
    bool yes = false;
    if (hub_show_recovery(h, words) != WR_OK ||
        hub_check_recovery(h, wr_slice_str(words), &yes) != WR_OK || !yes)
        world_fail(d->world, "the recovery words do not belong to the circle");
    world_forbid_words(d->world, "recovery words of device", d->index, words);
    memcpy(d->world->words, words, sizeof words);
    if (hub_show_recovery(h, words) != WR_ERR_UNKNOWN)
        world_fail(d->world, "the recovery words are shown twice");
}

void world_found(world *w) {
    device *d = &w->devices[0];
    bool keep = chance_hit(&w->plot, 500) || w->keeps_words;
    device_start(d);
    world_note(d, "founds the circle");
    hub *h = device_enter(d);
    wr_err err = hub_init(h, wr_slice_str(d->name), keep);
    if (err != WR_OK)
        world_fail(w, "init: %s", hub_problem(h));
    world_forbid_circle(d);
    if (keep)
        check_words(d, h);
    device_leave(d);
}

/* ---- the host ------------------------------------------------------------------------------ */

static wr_err find_admin(void *ctx, const hub_device *row) {
    bool *admin = (bool *)ctx;
    if (row->this_device)
        *admin = row->admin && row->current;
    return WR_OK;
}

bool device_is_admin(device *d) {
    bool admin = false;
    hub *h = device_enter(d);
    wr_err err = hub_each_device(h, find_admin, &admin);
    device_leave(d);
    return err == WR_OK && admin;
}

/* A host must be within the guest's reach. */
static device *choose(world *w, const device *guest) {
    bool member = guest != NULL;
    uint32_t first = chance_below(&w->plot, w->device_count);
    for (uint32_t i = 0; i < w->device_count; i++) {
        device *d = &w->devices[(first + i) % w->device_count];
        if (!device_is_up(d) || device_is_member(d) != member)
            continue;
        if (member && !device_is_inside(d))
            continue;
        if (member &&
            (!device_is_admin(d) || !device_is_up(d))) /* asking may have been its death */
            continue;
        if (member && !world_net_reaches(w, guest, d))
            continue;
        return d;
    }
    return NULL;
}

/* The number before the words is public. */
static void forbid_pairing(device *d, const hub_pairing *pairing) {
    wr_slice uri = wr_slice_str(pairing->uri), words = wr_slice_str(strchr(pairing->code, '-') + 1);
    d->pairing = pairing->pairing;
    world_forbid(d->world, "pairing code of device", d->index, words);
    world_forbid(d->world, "pairing URI of device", d->index, uri);
}

/* False: it may not right now. */
static bool open_window(device *d, bool admin, hub_pairing *ret_pairing) {
    world *w = d->world;
    d->ask_owner = chance_hit(&w->plot, 300);
    hub *h = device_enter(d);
    if (d->pairing != 0)
        hub_pair_close(h, d->pairing);
    wr_err err = hub_pair_open(h, admin, WINDOW_S, !d->ask_owner, ret_pairing);
    if (err == WR_OK)
        forbid_pairing(d, ret_pairing);
    else
        world_note(d, "opens no window: %s", wr_err_name(err));
    /* STATE: it waits for a sibling that confirms its own last words. */
    if (err != WR_OK && err != WR_ERR_STATE && !run_may_fail(d->run))
        world_fail(w, "device %u opens no window: %s", d->index, hub_problem(h));
    device_leave(d);
    return err == WR_OK;
}

static void answer(device *d, const hub_event *event) {
    if (!d->ask_owner)
        return;
    wr_err err = hub_pair_answer(d->run->hub, event->pairing, true);
    world_note(d, "says yes to %.*s: %s", (int)event->name.len, (const char *)event->name.ptr,
               wr_err_name(err));
}

/* While the ADD is kept, or is published. */
static void host_may_die(device *d) {
    world *w = d->world;
    uint32_t calls = chance_between(&w->faults, 1, 10);
    bool keep = chance_hit(&w->faults, 500);
    if (w->host_dies && !w->healing)
        store_life_end_at(&d->run->life, calls, keep);
    w->host_dies = false;
}

void pair_event(device *d, const hub_event *event) {
    switch (event->type) {
    case HUB_EV_PAIRING_REQUEST:
        world_note(d, "pairing request");
        if (!hub_has_circle(d->run->hub))
            return;
        host_may_die(d);
        answer(d, event);
        return;
    case HUB_EV_PAIRING_DONE:
        world_note(d, "pairing done");
        return;
    case HUB_EV_PAIRING_FAILED:
    case HUB_EV_PAIRING_TRY:
        world_note(d, "pairing: %s", event->text);
        return;
    case HUB_EV_ENTRIES:
    case HUB_EV_SIBLING_ONLINE:
    case HUB_EV_SIBLING_OFFLINE:
    case HUB_EV_SIBLING_PATH:
    case HUB_EV_CIRCLE_CHANGED:
    case HUB_EV_ALERT:
    case HUB_EV_ROLLBACK:
        return;
    }
    WR_UNREACHABLE();
}

/* ---- the guest ----------------------------------------------------------------------------- */

static void joined(void *ctx, wr_err err) {
    run *r = (run *)ctx;
    device *d = r->device;
    if (r->crashed)
        return;
    world_note(d, "join: %s", wr_err_name(err));
    d->joining = false;
    if (err == WR_OK && d->world->pairing_wrong)
        world_fail(d->world, "device %u came in with a wrong code", d->index);
    if (err == WR_OK)
        d->world->counts.joins++;
    else if (d->world->pairing_wrong)
        d->world->counts.wrong_codes++;
}

/* Two of the three words change places: well formed, and wrong unless they are the same. */
static bool spoil_code(char *code) {
    char swapped[HUB_CODE_MAX];
    char *words[4], *at = code;
    for (int i = 0; i < 4; i++) {
        WR_ASSERT(at != NULL); /* a number and three words */
        words[i] = at;
        at = strchr(at, '-');
        if (at != NULL)
            *at++ = '\0';
    }
    (void)snprintf(swapped, sizeof swapped, "%s-%s-%s-%s", words[0], words[2], words[1], words[3]);
    bool differs = strcmp(words[1], words[2]) != 0;
    (void)snprintf(code, HUB_CODE_MAX, "%s", swapped);
    return differs;
}

static void join_by(device *guest, const device *host, hub_pairing *pairing) {
    world *w = guest->world;
    bool by_uri = chance_hit(&w->plot, 300) && world_net_reaches_local(w, guest, host);
    bool by_beacon = chance_hit(&w->plot, 400) && w->discovery && !by_uri &&
                     net_sim_is_near(w->net, guest->index, host->index);
    bool wrong = chance_hit(&w->plot, 100) && !by_uri && w->counts.joins > 0 && !w->healing;
    net_addr peer;
    bool reached = net_sim_addr_from(w->net, guest->index, host->index, &peer);
    WR_ASSERT(reached);
    w->pairing_wrong = wrong && spoil_code(pairing->code);
    wr_slice text = wr_slice_str(by_uri ? pairing->uri : pairing->code);
    const char *how = by_uri ? "URI" : by_beacon ? "beacon" : "address";
    world_note(guest, "joins device %u by %s%s", host->index, how,
               w->pairing_wrong ? ", wrong code" : "");
    hub *h = device_enter(guest);
    wr_err err = hub_join(h, text, wr_slice_str(guest->name), by_uri || by_beacon ? NULL : &peer,
                          joined, guest->run);
    if (err != WR_OK && !run_may_fail(guest->run))
        world_fail(w, "device %u cannot join: %s", guest->index, hub_problem(h));
    guest->joining = err == WR_OK;
    if (guest->joining)
        world_forbid_join(guest);
    device_leave(guest);
}

static void disturb(void *ctx) {
    world *w = (world *)ctx;
    bool one = chance_hit(&w->faults, 300);
    uint32_t count = net_sim_break_all(w->net, w->host->index, w->guest->index,
                                       one ? NET_SIM_BREAK_ONE : NET_SIM_BREAK_BOTH);
    world_note(w->guest, "the pairing is disturbed, %u connections", count);
    w->counts.breaks += count;
}

/* What goes wrong while a device comes in: rare moments, so they are sought out. */
static void plan_disturbance(world *w, const device *host, device *guest) {
    uint32_t after_ms = chance_below(&w->faults, chance_hit(&w->faults, 500) ? 300 : 4000);
    uint32_t calls = chance_between(&w->faults, 1, 40);
    w->host = host;
    w->guest = guest;
    w->host_dies = false;
    if (w->healing)
        return;
    if (w->weights[ACT_BREAK] != 0 && chance_hit(&w->faults, 300)) {
        w->disturbance.fn = disturb;
        w->disturbance.ctx = w;
        sim_clock_set(w->clock, &w->disturbance, sim_clock_now(w->clock) + after_ms);
    }
    if (w->weights[ACT_CRASH_AT_CALL] == 0 || !chance_hit(&w->faults, 300))
        return;
    bool keep = chance_hit(&w->faults, 500);
    w->host_dies = chance_hit(&w->faults, 500);
    if (!w->host_dies && device_is_up(guest))
        store_life_end_at(&guest->run->life, calls, keep);
}

static bool under_way(const world *w) {
    for (uint32_t i = 0; i < w->device_count; i++)
        if (w->devices[i].joining)
            return true;
    return false;
}

bool world_pair(world *w) {
    hub_pairing pairing;
    if (under_way(w))
        return false;
    device *guest = choose(w, NULL);
    device *host = guest != NULL ? choose(w, guest) : NULL;
    if (host == NULL)
        return false;
    bool admin = chance_hit(&w->plot, 500);
    if (!open_window(host, admin, &pairing))
        return false;
    join_by(guest, host, &pairing);
    if (guest->joining)
        plan_disturbance(w, host, guest);
    return true;
}

void world_pair_two(device *host, device *guest) {
    world *w = host->world;
    for (int tries = 0; tries < 10 && !device_is_member(guest); tries++) {
        hub_pairing pairing;
        if (open_window(host, true, &pairing))
            join_by(guest, host, &pairing);
        while (under_way(w))
            world_run(w, SECOND);
    }
    if (!device_is_member(guest))
        world_fail(w, "device %u does not get in", guest->index);
}

void world_pair_first(world *w) {
    while (under_way(w) || !world_pair(w))
        world_run(w, SECOND);
    while (under_way(w))
        world_run(w, SECOND);
}

static bool is_lost(device *d) {
    hub_status status = {0};
    hub *h = device_enter(d);
    wr_err err = hub_get_status(h, &status);
    device_leave(d);
    return err == WR_OK && status.hold == HUB_HOLD_LOST;
}

bool world_rejoin(device *guest) {
    world *w = guest->world;
    hub_pairing pairing;
    net_addr peer;
    device *host = choose(w, guest);
    if (under_way(w) || host == NULL || host == guest || !open_window(host, true, &pairing) ||
        !net_sim_addr_from(w->net, guest->index, host->index, &peer) || !device_is_up(guest))
        return false;
    world_note(guest, "comes in again by device %u", host->index);
    w->pairing_wrong = false;
    hub *h = device_enter(guest);
    wr_err err = hub_rejoin(h, wr_slice_str(pairing.code), wr_slice_str(guest->name), &peer, joined,
                            guest->run);
    guest->joining = err == WR_OK;
    if (guest->joining)
        world_forbid_join(guest);
    device_leave(guest);
    return err == WR_OK;
}

void world_rejoin_lost(world *w) {
    for (uint32_t i = 0; i < w->device_count && !under_way(w); i++)
        if (device_is_member(&w->devices[i]) && is_lost(&w->devices[i]))
            (void)world_rejoin(&w->devices[i]);
}

static bool all_in(const world *w) {
    for (uint32_t i = 0; i < w->device_count; i++)
        if (!device_is_member(&w->devices[i]))
            return false;
    return true;
}

void world_pair_rest(world *w) {
    uint64_t until = sim_clock_now(w->clock) + TRIES_MS;
    while (!all_in(w) || under_way(w)) {
        if (sim_clock_now(w->clock) > until && world_is_forked(w))
            return;
        if (sim_clock_now(w->clock) > until)
            world_fail(w, "not all devices came into the circle");
        if (!under_way(w))
            (void)world_pair(w);
        world_rejoin_lost(w);
        world_run(w, 5 * SECOND);
    }
}
