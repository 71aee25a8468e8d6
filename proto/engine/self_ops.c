/* What this device does to its circle: membership ops and acknowledgements.
 *
 * Spec:   proto/spec/circle.md 3
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/self_impl.h"

#define CUT_BYTES_MAX 80u /* one encoded cut */
_Static_assert(WR_OP_CUTS_MAX *CUT_BYTES_MAX + WR_OP_PARENTS_MAX * 34u + 1024u <= WR_OP_BYTES_MAX,
               "an ACK of many removals fits");

/* ---- signing ---- */

static wr_err take_own(wr_self *self, wr_buf *op, const wr_sig *sig) {
    WR_TRY(wr_generations_admit(self->generations, wr_buf_slice(op), sig, false));
    return wr_self_adopt_ops(self);
}

static wr_err sign_op(wr_self *self, wr_op_type type, wr_slice body, wr_now now) {
    uint8_t bytes[WR_OP_LARGEST_BYTES_MAX];
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
        wr_op_ref end = wr_graph_end_of(self->graph, &member->device_id);
        if (!member->current && end.type != WR_OP_GENESIS &&
            !wr_graph_has_covered(self->graph, &self->identity.device_id, &end.id))
            devices[count++] = member->device_id;
    }
    return count;
}

static wr_err sign_ack(wr_self *self, wr_now now) {
    uint8_t item_bytes[WR_OP_CUTS_MAX * CUT_BYTES_MAX], body_bytes[WR_OP_BYTES_MAX];
    wr_buf items = WR_BUF_ARRAY(item_bytes), body = WR_BUF_ARRAY(body_bytes);
    wr_hash devices[WR_AUTHORS_MAX];
    wr_op_list seen;
    uint32_t count = newly_removed(self, devices);
    wr_err err = wr_self_put_cuts(self, devices, count, &items, &seen);
    /* Of more devices than one op tells about, some go untold: nothing else could be signed. */
    while (err == WR_ERR_LIMIT) {
        items.len = 0;
        err = wr_self_put_cuts(self, devices, --count, &items, &seen);
    }
    WR_TRY(err);
    WR_TRY(wr_ack_encode(&seen, &body));
    err = sign_op(self, WR_OP_ACK, wr_buf_slice(&body), now);
    /* Here it is a member only because the guard holds what struck it, and something that it signed
     * before covers that: no op of its own is valid any more.  Those of ROOT still are. */
    return err == WR_ERR_REFUSED ? WR_OK : err;
}

wr_err wr_self_ack_first(wr_self *self, wr_now now) {
    if (wr_graph_ack_state(self->graph, &self->identity.device_id) != WR_ACK_FIRST)
        return WR_OK;
    return sign_ack(self, now);
}

wr_err wr_self_author(wr_self *self, wr_op_type type, wr_slice body, wr_now now) {
    if (!wr_self_may_sign(self))
        return WR_ERR_STATE;
    WR_TRY(wr_self_ack_first(self, now));
    return sign_op(self, type, body, now);
}

wr_err wr_self_ack(wr_self *self, wr_now now) {
    if (!wr_self_may_sign(self) ||
        wr_graph_ack_state(self->graph, &self->identity.device_id) == WR_ACK_NONE)
        return WR_OK;
    return sign_ack(self, now);
}

wr_err wr_self_join_heads(wr_self *self, wr_now now) {
    wr_hash heads[WR_OP_PARENTS_MAX];
    uint32_t ops = 0;
    while (wr_self_may_sign(self) && ops != wr_graph_op_count(self->graph) &&
           wr_graph_heads(self->graph, heads) == WR_OP_PARENTS_MAX) {
        ops = wr_graph_op_count(self->graph);
        WR_TRY(sign_ack(self, now));
    }
    return WR_OK;
}

wr_err wr_self_make_add(wr_self *self, wr_slice body, wr_now now, wr_buf *out, wr_sig *ret_sig) {
    if (!wr_self_may_sign(self))
        return WR_ERR_STATE;
    WR_TRY(wr_self_ack_first(self, now));
    wr_buf next = *out;
    WR_TRY(wr_graph_author(self->graph, &self->identity, WR_OP_ADD, body, wr_self_hlc(self, now),
                           &next, ret_sig));
    if (!wr_generations_has_places(self->generations,
                                   wr_slice_of(out->ptr + out->len, next.len - out->len)))
        return WR_ERR_LIMIT; /* the guest is not to believe that it is in */
    *out = next;
    return WR_OK;
}

