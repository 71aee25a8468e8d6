/* The search for plaintext: all windows of 8 bytes, through a filter of bits, in a hash table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/attack_leak.h"

#include "base/text.h"

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

void leak_forbid_key(leak *l, const char *what, uint32_t number, const wr_key *key) {
    uint8_t bytes[2u * sizeof key->b + 2u];
    wr_buf text = WR_BUF_ARRAY(bytes);
    leak_forbid(l, what, number, WR_SLICE_OBJ(*key));
    wr_err err = wr_hex_encode(WR_SLICE_OBJ(*key), &text);
    WR_ASSERT(err == WR_OK);
    leak_forbid(l, what, number, wr_buf_slice(&text));
    for (size_t i = 0; i < text.len; i++)
        if (bytes[i] >= 'a')
            bytes[i] = (uint8_t)(bytes[i] - 'a' + 'A');
    leak_forbid(l, what, number, wr_buf_slice(&text));
    /* Three bytes make four letters, so there are three places where a key may begin. */
    for (size_t skip = 0; skip < 3; skip++) {
        text.len = 0;
        err = wr_base64_encode(wr_slice_of(key->b + skip, 30), &text);
        WR_ASSERT(err == WR_OK);
        leak_forbid(l, what, number, wr_buf_slice(&text));
        for (size_t i = 0; i < text.len; i++)
            bytes[i] = bytes[i] == '+' ? '-' : bytes[i] == '/' ? '_' : bytes[i];
        leak_forbid(l, what, number, wr_buf_slice(&text));
    }
    wr_wipe(bytes, sizeof bytes);
}

void leak_forbid_words(leak *l, const char *what, uint32_t number, const char *words) {
    const char *last[3] = {words, NULL, NULL};
    size_t count = 1;
    for (const char *at = words; *at != '\0'; at++) {
        bool ends = at[1] == ' ' || at[1] == '\0';
        if (ends && count >= 3 && (size_t)(at + 1 - last[0]) >= LEAK_BYTES_MIN)
            leak_forbid(l, what, number, wr_slice_of(last[0], (size_t)(at + 1 - last[0])));
        if (*at != ' ')
            continue;
        if (count >= 3) {
            last[0] = last[1];
            last[1] = last[2];
        }
        last[count < 3 ? count : 2] = at + 1;
        count++;
    }
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
