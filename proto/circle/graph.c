/* The circle as this device knows it: takes checked ops in and keeps what follows up to date.
 *
 * Spec:   proto/spec/circle.md 2 to 5
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_reset.h"

#include <stdlib.h>

wr_err wr_graph_new(wr_graph **ret_graph) {
    WR_AUTO(wr_graph) graph = calloc(1, sizeof *graph);
    if (graph == NULL)
        return WR_ERR_NOMEM;
    wr_arena_init(&graph->arena, WR_GRAPH_BYTES_MAX - sizeof *graph - WR_EVALUATOR_BYTES_MAX);
    WR_TRY(wr_evaluator_new(&graph->evaluator));
    *ret_graph = wr_steal(&graph);
    return WR_OK;
}

void wr_graph_free(wr_graph *graph) {
    if (graph == NULL)
        return;
    wr_evaluator_free(graph->evaluator);
    wr_arena_wipe(&graph->arena);
    free(graph);
}

void wr_graph_set_evidence(wr_graph *graph, wr_evidence_fn fn) {
    graph->evidence = fn;
}

void wr_graph_set_own(wr_graph *graph, const wr_hash *device_id) {
    graph->has_own = true;
    graph->own = *device_id;
}

/* ---- index by id ---- */

/* The slot of op_id, or the free one where it would go. */
static uint32_t find_slot(const wr_graph *graph, const wr_hash *op_id) {
    uint32_t slot = wr_load_u32(op_id->b) & (WR_GRAPH_SLOTS - 1);
    while (graph->slot[slot] != 0) {
        const wr_node *node = graph->node[graph->slot[slot] - 1];
        if (wr_hash_order(&node->eval.id, op_id) == 0)
            break;
        slot = (slot + 1) & (WR_GRAPH_SLOTS - 1);
    }
    return slot;
}

wr_node *wr_graph_node(const wr_graph *graph, const wr_hash *op_id) {
    uint16_t held = graph->slot[find_slot(graph, op_id)];
    return held == 0 ? NULL : graph->node[held - 1];
}

