/* Records and frames: how a byte stream carries Noise messages, and a message carries frames.
 *
 *   stream:  { length u16be | Noise message }*
 *   message: { type u8 | flags u8 | length u32be | body }* | zero padding (type 0)
 *
 * Spec:   proto/spec/wire.md 2, 3
 * Layer:  wire
 * Owner:  lives in a link or a pairing.  The buffer exists only while a record is incomplete or
 *         being read, so an idle link holds none.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_WIRE_RECORD_H
#define WR_WIRE_RECORD_H

#include "base/base.h"
#include "base/limits.h"

#define WR_RECORD_HEADER_SIZE 2u
#define WR_RECORD_MAX (WR_RECORD_HEADER_SIZE + WR_NOISE_MESSAGE_MAX)

typedef struct wr_record_reader {
    uint8_t *buf; /* one Noise message; NULL while none is needed */
    uint8_t header[WR_RECORD_HEADER_SIZE];
    uint32_t header_len;
    uint32_t want; /* bytes of the message under way; 0 between records */
    uint32_t len;
} wr_record_reader;

/* Takes bytes off in until one record is complete (ret_have) or in is empty.  The message stands
 * in reader->buf[0..want) until wr_record_done; decrypt it in place.
 *   FORMAT  an empty record     NOMEM */
WR_MUST wr_err wr_record_read(wr_record_reader *reader, wr_slice *in, uint32_t message_max,
                              bool *ret_have);
void wr_record_done(wr_record_reader *reader);
void wr_record_wipe(wr_record_reader *reader);

/* Appends one frame.  NOBUF if it does not fit. */
WR_MUST wr_err wr_frame_put(wr_buf *out, uint8_t type, wr_slice body);
/* Takes the next frame off a message's plaintext; false at its end or where the padding starts.
 *   FORMAT, TRUNCATED  bad length, unknown flags, or padding that is not zero */
WR_MUST wr_err wr_frame_take(wr_slice *in, uint8_t *ret_type, wr_slice *ret_body, bool *ret_have);

#endif /* WR_WIRE_RECORD_H */
