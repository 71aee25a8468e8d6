/* Mesh order: a merge by (hlc, device id, seq) over the feeds that write to a log, and the tail.
 *
 *   fill: what stands in rows (fields and place, nothing opened) -> pick the smallest -> open ->
 * give
 *
 * Each source holds one page of references, so memory does not grow with the log, and an entry's
 * row is decoded for a page at a time and opened only when it is its turn.  A batch ends where a
 * source runs dry, as what follows there may be smaller than what the others have.
 *
 * Spec:   proto/spec/feed.md 6.4
 * Layer:  flow
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/reader_impl.h"

#include <stdlib.h>

#define CURSOR_TYPE 'o'
#define CURSOR_SIZE (1u + 8u + WR_HASH_SIZE + 8u)

typedef struct order_key {
    uint64_t hlc;
    wr_hash device;
    uint64_t seq; /* UINT64_MAX in the tail: seq is not known yet */
} order_key;

static int order_compare(const order_key *a, const order_key *b) {
    if (a->hlc != b->hlc)
        return a->hlc < b->hlc ? -1 : 1;
    int devices = wr_hash_order(&a->device, &b->device);
    if (devices != 0 || a->seq == b->seq)
        return devices;
    return a->seq < b->seq ? -1 : 1;
}

/* An entry and where its body lies. */
typedef struct reference {
    wr_entry entry; /* body is valid in its row only */
    uint64_t row_first_seq;
    size_t offset;
    uint32_t item; /* in the batch, once picked */
} reference;

typedef struct source {
    const wr_feed *feed; /* NULL: the tail */
    uint16_t log_no;
    uint64_t shown;               /* entries from here on stand in no log */
    order_key after;              /* entries above it were not referenced yet */
    reference *refs;              /* one page */
    uint32_t opened, next, count; /* refs opened, picked, there */
    bool ended;
} source;

#define REFS_MAX 8192u
#define PAGE_MAX 1024u
#define PAGE_MIN 16u
_Static_assert(PAGE_MIN *(READER_SOURCES_MAX + 1u) <= 2u * REFS_MAX, "pages stay small");

typedef struct order {
    reader *reader;
    wr_wall now;
    uint32_t log_id;
    uint32_t page;
    uint32_t count;
    order_key cursor; /* the last one given */
    reference *refs;
    reader_batch *batch;
    source sources[READER_SOURCES_MAX + 1];
} order;

static void order_free(order *o) {
    if (o == NULL)
        return;
    free(o->refs);
    free(o->batch);
    free(o);
}
WR_DEFINE_FREEP(order, order_free)

/* ---- sources ----------------------------------------------------------------------------- */

static wr_err add_source(void *ctx, const wr_hash *feed_id, uint16_t log_no) {
    order *o = (order *)ctx;
    uint32_t index;
    if (!wr_self_find_feed(o->reader->self, feed_id, &index))
        return WR_OK;
    if (o->count == READER_SOURCES_MAX)
        return WR_ERR_CORRUPT;
    const wr_feed *feed = wr_self_feed(o->reader->self, index);
    uint64_t shown;
    WR_TRY(reader_shown(o->reader, feed, &shown));
    o->sources[o->count++] = (source){.feed = feed, .log_no = log_no, .shown = shown};
    return WR_OK;
}

static wr_err order_new(reader *r, wr_wall now, uint32_t log_id, const order_key *after,
                        uint32_t limit, order **ret_order) {
    WR_AUTO(order) o = (order *)calloc(1, sizeof *o);
    if (o == NULL)
        return WR_ERR_NOMEM;
    o->reader = r;
    o->now = now;
    o->log_id = log_id;
    o->cursor = *after;
    WR_TRY(store_each_bound(r->store, log_id, add_source, o));
    o->sources[o->count++] = (source){.feed = NULL};
    o->page = REFS_MAX / o->count;
    o->page = o->page < PAGE_MAX ? o->page : PAGE_MAX;
    o->page = o->page <= limit ? o->page : limit + 1; /* one more tells that there is more */
    o->page = o->page > PAGE_MIN ? o->page : PAGE_MIN;
    o->refs = (reference *)malloc((size_t)o->count * o->page * sizeof *o->refs);
    o->batch = (reader_batch *)malloc(sizeof *o->batch);
    if (o->refs == NULL || o->batch == NULL)
        return WR_ERR_NOMEM;
    for (uint32_t i = 0; i < o->count; i++) {
        o->sources[i].after = *after;
        o->sources[i].refs = o->refs + (size_t)i * o->page;
    }
    *ret_order = wr_steal(&o);
    return WR_OK;
}

/* ---- filling ----------------------------------------------------------------------------- */

typedef struct filling {
    order *order;
    source *source;
} filling;

static order_key key_of(const order *o, const source *s, const wr_entry *entry) {
    if (s->feed != NULL)
        return (order_key){entry->hlc, s->feed->device_id, entry->seq};
    return (order_key){entry->hlc, wr_self_identity(o->reader->self)->device_id, UINT64_MAX};
}

