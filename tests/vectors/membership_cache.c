/* What makes ten thousand graphs affordable under a sanitizer: a signature is checked once, and
 * large blocks go from one graph to the next.  Linked with --wrap for each function here.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/evaluate.h"
#include "crypto/crypto.h"

#include <stdlib.h>
#include <string.h>

/* What is called instead of the function, and the function. */
#define WRAP(type, name, ...)                                                                      \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

#define VERDICTS 4096u

WRAP(wr_err, wr_verify, const wr_pub *key, wr_sig_label label, wr_slice message,
     const wr_sig *sig) {
    static struct {
        wr_hash question;
        wr_err answer;
        bool is_set;
    } known[VERDICTS];
    const uint8_t which = (uint8_t)label;
    wr_hasher hasher;
    wr_hasher_init(&hasher, WR_LABEL_OP_ID);
    wr_hasher_add(&hasher, WR_SLICE_OBJ(*key));
    wr_hasher_add(&hasher, wr_slice_of(&which, sizeof which));
    wr_hasher_add(&hasher, WR_SLICE_OBJ(*sig));
    wr_hasher_add(&hasher, message);
    wr_hash question = wr_hasher_end(&hasher);
    size_t at = wr_load_u32(question.b) % VERDICTS;
    if (!known[at].is_set || !wr_hash_equal(&known[at].question, &question)) {
        known[at].question = question;
        known[at].answer = __real_wr_verify(key, label, message, sig);
        known[at].is_set = true;
    }
    return known[at].answer;
}

static wr_evaluator *spare;

WRAP(wr_err, wr_evaluator_new, wr_evaluator **ret_evaluator) {
    if (spare == NULL)
        return __real_wr_evaluator_new(ret_evaluator);
    *ret_evaluator = wr_steal(&spare);
    return WR_OK;
}

WRAP(void, wr_evaluator_free, wr_evaluator *evaluator) {
    if (evaluator == NULL)
        return;
    if (spare != NULL) {
        __real_wr_evaluator_free(evaluator);
        return;
    }
    wr_evaluator_clear(evaluator);
    spare = evaluator;
}

#define LARGE 65536u
static struct {
    void *block;
    size_t size;
    bool used;
} kept[4];

WRAP(void *, calloc, size_t count, size_t size) {
    for (size_t i = 0; count == 1 && size >= LARGE && i < WR_COUNT(kept); i++) {
        if (kept[i].block == NULL)
            kept[i].block = __real_calloc(1, kept[i].size = size);
        else if (!kept[i].used && kept[i].size == size)
            memset(kept[i].block, 0, size);
        else
            continue;
        kept[i].used = true;
        return kept[i].block;
    }
    return __real_calloc(count, size);
}

WRAP(void, free, void *block) {
    for (size_t i = 0; block != NULL && i < WR_COUNT(kept); i++) {
        if (kept[i].block == block) {
            kept[i].used = false;
            return;
        }
    }
    __real_free(block);
}
