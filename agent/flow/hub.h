/* One device of one circle, alive: what the local API asks and what it is told.
 *
 * The hub owns the core's state (wr_self), the store, the links to siblings with their pumps, and
 * pairing.  Whatever changes is collected during a turn of the loop and committed in one
 * transaction at its end; answers and bytes leave after that commit.
 * Layer:  flow.  Names no libuv: the simulator runs it on virtual time.
 * Owner:  agent.c opens one per agent.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FLOW_HUB_H
#define FLOW_HUB_H

#include "base/base.h"
#include "base/limits.h"
#include "core/loop.h"
#include "core/metrics.h"
#include "flow/hub_status.h"
#include "net/transport.h"
#include "store/keystore.h"
#include "store/store.h"

typedef struct hub hub;
struct hub_event;

/* What surrounds a hub.  Everything is borrowed and must outlive it. */
typedef struct hub_config {
    loop *loop;
    net *net; /* NULL: no network at all (mode offline) */
    wr_rng rng;
    const net_addr *listen; /* addresses to listen on for siblings */
    size_t listen_count;
    const net_addr *peers; /* static addresses to try */
    size_t peer_count;
    bool discovery;             /* pairing beacons by multicast */
    uint64_t epoch_entries_max; /* when an epoch is full; 0: as circle.md 5.4 has it */
    /* Makes the home's device.key and store for a new circle (init, join), in place of what a try
     * left that did not finish: the hub has closed that.  problem names the file on failure. */
    wr_err (*provision)(void *ctx, const keystore_secrets *secrets, keystore **ret_keystore,
                        store **ret_store, const char **ret_problem);
    /* Something happened: see hub_event. */
    void (*event)(void *ctx, const struct hub_event *event);
    void *ctx;
} hub_config;

/* keystore and store come from the home if it has a circle, else both NULL.  Takes both over on
 * success.  ret_problem as in store.h. */
WR_MUST wr_err hub_open(const hub_config *config, keystore *keystore, store *store, hub **ret_hub,
                        const char **ret_problem);
/* Closes links, flushes, then calls closed from the loop; the hub is gone by then. */
void hub_close(hub *hub, loop_fn closed, void *ctx);

/* Text for the error the last call returned; never NULL, one line, for people. */
const char *hub_problem(const hub *hub);
/* Errors of the calls below, and what they are called in the local API:
 *   FORMAT invalid · UNKNOWN not_found · REFUSED, AUTH refused · TIMEOUT timeout · EXISTS, STATE
 *   conflict · LIMIT too_large · IO, CORRUPT io · BUSY, CLOSED unavailable · NOMEM internal
 * Calls that need a circle return STATE without one; ask hub_has_circle first. */

bool hub_has_circle(const hub *hub);
const wr_hash *hub_device_id(const hub *hub); /* of this device; NULL without a circle */
const metrics *hub_metrics(const hub *hub);   /* live as long as the hub */

/* ---- making and joining a circle ------------------------------------------------ */
/* New circle, this device its first member.  keep_recovery false wipes the words unseen. */
WR_MUST wr_err hub_init(hub *hub, wr_slice name, bool keep_recovery);
/* The 24 words of init: given out once, then wiped from memory and disk.  UNKNOWN when there are
 * none (already shown, wiped unseen, or this device joined).  words is secret, NUL-terminated. */
#define HUB_WORDS_MAX 256u
WR_MUST wr_err hub_show_recovery(hub *hub, char words[HUB_WORDS_MAX]);
/* Does word text belong to this circle's recovery key? */
WR_MUST wr_err hub_check_recovery(hub *hub, wr_slice words, bool *ret_yes);

#define HUB_CODE_MAX 64u
#define HUB_URI_MAX 512u
typedef struct hub_pairing {
    uint64_t pairing;        /* its number */
    char code[HUB_CODE_MAX]; /* secret: NNNN-word-word-word */
    char uri[HUB_URI_MAX];   /* secret: warren:.. (what the QR shows) */
    uint32_t expires_s;
} hub_pairing;
/* Opens a pairing window; BUSY if one is open.  admin: role of the new device.  auto_accept: the
 * owner's yes is given in advance (--yes).  Events PAIRING_* follow. */
WR_MUST wr_err hub_pair_open(hub *hub, bool admin, uint32_t timeout_s, bool auto_accept,
                             hub_pairing *ret_pairing);
WR_MUST wr_err hub_pair_answer(hub *hub, uint64_t pairing, bool accept);
void hub_pair_close(hub *hub, uint64_t pairing);

typedef void (*hub_done_fn)(void *ctx, wr_err err); /* on error hub_problem has the text */
/* Joins with a code or URI.  peer may be NULL (LAN by beacon, or the URI's addresses). done is
 * called once, later.  EXISTS: this home has a circle.  BUSY: a join is under way. */
WR_MUST wr_err hub_join(hub *hub, wr_slice code_or_uri, wr_slice name, const net_addr *peer,
                        hub_done_fn done, void *ctx);
void hub_join_cancel(hub *hub); /* done is called with CLOSED */
/* The same for a home that has this circle and may not sign (sync.md 5.2).  EXISTS: it may. */
WR_MUST wr_err hub_rejoin(hub *hub, wr_slice code_or_uri, wr_slice name, const net_addr *peer,
                          hub_done_fn done, void *ctx);
