/* Order of arrival: what a subscriber of a log gets, each entry once.
 *
 * A cursor remembers how far three things were given:
 *
 *   late   entries that were here before their log's name, or before their key: one case after the
 *          other, by hlc
 *   rows   by arrival number; entries that a late case covers are left to it, and so are those of
 *          one that came before their name and before their key to the case of the key
 *   tail   own entries not signed yet, so that a device alone sees what it writes
 *
 * A tail entry comes again as a row of our own feed once it is signed.  The cursor keeps the range
 * of hlc [first, last] it was given from the tail, and rows of our own feed in it are passed over.
 * The range starts anew when all of it has been signed.  An entry whose hlc had to change when it
 * was signed has another id, and is given again under it.
 *
 * Entries that do not open are passed over; where their key was not held, a late case follows when
 * it comes.
 *
 * Layer:  flow
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/reader_impl.h"

#include <stdlib.h>

#define CURSOR_TYPE 'a'
#define CURSOR_SIZE (1u + 4u + 8u + 4u + 8u + 8u + 8u)

typedef struct position {
    uint32_t log_id;                /* a cursor belongs to one log */
    uint64_t arrival;               /* given up to here */
    uint32_t late;                  /* late cases done with */
    uint64_t late_hlc;              /* within the next one; 0: not begun */
    uint64_t tail_first, tail_last; /* given from the tail; 0: none */
} position;

/* A feed that writes to the log. */
typedef struct source {
    const wr_feed *feed;
    uint16_t log_no;
    uint64_t late_len; /* entries below it belong to a late case */
    uint64_t shown;    /* .. from here on stand in no log */
} source;

typedef struct arrivals {
    reader *reader;
    wr_wall now;
    const wr_feed *own; /* our message feed; NULL if there is none yet */
    position at;
    uint32_t left; /* entries still wanted, those in the batch included */
    bool full;     /* the batch is */
    bool more;     /* all that is wanted was found, and something follows */
    uint32_t late_count;
    reader_late *keyed; /* late cases of keys */
    uint32_t keyed_count;
    uint32_t count;
    reader_batch *batch;
    source sources[READER_SOURCES_MAX];
} arrivals;

static void arrivals_free(arrivals *a) {
    if (a == NULL)
        return;
    free(a->batch);
    free(a->keyed);
    free(a);
}
WR_DEFINE_FREEP(arrivals, arrivals_free)

/* ---- setting up ---------------------------------------------------------------------------- */

static source *find_source(arrivals *a, const wr_hash *feed_id) {
    for (uint32_t i = 0; i < a->count; i++)
        if (wr_hash_equal(&a->sources[i].feed->feed_id, feed_id))
            return &a->sources[i];
    return NULL;
}

static wr_err add_source(void *ctx, const wr_hash *feed_id, uint16_t log_no) {
    arrivals *a = (arrivals *)ctx;
    uint32_t index;
    if (!wr_self_find_feed(a->reader->self, feed_id, &index))
        return WR_OK;
    if (a->count == READER_SOURCES_MAX)
        return WR_ERR_CORRUPT;
    const wr_feed *feed = wr_self_feed(a->reader->self, index);
    uint64_t shown;
    WR_TRY(reader_shown(a->reader, feed, &shown));
    a->sources[a->count++] = (source){feed, log_no, 0, shown};
    return WR_OK;
}

static wr_err load_late(arrivals *a) {
    if (a->late_count == 0)
        return WR_OK;
    a->keyed = (reader_late *)calloc(a->late_count, sizeof *a->keyed);
    if (a->keyed == NULL)
        return WR_ERR_NOMEM;
    for (uint32_t k = 0; k < a->late_count; k++) {
        reader_late late;
        WR_TRY(reader_late_get(a->reader, a->at.log_id, k, &late));
        source *s = find_source(a, &late.feed_id);
        if (late.tagged)
            a->keyed[a->keyed_count++] = late;
        else if (s != NULL && s->log_no == late.log_no)
            s->late_len = late.len;
    }
    return WR_OK;
}

