/* What follows from the ops: members, heads, epochs, and the next op of this device.
 *
 * Spec:   proto/spec/circle.md 2.5, 3, 5
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_node.h"

#include "wire/pack.h"

/* ---- the circle and its ops ---- */

bool wr_graph_is_empty(const wr_graph *graph) {
    return graph->op_count == 0;
}

const wr_hash *wr_graph_circle_id(const wr_graph *graph) {
    WR_ASSERT(graph->op_count > 0);
    return &graph->circle_id;
}

const wr_root *wr_graph_root(const wr_graph *graph) {
    WR_ASSERT(graph->op_count > 0);
    return &graph->root;
}

bool wr_graph_has_opaque(const wr_graph *graph) {
    return graph->opaque_count > 0;
}

uint32_t wr_graph_op_count(const wr_graph *graph) {
    return graph->op_count;
}

static wr_op_ref ref_of(const wr_graph *graph, const wr_node *node) {
    return (wr_op_ref){
        .id = node->id,
        .author = graph->member[node->author].device_id,
        .aseq = node->aseq,
        .hlc = node->hlc,
        .type = node->type,
        .bytes = node->bytes,
        .sig = &node->sig,
    };
}

wr_op_ref wr_graph_op(const wr_graph *graph, uint32_t index) {
    WR_ASSERT(index < graph->op_count);
    return ref_of(graph, graph->node[index]);
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

static bool is_among(const wr_hash *id, const wr_hash *ids, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (wr_hash_order(&ids[i], id) == 0)
            return true;
    }
    return false;
}

