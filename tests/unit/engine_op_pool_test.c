/* A member that signs two ops at one place tells them to different siblings: both end with the same
 * ops and members, it is out, and whoever knows only one branch cannot be kept apart.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/op_pool.h"
#include "unit/circle_fixture.h"
#include "wire/pack.h"

#include <time.h>

static const wr_now now = {{1000}, {1700000100000ull}};

static wr_rng test_rng(void) {
    return wr_rng_system();
}

/* A device with the ops of the circle. */
static wr_self *self_of(const t_circle *c, const wr_identity *device) {
    wr_self *self;
    wr_key seed = {{4}}, secret = {{1}};
    T_OK(wr_self_new(device, test_rng(), &self));
    for (uint32_t i = 0; i < wr_graph_op_count(c->graph); i++) {
        wr_op_ref op = wr_graph_op(c->graph, i);
        T_OK(wr_self_load_op(self, op.bytes, op.sig));
    }
    T_OK(wr_self_load_seed(self, &c->genesis.id, &seed));
    T_OK(wr_self_load_epoch(self, &c->epoch.id, &secret));
    T_OK(wr_self_load_done(self, now));
    wr_self_confirm(self);
    return self;
}

static void drain(wr_self *self) {
    wr_put put;
    while (wr_self_poll(self, &put))
        continue;
}

/* Everything that one holds, to the other, in the order of its admission or backwards. */
static void tell(wr_op_pool *pool, const wr_self *from, wr_self *to, bool backwards) {
    const wr_graph *graph = wr_self_graph(from);
    uint32_t count = wr_graph_op_count(graph);
    for (uint32_t i = 0; i < count; i++) {
        wr_op_ref op = wr_graph_op(graph, backwards ? count - 1 - i : i);
        wr_err err = wr_self_admit(to, op.bytes, op.sig, now);
        if (err == WR_ERR_FORK || err == WR_ERR_UNKNOWN)
            T_OK(wr_op_pool_put(pool, &op.id, op.bytes, op.sig, err == WR_ERR_FORK));
        else
            T_OK(err);
        T_OK(wr_op_pool_retry(pool, to, now));
    }
    drain(to);
}

