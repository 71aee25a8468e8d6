/* The simulated network keeps what net/transport.h promises, also when it misbehaves.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "net/multicast.h"
#include "sim/loop_sim.h"
#include "sim/net_sim.h"

#define BYTES_MAX (1024u * 1024u)

typedef struct side {
    struct scene *scene;
    net *net;
    loop *l;
    transport *t;
    bool in_call; /* into transport: no event may come */
    int opened, closed, writable, pieces;
    wr_err reason;
    size_t sent, received;
    bool close_when_read; /* as soon as bytes come */
} side;

typedef struct scene {
    trace trace;
    sim_clock *clock;
    net_sim *net;
    side host[2]; /* 0 dials */
    bool refuse;
} scene;

/* The stream's byte at that place: tells order, loss and repetition apart. */
static uint8_t byte_at(size_t offset) {
    return (uint8_t)(offset * 131 + (offset >> 8));
}

static void on_open(void *ctx) {
    side *s = (side *)ctx;
    T_FALSE(s->in_call);
    s->opened++;
}

static void on_read(void *ctx, wr_slice bytes) {
    side *s = (side *)ctx;
    T_FALSE(s->in_call);
    T_TRUE(bytes.len > 0);
    T_EQ(s->closed, 0);
    for (size_t i = 0; i < bytes.len; i++)
        T_EQ(bytes.ptr[i], byte_at(s->received + i));
    s->received += bytes.len;
    s->pieces++;
    if (s->close_when_read)
        transport_close(s->t);
}

static void on_writable(void *ctx) {
    side *s = (side *)ctx;
    T_FALSE(s->in_call);
    s->writable++;
}

static void on_closed(void *ctx, wr_err reason) {
    side *s = (side *)ctx;
    T_FALSE(s->in_call);
    T_EQ(s->closed, 0);
    s->closed++;
    s->reason = reason;
    s->t = NULL;
}

static const transport_events events = {on_open, on_read, on_writable, on_closed};

static void on_accept(void *ctx, transport *incoming) {
    side *s = (side *)ctx;
    net_addr from = net_sim_addr(0), at = net_sim_addr(1), remote = transport_remote(incoming);
    net_addr local = transport_local(incoming);
    from.port = remote.port;
    T_TRUE(net_addr_equal(&remote, &from));
    T_TRUE(net_addr_equal(&local, &at));
    if (s->scene->refuse) {
        transport_close(incoming);
        return;
    }
    s->t = incoming;
    transport_attach(incoming, &events, s);
}

static void setup(scene *s, uint64_t seed) {
    *s = (scene){0};
    trace_init(&s->trace, seed, false);
    s->clock = sim_clock_new(&s->trace);
    s->net = net_sim_new(s->clock, seed, 3);
    for (uint32_t i = 0; i < 2; i++) {
        uint16_t port = 0;
        net_addr addr = net_sim_addr(i);
        loop_sim_config config = {.clock = s->clock, .device = i};
        s->host[i].scene = s;
        T_OK(loop_sim_open(&config, &s->host[i].l));
        T_OK(net_sim_open(s->net, i, s->host[i].l, &s->host[i].net));
        T_OK(net_listen(s->host[i].net, &addr, on_accept, &s->host[i], &port));
        T_EQ(port, NET_SIM_PORT);
        T_ERR(net_listen(s->host[i].net, &addr, on_accept, &s->host[i], &port), WR_ERR_BUSY);
    }
}

static void run_ms(scene *s, uint64_t ms) {
    uint64_t until = sim_clock_now(s->clock) + ms;
    while (sim_clock_step(s->clock, until))
        T_TRUE(sim_clock_at_once(s->clock) < 10000);
}

static void teardown(scene *s) {
    for (int i = 0; i < 2; i++)
        if (s->host[i].t != NULL)
            transport_close(s->host[i].t);
    run_ms(s, 1000000);
    T_EQ(net_sim_connections(s->net), 0);
    for (int i = 0; i < 2; i++) {
        net_close(s->host[i].net);
        loop_close(s->host[i].l);
    }
    net_sim_free(s->net);
    sim_clock_free(s->clock);
}

