/* What a sibling says: HELLO, frontiers, wants, units.  Ops and keys: link_ops.c; what is said to
 * it: link_say.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/link_fork.h"

#include <stdlib.h>

/* ---- who the peer is, what it holds ---------------------------------------------------------- */

void wr_link_drop_sources(wr_link *link) {
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++)
        if (wr_self_source(link->self, i) == link->config.link_id)
            wr_self_set_source(link->self, i, 0, 0);
}

bool wr_link_is_own(const wr_link *link, uint32_t index) {
    return wr_hash_equal(&wr_self_feed(link->self, index)->device_id,
                         &wr_self_identity(link->self)->device_id);
}

bool wr_link_is_peers(const wr_link *link, uint32_t index) {
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

void wr_link_own_behind(const wr_link *link, uint64_t *ret_entries, uint64_t *ret_ops) {
    *ret_entries = 0;
    *ret_ops = wr_link_own_ops_beyond(link);
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        const wr_feed *feed = wr_self_feed(link->self, i);
        uint64_t known = link->feeds[i].have > feed->cp_len ? link->feeds[i].have : feed->cp_len;
        if (wr_link_is_own(link, i) && known > feed->tree.len)
            *ret_entries += known - feed->tree.len;
    }
}

/* Nobody may hold more of us than we do; once that is known, we may sign. */
void wr_link_confirm(wr_link *link) {
    /* spec:sync#1.6 "The word of a guest MUST NOT confirm anything (section 5)." */
    if (wr_self_may_sign(link->self) || link->state != LINK_UP || !link->op_heads_known ||
        !link->frontier_known)
        return;
    /* spec:sync#5.1 "A device MUST NOT be confirmed on a session before SOLE was heard on it, nor
     * while a TWIN holds that another sibling said." */
    if (!link->sole_heard)
        return;
    uint64_t entries, ops;
    uint32_t own;
    wr_link_own_behind(link, &entries, &ops);
    link->place->vouches = entries == 0 && ops == 0 && !wr_link_own_parted(link) &&
                           wr_graph_own_column(wr_self_graph(link->self),
                                               &wr_self_identity(link->self)->device_id, &own);
    if (link->place->vouches && wr_self_twin_until(link->self).ms == 0)
        wr_self_confirm(link->self);
}

wr_err wr_link_up(wr_link *link, wr_now now) {
    const wr_member *peer = wr_graph_find_noise(wr_self_graph(link->self), &link->peer_noise);
    bool guest = link->state == LINK_GUEST;
    if (peer == NULL &&
        !wr_generations_has_noise(wr_self_generations(link->self), &link->peer_noise)) {
        link->state = LINK_GUEST;
        return WR_OK;
    }
    if (peer == NULL) /* two members share the key, or a RESET did not keep it */
        return WR_ERR_REFUSED;
    /* spec:sync#2.1 "A HELLO with another device id than that of the member whose key the
     * handshake proved MUST be refused." */
    if (!wr_member_is_in(peer) || !wr_hash_equal(&peer->device_id, &link->hello.device_id))
        return WR_ERR_REFUSED;
    if (guest) /* it was nobody's mark yet when message 1 came */
        WR_TRY(wr_self_accept_mark(link->self, &peer->device_id, link->mark));
    link->peer = peer->device_id;
    link->peer_known = true;
    link->wait_deadline = WR_MONO_NEVER;
    link->state = LINK_UP;
    link->keys_said = wr_keyring_count(wr_self_keyring(link->self)); /* it asks for older ones */
    link->ping_due = true;
    link->ping_at = now.mono;
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++)
        link->feeds[i].pushing = link->feeds[i].pushing || wr_link_is_own(link, i);
    WR_TRY(wr_link_take_place(link, now));
    wr_link_confirm(link);
    return WR_OK;
}

/* ---- frames in ---- */

