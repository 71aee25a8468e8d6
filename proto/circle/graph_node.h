/* What the graph is made of: nodes, author chains, the index by id.  Private to graph*.c.
 *
 *   graph_check.c   may this op come in?     const graph in, an admission out
 *   graph.c         takes it in              the only file that changes a graph
 *   graph_view.c    what follows from it     const graph in, answers out
 *
 * Spec:   proto/spec/circle.md 2 to 5
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_GRAPH_NODE_H
#define WR_CIRCLE_GRAPH_NODE_H

#include "base/arena.h"
#include "circle/evaluate_simple.h"
#include "circle/graph.h"

#define WR_GRAPH_SLOTS (2u * WR_OPS_MAX) /* of the index by id: at most half full */
_Static_assert((WR_GRAPH_SLOTS & (WR_GRAPH_SLOTS - 1)) == 0, "a mask finds the slot");
_Static_assert(WR_OPS_MAX < UINT16_MAX, "a slot holds an op number plus one");

typedef struct wr_node { /* one admitted op; lives in the arena */
    wr_hash id;
    wr_sig sig;
    wr_slice bytes;
    uint64_t hlc, type;
    uint32_t author; /* member index */
    uint32_t aseq;
    uint32_t height;     /* longest path from GENESIS */
    uint32_t clock_len;  /* columns; members from here on have no op in past(op) */
    uint32_t *clock;     /* of past(op): per member index, how many of its ops */
    wr_epoch_ref *epoch; /* of an EPOCH op; else NULL */
    bool has_child;
} wr_node;

typedef struct wr_chain { /* what is known of one member's ops, beside wr_member */
    wr_node *last;        /* its newest op; NULL while there is none */
    uint32_t op_count;    /* aseq of its next op */
    uint32_t notable;     /* aseq + 1 of its newest op that others must acknowledge; 0 if none */
    uint64_t added_hlc;   /* of the GENESIS or ADD that wr_member shows: the smallest (hlc, id) */
    wr_hash added_id;
} wr_chain;

struct wr_graph {
    wr_arena arena;
    wr_hash circle_id;
    wr_root root;
    uint32_t op_count, member_count, current_count, epoch_count, added_count;
    uint32_t opaque_count; /* ops that this version admits without understanding them */
    wr_member member[WR_AUTHORS_MAX];
    wr_chain chain[WR_AUTHORS_MAX];
    wr_node *node[WR_OPS_MAX];     /* in order of admission: parents first */
    wr_node *epoch[WR_OPS_MAX];    /* the EPOCH ops among them */
    wr_eval_op added[WR_OPS_MAX];  /* GENESIS and the ADDs among them */
    wr_op_label label[WR_OPS_MAX]; /* of added, as last evaluated */
    uint16_t slot[WR_GRAPH_SLOTS]; /* op number + 1 by id, linear probing; 0 is free */
};

/* An op that passed every check, with what the checks found out; borrows the caller's bytes. */
typedef struct wr_admission {
    wr_op op;
    wr_sig sig;
    uint32_t author; /* member index; that of the new member for GENESIS */
    uint32_t height;
    uint32_t clock_len;
    uint32_t clock[WR_AUTHORS_MAX];
    const wr_node *parent[WR_OP_PARENTS_MAX];
    bool opaque;
    /* GENESIS, ADD */
    wr_cert cert;
    wr_hash device_id;
    wr_role_kind role;
    wr_pair_mode mode;
    wr_root root;      /* GENESIS */
    wr_epoch_op epoch; /* EPOCH */
} wr_admission;

/* Every check of admission, in order; errors as wr_graph_admit. */
WR_MUST wr_err wr_graph_check(const wr_graph *graph, wr_slice op_bytes, const wr_sig *sig,
                              wr_admission *ret_admission);

/* The node of op_id; NULL if it is not admitted. */
wr_node *wr_graph_node(const wr_graph *graph, const wr_hash *op_id);
/* Member index of device_id; false if it never was one. */
WR_MUST bool wr_graph_index(const wr_graph *graph, const wr_hash *device_id, uint32_t *ret_index);
/* older in past(newer)?  False for one and the same op. */
WR_MUST bool wr_node_precedes(const wr_node *older, const wr_node *newer);
/* rcpt_hash of the members marked current, without the ids of without. */
wr_hash wr_graph_hash_members(const wr_graph *graph, const wr_eval_member *members,
                              const wr_hash *without, uint32_t without_count);
/* True for the types that every other member has to acknowledge (circle.md 3.4). */
WR_MUST bool wr_op_is_notable(uint64_t type);

#endif /* WR_CIRCLE_GRAPH_NODE_H */
