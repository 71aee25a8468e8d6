/* Writes what real devices said as first inputs for the fuzzers of messages, records, links and
 * recovery words.
 *
 *   fuzz-seeds FOLDER     FOLDER/fuzz_<module>/seed-<n>, to be minimized by -merge=1
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "liar.h"

#include "circle/recovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SEED_MAX 32768u

static const char *folder;
static uint8_t bytes[SEED_MAX];

static void write_seed(const char *module, const wr_buf *seed) {
    static unsigned number;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/fuzz_%s", folder, module);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof path, "%s/fuzz_%s/seed-%03u", folder, module, number++);
    FILE *file = fopen(path, "wb");
    T_TRUE(file != NULL);
    T_EQ(fwrite(seed->ptr, 1, seed->len, file), seed->len);
    T_EQ(fclose(file), 0);
}

static void put_u8(wr_buf *out, unsigned value) {
    T_OK(wr_buf_put_u8(out, (uint8_t)value));
}

static void put_counted(wr_buf *out, wr_slice part) {
    T_OK(wr_buf_put_u16(out, (uint16_t)part.len));
    T_OK(wr_buf_put(out, part));
}

static wr_slice body_of(const cast_frame *frame) {
    return wr_slice_of(frame->body, frame->len);
}

/* ---- bodies ---- */

/* Where fuzz_message has its kinds. */
static int kind_of(uint8_t type) {
    static const uint8_t types[] = {
        WR_FRAME_HELLO,    WR_FRAME_WANT,     WR_FRAME_DATA, 0,           0, 0,
        WR_FRAME_OP_HEADS, WR_FRAME_FRONTIER, WR_FRAME_HAVE, WR_FRAME_OPS};
    for (unsigned i = 0; i < WR_COUNT(types); i++)
        if (types[i] == type)
            return (int)i;
    return -1;
}

static void seed_messages(const cast *c) {
    for (uint32_t i = 0; i < c->frame_count; i++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        int kind = kind_of(c->frames[i].type);
        if (kind < 0)
            continue;
        put_u8(&out, (unsigned)kind);
        T_OK(wr_buf_put(&out, body_of(&c->frames[i])));
        write_seed("message", &out);
    }
}

static void seed_pairing(const cast *c) {
    static const uint8_t addrs[WR_HELLO_ADDR_SIZE] = {4, 127, 0, 0, 1};
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_pair_offer offer = {.circle_id = *wr_graph_circle_id(wr_self_graph(c->honest->self)),
                           .device_id = c->honest->identity.device_id,
                           .role = WR_ROLE_MEMBER};
    put_u8(&out, 3);
    T_OK(wr_pair_offer_encode(&offer, &out));
    write_seed("message", &out);
    wr_pair_cert cert = {.name = wr_slice_str("a name"),
                         .cert = wr_identity_cert(&c->liar->identity),
                         .consent = {{7}}};
    out.len = 0;
    put_u8(&out, 4);
    T_OK(wr_pair_cert_encode(&cert, &out));
    write_seed("message", &out);
    wr_pair_welcome welcome = {.op_count = 4,
                               .seed_count = 2,
                               .seeds = {{{{3}}, {{1}}}, {{{4}}, {{5}}}},
                               .epoch_id = *wr_self_write_epoch(c->honest->self),
                               .secret = {{2}},
                               .addrs = wr_slice_of(addrs, sizeof addrs)};
    out.len = 0;
    put_u8(&out, 5);
    T_OK(wr_pair_welcome_encode(&welcome, &out));
    write_seed("message", &out);
}

/* ---- records ---- */

/* A stream of messages, as they are inside, of one to three frames each. */
static void seed_records(const cast *c) {
    static const uint8_t cuts[][4] = {{0, 2}, {1, 2, 1}, {3, 2, 1, 7}};
    for (unsigned n = 0; n < WR_COUNT(cuts); n++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        put_u8(&out, cuts[n][0]);
        put_u8(&out, cuts[n][1]);
        for (unsigned i = 0; i < cuts[n][0]; i++)
            put_u8(&out, cuts[n][2 + i % 2]);
        for (uint32_t i = 0; i + n < c->frame_count && i < 12; i += n + 1) {
            uint8_t message[4096];
            wr_buf plain = WR_BUF_ARRAY(message);
            for (uint32_t k = i; k <= i + n; k++)
                (void)!wr_frame_put(&plain, c->frames[k].type, body_of(&c->frames[k]));
            T_OK(wr_buf_put_zeros(&plain, i));
            if (plain.len != 0)
                put_counted(&out, wr_buf_slice(&plain));
        }
        write_seed("record", &out);
    }
    uint8_t message[1024];
    wr_buf first = WR_BUF_ARRAY(message), out = WR_BUF_ARRAY(bytes);
    device *honest = cast_honest(false);
    puppet *p = talk_first(c->liar, honest, 1, 1, &first);
    put_u8(&out, 0);
    put_u8(&out, 1);
    T_OK(wr_buf_put(&out, wr_buf_slice(&first)));
    write_seed("record", &out);
    puppet_free(p);
    device_free(honest);
}

