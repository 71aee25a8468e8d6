/* What is due to be said to a sibling, and the units it is served.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/link_fork.h"
#include "engine/self_wrap.h"

#include <stdlib.h>

typedef struct key_bytes { /* secret: an encoded key */
    uint8_t b[WR_HISTORY_BYTES_MAX + 128u];
} key_bytes;
static void key_bytes_wipe(key_bytes *bytes) {
    wr_wipe(bytes, sizeof *bytes);
}

/* ---- what is due to be said ---- */

static wr_err say_hello(wr_link *link, wr_buf *plain, wr_now now) {
    const wr_graph *graph = wr_self_graph(link->self);
    wr_hello hello = {.version = 1, .unix_ms = now.wall.ms};
    hello.device_id = wr_self_identity(link->self)->device_id;
    hello.instance = *wr_self_instance(link->self);
    hello.signs = wr_self_may_sign(link->self);
    hello.circle_id = *wr_graph_circle_id(graph);
    const wr_hash *epoch = wr_self_write_epoch(link->self);
    if (epoch != NULL)
        hello.newest_epoch = *epoch;
    wr_hash frontier = wr_self_frontier_digest(link->self);
    wr_hash heads = wr_generations_heads_digest(wr_self_generations(link->self));
    link->frontier_said = frontier;
    memcpy(hello.frontier.b, frontier.b, sizeof hello.frontier.b);
    memcpy(hello.op_heads.b, heads.b, sizeof hello.op_heads.b);
    hello.addrs = wr_slice_of(link->config.addrs, link->config.addrs_len);
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_hello_encode(&hello, &body));
    link->hello_sent = true;
    return wr_frame_put(plain, WR_FRAME_HELLO, wr_buf_slice(&body));
}

/* Those of one graph; its RESET first, by which the peer knows it. */
static wr_err put_heads(const wr_graph *graph, wr_buf *body) {
    wr_op_head heads[WR_COLUMNS_MAX];
    uint32_t count = wr_graph_chain_heads(graph, heads);
    const wr_op_ref first = wr_graph_op(graph, 0);
    for (unsigned turn = 0; turn < 3; turn++) {
        for (uint32_t i = 0; i < count; i++) {
            bool founds = first.type == WR_OP_RESET && wr_hash_equal(&heads[i].op_id, &first.id);
            bool root = wr_is_zero(WR_SLICE_OBJ(heads[i].author));
            if (turn == (founds ? 0u : root ? 2u : 1u))
                WR_TRY(wr_op_head_put(body, &heads[i].author, heads[i].aseq, &heads[i].op_id));
        }
    }
    return WR_OK;
}

/* Which graphs find room in the list: the one that counts, then the later before the earlier. */
static uint32_t choose_graphs(const wr_generations *generations, const uint32_t *order,
                              bool chosen[WR_GENERATIONS_MAX]) {
    wr_op_head heads[WR_COLUMNS_MAX];
    const wr_graph *current = wr_generations_current(generations);
    uint32_t total = wr_graph_chain_heads(current, heads);
    for (uint32_t i = wr_generations_count(generations); i-- > 0;) {
        const wr_graph *graph = wr_generations_at(generations, order[i]);
        uint32_t count = wr_graph_chain_heads(graph, heads);
        chosen[i] = graph == current || total + count <= WR_COLUMNS_MAX;
        if (chosen[i] && graph != current)
            total += count;
    }
    return total;
}

static wr_err say_op_heads(wr_link *link, wr_buf *plain) {
    const wr_generations *generations = wr_self_generations(link->self);
    uint32_t order[WR_GENERATIONS_MAX] = {0};
    bool chosen[WR_GENERATIONS_MAX] = {false};
    uint8_t bytes[WR_COLUMNS_MAX * 80u];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_generations_order(generations, order);
    uint32_t count = choose_graphs(generations, order, chosen);
    WR_TRY(wr_list_begin(&body, !link->op_heads_known, count));
    for (uint32_t i = 0; i < wr_generations_count(generations); i++)
        if (chosen[i])
            WR_TRY(put_heads(wr_generations_at(generations, order[i]), &body));
    if (wr_frame_put(plain, WR_FRAME_OP_HEADS, wr_buf_slice(&body)) != WR_OK)
        return WR_OK; /* no room left: with the next message */
    link->op_heads_due = false;
    link->op_heads_sent = true;
    return WR_OK;
}

