/* Packets from one simulated host to another: sockets, and what is on its way between them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/datagram_sim.h"

#include "sim/net_sim_impl.h"

#include <stdlib.h>

struct net_sim_socket {
    net_sim_socket *next, **at; /* of the open ones of its net */
    net *net;
    uint16_t port;
    net_sim_datagram_fn fn;
    void *ctx;
};

/* ---- packets, also of multicast ------------------------------------------------------------ */

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

static void arrives(void *ctx) {
    sim_packet *p = (sim_packet *)ctx;
    if (sim_passes(p->net_sim, p->from, p->to))
        p->arrived(p);
    packet_free(p);
}

static void packet_new(net_sim *s, const sim_packet *head, wr_slice bytes, uint64_t at_ms) {
    sim_packet *p = (sim_packet *)malloc(sizeof *p + bytes.len);
    WR_ASSERT(p != NULL);
    *p = *head;
    p->net_sim = s;
    p->next = s->packets;
    p->at = &s->packets;
    p->arrives = (sim_event){.fn = arrives, .ctx = p};
    p->len = bytes.len;
    if (bytes.len != 0)
        memcpy(p->bytes, bytes.ptr, bytes.len);
    if (p->next != NULL)
        p->next->at = &p->next;
    s->packets = p;
    sim_clock_set(s->clock, &p->arrives, at_ms);
}

void sim_packet_send(net_sim *s, const sim_packet *head, wr_slice bytes) {
    uint64_t at_ms[SIM_COPIES_MAX];
    uint32_t copies = sim_path_fate(s, head->from, head->to, bytes.len, at_ms);
    for (uint32_t i = 0; i < copies; i++)
        packet_new(s, head, bytes, at_ms[i]);
}

/* ---- sockets ------------------------------------------------------------------------------- */

static net_sim_socket *socket_at(const net *n, uint16_t port) {
    net_sim_socket *socket = n != NULL ? n->sockets : NULL;
    while (socket != NULL && socket->port != port)
        socket = socket->next;
    return socket;
}

wr_err net_sim_socket_open(net *n, uint16_t port, net_sim_datagram_fn fn, void *ctx,
                           net_sim_socket **ret_socket) {
    WR_ASSERT(!n->closing);
    bool any = port == 0;
    if (any)
        port = n->next_port++;
    while (any && socket_at(n, port) != NULL)
        port = n->next_port++;
    if (socket_at(n, port) != NULL)
        return WR_ERR_BUSY;
    net_sim_socket *socket = (net_sim_socket *)calloc(1, sizeof *socket);
    if (socket == NULL)
        return WR_ERR_NOMEM;
    *socket = (net_sim_socket){
        .next = n->sockets, .at = &n->sockets, .net = n, .port = port, .fn = fn, .ctx = ctx};
    if (socket->next != NULL)
        socket->next->at = &socket->next;
    n->sockets = socket;
    *ret_socket = socket;
    return WR_OK;
}

void net_sim_socket_close(net_sim_socket *socket) {
    if (socket == NULL)
        return;
    *socket->at = socket->next;
    if (socket->next != NULL)
        socket->next->at = socket->at;
    free(socket);
}

net_addr net_sim_socket_addr(const net_sim_socket *socket) {
    net_addr addr = net_sim_local_addr(socket->net->net_sim, socket->net->host);
    addr.port = socket->port;
    return addr;
}

static void arrived(sim_packet *p) {
    net_sim *s = p->net_sim;
    uint16_t port = 0;
    if (!sim_nat_in(s, p, &port)) /* it may have forgotten the port since the packet left */
        return;
    const net_sim_socket *socket = socket_at(s->hosts[p->to].net, port);
    if (socket == NULL)
        return;
    wr_slice bytes = wr_slice_of(p->bytes, p->len);
    trace_event(sim_clock_trace(s->clock), sim_clock_now(s->clock), p->to, "datagram", bytes);
    s->bytes += p->len;
    loop_sim_enter(socket->net->loop);
    socket->fn(socket->ctx, &p->source, bytes);
    loop_sim_leave();
}

void net_sim_socket_send(net_sim_socket *socket, const net_addr *to, wr_slice bytes) {
    const net *n = socket->net;
    net_sim *s = n->net_sim;
    sim_packet head = {.arrived = arrived, .from = n->host, .to = SIM_NOWHERE, .dest = *to};
    uint16_t port = 0;
    WR_ASSERT(bytes.len <= NET_SIM_DATAGRAM_BYTES);
    if (n->dead)
        return;
    if (s->tap != NULL)
        s->tap->cast(s->tap->ctx, n->host, bytes);
    if (!sim_nat_out(s, n->host, socket->port, to, &head.source))
        return;
    head.to = sim_nat_find(s, n->host, to, &port);
    if (head.to != SIM_NOWHERE)
        sim_packet_send(s, &head, bytes);
}
