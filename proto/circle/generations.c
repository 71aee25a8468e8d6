/* All generations of a circle: where an op belongs, and which graph counts.
 *
 * Spec:   proto/spec/circle.md 2.6
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/generations.h"

#include "circle/graph_reset.h"
#include "wire/pack.h"

#include <stdlib.h>

struct wr_generations {
    wr_graph *graph[WR_GENERATIONS_MAX]; /* in order of founding */
    uint32_t count, current;
    wr_hash device[WR_AUTHORS_MAX]; /* that ever were members, in any of them */
    uint32_t device_count;
    uint32_t op_count;
    uint32_t log[WR_GENERATIONS_MAX * WR_OPS_MAX]; /* graph << 16 | op, in order of admission */
    uint32_t epoch_count;
    uint32_t epochs[WR_GENERATIONS_MAX * WR_OPS_MAX]; /* likewise, of the graph's epochs */
};
_Static_assert(WR_OPS_MAX <= 1u << 16 && WR_GENERATIONS_MAX <= 1u << 16, "a log item holds both");

wr_err wr_generations_new(wr_generations **ret_generations) {
    WR_AUTO(wr_generations) made = calloc(1, sizeof *made);
    if (made == NULL)
        return WR_ERR_NOMEM;
    WR_TRY(wr_graph_new(&made->graph[0]));
    made->count = 1;
    *ret_generations = wr_steal(&made);
    return WR_OK;
}

void wr_generations_free(wr_generations *generations) {
    if (generations == NULL)
        return;
    for (uint32_t i = generations->count; i-- > 0;)
        wr_graph_free(generations->graph[i]);
    free(generations);
}

uint32_t wr_generations_count(const wr_generations *generations) {
    return generations->count;
}

wr_graph *wr_generations_at(const wr_generations *generations, uint32_t number) {
    WR_ASSERT(number < generations->count);
    return generations->graph[number];
}

wr_graph *wr_generations_current(const wr_generations *generations) {
    return generations->graph[generations->current];
}

bool wr_generations_find(const wr_generations *generations, const wr_hash *op_id,
                         uint32_t *ret_number) {
    for (uint32_t i = generations->count; i-- > 0;) {
        if (!wr_graph_knows(generations->graph[i], op_id))
            continue;
        *ret_number = i;
        return true;
    }
    return false;
}

uint32_t wr_generations_op_count(const wr_generations *generations) {
    return generations->op_count;
}

wr_op_ref wr_generations_op(const wr_generations *generations, uint32_t index,
                            uint32_t *ret_number) {
    WR_ASSERT(index < generations->op_count);
    uint32_t item = generations->log[index];
    *ret_number = item >> 16;
    return wr_graph_op(generations->graph[item >> 16], item & 0xffffu);
}

const wr_member *wr_generations_device(const wr_generations *generations,
                                       const wr_hash *device_id) {
    const wr_member *member = wr_graph_find(wr_generations_current(generations), device_id);
    for (uint32_t i = generations->count; i-- > 0 && member == NULL;)
        member = wr_graph_find(generations->graph[i], device_id);
    return member;
}

uint32_t wr_generations_device_count(const wr_generations *generations) {
    return generations->device_count;
}

const wr_member *wr_generations_device_at(const wr_generations *generations, uint32_t index) {
    WR_ASSERT(index < generations->device_count);
    return wr_generations_device(generations, &generations->device[index]);
}

bool wr_generations_is_void(const wr_generations *generations, const wr_hash *op_id) {
    const wr_graph *at = wr_generations_current(generations);
    if (wr_graph_knows(at, op_id))
        return false;
    for (; at->older != NULL; at = at->older) {
        const wr_node *node = wr_graph_node(at->older, op_id);
        if (node != NULL)
            return !wr_graph_knew(at, node);
    }
    return true;
}

bool wr_generations_has_noise(const wr_generations *generations, const wr_pub *noise_pk) {
    for (uint32_t i = 0; i < generations->count; i++)
        if (wr_graph_noise_count(generations->graph[i], noise_pk) != 0)
            return true;
    return false;
}

uint32_t wr_generations_epoch_count(const wr_generations *generations) {
    return generations->epoch_count;
}

