/* CPace: agreement, and everything that must not lead to it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"

#include "channel/pake.h"

typedef struct party {
    wr_pake_config config;
    wr_pake pake;
    wr_pub sent;
    wr_pake_key key;
} party;

static void prepare(party *a, party *b) {
    *a = (party){.config = {.role = WR_INITIATOR,
                            .prs = wr_slice_str("alpha-bravo-charlie"),
                            .ci = wr_slice_str("channel"),
                            .sid = wr_slice_str("0123456789abcdef"),
                            .ad = wr_slice_str("A")}};
    *b = *a;
    b->config.role = WR_RESPONDER;
    b->config.ad = wr_slice_str("B");
}

static void begin(party *p, uint64_t seed) {
    wr_rng rng = t_rng(seed);
    T_OK(wr_pake_start(&p->pake, &p->config, &rng, &p->sent));
}

/* Runs it; whether both have one key.  A gets b_ad as B's associated data. */
static bool agree(party *a, party *b, wr_slice b_ad) {
    begin(a, 1);
    begin(b, 2);
    T_OK(wr_pake_finish(&a->pake, &b->sent, b_ad, &a->key));
    T_OK(wr_pake_finish(&b->pake, &a->sent, a->config.ad, &b->key));
    return wr_equal(WR_SLICE_OBJ(a->key), WR_SLICE_OBJ(b->key));
}

static void same_code_gives_one_key_and_fresh_ones_each_run(void **state) {
    (void)state;
    party a, b;
    prepare(&a, &b);
    T_TRUE(agree(&a, &b, b.config.ad));
    wr_pake_key before = a.key;
    begin(&a, 3);
    begin(&b, 4);
    T_OK(wr_pake_finish(&a.pake, &b.sent, b.config.ad, &a.key));
    T_FALSE(wr_equal(WR_SLICE_OBJ(a.key), WR_SLICE_OBJ(before)));
}

