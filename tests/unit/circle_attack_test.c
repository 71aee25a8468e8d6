/* Attacks on the DAG by whoever holds the keys of a removed device, of an old recovery key, or
 * nothing but patience.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

static const char empty_ack[] = "\x91\x90";

static wr_graph *copy_of(const t_circle *c) {
    wr_graph *copy;
    T_OK(wr_graph_new(&copy));
    t_copy(copy, c->graph);
    return copy;
}

static bool is_in(const wr_graph *graph, const wr_identity *device) {
    const wr_member *member = wr_graph_find(graph, &device->device_id);
    return member != NULL && wr_member_is_in(member);
}

/* ---- a removed device ---- */

/* A next op of the thief on top of what past holds, with any type, body and time. */
static t_op thiefs_op(const wr_graph *past, const wr_identity *thief, wr_op_type type,
                      const wr_buf *body, uint64_t hlc) {
    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op next = t_next(past, thief, WR_OP_ACK, wr_slice_str(empty_ack));
    wr_op header = t_header(&next, parents);
    header.type = type;
    header.hlc = hlc;
    header.body = wr_buf_slice(body);
    return t_forge(&header, parents, thief);
}

static bool is_current(const wr_graph *graph, const wr_identity *device) {
    const wr_member *member = wr_graph_find(graph, &device->device_id);
    return member != NULL && member->current;
}

/* What a removed device may say, and the removal: early it is struck by the rule, late the guard
 * would hold it as well. */
static void meets(const t_circle *c, const t_op *said, const t_op *removal, bool late) {
    WR_AUTO(wr_graph) here = copy_of(c);
    if (late)
        T_OK(t_admit(here, removal));
    T_OK(t_admit(here, said));
    if (!late)
        T_OK(t_admit(here, removal));
    T_EQ(wr_graph_current_count(here), 2);
    T_TRUE(is_current(here, &c->member));
    T_TRUE(is_current(here, &c->founder));
    T_TRUE(is_in(here, &c->founder));
}

/* The thief signs on top of what was there at each moment since its own last op.  An older past it
 * cannot name without a fork. */
static void a_removed_device_brings_and_strikes_nobody_whatever_past_it_names(void **state) {
    t_circle *c = *state;
    uint8_t add_bytes[1024], remove_bytes[128];
    wr_buf add = WR_BUF_ARRAY(add_bytes), strike = WR_BUF_ARRAY(remove_bytes);
    wr_identity puppet = t_device(66);
    const wr_identity *thief = &c->admin;
    uint32_t pasts = 0;
    for (uint32_t i = 0; i < 4; i++) { /* some history that the thief need not know */
        (void)t_epoch(c->graph, &c->founder, (uint8_t)(20 + i));
        (void)t_ack(c->graph, &c->member);
    }
    t_add_body(wr_graph_circle_id(c->graph), thief, &puppet, WR_ROLE_ADMIN, &add);
    t_remove_body(&c->member, WR_REASON_LOST, &strike);
    t_op removal = t_remove_aside(c->graph, &c->founder, thief);
    WR_AUTO(wr_graph) past = NULL;
    T_OK(wr_graph_new(&past));
    for (uint32_t i = 0; i < wr_graph_op_count(c->graph); i++) {
        wr_op_ref op = wr_graph_op(c->graph, i);
        T_OK(wr_graph_admit(past, op.bytes, op.sig));
        if (!is_in(past, thief) || !is_in(past, &c->member))
            continue;
        pasts++;
        const uint64_t times[] = {0, op.hlc, UINT64_MAX >> 1};
        for (size_t n = 0; n < WR_COUNT(times); n++) {
            t_op brings = thiefs_op(past, thief, WR_OP_ADD, &add, times[n]);
            t_op strikes = thiefs_op(past, thief, WR_OP_REMOVE, &strike, times[n]);
            for (unsigned late = 0; late < 2; late++) {
                meets(c, &brings, &removal, late == 1);
                meets(c, &strikes, &removal, late == 1);
            }
        }
    }
    T_EQ(pasts, 11); /* the ADD of the member, and the ten ops since */
}

/* ---- recovery keys ---- */

