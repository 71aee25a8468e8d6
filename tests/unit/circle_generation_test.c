/* RESET: a new generation, and what is left of the one before.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/generations.h"
#include "unit/circle_reset.h"

static bool is_member(const wr_generations *g, const wr_identity *device) {
    const wr_member *member = wr_graph_find(wr_generations_current(g), &device->device_id);
    return member != NULL && wr_member_is_in(member);
}

static uint32_t number_of(const wr_generations *g, const t_op *op) {
    uint32_t number = UINT32_MAX;
    T_TRUE(wr_generations_find(g, &op->id, &number));
    return number;
}

static wr_graph *current(const wr_generations *g) {
    return wr_generations_current(g);
}

static void refused(wr_generations *g, const t_op *op, wr_err err) {
    wr_hash before = t_generations_state(g);
    T_ERR(t_generations_admit(g, op), err);
    wr_hash after = t_generations_state(g);
    T_MEM(before.b, after.b, sizeof before.b);
}

/* Founder, admin and member of the fixture, and a RESET that keeps the first two. */
typedef struct world {
    t_circle *c;
    wr_generations *g;
    t_reset_plan plan;
    t_op reset;
} world;

static world *start(void **state) {
    world *w = test_calloc(1, sizeof *w);
    w->c = *state;
    w->g = t_generations_of(w->c->graph);
    w->plan = (t_reset_plan){.hlc = 1};
    w->plan.keep[0] = &w->c->founder;
    w->plan.keep[1] = &w->c->admin;
    w->plan.gone[0] = &w->c->member;
    w->plan.epochs[0] = w->c->epoch.id;
    w->reset = t_reset(w->c->graph, &w->plan);
    *state = w->c;
    return w;
}

static void stop(world *w) {
    wr_generations_free(w->g);
    test_free(w);
}

/* spec:circle#2.6 type=test "Ops of all other graphs MUST NOT have any effect on members, roles and
 * epochs to write under." */
static void a_reset_founds_a_generation_of_those_it_keeps(void **state) {
    world *w = start(state);
    wr_hash circle = *wr_graph_circle_id(current(w->g));
    uint64_t version = wr_graph_version(current(w->g));
    w->plan.role[0] = WR_ROLE_MEMBER;
    w->plan.role[1] = WR_ROLE_ADMIN;
    t_op reset = t_reset(w->c->graph, &w->plan);
    T_OK(t_generations_admit(w->g, &reset));
    T_EQ(wr_generations_count(w->g), 2);
    T_EQ(number_of(w->g, &reset), 1);
    const wr_graph *now = current(w->g);
    T_EQ(wr_graph_generation(now), 1);
    T_TRUE(wr_graph_older(now) == wr_generations_at(w->g, 0));
    T_TRUE(wr_graph_version(now) > version);
    T_MEM(wr_graph_circle_id(now)->b, circle.b, sizeof circle.b);
    T_EQ(wr_graph_op_count(now), 1);
    T_EQ(wr_graph_current_count(now), 2);
    T_EQ(wr_graph_find(now, &w->c->founder.device_id)->role, WR_ROLE_MEMBER);
    T_EQ(wr_graph_find(now, &w->c->admin.device_id)->role, WR_ROLE_ADMIN);
    T_FALSE(is_member(w->g, &w->c->member));
    T_EQ(wr_graph_epoch_count(now), 0);
    T_TRUE(t_ack_due(now, &w->c->founder));
    refused(w->g, &reset, WR_ERR_EXISTS);

    /* Numbers start anew, and the height does not. */
    t_op ack = t_ack(current(w->g), &w->c->admin);
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_op header = t_header(&ack, parents);
    T_EQ(header.gen, 1);
    T_EQ(header.aseq, 0);
    T_MEM(parents[0].b, reset.id.b, sizeof reset.id.b);
    T_FALSE(t_ack_due(now, &w->c->admin));
    t_op epoch = t_epoch(current(w->g), &w->c->admin, 9);
    wr_epoch_ref old = t_epoch_ref(w->c->graph, &w->c->epoch.id);
    T_TRUE(t_epoch_ref(now, &epoch.id).height > old.height);
    T_TRUE(t_epoch_ref(now, &epoch.id).for_members);
    stop(w);
}

