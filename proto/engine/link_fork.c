/* Two branches of a feed: who holds one of them shows its newest checkpoint, and who can tell that
 * it excludes another one has the evidence.
 *
 * Spec:   proto/spec/sync.md 2.12, 4.7
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/link_fork.h"

#include "circle/removal.h"
#include "engine/self_weigh.h"

/* ---- what a frontier tells ---- */

/* Nothing in a frontier is signed.  So it accuses nobody; it only tells what is worth showing. */
void wr_link_compare(wr_link *link, uint32_t index, const wr_frontier_item *theirs) {
    const wr_feed *feed = wr_self_feed(link->self, index);
    link_feed *at = &link->feeds[index];
    if (!feed->has_checkpoint)
        return;
    wr_hash root = wr_tree_root(&feed->tree);
    bool same_len = theirs->len == feed->tree.len;
    bool same_k = theirs->k == feed->cp_k;
    bool other_root = same_len && !wr_hash_equal(&theirs->root, &root);
    bool other_end = same_k && theirs->complete && theirs->len != feed->cp_len;
    bool crossed = theirs->k < feed->cp_k
                       ? theirs->len > feed->cp_len
                       : !same_k && theirs->complete && theirs->len < feed->cp_len;
    if (other_root || crossed || (same_k && !same_len))
        at->show_due = true;
    at->parted = at->parted || other_root || other_end || crossed;
}

bool wr_link_own_parted(const wr_link *link) {
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++)
        if (wr_link_is_own(link, i) && (link->feeds[i].parted || link->feeds[i].dead))
            return true;
    return false;
}

static uint64_t count_entries(const wr_link *link) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++)
        count += wr_self_feed(link->self, i)->tree.len;
    return count;
}

void wr_link_frontier_grew(wr_link *link, wr_now now) {
    if (link->frontier_at.ms == WR_MONO_NEVER.ms && link->entries_said != count_entries(link))
        link->frontier_at = wr_mono_add(now.mono, LINK_FRONTIER_MS);
}

/* Both may have grown to the same length meanwhile, on two branches. */
void wr_link_frontier_tick(wr_link *link, wr_now now) {
    if (!wr_mono_reached(link->frontier_at, now.mono))
        return;
    link->frontier_at = WR_MONO_NEVER;
    link->entries_said = count_entries(link);
    wr_hash digest = wr_self_frontier_digest(link->self);
    if (link->frontier_known && !wr_hash_equal(&digest, &link->frontier_said))
        link->frontier_due = true;
}

/* ---- showing ---- */

/* Only of one whose entries are all here is it known that they are of its past. */
void wr_link_replaced(wr_link *link, uint32_t index, const wr_feed *before) {
    if (!before->has_checkpoint || !wr_feed_complete(before))
        return;
    link->replaced.any = true;
    link->replaced.feed = index;
    link->replaced.sig = before->cp_sig;
    link->replaced.size = before->cp_size;
    memcpy(link->replaced.bytes, before->cp_bytes, before->cp_size);
}

wr_err wr_link_say_checkpoints(wr_link *link, wr_buf *plain) {
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        const wr_feed *feed = wr_self_feed(link->self, i);
        link_feed *at = &link->feeds[i];
        if (!at->show_due)
            continue;
        /* spec:sync#2.12 "A device MUST NOT show a checkpoint twice in a session, nor one of a
         * device that an EQUIV convicts." */
        if (feed->has_checkpoint && feed->cp_k >= at->shown &&
            !wr_graph_is_convicted(wr_self_graph(link->self), &feed->device_id)) {
            uint8_t bytes[WR_CHECKPOINT_BYTES_MAX + 256u];
            wr_buf body = WR_BUF_ARRAY(bytes);
            bool old = link->replaced.any && link->replaced.feed == i && !wr_feed_complete(feed);
            wr_slice shown = old ? wr_slice_of(link->replaced.bytes, link->replaced.size)
                                 : wr_feed_checkpoint(feed);
            WR_TRY(wr_shown_encode(&feed->feed_id, shown, old ? &link->replaced.sig : &feed->cp_sig,
                                   &body));
            if (wr_frame_put(plain, WR_FRAME_CHECKPOINT, wr_buf_slice(&body)) != WR_OK)
                return WR_OK;
            at->shown = feed->cp_k + 1;
        }
        at->show_due = false;
    }
    return WR_OK;
}

/* ---- weighing ---- */

void wr_link_part(wr_link *link, uint32_t index) {
    const wr_hash *writer = &wr_self_feed(link->self, index)->device_id;
    if (!wr_graph_is_convicted(wr_self_graph(link->self), writer)) /* that was said already */
        wr_link_alert(link);
    wr_link_bury(link, index);
}

/* One at a time: what is shown meanwhile comes again in the next session. */
static void keep(wr_link *link, uint32_t index, const wr_checkpoint *cp, wr_slice bytes,
                 const wr_sig *sig) {
    if (link->weighed.any)
        return;
    WR_ASSERT(bytes.len <= sizeof link->weighed.bytes);
    link->weighed.any = true;
    link->weighed.feed = index;
    link->weighed.len = cp->len;
    link->weighed.sig = *sig;
    memcpy(link->weighed.bytes, bytes.ptr, bytes.len);
    link->weighed.size = bytes.len;
}

wr_err wr_link_hear_checkpoint(wr_link *link, wr_slice body) {
    wr_hash feed_id;
    wr_slice bytes;
    wr_sig sig;
    wr_checkpoint cp;
    wr_weight weight;
    uint32_t index;
    WR_TRY(wr_shown_decode(body, &feed_id, &bytes, &sig));
    if (!wr_self_find_feed(link->self, &feed_id, &index))
        return WR_ERR_UNKNOWN;
    link_feed *at = &link->feeds[index];
    WR_TRY(wr_checkpoint_decode(bytes, &cp));
    /* spec:sync#2.12 "A CHECKPOINT whose k is not greater than that of the one of the same feed
     * before it MUST be ignored." */
    if (cp.k < at->heard)
        return WR_OK;
    WR_TRY(wr_self_weigh(link->self, index, bytes, &sig, &weight));
    at->heard = cp.k + 1;
    if (weight == WR_WEIGHT_FORK)
        wr_link_part(link, index);
    else if (weight == WR_WEIGHT_SHORTER)
        at->show_due = true;
    else if (weight == WR_WEIGHT_PATH)
        keep(link, index, &cp, bytes, &sig);
    return WR_OK;
}

bool wr_link_weighing(wr_link *link, wr_weigh *ret_weigh) {
    if (link->state != LINK_UP || !link->weighed.any)
        return false;
    const wr_feed *feed = wr_self_feed(link->self, link->weighed.feed);
    if (!wr_feed_complete(feed) || link->weighed.len > feed->tree.len) {
        link->weighed.any = false; /* a newer one came meanwhile */
        return false;
    }
    *ret_weigh = (wr_weigh){link->weighed.feed, link->weighed.len, feed->tree.len};
    return true;
}

wr_err wr_link_weigh(wr_link *link, const wr_hash *path, uint32_t path_count) {
    WR_ASSERT(link->weighed.any);
    link->weighed.any = false;
    wr_err err = wr_self_weigh_past(link->self, link->weighed.feed,
                                    wr_slice_of(link->weighed.bytes, link->weighed.size),
                                    &link->weighed.sig, path, path_count);
    if (err != WR_ERR_FORK)
        return err;
    wr_link_part(link, link->weighed.feed);
    return WR_OK;
}
