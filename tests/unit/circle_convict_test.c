/* An EQUIV that has no effect protects its accused from none that comes after it, in any order of
 * arrival; and none is said twice.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

#define VOTERS 4u
#define OPS_MAX 16u
#define ORDERS 40u

static wr_err believe(const wr_equiv *equiv, const wr_hash *circle_id, const wr_pub *sign_pk) {
    (void)equiv, (void)circle_id, (void)sign_pk;
    return WR_OK;
}

/* Made, and admitted nowhere: for graphs that refuse it, too. */
static t_op convict(const wr_graph *graph, const wr_identity *by, const wr_identity *accused) {
    static const uint8_t piece[2][80] = {{1}, {2}};
    uint8_t bytes[512];
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_buf body = WR_BUF_ARRAY(bytes);
    const wr_equiv equiv = {.kind = WR_EQUIV_OPS,
                            .device_id = accused->device_id,
                            .evidence = {wr_slice_of(piece[0], 80), wr_slice_of(piece[1], 80)},
                            .cuts = WR_OP_LIST_NONE};
    T_OK(wr_equiv_encode(&equiv, &body));
    t_op next = t_next(graph, by, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    header.type = WR_OP_EQUIV;
    header.body = wr_buf_slice(&body);
    return t_forge(&header, parents, by);
}

static bool is_convicted(const wr_graph *graph, const wr_identity *device) {
    bool convicted = wr_graph_is_convicted(graph, &device->device_id);
    T_EQ(wr_graph_find(graph, &device->device_id)->current, !convicted);
    return convicted;
}

/* ---- an author that forks ---- */

/* The admin is the accomplice, the member the accused. */
typedef struct fork_story {
    t_circle *c; /* what all know before */
    wr_identity voter[VOTERS];
    t_op op[OPS_MAX]; /* .. and what comes then, parents first */
    uint32_t count;
    uint32_t said;     /* the accomplice's EQUIV */
    uint32_t own[2];   /* those of others */
    uint32_t repeated; /* one that is to be refused */
    bool voided;
} fork_story;

static wr_graph *view_of(const t_circle *c) {
    wr_graph *view = t_copy_of(c);
    wr_graph_set_evidence(view, believe);
    return view;
}

static void admit_any(wr_graph *graph, const t_op *op, bool *ret_waits, bool *ret_refused) {
    wr_err err = t_admit(graph, op);
    if (err == WR_ERR_FORK)
        err = wr_graph_admit_branch(graph, t_op_slice(op), &op->sig);
    *ret_waits = err == WR_ERR_UNKNOWN;
    *ret_refused = err == WR_ERR_REFUSED;
    T_TRUE(err == WR_OK || *ret_waits || *ret_refused);
}

static uint32_t put(fork_story *story, wr_graph *view, t_op op) {
    bool waits, refused;
    admit_any(view, &op, &waits, &refused);
    T_FALSE(waits || refused);
    T_TRUE(story->count < OPS_MAX);
    story->op[story->count] = op;
    return story->count++;
}

static void put_votes(fork_story *story, wr_graph *view, uint32_t first, uint32_t count) {
    for (uint32_t i = first; i < first + count; i++)
        (void)put(story, view, t_next(view, &story->voter[i], WR_OP_ACK, wr_slice_str("\x91\x90")));
}

/* The accomplice says it, and something else at the same place; then others say it, one that
 * stands on what the accomplice said, and one that stands on all. */
static void tell_story(fork_story *story, uint32_t for_it, uint32_t against_it) {
    const t_circle *c = story->c;
    WR_AUTO(wr_graph) left = view_of(c);
    WR_AUTO(wr_graph) right = view_of(c);
    WR_AUTO(wr_graph) all = view_of(c);
    story->count = 0;
    story->voided = for_it <= against_it;
    story->said = put(story, left, convict(left, &c->admin, &c->member));
    T_TRUE(is_convicted(left, &c->member));
    put_votes(story, left, 0, for_it);
    (void)put(story, right, t_next(right, &c->admin, WR_OP_ACK, wr_slice_str("\x91\x90")));
    put_votes(story, right, VOTERS / 2, against_it);
    for (uint32_t i = 0; i < story->count; i++) {
        bool waits, refused;
        admit_any(all, &story->op[i], &waits, &refused);
        T_FALSE(waits || refused);
    }
    T_EQ(is_convicted(all, &c->member), !story->voided);
    wr_hash accused;
    wr_slice bytes;
    uint32_t at = 0;
    T_EQ(wr_graph_next_void_equiv(all, &at, &accused, &bytes), story->voided);
    if (story->voided) {
        T_MEM(accused.b, c->member.device_id.b, sizeof accused.b);
        T_EQ(bytes.len, story->op[story->said].len);
        T_FALSE(wr_graph_next_void_equiv(all, &at, &accused, &bytes));
    }
    story->own[0] = put(story, all, convict(all, &c->founder, &c->member));
    T_TRUE(is_convicted(all, &c->member));
    story->own[1] = story->own[0];
    if (for_it > 0)
        story->own[1] = put(story, left, convict(left, &story->voter[0], &c->member));
    T_TRUE(story->count < OPS_MAX);
    story->repeated = story->count;
    story->op[story->count++] = convict(all, &c->founder, &c->member);
}

static void deliver(const fork_story *story, const wr_rng *rng) {
    WR_AUTO(wr_graph) graph = view_of(story->c);
    bool done[OPS_MAX] = {false};
    for (uint32_t left = story->count; left > 0;) {
        uint32_t i = wr_rng_below(rng, story->count);
        bool waits, refused;
        if (done[i])
            continue;
        admit_any(graph, &story->op[i], &waits, &refused);
        if (waits)
            continue;
        T_EQ(refused, i == story->repeated);
        done[i] = true;
        left--;
    }
    T_EQ(wr_graph_label(graph, &story->op[story->said].id),
         story->voided ? WR_LABEL_OP_OUT : WR_LABEL_OP_IN);
    for (size_t i = 0; i < WR_COUNT(story->own); i++)
        T_EQ(wr_graph_label(graph, &story->op[story->own[i]].id), WR_LABEL_OP_IN);
    T_TRUE(is_convicted(graph, &story->c->member));
    T_TRUE(wr_graph_find(graph, &story->c->admin.device_id)->current);
}

/* spec:circle#3.11 type=test "An EQUIV MUST be refused if one of the same author and accused is in
 * its past." */
static void an_author_that_forks_protects_nobody(void **state) {
    static fork_story story;
    wr_rng rng = t_rng(41);
    story.c = *state;
    for (uint32_t i = 0; i < VOTERS; i++) {
        story.voter[i] = t_device(20 + i);
        (void)t_add(story.c->graph, &story.c->founder, &story.voter[i], WR_ROLE_MEMBER);
        (void)t_ack(story.c->graph, &story.voter[i]);
    }
    (void)t_ack(story.c->graph, &story.c->admin);
    for (uint32_t for_it = 0; for_it <= VOTERS / 2; for_it++) {
        for (uint32_t against_it = 0; against_it <= VOTERS / 2; against_it++) {
            tell_story(&story, for_it, against_it);
            for (uint32_t i = 0; i < ORDERS; i++)
                deliver(&story, &rng);
        }
    }
}

/* ---- one that the guard holds ---- */

/* It was covered while it did nothing, as its accused was out already. */
static void one_that_is_held_later_prevents_none(void **state) {
    t_circle *c = *state;
    wr_identity third = t_device(11);
    wr_key recovery = t_recovery();
    uint8_t bytes[256];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_graph_set_evidence(c->graph, believe);
    (void)t_add(c->graph, &c->founder, &third, WR_ROLE_ADMIN);
    (void)t_ack(c->graph, &third);
    (void)t_ack(c->graph, &c->admin);
    WR_AUTO(wr_graph) past = view_of(c);
    t_op theirs = convict(past, &c->admin, &c->member);
    t_op accusation = t_remove_aside(past, &c->founder, &c->admin);
    t_op fallen = t_remove(c->graph, &third, &c->member, WR_REASON_LOST);
    T_OK(t_admit(c->graph, &accusation));
    T_OK(t_admit(c->graph, &theirs));
    T_FALSE(t_is_held(c, &theirs));
    (void)t_ack(c->graph, &c->founder);
    t_remove_body(&third, WR_REASON_LOST, &body);
    t_op root = t_root_op(past, &recovery, WR_OP_REMOVE, wr_buf_slice(&body));
    T_OK(t_admit(c->graph, &root));
    T_EQ(wr_graph_label(c->graph, &fallen.id), WR_LABEL_OP_OUT);
    T_TRUE(t_is_held(c, &theirs));
    T_FALSE(is_convicted(c->graph, &c->member));
    wr_hash accused;
    wr_slice said;
    uint32_t at = 0;
    T_FALSE(wr_graph_next_void_equiv(c->graph, &at, &accused, &said)); /* the owner decides */

    t_op ours = convict(c->graph, &c->founder, &c->member);
    T_OK(t_admit(c->graph, &ours));
    T_TRUE(wr_graph_covers(c->graph, &ours.id, 1, &theirs.id, 1));
    T_TRUE(is_convicted(c->graph, &c->member));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, t_circle_start, t_circle_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_author_that_forks_protects_nobody),
        TEST(one_that_is_held_later_prevents_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