/* An ADMIN signs what ROOT would have to, with the number of its own chain or with ROOT's name.
 * spec:circle#3.12 type=test "A RESET of any author but ROOT MUST be refused."
 * spec:circle#2.6 type=test "The parents of an op MUST be ops of its own generation, and those of a
 * RESET of the one before." */
static void only_root_resets_and_only_the_generation_before(void **state) {
    world *w = start(state);
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_op header = t_header(&w->reset, parents);
    t_op bad = t_forge(&header, parents, &w->c->founder);
    refused(w->g, &bad, WR_ERR_AUTH);
    t_op last = t_next(w->c->graph, &w->c->founder, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_hash own_parents[WR_OP_PARENTS_MAX];
    wr_op own = t_header(&last, own_parents);
    own.gen = 1;
    own.type = WR_OP_RESET;
    own.body = header.body;
    bad = t_forge(&own, own_parents, &w->c->founder);
    refused(w->g, &bad, WR_ERR_REFUSED);
    for (uint64_t gen = 0; gen < 4; gen += 2) {
        wr_op other = header;
        other.gen = gen;
        bad = t_forge_root(&other, parents);
        refused(w->g, &bad, WR_ERR_REFUSED);
    }
    T_OK(t_generations_admit(w->g, &w->reset));
    t_op ack = t_ack(current(w->g), &w->c->admin);
    header = t_header(&ack, parents);
    header.gen = 0; /* the old number on the new graph */
    bad = t_forge(&header, parents, &w->c->founder);
    refused(w->g, &bad, WR_ERR_REFUSED);
    header.gen = 1;
    parents[1] = w->c->genesis.id; /* one parent in either */
    wr_hash_sort(parents, 2);
    header.parent_count = 2;
    bad = t_forge(&header, parents, &w->c->admin);
    refused(w->g, &bad, WR_ERR_REFUSED);
    header.parent_count = 1;
    parents[0] = (wr_hash){{7}};
    bad = t_forge(&header, parents, &w->c->admin);
    refused(w->g, &bad, WR_ERR_UNKNOWN);
    stop(w);
}

/* spec:circle#2.2 type=test "An op of ROOT MUST verify under the recovery key that holds in its
 * past." */
static void a_replaced_recovery_key_resets_nothing_on_top_of_its_end(void **state) {
    world *w = start(state);
    t_op before = t_reset(w->c->graph, &w->plan);
    t_op set = t_rootset(w->c->graph, 5);
    T_OK(t_admit(w->c->graph, &set));
    T_OK(t_generations_admit(w->g, &set));
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_op header = t_header(&before, parents);
    header.parent_count = 1;
    parents[0] = set.id;
    t_op bad = t_forge_root(&header, parents);
    refused(w->g, &bad, WR_ERR_AUTH);
    w->plan.recovery = 5;
    t_op good = t_reset(w->c->graph, &w->plan);
    T_OK(t_generations_admit(w->g, &good));

    /* The key of the RESET's body holds from then on. */
    wr_key words = {{9}};
    w->plan.new_recovery = 9;
    w->plan.hlc = 100;
    good = t_reset(w->c->graph, &w->plan);
    T_OK(t_generations_admit(w->g, &good));
    wr_root root;
    wr_recovery_root(&words, &root);
    T_MEM(wr_graph_root(current(w->g))->sign.b, root.sign.b, sizeof root.sign.b);
    w->plan.recovery = 9;
    t_op next = t_reset(current(w->g), &w->plan);
    T_OK(t_generations_admit(w->g, &next));
    T_EQ(wr_graph_generation(current(w->g)), 2);
    stop(w);
}

/* spec:circle#2.6 type=test "Of several RESETs that end one graph the one with the greatest (hlc,
 * op id) MUST count." */
static void of_two_resets_the_greater_one_counts(void **state) {
    world *w = start(state);
    t_reset_plan other = w->plan;
    other.hlc = 2;
    other.keep[1] = &w->c->member;
    other.gone[0] = &w->c->admin;
    t_op greater = t_reset(w->c->graph, &other);
    wr_generations *b = t_generations_of(w->c->graph);
    T_OK(t_generations_admit(w->g, &w->reset));
    /* Under the smaller one life goes on, and even ends in another RESET. */
    t_op ack = t_ack(current(w->g), &w->c->admin);
    t_op epoch = t_epoch(current(w->g), &w->c->admin, 9);
    t_reset_plan third = w->plan;
    third.hlc = 50;
    t_op last = t_reset(current(w->g), &third);
    T_OK(t_generations_admit(w->g, &last));
    T_EQ(wr_graph_generation(current(w->g)), 2);
    T_OK(t_generations_admit(w->g, &greater));
    T_EQ(wr_graph_generation(current(w->g)), 1);
    T_TRUE(is_member(w->g, &w->c->member));
    T_FALSE(is_member(w->g, &w->c->admin));
    T_EQ(wr_graph_epoch_count(current(w->g)), 0);

    T_OK(t_generations_admit(b, &greater));
    T_OK(t_generations_admit(b, &w->reset));
    T_FALSE(is_member(b, &w->c->admin));
    T_OK(t_generations_admit(b, &ack));
    T_OK(t_generations_admit(b, &epoch));
    T_OK(t_generations_admit(b, &last));
    wr_hash ours = t_generations_state(w->g), theirs = t_generations_state(b);
    T_MEM(ours.b, theirs.b, sizeof ours.b);
    ours = wr_generations_heads_digest(w->g);
    theirs = wr_generations_heads_digest(b);
    T_MEM(ours.b, theirs.b, sizeof ours.b);

    /* What was written under the epoch of the smaller one stays readable. */
    wr_hash commit;
    wr_key secret = {{9}};
    wr_hash want = wr_epoch_commit(&secret, wr_graph_circle_id(current(b)));
    T_TRUE(wr_generations_epoch_commit(b, &epoch.id, &commit));
    T_MEM(commit.b, want.b, sizeof want.b);
    wr_generations_free(b);
    stop(w);
}

/* What ROOT did not know is void, also a removal; a RESET by who knew it bars nobody it keeps. */
static void what_a_reset_did_not_know_is_void(void **state) {
    world *w = start(state);
    wr_graph *old = wr_generations_at(w->g, 0);
    wr_identity late = t_device(30);
    t_op add = t_add(w->c->graph, &w->c->admin, &late, WR_ROLE_ADMIN);
    t_op remove = t_remove(w->c->graph, &w->c->founder, &w->c->admin, WR_REASON_LOST);
    t_op epoch = t_epoch(w->c->graph, &w->c->founder, 8);
    T_OK(t_generations_admit(w->g, &add));
    T_OK(t_generations_admit(w->g, &remove));
    T_FALSE(is_member(w->g, &w->c->admin));
    T_OK(t_generations_admit(w->g, &w->reset)); /* stale */
    T_TRUE(is_member(w->g, &w->c->admin));
    T_FALSE(is_member(w->g, &late));
    T_OK(t_generations_admit(w->g, &epoch)); /* taken, without effect */
    T_EQ(number_of(w->g, &epoch), 0);
    T_TRUE(is_member(w->g, &w->c->admin));
    wr_hash commit;
    T_TRUE(wr_generations_epoch_commit(w->g, &epoch.id, &commit));
    T_FALSE(wr_graph_may_name_epoch(current(w->g), &epoch.id));
    T_TRUE(wr_graph_may_name_epoch(current(w->g), &w->c->epoch.id));

    /* Its keys are free: nobody who counts has added it. */
    (void)t_add(current(w->g), &w->c->founder, &late, WR_ROLE_MEMBER);
    T_TRUE(is_member(w->g, &late));

    /* Barred in the one, kept by who knew: a member without a bar in the next. */
    T_TRUE(wr_graph_find(old, &w->c->admin.device_id)->barred);
    w->plan.hlc = 90;
    t_op knowing = t_reset(old, &w->plan);
    T_OK(t_generations_admit(w->g, &knowing));
    T_TRUE(is_member(w->g, &w->c->admin));
    (void)t_remove(current(w->g), &w->c->admin, &w->c->founder, WR_REASON_LOST);
    T_FALSE(is_member(w->g, &w->c->founder));
    stop(w);
}

/* spec:circle#3.2 type=test "The device id and the keys of an added certificate MUST NOT occur in a
 * certificate of the op's past." */
static void keys_of_any_generation_are_never_added_again(void **state) {
    world *w = start(state);
    wr_identity stranger = t_device(40);
    w->plan.gone[1] = &stranger; /* of whom only the RESET says it */
    t_op reset = t_reset(w->c->graph, &w->plan);
    T_OK(t_generations_admit(w->g, &reset));
    const wr_identity *used[] = {&w->c->member, &w->c->admin, &stranger};
    for (size_t i = 0; i < WR_COUNT(used); i++) {
        wr_identity again = t_device(50 + i);
        t_take_key(&again, used[i]);
        T_ERR(t_try_add(current(w->g), &w->c->founder, &again), WR_ERR_REFUSED);
        T_ERR(t_try_add(current(w->g), &w->c->founder, used[i]), WR_ERR_REFUSED);
    }
    /* Two generations later, too, and of a device that nobody lists any more. */
    w->plan.gone[0] = w->plan.gone[1] = NULL;
    for (int i = 0; i < 2; i++) {
        t_op next = t_reset(current(w->g), &w->plan);
        T_OK(t_generations_admit(w->g, &next));
    }
    T_EQ(wr_graph_generation(current(w->g)), 3);
    T_ERR(t_try_add(current(w->g), &w->c->founder, &w->c->member), WR_ERR_REFUSED);
    T_ERR(t_try_add(current(w->g), &w->c->founder, &stranger), WR_ERR_REFUSED);
    wr_identity fresh = t_device(60);
    T_OK(t_try_add(current(w->g), &w->c->founder, &fresh));
    stop(w);
}

/* spec:circle#3.5 type=test "Each earlier epoch that an EPOCH names MUST be an EPOCH op in its
 * past, or be listed by a RESET in it." */
static void an_epoch_leads_back_over_a_reset(void **state) {
    world *w = start(state);
    wr_hash listed = {{77}}, commit;
    t_op voided = t_epoch(w->c->graph, &w->c->founder, 8);
    T_OK(t_generations_admit(w->g, &voided));
    w->plan.epochs[1] = listed;
    T_OK(t_generations_admit(w->g, &w->reset)); /* made before the EPOCH */
    T_ERR(t_try_epoch(current(w->g), &w->c->founder, &voided.id), WR_ERR_REFUSED);
    T_ERR(t_try_epoch(current(w->g), &w->c->founder, &listed), WR_ERR_REFUSED);
    T_OK(t_try_epoch(current(w->g), &w->c->founder, &w->c->epoch.id));
    w->plan.hlc = 99;
    t_op listing = t_reset(wr_generations_at(w->g, 0), &w->plan);
    T_OK(t_generations_admit(w->g, &listing));
    T_OK(t_try_epoch(current(w->g), &w->c->founder, &listed));
    T_TRUE(wr_generations_epoch_commit(w->g, &listed, &commit));
    T_FALSE(wr_generations_epoch_commit(w->g, &(wr_hash){{78}}, &commit));
    stop(w);
}

/* ---- evidence ---- */

static wr_err believe(const wr_equiv *equiv, const wr_hash *circle_id, const wr_pub *sign_pk) {
    (void)equiv;
    (void)circle_id;
    (void)sign_pk;
    return WR_OK;
}

static wr_slice evidence_of(const t_op *op, uint8_t bytes[1024]) {
    wr_buf out = wr_buf_of(bytes, 1024);
    T_OK(wr_buf_put(&out, t_op_slice(op)));
    T_OK(wr_buf_put(&out, WR_SLICE_OBJ(op->sig)));
    return wr_buf_slice(&out);
}

/* An EQUIV of two ops of the admin, by the founder. */
static wr_err try_equiv_in(const wr_graph *graph, world *w, const t_op *a, const t_op *b) {
    uint8_t bytes[2][1024], body_bytes[4096], op_bytes[8192];
    wr_buf body = WR_BUF_ARRAY(body_bytes), out = WR_BUF_ARRAY(op_bytes);
    wr_sig sig;
    bool swap = wr_order(t_op_slice(a), t_op_slice(b)) > 0;
    wr_equiv equiv = {
        .kind = WR_EQUIV_OPS,
        .device_id = w->c->admin.device_id,
        .evidence = {evidence_of(swap ? b : a, bytes[0]), evidence_of(swap ? a : b, bytes[1])}};
    T_OK(wr_equiv_encode(&equiv, &body));
    return wr_graph_author(graph, &w->c->founder, WR_OP_EQUIV, wr_buf_slice(&body), 1, &out, &sig);
}

static wr_err try_equiv(world *w, const t_op *a, const t_op *b) {
    return try_equiv_in(current(w->g), w, a, b);
}

static t_op another(const t_op *op, const wr_identity *signer) {
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_op header = t_header(op, parents);
    header.hlc++;
    return t_forge(&header, parents, signer);
}

/* spec:circle#3.11 type=test "Both ops of kind 1 MUST be of the EQUIV's generation, and in a
 * generation behind the first each MUST name a parent in the EQUIV's past." */
static void only_ops_of_one_graph_contradict_each_other(void **state) {
    world *w = start(state);
    t_op old = t_ack(w->c->graph, &w->c->admin), old_other = another(&old, &w->c->admin);
    wr_graph_set_evidence(wr_generations_at(w->g, 0), believe);
    T_OK(t_generations_admit(w->g, &old));
    T_OK(try_equiv(w, &old, &old_other));
    T_OK(t_generations_admit(w->g, &w->reset));
    T_ERR(try_equiv(w, &old, &old_other), WR_ERR_REFUSED);
    t_op smaller = t_ack(current(w->g), &w->c->admin);
    t_op smaller_other = another(&smaller, &w->c->admin);
    T_OK(try_equiv(w, &smaller, &smaller_other));
    w->plan.hlc = 5;
    t_op greater = t_reset(w->c->graph, &w->plan);
    T_OK(t_generations_admit(w->g, &greater));
    t_op after = t_ack(current(w->g), &w->c->admin);
    t_op after_other = another(&after, &w->c->admin);
    T_ERR(try_equiv(w, &smaller, &after), WR_ERR_REFUSED);
    T_ERR(try_equiv(w, &after, &smaller_other), WR_ERR_REFUSED);
    T_OK(try_equiv(w, &after, &after_other));
    T_ERR(try_equiv_in(wr_generations_at(w->g, 0), w, &after, &after_other), WR_ERR_REFUSED);
    stop(w);
}

/* ---- orders ---- */

#define ALL_OPS 24u
#ifdef __SANITIZE_ADDRESS__ /* clears megabytes for each graph */
#define ORDERS 100u
#else
#define ORDERS 1000u
#endif

typedef struct history {
    t_op op[ALL_OPS];
    uint32_t count;
} history;

static void put(history *h, const t_op *op) {
    T_TRUE(h->count < ALL_OPS);
    h->op[h->count++] = *op;
}

static void put_graph(history *h, const wr_graph *graph) {
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++) {
        wr_op_ref ref = wr_graph_op(graph, i);
        t_op op = {.len = ref.bytes.len, .sig = *ref.sig, .id = ref.id};
        memcpy(op.bytes, ref.bytes.ptr, ref.bytes.len);
        put(h, &op);
    }
}

