/* The circle seeds Q on this device: one for each generation, named by the op that founded it.
 *
 * Spec:   proto/spec/circle.md 5.1, 5.5
 * Layer:  engine
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_SELF_SEED_H
#define WR_ENGINE_SELF_SEED_H

#include "engine/self.h"

/* Q of a generation.  EXISTS, whatever the value of the one that is held.
 *   UNKNOWN  that op founded none here      AUTH  not what its RESET commits to
 *   REFUSED  that of GENESIS, which comes by pairing, and this device is a member already */
WR_MUST wr_err wr_self_add_seed(wr_self *self, const wr_hash *founder, const wr_key *seed);
/* Q of the generation of an epoch, from a sibling: kept if it is missing and right. */
void wr_self_offer_seed(wr_self *self, const wr_hash *epoch_id, const wr_key *seed);
/* Q of the generation of an epoch; false if its op is not here, or Q not held. */
WR_MUST bool wr_self_seed_of(const wr_self *self, const wr_hash *epoch_id, wr_key *ret_seed);
/* Is the op of the epoch here, and Q of its generation not held? */
WR_MUST bool wr_self_lacks_seed(const wr_self *self, const wr_hash *epoch_id);
/* psk_e of the epoch; UNKNOWN if its op, E or Q is not held. */
WR_MUST wr_err wr_self_psk(const wr_self *self, const wr_hash *epoch_id, wr_key *ret_psk);

#endif /* WR_ENGINE_SELF_SEED_H */
