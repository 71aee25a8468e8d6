/* What only the files of the store can get wrong: foreign, newer, damaged, taken, private.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store_fixture.h"

#include "crypto/crypto.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct home {
    char folder[64], store_db[96], keys_db[96];
} home;

static home home_make(void) {
    home h;
    fix_home_make(h.folder);
    (void)snprintf(h.store_db, sizeof h.store_db, "%s/store.db", h.folder);
    (void)snprintf(h.keys_db, sizeof h.keys_db, "%s/keys.db", h.folder);
    return h;
}

static wr_err try_open(const home *h, const wr_key *key, store **ret_store, const char **ret_why) {
    *ret_why = "";
    return store_open_sqlite(h->folder, STORE_SYNC_FULL, key, ret_store, ret_why);
}

static store *open_ok(const home *h) {
    store *s = NULL;
    const char *why = "";
    wr_err err = try_open(h, &fix_keys_key, &s, &why);
    T_STR(why, "");
    T_OK(err);
    return s;
}

static void check_refused(const home *h, wr_err want, const char *named) {
    store *s = NULL;
    const char *why = "";
    T_ERR(try_open(h, &fix_keys_key, &s, &why), want);
    T_TRUE(s == NULL);
    if (strstr(why, named) == NULL)
        T_STR(why, named);
}

static size_t file_bytes(const char *path, uint8_t *out, size_t max) {
    FILE *file = fopen(path, "rb");
    T_TRUE(file != NULL);
    size_t len = fread(out, 1, max, file);
    T_EQ(fclose(file), 0);
    return len;
}

static void file_make(const char *path, const void *bytes, size_t len) {
    FILE *file = fopen(path, "wb");
    T_TRUE(file != NULL);
    T_EQ(fwrite(bytes, 1, len, file), len);
    T_EQ(fclose(file), 0);
}

/* Opening fails and the file keeps every byte. */
static void check_untouched(const home *h, const char *path, wr_err want) {
    static uint8_t before[64 * 1024], after[64 * 1024];
    size_t len = file_bytes(path, before, sizeof before);
    check_refused(h, want, path);
    T_EQ(file_bytes(path, after, sizeof after), len);
    T_MEM(after, before, len);
}

