/* The evaluator, rule by rule: small histories with the answer written out, each in many orders.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle_history.h"

#define ORDERS 40u

static o_history h;
static t_dice dice;

/* ---- building ---- */

/* GENESIS of 0, which adds 1 to count - 1; all acknowledge.  Returns everything. */
static o_set start(uint32_t count) {
    h.count = 0;
    dice = (t_dice){1};
    o_op op = h_on(&h, WR_OP_GENESIS, 0, O_NONE, 0);
    h_subject(&op, 0, WR_ROLE_ADMIN);
    (void)h_put(&h, &dice, op);
    for (uint32_t d = 1; d < count; d++) {
        op = h_on(&h, WR_OP_ADD, 0, d - 1, 0);
        h_subject(&op, d, WR_ROLE_ADMIN);
        (void)h_put(&h, &dice, op);
    }
    for (uint32_t d = 0; d < count; d++)
        (void)h_put(&h, &dice,
                    h_on(&h, WR_OP_ACK, d, d == 0 ? count - 1 : O_NONE, o_bit(count - 1)));
    T_EQ(h.count, 2 * count);
    return o_all(&h);
}

/* An op after prev, on top of tops; who: the devices that it is about. */
static uint32_t after(uint32_t prev, uint32_t author, wr_op_type type, o_set tops, uint32_t who) {
    o_op op = h_on(&h, type, author, prev, tops);
    for (uint32_t d = 0; d < 32; d++) {
        if ((who >> d & 1) != 0)
            h_subject(&op, d, type == WR_OP_ROLE ? WR_ROLE_MEMBER : WR_ROLE_ADMIN);
    }
    uint32_t number = h_put(&h, &dice, op);
    T_TRUE(number != O_NONE);
    return number;
}

/* .. after the author's last op in the history. */
static uint32_t put(uint32_t author, wr_op_type type, o_set tops, uint32_t who) {
    uint32_t prev = author == WR_EVAL_ROOT ? O_NONE : h_last(&h, o_all(&h), author);
    return after(prev, author, type, tops, who);
}

/* The newest ops' labels, I or O, and the members. */
static void expect(const char *labels, uint32_t members) {
    static const wr_op_label from[256] = {['I'] = WR_LABEL_OP_IN, ['O'] = WR_LABEL_OP_OUT};
    for (uint32_t n = 0; n < ORDERS; n++) {
        h_replica replica;
        wr_eval_member got[O_DEVICES];
        o_set done = 0;
        uint32_t op, first = h.count - (uint32_t)strlen(labels);
        h_open(&replica, &h);
        for (; (op = h_next(&h, &dice, done)) != O_NONE; done |= o_bit(op)) {
            T_TRUE(h_may(&replica, &h.op[op], NULL));
            h_take(&replica, op);
        }
        for (op = 0; op < h.count; op++) {
            wr_op_label want = op < first ? WR_LABEL_OP_IN : from[(uint8_t)labels[op - first]];
            T_EQ(wr_evaluator_label(replica.evaluator, &replica.op[op]), want);
        }
        wr_evaluator_members(replica.evaluator, O_DEVICES, got);
        for (uint32_t d = 0; d < O_DEVICES; d++)
            T_EQ(got[d].current, members >> d & 1);
        T_TRUE(h_agrees(&replica));
        h_close(&replica);
        T_TRUE(h_deliver(&h, &dice, 30));
    }
}

static wr_role_kind role_of(uint32_t device) {
    h_replica replica;
    wr_eval_member got[O_DEVICES];
    h_open(&replica, &h);
    for (uint32_t i = 0; i < h.count; i++)
        h_take(&replica, i);
    wr_evaluator_members(replica.evaluator, O_DEVICES, got);
    h_close(&replica);
    return got[device].role;
}

#define D(n) (1u << (n))
#define ALL4 (D(0) | D(1) | D(2) | D(3))

/* ---- past-validity ---- */

/* spec:circle#4.1 type=test "The author of an op MUST be a member in eval(past(op)) with the role
 * that the type demands." */
