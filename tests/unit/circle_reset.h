/* RESETs and circles of several generations for the tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_CIRCLE_RESET_H
#define TESTS_UNIT_CIRCLE_RESET_H

#include "circle/generations.h"
#include "unit/circle_fixture.h"

typedef struct t_reset_plan {
    const wr_identity *keep[8], *gone[8]; /* up to the first NULL, in any order */
    wr_role_kind role[8];                 /* of the kept ones: ADMIN unless set */
    wr_hash epochs[4];                    /* up to the first that is zero; {{1}} if there is none */
    wr_cut cuts[4];                       /* up to the first of length 0, ascending */
    uint64_t hlc;
    uint8_t recovery, new_recovery; /* 0: t_recovery */
} t_reset_plan;

/* Signed on top of all heads of the graph, admitted nowhere. */
t_op t_reset(const wr_graph *graph, const t_reset_plan *plan);
t_op t_rootset(const wr_graph *graph, uint8_t recovery);
/* Signed with t_recovery. */
t_op t_forge_root(const wr_op *header, const wr_hash *parents);

wr_generations *t_generations_of(const wr_graph *graph); /* with its ops */
wr_err t_generations_admit(wr_generations *generations, const t_op *op);
/* Of everything that counts, and of all ops. */
wr_hash t_generations_state(const wr_generations *generations);

/* Device gets the noise key of another one, and an id to match. */
void t_take_key(wr_identity *device, const wr_identity *from);
wr_err t_try_add(wr_graph *graph, const wr_identity *sponsor, const wr_identity *device);
wr_err t_try_epoch(wr_graph *graph, const wr_identity *me, const wr_hash *prev);

#endif /* TESTS_UNIT_CIRCLE_RESET_H */
