/* Two links to one sibling: which one stays, alone and at both ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/mesh_fixture.h"

#define SMALLER 1u
#define LARGER 200u

static void of_a_simultaneous_open_the_smaller_initiator_stays(void **state) {
    (void)state;
    mesh *m = new_mesh(1);
    add(m, SMALLER, 0);
    add(m, LARGER, 0);
    T_EQ(up_ours(m, LARGER, 1, 10, 0), 0); /* we are the smaller: ours stays, in either order */
    T_EQ(up_theirs(m, LARGER, 2, 100), 2);
    down(m, LARGER, 2, 100);
    T_TRUE(has_link(m, LARGER));
    down(m, LARGER, 1, 200);
    T_EQ(up_theirs(m, LARGER, 3, 300), 0);
    T_EQ(up_ours(m, LARGER, 4, 10, 400), 3);

    T_EQ(up_ours(m, SMALLER, 5, 20, 0), 0); /* we are the larger: theirs does */
    T_EQ(up_theirs(m, SMALLER, 6, 100), 5);
    down(m, SMALLER, 6, 200);
    T_FALSE(has_link(m, SMALLER));
    T_EQ(up_theirs(m, SMALLER, 7, 300), 0);
    T_EQ(up_ours(m, SMALLER, 8, 20, 400), 8);
    mesh_free(m);
}

static void a_link_that_is_newer_by_the_overlap_replaces_the_older(void **state) {
    (void)state;
    for (unsigned ours = 0; ours < 4; ours++) {
        bool first_ours = (ours & 1) != 0, second_ours = (ours & 2) != 0;
        for (uint64_t gap = MESH_OVERLAP_MS - 1; gap <= MESH_OVERLAP_MS; gap++) {
            mesh *m = new_mesh(2);
            add(m, LARGER, 0);
            T_EQ(first_ours ? up_ours(m, LARGER, 1, 10, 50) : up_theirs(m, LARGER, 1, 50), 0);
            uint64_t closes = second_ours ? up_ours(m, LARGER, 2, 10, 50 + gap)
                                          : up_theirs(m, LARGER, 2, 50 + gap);
            if (gap == MESH_OVERLAP_MS)
                T_EQ(closes, 1);
            else if (first_ours)
                T_EQ(closes, 2);
            else
                T_EQ(closes, second_ours ? 1 : 0);
            mesh_free(m);
        }
    }
}

static void who_opened_both_chooses_and_the_other_lets_it(void **state) {
    (void)state;
    mesh *m = new_mesh(3);
    add(m, LARGER, 0);
    T_EQ(up_ours(m, LARGER, 1, 10, 0), 0);
    T_EQ(up_ours(m, LARGER, 2, 11, 100), 2);
    down(m, LARGER, 2, 100);
    down(m, LARGER, 1, 20000);
    T_FALSE(has_link(m, LARGER));

    for (uint64_t id = 3; id < 3 + MESH_LINKS_MAX; id++)
        T_EQ(up_theirs(m, LARGER, id, 30000), 0);
    T_EQ(up_theirs(m, LARGER, 90, 30000), 90); /* but not without end */
    down(m, LARGER, 90, 30000);
    for (uint64_t id = 3; id < 3 + MESH_LINKS_MAX; id++) {
        T_TRUE(has_link(m, LARGER));
        down(m, LARGER, id, 30100);
    }
    T_FALSE(has_link(m, LARGER));
    mesh_free(m);
}

static void links_that_the_peer_did_not_choose_are_no_short_lived_ones(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        mesh *m = new_mesh(seed);
        add(m, LARGER, 0);
        learn(m, LARGER, 10, 0);
        for (uint64_t id = 1; id <= MESH_LINKS_MAX; id++)
            T_EQ(up_theirs(m, LARGER, id, 0), 0);
        for (uint64_t id = 1; id <= MESH_LINKS_MAX; id++)
            down(m, LARGER, id, 100);
        T_TRUE(mesh_deadline(m).ms <= 100 + MESH_AGAIN_MAX_MS);
        mesh_free(m);
    }
}

static void dials_under_way_may_complete_after_an_incoming_link(void **state) {
    (void)state;
    mesh *m = new_mesh(4);
    add(m, LARGER, 0);
    learn(m, LARGER, 10, 0);
    learn(m, LARGER, 11, 0);
    expect_dial(m, LARGER, 11, 0);
    expect_dial(m, LARGER, 10, 250);
    T_EQ(up_theirs(m, LARGER, 1, 300), 0);
    T_EQ(up_ours(m, LARGER, 2, 11, 310), 1);
    down(m, LARGER, 1, 310);
    dial_failed(m, LARGER, 10, 400);
    expect_never(m);
    T_TRUE(has_link(m, LARGER));
    down(m, LARGER, 2, 60000);
    (void)next_dial(m, LARGER, 11);
    (void)next_dial(m, LARGER, 10);
    mesh_free(m);
}

static void the_end_of_a_link_that_lost_changes_nothing(void **state) {
    (void)state;
    mesh *m = new_mesh(5);
    add(m, LARGER, 0);
    learn(m, LARGER, 10, 0);
    T_EQ(up_theirs(m, LARGER, 1, 0), 0);
    T_EQ(up_theirs(m, LARGER, 2, 20000), 1);
    down(m, LARGER, 1, 20010);
    T_TRUE(has_link(m, LARGER));
    expect_never(m);
    down(m, LARGER, 2, 30000);
    T_FALSE(has_link(m, LARGER));
    T_TRUE(mesh_deadline(m).ms <= 30000 + MESH_AGAIN_MAX_MS);
    mesh_free(m);
}

