/* Ordered tables of byte strings: sorted arrays, and a log of what to put back.
 *
 * Layer:  store, private to store_memory
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_memory_table.h"

#include <stdlib.h>

void mem_key_add(mem_key *key, wr_slice bytes) {
    WR_ASSERT(bytes.len <= sizeof key->b - key->len);
    if (bytes.len != 0)
        memcpy(key->b + key->len, bytes.ptr, bytes.len);
    key->len += bytes.len;
}

void mem_key_u16(mem_key *key, uint16_t value) {
    uint8_t b[2];
    wr_store_u16(b, value);
    mem_key_add(key, wr_slice_of(b, sizeof b));
}

void mem_key_u32(mem_key *key, uint32_t value) {
    uint8_t b[4];
    wr_store_u32(b, value);
    mem_key_add(key, wr_slice_of(b, sizeof b));
}

void mem_key_u64(mem_key *key, uint64_t value) {
    uint8_t b[8];
    wr_store_u64(b, value);
    mem_key_add(key, wr_slice_of(b, sizeof b));
}

/* ---- records ------------------------------------------------------------------- */

static wr_slice key_of(const mem_record *record) {
    return wr_slice_of(record->data, record->key_len);
}

static wr_slice value_of(const mem_record *record) {
    return wr_slice_of(record->data + record->key_len, record->value_len);
}

/* The value is given in two parts. */
static wr_err record_new(wr_slice key, wr_slice head, wr_slice rest, mem_record *ret_record) {
    size_t value_len = head.len + rest.len;
    mem_record record = {NULL, (uint32_t)key.len, (uint32_t)value_len};
    record.data = (uint8_t *)malloc(key.len + value_len + 1);
    if (record.data == NULL)
        return WR_ERR_NOMEM;
    wr_buf out = wr_buf_of(record.data, key.len + value_len);
    WR_TRY(wr_buf_put(&out, key));
    WR_TRY(wr_buf_put(&out, head));
    WR_TRY(wr_buf_put(&out, rest));
    *ret_record = record;
    return WR_OK;
}

static void record_free(mem_record *record) {
    /* Some of them are secrets. */
    wr_wipe(record->data, (size_t)record->key_len + record->value_len);
    free(record->data);
    record->data = NULL;
}

static uint64_t record_bytes(const mem_record *record) {
    return (uint64_t)record->key_len + record->value_len;
}

/* ---- arrays -------------------------------------------------------------------- */

