/* How a device's side of the circle grows: own runs and ops, and what siblings send.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/self_impl.h"

#include <stdlib.h>

/* ---- clock -------------------------------------------------------------------------------- */

#define HLC_COUNTER_BITS 16u

void wr_self_see_hlc(wr_self *self, uint64_t hlc, wr_now now) {
    uint64_t bound = (now.wall.ms + WR_CLOCK_AHEAD_MS_MAX) << HLC_COUNTER_BITS;
    /* spec:feed#6.4 "A clock that is more than five minutes ahead MUST NOT advance the local
     * one." */
    if (hlc > self->hlc && hlc <= bound)
        self->hlc = hlc;
}

void wr_self_see_feed(wr_self *self, uint32_t feed_index, wr_now now) {
    const wr_feed *feed = &self->feeds[feed_index]->feed;
    bool own = wr_hash_equal(&feed->device_id, &self->identity.device_id);
    if (own && feed->hlc_last > self->hlc)
        self->hlc = feed->hlc_last;
    wr_self_see_hlc(self, feed->hlc_last, now);
}

uint64_t wr_self_hlc(wr_self *self, wr_now now) {
    uint64_t wall = now.wall.ms << HLC_COUNTER_BITS;
    self->hlc = wall > self->hlc ? wall : self->hlc + 1;
    return self->hlc;
}

uint64_t wr_self_hlc_floor(const wr_self *self, uint32_t stream) {
    uint32_t index;
    if (!wr_self_device_feed(self, &self->identity.device_id, stream, &index))
        return 0;
    return self->run_feed == index ? self->run.hlc_last : self->feeds[index]->feed.hlc_last;
}

/* ---- opening bodies -------------------------------------------------------------------------- */

static wr_err open_under(const wr_self *self, const wr_hash *epoch_id, const wr_feed *feed,
                         const wr_entry *entry, wr_buf *out) {
    WR_SECRET(wr_feed_keys) keys;
    WR_TRY(wr_keyring_feed_keys(self->keyring, epoch_id, &feed->feed_id, &keys));
    return wr_entry_open(&keys, &feed->feed_id, epoch_id, entry, out);
}

/* The tag only selects; the full epoch id stands in the additional data.  Whoever makes two epochs
 * of one tag, by some hours of hashing, must not hide what others write under the one. */
wr_err wr_self_open(const wr_self *self, const wr_feed *feed, const wr_entry *entry, wr_buf *out) {
    wr_err err = WR_ERR_UNKNOWN;
    for (uint32_t i = wr_keyring_count(self->keyring);
         i-- > 0 && (err == WR_ERR_UNKNOWN || err == WR_ERR_AUTH);) {
        const wr_hash *epoch_id = wr_keyring_epoch(self->keyring, i);
        if (wr_order(wr_slice_of(epoch_id->b, WR_EPOCH_TAG_SIZE),
                     wr_slice_of(entry->epoch_tag, WR_EPOCH_TAG_SIZE)) == 0)
            err = open_under(self, epoch_id, feed, entry, out);
    }
    return err;
}

/* ---- own runs ---- */

/* spec:sync#5 "A device that has siblings MUST NOT sign anything after a start until one of them
 * has confirmed it." */
bool wr_self_may_sign(const wr_self *self) {
    return self->loaded && self->confirmed;
}

void wr_self_confirm(wr_self *self) {
    self->confirmed = true;
    wr_self_forget_twin(self, NULL);
}

static wr_err open_run(wr_self *self, uint32_t index) {
    if (self->run_memory == NULL)
        self->run_memory = malloc(WR_RUN_MEMORY);
    if (self->run_memory == NULL)
        return WR_ERR_NOMEM;
    wr_run_begin(&self->run, &self->feeds[index]->feed, self->run_memory, WR_RUN_MEMORY);
    self->run_feed = index;
    return WR_OK;
}

/* Once for a run, and again when the epoch changes within it. */
static wr_err derive_run_keys(wr_self *self, const wr_feed *feed, const wr_hash *epoch_id) {
    if (self->run_keyed && wr_hash_equal(&self->run_epoch, epoch_id))
        return WR_OK;
    WR_TRY(wr_keyring_feed_keys(self->keyring, epoch_id, &feed->feed_id, &self->run_keys));
    self->run_epoch = *epoch_id;
    self->run_keyed = true;
    return WR_OK;
}

