/* The search for plaintext: all windows of 8 bytes, through a filter of bits, in a hash table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/attack_leak.h"

#include <stdlib.h>

#define WINDOW_STEP 256u
#define FILTER_BITS 20u
#define TABLE_START 4096u

typedef struct leak_window {
    uint64_t bytes;
    const char *what; /* NULL: free */
    uint32_t number;
} leak_window;

struct leak {
    uint64_t filter[(1u << FILTER_BITS) / 64];
    leak_window *table; /* open addressing, at most half full */
    size_t size, used;
};

leak *leak_new(void) {
    leak *l = (leak *)calloc(1, sizeof *l);
    WR_ASSERT(l != NULL);
    l->size = TABLE_START;
    l->table = (leak_window *)calloc(l->size, sizeof *l->table);
    WR_ASSERT(l->table != NULL);
    return l;
}

void leak_free(leak *l) {
    if (l == NULL)
        return;
    free(l->table);
    free(l);
}

static uint64_t mixed(uint64_t bytes) {
    return bytes * 0x9e3779b97f4a7c15u;
}

static leak_window *place(const leak *l, uint64_t bytes) {
    size_t at = (size_t)(mixed(bytes) >> 16) & (l->size - 1);
    while (l->table[at].what != NULL && l->table[at].bytes != bytes)
        at = (at + 1) & (l->size - 1);
    return &l->table[at];
}

static void grow(leak *l) {
    leak_window *old = l->table;
    size_t size = l->size;
    l->size = size * 2;
    l->table = (leak_window *)calloc(l->size, sizeof *l->table);
    WR_ASSERT(l->table != NULL);
    for (size_t i = 0; i < size; i++)
        if (old[i].what != NULL)
            *place(l, old[i].bytes) = old[i];
    free(old);
}

static void add(leak *l, const char *what, uint32_t number, const uint8_t *at) {
    uint64_t bytes = wr_load_u64(at);
    uint64_t bit = mixed(bytes) >> (64 - FILTER_BITS);
    leak_window *w = place(l, bytes);
    if (w->what != NULL)
        return;
    *w = (leak_window){bytes, what, number};
    l->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
    if (++l->used * 2 > l->size)
        grow(l);
}

void leak_forbid(leak *l, const char *what, uint32_t number, wr_slice text) {
    WR_ASSERT(text.len >= LEAK_BYTES_MIN);
    for (size_t i = 0; i + LEAK_BYTES_MIN <= text.len; i += WINDOW_STEP)
        add(l, what, number, text.ptr + i);
    add(l, what, number, text.ptr + text.len - LEAK_BYTES_MIN);
}

const char *leak_find(const leak *l, uint64_t *tail, wr_slice bytes, uint32_t *ret_number) {
    uint64_t window = *tail;
    for (size_t i = 0; i < bytes.len; i++) {
        window = window << 8 | bytes.ptr[i];
        uint64_t bit = mixed(window) >> (64 - FILTER_BITS);
        if ((l->filter[bit / 64] >> (bit % 64) & 1) == 0)
            continue;
        const leak_window *w = place(l, window);
        if (w->what == NULL)
            continue;
        *ret_number = w->number;
        return w->what;
    }
    *tail = window;
    return NULL;
}
