/* A device that signed two things that contradict each other is accused by whoever sees both.
 *
 * One piece of evidence is kept at a time: whoever lies lies again, and others see it too.
 *
 * Spec:   proto/spec/circle.md 2.4, 3.11
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/evidence.h"
#include "engine/self_impl.h"
#include "engine/self_weigh.h"

static bool may_note(const wr_self *self, const wr_hash *device_id) {
    /* Our own second history is not ours to publish: whoever signs it holds our keys. */
    return self->loaded && !self->has_evidence &&
           !wr_hash_equal(device_id, &self->identity.device_id) &&
           !wr_graph_is_convicted(self->graph, device_id);
}

static void keep(wr_self *self, uint32_t place, wr_slice bytes, const wr_sig *sig) {
    WR_ASSERT(bytes.len + sizeof sig->b <= sizeof self->evidence[place]);
    memcpy(self->evidence[place], bytes.ptr, bytes.len);
    memcpy(self->evidence[place] + bytes.len, sig->b, sizeof sig->b);
    self->evidence_len[place] = bytes.len + sizeof sig->b;
}

/* spec:circle#3.11 "In kinds 1 and 2 the two pieces of evidence MUST ascend and the path MUST be
 * empty." */
static void note(wr_self *self, wr_equiv_kind kind, const wr_hash *device_id, wr_slice one,
                 const wr_sig *one_sig, wr_slice other, const wr_sig *other_sig) {
    bool swap = kind != WR_EQUIV_HISTORY && wr_order(one, other) > 0;
    keep(self, swap ? 1 : 0, one, one_sig);
    keep(self, swap ? 0 : 1, other, other_sig);
    self->accused = *device_id;
    self->evidence_kind = kind;
    self->evidence_path_count = 0;
    self->has_evidence = true;
}

void wr_self_note_ops(wr_self *self, wr_slice bytes, const wr_sig *sig) {
    wr_op op;
    wr_op_ref ours;
    if (bytes.len > WR_OP_BYTES_MAX || wr_op_decode(bytes, &op) != WR_OK ||
        !may_note(self, &op.author) || !wr_graph_op_at(self->graph, &op.author, op.aseq, &ours) ||
        wr_hash_equal(&ours.id, &op.id) || ours.bytes.len > WR_OP_BYTES_MAX)
        return;
    note(self, WR_EQUIV_OPS, &op.author, ours.bytes, ours.sig, bytes, sig);
}

void wr_self_note_checkpoints(wr_self *self, const wr_feed *feed, wr_slice bytes,
                              const wr_sig *sig) {
    wr_checkpoint cp;
    if (!may_note(self, &feed->device_id) || wr_checkpoint_decode(bytes, &cp) != WR_OK ||
        cp.k != feed->cp_k || wr_equal(bytes, wr_feed_checkpoint(feed)))
        return;
    note(self, WR_EQUIV_CHECKPOINTS, &feed->device_id, wr_feed_checkpoint(feed), &feed->cp_sig,
         bytes, sig);
}

/* ---- checkpoints that siblings show ---------------------------------------------------------- */

wr_err wr_self_weigh(wr_self *self, uint32_t feed_index, wr_slice bytes, const wr_sig *sig,
                     wr_weight *ret_weight) {
    const wr_feed *feed = &self->feeds[feed_index]->feed;
    const wr_member *writer = wr_generations_device(self->generations, &feed->device_id);
    wr_checkpoint cp;
    WR_ASSERT(writer != NULL);
    *ret_weight = WR_WEIGHT_NOTHING;
    if (feed->has_checkpoint && wr_equal(bytes, wr_feed_checkpoint(feed)))
        return WR_OK;
    WR_TRY(wr_checkpoint_decode(bytes, &cp));
    if (!wr_hash_equal(&cp.feed_id, &feed->feed_id))
        return WR_ERR_FORMAT;
    /* spec:sync#2.12 "A CHECKPOINT whose signature does not verify MUST end the session." */
    WR_TRY(wr_verify(&writer->cert.sign, WR_SIG_LABEL_CHECKPOINT, bytes, sig));
    if (!feed->has_checkpoint)
        return WR_OK;
    if (cp.k == feed->cp_k) {
        wr_self_note_checkpoints(self, feed, bytes, sig);
        *ret_weight = WR_WEIGHT_FORK;
    } else if (cp.len > feed->cp_len) {
        *ret_weight = WR_WEIGHT_SHORTER;
    } else if (wr_feed_complete(feed)) {
        *ret_weight = WR_WEIGHT_PATH;
    }
    return WR_OK;
}

/* It goes by the rule of those who will read it: what they would refuse accuses nobody.
 * spec:sync#4.7 "An alert MUST NOT be raised on anything less than two signed statements that
 * exclude each other." */
