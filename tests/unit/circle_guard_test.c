/* The guard: whoever was thrown out does not strike back, whatever the evaluation says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

/* spec:circle#4.6 type=test "A device that an accusation made no member MUST NOT get a session or a
 * secret under that id again, whatever the evaluation says later."
 * spec:circle#4.6 type=test "An op of a device that is barred, or that no op with effect brings,
 * MUST be held if it would make anyone a member, change a role, or cost anyone but its accusers the
 * membership." */
static void a_sleeper_cannot_strike_those_who_were_added_after_it_slept(void **state) {
    t_circle *c = *state;
    wr_identity d[2] = {t_device(11), t_device(12)};
    WR_AUTO(wr_graph) past = t_copy_of(c); /* what the admin has seen when it falls asleep */
    for (size_t i = 0; i < WR_COUNT(d); i++) {
        (void)t_add(c->graph, &c->founder, &d[i], WR_ROLE_ADMIN);
        (void)t_ack(c->graph, &d[i]);
    }
    WR_AUTO(wr_graph) unguarded = t_copy_of(c);
    t_op strike = t_remove_aside(past, &c->admin, &c->founder);
    t_op remove = t_remove(c->graph, &d[0], &c->admin, WR_REASON_LOST);
    T_OK(t_admit(c->graph, &strike)); /* a node, for others may stand on it */
    T_TRUE(t_is_held(c, &strike));
    T_TRUE(t_is_in(c, &c->founder));
    T_TRUE(t_is_in(c, &d[0]));
    T_TRUE(t_is_in(c, &d[1]));
    T_FALSE(t_is_in(c, &c->admin));

    /* What this device signs does not stand on it: who never heard of it takes the op. */
    t_op next = t_ack(c->graph, &d[1]);
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_op header = t_header(&next, parents);
    for (uint32_t i = 0; i < header.parent_count; i++)
        T_FALSE(wr_hash_equal(&parents[i], &strike.id));

    /* Without the guard it strikes them all, which the rule alone cannot prevent. */
    T_OK(t_admit(unguarded, &strike));
    T_FALSE(wr_graph_find(unguarded, &d[0].device_id)->current);

    /* ROOT settles it, also there. */
    t_op root = t_root_remove(c->graph, &c->admin);
    T_FALSE(t_is_held(c, &strike));
    T_TRUE(t_is_in(c, &d[0]));
    T_OK(t_admit(unguarded, &remove));
    T_OK(t_admit(unguarded, &next));
    T_OK(t_admit(unguarded, &root));
    T_TRUE(wr_graph_find(unguarded, &d[0].device_id)->current);
    T_FALSE(wr_graph_find(unguarded, &c->admin.device_id)->current);
}

static void nothing_stands_on_what_stands_on_a_held_op(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) past = t_copy_of(c);
    wr_identity third = t_device(11);
    (void)t_add(c->graph, &c->founder, &third, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &third);
    (void)t_remove(c->graph, &third, &c->admin, WR_REASON_LOST);
    t_op ops[] = {t_remove(past, &c->admin, &c->founder, WR_REASON_LOST), t_ack(past, &c->admin),
                  t_remove(past, &c->admin, &c->founder, WR_REASON_LOST)};
    for (size_t i = 0; i < WR_COUNT(ops); i++)
        T_OK(t_admit(c->graph, &ops[i]));
    T_TRUE(t_is_held(c, &ops[0]));
    T_FALSE(t_is_held(c, &ops[1]));
    T_TRUE(t_is_held(c, &ops[2]));
    wr_hash heads[WR_OP_PARENTS_MAX];
    uint32_t count = wr_graph_heads(c->graph, heads);
    for (size_t i = 0; i < WR_COUNT(ops); i++)
        T_FALSE(wr_hash_is_among(&ops[i].id, heads, count));
    T_TRUE(t_is_in(c, &c->founder));
    T_TRUE(t_is_in(c, &c->member));
}

/* spec:circle#4.6 type=test "This MUST be asked again when another op changes a member or a role:
 * such ops are held together if together they would." */
