/* Handshakes: agreement, every damage to every message, wrong keys, turns, deadlines, limits.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel_fixture.h"

#include "base/limits.h"

static const wr_pattern *const used[] = {WR_PATTERN_IKPSK2, WR_PATTERN_XXPSK0, WR_PATTERN_XPSK1};

static void both_sides_agree_and_know_each_other(void **state) {
    (void)state;
    for (size_t p = 0; p < WR_COUNT(used); p++) {
        side i, r;
        start_pair(&i, &r, used[p]);
        T_TRUE(wr_handshake_remote_static(&r.hs) == NULL);
        finish_pair(&i, &r);
        T_SLICE(wr_handshake_hash(&i.hs), wr_handshake_hash(&r.hs));
        T_EQ(wr_handshake_hash(&i.hs).len, 64);
        T_TRUE(wr_pub_equal(wr_handshake_remote_static(&i.hs), &i.rs));
        T_TRUE(wr_pub_equal(wr_handshake_remote_static(&r.hs), &r.rs));
        T_EQ(wr_handshake_deadline(&i.hs).ms, WR_MONO_NEVER.ms);
        wr_handshake_split(&i.hs, &i.transport, start);
        wr_handshake_split(&r.hs, &r.transport, start);
        wire m = seal_message(&i, "over");
        T_OK(open_message(&r, &m, "over"));
    }
}

static void messages_have_the_published_sizes(void **state) {
    (void)state;
    static const size_t sizes[][3] = {{96, 48}, {48, 96, 64}, {96}};
    for (size_t p = 0; p < WR_COUNT(used); p++) {
        side sides[2];
        start_pair(&sides[0], &sides[1], used[p]);
        for (size_t m = 0; m < wr_pattern_message_count(used[p]); m++) {
            wire message = write_message(&sides[m % 2], "");
            T_EQ(message.len, sizes[p][m]);
            T_OK(read_message(&sides[1 - m % 2], &message, ""));
        }
    }
}

static void is_untouched(const side *s, const wr_handshake *before) {
    T_MEM(&s->hs, before, sizeof *before);
}

/* Every bit flipped once, every truncation, and one byte more. */
static void damage_message(side *to, const wire *genuine) {
    wr_handshake before;
    memcpy(&before, &to->hs, sizeof before);
    wire bad = *genuine;
    for (size_t bit = 0; bit < bad.len * 8; bit++) {
        bad.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        /* The highest bit of an ephemeral key is no part of the key, but of the transcript. */
        T_ERR(read_message(to, &bad, ""), WR_ERR_AUTH);
        bad.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (bad.len = 0; bad.len < genuine->len; bad.len++)
        T_TRUE(read_message(to, &bad, "") != WR_OK);
    bad.len = genuine->len + 1;
    bad.b[genuine->len] = 0;
    T_ERR(read_message(to, &bad, ""), WR_ERR_AUTH);
    is_untouched(to, &before);
}

/* spec:channel#4.5 type=test "A message that fails any check MUST leave the handshake as it was."
 * The genuine message is still welcome after all of that. */
static void every_damaged_message_is_refused_and_survived(void **state) {
    (void)state;
    for (size_t p = 0; p < WR_COUNT(used); p++) {
        side sides[2];
        start_pair(&sides[0], &sides[1], used[p]);
        for (size_t m = 0; m < wr_pattern_message_count(used[p]); m++) {
            side *from = &sides[m % 2], *to = &sides[1 - m % 2];
            wire message = write_message(from, "hi");
            damage_message(to, &message);
            T_OK(read_message(to, &message, "hi"));
        }
        T_SLICE(wr_handshake_hash(&sides[0].hs), wr_handshake_hash(&sides[1].hs));
    }
}

/* Both start; the first message that the difference can show in has to be refused. */
static void is_refused(side *i, side *r) {
    side *sides[2] = {i, r};
    start_side(i);
    start_side(r);
    for (size_t m = 0; wr_handshake_whose_turn(&i->hs) != WR_TURN_DONE; m++) {
        wire message = write_message(sides[m % 2], "");
        wr_err err = read_message(sides[1 - m % 2], &message, "");
        if (err == WR_OK)
            continue;
        T_EQ(err, WR_ERR_AUTH);
        return;
    }
    fail_msg("both sides finished");
}

static void another_psk_prologue_or_peer_is_refused(void **state) {
    (void)state;
    for (size_t p = 0; p < WR_COUNT(used); p++) {
        side i, r;
        prepare_pair(&i, &r, used[p]);
        r.psk.b[31] ^= 1;
        is_refused(&i, &r);

        prepare_pair(&i, &r, used[p]);
        r.config.prologue = wr_slice_str("test/2");
        is_refused(&i, &r);

        prepare_pair(&i, &r, used[p]);
        r.config.prologue = WR_SLICE_EMPTY;
        is_refused(&i, &r);

        if (!wr_pattern_knows_remote(used[p], WR_INITIATOR))
            continue;
        prepare_pair(&i, &r, used[p]);
        i.rs.b[0] ^= 1;
        is_refused(&i, &r);
    }
}

/* spec:channel#3.3 type=test "The prologue MUST be mixed into h also when it is empty." */
static void an_empty_prologue_is_mixed_too(void **state) {
    (void)state;
    side i, r;
    wr_symmetric by_hand;
    wr_pattern pattern;
    T_OK(wr_pattern_find(wr_slice_str("NN"), &pattern));
    prepare_pair(&i, &r, &pattern);
    i.config.prologue = WR_SLICE_EMPTY;
    start_side(&i);
    wr_symmetric_init(&by_hand, WR_BLAKE2B, wr_slice_str("Noise_NN_25519_ChaChaPoly_BLAKE2b"));
    T_FALSE(wr_equal(wr_symmetric_hash(&i.hs.sym), wr_symmetric_hash(&by_hand)));
    wr_symmetric_mix_hash(&by_hand, WR_SLICE_EMPTY);
    T_SLICE(wr_symmetric_hash(&i.hs.sym), wr_symmetric_hash(&by_hand));
}

/* What a thief of r's static key, who has the psk too, can make of message 1 in i's name. */
static wire forge_first_message(wr_symmetric *sym, const wr_key *e, const side *r) {
    wire message;
    wr_buf out = WR_BUF_ARRAY(message.b);
    wr_key shared;
    wr_pub e_pub = wr_dh_public(e), r_pub = wr_dh_public(&r->s);
    T_OK(wr_buf_put(&out, WR_SLICE_OBJ(e_pub)));
    wr_symmetric_mix_hash(sym, WR_SLICE_OBJ(e_pub));
    wr_symmetric_mix_key(sym, WR_SLICE_OBJ(e_pub));
    T_OK(wr_dh(e, &r_pub, &shared));
    wr_symmetric_mix_key(sym, WR_SLICE_OBJ(shared));
    T_OK(wr_symmetric_seal(sym, WR_SLICE_OBJ(r->rs), &out));
    T_OK(wr_dh(&r->s, &r->rs, &shared)); /* ss needs either of the two secrets */
    wr_symmetric_mix_key(sym, WR_SLICE_OBJ(shared));
    T_OK(wr_symmetric_seal(sym, wr_slice_str("forged"), &out));
    message.len = out.len;
    return message;
}

/* The thief gets as far as message 1 and no further: se needs i's own secret. */
static void stolen_responder_key_does_not_make_an_initiator(void **state) {
    (void)state;
    side i, r, thief = {0};
    start_pair(&i, &r, WR_PATTERN_IKPSK2);
    wr_symmetric sym = i.hs.sym;
    wr_key e, shared, first, second;
    wr_rng rng = t_rng(9);
    wr_rng_fill(&rng, e.b, sizeof e.b);
    wire message = forge_first_message(&sym, &e, &r);
    T_OK(read_message(&r, &message, "forged"));
    message = write_message(&r, "");

    wr_pub re;
    memcpy(re.b, message.b, sizeof re.b);
    wr_symmetric_mix_hash(&sym, WR_SLICE_OBJ(re));
    wr_symmetric_mix_key(&sym, WR_SLICE_OBJ(re));
    T_OK(wr_dh(&e, &re, &shared));
    wr_symmetric_mix_key(&sym, WR_SLICE_OBJ(shared));
    T_OK(wr_dh(&r.s, &re, &shared)); /* the best it has */
    wr_symmetric_mix_key(&sym, WR_SLICE_OBJ(shared));
    wr_symmetric_mix_key_and_hash(&sym, WR_SLICE_OBJ(r.psk));
    uint8_t payload[WIRE_MAX];
    wr_buf out = WR_BUF_ARRAY(payload);
    T_ERR(wr_symmetric_open(&sym, wr_slice_of(message.b + 32, message.len - 32), &out),
          WR_ERR_AUTH);

    wr_symmetric_split(&sym, &first, &second);
    wr_transport_init(&thief.transport, &first, &second, start);
    wr_handshake_split(&r.hs, &r.transport, start);
    message = seal_message(&thief, "let me in");
    T_ERR(open_message(&r, &message, ""), WR_ERR_AUTH);
}

/* And with the initiator's key it cannot answer in the responder's name: es needs r's secret. */
static void stolen_initiator_key_does_not_make_a_responder(void **state) {
    (void)state;
    side i, r, thief;
    start_pair(&i, &r, WR_PATTERN_IKPSK2);
    memcpy(&thief, &r, sizeof thief);
    thief.hs.s = i.s;
    wire message = write_message(&i, "");
    T_ERR(read_message(&thief, &message, ""), WR_ERR_AUTH);
    T_OK(read_message(&r, &message, ""));
}

/* spec:channel#4.3 type=test "A side that reads its own ephemeral key MUST refuse the message" */
static void own_message_sent_back_is_refused(void **state) {
    (void)state;
    static const char *const names[] = {"NN", "NNpsk0", "XX", "XXpsk0"};
    for (size_t n = 0; n < WR_COUNT(names); n++) {
        side i, r;
        wr_pattern pattern;
        T_OK(wr_pattern_find(wr_slice_str(names[n]), &pattern));
        start_pair(&i, &r, &pattern);
        wire message = write_message(&i, "");
        T_ERR(read_message(&i, &message, ""), WR_ERR_AUTH);
        T_OK(read_message(&r, &message, ""));
        carry(&r, &i, "");
    }
}

/* The refusal comes from the key alone: here all the rest would fit. */
static void own_ephemeral_key_in_a_fitting_answer_is_refused(void **state) {
    (void)state;
    side i, r;
    wr_pattern pattern;
    T_OK(wr_pattern_find(wr_slice_str("X1N"), &pattern));
    start_pair(&i, &r, &pattern);
    wire message = write_message(&i, "");
    side mirror;
    memcpy(&mirror, &i, sizeof mirror);
    wr_key shared;
    wr_buf out = WR_BUF_ARRAY(message.b);
    wr_pub e_pub = i.hs.e_pub;
    T_OK(wr_dh(&i.hs.e, &e_pub, &shared));
    T_OK(wr_buf_put(&out, WR_SLICE_OBJ(e_pub)));
    wr_symmetric_mix_hash(&mirror.hs.sym, WR_SLICE_OBJ(e_pub));
    wr_symmetric_mix_key(&mirror.hs.sym, WR_SLICE_OBJ(shared));
    T_OK(wr_symmetric_seal(&mirror.hs.sym, WR_SLICE_EMPTY, &out));
    message.len = out.len;
    T_ERR(read_message(&i, &message, ""), WR_ERR_AUTH);
}

static const uint8_t low_order[][WR_KEY_SIZE] = {
    {0},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
};

/* spec:channel#4.4 type=test "A handshake in which a key exchange gives all zeros MUST be refused."
 * A peer that knows the psk can send any key as its own. */
static void low_order_ephemeral_keys_are_refused(void **state) {
    (void)state;
    for (size_t k = 0; k < WR_COUNT(low_order); k++) {
        side i, r;
        start_pair(&i, &r, WR_PATTERN_IKPSK2);
        wire good = write_message(&i, ""), bad = good;
        memcpy(bad.b, low_order[k], WR_KEY_SIZE);
        T_ERR(read_message(&r, &bad, ""), WR_ERR_BAD_KEY); /* es, as responder */
        T_OK(read_message(&r, &good, ""));
        good = bad = write_message(&r, "");
        memcpy(bad.b, low_order[k], WR_KEY_SIZE);
        T_ERR(read_message(&i, &bad, ""), WR_ERR_BAD_KEY); /* ee, as initiator */
        T_OK(read_message(&i, &good, ""));
    }
}

static void low_order_key_without_an_exchange_is_refused_by_the_answer(void **state) {
    (void)state;
    wr_pattern pattern;
    T_OK(wr_pattern_find(wr_slice_str("NN"), &pattern));
    for (size_t k = 0; k < WR_COUNT(low_order); k++) {
        side i, r;
        uint8_t answer[WIRE_MAX];
        wr_buf out = WR_BUF_ARRAY(answer);
        start_pair(&i, &r, &pattern);
        wire message = write_message(&i, "");
        memcpy(message.b, low_order[k], WR_KEY_SIZE);
        T_OK(read_message(&r, &message, ""));
        T_ERR(wr_handshake_write(&r.hs, WR_SLICE_EMPTY, &out, start), WR_ERR_BAD_KEY);
        T_EQ(out.len, 0);
        T_EQ(wr_handshake_whose_turn(&r.hs), WR_TURN_WRITE);
    }
}

static void low_order_static_keys_are_refused(void **state) {
    (void)state;
    for (size_t k = 0; k < WR_COUNT(low_order); k++) {
        side i, r;
        /* As the initiator's s in IK: it seals what it claims, ss then gives zeros. */
        start_pair(&i, &r, WR_PATTERN_IKPSK2);
        memcpy(i.hs.s_pub.b, low_order[k], WR_KEY_SIZE);
        wire message = write_message(&i, "");
        T_ERR(read_message(&r, &message, ""), WR_ERR_BAD_KEY);
        /* As the responder's s, known beforehand: nothing leaves. */
        uint8_t bytes[WIRE_MAX];
        wr_buf out = WR_BUF_ARRAY(bytes);
        prepare_pair(&i, &r, WR_PATTERN_IKPSK2);
        memcpy(i.rs.b, low_order[k], WR_KEY_SIZE);
        start_side(&i);
        T_ERR(wr_handshake_write(&i.hs, WR_SLICE_EMPTY, &out, start), WR_ERR_BAD_KEY);
        T_EQ(out.len, 0);
        /* As the responder's s in XX. */
        start_pair(&i, &r, WR_PATTERN_XXPSK0);
        carry(&i, &r, "");
        memcpy(r.hs.s_pub.b, low_order[k], WR_KEY_SIZE);
        message = write_message(&r, "");
        T_ERR(read_message(&i, &message, ""), WR_ERR_BAD_KEY);
    }
}

static void calls_out_of_turn_are_refused_and_change_nothing(void **state) {
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        side i, r;
        uint8_t bytes[WIRE_MAX];
        wr_buf out = WR_BUF_ARRAY(bytes);
        start_pair(&i, &r, used[p]);
        wire message = write_message(&i, "");
        wr_handshake before = i.hs;
        T_ERR(wr_handshake_write(&i.hs, WR_SLICE_EMPTY, &out, start), WR_ERR_STATE);
        is_untouched(&i, &before);
        T_ERR(wr_handshake_write(&r.hs, WR_SLICE_EMPTY, &out, start), WR_ERR_STATE);
        T_OK(read_message(&r, &message, ""));
        T_ERR(read_message(&r, &message, ""), WR_ERR_STATE); /* the same again */
        finish_pair(&i, &r);
        T_ERR(wr_handshake_write(&i.hs, WR_SLICE_EMPTY, &out, start), WR_ERR_STATE);
        T_ERR(read_message(&r, &message, ""), WR_ERR_STATE);
        T_EQ(out.len, 0);
    }
}

