/* How many epochs a device may make: a share that nobody else can use up, and one more whenever a
 * device that is out may hold the secret of the one before.
 *
 * All of it follows from an op and its past, so that no two devices answer differently.
 *
 * Spec:   proto/spec/circle.md 3.5
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_node.h"

typedef struct epoch_place { /* where an EPOCH stands, and whom it leaves out by name */
    const uint16_t *clock;
    uint32_t clock_len;
    const wr_hash *without;
    uint32_t without_count;
} epoch_place;

static bool is_before(const wr_node *node, const epoch_place *at) {
    return node->eval.column < at->clock_len && at->clock[node->eval.column] > node->eval.aseq;
}

/* Is a device out there that may hold the secret of the author's EPOCH before?  It was one of its
 * recipients, or its ADD was not known then. */
static bool follows_end(const wr_graph *graph, const epoch_place *at, const wr_node *previous) {
    wr_eval_member past[WR_AUTHORS_MAX];
    wr_evaluator_past(graph->evaluator, at->clock, at->clock_len, graph->member_count, past);
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *added = graph->effect[i];
        if (!wr_node_makes_members(added) || !is_before(added, at))
            continue;
        for (uint32_t m = 0; m < graph->member_count; m++) {
            bool out = !past[m].current || wr_hash_is_among(&graph->member[m].device_id,
                                                            at->without, at->without_count);
            if (out && wr_node_brings(added, m) &&
                (previous == NULL || wr_eval_has(&previous->epoch->readers, m) ||
                 !wr_eval_has(&previous->epoch->known, m)))
                return true;
        }
    }
    return false;
}

static const wr_node *own_before(const wr_graph *graph, const wr_admission *in) {
    return in->op.has_aprev ? wr_graph_node(graph, &in->op.aprev) : NULL;
}

static epoch_place place_of(const wr_admission *in) {
    return (epoch_place){in->clock, in->clock_len, in->epoch.without, in->epoch.without_count};
}

bool wr_graph_epoch_is_allowed(const wr_graph *graph, const wr_admission *in) {
    const wr_node *own = own_before(graph, in);
    epoch_place at = place_of(in);
    return own == NULL || own->epochs_made < WR_EPOCH_SHARE ||
           follows_end(graph, &at, own->newest_epoch);
}

void wr_graph_count_epochs(const wr_graph *graph, const wr_admission *in, wr_node *node) {
    const wr_node *own = own_before(graph, in);
    if (own != NULL) {
        node->epochs_made = own->epochs_made;
        node->newest_epoch = own->newest_epoch;
    }
    if (node->type != WR_OP_EPOCH)
        return;
    epoch_place at = place_of(in);
    node->follows_end = follows_end(graph, &at, node->newest_epoch);
    node->epochs_made += !node->follows_end;
    node->newest_epoch = node;
}

/* The clock of an op on top of all heads. */
static uint32_t clock_of_next(const wr_graph *graph, uint16_t clock[WR_COLUMNS_MAX]) {
    const wr_node *heads[WR_COLUMNS_MAX];
    uint32_t count = wr_graph_collect_heads(graph, false, heads);
    memset(clock, 0, WR_COLUMNS_MAX * sizeof clock[0]);
    for (uint32_t h = 0; h < count; h++) {
        const wr_eval_op *op = &heads[h]->eval;
        for (uint32_t i = 0; i < op->clock_len; i++)
            clock[i] = op->clock[i] > clock[i] ? op->clock[i] : clock[i];
        if (op->aseq + 1 > clock[op->column])
            clock[op->column] = (uint16_t)(op->aseq + 1);
    }
    return graph->column_count;
}

bool wr_graph_may_make_epoch(const wr_graph *graph, const wr_hash *device_id,
                             bool *ret_follows_end) {
    uint16_t clock[WR_COLUMNS_MAX];
    wr_hash without[WR_MEMBERS_MAX];
    uint32_t column;
    epoch_place at = {.clock = clock, .without = without};
    if (!wr_graph_own_column(graph, device_id, &column))
        return false;
    const wr_node *own = graph->chain[column].last;
    at.clock_len = clock_of_next(graph, clock);
    (void)wr_graph_recipients(graph, without, &at.without_count);
    *ret_follows_end = follows_end(graph, &at, own == NULL ? NULL : own->newest_epoch);
    return *ret_follows_end || own == NULL || own->epochs_made < WR_EPOCH_SHARE;
}

bool wr_graph_epoch_follows_end(const wr_graph *graph, const wr_hash *epoch_id) {
    const wr_node *node = wr_graph_node(graph, epoch_id);
    return node != NULL && node->follows_end;
}