static void what_was_struck_out_does_not_strike_back_when_its_accuser_falls(void **state) {
    t_circle *c = *state;
    wr_identity third = t_device(11), fourth = t_device(12);
    (void)t_add(c->graph, &c->founder, &third, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &third);
    (void)t_add(c->graph, &c->founder, &fourth, WR_ROLE_MEMBER);
    (void)t_ack(c->graph, &c->admin);
    WR_AUTO(wr_graph) past = t_copy_of(c);
    WR_AUTO(wr_graph) aside = t_copy_of(c);
    t_op accusation = t_remove(c->graph, &third, &c->admin, WR_REASON_LOST);
    t_op strike = t_remove(past, &c->admin, &c->member, WR_REASON_LOST);
    T_OK(t_admit(c->graph, &strike));
    T_FALSE(t_is_held(c, &strike)); /* it is OUT, and does nothing */
    T_TRUE(t_is_in(c, &c->member));
    t_op ours = t_ack(c->graph, &fourth); /* and is covered */
    t_op other = t_remove(aside, &c->founder, &third, WR_REASON_LOST);
    T_OK(t_admit(c->graph, &other));
    T_EQ(wr_graph_label(c->graph, &accusation.id), WR_LABEL_OP_OUT);
    T_FALSE(t_is_in(c, &third));
    T_FALSE(t_is_in(c, &c->admin));
    T_TRUE(t_is_held(c, &strike));
    T_TRUE(t_is_in(c, &c->member));

    /* What was covered stays so, and the next op of this device stands on its last one. */
    wr_hash heads[WR_OP_PARENTS_MAX];
    uint32_t count = wr_graph_heads(c->graph, heads);
    T_TRUE(wr_graph_covers(c->graph, heads, count, &ours.id, 1));
    T_TRUE(wr_graph_covers(c->graph, heads, count, &strike.id, 1));
    (void)t_ack(c->graph, &fourth);
    t_op epoch = t_epoch(c->graph, &fourth, 7); /* in whose past the strike has effect */
    T_TRUE(t_epoch_ref(c->graph, &epoch.id).for_members);

    /* ROOT stands on nothing of it, and so ends it on all devices. */
    t_op root = t_root_remove(c->graph, &c->admin);
    T_FALSE(wr_graph_covers(c->graph, &root.id, 1, &strike.id, 1));
    T_FALSE(t_is_held(c, &strike));
    T_TRUE(t_is_in(c, &c->member));
    T_EQ(wr_graph_label(c->graph, &strike.id), WR_LABEL_OP_OUT);
}

/* A device that was set back hears of a late op, and then that it had covered it. */
static void a_device_stands_on_what_it_covered_before_it_was_set_back(void **state) {
    t_circle *c = *state;
    wr_identity third = t_device(11), fourth = t_device(12);
    (void)t_add(c->graph, &c->founder, &third, WR_ROLE_MEMBER);
    (void)t_ack(c->graph, &c->admin);
    WR_AUTO(wr_graph) past = t_copy_of(c);
    (void)t_add(c->graph, &c->founder, &fourth, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &fourth);
    t_op strike = t_remove(past, &c->admin, &c->founder, WR_REASON_LOST);
    WR_AUTO(wr_graph) before = t_copy_of(c);
    T_OK(t_admit(before, &strike)); /* in its first life it came before the accusation */
    t_op ours = t_ack(before, &third);
    wr_graph_set_own(c->graph, &third.device_id);
    (void)t_remove(c->graph, &fourth, &c->admin, WR_REASON_LOST);
    T_OK(t_admit(c->graph, &strike));
    T_TRUE(t_is_held(c, &strike));
    wr_hash heads[WR_OP_PARENTS_MAX];
    uint32_t count = wr_graph_heads(c->graph, heads);
    T_FALSE(wr_graph_covers(c->graph, heads, count, &strike.id, 1));
    T_OK(t_admit(c->graph, &ours));
    count = wr_graph_heads(c->graph, heads);
    T_TRUE(wr_graph_covers(c->graph, heads, count, &ours.id, 1));
    T_TRUE(t_is_held(c, &strike));
    T_TRUE(t_is_in(c, &c->founder));
    (void)t_ack(c->graph, &third);
}

