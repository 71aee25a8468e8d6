/* The dials of siblings: order, stagger, rounds and the waits between them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/mesh_fixture.h"

#define A 1u
#define B 200u
#define HOUR_MS (3600u * 1000u)

static void candidates_start_a_stagger_apart_newest_first(void **state) {
    (void)state;
    mesh *m = new_mesh(1);
    add(m, A, 1000);
    expect_never(m);
    learn(m, A, 1, 1000);
    learn(m, A, 2, 1000);
    learn(m, A, 3, 1000);
    T_EQ(mesh_deadline(m).ms, 1000);
    expect_dial(m, A, 3, 1000);
    T_EQ(mesh_deadline(m).ms, 1000 + MESH_STAGGER_MS);
    expect_dial(m, A, 2, 1000 + MESH_STAGGER_MS);
    expect_dial(m, A, 1, 1000 + 2 * MESH_STAGGER_MS);
    expect_never(m); /* all are under way */
    mesh_free(m);
}

static void siblings_do_not_wait_for_each_other(void **state) {
    (void)state;
    mesh *m = new_mesh(1);
    add(m, A, 0);
    add(m, B, 0);
    learn(m, A, 1, 0);
    learn(m, B, 2, 0);
    expect_dial(m, A, 1, 0);
    expect_dial(m, B, 2, 0);
    mesh_free(m);
}

static void a_learned_address_that_is_known_is_moved_up_and_makes_nothing_due(void **state) {
    (void)state;
    mesh *m = new_mesh(2);
    add(m, A, 0);
    learn(m, A, 1, 0);
    learn(m, A, 2, 0);
    expect_dial(m, A, 2, 0);
    expect_dial(m, A, 1, 250);
    dial_failed(m, A, 1, 300);
    dial_failed(m, A, 2, 300);
    uint64_t wait_ends = mesh_deadline(m).ms;
    learn(m, A, 1, 400);
    T_EQ(mesh_deadline(m).ms, wait_ends);
    expect_dial(m, A, 1, wait_ends);
    mesh_free(m);
}

static void the_address_that_answered_last_is_first_until_a_dial_there_fails(void **state) {
    (void)state;
    mesh *m = new_mesh(3);
    add(m, A, 0);
    learn(m, A, 1, 0);
    learn(m, A, 2, 0);
    expect_dial(m, A, 2, 0);
    expect_dial(m, A, 1, 250);
    T_EQ(up_ours(m, A, 7, 1, 300), 0);
    dial_failed(m, A, 2, 300);
    learn(m, A, 3, 400);
    down(m, A, 7, 20000);
    uint64_t at = next_dial(m, A, 1);
    dial_failed(m, A, 1, at);
    learn(m, A, 4, at);
    expect_dial(m, A, 4, at + 250);
    expect_dial(m, A, 3, at + 500);
    expect_dial(m, A, 2, at + 750);
    dial_failed(m, A, 2, at + 750);
    dial_failed(m, A, 3, at + 750);
    dial_failed(m, A, 4, at + 750);
    (void)next_dial(m, A, 4); /* it is newer than the one that answered once */
    mesh_free(m);
}

static void waits_double_up_to_their_limit_with_jitter(void **state) {
    (void)state;
    mesh *m = new_mesh(4);
    add(m, A, 0);
    learn(m, A, 1, 0);
    uint64_t nominal = MESH_RETRY_MIN_MS, at = 0;
    bool shorter = false, longer = false;
    for (unsigned round = 0; round < 40; round++) {
        expect_dial(m, A, 1, at);
        dial_failed(m, A, 1, at + 10);
        uint64_t wait = mesh_deadline(m).ms - (at + 10);
        T_TRUE(wait * 10 >= nominal * 7);
        T_TRUE(wait * 10 <= nominal * 13);
        shorter = shorter || wait * 10 < nominal * 8;
        longer = longer || wait * 10 > nominal * 12;
        at = mesh_deadline(m).ms;
        nominal = nominal * 2 < MESH_RETRY_MAX_MS ? nominal * 2 : MESH_RETRY_MAX_MS;
    }
    T_TRUE(shorter && longer);
    mesh_free(m);
}

