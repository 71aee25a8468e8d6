/* Devices, links in memory, and a peer that says what a test wants.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#include "channel/pattern.h"
#include "circle/recovery.h"
#include "engine/self_reset.h"
#include "engine/self_seed.h"
#include "engine_seeds.h"

#include <stdlib.h>

const wr_now world_now = {.mono = {1000}, .wall = {1700000000000}};

/* ---- devices ------------------------------------------------------------------------------ */

device *device_new(uint64_t seed) {
    device *d = calloc(1, sizeof *d);
    T_TRUE(d != NULL);
    wr_rng rng = t_rng(seed);
    wr_identity_make(&rng, &d->identity);
    T_OK(wr_self_new(&d->identity, rng, &d->self));
    return d;
}

void device_free(device *d) {
    for (uint32_t i = 0; i < d->row_count; i++)
        free(d->rows[i].bytes);
    wr_self_free(d->self);
    wr_identity_wipe(&d->identity);
    free(d);
}

static void keep_row(device *d, uint32_t feed, uint64_t first, uint64_t end, wr_slice bytes) {
    T_TRUE(d->row_count < ROWS_MAX);
    uint8_t *copy = malloc(bytes.len);
    T_TRUE(copy != NULL);
    memcpy(copy, bytes.ptr, bytes.len);
    d->rows[d->row_count++] = (world_row){feed, first, end, copy, bytes.len};
}

bool drain(device *d) {
    wr_put put;
    bool any = false;
    while (wr_self_poll(d->self, &put)) {
        any = true;
        if (put.type == WR_PUT_VOLUME)
            d->volume = put.volume;
        if (put.type != WR_PUT_ROW)
            continue;
        uint32_t feed = 0;
        T_TRUE(wr_self_find_feed(d->self, &put.feed->feed_id, &feed));
        keep_row(d, feed, put.row->first_seq, put.row->first_seq + put.row->count, put.row->bytes);
    }
    return any;
}

void found(device *a) {
    wr_rng rng = t_rng(99);
    WR_SECRET(wr_key) rs;
    wr_rng_fill(&rng, rs.b, sizeof rs.b);
    wr_root root;
    WR_SECRET(wr_sign_key) root_sign;
    wr_recovery_root(&rs, &root);
    wr_recovery_sign_key(&rs, &root_sign);
    T_OK(wr_self_found(a->self, &root, &root_sign, world_now));
    (void)drain(a);
}

wr_sign_key root_key(uint64_t seed) {
    wr_rng rng = t_rng(seed);
    wr_key rs;
    wr_sign_key key;
    wr_rng_fill(&rng, rs.b, sizeof rs.b);
    wr_recovery_sign_key(&rs, &key);
    return key;
}

wr_err reset_it(device *by, const device *keep_one, const device *keep_other) {
    wr_sign_key root = root_key(99);
    wr_hash keep[2];
    wr_restart restart = {.keep = keep, .root = &root};
    if (keep_one != NULL)
        keep[restart.keep_count++] = keep_one->identity.device_id;
    if (keep_other != NULL)
        keep[restart.keep_count++] = keep_other->identity.device_id;
    wr_hash_sort(keep, restart.keep_count);
    wr_err err = wr_self_reset(by->self, &restart, world_now);
    (void)drain(by);
    return err;
}

void make_add(device *a, device *b, wr_buf *op, wr_sig *ret_sig) {
    wr_add add = {
        .cert_bytes = wr_identity_cert(&b->identity), .role = WR_ROLE_ADMIN, .mode = WR_PAIR_CODE};
    uint8_t bytes[1024];
    wr_buf consent = WR_BUF_ARRAY(bytes);
    T_OK(wr_consent_encode(wr_graph_circle_id(wr_self_graph(a->self)), add.handshake,
                           &a->identity.device_id, add.role, &consent));
    wr_sign(&b->identity.sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&consent), &add.consent);
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_add_encode(&add, &body));
    T_OK(wr_self_make_add(a->self, wr_buf_slice(&body), world_now, op, ret_sig));
}

void tell_circle(device *a, device *b) {
    const wr_graph *graph = wr_self_graph(a->self);
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++)
        T_OK(wr_self_load_op(b->self, wr_graph_op(graph, i).bytes, wr_graph_op(graph, i).sig));
    WR_SECRET(wr_key) secret;
    t_load_seeds(b->self, a->self);
    wr_hash epoch = *wr_self_write_epoch(a->self);
    T_TRUE(wr_keyring_secret(wr_self_keyring(a->self), &epoch, &secret));
    T_OK(wr_self_load_epoch(b->self, &epoch, &secret));
}