static t_op root_op(const wr_op *like, const wr_hash *parents, const wr_key *recovery) {
    wr_identity root = {.device_id = {{0}}};
    wr_recovery_sign_key(recovery, &root.sign);
    return t_forge(like, parents, &root);
}

/* spec:circle#2.2 type=test "An op of ROOT MUST verify under the recovery key that holds in its
 * past." */
static void a_replaced_recovery_key_is_heard_on_older_pasts_only(void **state) {
    t_circle *c = *state;
    const wr_key old = t_recovery(), new = {{77}};
    uint8_t set_bytes[128], body_bytes[128];
    wr_buf set = WR_BUF_ARRAY(set_bytes), body = WR_BUF_ARRAY(body_bytes);
    wr_hash before_parents[WR_OP_PARENTS_MAX], parents[WR_OP_PARENTS_MAX];
    wr_root root;
    WR_AUTO(wr_graph) past = copy_of(c);
    wr_recovery_root(&new, &root);
    T_OK(wr_rootset_encode(&root, &set));
    t_remove_body(&c->member, WR_REASON_LOST, &body);
    t_op rootset = t_root_op(c->graph, &old, WR_OP_ROOTSET, wr_buf_slice(&set));
    T_OK(t_admit(c->graph, &rootset));
    t_op good = t_root_op(c->graph, &new, WR_OP_REMOVE, wr_buf_slice(&body));
    wr_op header = t_header(&good, parents);
    t_op bad = root_op(&header, parents, &old);
    t_refused(c->graph, &bad, WR_ERR_AUTH);
    t_op late = t_root_op(past, &old, WR_OP_REMOVE, wr_buf_slice(&body));
    header = t_header(&late, before_parents);
    bad = root_op(&header, before_parents, &new); /* nor is the new one good for older pasts */
    t_refused(c->graph, &bad, WR_ERR_AUTH);
    T_OK(t_admit(c->graph, &good));
    T_FALSE(is_in(c->graph, &c->member));
}

/* ROOT has no chain: one that was restored from an old bundle says what it said before. */
static void ops_of_root_do_not_contradict_each_other(void **state) {
    t_circle *c = *state;
    const wr_key recovery = t_recovery();
    uint8_t bytes[2][128];
    const wr_identity *targets[] = {&c->admin, &c->member};
    for (size_t i = 0; i < WR_COUNT(targets); i++) {
        wr_buf body = WR_BUF_ARRAY(bytes[i]);
        t_remove_body(targets[i], WR_REASON_LOST, &body);
        t_op op = t_root_op(c->graph, &recovery, WR_OP_REMOVE, wr_buf_slice(&body));
        wr_hash parents[WR_OP_PARENTS_MAX];
        T_EQ(t_header(&op, parents).aseq, 0);
        T_OK(t_admit(c->graph, &op));
        T_FALSE(is_in(c->graph, targets[i]));
    }
}

/* ---- room ---- */

static t_op opaque_of_root(const t_circle *c, const wr_key *recovery, uint64_t hlc) {
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_op header = {.circle_id = *wr_graph_circle_id(c->graph),
                    .parent_count = 1,
                    .hlc = hlc,
                    .type = 99,
                    .body = wr_slice_str(empty_ack)};
    parents[0] = c->genesis.id;
    return root_op(&header, parents, recovery);
}

/* The op with which admin begins another branch where it has made an ACK meanwhile. */
static t_op branch_of_admin(const t_circle *c, wr_op_type type, wr_slice body) {
    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op one = t_next(c->graph, &c->admin, type, body);
    wr_op header = t_header(&one, parents);
    return t_forge(&header, parents, &c->admin);
}

static void branch_is_refused(wr_graph *graph, const t_op *op) {
    wr_hash before = t_state(graph);
    T_ERR(wr_graph_admit_branch(graph, t_op_slice(op), &op->sig), WR_ERR_LIMIT);
    wr_hash after = t_state(graph);
    T_MEM(after.b, before.b, sizeof after.b);
}

/* spec:circle#2.3 type=test "So are the last 32 chains: no device can take the room for what throws
 * it out."  One more fits: a device that is added, or a branch. */
