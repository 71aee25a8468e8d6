/* What a sibling says about ops and the secrets of epochs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/link_impl.h"

/* ---- ops ---- */

void wr_link_holds(wr_link *link, uint32_t number, uint32_t column, uint64_t next) {
    uint16_t *at = &link->peer_next[number][column];
    if (next > *at)
        *at = next < UINT16_MAX ? (uint16_t)next : UINT16_MAX;
}

void wr_link_ops_equal(wr_link *link) {
    const wr_generations *generations = wr_self_generations(link->self);
    wr_op_head heads[WR_COLUMNS_MAX];
    for (uint32_t n = 0; n < wr_generations_count(generations); n++) {
        uint32_t count = wr_graph_chain_heads(wr_generations_at(generations, n), heads);
        for (uint32_t i = 0; i < count; i++)
            wr_link_holds(link, n, heads[i].column, heads[i].aseq + 1);
    }
    link->op_heads_known = true;
}

static bool chain_of(const wr_generations *generations, const wr_hash *op_id, uint32_t *ret_number,
                     wr_op_ref *ret_op) {
    return wr_generations_find(generations, op_id, ret_number) &&
           wr_graph_find_op(wr_generations_at(generations, *ret_number), op_id, ret_op);
}

#define GRAPH_NONE UINT32_MAX /* one that is not here */

/* The peer holds a chain of a graph up to an op.  One that is not here is a later one of its
 * author, or stands on another branch: then the peer is told all that is here of the author. */
static void heard_head(wr_link *link, uint32_t *graph_number, const wr_hash *author, uint64_t aseq,
                       const wr_hash *op_id) {
    const wr_generations *generations = wr_self_generations(link->self);
    uint32_t number, column;
    wr_op_ref op;
    if (chain_of(generations, op_id, &number, &op)) {
        if (op.type == WR_OP_RESET)
            *graph_number = number;
        wr_link_holds(link, number, op.column, op.aseq + 1);
        return;
    }
    if (wr_is_zero(WR_SLICE_OBJ(*author)))
        *graph_number = GRAPH_NONE; /* perhaps a RESET */
    if (*graph_number == GRAPH_NONE) {
        bool own = wr_hash_equal(author, &wr_self_identity(link->self)->device_id);
        link->own_beyond = link->own_beyond || own;
        if (own)
            link->own_newest = *op_id;
        return;
    }
    const wr_graph *graph = wr_generations_at(generations, *graph_number);
    if (wr_graph_own_column(graph, author, &column) && aseq >= wr_graph_next_aseq(graph, column))
        wr_link_holds(link, *graph_number, column, aseq + 1);
}

uint64_t wr_link_own_ops_beyond(const wr_link *link) {
    const wr_generations *generations = wr_self_generations(link->self);
    const wr_hash *me = &wr_self_identity(link->self)->device_id;
    uint32_t number, own;
    uint64_t count =
        link->own_beyond && !wr_generations_find(generations, &link->own_newest, &number);
    for (uint32_t n = 0; n < wr_generations_count(generations); n++) {
        const wr_graph *graph = wr_generations_at(generations, n);
        if (wr_graph_own_column(graph, me, &own) &&
            link->peer_next[n][own] > wr_graph_next_aseq(graph, own))
            count += link->peer_next[n][own] - wr_graph_next_aseq(graph, own);
    }
    return count;
}

wr_err wr_link_hear_op_heads(wr_link *link, wr_slice body) {
    bool reply;
    uint32_t count, graph_number = 0;
    WR_TRY(wr_list_open(&body, WR_COLUMNS_MAX, &reply, &count));
    /* spec:sync#2.2 "The heads of one graph (circle.md 2.6) MUST stand together, behind its RESET,
     * and the other ops of ROOT last; those of the graph of GENESIS come first." */
    for (uint32_t i = 0; i < count; i++) {
        wr_hash author, op_id;
        uint64_t aseq;
        WR_TRY(wr_op_head_take(&body, &author, &aseq, &op_id));
        heard_head(link, &graph_number, &author, aseq, &op_id);
    }
    if (body.len != 0)
        return WR_ERR_FORMAT;
    link->op_heads_known = true;
    link->op_heads_due = link->op_heads_due || (reply && !link->op_heads_sent);
    wr_link_confirm(link);
    return WR_OK;
}

