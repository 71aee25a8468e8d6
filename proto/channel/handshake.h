/* Noise handshake: one exchange of messages that ends in a transport.
 *
 *   init -> { read | write }* -> DONE -> split -> wipe
 *
 * Spec:   proto/spec/channel.md 4 (messages), 7 (limits)
 * Layer:  channel.  No sockets, no clock, no allocation.
 * Owner:  the struct lives inside its owner (wr_link); its fields are private
 *         to handshake.c.  Holds secrets: end every life with wr_handshake_wipe.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CHANNEL_HANDSHAKE_H
#define WR_CHANNEL_HANDSHAKE_H

#include "base/base.h"
#include "base/limits.h"
#include "channel/pattern.h"
#include "channel/symmetric.h"
#include "channel/transport.h"

/* What the owner has to do next. */
typedef enum wr_handshake_turn {
    WR_TURN_WRITE, /* call wr_handshake_write */
    WR_TURN_READ,  /* wait for the peer's message */
    WR_TURN_DONE,  /* call wr_handshake_split, once */
} wr_handshake_turn;

/* Everything is copied or only read during init. */
typedef struct wr_handshake_config {
    const wr_pattern *pattern;
    wr_hash_alg hash;
    wr_role role;
    wr_slice prologue;
    const wr_key *s;    /* own static secret, if the pattern has one for this role */
    const wr_pub *rs;   /* the peer's static key, if the pattern knows it beforehand, else NULL */
    const wr_key *psks; /* in the order of the pattern's psk tokens */
    size_t psk_count;
    wr_rng rng; /* makes the ephemeral secret; its context outlives the handshake */
    wr_mono now;
    uint32_t timeout_ms; /* from now to DONE; 0 means WR_HANDSHAKE_MS_MAX */
    size_t message_max;  /* bytes on the wire; 0 means WR_HANDSHAKE_MESSAGE_MAX */
} wr_handshake_config;

typedef struct wr_handshake {
    wr_symmetric sym;
    wr_key s, e; /* own static and ephemeral secret */
    wr_pub s_pub, e_pub;
    wr_pub rs, re; /* peer's static and ephemeral key */
    bool has_rs;
    wr_key psks[WR_PATTERN_PSKS_MAX];
    uint8_t psk_count;
    uint8_t next_psk;
    uint8_t tokens[WR_PATTERN_TOKENS_MAX];
    uint8_t next_token;
    wr_role role;
    wr_handshake_turn turn;
    wr_mono deadline;
    wr_rng rng;
    size_t message_max;
} wr_handshake;

/* Starts the pattern.
 *   STATE  a key that the pattern needs is missing, or one is given that it does not take
 *   LIMIT  message_max is over 65,535
 * On error hs is as it was. */
WR_MUST wr_err wr_handshake_init(wr_handshake *hs, const wr_handshake_config *config);

/* Appends the next message, carrying payload, to out.
 *   STATE    it is not our turn
 *   TIMEOUT  the deadline passed
 *   LIMIT    the message would be over message_max
 *   NOBUF    out is too small
 *   BAD_KEY  the peer's last message held a key of low order, which shows only now
 * On error neither hs nor out->len has changed. */
WR_MUST wr_err wr_handshake_write(wr_handshake *hs, wr_slice payload, wr_buf *out, wr_mono now);

/* Consumes the peer's next message whole; appends its payload to payload_out, which does not
 * overlap it.
 *   STATE, TIMEOUT, NOBUF                as above
 *   LIMIT, TRUNCATED, BAD_KEY, AUTH      the message is bad: drop it, or the peer
 * AUTH is also the answer to our own ephemeral key sent back.
 * On error neither hs nor payload_out->len has changed, so a forged message cannot end an honest
 * handshake.  Message 1 may prove nothing, and then a responder keeps one wr_handshake per source
 * (channel.md 4.5). */
WR_MUST wr_err wr_handshake_read(wr_handshake *hs, wr_slice message, wr_buf *payload_out,
                                 wr_mono now);

wr_handshake_turn wr_handshake_whose_turn(const wr_handshake *hs);

/* The peer's static key: NULL until it is known from the start or from an accepted message.  Its
 * possession is proved when the handshake is DONE and not before.  Borrowed until hs is wiped. */
const wr_pub *wr_handshake_remote_static(const wr_handshake *hs);

/* The channel-binding hash, 32 or 64 bytes; the same on both sides, and only legal in
 * WR_TURN_DONE before the split.  Borrowed until hs is wiped. */
wr_slice wr_handshake_hash(const wr_handshake *hs);

/* When to give up; WR_MONO_NEVER once DONE. */
wr_mono wr_handshake_deadline(const wr_handshake *hs);

/* Hands over the transport keys and wipes hs.  Only legal in WR_TURN_DONE.  In a one-way pattern
 * the initiator only seals and the responder only opens. */
void wr_handshake_split(wr_handshake *hs, wr_transport *ret_transport, wr_mono now);

void wr_handshake_wipe(wr_handshake *hs);

#endif /* WR_CHANNEL_HANDSHAKE_H */