wr_err wr_self_weigh_past(wr_self *self, uint32_t feed_index, wr_slice bytes, const wr_sig *sig,
                          const wr_hash *path, uint32_t path_count) {
    const wr_feed *feed = &self->feeds[feed_index]->feed;
    const wr_member *writer = wr_generations_device(self->generations, &feed->device_id);
    uint8_t evidence[2][WR_CHECKPOINT_BYTES_MAX + WR_SIG_SIZE];
    wr_equiv equiv = {.kind = WR_EQUIV_HISTORY, .device_id = feed->device_id};
    const wr_slice both[2] = {bytes, wr_feed_checkpoint(feed)};
    const wr_sig *sigs[2] = {sig, &feed->cp_sig};
    WR_ASSERT(path_count <= WR_PROOF_HASHES_MAX);
    for (uint32_t i = 0; i < 2; i++) {
        WR_ASSERT(both[i].len <= WR_CHECKPOINT_BYTES_MAX);
        memcpy(evidence[i], both[i].ptr, both[i].len);
        memcpy(evidence[i] + both[i].len, sigs[i]->b, WR_SIG_SIZE);
        equiv.evidence[i] = wr_slice_of(evidence[i], both[i].len + WR_SIG_SIZE);
    }
    equiv.path = wr_slice_of(path, path_count * sizeof *path);
    wr_err err = wr_evidence_check(&equiv, wr_graph_circle_id(self->graph), &writer->cert.sign);
    if (err != WR_OK)
        return err == WR_ERR_REFUSED ? WR_OK : err;
    if (!may_note(self, &feed->device_id))
        return WR_ERR_FORK;
    note(self, WR_EQUIV_HISTORY, &feed->device_id, both[0], sigs[0], both[1], sigs[1]);
    memcpy(self->evidence_path, path, path_count * sizeof *path);
    self->evidence_path_count = path_count;
    return WR_ERR_FORK;
}

/* Our own cuts, whoever the evidence is from. */
static wr_err publish(wr_self *self, wr_equiv *equiv, wr_now now) {
    uint8_t item_bytes[WR_STREAMS_MAX * 80u], body_bytes[2u * WR_OP_BYTES_MAX + 1024u];
    wr_buf items = WR_BUF_ARRAY(item_bytes), body = WR_BUF_ARRAY(body_bytes);
    if (wr_graph_is_convicted(self->graph, &equiv->device_id))
        return WR_OK;
    WR_TRY(wr_self_put_cuts(self, &equiv->device_id, 1, &items, &equiv->cuts));
    WR_TRY(wr_equiv_encode(equiv, &body));
    wr_err err = wr_self_author(self, WR_OP_EQUIV, wr_buf_slice(&body), now);
    /* We are out ourselves, or have said it, or it stands on nothing that we may sign: others will
     * see it. */
    return err == WR_ERR_REFUSED ? WR_OK : err;
}

/* While an EQUIV had effect nobody kept evidence against its accused.  When it becomes void, as its
 * author forked, what it says goes on by our own. */
static wr_err accuse_again(wr_self *self, wr_now now) {
    const wr_member *me = wr_graph_find(self->graph, &self->identity.device_id);
    wr_hash accused;
    wr_slice bytes;
    wr_op op;
    wr_equiv equiv;
    uint32_t at = 0;
    if (self->void_version == wr_graph_version(self->graph) || me == NULL || !wr_member_is_in(me))
        return WR_OK;
    self->void_version = wr_graph_version(self->graph); /* a chain that is full may still ACK */
    while (wr_graph_next_void_equiv(self->graph, &at, &accused, &bytes)) {
        if (wr_hash_equal(&accused, &me->device_id))
            continue;
        WR_TRY(wr_op_decode(bytes, &op));
        WR_TRY(wr_equiv_decode(op.body, &equiv));
        WR_TRY(publish(self, &equiv, now));
    }
    self->void_version = wr_graph_version(self->graph);
    return WR_OK;
}

/* spec:circle#2.4 "A member that sees both MUST publish an EQUIV, unless one has effect here." */
wr_err wr_self_accuse(wr_self *self, wr_now now) {
    if (!wr_self_may_sign(self))
        return WR_OK;
    if (self->has_evidence) {
        wr_equiv equiv = {.kind = self->evidence_kind, .device_id = self->accused};
        for (uint32_t i = 0; i < 2; i++)
            equiv.evidence[i] = wr_slice_of(self->evidence[i], self->evidence_len[i]);
        equiv.path = wr_slice_of(self->evidence_path, self->evidence_path_count * sizeof(wr_hash));
        self->has_evidence = false;
        WR_TRY(publish(self, &equiv, now));
    }
    return accuse_again(self, now);
}
