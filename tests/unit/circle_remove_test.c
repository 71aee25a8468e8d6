/* Removals, roles, farewells and the recovery key, on real ops: who is a member, who may write
 * under which epoch, and how much of a feed counts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

/* ---- members ---- */

static void a_removed_device_is_out_and_cannot_sign(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) past = t_copy_of(c);
    (void)t_remove(c->graph, &c->founder, &c->member, WR_REASON_LOST);
    T_FALSE(t_is_in(c, &c->member));
    T_TRUE(t_member_of(c, &c->member)->barred);
    T_EQ(wr_graph_current_count(c->graph), 2);
    T_EQ(wr_graph_end_of(c->graph, &c->member.device_id).type, WR_OP_REMOVE);

    uint8_t bytes[2048];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    T_ERR(wr_graph_author(c->graph, &c->member, WR_OP_ACK, wr_slice_str("\x91\x90"), 1, &out, &sig),
          WR_ERR_REFUSED);
    /* Nor may it sign on top of its removal: that op is past-invalid everywhere. */
    t_op above = t_next(c->graph, &c->founder, WR_OP_ACK, wr_slice_str("\x91\x90"));
    t_op own = t_next(past, &c->member, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_hash parents[WR_OP_PARENTS_MAX], unused[WR_OP_PARENTS_MAX];
    wr_op header = t_header(&own, unused), heads = t_header(&above, parents);
    header.parent_count = heads.parent_count;
    t_op bad = t_forge(&header, parents, &c->member);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);
}

/* spec:circle#3.3 type=test "Each target of a REMOVE MUST have been added in the op's past."
 * spec:circle#3.10 type=test "The device of a ROLE MUST have been added in the op's past."
 * spec:circle#3.3 type=test "A REMOVE with reason lost or compromised MUST name one target." */
static void a_removal_names_one_known_device(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) past = t_copy_of(c);
    wr_identity late = t_device(7), never = t_device(8);
    (void)t_add(c->graph, &c->admin, &late, WR_ROLE_MEMBER);
    wr_hash parents[WR_OP_PARENTS_MAX];
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    t_op next = t_next(past, &c->founder, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    header.type = WR_OP_REMOVE;
    t_remove_body(&late, WR_REASON_LOST, &body); /* its ADD is concurrent */
    header.body = wr_buf_slice(&body);
    t_op bad = t_forge(&header, parents, &c->founder);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);
    body.len = 0;
    t_remove_body(&never, WR_REASON_LOST, &body);
    header.body = wr_buf_slice(&body);
    bad = t_forge(&header, parents, &c->founder);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);

    uint8_t id_bytes[128];
    wr_buf ids = WR_BUF_ARRAY(id_bytes);
    bool swap = wr_hash_order(&c->admin.device_id, &c->member.device_id) > 0;
    T_OK(wr_id_put(&ids, swap ? &c->member.device_id : &c->admin.device_id));
    T_OK(wr_id_put(&ids, swap ? &c->admin.device_id : &c->member.device_id));
    wr_remove both = {.targets = {2, wr_buf_slice(&ids)}, .reason = WR_REASON_LOST};
    body.len = 0;
    T_OK(wr_remove_encode(&both, &body));
    header.body = wr_buf_slice(&body);
    bad = t_forge(&header, parents, &c->founder);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);
    both.reason = WR_REASON_RETIRED; /* who is retired was honest */
    body.len = 0;
    T_OK(wr_remove_encode(&both, &body));
    header.body = wr_buf_slice(&body);
    t_op fine = t_forge(&header, parents, &c->founder);
    T_OK(t_admit(past, &fine));
}

static t_op set_role(t_circle *c, const wr_identity *by, const wr_identity *device,
                     wr_role_kind role, bool root) {
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_key recovery = t_recovery();
    wr_role_op op = {device->device_id, role};
    T_OK(wr_role_encode(&op, &body));
    if (root)
        return t_root_op(c->graph, &recovery, WR_OP_ROLE, wr_buf_slice(&body));
    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op next = t_next(c->graph, by, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    header.type = WR_OP_ROLE;
    header.body = wr_buf_slice(&body);
    return t_forge(&header, parents, by);
}

/* spec:circle#3.10 type=test "A ROLE that makes a device ADMIN MUST be refused, unless ROOT is its
 * author." */
static void admins_lower_a_role_and_root_raises_it(void **state) {
    t_circle *c = *state;
    t_op bad = set_role(c, &c->founder, &c->member, WR_ROLE_ADMIN, false);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);
    bad = set_role(c, &c->member, &c->admin, WR_ROLE_MEMBER, false);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);
    t_op lowered = set_role(c, &c->founder, &c->admin, WR_ROLE_MEMBER, false);
    T_OK(t_admit(c->graph, &lowered));
    T_EQ(t_member_of(c, &c->admin)->role, WR_ROLE_MEMBER);
    t_op raised = set_role(c, NULL, &c->admin, WR_ROLE_ADMIN, true);
    T_OK(t_admit(c->graph, &raised));
    T_EQ(t_member_of(c, &c->admin)->role, WR_ROLE_ADMIN);
}

