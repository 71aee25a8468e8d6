/* What follows from the ops: members, heads, who has acknowledged what.
 *
 * Spec:   proto/spec/circle.md 2.5, 3.4
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_node.h"

#include "wire/pack.h"

/* ---- the circle and its ops ---- */

uint64_t wr_graph_version(const wr_graph *graph) {
    return graph->version;
}

bool wr_graph_is_empty(const wr_graph *graph) {
    return graph->op_count == 0;
}

const wr_hash *wr_graph_circle_id(const wr_graph *graph) {
    WR_ASSERT(graph->op_count > 0);
    return &graph->circle_id;
}

const wr_root *wr_graph_root(const wr_graph *graph) {
    WR_ASSERT(graph->op_count > 0);
    return wr_graph_root_in(graph, NULL);
}

bool wr_graph_is_pq(const wr_graph *graph) {
    return !graph->by_code;
}

bool wr_graph_has_opaque(const wr_graph *graph) {
    return graph->opaque_count > 0;
}

uint32_t wr_graph_op_count(const wr_graph *graph) {
    return graph->op_count;
}

static wr_hash author_of(const wr_graph *graph, const wr_node *node) {
    return node->eval.author == WR_EVAL_ROOT ? (wr_hash){{0}}
                                             : graph->member[node->eval.author].device_id;
}

wr_op_ref wr_node_ref(const wr_graph *graph, const wr_node *node) {
    return (wr_op_ref){
        .id = node->eval.id,
        .author = author_of(graph, node),
        .aseq = node->eval.aseq,
        .column = node->eval.column,
        .hlc = node->hlc,
        .type = node->type,
        .held = node->held,
        .bytes = node->bytes,
        .sig = &node->sig,
    };
}

wr_op_ref wr_graph_op(const wr_graph *graph, uint32_t index) {
    WR_ASSERT(index < graph->op_count);
    return wr_node_ref(graph, graph->node[index]);
}

bool wr_graph_find_op(const wr_graph *graph, const wr_hash *op_id, wr_op_ref *ret_op) {
    const wr_node *node = wr_graph_node(graph, op_id);
    if (node == NULL)
        return false;
    *ret_op = wr_node_ref(graph, node);
    return true;
}

wr_op_label wr_graph_label(const wr_graph *graph, const wr_hash *op_id) {
    const wr_node *node = wr_graph_node(graph, op_id);
    WR_ASSERT(node != NULL);
    return wr_evaluator_label(graph->evaluator, &node->eval);
}

bool wr_graph_knows(const wr_graph *graph, const wr_hash *op_id) {
    return wr_graph_node(graph, op_id) != NULL;
}

/* ---- members ---- */

uint32_t wr_graph_member_count(const wr_graph *graph) {
    return graph->member_count;
}

uint32_t wr_graph_current_count(const wr_graph *graph) {
    return graph->current_count;
}

const wr_member *wr_graph_member(const wr_graph *graph, uint32_t index) {
    WR_ASSERT(index < graph->member_count);
    return &graph->member[index];
}

const wr_member *wr_graph_find(const wr_graph *graph, const wr_hash *device_id) {
    uint32_t index;
    return wr_graph_index(graph, device_id, &index) ? &graph->member[index] : NULL;
}

uint32_t wr_graph_noise_count(const wr_graph *graph, const wr_pub *noise_pk) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < graph->member_count; i++)
        count += wr_pub_equal(&graph->member[i].cert.noise, noise_pk);
    return count;
}

const wr_member *wr_graph_find_noise(const wr_graph *graph, const wr_pub *noise_pk) {
    /* spec:circle#1 "A device MUST NOT hold a session with a noise_pk that two members share." */
    if (wr_graph_noise_count(graph, noise_pk) != 1)
        return NULL;
    for (uint32_t i = 0; i < graph->member_count; i++) {
        if (wr_pub_equal(&graph->member[i].cert.noise, noise_pk))
            return &graph->member[i];
    }
    WR_UNREACHABLE();
}

