/* Fuzzes a session: frames in, a byte stream that the network cuts and bends, frames out.
 *
 * Target: wr_session_begin, _end, _next, and rekeying in between.
 * Input:  steps of 1 byte  what (mod 6) and its arguments, see step.
 * Oracle: the frames that were put come out, in order and whole, however the stream is cut; from
 *         the first byte that was changed, dropped or put in on nothing comes out but what was put
 *         before it; nothing is lost if nothing was changed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sync/session.h"

#include "base/limits.h"

#define PIPE_SIZE (256u * 1024u)
#define FRAMES_MAX 512u
#define BODY_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct frame {
    uint8_t type;
    uint16_t len;
    uint8_t fill;
} frame;

typedef struct run {
    wr_session ends[2];
    wr_mono now;
    uint8_t pipe[PIPE_SIZE];
    size_t written, read;
    frame frames[FRAMES_MAX];
    uint32_t put, got;
    bool bent; /* the stream is not what was written any more */
    bool over;
} run;

static run r;

static void fill_counted(void *ctx, uint8_t *out, size_t len) {
    uint8_t *next = ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = (*next)++;
}

/* NN: nobody has a static key. */
static void start(void) {
    uint8_t bytes[WR_HANDSHAKE_MESSAGE_MAX], none[1], counter = 1;
    wr_handshake hs[2];
    wr_pattern pattern;
    WR_ASSERT(wr_pattern_find(wr_slice_str("NN"), &pattern) == WR_OK);
    for (unsigned i = 0; i < 2; i++) {
        wr_handshake_config config = {.pattern = &pattern,
                                      .hash = WR_BLAKE2B,
                                      .role = i == 0 ? WR_INITIATOR : WR_RESPONDER,
                                      .rng = {fill_counted, &counter},
                                      .now = r.now};
        WR_ASSERT(wr_handshake_init(&hs[i], &config) == WR_OK);
    }
    for (unsigned m = 0; m < 2; m++) {
        wr_buf message = WR_BUF_ARRAY(bytes), payload = wr_buf_of(none, 0);
        WR_ASSERT(wr_handshake_write(&hs[m], WR_SLICE_EMPTY, &message, r.now) == WR_OK);
        WR_ASSERT(wr_handshake_read(&hs[1 - m], wr_buf_slice(&message), &payload, r.now) == WR_OK);
    }
    for (unsigned i = 0; i < 2; i++) {
        wr_session_init(&r.ends[i]);
        wr_session_start(&r.ends[i], &hs[i], r.now);
    }
}

/* A message of up to 8 frames, as the next bytes say. */
static void say(wr_slice *in) {
    static uint8_t body[BODY_MAX];
    wr_buf out = wr_buf_of(r.pipe, sizeof r.pipe), plain;
    uint8_t count, type, fill;
    uint16_t len;
    out.len = r.written;
    if (!wr_slice_take_u8(in, &count) || !wr_session_begin(&r.ends[0], &out, &plain))
        return;
    for (count %= 8; count > 0 && r.put < FRAMES_MAX; count--) {
        if (!wr_slice_take_u8(in, &type) || !wr_slice_take_u16(in, &len) ||
            !wr_slice_take_u8(in, &fill))
            break;
        len = (uint16_t)(len % BODY_MAX);
        memset(body, fill, len);
        if (type == 0 || type == WR_FRAME_REKEY ||
            wr_frame_put(&plain, type, wr_slice_of(body, len)) != WR_OK)
            continue;
        r.frames[r.put++] = (frame){type, len, fill};
    }
    WR_ASSERT(wr_session_end(&r.ends[0], &plain, &out, r.now) == WR_OK);
    r.written = out.len;
}

static void check_frame(uint8_t type, wr_slice body) {
    WR_ASSERT(r.got < r.put);
    const frame *want = &r.frames[r.got++];
    WR_ASSERT(type == want->type);
    WR_ASSERT(body.len == want->len);
    for (size_t i = 0; i < body.len; i++)
        WR_ASSERT(body.ptr[i] == want->fill);
}

static void hear(size_t len) {
    size_t left = r.written - r.read;
    wr_slice in = wr_slice_of(r.pipe + r.read, len < left ? len : left);
    r.read += in.len;
    for (bool have = true; have && !r.over;) {
        uint8_t type = 0;
        wr_slice body = WR_SLICE_EMPTY;
        wr_err err = wr_session_next(&r.ends[1], &in, r.now, &type, &body, &have);
        if (err != WR_OK) {
            WR_ASSERT(r.bent);
            r.over = true;
        } else if (have) {
            check_frame(type, body);
        } else {
            WR_ASSERT(in.len == 0);
        }
    }
}

/* Changes, drops or puts in bytes of what is under way. */
static void bend(wr_slice *in) {
    uint16_t at;
    uint8_t how, value;
    if (!wr_slice_take_u16(in, &at) || !wr_slice_take_u8(in, &how) ||
        !wr_slice_take_u8(in, &value) || r.read == r.written || value == 0)
        return;
    size_t place = r.read + at % (r.written - r.read), rest = r.written - place;
    if (how % 3 == 0) {
        r.pipe[place] ^= value;
    } else if (how % 3 == 1) {
        size_t lost = value < rest ? value : rest;
        memmove(r.pipe + place, r.pipe + place + lost, rest - lost);
        r.written -= lost;
    } else if (r.written + value <= sizeof r.pipe) {
        memmove(r.pipe + place + value, r.pipe + place, rest);
        memset(r.pipe + place, how, value);
        r.written += value;
    } else {
        return;
    }
    r.bent = true;
}

/* False when the input ends. */
static bool step(wr_slice *in) {
    uint8_t what, len;
    if (!wr_slice_take_u8(in, &what))
        return false;
    switch (what % 6) {
    case 0:
    case 1:
        say(in);
        return true;
    case 2: /* some bytes arrive */
        if (!wr_slice_take_u8(in, &len))
            return false;
        hear(len);
        return true;
    case 3: /* all of them */
        hear(SIZE_MAX);
        return true;
    case 4: /* the key gets old: the next message is its last one */
        r.now.ms += 25ull * 60 * 60 * 1000;
        return true;
    default:
        bend(in);
        return true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wr_slice in = wr_slice_of(data, size);
    WR_ASSERT(wr_crypto_init() == WR_OK);
    r.now.ms = 1;
    r.written = r.read = 0;
    r.put = r.got = 0;
    r.bent = r.over = false;
    start();
    while (step(&in))
        continue;
    hear(SIZE_MAX);
    WR_ASSERT(r.bent || r.got == r.put);
    wr_session_wipe(&r.ends[0]);
    wr_session_wipe(&r.ends[1]);
    return 0;
}
