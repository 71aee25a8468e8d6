/* A new generation of the circle, founded by this device with the recovery key.
 *
 * Spec:   proto/spec/circle.md 2.6, 3.12
 * Layer:  engine
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_SELF_RESET_H
#define WR_ENGINE_SELF_RESET_H

#include "engine/self.h"

typedef struct wr_restart {
    const wr_hash *keep; /* ascending, each once; this device is among them */
    uint32_t keep_count; /* 1 .. WR_MEMBERS_MAX; 0 keeps all members, also those who are barred */
    const wr_sign_key *root;
} wr_restart;
/* RESET, signed with the recovery key, and a new epoch.  STATE: may not sign.  UNKNOWN: no such
 * device, or this one is not kept.  LIMIT: it does not fit. */
WR_MUST wr_err wr_self_reset(wr_self *self, const wr_restart *restart, wr_now now);

#endif /* WR_ENGINE_SELF_RESET_H */
