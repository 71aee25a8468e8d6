/* The evaluator: takes ops into columns, answers from the evaluations of the files beside it.
 *
 * Spec:   proto/spec/circle.md 4
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/evaluate_part.h"

#include <stdlib.h>

wr_role_kind wr_evaluate_needed(wr_op_type type) {
    switch (type) {
    case WR_OP_ADD:
    case WR_OP_REMOVE:
    case WR_OP_ROLE:
    case WR_OP_RESET:
    case WR_OP_ROOTSET:
        return WR_ROLE_ADMIN;
    case WR_OP_GENESIS:
    case WR_OP_LEAVE:
    case WR_OP_ACK:
    case WR_OP_EPOCH:
    case WR_OP_KEYUPD:
    case WR_OP_EQUIV:
        return WR_ROLE_MEMBER;
    }
    return WR_ROLE_MEMBER; /* a newer type */
}

void wr_evaluator_clear(wr_evaluator *evaluator) {
    wr_evaluator *e = evaluator;
    e->column_count = e->chunk_count = e->op_count = e->entry_count = 0;
    e->branch_count = e->held_count = e->member_count = 0;
    e->all_stale = e->all.known = false;
    for (uint32_t i = 0; i < WR_EVAL_RESULTS; i++)
        e->past[i].known = false;
    memset(e->all.member, 0, sizeof e->all.member);
    memset(e->adds, 0, sizeof e->adds);
    memset(e->whole, 0, sizeof e->whole);
    memset(e->live, 0, sizeof e->live);
    memset(e->column_of, 0xff, sizeof e->column_of);
}

wr_err wr_evaluator_new(wr_evaluator **ret_evaluator) {
    wr_evaluator *e = (wr_evaluator *)calloc(1, sizeof *e);
    if (e == NULL)
        return WR_ERR_NOMEM;
    wr_evaluator_clear(e);
    *ret_evaluator = e;
    return WR_OK;
}

void wr_evaluator_free(wr_evaluator *evaluator) {
    free(evaluator);
}

/* ---- columns ---- */

static uint32_t fork_of(const wr_evaluator *e, uint32_t column) {
    const wr_eval_column *own = &e->column[column];
    for (uint32_t c = 0; c < column && own->leaves != WR_EVAL_NONE; c++) {
        if (e->column[c].leaves == own->leaves && e->column[c].first == own->first)
            return e->column[c].fork;
    }
    return column;
}

static void meet(wr_evaluator *e, uint32_t member) {
    if (member >= e->member_count)
        e->member_count = member + 1;
}

wr_err wr_evaluator_column(wr_evaluator *evaluator, uint32_t column, uint32_t author,
                           uint32_t leaves, uint32_t first) {
    WR_ASSERT(column == evaluator->column_count);
    WR_ASSERT(author < WR_AUTHORS_MAX || (author == WR_EVAL_ROOT && leaves == WR_EVAL_NONE));
    WR_ASSERT(leaves == WR_EVAL_NONE ? first == 0 : leaves < column);
    WR_ASSERT(first < WR_OPS_MAX);
    if (leaves != WR_EVAL_NONE) {
        const wr_eval_column *left = &evaluator->column[leaves];
        WR_ASSERT(left->author == author);
        WR_ASSERT(left->leaves == WR_EVAL_NONE || first > left->first);
    }
    if (column == WR_COLUMNS_MAX)
        return WR_ERR_LIMIT;
    wr_eval_column *new = &evaluator->column[column];
    *new = (wr_eval_column){.author = author,
                            .leaves = leaves,
                            .first = first,
                            .sibling = WR_EVAL_END,
                            .newest = WR_EVAL_END,
                            .first_ones = WR_EVAL_END,
                            .apart_next = UINT32_MAX};
    new->fork = (uint16_t)fork_of(evaluator, column);
    if (author != WR_EVAL_ROOT) {
        meet(evaluator, author);
        new->sibling = evaluator->column_of[author];
        evaluator->column_of[author] = (uint16_t)column;
    }
    if (leaves != WR_EVAL_NONE && new->fork == column)
        memset(evaluator->vote[column], 0, sizeof evaluator->vote[column]);
    evaluator->column_count++;
    evaluator->branch_count += leaves != WR_EVAL_NONE;
    return WR_OK;
}

