/* Frames of a link that no honest peer sends, and a link that is over.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#include "engine/self_seed.h"

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

/* Message 1 of a with this payload instead of its session time. */
static wr_err first_with(wr_slice payload) {
    uint8_t prologue[110] = "warren/sess/1\x01", noise_bytes[256] = {1}, record[300], mac[16];
    const wr_graph *graph = wr_self_graph(a->self);
    wr_hash epoch = *wr_self_write_epoch(a->self);
    wr_key psk;
    wr_handshake handshake;
    memcpy(prologue + 14, wr_graph_circle_id(graph)->b, 32);
    memcpy(prologue + 46, epoch.b, 32);
    T_OK(wr_self_psk(a->self, &epoch, &psk));
    wr_handshake_config config = {.pattern = WR_PATTERN_IKPSK2,
                                  .hash = WR_BLAKE2B,
                                  .role = WR_INITIATOR,
                                  .prologue = wr_slice_of(prologue, sizeof prologue),
                                  .s = &a->identity.noise,
                                  .rs = &b->identity.cert.noise,
                                  .psks = &psk,
                                  .psk_count = 1,
                                  .rng = t_rng(12),
                                  .now = world_now.mono};
    T_OK(wr_handshake_init(&handshake, &config));
    wr_buf noise = wr_buf_of(noise_bytes + 1, sizeof noise_bytes - 1), out = WR_BUF_ARRAY(record);
    T_OK(wr_handshake_write(&handshake, payload, &noise, world_now.mono));
    T_OK(wr_keyring_mac1(wr_self_keyring(a->self), &epoch, wr_slice_of(noise_bytes, noise.len + 1),
                         mac));
    T_OK(wr_buf_put_u16(&out, (uint16_t)(17 + noise.len)));
    T_OK(wr_buf_put_u8(&out, 1));
    T_OK(wr_buf_put(&out, wr_slice_of(mac, sizeof mac)));
    T_OK(wr_buf_put(&out, wr_buf_slice(&noise)));
    wr_link *link = link_accept(b, 1);
    wr_err err = link_take(b, link, wr_buf_slice(&out));
    wr_link_free(link);
    wr_handshake_wipe(&handshake);
    return err;
}

static void a_session_time_has_eight_bytes(void **state) {
    (void)state;
    static const uint8_t payload[9] = {0, 0, 0, 0, 0, 0, 0, 9};
    T_ERR(first_with(WR_SLICE_EMPTY), WR_ERR_FORMAT);
    T_ERR(first_with(wr_slice_of(payload, 7)), WR_ERR_FORMAT);
    T_OK(first_with(wr_slice_of(payload, 8)));
}

int main(void) {
#define T_LINK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T_LINK(a_list_ends_with_its_last_item),
        T_LINK(units_of_unknown_feeds_are_neither_served_nor_taken),
        T_LINK(an_echo_has_eight_bytes),
        T_LINK(a_first_record_has_room_for_its_mac),
        T_LINK(a_session_time_has_eight_bytes),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
