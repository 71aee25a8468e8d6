/* What is said to who removes a device that is out already.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_fake_members.h"
#include "api_world.h"

#include "harness/harness.h"

static const fake_device out[] = {
    {{.device = {{3}}, .name = {(const uint8_t *)"phone", 5}},
     {.reason = WR_REASON_LOST, .removed_by = {{2}}, .removed_ms = 1700000009000u}},
    {{.device = {{4}}, .name = {(const uint8_t *)"watch", 5}},
     {.reason = WR_REASON_COMPROMISED, .removed_by_root = true, .barred = true}},
    {{.device = {{5}}, .name = {(const uint8_t *)"tablet", 6}},
     {.left = true, .removed_by = {{5}}}},
    {{.device = {{6}}, .name = {(const uint8_t *)"server", 6}},
     {.reset = true, .removed_by_root = true}},
};

static warren_value *removal(const char *device, const char *reason) {
    warren_value *params = strings("device", device, NULL);
    if (reason)
        warren_put(params, "reason", warren_str(reason));
    return params;
}

static void a_removal_that_says_nothing_new_tells_how_the_device_is_out(void **state) {
    static const char *const told[][3] = {
        {"phone", NULL,
         "conflict: phone (amaaaaaa) is out already (lost, by desktop, since 2023-11-14 22:13 "
         "UTC), "
         "nothing was changed; reason compromised, or the recovery words, would say more"},
        {"watch", "compromised",
         "conflict: watch (aqaaaaaa) is out already (compromised, by the recovery words), nothing "
         "was changed"},
        {"tablet", "retired",
         "conflict: tablet (auaaaaaa) is out already (left), nothing was changed; reason "
         "lost or compromised, or the recovery words, would say more"},
        {"server", NULL,
         "conflict: server (ayaaaaaa) is out already (reset, by the recovery words), nothing was "
         "changed"},
    };
    (void)state;
    world w;
    world_init(&w);
    fake_members *m = fake_hub_members(w.hub);
    m->devices = out;
    m->device_count = WR_COUNT(out);
    peer p = peer_connect(&w);
    m->foresee = WR_ERR_EXISTS;
    for (size_t i = 0; i < WR_COUNT(told); i++) {
        peer_expect_error(&w, &p, "circle.foresee", removal(told[i][0], told[i][1]), told[i][2]);
        peer_expect_error(&w, &p, "circle.remove", removal(told[i][0], told[i][1]), told[i][2]);
    }
    T_EQ(m->removed, 0);
    peer_close(&p);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removal_that_says_nothing_new_tells_how_the_device_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
