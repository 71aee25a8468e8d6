/* Feeds whose writer is out: as much of them as counts goes on from sibling to sibling, under roots
 * that ops name instead of checkpoints.
 *
 * Spec:   proto/spec/circle.md 4.7, sync.md 4.8
 * Layer:  engine, part of self
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_SELF_NAMED_H
#define WR_ENGINE_SELF_NAMED_H

#include "engine/self.h"

/* How many entries of the feed are taken; UINT64_MAX while its writer is a member. */
uint64_t wr_self_kept(const wr_self *self, uint32_t feed_index);
/* How many of those held can be proved to a sibling: all under a checkpoint that is whole, or of a
 * writer that is out the longest state that an op names. */
uint64_t wr_self_proved(const wr_self *self, uint32_t feed_index);
/* The root that an op names for the first len entries of a feed whose writer is out; false where
 * none does, or these are more than are taken. */
WR_MUST bool wr_self_named_root(const wr_self *self, uint32_t feed_index, uint64_t len,
                                wr_hash *ret_root);
/* What is held is of another root than the op says: it proves nothing there. */
void wr_self_disprove(wr_self *self, uint32_t feed_index, uint64_t len);
/* As wr_self_take, against the root that an op names for len entries.  REFUSED: none does. */
WR_MUST wr_err wr_self_take_named(wr_self *self, uint32_t feed_index, uint64_t len,
                                  const wr_unit *unit, wr_now now);

#endif /* WR_ENGINE_SELF_NAMED_H */
