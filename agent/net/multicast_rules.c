/* How far an agent's packets go, and how many of others' are read.
 *
 * Layer:  net.  Names no system: the simulator links it, too.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/multicast_impl.h"

/* spec:beacon#3.2 "An agent without a listen address beyond loopback MUST send on loopback
 * only." */
net_multicast_scope net_multicast_scope_of(const net_addr *listen, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!net_addr_is_loopback(&listen[i]))
            return NET_MULTICAST_LINKS;
    return NET_MULTICAST_LOOPBACK;
}

/* A bucket holds what comes in one second. */
static wr_bucket_rate rate_of(uint32_t per_second) {
    return (wr_bucket_rate){.burst = per_second, .per_second = per_second};
}

void multicast_budget_init(multicast_budget *budget, wr_mono now) {
    *budget = (multicast_budget){.sources = {{.used = false}}};
    wr_bucket_init(&budget->socket, rate_of(MULTICAST_SOCKET_RATE), now);
}

/* Its place, or the one to take: a free one, else the one heard longest ago. */
static multicast_source *source_of(multicast_budget *budget, const net_addr *from) {
    multicast_source *oldest = &budget->sources[0];
    for (size_t i = 0; i < MULTICAST_SOURCES_MAX; i++) {
        multicast_source *source = &budget->sources[i];
        if (!source->used)
            return source;
        if (wr_equal(wr_slice_of(source->ip, 16), wr_slice_of(from->ip, 16)))
            return source;
        if (source->heard.ms < oldest->heard.ms)
            oldest = source;
    }
    return oldest;
}

bool multicast_budget_take(multicast_budget *budget, const net_addr *from, wr_mono now) {
    multicast_source *source = source_of(budget, from);
    if (!source->used || !wr_equal(wr_slice_of(source->ip, 16), wr_slice_of(from->ip, 16))) {
        *source = (multicast_source){.used = true};
        memcpy(source->ip, from->ip, sizeof source->ip);
        wr_bucket_init(&source->bucket, rate_of(MULTICAST_SOURCE_RATE), now);
    }
    source->heard = now;
    /* spec:beacon#3.3 "receiver MUST drop unread what exceeds 20 packets a second from one
     * address." It comes first, so that one address cannot use up what is there for all. */
    if (!wr_bucket_take(&source->bucket, 1, now))
        return false;
    /* spec:beacon#3.3 "It MUST drop unread what exceeds 200 packets a second of one family." */
    return wr_bucket_take(&budget->socket, 1, now);
}