/* Two RESETs with lives of their own, one of them stale; each ends in another one. */
static void live(world *w, history *h) {
    t_reset_plan plan = w->plan;
    wr_identity new_device = t_device(31);
    (void)t_add(w->c->graph, &w->c->admin, &new_device, WR_ROLE_MEMBER);
    (void)t_epoch(w->c->graph, &w->c->founder, 7);
    (void)t_remove(w->c->graph, &w->c->founder, &w->c->member, WR_REASON_RETIRED);
    plan.hlc = 5;
    t_op resets[4] = {w->reset, t_reset(w->c->graph, &plan)};
    for (uint32_t i = 0; i < 2; i++) {
        wr_generations *g = t_generations_of(w->c->graph);
        T_OK(t_generations_admit(g, &resets[i]));
        (void)t_ack(current(g), &w->c->admin);
        (void)t_epoch(current(g), &w->c->founder, (uint8_t)(10 + i));
        plan.hlc = 20 - i; /* the greater one of all, under the smaller one */
        resets[2 + i] = t_reset(current(g), &plan);
        put_graph(h, current(g));
        T_OK(t_generations_admit(g, &resets[2 + i]));
        (void)t_ack(current(g), &w->c->founder);
        put_graph(h, current(g));
        wr_generations_free(g);
    }
    put_graph(h, w->c->graph);
}

