/* What an implementation of the store contract provides: one table of functions.
 *
 * store.c checks what is the same for all (transaction state, limits), then calls the table.  So an
 * implementation may rely on it: writes come inside a transaction only, keys and values are within
 * their limits, rows are well formed but for their place in the feed.
 *
 * Layer:  store, private
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORE_STORE_IMPL_H
#define STORE_STORE_IMPL_H

#include "store/store.h"

typedef struct store_ops {
    void (*close)(store *s);
    wr_err (*begin)(store *s);
    wr_err (*commit)(store *s); /* on error nothing of the transaction remains */
    void (*rollback)(store *s);
    /* Called before every other function; an error is the call's result.  NULL: none. */
    wr_err (*gate)(store *s);

    wr_err (*put_meta)(store *s, wr_slice key, wr_slice value);
    wr_err (*delete_meta)(store *s, wr_slice key);
    wr_err (*get_meta)(store *s, wr_slice key, wr_buf *out);

    wr_err (*put_op)(store *s, const wr_hash *op_id, wr_slice bytes, const wr_sig *sig);
    wr_err (*each_op)(store *s, store_op_fn fn, void *ctx);

    wr_err (*put_epoch)(store *s, const wr_hash *epoch_id, const wr_key *secret);
    wr_err (*delete_epoch)(store *s, const wr_hash *epoch_id);
    wr_err (*each_epoch)(store *s, store_epoch_fn fn, void *ctx);
    wr_err (*put_secret)(store *s, wr_slice key, const wr_key *secret);
    wr_err (*get_secret)(store *s, wr_slice key, wr_key *ret_secret);

    wr_err (*put_head)(store *s, const wr_hash *feed_id, wr_slice head);
    wr_err (*each_head)(store *s, store_head_fn fn, void *ctx);
    wr_err (*put_node)(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                       const wr_hash *node);
    wr_err (*get_node)(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                       wr_hash *ret_node);

    wr_err (*put_rows)(store *s, const wr_hash *feed_id, const store_rows *rows,
                       const store_row_log *logs, uint32_t log_count);
    wr_err (*each_rows)(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                        store_rows_fn fn, void *ctx);
    wr_err (*rows_bytes)(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                         uint64_t *ret_bytes);
    wr_err (*feed_len)(store *s, const wr_hash *feed_id, uint64_t *ret_len);

    wr_err (*put_log)(store *s, const wr_hash *name_key, wr_slice name_sealed,
                      uint32_t *ret_log_id);
    wr_err (*find_log)(store *s, const wr_hash *name_key, uint32_t *ret_log_id);
    wr_err (*each_log)(store *s, store_log_fn fn, void *ctx);
    wr_err (*bind_log)(store *s, const wr_hash *feed_id, uint16_t log_no, uint32_t log_id);
    wr_err (*get_bound)(store *s, const wr_hash *feed_id, uint32_t log_id, uint16_t *ret_log_no);
    wr_err (*max_bound)(store *s, const wr_hash *feed_id, uint32_t *ret_next_log_no);
    wr_err (*each_bound)(store *s, uint32_t log_id, store_bound_fn fn, void *ctx);
    wr_err (*each_log_rows)(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t hlc_from,
                            store_rows_fn fn, void *ctx);
    wr_err (*log_count)(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t *ret_count);

    wr_err (*last_arrival)(store *s, uint64_t *ret_arrival);
    wr_err (*each_arrival)(store *s, uint64_t after, store_arrival_fn fn, void *ctx);

    wr_err (*put_tail)(store *s, const store_tail *tail);
    wr_err (*delete_tail)(store *s, uint64_t hlc);
    wr_err (*each_tail)(store *s, uint64_t hlc_from, store_tail_fn fn, void *ctx);
    wr_err (*tail_count)(store *s, uint64_t *ret_count);
    wr_err (*put_alias)(store *s, uint64_t answered_hlc, uint64_t hlc);
    wr_err (*get_alias)(store *s, uint64_t answered_hlc, uint64_t *ret_hlc);

    wr_err (*disk_bytes)(store *s, uint64_t *ret_bytes);
    wr_err (*entry_count)(store *s, uint64_t *ret_count);
} store_ops;

#define STORE_PROBLEM_MAX 1536u

/* First member of every implementation's struct. */
struct store {
    const store_ops *ops;
    bool open;      /* between begin and commit or rollback */
    bool broken;    /* a write failed: only rollback is legal */
    uint32_t depth; /* _each functions running */
    char problem[STORE_PROBLEM_MAX];
};

/* Rows of a complete chunk that become one: a stretch of at least two whose bytes fit. */
typedef struct store_join {
    uint32_t first, count; /* indices of the rows */
} store_join;

/* The first stretch of rows at or after index that is to be joined; false if there is none.  Greedy
 * from the left: what does not fit starts the next stretch. */
WR_MUST bool store_next_join(const uint32_t *row_bytes, uint32_t row_count, uint32_t index,
                             store_join *ret_join);

/* What the result of an _each callback means: stop with OK, stop with an error, go on. */
static inline bool store_stops(wr_err from_fn, wr_err *ret_result) {
    *ret_result = from_fn == WR_ERR_CLOSED ? WR_OK : from_fn;
    return from_fn != WR_OK;
}

#endif /* STORE_STORE_IMPL_H */
