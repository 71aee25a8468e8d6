/* A store of either kind in a folder of its own, and short forms of the calls the tests repeat.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "harness/harness.h"
#include "store/store.h"

typedef enum fix_kind { FIX_SQLITE, FIX_MEMORY } fix_kind;

typedef struct fix {
    fix_kind kind;
    char home[64]; /* a temporary folder */
    store *s;
} fix;

/* setup: *state holds a const fix_kind *, then the fix. */
int fix_setup(void **state);
int fix_teardown(void **state);
void fix_reopen(fix *f); /* SQLite: close and open; memory: crash */
/* The folder alone. */
void fix_home_make(char home[64]);
void fix_home_remove(const char *home);

extern const wr_key fix_keys_key;
extern const fix_kind fix_sqlite, fix_memory;
#define FIX_BOTH(test)                                                                             \
    {#test " (sqlite)", test, fix_setup, fix_teardown, (void *)(uintptr_t)&fix_sqlite}, {          \
#test " (memory)", test, fix_setup, fix_teardown, (void *)(uintptr_t)&fix_memory           \
    }

wr_hash fix_hash(uint8_t fill);
wr_key fix_key(uint8_t fill);
#define S(text) wr_slice_str(text)

/* count entries of one byte each, the low byte of their seq, one log; hlc = (seq + 1) * 10. */
wr_err fix_put(store *s, const wr_hash *feed_id, uint64_t first, uint32_t count, uint16_t log_no);
/* The same with bytes_each bytes an entry. */
wr_err fix_put_sized(store *s, const wr_hash *feed_id, uint64_t first, uint32_t count,
                     uint16_t log_no, size_t bytes_each);
uint64_t fix_len(store *s, const wr_hash *feed_id);

/* What an _each call gave, as text: one item a line. */
typedef struct fix_list {
    char text[64 * 1024];
    size_t len;
    uint32_t calls;
    uint32_t stop_after; /* 0: never */
    wr_err stop_with;
} fix_list;
wr_err fix_each_rows(void *list, const store_rows *rows); /* "first+count" */
wr_err fix_each_arrival(void *list, uint64_t arrival, const wr_hash *feed_id,
                        const store_rows *rows); /* "arrival feed first+count" */
wr_err fix_list_add(fix_list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif /* TESTS_UNIT_STORE_FIXTURE_H */
