/* Noise transport: two keys with their nonces, sealing and opening the messages after a handshake.
 *
 * Spec:   proto/spec/channel.md 5 (messages), 6 (rekey), 7 (limits)
 * Layer:  channel
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel/transport.h"

#include "base/limits.h"
#include "base/text.h"

#define PLAIN_MAX (WR_NOISE_MESSAGE_MAX - WR_TAG_SIZE)

static wr_direction direction(const wr_key *key, wr_mono now) {
    wr_direction dir = {.used = key != NULL, .rekey_at = WR_MONO_NEVER};
    if (key != NULL) {
        dir.cipher.k = *key;
        dir.rekey_at = wr_mono_add(now, WR_REKEY_MS);
    }
    return dir;
}

void wr_transport_init(wr_transport *t, const wr_key *send, const wr_key *recv, wr_mono now) {
    t->send = direction(send, now);
    t->recv = direction(recv, now);
}

/* Whether one more message of this length may use the key.
 * spec:channel#6.2 "A key MUST NOT protect more than 65,536 messages or 1 GiB of messages." */
static wr_err check_key(const wr_direction *dir, size_t message_len) {
    if (!dir->used)
        return WR_ERR_STATE;
    if (message_len > WR_NOISE_MESSAGE_MAX)
        return WR_ERR_LIMIT;
    if (dir->messages >= WR_REKEY_MESSAGES || dir->bytes + message_len > WR_REKEY_BYTES)
        return WR_ERR_LIMIT;
    return WR_OK;
}

static void count(wr_direction *dir, size_t message_len) {
    dir->messages++;
    dir->bytes += message_len;
    WR_ASSERT(dir->messages <= WR_REKEY_MESSAGES);
    WR_ASSERT(dir->bytes <= WR_REKEY_BYTES);
}

wr_err wr_transport_seal(wr_transport *t, wr_slice plain, wr_buf *out) {
    if (plain.len > PLAIN_MAX)
        return WR_ERR_LIMIT;
    WR_TRY(check_key(&t->send, plain.len + WR_TAG_SIZE));
    WR_TRY(wr_cipher_seal(&t->send.cipher, WR_SLICE_EMPTY, plain, out));
    count(&t->send, plain.len + WR_TAG_SIZE);
    return WR_OK;
}

wr_err wr_transport_open(wr_transport *t, wr_slice message, wr_buf *plain_out) {
    WR_TRY(check_key(&t->recv, message.len));
    WR_TRY(wr_cipher_open(&t->recv.cipher, WR_SLICE_EMPTY, message, plain_out));
    count(&t->recv, message.len);
    return WR_OK;
}

/* Early enough that one more message of any size fits: the one that announces the new key. */
bool wr_transport_rekey_due(const wr_transport *t, wr_mono now) {
    const wr_direction *dir = &t->send;
    if (!dir->used)
        return false;
    return dir->messages >= WR_REKEY_MESSAGES - 1 ||
           dir->bytes > WR_REKEY_BYTES - 2 * WR_NOISE_MESSAGE_MAX ||
           wr_mono_reached(dir->rekey_at, now);
}

wr_mono wr_transport_deadline(const wr_transport *t) {
    return t->send.rekey_at;
}

static wr_err rekey(wr_direction *dir, wr_mono now) {
    if (!dir->used)
        return WR_ERR_STATE;
    /* spec:channel#6.3 "A REKEY under a key that has protected no message MUST end the channel." */
    if (dir->messages == 0)
        return WR_ERR_STATE;
    wr_cipher_rekey(&dir->cipher);
    dir->messages = 0;
    dir->bytes = 0;
    dir->rekey_at = wr_mono_add(now, WR_REKEY_MS);
    return WR_OK;
}

wr_err wr_transport_rekey_send(wr_transport *t, wr_mono now) {
    return rekey(&t->send, now);
}

wr_err wr_transport_rekey_recv(wr_transport *t, wr_mono now) {
    return rekey(&t->recv, now);
}

size_t wr_transport_pad(size_t plain_len) {
    WR_ASSERT(plain_len <= WR_TRANSPORT_PLAIN_MAX);
    size_t padded = wr_padme(plain_len, WR_TRANSPORT_PLAIN_MIN);
    WR_ASSERT(padded <= WR_TRANSPORT_PLAIN_MAX);
    return padded;
}

void wr_transport_wipe(wr_transport *t) {
    wr_wipe(t, sizeof *t);
}
