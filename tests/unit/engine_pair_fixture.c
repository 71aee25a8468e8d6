/* A host and a guest in memory, and a peer of its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/engine_pair_fixture.h"

#include "circle/recovery.h"
#include "engine/self_reset.h"

#include <stdlib.h>

/* ---- world ---- */

void pair_drain(wr_self *self) {
    wr_put put;
    while (wr_self_pending(self)) {
        bool have = wr_self_poll(self, &put);
        T_TRUE(have);
    }
}

static wr_self *found(pair_world *w, uint8_t number) {
    wr_identity me;
    wr_root root;
    wr_sign_key root_sign;
    wr_self *self = NULL;
    w->rs.b[0] = number;
    wr_identity_make(&w->rng, &me);
    wr_recovery_root(&w->rs, &root);
    wr_recovery_sign_key(&w->rs, &root_sign);
    T_OK(wr_self_new(&me, w->rng, &self));
    T_OK(wr_self_found(self, &root, &root_sign, w->now));
    pair_drain(self);
    return self;
}

static void fill(pair_world *w, uint64_t seed) {
    w->now = (wr_now){.mono = {1000}, .wall = {1700000000000ull}};
    w->rng = t_rng(seed);
    w->accept = true;
    w->cut_at = w->bend_at = PAIR_NO_FAULT;
    w->host = found(w, 1);
    wr_identity_make(&w->rng, &w->device);
    pair_window_open(w, WR_ROLE_MEMBER);
}

static void drop(pair_world *w) {
    wr_pairing_free(w->a);
    wr_pairing_free(w->b);
    wr_pair_window_free(w->window);
    wr_pair_guest_free(w->guest);
    wr_self_free(w->host);
    wr_self_free(w->joined);
}

int pair_world_start(void **state) {
    T_OK(wr_crypto_init());
    pair_world *w = calloc(1, sizeof *w);
    T_TRUE(w != NULL);
    fill(w, 1);
    *state = w;
    return 0;
}

int pair_world_stop(void **state) {
    drop(*state);
    free(*state);
    return 0;
}

void pair_world_again(pair_world *w) {
    drop(w);
    memset(w, 0, sizeof *w);
    fill(w, 1);
}

void pair_window_open(pair_world *w, wr_role_kind role) {
    wr_pair_window_config config = {.role = role, .addrs_len = WR_HELLO_ADDR_SIZE};
    config.addrs[0] = 4;
    config.addrs[1] = 127;
    wr_pair_window_free(w->window);
    w->window = NULL;
    T_OK(wr_pair_window_new(w->host, &config, w->now, &w->window));
}

void pair_guest_make(pair_world *w, const char *text) {
    wr_pair_why why;
    wr_pair_guest_free(w->guest);
    w->guest = NULL;
    T_OK(wr_pair_guest_new(wr_slice_str(text), &w->device, wr_slice_str("phone"), w->rng, &w->guest,
                           &why));
}

/* ---- owners ---- */

static void keep_err(wr_err *kept, wr_err err) {
    if (*kept == WR_OK)
        *kept = err;
}

static void host_event(pair_world *w, const wr_pair_event *event) {
    switch (event->type) {
    case WR_PAIR_EV_REQUEST:
        w->requests++;
        w->request = *event;
        memcpy(w->request_name, event->name.ptr, event->name.len);
        w->request.name = wr_slice_of(w->request_name, event->name.len);
        if (!w->hesitate)
            keep_err(&w->a_err, wr_pairing_answer(w->a, w->accept, w->now));
        return;
    case WR_PAIR_EV_ADD_READY:
        w->adds++;
        if (w->add_len != 0) /* never a second ADD */
            T_SLICE(event->op, wr_slice_of(w->add, w->add_len));
        memcpy(w->add, event->op.ptr, event->op.len);
        w->add_len = event->op.len;
        wr_pairing_stored(w->a);
        return;
    case WR_PAIR_EV_PUBLISH:
        w->publishes++;
        pair_drain(w->host);
        wr_pairing_stored(w->a);
        return;
    case WR_PAIR_EV_DONE:
        w->a_done++;
        return;
    case WR_PAIR_EV_BURNT:
        w->burnt++;
        return;
    case WR_PAIR_EV_SAS:
    case WR_PAIR_EV_JOINED:
        break;
    }
    fail_msg("a guest's event at the host");
}

