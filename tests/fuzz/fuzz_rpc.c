/* The decoder of the local API, fed by a stranger's stream.
 *
 * Target: rpc_reader, rpc_decode, rpc_parse, rpc_encode.
 * Input:  1 byte  size of the pieces the stream comes in (0: all at once), then the stream.
 * Oracle: no crash, no leak; pieces give the same values as the whole; what was decoded encodes,
 *         and that decodes to the same bytes again; a failure is final.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "api/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond) {
    if (!cond)
        abort();
}

/* Encodes, decodes, encodes: the two texts are equal.  The first may be shorter than the input. */
static void check_round_trip(const warren_value *value) {
    rpc_bytes first = {0}, second = {0};
    warren_value *again = NULL;
    wr_err err = rpc_encode(value, &first);
    must(err == WR_OK);
    err = rpc_decode(wr_slice_of(first.ptr, first.len), &again);
    must(err == WR_OK);
    err = rpc_encode(again, &second);
    must(err == WR_OK);
    must(wr_equal(wr_slice_of(first.ptr, first.len), wr_slice_of(second.ptr, second.len)));
    warren_value_free(again);
    rpc_bytes_wipe(&first);
    rpc_bytes_wipe(&second);
}

static void check_message(const warren_value *frame) {
    rpc_message message;
    const char *problem = NULL;
    if (rpc_parse(frame, &message, &problem) != WR_OK) {
        must(problem != NULL);
        return;
    }
    if (message.method)
        must(warren_type_of(message.params) == WARREN_MAP || message.params == NULL);
}

/* How many values come, and how it ends. */
typedef struct outcome {
    size_t values;
    wr_err end;
} outcome;

static outcome read_stream(wr_slice stream, size_t piece) {
    rpc_reader *reader = NULL;
    outcome got = {0, WR_ERR_TRUNCATED};
    wr_err err = rpc_reader_new(&reader);
    must(err == WR_OK);
    while (stream.len > 0 && got.end == WR_ERR_TRUNCATED) {
        wr_buf room = rpc_reader_room(reader);
        must(room.cap > 0);
        size_t len = stream.len < piece ? stream.len : piece;
        len = len < room.cap ? len : room.cap;
        memcpy(room.ptr, stream.ptr, len);
        rpc_reader_filled(reader, len);
        stream = wr_slice_of(stream.ptr + len, stream.len - len);
        warren_value *value = NULL;
        while ((got.end = rpc_reader_next(reader, &value)) == WR_OK) {
            check_round_trip(value);
            check_message(value);
            warren_value_free(value);
            got.values++;
        }
    }
    if (got.end != WR_ERR_TRUNCATED) {
        warren_value *value = NULL;
        uint32_t msgid = 0;
        must(rpc_reader_next(reader, &value) == got.end);
        (void)!rpc_reader_broken_msgid(reader, &msgid);
    }
    rpc_reader_free(reader);
    return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    wr_slice stream = wr_slice_of(data + 1, size - 1);
    outcome whole = read_stream(stream, SIZE_MAX);
    if (data[0] > 0) {
        outcome pieces = read_stream(stream, data[0]);
        must(pieces.values == whole.values);
        must(pieces.end == whole.end);
    }
    warren_value *value = NULL;
    wr_err err = rpc_decode(stream, &value);
    if (err == WR_OK) {
        must(whole.values == 1 && whole.end == WR_ERR_TRUNCATED);
        warren_value_free(value);
    }
    return 0;
}
