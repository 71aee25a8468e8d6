/* Simulated NATs let in what such NATs let in, and forget what they forget.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "net/multicast.h"
#include "sim/datagram_sim.h"
#include "sim/loop_sim.h"
#include "sim/nat_sim.h"

/* Host 0 and 1 are servers on the internet, 2 and 3 at site 1, 4 and 5 at site 2. */
#define HOSTS 6u
#define INSIDE 2u
#define NEIGHBOUR 3u
#define OUTSIDE 4u
#define PORT 3478u
#define IDLE_MS 30000u
#define TCP_IDLE_MS 100000u

typedef struct host {
    loop *l;
    net *net;
    net_sim_socket *sockets[2]; /* at PORT, PORT + 1 */
    net_multicast *multicast;
    uint32_t heard, cast;
    net_addr from;
    transport *t;
    int opened, closed;
    wr_err reason;
    size_t received;
} host;

typedef struct scene {
    trace trace;
    sim_clock *clock;
    net_sim *net;
    host hosts[HOSTS];
} scene;

static void on_packet(void *ctx, const net_addr *from, wr_slice bytes) {
    host *h = (host *)ctx;
    T_EQ(bytes.len, 3);
    h->heard++;
    h->from = *from;
}

static void on_cast(void *ctx, wr_slice packet, const net_multicast_place *place) {
    (void)packet;
    (void)place;
    ((host *)ctx)->cast++;
}

static void on_open(void *ctx) {
    ((host *)ctx)->opened++;
}

static void on_read(void *ctx, wr_slice bytes) {
    ((host *)ctx)->received += bytes.len;
}

static void on_writable(void *ctx) {
    (void)ctx;
}

static void on_closed(void *ctx, wr_err reason) {
    host *h = (host *)ctx;
    h->closed++;
    h->reason = reason;
    h->t = NULL;
}

static const transport_events events = {on_open, on_read, on_writable, on_closed};

static void on_accept(void *ctx, transport *incoming) {
    host *h = (host *)ctx;
    h->t = incoming;
    transport_attach(incoming, &events, h);
}

static void open_host(scene *s, uint32_t i) {
    host *h = &s->hosts[i];
    uint16_t port = 0;
    loop_sim_config config = {.clock = s->clock, .device = i};
    net_addr listen = net_sim_local_addr(s->net, i);
    net_multicast_config cast = {NET_MULTICAST_PORT, NET_MULTICAST_LINKS, on_cast, h};
    T_OK(loop_sim_open(&config, &h->l));
    T_OK(net_sim_open(s->net, i, h->l, &h->net));
    T_OK(net_listen(h->net, &listen, on_accept, h, &port));
    T_OK(net_multicast_open(h->net, &cast, &h->multicast));
    for (uint16_t k = 0; k < 2; k++)
        T_OK(net_sim_socket_open(h->net, (uint16_t)(PORT + k), on_packet, h, &h->sockets[k]));
}

static void setup(scene *s, net_sim_nat nat, net_sim_nat other, bool resets) {
    *s = (scene){0};
    trace_init(&s->trace, 1, false);
    s->clock = sim_clock_new(&s->trace);
    s->net = net_sim_new(s->clock, 1, HOSTS);
    net_sim_set_site(s->net, 1, &(net_sim_site){nat, IDLE_MS, TCP_IDLE_MS, resets});
    net_sim_set_site(s->net, 2, &(net_sim_site){other, IDLE_MS, TCP_IDLE_MS, resets});
    for (uint32_t i = INSIDE; i < HOSTS; i++)
        net_sim_place(s->net, i, i / 2);
    for (uint32_t i = 0; i < HOSTS; i++)
        open_host(s, i);
}

static void run_ms(const scene *s, uint64_t ms) {
    uint64_t until = sim_clock_now(s->clock) + ms;
    while (sim_clock_step(s->clock, until))
        T_TRUE(sim_clock_at_once(s->clock) < 10000);
}

