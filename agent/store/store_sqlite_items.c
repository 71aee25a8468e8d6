/* Single records: meta values, ops, heads, tree nodes, the tail and its aliases.
 *
 * Layer:  store, private to store_sqlite
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_sqlite_impl.h"
#include "store/store_sqlite_parts.h"

/* ---- small values ---------------------------------------------------------------------- */

wr_err sqlite_put_meta(store *s, wr_slice key, wr_slice value) {
    SQL_CALL(q, sqlite_of(s), META_PUT);
    sql_bind_blob(&q, 1, key);
    sql_bind_blob(&q, 2, value);
    return sql_run(&q);
}

wr_err sqlite_delete_meta(store *s, wr_slice key) {
    SQL_CALL(q, sqlite_of(s), META_DELETE);
    sql_bind_blob(&q, 1, key);
    return sql_run(&q);
}

wr_err sqlite_get_meta(store *s, wr_slice key, wr_buf *out) {
    SQL_CALL(q, sqlite_of(s), META_GET);
    sql_bind_blob(&q, 1, key);
    WR_TRY(sql_one(&q));
    return wr_buf_put(out, sql_blob(&q, 0));
}

/* ---- ops --------------------------------------------------------------------------------- */

wr_err sqlite_put_op(store *s, const wr_hash *op_id, wr_slice bytes, const wr_sig *sig) {
    SQL_CALL(q, sqlite_of(s), OP_PUT);
    sql_bind_blob(&q, 1, WR_SLICE_OBJ(*op_id));
    sql_bind_blob(&q, 2, bytes);
    sql_bind_blob(&q, 3, WR_SLICE_OBJ(*sig));
    return sql_run(&q);
}

wr_err sqlite_each_op(store *s, store_op_fn fn, void *ctx) {
    SQL_CALL(q, sqlite_of(s), OP_EACH);
    bool row = false;
    wr_err result = WR_OK;
    for (;;) {
        wr_sig sig;
        WR_TRY(sql_next(&q, &row));
        if (!row)
            return WR_OK;
        WR_TRY(sql_fixed(&q, 1, sig.b, sizeof sig.b));
        if (store_stops(fn(ctx, sql_blob(&q, 0), &sig), &result))
            return result;
    }
}

/* ---- heads and nodes ------------------------------------------------------------------------ */

wr_err sqlite_put_head(store *s, const wr_hash *feed_id, wr_slice head) {
    sqlite_feed *feed = NULL;
    WR_TRY(sqlite_feed_add(sqlite_of(s), feed_id, &feed));
    SQL_CALL(q, sqlite_of(s), HEAD_PUT);
    sql_bind_int(&q, 1, feed->no);
    sql_bind_blob(&q, 2, head);
    return sql_run(&q);
}

wr_err sqlite_each_head(store *s, store_head_fn fn, void *ctx) {
    SQL_CALL(q, sqlite_of(s), HEAD_EACH);
    bool row = false;
    wr_err result = WR_OK;
    for (;;) {
        wr_hash feed_id;
        WR_TRY(sql_next(&q, &row));
        if (!row)
            return WR_OK;
        WR_TRY(sql_fixed(&q, 0, feed_id.b, sizeof feed_id.b));
        if (store_stops(fn(ctx, &feed_id, sql_blob(&q, 1)), &result))
            return result;
    }
}

wr_err sqlite_put_node(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                       const wr_hash *node) {
    sqlite_feed *feed = NULL;
    if (index > MIGRATIONS_SEQ_MAX)
        return WR_ERR_LIMIT;
    WR_TRY(sqlite_feed_add(sqlite_of(s), feed_id, &feed));
    SQL_CALL(q, sqlite_of(s), NODE_PUT);
    sql_bind_int(&q, 1, feed->no);
    sql_bind_int(&q, 2, level);
    sql_bind_int(&q, 3, (int64_t)index);
    sql_bind_blob(&q, 4, WR_SLICE_OBJ(*node));
    return sql_run(&q);
}

wr_err sqlite_get_node(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                       wr_hash *ret_node) {
    sqlite_feed *feed = NULL;
    if (index > MIGRATIONS_SEQ_MAX)
        return WR_ERR_UNKNOWN;
    WR_TRY(sqlite_feed_find(sqlite_of(s), feed_id, &feed));
    SQL_CALL(q, sqlite_of(s), NODE_GET);
    sql_bind_int(&q, 1, feed->no);
    sql_bind_int(&q, 2, level);
    sql_bind_int(&q, 3, (int64_t)index);
    WR_TRY(sql_one(&q));
    return sql_fixed(&q, 0, ret_node->b, sizeof ret_node->b);
}

/* ---- the tail ---- */

wr_err sqlite_put_tail(store *s, const store_tail *tail) {
    SQL_CALL(q, sqlite_of(s), TAIL_PUT);
    sql_bind_hlc(&q, 1, tail->hlc);
    sql_bind_int(&q, 2, tail->log_id);
    sql_bind_blob(&q, 3, tail->sealed);
    return sql_run(&q);
}

wr_err sqlite_delete_tail(store *s, uint64_t hlc) {
    SQL_CALL(q, sqlite_of(s), TAIL_DELETE);
    sql_bind_hlc(&q, 1, hlc);
    return sql_run(&q);
}

wr_err sqlite_each_tail(store *s, uint64_t hlc_from, store_tail_fn fn, void *ctx) {
    SQL_CALL(q, sqlite_of(s), TAIL_EACH);
    sql_bind_hlc(&q, 1, hlc_from);
    bool row = false;
    wr_err result = WR_OK;
    for (;;) {
        WR_TRY(sql_next(&q, &row));
        if (!row)
            return WR_OK;
        store_tail tail = {sql_hlc(&q, 0), (uint32_t)sql_int(&q, 1), sql_blob(&q, 2)};
        if (store_stops(fn(ctx, &tail), &result))
            return result;
    }
}

wr_err sqlite_tail_count(store *s, uint64_t *ret_count) {
    SQL_CALL(q, sqlite_of(s), TAIL_COUNT);
    WR_TRY(sql_one(&q));
    *ret_count = (uint64_t)sql_int(&q, 0);
    return WR_OK;
}

wr_err sqlite_put_alias(store *s, uint64_t answered_hlc, uint64_t hlc) {
    SQL_CALL(q, sqlite_of(s), ALIAS_PUT);
    sql_bind_hlc(&q, 1, answered_hlc);
    sql_bind_hlc(&q, 2, hlc);
    return sql_run(&q);
}

wr_err sqlite_get_alias(store *s, uint64_t answered_hlc, uint64_t *ret_hlc) {
    SQL_CALL(q, sqlite_of(s), ALIAS_GET);
    sql_bind_hlc(&q, 1, answered_hlc);
    WR_TRY(sql_one(&q));
    *ret_hlc = sql_hlc(&q, 0);
    return WR_OK;
}