size_t mem_seek(const mem_tables *t, mem_table_no table, wr_slice key) {
    const mem_table *m = &t->table[table];
    size_t low = 0, high = m->count;
    /* Most writes go to the end. */
    if (high != 0 && wr_order(key_of(&m->list[high - 1]), key) < 0)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (wr_order(key_of(&m->list[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool found_at(const mem_table *m, size_t index, wr_slice key) {
    return index < m->count && wr_order(key_of(&m->list[index]), key) == 0;
}

static wr_err reserve(mem_table *m) {
    if (m->count < m->cap)
        return WR_OK;
    size_t cap = m->cap == 0 ? 16 : m->cap * 2;
    mem_record *list = (mem_record *)realloc(m->list, cap * sizeof *list);
    if (list == NULL)
        return WR_ERR_NOMEM;
    m->list = list;
    m->cap = cap;
    return WR_OK;
}

static wr_err reserve_undo(mem_tables *t) {
    if (t->undo_count < t->undo_cap)
        return WR_OK;
    size_t cap = t->undo_cap == 0 ? 16 : t->undo_cap * 2;
    mem_undo *undo = (mem_undo *)realloc(t->undo, cap * sizeof *undo);
    if (undo == NULL)
        return WR_ERR_NOMEM;
    t->undo = undo;
    t->undo_cap = cap;
    return WR_OK;
}

static void insert_at(mem_table *m, size_t index, mem_record record) {
    WR_ASSERT(m->count < m->cap);
    memmove(&m->list[index + 1], &m->list[index], (m->count - index) * sizeof record);
    m->list[index] = record;
    m->count++;
}

static mem_record remove_at(mem_table *m, size_t index) {
    mem_record record = m->list[index];
    m->count--;
    memmove(&m->list[index], &m->list[index + 1], (m->count - index) * sizeof record);
    return record;
}

wr_err mem_put(mem_tables *t, mem_table_no table, wr_slice key, wr_slice value) {
    return mem_put2(t, table, key, value, WR_SLICE_EMPTY);
}

wr_err mem_put2(mem_tables *t, mem_table_no table, wr_slice key, wr_slice head, wr_slice rest) {
    mem_table *m = &t->table[table];
    WR_TRY(reserve(m));
    WR_TRY(reserve_undo(t));
    mem_record record;
    WR_TRY(record_new(key, head, rest, &record));
    size_t index = mem_seek(t, table, key);
    mem_undo undo = {table, found_at(m, index, key), {NULL, 0, 0}};
    if (!undo.existed) {
        wr_err err = record_new(key, WR_SLICE_EMPTY, WR_SLICE_EMPTY, &undo.record);
        if (err != WR_OK) {
            record_free(&record);
            return err;
        }
        insert_at(m, index, record);
    } else {
        undo.record = m->list[index];
        t->bytes -= record_bytes(&undo.record);
        m->list[index] = record;
    }
    t->bytes += record_bytes(&record);
    t->undo[t->undo_count++] = undo;
    return WR_OK;
}

wr_err mem_delete(mem_tables *t, mem_table_no table, wr_slice key) {
    mem_table *m = &t->table[table];
    size_t index = mem_seek(t, table, key);
    if (!found_at(m, index, key))
        return WR_OK;
    WR_TRY(reserve_undo(t));
    mem_undo undo = {table, true, remove_at(m, index)};
    t->bytes -= record_bytes(&undo.record);
    t->undo[t->undo_count++] = undo;
    return WR_OK;
}

bool mem_get(const mem_tables *t, mem_table_no table, wr_slice key, wr_slice *ret_value) {
    const mem_table *m = &t->table[table];
    size_t index = mem_seek(t, table, key);
    if (!found_at(m, index, key))
        return false;
    *ret_value = value_of(&m->list[index]);
    return true;
}

bool mem_at(const mem_tables *t, mem_table_no table, size_t index, wr_slice prefix,
            wr_slice *ret_rest, wr_slice *ret_value) {
    const mem_table *m = &t->table[table];
    if (index >= m->count)
        return false;
    wr_slice rest = key_of(&m->list[index]), start;
    if (!wr_slice_take(&rest, prefix.len, &start) || wr_order(start, prefix) != 0)
        return false;
    *ret_rest = rest;
    *ret_value = value_of(&m->list[index]);
    return true;
}

bool mem_last(const mem_tables *t, mem_table_no table, wr_slice prefix, wr_slice *ret_rest,
              wr_slice *ret_value) {
    /* No key goes on with this many bytes of 0xff. */
    mem_key past = {{0}, 0};
    mem_key_add(&past, prefix);
    memset(past.b + past.len, 0xff, sizeof past.b - past.len);
    past.len = sizeof past.b;
    size_t index = mem_seek(t, table, mem_key_slice(&past));
    return index != 0 && mem_at(t, table, index - 1, prefix, ret_rest, ret_value);
}

/* ---- transactions ---------------------------------------------------------------- */

void mem_keep(mem_tables *t) {
    while (t->undo_count != 0)
        record_free(&t->undo[--t->undo_count].record);
}

static void undo_one(mem_tables *t, mem_undo *undo) {
    mem_table *m = &t->table[undo->table];
    size_t index = mem_seek(t, undo->table, key_of(&undo->record));
    bool found = found_at(m, index, key_of(&undo->record));
    if (found)
        t->bytes -= record_bytes(&m->list[index]);
    if (!undo->existed) {
        WR_ASSERT(found);
        mem_record record = remove_at(m, index);
        record_free(&record);
        record_free(&undo->record);
        return;
    }
    t->bytes += record_bytes(&undo->record);
    if (found) {
        record_free(&m->list[index]);
        m->list[index] = undo->record;
        return;
    }
    /* There is room: the record came out of this array, which never shrinks. */
    insert_at(m, index, undo->record);
}

void mem_undo_all(mem_tables *t) {
    while (t->undo_count != 0)
        undo_one(t, &t->undo[--t->undo_count]);
}

wr_err mem_tables_copy(mem_tables *to, const mem_tables *from) {
    WR_ASSERT(from->undo_count == 0);
    for (size_t i = 0; i < MEM_TABLE_COUNT; i++) {
        const mem_table *m = &from->table[i];
        for (size_t j = 0; j < m->count; j++)
            WR_TRY(mem_put(to, (mem_table_no)i, key_of(&m->list[j]), value_of(&m->list[j])));
        mem_keep(to);
    }
    return WR_OK;
}

void mem_tables_wipe(mem_tables *t) {
    mem_keep(t);
    free(t->undo);
    for (size_t i = 0; i < MEM_TABLE_COUNT; i++) {
        mem_table *m = &t->table[i];
        for (size_t j = 0; j < m->count; j++)
            record_free(&m->list[j]);
        free(m->list);
    }
    *t = (mem_tables){0};
}
