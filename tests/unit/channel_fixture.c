/* Two sides of a handshake with keys of their own, for the tests of the channel.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel_fixture.h"

const wr_mono start = {1000};

static void prepare_side(side *s, const wr_pattern *pattern, wr_role role, uint64_t seed) {
    wr_rng rng = t_rng(seed);
    *s = (side){0};
    wr_rng_fill(&rng, s->s.b, sizeof s->s.b);
    memset(s->psk.b, 0x55, sizeof s->psk.b);
    s->config = (wr_handshake_config){
        .pattern = pattern,
        .hash = WR_BLAKE2B,
        .role = role,
        .prologue = wr_slice_str("test/1"),
        .s = &s->s,
        .psks = &s->psk,
        .psk_count = wr_pattern_psk_count(pattern),
        .rng = t_rng(seed + 100),
        .now = start,
    };
}

void prepare_pair(side *i, side *r, const wr_pattern *pattern) {
    prepare_side(i, pattern, WR_INITIATOR, 1);
    prepare_side(r, pattern, WR_RESPONDER, 2);
    i->rs = wr_dh_public(&r->s);
    r->rs = wr_dh_public(&i->s);
    if (wr_pattern_knows_remote(pattern, WR_INITIATOR))
        i->config.rs = &i->rs;
    if (wr_pattern_knows_remote(pattern, WR_RESPONDER))
        r->config.rs = &r->rs;
}

void start_side(side *s) {
    T_OK(wr_handshake_init(&s->hs, &s->config));
}

void start_pair(side *i, side *r, const wr_pattern *pattern) {
    prepare_pair(i, r, pattern);
    start_side(i);
    start_side(r);
}

wire write_message(side *s, const char *payload) {
    wire message;
    wr_buf out = WR_BUF_ARRAY(message.b);
    T_OK(wr_handshake_write(&s->hs, wr_slice_str(payload), &out, start));
    message.len = out.len;
    return message;
}

wr_err read_message(side *s, const wire *message, const char *payload) {
    uint8_t got[WIRE_MAX] = "before";
    wr_buf out = WR_BUF_ARRAY(got);
    out.len = 6;
    wr_err err = wr_handshake_read(&s->hs, wr_slice_of(message->b, message->len), &out, start);
    T_SLICE(wr_slice_of(got, 6), wr_slice_str("before"));
    wr_slice rest = wr_slice_of(got + 6, out.len - 6);
    T_SLICE(rest, err == WR_OK ? wr_slice_str(payload) : WR_SLICE_EMPTY);
    return err;
}

void carry(side *from, side *to, const char *payload) {
    wire message = write_message(from, payload);
    T_OK(read_message(to, &message, payload));
}

void finish_pair(side *i, side *r) {
    while (wr_handshake_whose_turn(&i->hs) != WR_TURN_DONE) {
        if (wr_handshake_whose_turn(&i->hs) == WR_TURN_WRITE)
            carry(i, r, "payload");
        else
            carry(r, i, "");
    }
    T_EQ(wr_handshake_whose_turn(&r->hs), WR_TURN_DONE);
}

void connect_pair(side *i, side *r, const wr_pattern *pattern) {
    start_pair(i, r, pattern);
    finish_pair(i, r);
    wr_handshake_split(&i->hs, &i->transport, start);
    wr_handshake_split(&r->hs, &r->transport, start);
}

wire seal_message(side *s, const char *text) {
    wire message;
    wr_buf out = WR_BUF_ARRAY(message.b);
    T_OK(wr_transport_seal(&s->transport, wr_slice_str(text), &out));
    message.len = out.len;
    return message;
}

wr_err open_message(side *s, const wire *message, const char *text) {
    uint8_t got[WIRE_MAX];
    wr_buf out = WR_BUF_ARRAY(got);
    wr_err err = wr_transport_open(&s->transport, wr_slice_of(message->b, message->len), &out);
    T_SLICE(wr_buf_slice(&out), err == WR_OK ? wr_slice_str(text) : WR_SLICE_EMPTY);
    return err;
}