static void who_leaves_is_out_but_not_accused(void **state) {
    t_circle *c = *state;
    t_op leave = t_next(c->graph, &c->member, WR_OP_LEAVE, wr_slice_str("\x91\x90"));
    T_OK(t_admit(c->graph, &leave));
    T_FALSE(t_is_in(c, &c->member));
    T_FALSE(t_member_of(c, &c->member)->barred);
    T_EQ(wr_graph_end_of(c->graph, &c->member.device_id).type, WR_OP_LEAVE);
    (void)t_remove(c->graph, &c->founder, &c->member, WR_REASON_RETIRED);
    T_FALSE(t_member_of(c, &c->member)->barred);
}

/* spec:circle#3.4 type=test "The first op of a member that covers a REMOVE or EQUIV of another
 * author MUST be an ACK." */
static void a_removal_is_acknowledged_before_anything_else(void **state) {
    t_circle *c = *state;
    wr_identity late = t_device(11);
    (void)t_add(c->graph, &c->founder, &late, WR_ROLE_MEMBER);
    T_EQ(wr_graph_ack_state(c->graph, &c->admin.device_id), WR_ACK_DUE);
    t_op remove = t_remove(c->graph, &c->founder, &c->member, WR_REASON_LOST);
    T_EQ(wr_graph_ack_state(c->graph, &c->admin.device_id), WR_ACK_FIRST);
    T_EQ(wr_graph_ack_state(c->graph, &c->founder.device_id), WR_ACK_NONE);
    T_FALSE(wr_graph_has_covered(c->graph, &c->admin.device_id, &remove.id));
    (void)t_ack(c->graph, &c->admin);
    T_EQ(wr_graph_ack_state(c->graph, &c->admin.device_id), WR_ACK_NONE);
    T_TRUE(wr_graph_has_covered(c->graph, &c->admin.device_id, &remove.id));
}

static wr_err believe(const wr_equiv *equiv, const wr_hash *circle_id, const wr_pub *sign_pk) {
    (void)equiv, (void)circle_id, (void)sign_pk;
    return WR_OK;
}

static t_op convict(const wr_graph *graph, const wr_identity *by, const wr_identity *accused) {
    static const uint8_t piece[2][80] = {{1}, {2}};
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    const wr_equiv equiv = {.kind = WR_EQUIV_OPS,
                            .device_id = accused->device_id,
                            .evidence = {wr_slice_of(piece[0], 80), wr_slice_of(piece[1], 80)},
                            .cuts = WR_OP_LIST_NONE};
    T_OK(wr_equiv_encode(&equiv, &body));
    return t_next(graph, by, WR_OP_EQUIV, wr_buf_slice(&body));
}

/* An op of the same author and place with another's type and body. */
static t_op instead(const t_op *place, const t_op *what, const wr_identity *author) {
    wr_hash parents[WR_OP_PARENTS_MAX], unused[WR_OP_PARENTS_MAX];
    wr_op header = t_header(place, parents), other = t_header(what, unused);
    header.type = other.type;
    header.body = other.body;
    return t_forge(&header, parents, author);
}

/* spec:circle#3.11 type=test "An EQUIV MUST be refused if one of the same author and accused is in
 * its past." */
static void nobody_convicts_a_device_twice(void **state) {
    t_circle *c = *state;
    wr_identity fourth = t_device(11);
    (void)t_add(c->graph, &c->founder, &fourth, WR_ROLE_MEMBER);
    (void)t_ack(c->graph, &fourth);
    wr_graph_set_evidence(c->graph, believe);
    t_op first = convict(c->graph, &c->founder, &c->member);
    t_op aside = convict(c->graph, &c->admin, &c->member);
    T_OK(t_admit(c->graph, &first));
    T_OK(t_admit(c->graph, &aside)); /* neither had heard of the other */
    T_TRUE(wr_graph_is_convicted(c->graph, &c->member.device_id));
    (void)t_ack(c->graph, &c->admin);
    t_op ack = t_next(c->graph, &c->admin, WR_OP_ACK, wr_slice_str("\x91\x90"));
    t_op again = instead(&ack, &first, &c->admin);
    t_refused(c->graph, &again, WR_ERR_REFUSED);
    ack = t_next(c->graph, &fourth, WR_OP_ACK, wr_slice_str("\x91\x90"));
    t_op knows = instead(&ack, &first, &fourth); /* what others said prevents nothing */
    T_OK(t_admit(c->graph, &knows));
    t_op another = convict(c->graph, &c->admin, &fourth);
    T_OK(t_admit(c->graph, &another)); /* nor does what it said of another one */
}