/* ---- pasts ---- */

static void widen(const wr_evaluator *e, const uint16_t *clock, uint32_t clock_len,
                  uint16_t *ret_clock) {
    WR_ASSERT(clock_len <= e->column_count);
    memset(ret_clock, 0, e->column_count * sizeof *ret_clock);
    memcpy(ret_clock, clock, clock_len * sizeof *clock);
}

static bool is_current(const wr_eval_state *state) {
    return state->added && !state->removed;
}

static void give(const wr_eval_state *from, uint32_t member_count, wr_eval_member *ret_members) {
    WR_ASSERT(member_count <= WR_AUTHORS_MAX);
    for (uint32_t m = 0; m < member_count; m++)
        ret_members[m] = (wr_eval_member){from[m].added, is_current(&from[m]), from[m].accused,
                                          (wr_role_kind)from[m].role};
}

void wr_evaluator_past(wr_evaluator *evaluator, const uint16_t *clock, uint32_t clock_len,
                       uint32_t member_count, wr_eval_member *ret_members) {
    uint16_t wide[WR_COLUMNS_MAX];
    widen(evaluator, clock, clock_len, wide);
    give(wr_eval_past(evaluator, wide)->member, member_count, ret_members);
}

/* spec:circle#4.1 "The author of an op MUST be a member in eval(past(op)) with the role that the
 * type demands." */
bool wr_evaluator_may(wr_evaluator *evaluator, const wr_eval_op *op, uint32_t member_count,
                      wr_eval_member *ret_members) {
    uint16_t wide[WR_COLUMNS_MAX];
    widen(evaluator, op->clock, op->clock_len, wide);
    const wr_eval_state *member = wr_eval_past(evaluator, wide)->member;
    if (ret_members != NULL)
        give(member, member_count, ret_members);
    if (op->author == WR_EVAL_ROOT || op->type == WR_OP_EQUIV || wr_eval_founds(op))
        return true;
    WR_ASSERT(op->author < WR_AUTHORS_MAX);
    member += op->author;
    return is_current(member) && member->role <= wr_evaluate_needed(op->type);
}

/* ---- taking ---- */

static bool has_effect(const wr_eval_op *op) {
    switch (op->type) {
    case WR_OP_GENESIS:
    case WR_OP_ADD:
    case WR_OP_REMOVE:
    case WR_OP_LEAVE:
    case WR_OP_ROLE:
    case WR_OP_EQUIV:
    case WR_OP_RESET:
        return true;
    case WR_OP_ACK:
    case WR_OP_EPOCH:
    case WR_OP_KEYUPD:
    case WR_OP_ROOTSET:
        break;
    }
    return false;
}

static void check(const wr_evaluator *e, const wr_eval_op *op) {
    WR_ASSERT(op->column < e->column_count);
    WR_ASSERT(op->author == e->column[op->column].author);
    WR_ASSERT(op->aseq == e->column[op->column].first + e->column[op->column].count);
    WR_ASSERT(op->clock_len <= e->column_count);
    WR_ASSERT(wr_eval_founds(op) == (e->op_count == 0));
    for (uint32_t i = 0; i < op->subject_count; i++)
        WR_ASSERT(op->subject[i].member < WR_AUTHORS_MAX);
    if (op->type == WR_OP_ADD || op->type == WR_OP_GENESIS || op->type == WR_OP_ROLE ||
        op->type == WR_OP_EQUIV)
        WR_ASSERT(op->subject_count == 1);
}

