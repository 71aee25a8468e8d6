/* Which epoch a device writes under and which it reads: rules K1 to K6 between devices.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/self_wrap.h"
#include "engine_circle_world.h"

static bool is_in(const device *at, const wr_hash *epoch_id) {
    const wr_graph *graph = wr_self_graph(at->self);
    return wr_graph_label(graph, epoch_id) == WR_LABEL_OP_IN;
}

/* How many entries of whose message feed `at` can open. */
static uint32_t readable(device *at, device *whose) {
    uint32_t count = 0, index = feed_of(at, whose);
    for (uint32_t i = 0; i < at->row_count; i++) {
        wr_segment_reader reader;
        wr_entry entry;
        bool more = at->rows[i].feed == index;
        wr_segment_reader_init(&reader, wr_slice_of(at->rows[i].bytes, at->rows[i].len),
                               at->rows[i].first);
        while (more) {
            uint8_t bytes[512];
            wr_buf out = WR_BUF_ARRAY(bytes);
            T_OK(wr_segment_next(&reader, &entry, &more));
            if (more &&
                wr_self_open(at->self, wr_self_feed(at->self, index), &entry, &out) == WR_OK)
                count++;
        }
    }
    return count;
}

/* K1, K3: an epoch whose author was removed meanwhile is void, and what a third wrote under it
 * before it knew is read for ever.  Nobody writes under it. */
static void a_voided_epoch_is_read_for_ever_and_never_written_under(void **state) {
    (void)state;
    rotate(c);
    wr_hash theirs = write_epoch(c);
    meet(b, c, 1);
    wr_hash of_b = write_epoch(b);
    T_MEM(of_b.b, theirs.b, sizeof of_b.b);
    append(b, 3);
    remove_it(a, c, WR_REASON_LOST); /* a has heard of neither */
    meet(a, b, 2);
    T_FALSE(is_in(a, &theirs));
    T_FALSE(is_in(b, &theirs));
    T_TRUE(holds(a, &theirs));
    T_EQ(readable(a, b), 3);
    wr_hash of_a = write_epoch(a);
    of_b = write_epoch(b);
    T_FALSE(wr_hash_equal(&of_a, &theirs));
    T_MEM(of_a.b, of_b.b, sizeof of_a.b);
    append(b, 2);
    meet(a, b, 3);
    T_EQ(readable(a, b), 5);
    T_FALSE(wr_self_rotation_due(a->self, world_now));
    T_FALSE(wr_self_rotation_due(b->self, world_now));
}

/* K3: of two made at once the greatest height counts, and of equal ones the lowest id. */
static void of_two_epochs_all_choose_the_same(void **state) {
    (void)state;
    rotate(a);
    rotate(b);
    wr_hash of_a = write_epoch(a), of_b = write_epoch(b);
    wr_hash lowest = wr_hash_order(&of_a, &of_b) < 0 ? of_a : of_b;
    meet(a, b, 1);
    meet(a, c, 2);
    meet(b, c, 3);
    device *const all[] = {a, b, c};
    for (size_t i = 0; i < WR_COUNT(all); i++) {
        wr_hash chosen = write_epoch(all[i]);
        T_MEM(chosen.b, lowest.b, sizeof chosen.b);
        T_TRUE(holds(all[i], &of_a));
        T_TRUE(holds(all[i], &of_b));
    }
    /* The higher one of two, whichever id is lower: b's stands on one more op. */
    rotate(a);
    T_OK(wr_self_author(b->self, WR_OP_ACK, wr_slice_str("\x91\x90"), world_now));
    rotate(b);
    of_b = write_epoch(b);
    meet(a, b, 4);
    of_a = write_epoch(a);
    T_MEM(of_a.b, of_b.b, sizeof of_a.b);
}

/* K3: the op alone is no key: whose secret is not here is not chosen. */
static void an_epoch_whose_secret_is_missing_is_not_written_under(void **state) {
    (void)state;
    wr_hash before = write_epoch(b);
    rotate(a);
    tell_ops(a, b);
    wr_hash chosen = write_epoch(b);
    T_MEM(chosen.b, before.b, sizeof chosen.b);
    meet(a, b, 1);
    wr_hash of_a = write_epoch(a);
    chosen = write_epoch(b);
    T_MEM(chosen.b, of_a.b, sizeof chosen.b);
}

