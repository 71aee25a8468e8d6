/* Pairing: a member (the host) admits one new device (the guest) by a code or a URI.
 *
 *   host:   wr_pair_window ── one per shown code ──>  wr_pairing  one per connection
 *   guest:  wr_pair_guest  ── one per typed code ──>  wr_pairing  one per connection
 *
 *        bytes in ──> wr_pairing_read ──> events ──> wr_pairing_poll
 *       bytes out <── wr_pairing_write <── answers ── wr_pairing_answer, _stored
 *
 * The window and the guest hold what outlives a connection: secrets, tries, and how far it came, so
 * that a cut connection resumes and never makes a second ADD.  Nothing here blocks or calls back.
 *
 * Spec:   proto/spec/pairing.md
 * Layer:  engine.  With self, link and beacon the only proto layer the agent talks to.
 * Owner:  each object belongs to its maker; free pairings before their window or guest.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_PAIRING_H
#define WR_ENGINE_PAIRING_H

#include "base/base.h"
#include "circle/op.h"
#include "engine/pair_code.h"
#include "engine/self.h"
#include "wire/message.h"

/* First byte of the first record of a pairing connection; a session starts with 0x01.  The record
 * has a length of two bytes in front, so an acceptor looks at the third byte of a stream. */
#define WR_PAIR_PREFACE 0x81u

#define WR_PAIR_SAS_WORDS 4u
#define WR_PAIR_SAS_BYTES_MAX (WR_PAIR_SAS_WORDS * (WR_WORD_BYTES_MAX + 1u)) /* with the NUL */

typedef struct wr_pair_window wr_pair_window;
typedef struct wr_pair_guest wr_pair_guest;
typedef struct wr_pairing wr_pairing;

/* ---- the host's window ---------------------------------------------------------------- */

typedef struct wr_pair_window_config {
    wr_role_kind role;                                      /* of the new device */
    uint32_t timeout_ms;                                    /* 0: WR_PAIR_WINDOW_MS */
    uint8_t addrs[WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE]; /* where we listen */
    size_t addrs_len;
} wr_pair_window_config;

typedef enum wr_pair_window_state {
    WR_PAIR_WINDOW_OPEN,    /* a device may come */
    WR_PAIR_WINDOW_KEPT,    /* one was accepted: only it may come back, until the end of time */
    WR_PAIR_WINDOW_DONE,    /* it is a member; it may come back to hear so */
    WR_PAIR_WINDOW_REFUSED, /* the owner said no */
    WR_PAIR_WINDOW_BURNT,   /* three runs failed */
    WR_PAIR_WINDOW_EXPIRED,
} wr_pair_window_state;

/* Draws code and URI.
 *   STATE    self may not sign now      REFUSED  it is no ADMIN
 *   LIMIT    the circle is full         VERSION  the circle has ops this version cannot read
 *   NOMEM */
WR_MUST wr_err wr_pair_window_new(const wr_self *self, const wr_pair_window_config *config,
                                  wr_now now, wr_pair_window **ret_window);
void wr_pair_window_free(wr_pair_window *window); /* wipes; NULL is fine; settle it first */
WR_DEFINE_FREEP(wr_pair_window, wr_pair_window_free)

/* Both live as long as the window, end with a NUL, and are secret. */
const char *wr_pair_window_code(const wr_pair_window *window);
const char *wr_pair_window_uri(const wr_pair_window *window);
wr_rid wr_pair_window_rid(const wr_pair_window *window); /* of the code, for the beacon */
wr_mono wr_pair_window_deadline(const wr_pair_window *window);
wr_pair_window_state wr_pair_window_look(const wr_pair_window *window, wr_mono now);

/* True while an ADD was handed out that the graph does not hold yet.  Before self authors any other
 * op (ACK too), when the window ends, and before it is freed, the owner calls _settle: an ADD that
 * may have left is admitted, because taking its place in the author chain would be a fork. */
WR_MUST bool wr_pair_window_unsettled(const wr_pair_window *window);
/* The owner's commit failed: an ADD that it does not keep is forgotten. */
void wr_pair_window_undo(wr_pair_window *window);
WR_MUST wr_err wr_pair_window_settle(wr_pair_window *window, wr_self *self, wr_now now);

/* ---- the guest -------------------------------------------------------------------------- */

/* text: a code or a URI.  identity: a fresh one, copied; the same for all its connections.
 *   FORMAT, VERSION  text is neither: ret_why says what is wrong (always written)
 *   REFUSED          name is no device name       NOMEM */
WR_MUST wr_err wr_pair_guest_new(wr_slice text, const wr_identity *identity, wr_slice name,
                                 wr_rng rng, wr_pair_guest **ret_guest, wr_pair_why *ret_why);
