/* What the graph is made of: nodes, chains, the index by id.  Private to graph*.c.
 *
 *   graph_check.c   may this op come in?     const graph in, an admission out
 *   graph_rules.c   .. by the rules of its type
 *   graph_reset.c   the first op of a later generation, and what that says
 *   generations.c   all graphs of a circle, and which of them counts
 *   graph.c         takes it in              with graph_guard.c the only ones that change a graph
 *   graph_guard.c   what it does to members: evaluation, the guard, epochs
 *   graph_epoch.c   how many epochs its author may make
 *   graph_cuts.c    how much of a feed counts whose writer is out
 *   graph_view.c    what follows from it     const graph in, answers out
 *   graph_author.c  the next op of this device
 *
 * Spec:   proto/spec/circle.md 2 to 5
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_GRAPH_NODE_H
#define WR_CIRCLE_GRAPH_NODE_H

#include "base/arena.h"
#include "circle/evaluate.h"
#include "circle/evaluate_set.h"
#include "circle/removal.h"

#define WR_GRAPH_SLOTS (2u * WR_OPS_MAX) /* of the index by id: at most half full */
_Static_assert((WR_GRAPH_SLOTS & (WR_GRAPH_SLOTS - 1)) == 0, "a mask finds the slot");
_Static_assert(WR_OPS_MAX < UINT16_MAX, "a slot holds an op number plus one, a clock a count");

typedef struct wr_epoch_node { /* what an EPOCH op says */
    wr_hash commit;
    wr_eval_set known;   /* devices added in its past */
    wr_eval_set readers; /* its recipients */
    wr_eval_set without; /* whom it leaves out by name */
    wr_eval_set left;    /* .. it, or one of its author before */
    bool whole;          /* rcpt_hash is that of its readers */
} wr_epoch_node;

typedef struct wr_node wr_node;
struct wr_node {     /* one admitted op; lives in the arena */
    wr_eval_op eval; /* .type is that of an op without effect for types not understood */
    uint64_t type, hlc;
    wr_sig sig;
    wr_slice bytes;
    uint32_t height;             /* longest path from GENESIS */
    uint32_t chain_bytes;        /* of the ops of its chain up to this one */
    const wr_node *before;       /* the one before it in its chain */
    wr_epoch_node *epoch;        /* of an EPOCH op; else NULL */
    const wr_root *root;         /* of a ROOTSET; else NULL */
    const wr_node *newest_epoch; /* its author's newest EPOCH up to here, itself included */
    uint32_t epochs_made; /* its author's EPOCHs up to here that follow no end of a membership */
    bool follows_end;     /* an EPOCH that does */
    bool has_child;
    bool late;     /* its author was barred when it came: the guard, circle.md 4.6 */
    bool stray;    /* .. or nothing with effect brought it */
    bool suspect;  /* being judged */
    bool active;   /* .. and it has effect, or would have */
    bool held;     /* without effect here */
    bool covered;  /* held, and something that we signed before stands on it */
    bool released; /* the owner let it take effect */
};

typedef struct wr_chain { /* a column of the clocks: ops that follow one another */
    uint32_t author;      /* member index; WR_EVAL_ROOT: one op of the recovery key */
    uint32_t leaves;      /* column that it branches off; WR_EVAL_NONE */
    uint32_t first;       /* aseq of its first op */
    wr_node *last;        /* its newest op; NULL while there is none */
    uint32_t op_count;    /* aseq of its next op */
    uint32_t notable;     /* aseq + 1 of its newest op that others must acknowledge; 0 if none */
    uint32_t accusing;    /* .. that is a REMOVE or EQUIV */
    uint32_t held;        /* aseq + 1 of its first op that is held; 0 if none */
    uint32_t shunned;     /* .. and not covered */
} wr_chain;

struct wr_graph {
    wr_arena arena;
    wr_evaluator *evaluator;
    wr_evidence_fn evidence;
    wr_hash circle_id;
    wr_root root; /* of GENESIS or RESET */
    uint64_t gen;
    const wr_graph *older; /* that of the generation before, which outlives this one; else NULL */
    uint32_t older_len;    /* the past of the RESET there, as a clock */
    uint16_t older_clock[WR_COLUMNS_MAX];
    uint32_t op_count, member_count, current_count, epoch_count, effect_count, column_count;
    uint32_t late_count, held_count; /* of late and stray ones; of held ones */
    wr_eval_set brought;             /* by an op that is IN */
    wr_eval_set unseen;              /* by ops that this device does not cover, and no others */
    bool has_own;
    wr_hash own; /* the device whose graph this is */
    uint64_t version;
    bool by_code;          /* a device was added by a typed code */
    uint32_t opaque_count; /* ops that this version admits without understanding them */
    wr_member member[WR_AUTHORS_MAX];
    uint32_t column[WR_AUTHORS_MAX]; /* of a member's own chain */
    wr_chain chain[WR_COLUMNS_MAX];
    wr_node *node[WR_OPS_MAX];     /* in order of admission: parents first */
    wr_node *epoch[WR_OPS_MAX];    /* the EPOCH ops among them */
    wr_node *effect[WR_OPS_MAX];   /* those that change members, roles or the recovery key */
    uint16_t slot[WR_GRAPH_SLOTS]; /* op number + 1 by id, linear probing; 0 is free */
};

