/* What this device does to its circle: membership ops, acknowledgements, new epochs.
 *
 * Spec:   proto/spec/circle.md 3, 5
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/self_impl.h"

#define BODY_BYTES_MAX (WR_OP_BYTES_MAX / 2u) /* parents and header need the rest */
#define CUT_BYTES_MAX 80u                     /* one encoded cut */
_Static_assert(WR_OP_CUTS_MAX *CUT_BYTES_MAX + WR_MEMBERS_MAX * 34u + WR_OP_PARENTS_MAX * 34u +
                       1024u <=
                   WR_OP_BYTES_MAX,
               "a REMOVE of many devices fits");

/* ---- signing ---- */

static wr_err take_own(wr_self *self, wr_buf *op, const wr_sig *sig) {
    WR_TRY(wr_graph_admit(self->graph, wr_buf_slice(op), sig));
    return wr_self_adopt_ops(self);
}

static wr_err sign_op(wr_self *self, wr_op_type type, wr_slice body, wr_now now) {
    uint8_t bytes[WR_OP_BYTES_MAX];
    wr_buf op = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    WR_TRY(wr_graph_author(self->graph, &self->identity, type, body, wr_self_hlc(self, now), &op,
                           &sig));
    return take_own(self, &op, &sig);
}

/* Devices that are out by accusations of others which no op of ours covers yet: what this device
 * holds of their feeds is what it vouches for (circle.md 3.4). */
static uint32_t newly_removed(const wr_self *self, wr_hash devices[WR_AUTHORS_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < wr_graph_member_count(self->graph); i++) {
        const wr_member *member = wr_graph_member(self->graph, i);
        wr_op_ref end = wr_graph_end_of(self->graph, i);
        if (!member->current && end.type != WR_OP_GENESIS &&
            !wr_graph_has_covered(self->graph, &self->identity.device_id, &end.id))
            devices[count++] = member->device_id;
    }
    return count;
}

static wr_err sign_ack(wr_self *self, wr_now now) {
    uint8_t item_bytes[WR_OP_CUTS_MAX * CUT_BYTES_MAX], body_bytes[BODY_BYTES_MAX + 4096u];
    wr_buf items = WR_BUF_ARRAY(item_bytes), body = WR_BUF_ARRAY(body_bytes);
    wr_hash devices[WR_AUTHORS_MAX];
    wr_op_list seen;
    uint32_t count = newly_removed(self, devices);
    WR_TRY(wr_self_put_cuts(self, devices, count, &items, &seen));
    WR_TRY(wr_ack_encode(&seen, &body));
    return sign_op(self, WR_OP_ACK, wr_buf_slice(&body), now);
}

/* Where the first op that covers what others did has to be an ACK, it goes ahead. */
static wr_err sign_ack_first(wr_self *self, wr_now now) {
    if (wr_graph_ack_state(self->graph, &self->identity.device_id) != WR_ACK_FIRST)
        return WR_OK;
    return sign_ack(self, now);
}

wr_err wr_self_author(wr_self *self, wr_op_type type, wr_slice body, wr_now now) {
    if (!wr_self_may_sign(self))
        return WR_ERR_STATE;
    WR_TRY(sign_ack_first(self, now));
    return sign_op(self, type, body, now);
}

wr_err wr_self_ack(wr_self *self, wr_now now) {
    if (!wr_self_may_sign(self) ||
        wr_graph_ack_state(self->graph, &self->identity.device_id) == WR_ACK_NONE)
        return WR_OK;
    return sign_ack(self, now);
}

wr_err wr_self_make_add(wr_self *self, wr_slice body, wr_now now, wr_buf *out, wr_sig *ret_sig) {
    if (!wr_self_may_sign(self))
        return WR_ERR_STATE;
    WR_TRY(sign_ack_first(self, now));
    return wr_graph_author(self->graph, &self->identity, WR_OP_ADD, body, wr_self_hlc(self, now),
                           out, ret_sig);
}

/* ---- removing ---- */

static bool is_among(const wr_hash *id, const wr_hash *ids, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (wr_hash_equal(&ids[i], id))
            return true;
    return false;
}

wr_err wr_self_put_cuts(const wr_self *self, const wr_hash *devices, uint32_t count, wr_buf *items,
                        wr_op_list *ret_cuts) {
    *ret_cuts = WR_OP_LIST_NONE;
    for (uint32_t i = 0; i < self->feed_count; i++) {
        const wr_feed *feed = &self->feeds[self->by_id[i]]->feed;
        if (feed->tree.len == 0 || !is_among(&feed->device_id, devices, count))
            continue;
        if (ret_cuts->count == WR_OP_CUTS_MAX)
            return WR_ERR_LIMIT;
        wr_cut cut = {feed->feed_id, feed->tree.len, wr_tree_root(&feed->tree)};
        WR_TRY(wr_cut_put(items, &cut));
        ret_cuts->count++;
    }
    ret_cuts->items = wr_buf_slice(items);
    return WR_OK;
}

/* A device that is not confirmed may sign the removal of those who could confirm it: nobody else
 * is left to ask. */
static wr_err may_remove(wr_self *self, const wr_hash *targets, uint32_t count) {
    if (wr_self_may_sign(self))
        return WR_OK;
    if (!self->loaded || wr_self_has_witness(self, targets, count))
        return WR_ERR_STATE;
    self->confirmed = true;
    return WR_OK;
}

static wr_err sign_as_root(wr_self *self, const wr_sign_key *root, wr_op_type type, wr_slice body,
                           wr_now now) {
    uint8_t bytes[WR_OP_BYTES_MAX];
    wr_buf op = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    WR_TRY(wr_graph_author_root(self->graph, root, type, body, wr_self_hlc(self, now), &op, &sig));
    return take_own(self, &op, &sig);
}

