/* The guest's side: what outlives a connection, and the connection of the new device.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/pairing_impl.h"
#include "engine/self_seed.h"

#include <stdlib.h>

/* The largest record of the handshake, its header included. */
#define RECORD_ROOM 128u

/* ---- the guest ------------------------------------------------------------------------------- */

static wr_slice trim(wr_slice text) {
    while (text.len != 0 && text.ptr[0] <= ' ')
        text = wr_slice_of(text.ptr + 1, text.len - 1);
    while (text.len != 0 && text.ptr[text.len - 1] <= ' ')
        text.len--;
    return text;
}

static wr_err read_text(wr_pair_guest *guest, wr_slice text, wr_pair_why *why) {
    *why = (wr_pair_why){.fault = WR_PAIR_FAULT_NONE};
    if (wr_pair_text_is_uri(text)) {
        guest->mode = WR_PAIR_QR;
        wr_err err = wr_pair_uri_parse(text, &guest->uri);
        if (err != WR_OK)
            why->fault = WR_PAIR_FAULT_URI;
        return err;
    }
    guest->mode = WR_PAIR_CODE;
    WR_TRY(wr_pair_code_parse(text, &guest->code, why));
    guest->uri.rid = wr_pair_code_rid(&guest->code);
    return WR_OK;
}

wr_err wr_pair_guest_new(wr_slice text, const wr_identity *identity, wr_slice name, wr_rng rng,
                         wr_pair_guest **ret_guest, wr_pair_why *ret_why) {
    WR_AUTO(wr_pair_guest) guest = calloc(1, sizeof *guest);
    if (guest == NULL)
        return WR_ERR_NOMEM;
    WR_TRY(read_text(guest, trim(text), ret_why));
    if (!wr_text_is_name(name))
        return WR_ERR_REFUSED;
    guest->rng = rng;
    guest->identity = *identity;
    memcpy(guest->name, name.ptr, name.len);
    guest->name_len = name.len;
    *ret_guest = wr_steal(&guest);
    return WR_OK;
}

void wr_pair_guest_free(wr_pair_guest *guest) {
    if (guest == NULL)
        return;
    wr_wipe(guest, sizeof *guest);
    free(guest);
}

wr_rid wr_pair_guest_rid(const wr_pair_guest *guest) {
    return guest->uri.rid;
}

wr_slice wr_pair_guest_addrs(const wr_pair_guest *guest) {
    return wr_slice_of(guest->uri.addrs, guest->uri.addrs_len);
}

void wr_pair_guest_count(wr_pair_guest *guest, const wr_pair_guest *earlier) {
    if (wr_equal(WR_SLICE_OBJ(guest->uri.rid), WR_SLICE_OBJ(earlier->uri.rid)))
        guest->tries = earlier->tries;
}

bool wr_pair_guest_may_try(const wr_pair_guest *guest) {
    return guest->tries < WR_PAIR_TRIES_MAX || guest->bond.set;
}

/* ---- handshake ---- */

bool wr_pair_guest_reads(pair_state state) {
    return state == GUEST_EXPECT_SHARE || state == GUEST_EXPECT_SECOND ||
           state == GUEST_EXPECT_OFFER || state == GUEST_EXPECT_WELCOME ||
           state == GUEST_EXPECT_OPS || state == GUEST_EXPECT_DONE;
}

bool wr_pair_guest_replaced(const wr_pairing *p) {
    return p->holds && p->guest->holder != p->serial;
}

void wr_pair_guest_leave(wr_pairing *p) {
    wr_pair_guest *guest = p->guest;
    if (guest->holder == p->serial)
        guest->holder = 0;
    /* The host may have forgotten the bond, or know nothing but the bond any more: take turns. */
    if (!p->holds && p->state != GUEST_SEND_PREFACE)
        guest->resume_next = p->mode != PAIR_MODE_RESUME;
    p->holds = false;
    p->counted = false;
}

