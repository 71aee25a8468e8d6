/* The functions that store_sqlite.c puts into the table, by the file that has them.
 *
 * Layer:  store, private to store_sqlite
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORE_STORE_SQLITE_PARTS_H
#define STORE_STORE_SQLITE_PARTS_H

#include "store/store_impl.h"

/* store_sqlite_items.c */
wr_err sqlite_put_meta(store *s, wr_slice key, wr_slice value);
wr_err sqlite_delete_meta(store *s, wr_slice key);
wr_err sqlite_get_meta(store *s, wr_slice key, wr_buf *out);
wr_err sqlite_put_op(store *s, const wr_hash *op_id, wr_slice bytes, const wr_sig *sig);
wr_err sqlite_each_op(store *s, store_op_fn fn, void *ctx);
wr_err sqlite_put_head(store *s, const wr_hash *feed_id, wr_slice head);
wr_err sqlite_each_head(store *s, store_head_fn fn, void *ctx);
wr_err sqlite_put_node(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                       const wr_hash *node);
wr_err sqlite_get_node(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                       wr_hash *ret_node);
wr_err sqlite_put_tail(store *s, const store_tail *tail);
wr_err sqlite_delete_tail(store *s, uint64_t hlc);
wr_err sqlite_each_tail(store *s, uint64_t hlc_from, store_tail_fn fn, void *ctx);
wr_err sqlite_tail_count(store *s, uint64_t *ret_count);
wr_err sqlite_put_alias(store *s, uint64_t answered_hlc, uint64_t hlc);
wr_err sqlite_get_alias(store *s, uint64_t answered_hlc, uint64_t *ret_hlc);

/* store_sqlite_keys.c */
wr_err sqlite_put_epoch(store *s, const wr_hash *epoch_id, const wr_key *secret);
wr_err sqlite_delete_epoch(store *s, const wr_hash *epoch_id);
wr_err sqlite_each_epoch(store *s, store_epoch_fn fn, void *ctx);
wr_err sqlite_put_secret(store *s, wr_slice key, const wr_key *secret);
wr_err sqlite_get_secret(store *s, wr_slice key, wr_key *ret_secret);

/* store_sqlite_logs.c */
wr_err sqlite_put_log(store *s, const wr_hash *name_key, wr_slice name_sealed,
                      uint32_t *ret_log_id);
wr_err sqlite_find_log(store *s, const wr_hash *name_key, uint32_t *ret_log_id);
wr_err sqlite_each_log(store *s, store_log_fn fn, void *ctx);
wr_err sqlite_bind_log(store *s, const wr_hash *feed_id, uint16_t log_no, uint32_t log_id);
wr_err sqlite_get_bound(store *s, const wr_hash *feed_id, uint32_t log_id, uint16_t *ret_log_no);
wr_err sqlite_max_bound(store *s, const wr_hash *feed_id, uint32_t *ret_next_log_no);
wr_err sqlite_each_bound(store *s, uint32_t log_id, store_bound_fn fn, void *ctx);

/* store_sqlite_rows.c */
wr_err sqlite_put_rows(store *s, const wr_hash *feed_id, const store_rows *rows,
                       const store_row_log *logs, uint32_t log_count);
wr_err sqlite_feed_len(store *s, const wr_hash *feed_id, uint64_t *ret_len);
wr_err sqlite_last_arrival(store *s, uint64_t *ret_arrival);

/* store_sqlite_read.c */
wr_err sqlite_each_rows(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                        store_rows_fn fn, void *ctx);
wr_err sqlite_rows_bytes(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                         uint64_t *ret_bytes);
wr_err sqlite_each_log_rows(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t hlc_from,
                            store_rows_fn fn, void *ctx);
wr_err sqlite_log_count(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t *ret_count);
wr_err sqlite_each_arrival(store *s, uint64_t after, store_arrival_fn fn, void *ctx);

#endif /* STORE_STORE_SQLITE_PARTS_H */
