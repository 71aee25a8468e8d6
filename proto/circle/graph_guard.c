/* What an op with effect does here: members and roles by the evaluator, bars and held ops by the
 * guard, and which epochs may be written under.
 *
 * The evaluator is the same on all devices that hold the same ops.  The guard is this device's own:
 * it remembers in which order it learned things, and never lets the ones that were thrown out
 * strike back.  It is rebuilt at a start by admitting the stored ops in the order of their
 * admission.
 *
 * Spec:   proto/spec/circle.md 4.6, 5.3
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_node.h"

/* ---- members ---- */

/* spec:circle#4.2 "Two devices that hold the same ops MUST come to the same members, roles and
 * epochs." */
static void take_members(wr_graph *graph, const wr_eval_member *now) {
    graph->current_count = 0;
    for (uint32_t i = 0; i < graph->member_count; i++) {
        wr_member *member = &graph->member[i];
        member->current = now[i].current;
        member->role = now[i].role;
        /* spec:circle#4.6 "A device that an accusation made no member MUST NOT get a session or a
         * secret under that id again, whatever the evaluation says later." */
        member->barred = member->barred || (now[i].accused && !now[i].current);
        graph->current_count += member->current;
    }
}

/* An accusation before a farewell, and of several the earliest. */
static bool says_more(const wr_node *node, const wr_node *than) {
    bool accuses = wr_eval_accuses(&node->eval);
    if (accuses != wr_eval_accuses(&than->eval))
        return accuses;
    return wr_node_is_earlier(node, than);
}

wr_op_ref wr_graph_end_of(const wr_graph *graph, const wr_hash *device_id) {
    const wr_node *end = NULL;
    uint32_t member;
    if (!wr_graph_index(graph, device_id, &member))
        return (wr_op_ref){.type = WR_OP_GENESIS};
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        if (wr_eval_ends(&node->eval, member) &&
            wr_evaluator_label(graph->evaluator, &node->eval) == WR_LABEL_OP_IN &&
            (end == NULL || says_more(node, end)))
            end = node;
    }
    return end == NULL ? (wr_op_ref){.type = WR_OP_GENESIS} : wr_node_ref(graph, end);
}

/* ---- the guard ---- */

static bool has_accused(const wr_graph *graph, uint32_t accuser, uint32_t accused) {
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        if (wr_eval_accuses(&node->eval) && node->eval.author == accuser && !node->held &&
            wr_eval_ends(&node->eval, accused))
            return true;
    }
    return false;
}

/* Would the op of a device that is out here make anyone a member, itself included, change a role,
 * or cost anyone but its accusers the membership? */
static bool strikes_back(const wr_graph *graph, uint32_t author, const wr_eval_member *now) {
    for (uint32_t i = 0; i < graph->member_count; i++) {
        const wr_member *before = &graph->member[i];
        bool lost = before->current && !now[i].current;
        bool other = before->current && now[i].current && before->role != now[i].role;
        if ((now[i].current && !before->current) || other ||
            (lost && i != author && !has_accused(graph, i, author)))
            return true;
    }
    return false;
}

static void find_heads(wr_graph *graph) {
    for (uint32_t i = 0; i < graph->op_count; i++) {
        graph->node[i]->has_child = false;
        graph->node[i]->shunned = graph->node[i]->held;
    }
    for (uint32_t i = 0; i < graph->op_count; i++) {
        wr_node *node = graph->node[i];
        wr_op op;
        wr_err err = wr_op_decode(node->bytes, &op);
        WR_ASSERT(err == WR_OK);
        for (uint32_t p = 0; p < op.parent_count; p++) {
            wr_hash id = wr_op_parent(&op, p);
            node->shunned = node->shunned || wr_graph_node(graph, &id)->shunned;
        }
        for (uint32_t p = 0; p < op.parent_count && !node->shunned; p++) {
            wr_hash id = wr_op_parent(&op, p);
            wr_graph_node(graph, &id)->has_child = true;
        }
    }
}

/* The heads are to be found anew afterwards. */
static void hold(wr_graph *graph, wr_node *node, bool held) {
    node->held = held;
    wr_evaluator_hold(graph->evaluator, &node->eval, held);
}

static bool changes_members(const wr_graph *graph, const wr_eval_member *now) {
    for (uint32_t i = 0; i < graph->member_count; i++)
        if (graph->member[i].current != now[i].current)
            return true;
    return false;
}

/* What ROOT says may strike held ops out everywhere: then they need not be held. */
static void release_harmless(wr_graph *graph) {
    bool any = false;
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        wr_node *node = graph->effect[i];
        wr_eval_member now[WR_AUTHORS_MAX];
        if (!node->held)
            continue;
        hold(graph, node, false);
        wr_evaluator_members(graph->evaluator, graph->member_count, now);
        if (wr_evaluator_label(graph->evaluator, &node->eval) == WR_LABEL_OP_IN ||
            changes_members(graph, now))
            hold(graph, node, true);
        else
            any = true;
    }
    if (any)
        find_heads(graph);
}

