/* Sites and their NATs: who has which address, and what passes from one site to another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/nat_sim.h"

#include "sim/net_sim_impl.h"

#define FORWARDED_PORT 7200u /* + host: at a full cone, its default port */
#define FIRST_PORT 20000u
#define PORT_STEP_MAX 9u

/* ---- addresses ----------------------------------------------------------------------------- */

void sim_sites_init(net_sim *s) {
    for (uint32_t i = 0; i < NET_SIM_SITES_MAX; i++)
        s->sites[i].next_port = FIRST_PORT;
    for (uint32_t host = 0; host < NET_SIM_HOSTS_MAX; host++)
        s->hosts[host].number = host;
    s->sites[0].host_count = NET_SIM_HOSTS_MAX;
}

void net_sim_set_site(net_sim *s, uint32_t site, const net_sim_site *config) {
    WR_ASSERT(site < NET_SIM_SITES_MAX);
    s->sites[site].config = *config;
}

void net_sim_place(net_sim *s, uint32_t host, uint32_t site) {
    WR_ASSERT(site < NET_SIM_SITES_MAX);
    WR_ASSERT(s->hosts[host].processes == 0);
    s->hosts[host].site = site;
    s->hosts[host].number = s->sites[site].host_count++;
}

static sim_site *site_of(net_sim *s, uint32_t host) {
    return &s->sites[s->hosts[host].site];
}

static net_sim_nat nat_of(const net_sim *s, uint32_t host) {
    return s->sites[s->hosts[host].site].config.nat;
}

uint32_t net_sim_site_of(const net_sim *s, uint32_t host) {
    return s->hosts[host].site;
}

bool net_sim_is_near(const net_sim *s, uint32_t a, uint32_t b) {
    return s->hosts[a].site == s->hosts[b].site;
}

net_addr net_sim_addr(uint32_t host) {
    return (net_addr){.family = 4, .ip = {10, 0, 0, (uint8_t)(host + 1)}, .port = NET_SIM_PORT};
}

net_addr net_sim_local_addr(const net_sim *s, uint32_t host) {
    uint8_t number = (uint8_t)(s->hosts[host].number + 1);
    if (nat_of(s, host) == NET_SIM_OPEN)
        return net_sim_addr(host);
    return (net_addr){.family = 4, .ip = {192, 168, 1, number}, .port = NET_SIM_PORT};
}

static net_addr outer_addr(uint32_t site, uint16_t port) {
    return (net_addr){.family = 4, .ip = {198, 51, 100, (uint8_t)(site + 1)}, .port = port};
}

static bool same_ip(net_addr a, const net_addr *b) {
    a.port = b->port;
    return net_addr_equal(&a, b);
}

bool net_sim_addr_from(const net_sim *s, uint32_t from, uint32_t to, net_addr *ret_addr) {
    net_sim_nat nat = nat_of(s, to);
    if (nat == NET_SIM_OPEN || net_sim_is_near(s, from, to)) {
        *ret_addr = net_sim_local_addr(s, to);
        return true;
    }
    if (nat != NET_SIM_FULL_CONE)
        return false;
    *ret_addr = outer_addr(s->hosts[to].site, (uint16_t)(FORWARDED_PORT + to));
    return true;
}

bool sim_nat_reaches(const net_sim *s, uint32_t from, uint32_t to) {
    net_addr addr;
    return net_sim_addr_from(s, from, to, &addr);
}

/* A host that has this address for one at from, without any NAT. */
static uint32_t host_at(const net_sim *s, uint32_t from, const net_addr *addr) {
    for (uint32_t i = 0; i < s->host_count; i++)
        if ((nat_of(s, i) == NET_SIM_OPEN || net_sim_is_near(s, from, i)) &&
            same_ip(net_sim_local_addr(s, i), addr))
            return i;
    return SIM_NOWHERE;
}

/* The site whose NAT, another than that in front of from, has this address. */
static uint32_t site_at(const net_sim *s, uint32_t from, const net_addr *addr) {
    for (uint32_t i = 0; i < NET_SIM_SITES_MAX; i++)
        if (s->sites[i].config.nat != NET_SIM_OPEN && s->hosts[from].site != i &&
            same_ip(outer_addr(i, 0), addr))
            return i;
    return SIM_NOWHERE;
}

