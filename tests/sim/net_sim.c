/* The simulated network: hosts, listeners, dialling, and how connections end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/net_sim.h"

#include "sim/net_sim_impl.h"

#include <stdlib.h>

#define PATIENCE_MS_MIN 8000u
#define PATIENCE_MS_MAX 60000u
#define DIALLED_PORT 40000u /* the first one */

/* ---- hosts and paths ----------------------------------------------------------------------- */

net_sim *net_sim_new(sim_clock *c, uint64_t seed, uint32_t host_count) {
    WR_ASSERT(host_count <= NET_SIM_HOSTS_MAX);
    net_sim *s = (net_sim *)calloc(1, sizeof *s);
    WR_ASSERT(s != NULL);
    s->clock = c;
    s->host_count = host_count;
    s->links_end = &s->links;
    chance_init(&s->chance, seed, "net", 0);
    chance_init(&s->datagrams, seed, "datagram", 0);
    chance_init(&s->nats, seed, "nat", 0);
    sim_paths_init(s);
    sim_sites_init(s);
    return s;
}

void net_sim_free(net_sim *s) {
    if (s == NULL)
        return;
    WR_ASSERT(s->links == NULL);
    sim_packets_drop(s);
    free(s);
}

void net_sim_set_tap(net_sim *s, const net_sim_tap *tap) {
    s->tap = tap;
}

uint32_t net_sim_connections(const net_sim *s) {
    return s->link_count;
}

uint64_t net_sim_bytes(const net_sim *s) {
    return s->bytes;
}

uint64_t net_sim_pieces(const net_sim *s) {
    return s->pieces;
}

void sim_trace(const transport *t, const char *kind, wr_slice content) {
    sim_clock *c = t->net->net_sim->clock;
    trace_event(sim_clock_trace(c), sim_clock_now(c), loop_sim_device(t->net->loop), kind, content);
}

static void set(sim_link *link, sim_event *event, uint64_t after_ms) {
    sim_clock *c = link->net_sim->clock;
    sim_clock_set(c, event, sim_clock_now(c) + after_ms);
}

static void set_soon(transport *t, loop_event *event, uint64_t after_ms) {
    loop_event_set(event, sim_clock_now(t->net->net_sim->clock) + after_ms);
}

/* ---- ends ---------------------------------------------------------------------------------- */

static void link_free(sim_link *link) {
    net_sim *s = link->net_sim;
    for (unsigned i = 0; i < 2; i++) {
        sim_stream_wipe(&link->stream[i]);
        sim_clock_stop(s->clock, &link->reset[i]);
    }
    sim_clock_stop(s->clock, &link->syn);
    *link->at = link->next;
    if (link->next != NULL)
        link->next->at = link->at;
    else
        s->links_end = link->at;
    s->link_count--;
    free(link);
}

static void leave_link(transport *t) {
    sim_link *link = t->link;
    t->link = NULL;
    if (link == NULL)
        return;
    link->end[t->side] = NULL;
    if (link->end[1 - t->side] == NULL)
        link_free(link);
}

static void net_release(net *n) {
    if (n->closing && n->transports == 0)
        free(n);
}

static void closed(void *ctx) {
    transport *t = (transport *)ctx;
    const transport_events *events = t->events;
    void *events_ctx = t->ctx;
    wr_err reason = t->reason;
    net *n = t->net;
    sim_trace(t, "closed", wr_slice_str(wr_err_name(reason)));
    leave_link(t);
    n->transports--;
    free(t);
    /* An accepted connection that nobody took has no events. */
    if (events != NULL)
        events->closed(events_ctx, reason);
    net_release(n);
}

/* Mostly all that was flushed leaves; but what the system had not taken yet may be lost. */
static uint64_t kept(net_sim *s, const sim_stream *out) {
    uint64_t under_way = out->flushed - out->read;
    if (under_way == 0 || under_way > UINT32_MAX || chance_hit(&s->chance, 900))
        return under_way;
    return chance_below(&s->chance, (uint32_t)under_way);
}

/* One end has closed.  Bytes that come for it find nobody, and that is reported back. */
static void link_without(sim_link *link, unsigned side, bool in_order) {
    sim_stream *out = &link->stream[side], *in = &link->stream[1 - side];
    if (side == 0 && !link->reached) {
        sim_clock_stop(link->net_sim->clock, &link->syn);
        return;
    }
    if (in_order)
        sim_stream_finish(out, kept(link->net_sim, out));
    else
        sim_stream_drop(out);
    if (in->flushed > in->read)
        sim_stream_resume(in);
}