static void teardown(scene *s) {
    for (uint32_t i = 0; i < HOSTS; i++)
        if (s->hosts[i].t != NULL)
            transport_close(s->hosts[i].t);
    run_ms(s, 1000000);
    T_EQ(net_sim_connections(s->net), 0);
    for (uint32_t i = 0; i < HOSTS; i++) {
        net_multicast_close(s->hosts[i].multicast);
        for (int k = 0; k < 2; k++)
            net_sim_socket_close(s->hosts[i].sockets[k]);
        net_close(s->hosts[i].net);
        loop_close(s->hosts[i].l);
    }
    net_sim_free(s->net);
    sim_clock_free(s->clock);
}

/* ---- packets ------------------------------------------------------------------------------- */

static net_addr packets_at(const scene *s, uint32_t i) {
    net_addr addr = net_sim_local_addr(s->net, i);
    addr.port = PORT;
    return addr;
}

/* True if it arrived at that host. */
static bool reaches(scene *s, uint32_t from, int socket, net_addr addr, uint32_t to) {
    static const uint8_t bytes[3] = {1, 2, 3};
    uint32_t before = s->hosts[to].heard;
    net_sim_socket_send(s->hosts[from].sockets[socket], &addr, wr_slice_of(bytes, sizeof bytes));
    run_ms(s, 100);
    return s->hosts[to].heard > before;
}

/* How a server sees the socket of a host behind a NAT. */
static net_addr seen_by(scene *s, uint32_t from, uint32_t server) {
    T_TRUE(reaches(s, from, 0, packets_at(s, server), server));
    return s->hosts[server].from;
}

static void a_site_is_one_link_and_its_addresses_mean_nothing_outside(void **state) {
    (void)state;
    for (uint32_t nat = NET_SIM_FULL_CONE; nat < NET_SIM_NATS; nat++) {
        scene s;
        setup(&s, (net_sim_nat)nat, NET_SIM_FULL_CONE, false);
        net_addr in = packets_at(&s, INSIDE), out = packets_at(&s, OUTSIDE);
        T_TRUE(net_addr_equal(&in, &out)); /* as homes are all alike */
        T_TRUE(net_sim_is_near(s.net, INSIDE, NEIGHBOUR));
        T_FALSE(net_sim_is_near(s.net, INSIDE, OUTSIDE));
        T_TRUE(reaches(&s, NEIGHBOUR, 0, in, INSIDE));
        in = packets_at(&s, NEIGHBOUR);
        T_TRUE(net_addr_equal(&s.hosts[INSIDE].from, &in));
        T_EQ(s.hosts[OUTSIDE].heard, 0);
        T_FALSE(reaches(&s, 0, 0, in, NEIGHBOUR));
        T_FALSE(reaches(&s, INSIDE, 0, in, OUTSIDE + 1));
        teardown(&s);
    }
}

static void each_nat_lets_in_what_it_is_named_for(void **state) {
    (void)state;
    /* Whether one server, the same one from another port, and another server get in once the host
     * inside has sent something to the first. */
    static const struct {
        net_sim_nat nat;
        bool same, port, other;
    } cases[] = {{NET_SIM_FULL_CONE, true, true, true},
                 {NET_SIM_RESTRICTED, true, true, false},
                 {NET_SIM_PORT_RESTRICTED, true, false, false},
                 {NET_SIM_SYMMETRIC, true, false, false}};
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        scene s;
        setup(&s, cases[i].nat, NET_SIM_FULL_CONE, false);
        net_addr outer = seen_by(&s, INSIDE, 0), inner = packets_at(&s, INSIDE);
        T_FALSE(net_addr_equal(&outer, &inner));
        T_EQ(reaches(&s, 0, 0, outer, INSIDE), cases[i].same);
        T_EQ(reaches(&s, 0, 1, outer, INSIDE), cases[i].port);
        T_EQ(reaches(&s, 1, 0, outer, INSIDE), cases[i].other);
        T_FALSE(reaches(&s, NEIGHBOUR, 0, outer, INSIDE)); /* no hairpins */
        outer.port++;
        T_FALSE(reaches(&s, 0, 0, outer, INSIDE));
        teardown(&s);
    }
}