/* CLOSED: the page is full. */
static wr_err add_reference(order *o, source *s, const reference *ref) {
    order_key key = key_of(o, s, &ref->entry);
    if (order_compare(&key, &s->after) <= 0)
        return WR_OK;
    s->refs[s->count++] = *ref;
    s->after = key;
    return s->count == o->page ? WR_ERR_CLOSED : WR_OK;
}

static wr_err fill_from_row(void *ctx, const store_rows *rows) {
    const filling *fill = (const filling *)ctx;
    wr_segment_reader segments;
    bool more;
    reference ref = {.row_first_seq = rows->row_first_seq};
    wr_segment_reader_init(&segments, rows->bytes, rows->row_first_seq);
    for (;;) {
        if (wr_segment_next(&segments, &ref.entry, &more) != WR_OK)
            return WR_ERR_CORRUPT;
        if (!more)
            return WR_OK;
        if (ref.entry.seq >= fill->source->shown)
            return WR_OK;
        if (!reader_is_message(fill->order->reader, fill->source->feed, &ref.entry,
                               fill->source->log_no))
            continue;
        ref.offset = ref.entry.erased ? 0 : (size_t)(ref.entry.body.ptr - rows->bytes.ptr);
        WR_TRY(add_reference(fill->order, fill->source, &ref));
    }
}

static wr_err fill_from_tail(void *ctx, const store_tail *tail) {
    const filling *fill = (const filling *)ctx;
    if (tail->log_id != fill->order->log_id)
        return WR_OK;
    if (tail->sealed.len > WR_ENTRY_BYTES_MAX)
        return WR_ERR_CORRUPT;
    reference ref = {.entry = {.hlc = tail->hlc, .body_len = (uint32_t)tail->sealed.len}};
    return add_reference(fill->order, fill->source, &ref);
}

static wr_err fill(order *o, source *s) {
    if (s->next < s->count || s->ended)
        return WR_OK;
    s->opened = s->next = s->count = 0;
    filling ctx = {o, s};
    store *from = o->reader->store;
    if (s->feed == NULL)
        WR_TRY(store_each_tail(from, s->after.hlc, fill_from_tail, &ctx));
    else
        WR_TRY(store_each_log_rows(from, &s->feed->feed_id, s->log_no, s->after.hlc, fill_from_row,
                                   &ctx));
    s->ended = s->count < o->page;
    return WR_OK;
}

static wr_err fill_all(order *o) {
    for (uint32_t i = 0; i < o->count; i++)
        WR_TRY(fill(o, &o->sources[i]));
    return WR_OK;
}

/* ---- picking ----------------------------------------------------------------------------- */

/* NULL: nothing left, or one source must be filled first. */
static source *smallest(order *o) {
    source *best = NULL;
    order_key best_key;
    for (uint32_t i = 0; i < o->count; i++) {
        source *s = &o->sources[i];
        if (s->next == s->count && !s->ended)
            return NULL;
        if (s->next == s->count)
            continue;
        const wr_entry *entry = &s->refs[s->next].entry;
        if (best != NULL && entry->hlc > best_key.hlc)
            continue;
        order_key key = key_of(o, s, entry);
        if (best == NULL || order_compare(&key, &best_key) < 0) {
            best = s;
            best_key = key;
        }
    }
    return best;
}

static void pick(order *o, uint32_t limit) {
    size_t bytes = 0;
    reader_batch_clear(o->batch);
    limit = limit < READER_BATCH_ENTRIES ? limit : READER_BATCH_ENTRIES;
    while (o->batch->count < limit) {
        source *s = smallest(o);
        if (s == NULL)
            return;
        reference *ref = &s->refs[s->next];
        if (bytes + ref->entry.body_len > READER_BATCH_BYTES)
            return;
        bytes += ref->entry.body_len;
        ref->item = o->batch->count++;
        s->next++;
    }
}
_Static_assert(READER_BATCH_BYTES >= 2u * WR_ENTRY_BYTES_MAX, "a batch takes at least an entry");

/* ---- opening ----------------------------------------------------------------------------- */

/* Opens what was picked of one row. */
static wr_err open_from_row(void *ctx, const store_rows *rows) {
    const filling *opening = (const filling *)ctx;
    order *o = opening->order;
    source *s = opening->source;
    while (s->opened < s->next) {
        reference *ref = &s->refs[s->opened];
        if (ref->row_first_seq != rows->row_first_seq)
            break;
        wr_entry entry = ref->entry;
        if (!entry.erased) {
            if (ref->offset + entry.body.len > rows->bytes.len)
                return WR_ERR_STATE;
            entry.body.ptr = rows->bytes.ptr + ref->offset;
        }
        reader_open_entry(o->reader, s->feed, &entry, o->now, &o->batch->content,
                          &o->batch->items[ref->item]);
        s->opened++;
    }
    return WR_ERR_CLOSED;
}