static void an_op_is_valid_by_its_own_past_only(void **state) {
    (void)state;
    o_set base = start(4);
    uint32_t remove = put(1, WR_OP_REMOVE, base, D(2));
    uint32_t role = put(0, WR_OP_ROLE, base, D(3));
    h_replica replica;
    h_open(&replica, &h);
    for (uint32_t i = 0; i < h.count; i++)
        h_take(&replica, i);
    const struct {
        uint32_t author;
        wr_op_type type;
        uint32_t on;
        bool may;
    } cases[] = {
        {2, WR_OP_ADD, role, true},
        {2, WR_OP_ADD, remove, false},
        {2, WR_OP_ACK, remove, false},
        {2, WR_OP_EQUIV, remove, true},
        {3, WR_OP_ADD, remove, true},
        {3, WR_OP_ADD, role, false},
        {3, WR_OP_ACK, role, true},
        {3, WR_OP_LEAVE, role, true},
        {3, WR_OP_REMOVE, role, false},
        {3, WR_OP_ROLE, role, false},
        {9, WR_OP_ACK, role, false},
        {3, (wr_op_type)77, role, true},
        {WR_EVAL_ROOT, WR_OP_ROOTSET, remove, true},
        {WR_EVAL_ROOT, WR_OP_ADD, 0, true},
    };
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        o_op op = h_on(&h, cases[i].type, cases[i].author, O_NONE, base | o_bit(cases[i].on));
        T_EQ(h_may(&replica, &op, NULL), cases[i].may);
    }
    h_close(&replica);
    expect("II", ALL4 & ~D(2));
}

static void roles_are_demanded_by_type(void **state) {
    (void)state;
    for (wr_op_type type = WR_OP_GENESIS; type <= (wr_op_type)12; type++) {
        bool admin = type == WR_OP_ADD || type == WR_OP_REMOVE || type == WR_OP_ROLE ||
                     type == WR_OP_RESET || type == WR_OP_ROOTSET;
        T_EQ(wr_evaluate_needed(type), admin ? WR_ROLE_ADMIN : WR_ROLE_MEMBER);
    }
}

/* ---- forks ---- */

/* spec:circle#4.3 type=test "The branch with more votes than every other one MUST be kept and the
 * others are void; if there is none, all of them are void." */
static void the_branch_that_more_others_built_on_is_kept(void **state) {
    (void)state;
    o_set base = start(5);
    uint32_t last = h_last(&h, base, 1);
    uint32_t left = after(last, 1, WR_OP_ADD, base, D(5));
    uint32_t right = after(last, 1, WR_OP_ADD, base, D(6));
    expect("OO", ALL4 | D(4)); /* no vote at all */
    uint32_t by2 = put(2, WR_OP_ACK, o_bit(left), 0);
    expect("IOI", ALL4 | D(4) | D(5));
    put(3, WR_OP_ACK, o_bit(right), 0);
    expect("OOII", ALL4 | D(4)); /* one each */
    put(4, WR_OP_ACK, o_bit(left) | o_bit(right), 0);
    expect("OOIII", ALL4 | D(4)); /* who built on both at once has no vote */
    put(2, WR_OP_ACK, o_bit(right), 0);
    expect("OOIIII", ALL4 | D(4)); /* and nobody has a second one */
    put(0, WR_OP_ACK, o_bit(by2), 0);
    expect("IOIIIII", ALL4 | D(4) | D(5));
}

static void whoever_is_no_member_before_the_fork_or_forked_has_no_vote(void **state) {
    (void)state;
    o_set base = start(5);
    uint32_t remove = put(0, WR_OP_REMOVE, base, D(4));
    uint32_t last = put(1, WR_OP_ACK, o_bit(remove), 0);
    uint32_t left = after(last, 1, WR_OP_ADD, 0, D(5));
    uint32_t right = after(last, 1, WR_OP_ADD, 0, D(6));
    put(5, WR_OP_ACK, o_bit(left), 0);
    expect("IIOOO", ALL4);
    uint32_t two = h_last(&h, base, 2);
    after(two, 2, WR_OP_ACK, o_bit(right), 0);
    expect("IIOIOI", ALL4 | D(6));
    after(two, 2, WR_OP_ACK, base, 0);
    expect("IIOOOOO", ALL4); /* both branches of 2 are void as well */
}

