/* A session's bytes: handshake messages first, then sealed messages full of frames, with rekeying.
 *
 *   raw records (handshake) -> wr_session_start -> { next frame | begin, put frames, end }*
 *
 * What the frames mean is the business of engine/link and engine/pairing.
 *
 * Spec:   proto/spec/wire.md 2 to 4
 * Layer:  sync
 * Owner:  lives in a link or a pairing; holds secrets, ends with wr_session_wipe.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_SYNC_SESSION_H
#define WR_SYNC_SESSION_H

#include "base/base.h"
#include "channel/handshake.h"
#include "channel/transport.h"
#include "wire/message.h"
#include "wire/record.h"

typedef struct wr_session {
    wr_record_reader records;
    wr_transport transport;
    bool started;     /* the handshake is over: records are sealed messages */
    bool rekey_heard; /* the message being read ends the peer's key */
    bool reading;     /* records holds an opened message, frames are what is left of it */
    wr_slice frames;
} wr_session;

void wr_session_init(wr_session *session);
void wr_session_wipe(wr_session *session);

/* Handshake phase: the next whole record off in; call wr_session_raw_done after using it. */
WR_MUST wr_err wr_session_raw(wr_session *session, wr_slice *in, wr_slice *ret_record,
                              bool *ret_have);
void wr_session_raw_done(wr_session *session);
/* Appends message as one record.  NOBUF. */
WR_MUST wr_err wr_session_raw_put(wr_slice message, wr_buf *out);
/* The handshake is DONE: takes its keys. */
void wr_session_start(wr_session *session, wr_handshake *handshake, wr_mono now);

/* The next frame; ret_have false when in is used up.  body lives until the next call.  REKEY is
 * obeyed here and not returned.  Any error ends the session. */
WR_MUST wr_err wr_session_next(wr_session *session, wr_slice *in, wr_mono now, uint8_t *ret_type,
                               wr_slice *ret_body, bool *ret_have);

/* Bytes that a message needs in out besides its frames. */
#define WR_SESSION_OVERHEAD (WR_RECORD_HEADER_SIZE + WR_TAG_SIZE + WR_FRAME_HEADER_SIZE)
/* Starts a message in out: put frames (wr_frame_put) into ret_plain, then end it.  False if out
 * has no room for the smallest message. */
WR_MUST bool wr_session_begin(const wr_session *session, const wr_buf *out, wr_buf *ret_plain);
/* Pads and seals what was put; nothing put: nothing is sent. */
WR_MUST wr_err wr_session_end(wr_session *session, wr_buf *plain, wr_buf *out, wr_mono now);

#endif /* WR_SYNC_SESSION_H */