static wr_err arrivals_new(reader *r, wr_wall now, uint32_t limit, const position *at,
                           arrivals **ret_arrivals) {
    WR_AUTO(arrivals) a = (arrivals *)calloc(1, sizeof *a);
    if (a == NULL)
        return WR_ERR_NOMEM;
    a->batch = (reader_batch *)malloc(sizeof *a->batch);
    if (a->batch == NULL) {
        arrivals_free(wr_steal(&a)); /* by hand: the analyser does not see clean-ups */
        return WR_ERR_NOMEM;
    }
    a->reader = r;
    a->now = now;
    a->at = *at;
    a->left = limit;
    uint32_t index;
    if (wr_self_device_feed(r->self, &wr_self_identity(r->self)->device_id, 0, &index))
        a->own = wr_self_feed(r->self, index);
    WR_TRY(store_each_bound(r->store, at->log_id, add_source, a));
    WR_TRY(reader_late_count(r, at->log_id, &a->late_count));
    WR_TRY(load_late(a));
    *ret_arrivals = wr_steal(&a);
    return WR_OK;
}

/* ---- taking entries into the batch ----------------------------------------------------------- */

/* Room for one more of this size?  CLOSED: no. */
static wr_err make_room(arrivals *a, size_t bytes) {
    if (a->left == a->batch->count)
        a->more = true;
    else if (a->batch->count == READER_BATCH_ENTRIES || wr_buf_room(&a->batch->content) < bytes)
        a->full = true;
    return a->more || a->full ? WR_ERR_CLOSED : WR_OK;
}

static bool was_given_from_tail(const arrivals *a, const source *s, uint64_t hlc) {
    return s->feed == a->own && hlc >= a->at.tail_first && hlc <= a->at.tail_last;
}

static bool is_of(const reader_late *late, const wr_entry *entry) {
    return entry->seq >= late->from && entry->seq < late->len &&
           (!late->tagged || wr_order(wr_slice_of(late->tag, sizeof late->tag),
                                      wr_slice_of(entry->epoch_tag, sizeof entry->epoch_tag)) == 0);
}

/* Is it left to the late case of its key? */
static bool waits_for_key(const arrivals *a, const source *s, const wr_entry *entry) {
    for (uint32_t i = 0; i < a->keyed_count; i++)
        if (wr_hash_equal(&a->keyed[i].feed_id, &s->feed->feed_id) && is_of(&a->keyed[i], entry))
            return true;
    return false;
}

/* Takes an entry of the log in.  CLOSED: not now. */
static wr_err take_entry(arrivals *a, const source *s, const wr_entry *entry) {
    if (entry->seq >= s->shown || was_given_from_tail(a, s, entry->hlc))
        return WR_OK;
    WR_TRY(make_room(a, entry->body_len));
    reader_item *item = &a->batch->items[a->batch->count];
    reader_open_entry(a->reader, s->feed, entry, a->now, &a->batch->content, item);
    a->batch->count += item->readable;
    return WR_OK;
}

/* ---- late cases ---- */

typedef struct late_walk {
    arrivals *arrivals;
    const source *source;
    const reader_late *late;
} late_walk;

static wr_err take_late_row(void *ctx, const store_rows *rows) {
    const late_walk *walk = (const late_walk *)ctx;
    const source *s = walk->source;
    position *at = &walk->arrivals->at;
    wr_segment_reader segments;
    wr_entry entry;
    bool more;
    wr_segment_reader_init(&segments, rows->bytes, rows->row_first_seq);
    for (;;) {
        if (wr_segment_next(&segments, &entry, &more) != WR_OK)
            return WR_ERR_CORRUPT;
        if (!more)
            return WR_OK;
        if (entry.seq >= walk->late->len)
            return WR_ERR_CLOSED;
        if (entry.hlc <= at->late_hlc || !is_of(walk->late, &entry) ||
            (!walk->late->tagged && waits_for_key(walk->arrivals, s, &entry)) ||
            !reader_is_message(walk->arrivals->reader, s->feed, &entry, s->log_no))
            continue;
        WR_TRY(take_entry(walk->arrivals, s, &entry));
        at->late_hlc = entry.hlc;
    }
}