static uint32_t below(wr_rng *rng, uint32_t end) {
    uint8_t bytes[4];
    wr_rng_fill(rng, bytes, sizeof bytes);
    return wr_load_u32(bytes) % end;
}

/* What cannot come in yet is tried again, as the pool of a session does. */
static wr_generations *deliver(const history *h, wr_rng *rng) {
    wr_generations *g;
    uint32_t order[ALL_OPS] = {0};
    bool done[ALL_OPS] = {false};
    T_OK(wr_generations_new(&g));
    for (uint32_t i = 0; i < h->count; i++) {
        uint32_t at = below(rng, i + 1);
        order[i] = order[at];
        order[at] = i;
    }
    for (bool any = true; any;) {
        any = false;
        for (uint32_t i = 0; i < h->count; i++) {
            uint32_t n = order[i];
            if (done[n])
                continue;
            wr_err err = t_generations_admit(g, &h->op[n]);
            T_TRUE(err == WR_OK || err == WR_ERR_UNKNOWN);
            done[n] = err == WR_OK;
            any = any || done[n];
        }
    }
    T_EQ(wr_generations_op_count(g), h->count);
    return g;
}

/* As a store gives them back: in the order of admission. */
static wr_generations *load(const wr_generations *from) {
    wr_generations *g;
    T_OK(wr_generations_new(&g));
    for (uint32_t i = 0; i < wr_generations_op_count(from); i++) {
        uint32_t number;
        wr_op_ref op = wr_generations_op(from, i, &number);
        T_OK(wr_generations_admit(g, op.bytes, op.sig, true));
    }
    return g;
}

