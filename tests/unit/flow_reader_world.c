/* Devices of one circle with stores in memory, for the tests of the reader.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/flow_reader_world.h"

#include "circle/op.h"
#include "circle/recovery.h"
#include "crypto/crypto.h"
#include "engine_seeds.h"

#include <stdio.h>
#include <stdlib.h>

#define UNIT_MAX (2u * 1024u * 1024u)

const wr_now r_now = {.mono = {1000}, .wall = {1700000000000}};
const wr_key r_store_key = {{7, 7, 7}};

/* ---- devices ---------------------------------------------------------------------------- */

static void put_row(device *d, const wr_put *put) {
    store_row_log logs[WR_CHUNK_ENTRIES];
    for (uint32_t i = 0; i < put->row->log_count; i++)
        logs[i] = (store_row_log){put->logs[i].log_no, put->logs[i].hlc_first,
                                  put->logs[i].hlc_last, put->logs[i].count};
    store_rows rows = {.first_seq = put->row->first_seq,
                       .count = put->row->count,
                       .hlc_first = put->row->hlc_first,
                       .hlc_last = put->row->hlc_last,
                       .bytes = put->row->bytes};
    if (put->feed->stream == 0)
        T_OK(reader_saw_row(d->r, &put->feed->feed_id, put->row->first_seq, put->row->bytes));
    T_OK(store_put_rows(d->s, &put->feed->feed_id, &rows, logs, put->row->log_count));
}

void r_drain(device *d) {
    wr_put put;
    T_OK(store_begin(d->s));
    while (wr_self_poll(d->self, &put)) {
        if (put.type == WR_PUT_ROW)
            put_row(d, &put);
        for (uint32_t i = 0; put.type == WR_PUT_NODES && i < put.nodes->count; i++)
            T_OK(store_put_node(d->s, &put.feed->feed_id, put.nodes->list[i].level,
                                put.nodes->list[i].index, &put.nodes->list[i].hash));
    }
    T_OK(reader_apply(d->r, &d->changed));
    T_OK(store_commit(d->s));
}

static void device_make(device *d, uint64_t seed) {
    wr_rng rng = t_rng(seed);
    wr_identity_make(&rng, &d->identity);
    T_OK(wr_self_new(&d->identity, rng, &d->self));
    T_OK(store_open_memory(&d->s));
    T_OK(reader_new(d->self, d->s, &r_store_key, &d->r));
}

static void device_clear(device *d) {
    reader_free(d->r);
    store_close(d->s);
    wr_self_free(d->self);
}

static void add_device(circle *c) {
    wr_add add = {.cert_bytes = wr_identity_cert(&c->b.identity),
                  .role = WR_ROLE_ADMIN,
                  .mode = WR_PAIR_CODE};
    uint8_t bytes[1024], op_bytes[2048];
    wr_buf consent = WR_BUF_ARRAY(bytes), op = WR_BUF_ARRAY(op_bytes);
    const wr_graph *graph = wr_self_graph(c->a.self);
    T_OK(wr_consent_encode(wr_graph_circle_id(graph), add.handshake, &c->a.identity.device_id,
                           add.role, &consent));
    wr_sign(&c->b.identity.sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&consent), &add.consent);
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    T_OK(wr_add_encode(&add, &body));
    T_OK(wr_self_make_add(c->a.self, wr_buf_slice(&body), r_now, &op, &sig));
    T_OK(wr_self_admit(c->a.self, wr_buf_slice(&op), &sig, r_now));
}

void r_give_epoch(const device *from, device *to, bool load) {
    WR_SECRET(wr_key) secret;
    wr_hash epoch = *wr_self_write_epoch(from->self);
    T_TRUE(wr_keyring_secret(wr_self_keyring(from->self), &epoch, &secret));
    if (load)
        T_OK(wr_self_load_epoch(to->self, &epoch, &secret));
    else
        T_OK(wr_self_add_epoch(to->self, &epoch, &secret));
}

