/* The plot: what happens to the devices of a world, one step after the other, drawn from the seed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/world_members.h"
#include "sim/world_parts.h"

#include "store/store_memory.h"

#include <inttypes.h>

#define BULK_BURSTS 40u
#define RECOVERY_MS (5u * SECOND)
#define SETTLE_MS_MAX (15u * MINUTE)

/* Each world gets its own mixture; a weight of 0 leaves something out altogether. */
void world_draw_plot(world *w) {
    static const uint32_t most[ACT_COUNT] = {
        [ACT_APPEND] = 60,   [ACT_BREAK] = 15, [ACT_CUT] = 10,     [ACT_MEND] = 20,
        [ACT_UNPLUG] = 8,    [ACT_STOP] = 10,  [ACT_CRASH] = 8,    [ACT_CRASH_AT_CALL] = 8,
        [ACT_START] = 25,    [ACT_SLEEP] = 5,  [ACT_CLOCK] = 4,    [ACT_DISK_FAULT] = 4,
        [ACT_DISK_FULL] = 3, [ACT_DRAWER] = 2, [ACT_BACK_UP] = 10, [ACT_SET_BACK] = 5,
        [ACT_PAIR] = 25,     [ACT_RENAME] = 2, [ACT_LOOK] = 8,     [ACT_PAUSE] = 6,
        [ACT_SPLIT] = 5,     [ACT_FORGET] = 5,
    };
    for (uint32_t i = 0; i < ACT_REMOVE; i++) {
        bool without = chance_hit(&w->plot, 250);
        uint32_t weight = chance_between(&w->plot, 1, most[i]);
        w->weights[i] = without ? 0 : weight;
    }
    /* Rare, as a device that was set back may say two things, and then less can be promised. */
    bool set_back = chance_hit(&w->plot, 150);
    if (!set_back || w->turned != NULL || w->membership)
        w->weights[ACT_BACK_UP] = w->weights[ACT_SET_BACK] = 0;
    w->weights[ACT_FORGET] *= w->nats;
    w->weights[ACT_APPEND] += 15;
    w->weights[ACT_START] += 8;
    w->weights[ACT_MEND] += 6;
    w->weights[ACT_PAIR] += 8;
    world_members_draw(w);
}

static world_act draw_act(world *w) {
    uint32_t sum = 0, act = 0;
    for (uint32_t i = 0; i < ACT_COUNT; i++)
        sum += w->weights[i];
    uint32_t drawn = chance_below(&w->plot, sum);
    for (; drawn >= w->weights[act]; act++)
        drawn -= w->weights[act];
    return (world_act)act;
}

static device *any_device(world *w) {
    return &w->devices[chance_below(&w->plot, w->device_count)];
}

static device *any(world *w, bool (*is)(const device *d)) {
    uint32_t first = chance_below(&w->plot, w->device_count);
    for (uint32_t i = 0; i < w->device_count; i++) {
        device *d = &w->devices[(first + i) % w->device_count];
        if (is(d))
            return d;
    }
    return NULL;
}

static device *any_up(world *w) {
    return any(w, device_is_up);
}

static device *any_member(world *w) {
    return any(w, device_is_member);
}

static bool is_off(const device *d) {
    return d->run == NULL;
}

static device *any_off(world *w) {
    return any(w, is_off);
}

/* ---- single steps -------------------------------------------------------------------------- */

static void act_append(world *w) {
    device *d = any_member(w);
    uint32_t bursts = chance_hit(&w->plot, 200) ? chance_between(&w->plot, 2, 6) : 1;
    bool bulk = w->bulk && chance_hit(&w->plot, 100);
    if (bulk) {
        w->bulk = false;
        bursts = BULK_BURSTS;
    }
    for (uint32_t i = 0; i < bursts && d != NULL && device_is_member(d); i++) {
        bool many = bulk || chance_hit(&w->plot, 60);
        world_append(d, chance_between(&w->plot, 1, many ? WORLD_BATCH_MAX : 6));
    }
}

static void act_break(world *w) {
    const device *a = any_device(w), *b = any_device(w);
    bool one = chance_hit(&w->plot, 500);
    if (a == b)
        return;
    uint32_t count =
        net_sim_break_all(w->net, a->index, b->index, one ? NET_SIM_BREAK_ONE : NET_SIM_BREAK_BOTH);
    world_note(a, "%u connections to device %u break%s", count, b->index,
               one ? ", one end does not know" : "");
    w->counts.breaks += count;
}

static void act_cut(world *w) {
    const device *a = any_device(w), *b = any_device(w);
    bool one_way = chance_hit(&w->plot, 300);
    if (a == b)
        return;
    bool out = net_sim_cut(w->net, a->index, b->index, true);
    bool in = !one_way && net_sim_cut(w->net, b->index, a->index, true);
    if (out || in)
        world_note(a, "is cut off device %u%s", b->index, out && in ? "" : ", one way");
}

static void mend(world *w) {
    net_sim_mend(w->net, w->healing);
    for (uint32_t i = 0; i < w->device_count; i++)
        if (w->devices[i].unplugged)
            device_plug(&w->devices[i], true);
}

