/* Sessions as bytes: records, frames, padding, and when the keys change.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"

#include "channel/pattern.h"
#include "sync/session.h"

#define PIPE_SIZE (2u * WR_RECORD_MAX)

static wr_session left, right; /* left speaks, right listens */
static uint8_t bytes[PIPE_SIZE];
static wr_mono now;

/* A pair of sessions with the keys of a real handshake. */
static int set_up(void **state) {
    (void)state;
    now = (wr_mono){1000};
    wr_handshake side[2];
    wr_pattern pattern;
    T_OK(wr_pattern_find(wr_slice_str("NNpsk0"), &pattern));
    for (unsigned i = 0; i < 2; i++) {
        static const wr_key psk = {{3}};
        wr_handshake_config config = {
            .pattern = &pattern,
            .hash = WR_BLAKE2B,
            .role = i == 0 ? WR_INITIATOR : WR_RESPONDER,
            .psks = &psk,
            .psk_count = 1,
            .rng = t_rng(i + 1),
            .now = now,
        };
        T_OK(wr_handshake_init(&side[i], &config));
    }
    for (unsigned i = 0; i < 2; i++) {
        wr_buf message = WR_BUF_ARRAY(bytes), payload = wr_buf_of(NULL, 0);
        T_OK(wr_handshake_write(&side[i], WR_SLICE_EMPTY, &message, now));
        T_OK(wr_handshake_read(&side[1 - i], wr_buf_slice(&message), &payload, now));
    }
    wr_session_init(&left);
    wr_session_init(&right);
    wr_session_start(&left, &side[0], now);
    wr_session_start(&right, &side[1], now);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    wr_session_wipe(&left);
    wr_session_wipe(&right);
    return 0;
}

/* One message of these plaintext bytes, as they are. */
static wr_slice raw(wr_slice plain) {
    wr_buf out = wr_buf_of(bytes + 2, sizeof bytes - 2);
    T_OK(wr_transport_seal(&left.transport, plain, &out));
    bytes[0] = (uint8_t)(out.len >> 8);
    bytes[1] = (uint8_t)out.len;
    return wr_slice_of(bytes, out.len + 2);
}

static wr_slice say(uint8_t type, wr_slice body) {
    wr_buf out = WR_BUF_ARRAY(bytes), plain;
    T_TRUE(wr_session_begin(&left, &out, &plain));
    T_OK(wr_frame_put(&plain, type, body));
    T_OK(wr_session_end(&left, &plain, &out, now));
    return wr_buf_slice(&out);
}

/* Reads all of in; how many frames of which last type. */
static wr_err hear(wr_slice in, unsigned *ret_count, uint8_t *ret_type) {
    wr_slice body;
    bool have = true;
    *ret_count = 0;
    for (;;) {
        WR_TRY(wr_session_next(&right, &in, now, ret_type, &body, &have));
        if (!have)
            return WR_OK;
        (*ret_count)++;
    }
}

static wr_err hear_any(wr_slice in) {
    unsigned count;
    uint8_t type;
    return hear(in, &count, &type);
}

static void frames_come_as_they_were_put_however_the_stream_is_cut(void **state) {
    (void)state;
    wr_buf out = WR_BUF_ARRAY(bytes), plain;
    for (unsigned n = 0; n < 2; n++) {
        T_TRUE(wr_session_begin(&left, &out, &plain));
        T_OK(wr_frame_put(&plain, 7, wr_slice_str("body")));
        T_OK(wr_frame_put(&plain, 200, WR_SLICE_EMPTY));
        T_OK(wr_session_end(&left, &plain, &out, now));
    }
    unsigned frames = 0;
    for (size_t i = 0; i < out.len; i++) {
        unsigned count;
        uint8_t type;
        T_OK(hear(wr_slice_of(bytes + i, 1), &count, &type));
        frames += count;
    }
    T_EQ(frames, 4);
}

/* spec:wire#2.1 type=test "A reader MUST refuse a record of length 0." */
static void an_empty_record_is_refused(void **state) {
    (void)state;
    T_ERR(hear_any(wr_slice_of("\0\0", 2)), WR_ERR_FORMAT);
}

