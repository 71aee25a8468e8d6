/* Transport messages: order, replay, reflection, damage, nonce and key limits, rekey, padding.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel_fixture.h"

#include "base/limits.h"

static void messages_flow_both_ways_in_order(void **state) {
    (void)state;
    side i, r;
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    for (size_t n = 0; n < 5; n++) {
        wire m = seal_message(&i, "question");
        T_EQ(m.len, strlen("question") + WR_TAG_SIZE);
        T_OK(open_message(&r, &m, "question"));
        m = seal_message(&r, "");
        T_OK(open_message(&i, &m, ""));
    }
}

/* spec:channel#3.1 type=test "A message that fails to open MUST NOT advance n." */
static void replayed_skipped_and_reflected_messages_do_not_open(void **state) {
    (void)state;
    side i, r;
    connect_pair(&i, &r, WR_PATTERN_XXPSK0);
    wire first = seal_message(&i, "one"), second = seal_message(&i, "two");
    T_ERR(open_message(&r, &second, ""), WR_ERR_AUTH); /* overtook the first */
    T_ERR(open_message(&i, &first, ""), WR_ERR_AUTH);  /* came back to its sender */
    T_OK(open_message(&r, &first, "one"));
    T_ERR(open_message(&r, &first, ""), WR_ERR_AUTH); /* once more */
    T_OK(open_message(&r, &second, "two"));
    T_ERR(open_message(&r, &first, ""), WR_ERR_AUTH);
    T_EQ(r.transport.recv.cipher.n, 2);
    T_EQ(r.transport.recv.messages, 2);
}

