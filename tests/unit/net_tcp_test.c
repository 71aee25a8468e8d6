/* Two ends of TCP in one loop: bytes, back-pressure, ends, modes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"
#include "net/transport.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Every wait ends here at the latest; reaching it fails the test. */
#define GIVE_UP_MS 20000u

struct scene;

typedef struct side {
    struct scene *scene;
    transport *t;
    bool open;
    int closed;
    wr_err reason;
    uint64_t got, sent, to_send;
    int writable;
    bool owed;         /* transport_space gave none */
    uint64_t pause_at; /* stop reading after so many bytes, until resumed; 0: never */
    bool close_at_end; /* close when all is sent */
} side;

typedef struct scene {
    loop *l;
    net *n;
    loop_timer *give_up, *resume;
    side dialled, accepted;
    uint16_t port;
    int ends; /* closed callbacks until the loop stops */
    uint8_t head[64];
    bool in_call;
} scene;

static uint8_t pattern(uint64_t at) {
    return (uint8_t)(at * 31 + at / 251);
}

static void pump(side *s) {
    while (s->sent < s->to_send) {
        s->scene->in_call = true;
        wr_buf room = transport_space(s->t);
        s->scene->in_call = false;
        if (room.cap == 0) {
            s->owed = true;
            return;
        }
        while (room.len < room.cap && s->sent < s->to_send)
            room.ptr[room.len++] = pattern(s->sent++);
        s->scene->in_call = true;
        transport_flush(s->t, room.len);
        s->scene->in_call = false;
    }
    if (s->close_at_end)
        transport_close(s->t);
    s->close_at_end = false;
}

static void opened(void *ctx) {
    side *s = (side *)ctx;
    T_FALSE(s->scene->in_call);
    s->open = true;
    pump(s);
}

static void came(void *ctx, wr_slice bytes) {
    side *s = (side *)ctx;
    T_FALSE(s->scene->in_call);
    T_EQ(s->closed, 0);
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.ptr[i] != pattern(s->got + i))
            fail_msg("byte %llu differs", (unsigned long long)(s->got + i));
    bool was_before = s->got < s->pause_at;
    s->got += bytes.len;
    if (was_before && s->got >= s->pause_at) {
        transport_pause(s->t, true);
        loop_timer_set(s->scene->resume, wr_mono_add(loop_now(s->scene->l).mono, 30));
    }
}

static void room_again(void *ctx) {
    side *s = (side *)ctx;
    T_FALSE(s->scene->in_call);
    T_TRUE(s->owed);
    s->owed = false;
    s->writable++;
    pump(s);
}

static void ended(void *ctx, wr_err reason) {
    side *s = (side *)ctx;
    T_FALSE(s->scene->in_call);
    s->closed++;
    s->reason = reason;
    s->t = NULL;
    if (--s->scene->ends == 0)
        loop_stop(s->scene->l);
}

static const transport_events events = {opened, came, room_again, ended};

static void accepted(void *ctx, transport *incoming) {
    scene *s = (scene *)ctx;
    T_TRUE(s->accepted.t == NULL);
    s->accepted.t = incoming;
    transport_attach(incoming, &events, &s->accepted);
    pump(&s->accepted);
}

static void too_late(void *ctx) {
    (void)ctx;
    fail_msg("nothing happened for %u ms", GIVE_UP_MS);
}

static void resume(void *ctx) {
    scene *s = (scene *)ctx;
    T_TRUE(s->accepted.got < s->dialled.to_send);
    transport_pause(s->accepted.t, false);
}

static net_addr parsed(const char *text) {
    net_addr addr = {0};
    T_OK(net_addr_parse(wr_slice_str(text), &addr));
    return addr;
}

static void setup(scene *s, net_mode mode) {
    *s = (scene){.ends = 2};
    s->dialled.scene = s->accepted.scene = s;
    T_OK(loop_open(&s->l));
    T_OK(net_open(s->l, mode, &s->n));
    T_OK(loop_timer_new(s->l, too_late, s, &s->give_up));
    T_OK(loop_timer_new(s->l, resume, s, &s->resume));
    loop_timer_set(s->give_up, wr_mono_add(loop_now(s->l).mono, GIVE_UP_MS));
}

static void teardown(scene *s) {
    net_close(s->n);
    loop_timer_free(s->give_up);
    loop_timer_free(s->resume);
    loop_close(s->l);
}

static void connect_both(scene *s, const char *listen_at, const char *dial_ip) {
    net_addr at = parsed(listen_at), to = parsed(dial_ip);
    T_OK(net_listen(s->n, &at, accepted, s, &s->port));
    to.port = s->port;
    T_OK(net_dial(s->n, &to, &events, &s->dialled, &s->dialled.t));
}

