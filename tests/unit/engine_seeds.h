/* The circle seeds of one device, loaded into another that was made from its ops.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_TESTS_ENGINE_SEEDS_H
#define WR_TESTS_ENGINE_SEEDS_H

#include "engine/self.h"
#include "harness/harness.h"

static inline void t_load_seeds(wr_self *to, const wr_self *from) {
    const wr_keyring *keyring = wr_self_keyring(from);
    for (uint32_t i = 0; i < wr_keyring_seed_count(keyring); i++) {
        wr_key seed;
        const wr_hash *founder = wr_keyring_seed_founder(keyring, i);
        T_TRUE(wr_keyring_seed(keyring, founder, &seed));
        T_OK(wr_self_load_seed(to, founder, &seed));
    }
}

#endif /* WR_TESTS_ENGINE_SEEDS_H */