static void dial(scene *s) {
    net_addr to = net_sim_addr(1);
    s->host[0].in_call = true;
    T_OK(net_dial(s->host[0].net, &to, &events, &s->host[0], &s->host[0].t));
    s->host[0].in_call = false;
}

static void connect_both(scene *s) {
    dial(s);
    run_ms(s, 1000);
    T_EQ(s->host[0].opened, 1);
    T_EQ(s->host[1].opened, 0); /* accepted ones are open */
    T_TRUE(s->host[1].t != NULL);
}

/* As much as there is room for, at most up to total. */
static void send_up_to(side *s, size_t total) {
    s->in_call = true;
    while (s->sent < total) {
        wr_buf room = transport_space(s->t);
        if (room.cap == 0)
            break;
        size_t len = total - s->sent < room.cap ? total - s->sent : room.cap;
        for (size_t i = 0; i < len; i++)
            room.ptr[i] = byte_at(s->sent + i);
        transport_flush(s->t, len);
        s->sent += len;
    }
    s->in_call = false;
}

static void send_all(scene *s, side *from, size_t total) {
    while (from->sent < total) {
        int before = from->writable;
        send_up_to(from, total);
        for (int i = 0; from->sent < total && from->writable == before; i++) {
            T_TRUE(i < 1000);
            run_ms(s, 100);
        }
    }
    run_ms(s, 20000);
}

static void slow_down(scene *s, uint32_t latency_ms, uint32_t bytes_per_ms) {
    for (uint32_t i = 0; i < 2; i++)
        *net_sim_path_of(s->net, i, 1 - i) =
            (net_sim_path){.latency_ms = latency_ms, .jitter_ms = 30, .bytes_per_ms = bytes_per_ms};
}

static void bytes_arrive_in_order_in_pieces_both_ways(void **state) {
    (void)state;
    scene s;
    int pieces = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        setup(&s, seed);
        slow_down(&s, 20, 500);
        connect_both(&s);
        send_all(&s, &s.host[0], BYTES_MAX);
        send_all(&s, &s.host[1], 3000);
        T_EQ(s.host[1].received, BYTES_MAX);
        T_EQ(s.host[0].received, 3000);
        pieces += s.host[1].pieces;
        teardown(&s);
        T_EQ(s.host[0].closed + s.host[1].closed, 2);
    }
    T_TRUE(pieces > 8 * (int)(BYTES_MAX / (64 * 1024)));
}

static void room_is_limited_until_bytes_are_acknowledged(void **state) {
    (void)state;
    scene s;
    setup(&s, 1);
    slow_down(&s, 50, 1000);
    connect_both(&s);
    send_up_to(&s.host[0], BYTES_MAX);
    size_t first = s.host[0].sent;
    T_TRUE(first >= 128 * 1024);
    T_TRUE(first <= 384 * 1024);
    T_EQ(s.host[0].writable, 0);
    run_ms(&s, 5000);
    T_EQ(s.host[0].writable, 1); /* once, until asked for again */
    T_EQ(s.host[1].received, first);
    teardown(&s);
}

static void a_rate_is_kept(void **state) {
    (void)state;
    scene s;
    setup(&s, 2);
    slow_down(&s, 10, 10);
    connect_both(&s);
    send_up_to(&s.host[0], 100000); /* 10 s at 10 bytes a ms */
    run_ms(&s, 9000);
    T_EQ(s.host[1].received, 0); /* one segment: it comes when its last byte came */
    run_ms(&s, 2000);
    T_EQ(s.host[1].received, 100000);
    teardown(&s);
}

static void a_paused_reader_gets_nothing_and_all_of_it_later(void **state) {
    (void)state;
    scene s;
    setup(&s, 3);
    connect_both(&s);
    transport_pause(s.host[1].t, true);
    send_up_to(&s.host[0], BYTES_MAX);
    run_ms(&s, 200000); /* longer than any patience */
    T_EQ(s.host[1].received, 0);
    T_EQ(s.host[0].closed, 0);
    T_EQ(s.host[0].writable, 0);
    transport_pause(s.host[1].t, false);
    send_all(&s, &s.host[0], BYTES_MAX);
    T_EQ(s.host[1].received, BYTES_MAX);
    teardown(&s);
}