/* ---- links ---- */

/* Commands of fuzz_link. */
enum {
    RAW,
    KNOWN,
    KNOWN_RUN,
    LIST,
    OP,
    UNIT,
    TIME,
    SPEAK,
    PONG,
    APPEND,
    END,
    MESSAGE,
    NOISE,
    AGAIN
};

static void put_speak(wr_buf *out) {
    put_u8(out, SPEAK);
    put_u8(out, 255);
    put_u8(out, 255);
}

static void put_run(wr_buf *out, unsigned from, unsigned count) {
    put_u8(out, KNOWN_RUN);
    put_u8(out, from);
    put_u8(out, count);
}

/* All that comes before units may be sent. */
static void put_greeting(const cast *c, wr_buf *out) {
    unsigned count = 0;
    while (c->frames[count].type != WR_FRAME_FRONTIER)
        count++;
    put_run(out, 0, count + 1);
}

static void put_list(wr_buf *out, unsigned which, unsigned index, unsigned value, unsigned flags) {
    put_u8(out, LIST);
    put_u8(out, which);
    put_u8(out, index);
    T_OK(wr_buf_put_u16(out, (uint16_t)value));
    put_u8(out, flags);
}

/* The frames of an honest session, byte for byte. */
static void seed_session(const cast *c, unsigned mode) {
    wr_buf out = WR_BUF_ARRAY(bytes);
    put_u8(&out, mode);
    for (uint32_t i = 0; i < c->liar_frame_count; i++) {
        put_u8(&out, RAW);
        put_u8(&out, c->frames[i].type);
        put_counted(&out, body_of(&c->frames[i]));
    }
    put_speak(&out);
    put_u8(&out, PONG);
    put_u8(&out, APPEND);
    put_u8(&out, 2);
    put_speak(&out);
    write_seed("link", &out);
}

static void put_units(const cast *c, wr_buf *out) {
    for (uint32_t i = c->liar_frame_count; i < c->frame_count; i++)
        if (c->frames[i].type == WR_FRAME_DATA || c->frames[i].type == WR_FRAME_PART)
            put_run(out, i, 1);
}

#define SESSIONS 5u /* in one input */

/* Another session in the same input, or the first one. */
static void put_session(const cast *c, wr_buf *out, unsigned n) {
    if (n != 0)
        put_u8(out, AGAIN);
    put_greeting(c, out);
}

/* Each unit with one byte of its announcement changed. */
static void put_bent_units(const cast *c, wr_buf *out, unsigned at) {
    for (uint32_t i = c->liar_frame_count; i + 1 < c->frame_count; i++) {
        if (c->frames[i].type != WR_FRAME_DATA)
            continue;
        put_u8(out, KNOWN);
        put_u8(out, i);
        put_u8(out, 1);
        T_OK(wr_buf_put_u16(out, (uint16_t)at));
        put_u8(out, 1);
        put_run(out, i + 1, 1);
    }
}

static void seed_bent_units(const cast *c) {
    for (unsigned at = 40; at < 290;) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        put_u8(&out, at % 16u ? 8 : 5);
        for (unsigned n = 0; n < SESSIONS; n++, at += 28) {
            put_session(c, &out, n);
            put_bent_units(c, &out, at);
            put_speak(&out);
        }
        write_seed("link", &out);
    }
}

/* A unit is announced, and the part of another one comes. */
static void seed_wrong_parts(const cast *c) {
    uint32_t data = c->frame_count - 1;
    while (c->frames[data].type != WR_FRAME_DATA)
        data--;
    for (uint32_t i = c->liar_frame_count; i < c->frame_count;) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        put_u8(&out, 8);
        for (unsigned n = 0; n < SESSIONS && i < c->frame_count; i++) {
            if (c->frames[i].type != WR_FRAME_PART)
                continue;
            put_session(c, &out, n++);
            put_run(&out, data, 1);
            put_run(&out, i, 1);
            put_speak(&out);
        }
        write_seed("link", &out);
    }
}

