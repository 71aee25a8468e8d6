/* The host's side of a pairing connection: the member that shows the code and admits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/pairing_impl.h"

/* The largest record of the handshake, its header included. */
#define RECORD_ROOM 128u
#define OPS_BODY_MAX (WR_OP_LARGEST_BYTES_MAX + 80u)
_Static_assert(OPS_BODY_MAX <= WR_FRAME_BODY_MAX, "the largest op fits one frame");

bool wr_pair_host_reads(pair_state state) {
    return state == HOST_EXPECT_PREFACE || state == HOST_EXPECT_SHARE ||
           state == HOST_EXPECT_FIRST || state == HOST_EXPECT_THIRD || state == HOST_EXPECT_CERT ||
           state == HOST_EXPECT_READY;
}

bool wr_pair_host_replaced(const wr_pairing *p) {
    return p->holds && p->window->holder != p->serial;
}

void wr_pair_host_leave(wr_pairing *p) {
    wr_pair_window *window = p->window;
    if (window->holder == p->serial)
        window->holder = 0;
    p->holds = false;
    if (!p->counted)
        return;
    p->counted = false;
    /* spec:pairing#5.1 "After three failed runs a host MUST refuse everything under the window's
     * code and URI." */
    if (window->tries >= WR_PAIR_TRIES_MAX && !window->burnt) {
        window->burnt = true;
        wr_pair_raise(p, &(wr_pair_event){.type = WR_PAIR_EV_BURNT});
    }
}

/* ---- handshake ---- */

static void hold(wr_pairing *p) {
    p->window->holder = p->serial;
    p->holds = true;
}

static wr_err check_free(const wr_pairing *p) {
    /* spec:pairing#5.2 "Of a window's connections at most one MUST get beyond the first message
     * that tests the code." */
    return p->window->holder == 0 || p->window->holder == p->serial ? WR_OK : WR_ERR_BUSY;
}

static void count(wr_pairing *p) {
    p->window->tries++;
    p->counted = true;
}

static bool same_rid(const wr_rid *a, const wr_rid *b) {
    return wr_equal(WR_SLICE_OBJ(*a), WR_SLICE_OBJ(*b));
}

static wr_err begin_noise(wr_pairing *p, wr_now now) {
    WR_TRY(wr_pair_noise_start(p, wr_self_identity(p->self), &p->window->rng, now));
    p->state = HOST_EXPECT_FIRST;
    return WR_OK;
}

/* Which secret the guest means, and whether it still counts for anything. */
static wr_err choose(wr_pairing *p, uint8_t mode, wr_now now) {
    const wr_pair_window *window = p->window;
    p->mode = (pair_mode)mode;
    if (mode == PAIR_MODE_RESUME) {
        if (!window->bond.set || !same_rid(&p->rid, &window->bond.rid))
            return WR_ERR_REFUSED;
        p->psk = window->bond.psk;
        return begin_noise(p, now);
    }
    if (mode != PAIR_MODE_QR && mode != PAIR_MODE_CODE)
        return WR_ERR_FORMAT;
    /* spec:pairing#5.1 "A code or URI that admitted a device MUST NOT begin another pairing." */
    if (window->add_made || window->tries >= WR_PAIR_TRIES_MAX)
        return WR_ERR_REFUSED;
    if (!same_rid(&p->rid, mode == PAIR_MODE_QR ? &window->uri.rid : &window->code_rid))
        return WR_ERR_REFUSED;
    if (mode == PAIR_MODE_CODE) {
        p->state = HOST_SEND_SHARE;
        return WR_OK;
    }
    p->psk = window->uri.psk;
    return begin_noise(p, now);
}

static wr_err read_preface(wr_pairing *p, wr_slice record, wr_now now) {
    uint8_t version, mode;
    wr_slice rid, nonce;
    if (!wr_slice_take_u8(&record, &version) || !wr_slice_take_u8(&record, &mode) ||
        !wr_slice_take(&record, sizeof p->rid.b, &rid) ||
        !wr_slice_take(&record, PAIR_NONCE_SIZE, &nonce))
        return WR_ERR_TRUNCATED;
    if (version != WR_PAIR_PREFACE)
        return WR_ERR_VERSION;
    if (record.len != 0)
        return WR_ERR_FORMAT;
    /* spec:pairing#2 "A host MUST refuse a first record of mode 1 or 3 whose rB is not zero." */
    if (mode != PAIR_MODE_CODE && !wr_is_zero(nonce))
        return WR_ERR_FORMAT;
    memcpy(p->rid.b, rid.ptr, rid.len);
    memcpy(p->sid + PAIR_NONCE_SIZE, nonce.ptr, nonce.len);
    return choose(p, mode, now);
}

