/* Ordered tables of byte strings in memory, with one undo log: what a database does, in small.
 *
 *   put, delete .. -> keep (commit) | undo (rollback)
 *
 * Layer:  store, private to store_memory
 * Owner:  mem_tables lives inside its owner; every record is one allocation of the tables.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORE_STORE_MEMORY_TABLE_H
#define STORE_STORE_MEMORY_TABLE_H

#include "base/base.h"

typedef enum mem_table_no {
    MEM_META,       /* key -> value */
    MEM_OPS,        /* no -> sig || bytes */
    MEM_OP_IDS,     /* op id -> */
    MEM_EPOCHS,     /* no -> epoch id || secret */
    MEM_EPOCH_IDS,  /* epoch id -> no */
    MEM_SECRETS,    /* key -> secret */
    MEM_HEADS,      /* feed -> head */
    MEM_NODES,      /* feed || level || index -> node */
    MEM_ROWS,       /* feed || first -> count || hlc first || hlc last || bytes */
    MEM_ROW_LOGS,   /* feed || log no || first -> hlc first || hlc last || count */
    MEM_ARRIVALS,   /* number of the first entry -> feed || first || count */
    MEM_LOGS,       /* log id -> sealed name */
    MEM_LOG_NAMES,  /* name key -> log id */
    MEM_BOUND,      /* feed || log no -> log id */
    MEM_BOUND_LOGS, /* log id || feed || log no -> */
    MEM_TAIL,       /* hlc -> log id || sealed */
    MEM_ALIASES,    /* answered hlc -> hlc */
    MEM_TABLE_COUNT,
} mem_table_no;

typedef struct mem_record {
    uint8_t *data; /* key || value */
    uint32_t key_len, value_len;
} mem_record;

typedef struct mem_table {
    mem_record *list; /* ascending by key */
    size_t count, cap;
} mem_table;

typedef struct mem_undo {
    mem_table_no table;
    bool existed;      /* record is what was there; else its key alone, which was not */
    mem_record record; /* owned */
} mem_undo;

typedef struct mem_tables {
    mem_table table[MEM_TABLE_COUNT];
    mem_undo *undo;
    size_t undo_count, undo_cap;
    uint64_t bytes; /* of all keys and values */
} mem_tables;

/* A key under construction; fields are big-endian, so bytes sort as numbers do. */
typedef struct mem_key {
    uint8_t b[96];
    size_t len;
} mem_key;

static inline wr_slice mem_key_slice(const mem_key *key) {
    return wr_slice_of(key->b, key->len);
}
void mem_key_add(mem_key *key, wr_slice bytes);
void mem_key_u16(mem_key *key, uint16_t value);
void mem_key_u32(mem_key *key, uint32_t value);
void mem_key_u64(mem_key *key, uint64_t value);

/* NOMEM: nothing changed. */
WR_MUST wr_err mem_put(mem_tables *t, mem_table_no table, wr_slice key, wr_slice value);
WR_MUST wr_err mem_put2(mem_tables *t, mem_table_no table, wr_slice key, wr_slice head,
                        wr_slice rest); /* the value in two parts */
WR_MUST wr_err mem_delete(mem_tables *t, mem_table_no table, wr_slice key); /* absent is fine */
/* The value lives until the table changes. */
WR_MUST bool mem_get(const mem_tables *t, mem_table_no table, wr_slice key, wr_slice *ret_value);
/* Index of the first record whose key is >= key. */
size_t mem_seek(const mem_tables *t, mem_table_no table, wr_slice key);
/* The record at index if its key starts with prefix; ret_rest is the key behind the prefix. */
WR_MUST bool mem_at(const mem_tables *t, mem_table_no table, size_t index, wr_slice prefix,
                    wr_slice *ret_rest, wr_slice *ret_value);
/* The last record whose key starts with prefix. */
WR_MUST bool mem_last(const mem_tables *t, mem_table_no table, wr_slice prefix, wr_slice *ret_rest,
                      wr_slice *ret_value);

void mem_keep(mem_tables *t);
void mem_undo_all(mem_tables *t);
/* to is empty; nothing of from is open.  NOMEM: to is to be wiped. */
WR_MUST wr_err mem_tables_copy(mem_tables *to, const mem_tables *from);
void mem_tables_wipe(mem_tables *t); /* frees everything */

#endif /* STORE_STORE_MEMORY_TABLE_H */