/* ---- connections --------------------------------------------------------------------------- */

uint32_t sim_nat_dial(const net_sim *s, uint32_t from, const net_addr *addr, uint16_t *ret_port) {
    uint32_t direct = host_at(s, from, addr), site = site_at(s, from, addr);
    uint32_t to = (uint32_t)addr->port - FORWARDED_PORT;
    if (direct != SIM_NOWHERE) {
        *ret_port = addr->port;
        return direct;
    }
    if (site == SIM_NOWHERE || s->sites[site].config.nat != NET_SIM_FULL_CONE ||
        to >= s->host_count || s->hosts[to].site != site)
        return SIM_NOWHERE;
    *ret_port = NET_SIM_PORT;
    return to;
}

static uint16_t next_port(net_sim *s, sim_site *site) {
    uint32_t next = site->next_port + chance_between(&s->nats, 1, PORT_STEP_MAX);
    site->next_port = (uint16_t)(next > UINT16_MAX ? FIRST_PORT : next);
    return site->next_port;
}

void sim_nat_map(sim_link *link, const net_addr *local) {
    net_sim *s = link->net_sim;
    uint32_t host = link->host[0];
    link->mapped = (sim_mapped){.seen = *local, .used_ms = sim_clock_now(s->clock)};
    if (nat_of(s, host) == NET_SIM_OPEN || net_sim_is_near(s, host, link->host[1]))
        return;
    link->mapped.used = true;
    link->mapped.seen = outer_addr(s->hosts[host].site, next_port(s, site_of(s, host)));
}

void sim_nat_touch(sim_link *link) {
    net_sim *s = link->net_sim;
    uint64_t now_ms = sim_clock_now(s->clock);
    uint32_t idle_ms = site_of(s, link->host[0])->config.tcp_idle_ms;
    if (!link->mapped.used || link->mapped.forgotten)
        return;
    link->mapped.forgotten = idle_ms != 0 && now_ms - link->mapped.used_ms > idle_ms;
    link->mapped.used_ms = now_ms;
}

bool sim_nat_resets(const sim_link *link) {
    return link->mapped.forgotten && site_of(link->net_sim, link->host[0])->config.resets;
}

static uint32_t forget_links(net_sim *s, uint32_t site) {
    uint32_t count = 0;
    for (sim_link *link = s->links; link != NULL; link = link->next) {
        if (s->hosts[link->host[0]].site != site || !link->mapped.used || link->mapped.forgotten)
            continue;
        link->mapped.forgotten = true;
        count++;
    }
    return count;
}

/* ---- packets ------------------------------------------------------------------------------- */

static bool is_known(const net_sim *s, const sim_site *site, const sim_mapping *m) {
    uint32_t idle_ms = site->config.idle_ms;
    return m->used && (idle_ms == 0 || sim_clock_now(s->clock) - m->used_ms <= idle_ms);
}

static bool is_for(net_sim_nat nat, const sim_mapping *m, const net_addr *to) {
    switch (nat) {
    case NET_SIM_FULL_CONE:
    case NET_SIM_RESTRICTED:
    case NET_SIM_PORT_RESTRICTED:
        return true;
    case NET_SIM_SYMMETRIC:
        return net_addr_equal(&m->peers[0], to);
    case NET_SIM_OPEN:
    case NET_SIM_UDP_BLOCKED:
        return false;
    }
    WR_UNREACHABLE();
}

/* The mapping of an inner socket; a new one in place of none, or of the one least lately used. */
static sim_mapping *mapping_of(net_sim *s, sim_site *site, uint32_t host, uint16_t port,
                               const net_addr *to) {
    sim_mapping *oldest = &site->mappings[0];
    for (uint32_t i = 0; i < SIM_MAPPINGS_MAX; i++) {
        sim_mapping *m = &site->mappings[i];
        m->used = is_known(s, site, m);
        if (m->used && m->host == host && m->inner == port && is_for(site->config.nat, m, to))
            return m;
        if (oldest->used && (!m->used || m->used_ms < oldest->used_ms))
            oldest = m;
    }
    *oldest = (sim_mapping){.used = true, .host = host, .inner = port, .outer = next_port(s, site)};
    return oldest;
}

