/* Multicast on libuv: one socket a family, and who is heard.
 *
 *   OPEN -> CLOSING -> (both handles closed) gone
 *
 * Layer:  net
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/multicast.h"

#include "net/multicast_impl.h"
#include "net/net_impl.h"

#include <stdlib.h>
#include <unistd.h>

#define HOPS_ON_LINK 255 /* what no router has passed on */
#define TURN_MAX 64u     /* packets of one socket in a turn; the rest waits for the next */

typedef struct multicast_socket {
    uv_poll_t uv;
    net_multicast *owner;
    int fd;
    bool open; /* its handle is the loop's */
    uint8_t family;
    multicast_budget budget;
} multicast_socket;

struct net_multicast {
    net *net;
    net_multicast_config config;
    bool closing;
    size_t handles; /* open or closing: the last one out frees all */
    multicast_socket v4, v6;
    multicast_links links;
};

/* ---- closing -------------------------------------------------------------------------------- */

static void release(net_multicast *m) {
    net *n = m->net;
    WR_ASSERT(m->closing);
    free(m);
    net_release(n);
}

static void closed(uv_handle_t *handle) {
    multicast_socket *s = (multicast_socket *)handle->data;
    net_multicast *m = s->owner;
    (void)close(s->fd);
    WR_ASSERT(m->handles > 0);
    if (--m->handles == 0)
        release(m);
}

void net_multicast_close(net_multicast *m) {
    if (m == NULL || m->closing)
        return;
    m->closing = true;
    if (m->handles == 0) {
        release(m);
        return;
    }
    if (m->v4.open)
        uv_close((uv_handle_t *)&m->v4.uv, closed);
    if (m->v6.open)
        uv_close((uv_handle_t *)&m->v6.uv, closed);
}

/* ---- hearing -------------------------------------------------------------------------------- */

static bool is_heard(net_multicast *m, multicast_socket *s, const multicast_packet *packet) {
    uint8_t group[16];
    multicast_group(s->family, group);
    if (packet->len != NET_MULTICAST_BYTES)
        return false;
    if (!wr_equal(wr_slice_of(packet->group, 16), wr_slice_of(group, 16)))
        return false;
    /* spec:beacon#3.1 "A receiver MUST drop a packet of the IPv6 group that arrives with another
     * hop limit" */
    if (s->family == 6 && packet->hops != HOPS_ON_LINK)
        return false;
    /* spec:beacon#3.3 "A receiver MUST drop a packet whose source is not in a prefix of the
     * interface it came by." */
    if (!multicast_links_know(&m->links, packet->interface, &packet->from))
        return false;
    return multicast_budget_take(&s->budget, &packet->from, loop_now(m->net->loop).mono);
}

static net_multicast_place place_of(const net_multicast *m, const net_addr *sender) {
    net_multicast_place place = {
        .family = sender->family, .port = m->config.port, .sender = *sender};
    multicast_group(place.family, place.group);
    return place;
}

static void readable(uv_poll_t *uv, int status, int events) {
    multicast_socket *s = (multicast_socket *)uv->data;
    net_multicast *m = s->owner;
    multicast_packet packet;
    (void)events;
    if (status < 0)
        return; /* the loop has stopped asking: this family is deaf until the next open */
    for (unsigned i = 0; i < TURN_MAX && !m->closing; i++) {
        if (!multicast_socket_receive(s->fd, &packet))
            return;
        if (!is_heard(m, s, &packet))
            continue;
        net_multicast_place place = place_of(m, &packet.from);
        m->config.fn(m->config.ctx, wr_slice_of(packet.bytes, packet.len), &place);
    }
}

/* ---- links ---------------------------------------------------------------------------------- */

static multicast_socket *socket_for(net_multicast *m, uint8_t family) {
    multicast_socket *s = family == 4 ? &m->v4 : &m->v6;
    return s->open ? s : NULL;
}

/* Interfaces come and go; joining again does no harm. */
static void refresh(net_multicast *m) {
    multicast_links_read(m->config.scope, &m->links);
    for (size_t i = 0; i < m->links.count; i++) {
        const multicast_link *link = &m->links.list[i];
        const multicast_socket *s = socket_for(m, link->own.family);
        if (s != NULL)
            multicast_socket_join(s->fd, s->family, link->interface);
    }
}

size_t net_multicast_send(net_multicast *m, net_multicast_make make, void *ctx) {
    size_t sent = 0;
    WR_ASSERT(!m->closing);
    refresh(m);
    for (size_t i = 0; i < m->links.count; i++) {
        const multicast_link *link = &m->links.list[i];
        const multicast_socket *s = socket_for(m, link->own.family);
        if (s == NULL)
            continue;
        uint8_t bytes[NET_MULTICAST_BYTES];
        net_multicast_place place = place_of(m, &link->own);
        place.tcp_port = net_listener_port(m->net, &link->own);
        if (make(ctx, &place, bytes) && multicast_socket_send(s->fd, place.port, link, bytes))
            sent++;
        WR_ASSERT(!m->closing);
    }
    return sent;
}

/* ---- opening -------------------------------------------------------------------------------- */

static wr_err start(net_multicast *m, multicast_socket *s, uint8_t family) {
    WR_TRY(multicast_socket_open(family, m->config.port, &s->fd));
    if (uv_poll_init(m->net->uv, &s->uv, s->fd) != 0) {
        (void)close(s->fd);
        return WR_ERR_IO;
    }
    s->uv.data = s;
    s->owner = m;
    s->family = family;
    s->open = true; /* from here on the loop must close it */
    m->handles++;
    multicast_budget_init(&s->budget, loop_now(m->net->loop).mono);
    return uv_poll_start(&s->uv, UV_READABLE, readable) == 0 ? WR_OK : WR_ERR_IO;
}

/* A host may lack one family; what is left will do. */
static wr_err start_all(net_multicast *m) {
    wr_err v4 = start(m, &m->v4, 4);
    if (m->config.scope == NET_MULTICAST_LOOPBACK)
        return v4;
    wr_err v6 = start(m, &m->v6, 6);
    return v6 == WR_OK ? WR_OK : v4;
}

wr_err net_multicast_open(net *n, const net_multicast_config *config,
                          net_multicast **ret_multicast) {
    WR_ASSERT(!n->closing);
    WR_ASSERT(config->fn != NULL);
    WR_ASSERT(config->port != 0);
    if (n->mode == NET_OFFLINE)
        return WR_ERR_REFUSED;
    net_multicast *m = (net_multicast *)calloc(1, sizeof *m);
    if (m == NULL)
        return WR_ERR_NOMEM;
    m->net = n;
    m->config = *config;
    net_hold(n);
    wr_err err = start_all(m);
    if (err != WR_OK) {
        net_multicast_close(m);
        return err;
    }
    refresh(m);
    *ret_multicast = m;
    return WR_OK;
}
