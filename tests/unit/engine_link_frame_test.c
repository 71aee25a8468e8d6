/* Frames of a link that no honest peer sends, and a link that is over.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

static device *a, *b;
static const wr_hash nothing = {{0xee}};
static uint64_t links;

static int set_up(void **state) {
    (void)state;
    links = 0;
    a = device_new(1);
    b = device_new(2);
    make_circle(a, b);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    device_free(a);
    device_free(b);
    return 0;
}

/* How a link that is up takes one frame. */
static wr_err hears(uint8_t type, const wr_buf *body) {
    links++;
    puppet *p = puppet_new(a, b, links, links);
    puppet_up(p);
    wr_err err = puppet_say(p, type, wr_buf_slice(body));
    if (err != WR_OK) {
        T_EQ(wr_link_deadline(p->link).ms, WR_MONO_NEVER.ms);
        T_OK(wr_link_tick(p->link, world_now));
        uint8_t bytes[64];
        wr_buf out = WR_BUF_ARRAY(bytes);
        T_ERR(wr_link_write(p->link, &out, world_now), WR_ERR_STATE);
        T_EQ(out.len, 0);
    }
    puppet_free(p);
    return err;
}

static void a_list_ends_with_its_last_item(void **state) {
    (void)state;
    static const uint8_t types[] = {WR_FRAME_OP_HEADS, WR_FRAME_FRONTIER, WR_FRAME_HAVE};
    for (size_t i = 0; i < sizeof types; i++) {
        uint8_t bytes[64];
        wr_buf body = WR_BUF_ARRAY(bytes);
        T_OK(wr_list_begin(&body, false, 0));
        T_OK(hears(types[i], &body));
        T_OK(wr_buf_put_u8(&body, 0));
        T_ERR(hears(types[i], &body), WR_ERR_FORMAT);
    }
}

static void units_of_unknown_feeds_are_neither_served_nor_taken(void **state) {
    (void)state;
    uint8_t bytes[256];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_want_encode(&nothing, 0, &body));
    T_ERR(hears(WR_FRAME_WANT, &body), WR_ERR_UNKNOWN);
    wr_data data = {.feed_id = nothing, .end = 1, .size = 1};
    body.len = 0;
    T_OK(wr_data_encode(&data, &body));
    T_ERR(hears(WR_FRAME_DATA, &body), WR_ERR_UNKNOWN);
}

static void an_echo_has_eight_bytes(void **state) {
    (void)state;
    for (size_t len = 7; len <= 9; len++) {
        uint8_t bytes[16];
        wr_buf body = WR_BUF_ARRAY(bytes);
        T_OK(wr_buf_put_zeros(&body, len));
        T_ERR(hears(WR_FRAME_PING, &body), len == 8 ? WR_OK : WR_ERR_FORMAT);
    }
}

static void a_first_record_has_room_for_its_mac(void **state) {
    (void)state;
    for (uint16_t len = 1; len < 17; len++) {
        uint8_t bytes[32];
        wr_buf first = WR_BUF_ARRAY(bytes);
        T_OK(wr_buf_put_u16(&first, len));
        T_OK(wr_buf_put_zeros(&first, len));
        wr_link *link = link_accept(b, 1);
        T_EQ(wr_link_role(link), WR_RESPONDER);
        T_ERR(link_take(b, link, wr_buf_slice(&first)), WR_ERR_TRUNCATED);
        wr_link_free(link);
    }
    wr_link *link = link_dial(a, b, 2);
    T_EQ(wr_link_role(link), WR_INITIATOR);
    wr_link_free(link);
}

int main(void) {
#define T_LINK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T_LINK(a_list_ends_with_its_last_item),
        T_LINK(units_of_unknown_feeds_are_neither_served_nor_taken),
        T_LINK(an_echo_has_eight_bytes),
        T_LINK(a_first_record_has_room_for_its_mac),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
