/* Every statement of the SQLite store; each is prepared once, when first needed.
 *
 * Layer:  store, private to store_sqlite
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORE_STORE_SQLITE_SQL_H
#define STORE_STORE_SQLITE_SQL_H

/*    name, file, text */
#define SQL_MAP(X)                                                                                 \
    X(BEGIN, STORE, "BEGIN IMMEDIATE")                                                             \
    X(COMMIT, STORE, "COMMIT")                                                                     \
    X(ROLLBACK, STORE, "ROLLBACK")                                                                 \
    X(KEYS_BEGIN, KEYS, "BEGIN IMMEDIATE")                                                         \
    X(KEYS_COMMIT, KEYS, "COMMIT")                                                                 \
    X(KEYS_ROLLBACK, KEYS, "ROLLBACK")                                                             \
                                                                                                   \
    X(META_PUT, STORE,                                                                             \
      "INSERT INTO meta(key, value) VALUES(?1, ?2)"                                                \
      " ON CONFLICT(key) DO UPDATE SET value = excluded.value")                                    \
    X(META_DELETE, STORE, "DELETE FROM meta WHERE key = ?1")                                       \
    X(META_GET, STORE, "SELECT value FROM meta WHERE key = ?1")                                    \
    X(OP_PUT, STORE, "INSERT INTO ops(op_id, bytes, sig) VALUES(?1, ?2, ?3)")                      \
    X(OP_EACH, STORE, "SELECT bytes, sig FROM ops ORDER BY no")                                    \
                                                                                                   \
    X(EPOCH_PUT, KEYS,                                                                             \
      "INSERT INTO epochs(epoch_id, sealed) VALUES(?1, ?2)"                                        \
      " ON CONFLICT(epoch_id) DO UPDATE SET sealed = excluded.sealed")                             \
    X(EPOCH_DELETE, KEYS, "DELETE FROM epochs WHERE epoch_id = ?1")                                \
    X(EPOCH_EACH, KEYS, "SELECT epoch_id, sealed FROM epochs ORDER BY no")                         \
    X(SECRET_PUT, KEYS,                                                                            \
      "INSERT INTO secrets(key, sealed) VALUES(?1, ?2)"                                            \
      " ON CONFLICT(key) DO UPDATE SET sealed = excluded.sealed")                                  \
    X(SECRET_GET, KEYS, "SELECT sealed FROM secrets WHERE key = ?1")                               \
                                                                                                   \
    X(FEED_FIND, STORE, "SELECT feed FROM feeds WHERE feed_id = ?1")                               \
    X(FEED_ADD, STORE, "INSERT INTO feeds(feed_id) VALUES(?1) RETURNING feed")                     \
    X(FEED_ID, STORE, "SELECT feed_id FROM feeds WHERE feed = ?1")                                 \
    X(HEAD_PUT, STORE,                                                                             \
      "INSERT INTO heads(feed, head) VALUES(?1, ?2)"                                               \
      " ON CONFLICT(feed) DO UPDATE SET head = excluded.head")                                     \
    /* Outer joins: what one table names and another lost is found, not passed over. */            \
    X(HEAD_EACH, STORE,                                                                            \
      "SELECT feed_id, head FROM heads LEFT JOIN feeds USING(feed) ORDER BY feed")                 \
    X(NODE_PUT, STORE,                                                                             \
      "INSERT INTO nodes(feed, level, idx, node) VALUES(?1, ?2, ?3, ?4)"                           \
      " ON CONFLICT(feed, level, idx) DO UPDATE SET node = excluded.node")                         \
    X(NODE_GET, STORE, "SELECT node FROM nodes WHERE feed = ?1 AND level = ?2 AND idx = ?3")       \
                                                                                                   \
    X(ROW_PUT, STORE,                                                                              \
      "INSERT INTO rows(id, count, hlc_first, hlc_last, bytes) VALUES(?1, ?2, ?3, ?4, ?5)")        \
    /* The last row at or before ?1 of the feed whose first id is ?2. */                           \
    X(ROW_BEFORE, STORE,                                                                           \
      "SELECT id, count, hlc_last FROM rows WHERE id <= ?1 AND id >= ?2"                           \
      " ORDER BY id DESC LIMIT 1")                                                                 \
    /* From the row that holds ?1, in the feed whose first id is ?3, to before ?2. */              \
    X(ROW_EACH, STORE,                                                                             \
      "SELECT id, count, hlc_first, hlc_last, bytes FROM rows WHERE id < ?2 AND id >="             \
      " coalesce((SELECT max(id) FROM rows WHERE id <= ?1 AND id >= ?3), ?1) ORDER BY id")         \
    X(ROW_SIZES, STORE,                                                                            \
      "SELECT id, count, hlc_first, hlc_last, length(bytes) FROM rows WHERE id < ?2 AND id >="     \
      " coalesce((SELECT max(id) FROM rows WHERE id <= ?1 AND id >= ?3), ?1) ORDER BY id")         \
    X(ROW_JOIN, STORE, "UPDATE rows SET count = ?2, hlc_last = ?3, bytes = ?4 WHERE id = ?1")      \
    X(ROW_DELETE, STORE, "DELETE FROM rows WHERE id > ?1 AND id < ?2")                             \
                                                                                                   \
    X(ROW_LOG_PUT, STORE,                                                                          \
      "INSERT INTO row_logs(feed, log_no, first_seq, hlc_first, hlc_last, count, sum)"             \
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, row_check(?1, ?2, ?3, ?4, ?5, ?6))")                        \
    /* Folds the logs of the rows ?2 .. before ?3 into ?2: log by log, skipping what lies */       \
    /* between, then deletes the folded ones. */                                                   \
    X(ROW_LOG_JOIN, STORE,                                                                         \
      "WITH RECURSIVE l(n) AS (SELECT min(log_no) FROM row_logs WHERE feed = ?1 UNION ALL"         \
      " SELECT (SELECT min(log_no) FROM row_logs WHERE feed = ?1 AND log_no > n) FROM l"           \
      " WHERE n IS NOT NULL)"                                                                      \
      " INSERT OR REPLACE INTO row_logs(feed, log_no, first_seq, hlc_first, hlc_last, count, sum)" \
      " SELECT ?1, n, ?2, min(hlc_first), max(hlc_last), sum(count),"                              \
      " row_check(?1, n, ?2, min(hlc_first), max(hlc_last), sum(count))"                           \
      " FROM l CROSS JOIN row_logs r ON r.feed = ?1 AND r.log_no = n AND r.first_seq >= ?2"        \
      " AND r.first_seq < ?3 GROUP BY n")                                                          \
    X(ROW_LOG_DELETE, STORE,                                                                       \
      "WITH RECURSIVE l(n) AS (SELECT min(log_no) FROM row_logs WHERE feed = ?1 UNION ALL"         \
      " SELECT (SELECT min(log_no) FROM row_logs WHERE feed = ?1 AND log_no > n) FROM l"           \
      " WHERE n IS NOT NULL)"                                                                      \
      " DELETE FROM row_logs WHERE feed = ?1 AND log_no IN (SELECT n FROM l)"                      \
      " AND first_seq > ?2 AND first_seq < ?3")                                                    \
    X(ROW_LOG_EACH, STORE,                                                                         \
      "SELECT r.id, r.count, r.hlc_first, r.hlc_last, r.bytes"                                     \
      " FROM row_logs l LEFT JOIN rows r ON r.id = ?4 + l.first_seq"                               \
      " WHERE l.feed = ?1 AND l.log_no = ?2 AND l.first_seq >= ?3 AND l.hlc_last >= ?5"            \
      " ORDER BY l.first_seq")                                                                     \
    X(ROW_LOG_COUNT, STORE,                                                                        \
      "SELECT coalesce(sum(count), 0) FROM row_logs WHERE feed = ?1 AND log_no = ?2")              \
                                                                                                   \
    X(ARRIVAL_LAST, STORE,                                                                         \
      "SELECT arrival, feed, first_seq, count FROM arrivals ORDER BY arrival DESC LIMIT 1")        \
    X(ARRIVAL_ADD, STORE,                                                                          \
      "INSERT INTO arrivals(arrival, feed, first_seq, count) VALUES(?1, ?2, ?3, ?4)")              \
    X(ARRIVAL_GROW, STORE, "UPDATE arrivals SET count = ?2 WHERE arrival = ?1")                    \
    X(ARRIVAL_EACH, STORE,                                                                         \
      "SELECT arrival, feed, first_seq, count FROM arrivals WHERE arrival >="                      \
      " coalesce((SELECT max(arrival) FROM arrivals WHERE arrival <= ?1), 0) ORDER BY arrival")    \
                                                                                                   \
    X(LOG_FIND, STORE, "SELECT log_id FROM logs WHERE name_key = ?1")                              \
    X(LOG_ADD, STORE, "INSERT INTO logs(name_key, name_sealed) VALUES(?1, ?2) RETURNING log_id")   \
    X(LOG_EACH, STORE, "SELECT log_id, name_sealed FROM logs ORDER BY log_id")                     \
    X(BOUND_PUT, STORE,                                                                            \
      "INSERT INTO bound(feed, log_no, log_id, sum)"                                               \
      " VALUES(?1, ?2, ?3, row_check(?1, ?2, ?3))")                                                \
    X(BOUND_ID, STORE, "SELECT log_id FROM bound WHERE feed = ?1 AND log_no = ?2")                 \
    X(BOUND_NO, STORE,                                                                             \
      "SELECT log_no FROM bound WHERE log_id = ?2 AND feed = ?1 ORDER BY log_no LIMIT 1")          \
    X(BOUND_LOOSE, STORE,                                                                          \
      "SELECT 1 FROM bound WHERE log_id NOT IN (SELECT log_id FROM logs) LIMIT 1")                 \
    /* What does not say of itself what was written; then a row that no log has in full; then what \
     * the table has and its index lost. */                                                        \
    X(CHECK_ROW_LOGS, STORE,                                                                       \
      "SELECT 1 FROM row_logs WHERE sum <>"                                                        \
      " row_check(feed, log_no, first_seq, hlc_first, hlc_last, count) LIMIT 1")                   \
    X(CHECK_COUNTS, STORE,                                                                         \
      "SELECT 1 FROM (SELECT id >> 40 AS feed, sum(count) AS n FROM rows GROUP BY 1) a LEFT JOIN"  \
      " (SELECT feed, sum(count) AS n FROM row_logs GROUP BY feed) b USING(feed)"                  \
      " WHERE a.n IS NOT b.n LIMIT 1")                                                             \
    X(CHECK_BOUND, STORE,                                                                          \
      "SELECT 1 FROM bound b WHERE sum <> row_check(feed, log_no, log_id) OR NOT EXISTS"           \
      " (SELECT 1 FROM bound c INDEXED BY bound_logs WHERE c.log_id = b.log_id"                    \
      " AND c.feed = b.feed AND c.log_no = b.log_no) LIMIT 1")                                     \
    X(BOUND_MAX, STORE, "SELECT max(log_no) FROM bound WHERE feed = ?1")                           \
    X(BOUND_EACH, STORE,                                                                           \
      "SELECT feed_id, log_no FROM bound LEFT JOIN feeds USING(feed) WHERE log_id = ?1"            \
      " ORDER BY bound.feed, log_no")                                                              \
                                                                                                   \
    X(TAIL_PUT, STORE,                                                                             \
      "INSERT INTO tail(hlc, log_id, sealed) VALUES(?1, ?2, ?3)"                                   \
      " ON CONFLICT(hlc) DO UPDATE SET log_id = excluded.log_id, sealed = excluded.sealed")        \
    X(TAIL_DELETE, STORE, "DELETE FROM tail WHERE hlc = ?1")                                       \
    X(TAIL_EACH, STORE, "SELECT hlc, log_id, sealed FROM tail WHERE hlc >= ?1 ORDER BY hlc")       \
    X(TAIL_COUNT, STORE, "SELECT count(*) FROM tail")                                              \
    X(ALIAS_PUT, STORE,                                                                            \
      "INSERT INTO aliases(answered, hlc) VALUES(?1, ?2)"                                          \
      " ON CONFLICT(answered) DO UPDATE SET hlc = excluded.hlc")                                   \
    X(ALIAS_GET, STORE, "SELECT hlc FROM aliases WHERE answered = ?1")

typedef enum sql_id {
#define SQL_ENUM(name, file, text) SQL_##name,
    SQL_MAP(SQL_ENUM)
#undef SQL_ENUM
        SQL_ID_COUNT,
} sql_id;

#endif /* STORE_STORE_SQLITE_SQL_H */
