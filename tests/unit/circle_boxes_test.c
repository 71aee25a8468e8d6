/* Box keys: which one a wrap goes to, and which of our own still open one; and what pairing by code
 * does to a circle.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/boxes.h"

#include "unit/circle_bodies.h"
#include "unit/circle_fixture.h"

static const wr_key held = {{0x91}};

static wr_pub newest(const wr_boxes *boxes, const t_circle *c, uint64_t number) {
    uint64_t found;
    const wr_pub *box = wr_boxes_find(boxes, wr_graph_find(c->graph, &c->member.device_id), &found);
    T_EQ(found, number);
    return *box;
}

/* spec:circle#3.6 type=test "Of several KEYUPDs of a device the last in its feed MUST hold." */
static void the_last_key_in_the_feed_holds_whatever_comes_first(void **state) {
    t_circle *c = *state;
    wr_boxes boxes = {0};
    wr_pub box = newest(&boxes, c, 0);
    T_MEM(box.b, c->member.cert.box.b, sizeof box.b);
    T_OK(wr_boxes_take(&boxes, &c->member.device_id, 7, t_keyupd_of(7, 0)));
    box = newest(&boxes, c, 8);
    T_EQ(box.b[0], 7);
    T_ERR(wr_boxes_take(&boxes, &c->member.device_id, 7, t_keyupd_of(9, 0)), WR_ERR_EXISTS);
    T_ERR(wr_boxes_take(&boxes, &c->member.device_id, 3, t_keyupd_of(3, 0)), WR_ERR_EXISTS);
    box = newest(&boxes, c, 8);
    T_EQ(box.b[0], 7);
    T_OK(wr_boxes_take(&boxes, &c->member.device_id, 8, t_keyupd_of(5, WR_KEM_KEY_SIZE)));
    box = newest(&boxes, c, 9);
    T_EQ(box.b[0], 5);
    T_ERR(wr_boxes_take(&boxes, &c->member.device_id, 9, t_keyupd_of(0, 0)), WR_ERR_BAD_KEY);
    T_ERR(wr_boxes_take(&boxes, &c->member.device_id, 9, wr_slice_str("\x91\x01")), WR_ERR_FORMAT);
    box = newest(&boxes, c, 9);
    T_EQ(box.b[0], 5);
    T_EQ(boxes.count, 1);
}

static void there_is_a_place_for_each_device_and_no_more(void **state) {
    t_circle *c = *state;
    wr_boxes boxes = {0};
    wr_hash device = {{0}};
    for (uint32_t i = 0; i < WR_AUTHORS_MAX; i++) {
        device.b[0] = (uint8_t)i;
        device.b[1] = 1;
        T_OK(wr_boxes_take(&boxes, &device, 0, t_keyupd_of(1, 0)));
    }
    T_ERR(wr_boxes_take(&boxes, &c->member.device_id, 0, t_keyupd_of(1, 0)), WR_ERR_LIMIT);
    T_OK(wr_boxes_take(&boxes, &device, 1, t_keyupd_of(2, 0)));
}

/* ---- our own ---- */

static void seal(const t_circle *c, const wr_pub *box, uint8_t bytes[WR_WRAP_SIZE]) {
    wr_wrap wrap = {.epoch_id = c->epoch.id, .secret = {{5}}, .seed = held};
    wr_buf out = wr_buf_of(bytes, WR_WRAP_SIZE);
    T_OK(wr_wrap_seal(&c->admin, box, &c->genesis.id, &held, &wrap, t_rng(3), &out));
}

static wr_err unwrap(const t_circle *c, const wr_box_ring *ring, uint8_t bytes[WR_WRAP_SIZE]) {
    wr_pub sender;
    wr_wrap got;
    wr_err err = wr_box_ring_open(ring, &c->genesis.id, &held, wr_slice_of(bytes, WR_WRAP_SIZE),
                                  &sender, &got);
    if (err == WR_OK)
        T_MEM(got.epoch_id.b, c->epoch.id.b, sizeof got.epoch_id.b);
    return err;
}

static wr_pub renew(const t_circle *c, wr_box_ring *ring, wr_boxes *boxes, uint64_t seq) {
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_rng rng = t_rng(100 + seq);
    T_OK(wr_box_ring_renew(ring, &rng, seq, &body));
    T_OK(wr_boxes_take(boxes, &c->member.device_id, seq, wr_buf_slice(&body)));
    return newest(boxes, c, seq + 1);
}

