/* The cast of fuzz_link, and how the liar gets into a session.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "liar.h"

#include "channel/pattern.h"
#include "engine/self_seed.h"

#include <stdlib.h>

#define LINK_HONEST 1000u /* links of the recording; those of a run have lower numbers */

/* ---- sessions ---- */

static puppet *talk_new(device *as, device *to) {
    puppet *p = calloc(1, sizeof *p);
    T_TRUE(p != NULL);
    p->as = as;
    p->to = to;
    p->now = world_now;
    wr_session_init(&p->session);
    return p;
}

puppet *talk_first(device *as, device *to, uint64_t link_id, uint64_t mark, wr_buf *out) {
    puppet *p = talk_new(as, to);
    puppet_first(p, as, to, mark, out);
    p->link = link_accept(to, link_id);
    return p;
}

static void talk_began(puppet *p, wr_slice rest) {
    wr_session_start(&p->session, &p->handshake, world_now.mono);
    T_TRUE(rest.len <= sizeof p->heard);
    if (rest.len != 0)
        memcpy(p->heard, rest.ptr, rest.len);
    p->heard_len = rest.len;
}

static puppet *talk_refused(puppet *p) {
    puppet_free(p);
    return NULL;
}

static wr_slice take_record(wr_slice *in) {
    uint16_t len;
    wr_slice record = WR_SLICE_EMPTY;
    T_TRUE(wr_slice_take_u16(in, &len));
    T_TRUE(wr_slice_take(in, len, &record));
    return record;
}

puppet *talk_accept(device *as, device *to, uint64_t link_id, uint64_t mark) {
    uint8_t bytes[1024];
    wr_buf first = WR_BUF_ARRAY(bytes), second = WR_BUF_ARRAY(bytes), nothing = wr_buf_of(NULL, 0);
    puppet *p = talk_first(as, to, link_id, mark, &first);
    if (link_take(to, p->link, wr_buf_slice(&first)) != WR_OK)
        return talk_refused(p);
    T_OK(wr_link_write(p->link, &second, world_now));
    wr_slice in = wr_buf_slice(&second), record = take_record(&in);
    T_OK(wr_handshake_read(&p->handshake, record, &nothing, world_now.mono));
    talk_began(p, in); /* its HELLO */
    return p;
}

static void answer_begin(puppet *p) {
    uint8_t prologue[128] = "warren/sess/1\x01";
    const wr_hash *epoch = wr_self_write_epoch(p->as->self);
    memcpy(prologue + 14, wr_graph_circle_id(wr_self_graph(p->as->self))->b, WR_HASH_SIZE);
    memcpy(prologue + 46, epoch->b, WR_HASH_SIZE);
    WR_SECRET(wr_key) psk;
    T_OK(wr_self_psk(p->as->self, epoch, &psk));
    wr_handshake_config config = {
        .pattern = WR_PATTERN_IKPSK2,
        .hash = WR_BLAKE2B,
        .role = WR_RESPONDER,
        .prologue = wr_slice_of(prologue, 110),
        .s = &p->as->identity.noise,
        .psks = &psk,
        .psk_count = 1,
        .rng = t_rng(4712),
        .now = world_now.mono,
    };
    T_OK(wr_handshake_init(&p->handshake, &config));
}

puppet *talk_dial(device *as, device *to, uint64_t link_id, const wr_slice *answer) {
    uint8_t bytes[1024], payload[8];
    wr_buf first = WR_BUF_ARRAY(bytes), time = WR_BUF_ARRAY(payload);
    wr_link_config config = {
        .self = to->self, .link_id = link_id, .role = WR_INITIATOR, .peer = as->identity.device_id};
    puppet *p = talk_new(as, to);
    if (wr_link_new(&p->link, &config, world_now) != WR_OK)
        return talk_refused(p);
    (void)drain(to);
    if (wr_link_write(p->link, &first, world_now) != WR_OK)
        return talk_refused(p);
    wr_slice in = wr_buf_slice(&first), record = take_record(&in), preface;
    T_TRUE(wr_slice_take(&record, 17, &preface)); /* version, mac1 */
    answer_begin(p);
    T_OK(wr_handshake_read(&p->handshake, record, &time, world_now.mono));
    wr_buf second = wr_buf_of(bytes + 2, sizeof bytes - 2);
    T_OK(wr_handshake_write(&p->handshake, WR_SLICE_EMPTY, &second, world_now.mono));
    wr_store_u16(bytes, (uint16_t)second.len);
    wr_slice genuine = wr_slice_of(bytes, 2 + second.len);
    if (link_take(to, p->link, answer == NULL ? genuine : *answer) != WR_OK)
        return talk_refused(p);
    talk_began(p, WR_SLICE_EMPTY);
    return p;
}