wr_err wr_self_remove(wr_self *self, const wr_removal *removal, wr_now now) {
    uint8_t item_bytes[WR_OP_CUTS_MAX * CUT_BYTES_MAX], id_bytes[WR_MEMBERS_MAX * 34u];
    uint8_t body_bytes[WR_OP_BYTES_MAX];
    wr_buf items = WR_BUF_ARRAY(item_bytes), ids = WR_BUF_ARRAY(id_bytes);
    wr_buf body = WR_BUF_ARRAY(body_bytes);
    wr_remove remove = {.reason = removal->reason};
    WR_ASSERT(removal->target_count != 0 && removal->target_count <= WR_MEMBERS_MAX);
    WR_TRY(may_remove(self, removal->targets, removal->target_count));
    WR_TRY(wr_self_put_cuts(self, removal->targets, removal->target_count, &items, &remove.cuts));
    for (uint32_t i = 0; i < removal->target_count; i++)
        WR_TRY(wr_id_put(&ids, &removal->targets[i]));
    remove.targets = (wr_op_list){removal->target_count, wr_buf_slice(&ids)};
    WR_TRY(wr_remove_encode(&remove, &body));
    WR_TRY(sign_ack_first(self, now));
    if (removal->root == NULL)
        WR_TRY(sign_op(self, WR_OP_REMOVE, wr_buf_slice(&body), now));
    else
        WR_TRY(sign_as_root(self, removal->root, WR_OP_REMOVE, wr_buf_slice(&body), now));
    /* spec:circle#5.4 "The device that signs a REMOVE MUST make a new epoch in the same step." */
    return wr_self_rotate(self, now);
}

wr_err wr_self_leave(wr_self *self, wr_now now) {
    uint8_t item_bytes[WR_STREAMS_MAX * CUT_BYTES_MAX], body_bytes[1024];
    wr_buf items = WR_BUF_ARRAY(item_bytes), body = WR_BUF_ARRAY(body_bytes);
    wr_op_list cuts;
    WR_TRY(wr_self_put_cuts(self, &self->identity.device_id, 1, &items, &cuts));
    WR_TRY(wr_leave_encode(&cuts, &body));
    return wr_self_author(self, WR_OP_LEAVE, wr_buf_slice(&body), now);
}

wr_err wr_self_set_role(wr_self *self, const wr_hash *device_id, wr_role_kind role,
                        const wr_sign_key *root, wr_now now) {
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_role_op op = {*device_id, role};
    WR_TRY(wr_role_encode(&op, &body));
    if (!wr_self_may_sign(self))
        return WR_ERR_STATE;
    WR_TRY(sign_ack_first(self, now));
    return root == NULL ? sign_op(self, WR_OP_ROLE, wr_buf_slice(&body), now)
                        : sign_as_root(self, root, WR_OP_ROLE, wr_buf_slice(&body), now);
}

/* ---- epochs ---- */

bool wr_self_rotation_due(const wr_self *self, wr_now now) {
    const wr_member *me = wr_graph_find(self->graph, &self->identity.device_id);
    if (!wr_self_may_sign(self) || me == NULL || !me->current)
        return false;
    /* spec:circle#5.4 "A member that may sign MUST make a new epoch when there is none that it may
     * write under, and when that one is seven days old and it writes." */
    return !self->has_write_epoch || now.wall.ms > self->write_epoch.made_ms + WR_EPOCH_MS_MAX;
}

wr_err wr_self_rotate(wr_self *self, wr_now now) {
    uint8_t bytes[WR_MEMBERS_MAX * 34u + 1024u];
    wr_buf body = WR_BUF_ARRAY(bytes);
    WR_SECRET(wr_key) secret;
    wr_epoch_op epoch = {.klass = 1};
    if (!wr_self_may_sign(self))
        return WR_ERR_STATE;
    WR_TRY(sign_ack_first(self, now));
    wr_rng_fill(&self->rng, secret.b, sizeof secret.b);
    epoch.commit = wr_epoch_commit(&secret, wr_graph_circle_id(self->graph));
    epoch.rcpt_hash = wr_graph_recipients(self->graph, epoch.without, &epoch.without_count);
    epoch.hist_hash = wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, WR_SLICE_EMPTY);
    WR_TRY(wr_epoch_encode(&epoch, &body));
    WR_TRY(sign_op(self, WR_OP_EPOCH, wr_buf_slice(&body), now));
    wr_hash epoch_id = wr_graph_epoch(self->graph, wr_graph_epoch_count(self->graph) - 1).epoch_id;
    return wr_self_add_epoch(self, &epoch_id, &secret);
}

/* Every device that made an op on top of an EPOCH, or was added on top of it, had the secret from
 * who gave it the op, or gets it in the first session. */
const wr_hash *wr_self_session_epoch(const wr_self *self, const wr_hash *device, uint32_t attempt) {
    const wr_hash *known[WR_EPOCHS_MAX];
    uint32_t count = 0;
    for (uint32_t i = wr_graph_epoch_count(self->graph); i-- > 0 && count < WR_EPOCHS_MAX;) {
        const wr_hash *epoch_id = wr_graph_epoch_id(self->graph, i);
        if (wr_keyring_has(self->keyring, epoch_id) &&
            wr_graph_is_known_to(self->graph, epoch_id, device))
            known[count++] = epoch_id;
    }
    return count == 0 ? wr_self_write_epoch(self) : known[attempt % count];
}
