/* Two devices of one circle over a pair of links in memory: what one appends, the other holds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#include "wire/pack.h"

static void what_one_appends_the_other_holds(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    append(a, 700);
    wr_link *la, *lb;
    links_new(a, b, 1, &la, &lb);
    T_OK(converse(a, la, b, lb));
    T_TRUE(wr_link_is_up(la));
    T_TRUE(wr_link_is_up(lb));
    assert_equal_replicas(a, b);
    T_TRUE(wr_self_may_sign(b->self));

    append(b, 5); /* live tail, the other way */
    append(a, 3);
    T_OK(converse(a, la, b, lb));
    assert_equal_replicas(a, b);
    uint64_t behind, ahead;
    wr_link_backlog(la, &behind, &ahead);
    T_EQ(behind, 0);
    T_EQ(ahead, 0);
    wr_link_free(la);
    wr_link_free(lb);
    device_free(a);
    device_free(b);
}

static void the_window_opens_again_with_every_acknowledgement(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    wr_link *la, *lb;
    links_new(a, b, 1, &la, &lb);
    T_OK(converse(a, la, b, lb));
    for (uint32_t i = 0; i < 30; i++) { /* more units than may be under way */
        append(a, 1);
        T_OK(converse(a, la, b, lb));
        assert_equal_replicas(a, b);
    }
    wr_link_free(la);
    wr_link_free(lb);
    device_free(a);
    device_free(b);
}

static void a_new_link_goes_on_where_the_old_one_ended(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    append(a, 40);
    for (uint64_t id = 1; id < 4; id++) {
        wr_link *la, *lb;
        links_new(a, b, id, &la, &lb);
        T_OK(converse(a, la, b, lb));
        assert_equal_replicas(a, b);
        wr_link_free(la);
        wr_link_free(lb);
        append(a, 2);
        append(b, 3);
    }
    device_free(a);
    device_free(b);
}

/* b slept while a added c, and hears of c from c itself. */
static void a_sibling_added_meanwhile_is_let_in_by_its_ops(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2), *c = device_new(3);
    make_circle(a, b);
    wr_link *la, *lb, *lc;
    links_new(a, b, 1, &la, &lb);
    T_OK(converse(a, la, b, lb));
    append(b, 4);
    wr_link_free(la);
    wr_link_free(lb);
    add_device(a, c);
    links_new(a, c, 2, &la, &lc);
    T_OK(converse(a, la, c, lc));
    append(c, 7);
    wr_link_free(la);
    wr_link_free(lc);

    links_new(c, b, 3, &lc, &lb);
    (void)drain(c);
    uint8_t first[1024];
    wr_buf out = WR_BUF_ARRAY(first);
    T_OK(wr_link_write(lc, &out, world_now));
    wr_slice in = wr_buf_slice(&out);
    T_OK(wr_link_read(lb, &in, world_now));
    T_OK(converse(c, lc, b, lb));
    T_TRUE(wr_link_is_up(lb));
    assert_equal_replicas(b, c);
    wr_link_config accept = {.self = b->self, .link_id = 4, .role = WR_RESPONDER};
    wr_link *again;
    T_OK(wr_link_new(&again, &accept, world_now));
    in = wr_buf_slice(&out);
    T_ERR(wr_link_read(again, &in, world_now),
          WR_ERR_REFUSED); /* a guest's message 1 counts, too */
    wr_link_free(again);
    T_TRUE(wr_link_rtt_ms(lc) != 0); /* its PING was answered, though it came to a stranger */
    append(c, 2);
    append(b, 2);
    T_OK(converse(c, lc, b, lb));
    assert_equal_replicas(b, c);
    wr_link_free(lb);
    wr_link_free(lc);
    device_free(a);
    device_free(b);
    device_free(c);
}

static void a_device_that_is_no_member_gets_no_answer(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2), *x = device_new(3), *y = device_new(4);
    make_circle(a, b);
    make_circle(x, y);
    wr_link *lx, *ly, *la;
    links_new(x, y, 1, &lx, &ly);
    wr_link_config accept = {.self = a->self, .link_id = 1, .role = WR_RESPONDER};
    T_OK(wr_link_new(&la, &accept, world_now));
    T_ERR(converse(x, lx, a, la), WR_ERR_AUTH);
    T_FALSE(wr_self_pending(a->self));
    wr_link_free(la);
    wr_link_free(lx);
    wr_link_free(ly);
    device_free(a);
    device_free(b);
    device_free(x);
    device_free(y);
}

