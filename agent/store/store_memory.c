/* The store contract in memory: what the simulator's devices keep when they crash.
 *
 * Layer:  store
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_memory.h"

#include "store/store_memory_impl.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- life ------------------------------------------------------------------------ */

static void memory_close(store *s) {
    mem_tables_wipe(mem_of(s));
    free(s);
}

static wr_err memory_begin(store *s) {
    WR_ASSERT(mem_of(s)->undo_count == 0);
    return WR_OK;
}

static wr_err memory_commit(store *s) {
    mem_keep(mem_of(s));
    return WR_OK;
}

static void memory_rollback(store *s) {
    mem_undo_all(mem_of(s));
}

static wr_err memory_gate(store *s) {
    store_memory *m = (store_memory *)s;
    m->calls++;
    if (m->calls != m->fail_at)
        return WR_OK;
    m->fail_at = 0;
    (void)snprintf(s->problem, sizeof s->problem, "memory: made to fail");
    return WR_ERR_IO;
}

void store_memory_fail_at(store *s, uint64_t nth_call) {
    store_memory *m = (store_memory *)s;
    m->fail_at = nth_call == 0 ? 0 : m->calls + nth_call;
}

uint64_t store_memory_calls(const store *s) {
    return ((const store_memory *)s)->calls;
}

void store_memory_crash(store *s) {
    store_memory_fail_at(s, 0);
    s->depth = 0; /* the process may have died inside an _each function */
    store_rollback(s);
}

/* ---- small values ------------------------------------------------------------------ */

static wr_err memory_put_meta(store *s, wr_slice key, wr_slice value) {
    return mem_put(mem_of(s), MEM_META, key, value);
}

static wr_err memory_delete_meta(store *s, wr_slice key) {
    return mem_delete(mem_of(s), MEM_META, key);
}

static wr_err memory_get_meta(store *s, wr_slice key, wr_buf *out) {
    wr_slice value;
    if (!mem_get(mem_of(s), MEM_META, key, &value))
        return WR_ERR_UNKNOWN;
    return wr_buf_put(out, value);
}

/* ---- ops, epochs, secrets ------------------------------------------------------------ */

/* The number after the last one of a table whose keys are numbers. */
static uint64_t next_no(const mem_tables *t, mem_table_no table) {
    wr_slice rest, value;
    return mem_last(t, table, WR_SLICE_EMPTY, &rest, &value) ? mem_take_u64(&rest) + 1 : 1;
}

static wr_err memory_put_op(store *s, const wr_hash *op_id, wr_slice bytes, const wr_sig *sig) {
    mem_tables *t = mem_of(s);
    wr_slice known;
    if (mem_get(t, MEM_OP_IDS, WR_SLICE_OBJ(*op_id), &known))
        return WR_ERR_EXISTS;
    mem_key no = {{0}, 0};
    mem_key_u64(&no, next_no(t, MEM_OPS));
    WR_TRY(mem_put2(t, MEM_OPS, mem_key_slice(&no), WR_SLICE_OBJ(*sig), bytes));
    return mem_put(t, MEM_OP_IDS, WR_SLICE_OBJ(*op_id), WR_SLICE_EMPTY);
}

static wr_err memory_each_op(store *s, store_op_fn fn, void *ctx) {
    wr_slice no, value;
    wr_err result = WR_OK;
    for (size_t i = 0; mem_at(mem_of(s), MEM_OPS, i, WR_SLICE_EMPTY, &no, &value); i++) {
        wr_sig sig;
        mem_take_bytes(&value, sig.b, sizeof sig.b);
        if (store_stops(fn(ctx, value, &sig), &result))
            return result;
    }
    return WR_OK;
}

static wr_err memory_put_epoch(store *s, const wr_hash *epoch_id, const wr_key *secret) {
    mem_tables *t = mem_of(s);
    mem_key no = {{0}, 0};
    wr_slice known;
    if (mem_get(t, MEM_EPOCH_IDS, WR_SLICE_OBJ(*epoch_id), &known))
        mem_key_add(&no, known);
    else
        mem_key_u64(&no, next_no(t, MEM_EPOCHS));
    WR_TRY(mem_put(t, MEM_EPOCH_IDS, WR_SLICE_OBJ(*epoch_id), mem_key_slice(&no)));
    return mem_put2(t, MEM_EPOCHS, mem_key_slice(&no), WR_SLICE_OBJ(*epoch_id),
                    WR_SLICE_OBJ(*secret));
}

