/* Noise handshake: one exchange of messages that ends in a transport.
 *
 * Spec:   proto/spec/channel.md 4 (messages), 7 (limits)
 * Layer:  channel
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel/handshake.h"

/* ---- start ----------------------------------------------------------------------- */

static const char *hash_name(wr_hash_alg alg) {
    switch (alg) {
    case WR_SHA256:
        return "SHA256";
    case WR_SHA512:
        return "SHA512";
    case WR_BLAKE2B:
        return "BLAKE2b";
    }
    WR_UNREACHABLE();
}

static void start_symmetric(wr_symmetric *sym, const wr_pattern *pattern, wr_hash_alg alg) {
    const char *parts[] = {"Noise_", pattern->name, "_25519_ChaChaPoly_", hash_name(alg)};
    uint8_t text[96];
    wr_buf name = WR_BUF_ARRAY(text);
    for (size_t i = 0; i < WR_COUNT(parts); i++)
        WR_ASSERT(wr_buf_put(&name, wr_slice_str(parts[i])) == WR_OK);
    wr_symmetric_init(sym, alg, wr_buf_slice(&name));
}

/* spec:channel#2.2 "A handshake MUST NOT start with a key missing, nor with a psk or a peer's key
 * that the pattern does not take."  An own static key that is not needed is not even copied. */
static wr_err check_config(const wr_handshake_config *config) {
    const wr_pattern *pattern = config->pattern;
    bool needs_s = wr_pattern_has_static(pattern, config->role);
    bool needs_rs = wr_pattern_knows_remote(pattern, config->role);
    if (needs_s && config->s == NULL)
        return WR_ERR_STATE;
    if (needs_rs != (config->rs != NULL))
        return WR_ERR_STATE;
    if (config->psk_count != wr_pattern_psk_count(pattern))
        return WR_ERR_STATE;
    if (config->psk_count > 0 && config->psks == NULL)
        return WR_ERR_STATE;
    return config->message_max > WR_NOISE_MESSAGE_MAX ? WR_ERR_LIMIT : WR_OK;
}

/* Pre-messages: the initiator's static key first, whoever we are. */
static void mix_pre_messages(wr_handshake *hs, const wr_pattern *pattern) {
    bool initiator = hs->role == WR_INITIATOR;
    if (wr_pattern_knows_remote(pattern, WR_RESPONDER))
        wr_symmetric_mix_hash(&hs->sym, WR_SLICE_OBJ(*(initiator ? &hs->s_pub : &hs->rs)));
    if (wr_pattern_knows_remote(pattern, WR_INITIATOR))
        wr_symmetric_mix_hash(&hs->sym, WR_SLICE_OBJ(*(initiator ? &hs->rs : &hs->s_pub)));
}

wr_err wr_handshake_init(wr_handshake *hs, const wr_handshake_config *config) {
    WR_TRY(check_config(config));
    WR_ASSERT(config->psk_count <= WR_PATTERN_PSKS_MAX);

    *hs = (wr_handshake){
        .psk_count = (uint8_t)config->psk_count,
        .role = config->role,
        .turn = config->role == WR_INITIATOR ? WR_TURN_WRITE : WR_TURN_READ,
        .deadline =
            wr_mono_add(config->now, config->timeout_ms ? config->timeout_ms : WR_HANDSHAKE_MS_MAX),
        .rng = config->rng,
        .message_max = config->message_max ? config->message_max : WR_HANDSHAKE_MESSAGE_MAX,
    };
    memcpy(hs->tokens, config->pattern->tokens, sizeof hs->tokens);
    for (size_t i = 0; i < config->psk_count; i++)
        hs->psks[i] = config->psks[i];
    if (wr_pattern_has_static(config->pattern, config->role)) {
        hs->s = *config->s;
        hs->s_pub = wr_dh_public(&hs->s);
    }
    if (config->rs != NULL) {
        hs->rs = *config->rs;
        hs->has_rs = true;
    }

    start_symmetric(&hs->sym, config->pattern, config->hash);
    /* spec:channel#3.3 "The prologue MUST be mixed into h also when it is empty." */
    wr_symmetric_mix_hash(&hs->sym, config->prologue);
    mix_pre_messages(hs, config->pattern);
    return WR_OK;
}

/* ---- tokens ------------------------------------------------------------------------ */

static wr_token token_at(const wr_handshake *hs) {
    WR_ASSERT(hs->next_token < WR_PATTERN_TOKENS_MAX);
    return (wr_token)hs->tokens[hs->next_token];
}

