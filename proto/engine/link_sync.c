/* What two siblings say to each other: HELLO, ops, frontiers, wants, units, acknowledgements.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/link_impl.h"

#include <stdlib.h>

/* ---- who the peer is, what it holds ---------------------------------------------------------- */

static uint32_t member_index(const wr_graph *graph, const wr_hash *device_id) {
    uint32_t count = wr_graph_member_count(graph);
    for (uint32_t i = 0; i < count; i++)
        if (wr_hash_equal(&wr_graph_member(graph, i)->device_id, device_id))
            return i;
    return WR_AUTHORS_MAX;
}

void wr_link_drop_sources(wr_link *link) {
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++)
        if (wr_self_source(link->self, i) == link->config.link_id)
            wr_self_set_source(link->self, i, 0);
}

static bool is_own(const wr_link *link, uint32_t index) {
    return wr_hash_equal(&wr_self_feed(link->self, index)->device_id,
                         &wr_self_identity(link->self)->device_id);
}

static bool is_peers(const wr_link *link, uint32_t index) {
    return wr_hash_equal(&wr_self_feed(link->self, index)->device_id, &link->peer);
}

/* Same digests: the peer holds what we hold, without a list being sent. */
static void assume_equal(wr_link *link) {
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        link->feeds[i].have = wr_self_feed(link->self, i)->tree.len;
        link->feeds[i].have_complete = wr_feed_complete(wr_self_feed(link->self, i));
        link->feeds[i].sent = link->feeds[i].have;
        link->feeds[i].announced = link->feeds[i].have;
    }
}

static void ops_assume_equal(wr_link *link) {
    wr_op_head heads[WR_AUTHORS_MAX];
    const wr_graph *graph = wr_self_graph(link->self);
    uint32_t count = wr_graph_author_heads(graph, heads);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t author = member_index(graph, &heads[i].author);
        if (author < WR_AUTHORS_MAX)
            link->peer_next[author] = heads[i].aseq + 1;
    }
    link->op_heads_known = true;
}

/* Nobody may hold more of us than we do; once that is known, we may sign. */
static void confirm(wr_link *link) {
    if (wr_self_may_sign(link->self) || !link->op_heads_known || !link->frontier_known)
        return;
    const wr_identity *me = wr_self_identity(link->self);
    const wr_graph *graph = wr_self_graph(link->self);
    uint32_t own = member_index(graph, &me->device_id);
    wr_op_head heads[WR_AUTHORS_MAX];
    uint32_t count = wr_graph_author_heads(graph, heads);
    uint64_t next = 0;
    for (uint32_t i = 0; i < count; i++)
        if (wr_hash_equal(&heads[i].author, &me->device_id))
            next = heads[i].aseq + 1;
    if (own >= WR_AUTHORS_MAX || link->peer_next[own] > next)
        return;
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++)
        if (is_own(link, i) && (link->feeds[i].have > wr_self_feed(link->self, i)->tree.len ||
                                !wr_feed_complete(wr_self_feed(link->self, i))))
            return;
    wr_self_confirm(link->self);
}

wr_err wr_link_up(wr_link *link, wr_now now) {
    const wr_member *peer = wr_graph_find_noise(wr_self_graph(link->self), &link->peer_noise);
    bool guest = link->state == LINK_GUEST;
    if (peer == NULL) {
        link->state = LINK_GUEST;
        return WR_OK;
    }
    if (!peer->current || !wr_hash_equal(&peer->device_id, &link->hello.device_id))
        return WR_ERR_REFUSED;
    if (guest) /* it was nobody's mark yet when message 1 came */
        WR_TRY(wr_self_accept_mark(link->self, &peer->device_id, link->mark));
    link->peer = peer->device_id;
    link->peer_known = true;
    link->guest_deadline = WR_MONO_NEVER;
    link->state = LINK_UP;
    link->ping_due = true;
    link->ping_at = now.mono;
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        if (!is_peers(link, i))
            continue;
        wr_self_set_source(link->self, i, link->config.link_id);
        link->feeds[i].wanted = true; /* its own feeds come unasked */
    }
    wr_link_event(link,
                  &(wr_event){.type = WR_EV_UP, .device = link->peer, .addrs = link->hello.addrs});
    confirm(link);
    return WR_OK;
}

