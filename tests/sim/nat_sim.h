/* Sites: networks behind one NAT (or none) in which hosts of the simulated world stand.
 *
 *   open          10.0.0.(i+1) for host i, which everybody reaches
 *   any other     192.168.1.(n+1) for the n-th host of each site, alike at all of them;
 *                 198.51.100.(k+1) is site k as others see it
 *
 * Hosts of one site reach each other directly, and multicast stays within it.  What leaves a site
 * is given an outer port that the NAT forgets when nothing used it for some time.  A host behind a
 * NAT dials out; it is dialled from outside only at a full cone, whose owner forwards a port to
 * each host.
 * Not modelled: NAT behind NAT, hosts that move, hairpins (a site that sends to its own outer
 * address reaches nobody), connections that open at both ends at once.
 *
 * Owner:  part of net_sim.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_NAT_SIM_H
#define SIM_NAT_SIM_H

#include "sim/net_sim.h"

#define NET_SIM_SITES_MAX 8u

/* What packets from outside need to come in through the outer port of an inner socket. */
typedef enum net_sim_nat {
    NET_SIM_OPEN,            /* no NAT */
    NET_SIM_FULL_CONE,       /* nothing */
    NET_SIM_RESTRICTED,      /* the socket has sent to their address */
    NET_SIM_PORT_RESTRICTED, /* .. to their address and port */
    NET_SIM_SYMMETRIC,       /* .. through this outer port, which is for that one only */
    NET_SIM_UDP_BLOCKED,     /* no packet passes, either way; streams do */
} net_sim_nat;
#define NET_SIM_NATS (NET_SIM_UDP_BLOCKED + 1u)

typedef struct net_sim_site {
    net_sim_nat nat;
    uint32_t idle_ms;     /* after which an outer port of packets is forgotten; 0: never */
    uint32_t tcp_idle_ms; /* .. and a connection */
    bool resets;          /* bytes of a forgotten connection are answered with a reset; else lost */
} net_sim_site;

/* All hosts are at site 0 at first, and all sites are open. */
void net_sim_set_site(net_sim *s, uint32_t site, const net_sim_site *config);
/* Before any process ran on host. */
void net_sim_place(net_sim *s, uint32_t host, uint32_t site);
uint32_t net_sim_site_of(const net_sim *s, uint32_t host);
bool net_sim_is_near(const net_sim *s, uint32_t a, uint32_t b); /* of one site */
/* The NAT is switched off and on: all outer ports and connections are forgotten.  Forwarded ports
 * stay.  Says how many were known. */
uint32_t net_sim_nat_restart(net_sim *s, uint32_t site);

/* What the host itself believes its address to be. */
net_addr net_sim_local_addr(const net_sim *s, uint32_t host);
/* Where one host can dial the other's default port; false: nowhere. */
WR_MUST bool net_sim_addr_from(const net_sim *s, uint32_t from, uint32_t to, net_addr *ret_addr);

#endif /* SIM_NAT_SIM_H */
