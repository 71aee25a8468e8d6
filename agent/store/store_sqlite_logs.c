/* Logs of this device and what the feeds call them.
 *
 * Layer:  store, private to store_sqlite
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_sqlite_impl.h"
#include "store/store_sqlite_parts.h"

wr_err sqlite_find_log(store *s, const wr_hash *name_key, uint32_t *ret_log_id) {
    SQL_CALL(q, sqlite_of(s), LOG_FIND);
    sql_bind_blob(&q, 1, WR_SLICE_OBJ(*name_key));
    WR_TRY(sql_one(&q));
    *ret_log_id = (uint32_t)sql_int(&q, 0);
    return WR_OK;
}

wr_err sqlite_put_log(store *s, const wr_hash *name_key, wr_slice name_sealed,
                      uint32_t *ret_log_id) {
    wr_err found = sqlite_find_log(s, name_key, ret_log_id);
    if (found != WR_ERR_UNKNOWN)
        return found;
    SQL_CALL(q, sqlite_of(s), LOG_ADD);
    sql_bind_blob(&q, 1, WR_SLICE_OBJ(*name_key));
    sql_bind_blob(&q, 2, name_sealed);
    WR_TRY(sql_one(&q));
    *ret_log_id = (uint32_t)sql_int(&q, 0);
    return WR_OK;
}

wr_err sqlite_each_log(store *s, store_log_fn fn, void *ctx) {
    SQL_CALL(q, sqlite_of(s), LOG_EACH);
    bool row = false;
    wr_err result = WR_OK;
    for (;;) {
        WR_TRY(sql_next(&q, &row));
        if (!row)
            return WR_OK;
        store_log log = {(uint32_t)sql_int(&q, 0), sql_blob(&q, 1)};
        if (store_stops(fn(ctx, &log), &result))
            return result;
    }
}

wr_err sqlite_bind_log(store *s, const wr_hash *feed_id, uint16_t log_no, uint32_t log_id) {
    sqlite_feed *feed = NULL;
    WR_TRY(sqlite_feed_add(sqlite_of(s), feed_id, &feed));
    SQL_CALL(known, sqlite_of(s), BOUND_ID);
    sql_bind_int(&known, 1, feed->no);
    sql_bind_int(&known, 2, log_no);
    bool row = false;
    WR_TRY(sql_next(&known, &row));
    if (row)
        return sql_int(&known, 0) == (int64_t)log_id ? WR_OK : WR_ERR_EXISTS;
    SQL_CALL(q, sqlite_of(s), BOUND_PUT);
    sql_bind_int(&q, 1, feed->no);
    sql_bind_int(&q, 2, log_no);
    sql_bind_int(&q, 3, log_id);
    return sql_run(&q);
}

wr_err sqlite_get_bound(store *s, const wr_hash *feed_id, uint32_t log_id, uint16_t *ret_log_no) {
    sqlite_feed *feed = NULL;
    WR_TRY(sqlite_feed_find(sqlite_of(s), feed_id, &feed));
    SQL_CALL(q, sqlite_of(s), BOUND_NO);
    sql_bind_int(&q, 1, feed->no);
    sql_bind_int(&q, 2, log_id);
    WR_TRY(sql_one(&q));
    *ret_log_no = (uint16_t)sql_int(&q, 0);
    return WR_OK;
}

wr_err sqlite_max_bound(store *s, const wr_hash *feed_id, uint32_t *ret_next_log_no) {
    sqlite_feed *feed = NULL;
    wr_err found = sqlite_feed_find(sqlite_of(s), feed_id, &feed);
    if (found == WR_ERR_UNKNOWN) {
        *ret_next_log_no = 0;
        return WR_OK;
    }
    WR_TRY(found);
    SQL_CALL(q, sqlite_of(s), BOUND_MAX);
    sql_bind_int(&q, 1, feed->no);
    WR_TRY(sql_one(&q));
    bool none = sqlite3_column_type(q.stmt, 0) == SQLITE_NULL;
    *ret_next_log_no = none ? 0 : (uint32_t)sql_int(&q, 0) + 1u;
    return WR_OK;
}

wr_err sqlite_each_bound(store *s, uint32_t log_id, store_bound_fn fn, void *ctx) {
    SQL_CALL(q, sqlite_of(s), BOUND_EACH);
    sql_bind_int(&q, 1, log_id);
    bool row = false;
    wr_err result = WR_OK;
    for (;;) {
        wr_hash feed_id;
        WR_TRY(sql_next(&q, &row));
        if (!row)
            return WR_OK;
        WR_TRY(sql_fixed(&q, 0, feed_id.b, sizeof feed_id.b));
        if (store_stops(fn(ctx, &feed_id, (uint16_t)sql_int(&q, 1)), &result))
            return result;
    }
}
