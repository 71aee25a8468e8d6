/* The sockets of one agent: what the mode allows, listening, local addresses, buffers.
 *
 * Layer:  net
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/net_impl.h"

#include <netinet/in.h>
#include <stdlib.h>

/* ---- transports: the carrier's table -------------------------------------------------------- */

void transport_attach(transport *t, const transport_events *events, void *ctx) {
    t->events = events;
    t->ctx = ctx;
    t->ops->attached(t);
}

void transport_close(transport *t) {
    t->ops->close(t);
}

net_addr transport_remote(const transport *t) {
    return t->remote;
}

net_addr transport_local(const transport *t) {
    return t->ops->local(t);
}

wr_buf transport_space(transport *t) {
    return t->ops->space(t);
}

void transport_flush(transport *t, size_t len) {
    t->ops->flush(t, len);
}

void transport_pause(transport *t, bool paused) {
    t->ops->pause(t, paused);
}

/* ---- system addresses ---- */

void net_addr_from_system(const struct sockaddr *from, net_addr *ret_addr) {
    *ret_addr = (net_addr){0};
    if (from->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof v4);
        ret_addr->family = 4;
        memcpy(ret_addr->ip, &v4.sin_addr, 4);
        ret_addr->port = ntohs(v4.sin_port);
    } else if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof v6);
        ret_addr->family = 6;
        memcpy(ret_addr->ip, &v6.sin6_addr, 16);
        ret_addr->port = ntohs(v6.sin6_port);
        ret_addr->scope = net_addr_is_link_local(ret_addr) ? v6.sin6_scope_id : 0;
    }
}

void net_addr_to_system(const net_addr *addr, struct sockaddr_storage *ret_storage) {
    memset(ret_storage, 0, sizeof *ret_storage);
    if (addr->family == 4) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
        memcpy(&v4.sin_addr, addr->ip, 4);
        memcpy(ret_storage, &v4, sizeof v4);
        return;
    }
    WR_ASSERT(addr->family == 6);
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
    memcpy(&v6.sin6_addr, addr->ip, 16);
    v6.sin6_scope_id = addr->scope;
    memcpy(ret_storage, &v6, sizeof v6);
}

/* ---- the mode ---- */

static bool same_prefix(const uint8_t *a, const uint8_t *b, const uint8_t *mask, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (((a[i] ^ b[i]) & mask[i]) != 0)
            return false;
    return true;
}

static bool in_prefix_of(const uv_interface_address_t *interface, const net_addr *remote) {
    net_addr own;
    net_addr_from_system((const struct sockaddr *)&interface->address, &own);
    if (own.family != remote->family)
        return false;
    if (remote->family == 4)
        return same_prefix(own.ip, remote->ip,
                           (const uint8_t *)&interface->netmask.netmask4.sin_addr, 4);
    return same_prefix(own.ip, remote->ip, (const uint8_t *)&interface->netmask.netmask6.sin6_addr,
                       16);
}

/* Is it on a link of ours?  Only interfaces that are up count, so no route is ever asked. */
static bool on_local_link(const net_addr *remote) {
    uv_interface_address_t *list = NULL;
    int count = 0;
    bool found = false;
    if (uv_interface_addresses(&list, &count) != 0)
        return false;
    for (int i = 0; i < count && !found; i++)
        found = in_prefix_of(&list[i], remote);
    uv_free_interface_addresses(list, count);
    return found;
}

bool net_allows(const net *n, const net_addr *remote) {
    switch (n->mode) {
    case NET_FULL:
        return true;
    case NET_LAN_ONLY:
        return on_local_link(remote);
    case NET_OFFLINE:
        return false;
    }
    WR_UNREACHABLE();
}

/* ---- buffers ---- */

bool net_buffer_take(net *n, net_buffer **ret_buffer) {
    net_buffer *buffer = n->free_buffers;
    if (buffer != NULL) {
        n->free_buffers = buffer->next;
        n->free_count--;
    } else {
        buffer = (net_buffer *)malloc(sizeof *buffer);
        if (buffer == NULL)
            return false;
    }
    buffer->next = NULL;
    *ret_buffer = buffer;
    return true;
}

void net_buffer_give(net *n, net_buffer *buffer) {
    if (n->free_count >= NET_BUFFERS_KEPT) {
        free(buffer);
        return;
    }
    buffer->next = n->free_buffers;
    n->free_buffers = buffer;
    n->free_count++;
}

/* ---- life ---- */

wr_err net_open(loop *l, net_mode mode, net **ret_net) {
    net *n = (net *)calloc(1, sizeof *n);
    if (n == NULL)
        return WR_ERR_NOMEM;
    n->loop = l;
    n->uv = (uv_loop_t *)loop_native(l);
    n->mode = mode;
    n->handles = 1; /* the owner's */
    *ret_net = n;
    return WR_OK;
}

void net_hold(net *n) {
    n->handles++;
}

