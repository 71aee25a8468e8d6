/* The door of the store: what every implementation has in common, then one table of functions.
 *
 * Layer:  store
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_impl.h"

const char *store_problem(const store *s) {
    return s->problem;
}

/* ---- transaction state --------------------------------------------------------- */

static wr_err enter(store *s) {
    if (s->broken)
        return WR_ERR_IO;
    return s->ops->gate == NULL ? WR_OK : s->ops->gate(s);
}

/* A failed call inside a transaction leaves it unknown how much of it was done. */
static wr_err leave(store *s, wr_err result) {
    bool spoiled = result == WR_ERR_IO || result == WR_ERR_CORRUPT || result == WR_ERR_NOMEM ||
                   result == WR_ERR_BUSY;
    if (spoiled && s->open)
        s->broken = true;
    return result;
}

static wr_err enter_write(store *s) {
    if (!s->open || s->depth != 0)
        return WR_ERR_STATE;
    return leave(s, enter(s));
}

static wr_err enter_each(store *s) {
    WR_TRY(leave(s, enter(s)));
    s->depth++;
    return WR_OK;
}

/* The callback's own error is not the store's: it spoils nothing. */
static wr_err leave_each(store *s, wr_err result) {
    WR_ASSERT(s->depth > 0);
    s->depth--;
    return result;
}

static wr_err check_key(wr_slice key) {
    return key.len == 0 || key.len > STORE_KEY_MAX ? WR_ERR_LIMIT : WR_OK;
}

static wr_err check_value(wr_slice value) {
    return value.len > STORE_VALUE_BYTES_MAX ? WR_ERR_LIMIT : WR_OK;
}

void store_close(store *s) {
    if (s == NULL)
        return;
    WR_ASSERT(s->depth == 0);
    store_rollback(s);
    s->ops->close(s);
}

wr_err store_begin(store *s) {
    if (s->open || s->depth != 0)
        return WR_ERR_STATE;
    WR_TRY(enter(s));
    WR_TRY(s->ops->begin(s));
    s->open = true;
    return WR_OK;
}

wr_err store_commit(store *s) {
    if (!s->open || s->depth != 0)
        return WR_ERR_STATE;
    wr_err result = enter(s);
    if (result != WR_OK) {
        store_rollback(s);
        return result;
    }
    result = s->ops->commit(s);
    s->open = false;
    return result;
}

void store_rollback(store *s) {
    WR_ASSERT(s->depth == 0);
    if (!s->open)
        return;
    s->ops->rollback(s);
    s->open = false;
    s->broken = false;
}

bool store_next_join(const uint32_t *row_bytes, uint32_t row_count, uint32_t index,
                     store_join *ret_join) {
    while (index + 1 < row_count) {
        uint64_t bytes = row_bytes[index];
        uint32_t end = index + 1;
        while (end < row_count && bytes + row_bytes[end] <= STORE_JOIN_BYTES)
            bytes += row_bytes[end++];
        if (end - index >= 2) {
            *ret_join = (store_join){index, end - index};
            return true;
        }
        index = end;
    }
    return false;
}

/* ---- small values ------------------------------------------------------------------ */

wr_err store_put_meta(store *s, wr_slice key, wr_slice value) {
    WR_TRY(check_key(key));
    WR_TRY(check_value(value));
    WR_TRY(enter_write(s));
    return leave(s, s->ops->put_meta(s, key, value));
}

wr_err store_delete_meta(store *s, wr_slice key) {
    WR_TRY(check_key(key));
    WR_TRY(enter_write(s));
    return leave(s, s->ops->delete_meta(s, key));
}

wr_err store_get_meta(store *s, wr_slice key, wr_buf *out) {
    WR_TRY(check_key(key));
    WR_TRY(enter(s));
    return leave(s, s->ops->get_meta(s, key, out));
}

/* ---- membership ops ---------------------------------------------------------------- */

wr_err store_put_op(store *s, const wr_hash *op_id, wr_slice bytes, const wr_sig *sig) {
    WR_TRY(check_value(bytes));
    WR_TRY(enter_write(s));
    return leave(s, s->ops->put_op(s, op_id, bytes, sig));
}