static bool message_ends(const wr_handshake *hs) {
    wr_token token = token_at(hs);
    return token == WR_T_END || token == WR_T_FLIP;
}

/* The only writer of turn. */
static void turn_over(wr_handshake *hs) {
    WR_ASSERT(message_ends(hs));
    WR_ASSERT(hs->turn != WR_TURN_DONE);
    if (token_at(hs) == WR_T_END) {
        WR_ASSERT(hs->next_psk == hs->psk_count);
        hs->turn = WR_TURN_DONE;
        hs->deadline = WR_MONO_NEVER;
        return;
    }
    hs->next_token++;
    hs->turn = hs->turn == WR_TURN_READ ? WR_TURN_WRITE : WR_TURN_READ;
}

static wr_err mix_dh(wr_handshake *hs, const wr_key *secret, const wr_pub *peer) {
    WR_SECRET(wr_key) shared;
    /* spec:channel#4.4 "A handshake in which a key exchange gives all zeros MUST be refused." */
    WR_TRY(wr_dh(secret, peer, &shared));
    wr_symmetric_mix_key(&hs->sym, WR_SLICE_OBJ(shared));
    return WR_OK;
}

/* Tokens that both sides process alike.  es and se name the initiator's key first, so which of
 * ours is meant depends on the role. */
static wr_err mix_token(wr_handshake *hs, wr_token token) {
    bool initiator = hs->role == WR_INITIATOR;
    switch (token) {
    case WR_T_EE:
        return mix_dh(hs, &hs->e, &hs->re);
    case WR_T_SS:
        return mix_dh(hs, &hs->s, &hs->rs);
    case WR_T_ES:
        return initiator ? mix_dh(hs, &hs->e, &hs->rs) : mix_dh(hs, &hs->s, &hs->re);
    case WR_T_SE:
        return initiator ? mix_dh(hs, &hs->s, &hs->re) : mix_dh(hs, &hs->e, &hs->rs);
    case WR_T_PSK:
        WR_ASSERT(hs->next_psk < hs->psk_count);
        wr_symmetric_mix_key_and_hash(&hs->sym, WR_SLICE_OBJ(hs->psks[hs->next_psk]));
        hs->next_psk++;
        return WR_OK;
    case WR_T_E:
    case WR_T_S:
    case WR_T_FLIP:
    case WR_T_END:
        break;
    }
    WR_UNREACHABLE();
}

/* With psks an ephemeral key also goes into the key, so that two handshakes under one psk never
 * share a key and nonce. */
static void mix_ephemeral(wr_handshake *hs, const wr_pub *key) {
    wr_symmetric_mix_hash(&hs->sym, WR_SLICE_OBJ(*key));
    if (hs->psk_count > 0)
        wr_symmetric_mix_key(&hs->sym, WR_SLICE_OBJ(*key));
}

/* ---- writing ----------------------------------------------------------------------- */

static wr_err write_token(wr_handshake *hs, wr_token token, wr_buf *out) {
    switch (token) {
    case WR_T_E:
        /* spec:channel#4.2 "It MUST NOT be used in two handshakes."  So it is drawn here. */
        wr_rng_fill(&hs->rng, hs->e.b, sizeof hs->e.b);
        hs->e_pub = wr_dh_public(&hs->e);
        WR_TRY(wr_buf_put(out, WR_SLICE_OBJ(hs->e_pub)));
        mix_ephemeral(hs, &hs->e_pub);
        return WR_OK;
    case WR_T_S:
        return wr_symmetric_seal(&hs->sym, WR_SLICE_OBJ(hs->s_pub), out);
    case WR_T_EE:
    case WR_T_ES:
    case WR_T_SE:
    case WR_T_SS:
    case WR_T_PSK:
        return mix_token(hs, token);
    case WR_T_FLIP:
    case WR_T_END:
        break;
    }
    WR_UNREACHABLE();
}

wr_err wr_handshake_write(wr_handshake *hs, wr_slice payload, wr_buf *out, wr_mono now) {
    if (hs->turn != WR_TURN_WRITE)
        return WR_ERR_STATE;
    /* spec:channel#7 "A handshake MUST NOT go on at or after its deadline." */
    if (wr_mono_reached(hs->deadline, now))
        return WR_ERR_TIMEOUT;

    WR_SECRET(wr_handshake) next = *hs;
    wr_buf message = *out;
    for (; !message_ends(&next); next.next_token++)
        WR_TRY(write_token(&next, token_at(&next), &message));
    size_t keys_len = message.len - out->len;
    if (keys_len + payload.len + wr_symmetric_overhead(&next.sym) > hs->message_max)
        return WR_ERR_LIMIT;
    WR_TRY(wr_symmetric_seal(&next.sym, payload, &message));
    turn_over(&next);

    *hs = next;
    *out = message;
    return WR_OK;
}