static void a_cone_has_one_outer_port_and_a_symmetric_nat_one_for_each_peer(void **state) {
    (void)state;
    for (uint32_t nat = NET_SIM_FULL_CONE; nat <= NET_SIM_SYMMETRIC; nat++) {
        scene s;
        setup(&s, (net_sim_nat)nat, NET_SIM_FULL_CONE, false);
        net_addr first = seen_by(&s, INSIDE, 0), second = seen_by(&s, INSIDE, 1);
        net_addr again = seen_by(&s, INSIDE, 0), near = seen_by(&s, NEIGHBOUR, 0);
        T_EQ(net_addr_equal(&first, &second), nat != NET_SIM_SYMMETRIC);
        T_TRUE(net_addr_equal(&first, &again));
        T_FALSE(net_addr_equal(&first, &near));
        near.port = first.port;
        T_TRUE(net_addr_equal(&first, &near)); /* one address for the site */
        teardown(&s);
    }
}

/* Both ends know of each other by a server, and send at the same time. */
static bool punches(net_sim_nat nat, net_sim_nat other) {
    scene s;
    setup(&s, nat, other, false);
    net_addr a = seen_by(&s, INSIDE, 0), b = seen_by(&s, OUTSIDE, 0);
    bool through = false;
    for (int i = 0; i < 3; i++) {
        through = reaches(&s, INSIDE, 0, b, OUTSIDE);
        b = through ? b : s.hosts[INSIDE].heard != 0 ? s.hosts[INSIDE].from : b;
        through = reaches(&s, OUTSIDE, 0, a, INSIDE) && through;
        a = s.hosts[OUTSIDE].heard != 0 ? s.hosts[OUTSIDE].from : a;
    }
    teardown(&s);
    return through;
}

static void holes_are_punched_through_all_but_two_hard_nats(void **state) {
    (void)state;
    for (uint32_t a = NET_SIM_FULL_CONE; a <= NET_SIM_SYMMETRIC; a++) {
        for (uint32_t b = NET_SIM_FULL_CONE; b <= NET_SIM_SYMMETRIC; b++) {
            bool hard = (a == NET_SIM_SYMMETRIC && b >= NET_SIM_PORT_RESTRICTED) ||
                        (b == NET_SIM_SYMMETRIC && a >= NET_SIM_PORT_RESTRICTED);
            T_EQ(punches((net_sim_nat)a, (net_sim_nat)b), !hard);
        }
    }
}

static void blocked_packets_pass_neither_way(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_SIM_UDP_BLOCKED, NET_SIM_FULL_CONE, false);
    net_addr outer = seen_by(&s, OUTSIDE, 0);
    T_FALSE(reaches(&s, INSIDE, 0, packets_at(&s, 0), 0));
    T_FALSE(reaches(&s, INSIDE, 0, outer, OUTSIDE));
    outer.ip[3] = 2; /* site 1 */
    for (uint16_t port = 20000; port < 20030; port++) {
        outer.port = port;
        T_FALSE(reaches(&s, 0, 0, outer, INSIDE));
    }
    teardown(&s);
}

static void a_port_is_forgotten_when_nothing_left_by_it(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_SIM_RESTRICTED, NET_SIM_OPEN, false);
    net_addr outer = seen_by(&s, INSIDE, 0);
    run_ms(&s, IDLE_MS - 1000);
    T_TRUE(reaches(&s, 0, 0, outer, INSIDE)); /* from outside: keeps nothing alive */
    net_addr again = seen_by(&s, INSIDE, 0);
    T_TRUE(net_addr_equal(&outer, &again));
    run_ms(&s, IDLE_MS - 1000);
    T_TRUE(reaches(&s, 0, 0, outer, INSIDE));
    run_ms(&s, 1000);
    T_FALSE(reaches(&s, 0, 0, outer, INSIDE));
    again = seen_by(&s, INSIDE, 0);
    T_FALSE(net_addr_equal(&outer, &again));
    T_TRUE(reaches(&s, 0, 0, again, INSIDE));
    T_EQ(net_sim_nat_restart(s.net, 2), 0);
    T_EQ(net_sim_nat_restart(s.net, 1), 1);
    T_FALSE(reaches(&s, 0, 0, again, INSIDE));
    teardown(&s);
}

