/* Noise transport: two keys with their nonces, sealing and opening the messages after a handshake.
 *
 *   handshake -> split -> { seal | open | rekey }* -> wipe
 *
 * Spec:   proto/spec/channel.md 5 (messages), 6 (rekey), 7 (limits)
 * Layer:  channel.  No sockets, no clock, no allocation.
 * Owner:  lives inside its owner; fields are private to transport.c.  Holds secrets.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CHANNEL_TRANSPORT_H
#define WR_CHANNEL_TRANSPORT_H

#include "base/base.h"
#include "channel/symmetric.h"

typedef struct wr_direction {
    bool used; /* false for the way back of a one-way pattern */
    wr_cipher cipher;
    uint64_t messages; /* under the present key */
    uint64_t bytes;    /* of those messages on the wire */
    wr_mono rekey_at;
} wr_direction;

typedef struct wr_transport {
    wr_direction send;
    wr_direction recv;
} wr_transport;

/* Starts both directions at nonce 0.  NULL for a direction that the pattern does not have. */
void wr_transport_init(wr_transport *t, const wr_key *send, const wr_key *recv, wr_mono now);

/* Appends one message to out.  plain may start at out->ptr + out->len.
 *   STATE  this side does not send
 *   LIMIT  plain is over 65,519 bytes, or the key is used up: rekey was due long ago
 *   NOBUF  out is too small
 * On error neither t nor out->len has changed. */
WR_MUST wr_err wr_transport_seal(wr_transport *t, wr_slice plain, wr_buf *out);

/* Appends the plaintext of the peer's next message.  message may start at out->ptr + out->len; it
 * is then gone also on error.
 *   STATE            this side does not receive
 *   LIMIT            longer than a Noise message, or the peer did not rekey in time: end the link
 *   TRUNCATED, AUTH  not the next message of the peer: end the link
 *   NOBUF            plain_out is too small
 * On error neither t nor plain_out->len has changed. */
WR_MUST wr_err wr_transport_open(wr_transport *t, wr_slice message, wr_buf *plain_out);

/* Whether the next message has to be the last one under its key, and when that will be so at the
 * latest.  A sender that asks before each message never sees LIMIT. */
WR_MUST bool wr_transport_rekey_due(const wr_transport *t, wr_mono now);
wr_mono wr_transport_deadline(const wr_transport *t);

/* After the message that announced it was sealed, or opened.
 *   STATE  no message was sealed or opened under the present key (a second REKEY in a row), or the
 *          direction is not used: the peer's fault when receiving, ours when sending */
WR_MUST wr_err wr_transport_rekey_send(wr_transport *t, wr_mono now);
WR_MUST wr_err wr_transport_rekey_recv(wr_transport *t, wr_mono now);

/* The size to which a plaintext of len bytes is padded: Padme, at least 64.
 * len is at most WR_TRANSPORT_PLAIN_MAX. */
size_t wr_transport_pad(size_t plain_len);

void wr_transport_wipe(wr_transport *t);

#endif /* WR_CHANNEL_TRANSPORT_H */