void sim_end_close(transport *t, wr_err reason) {
    sim_link *link = t->link;
    sim_end_state before = t->state;
    if (before == SIM_CLOSING)
        return;
    t->state = SIM_CLOSING;
    t->reason = reason;
    free(t->room);
    t->room = NULL;
    loop_event_stop(&t->opened);
    loop_event_stop(&t->writable);
    loop_event_stop(&t->timeout);
    set_soon(t, &t->closed, 0);
    if (link == NULL)
        return;
    link_without(link, t->side, reason == WR_OK && before == SIM_OPEN);
    if (before == SIM_CONNECTING && link->reached) /* the other end is open already */
        sim_reset_later(link, 1 - t->side);
}

static void reset(sim_link *link, unsigned side) {
    transport *t = link->end[side];
    /* News that get lost come again as the answer to the next bytes. */
    if (t == NULL || (!sim_link_passes(link, 1 - side) && !sim_nat_resets(link)))
        return;
    sim_end_close(t, WR_ERR_IO);
}

static void reset_0(void *ctx) {
    reset((sim_link *)ctx, 0);
}

static void reset_1(void *ctx) {
    reset((sim_link *)ctx, 1);
}

void sim_reset_later(sim_link *link, unsigned side) {
    if (link->end[side] == NULL || sim_event_is_set(&link->reset[side]))
        return;
    set(link, &link->reset[side],
        sim_travel_ms(link->net_sim, link->host[1 - side], link->host[side]));
}

static void writable(void *ctx) {
    transport *t = (transport *)ctx;
    sim_trace(t, "writable", WR_SLICE_EMPTY);
    t->events->writable(t->ctx);
}

static void took_too_long(void *ctx) {
    sim_end_close((transport *)ctx, WR_ERR_TIMEOUT);
}

static void opened(void *ctx) {
    transport *t = (transport *)ctx;
    sim_link *link = t->link;
    if (!sim_link_passes(link, 1)) {
        set_soon(t, &t->opened, SIM_CONNECT_RETRY_MS);
        return;
    }
    loop_event_stop(&t->timeout);
    t->state = SIM_OPEN;
    sim_trace(t, "open", WR_SLICE_EMPTY);
    t->events->open(t->ctx);
}

static transport *end_new(net *n, sim_link *link, unsigned side) {
    transport *t = (transport *)calloc(1, sizeof *t);
    WR_ASSERT(t != NULL);
    t->net = n;
    t->link = link;
    t->side = side;
    if (link != NULL)
        link->end[side] = t;
    loop_event_init(&t->opened, n->loop, opened, t);
    loop_event_init(&t->writable, n->loop, writable, t);
    loop_event_init(&t->timeout, n->loop, took_too_long, t);
    loop_event_init(&t->closed, n->loop, closed, t);
    n->transports++;
    return t;
}

/* ---- dialling ------------------------------------------------------------------------------ */

static sim_listener *listener_at(const net *n, uint16_t port) {
    sim_listener *l = n == NULL || n->dead ? NULL : n->listeners;
    while (l != NULL && l->addr.port != port)
        l = l->next;
    return l;
}

static void syn_reached(void *ctx) {
    sim_link *link = (sim_link *)ctx;
    net_sim *s = link->net_sim;
    transport *from = link->end[0];
    if (!sim_link_passes(link, 0)) {
        /* Doubled each time, as TCP does: who dials may sleep for months before it gives up. */
        link->syn_wait_ms = link->syn_wait_ms == 0 ? SIM_CONNECT_RETRY_MS : link->syn_wait_ms * 2;
        set(link, &link->syn, link->syn_wait_ms);
        return;
    }
    net *n = s->hosts[link->host[1]].net;
    const sim_listener *listener = listener_at(n, link->port);
    if (listener == NULL) {
        sim_reset_later(link, 0);
        return;
    }
    link->reached = true;
    transport *t = end_new(n, link, 1);
    t->state = SIM_OPEN;
    t->local = net_sim_local_addr(s, link->host[1]);
    t->local.port = link->port;
    t->remote = link->mapped.seen;
    set_soon(from, &from->opened, sim_travel_ms(s, link->host[1], link->host[0]));
    sim_trace(t, "accept", WR_SLICE_EMPTY);
    loop_sim_enter(n->loop);
    listener->fn(listener->ctx, t);
    loop_sim_leave();
    WR_ASSERT(t->events != NULL || t->state == SIM_CLOSING);
}

