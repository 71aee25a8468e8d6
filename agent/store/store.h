/* The store contract: everything of a circle that survives the process, one transaction a turn.
 *
 *   open -> { load.. } -> { begin -> puts -> commit | rollback }* -> close
 *
 * Two implementations stand behind it: store_sqlite (store.db, keys.db) and store_memory (the
 * simulator's).  Both pass tests/unit/store_contract_test.c.  What the store holds of feeds is
 * still encrypted; names and the tail are sealed by the caller (flow) before they come here.
 *
 * Layer:  store
 * Owner:  one per agent; single-threaded.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/base.h"
#include "base/limits.h"

typedef struct store store;

/* Errors of every call:
 *   IO       the disk failed or is full: roll back, tell the client, the circle's memory must be
 *            loaded again before more is written
 *   CORRUPT  the database is not what it should be (text in store_problem)
 *   VERSION  written by a newer version of this program
 *   BUSY     another process holds it
 *   NOMEM    out of memory: roll back
 *   STATE    a write outside begin .. commit, or from within an _each function
 *   LIMIT    a value is larger than the store takes
 * After IO, CORRUPT or NOMEM inside a transaction everything but store_rollback gives IO.  A
 * commit that fails has rolled back.  The fn of an _each function may read, not write. */

/* What went wrong last, for people: names the file.  Never NULL. */
const char *store_problem(const store *store);

typedef enum store_sync { STORE_SYNC_FULL, STORE_SYNC_NORMAL } store_sync;

/* Opens or creates store.db and keys.db in home.  keys_key seals the values of keys.db; it must
 * be the same for ever (device.key holds it).  On error *ret_problem (static or thread-local text)
 * says why, naming the file, and nothing on disk has changed. */
WR_MUST wr_err store_open_sqlite(const char *home, store_sync sync, const wr_key *keys_key,
                                 store **ret_store, const char **ret_problem);
WR_MUST wr_err store_open_memory(store **ret_store);
void store_close(store *store); /* rolls back what is open; NULL is fine */

WR_MUST wr_err store_begin(store *store);
WR_MUST wr_err store_commit(store *store); /* durable when it returns (sync = full) */
void store_rollback(store *store);

/* ---- small values: key -> bytes ------------------------------------------- */

#define STORE_KEY_MAX 64u
WR_MUST wr_err store_put_meta(store *store, wr_slice key, wr_slice value);
WR_MUST wr_err store_delete_meta(store *store, wr_slice key);
/* Appends the value to out.  UNKNOWN if absent, NOBUF. */
WR_MUST wr_err store_get_meta(store *store, wr_slice key, wr_buf *out);

/* ---- membership ops, in order of admission --------------------------------- */

/* EXISTS: nothing changed. */
WR_MUST wr_err store_put_op(store *store, const wr_hash *op_id, wr_slice bytes, const wr_sig *sig);
typedef wr_err (*store_op_fn)(void *ctx, wr_slice bytes, const wr_sig *sig);
/* Stops at the first error of fn and returns it. */
WR_MUST wr_err store_each_op(store *store, store_op_fn fn, void *ctx);

/* ---- epoch secrets (keys.db, sealed) ---------------------------------------- */

/* Sealed, and durable no later than the commit.  Again is fine. */
WR_MUST wr_err store_put_epoch(store *store, const wr_hash *epoch_id, const wr_key *secret);
WR_MUST wr_err store_delete_epoch(store *store, const wr_hash *epoch_id); /* absent is fine */
typedef wr_err (*store_epoch_fn)(void *ctx, const wr_hash *epoch_id, const wr_key *secret);
WR_MUST wr_err store_each_epoch(store *store, store_epoch_fn fn, void *ctx);
/* Another sealed value of keys.db, for example the circle seed. */
WR_MUST wr_err store_put_secret(store *store, wr_slice key, const wr_key *secret);
WR_MUST wr_err store_get_secret(store *store, wr_slice key, wr_key *ret_secret); /* UNKNOWN */

/* ---- feeds ------------------------------------------------------------------- */

/* The head of a feed: opaque bytes of the core (feed.md 6), and upper tree nodes. */
WR_MUST wr_err store_put_head(store *store, const wr_hash *feed_id, wr_slice head);
typedef wr_err (*store_head_fn)(void *ctx, const wr_hash *feed_id, wr_slice head);
WR_MUST wr_err store_each_head(store *store, store_head_fn fn, void *ctx);
WR_MUST wr_err store_put_node(store *store, const wr_hash *feed_id, uint8_t level, uint64_t index,
                              const wr_hash *node);
WR_MUST wr_err store_get_node(store *store, const wr_hash *feed_id, uint8_t level, uint64_t index,
                              wr_hash *ret_node); /* UNKNOWN */

/* Encoded entries of one feed: [first, first + count).  A row never crosses a chunk border.  When
 * a chunk is complete, its rows are joined (bytes one after the other) up to STORE_JOIN_BYTES, so
 * rows may come back larger than they were put. */
typedef struct store_rows {
    uint64_t first_seq;
    uint32_t count;
    uint64_t hlc_first, hlc_last; /* of the whole row; never falls within a feed */
    wr_slice bytes;
    /* What bytes encode: the same as first_seq and count, except in store_each_arrival, where
     * first_seq and count name the part of the row that arrived.  Ignored by store_put_rows. */
    uint64_t row_first_seq;
    uint32_t row_count;
} store_rows;
#define STORE_JOIN_BYTES (256u * 1024u)
#define STORE_ROW_BYTES_MAX (2u * WR_RUN_BYTES_MAX)
#define STORE_VALUE_BYTES_MAX (1024u * 1024u) /* any other value */