static wr_err hear_hello(wr_link *link, wr_slice body, wr_now now) {
    if (link->hello_heard)
        return WR_ERR_STATE;
    wr_hello hello;
    WR_TRY(wr_hello_decode(body, &hello));
    /* spec:sync#2.1 "A HELLO of another circle MUST be refused." */
    if (!wr_hash_equal(&hello.circle_id, wr_graph_circle_id(wr_self_graph(link->self))))
        return WR_ERR_REFUSED;
    link->hello = hello;
    if (hello.addrs.len != 0)
        memcpy(link->addrs, hello.addrs.ptr, hello.addrs.len);
    link->hello.addrs = wr_slice_of(link->addrs, hello.addrs.len);
    link->hello_heard = true;
    wr_hash frontier = wr_self_frontier_digest(link->self);
    wr_hash heads = wr_generations_heads_digest(wr_self_generations(link->self));
    link->frontier_known =
        wr_equal(wr_slice_of(frontier.b, sizeof hello.frontier.b), WR_SLICE_OBJ(hello.frontier));
    link->frontier_due = !link->frontier_known;
    if (link->frontier_known)
        assume_equal(link);
    if (wr_equal(wr_slice_of(heads.b, sizeof hello.op_heads.b), WR_SLICE_OBJ(hello.op_heads)))
        wr_link_ops_equal(link);
    else
        link->op_heads_due = true;
    return wr_link_up(link, now);
}

/* ---- feeds ---- */

/* Units under way up to len are acknowledged, or of no use any more. */
static void land_flights(wr_link *link, uint32_t index, uint64_t len) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < link->flight_count; i++) {
        if (link->flights[i].feed_index == index && link->flights[i].end <= len)
            link->flight_bytes -= link->flights[i].bytes;
        else
            link->flights[kept++] = link->flights[i];
    }
    link->flight_count = kept;
}

/* The peer holds len entries.  It may hold more than we know, never less than it said. */
static wr_err heard_have(wr_link *link, uint32_t index, uint64_t len, bool complete, wr_now now) {
    link_feed *feed = &link->feeds[index];
    uint64_t ours = wr_self_feed(link->self, index)->tree.len;
    /* spec:sync#2.6 "What a device says that it holds of a feed, in FRONTIER, WANT and HAVE,
     * MUST NOT become less within a session." */
    if (len < feed->have)
        return WR_ERR_FORMAT;
    if (feed->have <= ours && len > ours) {
        feed->moved = now.mono; /* from now on it should come */
        feed->seen = ours;
    }
    feed->have = len;
    if (wr_self_source(link->self, index) == link->config.link_id)
        wr_self_set_source(link->self, index, link->config.link_id, len);
    feed->have_complete = complete;
    if (feed->sent < len)
        feed->sent = len;
    land_flights(link, index, len);
    return WR_OK;
}

static wr_err hear_frontier(wr_link *link, wr_slice body, wr_now now) {
    bool reply;
    uint32_t count;
    WR_TRY(wr_list_open(&body, WR_FEEDS_MAX, &reply, &count));
    for (uint32_t i = 0; i < count; i++) {
        wr_frontier_item item;
        uint32_t index;
        WR_TRY(
            wr_frontier_take(&body, &item.feed_id, &item.k, &item.len, &item.root, &item.complete));
        if (!wr_self_find_feed(link->self, &item.feed_id, &index))
            continue;
        WR_TRY(heard_have(link, index, item.len, item.complete, now));
        wr_link_compare(link, index, &item);
    }
    if (body.len != 0)
        return WR_ERR_FORMAT;
    link->frontier_known = true;
    /* Who asks does not have ours, also where an earlier one met it as a guest. */
    link->frontier_due = link->frontier_due || reply;
    wr_link_confirm(link);
    return WR_OK;
}

static wr_err hear_have(wr_link *link, wr_slice body, wr_now now) {
    bool reply, complete;
    uint32_t count, index;
    WR_TRY(wr_list_open(&body, WR_FEEDS_MAX, &reply, &count));
    for (uint32_t i = 0; i < count; i++) {
        wr_hash feed_id;
        uint64_t len;
        WR_TRY(wr_have_take(&body, &feed_id, &len, &complete));
        if (wr_self_find_feed(link->self, &feed_id, &index))
            WR_TRY(heard_have(link, index, len, complete, now));
    }
    return body.len == 0 ? WR_OK : WR_ERR_FORMAT;
}

static wr_err hear_want(wr_link *link, wr_slice body, wr_now now) {
    wr_hash feed_id;
    uint64_t from;
    uint32_t index;
    WR_TRY(wr_want_decode(body, &feed_id, &from));
    if (!wr_self_find_feed(link->self, &feed_id, &index))
        return WR_ERR_UNKNOWN;
    link_feed *feed = &link->feeds[index];
    /* spec:sync#2.5 "A WANT beyond what its receiver holds MUST end the session." */
    if (from != WR_WANT_STOP && from > wr_self_feed(link->self, index)->tree.len)
        return WR_ERR_FORMAT;
    if (from != WR_WANT_STOP)
        WR_TRY(heard_have(link, index, from, false, now));
    /* spec:sync#4.3 "With WANT and STOP what is under way of that feed MUST cease to count" */
    land_flights(link, index, UINT64_MAX);
    feed->pushing = from != WR_WANT_STOP;
    if (feed->pushing)
        feed->sent = from;
    return WR_OK;
}

