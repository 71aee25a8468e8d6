/* What passes the network of a world: no plaintext may.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/world_parts.h"

#include "sim/attack.h"
#include "sim/attack_leak.h"

void world_forbid(world *w, const char *what, uint32_t number, wr_slice text) {
    leak_forbid(w->leak, what, number, text);
}

static void look(world *w, uint32_t link, unsigned side, uint64_t *tail, wr_slice bytes) {
    uint32_t number = 0;
    const char *what = leak_find(w->leak, tail, bytes, &number);
    if (what != NULL)
        world_fail(w, "plaintext leaves: %s %u, by side %u of connection %u (0: a packet)", what,
                   number, side, link);
}

static uint32_t dialled(void *ctx, uint32_t link, uint32_t from, uint32_t to) {
    world *w = (world *)ctx;
    return w->attack != NULL ? attack_dialled(w->attack, link, from, to) : to;
}

static wr_slice sent(void *ctx, uint32_t link, unsigned side, uint64_t *tail, wr_slice bytes) {
    world *w = (world *)ctx;
    look(w, link, side, tail, bytes);
    return w->attack != NULL ? attack_sent(w->attack, link, side, bytes) : bytes;
}

static void cast(void *ctx, uint32_t from, wr_slice packet) {
    uint64_t tail = 0;
    look((world *)ctx, 0, from, &tail, packet);
}

void world_tap_open(world *w) {
    w->leak = leak_new();
    if (w->attacked)
        w->attack = attack_new(w->clock, w->net, w->options.seed, w->device_count);
    w->tap = (net_sim_tap){dialled, sent, cast, w};
    net_sim_set_tap(w->net, &w->tap);
}

void world_tap_active(world *w, bool active) {
    if (w->attack != NULL)
        attack_activate(w->attack, active);
}

void world_tap_stop(world *w) {
    if (w->attack != NULL)
        attack_stop(w->attack);
}

void world_tap_close(world *w) {
    attack_free(w->attack);
    leak_free(w->leak);
}