/* ---- frames in
 * ----------------------------------------------------------------------------------- */

static wr_err hear_hello(wr_link *link, wr_slice body, wr_now now) {
    if (link->hello_heard)
        return WR_ERR_STATE;
    wr_hello hello;
    WR_TRY(wr_hello_decode(body, &hello));
    if (!wr_hash_equal(&hello.circle_id, wr_graph_circle_id(wr_self_graph(link->self))))
        return WR_ERR_REFUSED;
    link->hello = hello;
    if (hello.addrs.len != 0)
        memcpy(link->addrs, hello.addrs.ptr, hello.addrs.len);
    link->hello.addrs = wr_slice_of(link->addrs, hello.addrs.len);
    link->hello_heard = true;
    wr_hash frontier = wr_self_frontier_digest(link->self);
    wr_hash heads = wr_graph_heads_digest(wr_self_graph(link->self));
    link->frontier_known =
        wr_equal(wr_slice_of(frontier.b, sizeof hello.frontier.b), WR_SLICE_OBJ(hello.frontier));
    link->frontier_due = !link->frontier_known;
    if (link->frontier_known)
        assume_equal(link);
    if (wr_equal(wr_slice_of(heads.b, sizeof hello.op_heads.b), WR_SLICE_OBJ(hello.op_heads)))
        ops_assume_equal(link);
    else
        link->op_heads_due = true;
    return wr_link_up(link, now);
}

static wr_err hear_op_heads(wr_link *link, wr_slice body) {
    bool reply;
    uint32_t count;
    WR_TRY(wr_list_open(&body, WR_AUTHORS_MAX, &reply, &count));
    for (uint32_t i = 0; i < count; i++) {
        wr_hash author, op_id;
        uint64_t aseq;
        WR_TRY(wr_op_head_take(&body, &author, &aseq, &op_id));
        uint32_t index = member_index(wr_self_graph(link->self), &author);
        if (index < WR_AUTHORS_MAX && aseq + 1 > link->peer_next[index])
            link->peer_next[index] = aseq + 1;
    }
    if (body.len != 0)
        return WR_ERR_FORMAT;
    link->op_heads_known = true;
    link->op_heads_due = link->op_heads_due || (reply && !link->op_heads_sent);
    confirm(link);
    return WR_OK;
}

static wr_err hear_ops(wr_link *link, wr_slice body, wr_now now) {
    const wr_graph *graph = wr_self_graph(link->self);
    if (link->state == LINK_GUEST) {
        link->guest_bytes += body.len;
        if (link->guest_bytes > LINK_GUEST_BYTES_MAX)
            return WR_ERR_LIMIT;
    }
    while (body.len != 0) {
        wr_slice bytes;
        wr_sig sig;
        wr_op op;
        WR_TRY(wr_ops_take(&body, &bytes, &sig));
        wr_err err = wr_self_admit(link->self, bytes, &sig, now);
        if (err == WR_ERR_FORK)
            wr_link_event(link, &(wr_event){.type = WR_EV_ALERT, .reason = err});
        WR_TRY(err);
        WR_TRY(wr_op_decode(bytes, &op));
        uint32_t author = member_index(graph, &op.author);
        if (author < WR_AUTHORS_MAX && op.aseq + 1 > link->peer_next[author])
            link->peer_next[author] = op.aseq + 1;
    }
    return link->state == LINK_GUEST ? wr_link_up(link, now) : WR_OK;
}

static void heard_have(wr_link *link, uint32_t index, uint64_t len, bool complete) {
    link_feed *feed = &link->feeds[index];
    feed->have = len;
    feed->have_complete = complete;
    if (feed->sent < len)
        feed->sent = len;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < link->flight_count; i++) {
        if (link->flights[i].feed_index == index && link->flights[i].end <= len)
            link->flight_bytes -= link->flights[i].bytes;
        else
            link->flights[kept++] = link->flights[i];
    }
    link->flight_count = kept;
}

