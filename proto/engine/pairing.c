/* One pairing connection: what both roles share, and the order of things.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/pairing_impl.h"

#include <stdlib.h>

/* ---- shared steps --------------------------------------------------------------------------- */

void wr_pair_raise(wr_pairing *p, const wr_pair_event *event) {
    WR_ASSERT(p->event_count < PAIR_EVENTS_MAX);
    p->events[p->event_count++] = *event;
}

void wr_pair_sas(const uint8_t h[PAIR_H_SIZE], char out[WR_PAIR_SAS_BYTES_MAX]) {
    /* spec:pairing#4.3 "Both screens MUST show the four words." */
    wr_hash hash = wr_hash_of(WR_LABEL_PAIR_SAS, wr_slice_of(h, PAIR_H_SIZE));
    uint64_t bits = wr_load_u64(hash.b);
    wr_buf text = wr_buf_of(out, WR_PAIR_SAS_BYTES_MAX);
    wr_err err = WR_OK;
    for (unsigned i = 0; i < WR_PAIR_SAS_WORDS && err == WR_OK; i++, bits <<= 11) {
        if (i != 0)
            err = wr_buf_put_u8(&text, ' ');
        WR_ASSERT(err == WR_OK);
        err = wr_buf_put(&text, wr_slice_str(wr_word((uint16_t)(bits >> 53))));
    }
    WR_ASSERT(err == WR_OK);
    err = wr_buf_put_zeros(&text, wr_buf_room(&text));
    WR_ASSERT(err == WR_OK);
}

#define PAIR_AD_SIZE 2u
static const uint8_t host_ad[PAIR_AD_SIZE] = {WR_PAIR_PREFACE, 'A'};
static const uint8_t guest_ad[PAIR_AD_SIZE] = {WR_PAIR_PREFACE, 'B'};

typedef struct pair_words { /* secret */
    uint8_t b[WR_PAIR_CODE_BYTES_MAX];
} pair_words;
static void pair_words_wipe(pair_words *words) {
    wr_wipe(words, sizeof *words);
}

wr_err wr_pair_pake_start(wr_pairing *p, const wr_pair_code *code, const wr_rng *rng,
                          wr_pub *ret_public) {
    WR_SECRET(pair_words) words;
    wr_buf prs = WR_BUF_ARRAY(words.b);
    WR_TRY(wr_pair_code_secret(code, &prs));
    uint8_t bytes[PAIR_CI_BYTES_MAX];
    wr_buf ci = WR_BUF_ARRAY(bytes);
    /* Who talks to whom, about what: else a run could be relayed to another pair. */
    wr_pair_put_part(&ci, wr_slice_str(PAIR_LABEL));
    wr_pair_put_part(&ci, wr_slice_str("A-shows-code"));
    wr_pair_put_part(&ci, wr_slice_str("B-enters-code"));
    wr_pair_put_part(&ci, WR_SLICE_OBJ(p->rid));
    wr_pair_put_part(&ci, WR_SLICE_EMPTY);
    wr_pake_config config = {
        .role = p->window != NULL ? WR_INITIATOR : WR_RESPONDER,
        .prs = wr_buf_slice(&prs),
        .ci = wr_buf_slice(&ci),
        .sid = wr_slice_of(p->sid, sizeof p->sid),
        .ad = wr_slice_of(p->window != NULL ? host_ad : guest_ad, PAIR_AD_SIZE),
    };
    return wr_pake_start(&p->pake, &config, rng, ret_public);
}

wr_err wr_pair_pake_finish(wr_pairing *p, const wr_pub *peer_public) {
    WR_SECRET(wr_pake_key) isk;
    WR_SECRET(wr_key) key;
    uint8_t info[WR_KEY_SIZE + sizeof p->rid.b];
    wr_slice peer_ad = wr_slice_of(p->window != NULL ? guest_ad : host_ad, PAIR_AD_SIZE);
    /* spec:pairing#3.2 "A side that reads its own public value MUST end the run": the PAKE sees to
     * it. */
    WR_TRY(wr_pake_finish(&p->pake, peer_public, peer_ad, &isk));
    memcpy(key.b, isk.b, sizeof key.b);
    memcpy(info, isk.b + sizeof key.b, sizeof key.b);
    memcpy(info + sizeof key.b, p->rid.b, sizeof p->rid.b);
    p->psk = wr_kdf_key(&key, WR_LABEL_PAIR_PSK, wr_slice_of(info, sizeof info));
    wr_wipe(info, sizeof info);
    return WR_OK;
}