/* Several ways through a session; honest frames are named by number. */
static void seed_ways(const cast *c, unsigned mode) {
    for (unsigned way = 0; way < 9; way++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        put_u8(&out, mode);
        put_run(&out, 0, c->liar_frame_count);
        put_speak(&out);
        put_u8(&out, PONG);
        if (way == 1) /* units of everybody */
            put_units(c, &out);
        if (way == 2) /* what is here is wanted, acknowledged, and not wanted any more */
            for (unsigned len = 4; len < CAST_ENTRIES; len += 2) {
                put_list(&out, 3, 0, len, 0);
                put_speak(&out);
                put_list(&out, 2, 0, len + 1, 2);
                put_list(&out, 3, 0, len, 1);
                put_speak(&out);
            }
        if (way == 3) { /* silence, a second session */
            put_u8(&out, TIME);
            put_u8(&out, 128);
            put_speak(&out);
            put_u8(&out, AGAIN);
            put_run(&out, 0, c->liar_frame_count);
        }
        if (way == 4) /* more is promised than comes */
            for (unsigned feed = 0; feed < 6; feed++) {
                put_list(&out, 1, feed, 30 + feed, 2);
                put_speak(&out);
                put_u8(&out, TIME);
                put_u8(&out, 128);
            }
        if (way == 5) { /* new members, ops of every type */
            for (unsigned type = 0; type < 12; type++) {
                put_u8(&out, OP);
                put_u8(&out, type);
                put_u8(&out, type < CAST_ADDS - 1 ? 8 : 0);
                put_counted(&out, wr_slice_str("\x91\x90"));
            }
            put_speak(&out);
        }
        if (way == 6) { /* goodbye */
            put_u8(&out, APPEND);
            put_u8(&out, 0);
            put_u8(&out, END);
            put_u8(&out, 0);
            put_speak(&out);
        }
        if (way == 7) { /* one message, two frames, padding */
            uint8_t plain[64];
            wr_buf message = WR_BUF_ARRAY(plain);
            T_OK(wr_frame_put(&message, WR_FRAME_PING, wr_slice_str("12345678")));
            T_OK(wr_frame_put(&message, 200, wr_slice_str("x")));
            T_OK(wr_buf_put_zeros(&message, 9));
            put_u8(&out, MESSAGE);
            put_counted(&out, wr_buf_slice(&message));
            put_speak(&out);
            put_u8(&out, NOISE);
            put_counted(&out, wr_slice_str("noise"));
        }
        for (unsigned i = 0; way == 8 && i < 12; i++) { /* more units than may be under way */
            put_u8(&out, APPEND);
            put_u8(&out, 0);
            put_speak(&out);
        }
        write_seed("link", &out);
    }
}

/* Entries that the liar wrote, under checkpoints that are bent in every way. */
static void seed_units(const cast *c) {
    device *liar = device_twin(c->liar, 71);
    wr_self_confirm(liar->self);
    append(liar, 1);
    wr_slice entries = rows_from(liar, liar, feed_at(c->honest, c->liar)->tree.len);
    for (unsigned bend = 0; bend < 9; bend++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        put_u8(&out, bend % 2 ? 8 : 0);
        put_greeting(c, &out);
        for (unsigned turn = 0; turn < 2; turn++) {
            put_u8(&out, UNIT);
            put_u8(&out, turn == 1 || bend == 0 ? 0 : 1u << (bend - 1));
            put_u8(&out, turn == 1 ? 0 : bend);
            put_counted(&out, entries);
        }
        put_speak(&out);
        write_seed("link", &out);
    }
    device_free(liar);
}

static void seed_handshakes(const cast *c) {
    for (unsigned i = 0; i < 4; i++) {
        static const char *const bends[] = {"\x01\x05\x01", "\x01\x20\x80\x40\x01",
                                            "\x02\x00\x05hello", "\x00"};
        wr_buf out = WR_BUF_ARRAY(bytes);
        put_u8(&out, i % 2 == 0 ? 2 : 3);
        put_counted(&out, wr_slice_str(bends[i]));
        put_greeting(c, &out);
        write_seed("link", &out);
    }
}

/* ---- words ---- */

static void seed_words(void) {
    uint8_t entropy[32];
    wr_rng rng = t_rng(5);
    for (size_t len = 16; len <= sizeof entropy; len += 8) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        wr_rng_fill(&rng, entropy, len);
        put_u8(&out, 0);
        T_OK(wr_mnemonic_encode(wr_slice_of(entropy, len), &out));
        write_seed("recovery", &out);
        out.len = 0;
        put_u8(&out, 1);
        T_OK(wr_buf_put(&out, wr_slice_of(entropy, len)));
        write_seed("recovery", &out);
        out.len = 0;
        put_u8(&out, 2);
        put_u8(&out, (unsigned)len);
        T_OK(wr_buf_put_u16(&out, 77));
        T_OK(wr_buf_put(&out, wr_slice_of(entropy, len)));
        write_seed("recovery", &out);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        (void)fprintf(stderr, "usage: fuzz-seeds FOLDER\n");
        return 2;
    }
    folder = argv[1];
    (void)mkdir(folder, 0755);
    const cast *c = cast_get();
    seed_messages(c);
    seed_pairing(c);
    seed_records(c);
    for (unsigned mode = 0; mode < 2; mode++)
        seed_session(c, mode * 5u);
    for (unsigned mode = 0; mode < 3; mode++)
        seed_ways(c, mode * 4u + mode % 2); /* 0; 5: dialed and restored; 8: restarted */
    seed_units(c);
    seed_bent_units(c);
    seed_wrong_parts(c);
    seed_handshakes(c);
    seed_words();
    return 0;
}