/* ---- reading ------------------------------------------------------------------------ */

static wr_err read_ephemeral(wr_handshake *hs, wr_slice *in) {
    wr_slice field;
    if (!wr_slice_take(in, sizeof hs->re.b, &field))
        return WR_ERR_TRUNCATED;
    /* spec:channel#4.3 "A side that reads its own ephemeral key MUST refuse the message" */
    wr_slice own = WR_SLICE_OBJ(hs->e_pub); /* zero until it was sent */
    if (!wr_is_zero(own) && wr_equal(field, own))
        return WR_ERR_AUTH;
    memcpy(hs->re.b, field.ptr, sizeof hs->re.b);
    mix_ephemeral(hs, &hs->re);
    return WR_OK;
}

static wr_err read_static(wr_handshake *hs, wr_slice *in) {
    wr_slice field;
    wr_buf key = WR_BUF_ARRAY(hs->rs.b);
    if (!wr_slice_take(in, sizeof hs->rs.b + wr_symmetric_overhead(&hs->sym), &field))
        return WR_ERR_TRUNCATED;
    WR_TRY(wr_symmetric_open(&hs->sym, field, &key));
    hs->has_rs = true;
    return WR_OK;
}

static wr_err read_token(wr_handshake *hs, wr_token token, wr_slice *in) {
    switch (token) {
    case WR_T_E:
        return read_ephemeral(hs, in);
    case WR_T_S:
        return read_static(hs, in);
    case WR_T_EE:
    case WR_T_ES:
    case WR_T_SE:
    case WR_T_SS:
    case WR_T_PSK:
        return mix_token(hs, token);
    case WR_T_FLIP:
    case WR_T_END:
        break;
    }
    WR_UNREACHABLE();
}

wr_err wr_handshake_read(wr_handshake *hs, wr_slice message, wr_buf *payload_out, wr_mono now) {
    if (hs->turn != WR_TURN_READ)
        return WR_ERR_STATE;
    if (wr_mono_reached(hs->deadline, now))
        return WR_ERR_TIMEOUT;
    if (message.len > hs->message_max)
        return WR_ERR_LIMIT;

    /* spec:channel#4.5 "A message that fails any check MUST leave the handshake as it was."
     * So work on a copy, and commit only when all of it held. */
    WR_SECRET(wr_handshake) next = *hs;
    wr_buf payload = *payload_out;
    for (; !message_ends(&next); next.next_token++)
        WR_TRY(read_token(&next, token_at(&next), &message));
    WR_TRY(wr_symmetric_open(&next.sym, message, &payload));
    turn_over(&next);

    *hs = next;
    *payload_out = payload;
    return WR_OK;
}

/* ---- questions and the end ------------------------------------------------------------ */

wr_handshake_turn wr_handshake_whose_turn(const wr_handshake *hs) {
    return hs->turn;
}

const wr_pub *wr_handshake_remote_static(const wr_handshake *hs) {
    return hs->has_rs ? &hs->rs : NULL;
}

wr_slice wr_handshake_hash(const wr_handshake *hs) {
    WR_ASSERT(hs->turn == WR_TURN_DONE);
    return wr_symmetric_hash(&hs->sym);
}

wr_mono wr_handshake_deadline(const wr_handshake *hs) {
    return hs->deadline;
}

static bool one_way(const wr_handshake *hs) {
    for (size_t i = 0; hs->tokens[i] != WR_T_END; i++)
        if (hs->tokens[i] == WR_T_FLIP)
            return false;
    return true;
}

void wr_handshake_split(wr_handshake *hs, wr_transport *ret_transport, wr_mono now) {
    WR_ASSERT(hs->turn == WR_TURN_DONE);
    WR_SECRET(wr_key) first;
    WR_SECRET(wr_key) second;
    wr_symmetric_split(&hs->sym, &first, &second);
    /* spec:channel#5.4 "the key of the other direction MUST NOT be used." */
    const wr_key *back = one_way(hs) ? NULL : &second;
    if (hs->role == WR_INITIATOR)
        wr_transport_init(ret_transport, &first, back, now);
    else
        wr_transport_init(ret_transport, back, &first, now);
    wr_handshake_wipe(hs);
}

void wr_handshake_wipe(wr_handshake *hs) {
    wr_wipe(hs, sizeof *hs);
}
