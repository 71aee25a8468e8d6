/* Secrets of epochs outside of sessions: wraps made and opened, and the box keys they go to.
 *
 * What a wrap says is worth what the EPOCH op says (circle.md 5.1).  One whose op is not here yet
 * is kept aside: it is no key of this circle until the op decides.
 *
 * Spec:   proto/spec/circle.md 3.6, 6.2, 6.3
 * Layer:  engine
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_SELF_WRAP_H
#define WR_ENGINE_SELF_WRAP_H

#include "circle/boxes.h"
#include "engine/self.h"

/* A new box key: a KEYUPD at the end of our control feed, in a run that the caller closes.  The
 * ring has to be durable before that.  As wr_self_append; on error the ring may hold a key more. */
WR_MUST wr_err wr_self_renew_box(wr_self *self, wr_box_ring *ring, wr_now now);
/* An entry of a control feed that is a KEYUPD.  EXISTS: a newer one is known.  UNKNOWN: its epoch
 * is not held here.  STATE: no KEYUPD.  Otherwise as wr_boxes_take. */
WR_MUST wr_err wr_self_take_keyupd(wr_self *self, const wr_feed *feed, const wr_entry *entry);

/* May the secret of this epoch go to a member, in whatever way (circle.md 5.3)? */
WR_MUST bool wr_self_may_hand(const wr_self *self, const wr_hash *epoch_id,
                              const wr_hash *device_id);
/* E of an epoch for a member that cannot be reached, appended to out.
 *   REFUSED  it is no member that is in      UNKNOWN  E is not held here      NOBUF, BAD_KEY */
WR_MUST wr_err wr_self_seal_wrap(const wr_self *self, const wr_hash *device_id,
                                 const wr_hash *epoch_id, wr_buf *out);
/* OK: E is held now, or kept aside.
 *   AUTH  not for us, or not what the EPOCH op commits to
 *   LIMIT, NOMEM, and as wr_wrap_open */
WR_MUST wr_err wr_self_open_wrap(wr_self *self, const wr_box_ring *ring, wr_slice message);
/* A secret that is kept aside: opens what may hold its op, and nothing else.  False: no more. */
WR_MUST bool wr_self_aside(const wr_self *self, uint32_t index, wr_hash *ret_epoch_id,
                           wr_key *ret_secret);

#endif /* WR_ENGINE_SELF_WRAP_H */
