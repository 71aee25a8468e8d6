/* Fuzzes names of handshake patterns, and what a pattern says of itself.
 *
 * Target: wr_pattern_find and what is asked of a pattern.
 * Input:  a name.
 * Oracle: a refused name leaves the result as it was; an accepted one is the name of its pattern,
 *         whose tokens end, are one psk for each "psk" of the name, at places that go up, and the
 *         rest of the same name without modifiers; both sides run it to its end and agree.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const wr_mono now = {1};

static void fill_counted(void *ctx, uint8_t *out, size_t len) {
    uint8_t *counter = ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = (*counter)++;
}

static void start(wr_handshake *hs, const wr_pattern *pattern, wr_role role, uint8_t *counter) {
    wr_key own = {{(uint8_t)(role + 1)}}, peer = {{(uint8_t)(2 - role)}};
    wr_key psks[WR_PATTERN_PSKS_MAX] = {{{3}}, {{4}}, {{5}}, {{6}}, {{7}}};
    wr_pub rs = wr_dh_public(&peer);
    WR_ASSERT(wr_pattern_psk_count(pattern) <= WR_COUNT(psks));
    wr_handshake_config config = {.pattern = pattern,
                                  .hash = WR_BLAKE2B,
                                  .role = role,
                                  .s = wr_pattern_has_static(pattern, role) ? &own : NULL,
                                  .rs = wr_pattern_knows_remote(pattern, role) ? &rs : NULL,
                                  .psks = psks,
                                  .psk_count = wr_pattern_psk_count(pattern),
                                  .rng = {fill_counted, counter},
                                  .now = now};
    WR_ASSERT(wr_handshake_init(hs, &config) == WR_OK);
}

static void run(const wr_pattern *pattern) {
    uint8_t counters[2] = {10, 100};
    wr_handshake sides[2];
    start(&sides[0], pattern, WR_INITIATOR, &counters[0]);
    start(&sides[1], pattern, WR_RESPONDER, &counters[1]);
    size_t count = wr_pattern_message_count(pattern);
    WR_ASSERT((count == 1) == wr_pattern_one_way(pattern));
    for (size_t m = 0; m < count; m++) {
        uint8_t wire[WR_HANDSHAKE_MESSAGE_MAX], got[WR_HANDSHAKE_MESSAGE_MAX];
        wr_buf message = WR_BUF_ARRAY(wire), payload = WR_BUF_ARRAY(got);
        WR_ASSERT(wr_handshake_write(&sides[m % 2], wr_slice_str("hi"), &message, now) == WR_OK);
        WR_ASSERT(wr_handshake_read(&sides[1 - m % 2], wr_buf_slice(&message), &payload, now) ==
                  WR_OK);
        WR_ASSERT(wr_equal(wr_buf_slice(&payload), wr_slice_str("hi")));
    }
    for (size_t i = 0; i < 2; i++)
        WR_ASSERT(wr_handshake_whose_turn(&sides[i]) == WR_TURN_DONE);
    WR_ASSERT(wr_equal(wr_handshake_hash(&sides[0]), wr_handshake_hash(&sides[1])));
    wr_handshake_wipe(&sides[0]);
    wr_handshake_wipe(&sides[1]);
}

/* The name up to its first modifier. */
static wr_slice base_of(wr_slice name) {
    size_t len = 0;
    while (len < name.len && (name.ptr[len] < 'a' || name.ptr[len] > 'z'))
        len++;
    return wr_slice_of(name.ptr, len);
}

/* Where psks stand goes up: a pattern has one name. */
static void check_places(wr_slice name) {
    uint8_t before = '0' - 1;
    for (size_t i = base_of(name).len; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (c < '0' || c > '9')
            continue;
        WR_ASSERT(c > before);
        before = c;
    }
}

static void check_tokens(const wr_pattern *pattern, wr_slice name) {
    wr_pattern base;
    size_t at = 0, psks = 0, named = 0;
    WR_ASSERT(wr_pattern_find(base_of(name), &base) == WR_OK);
    WR_ASSERT(pattern->pre == base.pre);
    for (size_t i = 0; i < name.len; i++)
        named += name.ptr[i] == 'p' ? 1u : 0u;
    check_places(name);
    for (size_t i = 0; i < WR_PATTERN_TOKENS_MAX && pattern->tokens[i] != WR_T_END; i++) {
        if (pattern->tokens[i] == WR_T_PSK)
            psks++;
        else
            WR_ASSERT(pattern->tokens[i] == base.tokens[at++]);
    }
    WR_ASSERT(base.tokens[at] == WR_T_END);
    WR_ASSERT(psks == named);
    WR_ASSERT(wr_pattern_psk_count(pattern) == named);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wr_slice name = wr_slice_of(data, size);
    wr_pattern pattern, before;
    WR_ASSERT(wr_crypto_init() == WR_OK);
    memset(&pattern, 0x5a, sizeof pattern);
    before = pattern;
    if (wr_pattern_find(name, &pattern) != WR_OK) {
        WR_ASSERT(
            wr_equal(wr_slice_of(&pattern, sizeof pattern), wr_slice_of(&before, sizeof before)));
        return 0;
    }
    WR_ASSERT(wr_equal(wr_slice_str(pattern.name), name));
    check_tokens(&pattern, name);
    run(&pattern);
    return 0;
}