static void root_ends_one_strike_and_leaves_the_other_held(void **state) {
    t_circle *c = *state;
    wr_identity third = t_device(11), fourth = t_device(12);
    (void)t_add(c->graph, &c->founder, &third, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &third);
    (void)t_ack(c->graph, &c->admin);
    WR_AUTO(wr_graph) past = t_copy_of(c);
    (void)t_add(c->graph, &c->founder, &fourth, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &fourth);
    t_op strikes[] = {t_remove_aside(past, &c->admin, &c->founder),
                      t_remove_aside(past, &third, &c->founder)};
    (void)t_remove(c->graph, &fourth, &c->admin, WR_REASON_LOST);
    (void)t_remove(c->graph, &fourth, &third, WR_REASON_LOST);
    for (size_t i = 0; i < WR_COUNT(strikes); i++) {
        T_OK(t_admit(c->graph, &strikes[i]));
        T_TRUE(t_is_held(c, &strikes[i]));
    }
    (void)t_root_remove(c->graph, &c->admin);
    T_FALSE(t_is_held(c, &strikes[0]));
    T_TRUE(t_is_held(c, &strikes[1]));
    T_TRUE(t_is_in(c, &c->founder));
    T_TRUE(t_is_in(c, &fourth));
}

/* A device that the accused one brings is not barred, as nobody accused it. */
static void an_accomplice_that_the_accused_brings_strikes_nobody(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) past = t_copy_of(c);
    wr_identity third = t_device(11), accomplice = t_device(12);
    (void)t_add(c->graph, &c->founder, &third, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &third);
    t_op accusation = t_remove(c->graph, &third, &c->admin, WR_REASON_LOST);
    t_op add = t_add(past, &c->admin, &accomplice, WR_ROLE_ADMIN);
    t_op strike = t_remove_aside(past, &accomplice, &c->founder);
    T_OK(t_admit(c->graph, &add));
    T_OK(t_admit(c->graph, &strike));
    T_TRUE(t_is_held(c, &strike));
    T_EQ(wr_graph_label(c->graph, &accusation.id), WR_LABEL_OP_IN);
    T_TRUE(t_is_in(c, &third));
    T_TRUE(t_is_in(c, &c->founder));
    T_FALSE(t_member_of(c, &c->admin)->current);
    T_FALSE(t_member_of(c, &accomplice)->current);
}

/* Here the strike came first, and honest devices fell with their sponsor. */
static void who_fell_with_its_sponsor_is_heard_when_it_is_brought_again(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) past = t_copy_of(c);
    wr_identity third = t_device(11), fourth = t_device(12);
    (void)t_add(c->graph, &c->founder, &third, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &third);
    WR_AUTO(wr_graph) other = t_copy_of(c);
    t_op strike = t_remove_aside(past, &c->admin, &c->founder);
    T_OK(t_admit(other, &strike));
    T_FALSE(wr_graph_find(other, &third.device_id)->current);
    t_op remove = t_remove(c->graph, &third, &c->admin, WR_REASON_LOST);
    t_op add = t_add(c->graph, &third, &fourth, WR_ROLE_MEMBER);
    T_OK(t_admit(other, &remove));
    T_OK(t_admit(other, &add));
    T_FALSE(wr_graph_find(other, &fourth.device_id)->current);
    t_op root = t_root_remove(c->graph, &c->admin);
    T_OK(t_admit(other, &root));
    T_EQ(wr_graph_label(other, &strike.id), WR_LABEL_OP_OUT);
    T_TRUE(wr_member_is_in(wr_graph_find(other, &third.device_id)));
    T_TRUE(wr_member_is_in(wr_graph_find(other, &fourth.device_id)));
}

