/* The rule, naively.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle_oracle.h"

#define OPEN ((wr_op_label)9)

bool o_accuses(const o_op *op) {
    return op->type == WR_OP_EQUIV ||
           (op->type == WR_OP_REMOVE &&
            (op->reason == WR_REASON_LOST || op->reason == WR_REASON_COMPROMISED));
}

bool o_names(const o_op *op, uint32_t device) {
    for (uint32_t i = 0; i < op->subject_count; i++) {
        if (op->subject[i].member == device)
            return true;
    }
    return false;
}

bool o_brings(const o_op *op, uint32_t device) {
    return (op->type == WR_OP_ADD || op->type == WR_OP_GENESIS || op->type == WR_OP_RESET) &&
           o_names(op, device);
}

/* ---- rule F ---- */

static bool child(const o_history *h, uint32_t op, uint32_t author, uint32_t prev) {
    return h->op[op].author == author && h->op[op].prev == prev;
}

static bool forked(const o_history *h, o_set set, uint32_t author) {
    for (uint32_t a = 0; a < h->count; a++) {
        for (uint32_t b = 0; b < a; b++) {
            if (o_in(set, a) && o_in(set, b) && h->op[a].author == author &&
                child(h, b, author, h->op[a].prev))
                return true;
        }
    }
    return false;
}

/* The op before the fork, or the one that brought the author. */
static uint32_t anchor(const o_history *h, o_set set, uint32_t author, uint32_t prev) {
    uint32_t best = O_NONE;
    if (prev != O_NONE)
        return prev;
    for (uint32_t i = 0; i < h->count; i++) {
        if (!o_in(set, i) || !o_brings(&h->op[i], author))
            continue;
        if (h->op[i].type != WR_OP_ADD)
            return i;
        if (best == O_NONE || memcmp(&h->op[i].id, &h->op[best].id, sizeof h->op[i].id) < 0)
            best = i;
    }
    return best;
}

/* The child of prev that wins in set; O_NONE for a tie. */
static uint32_t elect(const o_history *h, o_set set, uint32_t author, uint32_t prev) {
    uint32_t votes[O_OPS] = {0}, at = anchor(h, set, author, prev);
    o_result before = {0};
    if (at != O_NONE)
        o_eval(h, h->op[at].past | o_bit(at), 0, &before);
    for (uint32_t a = 0; a < O_DEVICES; a++) {
        if (a == author || !before.member[a].current || forked(h, set, a))
            continue;
        for (uint32_t i = 0; i < h->count; i++) { /* parents first: the first cover */
            uint32_t covers = 0, last = 0;
            if (!o_in(set, i) || h->op[i].author != a)
                continue;
            for (uint32_t b = 0; b < h->count; b++) {
                if (o_in(set & h->op[i].past, b) && child(h, b, author, prev)) {
                    covers++;
                    last = b;
                }
            }
            votes[last] += covers == 1;
            if (covers > 0)
                break;
        }
    }
    uint32_t best = O_NONE;
    for (uint32_t b = 0; b < h->count; b++) {
        if (o_in(set, b) && child(h, b, author, prev) && (best == O_NONE || votes[b] > votes[best]))
            best = b;
    }
    for (uint32_t b = 0; b < h->count; b++) {
        if (b != best && o_in(set, b) && child(h, b, author, prev) && votes[b] == votes[best])
            return O_NONE;
    }
    return best;
}

static o_set line_of(const o_history *h, o_set set, uint32_t author) {
    o_set line = 0;
    uint32_t at = O_NONE;
    for (;;) {
        uint32_t count = 0, only = O_NONE;
        for (uint32_t i = 0; i < h->count; i++) {
            if (o_in(set, i) && child(h, i, author, at)) {
                count++;
                only = i;
            }
        }
        if (count == 0)
            return line;
        at = count == 1 ? only : elect(h, set, author, at);
        if (at == O_NONE)
            return line;
        line |= o_bit(at);
    }
}

static o_set without_void(const o_history *h, o_set set) {
    o_set live = 0;
    for (uint32_t i = 0; i < h->count; i++) {
        if (o_in(set, i) && (h->op[i].author == WR_EVAL_ROOT || h->op[i].type == WR_OP_GENESIS))
            live |= o_bit(i);
    }
    for (uint32_t a = 0; a < O_DEVICES; a++)
        live |= line_of(h, set, a);
    return live;
}