static wr_err memory_delete_epoch(store *s, const wr_hash *epoch_id) {
    mem_tables *t = mem_of(s);
    mem_key no = {{0}, 0};
    wr_slice known;
    if (!mem_get(t, MEM_EPOCH_IDS, WR_SLICE_OBJ(*epoch_id), &known))
        return WR_OK;
    mem_key_add(&no, known);
    WR_TRY(mem_delete(t, MEM_EPOCHS, mem_key_slice(&no)));
    return mem_delete(t, MEM_EPOCH_IDS, WR_SLICE_OBJ(*epoch_id));
}

static wr_err memory_each_epoch(store *s, store_epoch_fn fn, void *ctx) {
    wr_slice no, value;
    wr_err result = WR_OK;
    for (size_t i = 0; mem_at(mem_of(s), MEM_EPOCHS, i, WR_SLICE_EMPTY, &no, &value); i++) {
        wr_hash id;
        WR_SECRET(wr_key) secret;
        mem_take_bytes(&value, id.b, sizeof id.b);
        mem_take_bytes(&value, secret.b, sizeof secret.b);
        if (store_stops(fn(ctx, &id, &secret), &result))
            return result;
    }
    return WR_OK;
}

static wr_err memory_put_secret(store *s, wr_slice key, const wr_key *secret) {
    return mem_put(mem_of(s), MEM_SECRETS, key, WR_SLICE_OBJ(*secret));
}

static wr_err memory_get_secret(store *s, wr_slice key, wr_key *ret_secret) {
    wr_slice value;
    if (!mem_get(mem_of(s), MEM_SECRETS, key, &value))
        return WR_ERR_UNKNOWN;
    mem_take_bytes(&value, ret_secret->b, sizeof ret_secret->b);
    return WR_OK;
}

/* ---- heads and nodes ------------------------------------------------------------------- */

static wr_err memory_put_head(store *s, const wr_hash *feed_id, wr_slice head) {
    return mem_put(mem_of(s), MEM_HEADS, WR_SLICE_OBJ(*feed_id), head);
}

static wr_err memory_each_head(store *s, store_head_fn fn, void *ctx) {
    wr_slice rest, value;
    wr_err result = WR_OK;
    for (size_t i = 0; mem_at(mem_of(s), MEM_HEADS, i, WR_SLICE_EMPTY, &rest, &value); i++) {
        wr_hash id;
        mem_take_bytes(&rest, id.b, sizeof id.b);
        if (store_stops(fn(ctx, &id, value), &result))
            return result;
    }
    return WR_OK;
}

static mem_key node_key(const wr_hash *feed_id, uint8_t level, uint64_t index) {
    mem_key key = {{0}, 0};
    mem_key_add(&key, WR_SLICE_OBJ(*feed_id));
    mem_key_add(&key, wr_slice_of(&level, 1));
    mem_key_u64(&key, index);
    return key;
}

static wr_err memory_put_node(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                              const wr_hash *node) {
    mem_key key = node_key(feed_id, level, index);
    return mem_put(mem_of(s), MEM_NODES, mem_key_slice(&key), WR_SLICE_OBJ(*node));
}

static wr_err memory_get_node(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                              wr_hash *ret_node) {
    mem_key key = node_key(feed_id, level, index);
    wr_slice value;
    if (!mem_get(mem_of(s), MEM_NODES, mem_key_slice(&key), &value))
        return WR_ERR_UNKNOWN;
    mem_take_bytes(&value, ret_node->b, sizeof ret_node->b);
    return WR_OK;
}

/* ---- logs -------------------------------------------------------------------------------- */

static wr_err memory_find_log(store *s, const wr_hash *name_key, uint32_t *ret_log_id) {
    wr_slice value;
    if (!mem_get(mem_of(s), MEM_LOG_NAMES, WR_SLICE_OBJ(*name_key), &value))
        return WR_ERR_UNKNOWN;
    *ret_log_id = mem_take_u32(&value);
    return WR_OK;
}

static wr_err memory_put_log(store *s, const wr_hash *name_key, wr_slice name_sealed,
                             uint32_t *ret_log_id) {
    mem_tables *t = mem_of(s);
    if (memory_find_log(s, name_key, ret_log_id) == WR_OK)
        return WR_OK;
    wr_slice rest, value;
    uint32_t log_id = 1;
    if (mem_last(t, MEM_LOGS, WR_SLICE_EMPTY, &rest, &value))
        log_id = mem_take_u32(&rest) + 1;
    mem_key id = {{0}, 0};
    mem_key_u32(&id, log_id);
    WR_TRY(mem_put(t, MEM_LOGS, mem_key_slice(&id), name_sealed));
    WR_TRY(mem_put(t, MEM_LOG_NAMES, WR_SLICE_OBJ(*name_key), mem_key_slice(&id)));
    *ret_log_id = log_id;
    return WR_OK;
}

