/* What the carriers behind transport.h share: the table of a carrier, and the sockets' owner.
 *
 * A carrier (tcp; later others) makes transports whose first member is struct transport.  net.c
 * decides once, for all of them, which addresses the mode allows.
 *
 * Layer:  net, private
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NET_NET_IMPL_H
#define NET_NET_IMPL_H

#include "net/transport.h"

#include <uv.h>

typedef struct transport_ops {
    void (*attached)(transport *t); /* events were set on an accepted transport */
    void (*close)(transport *t);
    net_addr (*local)(const transport *t);
    wr_buf (*space)(transport *t);
    void (*flush)(transport *t, size_t len);
    void (*pause)(transport *t, bool paused);
} transport_ops;

struct transport {
    const transport_ops *ops;
    const transport_events *events;
    void *ctx;
    net_addr remote;
};

/* ---- send buffers: borrowed while there is something to send ------------------------------- */

/* Holds the largest record of a channel (record.h) and a bit more. */
#define NET_BUFFER_SIZE (128u * 1024u)
/* Bytes handed to the system and not yet taken by it, per transport. */
#define NET_OUTSTANDING_MAX (256u * 1024u)
#define NET_READ_SIZE (64u * 1024u)
#define NET_CONNECT_MS 10000u
#define NET_BACKLOG 64
#define NET_BUFFERS_KEPT 2u /* free ones that are not given back to the system */

typedef struct net_buffer {
    struct net_buffer *next;
    uint8_t bytes[NET_BUFFER_SIZE];
} net_buffer;

typedef struct net_listener {
    uv_tcp_t uv;
    net *owner;
    net_addr addr; /* as bound, with its port */
    net_accept_fn fn;
    void *ctx;
    struct net_listener *next;
} net_listener;

struct net {
    loop *loop;
    uv_loop_t *uv;
    net_mode mode;
    bool closing;
    size_t handles; /* listeners and transports: the last one out frees the net */
    net_listener *listeners;
    net_buffer *free_buffers;
    size_t free_count;
    uint8_t read_bytes[NET_READ_SIZE]; /* one for all: libuv fills and gives it within one call */
};

WR_MUST bool net_buffer_take(net *n, net_buffer **ret_buffer);
void net_buffer_give(net *n, net_buffer *buffer);

void net_hold(net *n);
void net_release(net *n); /* may free the net */

/* The one door: may bytes go to, or come from, this address? */
WR_MUST bool net_allows(const net *n, const net_addr *remote);

/* The port we listen on at this address of ours; 0: none. */
uint16_t net_listener_port(const net *n, const net_addr *own);

void net_addr_from_system(const struct sockaddr *from, net_addr *ret_addr);
void net_addr_to_system(const net_addr *addr, struct sockaddr_storage *ret_storage);

/* ---- tcp.c ---- */

/* Takes the waiting connection of the listener, or drops it. */
void tcp_accept(net_listener *listener);
WR_MUST wr_err tcp_dial(net *n, const net_addr *addr, const transport_events *events, void *ctx,
                        transport **ret_transport);
/* The options of every socket of ours; IO. */
WR_MUST wr_err tcp_set_options(const net *n, uv_tcp_t *tcp);

#endif /* NET_NET_IMPL_H */
