/* What the files behind multicast.h share: links, sockets of the system, budgets.
 *
 * Layer:  net, private
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NET_MULTICAST_IMPL_H
#define NET_MULTICAST_IMPL_H

#include "base/bucket.h"
#include "net/multicast.h"

#define MULTICAST_LINKS_MAX 64u /* more addresses of ours than that are not used */
#define MULTICAST_SOURCES_MAX 64u
#define MULTICAST_SOURCE_RATE 20u /* packets a second, beacon.md 3.3 */
#define MULTICAST_SOCKET_RATE 200u

/* ---- multicast_rules.c: no system calls ----------------------------------------------------- */

typedef struct multicast_source {
    uint8_t ip[16];
    wr_bucket bucket;
    wr_mono heard; /* last time */
    bool used;
} multicast_source;

/* How much is read of one socket.  When all sources are in use the one heard longest ago is
 * forgotten: what forgers of sources send is bounded by the socket's own rate. */
typedef struct multicast_budget {
    wr_bucket socket;
    multicast_source sources[MULTICAST_SOURCES_MAX];
} multicast_budget;

void multicast_budget_init(multicast_budget *budget, wr_mono now);
WR_MUST bool multicast_budget_take(multicast_budget *budget, const net_addr *from, wr_mono now);

/* ---- multicast_links.c ---------------------------------------------------------------------- */

/* One address of ours on an interface that carries multicast. */
typedef struct multicast_link {
    net_addr own; /* port 0 */
    uint8_t mask[16];
    uint32_t interface; /* its index */
} multicast_link;

typedef struct multicast_links {
    multicast_link list[MULTICAST_LINKS_MAX];
    size_t count;
} multicast_links;

struct ifaddrs;
/* Is this address of an interface one to send from?  Leaves .interface 0. */
WR_MUST bool multicast_link_of(const struct ifaddrs *entry, net_multicast_scope scope,
                               multicast_link *ret_link);
/* None if the system does not tell. */
void multicast_links_read(net_multicast_scope scope, multicast_links *ret_links);
/* Does this source belong to the interface that the packet came by? */
WR_MUST bool multicast_links_know(const multicast_links *links, uint32_t interface,
                                  const net_addr *from);

/* ---- multicast_socket.c --------------------------------------------------------------------- */

typedef struct multicast_packet {
    net_addr from;
    uint8_t group[16]; /* sent to; another address if it was not sent to a group */
    uint32_t interface;
    int hops; /* IPv6: its hop limit; IPv4: not told */
    size_t len;
    uint8_t bytes[NET_MULTICAST_BYTES + 1]; /* one more shows what is too long */
} multicast_packet;

void multicast_group(uint8_t family, uint8_t out[16]);
/* BUSY, IO. */
WR_MUST wr_err multicast_socket_open(uint8_t family, uint16_t port, int *ret_fd);
/* Once more on the same interface changes nothing. */
void multicast_socket_join(int fd, uint8_t family, uint32_t interface);
/* False: the system did not take it. */
WR_MUST bool multicast_socket_send(int fd, uint16_t port, const multicast_link *link,
                                   const uint8_t bytes[NET_MULTICAST_BYTES]);
/* False: nothing is waiting. */
WR_MUST bool multicast_socket_receive(int fd, multicast_packet *ret_packet);

#endif /* NET_MULTICAST_IMPL_H */