/* spec:wire#2.2 type=test "Until a side's handshake is complete it MUST refuse a record of more
 * than 512 bytes" */
static void a_handshake_record_has_at_most_512_bytes(void **state) {
    (void)state;
    static const uint8_t fits[] = {2, 0}, more[] = {2, 1};
    wr_session fresh;
    wr_slice record, in = wr_slice_of(fits, 2);
    bool have;
    wr_session_init(&fresh);
    T_OK(wr_session_raw(&fresh, &in, &record, &have));
    T_FALSE(have);
    wr_session_wipe(&fresh);
    wr_session_init(&fresh);
    in = wr_slice_of(more, 2);
    T_ERR(wr_session_raw(&fresh, &in, &record, &have), WR_ERR_LIMIT);
    wr_session_wipe(&fresh);
}

static void a_changed_repeated_or_overtaking_message_ends_the_session(void **state) {
    (void)state;
    static uint8_t copy[256];
    wr_slice message = say(7, wr_slice_str("body"));
    memcpy(copy, message.ptr, message.len);
    T_OK(hear_any(message));
    T_ERR(hear_any(wr_slice_of(copy, message.len)), WR_ERR_AUTH);
}

/* spec:wire#3.1 type=test "all bytes from there on MUST be zero." */
static void padding_that_is_not_zero_is_refused(void **state) {
    (void)state;
    static const uint8_t plain[] = {7, 0, 0, 0, 0, 1, 9, 0, 0, 1};
    T_ERR(hear_any(raw(wr_slice_of(plain, sizeof plain))), WR_ERR_FORMAT);
}

/* spec:wire#3.1 type=test "A reader MUST refuse flags other than 0." */
static void flags_are_refused(void **state) {
    (void)state;
    static const uint8_t plain[] = {7, 1, 0, 0, 0, 0};
    T_ERR(hear_any(raw(wr_slice_of(plain, sizeof plain))), WR_ERR_FORMAT);
}

/* spec:wire#3.1 type=test "A frame MUST end within its message." */
static void a_frame_ends_within_its_message(void **state) {
    (void)state;
    static const uint8_t plain[] = {7, 0, 0, 0, 0, 5, 1, 2, 3, 4};
    static const uint8_t header[] = {7, 0, 0};
    T_ERR(hear_any(raw(wr_slice_of(plain, sizeof plain))), WR_ERR_TRUNCATED);
    tear_down(state);
    set_up(state);
    T_ERR(hear_any(raw(wr_slice_of(header, sizeof header))), WR_ERR_TRUNCATED);
}

static void a_message_without_frames_is_nothing(void **state) {
    (void)state;
    static const uint8_t zeros[64];
    unsigned count;
    uint8_t type;
    T_OK(hear(raw(wr_slice_of(zeros, sizeof zeros)), &count, &type));
    T_EQ(count, 0);
    T_OK(hear(raw(WR_SLICE_EMPTY), &count, &type));
    T_EQ(count, 0);
}

/* spec:wire#3.2 type=test "A writer MUST pad the plaintext of every message to a size of
 * channel.md 5.3." */
static void messages_have_padded_sizes_and_fit_what_there_is(void **state) {
    (void)state;
    static uint8_t body[WR_FRAME_BODY_MAX];
    for (size_t room = 64; room < 70000; room += room / 7) {
        wr_buf out = wr_buf_of(bytes, room), plain;
        if (!wr_session_begin(&left, &out, &plain)) {
            T_TRUE(room < 64 + WR_SESSION_OVERHEAD);
            continue;
        }
        size_t most = wr_buf_room(&plain) - WR_FRAME_HEADER_SIZE;
        T_OK(wr_frame_put(&plain, 7, wr_slice_of(body, most)));
        T_OK(wr_session_end(&left, &plain, &out, now));
        T_TRUE(out.len <= room);
        size_t padded = out.len - WR_RECORD_HEADER_SIZE - WR_TAG_SIZE;
        T_EQ(padded, wr_transport_pad(padded));
        T_TRUE(padded >= 64);
        T_OK(hear_any(wr_buf_slice(&out)));
    }
}