static void guest_event(pair_world *w, const wr_pair_event *event) {
    switch (event->type) {
    case WR_PAIR_EV_SAS:
        w->sas++;
        memcpy(w->b_sas, event->sas, sizeof w->b_sas);
        return;
    case WR_PAIR_EV_JOINED:
        w->joins++;
        T_TRUE(w->joined == NULL);
        T_EQ(event->addrs.len, WR_HELLO_ADDR_SIZE);
        w->joined = event->self;
        pair_drain(w->joined);
        wr_pairing_stored(w->b);
        return;
    case WR_PAIR_EV_DONE:
        w->b_done++;
        return;
    case WR_PAIR_EV_REQUEST:
    case WR_PAIR_EV_ADD_READY:
    case WR_PAIR_EV_PUBLISH:
    case WR_PAIR_EV_BURNT:
        break;
    }
    fail_msg("a host's event at the guest");
}

static bool events(pair_world *w) {
    wr_pair_event event;
    bool any = false;
    while (w->a != NULL && wr_pairing_poll(w->a, &event)) {
        host_event(w, &event);
        any = true;
    }
    while (w->b != NULL && wr_pairing_poll(w->b, &event)) {
        guest_event(w, &event);
        any = true;
    }
    return any;
}

/* ---- the wire ---- */

/* What one side says; false: nothing. */
static bool say(pair_world *w, wr_pairing *from, wr_err *err, pair_wire *wire) {
    if (from == NULL || *err != WR_OK)
        return false;
    size_t room = sizeof wire->bytes - wire->len;
    wr_buf out = wr_buf_of(wire->bytes + wire->len,
                           w->room_max != 0 && w->room_max < room ? w->room_max : room);
    keep_err(err, wr_pairing_write(from, &out, w->now));
    if (out.len == 0)
        return false;
    uint32_t number = w->message++;
    if (number == w->bend_at) {
        w->bend_len = out.len;
        if (w->bend_byte < out.len)
            out.ptr[w->bend_byte] ^= w->bend_mask;
    }
    if (number == w->cut_at)
        w->message = PAIR_NO_FAULT; /* see pair_talk */
    else
        wire->len += out.len;
    return true;
}

static bool hear(pair_world *w, wr_pairing *to, wr_err *err, pair_wire *wire) {
    if (to == NULL || *err != WR_OK || wire->at == wire->len)
        return false;
    wr_slice in = wr_slice_of(wire->bytes + wire->at, wire->len - wire->at);
    size_t before = in.len;
    keep_err(err, wr_pairing_read(to, &in, w->now));
    wire->at += before - in.len;
    if (wire->at == wire->len)
        wire->at = wire->len = 0;
    return before != in.len;
}

void pair_connect(pair_world *w) {
    memset(&w->to_a, 0, sizeof w->to_a);
    memset(&w->to_b, 0, sizeof w->to_b);
    w->a_err = wr_pairing_host_new(w->window, w->host, w->now, &w->a);
    w->b_err = wr_pairing_guest_new(w->guest, w->now, &w->b);
    w->message = 0;
    w->requests = w->adds = w->publishes = w->sas = w->joins = w->a_done = w->b_done = 0;
    w->burnt = 0;
}

void pair_talk(pair_world *w) {
    bool moved = true;
    while (moved && w->message != PAIR_NO_FAULT) {
        moved = events(w);
        if (say(w, w->b, &w->b_err, &w->to_a) && w->message == PAIR_NO_FAULT)
            break;
        moved = hear(w, w->a, &w->a_err, &w->to_a) || moved;
        moved = events(w) || moved;
        if (say(w, w->a, &w->a_err, &w->to_b) && w->message == PAIR_NO_FAULT)
            break;
        moved = hear(w, w->b, &w->b_err, &w->to_b) || moved;
    }
}

void pair_hang_up(pair_world *w) {
    if (w->a != NULL)
        keep_err(&w->a_err, wr_pairing_closed(w->a));
    if (w->b != NULL)
        keep_err(&w->b_err, wr_pairing_closed(w->b));
    (void)events(w);
    wr_pairing_free(w->a);
    wr_pairing_free(w->b);
    w->a = w->b = NULL;
}

void pair_run(pair_world *w) {
    pair_connect(w);
    pair_talk(w);
    pair_hang_up(w);
}

uint32_t pair_add_count(const wr_self *self) {
    const wr_graph *graph = wr_self_graph(self);
    uint32_t count = 0;
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++)
        count += wr_graph_op(graph, i).type == WR_OP_ADD;
    return count;
}

void pair_reset(pair_world *w) {
    WR_SECRET(wr_sign_key) root;
    wr_put put;
    wr_recovery_sign_key(&w->rs, &root);
    wr_restart restart = {.root = &root};
    T_OK(wr_self_reset(w->host, &restart, w->now));
    while (wr_self_poll(w->host, &put))
        ;
}

