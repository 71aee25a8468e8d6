/* The event loop as everybody above it sees it: one clock reading per turn, timers, deferred work.
 *
 * No foreign type stands in this header, so that the simulator can put virtual time behind it
 * (tests/sim/loop_sim.c) and flow and mesh run there unchanged.
 *
 * Layer:  core
 * Owner:  the agent opens one loop per process (or borrows the embedding app's).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include "base/base.h"

typedef struct loop loop;
typedef struct loop_timer loop_timer;
typedef struct loop_work loop_work;

typedef void (*loop_fn)(void *ctx);

WR_MUST wr_err loop_open(loop **ret_loop);
/* Runs until loop_stop; each turn ends with the turn function (loop_set_turn). */
WR_MUST wr_err loop_run(loop *loop);
void loop_stop(loop *loop);
/* Everything that was opened on it must be closed. */
void loop_close(loop *loop);

/* The time of this turn. */
wr_now loop_now(const loop *loop);

/* fn runs once at the end of every turn in which loop_dirty was called: the owner's place to
 * commit what the turn's events changed (group commit), then to send. */
void loop_set_turn(loop *loop, loop_fn fn, void *ctx);
void loop_dirty(loop *loop);

/* One-shot timers.  A timer is made stopped; _set replaces an earlier deadline, WR_MONO_NEVER
 * stops it; _free also stops. */
WR_MUST wr_err loop_timer_new(loop *loop, loop_fn fn, void *ctx, loop_timer **ret_timer);
void loop_timer_set(loop_timer *timer, wr_mono deadline);
void loop_timer_free(loop_timer *timer); /* NULL is fine */

/* Runs work on a worker thread (it owns what ctx points to until then), then done on the loop.
 * NOMEM: neither runs. */
WR_MUST wr_err loop_work_start(loop *loop, loop_fn work, loop_fn done, void *ctx);

/* The foreign loop underneath (uv_loop_t *), for core, net and api/server only; NULL in the
 * simulator. */
void *loop_native(loop *loop);

#endif /* CORE_LOOP_H */
