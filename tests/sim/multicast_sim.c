/* Multicast between simulated hosts: all of them share one link, packets get lost or come twice.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/net_sim_impl.h"

#include <stdlib.h>

#define LOST_PER_MILLE 150u
#define TWICE_PER_MILLE 50u

struct net_multicast {
    net_multicast *next, **at; /* of the open ones of its net */
    net *net;
    net_multicast_config config;
};

static const uint8_t group[4] = {239, 255, 109, 104};

wr_err net_multicast_open(net *n, const net_multicast_config *config,
                          net_multicast **ret_multicast) {
    net_multicast *m = (net_multicast *)calloc(1, sizeof *m);
    if (m == NULL)
        return WR_ERR_NOMEM;
    *m = (net_multicast){.next = n->multicasts, .at = &n->multicasts, .net = n, .config = *config};
    if (m->next != NULL)
        m->next->at = &m->next;
    n->multicasts = m;
    *ret_multicast = m;
    return WR_OK;
}

void net_multicast_close(net_multicast *m) {
    if (m == NULL)
        return;
    *m->at = m->next;
    if (m->next != NULL)
        m->next->at = m->at;
    free(m);
}

static void packet_free(sim_packet *p) {
    sim_clock_stop(p->net_sim->clock, &p->arrives);
    *p->at = p->next;
    if (p->next != NULL)
        p->next->at = p->at;
    free(p);
}

void sim_packets_drop(net_sim *s) {
    for (sim_packet *next, *p = s->packets; p != NULL; p = next) {
        next = p->next;
        sim_clock_stop(s->clock, &p->arrives);
        free(p);
    }
    s->packets = NULL;
}

static net_multicast_place place_at(uint32_t host, uint16_t port) {
    net_multicast_place place = {.family = 4, .port = port, .sender = net_sim_addr(host)};
    memcpy(place.group, group, sizeof group);
    place.sender.port = 0;
    return place;
}

static net_multicast *open_at(const net_sim *s, uint32_t host, uint16_t port) {
    net *n = s->hosts[host].net;
    net_multicast *m = n != NULL && !n->dead ? n->multicasts : NULL;
    while (m != NULL && m->config.port != port)
        m = m->next;
    return m;
}

/* One device has one open at a time, so the first of the port is who hears it. */
static void packet_arrives(void *ctx) {
    sim_packet *p = (sim_packet *)ctx;
    net_sim *s = p->net_sim;
    net_multicast *m = open_at(s, p->to, p->port);
    if (m != NULL && sim_passes(s, p->from, p->to)) {
        net_multicast_place place = place_at(p->from, p->port);
        wr_slice bytes = wr_slice_of(p->bytes, sizeof p->bytes);
        trace_event(sim_clock_trace(s->clock), sim_clock_now(s->clock), p->to, "multicast", bytes);
        loop_sim_enter(m->net->loop);
        m->config.fn(m->config.ctx, bytes, &place);
        loop_sim_leave();
    }
    packet_free(p);
}

static void packet_new(net_multicast *m, uint32_t to, const uint8_t bytes[NET_MULTICAST_BYTES]) {
    net_sim *s = m->net->net_sim;
    sim_packet *p = (sim_packet *)calloc(1, sizeof *p);
    WR_ASSERT(p != NULL);
    *p = (sim_packet){.next = s->packets,
                      .at = &s->packets,
                      .net_sim = s,
                      .from = m->net->host,
                      .to = to,
                      .port = m->config.port,
                      .arrives = {.fn = packet_arrives, .ctx = p}};
    memcpy(p->bytes, bytes, sizeof p->bytes);
    if (p->next != NULL)
        p->next->at = &p->next;
    s->packets = p;
    sim_clock_set(s->clock, &p->arrives,
                  sim_clock_now(s->clock) + sim_travel_ms(s, p->from, p->to));
}

size_t net_multicast_send(net_multicast *m, net_multicast_make make, void *ctx) {
    net_sim *s = m->net->net_sim;
    uint8_t bytes[NET_MULTICAST_BYTES];
    net_addr own;
    net_multicast_place place = place_at(m->net->host, m->config.port);
    if (net_local_addrs(m->net, &own, 1) == 1)
        place.tcp_port = own.port;
    if (!make(ctx, &place, bytes) || m->net->dead)
        return 0;
    if (s->tap != NULL)
        s->tap->cast(s->tap->ctx, m->net->host, wr_slice_of(bytes, sizeof bytes));
    for (uint32_t to = 0; to < s->host_count; to++) {
        if (m->config.scope == NET_MULTICAST_LOOPBACK && to != m->net->host)
            continue;
        if (!chance_hit(&s->chance, LOST_PER_MILLE))
            packet_new(m, to, bytes);
        if (chance_hit(&s->chance, TWICE_PER_MILLE))
            packet_new(m, to, bytes);
    }
    return 1;
}