/* A branch without votes next to two of one vote each: nobody has more than every other one. */
static void three_branches_need_one_that_has_more_than_each(void **state) {
    (void)state;
    o_set base = start(5);
    uint32_t last = h_last(&h, base, 1), branch[3];
    for (uint32_t i = 0; i < 3; i++)
        branch[i] = after(last, 1, WR_OP_ADD, base, D(5 + i));
    put(2, WR_OP_ACK, o_bit(branch[1]), 0);
    put(3, WR_OP_ACK, o_bit(branch[2]), 0);
    expect("OOOII", ALL4 | D(4));
    put(4, WR_OP_ACK, o_bit(branch[2]), 0);
    expect("OOIIII", ALL4 | D(4) | D(7));
}

/* spec:circle#4.3 type=test "Forks of one author MUST be decided from the earliest on, later ones
 * only where they lie on the branch that was kept." */
static void forks_are_decided_from_the_earliest_on(void **state) {
    (void)state;
    o_set base = start(5);
    uint32_t last = h_last(&h, base, 1);
    uint32_t left = after(last, 1, WR_OP_ACK, base, 0);
    uint32_t right = after(last, 1, WR_OP_ADD, base, D(5));
    uint32_t up = after(left, 1, WR_OP_ADD, 0, D(6));
    uint32_t down = after(left, 1, WR_OP_ADD, 0, D(7));
    put(2, WR_OP_ACK, o_bit(right), 0);
    put(3, WR_OP_ACK, o_bit(up), 0);
    put(4, WR_OP_ACK, o_bit(up), 0);
    expect("IOIOIII", ALL4 | D(4) | D(6));
    uint32_t zero = put(0, WR_OP_ACK, o_bit(right), 0);
    expect("OOOOIIII", ALL4 | D(4));
    put(0, WR_OP_ACK, o_bit(zero) | o_bit(down), 0); /* has voted in both by then */
    expect("OOOOIIIII", ALL4 | D(4));
}

static void forks_with_one_number_on_two_branches_are_two_forks(void **state) {
    (void)state;
    o_set base = start(5);
    uint32_t last = h_last(&h, base, 1);
    uint32_t left = after(last, 1, WR_OP_ACK, base, 0);
    uint32_t right = after(last, 1, WR_OP_ACK, base, 0);
    after(left, 1, WR_OP_ADD, 0, D(5));
    after(right, 1, WR_OP_ADD, 0, D(6));
    after(left, 1, WR_OP_ADD, 0, D(7));
    after(right, 1, WR_OP_ADD, 0, D(8));
    uint32_t kept = after(left, 1, WR_OP_ADD, 0, D(9));
    put(3, WR_OP_ACK, o_bit(kept), 0);
    expect("IOOOOOII", ALL4 | D(4) | D(9));
}

/* It voids all that the founder did, but a circle without a founding op would be none. */
static void a_fork_beside_genesis_leaves_genesis(void **state) {
    (void)state;
    h.count = 0;
    o_op op = h_on(&h, WR_OP_GENESIS, 0, O_NONE, 0);
    h_subject(&op, 0, WR_ROLE_ADMIN);
    T_EQ(h_put(&h, &dice, op), 0);
    put(0, WR_OP_ADD, 0, D(1));
    after(O_NONE, 0, WR_OP_ADD, o_bit(0), D(2));
    expect("IOO", D(0));
}

/* spec:circle#4.3 type=test "An op that is void MUST have no effect on any other op and on the
 * members; its label is OUT." */
static void a_void_op_has_no_effect_and_what_others_built_on_it_stands(void **state) {
    (void)state;
    o_set base = start(4);
    uint32_t last = h_last(&h, base, 1);
    uint32_t left = after(last, 1, WR_OP_REMOVE, base, D(2) | D(3));
    uint32_t role = after(left, 1, WR_OP_ROLE, 0, D(0));
    after(last, 1, WR_OP_ACK, base, 0);
    put(3, WR_OP_ADD, base, D(5));
    expect("OOOI", ALL4 | D(5)); /* its accusation would have struck this one */
    put(0, WR_OP_EQUIV, o_bit(role), D(1));
    expect("IIOOI", D(0)); /* but now it has a vote */
    put(2, WR_OP_ACK, o_bit(h.count - 3), 0);
}