/* ---- ROOT ---- */

/* spec:circle#2.2 type=test "Of several ROOTSETs the one with the greatest (hlc, op id) MUST hold."
 * spec:circle#2.2 type=test "An op of ROOT MUST verify under the recovery key that holds in its
 * past." */
static void root_signs_with_the_key_that_holds(void **state) {
    t_circle *c = *state;
    wr_key old = t_recovery(), new = {{77}};
    wr_root root;
    uint8_t bytes[256], out_bytes[2048];
    wr_buf body = WR_BUF_ARRAY(bytes), out = WR_BUF_ARRAY(out_bytes);
    wr_sign_key sign;
    wr_sig sig;
    t_remove_body(&c->member, WR_REASON_LOST, &body);
    wr_recovery_sign_key(&new, &sign); /* not this circle's */
    T_ERR(wr_graph_author_root(c->graph, &sign, WR_OP_REMOVE, wr_buf_slice(&body), 1, &out, &sig),
          WR_ERR_AUTH);

    WR_AUTO(wr_graph) past = t_copy_of(c);
    uint8_t set_bytes[128];
    wr_buf set = WR_BUF_ARRAY(set_bytes);
    wr_recovery_root(&new, &root);
    T_OK(wr_rootset_encode(&root, &set));
    t_op rootset = t_root_op(c->graph, &old, WR_OP_ROOTSET, wr_buf_slice(&set));
    T_OK(t_admit(c->graph, &rootset));
    T_TRUE(wr_pub_equal(&wr_graph_root(c->graph)->sign, &root.sign));
    wr_recovery_sign_key(&old, &sign);
    T_ERR(wr_graph_author_root(c->graph, &sign, WR_OP_REMOVE, wr_buf_slice(&body), 1, &out, &sig),
          WR_ERR_AUTH);
    /* A ROOT from before, who does not know of the new key, is still heard. */
    t_op late = t_root_op(past, &old, WR_OP_REMOVE, wr_buf_slice(&body));
    T_OK(t_admit(c->graph, &late));
    T_FALSE(t_is_in(c, &c->member));
}

/* spec:circle#3.13 type=test "A ROOTSET of any author but ROOT MUST be refused." */
static void devices_do_not_change_the_recovery_key(void **state) {
    t_circle *c = *state;
    wr_key other = {{77}};
    wr_root root;
    uint8_t bytes[128];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_recovery_root(&other, &root);
    T_OK(wr_rootset_encode(&root, &body));
    t_op next = t_next(c->graph, &c->founder, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    header.type = WR_OP_ROOTSET;
    header.body = wr_buf_slice(&body);
    t_op bad = t_forge(&header, parents, &c->founder);
    t_refused(c->graph, &bad, WR_ERR_REFUSED);
}

/* ---- epochs ---- */

/* spec:circle#5.3 type=test "A device MUST NOT write under an epoch that a device which is no
 * member, or barred here, may hold" */
static void an_epoch_of_a_removed_reader_is_read_only(void **state) {
    t_circle *c = *state;
    t_op all = t_epoch(c->graph, &c->founder, 9);
    T_TRUE(t_epoch_ref(c->graph, &all.id).for_members);
    (void)t_remove(c->graph, &c->founder, &c->member, WR_REASON_LOST);
    T_FALSE(t_epoch_ref(c->graph, &all.id).for_members);
    T_FALSE(t_epoch_ref(c->graph, &c->epoch.id).for_members); /* its sponsor handed it over */
    t_op next = t_epoch(c->graph, &c->founder, 10);
    T_TRUE(t_epoch_ref(c->graph, &next.id).for_members);
    T_TRUE(t_epoch_ref(c->graph, &next.id).in);
}

static void an_epoch_of_a_struck_device_is_read_only(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) past = t_copy_of(c);
    t_op theirs = t_epoch(past, &c->member, 11); /* it has not heard yet */
    (void)t_remove(c->graph, &c->founder, &c->member, WR_REASON_LOST);
    T_OK(t_admit(c->graph, &theirs));
    wr_hash commit;
    T_FALSE(t_epoch_ref(c->graph, &theirs.id).in);
    T_TRUE(wr_graph_epoch_commit(c->graph, &theirs.id, &commit)); /* readable all the same */
}

