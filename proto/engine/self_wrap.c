/* Wraps of this device, and secrets that wait for their op.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/self_wrap.h"

#include "engine/self_impl.h"

#define STREAM_CONTROL 1u

/* ---- box keys ---- */

wr_err wr_self_renew_box(wr_self *self, wr_box_ring *ring, wr_now now) {
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    WR_SECRET(wr_box_ring) renewed = *ring;
    uint32_t index;
    uint64_t seq;
    if (!wr_self_device_feed(self, &self->identity.device_id, STREAM_CONTROL, &index))
        return WR_ERR_UNKNOWN;
    const wr_feed *feed = &self->feeds[index]->feed;
    uint64_t next = self->run_feed == index ? self->run.tree.len : feed->tree.len;
    WR_TRY(wr_box_ring_renew(&renewed, &self->rng, next, &body));
    /* spec:circle#3.6 "A KEYUPD MUST NOT stand in the DAG." */
    WR_TRY(wr_self_append(self, STREAM_CONTROL, WR_ENTRY_KEYUPD, 0, wr_self_hlc(self, now),
                          wr_buf_slice(&body), &seq));
    WR_ASSERT(seq == next);
    *ring = renewed;
    return WR_OK;
}

wr_err wr_self_take_keyupd(wr_self *self, const wr_feed *feed, const wr_entry *entry) {
    uint8_t bytes[WR_KEM_KEY_SIZE + 1024u]; /* with its padding */
    wr_buf body = WR_BUF_ARRAY(bytes);
    if (feed->stream != STREAM_CONTROL || entry->kind != WR_ENTRY_KEYUPD)
        return WR_ERR_STATE;
    if (entry->body_len > sizeof bytes)
        return WR_ERR_LIMIT;
    WR_TRY(wr_self_open(self, feed, entry, &body));
    return wr_boxes_take(&self->boxes, &feed->device_id, entry->seq, wr_buf_slice(&body));
}

/* ---- wraps ---- */

wr_err wr_self_seal_wrap(const wr_self *self, const wr_hash *device_id, const wr_hash *epoch_id,
                         wr_buf *out) {
    const wr_member *member = wr_graph_find(self->graph, device_id);
    uint64_t number;
    WR_SECRET(wr_wrap) wrap = {.epoch_id = *epoch_id};
    WR_SECRET(wr_key) held;
    /* spec:circle#6.2 "A device MUST NOT make a wrap for anyone but a member that is in (section
     * 4.6)." */
    if (member == NULL || !wr_member_is_in(member) || !wr_self_may_hand(self, epoch_id, device_id))
        return WR_ERR_REFUSED;
    /* It may have slept through the newest generation, so the psk is of the one it is known to
     * hold. */
    const wr_hash *known = wr_self_session_epoch(self, device_id, 0);
    if (!wr_keyring_secret(self->keyring, epoch_id, &wrap.secret) ||
        !wr_self_seed_of(self, epoch_id, &wrap.seed) || known == NULL ||
        !wr_self_seed_of(self, known, &held))
        return WR_ERR_UNKNOWN;
    /* spec:circle#6.2 "A wrap MUST go to the newest box key of its recipient that is known here."
     */
    const wr_pub *box = wr_boxes_find(&self->boxes, member, &number);
    return wr_wrap_seal(&self->identity, box, wr_graph_circle_id(self->graph), &held, &wrap,
                        self->rng, out);
}

static void self_aside_wipe(self_aside *aside) {
    wr_wipe(aside, sizeof *aside);
}

static void keep_aside(wr_self *self, const wr_wrap *wrap) {
    for (uint32_t i = 0; i < self->aside_count; i++)
        if (wr_hash_equal(&self->aside[i].epoch_id, &wrap->epoch_id) &&
            wr_key_equal(&self->aside[i].secret, &wrap->secret) &&
            wr_key_equal(&self->aside[i].seed, &wrap->seed))
            return;
    /* spec:circle#6.3 "At most 8 secrets MUST be kept aside; the oldest gives way." */
    if (self->aside_count == WR_COUNT(self->aside))
        memmove(&self->aside[0], &self->aside[1], --self->aside_count * sizeof self->aside[0]);
    self->aside[self->aside_count++] = (self_aside){wrap->epoch_id, wrap->secret, wrap->seed};
}

/* With the Q of each generation, the newest first: which one the sender took is its guess. */
static wr_err open_wrap(const wr_self *self, const wr_box_ring *ring, wr_slice message,
                        wr_wrap *ret_wrap) {
    wr_err err = WR_ERR_STATE; /* no Q at all */
    for (uint32_t i = wr_keyring_seed_count(self->keyring); i-- > 0;) {
        WR_SECRET(wr_key) held;
        wr_pub sender;
        bool found =
            wr_keyring_seed(self->keyring, wr_keyring_seed_founder(self->keyring, i), &held);
        WR_ASSERT(found);
        err = wr_box_ring_open(ring, wr_graph_circle_id(self->graph), &held, message, &sender,
                               ret_wrap);
        if (err != WR_ERR_AUTH)
            return err;
    }
    return err;
}

wr_err wr_self_open_wrap(wr_self *self, const wr_box_ring *ring, wr_slice message) {
    WR_SECRET(wr_wrap) wrap;
    WR_TRY(open_wrap(self, ring, message, &wrap));
    wr_err err = wr_self_add_epoch(self, &wrap.epoch_id, &wrap.secret);
    /* spec:circle#6.3 "A secret whose EPOCH op is not here MUST NOT open, seal or dial anything but
     * what may hold ops." */
    if (err == WR_ERR_UNKNOWN) {
        keep_aside(self, &wrap);
        return WR_OK;
    }
    wr_self_offer_seed(self, &wrap.epoch_id, &wrap.seed);
    return err == WR_ERR_EXISTS ? WR_OK : err;
}

bool wr_self_aside(const wr_self *self, uint32_t index, wr_hash *ret_epoch_id, wr_key *ret_secret) {
    if (index >= self->aside_count)
        return false;
    *ret_epoch_id = self->aside[index].epoch_id;
    *ret_secret = self->aside[index].secret;
    return true;
}

/* One whose op has come is a key of the circle, or never was one. */
void wr_self_judge_aside(wr_self *self) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->aside_count; i++) {
        WR_SECRET(self_aside) aside = self->aside[i];
        if (wr_self_add_epoch(self, &aside.epoch_id, &aside.secret) == WR_ERR_UNKNOWN)
            self->aside[kept++] = aside;
        else
            wr_self_offer_seed(self, &aside.epoch_id, &aside.seed);
    }
    wr_wipe(&self->aside[kept], (self->aside_count - kept) * sizeof self->aside[0]);
    self->aside_count = kept;
}