static wr_err take_late(arrivals *a) {
    while (a->at.late < a->late_count && !a->full && !a->more) {
        reader_late late;
        WR_TRY(reader_late_get(a->reader, a->at.log_id, a->at.late, &late));
        late_walk walk = {a, find_source(a, &late.feed_id), &late};
        if (walk.source != NULL && walk.source->log_no == late.log_no)
            WR_TRY(store_each_log_rows(a->reader->store, &late.feed_id, late.log_no, a->at.late_hlc,
                                       take_late_row, &walk));
        if (a->full || a->more)
            return WR_OK;
        a->at.late++;
        a->at.late_hlc = 0;
    }
    return WR_OK;
}

/* ---- rows ---- */

static wr_err take_part(arrivals *a, const source *s, uint64_t arrival, const store_rows *rows) {
    uint64_t end = rows->first_seq + rows->count;
    wr_segment_reader segments;
    wr_entry entry;
    bool more;
    wr_segment_reader_init(&segments, rows->bytes, rows->row_first_seq);
    for (;;) {
        if (wr_segment_next(&segments, &entry, &more) != WR_OK)
            return WR_ERR_CORRUPT;
        if (!more || entry.seq >= end)
            return WR_OK;
        if (entry.seq < rows->first_seq || entry.seq < s->late_len ||
            !reader_is_message(a->reader, s->feed, &entry, s->log_no) ||
            waits_for_key(a, s, &entry))
            continue;
        WR_TRY(take_entry(a, s, &entry));
        a->at.arrival = arrival - (end - 1 - entry.seq);
    }
}

static wr_err take_arrival(void *ctx, uint64_t arrival, const wr_hash *feed_id,
                           const store_rows *rows) {
    arrivals *a = (arrivals *)ctx;
    const source *s = find_source(a, feed_id);
    if (s != NULL)
        WR_TRY(take_part(a, s, arrival, rows));
    a->at.arrival = arrival;
    return WR_OK;
}

/* ---- the tail ---- */

static wr_err take_tail(void *ctx, const store_tail *tail) {
    arrivals *a = (arrivals *)ctx;
    if (tail->log_id != a->at.log_id || tail->hlc <= a->at.tail_last)
        return WR_OK;
    if (tail->sealed.len > WR_ENTRY_BYTES_MAX)
        return WR_ERR_CORRUPT;
    WR_TRY(make_room(a, tail->sealed.len));
    reader_item *item = &a->batch->items[a->batch->count];
    reader_open_waiting(a->reader, tail, a->now, &a->batch->content, item);
    a->batch->count += item->readable;
    if (a->at.tail_last == 0 || (a->own != NULL && a->own->hlc_last >= a->at.tail_last))
        a->at.tail_first = tail->hlc;
    a->at.tail_last = tail->hlc;
    return WR_OK;
}

/* ---- reading ---- */

static wr_err collect(arrivals *a) {
    reader_batch_clear(a->batch);
    a->full = false;
    WR_TRY(take_late(a));
    if (a->full || a->more)
        return WR_OK;
    WR_TRY(store_each_arrival(a->reader->store, a->at.arrival, take_arrival, a));
    if (a->full || a->more)
        return WR_OK;
    return store_each_tail(a->reader->store, a->at.tail_last, take_tail, a);
}

