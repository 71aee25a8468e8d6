/* Multicast between simulated hosts: those of a site share one link.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/net_sim_impl.h"

#include <stdlib.h>

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

static net_multicast_place place_at(const net_sim *s, uint32_t host, uint16_t port) {
    net_multicast_place place = {.family = 4, .port = port, .sender = net_sim_local_addr(s, host)};
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
static void arrived(sim_packet *p) {
    net_sim *s = p->net_sim;
    net_multicast *m = open_at(s, p->to, p->port);
    if (m == NULL)
        return;
    net_multicast_place place = place_at(s, p->from, p->port);
    wr_slice bytes = wr_slice_of(p->bytes, p->len);
    trace_event(sim_clock_trace(s->clock), sim_clock_now(s->clock), p->to, "multicast", bytes);
    loop_sim_enter(m->net->loop);
    m->config.fn(m->config.ctx, bytes, &place);
    loop_sim_leave();
}

size_t net_multicast_send(net_multicast *m, net_multicast_make make, void *ctx) {
    net_sim *s = m->net->net_sim;
    uint8_t bytes[NET_MULTICAST_BYTES];
    net_addr own;
    net_multicast_place place = place_at(s, m->net->host, m->config.port);
    if (net_local_addrs(m->net, &own, 1) == 1)
        place.tcp_port = own.port;
    if (!make(ctx, &place, bytes) || m->net->dead)
        return 0;
    if (s->tap != NULL)
        s->tap->cast(s->tap->ctx, m->net->host, wr_slice_of(bytes, sizeof bytes));
    for (uint32_t to = 0; to < s->host_count; to++) {
        if (m->config.scope == NET_MULTICAST_LOOPBACK && to != m->net->host)
            continue;
        if (!net_sim_is_near(s, m->net->host, to))
            continue;
        sim_packet head = {
            .arrived = arrived, .from = m->net->host, .to = to, .port = m->config.port};
        sim_packet_send(s, &head, wr_slice_of(bytes, sizeof bytes));
    }
    return 1;
}