static void every_damaged_message_is_refused_and_survived(void **state) {
    (void)state;
    side i, r;
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    wire good = seal_message(&i, "text"), bad = good;
    for (size_t bit = 0; bit < bad.len * 8; bit++) {
        bad.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        T_ERR(open_message(&r, &bad, ""), WR_ERR_AUTH);
        bad.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (bad.len = 0; bad.len < good.len; bad.len++)
        T_ERR(open_message(&r, &bad, ""), bad.len < WR_TAG_SIZE ? WR_ERR_TRUNCATED : WR_ERR_AUTH);
    bad.len = good.len + 1;
    T_ERR(open_message(&r, &bad, ""), WR_ERR_AUTH);
    T_EQ(r.transport.recv.messages, 0);
    T_EQ(r.transport.recv.bytes, 0);
    T_OK(open_message(&r, &good, "text"));
}

static void messages_of_another_handshake_do_not_open(void **state) {
    (void)state;
    side i, r, i2, r2;
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    prepare_pair(&i2, &r2, WR_PATTERN_IKPSK2);
    i2.config.rng = t_rng(31);
    start_side(&i2);
    start_side(&r2);
    finish_pair(&i2, &r2);
    wr_handshake_split(&i2.hs, &i2.transport, start);
    wr_handshake_split(&r2.hs, &r2.transport, start);
    wire m = seal_message(&i, "text");
    T_ERR(open_message(&r2, &m, ""), WR_ERR_AUTH);
    T_OK(open_message(&r, &m, "text"));
}

/* spec:channel#3.1 type=test "The nonce 2^64-1 MUST NOT be used for a message" */
static void last_nonce_is_never_used(void **state) {
    (void)state;
    side i, r;
    uint8_t bytes[WIRE_MAX];
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    i.transport.send.cipher.n = UINT64_MAX - 1;
    r.transport.recv.cipher.n = UINT64_MAX - 1;
    wire m = seal_message(&i, "last");
    T_OK(open_message(&r, &m, "last"));
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_ERR(wr_transport_seal(&i.transport, wr_slice_str("x"), &out), WR_ERR_LIMIT);
    T_ERR(open_message(&r, &m, ""), WR_ERR_LIMIT);
    T_EQ(out.len, 0);
    T_EQ(i.transport.send.cipher.n, UINT64_MAX);
    T_EQ(i.transport.send.messages, 1);
}

static void longest_message_fits_and_one_byte_more_does_not(void **state) {
    (void)state;
    static uint8_t plain[WR_NOISE_MESSAGE_MAX], big[WR_NOISE_MESSAGE_MAX + 64];
    static uint8_t got[WR_NOISE_MESSAGE_MAX];
    const size_t most = WR_NOISE_MESSAGE_MAX - WR_TAG_SIZE;
    side i, r;
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    wr_buf out = WR_BUF_ARRAY(big), back = WR_BUF_ARRAY(got);
    T_ERR(wr_transport_seal(&i.transport, wr_slice_of(plain, most + 1), &out), WR_ERR_LIMIT);
    T_OK(wr_transport_seal(&i.transport, wr_slice_of(plain, most), &out));
    T_EQ(out.len, WR_NOISE_MESSAGE_MAX);
    T_ERR(wr_transport_open(&r.transport, wr_slice_of(big, out.len + 1), &back), WR_ERR_LIMIT);
    T_OK(wr_transport_open(&r.transport, wr_buf_slice(&out), &back));
    T_SLICE(wr_buf_slice(&back), wr_slice_of(plain, most));
}

static void sealing_and_opening_work_in_place_and_need_exact_room(void **state) {
    (void)state;
    static uint8_t place[WR_NOISE_MESSAGE_MAX];
    const size_t len = sizeof place - WR_TAG_SIZE;
    side i, r;
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    memset(place, 'x', len);
    wr_buf tight = wr_buf_of(place, sizeof place - 1), out = WR_BUF_ARRAY(place);
    T_ERR(wr_transport_seal(&i.transport, wr_slice_of(place, len), &tight), WR_ERR_NOBUF);
    T_EQ(i.transport.send.cipher.n, 0);
    T_OK(wr_transport_seal(&i.transport, wr_slice_of(place, len), &out));
    wr_buf small = wr_buf_of(place, len - 1), back = wr_buf_of(place, len);
    T_ERR(wr_transport_open(&r.transport, wr_buf_slice(&out), &small), WR_ERR_NOBUF);
    T_OK(wr_transport_open(&r.transport, wr_buf_slice(&out), &back));
    for (size_t k = 0; k < len; k++)
        T_EQ(place[k], 'x');
}

/* spec:channel#5.4 type=test "After a one-way pattern the initiator only seals and the responder
 * only opens; the key of the other direction MUST NOT be used." */
static void one_way_transport_goes_one_way(void **state) {
    (void)state;
    side i, r;
    uint8_t bytes[WIRE_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    connect_pair(&i, &r, WR_PATTERN_XPSK1);
    wire m = seal_message(&i, "there");
    T_ERR(open_message(&i, &m, ""), WR_ERR_STATE);
    T_OK(open_message(&r, &m, "there"));
    T_ERR(wr_transport_seal(&r.transport, wr_slice_str("back"), &out), WR_ERR_STATE);
    T_ERR(wr_transport_rekey_send(&r.transport, start), WR_ERR_STATE);
    T_ERR(wr_transport_rekey_recv(&i.transport, start), WR_ERR_STATE);
    T_FALSE(wr_transport_rekey_due(&r.transport, WR_MONO_NEVER));
    T_EQ(wr_transport_deadline(&r.transport).ms, WR_MONO_NEVER.ms);
}

/* ---- rekey --------------------------------------------------------------------------------- */

static void rekey_changes_the_key_and_not_the_nonce(void **state) {
    (void)state;
    side i, r;
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    wire m = seal_message(&i, "announce");
    T_OK(open_message(&r, &m, "announce"));
    wr_key before = i.transport.send.cipher.k, back = i.transport.recv.cipher.k;
    T_OK(wr_transport_rekey_send(&i.transport, start));
    T_FALSE(wr_key_equal(&i.transport.send.cipher.k, &before));
    T_TRUE(wr_key_equal(&i.transport.recv.cipher.k, &back));
    T_EQ(i.transport.send.cipher.n, 1);

    /* By the definition: 32 zeros sealed under the old key with the last nonce. */
    uint8_t zeros[WR_KEY_SIZE] = {0}, sealed[WR_KEY_SIZE + WR_TAG_SIZE];
    wr_buf out = WR_BUF_ARRAY(sealed);
    T_OK(wr_aead_seal(&before, UINT64_MAX, WR_SLICE_EMPTY, wr_slice_of(zeros, sizeof zeros), &out));
    T_MEM(i.transport.send.cipher.k.b, sealed, WR_KEY_SIZE);

    m = seal_message(&i, "new key");
    T_ERR(open_message(&r, &m, ""), WR_ERR_AUTH); /* the receiver missed the REKEY */
    T_OK(wr_transport_rekey_recv(&r.transport, start));
    T_OK(open_message(&r, &m, "new key"));
    T_EQ(r.transport.recv.cipher.n, 2);
}

/* spec:channel#6.3 type=test "A REKEY under a key that has protected no message MUST end the
 * channel." */
static void second_rekey_in_a_row_is_refused(void **state) {
    (void)state;
    side i, r;
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    T_ERR(wr_transport_rekey_recv(&r.transport, start), WR_ERR_STATE);
    wire m = seal_message(&i, "announce");
    T_OK(open_message(&r, &m, "announce"));
    T_OK(wr_transport_rekey_send(&i.transport, start));
    T_OK(wr_transport_rekey_recv(&r.transport, start));
    wr_key key = r.transport.recv.cipher.k;
    T_ERR(wr_transport_rekey_send(&i.transport, start), WR_ERR_STATE);
    T_ERR(wr_transport_rekey_recv(&r.transport, start), WR_ERR_STATE);
    T_TRUE(wr_key_equal(&r.transport.recv.cipher.k, &key));
}

/* spec:channel#6.2 type=test "A key MUST NOT protect more than 65,536 messages or 1 GiB of
 * messages." */
static void message_count_of_a_key_is_limited_on_both_sides(void **state) {
    (void)state;
    side i, r;
    uint8_t bytes[WIRE_MAX];
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    for (size_t n = 0; n < WR_REKEY_MESSAGES - 1; n++) {
        T_FALSE(wr_transport_rekey_due(&i.transport, start));
        wr_buf out = WR_BUF_ARRAY(bytes), back = WR_BUF_ARRAY(bytes);
        T_OK(wr_transport_seal(&i.transport, WR_SLICE_EMPTY, &out));
        T_OK(wr_transport_open(&r.transport, wr_buf_slice(&out), &back));
    }
    T_TRUE(wr_transport_rekey_due(&i.transport, start));
    wire last = seal_message(&i, "announce");
    T_OK(open_message(&r, &last, "announce"));
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_ERR(wr_transport_seal(&i.transport, WR_SLICE_EMPTY, &out), WR_ERR_LIMIT);
    T_ERR(open_message(&r, &last, ""), WR_ERR_LIMIT);
    T_OK(wr_transport_rekey_send(&i.transport, start));
    T_OK(wr_transport_rekey_recv(&r.transport, start));
    T_FALSE(wr_transport_rekey_due(&i.transport, start));
    wire m = seal_message(&i, "on");
    T_OK(open_message(&r, &m, "on"));
}

/* Whenever it is not due yet, two more messages of any size fit; when it is, one does. */
static void byte_count_of_a_key_is_limited_on_both_sides(void **state) {
    (void)state;
    static uint8_t plain[WR_NOISE_MESSAGE_MAX - WR_TAG_SIZE], big[WR_NOISE_MESSAGE_MAX];
    side i, r;
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    i.transport.send.bytes = r.transport.recv.bytes = WR_REKEY_BYTES - 2 * WR_NOISE_MESSAGE_MAX;
    T_FALSE(wr_transport_rekey_due(&i.transport, start));
    for (size_t n = 0; n < 2; n++) {
        wr_buf out = WR_BUF_ARRAY(big), back = WR_BUF_ARRAY(plain);
        T_OK(wr_transport_seal(&i.transport, wr_slice_of(plain, sizeof plain), &out));
        T_TRUE(wr_transport_rekey_due(&i.transport, start));
        T_OK(wr_transport_open(&r.transport, wr_buf_slice(&out), &back));
    }
    T_EQ(i.transport.send.bytes, WR_REKEY_BYTES);
    wr_buf out = WR_BUF_ARRAY(big);
    T_ERR(wr_transport_seal(&i.transport, WR_SLICE_EMPTY, &out), WR_ERR_LIMIT);
    T_ERR(wr_transport_open(&r.transport, wr_slice_of(big, WR_TAG_SIZE), &out), WR_ERR_LIMIT);
    T_OK(wr_transport_rekey_send(&i.transport, start));
    T_EQ(i.transport.send.bytes, 0);
}

static void rekey_is_due_at_its_instant_and_starts_anew(void **state) {
    (void)state;
    side i, r;
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    wr_mono deadline = wr_transport_deadline(&i.transport);
    T_EQ(deadline.ms, start.ms + WR_REKEY_MS);
    T_FALSE(wr_transport_rekey_due(&i.transport, (wr_mono){deadline.ms - 1}));
    T_TRUE(wr_transport_rekey_due(&i.transport, deadline));
    (void)seal_message(&i, "announce");
    T_OK(wr_transport_rekey_send(&i.transport, deadline));
    T_FALSE(wr_transport_rekey_due(&i.transport, deadline));
    T_EQ(wr_transport_deadline(&i.transport).ms, deadline.ms + WR_REKEY_MS);
}

/* ---- padding -------------------------------------------------------------------------------- */

static void padding_has_few_sizes_and_stays_within_its_bounds(void **state) {
    (void)state;
    static const size_t rows[][2] = {{0, 64},        {1, 64},       {64, 64},     {65, 72},
                                     {200, 208},     {257, 272},    {1025, 1088}, {61440, 61440},
                                     {61441, 63488}, {63488, 63488}};
    for (size_t n = 0; n < WR_COUNT(rows); n++)
        T_EQ(wr_transport_pad(rows[n][0]), rows[n][1]);
    size_t sizes = 0, last = 0;
    for (size_t len = 0; len <= WR_TRANSPORT_PLAIN_MAX; len++) {
        size_t padded = wr_transport_pad(len);
        T_TRUE(padded >= len);
        T_TRUE(padded >= last);
        T_TRUE(len < 64 || padded - len <= len * 12 / 100);
        sizes += padded != last;
        last = padded;
    }
    T_TRUE(sizes < 150);
}

static void wipe_leaves_no_key(void **state) {
    (void)state;
    side i, r;
    connect_pair(&i, &r, WR_PATTERN_IKPSK2);
    wr_transport_wipe(&i.transport);
    T_TRUE(wr_is_zero(wr_slice_of(&i.transport, sizeof i.transport)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_flow_both_ways_in_order),
        cmocka_unit_test(replayed_skipped_and_reflected_messages_do_not_open),
        cmocka_unit_test(every_damaged_message_is_refused_and_survived),
        cmocka_unit_test(messages_of_another_handshake_do_not_open),
        cmocka_unit_test(last_nonce_is_never_used),
        cmocka_unit_test(longest_message_fits_and_one_byte_more_does_not),
        cmocka_unit_test(sealing_and_opening_work_in_place_and_need_exact_room),
        cmocka_unit_test(one_way_transport_goes_one_way),
        cmocka_unit_test(rekey_changes_the_key_and_not_the_nonce),
        cmocka_unit_test(second_rekey_in_a_row_is_refused),
        cmocka_unit_test(message_count_of_a_key_is_limited_on_both_sides),
        cmocka_unit_test(byte_count_of_a_key_is_limited_on_both_sides),
        cmocka_unit_test(rekey_is_due_at_its_instant_and_starts_anew),
        cmocka_unit_test(padding_has_few_sizes_and_stays_within_its_bounds),
        cmocka_unit_test(wipe_leaves_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
