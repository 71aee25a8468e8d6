/* Rows of feeds in memory: put, join, read by place, by log and by arrival.
 *
 * Layer:  store, private to store_memory
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_memory_impl.h"

#include <stdlib.h>

static mem_key feed_key(const wr_hash *feed_id) {
    mem_key key = {{0}, 0};
    mem_key_add(&key, WR_SLICE_OBJ(*feed_id));
    return key;
}

static mem_key row_key(const wr_hash *feed_id, uint64_t first_seq) {
    mem_key key = feed_key(feed_id);
    mem_key_u64(&key, first_seq);
    return key;
}

static mem_key log_key(const wr_hash *feed_id, uint16_t log_no) {
    mem_key key = feed_key(feed_id);
    mem_key_u16(&key, log_no);
    return key;
}

static store_rows decode_row(uint64_t first_seq, wr_slice value) {
    store_rows rows = {.first_seq = first_seq, .row_first_seq = first_seq};
    rows.count = rows.row_count = mem_take_u32(&value);
    rows.hlc_first = mem_take_u64(&value);
    rows.hlc_last = mem_take_u64(&value);
    rows.bytes = value;
    return rows;
}

static wr_err write_row(mem_tables *t, const wr_hash *feed_id, const store_rows *rows) {
    mem_key key = row_key(feed_id, rows->first_seq), head = {{0}, 0};
    mem_key_u32(&head, rows->count);
    mem_key_u64(&head, rows->hlc_first);
    mem_key_u64(&head, rows->hlc_last);
    return mem_put2(t, MEM_ROWS, mem_key_slice(&key), mem_key_slice(&head), rows->bytes);
}

static wr_err write_row_log(mem_tables *t, const wr_hash *feed_id, uint64_t first_seq,
                            const store_row_log *log) {
    mem_key key = log_key(feed_id, log->log_no), value = {{0}, 0};
    mem_key_u64(&key, first_seq);
    mem_key_u64(&value, log->hlc_first);
    mem_key_u64(&value, log->hlc_last);
    mem_key_u32(&value, log->count);
    return mem_put(t, MEM_ROW_LOGS, mem_key_slice(&key), mem_key_slice(&value));
}

static store_row_log decode_row_log(uint16_t log_no, wr_slice value) {
    store_row_log log = {.log_no = log_no};
    log.hlc_first = mem_take_u64(&value);
    log.hlc_last = mem_take_u64(&value);
    log.count = mem_take_u32(&value);
    return log;
}

static bool last_row(mem_tables *t, const wr_hash *feed_id, store_rows *ret_rows) {
    mem_key prefix = feed_key(feed_id);
    wr_slice rest, value;
    if (!mem_last(t, MEM_ROWS, mem_key_slice(&prefix), &rest, &value))
        return false;
    *ret_rows = decode_row(mem_take_u64(&rest), value);
    return true;
}

wr_err memory_feed_len(store *s, const wr_hash *feed_id, uint64_t *ret_len) {
    store_rows last;
    *ret_len = last_row(mem_of(s), feed_id, &last) ? last.first_seq + last.count : 0;
    return WR_OK;
}

/* ---- arrivals ------------------------------------------------------------------- */

typedef struct arrival_run {
    uint64_t first_arrival, first_seq;
    wr_hash feed_id;
    uint32_t count;
} arrival_run;

static bool run_at(mem_tables *t, size_t index, arrival_run *ret_run) {
    wr_slice rest, value;
    if (!mem_at(t, MEM_ARRIVALS, index, WR_SLICE_EMPTY, &rest, &value))
        return false;
    ret_run->first_arrival = mem_take_u64(&rest);
    mem_take_bytes(&value, ret_run->feed_id.b, sizeof ret_run->feed_id.b);
    ret_run->first_seq = mem_take_u64(&value);
    ret_run->count = mem_take_u32(&value);
    return true;
}

wr_err memory_last_arrival(store *s, uint64_t *ret_arrival) {
    mem_tables *t = mem_of(s);
    size_t count = t->table[MEM_ARRIVALS].count;
    arrival_run run = {0};
    bool any = count != 0 && run_at(t, count - 1, &run);
    *ret_arrival = any ? run.first_arrival + run.count - 1 : 0;
    return WR_OK;
}

static wr_err add_arrival(store *s, const wr_hash *feed_id, const store_rows *rows) {
    mem_key key = {{0}, 0}, value = {{0}, 0};
    uint64_t last = 0;
    WR_TRY(memory_last_arrival(s, &last));
    mem_key_u64(&key, last + 1);
    mem_key_add(&value, WR_SLICE_OBJ(*feed_id));
    mem_key_u64(&value, rows->first_seq);
    mem_key_u32(&value, rows->count);
    return mem_put(mem_of(s), MEM_ARRIVALS, mem_key_slice(&key), mem_key_slice(&value));
}

/* ---- joining a complete chunk ------------------------------------------------------ */

