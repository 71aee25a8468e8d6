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

/* Where in each chain held ops begin. */
static void note_held(wr_graph *graph) {
    graph->held_count = 0;
    for (uint32_t i = 0; i < graph->column_count; i++)
        graph->chain[i].held = graph->chain[i].shunned = 0;
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        wr_chain *chain = &graph->chain[node->eval.column];
        if (!node->held)
            continue;
        graph->held_count++;
        if (chain->held == 0) /* a chain comes in its order */
            chain->held = node->eval.aseq + 1;
        if (chain->shunned == 0 && !node->covered)
            chain->shunned = node->eval.aseq + 1;
    }
}

/* note_held is due afterwards. */
static void hold(wr_graph *graph, wr_node *node, bool held) {
    node->held = held;
    wr_evaluator_hold(graph->evaluator, &node->eval, held);
}

void wr_graph_cover_held(wr_graph *graph, const wr_node *own) {
    bool any = false;
    if (!wr_graph_shuns(graph, own, false))
        return;
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        wr_node *node = graph->effect[i];
        bool below = node->held && !node->covered && wr_node_precedes(node, own);
        node->covered = node->covered || below;
        any = any || below;
    }
    if (any)
        note_held(graph);
}

static bool has_effect(const wr_graph *graph, const wr_node *node) {
    return wr_evaluator_label(graph->evaluator, &node->eval) == WR_LABEL_OP_IN;
}

static bool differs(const wr_eval_member *a, const wr_eval_member *b) {
    return a->current != b->current || (a->current && a->role != b->role);
}

static bool changes(const wr_graph *graph, const wr_eval_member *now) {
    for (uint32_t i = 0; i < graph->member_count; i++) {
        const wr_member *member = &graph->member[i];
        if (differs(&now[i], &(wr_eval_member){.current = member->current, .role = member->role}))
            return true;
    }
    return false;
}

/* Has it accused one of those whose ops are judged?  What is held accuses nobody. */
static bool has_accused_suspects(const wr_graph *graph, uint32_t accuser,
                                 const wr_member_set *suspects) {
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        if (!wr_eval_accuses(&node->eval) || node->eval.author != accuser || node->held)
            continue;
        for (uint32_t s = 0; s < node->eval.subject_count; s++)
            if (wr_member_set_has(suspects, node->eval.subject[s].member))
                return true;
    }
    return false;
}

/* Do the ops of suspects make anyone a member, change a role, or cost anyone but themselves and
 * their accusers the membership? */
static bool strikes_back(const wr_graph *graph, const wr_member_set *suspects,
                         const wr_eval_member *without, const wr_eval_member *with) {
    for (uint32_t i = 0; i < graph->member_count; i++) {
        bool lost = without[i].current && !with[i].current;
        if (!differs(&without[i], &with[i]))
            continue;
        if (!lost || !(wr_member_set_has(suspects, i) || has_accused_suspects(graph, i, suspects)))
            return true;
    }
    return false;
}

/* The late ops that have effect now, and newest if it changes anything; false: there are none. */
static bool find_suspects(wr_graph *graph, const wr_node *newest, const wr_eval_member *now,
                          wr_member_set *ret_authors) {
    bool any = false;
    *ret_authors = (wr_member_set){{0}};
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        wr_node *node = graph->effect[i];
        bool open = node->late && !node->held && !node->released;
        node->suspect =
            open && (has_effect(graph, node) || (node == newest && changes(graph, now)));
        if (node->suspect)
            wr_member_set_add(ret_authors, node->eval.author);
        any = any || node->suspect;
    }
    return any;
}

static void hold_suspects(wr_graph *graph, bool held) {
    for (uint32_t i = 0; i < graph->effect_count; i++)
        if (graph->effect[i]->suspect)
            hold(graph, graph->effect[i], held);
}

/* Members, with what strikes back held: newest, which may be NULL, or what was OUT until now.
 * spec:circle#4.6 "An op of a device that is barred MUST be held if it would make anyone a
 * member, change a role, or cost anyone but its accusers the membership."
 * spec:circle#4.6 "This MUST be asked again when another op changes what has effect: such ops are
 * held together if together they would." */
static void judge(wr_graph *graph, const wr_node *newest, wr_eval_member *ret_now) {
    wr_eval_member without[WR_AUTHORS_MAX];
    wr_member_set authors;
    wr_evaluator_members(graph->evaluator, graph->member_count, ret_now);
    if (graph->late_count == 0 || !find_suspects(graph, newest, ret_now, &authors))
        return;
    hold_suspects(graph, true);
    wr_evaluator_members(graph->evaluator, graph->member_count, without);
    if (!strikes_back(graph, &authors, without, ret_now)) {
        hold_suspects(graph, false);
        return;
    }
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        wr_node *node = graph->effect[i];
        if (node->suspect) /* it was open till now, so something that we signed may cover it */
            node->covered = node != newest;
    }
    memcpy(ret_now, without, graph->member_count * sizeof *without);
    note_held(graph);
}

/* What ROOT says may strike held ops out everywhere: those need not be held. */
static void release_harmless(wr_graph *graph) {
    wr_eval_member now[WR_AUTHORS_MAX];
    bool any = false;
    if (graph->held_count == 0)
        return;
    for (uint32_t i = 0; i < graph->effect_count; i++)
        graph->effect[i]->suspect = graph->effect[i]->held;
    hold_suspects(graph, false);
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        wr_node *node = graph->effect[i];
        node->active = node->suspect && has_effect(graph, node);
        any = any || (node->suspect && !node->active);
    }
    if (!any) { /* all is as before, and that was judged already */
        hold_suspects(graph, true);
        return;
    }
    for (uint32_t i = 0; i < graph->effect_count; i++)
        if (graph->effect[i]->active)
            hold(graph, graph->effect[i], true);
    wr_evaluator_members(graph->evaluator, graph->member_count, now);
    if (changes(graph, now))
        hold_suspects(graph, true);
    note_held(graph);
}

void wr_graph_take_effect(wr_graph *graph, wr_node *node) {
    uint32_t author = node->eval.author;
    wr_eval_member now[WR_AUTHORS_MAX];
    graph->effect[graph->effect_count++] = node;
    node->late = author != WR_EVAL_ROOT && graph->member[author].barred;
    graph->late_count += node->late;
    judge(graph, node, now);
    take_members(graph, now);
    if (author == WR_EVAL_ROOT)
        release_harmless(graph);
}

wr_err wr_graph_release(wr_graph *graph, const wr_hash *op_id) {
    wr_node *node = wr_graph_node(graph, op_id);
    wr_eval_member now[WR_AUTHORS_MAX];
    if (node == NULL || !node->held)
        return WR_ERR_UNKNOWN;
    node->released = true;
    hold(graph, node, false);
    note_held(graph);
    judge(graph, NULL, now);
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
        for (uint32_t m = 0; m < graph->member_count; m++)
            if (wr_node_brings(added, m) && wr_node_is_past(added, in))
                wr_member_set_add(&epoch->known, m);
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