static void chance_alone_tells_two_meshes_apart(void **state) {
    (void)state;
    mesh *m[] = {new_mesh(5), new_mesh(5), new_mesh(6)};
    for (unsigned i = 0; i < 3; i++) {
        add(m[i], A, 0);
        learn(m[i], A, 1, 0);
        expect_dial(m[i], A, 1, 0);
        dial_failed(m[i], A, 1, 10);
    }
    T_EQ(mesh_deadline(m[0]).ms, mesh_deadline(m[1]).ms);
    T_TRUE(mesh_deadline(m[0]).ms != mesh_deadline(m[2]).ms);
    for (unsigned i = 0; i < 3; i++)
        mesh_free(m[i]);
}

static void a_round_ends_when_the_last_dial_has_failed(void **state) {
    (void)state;
    mesh *m = new_mesh(7);
    add(m, A, 0);
    learn(m, A, 1, 0);
    learn(m, A, 2, 0);
    expect_dial(m, A, 2, 0);
    expect_dial(m, A, 1, 250);
    dial_failed(m, A, 2, 300);
    expect_never(m);
    dial_failed(m, A, 1, 9000);
    T_TRUE(mesh_deadline(m).ms >= 9000 + MESH_RETRY_MIN_MS * 7 / 10);
    mesh_free(m);
}

static void a_new_address_during_a_wait_is_due_at_once_and_alone(void **state) {
    (void)state;
    mesh *m = new_mesh(8);
    add(m, A, 0);
    learn(m, A, 1, 0);
    for (uint64_t at = 0; at < HOUR_MS; at = mesh_deadline(m).ms) {
        expect_dial(m, A, 1, at);
        dial_failed(m, A, 1, at);
    }
    uint64_t wait_ends = mesh_deadline(m).ms, at = HOUR_MS + 1000;
    T_TRUE(wait_ends > at + 2000);
    learn(m, A, 2, at);
    expect_due(m, A, 2, at);
    T_EQ(mesh_deadline(m).ms, wait_ends); /* address 1 still waits for the round.. */
    dial_failed(m, A, 2, at + 1000);
    expect_dial(m, A, 2, wait_ends); /* ..whose begin the failure has not moved */
    expect_dial(m, A, 1, wait_ends + MESH_STAGGER_MS);
    mesh_free(m);
}

static void a_dead_sibling_costs_few_dials_and_is_never_given_up(void **state) {
    (void)state;
    mesh *m = new_mesh(9);
    uint32_t dials = 0, late = 0;
    add(m, A, 0);
    for (uint32_t i = 1; i <= 3; i++)
        learn(m, A, i, 0);
    while (mesh_deadline(m).ms < 2 * HOUR_MS) {
        wr_mono now = mesh_deadline(m);
        mesh_dial dial;
        T_TRUE(mesh_next(m, now, &dial));
        dials++;
        late += now.ms > HOUR_MS;
        mesh_failed(m, &dial, now);
    }
    T_TRUE(dials - late <= 3 * 30);
    T_TRUE(late <= 3 * 16);
    T_TRUE(late >= 3 * 9);
    mesh_free(m);
}

static void a_dial_under_way_is_not_started_again(void **state) {
    (void)state;
    mesh *m = new_mesh(10);
    add(m, A, 0);
    learn(m, A, 1, 0);
    expect_dial(m, A, 1, 0);
    dial_failed(m, A, 1, 0);
    uint64_t round = mesh_deadline(m).ms;
    learn(m, A, 2, 1);
    expect_dial(m, A, 2, 250);
    learn(m, A, 2, 300);
    expect_dial(m, A, 1, round); /* the round begins, address 2 being under way */
    dial_failed(m, A, 1, round);
    mesh_hurry(m, (wr_mono){round + 1});
    expect_dial(m, A, 1, round + 1);
    expect_never(m);
    mesh_free(m);
}

