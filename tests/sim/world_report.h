/* What worlds have gone through: for whoever judges whether it was enough.
 *
 * Layer:  tests
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_WORLD_REPORT_H
#define SIM_WORLD_REPORT_H

#include "sim/world.h"

#include <stdio.h>

/* Of one world or many. */
typedef struct totals {
    uint64_t awake_ms, appends, handshakes, faults, frames, memory_peak, removals, strikes;
} totals;

void totals_of_world(totals *t, const world *w); /* .. are added */
void totals_add(totals *to, const totals *more);
/* Rates, and how fast all that went: by this process, or by those it waited for. */
void totals_tell(FILE *out, const totals *t, bool of_children);
/* One world: a function of its seed. */
void world_tell(const world *w);

#endif /* SIM_WORLD_REPORT_H */