static void run_sql(const char *path, const char *sql) {
    sqlite3 *db = NULL;
    T_EQ(sqlite3_open(path, &db), SQLITE_OK);
    T_EQ(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    T_EQ(sqlite3_close(db), SQLITE_OK);
}

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

/* ---- whose file it is ---- */

static void a_foreign_file_is_refused_and_untouched(void **state) {
    (void)state;
    home h = home_make();
    static const char text[] = "dear diary, this is no database at all, and it is longer than a "
                               "header of one would be, so that its length gives nothing away";
    file_make(h.store_db, text, sizeof text);
    check_untouched(&h, h.store_db, WR_ERR_CORRUPT);
    T_FALSE(exists(h.keys_db));
    file_make(h.store_db, "short", 5);
    check_untouched(&h, h.store_db, WR_ERR_CORRUPT);
    T_EQ(unlink(h.store_db), 0);
    run_sql(h.store_db, "CREATE TABLE theirs(x); PRAGMA application_id = 77");
    check_untouched(&h, h.store_db, WR_ERR_CORRUPT);
    T_FALSE(exists(h.keys_db));
    T_EQ(unlink(h.store_db), 0);
    /* A foreign keys.db, seen before store.db is made. */
    file_make(h.keys_db, text, sizeof text);
    check_untouched(&h, h.keys_db, WR_ERR_CORRUPT);
    T_FALSE(exists(h.store_db));
    fix_home_remove(h.folder);
}

static void an_empty_file_is_a_new_one(void **state) {
    (void)state;
    home h = home_make();
    file_make(h.store_db, "", 0);
    file_make(h.keys_db, "", 0);
    store_close(open_ok(&h));
    store_close(open_ok(&h));
    fix_home_remove(h.folder);
}

static void a_newer_file_is_refused_and_untouched(void **state) {
    (void)state;
    home h = home_make();
    store_close(open_ok(&h));
    /* First in the WAL only: it must stay there. */
    sqlite3 *db = NULL;
    T_EQ(sqlite3_open(h.store_db, &db), SQLITE_OK);
    T_EQ(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
    T_EQ(sqlite3_exec(db, "PRAGMA user_version = 3", NULL, NULL, NULL), SQLITE_OK);
    T_EQ(sqlite3_close(db), SQLITE_OK);
    check_untouched(&h, h.store_db, WR_ERR_VERSION);
    run_sql(h.store_db, "PRAGMA journal_mode = DELETE");
    check_untouched(&h, h.store_db, WR_ERR_VERSION);
    fix_home_remove(h.folder);
}

static void keys_that_are_missing_are_not_made_anew(void **state) {
    (void)state;
    home h = home_make();
    store_close(open_ok(&h));
    T_EQ(unlink(h.keys_db), 0);
    check_refused(&h, WR_ERR_CORRUPT, h.keys_db);
    T_FALSE(exists(h.keys_db));
    fix_home_remove(h.folder);
}

static void a_folder_that_is_not_there_is_an_io_error(void **state) {
    (void)state;
    home h = home_make();
    fix_home_remove(h.folder);
    check_refused(&h, WR_ERR_IO, h.folder);
}

/* ---- keys ---- */

static wr_err ignore_epoch(void *ctx, const wr_hash *epoch_id, const wr_key *secret) {
    (void)ctx;
    (void)epoch_id;
    (void)secret;
    return WR_OK;
}

static void another_devices_key_opens_no_secret(void **state) {
    (void)state;
    home h = home_make();
    wr_hash id = fix_hash(1);
    wr_key secret = fix_key(0xc5), other = fix_key(1), got;
    store *s = open_ok(&h);
    T_OK(store_begin(s));
    T_OK(store_put_epoch(s, &id, &secret));
    T_OK(store_put_secret(s, S("seed"), &secret));
    T_OK(store_commit(s));
    store_close(s);
    const char *why = "";
    T_OK(try_open(&h, &other, &s, &why));
    T_ERR(store_get_secret(s, S("seed"), &got), WR_ERR_CORRUPT);
    T_TRUE(strstr(store_problem(s), h.keys_db) != NULL);
    T_ERR(store_each_epoch(s, ignore_epoch, NULL), WR_ERR_CORRUPT);
    store_close(s);
    /* The file shows nothing of it either. */
    static uint8_t bytes[64 * 1024];
    size_t len = file_bytes(h.keys_db, bytes, sizeof bytes);
    for (size_t i = 0; i + 8 <= len; i++)
        T_FALSE(wr_equal(wr_slice_of(bytes + i, 8), wr_slice_of(secret.b, 8)));
    fix_home_remove(h.folder);
}

static void a_sealed_value_cannot_take_the_place_of_another(void **state) {
    (void)state;
    home h = home_make();
    wr_key one = fix_key(1), two = fix_key(2), got;
    store *s = open_ok(&h);
    T_OK(store_begin(s));
    T_OK(store_put_secret(s, S("one"), &one));
    T_OK(store_put_secret(s, S("two"), &two));
    T_OK(store_commit(s));
    store_close(s);
    run_sql(h.keys_db, "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE key ="
                       " x'74776f') WHERE key = x'6f6e65'");
    s = open_ok(&h);
    T_ERR(store_get_secret(s, S("one"), &got), WR_ERR_CORRUPT);
    T_OK(store_get_secret(s, S("two"), &got));
    store_close(s);
    fix_home_remove(h.folder);
}

/* ---- damage ---- */

static wr_err any_head(void *ctx, const wr_hash *feed_id, wr_slice head) {
    (void)ctx;
    (void)feed_id;
    (void)head;
    return WR_OK;
}

static wr_err any_bound(void *ctx, const wr_hash *feed_id, uint16_t log_no) {
    (void)ctx;
    (void)feed_id;
    (void)log_no;
    return WR_OK;
}

static void values_of_the_wrong_size_are_corrupt(void **state) {
    (void)state;
    home h = home_make();
    wr_hash feed = fix_hash(1), got;
    store *s = open_ok(&h);
    T_OK(store_begin(s));
    T_OK(store_put_node(s, &feed, 1, 1, &feed));
    T_OK(fix_put(s, &feed, 0, 10, 0));
    T_OK(fix_put(s, &feed, 10, 10, 0));
    T_OK(store_commit(s));
    store_close(s);
    /* Together they are as many as before. */
    run_sql(h.store_db, "UPDATE nodes SET node = x'00'; UPDATE rows SET count = count + 2000 WHERE"
                        " hlc_first = (SELECT min(hlc_first) FROM rows); UPDATE rows SET count ="
                        " count - 2000 WHERE hlc_first = (SELECT max(hlc_first) FROM rows)");
    s = open_ok(&h);
    fix_list list = {.len = 0};
    T_ERR(store_get_node(s, &feed, 1, 1, &got), WR_ERR_CORRUPT);
    T_ERR(store_each_rows(s, &feed, 0, 10, fix_each_rows, &list), WR_ERR_CORRUPT);
    T_TRUE(strstr(store_problem(s), h.store_db) != NULL);
    store_close(s);
    fix_home_remove(h.folder);
}

/* Where one table names what another one lost: nothing is passed over in silence. */
static void what_points_nowhere_is_corrupt(void **state) {
    (void)state;
    home h = home_make();
    wr_hash feed = fix_hash(1), key = fix_hash(2);
    uint32_t log_id = 0;
    store *s = open_ok(&h);
    T_OK(store_begin(s));
    T_OK(fix_put(s, &feed, 0, 10, 0));
    T_OK(store_put_head(s, &feed, S("head")));
    T_OK(store_put_log(s, &key, S("sealed"), &log_id));
    T_OK(store_bind_log(s, &feed, 0, log_id));
    T_OK(store_commit(s));
    store_close(s);
    run_sql(h.store_db, "DELETE FROM feeds");
    s = open_ok(&h);
    T_ERR(store_each_head(s, any_head, NULL), WR_ERR_CORRUPT);
    T_ERR(store_each_bound(s, log_id, any_bound, NULL), WR_ERR_CORRUPT);
    T_TRUE(strstr(store_problem(s), h.store_db) != NULL);
    store_close(s);
    run_sql(h.store_db, "DELETE FROM logs");
    check_refused(&h, WR_ERR_CORRUPT, h.store_db);
    fix_home_remove(h.folder);
}

/* Two logs in one feed, and another feed; a chunk that was joined. */
static home home_with_logs(wr_hash *ret_feed) {
    home h = home_make();
    wr_hash feed = fix_hash(1), other = fix_hash(9);
    uint32_t log_id = 0;
    store *s = open_ok(&h);
    T_OK(store_begin(s));
    T_OK(fix_put(s, &feed, 0, 1000, 3));
    T_OK(fix_put(s, &feed, 1000, 24, 77)); /* joined with the one before */
    T_OK(fix_put(s, &feed, 1024, 10, 77));
    T_OK(fix_put(s, &feed, 1034, 10, 3));
    T_OK(fix_put(s, &other, 0, 10, 0));
    for (uint8_t i = 1; i <= 5; i++) {
        wr_hash key = fix_hash(i);
        T_OK(store_put_log(s, &key, S("sealed"), &log_id));
    }
    T_OK(store_bind_log(s, &feed, 3, log_id - 1));
    T_OK(store_bind_log(s, &feed, 77, log_id));
    T_OK(store_commit(s));
    store_close(s);
    *ret_feed = feed;
    return h;
}

static void check_log(const home *h, const wr_hash *feed, uint16_t log_no, uint64_t entries) {
    uint64_t count = 0;
    fix_list list = {.len = 0};
    store *s = open_ok(h);
    T_OK(store_log_count(s, feed, log_no, &count));
    T_EQ(count, entries);
    T_OK(store_each_log_rows(s, feed, log_no, 0, fix_each_rows, &list));
    T_EQ(list.calls, 2);
    store_close(s);
}

/* Who reads one log would miss entries, or see those of another. */
static void where_the_entries_of_a_log_are_cannot_be_altered_unseen(void **state) {
    static const char *const damage[][2] = {
        {"row_logs", "log_no = log_no + 1"},
        {"row_logs", "log_no = 77"},
        {"row_logs", "first_seq = first_seq + 1"},
        {"row_logs", "hlc_first = hlc_first - 1"},
        {"row_logs", "hlc_last = hlc_last - 1"},
        {"row_logs", "count = count - 1"},
        {"row_logs", "feed = feed + 1"},
        {"row_logs", "sum = sum + 1"},
        {"bound", "log_no = log_no + 1"},
        {"bound", "log_id = 1"},
        {"bound", "feed = feed + 1"},
        {"bound", "sum = sum + 1"},
    };
    (void)state;
    for (size_t i = 0; i < WR_COUNT(damage); i++) {
        char sql[160];
        wr_hash feed;
        home h = home_with_logs(&feed);
        check_log(&h, &feed, 3, 1010);
        check_log(&h, &feed, 77, 34);
        (void)snprintf(sql, sizeof sql, "UPDATE %s SET %s WHERE log_no = 3%s", damage[i][0],
                       damage[i][1], i < 8 ? " AND first_seq > 0" : "");
        run_sql(h.store_db, sql);
        check_refused(&h, WR_ERR_CORRUPT, h.store_db);
        fix_home_remove(h.folder);
    }
    wr_hash feed;
    home h = home_with_logs(&feed);
    run_sql(h.store_db, "DELETE FROM row_logs WHERE log_no = 3 AND first_seq > 0");
    check_refused(&h, WR_ERR_CORRUPT, h.store_db);
    fix_home_remove(h.folder);
}

/* It is found by its log in an index, which has a copy of its own. */
static void the_number_of_a_log_cannot_be_altered_in_its_index(void **state) {
    (void)state;
    uint8_t page[8192];
    wr_hash feed;
    home h = home_with_logs(&feed);
    sqlite3 *db = NULL;
    sqlite3_stmt *root = NULL;
    T_EQ(sqlite3_open(h.store_db, &db), SQLITE_OK);
    T_EQ(sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_master WHERE name = 'bound_logs'", -1,
                            &root, NULL),
         SQLITE_OK);
    T_EQ(sqlite3_step(root), SQLITE_ROW);
    long at = (long)(sqlite3_column_int64(root, 0) - 1) * (long)sizeof page;
    T_EQ(sqlite3_finalize(root), SQLITE_OK);
    T_EQ(sqlite3_close(db), SQLITE_OK);
    FILE *file = fopen(h.store_db, "r+b");
    T_TRUE(file != NULL);
    T_EQ(fseek(file, at, SEEK_SET), 0);
    T_EQ(fread(page, 1, sizeof page, file), sizeof page);
    uint8_t *number = (uint8_t *)memrchr(page, 77, sizeof page);
    T_TRUE(number != NULL);
    *number ^= 1;
    T_EQ(fseek(file, at, SEEK_SET), 0);
    T_EQ(fwrite(page, 1, sizeof page, file), sizeof page);
    T_EQ(fclose(file), 0);
    check_refused(&h, WR_ERR_CORRUPT, h.store_db);
    fix_home_remove(h.folder);
}

static void a_store_of_the_first_version_gets_its_sums(void **state) {
    (void)state;
    wr_hash feed;
    home h = home_with_logs(&feed);
    run_sql(h.store_db, "ALTER TABLE row_logs DROP COLUMN sum; ALTER TABLE bound DROP COLUMN sum;"
                        "PRAGMA user_version = 1");
    check_log(&h, &feed, 3, 1010);
    store *s = open_ok(&h);
    T_OK(store_begin(s));
    T_OK(fix_put(s, &feed, 1044, 10, 3));
    T_OK(store_commit(s));
    store_close(s);
    store_close(open_ok(&h));
    run_sql(h.store_db, "UPDATE row_logs SET log_no = 4 WHERE log_no = 3 AND first_seq > 0");
    check_refused(&h, WR_ERR_CORRUPT, h.store_db);
    fix_home_remove(h.folder);
}

static void an_overwritten_page_is_corrupt_not_wrong(void **state) {
    (void)state;
    home h = home_make();
    uint8_t noise[8192], bytes[64];
    store *s = open_ok(&h);
    T_OK(store_begin(s));
    T_OK(store_put_meta(s, S("a"), S("1")));
    T_OK(store_commit(s));
    store_close(s);
    /* The second page is the root of the first table, meta. */
    FILE *file = fopen(h.store_db, "r+b");
    T_TRUE(file != NULL);
    memset(noise, 0xa5, sizeof noise);
    T_EQ(fseek(file, sizeof noise, SEEK_SET), 0);
    T_EQ(fwrite(noise, 1, sizeof noise, file), sizeof noise);
    T_EQ(fclose(file), 0);
    s = open_ok(&h);
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_ERR(store_get_meta(s, S("a"), &out), WR_ERR_CORRUPT);
    T_OK(store_begin(s));
    T_ERR(store_put_meta(s, S("a"), S("2")), WR_ERR_CORRUPT);
    T_ERR(store_put_meta(s, S("b"), S("2")), WR_ERR_IO); /* until it is rolled back */
    T_ERR(store_commit(s), WR_ERR_IO);
    store_close(s);
    fix_home_remove(h.folder);
}

/* ---- one process, one user ---- */

static void a_second_process_finds_it_busy(void **state) {
    (void)state;
    home h = home_make();
    store *s = open_ok(&h);
    pid_t child = fork();
    T_TRUE(child >= 0);
    if (child == 0) {
        store *other = NULL;
        const char *why = "";
        wr_err err = try_open(&h, &fix_keys_key, &other, &why);
        _exit(err == WR_ERR_BUSY && strstr(why, h.folder) != NULL ? 0 : 1);
    }
    int status = -1;
    T_EQ(waitpid(child, &status, 0), child);
    T_TRUE(WIFEXITED(status));
    T_EQ(WEXITSTATUS(status), 0);
    T_OK(store_begin(s));
    T_OK(store_put_meta(s, S("a"), S("1")));
    T_OK(store_commit(s));
    store_close(s);
    fix_home_remove(h.folder);
}

static void check_private(const char *path) {
    struct stat st;
    T_EQ(stat(path, &st), 0);
    T_EQ(st.st_mode & 0777, 0600);
}

static void all_files_are_private_and_counted(void **state) {
    (void)state;
    home h = home_make();
    char wal[128];
    uint64_t bytes = 0, want = 0;
    struct stat st;
    mode_t before = umask(0);
    store *s = open_ok(&h);
    (void)umask(before);
    wr_key secret = fix_key(1);
    T_OK(store_begin(s));
    T_OK(store_put_meta(s, S("a"), S("1")));
    T_OK(store_put_secret(s, S("a"), &secret));
    T_OK(store_commit(s));
    static const char *const name[] = {"store.db", "store.db-wal", "keys.db", "keys.db-wal"};
    for (size_t i = 0; i < WR_COUNT(name); i++) {
        (void)snprintf(wal, sizeof wal, "%s/%s", h.folder, name[i]);
        check_private(wal);
        T_EQ(stat(wal, &st), 0);
        want += (uint64_t)st.st_size;
    }
    T_OK(store_disk_bytes(s, &bytes));
    T_EQ(bytes, want);
    store_close(s);
    fix_home_remove(h.folder);
}

static void what_a_killed_process_committed_is_there(void **state) {
    (void)state;
    home h = home_make();
    wr_hash feed = fix_hash(1);
    wr_key secret = fix_key(9), got;
    pid_t child = fork();
    T_TRUE(child >= 0);
    if (child == 0) {
        store *s = NULL;
        const char *why = "";
        bool done = try_open(&h, &fix_keys_key, &s, &why) == WR_OK && store_begin(s) == WR_OK &&
                    fix_put(s, &feed, 0, 10, 0) == WR_OK &&
                    store_put_secret(s, S("k"), &secret) == WR_OK && store_commit(s) == WR_OK &&
                    store_begin(s) == WR_OK && fix_put(s, &feed, 10, 10, 0) == WR_OK;
        _exit(done ? 0 : 1); /* no close: as if killed */
    }
    int status = -1;
    T_EQ(waitpid(child, &status, 0), child);
    T_EQ(status, 0);
    store *s = open_ok(&h);
    T_EQ(fix_len(s, &feed), 10);
    T_OK(store_get_secret(s, S("k"), &got));
    T_TRUE(wr_key_equal(&got, &secret));
    store_close(s);
    fix_home_remove(h.folder);
}

static int init(void **state) {
    (void)state;
    return wr_crypto_init() == WR_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_foreign_file_is_refused_and_untouched),
        cmocka_unit_test(an_empty_file_is_a_new_one),
        cmocka_unit_test(a_newer_file_is_refused_and_untouched),
        cmocka_unit_test(keys_that_are_missing_are_not_made_anew),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_io_error),
        cmocka_unit_test(another_devices_key_opens_no_secret),
        cmocka_unit_test(a_sealed_value_cannot_take_the_place_of_another),
        cmocka_unit_test(values_of_the_wrong_size_are_corrupt),
        cmocka_unit_test(what_points_nowhere_is_corrupt),
        cmocka_unit_test(where_the_entries_of_a_log_are_cannot_be_altered_unseen),
        cmocka_unit_test(the_number_of_a_log_cannot_be_altered_in_its_index),
        cmocka_unit_test(a_store_of_the_first_version_gets_its_sums),
        cmocka_unit_test(an_overwritten_page_is_corrupt_not_wrong),
        cmocka_unit_test(a_second_process_finds_it_busy),
        cmocka_unit_test(all_files_are_private_and_counted),
        cmocka_unit_test(what_a_killed_process_committed_is_there),
    };
    return cmocka_run_group_tests(tests, init, NULL);
}
