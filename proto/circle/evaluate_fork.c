/* Rule F: of the branches of a fork the one counts that the most others built on, judged by the
 * set alone.
 *
 *   fork     an author's ops with one aseq, of which two or more are in the set
 *   voters   the members after the author's op before the fork, but for the author and for who
 *            forked in the set itself
 *   vote     of a voter's first op that has any of the branches in its past: the branch, or none
 *            if there are more of them
 *
 * Spec:   proto/spec/circle.md 4.3
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/evaluate_part.h"

typedef struct fork_view { /* one in the set under evaluation */
    uint32_t author, aseq;
    uint32_t column;                 /* its number */
    uint16_t branch[WR_COLUMNS_MAX]; /* columns with an op at aseq or later in the set */
    uint32_t branch_count;
} fork_view;

/* ---- what is in the set ---- */

static bool is_branch(const wr_evaluator *e, uint32_t column) {
    return e->column[column].leaves != WR_EVAL_NONE;
}

static bool present(const wr_evaluator *e, const uint16_t *clock, uint32_t column) {
    return clock[column] > e->column[column].first;
}

/* An author's branches in the set, by where they leave: those of one fork side by side. */
static uint32_t branches_of(const wr_evaluator *e, const uint16_t *clock, uint32_t author,
                            uint16_t *ret_branch) {
    uint32_t count = 0;
    for (uint32_t c = e->column_of[author]; c != WR_EVAL_END; c = e->column[c].sibling) {
        const wr_eval_column *column = &e->column[c];
        uint32_t at = 0; /* newer columns mostly leave later, and come first */
        if (!is_branch(e, c) || !present(e, clock, c))
            continue;
        for (at = count++; at > 0; at--) {
            const wr_eval_column *other = &e->column[ret_branch[at - 1]];
            if (other->first > column->first ||
                (other->first == column->first && other->leaves >= column->leaves))
                break;
            ret_branch[at] = ret_branch[at - 1];
        }
        ret_branch[at] = (uint16_t)c;
    }
    return count; /* the last one leaves first */
}

/* The fork of the last one of these branches; takes its branches off. */
static void take_fork(const wr_evaluator *e, const uint16_t *clock, const uint16_t *branch,
                      uint32_t *count, fork_view *ret) {
    const wr_eval_column *base = &e->column[branch[*count - 1]];
    ret->author = base->author;
    ret->aseq = base->first;
    ret->column = base->fork;
    ret->branch_count = 0;
    if (clock[base->leaves] > base->first)
        ret->branch[ret->branch_count++] = (uint16_t)base->leaves;
    for (; *count > 0 && e->column[branch[*count - 1]].fork == base->fork; (*count)--)
        ret->branch[ret->branch_count++] = branch[*count - 1];
}

/* Authors with two branches of one fork in the set. */
static wr_eval_set forked_authors(const wr_evaluator *e, const uint16_t *clock) {
    wr_eval_set forked = {{0}};
    uint16_t branches[WR_COLUMNS_MAX] = {0};
    for (uint32_t c = 0; c < e->column_count; c++) {
        const wr_eval_column *column = &e->column[c];
        if (!is_branch(e, c) || !present(e, clock, c))
            continue;
        uint32_t stays = clock[column->leaves] > column->first ? 1 : 0;
        if (++branches[column->fork] + stays >= 2)
            wr_eval_put(&forked, column->author);
    }
    return forked;
}

/* ---- votes ---- */

/* The branch of the fork that op has in its past; WR_EVAL_NONE for no branch, WR_EVAL_END for
 * several. */
static uint32_t covered(const fork_view *fork, const wr_eval_op *op) {
    uint32_t found = WR_EVAL_NONE;
    for (uint32_t b = 0; b < fork->branch_count; b++) {
        if (!wr_eval_covers(op, fork->branch[b], fork->aseq))
            continue;
        if (found != WR_EVAL_NONE)
            return WR_EVAL_END;
        found = fork->branch[b];
    }
    return found;
}

/* An author's op with this aseq, on the way to the newest one in column tip. */
static const wr_eval_op *on_the_way(wr_evaluator *e, uint32_t tip, uint32_t aseq) {
    while (aseq < e->column[tip].first)
        tip = e->column[tip].leaves;
    return wr_eval_at(e, tip, aseq)->op;
}

/* As covered, of the first op of an author that did not fork in the set.  Its ops are a chain
 * there, and each has the past of the one before in its own. */
static wr_eval_vote look_for_vote(wr_evaluator *e, const uint16_t *clock, const fork_view *fork,
                                  uint32_t author) {
    uint32_t tip = WR_EVAL_NONE, low = 0, end = 0;
    for (uint32_t c = e->column_of[author]; c != WR_EVAL_END; c = e->column[c].sibling) {
        if (present(e, clock, c) && clock[c] > end) {
            end = clock[c];
            tip = c;
        }
    }
    if (end == 0 || covered(fork, on_the_way(e, tip, end - 1)) == WR_EVAL_NONE)
        return (wr_eval_vote){0, WR_EVAL_END};
    for (uint32_t high = end - 1; low < high;) {
        uint32_t middle = (low + high) / 2;
        if (covered(fork, on_the_way(e, tip, middle)) == WR_EVAL_NONE)
            low = middle + 1;
        else
            high = middle;
    }
    return (wr_eval_vote){(uint16_t)(low + 1), (uint16_t)covered(fork, on_the_way(e, tip, low))};
}

