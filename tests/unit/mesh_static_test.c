/* Static addresses: whoever is there, then the one who answered, until it does not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/mesh_fixture.h"

#define A 1u
#define B 200u

static void a_static_address_is_tried_for_every_sibling_after_learned_ones(void **state) {
    (void)state;
    mesh *m = new_mesh(1);
    add_static(m, 50, 0);
    expect_never(m);
    add(m, A, 0);
    add(m, B, 0);
    learn(m, A, 1, 0);
    expect_dial(m, A, 1, 0);
    expect_dial(m, B, 50, 0);
    expect_dial(m, A, 50, MESH_STAGGER_MS);
    mesh_free(m);
}

static void a_static_address_for_whom_nobody_answers_waits_for_each_sibling(void **state) {
    (void)state;
    mesh *m = new_mesh(2);
    uint32_t dials = 0;
    add_static(m, 50, 0);
    for (uint32_t i = 0; i < 10; i++)
        add(m, 300 + i, 0);
    while (mesh_deadline(m).ms < 3600u * 1000u) {
        wr_mono now = mesh_deadline(m);
        mesh_dial dial;
        T_TRUE(mesh_next(m, now, &dial));
        mesh_failed(m, &dial, now);
        dials++;
    }
    T_TRUE(dials <= 10 * 30);
    mesh_free(m);
}

static void who_answered_has_the_static_address_alone_until_it_fails_there(void **state) {
    (void)state;
    mesh *m = new_mesh(3);
    add_static(m, 50, 0);
    add(m, A, 0);
    add(m, B, 0);
    expect_dial(m, A, 50, 0);
    T_EQ(up_ours(m, A, 7, 50, 10), 0);
    expect_never(m); /* not for B */
    down(m, A, 7, 20000);
    uint64_t at = next_dial(m, A, 50);
    expect_never(m);
    dial_failed(m, A, 50, at);
    expect_due(m, B, 50, at); /* it is free, and B has not been tried there */
    T_EQ(up_ours(m, B, 8, 50, at + 10), 0);
    expect_never(m); /* not for A, until B fails */
    down(m, B, 8, at + 30000);
    at = next_dial(m, B, 50);
    dial_failed(m, B, 50, at);
    expect_due(m, A, 50, at); /* A's wait is long over */
    mesh_free(m);
}

static void a_round_also_ends_by_the_loss_of_its_last_candidate(void **state) {
    (void)state;
    mesh *m = new_mesh(4);
    add_static(m, 50, 0);
    add(m, A, 0);
    add(m, B, 0);
    learn(m, A, 1, 0);
    expect_dial(m, A, 1, 0);
    expect_dial(m, B, 50, 0);
    dial_failed(m, A, 1, 10);
    T_EQ(up_ours(m, B, 7, 50, 20), 0); /* before A was tried there */
    uint64_t at = mesh_deadline(m).ms;
    T_TRUE(at >= 20 + MESH_RETRY_MIN_MS * 7 / 10);
    T_TRUE(at <= 20 + MESH_RETRY_MIN_MS * 13 / 10);
    expect_dial(m, A, 1, at);
    mesh_free(m);
}

static void an_address_both_static_and_learned_is_tried_once_a_round(void **state) {
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        mesh *m = new_mesh(5);
        add(m, A, 0);
        if (order == 0)
            add_static(m, 50, 0);
        learn(m, A, 50, 0);
        if (order == 1)
            add_static(m, 50, 0);
        expect_dial(m, A, 50, 0);
        expect_never(m);
        dial_failed(m, A, 50, 10);
        T_TRUE(mesh_deadline(m).ms >= 10 + MESH_RETRY_MIN_MS * 7 / 10);
        mesh_free(m);
    }
}

static void learning_a_static_address_does_not_dial_it_twice_at_a_time(void **state) {
    (void)state;
    mesh *m = new_mesh(6);
    add(m, A, 0);
    add_static(m, 50, 0);
    expect_dial(m, A, 50, 0);
    learn(m, A, 50, 10);
    expect_never(m);
    dial_failed(m, A, 50, 20);
    (void)next_dial(m, A, 50);
    expect_never(m);
    mesh_free(m);
}

static void configuring_a_learned_address_does_not_dial_it_twice_at_a_time(void **state) {
    (void)state;
    mesh *m = new_mesh(6);
    add(m, A, 0);
    learn(m, A, 50, 0);
    expect_dial(m, A, 50, 0);
    add_static(m, 50, 10);
    expect_never(m);
    mesh_free(m);
}

static void a_static_address_is_tried_after_it_left_the_learned_ones(void **state) {
    (void)state;
    mesh *m = new_mesh(12);
    add(m, A, 0);
    add_static(m, 50, 0);
    learn(m, A, 50, 0);
    for (uint32_t i = 1; i <= MESH_ADDRS_MAX; i++)
        learn(m, A, i, 0);
    for (uint32_t i = 0; i < MESH_ADDRS_MAX; i++)
        expect_dial(m, A, MESH_ADDRS_MAX - i, i * MESH_STAGGER_MS);
    expect_dial(m, A, 50, MESH_ADDRS_MAX * MESH_STAGGER_MS);
    mesh_free(m);
}