static void a_fork_at_the_first_op_is_judged_by_those_who_added_the_author(void **state) {
    (void)state;
    o_set base = start(3);
    uint32_t add = put(0, WR_OP_ADD, base, D(3));
    uint32_t left = after(O_NONE, 3, WR_OP_ADD, o_bit(add), D(4));
    after(O_NONE, 3, WR_OP_ADD, o_bit(add), D(5));
    expect("IOO", ALL4);
    put(1, WR_OP_ACK, o_bit(left), 0);
    expect("IIOI", ALL4 | D(4));
}

/* 2 and 3 both add 5 and know different circles: 4 was removed in that of 3. */
static void of_two_adds_the_one_with_the_lower_id_gives_the_voters(void **state) {
    (void)state;
    for (uint32_t lower = 0; lower < 2; lower++) {
        o_set base = start(5);
        uint32_t one = put(2, WR_OP_ADD, base, D(5));
        uint32_t remove = put(0, WR_OP_REMOVE, base, D(4));
        uint32_t two = put(3, WR_OP_ADD, o_bit(remove), D(5));
        h.op[one].id.b[0] = lower == 0 ? 1 : 2;
        h.op[two].id.b[0] = lower == 0 ? 2 : 1;
        uint32_t left = after(O_NONE, 5, WR_OP_ACK, o_bit(one) | o_bit(two), 0);
        after(O_NONE, 5, WR_OP_ACK, o_bit(one) | o_bit(two), 0);
        put(4, WR_OP_ACK, o_bit(h_last(&h, base, 4)) | o_bit(one), 0);
        expect("IIIOOO", ALL4 | D(5)); /* the remover did not know the last one */
        h.count--;
        o_op vote = h_on(&h, WR_OP_EQUIV, 4, h_last(&h, base, 4), o_bit(left));
        h_subject(&vote, 1, WR_ROLE_ADMIN);
        T_TRUE(h_put(&h, &dice, vote) != O_NONE); /* needs no member */
        expect(lower == 0 ? "IIIIOI" : "IIIOOI", (ALL4 | D(5)) & ~D(1));
    }
}

static void a_void_or_struck_add_supports_nobody_though_another_stands(void **state) {
    (void)state;
    o_set base = start(4);
    uint32_t last = h_last(&h, base, 1);
    uint32_t one = after(last, 1, WR_OP_ADD, base, D(4));
    after(last, 1, WR_OP_ACK, base, 0);
    put(WR_EVAL_ROOT, WR_OP_ADD, base, D(4));
    put(4, WR_OP_ACK, o_bit(one), 0);
    expect("OOIO", ALL4 | D(4));
    base = start(4);
    one = put(2, WR_OP_ADD, base, D(4));
    put(3, WR_OP_ADD, base, D(4));
    put(4, WR_OP_ACK, o_bit(one), 0);
    expect("III", ALL4 | D(4));
    put(1, WR_OP_REMOVE, base, D(2));
    expect("OIOI", (ALL4 | D(4)) & ~D(2));
}

/* ---- labels ---- */

/* spec:circle#4.4 type=test "An op MUST be labelled OUT when one of its attackers is IN or when all
 * its supports are OUT, and IN when all its attackers are OUT and it needs no support or has one
 * that is IN." */
static void an_accusation_strikes_what_it_did_not_know_and_what_stands_on_that(void **state) {
    (void)state;
    o_set base = start(4);
    put(1, WR_OP_REMOVE, base, D(2));
    uint32_t add = put(2, WR_OP_ADD, base, D(4));
    add = put(4, WR_OP_ADD, o_bit(add), D(5));
    put(5, WR_OP_ACK, o_bit(add), 0);
    expect("IOOO", D(0) | D(1) | D(3));
}