/* An op that passed every check, with what the checks found out; borrows the caller's bytes. */
typedef struct wr_admission {
    wr_op op;
    wr_sig sig;
    uint32_t author; /* member index; that of the new member for GENESIS; WR_EVAL_ROOT */
    uint32_t column;
    uint32_t leaves; /* column that the op branches off; WR_EVAL_NONE */
    bool branches;   /* it may */
    uint32_t height;
    uint32_t chain_bytes;
    uint32_t clock_len;
    uint16_t clock[WR_COLUMNS_MAX];
    const wr_node *parent[WR_OP_PARENTS_MAX];
    bool opaque;
    wr_reason reason; /* REMOVE */
    uint32_t subject_count;
    wr_eval_subject subject[WR_MEMBERS_MAX]; /* but of GENESIS and ADD: known when taken */
    wr_reset reset;                          /* RESET */
    /* GENESIS, ADD */
    wr_cert cert;
    wr_hash device_id;
    wr_role_kind role;
    wr_pair_mode mode;
    wr_root root;      /* GENESIS, ROOTSET */
    wr_epoch_op epoch; /* EPOCH */
} wr_admission;

/* Every check of admission, in order; errors as wr_graph_admit. */
WR_MUST wr_err wr_graph_check(const wr_graph *graph, wr_slice op_bytes, const wr_sig *sig,
                              bool branches, wr_admission *ret_admission);
/* What depends on the type: what the body says, and whether its past allows it. */
WR_MUST wr_err wr_graph_read_body(const wr_graph *graph, wr_admission *in);
WR_MUST wr_err wr_graph_check_body(const wr_graph *graph, const wr_admission *in);
/* Where it stands: its parents are here, and of generation gen is in. */
WR_MUST wr_err wr_graph_check_place(const wr_graph *graph, uint64_t gen, wr_admission *in);
/* The recovery key that holds in the past of in; NULL: that holds now. */
const wr_root *wr_graph_root_in(const wr_graph *graph, const wr_admission *in);

/* Takes in what passed the checks; on error nothing that could be seen changed. */
WR_MUST wr_err wr_graph_take(wr_graph *graph, wr_admission *in);
WR_MUST bool wr_cert_shares_key(const wr_cert *a, const wr_pub *sign, const wr_pub *noise,
                                const wr_pub *box);
/* May the author of an EPOCH make one more, and what its op adds to the count (circle.md 3.5). */
WR_MUST bool wr_graph_epoch_is_allowed(const wr_graph *graph, const wr_admission *in);
void wr_graph_count_epochs(const wr_graph *graph, const wr_admission *in, wr_node *node);

/* The node of op_id; NULL if it is not admitted. */
wr_node *wr_graph_node(const wr_graph *graph, const wr_hash *op_id);
/* Member index of device_id; false if it never was one. */
WR_MUST bool wr_graph_index(const wr_graph *graph, const wr_hash *device_id, uint32_t *ret_index);
/* older in past(newer)?  False for one and the same op. */
WR_MUST bool wr_node_precedes(const wr_node *older, const wr_node *newer);
/* older in the past that in names? */
WR_MUST bool wr_node_is_past(const wr_node *older, const wr_admission *in);
/* What the next op is not to cover: for a device a held op and all on top of it, but for what it
 * covered before; for ROOT, which strikes it out, that too. */
WR_MUST bool wr_graph_shuns(const wr_graph *graph, const wr_node *node, bool root);
/* Ops without children among those that are not shunned, ascending by id. */
uint32_t wr_graph_collect_heads(const wr_graph *graph, bool root,
                                const wr_node *heads[WR_COLUMNS_MAX]);
/* The past of the next op of a device with this newest op, NULL: of one that has none. */
uint32_t wr_graph_clock_of_next(const wr_graph *graph, const wr_node *own_last,
                                uint16_t clock[WR_COLUMNS_MAX]);
wr_op_ref wr_node_ref(const wr_graph *graph, const wr_node *node);
void wr_graph_hash_heads(const wr_graph *graph, wr_hasher *hasher);
/* rcpt_hash of a set of members. */
wr_hash wr_graph_hash_members(const wr_graph *graph, const wr_eval_set *members);
/* An op of this device's own is in: what is held below it is covered. */
void wr_graph_cover_held(wr_graph *graph, const wr_node *own);
/* The op is in and has effect: members, roles, bars and held ops follow. */
void wr_graph_take_effect(wr_graph *graph, wr_node *node);
void wr_graph_take_vote(wr_graph *graph); /* .. or has none, but may decide a fork */
/* .. and what an EPOCH op says about its readers. */
void wr_graph_take_epoch(wr_graph *graph, const wr_admission *in, wr_node *node);

/* By the clock of its author, then by id. */
static inline bool wr_node_is_earlier(const wr_node *a, const wr_node *b) {
    if (a->hlc != b->hlc)
        return a->hlc < b->hlc;
    return wr_hash_order(&a->eval.id, &b->eval.id) < 0;
}
static inline bool wr_op_makes_member(uint64_t type) {
    return type == WR_OP_GENESIS || type == WR_OP_ADD;
}
static inline bool wr_node_makes_members(const wr_node *node) {
    return wr_op_makes_member(node->type) || node->type == WR_OP_RESET;
}
/* Does the op bring this device? */
static inline bool wr_node_brings(const wr_node *node, uint32_t member) {
    for (uint32_t i = 0; wr_node_makes_members(node) && i < node->eval.subject_count; i++)
        if (node->eval.subject[i].member == member)
            return true;
    return false;
}
/* Types that every other member has to acknowledge (circle.md 3.4). */
WR_MUST bool wr_op_is_notable(uint64_t type);

#endif /* WR_CIRCLE_GRAPH_NODE_H */