wr_err store_each_op(store *s, store_op_fn fn, void *ctx) {
    WR_TRY(enter_each(s));
    return leave_each(s, s->ops->each_op(s, fn, ctx));
}

/* ---- epoch secrets ----------------------------------------------------------------- */

wr_err store_put_epoch(store *s, const wr_hash *epoch_id, const wr_key *secret) {
    WR_TRY(enter_write(s));
    return leave(s, s->ops->put_epoch(s, epoch_id, secret));
}

wr_err store_delete_epoch(store *s, const wr_hash *epoch_id) {
    WR_TRY(enter_write(s));
    return leave(s, s->ops->delete_epoch(s, epoch_id));
}

wr_err store_each_epoch(store *s, store_epoch_fn fn, void *ctx) {
    WR_TRY(enter_each(s));
    return leave_each(s, s->ops->each_epoch(s, fn, ctx));
}

wr_err store_put_secret(store *s, wr_slice key, const wr_key *secret) {
    WR_TRY(check_key(key));
    WR_TRY(enter_write(s));
    return leave(s, s->ops->put_secret(s, key, secret));
}

wr_err store_get_secret(store *s, wr_slice key, wr_key *ret_secret) {
    WR_TRY(check_key(key));
    WR_TRY(enter(s));
    return leave(s, s->ops->get_secret(s, key, ret_secret));
}

/* ---- feeds ------------------------------------------------------------------------- */

wr_err store_put_head(store *s, const wr_hash *feed_id, wr_slice head) {
    WR_TRY(check_value(head));
    WR_TRY(enter_write(s));
    return leave(s, s->ops->put_head(s, feed_id, head));
}

wr_err store_each_head(store *s, store_head_fn fn, void *ctx) {
    WR_TRY(enter_each(s));
    return leave_each(s, s->ops->each_head(s, fn, ctx));
}

wr_err store_put_node(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                      const wr_hash *node) {
    WR_TRY(enter_write(s));
    return leave(s, s->ops->put_node(s, feed_id, level, index, node));
}

wr_err store_get_node(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                      wr_hash *ret_node) {
    WR_TRY(enter(s));
    return leave(s, s->ops->get_node(s, feed_id, level, index, ret_node));
}

static wr_err check_rows(const store_rows *rows, const store_row_log *logs, uint32_t log_count) {
    if (rows->bytes.len > STORE_ROW_BYTES_MAX)
        return WR_ERR_LIMIT;
    uint64_t place = rows->first_seq % WR_CHUNK_ENTRIES;
    if (rows->count == 0 || place + rows->count > WR_CHUNK_ENTRIES)
        return WR_ERR_FORMAT;
    if (rows->hlc_first > rows->hlc_last || log_count > rows->count)
        return WR_ERR_FORMAT;
    for (uint32_t i = 0; i < log_count; i++)
        if (logs[i].count == 0 || logs[i].hlc_first > logs[i].hlc_last)
            return WR_ERR_FORMAT;
    return WR_OK;
}

wr_err store_put_rows(store *s, const wr_hash *feed_id, const store_rows *rows,
                      const store_row_log *logs, uint32_t log_count) {
    WR_TRY(check_rows(rows, logs, log_count));
    WR_TRY(enter_write(s));
    return leave(s, s->ops->put_rows(s, feed_id, rows, logs, log_count));
}

wr_err store_each_rows(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                       store_rows_fn fn, void *ctx) {
    WR_TRY(enter_each(s));
    return leave_each(s, s->ops->each_rows(s, feed_id, from, to, fn, ctx));
}

wr_err store_rows_bytes(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                        uint64_t *ret_bytes) {
    WR_TRY(enter(s));
    return leave(s, s->ops->rows_bytes(s, feed_id, from, to, ret_bytes));
}

wr_err store_feed_len(store *s, const wr_hash *feed_id, uint64_t *ret_len) {
    WR_TRY(enter(s));
    return leave(s, s->ops->feed_len(s, feed_id, ret_len));
}

/* ---- logs -------------------------------------------------------------------------- */

wr_err store_put_log(store *s, const wr_hash *name_key, wr_slice name_sealed,
                     uint32_t *ret_log_id) {
    WR_TRY(check_value(name_sealed));
    WR_TRY(enter_write(s));
    return leave(s, s->ops->put_log(s, name_key, name_sealed, ret_log_id));
}