static wr_err put_share(wr_pairing *p, wr_buf *out) {
    uint8_t bytes[PAIR_NONCE_SIZE + WR_KEY_SIZE];
    wr_buf share = WR_BUF_ARRAY(bytes);
    wr_pub own;
    /* spec:pairing#3.2 "Each run MUST have fresh nonces and scalars." */
    wr_rng_fill(&p->window->rng, p->sid, PAIR_NONCE_SIZE);
    WR_TRY(wr_pair_pake_start(p, &p->window->code, &p->window->rng, &own));
    WR_TRY(wr_buf_put(&share, wr_slice_of(p->sid, PAIR_NONCE_SIZE)));
    WR_TRY(wr_buf_put(&share, WR_SLICE_OBJ(own)));
    WR_TRY(wr_session_raw_put(wr_buf_slice(&share), out));
    p->state = HOST_EXPECT_SHARE;
    return WR_OK;
}

/* The peer's value makes it a run: one guess is spent until message 1 shows that it was right. */
static wr_err read_share(wr_pairing *p, wr_slice record, wr_now now) {
    wr_pub share;
    if (record.len != sizeof share.b)
        return WR_ERR_FORMAT;
    WR_TRY(check_free(p));
    if (p->window->add_made || p->window->tries >= WR_PAIR_TRIES_MAX)
        return WR_ERR_REFUSED;
    hold(p);
    count(p);
    memcpy(share.b, record.ptr, sizeof share.b);
    WR_TRY(wr_pair_pake_finish(p, &share));
    return begin_noise(p, now);
}

static wr_err read_first(wr_pairing *p, wr_slice record, wr_now now) {
    wr_pair_window *window = p->window;
    bool guarded = p->mode == PAIR_MODE_QR; /* the psk of a bond cannot be guessed */
    if (guarded)
        WR_TRY(check_free(p));
    /* The preface may have come before another device was accepted. */
    if (guarded && (window->add_made || window->tries >= WR_PAIR_TRIES_MAX))
        return WR_ERR_REFUSED;
    wr_err err = wr_pair_noise_read(p, record, now);
    if (err != WR_OK && guarded)
        count(p);
    WR_TRY(err);
    if (p->mode == PAIR_MODE_QR)
        hold(p);
    if (p->counted) {
        window->tries--;
        p->counted = false;
    }
    p->state = HOST_SEND_SECOND;
    return WR_OK;
}

static void add_ready(wr_pairing *p) {
    const wr_pair_window *window = p->window;
    wr_pair_raise(p, &(wr_pair_event){.type = WR_PAIR_EV_ADD_READY,
                                      .op = wr_slice_of(window->add, window->add_len),
                                      .sig = &window->add_sig});
    p->state = HOST_EXPECT_ADD_STORED;
}

/* The psk and the guest's key are proved. */
static wr_err meet_guest(wr_pairing *p, wr_now now) {
    wr_pair_window *window = p->window;
    WR_TRY(wr_pair_window_may(window, now.mono));
    if (p->mode == PAIR_MODE_RESUME) {
        /* spec:pairing#6.1 "A host MUST resume only with the Noise key of the handshake that is
         * resumed." */
        if (!wr_pub_equal(&p->peer, &window->bond.peer))
            return WR_ERR_AUTH;
        hold(p); /* in place of the connection that was cut */
    } else {
        window->bond = (pair_bond){.set = true,
                                   .mode = (wr_pair_mode)p->mode,
                                   .rid = p->rid,
                                   .psk = p->psk,
                                   .peer = p->peer};
    }
    wr_key_wipe(&p->psk);
    p->deadline = window->deadline;
    /* spec:pairing#6.1 "A resumed pairing MUST go on with the ADD that was kept." */
    if (!window->add_made)
        p->state = HOST_SEND_OFFER;
    else if (!window->add_stored)
        add_ready(p);
    else
        p->state = HOST_SEND_WELCOME;
    return WR_OK;
}

static wr_err read_third(wr_pairing *p, wr_slice record, wr_now now) {
    WR_TRY(wr_pair_noise_read(p, record, now));
    wr_session_raw_done(&p->session); /* record is gone */
    wr_pair_session_start(p, now);
    return meet_guest(p, now);
}

