/* Order of arrival: what a subscriber of a log gets, each entry once.
 *
 * A cursor remembers how far three things were given:
 *
 *   late   entries that were here before they could be given (reader_late.c, reader_limits.c): one
 *          case after the other, by hlc
 *   rows   by arrival number; entries that a late case covers are left to it
 *   tail   own entries not signed yet, so that a device alone sees what it writes
 *
 * A tail entry comes again as a row of our own feed once it is signed.  The cursor keeps the range
 * of hlc [first, last] it was given from the tail, and rows of our own feed in it are passed over.
 * The range starts anew when all of it has been signed.  An entry whose hlc had to change when it
 * was signed has another id, and is given again under it.
 *
 * Entries that do not open (their epoch is not held) are passed over for good; log.read, which has
 * no memory, finds them when they can be read.
 *
 * Layer:  flow
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/reader_impl.h"

#include <stdlib.h>

#define CURSOR_TYPE 'a'
#define CURSOR_SIZE (1u + 4u + 8u + 4u + 8u + 4u + 8u + 8u)

typedef struct position {
    uint32_t log_id;                /* a cursor belongs to one log */
    uint64_t arrival;               /* given up to here */
    uint32_t late;                  /* late cases done with */
    uint64_t late_hlc;              /* within the next one; 0: not begun */
    uint32_t behind;                /* in HIDDEN cases below it, not all was given that could be */
    uint64_t tail_first, tail_last; /* given from the tail; 0: none */
} position;

/* A feed that writes to the log. */
typedef struct source {
    const wr_feed *feed;
    uint16_t log_no;
    uint64_t shown; /* entries from here on stand in no log */
} source;

typedef struct late_case {
    reader_late late;
    const source *source; /* NULL: it no longer writes to the log under that number */
} late_case;

typedef struct arrivals {
    reader *reader;
    wr_wall now;
    const wr_feed *own; /* our message feed; NULL if there is none yet */
    position at;
    uint32_t left;       /* entries still wanted, those in the batch included */
    bool full;           /* the batch is */
    bool more;           /* all that is wanted was found, and something follows */
    uint32_t late_begun; /* the case that was next when the call began */
    uint32_t late_count;
    late_case *late; /* all cases */
    uint32_t count;
    reader_batch *batch;
    position places[READER_BATCH_ENTRIES]; /* behind each entry of the batch */
    source sources[READER_SOURCES_MAX];
} arrivals;

static void arrivals_free(arrivals *a) {
    if (a == NULL)
        return;
    free(a->batch);
    free(a->late);
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
    a->sources[a->count++] = (source){feed, log_no, shown};
    return WR_OK;
}

