/* Members from labels, and the results that are kept.
 *
 * Two sets with the same live entries have the same members, whatever else they hold; so results
 * are kept by how many live entries each column has.  An op on top of all others of its set
 * attacks nothing and is attacked by nothing, so its set follows from its past in one step, and a
 * history without concurrency is never labelled anew.  There is one way from the top down: an
 * accusation makes its author's ADD liable to the sybil cut, where there was anything to cut.
 *
 * Spec:   proto/spec/circle.md 4.5, 4.8
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/evaluate_part.h"

/* ---- what one IN op does ---- */

static void add(wr_eval_state *state, wr_role_kind role) {
    if (!state->role_given && (!state->added || role > state->role))
        state->role = (uint8_t)role;
    state->added = true;
    state->adds_in++;
}

/* spec:circle#4.5 "The members MUST be the devices of the GENESIS, RESET and ADD ops that are IN
 * without those that a REMOVE or EQUIV that is IN names and without the authors of LEAVE ops that
 * are IN." */
static void bring(wr_eval_state *member, const wr_eval_op *op) {
    for (uint32_t i = 0; i < op->subject_count; i++)
        add(&member[op->subject[i].member], op->subject[i].role);
}

static void take_away(wr_eval_state *member, const wr_eval_set *removed,
                      const wr_eval_set *accused) {
    uint32_t m = wr_eval_common(removed, removed, 0);
    for (; m < WR_AUTHORS_MAX; m = wr_eval_common(removed, removed, m + 1)) {
        member[m].removed = true;
        member[m].accused |= wr_eval_has(accused, m);
    }
}

/* Whom it takes away is collected: there may be very many such ops. */
static void apply(wr_eval_state *member, const wr_eval_entry *entry, wr_eval_set *removed,
                  wr_eval_set *accused) {
    switch (entry->op->type) {
    case WR_OP_GENESIS:
    case WR_OP_ADD:
    case WR_OP_RESET:
        bring(member, entry->op);
        break;
    case WR_OP_REMOVE:
    case WR_OP_EQUIV:
        wr_eval_unite(removed, &entry->set);
        if (wr_eval_accuses(entry->op))
            wr_eval_unite(accused, &entry->set);
        break;
    case WR_OP_LEAVE:
        wr_eval_put(removed, entry->op->author);
        break;
    case WR_OP_ROLE:
    case WR_OP_ACK:
    case WR_OP_EPOCH:
    case WR_OP_KEYUPD:
    case WR_OP_ROOTSET:
        break;
    }
}

static void give_role(wr_eval_state *state, wr_role_kind role) {
    if (!state->role_given || role > state->role)
        state->role = (uint8_t)role;
    state->role_given = true;
}

/* ---- all of them ---- */

/* spec:circle#4.5 "The role of a device MUST be the lowest that a maximal ROLE op among those that
 * are IN gives it, and without such an op the lowest that one of its ADDs that are IN, or the
 * GENESIS or RESET, gives it." */
static void apply_role(wr_evaluator *e, wr_eval_state *member, uint32_t entry) {
    wr_eval_work *work = &e->work;
    const wr_eval_op *op = e->entry[entry].op;
    uint32_t device = op->subject[0].member;
    for (uint32_t i = work->role[device]; i != WR_EVAL_END; i = work->role_next[i]) {
        if (wr_eval_covers(e->entry[i].op, op->column, op->aseq))
            return;
    }
    work->role_next[entry] = work->role[device];
    work->role[device] = (uint16_t)entry;
    give_role(&member[device], op->subject[0].role);
}

/* From the newest entry to the oldest, so that ROLE ops come before those in their past. */
static void count_members(wr_evaluator *e, wr_eval_state *member) {
    wr_eval_set removed = {{0}}, accused = {{0}};
    memset(member, 0, WR_AUTHORS_MAX * sizeof *member);
    memset(e->work.role, 0xff, sizeof e->work.role);
    for (uint32_t i = e->entry_count; i > 0; i--) {
        if (e->entry_label[i - 1] != WR_LABEL_OP_IN)
            continue;
        if (e->entry[i - 1].op->type == WR_OP_ROLE)
            apply_role(e, member, i - 1);
        else
            apply(member, &e->entry[i - 1], &removed, &accused);
    }
    take_away(member, &removed, &accused);
}

static void evaluate(wr_evaluator *e, const uint16_t *live, bool without_held,
                     wr_eval_result *result) {
    wr_eval_label(e, live, without_held);
    count_members(e, result->member);
    result->contested = e->work.contested;
}

/* ---- one step ---- */

static bool same_key(const wr_evaluator *e, const uint16_t *a, const uint16_t *b) {
    for (uint32_t c = e->column_count; c > 0; c--) { /* the newest columns differ most */
        if (a[c - 1] != b[c - 1])
            return false;
    }
    return true;
}

