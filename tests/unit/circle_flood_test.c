/* Epochs without end: what one author may make, and what no flood takes from the others.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

/* An EPOCH of this author on top of all heads, whether it may be made or not. */
static t_op forged(const wr_graph *graph, const wr_identity *author) {
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op next = t_next(graph, author, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    t_epoch_body(graph, 9, &body);
    header.type = WR_OP_EPOCH;
    header.body = wr_buf_slice(&body);
    return t_forge(&header, parents, author);
}

static t_op leaving_out(const wr_graph *graph, const wr_identity *author,
                        const wr_identity *device) {
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op next = t_next(graph, author, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    wr_epoch_op epoch = {.klass = 1, .without_count = 1, .without = {device->device_id}};
    T_OK(wr_epoch_encode(&epoch, &body));
    header.type = WR_OP_EPOCH;
    header.body = wr_buf_slice(&body);
    return t_forge(&header, parents, author);
}

static bool may_make(const wr_graph *graph, const wr_identity *device, bool *ret_follows_end) {
    return wr_graph_may_make_epoch(graph, &device->device_id, ret_follows_end);
}

static void flood(wr_graph *graph, const wr_identity *author, uint32_t count) {
    bool follows_end;
    for (uint32_t i = 0; i < count; i++) {
        T_TRUE(may_make(graph, author, &follows_end));
        T_FALSE(follows_end);
        (void)t_epoch(graph, author, (uint8_t)i);
    }
}

/* spec:circle#3.5 type=test "An EPOCH of an author that has made 256 before MUST be refused, unless
 * it follows the end of a membership." */
static void a_share_ends_and_the_end_of_a_membership_gives_one_more(void **state) {
    t_circle *c = *state;
    bool follows_end = true;
    flood(c->graph, &c->member, WR_EPOCH_SHARE);
    T_FALSE(may_make(c->graph, &c->member, &follows_end));
    t_op over = forged(c->graph, &c->member);
    t_refused(c->graph, &over, WR_ERR_REFUSED);
    (void)t_ack(c->graph, &c->member); /* other ops do not renew it */
    over = forged(c->graph, &c->member);
    t_refused(c->graph, &over, WR_ERR_REFUSED);
    /* Others have shares of their own. */
    T_TRUE(may_make(c->graph, &c->founder, &follows_end));
    T_FALSE(follows_end);
    t_op theirs = t_epoch(c->graph, &c->founder, 3);
    T_FALSE(wr_graph_epoch_follows_end(c->graph, &theirs.id));

    (void)t_remove(c->graph, &c->founder, &c->admin, WR_REASON_LOST);
    (void)t_ack(c->graph, &c->member);
    T_TRUE(may_make(c->graph, &c->member, &follows_end));
    T_TRUE(follows_end);
    t_op after = t_epoch(c->graph, &c->member, 4);
    T_TRUE(wr_graph_epoch_follows_end(c->graph, &after.id));
    T_TRUE(t_epoch_ref(c->graph, &after.id).for_members);
    T_FALSE(may_make(c->graph, &c->member, &follows_end));
    over = forged(c->graph, &c->member);
    t_refused(c->graph, &over, WR_ERR_REFUSED);
    /* A second REMOVE of the same device ends nothing that was not over. */
    (void)t_remove(c->graph, &c->founder, &c->admin, WR_REASON_COMPROMISED);
    (void)t_ack(c->graph, &c->member);
    over = forged(c->graph, &c->member);
    t_refused(c->graph, &over, WR_ERR_REFUSED);
}

/* What counts is the past of the op, not what the judge knows besides: so all say the same. */
static void the_answer_does_not_depend_on_the_order_of_arrival(void **state) {
    t_circle *c = *state;
    wr_graph *other = NULL;
    T_OK(wr_graph_new(&other));
    flood(c->graph, &c->member, WR_EPOCH_SHARE);
    t_copy(other, c->graph);
    t_op blind = forged(other, &c->member); /* does not know of the removal */
    (void)t_remove(c->graph, &c->founder, &c->admin, WR_REASON_LOST);
    t_refused(c->graph, &blind, WR_ERR_REFUSED);
    t_refused(other, &blind, WR_ERR_REFUSED);
    (void)t_ack(c->graph, &c->member);
    t_op seeing = forged(c->graph, &c->member);
    T_ERR(t_admit(other, &seeing), WR_ERR_UNKNOWN);
    t_copy(other, c->graph);
    T_OK(t_admit(other, &seeing));
    T_OK(t_admit(c->graph, &seeing));
    t_same(c->graph, other);
    wr_graph_free(other);
}

/* A device that was added where the author could not know, and is out, may hold the secret too. */
static void a_stranger_to_the_epoch_that_is_out_counts_as_one_that_goes(void **state) {
    t_circle *c = *state;
    bool follows_end;
    wr_identity guest = t_device(9);
    flood(c->graph, &c->member, WR_EPOCH_SHARE);
    (void)t_add(c->graph, &c->admin, &guest, WR_ROLE_MEMBER);
    (void)t_ack(c->graph, &c->member);
    T_FALSE(may_make(c->graph, &c->member, &follows_end)); /* a newcomer ends nothing */
    (void)t_remove(c->graph, &c->founder, &guest, WR_REASON_RETIRED);
    (void)t_ack(c->graph, &c->member);
    T_TRUE(may_make(c->graph, &c->member, &follows_end));
    t_op after = t_epoch(c->graph, &c->member, 4);
    T_TRUE(wr_graph_epoch_follows_end(c->graph, &after.id));
    T_TRUE(t_epoch_ref(c->graph, &after.id).for_members);
}

/* Two that are accused, and members for all that, left out in turn. */
static void nobody_is_left_out_without_end(void **state) {
    t_circle *c = *state;
    wr_identity guest[] = {t_device(9), t_device(10), t_device(11)};
    bool follows_end;
    for (size_t i = 0; i < WR_COUNT(guest); i++)
        (void)t_add(c->graph, &c->admin, &guest[i], WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &guest[2]);
    WR_AUTO(wr_graph) aside = t_copy_of(c);
    (void)t_remove(c->graph, &c->admin, &guest[2], WR_REASON_LOST);
    for (size_t i = 0; i < 2; i++)
        (void)t_remove(aside, &guest[2], &guest[i], WR_REASON_LOST);
    t_copy(c->graph, aside);
    for (size_t i = 0; i < 2; i++)
        T_TRUE(t_member_of(c, &guest[i])->current);
    for (uint32_t i = 0; may_make(c->graph, &c->member, &follows_end); i++) {
        T_TRUE(i < WR_EPOCH_SHARE + 4);
        t_op epoch = leaving_out(c->graph, &c->member, &guest[i % 2]);
        T_OK(t_admit(c->graph, &epoch));
    }
    t_op over = leaving_out(c->graph, &c->member, &guest[0]);
    t_refused(c->graph, &over, WR_ERR_REFUSED);
    over = leaving_out(c->graph, &c->member, &guest[1]);
    t_refused(c->graph, &over, WR_ERR_REFUSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, t_circle_start, t_circle_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_share_ends_and_the_end_of_a_membership_gives_one_more),
        TEST(the_answer_does_not_depend_on_the_order_of_arrival),
        TEST(nobody_is_left_out_without_end),
        TEST(a_stranger_to_the_epoch_that_is_out_counts_as_one_that_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
