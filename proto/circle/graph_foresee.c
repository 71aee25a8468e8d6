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
        WR_TRY(wr_evaluator_column(evaluator, i, graph->chain[i].author, graph->chain[i].leaves,
                                   graph->chain[i].first));
    for (uint32_t i = 0; i < graph->op_count; i++)
        WR_TRY(wr_evaluator_take(evaluator, &graph->node[i]->eval));
    return WR_OK;
}

/* The oldest past that the newest op of a device allows: nothing that it has not signed. */
static uint32_t oldest_past(const wr_graph *graph, uint32_t member, uint16_t *clock) {
    const wr_node *at = graph->chain[graph->column[member]].last;
    if (at == NULL) /* its ADD is all that it need have seen */
        at = wr_graph_node(graph, &graph->member[member].added_id);
    const wr_eval_op *op = &at->eval;
    memcpy(clock, op->clock, op->clock_len * sizeof *clock);
    clock[op->column] = (uint16_t)(op->aseq + 1);
    return op->clock_len > op->column + 1 ? op->clock_len : op->column + 1;
}

/* One op of an answer: a device accuses another. */
typedef struct blow {
    uint16_t clock[WR_COLUMNS_MAX];
    wr_eval_subject subject;
    wr_eval_op op;
} blow;

typedef struct answers { /* large, so on the heap */
    wr_eval_subject targets[WR_MEMBERS_MAX];
    uint16_t clock[WR_MEMBERS_MAX][WR_COLUMNS_MAX];
    wr_eval_op op[WR_MEMBERS_MAX];
    blow blows[]; /* of all targets against all others */
} answers;

static answers *answers_new(size_t blows) {
    return calloc(1, sizeof(answers) + blows * sizeof(blow));
}

/* Only whom it knows it can accuse. */
static bool knows(const wr_graph *graph, uint32_t by, uint32_t member) {
    uint16_t clock[WR_COLUMNS_MAX] = {0};
    const wr_node *added = wr_graph_node(graph, &graph->member[member].added_id);
    uint32_t len = oldest_past(graph, by, clock);
    const wr_eval_op past = {.clock = clock, .clock_len = len};
    return wr_eval_covers(&past, added->eval.column, added->eval.aseq);
}

static void make_blow(const wr_graph *graph, uint32_t by, uint32_t against, uint32_t number,
                      blow *b) {
    uint32_t column = graph->column[by];
    uint32_t aseq = graph->chain[column].op_count + number;
    uint32_t len = oldest_past(graph, by, b->clock);
    if (number != 0) {
        b->clock[column] = (uint16_t)aseq;
        len = len > column + 1 ? len : column + 1;
    }
    b->subject = (wr_eval_subject){against, WR_ROLE_MEMBER};
    b->op = (wr_eval_op){.type = WR_OP_REMOVE,
                         .author = by,
                         .column = column,
                         .aseq = aseq,
                         .clock = b->clock,
                         .clock_len = len,
                         .reason = WR_REASON_LOST,
                         .subject = &b->subject,
                         .subject_count = 1,
                         .id = {{2, (uint8_t)by, (uint8_t)against}}};
}

/* An accusation on top of everything, and of the ones before it. */
static wr_err accuse(const wr_graph *graph, wr_evaluator *evaluator, answers *a, uint32_t number,
                     uint32_t author) {
    uint16_t *clock = a->clock[number];
    wr_eval_op *op = &a->op[number];
    bool root = author == WR_EVAL_ROOT;
    uint32_t columns = graph->column_count + (root ? number : 0);
    for (uint32_t i = 0; i < graph->column_count; i++)
        clock[i] = (uint16_t)graph->chain[i].op_count;
    for (uint32_t i = graph->column_count; i < columns; i++)
        clock[i] = 1;
    *op = (wr_eval_op){.type = WR_OP_REMOVE,
                       .author = author,
                       .column = root ? columns : graph->column[author],
                       .clock = clock,
                       .clock_len = columns,
                       .reason = WR_REASON_LOST,
                       .subject = &a->targets[number],
                       .subject_count = 1,
                       .id = {{1, (uint8_t)number}}};
    if (root) {
        WR_TRY(wr_evaluator_column(evaluator, op->column, author, WR_EVAL_NONE, 0));
    } else {
        op->aseq = graph->chain[op->column].op_count + number;
        clock[op->column] = (uint16_t)op->aseq;
    }
    return wr_evaluator_take(evaluator, op);
}

static bool is_target(const answers *a, uint32_t count, uint32_t member) {
    for (uint32_t i = 0; i < count; i++)
        if (a->targets[i].member == member)
            return true;
    return false;
}

static wr_err strike_back(const wr_graph *graph, wr_evaluator *evaluator, answers *a,
                          uint32_t count) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = 0;
        for (uint32_t m = 0; m < graph->member_count; m++) {
            if (!graph->member[m].current || is_target(a, count, m) ||
                !knows(graph, a->targets[i].member, m))
                continue;
            blow *b = &a->blows[used++];
            make_blow(graph, a->targets[i].member, m, number, b);
            if (!wr_evaluator_may(evaluator, &b->op, graph->member_count, NULL))
                continue;
            WR_TRY(wr_evaluator_take(evaluator, &b->op));
            number++;
        }
    }
    return WR_OK;
}

static wr_err play(const wr_graph *graph, answers *a, uint32_t count, uint32_t author,
                   wr_eval_member *ret_now) {
    WR_AUTO(wr_evaluator) evaluator = NULL;
    WR_TRY(wr_evaluator_new(&evaluator));
    WR_TRY(repeat(graph, evaluator));
    for (uint32_t i = 0; i < count; i++)
        WR_TRY(accuse(graph, evaluator, a, i, author));
    WR_TRY(strike_back(graph, evaluator, a, count));
    wr_evaluator_members(evaluator, graph->member_count, ret_now);
    return WR_OK;
}

static wr_err foresee(const wr_graph *graph, answers *a, uint32_t me, const wr_hash *targets,
                      uint32_t count, wr_hash struck[WR_MEMBERS_MAX], uint32_t *ret_struck_count) {
    wr_eval_member now[WR_AUTHORS_MAX];
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!wr_graph_index(graph, &targets[i], &a->targets[i].member))
            return WR_ERR_UNKNOWN;
    WR_TRY(play(graph, a, count, me, now));
    for (uint32_t i = 0; i < graph->member_count; i++)
        if (graph->member[i].current && !now[i].current && !is_target(a, count, i) && i != me &&
            found < WR_MEMBERS_MAX)
            struck[found++] = graph->member[i].device_id;
    *ret_struck_count = found;
    return WR_OK;
}

wr_err wr_graph_foresee(const wr_graph *graph, const wr_hash *author, const wr_hash *targets,
                        uint32_t count, wr_hash struck[WR_MEMBERS_MAX],
                        uint32_t *ret_struck_count) {
    uint32_t me = WR_EVAL_ROOT;
    WR_ASSERT(count <= WR_MEMBERS_MAX);
    if (author != NULL && !wr_graph_index(graph, author, &me))
        return WR_ERR_UNKNOWN;
    answers *a = answers_new((size_t)count * graph->member_count);
    if (a == NULL)
        return WR_ERR_NOMEM;
    wr_err err = foresee(graph, a, me, targets, count, struck, ret_struck_count);
    free(a);
    return err;
}