static void a_learned_address_is_dialled_although_it_is_bound_to_another(void **state) {
    (void)state;
    mesh *m = new_mesh(7);
    add(m, A, 0);
    add(m, B, 0);
    add_static(m, 50, 0);
    expect_dial(m, A, 50, 0);
    T_EQ(up_ours(m, A, 7, 50, 10), 0);
    expect_never(m);
    learn(m, B, 50, 20);
    expect_due(m, B, 50, 20);
    mesh_free(m);
}

static void a_static_address_added_during_a_wait_is_due_at_once(void **state) {
    (void)state;
    mesh *m = new_mesh(8);
    add(m, A, 0);
    learn(m, A, 1, 0);
    expect_dial(m, A, 1, 0);
    dial_failed(m, A, 1, 0);
    uint64_t wait_ends = mesh_deadline(m).ms;
    add_static(m, 50, 300);
    expect_due(m, A, 50, 300);
    add_static(m, 50, 310); /* again: nothing */
    dial_failed(m, A, 50, 320);
    T_EQ(mesh_deadline(m).ms, wait_ends);
    mesh_free(m);
}

static void a_dial_that_another_device_answers_failed_for_the_one_it_was_for(void **state) {
    (void)state;
    mesh *m = new_mesh(9);
    wr_hash b = device_of(B);
    mesh_dial dial = dial_of(A, 50);
    add(m, A, 0);
    add(m, B, 0);
    add_static(m, 50, 0);
    add_static(m, 51, 0);
    expect_dial(m, A, 50, 0);
    expect_dial(m, B, 50, 0);
    T_EQ(mesh_up(m, &b, 7, &dial, (wr_mono){10}), 0);
    T_TRUE(has_link(m, B));
    T_FALSE(has_link(m, A));
    expect_dial(m, A, 51, 250);
    dial_failed(m, A, 51, 260);
    expect_dial(m, A, 51, mesh_deadline(m).ms); /* not 50: B was there */
    expect_never(m);
    mesh_free(m);
}

static void an_address_where_another_answered_is_promising_no_more(void **state) {
    (void)state;
    mesh *m = new_mesh(13);
    mesh_addr out[MESH_ADDRS_MAX], newest = addr_of(2);
    wr_hash a = device_of(A), b = device_of(B);
    mesh_dial dial = dial_of(A, 1);
    add(m, A, 0);
    add(m, B, 0);
    learn(m, A, 1, 0);
    expect_dial(m, A, 1, 0);
    T_EQ(up_ours(m, A, 7, 1, 10), 0);
    down(m, A, 7, 20000);
    uint64_t at = next_dial(m, A, 1);
    T_EQ(mesh_up(m, &b, 8, &dial, (wr_mono){at}), 0);
    learn(m, A, 2, at);
    T_EQ(mesh_addrs(m, &a, out), 2);
    T_MEM(out[0].b, newest.b, sizeof newest.b);
    mesh_free(m);
}

static void a_removed_device_gives_its_static_address_back(void **state) {
    (void)state;
    mesh *m = new_mesh(10);
    wr_hash a = device_of(A);
    add(m, A, 0);
    add_static(m, 50, 0);
    expect_dial(m, A, 50, 0);
    T_EQ(up_ours(m, A, 7, 50, 10), 0);
    add(m, B, 20);
    expect_never(m);
    mesh_remove(m, &a);
    expect_dial(m, B, 50, 20);
    mesh_free(m);
}

static void static_addresses_are_limited(void **state) {
    (void)state;
    mesh *m = new_mesh(11);
    mesh_addr extra = addr_of(99), first = addr_of(1);
    for (uint32_t i = 1; i <= MESH_STATIC_MAX; i++)
        add_static(m, i, 0);
    T_ERR(mesh_add_static(m, &extra, (wr_mono){0}), WR_ERR_LIMIT);
    T_OK(mesh_add_static(m, &first, (wr_mono){0}));
    add(m, A, 0);
    for (uint32_t i = 1; i <= MESH_STATIC_MAX; i++)
        expect_dial(m, A, i, (i - 1) * MESH_STAGGER_MS);
    expect_never(m);
    mesh_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_static_address_is_tried_for_every_sibling_after_learned_ones),
        cmocka_unit_test(a_static_address_for_whom_nobody_answers_waits_for_each_sibling),
        cmocka_unit_test(who_answered_has_the_static_address_alone_until_it_fails_there),
        cmocka_unit_test(a_round_also_ends_by_the_loss_of_its_last_candidate),
        cmocka_unit_test(an_address_both_static_and_learned_is_tried_once_a_round),
        cmocka_unit_test(learning_a_static_address_does_not_dial_it_twice_at_a_time),
        cmocka_unit_test(configuring_a_learned_address_does_not_dial_it_twice_at_a_time),
        cmocka_unit_test(a_static_address_is_tried_after_it_left_the_learned_ones),
        cmocka_unit_test(an_address_where_another_answered_is_promising_no_more),
        cmocka_unit_test(a_learned_address_is_dialled_although_it_is_bound_to_another),
        cmocka_unit_test(a_static_address_added_during_a_wait_is_due_at_once),
        cmocka_unit_test(a_dial_that_another_device_answers_failed_for_the_one_it_was_for),
        cmocka_unit_test(a_removed_device_gives_its_static_address_back),
        cmocka_unit_test(static_addresses_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