static void act_crash_at_call(world *w) {
    device *d = any_up(w);
    bool keep = chance_hit(&w->plot, 500);
    uint32_t calls = chance_between(&w->plot, 1, chance_hit(&w->plot, 500) ? 12 : 200);
    if (d == NULL)
        return;
    device_end_at(d, calls, keep);
}

static void act_disk_fault(world *w) {
    device *d = any_up(w);
    uint32_t calls = chance_between(&w->plot, 1, 40);
    if (d != NULL)
        device_fail_at(d, calls);
}

static void act_disk_full(world *w) {
    device *d = any_up(w);
    uint32_t ms = chance_between(&w->plot, SECOND, 20 * MINUTE);
    if (d != NULL)
        device_fill_disk(d, ms);
}

static void act_back_up(world *w) {
    device *d = any_member(w);
    if (d != NULL)
        device_back_up(d);
}

static void act_clock(world *w) {
    device *d = any_up(w);
    bool far = chance_hit(&w->plot, 200);
    bool back = chance_hit(&w->plot, 300);
    uint32_t by_ms = chance_between(&w->plot, 1, far ? 26 * HOUR : 10 * SECOND);
    if (d == NULL)
        return;
    world_note(d, "clock is set %s by %u ms", back ? "back" : "forward", by_ms);
    d->wall_offset_ms += back ? -(int64_t)by_ms : (int64_t)by_ms;
    loop_sim_set_wall(d->run->loop, d->wall_offset_ms);
}

static void act_sleep(world *w) {
    device *d = any_up(w);
    bool long_one = chance_hit(&w->plot, 300);
    uint32_t ms = chance_between(&w->plot, SECOND, long_one ? 6 * HOUR : 2 * MINUTE);
    if (d != NULL)
        device_sleep(d, ms);
}

static void renamed(void *ctx, wr_err err) {
    const run *r = (const run *)ctx;
    if (err != WR_OK && !run_may_fail(r))
        world_fail(r->device->world, "device %u: rename: %s", r->device->index, wr_err_name(err));
}

static void act_rename(world *w) {
    static const char *const names[] = {"laptop-x4qz7v", "phone-k9wj2q", "desk-z6xv3h",
                                        "a name that is longer-v8jq"};
    device *d = any_member(w);
    const char *name = names[chance_below(&w->plot, WR_COUNT(names))];
    if (d == NULL)
        return;
    world_note(d, "is called %s", name);
    world_forbid(w, "new name of device", d->index, wr_slice_str(name));
    hub *h = device_enter(d);
    wr_err err = hub_rename(h, wr_slice_str(name), renamed, d->run);
    bool refused = err == WR_ERR_REFUSED && !device_is_inside(d); /* it has heard that it is out */
    if (err != WR_OK && !refused && !run_may_fail(d->run))
        world_fail(w, "device %u: rename: %s", d->index, hub_problem(h));
    device_leave(d);
}

static void act_stop(world *w) {
    device *d = any_up(w);
    if (d != NULL)
        device_stop(d);
}

static void act_crash(world *w) {
    device *d = any_up(w);
    bool silent = chance_hit(&w->plot, 500);
    if (d != NULL)
        device_crash(d, silent);
}

static void act_start(world *w) {
    device *d = any_off(w);
    if (d != NULL)
        device_start(d);
}

static void act_unplug(world *w) {
    device *d = any_device(w);
    if (!d->unplugged)
        device_plug(d, false);
}

static void act_look(world *w) {
    device *d = any_member(w);
    if (d != NULL)
        (void)world_check(d, false);
}

/* Where nothing else happens in between, longer ones cost nothing. */
static void act_pause(world *w) {
    bool long_one = chance_hit(&w->plot, 100);
    uint32_t most = w->rhythm ? 15 * MINUTE : 2 * HOUR;
    uint32_t more = w->rhythm ? 2 * HOUR : 40 * HOUR;
    world_run(w, chance_between(&w->plot, MINUTE, long_one ? more : most));
}

static void act_set_back(world *w) {
    device_set_back(any_device(w));
}

static void act_pair(world *w) {
    (void)world_pair(w);
}

static void (*const acts[ACT_COUNT])(world *w) = {
    [ACT_APPEND] = act_append,
    [ACT_BREAK] = act_break,
    [ACT_CUT] = act_cut,
    [ACT_MEND] = mend,
    [ACT_UNPLUG] = act_unplug,
    [ACT_STOP] = act_stop,
    [ACT_CRASH] = act_crash,
    [ACT_CRASH_AT_CALL] = act_crash_at_call,
    [ACT_START] = act_start,
    [ACT_SLEEP] = act_sleep,
    [ACT_CLOCK] = act_clock,
    [ACT_DISK_FAULT] = act_disk_fault,
    [ACT_DISK_FULL] = act_disk_full,
    [ACT_BACK_UP] = act_back_up,
    [ACT_SET_BACK] = act_set_back,
    [ACT_DRAWER] = world_drawer,
    [ACT_PAIR] = act_pair,
    [ACT_RENAME] = act_rename,
    [ACT_LOOK] = act_look,
    [ACT_PAUSE] = act_pause,
    [ACT_SPLIT] = world_net_split,
    [ACT_FORGET] = world_net_forget,
    [ACT_REMOVE] = world_act_remove,
    [ACT_LEAVE] = world_act_leave,
    [ACT_ROLE] = world_act_role,
    [ACT_STRIKE] = world_act_strike,
};

