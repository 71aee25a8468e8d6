/* Ops that attack or support each other in a ring: the components that nothing open outside
 * influences decide themselves.
 *
 * Two walks, neither recursive.  The first orders the open nodes by when it leaves them, along the
 * edges.  Then, latest first: a node that is not marked lies in a source component, since every
 * earlier one has marked all that it reaches; the component is what reaches the node, backwards.
 * Each walk looks for unmarked neighbours only, so it may skip like evaluate_label.c does.
 *
 * Spec:   proto/spec/circle.md 4.4
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/evaluate_part.h"

/* A node that this one influences; none that next leads past.  cursor: members below it have no
 * such node. */
static uint32_t successor(wr_evaluator *e, uint32_t node, uint16_t *next) {
    wr_eval_work *work = &e->work;
    const wr_eval_entry *entry = work->all.entry[node];
    uint32_t found = WR_EVAL_END, member = work->cursor[node];
    if (entry->op->type == WR_OP_ADD)
        return wr_eval_supported(e, entry->op, entry->op->subject[0].member, next);
    if (work->accusation_of[node] == WR_EVAL_END)
        return WR_EVAL_END;
    while (found == WR_EVAL_END) {
        member = wr_eval_common(&entry->set, &work->with_open, member);
        if (member == WR_AUTHORS_MAX)
            break;
        found = wr_eval_attacked(e, entry->op, member, next);
        member += found == WR_EVAL_END;
    }
    work->cursor[node] = (uint16_t)member;
    return found;
}

/* An unmarked node that influences this one.  from: accusations below it do not. */
static uint32_t predecessor(wr_evaluator *e, uint32_t node, uint32_t *from) {
    wr_eval_work *work = &e->work;
    const wr_eval_op *op = work->all.entry[node]->op;
    *from = wr_eval_attacker(e, op, *from, work->accusation_mark);
    if (*from != WR_EVAL_END)
        return work->node_of[*from];
    for (uint32_t add = work->add[op->author]; add != WR_EVAL_END; add = work->add_next[add]) {
        const wr_eval_op *by = work->all.entry[add]->op;
        if (work->mark[add] == add && wr_eval_covers(op, by->column, by->aseq))
            return add;
    }
    return WR_EVAL_END;
}

static void mark(wr_eval_work *work, uint32_t node) {
    uint32_t accusation = work->accusation_of[node];
    work->mark[node] = (uint16_t)(node + 1);
    if (accusation != WR_EVAL_END)
        work->accusation_mark[accusation] = (uint16_t)(accusation + 1);
}

static void clear_marks(wr_eval_work *work) {
    memset(work->cursor, 0, work->count * sizeof *work->cursor);
    memset(work->found, 0, work->count * sizeof *work->found);
    for (uint32_t node = 0; node <= work->count; node++) {
        bool open = node == work->count || work->label[node] == 0;
        work->seen[node] = work->mark[node] = (uint16_t)(open ? node : node + 1);
    }
    for (uint32_t i = 0; i <= work->accusation_count; i++) {
        bool open = i == work->accusation_count || work->label[work->node_of[i]] == 0;
        work->accusation_mark[i] = (uint16_t)(open ? i : i + 1);
    }
}

/* Fills order with the open nodes, each after all that it reaches first; returns how many. */
static uint32_t put_in_order(wr_evaluator *e) {
    wr_eval_work *work = &e->work;
    uint32_t count = 0, depth = 0;
    for (uint32_t root = 0; (root = wr_eval_find(work->seen, root)) < work->count;) {
        work->seen[root] = (uint16_t)(root + 1);
        work->stack[depth++] = (uint16_t)root;
        while (depth > 0) {
            uint32_t next = successor(e, work->stack[depth - 1], work->seen);
            if (next == WR_EVAL_END) {
                work->order[count++] = work->stack[--depth];
                continue;
            }
            work->seen[next] = (uint16_t)(next + 1);
            work->stack[depth++] = (uint16_t)next;
        }
    }
    return count;
}

/* Marks the source component of root, then all that it reaches; found: the component. */
static bool walk_component(wr_evaluator *e, uint32_t root) {
    wr_eval_work *work = &e->work;
    uint32_t end = 0;
    bool accuses = false;
    mark(work, root);
    work->stack[end++] = (uint16_t)root;
    for (uint32_t i = 0; i < end; i++) {
        uint32_t node = work->stack[i], before, from = 0;
        work->found[node] = true;
        accuses |= work->accusation_of[node] != WR_EVAL_END;
        while ((before = predecessor(e, node, &from)) != WR_EVAL_END) {
            mark(work, before);
            work->stack[end++] = (uint16_t)before;
        }
    }
    for (uint32_t i = 0; i < end; i++)
        work->cursor[work->stack[i]] = 0;
    for (uint32_t i = 0; i < end; i++) {
        uint32_t after;
        while ((after = successor(e, work->stack[i], work->mark)) != WR_EVAL_END) {
            mark(work, after);
            work->cursor[after] = 0;
            work->stack[end++] = (uint16_t)after;
        }
    }
    return accuses;
}

/* spec:circle#4.4 "Otherwise all accusations of the source components MUST be labelled IN" */
void wr_eval_break_cycles(wr_evaluator *e) {
    wr_eval_work *work = &e->work;
    clear_marks(work);
    uint32_t count = put_in_order(e);
    for (uint32_t i = count; i > 0; i--) {
        uint32_t root = work->order[i - 1];
        if (work->mark[root] != root)
            continue;
        bool accuses = walk_component(e, root);
        WR_ASSERT(
            accuses); /* supports alone make no ring: an ADD is in the past of what it supports */
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = work->order[i];
        if (work->found[node] && work->accusation_of[node] != WR_EVAL_END)
            wr_eval_settle(work, node, WR_LABEL_OP_IN);
    }
}