/* Nobody here covers them, so no epoch could have them in its past. */
static void what_stands_on_a_held_op_does_not_end_epochs(void **state) {
    t_circle *c = *state;
    wr_identity third = t_device(11), fourth = t_device(12), accomplice = t_device(13);
    (void)t_add(c->graph, &c->founder, &third, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &third);
    (void)t_ack(c->graph, &c->admin);
    WR_AUTO(wr_graph) past = t_copy_of(c);
    (void)t_add(c->graph, &c->founder, &fourth, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &fourth);
    (void)t_remove(c->graph, &fourth, &c->admin, WR_REASON_LOST);
    t_op strike = t_remove(past, &c->admin, &c->founder, WR_REASON_LOST);
    t_op add = t_add(past, &c->admin, &accomplice, WR_ROLE_ADMIN);
    t_copy(past, c->graph); /* where the strike voids the accusation */
    t_op answer = t_remove(past, &c->admin, &third, WR_REASON_LOST);
    T_OK(t_admit(c->graph, &strike));
    T_OK(t_admit(c->graph, &add));
    T_TRUE(t_is_held(c, &strike));
    t_op epoch = t_epoch(c->graph, &fourth, 7);
    T_TRUE(t_epoch_ref(c->graph, &epoch.id).for_members);
    (void)t_remove(c->graph, &third, &c->admin, WR_REASON_LOST);
    T_OK(t_admit(c->graph, &answer)); /* costs its accuser the membership */
    T_FALSE(t_is_held(c, &answer));
    T_FALSE(t_is_in(c, &third));
    T_FALSE(t_epoch_ref(c->graph, &epoch.id).for_members);
    epoch = t_epoch(c->graph, &fourth, 8);
    T_TRUE(t_epoch_ref(c->graph, &epoch.id).for_members);
}

/* Whom a thief brings when it is out does not make an op that keeps it out one that costs others.
 */
static void an_accusation_is_not_held_for_those_whom_the_accused_brings(void **state) {
    t_circle *c = *state;
    wr_identity third = t_device(11), accomplice = t_device(12);
    (void)t_add(c->graph, &c->founder, &third, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &third);
    (void)t_ack(c->graph, &c->admin);
    WR_AUTO(wr_graph) past = t_copy_of(c);
    WR_AUTO(wr_graph) other = t_copy_of(c);
    t_op strike = t_remove(past, &c->admin, &third, WR_REASON_LOST);
    t_op accusation = t_remove_aside(other, &third, &c->admin);
    t_op add = t_add(past, &c->admin, &accomplice, WR_ROLE_ADMIN);
    T_OK(t_admit(c->graph, &strike));
    T_OK(t_admit(c->graph, &accusation)); /* late, but of an accuser of who fell */
    T_FALSE(t_is_in(c, &c->admin));
    T_OK(t_admit(c->graph, &add));
    T_FALSE(t_is_held(c, &accusation));
    T_FALSE(t_member_of(c, &c->admin)->current);
    T_FALSE(t_member_of(c, &accomplice)->current);
}

/* What they would do if the accusation did not count says nothing about the accusation. */
static void an_accusation_is_not_held_for_what_an_accomplice_would_do(void **state) {
    t_circle *c = *state;
    wr_identity accomplice = t_device(12);
    WR_AUTO(wr_graph) past = t_copy_of(c);
    t_op accusation = t_remove_aside(c->graph, &c->founder, &c->admin);
    t_op ops[] = {t_add(past, &c->admin, &accomplice, WR_ROLE_ADMIN),
                  t_remove(past, &c->admin, &c->founder, WR_REASON_LOST),
                  t_remove(past, &accomplice, &c->founder, WR_REASON_LOST)};
    t_op strike = t_remove(past, &accomplice, &c->member, WR_REASON_RETIRED);
    for (size_t i = 0; i < WR_COUNT(ops); i++)
        T_OK(t_admit(c->graph, &ops[i]));
    T_OK(t_admit(c->graph, &accusation));
    T_FALSE(t_is_held(c, &accusation));
    T_FALSE(t_member_of(c, &c->admin)->current);
    T_FALSE(t_member_of(c, &accomplice)->current);
    T_OK(t_admit(c->graph, &strike));
    T_FALSE(t_is_held(c, &accusation));
    T_TRUE(t_is_in(c, &c->member));
    T_FALSE(t_member_of(c, &c->admin)->current);
    T_FALSE(t_member_of(c, &accomplice)->current);
}

