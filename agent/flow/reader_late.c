/* Entries that could not be given when they arrived, because nobody knew yet to which log they
 * belong, or the secret of their epoch had not come: who follows a log is given them later.
 *
 * A case covers a feed's entries of one log below a length: all of them, or those under one epoch.
 * They are given by the case and not again where they arrived, so nobody gets one twice.
 *
 *   "late" || log_id [|| k]   -> u32: how many, or feed_id || u16 log number || u64 length || rest
 *     rest: empty (UNNAMED), tag (UNREAD), u8 2 || u64 arrival (HIDDEN),
 *           u8 3 || u64 from || u32 hidden (SHOWN)
 *   "unread" || tag || feed_id -> u64: one more than the first entry under an epoch that is not
 * held
 *
 * Layer:  flow
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/reader_impl.h"

/* ---- small values ----------------------------------------------------------------------- */

wr_err reader_put_key(wr_buf *key, const char *label, wr_slice rest) {
    WR_TRY(wr_buf_put(key, wr_slice_str(label)));
    return wr_buf_put(key, rest);
}

/* Reads a number of fixed size; absent means zero. */
wr_err reader_get_number(reader *r, const wr_buf *key, size_t size, uint64_t *ret_value) {
    uint8_t bytes[8];
    wr_buf value = wr_buf_of(bytes, size);
    wr_err err = store_get_meta(r->store, wr_buf_slice(key), &value);
    if (err == WR_ERR_NOBUF || (err == WR_OK && value.len != size))
        return WR_ERR_CORRUPT;
    if (err != WR_OK && err != WR_ERR_UNKNOWN)
        return err;
    if (err == WR_ERR_UNKNOWN)
        *ret_value = 0;
    else
        *ret_value = size == 8 ? wr_load_u64(bytes) : wr_load_u32(bytes);
    return WR_OK;
}

wr_err reader_put_u32(reader *r, const wr_buf *key, uint32_t value) {
    uint8_t bytes[4];
    wr_store_u32(bytes, value);
    return store_put_meta(r->store, wr_buf_slice(key), wr_slice_of(bytes, sizeof bytes));
}

wr_err reader_put_u64(reader *r, const wr_buf *key, uint64_t value) {
    uint8_t bytes[8];
    wr_store_u64(bytes, value);
    return store_put_meta(r->store, wr_buf_slice(key), wr_slice_of(bytes, sizeof bytes));
}

/* ---- entries that came before their name ---------------------------------------------------- */

static wr_err late_key(uint32_t log_id, wr_slice rest, wr_buf *key) {
    uint8_t id[4];
    wr_store_u32(id, log_id);
    WR_TRY(reader_put_key(key, "late", wr_slice_of(id, sizeof id)));
    return wr_buf_put(key, rest);
}

static wr_err late_key_of(uint32_t log_id, uint32_t k, wr_buf *key) {
    uint8_t number[4];
    wr_store_u32(number, k);
    return late_key(log_id, wr_slice_of(number, sizeof number), key);
}

wr_err reader_late_count(reader *r, uint32_t log_id, uint32_t *ret_count) {
    uint8_t bytes[STORE_KEY_MAX];
    wr_buf key = WR_BUF_ARRAY(bytes);
    uint64_t count;
    WR_TRY(late_key(log_id, WR_SLICE_EMPTY, &key));
    WR_TRY(reader_get_number(r, &key, 4, &count));
    *ret_count = (uint32_t)count;
    return WR_OK;
}

static wr_err decode_late(wr_slice in, reader_late *ret_late) {
    reader_late late = {.type = READER_UNNAMED};
    wr_slice id;
    uint8_t type;
    if (!wr_slice_take(&in, WR_HASH_SIZE, &id) || !wr_slice_take_u16(&in, &late.log_no) ||
        !wr_slice_take_u64(&in, &late.len))
        return WR_ERR_CORRUPT;
    memcpy(late.feed_id.b, id.ptr, WR_HASH_SIZE);
    if (in.len == sizeof late.tag) {
        late.type = READER_UNREAD;
        memcpy(late.tag, in.ptr, sizeof late.tag);
    } else if (wr_slice_take_u8(&in, &type)) {
        late.type = type == READER_HIDDEN ? READER_HIDDEN : READER_SHOWN;
        bool whole = type == READER_HIDDEN ? wr_slice_take_u64(&in, &late.arrival)
                                           : wr_slice_take_u64(&in, &late.from) &&
                                                 wr_slice_take_u32(&in, &late.hidden);
        if (!whole || type != (uint8_t)late.type || in.len != 0)
            return WR_ERR_CORRUPT;
    }
    *ret_late = late;
    return WR_OK;
}

