/* Labels of live ops: attack and support to a fixpoint, the sybil cut, and what evaluate_cycle.c
 * makes of the rest.
 *
 * The attackers of an op that stand in one column are one stretch of its accusations: those not
 * in the op's past, up to the first that has the op in its own.  So no edge is ever stored.  An
 * IN accusation strikes what it attacks at once; an op that waits for its attackers watches one of
 * them, and looks for another when that one is OUT.  Stretches are walked past what is settled, so
 * a flood of accusations costs ops times columns and not ops times ops.
 *
 * Spec:   proto/spec/circle.md 4.4
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/evaluate_part.h"

typedef enum backing { SUPPORT_OUT, SUPPORT_OPEN, SUPPORT_IN } backing;

/* ---- stretches ---- */

uint32_t wr_eval_find(uint16_t *next, uint32_t index) {
    while (next[index] != index) {
        next[index] = next[next[index]];
        index = next[index];
    }
    return index;
}

/* Index of the first entry of a column with at least this aseq. */
static uint32_t from_aseq(const wr_eval_list *list, uint32_t column, uint32_t aseq) {
    uint32_t low = list->first[column], high = list->first[column + 1];
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (list->entry[middle]->op->aseq < aseq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Index of the first entry of a column that has op in its past. */
static uint32_t from_cover(const wr_eval_list *list, uint32_t column, const wr_eval_op *op) {
    uint32_t low = list->first[column], high = list->first[column + 1];
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (wr_eval_covers(list->entry[middle]->op, op->column, op->aseq))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* An op never attacks itself: it names only ops that are concurrent to it. */
uint32_t wr_eval_attacked(wr_evaluator *e, const wr_eval_op *op, uint32_t member, uint16_t *next) {
    const wr_eval_list *all = &e->work.all;
    for (uint32_t c = e->column_of[member]; c != WR_EVAL_END; c = e->column[c].sibling) {
        uint32_t low =
            c == op->column ? all->first[c + 1] : from_aseq(all, c, wr_eval_clock(op, c));
        uint32_t node = wr_eval_find(next, low);
        if (node < all->first[c + 1] && !wr_eval_covers(all->entry[node]->op, op->column, op->aseq))
            return node;
    }
    return WR_EVAL_END;
}

uint32_t wr_eval_supported(wr_evaluator *e, const wr_eval_op *op, uint32_t member, uint16_t *next) {
    const wr_eval_list *all = &e->work.all;
    for (uint32_t c = e->column_of[member]; c != WR_EVAL_END; c = e->column[c].sibling) {
        uint32_t node = wr_eval_find(next, from_cover(all, c, op));
        if (node < all->first[c + 1])
            return node;
    }
    return WR_EVAL_END;
}

/* Place in naming of the first accusation of the device with at least this index. */
static uint32_t first_naming(const wr_eval_work *work, uint32_t member, uint32_t index) {
    uint32_t low = work->naming_first[member], high = work->naming_first[member + 1];
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (work->naming[middle] < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t wr_eval_attacker(wr_evaluator *e, const wr_eval_op *op, uint32_t from, uint16_t *next) {
    const wr_eval_work *work = &e->work;
    const wr_eval_list *list = &work->accusation;
    /* spec:circle#4.4 "An op of ROOT and an EQUIV MUST NOT be struck out by an accusation." */
    if (op->author == WR_EVAL_ROOT || op->type == WR_OP_EQUIV ||
        !wr_eval_has(&work->accused, op->author))
        return WR_EVAL_END;
    uint32_t end = work->naming_first[op->author + 1];
    for (uint32_t at = first_naming(work, op->author, from); at < end;) {
        uint32_t i = work->naming[at], c = list->entry[i]->column, known = wr_eval_clock(op, c);
        uint32_t skip = i;
        if (c == op->column || wr_eval_covers(list->entry[i]->op, op->column, op->aseq))
            skip = list->first[c + 1]; /* so do those that follow in its chain */
        else if (list->entry[i]->aseq < known)
            skip = from_aseq(list, c, known);
        skip = wr_eval_find(next, skip);
        if (skip == i)
            return i;
        at = first_naming(work, op->author, skip);
    }
    return WR_EVAL_END;
}

/* ---- one op ---- */

void wr_eval_settle(wr_eval_work *work, uint32_t node, wr_op_label label) {
    uint32_t author = work->all.entry[node]->op->author, accusation = work->accusation_of[node];
    WR_ASSERT(work->label[node] == 0);
    work->label[node] = (uint8_t)label;
    work->all.next[node] = (uint16_t)(node + 1);
    if (accusation != WR_EVAL_END && label == WR_LABEL_OP_OUT)
        work->accusation.next[accusation] = (uint16_t)(accusation + 1);
    if (author != WR_EVAL_ROOT && --work->open[author] == 0)
        work->with_open.word[author / 64] &= ~((uint64_t)1 << author % 64);
    work->queue[work->queue_end++] = (uint16_t)node;
}

static backing support_of(const wr_eval_work *work, const wr_eval_op *op) {
    backing best = SUPPORT_OUT;
    if (op->author == WR_EVAL_ROOT || op->type == WR_OP_EQUIV ||
        wr_eval_has(&work->rooted, op->author))
        return SUPPORT_IN;
    for (uint32_t add = work->add[op->author]; add != WR_EVAL_END; add = work->add_next[add]) {
        const wr_eval_op *by = work->all.entry[add]->op;
        if (!wr_eval_covers(op, by->column, by->aseq))
            continue;
        if (work->label[add] == WR_LABEL_OP_IN)
            return SUPPORT_IN;
        if (work->label[add] == 0)
            best = SUPPORT_OPEN;
    }
    return best;
}

static void watch(wr_eval_work *work, uint32_t node, uint32_t accusation) {
    work->watches[node] = true;
    work->watch_from[node] = (uint16_t)accusation;
    work->watch_next[node] = work->watcher[accusation];
    work->watcher[accusation] = (uint16_t)node;
}

/* spec:circle#4.4 "An op MUST be labelled OUT when one of its attackers is IN or when all its
 * supports are OUT, and IN when all its attackers are OUT and it needs no support or has one that
 * is IN." */
static void look_at(wr_evaluator *e, uint32_t node) {
    wr_eval_work *work = &e->work;
    const wr_eval_op *op = work->all.entry[node]->op;
    if (work->label[node] != 0)
        return;
    backing support = support_of(work, op);
    if (support == SUPPORT_OUT) {
        wr_eval_settle(work, node, WR_LABEL_OP_OUT);
        return;
    }
    if (work->watches[node]) /* an attacker that is not OUT */
        return;
    uint32_t attacker = wr_eval_attacker(e, op, work->watch_from[node], work->accusation.next);
    if (attacker == WR_EVAL_END) {
        if (support == SUPPORT_IN)
            wr_eval_settle(work, node, WR_LABEL_OP_IN);
    } else if (work->label[work->node_of[attacker]] == WR_LABEL_OP_IN) {
        wr_eval_settle(work, node, WR_LABEL_OP_OUT);
    } else {
        watch(work, node, attacker);
    }
}

/* ---- what a label does to others ---- */

static void strike(wr_evaluator *e, const wr_eval_entry *entry) {
    wr_eval_work *work = &e->work;
    uint32_t member = wr_eval_common(&entry->set, &work->with_open, 0), node;
    for (; member < WR_AUTHORS_MAX;
         member = wr_eval_common(&entry->set, &work->with_open, member + 1)) {
        while ((node = wr_eval_attacked(e, entry->op, member, work->all.next)) != WR_EVAL_END)
            wr_eval_settle(work, node, WR_LABEL_OP_OUT);
    }
}

static void release(wr_evaluator *e, uint32_t accusation) {
    wr_eval_work *work = &e->work;
    uint32_t node = work->watcher[accusation];
    work->watcher[accusation] = WR_EVAL_END;
    while (node != WR_EVAL_END) {
        uint32_t next = work->watch_next[node];
        work->watches[node] = false;
        look_at(e, node);
        node = next;
    }
}

static void tell_supported(wr_evaluator *e, const wr_eval_op *add) {
    wr_eval_work *work = &e->work;
    uint32_t member = add->subject[0].member;
    for (uint32_t c = e->column_of[member]; c != WR_EVAL_END; c = e->column[c].sibling) {
        uint32_t node = wr_eval_find(work->all.next, from_cover(&work->all, c, add));
        for (; node < work->all.first[c + 1]; node = wr_eval_find(work->all.next, node + 1))
            look_at(e, node);
    }
}

static void drain(wr_evaluator *e) {
    wr_eval_work *work = &e->work;
    while (work->queue_first < work->queue_end) {
        uint32_t node = work->queue[work->queue_first++];
        const wr_eval_op *op = work->all.entry[node]->op;
        if (op->type == WR_OP_ADD)
            tell_supported(e, op);
        if (work->accusation_of[node] == WR_EVAL_END)
            continue;
        if (work->label[node] == WR_LABEL_OP_IN)
            strike(e, work->all.entry[node]);
        else
            release(e, work->accusation_of[node]);
    }
}

/* ---- the sybil cut ---- */

static bool supports_open_accusation(wr_evaluator *e, const wr_eval_op *add) {
    const wr_eval_work *work = &e->work;
    uint32_t member = add->subject[0].member;
    for (uint32_t c = e->column_of[member]; c != WR_EVAL_END; c = e->column[c].sibling) {
        uint32_t end = work->accusation.first[c + 1];
        for (uint32_t i = from_cover(&work->accusation, c, add); i < end; i++) {
            if (work->label[work->node_of[i]] == 0)
                return true;
        }
    }
    return false;
}

/* spec:circle#4.4 "While ops are open, every open ADD that an open accusation attacks and that
 * supports an open accusation MUST be labelled OUT first, all such ADDs at once." */
static bool cut_sybils(wr_evaluator *e) {
    wr_eval_work *work = &e->work;
    uint32_t cut = 0;
    uint32_t node = wr_eval_find(work->all.next, 0);
    for (; node < work->count; node = wr_eval_find(work->all.next, node + 1)) {
        const wr_eval_op *op = work->all.entry[node]->op;
        if (op->type == WR_OP_ADD && work->watches[node] && supports_open_accusation(e, op))
            work->order[cut++] = (uint16_t)node;
    }
    for (uint32_t i = 0; i < cut; i++)
        wr_eval_settle(work, work->order[i], WR_LABEL_OP_OUT);
    return cut != 0;
}

/* ---- all of them ---- */

/* Of twins the first one stands for all, or for those that are not held. */
static bool takes_part(const wr_evaluator *e, uint32_t index, const uint16_t *live,
                       bool without_held) {
    if (e->twin[index] != index)
        return false;
    const wr_eval_entry *entry = &e->entry[index];
    uint32_t first = without_held ? entry->open : index;
    return first != WR_EVAL_END && e->entry[first].aseq < live[entry->column];
}

static void add_node(wr_evaluator *e, const wr_eval_entry *entry, uint32_t node) {
    wr_eval_work *work = &e->work;
    work->all.entry[node] = entry;
    work->all.next[node] = (uint16_t)node;
    work->label[node] = 0;
    work->watches[node] = false;
    work->watch_from[node] = 0;
    if (entry->op->author != WR_EVAL_ROOT) {
        work->open[entry->op->author]++;
        wr_eval_put(&work->with_open, entry->op->author);
    }
    if (entry->op->type == WR_OP_ADD) {
        uint32_t member = entry->op->subject[0].member;
        work->add_next[node] = work->add[member];
        work->add[member] = (uint16_t)node;
    }
    for (uint32_t i = 0; wr_eval_founds(entry->op) && i < entry->op->subject_count; i++)
        wr_eval_put(&work->rooted, entry->op->subject[i].member);
}

/* Sorts what takes part by column; entries are kept parents first, so chains are in order. */
static void collect(wr_evaluator *e, const uint16_t *live, bool without_held) {
    wr_eval_work *work = &e->work;
    uint16_t *first = work->all.first;
    memset(first, 0, sizeof work->all.first);
    memset(work->open, 0, sizeof work->open);
    memset(&work->with_open, 0, sizeof work->with_open);
    memset(work->add, 0xff, sizeof work->add);
    memset(&work->rooted, 0, sizeof work->rooted);
    work->queue_first = work->queue_end = 0;
    for (uint32_t i = 0; i < e->entry_count; i++) {
        if (takes_part(e, i, live, without_held))
            first[e->entry[i].column + 1]++;
    }
    for (uint32_t c = 0; c < e->column_count; c++)
        first[c + 1] = (uint16_t)(first[c + 1] + first[c]);
    work->count = first[e->column_count];
    for (uint32_t i = 0; i < e->entry_count; i++) {
        if (takes_part(e, i, live, without_held))
            add_node(e, &e->entry[i], first[e->entry[i].column]++);
    }
    for (uint32_t c = e->column_count; c > 0; c--) /* they stand at the ends now */
        first[c] = first[c - 1];
    first[0] = 0;
    work->all.next[work->count] = (uint16_t)work->count;
}

/* Each device's accusations, to be found without a look at those of others.  The rules let an
 * accusation name one device only. */
static void collect_naming(wr_eval_work *work) {
    const wr_eval_list *list = &work->accusation;
    uint32_t place[WR_AUTHORS_MAX + 1] = {0};
    if (work->accusation_count == 0)
        return; /* nobody asks: accused is empty */
    for (uint32_t i = 0; i < work->accusation_count; i++)
        for (uint32_t s = 0; s < list->entry[i]->op->subject_count; s++)
            place[list->entry[i]->op->subject[s].member + 1]++;
    for (uint32_t m = 0; m < WR_AUTHORS_MAX; m++)
        place[m + 1] += place[m];
    WR_ASSERT(place[WR_AUTHORS_MAX] <= WR_OPS_MAX);
    for (uint32_t m = 0; m <= WR_AUTHORS_MAX; m++)
        work->naming_first[m] = (uint16_t)place[m];
    for (uint32_t i = 0; i < work->accusation_count; i++)
        for (uint32_t s = 0; s < list->entry[i]->op->subject_count; s++)
            work->naming[place[list->entry[i]->op->subject[s].member]++] = (uint16_t)i;
}

static void collect_accusations(wr_evaluator *e) {
    wr_eval_work *work = &e->work;
    wr_eval_list *list = &work->accusation;
    uint32_t count = 0;
    memset(&work->accused, 0, sizeof work->accused);
    for (uint32_t c = 0; c < e->column_count; c++) {
        list->first[c] = (uint16_t)count;
        for (uint32_t node = work->all.first[c]; node < work->all.first[c + 1]; node++) {
            bool accuses = wr_eval_accuses(work->all.entry[node]->op);
            work->accusation_of[node] = accuses ? (uint16_t)count : WR_EVAL_END;
            if (!accuses)
                continue;
            list->entry[count] = work->all.entry[node];
            list->next[count] = (uint16_t)count;
            work->node_of[count] = (uint16_t)node;
            work->watcher[count] = WR_EVAL_END;
            wr_eval_unite(&work->accused, &list->entry[count]->set);
            count++;
        }
    }
    list->first[e->column_count] = (uint16_t)count;
    list->next[count] = (uint16_t)count;
    work->accusation_count = count;
    collect_naming(work);
}

void wr_eval_label(wr_evaluator *e, const uint16_t *live, bool without_held) {
    wr_eval_work *work = &e->work;
    collect(e, live, without_held);
    collect_accusations(e);
    /* Every EQUIV is settled before anything is struck. */
    for (uint32_t node = 0; node < work->count; node++)
        look_at(e, node);
    drain(e);
    work->contested = work->queue_end < work->count;
    while (work->queue_end < work->count) {
        if (!cut_sybils(e))
            wr_eval_break_cycles(e);
        drain(e);
    }
    memset(e->entry_label, 0, e->entry_count);
    for (uint32_t node = 0; node < work->count; node++)
        e->entry_label[work->all.entry[node] - e->entry] = work->label[node];
}