wr_op_ref r_own_epoch(device *d) {
    const wr_graph *graph = wr_self_graph(d->self);
    wr_key secret = {{9, 9}};
    wr_epoch_op epoch = {.klass = 1};
    epoch.rcpt_hash = wr_graph_recipients(graph, epoch.without, &epoch.without_count);
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    epoch.commit = wr_epoch_commit(&secret, wr_graph_circle_id(graph));
    epoch.hist_hash = wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, WR_SLICE_EMPTY);
    T_OK(wr_epoch_encode(&epoch, &body));
    T_OK(wr_self_author(d->self, WR_OP_EPOCH, wr_buf_slice(&body), r_now));
    wr_op_ref op = wr_graph_op(graph, wr_graph_op_count(graph) - 1);
    T_OK(wr_self_add_epoch(d->self, &op.id, &secret));
    T_TRUE(wr_hash_equal(&op.id, wr_self_write_epoch(d->self)));
    r_drain(d);
    return op;
}

void r_new_epoch(circle *c) {
    wr_op_ref op = r_own_epoch(&c->a);
    T_OK(wr_self_admit(c->b.self, op.bytes, op.sig, r_now));
    r_drain(&c->b);
}

void r_join(circle *c) {
    wr_key rs = {{1, 2, 3}};
    wr_root root;
    WR_SECRET(wr_sign_key) root_sign;
    wr_recovery_root(&rs, &root);
    wr_recovery_sign_key(&rs, &root_sign);
    T_OK(wr_self_found(c->a.self, &root, &root_sign, r_now));
    add_device(c);
    const wr_graph *graph = wr_self_graph(c->a.self);
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++)
        T_OK(wr_self_load_op(c->b.self, wr_graph_op(graph, i).bytes, wr_graph_op(graph, i).sig));
    t_load_seeds(c->b.self, c->a.self);
    r_give_epoch(&c->a, &c->b, true);
    T_OK(wr_self_load_done(c->b.self, r_now));
    wr_self_confirm(c->b.self);
    r_drain(&c->a);
    r_drain(&c->b);
}

int r_setup(void **state) {
    circle *c = calloc(1, sizeof *c);
    T_TRUE(c != NULL);
    T_OK(wr_crypto_init());
    device_make(&c->a, 1);
    device_make(&c->b, 2);
    *state = c;
    return 0;
}