/* Where a connection really ends: at to, or where the tap says and a way leads. */
static uint32_t ends_at(const net_sim *s, uint32_t link, uint32_t from, uint32_t to) {
    uint32_t other = s->tap != NULL ? s->tap->dialled(s->tap->ctx, link, from, to) : to;
    return sim_nat_reaches(s, from, other) ? other : to;
}

static void link_new(net_sim *s, uint32_t from, uint32_t to, uint16_t port, transport *dialled) {
    static void (*const on_reset[2])(void *) = {reset_0, reset_1};
    sim_link *link = (sim_link *)calloc(1, sizeof *link);
    WR_ASSERT(link != NULL);
    link->net_sim = s;
    link->number = ++s->links_ever;
    to = ends_at(s, link->number, from, to);
    link->host[0] = from;
    link->host[1] = to;
    link->port = port;
    sim_nat_map(link, &dialled->local);
    link->end[0] = dialled;
    link->unacked_max = SIM_ROOM_BYTES * chance_between(&s->chance, 1, 3);
    link->patience_ms = chance_between(&s->chance, PATIENCE_MS_MIN, PATIENCE_MS_MAX);
    link->small_pieces = chance_hit(&s->chance, 500) ? chance_below(&s->chance, 600) : 0;
    link->syn = (sim_event){.fn = syn_reached, .ctx = link};
    for (unsigned i = 0; i < 2; i++) {
        sim_stream_init(&link->stream[i], link, i);
        link->reset[i] = (sim_event){.fn = on_reset[i], .ctx = link};
    }
    link->at = s->links_end;
    *s->links_end = link;
    s->links_end = &link->next;
    s->link_count++;
    dialled->link = link;
    set(link, &link->syn, sim_travel_ms(s, from, to));
}

wr_err net_dial(net *n, const net_addr *addr, const transport_events *events, void *ctx,
                transport **ret_transport) {
    WR_ASSERT(!n->closing);
    WR_ASSERT(addr->family == 4 || addr->family == 6);
    transport *t = end_new(n, NULL, 0);
    t->events = events;
    t->ctx = ctx;
    t->state = SIM_CONNECTING;
    t->remote = *addr;
    t->local = net_sim_local_addr(n->net_sim, n->host);
    t->local.port = n->next_port++;
    set_soon(t, &t->timeout, SIM_CONNECT_MS);
    uint16_t port = 0;
    uint32_t to = sim_nat_dial(n->net_sim, n->host, addr, &port);
    if (to != SIM_NOWHERE && !n->dead)
        link_new(n->net_sim, n->host, to, port, t);
    *ret_transport = t;
    return WR_OK;
}

/* ---- a process and its sockets ---- */

wr_err net_sim_open(net_sim *s, uint32_t host, loop *l, net **ret_net) {
    WR_ASSERT(host < s->host_count);
    WR_ASSERT(s->hosts[host].net == NULL);
    net *n = (net *)calloc(1, sizeof *n);
    if (n == NULL)
        return WR_ERR_NOMEM;
    n->net_sim = s;
    n->host = host;
    n->loop = l;
    n->next_port = DIALLED_PORT;
    s->hosts[host].net = n;
    s->hosts[host].processes++;
    *ret_net = n;
    return WR_OK;
}

bool net_sim_is_quiet(const net *n) {
    return n->transports == 0;
}

static void leave_host(net *n) {
    if (n->net_sim->hosts[n->host].net == n)
        n->net_sim->hosts[n->host].net = NULL;
}

void net_close(net *n) {
    if (n == NULL)
        return;
    WR_ASSERT(!n->closing);
    WR_ASSERT(n->multicasts == NULL);
    WR_ASSERT(n->sockets == NULL);
    n->closing = true;
    leave_host(n);
    for (sim_listener *next, *l = n->listeners; l != NULL; l = next) {
        next = l->next;
        free(l);
    }
    n->listeners = NULL;
    net_release(n);
}

wr_err net_listen(net *n, const net_addr *addr, net_accept_fn fn, void *ctx, uint16_t *ret_port) {
    WR_ASSERT(!n->closing);
    if (listener_at(n, addr->port) != NULL)
        return WR_ERR_BUSY;
    sim_listener *l = (sim_listener *)calloc(1, sizeof *l);
    if (l == NULL)
        return WR_ERR_NOMEM;
    *l = (sim_listener){.addr = *addr, .fn = fn, .ctx = ctx, .next = n->listeners};
    if (l->addr.port == 0)
        l->addr.port = n->next_port++;
    n->listeners = l;
    *ret_port = l->addr.port;
    return WR_OK;
}