static void check_exchange(const char *listen_at, const char *dial_ip, net_mode mode) {
    scene s;
    setup(&s, mode);
    s.dialled.to_send = 1000;
    s.accepted.to_send = 500;
    s.dialled.close_at_end = false;
    connect_both(&s, listen_at, dial_ip);
    /* The accepted side has said all it will; the dialling side closes when it has heard it. */
    s.accepted.close_at_end = true;
    T_OK(loop_run(s.l));
    T_TRUE(s.dialled.open);
    T_EQ(s.dialled.got, 500);
    T_EQ(s.dialled.closed, 1);
    T_EQ(s.accepted.closed, 1);
    T_EQ(s.accepted.reason, WR_OK);
    teardown(&s);
}

static void bytes_go_both_ways_on_v4_and_v6(void **state) {
    (void)state;
    check_exchange("127.0.0.1:0", "127.0.0.1:0", NET_FULL);
    check_exchange("0.0.0.0:0", "127.0.0.1:0", NET_FULL);
    check_exchange("[::1]:0", "[::1]:0", NET_FULL);
    check_exchange("[::]:0", "[::1]:0", NET_FULL);
}

static void the_local_links_are_reachable_in_lan_only(void **state) {
    (void)state;
    check_exchange("127.0.0.1:0", "127.0.0.1:0", NET_LAN_ONLY);
    check_exchange("[::1]:0", "[::1]:0", NET_LAN_ONLY);
}

static void both_families_share_a_port(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    net_addr v4 = parsed("0.0.0.0:0"), v6 = parsed("[::]:0");
    uint16_t port = 0;
    T_OK(net_listen(s.n, &v4, accepted, &s, &port));
    v6.port = port;
    T_OK(net_listen(s.n, &v6, accepted, &s, &port));
    T_EQ(port, v6.port);
    teardown(&s);
}

static void much_is_carried_through_pauses_and_full_queues(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    s.dialled.to_send = 24u * 1024 * 1024;
    s.dialled.close_at_end = false;
    s.accepted.pause_at = 100000;
    connect_both(&s, "127.0.0.1:0", "127.0.0.1:0");
    s.ends = 2;
    /* The reader closes when it has everything: see the turn. */
    while (s.accepted.got < s.dialled.to_send) {
        loop_timer_set(s.give_up, wr_mono_add(loop_now(s.l).mono, GIVE_UP_MS));
        loop_timer *look = NULL;
        T_OK(loop_timer_new(s.l, (loop_fn)loop_stop, s.l, &look));
        loop_timer_set(look, wr_mono_add(loop_now(s.l).mono, 5));
        T_OK(loop_run(s.l));
        loop_timer_free(look);
    }
    T_EQ(s.accepted.got, s.dialled.to_send);
    T_TRUE(s.dialled.writable > 0);
    net_addr remote = transport_remote(s.dialled.t), local = transport_local(s.accepted.t);
    T_TRUE(net_addr_equal(&remote, &local));
    T_EQ(remote.port, s.port);
    transport_close(s.accepted.t);
    transport_close(s.accepted.t); /* twice is once */
    T_OK(loop_run(s.l));
    T_EQ(s.accepted.closed, 1);
    T_EQ(s.dialled.closed, 1);
    T_EQ(s.dialled.reason, WR_OK);
    teardown(&s);
}

