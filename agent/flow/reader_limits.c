/* Entries that count in the logs now and did not when they arrived, or for a while: their writer
 * was out, and a cut has grown, the owner has accepted them, or the writer is in again.
 *
 * Who follows a log gets them by a case of reader_late.c.  Some who follow were given them before
 * their writer went out: a case says how far that was, and a cursor knows whether it was so far.
 *
 *   "shown" || feed_id -> u64: how much counted when that was last looked at; absent: all
 *
 * Spec:   proto/spec/circle.md 4.7
 * Layer:  flow
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/reader_impl.h"

static wr_err noted_key(const wr_hash *feed_id, wr_buf *key) {
    return reader_put_key(key, "shown", WR_SLICE_OBJ(*feed_id));
}

static wr_err load_noted(reader *r, const wr_feed *feed, uint64_t *ret_noted) {
    uint8_t bytes[STORE_KEY_MAX], value[8];
    wr_buf key = WR_BUF_ARRAY(bytes), out = WR_BUF_ARRAY(value);
    WR_TRY(noted_key(&feed->feed_id, &key));
    wr_err err = store_get_meta(r->store, wr_buf_slice(&key), &out);
    if (err == WR_ERR_NOBUF || (err == WR_OK && out.len != sizeof value))
        return WR_ERR_CORRUPT;
    if (err != WR_OK && err != WR_ERR_UNKNOWN)
        return err;
    *ret_noted = err == WR_OK ? wr_load_u64(value) : UINT64_MAX;
    return WR_OK;
}

static wr_err put_noted(reader *r, const wr_feed *feed, uint64_t shown) {
    uint8_t bytes[STORE_KEY_MAX];
    wr_buf key = WR_BUF_ARRAY(bytes);
    WR_TRY(noted_key(&feed->feed_id, &key));
    if (shown == UINT64_MAX)
        return store_delete_meta(r->store, wr_buf_slice(&key));
    return reader_put_u64(r, &key, shown);
}

typedef struct change {
    reader *reader;
    reader_late late;
} change;

static wr_err note_hidden(void *ctx, uint32_t log_id, uint16_t log_no) {
    change *c = (change *)ctx;
    c->late.log_no = log_no;
    return reader_late_put(c->reader, log_id, &c->late);
}

static wr_err hide(reader *r, uint32_t index, const wr_feed *feed, uint64_t noted) {
    change c = {.reader = r, .late = {.type = READER_HIDDEN, .feed_id = feed->feed_id}};
    if (r->looked) {
        c.late.arrival = r->looked_arrival;
        c.late.len = r->looked_len[index];
    } else {
        WR_TRY(store_last_arrival(r->store, &c.late.arrival));
        WR_TRY(store_feed_len(r->store, &feed->feed_id, &c.late.len));
    }
    c.late.len = c.late.len < noted ? c.late.len : noted;
    return reader_each_bound(r, &feed->feed_id, note_hidden, &c);
}

static wr_err note_shown(void *ctx, uint32_t log_id, uint16_t log_no) {
    change *c = (change *)ctx;
    uint32_t count;
    c->late.log_no = log_no;
    c->late.hidden = READER_NO_CASE;
    WR_TRY(reader_late_count(c->reader, log_id, &count));
    for (uint32_t k = 0; k < count; k++) {
        reader_late before;
        WR_TRY(reader_late_get(c->reader, log_id, k, &before));
        if (before.type == READER_HIDDEN && wr_hash_equal(&before.feed_id, &c->late.feed_id))
            c->late.hidden = k;
    }
    return reader_late_put(c->reader, log_id, &c->late);
}

static wr_err show(reader *r, const wr_feed *feed, uint64_t noted, uint64_t shown,
                   bool *ret_changed) {
    change c = {.reader = r,
                .late = {.type = READER_SHOWN, .feed_id = feed->feed_id, .from = noted}};
    WR_TRY(store_feed_len(r->store, &feed->feed_id, &c.late.len));
    c.late.len = c.late.len < shown ? c.late.len : shown;
    if (c.late.len <= noted)
        return WR_OK;
    *ret_changed = true;
    return reader_each_bound(r, &feed->feed_id, note_shown, &c);
}

wr_err reader_late_limits(reader *r, bool *ret_changed) {
    for (uint32_t i = 0; i < wr_self_feed_count(r->self); i++) {
        const wr_feed *feed = wr_self_feed(r->self, i);
        uint64_t shown;
        if (i == r->noted_count)
            WR_TRY(load_noted(r, feed, &r->noted[r->noted_count++]));
        uint64_t noted = r->noted[i];
        if (feed->stream != 0)
            continue;
        WR_TRY(reader_shown(r, feed, &shown));
        if (shown == noted)
            continue;
        if (shown < noted)
            WR_TRY(hide(r, i, feed, noted));
        else
            WR_TRY(show(r, feed, noted, shown, ret_changed));
        WR_TRY(put_noted(r, feed, shown));
        r->noted[i] = shown;
    }
    return WR_OK;
}

wr_err reader_looked(reader *r) {
    WR_TRY(store_last_arrival(r->store, &r->looked_arrival));
    for (uint32_t i = 0; i < wr_self_feed_count(r->self); i++)
        r->looked_len[i] = wr_self_feed(r->self, i)->tree.len;
    r->looked = true;
    return WR_OK;
}
