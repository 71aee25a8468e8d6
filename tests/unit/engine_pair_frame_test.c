/* Frames of pairing that come too early, or hold what they may not, from a peer that knows the
 * secret.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/engine_pair_fixture.h"

/* A guest in front of OFFER, whose host is the test. */
static void guest_waits(pair_world *w, raw_peer *peer) {
    pair_guest_make(w, wr_pair_window_uri(w->window));
    T_OK(wr_pairing_guest_new(w->guest, w->now, &w->b));
    T_OK(raw_host(peer, w, w->b, &wr_self_identity(w->host)->noise, WR_PAIR_QR));
    raw_host_third(peer, w, w->b);
}

static void offer_to(pair_world *w, raw_peer *peer) {
    uint8_t bytes[128];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_pair_event event;
    wr_pair_offer offer = {.circle_id = *wr_graph_circle_id(wr_self_graph(w->host)),
                           .device_id = wr_self_identity(w->host)->device_id,
                           .role = WR_ROLE_MEMBER};
    T_OK(wr_pair_offer_encode(&offer, &body));
    T_OK(raw_send(peer, w, w->b, WR_FRAME_PAIR_OFFER, wr_buf_slice(&body)));
    T_TRUE(wr_pairing_poll(w->b, &event)); /* the words to compare */
    T_TRUE(raw_receive(peer, w, w->b, WR_FRAME_PAIR_CERT));
}

static wr_err welcome_to(pair_world *w, raw_peer *peer, uint32_t op_count) {
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_pair_welcome welcome = {.op_count = op_count, .seed_count = 1};
    T_OK(wr_pair_welcome_encode(&welcome, &body));
    return raw_send(peer, w, w->b, WR_FRAME_PAIR_WELCOME, wr_buf_slice(&body));
}

static void a_guest_that_gave_no_consent_takes_no_welcome(void **state) {
    pair_world *w = *state;
    raw_peer peer;
    guest_waits(w, &peer);
    T_ERR(welcome_to(w, &peer, 1), WR_ERR_STATE);
    wr_session_wipe(&peer.session);
}

static void a_circle_has_ops_and_they_come_in_frames_that_are_not_empty(void **state) {
    pair_world *w = *state;
    for (uint32_t op_count = 0; op_count < 2; op_count++) {
        raw_peer peer;
        pair_world_again(w);
        guest_waits(w, &peer);
        offer_to(w, &peer);
        T_ERR(welcome_to(w, &peer, op_count), op_count == 0 ? WR_ERR_FORMAT : WR_OK);
        if (op_count == 1)
            T_ERR(raw_send(&peer, w, w->b, WR_FRAME_OPS, WR_SLICE_EMPTY), WR_ERR_FORMAT);
        wr_session_wipe(&peer.session);
    }
}

/* Its consent is good: the name is what is looked at first. */
static void a_device_without_a_name_is_not_asked_about(void **state) {
    pair_world *w = *state;
    static const char *const names[] = {"", "-", "\xff"};
    for (size_t i = 0; i < WR_COUNT(names); i++) {
        raw_peer peer;
        wr_pair_offer offer;
        wr_pair_event event;
        wr_identity device;
        uint8_t bytes[1024];
        wr_buf body = WR_BUF_ARRAY(bytes);
        pair_world_again(w);
        wr_identity_make(&w->rng, &device);
        T_OK(wr_pairing_host_new(w->window, w->host, w->now, &w->a));
        raw_guest(&peer, w, w->a, &device, &offer);
        wr_pair_cert cert = {.name = wr_slice_str(names[i]), .cert = wr_identity_cert(&device)};
        T_OK(wr_pair_cert_encode(&cert, &body));
        T_ERR(raw_send(&peer, w, w->a, WR_FRAME_PAIR_CERT, wr_buf_slice(&body)), WR_ERR_FORMAT);
        T_FALSE(wr_pairing_poll(w->a, &event));
        wr_session_wipe(&peer.session);
    }
}

/* Takes WELCOME and the ops behind it. */
static void take_circle(pair_world *w, raw_peer *peer) {
    static uint8_t bytes[WR_FRAME_BODY_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    bool have = true;
    uint32_t frames = 0;
    T_OK(wr_pairing_write(w->a, &out, w->now));
    for (wr_slice in = wr_buf_slice(&out); have;) {
        uint8_t type;
        wr_slice body;
        T_OK(wr_session_next(&peer->session, &in, w->now.mono, &type, &body, &have));
        if (!have)
            break;
        T_EQ(type, frames++ == 0 ? WR_FRAME_PAIR_WELCOME : WR_FRAME_OPS);
    }
    T_TRUE(frames >= 2);
}

/* Everything else it did right. */
static void a_ready_has_no_body(void **state) {
    pair_world *w = *state;
    for (size_t len = 0; len < 2; len++) {
        raw_peer peer;
        wr_pair_offer offer;
        wr_pair_event event;
        wr_identity device;
        pair_world_again(w);
        wr_identity_make(&w->rng, &device);
        T_OK(wr_pairing_host_new(w->window, w->host, w->now, &w->a));
        raw_guest(&peer, w, w->a, &device, &offer);
        T_OK(raw_send_cert(&peer, w, w->a, &device, &offer.circle_id, peer.h, &offer.device_id,
                           WR_ROLE_MEMBER));
        T_TRUE(wr_pairing_poll(w->a, &event));
        T_EQ(event.type, WR_PAIR_EV_REQUEST);
        T_OK(wr_pairing_answer(w->a, true, w->now));
        T_TRUE(wr_pairing_poll(w->a, &event));
        T_EQ(event.type, WR_PAIR_EV_ADD_READY);
        wr_pairing_stored(w->a);
        take_circle(w, &peer);
        wr_err err = raw_send(&peer, w, w->a, WR_FRAME_PAIR_READY, wr_slice_of(peer.h, len));
        T_ERR(err, len == 0 ? WR_OK : WR_ERR_FORMAT);
        T_EQ(pair_add_count(w->host), len == 0 ? 1 : 0);
        wr_session_wipe(&peer.session);
    }
}

int main(void) {
#define T_PAIR(test) cmocka_unit_test_setup_teardown(test, pair_world_start, pair_world_stop)
    const struct CMUnitTest tests[] = {
        T_PAIR(a_guest_that_gave_no_consent_takes_no_welcome),
        T_PAIR(a_circle_has_ops_and_they_come_in_frames_that_are_not_empty),
        T_PAIR(a_device_without_a_name_is_not_asked_about),
        T_PAIR(a_ready_has_no_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
