/* Rows of feeds, writing half: known feeds, put, joining a complete chunk, arrival numbers.
 *
 * Layer:  store, private to store_sqlite
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_sqlite_impl.h"
#include "store/store_sqlite_parts.h"

#include <stdlib.h>

/* ---- feeds ------------------------------------------------------------------------------- */

void sqlite_feeds_forget(store_sqlite *s) {
    s->feed_count = 0;
    s->feed_recent = 0;
}

static sqlite_feed *known_feed(store_sqlite *s, const wr_hash *feed_id) {
    /* Bulk sync asks for the same feed again and again. */
    if (s->feed_recent < s->feed_count && wr_hash_equal(&s->feeds[s->feed_recent].feed_id, feed_id))
        return &s->feeds[s->feed_recent];
    for (size_t i = 0; i < s->feed_count; i++) {
        if (!wr_hash_equal(&s->feeds[i].feed_id, feed_id))
            continue;
        s->feed_recent = i;
        return &s->feeds[i];
    }
    return NULL;
}

/* Where the feed ends is what its last row says. */
static wr_err read_end(store_sqlite *s, sqlite_feed *feed) {
    int64_t base = sqlite_row_id(feed->no, 0);
    SQL_CALL(q, s, ROW_BEFORE);
    sql_bind_int(&q, 1, base + (int64_t)MIGRATIONS_SEQ_MAX);
    sql_bind_int(&q, 2, base);
    bool row = false;
    WR_TRY(sql_next(&q, &row));
    if (!row)
        return WR_OK;
    feed->len = (uint64_t)(sql_int(&q, 0) - base) + (uint64_t)sql_int(&q, 1);
    feed->hlc_last = sql_hlc(&q, 2);
    return WR_OK;
}

static wr_err remember(store_sqlite *s, const wr_hash *feed_id, int64_t no,
                       sqlite_feed **ret_feed) {
    sqlite_feed feed = {.feed_id = *feed_id, .no = no};
    if (no <= 0 || no > (int64_t)MIGRATIONS_FEED_MAX)
        return sql_corrupt(s, SQL_STORE, "a feed number is out of range");
    WR_TRY(read_end(s, &feed));
    if (s->feed_count == s->feed_cap) {
        size_t cap = s->feed_cap == 0 ? 16 : s->feed_cap * 2;
        sqlite_feed *feeds = (sqlite_feed *)realloc(s->feeds, cap * sizeof *feeds);
        if (feeds == NULL)
            return WR_ERR_NOMEM;
        s->feeds = feeds;
        s->feed_cap = cap;
    }
    s->feeds[s->feed_count] = feed;
    *ret_feed = &s->feeds[s->feed_count++];
    return WR_OK;
}

wr_err sqlite_feed_find(store_sqlite *s, const wr_hash *feed_id, sqlite_feed **ret_feed) {
    *ret_feed = known_feed(s, feed_id);
    if (*ret_feed != NULL)
        return WR_OK;
    SQL_CALL(q, s, FEED_FIND);
    sql_bind_blob(&q, 1, WR_SLICE_OBJ(*feed_id));
    WR_TRY(sql_one(&q));
    return remember(s, feed_id, sql_int(&q, 0), ret_feed);
}

wr_err sqlite_feed_add(store_sqlite *s, const wr_hash *feed_id, sqlite_feed **ret_feed) {
    wr_err found = sqlite_feed_find(s, feed_id, ret_feed);
    if (found != WR_ERR_UNKNOWN)
        return found;
    SQL_CALL(q, s, FEED_ADD);
    sql_bind_blob(&q, 1, WR_SLICE_OBJ(*feed_id));
    WR_TRY(sql_one(&q));
    return remember(s, feed_id, sql_int(&q, 0), ret_feed);
}

wr_err sqlite_feed_len(store *base, const wr_hash *feed_id, uint64_t *ret_len) {
    sqlite_feed *feed = NULL;
    wr_err found = sqlite_feed_find(sqlite_of(base), feed_id, &feed);
    if (found != WR_OK && found != WR_ERR_UNKNOWN)
        return found;
    *ret_len = found == WR_OK ? feed->len : 0;
    return WR_OK;
}

/* ---- arrivals ------------------------------------------------------------------------------ */