static wr_err memory_each_log(store *s, store_log_fn fn, void *ctx) {
    wr_slice rest, value;
    wr_err result = WR_OK;
    for (size_t i = 0; mem_at(mem_of(s), MEM_LOGS, i, WR_SLICE_EMPTY, &rest, &value); i++) {
        store_log log = {mem_take_u32(&rest), value};
        if (store_stops(fn(ctx, &log), &result))
            return result;
    }
    return WR_OK;
}

static wr_err memory_bind_log(store *s, const wr_hash *feed_id, uint16_t log_no, uint32_t log_id) {
    mem_tables *t = mem_of(s);
    mem_key key = {{0}, 0}, id = {{0}, 0}, back = {{0}, 0};
    wr_slice known;
    mem_key_add(&key, WR_SLICE_OBJ(*feed_id));
    mem_key_u16(&key, log_no);
    mem_key_u32(&id, log_id);
    if (mem_get(t, MEM_BOUND, mem_key_slice(&key), &known))
        return wr_equal(known, mem_key_slice(&id)) ? WR_OK : WR_ERR_EXISTS;
    mem_key_u32(&back, log_id);
    mem_key_add(&back, mem_key_slice(&key));
    WR_TRY(mem_put(t, MEM_BOUND, mem_key_slice(&key), mem_key_slice(&id)));
    return mem_put(t, MEM_BOUND_LOGS, mem_key_slice(&back), WR_SLICE_EMPTY);
}

static wr_err memory_get_bound(store *s, const wr_hash *feed_id, uint32_t log_id,
                               uint16_t *ret_log_no) {
    mem_tables *t = mem_of(s);
    mem_key prefix = {{0}, 0};
    wr_slice rest, value;
    mem_key_u32(&prefix, log_id);
    mem_key_add(&prefix, WR_SLICE_OBJ(*feed_id));
    size_t index = mem_seek(t, MEM_BOUND_LOGS, mem_key_slice(&prefix));
    if (!mem_at(t, MEM_BOUND_LOGS, index, mem_key_slice(&prefix), &rest, &value))
        return WR_ERR_UNKNOWN;
    *ret_log_no = mem_take_u16(&rest);
    return WR_OK;
}

static wr_err memory_max_bound(store *s, const wr_hash *feed_id, uint32_t *ret_next_log_no) {
    wr_slice rest, value;
    bool any = mem_last(mem_of(s), MEM_BOUND, WR_SLICE_OBJ(*feed_id), &rest, &value);
    *ret_next_log_no = any ? mem_take_u16(&rest) + 1u : 0;
    return WR_OK;
}

static wr_err memory_each_bound(store *s, uint32_t log_id, store_bound_fn fn, void *ctx) {
    mem_tables *t = mem_of(s);
    mem_key prefix = {{0}, 0};
    wr_slice rest, value;
    wr_err result = WR_OK;
    mem_key_u32(&prefix, log_id);
    size_t index = mem_seek(t, MEM_BOUND_LOGS, mem_key_slice(&prefix));
    while (mem_at(t, MEM_BOUND_LOGS, index++, mem_key_slice(&prefix), &rest, &value)) {
        wr_hash feed_id;
        mem_take_bytes(&rest, feed_id.b, sizeof feed_id.b);
        if (store_stops(fn(ctx, &feed_id, mem_take_u16(&rest)), &result))
            return result;
    }
    return WR_OK;
}

/* ---- the tail ---------------------------------------------------------------------------- */

static wr_err memory_put_tail(store *s, const store_tail *tail) {
    mem_key key = {{0}, 0}, head = {{0}, 0};
    mem_key_u64(&key, tail->hlc);
    mem_key_u32(&head, tail->log_id);
    return mem_put2(mem_of(s), MEM_TAIL, mem_key_slice(&key), mem_key_slice(&head), tail->sealed);
}

static wr_err memory_delete_tail(store *s, uint64_t hlc) {
    mem_key key = {{0}, 0};
    mem_key_u64(&key, hlc);
    return mem_delete(mem_of(s), MEM_TAIL, mem_key_slice(&key));
}

