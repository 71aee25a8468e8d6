/* Inside of pairing: one connection, and the steps that the two roles share.
 *
 * Spec:   proto/spec/pairing.md
 * Layer:  engine.  Private to pairing.c, pairing_host.c, pairing_guest.c, pair_window.c,
 * pair_code.c. SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_PAIRING_IMPL_H
#define WR_ENGINE_PAIRING_IMPL_H

#include "channel/handshake.h"
#include "channel/pake.h"
#include "circle/op.h"
#include "engine/pairing.h"
#include "engine/pairing_state.h"
#include "sync/session.h"

#define PAIR_LABEL "warren/pair/1"
#define PAIR_NONCE_SIZE 16u
#define PAIR_EVENTS_MAX 3u
#define PAIR_CONSENT_BYTES_MAX 160u
#define PAIR_CI_BYTES_MAX 96u
#define PAIR_PROLOGUE_SIZE (sizeof PAIR_LABEL - 1u + 1u + 1u + 16u)

struct wr_pairing { /* secret */
    pair_state state;
    wr_pair_window *window; /* host, else NULL */
    wr_pair_guest *guest;   /* guest, else NULL */
    wr_self *self;          /* host: borrowed.  guest: being built, owned until JOINED is polled */
    uint64_t serial;
    wr_mono deadline;

    pair_mode mode;
    wr_rid rid;
    wr_key psk;
    uint8_t sid[2 * PAIR_NONCE_SIZE]; /* rA || rB */
    wr_pake pake;
    wr_pub share; /* the peer's public value */
    wr_handshake handshake;
    wr_session session;
    uint8_t h[PAIR_H_SIZE];
    wr_pub peer;  /* the other side's Noise key, proved */
    bool counted; /* a run whose success is not known yet */
    bool holds;   /* went beyond step 1 */

    /* host: the certificate on offer */
    uint8_t cert[WR_CERT_BYTES_MAX];
    size_t cert_len;
    wr_sig consent;
    uint8_t name[WR_NAME_BYTES_MAX];
    size_t name_len;
    uint32_t op_next, op_end; /* of those admitted; the kept ADD follows if add_apart */
    bool add_apart;

    /* guest */
    uint64_t ops_left;
    wr_pair_welcome welcome; /* .addrs points into addrs */
    uint8_t addrs[WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE];

    wr_pair_event events[PAIR_EVENTS_MAX];
    uint32_t event_count;
};

/* pair_code.c */
void wr_pair_put_part(wr_buf *out, wr_slice part); /* u32be length || part; asserts room */
bool wr_pair_text_is_uri(wr_slice text);

/* pairing.c: shared steps */
void wr_pair_raise(wr_pairing *p, const wr_pair_event *event);
void wr_pair_sas(const uint8_t h[PAIR_H_SIZE], char out[WR_PAIR_SAS_BYTES_MAX]);
/* Starts the PAKE of p (sid and rid are set); gives the own public value. */
WR_MUST wr_err wr_pair_pake_start(wr_pairing *p, const wr_pair_code *code, const wr_rng *rng,
                                  wr_pub *ret_public);
/* Takes the peer's public value: p->psk. */
WR_MUST wr_err wr_pair_pake_finish(wr_pairing *p, const wr_pub *peer_public);
/* Starts Noise under p->psk, mode and rid. */
WR_MUST wr_err wr_pair_noise_start(wr_pairing *p, const wr_identity *me, const wr_rng *rng,
                                   wr_now now);
/* One record out, or in.  A message that carries a payload is FORMAT. */
WR_MUST wr_err wr_pair_noise_write(wr_pairing *p, wr_buf *out, wr_now now);
WR_MUST wr_err wr_pair_noise_read(wr_pairing *p, wr_slice record, wr_now now);
/* The handshake is over: keeps h and the peer's key, starts the session.  No record is held. */
void wr_pair_session_start(wr_pairing *p, wr_now now);
/* Appends one frame as one message, or nothing (and false) if out has no room for it now. */
WR_MUST wr_err wr_pair_frame(wr_pairing *p, wr_frame_type type, wr_slice body, wr_buf *out,
                             wr_now now, bool *ret_sent);

/* pair_window.c */
WR_MUST wr_err wr_pair_window_may(const wr_pair_window *window, wr_mono now);

/* The two roles: pairing_host.c, pairing_guest.c.  _reads: does this state wait for bytes?
 * _leave: the connection ends, gives back what it holds and counts.  _replaced: another connection
 * is in its place. */
WR_MUST bool wr_pair_host_reads(pair_state state);
WR_MUST bool wr_pair_guest_reads(pair_state state);
WR_MUST wr_err wr_pair_host_record(wr_pairing *p, wr_slice record, wr_now now);
WR_MUST wr_err wr_pair_guest_record(wr_pairing *p, wr_slice record, wr_now now);
WR_MUST wr_err wr_pair_host_frame(wr_pairing *p, uint8_t type, wr_slice body, wr_now now);
WR_MUST wr_err wr_pair_guest_frame(wr_pairing *p, uint8_t type, wr_slice body, wr_now now);
WR_MUST wr_err wr_pair_host_write(wr_pairing *p, wr_buf *out, wr_now now);
WR_MUST wr_err wr_pair_guest_write(wr_pairing *p, wr_buf *out, wr_now now);
WR_MUST wr_err wr_pair_host_answer(wr_pairing *p, bool accept, wr_now now);
void wr_pair_host_stored(wr_pairing *p);
void wr_pair_guest_stored(wr_pairing *p);
void wr_pair_host_leave(wr_pairing *p);
void wr_pair_guest_leave(wr_pairing *p);
WR_MUST bool wr_pair_host_replaced(const wr_pairing *p);
WR_MUST bool wr_pair_guest_replaced(const wr_pairing *p);

#endif /* WR_ENGINE_PAIRING_IMPL_H */
