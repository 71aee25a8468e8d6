/* A RESET between devices: who is behind follows, what was written stays readable, and who was not
 * kept is gone.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_circle_world.h"

#include "circle/generations.h"
#include "engine/self_reset.h"
#include "engine_seeds.h"

static uint64_t generation(const device *d) {
    return wr_graph_generation(wr_self_graph(d->self));
}

static bool is_member(const device *at, const device *whose) {
    const wr_member *member = wr_graph_find(wr_self_graph(at->self), &whose->identity.device_id);
    return member != NULL && wr_member_is_in(member);
}

static void assert_same_ops(device *x, device *y) {
    wr_hash of_x = wr_generations_heads_digest(wr_self_generations(x->self));
    wr_hash of_y = wr_generations_heads_digest(wr_self_generations(y->self));
    T_MEM(of_x.b, of_y.b, sizeof of_x.b);
    T_EQ(generation(x), generation(y));
}

static void settle(device *d) {
    T_OK(wr_self_ack(d->self, world_now));
    (void)drain(d);
}

/* ---- where nothing else is left ---- */

static wr_err remove_by_root(device *by, const device *target) {
    wr_sign_key root = root_key(99);
    wr_removal removal = {.targets = &target->identity.device_id,
                          .target_count = 1,
                          .reason = WR_REASON_LOST,
                          .root = &root};
    wr_err err = wr_self_remove(by->self, &removal, world_now);
    (void)drain(by);
    return err;
}

/* What c strikes is void, and covered, until d voids what voided it.  The guard of a holds it then,
 * but what a signs has it in its past: only ROOT's word is left to it. */
static void who_covered_what_is_held_has_the_words(void **state) {
    (void)state;
    device *d = device_new(9);
    add_device(a, d);
    wr_self_confirm(d->self);
    settle(d);
    meet(d, a, 1);
    meet(a, b, 2);
    meet(a, c, 3);
    remove_it(b, c, WR_REASON_COMPROMISED);
    meet(a, b, 4);
    remove_it(c, a, WR_REASON_LOST);
    tell_ops(c, a);
    settle(a);
    remove_it(d, b, WR_REASON_LOST);
    tell_ops(d, a);
    T_TRUE(is_member(a, a));
    settle(a);
    T_ERR(wr_self_rotate(a->self, world_now), WR_ERR_REFUSED);
    T_OK(remove_by_root(a, d));
    T_FALSE(is_member(a, d));
    T_OK(reset_it(a, NULL, NULL));
    rotate(a);
    device_free(d);
}

/* ---- two epochs with one tag ---- */

/* ROOT may list any id, as others may find one by much hashing. */
static void list_epoch(device *d, const wr_hash *epoch_id, const wr_key *secret) {
    wr_sign_key root = root_key(99);
    uint8_t cert_bytes[512], items[2][512], body_bytes[2048], op_bytes[4096];
    wr_buf cert = WR_BUF_ARRAY(cert_bytes), keep = WR_BUF_ARRAY(items[0]);
    wr_buf epochs = WR_BUF_ARRAY(items[1]), body = WR_BUF_ARRAY(body_bytes);
    wr_buf op = WR_BUF_ARRAY(op_bytes);
    const wr_graph *graph = wr_self_graph(d->self);
    wr_reset reset = {.root = *wr_graph_root(graph)};
    wr_sig sig;
    T_OK(wr_cert_encode(&d->identity.cert, &cert));
    T_OK(wr_kept_put(&keep, &(wr_kept){wr_buf_slice(&cert), WR_ROLE_ADMIN}));
    wr_reset_epoch epoch = {*epoch_id, wr_epoch_commit(secret, wr_graph_circle_id(graph))};
    T_OK(wr_reset_epoch_put(&epochs, &epoch));
    reset.keep = (wr_op_list){1, wr_buf_slice(&keep)};
    reset.epochs = (wr_op_list){1, wr_buf_slice(&epochs)};
    T_OK(wr_reset_encode(&reset, &body));
    T_OK(wr_graph_author_root(graph, &root, WR_OP_RESET, wr_buf_slice(&body),
                              wr_self_hlc(d->self, world_now), &op, &sig));
    T_OK(wr_self_admit(d->self, wr_buf_slice(&op), &sig, world_now));
    T_OK(wr_self_add_epoch(d->self, epoch_id, secret));
    (void)drain(d);
}

