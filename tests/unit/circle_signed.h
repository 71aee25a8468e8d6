/* Abstract histories as real ops: each op signed once, then delivered to graphs in any order, those
 * included in which ops come before their parents.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_CIRCLE_SIGNED_H
#define TESTS_UNIT_CIRCLE_SIGNED_H

#include "circle_fixture.h"
#include "circle_history.h"

/* What has effect in them is GENESIS, ADD, REMOVE, LEAVE, ACK and EQUIV; GENESIS comes first. */
typedef struct s_history {
    const o_history *h;
    wr_identity device[O_DEVICES];
    t_op op[O_OPS];
    uint8_t body[4096]; /* of the op that is made now */
} s_history;

/* Ops that are not past-valid are signed, too. */
void s_sign(s_history *s, const o_history *h);

/* Offers every op of s to an empty graph, in an order that the dice say.  What is refused as
 * UNKNOWN waits, and is offered again after each op that was taken.
 * eager: what the guard holds is let take effect at once; else at the end.  So the guard is awake,
 * and does not decide.
 * Returns the ops that were taken; *ret_refused: those that were REFUSED.  All others have waited
 * in vain, or failed in another way. */
o_set s_deliver(const s_history *s, t_dice *dice, bool eager, wr_graph *graph, o_set *ret_refused);

#endif /* TESTS_UNIT_CIRCLE_SIGNED_H */
