/* How much of a feed counts whose writer is out.
 *
 *   REMOVE, LEAVE  ── cuts ──┐
 *   first ACK that covers it ── seen ──┴──> which states of the feed somebody vouches for
 *
 * Spec:   proto/spec/circle.md 4.7
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_reset.h"

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
    wr_hash cut_root; /* of the cut with that length, if root is NULL */
} verdict;

/* The feed's length in a list; 0 if it is not listed. */
static uint64_t length_in(verdict *v, wr_op_list cuts) {
    wr_cut cut;
    while (wr_cut_next(&cuts, &cut)) {
        if (!wr_hash_equal(&cut.feed_id, v->feed_id))
            continue;
        if (v->root != NULL && cut.len == v->len && wr_hash_equal(&cut.root, v->root))
            v->vouched = true;
        if (v->root == NULL && cut.len == v->len)
            v->cut_root = cut.root;
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
        if (!wr_member_is_in(&graph->member[i]) || cover == NULL || cover->type != WR_OP_ACK)
            continue;
        if (wr_op_decode(cover->bytes, &op) == WR_OK && wr_ack_decode(op.body, &seen) == WR_OK)
            larger(&v->held_max, length_in(v, seen));
    }
}

/* Of an EQUIV and of who was lost: what its accusers held counts.  Who had a part of a leaver's
 * feed when it heard of the farewell passes that on, as nobody else may get more. */
static void hear_end(const wr_graph *graph, const wr_node *node, verdict *v) {
    bool accuses = wr_eval_accuses(&node->eval), leaves = node->type == WR_OP_LEAVE;
    wr_op op;
    wr_remove remove = {.cuts = WR_OP_LIST_NONE};
    wr_equiv equiv = {.cuts = WR_OP_LIST_NONE};
    wr_op_list cuts = WR_OP_LIST_NONE;
    /* It was admitted with this body. */
    wr_err err = wr_op_decode(node->bytes, &op);
    if (err == WR_OK && node->type == WR_OP_REMOVE)
        err = wr_remove_decode(op.body, &remove);
    else if (err == WR_OK && node->type == WR_OP_EQUIV)
        err = wr_equiv_decode(op.body, &equiv);
    else if (err == WR_OK)
        err = wr_leave_decode(op.body, &cuts);
    WR_ASSERT(err == WR_OK);
    if (!leaves)
        cuts = node->type == WR_OP_REMOVE ? remove.cuts : equiv.cuts;
    uint64_t len = length_in(v, cuts);
    v->out = true;
    v->left = v->left || leaves;
    v->lost = v->lost || accuses;
    v->compromised = v->compromised || node->eval.reason == WR_REASON_COMPROMISED;
    if (accuses && len < v->accused_min)
        v->accused_min = len;
    larger(leaves ? &v->farewell : &v->lost_max, len);
    hear_witnesses(graph, node, v);
}

static verdict judge(const wr_graph *graph, uint32_t member, const wr_hash *feed_id, uint64_t len,
                     const wr_hash *root) {
    verdict v = {.feed_id = feed_id, .accused_min = UINT64_MAX, .len = len, .root = root};
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        if (wr_eval_ends(&node->eval, member) &&
            wr_evaluator_label(graph->evaluator, &node->eval) == WR_LABEL_OP_IN)
            hear_end(graph, node, &v);
    }
    return v;
}

/* What the RESET says of the feed, if one founded the graph. */
static uint64_t floor_of(const wr_graph *graph, verdict *v) {
    wr_reset reset;
    return wr_graph_reset(graph, &reset) ? length_in(v, reset.cuts) : 0;
}

/* By the ops of this graph. */
static wr_limit limit_of(const verdict *v) {
    /* spec:circle#4.7 "Of the feeds of a device whose ADD does not count, nothing MUST be taken."
     */
    if (!v->out)
        return (wr_limit){0, 0};
    /* spec:circle#4.7 "The cut of a compromised device MUST be the least of those in its
     * accusations." */
    if (v->compromised)
        return (wr_limit){v->accused_min, v->accused_min};
    if (!v->lost && v->left)
        return (wr_limit){v->farewell, v->farewell};
    /* spec:circle#4.7 "What a member holds of a lost device beyond every cut, and says so in the
     * ACK by which it first covers the REMOVE, MUST be taken and kept out of the logs." */
    return (wr_limit){v->lost_max, v->held_max > v->lost_max ? v->held_max : v->lost_max};
}

wr_limit wr_graph_limit(const wr_graph *graph, const wr_hash *device_id, const wr_hash *feed_id) {
    uint32_t member;
    verdict v = {.feed_id = feed_id};
    bool known = wr_graph_index(graph, device_id, &member);
    if (known && graph->member[member].current)
        return (wr_limit){UINT64_MAX, UINT64_MAX};
    uint64_t least = floor_of(graph, &v);
    /* spec:circle#4.7 "Of a feed whose writer it does not keep, its cut MUST count and nothing
     * more, in the logs and kept." */
    if (!known)
        return (wr_limit){least, least};
    v = judge(graph, member, feed_id, 0, NULL);
    wr_limit limit = limit_of(&v);
    /* spec:circle#4.7 "Of a feed whose writer is kept and goes out later, at least that cut MUST
     * count." */
    larger(&limit.shown, least);
    larger(&limit.kept, least);
    return limit;
}

bool wr_graph_vouches(const wr_graph *graph, const wr_hash *device_id, const wr_hash *feed_id,
                      uint64_t len, const wr_hash *root) {
    uint32_t member;
    verdict v = {.feed_id = feed_id, .len = len, .root = root};
    (void)floor_of(graph, &v);
    return v.vouched || (wr_graph_index(graph, device_id, &member) &&
                         judge(graph, member, feed_id, len, root).vouched);
}

bool wr_graph_cut_root(const wr_graph *graph, const wr_hash *device_id, const wr_hash *feed_id,
                       uint64_t len, wr_hash *ret_root) {
    uint32_t member;
    verdict v = {.feed_id = feed_id, .len = len};
    (void)floor_of(graph, &v);
    if (wr_is_zero(WR_SLICE_OBJ(v.cut_root)) && wr_graph_index(graph, device_id, &member))
        v = judge(graph, member, feed_id, len, NULL);
    if (wr_is_zero(WR_SLICE_OBJ(v.cut_root)))
        return false;
    *ret_root = v.cut_root;
    return true;
}
