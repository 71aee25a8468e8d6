/* The SQLite store as its own files see it: two databases, prepared statements, known feeds.
 *
 * Layer:  store, private to store_sqlite
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORE_STORE_SQLITE_IMPL_H
#define STORE_STORE_SQLITE_IMPL_H

#include "store/keystore.h"
#include "store/migrations.h"
#include "store/store_impl.h"
#include "store/store_sqlite_sql.h"

#include <sqlite3.h>

#define SQL_PATH_MAX 1024u

typedef enum sql_file { SQL_STORE, SQL_KEYS, SQL_FILE_COUNT } sql_file;

/* What we know of a feed without asking; forgotten at a rollback. */
typedef struct sqlite_feed {
    wr_hash feed_id;
    int64_t no;
    uint64_t len;
    uint64_t hlc_last;
} sqlite_feed;

/* The newest arrival record: it grows while entries of one feed follow each other. */
typedef struct sqlite_run {
    bool known;
    int64_t feed; /* 0: there is no record yet */
    uint64_t arrival, first_seq, count;
} sqlite_run;

typedef struct store_sqlite {
    store base;
    sqlite3 *db[SQL_FILE_COUNT];
    char path[SQL_FILE_COUNT][SQL_PATH_MAX];
    sqlite3_stmt *cached[SQL_ID_COUNT];
    bool keys_open; /* keys.db takes part in the open transaction */
    keystore_vault *vault;
    sqlite_feed *feeds; /* grows; owned */
    size_t feed_count, feed_cap, feed_recent;
    sqlite_run run;
} store_sqlite;

static inline store_sqlite *sqlite_of(store *s) {
    return (store_sqlite *)s;
}

/* ---- store_sqlite_file.c ------------------------------------------------------------ */

/* Reads the header only: is there no file yet (or an empty one), is it ours?  CORRUPT, IO. */
WR_MUST wr_err sqlite_file_look(const char *path, const migration_set *set, bool *ret_new,
                                char problem[STORE_PROBLEM_MAX]);
/* Opens or creates one database file, locks it and brings its schema up to date.  Errors as
 * store_open_sqlite; problem gets a text that names the file. */
WR_MUST wr_err sqlite_file_open(const char *path, const migration_set *set, store_sync sync,
                                sqlite3 **ret_db, char problem[STORE_PROBLEM_MAX]);
/* What a result code of SQLite means to the caller. */
wr_err sqlite_error(int rc);

/* ---- store_sqlite_check.c: where the entries of a log are --------------------------------- */

/* Gives the connection row_check(..), by which rows say whether they are whole. */
int sqlite_check_prepare(sqlite3 *db);
/* CORRUPT if some are not. */
WR_MUST wr_err sqlite_check_logs(store_sqlite *s);

/* ---- store_sqlite_call.c: one use of a statement --------------------------------------- */

typedef struct sql_call {
    store_sqlite *s;
    sqlite3_stmt *stmt;
    sql_file file;
    bool temporary; /* the cached one was in use */
    wr_err err;     /* of taking and binding: given by the next step */
} sql_call;

/* Resets or frees the statement: SQL_CALL(q, s, NAME); does so at the end of its scope. */
void sql_call_done(sql_call *q);
sql_call sql_call_take(store_sqlite *s, sql_id id);
#define SQL_CALL(q, s, name)                                                                       \
    __attribute__((cleanup(sql_call_done))) sql_call q = sql_call_take((s), SQL_##name)

void sql_bind_int(sql_call *q, int index, int64_t value);
void sql_bind_hlc(sql_call *q, int index, uint64_t hlc);
void sql_bind_blob(sql_call *q, int index, wr_slice bytes); /* must outlive the call */

/* The next row, if any. */
WR_MUST wr_err sql_next(sql_call *q, bool *ret_row);
/* A statement without result. */
WR_MUST wr_err sql_run(sql_call *q);
/* The one row that must be there: UNKNOWN if not. */
WR_MUST wr_err sql_one(sql_call *q);

int64_t sql_int(sql_call *q, int column);
uint64_t sql_hlc(sql_call *q, int column);
wr_slice sql_blob(sql_call *q, int column); /* lives until the next step */
/* CORRUPT (with the problem's text) unless the column holds exactly len bytes. */
WR_MUST wr_err sql_fixed(sql_call *q, int column, uint8_t *out, size_t len);
/* CORRUPT with a text: what is in the database cannot be. */
WR_MUST wr_err sql_corrupt(store_sqlite *s, sql_file file, const char *what);

/* ---- feeds: store_sqlite_rows.c ------------------------------------------------------------- */

/* Number of the feed; UNKNOWN if it has none.  The pointer lives until the next feed is added. */
WR_MUST wr_err sqlite_feed_find(store_sqlite *s, const wr_hash *feed_id, sqlite_feed **ret_feed);
WR_MUST wr_err sqlite_feed_add(store_sqlite *s, const wr_hash *feed_id, sqlite_feed **ret_feed);
void sqlite_feeds_forget(store_sqlite *s);

static inline int64_t sqlite_row_id(int64_t feed_no, uint64_t first_seq) {
    return (int64_t)((uint64_t)feed_no << MIGRATIONS_SEQ_BITS | first_seq);
}

#endif /* STORE_STORE_SQLITE_IMPL_H */
