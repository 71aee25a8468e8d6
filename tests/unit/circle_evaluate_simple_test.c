/* The evaluator by itself: labels and members from a set of ops.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/evaluate_simple.h"
#include "harness/harness.h"

#define OPS 7u
#define MEMBERS 5u

/* 0 founds, adds 1 (ADMIN) and 2 (MEMBER); 1 adds 3; 2 tries to add 4; 1 adds 3 again. */
static const uint32_t clocks[OPS][MEMBERS] = {
    {0}, {1}, {2}, {2}, {3, 0}, {3}, {3, 1},
};
static const wr_eval_op ops[OPS] = {
    {WR_OP_GENESIS, 0, 0, WR_ROLE_ADMIN, clocks[0], 0, 0},
    {WR_OP_ADD, 0, 1, WR_ROLE_ADMIN, clocks[1], 1, 1},
    {WR_OP_ADD, 0, 2, WR_ROLE_MEMBER, clocks[2], 1, 2},
    {WR_OP_ADD, 1, 3, WR_ROLE_ADMIN, clocks[3], 1, 0},
    {WR_OP_ADD, 2, 4, WR_ROLE_ADMIN, clocks[4], 2, 0},
    {WR_OP_ACK, 2, 0, WR_ROLE_ADMIN, clocks[5], 1, 1},
    {WR_OP_ADD, 0, 3, WR_ROLE_MEMBER, clocks[6], 2, 3},
};

static void past_valid_ops_are_in_and_the_others_without_effect(void **state) {
    (void)state;
    wr_op_label label[OPS];
    wr_eval_member members[MEMBERS];
    wr_evaluate(ops, OPS, MEMBERS, label, members);
    for (uint32_t i = 0; i < OPS; i++)
        T_EQ(label[i], i == 4 ? WR_LABEL_OP_INVALID : WR_LABEL_OP_IN);
    T_TRUE(members[0].current);
    T_EQ(members[0].role, WR_ROLE_ADMIN);
    T_EQ(members[1].role, WR_ROLE_ADMIN);
    T_EQ(members[2].role, WR_ROLE_MEMBER);
    T_TRUE(members[3].current);
    T_EQ(members[3].role, WR_ROLE_MEMBER); /* the lower of two roles */
    T_FALSE(members[4].current);
}

static void an_invalid_add_supports_nobody(void **state) {
    (void)state;
    const uint32_t after[MEMBERS] = {3, 0, 1};
    const wr_eval_op chain[] = {
        ops[0], ops[1], ops[2], ops[4], {WR_OP_ACK, 4, 0, WR_ROLE_ADMIN, after, 3, 0},
    };
    wr_op_label label[WR_COUNT(chain)];
    wr_eval_member members[MEMBERS];
    wr_evaluate(chain, WR_COUNT(chain), MEMBERS, label, members);
    T_EQ(label[3], WR_LABEL_OP_INVALID);
    T_EQ(label[4], WR_LABEL_OP_INVALID);
}

static void only_what_the_clock_covers_counts(void **state) {
    (void)state;
    wr_eval_member members[MEMBERS];
    const uint32_t clock[] = {2, 1};
    T_TRUE(wr_evaluate_may(ops, OPS, clock, 2, 0, WR_ROLE_ADMIN));
    T_TRUE(wr_evaluate_may(ops, OPS, clock, 2, 1, WR_ROLE_ADMIN));
    T_FALSE(wr_evaluate_may(ops, OPS, clock, 2, 2, WR_ROLE_MEMBER)); /* its ADD is aseq 2 */
    T_TRUE(wr_evaluate_may(ops, OPS, clock, 2, 3, WR_ROLE_ADMIN));
    T_FALSE(wr_evaluate_may(ops, OPS, clock, 1, 3, WR_ROLE_MEMBER)); /* a shorter clock */
    T_FALSE(wr_evaluate_may(ops, OPS, clock, 0, 0, WR_ROLE_MEMBER));
    const uint32_t later[] = {4, 1};
    T_TRUE(wr_evaluate_may(ops, OPS, later, 2, 2, WR_ROLE_MEMBER));
    T_FALSE(wr_evaluate_may(ops, OPS, later, 2, 2, WR_ROLE_ADMIN));
    T_FALSE(wr_evaluate_may(ops, OPS, later, 2, 3, WR_ROLE_ADMIN)); /* added twice by then */
    wr_evaluate_past(ops, OPS, clock, 2, MEMBERS, members);
    T_TRUE(members[3].current);
    T_EQ(members[3].role, WR_ROLE_ADMIN);
    T_FALSE(members[2].current);
}

static void the_recovery_key_needs_no_support(void **state) {
    (void)state;
    const uint32_t clock[] = {1};
    const wr_eval_op two[] = {ops[0], {WR_OP_ADD, WR_EVAL_ROOT, 1, WR_ROLE_MEMBER, clock, 1, 0}};
    wr_op_label label[2];
    wr_eval_member members[2];
    wr_evaluate(two, 2, 2, label, members);
    T_EQ(label[1], WR_LABEL_OP_IN);
    T_TRUE(members[1].current);
}

static void roles_are_demanded_by_type(void **state) {
    (void)state;
    T_EQ(wr_evaluate_needed(WR_OP_ADD), WR_ROLE_ADMIN);
    T_EQ(wr_evaluate_needed(WR_OP_REMOVE), WR_ROLE_ADMIN);
    T_EQ(wr_evaluate_needed(WR_OP_ROLE), WR_ROLE_ADMIN);
    T_EQ(wr_evaluate_needed(WR_OP_LEAVE), WR_ROLE_MEMBER);
    T_EQ(wr_evaluate_needed(WR_OP_ACK), WR_ROLE_MEMBER);
    T_EQ(wr_evaluate_needed(WR_OP_EPOCH), WR_ROLE_MEMBER);
    T_EQ(wr_evaluate_needed(WR_OP_EQUIV), WR_ROLE_MEMBER);
}

/* A type that this version does not know demands membership. */
static void a_newer_type_needs_a_member(void **state) {
    (void)state;
    T_EQ(wr_evaluate_needed((wr_op_type)11), WR_ROLE_MEMBER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(past_valid_ops_are_in_and_the_others_without_effect),
        cmocka_unit_test(an_invalid_add_supports_nobody),
        cmocka_unit_test(only_what_the_clock_covers_counts),
        cmocka_unit_test(the_recovery_key_needs_no_support),
        cmocka_unit_test(roles_are_demanded_by_type),
        cmocka_unit_test(a_newer_type_needs_a_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
