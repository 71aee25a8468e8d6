/* The simulated loop: every event of a device passes through here, also the turn.
 *
 * The turn is an event of the instant in which the loop became dirty, behind what was due already:
 * so one turn collects what comes at once, and a turn that makes work gets another one before
 * time moves.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/loop_sim.h"

#include <stdlib.h>

struct loop {
    loop_sim_config config;
    uint64_t slept_ms;     /* the monotonic clock did not see it */
    uint64_t asleep_until; /* the world's time; 0: awake */
    uint64_t busy_until;
    loop_event turn_event;
    loop_fn turn;
    void *turn_ctx;
    bool dirty, stopped;
    uint64_t things; /* timers and work under way: must be gone at the end */
};

struct loop_timer {
    loop *loop;
    loop_event event;
    loop_fn fn;
    void *ctx;
    uint64_t deadline_ms; /* of the device's monotonic clock */
};

struct loop_work {
    loop_event event;
    loop *loop;
    loop_fn work, done;
    void *ctx;
};

/* One thread runs all worlds; needed for what has no other way to know its device (diag). */
static const loop *running;

const loop *loop_sim_running(void) {
    return running;
}

void loop_sim_enter(const loop *l) {
    WR_ASSERT(running == NULL);
    running = l;
}

void loop_sim_leave(void) {
    running = NULL;
}

/* ---- events -------------------------------------------------------------------------------- */

static void event_due(void *ctx) {
    loop_event *e = (loop_event *)ctx;
    loop *l = e->loop;
    /* Nothing happens on a device that sleeps or waits; what waited keeps its order. */
    uint64_t until_ms = l->asleep_until > l->busy_until ? l->asleep_until : l->busy_until;
    if (sim_clock_now(l->config.clock) < until_ms) {
        sim_clock_set(l->config.clock, &e->event, until_ms);
        return;
    }
    loop_sim_enter(l);
    e->fn(e->ctx);
    loop_sim_leave();
}

void loop_event_init(loop_event *e, loop *l, loop_fn fn, void *ctx) {
    *e = (loop_event){.event = {.fn = event_due, .ctx = e}, .loop = l, .fn = fn, .ctx = ctx};
}

void loop_event_set(loop_event *e, uint64_t at_ms) {
    sim_clock_set(e->loop->config.clock, &e->event, at_ms);
}

void loop_event_stop(loop_event *e) {
    if (e->loop != NULL)
        sim_clock_stop(e->loop->config.clock, &e->event);
}

uint32_t loop_sim_device(const loop *l) {
    return l->config.device;
}

sim_clock *loop_sim_clock(const loop *l) {
    return l->config.clock;
}

static void tell(const loop *l, const char *kind, uint64_t number) {
    trace_number(sim_clock_trace(l->config.clock), sim_clock_now(l->config.clock), l->config.device,
                 kind, number);
}

/* ---- life, turns, time --------------------------------------------------------------------- */

static void end_turn(void *ctx) {
    loop *l = (loop *)ctx;
    /* Cleared first: a turn that makes work again gets another turn. */
    l->dirty = false;
    if (l->turn == NULL)
        return;
    tell(l, "turn", 0);
    l->turn(l->turn_ctx);
}

wr_err loop_sim_open(const loop_sim_config *config, loop **ret_loop) {
    loop *l = (loop *)calloc(1, sizeof *l);
    if (l == NULL)
        return WR_ERR_NOMEM;
    l->config = *config;
    loop_event_init(&l->turn_event, l, end_turn, l);
    *ret_loop = l;
    return WR_OK;
}

/* Runs the world, not only this device. */
wr_err loop_run(loop *l) {
    l->stopped = false;
    while (!l->stopped) {
        bool ran = sim_clock_step(l->config.clock, UINT64_MAX - 1);
        WR_ASSERT(ran); /* nothing would ever stop it */
    }
    return WR_OK;
}

void loop_stop(loop *l) {
    l->stopped = true;
}

void loop_close(loop *l) {
    WR_ASSERT(l->things == 0);
    loop_event_stop(&l->turn_event);
    free(l);
}

/* What a clock of the device counts in so much time of the world. */
static uint64_t drifted(const loop *l, uint64_t ms) {
    return ms + (uint64_t)((int64_t)ms / 1000 * l->config.drift_ppm / 1000);
}

