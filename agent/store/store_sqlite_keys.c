/* keys.db: secrets, each sealed with its own name as associated data.
 *
 * Layer:  store, private to store_sqlite
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/store_sqlite_impl.h"
#include "store/store_sqlite_parts.h"

/* What a value is, and of what: one cannot be put in the place of another. */
typedef struct seal_name {
    uint8_t b[8 + STORE_KEY_MAX];
    size_t len;
} seal_name;

static seal_name name_of(const char kind[8], wr_slice key) {
    seal_name name = {.len = 8 + key.len};
    WR_ASSERT(name.len <= sizeof name.b);
    memcpy(name.b, kind, 8);
    memcpy(name.b + 8, key.ptr, key.len);
    return name;
}

static const char kind_epoch[8] = "epoch";
static const char kind_secret[8] = "secret";

/* keys.db joins the transaction when it is first written. */
static wr_err join_transaction(store_sqlite *s) {
    if (s->keys_open)
        return WR_OK;
    SQL_CALL(q, s, KEYS_BEGIN);
    WR_TRY(sql_run(&q));
    s->keys_open = true;
    return WR_OK;
}

static wr_err unseal(store_sqlite *s, const char kind[8], wr_slice key, wr_slice sealed,
                     wr_key *ret_secret) {
    seal_name name = name_of(kind, key);
    if (keystore_vault_open(s->vault, wr_slice_of(name.b, name.len), sealed, ret_secret) != WR_OK)
        return sql_corrupt(s, SQL_KEYS, "a value was altered, or device.key is another device's");
    return WR_OK;
}

wr_err sqlite_put_epoch(store *base, const wr_hash *epoch_id, const wr_key *secret) {
    store_sqlite *s = sqlite_of(base);
    uint8_t sealed[KEYSTORE_SEALED_SECRET];
    seal_name name = name_of(kind_epoch, WR_SLICE_OBJ(*epoch_id));
    WR_TRY(keystore_vault_seal(s->vault, wr_slice_of(name.b, name.len), secret, sealed));
    WR_TRY(join_transaction(s));
    SQL_CALL(q, s, EPOCH_PUT);
    sql_bind_blob(&q, 1, WR_SLICE_OBJ(*epoch_id));
    sql_bind_blob(&q, 2, wr_slice_of(sealed, sizeof sealed));
    return sql_run(&q);
}

wr_err sqlite_delete_epoch(store *base, const wr_hash *epoch_id) {
    store_sqlite *s = sqlite_of(base);
    WR_TRY(join_transaction(s));
    SQL_CALL(q, s, EPOCH_DELETE);
    sql_bind_blob(&q, 1, WR_SLICE_OBJ(*epoch_id));
    return sql_run(&q);
}

wr_err sqlite_each_epoch(store *base, store_epoch_fn fn, void *ctx) {
    store_sqlite *s = sqlite_of(base);
    SQL_CALL(q, s, EPOCH_EACH);
    bool row = false;
    wr_err result = WR_OK;
    for (;;) {
        wr_hash id;
        WR_SECRET(wr_key) secret;
        WR_TRY(sql_next(&q, &row));
        if (!row)
            return WR_OK;
        WR_TRY(sql_fixed(&q, 0, id.b, sizeof id.b));
        WR_TRY(unseal(s, kind_epoch, WR_SLICE_OBJ(id), sql_blob(&q, 1), &secret));
        if (store_stops(fn(ctx, &id, &secret), &result))
            return result;
    }
}

wr_err sqlite_put_secret(store *base, wr_slice key, const wr_key *secret) {
    store_sqlite *s = sqlite_of(base);
    uint8_t sealed[KEYSTORE_SEALED_SECRET];
    seal_name name = name_of(kind_secret, key);
    WR_TRY(keystore_vault_seal(s->vault, wr_slice_of(name.b, name.len), secret, sealed));
    WR_TRY(join_transaction(s));
    SQL_CALL(q, s, SECRET_PUT);
    sql_bind_blob(&q, 1, key);
    sql_bind_blob(&q, 2, wr_slice_of(sealed, sizeof sealed));
    return sql_run(&q);
}

wr_err sqlite_get_secret(store *base, wr_slice key, wr_key *ret_secret) {
    store_sqlite *s = sqlite_of(base);
    SQL_CALL(q, s, SECRET_GET);
    sql_bind_blob(&q, 1, key);
    WR_TRY(sql_one(&q));
    return unseal(s, kind_secret, key, sql_blob(&q, 0), ret_secret);
}
