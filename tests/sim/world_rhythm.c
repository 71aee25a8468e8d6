/* The daily rhythm of a world: every device that is awake appends, loses connections and has its
 * small accidents, at rates of its own, also while the plot waits.
 *
 * Layer:  tests
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/world_parts.h"

#include "store/store_memory.h"

#define BEAT_MS (55u * SECOND) /* the mean between two of them */
#define RECONNECT_WEIGHT 220u  /* of 1000 beats */
#define FAULT_WEIGHT 30u

static void plan(device *d) {
    uint64_t wait_ms = chance_below(&d->rhythm, 2 * BEAT_MS);
    sim_clock_set(d->world->clock, &d->beat, sim_clock_now(d->world->clock) + wait_ms);
}

static void reconnect(device *d) {
    world *w = d->world;
    uint32_t first = chance_below(&d->rhythm, w->device_count);
    for (uint32_t i = 0; i < w->device_count; i++) {
        uint32_t other = (first + i) % w->device_count;
        if (other == d->index)
            continue;
        uint32_t count = net_sim_break_all(w->net, d->index, other, NET_SIM_BREAK_BOTH);
        w->counts.breaks += count;
        if (count != 0)
            return;
    }
}

static void accident(device *d) {
    uint32_t kind = chance_below(&d->rhythm, 5), calls = chance_between(&d->rhythm, 1, 60);
    uint32_t ms = chance_between(&d->rhythm, SECOND, 3 * MINUTE);
    switch (kind) {
    case 0:
        device_stop(d);
        return;
    case 1:
        device_crash(d, chance_hit(&d->rhythm, 500));
        return;
    case 2:
        device_end_at(d, calls, chance_hit(&d->rhythm, 500));
        return;
    case 3:
        device_fail_at(d, calls);
        return;
    default:
        device_sleep(d, ms);
        return;
    }
}

static void beat(void *ctx) {
    device *d = (device *)ctx;
    uint32_t drawn = chance_below(&d->rhythm, 1000);
    if (d->world->healing)
        return;
    plan(d);
    if (d->run == NULL)
        device_start(d);
    else if (!device_is_member(d))
        return;
    else if (drawn < FAULT_WEIGHT)
        accident(d);
    else if (drawn < FAULT_WEIGHT + RECONNECT_WEIGHT)
        reconnect(d);
    else
        world_append(d, chance_hit(&d->rhythm, 800) ? 1 : chance_between(&d->rhythm, 2, 6));
}

void world_rhythm_start(world *w) {
    for (uint32_t i = 0; i < w->device_count && w->rhythm; i++) {
        device *d = &w->devices[i];
        chance_init(&d->rhythm, w->options.seed, "rhythm", i);
        d->beat = (sim_event){.fn = beat, .ctx = d};
        plan(d);
    }
}

void world_rhythm_stop(world *w) {
    for (uint32_t i = 0; i < w->device_count && w->rhythm; i++)
        sim_clock_stop(w->clock, &w->devices[i].beat);
}