static void a_barred_device_that_is_a_member_again_is_left_out_by_name(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) past = t_copy_of(c);
    /* The admin accuses the member; the founder, concurrently, accuses the admin: the first
     * accusation falls, and the member is back by the rule. */
    t_op second = t_remove_aside(past, &c->founder, &c->admin);
    (void)t_remove(c->graph, &c->admin, &c->member, WR_REASON_LOST);
    T_OK(t_admit(c->graph, &second));
    T_TRUE(t_member_of(c, &c->member)->current);
    T_FALSE(t_is_in(c, &c->member));
    wr_hash without[WR_MEMBERS_MAX];
    uint32_t count;
    (void)wr_graph_recipients(c->graph, without, &count);
    T_EQ(count, 1);
    T_MEM(without[0].b, c->member.device_id.b, 32);
    t_op epoch = t_epoch(c->graph, &c->founder, 12);
    T_TRUE(t_epoch_ref(c->graph, &epoch.id).for_members);
}

/* ---- how much of a feed counts ---- */

static const wr_hash feed = {{5}}, root_a = {{6}}, root_b = {{7}};

static t_op remove_with_cut(t_circle *c, const wr_identity *by, wr_reason reason, uint64_t len,
                            const wr_hash *root) {
    uint8_t id_bytes[64], cut_bytes[128], bytes[512];
    wr_buf ids = WR_BUF_ARRAY(id_bytes), cuts = WR_BUF_ARRAY(cut_bytes), body = WR_BUF_ARRAY(bytes);
    wr_cut cut = {feed, len, *root};
    T_OK(wr_id_put(&ids, &c->member.device_id));
    if (len != 0)
        T_OK(wr_cut_put(&cuts, &cut));
    wr_remove remove = {.targets = {1, wr_buf_slice(&ids)},
                        .reason = reason,
                        .cuts = {len != 0, wr_buf_slice(&cuts)}};
    T_OK(wr_remove_encode(&remove, &body));
    t_op op = t_next(c->graph, by, WR_OP_REMOVE, wr_buf_slice(&body));
    T_OK(t_admit(c->graph, &op));
    return op;
}

static void ack_with_cut(t_circle *c, const wr_identity *by, uint64_t len, const wr_hash *root) {
    uint8_t cut_bytes[128], bytes[512];
    wr_buf cuts = WR_BUF_ARRAY(cut_bytes), body = WR_BUF_ARRAY(bytes);
    wr_cut cut = {feed, len, *root};
    T_OK(wr_cut_put(&cuts, &cut));
    wr_op_list seen = {1, wr_buf_slice(&cuts)};
    T_OK(wr_ack_encode(&seen, &body));
    t_op op = t_next(c->graph, by, WR_OP_ACK, wr_buf_slice(&body));
    T_OK(t_admit(c->graph, &op));
}

static void expect_limit(const t_circle *c, uint64_t shown, uint64_t kept) {
    wr_limit limit = wr_graph_limit(c->graph, &c->member.device_id, &feed);
    T_EQ(limit.shown, shown);
    T_EQ(limit.kept, kept);
}

/* spec:circle#4.7 type=test "What a member holds of a lost device beyond every cut, and says so in
 * the ACK by which it first covers the REMOVE, MUST be taken and kept out of the logs."
 * spec:circle#4.7 type=test "Of an op that covers a REMOVE first and is no ACK, nothing MUST be
 * taken as seen." */
static void what_siblings_hold_of_a_lost_device_is_kept_aside(void **state) {
    t_circle *c = *state;
    expect_limit(c, UINT64_MAX, UINT64_MAX);
    (void)remove_with_cut(c, &c->founder, WR_REASON_LOST, 10, &root_a);
    expect_limit(c, 10, 10);
    T_TRUE(wr_graph_vouches(c->graph, &c->member.device_id, &feed, 10, &root_a));
    T_FALSE(wr_graph_vouches(c->graph, &c->member.device_id, &feed, 10, &root_b));
    T_FALSE(wr_graph_vouches(c->graph, &c->member.device_id, &feed, 9, &root_a));
    ack_with_cut(c, &c->admin, 14, &root_b);
    expect_limit(c, 10, 14);
    T_TRUE(wr_graph_vouches(c->graph, &c->member.device_id, &feed, 14, &root_b));
    ack_with_cut(c, &c->admin, 99, &root_b); /* only the first one tells what was seen */
    expect_limit(c, 10, 14);
}