/* spec:circle#2.6 type=test "The digest of the op heads MUST cover all graphs, by generation and by
 * the id of the RESET." */
static void all_orders_lead_to_one_state(void **state) {
    world *w = start(state);
    history *h = test_calloc(1, sizeof *h);
    wr_rng rng = t_rng(77);
    live(w, h);
    wr_hash want = {{0}};
    for (uint32_t run = 0; run < ORDERS; run++) {
        wr_generations *g = deliver(h, &rng);
        wr_hash got = t_generations_state(g);
        if (run == 0)
            want = got;
        T_MEM(got.b, want.b, sizeof got.b);
        T_EQ(wr_generations_count(g), 5);
        T_EQ(wr_graph_generation(current(g)), 2);
        if (run % 100 == 0) {
            wr_generations *loaded = load(g);
            got = t_generations_state(loaded);
            T_MEM(got.b, want.b, sizeof got.b);
            wr_generations_free(loaded);
        }
        wr_generations_free(g);
    }
    test_free(h);
    stop(w);
}

/* Adds devices until one is refused; returns how many came. */
static uint32_t fill(wr_generations *g, const wr_identity *sponsor, uint64_t seed) {
    for (uint32_t count = 0;; count++) {
        wr_identity device = t_device(seed + count);
        uint8_t bytes[2048];
        wr_buf body = WR_BUF_ARRAY(bytes);
        t_add_body(wr_graph_circle_id(current(g)), sponsor, &device, WR_ROLE_MEMBER, &body);
        t_op add = t_next(current(g), sponsor, WR_OP_ADD, wr_buf_slice(&body));
        if (!wr_generations_has_places(g, t_op_slice(&add))) {
            refused(g, &add, WR_ERR_LIMIT);
            return count;
        }
        T_OK(t_generations_admit(g, &add));
        body = WR_BUF_ARRAY(bytes);
        t_remove_body(&device, WR_REASON_RETIRED, &body);
        t_op remove = t_next(current(g), sponsor, WR_OP_REMOVE, wr_buf_slice(&body));
        T_OK(t_generations_admit(g, &remove));
    }
}