static void only_root_takes_the_last_columns(void **state) {
    t_circle *c = *state;
    uint8_t bytes[1024];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_identity added = t_device(90), beyond = t_device(91), third = t_device(92);
    t_add_body(wr_graph_circle_id(c->graph), &c->admin, &beyond, WR_ROLE_MEMBER, &body);
    t_op branch = branch_of_admin(c, WR_OP_ACK, wr_slice_str(empty_ack));
    t_op two = branch_of_admin(c, WR_OP_ADD, wr_buf_slice(&body));
    (void)t_add(c->graph, &c->admin, &added, WR_ROLE_MEMBER); /* so the others are branches */
    (void)t_ack(c->graph, &added);
    wr_op_head heads[WR_COLUMNS_MAX]; /* each device has an op, so there are as many columns */
    uint32_t columns = wr_graph_chain_heads(c->graph, heads);
    for (; columns < WR_COLUMNS_MAX - WR_COLUMNS_FOR_ROOT - 1; columns++)
        (void)t_root_remove(c->graph, &c->member);
    (void)t_ack(c->graph, &c->founder);
    (void)t_ack(c->graph, &c->admin);
    WR_AUTO(wr_graph) forks = t_copy_of(c);
    branch_is_refused(forks, &two); /* it needs one for the device, too */
    T_OK(wr_graph_admit_branch(forks, t_op_slice(&branch), &branch.sig));

    body.len = 0;
    t_add_body(wr_graph_circle_id(c->graph), &c->admin, &third, WR_ROLE_MEMBER, &body);
    t_op add = t_next(c->graph, &c->admin, WR_OP_ADD, wr_buf_slice(&body));
    (void)t_add(c->graph, &c->founder, &beyond, WR_ROLE_MEMBER);
    t_refused(c->graph, &add, WR_ERR_LIMIT);
    branch_is_refused(c->graph, &branch);
    for (uint32_t i = 0; i < WR_COLUMNS_FOR_ROOT; i++)
        (void)t_root_remove(c->graph, i % 2 == 0 ? &c->admin : &added);
    T_FALSE(is_in(c->graph, &c->admin));
    (void)t_ack(c->graph, &c->founder); /* chains that exist go on */
}

/* An ADD of ROOT needs two columns: where one is left it is refused, and the one is still there. */
static void an_op_that_is_refused_for_lack_of_room_takes_none(void **state) {
    t_circle *c = *state;
    const wr_key recovery = t_recovery();
    uint8_t bytes[1024];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_op_head heads[WR_COLUMNS_MAX];
    wr_identity root = {.device_id = {{0}}}, added = t_device(90);
    uint32_t columns = wr_graph_chain_heads(c->graph, heads);
    for (; columns < WR_COLUMNS_MAX - 1; columns++) {
        t_op filler = opaque_of_root(c, &recovery, columns + 1);
        T_OK(t_admit(c->graph, &filler));
    }
    t_add_body(wr_graph_circle_id(c->graph), &root, &added, WR_ROLE_MEMBER, &body);
    wr_hash parents[WR_OP_PARENTS_MAX] = {c->genesis.id};
    wr_op header = {.circle_id = *wr_graph_circle_id(c->graph),
                    .parent_count = 1,
                    .hlc = 1,
                    .type = WR_OP_ADD,
                    .body = wr_buf_slice(&body)};
    t_op add = root_op(&header, parents, &recovery);
    for (unsigned again = 0; again < 3; again++)
        t_refused(c->graph, &add, WR_ERR_LIMIT);
    t_op last = opaque_of_root(c, &recovery, 1000000),
         beyond = opaque_of_root(c, &recovery, 2000000);
    T_OK(t_admit(c->graph, &last));
    T_EQ(wr_graph_chain_heads(c->graph, heads), WR_COLUMNS_MAX);
    t_refused(c->graph, &beyond, WR_ERR_LIMIT);
    (void)t_ack(c->graph, &c->founder); /* chains that exist go on */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, t_circle_start, t_circle_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_removed_device_brings_and_strikes_nobody_whatever_past_it_names),
        TEST(a_replaced_recovery_key_is_heard_on_older_pasts_only),
        TEST(ops_of_root_do_not_contradict_each_other),
        TEST(only_root_takes_the_last_columns),
        TEST(an_op_that_is_refused_for_lack_of_room_takes_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