void add_device(device *a, device *b) {
    uint8_t op_bytes[2048];
    wr_buf op = WR_BUF_ARRAY(op_bytes);
    wr_sig sig;
    make_add(a, b, &op, &sig);
    T_OK(wr_self_admit(a->self, wr_buf_slice(&op), &sig, world_now));
    tell_circle(a, b);
    T_OK(wr_self_load_done(b->self, world_now));
    (void)drain(a);
    (void)drain(b);
}

void make_circle(device *a, device *b) {
    found(a);
    add_device(a, b);
}

device *device_twin(device *d, uint64_t seed) {
    device *twin = calloc(1, sizeof *twin);
    T_TRUE(twin != NULL);
    twin->identity = d->identity;
    T_OK(wr_self_new(&twin->identity, t_rng(seed), &twin->self));
    tell_circle(d, twin);
    for (uint32_t i = 0; i < wr_self_feed_count(d->self); i++) {
        uint8_t bytes[WR_FEED_HEAD_MAX];
        wr_buf head = WR_BUF_ARRAY(bytes);
        T_OK(wr_feed_encode(wr_self_feed(d->self, i), &head));
        T_OK(wr_self_load_head(twin->self, wr_buf_slice(&head)));
    }
    T_OK(wr_self_load_done(twin->self, world_now));
    wr_self_confirm(twin->self);
    for (uint32_t i = 0; i < d->row_count; i++)
        keep_row(twin, d->rows[i].feed, d->rows[i].first, d->rows[i].end,
                 wr_slice_of(d->rows[i].bytes, d->rows[i].len));
    return twin;
}

void append(device *d, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t seq;
        uint64_t hlc = wr_self_hlc(d->self, world_now);
        wr_err err = wr_self_append(d->self, 0, WR_ENTRY_MESSAGE, 1, hlc,
                                    wr_slice_str("a line of a log"), &seq);
        if (err == WR_ERR_NOBUF) {
            T_OK(wr_self_close_run(d->self));
            (void)drain(d);
            i--;
            continue;
        }
        T_OK(err);
    }
    T_OK(wr_self_close_run(d->self));
    (void)drain(d);
}

uint32_t feed_of(device *at, device *whose) {
    uint32_t index = 0;
    T_TRUE(wr_self_device_feed(at->self, &whose->identity.device_id, 0, &index));
    return index;
}

const wr_feed *feed_at(device *at, device *whose) {
    return wr_self_feed(at->self, feed_of(at, whose));
}

/* ---- links in memory ---------------------------------------------------------------------- */

wr_link *link_dial(device *from, device *to, uint64_t id) {
    wr_link_config config = {
        .self = from->self, .link_id = id, .role = WR_INITIATOR, .peer = to->identity.device_id};
    wr_link *link;
    T_OK(wr_link_new(&link, &config, world_now));
    return link;
}

wr_link *link_accept(device *at, uint64_t id) {
    wr_link_config config = {.self = at->self, .link_id = id, .role = WR_RESPONDER};
    wr_link *link;
    T_OK(wr_link_new(&link, &config, world_now));
    return link;
}

void links_new(device *a, device *b, uint64_t id, wr_link **la, wr_link **lb) {
    *la = link_dial(a, b, id);
    *lb = link_accept(b, id);
}

/* Serves what is left of the feed as one unit: it needs no proof. */
void link_serve(device *d, wr_link *link) {
    wr_serve want;
    if (!wr_link_serving(link, &want))
        return;
    size_t size = 0, at = 0;
    for (uint32_t i = 0; i < d->row_count; i++)
        if (d->rows[i].feed == want.feed_index && d->rows[i].first >= want.first)
            size += d->rows[i].len;
    uint8_t *entries = malloc(size);
    T_TRUE(entries != NULL);
    for (uint32_t i = 0; i < d->row_count; i++)
        if (d->rows[i].feed == want.feed_index && d->rows[i].first >= want.first) {
            memcpy(entries + at, d->rows[i].bytes, d->rows[i].len);
            at += d->rows[i].len;
        }
    wr_unit unit = {.first = want.first, .end = want.n, .lo = want.first};
    wr_link_give(link, &want, &unit, entries, size);
    d->units_served++;
}

