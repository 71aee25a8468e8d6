/* Record assembly and frame headers, both directions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "wire/record.h"

#include <stdlib.h>

static wr_err start_message(wr_record_reader *reader, uint32_t message_max) {
    uint32_t len = (uint32_t)reader->header[0] << 8 | reader->header[1];
    if (len == 0)
        return WR_ERR_FORMAT;
    if (len > message_max)
        return WR_ERR_LIMIT;
    WR_ASSERT(reader->buf == NULL);
    reader->buf = malloc(len);
    if (reader->buf == NULL)
        return WR_ERR_NOMEM;
    reader->want = len;
    reader->len = 0;
    return WR_OK;
}

wr_err wr_record_read(wr_record_reader *reader, wr_slice *in, uint32_t message_max,
                      bool *ret_have) {
    while (reader->want == 0 && reader->header_len < WR_RECORD_HEADER_SIZE) {
        if (!wr_slice_take_u8(in, &reader->header[reader->header_len])) {
            *ret_have = false;
            return WR_OK;
        }
        reader->header_len++;
    }
    if (reader->want == 0)
        WR_TRY(start_message(reader, message_max));
    wr_slice part;
    size_t missing = reader->want - reader->len;
    bool taken = wr_slice_take(in, in->len < missing ? in->len : missing, &part);
    WR_ASSERT(taken);
    if (part.len != 0)
        memcpy(reader->buf + reader->len, part.ptr, part.len);
    reader->len += (uint32_t)part.len;
    *ret_have = reader->len == reader->want;
    return WR_OK;
}

void wr_record_done(wr_record_reader *reader) {
    free(reader->buf);
    *reader = (wr_record_reader){.buf = NULL};
}

void wr_record_wipe(wr_record_reader *reader) {
    if (reader->buf != NULL)
        wr_wipe(reader->buf, reader->want);
    wr_record_done(reader);
}

wr_err wr_frame_put(wr_buf *out, uint8_t type, wr_slice body) {
    WR_ASSERT(type != 0);
    if (wr_buf_room(out) < WR_FRAME_HEADER_SIZE + body.len)
        return WR_ERR_NOBUF;
    WR_TRY(wr_buf_put_u8(out, type));
    WR_TRY(wr_buf_put_u8(out, 0));
    WR_TRY(wr_buf_put_u32(out, (uint32_t)body.len));
    return wr_buf_put(out, body);
}

wr_err wr_frame_take(wr_slice *in, uint8_t *ret_type, wr_slice *ret_body, bool *ret_have) {
    wr_slice rest = *in, body;
    uint8_t type = 0, flags;
    uint32_t len;
    if (!wr_slice_take_u8(&rest, &type) || type == 0) {
        if (!wr_is_zero(*in))
            return WR_ERR_FORMAT;
        *in = WR_SLICE_EMPTY;
        *ret_have = false;
        return WR_OK;
    }
    if (!wr_slice_take_u8(&rest, &flags) || !wr_slice_take_u32(&rest, &len) ||
        !wr_slice_take(&rest, len, &body))
        return WR_ERR_TRUNCATED;
    if (flags != 0)
        return WR_ERR_FORMAT;
    *in = rest;
    *ret_type = type;
    *ret_body = body;
    *ret_have = true;
    return WR_OK;
}
