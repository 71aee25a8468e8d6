/* bench_circle [OPS [MEMBERS [KIND]]]: what it costs to evaluate a circle, per history as named
 * below.
 *
 * Each history is taken op by op as the graph does it: may (members of the past), take, members.
 * Times are CPU time.
 *   calm     ACK and EPOCH ops mostly, some ADD, ROLE, LEAVE and REMOVE, pairs of them concurrent
 *   flood    one ADMIN accuses everybody in turn, on its old head, for ever; another accuses it and
 *            acknowledges each
 *   mutual   two ADMINs accuse everybody in turn, on their old heads, for ever; a third
 * acknowledges forks    one ADMIN forks at every op; the others build on either branch
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/evaluate_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FOUNDER 0u
#define NONE UINT32_MAX

typedef struct bench {
    wr_evaluator *evaluator;
    uint32_t ops, members;
    uint32_t count, columns, devices;
    uint32_t column_count[WR_COLUMNS_MAX]; /* next aseq */
    wr_eval_op op[WR_OPS_MAX];
    uint16_t clock[WR_OPS_MAX][WR_COLUMNS_MAX];
    wr_eval_subject subject[WR_OPS_MAX][64];
    uint64_t seed;
    double worst;
} bench;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(bool fine, const char *what) {
    if (fine)
        return;
    fprintf(stderr, "bench_circle: %s\n", what);
    exit(1);
}

static uint32_t below(bench *b, uint32_t end) {
    b->seed = b->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(b->seed >> 33) % end;
}

static uint32_t column(bench *b, uint32_t author, uint32_t leaves, uint32_t first) {
    must(wr_evaluator_column(b->evaluator, b->columns, author, leaves, first) == WR_OK, "column");
    b->column_count[b->columns] = first;
    return b->columns++;
}

/* The op at the end of a column; the next one is built in place. */
static wr_eval_op *start(bench *b, wr_op_type type, uint32_t at) {
    wr_eval_op *op = &b->op[b->count];
    memset(op, 0, sizeof *op);
    op->type = type;
    op->column = at;
    op->author = b->evaluator->column[at].author;
    op->aseq = b->column_count[at];
    op->clock = b->clock[b->count];
    op->subject = b->subject[b->count];
    op->reason = WR_REASON_LOST;
    memset(b->clock[b->count], 0, sizeof b->clock[0]);
    return op;
}

static void name(bench *b, uint32_t member, wr_role_kind role) {
    wr_eval_op *op = &b->op[b->count];
    must(op->subject_count < 64, "subjects");
    b->subject[b->count][op->subject_count++] = (wr_eval_subject){member, role};
}

/* Puts an op and its past into that of the op under construction. */
static void over(bench *b, uint32_t parent) {
    uint16_t *clock = b->clock[b->count];
    const wr_eval_op *p = &b->op[parent];
    for (uint32_t c = 0; c < p->clock_len; c++)
        clock[c] = p->clock[c] > clock[c] ? p->clock[c] : clock[c];
    if (clock[p->column] < p->aseq + 1)
        clock[p->column] = (uint16_t)(p->aseq + 1);
}

static void over_all(bench *b) {
    for (uint32_t c = 0; c < b->columns; c++)
        b->clock[b->count][c] = (uint16_t)b->column_count[c];
}

static uint32_t finish(bench *b) {
    static wr_eval_member members[WR_AUTHORS_MAX];
    wr_eval_op *op = &b->op[b->count];
    op->clock_len = b->columns;
    wr_store_u64(op->id.b, b->count);
    double begin = now();
    must(wr_evaluator_may(b->evaluator, op, WR_AUTHORS_MAX, members), "an op is refused");
    must(wr_evaluator_take(b->evaluator, op) == WR_OK, "take");
    wr_evaluator_members(b->evaluator, WR_AUTHORS_MAX, members);
    double spent = now() - begin;
    b->worst = spent > b->worst ? spent : b->worst;
    b->column_count[op->column] = op->aseq + 1;
    return b->count++;
}

static uint32_t found(bench *b) {
    uint32_t last = 0;
    start(b, WR_OP_GENESIS, column(b, FOUNDER, WR_EVAL_NONE, 0));
    name(b, FOUNDER, WR_ROLE_ADMIN);
    finish(b);
    for (b->devices = 1; b->devices < b->members; b->devices++) {
        column(b, b->devices, WR_EVAL_NONE, 0);
        start(b, WR_OP_ADD, FOUNDER);
        over_all(b);
        name(b, b->devices, WR_ROLE_ADMIN);
        last = finish(b);
    }
    for (uint32_t m = 0; m < b->members; m++) {
        start(b, WR_OP_ACK, m);
        over_all(b);
        last = finish(b);
    }
    return last;
}

/* ---- histories ---- */

