/* The event loop on libuv: turns, timers, work; the only reader of the clocks.
 *
 *   timers -> turn -> wait for I/O -> its callbacks -> turn -> closed callbacks -> ..
 *
 * Layer:  core
 * Owner:  the agent; timers free themselves in libuv's close callback.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/loop.h"

#include <stdlib.h>
#include <time.h>
#include <uv.h>

struct loop {
    uv_loop_t uv;
    uv_prepare_t before_wait; /* ends a turn of timers and closed callbacks */
    uv_check_t after_wait;    /* ends a turn of I/O */
    uv_idle_t awake;          /* runs while dirty: the loop must not wait */
    loop_fn turn;
    void *turn_ctx;
    bool dirty;
    wr_now now;
};

struct loop_timer {
    uv_timer_t uv;
    loop_fn fn;
    void *ctx;
    bool closing;
};

struct loop_work {
    uv_work_t uv;
    loop_fn work, done;
    void *ctx;
};

/* ---- turns ---------------------------------------------------------------- */

static void stay_awake(uv_idle_t *handle) {
    (void)handle;
}

static void end_turn(loop *l) {
    if (!l->dirty)
        return;
    /* Cleared first: a turn that makes work again gets another turn before the loop waits. */
    l->dirty = false;
    uv_idle_stop(&l->awake);
    if (l->turn != NULL)
        l->turn(l->turn_ctx);
}

static void before_wait(uv_prepare_t *handle) {
    end_turn((loop *)handle->data);
}

static void after_wait(uv_check_t *handle) {
    end_turn((loop *)handle->data);
}

wr_err loop_open(loop **ret_loop) {
    loop *l = (loop *)calloc(1, sizeof *l);
    if (l == NULL)
        return WR_ERR_NOMEM;
    if (uv_loop_init(&l->uv) != 0) {
        free(l);
        return WR_ERR_IO;
    }
    uv_prepare_init(&l->uv, &l->before_wait);
    uv_check_init(&l->uv, &l->after_wait);
    uv_idle_init(&l->uv, &l->awake);
    l->before_wait.data = l->after_wait.data = l->awake.data = l;
    uv_prepare_start(&l->before_wait, before_wait);
    uv_check_start(&l->after_wait, after_wait);
    *ret_loop = l;
    return WR_OK;
}

wr_err loop_run(loop *l) {
    /* The prepare handle keeps the run alive, so only loop_stop ends it. */
    uv_run(&l->uv, UV_RUN_DEFAULT);
    return WR_OK;
}

void loop_stop(loop *l) {
    uv_stop(&l->uv);
}

static void assert_closing(uv_handle_t *handle, void *ctx) {
    (void)ctx;
    WR_ASSERT(uv_is_closing(handle));
}

void loop_close(loop *l) {
    uv_close((uv_handle_t *)&l->before_wait, NULL);
    uv_close((uv_handle_t *)&l->after_wait, NULL);
    uv_close((uv_handle_t *)&l->awake, NULL);
    uv_walk(&l->uv, assert_closing, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&l->uv);
    WR_ASSERT(rc == 0);
    free(l);
}

/* libuv reads the monotonic clock when a turn starts; the wall clock is read when that value is
 * first seen, so that all callers of one turn agree. */
wr_now loop_now(const loop *loop_in) {
    loop *l = (loop *)(uintptr_t)loop_in;
    uint64_t mono_ms = uv_now(&l->uv);
    if (l->now.mono.ms != mono_ms || l->now.wall.ms == 0) {
        struct timespec wall;
        clock_gettime(CLOCK_REALTIME, &wall);
        l->now.mono.ms = mono_ms;
        l->now.wall.ms = (uint64_t)wall.tv_sec * 1000u + (uint64_t)wall.tv_nsec / 1000000u;
    }
    return l->now;
}

void loop_set_turn(loop *l, loop_fn fn, void *ctx) {
    l->turn = fn;
    l->turn_ctx = ctx;
}

void loop_dirty(loop *l) {
    if (l->dirty)
        return;
    l->dirty = true;
    uv_idle_start(&l->awake, stay_awake);
}

/* ---- timers ---------------------------------------------------------------- */

static void timer_fired(uv_timer_t *handle) {
    loop_timer *timer = (loop_timer *)handle->data;
    timer->fn(timer->ctx);
}

wr_err loop_timer_new(loop *l, loop_fn fn, void *ctx, loop_timer **ret_timer) {
    loop_timer *timer = (loop_timer *)calloc(1, sizeof *timer);
    if (timer == NULL)
        return WR_ERR_NOMEM;
    timer->fn = fn;
    timer->ctx = ctx;
    uv_timer_init(&l->uv, &timer->uv);
    timer->uv.data = timer;
    *ret_timer = timer;
    return WR_OK;
}

void loop_timer_set(loop_timer *timer, wr_mono deadline) {
    WR_ASSERT(!timer->closing);
    if (deadline.ms == WR_MONO_NEVER.ms) {
        uv_timer_stop(&timer->uv);
        return;
    }
    uint64_t now_ms = uv_now(timer->uv.loop);
    uint64_t wait_ms = deadline.ms > now_ms ? deadline.ms - now_ms : 0;
    uv_timer_start(&timer->uv, timer_fired, wait_ms, 0);
}

static void timer_closed(uv_handle_t *handle) {
    free(handle->data);
}

void loop_timer_free(loop_timer *timer) {
    if (timer == NULL)
        return;
    WR_ASSERT(!timer->closing);
    timer->closing = true;
    uv_close((uv_handle_t *)&timer->uv, timer_closed);
}

/* ---- work off the loop -------------------------------------------------------- */

static void work_run(uv_work_t *request) {
    loop_work *job = (loop_work *)request->data;
    job->work(job->ctx);
}

static void work_done(uv_work_t *request, int status) {
    loop_work *job = (loop_work *)request->data;
    /* We never cancel, so done always follows work. */
    WR_ASSERT(status == 0);
    loop_fn done = job->done;
    void *ctx = job->ctx;
    free(job);
    done(ctx);
}

wr_err loop_work_start(loop *l, loop_fn work, loop_fn done, void *ctx) {
    loop_work *job = (loop_work *)calloc(1, sizeof *job);
    if (job == NULL)
        return WR_ERR_NOMEM;
    job->work = work;
    job->done = done;
    job->ctx = ctx;
    job->uv.data = job;
    if (uv_queue_work(&l->uv, &job->uv, work_run, work_done) != 0) {
        free(job);
        return WR_ERR_NOMEM;
    }
    return WR_OK;
}

void *loop_native(loop *l) {
    return &l->uv;
}