/* Flips each bit of one of A's inputs: never the same key. */
static void flip_bits(size_t input) {
    party a, b;
    prepare(&a, &b);
    wr_slice *inputs[] = {&a.config.prs, &a.config.ci, &a.config.sid, &b.config.ad};
    uint8_t bytes[64];
    size_t len = inputs[input]->len;
    memcpy(bytes, inputs[input]->ptr, len);
    for (size_t bit = 0; bit < len * 8; bit++) {
        prepare(&a, &b);
        wr_slice b_ad = b.config.ad;
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (input == 3)
            b_ad = wr_slice_of(bytes, len);
        else
            *inputs[input] = wr_slice_of(bytes, len);
        T_FALSE(agree(&a, &b, b_ad));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void one_bit_of_code_channel_session_or_data_gives_another_key(void **state) {
    (void)state;
    for (size_t input = 0; input < 4; input++)
        flip_bits(input);
}

static void bytes_moved_between_inputs_give_another_key(void **state) {
    (void)state;
    party a, b;
    wr_slice code = wr_slice_str("code");
    wr_pub here = wr_pake_generator(code, wr_slice_str("ab"), wr_slice_str("c"));
    wr_pub there = wr_pake_generator(code, wr_slice_str("a"), wr_slice_str("bc"));
    T_FALSE(wr_pub_equal(&here, &there));
    prepare(&a, &b);
    a.config.ci = wr_slice_str("channel0");
    a.config.sid = wr_slice_str("123456789abcdef");
    T_FALSE(agree(&a, &b, b.config.ad));
    prepare(&a, &b);
    a.config.prs = wr_slice_of("alpha-bravo-charlie\0", 20); /* like the padding */
    T_FALSE(agree(&a, &b, b.config.ad));
}

static void two_of_one_role_do_not_agree(void **state) {
    (void)state;
    for (int role = 0; role < 2; role++) {
        party a, b;
        prepare(&a, &b);
        a.config.role = b.config.role = role == 0 ? WR_INITIATOR : WR_RESPONDER;
        T_FALSE(agree(&a, &b, b.config.ad));
    }
}

/* The ordered transcript: who swaps both roles computes another key. */
static void swapped_roles_give_another_key(void **state) {
    (void)state;
    party a, b, a2, b2;
    prepare(&a, &b);
    prepare(&a2, &b2);
    a2.config.role = WR_RESPONDER;
    b2.config.role = WR_INITIATOR;
    T_TRUE(agree(&a, &b, b.config.ad));
    T_TRUE(agree(&a2, &b2, b2.config.ad));
    T_TRUE(wr_pub_equal(&a.sent, &a2.sent));
    T_FALSE(wr_equal(WR_SLICE_OBJ(a.key), WR_SLICE_OBJ(a2.key)));
}

static void is_over(party *p, const wr_pub *peer, wr_err err) {
    wr_pake_key before = p->key;
    T_ERR(wr_pake_finish(&p->pake, peer, WR_SLICE_EMPTY, &p->key), err);
    T_MEM(p->key.b, before.b, sizeof before.b);
    T_TRUE(wr_is_zero(wr_slice_of(&p->pake, sizeof p->pake)));
    T_ERR(wr_pake_finish(&p->pake, peer, WR_SLICE_EMPTY, &p->key), WR_ERR_STATE);
}

/* spec:channel#8.4 type=test "A side that receives its own public value MUST refuse the run" */
static void own_value_sent_back_is_refused(void **state) {
    (void)state;
    party a, b;
    prepare(&a, &b);
    begin(&a, 1);
    begin(&b, 2);
    is_over(&a, &a.sent, WR_ERR_AUTH);
    is_over(&b, &b.sent, WR_ERR_AUTH);
}

/* spec:channel#8.4 type=test "An encoding that is no point, or a product that is the identity, MUST
 * end the run." */
static void identity_and_bad_encodings_are_refused(void **state) {
    (void)state;
    /* the identity; 1 and p - 1 (no ristretto encodings); all ones */
    wr_pub bad[4] = {{{0}}, {{1}}, {{0xec}}, {{0}}};
    memset(bad[2].b + 1, 0xff, sizeof bad[2].b - 2);
    bad[2].b[31] = 0x7f;
    memset(bad[3].b, 0xff, sizeof bad[3].b);
    for (size_t n = 0; n < WR_COUNT(bad); n++) {
        party a, b;
        prepare(&a, &b);
        begin(&a, 1);
        begin(&b, 2);
        is_over(&a, &bad[n], WR_ERR_BAD_KEY);
        is_over(&b, &bad[n], WR_ERR_BAD_KEY);
    }
}

/* spec:channel#8.3 type=test "The scalar MUST be wiped at the first answer, good or bad." */
static void a_run_takes_one_answer(void **state) {
    (void)state;
    party a, b;
    prepare(&a, &b);
    T_TRUE(agree(&a, &b, b.config.ad));
    T_TRUE(wr_is_zero(wr_slice_of(&a.pake, sizeof a.pake)));
    T_ERR(wr_pake_finish(&a.pake, &b.sent, b.config.ad, &a.key), WR_ERR_STATE);
    begin(&a, 5);
    wr_pake_wipe(&a.pake);
    T_ERR(wr_pake_finish(&a.pake, &b.sent, b.config.ad, &a.key), WR_ERR_STATE);
}

/* Lengths around the places where the prefix grows and the padding ends. */
static void inputs_of_any_length_agree(void **state) {
    (void)state;
    static uint8_t bytes[16384];
    static const size_t lengths[] = {0, 1, 106, 107, 108, 109, 110, 127, 128, 129, 16383, 16384};
    for (size_t n = 0; n < WR_COUNT(lengths); n++) {
        party a, b;
        prepare(&a, &b);
        a.config.prs = b.config.prs = wr_slice_of(bytes, lengths[n]);
        T_TRUE(agree(&a, &b, b.config.ad));
        prepare(&a, &b);
        a.config.ci = b.config.ci = wr_slice_of(bytes, lengths[n]);
        a.config.ad = wr_slice_of(bytes, lengths[n]);
        T_TRUE(agree(&a, &b, b.config.ad));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_code_gives_one_key_and_fresh_ones_each_run),
        cmocka_unit_test(one_bit_of_code_channel_session_or_data_gives_another_key),
        cmocka_unit_test(bytes_moved_between_inputs_give_another_key),
        cmocka_unit_test(two_of_one_role_do_not_agree),
        cmocka_unit_test(swapped_roles_give_another_key),
        cmocka_unit_test(own_value_sent_back_is_refused),
        cmocka_unit_test(identity_and_bad_encodings_are_refused),
        cmocka_unit_test(a_run_takes_one_answer),
        cmocka_unit_test(inputs_of_any_length_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