/* Ops that the peer lacks, parents first, as many as fit. */
static wr_err say_ops(wr_link *link, wr_buf *plain) {
    const wr_generations *generations = wr_self_generations(link->self);
    while (link->op_cursor < wr_generations_op_count(generations)) {
        uint32_t number;
        wr_op_ref op = wr_generations_op(generations, link->op_cursor, &number);
        if (op.aseq >= link->peer_next[number][op.column]) {
            uint8_t bytes[WR_OP_LARGEST_BYTES_MAX + 80u];
            wr_buf body = WR_BUF_ARRAY(bytes);
            WR_TRY(wr_ops_put(&body, op.bytes, op.sig));
            if (wr_frame_put(plain, WR_FRAME_OPS, wr_buf_slice(&body)) != WR_OK)
                return WR_OK;
            wr_link_holds(link, number, op.column, op.aseq + 1);
        }
        link->op_cursor++;
    }
    return WR_OK;
}

/* ---- secrets of epochs ---- */

static wr_err say_key(wr_link *link, wr_buf *plain, const wr_hash *epoch_id, bool *ret_said) {
    const wr_keyring *keyring = wr_self_keyring(link->self);
    WR_SECRET(wr_key_item) item = {.epoch_id = *epoch_id};
    WR_SECRET(key_bytes) bytes;
    wr_buf body = WR_BUF_ARRAY(bytes.b);
    *ret_said = true;
    if (!wr_self_may_hand(link->self, epoch_id, &link->peer) ||
        !wr_keyring_secret(keyring, epoch_id, &item.secret))
        return WR_OK;
    item.has_seed = wr_self_seed_of(link->self, epoch_id, &item.seed);
    item.history = wr_keyring_history(keyring, epoch_id);
    WR_TRY(wr_key_put(&body, &item));
    *ret_said = wr_frame_put(plain, WR_FRAME_KEYS, wr_buf_slice(&body)) == WR_OK;
    return WR_OK;
}

static bool has_bit(const uint64_t *set, uint32_t index) {
    return (set[index / 64u] >> (index % 64u) & 1u) != 0;
}

/* What the peer asked for, and what came here since the session is up, before any entry under it.
 * spec:sync#2.10 "A device MUST NOT say KEYS to anyone but a member that is in (circle.md 4.6)." */
static wr_err say_keys(wr_link *link, wr_buf *plain) {
    const wr_keyring *keyring = wr_self_keyring(link->self);
    for (uint32_t i = 0; i < wr_keyring_count(keyring); i++) {
        bool is_new = i >= link->keys_said && !has_bit(link->key_heard, i), said = true;
        if (is_new || has_bit(link->key_wants, i))
            WR_TRY(say_key(link, plain, wr_keyring_epoch(keyring, i), &said));
        if (!said)
            return WR_OK;
        link->key_wants[i / 64u] &= ~((uint64_t)1 << (i % 64u));
        if (i >= link->keys_said)
            link->keys_said = i + 1;
    }
    return WR_OK;
}

/* The secret is missing, or the seed that comes with it. */
static bool lacks_key(const wr_link *link, uint32_t index, const wr_hash *epoch_id) {
    const wr_keyring *keyring = wr_self_keyring(link->self);
    if (wr_keyring_has(keyring, epoch_id))
        return wr_self_lacks_seed(link->self, epoch_id);
    return wr_self_wants_epoch(link->self, index);
}

/* The epochs of all graphs that we cannot read, or not dial with, each asked for once in a session.
 */