static void closing_in_order_is_heard_after_the_last_byte(void **state) {
    (void)state;
    scene s;
    int whole = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        setup(&s, seed);
        slow_down(&s, 20, 100);
        connect_both(&s);
        send_up_to(&s.host[0], 50000);
        s.host[0].in_call = true;
        transport_close(s.host[0].t);
        transport_close(s.host[0].t); /* again is nothing */
        T_EQ(transport_space(s.host[0].t).cap, 0);
        s.host[0].in_call = false;
        run_ms(&s, 5000);
        T_EQ(s.host[0].closed, 1);
        T_EQ(s.host[0].reason, WR_OK);
        T_EQ(s.host[1].closed, 1);
        T_EQ(s.host[1].reason, WR_OK);
        whole += s.host[1].received == 50000;
        T_TRUE(s.host[1].received <= 50000);
        teardown(&s);
    }
    T_TRUE(whole >= 45); /* sometimes what the system had not taken is lost */
    T_TRUE(whole < 60);
}

static void closing_with_bytes_unread_resets_the_other_end(void **state) {
    (void)state;
    scene s;
    setup(&s, 4);
    slow_down(&s, 20, 100);
    connect_both(&s);
    s.host[1].close_when_read = true;
    send_up_to(&s.host[0], 50000);
    run_ms(&s, 5000);
    T_EQ(s.host[1].reason, WR_OK);
    T_EQ(s.host[0].closed, 1);
    teardown(&s);
}

static void nobody_listening_refuses_and_no_host_is_a_timeout(void **state) {
    (void)state;
    scene s;
    setup(&s, 5);
    net_addr to = net_sim_addr(1);
    to.port = 1;
    T_OK(net_dial(s.host[0].net, &to, &events, &s.host[0], &s.host[0].t));
    run_ms(&s, 500);
    T_EQ(s.host[0].closed, 1);
    T_EQ(s.host[0].reason, WR_ERR_IO);

    s.host[0].closed = 0;
    to = net_sim_addr(2); /* a host without a process */
    T_OK(net_dial(s.host[0].net, &to, &events, &s.host[0], &s.host[0].t));
    run_ms(&s, 500);
    T_EQ(s.host[0].reason, WR_ERR_IO);

    s.host[0].closed = 0;
    net_sim_plug(s.net, 1, false);
    dial(&s);
    run_ms(&s, 9999);
    T_EQ(s.host[0].closed, 0);
    run_ms(&s, 1);
    T_EQ(s.host[0].closed, 1);
    T_EQ(s.host[0].reason, WR_ERR_TIMEOUT);

    s.host[0].closed = 0;
    to = (net_addr){.family = 4, .ip = {192, 0, 2, 1}, .port = 7117};
    T_OK(net_dial(s.host[0].net, &to, &events, &s.host[0], &s.host[0].t));
    run_ms(&s, 10000);
    T_EQ(s.host[0].reason, WR_ERR_TIMEOUT);
    T_EQ(s.host[0].opened, 0);
    teardown(&s);
}

static void a_dial_that_is_closed_early_leaves_nothing(void **state) {
    (void)state;
    for (uint64_t wait_ms = 0; wait_ms < 120; wait_ms += 10) {
        scene s;
        setup(&s, 6);
        slow_down(&s, 30, 100);
        dial(&s);
        run_ms(&s, wait_ms);
        if (s.host[0].opened == 0) {
            transport_close(s.host[0].t);
            run_ms(&s, 1000);
            T_EQ(s.host[0].opened, 0);
            T_EQ(s.host[0].closed, 1);
            T_TRUE(s.host[1].t == NULL); /* never came, or was reset */
        }
        teardown(&s);
    }
}