size_t net_local_addrs(net *n, net_addr *out, size_t max) {
    size_t count = 0;
    for (const sim_listener *l = n->listeners; l != NULL && count < max; l = l->next) {
        out[count] = net_sim_local_addr(n->net_sim, n->host);
        out[count++].port = l->addr.port;
    }
    return count;
}

/* The end is there for its owner only. */
static void cut_off(sim_link *link, unsigned side, bool silent) {
    transport *t = link->end[side];
    t->wants_space = false;
    loop_event_stop(&t->opened);
    loop_event_stop(&t->writable);
    loop_event_stop(&t->timeout);
    sim_stream_finish(&link->stream[side], kept(link->net_sim, &link->stream[side]));
    link->stream[side].fin = false;
    if (side == 0 && !link->reached)
        sim_clock_stop(link->net_sim->clock, &link->syn);
    if (!silent)
        sim_reset_later(link, 1 - side);
    leave_link(t);
}

void net_sim_kill(net *n, bool silent) {
    net_sim *s = n->net_sim;
    n->dead = true;
    leave_host(n);
    for (sim_link *next, *link = s->links; link != NULL; link = next) {
        next = link->next;
        bool mine[2];
        for (unsigned side = 0; side < 2; side++)
            mine[side] = link->end[side] != NULL && link->end[side]->net == n;
        if (mine[0] && mine[1]) { /* it dialled itself */
            cut_off(link, 1, true);
            cut_off(link, 0, true);
        } else if (mine[0] || mine[1]) {
            cut_off(link, mine[0] ? 0 : 1, silent);
        }
    }
}

static void break_link(sim_link *link, net_sim_break how) {
    unsigned first = chance_below(&link->net_sim->chance, 2);
    if (link->end[first] == NULL)
        first = 1 - first;
    for (unsigned i = 0; i < 2; i++)
        sim_stream_drop(&link->stream[i]);
    sim_end_close(link->end[first], WR_ERR_IO);
    switch (how) {
    case NET_SIM_BREAK_BOTH:
        sim_reset_later(link, 1 - first);
        return;
    case NET_SIM_BREAK_ONE:
        return;
    }
    WR_UNREACHABLE();
}

uint32_t net_sim_break_all(net_sim *s, uint32_t a, uint32_t b, net_sim_break how) {
    uint32_t count = 0;
    for (sim_link *link = s->links; link != NULL; link = link->next) {
        bool between = (link->host[0] == a && link->host[1] == b) ||
                       (link->host[0] == b && link->host[1] == a);
        if (!between)
            continue;
        break_link(link, how);
        count++;
    }
    return count;
}

/* ---- transports ---------------------------------------------------------------------------- */

void transport_attach(transport *t, const transport_events *events, void *ctx) {
    t->events = events;
    t->ctx = ctx;
}

void transport_close(transport *t) {
    sim_end_close(t, WR_OK);
}

net_addr transport_remote(const transport *t) {
    return t->remote;
}

net_addr transport_local(const transport *t) {
    return t->local;
}

wr_buf transport_space(transport *t) {
    if (t->state != SIM_OPEN || t->link == NULL)
        return wr_buf_of(NULL, 0);
    const sim_stream *out = &t->link->stream[t->side];
    if (t->room == NULL && sim_stream_unacked(out) + SIM_ROOM_BYTES > t->link->unacked_max) {
        t->wants_space = true;
        return wr_buf_of(NULL, 0);
    }
    if (t->room == NULL)
        t->room = (uint8_t *)malloc(SIM_ROOM_BYTES);
    WR_ASSERT(t->room != NULL);
    return wr_buf_of(t->room, SIM_ROOM_BYTES);
}

void transport_flush(transport *t, size_t len) {
    uint8_t *room = t->room;
    t->room = NULL;
    if (room == NULL) {
        WR_ASSERT(len == 0 || t->state == SIM_CLOSING);
        return;
    }
    WR_ASSERT(len <= SIM_ROOM_BYTES);
    if (t->state == SIM_OPEN && t->link != NULL)
        sim_stream_put(&t->link->stream[t->side], wr_slice_of(room, len));
    free(room);
}

void transport_pause(transport *t, bool paused) {
    t->paused = paused;
    if (!paused && t->link != NULL && t->state == SIM_OPEN)
        sim_stream_resume(&t->link->stream[1 - t->side]);
}
