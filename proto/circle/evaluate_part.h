/* What the evaluator is made of.  Private to evaluate*.c.
 *
 *   evaluate.c         takes ops, answers             the only file that changes what is kept
 *   evaluate_twin.c    ops that nothing tells apart   one label for all of them
 *   evaluate_fork.c    a clock in, its live part out  rule F: which branch of a fork counts
 *   evaluate_label.c   live ops in, labels out        attack, support, sybil cut
 *   evaluate_cycle.c   .. and what those leave open   source components
 *   evaluate_past.c    labels in, members out         and the results that are kept
 *
 * All of it is one allocation of fixed size, most of which a circle of usual size never touches.
 *
 * Spec:   proto/spec/circle.md 4
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_EVALUATE_PART_H
#define WR_CIRCLE_EVALUATE_PART_H

#include "circle/evaluate.h"
#include "circle/evaluate_set.h"

#define WR_EVAL_CHUNK 64u /* ops of one column that lie side by side */
#define WR_EVAL_CHUNKS (WR_OPS_MAX / WR_EVAL_CHUNK + WR_COLUMNS_MAX)
#define WR_EVAL_RESULTS 16u /* pasts whose members are kept */
#define WR_EVAL_END UINT16_MAX
_Static_assert(WR_OPS_MAX < WR_EVAL_END, "an index of an op fits 16 bits");
_Static_assert(WR_COLUMNS_MAX < WR_EVAL_END, "so does one of a column");

/* An op that can change who is a member: all types but ACK, EPOCH, ROOTSET and unknown ones. */
typedef struct wr_eval_entry {
    const wr_eval_op *op;
    wr_eval_set set;       /* whom it names; ADD: the members of its past, too */
    uint16_t column, aseq; /* of op: at hand where many are passed over */
    uint16_t open;         /* of a first one: the first of them that is not held; WR_EVAL_END */
    uint16_t end;          /* .. aseq + 1 of the last of them, or more */
    uint16_t older;        /* .. another first one of the column */
    uint16_t heir;         /* .. the first one of those that were split off last; WR_EVAL_END */
    bool held;
} wr_eval_entry;

typedef struct wr_eval_slot { /* one op of a column */
    const wr_eval_op *op;
    uint16_t entry;  /* index; WR_EVAL_END if the op has no effect */
    uint16_t weight; /* entries in the column up to here, this op included */
    bool held;
    bool apart; /* some op with effect has the one before it in its past, and not this one */
} wr_eval_slot;

typedef struct wr_eval_vote { /* of an author with one column, on a fork */
    uint16_t end;             /* aseq + 1 of the op that gives it; 0 is not known yet */
    uint16_t branch;          /* WR_EVAL_END for none */
} wr_eval_vote;

typedef struct wr_eval_column {
    uint32_t author, leaves, first;
    uint32_t count;      /* ops taken */
    uint16_t sibling;    /* next column of the same author */
    uint16_t fork;       /* lowest column that leaves the same column at the same place */
    uint16_t newest;     /* entry */
    uint16_t first_ones; /* entries that twins to come may have before them: newest, then older */
    uint32_t apart;      /* no op from here on has a twin below */
    uint32_t apart_next; /* the op to come with this aseq is apart from those before */
    wr_eval_set voters;  /* of a fork (column == fork) behind aseq 0: members after the op before */
    uint16_t chunk[WR_OPS_MAX / WR_EVAL_CHUNK];
} wr_eval_column;

typedef struct wr_eval_state { /* of a device, in one evaluation */
    bool added, removed, accused;
    bool role_given; /* by a ROLE op */
    uint8_t role;
    uint16_t adds_in; /* how many ops that add it are IN */
} wr_eval_state;

typedef struct wr_eval_result {
    bool known;
    bool contested;               /* attack and support alone left ops open */
    uint64_t used;                /* larger is later */
    uint16_t key[WR_COLUMNS_MAX]; /* live entries of each column: all that matters of a set */
    wr_eval_state member[WR_AUTHORS_MAX];
} wr_eval_result;

/* Entries under evaluation, by column, in a column in order of its chain.  next leads past those
 * that need not be looked at again, each time by a shorter way. */
typedef struct wr_eval_list {
    uint16_t first[WR_COLUMNS_MAX + 1];
    const wr_eval_entry *entry[WR_OPS_MAX];
    uint16_t next[WR_OPS_MAX + 1];
} wr_eval_list;

/* One evaluation under way.  A node is an index into all. */
typedef struct wr_eval_work {
    wr_eval_list all, accusation;
    uint32_t count, accusation_count;
    wr_eval_set accused;                       /* by any of them */
    uint16_t naming[WR_OPS_MAX];               /* accusations of each device, in their order .. */
    uint16_t naming_first[WR_AUTHORS_MAX + 1]; /* .. from here on */
    uint16_t accusation_of[WR_OPS_MAX];        /* node -> index in accusation, or WR_EVAL_END */
    uint16_t node_of[WR_OPS_MAX];              /* .. and back */
    uint8_t label[WR_OPS_MAX];                 /* per node; 0 is open */
    uint32_t open[WR_AUTHORS_MAX];             /* open nodes of each author */
    wr_eval_set with_open;                     /* authors that have any */
    wr_eval_set rooted;                        /* listed by the first op: need no ADD */
    uint16_t add[WR_AUTHORS_MAX];              /* ADDs of a device: node, then add_next */
    uint16_t add_next[WR_OPS_MAX];
    uint16_t watcher[WR_OPS_MAX]; /* accusation -> nodes that wait until it is OUT */
    uint16_t watch_next[WR_OPS_MAX];
    uint16_t
        watch_from[WR_OPS_MAX]; /* node -> accusations before this one are OUT or no attackers */
    bool watches[WR_OPS_MAX];
    uint16_t queue[WR_OPS_MAX]; /* labelled, others not yet told */
    uint32_t queue_first, queue_end;
    bool contested;
    /* cycles */
    uint16_t stack[WR_OPS_MAX], order[WR_OPS_MAX], cursor[WR_OPS_MAX];
    uint16_t seen[WR_OPS_MAX + 1], mark[WR_OPS_MAX + 1], accusation_mark[WR_OPS_MAX + 1];
    bool found[WR_OPS_MAX];
    /* members */
    uint16_t role[WR_AUTHORS_MAX]; /* maximal ROLE ops on a device: entry, then role_next */
    uint16_t role_next[WR_OPS_MAX];
} wr_eval_work;

