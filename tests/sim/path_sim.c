/* Paths between simulated hosts: what passes, how long it takes, and what becomes of packets.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/net_sim_impl.h"

#define LATE_MS_MAX 100u /* what others overtake comes so much later */

void sim_paths_init(net_sim *s) {
    for (uint32_t from = 0; from < NET_SIM_HOSTS_MAX; from++) {
        s->hosts[from].plugged = true;
        for (uint32_t to = 0; to < NET_SIM_HOSTS_MAX; to++)
            s->paths[from][to] = (net_sim_path){.latency_ms = 1, .bytes_per_ms = 10000};
    }
}

net_sim_path *net_sim_path_of(net_sim *s, uint32_t from, uint32_t to) {
    return &s->paths[from][to];
}

void net_sim_plug(net_sim *s, uint32_t host, bool plugged) {
    s->hosts[host].plugged = plugged;
}

bool sim_passes(const net_sim *s, uint32_t from, uint32_t to) {
    return s->hosts[from].plugged && s->hosts[to].plugged && !s->paths[from][to].cut;
}

bool sim_link_passes(const sim_link *link, unsigned from) {
    return !link->mapped.forgotten &&
           sim_passes(link->net_sim, link->host[from], link->host[1 - from]);
}

uint64_t sim_travel_ms(net_sim *s, uint32_t from, uint32_t to) {
    const net_sim_path *path = &s->paths[from][to];
    return path->latency_ms + chance_between(&s->chance, 0, path->jitter_ms);
}

/* ---- cutting and mending ------------------------------------------------------------------- */

void net_sim_set_stable_ms(net_sim *s, uint32_t stable_ms) {
    s->stable_ms = stable_ms;
}

static bool may_become(const net_sim *s, uint32_t from, uint32_t to, bool cut) {
    return s->paths[from][to].cut == cut ||
           sim_clock_now(s->clock) >= s->lanes[from][to].stable_until_ms;
}

static void become(net_sim *s, uint32_t from, uint32_t to, bool cut) {
    if (s->paths[from][to].cut == cut)
        return;
    s->paths[from][to].cut = cut;
    s->lanes[from][to].stable_until_ms = sim_clock_now(s->clock) + s->stable_ms;
}

bool net_sim_cut(net_sim *s, uint32_t from, uint32_t to, bool cut) {
    if (s->paths[from][to].cut == cut || !may_become(s, from, to, cut))
        return false;
    become(s, from, to, cut);
    return true;
}

static bool is_in(uint32_t group, uint32_t host) {
    return (group >> host & 1u) != 0;
}

static bool divides(uint32_t group, net_sim_ways ways, uint32_t from, uint32_t to) {
    switch (ways) {
    case NET_SIM_BOTH_WAYS:
        return is_in(group, from) != is_in(group, to);
    case NET_SIM_OUTWARDS:
        return is_in(group, from) && !is_in(group, to);
    }
    WR_UNREACHABLE();
}

bool net_sim_partition(net_sim *s, uint32_t group, net_sim_ways ways) {
    for (uint32_t from = 0; from < s->host_count; from++)
        for (uint32_t to = 0; to < s->host_count; to++)
            if (divides(group, ways, from, to) && !may_become(s, from, to, true))
                return false;
    for (uint32_t from = 0; from < s->host_count; from++)
        for (uint32_t to = 0; to < s->host_count; to++)
            if (divides(group, ways, from, to))
                become(s, from, to, true);
    return true;
}

void net_sim_mend(net_sim *s, bool all) {
    for (uint32_t from = 0; from < s->host_count; from++)
        for (uint32_t to = 0; to < s->host_count; to++)
            if (all || may_become(s, from, to, false))
                become(s, from, to, false);
}

/* ---- packets ------------------------------------------------------------------------------- */

/* A queue that empties at the path's rate. */
static bool enqueue(sim_lane *lane, const net_sim_path *path, uint64_t now_ms, size_t size) {
    uint64_t gone = (now_ms - lane->queued_at_ms) * path->bytes_per_ms;
    lane->queued = gone < lane->queued ? lane->queued - gone : 0;
    lane->queued_at_ms = now_ms;
    if (path->queue_bytes != 0 && lane->queued + size > path->queue_bytes)
        return false;
    lane->queued += size;
    return true;
}

uint32_t sim_path_fate(net_sim *s, uint32_t from, uint32_t to, size_t size,
                       uint64_t arrives_ms[SIM_COPIES_MAX]) {
    const net_sim_path *path = &s->paths[from][to];
    sim_lane *lane = &s->lanes[from][to];
    chance *c = &s->datagrams;
    uint64_t now_ms = sim_clock_now(s->clock);
    if (!sim_passes(s, from, to) || !enqueue(lane, path, now_ms, size) || chance_hit(c, path->lost))
        return 0;
    uint32_t copies = chance_hit(c, path->doubled) ? SIM_COPIES_MAX : 1;
    for (uint32_t i = 0; i < copies; i++) {
        uint64_t at_ms = now_ms + lane->queued / path->bytes_per_ms + path->latency_ms +
                         chance_between(c, 0, path->jitter_ms);
        if (at_ms < lane->last_arrival_ms)
            at_ms = lane->last_arrival_ms;
        if (chance_hit(c, path->late))
            at_ms += chance_between(c, 1, LATE_MS_MAX);
        else
            lane->last_arrival_ms = at_ms;
        arrives_ms[i] = at_ms;
    }
    return copies;
}