wr_err wr_pair_host_record(wr_pairing *p, wr_slice record, wr_now now) {
    if (p->state == HOST_EXPECT_PREFACE)
        return read_preface(p, record, now);
    if (p->state == HOST_EXPECT_SHARE)
        return read_share(p, record, now);
    if (p->state == HOST_EXPECT_FIRST)
        return read_first(p, record, now);
    WR_ASSERT(p->state == HOST_EXPECT_THIRD);
    return read_third(p, record, now);
}

/* ---- certificate and answer ---- */

static bool shares_key(const wr_cert *a, const wr_cert *b) {
    const wr_pub *ours[] = {&a->sign, &a->noise, &a->box};
    const wr_pub *theirs[] = {&b->sign, &b->noise, &b->box};
    for (size_t i = 0; i < WR_COUNT(ours); i++)
        for (size_t j = 0; j < WR_COUNT(theirs); j++)
            if (wr_pub_equal(ours[i], theirs[j]))
                return true;
    return false;
}

static wr_err check_cert(const wr_pairing *p, const wr_pair_cert *offered) {
    const wr_graph *graph = wr_self_graph(p->self);
    wr_cert cert;
    if (!wr_text_is_name(offered->name))
        return WR_ERR_FORMAT;
    WR_TRY(wr_cert_decode(offered->cert, &cert));
    /* spec:pairing#4.2 "The host MUST refuse a certificate whose Noise key is not the one that the
     * handshake proved." */
    if (!wr_pub_equal(&cert.noise, &p->peer))
        return WR_ERR_AUTH;
    wr_hash id = wr_device_id(offered->cert);
    for (uint32_t i = 0; i < wr_graph_member_count(graph); i++) {
        const wr_member *member = wr_graph_member(graph, i);
        /* spec:pairing#4.2 "The host MUST refuse a certificate that shares a key with any earlier
         * one." */
        if (wr_hash_equal(&member->device_id, &id) || shares_key(&member->cert, &cert))
            return WR_ERR_REFUSED;
    }
    uint8_t bytes[PAIR_CONSENT_BYTES_MAX];
    wr_buf message = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_consent_encode(wr_graph_circle_id(graph), p->h, &wr_self_identity(p->self)->device_id,
                             p->window->config.role, &message));
    /* spec:pairing#4.2 "The host MUST refuse a consent that does not verify for this circle, this
     * handshake, itself and the offered role." */
    return wr_verify(&cert.sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&message), &offered->consent);
}

static wr_err read_cert(wr_pairing *p, wr_slice body) {
    wr_pair_cert offered;
    WR_TRY(wr_pair_cert_decode(body, &offered));
    WR_TRY(check_cert(p, &offered));
    WR_ASSERT(offered.cert.len <= sizeof p->cert);
    WR_ASSERT(offered.name.len <= sizeof p->name);
    memcpy(p->cert, offered.cert.ptr, offered.cert.len);
    p->cert_len = offered.cert.len;
    memcpy(p->name, offered.name.ptr, offered.name.len);
    p->name_len = offered.name.len;
    p->consent = offered.consent;
    wr_pair_event event = {.type = WR_PAIR_EV_REQUEST,
                           .device = wr_device_id(offered.cert),
                           .name = wr_slice_of(p->name, p->name_len)};
    wr_pair_sas(p->h, event.sas);
    wr_pair_raise(p, &event);
    p->state = HOST_EXPECT_ANSWER;
    p->deadline = p->window->deadline;
    return WR_OK;
}

wr_err wr_pair_host_answer(wr_pairing *p, bool accept, wr_now now) {
    wr_pair_window *window = p->window;
    WR_TRY(wr_pair_window_may(window, now.mono));
    if (!accept) {
        /* spec:pairing#4.3 "After a refusal the window MUST be over." */
        window->refused = true;
        p->state = HOST_SEND_REFUSED;
        return WR_OK;
    }
    WR_ASSERT(!window->add_made);
    if (wr_self_write_epoch(p->self) == NULL) /* and none could be made while the ADD is kept */
        return WR_ERR_UNKNOWN;
    wr_add add = {.cert_bytes = wr_slice_of(p->cert, p->cert_len),
                  .role = window->config.role,
                  .mode = window->bond.mode,
                  .consent = p->consent};
    memcpy(add.handshake, p->h, sizeof add.handshake);
    uint8_t bytes[WR_CERT_BYTES_MAX + 256u];
    wr_buf body = WR_BUF_ARRAY(bytes), op = WR_BUF_ARRAY(window->add);
    WR_TRY(wr_add_encode(&add, &body));
    WR_TRY(wr_self_make_add(p->self, wr_buf_slice(&body), now, &op, &window->add_sig));
    window->add_len = op.len;
    window->add_made = true;
    window->add_stored = false;
    window->settled = false;
    add_ready(p);
    return WR_OK;
}