wr_err wr_self_append(wr_self *self, uint32_t stream, uint8_t kind, uint16_t log_no, uint64_t hlc,
                      wr_slice content, uint64_t *ret_seq) {
    WR_ASSERT(self->rows_next == self->taken.count && !self->nodes_dirty);
    const wr_hash *epoch_id = wr_self_write_epoch(self);
    uint32_t index;
    if (!wr_self_may_sign(self))
        return WR_ERR_STATE;
    if (epoch_id == NULL || !wr_self_device_feed(self, &self->identity.device_id, stream, &index))
        return WR_ERR_UNKNOWN;
    WR_ASSERT(self->run_feed == WR_FEED_NONE || self->run_feed == index);
    wr_feed *feed = &self->feeds[index]->feed;
    if (self->run_feed == WR_FEED_NONE)
        WR_TRY(open_run(self, index));
    WR_TRY(derive_run_keys(self, feed, epoch_id));
    wr_entry entry = {.kind = kind, .log_no = log_no, .hlc = hlc};
    WR_TRY(wr_run_add(&self->run, feed, &self->run_keys, epoch_id, &self->rng, &entry, content));
    self->feeds[index]->signed_any = true;
    *ret_seq = entry.seq;
    return WR_OK;
}

/* Digest of all feeds but one: what its writer had seen when it signed. */
static wr_hash seen_digest(const wr_self *self, const wr_hash *but) {
    wr_frontier_item items[WR_FEEDS_MAX];
    uint32_t count = wr_self_frontier(self, items), kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!wr_hash_equal(&items[i].feed_id, but))
            items[kept++] = items[i];
    return wr_frontier_digest(items, kept);
}

wr_err wr_self_close_run(wr_self *self) {
    if (self->run_feed == WR_FEED_NONE)
        return WR_OK;
    uint32_t index = self->run_feed;
    wr_feed *feed = &self->feeds[index]->feed;
    self->run_feed = WR_FEED_NONE;
    self->run_keyed = false;
    wr_feed_keys_wipe(&self->run_keys);
    if (wr_run_count(&self->run, feed) == 0)
        return WR_OK;
    wr_hash heads[WR_OP_PARENTS_MAX];
    uint32_t head_count = wr_graph_heads(self->graph, heads);
    wr_hash seen = seen_digest(self, &feed->feed_id);
    WR_TRY(wr_run_close(&self->run, feed, &self->identity.sign, heads, head_count, &seen));
    self->taken = self->run.rows;
    wr_self_give_rows(self, index);
    return WR_OK;
}

/* ---- from siblings ---- */

static wr_err took_op(wr_self *self, wr_err err, wr_now now) {
    if (err == WR_ERR_EXISTS)
        return WR_OK;
    WR_TRY(err);
    uint32_t number, newest = wr_generations_op_count(self->generations) - 1;
    wr_op_ref op = wr_generations_op(self->generations, newest, &number);
    wr_self_see_hlc(self, op.hlc, now);
    if (!self->confirmed && wr_hash_equal(&op.author, &self->identity.device_id))
        self->regained_ops++;
    return wr_self_adopt_ops(self);
}

/* A second op in a graph that does not count is no evidence (circle.md 3.11). */
static bool is_of_current(const wr_self *self, wr_slice bytes) {
    wr_op op;
    uint32_t number;
    return wr_op_decode(bytes, &op) == WR_OK &&
           wr_generations_place(self->generations, &op, &number) == WR_OK &&
           wr_generations_at(self->generations, number) == self->graph;
}

/* Who is told a circle for the first time takes it as it was stored: the branches that were brought
 * in stand before what stands on them. */
wr_err wr_self_admit(wr_self *self, wr_slice op, const wr_sig *sig, wr_now now) {
    wr_err err = wr_generations_admit(self->generations, op, sig, !self->loaded);
    if (err == WR_ERR_FORK && is_of_current(self, op))
        wr_self_note_ops(self, op, sig);
    return took_op(self, err, now);
}

wr_err wr_self_admit_branch(wr_self *self, wr_slice op, const wr_sig *sig, wr_now now) {
    return took_op(self, wr_generations_admit(self->generations, op, sig, true), now);
}

/* The graph that all of these ops are in. */
static bool graph_of(const wr_self *self, const wr_hash *mheads, uint32_t count,
                     const wr_graph **ret_graph) {
    uint32_t number, other;
    if (!wr_generations_find(self->generations, &mheads[0], &number))
        return false;
    for (uint32_t i = 1; i < count; i++)
        if (!wr_generations_find(self->generations, &mheads[i], &other) || other != number)
            return false;
    *ret_graph = wr_generations_at(self->generations, number);
    return true;
}

/* The membership heads a checkpoint names: known here, and not fewer than its writer knew before;
 * who knows a RESET knows what that knew. */
static wr_err check_mheads(const wr_self *self, const wr_feed *feed, const wr_checkpoint *cp) {
    const wr_graph *now, *then;
    wr_checkpoint before;
    if (!graph_of(self, cp->mheads, cp->mhead_count, &now))
        return WR_ERR_UNKNOWN;
    if (!feed->has_checkpoint || cp->k < feed->cp_k)
        return WR_OK;
    WR_TRY(wr_checkpoint_decode(wr_feed_checkpoint(feed), &before));
    /* spec:feed#6.3 "The membership heads of a checkpoint MUST cover those of the one before it,
     * unless it names another graph (circle.md 2.6), which counts here or is of a later
     * generation." */
    if (!graph_of(self, before.mheads, before.mhead_count, &then))
        return WR_ERR_REFUSED;
    bool fine =
        now == then
            ? wr_graph_covers(now, cp->mheads, cp->mhead_count, before.mheads, before.mhead_count)
            : now == self->graph || wr_graph_generation(now) > wr_graph_generation(then);
    return fine ? WR_OK : WR_ERR_REFUSED;
}