static void a_second_support_is_enough(void **state) {
    (void)state;
    o_set base = start(4);
    uint32_t one = put(2, WR_OP_ADD, base, D(4)), two = put(3, WR_OP_ADD, base, D(4));
    put(4, WR_OP_ADD, o_bit(one) | o_bit(two), D(5));
    put(1, WR_OP_REMOVE, base, D(2));
    expect("OIII", D(0) | D(1) | D(3) | D(4) | D(5));
}

/* spec:circle#4.4 type=test "An op of ROOT and an EQUIV MUST NOT be struck out by an accusation."
 */
static void what_is_said_again_on_top_of_more_is_judged_by_itself(void **state) {
    (void)state;
    o_set all = start(4);
    uint32_t one = put(1, WR_OP_ADD, all, 1u << 4);
    uint32_t two = put(2, WR_OP_ADD, all, 1u << 4);
    (void)put(4, WR_OP_REMOVE, o_bit(one), 1u << 3);
    (void)put(4, WR_OP_REMOVE, o_bit(two), 1u << 3);
    (void)put(0, WR_OP_REMOVE, all, 1u << 1);
    expect("OIOII", 1u << 0 | 1u << 2 | 1u << 4);
}

static void what_knows_an_accusation_is_struck_when_it_is_said_again(void **state) {
    (void)state;
    o_set all = start(4);
    uint32_t said = put(1, WR_OP_REMOVE, all, 1u << 3);
    uint32_t cleared = put(2, WR_OP_REMOVE, all, 1u << 1);
    (void)put(3, WR_OP_ACK, o_bit(said) | o_bit(cleared), 0);
    (void)put(0, WR_OP_REMOVE, all, 1u << 2);
    expect("IOII", 1u << 0 | 1u << 1);
    uint32_t again = put(1, WR_OP_REMOVE, all, 1u << 3);
    expect("IOOII", 1u << 0 | 1u << 1);
    h_replica replica; /* .. unless that is held */
    h_open(&replica, &h);
    for (uint32_t op = 0; op < h.count; op++)
        h_take(&replica, op);
    h_hold(&replica, again, true);
    T_TRUE(h_agrees(&replica));
    h_close(&replica);
}

static void root_and_a_proof_are_final(void **state) {
    (void)state;
    o_set base = start(4);
    put(2, WR_OP_REMOVE, base, D(0) | D(1) | D(3));
    put(3, WR_OP_EQUIV, base, D(1));
    put(WR_EVAL_ROOT, WR_OP_REMOVE, base, D(2));
    expect("OII", D(0) | D(3));
}

/* spec:circle#4.4 type=test "While ops are open, every open ADD that an open accusation attacks and
 * that supports an open accusation MUST be labelled OUT first, all such ADDs at once." */
static void what_the_accused_brought_cannot_clear_it(void **state) {
    (void)state;
    o_set base = start(4);
    uint32_t one = put(2, WR_OP_ADD, base, D(4)), two = put(2, WR_OP_ADD, base, D(5));
    put(4, WR_OP_REMOVE, o_bit(one), D(1));
    put(5, WR_OP_REMOVE, o_bit(two), D(1));
    put(1, WR_OP_REMOVE, base, D(2));
    expect("OOOOI", D(0) | D(1) | D(3));
}

/* An accusation that tops all else makes the ADD of its author liable to the cut. */
static void an_accusation_on_top_can_cost_its_author_the_support(void **state) {
    (void)state;
    o_set base = start(4);
    put(1, WR_OP_REMOVE, base, D(2));
    uint32_t sybil = put(2, WR_OP_ADD, base, D(5));
    put(5, WR_OP_REMOVE, o_bit(sybil), D(1) | D(3));
    put(3, WR_OP_ADD, base, D(4));
    uint32_t ack = put(0, WR_OP_ACK, o_all(&h), 0);
    expect("IOOII", D(0) | D(1) | D(3) | D(4));
    put(4, WR_OP_ACK, o_bit(ack), 0);
    expect("IOOIII", D(0) | D(1) | D(3) | D(4));
    put(4, WR_OP_REMOVE, o_bit(ack), D(0));
    expect("IOOOIOO", D(0) | D(1) | D(3));
}

/* spec:circle#4.4 type=test "Otherwise all accusations of the source components MUST be labelled
 * IN" */