/* The root over [span->lo, span->hi) of a feed. */
static wr_hash span_at(device *d, uint32_t feed_index, const wr_tree_span *span) {
    const wr_hash *feed_id = &wr_self_feed(d->self, feed_index)->feed_id;
    wr_tree tree = {.len = 0};
    for (uint32_t i = 0; i < d->row_count; i++) {
        const world_row *row = &d->rows[i];
        wr_segment_reader in;
        wr_entry entry;
        bool more = row->feed == feed_index;
        wr_segment_reader_init(&in, wr_slice_of(row->bytes, row->len), row->first);
        while (more) {
            T_OK(wr_segment_next(&in, &entry, &more));
            if (!more || entry.seq < span->lo || entry.seq >= span->hi)
                continue;
            wr_hash leaf = wr_entry_leaf(feed_id, &entry);
            wr_tree_append(&tree, &leaf, NULL);
        }
    }
    T_EQ(tree.len, span->hi - span->lo);
    return wr_tree_root(&tree);
}

bool link_weigh(device *d, wr_link *link) {
    wr_weigh weigh;
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    wr_hash path[WR_PROOF_HASHES_MAX];
    uint32_t count;
    if (!wr_link_weighing(link, &weigh))
        return false;
    T_OK(wr_tree_prefix_path(weigh.len, weigh.n, spans, &count));
    for (uint32_t i = 0; i < count; i++)
        path[i] = span_at(d, weigh.feed_index, &spans[i]);
    T_OK(wr_link_weigh(link, path, count));
    wr_event event;
    while (wr_link_poll(link, &event))
        d->alerts += event.type == WR_EV_ALERT;
    return true;
}

wr_err link_take_at(device *to, wr_link *link, wr_slice in, wr_now now) {
    for (;;) {
        WR_TRY(wr_link_read(link, &in, now));
        wr_event event;
        bool more = drain(to);
        while (wr_link_poll(link, &event)) {
            to->alerts += event.type == WR_EV_ALERT;
            more = true;
        }
        if (!more && in.len == 0)
            return WR_OK;
    }
}

wr_err link_take(device *to, wr_link *link, wr_slice in) {
    return link_take_at(to, link, in, world_now);
}

wr_err deliver(device *from, wr_link *out_link, device *to, wr_link *in_link, size_t size,
               size_t *ret_moved) {
    (void)drain(from);
    (void)link_weigh(from, out_link);
    link_serve(from, out_link);
    uint8_t *pipe = malloc(size);
    T_TRUE(pipe != NULL);
    wr_buf out = wr_buf_of(pipe, size);
    wr_err err = wr_link_write(out_link, &out, world_now);
    *ret_moved += out.len;
    if (err == WR_OK)
        err = link_take(to, in_link, wr_buf_slice(&out));
    free(pipe);
    return err;
}

wr_err converse(device *a, wr_link *la, device *b, wr_link *lb) {
    wr_err err = WR_OK;
    size_t moved = 1;
    while (err == WR_OK && moved != 0) {
        moved = 0;
        err = deliver(a, la, b, lb, PIPE_SIZE, &moved);
        if (err == WR_OK)
            err = deliver(b, lb, a, la, PIPE_SIZE, &moved);
    }
    return err;
}

void assert_equal_replicas(device *a, device *b) {
    wr_hash da = wr_self_frontier_digest(a->self), db = wr_self_frontier_digest(b->self);
    T_MEM(da.b, db.b, sizeof da.b);
}

/* ---- the puppet: sync.md written a second time ---------------------------------------------- */

static void puppet_begin(puppet *p, const wr_hash *epoch) {
    uint8_t prologue[128] = "warren/sess/1\x01";
    memcpy(prologue + 14, wr_graph_circle_id(wr_self_graph(p->as->self))->b, 32);
    memcpy(prologue + 46, epoch->b, 32);
    WR_SECRET(wr_key) psk;
    T_OK(wr_self_psk(p->as->self, epoch, &psk));
    const wr_member *peer = wr_graph_find(wr_self_graph(p->as->self), &p->to->identity.device_id);
    T_TRUE(peer != NULL);
    wr_handshake_config config = {
        .pattern = WR_PATTERN_IKPSK2,
        .hash = WR_BLAKE2B,
        .role = WR_INITIATOR,
        .prologue = wr_slice_of(prologue, 110),
        .s = &p->as->identity.noise,
        .rs = &peer->cert.noise,
        .psks = &psk,
        .psk_count = 1,
        .rng = t_rng(4711),
        .now = world_now.mono,
    };
    T_OK(wr_handshake_init(&p->handshake, &config));
}

