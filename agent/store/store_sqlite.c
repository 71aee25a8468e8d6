/* The store contract on SQLite: opening, transactions over two files, the table of functions.
 *
 * Layer:  store
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_sqlite_impl.h"
#include "store/store_sqlite_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- transactions --------------------------------------------------------------------- */

static wr_err sqlite_begin(store *s) {
    SQL_CALL(q, sqlite_of(s), BEGIN);
    return sql_run(&q);
}

static void sqlite_rollback(store *s) {
    store_sqlite *q = sqlite_of(s);
    /* SQLite has rolled back by itself after some errors; then there is nothing to do. */
    if (!sqlite3_get_autocommit(q->db[SQL_STORE])) {
        SQL_CALL(call, q, ROLLBACK);
        if (sql_run(&call) != WR_OK)
            (void)sqlite3_exec(q->db[SQL_STORE], "ROLLBACK", NULL, NULL, NULL);
    }
    if (q->keys_open && !sqlite3_get_autocommit(q->db[SQL_KEYS])) {
        SQL_CALL(call, q, KEYS_ROLLBACK);
        if (sql_run(&call) != WR_OK)
            (void)sqlite3_exec(q->db[SQL_KEYS], "ROLLBACK", NULL, NULL, NULL);
    }
    q->keys_open = false;
    q->run.known = false;
    sqlite_feeds_forget(q);
}

/* Keys first: an entry without its key is lost, a key without its entry does no harm. */
static wr_err commit_both(store_sqlite *s) {
    if (s->keys_open) {
        SQL_CALL(keys, s, KEYS_COMMIT);
        WR_TRY(sql_run(&keys));
        s->keys_open = false;
    }
    SQL_CALL(q, s, COMMIT);
    return sql_run(&q);
}

static wr_err sqlite_commit(store *s) {
    wr_err err = commit_both(sqlite_of(s));
    if (err != WR_OK)
        sqlite_rollback(s);
    return err;
}

/* ---- life -------------------------------------------------------------------------------- */

static void sqlite_close(store *base) {
    store_sqlite *s = sqlite_of(base);
    for (size_t i = 0; i < SQL_ID_COUNT; i++)
        (void)sqlite3_finalize(s->cached[i]);
    for (size_t i = 0; i < SQL_FILE_COUNT; i++) {
        int rc = sqlite3_close(s->db[i]);
        WR_ASSERT(rc == SQLITE_OK);
    }
    keystore_vault_free(s->vault);
    free(s->feeds);
    free(s);
}

static wr_err sqlite_disk_bytes(store *base, uint64_t *ret_bytes) {
    static const char *const suffix[] = {"", "-wal"};
    store_sqlite *s = sqlite_of(base);
    uint64_t bytes = 0;
    for (size_t i = 0; i < SQL_FILE_COUNT; i++) {
        for (size_t j = 0; j < WR_COUNT(suffix); j++) {
            char path[SQL_PATH_MAX + 8];
            struct stat st;
            (void)snprintf(path, sizeof path, "%s%s", s->path[i], suffix[j]);
            if (stat(path, &st) == 0)
                bytes += (uint64_t)st.st_size;
        }
    }
    *ret_bytes = bytes;
    return WR_OK;
}

