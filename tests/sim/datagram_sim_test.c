/* Simulated packets arrive, get lost, come twice and overtake each other as their path says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "sim/datagram_sim.h"
#include "sim/loop_sim.h"

#define HOSTS 3u
#define PORT 3478u
#define PACKETS 1000u

typedef struct peer {
    loop *l;
    net *net;
    net_sim_socket *socket;
    bool in_call;
    uint32_t heard, doubled, overtaken, last;
    uint64_t bytes, last_ms;
    sim_clock *clock;
    net_addr from;
    bool seen[PACKETS];
} peer;

typedef struct scene {
    trace trace;
    sim_clock *clock;
    net_sim *net;
    peer peers[HOSTS];
} scene;

static void on_packet(void *ctx, const net_addr *from, wr_slice bytes) {
    peer *p = (peer *)ctx;
    T_FALSE(p->in_call);
    T_TRUE(bytes.len >= 4);
    for (size_t i = 4; i < bytes.len; i++)
        T_EQ(bytes.ptr[i], (uint8_t)i);
    uint32_t number = wr_load_u32(bytes.ptr);
    T_TRUE(number < PACKETS);
    p->doubled += p->seen[number];
    p->overtaken += number < p->last;
    p->seen[number] = true;
    p->last = number;
    p->heard++;
    p->bytes += bytes.len;
    p->from = *from;
    p->last_ms = sim_clock_now(p->clock);
}

static void setup(scene *s, uint64_t seed) {
    *s = (scene){0};
    trace_init(&s->trace, seed, false);
    s->clock = sim_clock_new(&s->trace);
    s->net = net_sim_new(s->clock, seed, HOSTS);
    for (uint32_t i = 0; i < HOSTS; i++) {
        loop_sim_config config = {.clock = s->clock, .device = i};
        peer *p = &s->peers[i];
        p->clock = s->clock;
        T_OK(loop_sim_open(&config, &p->l));
        T_OK(net_sim_open(s->net, i, p->l, &p->net));
        T_OK(net_sim_socket_open(p->net, PORT, on_packet, p, &p->socket));
    }
}

static void run_ms(const scene *s, uint64_t ms) {
    uint64_t until = sim_clock_now(s->clock) + ms;
    while (sim_clock_step(s->clock, until))
        T_TRUE(sim_clock_at_once(s->clock) < 10000);
}

static void teardown(scene *s) {
    for (uint32_t i = 0; i < HOSTS; i++) {
        net_sim_socket_close(s->peers[i].socket);
        net_close(s->peers[i].net);
        loop_close(s->peers[i].l);
    }
    net_sim_free(s->net); /* with what is still on its way */
    sim_clock_free(s->clock);
}

static net_addr socket_at(uint32_t host) {
    net_addr addr = net_sim_addr(host);
    addr.port = PORT;
    return addr;
}

static void send(scene *s, uint32_t number, size_t len) {
    uint8_t bytes[NET_SIM_DATAGRAM_BYTES];
    net_addr to = socket_at(1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)i;
    wr_store_u32(bytes, number);
    s->peers[1].in_call = true;
    net_sim_socket_send(s->peers[0].socket, &to, wr_slice_of(bytes, len));
    s->peers[1].in_call = false;
}

static void send_all(scene *s, uint32_t gap_ms) {
    for (uint32_t i = 0; i < PACKETS; i++) {
        send(s, i, 100);
        run_ms(s, gap_ms);
    }
    run_ms(s, 60000);
}

static net_sim_path *path_of(const scene *s) {
    return net_sim_path_of(s->net, 0, 1);
}

static void a_packet_arrives_whole_after_the_latency(void **state) {
    (void)state;
    scene s;
    net_addr want = socket_at(0);
    setup(&s, 1);
    *path_of(&s) = (net_sim_path){.latency_ms = 40, .bytes_per_ms = 100};
    send(&s, 7, NET_SIM_DATAGRAM_BYTES);
    run_ms(&s, 40 + 13);
    T_EQ(s.peers[1].heard, 0); /* its bytes take 14 ms */
    run_ms(&s, 1);
    T_EQ(s.peers[1].heard, 1);
    T_EQ(s.peers[1].bytes, NET_SIM_DATAGRAM_BYTES);
    T_EQ(s.peers[1].last, 7);
    T_TRUE(net_addr_equal(&s.peers[1].from, &want));
    T_EQ(s.peers[2].heard, 0);
    T_EQ(net_sim_bytes(s.net), NET_SIM_DATAGRAM_BYTES);
    teardown(&s);
}

static void without_faults_all_arrive_once_in_order_despite_jitter(void **state) {
    (void)state;
    scene s;
    setup(&s, 2);
    *path_of(&s) = (net_sim_path){.latency_ms = 10, .jitter_ms = 50, .bytes_per_ms = 1000};
    send_all(&s, 3);
    T_EQ(s.peers[1].heard, PACKETS);
    T_EQ(s.peers[1].doubled, 0);
    T_EQ(s.peers[1].overtaken, 0);
    teardown(&s);
}

/* Within five standard deviations of the mean. */
static void about(uint32_t count, uint32_t per_mille) {
    T_TRUE(count > per_mille * PACKETS / 1000 - 70);
    T_TRUE(count < per_mille * PACKETS / 1000 + 70);
}

static void loss_is_as_often_as_the_path_says(void **state) {
    (void)state;
    scene s;
    setup(&s, 3);
    *path_of(&s) = (net_sim_path){.bytes_per_ms = 1000, .lost = 300};
    send_all(&s, 1);
    about(s.peers[1].heard, 700);
    T_EQ(s.peers[1].doubled + s.peers[1].overtaken, 0);
    path_of(&s)->lost = 1000;
    send(&s, 0, 100);
    uint32_t before = s.peers[1].heard;
    run_ms(&s, 1000);
    T_EQ(s.peers[1].heard, before);
    teardown(&s);
}