/* A message of one handshake, whole and genuine, is worth nothing in another. */
static void messages_replayed_into_another_handshake_are_refused(void **state) {
    (void)state;
    side i, r, i2, r2;
    start_pair(&i, &r, WR_PATTERN_XXPSK0);
    wire first = write_message(&i, "");
    T_OK(read_message(&r, &first, ""));
    wire second = write_message(&r, "");
    T_OK(read_message(&i, &second, ""));
    wire third = write_message(&i, "");

    prepare_pair(&i2, &r2, WR_PATTERN_XXPSK0);
    i2.config.rng = t_rng(77);
    r2.config.rng = t_rng(78);
    start_side(&i2);
    start_side(&r2);
    T_OK(read_message(&r2, &first, "")); /* message 1 alone proves nothing .. */
    (void)write_message(&r2, "");
    T_ERR(read_message(&r2, &third, ""), WR_ERR_AUTH); /* .. message 3 does */
    (void)write_message(&i2, "");
    T_ERR(read_message(&i2, &second, ""), WR_ERR_AUTH);
}

/* spec:channel#4.2 type=test "It MUST NOT be used in two handshakes." */
static void each_handshake_draws_its_own_ephemeral_key(void **state) {
    (void)state;
    side i, r;
    start_pair(&i, &r, WR_PATTERN_XXPSK0);
    wire one = write_message(&i, "");
    start_side(&i); /* the same generator, further on */
    wire two = write_message(&i, "");
    T_FALSE(wr_equal(wr_slice_of(one.b, WR_KEY_SIZE), wr_slice_of(two.b, WR_KEY_SIZE)));
}