static wr_eval_set current_set(const wr_evaluator *e, const wr_eval_state *member) {
    wr_eval_set set = {{0}};
    for (uint32_t m = 0; m < e->member_count; m++) {
        if (is_current(&member[m]))
            wr_eval_put(&set, m);
    }
    return set;
}

/* Whom an accusation names; who could vote after an ADD or a RESET. */
static wr_eval_set set_of(wr_evaluator *e, const wr_eval_op *op) {
    uint16_t wide[WR_COLUMNS_MAX];
    wr_eval_set set = {{0}};
    if (op->type == WR_OP_ADD) {
        widen(e, op->clock, op->clock_len, wide);
        set = current_set(e, wr_eval_past(e, wide)->member);
    }
    for (uint32_t i = 0; i < op->subject_count; i++)
        wr_eval_put(&set, op->subject[i].member);
    return set;
}

/* At the first op of the first branch of a fork: the members after the op before the fork. */
static void take_voters(wr_evaluator *e, const wr_eval_op *first) {
    wr_eval_column *column = &e->column[first->column];
    uint16_t wide[WR_COLUMNS_MAX];
    if (column->leaves == WR_EVAL_NONE || first->aseq == 0)
        return;
    const wr_eval_op *before = wr_eval_at(e, column->leaves, first->aseq - 1)->op;
    widen(e, before->clock, before->clock_len, wide);
    wide[before->column] = (uint16_t)(before->aseq + 1);
    e->column[column->fork].voters = current_set(e, wr_eval_past(e, wide)->member);
}

static wr_eval_slot *new_slot(wr_evaluator *e, wr_eval_column *column) {
    uint32_t chunk = column->count / WR_EVAL_CHUNK, index = column->count % WR_EVAL_CHUNK;
    WR_ASSERT(chunk < WR_COUNT(column->chunk));
    if (index == 0) {
        WR_ASSERT(e->chunk_count < WR_EVAL_CHUNKS);
        column->chunk[chunk] = (uint16_t)e->chunk_count++;
    }
    column->count++;
    return &e->slot[column->chunk[chunk] * WR_EVAL_CHUNK + index];
}

static void take_entry(wr_evaluator *e, wr_eval_slot *slot, const wr_eval_set *set) {
    uint32_t index = e->entry_count++;
    slot->entry = (uint16_t)index;
    e->all_label[index] = 0; /* stays so while rule F voids it */
    e->entry[index] = (wr_eval_entry){.op = slot->op,
                                      .set = *set,
                                      .column = (uint16_t)slot->op->column,
                                      .aseq = (uint16_t)slot->op->aseq,
                                      .open = WR_EVAL_END,
                                      .heir = WR_EVAL_END};
    bool adds = slot->op->type == WR_OP_ADD || wr_eval_founds(slot->op);
    for (uint32_t i = 0; adds && i < slot->op->subject_count; i++)
        e->adds[slot->op->subject[i].member]++;
    wr_eval_meet_twins(e, index);
}

wr_err wr_evaluator_take(wr_evaluator *evaluator, const wr_eval_op *op) {
    wr_evaluator *e = evaluator;
    check(e, op);
    if (e->op_count == WR_OPS_MAX)
        return WR_ERR_LIMIT;
    wr_eval_column *column = &e->column[op->column];
    uint32_t weight = wr_eval_weight(e, op->column, op->aseq);
    bool effect = has_effect(op);
    for (uint32_t i = 0; i < op->subject_count; i++)
        meet(e, op->subject[i].member);
    if (column->count == 0)
        take_voters(e, op);
    wr_eval_set set = set_of(e, op); /* evaluates: the op itself must not be there yet */
    wr_eval_slot *slot = new_slot(e, column);
    *slot = (wr_eval_slot){op, WR_EVAL_END, (uint16_t)(weight + effect), false,
                           op->aseq == column->apart_next};
    if (effect)
        take_entry(e, slot, &set);
    e->whole[op->column] = (uint16_t)(op->aseq + 1);
    e->live[op->column] = e->whole[op->column];
    e->all_stale |= effect || e->branch_count != 0; /* any op may vote */
    e->op_count++;
    return WR_OK;
}