static void a_listener_may_refuse(void **state) {
    (void)state;
    scene s;
    setup(&s, 7);
    s.refuse = true;
    dial(&s);
    run_ms(&s, 1000);
    T_EQ(s.host[0].opened, 1);
    T_EQ(s.host[0].closed, 1);
    T_EQ(s.host[0].reason, WR_OK);
    teardown(&s);
}

static void a_short_cut_delays_and_a_long_one_ends_a_connection(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        bool one_way = seed % 2 == 0;
        scene s;
        setup(&s, seed);
        connect_both(&s);
        net_sim_path_of(s.net, 0, 1)->cut = true;
        net_sim_path_of(s.net, 1, 0)->cut = !one_way;
        send_up_to(&s.host[0], 1000);
        run_ms(&s, 5000);
        T_EQ(s.host[1].received, 0);
        T_EQ(s.host[0].closed, 0);
        net_sim_path_of(s.net, 0, 1)->cut = net_sim_path_of(s.net, 1, 0)->cut = false;
        run_ms(&s, 2000);
        T_EQ(s.host[1].received, 1000);

        net_sim_path_of(s.net, 0, 1)->cut = true;
        send_up_to(&s.host[0], 2000);
        run_ms(&s, 70000);
        T_EQ(s.host[0].closed, 1);
        T_EQ(s.host[0].reason, WR_ERR_IO);
        T_EQ(s.host[1].closed, 0); /* it has nothing to send, so it does not know */
        send_up_to(&s.host[1], 10);
        run_ms(&s, 70000);
        T_EQ(s.host[1].reason, WR_ERR_IO);
        teardown(&s);
    }
}

static void bytes_against_a_one_way_cut_arrive_and_are_not_acknowledged(void **state) {
    (void)state;
    scene s;
    setup(&s, 8);
    connect_both(&s);
    net_sim_path_of(s.net, 1, 0)->cut = true;
    send_up_to(&s.host[0], 500);
    run_ms(&s, 1000);
    T_EQ(s.host[1].received, 500);
    run_ms(&s, 70000);
    T_EQ(s.host[0].reason, WR_ERR_IO);
    teardown(&s);
}

static void a_break_is_seen_by_both_or_first_by_one(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        scene s;
        setup(&s, seed);
        slow_down(&s, 20, 10);
        connect_both(&s);
        send_up_to(&s.host[0], 1000);
        T_EQ(net_sim_break_all(s.net, 1, 0, NET_SIM_BREAK_BOTH), 1);
        run_ms(&s, 500);
        T_EQ(s.host[0].closed + s.host[1].closed, 2);
        T_EQ(s.host[0].reason, WR_ERR_IO);
        T_EQ(s.host[1].reason, WR_ERR_IO);
        T_EQ(s.host[1].received, 0);
        teardown(&s);

        setup(&s, seed);
        connect_both(&s);
        T_EQ(net_sim_break_all(s.net, 0, 1, NET_SIM_BREAK_ONE), 1);
        run_ms(&s, 200000);
        T_EQ(s.host[0].closed + s.host[1].closed, 1);
        side *left = s.host[0].closed ? &s.host[1] : &s.host[0];
        send_up_to(left, 10);
        run_ms(&s, 500);
        T_EQ(left->closed, 1);
        T_EQ(left->reason, WR_ERR_IO);
        teardown(&s);
    }
}

static void a_process_that_dies_is_reset_or_falls_silent(void **state) {
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        scene s;
        setup(&s, 9);
        connect_both(&s);
        net_sim_kill(s.host[1].net, silent == 1);
        T_EQ(transport_space(s.host[1].t).cap, 0);
        run_ms(&s, 1000);
        T_EQ(s.host[0].closed, silent == 1 ? 0 : 1);
        T_EQ(s.host[1].closed, 0); /* nobody tells the dead */
        if (silent == 1) {
            send_up_to(&s.host[0], 10); /* the host is there again, the process is not */
            run_ms(&s, 1000);
            T_EQ(s.host[0].closed, 1);
        }
        T_EQ(s.host[0].reason, WR_ERR_IO);
        dial(&s);
        s.host[0].closed = 0;
        run_ms(&s, 1000);
        T_EQ(s.host[0].closed, 1);
        teardown(&s);
    }
}