/* ---- labels ---- */

static bool attacks(const o_history *h, uint32_t r, uint32_t q) {
    const o_op *by = &h->op[r], *op = &h->op[q];
    return r != q && o_accuses(by) && op->type != WR_OP_EQUIV && op->author != WR_EVAL_ROOT &&
           o_names(by, op->author) && !o_in(by->past, q) && !o_in(op->past, r);
}

static bool needs_support(const o_op *op) {
    return op->author != WR_EVAL_ROOT && op->type != WR_OP_EQUIV && op->type != WR_OP_GENESIS;
}

static bool supports(const o_history *h, uint32_t s, uint32_t q) {
    return needs_support(&h->op[q]) && o_brings(&h->op[s], h->op[q].author) &&
           o_in(h->op[q].past, s);
}

/* Step 3; true if something got a label. */
static bool fixpoint(const o_history *h, o_set live, wr_op_label *label) {
    bool any = false, again = true;
    while (again) {
        again = false;
        for (uint32_t q = 0; q < h->count; q++) {
            bool hit = false, clear = true, open = false, backed = !needs_support(&h->op[q]);
            if (!o_in(live, q) || label[q] != OPEN)
                continue;
            for (uint32_t r = 0; r < h->count; r++) {
                if (!o_in(live, r))
                    continue;
                if (attacks(h, r, q)) {
                    hit |= label[r] == WR_LABEL_OP_IN;
                    clear &= label[r] == WR_LABEL_OP_OUT;
                }
                if (supports(h, r, q)) {
                    backed |= label[r] == WR_LABEL_OP_IN;
                    open |= label[r] == OPEN;
                }
            }
            if (hit || (!backed && !open))
                label[q] = WR_LABEL_OP_OUT;
            else if (clear && backed)
                label[q] = WR_LABEL_OP_IN;
            again |= label[q] != OPEN;
        }
        any |= again;
    }
    return any;
}

static o_set open_ones(const o_history *h, o_set live, const wr_op_label *label) {
    o_set open = 0;
    for (uint32_t i = 0; i < h->count; i++) {
        if (o_in(live, i) && label[i] == OPEN)
            open |= o_bit(i);
    }
    return open;
}

/* Step 4a. */
static bool sybils(const o_history *h, o_set open, wr_op_label *label) {
    o_set cut = 0;
    for (uint32_t q = 0; q < h->count; q++) {
        bool attacked = false, supporting = false;
        for (uint32_t r = 0; r < h->count; r++) {
            if (!o_in(open, r) || !o_accuses(&h->op[r]))
                continue;
            attacked |= attacks(h, r, q);
            supporting |= supports(h, q, r);
        }
        if (o_in(open, q) && h->op[q].type == WR_OP_ADD && attacked && supporting)
            cut |= o_bit(q);
    }
    for (uint32_t q = 0; q < h->count; q++) {
        if (o_in(cut, q))
            label[q] = WR_LABEL_OP_OUT;
    }
    return cut != 0;
}

/* Step 4b. */
static void components(const o_history *h, o_set open, wr_op_label *label) {
    o_set into[O_OPS] = {0}; /* who reaches it */
    for (uint32_t q = 0; q < h->count; q++) {
        for (uint32_t r = 0; r < h->count; r++) {
            if (o_in(open, q) && o_in(open, r) && (attacks(h, r, q) || supports(h, r, q)))
                into[q] |= o_bit(r);
        }
    }
    for (uint32_t k = 0; k < h->count; k++) {
        for (uint32_t q = 0; q < h->count; q++) {
            if (o_in(into[q], k))
                into[q] |= into[k];
        }
    }
    wr_op_label now[O_OPS];
    memcpy(now, label, sizeof now);
    for (uint32_t q = 0; q < h->count; q++) {
        bool source = o_in(open, q), accused = false;
        for (uint32_t r = 0; r < h->count && source; r++) {
            if (o_in(into[q], r)) { /* then q reaches r as well, or it is no source */
                source &= o_in(into[r], q);
                accused |= o_accuses(&h->op[r]);
            }
        }
        if (!source)
            continue;
        if (o_accuses(&h->op[q]))
            now[q] = WR_LABEL_OP_IN;
        else if (!accused)
            now[q] = WR_LABEL_OP_OUT;
    }
    memcpy(label, now, sizeof now);
}