bool wr_graph_index(const wr_graph *graph, const wr_hash *device_id, uint32_t *ret_index) {
    for (uint32_t i = 0; i < graph->member_count; i++) {
        if (wr_hash_order(&graph->member[i].device_id, device_id) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* ---- a node ---- */

typedef struct node_parts { /* sizes of what stands behind the node, in this order */
    size_t epoch, root, subject, clock;
} node_parts;

/* One piece of memory for all that belongs to the op, so that there is one failure to survive. */
static wr_err node_new(wr_graph *graph, const wr_admission *in, wr_node **ret_node) {
    node_parts size = {
        .epoch = in->op.type == WR_OP_EPOCH ? sizeof(wr_epoch_node) : 0,
        .root = in->op.type == WR_OP_ROOTSET ? sizeof(wr_root) : 0,
        .subject = in->subject_count * sizeof(wr_eval_subject),
        .clock = in->clock_len * sizeof in->clock[0],
    };
    void *memory;
    WR_TRY(wr_arena_take(&graph->arena,
                         sizeof(wr_node) + size.epoch + size.root + size.subject + size.clock +
                             in->op.bytes.len,
                         &memory));
    wr_node *node = memory;
    uint8_t *at = (uint8_t *)memory + sizeof(wr_node);
    *node = (wr_node){.sig = in->sig,
                      .type = in->op.type,
                      .hlc = in->op.hlc,
                      .height = in->height,
                      .chain_bytes = in->chain_bytes};
    if (size.epoch != 0)
        node->epoch = (wr_epoch_node *)(void *)at;
    at += size.epoch;
    if (size.root != 0) {
        memcpy(at, &in->root, sizeof in->root);
        node->root = (const wr_root *)(void *)at;
    }
    at += size.root;
    memcpy(at, in->subject, size.subject);
    const wr_eval_subject *subject = (const wr_eval_subject *)(void *)at;
    at += size.subject;
    memcpy(at, in->clock, size.clock);
    const uint16_t *clock = (const uint16_t *)(void *)at;
    at += size.clock;
    memcpy(at, in->op.bytes.ptr, in->op.bytes.len);
    node->bytes = wr_slice_of(at, in->op.bytes.len);
    node->eval = (wr_eval_op){
        .type = in->opaque ? WR_OP_ACK : (wr_op_type)in->op.type,
        .author = in->author,
        .column = in->column,
        .aseq = (uint32_t)in->op.aseq,
        .clock = clock,
        .clock_len = in->clock_len,
        .reason = in->reason,
        .subject = subject,
        .subject_count = in->subject_count,
        .id = in->op.id,
    };
    *ret_node = node;
    return WR_OK;
}
_Static_assert(sizeof(wr_node) % alignof(wr_epoch_node) == 0, "the epoch stands aligned");
_Static_assert(sizeof(wr_epoch_node) % alignof(wr_root) == 0, "the root stands aligned");
_Static_assert(sizeof(wr_root) % alignof(wr_eval_subject) == 0, "the subjects stand aligned");
_Static_assert(sizeof(wr_eval_subject) % alignof(uint16_t) == 0, "the clock stands aligned");

/* ---- members and columns ---- */

static wr_err add_column(wr_graph *graph, uint32_t author, uint32_t leaves, uint32_t first) {
    WR_TRY(wr_evaluator_column(graph->evaluator, graph->column_count, author, leaves, first));
    graph->chain[graph->column_count++] =
        (wr_chain){.author = author, .leaves = leaves, .first = first, .op_count = first};
    return WR_OK;
}

/* The device that an op adds is the one it is about: new, or known from a concurrent ADD. */
static void name_member(const wr_graph *graph, wr_admission *in) {
    uint32_t index = graph->member_count;
    bool known = wr_graph_index(graph, &in->device_id, &index);
    WR_ASSERT(known || graph->member_count < WR_AUTHORS_MAX);
    in->subject[0] = (wr_eval_subject){index, in->role};
    in->subject_count = 1;
}

/* Of concurrent ADDs of one device the smallest (hlc, id) is shown, whichever came first here. */
static void describe_member(wr_graph *graph, const wr_admission *in) {
    uint32_t index = in->subject[0].member;
    wr_member *member = &graph->member[index];
    if (index == graph->member_count) {
        *member = (wr_member){.device_id = in->device_id, .cert = in->cert};
        graph->member_count++;
    } else if (in->op.hlc > member->added_hlc ||
               (in->op.hlc == member->added_hlc &&
                wr_hash_order(&in->op.id, &member->added_id) > 0)) {
        return;
    }
    member->added_hlc = in->op.hlc;
    member->added_id = in->op.id;
    member->sponsor = in->op.author;
    member->mode = in->mode;
}

static void describe_kept(wr_graph *graph, const wr_admission *in) {
    wr_op_list keep = in->reset.keep;
    wr_kept kept;
    while (wr_kept_next(&keep, &kept)) {
        wr_member *member = &graph->member[graph->member_count++];
        *member = (wr_member){.device_id = wr_device_id(kept.cert_bytes),
                              .added_id = in->op.id,
                              .added_hlc = in->op.hlc,
                              .mode = WR_PAIR_QR}; /* no code was typed for it */
        wr_graph_tell_origin(graph, member);
        wr_err err = wr_cert_decode(kept.cert_bytes, &member->cert);
        WR_ASSERT(err == WR_OK);
    }
}

/* ---- taking an op in ---- */

static void link_node(wr_graph *graph, const wr_admission *in, wr_node *node) {
    wr_chain *chain = &graph->chain[node->eval.column];
    WR_ASSERT(graph->op_count < WR_OPS_MAX);
    WR_ASSERT(chain->op_count == node->eval.aseq);
    for (uint32_t i = 0; i < in->op.parent_count; i++)
        wr_graph_node(graph, &in->parent[i]->eval.id)->has_child = true;
    wr_graph_count_epochs(graph, in, node);
    node->before = chain->last;
    chain->last = node;
    chain->op_count = node->eval.aseq + 1;
    if (wr_op_is_notable(node->type))
        chain->notable = chain->op_count;
    if (node->type == WR_OP_REMOVE || node->type == WR_OP_EQUIV)
        chain->accusing = chain->op_count;
    if (in->opaque)
        graph->opaque_count++;
    uint32_t slot = find_slot(graph, &node->eval.id);
    WR_ASSERT(graph->slot[slot] == 0);
    graph->node[graph->op_count++] = node;
    graph->slot[slot] = (uint16_t)graph->op_count;
}

/* First the column of the op itself, which the checks gave the next number, then that of the device
 * that it brings: an ADD of ROOT, or on a branch, needs both. */
static wr_err add_columns(wr_graph *graph, const wr_admission *in) {
    if (in->author == WR_EVAL_ROOT)
        WR_TRY(add_column(graph, WR_EVAL_ROOT, WR_EVAL_NONE, 0));
    if (in->leaves != WR_EVAL_NONE)
        WR_TRY(add_column(graph, in->author, in->leaves, (uint32_t)in->op.aseq));
    for (uint32_t i = 0; i < in->reset.keep.count; i++) {
        graph->column[i] = graph->column_count;
        WR_TRY(add_column(graph, i, WR_EVAL_NONE, 0));
    }
    if (!wr_op_makes_member(in->op.type) || in->subject[0].member < graph->member_count)
        return WR_OK;
    graph->column[in->subject[0].member] = graph->column_count;
    return add_column(graph, in->subject[0].member, WR_EVAL_NONE, 0);
}

/* Behind this nothing can fail. */
static void take(wr_graph *graph, const wr_admission *in, wr_node *node) {
    if (in->op.type == WR_OP_GENESIS) {
        graph->circle_id = node->eval.id;
        graph->root = in->root;
    }
    if (in->op.type == WR_OP_RESET)
        describe_kept(graph, in);
    if (wr_op_makes_member(in->op.type))
        describe_member(graph, in);
    /* spec:circle#5.5 "A circle MUST NOT be called safe against a later quantum computer once an
     * ADD of mode 2 was admitted, whatever became of its device." */
    graph->by_code = graph->by_code || (in->op.type == WR_OP_ADD && in->mode == WR_PAIR_CODE);
    link_node(graph, in, node);
    if (node->type == WR_OP_EPOCH)
        wr_graph_take_epoch(graph, in, node);
    if (wr_op_is_notable(node->eval.type) || node->type == WR_OP_GENESIS)
        wr_graph_take_effect(graph, node);
    else
        wr_graph_take_vote(graph);
    if (graph->has_own && wr_hash_equal(&in->op.author, &graph->own))
        wr_graph_cover_held(graph, node);
}

wr_err wr_graph_take(wr_graph *graph, wr_admission *in) {
    wr_node *node;
    if (wr_op_makes_member(in->op.type))
        name_member(graph, in);
    WR_TRY(node_new(graph, in, &node)); /* memory may end, and columns do not go away again */
    WR_TRY(add_columns(graph, in));
    WR_TRY(wr_evaluator_take(graph->evaluator, &node->eval));
    take(graph, in, node);
    graph->version++;
    return WR_OK;
}

static wr_err admit(wr_graph *graph, wr_slice op_bytes, const wr_sig *sig, bool branches) {
    wr_admission in;
    /* spec:circle#2.3 "An op that fails any check MUST leave the graph as it was." */
    WR_TRY(wr_graph_check(graph, op_bytes, sig, branches, &in));
    return wr_graph_take(graph, &in);
}

wr_err wr_graph_admit(wr_graph *graph, wr_slice op_bytes, const wr_sig *sig) {
    return admit(graph, op_bytes, sig, false);
}

wr_err wr_graph_admit_branch(wr_graph *graph, wr_slice op_bytes, const wr_sig *sig) {
    return admit(graph, op_bytes, sig, true);
}
