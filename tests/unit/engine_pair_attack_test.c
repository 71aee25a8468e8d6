/* Pairing against peers that know the secret and lie: wrong consents, wrong keys, wrong circles.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/engine_pair_fixture.h"

static wr_pairing *host_waits(pair_world *w) {
    T_OK(wr_pairing_host_new(w->window, w->host, w->now, &w->a));
    return w->a;
}

/* A thief with the photographed URI and a device of its own, in front of OFFER. */
static wr_identity thief_at(pair_world *w, raw_peer *peer, wr_pair_offer *ret_offer) {
    wr_identity thief;
    wr_identity_make(&w->rng, &thief);
    raw_guest(peer, w, host_waits(w), &thief, ret_offer);
    return thief;
}

/* spec:pairing#4.2 type=test "The host MUST refuse a consent that does not verify for this circle,
 * this handshake, itself and the offered role." */
static void a_consent_for_anything_else_is_refused(void **state) {
    pair_world *w = *state;
    for (unsigned field = 0; field < 5; field++) {
        pair_world_again(w);
        raw_peer peer;
        wr_pair_offer offer;
        wr_identity thief = thief_at(w, &peer, &offer);
        uint8_t h[64];
        memcpy(h, peer.h, sizeof h);
        wr_hash circle = offer.circle_id, sponsor = offer.device_id;
        circle.b[0] ^= field == 0;
        h[63] ^= field == 1; /* a consent replayed from another handshake */
        sponsor.b[31] ^= field == 2;
        wr_role_kind role = field == 3 ? WR_ROLE_ADMIN : WR_ROLE_MEMBER;
        wr_err err = raw_send_cert(&peer, w, w->a, &thief, &circle, h, &sponsor, role);
        T_ERR(err, field < 4 ? WR_ERR_AUTH : WR_OK); /* the last one changed nothing */
        wr_pair_event event;
        T_EQ(wr_pairing_poll(w->a, &event), field == 4);
        wr_session_wipe(&peer.session);
    }
}

/* spec:pairing#4.2 type=test "The host MUST refuse a certificate whose Noise key is not the one
 * that the handshake proved." */
static void a_certificate_with_another_noise_key_is_refused(void **state) {
    pair_world *w = *state;
    raw_peer peer;
    wr_pair_offer offer;
    wr_identity other;
    (void)thief_at(w, &peer, &offer);
    wr_identity_make(&w->rng, &other);
    T_ERR(raw_send_cert(&peer, w, w->a, &other, &offer.circle_id, peer.h, &offer.device_id,
                        WR_ROLE_MEMBER),
          WR_ERR_AUTH);
    wr_session_wipe(&peer.session);
}

/* spec:pairing#4.2 type=test "The host MUST refuse a certificate that shares a key with any earlier
 * one." */
static void a_key_that_was_used_before_is_refused(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_uri(w->window));
    pair_run(w);
    pair_joined_once(w);
    for (unsigned key = 0; key < 3; key++) {
        pair_window_open(w, WR_ROLE_MEMBER);
        wr_identity fresh, mixed;
        uint8_t nonce[16] = {(uint8_t)(key + 1)};
        wr_identity_make(&w->rng, &fresh);
        const wr_identity *old = &w->device;
        wr_identity_load(key == 0 ? &old->sign_seed : &fresh.sign_seed,
                         key == 1 ? &old->noise : &fresh.noise, key == 2 ? &old->box : &fresh.box,
                         nonce, &mixed);
        raw_peer peer;
        wr_pair_offer offer;
        raw_guest(&peer, w, host_waits(w), &mixed, &offer);
        T_ERR(raw_send_cert(&peer, w, w->a, &mixed, &offer.circle_id, peer.h, &offer.device_id,
                            WR_ROLE_MEMBER),
              WR_ERR_REFUSED);
        wr_session_wipe(&peer.session);
        wr_pairing_free(w->a);
        w->a = NULL;
    }
    T_EQ(wr_graph_current_count(wr_self_graph(w->host)), 2);
}

/* spec:pairing#3.3 type=test "With a URI the guest MUST refuse a host whose Noise key is not the
 * one of the URI." */
