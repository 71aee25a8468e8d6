/* Small packets to whoever listens on our links: the carrier of beacons.
 *
 *   open -> { send | packets come } * -> close
 *
 * Sockets exist between open and close only: an idle agent has none.  No foreign type stands in
 * this header; the simulator's network stands behind it, too.
 *
 * Spec:   proto/spec/beacon.md 3
 * Layer:  net
 * Owner:  whoever opened it closes it, before the net.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NET_MULTICAST_H
#define NET_MULTICAST_H

#include "base/base.h"
#include "net/transport.h"

#define NET_MULTICAST_PORT 61104u
#define NET_MULTICAST_BYTES 256u /* of every packet; others are not heard */

typedef struct net_multicast net_multicast;

typedef enum net_multicast_scope {
    NET_MULTICAST_LOOPBACK, /* agents on this host only */
    NET_MULTICAST_LINKS,    /* and on every link that is up */
} net_multicast_scope;

/* LINKS if one of our listen addresses can be reached from a link, else (also without any)
 * LOOPBACK: who cannot be reached there has nothing to say there. */
net_multicast_scope net_multicast_scope_of(const net_addr *listen, size_t count);

/* Where a packet goes, or where it was heard. */
typedef struct net_multicast_place {
    uint8_t family; /* 4 or 6 */
    uint8_t group[16];
    uint16_t port;     /* UDP, of the group */
    net_addr sender;   /* sending: our address on that link, port 0; hearing: the source */
    uint16_t tcp_port; /* sending: where we listen at sender, 0: nowhere; hearing: 0 */
} net_multicast_place;

/* A packet came.  It may be our own.  The bytes live during the call, which may close. */
typedef void (*net_multicast_fn)(void *ctx, wr_slice packet, const net_multicast_place *place);

typedef struct net_multicast_config {
    uint16_t port; /* NET_MULTICAST_PORT, except in tests */
    net_multicast_scope scope;
    net_multicast_fn fn; /* called from the loop, never from within open or send */
    void *ctx;
} net_multicast_config;

/* REFUSED: offline.  BUSY: a program that does not share holds the port.  IO, NOMEM. */
WR_MUST wr_err net_multicast_open(net *net, const net_multicast_config *config,
                                  net_multicast **ret_multicast);
/* Nothing is heard any more; the memory goes later, from the loop.  NULL is fine. */
void net_multicast_close(net_multicast *multicast);

/* Fills in the packet for one place; false: none there.  Must not close. */
typedef bool (*net_multicast_make)(void *ctx, const net_multicast_place *place,
                                   uint8_t out[NET_MULTICAST_BYTES]);
/* Looks at the links anew, asks for a packet for each, and sends them.  Says how many the system
 * took; a link that takes none is passed over, as packets may get lost anyway. */
size_t net_multicast_send(net_multicast *multicast, net_multicast_make make, void *ctx);

#endif /* NET_MULTICAST_H */