/* A message of a session is no message of a pairing, whatever keys are the same. */
static void pattern_is_part_of_the_transcript(void **state) {
    (void)state;
    side i, r;
    wr_pattern other;
    T_OK(wr_pattern_find(wr_slice_str("IKpsk1"), &other));
    prepare_pair(&i, &r, WR_PATTERN_IKPSK2);
    r.config.pattern = &other;
    is_refused(&i, &r);
    prepare_pair(&i, &r, WR_PATTERN_IKPSK2);
    r.config.hash = WR_SHA512; /* as long as BLAKE2b */
    is_refused(&i, &r);
}

/* spec:channel#7 type=test "A handshake MUST NOT go on at or after its deadline." */
static void deadline_is_the_first_instant_that_fails(void **state) {
    (void)state;
    side i, r;
    uint8_t bytes[WIRE_MAX], got[WIRE_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes), payload = WR_BUF_ARRAY(got);
    start_pair(&i, &r, WR_PATTERN_IKPSK2);
    wr_mono deadline = wr_handshake_deadline(&i.hs), last = {deadline.ms - 1};
    T_EQ(deadline.ms, start.ms + WR_HANDSHAKE_MS_MAX);
    T_ERR(wr_handshake_write(&i.hs, WR_SLICE_EMPTY, &out, deadline), WR_ERR_TIMEOUT);
    T_EQ(out.len, 0);
    T_OK(wr_handshake_write(&i.hs, WR_SLICE_EMPTY, &out, last));
    T_ERR(wr_handshake_read(&r.hs, wr_buf_slice(&out), &payload, deadline), WR_ERR_TIMEOUT);
    T_OK(wr_handshake_read(&r.hs, wr_buf_slice(&out), &payload, last));

    prepare_pair(&i, &r, WR_PATTERN_IKPSK2);
    i.config.timeout_ms = 5;
    start_side(&i);
    T_EQ(wr_handshake_deadline(&i.hs).ms, start.ms + 5);
}