static void a_thief_of_the_uri_cannot_be_the_host(void **state) {
    pair_world *w = *state;
    raw_peer peer;
    wr_key noise;
    wr_rng_fill(&w->rng, noise.b, sizeof noise.b);
    pair_guest_make(w, wr_pair_window_uri(w->window));
    T_OK(wr_pairing_guest_new(w->guest, w->now, &w->b));
    T_ERR(raw_host(&peer, w, w->b, &noise, WR_PAIR_QR), WR_ERR_AUTH);
    wr_session_wipe(&peer.session);
    wr_handshake_wipe(&peer.handshake);
}

/* ---- a host that lies ---- */

/* noise: the key the URI names and the handshake proves. */
static void host_meets_guest(pair_world *w, raw_peer *peer, const wr_key *noise) {
    wr_pair_uri uri;
    uint8_t text[WR_PAIR_URI_BYTES_MAX + 1] = {0};
    wr_buf made = wr_buf_of(text, sizeof text - 1);
    T_OK(wr_pair_uri_parse(wr_slice_str(wr_pair_window_uri(w->window)), &uri));
    uri.host = wr_dh_public(noise);
    T_OK(wr_pair_uri_text(&uri, &made));
    pair_guest_make(w, (const char *)text);
    T_OK(wr_pairing_guest_new(w->guest, w->now, &w->b));
    T_OK(raw_host(peer, w, w->b, noise, WR_PAIR_QR));
    raw_host_third(peer, w, w->b);
}

static wr_pair_cert take_cert(pair_world *w, raw_peer *peer, const wr_pair_offer *offer) {
    uint8_t bytes[128];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_pair_event event;
    wr_pair_cert cert;
    T_OK(wr_pair_offer_encode(offer, &body));
    T_OK(raw_send(peer, w, w->b, WR_FRAME_PAIR_OFFER, wr_buf_slice(&body)));
    T_TRUE(wr_pairing_poll(w->b, &event));
    T_EQ(event.type, WR_PAIR_EV_SAS);
    T_TRUE(raw_receive(peer, w, w->b, WR_FRAME_PAIR_CERT));
    T_OK(wr_pair_cert_decode(wr_slice_of(peer->got, peer->got_len), &cert));
    return cert;
}

typedef enum lie {
    LIE_NONE,
    LIE_CIRCLE,  /* another circle was offered than comes */
    LIE_NOISE,   /* the host is not the device it says */
    LIE_SPONSOR, /* a device was offered that is no member */
    LIE_CONSENT, /* the ADD agrees to another handshake */
    LIE_ROLE,    /* the ADD gives another role than was offered: its consent cannot verify */
    LIE_NO_ADD,  /* the guest is in no op */
    LIE_EPOCH,   /* E does not match the commitment */
    LIE_COUNT,   /* one op more than announced */
    /* of a circle in its second generation */
    LIE_SEED_FIRST,  /* without that of GENESIS */
    LIE_SEED_TWICE,  /* two of one generation */
    LIE_SEED_ELSE,   /* of a generation that is not here */
    LIE_SEED_COMMIT, /* not what the RESET commits to */
} lie;

static void make_add(pair_world *w, const raw_peer *peer, const wr_pair_cert *cert, lie kind,
                     wr_buf *op, wr_sig *sig) {
    wr_add add = {.cert_bytes = cert->cert,
                  .role = WR_ROLE_MEMBER,
                  .mode = kind == LIE_CONSENT ? WR_PAIR_CODE : WR_PAIR_QR,
                  .consent = cert->consent};
    uint8_t bytes[1024];
    wr_buf body = WR_BUF_ARRAY(bytes);
    memcpy(add.handshake, peer->h, sizeof add.handshake);
    T_OK(wr_add_encode(&add, &body));
    T_OK(wr_self_make_add(w->host, wr_buf_slice(&body), w->now, op, sig));
}

static wr_err send_ops(pair_world *w, raw_peer *peer, wr_slice add, const wr_sig *sig, lie kind) {
    static uint8_t bytes[WR_OP_BYTES_MAX];
    wr_buf ops = WR_BUF_ARRAY(bytes);
    const wr_generations *all = wr_self_generations(w->host);
    for (uint32_t i = 0; i < wr_generations_op_count(all); i++) {
        uint32_t number;
        wr_op_ref op = wr_generations_op(all, i, &number);
        T_OK(wr_ops_put(&ops, op.bytes, op.sig));
    }
    if (kind != LIE_NO_ADD)
        T_OK(wr_ops_put(&ops, add, sig));
    return raw_send(peer, w, w->b, WR_FRAME_OPS, wr_buf_slice(&ops));
}