wr_err wr_pair_noise_start(wr_pairing *p, const wr_identity *me, const wr_rng *rng, wr_now now) {
    uint8_t prologue[PAIR_PROLOGUE_SIZE];
    size_t at = sizeof PAIR_LABEL - 1;
    memcpy(prologue, PAIR_LABEL, at);
    prologue[at++] = WR_PAIR_PREFACE;
    prologue[at++] = (uint8_t)p->mode;
    memcpy(prologue + at, p->rid.b, sizeof p->rid.b);
    wr_handshake_config config = {
        .pattern = WR_PATTERN_XXPSK0,
        .hash = WR_BLAKE2B,
        .role = p->window != NULL ? WR_RESPONDER : WR_INITIATOR,
        .prologue = wr_slice_of(prologue, sizeof prologue),
        .s = &me->noise,
        .psks = &p->psk,
        .psk_count = 1,
        .rng = *rng,
        .now = now.mono,
    };
    return wr_handshake_init(&p->handshake, &config);
}

wr_err wr_pair_noise_write(wr_pairing *p, wr_buf *out, wr_now now) {
    uint8_t bytes[WR_HANDSHAKE_MESSAGE_MAX];
    wr_buf message = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_handshake_write(&p->handshake, WR_SLICE_EMPTY, &message, now.mono));
    return wr_session_raw_put(wr_buf_slice(&message), out);
}

wr_err wr_pair_noise_read(wr_pairing *p, wr_slice record, wr_now now) {
    wr_buf payload = wr_buf_of(NULL, 0);
    wr_err err = wr_handshake_read(&p->handshake, record, &payload, now.mono);
    /* The messages carry nothing: what does not fit is the peer's fault. */
    return err == WR_ERR_NOBUF ? WR_ERR_FORMAT : err;
}

void wr_pair_session_start(wr_pairing *p, wr_now now) {
    wr_slice h = wr_handshake_hash(&p->handshake);
    WR_ASSERT(h.len == sizeof p->h);
    memcpy(p->h, h.ptr, h.len);
    p->peer = *wr_handshake_remote_static(&p->handshake);
    wr_session_start(&p->session, &p->handshake, now.mono);
}