static void choose(wr_pairing *p) {
    const wr_pair_guest *guest = p->guest;
    bool spent = guest->tries >= WR_PAIR_TRIES_MAX;
    bool resume = guest->bond.set && (guest->resume_next || spent || guest->joined);
    p->mode = resume ? PAIR_MODE_RESUME : (pair_mode)guest->mode;
    p->rid = guest->uri.rid;
    if (p->mode == PAIR_MODE_RESUME)
        p->psk = guest->bond.psk;
    if (p->mode == PAIR_MODE_QR)
        p->psk = guest->uri.psk;
}

static wr_err put_preface(wr_pairing *p, wr_buf *out, wr_now now) {
    choose(p);
    uint8_t bytes[2u + sizeof p->rid.b + PAIR_NONCE_SIZE];
    wr_buf preface = WR_BUF_ARRAY(bytes);
    if (p->mode == PAIR_MODE_CODE) /* else it says nothing, and stays zero */
        wr_rng_fill(&p->guest->rng, p->sid + PAIR_NONCE_SIZE, PAIR_NONCE_SIZE);
    WR_TRY(wr_buf_put_u8(&preface, WR_PAIR_PREFACE));
    WR_TRY(wr_buf_put_u8(&preface, (uint8_t)p->mode));
    WR_TRY(wr_buf_put(&preface, WR_SLICE_OBJ(p->rid)));
    WR_TRY(wr_buf_put(&preface, wr_slice_of(p->sid + PAIR_NONCE_SIZE, PAIR_NONCE_SIZE)));
    WR_TRY(wr_session_raw_put(wr_buf_slice(&preface), out));
    if (p->mode == PAIR_MODE_CODE) {
        p->state = GUEST_EXPECT_SHARE;
        return WR_OK;
    }
    WR_TRY(wr_pair_noise_start(p, &p->guest->identity, &p->guest->rng, now));
    p->state = GUEST_SEND_FIRST;
    return WR_OK;
}

static wr_err read_share(wr_pairing *p, wr_slice record, wr_now now) {
    wr_slice nonce;
    wr_pub share;
    if (record.len != PAIR_NONCE_SIZE + sizeof share.b ||
        !wr_slice_take(&record, PAIR_NONCE_SIZE, &nonce))
        return WR_ERR_FORMAT;
    memcpy(p->sid, nonce.ptr, nonce.len);
    memcpy(share.b, record.ptr, sizeof share.b);
    WR_TRY(wr_pair_pake_start(p, &p->guest->code, &p->guest->rng, &p->share));
    WR_TRY(wr_pair_pake_finish(p, &share));
    WR_TRY(wr_pair_noise_start(p, &p->guest->identity, &p->guest->rng, now));
    p->state = GUEST_SEND_SHARE;
    return WR_OK;
}

/* Message 1 lets its reader test one guess of the code, so it is what counts. */
static wr_err put_first(wr_pairing *p, wr_buf *out, wr_now now) {
    wr_pair_guest *guest = p->guest;
    if (p->mode != PAIR_MODE_RESUME) {
        /* spec:pairing#5.1 "A guest MUST NOT send message 1 of a fourth run that has not
         * succeeded." */
        if (guest->tries >= WR_PAIR_TRIES_MAX)
            return WR_ERR_REFUSED;
        guest->tries++;
        p->counted = true;
    }
    WR_TRY(wr_pair_noise_write(p, out, now));
    p->state = GUEST_EXPECT_SECOND;
    return WR_OK;
}

static wr_err read_second(wr_pairing *p, wr_slice record, wr_now now) {
    wr_pair_guest *guest = p->guest;
    WR_TRY(wr_pair_noise_read(p, record, now));
    const wr_pub *host = wr_handshake_remote_static(&p->handshake);
    WR_ASSERT(host != NULL);
    /* spec:pairing#3.3 "With a URI the guest MUST refuse a host whose Noise key is not the one of
     * the URI." */
    if (p->mode == PAIR_MODE_QR && !wr_pub_equal(host, &guest->uri.host))
        return WR_ERR_AUTH;
    /* spec:pairing#6.1 "A guest MUST resume only with the host whose Noise key it met before." */
    if (p->mode == PAIR_MODE_RESUME && !wr_pub_equal(host, &guest->bond.peer))
        return WR_ERR_AUTH;
    if (guest->holder != 0)
        return WR_ERR_BUSY;
    if (p->counted) {
        guest->tries--;
        p->counted = false;
    }
    guest->holder = p->serial;
    p->holds = true;
    p->state = GUEST_SEND_THIRD;
    return WR_OK;
}