static bool make(void *ctx, const net_multicast_place *place, uint8_t out[NET_MULTICAST_BYTES]) {
    const net_addr *want = (const net_addr *)ctx;
    net_addr sender = place->sender;
    sender.port = want->port;
    T_TRUE(net_addr_equal(&sender, want));
    memset(out, 0, NET_MULTICAST_BYTES);
    return true;
}

static void multicast_stays_in_its_site(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_SIM_FULL_CONE, NET_SIM_FULL_CONE, false);
    net_addr own = net_sim_local_addr(s.net, INSIDE);
    T_EQ(net_multicast_send(s.hosts[INSIDE].multicast, make, &own), 1);
    run_ms(&s, 100);
    for (uint32_t i = 0; i < HOSTS; i++)
        T_EQ(s.hosts[i].cast, i == INSIDE || i == NEIGHBOUR);
    teardown(&s);
}

/* ---- connections --------------------------------------------------------------------------- */

static void dial(scene *s, uint32_t from, net_addr addr) {
    host *h = &s->hosts[from];
    h->opened = h->closed = 0;
    T_OK(net_dial(h->net, &addr, &events, h, &h->t));
    run_ms(s, 20000);
}

/* Dials, and sends 10 bytes each way. */
static void expect_connection(scene *s, uint32_t from, uint32_t to) {
    net_addr addr;
    T_TRUE(net_sim_addr_from(s->net, from, to, &addr));
    dial(s, from, addr);
    T_EQ(s->hosts[from].opened, 1);
    const uint32_t ends[2] = {from, to};
    for (int i = 0; i < 2; i++) {
        size_t before = s->hosts[ends[1 - i]].received;
        wr_buf room = transport_space(s->hosts[ends[i]].t);
        memset(room.ptr, 0, 10);
        transport_flush(s->hosts[ends[i]].t, 10);
        run_ms(s, 1000);
        T_EQ(s->hosts[ends[1 - i]].received, before + 10);
    }
}

static void hang_up(scene *s, uint32_t from, uint32_t to) {
    transport_close(s->hosts[from].t);
    run_ms(s, 10000);
    T_TRUE(s->hosts[to].t == NULL);
}

static void hosts_behind_a_nat_dial_out_and_are_seen_as_the_nat(void **state) {
    (void)state;
    for (uint32_t nat = NET_SIM_FULL_CONE; nat < NET_SIM_NATS; nat++) {
        scene s;
        setup(&s, (net_sim_nat)nat, NET_SIM_FULL_CONE, false);
        expect_connection(&s, INSIDE, 0);
        net_addr seen = transport_remote(s.hosts[0].t), own = transport_local(s.hosts[INSIDE].t);
        net_addr inner = net_sim_local_addr(s.net, INSIDE), server = net_sim_addr(0);
        net_addr remote = transport_remote(s.hosts[INSIDE].t);
        inner.port = own.port;
        T_TRUE(net_addr_equal(&own, &inner));
        T_TRUE(net_addr_equal(&remote, &server));
        T_EQ(seen.ip[0], 198);
        T_EQ(seen.ip[3], 2);
        hang_up(&s, INSIDE, 0);
        expect_connection(&s, INSIDE, NEIGHBOUR);
        seen = transport_remote(s.hosts[NEIGHBOUR].t);
        inner.port = seen.port;
        T_TRUE(net_addr_equal(&seen, &inner));
        teardown(&s);
    }
}

