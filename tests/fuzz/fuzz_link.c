/* Fuzzes a link: what a member may say that lies, signs what it likes, and comes back.
 *
 * Target: wr_link_* and wr_self_* below it, after a genuine handshake; the handshake's first record
 *         before it.
 * Input:  1 byte  mode: 1 the honest device dials, 2 a bent handshake comes first (u16 length, then
 *         bytes), 4 the honest device is restored from a backup, 8 it restarts in the end; then
 *         commands, 1 byte (mod 16, the order of `commands`) and their arguments.
 * Oracle: no crash, no leak; a bent handshake leaves the genuine one possible; after every command
 *         nobody's feed but the liar's holds what its writer did not sign, our own is as we left
 *         it, memory is bounded, nothing is said that is not held, and a tick at the deadline moves
 *         the deadline; what was stored loads again; and whatever was said, an honest sibling
 *         synchronises with the device afterwards and both hold the same.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "liar.h"

#include "feed/feed.h"

#include <stdlib.h>

#define INPUT_MAX 32768u
#define SESSIONS_MAX 6u
#define OWN_ENTRIES_MAX                                                                            \
    512u /* the world of the tests serves what is left of a feed as one unit                       \
          */
#define MEMORY_MAX (8u * 1024u * 1024u) /* a unit, messages, and what the input itself brought */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

typedef struct run {
    device *honest;
    puppet *p; /* the liar's session; NULL: none */
    bool dial;
    uint64_t sessions;
    /* our own feed, once nobody but us may change it; restored, a sibling may bring more of it */
    bool own_fixed;
    uint64_t own_len;
    wr_hash own_cp;
    uint8_t ping[8]; /* the newest that it asked */
    size_t memory;   /* in use before the first session */
} run;

static size_t memory_used(void) {
    return __sanitizer_get_current_allocated_bytes == NULL
               ? 0
               : __sanitizer_get_current_allocated_bytes();
}

static const wr_graph *graph_of(const device *d) {
    return wr_self_graph(d->self);
}

/* Bytes of a length that stands before them; fewer where the input ends. */
static wr_slice take_bytes(wr_slice *in, size_t max) {
    uint16_t len;
    wr_slice bytes = WR_SLICE_EMPTY;
    if (!wr_slice_take_u16(in, &len))
        return bytes;
    size_t count = len < in->len ? len : in->len;
    WR_ASSERT(wr_slice_take(in, count < max ? count : max, &bytes));
    return bytes;
}

static uint8_t take_u8(wr_slice *in) {
    uint8_t value = 0;
    (void)!wr_slice_take_u8(in, &value);
    return value;
}

static uint16_t take_u16(wr_slice *in) {
    uint16_t value = 0;
    (void)!wr_slice_take_u16(in, &value);
    return value;
}

/* ---- what must hold after every command ---- */

static void fix_own(run *r) {
    const wr_feed *own = feed_at(r->honest, r->honest);
    r->own_fixed = true;
    r->own_len = own->tree.len;
    r->own_cp = own->cp_hash;
}

static void check_root(const wr_feed *feed, const wr_hash *roots, uint64_t len_max) {
    WR_ASSERT(feed->tree.len <= len_max);
    wr_hash root = wr_tree_root(&feed->tree);
    WR_ASSERT(wr_hash_equal(&root, &roots[feed->tree.len]));
}

static void check(const run *r) {
    const cast *c = cast_get();
    const wr_feed *own = feed_at(r->honest, r->honest);
    WR_ASSERT(!wr_self_pending(r->honest->self));
    WR_ASSERT(own->tree.len >= r->own_len);
    if (r->own_fixed) {
        WR_ASSERT(own->tree.len == r->own_len);
        WR_ASSERT(wr_hash_equal(&own->cp_hash, &r->own_cp));
    } else {
        check_root(own, c->honest_roots, CAST_ENTRIES);
    }
    check_root(feed_at(r->honest, c->witness), c->witness_roots, CAST_WITNESS_ENTRIES);
    WR_ASSERT(memory_used() <= r->memory + MEMORY_MAX);
}