static void a_ring_of_accusations_is_out_and_what_hangs_on_it_is_not_asked(void **state) {
    (void)state;
    o_set base = start(5);
    put(1, WR_OP_REMOVE, base, D(2));
    put(2, WR_OP_REMOVE, base, D(3));
    put(3, WR_OP_REMOVE, base, D(1) | D(4));
    put(4, WR_OP_REMOVE, base, D(0)); /* struck by the ring, strikes nobody */
    expect("IIIO", D(0));
}

/* spec:circle#4.5 type=test "The members MUST be the devices of the GENESIS, RESET and ADD ops that
 * are IN without those that a REMOVE or EQUIV that is IN names and without the authors of LEAVE ops
 * that are IN." */
static void who_leaves_or_retires_keeps_what_it_did(void **state) {
    (void)state;
    o_set base = start(4);
    put(2, WR_OP_LEAVE, base, 0);
    put(3, WR_OP_ADD, base, D(4));
    uint32_t retire = put(1, WR_OP_REMOVE, base, D(3));
    h.op[retire].reason = WR_REASON_RETIRED;
    put(WR_EVAL_ROOT, WR_OP_ADD, base, D(5));
    expect("IIII", D(0) | D(1) | D(4) | D(5));
}

static void a_reset_lists_who_stays(void **state) {
    (void)state;
    h.count = 0;
    o_op op = h_on(&h, WR_OP_RESET, WR_EVAL_ROOT, O_NONE, 0);
    h_subject(&op, 1, WR_ROLE_ADMIN);
    h_subject(&op, 4, WR_ROLE_MEMBER);
    T_EQ(h_put(&h, &dice, op), 0);
    expect("I", D(1) | D(4));
    put(1, WR_OP_ADD, o_bit(0), D(2));
    put(4, WR_OP_LEAVE, o_bit(0), 0);
    expect("III", D(1) | D(2));
    T_EQ(role_of(4), WR_ROLE_MEMBER);
}

/* spec:circle#4.5 type=test "The role of a device MUST be the lowest that a maximal ROLE op among
 * those that are IN gives it, and without such an op the lowest that one of its ADDs that are IN,
 * or the GENESIS or RESET, gives it." */
static void the_lowest_of_the_latest_roles_holds(void **state) {
    (void)state;
    o_set base = start(4);
    uint32_t down = put(1, WR_OP_ROLE, base, D(3));
    T_EQ(role_of(3), WR_ROLE_MEMBER);
    uint32_t up = put(2, WR_OP_ROLE, base | o_bit(down), D(3));
    h.op[up].subject[0].role = WR_ROLE_ADMIN;
    T_EQ(role_of(3), WR_ROLE_ADMIN);
    put(0, WR_OP_ROLE, base | o_bit(down), D(3)); /* concurrent to up */
    T_EQ(role_of(3), WR_ROLE_MEMBER);
    put(1, WR_OP_REMOVE, base | o_bit(up), D(0)); /* strikes that one */
    T_EQ(role_of(3), WR_ROLE_ADMIN);
    expect("IIOI", ALL4 & ~D(0));
}

/* ---- the rest of the interface ---- */

static void a_held_op_counts_in_pasts_only(void **state) {
    wr_eval_member got[O_DEVICES];
    h_replica replica;
    (void)state;
    o_set base = start(4);
    uint32_t remove = put(2, WR_OP_REMOVE, base, D(0));
    uint32_t ack = put(3, WR_OP_ACK, o_bit(remove), 0);
    h_open(&replica, &h);
    for (uint32_t i = 0; i < h.count; i++)
        h_take(&replica, i);
    h_hold(&replica, remove, true);
    wr_evaluator_members(replica.evaluator, O_DEVICES, got);
    T_TRUE(got[0].current);
    T_FALSE(got[0].accused);
    T_EQ(wr_evaluator_label(replica.evaluator, &replica.op[remove]), WR_LABEL_OP_OUT);
    wr_evaluator_past(replica.evaluator, replica.op[ack].clock, replica.op[ack].clock_len,
                      O_DEVICES, got);
    T_FALSE(got[0].current);
    T_TRUE(got[0].accused);
    h_hold(&replica, ack, true);
    T_TRUE(h_agrees(&replica));
    h_hold(&replica, ack, false);
    h_hold(&replica, remove, false);
    wr_evaluator_members(replica.evaluator, O_DEVICES, got);
    T_FALSE(got[0].current);
    h_close(&replica);
}

