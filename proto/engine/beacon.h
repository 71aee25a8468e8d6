/* The beacon of a pairing window: how a device that knows the code finds the one that shows it.
 *
 *   host   tick, write ──beacon──> guest: read -> a port at the sender's address
 *   guest  tick, write ──query───> host:  read -> an answer falls due
 *
 * One wr_beacon_pair is one window's or one join's say about one rid.  The owner moves packets and
 * time, and dials; whoever answers there is judged by pairing.h alone.
 *
 * Spec:   proto/spec/beacon.md
 * Layer:  engine.  No sockets, no clock, no allocation.
 * Owner:  the struct lives inside its owner; its fields are private to beacon.c.  Ends with _wipe.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_BEACON_H
#define WR_ENGINE_BEACON_H

#include "base/base.h"
#include "engine/pair_code.h"

#define WR_BEACON_SIZE 256u /* of every packet */
#define WR_BEACON_ADDRS_MAX 6u

#define WR_BEACON_GAP_1_MS 500u
#define WR_BEACON_GAP_2_MS 1500u
#define WR_BEACON_GAP_JITTER 30u /* percent */
#define WR_BEACON_PERIOD_MS 45000u
#define WR_BEACON_PERIOD_JITTER 50u /* percent */
#define WR_BEACON_ANSWER_MS_MIN 20u
#define WR_BEACON_ANSWER_MS_MAX 120u
#define WR_BEACON_QUIET_MS 5000u /* between two answers */

/* Where a packet is sent, or where it was heard.  v4 stands in the first 4 bytes, then zeros. */
typedef struct wr_beacon_place {
    uint8_t family; /* 4 or 6 */
    uint8_t group[16];
    uint16_t port;      /* UDP, of the group */
    uint8_t sender[16]; /* writing: our address on that link; reading: the packet's source */
} wr_beacon_place;

typedef enum wr_beacon_side {
    WR_BEACON_HOST,  /* has a pairing window */
    WR_BEACON_GUEST, /* joins */
} wr_beacon_side;

typedef struct wr_beacon_pair { /* secret where the rid is one */
    wr_key key;
    wr_rng rng;
    uint64_t boot_id;
    wr_beacon_side side;
    uint32_t sent;      /* packets by itself, counted as far as their gaps differ */
    wr_mono next;       /* packet by itself */
    wr_mono answer;     /* to queries; NEVER: nobody asked */
    wr_mono quiet_till; /* no answer before */
} wr_beacon_pair;

/* Due at once. */
void wr_beacon_pair_init(wr_beacon_pair *pair, wr_beacon_side side, const wr_rid *rid, wr_rng rng,
                         wr_mono now);
void wr_beacon_pair_wipe(wr_beacon_pair *pair);

/* When to call tick. */
wr_mono wr_beacon_pair_deadline(const wr_beacon_pair *pair);
/* True: write one packet for each link now. */
WR_MUST bool wr_beacon_pair_tick(wr_beacon_pair *pair, wr_mono now);

/* One packet for this place.  tcp_port: where a host listens at place->sender, not 0; a guest has
 * none to tell, and its port and address are not used. */
void wr_beacon_pair_write(const wr_beacon_pair *pair, const wr_beacon_place *place,
                          uint16_t tcp_port, uint8_t out[WR_BEACON_SIZE]);

/* A host to try: place->sender, at this port. */
typedef struct wr_beacon_found {
    uint16_t tcp_port; /* 0: nothing to try; the packet was a query, or we are the host */
    uint64_t boot_id;  /* of the window; the same on all its links */
} wr_beacon_found;

/* Hears a packet.  A host that hears a query owes an answer: ask for the deadline again.
 *   AUTH    of another rid, not ours at all, from another place, or replayed by another sender
 *   FORMAT  not 256 bytes, or opens and is not of this form
 * On error nothing has changed: drop the packet. */
WR_MUST wr_err wr_beacon_pair_read(wr_beacon_pair *pair, const wr_beacon_place *place,
                                   wr_slice packet, wr_mono now, wr_beacon_found *ret_found);

#endif /* WR_ENGINE_BEACON_H */
