/* Handshake patterns of Noise as tables: which key goes when, and which keys are mixed.
 *
 * Spec:   proto/spec/channel.md 2
 * Layer:  channel
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel/pattern.h"

/* Short names let a row read like the diagram: FLIP is the arrow that turns round. */
enum {
    END = WR_T_END,
    FLIP = WR_T_FLIP,
    E = WR_T_E,
    S = WR_T_S,
    EE = WR_T_EE,
    ES = WR_T_ES,
    SE = WR_T_SE,
    SS = WR_T_SS,
    PSK = WR_T_PSK,
};

/* clang-format off */

/* <- s
 * ...
 * -> e, es, s, ss
 * <- e, ee, se, psk */
const wr_pattern wr_pattern_ikpsk2 = {
    "IKpsk2", WR_PRE_R, {E, ES, S, SS, FLIP, E, EE, SE, PSK, END}};

/* -> psk, e
 * <- e, ee, s, es
 * -> s, se */
const wr_pattern wr_pattern_xxpsk0 = {
    "XXpsk0", WR_PRE_NONE, {PSK, E, FLIP, E, EE, S, ES, FLIP, S, SE, END}};

/* <- s
 * ...
 * -> e, es, s, ss, psk */
const wr_pattern wr_pattern_xpsk1 = {
    "Xpsk1", WR_PRE_R, {E, ES, S, SS, PSK, END}};

/* The patterns without psk; modifiers put theirs in.  The first letter says how the initiator's
 * static key is handled, the second the responder's: N none, K known before, X sent,
 * I (initiator) sent at once; a 1 defers the key exchange of that key by one message. */
static const wr_pattern bases[] = {
    /* one-way: the message is all there is */
    {"N",    WR_PRE_R,    {E, ES}},
    {"K",    WR_PRE_IR,   {E, ES, SS}},
    {"X",    WR_PRE_R,    {E, ES, S, SS}},

    /* fundamental */
    {"NN",   WR_PRE_NONE, {E, FLIP, E, EE}},
    {"NK",   WR_PRE_R,    {E, ES, FLIP, E, EE}},
    {"NX",   WR_PRE_NONE, {E, FLIP, E, EE, S, ES}},
    {"KN",   WR_PRE_I,    {E, FLIP, E, EE, SE}},
    {"KK",   WR_PRE_IR,   {E, ES, SS, FLIP, E, EE, SE}},
    {"KX",   WR_PRE_I,    {E, FLIP, E, EE, SE, S, ES}},
    {"XN",   WR_PRE_NONE, {E, FLIP, E, EE, FLIP, S, SE}},
    {"XK",   WR_PRE_R,    {E, ES, FLIP, E, EE, FLIP, S, SE}},
    {"XX",   WR_PRE_NONE, {E, FLIP, E, EE, S, ES, FLIP, S, SE}},
    {"IN",   WR_PRE_NONE, {E, S, FLIP, E, EE, SE}},
    {"IK",   WR_PRE_R,    {E, ES, S, SS, FLIP, E, EE, SE}},
    {"IX",   WR_PRE_NONE, {E, S, FLIP, E, EE, SE, S, ES}},

    /* deferred */
    {"NK1",  WR_PRE_R,    {E, FLIP, E, EE, ES}},
    {"NX1",  WR_PRE_NONE, {E, FLIP, E, EE, S, FLIP, ES}},
    {"X1N",  WR_PRE_NONE, {E, FLIP, E, EE, FLIP, S, FLIP, SE}},
    {"X1K",  WR_PRE_R,    {E, ES, FLIP, E, EE, FLIP, S, FLIP, SE}},
    {"XK1",  WR_PRE_R,    {E, FLIP, E, EE, ES, FLIP, S, SE}},
    {"X1K1", WR_PRE_R,    {E, FLIP, E, EE, ES, FLIP, S, FLIP, SE}},
    {"X1X",  WR_PRE_NONE, {E, FLIP, E, EE, S, ES, FLIP, S, FLIP, SE}},
    {"XX1",  WR_PRE_NONE, {E, FLIP, E, EE, S, FLIP, ES, S, SE}},
    {"X1X1", WR_PRE_NONE, {E, FLIP, E, EE, S, FLIP, ES, S, FLIP, SE}},
    {"K1N",  WR_PRE_I,    {E, FLIP, E, EE, FLIP, SE}},
    {"K1K",  WR_PRE_IR,   {E, ES, FLIP, E, EE, FLIP, SE}},
    {"KK1",  WR_PRE_IR,   {E, FLIP, E, EE, SE, ES}},
    {"K1K1", WR_PRE_IR,   {E, FLIP, E, EE, ES, FLIP, SE}},
    {"K1X",  WR_PRE_I,    {E, FLIP, E, EE, S, ES, FLIP, SE}},
    {"KX1",  WR_PRE_I,    {E, FLIP, E, EE, SE, S, FLIP, ES}},
    {"K1X1", WR_PRE_I,    {E, FLIP, E, EE, S, FLIP, SE, ES}},
    {"I1N",  WR_PRE_NONE, {E, S, FLIP, E, EE, FLIP, SE}},
    {"I1K",  WR_PRE_R,    {E, ES, S, FLIP, E, EE, FLIP, SE}},
    {"IK1",  WR_PRE_R,    {E, S, FLIP, E, EE, SE, ES}},
    {"I1K1", WR_PRE_R,    {E, S, FLIP, E, EE, ES, FLIP, SE}},
    {"I1X",  WR_PRE_NONE, {E, S, FLIP, E, EE, S, ES, FLIP, SE}},
    {"IX1",  WR_PRE_NONE, {E, S, FLIP, E, EE, SE, S, FLIP, ES}},
    {"I1X1", WR_PRE_NONE, {E, S, FLIP, E, EE, S, FLIP, SE, ES}},
};