void pair_joined_once(const pair_world *w) {
    T_TRUE(w->joined != NULL);
    const wr_graph *ours = wr_self_graph(w->host), *theirs = wr_self_graph(w->joined);
    T_EQ(pair_add_count(w->host), 1);
    T_EQ(pair_add_count(w->joined), 1);
    T_EQ(wr_graph_current_count(ours), 2);
    wr_hash a = wr_graph_heads_digest(ours), b = wr_graph_heads_digest(theirs);
    T_MEM(a.b, b.b, sizeof a.b);
    const wr_member *guest = wr_graph_find(ours, &w->device.device_id);
    T_TRUE(guest != NULL);
    T_TRUE(guest->current);
    const wr_keyring *keyring = wr_self_keyring(w->host);
    T_EQ(wr_keyring_seed_count(wr_self_keyring(w->joined)), wr_keyring_seed_count(keyring));
    for (uint32_t i = 0; i < wr_keyring_seed_count(keyring); i++) {
        wr_key seed_a, seed_b;
        const wr_hash *founder = wr_keyring_seed_founder(keyring, i);
        T_TRUE(wr_keyring_seed(keyring, founder, &seed_a));
        T_TRUE(wr_keyring_seed(wr_self_keyring(w->joined), founder, &seed_b));
        T_TRUE(wr_key_equal(&seed_a, &seed_b));
    }
    T_TRUE(wr_self_write_epoch(w->joined) != NULL);
}

/* ---- a peer of its own ---- */

static void raw_noise(raw_peer *peer, pair_world *w, wr_role role, const wr_pair_uri *uri,
                      const wr_key *noise, uint8_t mode) {
    memset(peer, 0, sizeof *peer);
    uint8_t bytes[64];
    wr_buf prologue = WR_BUF_ARRAY(bytes);
    T_OK(wr_buf_put(&prologue, wr_slice_str("warren/pair/1")));
    T_OK(wr_buf_put_u8(&prologue, WR_PAIR_PREFACE));
    T_OK(wr_buf_put_u8(&prologue, mode));
    T_OK(wr_buf_put(&prologue, WR_SLICE_OBJ(uri->rid)));
    wr_handshake_config config = {.pattern = WR_PATTERN_XXPSK0,
                                  .hash = WR_BLAKE2B,
                                  .role = role,
                                  .prologue = wr_buf_slice(&prologue),
                                  .s = noise,
                                  .psks = &uri->psk,
                                  .psk_count = 1,
                                  .rng = w->rng,
                                  .now = w->now.mono};
    T_OK(wr_handshake_init(&peer->handshake, &config));
    wr_session_init(&peer->session);
}

static wr_err put_noise(raw_peer *peer, pair_world *w, wr_buf *out) {
    uint8_t bytes[WR_HANDSHAKE_MESSAGE_MAX];
    wr_buf message = WR_BUF_ARRAY(bytes);
    T_OK(wr_handshake_write(&peer->handshake, WR_SLICE_EMPTY, &message, w->now.mono));
    return wr_session_raw_put(wr_buf_slice(&message), out);
}

static void take_noise(raw_peer *peer, pair_world *w, wr_slice *in) {
    wr_slice record;
    bool have;
    uint8_t none[1];
    wr_buf payload = WR_BUF_ARRAY(none);
    T_OK(wr_session_raw(&peer->session, in, &record, &have));
    T_TRUE(have);
    T_OK(wr_handshake_read(&peer->handshake, record, &payload, w->now.mono));
    wr_session_raw_done(&peer->session);
}

static void raw_start(raw_peer *peer, pair_world *w) {
    wr_slice h = wr_handshake_hash(&peer->handshake);
    memcpy(peer->h, h.ptr, sizeof peer->h);
    wr_session_start(&peer->session, &peer->handshake, w->now.mono);
}

static wr_err give(pair_world *w, wr_pairing *to, const wr_buf *bytes) {
    wr_slice in = wr_buf_slice(bytes);
    return wr_pairing_read(to, &in, w->now);
}

static uint8_t wire[PAIR_WIRE_MAX];