static wr_err put_third(wr_pairing *p, wr_buf *out, wr_now now) {
    wr_pair_guest *guest = p->guest;
    WR_TRY(wr_pair_noise_write(p, out, now));
    wr_pair_session_start(p, now);
    if (p->mode != PAIR_MODE_RESUME)
        guest->bond = (pair_bond){
            .set = true, .mode = guest->mode, .rid = p->rid, .psk = p->psk, .peer = p->peer};
    guest->resume_next = true;
    wr_key_wipe(&p->psk);
    p->deadline = wr_mono_add(now.mono, WR_PAIR_WINDOW_MS);
    p->state = GUEST_EXPECT_OFFER;
    return WR_OK;
}

wr_err wr_pair_guest_record(wr_pairing *p, wr_slice record, wr_now now) {
    if (p->state == GUEST_EXPECT_SHARE)
        return read_share(p, record, now);
    WR_ASSERT(p->state == GUEST_EXPECT_SECOND);
    return read_second(p, record, now);
}

/* ---- frames ---- */

static wr_err read_offer(wr_pairing *p, wr_slice body) {
    wr_pair_guest *guest = p->guest;
    wr_pair_offer offer;
    if (guest->joined)
        return WR_ERR_STATE;
    WR_TRY(wr_pair_offer_decode(body, &offer));
    uint8_t bytes[PAIR_CONSENT_BYTES_MAX];
    wr_buf message = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_consent_encode(&offer.circle_id, p->h, &offer.device_id, (wr_role_kind)offer.role,
                             &message));
    wr_sign(&guest->identity.sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&message), &guest->consent);
    guest->offer = offer;
    memcpy(guest->h, p->h, sizeof guest->h);
    guest->consented = true;
    wr_pair_event event = {.type = WR_PAIR_EV_SAS, .device = offer.device_id};
    wr_pair_sas(p->h, event.sas);
    wr_pair_raise(p, &event);
    p->state = GUEST_SEND_CERT;
    return WR_OK;
}

static wr_err read_welcome(wr_pairing *p, wr_slice body) {
    if (!p->guest->consented)
        return WR_ERR_STATE;
    WR_TRY(wr_pair_welcome_decode(body, &p->welcome));
    wr_slice addrs = p->welcome.addrs;
    if (addrs.len != 0)
        memcpy(p->addrs, addrs.ptr, addrs.len);
    p->welcome.addrs = wr_slice_of(p->addrs, addrs.len);
    if (p->welcome.op_count == 0)
        return WR_ERR_FORMAT;
    p->ops_left = p->welcome.op_count;
    if (!p->guest->joined)
        WR_TRY(wr_self_new(&p->guest->identity, p->guest->rng, &p->self));
    p->state = GUEST_EXPECT_OPS;
    return WR_OK;
}

/* The ADD that made us a member has to be the one we agreed to, word for word. */
static wr_err check_add(const wr_pair_guest *guest, const wr_graph *graph) {
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++) {
        wr_op_ref ref = wr_graph_op(graph, i);
        wr_op op;
        wr_add add;
        if (ref.type != WR_OP_ADD || !wr_hash_equal(&ref.author, &guest->offer.device_id))
            continue;
        WR_TRY(wr_op_decode(ref.bytes, &op));
        WR_TRY(wr_add_decode(op.body, &add));
        if (!wr_equal(add.cert_bytes, wr_identity_cert(&guest->identity)))
            continue;
        bool same = wr_equal(WR_SLICE_OBJ(add.consent), WR_SLICE_OBJ(guest->consent)) &&
                    wr_equal(wr_slice_of(add.handshake, sizeof add.handshake),
                             wr_slice_of(guest->h, sizeof guest->h)) &&
                    (uint64_t)add.role == guest->offer.role && add.mode == guest->mode;
        return same ? WR_OK : WR_ERR_REFUSED;
    }
    return WR_ERR_REFUSED;
}

