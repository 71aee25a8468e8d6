/* The evaluator: a parent-closed set of ops in, labels out.
 *
 * Without accusations every past-valid op is IN, so labels follow in one pass over the ops,
 * parents first, and nothing but the set matters:
 * spec:circle#4.2 "Two devices that hold the same ops MUST come to the same members, roles and
 * epochs."
 *
 * Spec:   proto/spec/circle.md 4
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/evaluate_simple.h"

static bool makes_member(const wr_eval_op *op) {
    return op->type == WR_OP_GENESIS || op->type == WR_OP_ADD;
}

/* op in past(q), where clock is that of past(q). */
static bool covered(const wr_eval_op *op, const uint32_t *clock, uint32_t clock_len) {
    return op->author < clock_len && op->aseq < clock[op->author];
}

/* Two sponsors may add one device at the same time: the lower role wins. */
static void join(wr_eval_member *member, wr_role_kind role) {
    bool lower = !member->current || role > member->role;
    *member = (wr_eval_member){true, lower ? role : member->role};
}

static bool has_role(const wr_eval_member *member, wr_role_kind needed) {
    return member->current && member->role <= needed;
}

/* label may be NULL: all ops are past-valid then. */
static wr_eval_member member_in_past(const wr_eval_op *ops, uint32_t count,
                                     const wr_op_label *label, const wr_eval_op *at,
                                     uint32_t device) {
    wr_eval_member member = {false, WR_ROLE_MEMBER};
    for (uint32_t i = 0; i < count; i++) {
        const wr_eval_op *op = &ops[i];
        if (!makes_member(op) || op->subject != device)
            continue;
        if (label != NULL && label[i] == WR_LABEL_OP_INVALID)
            continue;
        if (covered(op, at->clock, at->clock_len))
            join(&member, op->role);
    }
    return member;
}

void wr_evaluate(const wr_eval_op *ops, uint32_t count, uint32_t member_count,
                 wr_op_label *ret_label, wr_eval_member *ret_members) {
    for (uint32_t m = 0; m < member_count; m++)
        ret_members[m] = (wr_eval_member){false, WR_ROLE_MEMBER};
    for (uint32_t i = 0; i < count; i++) {
        const wr_eval_op *op = &ops[i];
        WR_ASSERT(op->author < member_count || op->author == WR_EVAL_ROOT);
        bool valid = op->author == WR_EVAL_ROOT || op->type == WR_OP_GENESIS;
        if (!valid) {
            wr_eval_member author = member_in_past(ops, i, ret_label, op, op->author);
            valid = has_role(&author, wr_evaluate_needed(op->type));
        }
        ret_label[i] = valid ? WR_LABEL_OP_IN : WR_LABEL_OP_INVALID;
        if (valid && makes_member(op)) {
            WR_ASSERT(op->subject < member_count);
            join(&ret_members[op->subject], op->role);
        }
    }
}

bool wr_evaluate_may(const wr_eval_op *ops, uint32_t count, const uint32_t *clock,
                     uint32_t clock_len, uint32_t author, wr_role_kind needed) {
    const wr_eval_op at = {.clock = clock, .clock_len = clock_len};
    wr_eval_member member = member_in_past(ops, count, NULL, &at, author);
    return has_role(&member, needed);
}

void wr_evaluate_past(const wr_eval_op *ops, uint32_t count, const uint32_t *clock,
                      uint32_t clock_len, uint32_t member_count, wr_eval_member *ret_members) {
    for (uint32_t m = 0; m < member_count; m++)
        ret_members[m] = (wr_eval_member){false, WR_ROLE_MEMBER};
    for (uint32_t i = 0; i < count; i++) {
        if (!makes_member(&ops[i]) || !covered(&ops[i], clock, clock_len))
            continue;
        WR_ASSERT(ops[i].subject < member_count);
        join(&ret_members[ops[i].subject], ops[i].role);
    }
}