static void both_of_one_tag_are_tried(void **state) {
    (void)state;
    uint8_t bytes[512];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_segment_reader reader;
    wr_entry entry;
    bool more;
    const wr_key secret = {{7}};
    wr_hash other = write_epoch(b);
    append(b, 1);
    other.b[WR_EPOCH_TAG_SIZE] ^= 1;
    list_epoch(b, &other, &secret);
    wr_segment_reader_init(&reader, rows_from(b, b, 0), 0);
    T_OK(wr_segment_next(&reader, &entry, &more));
    T_TRUE(more);
    T_OK(wr_self_open(b->self, feed_at(b, b), &entry, &out));
    entry.nonce[0] ^= 1;
    T_ERR(wr_self_open(b->self, feed_at(b, b), &entry, &out), WR_ERR_AUTH);
}

/* ---- all are kept ---- */

static void a_session_goes_on_over_a_reset(void **state) {
    (void)state;
    wr_link *la, *lb;
    append(b, 3);
    links_new(a, b, 1, &la, &lb);
    T_OK(converse(a, la, b, lb));
    wr_hash before = write_epoch(a);
    T_OK(reset_it(a, NULL, NULL));
    T_EQ(generation(a), 1);
    T_EQ(wr_graph_current_count(wr_self_graph(a->self)), 3);
    T_EQ(wr_graph_find(wr_self_graph(a->self), &b->identity.device_id)->role, WR_ROLE_ADMIN);
    wr_hash after = write_epoch(a);
    T_FALSE(wr_hash_equal(&before, &after));
    append(a, 2);
    T_OK(converse(a, la, b, lb));
    assert_same_ops(a, b);
    assert_equal_replicas(a, b);
    T_TRUE(holds(b, &after));
    wr_hash theirs = write_epoch(b);
    T_MEM(theirs.b, after.b, sizeof after.b);
    settle(b);
    append(b, 2);
    T_OK(converse(a, la, b, lb));
    assert_same_ops(a, b);
    assert_equal_replicas(a, b);
    T_TRUE(wr_link_is_up(la));
    T_TRUE(wr_link_is_up(lb));
    wr_link_free(la);
    wr_link_free(lb);
}

/* What the sleeper did meanwhile is void, and its entries can be read all the same.
 * spec:feed#6.3 type=test "The membership heads of a checkpoint MUST cover those of the one before
 * it, unless it names another graph (circle.md 2.6), which counts here or is of a later
 * generation." */
static void a_sleeper_follows_and_what_it_wrote_is_read(void **state) {
    (void)state;
    append(c, 1);
    meet(a, c, 1);
    T_OK(wr_self_rotate(c->self, world_now)); /* away from the others */
    (void)drain(c);
    wr_hash voided = write_epoch(c);
    append(c, 4);
    T_OK(reset_it(a, NULL, NULL));
    append(a, 2);
    meet(a, b, 2);
    assert_same_ops(a, b);
    meet(b, c, 3); /* by way of b, and c dials nobody */
    meet(c, b, 4);
    assert_same_ops(b, c);
    assert_equal_replicas(b, c);
    T_TRUE(holds(b, &voided));
    T_EQ(feed_at(b, c)->tree.len, 5);
    settle(c);
    append(c, 1); /* its heads are of the new graph now */
    meet(c, a, 5);
    assert_same_ops(a, c);
    assert_equal_replicas(a, c);
    T_TRUE(holds(a, &voided));
    T_EQ(feed_at(a, c)->tree.len, 6);
    wr_hash ours = write_epoch(a), theirs = write_epoch(c);
    T_MEM(ours.b, theirs.b, sizeof ours.b);
    T_FALSE(wr_hash_equal(&ours, &voided));
}

/* What one device has of a graph, and another lacks, as if it had come by a third. */
static void hand_over(device *from, uint32_t number, device *to) {
    const wr_generations *all = wr_self_generations(from->self);
    for (uint32_t i = 0; i < wr_generations_op_count(all); i++) {
        uint32_t of;
        wr_op_ref op = wr_generations_op(all, i, &of);
        if (of == number)
            T_OK(wr_self_admit(to->self, op.bytes, op.sig, world_now));
    }
    (void)drain(to);
}

/* Of c the one knows more of the new graph, the other of the old one: a head that is not known says
 * nothing of another graph, whatever its number.
 * spec:sync#2.2 type=test "The heads of one graph (circle.md 2.6) MUST stand together, behind its
 * RESET, and the other ops of ROOT last; those of the graph of GENESIS come first." */
