/* What NATs remember, and what the rest of the simulated network asks of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_NAT_SIM_IMPL_H
#define SIM_NAT_SIM_IMPL_H

#include "sim/nat_sim.h"

struct sim_link;
struct sim_packet;

#define SIM_NOWHERE UINT32_MAX

/* What the NAT of the dialling host knows of a connection. */
typedef struct sim_mapped {
    bool used;      /* there is a NAT in between */
    bool forgotten; /* .. which lets nothing pass any more */
    net_addr seen;  /* where the connection comes from, for the other host */
    uint64_t used_ms;
} sim_mapped;

#define SIM_MAPPINGS_MAX 64u
#define SIM_PEERS_MAX 16u

/* An inner socket that sent something outside. */
typedef struct sim_mapping {
    uint64_t used_ms; /* the last packet from inside */
    bool used;
    uint32_t host;
    uint16_t inner, outer;
    uint32_t peer_count; /* .. so far; the last ones are remembered */
    net_addr peers[SIM_PEERS_MAX];
} sim_mapping;

typedef struct sim_site {
    net_sim_site config;
    uint32_t host_count;
    uint16_t next_port;
    sim_mapping mappings[SIM_MAPPINGS_MAX];
} sim_site;

void sim_sites_init(net_sim *s);
/* Which host a connection to addr reaches, and at which port; NOWHERE. */
uint32_t sim_nat_dial(const net_sim *s, uint32_t from, const net_addr *addr, uint16_t *ret_port);
bool sim_nat_reaches(const net_sim *s, uint32_t from, uint32_t to);
/* A new connection leaves its site; local is its address inside. */
void sim_nat_map(struct sim_link *link, const net_addr *local);
/* Bytes of the connection come by the NAT, which may find that it has forgotten it. */
void sim_nat_touch(struct sim_link *link);
/* The NAT has forgotten it, and says so. */
WR_MUST bool sim_nat_resets(const struct sim_link *link);
/* A packet leaves its host: where it comes from as others see it; false: it goes no further. */
WR_MUST bool sim_nat_out(net_sim *s, uint32_t host, uint16_t port, const net_addr *to,
                         net_addr *ret_seen);
/* To which host and inner port a packet to dest is on its way; NOWHERE. */
uint32_t sim_nat_find(const net_sim *s, uint32_t from, const net_addr *dest, uint16_t *ret_port);
/* The packet arrives: does the NAT in front of its host, if there is one, let it in? */
WR_MUST bool sim_nat_in(const net_sim *s, const struct sim_packet *p, uint16_t *ret_port);

#endif /* SIM_NAT_SIM_IMPL_H */
