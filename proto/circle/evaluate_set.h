/* Sets of members.  Private to evaluate*.c and graph*.c.
 *
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_EVALUATE_SET_H
#define WR_CIRCLE_EVALUATE_SET_H

#include "base/base.h"
#include "base/limits.h"

_Static_assert(WR_AUTHORS_MAX % 64 == 0, "a set of members is whole words");

typedef struct wr_eval_set { /* of member indexes */
    uint64_t word[WR_AUTHORS_MAX / 64];
} wr_eval_set;

static inline bool wr_eval_has(const wr_eval_set *set, uint32_t member) {
    return (set->word[member / 64] >> member % 64 & 1) != 0;
}
static inline void wr_eval_put(wr_eval_set *set, uint32_t member) {
    set->word[member / 64] |= (uint64_t)1 << member % 64;
}
static inline void wr_eval_unite(wr_eval_set *set, const wr_eval_set *other) {
    for (uint32_t i = 0; i < WR_COUNT(set->word); i++)
        set->word[i] |= other->word[i];
}

/* The first member at `from` or later that is in both sets; WR_AUTHORS_MAX if there is none. */
static inline uint32_t wr_eval_common(const wr_eval_set *a, const wr_eval_set *b, uint32_t from) {
    for (; from < WR_AUTHORS_MAX; from = (from / 64 + 1) * 64) {
        uint64_t word = (a->word[from / 64] & b->word[from / 64]) >> from % 64;
        if (word != 0)
            return from + (uint32_t)__builtin_ctzll(word);
    }
    return WR_AUTHORS_MAX;
}

#endif /* WR_CIRCLE_EVALUATE_SET_H */
