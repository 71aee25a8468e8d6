/* Rows of feeds, reading half: by place, by log, by arrival.
 *
 * Layer:  store, private to store_sqlite
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_sqlite_impl.h"
#include "store/store_sqlite_parts.h"

static uint64_t clamp_seq(uint64_t seq) {
    return seq < MIGRATIONS_SEQ_MAX ? seq : MIGRATIONS_SEQ_MAX;
}

/* Columns: id, count, hlc_first, hlc_last, bytes.  The slice lives until the next step. */
static wr_err read_row(sql_call *q, int64_t feed_no, store_rows *ret_rows) {
    int64_t seq = sql_int(q, 0) - sqlite_row_id(feed_no, 0), count = sql_int(q, 1);
    if (seq < 0 || count <= 0 ||
        (uint64_t)seq % WR_CHUNK_ENTRIES + (uint64_t)count > WR_CHUNK_ENTRIES)
        return sql_corrupt(q->s, SQL_STORE, "a row is out of range");
    *ret_rows = (store_rows){
        .first_seq = (uint64_t)seq,
        .count = (uint32_t)count,
        .hlc_first = sql_hlc(q, 2),
        .hlc_last = sql_hlc(q, 3),
        .bytes = sql_blob(q, 4),
        .row_first_seq = (uint64_t)seq,
        .row_count = (uint32_t)count,
    };
    return WR_OK;
}

static void bind_range(sql_call *q, int64_t feed_no, uint64_t from, uint64_t to) {
    sql_bind_int(q, 1, sqlite_row_id(feed_no, clamp_seq(from)));
    sql_bind_int(q, 2, sqlite_row_id(feed_no, clamp_seq(to)));
    sql_bind_int(q, 3, sqlite_row_id(feed_no, 0));
}

static wr_err each_rows_of(store_sqlite *s, int64_t feed_no, uint64_t from, uint64_t to,
                           store_rows_fn fn, void *ctx) {
    SQL_CALL(q, s, ROW_EACH);
    bind_range(&q, feed_no, from, to);
    bool row = false;
    for (;;) {
        store_rows rows = {.count = 0};
        WR_TRY(sql_next(&q, &row));
        if (!row)
            return WR_OK;
        WR_TRY(read_row(&q, feed_no, &rows));
        /* The row before from may end before it, at the end of the feed. */
        if (rows.first_seq + rows.count > from)
            WR_TRY(fn(ctx, &rows));
    }
}

wr_err sqlite_each_rows(store *base, const wr_hash *feed_id, uint64_t from, uint64_t to,
                        store_rows_fn fn, void *ctx) {
    sqlite_feed *feed = NULL;
    wr_err result = sqlite_feed_find(sqlite_of(base), feed_id, &feed);
    if (result == WR_OK && from < to)
        result = each_rows_of(sqlite_of(base), feed->no, from, to, fn, ctx);
    return result == WR_ERR_CLOSED || result == WR_ERR_UNKNOWN ? WR_OK : result;
}

wr_err sqlite_rows_bytes(store *base, const wr_hash *feed_id, uint64_t from, uint64_t to,
                         uint64_t *ret_bytes) {
    sqlite_feed *feed = NULL;
    uint64_t bytes = 0;
    wr_err found = sqlite_feed_find(sqlite_of(base), feed_id, &feed);
    if (found != WR_OK && found != WR_ERR_UNKNOWN)
        return found;
    if (found == WR_OK && from < to) {
        SQL_CALL(q, sqlite_of(base), ROW_SIZES);
        bind_range(&q, feed->no, from, to);
        int64_t first = sqlite_row_id(feed->no, clamp_seq(from));
        bool row = true;
        for (;;) {
            WR_TRY(sql_next(&q, &row));
            if (!row)
                break;
            if (sql_int(&q, 0) + sql_int(&q, 1) > first)
                bytes += (uint64_t)sql_int(&q, 4);
        }
    }
    *ret_bytes = bytes;
    return WR_OK;
}

/* ---- by log ------------------------------------------------------------------------------- */

/* The place of the first row whose hlc_last is >= hlc: times never fall within a feed, so halving
 * the places finds it without an index over times. */
static wr_err seek_hlc(store_sqlite *s, const sqlite_feed *feed, uint64_t hlc, uint64_t *ret_seq) {
    uint64_t low = 0, high = feed->len; /* rows that end at or before low are too early */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        SQL_CALL(q, s, ROW_BEFORE);
        sql_bind_int(&q, 1, sqlite_row_id(feed->no, middle));
        sql_bind_int(&q, 2, sqlite_row_id(feed->no, low));
        wr_err found = sql_one(&q);
        if (found == WR_ERR_UNKNOWN)
            return sql_corrupt(s, SQL_STORE, "a feed has a gap");
        WR_TRY(found);
        uint64_t seq = (uint64_t)(sql_int(&q, 0) - sqlite_row_id(feed->no, 0));
        uint64_t end = seq + (uint64_t)sql_int(&q, 1);
        if (end <= middle)
            return sql_corrupt(s, SQL_STORE, "a feed has a gap");
        if (sql_hlc(&q, 2) < hlc)
            low = end;
        else
            high = seq;
    }
    *ret_seq = low;
    return WR_OK;
}