/* Nothing more of it is expected from this peer for now; another may be asked. */
static void give_up(wr_link *link, uint32_t index) {
    link->feeds[index].wanted = false;
    link->feeds[index].stop_due = true;
    if (wr_self_source(link->self, index) == link->config.link_id)
        wr_self_set_source(link->self, index, 0, 0);
}

/* A unit does not fit where we stand.
 * spec:sync#4.5 "It MUST NOT do so again before the answer has come" */
static void skip_unit(wr_link *link, uint32_t index) {
    if (link->feeds[index].skipping)
        return;
    link->feeds[index].skipping = true;
    give_up(link, index);
}

/* What the peer holds of this feed is not what we hold.  The writer may have told us different
 * things.  spec:sync#4.7 "A session MUST go on when a feed was given up on it." */
void wr_link_bury(wr_link *link, uint32_t index) {
    link->feeds[index].dead = true;
    link->feeds[index].show_due = true;
    give_up(link, index);
}

/* Judges the checkpoint a unit comes with.  ret_fits: it is our newest one, too. */
static wr_err hear_checkpoint(wr_link *link, const wr_data *data, bool *ret_fits) {
    link_feed *at = &link->feeds[link->in_feed];
    const wr_feed *feed = wr_self_feed(link->self, link->in_feed);
    /* spec:sync#2.7 "DATA MUST carry the checkpoint under which the unit was made" */
    if (data->checkpoint.len == 0)
        return WR_ERR_FORMAT;
    *ret_fits = false;
    if (at->dead)
        return WR_OK;
    wr_feed before = *feed;
    wr_err err = wr_self_checkpoint(link->self, link->in_feed, data->checkpoint, &data->sig);
    if (err == WR_OK)
        wr_link_replaced(link, link->in_feed, &before);
    if (err == WR_ERR_FORK)
        wr_link_part(link, link->in_feed);
    if (err == WR_ERR_FORK || err == WR_ERR_UNKNOWN || err == WR_ERR_REFUSED ||
        err == WR_ERR_FORMAT) {
        wr_link_bury(link, link->in_feed);
        return WR_OK;
    }
    if (err != WR_ERR_EXISTS)
        WR_TRY(err);
    *ret_fits = wr_equal(data->checkpoint, wr_feed_checkpoint(feed));
    /* An older one that reaches farther than a newer one. */
    if (!*ret_fits && data->end > feed->cp_len)
        wr_link_bury(link, link->in_feed);
    else if (!*ret_fits && data->end > feed->tree.len)
        skip_unit(link, link->in_feed);
    return WR_OK;
}

static wr_err hear_data(wr_link *link, wr_slice body, wr_now now) {
    wr_data data;
    bool fits;
    /* spec:sync#2.7 "There MUST NOT be a DATA before all bytes of the one before have come, nor
     * a PART that is empty or brings more than is missing." */
    if (link->receiving)
        return WR_ERR_STATE;
    WR_TRY(wr_data_decode(body, &data));
    if (!wr_self_find_feed(link->self, &data.feed_id, &link->in_feed))
        return WR_ERR_UNKNOWN;
    /* It answers our WANT if it starts there, or where we have said since that we stand. */
    if (data.first >= link->feeds[link->in_feed].asked &&
        data.first <= wr_self_feed(link->self, link->in_feed)->tree.len)
        link->feeds[link->in_feed].skipping = false;
    WR_TRY(hear_checkpoint(link, &data, &fits));
    if (fits) {
        const wr_feed *feed = wr_self_feed(link->self, link->in_feed);
        link->in_entries = malloc((size_t)data.size);
        if (link->in_entries == NULL)
            return WR_ERR_NOMEM;
        link->in_checkpoint = feed->cp_hash;
        /* Who serves holds all that its checkpoint covers. */
        if (link->feeds[link->in_feed].have < feed->cp_len)
            WR_TRY(heard_have(link, link->in_feed, feed->cp_len, true, now));
    }
    if (data.path.len != 0)
        memcpy(link->in_path, data.path.ptr, data.path.len);
    link->in_data = data;
    link->in_size = (size_t)data.size;
    link->in_at = 0;
    link->receiving = true;
    return WR_OK;
}

