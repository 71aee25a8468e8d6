/* A new generation of the circle, founded with the recovery key: who stays, who never comes back,
 * and how much of whose feed counts.
 *
 * Spec:   proto/spec/circle.md 2.6, 3.12, 4.7
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/self_reset.h"

#include "engine/self_impl.h"

#include <stdlib.h>

#define ITEM_BYTES_MAX 80u /* a cut, an epoch */
#define LISTS_BYTES_MAX WR_OP_RESET_BYTES_MAX

typedef struct reset_lists { /* large, so on the heap */
    uint8_t keep[LISTS_BYTES_MAX], gone[LISTS_BYTES_MAX], cuts[LISTS_BYTES_MAX];
    uint8_t epochs[LISTS_BYTES_MAX], body[LISTS_BYTES_MAX], op[LISTS_BYTES_MAX];
} reset_lists;

static reset_lists *reset_lists_new(void) {
    return malloc(sizeof(reset_lists));
}

/* ---- devices ---- */

static bool is_kept(const wr_self *self, const wr_restart *restart, const wr_hash *device_id) {
    const wr_member *member = wr_graph_find(self->graph, device_id);
    if (restart->keep_count != 0)
        return wr_hash_is_among(device_id, restart->keep, restart->keep_count);
    return member != NULL && member->current;
}

/* All that ever were members, ascending. */
static uint32_t list_devices(const wr_self *self, wr_hash devices[WR_AUTHORS_MAX]) {
    uint32_t count = wr_generations_device_count(self->generations);
    for (uint32_t i = 0; i < count; i++)
        devices[i] = wr_generations_device_at(self->generations, i)->device_id;
    wr_hash_sort(devices, count);
    return count;
}

static wr_err put_kept(const wr_self *self, const wr_member *member, wr_buf *items) {
    uint8_t bytes[WR_CERT_BYTES_MAX];
    wr_buf cert = WR_BUF_ARRAY(bytes);
    const wr_member *now = wr_graph_find(self->graph, &member->device_id);
    /* Who was no member before comes back with the lower role. */
    wr_role_kind role = now != NULL && now->current ? now->role : WR_ROLE_MEMBER;
    WR_TRY(wr_cert_encode(&member->cert, &cert));
    wr_hash id = wr_device_id(wr_buf_slice(&cert));
    if (!wr_hash_equal(&id, &member->device_id)) /* it has a key that this version cannot write */
        return WR_ERR_VERSION;
    return wr_kept_put(items, &(wr_kept){wr_buf_slice(&cert), role});
}

static wr_err put_devices(const wr_self *self, const wr_restart *restart, wr_buf *keep,
                          wr_buf *gone, wr_reset *reset) {
    wr_hash devices[WR_AUTHORS_MAX];
    uint32_t count = list_devices(self, devices);
    for (uint32_t i = 0; i < count; i++) {
        const wr_member *member = wr_generations_device(self->generations, &devices[i]);
        if (is_kept(self, restart, &devices[i])) {
            WR_TRY(put_kept(self, member, keep));
            reset->keep.count++;
        } else {
            wr_gone entry = {devices[i], member->cert.sign, member->cert.noise, member->cert.box};
            WR_TRY(wr_gone_put(gone, &entry));
            reset->gone.count++;
        }
    }
    reset->keep.items = wr_buf_slice(keep);
    reset->gone.items = wr_buf_slice(gone);
    bool all = restart->keep_count == 0 || reset->keep.count == restart->keep_count;
    if (reset->keep.count > WR_MEMBERS_MAX)
        return WR_ERR_LIMIT;
    return all ? WR_OK : WR_ERR_UNKNOWN;
}

/* ---- feeds ---- */

/* As much as is in the logs now.  Where that is less than we hold, the op that says so has its
 * root.
 */
static bool cut_of(const wr_self *self, const wr_feed *feed, wr_cut *ret_cut) {
    wr_limit limit = wr_graph_limit(self->graph, &feed->device_id, &feed->feed_id);
    if (feed->tree.len == 0)
        return false;
    *ret_cut = (wr_cut){feed->feed_id, feed->tree.len, wr_tree_root(&feed->tree)};
    if (feed->tree.len <= limit.shown)
        return true;
    ret_cut->len = limit.shown;
    return limit.shown != 0 && wr_graph_cut_root(self->graph, &feed->device_id, &feed->feed_id,
                                                 limit.shown, &ret_cut->root);
}

static wr_err put_cuts(const wr_self *self, wr_buf *items, wr_reset *reset) {
    for (uint32_t i = 0; i < self->feed_count; i++) {
        wr_cut cut;
        if (!cut_of(self, &self->feeds[self->by_id[i]]->feed, &cut))
            continue;
        WR_TRY(wr_cut_put(items, &cut));
        reset->cuts.count++;
    }
    reset->cuts.items = wr_buf_slice(items);
    return WR_OK;
}

/* ---- epochs ---- */

