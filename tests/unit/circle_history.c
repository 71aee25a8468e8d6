/* Abstract histories.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle_history.h"

#include <stdio.h>

/* ---- dice ---- */

uint64_t t_roll(t_dice *dice) { /* splitmix64 */
    uint64_t z = dice->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t t_below(t_dice *dice, uint32_t end) {
    return (uint32_t)(t_roll(dice) % end);
}

bool t_chance(t_dice *dice, uint32_t percent) {
    return t_below(dice, 100) < percent;
}

/* ---- ops ---- */

uint32_t h_last(const o_history *h, o_set set, uint32_t author) {
    for (uint32_t i = h->count; i > 0; i--) {
        if (o_in(set, i - 1) && h->op[i - 1].author == author)
            return i - 1;
    }
    return O_NONE;
}

o_op h_on(const o_history *h, wr_op_type type, uint32_t author, uint32_t prev, o_set tops) {
    o_op op = {.type = type, .author = author, .prev = prev, .reason = WR_REASON_LOST};
    if (prev != O_NONE)
        tops |= o_bit(prev);
    for (uint32_t i = 0; i < h->count; i++) {
        if (o_in(tops, i))
            op.past |= h->op[i].past | o_bit(i);
    }
    return op;
}

void h_subject(o_op *op, uint32_t device, wr_role_kind role) {
    if (!o_names(op, device) && op->subject_count < O_SUBJECTS)
        op->subject[op->subject_count++] = (wr_eval_subject){device, role};
}

uint32_t h_put(o_history *h, t_dice *dice, o_op op) {
    if (h->count == O_OPS)
        return O_NONE;
    op.aseq = op.prev == O_NONE ? 0 : h->op[op.prev].aseq + 1;
    for (uint32_t i = 0; i < 4; i++)
        wr_store_u64(op.id.b + 8 * (size_t)i, t_roll(dice));
    op.valid = o_valid(h, &op);
    if (!op.valid)
        return O_NONE;
    h->op[h->count] = op;
    return h->count++;
}

/* ---- a random history ---- */

static void found(o_history *h, t_dice *dice, uint32_t *devices) {
    bool reset = t_chance(dice, 25);
    o_op op = h_on(h, reset ? WR_OP_RESET : WR_OP_GENESIS, reset ? WR_EVAL_ROOT : 0, O_NONE, 0);
    *devices = reset ? 1 + t_below(dice, 5) : 1;
    for (uint32_t d = 0; d < *devices; d++)
        h_subject(&op, d, d > 0 && t_chance(dice, 20) ? WR_ROLE_MEMBER : WR_ROLE_ADMIN);
    (void)h_put(h, dice, op);
}

static bool known(const o_history *h, o_set past, uint32_t device) {
    for (uint32_t i = 0; i < h->count; i++) {
        if (o_in(past, i) && o_brings(&h->op[i], device))
            return true;
    }
    return false;
}

static void fill(const o_history *h, t_dice *dice, o_op *op, uint32_t *devices) {
    uint32_t wanted = op->type == WR_OP_REMOVE ? 1 + t_below(dice, 3) : 1;
    wr_role_kind role = t_chance(dice, 25) ? WR_ROLE_MEMBER : WR_ROLE_ADMIN;
    if (op->type == WR_OP_ADD) {
        uint32_t device = t_chance(dice, 80) ? *devices : t_below(dice, *devices);
        if (device < O_DEVICES - 1 && !known(h, op->past, device)) {
            h_subject(op, device, role);
            *devices = device == *devices ? device + 1 : *devices;
            return;
        }
        op->type = WR_OP_ACK;
        return;
    }
    if (op->type != WR_OP_REMOVE && op->type != WR_OP_ROLE && op->type != WR_OP_EQUIV)
        return;
    if (op->type == WR_OP_REMOVE)
        op->reason = (wr_reason)(1 + t_below(dice, 10) % 3);
    for (uint32_t i = 0; i < 8 * wanted && op->subject_count < wanted; i++) {
        uint32_t device = t_below(dice, *devices);
        if (known(h, op->past, device))
            h_subject(op, device, role);
    }
    if (op->subject_count == 0)
        op->type = WR_OP_ACK;
}

static uint32_t some_author(t_dice *dice, uint32_t devices, uint32_t root) {
    return t_chance(dice, root) ? WR_EVAL_ROOT : t_below(dice, devices);
}

/* Its last op; sometimes an older one, which makes a fork. */
static uint32_t some_prev(const o_history *h, t_dice *dice, uint32_t author, uint32_t forks) {
    uint32_t prev = h_last(h, o_all(h), author);
    bool founder = h->op[0].author == author;
    if (author == WR_EVAL_ROOT)
        return O_NONE;
    while (prev != O_NONE && t_chance(dice, forks)) {
        uint32_t older = h->op[prev].prev;
        if (older == O_NONE && founder)
            break;
        prev = older;
    }
    return prev;
}

static o_set some_tops(const o_history *h, t_dice *dice, uint32_t awake) {
    o_set tops = o_bit(0);
    if (t_chance(dice, awake))
        return o_all(h);
    for (uint32_t n = 1 + t_below(dice, 4); n > 0; n--) {
        uint32_t back = t_below(dice, t_chance(dice, 50) && h->count > 6 ? 6 : h->count);
        tops |= o_bit(h->count - 1 - back);
    }
    return tops;
}

/* The author's other branches stay out of most tops, so that forks look as they do in life. */
static o_set keep_apart(const o_history *h, t_dice *dice, o_set tops, uint32_t author,
                        uint32_t prev) {
    o_set own = prev == O_NONE ? 0 : h->op[prev].past | o_bit(prev), ret = 0;
    if (author == WR_EVAL_ROOT || t_chance(dice, 5))
        return tops;
    for (uint32_t i = 0; i < h->count; i++) {
        bool foreign = false;
        o_set whole = h->op[i].past | o_bit(i);
        for (uint32_t k = 0; k < h->count; k++)
            foreign |= o_in(whole, k) && !o_in(own, k) && h->op[k].author == author;
        if (o_in(tops, i) && !foreign)
            ret |= o_bit(i);
    }
    return ret;
}

/* What the author said in one of its last ops, once more, and on top of nothing new. */
static bool repeat(const o_history *h, t_dice *dice, uint32_t author, o_op *ret_op) {
    uint32_t last = h_last(h, o_all(h), author), said = last;
    if (author == WR_EVAL_ROOT || last == O_NONE)
        return false;
    for (uint32_t back = t_below(dice, 4); back > 0 && h->op[said].prev != O_NONE; back--)
        said = h->op[said].prev;
    const o_op *op = &h->op[said];
    if (op->type != WR_OP_REMOVE && op->type != WR_OP_EQUIV && op->type != WR_OP_ROLE)
        return false;
    *ret_op = h_on(h, op->type, author, last, h->op[last].past);
    ret_op->reason = op->reason;
    for (uint32_t i = 0; i < op->subject_count; i++)
        h_subject(ret_op, op->subject[i].member, op->subject[i].role);
    return true;
}

void h_random(o_history *h, t_dice *dice) {
    static const wr_op_type kinds[] = {
        WR_OP_ADD,    WR_OP_ADD,   WR_OP_ADD,   WR_OP_REMOVE,  WR_OP_REMOVE, WR_OP_REMOVE,
        WR_OP_REMOVE, WR_OP_EQUIV, WR_OP_ACK,   WR_OP_ACK,     WR_OP_ACK,    WR_OP_ROLE,
        WR_OP_ROLE,   WR_OP_LEAVE, WR_OP_EPOCH, WR_OP_ROOTSET,
    };
    uint32_t devices, length = 6 + t_below(dice, 26), forks = t_chance(dice, 50) ? 15 : 0;
    uint32_t awake = t_below(dice, 80), quiet = t_below(dice, 60),
             root = t_chance(dice, 30) ? 8 : 0, repeats = t_chance(dice, 50) ? 40 : 0;
    h->count = 0;
    found(h, dice, &devices);
    for (uint32_t tries = 0; h->count < length && tries < 4 * length; tries++) {
        uint32_t author = some_author(dice, devices, root);
        wr_op_type type = kinds[t_below(dice, WR_COUNT(kinds))];
        o_op again;
        if (t_chance(dice, repeats) && repeat(h, dice, author, &again)) {
            (void)h_put(h, dice, again);
            continue;
        }
        if (t_chance(dice, quiet))
            type = WR_OP_ACK;
        if (devices < 4)
            type = WR_OP_ADD;
        if (author == WR_EVAL_ROOT && (type == WR_OP_LEAVE || type == WR_OP_EQUIV))
            type = WR_OP_REMOVE;
        if (author != WR_EVAL_ROOT && type == WR_OP_ROOTSET)
            type = WR_OP_ACK;
        uint32_t prev = some_prev(h, dice, author, forks);
        o_set tops = some_tops(h, dice, awake);
        o_op op = h_on(h, type, author, prev, keep_apart(h, dice, tops, author, prev) | o_bit(0));
        fill(h, dice, &op, &devices);
        if (op.type == WR_OP_EQUIV && !known(h, op.past, author))
            continue; /* whose key nobody knows */
        (void)h_put(h, dice, op);
    }
}

void h_print(const o_history *h) {
    for (uint32_t i = 0; i < h->count; i++) {
        const o_op *op = &h->op[i];
        (void)printf("  %2u: author %d type %d aseq %u prev %d reason %d past %llx:", i,
                     (int)op->author, (int)op->type, op->aseq, (int)op->prev, (int)op->reason,
                     (unsigned long long)op->past);
        for (uint32_t s = 0; s < op->subject_count; s++)
            (void)printf(" %u/%d", op->subject[s].member, (int)op->subject[s].role);
        (void)printf("\n");
    }
}

/* ---- delivery ---- */

/* Replicas take their evaluators from those that closed ones left, cleared: so that is tested. */
static wr_evaluator *spare[8];
static uint32_t spare_count;

void h_open(h_replica *replica, const o_history *h) {
    memset(replica, 0, sizeof *replica);
    replica->h = h;
    replica->device_count = O_DEVICES;
    if (spare_count > 0)
        replica->evaluator = spare[--spare_count];
    else
        T_OK(wr_evaluator_new(&replica->evaluator));
}

void h_close(h_replica *replica) {
    wr_evaluator_clear(replica->evaluator);
    T_TRUE(spare_count < WR_COUNT(spare));
    spare[spare_count++] = replica->evaluator;
}

void h_end(void) {
    while (spare_count > 0)
        wr_evaluator_free(spare[--spare_count]);
}

/* The clock of a past in the columns of this replica; returns how many of them it needs. */
static uint32_t clock_of(const h_replica *replica, o_set past, uint16_t *clock) {
    uint32_t len = 0;
    memset(clock, 0, O_OPS * sizeof *clock);
    for (uint32_t i = 0; i < replica->h->count; i++) {
        const wr_eval_op *op = &replica->op[i];
        if (!o_in(past, i))
            continue;
        T_TRUE(o_in(replica->taken, i));
        if (clock[op->column] < op->aseq + 1)
            clock[op->column] = (uint16_t)(op->aseq + 1);
        len = op->column + 1 > len ? op->column + 1 : len;
    }
    return len;
}

static uint32_t new_column(h_replica *replica, const o_op *op, uint32_t leaves, uint32_t first) {
    uint32_t column = replica->column_count++;
    T_OK(wr_evaluator_column(replica->evaluator, column, op->author, leaves, first));
    return column;
}

static uint32_t column_for(h_replica *replica, const o_op *op) {
    uint32_t leaves = WR_EVAL_NONE;
    if (op->author == WR_EVAL_ROOT)
        return new_column(replica, op, WR_EVAL_NONE, 0);
    if (op->prev != O_NONE) {
        leaves = replica->op[op->prev].column;
        if (replica->last[leaves] == op->prev)
            return leaves;
        return new_column(replica, op, leaves, op->aseq);
    }
    for (uint32_t i = 0; i < replica->h->count; i++) {
        const o_op *other = &replica->h->op[i];
        if (o_in(replica->taken, i) && other->author == op->author && other->prev == O_NONE &&
            (leaves == WR_EVAL_NONE || replica->op[i].column < leaves))
            leaves = replica->op[i].column;
    }
    return new_column(replica, op, leaves, 0);
}

static wr_eval_op eval_op(const o_op *op, uint32_t column, const uint16_t *clock, uint32_t len) {
    return (wr_eval_op){op->type, op->author, column,      op->aseq,          clock,
                        len,      op->reason, op->subject, op->subject_count, op->id};
}

bool h_may(h_replica *replica, const o_op *op, wr_eval_member *ret_past) {
    uint16_t clock[O_OPS];
    uint32_t len = clock_of(replica, op->past, clock);
    wr_eval_op abstract = eval_op(op, 0, clock, len);
    return wr_evaluator_may(replica->evaluator, &abstract, replica->device_count, ret_past);
}

void h_take(h_replica *replica, uint32_t op) {
    const o_op *from = &replica->h->op[op];
    uint32_t len = clock_of(replica, from->past, replica->clock[op]);
    uint32_t column = column_for(replica, from);
    replica->op[op] = eval_op(from, column, replica->clock[op], len);
    replica->last[column] = op;
    T_OK(wr_evaluator_take(replica->evaluator, &replica->op[op]));
    replica->taken |= o_bit(op);
}

void h_hold(h_replica *replica, uint32_t op, bool held) {
    wr_evaluator_hold(replica->evaluator, &replica->op[op], held);
    replica->held = held ? replica->held | o_bit(op) : replica->held & ~o_bit(op);
}

bool h_same_members(const wr_eval_member *a, const wr_eval_member *b, uint32_t count) {
    for (uint32_t m = 0; m < count; m++) {
        if (a[m].added != b[m].added || a[m].current != b[m].current ||
            a[m].accused != b[m].accused || (a[m].added && a[m].role != b[m].role)) {
            (void)printf("device %u: added %d %d current %d %d accused %d %d role %d %d\n", m,
                         a[m].added, b[m].added, a[m].current, b[m].current, a[m].accused,
                         b[m].accused, (int)a[m].role, (int)b[m].role);
            return false;
        }
    }
    return true;
}

bool h_agrees(h_replica *replica) {
    wr_eval_member members[O_DEVICES];
    o_result want;
    o_eval(replica->h, replica->taken, replica->held, &want);
    for (uint32_t i = 0; i < replica->h->count; i++) {
        if (!o_in(replica->taken, i))
            continue;
        wr_op_label label = wr_evaluator_label(replica->evaluator, &replica->op[i]);
        if (label != want.label[i]) {
            (void)printf("op %u: label %d, not %d\n", i, (int)label, (int)want.label[i]);
            return false;
        }
    }
    wr_evaluator_members(replica->evaluator, O_DEVICES, members);
    return h_same_members(members, want.member, O_DEVICES);
}

uint32_t h_next(const o_history *h, t_dice *dice, o_set done) {
    uint32_t start = t_below(dice, h->count);
    for (uint32_t i = 0; i < h->count; i++) {
        uint32_t op = (start + i) % h->count;
        if (!o_in(done, op) && (h->op[op].past & ~done) == 0)
            return op;
    }
    return O_NONE;
}

static bool step(h_replica *replica, t_dice *dice, uint32_t op, uint32_t often) {
    wr_eval_member past[O_DEVICES];
    o_result want;
    if (!h_may(replica, &replica->h->op[op], past)) {
        (void)printf("op %u is refused\n", op);
        return false;
    }
    h_take(replica, op);
    if (!t_chance(dice, often))
        return true;
    o_eval(replica->h, replica->h->op[op].past, 0, &want);
    if (!h_same_members(past, want.member, O_DEVICES)) {
        (void)printf("so in the past of op %u\n", op);
        return false;
    }
    uint32_t other = t_chance(dice, 50) ? op : t_below(dice, replica->h->count);
    if (other != 0 && o_in(replica->taken, other) && t_chance(dice, 10))
        h_hold(replica, other, !o_in(replica->held, other));
    return h_agrees(replica);
}

/* An op that nobody sent, from anyone on any past: refused exactly if the rule refuses it. */
static bool probe(h_replica *replica, t_dice *dice) {
    static const wr_op_type types[] = {WR_OP_ADD,   WR_OP_REMOVE, WR_OP_LEAVE,
                                       WR_OP_EPOCH, WR_OP_ROLE,   WR_OP_EQUIV};
    const o_history *h = replica->h;
    wr_eval_member past[O_DEVICES];
    o_result want;
    o_op op = h_on(h, types[t_below(dice, WR_COUNT(types))], t_below(dice, O_DEVICES / 2), O_NONE,
                   some_tops(h, dice, 20));
    o_eval(h, op.past, 0, &want);
    bool may = h_may(replica, &op, past);
    if (may != o_valid(h, &op)) {
        (void)printf("type %d of device %u is %s\n", (int)op.type, op.author,
                     may ? "let in" : "refused");
        return false;
    }
    return h_same_members(past, want.member, O_DEVICES);
}

bool h_deliver(const o_history *h, t_dice *dice, uint32_t often) {
    h_replica replica;
    uint32_t op;
    bool fine = true;
    h_open(&replica, h);
    while (fine && (op = h_next(h, dice, replica.taken)) != O_NONE)
        fine = step(&replica, dice, op, often);
    for (uint32_t i = 0; i < 4; i++)
        fine = fine && probe(&replica, dice);
    for (op = 1; op < h->count && fine; op++) {
        if (o_in(replica.held, op))
            h_hold(&replica, op, false);
    }
    fine = fine && h_agrees(&replica);
    if (!fine) {
        (void)printf("held %llx taken %llx\n", (unsigned long long)replica.held,
                     (unsigned long long)replica.taken);
        h_print(h);
    }
    h_close(&replica);
    return fine;
}