static wr_err check_circle(const wr_pairing *p) {
    const wr_pair_guest *guest = p->guest;
    const wr_graph *graph = wr_self_graph(p->self);
    /* spec:pairing#4.5 "The guest MUST refuse a circle other than the offered one." */
    if (!wr_hash_equal(wr_graph_circle_id(graph), &guest->offer.circle_id))
        return WR_ERR_REFUSED;
    const wr_member *host = wr_graph_find(graph, &guest->offer.device_id);
    /* spec:pairing#4.5 "The guest MUST refuse unless the host is a current ADMIN there with the
     * Noise key of the handshake." */
    if (host == NULL || !wr_member_is_in(host) || host->role != WR_ROLE_ADMIN ||
        !wr_pub_equal(&host->cert.noise, &p->peer))
        return WR_ERR_REFUSED;
    const wr_member *me = wr_graph_find(graph, &guest->identity.device_id);
    /* spec:pairing#4.5 "The guest MUST refuse unless it is a current member by an ADD of the host
     * that carries its own certificate, consent, handshake hash and role." */
    if (me == NULL || !wr_member_is_in(me))
        return WR_ERR_REFUSED;
    return check_add(guest, graph);
}

/* spec:pairing#4.5 "The guest MUST refuse seeds without that of GENESIS, twice of one generation,
 * of one that it was not sent, and one that its RESET does not commit to." */
static wr_err take_seeds(wr_self *self, const wr_pair_welcome *welcome) {
    bool complete = false;
    for (uint32_t i = 0; i < welcome->seed_count; i++) {
        const wr_seed *seed = &welcome->seeds[i];
        if (wr_self_add_seed(self, &seed->founder, &seed->seed) != WR_OK)
            return WR_ERR_REFUSED;
        complete |= wr_hash_equal(&seed->founder, wr_graph_circle_id(wr_self_graph(self)));
    }
    return complete ? WR_OK : WR_ERR_REFUSED;
}

/* All ops are here: judge them alone, then take the secrets. */
static wr_err take_circle(wr_pairing *p, wr_now now) {
    wr_pair_welcome *welcome = &p->welcome;
    WR_TRY(check_circle(p));
    WR_TRY(take_seeds(p->self, welcome));
    /* spec:pairing#4.5 "The guest MUST refuse an epoch secret that does not match the commitment of
     * an EPOCH op it was sent." */
    WR_TRY(wr_self_add_epoch(p->self, &welcome->epoch_id, &welcome->secret));
    if (wr_self_write_epoch(p->self) == NULL)
        return WR_ERR_REFUSED;
    WR_TRY(wr_self_load_done(p->self, now));
    /* A device that never signed anything has nothing that a sibling could know better. */
    wr_self_confirm(p->self);
    wr_wipe(welcome->seeds, sizeof welcome->seeds);
    wr_wipe(&welcome->secret, sizeof welcome->secret);
    return WR_OK;
}

static wr_err read_ops(wr_pairing *p, wr_slice body, wr_now now) {
    if (body.len == 0)
        return WR_ERR_FORMAT;
    while (body.len != 0) {
        wr_slice op;
        wr_sig sig;
        WR_TRY(wr_ops_take(&body, &op, &sig));
        if (p->ops_left-- == 0)
            return WR_ERR_FORMAT;
        if (p->self != NULL)
            WR_TRY(wr_self_admit(p->self, op, &sig, now));
    }
    if (p->ops_left != 0)
        return WR_OK;
    if (p->guest->joined) {
        p->state = GUEST_SEND_READY;
        return WR_OK;
    }
    WR_TRY(take_circle(p, now));
    wr_pair_raise(p, &(wr_pair_event){.type = WR_PAIR_EV_JOINED,
                                      .device = p->guest->offer.device_id,
                                      .addrs = p->welcome.addrs,
                                      .self = p->self});
    p->state = GUEST_EXPECT_JOIN_STORED;
    return WR_OK;
}