void puppet_first(puppet *p, device *as, device *to, uint64_t mark, wr_buf *out) {
    p->as = as;
    p->to = to;
    wr_hash epoch = *wr_self_write_epoch(as->self);
    puppet_begin(p, &epoch);
    uint8_t payload[8], bytes[256];
    wr_store_u64(payload, mark);
    wr_buf noise = wr_buf_of(bytes + 1, sizeof bytes - 1);
    T_OK(wr_handshake_write(&p->handshake, wr_slice_of(payload, sizeof payload), &noise,
                            world_now.mono));
    bytes[0] = 1;
    uint8_t mac[16];
    T_OK(
        wr_keyring_mac1(wr_self_keyring(as->self), &epoch, wr_slice_of(bytes, noise.len + 1), mac));
    T_OK(wr_buf_put_u16(out, (uint16_t)(17 + noise.len)));
    T_OK(wr_buf_put_u8(out, 1));
    T_OK(wr_buf_put(out, wr_slice_of(mac, sizeof mac)));
    T_OK(wr_buf_put(out, wr_buf_slice(&noise)));
}

puppet *puppet_new(device *as, device *to, uint64_t link_id, uint64_t mark) {
    puppet *p = calloc(1, sizeof *p);
    T_TRUE(p != NULL);
    uint8_t bytes[1024];
    wr_buf first = WR_BUF_ARRAY(bytes), second = WR_BUF_ARRAY(bytes);
    puppet_first(p, as, to, mark, &first);
    p->link = link_accept(to, link_id);
    T_OK(link_take(to, p->link, wr_buf_slice(&first)));
    T_OK(wr_link_write(p->link, &second, world_now));
    wr_slice in = wr_buf_slice(&second), record;
    uint16_t len;
    wr_buf nothing = wr_buf_of(NULL, 0);
    T_TRUE(wr_slice_take_u16(&in, &len));
    T_TRUE(wr_slice_take(&in, len, &record));
    T_OK(wr_handshake_read(&p->handshake, record, &nothing, world_now.mono));
    wr_session_init(&p->session);
    wr_session_start(&p->session, &p->handshake, world_now.mono);
    memcpy(p->heard, in.ptr, in.len); /* its HELLO */
    p->heard_len = in.len;
    p->now = world_now;
    return p;
}

void puppet_free(puppet *p) {
    wr_link_free(p->link);
    wr_session_wipe(&p->session);
    free(p);
}

wr_err puppet_say(puppet *p, uint8_t type, wr_slice body) {
    uint8_t bytes[WR_RECORD_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes), plain;
    T_TRUE(wr_session_begin(&p->session, &out, &plain));
    T_OK(wr_frame_put(&plain, type, body));
    T_OK(wr_session_end(&p->session, &plain, &out, world_now.mono));
    return link_take_at(p->to, p->link, wr_buf_slice(&out), p->now);
}

wr_err puppet_hello(puppet *p, const wr_hash *device_id) {
    const wr_graph *graph = wr_self_graph(p->as->self);
    wr_hello hello = {.version = 1,
                      .device_id = *device_id,
                      .circle_id = *wr_graph_circle_id(graph),
                      .unix_ms = world_now.wall.ms,
                      .newest_epoch = *wr_self_write_epoch(p->as->self),
                      .instance = *wr_self_instance(p->as->self),
                      .signs = true,
                      .addrs = WR_SLICE_EMPTY};
    wr_hash frontier = wr_self_frontier_digest(p->as->self), heads = wr_graph_heads_digest(graph);
    memcpy(hello.frontier.b, frontier.b, sizeof hello.frontier.b);
    memcpy(hello.op_heads.b, heads.b, sizeof hello.op_heads.b);
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_hello_encode(&hello, &body));
    return puppet_say(p, WR_FRAME_HELLO, wr_buf_slice(&body));
}

wr_err puppet_node(puppet *p, const wr_feed *feed, const wr_unit *unit) {
    wr_data data = {.feed_id = feed->feed_id,
                    .lo = unit->lo,
                    .first = unit->first,
                    .end = unit->end,
                    .size = unit->entries.len,
                    .checkpoint = wr_feed_checkpoint(feed),
                    .sig = feed->cp_sig,
                    .path = wr_slice_of(unit->path, unit->path_count * sizeof(wr_hash))};
    uint8_t bytes[WR_CHECKPOINT_BYTES_MAX + 512u];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_data_encode(&data, &body));
    WR_TRY(puppet_say(p, WR_FRAME_DATA, wr_buf_slice(&body)));
    return puppet_say(p, WR_FRAME_PART, unit->entries);
}

wr_err puppet_unit(puppet *p, const wr_feed *feed, uint64_t first, uint64_t end, wr_slice entries) {
    wr_unit unit = {.lo = first, .first = first, .end = end, .entries = entries};
    return puppet_node(p, feed, &unit);
}

static void puppet_listen(puppet *p) {
    wr_buf room = wr_buf_of(p->heard, sizeof p->heard);
    T_OK(wr_link_write(p->link, &room, p->now));
    p->heard_len = room.len;
    p->heard_at = 0;
}

