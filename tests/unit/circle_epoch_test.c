/* EPOCH ops: who may read under one, who may write, and which earlier ones it may name.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

static wr_epoch_op honest(const t_circle *c) {
    wr_epoch_op epoch = {.klass = 1, .commit = {{4}}};
    epoch.rcpt_hash = t_recipients(c->graph);
    return epoch;
}

static t_op make(const t_circle *c, const wr_epoch_op *epoch) {
    uint8_t bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_hash parents[WR_OP_PARENTS_MAX];
    T_OK(wr_epoch_encode(epoch, &body));
    t_op next = t_next(c->graph, &c->member, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    header.type = WR_OP_EPOCH;
    header.body = wr_buf_slice(&body);
    return t_forge(&header, parents, &c->member);
}

static wr_epoch_ref admit(t_circle *c, const wr_epoch_op *epoch) {
    t_op op = make(c, epoch);
    T_OK(t_admit(c->graph, &op));
    return t_epoch_ref(c->graph, &op.id);
}

static void an_epoch_names_its_commitment_and_height(void **state) {
    t_circle *c = *state;
    T_EQ(wr_graph_epoch_count(c->graph), 1);
    wr_epoch_ref first = wr_graph_epoch(c->graph, 0);
    T_MEM(first.epoch_id.b, c->epoch.id.b, 32);
    T_EQ(first.height, 1);
    T_TRUE(first.in);
    const wr_epoch_op body = honest(c);
    wr_epoch_ref next = admit(c, &body);
    wr_hash commit;
    T_MEM(next.commit.b, body.commit.b, 32);
    T_EQ(next.height, 7);
    T_TRUE(wr_graph_epoch_commit(c->graph, &next.epoch_id, &commit));
    T_MEM(commit.b, body.commit.b, 32);
    T_FALSE(wr_graph_epoch_commit(c->graph, &c->ack.id, &commit));
}

/* spec:circle#5.3 type=test "A device MUST NOT write under an epoch whose rcpt_hash differs from
 * the hash over its recipients."
 * spec:circle#3.5 type=test "Each device that an EPOCH leaves out MUST have been added in its
 * past."
 */
static void a_wrong_recipient_list_makes_an_epoch_read_only(void **state) {
    t_circle *c = *state;
    wr_epoch_op epoch = honest(c);
    T_TRUE(admit(c, &epoch).for_members);

    wr_hash stranger = {{1}}; /* one recipient too many */
    wr_hash ids[] = {c->founder.device_id, c->admin.device_id, c->member.device_id, stranger};
    for (size_t i = 1; i < WR_COUNT(ids); i++) {
        for (size_t j = i; j > 0 && wr_hash_order(&ids[j - 1], &ids[j]) > 0; j--) {
            wr_hash swap = ids[j];
            ids[j] = ids[j - 1];
            ids[j - 1] = swap;
        }
    }
    epoch.rcpt_hash = wr_hash_of(WR_LABEL_EPOCH_RCPT, wr_slice_of(ids, sizeof ids));
    T_FALSE(admit(c, &epoch).for_members);

    /* A member left out, and the hash is true to that. */
    wr_hash two[] = {c->founder.device_id, c->admin.device_id};
    if (wr_hash_order(&two[0], &two[1]) > 0) {
        two[0] = c->admin.device_id;
        two[1] = c->founder.device_id;
    }
    epoch.rcpt_hash = wr_hash_of(WR_LABEL_EPOCH_RCPT, wr_slice_of(two, sizeof two));
    T_FALSE(admit(c, &epoch).for_members); /* left out in silence */
    epoch.without_count = 1;
    epoch.without[0] = c->member.device_id;
    T_FALSE(admit(c, &epoch).for_members); /* by name, and it is in */
    uint32_t named_index = wr_graph_epoch_count(c->graph) - 1;
    epoch.without[0] = stranger;
    t_op named = make(c, &epoch);
    t_refused(c->graph, &named, WR_ERR_REFUSED);
    T_EQ(wr_graph_epoch_count(c->graph), 5);
    (void)t_remove(c->graph, &c->founder, &c->member,
                   WR_REASON_LOST); /* now it is for all that are */
    T_TRUE(wr_graph_epoch(c->graph, named_index).for_members);
}

static void a_newcomer_does_not_end_an_epoch(void **state) {
    t_circle *c = *state;
    wr_identity guest = t_device(9);
    wr_epoch_op epoch = honest(c);
    wr_epoch_ref ref = admit(c, &epoch);
    wr_hash before = t_recipients(c->graph);
    (void)t_add(c->graph, &c->admin, &guest, WR_ROLE_MEMBER);
    ref = t_epoch_ref(c->graph, &ref.epoch_id);
    T_TRUE(ref.for_members);
    T_TRUE(ref.in);
    wr_hash after = t_recipients(c->graph);
    T_FALSE(wr_hash_equal(&before, &after));
    epoch.rcpt_hash = before; /* but the next one must name it */
    T_FALSE(admit(c, &epoch).for_members);
}

/* spec:circle#3.5 type=test "Each earlier epoch that an EPOCH names MUST be an EPOCH op in its
 * past, or be listed by a RESET in it." */
static void an_earlier_epoch_must_be_one_of_the_past(void **state) {
    t_circle *c = *state;
    wr_epoch_op epoch = honest(c);
    epoch.prev_count = 1;
    epoch.prev[0] = (wr_hash){{9}}; /* unknown */
    t_op bad = make(c, &epoch);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);
    epoch.prev[0] = c->ack.id; /* no EPOCH */
    bad = make(c, &epoch);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);

    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op mine = t_next(c->graph, &c->member, WR_OP_ACK, wr_slice_str("\x91\x90"));
    t_op theirs = t_epoch(c->graph, &c->founder, 8);
    uint8_t bytes[1024];
    wr_buf body = WR_BUF_ARRAY(bytes);
    epoch.prev[0] = theirs.id; /* an EPOCH, but concurrent */
    T_OK(wr_epoch_encode(&epoch, &body));
    wr_op header = t_header(&mine, parents);
    header.type = WR_OP_EPOCH;
    header.body = wr_buf_slice(&body);
    bad = t_forge(&header, parents, &c->member);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);

    epoch.prev_count = 2;
    epoch.prev[1] = c->epoch.id;
    if (wr_hash_order(&epoch.prev[0], &epoch.prev[1]) > 0) {
        epoch.prev[0] = c->epoch.id;
        epoch.prev[1] = theirs.id;
    }
    T_TRUE(admit(c, &epoch).for_members);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_epoch_names_its_commitment_and_height, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(a_wrong_recipient_list_makes_an_epoch_read_only,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(a_newcomer_does_not_end_an_epoch, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(an_earlier_epoch_must_be_one_of_the_past, t_circle_start,
                                        t_circle_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
