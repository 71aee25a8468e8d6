/* Inside of pairing: the states of a connection, and what outlives connections on either side.
 *
 * Spec:   proto/spec/pairing.md
 * Layer:  engine.  Private to pairing*.c, pair_*.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_PAIRING_STATE_H
#define WR_ENGINE_PAIRING_STATE_H

#include "circle/op.h"
#include "engine/pairing.h"

#define PAIR_H_SIZE 64u

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

#endif /* WR_ENGINE_PAIRING_STATE_H */
