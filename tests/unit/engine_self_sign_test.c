/* What a device signs with and under: forks of its own feed, and the choice of an epoch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

/* What a sibling shows of a's own feed, at a. */
static wr_err show(device *a, device *other_home) {
    const wr_feed *feed = feed_at(other_home, a);
    return wr_self_checkpoint(a->self, feed_of(a, a), wr_feed_checkpoint(feed), &feed->cp_sig);
}

typedef enum signs { NOTHING, AN_OP, A_NAME, AN_ENTRY, SIGNS_COUNT } signs;

static void sign(device *d, signs what, device *guest) {
    uint8_t bytes[2048];
    wr_buf op = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    uint64_t seq, hlc = wr_self_hlc(d->self, world_now);
    switch (what) {
    case NOTHING:
    case SIGNS_COUNT:
        return;
    case AN_OP:
        make_add(d, guest, &op, &sig);
        return;
    case A_NAME:
        T_OK(wr_self_append(d->self, 1, WR_ENTRY_BINDING, 0, hlc, wr_slice_str("name"), &seq));
        T_OK(wr_self_close_run(d->self));
        (void)drain(d);
        return;
    case AN_ENTRY:
        append(d, 1);
        return;
    }
}

/* spec:sync#5 type=test "Once it has signed entries of a feed since its start, a sibling that shows
 * more of that feed than it holds shows a fork; before that, this is fetched, and the device MUST
 * be confirmed anew."  Ops and the other stream are no statements about this feed. */
static void entries_of_a_feed_make_more_of_it_a_fork(void **state) {
    (void)state;
    for (signs what = NOTHING; what < SIGNS_COUNT; what++) {
        device *a = device_new(1), *b = device_new(2), *c = device_new(3);
        make_circle(a, b);
        device *set_back = device_twin(a, 80);
        for (unsigned i = 0; i < 3; i++) /* the chain of numbers alone would not tell */
            append(a, 1);
        sign(set_back, what, c);
        T_ERR(show(set_back, a), what == AN_ENTRY ? WR_ERR_FORK : WR_OK);
        T_EQ(wr_self_may_sign(set_back->self), what == AN_ENTRY);
        device_free(set_back);
        device_free(a);
        device_free(b);
        device_free(c);
    }
}

/* An EPOCH of this device, with its secret. */
static wr_op_ref new_epoch(device *d, uint8_t number, wr_key *ret_secret) {
    const wr_graph *graph = wr_self_graph(d->self);
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    *ret_secret = (wr_key){{number, 1}};
    wr_epoch_op epoch = {.klass = 1};
    epoch.rcpt_hash = wr_graph_recipients(graph, epoch.without, &epoch.without_count);
    epoch.commit = wr_epoch_commit(ret_secret, wr_graph_circle_id(graph));
    epoch.hist_hash = wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, WR_SLICE_EMPTY);
    T_OK(wr_epoch_encode(&epoch, &body));
    T_OK(wr_self_author(d->self, WR_OP_EPOCH, wr_buf_slice(&body), world_now));
    wr_op_ref op = wr_graph_op(graph, wr_graph_op_count(graph) - 1);
    T_OK(wr_self_add_epoch(d->self, &op.id, ret_secret));
    (void)drain(d);
    return op;
}

static void hear(device *d, const wr_op_ref *op) {
    T_OK(wr_self_admit(d->self, op->bytes, op->sig, world_now));
    (void)drain(d);
}

static void an_epoch_is_written_under_once_its_secret_is_here(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    wr_key secret;
    make_circle(a, b);
    wr_hash before = *wr_self_write_epoch(b->self);
    wr_op_ref op = new_epoch(a, 1, &secret);
    T_TRUE(wr_hash_equal(wr_self_write_epoch(a->self), &op.id));
    hear(b, &op);
    T_TRUE(wr_hash_equal(wr_self_write_epoch(b->self), &before));
    T_OK(wr_self_add_epoch(b->self, &op.id, &secret));
    T_TRUE(wr_hash_equal(wr_self_write_epoch(b->self), &op.id));
    device_free(a);
    device_free(b);
}

/* Two that were made apart stand equally high: everybody takes the one with the smaller id. */
static void of_two_epochs_made_apart_all_take_the_same(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    wr_key secrets[2];
    make_circle(a, b);
    wr_self_confirm(b->self);
    wr_op_ref of_a = new_epoch(a, 1, &secrets[0]), of_b = new_epoch(b, 2, &secrets[1]);
    hear(a, &of_b);
    hear(b, &of_a);
    T_OK(wr_self_add_epoch(a->self, &of_b.id, &secrets[1]));
    T_OK(wr_self_add_epoch(b->self, &of_a.id, &secrets[0]));
    const wr_hash *smaller = wr_hash_order(&of_a.id, &of_b.id) < 0 ? &of_a.id : &of_b.id;
    T_TRUE(wr_hash_equal(wr_self_write_epoch(a->self), smaller));
    T_TRUE(wr_hash_equal(wr_self_write_epoch(b->self), smaller));
    device_free(a);
    device_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_of_a_feed_make_more_of_it_a_fork),
        cmocka_unit_test(an_epoch_is_written_under_once_its_secret_is_here),
        cmocka_unit_test(of_two_epochs_made_apart_all_take_the_same),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
