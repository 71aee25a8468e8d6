/* The store in memory as its own files see it.
 *
 * Layer:  store, private to store_memory
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORE_STORE_MEMORY_IMPL_H
#define STORE_STORE_MEMORY_IMPL_H

#include "store/store_impl.h"
#include "store/store_memory_table.h"

typedef struct store_memory {
    store base;
    mem_tables tables;
    uint64_t calls;
    uint64_t fail_at; /* value of calls at which to fail; 0: never */
} store_memory;

static inline mem_tables *mem_of(store *s) {
    return &((store_memory *)s)->tables;
}

/* A value that is one of our own fixed forms: its fields can be taken without a check. */
static inline uint64_t mem_take_u64(wr_slice *in) {
    uint64_t value = 0;
    bool taken = wr_slice_take_u64(in, &value);
    WR_ASSERT(taken);
    return value;
}
static inline uint32_t mem_take_u32(wr_slice *in) {
    uint32_t value = 0;
    bool taken = wr_slice_take_u32(in, &value);
    WR_ASSERT(taken);
    return value;
}
static inline uint16_t mem_take_u16(wr_slice *in) {
    uint16_t value = 0;
    bool taken = wr_slice_take_u16(in, &value);
    WR_ASSERT(taken);
    return value;
}
static inline void mem_take_bytes(wr_slice *in, uint8_t *out, size_t len) {
    wr_slice bytes = WR_SLICE_EMPTY;
    bool taken = wr_slice_take(in, len, &bytes);
    WR_ASSERT(taken);
    memcpy(out, bytes.ptr, len);
}

/* store_memory_rows.c: the feeds' part of the table. */
wr_err memory_put_rows(store *s, const wr_hash *feed_id, const store_rows *rows,
                       const store_row_log *logs, uint32_t log_count);
wr_err memory_each_rows(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                        store_rows_fn fn, void *ctx);
wr_err memory_rows_bytes(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                         uint64_t *ret_bytes);
wr_err memory_feed_len(store *s, const wr_hash *feed_id, uint64_t *ret_len);
wr_err memory_each_log_rows(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t hlc_from,
                            store_rows_fn fn, void *ctx);
wr_err memory_log_count(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t *ret_count);
wr_err memory_last_arrival(store *s, uint64_t *ret_arrival);
wr_err memory_each_arrival(store *s, uint64_t after, store_arrival_fn fn, void *ctx);

#endif /* STORE_STORE_MEMORY_IMPL_H */