static wr_err memory_each_tail(store *s, uint64_t hlc_from, store_tail_fn fn, void *ctx) {
    mem_tables *t = mem_of(s);
    mem_key key = {{0}, 0};
    wr_slice rest, value;
    wr_err result = WR_OK;
    mem_key_u64(&key, hlc_from);
    size_t index = mem_seek(t, MEM_TAIL, mem_key_slice(&key));
    while (mem_at(t, MEM_TAIL, index++, WR_SLICE_EMPTY, &rest, &value)) {
        store_tail tail = {.hlc = mem_take_u64(&rest)};
        tail.log_id = mem_take_u32(&value);
        tail.sealed = value;
        if (store_stops(fn(ctx, &tail), &result))
            return result;
    }
    return WR_OK;
}

static wr_err memory_tail_count(store *s, uint64_t *ret_count) {
    *ret_count = mem_of(s)->table[MEM_TAIL].count;
    return WR_OK;
}

static wr_err memory_put_alias(store *s, uint64_t answered_hlc, uint64_t hlc) {
    mem_key key = {{0}, 0}, value = {{0}, 0};
    mem_key_u64(&key, answered_hlc);
    mem_key_u64(&value, hlc);
    return mem_put(mem_of(s), MEM_ALIASES, mem_key_slice(&key), mem_key_slice(&value));
}

static wr_err memory_get_alias(store *s, uint64_t answered_hlc, uint64_t *ret_hlc) {
    mem_key key = {{0}, 0};
    wr_slice value;
    mem_key_u64(&key, answered_hlc);
    if (!mem_get(mem_of(s), MEM_ALIASES, mem_key_slice(&key), &value))
        return WR_ERR_UNKNOWN;
    *ret_hlc = mem_take_u64(&value);
    return WR_OK;
}

static wr_err memory_disk_bytes(store *s, uint64_t *ret_bytes) {
    *ret_bytes = mem_of(s)->bytes;
    return WR_OK;
}

/* ---- the table ------------------------------------------------------------------------------ */

static const store_ops memory_ops = {
    .close = memory_close,
    .begin = memory_begin,
    .commit = memory_commit,
    .rollback = memory_rollback,
    .gate = memory_gate,
    .put_meta = memory_put_meta,
    .delete_meta = memory_delete_meta,
    .get_meta = memory_get_meta,
    .put_op = memory_put_op,
    .each_op = memory_each_op,
    .put_epoch = memory_put_epoch,
    .delete_epoch = memory_delete_epoch,
    .each_epoch = memory_each_epoch,
    .put_secret = memory_put_secret,
    .get_secret = memory_get_secret,
    .put_head = memory_put_head,
    .each_head = memory_each_head,
    .put_node = memory_put_node,
    .get_node = memory_get_node,
    .put_rows = memory_put_rows,
    .each_rows = memory_each_rows,
    .rows_bytes = memory_rows_bytes,
    .feed_len = memory_feed_len,
    .put_log = memory_put_log,
    .find_log = memory_find_log,
    .each_log = memory_each_log,
    .bind_log = memory_bind_log,
    .get_bound = memory_get_bound,
    .max_bound = memory_max_bound,
    .each_bound = memory_each_bound,
    .each_log_rows = memory_each_log_rows,
    .log_count = memory_log_count,
    .last_arrival = memory_last_arrival,
    .each_arrival = memory_each_arrival,
    .put_tail = memory_put_tail,
    .delete_tail = memory_delete_tail,
    .each_tail = memory_each_tail,
    .tail_count = memory_tail_count,
    .put_alias = memory_put_alias,
    .get_alias = memory_get_alias,
    .disk_bytes = memory_disk_bytes,
    .entry_count = memory_last_arrival, /* every entry took one number */
};

wr_err store_open_memory(store **ret_store) {
    store_memory *m = (store_memory *)calloc(1, sizeof *m);
    if (m == NULL)
        return WR_ERR_NOMEM;
    m->base.ops = &memory_ops;
    *ret_store = &m->base;
    return WR_OK;
}

wr_err store_memory_copy(const store *s, store **ret_copy) {
    store *copy = NULL;
    WR_TRY(store_open_memory(&copy));
    wr_err err = mem_tables_copy(mem_of(copy), &((const store_memory *)s)->tables);
    if (err != WR_OK) {
        store_close(copy);
        return err;
    }
    *ret_copy = copy;
    return WR_OK;
}