static wr_err hear_frontier(wr_link *link, wr_slice body) {
    bool reply;
    uint32_t count;
    WR_TRY(wr_list_open(&body, WR_FEEDS_MAX, &reply, &count));
    for (uint32_t i = 0; i < count; i++) {
        wr_hash feed_id, root;
        uint64_t k, len;
        bool complete;
        uint32_t index;
        WR_TRY(wr_frontier_take(&body, &feed_id, &k, &len, &root, &complete));
        if (wr_self_find_feed(link->self, &feed_id, &index))
            heard_have(link, index, len, complete);
    }
    if (body.len != 0)
        return WR_ERR_FORMAT;
    link->frontier_known = true;
    /* Who asks does not have ours, also where an earlier one met it as a guest. */
    link->frontier_due = link->frontier_due || reply;
    confirm(link);
    return WR_OK;
}

static wr_err hear_have(wr_link *link, wr_slice body) {
    bool reply, complete;
    uint32_t count, index;
    WR_TRY(wr_list_open(&body, WR_FEEDS_MAX, &reply, &count));
    for (uint32_t i = 0; i < count; i++) {
        wr_hash feed_id;
        uint64_t len;
        WR_TRY(wr_have_take(&body, &feed_id, &len, &complete));
        if (wr_self_find_feed(link->self, &feed_id, &index))
            heard_have(link, index, len, complete);
    }
    return body.len == 0 ? WR_OK : WR_ERR_FORMAT;
}

static wr_err hear_want(wr_link *link, wr_slice body) {
    wr_hash feed_id;
    uint64_t from;
    uint32_t index;
    WR_TRY(wr_want_decode(body, &feed_id, &from));
    if (!wr_self_find_feed(link->self, &feed_id, &index))
        return WR_ERR_UNKNOWN;
    link_feed *feed = &link->feeds[index];
    feed->pushing = from != WR_WANT_STOP;
    if (!feed->pushing)
        return WR_OK;
    if (from > wr_self_feed(link->self, index)->tree.len)
        return WR_ERR_FORMAT;
    heard_have(link, index, from, false);
    feed->sent = from;
    return WR_OK;
}

static wr_err hear_data(wr_link *link, wr_slice body) {
    wr_data data;
    if (link->in_entries != NULL)
        return WR_ERR_STATE;
    WR_TRY(wr_data_decode(body, &data));
    if (!wr_self_find_feed(link->self, &data.feed_id, &link->in_feed))
        return WR_ERR_UNKNOWN;
    if (data.checkpoint.len != 0) {
        wr_err err = wr_self_checkpoint(link->self, link->in_feed, data.checkpoint, &data.sig);
        if (err == WR_ERR_FORK)
            wr_link_event(link, &(wr_event){.type = WR_EV_ALERT, .reason = err});
        if (err != WR_ERR_EXISTS)
            WR_TRY(err);
    }
    link->in_entries = malloc((size_t)data.size);
    if (link->in_entries == NULL)
        return WR_ERR_NOMEM;
    if (data.path.len != 0)
        memcpy(link->in_path, data.path.ptr, data.path.len);
    link->in_data = data;
    link->in_size = (size_t)data.size;
    link->in_at = 0;
    return WR_OK;
}

/* The unit is whole.  One that does not start where we stand is a late or early one: a sibling
 * raced it, so only where it should go on is said. */
static wr_err take_unit(wr_link *link, wr_now now) {
    const wr_feed *feed = wr_self_feed(link->self, link->in_feed);
    const wr_data *data = &link->in_data;
    if (data->first != feed->tree.len) {
        free(link->in_entries);
        link->in_entries = NULL;
        if (data->end > feed->tree.len)
            link->feeds[link->in_feed].wanted = false;
        return WR_OK;
    }
    wr_unit unit = {.first = data->first,
                    .end = data->end,
                    .lo = data->lo,
                    .entries = wr_slice_of(link->in_entries, link->in_size),
                    .path = link->in_path,
                    .path_count = (uint32_t)(data->path.len / WR_HASH_SIZE)};
    wr_err err = wr_self_take(link->self, link->in_feed, &unit, now);
    if (err == WR_ERR_FORK)
        wr_link_event(link, &(wr_event){.type = WR_EV_ALERT, .reason = err});
    link_feed *at = &link->feeds[link->in_feed];
    if (err == WR_OK && at->have < data->end) /* who sends an entry holds it */
        at->have = data->end;
    return err;
}