/* spec:wire#4.2 type=test "REKEY MUST be the last frame under the old key." */
static void rekey_ends_its_message(void **state) {
    (void)state;
    static const uint8_t behind[] = {11, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0};
    T_ERR(hear_any(raw(wr_slice_of(behind, sizeof behind))), WR_ERR_FORMAT);
    tear_down(state);
    set_up(state);
    static const uint8_t twice[] = {11, 0, 0, 0, 0, 0, 11, 0, 0, 0, 0, 0};
    T_ERR(hear_any(raw(wr_slice_of(twice, sizeof twice))), WR_ERR_FORMAT);
}

/* spec:wire#4.1 type=test "Such a message MUST announce the change by REKEY." */
static void the_key_changes_with_the_first_message_after_fifteen_minutes(void **state) {
    (void)state;
    wr_key before = left.transport.send.cipher.k;
    T_OK(hear_any(say(7, wr_slice_str("a"))));
    now.ms += WR_REKEY_MS - 1;
    T_OK(hear_any(say(7, wr_slice_str("b"))));
    T_TRUE(wr_key_equal(&left.transport.send.cipher.k, &before));
    now.ms += 1;
    unsigned count;
    uint8_t type;
    T_OK(hear(say(7, wr_slice_str("c")), &count, &type));
    T_EQ(count, 1); /* REKEY is not handed out */
    T_FALSE(wr_key_equal(&left.transport.send.cipher.k, &before));
    T_TRUE(wr_key_equal(&left.transport.send.cipher.k, &right.transport.recv.cipher.k));
    T_OK(hear_any(say(7, wr_slice_str("d"))));
}

static void the_key_changes_before_it_is_used_up(void **state) {
    (void)state;
    wr_key before = left.transport.send.cipher.k;
    left.transport.send.messages = right.transport.recv.messages = WR_REKEY_MESSAGES - 2;
    T_OK(hear_any(say(7, wr_slice_str("a"))));
    T_TRUE(wr_key_equal(&left.transport.send.cipher.k, &before));
    T_OK(hear_any(say(7, wr_slice_str("b"))));
    T_FALSE(wr_key_equal(&left.transport.send.cipher.k, &before));
    T_OK(hear_any(say(7, wr_slice_str("c"))));
}

static void a_peer_that_forgets_to_rekey_loses_the_session(void **state) {
    (void)state;
    static const uint8_t zeros[64];
    right.transport.recv.messages = WR_REKEY_MESSAGES - 1;
    T_OK(hear_any(raw(wr_slice_of(zeros, sizeof zeros))));
    T_ERR(hear_any(raw(wr_slice_of(zeros, sizeof zeros))), WR_ERR_LIMIT);
}

static void a_handshake_message_that_does_not_fit_is_not_begun(void **state) {
    (void)state;
    wr_buf out = wr_buf_of(bytes, 6);
    T_ERR(wr_session_raw_put(wr_slice_str("hello"), &out), WR_ERR_NOBUF);
    T_EQ(out.len, 0);
    out.cap = 7;
    T_OK(wr_session_raw_put(wr_slice_str("hello"), &out));
    T_EQ(out.len, 7);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(frames_come_as_they_were_put_however_the_stream_is_cut),
        T(an_empty_record_is_refused),
        T(a_handshake_record_has_at_most_512_bytes),
        T(a_changed_repeated_or_overtaking_message_ends_the_session),
        T(padding_that_is_not_zero_is_refused),
        T(flags_are_refused),
        T(a_frame_ends_within_its_message),
        T(a_message_without_frames_is_nothing),
        T(messages_have_padded_sizes_and_fit_what_there_is),
        T(rekey_ends_its_message),
        T(the_key_changes_with_the_first_message_after_fifteen_minutes),
        T(the_key_changes_before_it_is_used_up),
        T(a_peer_that_forgets_to_rekey_loses_the_session),
        T(a_handshake_message_that_does_not_fit_is_not_begun),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
