/* What is found when this home was set back or copied, and why it signs nothing meanwhile.
 *
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FLOW_ROLLBACK_H
#define FLOW_ROLLBACK_H

#include "flow/hub.h"

typedef enum rollback_kind { ROLLBACK_TWIN, ROLLBACK_LOST, ROLLBACK_BACK } rollback_kind;
#define ROLLBACK_KINDS 3u

typedef struct rollback_state {
    bool twin, lost;       /* were told */
    uint64_t entries, ops; /* that came back since the start */
    bool fresh, untold;    /* .. in this turn; .. and the owner does not know */
    uint64_t seen;         /* how many had, when lost_at was set */
    wr_mono lost_at;       /* NEVER: nothing is missing */
} rollback_state;

void rollback_load(hub *h);           /* after hub_load */
WR_MUST wr_err rollback_turn(hub *h); /* what this turn brought back, or showed to be missing */
wr_mono rollback_deadline(const hub *h);
WR_MUST wr_err rollback_forget(hub *h); /* this home is another device from now on */
void rollback_twin(hub *h, const wr_hash *by);
hub_hold rollback_hold(const hub *h);
struct hub_alert;
WR_MUST wr_err rollback_alert(hub *h, rollback_kind kind, struct hub_alert *ret_alert,
                              bool *ret_any);

#endif /* FLOW_ROLLBACK_H */