wr_err store_find_log(store *s, const wr_hash *name_key, uint32_t *ret_log_id) {
    WR_TRY(enter(s));
    return leave(s, s->ops->find_log(s, name_key, ret_log_id));
}

wr_err store_each_log(store *s, store_log_fn fn, void *ctx) {
    WR_TRY(enter_each(s));
    return leave_each(s, s->ops->each_log(s, fn, ctx));
}

wr_err store_bind_log(store *s, const wr_hash *feed_id, uint16_t log_no, uint32_t log_id) {
    WR_TRY(enter_write(s));
    return leave(s, s->ops->bind_log(s, feed_id, log_no, log_id));
}

wr_err store_get_bound(store *s, const wr_hash *feed_id, uint32_t log_id, uint16_t *ret_log_no) {
    WR_TRY(enter(s));
    return leave(s, s->ops->get_bound(s, feed_id, log_id, ret_log_no));
}

wr_err store_max_bound(store *s, const wr_hash *feed_id, uint32_t *ret_next_log_no) {
    WR_TRY(enter(s));
    return leave(s, s->ops->max_bound(s, feed_id, ret_next_log_no));
}

wr_err store_each_bound(store *s, uint32_t log_id, store_bound_fn fn, void *ctx) {
    WR_TRY(enter_each(s));
    return leave_each(s, s->ops->each_bound(s, log_id, fn, ctx));
}

wr_err store_each_log_rows(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t hlc_from,
                           store_rows_fn fn, void *ctx) {
    WR_TRY(enter_each(s));
    return leave_each(s, s->ops->each_log_rows(s, feed_id, log_no, hlc_from, fn, ctx));
}

wr_err store_log_count(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t *ret_count) {
    WR_TRY(enter(s));
    return leave(s, s->ops->log_count(s, feed_id, log_no, ret_count));
}

/* ---- arrival order ----------------------------------------------------------------- */

wr_err store_last_arrival(store *s, uint64_t *ret_arrival) {
    WR_TRY(enter(s));
    return leave(s, s->ops->last_arrival(s, ret_arrival));
}

wr_err store_each_arrival(store *s, uint64_t after, store_arrival_fn fn, void *ctx) {
    WR_TRY(enter_each(s));
    return leave_each(s, s->ops->each_arrival(s, after, fn, ctx));
}

/* ---- the pending tail -------------------------------------------------------------- */

wr_err store_put_tail(store *s, const store_tail *tail) {
    WR_TRY(check_value(tail->sealed));
    WR_TRY(enter_write(s));
    return leave(s, s->ops->put_tail(s, tail));
}

wr_err store_delete_tail(store *s, uint64_t hlc) {
    WR_TRY(enter_write(s));
    return leave(s, s->ops->delete_tail(s, hlc));
}

wr_err store_each_tail(store *s, uint64_t hlc_from, store_tail_fn fn, void *ctx) {
    WR_TRY(enter_each(s));
    return leave_each(s, s->ops->each_tail(s, hlc_from, fn, ctx));
}

wr_err store_tail_count(store *s, uint64_t *ret_count) {
    WR_TRY(enter(s));
    return leave(s, s->ops->tail_count(s, ret_count));
}

wr_err store_put_alias(store *s, uint64_t answered_hlc, uint64_t hlc) {
    WR_TRY(enter_write(s));
    return leave(s, s->ops->put_alias(s, answered_hlc, hlc));
}

wr_err store_get_alias(store *s, uint64_t answered_hlc, uint64_t *ret_hlc) {
    WR_TRY(enter(s));
    return leave(s, s->ops->get_alias(s, answered_hlc, ret_hlc));
}

/* ---- sizes ------------------------------------------------------------------------- */

wr_err store_disk_bytes(store *s, uint64_t *ret_bytes) {
    WR_TRY(enter(s));
    return leave(s, s->ops->disk_bytes(s, ret_bytes));
}

wr_err store_entry_count(store *s, uint64_t *ret_count) {
    WR_TRY(enter(s));
    return leave(s, s->ops->entry_count(s, ret_count));
}
