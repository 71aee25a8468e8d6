/* The schemas of store.db and keys.db, as ordered steps of SQL.
 *
 * user_version is the number of steps done.  A step, once released, is never changed.
 *
 * Layer:  store
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORE_MIGRATIONS_H
#define STORE_MIGRATIONS_H

#include "base/base.h"

typedef struct migration_set {
    uint32_t application_id; /* in the file's header: whose file it is */
    const char *const *steps;
    uint32_t count;
} migration_set;

extern const migration_set migrations_store;
extern const migration_set migrations_keys;

/* A row's key in `rows` is feed number and first_seq in one integer, so that the table needs no
 * second index: feeds one after the other, each in order. */
#define MIGRATIONS_SEQ_BITS 40u
#define MIGRATIONS_SEQ_MAX ((1ull << MIGRATIONS_SEQ_BITS) - 1u)
#define MIGRATIONS_FEED_MAX ((1u << 22) - 1u)

#endif /* STORE_MIGRATIONS_H */
