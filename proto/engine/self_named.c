/* What ops say of feeds whose writer is out, looked up again when the ops or the feed have changed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/self_named.h"

#include "circle/removal.h"
#include "engine/self_impl.h"

/* What ops name here is as long as it is held; what is held to the end can be compared at once, and
 * the rest by who serves it. */
static void look_up(const wr_self *self, self_feed *slot) {
    const wr_feed *feed = &slot->feed;
    self_named *named = &slot->named;
    wr_cut state;
    if (named->graph != self->graph || named->version != wr_graph_version(self->graph))
        named->bound = UINT64_MAX; /* another root may be named now */
    named->graph = self->graph;
    named->version = wr_graph_version(self->graph);
    named->held = feed->tree.len;
    named->kept = wr_graph_limit(self->graph, &feed->device_id, &feed->feed_id).kept;
    named->proved = 0;
    uint64_t most = named->held < named->kept ? named->held : named->kept;
    if (named->bound < most)
        most = named->bound;
    if (named->kept == UINT64_MAX)
        return;
    wr_hash root = wr_tree_root(&feed->tree);
    while (most != 0 && named->proved == 0 &&
           wr_graph_named(self->graph, &feed->device_id, &feed->feed_id, most, &state)) {
        bool other = state.len == feed->tree.len && !wr_hash_equal(&root, &state.root);
        if (!other)
            named->proved = state.len;
        most = state.len - 1;
    }
}

static const self_named *named_of(const wr_self *self, uint32_t feed_index) {
    self_feed *slot = self->feeds[feed_index];
    const self_named *named = &slot->named;
    if (named->graph != self->graph || named->version != wr_graph_version(self->graph) ||
        named->held != slot->feed.tree.len)
        look_up(self, slot);
    return named;
}

uint64_t wr_self_kept(const wr_self *self, uint32_t feed_index) {
    return named_of(self, feed_index)->kept;
}

uint64_t wr_self_proved(const wr_self *self, uint32_t feed_index) {
    const wr_feed *feed = &self->feeds[feed_index]->feed;
    const self_named *named = named_of(self, feed_index);
    if (named->kept != UINT64_MAX)
        return named->proved;
    return wr_feed_complete(feed) ? feed->tree.len : 0;
}

/* spec:circle#4.7 "Entries of it MUST be taken only under a root that an op names for a length
 * within the limit" */
bool wr_self_named_root(const wr_self *self, uint32_t feed_index, uint64_t len, wr_hash *ret_root) {
    const wr_feed *feed = &self->feeds[feed_index]->feed;
    uint64_t kept = wr_self_kept(self, feed_index);
    wr_cut state;
    if (kept == UINT64_MAX || len > kept ||
        !wr_graph_named(self->graph, &feed->device_id, &feed->feed_id, len, &state) ||
        state.len != len)
        return false;
    *ret_root = state.root;
    return true;
}

void wr_self_disprove(wr_self *self, uint32_t feed_index, uint64_t len) {
    (void)named_of(self, feed_index);
    self->feeds[feed_index]->named.bound = len - 1; /* something shorter may be */
    look_up(self, self->feeds[feed_index]);
}
