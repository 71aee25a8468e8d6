/* One use of a prepared statement: take, bind, step, read, give back.
 *
 * Layer:  store, private to store_sqlite
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_sqlite_impl.h"

#include <stdio.h>

static const struct {
    sql_file file;
    const char *text;
} statement[SQL_ID_COUNT] = {
#define SQL_ROW(name, file, text) {SQL_##file, text},
    SQL_MAP(SQL_ROW)
#undef SQL_ROW
};

static wr_err failed(sql_call *q, int rc) {
    wr_err err = sqlite_error(rc);
    /* A constraint is the caller's business and leaves no trace. */
    if (err != WR_ERR_EXISTS)
        (void)snprintf(q->s->base.problem, sizeof q->s->base.problem, "%s: %s", q->s->path[q->file],
                       sqlite3_errmsg(q->s->db[q->file]));
    return err;
}

sql_call sql_call_take(store_sqlite *s, sql_id id) {
    sql_call q = {.s = s, .file = statement[id].file};
    sqlite3_stmt *cached = s->cached[id];
    if (cached != NULL && !sqlite3_stmt_busy(cached)) {
        q.stmt = cached;
        return q;
    }
    q.temporary = cached != NULL;
    unsigned flags = q.temporary ? 0 : SQLITE_PREPARE_PERSISTENT;
    int rc = sqlite3_prepare_v3(s->db[q.file], statement[id].text, -1, flags, &q.stmt, NULL);
    if (rc != SQLITE_OK)
        q.err = failed(&q, rc);
    else if (!q.temporary)
        s->cached[id] = q.stmt;
    return q;
}

void sql_call_done(sql_call *q) {
    if (q->stmt == NULL)
        return;
    /* The error of a failed step was reported by the step. */
    if (q->temporary) {
        (void)sqlite3_finalize(q->stmt);
        return;
    }
    (void)sqlite3_reset(q->stmt);
    (void)sqlite3_clear_bindings(q->stmt);
}

static void bound(sql_call *q, int rc) {
    if (q->err == WR_OK && rc != SQLITE_OK)
        q->err = failed(q, rc);
}

void sql_bind_int(sql_call *q, int index, int64_t value) {
    if (q->err == WR_OK)
        bound(q, sqlite3_bind_int64(q->stmt, index, value));
}

/* Flipping the highest bit maps unsigned order to signed order. */
#define HLC_FLIP (1ull << 63)

void sql_bind_hlc(sql_call *q, int index, uint64_t hlc) {
    sql_bind_int(q, index, (int64_t)(hlc ^ HLC_FLIP));
}

uint64_t sql_hlc(sql_call *q, int column) {
    return (uint64_t)sql_int(q, column) ^ HLC_FLIP;
}

void sql_bind_blob(sql_call *q, int index, wr_slice bytes) {
    if (q->err != WR_OK)
        return;
    /* A NULL pointer would bind NULL, not an empty blob. */
    const void *ptr = bytes.len == 0 ? "" : (const void *)bytes.ptr;
    bound(q, sqlite3_bind_blob64(q->stmt, index, ptr, bytes.len, SQLITE_STATIC));
}

wr_err sql_next(sql_call *q, bool *ret_row) {
    WR_TRY(q->err);
    int rc = sqlite3_step(q->stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return failed(q, rc);
    *ret_row = rc == SQLITE_ROW;
    return WR_OK;
}

wr_err sql_run(sql_call *q) {
    bool row = false;
    WR_TRY(sql_next(q, &row));
    WR_ASSERT(!row);
    return WR_OK;
}

wr_err sql_one(sql_call *q) {
    bool row = false;
    WR_TRY(sql_next(q, &row));
    return row ? WR_OK : WR_ERR_UNKNOWN;
}

int64_t sql_int(sql_call *q, int column) {
    return sqlite3_column_int64(q->stmt, column);
}

wr_slice sql_blob(sql_call *q, int column) {
    const void *ptr = sqlite3_column_blob(q->stmt, column);
    if (ptr == NULL)
        return WR_SLICE_EMPTY;
    return wr_slice_of(ptr, (size_t)sqlite3_column_bytes(q->stmt, column));
}

wr_err sql_fixed(sql_call *q, int column, uint8_t *out, size_t len) {
    wr_slice bytes = sql_blob(q, column);
    if (bytes.len != len)
        return sql_corrupt(q->s, q->file, "a value has the wrong size");
    if (len != 0)
        memcpy(out, bytes.ptr, len);
    return WR_OK;
}

wr_err sql_corrupt(store_sqlite *s, sql_file file, const char *what) {
    (void)snprintf(s->base.problem, sizeof s->base.problem, "%s is damaged: %s", s->path[file],
                   what);
    return WR_ERR_CORRUPT;
}
