/* The evaluator: a parent-closed set of ops in, labels out.  Pure; the same set gives the same
 * labels on every device whatever the order of arrival.
 *
 * Spec:   proto/spec/circle.md 4
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_EVALUATE_SIMPLE_H
#define WR_CIRCLE_EVALUATE_SIMPLE_H

#include "base/base.h"
#include "base/limits.h"
#include "circle/op.h"

typedef enum wr_op_label {
    WR_LABEL_OP_INVALID, /* not past-valid: no effect */
    WR_LABEL_OP_IN,
    WR_LABEL_OP_OUT,
} wr_op_label;

/* What the evaluator needs of an op; subject and author are member indexes. */
#define WR_EVAL_ROOT UINT32_MAX
typedef struct wr_eval_op {
    wr_op_type type;
    uint32_t author;       /* WR_EVAL_ROOT for ROOT */
    uint32_t subject;      /* GENESIS, ADD: the new device */
    wr_role_kind role;     /* GENESIS, ADD: its role */
    const uint32_t *clock; /* vector clock of past(op): per member index, ops of it (aseq + 1) */
    uint32_t clock_len;    /* members from here on have no op in past(op) */
    uint32_t aseq;
} wr_eval_op;

typedef struct wr_eval_member {
    bool current;
    wr_role_kind role; /* meaningful while current */
} wr_eval_member;

/* Evaluates ops (parents first).  label[count] and members[member_count] are the caller's.  Ops
 * without effect on others (ACK, EPOCH) may be left out of the set: nothing depends on them. */
void wr_evaluate(const wr_eval_op *ops, uint32_t count, uint32_t member_count,
                 wr_op_label *ret_label, wr_eval_member *ret_members);

/* eval(past(op)): only ops covered by clock count.  The ops must be past-valid ones, as all
 * admitted ops are.  may: is author a member there, with at least the role needed? */
WR_MUST bool wr_evaluate_may(const wr_eval_op *ops, uint32_t count, const uint32_t *clock,
                             uint32_t clock_len, uint32_t author, wr_role_kind needed);
void wr_evaluate_past(const wr_eval_op *ops, uint32_t count, const uint32_t *clock,
                      uint32_t clock_len, uint32_t member_count, wr_eval_member *ret_members);

/* The role that an op of this type demands of its author. */
wr_role_kind wr_evaluate_needed(wr_op_type type);

#endif /* WR_CIRCLE_EVALUATE_SIMPLE_H */