static wr_err join_logs(mem_tables *t, const wr_hash *feed_id, uint64_t from, uint64_t to) {
    mem_key prefix = feed_key(feed_id);
    wr_slice rest, value;
    size_t index = mem_seek(t, MEM_ROW_LOGS, mem_key_slice(&prefix));
    while (mem_at(t, MEM_ROW_LOGS, index, mem_key_slice(&prefix), &rest, &value)) {
        uint16_t log_no = mem_take_u16(&rest);
        uint64_t first_seq = mem_take_u64(&rest);
        if (first_seq <= from || first_seq >= to) {
            index++;
            continue;
        }
        /* Folds this record into the one at from, which sorts before it. */
        store_row_log log = decode_row_log(log_no, value);
        mem_key gone = log_key(feed_id, log_no), kept = gone;
        mem_key_u64(&gone, first_seq);
        mem_key_u64(&kept, from);
        bool joined = mem_get(t, MEM_ROW_LOGS, mem_key_slice(&kept), &value);
        if (joined) {
            store_row_log first = decode_row_log(log_no, value);
            log.hlc_first = first.hlc_first;
            log.count += first.count;
        }
        WR_TRY(mem_delete(t, MEM_ROW_LOGS, mem_key_slice(&gone)));
        WR_TRY(write_row_log(t, feed_id, from, &log));
        index += joined ? 0 : 1;
    }
    return WR_OK;
}

static wr_err join_rows(mem_tables *t, const wr_hash *feed_id, const store_rows *list,
                        uint32_t count) {
    store_rows whole = list[0];
    uint8_t *bytes = (uint8_t *)malloc(STORE_JOIN_BYTES);
    if (bytes == NULL)
        return WR_ERR_NOMEM;
    wr_buf out = wr_buf_of(bytes, STORE_JOIN_BYTES);
    wr_err err = WR_OK;
    whole.count = 0;
    for (uint32_t i = 0; i < count && err == WR_OK; i++) {
        err = wr_buf_put(&out, list[i].bytes);
        whole.count += list[i].count;
    }
    whole.hlc_last = list[count - 1].hlc_last;
    whole.bytes = wr_buf_slice(&out);
    for (uint32_t i = 1; i < count && err == WR_OK; i++) {
        mem_key key = row_key(feed_id, list[i].first_seq);
        err = mem_delete(t, MEM_ROWS, mem_key_slice(&key));
    }
    if (err == WR_OK)
        err = write_row(t, feed_id, &whole);
    if (err == WR_OK)
        err = join_logs(t, feed_id, whole.first_seq, whole.first_seq + whole.count);
    free(bytes);
    return err;
}

typedef struct chunk_rows {
    uint32_t count;
    store_rows list[WR_CHUNK_ENTRIES];
    uint32_t bytes[WR_CHUNK_ENTRIES];
} chunk_rows;

static void read_chunk(mem_tables *t, const wr_hash *feed_id, uint64_t first_seq,
                       chunk_rows *chunk) {
    mem_key start = row_key(feed_id, first_seq), prefix = feed_key(feed_id);
    wr_slice rest, value;
    size_t index = mem_seek(t, MEM_ROWS, mem_key_slice(&start));
    chunk->count = 0;
    while (mem_at(t, MEM_ROWS, index++, mem_key_slice(&prefix), &rest, &value)) {
        WR_ASSERT(chunk->count < WR_CHUNK_ENTRIES);
        store_rows *rows = &chunk->list[chunk->count];
        *rows = decode_row(mem_take_u64(&rest), value);
        chunk->bytes[chunk->count++] = (uint32_t)rows->bytes.len;
    }
}

static wr_err join_chunk(mem_tables *t, const wr_hash *feed_id, uint64_t first_seq) {
    chunk_rows *chunk = (chunk_rows *)malloc(sizeof *chunk);
    if (chunk == NULL)
        return WR_ERR_NOMEM;
    read_chunk(t, feed_id, first_seq, chunk);
    store_join join;
    wr_err err = WR_OK;
    uint32_t index = 0;
    while (err == WR_OK && store_next_join(chunk->bytes, chunk->count, index, &join)) {
        err = join_rows(t, feed_id, &chunk->list[join.first], join.count);
        index = join.first + join.count;
    }
    free(chunk);
    return err;
}

wr_err memory_put_rows(store *s, const wr_hash *feed_id, const store_rows *rows,
                       const store_row_log *logs, uint32_t log_count) {
    mem_tables *t = mem_of(s);
    store_rows last = {0};
    bool any = last_row(t, feed_id, &last);
    if (rows->first_seq != last.first_seq + last.count)
        return WR_ERR_STATE;
    if (any && rows->hlc_first < last.hlc_last)
        return WR_ERR_FORMAT;
    WR_TRY(write_row(t, feed_id, rows));
    for (uint32_t i = 0; i < log_count; i++)
        WR_TRY(write_row_log(t, feed_id, rows->first_seq, &logs[i]));
    WR_TRY(add_arrival(s, feed_id, rows));
    uint64_t end = rows->first_seq + rows->count;
    if (end % WR_CHUNK_ENTRIES != 0)
        return WR_OK;
    return join_chunk(t, feed_id, end - WR_CHUNK_ENTRIES);
}