static void message_limit_holds_on_both_sides_to_the_byte(void **state) {
    (void)state;
    static uint8_t big[WR_NOISE_MESSAGE_MAX + 1], got[WR_NOISE_MESSAGE_MAX];
    static const uint8_t payload[WR_NOISE_MESSAGE_MAX];
    const size_t limits[] = {WR_HANDSHAKE_MESSAGE_MAX, WR_NOISE_MESSAGE_MAX};
    for (size_t n = 0; n < WR_COUNT(limits); n++) {
        side i, r;
        wr_buf out = WR_BUF_ARRAY(big), out_payload = WR_BUF_ARRAY(got);
        size_t room = limits[n] - 96; /* IKpsk2 message 1 */
        prepare_pair(&i, &r, WR_PATTERN_IKPSK2);
        i.config.message_max = r.config.message_max = n == 0 ? 0 : limits[n];
        start_side(&i);
        start_side(&r);
        T_ERR(wr_handshake_write(&i.hs, wr_slice_of(payload, room + 1), &out, start), WR_ERR_LIMIT);
        T_EQ(out.len, 0);
        T_OK(wr_handshake_write(&i.hs, wr_slice_of(payload, room), &out, start));
        T_EQ(out.len, limits[n]);
        T_ERR(wr_handshake_read(&r.hs, wr_slice_of(big, out.len + 1), &out_payload, start),
              WR_ERR_LIMIT);
        T_OK(wr_handshake_read(&r.hs, wr_buf_slice(&out), &out_payload, start));
        T_EQ(out_payload.len, room);
    }
}