static void fill_seeds(const wr_keyring *keyring, lie kind, wr_pair_welcome *welcome) {
    wr_seed *seeds = welcome->seeds;
    welcome->seed_count = wr_keyring_seed_count(keyring);
    for (uint32_t i = 0; i < welcome->seed_count; i++) {
        seeds[i].founder = *wr_keyring_seed_founder(keyring, i);
        T_TRUE(wr_keyring_seed(keyring, &seeds[i].founder, &seeds[i].seed));
    }
    if (kind == LIE_SEED_FIRST) {
        seeds[0] = seeds[1];
        welcome->seed_count--;
    }
    if (kind == LIE_SEED_TWICE)
        seeds[1] = seeds[0];
    seeds[1].founder.b[0] ^= kind == LIE_SEED_ELSE;
    seeds[1].seed.b[0] ^= kind == LIE_SEED_COMMIT;
}

static wr_err welcome_with(pair_world *w, raw_peer *peer, lie kind, wr_slice add,
                           const wr_sig *sig) {
    const wr_generations *all = wr_self_generations(w->host);
    wr_pair_welcome welcome = {.op_count = wr_generations_op_count(all) + 1u};
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    welcome.op_count -= kind == LIE_COUNT || kind == LIE_NO_ADD;
    fill_seeds(wr_self_keyring(w->host), kind, &welcome);
    welcome.epoch_id = *wr_self_write_epoch(w->host);
    T_TRUE(wr_keyring_secret(wr_self_keyring(w->host), &welcome.epoch_id, &welcome.secret));
    welcome.secret.b[0] ^= kind == LIE_EPOCH;
    T_OK(wr_pair_welcome_encode(&welcome, &body));
    T_OK(raw_send(peer, w, w->b, WR_FRAME_PAIR_WELCOME, wr_buf_slice(&body)));
    return send_ops(w, peer, add, sig, kind);
}

static wr_err lying_host(pair_world *w, lie kind) {
    raw_peer peer;
    if (kind >= LIE_SEED_FIRST)
        pair_reset(w);
    wr_pair_offer offer = {.circle_id = *wr_graph_circle_id(wr_self_graph(w->host)),
                           .device_id = wr_self_identity(w->host)->device_id,
                           .role = WR_ROLE_MEMBER};
    static uint8_t op_bytes[WR_OP_BYTES_MAX];
    wr_buf op = WR_BUF_ARRAY(op_bytes);
    wr_sig sig = {{0}};
    wr_pair_offer said = offer;
    wr_key noise = wr_self_identity(w->host)->noise;
    if (kind == LIE_NOISE) /* somebody who got hold of the ops and made a URI of its own */
        wr_rng_fill(&w->rng, noise.b, sizeof noise.b);
    host_meets_guest(w, &peer, &noise);
    said.circle_id.b[0] ^= kind == LIE_CIRCLE;
    said.device_id.b[0] ^= kind == LIE_SPONSOR;
    said.role = kind == LIE_ROLE ? WR_ROLE_ADMIN : WR_ROLE_MEMBER;
    wr_pair_cert cert = take_cert(w, &peer, &said);
    /* An ADD is only made from a consent that verifies; the guest's own is needed where it does. */
    wr_err err = WR_ERR_AUTH;
    if (kind == LIE_CIRCLE || kind == LIE_SPONSOR || kind == LIE_ROLE) {
        uint8_t bytes[256];
        wr_buf message = WR_BUF_ARRAY(bytes);
        T_OK(wr_consent_encode(&offer.circle_id, peer.h, &offer.device_id, WR_ROLE_MEMBER,
                               &message));
        wr_sign(&w->device.sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&message), &cert.consent);
    }
    make_add(w, &peer, &cert, kind, &op, &sig);
    err = welcome_with(w, &peer, kind, wr_buf_slice(&op), &sig);
    wr_pair_event event;
    bool joined = wr_pairing_poll(w->b, &event);
    T_EQ(joined, kind == LIE_NONE);
    if (joined)
        w->joined = event.self;
    wr_session_wipe(&peer.session);
    return err;
}

/* spec:pairing#4.5 type=test "The guest MUST refuse a circle other than the offered one." */
/* spec:pairing#4.5 type=test "The guest MUST refuse unless the host is a current ADMIN there with
 * the Noise key of the handshake." */
