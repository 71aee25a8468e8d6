/* The evaluator: which ops of a parent-closed set count, and who is a member by them.
 *
 *   take ops, parents first ──> labels, members of the whole set, and of any op's past
 *
 * A deterministic function of the set: order of arrival and duplicates change nothing.  Holds no
 * bytes and checks no signature; the graph feeds it.  One evaluator covers one generation, whose
 * first op is GENESIS or RESET.
 *
 * Clocks have one column per chain of ops: a member's own chain, one more for each branch where it
 * forked, and one for each op of ROOT, which has no chain.  An op's place is (column, aseq), and
 * older is in past(newer) iff newer.clock[older.column] > older.aseq.  A branch shares the numbers
 * below its first op with the column that it leaves.
 *
 * Spec:   proto/spec/circle.md 4
 * Layer:  circle
 * Owner:  one per generation of a graph; ops and what they point to are the caller's, live as long
 *         as the evaluator and do not move.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_EVALUATE_H
#define WR_CIRCLE_EVALUATE_H

#include "base/base.h"
#include "base/limits.h"
#include "circle/op_change.h"

#define WR_EVAL_ROOT UINT32_MAX /* author of an op signed with the recovery key */
#define WR_EVAL_NONE UINT32_MAX /* a column that leaves no other */

typedef enum wr_op_label {
    WR_LABEL_OP_INVALID, /* not past-valid: never taken */
    WR_LABEL_OP_IN,
    WR_LABEL_OP_OUT, /* struck out by an accusation, without support, on a voided branch, or held */
} wr_op_label;

typedef struct wr_eval_subject { /* a device that an op is about */
    uint32_t member;
    wr_role_kind role; /* GENESIS, ADD, ROLE, RESET (kept devices) */
} wr_eval_subject;

typedef struct wr_eval_op {
    wr_op_type type; /* types without effect on others (ACK, EPOCH, newer ones) are taken too */
    uint32_t author; /* member index, or WR_EVAL_ROOT */
    uint32_t column;
    uint32_t aseq;
    const uint16_t *clock; /* of past(op): per column, how many of its ops: its newest aseq + 1 */
    uint32_t clock_len;    /* columns from here on have no op in past(op) */
    wr_reason reason;      /* REMOVE */
    const wr_eval_subject *subject; /* GENESIS, ADD 1; REMOVE the targets; ROLE 1; EQUIV 1: who
                                       equivocated; RESET the kept; LEAVE none: its author */
    uint32_t subject_count;
    wr_hash id; /* orders several ADDs of one device */
} wr_eval_op;

/* q in past(newer) for the op at a place? */
static inline bool wr_eval_covers(const wr_eval_op *newer, uint32_t column, uint32_t aseq) {
    return column < newer->clock_len && newer->clock[column] > aseq;
}
static inline uint32_t wr_eval_clock(const wr_eval_op *op, uint32_t column) {
    return column < op->clock_len ? op->clock[column] : 0;
}
static inline bool wr_eval_accuses(const wr_eval_op *op) {
    return op->type == WR_OP_EQUIV || (op->type == WR_OP_REMOVE && op->reason != WR_REASON_RETIRED);
}
/* Does a REMOVE, LEAVE or EQUIV end the membership of this one, if it counts? */
static inline bool wr_eval_ends(const wr_eval_op *op, uint32_t member) {
    if (op->type == WR_OP_LEAVE)
        return op->author == member;
    if (op->type != WR_OP_REMOVE && op->type != WR_OP_EQUIV)
        return false;
    for (uint32_t i = 0; i < op->subject_count; i++)
        if (op->subject[i].member == member)
            return true;
    return false;
}

typedef struct wr_eval_member {
    bool added;        /* an ADD, GENESIS or RESET that is IN brought it */
    bool current;      /* .. and nothing that is IN took it away */
    bool accused;      /* an accusation (REMOVE lost or compromised, EQUIV) that is IN names it */
    wr_role_kind role; /* while added */
} wr_eval_member;

#define WR_EVALUATOR_BYTES_MAX (3584u * 1024u) /* one allocation, whatever it takes */

typedef struct wr_evaluator wr_evaluator;
WR_MUST wr_err wr_evaluator_new(wr_evaluator **ret_evaluator);
void wr_evaluator_free(wr_evaluator *evaluator);  /* NULL is fine */
void wr_evaluator_clear(wr_evaluator *evaluator); /* as new: another RESET won, ops come again */
WR_DEFINE_FREEP(wr_evaluator, wr_evaluator_free)

/* Declares column number `column` (the next one, counting from 0).  leaves: for a branch the column
 * of the author's op before it, that with aseq first - 1; its own chain if first is 0; WR_EVAL_NONE
 * for a member's own chain or an op of ROOT.  first: aseq of its first op.  LIMIT beyond
 * WR_COLUMNS_MAX. */
WR_MUST wr_err wr_evaluator_column(wr_evaluator *evaluator, uint32_t column, uint32_t author,
                                   uint32_t leaves, uint32_t first);

/* Is op past-valid: was its author a member with the role its type needs, by eval(past(op))?
 * ROOT's ops and EQUIV are always (the graph has checked signature and proof).  The members of
 * eval(past(op)) go to ret_members[member_count] if it is not NULL. */
WR_MUST bool wr_evaluator_may(wr_evaluator *evaluator, const wr_eval_op *op, uint32_t member_count,
                              wr_eval_member *ret_members);

/* Takes a past-valid op, parents first; the very first one is GENESIS or RESET.  LIMIT beyond
 * WR_OPS_MAX: nothing changed. */
WR_MUST wr_err wr_evaluator_take(wr_evaluator *evaluator, const wr_eval_op *op);
/* Guard G2: a held op has no effect in the evaluation of the whole set; pasts are not touched. */
void wr_evaluator_hold(wr_evaluator *evaluator, const wr_eval_op *op, bool held);

/* Evaluation of everything taken.  Members up to member_count (>= all that ops named). */
void wr_evaluator_members(wr_evaluator *evaluator, uint32_t member_count,
                          wr_eval_member *ret_members);
WR_MUST wr_op_label wr_evaluator_label(wr_evaluator *evaluator, const wr_eval_op *op);
/* eval of the set that a clock covers. */
void wr_evaluator_past(wr_evaluator *evaluator, const uint16_t *clock, uint32_t clock_len,
                       uint32_t member_count, wr_eval_member *ret_members);

/* The role that an op of this type demands of its author. */
wr_role_kind wr_evaluate_needed(wr_op_type type);

#endif /* WR_CIRCLE_EVALUATE_H */