static wr_err each_log_rows_of(store_sqlite *s, const sqlite_feed *feed, uint16_t log_no,
                               uint64_t hlc_from, store_rows_fn fn, void *ctx) {
    uint64_t from = 0;
    int64_t feed_no = feed->no;
    WR_TRY(seek_hlc(s, feed, hlc_from, &from));
    SQL_CALL(q, s, ROW_LOG_EACH);
    sql_bind_int(&q, 1, feed_no);
    sql_bind_int(&q, 2, log_no);
    sql_bind_int(&q, 3, (int64_t)from);
    sql_bind_int(&q, 4, sqlite_row_id(feed_no, 0));
    sql_bind_hlc(&q, 5, hlc_from);
    bool row = false;
    for (;;) {
        store_rows rows;
        WR_TRY(sql_next(&q, &row));
        if (!row)
            return WR_OK;
        WR_TRY(read_row(&q, feed_no, &rows));
        WR_TRY(fn(ctx, &rows));
    }
}

wr_err sqlite_each_log_rows(store *base, const wr_hash *feed_id, uint16_t log_no, uint64_t hlc_from,
                            store_rows_fn fn, void *ctx) {
    sqlite_feed *feed = NULL;
    wr_err result = sqlite_feed_find(sqlite_of(base), feed_id, &feed);
    if (result == WR_OK)
        result = each_log_rows_of(sqlite_of(base), feed, log_no, hlc_from, fn, ctx);
    return result == WR_ERR_CLOSED || result == WR_ERR_UNKNOWN ? WR_OK : result;
}

wr_err sqlite_log_count(store *base, const wr_hash *feed_id, uint16_t log_no, uint64_t *ret_count) {
    sqlite_feed *feed = NULL;
    wr_err found = sqlite_feed_find(sqlite_of(base), feed_id, &feed);
    if (found == WR_ERR_UNKNOWN) {
        *ret_count = 0;
        return WR_OK;
    }
    WR_TRY(found);
    SQL_CALL(q, sqlite_of(base), ROW_LOG_COUNT);
    sql_bind_int(&q, 1, feed->no);
    sql_bind_int(&q, 2, log_no);
    WR_TRY(sql_one(&q));
    *ret_count = (uint64_t)sql_int(&q, 0);
    return WR_OK;
}

/* ---- by arrival ----------------------------------------------------------------------------- */

typedef struct arrival_part {
    uint64_t arrival, first_seq, end; /* of the record */
    uint64_t next;                    /* the first entry not yet given */
    wr_hash feed_id;
    store_arrival_fn fn;
    void *ctx;
} arrival_part;

static wr_err give_part(void *ctx, const store_rows *rows) {
    arrival_part *part = (arrival_part *)ctx;
    store_rows given = *rows;
    uint64_t row_end = rows->first_seq + rows->count;
    uint64_t end = row_end < part->end ? row_end : part->end;
    given.first_seq = part->next;
    given.count = (uint32_t)(end - part->next);
    part->next = end;
    return part->fn(part->ctx, part->arrival + (end - part->first_seq) - 1, &part->feed_id, &given);
}

static wr_err feed_id_of(store_sqlite *s, int64_t feed_no, wr_hash *ret_feed_id) {
    SQL_CALL(q, s, FEED_ID);
    sql_bind_int(&q, 1, feed_no);
    wr_err found = sql_one(&q);
    if (found == WR_ERR_UNKNOWN)
        return sql_corrupt(s, SQL_STORE, "an arrival names no feed");
    WR_TRY(found);
    return sql_fixed(&q, 0, ret_feed_id->b, sizeof ret_feed_id->b);
}

static wr_err each_arrival_after(store_sqlite *s, uint64_t after, store_arrival_fn fn, void *ctx) {
    SQL_CALL(q, s, ARRIVAL_EACH);
    sql_bind_int(&q, 1, (int64_t)(after + 1));
    bool row = false;
    for (;;) {
        WR_TRY(sql_next(&q, &row));
        if (!row)
            return WR_OK;
        arrival_part part = {.arrival = (uint64_t)sql_int(&q, 0), .fn = fn, .ctx = ctx};
        int64_t feed_no = sql_int(&q, 1);
        part.first_seq = part.next = (uint64_t)sql_int(&q, 2);
        part.end = part.first_seq + (uint64_t)sql_int(&q, 3);
        if (after >= part.arrival)
            part.next += after - part.arrival + 1;
        if (part.next >= part.end)
            continue;
        WR_TRY(feed_id_of(s, feed_no, &part.feed_id));
        WR_TRY(each_rows_of(s, feed_no, part.next, part.end, give_part, &part));
        if (part.next != part.end)
            return sql_corrupt(s, SQL_STORE, "a feed has a gap");
    }
}

wr_err sqlite_each_arrival(store *base, uint64_t after, store_arrival_fn fn, void *ctx) {
    if (after >= INT64_MAX)
        return WR_OK;
    wr_err result = each_arrival_after(sqlite_of(base), after, fn, ctx);
    return result == WR_ERR_CLOSED ? WR_OK : result;
}
