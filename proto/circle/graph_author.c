/* The next op of this device, or of the recovery key: on top of all heads, signed, checked as if it
 * came from a sibling.
 *
 * Spec:   proto/spec/circle.md 2, 3
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_reset.h"

#include "wire/pack.h"

/* ---- heads ---- */

bool wr_graph_shuns(const wr_graph *graph, const wr_node *node, bool root) {
    if (graph->held_count == 0)
        return false;
    for (uint32_t i = 0; i < graph->column_count; i++) {
        const wr_chain *chain = &graph->chain[i];
        uint32_t from = root ? chain->held : chain->shunned;
        uint32_t clock = node->eval.column == i ? node->eval.aseq + 1 : 0;
        if (from != 0 && (clock >= from || wr_eval_clock(&node->eval, i) >= from))
            return true;
    }
    return false;
}

static uint32_t put_by_id(const wr_node *heads[WR_COLUMNS_MAX], uint32_t count,
                          const wr_node *node) {
    uint32_t at = count;
    for (; at > 0 && wr_hash_order(&heads[at - 1]->eval.id, &node->eval.id) > 0; at--)
        heads[at] = heads[at - 1];
    heads[at] = node;
    return count + 1;
}

static bool is_below(const wr_node *node, const wr_node *const *others, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (others[i] != NULL && wr_node_precedes(node, others[i]))
            return true;
    return false;
}

/* One that is shunned may have ops of its author's own before it that are not. */
uint32_t wr_graph_collect_heads(const wr_graph *graph, bool root,
                                const wr_node *heads[WR_COLUMNS_MAX]) {
    const wr_node *newest[WR_COLUMNS_MAX];
    bool all = graph->held_count == 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < graph->column_count; i++) {
        newest[i] = graph->chain[i].last;
        while (newest[i] != NULL && wr_graph_shuns(graph, newest[i], root))
            newest[i] = newest[i]->before;
    }
    for (uint32_t i = 0; i < graph->column_count; i++) {
        const wr_node *node = newest[i];
        if (node != NULL && !(all ? node->has_child : is_below(node, newest, graph->column_count)))
            count = put_by_id(heads, count, node);
    }
    return count;
}

/* More heads than an op may name are joined in several ops.  The one that holds our own chain
 * must be among them; it takes the last place, which keeps the order. */
static uint32_t pick_parents(const wr_graph *graph, bool root, const wr_node *own_last,
                             const wr_node *parents[WR_COLUMNS_MAX]) {
    uint32_t count = wr_graph_collect_heads(graph, root, parents), mine = 0;
    if (count <= WR_OP_PARENTS_MAX)
        return count;
    while (own_last != NULL && mine < count && parents[mine] != own_last &&
           !wr_node_precedes(own_last, parents[mine]))
        mine++;
    /* Without a chain of the device whose graph this is the checks refuse the op. */
    if (mine >= WR_OP_PARENTS_MAX && mine < count)
        parents[WR_OP_PARENTS_MAX - 1] = parents[mine];
    return WR_OP_PARENTS_MAX;
}

static uint32_t put_parents(const wr_graph *graph, bool root, const wr_node *own_last,
                            wr_hash parents[WR_OP_PARENTS_MAX]) {
    const wr_node *picked[WR_COLUMNS_MAX];
    uint32_t count = pick_parents(graph, root, own_last, picked);
    for (uint32_t i = 0; i < count; i++)
        parents[i] = picked[i]->eval.id;
    return count;
}

uint32_t wr_graph_clock_of_next(const wr_graph *graph, const wr_node *own_last,
                                uint16_t clock[WR_COLUMNS_MAX]) {
    const wr_node *parents[WR_COLUMNS_MAX];
    uint32_t count = pick_parents(graph, false, own_last, parents);
    memset(clock, 0, WR_COLUMNS_MAX * sizeof clock[0]);
    for (uint32_t p = 0; p < count; p++) {
        const wr_eval_op *op = &parents[p]->eval;
        for (uint32_t i = 0; i < op->clock_len; i++)
            clock[i] = op->clock[i] > clock[i] ? op->clock[i] : clock[i];
        if (op->aseq + 1 > clock[op->column])
            clock[op->column] = (uint16_t)(op->aseq + 1);
    }
    return graph->column_count;
}

