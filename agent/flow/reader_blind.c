/* Rows that were here before the key to some of their entries.
 *
 *   row comes ─> a mark for each key that is not held ─> the key comes ─> a late case for each log
 *
 * Such an entry may come through a sibling that lacks its key as well.  Subscribers pass over it,
 * and get it by the late case (reader_arrivals.c).
 *
 * Layer:  flow
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/reader_impl.h"

#include <stdlib.h>

#define MARK_LABEL "blind"
#define MARK_SIZE 16u
#define LOG_WORDS (65536u / 64u)

/* ---- marks --------------------------------------------------------------------------------- */

typedef struct mark {
    uint64_t from, to; /* all such entries of the feed are in there */
} mark;

static bool is_tag(const uint8_t a[WR_EPOCH_TAG_SIZE], const uint8_t b[WR_EPOCH_TAG_SIZE]) {
    return wr_order(wr_slice_of(a, WR_EPOCH_TAG_SIZE), wr_slice_of(b, WR_EPOCH_TAG_SIZE)) == 0;
}

static wr_err mark_key(const wr_hash *feed_id, const uint8_t tag[WR_EPOCH_TAG_SIZE], wr_buf *key) {
    WR_TRY(wr_buf_put(key, wr_slice_str(MARK_LABEL)));
    WR_TRY(wr_buf_put(key, WR_SLICE_OBJ(*feed_id)));
    return wr_buf_put(key, wr_slice_of(tag, WR_EPOCH_TAG_SIZE));
}

/* UNKNOWN: there is none. */
static wr_err get_mark(reader *r, wr_slice key, mark *ret_mark) {
    uint8_t bytes[MARK_SIZE];
    wr_buf value = WR_BUF_ARRAY(bytes);
    wr_err err = store_get_meta(r->store, key, &value);
    if (err == WR_ERR_NOBUF || (err == WR_OK && value.len != MARK_SIZE))
        return WR_ERR_CORRUPT;
    WR_TRY(err);
    *ret_mark = (mark){wr_load_u64(bytes), wr_load_u64(bytes + 8)};
    return WR_OK;
}

static wr_err put_mark(reader *r, const wr_feed *feed, const wr_entry *entry, uint64_t to) {
    uint8_t key_bytes[STORE_KEY_MAX], bytes[MARK_SIZE];
    wr_buf key = WR_BUF_ARRAY(key_bytes);
    mark m = {0};
    WR_TRY(mark_key(&feed->feed_id, entry->epoch_tag, &key));
    wr_err err = get_mark(r, wr_buf_slice(&key), &m);
    if (err != WR_OK && err != WR_ERR_UNKNOWN)
        return err;
    if (err == WR_OK && m.to >= to)
        return WR_OK;
    wr_store_u64(bytes, err == WR_OK ? m.from : entry->seq);
    wr_store_u64(bytes + 8, to);
    return store_put_meta(r->store, wr_buf_slice(&key), wr_slice_of(bytes, sizeof bytes));
}

wr_err reader_came(reader *r, const wr_feed *feed, uint64_t first_seq, uint64_t count,
                   wr_slice bytes) {
    wr_segment_reader segments;
    wr_entry entry;
    uint8_t last[WR_EPOCH_TAG_SIZE];
    bool more = true, any = false;
    wr_segment_reader_init(&segments, bytes, first_seq);
    for (;;) {
        if (wr_segment_next(&segments, &entry, &more) != WR_OK)
            return WR_ERR_CORRUPT;
        if (!more)
            return WR_OK;
        if (any && is_tag(last, entry.epoch_tag))
            continue;
        any = true;
        memcpy(last, entry.epoch_tag, sizeof last);
        if (wr_keyring_by_tag(wr_self_keyring(r->self), entry.epoch_tag) == NULL)
            WR_TRY(put_mark(r, feed, &entry, first_seq + count));
    }
}

/* ---- the key comes ------------------------------------------------------------------------- */

