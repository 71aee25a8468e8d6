/* May this op come in?  All checks of admission; nothing here changes the graph.
 *
 *   parents known -> strict decode -> signature -> chain -> past-authorised -> rules of its type
 *
 * Every answer but UNKNOWN, FORK and the limits of memory depends on the op and its past alone, so
 * all devices that hold the same past answer alike.
 *
 * Spec:   proto/spec/circle.md 2.3
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_node.h"

#include "wire/pack.h"

bool wr_op_is_notable(uint64_t type) {
    return type == WR_OP_ADD || type == WR_OP_REMOVE || type == WR_OP_LEAVE || type == WR_OP_ROLE ||
           type == WR_OP_EQUIV || type == WR_OP_RESET || type == WR_OP_ROOTSET;
}

/* ---- where the op stands ---- */

static void cover(wr_admission *in, const wr_node *parent) {
    const wr_eval_op *op = &parent->eval;
    uint32_t len = op->column + 1 > op->clock_len ? op->column + 1 : op->clock_len;
    if (len > in->clock_len)
        in->clock_len = len; /* columns behind the old length are zero */
    for (uint32_t i = 0; i < op->clock_len; i++) {
        if (op->clock[i] > in->clock[i])
            in->clock[i] = op->clock[i];
    }
    if (op->aseq + 1 > in->clock[op->column])
        in->clock[op->column] = (uint16_t)(op->aseq + 1);
    if (parent->height + 1 > in->height)
        in->height = parent->height + 1;
}

wr_err wr_graph_check_place(const wr_graph *graph, uint64_t gen, wr_admission *in) {
    if (graph->op_count == 0)
        return WR_ERR_UNKNOWN;
    /* spec:circle#2.3 "An op of another circle MUST be refused." */
    if (!wr_hash_equal(&in->op.circle_id, &graph->circle_id))
        return WR_ERR_REFUSED;
    for (uint32_t i = 0; i < in->op.parent_count; i++) {
        wr_hash id = wr_op_parent(&in->op, i);
        const wr_node *parent = wr_graph_node(graph, &id);
        /* spec:circle#2.3 "An op MUST NOT be admitted before all its parents and its aprev." */
        if (parent == NULL)
            return WR_ERR_UNKNOWN;
        in->parent[i] = parent;
        cover(in, parent);
    }
    if (in->op.has_aprev && wr_graph_node(graph, &in->op.aprev) == NULL)
        return WR_ERR_UNKNOWN;
    /* spec:circle#2.6 "The parents of an op MUST be ops of its own generation, and those of a RESET
     * of the one before." */
    return in->op.gen == gen ? WR_OK : WR_ERR_REFUSED;
}

/* ---- author ---- */

/* The op continues the chain whose newest op is its aprev.  Where that has another follower, it is
 * the second of two ops with one number. spec:circle#2.4 "Of two ops with one generation, author
 * and aseq a device MUST NOT admit the second, unless an op of another author stands on it." */
static wr_err check_chain(const wr_graph *graph, wr_admission *in) {
    const wr_chain *chain = &graph->chain[in->column];
    in->chain_bytes = (uint32_t)in->op.bytes.len;
    if (in->op.has_aprev) {
        const wr_node *prev = wr_graph_node(graph, &in->op.aprev);
        /* spec:circle#2.3 "aprev MUST be the author's op with the previous aseq, and in the op's
         * past." */
        if (prev->eval.author != in->author || prev->eval.aseq + 1 != in->op.aseq ||
            !wr_node_is_past(prev, in))
            return WR_ERR_REFUSED;
        in->column = prev->eval.column;
        in->chain_bytes += prev->chain_bytes;
        chain = &graph->chain[in->column];
        if (chain->last == prev)
            return WR_OK;
    } else if (chain->op_count == 0) {
        return WR_OK;
    }
    if (!in->branches)
        return WR_ERR_FORK;
    in->leaves = in->column;
    in->column = graph->column_count;
    return graph->column_count < WR_COLUMNS_MAX - WR_COLUMNS_FOR_ROOT ? WR_OK : WR_ERR_LIMIT;
}

/* spec:circle#2.3 "An op that is not among the first 4096 of its chain, or with which the ops of
 * its chain are longer than 2 MiB together, MUST be refused." */
static wr_err check_length(const wr_admission *in) {
    bool fits = in->op.aseq < WR_CHAIN_OPS_MAX && in->chain_bytes <= WR_CHAIN_BYTES_MAX;
    return fits ? WR_OK : WR_ERR_LIMIT;
}