static void the_owner_may_let_a_held_op_take_effect(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) past = t_copy_of(c);
    wr_identity third = t_device(11);
    (void)t_add(c->graph, &c->founder, &third, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &third);
    t_op strike = t_remove_aside(past, &c->admin, &c->founder);
    (void)t_remove(c->graph, &third, &c->admin, WR_REASON_LOST);
    T_OK(t_admit(c->graph, &strike));
    uint64_t version = wr_graph_version(c->graph);
    T_OK(wr_graph_release(c->graph, &strike.id));
    T_TRUE(wr_graph_version(c->graph) > version);
    T_FALSE(t_member_of(c, &c->founder)->current);
    T_ERR(wr_graph_release(c->graph, &strike.id), WR_ERR_UNKNOWN);
    T_ERR(wr_graph_release(c->graph, &c->ack.id), WR_ERR_UNKNOWN);
}

/* Test 29 of the brief: a thief removes everybody at once. */
static void only_the_accuser_can_fall_to_the_accused(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) past = t_copy_of(c);
    (void)t_remove(c->graph, &c->founder, &c->admin, WR_REASON_LOST);
    const wr_identity *all[] = {&c->founder, &c->member};
    for (size_t i = 0; i < WR_COUNT(all); i++) {
        t_op strike = t_remove(past, &c->admin, all[i], WR_REASON_LOST);
        T_OK(t_admit(c->graph, &strike));
    }
    T_FALSE(t_member_of(c, &c->founder)->current); /* re-paired by its owner */
    T_TRUE(t_is_in(c, &c->member));
    T_FALSE(t_is_in(c, &c->admin));
}

static void what_a_removal_could_cost_is_foreseen(void **state) {
    t_circle *c = *state;
    wr_identity late = t_device(11);
    wr_hash struck[WR_MEMBERS_MAX];
    uint32_t count;
    T_OK(wr_graph_foresee(c->graph, &c->founder.device_id, &c->admin.device_id, 1, struck, &count));
    T_EQ(count, 0);
    (void)t_add(c->graph, &c->founder, &late, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &late);
    /* The admin has not acknowledged the newcomer: it can pretend never to have heard of it, and
     * the founder's ADD falls with the founder, and the accusation with the ADD. */
    T_OK(wr_graph_foresee(c->graph, &late.device_id, &c->admin.device_id, 1, struck, &count));
    T_EQ(count, 2);
    T_MEM(struck[0].b, c->founder.device_id.b, 32);
    T_MEM(struck[1].b, c->member.device_id.b, 32);
    T_OK(wr_graph_foresee(c->graph, NULL, &c->admin.device_id, 1, struck, &count));
    T_EQ(count, 0); /* the recovery key cannot be accused */
    wr_hash nobody = {{1}};
    T_ERR(wr_graph_foresee(c->graph, NULL, &nobody, 1, struck, &count), WR_ERR_UNKNOWN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, t_circle_start, t_circle_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_sleeper_cannot_strike_those_who_were_added_after_it_slept),
        TEST(nothing_stands_on_what_stands_on_a_held_op),
        TEST(what_was_struck_out_does_not_strike_back_when_its_accuser_falls),
        TEST(a_device_stands_on_what_it_covered_before_it_was_set_back),
        TEST(root_ends_one_strike_and_leaves_the_other_held),
        TEST(an_accomplice_that_the_accused_brings_strikes_nobody),
        TEST(who_fell_with_its_sponsor_is_heard_when_it_is_brought_again),
        TEST(what_stands_on_a_held_op_does_not_end_epochs),
        TEST(an_accusation_is_not_held_for_those_whom_the_accused_brings),
        TEST(an_accusation_is_not_held_for_what_an_accomplice_would_do),
        TEST(the_owner_may_let_a_held_op_take_effect),
        TEST(only_the_accuser_can_fall_to_the_accused),
        TEST(what_a_removal_could_cost_is_foreseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