wr_now loop_now(const loop *l) {
    uint64_t now_ms = sim_clock_now(l->config.clock);
    WR_ASSERT(now_ms >= l->asleep_until); /* nobody asks a device that sleeps */
    uint64_t mono_ms = l->config.mono_start_ms + drifted(l, now_ms - l->slept_ms);
    uint64_t wall_ms = SIM_WALL_START_MS + drifted(l, now_ms) + (uint64_t)l->config.wall_offset_ms;
    return (wr_now){{mono_ms}, {wall_ms}};
}

void loop_set_turn(loop *l, loop_fn fn, void *ctx) {
    l->turn = fn;
    l->turn_ctx = ctx;
}

bool loop_sim_is_dirty(const loop *l) {
    return l->dirty;
}

void loop_dirty(loop *l) {
    if (l->dirty)
        return;
    l->dirty = true;
    loop_event_set(&l->turn_event, sim_clock_now(l->config.clock));
}

void *loop_native(loop *l) {
    (void)l;
    return NULL;
}

void loop_sim_set_wall(loop *l, int64_t wall_offset_ms) {
    l->config.wall_offset_ms = wall_offset_ms;
}

void loop_sim_busy(loop *l, uint64_t until_ms) {
    l->busy_until = until_ms;
}

void loop_sim_sleep(loop *l, uint64_t until_ms) {
    uint64_t now_ms = sim_clock_now(l->config.clock);
    WR_ASSERT(until_ms >= now_ms);
    WR_ASSERT(l->asleep_until <= now_ms);
    l->asleep_until = until_ms;
    l->slept_ms += until_ms - now_ms;
}

/* ---- timers -------------------------------------------------------------------------------- */

/* When the device's clock shows the deadline, as far as is known now. */
static void arm(loop_timer *timer) {
    uint64_t now_ms = loop_now(timer->loop).mono.ms;
    uint64_t wait_ms = timer->deadline_ms > now_ms ? timer->deadline_ms - now_ms : 0;
    wr_mono at = wr_mono_add((wr_mono){sim_clock_now(timer->loop->config.clock)}, wait_ms);
    loop_event_set(&timer->event, at.ms);
}

static void timer_due(void *ctx) {
    loop_timer *timer = (loop_timer *)ctx;
    if (loop_now(timer->loop).mono.ms < timer->deadline_ms) {
        arm(timer); /* the device has slept */
        return;
    }
    tell(timer->loop, "timer", 0);
    timer->fn(timer->ctx);
}

wr_err loop_timer_new(loop *l, loop_fn fn, void *ctx, loop_timer **ret_timer) {
    loop_timer *timer = (loop_timer *)calloc(1, sizeof *timer);
    if (timer == NULL)
        return WR_ERR_NOMEM;
    *timer = (loop_timer){.loop = l, .fn = fn, .ctx = ctx};
    loop_event_init(&timer->event, l, timer_due, timer);
    l->things++;
    *ret_timer = timer;
    return WR_OK;
}

void loop_timer_set(loop_timer *timer, wr_mono deadline) {
    if (deadline.ms == WR_MONO_NEVER.ms) {
        loop_event_stop(&timer->event);
        return;
    }
    timer->deadline_ms = deadline.ms;
    arm(timer);
}

void loop_timer_free(loop_timer *timer) {
    if (timer == NULL)
        return;
    loop_event_stop(&timer->event);
    timer->loop->things--;
    free(timer);
}

/* ---- work ---------------------------------------------------------------------------------- */

static void work_done(void *ctx) {
    loop_work *job = (loop_work *)ctx;
    loop_fn done = job->done;
    void *done_ctx = job->ctx;
    tell(job->loop, "work", 0);
    job->loop->things--;
    free(job);
    done(done_ctx);
}

static void work_run(void *ctx) {
    loop_work *job = (loop_work *)ctx;
    job->work(job->ctx);
    loop_event_init(&job->event, job->loop, work_done, job);
    loop_event_set(&job->event, sim_clock_now(job->loop->config.clock) + 1);
}

wr_err loop_work_start(loop *l, loop_fn work, loop_fn done, void *ctx) {
    loop_work *job = (loop_work *)calloc(1, sizeof *job);
    if (job == NULL)
        return WR_ERR_NOMEM;
    *job = (loop_work){.loop = l, .work = work, .done = done, .ctx = ctx};
    loop_event_init(&job->event, l, work_run, job);
    loop_event_set(&job->event, sim_clock_now(l->config.clock));
    l->things++;
    return WR_OK;
}