/* The unit is whole.  spec:sync#4.5 "Such a unit MUST be dropped without blame."  It starts where
 * we do not stand, or a newer checkpoint came meanwhile. */
static wr_err take_unit(wr_link *link, wr_now now) {
    const wr_feed *feed = wr_self_feed(link->self, link->in_feed);
    const wr_data *data = &link->in_data;
    bool rest = data->end == feed->cp_len;
    if (link->in_entries == NULL || data->end <= feed->tree.len)
        return WR_OK;
    if (data->first != feed->tree.len || !wr_hash_equal(&link->in_checkpoint, &feed->cp_hash)) {
        skip_unit(link, link->in_feed);
        return WR_OK;
    }
    wr_unit unit = {.first = data->first,
                    .end = data->end,
                    .lo = data->lo,
                    .entries = wr_slice_of(link->in_entries, link->in_size),
                    .path = link->in_path,
                    .path_count = (uint32_t)(data->path.len / WR_HASH_SIZE)};
    /* Its clock begins before what is held ends: another branch, or its sender made it up. */
    if (link->in_size >= WR_SEGMENT_HEADER_SIZE &&
        wr_load_u64(link->in_entries + WR_EPOCH_TAG_SIZE) <= feed->hlc_last) {
        wr_link_bury(link, link->in_feed);
        return WR_OK;
    }
    wr_err err = wr_self_take(link->self, link->in_feed, &unit, now);
    if (err == WR_OK)
        link->feeds[link->in_feed].moved = now.mono;
    if (err == WR_ERR_REFUSED) { /* its writer went out, and the peer may not know it yet */
        wr_link_bury(link, link->in_feed);
        return WR_OK;
    }
    if (err != WR_ERR_FORK)
        return err;
    /* spec:sync#4.7 "An alert MUST NOT be raised on anything less than two signed statements
     * that exclude each other."
     * A rest unit proves nothing: its entries may be wrong. */
    if (!rest)
        wr_link_part(link, link->in_feed);
    wr_link_bury(link, link->in_feed);
    return WR_OK;
}

static wr_err hear_part(wr_link *link, wr_slice body, wr_now now) {
    if (!link->receiving || body.len == 0 || body.len > link->in_size - link->in_at)
        return WR_ERR_STATE;
    if (link->in_entries != NULL)
        memcpy(link->in_entries + link->in_at, body.ptr, body.len);
    link->in_at += body.len;
    if (link->in_at < link->in_size)
        return WR_OK;
    link->receiving = false;
    return take_unit(link, now);
}

/* ---- feeds that stand still ------------------------------------------------------------------ */

static bool is_behind(const wr_link *link, uint32_t index) {
    return link->feeds[index].wanted &&
           link->feeds[index].have > wr_self_feed(link->self, index)->tree.len;
}

/* This peer could bring more, but another session is to, and has nothing more itself. */
static bool is_held_up(const wr_link *link, uint32_t index) {
    const link_feed *at = &link->feeds[index];
    const wr_feed *feed = wr_self_feed(link->self, index);
    uint64_t source = wr_self_source(link->self, index);
    return !at->dead && !at->wanted && at->rest.ms == 0 && at->have_complete &&
           at->have > feed->tree.len && at->have >= wr_self_covered(link->self, index) &&
           source != 0 && source != link->config.link_id &&
           wr_self_source_len(link->self, index) <= feed->tree.len;
}

wr_mono wr_link_stall_deadline(const wr_link *link) {
    wr_mono deadline = WR_MONO_NEVER;
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        const link_feed *at = &link->feeds[i];
        if (is_behind(link, i))
            deadline = wr_mono_min(deadline, wr_mono_add(at->moved, LINK_STALL_MS));
        if (is_held_up(link, i))
            deadline = wr_mono_min(deadline, wr_mono_add(at->moved, LINK_HOLD_MS));
        if (at->rest.ms != 0)
            deadline = wr_mono_min(deadline, at->rest);
    }
    return deadline;
}

/* spec:sync#4.1 "Where a sibling holds more of a feed than is here, the one that delivers does not,
 * and nothing of it came for 5 seconds, a device MUST ask the sibling that holds more." */
static void take_over(wr_link *link, uint32_t index, wr_now now) {
    link_feed *at = &link->feeds[index];
    uint64_t len = wr_self_feed(link->self, index)->tree.len;
    if (!is_held_up(link, index) ||
        !wr_mono_reached(wr_mono_add(at->moved, LINK_HOLD_MS), now.mono))
        return;
    if (at->seen == len)
        wr_self_set_source(link->self, index, 0, 0);
    at->seen = len;
    at->moved = now.mono;
}

