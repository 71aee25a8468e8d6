/* Inside of pairing: what the two roles share, and the records of the handshake.
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
#include "sync/session.h"

#define PAIR_LABEL "warren/pair/1"
#define PAIR_NONCE_SIZE 16u
#define PAIR_AD_SIZE 2u
#define PAIR_EVENTS_MAX 3u
#define PAIR_H_SIZE 64u
#define PAIR_CONSENT_BYTES_MAX 160u
#define PAIR_CI_BYTES_MAX 96u
#define PAIR_PROLOGUE_SIZE (sizeof PAIR_LABEL - 1u + 1u + 1u + 16u)

/* How a connection gets its psk; the values are on the wire. */
typedef enum pair_mode {
    PAIR_MODE_QR = WR_PAIR_QR,
    PAIR_MODE_CODE = WR_PAIR_CODE,
    PAIR_MODE_RESUME = 3, /* the psk of a handshake that was completed before */
} pair_mode;

/* What is awaited, or whose turn it is. */
typedef enum pair_state {
    HOST_EXPECT_PREFACE,
    HOST_SEND_SHARE,
    HOST_EXPECT_SHARE,
    HOST_EXPECT_FIRST,
    HOST_SEND_SECOND,
    HOST_EXPECT_THIRD,
    HOST_SEND_OFFER,
    HOST_EXPECT_CERT,
    HOST_EXPECT_ANSWER, /* the owner's */
    HOST_SEND_REFUSED,
    HOST_EXPECT_ADD_STORED,
    HOST_SEND_WELCOME,
    HOST_SEND_OPS,
    HOST_EXPECT_READY,
    HOST_EXPECT_PUBLISHED,
    HOST_SEND_DONE,
    GUEST_SEND_PREFACE,
    GUEST_EXPECT_SHARE,
    GUEST_SEND_SHARE,
    GUEST_SEND_FIRST,
    GUEST_EXPECT_SECOND,
    GUEST_SEND_THIRD,
    GUEST_EXPECT_OFFER, /* in a resumed connection perhaps WELCOME */
    GUEST_SEND_CERT,
    GUEST_EXPECT_WELCOME,
    GUEST_EXPECT_OPS,
    GUEST_EXPECT_JOIN_STORED,
    GUEST_SEND_READY,
    GUEST_EXPECT_DONE,
    PAIR_DONE, /* all was said */
    PAIR_OVER, /* failed: only poll and free are legal */
} pair_state;

/* What a guest and its host agreed on in a completed handshake: enough to resume. */
typedef struct pair_bond { /* secret */
    bool set;
    wr_pair_mode mode; /* how it began */
    wr_rid rid;
    wr_key psk;
    wr_pub peer; /* the other side's Noise key */
} pair_bond;

struct wr_pair_window { /* secret */
    wr_rng rng;
    wr_pair_window_config config;
    wr_mono deadline;
    wr_pair_code code;
    char code_text[WR_PAIR_CODE_BYTES_MAX + 1];
    wr_rid code_rid;
    wr_pair_uri uri;
    char uri_text[WR_PAIR_URI_BYTES_MAX + 1];

    uint32_t tries;  /* runs that failed, or have not succeeded yet */
    uint64_t serial; /* of the newest connection */
    uint64_t holder; /* the connection that may go beyond step 1; 0: none */
    bool refused;    /* the owner said no */
    bool burnt;      /* three runs failed */
    bool done;       /* READY was heard */
    pair_bond bond;

    /* the kept ADD of the one device that was accepted */
    bool add_made;
    bool add_stored; /* it may have left */
    bool settled;    /* self admitted it */
    uint8_t add[WR_OP_BYTES_MAX];
    size_t add_len;
    wr_sig add_sig;
};

struct wr_pair_guest { /* secret */
    wr_rng rng;
    wr_identity identity;
    uint8_t name[WR_NAME_BYTES_MAX];
    size_t name_len;
    wr_pair_mode mode;
    wr_pair_code code;
    wr_pair_uri uri; /* .rid is the code's in code mode */

