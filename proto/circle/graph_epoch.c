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

/* Accused there, and left out by name for the first time: else leaving out the one and the other by
 * turns would never end. */
static wr_eval_set newly_left_out(const wr_graph *graph, const epoch_place *at,
                                  const wr_node *previous) {
    wr_eval_set accused = {{0}}, left = {{0}};
    for (uint32_t i = 0; i < graph->effect_count && at->without_count != 0; i++) {
        const wr_node *node = graph->effect[i];
        for (uint32_t s = 0; wr_eval_accuses(&node->eval) && s < node->eval.subject_count; s++)
            if (is_before(node, at))
                wr_eval_put(&accused, node->eval.subject[s].member);
    }
    for (uint32_t i = 0; i < at->without_count; i++) {
        uint32_t member;
        if (wr_graph_index(graph, &at->without[i], &member) && wr_eval_has(&accused, member) &&
            (previous == NULL || !wr_eval_has(&previous->epoch->left, member)))
            wr_eval_put(&left, member);
    }
    return left;
}

/* Is a device out there that may hold the secret of the author's EPOCH before?  It was one of its
 * recipients, or its ADD was not known then. */
static bool follows_end(const wr_graph *graph, const epoch_place *at, const wr_node *previous) {
    wr_eval_member past[WR_AUTHORS_MAX];
    wr_eval_set left = newly_left_out(graph, at, previous);
    wr_evaluator_past(graph->evaluator, at->clock, at->clock_len, graph->member_count, past);
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *added = graph->effect[i];
        if (!wr_node_makes_members(added) || !is_before(added, at))
            continue;
        for (uint32_t m = 0; m < graph->member_count; m++) {
            bool out = !past[m].current || wr_eval_has(&left, m);
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
    *node->epoch = (wr_epoch_node){
        .left = node->newest_epoch == NULL ? (wr_eval_set){{0}} : node->newest_epoch->epoch->left};
    for (uint32_t i = 0; i < in->epoch.without_count; i++) {
        uint32_t member;
        if (wr_graph_index(graph, &in->epoch.without[i], &member))
            wr_eval_put(&node->epoch->without, member);
    }
    wr_eval_unite(&node->epoch->left, &node->epoch->without);
    node->newest_epoch = node;
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
    at.clock_len = wr_graph_clock_of_next(graph, own, clock);
    (void)wr_graph_recipients(graph, without, &at.without_count);
    *ret_follows_end = follows_end(graph, &at, own == NULL ? NULL : own->newest_epoch);
    return *ret_follows_end || own == NULL || own->epochs_made < WR_EPOCH_SHARE;
}

bool wr_graph_epoch_follows_end(const wr_graph *graph, const wr_hash *epoch_id) {
    const wr_node *node = wr_graph_node(graph, epoch_id);
    return node != NULL && node->follows_end;
}
