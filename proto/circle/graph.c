/* The circle as this device knows it: takes checked ops in and keeps what follows up to date.
 *
 * Spec:   proto/spec/circle.md 2 to 5
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_node.h"

#include <stdlib.h>

wr_err wr_graph_new(wr_graph **ret_graph) {
    wr_graph *graph = calloc(1, sizeof *graph);
    if (graph == NULL)
        return WR_ERR_NOMEM;
    wr_arena_init(&graph->arena, WR_GRAPH_BYTES_MAX);
    *ret_graph = graph;
    return WR_OK;
}

void wr_graph_free(wr_graph *graph) {
    if (graph == NULL)
        return;
    wr_arena_wipe(&graph->arena);
    free(graph);
}

/* ---- index by id ---- */

/* The slot of op_id, or the free one where it would go. */
static uint32_t find_slot(const wr_graph *graph, const wr_hash *op_id) {
    uint32_t slot = wr_load_u32(op_id->b) & (WR_GRAPH_SLOTS - 1);
    while (graph->slot[slot] != 0) {
        const wr_node *node = graph->node[graph->slot[slot] - 1];
        if (wr_hash_order(&node->id, op_id) == 0)
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

/* ---- taking an op in ---- */

/* One piece of memory for all that belongs to the op, so that there is one failure to survive. */
static wr_err node_new(wr_graph *graph, const wr_admission *in, wr_node **ret_node) {
    bool is_epoch = in->op.type == WR_OP_EPOCH && !in->opaque;
    size_t epoch_size = is_epoch ? sizeof(wr_epoch_ref) : 0;
    size_t clock_size = in->clock_len * sizeof in->clock[0];
    void *memory;
    WR_TRY(wr_arena_take(&graph->arena,
                         sizeof(wr_node) + epoch_size + clock_size + in->op.bytes.len, &memory));
    wr_node *node = memory;
    uint8_t *behind = (uint8_t *)memory + sizeof(wr_node);
    if (is_epoch)
        node->epoch = (wr_epoch_ref *)(void *)behind;
    node->clock = (uint32_t *)(void *)(behind + epoch_size);
    memcpy(node->clock, in->clock, clock_size);
    memcpy(behind + epoch_size + clock_size, in->op.bytes.ptr, in->op.bytes.len);
    node->bytes = wr_slice_of(behind + epoch_size + clock_size, in->op.bytes.len);

    node->id = in->op.id;
    node->sig = in->sig;
    node->hlc = in->op.hlc;
    node->type = in->op.type;
    node->author = in->author;
    node->aseq = (uint32_t)in->op.aseq;
    node->height = in->height;
    node->clock_len = in->clock_len;
    *ret_node = node;
    return WR_OK;
}
_Static_assert(sizeof(wr_node) % alignof(wr_epoch_ref) == 0, "the epoch stands aligned");
_Static_assert(sizeof(wr_epoch_ref) % alignof(uint32_t) == 0, "the clock stands aligned");

/* Member index of the device that op adds, new or known from a concurrent ADD. */
static uint32_t place_member(wr_graph *graph, const wr_admission *in) {
    uint32_t index;
    if (wr_graph_index(graph, &in->device_id, &index))
        return index;
    WR_ASSERT(graph->member_count < WR_AUTHORS_MAX);
    index = graph->member_count++;
    graph->member[index] = (wr_member){.device_id = in->device_id, .cert = in->cert};
    graph->chain[index] = (wr_chain){.added_hlc = UINT64_MAX};
    return index;
}

/* Of concurrent ADDs of one device the smallest (hlc, id) is shown, whichever came first here. */
static void describe_member(wr_graph *graph, uint32_t index, const wr_admission *in) {
    wr_chain *chain = &graph->chain[index];
    bool same = chain->added_hlc == in->op.hlc;
    bool earlier =
        in->op.hlc < chain->added_hlc || (same && wr_hash_order(&in->op.id, &chain->added_id) < 0);
    if (graph->member[index].mode != 0 && !earlier)
        return;
    chain->added_hlc = in->op.hlc;
    chain->added_id = in->op.id;
    graph->member[index].added_ms = in->op.hlc >> 16;
    graph->member[index].mode = in->mode;
}

static void evaluate(wr_graph *graph) {
    wr_eval_member members[WR_AUTHORS_MAX] = {{.current = false}};
    wr_evaluate(graph->added, graph->added_count, graph->member_count, graph->label, members);
    graph->current_count = 0;
    for (uint32_t i = 0; i < graph->member_count; i++) {
        graph->member[i].current = members[i].current;
        graph->member[i].role = members[i].role;
        graph->current_count += members[i].current;
    }
}

static void take_membership(wr_graph *graph, const wr_admission *in, const wr_node *node,
                            uint32_t subject) {
    describe_member(graph, subject, in);
    graph->added[graph->added_count++] = (wr_eval_op){
        .type = (wr_op_type)node->type,
        .author = node->author,
        .subject = subject,
        .role = in->role,
        .clock = node->clock,
        .clock_len = node->clock_len,
        .aseq = node->aseq,
    };
    evaluate(graph);
}

/* Recipients are recomputed from the past.  They stay current members, because no op that this
 * version understands ends a membership; and whoever joins later is handed E by its sponsor. */
static void take_epoch(wr_graph *graph, const wr_admission *in, wr_node *node) {
    wr_eval_member past[WR_AUTHORS_MAX] = {{.current = false}};
    wr_evaluate_past(graph->added, graph->added_count, node->clock, node->clock_len,
                     graph->member_count, past);
    wr_hash recipients =
        wr_graph_hash_members(graph, past, in->epoch.without, in->epoch.without_count);
    bool all_current = true;
    for (uint32_t i = 0; i < graph->member_count; i++)
        all_current = all_current && (!past[i].current || graph->member[i].current);
    /* spec:circle#5.3 "A device MUST NOT write under an epoch whose rcpt_hash differs from the
     * hash over the members of its past, or that leaves one of them out." */
    bool whole = in->epoch.without_count == 0 && wr_hash_equal(&recipients, &in->epoch.rcpt_hash);
    *node->epoch = (wr_epoch_ref){
        .epoch_id = node->id,
        .commit = in->epoch.commit,
        .height = node->height,
        .in = true,
        .for_members = whole && all_current,
    };
    graph->epoch[graph->epoch_count++] = node;
}

static void take_node(wr_graph *graph, const wr_admission *in, wr_node *node) {
    wr_chain *chain = &graph->chain[node->author];
    WR_ASSERT(graph->op_count < WR_OPS_MAX);
    WR_ASSERT(chain->op_count == node->aseq);
    for (uint32_t i = 0; i < in->op.parent_count; i++)
        wr_graph_node(graph, &in->parent[i]->id)->has_child = true;
    chain->last = node;
    chain->op_count = node->aseq + 1;
    if (wr_op_is_notable(node->type))
        chain->notable = node->aseq + 1;
    if (in->opaque)
        graph->opaque_count++;
    uint32_t slot = find_slot(graph, &node->id);
    WR_ASSERT(graph->slot[slot] == 0);
    graph->node[graph->op_count++] = node;
    graph->slot[slot] = (uint16_t)graph->op_count;
}

wr_err wr_graph_admit(wr_graph *graph, wr_slice op_bytes, const wr_sig *sig) {
    wr_admission in;
    wr_node *node;
    /* spec:circle#2.3 "An op that fails any check MUST leave the graph as it was." */
    WR_TRY(wr_graph_check(graph, op_bytes, sig, &in));
    WR_TRY(node_new(graph, &in, &node));

    if (in.op.type == WR_OP_GENESIS) {
        graph->circle_id = node->id;
        graph->root = in.root;
        uint32_t founder = place_member(graph, &in);
        WR_ASSERT(founder == 0);
        take_node(graph, &in, node);
        take_membership(graph, &in, node, founder);
        return WR_OK;
    }
    take_node(graph, &in, node);
    if (in.op.type == WR_OP_ADD)
        take_membership(graph, &in, node, place_member(graph, &in));
    if (in.op.type == WR_OP_EPOCH)
        take_epoch(graph, &in, node);
    return WR_OK;
}