/* Two signed statements exclude each other: told once, however often they are sent. */
void wr_link_alert(wr_link *link) {
    if (link->alerted)
        return;
    link->alerted = true;
    wr_link_event(link, &(wr_event){.type = WR_EV_ALERT, .reason = WR_ERR_FORK});
}

/* The peer stands on another branch of a chain: what is here of it is told, once. */
static void tell_branch(wr_link *link, const wr_op *op) {
    const wr_generations *generations = wr_self_generations(link->self);
    uint32_t number, column;
    if (wr_generations_place(generations, op, &number) != WR_OK ||
        !wr_graph_own_column(wr_generations_at(generations, number), &op->author, &column) ||
        (link->forked[number][column / 64u] >> (column % 64u) & 1u) != 0)
        return;
    link->forked[number][column / 64u] |= (uint64_t)1 << (column % 64u);
    if (link->peer_next[number][column] > op->aseq)
        link->peer_next[number][column] = (uint16_t)op->aseq;
    link->op_cursor = 0;
}

/* One op.  A fork, and what stands on the other branch of one, is not the sender's doing.
 * spec:sync#2.3 "An op that is a fork (circle.md 2.4), or whose parents are not here, MUST wait,
 * and the session goes on." */
static wr_err hear_op(wr_link *link, wr_slice bytes, const wr_sig *sig, wr_now now) {
    wr_op op;
    WR_TRY(wr_op_decode(bytes, &op));
    wr_err err = wr_self_admit(link->self, bytes, sig, now);
    if (err == WR_ERR_FORK) {
        wr_link_alert(link);
        tell_branch(link, &op);
    }
    if (err == WR_ERR_FORK || err == WR_ERR_UNKNOWN) {
        wr_err kept = wr_op_pool_put(&link->pool, &op.id, bytes, sig, err == WR_ERR_FORK);
        return kept == WR_ERR_NOMEM ? kept : WR_OK;
    }
    if (err == WR_ERR_LIMIT) /* what is full here may have room there: the rest goes on */
        return WR_OK;
    WR_TRY(err);
    uint32_t number;
    wr_op_ref taken;
    if (chain_of(wr_self_generations(link->self), &op.id, &number, &taken))
        wr_link_holds(link, number, taken.column, op.aseq + 1);
    return WR_OK;
}

wr_err wr_link_hear_ops(wr_link *link, wr_slice body, wr_now now) {
    while (body.len != 0) {
        wr_slice bytes;
        wr_sig sig;
        WR_TRY(wr_ops_take(&body, &bytes, &sig));
        WR_TRY(hear_op(link, bytes, &sig, now));
    }
    WR_TRY(wr_op_pool_retry(&link->pool, link->self, now));
    return link->state == LINK_GUEST ? wr_link_up(link, now) : WR_OK;
}

/* ---- secrets of epochs ---- */

wr_err wr_link_hear_key_want(wr_link *link, wr_slice body) {
    wr_hash ids[LINK_KEY_WANTS_MAX];
    uint32_t count;
    WR_TRY(wr_key_want_decode(body, LINK_KEY_WANTS_MAX, ids, &count));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place;
        if (wr_keyring_place(wr_self_keyring(link->self), &ids[i], &place))
            link->key_wants[place / 64u] |= (uint64_t)1 << (place % 64u);
    }
    return WR_OK;
}

/* The op alone says which secret is an epoch's; one that fits none is dropped without a word.
 * spec:sync#2.10 "A secret whose EPOCH op is not here, or does not commit to it, MUST be left
 * out, and the session goes on." */
wr_err wr_link_hear_keys(wr_link *link, wr_slice body) {
    while (body.len != 0) {
        WR_SECRET(wr_key_item) item;
        uint32_t place;
        WR_TRY(wr_key_take(&body, &item));
        wr_err err = wr_self_add_history(link->self, &item.epoch_id, &item.secret, item.history);
        if (err == WR_ERR_NOMEM)
            return err;
        /* spec:sync#2.10 "A Q that its RESET does not commit to MUST be left out as well." */
        if (item.has_seed)
            wr_self_offer_seed(link->self, &item.epoch_id, &item.seed);
        if (wr_keyring_place(wr_self_keyring(link->self), &item.epoch_id, &place))
            link->key_heard[place / 64u] |= (uint64_t)1 << (place % 64u);
    }
    return WR_OK;
}
