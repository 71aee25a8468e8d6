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
    graph->brought = (wr_eval_set){{0}};
    for (uint32_t i = 0; i < graph->member_count; i++) {
        wr_member *member = &graph->member[i];
        if (now[i].added)
            wr_eval_put(&graph->brought, i);
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

static uint32_t gravity(const wr_eval_op *op) {
    return op->type == WR_OP_EQUIV ? WR_REASON_LOST : op->type == WR_OP_REMOVE ? op->reason : 0;
}

wr_reason wr_graph_gravest(const wr_graph *graph, const wr_hash *device_id, bool final,
                           wr_op_ref *ret_op) {
    const wr_node *gravest = NULL;
    uint32_t member, most = 0;
    if (!wr_graph_index(graph, device_id, &member))
        return 0;
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        uint32_t says = gravity(&node->eval);
        bool stands = node->eval.author == WR_EVAL_ROOT || node->eval.type == WR_OP_EQUIV;
        if (says < most || says == 0 || (final && !stands) || !wr_eval_ends(&node->eval, member) ||
            wr_evaluator_label(graph->evaluator, &node->eval) != WR_LABEL_OP_IN ||
            (says == most && !wr_node_is_earlier(node, gravest)))
            continue;
        gravest = node;
        most = says;
    }
    if (gravest != NULL)
        *ret_op = wr_node_ref(graph, gravest);
    return (wr_reason)most;
}

/* ---- the guard ---- */

/* Whose ADDs are held, or stand on what is: no op of ours can have them in its past. */
static void note_unseen(wr_graph *graph) {
    wr_eval_set seen = {{0}};
    graph->unseen = (wr_eval_set){{0}};
    if (graph->held_count == 0)
        return;
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        if (!wr_node_makes_members(node) || wr_graph_shuns(graph, node, false))
            continue;
        for (uint32_t s = 0; s < node->eval.subject_count; s++)
            wr_eval_put(&seen, node->eval.subject[s].member);
    }
    for (uint32_t w = 0; w < WR_COUNT(seen.word); w++)
        graph->unseen.word[w] = ~seen.word[w];
}

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
    note_unseen(graph);
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
                                 const wr_eval_set *suspects) {
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        if (!wr_eval_accuses(&node->eval) || node->eval.author != accuser || node->held)
            continue;
        for (uint32_t s = 0; s < node->eval.subject_count; s++)
            if (wr_eval_has(suspects, node->eval.subject[s].member))
                return true;
    }
    return false;
}

/* Do the ops of suspects make anyone a member, change a role, or cost anyone but themselves and
 * their accusers the membership? */
static bool strikes_back(const wr_graph *graph, const wr_eval_set *suspects,
                         const wr_eval_member *without, const wr_eval_member *with) {
    for (uint32_t i = 0; i < graph->member_count; i++) {
        bool lost = without[i].current && !with[i].current;
        if (!differs(&without[i], &with[i]))
            continue;
        if (!lost || !(wr_eval_has(suspects, i) || has_accused_suspects(graph, i, suspects)))
            return true;
    }
    return false;
}

/* Late and stray ops; active: those that have effect now, and newest, which has changed something.
 * False: none is active. */
static bool find_suspects(wr_graph *graph, const wr_node *newest) {
    bool any = false;
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        wr_node *node = graph->effect[i];
        node->suspect = (node->late || node->stray) && !node->held && !node->released;
        node->active = node->suspect && (node == newest || has_effect(graph, node));
        any = any || node->active;
    }
    return any;
}

static void hold_suspects(wr_graph *graph, bool held) {
    for (uint32_t i = 0; i < graph->effect_count; i++)
        if (graph->effect[i]->suspect)
            hold(graph, graph->effect[i], held);
}

/* Whom something brings, with the suspects and without them, was a member all along; true if there
 * is any such. */
static bool acquit(wr_graph *graph, const wr_eval_member *without, const wr_eval_member *with) {
    bool any = false;
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        wr_node *node = graph->effect[i];
        if (!node->suspect || !node->stray || !without[node->eval.author].added ||
            !with[node->eval.author].added)
            continue;
        node->suspect = node->active = node->stray = false;
        graph->late_count--;
        hold(graph, node, false);
        any = true;
    }
    return any;
}

static wr_eval_set authors_of_active(const wr_graph *graph) {
    wr_eval_set authors = {{0}};
    for (uint32_t i = 0; i < graph->effect_count; i++)
        if (graph->effect[i]->active)
            wr_eval_put(&authors, graph->effect[i]->eval.author);
    return authors;
}

/* Does something that we signed stand on it?  Who does not know who it is takes it for covered. */
static bool is_covered(const wr_graph *graph, const wr_node *node) {
    uint32_t me;
    if (!graph->has_own || !wr_graph_index(graph, &graph->own, &me))
        return true;
    for (uint32_t i = 0; i < graph->column_count; i++) {
        const wr_chain *chain = &graph->chain[i];
        if (chain->author == me && chain->last != NULL && wr_node_precedes(node, chain->last))
            return true;
    }
    return false;
}