static void a_sibling_with_a_link_is_not_dialled(void **state) {
    (void)state;
    mesh *m = new_mesh(11);
    add(m, A, 0);
    learn(m, A, 1, 0);
    learn(m, A, 2, 0);
    expect_dial(m, A, 2, 0);
    T_EQ(up_theirs(m, A, 7, 100), 0);
    expect_never(m);
    learn(m, A, 3, 200);
    add_static(m, 4, 200);
    mesh_hurry(m, (wr_mono){300});
    expect_never(m);
    mesh_free(m);
}

static void after_a_link_the_first_dial_is_due_after_a_random_moment(void **state) {
    (void)state;
    bool early = false, late = false;
    for (uint64_t seed = 0; seed < 40; seed++) {
        mesh *m = new_mesh(seed);
        add(m, A, 0);
        learn(m, A, 1, 0);
        T_EQ(up_theirs(m, A, 7, 0), 0);
        learn(m, A, 2, 10); /* learned while linked: nothing is special about it */
        down(m, A, 7, 60000);
        uint64_t at = mesh_deadline(m).ms;
        T_TRUE(at >= 60000 + MESH_AGAIN_MIN_MS);
        T_TRUE(at <= 60000 + MESH_AGAIN_MAX_MS);
        early = early || at < 60300;
        late = late || at > 60800;
        expect_dial(m, A, 2, at);
        expect_dial(m, A, 1, at + MESH_STAGGER_MS);
        mesh_free(m);
    }
    T_TRUE(early && late);
}

/* The wait after the first failed round that follows a link of that age. */
static uint64_t wait_after_link(uint64_t age) {
    mesh *m = new_mesh(12);
    uint64_t at = 0, wait;
    add(m, A, 0);
    learn(m, A, 1, 0);
    for (unsigned round = 0; round < 6; round++) {
        expect_dial(m, A, 1, at);
        dial_failed(m, A, 1, at);
        at = mesh_deadline(m).ms;
    }
    expect_dial(m, A, 1, at);
    T_EQ(up_ours(m, A, 7, 1, at), 0);
    down(m, A, 7, at + age);
    T_TRUE(mesh_deadline(m).ms <= at + age + MESH_AGAIN_MAX_MS);
    at = next_dial(m, A, 1);
    dial_failed(m, A, 1, at);
    wait = mesh_deadline(m).ms - at;
    mesh_free(m);
    return wait;
}

static void only_a_stable_link_resets_the_back_off(void **state) {
    (void)state;
    T_TRUE(wait_after_link(MESH_STABLE_MS) <= 1300);
    T_TRUE(wait_after_link(MESH_STABLE_MS - 1) >= 64000 * 7 / 10);
}

static void links_that_live_shortly_are_dialled_again_ever_slower(void **state) {
    (void)state;
    mesh *m = new_mesh(13);
    uint64_t at = 0;
    add(m, A, 0);
    learn(m, A, 1, 0);
    for (unsigned i = 0; i < 12; i++) {
        unsigned doublings = i < MESH_AGAIN_DOUBLINGS + 1 ? i : MESH_AGAIN_DOUBLINGS + 1;
        expect_dial(m, A, 1, at);
        T_EQ(up_ours(m, A, 7 + i, 1, at), 0);
        down(m, A, 7 + i, at + 50);
        uint64_t wait = mesh_deadline(m).ms - (at + 50);
        doublings = doublings > MESH_AGAIN_DOUBLINGS ? MESH_AGAIN_DOUBLINGS : doublings;
        T_TRUE(wait >= (uint64_t)MESH_AGAIN_MIN_MS << doublings);
        T_TRUE(wait <= (uint64_t)MESH_AGAIN_MAX_MS << doublings);
        at = mesh_deadline(m).ms;
    }
    expect_dial(m, A, 1, at);
    T_EQ(up_ours(m, A, 99, 1, at), 0);
    down(m, A, 99, at + MESH_STABLE_MS);
    T_TRUE(mesh_deadline(m).ms <= at + MESH_STABLE_MS + MESH_AGAIN_MAX_MS);
    mesh_free(m);
}

