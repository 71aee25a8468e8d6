/* Reliable byte streams between two agents, whatever carries them: what flow sees of net.
 *
 *   dial / accept -> OPEN -> bytes both ways -> CLOSED (closed callback, then the memory goes)
 *
 * No foreign type stands in this header; the simulator's network stands behind it too.
 *
 * Layer:  net
 * Owner:  whoever dialled or accepted a transport owns it and ends it with transport_close.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include "base/base.h"
#include "core/loop.h"

/* An IP address and port; v4 as its 4 bytes, v6 as 16. */
typedef struct net_addr {
    uint8_t family; /* 4 or 6; 0 = none */
    uint8_t ip[16];
    uint16_t port;
    uint32_t scope; /* interface index of a link-local v6 address, else 0 */
} net_addr;

#define NET_ADDR_TEXT_MAX 64u
/* "192.0.2.7:7117", "[2001:db8::1]:7117", "[fe80::1%eth0]:7117". */
void net_addr_format(const net_addr *addr, char out[NET_ADDR_TEXT_MAX]);
/* Literal addresses only, never DNS.  FORMAT.  A port is required; 0 is allowed. */
WR_MUST wr_err net_addr_parse(wr_slice text, net_addr *ret_addr);
WR_MUST bool net_addr_equal(const net_addr *a, const net_addr *b);
WR_MUST bool net_addr_is_loopback(const net_addr *addr);
WR_MUST bool net_addr_is_link_local(const net_addr *addr);

typedef enum net_mode { NET_FULL, NET_LAN_ONLY, NET_OFFLINE } net_mode;

typedef struct transport transport;
typedef struct net net; /* the sockets of one agent */

/* Called from the loop, never from within a call into transport.  After closed(), which is
 * called exactly once for each transport also after transport_close, the pointer is dead. */
typedef struct transport_events {
    void (*open)(void *ctx);                 /* dialled only: connected */
    void (*read)(void *ctx, wr_slice bytes); /* bytes live during the call */
    void (*writable)(void *ctx); /* there is room again after transport_space gave none */
    void (*closed)(void *ctx, wr_err reason); /* OK: we or the peer closed in order; IO, TIMEOUT */
} transport_events;

/* Incoming connection: the callee takes ownership and sets events with transport_attach before
 * it returns, or closes it. */
typedef void (*net_accept_fn)(void *ctx, transport *incoming);

WR_MUST wr_err net_open(loop *loop, net_mode mode, net **ret_net);
void net_close(net *net); /* stops listening; transports must be closed by their owners */
/* Listens on addr (port 0: any; ret_port says which).  BUSY: port taken, IO, REFUSED: the mode
 * forbids it. */
WR_MUST wr_err net_listen(net *net, const net_addr *addr, net_accept_fn fn, void *ctx,
                          uint16_t *ret_port);
/* Starts a connection; open or closed will be called.  REFUSED: the mode forbids this address. */
WR_MUST wr_err net_dial(net *net, const net_addr *addr, const transport_events *events, void *ctx,
                        transport **ret_transport);
/* The addresses siblings may reach us at: every up interface's, loopback last; count at most max.
 */
size_t net_local_addrs(net *net, net_addr *out, size_t max);

void transport_attach(transport *t, const transport_events *events, void *ctx);
void transport_close(transport *t);
net_addr transport_remote(const transport *t);
net_addr transport_local(const transport *t);
/* Room for outgoing bytes right now: write into ptr[0..cap), set len, then flush.  cap 0: wait
 * for writable.  The room is valid until the flush or the next call. */
wr_buf transport_space(transport *t);
void transport_flush(transport *t, size_t len);
/* Back-pressure: reading stops until resumed. */
void transport_pause(transport *t, bool paused);

#endif /* NET_TRANSPORT_H */