static void doubling_is_as_often_as_the_path_says(void **state) {
    (void)state;
    scene s;
    setup(&s, 4);
    *path_of(&s) = (net_sim_path){.bytes_per_ms = 1000, .doubled = 200};
    send_all(&s, 1);
    about(s.peers[1].doubled, 200);
    T_EQ(s.peers[1].heard, PACKETS + s.peers[1].doubled);
    teardown(&s);
}

static void late_ones_are_overtaken_and_no_others(void **state) {
    (void)state;
    scene s;
    setup(&s, 5);
    *path_of(&s) = (net_sim_path){.bytes_per_ms = 1000, .late = 200};
    send_all(&s, 1);
    T_EQ(s.peers[1].heard, PACKETS);
    about(s.peers[1].overtaken, 200);
    teardown(&s);
}

static void a_rate_is_kept_and_a_full_queue_drops_the_tail(void **state) {
    (void)state;
    scene s;
    setup(&s, 6);
    *path_of(&s) = (net_sim_path){.bytes_per_ms = 10, .queue_bytes = 1000};
    for (uint32_t i = 0; i < 30; i++)
        send(&s, i, 100);
    run_ms(&s, 99);
    T_EQ(s.peers[1].heard, 9);
    run_ms(&s, 10000);
    T_EQ(s.peers[1].heard, 10); /* the first ones */
    T_EQ(s.peers[1].last, 9);
    T_EQ(s.peers[1].last_ms, 100);
    send(&s, 11, 100); /* there is room again */
    run_ms(&s, 10);
    T_EQ(s.peers[1].heard, 11);

    path_of(&s)->queue_bytes = 0;
    uint64_t start_ms = sim_clock_now(s.clock);
    for (uint32_t i = 0; i < 500; i++)
        send(&s, 20 + i, 100);
    run_ms(&s, 10000);
    T_EQ(s.peers[1].heard, 511);
    T_EQ(s.peers[1].last_ms - start_ms, 5000);
    teardown(&s);
}

static void a_cut_loses_what_is_sent_and_what_is_under_way(void **state) {
    (void)state;
    scene s;
    setup(&s, 7);
    path_of(&s)->latency_ms = 50;
    send(&s, 0, 100);
    run_ms(&s, 10);
    path_of(&s)->cut = true;
    run_ms(&s, 100);
    T_EQ(s.peers[1].heard, 0);
    send(&s, 1, 100);
    run_ms(&s, 10);
    path_of(&s)->cut = false;
    run_ms(&s, 100);
    T_EQ(s.peers[1].heard, 0); /* nobody sends it again */
    net_sim_plug(s.net, 1, false);
    send(&s, 2, 100);
    net_sim_plug(s.net, 1, true);
    run_ms(&s, 100);
    T_EQ(s.peers[1].heard, 0);
    send(&s, 3, 100);
    run_ms(&s, 100);
    T_EQ(s.peers[1].heard, 1);
    teardown(&s);
}

static void sockets_come_and_go_and_die_with_their_process(void **state) {
    (void)state;
    scene s;
    net_sim_socket *other = NULL, *any[2];
    setup(&s, 8);
    T_ERR(net_sim_socket_open(s.peers[1].net, PORT, on_packet, &s.peers[1], &other), WR_ERR_BUSY);
    for (int i = 0; i < 2; i++)
        T_OK(net_sim_socket_open(s.peers[1].net, 0, on_packet, &s.peers[2], &any[i]));
    net_addr a = net_sim_socket_addr(any[0]), b = net_sim_socket_addr(any[1]);
    T_TRUE(a.port != 0);
    T_FALSE(net_addr_equal(&a, &b));
    net_sim_socket_send(s.peers[0].socket, &b, wr_slice_of((const uint8_t[4]){0}, 4));
    send(&s, 0, 100);
    net_sim_socket_close(s.peers[1].socket); /* while it is on its way */
    s.peers[1].socket = NULL;
    run_ms(&s, 100);
    T_EQ(s.peers[1].heard, 0);
    T_EQ(s.peers[2].heard, 1);
    T_OK(net_sim_socket_open(s.peers[1].net, PORT, on_packet, &s.peers[1], &s.peers[1].socket));
    send(&s, 0, 100);
    net_sim_kill(s.peers[1].net, true);
    run_ms(&s, 100);
    T_EQ(s.peers[1].heard, 0);
    a = socket_at(0);
    net_sim_socket_send(s.peers[1].socket, &a, wr_slice_of((const uint8_t[4]){0}, 4));
    run_ms(&s, 100);
    T_EQ(s.peers[0].heard, 0);
    net_sim_socket_close(any[0]);
    net_sim_socket_close(any[1]);
    net_sim_socket_close(NULL);
    teardown(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_arrives_whole_after_the_latency),
        cmocka_unit_test(without_faults_all_arrive_once_in_order_despite_jitter),
        cmocka_unit_test(loss_is_as_often_as_the_path_says),
        cmocka_unit_test(doubling_is_as_often_as_the_path_says),
        cmocka_unit_test(late_ones_are_overtaken_and_no_others),
        cmocka_unit_test(a_rate_is_kept_and_a_full_queue_drops_the_tail),
        cmocka_unit_test(a_cut_loses_what_is_sent_and_what_is_under_way),
        cmocka_unit_test(sockets_come_and_go_and_die_with_their_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