static void
a_wrap_to_the_newest_key_opens_and_one_to_an_older_until_that_is_forgotten(void **state) {
    t_circle *c = *state;
    uint8_t first[WR_WRAP_SIZE], second[WR_WRAP_SIZE];
    wr_boxes boxes = {0};
    wr_box_ring ring;
    wr_box_ring_init(&ring, &c->member);
    seal(c, &c->member.cert.box, first);
    T_OK(unwrap(c, &ring, first));
    wr_pub box = renew(c, &ring, &boxes, 4);
    T_FALSE(wr_pub_equal(&box, &c->member.cert.box));
    seal(c, &box, second);
    T_OK(unwrap(c, &ring, first));
    T_OK(unwrap(c, &ring, second));
    wr_box_ring_forget(&ring, 5); /* the newest is number 5 */
    T_ERR(unwrap(c, &ring, first), WR_ERR_AUTH);
    T_OK(unwrap(c, &ring, second));
    wr_box_ring_forget(&ring, 100);
    T_OK(unwrap(c, &ring, second));
    wr_box_ring other;
    wr_box_ring_init(&other, &c->admin);
    T_ERR(unwrap(c, &other, second), WR_ERR_AUTH);
    second[40] ^= 1;
    T_ERR(unwrap(c, &ring, second), WR_ERR_AUTH);
    wr_box_ring_wipe(&other);
    wr_box_ring_wipe(&ring);
}

static void a_ring_is_bounded_and_its_numbers_grow(void **state) {
    t_circle *c = *state;
    uint8_t bytes[64], first[WR_WRAP_SIZE], second[WR_WRAP_SIZE];
    wr_boxes boxes = {0};
    wr_box_ring ring;
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_rng rng = t_rng(1);
    wr_box_ring_init(&ring, &c->member);
    seal(c, &c->member.cert.box, first);
    wr_pub box = renew(c, &ring, &boxes, 0);
    seal(c, &box, second);
    for (uint32_t i = 2; i < WR_BOX_KEYS_MAX; i++)
        (void)renew(c, &ring, &boxes, i);
    T_OK(unwrap(c, &ring, first));
    (void)renew(c, &ring, &boxes, WR_BOX_KEYS_MAX);
    T_EQ(ring.count, WR_BOX_KEYS_MAX);
    T_ERR(unwrap(c, &ring, first), WR_ERR_AUTH);
    T_OK(unwrap(c, &ring, second));
    T_ERR(wr_box_ring_renew(&ring, &rng, WR_BOX_KEYS_MAX, &body), WR_ERR_STATE);
    T_EQ(body.len, 0);
    wr_buf none = wr_buf_of(bytes, 3);
    T_ERR(wr_box_ring_renew(&ring, &rng, 99, &none), WR_ERR_NOBUF);
    T_EQ(ring.list[ring.count - 1].number, WR_BOX_KEYS_MAX + 1);
    wr_box_ring_wipe(&ring);
}

/* ---- the pq flag ---- */

static void add_by(wr_graph *graph, const wr_identity *sponsor, const wr_identity *device,
                   wr_pair_mode mode) {
    uint8_t bytes[1024], again[1024];
    wr_buf body = WR_BUF_ARRAY(bytes), changed = WR_BUF_ARRAY(again);
    wr_add add;
    t_add_body(wr_graph_circle_id(graph), sponsor, device, WR_ROLE_MEMBER, &body);
    T_OK(wr_add_decode(wr_buf_slice(&body), &add));
    add.mode = mode;
    T_OK(wr_add_encode(&add, &changed));
    t_op op = t_next(graph, sponsor, WR_OP_ADD, wr_buf_slice(&changed));
    T_OK(t_admit(graph, &op));
}

/* spec:circle#5.5 type=test "A circle MUST NOT be called safe against a later quantum computer once
 * an ADD of mode 2 was admitted, whatever became of its device." */
static void one_device_added_by_code_is_enough(void **state) {
    t_circle *c = *state;
    wr_graph *graph = NULL, *copy = NULL;
    wr_identity by_qr = t_device(20), by_code = t_device(21), later = t_device(22);
    T_OK(wr_graph_new(&graph));
    (void)t_found(graph, &c->founder);
    T_TRUE(wr_graph_is_pq(graph));
    add_by(graph, &c->founder, &by_qr, WR_PAIR_QR);
    T_TRUE(wr_graph_is_pq(graph));
    add_by(graph, &c->founder, &by_code, WR_PAIR_CODE);
    T_FALSE(wr_graph_is_pq(graph));
    (void)t_remove(graph, &c->founder, &by_code, WR_REASON_LOST); /* what it told is told */
    add_by(graph, &c->founder, &later, WR_PAIR_QR);
    T_FALSE(wr_graph_is_pq(graph));
    T_OK(wr_graph_new(&copy)); /* as after a start */
    t_copy(copy, graph);
    T_FALSE(wr_graph_is_pq(copy));
    wr_graph_free(copy);
    wr_graph_free(graph);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, t_circle_start, t_circle_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_last_key_in_the_feed_holds_whatever_comes_first),
        TEST(there_is_a_place_for_each_device_and_no_more),
        TEST(a_wrap_to_the_newest_key_opens_and_one_to_an_older_until_that_is_forgotten),
        TEST(a_ring_is_bounded_and_its_numbers_grow),
        TEST(one_device_added_by_code_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