static const store_ops sqlite_ops = {
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .put_meta = sqlite_put_meta,
    .delete_meta = sqlite_delete_meta,
    .get_meta = sqlite_get_meta,
    .put_op = sqlite_put_op,
    .each_op = sqlite_each_op,
    .put_epoch = sqlite_put_epoch,
    .delete_epoch = sqlite_delete_epoch,
    .each_epoch = sqlite_each_epoch,
    .put_secret = sqlite_put_secret,
    .get_secret = sqlite_get_secret,
    .put_head = sqlite_put_head,
    .each_head = sqlite_each_head,
    .put_node = sqlite_put_node,
    .get_node = sqlite_get_node,
    .put_rows = sqlite_put_rows,
    .each_rows = sqlite_each_rows,
    .rows_bytes = sqlite_rows_bytes,
    .feed_len = sqlite_feed_len,
    .put_log = sqlite_put_log,
    .find_log = sqlite_find_log,
    .each_log = sqlite_each_log,
    .bind_log = sqlite_bind_log,
    .get_bound = sqlite_get_bound,
    .max_bound = sqlite_max_bound,
    .each_bound = sqlite_each_bound,
    .each_log_rows = sqlite_each_log_rows,
    .log_count = sqlite_log_count,
    .last_arrival = sqlite_last_arrival,
    .each_arrival = sqlite_each_arrival,
    .put_tail = sqlite_put_tail,
    .delete_tail = sqlite_delete_tail,
    .each_tail = sqlite_each_tail,
    .tail_count = sqlite_tail_count,
    .put_alias = sqlite_put_alias,
    .get_alias = sqlite_get_alias,
    .disk_bytes = sqlite_disk_bytes,
    .entry_count = sqlite_last_arrival, /* every entry took one number */
};

static wr_err note_epoch(void *ctx, const wr_hash *epoch_id, const wr_key *secret) {
    (void)epoch_id;
    (void)secret;
    *(bool *)ctx = true;
    return WR_OK;
}

/* Keys are stored with the first transaction of store.db: where there are some, it had content. */
static wr_err check_lost_store(store_sqlite *s) {
    bool had_content = false;
    WR_TRY(sqlite_each_epoch(&s->base, note_epoch, &had_content));
    return had_content ? sql_corrupt(s, SQL_STORE, "it is missing or empty beside a keys.db in use")
                       : WR_OK;
}

static wr_err open_both(store_sqlite *s, store_sync sync, const wr_key *keys_key) {
    bool store_new = false, keys_new = false;
    WR_TRY(keystore_vault_new(keys_key, &s->vault));
    WR_TRY(sqlite_file_look(s->path[SQL_STORE], &migrations_store, &store_new, s->base.problem));
    WR_TRY(sqlite_file_look(s->path[SQL_KEYS], &migrations_keys, &keys_new, s->base.problem));
    /* keys.db is made first, so this is never a creation that was cut short. */
    if (keys_new && !store_new)
        return sql_corrupt(s, SQL_KEYS, "it is missing or empty beside a store.db");
    /* Keys are few and dear: always synced. */
    WR_TRY(sqlite_file_open(s->path[SQL_KEYS], &migrations_keys, STORE_SYNC_FULL, &s->db[SQL_KEYS],
                            s->base.problem));
    if (store_new && !keys_new)
        WR_TRY(check_lost_store(s));
    WR_TRY(sqlite_file_open(s->path[SQL_STORE], &migrations_store, sync, &s->db[SQL_STORE],
                            s->base.problem));
    return sqlite_check_logs(s);
}

wr_err store_open_sqlite(const char *home, store_sync sync, const wr_key *keys_key,
                         store **ret_store, const char **ret_problem) {
    static _Thread_local char problem[STORE_PROBLEM_MAX];
    store_sqlite *s = (store_sqlite *)calloc(1, sizeof *s);
    if (s == NULL) {
        *ret_problem = wr_err_text(WR_ERR_NOMEM);
        return WR_ERR_NOMEM;
    }
    s->base.ops = &sqlite_ops;
    wr_err err = WR_OK;
    static const char *const name[SQL_FILE_COUNT] = {"store.db", "keys.db"};
    for (size_t i = 0; i < SQL_FILE_COUNT; i++) {
        int len = snprintf(s->path[i], sizeof s->path[i], "%s/%s", home, name[i]);
        if (len < 0 || (size_t)len >= sizeof s->path[i])
            err = WR_ERR_LIMIT;
    }
    (void)snprintf(s->base.problem, sizeof s->base.problem, "%s: %s", home, wr_err_text(err));
    if (err == WR_OK)
        err = open_both(s, sync, keys_key);
    if (err != WR_OK) {
        (void)snprintf(problem, sizeof problem, "%s", s->base.problem);
        *ret_problem = problem;
        sqlite_close(&s->base);
        return err;
    }
    s->base.problem[0] = '\0';
    *ret_store = &s->base;
    return WR_OK;
}
