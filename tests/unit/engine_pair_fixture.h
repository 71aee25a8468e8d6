/* A host and a guest in memory, a wire between them that can be cut or bent, and a peer that speaks
 * the records by itself, for what an honest side never does.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_ENGINE_PAIR_FIXTURE_H
#define TESTS_UNIT_ENGINE_PAIR_FIXTURE_H

#include "channel/handshake.h"
#include "engine/pairing.h"
#include "harness/harness.h"
#include "sync/session.h"

#define PAIR_WIRE_MAX (128u * 1024u)
#define PAIR_NO_FAULT UINT32_MAX

typedef struct pair_wire { /* one direction */
    uint8_t bytes[PAIR_WIRE_MAX];
    size_t len, at;
} pair_wire;

typedef struct pair_world {
    wr_now now;
    wr_rng rng;
    wr_key rs;
    wr_self *host;
    wr_self *joined; /* what the guest became */
    wr_identity device;
    wr_pair_window *window;
    wr_pair_guest *guest;

    bool accept;     /* the owner's answer */
    bool hesitate;   /* no answer yet */
    size_t room_max; /* room of each write; 0: all there is */

    /* one run */
    wr_pairing *a, *b;
    wr_err a_err, b_err;
    pair_wire to_a, to_b;
    uint32_t message;  /* writes that had bytes, in both directions */
    uint32_t cut_at;   /* number of the write that is lost with the connection */
    uint32_t bend_at;  /* number of the write that is changed .. */
    size_t bend_byte;  /* .. here .. */
    uint8_t bend_mask; /* .. so; its length is kept in bend_len */
    size_t bend_len;

    uint32_t requests, adds, publishes, sas, joins, a_done, b_done, burnt;
    wr_pair_event request;
    uint8_t request_name[WR_NAME_BYTES_MAX];
    char b_sas[WR_PAIR_SAS_BYTES_MAX];
    uint8_t add[WR_OP_BYTES_MAX]; /* the pending ADD as the owner would store it */
    size_t add_len;
} pair_world;

/* A founded circle of one, a fresh device, an open window. */
int pair_world_start(void **state);
int pair_world_stop(void **state);
/* A new world in place of the old one. */
void pair_world_again(pair_world *w);
void pair_window_open(pair_world *w, wr_role_kind role);
/* Makes the guest of a text, in place of the one before. */
void pair_guest_make(pair_world *w, const char *text);

/* What the owner of a self does after each step: stores what it gives. */
void pair_drain(wr_self *self);
/* Connects, lets both talk until nothing moves, and ends both connections. */
void pair_run(pair_world *w);
/* The parts of it. */
void pair_connect(pair_world *w);
void pair_talk(pair_world *w);
void pair_hang_up(pair_world *w);
/* The guest is a member in both graphs, by one ADD, and both graphs are equal. */
/* A new generation of the host's circle. */
void pair_reset(pair_world *w);
void pair_joined_once(const pair_world *w);
uint32_t pair_add_count(const wr_self *self);

/* ---- a peer of its own ------------------------------------------------------------------- */

typedef struct raw_peer {
    wr_handshake handshake;
    wr_session session;
    uint8_t h[64];
    uint8_t got[WR_FRAME_BODY_MAX];
    size_t got_len;
} raw_peer;

/* Talks as a guest to a host pairing with the psk of a URI in this mode (3 resumes), up to message
 * 3, and gives what the host says to it. */
wr_err raw_guest_third(raw_peer *peer, pair_world *w, wr_pairing *host, const wr_identity *device,
                       uint8_t mode);
/* The same in mode 1, until it has read OFFER. */
void raw_guest(raw_peer *peer, pair_world *w, wr_pairing *host, const wr_identity *device,
               wr_pair_offer *ret_offer);
/* Talks as a host to a guest pairing with the psk of a URI, until message 2 was given to it. */
wr_err raw_host(raw_peer *peer, pair_world *w, wr_pairing *guest, const wr_key *noise,
                uint8_t mode);
/* Reads message 3 from the guest and starts the session. */
void raw_host_third(raw_peer *peer, pair_world *w, wr_pairing *guest);
/* One frame to or from a pairing. */
wr_err raw_send(raw_peer *peer, pair_world *w, wr_pairing *to, wr_frame_type type, wr_slice body);
bool raw_receive(raw_peer *peer, pair_world *w, wr_pairing *from, wr_frame_type type);
/* CERT for the handshake of peer, with this consent's fields. */
wr_err raw_send_cert(raw_peer *peer, pair_world *w, wr_pairing *host, const wr_identity *device,
                     const wr_hash *circle_id, const uint8_t h[64], const wr_hash *sponsor,
                     wr_role_kind role);

#endif /* TESTS_UNIT_ENGINE_PAIR_FIXTURE_H */