wr_hash wr_graph_hash_members(const wr_graph *graph, const wr_eval_set *members) {
    const wr_hash *sorted[WR_AUTHORS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < graph->member_count; i++) {
        const wr_hash *id = &graph->member[i].device_id;
        if (!wr_eval_has(members, i))
            continue;
        uint32_t at = count++;
        for (; at > 0 && wr_hash_order(sorted[at - 1], id) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = id;
    }
    wr_hasher hasher;
    wr_hasher_init(&hasher, WR_LABEL_EPOCH_RCPT);
    for (uint32_t i = 0; i < count; i++)
        wr_hasher_add(&hasher, WR_SLICE_OBJ(*sorted[i]));
    return wr_hasher_end(&hasher);
}

wr_hash wr_graph_recipients(const wr_graph *graph, wr_hash without[WR_MEMBERS_MAX],
                            uint32_t *ret_without_count) {
    wr_eval_member past[WR_AUTHORS_MAX];
    uint16_t clock[WR_COLUMNS_MAX];
    wr_eval_set members = {{0}};
    uint32_t count = 0, own;
    bool has_chain = graph->has_own && wr_graph_own_column(graph, &graph->own, &own);
    uint32_t len = wr_graph_clock_of_next(graph, has_chain ? graph->chain[own].last : NULL, clock);
    wr_evaluator_past(graph->evaluator, clock, len, graph->member_count, past);
    /* A past knows no held ops: what we covered before has effect there. */
    for (uint32_t i = 0; i < graph->member_count; i++) {
        const wr_member *member = &graph->member[i];
        if (past[i].current && wr_member_is_in(member))
            wr_eval_put(&members, i);
        else if (past[i].current && count < WR_MEMBERS_MAX)
            without[count++] = member->device_id;
    }
    wr_hash_sort(without, count);
    *ret_without_count = count;
    return wr_graph_hash_members(graph, &members);
}

/* ---- heads ---- */

static int order_heads(const wr_op_head *a, const wr_op_head *b) {
    int order = wr_hash_order(&a->author, &b->author);
    return order != 0 ? order : wr_hash_order(&a->op_id, &b->op_id);
}

uint32_t wr_graph_chain_heads(const wr_graph *graph, wr_op_head heads[WR_COLUMNS_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < graph->column_count; i++) {
        const wr_node *last = graph->chain[i].last;
        if (last == NULL)
            continue;
        wr_op_head head = {author_of(graph, last), last->eval.aseq, last->eval.id, i};
        uint32_t at = count++;
        for (; at > 0 && order_heads(&heads[at - 1], &head) > 0; at--)
            heads[at] = heads[at - 1];
        heads[at] = head;
    }
    return count;
}

bool wr_graph_own_column(const wr_graph *graph, const wr_hash *device_id, uint32_t *ret_column) {
    uint32_t member;
    if (!wr_graph_index(graph, device_id, &member))
        return false;
    *ret_column = graph->column[member];
    return true;
}

uint32_t wr_graph_next_aseq(const wr_graph *graph, uint32_t column) {
    WR_ASSERT(column < graph->column_count);
    return graph->chain[column].op_count;
}

void wr_graph_hash_heads(const wr_graph *graph, wr_hasher *hasher) {
    /* spec:circle#2.5 "The digest of the op heads MUST cover the newest op of every chain in
     * ascending order of authors and ids." */
    wr_op_head heads[WR_COLUMNS_MAX];
    uint32_t count = wr_graph_chain_heads(graph, heads);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t aseq[8];
        wr_store_u64(aseq, heads[i].aseq);
        wr_hasher_add(hasher, WR_SLICE_OBJ(heads[i].author));
        wr_hasher_add(hasher, wr_slice_of(aseq, sizeof aseq));
        wr_hasher_add(hasher, WR_SLICE_OBJ(heads[i].op_id));
    }
}

wr_hash wr_graph_heads_digest(const wr_graph *graph) {
    wr_hasher hasher;
    wr_hasher_init(&hasher, WR_LABEL_OP_HEADS);
    wr_graph_hash_heads(graph, &hasher);
    return wr_hasher_end(&hasher);
}

bool wr_node_precedes(const wr_node *older, const wr_node *newer) {
    return wr_eval_covers(&newer->eval, older->eval.column, older->eval.aseq);
}

uint32_t wr_graph_heads(const wr_graph *graph, wr_hash heads[WR_OP_PARENTS_MAX]) {
    const wr_node *all[WR_COLUMNS_MAX];
    uint32_t count = wr_graph_collect_heads(graph, false, all);
    if (count > WR_OP_PARENTS_MAX)
        count = WR_OP_PARENTS_MAX;
    for (uint32_t i = 0; i < count; i++)
        heads[i] = all[i]->eval.id;
    return count;
}