/* The entry that stands on top of all other live ones; NULL if none does. */
static const wr_eval_entry *top(wr_evaluator *e, const uint16_t *live, const uint16_t *key) {
    uint32_t i = e->entry_count;
    while (i > 0 && e->entry[i - 1].aseq >= live[e->entry[i - 1].column])
        i--;
    if (i == 0)
        return NULL;
    const wr_eval_op *op = e->entry[i - 1].op;
    for (uint32_t c = 0; c < e->column_count; c++) {
        if (c != op->column && key[c] != 0 && wr_eval_weight(e, c, wr_eval_clock(op, c)) < key[c])
            return NULL;
    }
    return &e->entry[i - 1];
}

static bool follows(const wr_eval_result *before, const wr_eval_op *op) {
    return !before->contested || !wr_eval_accuses(op);
}

/* Its label by the members of the others. */
static wr_op_label step(wr_eval_result *result, const wr_eval_entry *entry) {
    const wr_eval_op *op = entry->op;
    wr_eval_state *member = result->member;
    wr_eval_set removed = {{0}}, accused = {{0}};
    bool in = op->author == WR_EVAL_ROOT || op->type == WR_OP_EQUIV || wr_eval_founds(op) ||
              member[op->author].added;
    if (in && op->type == WR_OP_ROLE) {
        member[op->subject[0].member].role_given = false;
        give_role(&member[op->subject[0].member], op->subject[0].role);
    } else if (in) {
        apply(member, entry, &removed, &accused);
        take_away(member, &removed, &accused);
    }
    return in ? WR_LABEL_OP_IN : WR_LABEL_OP_OUT;
}

/* ---- results ---- */

static void make_key(wr_evaluator *e, const uint16_t *live, uint16_t *ret_key) {
    for (uint32_t c = 0; c < e->column_count; c++)
        ret_key[c] = (uint16_t)wr_eval_weight(e, c, live[c]);
}

static wr_eval_result *kept(wr_evaluator *e, const uint16_t *key) {
    if (e->all.known && e->held_count == 0 && same_key(e, e->all.key, key))
        return &e->all;
    for (uint32_t i = 0; i < WR_EVAL_RESULTS; i++) {
        if (e->past[i].known && same_key(e, e->past[i].key, key)) {
            e->past[i].used = ++e->turn;
            return &e->past[i];
        }
    }
    return NULL;
}

static wr_eval_result *oldest(wr_evaluator *e) {
    wr_eval_result *oldest = &e->past[0];
    for (uint32_t i = 1; i < WR_EVAL_RESULTS; i++) {
        if (e->past[i].used < oldest->used)
            oldest = &e->past[i];
    }
    return oldest;
}

const wr_eval_result *wr_eval_past(wr_evaluator *e, const uint16_t *clock) {
    uint16_t live[WR_COLUMNS_MAX], key[WR_COLUMNS_MAX];
    wr_eval_live(e, clock, live);
    make_key(e, live, key);
    wr_eval_result *found = kept(e, key);
    if (found != NULL)
        return found;
    const wr_eval_entry *newest = top(e, live, key);
    const wr_eval_result *before = NULL;
    if (newest != NULL) {
        key[newest->op->column]--;
        before = kept(e, key);
        key[newest->op->column]++;
    }
    wr_eval_result *result = oldest(e);
    if (before != NULL && follows(before, newest->op)) {
        *result = *before;
        (void)step(result, newest);
    } else {
        evaluate(e, live, false, result);
    }
    memset(result->key, 0, sizeof result->key); /* columns to come have nothing in it */
    memcpy(result->key, key, e->column_count * sizeof *key);
    result->known = true;
    result->used = ++e->turn;
    return result;
}

void wr_eval_refresh(wr_evaluator *e) {
    uint16_t key[WR_COLUMNS_MAX];
    if (!e->all_stale)
        return;
    wr_eval_live(e, e->whole, e->live);
    make_key(e, e->live, key);
    if (e->all.known && same_key(e, e->all.key, key)) { /* what is held is the same, too */
        e->all_stale = false;
        return;
    }
    const wr_eval_entry *newest = top(e, e->live, key);
    bool one_step = false;
    if (e->held_count == 0 && e->all.known && newest != NULL) {
        key[newest->op->column]--;
        one_step = same_key(e, e->all.key, key) && follows(&e->all, newest->op);
        key[newest->op->column]++;
    }
    if (one_step) {
        e->all_label[e->twin[newest - e->entry]] = (uint8_t)step(&e->all, newest);
    } else {
        evaluate(e, e->live, true, &e->all);
        memcpy(e->all_label, e->entry_label, e->entry_count);
    }
    memset(e->all.key, 0, sizeof e->all.key);
    memcpy(e->all.key, key, e->column_count * sizeof *key);
    e->all.known = true;
    e->all_stale = false;
}