wr_err wr_pair_guest_frame(wr_pairing *p, uint8_t type, wr_slice body, wr_now now) {
    bool waits = p->state == GUEST_EXPECT_OFFER || p->state == GUEST_EXPECT_WELCOME;
    if (waits && type == WR_FRAME_PAIR_REFUSED)
        return WR_ERR_REFUSED;
    if (p->state == GUEST_EXPECT_OFFER && type == WR_FRAME_PAIR_OFFER)
        return read_offer(p, body);
    bool welcome = p->state == GUEST_EXPECT_WELCOME ||
                   (p->state == GUEST_EXPECT_OFFER && p->mode == PAIR_MODE_RESUME);
    if (welcome && type == WR_FRAME_PAIR_WELCOME)
        return read_welcome(p, body);
    if (p->state == GUEST_EXPECT_OPS && type == WR_FRAME_OPS)
        return read_ops(p, body, now);
    if (p->state == GUEST_EXPECT_DONE && type == WR_FRAME_PAIR_DONE && body.len == 0) {
        wr_pair_raise(p, &(wr_pair_event){.type = WR_PAIR_EV_DONE});
        p->state = PAIR_DONE;
        return WR_OK;
    }
    return WR_ERR_STATE;
}

void wr_pair_guest_stored(wr_pairing *p) {
    if (p->state != GUEST_EXPECT_JOIN_STORED)
        return;
    p->guest->joined = true;
    p->state = GUEST_SEND_READY;
}

/* ---- writing ---- */

static wr_err put_cert(wr_pairing *p, wr_buf *out, wr_now now) {
    const wr_pair_guest *guest = p->guest;
    wr_pair_cert cert = {.name = wr_slice_of(guest->name, guest->name_len),
                         .cert = wr_identity_cert(&guest->identity),
                         .consent = guest->consent};
    uint8_t bytes[WR_NAME_BYTES_MAX + WR_CERT_OWN_MAX + WR_SIG_SIZE + 16u];
    wr_buf body = WR_BUF_ARRAY(bytes);
    bool sent;
    WR_TRY(wr_pair_cert_encode(&cert, &body));
    WR_TRY(wr_pair_frame(p, WR_FRAME_PAIR_CERT, wr_buf_slice(&body), out, now, &sent));
    if (sent)
        p->state = GUEST_EXPECT_WELCOME;
    return WR_OK;
}

static wr_err put_ready(wr_pairing *p, wr_buf *out, wr_now now) {
    bool sent;
    WR_TRY(wr_pair_frame(p, WR_FRAME_PAIR_READY, WR_SLICE_EMPTY, out, now, &sent));
    if (sent)
        p->state = GUEST_EXPECT_DONE;
    return WR_OK;
}

wr_err wr_pair_guest_write(wr_pairing *p, wr_buf *out, wr_now now) {
    if (wr_buf_room(out) < 2u * RECORD_ROOM)
        return WR_OK;
    if (p->state == GUEST_SEND_PREFACE)
        WR_TRY(put_preface(p, out, now));
    if (p->state == GUEST_SEND_SHARE) {
        WR_TRY(wr_session_raw_put(WR_SLICE_OBJ(p->share), out));
        p->state = GUEST_SEND_FIRST;
    }
    if (p->state == GUEST_SEND_FIRST)
        return put_first(p, out, now);
    if (p->state == GUEST_SEND_THIRD)
        return put_third(p, out, now);
    if (p->state == GUEST_SEND_CERT)
        return put_cert(p, out, now);
    if (p->state == GUEST_SEND_READY)
        return put_ready(p, out, now);
    return WR_OK;
}