static void local_addresses_are_those_we_listen_at(void **state) {
    (void)state;
    scene s;
    net_addr out[4], want = net_sim_addr(1);
    setup(&s, 10);
    T_EQ(net_local_addrs(s.host[1].net, out, WR_COUNT(out)), 1);
    T_TRUE(net_addr_equal(&out[0], &want));
    T_EQ(net_local_addrs(s.host[1].net, out, 0), 0);
    teardown(&s);
}

/* ---- multicast ------------------------------------------------------------------------------ */

typedef struct listener {
    uint32_t heard;
    net_addr from;
} listener;

static void hear(void *ctx, wr_slice packet, const net_multicast_place *place) {
    listener *l = (listener *)ctx;
    T_EQ(packet.len, NET_MULTICAST_BYTES);
    T_EQ(packet.ptr[0], 0xbe);
    T_EQ(place->tcp_port, 0);
    l->from = place->sender;
    l->heard++;
}

static bool make(void *ctx, const net_multicast_place *place, uint8_t out[NET_MULTICAST_BYTES]) {
    (void)ctx;
    T_EQ(place->tcp_port, NET_SIM_PORT);
    memset(out, 0xbe, NET_MULTICAST_BYTES);
    return true;
}

static void packets_reach_all_hosts_mostly_and_end_with_the_close(void **state) {
    (void)state;
    scene s;
    listener heard[2] = {{0}};
    net_multicast *m[2];
    setup(&s, 11);
    for (int i = 0; i < 2; i++) {
        net_multicast_config config = {NET_MULTICAST_PORT, NET_MULTICAST_LINKS, hear, &heard[i]};
        T_OK(net_multicast_open(s.host[i].net, &config, &m[i]));
    }
    for (int i = 0; i < 100; i++) {
        T_EQ(net_multicast_send(m[0], make, NULL), 1);
        run_ms(&s, 100);
    }
    for (int i = 0; i < 2; i++) { /* also itself; lost and doubled ones are few */
        net_addr from = net_sim_addr(0);
        from.port = 0;
        T_TRUE(heard[i].heard > 70);
        T_TRUE(heard[i].heard < 115);
        T_TRUE(net_addr_equal(&heard[i].from, &from));
    }
    uint32_t before = heard[1].heard;
    net_sim_path_of(s.net, 0, 1)->cut = true;
    (void)net_multicast_send(m[0], make, NULL);
    run_ms(&s, 100);
    T_EQ(heard[1].heard, before);
    net_sim_path_of(s.net, 0, 1)->cut = false;
    (void)net_multicast_send(m[0], make, NULL);
    net_multicast_close(m[1]); /* while it is on its way */
    run_ms(&s, 100);
    T_EQ(heard[1].heard, before);
    net_multicast_close(m[0]);
    net_multicast_close(NULL);
    teardown(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_in_order_in_pieces_both_ways),
        cmocka_unit_test(room_is_limited_until_bytes_are_acknowledged),
        cmocka_unit_test(a_rate_is_kept),
        cmocka_unit_test(a_paused_reader_gets_nothing_and_all_of_it_later),
        cmocka_unit_test(closing_in_order_is_heard_after_the_last_byte),
        cmocka_unit_test(closing_with_bytes_unread_resets_the_other_end),
        cmocka_unit_test(nobody_listening_refuses_and_no_host_is_a_timeout),
        cmocka_unit_test(a_dial_that_is_closed_early_leaves_nothing),
        cmocka_unit_test(a_listener_may_refuse),
        cmocka_unit_test(a_short_cut_delays_and_a_long_one_ends_a_connection),
        cmocka_unit_test(bytes_against_a_one_way_cut_arrive_and_are_not_acknowledged),
        cmocka_unit_test(a_break_is_seen_by_both_or_first_by_one),
        cmocka_unit_test(a_process_that_dies_is_reset_or_falls_silent),
        cmocka_unit_test(local_addresses_are_those_we_listen_at),
        cmocka_unit_test(packets_reach_all_hosts_mostly_and_end_with_the_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
