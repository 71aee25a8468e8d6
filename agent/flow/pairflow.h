/* Pairing as the hub drives it: one window, one join, and the beacons of both.
 *
 * Layer:  flow, private to the hub's files
 * Owner:  the structs live in the hub.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FLOW_PAIRFLOW_H
#define FLOW_PAIRFLOW_H

#include "engine/beacon.h"
#include "engine/pairing.h"
#include "flow/pump.h"
#include "net/multicast.h"

typedef struct pair_host { /* the window that is open; window NULL: none */
    wr_pair_window *window;
    uint64_t id;
    bool auto_accept;
    bool asked;      /* the owner was shown .device: no other may come in its place */
    bool other_told; /* the owner knows of such a one */
    bool done;       /* PAIRING_DONE was told */
    conn *asking;    /* waits for the owner's yes */
    wr_hash device;  /* of the newest request */
    size_t name_len;
    uint8_t name[WR_NAME_BYTES_MAX];
} pair_host;

#define JOIN_TARGETS_MAX WR_HELLO_ADDRS_MAX
typedef struct pair_join { /* guest is kept after a failed try: its tries count */
    wr_pair_guest *guest;
    keystore_secrets secrets;
    size_t text_len, name_len;
    uint8_t text[HUB_URI_MAX]; /* secret: the code or URI the guest is for */
    uint8_t name[WR_NAME_BYTES_MAX];
    bool active;
    bool again; /* this home has a circle, and comes in as a new device */
    hub_done_fn done;
    void *ctx;
    net_addr targets[JOIN_TARGETS_MAX];
    uint32_t target_count, target_next, found;
    uint32_t rounds;  /* of all targets, without any answer */
    uint32_t resumes; /* connections cut after the code was proved */
    bool joined;      /* the circle is ours and durable */
    bool proved;      /* the other side knows the code */
    conn *conn;       /* the one under way */
    net_addr tried;   /* where the last one went */
    wr_mono next_dial;
    wr_mono search_until; /* by beacon; while no target is known */
} pair_join;

/* ---- the window, and connections of both sides (pairflow.c) ---- */

WR_MUST wr_err pairflow_turn(hub *h); /* before the commit */
/* An ADD that may have left is not admitted yet: its place in our chain is taken. */
WR_MUST bool pairflow_unsettled(const hub *h);
/* .. is admitted now, and its window is over. */
WR_MUST wr_err pairflow_settle(hub *h);
void pairflow_stored(hub *h); /* after it */
wr_mono pairflow_deadline(const hub *h);
void pairflow_close(hub *h); /* windows, joins; the last words of both are told */
/* The turn failed: its connections end; an ADD that was kept before is admitted by the next load.
 */
void pairflow_undo(hub *h);
/* A connection that begins a pairing; false: none is wanted. */
WR_MUST bool pairflow_accept(conn *c);
void pairflow_read(conn *c, wr_slice bytes);
void pairflow_ended(conn *c, wr_err reason); /* before its pairing is freed */
void pairflow_end_all(hub *h, bool joins);   /* connections of the window, or of the join */

/* ---- the join (joinflow.c) ---- */

WR_MUST wr_err join_begin(hub *h, wr_slice code_or_uri, wr_slice name, const net_addr *peer,
                          bool again, hub_done_fn done, void *ctx);
/* The circle lets this home in again (rejoin.c).  Takes fresh over, also on error. */
WR_MUST wr_err rejoin_take(hub *h, wr_self *fresh);
void join_turn(hub *h);
void join_opened(conn *c);                     /* its dial is connected */
void join_found(hub *h, const net_addr *addr); /* a beacon of our code was heard */
WR_MUST wr_err join_event(conn *c, const wr_pair_event *event);
void join_ended(conn *c, wr_err reason);
void join_abort(hub *h, wr_err err); /* nothing of this turn will be stored */
wr_mono join_deadline(const hub *h);
void join_close(hub *h);
void join_forget(hub *h); /* the secrets of tries that are over */

/* ---- beacons (beaconflow.c) ---- */

/* Beacons for a window or a join, if the configuration lets us.  REFUSED, BUSY, IO, NOMEM. */
WR_MUST wr_err beacon_start(hub *h, wr_beacon_side side, const wr_rid *rid);
void beacon_stop(hub *h);
void beacon_turn(hub *h); /* after the commit */
wr_mono beacon_deadline(const hub *h);

#endif /* FLOW_PAIRFLOW_H */
