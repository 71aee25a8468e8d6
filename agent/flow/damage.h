/* What the disk lost of this home and the owner is told.
 *
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FLOW_DAMAGE_H
#define FLOW_DAMAGE_H

#include "flow/members.h"

#define DAMAGE_KEYS_MAX 16u /* told of; beyond it the first ones say enough */

typedef struct damage_state {
    uint64_t tail;     /* entries of the tail that do not open */
    uint64_t tail_ms;  /* Unix: when the first of them was answered */
    uint64_t tail_mix; /* of their times: which ones */
    uint32_t key_count;
    wr_hash keys[DAMAGE_KEYS_MAX]; /* epochs whose keys were missing at the start */
} damage_state;

WR_MUST wr_err damage_load(hub *h); /* after append_load */
WR_MUST wr_err damage_tail(hub *h); /* an entry of the tail does not open: looks for all */
WR_MUST wr_err damage_each(hub *h, hub_alert_fn fn, void *ctx);

#endif /* FLOW_DAMAGE_H */
