/* Devices of one circle with stores in memory: what a log reads like, in both orders.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"

#include "circle/op.h"
#include "circle/recovery.h"
#include "crypto/crypto.h"
#include "flow/reader.h"
#include "store/store_memory.h"
#include "wire/pack.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX (64u * 1024u)
#define UNIT_MAX (2u * 1024u * 1024u)
#define S(text) wr_slice_str(text)

static const wr_now now = {.mono = {1000}, .wall = {1700000000000}};
static const wr_key store_key = {{7, 7, 7}};

typedef struct device {
    wr_identity identity;
    wr_self *self;
    store *s;
    reader *r;
    bool changed; /* by the last drain */
} device;

typedef struct circle {
    device a, b;
} circle;

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
    T_OK(store_put_rows(d->s, &put->feed->feed_id, &rows, logs, put->row->log_count));
}

/* One turn: what self made goes to the store, and names are applied. */
static void drain(device *d) {
    wr_put put;
    T_OK(store_begin(d->s));
    while (wr_self_poll(d->self, &put))
        if (put.type == WR_PUT_ROW)
            put_row(d, &put);
    T_OK(reader_apply(d->r, &d->changed));
    T_OK(store_commit(d->s));
}

static void device_make(device *d, uint64_t seed) {
    wr_rng rng = t_rng(seed);
    wr_identity_make(&rng, &d->identity);
    T_OK(wr_self_new(&d->identity, rng, &d->self));
    T_OK(store_open_memory(&d->s));
    T_OK(reader_new(d->self, d->s, &store_key, &d->r));
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
    T_OK(wr_self_make_add(c->a.self, wr_buf_slice(&body), now, &op, &sig));
    T_OK(wr_self_admit(c->a.self, wr_buf_slice(&op), &sig, now));
}

static void give_epoch(const device *from, device *to, bool load) {
    WR_SECRET(wr_key) secret;
    wr_hash epoch = *wr_self_write_epoch(from->self);
    T_TRUE(wr_keyring_secret(wr_self_keyring(from->self), &epoch, &secret));
    if (load)
        T_OK(wr_self_load_epoch(to->self, &epoch, &secret));
    else
        T_OK(wr_self_add_epoch(to->self, &epoch, &secret));
}

/* a writes under another epoch from here on; b knows of it, but lacks its secret. */
static void new_epoch(circle *c) {
    const wr_graph *graph = wr_self_graph(c->a.self);
    wr_key secret = {{9, 9}};
    wr_epoch_op epoch = {.klass = 1, .rcpt_hash = wr_graph_recipients_hash(graph)};
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    epoch.commit = wr_epoch_commit(&secret, wr_graph_circle_id(graph));
    epoch.hist_hash = wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, WR_SLICE_EMPTY);
    T_OK(wr_epoch_encode(&epoch, &body));
    wr_hash before = *wr_self_write_epoch(c->a.self);
    T_OK(wr_self_author(c->a.self, WR_OP_EPOCH, wr_buf_slice(&body), now));
    wr_op_ref op = wr_graph_op(graph, wr_graph_op_count(graph) - 1);
    T_OK(wr_self_add_epoch(c->a.self, &op.id, &secret));
    T_FALSE(wr_hash_equal(&before, wr_self_write_epoch(c->a.self)));
    T_OK(wr_self_admit(c->b.self, op.bytes, op.sig, now));
    drain(&c->a);
    drain(&c->b);
}

/* a founds, b joins. */
static void join(circle *c) {
    wr_key rs = {{1, 2, 3}};
    wr_root root;
    WR_SECRET(wr_sign_key) root_sign;
    wr_recovery_root(&rs, &root);
    wr_recovery_sign_key(&rs, &root_sign);
    T_OK(wr_self_found(c->a.self, &root, &root_sign, now));
    add_device(c);
    const wr_graph *graph = wr_self_graph(c->a.self);
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++)
        T_OK(wr_self_load_op(c->b.self, wr_graph_op(graph, i).bytes, wr_graph_op(graph, i).sig));
    WR_SECRET(wr_key) seed;
    T_TRUE(wr_keyring_seed(wr_self_keyring(c->a.self), &seed));
    T_OK(wr_self_load_seed(c->b.self, &seed));
    give_epoch(&c->a, &c->b, true);
    T_OK(wr_self_load_done(c->b.self, now));
    wr_self_confirm(c->b.self);
    drain(&c->a);
    drain(&c->b);
}