/* spec:sync#4.6 "A sibling that holds more of a feed and is to deliver it, and brings no unit for
 * 60 seconds that is taken, MUST lose it" */
void wr_link_stall_tick(wr_link *link, wr_now now) {
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        link_feed *at = &link->feeds[i];
        if (at->rest.ms != 0 && wr_mono_reached(at->rest, now.mono))
            at->rest.ms = 0;
        take_over(link, i, now);
        if (!is_behind(link, i) ||
            !wr_mono_reached(wr_mono_add(at->moved, LINK_STALL_MS), now.mono))
            continue;
        give_up(link, i);
        at->skipping = false;
        at->rest = wr_mono_add(now.mono, LINK_STALL_MS);
    }
}

static wr_err hear_echo(wr_link *link, uint8_t type, wr_slice body, wr_now now) {
    if (body.len != sizeof link->ping)
        return WR_ERR_FORMAT;
    if (type == WR_FRAME_PING) {
        memcpy(link->pong, body.ptr, sizeof link->pong);
        link->pong_due = true;
        return WR_OK;
    }
    /* spec:sync#2.8 "A PONG that nobody asked for MUST end the session." */
    if (link->ping_at.ms == WR_MONO_NEVER.ms || !wr_equal(body, wr_slice_of(link->ping, 8)))
        return WR_ERR_STATE;
    link->rtt_ms = now.mono.ms - link->ping_at.ms + 1;
    link->ping_at = WR_MONO_NEVER;
    wr_link_answered(link);
    return WR_OK;
}

/* Rows of a stored unit stand in its buffer; once they are stored it can go. */
void wr_link_release_unit(wr_link *link) {
    if (link->receiving)
        return;
    free(link->in_entries);
    link->in_entries = NULL;
}

wr_err wr_link_frame(wr_link *link, uint8_t type, wr_slice body, wr_now now) {
    wr_link_release_unit(link);
    /* spec:sync#1.6 "A guest that is no member 10 seconds after message 1, or whose frames had
     * more than 1 MiB of bodies, MUST be left." */
    if (link->state == LINK_GUEST) {
        link->guest_bytes += body.len;
        if (link->guest_bytes > LINK_GUEST_BYTES_MAX)
            return WR_ERR_LIMIT;
    }
    if (type == WR_FRAME_CLOSE) {
        link->peer_left = true;
        return WR_ERR_CLOSED;
    }
    if (type == WR_FRAME_HELLO)
        return hear_hello(link, body, now);
    /* spec:sync#2.1 "HELLO MUST be the first frame of each side, and MUST NOT be said twice." */
    if (!link->hello_heard)
        return WR_ERR_STATE;
    if (type == WR_FRAME_OP_HEADS)
        return wr_link_hear_op_heads(link, body);
    if (type == WR_FRAME_OPS)
        return wr_link_hear_ops(link, body, now);
    if (type == WR_FRAME_PING || type == WR_FRAME_PONG)
        return hear_echo(link, type, body, now);
    if (type == WR_FRAME_SOLE) /* of a guest it counts once that is a member here, too */
        return wr_link_hear_sole(link, body);
    /* spec:sync#1.6 "a device MUST NOT take anything about feeds from a guest." */
    if (link->state != LINK_UP)
        return link->state == LINK_GUEST ? WR_OK : WR_ERR_STATE;
    switch (type) {
    case WR_FRAME_TWIN:
        return wr_link_hear_twin(link, body, now);
    case WR_FRAME_KEY_WANT:
        return wr_link_hear_key_want(link, body);
    case WR_FRAME_KEYS:
        return wr_link_hear_keys(link, body);
    case WR_FRAME_FRONTIER:
        return hear_frontier(link, body, now);
    case WR_FRAME_WANT:
        return hear_want(link, body, now);
    case WR_FRAME_HAVE:
        return hear_have(link, body, now);
    case WR_FRAME_DATA:
        return hear_data(link, body, now);
    case WR_FRAME_PART:
        return hear_part(link, body, now);
    case WR_FRAME_CHECKPOINT:
        return wr_link_hear_checkpoint(link, body);
    default:
        /* spec:wire#3.3 "A frame of an unknown type below 128 MUST end the session."
         * spec:wire#3.3 "From 128 on a frame that is not known MUST be ignored" */
        return type >= WR_FRAME_IGNORABLE ? WR_OK : WR_ERR_FORMAT;
    }
}