/* spec:pairing#4.5 type=test "The guest MUST refuse unless it is a current member by an ADD of the
 * host that carries its own certificate, consent, handshake hash and role." */
/* spec:pairing#4.5 type=test "The guest MUST refuse seeds without that of GENESIS, twice of one
 * generation, of one that it was not sent, and one that its RESET does not commit to." */
/* spec:pairing#4.5 type=test "The guest MUST refuse an epoch secret that does not match the
 * commitment of an EPOCH op it was sent." */
static void a_guest_believes_no_lie_about_the_circle(void **state) {
    pair_world *w = *state;
    static const wr_err answers[] = {
        [LIE_NONE] = WR_OK,
        [LIE_CIRCLE] = WR_ERR_REFUSED,
        [LIE_NOISE] = WR_ERR_REFUSED,
        [LIE_SPONSOR] = WR_ERR_REFUSED,
        [LIE_CONSENT] = WR_ERR_REFUSED,
        [LIE_ROLE] = WR_ERR_REFUSED,
        [LIE_NO_ADD] = WR_ERR_REFUSED,
        [LIE_EPOCH] = WR_ERR_AUTH,
        [LIE_COUNT] = WR_ERR_FORMAT,
        [LIE_SEED_FIRST] = WR_ERR_REFUSED,
        [LIE_SEED_TWICE] = WR_ERR_REFUSED,
        [LIE_SEED_ELSE] = WR_ERR_REFUSED,
        [LIE_SEED_COMMIT] = WR_ERR_REFUSED,
    };
    for (size_t kind = 0; kind < WR_COUNT(answers); kind++) {
        pair_world_again(w);
        T_ERR(lying_host(w, (lie)kind), answers[kind]);
    }
}

static void frames_out_of_turn_end_the_pairing(void **state) {
    pair_world *w = *state;
    static const wr_frame_type types[] = {WR_FRAME_PAIR_READY, WR_FRAME_PAIR_WELCOME,
                                          WR_FRAME_PAIR_DONE, WR_FRAME_OPS, WR_FRAME_HELLO};
    for (size_t i = 0; i < WR_COUNT(types); i++) {
        pair_world_again(w);
        raw_peer peer;
        wr_pair_offer offer;
        (void)thief_at(w, &peer, &offer);
        T_ERR(raw_send(&peer, w, w->a, types[i], WR_SLICE_EMPTY), WR_ERR_STATE);
        wr_session_wipe(&peer.session);
        pair_world_again(w);
        host_meets_guest(w, &peer, &wr_self_identity(w->host)->noise);
        T_ERR(raw_send(&peer, w, w->b, types[i], WR_SLICE_EMPTY), WR_ERR_STATE);
        wr_session_wipe(&peer.session);
    }
}

/* ---- bare records ---- */

static void preface_of(uint8_t out[36], uint8_t version, uint8_t mode, const wr_rid *rid) {
    memset(out, 0, 36);
    out[1] = 34;
    out[2] = version;
    out[3] = mode;
    memcpy(out + 4, rid->b, sizeof rid->b);
}

static wr_err give(pair_world *w, const void *bytes, size_t len) {
    wr_slice in = wr_slice_of(bytes, len);
    return wr_pairing_read(w->a, &in, w->now);
}

/* spec:pairing#3.2 type=test "A side that reads its own public value MUST end the run" */
static void an_echo_of_the_hosts_share_is_refused_and_counted(void **state) {
    pair_world *w = *state;
    wr_rid rid = wr_pair_window_rid(w->window);
    uint8_t preface[36], first[48] = {0};
    for (unsigned run = 0; run <= WR_PAIR_TRIES_MAX; run++) {
        uint8_t bytes[128], echo[34] = {0, 32};
        wr_buf out = WR_BUF_ARRAY(bytes);
        if (run == WR_PAIR_TRIES_MAX) {
            T_ERR(wr_pairing_host_new(w->window, w->host, w->now, &w->a), WR_ERR_REFUSED);
            break;
        }
        preface_of(preface, WR_PAIR_PREFACE, WR_PAIR_CODE, &rid);
        T_OK(wr_pairing_host_new(w->window, w->host, w->now, &w->a));
        T_OK(give(w, preface, sizeof preface));
        T_OK(wr_pairing_write(w->a, &out, w->now));
        T_EQ(out.len, 2 + 48);
        /* spec:pairing#3.2 type=test "Each run MUST have fresh nonces and scalars." */
        T_FALSE(wr_equal(wr_slice_of(first, sizeof first), wr_slice_of(bytes + 2, sizeof first)));
        memcpy(first, bytes + 2, sizeof first);
        memcpy(echo + 2, bytes + 2 + 16, 32);
        T_ERR(give(w, echo, sizeof echo), WR_ERR_AUTH);
        wr_pairing_free(w->a);
        w->a = NULL;
    }
    T_EQ(wr_pair_window_look(w->window, w->now.mono), WR_PAIR_WINDOW_BURNT);
}

