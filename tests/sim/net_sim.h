/* The network between simulated devices: net/transport.h over virtual cables.
 *
 *   host i has the address 10.0.0.(i+1), unless nat_sim.h puts it elsewhere; sockets of one run of
 * a device are one net
 *
 * Streams keep their bytes in order, as TCP does, but come in pieces cut at random places, late, at
 * a limited rate and with a limited number of bytes under way; connections break, and one end may
 * learn of it long after the other.  Packets (multicast.h, datagram_sim.h) get lost, come twice,
 * overtake each other, and wait in a queue that may be full.
 * Who taps it sees all bytes, and may change those of streams.
 * Not modelled: addresses that change, IPv6, streams and packets that take the rate from each
 * other, packets that are cut into fragments.
 *
 * Owner:  one per world.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_NET_SIM_H
#define SIM_NET_SIM_H

#include "net/transport.h"
#include "sim/chance.h"
#include "sim/sim_clock.h"

typedef struct net_sim net_sim;

#define NET_SIM_HOSTS_MAX 16u
#define NET_SIM_PORT 7117u

/* One direction between two hosts. */
typedef struct net_sim_path {
    uint32_t latency_ms, jitter_ms;
    uint32_t bytes_per_ms; /* > 0 */
    bool cut;              /* nothing passes; what is under way waits, as TCP repeats it */
    /* Packets only.  Per mille: lost; come twice; overtaken by those behind. */
    uint32_t lost, doubled, late;
    uint32_t queue_bytes; /* what does not fit any more is dropped; 0: no limit */
} net_sim_path;

/* Somebody through whose hands all bytes of the network go. */
typedef struct net_sim_tap {
    /* The host at which a dialled connection really ends. */
    uint32_t (*dialled)(void *ctx, uint32_t link, uint32_t from, uint32_t to);
    /* side of a connection (0 dialled it) sends; gives what leaves in its place, which lives until
     * the next call.  tail is a number of this direction for the tap's own use, 0 at first. */
    wr_slice (*sent)(void *ctx, uint32_t link, unsigned side, uint64_t *tail, wr_slice bytes);
    void (*cast)(void *ctx, uint32_t from, wr_slice packet); /* a packet for all hosts leaves */
    /* All that the other side of a connection was given by now of what side sent. */
    void (*given)(void *ctx, uint32_t link, unsigned side, uint64_t bytes);
    void *ctx;
} net_sim_tap;

net_sim *net_sim_new(sim_clock *c, uint64_t seed, uint32_t host_count);
void net_sim_free(net_sim *s); /* all nets must have gone; NULL is fine */

void net_sim_set_tap(net_sim *s, const net_sim_tap *tap); /* borrowed; NULL: none */

net_addr net_sim_addr(uint32_t host); /* on the open internet; of its default port */
net_sim_path *net_sim_path_of(net_sim *s, uint32_t from, uint32_t to);
/* A path that was cut or mended by the functions below stays so for at least this time; 0 at first.
 */
void net_sim_set_stable_ms(net_sim *s, uint32_t stable_ms);
/* False: it is so already, or changed too recently. */
bool net_sim_cut(net_sim *s, uint32_t from, uint32_t to, bool cut);
typedef enum net_sim_ways {
    NET_SIM_BOTH_WAYS,
    NET_SIM_OUTWARDS, /* what the hosts of the group send is lost; they hear the others */
} net_sim_ways;
/* Cuts the hosts of the group (bit i: host i) off all others: whole, or not at all (false) if one
 * of these paths changed too recently. */
bool net_sim_partition(net_sim *s, uint32_t group, net_sim_ways ways);
/* Mends what may change; all: everything, whenever it changed. */
void net_sim_mend(net_sim *s, bool all);
/* A host that is unplugged (off, asleep, out of reach) neither sends nor receives. */
void net_sim_plug(net_sim *s, uint32_t host, bool plugged);

/* The sockets of a process on host; ends with net_close, as those of net_open do. */
WR_MUST wr_err net_sim_open(net_sim *s, uint32_t host, loop *l, net **ret_net);
/* The process dies: no byte leaves or arrives any more, nothing is told to its owner, who closes
 * the transports as always.  silent: nor is it to the other ends (the power failed); else the
 * system resets them. */
void net_sim_kill(net *n, bool silent);

/* No transport of the process is left, not even one that is closing. */
bool net_sim_is_quiet(const net *n);

typedef enum net_sim_break {
    NET_SIM_BREAK_BOTH, /* both ends learn of it */
    NET_SIM_BREAK_ONE,  /* one of them does; the other when it sends */
} net_sim_break;
/* Breaks every connection between the two hosts, with what is under way; says how many. */
uint32_t net_sim_break_all(net_sim *s, uint32_t a, uint32_t b, net_sim_break how);

/* Connections of which at least one end is left. */
uint32_t net_sim_connections(const net_sim *s);
uint64_t net_sim_bytes(const net_sim *s);  /* delivered so far */
uint64_t net_sim_pieces(const net_sim *s); /* .. in so many pieces of streams */

#endif /* SIM_NET_SIM_H */
