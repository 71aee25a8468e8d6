/* The loop: turns, timers, work, and that an idle one sleeps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/loop.h"
#include "harness/harness.h"

#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

typedef struct scene {
    loop *l;
    loop_timer *timer, *other;
    int events, turns, turns_wanted;
    int events_at_turn[8];
    wr_mono deadline;
    wr_now seen;
    bool worked, done;
} scene;

static void setup(scene *s) {
    *s = (scene){0};
    T_OK(loop_open(&s->l));
}

static void stop(void *ctx) {
    loop_stop(((scene *)ctx)->l);
}

static void make_dirty(void *ctx) {
    scene *s = (scene *)ctx;
    s->events++;
    loop_dirty(s->l);
    loop_dirty(s->l);
}

static void turn(void *ctx) {
    scene *s = (scene *)ctx;
    T_TRUE(s->turns < 8);
    s->events_at_turn[s->turns++] = s->events;
    if (s->turns < s->turns_wanted)
        loop_dirty(s->l);
    else
        loop_stop(s->l);
}

static void a_turn_ends_once_after_all_events_of_it(void **state) {
    (void)state;
    scene s;
    setup(&s);
    s.turns_wanted = 1;
    loop_set_turn(s.l, turn, &s);
    T_OK(loop_timer_new(s.l, make_dirty, &s, &s.timer));
    T_OK(loop_timer_new(s.l, make_dirty, &s, &s.other));
    loop_timer_set(s.timer, loop_now(s.l).mono);
    loop_timer_set(s.other, loop_now(s.l).mono);
    T_OK(loop_run(s.l));
    T_EQ(s.turns, 1);
    T_EQ(s.events_at_turn[0], 2);
    loop_timer_free(s.timer);
    loop_timer_free(s.other);
    loop_close(s.l);
}

static void pipe_readable(uv_poll_t *handle, int status, int events) {
    (void)events;
    T_EQ(status, 0);
    scene *s = (scene *)handle->data;
    make_dirty(s);
    uv_poll_stop(handle);
}

static void a_turn_of_io_ends_after_all_its_callbacks(void **state) {
    (void)state;
    scene s;
    setup(&s);
    s.turns_wanted = 1;
    loop_set_turn(s.l, turn, &s);
    uv_poll_t poll[2];
    int fd[2][2];
    for (int i = 0; i < 2; i++) {
        T_EQ(pipe(fd[i]), 0);
        T_EQ(uv_poll_init((uv_loop_t *)loop_native(s.l), &poll[i], fd[i][0]), 0);
        poll[i].data = &s;
        T_EQ(uv_poll_start(&poll[i], UV_READABLE, pipe_readable), 0);
        T_EQ(write(fd[i][1], "x", 1), 1);
    }
    T_OK(loop_run(s.l));
    T_EQ(s.turns, 1);
    T_EQ(s.events_at_turn[0], 2);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&poll[i], NULL);
    loop_close(s.l);
    for (int i = 0; i < 2; i++) {
        (void)close(fd[i][0]);
        (void)close(fd[i][1]);
    }
}

static void a_turn_that_makes_work_gets_another_before_the_loop_waits(void **state) {
    (void)state;
    scene s;
    setup(&s);
    s.turns_wanted = 4;
    loop_set_turn(s.l, turn, &s);
    loop_dirty(s.l); /* also before the loop runs */
    T_OK(loop_run(s.l));
    T_EQ(s.turns, 4);
    loop_close(s.l);
}

static void remember(void *ctx) {
    scene *s = (scene *)ctx;
    s->seen = loop_now(s->l);
    s->events++;
    loop_stop(s->l);
}

static void a_timer_fires_once_at_its_deadline_and_never_before(void **state) {
    (void)state;
    scene s;
    setup(&s);
    T_OK(loop_timer_new(s.l, remember, &s, &s.timer));
    T_OK(loop_timer_new(s.l, make_dirty, &s, &s.other));
    wr_mono start = loop_now(s.l).mono;
    loop_timer_set(s.timer, wr_mono_add(start, 1));
    loop_timer_set(s.timer, wr_mono_add(start, 30)); /* replaces */
    loop_timer_set(s.other, wr_mono_add(start, 10));
    loop_timer_set(s.other, WR_MONO_NEVER);
    T_OK(loop_run(s.l));
    T_EQ(s.events, 1);
    T_TRUE(wr_mono_reached(wr_mono_add(start, 30), s.seen.mono));
    T_TRUE(s.seen.wall.ms > 1600000000000ull);
    /* A deadline in the past fires at once. */
    loop_timer_set(s.timer, (wr_mono){0});
    T_OK(loop_run(s.l));
    T_EQ(s.events, 2);
    loop_timer_free(s.timer);
    loop_timer_free(s.other);
    loop_timer_free(NULL);
    loop_close(s.l);
}

static void work_on_thread(void *ctx) {
    ((scene *)ctx)->worked = true;
}

static void work_is_done(void *ctx) {
    scene *s = (scene *)ctx;
    T_TRUE(s->worked);
    s->done = true;
    loop_stop(s->l);
}

static void work_runs_elsewhere_and_reports_back(void **state) {
    (void)state;
    scene s;
    setup(&s);
    T_OK(loop_work_start(s.l, work_on_thread, work_is_done, &s));
    T_OK(loop_run(s.l));
    T_TRUE(s.done);
    loop_close(s.l);
}

static void only_count(void *ctx) {
    ((scene *)ctx)->turns++;
}

static long cpu_us(const struct rusage *usage) {
    return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 + usage->ru_utime.tv_usec +
           usage->ru_stime.tv_usec;
}

static void an_idle_loop_sleeps(void **state) {
    (void)state;
    scene s;
    struct rusage before, after;
    setup(&s);
    loop_set_turn(s.l, only_count, &s);
    loop_dirty(s.l);
    T_OK(loop_timer_new(s.l, stop, &s, &s.timer));
    loop_timer_set(s.timer, wr_mono_add(loop_now(s.l).mono, 200));
    T_EQ(getrusage(RUSAGE_SELF, &before), 0);
    T_OK(loop_run(s.l));
    T_EQ(getrusage(RUSAGE_SELF, &after), 0);
    T_EQ(s.turns, 1);
    T_TRUE(after.ru_nvcsw - before.ru_nvcsw <= 3);
    /* Spinning through the 200 ms would take most of them. */
    T_TRUE(cpu_us(&after) - cpu_us(&before) < 50000);
    loop_timer_free(s.timer);
    loop_close(s.l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_ends_once_after_all_events_of_it),
        cmocka_unit_test(a_turn_of_io_ends_after_all_its_callbacks),
        cmocka_unit_test(a_turn_that_makes_work_gets_another_before_the_loop_waits),
        cmocka_unit_test(a_timer_fires_once_at_its_deadline_and_never_before),
        cmocka_unit_test(work_runs_elsewhere_and_reports_back),
        cmocka_unit_test(an_idle_loop_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