/* spec:circle#4.7 "A checkpoint of a device that is out MUST be refused, unless a cut or an ACK
 * vouches for its length and root, and it is not beyond the limit." */
static wr_err check_limit(const wr_self *self, const wr_feed *feed, const wr_checkpoint *cp) {
    wr_limit limit = wr_graph_limit(self->graph, &feed->device_id, &feed->feed_id);
    if (limit.kept == UINT64_MAX)
        return WR_OK;
    return cp->len <= limit.kept && wr_graph_vouches(self->graph, &feed->device_id, &feed->feed_id,
                                                     cp->len, &cp->root)
               ? WR_OK
               : WR_ERR_REFUSED;
}

/* Of a writer that is out the newest checkpoint may reach beyond what is taken of its feed.  Nobody
 * brings the entries that would make it whole, and so those that count stay out as well. */
static bool is_beyond(const wr_self *self, const wr_feed *feed) {
    return !wr_feed_complete(feed) &&
           feed->cp_len > wr_graph_limit(self->graph, &feed->device_id, &feed->feed_id).kept;
}

uint64_t wr_self_covered(const wr_self *self, uint32_t feed_index) {
    const wr_feed *feed = &self->feeds[feed_index]->feed;
    return is_beyond(self, feed) ? 0 : feed->cp_len;
}

/* An older one that the writer signed, and an op vouches for.
 * spec:sync#4.1 "One that an op vouches for MUST take the place of a newer one that reaches beyond
 * the limit (circle.md 4.7) and is not whole." */
static bool takes_its_place(const wr_self *self, const wr_feed *feed, wr_slice bytes,
                            wr_checkpoint *ret_cp) {
    return is_beyond(self, feed) && wr_checkpoint_decode(bytes, ret_cp) == WR_OK &&
           ret_cp->k < feed->cp_k && ret_cp->len > feed->tree.len && ret_cp->hlc > feed->hlc_last &&
           check_limit(self, feed, ret_cp) == WR_OK;
}

wr_err wr_self_checkpoint(wr_self *self, uint32_t feed_index, wr_slice bytes, const wr_sig *sig) {
    self_feed *slot = self->feeds[feed_index];
    const wr_member *writer = wr_generations_device(self->generations, &slot->feed.device_id);
    WR_ASSERT(writer != NULL);
    wr_checkpoint cp;
    wr_err err = wr_feed_check(&slot->feed, bytes, sig, &writer->cert.sign, &cp);
    if (err == WR_ERR_FORK)
        wr_self_note_checkpoints(self, &slot->feed, bytes, sig);
    if (err != WR_ERR_EXISTS || !takes_its_place(self, &slot->feed, bytes, &cp))
        WR_TRY(err);
    WR_TRY(check_limit(self, &slot->feed, &cp));
    WR_TRY(check_mheads(self, &slot->feed, &cp));
    /* spec:sync#5 "Once it has signed entries of a feed since its start, a sibling that shows more
     * of that feed than it holds shows a fork; before that, this is fetched, and the device MUST be
     * confirmed anew." */
    if (wr_hash_equal(&slot->feed.device_id, &self->identity.device_id)) {
        if (self->confirmed && slot->signed_any)
            return WR_ERR_FORK;
        self->confirmed = false;
    }
    wr_feed_accept(&slot->feed, &cp, bytes, sig);
    slot->head_dirty = true;
    return WR_OK;
}

wr_err wr_self_take(wr_self *self, uint32_t feed_index, const wr_unit *unit, wr_now now) {
    WR_ASSERT(self->rows_next == self->taken.count && !self->nodes_dirty);
    /* spec:circle#4.7 "A unit that reaches beyond the limit MUST NOT be taken, also where its
     * checkpoint was accepted before the device went out." */
    const wr_feed *feed = &self->feeds[feed_index]->feed;
    if (unit->end > wr_graph_limit(self->graph, &feed->device_id, &feed->feed_id).kept)
        return WR_ERR_REFUSED;
    self->taken.count = 0;
    self->rows_next = 0;
    self->taken.nodes.count = 0;
    uint64_t len = feed->tree.len;
    wr_err err = wr_feed_take(&self->feeds[feed_index]->feed, unit, &self->taken);
    if (err != WR_OK) {
        self->taken.count = 0;
        self->taken.nodes.count = 0;
        return err;
    }
    if (wr_hash_equal(&feed->device_id, &self->identity.device_id))
        self->regained_entries += feed->tree.len - len;
    wr_self_give_rows(self, feed_index);
    wr_self_see_feed(self, feed_index, now);
    return WR_OK;
}
