/* The rule of circle.md 4 once more, for histories of at most 64 abstract ops: sets of op numbers,
 * recursion over pasts, every pair compared.  Shares no line with the evaluator it judges.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_CIRCLE_ORACLE_H
#define TESTS_UNIT_CIRCLE_ORACLE_H

#include "circle/evaluate.h"

#define O_OPS 64u
#define O_DEVICES 24u
#define O_SUBJECTS 12u
#define O_NONE UINT32_MAX

typedef uint64_t o_set; /* of op numbers */

typedef struct o_op {
    wr_op_type type;
    uint32_t author; /* device, or WR_EVAL_ROOT */
    uint32_t aseq;
    uint32_t prev; /* the author's op before this one; O_NONE for its first and for ROOT */
    o_set past;
    wr_reason reason;
    uint32_t subject_count;
    wr_eval_subject subject[O_SUBJECTS];
    wr_hash id;
    bool valid; /* by o_valid, when it was put in */
} o_op;

typedef struct o_history {
    uint32_t count;
    o_op op[O_OPS]; /* parents first; the first one founds */
} o_history;

typedef struct o_result {
    wr_op_label label[O_OPS]; /* of the ops in the set */
    wr_eval_member member[O_DEVICES];
} o_result;

static inline o_set o_bit(uint32_t op) {
    return (o_set)1 << op;
}
static inline o_set o_all(const o_history *h) {
    return h->count == O_OPS ? ~(o_set)0 : o_bit(h->count) - 1;
}
static inline bool o_in(o_set set, uint32_t op) {
    return (set >> op & 1) != 0;
}

/* eval(set), held ops void. */
void o_eval(const o_history *h, o_set set, o_set held, o_result *ret_result);
/* Past-valid?  op need not be in the history; its past is. */
WR_MUST bool o_valid(const o_history *h, const o_op *op);
WR_MUST bool o_names(const o_op *op, uint32_t device);
WR_MUST bool o_brings(const o_op *op, uint32_t device); /* ADD, GENESIS or RESET of it */
WR_MUST bool o_accuses(const o_op *op);

#endif /* TESTS_UNIT_CIRCLE_ORACLE_H */