static void a_link_to_a_device_not_yet_or_no_more_a_member_is_known(void **state) {
    (void)state;
    mesh *m = new_mesh(6);
    wr_hash id = device_of(LARGER);
    T_EQ(up_theirs(m, LARGER, 1, 0), 0);
    T_TRUE(has_link(m, LARGER));
    add(m, LARGER, 10);
    learn(m, LARGER, 10, 10);
    expect_never(m);
    mesh_remove(m, &id);
    T_TRUE(has_link(m, LARGER));
    T_EQ(up_theirs(m, LARGER, 2, 20000), 1);
    down(m, LARGER, 1, 20000);
    down(m, LARGER, 2, 20010);
    T_FALSE(has_link(m, LARGER));
    expect_never(m);
    mesh_free(m);
}

/* ---- two ends ------------------------------------------------------------------------------- */

#define ENDS 2u
#define LINKS 4u /* opened at about the same time */

static const uint32_t ends[ENDS] = {50, 60};

typedef enum stage { UNDER_WAY, UP, GONE } stage;

typedef struct two_ends {
    mesh *mesh[ENDS];
    uint32_t link_count;
    uint32_t initiator[LINKS];
    stage at[ENDS][LINKS];
    bool told[ENDS][LINKS]; /* the other end has closed it, and this one has heard */
    uint64_t now;
} two_ends;

static void goes(two_ends *t, uint32_t end, uint32_t i) {
    wr_hash peer = device_of(ends[1 - end]);
    mesh_dial dial = dial_of(ends[1 - end], i);
    if (t->at[end][i] == UP)
        mesh_down(t->mesh[end], &peer, i + 1, (wr_mono){t->now});
    else if (t->initiator[i] == end)
        mesh_failed(t->mesh[end], &dial, (wr_mono){t->now});
    t->at[end][i] = GONE;
}

static void comes_up(two_ends *t, uint32_t end, uint32_t i) {
    wr_hash peer = device_of(ends[1 - end]);
    mesh_dial dial = dial_of(ends[1 - end], i);
    t->at[end][i] = UP;
    uint64_t closes = mesh_up(t->mesh[end], &peer, i + 1, t->initiator[i] == end ? &dial : NULL,
                              (wr_mono){t->now});
    T_TRUE(closes <= t->link_count);
    if (closes == 0)
        return;
    T_EQ(t->at[end][closes - 1], UP);
    goes(t, end, (uint32_t)closes - 1);
}

/* One thing that can happen at one end, if it can: a link comes up, or is heard to be closed. */
static bool step(two_ends *t, uint32_t end, uint32_t i) {
    if (t->at[end][i] == GONE)
        return false;
    if (t->at[1 - end][i] == GONE) {
        goes(t, end, i);
        return true;
    }
    if (t->at[end][i] == UP)
        return false;
    comes_up(t, end, i);
    return true;
}

static void two_ends_agree_on_one_link_in_every_order_of_arrival(void **state) {
    (void)state;
    wr_rng rng = t_rng(7);
    for (uint64_t run = 0; run < 4000; run++) {
        two_ends t = {.link_count = 2 + (uint32_t)run % (LINKS - 1), .now = 1000};
        for (uint32_t end = 0; end < ENDS; end++) {
            wr_hash own = device_of(ends[end]);
            T_OK(mesh_new(&own, rng, &t.mesh[end]));
            add(t.mesh[end], ends[1 - end], 0);
        }
        for (uint32_t i = 0; i < t.link_count; i++)
            t.initiator[i] = wr_rng_below(&rng, ENDS);

        for (uint32_t idle = 0; idle < 200; idle++, t.now += wr_rng_below(&rng, 4))
            if (step(&t, wr_rng_below(&rng, ENDS), wr_rng_below(&rng, t.link_count)))
                idle = 0;
        T_TRUE(t.now < 1000 + MESH_OVERLAP_MS); /* all of it was one simultaneous open */

        uint32_t left = 0;
        for (uint32_t i = 0; i < t.link_count; i++) {
            T_EQ(t.at[0][i], t.at[1][i]);
            left += t.at[0][i] == UP;
        }
        T_EQ(left, 1);
        for (uint32_t end = 0; end < ENDS; end++) {
            T_TRUE(has_link(t.mesh[end], ends[1 - end]));
            mesh_free(t.mesh[end]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_simultaneous_open_the_smaller_initiator_stays),
        cmocka_unit_test(a_link_that_is_newer_by_the_overlap_replaces_the_older),
        cmocka_unit_test(who_opened_both_chooses_and_the_other_lets_it),
        cmocka_unit_test(links_that_the_peer_did_not_choose_are_no_short_lived_ones),
        cmocka_unit_test(dials_under_way_may_complete_after_an_incoming_link),
        cmocka_unit_test(the_end_of_a_link_that_lost_changes_nothing),
        cmocka_unit_test(a_link_to_a_device_not_yet_or_no_more_a_member_is_known),
        cmocka_unit_test(two_ends_agree_on_one_link_in_every_order_of_arrival),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