wr_epoch_ref wr_generations_epoch(const wr_generations *generations, uint32_t index) {
    WR_ASSERT(index < generations->epoch_count);
    uint32_t item = generations->epochs[index];
    wr_epoch_ref epoch = wr_graph_epoch(generations->graph[item >> 16], item & 0xffffu);
    epoch.in = epoch.in && item >> 16 == generations->current;
    epoch.for_members = epoch.for_members && item >> 16 == generations->current;
    return epoch;
}

const wr_hash *wr_generations_epoch_id(const wr_generations *generations, uint32_t index) {
    WR_ASSERT(index < generations->epoch_count);
    uint32_t item = generations->epochs[index];
    return wr_graph_epoch_id(generations->graph[item >> 16], item & 0xffffu);
}

bool wr_generations_epoch_commit(const wr_generations *generations, const wr_hash *epoch_id,
                                 wr_hash *ret_commit) {
    for (uint32_t i = generations->count; i-- > 0;)
        if (wr_graph_epoch_commit(generations->graph[i], epoch_id, ret_commit) ||
            wr_graph_reset_commit(generations->graph[i], epoch_id, ret_commit))
            return true;
    return false;
}

const wr_graph *wr_generations_founded(const wr_generations *generations, const wr_hash *founder) {
    uint32_t number;
    if (!wr_generations_find(generations, founder, &number))
        return NULL;
    const wr_graph *graph = generations->graph[number];
    return wr_hash_equal(wr_graph_founder(graph), founder) ? graph : NULL;
}

/* ---- which graph counts ---- */

/* spec:circle#2.6 "Of several RESETs that end one graph the one with the greatest (hlc, op id) MUST
 * count." */
static void choose(wr_generations *g) {
    uint32_t at = 0;
    for (bool more = true; more;) {
        const wr_graph *older = g->graph[at];
        more = false;
        for (uint32_t i = at + 1; i < g->count; i++) {
            if (g->graph[i]->older != older ||
                (more && wr_node_is_earlier(g->graph[i]->node[0], g->graph[at]->node[0])))
                continue;
            at = i;
            more = true;
        }
    }
    if (at == g->current)
        return;
    /* What was concluded from the graph before is concluded anew. */
    if (g->graph[at]->version <= g->graph[g->current]->version)
        g->graph[at]->version = g->graph[g->current]->version + 1;
    g->current = at;
}

/* ---- devices of all graphs ---- */

static bool has_device(const wr_generations *g, const wr_hash *device_id) {
    return wr_hash_is_among(device_id, g->device, g->device_count);
}

static void note_devices(wr_generations *g, const wr_graph *graph) {
    for (uint32_t i = 0; i < graph->member_count; i++) {
        if (has_device(g, &graph->member[i].device_id))
            continue;
        WR_ASSERT(g->device_count < WR_AUTHORS_MAX);
        g->device[g->device_count++] = graph->member[i].device_id;
    }
}

/* Each has feeds, which stay.  What cannot be decoded brings nobody. */
static uint32_t count_new_devices(const wr_generations *g, const wr_op *op) {
    wr_add add;
    wr_reset reset;
    wr_kept kept;
    uint32_t count = 0;
    if (op->type == WR_OP_ADD && wr_add_decode(op->body, &add) == WR_OK) {
        wr_hash id = wr_device_id(add.cert_bytes);
        count = !has_device(g, &id);
    }
    if (op->type == WR_OP_RESET && wr_reset_decode(op->body, &reset) == WR_OK) {
        while (wr_kept_next(&reset.keep, &kept)) {
            wr_hash id = wr_device_id(kept.cert_bytes);
            count += !has_device(g, &id);
        }
    }
    return count;
}

/* ---- where an op belongs ---- */

/* The graph of its parents; what is in another one has no effect there.
 * spec:circle#2.6 "Ops of all other graphs MUST NOT have any effect on members, roles and epochs to
 * write under."
 * spec:circle#2.6 "The parents of an op MUST be ops of its own
 * generation, and those of a RESET of the one before." */
wr_err wr_generations_place(const wr_generations *generations, const wr_op *op,
                            uint32_t *ret_number) {
    uint32_t number = 0, at;
    bool any = false, all = true;
    if (op->type == WR_OP_GENESIS) {
        *ret_number = 0;
        return WR_OK;
    }
    for (uint32_t i = 0; i < op->parent_count; i++) {
        wr_hash id = wr_op_parent(op, i);
        if (!wr_generations_find(generations, &id, &at)) {
            all = false;
            continue;
        }
        if (any && at != number)
            return WR_ERR_REFUSED;
        number = at;
        any = true;
    }
    if (!any || !all)
        return WR_ERR_UNKNOWN;
    *ret_number = number;
    return WR_OK;
}

