/* Abstract histories: made at random, and delivered to an evaluator in any order that has parents
 * first, with every answer on the way compared with the oracle's.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_CIRCLE_HISTORY_H
#define TESTS_UNIT_CIRCLE_HISTORY_H

#include "circle_oracle.h"
#include "harness/harness.h"

/* Numbers of a run; the same seed gives the same ones. */
typedef struct t_dice {
    uint64_t state;
} t_dice;
uint64_t t_roll(t_dice *dice);
uint32_t t_below(t_dice *dice, uint32_t end); /* 0 to end - 1; end > 0 */
/* True in this many of a hundred cases. */
bool t_chance(t_dice *dice, uint32_t percent);

/* The op is given type, author, prev, past and subjects; it gets aseq, an id, and valid from the
 * oracle, and is put in if it is valid.  Returns its number or O_NONE. */
uint32_t h_put(o_history *h, t_dice *dice, o_op op);
/* An op of author on top of prev and of the ops in tops. */
o_op h_on(const o_history *h, wr_op_type type, uint32_t author, uint32_t prev, o_set tops);
void h_subject(o_op *op, uint32_t device, wr_role_kind role);
/* The newest op of author in set; O_NONE if there is none. */
uint32_t h_last(const o_history *h, o_set set, uint32_t author);

/* A history with everything that an evaluator can meet. */
void h_random(o_history *h, t_dice *dice);
void h_print(const o_history *h);

/* One evaluator, and where each op of the history stands in it. */
typedef struct h_replica {
    const o_history *h;
    wr_evaluator *evaluator;
    o_set taken, held;
    uint32_t column_count;
    uint32_t last[WR_COLUMNS_MAX]; /* op number per column */
    wr_eval_op op[O_OPS];
    uint16_t clock[O_OPS][O_OPS];
    uint32_t device_count;
} h_replica;

void h_open(h_replica *replica, const o_history *h);
void h_close(h_replica *replica);
void h_end(void); /* frees what closed replicas left for later ones */
/* All ops of its past have been taken. */
void h_take(h_replica *replica, uint32_t op);
void h_hold(h_replica *replica, uint32_t op, bool held);
/* Is the op, which may be in no history, past-valid here?  Its past has been taken. */
WR_MUST bool h_may(h_replica *replica, const o_op *op, wr_eval_member *ret_past);
/* Labels and members as the oracle has them; false, and prints the difference, if not. */
WR_MUST bool h_agrees(h_replica *replica);
WR_MUST bool h_same_members(const wr_eval_member *a, const wr_eval_member *b, uint32_t count);

/* Some op whose past is done and that is not; O_NONE if there is none. */
uint32_t h_next(const o_history *h, t_dice *dice, o_set done);
/* The history in a random order; compares in the end, on the way in `often` of a hundred steps. */
WR_MUST bool h_deliver(const o_history *h, t_dice *dice, uint32_t often);

#endif /* TESTS_UNIT_CIRCLE_HISTORY_H */