wr_err reader_late_get(reader *r, uint32_t log_id, uint32_t k, reader_late *ret_late) {
    uint8_t bytes[STORE_KEY_MAX], value_bytes[64];
    wr_buf key = WR_BUF_ARRAY(bytes), value = WR_BUF_ARRAY(value_bytes);
    WR_TRY(late_key_of(log_id, k, &key));
    wr_err err = store_get_meta(r->store, wr_buf_slice(&key), &value);
    if (err == WR_ERR_NOBUF || err == WR_ERR_UNKNOWN)
        return WR_ERR_CORRUPT;
    WR_TRY(err);
    return decode_late(wr_buf_slice(&value), ret_late);
}

static wr_err encode_late(const reader_late *late, wr_buf *out) {
    WR_TRY(wr_buf_put(out, WR_SLICE_OBJ(late->feed_id)));
    WR_TRY(wr_buf_put_u16(out, late->log_no));
    WR_TRY(wr_buf_put_u64(out, late->len));
    switch (late->type) {
    case READER_UNNAMED:
        return WR_OK;
    case READER_UNREAD:
        return wr_buf_put(out, wr_slice_of(late->tag, sizeof late->tag));
    case READER_HIDDEN:
        WR_TRY(wr_buf_put_u8(out, READER_HIDDEN));
        return wr_buf_put_u64(out, late->arrival);
    case READER_SHOWN:
        WR_TRY(wr_buf_put_u8(out, READER_SHOWN));
        WR_TRY(wr_buf_put_u64(out, late->from));
        return wr_buf_put_u32(out, late->hidden);
    }
    WR_UNREACHABLE();
}

wr_err reader_late_put(reader *r, uint32_t log_id, const reader_late *late) {
    uint8_t bytes[STORE_KEY_MAX], count_bytes[STORE_KEY_MAX], value_bytes[64];
    wr_buf key = WR_BUF_ARRAY(bytes), count_key = WR_BUF_ARRAY(count_bytes);
    wr_buf value = WR_BUF_ARRAY(value_bytes);
    uint32_t k;
    WR_TRY(reader_late_count(r, log_id, &k));
    WR_TRY(late_key(log_id, WR_SLICE_EMPTY, &count_key));
    WR_TRY(late_key_of(log_id, k, &key));
    WR_TRY(encode_late(late, &value));
    WR_TRY(store_put_meta(r->store, wr_buf_slice(&key), wr_buf_slice(&value)));
    return reader_put_u32(r, &count_key, k + 1);
}

wr_err reader_note_late(reader *r, uint32_t log_id, const wr_hash *feed_id, uint16_t log_no) {
    uint64_t count;
    reader_late late = {.type = READER_UNNAMED, .feed_id = *feed_id, .log_no = log_no};
    WR_TRY(store_log_count(r->store, feed_id, log_no, &count));
    WR_TRY(store_feed_len(r->store, feed_id, &late.len));
    return count == 0 ? WR_OK : reader_late_put(r, log_id, &late);
}

/* ---- entries that came before their secret ------------------------------------------------- */

static wr_err unread_key(const wr_hash *feed_id, const uint8_t *tag, wr_buf *key) {
    WR_TRY(reader_put_key(key, "unread", wr_slice_of(tag, WR_EPOCH_TAG_SIZE)));
    return wr_buf_put(key, WR_SLICE_OBJ(*feed_id));
}

static wr_err note_unread(reader *r, const wr_hash *feed_id, const uint8_t *tag, uint64_t seq) {
    uint8_t bytes[STORE_KEY_MAX];
    wr_buf key = WR_BUF_ARRAY(bytes);
    uint64_t known;
    WR_TRY(unread_key(feed_id, tag, &key));
    WR_TRY(reader_get_number(r, &key, 8, &known));
    return known != 0 ? WR_OK : reader_put_u64(r, &key, seq + 1);
}

