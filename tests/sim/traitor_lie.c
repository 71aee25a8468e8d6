/* What the traitor says between the frames of its links, and no honest device would.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/traitor_impl.h"

#include <stdlib.h>

#define CRAFT_BYTES (3u * WR_ENTRY_BYTES_MAX)
#define FUTURE_HLC (UINT64_MAX / 4)

static chance *chance_of(const talk *k) {
    return &k->traitor->chance;
}

static wr_self *self_of(const talk *k) {
    return k->face->hub->self;
}

/* ---- saying -------------------------------------------------------------------------------- */

typedef struct speech { /* one message, several frames */
    wr_buf room, plain;
    bool open;
} speech;

static speech speak(talk *k) {
    speech s = {.room = transport_space(k->transport)};
    s.open = s.room.cap != 0 && wr_session_begin(&k->link->session, &s.room, &s.plain);
    return s;
}

/* What does not fit is not said. */
static void add(speech *s, uint8_t type, wr_slice body) {
    if (s->open && wr_buf_room(&s->plain) >= body.len + WR_FRAME_HEADER_SIZE) {
        wr_err err = wr_frame_put(&s->plain, type, body);
        WR_ASSERT(err == WR_OK);
    }
}

static void spoken(talk *k, speech *s) {
    if (!s->open)
        return;
    wr_err err =
        wr_session_end(&k->link->session, &s->plain, &s->room, loop_now(k->face->loop).mono);
    WR_ASSERT(err == WR_OK);
    transport_flush(k->transport, s->room.len);
    k->traitor->counts.lies++;
}

static void say(talk *k, uint8_t type, wr_slice body) {
    speech s = speak(k);
    add(&s, type, body);
    spoken(k, &s);
}

static const wr_feed *any_feed(const talk *k) {
    return wr_self_feed(self_of(k), chance_below(chance_of(k), wr_self_feed_count(self_of(k))));
}

static uint64_t near(chance *c, uint64_t number) {
    if (chance_hit(c, 100))
        return chance_next(c);
    uint64_t by = chance_below(c, 100);
    return chance_hit(c, 700) || by > number ? number + by : number - by;
}

/* ---- what it holds and wants --------------------------------------------------------------- */

static void lie_frontier(talk *k) {
    chance *c = chance_of(k);
    uint8_t bytes[2048];
    wr_buf body = WR_BUF_ARRAY(bytes);
    uint32_t count = chance_below(c, 12);
    wr_err err = wr_list_begin(&body, chance_hit(c, 500), count);
    for (uint32_t i = 0; i < count && err == WR_OK; i++) {
        const wr_feed *feed = any_feed(k);
        wr_hash id = feed->feed_id, root = feed->cp_root;
        if (chance_hit(c, 100))
            id.b[0] ^= 1u;
        if (chance_hit(c, 500))
            root.b[0] ^= 1u;
        uint64_t len = near(c, feed->tree.len), number = near(c, feed->cp_k);
        bool complete = chance_hit(c, 800); /* arguments would be drawn in no order */
        err = wr_frontier_put(&body, &id, number, len, &root, complete);
    }
    if (err == WR_OK)
        say(k, WR_FRAME_FRONTIER, wr_buf_slice(&body));
}

static void lie_have(talk *k) {
    chance *c = chance_of(k);
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    const wr_feed *feed = any_feed(k);
    uint64_t len = near(c, feed->tree.len);
    bool complete = chance_hit(c, 800);
    wr_err err = wr_list_begin(&body, false, 1);
    if (err == WR_OK)
        err = wr_have_put(&body, &feed->feed_id, len, complete);
    if (err == WR_OK)
        say(k, WR_FRAME_HAVE, wr_buf_slice(&body));
}

static void lie_want(talk *k) {
    chance *c = chance_of(k);
    uint32_t count = chance_hit(c, 200) ? chance_below(c, 200) : 1;
    speech s = speak(k);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t bytes[64];
        wr_buf body = WR_BUF_ARRAY(bytes);
        const wr_feed *feed = any_feed(k);
        uint64_t below = chance_below(c, (uint32_t)(feed->tree.len & 0xffffu) + 1u);
        uint64_t from = chance_hit(c, 300)   ? WR_WANT_STOP
                        : chance_hit(c, 900) ? below
                                             : near(c, feed->tree.len);
        if (wr_want_encode(&feed->feed_id, from, &body) == WR_OK)
            add(&s, WR_FRAME_WANT, wr_buf_slice(&body));
    }
    spoken(k, &s);
}