bool wr_graph_covers(const wr_graph *graph, const wr_hash *newer, uint32_t newer_count,
                     const wr_hash *older, uint32_t older_count) {
    for (uint32_t i = 0; i < newer_count; i++) {
        if (wr_graph_node(graph, &newer[i]) == NULL)
            return false;
    }
    for (uint32_t i = 0; i < older_count; i++) {
        const wr_node *old = wr_graph_node(graph, &older[i]);
        if (old == NULL)
            return false;
        bool found = false;
        for (uint32_t j = 0; j < newer_count && !found; j++) {
            const wr_node *new = wr_graph_node(graph, &newer[j]);
            found = old == new || wr_node_precedes(old, new);
        }
        if (!found)
            return false;
    }
    return true;
}

wr_ack_state wr_graph_ack_state(const wr_graph *graph, const wr_hash *device_id) {
    uint32_t me;
    wr_ack_state state = WR_ACK_NONE;
    if (!wr_graph_index(graph, device_id, &me) || !graph->member[me].current)
        return WR_ACK_NONE;
    const wr_node *last = graph->chain[graph->column[me]].last;
    for (uint32_t i = 0; i < graph->column_count; i++) {
        const wr_chain *chain = &graph->chain[i];
        uint32_t seen = last != NULL ? wr_eval_clock(&last->eval, i) : 0;
        /* What is shunned is not covered by what we sign. */
        if (i == graph->column[me] || chain->last == NULL ||
            wr_graph_shuns(graph, chain->last, false))
            continue;
        /* spec:circle#3.4 "The first op of a member that covers a REMOVE or EQUIV of another author
         * MUST be an ACK." */
        if (chain->accusing > seen)
            return WR_ACK_FIRST;
        /* spec:circle#3.4 "A member MUST cover each ADD, REMOVE, LEAVE, ROLE, EQUIV, RESET and
         * ROOTSET of another author by an op of its own." */
        if (chain->notable > seen)
            state = WR_ACK_DUE;
    }
    return state;
}

bool wr_graph_has_covered(const wr_graph *graph, const wr_hash *device_id, const wr_hash *op_id) {
    const wr_node *node = wr_graph_node(graph, op_id);
    uint32_t column;
    if (node == NULL || !wr_graph_own_column(graph, device_id, &column))
        return false;
    const wr_node *last = graph->chain[column].last;
    return last != NULL && (last == node || wr_node_precedes(node, last));
}

bool wr_graph_is_known_to(const wr_graph *graph, const wr_hash *op_id, const wr_hash *device_id) {
    const wr_node *node = wr_graph_node(graph, op_id);
    const wr_member *member = wr_graph_find(graph, device_id);
    if (node == NULL || member == NULL)
        return false;
    const wr_node *added = wr_graph_node(graph, &member->added_id);
    return wr_graph_has_covered(graph, device_id, op_id) || added == node ||
           (added != NULL && wr_node_precedes(node, added));
}

bool wr_graph_op_at(const wr_graph *graph, const wr_hash *author, uint64_t aseq,
                    wr_op_ref *ret_op) {
    uint32_t column;
    if (!wr_graph_own_column(graph, author, &column))
        return false;
    for (const wr_node *at = graph->chain[column].last; at != NULL; at = at->before) {
        if (at->eval.aseq != aseq)
            continue;
        *ret_op = wr_node_ref(graph, at);
        return true;
    }
    return false;
}

static bool has_effect(const wr_graph *graph, const wr_node *node) {
    return wr_evaluator_label(graph->evaluator, &node->eval) == WR_LABEL_OP_IN;
}

bool wr_graph_is_convicted(const wr_graph *graph, const wr_hash *device_id) {
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        if (node->type == WR_OP_EQUIV &&
            wr_hash_equal(&graph->member[node->eval.subject[0].member].device_id, device_id) &&
            has_effect(graph, node))
            return true;
    }
    return false;
}

bool wr_graph_next_void_equiv(const wr_graph *graph, uint32_t *at, wr_hash *ret_accused,
                              wr_slice *ret_bytes) {
    for (; *at < graph->effect_count; ++*at) {
        const wr_node *node = graph->effect[*at];
        if (node->type != WR_OP_EQUIV || node->late || wr_graph_shuns(graph, node, false) ||
            has_effect(graph, node))
            continue;
        *ret_accused = graph->member[node->eval.subject[0].member].device_id;
        *ret_bytes = node->bytes;
        ++*at;
        return true;
    }
    return false;
}