    uint32_t tries;
    uint64_t serial;
    uint64_t holder;
    pair_bond bond;
    bool resume_next; /* whether the next connection tries the bond first */

    /* what was consented to, and whether it was carried out */
    bool consented;
    wr_pair_offer offer;
    uint8_t h[PAIR_H_SIZE];
    wr_sig consent;
    bool joined; /* the owner holds the self durably */
};

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
    uint32_t op_next, op_end; /* of the graph; the kept ADD follows if add_apart */
    bool add_apart;

    /* guest */
    uint64_t ops_left;
    wr_pair_welcome welcome; /* .addrs points into addrs */
    uint8_t addrs[WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE];

    wr_pair_event events[PAIR_EVENTS_MAX];
    uint32_t event_count;
};

/* pair_code.c */
void pair_put_part(wr_buf *out, wr_slice part); /* u32be length || part; asserts room */
bool pair_text_is_uri(wr_slice text);

/* pairing.c: shared steps */
void pair_event(wr_pairing *p, const wr_pair_event *event);
void pair_sas(const uint8_t h[PAIR_H_SIZE], char out[WR_PAIR_SAS_BYTES_MAX]);
void pair_bond_wipe(pair_bond *bond);
/* Starts the PAKE of p (sid and rid are set); gives the own public value. */
WR_MUST wr_err pair_pake_start(wr_pairing *p, const wr_pair_code *code, const wr_rng *rng,
                               wr_pub *ret_public);
/* Takes the peer's public value: p->psk. */
WR_MUST wr_err pair_pake_finish(wr_pairing *p, const wr_pub *peer_public);
/* Starts Noise under p->psk, mode and rid. */
WR_MUST wr_err pair_noise_start(wr_pairing *p, const wr_identity *me, const wr_rng *rng,
                                wr_now now);
/* One record out, or in.  A message that carries a payload is FORMAT. */
WR_MUST wr_err pair_noise_write(wr_pairing *p, wr_buf *out, wr_now now);
WR_MUST wr_err pair_noise_read(wr_pairing *p, wr_slice record, wr_now now);
/* The handshake is over: keeps h and the peer's key, starts the session.  No record is held. */
void pair_session_start(wr_pairing *p, wr_now now);
/* Appends one frame as one message, or nothing (and false) if out has no room for it now. */
WR_MUST wr_err pair_frame(wr_pairing *p, wr_frame_type type, wr_slice body, wr_buf *out, wr_now now,
                          bool *ret_sent);

/* pair_window.c */
WR_MUST wr_err pair_window_may(const wr_pair_window *window, wr_mono now);

/* The two roles: pairing_host.c, pairing_guest.c.  _reads: does this state wait for bytes? */
WR_MUST bool host_reads(pair_state state);
WR_MUST bool guest_reads(pair_state state);
WR_MUST wr_err host_record(wr_pairing *p, wr_slice record, wr_now now);
WR_MUST wr_err guest_record(wr_pairing *p, wr_slice record, wr_now now);
WR_MUST wr_err host_frame(wr_pairing *p, uint8_t type, wr_slice body, wr_now now);
WR_MUST wr_err guest_frame(wr_pairing *p, uint8_t type, wr_slice body, wr_now now);
WR_MUST wr_err host_write(wr_pairing *p, wr_buf *out, wr_now now);
WR_MUST wr_err guest_write(wr_pairing *p, wr_buf *out, wr_now now);
WR_MUST wr_err host_answer(wr_pairing *p, bool accept, wr_now now);
void host_stored(wr_pairing *p);
void guest_stored(wr_pairing *p);
/* The connection ends: gives back what it holds, counts. */
void host_leave(wr_pairing *p);
void guest_leave(wr_pairing *p);
/* Is another connection in its place? */
WR_MUST bool host_replaced(const wr_pairing *p);
WR_MUST bool guest_replaced(const wr_pairing *p);

#endif /* WR_ENGINE_PAIRING_IMPL_H */