static wr_err put_epoch(const wr_self *self, const wr_hash *epoch_id, wr_buf *items,
                        wr_reset *reset) {
    wr_reset_epoch epoch = {.epoch_id = *epoch_id};
    if (!wr_generations_epoch_commit(self->generations, epoch_id, &epoch.commit))
        return WR_ERR_UNKNOWN;
    WR_TRY(wr_reset_epoch_put(items, &epoch));
    reset->epochs.count++;
    return WR_OK;
}

/* The one that is written under, or else the newest; then as many of the newest as have room: who
 * holds their ops needs no list. */
static wr_err put_epochs(const wr_self *self, size_t room, wr_buf *items, wr_reset *reset) {
    wr_hash others[WR_EPOCHS_MAX];
    uint32_t held = wr_keyring_count(self->keyring), count = 0;
    size_t most = room / ITEM_BYTES_MAX;
    WR_ASSERT(held != 0); /* no device loads, founds or joins without one */
    const wr_hash *first = wr_self_write_epoch(self);
    if (first == NULL)
        first = wr_keyring_epoch(self->keyring, held - 1);
    WR_TRY(put_epoch(self, first, items, reset));
    for (uint32_t i = held; i-- > 0 && count + 1 < most;)
        if (!wr_hash_equal(wr_keyring_epoch(self->keyring, i), first))
            others[count++] = *wr_keyring_epoch(self->keyring, i);
    wr_hash_sort(others, count);
    for (uint32_t i = 0; i < count; i++)
        WR_TRY(put_epoch(self, &others[i], items, reset));
    reset->epochs.items = wr_buf_slice(items);
    return WR_OK;
}

/* ---- all of it ---- */

static wr_err sign(wr_self *self, const wr_restart *restart, reset_lists *lists, wr_now now) {
    WR_SECRET(wr_key) seed;
    wr_buf keep = WR_BUF_ARRAY(lists->keep), gone = WR_BUF_ARRAY(lists->gone);
    wr_buf cuts = WR_BUF_ARRAY(lists->cuts), epochs = WR_BUF_ARRAY(lists->epochs);
    wr_buf body = WR_BUF_ARRAY(lists->body), op = WR_BUF_ARRAY(lists->op);
    wr_hash heads[WR_OP_PARENTS_MAX];
    wr_reset reset = {.root = *wr_graph_root(self->graph)};
    wr_sig sig;
    /* spec:circle#5.5 "A RESET MUST make a new Q." */
    wr_rng_fill(&self->rng, seed.b, sizeof seed.b);
    reset.seed_commit = wr_seed_commit(&seed, wr_graph_circle_id(self->graph));
    WR_TRY(put_devices(self, restart, &keep, &gone, &reset));
    WR_TRY(put_cuts(self, &cuts, &reset));
    size_t used = keep.len + gone.len + cuts.len + WR_OP_PARENTS_MAX * 34u + 1024u;
    if (used + ITEM_BYTES_MAX > LISTS_BYTES_MAX)
        return WR_ERR_LIMIT;
    WR_TRY(put_epochs(self, LISTS_BYTES_MAX - used, &epochs, &reset));
    WR_TRY(wr_reset_encode(&reset, &body));
    /* An op that it does not stand on would be void, and who may not sign cannot join the heads. */
    if (wr_graph_heads(self->graph, heads) == WR_OP_PARENTS_MAX)
        return WR_ERR_LIMIT;
    WR_TRY(wr_graph_author_root(self->graph, restart->root, WR_OP_RESET, wr_buf_slice(&body),
                                wr_self_hlc(self, now), &op, &sig));
    WR_TRY(wr_generations_admit(self->generations, wr_buf_slice(&op), &sig, false));
    wr_hash founder = wr_hash_of(WR_LABEL_OP_ID, wr_buf_slice(&op));
    WR_TRY(wr_self_add_seed(self, &founder, &seed));
    return wr_self_adopt_ops(self);
}

static uint32_t list_left(const wr_self *self, const wr_restart *restart,
                          wr_hash left[WR_AUTHORS_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < wr_graph_member_count(self->graph); i++) {
        const wr_hash *id = &wr_graph_member(self->graph, i)->device_id;
        if (!is_kept(self, restart, id))
            left[count++] = *id;
    }
    return count;
}

wr_err wr_self_reset(wr_self *self, const wr_restart *restart, wr_now now) {
    WR_ASSERT(restart->keep_count <= WR_MEMBERS_MAX);
    wr_hash left[WR_AUTHORS_MAX];
    uint32_t left_count = list_left(self, restart, left);
    if (!wr_self_may_end(self, left, left_count))
        return WR_ERR_STATE;
    if (!is_kept(self, restart, &self->identity.device_id))
        return WR_ERR_UNKNOWN;
    WR_TRY(wr_self_ack(self, now)); /* what we hold of those who are out is said before the end */
    WR_TRY(wr_self_join_heads(self, now));
    reset_lists *lists = reset_lists_new();
    if (lists == NULL)
        return WR_ERR_NOMEM;
    wr_err err = sign(self, restart, lists, now);
    free(lists);
    WR_TRY(err == WR_ERR_NOBUF ? WR_ERR_LIMIT : err);
    wr_self_ended(self, left, left_count);
    err = wr_self_rotate(self, now);
    return err == WR_ERR_LIMIT ? WR_OK : err; /* as with a removal */
}