static wr_err hear_part(wr_link *link, wr_slice body, wr_now now) {
    if (link->in_entries == NULL || body.len == 0 || body.len > link->in_size - link->in_at)
        return WR_ERR_STATE;
    memcpy(link->in_entries + link->in_at, body.ptr, body.len);
    link->in_at += body.len;
    return link->in_at == link->in_size ? take_unit(link, now) : WR_OK;
}

static wr_err hear_echo(wr_link *link, uint8_t type, wr_slice body, wr_now now) {
    if (body.len != sizeof link->ping)
        return WR_ERR_FORMAT;
    if (type == WR_FRAME_PING) {
        memcpy(link->pong, body.ptr, sizeof link->pong);
        link->pong_due = true;
        return WR_OK;
    }
    if (link->ping_at.ms == WR_MONO_NEVER.ms || !wr_equal(body, wr_slice_of(link->ping, 8)))
        return WR_ERR_STATE;
    link->rtt_ms = now.mono.ms - link->ping_at.ms + 1;
    link->ping_at = WR_MONO_NEVER;
    return WR_OK;
}

/* Rows of a stored unit stand in its buffer; once they are stored it can go. */
static void release_unit(wr_link *link) {
    if (link->in_entries == NULL || link->in_at != link->in_size)
        return;
    free(link->in_entries);
    link->in_entries = NULL;
}

wr_err wr_link_frame(wr_link *link, uint8_t type, wr_slice body, wr_now now) {
    release_unit(link);
    if (type == WR_FRAME_CLOSE)
        return WR_ERR_CLOSED;
    if (type == WR_FRAME_HELLO)
        return hear_hello(link, body, now);
    if (!link->hello_heard)
        return WR_ERR_STATE;
    if (type == WR_FRAME_OP_HEADS)
        return hear_op_heads(link, body);
    if (type == WR_FRAME_OPS)
        return hear_ops(link, body, now);
    if (type == WR_FRAME_PING || type == WR_FRAME_PONG)
        return hear_echo(link, type, body, now);
    if (link->state != LINK_UP) /* from a stranger only ops are taken */
        return link->state == LINK_GUEST ? WR_OK : WR_ERR_STATE;
    switch (type) {
    case WR_FRAME_FRONTIER:
        return hear_frontier(link, body);
    case WR_FRAME_WANT:
        return hear_want(link, body);
    case WR_FRAME_HAVE:
        return hear_have(link, body);
    case WR_FRAME_DATA:
        return hear_data(link, body);
    case WR_FRAME_PART:
        return hear_part(link, body, now);
    default:
        return type >= WR_FRAME_IGNORABLE ? WR_OK : WR_ERR_FORMAT;
    }
}

/* ---- what is due to be said
 * ---------------------------------------------------------------------------- */

static wr_err say_hello(wr_link *link, wr_buf *plain, wr_now now) {
    const wr_graph *graph = wr_self_graph(link->self);
    wr_hello hello = {.version = 1, .unix_ms = now.wall.ms};
    hello.device_id = wr_self_identity(link->self)->device_id;
    hello.circle_id = *wr_graph_circle_id(graph);
    const wr_hash *epoch = wr_self_write_epoch(link->self);
    if (epoch != NULL)
        hello.newest_epoch = *epoch;
    wr_hash frontier = wr_self_frontier_digest(link->self), heads = wr_graph_heads_digest(graph);
    memcpy(hello.frontier.b, frontier.b, sizeof hello.frontier.b);
    memcpy(hello.op_heads.b, heads.b, sizeof hello.op_heads.b);
    hello.addrs = wr_slice_of(link->config.addrs, link->config.addrs_len);
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_hello_encode(&hello, &body));
    link->hello_sent = true;
    return wr_frame_put(plain, WR_FRAME_HELLO, wr_buf_slice(&body));
}

static wr_err say_op_heads(wr_link *link, wr_buf *plain) {
    wr_op_head heads[WR_AUTHORS_MAX];
    uint32_t count = wr_graph_author_heads(wr_self_graph(link->self), heads);
    uint8_t bytes[WR_AUTHORS_MAX * 80u];
    wr_buf body = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_list_begin(&body, !link->op_heads_known, count));
    for (uint32_t i = 0; i < count; i++)
        WR_TRY(wr_op_head_put(&body, &heads[i].author, heads[i].aseq, &heads[i].op_id));
    if (wr_frame_put(plain, WR_FRAME_OP_HEADS, wr_buf_slice(&body)) != WR_OK)
        return WR_OK; /* no room left: with the next message */
    link->op_heads_due = false;
    link->op_heads_sent = true;
    return WR_OK;
}

