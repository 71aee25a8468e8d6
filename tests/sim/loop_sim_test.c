/* The simulated loop keeps what core/loop.h promises, and its clocks move as they should.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "sim/loop_sim.h"

typedef struct scene {
    trace trace;
    sim_clock *clock;
    loop *l;
    loop_timer *timer, *other;
    int events, turns, turns_wanted;
    int events_at_turn[8];
    uint64_t time_at_turn[8];
    wr_now seen;
    bool worked, done;
} scene;

static void setup(scene *s) {
    *s = (scene){0};
    trace_init(&s->trace, 1, false);
    s->clock = sim_clock_new(&s->trace);
    loop_sim_config config = {.clock = s->clock, .mono_start_ms = 5000, .wall_offset_ms = -700};
    T_OK(loop_sim_open(&config, &s->l));
}

static void teardown(scene *s) {
    loop_timer_free(s->timer);
    loop_timer_free(s->other);
    loop_close(s->l);
    sim_clock_free(s->clock);
}

static void run_until(scene *s, uint64_t ms) {
    while (sim_clock_step(s->clock, ms))
        T_TRUE(sim_clock_at_once(s->clock) < 1000);
    T_EQ(sim_clock_now(s->clock), ms);
}

static void make_dirty(void *ctx) {
    scene *s = (scene *)ctx;
    s->events++;
    s->seen = loop_now(s->l);
    loop_dirty(s->l);
    loop_dirty(s->l);
}

static void turn(void *ctx) {
    scene *s = (scene *)ctx;
    T_TRUE(s->turns < 8);
    s->time_at_turn[s->turns] = sim_clock_now(s->clock);
    s->events_at_turn[s->turns++] = s->events;
    if (s->turns < s->turns_wanted)
        loop_dirty(s->l);
}

static void new_timers(scene *s) {
    T_OK(loop_timer_new(s->l, make_dirty, s, &s->timer));
    T_OK(loop_timer_new(s->l, make_dirty, s, &s->other));
}

static wr_mono in_ms(const scene *s, uint64_t ms) {
    return wr_mono_add(loop_now(s->l).mono, ms);
}

static void one_turn_ends_all_events_of_an_instant(void **state) {
    (void)state;
    scene s;
    setup(&s);
    loop_set_turn(s.l, turn, &s);
    new_timers(&s);
    loop_timer_set(s.timer, in_ms(&s, 10));
    loop_timer_set(s.other, in_ms(&s, 10));
    run_until(&s, 20);
    T_EQ(s.turns, 1);
    T_EQ(s.events_at_turn[0], 2);
    T_EQ(s.time_at_turn[0], 10);
    teardown(&s);
}

static void a_turn_that_makes_work_gets_another_before_time_moves(void **state) {
    (void)state;
    scene s;
    setup(&s);
    s.turns_wanted = 3;
    loop_set_turn(s.l, turn, &s);
    new_timers(&s);
    loop_timer_set(s.timer, in_ms(&s, 5));
    loop_timer_set(s.other, in_ms(&s, 6));
    run_until(&s, 5);
    T_EQ(s.turns, 3);
    T_EQ(s.time_at_turn[2], 5);
    T_EQ(s.events, 1);
    teardown(&s);
}

static void a_clean_loop_has_no_turn(void **state) {
    (void)state;
    scene s;
    setup(&s);
    loop_set_turn(s.l, turn, &s);
    run_until(&s, 1000);
    T_EQ(s.turns, 0);
    teardown(&s);
}

static void a_timer_fires_once_at_its_deadline(void **state) {
    (void)state;
    scene s;
    setup(&s);
    new_timers(&s);
    loop_timer_set(s.timer, in_ms(&s, 1));
    loop_timer_set(s.timer, in_ms(&s, 30)); /* replaces */
    loop_timer_set(s.other, in_ms(&s, 10));
    loop_timer_set(s.other, WR_MONO_NEVER);
    run_until(&s, 29);
    T_EQ(s.events, 0);
    run_until(&s, 100);
    T_EQ(s.events, 1);
    T_EQ(s.seen.mono.ms, 5030);
    T_EQ(s.seen.wall.ms, SIM_WALL_START_MS + 30 - 700);
    loop_timer_set(s.timer, (wr_mono){0}); /* in the past: now */
    run_until(&s, 100);
    T_EQ(s.events, 2);
    loop_timer_set(s.timer, in_ms(&s, UINT64_MAX - 6000));
    run_until(&s, 1u << 30);
    T_EQ(s.events, 2);
    teardown(&s);
}