/* ---- reading ------------------------------------------------------------------------- */

/* Index of the row that holds seq, or of the first after it. */
static size_t seek_row(mem_tables *t, const wr_hash *feed_id, uint64_t seq) {
    mem_key key = row_key(feed_id, seq), prefix = feed_key(feed_id);
    wr_slice rest, value;
    size_t index = mem_seek(t, MEM_ROWS, mem_key_slice(&key));
    if (index == 0 || !mem_at(t, MEM_ROWS, index - 1, mem_key_slice(&prefix), &rest, &value))
        return index;
    store_rows before = decode_row(mem_take_u64(&rest), value);
    return before.first_seq + before.count > seq ? index - 1 : index;
}

static bool row_at(mem_tables *t, const wr_hash *feed_id, size_t index, store_rows *ret_rows) {
    mem_key prefix = feed_key(feed_id);
    wr_slice rest, value;
    if (!mem_at(t, MEM_ROWS, index, mem_key_slice(&prefix), &rest, &value))
        return false;
    *ret_rows = decode_row(mem_take_u64(&rest), value);
    return true;
}

wr_err memory_each_rows(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                        store_rows_fn fn, void *ctx) {
    mem_tables *t = mem_of(s);
    store_rows rows;
    wr_err result = WR_OK;
    size_t index = seek_row(t, feed_id, from);
    while (row_at(t, feed_id, index++, &rows) && from < to && rows.first_seq < to)
        if (store_stops(fn(ctx, &rows), &result))
            return result;
    return WR_OK;
}

wr_err memory_rows_bytes(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                         uint64_t *ret_bytes) {
    mem_tables *t = mem_of(s);
    store_rows rows;
    uint64_t bytes = 0;
    size_t index = seek_row(t, feed_id, from);
    while (row_at(t, feed_id, index++, &rows) && from < to && rows.first_seq < to)
        bytes += rows.bytes.len;
    *ret_bytes = bytes;
    return WR_OK;
}

wr_err memory_each_log_rows(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t hlc_from,
                            store_rows_fn fn, void *ctx) {
    mem_tables *t = mem_of(s);
    mem_key prefix = log_key(feed_id, log_no);
    wr_slice rest, value;
    wr_err result = WR_OK;
    size_t index = mem_seek(t, MEM_ROW_LOGS, mem_key_slice(&prefix));
    while (mem_at(t, MEM_ROW_LOGS, index++, mem_key_slice(&prefix), &rest, &value)) {
        if (decode_row_log(log_no, value).hlc_last < hlc_from)
            continue;
        store_rows rows;
        bool found = row_at(t, feed_id, seek_row(t, feed_id, mem_take_u64(&rest)), &rows);
        WR_ASSERT(found);
        if (store_stops(fn(ctx, &rows), &result))
            return result;
    }
    return WR_OK;
}

wr_err memory_log_count(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t *ret_count) {
    mem_tables *t = mem_of(s);
    mem_key prefix = log_key(feed_id, log_no);
    wr_slice rest, value;
    uint64_t count = 0;
    size_t index = mem_seek(t, MEM_ROW_LOGS, mem_key_slice(&prefix));
    while (mem_at(t, MEM_ROW_LOGS, index++, mem_key_slice(&prefix), &rest, &value))
        count += decode_row_log(log_no, value).count;
    *ret_count = count;
    return WR_OK;
}

/* The part of one run that arrived later than after, row by row. */
static wr_err each_part(mem_tables *t, const arrival_run *run, uint64_t after, store_arrival_fn fn,
                        void *ctx) {
    uint64_t seq = run->first_seq, end = run->first_seq + run->count;
    if (after >= run->first_arrival)
        seq += after - run->first_arrival + 1;
    while (seq < end) {
        store_rows rows;
        bool found = row_at(t, &run->feed_id, seek_row(t, &run->feed_id, seq), &rows);
        WR_ASSERT(found);
        uint64_t row_end = rows.first_seq + rows.count;
        rows.first_seq = seq;
        rows.count = (uint32_t)((row_end < end ? row_end : end) - seq);
        seq += rows.count;
        WR_TRY(fn(ctx, run->first_arrival + (seq - run->first_seq) - 1, &run->feed_id, &rows));
    }
    return WR_OK;
}

wr_err memory_each_arrival(store *s, uint64_t after, store_arrival_fn fn, void *ctx) {
    mem_tables *t = mem_of(s);
    if (after == UINT64_MAX)
        return WR_OK;
    mem_key key = {{0}, 0};
    arrival_run run;
    wr_err result = WR_OK;
    mem_key_u64(&key, after + 1);
    size_t index = mem_seek(t, MEM_ARRIVALS, mem_key_slice(&key));
    if (index != 0)
        index--; /* a run that starts before may end after */
    while (run_at(t, index++, &run)) {
        if (after >= run.first_arrival + run.count - 1)
            continue;
        if (store_stops(each_part(t, &run, after, fn, ctx), &result))
            return result;
    }
    return WR_OK;
}
