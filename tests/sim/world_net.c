/* The network of a world: how fast and how lossy it is, where devices stand, how it falls apart.
 *
 * In most worlds all devices stand at one open site.  In the others there are NATs: then device 0,
 * which founds the circle, can be dialled by all others, as two devices behind two NATs exchange
 * nothing without a third.
 *
 * Layer:  tests
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/world_parts.h"

#define NAT_WORLDS 200u /* per mille */
#define SITES 4u
#define TCP_IDLE_MS_MIN (61u * SECOND) /* longer than the patience of any stream */

/* ---- paths --------------------------------------------------------------------------------- */

/* What only packets suffer.  A world without any of it should be among them. */
static void draw_losses(world *w, net_sim_path *path) {
    chance *c = &w->network;
    path->lost = chance_hit(c, 300) ? 0 : chance_below(c, 300);
    path->doubled = chance_hit(c, 300) ? 0 : chance_below(c, 100);
    path->late = chance_hit(c, 300) ? 0 : chance_below(c, 200);
    path->queue_bytes = chance_hit(c, 300) ? 0 : chance_between(c, 1500, 64000);
}

static void draw_paths(world *w) {
    chance *c = &w->plot;
    bool near = chance_hit(c, 500);
    for (uint32_t a = 0; a < w->device_count; a++) {
        for (uint32_t b = 0; b < w->device_count; b++) {
            net_sim_path *path = net_sim_path_of(w->net, a, b);
            path->latency_ms = chance_between(c, 0, near ? 3 : 300);
            path->jitter_ms = chance_between(c, 0, near ? 2 : 200);
            path->bytes_per_ms = chance_between(c, near ? 1000 : 20, near ? 50000 : 2000);
            draw_losses(w, path);
        }
    }
}

/* How long a path stays cut or whole at least; in a third of the worlds, not at all. */
static void draw_stability(world *w) {
    static const uint32_t most_ms[] = {0, 10 * SECOND, 5 * MINUTE};
    uint32_t kind = chance_below(&w->network, WR_COUNT(most_ms));
    net_sim_set_stable_ms(w->net, chance_between(&w->network, 0, most_ms[kind]));
}

/* ---- sites --------------------------------------------------------------------------------- */

static net_sim_site draw_site(chance *c) {
    bool short_tcp = chance_hit(c, 500);
    net_sim_site site = {0}; /* one draw after the other: an initializer has no order */
    site.nat = (net_sim_nat)chance_between(c, NET_SIM_FULL_CONE, NET_SIM_UDP_BLOCKED);
    site.idle_ms = chance_between(c, 20 * SECOND, 5 * MINUTE);
    site.tcp_idle_ms = chance_between(c, TCP_IDLE_MS_MIN, short_tcp ? 5 * MINUTE : 3 * HOUR);
    site.resets = chance_hit(c, 300);
    return site;
}

/* All of them at one site, or each where it happens to be, and the first within everyone's reach.
 */
static void draw_sites(world *w) {
    chance *c = &w->network;
    bool one = chance_hit(c, 150), open = chance_hit(c, 600);
    for (uint32_t i = 1; i < SITES; i++) {
        net_sim_site site = draw_site(c);
        if (i == 1 && !one && !open)
            site.nat = NET_SIM_FULL_CONE;
        net_sim_set_site(w->net, i, &site);
    }
    for (uint32_t i = 0; i < w->device_count; i++) {
        uint32_t site = chance_below(c, SITES);
        if (one)
            site = 1;
        else if (i == 0)
            site = open ? 0 : 1;
        net_sim_place(w->net, i, site);
    }
}

void world_net_draw(world *w) {
    chance_init(&w->network, w->options.seed, "network", 0);
    if (w->options.scenario != NULL)
        return; /* a good network: the scenario says what goes wrong */
    draw_paths(w);
    draw_stability(w);
    w->nats = chance_hit(&w->network, NAT_WORLDS) && !w->membership;
    if (w->nats)
        draw_sites(w);
}

bool world_net_reaches(const world *w, const device *from, const device *to) {
    net_addr addr;
    return net_sim_addr_from(w->net, from->index, to->index, &addr);
}

bool world_net_reaches_local(const world *w, const device *from, const device *to) {
    net_addr addr, local = net_sim_local_addr(w->net, to->index);
    return net_sim_addr_from(w->net, from->index, to->index, &addr) &&
           net_addr_equal(&addr, &local);
}

/* ---- what happens to it -------------------------------------------------------------------- */

/* The devices of one site, as when its line to the internet is dead; 0: none, or all. */
static uint32_t site_group(const world *w, uint32_t first) {
    uint32_t group = 0, all = (1u << w->device_count) - 1;
    for (uint32_t i = 0; i < w->device_count; i++)
        if (net_sim_is_near(w->net, first, i))
            group |= 1u << i;
    return group == all ? 0 : group;
}

void world_net_split(world *w) {
    chance *c = &w->network;
    uint32_t any = chance_between(c, 1, (1u << w->device_count) - 2);
    uint32_t site = site_group(w, chance_below(c, w->device_count));
    uint32_t group = site != 0 && chance_hit(c, 500) ? site : any;
    net_sim_ways ways = chance_hit(c, 300) ? NET_SIM_OUTWARDS : NET_SIM_BOTH_WAYS;
    bool done = net_sim_partition(w->net, group, ways);
    trace_note(w->trace, sim_clock_now(w->clock), TRACE_NOBODY,
               "-- devices %#x are %scut off all others%s", group, done ? "" : "not yet ",
               ways == NET_SIM_OUTWARDS ? ", outwards" : "");
}

void world_net_forget(world *w) {
    uint32_t site = net_sim_site_of(w->net, chance_below(&w->network, w->device_count));
    uint32_t count = net_sim_nat_restart(w->net, site);
    trace_note(w->trace, sim_clock_now(w->clock), TRACE_NOBODY,
               "-- the NAT of site %u starts again and forgets %u", site, count);
}