void net_release(net *n) {
    WR_ASSERT(n->handles > 0);
    if (--n->handles != 0)
        return;
    WR_ASSERT(n->closing);
    for (net_buffer *next, *b = n->free_buffers; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    free(n);
}

static void listener_closed(uv_handle_t *handle) {
    net_listener *listener = (net_listener *)handle->data;
    net *n = listener->owner;
    free(listener);
    net_release(n);
}

void net_close(net *n) {
    if (n == NULL)
        return;
    WR_ASSERT(!n->closing);
    n->closing = true;
    for (net_listener *l = n->listeners; l != NULL; l = l->next)
        uv_close((uv_handle_t *)&l->uv, listener_closed);
    n->listeners = NULL;
    net_release(n);
}

/* ---- listening ---- */

static void connection_waiting(uv_stream_t *server, int status) {
    if (status == 0)
        tcp_accept((net_listener *)server->data);
}

static wr_err from_uv(int rc) {
    if (rc == 0)
        return WR_OK;
    if (rc == UV_ENOMEM)
        return WR_ERR_NOMEM;
    return rc == UV_EADDRINUSE ? WR_ERR_BUSY : WR_ERR_IO;
}

static wr_err bind_and_listen(net_listener *listener, const net_addr *addr) {
    struct sockaddr_storage storage;
    net_addr_to_system(addr, &storage);
    unsigned flags = addr->family == 6 ? UV_TCP_IPV6ONLY : 0;
    WR_TRY(from_uv(uv_tcp_bind(&listener->uv, (const struct sockaddr *)&storage, flags)));
    WR_TRY(from_uv(uv_listen((uv_stream_t *)&listener->uv, NET_BACKLOG, connection_waiting)));
    int len = sizeof storage;
    WR_TRY(from_uv(uv_tcp_getsockname(&listener->uv, (struct sockaddr *)&storage, &len)));
    net_addr_from_system((const struct sockaddr *)&storage, &listener->addr);
    return WR_OK;
}

wr_err net_listen(net *n, const net_addr *addr, net_accept_fn fn, void *ctx, uint16_t *ret_port) {
    WR_ASSERT(!n->closing);
    WR_ASSERT(addr->family == 4 || addr->family == 6);
    if (n->mode == NET_OFFLINE)
        return WR_ERR_REFUSED;
    net_listener *listener = (net_listener *)calloc(1, sizeof *listener);
    if (listener == NULL)
        return WR_ERR_NOMEM;
    listener->owner = n;
    listener->fn = fn;
    listener->ctx = ctx;
    if (uv_tcp_init(n->uv, &listener->uv) != 0) {
        free(listener);
        return WR_ERR_IO;
    }
    listener->uv.data = listener;
    net_hold(n);
    wr_err err = bind_and_listen(listener, addr);
    if (err != WR_OK) {
        uv_close((uv_handle_t *)&listener->uv, listener_closed);
        return err;
    }
    listener->next = n->listeners;
    n->listeners = listener;
    *ret_port = listener->addr.port;
    return WR_OK;
}

wr_err net_dial(net *n, const net_addr *addr, const transport_events *events, void *ctx,
                transport **ret_transport) {
    WR_ASSERT(!n->closing);
    WR_ASSERT(addr->family == 4 || addr->family == 6);
    if (!net_allows(n, addr))
        return WR_ERR_REFUSED;
    return tcp_dial(n, addr, events, ctx, ret_transport);
}

/* ---- local addresses ---- */

/* Near things last: a sibling elsewhere has no use for them. */
static int distance(const net_addr *addr) {
    if (net_addr_is_loopback(addr))
        return 2;
    return net_addr_is_link_local(addr) ? 1 : 0;
}

static bool serves(const net_listener *listener, const net_addr *own) {
    if (listener->addr.family != own->family)
        return false;
    size_t size = own->family == 4 ? 4 : 16;
    wr_slice bound = wr_slice_of(listener->addr.ip, size);
    return wr_is_zero(bound) || wr_equal(bound, wr_slice_of(own->ip, size));
}

uint16_t net_listener_port(const net *n, const net_addr *own) {
    for (const net_listener *l = n->listeners; l != NULL; l = l->next)
        if (serves(l, own))
            return l->addr.port;
    return 0;
}

static size_t add_served(const net *n, const net_addr *own, net_addr *out, size_t max) {
    size_t count = 0;
    for (const net_listener *l = n->listeners; l != NULL && count < max; l = l->next) {
        if (!serves(l, own))
            continue;
        out[count] = *own;
        out[count++].port = l->addr.port;
    }
    return count;
}

size_t net_local_addrs(net *n, net_addr *out, size_t max) {
    uv_interface_address_t *list = NULL;
    int list_count = 0;
    size_t count = 0;
    if (uv_interface_addresses(&list, &list_count) != 0)
        return 0;
    for (int wanted = 0; wanted <= 2; wanted++) {
        for (int i = 0; i < list_count; i++) {
            net_addr own;
            net_addr_from_system((const struct sockaddr *)&list[i].address, &own);
            if (own.family != 0 && distance(&own) == wanted)
                count += add_served(n, &own, out + count, max - count);
        }
    }
    uv_free_interface_addresses(list, list_count);
    return count;
}