wr_hash wr_graph_hash_members(const wr_graph *graph, const wr_eval_member *members,
                              const wr_hash *without, uint32_t without_count) {
    const wr_hash *sorted[WR_AUTHORS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < graph->member_count; i++) {
        const wr_hash *id = &graph->member[i].device_id;
        if (!members[i].current || is_among(id, without, without_count))
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

wr_hash wr_graph_recipients_hash(const wr_graph *graph) {
    wr_eval_member members[WR_AUTHORS_MAX] = {{.current = false}};
    for (uint32_t i = 0; i < graph->member_count; i++)
        members[i] = (wr_eval_member){graph->member[i].current, graph->member[i].role};
    return wr_graph_hash_members(graph, members, NULL, 0);
}

/* ---- heads ---- */

uint32_t wr_graph_author_heads(const wr_graph *graph, wr_op_head heads[WR_AUTHORS_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < graph->member_count; i++) {
        const wr_node *last = graph->chain[i].last;
        if (last == NULL)
            continue;
        const wr_hash *author = &graph->member[i].device_id;
        uint32_t at = count++;
        for (; at > 0 && wr_hash_order(&heads[at - 1].author, author) > 0; at--)
            heads[at] = heads[at - 1];
        heads[at] = (wr_op_head){*author, last->aseq, last->id};
    }
    return count;
}

wr_hash wr_graph_heads_digest(const wr_graph *graph) {
    /* spec:circle#2.5 "The digest of the op heads MUST cover the newest op of every author in
     * ascending order of the authors." */
    wr_op_head heads[WR_AUTHORS_MAX];
    uint32_t count = wr_graph_author_heads(graph, heads);
    wr_hasher hasher;
    wr_hasher_init(&hasher, WR_LABEL_OP_HEADS);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t aseq[8];
        wr_store_u64(aseq, heads[i].aseq);
        wr_hasher_add(&hasher, WR_SLICE_OBJ(heads[i].author));
        wr_hasher_add(&hasher, wr_slice_of(aseq, sizeof aseq));
        wr_hasher_add(&hasher, WR_SLICE_OBJ(heads[i].op_id));
    }
    return wr_hasher_end(&hasher);
}

bool wr_node_precedes(const wr_node *older, const wr_node *newer) {
    return older->author < newer->clock_len && older->aseq < newer->clock[older->author];
}

/* All ops without children, by id: each is the last of its author's chain. */
static uint32_t collect_heads(const wr_graph *graph, const wr_node *heads[WR_AUTHORS_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < graph->member_count; i++) {
        const wr_node *last = graph->chain[i].last;
        if (last == NULL || last->has_child)
            continue;
        uint32_t at = count++;
        for (; at > 0 && wr_hash_order(&heads[at - 1]->id, &last->id) > 0; at--)
            heads[at] = heads[at - 1];
        heads[at] = last;
    }
    return count;
}

uint32_t wr_graph_heads(const wr_graph *graph, wr_hash heads[WR_OP_PARENTS_MAX]) {
    const wr_node *all[WR_AUTHORS_MAX];
    uint32_t count = collect_heads(graph, all);
    if (count > WR_OP_PARENTS_MAX)
        count = WR_OP_PARENTS_MAX;
    for (uint32_t i = 0; i < count; i++)
        heads[i] = all[i]->id;
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

bool wr_graph_ack_due(const wr_graph *graph, const wr_hash *device_id) {
    uint32_t me;
    if (!wr_graph_index(graph, device_id, &me) || !graph->member[me].current)
        return false;
    const wr_node *last = graph->chain[me].last;
    for (uint32_t i = 0; i < graph->member_count; i++) {
        uint32_t seen = last != NULL && i < last->clock_len ? last->clock[i] : 0;
        /* spec:circle#3.4 "A member MUST cover each ADD, REMOVE, LEAVE, ROLE, EQUIV, RESET and
         * ROOTSET of another author by an op of its own." */
        if (i != me && graph->chain[i].notable > seen)
            return true;
    }
    return false;
}

/* ---- epochs ---- */

uint32_t wr_graph_epoch_count(const wr_graph *graph) {
    return graph->epoch_count;
}

const wr_epoch_ref *wr_graph_epoch(const wr_graph *graph, uint32_t index) {
    WR_ASSERT(index < graph->epoch_count);
    return graph->epoch[index]->epoch;
}

const wr_epoch_ref *wr_graph_find_epoch(const wr_graph *graph, const wr_hash *epoch_id) {
    const wr_node *node = wr_graph_node(graph, epoch_id);
    return node == NULL ? NULL : node->epoch;
}

/* ---- the next op of this device ---- */

/* More heads than an op may name are joined in several ops.  The one that holds our own chain
 * must be among them; it takes the last place, which keeps the order. */
static uint32_t pick_parents(const wr_graph *graph, const wr_node *own_last,
                             wr_hash parents[WR_OP_PARENTS_MAX]) {
    const wr_node *all[WR_AUTHORS_MAX];
    uint32_t count = collect_heads(graph, all), mine = 0;
    if (count > WR_OP_PARENTS_MAX && own_last != NULL) {
        while (all[mine] != own_last && !wr_node_precedes(own_last, all[mine]))
            mine++;
        WR_ASSERT(mine < count);
        if (mine >= WR_OP_PARENTS_MAX)
            all[WR_OP_PARENTS_MAX - 1] = all[mine];
    }
    if (count > WR_OP_PARENTS_MAX)
        count = WR_OP_PARENTS_MAX;
    for (uint32_t i = 0; i < count; i++)
        parents[i] = all[i]->id;
    return count;
}

static wr_err check_own(const wr_graph *graph, const wr_identity *me, wr_op_type type) {
    switch (type) {
    case WR_OP_GENESIS:
        return graph->op_count == 0 ? WR_OK : WR_ERR_STATE;
    case WR_OP_ADD:
        /* spec:circle#3.7 "A device that holds an op which it does not understand MUST NOT sign an
         * op that changes the membership." */
        if (wr_graph_has_opaque(graph))
            return WR_ERR_VERSION;
        break;
    case WR_OP_ACK:
    case WR_OP_EPOCH:
        break;
    case WR_OP_REMOVE:
    case WR_OP_LEAVE:
    case WR_OP_KEYUPD:
    case WR_OP_ROLE:
    case WR_OP_EQUIV:
    case WR_OP_RESET:
    case WR_OP_ROOTSET:
        return WR_ERR_VERSION;
    }
    if (graph->op_count == 0)
        return WR_ERR_STATE;
    const wr_member *self = wr_graph_find(graph, &me->device_id);
    return self != NULL && self->current ? WR_OK : WR_ERR_REFUSED;
}

wr_err wr_graph_author(const wr_graph *graph, const wr_identity *me, wr_op_type type, wr_slice body,
                       uint64_t hlc, wr_buf *out, wr_sig *ret_sig) {
    wr_op header = {.author = me->device_id, .hlc = hlc, .type = type, .body = body};
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_admission unused;
    wr_buf next = *out;
    wr_sig sig;
    WR_TRY(check_own(graph, me, type));
    if (type != WR_OP_GENESIS) {
        uint32_t index = 0;
        bool known = wr_graph_index(graph, &me->device_id, &index);
        WR_ASSERT(known);
        const wr_chain *chain = &graph->chain[index];
        header.circle_id = graph->circle_id;
        header.aseq = chain->op_count;
        header.has_aprev = chain->last != NULL;
        if (header.has_aprev)
            header.aprev = chain->last->id;
        header.parent_count = pick_parents(graph, chain->last, parents);
    }
    WR_TRY(wr_op_encode(&header, parents, &next));
    wr_slice bytes = wr_slice_of(out->ptr + out->len, next.len - out->len);
    wr_sign(&me->sign, WR_SIG_LABEL_OP, bytes, &sig);
    /* What this device would not admit it does not sign away either. */
    WR_TRY(wr_graph_check(graph, bytes, &sig, &unused));
    *out = next;
    *ret_sig = sig;
    return WR_OK;
}