static void columns_and_ops_end_at_their_limits(void **state) {
    static wr_eval_op op[WR_OPS_MAX + 1];
    static uint16_t clock[WR_OPS_MAX + 1];
    const wr_eval_subject founder = {0, WR_ROLE_ADMIN};
    WR_AUTO(wr_evaluator) e = NULL;
    wr_eval_member member;
    (void)state;
    T_OK(wr_evaluator_new(&e));
    T_OK(wr_evaluator_column(e, 0, 0, WR_EVAL_NONE, 0));
    for (uint32_t i = 0; i <= WR_OPS_MAX; i++) {
        clock[i] = (uint16_t)i;
        op[i] = (wr_eval_op){.type = i == 0 ? WR_OP_GENESIS : WR_OP_ROLE,
                             .aseq = i,
                             .clock = &clock[i],
                             .clock_len = 1,
                             .subject = &founder,
                             .subject_count = 1};
        if (i < WR_OPS_MAX)
            T_OK(wr_evaluator_take(e, &op[i]));
    }
    wr_evaluator_members(e, 1, &member);
    T_TRUE(member.current);
    for (uint32_t c = 1; c < WR_COLUMNS_MAX; c++)
        T_OK(wr_evaluator_column(e, c, WR_EVAL_ROOT, WR_EVAL_NONE, 0));
    T_ERR(wr_evaluator_column(e, WR_COLUMNS_MAX, 1, WR_EVAL_NONE, 0), WR_ERR_LIMIT);
    T_ERR(wr_evaluator_take(e, &op[WR_OPS_MAX]), WR_ERR_LIMIT);
    wr_evaluator_members(e, 1, &member);
    T_TRUE(member.current);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_op_is_valid_by_its_own_past_only),
        cmocka_unit_test(roles_are_demanded_by_type),
        cmocka_unit_test(the_branch_that_more_others_built_on_is_kept),
        cmocka_unit_test(whoever_is_no_member_before_the_fork_or_forked_has_no_vote),
        cmocka_unit_test(three_branches_need_one_that_has_more_than_each),
        cmocka_unit_test(forks_are_decided_from_the_earliest_on),
        cmocka_unit_test(forks_with_one_number_on_two_branches_are_two_forks),
        cmocka_unit_test(a_fork_beside_genesis_leaves_genesis),
        cmocka_unit_test(a_void_op_has_no_effect_and_what_others_built_on_it_stands),
        cmocka_unit_test(a_fork_at_the_first_op_is_judged_by_those_who_added_the_author),
        cmocka_unit_test(of_two_adds_the_one_with_the_lower_id_gives_the_voters),
        cmocka_unit_test(a_void_or_struck_add_supports_nobody_though_another_stands),
        cmocka_unit_test(an_accusation_strikes_what_it_did_not_know_and_what_stands_on_that),
        cmocka_unit_test(a_second_support_is_enough),
        cmocka_unit_test(what_is_said_again_on_top_of_more_is_judged_by_itself),
        cmocka_unit_test(what_knows_an_accusation_is_struck_when_it_is_said_again),
        cmocka_unit_test(root_and_a_proof_are_final),
        cmocka_unit_test(what_the_accused_brought_cannot_clear_it),
        cmocka_unit_test(an_accusation_on_top_can_cost_its_author_the_support),
        cmocka_unit_test(a_ring_of_accusations_is_out_and_what_hangs_on_it_is_not_asked),
        cmocka_unit_test(who_leaves_or_retires_keeps_what_it_did),
        cmocka_unit_test(a_reset_lists_who_stays),
        cmocka_unit_test(the_lowest_of_the_latest_roles_holds),
        cmocka_unit_test(a_held_op_counts_in_pasts_only),
        cmocka_unit_test(columns_and_ops_end_at_their_limits),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    h_end();
    return failed;
}