/* K2, K4: whatever takes a reader away ends the epoch, for those who only hear of it as well. */
static void each_way_out_of_the_circle_ends_the_epoch(void **state) {
    (void)state;
    wr_hash before = write_epoch(a);
    T_OK(wr_self_leave(c->self, world_now));
    (void)drain(c);
    tell_ops(c, b);
    T_TRUE(wr_self_write_epoch(b->self) == NULL);
    T_TRUE(wr_self_rotation_due(b->self, world_now));
    rotate(b);
    wr_hash after = write_epoch(b);
    T_FALSE(wr_hash_equal(&before, &after));
    T_FALSE(holds(c, &after));
    meet(a, b, 2);
    wr_hash of_a = write_epoch(a);
    T_MEM(of_a.b, after.b, sizeof after.b);
    T_TRUE(wr_graph_epoch_follows_end(wr_self_graph(a->self), &after));
    /* Retired: it was honest, and reads nothing of later all the same. */
    device *d = device_new(9);
    add_device(a, d);
    wr_self_confirm(d->self);
    of_a = write_epoch(a);
    T_MEM(of_a.b, after.b, sizeof after.b); /* a newcomer ends nothing (K5) */
    remove_it(a, d, WR_REASON_RETIRED);
    of_a = write_epoch(a);
    T_FALSE(wr_hash_equal(&of_a, &after));
    T_FALSE(holds(d, &of_a));
    device_free(d);
}

/* K4: a contradiction that is proven ends it too. */
static void who_is_convicted_reads_nothing_of_later(void **state) {
    (void)state;
    wr_hash before = write_epoch(a);
    device *twin = device_twin(c, 77);
    T_OK(wr_self_author(c->self, WR_OP_ACK, wr_slice_str("\x91\x90"), world_now));
    (void)drain(c);
    meet(a, c, 1);
    wr_now later = world_now;
    later.wall.ms += 5;
    T_OK(wr_self_author(twin->self, WR_OP_ACK, wr_slice_str("\x91\x90"), later));
    (void)drain(twin);
    const wr_graph *graph = wr_self_graph(twin->self);
    wr_op_ref op = wr_graph_op(graph, wr_graph_op_count(graph) - 1);
    T_ERR(wr_self_admit(a->self, op.bytes, op.sig, world_now), WR_ERR_FORK);
    T_OK(wr_self_accuse(a->self, world_now));
    (void)drain(a);
    T_TRUE(wr_self_write_epoch(a->self) == NULL);
    T_TRUE(wr_self_rotation_due(a->self, world_now));
    rotate(a);
    meet(a, b, 2);
    wr_hash of_a = write_epoch(a), of_b = write_epoch(b);
    T_MEM(of_a.b, of_b.b, sizeof of_a.b);
    T_FALSE(wr_hash_equal(&of_a, &before));
    T_FALSE(holds(c, &of_a));
    device_free(twin);
}

/* K5: who is added after many epochs reads what was written under each, and ends none. */
static void a_newcomer_reads_what_was_before(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 12; i++) { /* more than one history holds */
        rotate(i % 2 == 0 ? a : b);
        append(i % 2 == 0 ? a : b, 2);
        meet(a, b, 10 + i);
    }
    wr_hash before = write_epoch(a);
    device *d = device_new(9);
    add_device(a, d);
    wr_self_confirm(d->self);
    wr_hash of_d = write_epoch(d);
    T_MEM(of_d.b, before.b, sizeof of_d.b);
    meet(a, d, 40);
    T_EQ(readable(d, a), 12);
    T_EQ(readable(d, b), 12);
    T_EQ(wr_keyring_count(wr_self_keyring(d->self)), wr_keyring_count(wr_self_keyring(a->self)));
    device_free(d);
}

/* A thief that is out strikes back, and makes an epoch on top of that; another one who is in passes
 * on both, and the secret.  What is held stands in the way of no later epoch. */