static void hurry_makes_everything_due_and_forgets_failures(void **state) {
    (void)state;
    mesh *m = new_mesh(14);
    add(m, A, 0);
    learn(m, A, 1, 0);
    uint64_t at = 0;
    for (unsigned round = 0; round < 6; round++) {
        expect_dial(m, A, 1, at);
        dial_failed(m, A, 1, at);
        at = mesh_deadline(m).ms;
    }
    at -= 10000;
    expect_none(m, at);
    mesh_hurry(m, (wr_mono){at});
    T_EQ(mesh_deadline(m).ms, at);
    expect_dial(m, A, 1, at);
    dial_failed(m, A, 1, at);
    T_TRUE(mesh_deadline(m).ms <= at + MESH_RETRY_MIN_MS * 13 / 10);
    mesh_free(m);
}

static void the_least_promising_address_leaves_a_full_list(void **state) {
    (void)state;
    mesh *m = new_mesh(15);
    mesh_addr out[MESH_ADDRS_MAX], again[MESH_ADDRS_MAX];
    wr_hash a = device_of(A), b = device_of(B);
    add(m, A, 0);
    add(m, B, 0);
    T_EQ(mesh_addrs(m, &a, out), 0);
    learn(m, A, 1, 0);
    expect_dial(m, A, 1, 0);
    T_EQ(up_ours(m, A, 7, 1, 0), 0);
    for (uint32_t i = 2; i <= MESH_ADDRS_MAX + 3; i++)
        learn(m, A, i, 0);
    T_EQ(mesh_addrs(m, &a, out), MESH_ADDRS_MAX);
    for (uint32_t i = 0; i < MESH_ADDRS_MAX; i++) {
        mesh_addr want = addr_of(i == 0 ? 1 : MESH_ADDRS_MAX + 4 - i);
        T_MEM(out[i].b, want.b, sizeof want.b);
    }
    for (uint32_t i = MESH_ADDRS_MAX; i > 0; i--) /* as after a restart */
        mesh_learn(m, &b, &out[i - 1], (wr_mono){0});
    T_EQ(mesh_addrs(m, &b, again), MESH_ADDRS_MAX);
    T_MEM(again, out, sizeof out);
    mesh_free(m);
}

static void an_address_that_is_being_dialled_does_not_leave(void **state) {
    (void)state;
    mesh *m = new_mesh(16);
    add(m, A, 0);
    learn(m, A, 1, 0);
    expect_dial(m, A, 1, 0);
    for (uint32_t i = 2; i <= MESH_ADDRS_MAX + 1; i++)
        learn(m, A, i, 0);
    learn(m, A, 1, 0);
    for (uint32_t i = 1; i < MESH_ADDRS_MAX; i++)
        expect_dial(m, A, MESH_ADDRS_MAX + 2 - i, i * MESH_STAGGER_MS);
    expect_never(m);
    mesh_free(m);
}

static void an_address_that_answers_without_being_known_is_learned(void **state) {
    (void)state;
    mesh *m = new_mesh(17);
    mesh_addr out[MESH_ADDRS_MAX], want = addr_of(9);
    wr_hash a = device_of(A);
    add(m, A, 0);
    learn(m, A, 1, 0);
    T_EQ(up_ours(m, A, 7, 9, 0), 0);
    T_EQ(mesh_addrs(m, &a, out), 2);
    T_MEM(out[0].b, want.b, sizeof want.b);
    mesh_free(m);
}

