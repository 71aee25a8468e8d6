/* Fuzzes the reading half of handshakes: forged messages at every place of every used pattern.
 *
 * Target: wr_handshake_read, as initiator in message 2 and responder in 1 and 3.
 * Input:  1 byte  pattern (mod 5: the three of Warren, then XX and NN), 1 byte  which message to
 *         forge (mod the pattern's count), then either 0 and the forged message, or a count and
 *         as many triples (position u16, xor u8) that change the genuine message.
 * Oracle: no crash; an error leaves the handshake as it was and able to take the real message;
 *         a forged message is accepted only as message 1 of a pattern without psk; what one
 *         side seals after the handshake opens on the other.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel/handshake.h"

#define MESSAGE_MAX 1024u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const wr_mono now = {1};
static uint8_t wire[MESSAGE_MAX];
static uint8_t bad[MESSAGE_MAX];
static uint8_t got[MESSAGE_MAX];

/* A counter: the same input gives the same handshake. */
static void fill_counted(void *ctx, uint8_t *out, size_t len) {
    uint8_t *counter = ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = (*counter)++;
}

static void choose_pattern(uint8_t choice, wr_pattern *ret_pattern) {
    static const char *const names[] = {"IKpsk2", "XXpsk0", "Xpsk1", "XX", "NN"};
    const char *name = names[choice % WR_COUNT(names)];
    WR_ASSERT(wr_pattern_find(wr_slice_str(name), ret_pattern) == WR_OK);
}

static void start(wr_handshake *hs, const wr_pattern *pattern, wr_role role, uint8_t *counter) {
    wr_key own = {{(uint8_t)(role + 1)}}, peer = {{(uint8_t)(2 - role)}}, psk = {{3}};
    wr_pub rs = wr_dh_public(&peer);
    WR_ASSERT(wr_handshake_init(hs, &(wr_handshake_config){
                                        .pattern = pattern,
                                        .hash = WR_BLAKE2B,
                                        .role = role,
                                        .s = &own,
                                        .rs = wr_pattern_knows_remote(pattern, role) ? &rs : NULL,
                                        .psks = &psk,
                                        .psk_count = wr_pattern_psk_count(pattern),
                                        .rng = {fill_counted, counter},
                                        .now = now,
                                        .message_max = MESSAGE_MAX,
                                    }) == WR_OK);
}

/* The message to try instead of the genuine one; it may turn out to be the same. */
static wr_slice forge(wr_slice genuine, wr_slice input) {
    wr_buf out = WR_BUF_ARRAY(bad);
    uint8_t changes;
    if (!wr_slice_take_u8(&input, &changes))
        return WR_SLICE_EMPTY;
    if (changes == 0)
        return input.len > sizeof bad ? wr_slice_of(input.ptr, sizeof bad) : input;
    WR_ASSERT(wr_buf_put(&out, genuine) == WR_OK);
    for (; changes > 0 && input.len >= 3; changes--) {
        uint16_t at;
        uint8_t flip;
        WR_ASSERT(wr_slice_take_u16(&input, &at));
        WR_ASSERT(wr_slice_take_u8(&input, &flip));
        bad[at % out.len] ^= flip;
    }
    return wr_buf_slice(&out);
}

/* Whether the forged message was accepted. */
static bool try_forged(wr_handshake *to, wr_slice forged) {
    wr_handshake before;
    wr_buf payload = WR_BUF_ARRAY(got);
    memcpy(&before, to, sizeof before);
    if (wr_handshake_read(to, forged, &payload, now) == WR_OK)
        return true;
    WR_ASSERT(payload.len == 0);
    WR_ASSERT(memcmp(&before, to, sizeof before) == 0);
    return false;
}

static void check_transport(wr_handshake sides[2]) {
    wr_transport send, recv;
    wr_buf message = WR_BUF_ARRAY(wire), plain = WR_BUF_ARRAY(got);
    WR_ASSERT(wr_equal(wr_handshake_hash(&sides[0]), wr_handshake_hash(&sides[1])));
    wr_handshake_split(&sides[0], &send, now);
    wr_handshake_split(&sides[1], &recv, now);
    WR_ASSERT(wr_transport_seal(&send, wr_slice_str("over"), &message) == WR_OK);
    WR_ASSERT(wr_transport_open(&recv, wr_buf_slice(&message), &plain) == WR_OK);
    WR_ASSERT(wr_equal(wr_buf_slice(&plain), wr_slice_str("over")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wr_slice input = wr_slice_of(data, size);
    wr_handshake sides[2];
    wr_pattern pattern;
    uint8_t choice, place, counters[2] = {10, 100};
    if (!wr_slice_take_u8(&input, &choice) || !wr_slice_take_u8(&input, &place))
        return 0;
    choose_pattern(choice, &pattern);
    start(&sides[0], &pattern, WR_INITIATOR, &counters[0]);
    start(&sides[1], &pattern, WR_RESPONDER, &counters[1]);

    size_t count = wr_pattern_message_count(&pattern);
    for (size_t m = 0; m < count; m++) {
        wr_handshake *from = &sides[m % 2], *to = &sides[1 - m % 2];
        wr_buf message = WR_BUF_ARRAY(wire), payload = WR_BUF_ARRAY(got);
        WR_ASSERT(wr_handshake_write(from, wr_slice_str("hello"), &message, now) == WR_OK);
        wr_slice forged = forge(wr_buf_slice(&message), input);
        if (m == place % count && !wr_equal(forged, wr_buf_slice(&message)) &&
            try_forged(to, forged)) {
            WR_ASSERT(m == 0 && wr_pattern_psk_count(&pattern) == 0);
            return 0;
        }
        WR_ASSERT(wr_handshake_read(to, wr_buf_slice(&message), &payload, now) == WR_OK);
        WR_ASSERT(wr_equal(wr_buf_slice(&payload), wr_slice_str("hello")));
    }
    check_transport(sides);
    return 0;
}
