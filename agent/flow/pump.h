/* One connection of the hub: a transport, and the link or the pairing that speaks on it.
 *
 * Layer:  flow, private to the hub's files
 * Owner:  the hub's list; pump_end is the only way out, the memory goes when the transport has.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FLOW_PUMP_H
#define FLOW_PUMP_H

#include "engine/link.h"
#include "engine/pairing.h"
#include "flow/hub.h"
#include "mesh/mesh.h"

#define HUB_CONNS_MAX 256u
#define HUB_STRANGERS_OF_ONE 16u    /* .. of them from one address */
#define HUB_LISTEN_MAX 16u          /* listen addresses whose port is kept */
#define HUB_SEEN_SIZE 24u           /* value of HUB_META_SEEN: when, held, behind */
#define HUB_STRANGERS_MAX 64u       /* accepted, and not known yet */
#define HUB_HELD_MAX (128u * 1024u) /* bytes a pairing has not used up yet */

typedef enum conn_kind {
    CONN_DIALLING, /* not connected yet */
    CONN_SNIFF,    /* accepted: its first bytes tell a session from a pairing */
    CONN_LINK,
    CONN_PAIRING,
    CONN_CLOSING, /* waits for closed(); nothing else is left of it */
} conn_kind;

typedef struct conn {
    struct conn *next;
    hub *hub;
    transport *transport;
    conn_kind kind;
    bool joins;     /* dialled to join by pairing */
    bool dialled;   /* dialled because mesh said so: */
    mesh_dial dial; /* .. this */
    bool up;        /* the link's peer is authenticated */
    bool goodbye;   /* close when what is written has left */
    wr_mono deadline;
    uint64_t link_id;
    wr_link *link;
    wr_pairing *pairing;
    bool stored_due;                              /* tell the pairing after the commit */
    uint8_t first[3u + WR_HANDSHAKE_MESSAGE_MAX]; /* of CONN_SNIFF */
    size_t first_len;
    uint8_t *held; /* of CONN_PAIRING: what it has not used up */
    size_t held_len;
} conn;

void pump_judge(hub *h); /* after the commit: who is out is cut off */
void pump_write(hub *h); /* after the commit: bytes, then dials */
void pump_tick(hub *h);  /* deadlines of connections */
wr_mono pump_deadline(const hub *h);
void pump_close_all(hub *h, wr_err reason); /* everything that refers to self */
void pump_listen(hub *h);
WR_MUST wr_err pump_keep_ports(hub *h); /* within a turn: for the next start */
void pump_leave(hub *h);                /* says goodbye on all links */
conn *pump_dial(hub *h, const net_addr *addr);
void pump_end(conn *c, wr_err reason);
hub_path pump_path(const conn *c);
const conn *pump_link_of(const hub *h, const wr_hash *device); /* one that is up; NULL */

/* ---- addresses (pump.c) ---- */

/* Where we listen, in HELLO's form. */
size_t hub_own_addrs(hub *h, uint8_t out[WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE]);
/* The count-th address of a HELLO list, as seen over a connection to via; false: of no use here. */
WR_MUST bool hub_hello_addr(wr_slice addrs, size_t index, const net_addr *via, net_addr *ret_addr);
mesh_addr hub_mesh_addr(const net_addr *addr);
/* Remembers where a device listens, in mesh and store. */
WR_MUST wr_err hub_learn_addrs(hub *h, const wr_hash *device, wr_slice addrs, const net_addr *via);

#endif /* FLOW_PUMP_H */