/* Holds what is active, and what has effect then. */
static void hold_active(wr_graph *graph, const wr_node *newest) {
    hold_suspects(graph, false);
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < graph->effect_count; i++) {
            wr_node *node = graph->effect[i];
            if (!node->active || node->held)
                continue;
            hold(graph, node, true);
            node->covered = node != newest && is_covered(graph, node);
        }
        for (uint32_t i = 0; i < graph->effect_count; i++) {
            wr_node *node = graph->effect[i];
            if (node->suspect && !node->active && has_effect(graph, node))
                node->active = more = true;
        }
    }
}

/* Members, with what strikes back held: newest, which may be NULL, or what was OUT until now.  All
 * that is late is left out to see what they would be: what one of them does may be to keep another
 * one OUT.
 * spec:circle#4.6 "An op of a device that is barred, or that no op with effect brings, MUST be held
 * if it would make anyone a member, change a role, or cost anyone but its accusers the membership."
 * spec:circle#4.6 "This MUST be asked again when another op changes a member or a role: such ops
 * are held together if together they would." */
static void judge(wr_graph *graph, const wr_node *newest, wr_eval_member *ret_now) {
    wr_eval_member without[WR_AUTHORS_MAX];
    wr_evaluator_members(graph->evaluator, graph->member_count, ret_now);
    if (graph->late_count == 0 || !changes(graph, ret_now) || !find_suspects(graph, newest))
        return;
    hold_suspects(graph, true);
    do
        wr_evaluator_members(graph->evaluator, graph->member_count, without);
    while (acquit(graph, without, ret_now));
    wr_eval_set authors = authors_of_active(graph);
    if (!strikes_back(graph, &authors, without, ret_now)) {
        hold_suspects(graph, false);
        return;
    }
    hold_active(graph, newest);
    wr_evaluator_members(graph->evaluator, graph->member_count, ret_now);
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

/* Nobody accused a device that fell with its sponsor.  An EQUIV stands by its evidence. */
static bool is_stray(const wr_graph *graph, const wr_node *node) {
    uint32_t author = node->eval.author;
    return author != WR_EVAL_ROOT && !node->late && !wr_eval_has(&graph->brought, author) &&
           node->type != WR_OP_EQUIV && node->type != WR_OP_GENESIS;
}

void wr_graph_take_effect(wr_graph *graph, wr_node *node) {
    uint32_t author = node->eval.author;
    wr_eval_member now[WR_AUTHORS_MAX];
    graph->effect[graph->effect_count++] = node;
    node->late = author != WR_EVAL_ROOT && graph->member[author].barred;
    node->stray = is_stray(graph, node);
    graph->late_count += node->late || node->stray;
    judge(graph, node, now);
    take_members(graph, now);
    if (author == WR_EVAL_ROOT)
        release_harmless(graph);
    if (wr_op_makes_member(node->type))
        note_unseen(graph);
}

/* spec:circle#4.3 "The branch with more votes than every other one MUST be kept and the others are
 * void" */
void wr_graph_take_vote(wr_graph *graph) {
    wr_eval_member now[WR_AUTHORS_MAX];
    judge(graph, NULL, now);
    take_members(graph, now);
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
    epoch->commit = in->epoch.commit;
    wr_evaluator_past(graph->evaluator, node->eval.clock, node->eval.clock_len, graph->member_count,
                      past);
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *added = graph->effect[i];
        bool known = wr_node_makes_members(added) && wr_node_is_past(added, in);
        for (uint32_t s = 0; known && s < added->eval.subject_count; s++)
            wr_eval_put(&epoch->known, added->eval.subject[s].member);
    }
    for (uint32_t i = 0; i < graph->member_count; i++) {
        if (past[i].current && !wr_eval_has(&epoch->without, i))
            wr_eval_put(&epoch->readers, i);
    }
    wr_hash recipients = wr_graph_hash_members(graph, &epoch->readers);
    epoch->whole = wr_hash_equal(&recipients, &in->epoch.rcpt_hash);
    graph->epoch[graph->epoch_count++] = node;
}

/* Who joined after the epoch was made got its secret from its sponsor, so a device that is out is
 * known not to have it only if the epoch's author knew it, and left it out.  One that was never a
 * member here, and that no epoch made here could know, does not count: there would be none.
 * spec:circle#5.3 "A device MUST NOT write under an epoch that a device which is no member, or
 * barred here, may hold"
 * spec:circle#5.3 "A device MUST NOT write under an epoch that leaves out by name a member that is
 * in here." */
static bool is_for_members(const wr_graph *graph, const wr_epoch_node *epoch) {
    for (uint32_t i = 0; i < graph->member_count; i++) {
        bool in = wr_member_is_in(&graph->member[i]);
        bool unknown = !wr_eval_has(&epoch->known, i) && !wr_eval_has(&graph->unseen, i);
        bool may_hold = wr_eval_has(&epoch->readers, i) || unknown;
        if (in ? wr_eval_has(&epoch->without, i) : may_hold)
            return false;
    }
    return epoch->whole;
}

bool wr_graph_leaves_out(const wr_graph *graph, const wr_hash *epoch_id, const wr_hash *device_id) {
    const wr_node *node = wr_graph_node(graph, epoch_id);
    uint32_t member;
    return node != NULL && node->epoch != NULL && wr_graph_index(graph, device_id, &member) &&
           wr_eval_has(&node->epoch->without, member);
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