static void too_small_buffers_cost_nothing(void **state) {
    (void)state;
    side i, r;
    uint8_t bytes[WIRE_MAX], got[8];
    wr_slice hi = wr_slice_str("hi");
    start_pair(&i, &r, WR_PATTERN_XXPSK0);
    wr_handshake before = i.hs;
    for (size_t cap = 0; cap < 48 + hi.len; cap++) {
        wr_buf out = wr_buf_of(bytes, cap);
        T_ERR(wr_handshake_write(&i.hs, hi, &out, start), WR_ERR_NOBUF);
        T_EQ(out.len, 0);
    }
    is_untouched(&i, &before);
    wr_buf out = wr_buf_of(bytes, 48 + hi.len), tight = wr_buf_of(got, 1),
           enough = wr_buf_of(got, 2);
    T_OK(wr_handshake_write(&i.hs, hi, &out, start));
    before = r.hs;
    T_ERR(wr_handshake_read(&r.hs, wr_buf_slice(&out), &tight, start), WR_ERR_NOBUF);
    is_untouched(&r, &before);
    T_OK(wr_handshake_read(&r.hs, wr_buf_slice(&out), &enough, start));
}

/* spec:channel#2.2 type=test "A handshake MUST NOT start with a key missing, nor with a psk or a
 * peer's key that the pattern does not take." */