static void change(bench *b, uint32_t author, uint32_t kind) {
    uint32_t victim = b->members / 2 + below(b, b->members / 2);
    wr_op_type type = kind == 0 && b->devices < WR_AUTHORS_MAX - 2 ? WR_OP_ADD
                      : kind == 1                                  ? WR_OP_ROLE
                                                                   : WR_OP_REMOVE;
    start(b, type, author);
    over_all(b);
    if (type == WR_OP_ADD)
        name(b, b->devices++, WR_ROLE_MEMBER);
    else if (type == WR_OP_ROLE)
        name(b, victim, WR_ROLE_ADMIN);
    else
        name(b, victim, WR_ROLE_MEMBER);
    b->op[b->count].reason = kind == 2 ? WR_REASON_RETIRED : WR_REASON_LOST;
}

/* Members of the first half act; those of the other half are removed now and then, and added. */
static void calm(bench *b) {
    found(b);
    while (b->count < b->ops) {
        uint32_t author = below(b, b->members / 2);
        uint32_t kind = below(b, 100);
        if (kind < 3) {
            change(b, author, kind);
            if (below(b, 3) == 0) { /* .. without the newest op of one other */
                uint32_t other = below(b, b->members / 2);
                if (other != author && b->clock[b->count][other] > 1)
                    b->clock[b->count][other]--;
            }
        } else {
            start(b, kind < 40 ? WR_OP_EPOCH : WR_OP_ACK, author);
            over_all(b);
        }
        finish(b);
    }
}

/* One target an op, as the graph demands of an accusation. */
static void accuse_next(bench *b, uint32_t author, uint32_t head, uint32_t *last) {
    start(b, WR_OP_REMOVE, author);
    over(b, head);
    b->clock[b->count][author] = (uint16_t)b->column_count[author];
    do
        *last = (*last + 1) % b->members;
    while (*last == author);
    name(b, *last, WR_ROLE_ADMIN);
    finish(b);
}

/* A device acknowledges; one that is out by then does not. */
static void acknowledge(bench *b, uint32_t author) {
    wr_eval_op *op = start(b, WR_OP_ACK, author);
    over_all(b);
    op->clock_len = b->columns;
    if (wr_evaluator_may(b->evaluator, op, 0, NULL))
        finish(b);
}

static void flood(bench *b) {
    uint32_t head = found(b), last = 0;
    start(b, WR_OP_REMOVE, 2);
    over_all(b);
    name(b, 1, WR_ROLE_ADMIN);
    finish(b);
    while (b->count + 1 < b->ops) {
        accuse_next(b, 1, head, &last);
        acknowledge(b, 3);
    }
}

static void mutual(bench *b) {
    uint32_t head = found(b), last[2] = {0, 0};
    while (b->count + 2 < b->ops) {
        accuse_next(b, 1, head, &last[0]);
        accuse_next(b, 2, head, &last[1]);
        acknowledge(b, 3);
    }
}

static void forks(bench *b) {
    found(b);
    uint32_t own = 1;
    while (b->count + 3 < b->ops) {
        uint32_t base = b->column_count[own], heads = b->count - 1;
        start(b, WR_OP_ACK, own);
        over_all(b);
        uint32_t left = finish(b);
        if (b->columns < WR_COLUMNS_MAX) {
            uint32_t branch = column(b, 1, own, base);
            memcpy(b->clock[b->count], b->clock[left], sizeof b->clock[0]);
            start(b, WR_OP_ACK, branch);
            memcpy(b->clock[b->count], b->clock[left], sizeof b->clock[0]);
            finish(b);
        }
        uint32_t voter = 2 + below(b, b->members - 2);
        start(b, WR_OP_ACK, voter);
        over(b, left);
        over(b, heads);
        b->clock[b->count][voter] = (uint16_t)b->column_count[voter];
        finish(b);
    }
}

/* ---- all of them ---- */

static void row(const char *kind, bench *b, double spent) {
    printf("%-8s %6u ops %4u columns %5u entries  all %9.1f ms  mean %8.1f us  worst %8.1f us\n",
           kind, b->count, b->columns, b->evaluator->entry_count, spent * 1e3,
           spent * 1e6 / b->count, b->worst * 1e6);
}

static void run(const char *kind, uint32_t ops, uint32_t members) {
    static bench b;
    memset(&b, 0, sizeof b);
    b.ops = ops;
    b.members = members;
    b.seed = 1;
    must(wr_evaluator_new(&b.evaluator) == WR_OK, "memory");
    double begin = now();
    if (strcmp(kind, "calm") == 0)
        calm(&b);
    else if (strcmp(kind, "mutual") == 0)
        mutual(&b);
    else if (strcmp(kind, "forks") == 0)
        forks(&b);
    else
        flood(&b);
    row(kind, &b, now() - begin);
    wr_evaluator_free(b.evaluator);
}

int main(int argc, char **argv) {
    static const char *const kinds[] = {"calm", "flood", "mutual", "forks"};
    uint32_t ops = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : WR_OPS_MAX;
    uint32_t members = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : WR_MEMBERS_MAX;
    must(ops <= WR_OPS_MAX && members >= 8 && members <= 64,
         "usage: bench_circle [OPS [MEMBERS [KIND]]]");
    printf("evaluator: %zu bytes\n", sizeof(wr_evaluator));
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < WR_COUNT(kinds); i++) {
        if (argc <= 3 || strcmp(argv[3], kinds[i]) == 0)
            run(kinds[i], ops, members);
    }
    return 0;
}
