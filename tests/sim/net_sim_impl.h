/* What the files of the simulated network share: hosts, connections, and their two ends.
 *
 *   net_sim.c        hosts, listeners, dialling, the end of connections
 *   path_sim.c       what happens between two hosts
 *   nat_sim.c        sites, addresses, and who may send to whom
 *   stream_sim.c     bytes on their way, and their acknowledgement
 *   datagram_sim.c   packets to one host
 *   multicast_sim.c  packets to all hosts of a site
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_NET_SIM_IMPL_H
#define SIM_NET_SIM_IMPL_H

#include "net/multicast.h"
#include "sim/datagram_sim.h"
#include "sim/loop_sim.h"
#include "sim/nat_sim_impl.h"
#include "sim/net_sim.h"

/* As in net/net_impl.h: room for the largest record of a channel and a bit more. */
#define SIM_ROOM_BYTES (128u * 1024u)
#define SIM_READ_BYTES (64u * 1024u)
#define SIM_CONNECT_MS 10000u
#define SIM_CONNECT_RETRY_MS 1000u
#define SIM_RETRY_MS_MIN 200u
#define SIM_RETRY_MS_MAX 800u
#define SIM_LINGER_MS 60000u /* how long a closed end still tries to send its last bytes */

/* Bytes that were given to the network in one go. */
typedef struct sim_segment {
    uint64_t arrives_ms;
    uint64_t end; /* in the stream */
} sim_segment;

/* One direction of a connection.  Offsets count from the stream's start:
 *   acked <= read <= arrived <= flushed */
typedef struct sim_stream {
    struct sim_link *link;
    unsigned from;  /* which end sends */
    uint8_t *bytes; /* [read .. flushed), from first on */
    size_t first, cap;
    uint64_t flushed, arrived, read, acked;
    sim_segment *segments;
    size_t segment_first, segment_count, segment_cap;
    uint64_t wire_free_ms, last_arrival_ms;
    bool fin;           /* the sender closed in order: nothing follows what was flushed */
    uint64_t tail;      /* the tap's */
    uint64_t linger_ms; /* with fin: when the system gives up */
    bool fin_read;
    sim_event deliver; /* the next bytes, or the next try */
    sim_event ack;     /* .. on its way back */
    sim_event give_up; /* nothing was acknowledged for too long */
} sim_stream;

typedef struct sim_link {
    net_sim *net_sim;
    struct sim_link *next, **at; /* of all links */
    uint32_t number;             /* of the links so far */
    uint32_t host[2];            /* 0 dialled, 1 was dialled */
    transport *end[2];           /* NULL: gone, or not there yet */
    bool reached;                /* the dialled end was there once */
    sim_stream stream[2];        /* [i]: from end i */
    uint16_t port;               /* where the dialled host listens */
    sim_mapped mapped;           /* the NAT in front of who dialled */
    uint64_t syn_wait_ms;        /* until dialling is tried again */
    sim_event syn;               /* dialling reaches the other host, or a refusal comes back */
    sim_event reset[2];          /* news of a break reach end i */
    uint32_t unacked_max;        /* bytes under way that a sender may have */
    uint32_t patience_ms;        /* without acknowledgement */
    uint32_t small_pieces;       /* per mille of the pieces that are tiny */
} sim_link;

typedef enum sim_end_state { SIM_CONNECTING, SIM_OPEN, SIM_CLOSING } sim_end_state;

struct transport {
    net *net;
    sim_link *link; /* NULL: the other side is out of reach for ever */
    unsigned side;
    net_addr local, remote;
    const transport_events *events;
    void *ctx;
    sim_end_state state;
    wr_err reason; /* of closing */
    bool paused, wants_space;
    uint8_t *room; /* given to the owner, not yet flushed */
    loop_event opened, writable, timeout, closed;
};

typedef struct sim_listener {
    struct sim_listener *next;
    net_addr addr;
    net_accept_fn fn;
    void *ctx;
} sim_listener;

