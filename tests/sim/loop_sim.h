/* The loop of one simulated device: core/loop.h on the clock of the world.
 *
 *   event (a timer, bytes, ..) -> dirty -> other events of this instant -> turn -> time may move
 *
 * A device has a monotonic clock that starts anywhere, a wall clock of its own that may be set, and
 * can be put to sleep: then its events wait, and its monotonic clock stands still.
 * Not modelled: a processor that takes time.
 *
 * Owner:  one for each run of a device.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_LOOP_SIM_H
#define SIM_LOOP_SIM_H

#include "core/loop.h"
#include "sim/sim_clock.h"

#define SIM_WALL_START_MS 1760000000000u /* Unix time when every world begins */

typedef struct loop_sim_config {
    sim_clock *clock;
    uint32_t device;        /* in the trace */
    uint64_t mono_start_ms; /* what the monotonic clock shows first */
    int64_t wall_offset_ms; /* to the world's own time */
    int32_t drift_ppm;      /* both clocks run faster by so many millionths */
} loop_sim_config;

/* loop_open of core/loop.h has no clock to stand on: simulated loops are opened here. */
WR_MUST wr_err loop_sim_open(const loop_sim_config *config, loop **ret_loop);
void loop_sim_set_wall(loop *l, int64_t wall_offset_ms);
/* The process waits, for its disk: until then it gets no event. */
void loop_sim_busy(loop *l, uint64_t until_ms);
void loop_sim_sleep(loop *l, uint64_t until_ms); /* of the world's time; wakes by itself */

/* ---- events of others on this device (the network's) --------------------------------------- */

typedef struct loop_event { /* embedded in its maker, which stops it before its memory goes */
    sim_event event;
    loop *loop;
    loop_fn fn;
    void *ctx;
} loop_event;
void loop_event_init(loop_event *event, loop *l, loop_fn fn, void *ctx);
void loop_event_set(loop_event *event, uint64_t at_ms); /* the world's time */
void loop_event_stop(loop_event *event);

/* The loop whose event runs right now; NULL: none. */
const loop *loop_sim_running(void);
/* Calls into the device from outside its events stand between these two. */
void loop_sim_enter(const loop *l);
void loop_sim_leave(void);
uint32_t loop_sim_device(const loop *l);
bool loop_sim_is_dirty(const loop *l); /* its turn has yet to come */
sim_clock *loop_sim_clock(const loop *l);

#endif /* SIM_LOOP_SIM_H */