static void a_replayed_first_message_is_refused(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    wr_link *la, *lb, *again;
    links_new(a, b, 1, &la, &lb);
    (void)drain(a);
    uint8_t wire[1024];
    wr_buf out = WR_BUF_ARRAY(wire);
    T_OK(wr_link_write(la, &out, world_now));
    wr_slice in = wr_buf_slice(&out);
    T_OK(wr_link_read(lb, &in, world_now));
    (void)drain(b);
    wr_link_config accept = {.self = b->self, .link_id = 2, .role = WR_RESPONDER};
    T_OK(wr_link_new(&again, &accept, world_now));
    in = wr_buf_slice(&out);
    T_ERR(wr_link_read(again, &in, world_now), WR_ERR_REFUSED);
    T_FALSE(wr_self_pending(b->self));
    wr_link_free(la);
    wr_link_free(lb);
    wr_link_free(again);
    device_free(a);
    device_free(b);
}

/* An op as long as it may be, of a type that only a later version would make. */
static void admit_long_op(device *d) {
    static uint8_t body_bytes[WR_OP_BYTES_MAX], bytes[WR_OP_BYTES_MAX];
    const wr_graph *graph = wr_self_graph(d->self);
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_op_head heads[WR_COLUMNS_MAX];
    wr_op header = {.circle_id = *wr_graph_circle_id(graph),
                    .author = d->identity.device_id,
                    .has_aprev = true,
                    .hlc = UINT64_MAX >> 20, /* nine bytes, like lengths below */
                    .type = WR_OP_ROOTSET + 1};
    header.parent_count = wr_graph_heads(graph, parents);
    uint32_t count = wr_graph_chain_heads(graph, heads);
    for (uint32_t i = 0; i < count; i++) {
        if (!wr_hash_equal(&heads[i].author, &header.author))
            continue;
        header.aseq = heads[i].aseq + 1;
        header.aprev = heads[i].op_id;
    }
    wr_buf body = WR_BUF_ARRAY(body_bytes), out = WR_BUF_ARRAY(bytes);
    header.body = wr_slice_str("\x05");
    T_OK(wr_op_encode(&header, parents, &out));
    T_OK(wr_pack_bin(&body, wr_slice_of(bytes, WR_OP_BYTES_MAX - (out.len - 1) - 3)));
    header.body = wr_buf_slice(&body);
    out.len = 0;
    T_OK(wr_op_encode(&header, parents, &out));
    T_EQ(out.len, WR_OP_BYTES_MAX);
    wr_sig sig;
    wr_sign(&d->identity.sign, WR_SIG_LABEL_OP, wr_buf_slice(&out), &sig);
    T_OK(wr_self_admit(d->self, wr_buf_slice(&out), &sig, world_now));
    (void)drain(d);
}

static void the_longest_ops_reach_a_sibling(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    for (unsigned i = 0; i < 3; i++)
        admit_long_op(a);
    wr_link *la, *lb;
    links_new(a, b, 1, &la, &lb);
    T_OK(converse(a, la, b, lb));
    wr_hash of_a = wr_graph_heads_digest(wr_self_graph(a->self));
    wr_hash of_b = wr_graph_heads_digest(wr_self_graph(b->self));
    T_MEM(of_a.b, of_b.b, sizeof of_a.b);
    wr_link_free(la);
    wr_link_free(lb);
    device_free(a);
    device_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_appends_the_other_holds),
        cmocka_unit_test(the_window_opens_again_with_every_acknowledgement),
        cmocka_unit_test(a_new_link_goes_on_where_the_old_one_ended),
        cmocka_unit_test(a_sibling_added_meanwhile_is_let_in_by_its_ops),
        cmocka_unit_test(a_device_that_is_no_member_gets_no_answer),
        cmocka_unit_test(a_replayed_first_message_is_refused),
        cmocka_unit_test(the_longest_ops_reach_a_sibling),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
