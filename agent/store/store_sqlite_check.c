/* Are the rows whole that say where the entries of one log are?  Nothing that is read with them
 * tells: who reads a log would pass over what a flipped bit hides.
 *
 * Layer:  store, private to store_sqlite
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_sqlite_impl.h"
#include "store/store_sqlite_parts.h"

/* Not against anybody: whoever may write the file may write the sum. */
static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void row_check(sqlite3_context *ctx, int count, sqlite3_value **values) {
    uint64_t sum = (uint64_t)count;
    for (int i = 0; i < count; i++)
        sum = mix(sum + 0x9e3779b97f4a7c15u + (uint64_t)sqlite3_value_int64(values[i]));
    sqlite3_result_int64(ctx, (int64_t)sum);
}

int sqlite_check_prepare(sqlite3 *db) {
    return sqlite3_create_function_v2(db, "row_check", -1,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                      row_check, NULL, NULL, NULL);
}

/* A statement that finds what is not whole. */
static wr_err finds_none(store_sqlite *s, sql_call *q, const char *what) {
    wr_err found = sql_one(q);
    if (found == WR_ERR_UNKNOWN)
        return WR_OK;
    WR_TRY(found);
    return sql_corrupt(s, SQL_STORE, what);
}

wr_err sqlite_check_logs(store_sqlite *s) {
    SQL_CALL(row_logs, s, CHECK_ROW_LOGS);
    WR_TRY(finds_none(s, &row_logs, "where the entries of a log are was altered"));
    SQL_CALL(counts, s, CHECK_COUNTS);
    WR_TRY(finds_none(s, &counts, "where the entries of a log are is not all there"));
    SQL_CALL(bound, s, CHECK_BOUND);
    WR_TRY(finds_none(s, &bound, "the number of a log was altered"));
    /* A log without a name would be missing from the list, and nobody would ask for it. */
    SQL_CALL(loose, s, BOUND_LOOSE);
    return finds_none(s, &loose, "the name of a log is missing");
}