/* The branch an author votes for; WR_EVAL_END for none.  An author that never forked has the same
 * first op in each set that holds it, so it is looked for once. */
static uint32_t vote(wr_evaluator *e, const uint16_t *clock, const fork_view *fork,
                     uint32_t author) {
    uint32_t own = e->column_of[author];
    wr_eval_vote *known = &e->vote[fork->column][author];
    if (own == WR_EVAL_END)
        return WR_EVAL_END;
    if (e->column[own].sibling != WR_EVAL_END)
        return look_for_vote(e, clock, fork, author).branch;
    if (known->end == 0)
        *known = look_for_vote(e, clock, fork, author);
    return known->end != 0 && clock[own] >= known->end ? known->branch : WR_EVAL_END;
}

/* Before an author's first op stands the one that added it: the RESET, or the ADD in the set with
 * the lowest id. */
static wr_eval_set first_voters(const wr_evaluator *e, const uint16_t *clock, uint32_t author) {
    const wr_eval_entry *first = NULL;
    wr_eval_set voters = {{0}};
    for (uint32_t i = 0; i < e->entry_count; i++) {
        const wr_eval_op *op = e->entry[i].op;
        if (op->aseq >= clock[op->column] || !(op->type == WR_OP_ADD || wr_eval_founds(op)))
            continue;
        for (uint32_t s = 0; s < op->subject_count; s++) {
            if (op->subject[s].member != author)
                continue;
            if (wr_eval_founds(op))
                return e->entry[i].set;
            if (first == NULL || wr_hash_order(&op->id, &first->op->id) < 0)
                first = &e->entry[i];
        }
    }
    return first == NULL ? voters : first->set;
}

/* The author itself is among those that forked.
 * spec:circle#4.3 "The branch with more votes than every other one MUST be kept and the others are
 * void; if there is none, all of them are void." */
static uint32_t winner(wr_evaluator *e, const uint16_t *clock, const fork_view *fork,
                       const wr_eval_set *forked) {
    WR_ASSERT(fork->branch_count != 0);
    wr_eval_set voters =
        fork->aseq == 0 ? first_voters(e, clock, fork->author) : e->column[fork->column].voters;
    uint16_t votes[WR_COLUMNS_MAX] = {0};
    uint32_t best = fork->branch[0], member = wr_eval_common(&voters, &voters, 0);
    bool tie = false;
    for (; member < WR_AUTHORS_MAX; member = wr_eval_common(&voters, &voters, member + 1)) {
        uint32_t branch = WR_EVAL_END;
        if (!wr_eval_has(forked, member))
            branch = vote(e, clock, fork, member);
        if (branch != WR_EVAL_END)
            votes[branch]++;
    }
    for (uint32_t i = 1; i < fork->branch_count; i++) {
        uint32_t b = fork->branch[i];
        tie = votes[b] == votes[best] || (tie && votes[b] < votes[best]);
        best = votes[b] > votes[best] ? b : best;
    }
    return tie ? WR_EVAL_NONE : best;
}

/* ---- one author ---- */

/* spec:circle#4.3 "Forks of one author MUST be decided from the earliest on, later ones only where
 * they lie on the branch that was kept." */
static void keep_one_line(wr_evaluator *e, const uint16_t *clock, uint32_t author,
                          const wr_eval_set *forked, uint16_t *live) {
    uint16_t branch[WR_COLUMNS_MAX];
    uint32_t column = WR_EVAL_NONE, count = branches_of(e, clock, author, branch);
    for (uint32_t c = e->column_of[author]; c != WR_EVAL_END; c = e->column[c].sibling) {
        live[c] = 0;
        column = is_branch(e, c) ? column : c;
    }
    WR_ASSERT(column != WR_EVAL_NONE);
    live[column] = clock[column];
    while (count > 0) {
        fork_view fork;
        uint32_t leaves = e->column[branch[count - 1]].leaves;
        take_fork(e, clock, branch, &count, &fork);
        if (leaves != column)
            continue;
        uint32_t kept = fork.branch_count == 1 ? fork.branch[0] : winner(e, clock, &fork, forked);
        if (kept != column)
            live[column] = (uint16_t)fork.aseq;
        if (kept == WR_EVAL_NONE)
            return;
        column = kept;
        live[column] = clock[column];
    }
}

/* spec:circle#4.3 "An op that is void MUST have no effect on any other op and on the members; its
 * label is OUT." */
void wr_eval_live(wr_evaluator *e, const uint16_t *clock, uint16_t *ret_live) {
    memcpy(ret_live, clock, e->column_count * sizeof *clock);
    if (e->branch_count == 0)
        return;
    wr_eval_set forked = forked_authors(e, clock);
    for (uint32_t a = 0; a < e->member_count; a++) {
        if (wr_eval_has(&forked, a))
            keep_one_line(e, clock, a, &forked, ret_live);
    }
    const wr_eval_op *first = e->entry[0].op; /* without it nothing would be left */
    if (clock[first->column] > 0 && ret_live[first->column] == 0)
        ret_live[first->column] = 1;
}