static void an_epoch_on_top_of_what_is_held_is_not_named(void **state) {
    (void)state;
    device *d = device_new(9);
    WR_SECRET(wr_key) secret;
    add_device(a, d); /* c has not heard of it */
    remove_it(a, c, WR_REASON_COMPROMISED);
    remove_it(c, a, WR_REASON_LOST);
    wr_hash theirs = newest_op(c).id;
    tell_ops(c, a);
    T_TRUE(wr_member_is_in(wr_graph_find(wr_self_graph(a->self), &d->identity.device_id)));
    T_TRUE(wr_keyring_secret(wr_self_keyring(c->self), &theirs, &secret));
    T_OK(wr_self_add_epoch(a->self, &theirs, &secret));
    rotate(a);
    remove_it(a, d, WR_REASON_LOST);
    device_free(d);
}

/* An EPOCH of b that leaves out c by name, for no reason that others know: told to a and c, and its
 * secret to a and b. */
static wr_hash epoch_without_c(void) {
    uint8_t body_bytes[512], op_bytes[1024];
    wr_buf body = WR_BUF_ARRAY(body_bytes), op = WR_BUF_ARRAY(op_bytes);
    const wr_graph *graph = wr_self_graph(b->self);
    wr_hash readers[2] = {a->identity.device_id, b->identity.device_id};
    wr_key secret = {{7}};
    wr_epoch_op epoch = {.klass = 1, .without = {c->identity.device_id}, .without_count = 1};
    wr_hasher hasher;
    wr_sig sig;
    wr_hash_sort(readers, 2);
    wr_hasher_init(&hasher, WR_LABEL_EPOCH_RCPT);
    wr_hasher_add(&hasher, wr_slice_of(readers[0].b, sizeof readers));
    epoch.rcpt_hash = wr_hasher_end(&hasher);
    epoch.commit = wr_epoch_commit(&secret, wr_graph_circle_id(graph));
    epoch.hist_hash = wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, WR_SLICE_EMPTY);
    T_OK(wr_epoch_encode(&epoch, &body));
    T_OK(wr_graph_author(graph, &b->identity, WR_OP_EPOCH, wr_buf_slice(&body),
                         (world_now.wall.ms + 1) << 16, &op, &sig));
    T_OK(wr_self_admit(b->self, wr_buf_slice(&op), &sig, world_now));
    wr_hash made = newest_op(b).id;
    tell_ops(b, a);
    tell_ops(b, c);
    T_OK(wr_self_add_epoch(a->self, &made, &secret));
    T_OK(wr_self_add_epoch(b->self, &made, &secret));
    (void)drain(a);
    (void)drain(b);
    return made;
}

/* spec:circle#5.3 type=test "A device MUST NOT write under an epoch that leaves out by name a
 * member that is in here." spec:circle#5.3 type=test "Nobody but its author MUST hand the secret of
 * an epoch to a device that it leaves out by name" */
static void who_is_left_out_by_name_gets_nothing_by_another_door(void **state) {
    (void)state;
    uint8_t bytes[WR_WRAP_SIZE];
    wr_buf wrap = WR_BUF_ARRAY(bytes);
    wr_hash made = epoch_without_c();
    wr_hash of_a = write_epoch(a), of_b = write_epoch(b);
    T_FALSE(wr_hash_equal(&of_a, &made));
    T_FALSE(wr_hash_equal(&of_b, &made));
    meet(a, c, 1); /* which asks for it */
    T_FALSE(holds(c, &made));
    wr_hash later = rotate(a);
    meet(a, c, 2);
    T_TRUE(holds(c, &later));
    T_FALSE(holds(c, &made));
    T_ERR(wr_self_seal_wrap(a->self, &c->identity.device_id, &made, &wrap), WR_ERR_REFUSED);
    T_OK(wr_self_seal_wrap(a->self, &b->identity.device_id, &made, &wrap));
    meet(b, c, 3);
    T_TRUE(holds(c, &made));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, circle_start, circle_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_voided_epoch_is_read_for_ever_and_never_written_under),
        TEST(of_two_epochs_all_choose_the_same),
        TEST(an_epoch_whose_secret_is_missing_is_not_written_under),
        TEST(each_way_out_of_the_circle_ends_the_epoch),
        TEST(who_is_convicted_reads_nothing_of_later),
        TEST(a_newcomer_reads_what_was_before),
        TEST(an_epoch_on_top_of_what_is_held_is_not_named),
        TEST(who_is_left_out_by_name_gets_nothing_by_another_door),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
