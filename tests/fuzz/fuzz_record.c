/* Fuzzes how a byte stream becomes records, and a message's plaintext frames.
 *
 * Target: wr_record_read, _done, _wipe, wr_frame_take, wr_frame_put.
 * Input:  1 byte  number of cuts c (mod 16), 1 byte  the largest message allowed (mod 3), c bytes
 *         lengths of the pieces (0: none is cut), used in turn; then the stream.
 * Oracle: a reader of two lines says which records there are and how the stream ends; whatever the
 *         cuts, the records are these, nothing else is read, and between records no memory is
 *         held.  Frames of a record, put again and padded with zeros, are the record.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "wire/record.h"

#define CUTS_MAX 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t again[WR_NOISE_MESSAGE_MAX];

static void check_frames(wr_slice message) {
    wr_buf out = wr_buf_of(again, message.len);
    wr_slice in = message;
    for (bool have = true; have;) {
        const wr_slice before = in, none = WR_SLICE_EMPTY;
        wr_slice body = none;
        uint8_t type = 0;
        wr_err err = wr_frame_take(&in, &type, &body, &have);
        if (err != WR_OK) {
            WR_ASSERT(err == WR_ERR_FORMAT || err == WR_ERR_TRUNCATED);
            WR_ASSERT(in.ptr == before.ptr && in.len == before.len);
            WR_ASSERT(type == 0 && body.ptr == none.ptr && body.len == 0);
            return;
        }
        if (!have)
            break;
        WR_ASSERT(type != 0);
        WR_ASSERT(wr_frame_put(&out, type, body) == WR_OK);
        WR_ASSERT(out.len == message.len - in.len);
    }
    WR_ASSERT(in.len == 0);
    WR_ASSERT(wr_buf_put_zeros(&out, wr_buf_room(&out)) == WR_OK);
    WR_ASSERT(wr_equal(wr_buf_slice(&out), message));
}

/* The model: the next record of the stream.  TRUNCATED: it has not come whole. */
static wr_err expect(wr_slice *stream, uint32_t max, wr_slice *ret_record) {
    wr_slice rest = *stream;
    uint16_t len;
    if (!wr_slice_take_u16(&rest, &len))
        return WR_ERR_TRUNCATED;
    if (len == 0)
        return WR_ERR_FORMAT;
    if (len > max)
        return WR_ERR_LIMIT;
    if (!wr_slice_take(&rest, len, ret_record))
        return WR_ERR_TRUNCATED;
    *stream = rest;
    return WR_OK;
}

/* What one piece brings; false: the stream is over by an error, as the model says, too. */
static bool read_piece(wr_record_reader *reader, wr_slice piece, uint32_t max, wr_slice *model) {
    while (piece.len != 0) {
        bool have;
        wr_slice want, unused;
        wr_err err = wr_record_read(reader, &piece, max, &have);
        if (err != WR_OK) {
            WR_ASSERT(err == expect(model, max, &unused));
            return false;
        }
        WR_ASSERT(reader->want <= max);
        WR_ASSERT(reader->len <= reader->want);
        WR_ASSERT(have || piece.len == 0);
        if (!have)
            return true;
        WR_ASSERT(expect(model, max, &want) == WR_OK);
        WR_ASSERT(wr_equal(wr_slice_of(reader->buf, reader->want), want));
        check_frames(wr_slice_of(reader->buf, reader->want));
        wr_record_done(reader);
        WR_ASSERT(reader->buf == NULL);
    }
    return true;
}

static void read_stream(wr_slice stream, wr_slice cuts, uint32_t max) {
    wr_record_reader reader = {.buf = NULL};
    wr_slice model = stream, piece, unused;
    bool good = true;
    for (size_t turn = 0; good && stream.len != 0; turn++) {
        size_t len = cuts.len == 0 ? 0 : cuts.ptr[turn % cuts.len];
        WR_ASSERT(wr_slice_take(&stream, len == 0 || len > stream.len ? stream.len : len, &piece));
        good = read_piece(&reader, piece, max, &model);
    }
    if (good)
        WR_ASSERT(expect(&model, max, &unused) == WR_ERR_TRUNCATED);
    wr_record_wipe(&reader);
    WR_ASSERT(reader.buf == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t limits[] = {64, WR_HANDSHAKE_MESSAGE_MAX, WR_NOISE_MESSAGE_MAX};
    wr_slice in = wr_slice_of(data, size), cuts;
    uint8_t count, limit;
    if (!wr_slice_take_u8(&in, &count) || !wr_slice_take_u8(&in, &limit) ||
        !wr_slice_take(&in, count % CUTS_MAX, &cuts))
        return 0;
    read_stream(in, WR_SLICE_EMPTY, limits[limit % WR_COUNT(limits)]);
    read_stream(in, cuts, limits[limit % WR_COUNT(limits)]);
    return 0;
}