static void heads_of_one_graph_say_nothing_of_another(void **state) {
    (void)state;
    T_OK(wr_self_rotate(c->self, world_now)); /* void */
    (void)drain(c);
    T_OK(reset_it(a, NULL, NULL));
    meet(a, b, 1);
    hand_over(a, 1, c);
    settle(c);
    for (int i = 0; i < 6; i++) {
        T_OK(wr_self_rotate(c->self, world_now));
        (void)drain(c);
    }
    hand_over(c, 0, a);
    hand_over(c, 1, b);
    meet(a, b, 2);
    assert_same_ops(a, b);
    assert_same_ops(a, c);
}

/* Each was done by somebody who did not know of the other. */
static void of_two_resets_all_come_to_the_greater(void **state) {
    (void)state;
    T_OK(reset_it(a, NULL, NULL));
    append(a, 2);
    (void)wr_self_hlc(b->self, world_now); /* its clock is ahead */
    for (int i = 0; i < 9; i++)
        (void)wr_self_hlc(b->self, world_now);
    T_OK(reset_it(b, NULL, NULL));
    append(b, 2);
    settle(b);
    meet(a, c, 1); /* follows the one first */
    settle(c);
    append(c, 1);
    meet(b, c, 2);
    settle(c);
    append(c, 1);
    meet(a, b, 3);
    meet(a, c, 4);
    meet(b, c, 5);
    meet(a, b, 6);
    assert_same_ops(a, b);
    assert_same_ops(b, c);
    assert_equal_replicas(a, b);
    assert_equal_replicas(b, c);
    T_EQ(wr_generations_count(wr_self_generations(c->self)), 3);
    T_EQ(feed_at(b, c)->tree.len, 2);
    wr_hash ours = write_epoch(a), theirs = write_epoch(b);
    T_MEM(ours.b, theirs.b, sizeof ours.b);
    for (uint32_t i = 0; i < wr_keyring_count(wr_self_keyring(c->self)); i++)
        T_TRUE(holds(b, wr_keyring_epoch(wr_self_keyring(c->self), i)));
    T_EQ(a->alerts + b->alerts + c->alerts, 0); /* nobody contradicted itself */
}

/* ---- not all are kept ---- */

/* spec:circle#4.7 type=test "Of a feed whose writer it does not keep, its cut MUST count and
 * nothing more, in the logs and kept." */
static void who_is_not_kept_is_gone_and_its_feed_is_cut(void **state) {
    (void)state;
    append(b, 3);
    meet(a, b, 1);
    append(b, 2); /* that a does not see */
    meet(b, c, 2);
    wr_link *la, *lb;
    links_new(a, b, 3, &la, &lb);
    T_OK(converse(a, la, b, lb));
    wr_link_free(la);
    wr_link_free(lb);
    append(b, 4);
    links_new(a, b, 4, &la, &lb);
    T_OK(reset_it(a, a, c));
    T_ERR(wr_link_judge(la), WR_ERR_REFUSED);
    T_TRUE(converse(a, la, b, lb) != WR_OK);
    T_FALSE(is_member(a, b));
    wr_link_free(la);
    wr_link_free(lb);
    wr_hash own = a->identity.device_id;
    wr_limit limit =
        wr_graph_limit(wr_self_graph(a->self), &b->identity.device_id, &feed_at(a, b)->feed_id);
    T_EQ(limit.shown, 5);
    T_EQ(limit.kept, 5);
    limit = wr_graph_limit(wr_self_graph(a->self), &own, &feed_at(a, a)->feed_id);
    T_EQ(limit.kept, UINT64_MAX);

    /* Nor is it answered any more, and nothing of it is taken by way of others. */
    meet(a, c, 5);
    assert_same_ops(a, c);
    wr_link *dial = link_dial(b, c, 6), *answer = link_accept(c, 7);
    size_t moved;
    T_ERR(deliver(b, dial, c, answer, PIPE_SIZE, &moved), WR_ERR_REFUSED);
    wr_link_free(dial);
    wr_link_free(answer);
    wr_checkpoint cp;
    const wr_feed *more = feed_at(b, b);
    T_OK(wr_checkpoint_decode(wr_feed_checkpoint(more), &cp));
    T_EQ(cp.len, 9);
    T_ERR(wr_self_checkpoint(c->self, feed_of(c, b), wr_feed_checkpoint(more), &more->cp_sig),
          WR_ERR_REFUSED);
    wr_link_config config = {.self = a->self, .link_id = 8, .role = WR_INITIATOR};
    config.peer = b->identity.device_id;
    wr_link *none;
    T_ERR(wr_link_new(&none, &config, world_now), WR_ERR_UNKNOWN);
}

/* spec:circle#4.7 type=test "Of a feed whose writer is kept and goes out later, at least that cut
 * MUST count." */
