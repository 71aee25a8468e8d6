/* The device's side of the circle: life, loading, what to store, and looking.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/evidence.h"
#include "engine/self_impl.h"

#include <stdlib.h>

wr_err wr_self_new(const wr_identity *identity, wr_rng rng, wr_self **ret_self) {
    wr_self *self = calloc(1, sizeof *self);
    if (self == NULL)
        return WR_ERR_NOMEM;
    self->identity = *identity;
    self->rng = rng;
    self->run_feed = WR_FEED_NONE;
    self->epoch_max = (wr_volume){WR_EPOCH_ENTRIES_MAX, WR_EPOCH_BYTES_MAX};
    /* spec:sync#5.1 "An instance MUST be drawn anew by each process, and MUST NOT be stored." */
    wr_rng_fill(&self->rng, self->instance.b, sizeof self->instance.b);
    wr_err err = wr_generations_new(&self->generations);
    if (err == WR_OK) {
        self->graph = wr_generations_current(self->generations);
        wr_graph_set_evidence(self->graph, wr_evidence_check);
        wr_graph_set_own(self->graph, &identity->device_id);
        err = wr_keyring_new(&self->keyring);
    }
    if (err == WR_OK)
        err = wr_volumes_new(&self->volumes);
    if (err != WR_OK) {
        wr_self_free(self);
        return err;
    }
    *ret_self = self;
    return WR_OK;
}

void wr_self_free(wr_self *self) {
    if (self == NULL)
        return;
    for (uint32_t i = 0; i < self->feed_count; i++)
        free(self->feeds[i]);
    free(self->run_memory);
    wr_generations_free(self->generations);
    wr_keyring_free(self->keyring);
    wr_volumes_free(self->volumes);
    wr_identity_wipe(&self->identity);
    wr_wipe(self, sizeof *self);
    free(self);
}

/* ---- feeds of members ------------------------------------------------------------------ */