static wr_err open_from_tail(void *ctx, const store_tail *tail) {
    const filling *opening = (const filling *)ctx;
    order *o = opening->order;
    source *s = opening->source;
    if (tail->log_id != o->log_id)
        return WR_OK;
    reference *ref = &s->refs[s->opened];
    if (ref->entry.hlc != tail->hlc || ref->entry.body_len != tail->sealed.len)
        return WR_ERR_STATE;
    reader_open_waiting(o->reader, tail, o->now, &o->batch->content, &o->batch->items[ref->item]);
    s->opened++;
    return s->opened == s->next ? WR_ERR_CLOSED : WR_OK;
}

static wr_err open_picked(order *o, source *s) {
    filling ctx = {o, s};
    store *from = o->reader->store;
    while (s->opened < s->next) {
        const wr_entry *entry = &s->refs[s->opened].entry;
        uint32_t before = s->opened;
        if (s->feed == NULL)
            WR_TRY(store_each_tail(from, entry->hlc, open_from_tail, &ctx));
        else
            WR_TRY(store_each_rows(from, &s->feed->feed_id, entry->seq, entry->seq + 1,
                                   open_from_row, &ctx));
        /* Rows move only if somebody wrote to the store from the callback. */
        if (s->opened == before)
            return WR_ERR_STATE;
    }
    return WR_OK;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Gives the batch away; *left counts down by what could be read. */
static wr_err give(order *o, hub_entry_fn fn, void *ctx, uint32_t *left) {
    for (uint32_t i = 0; i < o->batch->count; i++) {
        const reader_item *item = &o->batch->items[i];
        if (!item->readable)
            continue;
        const hub_entry *entry = &item->entry;
        WR_TRY(fn(ctx, entry));
        o->cursor =
            (order_key){entry->hlc, entry->device, entry->has_seq ? entry->seq : UINT64_MAX};
        --*left;
    }
    return WR_OK;
}

static wr_err run(order *o, uint32_t limit, hub_entry_fn fn, void *ctx, bool *ret_more) {
    for (;;) {
        WR_TRY(fill_all(o));
        pick(o, limit);
        if (o->batch->count == 0)
            break;
        for (uint32_t i = 0; i < o->count; i++)
            WR_TRY(open_picked(o, &o->sources[i]));
        WR_TRY(give(o, fn, ctx, &limit));
    }
    *ret_more = smallest(o) != NULL;
    return WR_OK;
}

static wr_err decode_cursor(wr_slice text, order_key *ret_key) {
    uint8_t bytes[READER_CURSOR_BYTES_MAX];
    wr_buf cursor = WR_BUF_ARRAY(bytes);
    wr_slice device;
    order_key key = {0};
    if (text.len == 0) {
        *ret_key = key;
        return WR_OK;
    }
    WR_TRY(reader_cursor_bytes(text, CURSOR_TYPE, CURSOR_SIZE, &cursor));
    wr_slice in = wr_slice_of(bytes + 1, CURSOR_SIZE - 1);
    if (!wr_slice_take_u64(&in, &key.hlc) || !wr_slice_take(&in, WR_HASH_SIZE, &device) ||
        !wr_slice_take_u64(&in, &key.seq))
        return WR_ERR_FORMAT;
    memcpy(key.device.b, device.ptr, WR_HASH_SIZE);
    *ret_key = key;
    return WR_OK;
}

static wr_err encode_cursor(const order_key *key, char ret_cursor[HUB_CURSOR_MAX]) {
    uint8_t bytes[READER_CURSOR_BYTES_MAX];
    wr_buf cursor = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_buf_put_u8(&cursor, CURSOR_TYPE));
    WR_TRY(wr_buf_put_u64(&cursor, key->hlc));
    WR_TRY(wr_buf_put(&cursor, WR_SLICE_OBJ(key->device)));
    WR_TRY(wr_buf_put_u64(&cursor, key->seq));
    reader_cursor_text(&cursor, ret_cursor);
    return WR_OK;
}

wr_err reader_read(reader *r, wr_wall now, wr_slice log, wr_slice after, uint32_t limit,
                   hub_entry_fn fn, void *ctx, char ret_cursor[HUB_CURSOR_MAX], bool *ret_more) {
    uint32_t log_id;
    order_key key;
    WR_AUTO(order) o = NULL;
    WR_TRY(decode_cursor(after, &key));
    WR_TRY(reader_find_log(r, log, &log_id));
    WR_TRY(order_new(r, now, log_id, &key, limit, &o));
    bool more;
    WR_TRY(run(o, limit, fn, ctx, &more));
    WR_TRY(reader_check_suspect(r));
    WR_TRY(encode_cursor(&o->cursor, ret_cursor));
    *ret_more = more;
    return WR_OK;
}