struct wr_evaluator {
    uint32_t column_count, chunk_count, op_count, entry_count;
    uint32_t branch_count; /* columns that leave another */
    uint32_t held_count;
    uint32_t member_count; /* devices from here on were never named */
    uint64_t turn;
    wr_eval_column column[WR_COLUMNS_MAX];
    uint16_t adds[WR_AUTHORS_MAX];      /* ops that add a device, founding it included */
    uint16_t column_of[WR_AUTHORS_MAX]; /* an author's columns: first one, then sibling */
    wr_eval_slot slot[WR_EVAL_CHUNKS * WR_EVAL_CHUNK];
    wr_eval_entry entry[WR_OPS_MAX]; /* in the order in which they were taken */
    uint16_t twin[WR_OPS_MAX];       /* of an entry: the first of those that nothing tells apart */
    wr_eval_vote vote[WR_COLUMNS_MAX][WR_AUTHORS_MAX]; /* by column of the fork */
    uint16_t whole[WR_COLUMNS_MAX];                    /* clock of everything taken */

    wr_eval_result past[WR_EVAL_RESULTS];
    wr_eval_result all; /* of everything taken, without what is held */
    bool all_stale;
    uint16_t live[WR_COLUMNS_MAX];   /* .. its live part */
    uint8_t all_label[WR_OPS_MAX];   /* .. and the labels of entries: of each first twin */
    uint8_t entry_label[WR_OPS_MAX]; /* .. of the latest evaluation */
    wr_eval_work work;
};
_Static_assert(sizeof(wr_evaluator) <= WR_EVALUATOR_BYTES_MAX, "no more than the graph sets apart");

/* GENESIS or RESET: has no past that counts, is in the past of all. */
static inline bool wr_eval_founds(const wr_eval_op *op) {
    return op->type == WR_OP_GENESIS || op->type == WR_OP_RESET;
}
static inline wr_eval_slot *wr_eval_at(wr_evaluator *e, uint32_t column, uint32_t aseq) {
    const wr_eval_column *c = &e->column[column];
    uint32_t index = aseq - c->first;
    return &e->slot[c->chunk[index / WR_EVAL_CHUNK] * WR_EVAL_CHUNK + index % WR_EVAL_CHUNK];
}
/* Entries of a column below aseq end. */
static inline uint32_t wr_eval_weight(wr_evaluator *e, uint32_t column, uint32_t end) {
    return end <= e->column[column].first ? 0 : wr_eval_at(e, column, end - 1)->weight;
}

/* Finds the twins of a new entry, and parts those that it tells apart. */
void wr_eval_meet_twins(wr_evaluator *e, uint32_t index);
/* It is held now, or no longer. */
void wr_eval_hold_twin(wr_evaluator *e, uint32_t index);

/* Rule F.  ret_live: clock without the ops that it voids. */
void wr_eval_live(wr_evaluator *e, const uint16_t *clock, uint16_t *ret_live);

/* Labels the entries below live, held ones left out if without_held, into e->entry_label: the first
 * of twins for all of them; 0 for the others and for those that are not below live. */
void wr_eval_label(wr_evaluator *e, const uint16_t *live, bool without_held);
/* Steps of labelling that evaluate_cycle.c needs. */
void wr_eval_settle(wr_eval_work *work, uint32_t node, wr_op_label label);
/* A node that op attacks (member: among the ops of that target) or that, as an ADD of member, it
 * supports; none that next leads past.  WR_EVAL_END if there is none. */
uint32_t wr_eval_attacked(wr_evaluator *e, const wr_eval_op *op, uint32_t member, uint16_t *next);
uint32_t wr_eval_supported(wr_evaluator *e, const wr_eval_op *op, uint32_t member, uint16_t *next);
/* The first accusation (index, `from` or later) that attacks op, but for those that next leads
 * past.  WR_EVAL_END likewise. */
uint32_t wr_eval_attacker(wr_evaluator *e, const wr_eval_op *op, uint32_t from, uint16_t *next);
uint32_t wr_eval_find(uint16_t *next, uint32_t index);
/* Step 4b.  Labels at least one node, if one is open. */
void wr_eval_break_cycles(wr_evaluator *e);

/* The evaluation of what clock (of column_count columns) covers; lives until the next call. */
const wr_eval_result *wr_eval_past(wr_evaluator *e, const uint16_t *clock);
void wr_eval_refresh(wr_evaluator *e); /* brings e->all and e->all_label up to date */

#endif /* WR_CIRCLE_EVALUATE_PART_H */
