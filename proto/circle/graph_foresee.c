/* What could a device do to the circle if it were accused now, and answered by accusing everybody
 * on the oldest past that its own ops still allow?
 *
 * Guard G3 of circle.md 4.6.  Tried on a second evaluator, as ops cannot be taken back.
 *
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "circle/graph_node.h"

static wr_err repeat(const wr_graph *graph, wr_evaluator *evaluator) {
    for (uint32_t i = 0; i < graph->column_count; i++)
        WR_TRY(wr_evaluator_column(evaluator, i, graph->chain[i].author, WR_EVAL_NONE, 0));
    for (uint32_t i = 0; i < graph->op_count; i++)
        WR_TRY(wr_evaluator_take(evaluator, &graph->node[i]->eval));
    return WR_OK;
}

/* The accusation on top of everything; it stands whatever the accused answer, as they cannot have
 * seen it. */
static wr_err accuse(const wr_graph *graph, wr_evaluator *evaluator, uint16_t *clock,
                     const wr_eval_subject *targets, uint32_t count, uint32_t author,
                     wr_eval_op *op) {
    for (uint32_t i = 0; i < graph->column_count; i++)
        clock[i] = (uint16_t)graph->chain[i].op_count;
    *op =
        (wr_eval_op){.type = WR_OP_REMOVE,
                     .author = author,
                     .column = author == WR_EVAL_ROOT ? graph->column_count : graph->column[author],
                     .clock = clock,
                     .clock_len = graph->column_count,
                     .reason = WR_REASON_LOST,
                     .subject = targets,
                     .subject_count = count,
                     .id = {{1}}};
    if (author == WR_EVAL_ROOT)
        WR_TRY(wr_evaluator_column(evaluator, op->column, author, WR_EVAL_NONE, 0));
    else
        op->aseq = graph->chain[op->column].op_count;
    return wr_evaluator_take(evaluator, op);
}

/* Its answer, right behind the newest op that is known of it. */
static void answer(const wr_graph *graph, uint32_t member, const wr_eval_subject *all,
                   uint32_t count, uint16_t *clock, wr_eval_op *op) {
    uint32_t column = graph->column[member];
    const wr_node *last = graph->chain[column].last;
    const wr_node *past = last;
    uint32_t len;
    if (past == NULL) /* its ADD is all that it need have seen */
        past = wr_graph_node(graph, &graph->member[member].added_id);
    len =
        past->eval.clock_len > past->eval.column + 1 ? past->eval.clock_len : past->eval.column + 1;
    memset(clock, 0, len * sizeof *clock);
    memcpy(clock, past->eval.clock, past->eval.clock_len * sizeof *clock);
    clock[past->eval.column] = (uint16_t)(past->eval.aseq + 1);
    *op = (wr_eval_op){.type = WR_OP_REMOVE,
                       .author = member,
                       .column = column,
                       .aseq = graph->chain[column].op_count,
                       .clock = clock,
                       .clock_len = len,
                       .reason = WR_REASON_LOST,
                       .subject = all,
                       .subject_count = count,
                       .id = {{2, (uint8_t)member}}};
}

typedef struct answers { /* of all accused; large, so on the heap */
    uint16_t clock[WR_MEMBERS_MAX + 1][WR_COLUMNS_MAX];
    wr_eval_op op[WR_MEMBERS_MAX + 1];
    wr_eval_subject targets[WR_MEMBERS_MAX], others[WR_AUTHORS_MAX];
} answers;

static bool is_target(const answers *a, uint32_t count, uint32_t member) {
    for (uint32_t i = 0; i < count; i++)
        if (a->targets[i].member == member)
            return true;
    return false;
}

static wr_err play(const wr_graph *graph, wr_evaluator *evaluator, answers *a, uint32_t count,
                   uint32_t author, wr_eval_member *ret_now) {
    uint32_t others = 0;
    WR_TRY(repeat(graph, evaluator));
    WR_TRY(accuse(graph, evaluator, a->clock[0], a->targets, count, author, &a->op[0]));
    for (uint32_t i = 0; i < graph->member_count; i++)
        if (graph->member[i].current && !is_target(a, count, i))
            a->others[others++] = (wr_eval_subject){i, WR_ROLE_MEMBER};
    for (uint32_t i = 0; i < count && others != 0; i++) {
        wr_eval_op *op = &a->op[i + 1];
        answer(graph, a->targets[i].member, a->others, others, a->clock[i + 1], op);
        if (wr_evaluator_may(evaluator, op, graph->member_count, NULL))
            WR_TRY(wr_evaluator_take(evaluator, op));
    }
    wr_evaluator_members(evaluator, graph->member_count, ret_now);
    return WR_OK;
}

wr_err wr_graph_foresee(const wr_graph *graph, const wr_hash *author, const wr_hash *targets,
                        uint32_t count, wr_hash struck[WR_MEMBERS_MAX],
                        uint32_t *ret_struck_count) {
    WR_AUTO(wr_evaluator) evaluator = NULL;
    wr_eval_member now[WR_AUTHORS_MAX];
    uint32_t me = WR_EVAL_ROOT, found = 0;
    WR_ASSERT(count <= WR_MEMBERS_MAX);
    if (author != NULL && !wr_graph_index(graph, author, &me))
        return WR_ERR_UNKNOWN;
    WR_TRY(wr_evaluator_new(&evaluator));
    answers *a = calloc(1, sizeof *a);
    if (a == NULL)
        return WR_ERR_NOMEM;
    wr_err err = WR_OK;
    for (uint32_t i = 0; err == WR_OK && i < count; i++)
        if (!wr_graph_index(graph, &targets[i], &a->targets[i].member))
            err = WR_ERR_UNKNOWN;
    if (err == WR_OK)
        err = play(graph, evaluator, a, count, me, now);
    for (uint32_t i = 0; err == WR_OK && i < graph->member_count; i++)
        if (graph->member[i].current && !now[i].current && !is_target(a, count, i) && i != me &&
            found < WR_MEMBERS_MAX)
            struck[found++] = graph->member[i].device_id;
    free(a);
    *ret_struck_count = found;
    return err;
}
