/* A link's life: handshake, session, deadlines.  What is said in it: link_sync.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/link_fork.h"

#include <stdlib.h>

#define FIRST_PREFACE_SIZE 17u /* version, mac1 */
#define SESSION_VERSION 1u
#define PROLOGUE_LABEL "warren/sess/1"
#define PROLOGUE_SIZE (sizeof PROLOGUE_LABEL - 1 + 1 + WR_HASH_SIZE + WR_HASH_SIZE + 32u)

/* "warren/sess/1" || version || circle_id || epoch_id || transport binding
 * spec:sync#1.1 "The prologue MUST hold the transport binding" */
static void prologue_encode(const wr_link *link, uint8_t out[PROLOGUE_SIZE]) {
    const wr_hash *circle = wr_graph_circle_id(wr_self_graph(link->self));
    size_t at = sizeof PROLOGUE_LABEL - 1;
    memcpy(out, PROLOGUE_LABEL, at);
    out[at++] = SESSION_VERSION;
    memcpy(out + at, circle->b, WR_HASH_SIZE);
    memcpy(out + at + WR_HASH_SIZE, link->epoch_id.b, WR_HASH_SIZE);
    memcpy(out + at + 2u * WR_HASH_SIZE, link->config.binding, sizeof link->config.binding);
}

static wr_err start_handshake(wr_link *link, wr_now now) {
    uint8_t prologue[PROLOGUE_SIZE];
    prologue_encode(link, prologue);
    WR_SECRET(wr_key) psk;
    WR_TRY(wr_self_psk(link->self, &link->epoch_id, &psk));
    const wr_identity *me = wr_self_identity(link->self);
    wr_handshake_config config = {
        .pattern = WR_PATTERN_IKPSK2,
        .hash = WR_BLAKE2B,
        .role = link->config.role,
        .prologue = wr_slice_of(prologue, sizeof prologue),
        .s = &me->noise,
        .rs = link->config.role == WR_INITIATOR ? &link->peer_noise : NULL,
        .psks = &psk,
        .psk_count = 1,
        .rng = *wr_self_rng(link->self),
        .now = now.mono,
    };
    return wr_handshake_init(&link->handshake, &config);
}

static wr_err init_initiator(wr_link *link, wr_now now) {
    const wr_member *peer = wr_graph_find(wr_self_graph(link->self), &link->config.peer);
    const wr_hash *epoch_id =
        wr_self_session_epoch(link->self, &link->config.peer, link->config.attempt);
    if (peer == NULL || !wr_member_is_in(peer) || epoch_id == NULL)
        return WR_ERR_UNKNOWN;
    link->peer = peer->device_id;
    link->peer_known = true;
    link->peer_noise = peer->cert.noise;
    link->epoch_id = *epoch_id;
    /* spec:sync#1.4 "A session time MUST be durable at the initiator before message 1 leaves,
     * and at the responder before message 2 does."
     * So it is taken now: nothing is written before what self polls is stored. */
    link->mark = wr_self_next_mark(link->self, now);
    link->state = LINK_SEND_FIRST;
    return start_handshake(link, now);
}

wr_err wr_link_new(wr_link **ret_link, const wr_link_config *config, wr_now now) {
    WR_ASSERT(config->link_id != 0);
    wr_link *link = calloc(1, sizeof *link);
    if (link == NULL)
        return WR_ERR_NOMEM;
    link->config = *config;
    link->self = config->self;
    link->handshake_deadline = wr_mono_add(now.mono, WR_HANDSHAKE_MS_MAX);
    link->wait_deadline = WR_MONO_NEVER;
    link->session_deadline = WR_MONO_NEVER;
    link->frontier_at = WR_MONO_NEVER;
    link->ping_at = WR_MONO_NEVER;
    link->heard = now.mono;
    wr_session_init(&link->session);
    link->state = LINK_AWAIT_FIRST;
    wr_err err = config->role == WR_INITIATOR ? init_initiator(link, now) : WR_OK;
    if (err != WR_OK) {
        wr_link_free(link);
        return err;
    }
    *ret_link = link;
    return WR_OK;
}

void wr_link_end(wr_link *link, wr_now now) {
    wr_link_drop_sources(link);
    wr_link_leave_place(link, now.mono);
}

void wr_link_free(wr_link *link) {
    if (link == NULL)
        return;
    wr_link_drop_sources(link);
    wr_link_leave_place(link, link->heard);
    free(link->out_entries);
    free(link->in_entries);
    wr_op_pool_wipe(&link->pool);
    wr_handshake_wipe(&link->handshake);
    wr_session_wipe(&link->session);
    wr_wipe(link, sizeof *link);
    free(link);
}

