/* The first op of a later generation: judged by the graph that its parents are of, and what it says
 * to the one that it begins.
 *
 * Spec:   proto/spec/circle.md 2.6, 3.12
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_reset.h"

#include "circle/generations.h"

/* ---- judging ---- */

/* Everything depends on the op and its past alone, as with any other op. */
static wr_err check_reset(const wr_graph *older, wr_slice op_bytes, const wr_sig *sig,
                          wr_admission *ret_admission) {
    wr_admission *in = ret_admission;
    *in = (wr_admission){.sig = *sig, .leaves = WR_EVAL_NONE};
    WR_TRY(wr_op_decode(op_bytes, &in->op));
    WR_ASSERT(in->op.type == WR_OP_RESET);
    WR_TRY(wr_graph_check_place(older, older->gen + 1, in));
    /* spec:circle#3.12 "A RESET of any author but ROOT MUST be refused." */
    if (!wr_is_zero(WR_SLICE_OBJ(in->op.author)))
        return WR_ERR_REFUSED;
    in->author = WR_EVAL_ROOT;
    WR_TRY(wr_reset_decode(in->op.body, &in->reset));
    in->root = in->reset.root;
    /* spec:circle#2.2 "An op of ROOT MUST verify under the recovery key that holds in its past." */
    return wr_verify(&wr_graph_root_in(older, in)->sign, WR_SIG_LABEL_OP, in->op.bytes, &in->sig);
}

wr_err wr_graph_judge_reset(const wr_graph *older, wr_slice op_bytes, const wr_sig *sig) {
    wr_admission in;
    return check_reset(older, op_bytes, sig, &in);
}

/* ---- founding ---- */

/* In the new graph it is the first op of all: what it stands on is of another one. */
static void make_first(wr_admission *in) {
    wr_op_list keep = in->reset.keep;
    wr_kept kept;
    in->op.parent_count = 0;
    in->clock_len = 0;
    memset(in->clock, 0, sizeof in->clock);
    while (wr_kept_next(&keep, &kept)) {
        in->subject[in->subject_count] = (wr_eval_subject){in->subject_count, kept.role};
        in->subject_count++;
    }
}

wr_err wr_graph_found(const wr_graph *older, wr_slice op_bytes, const wr_sig *sig,
                      wr_graph **ret_graph) {
    wr_admission in;
    WR_AUTO(wr_graph) graph = NULL;
    WR_TRY(check_reset(older, op_bytes, sig, &in));
    WR_TRY(wr_graph_new(&graph));
    graph->evidence = older->evidence;
    graph->has_own = older->has_own;
    graph->own = older->own;
    graph->circle_id = older->circle_id;
    graph->by_code = older->by_code;
    graph->root = in.root;
    graph->gen = older->gen + 1;
    graph->older = older;
    graph->older_len = in.clock_len;
    memcpy(graph->older_clock, in.clock, sizeof in.clock);
    make_first(&in);
    WR_TRY(wr_graph_take(graph, &in));
    *ret_graph = wr_steal(&graph);
    return WR_OK;
}

/* ---- what it says ---- */

bool wr_graph_reset(const wr_graph *graph, wr_reset *ret_reset) {
    wr_op op;
    if (graph->older == NULL)
        return false;
    wr_err err = wr_op_decode(graph->node[0]->bytes, &op);
    if (err == WR_OK)
        err = wr_reset_decode(op.body, ret_reset);
    WR_ASSERT(err == WR_OK); /* it was admitted with this body */
    return true;
}

const wr_hash *wr_graph_founder(const wr_graph *graph) {
    WR_ASSERT(graph->op_count > 0);
    return &graph->node[0]->eval.id;
}

bool wr_graph_seed_commit(const wr_graph *graph, wr_hash *ret_commit) {
    wr_reset reset;
    if (!wr_graph_reset(graph, &reset))
        return false;
    *ret_commit = reset.seed_commit;
    return true;
}

bool wr_graph_knew(const wr_graph *graph, const wr_node *older) {
    const wr_eval_op past = {.clock = graph->older_clock, .clock_len = graph->older_len};
    return wr_eval_covers(&past, older->eval.column, older->eval.aseq);
}

static bool is_gone(const wr_graph *graph, const wr_hash *device_id, const wr_cert *cert) {
    wr_reset reset;
    wr_gone gone;
    if (!wr_graph_reset(graph, &reset))
        return false;
    while (wr_gone_next(&reset.gone, &gone))
        if (wr_hash_equal(&gone.device_id, device_id) ||
            wr_cert_shares_key(cert, &gone.sign, &gone.noise, &gone.box))
            return true;
    return false;
}

static bool was_brought(const wr_graph *graph, uint32_t member) {
    const wr_graph *older = graph->older;
    for (uint32_t i = 0; i < older->effect_count; i++)
        if (wr_node_brings(older->effect[i], member) && wr_graph_knew(graph, older->effect[i]))
            return true;
    return false;
}

bool wr_graph_was_used(const wr_graph *graph, const wr_hash *device_id, const wr_cert *cert) {
    for (const wr_graph *at = graph; at->older != NULL; at = at->older) {
        if (is_gone(at, device_id, cert))
            return true;
        for (uint32_t m = 0; m < at->older->member_count; m++) {
            const wr_member *earlier = &at->older->member[m];
            const wr_cert *used = &earlier->cert;
            if ((wr_hash_equal(&earlier->device_id, device_id) ||
                 wr_cert_shares_key(cert, &used->sign, &used->noise, &used->box)) &&
                was_brought(at, m))
                return true;
        }
    }
    return false;
}

/* The commitment that a RESET gives for an epoch. */
bool wr_graph_reset_commit(const wr_graph *graph, const wr_hash *epoch_id, wr_hash *ret_commit) {
    wr_reset reset;
    wr_reset_epoch epoch;
    if (!wr_graph_reset(graph, &reset))
        return false;
    while (wr_reset_epoch_next(&reset.epochs, &epoch)) {
        if (!wr_hash_equal(&epoch.epoch_id, epoch_id))
            continue;
        *ret_commit = epoch.commit;
        return true;
    }
    return false;
}

bool wr_graph_is_older_epoch(const wr_graph *graph, const wr_hash *epoch_id) {
    wr_hash commit;
    for (const wr_graph *at = graph; at->older != NULL; at = at->older) {
        const wr_node *node = wr_graph_node(at->older, epoch_id);
        if (wr_graph_reset_commit(at, epoch_id, &commit) ||
            (node != NULL && node->epoch != NULL && wr_graph_knew(at, node)))
            return true;
    }
    return false;
}