static void a_device_that_sleeps_does_nothing_and_its_monotonic_clock_stands(void **state) {
    (void)state;
    scene s;
    setup(&s);
    new_timers(&s);
    loop_timer_set(s.timer, in_ms(&s, 50));
    loop_timer_set(s.other, in_ms(&s, 120));
    run_until(&s, 20);
    loop_sim_sleep(s.l, 1020);
    run_until(&s, 1049);
    T_EQ(s.events, 0);
    run_until(&s, 1050); /* 20 before, 30 after */
    T_EQ(s.events, 1);
    T_EQ(s.seen.mono.ms, 5050);
    T_EQ(s.seen.wall.ms, SIM_WALL_START_MS + 1050 - 700);
    run_until(&s, 1120);
    T_EQ(s.events, 2);
    T_EQ(s.seen.mono.ms, 5120);
    teardown(&s);
}

static void what_waits_for_a_sleeping_device_comes_when_it_wakes(void **state) {
    (void)state;
    scene s;
    loop_event event;
    setup(&s);
    loop_event_init(&event, s.l, make_dirty, &s);
    loop_event_set(&event, 40);
    loop_sim_sleep(s.l, 90);
    run_until(&s, 89);
    T_EQ(s.events, 0);
    run_until(&s, 90);
    T_EQ(s.events, 1);
    loop_event_set(&event, 95);
    loop_event_stop(&event);
    run_until(&s, 200);
    T_EQ(s.events, 1);
    teardown(&s);
}

static void the_wall_clock_can_be_set_alone(void **state) {
    (void)state;
    scene s;
    setup(&s);
    wr_now before = loop_now(s.l);
    loop_sim_set_wall(s.l, 60000 - 700);
    T_EQ(loop_now(s.l).wall.ms - before.wall.ms, 60000);
    T_EQ(loop_now(s.l).mono.ms, before.mono.ms);
    teardown(&s);
}

static void work(void *ctx) {
    ((scene *)ctx)->worked = true;
}

static void work_is_done(void *ctx) {
    scene *s = (scene *)ctx;
    T_TRUE(s->worked);
    s->done = true;
    loop_stop(s->l);
}

static void work_runs_later_and_reports_back(void **state) {
    (void)state;
    scene s;
    setup(&s);
    T_OK(loop_work_start(s.l, work, work_is_done, &s));
    T_FALSE(s.worked);
    T_OK(loop_run(s.l));
    T_TRUE(s.done);
    teardown(&s);
}

static void the_trace_depends_on_every_event(void **state) {
    (void)state;
    scene s;
    uint64_t hashes[3];
    for (unsigned i = 0; i < 3; i++) {
        setup(&s);
        new_timers(&s);
        loop_timer_set(s.timer, in_ms(&s, i == 2 ? 11 : 10));
        run_until(&s, 100);
        hashes[i] = s.trace.hash;
        teardown(&s);
    }
    T_TRUE(hashes[0] == hashes[1]);
    T_TRUE(hashes[0] != hashes[2]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_turn_ends_all_events_of_an_instant),
        cmocka_unit_test(a_turn_that_makes_work_gets_another_before_time_moves),
        cmocka_unit_test(a_clean_loop_has_no_turn),
        cmocka_unit_test(a_timer_fires_once_at_its_deadline),
        cmocka_unit_test(a_device_that_sleeps_does_nothing_and_its_monotonic_clock_stands),
        cmocka_unit_test(what_waits_for_a_sleeping_device_comes_when_it_wakes),
        cmocka_unit_test(the_wall_clock_can_be_set_alone),
        cmocka_unit_test(work_runs_later_and_reports_back),
        cmocka_unit_test(the_trace_depends_on_every_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