static wr_err read_ready(wr_pairing *p, wr_slice body, wr_now now) {
    wr_pair_window *window = p->window;
    if (body.len != 0)
        return WR_ERR_FORMAT;
    /* spec:pairing#4.6 "The host MUST NOT admit the ADD before READY, except where section 6.2 asks
     * for it." */
    WR_TRY(
        wr_self_admit(p->self, wr_slice_of(window->add, window->add_len), &window->add_sig, now));
    window->settled = true;
    window->done = true;
    wr_pair_raise(p, &(wr_pair_event){.type = WR_PAIR_EV_PUBLISH});
    p->state = HOST_EXPECT_PUBLISHED;
    return WR_OK;
}

wr_err wr_pair_host_frame(wr_pairing *p, uint8_t type, wr_slice body, wr_now now) {
    if (p->state == HOST_EXPECT_CERT && type == WR_FRAME_PAIR_CERT)
        return read_cert(p, body);
    if (p->state == HOST_EXPECT_READY && type == WR_FRAME_PAIR_READY)
        return read_ready(p, body, now);
    return WR_ERR_STATE;
}

void wr_pair_host_stored(wr_pairing *p) {
    if (p->state == HOST_EXPECT_ADD_STORED) {
        p->window->add_stored = p->window->add_made; /* settled away: the write will fail */
        p->state = HOST_SEND_WELCOME;
    } else if (p->state == HOST_EXPECT_PUBLISHED) {
        p->state = HOST_SEND_DONE;
    }
}

/* ---- writing ---- */

static wr_err put_offer(wr_pairing *p, wr_buf *out, wr_now now) {
    wr_pair_offer offer = {.circle_id = *wr_graph_circle_id(wr_self_graph(p->self)),
                           .device_id = wr_self_identity(p->self)->device_id,
                           .role = (uint64_t)p->window->config.role};
    uint8_t bytes[128];
    wr_buf body = WR_BUF_ARRAY(bytes);
    bool sent;
    WR_TRY(wr_pair_offer_encode(&offer, &body));
    WR_TRY(wr_pair_frame(p, WR_FRAME_PAIR_OFFER, wr_buf_slice(&body), out, now, &sent));
    if (!sent)
        return WR_OK;
    p->deadline = wr_mono_min(p->window->deadline, wr_mono_add(now.mono, WR_HANDSHAKE_MS_MAX));
    p->state = HOST_EXPECT_CERT;
    return WR_OK;
}

static wr_err put_refused(wr_pairing *p, wr_buf *out, wr_now now) {
    bool sent;
    WR_TRY(wr_pair_frame(p, WR_FRAME_PAIR_REFUSED, WR_SLICE_EMPTY, out, now, &sent));
    return sent ? WR_ERR_REFUSED : WR_OK;
}

typedef struct welcome_bytes { /* secret */
    uint8_t b[512u + WR_GENERATIONS_MAX * 69u];
} welcome_bytes;
static void welcome_bytes_wipe(welcome_bytes *bytes) {
    wr_wipe(bytes, sizeof *bytes);
}

/* Those of the generations before as well: siblings may have slept through what followed. */
static void fill_seeds(const wr_keyring *keyring, wr_pair_welcome *welcome) {
    welcome->seed_count = wr_keyring_seed_count(keyring);
    for (uint32_t i = 0; i < welcome->seed_count; i++) {
        wr_seed *seed = &welcome->seeds[i];
        seed->founder = *wr_keyring_seed_founder(keyring, i);
        bool held = wr_keyring_seed(keyring, &seed->founder, &seed->seed);
        WR_ASSERT(held);
    }
}

static wr_err fill_welcome(wr_pairing *p, wr_pair_welcome *welcome) {
    const wr_keyring *keyring = wr_self_keyring(p->self);
    const wr_pair_window *window = p->window;
    const wr_graph *graph = wr_self_graph(p->self);
    const wr_hash *epoch_id = wr_self_write_epoch(p->self);
    /* spec:pairing#4.4 "Before the owner's yes the host MUST NOT send anything of the circle but
     * the offer." */
    if (!window->add_made)
        return WR_ERR_STATE;
    if (epoch_id == NULL || !wr_keyring_secret(keyring, epoch_id, &welcome->secret))
        return WR_ERR_REFUSED;
    fill_seeds(keyring, welcome);
    welcome->epoch_id = *epoch_id;
    wr_hash add_id = wr_hash_of(WR_LABEL_OP_ID, wr_slice_of(window->add, window->add_len));
    p->op_next = 0;
    p->op_end = wr_generations_op_count(wr_self_generations(p->self));
    p->add_apart = !wr_graph_knows(graph, &add_id);
    welcome->op_count = p->op_end + (p->add_apart ? 1u : 0u);
    welcome->addrs = wr_slice_of(window->config.addrs, window->config.addrs_len);
    return WR_OK;
}