/* Nothing may be written while the store is walked, so logs are collected first. */
typedef struct opening {
    const uint8_t *tag;
    mark mark;
    uint64_t logs[LOG_WORDS]; /* numbers of logs that have such entries */
    uint32_t *log_ids;
    size_t log_id_count, log_id_room;
} opening;

static wr_err see_rows(void *ctx, const store_rows *rows) {
    opening *o = (opening *)ctx;
    wr_segment_reader segments;
    wr_entry entry;
    bool more;
    wr_segment_reader_init(&segments, rows->bytes, rows->row_first_seq);
    for (;;) {
        if (wr_segment_next(&segments, &entry, &more) != WR_OK)
            return WR_ERR_CORRUPT;
        if (!more)
            return WR_OK;
        if (entry.seq >= o->mark.from && entry.seq < o->mark.to && is_tag(entry.epoch_tag, o->tag))
            o->logs[entry.log_no / 64u] |= UINT64_C(1) << (entry.log_no % 64u);
    }
}

static wr_err see_log(void *ctx, const store_log *log) {
    opening *o = (opening *)ctx;
    if (o->log_id_count == o->log_id_room) {
        size_t room = o->log_id_room * 2 + 64;
        uint32_t *ids = (uint32_t *)realloc(o->log_ids, room * sizeof *ids);
        if (ids == NULL)
            return WR_ERR_NOMEM;
        o->log_ids = ids;
        o->log_id_room = room;
    }
    o->log_ids[o->log_id_count++] = log->log_id;
    return WR_OK;
}

static wr_err note_logs(reader *r, const wr_hash *feed_id, const opening *o) {
    reader_late late = {
        .feed_id = *feed_id, .from = o->mark.from, .len = o->mark.to, .tagged = true};
    memcpy(late.tag, o->tag, sizeof late.tag);
    for (size_t i = 0; i < o->log_id_count; i++) {
        wr_err err = store_get_bound(r->store, feed_id, o->log_ids[i], &late.log_no);
        if (err == WR_ERR_UNKNOWN)
            continue;
        WR_TRY(err);
        if ((o->logs[late.log_no / 64u] >> (late.log_no % 64u) & 1u) != 0)
            WR_TRY(reader_late_put(r, o->log_ids[i], &late));
    }
    return WR_OK;
}

static wr_err open_feed(reader *r, const wr_feed *feed, const wr_hash *epoch_id, bool *ret_any) {
    uint8_t key_bytes[STORE_KEY_MAX];
    wr_buf key = WR_BUF_ARRAY(key_bytes);
    mark m;
    WR_TRY(mark_key(&feed->feed_id, epoch_id->b, &key));
    wr_err err = get_mark(r, wr_buf_slice(&key), &m);
    if (err == WR_ERR_UNKNOWN)
        return WR_OK;
    WR_TRY(err);
    opening *o = (opening *)calloc(1, sizeof *o);
    if (o == NULL)
        return WR_ERR_NOMEM;
    o->tag = epoch_id->b;
    o->mark = m;
    err = store_each_rows(r->store, &feed->feed_id, m.from, m.to, see_rows, o);
    if (err == WR_OK)
        err = store_each_log(r->store, see_log, o);
    if (err == WR_OK)
        err = note_logs(r, &feed->feed_id, o);
    free(o->log_ids);
    free(o);
    WR_TRY(err);
    *ret_any = true;
    return store_delete_meta(r->store, wr_buf_slice(&key));
}

wr_err reader_open_blind(reader *r, bool *ret_any) {
    const wr_keyring *keyring = wr_self_keyring(r->self);
    for (uint32_t k = r->opened_epochs; k < wr_keyring_count(keyring); k++)
        for (uint32_t i = 0; i < wr_self_feed_count(r->self); i++)
            if (wr_self_feed(r->self, i)->stream == 0)
                WR_TRY(
                    open_feed(r, wr_self_feed(r->self, i), wr_keyring_epoch(keyring, k), ret_any));
    r->opened_epochs = wr_keyring_count(keyring);
    return WR_OK;
}
