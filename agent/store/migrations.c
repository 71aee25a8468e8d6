/* The schemas of store.db and keys.db.
 *
 * Hybrid times are unsigned 64-bit numbers.  SQLite's integers are signed, so they are kept with
 * the highest bit flipped, which keeps their order.
 *
 * Layer:  store
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/migrations.h"

static const char *const store_steps[] = {
    /* 1 */
    "CREATE TABLE meta(key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE ops(no INTEGER PRIMARY KEY, op_id BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL,"
    " sig BLOB NOT NULL) STRICT;"
    "CREATE TABLE feeds(feed INTEGER PRIMARY KEY, feed_id BLOB NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE heads(feed INTEGER PRIMARY KEY, head BLOB NOT NULL) STRICT;"
    "CREATE TABLE nodes(feed INTEGER NOT NULL, level INTEGER NOT NULL, idx INTEGER NOT NULL,"
    " node BLOB NOT NULL, PRIMARY KEY(feed, level, idx)) STRICT, WITHOUT ROWID;"
    /* id = feed << 40 | first_seq */
    "CREATE TABLE rows(id INTEGER PRIMARY KEY, count INTEGER NOT NULL,"
    " hlc_first INTEGER NOT NULL, hlc_last INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE row_logs(feed INTEGER NOT NULL, log_no INTEGER NOT NULL,"
    " first_seq INTEGER NOT NULL, hlc_first INTEGER NOT NULL, hlc_last INTEGER NOT NULL,"
    " count INTEGER NOT NULL, PRIMARY KEY(feed, log_no, first_seq)) STRICT, WITHOUT ROWID;"
    /* Entries arrival .. arrival + count - 1 are first_seq .. of feed. */
    "CREATE TABLE arrivals(arrival INTEGER PRIMARY KEY, feed INTEGER NOT NULL,"
    " first_seq INTEGER NOT NULL, count INTEGER NOT NULL) STRICT;"
    "CREATE TABLE logs(log_id INTEGER PRIMARY KEY, name_key BLOB NOT NULL UNIQUE,"
    " name_sealed BLOB NOT NULL) STRICT;"
    "CREATE TABLE bound(feed INTEGER NOT NULL, log_no INTEGER NOT NULL, log_id INTEGER NOT NULL,"
    " PRIMARY KEY(feed, log_no)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX bound_logs ON bound(log_id, feed, log_no);"
    "CREATE TABLE tail(hlc INTEGER PRIMARY KEY, log_id INTEGER NOT NULL, sealed BLOB NOT NULL)"
    " STRICT;"
    "CREATE TABLE aliases(answered INTEGER PRIMARY KEY, hlc INTEGER NOT NULL) STRICT;",
    /* 2: which rows a log is in, and which number a log has, follow from nothing that is read with
     * them; so each says itself whether it is whole.  row_check: store_sqlite_check.c */
    "ALTER TABLE row_logs ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE bound ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;"
    "UPDATE row_logs SET sum = row_check(feed, log_no, first_seq, hlc_first, hlc_last, count);"
    "UPDATE bound SET sum = row_check(feed, log_no, log_id);",
};

static const char *const keys_steps[] = {
    /* 1: every value is sealed, with its key as associated data */
    "CREATE TABLE epochs(no INTEGER PRIMARY KEY, epoch_id BLOB NOT NULL UNIQUE,"
    " sealed BLOB NOT NULL) STRICT;"
    "CREATE TABLE secrets(key BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;",
};

const migration_set migrations_store = {0x57726e31u, store_steps, WR_COUNT(store_steps)};
const migration_set migrations_keys = {0x57726b31u, keys_steps, WR_COUNT(keys_steps)};