/* ---- ops ----------------------------------------------------------------------------------- */

static void add_op(talk *k, speech *s, uint32_t index, bool spoil) {
    static uint8_t bytes[WR_OP_BYTES_MAX], frame[WR_OP_BYTES_MAX + 128u];
    wr_op_ref op = wr_graph_op(wr_self_graph(self_of(k)), index);
    wr_sig sig = *op.sig;
    wr_buf body = WR_BUF_ARRAY(frame);
    WR_ASSERT(op.bytes.len <= sizeof bytes);
    memcpy(bytes, op.bytes.ptr, op.bytes.len);
    if (spoil && chance_hit(chance_of(k), 300))
        sig.b[chance_below(chance_of(k), WR_SIG_SIZE)] ^= 1u;
    else if (spoil)
        bytes[chance_below(chance_of(k), (uint32_t)op.bytes.len)] ^= 1u;
    if (wr_ops_put(&body, wr_slice_of(bytes, op.bytes.len), &sig) == WR_OK)
        add(s, WR_FRAME_OPS, wr_buf_slice(&body));
}

/* Children first, and all of them again. */
static void lie_ops_order(talk *k) {
    uint32_t count = wr_graph_op_count(wr_self_graph(self_of(k)));
    speech s = speak(k);
    for (uint32_t i = count; i > 0; i--)
        add_op(k, &s, i - 1, false);
    for (uint32_t i = 0; i < count; i++)
        add_op(k, &s, i, false);
    spoken(k, &s);
}

static void lie_ops_false(talk *k) {
    uint32_t count = wr_graph_op_count(wr_self_graph(self_of(k)));
    speech s = speak(k);
    add_op(k, &s, chance_below(chance_of(k), count), true);
    spoken(k, &s);
}

/* The body of an ADD of a device that agrees to it; it does not matter that it lives nowhere. */
static wr_err make_add(talk *k, uint8_t *bytes, size_t size, wr_buf *ret_body) {
    wr_self *self = self_of(k);
    uint8_t consent_bytes[512];
    wr_buf consent = WR_BUF_ARRAY(consent_bytes), body = wr_buf_of(bytes, size);
    WR_SECRET(wr_identity) fresh;
    wr_identity_make(wr_self_rng(self), &fresh);
    wr_add add = {
        .cert_bytes = wr_identity_cert(&fresh), .role = WR_ROLE_MEMBER, .mode = WR_PAIR_CODE};
    WR_TRY(wr_consent_encode(wr_graph_circle_id(wr_self_graph(self)), add.handshake,
                             &k->traitor->id, add.role, &consent));
    wr_sign(&fresh.sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&consent), &add.consent);
    WR_TRY(wr_add_encode(&add, &body));
    *ret_body = body;
    return WR_OK;
}

/* Its newest op: the next one follows it. */
static bool own_head(const talk *k, wr_op_head *ret_head, uint64_t *ret_gen) {
    wr_op_head heads[WR_COLUMNS_MAX];
    const wr_graph *graph = wr_self_graph(self_of(k));
    uint32_t count = wr_graph_chain_heads(graph, heads);
    wr_op first;
    if (wr_op_decode(wr_graph_op(graph, 0).bytes, &first) != WR_OK)
        return false;
    *ret_gen = first.gen;
    for (uint32_t i = 0; i < count; i++) {
        if (!wr_hash_equal(&heads[i].author, &k->traitor->id))
            continue;
        *ret_head = heads[i];
        return true;
    }
    return false;
}

/* What an admin signs is no lie. */
static bool is_admin(const talk *k) {
    const wr_member *own = wr_graph_find(wr_self_graph(self_of(k)), &k->traitor->id);
    return own == NULL || own->role == WR_ROLE_ADMIN;
}

