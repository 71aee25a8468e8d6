/* How much is held under each epoch: the sum over all feeds, own entries and those of siblings.
 *
 * Counted as segments come and stored with them, so that neither a start nor a copy set back needs
 * a scan: what a feed's tree holds was counted once, and what it lost is counted when it comes
 * again.
 *
 * Spec:   proto/spec/circle.md 5.4
 * Layer:  engine
 * Owner:  wr_self
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_VOLUME_H
#define WR_ENGINE_VOLUME_H

#include "base/base.h"
#include "base/limits.h"

typedef struct wr_volume {
    uint64_t entries, bytes; /* bytes: of their segments */
} wr_volume;
/* Is there room for one more entry beside these, and for what is under way? */
WR_MUST bool wr_volume_has_room(const wr_volume *held, const wr_volume *under_way,
                                const wr_volume *max);

typedef struct wr_volumes wr_volumes;
WR_MUST wr_err wr_volumes_new(wr_volumes **ret_volumes); /* NOMEM */
void wr_volumes_free(wr_volumes *volumes);               /* NULL is fine */
WR_DEFINE_FREEP(wr_volumes, wr_volumes_free)

/* An epoch whose op is admitted, each once: what comes under it counts from now on.  NOMEM. */
WR_MUST wr_err wr_volumes_add(wr_volumes *volumes, const wr_hash *epoch_id);
/* What was stored.  False: no such epoch. */
WR_MUST bool wr_volumes_load(wr_volumes *volumes, const wr_hash *epoch_id, const wr_volume *volume);
/* Whole segments, taken or written.  Those of unknown epochs are passed over. */
void wr_volumes_count(wr_volumes *volumes, wr_slice segments);
wr_volume wr_volumes_get(const wr_volumes *volumes, const wr_hash *epoch_id); /* 0 if unknown */

/* The next one that changed and is not stored; false if there is none. */
WR_MUST bool wr_volumes_poll(wr_volumes *volumes, wr_hash *ret_epoch_id, wr_volume *ret_volume);
WR_MUST bool wr_volumes_pending(const wr_volumes *volumes);

#endif /* WR_ENGINE_VOLUME_H */