/* Where feed_id is, or belongs, in by_id. */
static uint32_t lower_bound(const wr_self *self, const wr_hash *feed_id) {
    uint32_t lo = 0, hi = self->feed_count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (wr_hash_order(&self->feeds[self->by_id[mid]]->feed.feed_id, feed_id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static wr_err feed_new(wr_self *self, const wr_hash *device_id, uint32_t stream) {
    if (self->feed_count == WR_FEEDS_MAX)
        return WR_ERR_LIMIT;
    self_feed *made = calloc(1, sizeof *made);
    if (made == NULL)
        return WR_ERR_NOMEM;
    wr_feed_init(&made->feed, wr_graph_circle_id(self->graph), device_id, stream);
    uint32_t at = lower_bound(self, &made->feed.feed_id);
    memmove(&self->by_id[at + 1], &self->by_id[at],
            (self->feed_count - at) * sizeof self->by_id[0]);
    self->by_id[at] = self->feed_count;
    self->feeds[self->feed_count++] = made;
    return WR_OK;
}

static wr_err adopt_members(wr_self *self) {
    while (self->members_known < wr_graph_member_count(self->graph)) {
        const wr_member *member = wr_graph_member(self->graph, self->members_known);
        /* A retry after NOMEM finds the streams that were made before. */
        uint32_t index;
        for (uint32_t stream = 0; stream < WR_STREAMS_MAX; stream++)
            if (!wr_self_device_feed(self, &member->device_id, stream, &index))
                WR_TRY(feed_new(self, &member->device_id, stream));
        self->members_known++;
    }
    return WR_OK;
}

wr_err wr_self_adopt_ops(wr_self *self) {
    if (self->graph != wr_generations_current(self->generations)) {
        self->graph = wr_generations_current(self->generations);
        self->members_known = 0;    /* its own list */
        self->has_evidence = false; /* of what is forgiven */
    }
    wr_keyring_set_circle(self->keyring, wr_graph_circle_id(self->graph));
    const wr_generations *generations = self->generations;
    for (; self->volumes_known < wr_generations_epoch_count(generations); self->volumes_known++)
        WR_TRY(wr_volumes_add(self->volumes,
                              wr_generations_epoch_id(generations, self->volumes_known)));
    wr_self_choose_epoch(self);
    wr_self_judge_aside(self);
    return adopt_members(self);
}

/* ---- loading ------------------------------------------------------------------------------ */

static wr_err as_corrupt(wr_err err) {
    return err == WR_OK || err == WR_ERR_NOMEM ? err : WR_ERR_CORRUPT;
}

wr_err wr_self_load_op(wr_self *self, wr_slice bytes, const wr_sig *sig) {
    WR_ASSERT(!self->loaded);
    WR_TRY(as_corrupt(wr_generations_admit(self->generations, bytes, sig, true)));
    self->ops_stored = wr_generations_op_count(self->generations);
    return wr_self_adopt_ops(self);
}

wr_err wr_self_load_seed(wr_self *self, const wr_hash *founder, const wr_key *seed) {
    WR_ASSERT(!self->loaded);
    WR_TRY(as_corrupt(wr_self_add_seed(self, founder, seed)));
    self->seeds_stored = wr_keyring_seed_count(self->keyring);
    return WR_OK;
}

wr_err wr_self_load_epoch(wr_self *self, const wr_hash *epoch_id, const wr_key *secret) {
    WR_ASSERT(!self->loaded);
    wr_err err = wr_self_add_epoch(self, epoch_id, secret);
    if (err == WR_ERR_UNKNOWN)
        return err;
    WR_TRY(as_corrupt(err));
    self->epochs_stored = wr_keyring_count(self->keyring);
    return WR_OK;
}

wr_err wr_self_load_history(wr_self *self, const wr_hash *epoch_id, wr_slice blob) {
    WR_ASSERT(!self->loaded);
    return wr_keyring_set_history(self->keyring, epoch_id, blob);
}

wr_err wr_self_load_head(wr_self *self, wr_slice head) {
    WR_ASSERT(!self->loaded);
    if (wr_graph_is_empty(self->graph))
        return WR_ERR_CORRUPT;
    wr_feed feed;
    WR_TRY(wr_feed_decode(head, wr_graph_circle_id(self->graph), &feed));
    uint32_t index;
    if (!wr_self_find_feed(self, &feed.feed_id, &index))
        return WR_ERR_CORRUPT;
    self->feeds[index]->feed = feed;
    return WR_OK;
}

static self_mark *find_mark(wr_self *self, const wr_hash *device_id) {
    for (uint32_t i = 0; i < self->mark_count; i++)
        if (wr_hash_equal(&self->marks[i].device_id, device_id))
            return &self->marks[i];
    if (self->mark_count == WR_AUTHORS_MAX)
        return NULL;
    self->marks[self->mark_count] = (self_mark){.device_id = *device_id};
    return &self->marks[self->mark_count++];
}

wr_err wr_self_load_mark(wr_self *self, const wr_hash *device_id, uint64_t mark) {
    WR_ASSERT(!self->loaded);
    self_mark *found = find_mark(self, device_id);
    if (found == NULL)
        return WR_ERR_CORRUPT;
    found->mark = mark;
    return WR_OK;
}

wr_err wr_self_load_volume(wr_self *self, const wr_hash *epoch_id, const wr_volume *volume) {
    WR_ASSERT(!self->loaded);
    return wr_volumes_load(self->volumes, epoch_id, volume) ? WR_OK : WR_ERR_CORRUPT;
}

/* A device that was admitted and of which nothing was ever seen, no op, no entry, no session, can
 * hold nothing of ours that we lost: it may have died before it became a member of its own. */
static bool was_seen(wr_self *self, const wr_hash *device_id) {
    for (uint32_t i = 0; i < wr_generations_count(self->generations); i++) {
        const wr_graph *graph = wr_generations_at(self->generations, i);
        uint32_t column;
        if (wr_graph_own_column(graph, device_id, &column) &&
            wr_graph_next_aseq(graph, column) != 0)
            return true;
    }
    for (uint32_t i = 0; i < self->feed_count; i++)
        if (wr_hash_equal(&self->feeds[i]->feed.device_id, device_id) &&
            self->feeds[i]->feed.has_checkpoint)
            return true;
    for (uint32_t i = 0; i < self->mark_count; i++)
        if (wr_hash_equal(&self->marks[i].device_id, device_id) && self->marks[i].mark != 0)
            return true;
    return false;
}

bool wr_self_has_witness(wr_self *self, const wr_hash *but, uint32_t but_count) {
    for (uint32_t i = 0; i < wr_graph_member_count(self->graph); i++) {
        const wr_member *member = wr_graph_member(self->graph, i);
        if (wr_member_is_in(member) &&
            !wr_hash_equal(&member->device_id, &self->identity.device_id) &&
            !wr_hash_is_among(&member->device_id, but, but_count) &&
            was_seen(self, &member->device_id))
            return true;
    }
    return false;
}

wr_err wr_self_load_done(wr_self *self, wr_now now) {
    WR_ASSERT(!self->loaded);
    const wr_member *me = wr_generations_device(self->generations, &self->identity.device_id);
    WR_SECRET(wr_key) seed;
    if (me == NULL || wr_keyring_count(self->keyring) == 0 ||
        !wr_keyring_seed(self->keyring, wr_graph_circle_id(self->graph), &seed))
        return WR_ERR_CORRUPT;
    /* Our own feeds are only ever stored whole. */
    for (uint32_t stream = 0; stream < WR_STREAMS_MAX; stream++) {
        uint32_t index;
        if (!wr_self_device_feed(self, &me->device_id, stream, &index))
            return WR_ERR_CORRUPT;
    }
    for (uint32_t i = 0; i < self->feed_count; i++)
        wr_self_see_feed(self, i, now);
    wr_self_drop_epochs(self);
    self->confirmed = !wr_self_has_witness(self, NULL, 0);
    self->twins.free_at = wr_mono_add(now.mono, WR_TWINS_RETURN_MS);
    self->loaded = true;
    return WR_OK;
}

/* ---- founding a circle ---- */

static wr_err found_genesis(wr_self *self, const wr_root *root, const wr_sign_key *root_sign,
                            wr_now now) {
    wr_genesis genesis = {.cert_bytes = wr_identity_cert(&self->identity), .root = *root};
    wr_rng_fill(&self->rng, genesis.nonce, sizeof genesis.nonce);
    uint8_t bytes[1024];
    wr_buf body = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_genesis_encode(&genesis, root_sign, &body));
    return wr_self_author(self, WR_OP_GENESIS, wr_buf_slice(&body), now);
}

wr_err wr_self_found(wr_self *self, const wr_root *root, const wr_sign_key *root_sign, wr_now now) {
    WR_ASSERT(wr_graph_is_empty(self->graph));
    self->loaded = true;
    self->confirmed = true;
    WR_TRY(found_genesis(self, root, root_sign, now));
    WR_SECRET(wr_key) seed;
    wr_rng_fill(&self->rng, seed.b, sizeof seed.b);
    WR_TRY(wr_keyring_add_seed(self->keyring, wr_graph_founder(self->graph), &seed));
    return wr_self_rotate(self, now);
}

/* ---- what must be stored ---- */

static bool poll_epoch(wr_self *self, wr_put *put) {
    if (self->epochs_stored == wr_keyring_count(self->keyring))
        return false;
    put->type = WR_PUT_EPOCH;
    put->id = *wr_keyring_epoch(self->keyring, self->epochs_stored++);
    bool held = wr_keyring_secret(self->keyring, &put->id, &self->put_secret);
    WR_ASSERT(held);
    put->secret = &self->put_secret;
    put->head = wr_keyring_history(self->keyring, &put->id);
    return true;
}

static bool poll_drop(wr_self *self, wr_put *put) {
    if (self->dropped_given == self->dropped_count)
        return false;
    put->type = WR_PUT_DROP;
    put->id = self->dropped[self->dropped_given++];
    return true;
}

static bool poll_seed(wr_self *self, wr_put *put) {
    if (self->seeds_stored == wr_keyring_seed_count(self->keyring))
        return false;
    put->type = WR_PUT_SEED;
    put->id = *wr_keyring_seed_founder(self->keyring, self->seeds_stored++);
    bool held = wr_keyring_seed(self->keyring, &put->id, &self->put_secret);
    WR_ASSERT(held);
    put->secret = &self->put_secret;
    return true;
}

static bool poll_op(wr_self *self, wr_put *put) {
    uint32_t number;
    if (self->ops_stored == wr_generations_op_count(self->generations))
        return false;
    put->type = WR_PUT_OP;
    put->op = wr_generations_op(self->generations, self->ops_stored++, &number);
    return true;
}

static bool poll_rows(wr_self *self, wr_put *put) {
    put->feed = &self->feeds[self->rows_feed]->feed;
    if (self->rows_next < self->taken.count) {
        put->type = WR_PUT_ROW;
        put->row = &self->taken.list[self->rows_next++];
        put->logs = &self->taken.logs[put->row->log_first];
        return true;
    }
    if (!self->nodes_dirty)
        return false;
    self->nodes_dirty = false;
    put->type = WR_PUT_NODES;
    put->nodes = &self->taken.nodes;
    return true;
}

static bool poll_head(wr_self *self, wr_put *put) {
    for (uint32_t i = 0; i < self->feed_count; i++) {
        if (!self->feeds[i]->head_dirty)
            continue;
        self->feeds[i]->head_dirty = false;
        wr_buf head = WR_BUF_ARRAY(self->head);
        wr_err err = wr_feed_encode(&self->feeds[i]->feed, &head);
        WR_ASSERT(err == WR_OK);
        put->type = WR_PUT_HEAD;
        put->feed = &self->feeds[i]->feed;
        put->head = wr_buf_slice(&head);
        return true;
    }
    return false;
}

static bool poll_mark(wr_self *self, wr_put *put) {
    for (uint32_t i = 0; i < self->mark_count; i++) {
        if (!self->marks[i].dirty)
            continue;
        self->marks[i].dirty = false;
        put->type = WR_PUT_MARK;
        put->id = self->marks[i].device_id;
        put->mark = self->marks[i].mark;
        return true;
    }
    return false;
}

static bool poll_volume(wr_self *self, wr_put *put) {
    put->type = WR_PUT_VOLUME;
    return wr_volumes_poll(self->volumes, &put->id, &put->volume);
}

bool wr_self_poll(wr_self *self, wr_put *ret_put) {
    wr_wipe(&self->put_secret, sizeof self->put_secret);
    *ret_put = (wr_put){.type = WR_PUT_OP};
    return poll_drop(self, ret_put) || poll_seed(self, ret_put) || poll_epoch(self, ret_put) ||
           poll_op(self, ret_put) || poll_rows(self, ret_put) || poll_head(self, ret_put) ||
           poll_mark(self, ret_put) || poll_volume(self, ret_put);
}

bool wr_self_pending(const wr_self *self) {
    if (self->dropped_given != self->dropped_count || self->nodes_dirty ||
        self->rows_next < self->taken.count ||
        self->seeds_stored != wr_keyring_seed_count(self->keyring) ||
        self->ops_stored != wr_generations_op_count(self->generations) ||
        self->epochs_stored != wr_keyring_count(self->keyring) || wr_volumes_pending(self->volumes))
        return true;
    for (uint32_t i = 0; i < self->feed_count; i++)
        if (self->feeds[i]->head_dirty)
            return true;
    for (uint32_t i = 0; i < self->mark_count; i++)
        if (self->marks[i].dirty)
            return true;
    return false;
}

void wr_self_give_rows(wr_self *self, uint32_t feed_index) {
    self->rows_feed = feed_index;
    self->rows_next = 0;
    self->nodes_dirty = self->taken.nodes.count != 0;
    /* spec:circle#5.4 "How much is held under an epoch MUST be stored in one commit with the
     * entries that it counts." */
    for (uint32_t i = 0; i < self->taken.count; i++)
        wr_volumes_count(self->volumes, self->taken.list[i].bytes);
    self->feeds[feed_index]->head_dirty = true;
}

/* ---- session times ---- */

uint64_t wr_self_next_mark(wr_self *self, wr_now now) {
    self_mark *own = find_mark(self, &self->identity.device_id);
    WR_ASSERT(own != NULL);
    own->mark = now.wall.ms > own->mark ? now.wall.ms : own->mark + 1;
    own->dirty = true;
    return own->mark;
}

wr_err wr_self_accept_mark(wr_self *self, const wr_hash *device_id, uint64_t mark) {
    self_mark *found = find_mark(self, device_id);
    if (found == NULL)
        return WR_ERR_LIMIT;
    /* spec:sync#1.4 "A responder MUST refuse a session time that is not greater than the last
     * one it accepted from this device." */
    if (mark <= found->mark)
        return WR_ERR_REFUSED;
    found->mark = mark;
    found->dirty = true;
    return WR_OK;
}

/* ---- looking ---- */

const wr_identity *wr_self_identity(const wr_self *self) {
    return &self->identity;
}

const wr_graph *wr_self_graph(const wr_self *self) {
    return self->graph;
}

const wr_generations *wr_self_generations(const wr_self *self) {
    return self->generations;
}

const wr_keyring *wr_self_keyring(const wr_self *self) {
    return self->keyring;
}

const wr_rng *wr_self_rng(const wr_self *self) {
    return &self->rng;
}

uint32_t wr_self_feed_count(const wr_self *self) {
    return self->feed_count;
}

const wr_feed *wr_self_feed(const wr_self *self, uint32_t index) {
    WR_ASSERT(index < self->feed_count);
    return &self->feeds[index]->feed;
}

bool wr_self_find_feed(const wr_self *self, const wr_hash *feed_id, uint32_t *ret_index) {
    uint32_t at = lower_bound(self, feed_id);
    if (at == self->feed_count ||
        !wr_hash_equal(&self->feeds[self->by_id[at]]->feed.feed_id, feed_id))
        return false;
    *ret_index = self->by_id[at];
    return true;
}

bool wr_self_device_feed(const wr_self *self, const wr_hash *device_id, uint32_t stream,
                         uint32_t *ret_index) {
    for (uint32_t i = 0; i < self->feed_count; i++) {
        const wr_feed *feed = &self->feeds[i]->feed;
        if (feed->stream != stream || !wr_hash_equal(&feed->device_id, device_id))
            continue;
        *ret_index = i;
        return true;
    }
    return false;
}

uint32_t wr_self_frontier(const wr_self *self, wr_frontier_item *items) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->feed_count; i++)
        if (wr_frontier_of(&self->feeds[self->by_id[i]]->feed, &items[count]))
            count++;
    return count;
}

wr_hash wr_self_frontier_digest(const wr_self *self) {
    wr_frontier_item items[WR_FEEDS_MAX];
    uint32_t count = wr_self_frontier(self, items);
    return wr_frontier_digest(items, count);
}

uint64_t wr_self_source(const wr_self *self, uint32_t feed_index) {
    return self->feeds[feed_index]->source;
}

void wr_self_set_source(wr_self *self, uint32_t feed_index, uint64_t link_id, uint64_t len) {
    self->feeds[feed_index]->source = link_id;
    self->feeds[feed_index]->source_len = len;
}

uint64_t wr_self_source_len(const wr_self *self, uint32_t feed_index) {
    return self->feeds[feed_index]->source_len;
}