static wr_err found(wr_generations *g, const wr_graph *older, wr_slice op_bytes, const wr_sig *sig,
                    uint32_t *ret_number) {
    if (g->count == WR_GENERATIONS_MAX) {
        WR_TRY(wr_graph_judge_reset(older, op_bytes, sig));
        return WR_ERR_LIMIT;
    }
    WR_TRY(wr_graph_found(older, op_bytes, sig, &g->graph[g->count]));
    *ret_number = g->count++;
    choose(g);
    return WR_OK;
}

static void note(wr_generations *g, uint32_t number) {
    const wr_graph *graph = g->graph[number];
    note_devices(g, graph);
    g->log[g->op_count++] = number << 16 | (graph->op_count - 1);
    if (graph->node[graph->op_count - 1]->type == WR_OP_EPOCH)
        g->epochs[g->epoch_count++] = number << 16 | (graph->epoch_count - 1);
}

wr_err wr_generations_admit(wr_generations *generations, wr_slice op_bytes, const wr_sig *sig,
                            bool branches) {
    wr_generations *g = generations;
    wr_op op;
    uint32_t number;
    WR_TRY(wr_op_decode(op_bytes, &op));
    if (wr_generations_find(g, &op.id, &number))
        return WR_ERR_EXISTS;
    WR_TRY(wr_generations_place(g, &op, &number));
    if (g->device_count + count_new_devices(g, &op) > WR_AUTHORS_MAX)
        return WR_ERR_LIMIT;
    if (op.type == WR_OP_RESET)
        WR_TRY(found(g, g->graph[number], op_bytes, sig, &number));
    else if (branches)
        WR_TRY(wr_graph_admit_branch(g->graph[number], op_bytes, sig));
    else
        WR_TRY(wr_graph_admit(g->graph[number], op_bytes, sig));
    note(g, number);
    return WR_OK;
}

/* ---- heads of all graphs ---- */

static bool comes_before(const wr_graph *a, const wr_graph *b) {
    if (a->gen != b->gen)
        return a->gen < b->gen;
    return a->gen != 0 && wr_hash_order(&a->node[0]->eval.id, &b->node[0]->eval.id) < 0;
}

void wr_generations_order(const wr_generations *generations,
                          uint32_t ret_numbers[WR_GENERATIONS_MAX]) {
    for (uint32_t i = 0; i < generations->count; i++) {
        uint32_t at = i;
        for (;
             at > 0 && comes_before(generations->graph[i], generations->graph[ret_numbers[at - 1]]);
             at--)
            ret_numbers[at] = ret_numbers[at - 1];
        ret_numbers[at] = i;
    }
}

wr_hash wr_generations_heads_digest(const wr_generations *generations) {
    uint32_t order[WR_GENERATIONS_MAX];
    wr_hasher hasher;
    wr_generations_order(generations, order);
    wr_hasher_init(&hasher, WR_LABEL_OP_HEADS);
    /* spec:circle#2.6 "The digest of the op heads MUST cover all graphs, by generation and by the
     * id of the RESET." */
    for (uint32_t i = 0; i < generations->count; i++)
        wr_graph_hash_heads(generations->graph[order[i]], &hasher);
    return wr_hasher_end(&hasher);
}

/* ---- one graph ---- */

uint64_t wr_graph_generation(const wr_graph *graph) {
    return graph->gen;
}

const wr_graph *wr_graph_older(const wr_graph *graph) {
    return graph->older;
}

bool wr_graph_may_name_epoch(const wr_graph *graph, const wr_hash *epoch_id) {
    const wr_node *node = wr_graph_node(graph, epoch_id);
    wr_hash heads[WR_OP_PARENTS_MAX];
    if (node == NULL || node->epoch == NULL)
        return wr_graph_is_older_epoch(graph, epoch_id);
    uint32_t count = wr_graph_heads(graph, heads);
    count -= count == WR_OP_PARENTS_MAX; /* of more of them, our own may take the last place */
    return wr_graph_covers(graph, heads, count, epoch_id, 1);
}