static void start_needs_exactly_the_keys_of_the_pattern(void **state) {
    (void)state;
    side i, r, blank = {0};
    prepare_pair(&i, &r, WR_PATTERN_IKPSK2);
    i.hs = blank.hs;
    wr_handshake_config c = i.config;
    c.s = NULL;
    T_ERR(wr_handshake_init(&i.hs, &c), WR_ERR_STATE);
    c = i.config;
    c.rs = NULL;
    T_ERR(wr_handshake_init(&i.hs, &c), WR_ERR_STATE);
    c = i.config;
    c.psks = NULL;
    T_ERR(wr_handshake_init(&i.hs, &c), WR_ERR_STATE);
    c.psk_count = 0;
    T_ERR(wr_handshake_init(&i.hs, &c), WR_ERR_STATE);
    c = i.config;
    c.psk_count = 2;
    T_ERR(wr_handshake_init(&i.hs, &c), WR_ERR_STATE);
    c = i.config;
    c.message_max = WR_NOISE_MESSAGE_MAX + 1;
    T_ERR(wr_handshake_init(&i.hs, &c), WR_ERR_LIMIT);
    c = r.config;
    c.rs = &r.rs; /* IK sends the initiator's key: nobody would compare this one */
    T_ERR(wr_handshake_init(&i.hs, &c), WR_ERR_STATE);
    is_untouched(&i, &blank.hs);
}

static void wipe_and_split_leave_no_secret(void **state) {
    (void)state;
    side i, r;
    start_pair(&i, &r, WR_PATTERN_IKPSK2);
    finish_pair(&i, &r);
    wr_handshake_split(&i.hs, &i.transport, start);
    T_TRUE(wr_is_zero(wr_slice_of(&i.hs, sizeof i.hs)));
    wr_handshake_wipe(&r.hs);
    T_TRUE(wr_is_zero(wr_slice_of(&r.hs, sizeof r.hs)));
}

/* It is copied for each message, and embedded in each link. */
static void handshake_stays_small(void **state) {
    (void)state;
    T_TRUE(sizeof(wr_handshake) <= 768);
    T_TRUE(sizeof(wr_transport) <= 192);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_agree_and_know_each_other),
        cmocka_unit_test(messages_have_the_published_sizes),
        cmocka_unit_test(every_damaged_message_is_refused_and_survived),
        cmocka_unit_test(another_psk_prologue_or_peer_is_refused),
        cmocka_unit_test(an_empty_prologue_is_mixed_too),
        cmocka_unit_test(stolen_responder_key_does_not_make_an_initiator),
        cmocka_unit_test(stolen_initiator_key_does_not_make_a_responder),
        cmocka_unit_test(own_message_sent_back_is_refused),
        cmocka_unit_test(own_ephemeral_key_in_a_fitting_answer_is_refused),
        cmocka_unit_test(low_order_ephemeral_keys_are_refused),
        cmocka_unit_test(low_order_key_without_an_exchange_is_refused_by_the_answer),
        cmocka_unit_test(low_order_static_keys_are_refused),
        cmocka_unit_test(calls_out_of_turn_are_refused_and_change_nothing),
        cmocka_unit_test(messages_replayed_into_another_handshake_are_refused),
        cmocka_unit_test(each_handshake_draws_its_own_ephemeral_key),
        cmocka_unit_test(pattern_is_part_of_the_transcript),
        cmocka_unit_test(deadline_is_the_first_instant_that_fails),
        cmocka_unit_test(message_limit_holds_on_both_sides_to_the_byte),
        cmocka_unit_test(too_small_buffers_cost_nothing),
        cmocka_unit_test(start_needs_exactly_the_keys_of_the_pattern),
        cmocka_unit_test(wipe_and_split_leave_no_secret),
        cmocka_unit_test(handshake_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
