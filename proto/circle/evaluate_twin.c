/* Ops that nothing tells apart: what an author says again costs no more than what it said once.
 *
 *   twins    ops of one column, of one kind and about the same devices, with equal clocks but for
 *            their own column, where no op with effect has one in its past and another not
 *
 * They have the same attackers and supports and attack the same ops, so they have one label and
 * one effect in every evaluation that holds the first of them; the first stands for all.  What
 * holds of the whole set holds of each past, which has fewer ops that could tell them apart.
 *
 * Spec:   proto/spec/circle.md 4.4, 4.8
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/evaluate_part.h"

#define TRIES (4u * WR_MEMBERS_MAX) /* kinds of ops looked through: beyond, an op stays single */

/* The others happen once.  An ADD in their column is no support of theirs: its author was a member
 * before. */
static bool has_twins(const wr_eval_op *op) {
    return op->type == WR_OP_REMOVE || op->type == WR_OP_EQUIV || op->type == WR_OP_ROLE;
}

static bool same_set(const wr_eval_set *a, const wr_eval_set *b) {
    uint64_t other = 0;
    for (uint32_t i = 0; i < WR_COUNT(a->word); i++)
        other |= a->word[i] ^ b->word[i];
    return other == 0;
}

static bool alike(const wr_eval_entry *a, const wr_eval_entry *b) {
    return a->op->type == b->op->type && same_set(&a->set, &b->set) &&
           wr_eval_accuses(a->op) == wr_eval_accuses(b->op) &&
           (a->op->type != WR_OP_ROLE || a->op->subject[0].role == b->op->subject[0].role);
}

static bool same_clock(const wr_eval_op *a, const wr_eval_op *b) {
    uint32_t end = a->clock_len > b->clock_len ? a->clock_len : b->clock_len;
    for (uint32_t c = 0; c < end; c++) {
        if (c != a->column && wr_eval_clock(a, c) != wr_eval_clock(b, c))
            return false;
    }
    return true;
}

/* The one that stands for those like this newest one of its column; itself if there is none.  Of
 * ROLE ops the later one is maximal, so another one between two of them tells them apart. */
static uint32_t find_first(const wr_evaluator *e, uint32_t index) {
    const wr_eval_entry *entry = &e->entry[index];
    const wr_eval_column *column = &e->column[entry->column];
    uint32_t tries = entry->op->type == WR_OP_ROLE ? 1 : TRIES;
    for (uint32_t i = column->first_ones; i != WR_EVAL_END && tries > 0; i = e->entry[i].older) {
        if (e->entry[i].aseq < column->apart)
            break;
        if (alike(&e->entry[i], entry))
            return i;
        tries--;
    }
    return index;
}

static void stand_behind(wr_evaluator *e, uint32_t index, uint32_t first) {
    e->twin[index] = (uint16_t)first;
    if (e->entry[index].aseq > e->entry[first].last)
        e->entry[first].last = e->entry[index].aseq;
    if (!e->entry[index].held && e->entry[first].open == WR_EVAL_END)
        e->entry[first].open = (uint16_t)index;
}

/* Ops of a column from aseq on are told apart from those below. */
static void split(wr_evaluator *e, uint32_t column, uint32_t aseq) {
    uint32_t end = e->column[column].first + e->column[column].count;
    for (uint32_t at = aseq; at < end; at++) {
        uint32_t index = wr_eval_at(e, column, at)->entry;
        wr_eval_entry *first = index == WR_EVAL_END ? NULL : &e->entry[e->twin[index]];
        if (first == NULL || first->aseq >= aseq)
            continue;
        uint32_t heir = first->heir; /* of an earlier split it comes later than this one */
        if (heir == WR_EVAL_END || e->entry[heir].aseq >= at) {
            heir = index;
            first->heir = (uint16_t)index;
            e->all_label[index] = e->all_label[e->twin[index]];
        }
        if (first->open == index) /* all below are held */
            first->open = WR_EVAL_END;
        stand_behind(e, index, heir);
    }
}

static void tell_apart(wr_evaluator *e, uint32_t column, uint32_t aseq) {
    wr_eval_column *c = &e->column[column];
    uint32_t end = c->first + c->count;
    if (aseq > c->apart)
        c->apart = aseq;
    if (aseq >= end) {
        c->apart_next = aseq;
        return;
    }
    wr_eval_slot *slot = wr_eval_at(e, column, aseq);
    if (slot->apart)
        return;
    slot->apart = true;
    if (wr_eval_weight(e, column, end) != wr_eval_weight(e, column, aseq))
        split(e, column, aseq);
}

void wr_eval_meet_twins(wr_evaluator *e, uint32_t index) {
    wr_eval_entry *entry = &e->entry[index];
    const wr_eval_op *op = entry->op;
    wr_eval_column *column = &e->column[entry->column];
    if (column->newest != WR_EVAL_END && !same_clock(e->entry[column->newest].op, op))
        column->apart = entry->aseq;
    stand_behind(e, index, has_twins(op) ? find_first(e, index) : index);
    if (e->twin[index] == index) {
        entry->older = column->first_ones;
        column->first_ones = (uint16_t)index;
    }
    column->newest = (uint16_t)index;
    for (uint32_t c = 0; c < op->clock_len; c++) {
        if (c != op->column && op->clock[c] != 0)
            tell_apart(e, c, op->clock[c]);
    }
}

void wr_eval_hold_twin(wr_evaluator *e, uint32_t index) {
    const wr_eval_entry *entry = &e->entry[index];
    wr_eval_entry *first = &e->entry[e->twin[index]];
    if (!entry->held && (first->open == WR_EVAL_END || e->entry[first->open].aseq > entry->aseq))
        first->open = (uint16_t)index;
    if (!entry->held || first->open != index)
        return;
    first->open = WR_EVAL_END;
    for (uint32_t at = entry->aseq + 1u; at <= first->last; at++) {
        uint32_t other = wr_eval_at(e, entry->column, at)->entry;
        if (other != WR_EVAL_END && e->twin[other] == e->twin[index] && !e->entry[other].held) {
            first->open = (uint16_t)other;
            return;
        }
    }
}