wr_err reader_saw_row(reader *r, const wr_hash *feed_id, uint64_t first_seq, wr_slice segments) {
    while (segments.len != 0) {
        uint8_t tag[WR_EPOCH_TAG_SIZE];
        uint32_t count;
        if (wr_segment_pass(&segments, tag, &count) != WR_OK)
            return WR_ERR_CORRUPT;
        if (wr_keyring_by_tag(wr_self_keyring(r->self), tag) == NULL)
            WR_TRY(note_unread(r, feed_id, tag, first_seq));
        first_seq += count;
    }
    return WR_OK;
}

/* The logs that a feed's entries under one epoch belong to. */
typedef struct unread_walk {
    reader *reader;
    reader_late late;
    uint32_t count;
    uint16_t log_no[READER_SOURCES_MAX];
} unread_walk;

static bool has_log(const unread_walk *walk, uint16_t log_no) {
    for (uint32_t i = 0; i < walk->count; i++)
        if (walk->log_no[i] == log_no)
            return true;
    return false;
}

static wr_err collect_logs(void *ctx, const store_rows *rows) {
    unread_walk *walk = (unread_walk *)ctx;
    wr_segment_reader segments;
    wr_entry entry;
    bool more;
    wr_segment_reader_init(&segments, rows->bytes, rows->row_first_seq);
    for (;;) {
        if (wr_segment_next(&segments, &entry, &more) != WR_OK)
            return WR_ERR_CORRUPT;
        if (!more)
            return WR_OK;
        if (wr_order(wr_slice_of(entry.epoch_tag, WR_EPOCH_TAG_SIZE),
                     wr_slice_of(walk->late.tag, WR_EPOCH_TAG_SIZE)) == 0 &&
            !has_log(walk, entry.log_no) && walk->count < WR_COUNT(walk->log_no))
            walk->log_no[walk->count++] = entry.log_no;
    }
}

static wr_err count_log(void *ctx, const store_log *log) {
    uint32_t *count = (uint32_t *)ctx;
    if (log->log_id >= *count)
        *count = log->log_id + 1;
    return WR_OK;
}

wr_err reader_each_bound(reader *r, const wr_hash *feed_id, reader_bound_fn fn, void *ctx) {
    uint32_t logs = 0;
    WR_TRY(store_each_log(r->store, count_log, &logs));
    for (uint32_t log_id = 0; log_id < logs; log_id++) {
        uint16_t log_no;
        wr_err err = store_get_bound(r->store, feed_id, log_id, &log_no);
        if (err == WR_ERR_UNKNOWN)
            continue;
        WR_TRY(err);
        WR_TRY(fn(ctx, log_id, log_no));
    }
    return WR_OK;
}

static wr_err note_read(void *ctx, uint32_t log_id, uint16_t log_no) {
    unread_walk *walk = (unread_walk *)ctx;
    walk->late.log_no = log_no;
    return has_log(walk, log_no) ? reader_late_put(walk->reader, log_id, &walk->late) : WR_OK;
}

static wr_err late_in_feed(reader *r, const wr_feed *feed, const uint8_t *tag, bool *ret_changed) {
    uint8_t bytes[STORE_KEY_MAX];
    wr_buf key = WR_BUF_ARRAY(bytes);
    uint64_t from;
    unread_walk walk = {.reader = r, .late = {.type = READER_UNREAD, .feed_id = feed->feed_id}};
    memcpy(walk.late.tag, tag, sizeof walk.late.tag);
    WR_TRY(unread_key(&feed->feed_id, tag, &key));
    WR_TRY(reader_get_number(r, &key, 8, &from));
    if (from == 0)
        return WR_OK;
    WR_TRY(store_feed_len(r->store, &feed->feed_id, &walk.late.len));
    WR_TRY(store_each_rows(r->store, &feed->feed_id, from - 1, walk.late.len, collect_logs, &walk));
    WR_TRY(reader_each_bound(r, &feed->feed_id, note_read, &walk));
    *ret_changed = true;
    return store_delete_meta(r->store, wr_buf_slice(&key));
}

wr_err reader_late_epochs(reader *r, bool *ret_changed) {
    const wr_keyring *keyring = wr_self_keyring(r->self);
    for (; r->keys_known < wr_keyring_count(keyring); r->keys_known++) {
        const wr_hash *epoch_id = wr_keyring_epoch(keyring, r->keys_known);
        for (uint32_t i = 0; i < wr_self_feed_count(r->self); i++)
            if (wr_self_feed(r->self, i)->stream == 0)
                WR_TRY(late_in_feed(r, wr_self_feed(r->self, i), epoch_id->b, ret_changed));
    }
    return WR_OK;
}