/* Could a newer version see this differently?  An accusation only takes away: whoever wants to stay
 * must not be able to prevent it by an op that nobody understands. */
static bool needs_all_understood(wr_op_type type, wr_slice body) {
    wr_remove remove;
    if (type == WR_OP_REMOVE && wr_remove_decode(body, &remove) == WR_OK)
        return remove.reason == WR_REASON_RETIRED;
    return wr_op_is_notable(type) && type != WR_OP_LEAVE && type != WR_OP_EQUIV;
}

/* spec:circle#3.7 "A device that holds an op which it does not understand MUST NOT sign an op that
 * changes the membership, but for accusations." */
static wr_err check_own(const wr_graph *graph, wr_op_type type, wr_slice body) {
    if (type == WR_OP_GENESIS)
        return graph->op_count == 0 ? WR_OK : WR_ERR_STATE;
    if (graph->op_count == 0)
        return WR_ERR_STATE;
    return wr_graph_has_opaque(graph) && needs_all_understood(type, body) ? WR_ERR_VERSION : WR_OK;
}

/* What this device would not admit it does not sign away either. */
static wr_err sign(const wr_graph *graph, wr_op *header, const wr_hash *parents,
                   const wr_sign_key *key, wr_buf *out, wr_sig *ret_sig) {
    wr_admission unused;
    wr_buf next = *out;
    wr_sig sig;
    WR_TRY(wr_op_encode(header, parents, &next));
    wr_slice bytes = wr_slice_of(out->ptr + out->len, next.len - out->len);
    wr_sign(key, WR_SIG_LABEL_OP, bytes, &sig);
    if (header->type == WR_OP_RESET)
        WR_TRY(wr_graph_judge_reset(graph, bytes, &sig));
    else
        WR_TRY(wr_graph_check(graph, bytes, &sig, false, &unused));
    *out = next;
    *ret_sig = sig;
    return WR_OK;
}

wr_err wr_graph_author(const wr_graph *graph, const wr_identity *me, wr_op_type type, wr_slice body,
                       uint64_t hlc, wr_buf *out, wr_sig *ret_sig) {
    wr_op header = {.author = me->device_id, .hlc = hlc, .type = type, .body = body};
    wr_hash parents[WR_OP_PARENTS_MAX];
    uint32_t index;
    WR_TRY(check_own(graph, type, body));
    if (type == WR_OP_GENESIS)
        return sign(graph, &header, NULL, &me->sign, out, ret_sig);
    if (!wr_graph_index(graph, &me->device_id, &index) || !graph->member[index].current)
        return WR_ERR_REFUSED;
    const wr_chain *chain = &graph->chain[graph->column[index]];
    header.circle_id = graph->circle_id;
    header.gen = graph->gen;
    header.aseq = chain->op_count;
    header.has_aprev = chain->last != NULL;
    if (header.has_aprev)
        header.aprev = chain->last->eval.id;
    header.parent_count = put_parents(graph, false, chain->last, parents);
    return sign(graph, &header, parents, &me->sign, out, ret_sig);
}

wr_err wr_graph_author_root(const wr_graph *graph, const wr_sign_key *root_sign, wr_op_type type,
                            wr_slice body, uint64_t hlc, wr_buf *out, wr_sig *ret_sig) {
    wr_op header = {.hlc = hlc, .type = type, .body = body};
    wr_hash parents[WR_OP_PARENTS_MAX];
    WR_ASSERT(type != WR_OP_GENESIS);
    /* ROOT decides for all versions. */
    if (graph->op_count == 0)
        return WR_ERR_STATE;
    header.circle_id = graph->circle_id;
    header.gen = graph->gen + (type == WR_OP_RESET ? 1 : 0);
    header.parent_count = put_parents(graph, true, NULL, parents);
    return sign(graph, &header, parents, root_sign, out, ret_sig);
}