/* clang-format on */

static size_t token_count(const wr_pattern *pattern, wr_token token) {
    size_t count = 0;
    for (size_t i = 0; pattern->tokens[i] != END; i++)
        count += pattern->tokens[i] == token;
    return count;
}

static size_t tokens_len(const wr_pattern *pattern) {
    size_t len = 0;
    while (pattern->tokens[len] != END)
        len++;
    return len;
}

size_t wr_pattern_psk_count(const wr_pattern *pattern) {
    return token_count(pattern, WR_T_PSK);
}

size_t wr_pattern_message_count(const wr_pattern *pattern) {
    return token_count(pattern, WR_T_FLIP) + 1;
}

bool wr_pattern_one_way(const wr_pattern *pattern) {
    return wr_pattern_message_count(pattern) == 1;
}

bool wr_pattern_knows_remote(const wr_pattern *pattern, wr_role role) {
    wr_pre of_peer = role == WR_INITIATOR ? WR_PRE_R : WR_PRE_I;
    return pattern->pre == of_peer || pattern->pre == WR_PRE_IR;
}

bool wr_pattern_has_static(const wr_pattern *pattern, wr_role role) {
    if (wr_pattern_knows_remote(pattern, role == WR_INITIATOR ? WR_RESPONDER : WR_INITIATOR))
        return true;
    wr_role speaker = WR_INITIATOR;
    for (size_t i = 0; pattern->tokens[i] != END; i++) {
        if (pattern->tokens[i] == FLIP)
            speaker = speaker == WR_INITIATOR ? WR_RESPONDER : WR_INITIATOR;
        if (pattern->tokens[i] == S && speaker == role)
            return true;
    }
    return false;
}

/* ---- names ------------------------------------------------------------------------ */

static void insert_psk(wr_pattern *pattern, size_t at) {
    size_t len = tokens_len(pattern);
    WR_ASSERT(at <= len);
    WR_ASSERT(len + 1 < WR_PATTERN_TOKENS_MAX);
    for (size_t i = len + 1; i > at; i--)
        pattern->tokens[i] = pattern->tokens[i - 1];
    pattern->tokens[at] = PSK;
}

/* psk0 stands before the first token, pskN behind the last of message N. */
static void apply_psk(wr_pattern *pattern, size_t message) {
    size_t at = 0;
    for (size_t done = 0; done < message; at++) {
        if (pattern->tokens[at] == FLIP || pattern->tokens[at] == END)
            done++;
        if (done == message)
            break;
    }
    insert_psk(pattern, at);
}

static bool take_text(wr_slice *in, const char *text) {
    wr_slice rest = *in, taken;
    wr_slice want = wr_slice_str(text);
    if (!wr_slice_take(&rest, want.len, &taken) || !wr_equal(taken, want))
        return false;
    *in = rest;
    return true;
}

/* "psk0+psk2": increasing, and no higher than there are messages. */
static wr_err apply_modifiers(wr_pattern *pattern, wr_slice modifiers) {
    size_t messages = wr_pattern_message_count(pattern);
    for (size_t next = 0; modifiers.len > 0;) {
        uint8_t digit;
        if (next > 0 && !take_text(&modifiers, "+"))
            return WR_ERR_UNKNOWN;
        if (!take_text(&modifiers, "psk") || !wr_slice_take_u8(&modifiers, &digit))
            return WR_ERR_UNKNOWN;
        if (digit < '0' + next || digit > '0' + messages)
            return WR_ERR_UNKNOWN;
        apply_psk(pattern, (size_t)(digit - '0'));
        next = (size_t)(digit - '0') + 1;
    }
    return WR_OK;
}

/* The base name ends where the first small letter begins. */
static size_t base_len(wr_slice name) {
    size_t len = 0;
    while (len < name.len && !(name.ptr[len] >= 'a' && name.ptr[len] <= 'z'))
        len++;
    return len;
}

wr_err wr_pattern_find(wr_slice name, wr_pattern *ret_pattern) {
    if (name.len > WR_PATTERN_NAME_MAX)
        return WR_ERR_UNKNOWN;
    wr_slice base, modifiers = name;
    if (!wr_slice_take(&modifiers, base_len(name), &base))
        return WR_ERR_UNKNOWN;
    for (size_t i = 0; i < WR_COUNT(bases); i++) {
        if (!wr_equal(wr_slice_str(bases[i].name), base))
            continue;
        wr_pattern pattern = bases[i];
        WR_TRY(apply_modifiers(&pattern, modifiers));
        memset(pattern.name, 0, sizeof pattern.name);
        memcpy(pattern.name, name.ptr, name.len);
        *ret_pattern = pattern;
        return WR_OK;
    }
    return WR_ERR_UNKNOWN;
}