static void only_a_full_cone_is_dialled_from_outside(void **state) {
    (void)state;
    for (uint32_t nat = NET_SIM_FULL_CONE; nat < NET_SIM_NATS; nat++) {
        scene s;
        net_addr addr;
        setup(&s, (net_sim_nat)nat, NET_SIM_SYMMETRIC, false);
        if (nat == NET_SIM_FULL_CONE) {
            net_addr listen = net_sim_local_addr(s.net, NEIGHBOUR);
            expect_connection(&s, 0, NEIGHBOUR);
            net_addr local = transport_local(s.hosts[NEIGHBOUR].t);
            T_TRUE(net_addr_equal(&local, &listen));
            hang_up(&s, 0, NEIGHBOUR);
            expect_connection(&s, OUTSIDE, INSIDE);
            hang_up(&s, OUTSIDE, INSIDE);
            T_TRUE(net_sim_addr_from(s.net, 0, INSIDE, &addr));
            dial(&s, NEIGHBOUR, addr); /* no hairpins */
            T_EQ(s.hosts[NEIGHBOUR].reason, WR_ERR_TIMEOUT);
        } else {
            T_FALSE(net_sim_addr_from(s.net, 0, INSIDE, &addr));
            addr = (net_addr){.family = 4, .ip = {198, 51, 100, 2}, .port = 7200 + INSIDE};
            dial(&s, 0, addr);
            T_EQ(s.hosts[0].opened, 0);
            T_EQ(s.hosts[0].reason, WR_ERR_TIMEOUT);
        }
        dial(&s, 0, net_sim_local_addr(s.net, INSIDE));
        T_EQ(s.hosts[0].reason, WR_ERR_TIMEOUT);
        teardown(&s);
    }
}

static void send_one(scene *s, uint32_t from) {
    wr_buf room = transport_space(s->hosts[from].t);
    room.ptr[0] = 0;
    transport_flush(s->hosts[from].t, 1);
}

static void a_connection_that_was_idle_too_long_is_lost_or_reset(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        bool resets = i % 2 == 1;
        uint32_t speaks = i / 2 == 0 ? 0 : INSIDE, hears = i / 2 == 0 ? INSIDE : 0;
        scene s;
        setup(&s, NET_SIM_SYMMETRIC, NET_SIM_OPEN, resets);
        expect_connection(&s, INSIDE, 0);
        for (int k = 0; k < 3; k++) { /* together longer than it lasts */
            run_ms(&s, TCP_IDLE_MS - 1000);
            send_one(&s, speaks);
            run_ms(&s, 100);
        }
        T_EQ(s.hosts[hears].received, 13);
        run_ms(&s, TCP_IDLE_MS + 1000);
        T_EQ(s.hosts[0].closed + s.hosts[INSIDE].closed, 0); /* nobody knows */
        send_one(&s, speaks);
        run_ms(&s, 1000);
        T_EQ(s.hosts[speaks].closed, resets);
        run_ms(&s, 100000);
        T_EQ(s.hosts[speaks].closed, 1);
        T_EQ(s.hosts[speaks].reason, WR_ERR_IO);
        T_EQ(s.hosts[hears].received, 13);
        T_EQ(s.hosts[hears].closed, 0);
        transport_close(s.hosts[hears].t); /* nor does this get anywhere */
        teardown(&s);
    }
}

static void a_nat_that_restarts_forgets_connections_of_its_site(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_SIM_SYMMETRIC, NET_SIM_SYMMETRIC, true);
    expect_connection(&s, INSIDE, 0);
    expect_connection(&s, OUTSIDE, 1);
    T_EQ(net_sim_nat_restart(s.net, 1), 1);
    T_EQ(net_sim_nat_restart(s.net, 1), 0);
    send_one(&s, 0);
    send_one(&s, 1);
    run_ms(&s, 1000);
    T_EQ(s.hosts[0].closed, 1);
    T_EQ(s.hosts[1].closed, 0);
    T_EQ(s.hosts[OUTSIDE].received, 11);
    teardown(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_site_is_one_link_and_its_addresses_mean_nothing_outside),
        cmocka_unit_test(each_nat_lets_in_what_it_is_named_for),
        cmocka_unit_test(a_cone_has_one_outer_port_and_a_symmetric_nat_one_for_each_peer),
        cmocka_unit_test(holes_are_punched_through_all_but_two_hard_nats),
        cmocka_unit_test(blocked_packets_pass_neither_way),
        cmocka_unit_test(a_port_is_forgotten_when_nothing_left_by_it),
        cmocka_unit_test(multicast_stays_in_its_site),
        cmocka_unit_test(hosts_behind_a_nat_dial_out_and_are_seen_as_the_nat),
        cmocka_unit_test(only_a_full_cone_is_dialled_from_outside),
        cmocka_unit_test(a_connection_that_was_idle_too_long_is_lost_or_reset),
        cmocka_unit_test(a_nat_that_restarts_forgets_connections_of_its_site),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
