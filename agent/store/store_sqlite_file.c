/* One database file: looked at before it is touched, made whole or not at all, locked, migrated.
 *
 * Layer:  store, private to store_sqlite
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_sqlite_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_CACHE_KIB 512
/* Rows of 256 KiB cost a third less time than with pages of 4 KiB, single entries no more. */
#define FILE_PAGE_SIZE 8192
/* 4 MiB: small enough that a checkpoint does not stall the loop, large enough that bulk sync does
 * not write every page twice. */
#define FILE_CHECKPOINT_PAGES 512
#define FILE_WAL_BYTES (8 * 1024 * 1024)
#define FILE_HEADER_SIZE 100u

wr_err sqlite_error(int rc) {
    int primary = rc & 0xff;
    if (primary == SQLITE_OK || primary == SQLITE_ROW || primary == SQLITE_DONE)
        return WR_OK;
    if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
        return WR_ERR_BUSY;
    if (primary == SQLITE_NOMEM)
        return WR_ERR_NOMEM;
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_MISMATCH)
        return WR_ERR_CORRUPT;
    if (primary == SQLITE_CONSTRAINT)
        return WR_ERR_EXISTS;
    if (primary == SQLITE_TOOBIG)
        return WR_ERR_LIMIT;
    return WR_ERR_IO;
}

/* ---- looking before touching ------------------------------------------------------------- */

wr_err sqlite_file_look(const char *path, const migration_set *set, bool *ret_new,
                        char problem[STORE_PROBLEM_MAX]) {
    uint8_t header[FILE_HEADER_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        *ret_new = true;
        return WR_OK;
    }
    ssize_t got = fd < 0 ? -1 : read(fd, header, sizeof header);
    int problem_no = errno;
    if (fd >= 0)
        (void)close(fd);
    if (got < 0) {
        (void)snprintf(problem, STORE_PROBLEM_MAX, "cannot read %s: %s", path,
                       strerror(problem_no));
        return WR_ERR_IO;
    }
    if (got == 0) {
        *ret_new = true;
        return WR_OK;
    }
    static const char magic[16] = "SQLite format 3";
    if ((size_t)got < sizeof header ||
        !wr_equal(wr_slice_of(header, sizeof magic), wr_slice_of(magic, sizeof magic)) ||
        wr_load_u32(header + 68) != set->application_id) {
        (void)snprintf(problem, STORE_PROBLEM_MAX, "%s is not a file of this program", path);
        return WR_ERR_CORRUPT;
    }
    *ret_new = false;
    return WR_OK;
}

/* ---- a connection ---------------------------------------------------------------------------- */

static wr_err report(sqlite3 *db, const char *path, int rc, char problem[STORE_PROBLEM_MAX]) {
    wr_err err = sqlite_error(rc);
    if (err == WR_ERR_BUSY)
        (void)snprintf(problem, STORE_PROBLEM_MAX, "%s is in use by another process", path);
    else if (err == WR_ERR_CORRUPT)
        (void)snprintf(problem, STORE_PROBLEM_MAX, "%s is damaged: %s", path, sqlite3_errmsg(db));
    else
        (void)snprintf(problem, STORE_PROBLEM_MAX, "%s: %s", path, sqlite3_errmsg(db));
    /* Out of statements of our own there is no conflict to resolve: the file has other contents. */
    return err == WR_ERR_EXISTS ? WR_ERR_CORRUPT : err;
}

static wr_err run(sqlite3 *db, const char *path, const char *sql, char problem[STORE_PROBLEM_MAX]) {
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? WR_OK : report(db, path, rc, problem);
}

static wr_err read_number(sqlite3 *db, const char *path, const char *sql, int64_t *ret_number,
                          char problem[STORE_PROBLEM_MAX]) {
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    int64_t number = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    (void)sqlite3_finalize(stmt);
    if (rc != SQLITE_ROW)
        return report(db, path, rc, problem);
    *ret_number = number;
    return WR_OK;
}

static wr_err connect_to(const char *path, sqlite3 **ret_db, char problem[STORE_PROBLEM_MAX]) {
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                SQLITE_OPEN_EXRESCODE;
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(path, &db, flags, NULL);
    if (rc != SQLITE_OK) {
        wr_err err = db == NULL ? WR_ERR_NOMEM : report(db, path, rc, problem);
        (void)sqlite3_close(db);
        return err;
    }
    rc = sqlite_check_prepare(db);
    if (rc != SQLITE_OK) {
        (void)sqlite3_close(db);
        return WR_ERR_NOMEM;
    }
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, (int)(2u * STORE_ROW_BYTES_MAX));
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    *ret_db = db;
    return WR_OK;
}