bool puppet_hear(puppet *p, uint8_t type, wr_buf *ret_body) {
    bool listened = false;
    for (;;) {
        wr_slice in = wr_slice_of(p->heard + p->heard_at, p->heard_len - p->heard_at), body;
        uint8_t got;
        bool have;
        T_OK(wr_session_next(&p->session, &in, world_now.mono, &got, &body, &have));
        p->heard_at = p->heard_len - in.len;
        if (have && got == type) {
            ret_body->len = 0;
            T_OK(wr_buf_put(ret_body, body));
            return true;
        }
        if (have)
            continue;
        if (listened)
            return false;
        puppet_listen(p);
        listened = true;
    }
}

void puppet_up(puppet *p) {
    uint8_t bytes[64];
    wr_buf list = WR_BUF_ARRAY(bytes);
    T_OK(puppet_hello(p, &p->as->identity.device_id));
    T_OK(wr_list_begin(&list, false, 0));
    T_OK(puppet_say(p, WR_FRAME_OP_HEADS, wr_buf_slice(&list)));
    T_OK(puppet_say(p, WR_FRAME_FRONTIER, wr_buf_slice(&list)));
    T_TRUE(wr_link_is_up(p->link));
    T_TRUE(puppet_hear(p, WR_FRAME_PING, &list));
    T_OK(puppet_say(p, WR_FRAME_PONG, wr_buf_slice(&list)));
    list.len = 0;
    T_TRUE(puppet_hear(p, WR_FRAME_SOLE, &list));
}

/* ---- what the tests of feeds share ---------------------------------------------------------- */

wr_slice rows_from(device *d, device *whose, uint64_t first) {
    static uint8_t bytes[PIPE_SIZE];
    wr_buf out = WR_BUF_ARRAY(bytes);
    for (uint32_t i = 0; i < d->row_count; i++)
        if (d->rows[i].feed == feed_of(d, whose) && d->rows[i].first >= first)
            T_OK(wr_buf_put(&out, wr_slice_of(d->rows[i].bytes, d->rows[i].len)));
    return wr_buf_slice(&out);
}

wr_hash root_at(device *d, device *whose, uint64_t first, uint64_t end) {
    wr_segment_reader in;
    wr_entry entry;
    bool more;
    wr_tree tree = {.len = 0};
    wr_segment_reader_init(&in, rows_from(d, whose, first), first);
    for (uint64_t i = first; i < end; i++) {
        T_OK(wr_segment_next(&in, &entry, &more));
        T_TRUE(more);
        wr_hash leaf = wr_entry_leaf(&feed_at(d, whose)->feed_id, &entry);
        wr_tree_append(&tree, &leaf, NULL);
    }
    return wr_tree_root(&tree);
}

void say_have(puppet *p, const wr_feed *feed, uint64_t len) {
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_list_begin(&body, false, 1));
    T_OK(wr_have_put(&body, &feed->feed_id, len, true));
    T_OK(puppet_say(p, WR_FRAME_HAVE, wr_buf_slice(&body)));
}

wr_err say_want(puppet *p, const wr_feed *feed, uint64_t from) {
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_want_encode(&feed->feed_id, from, &body));
    return puppet_say(p, WR_FRAME_WANT, wr_buf_slice(&body));
}

bool hear_want(puppet *p, const wr_feed *feed, uint64_t *ret_from) {
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_hash feed_id;
    if (!puppet_hear(p, WR_FRAME_WANT, &body))
        return false;
    T_OK(wr_want_decode(wr_buf_slice(&body), &feed_id, ret_from));
    T_MEM(feed_id.b, feed->feed_id.b, sizeof feed_id.b);
    return true;
}

three three_new(uint32_t count) {
    three t = {device_new(1), device_new(2), device_new(3)};
    make_circle(t.a, t.b);
    wr_link *la, *lb;
    links_new(t.a, t.b, 1, &la, &lb);
    append(t.a, count);
    add_device(t.a, t.c);
    T_OK(converse(t.a, la, t.b, lb));
    assert_equal_replicas(t.a, t.b);
    wr_link_free(la);
    wr_link_free(lb);
    return t;
}

void three_free(three *t) {
    device_free(t->a);
    device_free(t->b);
    device_free(t->c);
}

void meet(device *x, device *y, uint64_t id) {
    wr_link *lx, *ly;
    links_new(x, y, id, &lx, &ly);
    T_OK(converse(x, lx, y, ly));
    wr_link_free(lx);
    wr_link_free(ly);
}