/* A packet on its way to one host. */
typedef struct sim_packet {
    struct sim_packet *next, **at;
    net_sim *net_sim;
    void (*arrived)(struct sim_packet *p); /* it is freed afterwards */
    uint32_t from, to;
    uint16_t port;         /* multicast: of the group */
    net_addr source, dest; /* unicast: as seen outside of any NAT */
    sim_event arrives;
    size_t len;
    uint8_t bytes[];
} sim_packet;

/* What packets left behind on a path. */
typedef struct sim_lane {
    uint64_t queued, queued_at_ms; /* bytes, then */
    uint64_t last_arrival_ms;
    uint64_t stable_until_ms; /* it neither breaks nor mends before */
} sim_lane;

struct net {
    net_sim *net_sim;
    uint32_t host;
    loop *loop;
    bool dead, closing;
    uint32_t transports;
    sim_listener *listeners;
    net_multicast *multicasts; /* open ones */
    net_sim_socket *sockets;   /* open ones */
    uint16_t next_port;        /* of dialled connections */
};

typedef struct sim_host {
    bool plugged;
    uint32_t site, number; /* the how manieth of it */
    net *net;              /* of the process that runs there; NULL: none */
    uint32_t processes;
} sim_host;

struct net_sim {
    sim_clock *clock;
    chance chance, datagrams, nats;
    uint32_t host_count, stable_ms;
    sim_host hosts[NET_SIM_HOSTS_MAX];
    net_sim_path paths[NET_SIM_HOSTS_MAX][NET_SIM_HOSTS_MAX]; /* [from][to] */
    sim_lane lanes[NET_SIM_HOSTS_MAX][NET_SIM_HOSTS_MAX];
    sim_site sites[NET_SIM_SITES_MAX];
    sim_link *links, **links_end;
    sim_packet *packets;
    uint32_t link_count, links_ever;
    const net_sim_tap *tap;
    uint64_t bytes, pieces;
};

/* ---- path_sim.c ---- */

void sim_paths_init(net_sim *s);
/* Does anything from one host get to the other right now? */
WR_MUST bool sim_passes(const net_sim *s, uint32_t from, uint32_t to);
/* .. and bytes of this connection, from that side? */
WR_MUST bool sim_link_passes(const sim_link *link, unsigned from);
/* How long it takes, on a stream. */
uint64_t sim_travel_ms(net_sim *s, uint32_t from, uint32_t to);
/* A packet of that size leaves: says how many of it will arrive, and when. */
#define SIM_COPIES_MAX 2u
uint32_t sim_path_fate(net_sim *s, uint32_t from, uint32_t to, size_t size,
                       uint64_t arrives_ms[SIM_COPIES_MAX]);

/* ---- datagram_sim.c ---- */

/* Sends copies of the packet, as the path between its hosts will have it. */
void sim_packet_send(net_sim *s, const sim_packet *head, wr_slice bytes);
void sim_packets_drop(net_sim *s);

/* ---- net_sim.c ----------------------------------------------------------------------------- */

/* The end closes and will tell its owner; OK: in order. */
void sim_end_close(transport *t, wr_err reason);
/* Tells end side, when the news arrive, that nobody is there any more. */
void sim_reset_later(sim_link *link, unsigned side);
void sim_trace(const transport *t, const char *kind, wr_slice content);

/* ---- stream_sim.c ---- */

void sim_stream_init(sim_stream *s, sim_link *link, unsigned from);
void sim_stream_wipe(sim_stream *s);
void sim_stream_put(sim_stream *s, wr_slice bytes);
uint64_t sim_stream_unacked(const sim_stream *s);
/* The reader wants bytes again. */
void sim_stream_resume(sim_stream *s);
/* The sender closed in order; keep: how many of the bytes it flushed still leave. */
void sim_stream_finish(sim_stream *s, uint64_t keep);
/* Nobody will read, or nobody will send. */
void sim_stream_drop(sim_stream *s);

#endif /* SIM_NET_SIM_IMPL_H */