static void lie_add(talk *k) {
    static uint8_t body_bytes[2048], op_bytes[4096], frame[WR_OP_BYTES_MAX];
    const wr_graph *graph = wr_self_graph(self_of(k));
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_buf body, op = WR_BUF_ARRAY(op_bytes), out = WR_BUF_ARRAY(frame);
    wr_op_head head = {0};
    uint64_t gen = 0;
    wr_sig sig;
    if (is_admin(k) || make_add(k, body_bytes, sizeof body_bytes, &body) != WR_OK)
        return;
    bool follows = own_head(k, &head, &gen);
    wr_op header = {.circle_id = *wr_graph_circle_id(graph),
                    .gen = gen,
                    .author = k->traitor->id,
                    .aseq = follows ? head.aseq + 1 : 0,
                    .has_aprev = follows,
                    .aprev = head.op_id,
                    .parent_count = wr_graph_heads(graph, parents),
                    .hlc = wr_self_hlc(self_of(k), loop_now(k->face->loop)),
                    .type = WR_OP_ADD,
                    .body = wr_buf_slice(&body)};
    if (wr_op_encode(&header, parents, &op) != WR_OK)
        return;
    wr_sign(&wr_self_identity(self_of(k))->sign, WR_SIG_LABEL_OP, wr_buf_slice(&op), &sig);
    if (wr_ops_put(&out, wr_buf_slice(&op), &sig) == WR_OK)
        say(k, WR_FRAME_OPS, wr_buf_slice(&out));
}

/* ---- histories ----------------------------------------------------------------------------- */

/* A run on top of base, in whose name it likes, signed by its own key: DATA and what follows. */
static bool craft(talk *k, wr_feed *base, uint64_t hlc, speech *s) {
    static uint8_t memory[CRAFT_BYTES], frame[WR_CHECKPOINT_BYTES_MAX + 512u];
    wr_self *self = self_of(k);
    uint8_t bytes[TRAITOR_BODY_MAX];
    wr_slice content;
    WR_SECRET(wr_feed_keys) keys;
    const wr_hash *epoch = wr_self_write_epoch(self);
    uint64_t first = base->tree.len;
    wr_run run;
    wr_entry entry = {.kind = WR_ENTRY_MESSAGE, .hlc = hlc};
    if (epoch == NULL || /* it is out for itself, or the new one has not come */
        !traitor_make(k->traitor, k->face, hlc, bytes, &content, &entry.log_no) ||
        wr_keyring_feed_keys(wr_self_keyring(self), epoch, &base->feed_id, &keys) != WR_OK)
        return false;
    wr_run_begin(&run, base, memory, sizeof memory);
    if (wr_run_add(&run, base, &keys, epoch, wr_self_rng(self), &entry, content) != WR_OK)
        return false;
    wr_hash heads[WR_OP_PARENTS_MAX], seen = wr_self_frontier_digest(self);
    uint32_t head_count = wr_graph_heads(wr_self_graph(self), heads);
    if (wr_run_close(&run, base, &wr_self_identity(self)->sign, heads, head_count, &seen) != WR_OK)
        return false;
    wr_buf body = WR_BUF_ARRAY(frame);
    wr_data data = {.feed_id = base->feed_id,
                    .lo = first,
                    .first = first,
                    .end = base->tree.len,
                    .size = run.buf.len,
                    .checkpoint = wr_feed_checkpoint(base),
                    .sig = base->cp_sig};
    if (wr_data_encode(&data, &body) != WR_OK)
        return false;
    add(s, WR_FRAME_DATA, wr_buf_slice(&body));
    add(s, WR_FRAME_PART, wr_buf_slice(&run.buf));
    return true;
}

static bool is_own(const talk *k, const wr_feed *feed) {
    return wr_hash_equal(&feed->device_id, &k->traitor->id);
}

static wr_feed complete_feed(talk *k, bool own) {
    for (int i = 0; i < 20; i++) {
        const wr_feed *feed = any_feed(k);
        if (wr_feed_complete(feed) && is_own(k, feed) == own)
            return *feed;
    }
    return (wr_feed){0};
}

static void lie_history(talk *k, bool own, bool time) {
    chance *c = chance_of(k);
    wr_feed feed = complete_feed(k, own);
    if (feed.stream != 0 || wr_hash_equal(&feed.feed_id, &(wr_hash){{0}}))
        return;
    uint64_t hlc = feed.hlc_last + 1 + chance_below(c, 100000);
    if (time && chance_hit(c, 500)) {
        feed.hlc_last = 0; /* as if nothing came before */
        hlc = 1 + chance_below(c, 100000);
    } else if (time && hlc < FUTURE_HLC) {
        hlc = FUTURE_HLC + chance_next(c) % FUTURE_HLC;
    }
    speech s = speak(k);
    if (s.open && craft(k, &feed, hlc, &s))
        spoken(k, &s);
}