static void a_kept_device_that_goes_out_keeps_what_the_reset_had(void **state) {
    (void)state;
    append(b, 3);
    meet(a, b, 1);
    T_OK(reset_it(a, NULL, NULL));
    meet(a, c, 2);
    settle(c);
    wr_remove remove = {.reason = WR_REASON_COMPROMISED};
    uint8_t ids[64], bytes[256];
    wr_buf targets = WR_BUF_ARRAY(ids), body = WR_BUF_ARRAY(bytes);
    T_OK(wr_id_put(&targets, &b->identity.device_id));
    remove.targets = (wr_op_list){1, wr_buf_slice(&targets)};
    T_OK(wr_remove_encode(&remove, &body)); /* no cuts: nothing of it would count */
    T_OK(wr_self_author(c->self, WR_OP_REMOVE, wr_buf_slice(&body), world_now));
    (void)drain(c);
    T_FALSE(is_member(c, b));
    const wr_feed *feed = feed_at(a, b);
    wr_hash root = wr_tree_root(&feed->tree);
    const wr_graph *graph = wr_self_graph(c->self);
    wr_limit limit = wr_graph_limit(graph, &b->identity.device_id, &feed->feed_id);
    T_EQ(limit.shown, 3);
    T_EQ(limit.kept, 3);
    T_TRUE(wr_graph_vouches(graph, &b->identity.device_id, &feed->feed_id, 3, &root));
    T_FALSE(wr_graph_vouches(graph, &b->identity.device_id, &feed->feed_id, 2, &root));
}

/* What was hidden stays hidden, and what was thrown out can come back. */
static void a_reset_after_a_removal(void **state) {
    (void)state;
    append(b, 3);
    meet(a, b, 1);
    meet(b, c, 6);
    wr_removal removal = {
        .targets = &b->identity.device_id, .target_count = 1, .reason = WR_REASON_LOST};
    append(b, 4);
    meet(b, c, 2); /* c has more than the cut */
    T_OK(wr_self_remove(a->self, &removal, world_now));
    (void)drain(a);
    meet(a, c, 3);
    settle(c);
    meet(a, c, 4);
    wr_limit limit =
        wr_graph_limit(wr_self_graph(c->self), &b->identity.device_id, &feed_at(c, b)->feed_id);
    T_EQ(limit.shown, 3);
    T_EQ(limit.kept, 7);
    T_OK(reset_it(c, NULL, NULL)); /* keeps those who are members */
    T_FALSE(is_member(c, b));
    limit = wr_graph_limit(wr_self_graph(c->self), &b->identity.device_id, &feed_at(c, b)->feed_id);
    T_EQ(limit.shown, 3);
    T_EQ(limit.kept, 3);
    wr_sign_key root = root_key(99);
    wr_hash keep[3] = {a->identity.device_id, b->identity.device_id, c->identity.device_id};
    wr_hash_sort(keep, 3);
    wr_restart restart = {.keep = keep, .keep_count = 3, .root = &root};
    T_OK(wr_self_reset(c->self, &restart, world_now));
    (void)drain(c);
    T_EQ(generation(c), 2);
    T_TRUE(is_member(c, b));
    T_EQ(wr_graph_find(wr_self_graph(c->self), &b->identity.device_id)->role, WR_ROLE_MEMBER);
    meet(c, a, 5);
    assert_same_ops(a, c);
    T_EQ(generation(a), 2);
}

/* ---- refused ---- */

static void a_reset_needs_the_recovery_key_and_its_signer(void **state) {
    (void)state;
    wr_sign_key wrong = root_key(98);
    wr_restart restart = {.root = &wrong};
    uint32_t ops = wr_generations_op_count(wr_self_generations(a->self));
    T_ERR(wr_self_reset(a->self, &restart, world_now), WR_ERR_AUTH);
    T_ERR(reset_it(a, b, c), WR_ERR_UNKNOWN);
    device *stranger = device_new(9);
    T_ERR(reset_it(a, a, stranger), WR_ERR_UNKNOWN);
    device_free(stranger);
    T_EQ(wr_generations_op_count(wr_self_generations(a->self)), ops);
    T_EQ(generation(a), 0);
}