static wr_err run(arrivals *a, hub_entry_fn fn, void *ctx) {
    do {
        WR_TRY(collect(a));
        for (uint32_t i = 0; i < a->batch->count; i++)
            WR_TRY(fn(ctx, &a->batch->items[i].entry));
        a->left -= a->batch->count;
    } while (a->full);
    return WR_OK;
}

static wr_err see_tail(void *ctx, const store_tail *tail) {
    position *at = (position *)ctx;
    if (at->tail_first == 0)
        at->tail_first = tail->hlc;
    at->tail_last = tail->hlc;
    return WR_OK;
}

static wr_err position_now(reader *r, uint32_t log_id, position *ret_position) {
    position at = {.log_id = log_id};
    WR_TRY(store_last_arrival(r->store, &at.arrival));
    WR_TRY(reader_late_count(r, log_id, &at.late));
    WR_TRY(store_each_tail(r->store, 0, see_tail, &at));
    *ret_position = at;
    return WR_OK;
}

static wr_err decode_cursor(wr_slice text, position *ret_position) {
    uint8_t bytes[READER_CURSOR_BYTES_MAX];
    wr_buf cursor = WR_BUF_ARRAY(bytes);
    position at;
    WR_TRY(reader_cursor_bytes(text, CURSOR_TYPE, CURSOR_SIZE, &cursor));
    wr_slice in = wr_slice_of(bytes + 1, CURSOR_SIZE - 1);
    if (!wr_slice_take_u32(&in, &at.log_id) || !wr_slice_take_u64(&in, &at.arrival) ||
        !wr_slice_take_u32(&in, &at.late) || !wr_slice_take_u64(&in, &at.late_hlc) ||
        !wr_slice_take_u64(&in, &at.tail_first) || !wr_slice_take_u64(&in, &at.tail_last))
        return WR_ERR_FORMAT;
    *ret_position = at;
    return WR_OK;
}

static wr_err encode_cursor(const position *at, char ret_cursor[HUB_CURSOR_MAX]) {
    uint8_t bytes[READER_CURSOR_BYTES_MAX];
    wr_buf cursor = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_buf_put_u8(&cursor, CURSOR_TYPE));
    WR_TRY(wr_buf_put_u32(&cursor, at->log_id));
    WR_TRY(wr_buf_put_u64(&cursor, at->arrival));
    WR_TRY(wr_buf_put_u32(&cursor, at->late));
    WR_TRY(wr_buf_put_u64(&cursor, at->late_hlc));
    WR_TRY(wr_buf_put_u64(&cursor, at->tail_first));
    WR_TRY(wr_buf_put_u64(&cursor, at->tail_last));
    reader_cursor_text(&cursor, ret_cursor);
    return WR_OK;
}

/* Where a cursor stands.  An empty one stands before everything. */
static wr_err find_position(reader *r, uint32_t log_id, wr_slice after, position *ret_position) {
    position at = {.log_id = log_id};
    if (wr_equal(after, wr_slice_str(HUB_CURSOR_NOW)))
        WR_TRY(position_now(r, log_id, &at));
    else if (after.len != 0)
        WR_TRY(decode_cursor(after, &at));
    if (at.log_id != log_id)
        return WR_ERR_FORMAT;
    *ret_position = at;
    return WR_OK;
}

wr_err reader_arrivals(reader *r, wr_wall now, wr_slice log, wr_slice after, uint32_t limit,
                       hub_entry_fn fn, void *ctx, char ret_cursor[HUB_CURSOR_MAX],
                       bool *ret_more) {
    uint32_t log_id;
    position at;
    WR_AUTO(arrivals) a = NULL;
    WR_TRY(reader_find_log(r, log, &log_id));
    WR_TRY(find_position(r, log_id, after, &at));
    WR_TRY(arrivals_new(r, now, limit, &at, &a));
    WR_TRY(run(a, fn, ctx));
    WR_TRY(reader_check_suspect(r));
    WR_TRY(encode_cursor(&a->at, ret_cursor));
    *ret_more = a->more;
    return WR_OK;
}