static void what_a_first_cover_that_is_no_ack_saw_is_nothing(void **state) {
    t_circle *c = *state;
    (void)remove_with_cut(c, &c->founder, WR_REASON_LOST, 10, &root_a);
    wr_hash parents[WR_OP_PARENTS_MAX];
    uint8_t cut_bytes[128], bytes[512];
    wr_buf cuts = WR_BUF_ARRAY(cut_bytes), body = WR_BUF_ARRAY(bytes);
    wr_cut cut = {feed, 14, root_b};
    T_OK(wr_cut_put(&cuts, &cut));
    wr_op_list seen = {1, wr_buf_slice(&cuts)};
    T_OK(wr_ack_encode(&seen, &body));
    t_op next = t_next(c->graph, &c->admin, WR_OP_ACK, wr_buf_slice(&body));
    wr_op header = t_header(&next, parents);
    header.type = WR_OP_ROOTSET + 1; /* it says the same, and is none */
    t_op other = t_forge(&header, parents, &c->admin);
    T_OK(t_admit(c->graph, &other));
    ack_with_cut(c, &c->admin, 14, &root_b);
    expect_limit(c, 10, 10);
}

/* spec:circle#4.7 type=test "The cut of a compromised device MUST be the least of those in its
 * accusations." */
static void of_a_compromised_device_the_least_cut_counts(void **state) {
    t_circle *c = *state;
    (void)remove_with_cut(c, &c->founder, WR_REASON_COMPROMISED, 10, &root_a);
    expect_limit(c, 10, 10);
    ack_with_cut(c, &c->admin, 14, &root_b);
    expect_limit(c, 10, 10);
    (void)remove_with_cut(c, &c->admin, WR_REASON_COMPROMISED, 4, &root_b);
    expect_limit(c, 4, 4);
}

/* spec:circle#4.7 type=test "Of the feeds of a device whose ADD does not count, nothing MUST be
 * taken." */
static void of_a_device_that_never_came_in_nothing_counts(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) past = t_copy_of(c);
    wr_identity protege = t_device(13);
    t_op add = t_add(past, &c->admin, &protege, WR_ROLE_MEMBER);
    (void)t_remove(c->graph, &c->founder, &c->admin, WR_REASON_LOST);
    T_OK(t_admit(c->graph, &add));
    T_FALSE(t_is_in(c, &protege));
    wr_limit limit = wr_graph_limit(c->graph, &protege.device_id, &feed);
    T_EQ(limit.shown, 0);
    T_EQ(limit.kept, 0);
    wr_identity stranger = t_device(14);
    T_EQ(wr_graph_limit(c->graph, &stranger.device_id, &feed).kept, 0);
}

static void a_farewell_says_how_much_counts(void **state) {
    t_circle *c = *state;
    uint8_t cut_bytes[128], bytes[512];
    wr_buf cuts = WR_BUF_ARRAY(cut_bytes), body = WR_BUF_ARRAY(bytes);
    wr_cut cut = {feed, 21, root_a};
    T_OK(wr_cut_put(&cuts, &cut));
    wr_op_list list = {1, wr_buf_slice(&cuts)};
    T_OK(wr_leave_encode(&list, &body));
    t_op leave = t_next(c->graph, &c->member, WR_OP_LEAVE, wr_buf_slice(&body));
    T_OK(t_admit(c->graph, &leave));
    expect_limit(c, 21, 21);
    (void)remove_with_cut(c, &c->founder, WR_REASON_RETIRED, 7, &root_b);
    expect_limit(c, 21, 21);
    (void)remove_with_cut(c, &c->founder, WR_REASON_LOST, 7, &root_b); /* on second thoughts */
    expect_limit(c, 7, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, t_circle_start, t_circle_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_removed_device_is_out_and_cannot_sign),
        TEST(a_removal_names_one_known_device),
        TEST(admins_lower_a_role_and_root_raises_it),
        TEST(who_leaves_is_out_but_not_accused),
        TEST(a_removal_is_acknowledged_before_anything_else),
        TEST(nobody_convicts_a_device_twice),
        TEST(root_signs_with_the_key_that_holds),
        TEST(devices_do_not_change_the_recovery_key),
        TEST(an_epoch_of_a_removed_reader_is_read_only),
        TEST(an_epoch_of_a_struck_device_is_read_only),
        TEST(a_barred_device_that_is_a_member_again_is_left_out_by_name),
        TEST(what_siblings_hold_of_a_lost_device_is_kept_aside),
        TEST(what_a_first_cover_that_is_no_ack_saw_is_nothing),
        TEST(of_a_compromised_device_the_least_cut_counts),
        TEST(of_a_device_that_never_came_in_nothing_counts),
        TEST(a_farewell_says_how_much_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