/* Each op of ROOT is a head of its own: more of them than a RESET can name. */
static void of_very_many_heads_none_is_void(void **state) {
    (void)state;
    wr_sign_key root = root_key(99);
    wr_hash heads[WR_OP_PARENTS_MAX];
    const wr_graph *base = wr_self_graph(c->self);
    for (uint32_t i = 0; i < 2 * WR_OP_PARENTS_MAX; i++) {
        uint8_t op_bytes[4096], body_bytes[64];
        wr_buf op = WR_BUF_ARRAY(op_bytes), body = WR_BUF_ARRAY(body_bytes);
        wr_role_op role = {b->identity.device_id, WR_ROLE_MEMBER};
        wr_sig sig;
        T_OK(wr_role_encode(&role, &body));
        T_OK(wr_graph_author_root(base, &root, WR_OP_ROLE, wr_buf_slice(&body),
                                  (world_now.wall.ms + i) << 16, &op, &sig));
        T_OK(wr_self_admit(a->self, wr_buf_slice(&op), &sig, world_now));
    }
    (void)drain(a);
    T_EQ(wr_graph_heads(wr_self_graph(a->self), heads), WR_OP_PARENTS_MAX);
    wr_hash newest = newest_op(a).id;
    T_OK(reset_it(a, NULL, NULL));
    T_EQ(generation(a), 1);
    T_FALSE(wr_generations_is_void(wr_self_generations(a->self), &newest));
    T_EQ(wr_graph_find(wr_self_graph(a->self), &b->identity.device_id)->role, WR_ROLE_MEMBER);
}

/* ---- after a start ---- */

/* The ops in the order of their admission, as a store gives them back. */
static void what_was_stored_is_loaded_again(void **state) {
    (void)state;
    T_OK(wr_self_rotate(c->self, world_now));
    (void)drain(c);
    T_OK(reset_it(a, NULL, NULL));
    meet(a, c, 1);
    settle(c);
    const wr_generations *from = wr_self_generations(c->self);
    wr_self *again;
    T_OK(wr_self_new(&c->identity, t_rng(7), &again));
    for (uint32_t i = 0; i < wr_generations_op_count(from); i++) {
        uint32_t number;
        wr_op_ref op = wr_generations_op(from, i, &number);
        T_OK(wr_self_load_op(again, op.bytes, op.sig));
    }
    wr_hash ours = wr_generations_heads_digest(from);
    wr_hash theirs = wr_generations_heads_digest(wr_self_generations(again));
    T_MEM(ours.b, theirs.b, sizeof ours.b);
    wr_key secret;
    t_load_seeds(again, c->self);
    for (uint32_t i = 0; i < wr_keyring_count(wr_self_keyring(c->self)); i++) {
        const wr_hash *epoch_id = wr_keyring_epoch(wr_self_keyring(c->self), i);
        T_TRUE(wr_keyring_secret(wr_self_keyring(c->self), epoch_id, &secret));
        T_OK(wr_self_load_epoch(again, epoch_id, &secret));
    }
    T_OK(wr_self_load_done(again, world_now));
    wr_hash epoch = write_epoch(c);
    T_MEM(epoch.b, wr_self_write_epoch(again)->b, sizeof epoch.b);
    T_FALSE(wr_self_may_sign(again)); /* the others may know more of it */
    T_FALSE(wr_self_pending(again));
    wr_self_free(again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_covered_what_is_held_has_the_words, circle_start,
                                        circle_stop),
        cmocka_unit_test_setup_teardown(both_of_one_tag_are_tried, circle_start, circle_stop),
        cmocka_unit_test_setup_teardown(a_session_goes_on_over_a_reset, circle_start, circle_stop),
        cmocka_unit_test_setup_teardown(a_sleeper_follows_and_what_it_wrote_is_read, circle_start,
                                        circle_stop),
        cmocka_unit_test_setup_teardown(heads_of_one_graph_say_nothing_of_another, circle_start,
                                        circle_stop),
        cmocka_unit_test_setup_teardown(of_two_resets_all_come_to_the_greater, circle_start,
                                        circle_stop),
        cmocka_unit_test_setup_teardown(who_is_not_kept_is_gone_and_its_feed_is_cut, circle_start,
                                        circle_stop),
        cmocka_unit_test_setup_teardown(a_kept_device_that_goes_out_keeps_what_the_reset_had,
                                        circle_start, circle_stop),
        cmocka_unit_test_setup_teardown(a_reset_after_a_removal, circle_start, circle_stop),
        cmocka_unit_test_setup_teardown(a_reset_needs_the_recovery_key_and_its_signer, circle_start,
                                        circle_stop),
        cmocka_unit_test_setup_teardown(of_very_many_heads_none_is_void, circle_start, circle_stop),
        cmocka_unit_test_setup_teardown(what_was_stored_is_loaded_again, circle_start, circle_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