/* ---- members ---- */

static bool is_in(const o_history *h, o_set set, const wr_op_label *label, uint32_t i) {
    return i < h->count && o_in(set, i) && label[i] == WR_LABEL_OP_IN;
}

static bool maximal(const o_history *h, o_set set, const wr_op_label *label, uint32_t role,
                    uint32_t device) {
    for (uint32_t i = 0; i < h->count; i++) {
        if (is_in(h, set, label, i) && h->op[i].type == WR_OP_ROLE && o_names(&h->op[i], device) &&
            o_in(h->op[i].past, role))
            return false;
    }
    return true;
}

static void member_of(const o_history *h, o_set set, const wr_op_label *label, uint32_t device,
                      wr_eval_member *ret) {
    bool removed = false, given = false;
    int by_add = 0, by_role = 0; /* the greatest value is the lowest role */
    *ret = (wr_eval_member){0};
    for (uint32_t i = 0; i < h->count; i++) {
        const o_op *op = &h->op[i];
        if (!is_in(h, set, label, i))
            continue;
        for (uint32_t s = 0; s < op->subject_count; s++) {
            if (op->subject[s].member != device)
                continue;
            int role = (int)op->subject[s].role;
            if (o_brings(op, device)) {
                ret->added = true;
                by_add = role > by_add ? role : by_add;
            }
            if (op->type == WR_OP_ROLE && maximal(h, set, label, i, device)) {
                given = true;
                by_role = role > by_role ? role : by_role;
            }
        }
        removed |= (op->type == WR_OP_REMOVE || op->type == WR_OP_EQUIV) && o_names(op, device);
        removed |= op->type == WR_OP_LEAVE && op->author == device;
        ret->accused |= o_accuses(op) && o_names(op, device);
    }
    ret->current = ret->added && !removed;
    ret->role = (wr_role_kind)(given ? by_role : by_add);
}

/* ---- all of it ---- */

void o_eval(const o_history *h, o_set set, o_set held, o_result *ret_result) {
    o_set live = without_void(h, set) & ~held, open;
    for (uint32_t i = 0; i < h->count; i++)
        ret_result->label[i] = o_in(live, i) ? OPEN : WR_LABEL_OP_OUT;
    (void)fixpoint(h, live, ret_result->label);
    while ((open = open_ones(h, live, ret_result->label)) != 0) {
        if (!sybils(h, open, ret_result->label))
            components(h, open, ret_result->label);
        (void)fixpoint(h, live, ret_result->label);
    }
    for (uint32_t d = 0; d < O_DEVICES; d++)
        member_of(h, set, ret_result->label, d, &ret_result->member[d]);
}

bool o_valid(const o_history *h, const o_op *op) {
    static const wr_role_kind needed[] = {
        [WR_OP_GENESIS] = WR_ROLE_MEMBER, [WR_OP_ADD] = WR_ROLE_ADMIN,
        [WR_OP_REMOVE] = WR_ROLE_ADMIN,   [WR_OP_LEAVE] = WR_ROLE_MEMBER,
        [WR_OP_ACK] = WR_ROLE_MEMBER,     [WR_OP_EPOCH] = WR_ROLE_MEMBER,
        [WR_OP_ROLE] = WR_ROLE_ADMIN,     [WR_OP_EQUIV] = WR_ROLE_MEMBER,
        [WR_OP_RESET] = WR_ROLE_ADMIN,    [WR_OP_ROOTSET] = WR_ROLE_ADMIN,
    };
    o_result before;
    if (op->author == WR_EVAL_ROOT || op->type == WR_OP_EQUIV || op->type == WR_OP_GENESIS)
        return true;
    o_eval(h, op->past, 0, &before);
    const wr_eval_member *author = &before.member[op->author];
    return author->current && author->role <= needed[op->type];
}
