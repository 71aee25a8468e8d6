/* Records in, frames out, and back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sync/session.h"

void wr_session_init(wr_session *session) {
    memset(session, 0, sizeof *session);
}

void wr_session_wipe(wr_session *session) {
    wr_record_wipe(&session->records);
    wr_transport_wipe(&session->transport);
    wr_wipe(session, sizeof *session);
}

wr_err wr_session_raw(wr_session *session, wr_slice *in, wr_slice *ret_record, bool *ret_have) {
    WR_ASSERT(!session->started);
    /* spec:wire#2.2 "Until a side's handshake is complete it MUST refuse a record of more than
     * 512 bytes" */
    WR_TRY(wr_record_read(&session->records, in, WR_HANDSHAKE_MESSAGE_MAX, ret_have));
    if (*ret_have)
        *ret_record = wr_slice_of(session->records.buf, session->records.want);
    return WR_OK;
}

void wr_session_raw_done(wr_session *session) {
    wr_record_done(&session->records);
}

wr_err wr_session_raw_put(wr_slice message, wr_buf *out) {
    WR_ASSERT(message.len != 0 && message.len <= WR_HANDSHAKE_MESSAGE_MAX);
    if (wr_buf_room(out) < WR_RECORD_HEADER_SIZE + message.len)
        return WR_ERR_NOBUF;
    WR_TRY(wr_buf_put_u16(out, (uint16_t)message.len));
    return wr_buf_put(out, message);
}

void wr_session_start(wr_session *session, wr_handshake *handshake, wr_mono now) {
    WR_ASSERT(!session->started);
    WR_ASSERT(session->records.buf == NULL);
    wr_handshake_split(handshake, &session->transport, now);
    session->started = true;
}

/* Opens the complete record in place. */
static wr_err open_message(wr_session *session) {
    wr_record_reader *records = &session->records;
    wr_buf plain = wr_buf_of(records->buf, records->want);
    WR_TRY(
        wr_transport_open(&session->transport, wr_slice_of(records->buf, records->want), &plain));
    session->frames = wr_buf_slice(&plain);
    session->reading = true;
    return WR_OK;
}

static wr_err end_message(wr_session *session, wr_mono now) {
    wr_record_wipe(&session->records);
    session->reading = false;
    if (!session->rekey_heard)
        return WR_OK;
    session->rekey_heard = false;
    return wr_transport_rekey_recv(&session->transport, now);
}

wr_err wr_session_next(wr_session *session, wr_slice *in, wr_mono now, uint8_t *ret_type,
                       wr_slice *ret_body, bool *ret_have) {
    WR_ASSERT(session->started);
    for (;;) {
        if (!session->reading) {
            /* spec:wire#2.1 "A reader MUST refuse a record of length 0." */
            WR_TRY(wr_record_read(&session->records, in, WR_NOISE_MESSAGE_MAX, ret_have));
            if (!*ret_have)
                return WR_OK;
            WR_TRY(open_message(session));
        }
        /* spec:wire#3.1 "A frame MUST end within its message."
         * spec:wire#3.1 "all bytes from there on MUST be zero."
         * spec:wire#3.1 "A reader MUST refuse flags other than 0." */
        WR_TRY(wr_frame_take(&session->frames, ret_type, ret_body, ret_have));
        if (!*ret_have) {
            WR_TRY(end_message(session, now));
            continue;
        }
        /* spec:wire#4.2 "REKEY MUST be the last frame under the old key." */
        if (session->rekey_heard)
            return WR_ERR_FORMAT;
        if (*ret_type != WR_FRAME_REKEY)
            return WR_OK;
        session->rekey_heard = true;
    }
}

bool wr_session_begin(const wr_session *session, const wr_buf *out, wr_buf *ret_plain) {
    WR_ASSERT(session->started);
    if (wr_buf_room(out) < WR_SESSION_OVERHEAD + WR_TRANSPORT_PLAIN_MIN)
        return false;
    /* The largest plaintext whose padding still fits; REKEY's header stays free. */
    size_t room = wr_buf_room(out) - WR_RECORD_HEADER_SIZE - WR_TAG_SIZE;
    size_t cap = room < WR_TRANSPORT_PLAIN_MAX ? room : WR_TRANSPORT_PLAIN_MAX;
    while (wr_transport_pad(cap) > room)
        cap -= cap / 16;
    *ret_plain = wr_buf_of(out->ptr + out->len + WR_RECORD_HEADER_SIZE, cap - WR_FRAME_HEADER_SIZE);
    return true;
}

wr_err wr_session_end(wr_session *session, wr_buf *plain, wr_buf *out, wr_mono now) {
    if (plain->len == 0)
        return WR_OK;
    bool rekey = wr_transport_rekey_due(&session->transport, now);
    plain->cap += WR_FRAME_HEADER_SIZE;
    /* spec:wire#4.1 "Such a message MUST announce the change by REKEY." */
    if (rekey)
        WR_TRY(wr_frame_put(plain, WR_FRAME_REKEY, WR_SLICE_EMPTY));
    /* spec:wire#3.2 "A writer MUST pad the plaintext of every message to a size of channel.md
     * 5.3." */
    size_t padded = wr_transport_pad(plain->len);
    plain->cap = padded;
    WR_TRY(wr_buf_put_zeros(plain, padded - plain->len));
    wr_buf next = wr_buf_of(plain->ptr, padded + WR_TAG_SIZE);
    WR_TRY(wr_transport_seal(&session->transport, wr_buf_slice(plain), &next));
    WR_TRY(wr_buf_put_u16(out, (uint16_t)next.len));
    out->len += next.len;
    return rekey ? wr_transport_rekey_send(&session->transport, now) : WR_OK;
}