/* The same number as the newest that the other one holds, and another root. */
void lie_probe(talk *k) {
    wr_feed feed = k->traitor->probe;
    speech s = speak(k);
    if (!s.open || wr_buf_room(&s.plain) < WR_CHECKPOINT_BYTES_MAX + 512u)
        return; /* later */
    k->probes = false;
    static uint8_t frame[WR_CHECKPOINT_BYTES_MAX + 512u], cp_bytes[WR_CHECKPOINT_BYTES_MAX];
    wr_buf body = WR_BUF_ARRAY(frame), bytes = WR_BUF_ARRAY(cp_bytes);
    wr_checkpoint cp;
    wr_err err = wr_checkpoint_decode(wr_feed_checkpoint(&feed), &cp);
    WR_ASSERT(err == WR_OK);
    cp.root.b[0] ^= 1u;
    err = wr_checkpoint_encode(&cp, &bytes);
    WR_ASSERT(err == WR_OK);
    wr_sig sig;
    wr_sign(&wr_self_identity(self_of(k))->sign, WR_SIG_LABEL_CHECKPOINT, wr_buf_slice(&bytes),
            &sig);
    wr_data data = {.feed_id = feed.feed_id,
                    .lo = cp.len - 1,
                    .first = cp.len - 1,
                    .end = cp.len,
                    .size = 1,
                    .checkpoint = wr_buf_slice(&bytes),
                    .sig = sig};
    err = wr_data_encode(&data, &body);
    WR_ASSERT(err == WR_OK);
    add(&s, WR_FRAME_DATA, wr_buf_slice(&body));
    add(&s, WR_FRAME_PART, wr_slice_of("x", 1));
    spoken(k, &s);
    k->traitor->counts.probes++;
}

/* ---- noise --------------------------------------------------------------------------------- */

static void lie_noise(talk *k) {
    static const uint8_t types[] = {
        WR_FRAME_HELLO, WR_FRAME_PONG, WR_FRAME_PING, WR_FRAME_PING, WR_FRAME_PAIR_WELCOME, 77, 200,
        WR_FRAME_CLOSE};
    chance *c = chance_of(k);
    uint8_t bytes[1024];
    uint8_t type = types[chance_below(c, WR_COUNT(types))];
    uint32_t count = chance_hit(c, 300) ? chance_below(c, 500) : 1;
    uint32_t size = type == WR_FRAME_PING || type == WR_FRAME_PONG ? 8 : chance_below(c, 1024);
    wr_rng rng = chance_rng(c);
    wr_rng_fill(&rng, bytes, sizeof bytes);
    speech s = speak(k);
    for (uint32_t i = 0; i < count; i++)
        add(&s, type, wr_slice_of(bytes, size));
    spoken(k, &s);
}

/* Part of a record, and nothing more. */
static void lie_truncate(talk *k) {
    wr_buf room = transport_space(k->transport);
    uint32_t size = chance_between(chance_of(k), 1, 200);
    if (room.cap < size)
        return;
    wr_rng rng = chance_rng(chance_of(k));
    wr_rng_fill(&rng, room.ptr, size);
    transport_flush(k->transport, size);
    k->traitor->counts.lies++;
    if (chance_hit(chance_of(k), 700))
        talk_end(k);
    else
        k->deaf = true;
}

void lie(talk *k, lie_kind kind) {
    switch (kind) {
    case LIE_FRONTIER:
        lie_frontier(k);
        return;
    case LIE_HAVE:
        lie_have(k);
        return;
    case LIE_WANT:
        lie_want(k);
        return;
    case LIE_OPS_ORDER:
        lie_ops_order(k);
        return;
    case LIE_OPS_FALSE:
        lie_ops_false(k);
        return;
    case LIE_ADD:
        lie_add(k);
        return;
    case LIE_FORGE:
        lie_history(k, false, false);
        return;
    case LIE_FORK:
        lie_history(k, true, false);
        return;
    case LIE_TIME:
        lie_history(k, true, true);
        return;
    case LIE_NOISE:
        lie_noise(k);
        return;
    case LIE_TRUNCATE:
        lie_truncate(k);
        return;
    case LIE_COUNT:
        break;
    }
    WR_UNREACHABLE();
}