/* spec:circle#2.6 type=test "Of these places the last 128 / 2^gen, rounded down, MUST be kept from
 * the ADDs of members of generation gen." */
static void who_takes_all_places_does_not_prevent_a_new_beginning(void **state) {
    world *w = start(state);
    wr_identity device = t_device(31);
    uint32_t had = wr_generations_device_count(w->g);
    T_EQ(fill(w->g, &w->c->admin, 1000) + had, 128);
    w->plan.keep[2] = &device;
    t_op reset = t_reset(current(w->g), &w->plan);
    T_OK(t_generations_admit(w->g, &reset));
    T_TRUE(is_member(w->g, &device));
    T_EQ(fill(w->g, &w->c->founder, 2000), 192 - 129);
    stop(w);
}

/* What comes into a graph that has ended may come before its RESET elsewhere. */
static void what_is_told_of_devices_does_not_depend_on_the_order(void **state) {
    world *w = start(state);
    wr_identity device = t_device(31);
    w->plan.keep[2] = &device; /* who resets may know what the RESET does not stand on */
    w->plan.gone[0] = NULL;
    wr_generations *g[2];
    const wr_member *told[2];
    wr_graph *root;
    T_OK(wr_graph_new(&root));
    t_op ops[] = {t_found(root, &w->c->founder), t_reset(root, &w->plan),
                  t_add(root, &w->c->founder, &device, WR_ROLE_MEMBER)};
    for (size_t n = 0; n < WR_COUNT(g); n++) {
        T_OK(wr_generations_new(&g[n]));
        for (size_t i = 0; i < WR_COUNT(ops); i++) /* the last two in either order */
            T_OK(t_generations_admit(g[n], &ops[i == 0 || n == 0 ? i : 3 - i]));
        told[n] = wr_generations_device(g[n], &device.device_id);
    }
    T_FALSE(wr_generations_is_pq(g[0]));
    T_FALSE(wr_generations_is_pq(g[1]));
    T_EQ(told[0]->added_hlc, told[1]->added_hlc);
    T_EQ(told[0]->mode, told[1]->mode);
    for (size_t n = 0; n < WR_COUNT(g); n++)
        wr_generations_free(g[n]);
    wr_graph_free(root);
    stop(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reset_founds_a_generation_of_those_it_keeps,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(only_root_resets_and_only_the_generation_before,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(a_replaced_recovery_key_resets_nothing_on_top_of_its_end,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(of_two_resets_the_greater_one_counts, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(what_a_reset_did_not_know_is_void, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(keys_of_any_generation_are_never_added_again,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(an_epoch_leads_back_over_a_reset, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(only_ops_of_one_graph_contradict_each_other, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(who_takes_all_places_does_not_prevent_a_new_beginning,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(what_is_told_of_devices_does_not_depend_on_the_order,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(all_orders_lead_to_one_state, t_circle_start,
                                        t_circle_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
