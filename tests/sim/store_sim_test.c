/* The mortal store: what it passes on, what of a transaction survives, and that the dead are
 * silent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "sim/store_sim.h"
#include "store/store_memory.h"

#define S(text) wr_slice_str(text)

typedef struct scene {
    store *disk, *s;
    store_life life;
} scene;

static void setup(scene *c) {
    *c = (scene){0};
    T_OK(store_open_memory(&c->disk));
    T_OK(store_sim_open(c->disk, &c->life, NULL, &c->s));
}

/* The process ends, the disk is what a new one finds. */
static void restart(scene *c) {
    store_close(c->s);
    store_memory_crash(c->disk);
    c->life = (store_life){0};
    T_OK(store_sim_open(c->disk, &c->life, NULL, &c->s));
}

static void teardown(scene *c) {
    store_close(c->s);
    store_close(c->disk);
}

static bool has(scene *c, const char *key) {
    uint8_t bytes[16];
    wr_buf out = WR_BUF_ARRAY(bytes);
    return store_get_meta(c->s, S(key), &out) == WR_OK;
}

static wr_err put(scene *c, const char *key) {
    WR_TRY(store_begin(c->s));
    WR_TRY(store_put_meta(c->s, S(key), S("value")));
    return store_commit(c->s);
}

static void what_was_committed_is_there_after_a_restart(void **state) {
    (void)state;
    scene c;
    setup(&c);
    T_OK(put(&c, "a"));
    T_OK(store_begin(c.s));
    T_OK(store_put_meta(c.s, S("b"), S("value")));
    restart(&c); /* in the middle of a transaction */
    T_TRUE(has(&c, "a"));
    T_FALSE(has(&c, "b"));
    teardown(&c);
}

static void death_at_a_call_comes_before_it(void **state) {
    (void)state;
    for (uint64_t call = 1; call <= 3; call++) { /* begin, put, commit */
        scene c;
        setup(&c);
        store_life_end_at(&c.life, call, false);
        T_ERR(put(&c, "a"), WR_ERR_IO);
        T_TRUE(c.life.dead);
        restart(&c);
        T_FALSE(has(&c, "a"));
        T_OK(put(&c, "a"));
        teardown(&c);
    }
}

static void death_after_a_commit_keeps_it_and_tells_nobody(void **state) {
    (void)state;
    scene c;
    setup(&c);
    store_life_end_at(&c.life, 2, true); /* the first commit from the put on */
    T_ERR(put(&c, "a"), WR_ERR_IO);
    T_TRUE(c.life.dead);
    restart(&c);
    T_TRUE(has(&c, "a"));
    teardown(&c);
}

static void the_dead_reach_the_disk_no_more(void **state) {
    (void)state;
    scene c;
    setup(&c);
    c.life.dead = true;
    uint64_t calls = store_memory_calls(c.disk);
    T_ERR(put(&c, "a"), WR_ERR_IO);
    T_FALSE(has(&c, "a"));
    store_rollback(c.s);
    T_EQ(store_memory_calls(c.disk), calls);
    teardown(&c);
}

static void a_fault_of_the_disk_is_no_death(void **state) {
    (void)state;
    scene c;
    setup(&c);
    store_memory_fail_at(c.disk, 2);
    T_ERR(put(&c, "a"), WR_ERR_IO);
    store_rollback(c.s);
    T_FALSE(c.life.dead);
    T_FALSE(has(&c, "a"));
    T_OK(put(&c, "a"));
    T_TRUE(has(&c, "a"));
    teardown(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_committed_is_there_after_a_restart),
        cmocka_unit_test(death_at_a_call_comes_before_it),
        cmocka_unit_test(death_after_a_commit_keeps_it_and_tells_nobody),
        cmocka_unit_test(the_dead_reach_the_disk_no_more),
        cmocka_unit_test(a_fault_of_the_disk_is_no_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