static void a_removed_device_is_never_dialled(void **state) {
    (void)state;
    mesh *m = new_mesh(18);
    mesh_addr out[MESH_ADDRS_MAX];
    wr_hash a = device_of(A);
    add(m, A, 0);
    learn(m, A, 1, 0);
    learn(m, A, 2, 0);
    expect_dial(m, A, 2, 0);
    mesh_remove(m, &a);
    expect_never(m);
    T_EQ(mesh_addrs(m, &a, out), 0);
    dial_failed(m, A, 2, 100);
    learn(m, A, 3, 100);
    add_static(m, 4, 100);
    mesh_hurry(m, (wr_mono){100});
    expect_never(m);
    T_EQ(up_theirs(m, A, 7, 200), 0); /* a link that was on its way */
    down(m, A, 7, 300);
    expect_never(m);

    add(m, A, 400); /* a member again */
    expect_dial(m, A, 4, 400);
    mesh_free(m);
}

static void siblings_are_limited_and_we_are_none(void **state) {
    (void)state;
    mesh *m = new_mesh(19);
    wr_hash extra = device_of(5000), first = device_of(1000);
    add(m, SELF, 0);
    learn(m, SELF, 1, 0);
    expect_never(m);
    for (uint32_t i = 0; i < WR_AUTHORS_MAX; i++)
        add(m, 1000 + i, 0);
    T_ERR(mesh_add(m, &extra, (wr_mono){0}), WR_ERR_LIMIT);
    T_EQ(up_theirs(m, 5000, 7, 0), 7);
    T_OK(mesh_add(m, &first, (wr_mono){0})); /* again is fine */
    mesh_remove(m, &first);
    T_OK(mesh_add(m, &extra, (wr_mono){0}));
    mesh_free(m);
}

static void unanswered_handshakes_are_counted_until_a_link_is_up(void **state) {
    (void)state;
    mesh *m = new_mesh(1);
    wr_hash a = device_of(A), stranger = device_of(B);
    mesh_unanswered(m, &a); /* not known yet */
    add(m, A, 0);
    T_EQ(mesh_unanswered_count(m, &a), 0);
    mesh_unanswered(m, &a);
    mesh_unanswered(m, &a);
    mesh_unanswered(m, &stranger);
    T_EQ(mesh_unanswered_count(m, &a), 2);
    T_EQ(mesh_unanswered_count(m, &stranger), 0);
    learn(m, A, 1, 0);
    expect_dial(m, A, 1, 0);
    T_EQ(up_ours(m, A, 7, 1, 300), 0);
    T_EQ(mesh_unanswered_count(m, &a), 0);
    mesh_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates_start_a_stagger_apart_newest_first),
        cmocka_unit_test(unanswered_handshakes_are_counted_until_a_link_is_up),
        cmocka_unit_test(siblings_do_not_wait_for_each_other),
        cmocka_unit_test(a_learned_address_that_is_known_is_moved_up_and_makes_nothing_due),
        cmocka_unit_test(the_address_that_answered_last_is_first_until_a_dial_there_fails),
        cmocka_unit_test(waits_double_up_to_their_limit_with_jitter),
        cmocka_unit_test(chance_alone_tells_two_meshes_apart),
        cmocka_unit_test(a_round_ends_when_the_last_dial_has_failed),
        cmocka_unit_test(a_new_address_during_a_wait_is_due_at_once_and_alone),
        cmocka_unit_test(a_dead_sibling_costs_few_dials_and_is_never_given_up),
        cmocka_unit_test(a_dial_under_way_is_not_started_again),
        cmocka_unit_test(a_sibling_with_a_link_is_not_dialled),
        cmocka_unit_test(after_a_link_the_first_dial_is_due_after_a_random_moment),
        cmocka_unit_test(only_a_stable_link_resets_the_back_off),
        cmocka_unit_test(links_that_live_shortly_are_dialled_again_ever_slower),
        cmocka_unit_test(hurry_makes_everything_due_and_forgets_failures),
        cmocka_unit_test(the_least_promising_address_leaves_a_full_list),
        cmocka_unit_test(an_address_that_is_being_dialled_does_not_leave),
        cmocka_unit_test(an_address_that_answers_without_being_known_is_learned),
        cmocka_unit_test(a_removed_device_is_never_dialled),
        cmocka_unit_test(siblings_are_limited_and_we_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