void wr_link_event(wr_link *link, const wr_event *event) {
    /* The owner drains after each call, and no call makes more than three. */
    WR_ASSERT(link->event_count < WR_COUNT(link->events));
    link->events[link->event_count++] = *event;
}

bool wr_link_poll(wr_link *link, wr_event *ret_event) {
    if (link->event_count == 0)
        return false;
    *ret_event = link->events[0];
    link->event_count--;
    memmove(&link->events[0], &link->events[1], link->event_count * sizeof link->events[0]);
    return true;
}

/* ---- handshake ------------------------------------------------------------------------- */

/* Message 1 carries the initiator's session time, which must be new (channel.md 2.3). */
static wr_err put_first(wr_link *link, wr_buf *out, wr_now now) {
    uint8_t payload[8], bytes[WR_HANDSHAKE_MESSAGE_MAX];
    wr_store_u64(payload, link->mark);
    wr_buf noise = wr_buf_of(bytes + FIRST_PREFACE_SIZE, sizeof bytes - FIRST_PREFACE_SIZE);
    WR_TRY(wr_handshake_write(&link->handshake, wr_slice_of(payload, sizeof payload), &noise,
                              now.mono));
    /* mac1 covers version || message; the version stands right before the message for it. */
    bytes[FIRST_PREFACE_SIZE - 1] = SESSION_VERSION;
    uint8_t mac[16];
    WR_TRY(wr_keyring_mac1(wr_self_keyring(link->self), &link->epoch_id,
                           wr_slice_of(bytes + FIRST_PREFACE_SIZE - 1, noise.len + 1), mac));
    bytes[0] = SESSION_VERSION;
    memcpy(bytes + 1, mac, sizeof mac);
    WR_TRY(wr_session_raw_put(wr_slice_of(bytes, FIRST_PREFACE_SIZE + noise.len), out));
    link->state = LINK_AWAIT_SECOND;
    return WR_OK;
}

/* Whom the first message comes from; decided by the decrypted static key alone (sync.md 1.3). */
static wr_err meet_initiator(wr_link *link, uint64_t mark, wr_now now) {
    const wr_graph *graph = wr_self_graph(link->self);
    link->peer_noise = *wr_handshake_remote_static(&link->handshake);
    link->mark = mark;
    const wr_member *peer = wr_graph_find_noise(graph, &link->peer_noise);
    /* spec:sync#1.3 "A responder MUST NOT answer message 1 of a key that two members share." */
    if (peer == NULL &&
        wr_generations_has_noise(wr_self_generations(link->self), &link->peer_noise))
        return WR_ERR_REFUSED;
    if (peer == NULL) { /* perhaps added while we slept: ops will tell */
        link->wait_deadline = wr_mono_add(now.mono, LINK_GUEST_MS_MAX);
        link->state = LINK_SEND_SECOND;
        return WR_OK;
    }
    if (!wr_member_is_in(peer))
        return WR_ERR_REFUSED;
    WR_TRY(wr_self_accept_mark(link->self, &peer->device_id, mark));
    link->peer = peer->device_id;
    link->peer_known = true;
    link->state = LINK_SEND_SECOND;
    return WR_OK;
}

static wr_err read_first(wr_link *link, wr_slice record, wr_now now) {
    wr_slice preface, mac = WR_SLICE_EMPTY;
    uint8_t version;
    if (!wr_slice_take(&record, FIRST_PREFACE_SIZE, &preface))
        return WR_ERR_TRUNCATED;
    if (!wr_slice_take_u8(&preface, &version) || !wr_slice_take(&preface, 16, &mac))
        return WR_ERR_TRUNCATED;
    /* spec:sync#1.1 "A responder MUST refuse a first record of another version." */
    if (version != SESSION_VERSION)
        return WR_ERR_VERSION;
    uint8_t bytes[WR_HANDSHAKE_MESSAGE_MAX + 1u];
    wr_buf covered = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_buf_put_u8(&covered, SESSION_VERSION));
    WR_TRY(wr_buf_put(&covered, record));
    /* spec:sync#1.2 "A responder MUST NOT compute a Diffie-Hellman result before mac1 matched an
     * epoch that it holds." */
    const wr_hash *epoch_id =
        wr_keyring_match_mac1(wr_self_keyring(link->self), wr_buf_slice(&covered), mac.ptr);
    if (epoch_id == NULL)
        return WR_ERR_AUTH;
    link->epoch_id = *epoch_id;
    WR_TRY(start_handshake(link, now));
    uint8_t payload[8];
    wr_buf time = WR_BUF_ARRAY(payload);
    WR_TRY(wr_handshake_read(&link->handshake, record, &time, now.mono));
    if (time.len != sizeof payload)
        return WR_ERR_FORMAT;
    return meet_initiator(link, wr_load_u64(payload), now);
}