static wr_err know_run(store_sqlite *s) {
    if (s->run.known)
        return WR_OK;
    SQL_CALL(q, s, ARRIVAL_LAST);
    bool row = false;
    WR_TRY(sql_next(&q, &row));
    s->run = (sqlite_run){.known = true, .arrival = 1};
    if (!row)
        return WR_OK;
    s->run.arrival = (uint64_t)sql_int(&q, 0);
    s->run.feed = sql_int(&q, 1);
    s->run.first_seq = (uint64_t)sql_int(&q, 2);
    s->run.count = (uint64_t)sql_int(&q, 3);
    return WR_OK;
}

wr_err sqlite_last_arrival(store *base, uint64_t *ret_arrival) {
    store_sqlite *s = sqlite_of(base);
    WR_TRY(know_run(s));
    *ret_arrival = s->run.arrival + s->run.count - 1;
    return WR_OK;
}

static wr_err add_arrival(store_sqlite *s, const sqlite_feed *feed, const store_rows *rows) {
    WR_TRY(know_run(s));
    sqlite_run *run = &s->run;
    if (run->feed == feed->no && run->first_seq + run->count == rows->first_seq) {
        run->count += rows->count;
        SQL_CALL(q, s, ARRIVAL_GROW);
        sql_bind_int(&q, 1, (int64_t)run->arrival);
        sql_bind_int(&q, 2, (int64_t)run->count);
        return sql_run(&q);
    }
    *run = (sqlite_run){.known = true,
                        .feed = feed->no,
                        .arrival = run->arrival + run->count,
                        .first_seq = rows->first_seq,
                        .count = rows->count};
    SQL_CALL(q, s, ARRIVAL_ADD);
    sql_bind_int(&q, 1, (int64_t)run->arrival);
    sql_bind_int(&q, 2, run->feed);
    sql_bind_int(&q, 3, (int64_t)run->first_seq);
    sql_bind_int(&q, 4, (int64_t)run->count);
    return sql_run(&q);
}

/* ---- joining a complete chunk -------------------------------------------------------------- */

typedef struct chunk_rows {
    uint32_t count;
    uint32_t bytes[WR_CHUNK_ENTRIES];
    int64_t id[WR_CHUNK_ENTRIES + 1]; /* the last one is the end of the chunk */
} chunk_rows;

static wr_err read_sizes(store_sqlite *s, int64_t from, int64_t to, chunk_rows *chunk) {
    SQL_CALL(q, s, ROW_SIZES);
    sql_bind_int(&q, 1, from);
    sql_bind_int(&q, 2, to);
    sql_bind_int(&q, 3, from);
    bool row = false;
    chunk->count = 0;
    for (;;) {
        WR_TRY(sql_next(&q, &row));
        if (!row)
            break;
        if (chunk->count == WR_CHUNK_ENTRIES)
            return sql_corrupt(s, SQL_STORE, "a chunk has too many rows");
        chunk->id[chunk->count] = sql_int(&q, 0);
        chunk->bytes[chunk->count++] = (uint32_t)sql_int(&q, 4);
    }
    chunk->id[chunk->count] = to;
    return WR_OK;
}

/* Concatenates the rows from .. before to into one. */
static wr_err gather(store_sqlite *s, int64_t from, int64_t to, wr_buf *out,
                     uint64_t *ret_hlc_last) {
    SQL_CALL(q, s, ROW_EACH);
    sql_bind_int(&q, 1, from);
    sql_bind_int(&q, 2, to);
    sql_bind_int(&q, 3, from);
    bool row = false;
    for (;;) {
        WR_TRY(sql_next(&q, &row));
        if (!row)
            return WR_OK;
        WR_TRY(wr_buf_put(out, sql_blob(&q, 4)));
        *ret_hlc_last = sql_hlc(&q, 3);
    }
}

static wr_err replace(store_sqlite *s, int64_t from, int64_t to, wr_slice bytes,
                      uint64_t hlc_last) {
    SQL_CALL(gone, s, ROW_DELETE);
    sql_bind_int(&gone, 1, from);
    sql_bind_int(&gone, 2, to);
    WR_TRY(sql_run(&gone));
    SQL_CALL(q, s, ROW_JOIN);
    sql_bind_int(&q, 1, from);
    sql_bind_int(&q, 2, to - from);
    sql_bind_hlc(&q, 3, hlc_last);
    sql_bind_blob(&q, 4, bytes);
    return sql_run(&q);
}