int r_teardown(void **state) {
    circle *c = *state;
    device_clear(&c->a);
    device_clear(&c->b);
    free(c);
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

void r_sign(device *d) {
    T_OK(wr_self_close_run(d->self));
    r_drain(d);
}

void r_put_control(device *d, const wr_buf *content, uint64_t ms) {
    uint64_t seq;
    T_OK(wr_self_append(d->self, 1, WR_ENTRY_BINDING, 0, ms << 16, wr_buf_slice(content), &seq));
    r_sign(d);
}

void r_bind(device *d, uint16_t log_no, const char *name, uint64_t ms) {
    uint8_t bytes[256];
    wr_buf content = WR_BUF_ARRAY(bytes);
    T_OK(reader_encode_bind(log_no, S(name), &content));
    r_put_control(d, &content, ms);
}

void r_call_it(device *d, const wr_hash *device_id, const char *name, uint64_t ms) {
    uint8_t bytes[256];
    wr_buf content = WR_BUF_ARRAY(bytes);
    T_OK(reader_encode_name(device_id, S(name), &content));
    r_put_control(d, &content, ms);
}

/* Stays in the open run until sign. */
void r_say(device *d, uint16_t log_no, uint64_t ms, const char *body) {
    uint64_t seq;
    wr_err err = wr_self_append(d->self, 0, WR_ENTRY_MESSAGE, log_no, ms << 16, S(body), &seq);
    if (err == WR_ERR_NOBUF) {
        r_sign(d);
        err = wr_self_append(d->self, 0, WR_ENTRY_MESSAGE, log_no, ms << 16, S(body), &seq);
    }
    T_OK(err);
}

void r_wait_in_tail(device *d, const char *log, uint64_t ms, const char *body) {
    uint8_t bytes[1024];
    wr_buf sealed = WR_BUF_ARRAY(bytes);
    store_tail tail = {.hlc = ms << 16};
    T_OK(store_begin(d->s));
    T_OK(reader_log_id(d->r, S(log), &tail.log_id));
    T_OK(reader_seal_tail(d->r, tail.hlc, S("kind"), S(body), &sealed));
    tail.sealed = wr_buf_slice(&sealed);
    T_OK(store_put_tail(d->s, &tail));
    T_OK(store_commit(d->s));
}

void r_leave_tail(device *d, uint64_t ms) {
    T_OK(store_begin(d->s));
    T_OK(store_delete_tail(d->s, ms << 16));
    T_OK(store_commit(d->s));
}

typedef struct copy {
    wr_buf *out;
    uint64_t first;
} copy;

/* A joined row may start before first, which stands at the start of a run and so of a segment. */
static wr_err copy_row(void *ctx, const store_rows *rows) {
    copy *to = ctx;
    wr_segment_reader segments;
    wr_entry entry;
    bool more;
    wr_segment_reader_init(&segments, rows->bytes, rows->first_seq);
    while (segments.seq < to->first)
        WR_TRY(wr_segment_next(&segments, &entry, &more));
    return wr_buf_put(to->out, segments.in);
}

void r_carry(device *from, device *to, uint32_t stream) {
    uint32_t at_from, at_to;
    T_TRUE(wr_self_device_feed(from->self, &from->identity.device_id, stream, &at_from));
    T_TRUE(wr_self_device_feed(to->self, &from->identity.device_id, stream, &at_to));
    const wr_feed *feed = wr_self_feed(from->self, at_from);
    uint8_t *memory = malloc(UNIT_MAX);
    T_TRUE(memory != NULL);
    wr_buf entries = wr_buf_of(memory, UNIT_MAX);
    wr_unit unit = {.first = wr_self_feed(to->self, at_to)->tree.len, .end = feed->tree.len};
    unit.lo = unit.first;
    copy ctx = {&entries, unit.first};
    T_OK(store_each_rows(from->s, &feed->feed_id, unit.first, unit.end, copy_row, &ctx));
    unit.entries = wr_buf_slice(&entries);
    T_OK(wr_self_checkpoint(to->self, at_to, wr_feed_checkpoint(feed), &feed->cp_sig));
    T_OK(wr_self_take(to->self, at_to, &unit, r_now));
    r_drain(to);
    free(memory);
}

/* ---- reading ------------------------------------------------------------------------------ */

wr_err r_add_text(void *ctx, const hub_entry *entry) {
    text *t = ctx;
    int len = snprintf(t->list + t->len, TEXT_MAX - t->len, "%s%.*s ", entry->has_seq ? "" : "~",
                       (int)entry->body.len, (const char *)entry->body.ptr);
    t->len += (size_t)len;
    snprintf(t->kind, sizeof t->kind, "%.*s", (int)entry->kind.len, (const char *)entry->kind.ptr);
    t->ahead |= entry->ahead;
    t->count++;
    t->last = *entry;
    return WR_OK;
}

void r_start(text *t, const char *cursor) {
    t->list[0] = '\0';
    t->len = t->count = 0;
    t->ahead = false;
    snprintf(t->cursor, sizeof t->cursor, "%s", cursor);
}

const char *r_read_on(device *d, const char *log, uint32_t limit, text *t) {
    char next[HUB_CURSOR_MAX];
    t->list[0] = '\0';
    t->len = t->count = 0;
    T_OK(reader_read(d->r, r_now.wall, S(log), S(t->cursor), limit, r_add_text, t, next, &t->more));
    memcpy(t->cursor, next, sizeof next);
    return t->list;
}

const char *r_follow(device *d, const char *log, uint32_t limit, text *t) {
    char next[HUB_CURSOR_MAX];
    t->list[0] = '\0';
    t->len = t->count = 0;
    T_OK(reader_arrivals(d->r, r_now.wall, S(log), S(t->cursor), limit, r_add_text, t, next,
                         &t->more));
    memcpy(t->cursor, next, sizeof next);
    return t->list;
}

wr_err r_count_only(void *ctx, const hub_entry *entry) {
    text *t = ctx;
    T_TRUE(t->count == 0 || entry->hlc > t->last.hlc);
    t->last = *entry;
    t->count++;
    t->sum += entry->hlc >> 16;
    return WR_OK;
}

wr_err r_try_cursor(device *d, bool arrivals, const char *log, const char *cursor) {
    text t;
    char next[HUB_CURSOR_MAX];
    r_start(&t, "");
    if (arrivals)
        return reader_arrivals(d->r, r_now.wall, S(log), S(cursor), 9, r_add_text, &t, next,
                               &t.more);
    return reader_read(d->r, r_now.wall, S(log), S(cursor), 9, r_add_text, &t, next, &t.more);
}