/* Which logs occur in a row, so that reading one log skips the others. */
typedef struct store_row_log {
    uint16_t log_no;
    uint64_t hlc_first, hlc_last;
    uint32_t count;
} store_row_log;

/* first_seq must be the feed's next (STATE otherwise).  FORMAT: empty, crosses a chunk border, or
 * hlc below the feed's last. */
WR_MUST wr_err store_put_rows(store *store, const wr_hash *feed_id, const store_rows *rows,
                              const store_row_log *logs, uint32_t log_count);
typedef wr_err (*store_rows_fn)(void *ctx, const store_rows *rows);
/* Rows that hold any of [from, to), ascending, until fn returns an error (passed on) or CLOSED
 * (stops, OK).  Slices live during the call. */
WR_MUST wr_err store_each_rows(store *store, const wr_hash *feed_id, uint64_t from, uint64_t to,
                               store_rows_fn fn, void *ctx);
/* Encoded bytes of the rows that lie wholly or partly in [from, to). */
WR_MUST wr_err store_rows_bytes(store *store, const wr_hash *feed_id, uint64_t from, uint64_t to,
                                uint64_t *ret_bytes);
/* Number of entries stored of the feed (its next first_seq). */
WR_MUST wr_err store_feed_len(store *store, const wr_hash *feed_id, uint64_t *ret_len);

/* ---- logs --------------------------------------------------------------------- */

/* A log of this device: a small number for the sealed name (name_key: keyed hash for look-up). */
typedef struct store_log {
    uint32_t log_id;
    wr_slice name_sealed;
} store_log;
/* Finds or adds. */
WR_MUST wr_err store_put_log(store *store, const wr_hash *name_key, wr_slice name_sealed,
                             uint32_t *ret_log_id);
WR_MUST wr_err store_find_log(store *store, const wr_hash *name_key, uint32_t *ret_log_id);
typedef wr_err (*store_log_fn)(void *ctx, const store_log *log);
WR_MUST wr_err store_each_log(store *store, store_log_fn fn, void *ctx);
/* feed's log_no means log_id.  EXISTS if it already means another one. */
WR_MUST wr_err store_bind_log(store *store, const wr_hash *feed_id, uint16_t log_no,
                              uint32_t log_id);
/* UNKNOWN if not bound. */
WR_MUST wr_err store_get_bound(store *store, const wr_hash *feed_id, uint32_t log_id,
                               uint16_t *ret_log_no);
WR_MUST wr_err store_max_bound(store *store, const wr_hash *feed_id, uint32_t *ret_next_log_no);
typedef wr_err (*store_bound_fn)(void *ctx, const wr_hash *feed_id, uint16_t log_no);
WR_MUST wr_err store_each_bound(store *store, uint32_t log_id, store_bound_fn fn, void *ctx);

/* Rows of one feed that contain log_no, starting with the first whose hlc_last (of that log)
 * is >= hlc_from, ascending; as store_each_rows. */
WR_MUST wr_err store_each_log_rows(store *store, const wr_hash *feed_id, uint16_t log_no,
                                   uint64_t hlc_from, store_rows_fn fn, void *ctx);
/* Entries of log_no in the feed. */
WR_MUST wr_err store_log_count(store *store, const wr_hash *feed_id, uint16_t log_no,
                               uint64_t *ret_count);

/* ---- arrival order: what log.subscribe follows ---------------------------------- */

/* Every entry takes the next arrival number (1, 2, ..), in the order of its feed within a put. */
WR_MUST wr_err store_last_arrival(store *store, uint64_t *ret_arrival);
typedef wr_err (*store_arrival_fn)(void *ctx, uint64_t arrival, const wr_hash *feed_id,
                                   const store_rows *rows);
/* Entries with arrival > after, ascending and each once, as parts of rows; arrival is the number of
 * the part's last entry, and any number may be resumed after.  Otherwise as store_each_rows. */
WR_MUST wr_err store_each_arrival(store *store, uint64_t after, store_arrival_fn fn, void *ctx);

/* ---- the pending tail: answered, durable, not yet signed ------------------------- */

typedef struct store_tail {
    uint64_t hlc; /* key */
    uint32_t log_id;
    wr_slice sealed;
} store_tail;
WR_MUST wr_err store_put_tail(store *store, const store_tail *tail);
WR_MUST wr_err store_delete_tail(store *store, uint64_t hlc);
typedef wr_err (*store_tail_fn)(void *ctx, const store_tail *tail);
/* Ascending from hlc_from; as store_each_rows. */
WR_MUST wr_err store_each_tail(store *store, uint64_t hlc_from, store_tail_fn fn, void *ctx);
WR_MUST wr_err store_tail_count(store *store, uint64_t *ret_count);

/* An answered entry id whose hlc had to change when the tail was signed. */
WR_MUST wr_err store_put_alias(store *store, uint64_t answered_hlc, uint64_t hlc);
WR_MUST wr_err store_get_alias(store *store, uint64_t answered_hlc,
                               uint64_t *ret_hlc); /* UNKNOWN */

/* Bytes on disk of all files. */
WR_MUST wr_err store_disk_bytes(store *store, uint64_t *ret_bytes);
/* Entries over all feeds. */
WR_MUST wr_err store_entry_count(store *store, uint64_t *ret_count);

#endif /* STORE_STORE_H */
