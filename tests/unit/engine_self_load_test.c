/* A self that is given what it could not have stored, or is asked before it has a circle.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#include "engine/self_seed.h"
#include "engine_seeds.h"
#include "feed/feed.h"

static const wr_hash nobody = {{0xee}};

static wr_self *fresh(uint64_t seed, wr_identity *identity) {
    wr_self *self = NULL;
    wr_rng rng = t_rng(seed);
    T_OK(wr_crypto_init());
    wr_identity_make(&rng, identity);
    T_OK(wr_self_new(identity, rng, &self));
    return self;
}

static void without_a_circle_nothing_else_loads(void **state) {
    (void)state;
    wr_identity identity;
    wr_self *self = fresh(40, &identity);
    wr_key seed = {{1}};
    uint32_t index;
    T_ERR(wr_self_load_seed(self, &nobody, &seed), WR_ERR_CORRUPT);
    T_ERR(wr_self_load_head(self, wr_slice_str("head")), WR_ERR_CORRUPT);
    T_ERR(wr_self_load_done(self, world_now), WR_ERR_CORRUPT);
    T_ERR(wr_self_add_seed(self, &nobody, &seed), WR_ERR_UNKNOWN);
    T_ERR(wr_self_add_epoch(self, &nobody, &seed), WR_ERR_UNKNOWN);
    T_FALSE(wr_self_find_feed(self, &nobody, &index));
    T_EQ(wr_self_hlc_floor(self, 0), 0);
    T_TRUE(wr_self_write_epoch(self) == NULL);
    wr_self_free(self);
}

/* What device would load after a start. */
static wr_self *loading(device *d, uint64_t seed) {
    wr_self *self = NULL;
    const wr_graph *graph = wr_self_graph(d->self);
    T_OK(wr_self_new(&d->identity, t_rng(seed), &self));
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++)
        T_OK(wr_self_load_op(self, wr_graph_op(graph, i).bytes, wr_graph_op(graph, i).sig));
    return self;
}

static void a_head_of_a_device_that_is_no_member_is_corrupt(void **state) {
    (void)state;
    device *a = device_new(41), *b = device_new(42);
    make_circle(a, b);
    wr_self *self = loading(a, 43);
    uint8_t bytes[WR_FEED_HEAD_MAX];
    wr_buf head = WR_BUF_ARRAY(bytes);
    wr_feed feed;
    wr_feed_init(&feed, wr_graph_circle_id(wr_self_graph(self)), &nobody, 0);
    T_OK(wr_feed_encode(&feed, &head));
    T_ERR(wr_self_load_head(self, wr_buf_slice(&head)), WR_ERR_CORRUPT);
    head.len = 0;
    T_OK(wr_feed_encode(feed_at(a, b), &head));
    T_OK(wr_self_load_head(self, wr_buf_slice(&head)));
    /* Without the secret of an epoch there is nothing to go on with. */
    T_ERR(wr_self_load_done(self, world_now), WR_ERR_CORRUPT);
    wr_self_free(self);
    device_free(a);
    device_free(b);
}

static void an_op_that_was_not_signed_is_corrupt(void **state) {
    (void)state;
    device *a = device_new(44), *b = device_new(45);
    wr_identity identity;
    make_circle(a, b);
    wr_self *self = fresh(46, &identity);
    wr_op_ref op = wr_graph_op(wr_self_graph(a->self), 0);
    wr_sig sig = *op.sig;
    sig.b[0] ^= 1;
    T_ERR(wr_self_load_op(self, op.bytes, &sig), WR_ERR_CORRUPT);
    T_EQ(wr_graph_op_count(wr_self_graph(self)), 0);
    T_OK(wr_self_load_op(self, op.bytes, op.sig));
    wr_self_free(self);
    device_free(a);
    device_free(b);
}

/* Marks are kept for as many devices as a circle may ever have, and for no more. */
static void marks_of_too_many_devices_are_refused(void **state) {
    (void)state;
    wr_identity identity;
    wr_self *self = fresh(47, &identity);
    wr_hash device_id = {{0}};
    for (uint32_t i = 0; i < WR_AUTHORS_MAX; i++) {
        wr_store_u32(device_id.b, i);
        T_OK(wr_self_load_mark(self, &device_id, 5));
    }
    T_ERR(wr_self_load_mark(self, &nobody, 5), WR_ERR_CORRUPT);
    T_ERR(wr_self_accept_mark(self, &nobody, 5), WR_ERR_LIMIT);
    T_OK(wr_self_accept_mark(self, &device_id, 6));
    wr_self_free(self);
}

static void who_may_not_sign_makes_no_add(void **state) {
    (void)state;
    device *a = device_new(48), *b = device_new(49);
    uint8_t bytes[1024];
    wr_buf op = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    wr_key secret;
    make_circle(a, b);
    meet(a, b, 1);
    append(b, 1);
    meet(a, b, 2); /* a has seen b, so it waits for b after a start */
    wr_self *self = loading(a, 50);
    t_load_seeds(self, a->self);
    wr_hash epoch = *wr_self_write_epoch(a->self);
    T_TRUE(wr_keyring_secret(wr_self_keyring(a->self), &epoch, &secret));
    T_OK(wr_self_load_epoch(self, &epoch, &secret));
    uint8_t head_bytes[WR_FEED_HEAD_MAX];
    wr_buf head = WR_BUF_ARRAY(head_bytes);
    T_OK(wr_feed_encode(feed_at(a, b), &head));
    T_OK(wr_self_load_head(self, wr_buf_slice(&head)));
    T_OK(wr_self_load_done(self, world_now));
    T_FALSE(wr_self_may_sign(self));
    T_ERR(wr_self_make_add(self, wr_slice_str("\x91\x90"), world_now, &op, &sig), WR_ERR_STATE);
    T_EQ(op.len, 0);
    wr_self_free(self);
    device_free(a);
    device_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_circle_nothing_else_loads),
        cmocka_unit_test(a_head_of_a_device_that_is_no_member_is_corrupt),
        cmocka_unit_test(an_op_that_was_not_signed_is_corrupt),
        cmocka_unit_test(marks_of_too_many_devices_are_refused),
        cmocka_unit_test(who_may_not_sign_makes_no_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