static wr_err load_late(arrivals *a) {
    a->late = (late_case *)calloc((size_t)a->late_count + 1, sizeof *a->late);
    if (a->late == NULL)
        return WR_ERR_NOMEM;
    for (uint32_t k = 0; k < a->late_count; k++) {
        reader_late *late = &a->late[k].late;
        WR_TRY(reader_late_get(a->reader, a->at.log_id, k, late));
        if (late->type == READER_SHOWN && late->hidden != READER_NO_CASE && late->hidden >= k)
            return WR_ERR_CORRUPT;
        const source *s = find_source(a, &late->feed_id);
        a->late[k].source = s != NULL && s->log_no == late->log_no ? s : NULL;
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
    a->late_begun = at->late;
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

/* Was a HIDDEN case met by this cursor before it had given all that could be given before it?  Then
 * it may have passed entries below its length. */
static bool is_behind(const arrivals *a, uint32_t k) {
    if (k < a->at.late)
        return k < a->at.behind;
    if (a->at.arrival < a->late[k].late.arrival)
        return true;
    for (uint32_t i = a->late_begun; i < k; i++)
        if (a->late[i].source == a->late[k].source && a->late[i].late.type != READER_HIDDEN)
            return true;
    return false;
}

static bool is_of_cases(const arrivals *a, uint32_t from, uint32_t to, const source *s,
                        const wr_entry *entry);

/* Is it new to whoever follows?  Entries below the HIDDEN case's length are not, but for those that
 * had not their log's name or their secret then. */
static bool is_shown_first(const arrivals *a, uint32_t k, const source *s, const wr_entry *entry) {
    uint32_t hidden = a->late[k].late.hidden;
    return hidden == READER_NO_CASE || entry->seq >= a->late[hidden].late.len ||
           is_behind(a, hidden) || is_of_cases(a, hidden + 1, k, s, entry);
}

static bool is_of_case(const arrivals *a, uint32_t k, const source *s, const wr_entry *entry) {
    const reader_late *late = &a->late[k].late;
    if (a->late[k].source != s || entry->seq >= late->len)
        return false;
    switch (late->type) {
    case READER_UNNAMED:
        return true;
    case READER_UNREAD:
        return wr_order(wr_slice_of(late->tag, sizeof late->tag),
                        wr_slice_of(entry->epoch_tag, WR_EPOCH_TAG_SIZE)) == 0;
    case READER_HIDDEN:
        return false;
    case READER_SHOWN:
        return entry->seq >= late->from && is_shown_first(a, k, s, entry);
    }
    WR_UNREACHABLE();
}

static bool is_of_cases(const arrivals *a, uint32_t from, uint32_t to, const source *s,
                        const wr_entry *entry) {
    for (uint32_t k = from; k < to; k++)
        if (is_of_case(a, k, s, entry))
            return true;
    return false;
}

/* Of several cases the last one gives an entry: before, it could not be given. */
static bool is_left_to_case(const arrivals *a, uint32_t from, const source *s,
                            const wr_entry *entry) {
    return is_of_cases(a, from, a->late_count, s, entry);
}

/* Takes an entry of the log in.  CLOSED: not now. */
static wr_err take_entry(arrivals *a, const source *s, const wr_entry *entry, bool late) {
    if (entry->seq >= s->shown || was_given_from_tail(a, s, entry->hlc))
        return WR_OK;
    WR_TRY(make_room(a, entry->body_len));
    reader_item *item = &a->batch->items[a->batch->count];
    reader_open_entry(a->reader, s->feed, entry, a->now, &a->batch->content, item);
    item->entry.late = late;
    a->batch->count += item->readable;
    return WR_OK;
}

/* To be called when at has passed the entry. */
static void note_place(arrivals *a) {
    if (a->batch->count != 0)
        a->places[a->batch->count - 1] = a->at;
}

/* ---- late cases ---- */

typedef struct late_walk {
    arrivals *arrivals;
    const source *source;
    uint32_t k;
} late_walk;

static wr_err take_late_row(void *ctx, const store_rows *rows) {
    const late_walk *walk = (const late_walk *)ctx;
    const source *s = walk->source;
    arrivals *a = walk->arrivals;
    wr_segment_reader segments;
    wr_entry entry;
    bool more;
    wr_segment_reader_init(&segments, rows->bytes, rows->row_first_seq);
    for (;;) {
        if (wr_segment_next(&segments, &entry, &more) != WR_OK)
            return WR_ERR_CORRUPT;
        if (!more)
            return WR_OK;
        if (entry.seq >= a->late[walk->k].late.len)
            return WR_ERR_CLOSED;
        if (entry.hlc <= a->at.late_hlc || !is_of_case(a, walk->k, s, &entry) ||
            is_left_to_case(a, walk->k + 1, s, &entry) ||
            !reader_is_message(a->reader, s->feed, &entry, s->log_no))
            continue;
        WR_TRY(take_entry(a, s, &entry, a->late[walk->k].late.type == READER_SHOWN));
        a->at.late_hlc = entry.hlc;
        note_place(a);
    }
}

static wr_err take_late(arrivals *a) {
    while (a->at.late < a->late_count && !a->full && !a->more) {
        uint32_t k = a->at.late;
        const reader_late *late = &a->late[k].late;
        late_walk walk = {a, a->late[k].source, k};
        if (late->type == READER_HIDDEN)
            a->at.behind = is_behind(a, k) ? k + 1 : a->at.behind;
        else if (walk.source != NULL)
            WR_TRY(store_each_log_rows(a->reader->store, &late->feed_id, late->log_no,
                                       a->at.late_hlc, take_late_row, &walk));
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
        if (entry.seq < rows->first_seq || is_left_to_case(a, 0, s, &entry) ||
            !reader_is_message(a->reader, s->feed, &entry, s->log_no))
            continue;
        WR_TRY(take_entry(a, s, &entry, false));
        a->at.arrival = arrival - (end - 1 - entry.seq);
        note_place(a);
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
    note_place(a);
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

static wr_err encode_cursor(const position *at, char ret_cursor[HUB_CURSOR_MAX]) {
    uint8_t bytes[READER_CURSOR_BYTES_MAX];
    wr_buf cursor = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_buf_put_u8(&cursor, CURSOR_TYPE));
    WR_TRY(wr_buf_put_u32(&cursor, at->log_id));
    WR_TRY(wr_buf_put_u64(&cursor, at->arrival));
    WR_TRY(wr_buf_put_u32(&cursor, at->late));
    WR_TRY(wr_buf_put_u64(&cursor, at->late_hlc));
    WR_TRY(wr_buf_put_u32(&cursor, at->behind));
    WR_TRY(wr_buf_put_u64(&cursor, at->tail_first));
    WR_TRY(wr_buf_put_u64(&cursor, at->tail_last));
    reader_cursor_text(&cursor, ret_cursor);
    return WR_OK;
}

static wr_err give(arrivals *a, hub_entry_fn fn, void *ctx) {
    char cursor[HUB_CURSOR_MAX];
    for (uint32_t i = 0; i < a->batch->count; i++) {
        hub_entry *entry = &a->batch->items[i].entry;
        WR_TRY(encode_cursor(&a->places[i], cursor));
        entry->cursor = cursor;
        WR_TRY(fn(ctx, entry));
    }
    return WR_OK;
}

static wr_err run(arrivals *a, hub_entry_fn fn, void *ctx) {
    do {
        WR_TRY(collect(a));
        WR_TRY(give(a, fn, ctx));
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
    at.behind = at.late;
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
        !wr_slice_take_u32(&in, &at.behind) || !wr_slice_take_u64(&in, &at.tail_first) ||
        !wr_slice_take_u64(&in, &at.tail_last))
        return WR_ERR_FORMAT;
    *ret_position = at;
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
    WR_TRY(reader_looked(r));
    WR_TRY(encode_cursor(&a->at, ret_cursor));
    *ret_more = a->more;
    return WR_OK;
}
