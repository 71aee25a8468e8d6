/* Two branches of a feed, as a link meets them.
 *
 * Spec:   proto/spec/sync.md 2.12, 4.7
 * Layer:  engine, private to link*.c
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_LINK_FORK_H
#define WR_ENGINE_LINK_FORK_H

#include "engine/link_impl.h"

/* What the peer says in its FRONTIER that it holds, against what is held here. */
void wr_link_compare(wr_link *link, uint32_t index, const wr_frontier_item *theirs);
WR_MUST wr_err wr_link_hear_checkpoint(wr_link *link, wr_slice body);
WR_MUST wr_err wr_link_say_checkpoints(wr_link *link, wr_buf *plain);
/* The peer holds another branch of a feed of ours. */
WR_MUST bool wr_link_own_parted(const wr_link *link);
/* The peer's checkpoint is the newest now, in place of that of before. */
void wr_link_replaced(wr_link *link, uint32_t index, const wr_feed *before);
/* Two signed statements about the feed exclude each other. */
void wr_link_part(wr_link *link, uint32_t index);
/* A frontier that has changed is said anew some time after entries came; nobody wakes up where none
 * did. */
void wr_link_frontier_grew(wr_link *link, wr_now now);
void wr_link_frontier_tick(wr_link *link, wr_now now);

#endif /* WR_ENGINE_LINK_FORK_H */