void talk_serve(device *d, wr_link *link) {
    wr_serve want;
    if (!wr_link_serving(link, &want))
        return;
    size_t size = 0;
    uint8_t *entries = malloc(PIPE_SIZE);
    T_TRUE(entries != NULL);
    for (uint32_t i = 0; i < d->row_count; i++) {
        const world_row *row = &d->rows[i];
        if (row->feed != want.feed_index || row->first < want.first)
            continue;
        T_TRUE(row->len <= PIPE_SIZE - size);
        memcpy(entries + size, row->bytes, row->len);
        size += row->len;
    }
    wr_unit unit = {.first = want.first, .end = want.n, .lo = want.first};
    wr_link_give(link, &want, &unit, entries, size);
}

bool talk_next(puppet *p, uint8_t *ret_type, wr_slice *ret_body) {
    wr_slice in = wr_slice_of(p->heard + p->heard_at, p->heard_len - p->heard_at);
    bool have;
    T_OK(wr_session_next(&p->session, &in, world_now.mono, ret_type, ret_body, &have));
    p->heard_at = p->heard_len - in.len;
    return have;
}

/* ---- what honest devices say ---- */

static void keep_frames(cast *c, puppet *p) {
    uint8_t type;
    wr_slice body;
    while (talk_next(p, &type, &body)) {
        T_TRUE(c->frame_count < CAST_FRAMES_MAX);
        uint8_t *copy = malloc(body.len + 1);
        T_TRUE(copy != NULL);
        if (body.len != 0)
            memcpy(copy, body.ptr, body.len);
        c->frames[c->frame_count++] = (cast_frame){type, copy, body.len};
    }
}

/* Lets the link say all that it has to say now. */
static void hear_all(cast *c, puppet *p) {
    keep_frames(c, p);
    do {
        talk_serve(p->to, p->link);
        wr_buf out = WR_BUF_ARRAY(p->heard);
        T_OK(wr_link_write(p->link, &out, p->now));
        p->heard_at = 0;
        p->heard_len = out.len;
        keep_frames(c, p);
    } while (p->heard_len != 0);
}

/* What the puppet holds; nothing if it is to get all. */
static void say_frontier(puppet *p, bool all) {
    static wr_frontier_item items[WR_FEEDS_MAX];
    uint8_t bytes[1024];
    wr_buf body = WR_BUF_ARRAY(bytes);
    uint32_t count = all ? 0 : wr_self_frontier(p->as->self, items);
    T_OK(wr_list_begin(&body, true, count));
    for (uint32_t i = 0; i < count; i++)
        T_OK(wr_frontier_put(&body, &items[i].feed_id, items[i].k, items[i].len, &items[i].root,
                             items[i].complete));
    T_OK(puppet_say(p, WR_FRAME_FRONTIER, wr_buf_slice(&body)));
}

/* What `of` says to `to`, which asks for what it lacks, or for all there is. */
static void record(cast *c, device *of, device *to, bool all) {
    uint8_t bytes[256];
    wr_buf body = WR_BUF_ARRAY(bytes);
    device *speaker = device_twin(of, 70);
    puppet *p = talk_accept(to, speaker, LINK_HONEST, 1);
    T_TRUE(p != NULL);
    T_OK(puppet_hello(p, &to->identity.device_id));
    T_OK(wr_list_begin(&body, true, 0));
    T_OK(puppet_say(p, WR_FRAME_OP_HEADS, wr_buf_slice(&body)));
    hear_all(c, p);
    say_frontier(p, all);
    hear_all(c, p);
    for (uint32_t i = 0; all && i < wr_self_feed_count(speaker->self); i++)
        if (wr_self_feed(speaker->self, i)->tree.len != 0)
            T_OK(say_want(p, wr_self_feed(speaker->self, i), 0));
    hear_all(c, p);
    say_have(p, feed_at(to, of == c->witness ? c->honest : c->witness), 20); /* a WANT follows */
    hear_all(c, p);
    puppet_free(p);
    device_free(speaker);
}

/* ---- the cast ---- */