/* Ops that the peer lacks, parents first, as many as fit. */
static wr_err say_ops(wr_link *link, wr_buf *plain) {
    const wr_graph *graph = wr_self_graph(link->self);
    while (link->op_cursor < wr_graph_op_count(graph)) {
        wr_op_ref op = wr_graph_op(graph, link->op_cursor);
        uint32_t author = member_index(graph, &op.author);
        if (author < WR_AUTHORS_MAX && op.aseq >= link->peer_next[author]) {
            uint8_t bytes[WR_OP_BYTES_MAX + 80u];
            wr_buf body = WR_BUF_ARRAY(bytes);
            WR_TRY(wr_ops_put(&body, op.bytes, op.sig));
            if (wr_frame_put(plain, WR_FRAME_OPS, wr_buf_slice(&body)) != WR_OK)
                return WR_OK;
            link->peer_next[author] = op.aseq + 1;
        }
        link->op_cursor++;
    }
    return WR_OK;
}

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
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++)
        link->feeds[i].announced = wr_self_feed(link->self, i)->tree.len;
    return WR_OK;
}

/* Acknowledgement and announcement in one: what grew since the peer last heard of it. */
static wr_err say_have(wr_link *link, wr_buf *plain) {
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        const wr_feed *feed = wr_self_feed(link->self, i);
        if (feed->tree.len == link->feeds[i].announced || is_own(link, i))
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

/* A feed that nobody delivers and that this peer holds further than we do. */
static wr_err say_wants(wr_link *link, wr_buf *plain) {
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        link_feed *at = &link->feeds[i];
        const wr_feed *feed = wr_self_feed(link->self, i);
        uint64_t source = wr_self_source(link->self, i);
        bool ours = source == link->config.link_id;
        if (at->wanted || (source != 0 && !ours) || at->have <= feed->tree.len ||
            !at->have_complete)
            continue;
        uint8_t bytes[64];
        wr_buf body = WR_BUF_ARRAY(bytes);
        WR_TRY(wr_want_encode(&feed->feed_id, feed->tree.len, &body));
        if (wr_frame_put(plain, WR_FRAME_WANT, wr_buf_slice(&body)) != WR_OK)
            return WR_OK;
        at->wanted = true;
        wr_self_set_source(link->self, i, link->config.link_id);
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

wr_err wr_link_say(wr_link *link, wr_buf *plain, wr_now now) {
    release_unit(link); /* all it held is durable by now */
    if (!link->hello_sent)
        WR_TRY(say_hello(link, plain, now));
    if (!link->hello_heard)
        return WR_OK;
    if (link->op_heads_due)
        WR_TRY(say_op_heads(link, plain));
    if (link->op_heads_known)
        WR_TRY(say_ops(link, plain));
    if (link->state != LINK_UP)
        return WR_OK;
    if (link->frontier_due)
        WR_TRY(say_frontier(link, plain));
    if (link->frontier_known) {
        confirm(link);
        WR_TRY(say_have(link, plain));
        WR_TRY(say_wants(link, plain));
    }
    WR_TRY(say_small(link, plain));
    WR_TRY(say_unit(link, plain));
    if (link->close_due)
        return wr_frame_put(plain, WR_FRAME_CLOSE, wr_slice_of("", 1));
    return WR_OK;
}

/* ---- serving
 * -----------------------------------------------------------------------------------------------
 */

bool wr_link_serving(wr_link *link, wr_serve *ret_serve) {
    if (link->state != LINK_UP || link->sending || !link->frontier_known || !link->op_heads_known ||
        link->flight_count == LINK_WINDOW_UNITS || link->flight_bytes >= LINK_WINDOW_BYTES)
        return false;
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        const wr_feed *feed = wr_self_feed(link->self, i);
        link_feed *at = &link->feeds[i];
        if (!(is_own(link, i) || at->pushing) || !wr_feed_complete(feed) ||
            at->sent >= feed->tree.len)
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
    link->flights[link->flight_count++] = (link_flight){serve->feed_index, unit->end, size};
    link->flight_bytes += size;
}