wr_err wr_pair_frame(wr_pairing *p, wr_frame_type type, wr_slice body, wr_buf *out, wr_now now,
                     bool *ret_sent) {
    wr_buf plain;
    *ret_sent = false;
    if (!wr_session_begin(&p->session, out, &plain))
        return WR_OK;
    wr_err err = wr_frame_put(&plain, (uint8_t)type, body);
    if (err == WR_ERR_NOBUF)
        return WR_OK; /* with the next write */
    WR_TRY(err);
    WR_TRY(wr_session_end(&p->session, &plain, out, now.mono));
    *ret_sent = true;
    return WR_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

static wr_err pairing_new(wr_now now, wr_pairing **ret_pairing) {
    wr_pairing *p = calloc(1, sizeof *p);
    if (p == NULL)
        return WR_ERR_NOMEM;
    wr_session_init(&p->session);
    p->deadline = wr_mono_add(now.mono, WR_HANDSHAKE_MS_MAX);
    *ret_pairing = p;
    return WR_OK;
}

wr_err wr_pairing_host_new(wr_pair_window *window, wr_self *self, wr_now now,
                           wr_pairing **ret_pairing) {
    WR_TRY(wr_pair_window_may(window, now.mono));
    WR_TRY(pairing_new(now, ret_pairing));
    wr_pairing *p = *ret_pairing;
    p->window = window;
    p->self = self;
    p->serial = ++window->serial;
    p->deadline = wr_mono_min(p->deadline, window->deadline);
    p->state = HOST_EXPECT_PREFACE;
    return WR_OK;
}

wr_err wr_pairing_guest_new(wr_pair_guest *guest, wr_now now, wr_pairing **ret_pairing) {
    if (!wr_pair_guest_may_try(guest))
        return WR_ERR_REFUSED;
    WR_TRY(pairing_new(now, ret_pairing));
    wr_pairing *p = *ret_pairing;
    p->guest = guest;
    p->serial = ++guest->serial;
    p->state = GUEST_SEND_PREFACE;
    return WR_OK;
}

static bool ended(const wr_pairing *p) {
    return p->state == PAIR_DONE || p->state == PAIR_OVER;
}

static void leave(wr_pairing *p) {
    if (p->window != NULL)
        wr_pair_host_leave(p);
    else
        wr_pair_guest_leave(p);
}

/* Every error ends the connection; of its events only what the end itself tells is left. */
static wr_err fail(wr_pairing *p, wr_err err) {
    if (err == WR_OK)
        return WR_OK;
    p->event_count = 0;
    leave(p);
    p->state = PAIR_OVER;
    return err;
}

void wr_pairing_free(wr_pairing *pairing) {
    if (pairing == NULL)
        return;
    if (pairing->state != PAIR_OVER)
        (void)fail(pairing, WR_ERR_CLOSED);
    if (pairing->guest != NULL)
        wr_self_free(pairing->self);
    wr_pake_wipe(&pairing->pake);
    wr_handshake_wipe(&pairing->handshake);
    wr_session_wipe(&pairing->session);
    wr_wipe(pairing, sizeof *pairing);
    free(pairing);
}

bool wr_pairing_poll(wr_pairing *pairing, wr_pair_event *ret_event) {
    if (pairing->event_count == 0)
        return false;
    *ret_event = pairing->events[0];
    pairing->event_count--;
    memmove(&pairing->events[0], &pairing->events[1],
            pairing->event_count * sizeof pairing->events[0]);
    if (ret_event->type == WR_PAIR_EV_JOINED)
        pairing->self = NULL; /* the caller's from here on */
    return true;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static wr_err read_record(wr_pairing *p, wr_slice *in, wr_now now) {
    wr_slice record;
    bool have;
    WR_TRY(wr_session_raw(&p->session, in, &record, &have));
    if (!have)
        return WR_OK;
    wr_err err = p->window != NULL ? wr_pair_host_record(p, record, now)
                                   : wr_pair_guest_record(p, record, now);
    wr_session_raw_done(&p->session);
    return err;
}

static wr_err read_frame(wr_pairing *p, wr_slice *in, wr_now now) {
    uint8_t type;
    wr_slice body;
    bool have;
    WR_TRY(wr_session_next(&p->session, in, now.mono, &type, &body, &have));
    if (!have || type >= WR_FRAME_IGNORABLE)
        return WR_OK;
    return p->window != NULL ? wr_pair_host_frame(p, type, body, now)
                             : wr_pair_guest_frame(p, type, body, now);
}

static bool replaced(const wr_pairing *p) {
    return p->window != NULL ? wr_pair_host_replaced(p) : wr_pair_guest_replaced(p);
}

static bool reads(const wr_pairing *p) {
    return p->event_count == 0 &&
           (p->window != NULL ? wr_pair_host_reads(p->state) : wr_pair_guest_reads(p->state));
}

wr_err wr_pairing_read(wr_pairing *pairing, wr_slice *in, wr_now now) {
    wr_pairing *p = pairing;
    if (p->state == PAIR_OVER)
        return WR_ERR_STATE;
    if (p->state == PAIR_DONE)
        return WR_OK;
    if (replaced(p))
        return fail(p, WR_ERR_CLOSED);
    while (reads(p) && (in->len != 0 || p->session.reading)) {
        wr_err err = p->session.started ? read_frame(p, in, now) : read_record(p, in, now);
        if (err != WR_OK)
            return fail(p, err);
    }
    return WR_OK;
}

wr_err wr_pairing_write(wr_pairing *pairing, wr_buf *out, wr_now now) {
    wr_pairing *p = pairing;
    if (p->state == PAIR_OVER)
        return WR_ERR_STATE;
    if (p->state == PAIR_DONE)
        return WR_OK;
    if (replaced(p))
        return fail(p, WR_ERR_CLOSED);
    return fail(p, p->window != NULL ? wr_pair_host_write(p, out, now)
                                     : wr_pair_guest_write(p, out, now));
}

wr_err wr_pairing_closed(wr_pairing *pairing) {
    wr_pairing *p = pairing;
    if (p->state == PAIR_DONE)
        return WR_OK;
    if (p->state == PAIR_OVER)
        return WR_ERR_CLOSED;
    /* spec:pairing#5.3 "A guest whose message 1 is answered by the end of the connection MUST take
     * its code for wrong." */
    bool wrong = p->state == GUEST_EXPECT_SECOND && p->mode != PAIR_MODE_RESUME;
    return fail(p, wrong ? WR_ERR_AUTH : WR_ERR_CLOSED);
}

void wr_pairing_stored(wr_pairing *pairing) {
    if (ended(pairing))
        return; /* it failed while the owner committed */
    if (pairing->window != NULL)
        wr_pair_host_stored(pairing);
    else
        wr_pair_guest_stored(pairing);
}

wr_mono wr_pairing_deadline(const wr_pairing *pairing) {
    return ended(pairing) ? WR_MONO_NEVER : pairing->deadline;
}

wr_err wr_pairing_tick(wr_pairing *pairing, wr_now now) {
    if (!wr_mono_reached(wr_pairing_deadline(pairing), now.mono))
        return WR_OK;
    return fail(pairing, WR_ERR_TIMEOUT);
}

wr_err wr_pairing_answer(wr_pairing *pairing, bool accept, wr_now now) {
    if (pairing->state != HOST_EXPECT_ANSWER)
        return WR_ERR_STATE;
    if (wr_pair_host_replaced(pairing))
        return fail(pairing, WR_ERR_CLOSED);
    return fail(pairing, wr_pair_host_answer(pairing, accept, now));
}
