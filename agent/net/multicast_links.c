/* Our links: the addresses that multicast is sent from, and what is on-link with them.
 *
 * Layer:  net
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/multicast_impl.h"
#include "net/net_impl.h"

#include <ifaddrs.h>
#include <net/if.h>

/* An interface that carries multicast.  Loopback does, though it lacks the flag. */
static bool is_fit(unsigned flags, net_multicast_scope scope) {
    const unsigned up = IFF_UP | IFF_RUNNING;
    if ((flags & up) != up)
        return false;
    if ((flags & IFF_LOOPBACK) != 0)
        return true;
    return scope == NET_MULTICAST_LINKS && (flags & IFF_MULTICAST) != 0 &&
           (flags & IFF_POINTOPOINT) == 0;
}

/* 127.0.0.1 alone on loopback; elsewhere every IPv4 and the link-local IPv6 addresses. */
static bool is_sender(const net_addr *own, bool loopback) {
    static const uint8_t home[4] = {127, 0, 0, 1};
    if (loopback)
        return own->family == 4 && wr_equal(wr_slice_of(own->ip, 4), wr_slice_of(home, 4));
    return own->family == 4 || (own->family == 6 && net_addr_is_link_local(own));
}

bool multicast_link_of(const struct ifaddrs *entry, net_multicast_scope scope,
                       multicast_link *ret_link) {
    multicast_link link = {.interface = 0};
    net_addr mask;
    if (entry->ifa_addr == NULL || entry->ifa_netmask == NULL)
        return false;
    if (!is_fit(entry->ifa_flags, scope))
        return false;
    net_addr_from_system(entry->ifa_addr, &link.own);
    link.own.port = 0;
    if (!is_sender(&link.own, (entry->ifa_flags & IFF_LOOPBACK) != 0))
        return false;
    net_addr_from_system(entry->ifa_netmask, &mask);
    if (mask.family != link.own.family)
        return false;
    memcpy(link.mask, mask.ip, sizeof link.mask);
    *ret_link = link;
    return true;
}

void multicast_links_read(net_multicast_scope scope, multicast_links *ret_links) {
    struct ifaddrs *all = NULL;
    multicast_link link;
    ret_links->count = 0;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *entry = all; entry != NULL; entry = entry->ifa_next) {
        if (ret_links->count == MULTICAST_LINKS_MAX)
            break;
        if (!multicast_link_of(entry, scope, &link))
            continue;
        link.interface = if_nametoindex(entry->ifa_name);
        if (link.interface != 0) /* else it has just gone */
            ret_links->list[ret_links->count++] = link;
    }
    freeifaddrs(all);
}

static bool on_link(const multicast_link *link, const net_addr *from) {
    for (size_t i = 0; i < sizeof link->mask; i++)
        if (((link->own.ip[i] ^ from->ip[i]) & link->mask[i]) != 0)
            return false;
    return link->own.family == from->family;
}

bool multicast_links_know(const multicast_links *links, uint32_t interface, const net_addr *from) {
    for (size_t i = 0; i < links->count; i++)
        if (links->list[i].interface == interface && on_link(&links->list[i], from))
            return true;
    return false;
}