static wr_err say_key_want(wr_link *link, wr_buf *plain) {
    const wr_generations *generations = wr_self_generations(link->self);
    while (link->keys_asked < wr_generations_epoch_count(generations)) {
        uint8_t bytes[LINK_KEY_WANTS_MAX * 34u + 16u];
        wr_hash ids[LINK_KEY_WANTS_MAX];
        wr_buf body = WR_BUF_ARRAY(bytes);
        uint32_t count = 0, at = link->keys_asked;
        for (; at < wr_generations_epoch_count(generations) && count < LINK_KEY_WANTS_MAX; at++) {
            ids[count] = *wr_generations_epoch_id(generations, at);
            count += lacks_key(link, at, &ids[count]);
        }
        WR_TRY(wr_key_want_encode(ids, count, &body));
        if (count != 0 && wr_frame_put(plain, WR_FRAME_KEY_WANT, wr_buf_slice(&body)) != WR_OK)
            return WR_OK;
        link->keys_asked = at;
    }
    return WR_OK;
}

/* ---- feeds ---- */

static wr_err say_frontier(wr_link *link, wr_buf *plain) {
    wr_frontier_item items[WR_FEEDS_MAX];
    uint32_t count = wr_self_frontier(link->self, items);
    uint8_t bytes[WR_FEEDS_MAX * 90u + 16u];
    wr_buf body = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_list_begin(&body, !link->frontier_known, count));
    for (uint32_t i = 0; i < count; i++)
        WR_TRY(wr_frontier_put(&body, &items[i].feed_id, items[i].k, items[i].len, &items[i].root,
                               items[i].complete));
    if (wr_frame_put(plain, WR_FRAME_FRONTIER, wr_buf_slice(&body)) != WR_OK)
        return WR_OK;
    link->frontier_due = false;
    link->frontier_said = wr_frontier_digest(items, count);
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++)
        link->feeds[i].announced = wr_self_feed(link->self, i)->tree.len;
    return WR_OK;
}

/* Acknowledgement and announcement in one: what grew since the peer last heard of it.  Our own
 * feed announces itself by its units, unless the peer stopped them. */
static wr_err say_have(wr_link *link, wr_buf *plain, wr_now now) {
    wr_link_frontier_grew(link, now);
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        const wr_feed *feed = wr_self_feed(link->self, i);
        if (feed->tree.len == link->feeds[i].announced ||
            (wr_link_is_own(link, i) && link->feeds[i].pushing))
            continue;
        uint8_t bytes[64];
        wr_buf body = WR_BUF_ARRAY(bytes);
        WR_TRY(wr_list_begin(&body, false, 1));
        WR_TRY(wr_have_put(&body, &feed->feed_id, feed->tree.len, wr_feed_complete(feed)));
        if (wr_frame_put(plain, WR_FRAME_HAVE, wr_buf_slice(&body)) != WR_OK)
            return WR_OK;
        link->feeds[i].announced = feed->tree.len;
    }
    return WR_OK;
}

/* False if there was no room. */
static wr_err say_want(wr_link *link, wr_buf *plain, uint32_t index, uint64_t from,
                       bool *ret_said) {
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_want_encode(&wr_self_feed(link->self, index)->feed_id, from, &body));
    *ret_said = wr_frame_put(plain, WR_FRAME_WANT, wr_buf_slice(&body)) == WR_OK;
    return WR_OK;
}

/* A feed that nobody delivers, and that this peer holds further than we do.
 * spec:sync#4.1 "A device MUST NOT ask a sibling for a feed that another one delivers"
 * spec:sync#4.1 "A device MUST NOT ask a sibling that holds fewer entries than the newest
 * checkpoint here covers" */
static bool may_ask(const wr_link *link, uint32_t index) {
    const link_feed *at = &link->feeds[index];
    const wr_feed *feed = wr_self_feed(link->self, index);
    uint64_t source = wr_self_source(link->self, index);
    return !at->dead && !at->wanted && at->rest.ms == 0 &&
           (source == 0 || source == link->config.link_id) && at->have_complete &&
           at->have > feed->tree.len && at->have >= wr_self_covered(link->self, index);
}