/* spec:pairing#2 type=test "A host MUST refuse a first record of mode 1 or 3 whose rB is not
 * zero." */
static void a_nonce_where_none_belongs_is_refused(void **state) {
    pair_world *w = *state;
    wr_pair_uri uri;
    uint8_t record[36];
    T_OK(wr_pair_uri_parse(wr_slice_str(wr_pair_window_uri(w->window)), &uri));
    for (unsigned bent = 0; bent < 2; bent++) {
        preface_of(record, WR_PAIR_PREFACE, WR_PAIR_QR, &uri.rid);
        record[35] = (uint8_t)bent;
        T_OK(wr_pairing_host_new(w->window, w->host, w->now, &w->a));
        T_ERR(give(w, record, sizeof record), bent ? WR_ERR_FORMAT : WR_OK);
        wr_pairing_free(w->a);
        w->a = NULL;
    }
}

static void bad_prefaces_are_refused_without_counting(void **state) {
    pair_world *w = *state;
    wr_rid rid = wr_pair_window_rid(w->window), other = rid;
    other.b[15] ^= 1;
    const struct {
        uint8_t version, mode;
        const wr_rid *rid;
        size_t len;
        wr_err err;
    } cases[] = {
        {0x01, WR_PAIR_CODE, &rid, 34, WR_ERR_VERSION},
        {WR_PAIR_PREFACE, 0, &rid, 34, WR_ERR_FORMAT},
        {WR_PAIR_PREFACE, 4, &rid, 34, WR_ERR_FORMAT},
        {WR_PAIR_PREFACE, WR_PAIR_QR, &rid, 34, WR_ERR_REFUSED}, /* the code's id, as a URI */
        {WR_PAIR_PREFACE, WR_PAIR_CODE, &other, 34, WR_ERR_REFUSED},
        {WR_PAIR_PREFACE, 3, &rid, 34, WR_ERR_REFUSED}, /* nothing to resume */
        {WR_PAIR_PREFACE, WR_PAIR_CODE, &rid, 33, WR_ERR_TRUNCATED},
        {WR_PAIR_PREFACE, WR_PAIR_CODE, &rid, 35, WR_ERR_FORMAT},
    };
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        uint8_t record[40] = {0};
        preface_of(record, cases[i].version, cases[i].mode, cases[i].rid);
        record[1] = (uint8_t)cases[i].len;
        T_OK(wr_pairing_host_new(w->window, w->host, w->now, &w->a));
        T_ERR(give(w, record, 2 + cases[i].len), cases[i].err);
        T_ERR(give(w, record, 2 + cases[i].len), WR_ERR_STATE);
        wr_pairing_free(w->a);
        w->a = NULL;
    }
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_run(w);
    pair_joined_once(w);
}

/* Somebody who saw the rendezvous id on the wire, but not the secret, resumes nothing. */
static void a_stranger_cannot_resume(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_code(w->window));
    w->cut_at = 7;
    pair_run(w);
    w->cut_at = PAIR_NO_FAULT;
    wr_rid rid = wr_pair_window_rid(w->window);
    for (unsigned run = 0; run < 2 * WR_PAIR_TRIES_MAX; run++) {
        uint8_t preface[36], message[50] = {0, 48, 9};
        preface_of(preface, WR_PAIR_PREFACE, 3, &rid);
        T_OK(wr_pairing_host_new(w->window, w->host, w->now, &w->a));
        T_OK(give(w, preface, sizeof preface));
        T_TRUE(give(w, message, sizeof message) != WR_OK);
        wr_pairing_free(w->a);
        w->a = NULL;
    }
    /* The psk of a resumption cannot be guessed: trying costs the accepted device nothing. */
    pair_run(w);
    pair_joined_once(w);
}

/* ---- resuming with the psk of a photographed URI ---- */

/* spec:pairing#6.1 type=test "A host MUST resume only with the Noise key of the handshake that is
 * resumed." */
