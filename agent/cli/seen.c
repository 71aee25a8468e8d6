/* Which entries have been printed.
 *
 * An id is kept as 16 bytes: its time part, and a hash of the device part (which is a hash itself).
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/seen.h"

#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t value) {
    value ^= value >> 31;
    value *= 0x9e3779b97f4a7c15u;
    return value ^ value >> 29;
}

static void key_of(const char *id, uint64_t key[2]) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *id && *id != ':'; id++)
        hash = (hash ^ (unsigned char)*id) * 0x100000001b3u;
    key[0] = *id ? strtoull(id + 1, NULL, 10) : 0;
    key[1] = hash | 1; /* 0 marks a free slot */
}

static uint64_t *slot(const seen *set, const uint64_t key[2]) {
    size_t at = (size_t)mix(key[0] ^ mix(key[1])) & (set->cap - 1);
    while (set->slots[at][1] != 0 && (set->slots[at][0] != key[0] || set->slots[at][1] != key[1]))
        at = (at + 1) & (set->cap - 1);
    return set->slots[at];
}

static bool grow(seen *set) {
    seen larger = {NULL, set->count, set->cap ? set->cap * 2 : 1024};
    larger.slots = calloc(larger.cap, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < set->cap; i++)
        if (set->slots[i][1] != 0)
            memcpy(slot(&larger, set->slots[i]), set->slots[i], sizeof *set->slots);
    free(set->slots);
    *set = larger;
    return true;
}

bool seen_add(seen *set, const char *id) {
    uint64_t key[2];
    if (set->count * 2 >= set->cap && !grow(set))
        return true; /* out of memory: rather twice than not at all */
    key_of(id, key);
    uint64_t *at = slot(set, key);
    if (at[1] != 0)
        return false;
    memcpy(at, key, sizeof key);
    set->count++;
    return true;
}

void seen_free(seen *set) {
    free(set->slots);
    *set = (seen){0};
}