/* Another link took over what this one delivered. */
static void check_source(wr_link *link, uint32_t index) {
    link_feed *at = &link->feeds[index];
    uint64_t source = wr_self_source(link->self, index);
    if (!at->wanted || wr_link_is_peers(link, index) || source == link->config.link_id)
        return;
    at->wanted = false;
    at->stop_due = true;
}

static wr_err say_wants(wr_link *link, wr_buf *plain, wr_now now) {
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        link_feed *at = &link->feeds[i];
        bool said = true;
        check_source(link, i);
        bool ask = may_ask(link, i);
        if (ask)
            WR_TRY(say_want(link, plain, i, wr_self_feed(link->self, i)->tree.len, &said));
        else if (at->stop_due)
            WR_TRY(say_want(link, plain, i, WR_WANT_STOP, &said));
        if (!said)
            return WR_OK;
        if (ask || at->stop_due)
            at->asked = ask ? wr_self_feed(link->self, i)->tree.len : WR_WANT_STOP;
        at->stop_due = false;
        if (!ask)
            continue;
        at->wanted = true;
        if (!at->skipping) /* who brings what does not fit has no new time with each of it */
            at->moved = now.mono;
        wr_self_set_source(link->self, i, link->config.link_id, at->have);
    }
    return WR_OK;
}

/* The rest of the unit under way, as much as fits. */
static wr_err say_unit(wr_link *link, wr_buf *plain) {
    if (!link->sending)
        return WR_OK;
    if (!link->out_announced) {
        uint8_t bytes[WR_CHECKPOINT_BYTES_MAX + WR_PROOF_HASHES_MAX * WR_HASH_SIZE + 256u];
        wr_buf body = WR_BUF_ARRAY(bytes);
        WR_TRY(wr_data_encode(&link->out_data, &body));
        if (wr_frame_put(plain, WR_FRAME_DATA, wr_buf_slice(&body)) != WR_OK)
            return WR_OK;
        link->out_announced = true;
    }
    size_t room = wr_buf_room(plain);
    size_t left = link->out_size - link->out_at;
    if (room <= WR_FRAME_HEADER_SIZE)
        return WR_OK;
    size_t part = room - WR_FRAME_HEADER_SIZE < left ? room - WR_FRAME_HEADER_SIZE : left;
    WR_TRY(wr_frame_put(plain, WR_FRAME_PART, wr_slice_of(link->out_entries + link->out_at, part)));
    link->out_at += part;
    if (link->out_at < link->out_size)
        return WR_OK;
    free(link->out_entries);
    link->out_entries = NULL;
    link->sending = false;
    return WR_OK;
}

static wr_err say_small(wr_link *link, wr_buf *plain) {
    if (link->pong_due && wr_frame_put(plain, WR_FRAME_PONG, wr_slice_of(link->pong, 8)) == WR_OK)
        link->pong_due = false;
    if (!link->ping_due)
        return WR_OK;
    wr_rng_fill(wr_self_rng(link->self), link->ping, sizeof link->ping);
    if (wr_frame_put(plain, WR_FRAME_PING, wr_slice_of(link->ping, 8)) == WR_OK)
        link->ping_due = false;
    return WR_OK;
}

/* Everything about feeds.  A frontier may name feeds of members, and a checkpoint ops, that the
 * peer does not know before. */
static wr_err say_feeds(wr_link *link, wr_buf *plain, wr_now now) {
    if (link->frontier_due)
        WR_TRY(say_frontier(link, plain));
    if (link->frontier_known) {
        wr_link_confirm(link);
        WR_TRY(say_have(link, plain, now));
        WR_TRY(wr_link_say_checkpoints(link, plain));
        WR_TRY(say_wants(link, plain, now));
    }
    return say_unit(link, plain);
}