/* The device never says that it holds more than it does. */
static void check_said(const run *r, uint8_t type, wr_slice body) {
    wr_hash feed_id;
    uint64_t len = 0;
    uint32_t index, count;
    bool flag;
    WR_ASSERT(type >= WR_FRAME_HELLO && type <= WR_FRAME_CHECKPOINT);
    if (type == WR_FRAME_WANT)
        WR_ASSERT(wr_want_decode(body, &feed_id, &len) == WR_OK);
    if (type == WR_FRAME_HAVE) {
        WR_ASSERT(wr_list_open(&body, 1, &flag, &count) == WR_OK);
        WR_ASSERT(wr_have_take(&body, &feed_id, &len, &flag) == WR_OK);
    }
    if ((type != WR_FRAME_WANT && type != WR_FRAME_HAVE) || len == WR_WANT_STOP)
        return;
    WR_ASSERT(wr_self_find_feed(r->honest->self, &feed_id, &index));
    WR_ASSERT(len <= wr_self_feed(r->honest->self, index)->tree.len);
}

/* ---- sessions ---- */

static void hear(run *r) {
    uint8_t type;
    wr_slice body;
    while (talk_next(r->p, &type, &body)) {
        check_said(r, type, body);
        if (type == WR_FRAME_PING && body.len == sizeof r->ping)
            memcpy(r->ping, body.ptr, sizeof r->ping);
    }
}

static void over(run *r) {
    if (r->p == NULL)
        return;
    puppet_free(r->p);
    r->p = NULL;
    for (uint32_t i = 0; i < wr_self_feed_count(r->honest->self); i++)
        WR_ASSERT(wr_self_source(r->honest->self, i) != r->sessions);
}

static void connect_liar(run *r) {
    device *liar = cast_get()->liar;
    over(r);
    if (r->sessions == SESSIONS_MAX)
        return;
    r->sessions++;
    r->p = r->dial ? talk_dial(liar, r->honest, r->sessions, NULL)
                   : talk_accept(liar, r->honest, r->sessions, r->sessions);
    if (r->p != NULL)
        hear(r);
}

static void say(run *r, uint8_t type, wr_slice body) {
    if (r->p == NULL || type == 0)
        return;
    if (puppet_say(r->p, type, body) != WR_OK)
        over(r);
}

