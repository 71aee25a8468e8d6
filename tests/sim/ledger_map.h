/* A map from 64-bit numbers to 64-bit numbers, neither of them 0: open addressing, no removal.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_LEDGER_MAP_H
#define SIM_LEDGER_MAP_H

#include "base/base.h"

#include <stdlib.h>

typedef struct u64_slot {
    uint64_t key, value; /* key 0: free */
} u64_slot;

typedef struct u64_map {
    u64_slot *slots;
    size_t size, used; /* at most half full */
} u64_map;

static inline u64_slot *u64_map_slot(const u64_map *m, uint64_t key) {
    size_t at = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (m->size - 1);
    while (m->slots[at].key != 0 && m->slots[at].key != key)
        at = (at + 1) & (m->size - 1);
    return &m->slots[at];
}

/* 0: not there. */
static inline uint64_t u64_map_get(const u64_map *m, uint64_t key) {
    return m->size == 0 ? 0 : u64_map_slot(m, key)->value;
}

static inline void u64_map_grow(u64_map *m) {
    u64_map larger = {NULL, m->size == 0 ? 64 : m->size * 2, m->used};
    larger.slots = (u64_slot *)calloc(larger.size, sizeof *larger.slots);
    WR_ASSERT(larger.slots != NULL);
    for (size_t i = 0; i < m->size; i++)
        if (m->slots[i].key != 0)
            *u64_map_slot(&larger, m->slots[i].key) = m->slots[i];
    free(m->slots);
    *m = larger;
}

static inline void u64_map_set(u64_map *m, uint64_t key, uint64_t value) {
    WR_ASSERT(key != 0 && value != 0);
    if ((m->used + 1) * 2 > m->size)
        u64_map_grow(m);
    u64_slot *slot = u64_map_slot(m, key);
    m->used += slot->key == 0;
    *slot = (u64_slot){key, value};
}

static inline u64_map u64_map_copy(const u64_map *m) {
    u64_map copy = *m;
    if (m->size == 0)
        return copy;
    copy.slots = (u64_slot *)malloc(m->size * sizeof *copy.slots);
    WR_ASSERT(copy.slots != NULL);
    memcpy(copy.slots, m->slots, m->size * sizeof *copy.slots);
    return copy;
}

static inline void u64_map_free(u64_map *m) {
    free(m->slots);
    *m = (u64_map){0};
}

#endif /* SIM_LEDGER_MAP_H */