static void make_body(cast *c, uint32_t i, const wr_identity *who) {
    wr_add add = {
        .cert_bytes = wr_identity_cert(who), .role = WR_ROLE_MEMBER, .mode = WR_PAIR_CODE};
    wr_buf consent = WR_BUF_ARRAY(c->adds[i]), body = consent;
    T_OK(wr_consent_encode(wr_graph_circle_id(wr_self_graph(c->liar->self)), add.handshake,
                           &c->liar->identity.device_id, add.role, &consent));
    wr_sign(&who->sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&consent), &add.consent);
    T_OK(wr_add_encode(&add, &body));
    c->add_lens[i] = body.len;
}

static void make_adds(cast *c) {
    for (uint32_t i = 0; i < CAST_ADDS; i++) {
        wr_identity fresh, shared;
        wr_rng rng = t_rng(40 + i);
        uint8_t nonce[16] = {9};
        wr_identity_make(&rng, &fresh);
        wr_identity_load(&fresh.sign_seed, &c->witness->identity.noise, &fresh.box, nonce, &shared);
        make_body(c, i, i == CAST_ADDS - 1 ? &shared : &fresh);
    }
}

/* One entry, one checkpoint: its root stays known. */
static void append_to(device *d, uint32_t len, wr_hash *roots) {
    while (feed_at(d, d)->tree.len < len) {
        append(d, 1);
        roots[feed_at(d, d)->tree.len] = feed_at(d, d)->cp_root;
    }
}

static void append_all(cast *c) {
    wr_self_confirm(c->liar->self);
    wr_self_confirm(c->witness->self);
    append(c->liar, 3);
    append_to(c->honest, 4, c->honest_roots);
    append_to(c->witness, CAST_WITNESS_ENTRIES, c->witness_roots);
    meet(c->honest, c->liar, LINK_HONEST);
    append_to(c->honest, CAST_ENTRIES_OLD, c->honest_roots);
    wr_buf head = WR_BUF_ARRAY(c->old_head);
    T_OK(wr_feed_encode(feed_at(c->honest, c->honest), &head));
    c->old_head_len = head.len;
    append_to(c->honest, CAST_ENTRIES, c->honest_roots);
    append(c->liar, 2);
    T_OK(wr_self_ack(c->liar->self, world_now));
    (void)drain(c->liar);
}

static cast *cast_new(void) {
    cast *c = calloc(1, sizeof *c);
    T_TRUE(c != NULL);
    T_OK(wr_crypto_init());
    c->honest = device_new(1);
    c->liar = device_new(2);
    c->witness = device_new(3);
    make_circle(c->honest, c->liar);
    add_device(c->honest, c->witness);
    append_all(c);
    record(c, c->liar, c->honest, false);
    c->liar_frame_count = c->frame_count;
    record(c, c->liar, c->honest, true);
    record(c, c->honest, c->liar, true);
    record(c, c->witness, c->liar, true);
    make_adds(c);
    return c;
}

const cast *cast_get(void) {
    static cast *made;
    if (made == NULL)
        made = cast_new();
    return made;
}

device *cast_witness(void) {
    return device_twin(cast_get()->witness, 80);
}

/* Without what came after the backup, and unconfirmed. */
static void restore(device *d) {
    const cast *c = cast_get();
    uint32_t own = feed_of(d, d), kept = 0;
    wr_self_free(d->self);
    T_OK(wr_self_new(&d->identity, t_rng(82), &d->self));
    tell_circle(c->honest, d);
    T_OK(wr_self_load_head(d->self, wr_slice_of(c->old_head, c->old_head_len)));
    for (uint32_t i = 0; i < wr_self_feed_count(c->honest->self); i++) {
        uint8_t bytes[WR_FEED_HEAD_MAX];
        wr_buf head = WR_BUF_ARRAY(bytes);
        T_OK(wr_feed_encode(wr_self_feed(c->honest->self, i), &head));
        if (i != own)
            T_OK(wr_self_load_head(d->self, wr_buf_slice(&head)));
    }
    T_OK(wr_self_load_done(d->self, world_now));
    for (uint32_t i = 0; i < d->row_count; i++) {
        if (d->rows[i].feed == own && d->rows[i].first >= CAST_ENTRIES_OLD)
            free(d->rows[i].bytes);
        else
            d->rows[kept++] = d->rows[i];
    }
    d->row_count = kept;
}

device *cast_honest(bool restored) {
    device *d = device_twin(cast_get()->honest, 81);
    if (restored)
        restore(d);
    return d;
}
