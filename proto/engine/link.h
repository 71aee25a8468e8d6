/* One authenticated link to one sibling: handshake, HELLO, ops, feeds, flow control.
 *
 *        bytes in ──> wr_link_read ──> events ──> wr_link_poll
 *       bytes out <── wr_link_write <── units ── wr_link_serving, wr_link_give
 *
 * The owner (flow/pump) moves the bytes, keeps the time and does the storage; the link decides.
 * Never blocks, never calls back.  wr_link_write may run only after what wr_self_poll gave is
 * durable: that makes every HAVE and every op on the wire survive a crash.
 *
 * Spec:   proto/spec/sync.md
 * Layer:  engine.  With self, pairing and beacon the only proto layer the agent talks to.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_LINK_H
#define WR_ENGINE_LINK_H

#include "base/base.h"
#include "channel/pattern.h"
#include "engine/self.h"
#include "wire/message.h"

typedef struct wr_link wr_link;

typedef struct wr_link_config {
    wr_self *self;       /* outlives the link */
    uint64_t link_id;    /* > 0, unique among the links of self */
    wr_role role;        /* initiator: peer is who we dial */
    wr_hash peer;        /* device id; initiator only */
    uint32_t attempt;    /* how often the peer did not answer before: older epochs are tried */
    uint8_t binding[32]; /* transport binding: zero for TCP (channel.md 2) */
    uint8_t addrs[WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE]; /* where we listen, for HELLO */
    size_t addrs_len;
} wr_link_config;

typedef enum wr_event_type {
    WR_EV_UP,    /* the peer is authenticated and a member: .device, .addrs */
    WR_EV_ALERT, /* .reason: FORK of a feed or op chain was seen */
    WR_EV_TWIN,  /* .device has met another process of ours (sync.md 5.1) */
} wr_event_type;

typedef struct wr_event {
    wr_event_type type;
    wr_hash device;
    wr_slice addrs; /* as in HELLO; lives until the next call on the link */
    wr_err reason;
} wr_event;

/* UNKNOWN: peer is no current member or no epoch is held.  NOMEM. */
WR_MUST wr_err wr_link_new(wr_link **ret_link, const wr_link_config *config, wr_now now);
/* Its transport is gone, or about to be: to be called before _free, so that the time of it counts.
 */
void wr_link_end(wr_link *link, wr_now now);
void wr_link_free(wr_link *link); /* wipes; NULL is fine */
WR_DEFINE_FREEP(wr_link, wr_link_free)

/* Takes bytes off the front of in.  Returns early (in not used up) when wr_self_poll or
 * wr_link_poll has something: drain both, call again.  An error ends the link: close the
 * transport, free the link; the reason is for counters (CLOSED: the peer said goodbye). */
WR_MUST wr_err wr_link_read(wr_link *link, wr_slice *in, wr_now now);
WR_MUST bool wr_link_poll(wr_link *link, wr_event *ret_event);

/* Appends what is due for the wire to out, as much as fits.  An error ends the link. */
WR_MUST wr_err wr_link_write(wr_link *link, wr_buf *out, wr_now now);

/* A unit the peer should get next: load its entries and give them.  The owner asks before each
 * wr_link_write.  False: nothing to serve, or the window is full. */
typedef struct wr_serve {
    uint32_t feed_index;
    uint64_t n;     /* the checkpoint's length */
    uint64_t first; /* serve [first, ..) */
} wr_serve;
WR_MUST bool wr_link_serving(wr_link *link, wr_serve *ret_serve);
/* Takes over entries (malloc'd, freed by the link).  unit.entries is ignored; path is copied. */
void wr_link_give(wr_link *link, const wr_serve *serve, const wr_unit *unit, uint8_t *entries,
                  size_t size);
/* The peer showed a signed checkpoint over n entries that may contradict our newest one, which is
 * over len: load the hashes of the prefix proof (feed.md 5.4) and give them.  The owner asks before
 * each wr_link_write. */
typedef struct wr_weigh {
    uint32_t feed_index;
    uint64_t n, len;
} wr_weigh;
WR_MUST bool wr_link_weighing(wr_link *link, wr_weigh *ret_weigh);
WR_MUST wr_err wr_link_weigh(wr_link *link, const wr_hash *path, uint32_t path_count);
/* The store could not load it: the link ends with the next write. */
void wr_link_cannot_serve(wr_link *link);

/* When to call wr_link_tick at the latest; it ends the link by an error (TIMEOUT). */
wr_mono wr_link_deadline(const wr_link *link);
WR_MUST wr_err wr_link_tick(wr_link *link, wr_now now);
/* Ends the link by REFUSED if ops have come after which the peer may have none; to be asked in
 * every turn, also of links that have nothing to read or no room to write. */
WR_MUST wr_err wr_link_judge(wr_link *link);
/* Says goodbye with the next write. */
void wr_link_leave(wr_link *link);

WR_MUST bool wr_link_is_up(const wr_link *link);
const wr_hash *wr_link_peer(const wr_link *link); /* NULL until known */
wr_role wr_link_role(const wr_link *link);
uint64_t wr_link_rtt_ms(const wr_link *link); /* 0: not measured */
/* Entries they have and we lack, and the reverse, as last known. */
void wr_link_backlog(const wr_link *link, uint64_t *ret_behind, uint64_t *ret_ahead);
/* Entries and ops of our own that they have and we lack, as last known. */
void wr_link_own_behind(const wr_link *link, uint64_t *ret_entries, uint64_t *ret_ops);

#endif /* WR_ENGINE_LINK_H */