wr_err raw_guest_third(raw_peer *peer, pair_world *w, wr_pairing *host, const wr_identity *device,
                       uint8_t mode) {
    wr_pair_uri uri;
    uint8_t preface[34] = {WR_PAIR_PREFACE, mode};
    T_OK(wr_pair_uri_parse(wr_slice_str(wr_pair_window_uri(w->window)), &uri));
    raw_noise(peer, w, WR_INITIATOR, &uri, &device->noise, mode);
    memcpy(preface + 2, uri.rid.b, sizeof uri.rid.b);
    wr_buf out = WR_BUF_ARRAY(wire);
    T_OK(wr_session_raw_put(wr_slice_of(preface, sizeof preface), &out));
    T_OK(put_noise(peer, w, &out));
    T_OK(give(w, host, &out));
    wr_buf back = WR_BUF_ARRAY(wire);
    T_OK(wr_pairing_write(host, &back, w->now));
    wr_slice in = wr_buf_slice(&back);
    take_noise(peer, w, &in);
    out = WR_BUF_ARRAY(wire);
    T_OK(put_noise(peer, w, &out));
    raw_start(peer, w);
    return give(w, host, &out);
}

void raw_guest(raw_peer *peer, pair_world *w, wr_pairing *host, const wr_identity *device,
               wr_pair_offer *ret_offer) {
    T_OK(raw_guest_third(peer, w, host, device, WR_PAIR_QR));
    T_TRUE(raw_receive(peer, w, host, WR_FRAME_PAIR_OFFER));
    T_OK(wr_pair_offer_decode(wr_slice_of(peer->got, peer->got_len), ret_offer));
}

wr_err raw_host(raw_peer *peer, pair_world *w, wr_pairing *guest, const wr_key *noise,
                uint8_t mode) {
    wr_pair_uri uri;
    wr_slice record;
    bool have;
    T_OK(wr_pair_uri_parse(wr_slice_str(wr_pair_window_uri(w->window)), &uri));
    raw_noise(peer, w, WR_RESPONDER, &uri, noise, mode);
    wr_buf out = WR_BUF_ARRAY(wire);
    T_OK(wr_pairing_write(guest, &out, w->now));
    wr_buf more = wr_buf_of(wire + out.len, sizeof wire - out.len);
    T_OK(wr_pairing_write(guest, &more, w->now));
    wr_slice in = wr_slice_of(wire, out.len + more.len);
    T_OK(wr_session_raw(&peer->session, &in, &record, &have));
    T_TRUE(have);
    wr_session_raw_done(&peer->session);
    take_noise(peer, w, &in);
    out = WR_BUF_ARRAY(wire);
    T_OK(put_noise(peer, w, &out));
    return give(w, guest, &out);
}

void raw_host_third(raw_peer *peer, pair_world *w, wr_pairing *guest) {
    wr_buf out = WR_BUF_ARRAY(wire);
    T_OK(wr_pairing_write(guest, &out, w->now));
    wr_slice in = wr_buf_slice(&out);
    take_noise(peer, w, &in);
    raw_start(peer, w);
}

wr_err raw_send(raw_peer *peer, pair_world *w, wr_pairing *to, wr_frame_type type, wr_slice body) {
    wr_buf out = WR_BUF_ARRAY(wire), plain;
    T_TRUE(wr_session_begin(&peer->session, &out, &plain));
    T_OK(wr_frame_put(&plain, (uint8_t)type, body));
    T_OK(wr_session_end(&peer->session, &plain, &out, w->now.mono));
    return give(w, to, &out);
}

bool raw_receive(raw_peer *peer, pair_world *w, wr_pairing *from, wr_frame_type type) {
    wr_buf out = WR_BUF_ARRAY(wire);
    uint8_t got;
    wr_slice body;
    bool have;
    (void)!wr_pairing_write(from, &out, w->now);
    wr_slice in = wr_buf_slice(&out);
    T_OK(wr_session_next(&peer->session, &in, w->now.mono, &got, &body, &have));
    if (!have || got != type)
        return false;
    memcpy(peer->got, body.ptr, body.len);
    peer->got_len = body.len;
    T_OK(wr_session_next(&peer->session, &in, w->now.mono, &got, &body, &have));
    T_FALSE(have);
    return true;
}

wr_err raw_send_cert(raw_peer *peer, pair_world *w, wr_pairing *host, const wr_identity *device,
                     const wr_hash *circle_id, const uint8_t h[64], const wr_hash *sponsor,
                     wr_role_kind role) {
    uint8_t bytes[512], body_bytes[1024];
    wr_buf message = WR_BUF_ARRAY(bytes), body = WR_BUF_ARRAY(body_bytes);
    wr_pair_cert cert = {.name = wr_slice_str("thief"), .cert = wr_identity_cert(device)};
    T_OK(wr_consent_encode(circle_id, h, sponsor, role, &message));
    wr_sign(&device->sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&message), &cert.consent);
    T_OK(wr_pair_cert_encode(&cert, &body));
    return raw_send(peer, w, host, WR_FRAME_PAIR_CERT, wr_buf_slice(&body));
}