static wr_err put_welcome(wr_pairing *p, wr_buf *out, wr_now now) {
    WR_SECRET(wr_pair_welcome) welcome = {.op_count = 0};
    WR_SECRET(welcome_bytes) bytes;
    wr_buf body = WR_BUF_ARRAY(bytes.b);
    bool sent;
    WR_TRY(fill_welcome(p, &welcome));
    WR_TRY(wr_pair_welcome_encode(&welcome, &body));
    WR_TRY(wr_pair_frame(p, WR_FRAME_PAIR_WELCOME, wr_buf_slice(&body), out, now, &sent));
    if (sent)
        p->state = HOST_SEND_OPS;
    return WR_OK;
}

static bool ops_left(const wr_pairing *p) {
    return p->op_next < p->op_end + (p->add_apart ? 1u : 0u);
}

/* As many ops as fit body, in order, the kept ADD last. */
static void fill_ops(wr_pairing *p, wr_buf *body) {
    for (; ops_left(p); p->op_next++) {
        wr_slice op = wr_slice_of(p->window->add, p->window->add_len);
        const wr_sig *sig = &p->window->add_sig;
        if (p->op_next < p->op_end) {
            uint32_t number;
            wr_op_ref ref = wr_generations_op(wr_self_generations(p->self), p->op_next, &number);
            op = ref.bytes;
            sig = ref.sig;
        }
        if (wr_ops_put(body, op, sig) != WR_OK)
            return;
    }
}

static wr_err put_ops(wr_pairing *p, wr_buf *out, wr_now now) {
    uint8_t bytes[OPS_BODY_MAX];
    wr_buf plain;
    while (ops_left(p) && wr_session_begin(&p->session, out, &plain)) {
        size_t room = wr_buf_room(&plain);
        if (room <= WR_FRAME_HEADER_SIZE)
            return WR_OK;
        room -= WR_FRAME_HEADER_SIZE;
        wr_buf body = wr_buf_of(bytes, room < sizeof bytes ? room : sizeof bytes);
        fill_ops(p, &body);
        if (body.len == 0)
            return WR_OK; /* out has no room for the next op */
        WR_TRY(wr_frame_put(&plain, WR_FRAME_OPS, wr_buf_slice(&body)));
        WR_TRY(wr_session_end(&p->session, &plain, out, now.mono));
    }
    if (!ops_left(p))
        p->state = HOST_EXPECT_READY;
    return WR_OK;
}

static wr_err put_done(wr_pairing *p, wr_buf *out, wr_now now) {
    bool sent;
    WR_TRY(wr_pair_frame(p, WR_FRAME_PAIR_DONE, WR_SLICE_EMPTY, out, now, &sent));
    if (!sent)
        return WR_OK;
    wr_pair_raise(p, &(wr_pair_event){.type = WR_PAIR_EV_DONE});
    p->state = PAIR_DONE;
    return WR_OK;
}

wr_err wr_pair_host_write(wr_pairing *p, wr_buf *out, wr_now now) {
    if (wr_buf_room(out) < RECORD_ROOM)
        return WR_OK;
    /* spec:pairing#4.4 "The ADD and every op MUST be durable at the host before a byte of them
     * leaves." */
    if (wr_self_pending(p->self))
        return WR_OK;
    if (p->state == HOST_SEND_SHARE)
        return put_share(p, out);
    if (p->state == HOST_SEND_SECOND) {
        WR_TRY(wr_pair_noise_write(p, out, now));
        p->state = HOST_EXPECT_THIRD;
        return WR_OK;
    }
    if (p->state == HOST_SEND_OFFER)
        return put_offer(p, out, now);
    if (p->state == HOST_SEND_REFUSED)
        return put_refused(p, out, now);
    if (p->state == HOST_SEND_WELCOME)
        WR_TRY(put_welcome(p, out, now));
    if (p->state == HOST_SEND_OPS)
        return put_ops(p, out, now);
    if (p->state == HOST_SEND_DONE)
        return put_done(p, out, now);
    return WR_OK;
}