void wr_pair_guest_free(wr_pair_guest *guest); /* wipes; NULL is fine */
WR_DEFINE_FREEP(wr_pair_guest, wr_pair_guest_free)
wr_rid wr_pair_guest_rid(const wr_pair_guest *guest);
wr_slice wr_pair_guest_addrs(const wr_pair_guest *guest); /* of the URI; empty for a code */
/* What failed with an earlier guest for the same rid counts on: another name or spelling is no new
 * start. */
void wr_pair_guest_count(wr_pair_guest *guest, const wr_pair_guest *earlier);
/* False once three runs failed: nothing more may be tried with this code. */
WR_MUST bool wr_pair_guest_may_try(const wr_pair_guest *guest);

/* ---- one connection ------------------------------------------------------------------------ */

typedef enum wr_pair_event_type {
    WR_PAIR_EV_REQUEST,   /* host: .device, .name, .sas; ask the owner, then wr_pairing_answer */
    WR_PAIR_EV_ADD_READY, /* host: .op, .sig; store as the pending ADD, then wr_pairing_stored */
    WR_PAIR_EV_PUBLISH,   /* host: self admitted it: drain self, drop the pending ADD, commit, then
                             wr_pairing_stored */
    WR_PAIR_EV_SAS,       /* guest: .device (the host), .sas; show it */
    WR_PAIR_EV_JOINED,    /* guest: .self is the caller's now: drain it, commit, then
                             wr_pairing_stored; .device, .name empty, .addrs: of the host */
    WR_PAIR_EV_DONE,      /* both: the circle knows; close the connection */
    WR_PAIR_EV_BURNT,     /* host: three runs failed; tell the owner */
} wr_pair_event_type;

typedef struct wr_pair_event { /* slices live until the next call on the pairing */
    wr_pair_event_type type;
    wr_hash device;
    wr_slice name;
    char sas[WR_PAIR_SAS_BYTES_MAX]; /* four words, blanks between them */
    wr_slice op;
    const wr_sig *sig;
    wr_slice addrs;
    wr_self *self;
} wr_pair_event;

/* Host: for an accepted connection.  NOMEM; REFUSED or TIMEOUT: the window is over. */
WR_MUST wr_err wr_pairing_host_new(wr_pair_window *window, wr_self *self, wr_now now,
                                   wr_pairing **ret_pairing);
/* Guest: for a connection that is up.  NOMEM; REFUSED: no try is left. */
WR_MUST wr_err wr_pairing_guest_new(wr_pair_guest *guest, wr_now now, wr_pairing **ret_pairing);
void wr_pairing_free(wr_pairing *pairing); /* wipes; NULL is fine */
WR_DEFINE_FREEP(wr_pairing, wr_pairing_free)

/* Takes bytes off the front of in.  Returns with in not used up when it is our turn: drain events
 * and self, write, answer, then call again.  An error ends the connection: poll what is left, free:
 *   AUTH     wrong code, or the other side is not who it must be
 *   REFUSED  the owner there said no, or no try is left     BUSY   another connection is ahead
 *   TIMEOUT, CLOSED (replaced by a newer connection), and the peer's faults */
WR_MUST wr_err wr_pairing_read(wr_pairing *pairing, wr_slice *in, wr_now now);
/* Appends what is due, as much as fits; call again while it adds.  Host: nothing is added while
 * wr_self_pending.  An error ends the connection after out was sent (REFUSED: we just said no). */
WR_MUST wr_err wr_pairing_write(wr_pairing *pairing, wr_buf *out, wr_now now);
WR_MUST bool wr_pairing_poll(wr_pairing *pairing, wr_pair_event *ret_event);
/* The peer closed the connection.  Says why, as far as can be known: AUTH (guest: the code was
 * wrong, or is used up), CLOSED, or OK if all was said. */
WR_MUST wr_err wr_pairing_closed(wr_pairing *pairing);

/* The owner's word on REQUEST.  STATE: none was asked; UNKNOWN: a yes, and self has no epoch to
 * write under.  Errors end the connection. */
WR_MUST wr_err wr_pairing_answer(wr_pairing *pairing, bool accept, wr_now now);
/* What ADD_READY, PUBLISH or JOINED gave is durable. */
void wr_pairing_stored(wr_pairing *pairing);

/* When to call wr_pairing_tick at the latest; it ends the connection by TIMEOUT. */
wr_mono wr_pairing_deadline(const wr_pairing *pairing);
WR_MUST wr_err wr_pairing_tick(wr_pairing *pairing, wr_now now);

#endif /* WR_ENGINE_PAIRING_H */