static void session_begins(wr_link *link, wr_now now) {
    wr_session_start(&link->session, &link->handshake, now.mono);
    link->handshake_deadline = wr_mono_add(now.mono, WR_HANDSHAKE_MS_MAX); /* for HELLO */
    link->session_deadline = wr_mono_add(now.mono, WR_SESSION_MS_MAX);
    link->state = LINK_HELLO;
}

static wr_err put_second(wr_link *link, wr_buf *out, wr_now now) {
    uint8_t bytes[WR_HANDSHAKE_MESSAGE_MAX];
    wr_buf noise = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_handshake_write(&link->handshake, WR_SLICE_EMPTY, &noise, now.mono));
    WR_TRY(wr_session_raw_put(wr_buf_slice(&noise), out));
    session_begins(link, now);
    return WR_OK;
}

static wr_err read_second(wr_link *link, wr_slice record, wr_now now) {
    wr_buf payload = wr_buf_of(NULL, 0);
    WR_TRY(wr_handshake_read(&link->handshake, record, &payload, now.mono));
    wr_session_raw_done(&link->session); /* record is gone */
    session_begins(link, now);
    return WR_OK;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static wr_err read_handshake(wr_link *link, wr_slice *in, wr_now now) {
    wr_slice record;
    bool have;
    WR_TRY(wr_session_raw(&link->session, in, &record, &have));
    if (!have)
        return WR_OK;
    if (link->state == LINK_AWAIT_SECOND)
        return read_second(link, record, now);
    WR_ASSERT(link->state == LINK_AWAIT_FIRST);
    wr_err err = read_first(link, record, now);
    wr_session_raw_done(&link->session);
    return err;
}

static wr_err read_frames(wr_link *link, wr_slice *in, wr_now now) {
    uint8_t type;
    wr_slice body;
    bool have;
    WR_TRY(wr_session_next(&link->session, in, now.mono, &type, &body, &have));
    if (!have)
        return WR_OK;
    link->heard = now.mono;
    return wr_link_frame(link, type, body, now);
}

static wr_err fail(wr_link *link, wr_err err) {
    if (err == WR_OK)
        return WR_OK;
    link->state = LINK_DOWN;
    wr_link_drop_sources(link);
    return err;
}

/* Ops may have come meanwhile, over any link, after which the peer is no member that may have a
 * session. */
static wr_err judge_peer(wr_link *link) {
    const wr_graph *graph = wr_self_graph(link->self);
    if (!link->peer_known || link->judged == wr_graph_version(graph))
        return WR_OK;
    const wr_member *peer = wr_graph_find_noise(graph, &link->peer_noise);
    /* spec:sync#1.7 "A session MUST end as soon as the peer's key is no longer that of exactly
     * one current member, its own, or the peer is barred (circle.md 4.6)." */
    if (peer == NULL || !wr_member_is_in(peer) || !wr_hash_equal(&peer->device_id, &link->peer))
        return WR_ERR_REFUSED;
    link->judged = wr_graph_version(graph);
    return WR_OK;
}

static wr_err read_some(wr_link *link, wr_slice *in, wr_now now) {
    WR_TRY(judge_peer(link));
    /* spec:sync#1.5 "A side that hears anything while it is its own turn MUST end the
     * connection." */
    if (link->state == LINK_SEND_FIRST || link->state == LINK_SEND_SECOND)
        return WR_ERR_STATE;
    return link->session.started ? read_frames(link, in, now) : read_handshake(link, in, now);
}

wr_err wr_link_read(wr_link *link, wr_slice *in, wr_now now) {
    if (link->state == LINK_DOWN)
        return WR_ERR_STATE;
    /* A message may hold several frames: go on until it is used up, too. */
    while ((in->len != 0 || link->session.reading) && link->event_count == 0 &&
           !wr_self_pending(link->self)) {
        wr_err err = read_some(link, in, now);
        if (err != WR_OK)
            return fail(link, err);
    }
    return WR_OK;
}

wr_err wr_link_judge(wr_link *link) {
    return link->state == LINK_DOWN ? WR_OK : fail(link, judge_peer(link));
}

static wr_err write_session(wr_link *link, wr_buf *out, wr_now now) {
    wr_buf plain;
    while (wr_session_begin(&link->session, out, &plain)) {
        WR_TRY(wr_link_say(link, &plain, now));
        size_t before = out->len;
        WR_TRY(wr_session_end(&link->session, &plain, out, now.mono));
        if (out->len == before)
            break;
    }
    return WR_OK;
}

wr_err wr_link_write(wr_link *link, wr_buf *out, wr_now now) {
    /* spec:sync#4.4 "HAVE, and everything else that tells what a device holds, MUST NOT leave
     * before it is durable." */
    WR_ASSERT(!wr_self_pending(link->self));
    if (link->state == LINK_DOWN)
        return WR_ERR_STATE;
    if (link->cannot_serve)
        return fail(link, WR_ERR_IO);
    wr_err err = judge_peer(link);
    if (err != WR_OK)
        return fail(link, err);
    wr_link_attend(link, now);
    if (link->state == LINK_SEND_FIRST)
        err = put_first(link, out, now);
    else if (link->state == LINK_SEND_SECOND)
        err = put_second(link, out, now);
    if (err == WR_OK && link->session.started)
        err = write_session(link, out, now);
    if (err == WR_OK && link->close_due && link->session.started)
        err = WR_ERR_CLOSED;
    return fail(link, err);
}

/* ---- deadlines and small questions ---- */

/* A PONG may stand behind much that was written before, so whatever comes shows life. */
static wr_mono ping_deadline(const wr_link *link) {
    if (link->state != LINK_UP)
        return WR_MONO_NEVER;
    if (link->ping_at.ms == WR_MONO_NEVER.ms)
        return wr_mono_add(link->heard, wr_link_is_asked(link) ? 0 : LINK_PING_MS);
    wr_mono from = link->ping_at.ms > link->heard.ms ? link->ping_at : link->heard;
    /* spec:sync#5.1 "An instance that is asked and stays silent for 5 seconds, or for 20 while
     * units are under way to it, MUST be left." */
    bool idle = link->flight_count == 0 && !link->sending;
    return wr_mono_add(from, wr_link_is_asked(link) && idle ? LINK_PROBE_MS : LINK_PONG_MS);
}

/* The end of the link, whatever is said until then. */
static wr_mono end_deadline(const wr_link *link) {
    wr_mono deadline = link->state == LINK_UP || link->state == LINK_GUEST
                           ? link->session_deadline
                           : link->handshake_deadline;
    return wr_mono_min(deadline, link->wait_deadline);
}

wr_mono wr_link_deadline(const wr_link *link) {
    if (link->state == LINK_DOWN)
        return WR_MONO_NEVER;
    wr_mono deadline = wr_mono_min(end_deadline(link), ping_deadline(link));
    if (link->state != LINK_UP)
        return deadline;
    deadline = wr_mono_min(deadline, wr_link_sole_deadline(link));
    deadline = wr_mono_min(deadline, link->frontier_at);
    return wr_mono_min(deadline, wr_link_stall_deadline(link));
}

wr_err wr_link_tick(wr_link *link, wr_now now) {
    if (link->state == LINK_DOWN)
        return WR_OK;
    /* spec:sync#6.1 "A peer that does not say HELLO in time MUST be left." */
    /* spec:sync#6.1 "A session MUST end at its age" */
    if (wr_mono_reached(end_deadline(link), now.mono))
        return fail(link, WR_ERR_TIMEOUT);
    wr_link_attend(link, now); /* who does not read gets no write */
    if (wr_mono_reached(ping_deadline(link), now.mono)) {
        /* spec:sync#6.1 "A peer that stays silent after PING MUST be left" */
        if (link->ping_at.ms != WR_MONO_NEVER.ms) {
            link->peer_left = true;
            return fail(link, WR_ERR_TIMEOUT);
        }
        link->ping_due = true;
        link->ping_at = now.mono;
    }
    if (link->state == LINK_UP) {
        wr_link_stall_tick(link, now);
        wr_link_frontier_tick(link, now);
        wr_link_sole_tick(link, now);
    }
    return WR_OK;
}

void wr_link_leave(wr_link *link) {
    link->close_due = true;
}

void wr_link_cannot_serve(wr_link *link) {
    link->cannot_serve = true;
}

bool wr_link_is_up(const wr_link *link) {
    return link->state == LINK_UP;
}

const wr_hash *wr_link_peer(const wr_link *link) {
    return link->peer_known ? &link->peer : NULL;
}

wr_role wr_link_role(const wr_link *link) {
    return link->config.role;
}

uint64_t wr_link_rtt_ms(const wr_link *link) {
    return link->rtt_ms;
}

void wr_link_backlog(const wr_link *link, uint64_t *ret_behind, uint64_t *ret_ahead) {
    uint64_t behind = 0, ahead = 0;
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        uint64_t ours = wr_self_feed(link->self, i)->tree.len, theirs = link->feeds[i].have;
        behind += theirs > ours ? theirs - ours : 0;
        ahead += ours > theirs ? ours - theirs : 0;
    }
    *ret_behind = behind;
    *ret_ahead = ahead;
}