static wr_err fold_logs(store_sqlite *s, int64_t feed_no, int64_t from, int64_t to) {
    int64_t base = sqlite_row_id(feed_no, 0);
    SQL_CALL(join, s, ROW_LOG_JOIN);
    sql_bind_int(&join, 1, feed_no);
    sql_bind_int(&join, 2, from - base);
    sql_bind_int(&join, 3, to - base);
    WR_TRY(sql_run(&join));
    SQL_CALL(gone, s, ROW_LOG_DELETE);
    sql_bind_int(&gone, 1, feed_no);
    sql_bind_int(&gone, 2, from - base);
    sql_bind_int(&gone, 3, to - base);
    return sql_run(&gone);
}

static wr_err join_rows(store_sqlite *s, int64_t feed_no, int64_t from, int64_t to) {
    uint64_t hlc_last = 0;
    uint8_t *bytes = (uint8_t *)malloc(STORE_JOIN_BYTES);
    if (bytes == NULL)
        return WR_ERR_NOMEM;
    wr_buf out = wr_buf_of(bytes, STORE_JOIN_BYTES);
    wr_err err = gather(s, from, to, &out, &hlc_last);
    if (err == WR_OK)
        err = replace(s, from, to, wr_buf_slice(&out), hlc_last);
    free(bytes);
    WR_TRY(err);
    return fold_logs(s, feed_no, from, to);
}

static wr_err join_chunk(store_sqlite *s, int64_t feed_no, uint64_t first_seq) {
    chunk_rows chunk;
    store_join join;
    int64_t from = sqlite_row_id(feed_no, first_seq);
    WR_TRY(read_sizes(s, from, from + (int64_t)WR_CHUNK_ENTRIES, &chunk));
    uint32_t index = 0;
    while (store_next_join(chunk.bytes, chunk.count, index, &join)) {
        index = join.first + join.count;
        WR_TRY(join_rows(s, feed_no, chunk.id[join.first], chunk.id[index]));
    }
    return WR_OK;
}

/* ---- put ---- */

static wr_err insert_row(store_sqlite *s, int64_t feed_no, const store_rows *rows) {
    SQL_CALL(q, s, ROW_PUT);
    sql_bind_int(&q, 1, sqlite_row_id(feed_no, rows->first_seq));
    sql_bind_int(&q, 2, rows->count);
    sql_bind_hlc(&q, 3, rows->hlc_first);
    sql_bind_hlc(&q, 4, rows->hlc_last);
    sql_bind_blob(&q, 5, rows->bytes);
    return sql_run(&q);
}

static wr_err insert_row_log(store_sqlite *s, int64_t feed_no, uint64_t first_seq,
                             const store_row_log *log) {
    SQL_CALL(q, s, ROW_LOG_PUT);
    sql_bind_int(&q, 1, feed_no);
    sql_bind_int(&q, 2, log->log_no);
    sql_bind_int(&q, 3, (int64_t)first_seq);
    sql_bind_hlc(&q, 4, log->hlc_first);
    sql_bind_hlc(&q, 5, log->hlc_last);
    sql_bind_int(&q, 6, log->count);
    return sql_run(&q);
}

wr_err sqlite_put_rows(store *base, const wr_hash *feed_id, const store_rows *rows,
                       const store_row_log *logs, uint32_t log_count) {
    store_sqlite *s = sqlite_of(base);
    sqlite_feed *feed = NULL;
    uint64_t end = rows->first_seq + rows->count;
    if (end > MIGRATIONS_SEQ_MAX)
        return WR_ERR_LIMIT;
    wr_err found = sqlite_feed_find(s, feed_id, &feed);
    if (rows->first_seq != (found == WR_OK ? feed->len : 0))
        return found == WR_OK || found == WR_ERR_UNKNOWN ? WR_ERR_STATE : found;
    if (found == WR_ERR_UNKNOWN)
        found = sqlite_feed_add(s, feed_id, &feed);
    WR_TRY(found);
    if (rows->hlc_first < feed->hlc_last)
        return WR_ERR_FORMAT;

    WR_TRY(insert_row(s, feed->no, rows));
    for (uint32_t i = 0; i < log_count; i++)
        WR_TRY(insert_row_log(s, feed->no, rows->first_seq, &logs[i]));
    WR_TRY(add_arrival(s, feed, rows));
    bool joins = end % WR_CHUNK_ENTRIES == 0 && rows->count < WR_CHUNK_ENTRIES;
    if (joins)
        WR_TRY(join_chunk(s, feed->no, end - WR_CHUNK_ENTRIES));
    feed->len = end;
    feed->hlc_last = rows->hlc_last;
    return WR_OK;
}