static uint64_t draw_wait(world *w) {
    if (chance_hit(&w->plot, 300))
        return chance_between(&w->plot, 0, 20);
    if (chance_hit(&w->plot, 700))
        return chance_between(&w->plot, 0, 2 * SECOND);
    return chance_between(&w->plot, 0, MINUTE);
}

/* A fault that has struck is over, once the device has had the time to load everything again. */
static void forget_faults(world *w) {
    for (uint32_t i = 0; i < w->device_count; i++) {
        device *d = &w->devices[i];
        if (!d->disk_fault || store_memory_calls(d->disk) < d->fault_call)
            continue;
        if (d->fault_ms == 0)
            d->fault_ms = sim_clock_now(w->clock);
        if (sim_clock_now(w->clock) > d->fault_ms + RECOVERY_MS)
            d->disk_fault = false;
    }
}

void world_step(world *w) {
    world_tap_active(w, true);
    world_traitor_step(w);
    forget_faults(w);
    acts[draw_act(w)](w);
    world_run(w, draw_wait(w));
}

/* ---- the good end -------------------------------------------------------------------------- */

void world_heal(world *w) {
    trace_note(w->trace, sim_clock_now(w->clock), TRACE_NOBODY, "-- everything heals");
    w->healing = true;
    world_rhythm_stop(w);
    w->host_dies = false;
    sim_clock_stop(w->clock, &w->disturbance);
    world_tap_active(w, false);
    world_traitor_heal(w);
    mend(w);
    for (uint32_t i = 0; i < w->device_count; i++) {
        device *d = &w->devices[i];
        device_empty_disk(d);
        if (d->disk != NULL)
            store_memory_fail_at(d->disk, 0);
        if (d->run != NULL)
            d->run->life.die_at = 0;
        while (!device_is_up(d)) {
            if (d->run == NULL)
                device_start(d);
            world_run(w, 10 * SECOND);
        }
    }
    w->healed_ms = sim_clock_now(w->clock);
}

static hub_status status_of(device *d) {
    hub_status status = {0};
    hub *h = device_enter(d);
    wr_err err = hub_get_status(h, &status);
    if (err != WR_OK)
        world_fail(d->world, "device %u: status: %s", d->index, hub_problem(h));
    device_leave(d);
    return status;
}

/* Its only siblings lie, and need not confirm it: then its owner has to remove them (sync.md 5). */
static bool is_alone_with_liars(const world *w, const device *d) {
    bool alone = w->turned != NULL;
    for (uint32_t i = d->index + 1; i < w->device_count; i++)
        alone = alone && !device_is_inside(&w->devices[i]);
    return alone;
}

/* Equal counts may be chance, so what is shown decides.  What was written by a compromised device
 * is not shown, and stays on one disk or another. */
static bool settled(world *w) {
    device *d = world_first_inside(w);
    hub_status first = status_of(d);
    bool same = first.pending == 0 || is_alone_with_liars(w, d);
    uint64_t members = device_members_digest(d);
    for (uint32_t i = d->index + 1; i < w->device_count && same; i++) {
        if (!device_is_inside(&w->devices[i]))
            continue;
        hub_status other = status_of(&w->devices[i]);
        same = other.pending == 0 &&
               (other.entries == first.entries || w->turned != NULL || w->membership) &&
               device_members_digest(&w->devices[i]) == members &&
               wr_hash_equal(&other.circle, &first.circle);
    }
    uint64_t digest = same ? device_digest(d) : 0;
    for (uint32_t i = d->index + 1; i < w->device_count && same; i++)
        same = !device_is_inside(&w->devices[i]) || device_digest(&w->devices[i]) == digest;
    return same;
}

bool world_is_forked(world *w) {
    /* Of a device that came in again some sibling may hold what nobody can prove to others. */
    return w->rejoined || (w->turned == NULL && ledger_forked(w->ledger, w->device_count));
}

void world_settle(world *w) {
    uint64_t until = sim_clock_now(w->clock) + SETTLE_MS_MAX;
    for (uint32_t i = 0; i < w->device_count; i++)
        w->devices[i].disk_fault = false;
    while (!settled(w)) {
        if (sim_clock_now(w->clock) <= until) {
            world_rejoin_lost(w);
            world_run(w, SECOND);
            continue;
        }
        if (world_is_forked(w))
            return;
        for (uint32_t i = 0; i < w->device_count; i++) {
            hub_status s = status_of(&w->devices[i]);
            world_note(&w->devices[i], "has %" PRIu64 " entries, %" PRIu64 " pending, %u devices",
                       s.entries, s.pending, s.devices);
        }
        world_fail(w, "no convergence within %u min of good conditions", SETTLE_MS_MAX / MINUTE);
    }
    w->settled_ms = sim_clock_now(w->clock);
    world_run(w, 5 * SECOND); /* for subscribers */
}