/* ROOT signs rarely, and each of its ops has a column of its own. */
static wr_err check_root(const wr_graph *graph, wr_admission *in) {
    in->author = WR_EVAL_ROOT;
    in->column = graph->column_count;
    /* spec:circle#2.2 "An op of ROOT MUST verify under the recovery key that holds in its past." */
    WR_TRY(wr_verify(&wr_graph_root_in(graph, in)->sign, WR_SIG_LABEL_OP, in->op.bytes, &in->sig));
    return graph->column_count < WR_COLUMNS_MAX ? WR_OK : WR_ERR_LIMIT;
}

static wr_err check_author(const wr_graph *graph, wr_admission *in) {
    if (wr_is_zero(WR_SLICE_OBJ(in->op.author)))
        return check_root(graph, in);
    if (!wr_graph_index(graph, &in->op.author, &in->author))
        return WR_ERR_REFUSED; /* its ADD would be in the past, which is here */
    in->column = graph->column[in->author];
    /* spec:circle#2.2 "An op whose signature does not verify under the author's signing key MUST be
     * refused." */
    WR_TRY(
        wr_verify(&graph->member[in->author].cert.sign, WR_SIG_LABEL_OP, in->op.bytes, &in->sig));
    WR_TRY(check_chain(graph, in));
    return check_length(in);
}

static wr_err check_may(const wr_graph *graph, const wr_admission *in) {
    wr_eval_op op = {
        .type = in->opaque ? WR_OP_ACK : (wr_op_type)in->op.type,
        .author = in->author,
        .column = in->column,
        .aseq = (uint32_t)in->op.aseq,
        .clock = in->clock,
        .clock_len = in->clock_len,
        .id = in->op.id,
    };
    /* spec:circle#4.1 "The author of an op MUST be a member in eval(past(op)) with the role that
     * the type demands." */
    return wr_evaluator_may(graph->evaluator, &op, graph->member_count, NULL) ? WR_OK
                                                                              : WR_ERR_REFUSED;
}

/* ---- GENESIS ---- */

static wr_err check_genesis(const wr_graph *graph, wr_admission *in) {
    wr_genesis genesis;
    if (graph->op_count > 0)
        return WR_ERR_REFUSED;
    WR_TRY(wr_genesis_decode(in->op.body, &genesis));
    WR_TRY(wr_cert_decode(genesis.cert_bytes, &in->cert));
    in->device_id = wr_device_id(genesis.cert_bytes);
    in->role = WR_ROLE_ADMIN;
    in->mode = WR_PAIR_QR; /* no code was ever typed for it */
    in->root = genesis.root;
    /* spec:circle#3.1 "The author of GENESIS MUST be the device of its certificate." */
    if (!wr_hash_equal(&in->op.author, &in->device_id))
        return WR_ERR_REFUSED;
    return wr_verify(&in->cert.sign, WR_SIG_LABEL_OP, in->op.bytes, &in->sig);
}

/* ---- all of it ---- */

/* A device that wants to stay must not be able to take the room for what throws it out.
 * spec:circle#2.3 "The last 2048 ops MUST be kept for REMOVE, EQUIV, ACK and EPOCH ops and those of
 * ROOT, the last 256 of them for ROOT." */
static bool has_room(const wr_graph *graph, const wr_op *op) {
    uint32_t free_ops = WR_OPS_MAX - graph->op_count;
    size_t free_bytes = wr_arena_room(&graph->arena);
    if (wr_is_zero(WR_SLICE_OBJ(op->author)))
        return free_ops > 0;
    if (op->type == WR_OP_REMOVE || op->type == WR_OP_EQUIV || op->type == WR_OP_ACK ||
        op->type == WR_OP_EPOCH)
        return free_ops > WR_OPS_FOR_ROOT && free_bytes > WR_GRAPH_BYTES_FOR_ROOT;
    return free_ops > WR_OPS_FOR_REMOVAL && free_bytes > WR_GRAPH_BYTES_FOR_REMOVAL;
}

static wr_err check_later(const wr_graph *graph, wr_admission *in) {
    WR_TRY(wr_graph_check_place(graph, graph->gen, in));
    WR_TRY(wr_graph_read_body(graph, in));
    WR_TRY(check_author(graph, in));
    WR_TRY(check_may(graph, in));
    return wr_graph_check_body(graph, in);
}

wr_err wr_graph_check(const wr_graph *graph, wr_slice op_bytes, const wr_sig *sig, bool branches,
                      wr_admission *ret_admission) {
    wr_admission *in = ret_admission;
    *in = (wr_admission){.sig = *sig, .leaves = WR_EVAL_NONE, .branches = branches};
    WR_TRY(wr_op_decode(op_bytes, &in->op));
    if (wr_graph_node(graph, &in->op.id) != NULL)
        return WR_ERR_EXISTS;
    if (!has_room(graph, &in->op))
        return WR_ERR_LIMIT;
    return in->op.type == WR_OP_GENESIS ? check_genesis(graph, in) : check_later(graph, in);
}