static void an_unread_peer_is_owed_a_bounded_queue(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    connect_both(&s, "127.0.0.1:0", "127.0.0.1:0");
    s.accepted.pause_at = 1;
    s.dialled.to_send = 64u * 1024 * 1024;
    loop_timer_set(s.resume, WR_MONO_NEVER);
    loop_timer *look = NULL;
    T_OK(loop_timer_new(s.l, (loop_fn)loop_stop, s.l, &look));
    loop_timer_set(look, wr_mono_add(loop_now(s.l).mono, 20));
    T_OK(loop_run(s.l));
    loop_timer_free(look);
    /* What the system buffers, and 256 KiB of ours. */
    T_TRUE(s.dialled.sent < s.dialled.to_send);
    T_EQ(transport_space(s.dialled.t).cap, 0);
    transport_close(s.dialled.t); /* with a full queue: everything is given back */
    transport_close(s.accepted.t);
    T_OK(loop_run(s.l));
    teardown(&s);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void a_refused_connection_is_reported_once(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    s.ends = 1;
    /* A port that is bound but not listening. */
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof sin;
    T_EQ(bind(fd, (struct sockaddr *)&sin, sizeof sin), 0);
    T_EQ(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    net_addr to = parsed("127.0.0.1:1");
    to.port = ntohs(sin.sin_port);
    T_OK(net_dial(s.n, &to, &events, &s.dialled, &s.dialled.t));
    T_EQ(transport_space(s.dialled.t).cap, 0);
    T_OK(loop_run(s.l));
    T_FALSE(s.dialled.open);
    T_EQ(s.dialled.closed, 1);
    T_EQ(s.dialled.reason, WR_ERR_IO);
    (void)close(fd);
    teardown(&s);
}

static void close_it(void *ctx, transport *incoming) {
    (void)ctx;
    transport_close(incoming);
}

static void a_dial_may_be_closed_at_once(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    s.ends = 1;
    net_addr at = parsed("127.0.0.1:0");
    T_OK(net_listen(s.n, &at, close_it, &s, &s.port));
    at.port = s.port;
    T_OK(net_dial(s.n, &at, &events, &s.dialled, &s.dialled.t));
    transport_close(s.dialled.t);
    T_EQ(s.dialled.closed, 0); /* never from within the call */
    T_OK(loop_run(s.l));
    T_EQ(s.dialled.closed, 1);
    T_EQ(s.dialled.reason, WR_OK);
    T_FALSE(s.dialled.open);
    teardown(&s);
}

static void an_accepted_connection_may_be_dropped(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    s.ends = 1;
    net_addr at = parsed("127.0.0.1:0");
    T_OK(net_listen(s.n, &at, close_it, &s, &s.port));
    at.port = s.port;
    T_OK(net_dial(s.n, &at, &events, &s.dialled, &s.dialled.t));
    T_OK(loop_run(s.l));
    T_EQ(s.dialled.closed, 1);
    teardown(&s);
}

static void a_taken_port_is_busy(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    net_addr at = parsed("127.0.0.1:0");
    uint16_t port = 0;
    T_OK(net_listen(s.n, &at, accepted, &s, &port));
    at.port = port;
    T_ERR(net_listen(s.n, &at, accepted, &s, &port), WR_ERR_BUSY);
    at = parsed("240.0.0.1:0"); /* nobody's */
    T_ERR(net_listen(s.n, &at, accepted, &s, &port), WR_ERR_IO);
    teardown(&s);
}

/* ---- modes ---- */

static void offline_refuses_everything(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_OFFLINE);
    net_addr at = parsed("127.0.0.1:0");
    T_ERR(net_listen(s.n, &at, accepted, &s, &s.port), WR_ERR_REFUSED);
    at.port = 9;
    T_ERR(net_dial(s.n, &at, &events, &s.dialled, &s.dialled.t), WR_ERR_REFUSED);
    teardown(&s);
}

static void lan_only_refuses_what_is_not_on_a_link(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_LAN_ONLY);
    static const char *const away[] = {"240.0.0.1:9", "[2001:db8::1]:9", "[::2]:9",
                                       "255.255.255.255:9"};
    for (size_t i = 0; i < WR_COUNT(away); i++) {
        net_addr to = parsed(away[i]);
        T_ERR(net_dial(s.n, &to, &events, &s.dialled, &s.dialled.t), WR_ERR_REFUSED);
    }
    teardown(&s);
}

static void local_addresses_have_our_ports_and_loopback_last(void **state) {
    (void)state;
    scene s;
    setup(&s, NET_FULL);
    net_addr list[32], at = parsed("0.0.0.0:0"), loopback = parsed("127.0.0.1:0");
    T_EQ(net_local_addrs(s.n, list, 32), 0);
    T_OK(net_listen(s.n, &at, accepted, &s, &s.port));
    size_t count = net_local_addrs(s.n, list, 32);
    T_TRUE(count > 0);
    loopback.port = s.port;
    T_TRUE(net_addr_equal(&list[count - 1], &loopback));
    bool seen_loopback = false;
    for (size_t i = 0; i < count; i++) {
        T_EQ(list[i].family, 4);
        T_EQ(list[i].port, s.port);
        T_TRUE(!seen_loopback || net_addr_is_loopback(&list[i]));
        seen_loopback = net_addr_is_loopback(&list[i]);
    }
    T_EQ(net_local_addrs(s.n, list, 1), 1);
    T_EQ(net_local_addrs(s.n, list, 0), 0);
    teardown(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways_on_v4_and_v6),
        cmocka_unit_test(the_local_links_are_reachable_in_lan_only),
        cmocka_unit_test(both_families_share_a_port),
        cmocka_unit_test(much_is_carried_through_pauses_and_full_queues),
        cmocka_unit_test(an_unread_peer_is_owed_a_bounded_queue),
        cmocka_unit_test(a_refused_connection_is_reported_once),
        cmocka_unit_test(a_dial_may_be_closed_at_once),
        cmocka_unit_test(an_accepted_connection_may_be_dropped),
        cmocka_unit_test(a_taken_port_is_busy),
        cmocka_unit_test(offline_refuses_everything),
        cmocka_unit_test(lan_only_refuses_what_is_not_on_a_link),
        cmocka_unit_test(local_addresses_have_our_ports_and_loopback_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