void wr_graph_take_effect(wr_graph *graph, wr_node *node) {
    uint32_t author = node->eval.author;
    wr_eval_member now[WR_AUTHORS_MAX];
    graph->effect[graph->effect_count++] = node;
    wr_evaluator_members(graph->evaluator, graph->member_count, now);
    /* spec:circle#4.6 "An op of a device that is barred MUST be held if it would make anyone a
     * member, change a role, or cost anyone but its accusers the membership." */
    if (author != WR_EVAL_ROOT && graph->member[author].barred &&
        strikes_back(graph, author, now)) {
        hold(graph, node, true);
        find_heads(graph);
        wr_evaluator_members(graph->evaluator, graph->member_count, now);
    }
    take_members(graph, now);
    if (author == WR_EVAL_ROOT)
        release_harmless(graph);
}

wr_err wr_graph_release(wr_graph *graph, const wr_hash *op_id) {
    wr_node *node = wr_graph_node(graph, op_id);
    wr_eval_member now[WR_AUTHORS_MAX];
    if (node == NULL || !node->held)
        return WR_ERR_UNKNOWN;
    hold(graph, node, false);
    find_heads(graph);
    wr_evaluator_members(graph->evaluator, graph->member_count, now);
    take_members(graph, now);
    graph->version++;
    return WR_OK;
}

/* ---- epochs ---- */

/* Recipients follow from the past, and never change.
 * spec:circle#5.3 "A device MUST NOT write under an epoch whose rcpt_hash differs from the hash
 * over its recipients" */
void wr_graph_take_epoch(wr_graph *graph, const wr_admission *in, wr_node *node) {
    wr_eval_member past[WR_AUTHORS_MAX];
    wr_epoch_node *epoch = node->epoch;
    *epoch = (wr_epoch_node){.commit = in->epoch.commit};
    wr_evaluator_past(graph->evaluator, node->eval.clock, node->eval.clock_len, graph->member_count,
                      past);
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *added = graph->effect[i];
        if (wr_op_makes_member(added->type) && wr_node_is_past(added, in))
            wr_member_set_add(&epoch->known, added->eval.subject[0].member);
    }
    for (uint32_t i = 0; i < graph->member_count; i++) {
        bool left_out = wr_hash_is_among(&graph->member[i].device_id, in->epoch.without,
                                         in->epoch.without_count);
        if (past[i].current && !left_out)
            wr_member_set_add(&epoch->readers, i);
    }
    wr_hash recipients = wr_graph_hash_members(graph, &epoch->readers);
    epoch->whole = wr_hash_equal(&recipients, &in->epoch.rcpt_hash);
    graph->epoch[graph->epoch_count++] = node;
}

/* Who joined after the epoch was made got its secret from its sponsor, so a device that is out is
 * known not to have it only if the epoch's author knew it, and left it out.
 * spec:circle#5.3 "A device MUST NOT write under an epoch that a device which is no member, or
 * barred here, may hold" */
static bool is_for_members(const wr_graph *graph, const wr_epoch_node *epoch) {
    for (uint32_t i = 0; i < graph->member_count; i++) {
        bool in = wr_member_is_in(&graph->member[i]);
        bool may_hold =
            wr_member_set_has(&epoch->readers, i) || !wr_member_set_has(&epoch->known, i);
        if (!in && may_hold)
            return false;
    }
    return epoch->whole;
}

uint32_t wr_graph_epoch_count(const wr_graph *graph) {
    return graph->epoch_count;
}

const wr_hash *wr_graph_epoch_id(const wr_graph *graph, uint32_t index) {
    WR_ASSERT(index < graph->epoch_count);
    return &graph->epoch[index]->eval.id;
}

wr_epoch_ref wr_graph_epoch(const wr_graph *graph, uint32_t index) {
    WR_ASSERT(index < graph->epoch_count);
    const wr_node *node = graph->epoch[index];
    return (wr_epoch_ref){
        .epoch_id = node->eval.id,
        .commit = node->epoch->commit,
        .height = node->height,
        .made_ms = node->hlc >> 16,
        .in = wr_evaluator_label(graph->evaluator, &node->eval) == WR_LABEL_OP_IN,
        .for_members = is_for_members(graph, node->epoch),
    };
}

bool wr_graph_epoch_commit(const wr_graph *graph, const wr_hash *epoch_id, wr_hash *ret_commit) {
    const wr_node *node = wr_graph_node(graph, epoch_id);
    if (node == NULL || node->epoch == NULL)
        return false;
    *ret_commit = node->epoch->commit;
    return true;
}