/* ---- logs -------------------------------------------------------------------------- */
typedef struct hub_item {
    wr_slice kind; /* the app's; may be empty */
    wr_slice body;
} hub_item;
typedef struct hub_appended {
    bool signed_now; /* seq is known; else the entry waits in the pending tail */
    uint64_t seq;
    uint64_t hlc; /* id is <device id>:<hlc>, time is hlc >> 16 */
} hub_appended;
/* list has one item per appended one; OK means durable. */
typedef void (*hub_appended_fn)(void *ctx, wr_err err, const hub_appended *list, uint32_t count);
#define HUB_APPEND_MAX 65536u
/* Copies what it needs before it returns.  On OK done is called once, after the commit of this
 * turn; otherwise nothing was appended (LIMIT: a body over 60 KiB; FORMAT: bad log name). */
WR_MUST wr_err hub_append(hub *hub, wr_slice log, const hub_item *items, uint32_t count,
                          hub_appended_fn done, void *ctx);

typedef struct hub_entry { /* slices live during the callback */
    wr_hash device;
    bool has_seq; /* false: still in the pending tail */
    uint64_t seq;
    uint64_t hlc;
    wr_slice kind;
    wr_slice body;
    bool ahead; /* stamped more than five minutes ahead of our clock */
    /* Of hub_arrivals only. */
    bool late;          /* it did not count when it came, or for a while */
    const char *cursor; /* stands behind this entry */
} hub_entry;
typedef wr_err (*hub_entry_fn)(void *ctx, const hub_entry *entry);

#define HUB_CURSOR_MAX 160u
/* Entries of log in mesh order, after the cursor (empty: from the start), at most limit.
 * ret_cursor resumes after the last one given; ret_more tells whether more is there.
 * UNKNOWN: no such log.  FORMAT: not a cursor of this call. */
WR_MUST wr_err hub_read(hub *hub, wr_slice log, wr_slice after, uint32_t limit, hub_entry_fn fn,
                        void *ctx, char ret_cursor[HUB_CURSOR_MAX], bool *ret_more);
/* The same in order of arrival on this device (for subscribers). An empty cursor starts at the
 * oldest; HUB_CURSOR_NOW (text "now") at what arrives from here on. */
#define HUB_CURSOR_NOW "now"
WR_MUST wr_err hub_arrivals(hub *hub, wr_slice log, wr_slice after, uint32_t limit, hub_entry_fn fn,
                            void *ctx, char ret_cursor[HUB_CURSOR_MAX], bool *ret_more);

typedef struct hub_log { /* slice lives during the callback */
    wr_slice name;
    uint64_t entries;
} hub_log;
typedef wr_err (*hub_log_fn)(void *ctx, const hub_log *log);
WR_MUST wr_err hub_each_log(hub *hub, hub_log_fn fn, void *ctx);

/* ---- devices and state ----------------------------------------------------------------- */
typedef enum hub_state { HUB_ONLINE, HUB_MAILBOX, HUB_OFFLINE } hub_state;
typedef enum hub_path { HUB_PATH_NONE, HUB_PATH_LAN, HUB_PATH_DIRECT, HUB_PATH_RELAY } hub_path;

typedef struct hub_device { /* slices live during the callback */
    wr_hash device;
    wr_slice name; /* empty if not known yet */
    bool this_device;
    bool admin;
    bool current; /* false: removed */
    hub_state state;
    hub_path path;
    uint64_t added_ms;      /* Unix */
    uint64_t last_seen_ms;  /* Unix; 0 = never in this home's life */
    uint64_t behind, ahead; /* entries we lack / it lacks, as last known */
    uint64_t rtt_ms;        /* 0 = not measured */
} hub_device;
typedef wr_err (*hub_device_fn)(void *ctx, const hub_device *device);
WR_MUST wr_err hub_each_device(hub *hub, hub_device_fn fn, void *ctx);
/* Sets this device's name (a signed entry that siblings read). */
WR_MUST wr_err hub_rename(hub *hub, wr_slice name, hub_done_fn done, void *ctx);

WR_MUST wr_err hub_get_status(hub *hub, hub_status *ret_status);
typedef enum hub_event_type {
    HUB_EV_ENTRIES,         /* something new to read: call hub_arrivals */
    HUB_EV_SIBLING_ONLINE,  /* .device */
    HUB_EV_SIBLING_OFFLINE, /* .device */
    HUB_EV_SIBLING_PATH,    /* .device */
    HUB_EV_CIRCLE_CHANGED,  /* members or names */
    HUB_EV_PAIRING_REQUEST, /* .pairing .device .name .words: asks for hub_pair_answer */
    HUB_EV_PAIRING_DONE,    /* .pairing .device .name */
    HUB_EV_PAIRING_FAILED,  /* .pairing .text: window closed (burnt, refused, expired) */
    HUB_EV_PAIRING_TRY,     /* .pairing .text: a wrong code was tried */
    HUB_EV_ALERT,           /* .text */
    HUB_EV_ROLLBACK,        /* .text: this home was set back, or a copy of it runs */
} hub_event_type;
typedef struct hub_event {
    hub_event_type type;
    uint64_t pairing;
    wr_hash device;
    wr_slice name;     /* as the other side calls itself: show it escaped */
    const char *words; /* four words that stand on both screens */
    const char *text;
} hub_event;

#endif /* FLOW_HUB_H */
