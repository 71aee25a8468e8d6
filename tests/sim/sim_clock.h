/* The only clock of a simulated world, and what is to happen when.
 *
 *   events are set -> { step: time moves to the earliest, it runs } *
 *
 * Two events of one instant run in the order in which they were set.  Events are embedded in what
 * they belong to, so setting one needs no memory and stopping one is certain.
 *
 * Owner:  one per world; events belong to their makers, who stop them before their memory goes.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_SIM_CLOCK_H
#define SIM_SIM_CLOCK_H

#include "base/base.h"
#include "sim/trace.h"

typedef struct sim_clock sim_clock;

typedef struct sim_event {
    uint64_t at_ms, order;
    size_t place; /* in the heap, from 1; 0: not set */
    void (*fn)(void *ctx);
    void *ctx;
} sim_event;

sim_clock *sim_clock_new(trace *t);
void sim_clock_free(sim_clock *c); /* events still set are forgotten; NULL is fine */
trace *sim_clock_trace(const sim_clock *c);

uint64_t sim_clock_now(const sim_clock *c); /* ms since the world began */
/* Replaces an earlier setting.  A time that has passed means now. */
void sim_clock_set(sim_clock *c, sim_event *event, uint64_t at_ms);
void sim_clock_stop(sim_clock *c, sim_event *event); /* not set: nothing */
static inline bool sim_event_is_set(const sim_event *event) {
    return event->place != 0;
}
/* Runs the earliest event if it is due at until_ms or before; otherwise time moves to until_ms, and
 * false. */
WR_MUST bool sim_clock_step(sim_clock *c, uint64_t until_ms);
/* Events that ran since time moved last: a world that does not move on is stuck. */
uint64_t sim_clock_at_once(const sim_clock *c);

#endif /* SIM_SIM_CLOCK_H */
