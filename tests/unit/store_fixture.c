/* Stores in temporary folders.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store_fixture.h"

#include "crypto/crypto.h"
#include "store/store_memory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const wr_key fix_keys_key = {{7, 7, 7}};
const fix_kind fix_sqlite = FIX_SQLITE, fix_memory = FIX_MEMORY;

void fix_home_make(char home[64]) {
    (void)snprintf(home, 64, "/tmp/warren-store-XXXXXX");
    T_TRUE(mkdtemp(home) != NULL);
}

void fix_home_remove(const char *home) {
    DIR *dir = opendir(home);
    T_TRUE(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", home, entry->d_name);
        (void)unlink(path);
    }
    (void)closedir(dir);
    T_EQ(rmdir(home), 0);
}

static void open_store(fix *f) {
    const char *problem = "";
    wr_err err = f->kind == FIX_MEMORY ? store_open_memory(&f->s)
                                       : store_open_sqlite(f->home, STORE_SYNC_NORMAL,
                                                           &fix_keys_key, &f->s, &problem);
    T_STR(problem, "");
    T_OK(err);
}

int fix_setup(void **state) {
    fix *f = (fix *)calloc(1, sizeof *f);
    T_TRUE(f != NULL);
    T_OK(wr_crypto_init());
    f->kind = *(const fix_kind *)*state;
    fix_home_make(f->home);
    open_store(f);
    *state = f;
    return 0;
}

int fix_teardown(void **state) {
    fix *f = (fix *)*state;
    store_close(f->s);
    fix_home_remove(f->home);
    free(f);
    return 0;
}

void fix_reopen(fix *f) {
    if (f->kind == FIX_MEMORY) {
        store_memory_crash(f->s);
        return;
    }
    store_close(f->s);
    f->s = NULL;
    open_store(f);
}

wr_hash fix_hash(uint8_t fill) {
    wr_hash hash;
    memset(hash.b, fill, sizeof hash.b);
    return hash;
}

wr_key fix_key(uint8_t fill) {
    wr_key key;
    memset(key.b, fill, sizeof key.b);
    return key;
}

wr_err fix_put_sized(store *s, const wr_hash *feed_id, uint64_t first, uint32_t count,
                     uint16_t log_no, size_t bytes_each) {
    uint8_t *bytes = (uint8_t *)malloc(count * bytes_each + 1);
    T_TRUE(bytes != NULL);
    for (uint32_t i = 0; i < count; i++)
        memset(bytes + i * bytes_each, (int)((first + i) & 0xff), bytes_each);
    store_rows rows = {
        .first_seq = first,
        .count = count,
        .hlc_first = (first + 1) * 10,
        .hlc_last = (first + count) * 10,
        .bytes = wr_slice_of(bytes, count * bytes_each),
    };
    store_row_log log = {log_no, rows.hlc_first, rows.hlc_last, count};
    wr_err err = store_put_rows(s, feed_id, &rows, &log, 1);
    free(bytes);
    return err;
}

wr_err fix_put(store *s, const wr_hash *feed_id, uint64_t first, uint32_t count, uint16_t log_no) {
    return fix_put_sized(s, feed_id, first, count, log_no, 1);
}

uint64_t fix_len(store *s, const wr_hash *feed_id) {
    uint64_t len = UINT64_MAX;
    T_OK(store_feed_len(s, feed_id, &len));
    return len;
}

wr_err fix_list_add(fix_list *list, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(list->text + list->len, sizeof list->text - list->len, format, args);
    va_end(args);
    T_TRUE(len > 0 && list->len + (size_t)len < sizeof list->text);
    list->len += (size_t)len;
    list->calls++;
    return list->calls == list->stop_after ? list->stop_with : WR_OK;
}

/* bytes hold the low byte of each entry's seq, once each: does the row say so? */
static void check_bytes(const store_rows *rows) {
    T_EQ(rows->bytes.len % rows->row_count, 0);
    size_t each = rows->bytes.len / rows->row_count;
    for (size_t i = 0; i < rows->bytes.len; i++)
        T_EQ(rows->bytes.ptr[i], (rows->row_first_seq + i / each) & 0xff);
    T_TRUE(rows->first_seq >= rows->row_first_seq);
    T_TRUE(rows->first_seq + rows->count <= rows->row_first_seq + rows->row_count);
    T_EQ(rows->hlc_first, (rows->row_first_seq + 1) * 10);
    T_EQ(rows->hlc_last, (rows->row_first_seq + rows->row_count) * 10);
}

wr_err fix_each_rows(void *list, const store_rows *rows) {
    check_bytes(rows);
    T_EQ(rows->first_seq, rows->row_first_seq);
    T_EQ(rows->count, rows->row_count);
    return fix_list_add((fix_list *)list, "%llu+%u\n", (unsigned long long)rows->first_seq,
                        rows->count);
}

wr_err fix_each_arrival(void *list, uint64_t arrival, const wr_hash *feed_id,
                        const store_rows *rows) {
    check_bytes(rows);
    return fix_list_add((fix_list *)list, "%llu %u %llu+%u\n", (unsigned long long)arrival,
                        feed_id->b[0], (unsigned long long)rows->first_seq, rows->count);
}