void wr_evaluator_hold(wr_evaluator *evaluator, const wr_eval_op *op, bool held) {
    wr_eval_slot *slot = wr_eval_at(evaluator, op->column, op->aseq);
    WR_ASSERT(slot->op == op);
    WR_ASSERT(!wr_eval_founds(op));
    if (slot->held == held)
        return;
    slot->held = held;
    evaluator->held_count += held ? 1u : UINT32_MAX;
    if (slot->entry == WR_EVAL_END)
        return;
    evaluator->entry[slot->entry].held = held;
    wr_eval_hold_twin(evaluator, slot->entry);
    evaluator->all.known = false;
    evaluator->all_stale = true;
}

/* ---- everything taken ---- */

void wr_evaluator_members(wr_evaluator *evaluator, uint32_t member_count,
                          wr_eval_member *ret_members) {
    wr_eval_refresh(evaluator);
    give(evaluator->all.member, member_count, ret_members);
}

/* Do twins attack an op without effect?  It may know some of them; it is in the past of all or of
 * none. */
static bool twins_attack(wr_evaluator *e, uint32_t first, const wr_eval_op *op) {
    const wr_eval_entry *entry = &e->entry[first];
    uint32_t known = wr_eval_clock(op, entry->column);
    if (!wr_eval_accuses(entry->op) || entry->column == op->column ||
        wr_eval_covers(entry->op, op->column, op->aseq))
        return false;
    for (uint32_t at = known > entry->aseq ? known : entry->aseq; at < e->live[entry->column];
         at++) {
        uint32_t other = wr_eval_at(e, entry->column, at)->entry;
        if (other != WR_EVAL_END && e->twin[other] == first && !e->entry[other].held)
            return true;
    }
    return false;
}

static bool supports(const wr_eval_op *by, const wr_eval_op *op) {
    bool supported = false;
    if ((by->type != WR_OP_ADD && !wr_eval_founds(by)) || !wr_eval_covers(op, by->column, by->aseq))
        return false;
    for (uint32_t s = 0; s < by->subject_count; s++)
        supported |= by->subject[s].member == op->author;
    return supported;
}

/* Of an op without effect: nothing depends on it, so all that it depends on has a label. */
static wr_op_label label_now(wr_evaluator *e, const wr_eval_op *op) {
    bool supported = false;
    if (op->author == WR_EVAL_ROOT)
        return WR_LABEL_OP_IN;
    /* One of its ADDs is in its past. */
    const wr_eval_state *author = &e->all.member[op->author];
    if (author->added && !author->accused && author->adds_in == e->adds[op->author])
        return WR_LABEL_OP_IN;
    for (uint32_t i = 0; i < e->entry_count; i++) {
        if (e->all_label[i] != WR_LABEL_OP_IN || !wr_eval_has(&e->entry[i].set, op->author))
            continue;
        if (twins_attack(e, i, op))
            return WR_LABEL_OP_OUT;
        supported = supported || supports(e->entry[i].op, op);
    }
    return supported ? WR_LABEL_OP_IN : WR_LABEL_OP_OUT;
}

wr_op_label wr_evaluator_label(wr_evaluator *evaluator, const wr_eval_op *op) {
    const wr_eval_slot *slot = wr_eval_at(evaluator, op->column, op->aseq);
    WR_ASSERT(slot->op == op);
    wr_eval_refresh(evaluator);
    if (slot->held || op->aseq >= evaluator->live[op->column])
        return WR_LABEL_OP_OUT;
    if (slot->entry == WR_EVAL_END)
        return label_now(evaluator, op);
    return (wr_op_label)evaluator->all_label[evaluator->twin[slot->entry]];
}