/* ---- removing ---- */

wr_err wr_self_put_cuts(const wr_self *self, const wr_hash *devices, uint32_t count, wr_buf *items,
                        wr_op_list *ret_cuts) {
    *ret_cuts = WR_OP_LIST_NONE;
    for (uint32_t i = 0; i < self->feed_count; i++) {
        const wr_feed *feed = &self->feeds[self->by_id[i]]->feed;
        if (feed->tree.len == 0 || !wr_hash_is_among(&feed->device_id, devices, count))
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
 * is left to ask.  And of all that say it has a twin, while another sibling would confirm it: one
 * that lies could not be removed otherwise (sync.md 5.1). */
bool wr_self_may_end(wr_self *self, const wr_hash *devices, uint32_t count) {
    return wr_self_may_sign(self) || (self->loaded && (!wr_self_has_witness(self, devices, count) ||
                                                       wr_self_is_cleared(self, devices, count)));
}

/* Whoever could have confirmed it is out, or has done so. */
void wr_self_ended(wr_self *self, const wr_hash *devices, uint32_t count) {
    self->confirmed = true;
    for (uint32_t i = 0; i < count; i++)
        wr_self_forget_twin(self, &devices[i]);
}

static wr_err sign_as_root(wr_self *self, const wr_sign_key *root, wr_op_type type, wr_slice body,
                           wr_now now) {
    uint8_t bytes[WR_OP_BYTES_MAX];
    wr_buf op = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    WR_TRY(wr_graph_author_root(self->graph, root, type, body, wr_self_hlc(self, now), &op, &sig));
    return take_own(self, &op, &sig);
}

static wr_err sign_remove(wr_self *self, const wr_removal *removal, const wr_hash *target,
                          wr_now now) {
    uint8_t item_bytes[WR_STREAMS_MAX * CUT_BYTES_MAX], id_bytes[64], body_bytes[1024];
    wr_buf items = WR_BUF_ARRAY(item_bytes), ids = WR_BUF_ARRAY(id_bytes);
    wr_buf body = WR_BUF_ARRAY(body_bytes);
    wr_remove remove = {.reason = removal->reason};
    WR_TRY(wr_self_put_cuts(self, target, 1, &items, &remove.cuts));
    WR_TRY(wr_id_put(&ids, target));
    remove.targets = (wr_op_list){1, wr_buf_slice(&ids)};
    WR_TRY(wr_remove_encode(&remove, &body));
    if (removal->root == NULL)
        return sign_op(self, WR_OP_REMOVE, wr_buf_slice(&body), now);
    return sign_as_root(self, removal->root, WR_OP_REMOVE, wr_buf_slice(&body), now);
}

wr_err wr_self_remove(wr_self *self, const wr_removal *removal, wr_now now) {
    WR_ASSERT(removal->target_count != 0 && removal->target_count <= WR_MEMBERS_MAX);
    if (!wr_self_may_end(self, removal->targets, removal->target_count))
        return WR_ERR_STATE;
    WR_TRY(wr_self_ack_first(self, now));
    for (uint32_t i = 0; i < removal->target_count; i++)
        WR_TRY(sign_remove(self, removal, &removal->targets[i], now));
    wr_self_ended(self, removal->targets, removal->target_count);
    /* spec:circle#5.4 "The device that signs a REMOVE MUST make a new epoch in the same step."
     * Where no epoch has room any more, or ROOT alone can sign, the removal is worth having
     * without. */
    wr_err err = wr_self_rotate(self, now);
    return err == WR_ERR_LIMIT || err == WR_ERR_REFUSED ? WR_OK : err;
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
    WR_TRY(wr_self_ack_first(self, now));
    return root == NULL ? sign_op(self, WR_OP_ROLE, wr_buf_slice(&body), now)
                        : sign_as_root(self, root, WR_OP_ROLE, wr_buf_slice(&body), now);
}

wr_err wr_self_release(wr_self *self, const wr_hash *op_id) {
    WR_TRY(wr_graph_release(self->graph, op_id));
    return wr_self_adopt_ops(self);
}