static int setup(void **state) {
    circle *c = calloc(1, sizeof *c);
    T_TRUE(c != NULL);
    T_OK(wr_crypto_init());
    device_make(&c->a, 1);
    device_make(&c->b, 2);
    *state = c;
    return 0;
}

static int teardown(void **state) {
    circle *c = *state;
    device_clear(&c->a);
    device_clear(&c->b);
    free(c);
    return 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

static void sign(device *d) {
    T_OK(wr_self_close_run(d->self));
    drain(d);
}

static void put_control(device *d, const wr_buf *content, uint64_t ms) {
    uint64_t seq;
    T_OK(wr_self_append(d->self, 1, WR_ENTRY_BINDING, 0, ms << 16, wr_buf_slice(content), &seq));
    sign(d);
}

static void bind(device *d, uint16_t log_no, const char *name, uint64_t ms) {
    uint8_t bytes[256];
    wr_buf content = WR_BUF_ARRAY(bytes);
    T_OK(reader_encode_bind(log_no, S(name), &content));
    put_control(d, &content, ms);
}

static void call_it(device *d, const wr_hash *device_id, const char *name, uint64_t ms) {
    uint8_t bytes[256];
    wr_buf content = WR_BUF_ARRAY(bytes);
    T_OK(reader_encode_name(device_id, S(name), &content));
    put_control(d, &content, ms);
}

/* Stays in the open run until sign. */
static void say(device *d, uint16_t log_no, uint64_t ms, const char *text) {
    uint64_t seq;
    wr_err err = wr_self_append(d->self, 0, WR_ENTRY_MESSAGE, log_no, ms << 16, S(text), &seq);
    if (err == WR_ERR_NOBUF) {
        sign(d);
        err = wr_self_append(d->self, 0, WR_ENTRY_MESSAGE, log_no, ms << 16, S(text), &seq);
    }
    T_OK(err);
}

static void wait_in_tail(device *d, const char *log, uint64_t ms, const char *text) {
    uint8_t bytes[1024];
    wr_buf sealed = WR_BUF_ARRAY(bytes);
    store_tail tail = {.hlc = ms << 16};
    T_OK(store_begin(d->s));
    T_OK(reader_log_id(d->r, S(log), &tail.log_id));
    T_OK(reader_seal_tail(d->r, tail.hlc, S("kind"), S(text), &sealed));
    tail.sealed = wr_buf_slice(&sealed);
    T_OK(store_put_tail(d->s, &tail));
    T_OK(store_commit(d->s));
}

static void leave_tail(device *d, uint64_t ms) {
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

/* What to lacks of from's feed of one stream. */
static void carry(device *from, device *to, uint32_t stream) {
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
    T_OK(wr_self_take(to->self, at_to, &unit, now));
    drain(to);
    free(memory);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* What was read: bodies with a blank behind each, "~" before those of the tail. */
typedef struct text {
    char list[TEXT_MAX];
    size_t len;
    uint32_t count;
    char cursor[HUB_CURSOR_MAX];
    bool more;
    bool ahead;
    hub_entry last;
    char kind[16]; /* of the last one */
    uint64_t sum;
} text;

static wr_err add_text(void *ctx, const hub_entry *entry) {
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

static void start(text *t, const char *cursor) {
    t->list[0] = '\0';
    t->len = t->count = 0;
    t->ahead = false;
    snprintf(t->cursor, sizeof t->cursor, "%s", cursor);
}

/* Reads on from where t stands. */
static const char *read_on(device *d, const char *log, uint32_t limit, text *t) {
    char next[HUB_CURSOR_MAX];
    t->list[0] = '\0';
    t->len = t->count = 0;
    T_OK(reader_read(d->r, now.wall, S(log), S(t->cursor), limit, add_text, t, next, &t->more));
    memcpy(t->cursor, next, sizeof next);
    return t->list;
}

static const char *follow(device *d, const char *log, uint32_t limit, text *t) {
    char next[HUB_CURSOR_MAX];
    t->list[0] = '\0';
    t->len = t->count = 0;
    T_OK(reader_arrivals(d->r, now.wall, S(log), S(t->cursor), limit, add_text, t, next, &t->more));
    memcpy(t->cursor, next, sizeof next);
    return t->list;
}

/* ---- mesh order ----------------------------------------------------------------------------- */

static void entries_of_two_devices_merge_by_time(void **state) {
    circle *c = *state;
    text t;
    join(c);
    bind(&c->a, 0, "notes", 1);
    bind(&c->b, 5, "notes", 1);
    say(&c->a, 0, 10, "a10");
    say(&c->a, 0, 30, "a30");
    say(&c->b, 5, 20, "b20");
    say(&c->b, 5, 40, "b40");
    sign(&c->a);
    sign(&c->b);
    carry(&c->b, &c->a, 1);
    carry(&c->b, &c->a, 0);
    start(&t, "");
    T_STR(read_on(&c->a, "notes", 100, &t), "a10 b20 a30 b40 ");
    T_FALSE(t.more);
    T_EQ(t.last.seq, 1);
    T_EQ(t.last.hlc, 40ull << 16);
    T_TRUE(wr_hash_equal(&t.last.device, &c->b.identity.device_id));
}

static void equal_times_are_ordered_by_device(void **state) {
    circle *c = *state;
    text t;
    join(c);
    bind(&c->a, 0, "notes", 1);
    bind(&c->b, 0, "notes", 1);
    say(&c->a, 0, 10, "a");
    say(&c->b, 0, 10, "b");
    sign(&c->a);
    sign(&c->b);
    carry(&c->b, &c->a, 1);
    carry(&c->b, &c->a, 0);
    carry(&c->a, &c->b, 1);
    carry(&c->a, &c->b, 0);
    bool a_first = wr_hash_order(&c->a.identity.device_id, &c->b.identity.device_id) < 0;
    start(&t, "");
    T_STR(read_on(&c->a, "notes", 1, &t), a_first ? "a " : "b ");
    T_STR(read_on(&c->a, "notes", 1, &t), a_first ? "b " : "a ");
    start(&t, "");
    T_STR(read_on(&c->b, "notes", 2, &t), a_first ? "a b " : "b a ");
}

static void a_cursor_resumes_after_the_last_entry(void **state) {
    circle *c = *state;
    text t;
    join(c);
    bind(&c->a, 0, "notes", 1);
    for (uint64_t i = 0; i < 5; i++)
        say(&c->a, 0, 10 + i, (const char *[]){"0", "1", "2", "3", "4"}[i]);
    sign(&c->a);
    start(&t, "");
    T_STR(read_on(&c->a, "notes", 2, &t), "0 1 ");
    T_TRUE(t.more);
    T_STR(read_on(&c->a, "notes", 3, &t), "2 3 4 ");
    T_FALSE(t.more);
    T_STR(read_on(&c->a, "notes", 3, &t), "");
    say(&c->a, 0, 20, "5");
    sign(&c->a);
    T_STR(read_on(&c->a, "notes", 3, &t), "5 ");
}

static void other_logs_of_a_feed_are_not_read(void **state) {
    circle *c = *state;
    text t;
    join(c);
    bind(&c->a, 0, "notes", 1);
    bind(&c->a, 1, "chores", 2);
    say(&c->a, 0, 10, "n");
    say(&c->a, 1, 11, "c");
    say(&c->a, 0, 12, "n");
    sign(&c->a);
    start(&t, "");
    T_STR(read_on(&c->a, "chores", 9, &t), "c ");
    start(&t, "");
    T_STR(follow(&c->a, "notes", 9, &t), "n n ");
}

static void the_tail_stands_in_its_place(void **state) {
    circle *c = *state;
    text t;
    join(c);
    bind(&c->a, 0, "notes", 1);
    bind(&c->b, 0, "notes", 1);
    say(&c->b, 0, 10, "b");
    say(&c->b, 0, 30, "b");
    sign(&c->b);
    carry(&c->b, &c->a, 1);
    carry(&c->b, &c->a, 0);
    wait_in_tail(&c->a, "notes", 20, "a");
    wait_in_tail(&c->a, "other", 21, "x");
    wait_in_tail(&c->a, "notes", 40, "a");
    start(&t, "");
    T_STR(read_on(&c->a, "notes", 3, &t), "b ~a b ");
    T_TRUE(t.more);
    T_STR(read_on(&c->a, "notes", 3, &t), "~a ");
    T_STR(t.kind, "kind");
    T_STR(read_on(&c->a, "notes", 3, &t), "");
}

static wr_err count_only(void *ctx, const hub_entry *entry) {
    text *t = ctx;
    T_TRUE(t->count == 0 || entry->hlc > t->last.hlc);
    t->last = *entry;
    t->count++;
    t->sum += entry->hlc >> 16;
    return WR_OK;
}

static void a_long_log_is_read_in_one_call(void **state) {
    circle *c = *state;
    text t = {.count = 0};
    join(c);
    bind(&c->a, 0, "notes", 1);
    bind(&c->a, 1, "chores", 2);
    bind(&c->b, 3, "notes", 1);
    enum { EACH = 3000 };
    for (uint64_t i = 1; i <= EACH; i++) {
        say(&c->a, 0, 3 * i, "some text of ours");
        say(&c->a, 1, 3 * i + 1, "not looked for");
        say(&c->b, 3, 3 * i + 2, "some text of theirs");
        if (i % 256 == 0 || i == EACH) { /* no unit crosses a chunk */
            sign(&c->b);
            carry(&c->b, &c->a, 0);
        }
    }
    sign(&c->a);
    carry(&c->b, &c->a, 1);
    T_OK(reader_read(c->a.r, now.wall, S("notes"), S(""), UINT32_MAX, count_only, &t, t.cursor,
                     &t.more));
    T_EQ(t.count, 2 * EACH);
    T_EQ(t.sum, 3ull * EACH * (EACH + 1) + 2 * EACH);
    T_FALSE(t.more);
    uint32_t pages = 0;
    text all = {.count = 0};
    start(&all, "");
    do {
        char next[HUB_CURSOR_MAX];
        T_OK(reader_read(c->a.r, now.wall, S("notes"), S(all.cursor), 700, count_only, &all, next,
                         &all.more));
        memcpy(all.cursor, next, sizeof next);
        pages++;
    } while (all.more);
    T_EQ(all.count, 2 * EACH);
    T_EQ(pages, (2 * EACH + 699) / 700);
}

static void a_burst_of_one_device_is_not_overtaken(void **state) {
    circle *c = *state;
    text t = {.count = 0};
    join(c);
    bind(&c->a, 0, "notes", 1);
    bind(&c->b, 0, "notes", 1);
    say(&c->b, 0, 1, "before");
    for (uint64_t i = 2; i < 2500; i++)
        say(&c->a, 0, i, "burst");
    say(&c->b, 0, 5000, "after");
    sign(&c->a);
    sign(&c->b);
    carry(&c->b, &c->a, 1);
    carry(&c->b, &c->a, 0);
    T_OK(reader_read(c->a.r, now.wall, S("notes"), S(""), UINT32_MAX, count_only, &t, t.cursor,
                     &t.more));
    T_EQ(t.count, 2500);
}

static void an_entry_far_ahead_of_our_clock_is_marked(void **state) {
    circle *c = *state;
    text t;
    join(c);
    bind(&c->a, 0, "notes", 1);
    say(&c->a, 0, now.wall.ms + WR_CLOCK_AHEAD_MS_MAX, "near");
    sign(&c->a);
    start(&t, "");
    T_STR(read_on(&c->a, "notes", 9, &t), "near ");
    T_FALSE(t.ahead);
    say(&c->a, 0, now.wall.ms + WR_CLOCK_AHEAD_MS_MAX + 1, "far");
    sign(&c->a);
    T_STR(read_on(&c->a, "notes", 9, &t), "far ");
    T_TRUE(t.ahead);
}

static wr_err refuse(void *ctx, const hub_entry *entry) {
    (void)ctx;
    (void)entry;
    return WR_ERR_LIMIT;
}

static void what_the_callback_says_is_passed_on(void **state) {
    circle *c = *state;
    char cursor[HUB_CURSOR_MAX] = "untouched";
    bool more;
    join(c);
    bind(&c->a, 0, "notes", 1);
    say(&c->a, 0, 10, "x");
    sign(&c->a);
    T_ERR(reader_read(c->a.r, now.wall, S("notes"), S(""), 9, refuse, NULL, cursor, &more),
          WR_ERR_LIMIT);
    T_ERR(reader_arrivals(c->a.r, now.wall, S("notes"), S(""), 9, refuse, NULL, cursor, &more),
          WR_ERR_LIMIT);
    T_STR(cursor, "untouched");
}

/* ---- order of arrival -------------------------------------------------------------------------
 */

static void arrivals_come_once_and_as_they_came(void **state) {
    circle *c = *state;
    text t;
    join(c);
    bind(&c->a, 0, "notes", 1);
    bind(&c->b, 0, "notes", 1);
    carry(&c->b, &c->a, 1);
    say(&c->a, 0, 50, "a50");
    say(&c->a, 0, 60, "a60");
    say(&c->a, 0, 70, "a70");
    sign(&c->a);
    say(&c->b, 0, 20, "b20");
    sign(&c->b);
    carry(&c->b, &c->a, 0);
    start(&t, "");
    T_STR(follow(&c->a, "notes", 2, &t), "a50 a60 ");
    T_TRUE(t.more);
    T_STR(follow(&c->a, "notes", 2, &t), "a70 b20 ");
    T_FALSE(t.more);
    T_STR(follow(&c->a, "notes", 2, &t), "");
    say(&c->a, 0, 80, "a80");
    sign(&c->a);
    T_STR(follow(&c->a, "notes", 2, &t), "a80 ");
}

static void now_means_what_arrives_from_here_on(void **state) {
    circle *c = *state;
    text t;
    join(c);
    bind(&c->a, 0, "notes", 1);
    say(&c->a, 0, 10, "old");
    sign(&c->a);
    wait_in_tail(&c->a, "notes", 20, "old too");
    start(&t, HUB_CURSOR_NOW);
    T_STR(follow(&c->a, "notes", 9, &t), "");
    leave_tail(&c->a, 20);
    say(&c->a, 0, 20, "old too");
    say(&c->a, 0, 30, "new");
    sign(&c->a);
    T_STR(follow(&c->a, "notes", 9, &t), "new ");
}

static void a_tail_entry_does_not_come_again_when_signed(void **state) {
    circle *c = *state;
    text t;
    join(c);
    bind(&c->a, 0, "notes", 1);
    wait_in_tail(&c->a, "notes", 20, "t20");
    wait_in_tail(&c->a, "notes", 21, "t21");
    start(&t, "");
    T_STR(follow(&c->a, "notes", 1, &t), "~t20 ");
    T_TRUE(t.more);
    /* Signed before the subscriber asks again: it has seen one of them. */
    leave_tail(&c->a, 20);
    leave_tail(&c->a, 21);
    say(&c->a, 0, 20, "t20");
    say(&c->a, 0, 21, "t21");
    sign(&c->a);
    T_STR(follow(&c->a, "notes", 9, &t), "t21 ");
    /* A second tail, after the first was signed. */
    say(&c->a, 0, 22, "s22");
    sign(&c->a);
    T_STR(follow(&c->a, "notes", 9, &t), "s22 ");
    wait_in_tail(&c->a, "notes", 30, "t30");
    T_STR(follow(&c->a, "notes", 9, &t), "~t30 ");
    T_STR(follow(&c->a, "notes", 9, &t), "");
    leave_tail(&c->a, 30);
    say(&c->a, 0, 25, "lost and found");
    say(&c->a, 0, 30, "t30");
    sign(&c->a);
    T_STR(follow(&c->a, "notes", 9, &t), "lost and found ");
}

static void rows_that_came_before_their_name_are_not_lost(void **state) {
    circle *c = *state;
    text t, fresh;
    join(c);
    bind(&c->a, 0, "notes", 1);
    bind(&c->b, 4, "notes", 1);
    say(&c->a, 0, 5, "a5");
    sign(&c->a);
    say(&c->b, 4, 10, "b10");
    say(&c->b, 4, 11, "b11");
    sign(&c->b);
    carry(&c->b, &c->a, 0);
    start(&t, "");
    T_STR(follow(&c->a, "notes", 9, &t), "a5 ");
    carry(&c->b, &c->a, 1);
    T_STR(follow(&c->a, "notes", 1, &t), "b10 ");
    T_TRUE(t.more);
    T_STR(follow(&c->a, "notes", 9, &t), "b11 ");
    say(&c->b, 4, 12, "b12");
    sign(&c->b);
    carry(&c->b, &c->a, 0);
    T_STR(follow(&c->a, "notes", 9, &t), "b12 ");
    T_STR(follow(&c->a, "notes", 9, &t), "");
    /* Who starts at the oldest gets each once, too. */
    start(&fresh, "");
    T_STR(follow(&c->a, "notes", 9, &fresh), "b10 b11 a5 b12 ");
}

static void many_arrivals_come_in_one_call(void **state) {
    circle *c = *state;
    text t = {.count = 0};
    join(c);
    bind(&c->a, 0, "notes", 1);
    for (uint64_t i = 1; i <= 2500; i++)
        say(&c->a, 0, i, "text");
    sign(&c->a);
    T_OK(reader_arrivals(c->a.r, now.wall, S("notes"), S(""), UINT32_MAX, count_only, &t, t.cursor,
                         &t.more));
    T_EQ(t.count, 2500);
    T_FALSE(t.more);
}

/* ---- cursors and names --------------------------------------------------------------------------
 */

static wr_err try_cursor(device *d, bool arrivals, const char *log, const char *cursor) {
    text t;
    char next[HUB_CURSOR_MAX];
    start(&t, "");
    if (arrivals)
        return reader_arrivals(d->r, now.wall, S(log), S(cursor), 9, add_text, &t, next, &t.more);
    return reader_read(d->r, now.wall, S(log), S(cursor), 9, add_text, &t, next, &t.more);
}

static void a_foreign_cursor_is_refused(void **state) {
    circle *c = *state;
    text order, arrival;
    join(c);
    bind(&c->a, 0, "notes", 1);
    bind(&c->a, 1, "chores", 2);
    start(&order, "");
    start(&arrival, "");
    (void)read_on(&c->a, "notes", 9, &order);
    (void)follow(&c->a, "notes", 9, &arrival);
    T_OK(try_cursor(&c->a, false, "notes", order.cursor));
    T_OK(try_cursor(&c->a, true, "notes", arrival.cursor));
    T_ERR(try_cursor(&c->a, true, "notes", order.cursor), WR_ERR_FORMAT);
    T_ERR(try_cursor(&c->a, false, "notes", arrival.cursor), WR_ERR_FORMAT);
    T_ERR(try_cursor(&c->a, true, "chores", arrival.cursor), WR_ERR_FORMAT);
    T_ERR(try_cursor(&c->a, false, "notes", HUB_CURSOR_NOW), WR_ERR_FORMAT);
    order.cursor[0] ^= 1;
    T_ERR(try_cursor(&c->a, false, "notes", order.cursor), WR_ERR_FORMAT);
    order.cursor[0] = '!';
    T_ERR(try_cursor(&c->a, false, "notes", order.cursor), WR_ERR_FORMAT);
    T_ERR(try_cursor(&c->a, false, "nothing", ""), WR_ERR_UNKNOWN);
    T_ERR(try_cursor(&c->a, true, "nothing", ""), WR_ERR_UNKNOWN);
    T_ERR(try_cursor(&c->a, false, "-x", ""), WR_ERR_FORMAT);
}

static const char *name_of(device *d, const device *of) {
    static char name[WR_NAME_BYTES_MAX + 1];
    wr_buf out = wr_buf_of(name, WR_NAME_BYTES_MAX);
    reader_device_name(d->r, &of->identity.device_id, &out);
    name[out.len] = '\0';
    return name;
}

static void the_newest_name_of_a_device_wins(void **state) {
    circle *c = *state;
    join(c);
    T_STR(name_of(&c->a, &c->b), "");
    call_it(&c->a, &c->b.identity.device_id, "phone", 20);
    T_TRUE(c->a.changed);
    T_STR(name_of(&c->a, &c->b), "phone");
    call_it(&c->b, &c->b.identity.device_id, "older", 10);
    carry(&c->b, &c->a, 1);
    T_FALSE(c->a.changed);
    T_STR(name_of(&c->a, &c->b), "phone");
    call_it(&c->b, &c->b.identity.device_id, "newer", 30);
    carry(&c->b, &c->a, 1);
    T_TRUE(c->a.changed);
    T_STR(name_of(&c->a, &c->b), "newer");
}

static void names_are_found_again_after_a_restart(void **state) {
    circle *c = *state;
    text t;
    join(c);
    call_it(&c->a, &c->a.identity.device_id, "desk", 20);
    bind(&c->a, 0, "notes", 21);
    say(&c->a, 0, 30, "x");
    sign(&c->a);
    reader_free(c->a.r);
    c->a.r = NULL;
    T_OK(reader_new(c->a.self, c->a.s, &store_key, &c->a.r));
    drain(&c->a);
    T_FALSE(c->a.changed);
    T_STR(name_of(&c->a, &c->a), "desk");
    start(&t, "");
    T_STR(read_on(&c->a, "notes", 9, &t), "x ");
}

static void what_is_no_name_is_ignored(void **state) {
    circle *c = *state;
    uint8_t bytes[256];
    wr_buf content = WR_BUF_ARRAY(bytes);
    join(c);
    T_ERR(reader_encode_bind(0, S("-x"), &content), WR_ERR_FORMAT);
    T_ERR(reader_encode_name(&c->a.identity.device_id, S(""), &content), WR_ERR_FORMAT);
    T_OK(wr_pack_array(&content, 3));
    T_OK(wr_pack_uint(&content, 1));
    T_OK(wr_pack_bin(&content, WR_SLICE_OBJ(c->a.identity.device_id)));
    T_OK(wr_pack_bin(&content, S("two\nlines")));
    put_control(&c->a, &content, 10);
    T_FALSE(c->a.changed);
    T_STR(name_of(&c->a, &c->a), "");
    call_it(&c->a, &c->a.identity.device_id, "good", 11);
    T_STR(name_of(&c->a, &c->a), "good");
}

static void a_number_means_the_log_it_was_first_bound_to(void **state) {
    circle *c = *state;
    text t;
    join(c);
    bind(&c->a, 0, "notes", 1);
    bind(&c->a, 0, "chores", 2);
    bind(&c->a, 1, "notes", 3);
    say(&c->a, 0, 10, "zero");
    say(&c->a, 1, 11, "one");
    sign(&c->a);
    start(&t, "");
    T_STR(read_on(&c->a, "notes", 9, &t), "zero ");
    start(&t, "");
    T_STR(read_on(&c->a, "chores", 9, &t), "");
}

static void own_numbers_are_given_out_in_turn(void **state) {
    circle *c = *state;
    uint16_t log_no = 99, next = 99;
    join(c);
    T_ERR(reader_own_log(c->a.r, S("notes"), &log_no, &next), WR_ERR_UNKNOWN);
    T_EQ(next, 0);
    bind(&c->a, 0, "notes", 1);
    T_OK(reader_own_log(c->a.r, S("notes"), &log_no, &next));
    T_EQ(log_no, 0);
    T_ERR(reader_own_log(c->a.r, S("chores"), &log_no, &next), WR_ERR_UNKNOWN);
    T_EQ(next, 1);
    T_ERR(reader_own_log(c->a.r, S(""), &log_no, &next), WR_ERR_FORMAT);
}

static void without_the_epoch_nothing_is_read_and_with_it_all(void **state) {
    circle *c = *state;
    text t;
    join(c);
    new_epoch(c);
    bind(&c->a, 0, "notes", 1);
    call_it(&c->a, &c->a.identity.device_id, "desk", 2);
    say(&c->a, 0, 10, "x");
    sign(&c->a);
    carry(&c->a, &c->b, 1);
    carry(&c->a, &c->b, 0);
    T_FALSE(c->b.changed);
    T_ERR(try_cursor(&c->b, false, "notes", ""), WR_ERR_UNKNOWN);
    wait_in_tail(&c->b, "notes", 5, "b");
    start(&t, "");
    T_STR(read_on(&c->b, "notes", 9, &t), "~b ");
    give_epoch(&c->a, &c->b, false);
    drain(&c->b);
    T_TRUE(c->b.changed);
    T_STR(name_of(&c->b, &c->a), "desk");
    T_STR(read_on(&c->b, "notes", 9, &t), "x ");
}

static wr_err add_log(void *ctx, const hub_log *log) {
    text *t = ctx;
    int len = snprintf(t->list + t->len, TEXT_MAX - t->len, "%.*s=%llu ", (int)log->name.len,
                       (const char *)log->name.ptr, (unsigned long long)log->entries);
    t->len += (size_t)len;
    return WR_OK;
}

static void logs_are_listed_with_their_entries(void **state) {
    circle *c = *state;
    text t;
    join(c);
    start(&t, "");
    T_OK(reader_each_log(c->a.r, add_log, &t));
    T_STR(t.list, "");
    bind(&c->a, 0, "notes", 1);
    bind(&c->b, 0, "notes", 1);
    bind(&c->a, 1, "chores", 2);
    say(&c->a, 0, 10, "x");
    sign(&c->a);
    say(&c->b, 0, 11, "y");
    sign(&c->b);
    carry(&c->b, &c->a, 1);
    carry(&c->b, &c->a, 0);
    wait_in_tail(&c->a, "notes", 12, "z");
    start(&t, "");
    T_OK(reader_each_log(c->a.r, add_log, &t));
    T_STR(t.list, "notes=3 chores=0 ");
}

typedef struct search {
    wr_slice what;
    bool found;
} search;

static wr_err search_row(void *ctx, const store_log *log) {
    search *s = ctx;
    s->found |=
        memmem(log->name_sealed.ptr, log->name_sealed.len, s->what.ptr, s->what.len) != NULL;
    return WR_OK;
}

static wr_err take_tail(void *ctx, const store_tail *tail) {
    wr_buf *out = ctx;
    return wr_buf_put(out, tail->sealed);
}

static void names_and_the_tail_are_sealed(void **state) {
    circle *c = *state;
    uint8_t bytes[1024], plain_bytes[1024];
    wr_buf sealed = WR_BUF_ARRAY(bytes), plain = WR_BUF_ARRAY(plain_bytes);
    wr_slice kind, body;
    uint32_t log_id;
    join(c);
    wait_in_tail(&c->a, "a name to hide", 5, "a text to hide");
    search s = {S("to hide"), false};
    T_OK(store_each_log(c->a.s, search_row, &s));
    T_FALSE(s.found);
    T_OK(store_each_tail(c->a.s, 0, take_tail, &sealed));
    T_TRUE(memmem(bytes, sealed.len, "to hide", 7) == NULL);
    store_tail tail = {.hlc = 5ull << 16, .sealed = wr_buf_slice(&sealed)};
    T_OK(reader_open_tail(c->a.r, &tail, &plain, &kind, &body));
    T_SLICE(kind, S("kind"));
    T_SLICE(body, S("a text to hide"));
    tail.hlc++;
    T_ERR(reader_open_tail(c->a.r, &tail, &plain, &kind, &body), WR_ERR_AUTH);
    T_OK(store_begin(c->a.s));
    T_OK(reader_log_id(c->a.r, S("a name to hide"), &log_id));
    T_OK(store_commit(c->a.s));
    plain.len = 0;
    T_OK(reader_log_name(c->a.r, log_id, &plain));
    T_SLICE(wr_buf_slice(&plain), S("a name to hide"));
    T_ERR(reader_log_name(c->a.r, log_id + 1, &plain), WR_ERR_UNKNOWN);
}

static void an_error_of_the_store_is_passed_on(void **state) {
    circle *c = *state;
    join(c);
    bind(&c->a, 0, "notes", 1);
    say(&c->a, 0, 10, "x");
    sign(&c->a);
    wait_in_tail(&c->a, "notes", 12, "z");
    for (int arrivals = 0; arrivals < 2; arrivals++) {
        uint64_t n = 0;
        wr_err err = WR_ERR_IO;
        while (err == WR_ERR_IO) {
            store_memory_fail_at(c->a.s, ++n);
            err = try_cursor(&c->a, arrivals == 1, "notes", "");
        }
        T_OK(err);
        T_TRUE(n > 4);
        store_memory_fail_at(c->a.s, 0);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(entries_of_two_devices_merge_by_time),
        T(equal_times_are_ordered_by_device),
        T(a_cursor_resumes_after_the_last_entry),
        T(other_logs_of_a_feed_are_not_read),
        T(the_tail_stands_in_its_place),
        T(a_long_log_is_read_in_one_call),
        T(a_burst_of_one_device_is_not_overtaken),
        T(an_entry_far_ahead_of_our_clock_is_marked),
        T(what_the_callback_says_is_passed_on),
        T(arrivals_come_once_and_as_they_came),
        T(now_means_what_arrives_from_here_on),
        T(a_tail_entry_does_not_come_again_when_signed),
        T(rows_that_came_before_their_name_are_not_lost),
        T(many_arrivals_come_in_one_call),
        T(a_foreign_cursor_is_refused),
        T(the_newest_name_of_a_device_wins),
        T(names_are_found_again_after_a_restart),
        T(what_is_no_name_is_ignored),
        T(a_number_means_the_log_it_was_first_bound_to),
        T(own_numbers_are_given_out_in_turn),
        T(without_the_epoch_nothing_is_read_and_with_it_all),
        T(logs_are_listed_with_their_entries),
        T(names_and_the_tail_are_sealed),
        T(an_error_of_the_store_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