/* Message 1 bent, or anything instead of it or of message 2. */
static void bend_handshake(run *r, wr_slice in) {
    uint8_t bytes[INPUT_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    puppet *p;
    r->sessions++;
    if (r->dial) {
        p = talk_dial(cast_get()->liar, r->honest, r->sessions, &in);
    } else {
        p = talk_first(cast_get()->liar, r->honest, r->sessions, r->sessions, &out);
        bool raw = take_u8(&in) % 2 == 0;
        while (!raw && in.len >= 2) {
            size_t at = take_u8(&in) % out.len;
            bytes[at] ^= take_u8(&in);
        }
        if (link_take(r->honest, p->link, raw ? in : wr_buf_slice(&out)) == WR_OK) {
            out.len = 0;
            (void)!wr_link_write(p->link, &out, world_now);
        }
    }
    if (p != NULL)
        puppet_free(p);
}

/* ---- commands ---- */

static void say_raw(run *r, wr_slice *in) {
    uint8_t type = take_u8(in);
    say(r, type, take_bytes(in, INPUT_MAX));
}

/* A genuine frame of some honest device, with some bytes changed. */
static void say_known(run *r, wr_slice *in) {
    static uint8_t bytes[WR_FRAME_BODY_MAX];
    const cast *c = cast_get();
    const cast_frame *frame = &c->frames[take_u8(in) % c->frame_count];
    if (frame->len != 0)
        memcpy(bytes, frame->body, frame->len);
    for (uint32_t n = take_u8(in) % 8u; n > 0; n--) {
        uint16_t at = take_u16(in);
        uint8_t change = take_u8(in);
        if (frame->len != 0)
            bytes[at % frame->len] ^= change;
    }
    say(r, frame->type, wr_slice_of(bytes, frame->len));
}

static void say_known_run(run *r, wr_slice *in) {
    const cast *c = cast_get();
    uint32_t from = take_u8(in), count = take_u8(in);
    for (uint32_t i = from; i < from + count && i < c->frame_count; i++)
        say(r, c->frames[i].type, wr_slice_of(c->frames[i].body, c->frames[i].len));
}

/* A list of one item, about a feed or an author that exists; the numbers are the liar's. */
static void say_list(run *r, wr_slice *in) {
    uint8_t which = take_u8(in), index = take_u8(in), bytes[256];
    uint64_t value = take_u16(in);
    uint8_t flags = take_u8(in);
    bool flag = (flags & 2u) != 0;
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_hash zero = {{0}};
    const wr_feed *feed =
        wr_self_feed(r->honest->self, index % wr_self_feed_count(r->honest->self));
    const wr_graph *graph = graph_of(r->honest);
    value += flags & 16u ? 1ull << 40 : 0;
    if (which % 4 == 3) {
        WR_ASSERT(wr_want_encode(&feed->feed_id, flags & 1u ? WR_WANT_STOP : value, &out) == WR_OK);
        say(r, WR_FRAME_WANT, wr_buf_slice(&out));
        return;
    }
    WR_ASSERT(wr_list_begin(&out, (flags & 8u) != 0, 1) == WR_OK);
    if (which % 4 == 0)
        WR_ASSERT(
            wr_op_head_put(&out,
                           &wr_graph_member(graph, index % wr_graph_member_count(graph))->device_id,
                           value, &zero) == WR_OK);
    if (which % 4 == 1)
        WR_ASSERT(wr_frontier_put(&out, &feed->feed_id, flags >> 5, value,
                                  flags & 4u ? &feed->cp_root : &zero, flag) == WR_OK);
    if (which % 4 == 2)
        WR_ASSERT(wr_have_put(&out, &feed->feed_id, value, flag) == WR_OK);
    static const uint8_t types[] = {WR_FRAME_OP_HEADS, WR_FRAME_FRONTIER, WR_FRAME_HAVE};
    say(r, types[which % 4], wr_buf_slice(&out));
}

/* The liar's place in its own chain, as the honest device knows it. */
static void put_chain(const run *r, wr_op *op) {
    wr_op_head heads[WR_COLUMNS_MAX];
    uint32_t count = wr_graph_chain_heads(graph_of(r->honest), heads);
    for (uint32_t i = 0; i < count; i++) {
        if (!wr_hash_equal(&heads[i].author, &op->author))
            continue;
        op->aseq = heads[i].aseq + 1;
        op->has_aprev = true;
        op->aprev = heads[i].op_id;
    }
}

/* An op that the liar signs. */
static void say_op(run *r, wr_slice *in) {
    static uint8_t bytes[WR_OP_BYTES_MAX], frame[WR_OP_BYTES_MAX + 128u];
    const cast *c = cast_get();
    const wr_identity *liar = &c->liar->identity;
    wr_buf out = WR_BUF_ARRAY(bytes), body = WR_BUF_ARRAY(frame);
    wr_hash parents[WR_OP_PARENTS_MAX];
    uint8_t type = take_u8(in), flags = take_u8(in);
    wr_op op = {.circle_id = *wr_graph_circle_id(graph_of(r->honest)),
                .author = liar->device_id,
                .parent_count = wr_graph_heads(graph_of(r->honest), parents),
                .hlc = flags & 16u ? UINT64_MAX : (world_now.wall.ms << 16) + 1000u,
                .type = type,
                .body = take_bytes(in, 4096)};
    put_chain(r, &op);
    op.aseq += flags & 32u ? 1u : 0u;
    op.aseq -= (flags & 1u) && op.aseq != 0 ? 1u : 0u;
    op.has_aprev = op.has_aprev && !(flags & 64u);
    if (flags & 2u) {
        parents[0] = op.circle_id;
        op.parent_count = 1;
    }
    if (flags & 8u) {
        uint32_t add = type % CAST_ADDS;
        op.type = WR_OP_ADD;
        op.body = wr_slice_of(c->adds[add], c->add_lens[add]);
    }
    wr_sig sig;
    if (wr_op_encode(&op, parents, &out) != WR_OK)
        return;
    wr_sign(&liar->sign, WR_SIG_LABEL_OP, wr_buf_slice(&out), &sig);
    sig.b[0] ^= flags & 4u;
    WR_ASSERT(wr_ops_put(&body, wr_buf_slice(&out), &sig) == WR_OK);
    say(r, WR_FRAME_OPS, wr_buf_slice(&body));
}

/* What the entries, if they are such, make of the feed. */
static void grow(const wr_feed *feed, wr_slice entries, wr_tree *tree, uint64_t *hlc) {
    wr_segment_reader reader;
    wr_entry entry;
    bool more = true;
    *tree = feed->tree;
    *hlc = feed->hlc_last;
    wr_segment_reader_init(&reader, entries, tree->len);
    while (wr_segment_next(&reader, &entry, &more) == WR_OK && more) {
        wr_hash leaf = wr_entry_leaf(&feed->feed_id, &entry);
        wr_tree_append(tree, &leaf, NULL);
        *hlc = entry.hlc;
    }
}

/* A checkpoint of the liar's feed and entries under it, signed; flags bend it. */
static void say_unit(run *r, wr_slice *in) {
    static uint8_t bytes[WR_CHECKPOINT_BYTES_MAX], frame[WR_CHECKPOINT_BYTES_MAX + 512u];
    const cast *c = cast_get();
    uint8_t flags = take_u8(in), step = take_u8(in);
    wr_slice entries = take_bytes(in, INPUT_MAX);
    wr_buf cp_out = WR_BUF_ARRAY(bytes), body = WR_BUF_ARRAY(frame);
    uint32_t index = 0;
    wr_tree tree;
    WR_ASSERT(
        wr_self_device_feed(r->honest->self, &c->liar->identity.device_id, flags & 1u, &index));
    const wr_feed *feed = wr_self_feed(r->honest->self, index);
    wr_checkpoint cp = {.feed_id = feed->feed_id,
                        .k = (feed->has_checkpoint ? feed->cp_k + 1 : 0) + step / 64u,
                        .prev = feed->cp_hash};
    grow(feed, entries, &tree, &cp.hlc);
    cp.len = tree.len + (flags & 2u ? step % 64u : 0u);
    cp.root = wr_tree_root(&tree);
    cp.hlc += flags & 4u ? step % 64u : 0u;
    cp.k -= (flags & 8u) && cp.k != 0 ? 1u : 0u;
    if (flags & 16u) { /* it does not grow */
        cp.len = feed->cp_len;
        cp.hlc = feed->cp_hlc;
    }
    cp.prev.b[0] ^= flags & 32u;
    cp.mhead_count = wr_graph_heads(graph_of(r->honest), cp.mheads);
    if (flags & 64u)
        cp.mheads[cp.mhead_count - 1].b[31] ^= 1u;
    if (cp.k >= cp.len || (cp.k == 0) != wr_is_zero(WR_SLICE_OBJ(cp.prev)))
        return;
    WR_ASSERT(wr_checkpoint_encode(&cp, &cp_out) == WR_OK);
    wr_data data = {.feed_id = feed->feed_id,
                    .lo = feed->tree.len,
                    .first = feed->tree.len,
                    .end = tree.len,
                    .size = entries.len,
                    .checkpoint = wr_buf_slice(&cp_out)};
    wr_sign(&c->liar->identity.sign, WR_SIG_LABEL_CHECKPOINT, data.checkpoint, &data.sig);
    WR_ASSERT(wr_data_encode(&data, &body) == WR_OK);
    say(r, WR_FRAME_DATA, wr_buf_slice(&body));
    if (!(flags & 128u))
        say(r, WR_FRAME_PART, entries);
}

static void pass_time(run *r, wr_slice *in) {
    uint8_t how = take_u8(in);
    if (r->p == NULL)
        return;
    wr_mono deadline = wr_link_deadline(r->p->link), *now = &r->p->now.mono;
    if (how < 128)
        now->ms += 1ull << how % 24;
    else if (deadline.ms != WR_MONO_NEVER.ms && deadline.ms > now->ms)
        *now = deadline;
    if (wr_link_tick(r->p->link, r->p->now) != WR_OK)
        over(r);
    else
        WR_ASSERT(wr_link_deadline(r->p->link).ms > now->ms);
}

/* The honest device serves and says what is due, as much as there is room for. */
static void let_speak(run *r, wr_slice *in) {
    size_t room = take_u16(in);
    if (r->p == NULL)
        return;
    talk_serve(r->honest, r->p->link);
    wr_buf out = wr_buf_of(r->p->heard, room);
    wr_err err = wr_link_write(r->p->link, &out, r->p->now);
    WR_ASSERT(out.len <= room);
    r->p->heard_at = 0;
    r->p->heard_len = out.len;
    hear(r);
    if (err != WR_OK)
        over(r);
}

static void say_pong(run *r, wr_slice *in) {
    (void)in;
    say(r, WR_FRAME_PONG, wr_slice_of(r->ping, sizeof r->ping));
}

static void append_own(run *r, wr_slice *in) {
    uint32_t count = take_u8(in) % 4u + 1u;
    if (!wr_self_may_sign(r->honest->self) ||
        feed_at(r->honest, r->honest)->tree.len + count > OWN_ENTRIES_MAX)
        return;
    check(r);
    append(r->honest, count);
    fix_own(r);
}

static void end_link(run *r, wr_slice *in) {
    bool leaves = take_u8(in) % 2 == 0;
    if (r->p == NULL)
        return;
    if (leaves)
        wr_link_leave(r->p->link);
    else
        wr_link_cannot_serve(r->p->link);
}

/* A message as such: several frames, wrong lengths, padding that is none. */
static void say_message(run *r, wr_slice *in) {
    static uint8_t bytes[WR_RECORD_MAX];
    wr_slice message = take_bytes(in, INPUT_MAX);
    wr_buf out = WR_BUF_ARRAY(bytes), plain;
    if (r->p == NULL || message.len == 0)
        return;
    WR_ASSERT(wr_session_begin(&r->p->session, &out, &plain));
    WR_ASSERT(wr_buf_put(&plain, message) == WR_OK);
    WR_ASSERT(wr_session_end(&r->p->session, &plain, &out, world_now.mono) == WR_OK);
    if (link_take_at(r->p->to, r->p->link, wr_buf_slice(&out), r->p->now) != WR_OK)
        over(r);
}

static void send_noise(run *r, wr_slice *in) {
    wr_slice noise = take_bytes(in, INPUT_MAX);
    if (r->p != NULL && link_take_at(r->p->to, r->p->link, noise, r->p->now) != WR_OK)
        over(r);
}

static void reconnect(run *r, wr_slice *in) {
    (void)in;
    connect_liar(r);
}

static void rekey(run *r, wr_slice *in) {
    (void)in;
    say(r, WR_FRAME_REKEY, WR_SLICE_EMPTY);
    if (r->p != NULL)
        WR_ASSERT(wr_transport_rekey_send(&r->p->session.transport, world_now.mono) == WR_OK);
}

static void nothing(run *r, wr_slice *in) {
    (void)r;
    (void)in;
}

static void (*const commands[16])(run *r, wr_slice *in) = {
    say_raw,  say_known,  say_known_run, say_list,    say_op,     say_unit,  pass_time, let_speak,
    say_pong, append_own, end_link,      say_message, send_noise, reconnect, rekey,     nothing,
};

/* ---- afterwards ---- */

/* False: an admin may let in a device that has the same key as another one, and then nobody may
 * talk with either of them (sync.md 1.3); that is no lie but a way to use its role. */
static bool may_meet(const device *d, const device *other) {
    const wr_member *member = wr_graph_find(graph_of(d), &other->identity.device_id);
    return member != NULL && member->current &&
           wr_graph_noise_count(graph_of(d), &member->cert.noise) == 1;
}

/* What is complete at one is the same at the other one; what the liar left half is its own. */
static void check_replica(const device *from, const device *at) {
    for (uint32_t i = 0; i < wr_self_feed_count(from->self); i++) {
        const wr_feed *feed = wr_self_feed(from->self, i), *other;
        uint32_t index = 0;
        WR_ASSERT(wr_self_find_feed(at->self, &feed->feed_id, &index));
        other = wr_self_feed(at->self, index);
        if (!wr_feed_complete(feed) || !feed->has_checkpoint)
            continue;
        WR_ASSERT(wr_feed_complete(other));
        WR_ASSERT(other->tree.len == feed->tree.len);
        WR_ASSERT(wr_hash_equal(&other->cp_root, &feed->cp_root));
    }
}

static void check_equal(const device *d, const device *witness) {
    wr_hash heads[2] = {wr_graph_heads_digest(graph_of(d)),
                        wr_graph_heads_digest(graph_of(witness))};
    WR_ASSERT(wr_hash_equal(&heads[0], &heads[1]));
    check_replica(d, witness);
    check_replica(witness, d);
}

/* A liar's TWIN holds for a minute, and who has just started says SOLE a little later. */
static void wait_a_minute(const run *r, wr_link *of_honest, device *witness, wr_link *of_witness) {
    wr_now later = world_now;
    later.mono.ms += 60000;
    WR_ASSERT(wr_link_tick(of_honest, later) == WR_OK);
    WR_ASSERT(wr_link_tick(of_witness, later) == WR_OK);
    WR_ASSERT(converse(r->honest, of_honest, witness, of_witness) == WR_OK);
}

static void meet_witness(run *r, device *witness) {
    wr_link *of_honest, *of_witness;
    if (r->dial)
        links_new(r->honest, witness, SESSIONS_MAX + 1, &of_honest, &of_witness);
    else
        links_new(witness, r->honest, SESSIONS_MAX + 1, &of_witness, &of_honest);
    WR_ASSERT(converse(r->honest, of_honest, witness, of_witness) == WR_OK);
    WR_ASSERT(wr_link_is_up(of_honest));
    WR_ASSERT(wr_link_is_up(of_witness));
    check_equal(r->honest, witness);
    wait_a_minute(r, of_honest, witness, of_witness);
    if (wr_feed_complete(feed_at(r->honest, r->honest))) {
        WR_ASSERT(wr_self_may_sign(r->honest->self));
        append(r->honest, 1);
    }
    append(witness, 1);
    WR_ASSERT(converse(r->honest, of_honest, witness, of_witness) == WR_OK);
    check_equal(r->honest, witness);
    wr_link_free(of_honest);
    wr_link_free(of_witness);
}

/* What it stored is all that it needs. */
static void restart(run *r) {
    device *again = device_twin(r->honest, 90);
    WR_ASSERT(wr_graph_op_count(graph_of(again)) == wr_graph_op_count(graph_of(r->honest)));
    device_free(r->honest);
    r->honest = again;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wr_slice in = wr_slice_of(data, size);
    uint8_t mode;
    if (size > INPUT_MAX || !wr_slice_take_u8(&in, &mode))
        return 0;
    (void)cast_get();
    bool restored = (mode & 4u) != 0;
    run r = {.honest = cast_honest(restored), .dial = (mode & 1u) != 0, .memory = memory_used()};
    fix_own(&r);
    r.own_fixed = !restored;
    if (mode & 2u)
        bend_handshake(&r, take_bytes(&in, 4096));
    check(&r);
    connect_liar(&r);
    WR_ASSERT(r.p != NULL);
    while (in.len != 0) {
        commands[take_u8(&in) % WR_COUNT(commands)](&r, &in);
        check(&r);
    }
    over(&r);
    if ((mode & 8u) && !restored)
        restart(&r);
    device *witness = cast_witness();
    if (may_meet(r.honest, witness) && may_meet(r.honest, r.honest))
        meet_witness(&r, witness);
    device_free(witness);
    device_free(r.honest);
    return 0;
}
