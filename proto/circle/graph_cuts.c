/* How much of a feed counts whose writer is out.
 *
 *   REMOVE, LEAVE  ── cuts ──┐
 *   first ACK that covers it ── seen ──┴──> which states of the feed somebody vouches for
 *
 * Spec:   proto/spec/circle.md 4.7
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_node.h"

/* What the ops about one device say of one of its feeds. */
typedef struct verdict {
    const wr_hash *feed_id;
    bool out, left, lost, compromised;
    uint64_t farewell;           /* cut of the LEAVE */
    uint64_t lost_max, held_max; /* of REMOVEs; of those who heard of them */
    uint64_t accused_min;
    /* what is asked for */
    uint64_t len;
    const wr_hash *root;
    bool vouched;
} verdict;

/* The feed's length in a list; 0 if it is not listed. */
static uint64_t length_in(verdict *v, wr_op_list cuts) {
    wr_cut cut;
    while (wr_cut_next(&cuts, &cut)) {
        if (!wr_hash_equal(&cut.feed_id, v->feed_id))
            continue;
        if (v->root != NULL && cut.len == v->len && wr_hash_equal(&cut.root, v->root))
            v->vouched = true;
        return cut.len;
    }
    return 0;
}

static void larger(uint64_t *most, uint64_t value) {
    if (value > *most)
        *most = value;
}

/* The first op in a chain that covers op; NULL if none does.  Clocks only grow along a chain. */
static const wr_node *first_cover(const wr_graph *graph, uint32_t column, const wr_node *op) {
    const wr_node *found = NULL;
    for (const wr_node *at = graph->chain[column].last; at != NULL; at = at->before) {
        if (!wr_node_precedes(op, at))
            break;
        found = at;
    }
    return found;
}

/* spec:circle#4.7 "Of an op that covers a REMOVE first and is no ACK, nothing MUST be taken as
 * seen." */
static void hear_witnesses(const wr_graph *graph, const wr_node *remove, verdict *v) {
    for (uint32_t i = 0; i < graph->member_count; i++) {
        const wr_node *cover = first_cover(graph, graph->column[i], remove);
        wr_op op;
        wr_op_list seen;
        if (!graph->member[i].current || cover == NULL || cover->type != WR_OP_ACK)
            continue;
        if (wr_op_decode(cover->bytes, &op) == WR_OK && wr_ack_decode(op.body, &seen) == WR_OK)
            larger(&v->held_max, length_in(v, seen));
    }
}

static void hear_remove(const wr_graph *graph, const wr_node *node, wr_slice body, verdict *v) {
    wr_remove remove;
    if (wr_remove_decode(body, &remove) != WR_OK)
        return;
    uint64_t len = length_in(v, remove.cuts);
    v->out = true;
    v->lost = v->lost || remove.reason != WR_REASON_RETIRED;
    v->compromised = v->compromised || remove.reason == WR_REASON_COMPROMISED;
    if (remove.reason != WR_REASON_RETIRED && len < v->accused_min)
        v->accused_min = len;
    larger(&v->lost_max, len);
    hear_witnesses(graph, node, v);
}

/* Two histories of one device: what its accusers held counts, as of a lost one. */
static void hear_equiv(const wr_graph *graph, const wr_node *node, wr_slice body, verdict *v) {
    wr_equiv equiv;
    if (wr_equiv_decode(body, &equiv) != WR_OK)
        return;
    uint64_t len = length_in(v, equiv.cuts);
    v->out = v->lost = true;
    if (len < v->accused_min)
        v->accused_min = len;
    larger(&v->lost_max, len);
    hear_witnesses(graph, node, v);
}

/* Who had a part of it when it heard of the farewell passes that on: nobody else may get more. */
static void hear_leave(const wr_graph *graph, const wr_node *node, wr_slice body, verdict *v) {
    wr_op_list cuts;
    if (wr_leave_decode(body, &cuts) != WR_OK)
        return;
    v->out = v->left = true;
    larger(&v->farewell, length_in(v, cuts));
    hear_witnesses(graph, node, v);
}

static bool names(const wr_node *node, uint32_t member) {
    for (uint32_t i = 0; i < node->eval.subject_count; i++)
        if (node->eval.subject[i].member == member)
            return true;
    return false;
}

static verdict judge(const wr_graph *graph, uint32_t member, const wr_hash *feed_id, uint64_t len,
                     const wr_hash *root) {
    verdict v = {.feed_id = feed_id, .accused_min = UINT64_MAX, .len = len, .root = root};
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        bool removes =
            (node->type == WR_OP_REMOVE || node->type == WR_OP_EQUIV) && names(node, member);
        bool leaves = node->type == WR_OP_LEAVE && node->eval.author == member;
        wr_op op;
        if ((!removes && !leaves) ||
            wr_evaluator_label(graph->evaluator, &node->eval) != WR_LABEL_OP_IN ||
            wr_op_decode(node->bytes, &op) != WR_OK)
            continue;
        if (node->type == WR_OP_REMOVE)
            hear_remove(graph, node, op.body, &v);
        else if (node->type == WR_OP_EQUIV)
            hear_equiv(graph, node, op.body, &v);
        else
            hear_leave(graph, node, op.body, &v);
    }
    return v;
}

wr_limit wr_graph_limit(const wr_graph *graph, const wr_hash *device_id, const wr_hash *feed_id) {
    uint32_t member;
    if (!wr_graph_index(graph, device_id, &member))
        return (wr_limit){0, 0};
    if (graph->member[member].current)
        return (wr_limit){UINT64_MAX, UINT64_MAX};
    verdict v = judge(graph, member, feed_id, 0, NULL);
    /* spec:circle#4.7 "Of the feeds of a device whose ADD does not count, nothing MUST be taken."
     */
    if (!v.out)
        return (wr_limit){0, 0};
    /* spec:circle#4.7 "The cut of a compromised device MUST be the least of those in its
     * accusations." */
    if (v.compromised)
        return (wr_limit){v.accused_min, v.accused_min};
    if (!v.lost && v.left)
        return (wr_limit){v.farewell, v.farewell};
    /* spec:circle#4.7 "What a member holds of a lost device beyond every cut, and says so in the
     * ACK by which it first covers the REMOVE, MUST be taken and kept out of the logs." */
    return (wr_limit){v.lost_max, v.held_max > v.lost_max ? v.held_max : v.lost_max};
}

bool wr_graph_vouches(const wr_graph *graph, const wr_hash *device_id, const wr_hash *feed_id,
                      uint64_t len, const wr_hash *root) {
    uint32_t member;
    return wr_graph_index(graph, device_id, &member) &&
           judge(graph, member, feed_id, len, root).vouched;
}