static t_op op_of(const t_circle *c, const wr_identity *author, uint64_t hlc) {
    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op next = t_next(c->graph, author, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    header.hlc = hlc;
    return t_forge(&header, parents, author);
}

static void ack(wr_self *self) {
    T_OK(wr_self_author(self, WR_OP_ACK, wr_slice_str("\x91\x90"), now));
    drain(self);
}

static void expect_same(const wr_self *a, const wr_self *b) {
    wr_hash of_a = wr_graph_heads_digest(wr_self_graph(a));
    wr_hash of_b = wr_graph_heads_digest(wr_self_graph(b));
    T_MEM(of_a.b, of_b.b, sizeof of_a.b);
    T_EQ(wr_graph_op_count(wr_self_graph(a)), wr_graph_op_count(wr_self_graph(b)));
}

static bool is_in(const wr_self *self, const wr_identity *device) {
    return wr_member_is_in(wr_graph_find(wr_self_graph(self), &device->device_id));
}

/* spec:circle#2.4 type=test "Of two ops with one generation, author and aseq a device MUST NOT
 * admit the second, unless an op of another author stands on it." spec:circle#2.4 type=test "A
 * member that sees both MUST publish an EQUIV, unless one has effect here." */
static void run_fork(t_circle *c, bool backwards, bool only_one_builds) {
    wr_self *f = self_of(c, &c->founder), *a = self_of(c, &c->admin);
    wr_op_pool at_f = {0}, at_a = {0};
    t_op one = op_of(c, &c->member, 5), other = op_of(c, &c->member, 6);
    T_OK(wr_self_admit(f, t_op_slice(&one), &one.sig, now));
    T_OK(wr_self_admit(a, t_op_slice(&other), &other.sig, now));
    T_ERR(wr_self_admit(f, t_op_slice(&other), &other.sig, now), WR_ERR_FORK);
    ack(f);
    if (!only_one_builds)
        ack(a);
    for (unsigned round = 0; round < 3; round++) {
        tell(&at_f, a, f, backwards);
        tell(&at_a, f, a, backwards);
        T_OK(wr_self_accuse(f, now));
        T_OK(wr_self_accuse(a, now));
        drain(f);
        drain(a);
    }
    tell(&at_f, a, f, backwards);
    tell(&at_a, f, a, backwards);
    expect_same(f, a);
    T_TRUE(wr_graph_is_convicted(wr_self_graph(f), &c->member.device_id));
    T_FALSE(is_in(f, &c->member));
    T_FALSE(is_in(a, &c->member));
    T_TRUE(is_in(f, &c->admin));
    T_TRUE(is_in(a, &c->founder));
    T_OK(wr_self_rotate(f, now)); /* and life goes on */
    drain(f);
    tell(&at_a, f, a, backwards);
    expect_same(f, a);
    wr_op_pool_wipe(&at_f);
    wr_op_pool_wipe(&at_a);
    wr_self_free(f);
    wr_self_free(a);
}

/* .. and has no fault from it where that cannot be signed. */
static void who_is_out_accuses_nobody(void **state) {
    t_circle *c = *state;
    wr_self *f = self_of(c, &c->founder);
    t_op one = op_of(c, &c->member, 5), other = op_of(c, &c->member, 6);
    T_OK(wr_self_admit(f, t_op_slice(&one), &one.sig, now));
    T_ERR(wr_self_admit(f, t_op_slice(&other), &other.sig, now), WR_ERR_FORK);
    t_op removal = t_remove_aside(c->graph, &c->admin, &c->founder);
    T_OK(wr_self_admit(f, t_op_slice(&removal), &removal.sig, now));
    T_FALSE(is_in(f, &c->founder));
    T_TRUE(wr_self_may_sign(f));
    T_OK(wr_self_accuse(f, now));
    wr_self_free(f);
}

/* An EQUIV of the member for its two ops, by somebody. */
static t_op equiv_by(const t_circle *c, const wr_identity *author, const t_op *one,
                     const t_op *other) {
    uint8_t pieces[2][1200], bytes[3000];
    wr_hash parents[WR_OP_PARENTS_MAX];
    bool swap = wr_order(t_op_slice(one), t_op_slice(other)) > 0;
    const t_op *ops[] = {swap ? other : one, swap ? one : other};
    wr_equiv equiv = {.kind = WR_EQUIV_OPS, .device_id = c->member.device_id};
    wr_buf body = WR_BUF_ARRAY(bytes);
    for (size_t i = 0; i < 2; i++) {
        wr_buf piece = WR_BUF_ARRAY(pieces[i]);
        T_OK(wr_buf_put(&piece, t_op_slice(ops[i])));
        T_OK(wr_buf_put(&piece, WR_SLICE_OBJ(ops[i]->sig)));
        equiv.evidence[i] = wr_buf_slice(&piece);
    }
    T_OK(wr_equiv_encode(&equiv, &body));
    t_op next = t_next(c->graph, author, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    header.type = WR_OP_EQUIV;
    header.body = wr_buf_slice(&body);
    return t_forge(&header, parents, author);
}

/* What one that is barred says against its friend is held: that must not save the friend. */
static void an_equiv_that_is_held_convicts_nobody(void **state) {
    t_circle *c = *state;
    wr_self *f = self_of(c, &c->founder);
    t_op one = op_of(c, &c->member, 5), other = op_of(c, &c->member, 6);
    t_op theirs = equiv_by(c, &c->admin, &one, &other);
    wr_removal removal = {
        .targets = &c->admin.device_id, .target_count = 1, .reason = WR_REASON_LOST};
    T_OK(wr_self_remove(f, &removal, now));
    T_OK(wr_self_admit(f, t_op_slice(&theirs), &theirs.sig, now));
    T_TRUE(is_in(f, &c->member));
    T_OK(wr_self_admit(f, t_op_slice(&one), &one.sig, now));
    T_ERR(wr_self_admit(f, t_op_slice(&other), &other.sig, now), WR_ERR_FORK);
    T_OK(wr_self_accuse(f, now));
    T_FALSE(is_in(f, &c->member));
    wr_self_free(f);
}

/* An op of author on all that the graph holds, at one place with any other that is made on it. */
static t_op say(const wr_graph *graph, const wr_identity *author) {
    return t_next(graph, author, WR_OP_ACK, wr_slice_str("\x91\x90"));
}

/* A third one, whom all know, stands on one op of an author and lets another one come in. */
static void vote(t_circle *c, wr_self *f, const t_op *said, const wr_identity *third) {
    wr_op_pool pool = {0};
    WR_AUTO(wr_graph) past = t_copy_of(c);
    T_OK(t_admit(past, said));
    t_op stands = say(past, third);
    const t_op *ops[] = {&stands, said};
    for (size_t i = 0; i < WR_COUNT(ops); i++) {
        wr_err err = wr_self_admit(f, t_op_slice(ops[i]), &ops[i]->sig, now);
        T_EQ(err, i == 0 ? WR_ERR_UNKNOWN : WR_ERR_FORK);
        T_OK(wr_op_pool_put(&pool, &ops[i]->id, t_op_slice(ops[i]), &ops[i]->sig, i == 1));
    }
    T_OK(wr_op_pool_retry(&pool, f, now));
    T_TRUE(wr_graph_knows(wr_self_graph(f), &stands.id));
    drain(f);
    wr_op_pool_wipe(&pool);
}

static wr_identity third_of(t_circle *c) {
    wr_identity third = t_device(21);
    (void)t_add(c->graph, &c->founder, &third, WR_ROLE_MEMBER);
    (void)t_ack(c->graph, &third);
    (void)t_ack(c->graph, &c->admin);
    (void)t_ack(c->graph, &c->founder);
    return third;
}

static uint32_t count_ops(const wr_self *self) {
    return wr_graph_op_count(wr_self_graph(self));
}

static void accuse_until_nothing_is_new(wr_self *self) {
    T_OK(wr_self_accuse(self, now));
    T_OK(wr_self_accuse(self, now));
    uint32_t count = count_ops(self);
    for (uint32_t i = 0; i < 4; i++) {
        T_OK(wr_self_rotate(self, now)); /* looked through again after any op */
        T_OK(wr_self_accuse(self, now));
        drain(self);
    }
    T_EQ(count_ops(self), count + 4);
}

/* The admin convicts its friend, who was seen, and takes that back by a second op at the place. */
static void run_void(t_circle *c, bool seen_directly) {
    wr_identity third = third_of(c);
    wr_self *f = self_of(c, &c->founder);
    t_op one = op_of(c, &c->member, 5), other = op_of(c, &c->member, 6);
    t_op theirs = equiv_by(c, &c->admin, &one, &other), instead = say(c->graph, &c->admin);
    T_OK(wr_self_admit(f, t_op_slice(&theirs), &theirs.sig, now));
    T_FALSE(is_in(f, &c->member));
    if (seen_directly) { /* and needs no EQUIV at that time */
        T_OK(wr_self_admit(f, t_op_slice(&one), &one.sig, now));
        T_ERR(wr_self_admit(f, t_op_slice(&other), &other.sig, now), WR_ERR_FORK);
    }
    uint32_t count = count_ops(f);
    T_OK(wr_self_accuse(f, now));
    T_EQ(count_ops(f), count);

    vote(c, f, &instead, &third);
    T_EQ(wr_graph_label(wr_self_graph(f), &theirs.id), WR_LABEL_OP_OUT);
    T_FALSE(wr_graph_is_convicted(wr_self_graph(f), &c->member.device_id));
    T_TRUE(wr_graph_find(wr_self_graph(f), &c->member.device_id)->current);
    accuse_until_nothing_is_new(f);
    T_TRUE(wr_graph_is_convicted(wr_self_graph(f), &c->member.device_id));
    T_TRUE(wr_graph_is_convicted(wr_self_graph(f), &c->admin.device_id));
    T_FALSE(wr_graph_find(wr_self_graph(f), &c->member.device_id)->current);
    wr_self_free(f);
}

static void what_a_void_equiv_proves_is_said_again(void **state) {
    run_void(*state, false);
}

static void what_was_seen_while_it_counted_is_said_again(void **state) {
    run_void(*state, true);
}

/* .. but by nobody twice: whoever holds our keys may void what we say. */
static void what_is_void_of_our_own_is_not_said_again(void **state) {
    t_circle *c = *state;
    wr_identity third = third_of(c);
    wr_self *f = self_of(c, &c->founder);
    t_op one = op_of(c, &c->member, 5), other = op_of(c, &c->member, 6);
    t_op instead = say(c->graph, &c->founder);
    T_OK(wr_self_admit(f, t_op_slice(&one), &one.sig, now));
    T_ERR(wr_self_admit(f, t_op_slice(&other), &other.sig, now), WR_ERR_FORK);
    T_OK(wr_self_accuse(f, now));
    T_FALSE(is_in(f, &c->member));
    vote(c, f, &instead, &third);
    T_FALSE(wr_graph_is_convicted(wr_self_graph(f), &c->member.device_id));
    T_TRUE(is_in(f, &c->founder));
    accuse_until_nothing_is_new(f);
    T_FALSE(wr_graph_is_convicted(wr_self_graph(f), &c->member.device_id));
    wr_self_free(f);
}

/* Nor by who is out. */
static void who_is_out_says_nothing_again(void **state) {
    t_circle *c = *state;
    wr_identity third = third_of(c);
    wr_self *f = self_of(c, &c->founder);
    t_op one = op_of(c, &c->member, 5), other = op_of(c, &c->member, 6);
    t_op theirs = equiv_by(c, &c->admin, &one, &other), instead = say(c->graph, &c->admin);
    T_OK(wr_self_admit(f, t_op_slice(&theirs), &theirs.sig, now));
    vote(c, f, &instead, &third);
    t_op removal = t_root_remove(c->graph, &c->founder);
    T_OK(wr_self_admit(f, t_op_slice(&removal), &removal.sig, now));
    T_TRUE(wr_self_may_sign(f));
    T_EQ(wr_graph_label(wr_self_graph(f), &theirs.id), WR_LABEL_OP_OUT);
    uint32_t count = count_ops(f);
    T_OK(wr_self_accuse(f, now));
    T_EQ(count_ops(f), count);
    wr_self_free(f);
}

/* spec:circle#3.11 type=test "The evidence of an EQUIV MUST prove that the accused contradicted
 * itself, whoever the author is." */
static void a_false_accusation_is_refused(void **state) {
    t_circle *c = *state;
    wr_self *f = self_of(c, &c->founder);
    t_op one = op_of(c, &c->member, 5), other = op_of(c, &c->member, 6);
    uint8_t first[4200], second[4200], bytes[9000];
    wr_hash parents[WR_OP_PARENTS_MAX];
    bool swap = wr_order(t_op_slice(&one), t_op_slice(&other)) > 0;
    const t_op *pieces[] = {swap ? &other : &one, swap ? &one : &other};
    wr_equiv equiv = {.kind = WR_EQUIV_OPS, .device_id = c->admin.device_id};
    uint8_t *to[] = {first, second};
    for (size_t i = 0; i < 2; i++) {
        memcpy(to[i], pieces[i]->bytes, pieces[i]->len);
        memcpy(to[i] + pieces[i]->len, pieces[i]->sig.b, sizeof pieces[i]->sig.b);
        equiv.evidence[i] = wr_slice_of(to[i], pieces[i]->len + sizeof pieces[i]->sig.b);
    }
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_equiv_encode(&equiv, &body)); /* the member's ops, the admin's name */
    t_op next = t_next(c->graph, &c->member, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    header.type = WR_OP_EQUIV;
    header.body = wr_buf_slice(&body);
    t_op bad = t_forge(&header, parents, &c->member);
    T_ERR(wr_self_admit(f, t_op_slice(&bad), &bad.sig, now), WR_ERR_REFUSED);
    equiv.device_id = c->member.device_id; /* true: even said by itself */
    body.len = 0;
    T_OK(wr_equiv_encode(&equiv, &body));
    header.body = wr_buf_slice(&body);
    t_op good = t_forge(&header, parents, &c->member);
    T_OK(wr_self_admit(f, t_op_slice(&good), &good.sig, now));
    T_FALSE(is_in(f, &c->member));
    wr_self_free(f);
}

/* Whoever has the founder's keys signs another first ADD, and the device that it adds stands on it.
 * spec:circle#2.4 type=test "An op MUST NOT bring a branch in unless its author is ROOT, or a
 * member, and not barred, without that branch." */
static void a_device_that_a_branch_added_does_not_bring_it_in(void **state) {
    t_circle *c = *state;
    wr_self *a = self_of(c, &c->admin);
    wr_op_pool pool = {0};
    WR_AUTO(wr_graph) other = NULL;
    T_OK(wr_graph_new(&other));
    T_OK(t_admit(other, &c->genesis));
    wr_identity puppet = t_device(66);
    t_op add = t_add(other, &c->founder, &puppet, WR_ROLE_ADMIN); /* aseq 1, where the EPOCH is */
    t_op stands = t_ack(other, &puppet);
    uint32_t count = wr_graph_op_count(wr_self_graph(a));
    const t_op *ops[] = {&stands, &add};
    for (size_t i = 0; i < WR_COUNT(ops); i++) {
        wr_err err = wr_self_admit(a, t_op_slice(ops[i]), &ops[i]->sig, now);
        T_TRUE(err == WR_ERR_UNKNOWN || err == WR_ERR_FORK);
        T_OK(wr_op_pool_put(&pool, &ops[i]->id, t_op_slice(ops[i]), &ops[i]->sig,
                            err == WR_ERR_FORK));
        T_OK(wr_op_pool_retry(&pool, a, now));
    }
    T_EQ(wr_graph_op_count(wr_self_graph(a)), count);
    T_TRUE(is_in(a, &c->member));
    wr_op_pool_wipe(&pool);
    wr_self_free(a);
}

static void nor_does_one_that_is_barred(void **state) {
    t_circle *c = *state;
    wr_self *f = self_of(c, &c->founder), *a = self_of(c, &c->admin);
    wr_op_pool pool = {0};
    t_op one = op_of(c, &c->member, 5), other = op_of(c, &c->member, 6);
    T_OK(wr_self_admit(f, t_op_slice(&one), &one.sig, now));
    T_OK(wr_self_admit(a, t_op_slice(&other), &other.sig, now));
    ack(a);
    wr_removal removal = {
        .targets = &c->admin.device_id, .target_count = 1, .reason = WR_REASON_LOST};
    T_OK(wr_self_remove(f, &removal, now));
    drain(f);
    tell(&pool, a, f, false);
    T_FALSE(wr_graph_knows(wr_self_graph(f), &other.id));
    wr_op_pool_wipe(&pool);
    wr_self_free(f);
    wr_self_free(a);
}

/* A branch of two ops, where only the second one is stood on. */
static void a_branch_comes_in_down_to_the_fork(void **state) {
    t_circle *c = *state;
    wr_self *f = self_of(c, &c->founder), *a = self_of(c, &c->admin);
    wr_op_pool at_f = {0};
    t_op one = op_of(c, &c->member, 5), other = op_of(c, &c->member, 6);
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_op header = t_header(&other, parents);
    header.aseq++;
    header.aprev = parents[0] = other.id;
    header.has_aprev = true;
    header.parent_count = 1;
    t_op second = t_forge(&header, parents, &c->member);
    T_OK(wr_self_admit(f, t_op_slice(&one), &one.sig, now));
    T_OK(wr_self_admit(a, t_op_slice(&other), &other.sig, now));
    T_OK(wr_self_admit(a, t_op_slice(&second), &second.sig, now));
    ack(a);
    tell(&at_f, a, f, true);
    T_EQ(at_f.bytes, 0); /* nothing waits any more */
    T_TRUE(wr_graph_knows(wr_self_graph(f), &second.id));
    T_TRUE(wr_graph_knows(wr_self_graph(f), &other.id));
    wr_hash struck[WR_MEMBERS_MAX];
    uint32_t struck_count;
    T_OK(wr_graph_foresee(wr_self_graph(f), &c->founder.device_id, &c->admin.device_id, 1, struck,
                          &struck_count));
    wr_op_pool_wipe(&at_f);
    wr_self_free(f);
    wr_self_free(a);
}

static void two_branches_do_not_part_honest_siblings(void **state) {
    run_fork(*state, false, false);
    run_fork(*state, true, false);
    run_fork(*state, false, true);
    run_fork(*state, true, true);
}

/* spec:sync#2.3 type=test "Ops that wait MUST NOT take more than 1 MiB for a session, nor be more
 * than 512." */
static void fill_pool(t_circle *c, size_t body_size, uint32_t low, uint32_t high) {
    wr_self *f = self_of(c, &c->founder);
    wr_op_pool pool = {0};
    wr_err err = WR_OK;
    uint32_t count = 0;
    for (; err == WR_OK; count++) {
        wr_hash parents[WR_OP_PARENTS_MAX];
        static const uint8_t big[3000] = {0};
        WR_ASSERT(body_size <= sizeof big);
        uint8_t bytes[3100];
        wr_buf body = WR_BUF_ARRAY(bytes);
        t_op next = t_next(c->graph, &c->member, WR_OP_ACK, wr_slice_str("\x91\x90"));
        wr_op header = t_header(&next, parents);
        parents[0].b[0] ^= 1; /* not here */
        header.parent_count = 1;
        header.type = 99;
        header.hlc = count;
        T_OK(wr_pack_bin(&body, wr_slice_of(big, body_size)));
        header.body = wr_buf_slice(&body);
        t_op op = t_forge(&header, parents, &c->member);
        err = wr_op_pool_put(&pool, &op.id, t_op_slice(&op), &op.sig, false);
        if (err == WR_OK)
            T_OK(wr_op_pool_put(&pool, &op.id, t_op_slice(&op), &op.sig,
                                false)); /* again: nothing new */
    }
    T_EQ(err, WR_ERR_LIMIT);
    T_TRUE(count > low && count < high);
    T_TRUE(pool.bytes <= WR_OP_POOL_BYTES_MAX);
    wr_op_pool_wipe(&pool);
    T_EQ(pool.bytes, 0);
    wr_self_free(f);
}

static void what_waits_is_bounded(void **state) {
    fill_pool(*state, 3000, 300, 360);
    fill_pool(*state, 10, WR_OP_POOL_OPS_MAX, WR_OP_POOL_OPS_MAX + 2);
}

/* An op that waits for one that never comes, on top of as many others as it may name. */
static t_op op_that_waits(const t_circle *c, uint64_t hlc) {
    wr_hash parents[WR_OP_PARENTS_MAX];
    t_op next = t_next(c->graph, &c->member, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    for (uint32_t i = 0; i + 1 < WR_OP_PARENTS_MAX; i++)
        parents[i] = wr_graph_op(c->graph, i).id;
    memset(parents[WR_OP_PARENTS_MAX - 1].b, 0xff, WR_HASH_SIZE);
    wr_hash_sort(parents, WR_OP_PARENTS_MAX);
    header.parent_count = WR_OP_PARENTS_MAX;
    header.hlc = hlc;
    return t_forge(&header, parents, &c->member);
}

/* A frame of OPS may be empty, and ten thousand of them are one message. */
static void what_waits_is_not_tried_again_for_nothing(void **state) {
    t_circle *c = *state;
    for (uint32_t i = 0; i < WR_OP_PARENTS_MAX; i++)
        (void)t_ack(c->graph, &c->member);
    wr_self *f = self_of(c, &c->founder);
    wr_op_pool pool = {0};
    wr_err err = WR_OK;
    for (uint64_t hlc = 1; err == WR_OK; hlc++) {
        t_op op = op_that_waits(c, hlc);
        err = wr_op_pool_put(&pool, &op.id, t_op_slice(&op), &op.sig, false);
    }
    T_TRUE(pool.count > 400);
    clock_t begin = clock();
    for (uint32_t i = 0; i < 10000; i++)
        T_OK(wr_op_pool_retry(&pool, f, now));
    T_TRUE(clock() - begin < 5 * CLOCKS_PER_SEC); /* each costs milliseconds */
    wr_op_pool_wipe(&pool);
    wr_self_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_waits_is_not_tried_again_for_nothing, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(two_branches_do_not_part_honest_siblings, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(who_is_out_accuses_nobody, t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(an_equiv_that_is_held_convicts_nobody, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(what_a_void_equiv_proves_is_said_again, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(what_was_seen_while_it_counted_is_said_again,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(what_is_void_of_our_own_is_not_said_again, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(who_is_out_says_nothing_again, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(a_false_accusation_is_refused, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(nor_does_one_that_is_barred, t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(a_branch_comes_in_down_to_the_fork, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(a_device_that_a_branch_added_does_not_bring_it_in,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(what_waits_is_bounded, t_circle_start, t_circle_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