/* All steps that are missing, in one transaction. */
static wr_err migrate(sqlite3 *db, const char *path, const migration_set *set, int64_t from,
                      char problem[STORE_PROBLEM_MAX]) {
    char version[128];
    WR_TRY(run(db, path, "BEGIN IMMEDIATE", problem));
    for (uint32_t i = (uint32_t)from; i < set->count; i++)
        WR_TRY(run(db, path, set->steps[i], problem));
    (void)snprintf(version, sizeof version,
                   "PRAGMA application_id = %u; PRAGMA user_version = %u; COMMIT",
                   set->application_id, set->count);
    return run(db, path, version, problem);
}

static wr_err configure(sqlite3 *db, const char *path, const migration_set *set, store_sync sync,
                        char problem[STORE_PROBLEM_MAX]) {
    char pragmas[512];
    (void)snprintf(pragmas, sizeof pragmas,
                   "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -%d;"
                   "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA secure_delete = ON;"
                   "PRAGMA cell_size_check = ON; PRAGMA synchronous = %s;",
                   FILE_CACHE_KIB, sync == STORE_SYNC_FULL ? "FULL" : "NORMAL");
    WR_TRY(run(db, path, pragmas, problem));
    int64_t version = 0;
    WR_TRY(read_number(db, path, "PRAGMA user_version", &version, problem));
    if (version < 0 || version > (int64_t)set->count) {
        (void)snprintf(problem, STORE_PROBLEM_MAX,
                       "%s was written by a newer version of this program", path);
        return WR_ERR_VERSION;
    }
    (void)snprintf(pragmas, sizeof pragmas,
                   "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = %d;"
                   "PRAGMA journal_size_limit = %d;",
                   FILE_CHECKPOINT_PAGES, FILE_WAL_BYTES);
    WR_TRY(run(db, path, pragmas, problem));
    if (version < (int64_t)set->count)
        WR_TRY(migrate(db, path, set, version, problem));
    return WR_OK;
}

/* ---- creation ---- */

static wr_err io_problem(const char *what, const char *path, char problem[STORE_PROBLEM_MAX]) {
    (void)snprintf(problem, STORE_PROBLEM_MAX, "cannot %s %s: %s", what, path, strerror(errno));
    return WR_ERR_IO;
}

static wr_err sync_folder_of(const char *path, char problem[STORE_PROBLEM_MAX]) {
    char folder[SQL_PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    WR_ASSERT(slash != NULL);
    *slash = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return synced ? WR_OK : io_problem("sync", folder, problem);
}

/* Made under another name and renamed when it is whole, so that a crash leaves no half a file. */
static wr_err create(const char *path, const migration_set *set, char problem[STORE_PROBLEM_MAX]) {
    char fresh[SQL_PATH_MAX + 16], journal[SQL_PATH_MAX + 32];
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    (void)snprintf(journal, sizeof journal, "%s-journal", fresh);
    (void)unlink(fresh);
    (void)unlink(journal);
    int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_problem("create", fresh, problem);
    (void)close(fd);
    sqlite3 *db = NULL;
    WR_TRY(connect_to(fresh, &db, problem));
    char sql[64];
    (void)snprintf(sql, sizeof sql, "PRAGMA page_size = %d", FILE_PAGE_SIZE);
    wr_err err = run(db, fresh, sql, problem);
    if (err == WR_OK)
        err = migrate(db, fresh, set, 0, problem);
    (void)sqlite3_close(db);
    if (err == WR_OK && rename(fresh, path) != 0)
        err = io_problem("create", path, problem);
    if (err != WR_OK) {
        (void)unlink(fresh);
        return err;
    }
    return sync_folder_of(path, problem);
}

wr_err sqlite_file_open(const char *path, const migration_set *set, store_sync sync,
                        sqlite3 **ret_db, char problem[STORE_PROBLEM_MAX]) {
    bool fresh = false;
    WR_TRY(sqlite_file_look(path, set, &fresh, problem));
    if (fresh)
        WR_TRY(create(path, set, problem));
    sqlite3 *db = NULL;
    WR_TRY(connect_to(path, &db, problem));
    wr_err err = configure(db, path, set, sync, problem);
    if (err != WR_OK) {
        /* What could not be opened is left as it is. */
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        (void)sqlite3_close(db);
        return err;
    }
    *ret_db = db;
    return WR_OK;
}
