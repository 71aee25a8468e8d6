/* Paths are cut and mended alone or by groups, and stay as they are for their minimum time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "sim/net_sim.h"

#define HOSTS 5u

typedef struct scene {
    trace trace;
    sim_clock *clock;
    net_sim *net;
} scene;

static void setup(scene *s) {
    *s = (scene){0};
    trace_init(&s->trace, 1, false);
    s->clock = sim_clock_new(&s->trace);
    s->net = net_sim_new(s->clock, 1, HOSTS);
}

static void teardown(scene *s) {
    net_sim_free(s->net);
    sim_clock_free(s->clock);
}

static void pass_ms(const scene *s, uint64_t ms) {
    T_FALSE(sim_clock_step(s->clock, sim_clock_now(s->clock) + ms));
}

static bool is_cut(const scene *s, uint32_t from, uint32_t to) {
    return net_sim_path_of(s->net, from, to)->cut;
}

static uint32_t cuts(const scene *s) {
    uint32_t count = 0;
    for (uint32_t from = 0; from < HOSTS; from++)
        for (uint32_t to = 0; to < HOSTS; to++)
            count += is_cut(s, from, to);
    return count;
}

static void a_cut_is_one_way(void **state) {
    (void)state;
    scene s;
    setup(&s);
    T_TRUE(net_sim_cut(s.net, 1, 3, true));
    T_TRUE(is_cut(&s, 1, 3));
    T_EQ(cuts(&s), 1);
    T_FALSE(net_sim_cut(s.net, 1, 3, true));
    T_TRUE(net_sim_cut(s.net, 1, 3, false)); /* at once: no minimum time */
    T_EQ(cuts(&s), 0);
    teardown(&s);
}

static void a_path_keeps_its_state_for_the_minimum_time(void **state) {
    (void)state;
    scene s;
    setup(&s);
    net_sim_set_stable_ms(s.net, 1000);
    T_TRUE(net_sim_cut(s.net, 0, 1, true));
    pass_ms(&s, 999);
    T_FALSE(net_sim_cut(s.net, 0, 1, false));
    T_TRUE(is_cut(&s, 0, 1));
    T_TRUE(net_sim_cut(s.net, 1, 0, true)); /* another path */
    pass_ms(&s, 1);
    net_sim_mend(s.net, false);
    T_FALSE(is_cut(&s, 0, 1));
    T_TRUE(is_cut(&s, 1, 0));                /* its time has not come */
    T_FALSE(net_sim_cut(s.net, 0, 1, true)); /* nor may what was mended break at once */
    pass_ms(&s, 1000);
    T_TRUE(net_sim_cut(s.net, 0, 1, true));
    net_sim_mend(s.net, true);
    T_EQ(cuts(&s), 0);
    teardown(&s);
}

static void a_partition_divides_a_group_from_all_others(void **state) {
    (void)state;
    const uint32_t group = 1u << 0 | 1u << 3;
    for (int ways = NET_SIM_BOTH_WAYS; ways <= NET_SIM_OUTWARDS; ways++) {
        scene s;
        setup(&s);
        T_TRUE(net_sim_partition(s.net, group, (net_sim_ways)ways));
        for (uint32_t from = 0; from < HOSTS; from++) {
            for (uint32_t to = 0; to < HOSTS; to++) {
                bool out = (from == 0 || from == 3) && to != 0 && to != 3;
                bool in = (to == 0 || to == 3) && from != 0 && from != 3;
                T_EQ(is_cut(&s, from, to), out || (in && ways == NET_SIM_BOTH_WAYS));
            }
        }
        teardown(&s);
    }
}

static void a_partition_happens_whole_or_not_at_all(void **state) {
    (void)state;
    scene s;
    setup(&s);
    net_sim_set_stable_ms(s.net, 1000);
    T_TRUE(net_sim_cut(s.net, 2, 4, true));
    pass_ms(&s, 1000);
    T_TRUE(net_sim_cut(s.net, 2, 4, false));
    T_FALSE(net_sim_partition(s.net, 1u << 4, NET_SIM_BOTH_WAYS));
    T_EQ(cuts(&s), 0);
    T_TRUE(net_sim_partition(s.net, 1u << 4, NET_SIM_OUTWARDS)); /* not that path */
    T_EQ(cuts(&s), HOSTS - 1);
    pass_ms(&s, 1000);
    T_TRUE(net_sim_partition(s.net, 1u << 4, NET_SIM_BOTH_WAYS)); /* half of it is so already */
    T_EQ(cuts(&s), 2 * (HOSTS - 1));
    teardown(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_is_one_way),
        cmocka_unit_test(a_path_keeps_its_state_for_the_minimum_time),
        cmocka_unit_test(a_partition_divides_a_group_from_all_others),
        cmocka_unit_test(a_partition_happens_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