static void a_thief_of_the_uri_cannot_take_the_kept_add(void **state) {
    pair_world *w = *state;
    raw_peer peer;
    wr_identity thief;
    pair_guest_make(w, wr_pair_window_uri(w->window));
    w->cut_at = 5; /* WELCOME is lost: the preface went with message 1 */
    pair_run(w);
    w->cut_at = PAIR_NO_FAULT;
    T_EQ(wr_pair_window_look(w->window, w->now.mono), WR_PAIR_WINDOW_KEPT);
    wr_identity_make(&w->rng, &thief);
    T_ERR(raw_guest_third(&peer, w, host_waits(w), &thief, 3), WR_ERR_AUTH);
    wr_session_wipe(&peer.session);
    wr_pairing_free(w->a);
    w->a = NULL;
    pair_run(w);
    pair_joined_once(w);
}

/* spec:pairing#6.1 type=test "A guest MUST resume only with the host whose Noise key it met
 * before." */
static void a_guest_resumes_with_its_host_only(void **state) {
    pair_world *w = *state;
    raw_peer peer;
    wr_key noise;
    pair_guest_make(w, wr_pair_window_uri(w->window));
    w->cut_at = 5;
    pair_run(w);
    wr_rng_fill(&w->rng, noise.b, sizeof noise.b);
    T_OK(wr_pairing_guest_new(w->guest, w->now, &w->b));
    T_ERR(raw_host(&peer, w, w->b, &noise, 3), WR_ERR_AUTH);
    wr_session_wipe(&peer.session);
    wr_handshake_wipe(&peer.handshake);
}

#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, pair_world_start, pair_world_stop)

/* The URI's first record comes before the yes, the rest after it and after a cut. */
static void a_uri_that_was_begun_before_the_yes_admits_nobody_else(void **state) {
    pair_world *w = *state;
    uint8_t bytes[1024];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_pair_guest *late;
    wr_pairing *late_a, *late_b;
    wr_pair_why why;
    wr_identity other;
    wr_identity_make(&w->rng, &other);
    T_OK(wr_pair_guest_new(wr_slice_str(wr_pair_window_uri(w->window)), &other,
                           wr_slice_str("late"), w->rng, &late, &why));
    T_OK(wr_pairing_guest_new(late, w->now, &late_b));
    T_OK(wr_pairing_host_new(w->window, w->host, w->now, &late_a));
    for (size_t before = 1; before != out.len;) {
        before = out.len;
        T_OK(wr_pairing_write(late_b, &out, w->now));
    }
    size_t first = 2u + ((size_t)bytes[0] << 8 | bytes[1]);
    T_TRUE(out.len > first);
    wr_slice preface = wr_slice_of(bytes, first);
    T_OK(wr_pairing_read(late_a, &preface, w->now));

    pair_guest_make(w, wr_pair_window_code(w->window));
    w->cut_at = 7; /* WELCOME is lost */
    pair_run(w);
    T_EQ(w->adds, 1);
    wr_slice rest = wr_slice_of(bytes + first, out.len - first);
    T_ERR(wr_pairing_read(late_a, &rest, w->now), WR_ERR_REFUSED);
    wr_pairing_free(late_a);
    wr_pairing_free(late_b);
    wr_pair_guest_free(late);
    w->cut_at = PAIR_NO_FAULT;
    pair_run(w);
    pair_joined_once(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PAIR_TEST(a_consent_for_anything_else_is_refused),
        PAIR_TEST(a_uri_that_was_begun_before_the_yes_admits_nobody_else),
        PAIR_TEST(a_certificate_with_another_noise_key_is_refused),
        PAIR_TEST(a_key_that_was_used_before_is_refused),
        PAIR_TEST(a_thief_of_the_uri_cannot_be_the_host),
        PAIR_TEST(a_guest_believes_no_lie_about_the_circle),
        PAIR_TEST(frames_out_of_turn_end_the_pairing),
        PAIR_TEST(an_echo_of_the_hosts_share_is_refused_and_counted),
        PAIR_TEST(a_nonce_where_none_belongs_is_refused),
        PAIR_TEST(bad_prefaces_are_refused_without_counting),
        PAIR_TEST(a_stranger_cannot_resume),
        PAIR_TEST(a_thief_of_the_uri_cannot_take_the_kept_add),
        PAIR_TEST(a_guest_resumes_with_its_host_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