static uint32_t peers_of(const sim_mapping *m) {
    return m->peer_count < SIM_PEERS_MAX ? m->peer_count : SIM_PEERS_MAX;
}

static void remember_peer(sim_mapping *m, const net_addr *to) {
    for (uint32_t i = 0; i < peers_of(m); i++)
        if (net_addr_equal(&m->peers[i], to))
            return;
    m->peers[m->peer_count++ % SIM_PEERS_MAX] = *to;
}

bool sim_nat_out(net_sim *s, uint32_t host, uint16_t port, const net_addr *to, net_addr *ret_seen) {
    sim_site *site = site_of(s, host);
    uint32_t direct = host_at(s, host, to);
    if (site->config.nat == NET_SIM_OPEN ||
        (direct != SIM_NOWHERE && net_sim_is_near(s, host, direct))) {
        *ret_seen = net_sim_local_addr(s, host);
        ret_seen->port = port;
        return true;
    }
    if (site->config.nat == NET_SIM_UDP_BLOCKED)
        return false;
    sim_mapping *m = mapping_of(s, site, host, port, to);
    m->used_ms = sim_clock_now(s->clock);
    remember_peer(m, to);
    *ret_seen = outer_addr(s->hosts[host].site, m->outer);
    return true;
}

static const sim_mapping *mapping_at(const net_sim *s, const sim_site *site, uint16_t outer) {
    for (uint32_t i = 0; i < SIM_MAPPINGS_MAX; i++)
        if (site->mappings[i].outer == outer && is_known(s, site, &site->mappings[i]))
            return &site->mappings[i];
    return NULL;
}

uint32_t sim_nat_find(const net_sim *s, uint32_t from, const net_addr *dest, uint16_t *ret_port) {
    uint32_t direct = host_at(s, from, dest), site = site_at(s, from, dest);
    if (direct != SIM_NOWHERE) {
        *ret_port = dest->port;
        return direct;
    }
    const sim_mapping *m = site == SIM_NOWHERE ? NULL : mapping_at(s, &s->sites[site], dest->port);
    if (m == NULL)
        return SIM_NOWHERE;
    *ret_port = m->inner;
    return m->host;
}

static bool lets_in(net_sim_nat nat, const sim_mapping *m, const net_addr *source) {
    bool known_ip = false, known = false;
    for (uint32_t i = 0; i < peers_of(m); i++) {
        known_ip = known_ip || same_ip(m->peers[i], source);
        known = known || net_addr_equal(&m->peers[i], source);
    }
    switch (nat) {
    case NET_SIM_FULL_CONE:
        return true;
    case NET_SIM_RESTRICTED:
        return known_ip;
    case NET_SIM_PORT_RESTRICTED:
    case NET_SIM_SYMMETRIC:
        return known;
    case NET_SIM_OPEN:
    case NET_SIM_UDP_BLOCKED:
        return false;
    }
    WR_UNREACHABLE();
}

bool sim_nat_in(const net_sim *s, const sim_packet *p, uint16_t *ret_port) {
    uint16_t port = 0;
    if (sim_nat_find(s, p->from, &p->dest, &port) != p->to)
        return false;
    if (host_at(s, p->from, &p->dest) == SIM_NOWHERE) {
        const sim_site *site = &s->sites[s->hosts[p->to].site];
        const sim_mapping *m = mapping_at(s, site, p->dest.port);
        if (m == NULL || !lets_in(site->config.nat, m, &p->source))
            return false;
    }
    *ret_port = port;
    return true;
}

uint32_t net_sim_nat_restart(net_sim *s, uint32_t site) {
    sim_site *at = &s->sites[site];
    uint32_t count = forget_links(s, site);
    for (uint32_t i = 0; i < SIM_MAPPINGS_MAX; i++) {
        count += is_known(s, at, &at->mappings[i]);
        at->mappings[i].used = false;
    }
    return count;
}