static wr_err say_close(wr_link *link, wr_buf *plain) {
    /* spec:sync#2.9 "CLOSE MUST be the last frame of its sender." */
    if (!link->close_said && wr_frame_put(plain, WR_FRAME_CLOSE, wr_slice_of("", 1)) == WR_OK)
        link->close_said = true;
    return WR_OK;
}

wr_err wr_link_say(wr_link *link, wr_buf *plain, wr_now now) {
    wr_link_release_unit(link); /* all it held is durable by now */
    if (!link->hello_sent)
        WR_TRY(say_hello(link, plain, now));
    WR_TRY(wr_link_say_twin(link, plain));
    if (link->close_due)
        return say_close(link, plain);
    if (!link->hello_heard)
        return WR_OK;
    if (link->op_heads_due)
        WR_TRY(say_op_heads(link, plain));
    /* spec:sync#1.6 "a device MUST NOT tell a guest any op." */
    if (link->state != LINK_UP)
        return WR_OK;
    WR_TRY(say_small(link, plain));
    WR_TRY(wr_link_say_sole(link, plain, now));
    if (!link->op_heads_known)
        return WR_OK;
    WR_TRY(say_ops(link, plain));
    /* spec:sync#3.1 "Before it says anything about feeds a device MUST say all ops that the peer
     * lacks." */
    if (link->op_cursor < wr_generations_op_count(wr_self_generations(link->self)))
        return WR_OK;
    WR_TRY(say_keys(link, plain));
    WR_TRY(say_key_want(link, plain));
    return say_feeds(link, plain, now);
}

/* ---- serving ---- */

bool wr_link_serving(wr_link *link, wr_serve *ret_serve) {
    /* spec:sync#4.3 "A sender MUST NOT begin a unit while 8 units or 4 MiB of entries are under
     * way to a peer." */
    if (link->state != LINK_UP || link->sending || !link->frontier_known || !link->op_heads_known ||
        link->flight_count == LINK_WINDOW_UNITS || link->flight_bytes >= LINK_WINDOW_BYTES)
        return false;
    uint32_t count = wr_self_feed_count(link->self);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t i = (link->serve_next + n) % count;
        const wr_feed *feed = wr_self_feed(link->self, i);
        link_feed *at = &link->feeds[i];
        /* spec:sync#4.2 "A device MUST NOT serve a feed of which it lacks entries under its
         * newest checkpoint." */
        if (!at->pushing || !wr_feed_complete(feed) || at->sent >= feed->tree.len)
            continue;
        *ret_serve = (wr_serve){.feed_index = i, .n = feed->tree.len, .first = at->sent};
        return true;
    }
    return false;
}

void wr_link_give(wr_link *link, const wr_serve *serve, const wr_unit *unit, uint8_t *entries,
                  size_t size) {
    WR_ASSERT(!link->sending);
    WR_ASSERT(unit->path_count <= WR_PROOF_HASHES_MAX);
    const wr_feed *feed = wr_self_feed(link->self, serve->feed_index);
    if (unit->path_count != 0)
        memcpy(link->out_path, unit->path, unit->path_count * sizeof(wr_hash));
    memcpy(link->out_checkpoint, feed->cp_bytes, feed->cp_size);
    link->out_data = (wr_data){
        .feed_id = feed->feed_id,
        .lo = unit->lo,
        .first = unit->first,
        .end = unit->end,
        .size = size,
        .checkpoint = wr_slice_of(link->out_checkpoint, feed->cp_size),
        .sig = feed->cp_sig,
        .path = wr_slice_of(link->out_path, unit->path_count * sizeof(wr_hash)),
    };
    link->out_entries = entries;
    link->out_size = size;
    link->out_at = 0;
    link->out_announced = false;
    link->sending = true;
    link->feeds[serve->feed_index].sent = unit->end;
    link->serve_next = serve->feed_index + 1;
    link->flights[link->flight_count++] = (link_flight){serve->feed_index, unit->end, size};
    link->flight_bytes += size;
}
